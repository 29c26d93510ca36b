//! From `--device`, `--precision` and `--threads` to an engine.

use crate::arguments::{Engine, Precision};
use crate::outcome::DeviceFailure;
use anyhow::{Result, bail};
use haul::{CpuEngine, Device, Selection};

/// Opens the device that the arguments mean.
pub(crate) fn open(engine: &Engine) -> Result<Device> {
    let cpu_alone = engine.precision == Precision::F64 || engine.threads.is_some();
    match engine.device.as_str() {
        "cpu" => cpu(engine),
        // What only the CPU can do decides for it.
        "auto" if cpu_alone => cpu(engine),
        "auto" => Ok(Device::auto()?),
        device => {
            if engine.threads.is_some() {
                bail!("--threads is for the CPU engine; leave it out with --device {device}");
            }
            if engine.precision == Precision::F64 {
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
    Ok(match (engine.precision, engine.threads) {
        (Precision::F32, None) => Device::cpu(),
        (Precision::F64, None) => Device::cpu_f64(),
        (Precision::F32, Some(threads)) => Device::Cpu(CpuEngine::with_threads(threads.into())?),
        (Precision::F64, Some(threads)) => Device::CpuF64(CpuEngine::with_threads(threads.into())?),
    })
}
