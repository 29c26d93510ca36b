//! Unbalanced and semi-unbalanced transport against closed forms, the dense solver and its limits.
//!
//! A penalty also changes the value by an error of second order in the marginals' error,
//! with ρ in place of ε.

use crate::solver::{sides, tolerance};
use haul::{
    Acceleration, Certificate, Cost, Device, Divergence, Engine, Form, Measure, Precision, Report,
    Sinkhorn,
};
use haul_tests::clouds::{gaussian_grid, measure};
use haul_tests::compare::{accept, number, reject};
use haul_tests::dense;
use haul_tests::engines::Body;

const EXACT: f64 = f64::INFINITY;

pub const BODIES: &[(&str, Body)] = &[
    ("unbalanced_gaussians_have_a_table", gaussians_have_a_table),
    (
        "unbalanced_gaussians_follow_their_quadratics",
        gaussians_follow_their_quadratics,
    ),
    (
        "unbalanced_diracs_have_a_closed_form",
        diracs_have_a_closed_form,
    ),
    (
        "a_growing_rho_becomes_the_constraint",
        a_growing_rho_becomes_the_constraint,
    ),
    (
        "unbalanced_bounds_hold_at_every_iteration",
        bounds_hold_at_every_iteration,
    ),
    (
        "unbalanced_errors_and_values_are_those_of_the_plan",
        errors_and_values_are_those_of_the_plan,
    ),
    (
        "unbalanced_forms_and_accelerations_agree",
        forms_and_accelerations_agree,
    ),
    (
        "unbalanced_divergences_are_those_of_the_dense_solver",
        divergences_are_those_of_the_dense_solver,
    ),
    (
        "divergences_of_two_penalties_are_not_negative",
        divergences_of_two_penalties_are_not_negative,
    ),
    (
        "the_unbalanced_divergence_of_equal_measures_is_zero",
        the_divergence_of_equal_measures_is_zero,
    ),
    ("unbalanced_masses_of_any_size", masses_of_any_size),
    (
        "unbalanced_degenerate_clouds_have_finite_answers",
        degenerate_clouds_have_finite_answers,
    ),
];

fn sinkhorn(device: &Device, epsilon: f64, rho: [f64; 2]) -> Sinkhorn {
    Sinkhorn::epsilon(epsilon)
        .rho_a(rho[0])
        .rho_b(rho[1])
        .tolerance(tolerance(device))
        .max_iterations(20_000)
}

/// The same measure with another mass.
fn heavy(measure: &Measure, mass: f64) -> Measure {
    let weights: Vec<f64> = measure
        .weights()
        .iter()
        .map(|w| w * mass / measure.mass())
        .collect();
    measure.clone().with_weights(&weights).unwrap()
}

/// The tolerance of a value: rounding, and the remaining error of the iteration.
fn slack(report: &Report) -> f64 {
    let finite = |rho: f64| if rho.is_finite() { rho } else { 0.0 };
    let penalties = finite(report.rho_a) + finite(report.rho_b);
    let size = report.epsilon + report.transport_cost + report.value.abs();
    8.0 * report.certificate.precision_floor * size
        + report.tolerance.powi(2) * (report.epsilon + penalties)
}

#[track_caller]
fn expect(report: &Report, value: f64, mass: f64) {
    assert!(report.converged, "{report:?}");
    let allowed = slack(report) + 1e-9;
    let of_mass = 4.0 * (report.certificate.precision_floor + report.tolerance) + 1e-9;
    accept("value", number("OT", report.value, value, allowed));
    accept("mass", number("ΣP", report.mass, mass, of_mass));
    reject(
        "value",
        number("OT", report.value + 4.0 * allowed, value, allowed),
    );
    reject(
        "mass",
        number("ΣP", report.mass + 4.0 * of_mass, mass, of_mass),
    );
    let Certificate {
        lower_bound,
        upper_bound,
        ..
    } = report.certificate;
    assert!(
        lower_bound <= value + 1e-9 && value - 1e-9 <= upper_bound,
        "{lower_bound} ≤ {value} ≤ {upper_bound}"
    );
}

fn gaussians() -> (Measure, Measure) {
    (gaussian_grid(-0.4, 0.8), gaussian_grid(0.7, 1.3))
}

/// Masses, ε, and ρ of both sides.
type Posed = ([f64; 2], f64, [f64; 2]);

/// Problems with their value and the mass of their plan.
const TABLE: [(Posed, f64, f64); 4] = [
    (([1.0, 1.0], 0.5, [1.0, 1.0]), 0.8115697552, 0.6753720979),
    (([1.3, 0.7], 0.5, [1.0, 1.0]), 0.8594590371, 0.6382163851),
    (([1.0, 1.0], 0.5, [1.0, EXACT]), 1.4838348419, 1.0),
    (([0.7, 1.3], 0.5, [2.0, 0.25]), 0.5988207846, 0.5749742601),
];

fn gaussians_have_a_table(device: &Device) {
    let (a, b) = gaussians();
    for ((masses, epsilon, rho), value, mass) in TABLE {
        let (a, b) = (heavy(&a, masses[0]), heavy(&b, masses[1]));
        let solution = sinkhorn(device, epsilon, rho)
            .solve(device, &a, &b)
            .unwrap();
        expect(solution.report(), value, mass);
        let (of_quadratics, mass_of_quadratics) = quadratics(masses, epsilon, rho);
        accept("oracle", number("OT", of_quadratics, value, 1e-9));
        accept("oracle", number("ΣP", mass_of_quadratics, mass, 1e-9));
    }
}

fn gaussians_follow_their_quadratics(device: &Device) {
    let (a, b) = gaussians();
    for (masses, epsilon, rho) in [
        ([2.0, 0.3], 0.25, [0.5, 3.0]),
        ([0.1, 4.0], 1.0, [EXACT, 0.7]),
        ([0.1, 4.0], 1.0, [0.7, EXACT]),
        ([1.0, 1.0], 0.3, [40.0, 40.0]),
        ([5.0, 5.0], 2.0, [0.3, 0.3]),
    ] {
        let (value, mass) = quadratics(masses, epsilon, rho);
        let (a, b) = (heavy(&a, masses[0]), heavy(&b, masses[1]));
        let solution = sinkhorn(device, epsilon, rho)
            .solve(device, &a, &b)
            .unwrap();
        expect(solution.report(), value, mass);
    }
}

/// c₀ + c₁x + c₂x².
type Quadratic = [f64; 3];

/// A Gaussian: mass, mean, standard deviation.
type Gaussian = (f64, f64, f64);

/// log ∫ exp(q) dβ.
fn log_integral(beta: Gaussian, q: Quadratic) -> f64 {
    let (mass, mean, deviation) = beta;
    let precision = deviation.powi(-2);
    let (a, b) = (precision - 2.0 * q[2], precision * mean + q[1]);
    let constant = q[0] - 0.5 * precision * mean * mean + mass.ln() - deviation.ln();
    constant - 0.5 * a.ln() + 0.5 * b * b / a
}

/// T_β(g) for the cost (x − y)², a quadratic again: found from its values at three points.
fn softmin(epsilon: f64, beta: Gaussian, g: Quadratic) -> Quadratic {
    let at = |x: f64| {
        let exponent = [
            (g[0] - x * x) / epsilon,
            (g[1] + 2.0 * x) / epsilon,
            (g[2] - 1.0) / epsilon,
        ];
        -epsilon * log_integral(beta, exponent)
    };
    let (left, middle, right) = (at(-1.0), at(0.0), at(1.0));
    [middle, 0.5 * (right - left), 0.5 * (right + left) - middle]
}

/// Value and mass of the plan between the Gaussians of [`gaussians`]: Sinkhorn's map sends
/// quadratics to quadratics.
fn quadratics(masses: [f64; 2], epsilon: f64, rho: [f64; 2]) -> (f64, f64) {
    let (alpha, beta) = ((masses[0], -0.4, 0.8), (masses[1], 0.7, 1.3));
    let [damping_a, damping_b] = rho.map(|rho| 1.0 / (1.0 + epsilon / rho));
    let (mut f, mut g) = ([0.0; 3], [0.0; 3]);
    for _ in 0..100_000 {
        f = softmin(epsilon, beta, g).map(|c| damping_a * c);
        g = softmin(epsilon, alpha, f).map(|c| damping_b * c);
    }
    let wanted = |measure: Gaussian, f: Quadratic, rho: f64| {
        log_integral(measure, f.map(|c| -c / rho)).exp()
    };
    let conjugate = |measure: Gaussian, f: Quadratic, rho: f64| {
        let (mass, mean, deviation) = measure;
        if rho.is_finite() {
            rho * (mass - wanted(measure, f, rho))
        } else {
            mass * (f[0] + f[1] * mean + f[2] * (mean * mean + deviation * deviation))
        }
    };
    let mass = wanted(beta, g, rho[1]);
    let dual = conjugate(alpha, f, rho[0]) + conjugate(beta, g, rho[1]);
    (dual - epsilon * (mass - masses[0] * masses[1]), mass)
}

fn diracs_have_a_closed_form(device: &Device) {
    for (masses, epsilon, rho) in [
        ([1.0, 1.0], 0.5, 1.0),
        ([3.0, 0.2], 0.1, 2.0),
        ([0.5, 0.5], 4.0, 0.25),
    ] {
        let dirac = |x: f64, mass| Measure::new(vec![x, 0.5], 2, vec![mass]).unwrap();
        let (a, b) = (dirac(0.0, masses[0]), dirac(0.75, masses[1]));
        let cost = 0.75f64.powi(2);
        let product = masses[0] * masses[1];
        let exponent = ((epsilon + rho) * product.ln() - cost) / (epsilon + 2.0 * rho);
        let mass = exponent.exp();
        let value =
            rho * (masses[0] + masses[1]) + epsilon * product - (epsilon + 2.0 * rho) * mass;
        for form in [Form::Log, Form::Scaling] {
            let settings = sinkhorn(device, epsilon, [rho; 2]).form(form);
            expect(
                settings.solve(device, &a, &b).unwrap().report(),
                value,
                mass,
            );
        }
        let reach = Sinkhorn::epsilon(epsilon)
            .reach(rho.sqrt())
            .tolerance(tolerance(device));
        expect(reach.solve(device, &a, &b).unwrap().report(), value, mass);
    }
}

fn a_growing_rho_becomes_the_constraint(device: &Device) {
    let (a, b) = (measure(60, 2, 80), measure(70, 2, 81));
    let epsilon = 0.05;
    let balanced = sinkhorn(device, epsilon, [EXACT; 2])
        .solve(device, &a, &b)
        .unwrap();
    let of = |rho: [f64; 2], b: &Measure| {
        let solution = sinkhorn(device, epsilon, rho).solve(device, &a, b).unwrap();
        solution.report().clone()
    };
    for rho in [1e2, 1e4, 1e8, 1e12] {
        let near = of([rho; 2], &b);
        // f is at most max C, and φ(f) = f − f²/2ρ + …
        let allowed = 8.0 * 8.0 / rho + slack(balanced.report()) * 2.0 + 1e-9;
        assert!(near.converged);
        accept(
            &format!("ρ = {rho:e}"),
            number("OT", near.value, balanced.value(), allowed),
        );
        let semi = of([rho, EXACT], &b);
        accept(
            &format!("ρ_a = {rho:e}"),
            number("OT", semi.value, balanced.value(), allowed),
        );
    }
    reject(
        "ρ = 1",
        number("OT", of([1.0; 2], &b).value, balanced.value(), 1e-2),
    );
    // The limit of one side only, because the masses differ.
    let b = heavy(&b, 1.7);
    let (near, exact) = (of([1e9, 0.3], &b), of([EXACT, 0.3], &b));
    accept(
        "one side",
        number("OT", near.value, exact.value, slack(&exact) * 4.0 + 1e-6),
    );
}

/// Penalties of both kinds of sides, and masses that go with them.
const SIDES: [([f64; 2], [f64; 2]); 5] = [
    ([0.3, 0.3], [1.0, 1.0]),
    ([0.02, 1.5], [2.0, 0.4]),
    ([EXACT, 0.2], [0.6, 1.5]),
    ([0.5, EXACT], [0.6, 1.5]),
    ([50.0, 50.0], [1.0, 1.2]),
];

fn bounds_hold_at_every_iteration(device: &Device) {
    let double = device.precision() == Precision::F64;
    for (cost, p) in [(Cost::SquaredEuclidean, 2), (Cost::Euclidean, 1)] {
        for (rho, masses) in SIDES {
            let a = heavy(&measure(40, 2, 82), masses[0]);
            let b = heavy(&measure(50, 2, 83), masses[1]);
            let epsilon = 0.05;
            let (rows, columns) = dense::solve(cost, epsilon, rho, &a, &b);
            let truth = dense::dual(cost, epsilon, rho, &rows, &columns);
            let scale = truth.abs() + epsilon * masses[0] * masses[1];
            let mut gaps = Vec::new();
            for form in [Form::Log, Form::Scaling] {
                for iterations in [1, 2, 3, 5, 8, 20, 60, 3000] {
                    let solution = Sinkhorn::epsilon(epsilon)
                        .rho_a(rho[0])
                        .rho_b(rho[1])
                        .p(p)
                        .form(form)
                        .tolerance(if double { 1e-11 } else { 1e-5 })
                        .max_iterations(iterations)
                        .solve(device, &a, &b)
                        .unwrap();
                    let Certificate {
                        lower_bound,
                        upper_bound,
                        ..
                    } = *solution.certificate();
                    let off = 1e-12 * scale;
                    assert!(
                        lower_bound <= truth + off && truth - off <= upper_bound,
                        "p {p}, ρ {rho:?}, {form:?}, {iterations} iterations: \
                         {lower_bound} ≤ {truth} ≤ {upper_bound}"
                    );
                    assert!(lower_bound <= solution.value());
                    gaps.push(solution.certificate().gap());
                }
            }
            // The bounds close, and were open before.
            let closed = scale * (1e-8 + 200.0 * device.precision().unit_roundoff() / epsilon);
            let last = gaps[7];
            assert!(
                last <= closed,
                "p {p}, ρ {rho:?}: gap {last:e} > {closed:e}"
            );
            assert!(gaps[0] > 10.0 * last, "{gaps:?}");
        }
    }
}

fn errors_and_values_are_those_of_the_plan(device: &Device) {
    for (cost, p) in [(Cost::SquaredEuclidean, 2), (Cost::Euclidean, 1)] {
        for (rho, masses) in SIDES {
            let a = heavy(&measure(60, 3, 84), masses[0]);
            let b = heavy(&measure(80, 3, 85), masses[1]);
            for (iterations, form) in [(1, Form::Log), (4, Form::Scaling), (1000, Form::Log)] {
                let epsilon = 0.1;
                let solution = Sinkhorn::epsilon(epsilon)
                    .rho_a(rho[0])
                    .rho_b(rho[1])
                    .p(p)
                    .form(form)
                    .tolerance(1e-3)
                    .max_iterations(iterations)
                    .solve(device, &a, &b)
                    .unwrap();
                let report = solution.report();
                let (rows, columns) = sides(&solution, &a, &b);
                let plan = dense::plan(cost, epsilon, &rows, &columns);
                let (r, c) = dense::marginals(&plan, b.len());
                let error_a = dense::distance(&r, &dense::wanted(&rows, rho[0]));
                let error_b = dense::distance(&c, &dense::wanted(&columns, rho[1]));
                let mass: f64 = plan.iter().sum();
                // The reference's potentials are rounded as well, by the masses' shifts.
                let size = mass + error_a + error_b;
                let allowed = 4.0 * report.certificate.precision_floor * size + 1e-12 * size;
                let Certificate {
                    marginal_error_a,
                    marginal_error_b,
                    ..
                } = report.certificate;
                accept("P1", number("a", marginal_error_a, error_a, allowed));
                accept("Pᵀ1", number("b", marginal_error_b, error_b, allowed));
                accept("ΣP", number("mass", report.mass, mass, allowed));
                if iterations == 1 {
                    let error = error_a + error_b;
                    let doubled = 2.0 * (marginal_error_a + marginal_error_b);
                    reject("twice", number("sum", doubled, error, allowed));
                }
                let dual = dense::dual(cost, epsilon, rho, &rows, &columns);
                let primal = dense::primal(cost, epsilon, rho, &rows, &columns);
                let heights = rows.height() + columns.height() + epsilon;
                let allowed = allowed * heights * 2.0 + 1e-11 * dual.abs();
                accept("dual", number("dual", report.value, dual, allowed));
                let got = report.regularized_cost;
                accept("primal", number("primal", got, primal, allowed));
                let parts = report.transport_cost + epsilon * report.kl;
                let [kl_a, kl_b] =
                    [(&r, &rows, rho[0]), (&c, &columns, rho[1])].map(|(marginal, side, rho)| {
                        let terms = marginal.iter().zip(&side.weights);
                        let kl = |(r, a): (&f64, &f64)| match *a > 0.0 && *r > 0.0 {
                            true => r * (r / a).ln() - r + a,
                            false => *a,
                        };
                        if rho.is_finite() {
                            rho * terms.map(kl).sum::<f64>()
                        } else {
                            0.0
                        }
                    });
                let parts = parts + kl_a + kl_b;
                accept("parts", number("primal", parts, primal, allowed));
                reject(
                    "no penalty",
                    number("primal", parts - kl_a - kl_b, primal, allowed),
                );
            }
        }
    }
}

fn forms_and_accelerations_agree(device: &Device) {
    for (rho, masses) in SIDES {
        let a = heavy(&measure(90, 2, 86), masses[0]);
        let b = heavy(&measure(70, 2, 87), masses[1]);
        for epsilon in [0.5, 0.02] {
            let settings = sinkhorn(device, epsilon, rho);
            let default = settings.solve(device, &a, &b).unwrap();
            for other in [
                settings.clone().form(Form::Scaling),
                settings.clone().acceleration(Acceleration::None),
                settings
                    .clone()
                    .acceleration(Acceleration::Anderson { memory: 3 }),
            ] {
                let solution = other.solve(device, &a, &b).unwrap();
                let report = solution.report();
                assert!(report.converged, "{other:?}: {report:?}");
                let allowed = 2.0 * slack(default.report()) + 1e-12;
                let off = number("OT", solution.value(), default.value(), allowed);
                accept(&format!("{other:?}"), off);
            }
        }
    }
}

fn divergences_are_those_of_the_dense_solver(device: &Device) {
    for (rho, masses) in SIDES {
        let a = heavy(&measure(30, 2, 88), masses[0]);
        let b = heavy(&measure(40, 2, 89), masses[1]);
        let (cost, epsilon) = (Cost::SquaredEuclidean, 0.1);
        let dense = |rho: [f64; 2], a: &Measure, b: &Measure| {
            let (rows, columns) = dense::solve(cost, epsilon, rho, a, b);
            dense::dual(cost, epsilon, rho, &rows, &columns)
        };
        // Each self term has the penalty of its own side.
        let own = 0.5 * (dense([rho[0]; 2], &a, &a) + dense([rho[1]; 2], &b, &b));
        let between = dense(rho, &a, &b);
        let expected = between - own + 0.5 * epsilon * (masses[0] - masses[1]).powi(2);
        let terms = Divergence::from(sinkhorn(device, epsilon, rho))
            .evaluate(device, &a, &b)
            .unwrap();
        assert!(terms.converged());
        let slack: f64 = [&terms.ab, &terms.aa, &terms.bb]
            .map(|term| slack(term.report()))
            .iter()
            .sum();
        let off = |value: f64| number("S", value, expected, slack + 1e-9);
        accept(&format!("ρ {rho:?}"), off(terms.value()));
        if masses[0] != masses[1] {
            reject("without masses", off(terms.ab.value() - own));
        }
        assert!(terms.lower_bound() <= expected && expected <= terms.upper_bound());
        assert!(expected > 0.0 && terms.value() > 0.0);
    }
}

/// Two points in one place, of masses 4 and 3: with the penalties of both sides in each self term, the sum would be
/// −0.45 where one side may lose mass for a tenth of what the other pays.
fn divergences_of_two_penalties_are_not_negative(device: &Device) {
    let dirac = |mass| Measure::new(vec![0.0], 1, vec![mass]).unwrap();
    let epsilon = 1.0;
    let value = |rho: [f64; 2], masses: [f64; 2]| {
        let size = epsilon + rho[0] + rho[1];
        let [log_a, log_b] = masses.map(f64::ln);
        let exponent = ((epsilon + rho[0]) * log_a + (epsilon + rho[1]) * log_b) / size;
        rho[0] * masses[0] + rho[1] * masses[1] + epsilon * masses[0] * masses[1]
            - size * exponent.exp()
    };
    for rho in [[100.0, 0.1], [0.1, 100.0], [2.0, 2.0]] {
        for masses in [[4.0, 3.0], [3.0, 4.0], [2.0, 2.0], [1.0, 1.0]] {
            let of = |own: [[f64; 2]; 2]| {
                value(rho, masses)
                    - 0.5 * value(own[0], [masses[0]; 2])
                    - 0.5 * value(own[1], [masses[1]; 2])
                    + 0.5 * epsilon * (masses[0] - masses[1]).powi(2)
            };
            let expected = of([[rho[0]; 2], [rho[1]; 2]]);
            let terms = Divergence::from(sinkhorn(device, epsilon, rho))
                .evaluate(device, &dirac(masses[0]), &dirac(masses[1]))
                .unwrap();
            let size: f64 = [&terms.ab, &terms.aa, &terms.bb]
                .map(|term| term.value().abs() + rho[0] + rho[1])
                .iter()
                .sum();
            let allowed = 16.0 * device.precision().unit_roundoff() * size;
            accept("S", number("S", terms.value(), expected, allowed));
            assert!(expected >= -1e-12 && terms.value() >= -allowed);
            assert!(terms.lower_bound() <= expected + 1e-12 * size);
            assert!(expected - 1e-12 * size <= terms.upper_bound());
            if rho[0] != rho[1] && masses == [4.0, 3.0] {
                let both = of([rho; 2]);
                reject("both penalties", number("S", both, expected, allowed));
                assert!(both < -0.4 || rho[0] < rho[1]);
            }
        }
    }
}

fn the_divergence_of_equal_measures_is_zero(device: &Device) {
    for ([rho, _], [mass, _]) in SIDES {
        let rho = [rho; 2];
        let a = heavy(&measure(80, 3, 90), mass);
        for p in [1, 2] {
            let settings = sinkhorn(device, 0.3, rho).p(p);
            let terms = Divergence::from(settings.clone())
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
            let points = [a.points(), &[0.5; 3]].concat();
            let other = Measure::new(points, 3, weights).unwrap();
            let both = settings.solve(device, &a, &other).unwrap();
            let allowed = 2.0 * slack(both.report()) + 1e-12;
            let value = terms.ab.value();
            accept("OT(α, α)", number("OT", value, both.value(), allowed));
        }
    }
}

fn masses_of_any_size(device: &Device) {
    let (a, b) = (measure(30, 2, 91), measure(35, 2, 92));
    let (cost, epsilon) = (Cost::SquaredEuclidean, 0.1);
    for rho in [[0.4, 0.4], [EXACT, 0.2], [3.0, EXACT]] {
        for masses in [[1e-3, 1.0], [1e4, 1e-2], [1e-6, 1e-6], [40.0, 90.0]] {
            let (a, b) = (heavy(&a, masses[0]), heavy(&b, masses[1]));
            let (rows, columns) = dense::solve(cost, epsilon, rho, &a, &b);
            let truth = dense::dual(cost, epsilon, rho, &rows, &columns);
            let mass: f64 = dense::plan(cost, epsilon, &rows, &columns).iter().sum();
            let solution = sinkhorn(device, epsilon, rho)
                .solve(device, &a, &b)
                .unwrap();
            let report = solution.report();
            assert!(report.converged, "{report:?}");
            let relative = 4.0 * (tolerance(device) + report.certificate.precision_floor);
            let scale = truth.abs() + mass * epsilon;
            accept("ΣP", number("mass", report.mass, mass, relative * mass));
            let allowed =
                relative * mass * (epsilon + report.transport_cost / mass) + 1e-12 * scale;
            accept("OT", number("OT", report.value, truth, allowed));
            let Certificate {
                lower_bound,
                upper_bound,
                ..
            } = report.certificate;
            let off = 1e-12 * scale;
            assert!(
                lower_bound <= truth + off && truth - off <= upper_bound,
                "{masses:?} {rho:?}: {lower_bound} ≤ {truth} ≤ {upper_bound}"
            );
            // The plan's own products have its mass.
            let (r, c) = solution.plan().marginals().unwrap();
            for marginal in [r, c] {
                let sum: f64 = marginal.iter().sum();
                accept("marginals", number("ΣP", sum, mass, relative * mass));
            }
        }
    }
}

fn degenerate_clouds_have_finite_answers(device: &Device) {
    let same = heavy(&Measure::uniform(&[0.3; 20], 2).unwrap(), 2.0);
    let single = Measure::uniform(&[0.1, 0.2], 2).unwrap();
    let cloud = heavy(&measure(30, 2, 93), 0.5);
    let far: Vec<f64> = cloud.points().iter().map(|x| x + 40.0).collect();
    let far = Measure::new(far, 2, cloud.weights().to_vec()).unwrap();
    for (a, b) in [
        (&same, &same),
        (&same, &single),
        (&single, &cloud),
        (&cloud, &same),
        (&cloud, &far),
    ] {
        for rho in [[1e-3, 1e-3], [0.5, 1e-3], [EXACT, 0.1], [1e6, 1e6]] {
            for (p, form) in [(1, Form::Log), (2, Form::Log), (2, Form::Scaling)] {
                // Within reach of f32 for clouds that are far apart.
                let solution = sinkhorn(device, 0.3, rho)
                    .tolerance(1e-3)
                    .p(p)
                    .form(form)
                    .solve(device, a, b)
                    .unwrap_or_else(|error| {
                        panic!("ρ {rho:?}, p {p}, {form:?}, {}: {error}", b.points()[0])
                    });
                let report = solution.report();
                assert!(report.value.is_finite() && report.mass >= 0.0, "{report:?}");
                let potentials = solution.potentials().unwrap();
                let both = potentials.f.iter().chain(&potentials.g);
                assert!(both.into_iter().all(|f| f.is_finite()));
                let penalties: f64 = rho[0] * a.mass() + rho[1] * b.mass();
                // The empty plan is allowed, and has that cost.
                let none = penalties + 0.3 * a.mass() * b.mass();
                let Certificate {
                    lower_bound,
                    upper_bound,
                    ..
                } = report.certificate;
                assert!(
                    lower_bound <= none && lower_bound <= upper_bound,
                    "{report:?}"
                );
            }
        }
    }
}
