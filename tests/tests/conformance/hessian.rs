//! Second derivatives against differences of gradients and potentials, and against what symmetry
//! requires.

use super::solver::tolerance;
use haul::{Device, Engine, Error, Measure, Sensitivity, Sinkhorn};
use haul_tests::clouds::{Numbers, measure};
use haul_tests::compare::{accept, close, number, reject};
use haul_tests::engines::Body;

pub const BODIES: &[(&str, Body)] = &[
    (
        "sensitivities_are_differences_of_gradients_and_potentials",
        sensitivities_are_differences,
    ),
    ("hessians_are_symmetric", hessians_are_symmetric),
    (
        "a_translation_curves_by_twice_the_weights",
        a_translation_curves_by_twice_the_weights,
    ),
    ("what_has_no_hessian_is_refused", what_has_none_is_refused),
];

const EXACT: f64 = f64::INFINITY;

/// ε, penalties and dimension.
const PROBLEMS: [(f64, [f64; 2], usize); 5] = [
    (0.3, [EXACT, EXACT], 2),
    (0.1, [EXACT, EXACT], 3),
    (0.5, [EXACT, EXACT], 6),
    (0.3, [0.8, 0.8], 1),
    (0.3, [EXACT, 0.5], 3),
];

fn sinkhorn(epsilon: f64, rho: [f64; 2], tolerance: f64) -> Sinkhorn {
    Sinkhorn::epsilon(epsilon)
        .rho_a(rho[0])
        .rho_b(rho[1])
        .tolerance(tolerance)
        .max_iterations(20_000)
}

fn pair(d: usize) -> (Measure, Measure) {
    (measure(23, d, 101), measure(31, d, 102))
}

fn sensitivity(device: &Device, epsilon: f64, rho: [f64; 2], d: usize, v: &[f64]) -> Sensitivity {
    let (a, b) = pair(d);
    let settings = sinkhorn(epsilon, rho, 0.1 * tolerance(device));
    let solution = settings.solve(device, &a, &b).unwrap();
    assert!(solution.report().converged);
    let sensitivity = solution.sensitivity(v).unwrap();
    assert!(sensitivity.converged, "{}", sensitivity.residual);
    sensitivity
}

/// The tolerance of derivatives: rounding, and the remaining error of the iteration.
fn allowed(device: &Device, size: f64) -> f64 {
    let relative = if device.precision().name() == "f64" {
        1e-7
    } else {
        1e-3
    };
    relative * size
}

/// Without its mean over the points of positive weight where `balanced`; those of weight 0 are left out.
fn comparable(values: &[f64], weights: &[f64], balanced: bool) -> Vec<f64> {
    let weighty = values.iter().zip(weights).filter(|(_, w)| **w > 0.0);
    let (sum, mass) = weighty
        .clone()
        .fold((0.0, 0.0), |(sum, mass), (v, w)| (sum + v * w, mass + w));
    let mean = if balanced { sum / mass } else { 0.0 };
    weighty.map(|(v, _)| v - mean).collect()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |largest, v| v.abs().max(largest))
}

fn sensitivities_are_differences(device: &Device) {
    let exact = Device::cpu_f64();
    for (epsilon, rho, d) in PROBLEMS {
        let (a, b) = pair(d);
        let direction = Numbers::new(103).vector(a.points().len(), -1.0, 1.0);
        let got = sensitivity(device, epsilon, rho, d, &direction);
        let step = 1e-5;
        let at = |h: f64| {
            let points = a.points().iter().zip(&direction).map(|(x, v)| x + h * v);
            let moved = Measure::new(points.collect(), d, a.weights().to_vec()).unwrap();
            let solution = sinkhorn(epsilon, rho, 1e-13).solve(&exact, &moved, &b);
            let solution = solution.unwrap();
            let potentials = solution.potentials().unwrap();
            (
                solution.gradient().unwrap().points,
                potentials.f,
                potentials.g,
            )
        };
        let difference = |v: &[f64], w: &[f64]| -> Vec<f64> {
            v.iter()
                .zip(w)
                .map(|(v, w)| (v - w) / (2.0 * step))
                .collect()
        };
        let (ahead, behind) = (at(step), at(-step));
        let context = format!("ε {epsilon}, ρ {rho:?}, d {d}");
        let compare = |name: &str, got: &[f64], expected: &[f64]| {
            let allowed = allowed(device, largest(expected));
            let context = format!("{context}: {name}");
            accept(&context, close(got, expected, |_| allowed));
            let wrong: Vec<f64> = got.iter().map(|g| g * 1.01 + 3.0 * allowed).collect();
            reject(&context, close(&wrong, expected, |_| allowed));
        };
        compare("H v", &got.gradient, &difference(&ahead.0, &behind.0));
        // The constant that is free moves from one potential to the other.
        let balanced = rho == [EXACT; 2];
        let of =
            |values: &[f64], measure: &Measure| comparable(values, measure.weights(), balanced);
        let (f, g) = (
            difference(&ahead.1, &behind.1),
            difference(&ahead.2, &behind.2),
        );
        compare("f", &of(&got.f, &a), &of(&f, &a));
        compare("g", &of(&got.g, &b), &of(&g, &b));
    }
}

fn hessians_are_symmetric(device: &Device) {
    for (epsilon, rho, d) in PROBLEMS {
        let (a, _) = pair(d);
        let mut numbers = Numbers::new(104);
        let (u, v) = (
            numbers.vector(a.points().len(), -1.0, 1.0),
            numbers.vector(a.points().len(), -1.0, 1.0),
        );
        let dot = |v: &[f64], w: &[f64]| -> f64 { v.iter().zip(w).map(|(v, w)| v * w).sum() };
        let (hu, hv) = (
            sensitivity(device, epsilon, rho, d, &u).gradient,
            sensitivity(device, epsilon, rho, d, &v).gradient,
        );
        let allowed = allowed(device, dot(&u, &hu).abs().max(dot(&v, &hv).abs()));
        let context = format!("ε {epsilon}, ρ {rho:?}, d {d}");
        accept(
            &context,
            number("⟨u, Hv⟩", dot(&u, &hv), dot(&v, &hu), allowed),
        );
        reject(
            &context,
            number("⟨u, Hu⟩", dot(&u, &hu), dot(&v, &hu), allowed),
        );
    }
}

fn a_translation_curves_by_twice_the_weights(device: &Device) {
    // The plan stays the same, and so does the map: of 2a(x − T(x)) only 2a x changes.
    let (a, _) = pair(3);
    let t = [0.3, -0.7, 0.2];
    let direction: Vec<f64> = (0..3 * a.len()).map(|k| t[k % 3]).collect();
    let expected: Vec<f64> = (0..3 * a.len())
        .map(|k| 2.0 * a.weights()[k / 3] * t[k % 3])
        .collect();
    let got = sensitivity(device, 0.1, [EXACT; 2], 3, &direction).gradient;
    let allowed = allowed(device, largest(&expected));
    accept("2at", close(&got, &expected, |_| allowed));
    let wrong: Vec<f64> = expected.iter().map(|h| 1.01 * h).collect();
    reject("2.02at", close(&got, &wrong, |_| allowed));
    // The derivative along 0 is 0.
    let still = sensitivity(device, 0.1, [EXACT; 2], 3, &vec![0.0; 3 * a.len()]);
    assert!(still.iterations == 0 && still.gradient.iter().all(|h| *h == 0.0));
}

fn what_has_none_is_refused(device: &Device) {
    let (a, b) = pair(2);
    let distance = sinkhorn(0.3, [EXACT; 2], 1e-3)
        .p(1)
        .solve(device, &a, &b)
        .unwrap();
    let refused = distance.sensitivity(a.points());
    assert!(
        matches!(refused, Err(Error::BadParameter { name: "p", .. })),
        "{refused:?}"
    );
    let squared = sinkhorn(0.3, [EXACT; 2], 1e-3)
        .solve(device, &a, &b)
        .unwrap();
    let refused = squared.sensitivity(&[1.0; 3]);
    assert!(
        matches!(refused, Err(Error::Length { found: 3, .. })),
        "{refused:?}"
    );
}
