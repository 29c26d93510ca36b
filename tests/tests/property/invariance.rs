//! Changes that must not matter: the order of points, a point split in two, points without weight, and which
//! measure comes first.

use crate::generators::{EXACT, Posed, posed, power};
use crate::{Verdict, answered, hold};
use haul::{Certificate, Device, Divergence, Measure, Sinkhorn, Solution, Terms};
use haul_tests::compare::{accept, reject};
use haul_tests::engines::Body;
use proptest::prelude::*;

pub const BODIES: &[(&str, Body)] = &[
    ("the_order_of_points_does_not_matter", order),
    ("a_point_may_be_split_in_two", splits),
    ("points_without_weight_do_not_matter", weightless_points),
    ("the_measures_may_be_swapped", swaps),
    ("divergences_are_symmetric_and_not_negative", divergences),
    ("equal_measures_have_a_divergence_of_zero", equal_measures),
    ("points_cost_their_distance", single_points),
];

/// The measure of these points, in this order; one may be named several times, with its share.
pub fn chosen(measure: &Measure, order: &[(usize, f64)]) -> Measure {
    let d = measure.dimension();
    let points = order
        .iter()
        .flat_map(|(i, _)| measure.points()[i * d..][..d].to_vec());
    let weights = order.iter().map(|(i, share)| measure.weights()[*i] * share);
    Measure::new(points.collect(), d, weights.collect()).unwrap()
}

/// The points in an order that random keys make.
pub fn shuffled(n: usize, keys: &[u32]) -> Vec<(usize, f64)> {
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|i| keys[*i]);
    order.into_iter().map(|i| (i, 1.0)).collect()
}

/// Two intervals that have one number in them both have a point in common.
fn agree(name: &str, [one, other]: [(f64, f64); 2], rounding: f64) -> Result<(), String> {
    if one.0.max(other.0) <= one.1.min(other.1) + rounding {
        Ok(())
    } else {
        Err(format!("{name}: {one:?} and {other:?} are apart"))
    }
}

fn value(certificate: &Certificate) -> (f64, f64) {
    (certificate.lower_bound, certificate.upper_bound)
}

/// Compares the bounds of two solves.
fn same(one: &Solution<&Device>, other: &Solution<&Device>, rounding: f64) -> Result<(), String> {
    let certificates = [one.certificate(), other.certificate()];
    agree("OT", certificates.map(value), rounding)?;
    if let [Some(one), Some(other)] = certificates.map(|c| c.wasserstein) {
        let distances = [one, other].map(|bounds| (bounds.lower, bounds.upper));
        agree("W", distances, rounding)?;
    }
    Ok(())
}

/// Asserts that a problem and another form of it have the same answer.
fn equivalent(device: &Device, one: &Posed, other: &Posed) -> Verdict {
    let solve = |posed: &Posed| {
        let solution = posed.settings().solve(device, &posed.a, &posed.b);
        answered(device, solution)
    };
    if let (Some(one_answer), Some(other)) = (solve(one)?, solve(other)?) {
        let verdict = same(&one_answer, &other, one.rounding());
        prop_assert!(verdict.is_ok(), "{verdict:?}");
    }
    Ok(())
}

/// A problem that ends with narrow bounds, and one beside it.
fn control(device: &Device, context: &str, change: impl Fn(&Measure) -> Measure) {
    let a = Measure::new(vec![0.0, 0.25, 1.0], 1, vec![0.5, 0.3, 0.2]).unwrap();
    let b = Measure::uniform(&[0.5, 2.0], 1).unwrap();
    let settings = Sinkhorn::epsilon(0.5).tolerance(1e-4);
    let solve = |a: &Measure| settings.solve(device, a, &b).unwrap();
    accept(context, same(&solve(&a), &solve(&a), 0.0));
    reject(context, same(&solve(&a), &solve(&change(&a)), 0.0));
}

fn keys() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(any::<u32>(), 24)
}

fn order(device: &Device) {
    let cases = (posed(24, -3.0, power()), keys());
    hold(device, cases, |(posed, keys)| {
        let shuffle = |m: &Measure| chosen(m, &shuffled(m.len(), &keys));
        let other = posed.between(shuffle(&posed.a), shuffle(&posed.b));
        equivalent(device, &posed, &other)
    });
    control(device, "points without their weights", |a| {
        a.clone().with_weights(&[0.2, 0.3, 0.5]).unwrap()
    });
}

fn splits(device: &Device) {
    let cases = (posed(24, -3.0, power()), 0.0..1.0f64, 0..24usize);
    hold(device, cases, |(posed, share, which)| {
        let mut order = shuffled(posed.a.len(), &[0; 24]);
        let split = which % order.len();
        order[split].1 = share;
        order.push((split, 1.0 - share));
        let other = posed.between(chosen(&posed.a, &order), posed.b.clone());
        equivalent(device, &posed, &other)
    });
    control(device, "one point, halved at another's cost", |a| {
        chosen(a, &[(0, 0.5), (1, 1.0), (2, 2.25)]).normalized()
    });
}

fn weightless_points(device: &Device) {
    let added = prop::collection::vec(-1.0..1.0f64, 5..40);
    hold(
        device,
        (posed(24, -3.0, power()), added),
        |(posed, added)| {
            // Within the extent of the cloud or not far from it.
            let extent = posed.largest_cost().powf(1.0 / posed.p);
            let with = |m: &Measure| {
                let d = m.dimension();
                let n = added.len() / d;
                let place = |k: usize| m.points()[k % d] + extent * added[k];
                let points = m.points().iter().copied().chain((0..n * d).map(place));
                let weights = m.weights().iter().copied().chain(vec![0.0; n]);
                Measure::new(points.collect(), d, weights.collect()).unwrap()
            };
            let other = posed.between(with(&posed.a), with(&posed.b));
            equivalent(device, &other, &posed)
        },
    );
    control(device, "points with weight", |a| {
        a.clone().with_weights(&[0.5, 0.5, 0.0]).unwrap()
    });
}

fn swaps(device: &Device) {
    hold(device, posed(24, -3.0, power()), |posed| {
        equivalent(device, &posed, &posed.swapped())
    });
    control(device, "a translate", |a| {
        let points = a.points().iter().map(|x| x + 0.1).collect();
        Measure::new(points, 1, a.weights().to_vec()).unwrap()
    });
}

fn evaluate<'e>(
    device: &'e Device,
    posed: &Posed,
) -> Result<Option<Terms<&'e Device>>, TestCaseError> {
    let divergence = Divergence::from(posed.settings());
    answered(device, divergence.evaluate(device, &posed.a, &posed.b))
}

fn divergences(device: &Device) {
    hold(device, posed(16, -3.0, power()), |posed| {
        let (there, back) = (
            evaluate(device, &posed)?,
            evaluate(device, &posed.swapped())?,
        );
        let (Some(there), Some(back)) = (there, back) else {
            return Ok(());
        };
        let intervals = [&there, &back].map(|s| (s.lower_bound(), s.upper_bound()));
        let verdict = agree("S", intervals, 2.0 * posed.rounding());
        prop_assert!(verdict.is_ok(), "{verdict:?}");
        let rounding = 2.0 * posed.rounding();
        prop_assert!(there.upper_bound() >= -rounding, "{}", there.upper_bound());
        // The dual of a term is below it, and not by more than its gap.
        let gaps = [(&there.ab, 1.0), (&there.aa, 0.5), (&there.bb, 0.5)];
        let floor: f64 = gaps
            .iter()
            .map(|(t, part)| part * t.certificate().gap())
            .sum();
        prop_assert!(
            there.value() >= -floor - rounding,
            "{} below −{floor}",
            there.value()
        );
        Ok(())
    });
}

fn equal_measures(device: &Device) {
    hold(device, posed(16, -3.0, power()), |posed| {
        let itself = Posed {
            rho: [posed.rho[0]; 2],
            ..posed.between(posed.a.clone(), posed.a.clone())
        };
        if let Some(terms) = evaluate(device, &itself)? {
            let size = terms.ab.value().abs();
            prop_assert!(
                terms.value().abs() <= 4.0 * f64::EPSILON * size,
                "{}",
                terms.value()
            );
        }
        Ok(())
    });
}

/// δ_x and δ_y of one mass: there is one plan.
fn single_points(device: &Device) {
    hold(device, posed(2, -3.0, power()), |posed| {
        let posed = Posed {
            rho: [EXACT; 2],
            ..posed.between(posed.a.clone().normalized(), posed.b.clone().normalized())
        };
        let Some(terms) = evaluate(device, &posed)? else {
            return Ok(());
        };
        let distance = posed.largest_cost();
        let within = |(lower, upper): (f64, f64)| {
            let exact = [(lower, upper), (distance, distance)];
            agree("the distance", exact, posed.rounding())
        };
        let certificate = terms.ab.certificate();
        let bounds = certificate.wasserstein.unwrap();
        for interval in [
            value(certificate),
            (bounds.lower, bounds.upper),
            (terms.lower_bound(), terms.upper_bound()),
        ] {
            let verdict = within(interval);
            prop_assert!(verdict.is_ok(), "{verdict:?}");
        }
        Ok(())
    });
}
