//! Exact transport: against every permutation, against sorting, against plans that are optimal by construction, and against the
//! bounds of entropic transport.
//!
//! Problems of more than 65 536 pairs are the engine's; smaller ones are the same on every engine.

use haul::{
    Bounds, Coupling, Device, Engine, Error, Exact, ExactSolution, Measure, Precision, Sinkhorn,
    Sliced, Stop,
};
use haul_tests::clouds::{Numbers, measure, points, weights};
use haul_tests::compare::{accept, close, number, reject};
use haul_tests::engines::Body;
use std::ops::ControlFlow;

pub const BODIES: &[(&str, Body)] = &[
    ("exact_transport_is_the_best_permutation", best_permutation),
    ("exact_transport_on_a_line_is_the_same_on_all_pairs", line),
    ("exact_plans_are_optimal_for_any_costs", any_costs),
    ("gradients_of_convex_functions_are_exact_plans", convex),
    (
        "exact_transport_between_lattices_is_that_on_all_pairs",
        ties,
    ),
    (
        "exact_values_are_within_the_bounds_of_entropic_ones",
        entropic,
    ),
    ("exact_transport_may_stop_at_any_time", stopped),
    ("partial_transport_leaves_what_costs_most", partial),
    ("sliced_distances_and_their_gradients", sliced),
    ("what_exact_transport_refuses", refusals),
];

/// The cost |x − y|^p.
fn cost(x: &[f64], y: &[f64], p: f64) -> f64 {
    let squares = x.iter().zip(y).map(|(x, y)| (x - y).powi(2));
    squares.sum::<f64>().sqrt().powf(p)
}

/// The value of the best permutation of the columns from `row` on.
fn best(costs: &[f64], n: usize, row: usize, free: &mut Vec<usize>) -> f64 {
    if row == n {
        return 0.0;
    }
    let mut least = f64::INFINITY;
    for k in 0..free.len() {
        let column = free.swap_remove(k);
        least = least.min(costs[row * n + column] + best(costs, n, row + 1, free));
        free.push(column);
        let last = free.len() - 1;
        free.swap(k, last);
    }
    least
}

fn best_permutation(device: &Device) {
    const N: usize = 7;
    for (p, d) in [(0.5, 1), (1.0, 2), (1.5, 3), (2.0, 2)] {
        let (x, y) = (points(N, d, 1), points(N, d, 2));
        let rows = x.chunks_exact(d);
        let costs: Vec<f64> = rows
            .flat_map(|x| y.chunks_exact(d).map(move |y| cost(x, y, p)))
            .collect();
        let expected = best(&costs, N, 0, &mut (0..N).collect()) / N as f64;
        let [a, b] = [&x, &y].map(|points| Measure::uniform(points, d).unwrap());
        let solution = Exact::default().p(p).solve(device, &a, &b).unwrap();
        let context = format!("p = {p}, d = {d}");
        accept(&context, number("value", solution.value(), expected, 1e-14));
        reject(
            &context,
            number("value", costs.iter().take(N).sum::<f64>(), expected, 1e-14),
        );
        assert!(solution.report().proved, "{:?}", solution.report());
        assert!(solution.plan().permutation().is_some(), "{context}");
    }
}

/// Checks everything that makes a solution optimal: marginals, feasible potentials, and mass only where they are tight.
fn is_optimal(
    solution: &ExactSolution,
    [a, b]: [&[f64]; 2],
    cost: impl Fn(usize, usize) -> f64,
) -> Result<(), String> {
    let (rows, columns) = solution.plan().marginals().unwrap();
    close(&rows, a, |i| 1e-14 + 1e-13 * a[i])?;
    close(&columns, b, |j| 1e-14 + 1e-13 * b[j])?;
    let potentials = solution.potentials();
    let mut moved = vec![false; a.len() * b.len()];
    for (row, column, mass) in solution.plan().entries() {
        moved[row * b.len() + column] = mass > 0.0;
    }
    for (i, f) in potentials.f.iter().enumerate() {
        for (j, g) in potentials.g.iter().enumerate() {
            let cost = cost(i, j);
            let reduced = cost - f - g;
            let size = 1e-13 * (cost.abs() + f.abs() + g.abs());
            if reduced < -size || (moved[i * b.len() + j] && reduced > size) {
                return Err(format!("{i} {j}: C − f − g = {reduced:e} of {size:e}"));
            }
        }
    }
    Ok(())
}

fn line(device: &Device) {
    let [a, b] = [(40, 3), (55, 4)].map(|(n, seed)| measure(n, 1, seed));
    for p in [1.0, 1.5, 2.0, 3.0] {
        let costs: Vec<f64> = a
            .points()
            .iter()
            .flat_map(|x| b.points().iter().map(move |y| (x - y).abs().powf(p)))
            .collect();
        let sorted = Exact::default().p(p).solve(device, &a, &b).unwrap();
        let all = Exact::default();
        let all = all.solve_costs(a.weights(), b.weights(), &costs).unwrap();
        let context = format!("p = {p}");
        let value = all.value();
        accept(&context, number("value", sorted.value(), value, 1e-13));
        reject(
            &context,
            number("value", 1.001 * sorted.value(), value, 1e-13),
        );
        for solution in [&sorted, &all] {
            assert!(solution.report().proved, "{:?}", solution.report());
            let of = |i, j| costs[i * b.len() + j];
            accept(
                &context,
                is_optimal(solution, [a.weights(), b.weights()], of),
            );
            let wrong = |i, j| costs[i * b.len() + j] + f64::from(u8::from(i == j));
            reject(
                &context,
                is_optimal(solution, [a.weights(), b.weights()], wrong),
            );
        }
    }
}

/// Ties, negative costs, costs of very different sizes, and weights of 0: the plan is optimal for all of them, and of the same
/// value in another unit.
fn any_costs(_: &Device) {
    let mut numbers = Numbers::new(5);
    for case in 0..24 {
        let (n, m) = (1 + case, 1 + (7 * case) % 23);
        let (a, b) = (weights(n, 2 * case as u64), weights(m, 2 * case as u64 + 1));
        let mut one = || match case % 4 {
            0 => (4.0 * numbers.unit()).floor(),
            1 => numbers.within(-1.0, 1.0),
            2 => 10f64.powf(numbers.within(-6.0, 6.0)),
            _ => numbers.unit(),
        };
        let costs: Vec<f64> = (0..n * m).map(|_| one()).collect();
        let solve = |unit: f64| {
            let costs: Vec<f64> = costs.iter().map(|cost| unit * cost).collect();
            Exact::default().solve_costs(&a, &b, &costs).unwrap()
        };
        let solution = solve(1.0);
        let context = format!("case {case}");
        accept(
            &context,
            is_optimal(&solution, [&a, &b], |i, j| costs[i * m + j]),
        );
        let Bounds { lower, upper } = solution.report().bounds;
        let value = solution.value();
        assert!(lower <= value && value <= upper, "{:?}", solution.report());
        for unit in [2f64.powi(-60), 2f64.powi(70)] {
            let scaled = solve(unit).value() / unit;
            assert!(
                (scaled - value).abs() <= 1e-12 * value.abs(),
                "{context} {unit:e}"
            );
        }
    }
}

/// xᵢ ↦ A xᵢ + t is the gradient of a convex function for a positive definite A: the plan is that permutation.
fn convex(device: &Device) {
    let (n, d) = (280, 3);
    let x = points(n, d, 7);
    let image = |x: &[f64]| {
        [
            1.2 * x[0] + 0.3 * x[1] + 2.0,
            0.3 * x[0] + 0.8 * x[1] - 0.1 * x[2],
            0.7 * x[2] - 0.1 * x[1] - 1.0,
        ]
    };
    // 89 has no factor in common with 280.
    let place = |i: usize| (89 * i + 13) % n;
    let mut y = vec![0.0; n * d];
    for (i, x) in x.chunks_exact(d).enumerate() {
        y[d * place(i)..][..d].copy_from_slice(&image(x));
    }
    let pairs = x.chunks_exact(d);
    let expected = pairs.map(|x| cost(x, &image(x), 2.0)).sum::<f64>() / n as f64;
    let [a, b] = [&x, &y].map(|points| Measure::uniform(points, d).unwrap());
    let solution = Exact::default().solve(device, &a, &b).unwrap();
    // In few dimensions the host proves it, whatever the precision of the device.
    let allowed = 1e-13;
    accept(
        "value",
        number("value", solution.value(), expected, allowed),
    );
    reject(
        "value",
        number("value", 1.001 * solution.value(), expected, allowed),
    );
    let report = solution.report();
    let Bounds { lower, upper } = report.bounds;
    assert!(lower <= expected && expected <= upper, "{report:?}");
    assert!(report.proved && report.gap <= 1e-9, "{report:?}");
    assert_eq!(report.device, device.device());
    assert_eq!(report.precision, Precision::F64);
    let permutation = solution.plan().permutation().unwrap();
    assert!(permutation.iter().enumerate().all(|(i, j)| *j == place(i)));
}

/// Points of a lattice have many optimal plans, and some of them lie at one place: the value is that on all pairs.
fn ties(device: &Device) {
    let lattice = |step: usize, shift: f64| -> Vec<f64> {
        let point = |k: usize| [(k % 18) as f64 + shift, (k / 18 * step % 18) as f64 - shift];
        (0..324).flat_map(point).collect()
    };
    // Three rows of the second lattice lie on others.
    let (x, y) = (lattice(1, 0.0), lattice(2, 0.5));
    for (case, p) in [0.5, 1.0, 1.5, 2.0].into_iter().enumerate() {
        let equal = vec![1.0 / 324.0; 324];
        let (a, b) = match case % 2 {
            0 => (weights(324, 90), weights(324, 91)),
            _ => (equal.clone(), equal),
        };
        let [source, target] = [(&x, &a), (&y, &b)]
            .map(|(points, weights)| Measure::new(points.clone(), 2, weights.clone()).unwrap());
        let solution = Exact::default()
            .p(p)
            .solve(device, &source, &target)
            .unwrap();
        let pairs = x
            .chunks_exact(2)
            .flat_map(|x| y.chunks_exact(2).map(move |y| cost(x, y, p)));
        let all = Exact::default()
            .solve_costs(&a, &b, &pairs.collect::<Vec<_>>())
            .unwrap();
        let context = format!("p {p}");
        accept(
            &context,
            number("value", solution.value(), all.value(), 1e-12),
        );
        reject(
            &context,
            number("value", solution.value(), 1.0001 * all.value(), 1e-12),
        );
        let report = solution.report();
        assert!(report.proved, "{context}: {report:?}");
        assert!(!report.device.is_empty() && report.rounds > 0, "{report:?}");
    }
}

fn entropic(device: &Device) {
    for (p, d, n, m) in [(2.0, 2, 300, 260), (1.0, 3, 260, 300), (2.0, 9, 290, 250)] {
        let (a, b) = (measure(n, d, 21), measure(m, d, 22));
        let exact = Exact::default().p(p).solve(device, &a, &b).unwrap();
        let report = exact.report();
        let double = device.precision() == Precision::F64;
        assert!(report.proved || !double && d > 7, "{report:?}");
        assert!(report.gap < 1e-4, "{report:?}");
        let sinkhorn = Sinkhorn::blur(0.1).p(p).solve(device, &a, &b).unwrap();
        let Bounds { lower, upper } = sinkhorn.certificate().wasserstein.unwrap();
        let Bounds {
            lower: proved,
            upper: cost,
        } = report.bounds;
        assert!(
            lower <= cost && proved <= upper,
            "{report:?} {lower} {upper}"
        );
        assert!(
            exact.distance() > 0.0 && lower > 0.5 * cost,
            "{lower} {cost}"
        );
        let (rows, columns) = exact.plan().marginals().unwrap();
        accept("rows", close(&rows, a.weights(), |_| 1e-14));
        accept("columns", close(&columns, b.weights(), |_| 1e-14));
        reject(
            "columns",
            close(&columns, &vec![1.0 / m as f64; m], |_| 1e-14),
        );
        // Points of weight 0 have feasible potentials as well.
        let potentials = exact.potentials();
        let finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
        assert!(finite(&potentials.f) && finite(&potentials.g));
    }
}

/// A solve that is stopped has bounds that hold, and one that is abandoned has no result.
fn stopped(device: &Device) {
    let (a, b) = (measure(300, 2, 31), measure(280, 2, 32));
    let value = Exact::default().solve(device, &a, &b).unwrap();
    let Bounds { lower, upper } = value.report().bounds;
    for calls in 0..4 {
        let mut count = 0;
        let stopped = |stop| {
            Exact::default().solve_observed(device, &a, &b, |_| {
                count += 1;
                match count > calls {
                    true => ControlFlow::Break(stop),
                    false => ControlFlow::Continue(()),
                }
            })
        };
        let mut stopped = stopped;
        let report = stopped(Stop::Certify).unwrap().report().clone();
        let (below, above) = (report.bounds.lower, report.bounds.upper);
        assert!(below <= upper && lower <= above, "{report:?} {value:?}");
        assert!(report.value.is_finite());
    }
    let abandoned =
        Exact::default().solve_observed(device, &a, &b, |_| ControlFlow::Break(Stop::Abandon));
    assert!(matches!(abandoned, Err(Error::Interrupted)));
    // Before a pair is an arc, the plan is one of all pairs with the right marginals.
    let (weights, costs) = ([0.5, 0.3, 0.2], [4.0, 1.0, 3.0, 2.0, 0.0, 5.0]);
    let at_once = |stop| {
        let stop = move |_: &_| ControlFlow::Break(stop);
        Exact::default().solve_costs_observed(&weights, &[0.6, 0.4], &costs, stop)
    };
    let plan = at_once(Stop::Certify).unwrap();
    let [lower, upper] = [plan.report().bounds.lower, plan.report().bounds.upper];
    let least = Exact::default().solve_costs(&weights, &[0.6, 0.4], &costs);
    let least = least.unwrap().value();
    assert!(lower <= least && least <= upper, "{lower} {least} {upper}");
    let mut rows = [0.0; 3];
    plan.plan()
        .entries()
        .for_each(|(row, _, mass)| rows[row] += mass);
    close(&rows, &weights, |_| 1e-14).unwrap();
    assert!(matches!(at_once(Stop::Abandon), Err(Error::Interrupted)));
}

/// Two translated copies beside points far away: only the copies move, each point by the translation.
fn partial(device: &Device) {
    let (near, far, d) = (260, 40, 2);
    let mut x = points(near, d, 41);
    let mut y: Vec<f64> = x.iter().map(|x| x + 0.01).collect();
    x.extend(points(far, d, 42).iter().map(|x| x - 50.0));
    y.extend(points(far, d, 43).iter().map(|x| x + 50.0));
    let weight = 1.0 / near as f64;
    let measure = |points: Vec<f64>| {
        let n = points.len() / d;
        Measure::new(points, d, vec![weight; n]).unwrap()
    };
    let (a, b) = (measure(x), measure(y));
    // The same costs as a matrix, solved on all pairs.
    let rows = a.points().chunks_exact(d);
    let costs: Vec<f64> = rows
        .flat_map(|x| b.points().chunks_exact(d).map(move |y| cost(x, y, 1.0)))
        .collect();
    for mass in [1.0, 0.4, 1.05] {
        let exact = Exact::default().p(1).partial(mass);
        let solution = exact.solve(device, &a, &b).unwrap();
        let all = exact.solve_costs(a.weights(), b.weights(), &costs).unwrap();
        let report = solution.report();
        let double = device.precision() == Precision::F64;
        assert!(report.proved || !double, "{report:?}");
        assert!(all.report().proved, "{:?}", all.report());
        let Bounds { lower, upper } = report.bounds;
        let value = all.value();
        assert!(
            lower <= value * (1.0 + 1e-12) && value <= upper * (1.0 + 1e-12),
            "{report:?} {value}"
        );
        let (rows, columns) = solution.plan().marginals().unwrap();
        let moved: f64 = rows.iter().sum();
        accept("mass", number("mass", moved, mass, 1e-12));
        assert!(
            rows.iter()
                .chain(&columns)
                .all(|moved| *moved <= weight * (1.0 + 1e-9))
        );
        if mass == 1.0 {
            // Nothing crosses the gap; without the part, all would have to.
            let step = 0.01 * 2f64.sqrt();
            let allowed = if double { 1e-12 } else { 1e-3 };
            accept("value", number("value", solution.value(), step, allowed));
            reject(
                "value",
                number("value", all.value() + 3.0 * allowed, step, allowed),
            );
        }
    }
    // As much as possible: the smaller mass, for the earth mover's distance.
    let lighter = Measure::new(b.points()[..2 * d].to_vec(), d, vec![weight; 2]).unwrap();
    let moved = Exact::default().partial(f64::INFINITY);
    let moved = moved.solve(device, &a, &lighter).unwrap();
    accept(
        "mass",
        number("mass", moved.report().mass, 2.0 * weight, 1e-15),
    );
    assert!(
        moved
            .plan()
            .marginals()
            .unwrap()
            .1
            .iter()
            .all(|b| (b - weight).abs() < 1e-15)
    );
    for mass in [0.0, -1.0, f64::NAN, 2.0] {
        let refused = Exact::default().partial(mass).solve(device, &a, &b);
        assert!(
            matches!(
                refused,
                Err(Error::BadParameter {
                    name: "partial",
                    ..
                })
            ),
            "{mass}"
        );
    }
}

/// In one dimension every slice is the whole; a translation costs ⟨θ, t⟩², and moves the gradient by 2 a ⟨θ, t⟩ θ; slopes are those
/// of differences.
fn sliced(device: &Device) {
    let [a, b] = [(30, 51), (40, 52)].map(|(n, seed)| measure(n, 1, seed));
    for p in [1.0, 2.0, 3.0] {
        let line = Exact::default().p(p).solve(device, &a, &b).unwrap().value();
        let slice = Sliced::default()
            .p(p)
            .directions(2)
            .evaluate(&a, &b)
            .unwrap();
        accept("line", number("value", slice.value, line, 1e-13));
        reject("line", number("value", slice.value, 1.001 * line, 1e-13));
        accept("line", number("largest", slice.largest, line, 1e-13));
    }
    let (n, d) = (50, 3);
    let a = measure(n, d, 53);
    let t = [0.3, -0.2, 0.5];
    let moved: Vec<f64> = a
        .points()
        .iter()
        .zip(t.iter().cycle())
        .map(|(x, t)| x + t)
        .collect();
    let moved = Measure::new(moved, d, a.weights().to_vec()).unwrap();
    let one = Sliced::default()
        .directions(1)
        .seed(3)
        .evaluate(&a, &moved)
        .unwrap();
    let along: f64 = one.direction.iter().zip(t).map(|(x, t)| x * t).sum();
    accept(
        "translation",
        number("value", one.value, along * along, 1e-13),
    );
    let expected: Vec<f64> = a
        .weights()
        .iter()
        .flat_map(|a| one.direction.iter().map(move |x| -2.0 * a * along * x))
        .collect();
    accept("translation", close(&one.gradient, &expected, |_| 1e-13));
    let many = Sliced::default()
        .directions(4000)
        .evaluate(&a, &moved)
        .unwrap();
    let mean = t.iter().map(|t| t * t).sum::<f64>() / d as f64;
    assert!(
        (many.value - mean).abs() < 5.0 * many.standard_error,
        "{mean} {}",
        many.value
    );
    assert!(many.standard_error < 0.02 * mean);
    let b = measure(60, d, 54);
    let settings = Sliced::default().p(1.5).directions(20);
    let value = settings.evaluate(&a, &b).unwrap();
    let step = 1e-6;
    for k in [0, 7, 100] {
        let shifted = |step: f64| {
            let mut points = a.points().to_vec();
            points[k] += step;
            let shifted = Measure::new(points, d, a.weights().to_vec()).unwrap();
            settings.evaluate(&shifted, &b).unwrap().value
        };
        let slope = (shifted(step) - shifted(-step)) / (2.0 * step);
        accept("slope", number("slope", value.gradient[k], slope, 1e-6));
        reject(
            "slope",
            number("slope", value.gradient[k] + 1e-4, slope, 1e-6),
        );
    }
    for wrong in [Sliced::default().p(0.5), Sliced::default().directions(0)] {
        assert!(matches!(
            wrong.evaluate(&a, &b),
            Err(Error::BadParameter { .. })
        ));
    }
}

fn refusals(device: &Device) {
    let (a, b) = (measure(9, 2, 1), measure(8, 2, 2));
    let heavier = b.clone().with_weights(&[1.0; 8]).unwrap();
    let solve = |exact: Exact, b: &Measure| exact.solve(device, &a, b).map(|_| ());
    assert!(matches!(
        solve(Exact::default(), &heavier),
        Err(Error::UnequalMass { .. })
    ));
    for p in [0.0, -1.0, 2.5, f64::NAN, f64::INFINITY] {
        let refused = solve(Exact::default().p(p), &b);
        assert!(
            matches!(refused, Err(Error::BadParameter { name: "p", .. })),
            "{p}"
        );
    }
    assert!(matches!(
        solve(Exact::default().tolerance(-1.0), &b),
        Err(Error::BadParameter {
            name: "tolerance",
            ..
        })
    ));
    assert!(matches!(
        solve(Exact::default(), &measure(8, 3, 2)),
        Err(Error::DimensionMismatch { .. })
    ));
    let costs = |costs: &[f64]| Exact::default().solve_costs(&[1.0], &[0.5, 0.5], costs);
    assert!(costs(&[1.0, 3.0]).unwrap().value() == 2.0);
    assert!(matches!(costs(&[1.0]), Err(Error::Length { .. })));
    assert!(matches!(
        costs(&[1.0, f64::NAN]),
        Err(Error::BadParameter { .. })
    ));
}
