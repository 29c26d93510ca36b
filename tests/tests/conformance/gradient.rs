//! Gradients against differences of a dense solver's values, and against what symmetry
//! requires.
//!
//! A central difference of step h has an error of h² and of roundoff over h: about 1e-10 of a smooth value
//! at h = 1e-5, and 1e-8 of a distance that is only a hundred steps long. The rest of an engine's error is of first
//! order in its tolerance.

use super::solver::tolerance;
use haul::{
    Cost, Device, Divergence, Energy, Engine, Gradient, Measure, Mmd, Sinkhorn, Solution, Terms,
    Truncated,
};
use haul_tests::clouds::{Numbers, measure, points};
use haul_tests::compare::{accept, close, number, reject};
use haul_tests::counting::{Counting, Counts};
use haul_tests::dense;
use haul_tests::engines::Body;

pub const BODIES: &[(&str, Body)] = &[
    (
        "gradients_are_differences_of_converged_values",
        gradients_are_differences_of_converged_values,
    ),
    (
        "gradients_of_divergences_are_differences",
        gradients_of_divergences_are_differences,
    ),
    (
        "gradients_of_energies_are_differences",
        gradients_of_energies_are_differences,
    ),
    (
        "truncated_gradients_are_differences_of_truncated_costs",
        truncated_gradients_are_differences,
    ),
    (
        "truncated_gradients_take_passes_in_proportion_to_the_iterations",
        truncated_gradients_take_few_passes,
    ),
    (
        "a_translation_moves_both_measures_against_each_other",
        translations,
    ),
    (
        "the_squared_cost_pulls_to_the_barycentric_map",
        the_squared_cost_pulls_to_the_map,
    ),
    (
        "equal_measures_do_not_pull_each_other",
        equal_measures_do_not_pull_each_other,
    ),
];

/// The step of differences.
const STEP: f64 = 1e-5;

const EXACT: f64 = f64::INFINITY;

/// Powers, ε, penalties and masses.
const PROBLEMS: [(f64, f64, [f64; 2], [f64; 2]); 7] = [
    (2.0, 0.3, [EXACT, EXACT], [1.0, 1.0]),
    (2.0, 0.3, [EXACT, EXACT], [3.0, 3.0]),
    (1.0, 0.2, [EXACT, EXACT], [1.0, 1.0]),
    (1.5, 0.2, [EXACT, EXACT], [1.0, 1.0]),
    (2.0, 0.3, [1.0, 1.0], [1.3, 0.7]),
    (1.0, 0.3, [0.5, 2.0], [0.8, 1.2]),
    (2.0, 0.3, [EXACT, 0.7], [1.3, 0.7]),
];

/// Two small measures of these masses, weights all positive.
fn pair(masses: [f64; 2]) -> (Measure, Measure) {
    let of = |n: usize, seed: u64, mass: f64| {
        let weights = Numbers::new(seed).vector(n, 0.3, 1.0);
        let sum: f64 = weights.iter().sum();
        let weights = weights.iter().map(|w| w * mass / sum).collect();
        Measure::new(points(n, 2, seed + 7), 2, weights).unwrap()
    };
    (of(6, 31, masses[0]), of(5, 41, masses[1]))
}

/// The measure with its points and weights moved along a direction.
fn moved(a: &Measure, direction: &Gradient, h: f64) -> Measure {
    let step = |v: &[f64], w: &[f64]| v.iter().zip(w).map(|(v, w)| v + h * w).collect();
    let points = step(a.points(), &direction.points);
    Measure::new(points, a.dimension(), step(a.weights(), &direction.weights)).unwrap()
}

fn no_points(a: &Measure) -> Vec<f64> {
    vec![0.0; a.points().len()]
}

/// A direction of the points alone, and one of the weights alone, which keeps the mass where asked.
fn directions(a: &Measure, seed: u64, keeps_mass: bool) -> [Gradient; 2] {
    let mut numbers = Numbers::new(seed);
    let n = a.len();
    let mut weights = numbers.vector(n, -0.2, 0.2);
    if keeps_mass {
        let mean = weights.iter().sum::<f64>() / n as f64;
        weights.iter_mut().for_each(|w| *w -= mean);
    }
    [
        Gradient {
            points: numbers.vector(a.points().len(), -1.0, 1.0),
            weights: vec![0.0; n],
        },
        Gradient {
            points: no_points(a),
            weights,
        },
    ]
}

fn along(gradient: &Gradient, direction: &Gradient) -> f64 {
    let dot = |v: &[f64], w: &[f64]| -> f64 { v.iter().zip(w).map(|(v, w)| v * w).sum() };
    dot(&gradient.points, &direction.points) + dot(&gradient.weights, &direction.weights)
}

/// Compares both gradients with central differences of `value`, in two directions each.
fn compare(
    context: &str,
    (a, b): (&Measure, &Measure),
    [source, target]: [Gradient; 2],
    keeps_mass: bool,
    allowed: f64,
    value: impl Fn(&Measure, &Measure) -> f64,
) {
    let sides = [(a, source, "source"), (b, target, "target")];
    for (index, (side, gradient, name)) in sides.iter().enumerate() {
        for (kind, direction) in directions(side, 51 + index as u64, keeps_mass)
            .iter()
            .enumerate()
        {
            let at = |h: f64| {
                let side = moved(side, direction, h);
                if index == 0 {
                    value(&side, b)
                } else {
                    value(a, &side)
                }
            };
            let expected = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            let got = along(gradient, direction);
            let context = format!("{context}, {name}, {}", ["points", "weights"][kind]);
            accept(&context, number("slope", got, expected, allowed));
            let wrong = got + 3.0 * allowed;
            reject(&context, number("slope", wrong, expected, allowed));
        }
    }
}

fn gradients(solution: &Solution<&Device>) -> [Gradient; 2] {
    [
        solution.gradient().unwrap(),
        solution.gradient_target().unwrap(),
    ]
}

fn sinkhorn(device: &Device, p: f64, epsilon: f64, rho: [f64; 2]) -> Sinkhorn {
    Sinkhorn::epsilon(epsilon)
        .p(p)
        .rho_a(rho[0])
        .rho_b(rho[1])
        .tolerance(0.1 * tolerance(device))
        .max_iterations(20_000)
}

fn optimum(cost: Cost, epsilon: f64, rho: [f64; 2], a: &Measure, b: &Measure) -> f64 {
    let (rows, columns) = dense::solve(cost, epsilon, rho, a, b);
    dense::dual(cost, epsilon, rho, &rows, &columns)
}

fn gradients_are_differences_of_converged_values(device: &Device) {
    for (p, epsilon, rho, masses) in PROBLEMS {
        let (a, b) = pair(masses);
        let cost = Cost::power(p).unwrap();
        let solution = sinkhorn(device, p, epsilon, rho)
            .solve(device, &a, &b)
            .unwrap();
        assert!(solution.report().converged);
        let balanced = rho == [EXACT; 2];
        let allowed = 10.0 * tolerance(device) * (1.0 + masses[0] + masses[1]) + 1e-8;
        let context = format!("p {p}, ε {epsilon}, ρ {rho:?}, masses {masses:?}");
        let value = |a: &Measure, b: &Measure| optimum(cost, epsilon, rho, a, b);
        compare(
            &context,
            (&a, &b),
            gradients(&solution),
            balanced,
            allowed,
            value,
        );
        if balanced {
            let Gradient { weights, .. } = solution.gradient().unwrap();
            let mean: f64 = weights.iter().zip(a.weights()).map(|(w, a)| w * a).sum();
            accept(&context, number("mean", mean, 0.0, 1e-12));
        }
    }
}

fn of_terms(terms: &Terms<&Device>) -> [Gradient; 2] {
    [terms.gradient().unwrap(), terms.gradient_target().unwrap()]
}

fn gradients_of_divergences_are_differences(device: &Device) {
    for (p, epsilon, rho, masses) in PROBLEMS {
        let (a, b) = pair(masses);
        let cost = Cost::power(p).unwrap();
        let divergence = Divergence::from(sinkhorn(device, p, epsilon, rho));
        let terms = divergence.evaluate(device, &a, &b).unwrap();
        assert!(terms.converged());
        let allowed = 20.0 * tolerance(device) * (1.0 + masses[0] + masses[1]) + 1e-8;
        let value = |a: &Measure, b: &Measure| {
            let masses = 0.5 * epsilon * (a.mass() - b.mass()).powi(2);
            let own = |rho: f64, a: &Measure| 0.5 * optimum(cost, epsilon, [rho; 2], a, a);
            optimum(cost, epsilon, rho, a, b) - own(rho[0], a) - own(rho[1], b) + masses
        };
        let balanced = rho == [EXACT; 2];
        let context = format!("S, p {p}, ε {epsilon}, ρ {rho:?}, masses {masses:?}");
        compare(
            &context,
            (&a, &b),
            of_terms(&terms),
            balanced,
            allowed,
            value,
        );
    }
}

fn gradients_of_energies_are_differences(device: &Device) {
    let (a, b) = pair([1.3, 1.3]);
    let pairs = |a: &Measure, b: &Measure, of: &dyn Fn(f64) -> f64| -> f64 {
        let (x, y) = (dense::side(a), dense::side(b));
        let mut sum = 0.0;
        for i in 0..x.len() {
            for j in 0..y.len() {
                let distance = dense::cost(Cost::Euclidean, x.point(i), y.point(j));
                sum += x.weights[i] * y.weights[j] * of(distance);
            }
        }
        sum
    };
    let difference = |direction: &Gradient, of: &dyn Fn(f64) -> f64, cross: f64, own: f64| {
        let value = |h: f64| {
            let a = moved(&a, direction, h);
            cross * pairs(&a, &b, of) + own * (pairs(&a, &a, of) + pairs(&b, &b, of))
        };
        (value(STEP) - value(-STEP)) / (2.0 * STEP)
    };
    let [points, _] = directions(&a, 61, false);
    let allowed = if device.precision().name() == "f64" {
        1e-8
    } else {
        1e-5
    };
    let check = |context: &str, got: Vec<f64>, expected: f64| {
        let gradient = Gradient {
            points: got,
            weights: vec![0.0; a.len()],
        };
        let got = along(&gradient, &points);
        accept(context, number("slope", got, expected, allowed));
        reject(
            context,
            number("slope", got + 3.0 * allowed, expected, allowed),
        );
    };
    for p in [0.7, 1.0, 1.5, 2.0] {
        let got = Energy::new().p(p).gradient_points(device, &a, &b).unwrap();
        let expected = difference(&points, &|r| r.powf(p), 1.0, -0.5);
        check(&format!("energy, p {p}"), got, expected);
    }
    let sigma = 0.6;
    let gaussian = Mmd::gaussian(sigma)
        .gradient_points(device, &a, &b)
        .unwrap();
    let k = |r: f64| (-0.5 * (r / sigma).powi(2)).exp();
    check("Gaussian", gaussian, difference(&points, &k, -2.0, 1.0));
    let laplacian = Mmd::laplacian(sigma)
        .gradient_points(device, &a, &b)
        .unwrap();
    let k = |r: f64| (-r / sigma).exp();
    check("Laplacian", laplacian, difference(&points, &k, -2.0, 1.0));
}

/// W_L by the scalings themselves.
fn truncated(cost: Cost, epsilon: f64, iterations: usize, a: &Measure, b: &Measure) -> f64 {
    let (x, y) = (dense::side(a), dense::side(b));
    let c = |i: usize, j: usize| dense::cost(cost, x.point(i), y.point(j));
    let k = |i: usize, j: usize| (-c(i, j) / epsilon).exp();
    let (n, m) = (x.len(), y.len());
    let mut v = vec![1.0; m];
    let u = |v: &[f64]| -> Vec<f64> {
        let sum = |i: usize| (0..m).map(|j| k(i, j) * v[j]).sum::<f64>();
        (0..n).map(|i| x.weights[i] / sum(i)).collect()
    };
    for _ in 0..iterations {
        let u = u(&v);
        let sum = |j: usize| (0..n).map(|i| k(i, j) * u[i]).sum::<f64>();
        v = (0..m).map(|j| y.weights[j] / sum(j)).collect();
    }
    let u = u(&v);
    let row = |i: usize| (0..m).map(|j| u[i] * k(i, j) * v[j] * c(i, j)).sum::<f64>();
    (0..n).map(row).sum()
}

fn truncated_gradients_are_differences(device: &Device) {
    let single = device.precision().name() == "f32";
    for (p, epsilon) in [(2.0, 0.4), (1.0, 0.3), (1.5, 0.3)] {
        let cost = Cost::power(p).unwrap();
        for iterations in [0, 1, 2, 7] {
            let (a, b) = pair([1.7, 1.7]);
            let settings = Truncated::epsilon(epsilon).iterations(iterations).p(p);
            let got = settings.evaluate(device, &a, &b).unwrap();
            let expected = truncated(cost, epsilon, iterations, &a, &b);
            let context = format!("W_L, p {p}, L {iterations}");
            let rounding = if single { 1e-6 } else { 1e-13 } * expected;
            accept(&context, number("value", got.value(), expected, rounding));
            let gradients = [got.gradient().unwrap(), got.gradient_target().unwrap()];
            let allowed = if single { 3e-5 } else { 3e-9 };
            // The method takes masses as given, two and one here, so weights may change freely.
            let value = |a: &Measure, b: &Measure| truncated(cost, epsilon, iterations, a, b);
            compare(&context, (&a, &b), gradients, false, allowed, value);
        }
    }
}

fn truncated_gradients_take_few_passes(device: &Device) {
    let (a, b) = pair([1.0, 1.0]);
    for iterations in [0, 3, 10] {
        let engine = Counting::new(device);
        let settings = Truncated::epsilon(0.3).iterations(iterations);
        let cost = settings.evaluate(&engine, &a, &b).unwrap();
        let forward = engine.counts();
        assert_eq!(
            forward,
            Counts {
                softmins: 2 * iterations + 1,
                products: 1,
                ..Counts::default()
            }
        );
        cost.gradient().unwrap();
        let back = engine.counts();
        assert_eq!(back.softmins, forward.softmins, "potentials are stored");
        assert_eq!(back.products, forward.products + 2 + 2 * iterations);
        assert_eq!(back.gradients, 3 + 2 * iterations);
    }
}

fn translations(device: &Device) {
    let (a, b) = (measure(40, 3, 71), measure(30, 3, 72));
    for p in [1.0, 1.5, 2.0] {
        for rho in [[EXACT; 2], [0.7, 0.3]] {
            let solution = sinkhorn(device, p, 0.2, rho).solve(device, &a, &b).unwrap();
            let [source, target] = gradients(&solution);
            let sum = |gradient: &Gradient| -> Vec<f64> {
                let component = |k| gradient.points.iter().skip(k).step_by(3).sum();
                (0..3).map(component).collect()
            };
            let opposite: Vec<f64> = sum(&target).iter().map(|g| -g).collect();
            let allowed = if device.precision().name() == "f64" {
                1e-12
            } else {
                1e-5
            };
            let context = format!("p {p}, ρ {rho:?}");
            accept(&context, close(&sum(&source), &opposite, |_| allowed));
            reject(&context, close(&sum(&source), &sum(&target), |_| allowed));
            // Where all mass must arrive, the gradients sum to that of the whole: for p = 2 a translation by t changes
            // the value by its product with the difference of the means.
            if p == 2.0 && rho == [EXACT; 2] {
                let mean = |m: &Measure, k: usize| -> f64 {
                    let pairs = m.points().iter().skip(k).step_by(3).zip(m.weights());
                    pairs.map(|(x, a)| x * a).sum()
                };
                let pull: Vec<f64> = (0..3).map(|k| 2.0 * (mean(&a, k) - mean(&b, k))).collect();
                let allowed = 10.0 * tolerance(device);
                accept(&context, close(&sum(&source), &pull, |_| allowed));
            }
        }
    }
}

fn the_squared_cost_pulls_to_the_map(device: &Device) {
    let (a, b) = (measure(40, 3, 81), measure(30, 3, 82));
    let solution = sinkhorn(device, 2.0, 0.2, [EXACT; 2])
        .solve(device, &a, &b)
        .unwrap();
    let map = solution.plan().map().unwrap();
    let (rows, _) = solution.plan().marginals().unwrap();
    let pull: Vec<f64> = (0..a.points().len())
        .map(|i| 2.0 * rows[i / 3] * (a.points()[i] - map[i]))
        .collect();
    let gradient = solution.gradient().unwrap().points;
    let allowed = 16.0 * device.precision().unit_roundoff();
    accept("2a(x − T(x))", close(&gradient, &pull, |_| allowed));
    let half: Vec<f64> = pull.iter().map(|g| 0.5 * g).collect();
    reject("a(x − T(x))", close(&gradient, &half, |_| allowed));
}

fn equal_measures_do_not_pull_each_other(device: &Device) {
    let a = measure(50, 2, 91);
    for rho in [[EXACT; 2], [0.4, 0.4]] {
        let settings = sinkhorn(device, 2.0, 0.1, rho);
        let terms = Divergence::from(settings).evaluate(device, &a, &a).unwrap();
        for gradient in of_terms(&terms) {
            let all = gradient.points.iter().chain(&gradient.weights);
            assert!(all.clone().all(|g| *g == 0.0), "{gradient:?}");
        }
        // That of the cross term alone is not 0: the entropy pulls points inwards.
        let pull = terms.ab.gradient().unwrap().points;
        assert!(pull.iter().any(|g| g.abs() > 1e-3));
    }
    // A cloud moved by t is pulled back by all of it: S_ε(α, α + t) = |t|².
    let t = [0.25, -0.5];
    let moved: Vec<f64> = a
        .points()
        .iter()
        .enumerate()
        .map(|(i, x)| x + t[i % 2])
        .collect();
    let b = Measure::new(moved, 2, a.weights().to_vec()).unwrap();
    let settings = sinkhorn(device, 2.0, 0.1, [EXACT; 2]);
    let terms = Divergence::from(settings).evaluate(device, &a, &b).unwrap();
    let pull: Vec<f64> = (0..2 * a.len())
        .map(|i| -2.0 * a.weights()[i / 2] * t[i % 2])
        .collect();
    let allowed = 2.0 * tolerance(device);
    let gradient = terms.gradient().unwrap().points;
    accept("−2at", close(&gradient, &pull, |_| allowed));
    let wrong: Vec<f64> = pull.iter().map(|g| g * 1.1).collect();
    reject("−2.2at", close(&gradient, &wrong, |_| allowed));
}
