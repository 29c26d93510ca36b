//! Where it is computed, and how precisely.

use super::number::whole;
use clap::{Args, ValueEnum};

/// Where it is computed, and how precisely.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Device")]
pub(crate) struct Engine {
    /// auto, cpu, gpu, or part of an adapter's name, such as llvmpipe
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub(crate) device: String,

    /// f64 runs on the CPU [default: f32; f64 where f32 has too few digits for the tolerance, unless --device
    /// names a GPU]
    #[arg(long, value_enum)]
    pub(crate) precision: Option<Precision>,

    /// Threads of the CPU engine [default: one a core]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::<u16, 1, 65_535>)]
    pub(crate) threads: Option<u16>,
}

impl Engine {
    /// The CPU, in f64: for small problems that the host solves.
    pub(crate) fn host() -> Self {
        Self {
            device: "cpu".to_owned(),
            precision: Some(Precision::F64),
            threads: None,
        }
    }

    /// The same in f64 on the CPU; who names a precision, or a device that has another, gets it.
    pub(crate) fn precise(&self) -> Self {
        let mut engine = self.clone();
        if engine.precision.is_none() && matches!(engine.device.as_str(), "auto" | "cpu") {
            engine.precision = Some(Precision::F64);
        }
        engine
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Precision {
    /// Half the memory and twice the speed
    F32,
    /// For small ε and tight tolerances
    F64,
}

impl From<Precision> for haul::Precision {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32,
            Precision::F64 => Self::F64,
        }
    }
}
