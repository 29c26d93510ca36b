//! Random problems: whatever the sizes, dimensions, weights, scale and ε, a solve ends with finite
//! numbers whose bounds are in order, and with a lower bound below the cost of a plan that anyone
//! can write down.

use haul::{Device, Energy, Error, Form, Measure, Mmd, Sinkhorn};
use proptest::prelude::*;

/// A measure of up to 24 points in dimension d, coordinates of size `extent`, some weights 0.
fn measure(d: usize, extent: f64) -> impl Strategy<Value = Measure> {
    (1..24usize)
        .prop_flat_map(move |n| {
            let points = prop::collection::vec(-1.0..1.0f64, n * d);
            let weights = prop::collection::vec(prop_oneof![1 => Just(0.0), 4 => 0.01..1.0f64], n);
            (points, weights)
        })
        .prop_map(move |(points, mut weights)| {
            weights[0] += 0.1;
            let points = points.into_iter().map(|x| extent * x).collect();
            Measure::new(points, d, weights).unwrap().normalized()
        })
}

fn problem() -> impl Strategy<Value = (Measure, Measure, f64)> {
    (1..6usize, -6..=6i32, -3.0..3.0f64).prop_flat_map(|(d, decade, log_epsilon)| {
        let extent = 10f64.powi(decade);
        (
            measure(d, extent),
            measure(d, extent),
            Just(10f64.powf(log_epsilon) * extent),
        )
    })
}

/// A penalty relative to ε; one in four keeps its constraint.
fn penalty() -> impl Strategy<Value = f64> {
    prop_oneof![1 => Just(f64::INFINITY), 3 => (-2.0..4.0f64).prop_map(|log| 10f64.powf(log))]
}

/// The answer of a solve; none where f32 refused a tolerance below its floor.
fn answered<T>(solution: haul::Result<T>, double: bool) -> Result<Option<T>, TestCaseError> {
    match solution {
        Err(Error::BelowFloor {
            floor, tolerance, ..
        }) => {
            prop_assert!(floor > tolerance && !double);
            Ok(None)
        }
        solution => Ok(Some(solution.unwrap())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn unbalanced_solves_are_finite_and_their_bounds_are_in_order(
        (a, b, scale) in problem(),
        (mass_a, mass_b) in (-3.0..3.0f64, -3.0..3.0f64),
        (rho_a, rho_b) in (penalty(), penalty()),
        p in 1..=2i32,
        scaling in any::<bool>(),
        double in any::<bool>(),
        iterations in 1..100usize,
    ) {
        let heavy = |m: &Measure, log: f64| {
            let weights: Vec<f64> = m.weights().iter().map(|w| w * 10f64.powf(log)).collect();
            m.clone().with_weights(&weights).unwrap()
        };
        let (a, b) = (heavy(&a, mass_a), heavy(&b, mass_b));
        prop_assume!(rho_a.is_finite() || rho_b.is_finite());
        let device = if double { Device::cpu_f64() } else { Device::cpu() };
        let form = if scaling { Form::Scaling } else { Form::Log };
        let epsilon = scale.powi(p);
        let (rho_a, rho_b) = (epsilon * rho_a, epsilon * rho_b);
        let settings = Sinkhorn::epsilon(epsilon).rho_a(rho_a).rho_b(rho_b).p(p).form(form);
        let solution = settings.max_iterations(iterations).solve(&device, &a, &b);
        let Some(solution) = answered(solution, double)? else { return Ok(()) };
        let report = solution.report();
        let certificate = &report.certificate;
        let potentials = solution.potentials().unwrap();
        prop_assert!(potentials.f.iter().chain(&potentials.g).all(|f| f.is_finite()));
        prop_assert!(report.value.is_finite() && report.transport_cost >= 0.0);
        prop_assert!(certificate.gap() >= 0.0 && certificate.upper_bound >= 0.0, "{report:?}");

        // t a⊗b, with the t that makes a constrained side exact, is a plan whose cost is plain.
        let (m_a, m_b) = (a.mass(), b.mass());
        let t = if rho_a.is_infinite() { 1.0 / m_b } else if rho_b.is_infinite() { 1.0 / m_a } else { 1.0 };
        let kl = |p: f64, q: f64| p * (p / q).ln() - p + q;
        let mass = t * m_a * m_b;
        let mut cost = epsilon * kl(mass, m_a * m_b);
        for (rho, m) in [(rho_a, m_a), (rho_b, m_b)] {
            cost += if rho.is_finite() { rho * kl(mass, m) } else { 0.0 };
        }
        let d = a.dimension();
        for (x, a) in a.points().chunks_exact(d).zip(a.weights()) {
            for (y, b) in b.points().chunks_exact(d).zip(b.weights()) {
                let squared: f64 = x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum();
                cost += t * a * b * if p == 2 { squared } else { squared.sqrt() };
            }
        }
        prop_assert!(certificate.lower_bound <= cost * (1.0 + 1e-6), "{report:?} {cost}");
    }

    #[test]
    fn every_energy_is_finite_symmetric_and_not_negative(
        (a, b, scale) in problem(),
        p in 0.05..2.0f64,
        double in any::<bool>(),
    ) {
        let device = if double { Device::cpu_f64() } else { Device::cpu() };
        let energy = |a, b| Energy::new().p(p).evaluate(&device, a, b).unwrap();
        for (there, back) in [
            (energy(&a, &b), energy(&b, &a)),
            (
                Mmd::gaussian(scale).evaluate(&device, &a, &b).unwrap(),
                Mmd::gaussian(scale).evaluate(&device, &b, &a).unwrap(),
            ),
        ] {
            prop_assert!(there.value >= -there.rounding, "{there:?}");
            let off = (there.value - back.value).abs();
            prop_assert!(off <= there.rounding + back.rounding, "{there:?} {back:?}");
            prop_assert!(there.terms.ab >= 0.0 && there.rounding > 0.0);
            prop_assert!(there.gradient_weights.iter().all(|w| w.is_finite()));
        }
        prop_assert_eq!(energy(&a, &a).value, 0.0);
    }

    #[test]
    fn every_solve_is_finite_and_its_bounds_are_in_order(
        (a, b, scale) in problem(),
        p in prop_oneof![Just(1.0), Just(2.0), 0.2..2.0f64],
        scaling in any::<bool>(),
        double in any::<bool>(),
        iterations in 1..200usize,
        log_tolerance in -4.0..-0.5f64,
    ) {
        let device = if double { Device::cpu_f64() } else { Device::cpu() };
        let form = if scaling { Form::Scaling } else { Form::Log };
        let tolerance = 10f64.powf(log_tolerance);
        let settings = Sinkhorn::epsilon(scale.powf(p)).p(p).form(form).max_iterations(iterations).tolerance(tolerance);
        let Some(solution) = answered(settings.solve(&device, &a, &b), double)? else { return Ok(()) };
        let report = solution.report();
        let certificate = &report.certificate;
        let potentials = solution.potentials().unwrap();
        prop_assert!(potentials.f.iter().chain(&potentials.g).all(|f| f.is_finite()));
        prop_assert!(report.value.is_finite() && report.transport_cost >= 0.0);
        prop_assert!(certificate.gap() >= 0.0, "{report:?}");

        // P = a⊗b has the marginals and no entropy: its cost bounds OT_ε from above.
        let independent: f64 = (0..a.len())
            .flat_map(|i| (0..b.len()).map(move |j| (i, j)))
            .map(|(i, j)| {
                let d = a.dimension();
                let (x, y) = (&a.points()[i * d..][..d], &b.points()[j * d..][..d]);
                let squared: f64 = x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum();
                a.weights()[i] * b.weights()[j] * squared.powf(0.5 * p)
            })
            .sum();
        prop_assert!(certificate.lower_bound <= independent * (1.0 + 1e-6), "{report:?} {independent}");
        // No transport costs nothing, and KL ≥ 0: OT_ε is not negative.
        prop_assert!(certificate.upper_bound >= 0.0);
        if report.converged {
            // KL is a difference of numbers of the size of the cost over ε.
            let size = 1.0 + report.transport_cost / report.epsilon + report.kl.abs();
            let slack = (report.tolerance + 8.0 * certificate.precision_floor) * size;
            prop_assert!(report.kl >= -slack && report.value >= -report.epsilon * slack, "{report:?}");
        }
    }
}
