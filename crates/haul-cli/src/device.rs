//! From `--device`, `--precision` and `--threads` to an engine.

use crate::arguments::{Engine, Precision, Solving};
use crate::outcome::{self, DeviceFailure};
use anyhow::{Result, bail};
use haul::{CpuEngine, Device, Problem, Selection};

/// The engine of a solve: the one that the arguments mean, in f64 where they leave that open and f32
/// has too few digits for the tolerance.
pub(crate) fn engine_for(solving: &Solving, problem: &Problem<'_>) -> Engine {
    let mut engine = solving.engine.clone();
    let floor = problem.precision_floor(haul::Precision::F32);
    let open_to_f64 =
        engine.precision.is_none() && matches!(engine.device.as_str(), "auto" | "cpu");
    if open_to_f64 && solving.tolerance < floor {
        engine.precision = Some(Precision::F64);
        if !solving.quiet {
            outcome::warn(&format!(
                "f32 may be off by {floor:.1e} at this ε, more than the tolerance of {:.1e}: computing in f64 on the CPU",
                solving.tolerance
            ));
        }
    }
    engine
}

/// Opens the device that the arguments mean.
pub(crate) fn open(engine: &Engine) -> Result<Device> {
    let cpu_alone = engine.precision == Some(Precision::F64) || engine.threads.is_some();
    match engine.device.as_str() {
        "cpu" => cpu(engine),
        // What only the CPU can do decides for it.
        "auto" if cpu_alone => cpu(engine),
        "auto" => Ok(Device::auto()?),
        device => {
            if engine.threads.is_some() {
                bail!("--threads is for the CPU engine; leave it out with --device {device}");
            }
            if engine.precision == Some(Precision::F64) {
                bail!(DeviceFailure(format!(
                    "--device {device} has no f64; use --device cpu with --precision f64"
                )));
            }
            let selection = match device {
                "gpu" => Selection::Automatic,
                name => Selection::Name(name.to_owned()),
            };
            Ok(Device::select(&selection)?)
        }
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
