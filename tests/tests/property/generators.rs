//! Random measures and problems, from the sizes that solvers like to those they do not.

use haul::{Cost, Form, Measure, Sinkhorn};
use haul_tests::dense;
use proptest::prelude::*;

/// No penalty: the marginal is the measure.
pub const EXACT: f64 = f64::INFINITY;

/// Two measures, and how mass is moved between them.
#[derive(Debug, Clone)]
pub struct Posed {
    pub a: Measure,
    pub b: Measure,
    pub p: f64,
    pub epsilon: f64,
    /// In units of the cost; balanced where both are infinite.
    pub rho: [f64; 2],
    pub scaling: bool,
    pub iterations: usize,
}

impl Posed {
    pub fn cost(&self) -> Cost {
        Cost::power(self.p).unwrap()
    }

    pub fn settings(&self) -> Sinkhorn {
        let form = if self.scaling {
            Form::Scaling
        } else {
            Form::Log
        };
        Sinkhorn::epsilon(self.epsilon)
            .p(self.p)
            .rho_a(self.rho[0])
            .rho_b(self.rho[1])
            .form(form)
            .max_iterations(self.iterations)
    }

    pub fn balanced(&self) -> bool {
        self.rho == [EXACT; 2]
    }

    /// The same problem between other measures.
    pub fn between(&self, a: Measure, b: Measure) -> Self {
        Self {
            a,
            b,
            ..self.clone()
        }
    }

    /// The same problem seen from the other side.
    pub fn swapped(&self) -> Self {
        Self {
            rho: [self.rho[1], self.rho[0]],
            ..self.between(self.b.clone(), self.a.clone())
        }
    }

    /// The largest cost, of any two points.
    pub fn largest_cost(&self) -> f64 {
        let (a, b) = (dense::side(&self.a), dense::side(&self.b));
        let of = |x, y| dense::largest_cost(self.cost(), x, y);
        of(&a, &b).max(of(&a, &a)).max(of(&b, &b))
    }

    /// Bounds of a value have this much beside them: the rounding of sums of weights in f64.
    pub fn rounding(&self) -> f64 {
        let penalties: f64 = self.rho.iter().filter(|rho| rho.is_finite()).sum();
        let size = self.largest_cost() + self.epsilon + penalties;
        let mass = self.a.mass() + self.b.mass();
        256.0 * f64::EPSILON * size * mass * (1.0 + mass)
    }
}

/// A measure of fewer than `most` points in dimension d, in a cube of size `extent` about
/// `offset`: with weights of 0, and with points that are twice there.
fn measure(most: usize, d: usize, extent: f64, offset: f64) -> impl Strategy<Value = Measure> {
    (1..most, any::<bool>())
        .prop_flat_map(move |(n, twice)| {
            let points = prop::collection::vec(-1.0..1.0f64, n * d);
            let weights = prop::collection::vec(prop_oneof![1 => Just(0.0), 4 => 0.01..1.0f64], n);
            (points, weights, Just(twice))
        })
        .prop_map(move |(mut points, mut weights, twice)| {
            weights[0] += 0.1;
            let last = points.len() - d;
            if twice {
                points.copy_within(0..d, last);
            }
            let points = points.into_iter().map(|x| offset + extent * x).collect();
            Measure::new(points, d, weights).unwrap().normalized()
        })
}

/// The same measure with another mass.
fn heavy(measure: &Measure, mass: f64) -> Measure {
    let weights: Vec<f64> = measure.weights().iter().map(|w| w * mass).collect();
    measure.clone().with_weights(&weights).unwrap()
}

/// The powers that have kernels of their own, and those between.
pub fn power() -> impl Strategy<Value = f64> {
    prop_oneof![Just(1.0), Just(2.0), 0.05..2.0f64]
}

/// Extents from 1e-6 to 1e6, about the origin or 1e4 extents away from it.
pub fn place() -> impl Strategy<Value = (f64, f64)> {
    (-6..=6i32, any::<bool>()).prop_map(|(decade, far)| {
        let extent = 10f64.powi(decade);
        (extent, if far { 1e4 * extent } else { 0.0 })
    })
}

/// Two measures of mass 1 in one place, and its extent.
pub fn pair(most: usize) -> impl Strategy<Value = (Measure, Measure, f64)> {
    (1..6usize, place()).prop_flat_map(move |(d, (extent, offset))| {
        (
            measure(most, d, extent, offset),
            measure(most, d, extent, offset),
            Just(extent),
        )
    })
}

/// ρ relative to the cost, or none.
fn penalty() -> impl Strategy<Value = f64> {
    prop_oneof![1 => Just(EXACT), 2 => (-2.0..3.0f64).prop_map(|log| 10f64.powf(log))]
}

/// Any problem of fewer than `most` points a side: ε from 10^`least` to 10^3 of the cost, masses
/// from 1e-6 to 1e6, balanced in one of three.
pub fn posed(
    most: usize,
    least: f64,
    powers: impl Strategy<Value = f64>,
) -> impl Strategy<Value = Posed> {
    let penalties = prop_oneof![1 => Just([EXACT; 2]), 2 => [penalty(), penalty()]];
    let masses = [-6.0..6.0f64, -1.0..1.0f64];
    let run = (any::<bool>(), 1..200usize);
    (pair(most), powers, least..3.0f64, penalties, masses, run).prop_map(
        |((a, b, extent), p, log_epsilon, rho, [log_mass, log_ratio], (scaling, iterations))| {
            let unit = extent.powf(p);
            let mass = 10f64.powf(log_mass);
            let ratio = if rho == [EXACT; 2] {
                1.0
            } else {
                10f64.powf(log_ratio)
            };
            Posed {
                a: heavy(&a, mass),
                b: heavy(&b, mass * ratio),
                p,
                epsilon: unit * 10f64.powf(log_epsilon),
                rho: rho.map(|rho| rho * unit),
                scaling,
                iterations,
            }
        },
    )
}
