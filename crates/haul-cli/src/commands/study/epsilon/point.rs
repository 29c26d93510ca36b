//! What a study of ε has computed, as the file beside its table and the JSON have it.

use crate::number::finite;
use haul::{Bounds, Discrepancy, EpsilonPoint, ExactReport};
use serde::{Deserialize, Serialize};

/// A finished result.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Finished {
    Limits(Limits),
    Point(Point),
}

/// What the values tend to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Limits {
    /// W_p^p, that of all of them as ε falls to 0.
    pub(super) exact: Exact,
    /// That of S_ε as ε grows.
    pub(super) energy: f64,
    /// That of OT_ε and ⟨P, C⟩ as ε grows.
    pub(super) product_cost: f64,
    pub(super) pairs: u64,
}

/// W_p^p and its bounds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Exact {
    pub(super) value: f64,
    pub(super) lower_bound: f64,
    pub(super) upper_bound: f64,
    pub(super) proved: bool,
}

impl Exact {
    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            lower: self.lower_bound,
            upper: self.upper_bound,
        }
    }
}

impl Limits {
    pub(super) fn of(exact: &ExactReport, energy: &Discrepancy) -> Self {
        Self {
            exact: Exact {
                value: exact.value,
                lower_bound: exact.bounds.lower,
                upper_bound: exact.bounds.upper,
                proved: exact.proved,
            },
            energy: energy.value,
            product_cost: energy.terms.ab,
            pairs: energy.pairs,
        }
    }
}

/// The values at one ε. A bound that is not there is infinite.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Point {
    pub(super) epsilon: f64,
    pub(super) blur: f64,
    pub(super) value: f64,
    pub(super) lower_bound: Option<f64>,
    pub(super) upper_bound: Option<f64>,
    pub(super) transport_cost: f64,
    pub(super) wasserstein_lower_bound: Option<f64>,
    pub(super) wasserstein_upper_bound: Option<f64>,
    pub(super) divergence: f64,
    pub(super) divergence_lower_bound: Option<f64>,
    pub(super) divergence_upper_bound: Option<f64>,
    pub(super) converged: bool,
    pub(super) iterations: usize,
    pub(super) pairs: u64,
    pub(super) seconds: f64,
}

impl From<&EpsilonPoint> for Point {
    fn from(point: &EpsilonPoint) -> Self {
        let wasserstein = point.wasserstein;
        Self {
            epsilon: point.epsilon,
            blur: point.blur,
            value: point.value,
            lower_bound: finite(point.bounds.lower),
            upper_bound: finite(point.bounds.upper),
            transport_cost: point.transport_cost,
            wasserstein_lower_bound: wasserstein.and_then(|bounds| finite(bounds.lower)),
            wasserstein_upper_bound: wasserstein.and_then(|bounds| finite(bounds.upper)),
            divergence: point.divergence,
            // A divergence is not negative.
            divergence_lower_bound: finite(point.divergence_bounds.lower.max(0.0)),
            divergence_upper_bound: finite(point.divergence_bounds.upper),
            converged: point.converged,
            iterations: point.iterations,
            pairs: point.pairs,
            seconds: point.seconds,
        }
    }
}

impl Point {
    /// The bounds of OT_ε.
    pub(super) fn bounds(&self) -> Bounds {
        bounds([self.lower_bound, self.upper_bound])
    }

    /// The bounds of S_ε.
    pub(super) fn divergence_bounds(&self) -> Bounds {
        bounds([self.divergence_lower_bound, self.divergence_upper_bound])
    }
}

fn bounds([lower, upper]: [Option<f64>; 2]) -> Bounds {
    Bounds {
        lower: lower.unwrap_or(f64::NEG_INFINITY),
        upper: upper.unwrap_or(f64::INFINITY),
    }
}
