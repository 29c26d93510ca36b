//! Devices, opened on first use, once in each process.

use crate::error::{self, Error};
use crate::run::Run;
use haul::{Available, CpuEngine, DeviceChoice, Engine, Precision, Preference, Problem};
use pyo3::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};

/// A choice of a device, and the engines that were opened for it.
///
/// The threads of an engine, and what a driver holds of a GPU, exist in the process that made them. In a forked child
/// the CPU gets new threads, and a GPU is an error.
#[pyclass(frozen, module = "haul._haul")]
pub(crate) struct Device {
    name: String,
    choice: DeviceChoice,
    precision: Option<Precision>,
    threads: usize,
    opened: Mutex<Opened>,
}

#[derive(Default)]
struct Opened {
    process: u32,
    /// The engine for f32: of a GPU, or of the CPU.
    single: Option<Arc<haul::Device>>,
    double: Option<Arc<haul::Device>>,
}

#[pymethods]
impl Device {
    #[new]
    #[pyo3(signature = (name, precision, threads))]
    fn new(name: &str, precision: Option<&str>, threads: Option<usize>) -> PyResult<Self> {
        let mut choice = DeviceChoice::named(name);
        let precision = precision.map(named).transpose()?;
        if let Some(precision) = precision {
            choice = choice.precision(precision);
        }
        if let Some(threads) = threads {
            choice = choice.threads(threads);
        }
        choice.preference().map_err(error::of)?;
        Ok(Self {
            name: name.to_owned(),
            choice,
            precision,
            threads: threads.unwrap_or(0),
            opened: Mutex::default(),
        })
    }

    /// The name that was asked for.
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    /// Opens the device and says what it is.
    fn describe(&self, py: Python<'_>) -> PyResult<(String, &'static str)> {
        let engine = self.open(py, Precision::F32)?;
        Ok((engine.device().to_owned(), engine.precision().name()))
    }
}

impl Device {
    /// The engine of a precision, opened if it is not yet.
    pub(crate) fn open(&self, py: Python<'_>, precision: Precision) -> PyResult<Arc<haul::Device>> {
        py.detach(|| self.opened(precision))
    }

    /// The engine for a problem to be solved to a tolerance, in the precision that was asked for or that it needs.
    pub(crate) fn open_for(
        &self,
        py: Python<'_>,
        problem: &Problem<'_>,
        tolerance: f64,
    ) -> PyResult<Arc<haul::Device>> {
        self.open(py, self.precision_for(problem, tolerance))
    }

    pub(crate) fn precision_for(&self, problem: &Problem<'_>, tolerance: f64) -> Precision {
        self.choice.precision_for(problem, tolerance).precision()
    }

    /// The precision that was asked for; else f32, or f64 if `fine` and no GPU was asked for.
    pub(crate) fn precision_or(&self, fine: bool) -> Precision {
        let free = matches!(self.name.as_str(), "auto" | "cpu");
        self.precision.unwrap_or(match fine && free {
            true => Precision::F64,
            false => Precision::F32,
        })
    }

    fn opened(&self, precision: Precision) -> PyResult<Arc<haul::Device>> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let process = std::process::id();
        if opened.process != process {
            let gpu = matches!(opened.single.as_deref(), Some(haul::Device::Gpu(_)));
            let before = std::mem::take(&mut *opened);
            // Their threads are not in this process, and to end them would wait for ever.
            std::mem::forget(before);
            if gpu {
                return Err(forked("the GPU was opened"));
            }
            opened.process = process;
        }
        let asked = self.choice.clone().precision(precision);
        let wide = match self.choice.preference().map_err(error::of)? {
            Preference::Auto | Preference::Cpu => precision == Precision::F64,
            _ => false,
        };
        let place = if wide {
            &mut opened.double
        } else {
            &mut opened.single
        };
        if let Some(engine) = place {
            return Ok(engine.clone());
        }
        let engine = match asked.preference().map_err(error::of)? {
            Preference::Cpu => self.on_cpu(precision)?,
            _ => match asked.open().map_err(error::of)? {
                haul::Device::Gpu(engine) => haul::Device::Gpu(engine),
                _ => self.on_cpu(precision)?,
            },
        };
        let engine = Arc::new(engine);
        *place = Some(engine.clone());
        Ok(engine)
    }

    /// An engine with threads of its own: those of rayon's global pool do not survive a fork, and cannot be made anew.
    fn on_cpu(&self, precision: Precision) -> PyResult<haul::Device> {
        on_cpu(precision, self.threads).map_err(error::of)
    }
}

/// An engine of the CPU with so many threads; 0 means one for each processor.
pub(crate) fn on_cpu(precision: Precision, threads: usize) -> haul::Result<haul::Device> {
    Ok(match precision {
        Precision::F32 => haul::Device::Cpu(CpuEngine::with_threads(threads)?),
        Precision::F64 => haul::Device::CpuF64(CpuEngine::with_threads(threads)?),
    })
}

/// The engine of a result, which only the process that made it can use.
pub(crate) struct Owner {
    process: u32,
    engine: Arc<haul::Device>,
}

impl Owner {
    pub(crate) fn new(engine: Arc<haul::Device>) -> Self {
        Self {
            process: std::process::id(),
            engine,
        }
    }

    /// A computation with the result.
    pub(crate) fn work<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce() -> haul::Result<T> + Send,
    ) -> PyResult<T> {
        if self.process != std::process::id() {
            return Err(forked("this result was computed"));
        }
        Run::on(&self.engine).work(py, work)
    }
}

/// The error of something that did not survive a fork.
fn forked(what: &str) -> PyErr {
    Error::new_err(format!(
        "{what} in the parent of this process, before a fork, and cannot be used here; compute in the child, or start \
         processes by spawn: multiprocessing.set_start_method(\"spawn\")"
    ))
}

/// The precision of a name.
fn named(word: &str) -> PyResult<Precision> {
    match word {
        "f32" | "float32" => Ok(Precision::F32),
        "f64" | "float64" => Ok(Precision::F64),
        other => Err(Error::new_err(format!(
            "precision is {other:?}; it must be \"f32\" or \"f64\""
        ))),
    }
}

/// The names of all devices of this machine, and whether `auto` chooses each.
#[pyfunction]
pub(crate) fn devices(py: Python<'_>) -> Vec<(String, bool)> {
    let name = |device: &Available| match &device.adapter {
        Some(adapter) => adapter.name.clone(),
        None => "cpu".to_owned(),
    };
    let devices = py.detach(Available::list);
    devices
        .iter()
        .map(|device| (name(device), device.chosen))
        .collect()
}
