//! A rank that panics while the others wait for it: all of them end, as `.ci/mpi` checks.

use haul::{Device, Engine, Measure, Sinkhorn};
use std::process::ExitCode;

fn main() -> ExitCode {
    haul_mpi::run(|place| {
        let rank = place.ranks.rank();
        let solve = || {
            let line: Vec<f64> = (0..2000).map(|k| f64::from(k) / 2000.0).collect();
            let cloud = Measure::uniform(&line, 1)?;
            let device = Device::cpu().over(place.ranks.clone())?;
            let mut steps = 0;
            let observe = |_: &haul::Progress| {
                steps += 1;
                assert!(steps < 2 || rank != 1, "rank 1 panics");
                std::ops::ControlFlow::Continue(())
            };
            let solution = Sinkhorn::blur(0.01).solve_observed(&device, &cloud, &cloud, observe)?;
            Ok::<_, haul::Error>(solution.report().device == device.device())
        };
        match solve() {
            Ok(true) => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        }
    })
}
