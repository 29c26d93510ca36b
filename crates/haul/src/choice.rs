//! The choice of a device, by name, and of the precision that a problem needs.

use crate::{CpuEngine, Device, Error, Precision, Problem, Result, Selection};
use std::fmt;

/// The device to compute on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Preference {
    /// The best GPU, or the CPU where there is none.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The best GPU.
    Gpu,
    /// The adapter whose name or driver contains this; software adapters too.
    Adapter(String),
}

impl From<&str> for Preference {
    /// `auto`, `cpu` and `gpu` are those devices, everything else is part of the name of an adapter.
    fn from(word: &str) -> Self {
        match word {
            "auto" => Self::Auto,
            "cpu" => Self::Cpu,
            "gpu" => Self::Gpu,
            name => Self::Adapter(name.to_owned()),
        }
    }
}

/// The device, precision and number of threads to use. What is not set is chosen.
///
/// ```
/// use haul::{DeviceChoice, Engine, Precision};
/// let device = DeviceChoice::named("auto").precision(Precision::F64).open()?;
/// assert_eq!(device.precision(), Precision::F64); // so it is the CPU: GPUs compute in f32
/// # Ok::<(), haul::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct DeviceChoice {
    device: Preference,
    precision: Option<Precision>,
    threads: Option<usize>,
    process: usize,
}

/// A choice that no device meets: the source of an [`Error::Device`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Conflict {
    /// f64 on a GPU.
    #[error("a GPU has no f64; choose the CPU, or f32")]
    Precision,
    /// A number of threads for a GPU.
    #[error("threads are for the CPU; choose it, or leave their number out")]
    Threads,
}

/// A precision for a problem, and why it was chosen. Its `Display` is a sentence.
///
/// ```
/// use haul::{DeviceChoice, Measure, Precision, Sinkhorn};
/// let cloud = Measure::uniform(&[0.0, 0.5, 1.0], 1)?;
/// let choice = DeviceChoice::default();
/// let of = |tolerance| {
///     let problem = Sinkhorn::blur(0.05).problem(&cloud, &cloud)?;
///     Ok::<_, haul::Error>(choice.precision_for(&problem, tolerance))
/// };
/// assert_eq!(of(1e-3)?.precision(), Precision::F32);
/// assert_eq!(of(1e-9)?.precision(), Precision::F64);
/// # Ok::<(), haul::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum PrecisionChoice {
    /// The precision that was asked for.
    Asked(Precision),
    /// f32, because a GPU is asked for.
    Gpu,
    /// f32, whose rounding is within the tolerance.
    Enough {
        /// [`Problem::precision_floor`] of f32.
        floor: f64,
        /// The tolerance of the solve.
        tolerance: f64,
    },
    /// f64, because the rounding of f32 is not.
    TooFewDigits {
        /// [`Problem::precision_floor`] of f32.
        floor: f64,
        /// The tolerance of the solve.
        tolerance: f64,
    },
}

impl DeviceChoice {
    /// The device of a [`Preference`], or of a word for it: `auto`, `cpu`, `gpu`, or part of the name of an adapter.
    pub fn named(device: impl Into<Preference>) -> Self {
        Self {
            device: device.into(),
            ..Self::default()
        }
    }

    /// Sets the precision. f64 is computed on the CPU.
    pub fn precision(self, precision: Precision) -> Self {
        Self {
            precision: Some(precision),
            ..self
        }
    }

    /// Sets the number of threads of the CPU; 0 means one for each processor.
    pub fn threads(self, threads: usize) -> Self {
        Self {
            threads: Some(threads),
            ..self
        }
    }

    /// Takes the GPU of this number, from 0, among those that fit, where several processes of a machine have one each; see
    /// [`Selection::Of`]. By default the first one.
    pub fn process(self, number: usize) -> Self {
        Self {
            process: number,
            ..self
        }
    }

    /// The device to compute on: [`Preference::Auto`] becomes [`Preference::Cpu`] if only the CPU can do what is asked.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] with a [`Conflict`] if no such device can do what is asked.
    pub fn preference(&self) -> Result<&Preference> {
        let wide = self.precision == Some(Precision::F64);
        let conflict = match self.device {
            Preference::Cpu => return Ok(&Preference::Cpu),
            Preference::Auto if wide || self.threads.is_some() => return Ok(&Preference::Cpu),
            Preference::Auto => return Ok(&Preference::Auto),
            _ if self.threads.is_some() => Conflict::Threads,
            _ if wide => Conflict::Precision,
            _ => return Ok(&self.device),
        };
        Err(Error::Device {
            device: match &self.device {
                Preference::Adapter(name) => name.clone(),
                _ => "gpu".to_owned(),
            },
            source: Box::new(conflict),
        })
    }

    /// Opens the device.
    ///
    /// # Errors
    ///
    /// Those of [`preference`](Self::preference); [`Error::Device`] where there is no such device, or it does not open.
    pub fn open(&self) -> Result<Device> {
        let select = |of| Device::select(&Selection::Of(Box::new(of), self.process));
        match self.preference()? {
            Preference::Auto => Device::auto_of(self.process),
            Preference::Gpu => select(Selection::Automatic),
            Preference::Adapter(name) => select(Selection::Name(name.clone())),
            Preference::Cpu => Ok(match (self.precision, self.threads) {
                (Some(Precision::F64), None) => Device::cpu_f64(),
                (Some(Precision::F64), Some(threads)) => {
                    Device::CpuF64(CpuEngine::with_threads(threads)?)
                }
                (_, None) => Device::cpu(),
                (_, Some(threads)) => Device::Cpu(CpuEngine::with_threads(threads)?),
            }),
        }
    }

    /// The precision in which to solve a problem to a tolerance: the one that was asked for; else f32, or f64 if the
    /// [rounding](Problem::precision_floor) of f32 is above the tolerance and no GPU is asked for.
    pub fn precision_for(&self, problem: &Problem<'_>, tolerance: f64) -> PrecisionChoice {
        let floor = problem.precision_floor(Precision::F32);
        match (self.precision, &self.device) {
            (Some(precision), _) => PrecisionChoice::Asked(precision),
            (None, Preference::Gpu | Preference::Adapter(_)) => PrecisionChoice::Gpu,
            (None, _) if tolerance < floor => PrecisionChoice::TooFewDigits { floor, tolerance },
            (None, _) => PrecisionChoice::Enough { floor, tolerance },
        }
    }
}

impl PrecisionChoice {
    /// The precision.
    pub fn precision(self) -> Precision {
        match self {
            Self::Asked(precision) => precision,
            Self::Gpu | Self::Enough { .. } => Precision::F32,
            Self::TooFewDigits { .. } => Precision::F64,
        }
    }
}

impl fmt::Display for PrecisionChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Asked(precision) => write!(f, "{} was asked for", precision.name()),
            Self::Gpu => f.write_str("GPUs compute in f32"),
            Self::Enough { floor, tolerance } => write!(
                f,
                "f32 may be off by {floor:.1e} at this ε, within the tolerance of {tolerance:?}"
            ),
            Self::TooFewDigits { floor, tolerance } => {
                if floor < 1.0 {
                    write!(f, "f32 may be off by {floor:.1e}")?;
                } else {
                    f.write_str("f32 has no digit left")?;
                }
                write!(
                    f,
                    " at this ε, and the tolerance is {tolerance:?}: computing in f64 on the CPU"
                )
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{Engine, Measure, Sinkhorn};

    #[test]
    fn what_only_the_cpu_can_do_decides_for_it() {
        let f64 = |word: &str| DeviceChoice::named(word).precision(Precision::F64);
        let threads = |word: &str| DeviceChoice::named(word).threads(1);
        for choice in [f64("auto"), threads("auto"), DeviceChoice::named("cpu")] {
            assert_eq!(choice.preference().unwrap(), &Preference::Cpu);
        }
        let f32 = DeviceChoice::default().precision(Precision::F32);
        assert_eq!(f32.preference().unwrap(), &Preference::Auto);
        for word in ["gpu", "radeon"] {
            for (choice, conflict) in [
                (f64(word), Conflict::Precision),
                (threads(word), Conflict::Threads),
                (f64(word).threads(2), Conflict::Threads),
            ] {
                match choice.open() {
                    Err(Error::Device { device, source }) => {
                        assert_eq!(device, word);
                        assert_eq!(source.downcast_ref(), Some(&conflict));
                    }
                    other => assert!(other.is_err(), "{word} opened"),
                }
            }
        }
    }

    #[test]
    fn a_cpu_has_the_precision_and_the_threads_that_are_asked_for() {
        for precision in [Precision::F32, Precision::F64] {
            let choice = DeviceChoice::named("cpu").precision(precision);
            assert_eq!(choice.open().unwrap().precision(), precision);
            let threads = match choice.threads(3).open().unwrap() {
                Device::Cpu(engine) => engine.threads(),
                Device::CpuF64(engine) => engine.threads(),
                _ => 0,
            };
            assert_eq!(threads, 3);
        }
    }

    #[test]
    fn an_adapter_that_is_not_there_is_an_error() {
        let error = DeviceChoice::named("no such adapter").open();
        assert!(matches!(error, Err(Error::Device { .. })));
    }

    #[test]
    fn f64_is_taken_where_f32_has_too_few_digits_and_nothing_else_is_asked_for() {
        let cloud = Measure::uniform(&[0.0, 0.5, 1.0], 1).unwrap();
        let of = |choice: &DeviceChoice, blur, tolerance| {
            let problem = Sinkhorn::blur(blur).problem(&cloud, &cloud).unwrap();
            choice.precision_for(&problem, tolerance)
        };
        let open = DeviceChoice::default();
        let coarse = of(&open, 0.1, 1e-3);
        assert_eq!(coarse.precision(), Precision::F32);
        assert!(coarse.to_string().contains("within the tolerance of 0.001"));
        let fine = of(&open, 0.1, 1e-8);
        assert_eq!(fine.precision(), Precision::F64);
        let text = fine.to_string();
        assert!(
            text.contains("and the tolerance is 1e-8: computing in f64"),
            "{text}"
        );
        let text = of(&open, 1e-6, 1e-3).to_string();
        assert!(
            text.starts_with("f32 has no digit left at this ε"),
            "{text}"
        );
        assert_eq!(of(&DeviceChoice::named("cpu"), 0.1, 1e-8), fine);
        let gpu = of(&DeviceChoice::named("gpu"), 0.1, 1e-8);
        assert_eq!(gpu.precision(), Precision::F32);
        let asked = of(&open.precision(Precision::F32), 0.1, 1e-8);
        assert_eq!(asked, PrecisionChoice::Asked(Precision::F32));
    }
}
