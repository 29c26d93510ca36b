//! Floating-point formats.

/// The floating-point format of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// IEEE binary32.
    F32,
    /// IEEE binary64.
    F64,
}

impl Precision {
    /// Half the distance from 1 to the next number: the relative error of one rounding.
    pub fn unit_roundoff(self) -> f64 {
        match self {
            Self::F32 => 0.5 * f64::from(f32::EPSILON),
            Self::F64 => 0.5 * f64::EPSILON,
        }
    }

    /// `f32` or `f64`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }
}
