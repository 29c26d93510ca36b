//! The start from coarse clouds, and groups of clusters: they change the number of passes, and no result.

use haul::{
    Acceleration, Device, Engine, Error, Grid, Measure, Method, Precision, Progress, Sinkhorn,
    Start, Stop,
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
        "a_start_from_coarse_clouds_can_be_ended",
        a_coarse_start_can_be_ended,
    ),
    (
        "coarse_clouds_are_refused_where_there_are_none",
        coarse_clouds_are_refused_where_there_are_none,
    ),
];

const D: usize = 24;

/// Points around six centres, of which each cloud has other shares.
fn clouds([n, m]: [usize; 2]) -> [Measure; 2] {
    let mut numbers = Numbers::new(11);
    let centres: Vec<f64> = (0..6 * D).map(|_| numbers.within(-1.0, 1.0)).collect();
    let mut cloud = |points: usize, power: f64, seed: u64| {
        let coordinates: Vec<f64> = (0..points)
            .flat_map(|_| {
                let cluster = (6.0 * numbers.unit().powf(power)) as usize;
                let centre = centres[cluster * D..][..D].to_vec();
                let spread: Vec<f64> = (0..D).map(|_| numbers.within(-0.3, 0.3)).collect();
                centre
                    .into_iter()
                    .zip(spread)
                    .map(|(c, s)| f64::from((c + s) as f32))
            })
            .collect();
        Measure::new(coordinates, D, weights(points, seed)).unwrap()
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
    let [a, b] = clouds([200, 230]);
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

fn a_coarse_start_can_be_ended(device: &Device) {
    let [a, b] = clouds([200, 230]);
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
