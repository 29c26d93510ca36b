//! Ground costs Cᵢⱼ = |xᵢ − yⱼ|^p.

use crate::{Error, Result};

/// The cost of moving a unit of mass from x to y.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cost {
    /// p = 1: the Euclidean distance |x − y|.
    Euclidean,
    /// p = 2: the squared Euclidean distance |x − y|², without a factor ½.
    SquaredEuclidean,
}

impl Cost {
    /// The cost |x − y|^p, for p = 1 or 2.
    pub fn power(p: f64) -> Result<Self> {
        match p {
            1.0 => Ok(Self::Euclidean),
            2.0 => Ok(Self::SquaredEuclidean),
            value => Err(Error::BadParameter {
                name: "p",
                value,
                range: "1 or 2",
            }),
        }
    }

    /// The power p.
    pub fn p(self) -> f64 {
        match self {
            Self::Euclidean => 1.0,
            Self::SquaredEuclidean => 2.0,
        }
    }

    /// The cost at a distance, in f64.
    pub fn at(self, distance: f64) -> f64 {
        match self {
            Self::Euclidean => distance,
            Self::SquaredEuclidean => distance * distance,
        }
    }
}
