//! Every answer is finite, or a typed refusal.

use crate::generators::{EXACT, Posed, pair, posed, power};
use crate::{Verdict, answered, hold};
use haul::{
    Device, Divergence, Energy, Error, Gradient, Measure, Mmd, Scores, Sinkhorn, Solution,
    Truncated,
};
use haul_tests::engines::Body;
use proptest::prelude::*;

pub const BODIES: &[(&str, Body)] = &[
    (
        "solutions_and_all_that_is_asked_of_them_are_finite",
        solutions,
    ),
    ("divergences_and_their_gradients_are_finite", divergences),
    (
        "truncated_costs_and_their_gradients_are_finite",
        truncated_costs,
    ),
    (
        "energies_are_finite_symmetric_and_not_negative",
        energies_and_discrepancies,
    ),
    ("scores_are_finite", scores),
];

fn finite(what: &str, values: &[f64]) -> Verdict {
    let odd = values.iter().position(|value| !value.is_finite());
    prop_assert!(odd.is_none(), "{what}: {values:?}");
    Ok(())
}

fn finite_gradient(device: &Device, gradient: haul::Result<Gradient>) -> Verdict {
    // The density of points without weight is unbounded, and may leave any range.
    if matches!(gradient, Err(Error::NotFiniteResult { .. })) {
        return Ok(());
    }
    let Some(Gradient { points, weights }) = answered(device, gradient)? else {
        return Ok(());
    };
    finite("a gradient in points", &points)?;
    finite("a gradient in weights", &weights)
}

fn finite_solution(device: &Device, posed: &Posed, solution: &Solution<&Device>) -> Verdict {
    let Posed { a, b, .. } = posed;
    let report = solution.report();
    let potentials = solution.potentials().unwrap();
    finite("f", &potentials.f)?;
    finite("g", &potentials.g)?;
    let numbers = [report.value, report.regularized_cost, report.kl];
    finite("the values", &numbers)?;
    prop_assert!(report.transport_cost >= 0.0 && report.mass >= 0.0);
    prop_assert!(report.certificate.gap() >= 0.0, "{report:?}");
    let plan = solution.plan();
    finite("P V", &plan.product(&vec![1.0; 2 * b.len()]).unwrap())?;
    finite("Pᵀ U", &plan.product_transposed(a.points()).unwrap())?;
    finite("the map", &plan.map().unwrap())?;
    finite("the rows", &plan.rows(0..a.len()).unwrap())?;
    finite_gradient(device, solution.gradient())?;
    finite_gradient(device, solution.gradient_target())?;
    if posed.p == 2.0
        && let Some(sensitivity) = answered(device, solution.sensitivity(a.points()))?
    {
        finite("ḟ", &sensitivity.f)?;
        finite("ġ", &sensitivity.g)?;
        finite("H v", &sensitivity.gradient)?;
    }
    Ok(())
}

fn solutions(device: &Device) {
    hold(device, posed(24, -3.0, power()), |posed| {
        let solution = posed.settings().solve(device, &posed.a, &posed.b);
        match answered(device, solution)? {
            Some(solution) => finite_solution(device, &posed, &solution),
            None => Ok(()),
        }
    });
}

fn divergences(device: &Device) {
    hold(device, posed(16, -3.0, power()), |posed| {
        let divergence = Divergence::from(posed.settings());
        let terms = divergence.evaluate(device, &posed.a, &posed.b);
        let Some(terms) = answered(device, terms)? else {
            return Ok(());
        };
        finite(
            "S",
            &[terms.value(), terms.lower_bound(), terms.upper_bound()],
        )?;
        finite_gradient(device, terms.gradient())?;
        finite_gradient(device, terms.gradient_target())
    });
}

fn truncated_costs(device: &Device) {
    hold(device, posed(16, -3.0, power()), |posed| {
        let b = posed.b.clone().normalized();
        let a = posed.a.clone().normalized();
        let settings = Truncated::epsilon(posed.epsilon)
            .iterations(posed.iterations % 12)
            .p(posed.p);
        let Some(cost) = answered(device, settings.evaluate(device, &a, &b))? else {
            return Ok(());
        };
        finite("W_L", &[cost.value()])?;
        finite_gradient(device, cost.gradient())?;
        finite_gradient(device, cost.gradient_target())
    });
}

fn energies_and_discrepancies(device: &Device) {
    hold(device, (pair(24), 0.05..2.0f64), |((a, b, extent), p)| {
        let energy = Energy::new().p(p);
        let evaluate = |a: &Measure, b: &Measure| energy.evaluate(device, a, b).unwrap();
        for mmd in [Mmd::gaussian(extent), Mmd::laplacian(extent)] {
            let (there, back) = (mmd.evaluate(device, &a, &b), mmd.evaluate(device, &b, &a));
            in_order(&there.unwrap(), &back.unwrap())?;
            finite("a gradient", &mmd.gradient_points(device, &a, &b).unwrap())?;
        }
        in_order(&evaluate(&a, &b), &evaluate(&b, &a))?;
        finite(
            "a gradient",
            &energy.gradient_points(device, &a, &b).unwrap(),
        )?;
        prop_assert_eq!(evaluate(&a, &a).value, 0.0);
        Ok(())
    });
}

/// Not negative, and the same from both sides, up to the reported rounding.
fn in_order(there: &haul::Discrepancy, back: &haul::Discrepancy) -> Verdict {
    prop_assert!(there.value >= -there.rounding, "{there:?}");
    let off = (there.value - back.value).abs();
    prop_assert!(off <= there.rounding + back.rounding, "{there:?} {back:?}");
    prop_assert!(there.terms.ab >= 0.0 && there.rounding > 0.0);
    finite("a gradient in weights", &there.gradient_weights)
}

fn scores(device: &Device) {
    hold(device, posed(16, -3.0, Just(2.0)), |posed| {
        let (a, b) = (posed.a.clone().normalized(), posed.b.clone().normalized());
        let settings = |epsilon: f64, rho: [f64; 2]| {
            Sinkhorn::epsilon(epsilon)
                .rho_a(rho[0])
                .rho_b(rho[1])
                .max_iterations(posed.iterations)
        };
        let products = Scores::inner_product(&a, &b).unwrap();
        let costs = &a.points().repeat(b.len())[..a.len() * b.len()];
        let matrix = Scores::matrix(costs, a.weights(), b.weights()).unwrap();
        let exact = settings(posed.epsilon, [EXACT; 2]);
        let mut cases = vec![(products, exact.clone()), (matrix, exact)];
        // Points of 0 have no direction, and are refused.
        if let Ok(cosines) = Scores::cosine(&a, &b) {
            let unit = posed.epsilon / posed.largest_cost().max(f64::MIN_POSITIVE);
            let relative = if unit.is_finite() { unit } else { 1.0 };
            cases.push((cosines, settings(relative.clamp(1e-3, 1e3), [1.0, EXACT])));
        }
        for (scores, settings) in cases {
            // Features whose distance from 0 is large beside their spread cost digits in any precision.
            let solution = match scores.solve(device, &settings) {
                Err(Error::BelowFloor { .. }) => continue,
                solution => answered(device, solution)?,
            };
            let Some(solution) = solution else {
                continue;
            };
            let bounds = [solution.lower_bound(), solution.upper_bound()];
            finite("bounds", &bounds)?;
            prop_assert!(bounds[0] <= bounds[1]);
            finite("OT", &[solution.value(), solution.transport_cost()])?;
            finite("f", &solution.potentials().unwrap().f)?;
            let gradient = answered(device, solution.gradient())?;
            finite("a gradient", &gradient.unwrap_or_default())?;
        }
        Ok(())
    });
}
