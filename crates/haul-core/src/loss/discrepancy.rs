//! The result of a comparison by means over pairs.

use crate::{Error, Measure, Precision, Result};
use web_time::Instant;

/// A comparison of two measures by means over pairs, with all its numbers.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Discrepancy {
    /// The energy or the squared MMD. Rounding may make it negative, by no more than `rounding`.
    pub value: f64,
    /// The means that it is computed from.
    pub terms: Pairings,
    /// The largest error of the value due to rounding.
    pub rounding: f64,
    /// The derivative of the value in each weight of the source, all else fixed (n):
    /// Σⱼ bⱼ Cᵢⱼ − Σⱼ aⱼ Cᵢⱼ for the energy, 2(Σⱼ aⱼ kᵢⱼ − Σⱼ bⱼ kᵢⱼ) for the squared MMD. That of the
    /// energy holds for changes of the weights that keep the mass.
    pub gradient_weights: Vec<f64>,
    /// Number of points of the source measure.
    pub n: usize,
    /// Number of points of the target measure.
    pub m: usize,
    /// Dimension of the space.
    pub d: usize,
    /// Pairs (i, j) evaluated.
    pub pairs: u64,
    /// Wall-clock seconds, including uploads.
    pub seconds: f64,
    /// The device that computed it; `host` if no pair was evaluated.
    pub device: String,
    /// The precision it computed in.
    pub precision: Precision,
}

/// The mean of a function over the pairs of two measures, times their masses: of the cost for an energy, of the
/// kernel for an MMD.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pairings {
    /// Source with target.
    pub ab: f64,
    /// Source with itself.
    pub aa: f64,
    /// Target with itself.
    pub bb: f64,
}

impl Discrepancy {
    /// A discrepancy with only the sizes of the measures filled in.
    pub(crate) fn between(source: &Measure, target: &Measure) -> Self {
        Self {
            value: 0.0,
            terms: Pairings {
                ab: 0.0,
                aa: 0.0,
                bb: 0.0,
            },
            rounding: 0.0,
            gradient_weights: Vec::new(),
            n: source.len(),
            m: target.len(),
            d: source.dimension(),
            pairs: 0,
            seconds: 0.0,
            device: String::new(),
            precision: Precision::F64,
        }
    }

    pub(crate) fn finished(
        mut self,
        device: &str,
        precision: Precision,
        start: Instant,
    ) -> Result<Self> {
        let Pairings { ab, aa, bb } = self.terms;
        let numbers = [self.value, self.rounding, ab, aa, bb];
        let mut numbers = numbers.iter().chain(&self.gradient_weights);
        if numbers.any(|number| !number.is_finite()) {
            return Err(Error::NotFiniteResult {
                what: "a mean over pairs",
                device: device.to_owned(),
            });
        }
        device.clone_into(&mut self.device);
        self.precision = precision;
        self.seconds = start.elapsed().as_secs_f64();
        Ok(self)
    }
}

impl Pairings {
    pub(crate) fn scaled(self, unit: f64) -> Self {
        Self {
            ab: unit * self.ab,
            aa: unit * self.aa,
            bb: unit * self.bb,
        }
    }

    /// The means for measures of these masses, from the means for masses 1.
    pub(crate) fn of_masses(self, (mass, mass2): (f64, f64)) -> Self {
        Self {
            ab: mass * mass2 * self.ab,
            aa: mass * mass * self.aa,
            bb: mass2 * mass2 * self.bb,
        }
    }
}

/// The number of pairs of both passes of a gradient.
pub(crate) fn pairs_of_slopes(source: &Measure, target: &Measure) -> u64 {
    let (n, m) = (source.len() as u64, target.len() as u64);
    n * m + n * n
}

/// The number of pairs of three passes.
pub(crate) fn pairs(source: &Measure, target: &Measure) -> u64 {
    let (n, m) = (source.len() as u64, target.len() as u64);
    n * m + n * n + m * m
}
