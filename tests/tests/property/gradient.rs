//! What every gradient has: it sums to that of the other measure, moves with its points, and leaves
//! points of weight 0 where they are.
//!
//! Plans are compared through the gap of their certificates: it is at least ε KL(P* | P) for the optimal
//! plan P*, and so ‖P − P*‖₁² ≤ 2 m gap/ε for the larger mass m of both (Pinsker's inequality).

use crate::generators::{Posed, posed, power};
use crate::invariance::{chosen, shuffled};
use crate::{Verdict, answered, hold};
use haul::{Device, Divergence, Gradient, Measure, Solution};
use haul_tests::compare::{accept, close, reject};
use haul_tests::engines::Body;
use proptest::prelude::*;

pub const BODIES: &[(&str, Body)] = &[
    ("gradients_in_both_measures_are_opposite", opposite),
    ("gradients_move_with_their_points", move_with_points),
    (
        "gradients_leave_mass_and_weightless_points_where_they_are",
        mass_and_weightless_points,
    ),
];

/// Powers whose cost has a bounded gradient, at most p D^{p−1} for points within D.
fn bounded() -> impl Strategy<Value = f64> {
    prop_oneof![Just(1.0), Just(2.0), 1.0..2.0f64]
}

/// The largest slope of the cost.
fn steepest(posed: &Posed) -> f64 {
    let p = posed.p;
    p * posed.largest_cost().powf((p - 1.0) / p)
}

/// The relative error of an entry of the plan: of its exponent, whose parts may be larger than it.
fn entry_error(posed: &Posed, solution: &Solution<&Device>) -> f64 {
    let potentials = solution.potentials().unwrap();
    let height = |f: &[f64]| f.iter().fold(0.0, |height: f64, f| f.abs().max(height));
    let size = posed.largest_cost() + height(&potentials.f) + height(&potentials.g);
    let roundoff = solution.report().precision.unit_roundoff();
    roundoff * (8.0 + 4.0 * size / posed.epsilon)
}

/// The largest possible error of the whole plan, ‖P − P*‖₁.
fn plan_error(posed: &Posed, solution: &Solution<&Device>) -> f64 {
    let report = solution.report();
    let divergence = report.certificate.gap() / posed.epsilon;
    // √m* is within √KL of √m.
    let mass = (report.mass.sqrt() + divergence.sqrt()).powi(2);
    (2.0 * mass * divergence).sqrt() + entry_error(posed, solution) * report.mass
}

fn sums(gradient: &Gradient, d: usize) -> Vec<f64> {
    let of = |k| gradient.points.iter().skip(k).step_by(d).sum();
    (0..d).map(of).collect()
}

fn compare_sums(posed: &Posed, solution: &Solution<&Device>, sign: f64) -> Result<(), String> {
    let d = posed.a.dimension();
    let source = sums(&solution.gradient().unwrap(), d);
    let target = sums(&solution.gradient_target().unwrap(), d);
    let opposite: Vec<f64> = target.iter().map(|g| sign * g).collect();
    let terms = ((posed.a.len() + posed.b.len()) as f64).sqrt();
    let relative =
        entry_error(posed, solution) + terms * solution.report().precision.unit_roundoff();
    let allowed = 2.0 * relative * solution.report().mass * steepest(posed);
    close(&source, &opposite, |_| allowed)
}

fn opposite(device: &Device) {
    hold(device, posed(24, -3.0, bounded()), |posed| {
        let solution = posed.settings().solve(device, &posed.a, &posed.b);
        let Some(solution) = answered(device, solution)? else {
            return Ok(());
        };
        let verdict = compare_sums(&posed, &solution, -1.0);
        prop_assert!(verdict.is_ok(), "{verdict:?}");
        Ok(())
    });
    let posed = control();
    let solution = posed.settings().solve(device, &posed.a, &posed.b).unwrap();
    accept("opposite", compare_sums(&posed, &solution, -1.0));
    reject("equal", compare_sums(&posed, &solution, 1.0));
}

/// A problem whose gradient is known well enough to tell one point from another.
fn control() -> Posed {
    Posed {
        a: Measure::new(vec![0.0, 0.25, 1.0], 1, vec![0.2, 0.3, 0.5]).unwrap(),
        b: Measure::uniform(&[2.0, 4.0], 1).unwrap(),
        p: 2.0,
        epsilon: 4.0,
        rho: [f64::INFINITY; 2],
        scaling: false,
        iterations: 1000,
    }
}

/// Compares the gradient of a problem whose source was put into an order with that of the problem
/// as it was, read through `through`.
fn compare_orders(
    device: &Device,
    posed: &Posed,
    order: &[(usize, f64)],
    through: &[(usize, f64)],
) -> Result<Result<(), String>, TestCaseError> {
    let other = posed.between(chosen(&posed.a, order), posed.b.clone());
    let solve = |posed: &Posed| {
        let settings = posed.settings().tolerance(1e-4);
        answered(device, settings.solve(device, &posed.a, &posed.b))
    };
    let (Some(one), Some(two)) = (solve(posed)?, solve(&other)?) else {
        return Ok(Ok(()));
    };
    let d = posed.a.dimension();
    let points = one.gradient().unwrap().points;
    let expected: Vec<f64> = through
        .iter()
        .flat_map(|(i, _)| points[i * d..][..d].to_vec())
        .collect();
    let allowed = steepest(posed) * (plan_error(posed, &one) + plan_error(&other, &two));
    Ok(close(&two.gradient().unwrap().points, &expected, |_| {
        allowed
    }))
}

fn move_with_points(device: &Device) {
    let keys = prop::collection::vec(any::<u32>(), 24);
    let cases = (posed(24, -3.0, bounded()), keys);
    hold(device, cases, |(posed, keys)| {
        let order = shuffled(posed.a.len(), &keys);
        let verdict = compare_orders(device, &posed, &order, &order)?;
        prop_assert!(verdict.is_ok(), "{verdict:?}");
        Ok(())
    });
    let (order, as_it_was) = ([(2, 1.0), (0, 1.0), (1, 1.0)], [0, 1, 2].map(|i| (i, 1.0)));
    let posed = control();
    let compare = |through| compare_orders(device, &posed, &order, through).unwrap();
    accept("in their order", compare(&order));
    reject("in another order", compare(&as_it_was));
}

fn still(gradient: &Gradient, measure: &Measure) -> Verdict {
    let rows = gradient.points.chunks_exact(measure.dimension());
    for (row, weight) in rows.zip(measure.weights()) {
        prop_assert!(*weight > 0.0 || row.iter().all(|g| *g == 0.0), "{row:?}");
    }
    Ok(())
}

fn mass_and_weightless_points(device: &Device) {
    hold(device, posed(16, -3.0, power()), |posed| {
        let divergence = Divergence::from(posed.settings());
        let terms = divergence.evaluate(device, &posed.a, &posed.b);
        let Some(terms) = answered(device, terms)? else {
            return Ok(());
        };
        let of_solution = [terms.ab.gradient(), terms.ab.gradient_target()];
        let of_terms = [terms.gradient(), terms.gradient_target()];
        let measures = [&posed.a, &posed.b];
        for gradients in [of_solution, of_terms] {
            for (gradient, measure) in gradients.into_iter().zip(measures) {
                let Some(gradient) = answered(device, gradient)? else {
                    continue;
                };
                still(&gradient, measure)?;
                if posed.balanced() {
                    let pairs = || gradient.weights.iter().zip(measure.weights());
                    let sum: f64 = pairs().map(|(w, a)| w * a).sum();
                    // Potentials are centred in f64.
                    let size = heights(&terms.ab) + heights(&terms.aa) + heights(&terms.bb);
                    let mass = measure.mass();
                    let allowed = 64.0 * f64::EPSILON * mass * size;
                    prop_assert!(sum.abs() <= allowed, "{sum} beyond {allowed}");
                }
            }
        }
        Ok(())
    });
    // A point of some weight is pulled.
    let posed = control();
    let weights = posed.a.clone().with_weights(&[0.0, 0.5, 0.5]).unwrap();
    let solution = posed.settings().solve(device, &posed.a, &posed.b).unwrap();
    assert!(still(&solution.gradient().unwrap(), &weights).is_err());
}

fn heights(solution: &Solution<&Device>) -> f64 {
    let potentials = solution.potentials().unwrap();
    let both = potentials.f.iter().chain(&potentials.g);
    both.fold(0.0, |height: f64, f| f.abs().max(height))
}
