//! Studies of ε between their limits, and distances between samples of a law against their expectations.

use haul::{
    Bounds, Device, Divergence, Energy, Engine, EpsilonStudy, Exact, Precision, Regularization,
    SampleStudy, SampleTrial, Sinkhorn,
};
use haul_tests::clouds::measure;
use haul_tests::compare::{accept, number, reject};
use haul_tests::engines::Body;

pub const BODIES: &[(&str, Body)] = &[
    (
        "a_study_of_epsilon_goes_from_one_limit_to_the_other",
        limits,
    ),
    ("a_warm_start_changes_no_value_of_a_study", warm),
    (
        "distances_between_samples_have_their_expectations",
        expectations,
    ),
];

fn settings(device: &Device, p: f64) -> Sinkhorn {
    let tolerance = match device.precision() {
        Precision::F64 => 1e-8,
        Precision::F32 => 1e-5,
    };
    Sinkhorn::default().p(p).tolerance(tolerance)
}

fn limits(device: &Device) {
    let (a, b) = (measure(40, 2, 61), measure(30, 2, 62));
    let double = device.precision() == Precision::F64;
    for p in [1.0, 2.0] {
        let exact = Exact::default().p(p).solve(device, &a, &b).unwrap().value();
        let energy = Energy::new().p(p).evaluate(device, &a, &b).unwrap();
        let (product, energy) = (energy.terms.ab, energy.value);
        let mut study = EpsilonStudy::new(settings(device, p));
        let ladder = EpsilonStudy::ladder(1e4, if double { 1e-3 } else { 1e-2 }, 7).unwrap();
        let mut points = Vec::new();
        for epsilon in ladder {
            let point = study.evaluate(device, &a, &b, epsilon).unwrap();
            assert!(point.converged, "{point:?}");
            assert_eq!(point.epsilon, epsilon);
            let Bounds { lower, upper } = point.wasserstein.unwrap();
            assert!(lower <= exact && exact <= upper, "{point:?} {exact}");
            // OT_ε is above ⟨P, C⟩ by ε KL, and no plan is cheaper than the exact one.
            assert!(point.bounds.upper >= exact, "{point:?} {exact}");
            points.push(point);
        }
        let room = if double { 1e-6 } else { 2e-3 } * product;
        for pair in points.windows(2) {
            assert!(pair[1].bounds.lower <= pair[0].bounds.upper + room);
            assert!(pair[1].transport_cost <= pair[0].transport_cost + room);
        }
        let [first, last] = [&points[0], &points[6]];
        let context = format!("p = {p}");
        let off = 2e-3 * product;
        for (name, value, limit, other) in [
            ("OT_ε", first.value, product, exact),
            ("⟨P, C⟩", first.transport_cost, product, exact),
            ("S_ε", first.divergence, energy, exact),
        ] {
            accept(&context, number(name, value, limit, off));
            reject(&context, number(name, value, other, off));
        }
        let near = if double { 0.02 } else { 0.1 } * product;
        for (name, value) in [("⟨P, C⟩", last.transport_cost), ("S_ε", last.divergence)] {
            accept(&context, number(name, value, exact, near));
            reject(&context, number(name, value, product, near));
        }
    }
}

fn warm(device: &Device) {
    let (a, b) = (measure(50, 3, 63), measure(45, 3, 64));
    let settings = settings(device, 2.0);
    let mut study = EpsilonStudy::new(settings.clone());
    for epsilon in [1.0, 0.25, 0.0625] {
        let point = study.evaluate(device, &a, &b, epsilon).unwrap();
        let alone = settings
            .clone()
            .regularized(Regularization::Epsilon(epsilon));
        let terms = Divergence::from(alone).evaluate(device, &a, &b).unwrap();
        // Both are within the bounds of the other.
        let Bounds { lower, upper } = point.divergence_bounds;
        assert!(lower <= terms.upper_bound() && terms.lower_bound() <= upper);
        assert!(upper - lower < 0.1 * point.divergence, "{point:?}");
        let Bounds { lower, upper } = point.bounds;
        let other = terms.report().value;
        let room = upper - lower;
        accept("OT_ε", number("OT_ε", point.value, other, room));
        reject("OT_ε", number("OT_ε", point.value, 1.1 * other, room));
    }
}

/// Of two samples of n points on the unit interval, E W₂² = 1/(3(n + 1)), from the variances of order statistics, and the
/// energy distance has the mean 1/(3n), because only the n pairs of a point with itself lack in the self terms.
fn expectations(device: &Device) {
    const N: usize = 6;
    const TRIALS: u64 = 10;
    let study = SampleStudy::new(2, &[0.6, 0.3], 11);
    let trials: Vec<_> = (0..TRIALS)
        .map(|trial| study.trial(device, N, 1, trial).unwrap())
        .collect();
    let n = N as f64;
    let told = |squares: Vec<f64>, expected: f64, name: &str| {
        let count = squares.len() as f64;
        let mean = squares.iter().sum::<f64>() / count;
        let off: f64 = squares.iter().map(|square| (square - mean).powi(2)).sum();
        let error = (off / (count - 1.0) / count).sqrt();
        accept(name, number(name, mean, expected, 4.0 * error));
        reject(name, number(name, mean, 5.0 * expected, 4.0 * error));
    };
    let of = |of: fn(&SampleTrial) -> f64| -> Vec<f64> {
        trials.iter().map(|trial| of(trial).powi(2)).collect()
    };
    told(of(|it| it.wasserstein), 1.0 / (3.0 * (n + 1.0)), "W₂²");
    told(of(|it| it.energy), 1.0 / (3.0 * n), "energy");
    for trial in &trials {
        let [wide, narrow] = trial.divergences[..] else {
            panic!("{trial:?}");
        };
        assert!(wide > 0.0 && narrow > wide, "{trial:?}");
    }
    let again = study.trial(device, N, 1, 3).unwrap();
    assert_eq!(again.wasserstein, trials[3].wasserstein);
    assert_ne!(again.wasserstein, trials[4].wasserstein);
    assert!(study.trial(device, 1, 1, 0).is_err());
}
