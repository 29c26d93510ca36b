//! Certificates against values that are known: those of a dense solver, of the best of all
//! permutations, of sorted points, and of plans that anyone can write down. They hold at whatever
//! iteration a solve ends.

use crate::generators::{Posed, pair, posed, power};
use crate::{answered, hold};
use haul::{Bounds, Cost, Device, Measure, Sinkhorn};
use haul_tests::dense;
use haul_tests::engines::Body;
use proptest::prelude::*;

pub const BODIES: &[(&str, Body)] = &[
    (
        "bounds_have_the_value_of_the_dense_solver_between_them",
        dense_values,
    ),
    (
        "lower_bounds_are_below_the_cost_of_a_product",
        product_plans,
    ),
    (
        "the_distance_of_permutations_is_within_its_bounds",
        permutations,
    ),
    ("the_distance_on_a_line_is_within_its_bounds", lines),
];

fn dense_values(device: &Device) {
    hold(device, posed(7, -1.0, power()), |posed| {
        let Posed {
            a, b, epsilon, rho, ..
        } = &posed;
        let (rows, columns) = dense::solve(posed.cost(), *epsilon, *rho, a, b);
        // A reference that has not converged has no value to compare with.
        let plan = dense::plan(posed.cost(), *epsilon, &rows, &columns);
        let (r, c) = dense::marginals(&plan, b.len());
        let off = dense::distance(&r, &dense::wanted(&rows, rho[0]))
            + dense::distance(&c, &dense::wanted(&columns, rho[1]));
        prop_assume!(off <= 1e-9 * (a.mass() + b.mass()));
        let value = dense::dual(posed.cost(), *epsilon, *rho, &rows, &columns);
        let solution = posed.settings().solve(device, a, b);
        let Some(solution) = answered(device, solution)? else {
            return Ok(());
        };
        let certificate = solution.certificate();
        let penalties: f64 = rho.iter().filter(|rho| rho.is_finite()).sum();
        let slack = posed.rounding() + off * off / (a.mass() + b.mass()) * (epsilon + penalties);
        prop_assert!(
            certificate.lower_bound <= value + slack && value - slack <= certificate.upper_bound,
            "{value} {:?}",
            solution.report()
        );
        Ok(())
    });
}

fn product_plans(device: &Device) {
    hold(device, posed(24, -3.0, power()), |posed| {
        let solution = posed.settings().solve(device, &posed.a, &posed.b);
        let Some(solution) = answered(device, solution)? else {
            return Ok(());
        };
        let report = solution.report();
        let [rho_a, rho_b] = posed.rho;
        // t a⊗b, with the t that makes a constrained side exact, is a plan whose cost is plain.
        let (m_a, m_b) = (posed.a.mass(), posed.b.mass());
        let t = match (rho_a.is_infinite(), rho_b.is_infinite()) {
            (true, _) => 1.0 / m_b,
            (_, true) => 1.0 / m_a,
            _ => 1.0,
        };
        let kl = |p: f64, q: f64| p * (p / q).ln() - p + q;
        let mass = t * m_a * m_b;
        let mut cost = posed.epsilon * kl(mass, m_a * m_b);
        for (rho, m) in [(rho_a, m_a), (rho_b, m_b)] {
            cost += if rho.is_finite() {
                rho * kl(mass, m)
            } else {
                0.0
            };
        }
        let (rows, columns) = (dense::side(&posed.a), dense::side(&posed.b));
        for i in 0..rows.len() {
            for j in 0..columns.len() {
                let pair = dense::cost(posed.cost(), rows.point(i), columns.point(j));
                cost += t * rows.weights[i] * columns.weights[j] * pair;
            }
        }
        let certificate = &report.certificate;
        prop_assert!(
            certificate.lower_bound <= cost + posed.rounding(),
            "{report:?} {cost}"
        );
        // Every term of the problem is a cost or a divergence.
        prop_assert!(certificate.upper_bound >= -posed.rounding(), "{report:?}");
        if report.converged && posed.balanced() {
            // KL is a difference of numbers of the size of the cost over ε.
            let size = m_a * (1.0 + m_a) * (1.0 + posed.largest_cost() / report.epsilon);
            let slack = (report.tolerance + 8.0 * certificate.precision_floor) * size;
            prop_assert!(report.value >= -report.epsilon * slack, "{report:?}");
        }
        Ok(())
    });
}

fn bounds(device: &Device, settings: &Sinkhorn, a: &Measure, b: &Measure) -> Option<Bounds> {
    let solution = settings.solve(device, a, b);
    solution.ok()?.certificate().wasserstein
}

fn inside(bounds: Bounds, distance: f64, rounding: f64) -> bool {
    bounds.lower <= distance + rounding && distance - rounding <= bounds.upper
}

/// Σᵢ Cᵢσ(i)/n of every permutation σ, by a call each.
fn of_permutations(costs: &[Vec<f64>], chosen: &mut Vec<usize>, visit: &mut impl FnMut(f64)) {
    let n = costs.len();
    if chosen.len() == n {
        let sum: f64 = chosen.iter().zip(costs).map(|(j, row)| row[*j]).sum();
        visit(sum / n as f64);
    }
    for j in 0..n {
        if !chosen.contains(&j) {
            chosen.push(j);
            of_permutations(costs, chosen, visit);
            chosen.pop();
        }
    }
}

/// The least and the largest mean cost of a permutation: the extreme plans of uniform weights.
fn extremes(cost: Cost, a: &Measure, b: &Measure) -> (f64, f64) {
    let (rows, columns) = (dense::side(a), dense::side(b));
    let row = |i| {
        let of = |j| dense::cost(cost, rows.point(i), columns.point(j));
        (0..columns.len()).map(of).collect()
    };
    let costs: Vec<Vec<f64>> = (0..rows.len()).map(row).collect();
    let (mut least, mut largest) = (f64::INFINITY, 0f64);
    of_permutations(&costs, &mut Vec::new(), &mut |cost| {
        (least, largest) = (least.min(cost), largest.max(cost));
    });
    (least, largest)
}

fn permutations(device: &Device) {
    let stages = (power(), -3.0..1.0f64, 1..60usize);
    hold(device, (pair(7), stages), |((a, b, extent), stages)| {
        let (p, log_epsilon, iterations) = stages;
        let (n, d) = (a.len().min(b.len()), a.dimension());
        let first = |m: &Measure| Measure::uniform(&m.points()[..n * d], d).unwrap();
        let (a, b) = (first(&a), first(&b));
        let cost = Cost::power(p).unwrap();
        let (distance, largest) = extremes(cost, &a, &b);
        let settings = Sinkhorn::epsilon(10f64.powf(log_epsilon) * extent.powf(p))
            .p(p)
            .max_iterations(iterations);
        if let Some(bounds) = bounds(device, &settings, &a, &b) {
            let rounding = 64.0 * f64::EPSILON * largest;
            prop_assert!(inside(bounds, distance, rounding), "{distance}: {bounds:?}");
        }
        Ok(())
    });
    // The worst permutation differs from the best.
    let a = Measure::uniform(&[0.0, 1.0, 2.0, 3.0], 1).unwrap();
    let (least, largest) = extremes(Cost::SquaredEuclidean, &a, &a);
    assert!(least == 0.0 && largest == 5.0);
    let bounds = bounds(device, &Sinkhorn::epsilon(0.05), &a, &a).unwrap();
    assert!(inside(bounds, least, 0.0) && !inside(bounds, largest, 0.0));
}

/// W_p^p on a line for p ≥ 1: mass keeps its order.
fn sorted(cost: Cost, a: &Measure, b: &Measure) -> f64 {
    let sorted = |m: &Measure| {
        let mut points: Vec<(f64, f64)> = m
            .points()
            .iter()
            .copied()
            .zip(m.weights().iter().copied())
            .collect();
        points.sort_by(|x, y| x.0.total_cmp(&y.0));
        points
    };
    let (mut a, mut b) = (sorted(a), sorted(b));
    let mut sum = 0.0;
    while let (Some((x, left)), Some((y, room))) = (a.last_mut(), b.last_mut()) {
        let moved = left.min(*room);
        sum += moved * cost.at((*x - *y).abs());
        *left -= moved;
        *room -= moved;
        let (empty, full) = (*left == 0.0, *room == 0.0);
        if empty {
            a.pop();
        }
        if full {
            b.pop();
        }
    }
    sum
}

fn lines(device: &Device) {
    let powers = prop_oneof![Just(1.0), Just(2.0), 1.0..2.0f64];
    hold(device, posed(24, -3.0, powers), |posed| {
        let line = |m: &Measure| {
            let points = m.points().iter().step_by(m.dimension()).copied();
            let line = Measure::new(points.collect(), 1, m.weights().to_vec());
            line.unwrap().normalized()
        };
        let (a, b) = (line(&posed.a), line(&posed.b));
        let distance = sorted(posed.cost(), &a, &b);
        let settings = Sinkhorn::epsilon(posed.epsilon)
            .p(posed.p)
            .max_iterations(posed.iterations);
        if let Some(bounds) = bounds(device, &settings, &a, &b) {
            let rounding = 256.0 * f64::EPSILON * posed.largest_cost();
            prop_assert!(inside(bounds, distance, rounding), "{distance}: {bounds:?}");
        }
        Ok(())
    });
    // Where mass crosses, it costs more.
    let a = Measure::uniform(&[0.0, 1.0], 1).unwrap();
    let b = Measure::uniform(&[2.0, 3.0], 1).unwrap();
    assert_eq!(sorted(Cost::SquaredEuclidean, &a, &b), 4.0);
    let bounds = bounds(device, &Sinkhorn::epsilon(0.05), &a, &b).unwrap();
    assert!(inside(bounds, 4.0, 0.0) && !inside(bounds, 5.0, 0.0));
}
