//! Sinkhorn against closed forms and invariants.
//!
//! A value is the dual's, whose error is of second order in the marginals'; its tolerance is the
//! precision floor of the result times ε, and the rounding of the cost.

use haul::{
    Acceleration, Certificate, Cost, Device, Divergence, Engine, Form, Measure, Precision,
    Regularization, Report, Sinkhorn, Solution, Start, Stop, Terms, debiased,
};
use haul_tests::clouds::{Numbers, gaussian_grid, measure, points};
use haul_tests::compare::{accept, close, number, reject};
use haul_tests::dense;
use haul_tests::engines::Body;
use std::ops::ControlFlow;

pub const BODIES: &[(&str, Body)] = &[
    (
        "two_diracs_cost_their_distance",
        two_diracs_cost_their_distance,
    ),
    ("two_by_two_has_a_closed_form", two_by_two_has_a_closed_form),
    ("gaussians_have_a_closed_form", gaussians_have_a_closed_form),
    (
        "translating_a_cloud_by_t_adds_t_squared",
        translating_a_cloud_by_t_adds_t_squared,
    ),
    (
        "scaling_space_by_s_scales_the_value_by_s_squared",
        scaling_space_by_s_scales_the_value_by_s_squared,
    ),
    (
        "values_of_product_measures_add",
        values_of_product_measures_add,
    ),
    (
        "order_splits_and_weightless_points_change_nothing",
        order_splits_and_weightless_points_change_nothing,
    ),
    (
        "swapping_the_measures_changes_nothing",
        swapping_the_measures_changes_nothing,
    ),
    (
        "a_shared_offset_loses_no_digit",
        a_shared_offset_loses_no_digit,
    ),
    (
        "both_forms_and_every_acceleration_agree",
        both_forms_and_every_acceleration_agree,
    ),
    (
        "reported_marginal_errors_are_those_of_the_plan",
        reported_marginal_errors_are_those_of_the_plan,
    ),
    (
        "bounds_hold_at_every_iteration",
        bounds_hold_at_every_iteration,
    ),
    (
        "values_without_a_certificate_are_the_same",
        values_without_a_certificate_are_the_same,
    ),
    (
        "the_map_is_the_barycentric_one",
        the_map_is_the_barycentric_one,
    ),
    (
        "the_map_extends_to_points_that_were_not_solved_for",
        the_map_extends_to_points_that_were_not_solved_for,
    ),
    (
        "an_outlier_without_mass_is_mapped_as_well",
        an_outlier_without_mass_is_mapped_as_well,
    ),
    (
        "the_plan_multiplies_as_its_matrix_does",
        the_plan_multiplies_as_its_matrix_does,
    ),
    ("the_largest_entries_of_a_row", the_largest_entries_of_a_row),
    (
        "masses_from_1e_minus_30_to_1e6",
        masses_from_1e_minus_30_to_1e6,
    ),
    (
        "coordinates_from_1e_minus_6_to_1e6",
        coordinates_from_1e_minus_6_to_1e6,
    ),
    (
        "degenerate_clouds_have_finite_answers",
        degenerate_clouds_have_finite_answers,
    ),
    (
        "divergences_of_gaussians_have_a_closed_form",
        divergences_of_gaussians_have_a_closed_form,
    ),
    (
        "the_divergence_of_a_translation_is_its_square",
        the_divergence_of_a_translation_is_its_square,
    ),
    (
        "the_divergence_of_equal_measures_is_zero",
        the_divergence_of_equal_measures_is_zero,
    ),
    (
        "self_terms_serve_any_number_of_divergences",
        self_terms_serve_any_number_of_divergences,
    ),
    (
        "too_few_iterations_are_said_so",
        too_few_iterations_are_said_so,
    ),
    (
        "every_start_arrives_at_the_same_answer",
        every_start_arrives_at_the_same_answer,
    ),
    ("a_warm_start_is_nearly_there", a_warm_start_is_nearly_there),
    (
        "accelerated_iterations_take_a_fraction_of_the_passes",
        accelerated_iterations_take_a_fraction_of_the_passes,
    ),
    (
        "an_observer_sees_the_course_and_can_end_it",
        an_observer_sees_the_course_and_can_end_it,
    ),
];

/// The smallest sensible tolerance at a precision floor.
pub fn tolerance(device: &Device) -> f64 {
    if device.precision().name() == "f64" {
        1e-10
    } else {
        1e-4
    }
}

/// The tolerance of a value: rounding, and the remaining error of the iteration.
fn slack(report: &Report) -> f64 {
    let Certificate {
        precision_floor, ..
    } = report.certificate;
    8.0 * precision_floor * (report.epsilon + report.transport_cost)
        + report.tolerance.powi(2) * report.epsilon
}

#[track_caller]
fn expect(solution: &Solution<&Device>, expected: f64) {
    let report = solution.report();
    assert!(report.converged, "{report:?}");
    accept(
        "value",
        number(
            "OT",
            report.value,
            expected,
            slack(report) + 1e-9 * expected.abs(),
        ),
    );
    let off = 100.0 * slack(report) + 1e-3 * (expected.abs() + report.epsilon);
    reject(
        "value",
        number(
            "OT",
            report.value + off,
            expected,
            slack(report) + 1e-9 * expected.abs(),
        ),
    );
}

fn sinkhorn(device: &Device, epsilon: f64) -> Sinkhorn {
    Sinkhorn::epsilon(epsilon)
        .tolerance(tolerance(device))
        .max_iterations(20_000)
}

fn two_diracs_cost_their_distance(device: &Device) {
    let a = Measure::uniform(&[1.0, 2.0, 2.0], 3).unwrap();
    let b = Measure::uniform(&[0.0, 0.0, 0.0], 3).unwrap();
    for epsilon in [0.01, 1.0, 100.0] {
        for p in [0.5, 1.0, 1.5, 2.0] {
            let settings = sinkhorn(device, epsilon).p(p);
            expect(&settings.solve(device, &a, &b).unwrap(), 3f64.powf(p));
        }
    }
}

fn two_by_two_has_a_closed_form(device: &Device) {
    let a = Measure::uniform(&[0.0, 2.0], 1).unwrap();
    for (epsilon, p) in [
        (0.5, 2.0),
        (4.0, 2.0),
        (0.5, 1.0),
        (3.0, 1.0),
        (0.5, 0.5),
        (0.7, 1.5),
    ] {
        let c = 2f64.powf(p);
        let expected = -epsilon * ((1.0 + (-c / epsilon).exp()) / 2.0).ln();
        expect(
            &sinkhorn(device, epsilon)
                .p(p)
                .solve(device, &a, &a)
                .unwrap(),
            expected,
        );
    }
}

fn gaussians_have_a_closed_form(device: &Device) {
    let (a, b) = (gaussian_grid(-0.4, 0.8), gaussian_grid(0.7, 1.3));
    for (epsilon, expected) in [
        (0.18, 1.7721917807),
        (0.5, 2.0813847982),
        (2.0, 2.7352667307),
    ] {
        expect(
            &sinkhorn(device, epsilon).solve(device, &a, &b).unwrap(),
            expected,
        );
    }
}

fn translating_a_cloud_by_t_adds_t_squared(device: &Device) {
    let a = measure(80, 2, 30);
    let t = [0.75, -1.5];
    let moved: Vec<f64> = a
        .points()
        .chunks_exact(2)
        .flat_map(|x| [x[0] + t[0], x[1] + t[1]])
        .collect();
    let b = Measure::new(moved, 2, a.weights().to_vec()).unwrap();
    let itself = sinkhorn(device, 0.1).solve(device, &a, &a).unwrap().value();
    let expected = itself + t[0] * t[0] + t[1] * t[1];
    let solution = sinkhorn(device, 0.1).solve(device, &a, &b).unwrap();
    // Both solves have a slack.
    accept(
        "translation",
        number(
            "OT",
            solution.value(),
            expected,
            2.0 * slack(solution.report()) + 1e-9,
        ),
    );
    reject(
        "translation",
        number(
            "OT",
            solution.value(),
            itself,
            2.0 * slack(solution.report()) + 1e-9,
        ),
    );
}

fn scaling_space_by_s_scales_the_value_by_s_squared(device: &Device) {
    let (a, b) = (measure(60, 3, 31), measure(70, 3, 32));
    let value = sinkhorn(device, 0.2).solve(device, &a, &b).unwrap().value();
    for s in [3.0, 1e-3] {
        let scaled = |m: &Measure| {
            Measure::new(
                m.points().iter().map(|x| s * x).collect(),
                3,
                m.weights().to_vec(),
            )
            .unwrap()
        };
        let solution = sinkhorn(device, 0.2 * s * s)
            .solve(device, &scaled(&a), &scaled(&b))
            .unwrap();
        accept(
            "scale",
            number(
                "OT",
                solution.value(),
                s * s * value,
                2.0 * slack(solution.report()) + 1e-9 * s * s,
            ),
        );
    }
}

fn values_of_product_measures_add(device: &Device) {
    let (a1, b1) = (measure(12, 1, 33), measure(9, 1, 34));
    let (a2, b2) = (measure(8, 1, 35), measure(11, 1, 36));
    let product = |x: &Measure, y: &Measure| {
        let (mut points, mut weights) = (Vec::new(), Vec::new());
        for (x, a) in x.points().iter().zip(x.weights()) {
            for (y, b) in y.points().iter().zip(y.weights()) {
                points.extend([*x, *y]);
                weights.push(a * b);
            }
        }
        Measure::new(points, 2, weights).unwrap()
    };
    let solve = |a: &Measure, b: &Measure| {
        sinkhorn(device, 0.3)
            .solve(device, a, b)
            .unwrap()
            .report()
            .clone()
    };
    let (first, second) = (solve(&a1, &b1), solve(&a2, &b2));
    let both = solve(&product(&a1, &a2), &product(&b1, &b2));
    let allowed = slack(&first) + slack(&second) + slack(&both) + 1e-9;
    accept(
        "product",
        number("OT", both.value, first.value + second.value, allowed),
    );
    reject("product", number("OT", both.value, first.value, allowed));
}

fn order_splits_and_weightless_points_change_nothing(device: &Device) {
    let (a, b) = (measure(50, 2, 37), measure(64, 2, 38));
    let plain = sinkhorn(device, 0.05).solve(device, &a, &b).unwrap();
    let n = a.len();
    let reversed: Vec<f64> = (0..n)
        .rev()
        .flat_map(|i| a.points()[2 * i..2 * i + 2].to_vec())
        .collect();
    let permuted = Measure::new(reversed, 2, a.weights().iter().rev().copied().collect()).unwrap();
    let (mut points, mut weights) = (a.points().to_vec(), a.weights().to_vec());
    points.extend_from_slice(&a.points()[..2]);
    weights[0] *= 0.5;
    weights.push(weights[0]);
    let split = Measure::new(points, 2, weights).unwrap();
    let (mut points, mut weights) = (a.points().to_vec(), a.weights().to_vec());
    points.extend([0.9, -0.9]);
    weights.push(0.0);
    let padded = Measure::new(points, 2, weights).unwrap();
    for (name, other) in [
        ("permuted", &permuted),
        ("split", &split),
        ("padded", &padded),
    ] {
        let solution = sinkhorn(device, 0.05).solve(device, other, &b).unwrap();
        let allowed = 2.0 * slack(plain.report()) + 1e-12;
        accept(name, number("OT", solution.value(), plain.value(), allowed));
        let potentials = solution.potentials().unwrap();
        assert!(
            potentials
                .f
                .iter()
                .chain(&potentials.g)
                .all(|f| f.is_finite()),
            "{name}"
        );
    }
}

fn swapping_the_measures_changes_nothing(device: &Device) {
    let (a, b) = (measure(90, 3, 39), measure(40, 3, 40));
    for p in [1, 2] {
        let one = sinkhorn(device, 0.1).p(p).solve(device, &a, &b).unwrap();
        let other = sinkhorn(device, 0.1).p(p).solve(device, &b, &a).unwrap();
        accept(
            "swap",
            number(
                "OT",
                other.value(),
                one.value(),
                2.0 * slack(one.report()) + 1e-12,
            ),
        );
    }
}

fn a_shared_offset_loses_no_digit(device: &Device) {
    let (a, b) = (measure(100, 3, 41), measure(120, 3, 42));
    // 64 and 4096 add to these coordinates without rounding in f64.
    let moved = |m: &Measure, by: f64| {
        Measure::new(
            m.points().iter().map(|x| x + by).collect(),
            3,
            m.weights().to_vec(),
        )
        .unwrap()
    };
    let near = sinkhorn(device, 0.02).solve(device, &a, &b).unwrap();
    for offset in [64.0, 4096.0] {
        let far = sinkhorn(device, 0.02)
            .solve(device, &moved(&a, offset), &moved(&b, offset))
            .unwrap();
        assert_eq!(far.value(), near.value(), "offset {offset}");
        assert_eq!(far.report().iterations, near.report().iterations);
    }
}

fn both_forms_and_every_acceleration_agree(device: &Device) {
    let (a, b) = (measure(150, 2, 43), measure(170, 2, 44));
    for p in [1, 2] {
        for epsilon in [0.5, 0.02] {
            let settings = sinkhorn(device, epsilon).p(p);
            let default = settings.solve(device, &a, &b).unwrap();
            for other in [
                settings.clone().form(Form::Scaling),
                settings.clone().acceleration(Acceleration::None),
                settings.clone().acceleration(Acceleration::OverRelaxation),
                settings
                    .clone()
                    .acceleration(Acceleration::Anderson { memory: 3 }),
            ] {
                let solution = other.solve(device, &a, &b).unwrap();
                assert!(
                    solution.report().converged,
                    "{other:?}: {:?}",
                    solution.report()
                );
                let allowed = 2.0 * slack(default.report()) + 1e-12;
                accept(
                    &format!("{other:?}"),
                    number("OT", solution.value(), default.value(), allowed),
                );
            }
        }
    }
}

/// A solution's sides, for the dense reference; potentials in the units of the points.
pub fn sides(solution: &Solution<&Device>, a: &Measure, b: &Measure) -> (dense::Side, dense::Side) {
    let potentials = solution.potentials().unwrap();
    let side = |measure: &Measure, potential| dense::Side {
        potential,
        ..dense::side(measure)
    };
    (side(a, potentials.f), side(b, potentials.g))
}

fn reported_marginal_errors_are_those_of_the_plan(device: &Device) {
    let (a, b) = (measure(130, 3, 45), measure(210, 3, 46));
    for (p, form) in [
        (2.0, Form::Log),
        (1.0, Form::Log),
        (0.5, Form::Log),
        (1.5, Form::Log),
        (2.0, Form::Scaling),
        (1.5, Form::Scaling),
    ] {
        let cost = Cost::power(p).unwrap();
        for iterations in [1, 5, 1000] {
            let settings = Sinkhorn::epsilon(0.05)
                .p(p)
                .form(form)
                .tolerance(1e-3)
                .max_iterations(iterations);
            let solution = settings.solve(device, &a, &b).unwrap();
            let (rows, columns) = sides(&solution, &a, &b);
            let plan = dense::plan(cost, 0.05, &rows, &columns);
            let (r, c) = dense::marginals(&plan, b.len());
            let (error_a, error_b) = (
                dense::distance(&r, a.weights()),
                dense::distance(&c, b.weights()),
            );
            let Certificate {
                marginal_error_a,
                marginal_error_b,
                precision_floor,
                ..
            } = *solution.certificate();
            // The reported errors are computed in the engine's precision from a plan of mass ≤ 1 + error.
            // The reference is rounded as well, in f64: its exponents are up to 12/0.05.
            let reference = 8.0 * Precision::F64.unit_roundoff() * 240.0;
            let allowed = (4.0 * precision_floor + reference) * (1.0 + error_a + error_b);
            accept("‖P1 − a‖", number("a", marginal_error_a, error_a, allowed));
            accept("‖Pᵀ1 − b‖", number("b", marginal_error_b, error_b, allowed));
            if iterations == 1 {
                reject(
                    "‖Pᵀ1 − b‖",
                    number("b", marginal_error_b, 2.0 * error_b, allowed),
                );
            }
            let mass: f64 = plan.iter().sum();
            accept("ΣP", number("mass", solution.report().mass, mass, allowed));
        }
    }
}

fn bounds_hold_at_every_iteration(device: &Device) {
    let exact = Device::cpu_f64();
    for p in [0.5, 1.0, 1.5, 2.0f64] {
        let (a, b) = (measure(60, 2, 47), measure(75, 2, 48));
        let converged = Sinkhorn::epsilon(0.03)
            .p(p)
            .tolerance(1e-12)
            .max_iterations(100_000);
        let truth = converged.solve(&exact, &a, &b).unwrap();
        assert!(truth.report().converged);
        let mut last_gap = f64::INFINITY;
        for iterations in [1, 2, 3, 5, 8, 20, 60, 300] {
            let tight = if device.precision() == Precision::F64 {
                1e-12
            } else {
                5e-6
            };
            let settings = Sinkhorn::epsilon(0.03)
                .p(p)
                .tolerance(tight)
                .max_iterations(iterations);
            let solution = settings.solve(device, &a, &b).unwrap();
            let Certificate {
                lower_bound,
                upper_bound,
                ..
            } = *solution.certificate();
            let value = truth.value();
            assert!(
                lower_bound <= value && value <= upper_bound,
                "p {p}, {iterations} iterations: {lower_bound} ≤ {value} ≤ {upper_bound}"
            );
            last_gap = solution.certificate().gap();
        }
        // The bounds close: at the end they are as near as the precision lets them be. A marginal is as wrong as
        // exponents, C/ε roundings, and costs as much to mend as the largest cost.
        let cost = Cost::power(p).unwrap();
        let largest = dense::largest_cost(cost, &dense::side(&a), &dense::side(&b));
        let u = device.precision().unit_roundoff();
        let passes = if device.repeats_distances() {
            4.0
        } else {
            24.0
        };
        let mending = u * largest * (64.0 + passes * largest / 0.03);
        let closed = 4e-9 * truth.report().transport_cost + mending;
        // For p < 1 the rounding of coordinates changes the cost of near points a lot.
        let near = (6.0 * u).powf(p.min(1.0));
        let closed = closed + 3.0 * near;
        assert!(last_gap <= closed, "gap {last_gap:e} > {closed:e}");
    }
}

/// The same numbers from fewer passes, and what these cannot tell is not told.
fn values_without_a_certificate_are_the_same(device: &Device) {
    let (a, b) = (measure(60, 2, 47), measure(75, 2, 48));
    let settings = sinkhorn(device, 0.1);
    for (name, settings) in [
        ("balanced", settings.clone()),
        ("p = 1", settings.clone().p(1)),
        ("short", settings.clone().max_iterations(2)),
        ("unbalanced", settings.clone().reach(0.5)),
        ("of one side", settings.clone().rho_b(0.2)),
        ("wide", settings.regularized(Regularization::Blur(50.0))),
    ] {
        let certified = settings.solve(device, &a, &b).unwrap();
        let fast = settings
            .clone()
            .uncertified()
            .solve(device, &a, &b)
            .unwrap();
        let (found, expected) = (fast.report(), certified.report());
        let allowed = slack(expected);
        accept(name, number("value", found.value, expected.value, allowed));
        let primal = [found, expected].map(|it| it.regularized_cost);
        accept(name, number("primal", primal[0], primal[1], allowed));
        let (few, all) = (&found.certificate, &expected.certificate);
        accept(
            name,
            number("bound", few.lower_bound, all.lower_bound, allowed),
        );
        let errors = [few, all].map(Certificate::marginal_error);
        let floor = 4.0 * all.precision_floor;
        accept(name, number("errors", errors[0], errors[1], floor));
        assert_eq!(found.converged, expected.converged, "{name}");
        let potentials = [&fast, &certified].map(|it| it.potentials().unwrap());
        assert_eq!(potentials[0], potentials[1], "{name}");
        assert!(!found.certified && expected.certified);
        assert_eq!((few.upper_bound, few.wasserstein), (f64::INFINITY, None));
        assert!(all.upper_bound.is_finite());
        assert!(found.transport_cost.is_nan() && found.kl.is_nan());
        let pass = (a.len() * b.len()) as u64;
        assert!(found.pairs + 2 * pass <= expected.pairs, "{name}");
        // The dual of a lower value is another number.
        let off = found.value + 4.0 * allowed;
        reject(name, number("value", off, expected.value, allowed));
    }
    let settings = Divergence::from(sinkhorn(device, 0.1));
    let certified = settings.evaluate(device, &a, &b).unwrap();
    let fast = settings.uncertified().evaluate(device, &a, &b).unwrap();
    let allowed = 2.0 * slack(certified.report());
    let values = [&fast, &certified].map(Terms::value);
    accept("S", number("value", values[0], values[1], allowed));
    assert_eq!(
        (fast.lower_bound(), fast.upper_bound()),
        (0.0, f64::INFINITY)
    );
    let gradients = [&fast, &certified].map(|it| it.gradient().unwrap());
    assert_eq!(gradients[0], gradients[1]);
}

fn the_map_is_the_barycentric_one(device: &Device) {
    let (a, b) = (measure(70, 3, 49), measure(50, 3, 50));
    let solution = sinkhorn(device, 0.1).solve(device, &a, &b).unwrap();
    let (rows, columns) = sides(&solution, &a, &b);
    // Rows of weight 0 have an image as well: that of the kernel's row.
    let unweighted = dense::Side {
        weights: vec![1.0; a.len()],
        ..rows
    };
    let expected = dense_map(&unweighted, &columns);
    let allowed = 4.0 * solution.certificate().precision_floor;
    let map = solution.plan().map().unwrap();
    accept("map", close(&map, &expected, |_| allowed));
    reject("the identity", close(a.points(), &expected, |_| allowed));
}

fn the_map_extends_to_points_that_were_not_solved_for(device: &Device) {
    let (a, b) = (measure(70, 3, 49), measure(50, 3, 50));
    let solution = sinkhorn(device, 0.1).solve(device, &a, &b).unwrap();
    let (_, mut columns) = sides(&solution, &a, &b);
    let others = Measure::uniform(&points(300, 3, 55), 3).unwrap();
    // A row's potential leaves its map as it is.
    let rows = dense::side(&others);
    let allowed = 4.0 * solution.certificate().precision_floor;
    let map = solution.plan().map_points(others.points()).unwrap();
    accept("map", close(&map, &dense_map(&rows, &columns), |_| allowed));
    columns.potential[0] += 0.01;
    let perturbed = dense_map(&rows, &columns);
    reject("other potentials", close(&map, &perturbed, |_| allowed));
    for wrong in [&[0.0, f64::NAN, 0.0][..], &[1.0, 2.0]] {
        assert!(solution.plan().map_points(wrong).is_err());
    }
    assert_eq!(solution.plan().map_points(&[]).unwrap(), []);
}

/// Rows of the plan, for |x − y|² and ε = 0.1, as means of the points in space behind its columns.
fn dense_map(rows: &dense::Side, columns: &dense::Side) -> Vec<f64> {
    let m = columns.len();
    let plan = dense::plan(Cost::SquaredEuclidean, 0.1, rows, columns);
    let (sums, _) = dense::marginals(&plan, m);
    (0..rows.len() * 3)
        .map(|k| {
            let terms = (0..m).map(|j| plan[k / 3 * m + j] * columns.points[3 * j + k % 3]);
            terms.sum::<f64>() / sums[k / 3]
        })
        .collect()
}

/// Many reaches away, it keeps less mass than f32 can represent.
fn an_outlier_without_mass_is_mapped_as_well(device: &Device) {
    let a = Measure::uniform(&[0.0, 0.0, 0.1, 0.0, 0.05, 4.0], 2).unwrap();
    let b = Measure::uniform(&[0.0, 0.0, 0.1, 0.0], 2).unwrap();
    let settings = sinkhorn(device, 0.05).reach(0.2);
    let solution = settings.solve(device, &a, &b).unwrap();
    let (kept, _) = solution.plan().marginals().unwrap();
    assert!(kept[2] < 1e-45, "{kept:?}");
    // It is as far from the one point as from the other.
    let expected = [0.05, 0.0];
    let allowed = 4.0 * solution.certificate().precision_floor;
    let map = &solution.plan().map().unwrap()[4..];
    accept("outlier", close(map, &expected, |_| allowed));
    reject("outlier", close(&b.points()[..2], &expected, |_| allowed));
}

fn the_plan_multiplies_as_its_matrix_does(device: &Device) {
    let (a, b) = (measure(33, 2, 51), measure(47, 2, 52));
    let solution = sinkhorn(device, 0.1).p(1).solve(device, &a, &b).unwrap();
    let (rows, columns) = sides(&solution, &a, &b);
    let plan = dense::plan(Cost::Euclidean, 0.1, &rows, &columns);
    let allowed = 4.0 * solution.certificate().precision_floor;
    for width in [1, 2, 5] {
        let (v, u) = (points(47 * width, 1, 53), points(33 * width, 1, 54));
        let pv: Vec<f64> = (0..33 * width)
            .map(|k| {
                (0..47)
                    .map(|j| plan[k / width * 47 + j] * v[j * width + k % width])
                    .sum()
            })
            .collect();
        let ptu: Vec<f64> = (0..47 * width)
            .map(|k| {
                (0..33)
                    .map(|i| plan[i * 47 + k / width] * u[i * width + k % width])
                    .sum()
            })
            .collect();
        accept(
            "P V",
            close(&solution.plan().product(&v).unwrap(), &pv, |_| allowed),
        );
        accept(
            "Pᵀ U",
            close(
                &solution.plan().product_transposed(&u).unwrap(),
                &ptu,
                |_| allowed,
            ),
        );
        reject(
            "P V",
            close(
                &solution.plan().product(&v).unwrap(),
                &pv.iter().map(|p| p + 1e-2).collect::<Vec<_>>(),
                |_| allowed,
            ),
        );
    }
    assert!(solution.plan().product(&[1.0; 46]).is_err());
    assert!(solution.plan().product(&[]).is_err());
}

fn the_largest_entries_of_a_row(device: &Device) {
    let (a, b) = (measure(20, 2, 55), measure(30, 2, 56));
    for p in [0.5, 1.5, 2.0] {
        let settings = sinkhorn(device, 0.2).p(p);
        let solution = settings.solve(device, &a, &b).unwrap();
        largest_entries(&solution, &a, &b);
    }
}

fn largest_entries(solution: &Solution<&Device>, a: &Measure, b: &Measure) {
    let (rows, columns) = sides(solution, a, b);
    let plan = dense::plan(solution.report().cost, 0.2, &rows, &columns);
    for (i, best) in solution.plan().top_k(4).unwrap().iter().enumerate() {
        let mut entries: Vec<f64> = plan[i * 30..][..30].to_vec();
        entries.sort_by(|p, q| q.total_cmp(p));
        let masses: Vec<f64> = best.iter().map(|(_, mass)| *mass).collect();
        let expected: Vec<f64> = entries
            .into_iter()
            .take(4)
            .filter(|mass| *mass > 0.0)
            .collect();
        accept("masses", close(&masses, &expected, |k| 1e-9 * expected[k]));
        for (j, mass) in best {
            accept("place", number("P", *mass, plan[i * 30 + j], 1e-9 * mass));
        }
    }
    let some = solution.plan().rows(5..9).unwrap();
    let expected = &plan[5 * 30..9 * 30];
    let tolerance = |k: usize| 1e-9 * expected[k] + 1e-300;
    accept("rows", close(&some, expected, tolerance));
    reject("other rows", close(&some, &plan[4 * 30..8 * 30], tolerance));
    assert!(solution.plan().rows(19..21).is_err());
    let assigned = solution.plan().assignment().unwrap();
    for (i, assigned) in assigned.into_iter().enumerate() {
        let row = &plan[i * 30..][..30];
        let largest = row.iter().copied().fold(0.0, f64::max);
        assert_eq!(assigned.is_some(), largest > 0.0, "{i}");
        if let Some(j) = assigned {
            accept("assigned", number("P", row[j], largest, 1e-9 * largest));
        }
    }
}

fn masses_from_1e_minus_30_to_1e6(device: &Device) {
    let (a, b) = (measure(40, 2, 57), measure(50, 2, 58));
    for mass in [1e-30, 1e-6, 1.0, 1e6] {
        let heavy = |m: &Measure| {
            Measure::new(
                m.points().to_vec(),
                2,
                m.weights().iter().map(|w| w * mass).collect(),
            )
            .unwrap()
        };
        let solution = sinkhorn(device, 0.1)
            .solve(device, &heavy(&a), &heavy(&b))
            .unwrap();
        let report = solution.report();
        assert!(report.converged, "{report:?}");
        accept(
            "ΣP",
            number(
                "mass",
                report.mass / mass,
                1.0,
                4.0 * report.certificate.precision_floor + tolerance(device),
            ),
        );
        // The plan is that of mass 1, scaled by it, and a⊗b is scaled by its square:
        // KL(mP | m²a⊗b) = m (KL(P | a⊗b) − log m) + m² − m, mass terms included.
        let one = sinkhorn(device, 0.1).solve(device, &a, &b).unwrap();
        let kl = mass * (one.report().kl - mass.ln()) + mass * mass - mass;
        let value = one.report().transport_cost * mass + 0.1 * kl;
        let scale = value.abs() + 0.1 * mass * mass;
        accept(
            "value",
            number("OT", report.value, value, 4.0 * tolerance(device) * scale),
        );
        let Certificate {
            lower_bound,
            upper_bound,
            ..
        } = report.certificate;
        assert!(
            lower_bound <= report.value && report.value <= upper_bound,
            "{report:?}"
        );
    }
}

fn coordinates_from_1e_minus_6_to_1e6(device: &Device) {
    let (a, b) = (measure(40, 2, 59), measure(50, 2, 60));
    let one = sinkhorn(device, 0.1).solve(device, &a, &b).unwrap().value();
    for s in [1e-6, 1e-3, 1e3, 1e6] {
        let scaled = |m: &Measure| {
            Measure::new(
                m.points().iter().map(|x| s * x).collect(),
                2,
                m.weights().to_vec(),
            )
            .unwrap()
        };
        let solution = sinkhorn(device, 0.1 * s * s)
            .solve(device, &scaled(&a), &scaled(&b))
            .unwrap();
        let report = solution.report();
        assert!(report.converged, "{report:?}");
        accept(
            "value",
            number(
                "OT/s²",
                report.value / (s * s),
                one,
                4.0 * slack(report) / (s * s) + 1e-9,
            ),
        );
    }
}

fn degenerate_clouds_have_finite_answers(device: &Device) {
    let same = Measure::uniform(&[0.3; 20], 2).unwrap();
    let cloud = measure(30, 2, 61);
    let single = Measure::uniform(&[0.1, 0.2], 2).unwrap();
    for (a, b) in [
        (&same, &same),
        (&same, &single),
        (&single, &single),
        (&cloud, &cloud),
        (&single, &cloud),
        (&cloud, &same),
    ] {
        for p in [1, 2] {
            for form in [Form::Log, Form::Scaling] {
                let solution = sinkhorn(device, 0.1)
                    .p(p)
                    .form(form)
                    .solve(device, a, b)
                    .unwrap();
                let report = solution.report();
                assert!(
                    report.converged && report.value.is_finite(),
                    "{form:?} {report:?}"
                );
                assert!(solution.plan().map().unwrap().iter().all(|x| x.is_finite()));
            }
        }
    }
    let apart = sinkhorn(device, 0.1).solve(device, &same, &single).unwrap();
    expect(&apart, 0.2f64.powi(2) + 0.1f64.powi(2));
}

/// The slack of a divergence: that of its terms.
fn slack_of(terms: &Terms<&Device>) -> f64 {
    slack(terms.ab.report()) + 0.5 * slack(terms.aa.report()) + 0.5 * slack(terms.bb.report())
}

fn divergence(device: &Device, epsilon: f64) -> Divergence {
    Divergence::from(sinkhorn(device, epsilon))
}

fn divergences_of_gaussians_have_a_closed_form(device: &Device) {
    let (a, b) = (gaussian_grid(-0.4, 0.8), gaussian_grid(0.7, 1.3));
    for (epsilon, expected) in [
        (0.18, 1.4597663543),
        (0.5, 1.4582166898),
        (2.0, 1.4357850614),
    ] {
        let terms = divergence(device, epsilon)
            .evaluate(device, &a, &b)
            .unwrap();
        assert!(terms.converged());
        let allowed = slack_of(&terms) + 1e-9;
        accept("S", number("S", terms.value(), expected, allowed));
        reject("OT", number("S", terms.ab.value(), expected, allowed));
        assert!(terms.lower_bound() <= expected + 1e-9 && expected - 1e-9 <= terms.upper_bound());
    }
}

fn the_divergence_of_a_translation_is_its_square(device: &Device) {
    let a = measure(80, 2, 70);
    let moved: Vec<f64> = a
        .points()
        .chunks_exact(2)
        .flat_map(|x| [x[0] + 0.75, x[1] - 1.5])
        .collect();
    let b = Measure::new(moved, 2, a.weights().to_vec()).unwrap();
    for epsilon in [0.02, 0.5, 20.0] {
        let terms = divergence(device, epsilon)
            .evaluate(device, &a, &b)
            .unwrap();
        let expected = 0.75f64.powi(2) + 1.5f64.powi(2);
        accept(
            "S",
            number("S", terms.value(), expected, slack_of(&terms) + 1e-9),
        );
    }
}

fn self_terms_serve_any_number_of_divergences(device: &Device) {
    // Of different masses, so that the term of masses counts.
    let heavy = |measure: Measure, factor: f64| {
        let weights = measure.weights().iter().map(|weight| factor * weight);
        let weights: Vec<f64> = weights.collect();
        measure.with_weights(&weights).unwrap()
    };
    let measures = [(90, 1.0), (70, 1.5), (110, 0.8)]
        .map(|(n, factor)| heavy(measure(n, 2, n as u64), factor));
    let epsilon = 0.3;
    let divergence = divergence(device, epsilon).reach(2.0);
    let own = measures.each_ref().map(|measure| {
        let term = divergence.self_term(device, measure);
        term.unwrap().value()
    });
    for (i, j) in [(0, 1), (0, 2), (1, 2)] {
        let (a, b) = (&measures[i], &measures[j]);
        let whole = divergence.evaluate(device, a, b).unwrap();
        let masses = [a.mass(), b.mass()];
        let value = debiased(whole.ab.value(), [own[i], own[j]], epsilon, masses);
        assert_eq!(value, whole.value());
        let exchanged = debiased(whole.ab.value(), [own[i], own[i]], epsilon, masses);
        assert_ne!(exchanged, value);
    }
}

fn the_divergence_of_equal_measures_is_zero(device: &Device) {
    let a = measure(120, 3, 71);
    for p in [1, 2] {
        let terms = divergence(device, 0.3)
            .p(p)
            .evaluate(device, &a, &a.clone())
            .unwrap();
        assert!(
            terms.converged() && terms.value() == 0.0,
            "{}",
            terms.value()
        );
        // The iteration of one measure finds the same as that of two.
        let mut weights = a.weights().to_vec();
        weights.push(0.0);
        let mut points = a.points().to_vec();
        points.extend([0.5; 3]);
        let other = Measure::new(points, 3, weights).unwrap();
        let both = sinkhorn(device, 0.3)
            .p(p)
            .solve(device, &a, &other)
            .unwrap();
        assert!(both.report().converged, "{:?}", both.report());
        let allowed = 2.0 * slack(both.report()) + 1e-12;
        accept(
            "OT(α, α)",
            number("OT", terms.ab.value(), both.value(), allowed),
        );
        assert!(
            terms.ab.report().softmin_passes <= 64,
            "{:?}",
            terms.ab.report()
        );
    }
}

fn too_few_iterations_are_said_so(device: &Device) {
    let (a, b) = (measure(100, 2, 62), measure(100, 2, 63));
    for form in [Form::Log, Form::Scaling] {
        let solution = Sinkhorn::epsilon(0.001)
            .form(form)
            .max_iterations(1)
            .tolerance(1e-3)
            .solve(device, &a, &b)
            .unwrap();
        let report = solution.report();
        assert!(!report.converged && report.iterations == 1, "{report:?}");
        // The scaling form ends with an update in potentials.
        assert_eq!(report.softmin_passes, if form == Form::Log { 2 } else { 3 });
        assert!(report.certificate.marginal_error() > 1e-3);
    }
}

fn every_start_arrives_at_the_same_answer(device: &Device) {
    // The second pair lies in a plane of space: covariances without an inverse.
    let flat = |m: Measure| {
        let points = m.points().chunks_exact(2).flat_map(|x| [x[0], 0.0, x[1]]);
        Measure::new(points.collect(), 3, m.weights().to_vec()).unwrap()
    };
    for (a, b) in [
        (measure(100, 3, 66), measure(130, 3, 67)),
        (flat(measure(80, 2, 68)), flat(measure(90, 2, 69))),
    ] {
        for (p, epsilon) in [(2, 0.05), (2, 1.0), (1, 0.1)] {
            let settings = sinkhorn(device, epsilon).p(p);
            let zero = settings
                .clone()
                .start(Start::Zero)
                .solve(device, &a, &b)
                .unwrap();
            let warm = zero.potentials().unwrap();
            for start in [
                Start::Automatic,
                Start::Annealed,
                Start::Gaussian,
                Start::Potentials(warm),
            ] {
                if p == 1 && start == Start::Gaussian {
                    let refused = settings.clone().start(start).solve(device, &a, &b);
                    assert!(refused.is_err());
                    continue;
                }
                let context = format!("{start:?} p {p} epsilon {epsilon}");
                let solution = settings.clone().start(start).solve(device, &a, &b).unwrap();
                assert!(solution.report().converged, "{context}");
                let allowed = 2.0 * slack(zero.report()) + 1e-12;
                accept(
                    &context,
                    number("OT", solution.value(), zero.value(), allowed),
                );
            }
        }
    }
}

fn a_warm_start_is_nearly_there(device: &Device) {
    for mass in [1.0, 7.0] {
        let heavy = |m: Measure| {
            let weights: Vec<f64> = m.weights().iter().map(|w| mass * w).collect();
            m.with_weights(&weights).unwrap()
        };
        let (a, b) = (heavy(measure(120, 3, 70)), heavy(measure(140, 3, 71)));
        let settings = Sinkhorn::epsilon(0.02).tolerance(1e-3);
        let cold = settings.solve(device, &a, &b).unwrap();
        let potentials = cold.potentials().unwrap();
        let warm = settings
            .clone()
            .warm_start(potentials)
            .solve(device, &a, &b)
            .unwrap();
        assert!(cold.report().iterations > 4, "{:?}", cold.report());
        assert!(warm.report().iterations <= 2, "{:?}", warm.report());
        // A measure against itself, and both measures interchanged.
        let itself = settings.solve(device, &a, &a).unwrap();
        let again = settings.clone().warm_start(itself.potentials().unwrap());
        assert!(again.solve(device, &a, &a).unwrap().report().iterations <= 2);
        let haul::Potentials { f, g } = cold.potentials().unwrap();
        let swapped = settings.clone().warm_start(haul::Potentials { f: g, g: f });
        assert!(swapped.solve(device, &b, &a).unwrap().report().iterations <= 2);
    }
    let (a, b) = (measure(10, 2, 72), measure(11, 2, 73));
    for (f, g) in [
        (vec![0.0; 9], vec![0.0; 11]),
        (vec![f64::NAN; 10], vec![0.0; 11]),
    ] {
        let start = Sinkhorn::blur(0.1).warm_start(haul::Potentials { f, g });
        assert!(start.solve(device, &a, &b).is_err());
    }
}

/// Passes are counted, not timed: a uniform square onto an annulus, blur/diameter .05.
fn accelerated_iterations_take_a_fraction_of_the_passes(device: &Device) {
    let mut numbers = Numbers::new(74);
    let square = Measure::uniform(&numbers.vector(2 * 600, 0.0, 1.0), 2).unwrap();
    let mut annulus = Vec::new();
    while annulus.len() < 2 * 600 {
        let (x, y) = (numbers.within(-1.0, 1.0), numbers.within(-1.0, 1.0));
        if (0.25..1.0).contains(&(x * x + y * y)) {
            annulus.extend([0.5 + 0.5 * x, 0.5 + 0.5 * y]);
        }
    }
    let annulus = Measure::uniform(&annulus, 2).unwrap();
    let passes = |acceleration, start| {
        let settings = Sinkhorn::with(Regularization::RelativeBlur(0.05))
            .tolerance(1e-3)
            .acceleration(acceleration)
            .start(start);
        let solution = settings.solve(device, &square, &annulus).unwrap();
        assert!(solution.report().converged);
        solution.report().softmin_passes
    };
    let anderson = Acceleration::Anderson { memory: 10 };
    let plain = passes(Acceleration::None, Start::Zero);
    let relaxed = passes(Acceleration::OverRelaxation, Start::Annealed);
    let annealed = passes(anderson, Start::Annealed);
    let automatic = passes(anderson, Start::Automatic);
    println!("passes: {plain} {relaxed} {annealed} {automatic}");
    assert!(plain > 150, "{plain}");
    assert!(relaxed < plain / 2, "{relaxed}");
    assert!(annealed <= 60, "{annealed}");
    assert!(automatic <= 60, "{automatic}");
}

fn an_observer_sees_the_course_and_can_end_it(device: &Device) {
    let (a, b) = (measure(100, 2, 64), measure(100, 2, 65));
    let mut course = Vec::new();
    let settings = Sinkhorn::epsilon(0.005)
        .tolerance(1e-3)
        .start(Start::Annealed);
    let solution = settings
        .solve_observed(device, &a, &b, |progress| {
            course.push(*progress);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(solution.report().converged);
    let last = course.last().unwrap();
    assert!(
        last.marginal_error <= last.goal
            && last.goal <= 1e-3
            && last.iteration == solution.report().iterations
    );
    assert!(course.windows(2).all(|pair| pair[0].iteration < pair[1].iteration && pair[0].epsilon >= pair[1].epsilon));
    assert!(course[0].epsilon > last.epsilon && (last.epsilon - 0.005).abs() < 1e-12);

    let stopped = settings
        .solve_observed(device, &a, &b, |progress| {
            if progress.iteration >= 3 {
                ControlFlow::Break(Stop::Certify)
            } else {
                ControlFlow::Continue(())
            }
        })
        .unwrap();
    // It ended among the levels of annealing: one more iteration is at the requested ε.
    assert!(stopped.report().iterations == 4 && !stopped.report().converged);
}
