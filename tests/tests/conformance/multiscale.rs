//! Passes over near pairs, from coarse clouds to fine ones: they change the number of pairs, and no result by more than
//! they say.

use haul::{
    Acceleration, BarycenterKind, Device, Divergence, Engine, Error, Form, FreeBarycenter, Measure,
    Multiscale, Precision, Regularization, Result, Sinkhorn, Solution, Start, Stop,
};
use haul_tests::clouds::{points, weights};
use haul_tests::compare::{accept, number, reject};
use haul_tests::engines::Body;
use std::ops::ControlFlow;

pub const BODIES: &[(&str, Body)] = &[
    (
        "near_pairs_give_the_values_of_all_pairs",
        near_pairs_give_the_values_of_all_pairs,
    ),
    (
        "near_pairs_give_the_plan_of_all_pairs",
        near_pairs_give_the_plan_of_all_pairs,
    ),
    (
        "a_divergence_over_near_pairs_is_that_of_all_pairs",
        a_divergence_over_near_pairs_is_that_of_all_pairs,
    ),
    (
        "free_points_move_over_near_pairs_as_over_all",
        free_points_move_over_near_pairs_as_over_all,
    ),
    (
        "near_pairs_are_refused_where_there_are_none",
        near_pairs_are_refused_where_there_are_none,
    ),
    (
        "a_truncated_solve_that_ends_early_is_certified",
        a_truncated_solve_that_ends_early_is_certified,
    ),
];

/// Bodies with coarse clouds, which need many points.
pub const LARGE: &[(&str, Body)] = &[(
    "coarse_clouds_start_a_solve_and_change_no_result",
    coarse_clouds_start_a_solve_and_change_no_result,
)];

/// Two clouds in d dimensions, the second one moved, with weights of which some are 0.
fn clouds([n, m]: [usize; 2], d: usize) -> [Measure; 2] {
    let moved: Vec<f64> = points(m, d, 3).iter().map(|x| 0.9 * x + 0.4).collect();
    [
        Measure::new(points(n, d, 1), d, weights(n, 2)).unwrap(),
        Measure::new(moved, d, weights(m, 4)).unwrap(),
    ]
}

fn tolerance(device: &Device) -> f64 {
    match device.precision() {
        Precision::F32 => 3e-4,
        Precision::F64 => 1e-6,
    }
}

fn solve<'d>(
    device: &'d Device,
    settings: &Sinkhorn,
    multiscale: Multiscale,
    [a, b]: &[Measure; 2],
) -> Solution<&'d Device> {
    let settings = settings.clone().multiscale(multiscale);
    settings.solve(device, a, b).unwrap()
}

/// Settings of which the share of pairs that is near is below `most`.
fn cases(device: &Device) -> Vec<(usize, Sinkhorn, f64)> {
    let blur =
        |blur| Sinkhorn::with(Regularization::RelativeBlur(blur)).tolerance(tolerance(device));
    vec![
        (2, blur(0.02), 0.5),
        (1, blur(0.003).p(1.5), 0.5),
        (2, blur(0.02).reach(0.4), 0.5),
        (2, blur(0.02).rho_b(0.5), 0.5),
        (1, blur(0.01), 0.3),
    ]
}

fn near_pairs_give_the_values_of_all_pairs(device: &Device) {
    for (case, (d, settings, most)) in cases(device).into_iter().enumerate() {
        let context = format!("case {case}");
        let measures = clouds([1500, 1300], d);
        let [near, all] = [Multiscale::Always, Multiscale::Never]
            .map(|multiscale| solve(device, &settings, multiscale, &measures));
        let (of_near, of_all) = (near.report(), all.report());
        assert!(of_near.converged && of_all.converged, "{context}");
        assert!(
            of_near.kept < most && of_all.kept == 1.0,
            "{context} {}",
            of_near.kept
        );
        assert!(of_near.dropped > 0.0 && of_all.dropped == 0.0, "{context}");
        // The optimum is between both bounds of both.
        let [near, all] = [near.certificate(), all.certificate()];
        let meet = near.lower_bound <= all.upper_bound && all.lower_bound <= near.upper_bound;
        assert!(meet, "{context} {near:?} {all:?}");
        let off = (of_near.value - of_all.value).abs();
        let allowed = (near.gap() + all.gap()) + 1e-12;
        assert!(off <= allowed, "{context} {off} {allowed}");
        if let (Some(near), Some(all)) = (near.wasserstein, all.wasserstein) {
            let meet = near.lower <= all.upper && all.lower <= near.upper;
            assert!(meet, "{context} {near:?} {all:?}");
        }
    }
}

fn near_pairs_give_the_plan_of_all_pairs(device: &Device) {
    let tolerance = tolerance(device);
    let settings = Sinkhorn::with(Regularization::RelativeBlur(0.02)).tolerance(tolerance);
    let measures = clouds([1500, 1300], 2);
    let [near, all] = [Multiscale::Always, Multiscale::Never]
        .map(|multiscale| solve(device, &settings, multiscale, &measures));
    let values: Vec<f64> = (0..1300).map(|j| (0.1 * j as f64).sin()).collect();
    let both = |of: &dyn Fn(&Solution<&Device>) -> Result<Vec<f64>>| {
        [&near, &all].map(|solution| of(solution).unwrap())
    };
    // A plan is off by its marginal errors and the mass left out, a sum over its rows by that times the largest value.
    let apart =
        |[v, w]: &[Vec<f64>; 2]| -> f64 { v.iter().zip(w).map(|(v, w)| (v - w).abs()).sum() };
    let products = both(&|solution| solution.plan().product(&values));
    let turned = both(&|solution| solution.plan().product_transposed(&values_of(1500)));
    let slopes = both(&|solution| Ok(solution.gradient()?.points));
    let allowed = 60.0 * tolerance;
    assert!(apart(&products) <= allowed, "{}", apart(&products));
    assert!(apart(&turned) <= allowed, "{}", apart(&turned));
    assert!(apart(&slopes) <= 6.0 * allowed, "{}", apart(&slopes));
    // In another order they are not the same.
    let mut wrong = products.clone();
    wrong[0].rotate_left(1);
    assert!(apart(&wrong) > 4.0 * allowed || device.precision() == Precision::F32);
    let [f, g] = both(&|solution| Ok(solution.potentials()?.f));
    let mean = |v: &[f64]| {
        v.iter()
            .zip(measures[0].weights())
            .map(|(f, a)| a * f)
            .sum::<f64>()
    };
    let shift = mean(&f) - mean(&g);
    let pairs = f.iter().zip(&g).zip(measures[0].weights());
    let off: f64 = pairs.map(|((f, g), a)| a * (f - g - shift).abs()).sum();
    let epsilon = near.report().epsilon;
    assert!(off <= 0.1 * epsilon, "{off} {epsilon}");
    let [maps, others] = both(&|solution| solution.plan().map());
    let off = maps
        .iter()
        .zip(&others)
        .map(|(x, y)| (x - y).abs())
        .fold(0.0, f64::max);
    assert!(off < 0.02, "{off}");
    let [assigned, expected] = [&near, &all].map(|solution| solution.plan().assignment().unwrap());
    let same = assigned
        .iter()
        .zip(&expected)
        .filter(|(i, j)| i == j)
        .count();
    assert!(same > 1400, "{same}");
}

fn values_of(count: usize) -> Vec<f64> {
    (0..count).map(|i| (0.07 * i as f64).cos()).collect()
}

fn a_divergence_over_near_pairs_is_that_of_all_pairs(device: &Device) {
    let tolerance = tolerance(device);
    let measures = clouds([1500, 1300], 2);
    let evaluate = |multiscale| {
        let settings = Divergence::with(Regularization::RelativeBlur(0.02)).tolerance(tolerance);
        let settings = settings.multiscale(multiscale);
        settings
            .evaluate(device, &measures[0], &measures[1])
            .unwrap()
    };
    let [near, all] = [Multiscale::Always, Multiscale::Never].map(evaluate);
    let gap = [&near, &all].map(|terms| terms.upper_bound() - terms.lower_bound());
    let gap = gap[0] + gap[1];
    let agree = |value: f64| number("S_ε", value, all.value(), gap);
    accept("near pairs", agree(near.value()));
    reject("another value", agree(near.value() + 2.0 * gap));
    let [slopes, expected] = [&near, &all].map(|terms| terms.gradient().unwrap().points);
    let apart: f64 = slopes
        .iter()
        .zip(&expected)
        .map(|(v, w)| (v - w).abs())
        .sum();
    assert!(apart <= 400.0 * tolerance, "{apart}");
}

/// A step that goes on from potentials in the order of the points, with its last update over near pairs.
fn free_points_move_over_near_pairs_as_over_all(device: &Device) {
    let [start, input] = clouds([1500, 1300], 2);
    let settings = Sinkhorn::with(Regularization::RelativeBlur(0.02)).tolerance(tolerance(device));
    let moved = |multiscale| {
        FreeBarycenter::new(settings.clone().multiscale(multiscale))
            .kind(BarycenterKind::Product)
            .max_steps(1)
            .solve(device, &start, std::slice::from_ref(&input))
            .unwrap()
    };
    let [near, all] = [Multiscale::Always, Multiscale::Never].map(moved);
    assert!(near.report().pairs < all.report().pairs);
    let apart = |v: &[f64], w: &[f64]| -> f64 {
        let rows = v.chunks_exact(2).zip(w.chunks_exact(2));
        let rows = rows.zip(start.weights());
        rows.map(|((v, w), a)| a * ((v[0] - w[0]).abs() + (v[1] - w[1]).abs()))
            .sum()
    };
    let [near, all] = [&near, &all].map(|found| found.measure().points().to_vec());
    assert!(apart(&near, &all) < 0.005, "{}", apart(&near, &all));
    let mut wrong = near;
    wrong.rotate_left(2);
    assert!(apart(&wrong, &all) > 0.1);
}

fn a_truncated_solve_that_ends_early_is_certified(device: &Device) {
    let settings = Sinkhorn::with(Regularization::RelativeBlur(0.02));
    let measures = clouds([1500, 1300], 2);
    let exact = solve(device, &settings, Multiscale::Never, &measures);
    let exact = exact.certificate();
    let truncated = settings
        .tolerance(tolerance(device))
        .multiscale(Multiscale::Always);
    for iterations in [1, 2, 3, 5] {
        let observer = |progress: &haul::Progress| {
            if progress.iteration >= iterations {
                ControlFlow::Break(Stop::Certify)
            } else {
                ControlFlow::Continue(())
            }
        };
        let [a, b] = &measures;
        let ended = truncated.solve_observed(device, a, b, observer).unwrap();
        let certificate = ended.certificate();
        assert!(!ended.report().converged, "{iterations}");
        let holds = certificate.lower_bound <= exact.upper_bound
            && exact.lower_bound <= certificate.upper_bound;
        assert!(holds, "{iterations} {certificate:?} {exact:?}");
    }
}

fn near_pairs_are_refused_where_there_are_none(device: &Device) {
    let [a, b] = clouds([70, 60], 2);
    let always = Sinkhorn::blur(0.1).multiscale(Multiscale::Always);
    for settings in [
        always.clone().form(Form::Scaling),
        always.clone().acceleration(Acceleration::None),
        always.clone().start(Start::Annealed),
    ] {
        let refused = settings.solve(device, &a, &b).unwrap_err();
        assert!(matches!(refused, Error::NearPairs), "{refused}");
        let allowed = settings.multiscale(Multiscale::Automatic);
        assert!(allowed.solve(device, &a, &b).is_ok());
    }
    assert!(always.solve(device, &a, &b).is_ok());
}

fn coarse_clouds_start_a_solve_and_change_no_result(device: &Device) {
    let measures = clouds([5000, 4600], 2);
    for settings in [
        Sinkhorn::with(Regularization::RelativeBlur(0.01)),
        Sinkhorn::with(Regularization::RelativeBlur(0.01)).reach(0.5),
    ] {
        let settings = settings.tolerance(tolerance(device));
        let [near, all] = [Multiscale::Always, Multiscale::Never]
            .map(|multiscale| solve(device, &settings, multiscale, &measures));
        assert!(near.report().converged && all.report().converged);
        assert_eq!(near.report().levels.len(), 1);
        assert_eq!(near.report().levels[0].points, [625, 575]);
        assert!(near.report().kept < 0.25, "{}", near.report().kept);
        let fewer = near.report().pairs as f64 / all.report().pairs as f64;
        assert!(fewer < 0.3, "{fewer}");
        let [near, all] = [near.certificate(), all.certificate()];
        assert!(near.lower_bound <= all.upper_bound && all.lower_bound <= near.upper_bound);
    }
}
