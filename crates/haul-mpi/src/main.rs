//! The `haul-mpi` program: haul over the ranks of MPI.

use haul_mpi::{Place, plan, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    haul_cli::begin();
    run(|place| {
        if std::env::args_os()
            .nth(1)
            .is_some_and(|word| word == "--plan")
        {
            return plan(&place);
        }
        let Place {
            ranks,
            threads,
            local,
            ..
        } = place;
        haul_cli::main_over(haul_cli::Share {
            ranks,
            threads,
            local,
        })
    })
}
