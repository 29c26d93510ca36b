//! Energy distances and maximum mean discrepancies against dense sums in f64, closed forms and
//! invariants. The tolerance of a value is the rounding that it reports itself; another property says how
//! large that may be.

use haul::engine::distance_roundings;
use haul::{Cost, Device, Discrepancy, Energy, Engine, Error, Measure, Mmd, Precision};
use haul_tests::clouds::{measure, points};
use haul_tests::compare::{accept, close, number, reject};
use haul_tests::dense;
use haul_tests::engines::Body;

pub const BODIES: &[(&str, Body)] = &[
    ("energies_are_their_sums", energies_are_their_sums),
    ("discrepancies_are_their_sums", discrepancies_are_their_sums),
    (
        "energies_and_discrepancies_of_diracs",
        energies_and_discrepancies_of_diracs,
    ),
    (
        "the_energy_on_a_line_is_that_of_distribution_functions",
        the_energy_on_a_line_is_that_of_distribution_functions,
    ),
    (
        "equal_measures_have_no_energy",
        equal_measures_have_no_energy,
    ),
    (
        "energies_keep_order_symmetry_and_sign",
        energies_keep_order_symmetry_and_sign,
    ),
    (
        "an_offset_and_a_scale_of_space_lose_no_digit_of_an_energy",
        an_offset_and_a_scale_of_space_lose_no_digit_of_an_energy,
    ),
    ("masses_of_energies", masses_of_energies),
];

const POWERS: [f64; 5] = [0.3, 0.5, 1.0, 1.5, 2.0];

/// The sums over all pairs of a function of two points, in f64: (ab, aa, bb), and for each point of
/// `a` its sums over `b` and over `a`.
struct Dense {
    terms: [f64; 3],
    to_target: Vec<f64>,
    to_source: Vec<f64>,
    /// The mass of `a`.
    mass: f64,
}

impl Dense {
    fn new(a: &Measure, b: &Measure, function: impl Fn(&[f64], &[f64]) -> f64) -> Self {
        let sums = |rows: &Measure, columns: &Measure| -> Vec<f64> {
            let d = a.dimension();
            let column = |(y, weight): (&[f64], &f64), x: &[f64]| weight * function(x, y);
            let rows = rows.points().chunks_exact(d);
            rows.map(|x| {
                let columns = columns.points().chunks_exact(d).zip(columns.weights());
                columns.map(|pair| column(pair, x)).sum()
            })
            .collect()
        };
        let dot = |measure: &Measure, sums: &[f64]| -> f64 {
            measure.weights().iter().zip(sums).map(|(w, s)| w * s).sum()
        };
        let (to_target, to_source, itself) = (sums(a, b), sums(a, a), sums(b, b));
        Self {
            terms: [dot(a, &to_target), dot(a, &to_source), dot(b, &itself)],
            to_target,
            to_source,
            mass: a.mass(),
        }
    }

    fn of_power(a: &Measure, b: &Measure, p: f64) -> Self {
        let cost = Cost::power(p).unwrap();
        Self::new(a, b, |x, y| dense::cost(cost, x, y))
    }

    fn value(&self, cross: f64, own: f64) -> f64 {
        let [ab, aa, bb] = self.terms;
        cross * ab + own * (aa + bb)
    }

    fn gradient(&self, cross: f64, own: f64) -> Vec<f64> {
        let sums = self.to_target.iter().zip(&self.to_source);
        sums.map(|(t, s)| cross * t + 2.0 * own * s).collect()
    }
}

fn energy(device: &Device, p: f64, a: &Measure, b: &Measure) -> Discrepancy {
    Energy::new().p(p).evaluate(device, a, b).unwrap()
}

/// The reference sums in f64 as well: each term may have an error of some units.
fn of_reference(dense: &Dense) -> f64 {
    let size: f64 = dense.terms.iter().map(|term| term.abs()).sum();
    32.0 * Precision::F64.unit_roundoff() * size
}

/// Value, terms and gradient within the rounding that they report, and within `most`.
#[track_caller]
fn compare(context: &str, got: &Discrepancy, dense: &Dense, (cross, own): (f64, f64), most: f64) {
    let allowed = got.rounding.min(most) + of_reference(dense);
    let expected = dense.value(cross, own);
    accept(context, number("value", got.value, expected, allowed));
    let [ab, aa, bb] = dense.terms;
    let terms = [got.terms.ab, got.terms.aa, got.terms.bb];
    let many = 4.0 * allowed + 1e-12 * ab;
    accept(context, close(&terms, &[ab, aa, bb], |_| many));
    // The rounding of single rows does not average out.
    let gradient = dense.gradient(cross, own);
    let size = (8.0 * allowed + 1e-12 * ab) / dense.mass;
    accept(context, close(&got.gradient_weights, &gradient, |_| size));
    let other: Vec<f64> = gradient.iter().map(|w| -w).collect();
    reject(context, close(&got.gradient_weights, &other, |_| size));
}

fn energies_are_their_sums(device: &Device) {
    for (n, m) in [(1, 3), (70, 333), (600, 130)] {
        for d in [1, 2, 3, 4, 5, 17, 64] {
            let (a, b) = (measure(n, d, 80), measure(m, d, 81));
            for p in POWERS {
                let got = energy(device, p, &a, &b);
                let context = format!("p {p}, d {d}, {n} and {m} points: {}", got.rounding);
                let expected = Dense::of_power(&a, &b, p);
                // For spread points, as these are, the rounding is some roundoffs of the mean cost.
                let roundoffs = 60.0 + 3.0 * (d as f64).sqrt();
                let most = roundoffs * device.precision().unit_roundoff() * expected.terms[0];
                compare(&context, &got, &expected, (1.0, -0.5), most);
                let off = |expected: &Dense| {
                    let expected = [expected.value(1.0, -0.5), expected.terms[0]];
                    close(&[got.value, got.terms.ab], &expected, |_| most)
                };
                accept(&context, off(&expected));
                reject(&context, off(&Dense::of_power(&a, &b, 0.9 * p)));
                assert_eq!((got.n, got.m, got.d), (n, m, d));
                let pairs = if p == 2.0 { 0 } else { n * m + n * n + m * m };
                assert_eq!(got.pairs, pairs as u64, "{context}");
                // The reported rounding is that of every term. For p < 1 it is that of the worst possible points.
                let sums = device.row_roundings(n.max(m), d) + distance_roundings(d);
                let most = (4.0 + sums as f64 / 16.0) * most;
                assert!(p < 1.0 || got.rounding <= most, "{context}");
            }
        }
    }
}

fn gaussian(sigma: f64) -> impl Fn(&[f64], &[f64]) -> f64 {
    move |x, y| (-dense::cost(Cost::SquaredEuclidean, x, y) / (2.0 * sigma * sigma)).exp()
}

fn laplacian(sigma: f64) -> impl Fn(&[f64], &[f64]) -> f64 {
    move |x, y| (-dense::cost(Cost::Euclidean, x, y) / sigma).exp()
}

fn discrepancies_are_their_sums(device: &Device) {
    for (n, m, d) in [(1, 3, 1), (70, 333, 2), (600, 130, 3), (90, 80, 17)] {
        let (a, b) = (measure(n, d, 82), measure(m, d, 83));
        for sigma in [0.05, 0.5, 3.0] {
            let context = format!("σ {sigma}, d {d}, {n} and {m} points");
            let got = Mmd::gaussian(sigma).evaluate(device, &a, &b).unwrap();
            let expected = Dense::new(&a, &b, gaussian(sigma));
            compare(&context, &got, &expected, (-2.0, 1.0), f64::INFINITY);
            let wrong = Dense::new(&a, &b, gaussian(1.1 * sigma));
            let wrong = close(
                &[got.terms.ab, got.terms.aa, got.value],
                &[wrong.terms[0], wrong.terms[1], wrong.value(-2.0, 1.0)],
                |_| got.rounding,
            );
            // To any kernel, points many σ apart are equally far.
            if expected.terms[0] > 1e-3 {
                reject(&context, wrong);
            }
            let got = Mmd::laplacian(sigma).evaluate(device, &a, &b).unwrap();
            let expected = Dense::new(&a, &b, laplacian(sigma));
            compare(&context, &got, &expected, (-2.0, 1.0), f64::INFINITY);
            let roundings = 2 * device.row_roundings(n.max(m), d) + 32 * distance_roundings(d);
            let most = (300 + roundings) as f64 * device.precision().unit_roundoff();
            assert!(
                got.rounding <= most / sigma.min(1.0),
                "{context}: {}",
                got.rounding
            );
        }
    }
}

fn energies_and_discrepancies_of_diracs(device: &Device) {
    let a = Measure::uniform(&[1.0, 2.0, 2.0], 3).unwrap();
    let b = Measure::uniform(&[0.0, 0.0, 0.0], 3).unwrap();
    for p in POWERS {
        let got = energy(device, p, &a, &b);
        let expected = 3f64.powf(p);
        let allowed = got.rounding + 4.0 * Precision::F64.unit_roundoff() * expected;
        accept("Diracs", number("energy", got.value, expected, allowed));
        reject(
            "Diracs",
            number("energy", 2.0 * got.value, expected, allowed),
        );
    }
    for sigma in [0.7f64, 3.0, 40.0] {
        for (mmd, exponent) in [
            (Mmd::gaussian(sigma), -9.0 / (2.0 * sigma * sigma)),
            (Mmd::laplacian(sigma), -3.0 / sigma),
        ] {
            let got = mmd.evaluate(device, &a, &b).unwrap();
            let expected = -2.0 * exponent.exp_m1();
            accept("Diracs", number("MMD²", got.value, expected, got.rounding));
            let half = number("MMD²", 0.5 * got.value, expected, got.rounding);
            reject("Diracs", half);
        }
    }
}

fn the_energy_on_a_line_is_that_of_distribution_functions(device: &Device) {
    let (a, b) = (measure(200, 1, 84), measure(300, 1, 85));
    let mut steps: Vec<(f64, f64)> = Vec::new();
    steps.extend(a.points().iter().copied().zip(a.weights().iter().copied()));
    steps.extend(b.points().iter().zip(b.weights()).map(|(y, w)| (*y, -w)));
    steps.sort_by(|s, t| s.0.total_cmp(&t.0));
    // ∫ (F − G)², F and G the distribution functions.
    let (mut difference, mut expected) = (0.0f64, 0.0);
    for pair in steps.windows(2) {
        difference += pair[0].1;
        expected += difference.powi(2) * (pair[1].0 - pair[0].0);
    }
    let got = energy(device, 1.0, &a, &b);
    let allowed = got.rounding + 1e-14;
    accept("a line", number("energy", got.value, expected, allowed));
    let twice = number("energy", got.value, 2.0 * expected, allowed);
    reject("the statistic of twice the size", twice);
}

fn equal_measures_have_no_energy(device: &Device) {
    for d in [1, 3, 8] {
        let a = measure(500, d, 86);
        for p in POWERS {
            let got = energy(device, p, &a, &a);
            assert_eq!(got.value, 0.0, "p {p}");
            assert!(got.gradient_weights.iter().all(|w| *w == 0.0), "p {p}");
        }
        for mmd in [Mmd::gaussian(0.3), Mmd::laplacian(0.3)] {
            assert_eq!(mmd.evaluate(device, &a, &a).unwrap().value, 0.0);
        }
        assert!(energy(device, 1.0, &a, &measure(500, d, 87)).value > 1e-5);
    }
    // Points without any extent.
    let point = Measure::uniform(&[7.0, 7.0], 1).unwrap();
    for p in POWERS {
        let got = energy(device, p, &point, &point);
        assert_eq!((got.value, got.terms.ab), (0.0, 0.0), "p {p}");
    }
    let same = Mmd::gaussian(1.0).evaluate(device, &point, &point).unwrap();
    assert_eq!(same.value, 0.0);
}

fn reversed(measure: &Measure) -> Measure {
    let d = measure.dimension();
    let points = measure.points().chunks_exact(d).rev().flatten().copied();
    let weights = measure.weights().iter().rev().copied().collect();
    Measure::new(points.collect(), d, weights).unwrap()
}

fn energies_keep_order_symmetry_and_sign(device: &Device) {
    let (a, b) = (measure(140, 3, 88), measure(260, 3, 89));
    let near: Vec<f64> = a.points().iter().map(|x| x + 1e-4).collect();
    let near = Measure::new(near, 3, a.weights().to_vec()).unwrap();
    type Evaluate<'d> = Box<dyn Fn(&Measure, &Measure) -> Discrepancy + 'd>;
    let mut all: Vec<Evaluate> = Vec::new();
    for p in POWERS {
        all.push(Box::new(move |a, b| energy(device, p, a, b)));
    }
    for mmd in [Mmd::gaussian(0.4), Mmd::laplacian(0.4)] {
        all.push(Box::new(move |a, b| mmd.evaluate(device, a, b).unwrap()));
    }
    for (index, evaluate) in all.iter().enumerate() {
        let context = format!("discrepancy {index}");
        let got = evaluate(&a, &b);
        let allowed = 2.0 * got.rounding;
        let swapped = evaluate(&b, &a).value;
        accept(&context, number("swapped", swapped, got.value, allowed));
        let turned = evaluate(&reversed(&a), &b).value;
        accept(&context, number("reversed", turned, got.value, allowed));
        let other = evaluate(&near, &b).value;
        if index != 0 && index != 1 {
            // For p < 1 the rounding of near points is no smaller than this shift.
            reject(&context, number("moved", other + 0.01, got.value, allowed));
        }
        let itself = evaluate(&reversed(&a), &a);
        let zero = number("itself", itself.value, 0.0, itself.rounding);
        accept(&context, zero);
        let least = evaluate(&near, &a);
        assert!(least.value >= -least.rounding, "{context} {least:?}");
        assert!(got.value > 0.0, "{context}");
    }
}

fn an_offset_and_a_scale_of_space_lose_no_digit_of_an_energy(device: &Device) {
    let (a, b) = (measure(90, 2, 90), measure(110, 2, 91));
    for p in POWERS {
        let one = energy(device, p, &a, &b);
        for (s, t) in [(1.0, 1024.0), (2f64.powi(-20), 0.0), (2f64.powi(20), 0.0)] {
            let placed = |m: &Measure| {
                let points = m.points().iter().map(|x| s * (x + t)).collect();
                Measure::new(points, 2, m.weights().to_vec()).unwrap()
            };
            let got = energy(device, p, &placed(&a), &placed(&b)).value / s.powf(p);
            let context = format!("p {p}, scale {s}, offset {t}");
            let allowed = 2.0 * one.rounding + 1e-11;
            accept(&context, number("energy", got, one.value, allowed));
        }
    }
}

fn masses_of_energies(device: &Device) {
    let (a, b) = (measure(60, 2, 92), measure(80, 2, 93));
    let heavy = |measure: &Measure, mass: f64| {
        let weights = measure.weights().iter().map(|w| mass * w).collect();
        Measure::new(measure.points().to_vec(), 2, weights).unwrap()
    };
    let unequal = Energy::new().evaluate(device, &a, &heavy(&b, 2.0));
    assert!(matches!(unequal, Err(Error::UnequalMass { .. })));
    let plane = Measure::uniform(&points(4, 3, 94), 3).unwrap();
    let mismatch = Mmd::gaussian(1.0).evaluate(device, &a, &plane);
    assert!(matches!(mismatch, Err(Error::DimensionMismatch { .. })));
    for mass in [1e-30, 1e-3, 1e6] {
        for p in [0.5, 1.0, 2.0] {
            let one = energy(device, p, &a, &b);
            let got = energy(device, p, &heavy(&a, mass), &heavy(&b, mass));
            let value = got.value / mass / mass;
            let allowed = 2.0 * one.rounding + 1e-13;
            accept("masses", number("energy", value, one.value, allowed));
        }
        let (a, b) = (heavy(&a, mass), heavy(&b, 3.0 * mass));
        let got = Mmd::gaussian(0.5).evaluate(device, &a, &b).unwrap();
        let expected = Dense::new(&a, &b, gaussian(0.5));
        compare("masses", &got, &expected, (-2.0, 1.0), f64::INFINITY);
        let balanced = Dense::new(&a, &heavy(&b, 1.0 / 3.0), gaussian(0.5)).value(-2.0, 1.0);
        reject("masses", number("MMD²", got.value, balanced, got.rounding));
    }
}
