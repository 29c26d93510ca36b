//! The `haul` program.

fn main() -> std::process::ExitCode {
    haul_cli::main()
}
