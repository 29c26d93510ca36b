//! The engine that `--device`, `--precision` and `--threads` select.

use crate::cautions;
use crate::input::{self, Cloud};
use crate::number::plain;
use crate::options::{self, Engine, Precision, Solving};
use crate::outcome::{self, DeviceFailure};
use anyhow::{Result, anyhow};
use haul::{
    Conflict, Device, DeviceChoice, Engine as _, InstructionSet, PrecisionChoice, Preference,
    Problem,
};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The engine of a solve to a tolerance: the one that the arguments select, with the precision that the problem needs
/// if they do not set it.
pub(crate) fn engine_for(
    engine: &Engine,
    problem: &Problem<'_>,
    tolerance: f64,
    quiet: bool,
) -> Engine {
    let mut engine = engine.clone();
    let chosen = choice(&engine).precision_for(problem, tolerance);
    if let PrecisionChoice::TooFewDigits { .. } = chosen {
        engine.precision = Some(Precision::F64);
        if !quiet {
            outcome::warn(&chosen.to_string());
        }
    }
    engine
}

/// The engine of a solve between two measures; errors name their files.
pub(crate) fn engine_between(
    solving: &Solving,
    files: [&Path; 2],
    clouds: &[Arc<Cloud>],
) -> Result<Engine> {
    let [source, target] = input::two(clouds)?.map(|cloud| &cloud.measure);
    let [a, b] = files;
    let sinkhorn = solving.settings.sinkhorn();
    let problem = options::named(sinkhorn.problem(source, target), a, b)?;
    if !solving.quiet {
        let sides = [(a, source), (b, target)];
        for caution in cautions::cautions(sides, problem.blur()) {
            outcome::warn(&caution);
        }
        caution_of_masses(&problem);
    }
    let tolerance = solving.settings.tolerance;
    Ok(engine_for(
        &solving.engine,
        &problem,
        tolerance,
        solving.quiet,
    ))
}

/// Warns if mass is moved in part and the masses are far from 1.
fn caution_of_masses(problem: &Problem<'_>) {
    let moved_in_part = problem.rho_a().is_finite() || problem.rho_b().is_finite();
    let (a, b) = (problem.source().mass(), problem.target().mass());
    let usual = 0.01..100.0;
    if moved_in_part && !usual.contains(&(a * b)) {
        outcome::warn(&format!(
            "the masses are {} and {}: how much of them is moved depends on their unit; --mass-unit {} makes the first one 1",
            plain(a),
            plain(b),
            plain(a)
        ));
    }
}

/// The number of this process among those of a run on this machine.
static PROCESS: AtomicUsize = AtomicUsize::new(0);

/// Makes this the process of this number on its machine, which has its own GPU.
pub(crate) fn be_process(number: usize) {
    PROCESS.store(number, Ordering::Relaxed);
}

/// The device that the arguments select.
pub(crate) fn choice(engine: &Engine) -> DeviceChoice {
    let process = PROCESS.load(Ordering::Relaxed);
    let mut choice = DeviceChoice::named(engine.device.as_str()).process(process);
    if let Some(precision) = engine.precision {
        choice = choice.precision(precision.into());
    }
    if let Some(threads) = engine.threads {
        choice = choice.threads(threads.into());
    }
    choice
}

/// What of a device decides about the last digits.
pub(crate) fn arithmetic(device: &Device) -> String {
    let sets = InstructionSet::available().map(InstructionSet::name);
    let on = match device {
        Device::Cpu(_) | Device::CpuF64(_) => sets.collect::<Vec<_>>().join(" "),
        other => other.device().to_owned(),
    };
    format!("{on} {}", device.precision().name())
}

/// Opens the device that the arguments select.
pub(crate) fn open(engine: &Engine) -> Result<Device> {
    choice(engine)
        .open()
        .map_err(|error| in_options(error, engine))
}

/// Whether the arguments select the CPU; refuses combinations that no device supports.
pub(crate) fn is_cpu(engine: &Engine) -> Result<bool> {
    match choice(engine).preference() {
        Ok(preference) => Ok(*preference == Preference::Cpu),
        Err(error) => Err(in_options(error, engine)),
    }
}

/// An error of a choice, with advice that names options.
fn in_options(error: haul::Error, engine: &Engine) -> anyhow::Error {
    let haul::Error::Device { source, .. } = &error else {
        return error.into();
    };
    let device = &engine.device;
    match source.downcast_ref() {
        Some(Conflict::Threads) => {
            anyhow!("--threads is for the CPU engine; leave it out with --device {device}")
        }
        Some(Conflict::Precision) => anyhow!(DeviceFailure(format!(
            "--device {device} has no f64; use --device cpu with --precision f64"
        ))),
        _ => error.into(),
    }
}
