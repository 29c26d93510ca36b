//! Bounds in any dimension. |x − y|² is a sum of d rounded terms. If features have few values, such as counts,
//! bytes and flags, the roundings of all terms have the same sign.

use crate::generators::EXACT;
use crate::{answered, hold};
use haul::engine::distance_roundings;
use haul::{Cost, Device, Divergence, Energy, Engine, Measure, Sinkhorn};
use haul_tests::clouds::Numbers;
use haul_tests::dense;
use haul_tests::engines::Body;
use proptest::prelude::*;

pub const BODIES: &[(&str, Body)] = &[
    ("bounds_hold_in_any_dimension", bounds),
    (
        "energies_are_as_exact_as_they_tell_in_any_dimension",
        energies,
    ),
    ("a_sum_of_equal_terms_is_within_its_bounds", equal_terms),
];

/// The values that a feature may have.
#[derive(Debug, Clone, Copy)]
enum Features {
    /// 0 or 1.
    Marks,
    /// Small whole numbers, most of them 0.
    Counts,
    /// 0 to 255.
    Bytes,
    /// Tenths from 0 to 1.
    Tenths,
    /// One number in a whole cloud.
    Constant,
    Any,
}

/// Two clouds of a few points in a space of any dimension, and how mass is moved between them.
#[derive(Debug, Clone)]
struct Case {
    features: [Features; 2],
    points: [usize; 2],
    dimension: usize,
    seed: u64,
    p: f64,
    /// ε over the largest cost, and ρ likewise.
    epsilon: f64,
    rho: [f64; 2],
    iterations: usize,
}

impl Case {
    fn measures(&self) -> [Measure; 2] {
        [0, 1].map(|side| {
            let (n, d) = (self.points[side], self.dimension);
            let mut numbers = Numbers::new(2 * self.seed + side as u64);
            let constant = numbers.within(-1.0, 1.0);
            let points = (0..n * d).map(|_| {
                let x: f64 = numbers.unit();
                match self.features[side] {
                    Features::Marks => (2.0 * x).floor(),
                    Features::Counts => (0.3 / (x + 0.02)).floor(),
                    Features::Bytes => (256.0 * x).floor(),
                    Features::Tenths => (11.0 * x).floor() / 10.0,
                    Features::Constant => constant,
                    Features::Any => x,
                }
            });
            let points = points.collect();
            let weights = numbers.vector(n, 0.1, 1.0);
            Measure::new(points, d, weights).unwrap().normalized()
        })
    }
}

fn cases(powers: impl Strategy<Value = f64>) -> impl Strategy<Value = Case> {
    let features = || {
        prop_oneof![
            Just(Features::Marks),
            Just(Features::Counts),
            Just(Features::Bytes),
            Just(Features::Tenths),
            Just(Features::Constant),
            Just(Features::Any),
        ]
    };
    let penalty =
        || prop_oneof![2 => Just(EXACT), 1 => (-1.0..2.0f64).prop_map(|log| 10f64.powf(log))];
    (
        [features(), features()],
        [1..6usize, 1..6usize],
        (0.0..4.0f64, any::<u32>()),
        powers,
        (-1.5..6.0f64, [penalty(), penalty()]),
        1..30usize,
    )
        .prop_map(
            |(features, points, (log_d, seed), p, (log_epsilon, rho), iterations)| Case {
                features,
                points,
                dimension: 10f64.powf(log_d).round() as usize,
                seed: seed.into(),
                p,
                epsilon: 10f64.powf(log_epsilon),
                rho,
                iterations,
            },
        )
}

fn powers() -> impl Strategy<Value = f64> {
    prop_oneof![3 => Just(2.0), 2 => Just(1.0), 1 => 0.3..2.0f64]
}

/// The matrix of costs between two measures, and the largest of them.
fn costs(cost: Cost, a: &Measure, b: &Measure) -> Vec<Vec<f64>> {
    let (rows, columns) = (dense::side(a), dense::side(b));
    let row = |i| {
        let of = |j| dense::cost(cost, rows.point(i), columns.point(j));
        (0..columns.len()).map(of).collect()
    };
    (0..rows.len()).map(row).collect()
}

/// OT_ε for an explicit matrix: the dual at potentials that plain updates no longer change. It uses exp(x) − 1 in place
/// of exponentials, so that a large ε costs no digits. None if it does not converge.
fn regularised(
    costs: &[Vec<f64>],
    epsilon: f64,
    rho: [f64; 2],
    a: &[f64],
    b: &[f64],
) -> Option<f64> {
    let (n, m) = (a.len(), b.len());
    let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
    let damping = rho.map(|rho| 1.0 / (1.0 + epsilon / rho));
    let softmin = |weights: &[f64], h: &[f64], cost: &dyn Fn(usize) -> f64| -> f64 {
        let exponents = || (0..weights.len()).map(|j| (h[j] - cost(j)) / epsilon);
        let highest = exponents().fold(f64::NEG_INFINITY, f64::max);
        let excess = exponents()
            .zip(weights)
            .map(|(s, b)| b * (s - highest).exp_m1());
        -epsilon * (highest + excess.sum::<f64>().ln_1p())
    };
    let conjugate = |weights: &[f64], f: &[f64], rho: f64| -> f64 {
        let terms = weights.iter().zip(f);
        if rho.is_finite() {
            terms.map(|(a, f)| -rho * a * (-f / rho).exp_m1()).sum()
        } else {
            terms.map(|(a, f)| a * f).sum()
        }
    };
    for _ in 0..20_000 {
        for (j, g) in g.iter_mut().enumerate() {
            *g = damping[1] * softmin(a, &f, &|i| costs[i][j]);
        }
        let mut change = 0f64;
        for (i, f) in f.iter_mut().enumerate() {
            let updated = damping[0] * softmin(b, &g, &|j| costs[i][j]);
            change = change.max((updated - *f).abs());
            *f = updated;
        }
        let height = f
            .iter()
            .chain(&g)
            .fold(0.0, |height: f64, f| height.max(f.abs()));
        if change <= 4.0 * f64::EPSILON * height {
            let mut excess = 0.0;
            for i in 0..n {
                for j in 0..m {
                    excess += a[i] * b[j] * ((f[i] + g[j] - costs[i][j]) / epsilon).exp_m1();
                }
            }
            let value = conjugate(a, &f, rho[0]) + conjugate(b, &g, rho[1]) - epsilon * excess;
            return Some(value);
        }
    }
    None
}

fn bounds(device: &Device) {
    hold(device, cases(powers()), |case| {
        let [a, b] = case.measures();
        let cost = Cost::power(case.p).unwrap();
        let matrices = [(&a, &b), (&a, &a), (&b, &b)].map(|(a, b)| costs(cost, a, b));
        let largest = matrices
            .iter()
            .flatten()
            .flatten()
            .fold(0.0, |most: f64, c| most.max(*c));
        prop_assume!(largest > 0.0);
        let epsilon = case.epsilon * largest;
        let rho = case.rho.map(|rho| rho * largest);
        let settings = Sinkhorn::epsilon(epsilon)
            .p(case.p)
            .rho_a(rho[0])
            .rho_b(rho[1])
            .max_iterations(case.iterations);
        let terms = Divergence::from(settings).evaluate(device, &a, &b);
        let Some(terms) = answered(device, terms)? else {
            return Ok(());
        };
        let [x, y] = [a.weights(), b.weights()];
        let values = [
            regularised(&matrices[0], epsilon, rho, x, y),
            regularised(&matrices[1], epsilon, [rho[0]; 2], x, x),
            regularised(&matrices[2], epsilon, [rho[1]; 2], y, y),
        ];
        // Updates end at the resolution of the potentials; the sums of the dual are rounded.
        let slack = 64.0 * f64::EPSILON * largest;
        for (value, term) in values.iter().zip([&terms.ab, &terms.aa, &terms.bb]) {
            let Some(value) = value else { continue };
            let certificate = term.certificate();
            prop_assert!(
                certificate.lower_bound <= value + slack
                    && value - slack <= certificate.upper_bound,
                "OT = {value}: {:?}",
                term.report()
            );
        }
        if let [Some(ab), Some(aa), Some(bb)] = values {
            let divergence = ab - 0.5 * (aa + bb);
            let (lower, upper) = (terms.lower_bound(), terms.upper_bound());
            prop_assert!(
                lower <= divergence + 2.0 * slack && divergence - 2.0 * slack <= upper,
                "S = {divergence}: {lower} to {upper}"
            );
        }
        Ok(())
    });
}

fn energies(device: &Device) {
    let below_2 = prop_oneof![2 => Just(1.0), 1 => 0.3..1.99f64];
    hold(device, cases(below_2), |case| {
        let [a, b] = case.measures();
        let cost = Cost::power(case.p).unwrap();
        let [ab, aa, bb] = [(&a, &b), (&a, &a), (&b, &b)].map(|(a, b)| -> f64 {
            let rows = costs(cost, a, b).into_iter().zip(a.weights());
            rows.map(|(row, a)| a * row.iter().zip(b.weights()).map(|(c, b)| b * c).sum::<f64>())
                .sum()
        });
        let exact = ab - 0.5 * (aa + bb);
        let energy = Energy::new().p(case.p).evaluate(device, &a, &b).unwrap();
        let off = (energy.value - exact).abs();
        let slack = 16.0 * f64::EPSILON * (ab + aa + bb);
        prop_assert!(off <= energy.rounding + slack, "{exact}: {energy:?}");
        Ok(())
    });
}

/// One point onto another, all of whose coordinates differ by the same: OT_ε = S_ε = d c^p.
fn equal_terms(device: &Device) {
    for (d, difference) in [(1000, 0.1), (10_000, 0.1), (10_000, 0.3), (100_000, 0.7)] {
        let [a, b] = [0.0, difference].map(|x| Measure::uniform(&vec![x; d], d).unwrap());
        let truth = dense::cost(Cost::SquaredEuclidean, a.points(), b.points());
        let terms = Divergence::epsilon(0.1 * truth)
            .evaluate(device, &a, &b)
            .unwrap();
        let (lower, upper) = (terms.lower_bound(), terms.upper_bound());
        assert!(
            lower <= truth && truth <= upper,
            "{d}: {lower} {truth} {upper}"
        );
        // A bound without an allowance for rounding is wrong here, and a useful one is this close.
        let relative = (upper - lower) / truth / device.precision().unit_roundoff();
        let roundings = distance_roundings(d) as f64 + 16.0;
        let passes = if device.repeats_distances() {
            16.0
        } else {
            128.0
        };
        assert!(
            relative > 1.0 && relative < passes * roundings,
            "{relative}"
        );
    }
}
