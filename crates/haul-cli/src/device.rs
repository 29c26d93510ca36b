//! From `--device`, `--precision` and `--threads` to an engine.

use crate::arguments::{Engine, Precision, Solving};
use crate::outcome::{self, DeviceFailure};
use crate::report::plain;
use crate::{extent, input};
use anyhow::{Result, bail};
use haul::{CpuEngine, Device, Measure, Problem, Selection};
use std::path::Path;

/// The engine of a solve: the one that the arguments mean, in f64 where they leave that open and f32
/// has too few digits for the tolerance.
pub(crate) fn engine_for(solving: &Solving, problem: &Problem<'_>) -> Engine {
    let mut engine = solving.engine.clone();
    let floor = problem.precision_floor(haul::Precision::F32);
    let open_to_f64 =
        engine.precision.is_none() && matches!(engine.device.as_str(), "auto" | "cpu");
    if open_to_f64 && solving.settings.tolerance < floor {
        engine.precision = Some(Precision::F64);
        if !solving.quiet {
            let why = match floor < 1.0 {
                true => format!("may be off by {floor:.1e}"),
                false => "has no digit left".to_owned(),
            };
            outcome::warn(&format!(
                "f32 {why} at this ε, and the tolerance is {}: computing in f64 on the CPU",
                plain(solving.settings.tolerance)
            ));
        }
    }
    engine
}

/// The engine of a solve between two measures, which are refused by the names of their files.
pub(crate) fn engine_between(
    solving: &Solving,
    (a, source): (&Path, &Measure),
    (b, target): (&Path, &Measure),
) -> Result<Engine> {
    let settings = input::settings(&solving.settings);
    let problem = input::named(settings.problem(source, target), a, b)?;
    if !solving.quiet {
        let sides = [(a, source), (b, target)];
        for caution in extent::cautions(sides, problem.blur()) {
            outcome::warn(&caution);
        }
        caution_of_masses(&problem);
    }
    Ok(engine_for(solving, &problem))
}

/// Masses that are moved in part, and are not of the size of 1.
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

/// Where the arguments mean it to be computed.
pub(crate) enum Place<'e> {
    Cpu,
    /// The best GPU, else the CPU.
    Best,
    /// A GPU: the best, or that of a name.
    Gpu(Option<&'e str>),
}

/// Where the arguments mean it to be computed; refuses what no such place can do.
pub(crate) fn place(engine: &Engine) -> Result<Place<'_>> {
    let cpu_alone = engine.precision == Some(Precision::F64) || engine.threads.is_some();
    match engine.device.as_str() {
        "cpu" => Ok(Place::Cpu),
        // What only the CPU can do decides for it.
        "auto" if cpu_alone => Ok(Place::Cpu),
        "auto" => Ok(Place::Best),
        device if engine.threads.is_some() => {
            bail!("--threads is for the CPU engine; leave it out with --device {device}")
        }
        device if cpu_alone => bail!(DeviceFailure(format!(
            "--device {device} has no f64; use --device cpu with --precision f64"
        ))),
        "gpu" => Ok(Place::Gpu(None)),
        name => Ok(Place::Gpu(Some(name))),
    }
}

/// Opens the device that the arguments mean.
pub(crate) fn open(engine: &Engine) -> Result<Device> {
    match place(engine)? {
        Place::Cpu => cpu(engine),
        Place::Best => Ok(Device::auto()?),
        Place::Gpu(None) => Ok(Device::select(&Selection::Automatic)?),
        Place::Gpu(Some(name)) => Ok(Device::gpu(name)?),
    }
}

fn cpu(engine: &Engine) -> Result<Device> {
    Ok(
        match (engine.precision.unwrap_or(Precision::F32), engine.threads) {
            (Precision::F32, None) => Device::cpu(),
            (Precision::F64, None) => Device::cpu_f64(),
            (Precision::F32, Some(threads)) => {
                Device::Cpu(CpuEngine::with_threads(threads.into())?)
            }
            (Precision::F64, Some(threads)) => {
                Device::CpuF64(CpuEngine::with_threads(threads.into())?)
            }
        },
    )
}
