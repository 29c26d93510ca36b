//! Ground costs Cᵢⱼ = |xᵢ − yⱼ|^p.

use crate::{Error, Result};
use std::fmt;

/// The cost of moving a unit of mass from x to y.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cost {
    /// p = 1: the Euclidean distance |x − y|.
    Euclidean,
    /// p = 2: the squared Euclidean distance |x − y|², without a factor ½.
    SquaredEuclidean,
    /// |x − y|^p for any other p between 0 and 2; see [`Cost::power`].
    Power(Exponent),
    /// Σₖ |xₖ − yₖ|^p for a p between 0 and 2, for measures on grids of several dimensions; see
    /// [`Cost::sum_over_axes`]. (For p = 2 it is [`SquaredEuclidean`](Self::SquaredEuclidean).)
    SumOverAxes(Exponent),
}

/// The exponent p of a [`Cost`]: above 0 and below 2. In a [`Cost::Power`] it is not 1, which has a variant of its
/// own, so two costs are equal if their exponents are.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Exponent(u64);

impl Exponent {
    /// p.
    pub fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl fmt::Debug for Exponent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(formatter)
    }
}

impl Cost {
    /// The cost |x − y|^p, for 0 < p ≤ 2.
    ///
    /// ```
    /// use haul_core::Cost;
    /// let cost = Cost::power(1.5)?;
    /// assert_eq!(cost.at(4.0), 8.0);
    /// assert_eq!(Cost::power(1.0)?, Cost::Euclidean);
    /// # Ok::<(), haul_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] for another p.
    pub fn power(p: f64) -> Result<Self> {
        if p == 1.0 {
            Ok(Self::Euclidean)
        } else if p == 2.0 {
            Ok(Self::SquaredEuclidean)
        } else if p.is_normal() && p > 0.0 && p < 2.0 {
            Ok(Self::Power(Exponent(p.to_bits())))
        } else {
            Err(Error::BadParameter {
                name: "p",
                value: p,
                range: "above 0 and at most 2",
            })
        }
    }

    /// The cost Σₖ |xₖ − yₖ|^p over the axes of the space, for 0 < p ≤ 2.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] for another p.
    pub fn sum_over_axes(p: f64) -> Result<Self> {
        Ok(match Self::power(p)? {
            Self::SquaredEuclidean => Self::SquaredEuclidean,
            _ => Self::SumOverAxes(Exponent(p.to_bits())),
        })
    }

    /// The cost along one axis, where the cost is a sum over the axes of a space of that dimension.
    pub(crate) fn along_an_axis(self, dimension: usize) -> Option<Self> {
        match self {
            Self::SquaredEuclidean => Some(self),
            Self::SumOverAxes(p) => Self::power(p.get()).ok(),
            _ => (dimension == 1).then_some(self),
        }
    }

    /// The power p.
    pub fn p(self) -> f64 {
        match self {
            Self::Euclidean => 1.0,
            Self::SquaredEuclidean => 2.0,
            Self::Power(p) | Self::SumOverAxes(p) => p.get(),
        }
    }

    /// The cost at a distance along one axis, in f64.
    pub fn at(self, distance: f64) -> f64 {
        match self {
            Self::Euclidean => distance,
            Self::SquaredEuclidean => distance * distance,
            Self::Power(p) | Self::SumOverAxes(p) => distance.powf(p.get()),
        }
    }

    /// The cost between two points, in f64.
    pub(crate) fn between(self, x: &[f64], y: &[f64]) -> f64 {
        if let Self::SumOverAxes(p) = self {
            let axes = x.iter().zip(y);
            return axes.map(|(x, y)| (x - y).abs().powf(p.get())).sum();
        }
        // Four sums at a time: a processor adds four numbers in one instruction.
        let mut sums = [0.0; 4];
        let (x, y) = (x.chunks(4), y.chunks(4));
        for (x, y) in x.zip(y) {
            for (sum, (x, y)) in sums.iter_mut().zip(x.iter().zip(y)) {
                *sum += (x - y) * (x - y);
            }
        }
        let squared = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        match self {
            Self::Euclidean => squared.sqrt(),
            Self::SquaredEuclidean => squared,
            Self::Power(p) | Self::SumOverAxes(p) => squared.powf(0.5 * p.get()),
        }
    }
}
