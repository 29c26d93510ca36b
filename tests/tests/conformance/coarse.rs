//! The start from coarse clouds, and groups of clusters: they change the number of passes, and no result.

use haul::{
    Acceleration, Device, Engine, Error, Exact, Grid, Measure, Method, Precision, Progress,
    Sinkhorn, Start, Stop,
};
use haul_tests::clouds::{Numbers, weights};
use haul_tests::compare::{accept, number, reject};
use haul_tests::engines::Body;
use std::ops::ControlFlow;

pub const BODIES: &[(&str, Body)] = &[
    (
        "a_start_from_coarse_clouds_changes_passes_and_no_result",
        a_coarse_start_changes_passes_and_no_result,
    ),
    (
        "a_plan_in_the_order_of_clusters_is_that_of_its_potentials",
        a_plan_in_the_order_of_clusters_is_that_of_its_potentials,
    ),
    (
        "islands_whose_masses_differ_need_few_passes",
        islands_whose_masses_differ_need_few_passes,
    ),
    (
        "a_start_from_coarse_clouds_can_be_ended",
        a_coarse_start_can_be_ended,
    ),
    (
        "coarse_clouds_are_refused_where_there_are_none",
        coarse_clouds_are_refused_where_there_are_none,
    ),
];

const D: usize = 24;

/// Points in d dimensions around six centres, of which each cloud has other shares.
fn clouds([n, m]: [usize; 2], d: usize) -> [Measure; 2] {
    let mut numbers = Numbers::new(11);
    let centres: Vec<f64> = (0..6 * d).map(|_| numbers.within(-1.0, 1.0)).collect();
    let mut cloud = |points: usize, power: f64, seed: u64| {
        let coordinates: Vec<f64> = (0..points)
            .flat_map(|_| {
                let cluster = (6.0 * numbers.unit().powf(power)) as usize;
                let centre = centres[cluster * d..][..d].to_vec();
                let spread: Vec<f64> = (0..d).map(|_| numbers.within(-0.3, 0.3)).collect();
                centre
                    .into_iter()
                    .zip(spread)
                    .map(|(c, s)| f64::from((c + s) as f32))
            })
            .collect();
        Measure::new(coordinates, d, weights(points, seed)).unwrap()
    };
    [cloud(n, 1.0, 2), cloud(m, 1.5, 4)]
}

/// Of the order of the mean cost, 2 D/3, over a hundred.
const EPSILON: f64 = 0.15;

fn tolerance(device: &Device) -> f64 {
    match device.precision() {
        Precision::F32 => 5e-4,
        Precision::F64 => 1e-7,
    }
}

fn a_coarse_start_changes_passes_and_no_result(device: &Device) {
    let [a, b] = clouds([200, 230], D);
    let tolerance = tolerance(device);
    let settings = Sinkhorn::epsilon(EPSILON).tolerance(tolerance);
    let cases = [
        settings.clone(),
        settings.clone().rho(4.0),
        settings.clone().rho_a(2.0),
    ];
    for (case, settings) in cases.into_iter().enumerate() {
        let context = format!("case {case}");
        let coarse = settings.clone().solve(device, &a, &b).unwrap();
        let anderson = Acceleration::Anderson { memory: 10 };
        let zero = settings.start(Start::Zero).acceleration(anderson);
        let zero = zero.solve(device, &a, &b).unwrap();
        let [with, without] = [&coarse, &zero].map(|solution| solution.report());
        assert!(with.converged && without.converged, "{context}");
        let level = with.levels.first().copied().unwrap();
        assert!(level.points.iter().all(|points| (6..=128).contains(points)));
        assert!(without.levels.is_empty());
        assert_eq!(with.stages[0].method, Method::TwoLevel, "{context}");
        assert!(
            with.softmin_passes < without.softmin_passes,
            "{context}: {:?} and {:?}",
            with.stages,
            without.stages
        );
        // The dual is off by the square of the error of the marginals, times ε, and by rounding.
        let scale = with.regularized_cost.abs();
        let same = |value: f64| number("value", value, without.value, tolerance * scale);
        accept(&context, same(with.value));
        reject(&context, same(with.value + 2.0 * tolerance * scale));
        let [of_coarse, of_zero] = [with.certificate, without.certificate];
        assert!(
            of_coarse.lower_bound <= of_zero.upper_bound
                && of_zero.lower_bound <= of_coarse.upper_bound,
            "{context}"
        );
    }
}

/// Squares in four places of the plane, of which each cloud has other shares. A plan moves mass between them, over gaps that are
/// many blurs wide, and each update changes the potentials of a square by a small constant.
fn islands_whose_masses_differ_need_few_passes(device: &Device) {
    let mut numbers = Numbers::new(17);
    let mut cloud = |points: usize, power: f64| {
        let coordinates: Vec<f64> = (0..points)
            .flat_map(|_| {
                let island = (4.0 * numbers.unit().powf(power)) as usize;
                let corner = [3 * (island % 2), 3 * (island / 2)];
                corner.map(|at| at as f64 + numbers.within(0.0, 0.6))
            })
            .collect();
        Measure::uniform(&coordinates, 2).unwrap()
    };
    let [a, b] = [cloud(300, 1.0), cloud(340, 1.3)];
    for (p, blur) in [(2.0, 0.15), (1.0, 0.05)] {
        let context = format!("p {p}");
        let settings = Sinkhorn::blur(blur).p(p);
        let solution = settings.clone().solve(device, &a, &b).unwrap();
        let report = solution.report();
        assert!(report.converged && report.levels.len() == 1, "{context}");
        assert!(
            report.softmin_passes <= 100,
            "{context}: {:?}",
            report.stages
        );
        let anderson = Acceleration::Anderson { memory: 10 };
        let zero = settings.clone().start(Start::Zero).acceleration(anderson);
        let zero = zero.max_iterations(300).solve(device, &a, &b).unwrap();
        assert!(!zero.report().converged, "{context}: {:?}", zero.report());
        let exact = Exact::default().p(p).solve(device, &a, &b).unwrap();
        let bounds = report.certificate.wasserstein.unwrap();
        assert!(
            bounds.lower <= exact.value() && exact.value() <= bounds.upper,
            "{context}: {bounds:?} {}",
            exact.value()
        );
        assert!(bounds.upper < 1.25 * exact.value(), "{context}: {bounds:?}");
        // Mass may stay where it is, at a price.
        let unbalanced = settings.rho(8.0).solve(device, &a, &b).unwrap();
        assert!(unbalanced.report().converged, "{context}");
    }
}

/// More dimensions than those up to which distances are computed as fast as they are read.
const MANY: usize = 40;

fn a_plan_in_the_order_of_clusters_is_that_of_its_potentials(device: &Device) {
    let [a, b] = clouds([200, 230], MANY);
    let epsilon = 0.25;
    let settings = Sinkhorn::epsilon(epsilon).tolerance(tolerance(device));
    let solution = settings.solve(device, &a, &b).unwrap();
    let report = solution.report();
    assert!(report.converged && report.levels.len() == 1);
    assert_eq!(report.distance_bytes > 0, report.device.starts_with("CPU"));
    assert_eq!(report.kept, 1.0);
    let potentials = solution.potentials().unwrap();
    let (n, m) = (a.len(), b.len());
    let point = |of: &Measure, i: usize| of.points()[i * MANY..][..MANY].to_vec();
    let cost = |i: usize, j: usize| -> f64 {
        let pairs = point(&a, i).into_iter().zip(point(&b, j));
        pairs.map(|(x, y)| (x - y).powi(2)).sum()
    };
    let entry = |i: usize, j: usize| {
        let exponent = (potentials.f[i] + potentials.g[j] - cost(i, j)) / epsilon;
        a.weights()[i] / a.mass() * b.weights()[j] * exponent.exp()
    };
    let plan: Vec<f64> = (0..n * m).map(|at| entry(at / m, at % m)).collect();
    // An exponent is off by a few roundings of the largest cost over ε, and so is an entry, relative to itself.
    let off = match device.precision() {
        Precision::F32 => 1e-3,
        Precision::F64 => 1e-10,
    };
    let same = |what: &str, found: &[f64], expected: &[f64]| {
        assert_eq!(found.len(), expected.len(), "{what}");
        let largest = expected.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        for (found, expected) in found.iter().zip(expected) {
            accept(what, number(what, *found, *expected, off * largest));
        }
        let [first, second] = [expected[0], expected[expected.len() / 2]];
        assert!(
            (first - second).abs() > off * largest,
            "{what} tells nothing"
        );
    };
    let width = 7;
    let values = |points: usize| -> Vec<f64> {
        (0..points * width)
            .map(|k| 1.0 + (0.7 * k as f64).sin())
            .collect()
    };
    let of_rows = values(m);
    let expected: Vec<f64> = (0..n * width)
        .map(|k| {
            (0..m)
                .map(|j| plan[k / width * m + j] * of_rows[j * width + k % width])
                .sum()
        })
        .collect();
    let p = solution.plan();
    same("product", &p.product(&of_rows).unwrap(), &expected);
    let of_columns = values(n);
    let expected: Vec<f64> = (0..m * width)
        .map(|k| {
            (0..n)
                .map(|i| plan[i * m + k / width] * of_columns[i * width + k % width])
                .sum()
        })
        .collect();
    same(
        "transposed",
        &p.product_transposed(&of_columns).unwrap(),
        &expected,
    );
    let sums: Vec<f64> = plan.chunks(m).map(|row| row.iter().sum()).collect();
    // Points of weight 0 have an image, but no mass.
    let massive: Vec<usize> = (0..n).filter(|i| sums[*i] > 0.0).collect();
    let of_massive = |rows: Vec<f64>| -> Vec<f64> {
        let rows = massive
            .iter()
            .flat_map(|i| rows[i * MANY..][..MANY].to_vec());
        rows.collect()
    };
    let images: Vec<f64> = (0..n * MANY)
        .map(|k| {
            let of = |j: usize| plan[k / MANY * m + j] * b.points()[j * MANY + k % MANY];
            (0..m).map(of).sum::<f64>() / sums[k / MANY]
        })
        .collect();
    same(
        "map",
        &of_massive(p.map().unwrap()),
        &of_massive(images.clone()),
    );
    let gradient: Vec<f64> = (0..n * MANY)
        .map(|k| 2.0 * sums[k / MANY] * (a.points()[k] - images[k]))
        .collect();
    let found = solution.gradient().unwrap().points;
    same("gradient", &of_massive(found), &of_massive(gradient));
    let largest = |i: usize| {
        let row = &plan[i * m..][..m];
        let best = row.iter().copied().fold(0.0, f64::max);
        (best > 0.0)
            .then(|| row.iter().position(|x| *x == best))
            .flatten()
    };
    for (i, found) in p.assignment().unwrap().into_iter().enumerate() {
        let [found, expected] = [found, largest(i)].map(|j| j.map(|j| plan[i * m + j]));
        match (found, expected) {
            (Some(found), Some(expected)) => assert!(found >= (1.0 - off) * expected, "{i}"),
            none => assert_eq!(none, (None, None)),
        }
    }
    let moved: f64 = (0..n * m).map(|at| plan[at] * cost(at / m, at % m)).sum();
    accept(
        "cost",
        number("cost", p.transport_cost().unwrap(), moved, off * moved),
    );
}

fn a_coarse_start_can_be_ended(device: &Device) {
    let [a, b] = clouds([200, 230], D);
    let settings = Sinkhorn::epsilon(EPSILON).tolerance(tolerance(device));
    let mut levels = Vec::new();
    let ended = settings.solve_observed(device, &a, &b, |progress: &Progress| {
        levels.push(progress.level);
        ControlFlow::Break(Stop::Certify)
    });
    let ended = ended.unwrap();
    let report = ended.report();
    assert_eq!(levels, [1]);
    assert!(!report.converged && report.levels.len() == 1);
    let value = settings.solve(device, &a, &b).unwrap().report().certificate;
    let early = report.certificate;
    assert!(early.lower_bound <= value.upper_bound && value.lower_bound <= early.upper_bound);
    assert!(early.gap() > value.gap());
    let abandoned = settings.solve_observed(device, &a, &b, |_: &Progress| {
        ControlFlow::Break(Stop::Abandon)
    });
    assert!(matches!(abandoned, Err(Error::Interrupted)));
}

fn coarse_clouds_are_refused_where_there_are_none(device: &Device) {
    let grid = |step: i32| {
        let values: Vec<f64> = (0..12).map(|i| f64::from(1 + i * step % 12)).collect();
        let grid = Grid::new(&[4, 3], &[1.0, 1.0], &[0.0, 0.0]).unwrap();
        Measure::grid(grid, values).unwrap()
    };
    let settings = Sinkhorn::blur(0.5).start(Start::Coarse);
    let refused = settings.solve(device, &grid(1), &grid(5));
    assert!(matches!(refused, Err(Error::Unsupported { .. })));
    // A few points are one group.
    let few = Measure::uniform(&[0.0, 1.0, 3.0, 4.0], 1).unwrap();
    let other = Measure::uniform(&[1.0, 2.0, 2.5], 1).unwrap();
    let [coarse, zero] = [Start::Coarse, Start::Zero].map(|start| {
        let settings = settings.clone().start(start).tolerance(tolerance(device));
        settings.solve(device, &few, &other).unwrap()
    });
    assert_eq!(coarse.report().levels[0].points, [1, 1]);
    accept(
        "few points",
        number("value", coarse.value(), zero.value(), 1e-3),
    );
}
