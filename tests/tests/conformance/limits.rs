//! What regularised transport is near for a large and for a small ε: an energy, and the Wasserstein
//! distance, which on a line is that of sorted points.

use super::solver::tolerance;
use haul::{Bounds, Cost, Device, Divergence, Energy, Engine, Error, Measure, Mmd, Sinkhorn};
use haul_tests::clouds::{Numbers, measure};
use haul_tests::compare::{accept, close, number, reject};
use haul_tests::dense;
use haul_tests::engines::Body;

pub const BODIES: &[(&str, Body)] = &[
    (
        "divergences_become_energies_for_a_large_epsilon",
        divergences_become_energies,
    ),
    (
        "the_distance_is_bounded_at_a_large_epsilon",
        the_distance_is_bounded_at_a_large_epsilon,
    ),
    (
        "divergences_become_distances_for_a_small_epsilon",
        divergences_become_distances,
    ),
    (
        "the_distance_is_within_its_bounds_at_every_iteration",
        the_distance_is_within_its_bounds,
    ),
    (
        "tiny_extents_and_huge_epsilons_have_values",
        tiny_extents_and_huge_epsilons,
    ),
];

/// Two points |x − y| = l apart cost l^p at any ε, where f64 holds that.
fn tiny_extents_and_huge_epsilons(device: &Device) {
    for (extent, epsilon, p) in [
        (1e-100, 1.0, 2.0),
        (1e-150, 1.0, 2.0),
        (1e-100, 1e200, 2.0),
        (1e-30, 1e30, 1.0),
        (1e-300, 1e300, 1.0),
        (1.0, 1e308, 2.0),
        (0.3, 1.7e308, 2.0),
        (1e150, 1e308, 2.0),
        (1e300, 1e300, 1.0),
        (1e-300, 1.0, 0.5),
        (1e-3, 1e10, 0.1),
        (1e-3, 1.0, 0.01),
    ] {
        let at = |x: f64| Measure::uniform(&[x, 0.0], 2).unwrap();
        let both = Measure::uniform(&[extent, 0.0, 0.0, 0.0], 2).unwrap();
        let settings = Sinkhorn::epsilon(epsilon).p(p);
        for (target, share) in [(at(extent), 1.0), (both, 0.5)] {
            let solution = settings.solve(device, &at(0.0), &target).unwrap();
            let report = solution.report();
            let context = format!("{extent:e} apart at ε = {epsilon:e}, p {p}");
            // One row: the plan is a⊗b, whatever ε.
            let expected = share * extent.powf(p);
            // Coordinates are rounded, and what is near 0 to the power p by as much as that.
            let unit = device.precision().unit_roundoff();
            let allowed = expected * (16.0 * unit + (4.0 * unit).powf(p.min(1.0)));
            assert!(report.converged, "{context}: {report:?}");
            accept(
                &context,
                number("⟨P, C⟩", report.transport_cost, expected, allowed),
            );
            let wrong = report.transport_cost + 3.0 * allowed;
            reject(&context, number("⟨P, C⟩", wrong, expected, allowed));
            let certificate = report.certificate;
            assert!(
                certificate.lower_bound <= expected,
                "{context}: {certificate:?}"
            );
            assert!(
                certificate.upper_bound >= expected,
                "{context}: {certificate:?}"
            );
            assert_eq!(report.epsilon, epsilon);
        }
    }
    // The MMD of points so near that the kernel is 1 is 0.
    let near = Measure::uniform(&[1e-100, 0.0], 2).unwrap();
    let nothing = Measure::uniform(&[0.0, 0.0], 2).unwrap();
    let mmd = Mmd::gaussian(1.0);
    let discrepancy = mmd.evaluate(device, &nothing, &near).unwrap();
    assert!(discrepancy.value.abs() <= discrepancy.rounding);
    let gradient = mmd.gradient_points(device, &nothing, &near).unwrap();
    assert!(gradient.iter().all(|x| x.abs() < 1e-15), "{gradient:?}");
    // If f64 cannot hold a cost or a ratio, the error says so, with the number that was given.
    let (a, b) = (line(1, 311), line(2, 312));
    let refused = |settings: Sinkhorn| match settings.solve(device, &a, &b) {
        Err(Error::BadParameter { name, value, .. }) => (name, value),
        other => panic!("{:?}", other.map(|solution| solution.value())),
    };
    assert_eq!(
        refused(Sinkhorn::epsilon(1e-10).p(0.01)),
        ("epsilon", 1e-10)
    );
    assert_eq!(
        refused(Sinkhorn::epsilon(0.0)),
        ("epsilon", 0.0),
        "an ε of 0"
    );
}

/// n points on a line, uniform weights.
fn line(n: usize, seed: u64) -> Measure {
    Measure::uniform(&Numbers::new(seed).vector(n, -1.0, 1.0), 1).unwrap()
}

/// W_p^p of two measures of as many points of a line each, for p ≥ 1: sorted points meet.
fn sorted(a: &Measure, b: &Measure, p: f64) -> f64 {
    let sorted = |measure: &Measure| {
        let mut points = measure.points().to_vec();
        points.sort_by(f64::total_cmp);
        points
    };
    let pairs = sorted(a).into_iter().zip(sorted(b));
    pairs.map(|(x, y)| (x - y).abs().powf(p)).sum::<f64>() * a.mass() / a.len() as f64
}

fn divergences_become_energies(device: &Device) {
    let (a, b) = (measure(30, 2, 301), measure(25, 2, 302));
    for p in [1.0, 1.5, 2.0] {
        let cost = Cost::power(p).unwrap();
        let largest = dense::largest_cost(cost, &dense::side(&a), &dense::side(&b));
        let energy = Energy::new().p(p).evaluate(device, &a, &b).unwrap();
        let centred = {
            let weights = a.weights().iter().zip(&energy.gradient_weights);
            let mean: f64 = weights.map(|(a, g)| a * g).sum();
            let gradient = energy.gradient_weights.iter().map(|g| g - mean);
            gradient.collect::<Vec<_>>()
        };
        for ratio in [30.0, 300.0, 1e5, 1e9] {
            let epsilon = ratio * largest;
            let settings = Sinkhorn::epsilon(epsilon).p(p).tolerance(tolerance(device));
            let terms = Divergence::from(settings).evaluate(device, &a, &b).unwrap();
            // OT_ε = E − Var(C)/(2ε) + …, for each of three terms; roundings are those of costs, whatever ε.
            let u = device.precision().unit_roundoff();
            let allowed = largest * (1.0 / ratio + 64.0 * u);
            let context = format!("p {p}, ε {ratio} times the largest cost");
            accept(&context, number("S", terms.value(), energy.value, allowed));
            let wrong = terms.value() + 3.0 * allowed;
            reject(&context, number("S", wrong, energy.value, allowed));
            let (lower, upper) = (terms.lower_bound(), terms.upper_bound());
            assert!(
                upper - lower < largest * (2.0 / ratio + 2000.0 * u),
                "{lower} {upper}"
            );
            let gradient = terms.gradient().unwrap().weights;
            accept(&context, close(&gradient, &centred, |_| 2.0 * allowed));
            if ratio > 100.0 {
                let none = vec![0.0; a.len()];
                reject(&context, close(&centred, &none, |_| 2.0 * allowed));
            }
        }
    }
}

/// The lower bound of W_p^p at potentials that depend on the means only: here it is tight.
fn the_distance_is_bounded_at_a_large_epsilon(device: &Device) {
    let a = Measure::uniform(&[0.0, 1.0], 1).unwrap();
    let b = Measure::uniform(&[3.0, 4.0], 1).unwrap();
    for epsilon in [1e3, 1e6, 1e12, 1e100] {
        let solution = Sinkhorn::epsilon(epsilon).solve(device, &a, &b).unwrap();
        let Bounds { lower, upper } = solution.certificate().wasserstein.unwrap();
        assert!(8.9 < lower && lower <= 9.0, "ε {epsilon}: {lower}");
        assert!((9.0..9.6).contains(&upper), "ε {epsilon}: {upper}");
    }
}

fn divergences_become_distances(device: &Device) {
    let (a, b) = (line(40, 303), line(40, 304));
    for p in [1.0, 2.0] {
        let distance = sorted(&a, &b, p);
        for epsilon in [0.1, 0.01] {
            let settings = Sinkhorn::epsilon(epsilon)
                .p(p)
                .tolerance(tolerance(device))
                .max_iterations(20_000);
            let terms = Divergence::from(settings).evaluate(device, &a, &b).unwrap();
            assert!(terms.converged());
            // KL is between 0 and log n for each of three terms.
            let allowed = epsilon * 40f64.ln();
            let context = format!("p {p}, ε {epsilon}");
            accept(&context, number("S", terms.value(), distance, allowed));
            let wrong = terms.value() + 3.0 * allowed;
            reject(&context, number("S", wrong, distance, allowed));
        }
    }
}

fn the_distance_is_within_its_bounds(device: &Device) {
    for mass in [1.0, 1e4] {
        let heavy = |measure: Measure| {
            let weights = vec![mass / measure.len() as f64; measure.len()];
            measure.with_weights(&weights).unwrap()
        };
        let (a, b) = (heavy(line(60, 305)), heavy(line(60, 306)));
        for p in [1.0, 1.5, 2.0] {
            let distance = sorted(&a, &b, p);
            for epsilon in [0.3, 0.02, 0.002] {
                for iterations in [1, 3, 30, 300] {
                    let settings = Sinkhorn::epsilon(epsilon).p(p).max_iterations(iterations);
                    let solution = settings.solve(device, &a, &b).unwrap();
                    let Bounds { lower, upper } = solution.certificate().wasserstein.unwrap();
                    let context = format!("p {p}, ε {epsilon}, {iterations} iterations");
                    let inside = lower <= distance && distance <= upper;
                    assert!(inside, "{context}: {lower} ≤ {distance} ≤ {upper}");
                    // The cost of a converged plan is within ε log n of the best.
                    if solution.report().converged {
                        let most = mass * (2.0 * epsilon * 60f64.ln() + 0.01);
                        assert!(upper - lower <= most, "{context}: {lower} and {upper}");
                    }
                }
            }
        }
    }
    let (a, b) = (line(10, 307), line(10, 308));
    let unbalanced = Sinkhorn::epsilon(0.1)
        .rho(1.0)
        .solve(device, &a, &b)
        .unwrap();
    assert_eq!(unbalanced.certificate().wasserstein, None);
}
