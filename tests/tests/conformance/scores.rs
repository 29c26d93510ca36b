//! Costs made of scores, against a solver that has their whole matrix.

use super::solver::tolerance;
use haul::{Device, Engine, Error, Measure, ScoredSolution, Scores, Sinkhorn};
use haul_tests::clouds::{Numbers, points};
use haul_tests::compare::{accept, close, number, reject};
use haul_tests::engines::Body;

pub const BODIES: &[(&str, Body)] = &[
    ("dot_products_are_costs", dot_products_are_costs),
    ("cosines_are_costs_at_any_penalty", cosines_are_costs),
    ("any_matrix_is_a_cost", any_matrix_is_a_cost),
    (
        "gradients_of_scores_are_differences",
        gradients_of_scores_are_differences,
    ),
    ("scores_that_do_not_fit_are_refused", scores_that_do_not_fit),
];

const EXACT: [f64; 2] = [f64::INFINITY; 2];

/// Penalties on both sides, or on one.
const PENALTIES: [[f64; 2]; 4] = [EXACT, [0.7, 0.7], [0.4, 1.5], [0.7, f64::INFINITY]];

/// A solved problem with a stored matrix.
struct Dense {
    value: f64,
    transport_cost: f64,
    plan: Vec<f64>,
    f: Vec<f64>,
}

/// f ← λ T_b(g), g ← λ T_a(f) until they stand still.
fn solve(c: &[f64], a: &[f64], b: &[f64], epsilon: f64, rho: [f64; 2]) -> Dense {
    let (n, m) = (a.len(), b.len());
    let damping = rho.map(|rho| 1.0 / (1.0 + epsilon / rho));
    let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
    let log_sum = |exponents: Vec<f64>| {
        let highest = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        highest
            + exponents
                .iter()
                .map(|s| (s - highest).exp())
                .sum::<f64>()
                .ln()
    };
    for _ in 0..20_000 {
        let old = f.clone();
        g = (0..m)
            .map(|j| {
                let exponents = (0..n).map(|i| a[i].ln() + (f[i] - c[i * m + j]) / epsilon);
                -damping[1] * epsilon * log_sum(exponents.collect())
            })
            .collect();
        f = (0..n)
            .map(|i| {
                let exponents = (0..m).map(|j| b[j].ln() + (g[j] - c[i * m + j]) / epsilon);
                -damping[0] * epsilon * log_sum(exponents.collect())
            })
            .collect();
        let change = f.iter().zip(&old).map(|(f, old)| (f - old).abs());
        if change.fold(0.0, f64::max) < 1e-14 {
            break;
        }
    }
    let entry = |k: usize| {
        let (i, j) = (k / m, k % m);
        a[i] * b[j] * ((f[i] + g[j] - c[k]) / epsilon).exp()
    };
    let plan: Vec<f64> = (0..n * m).map(entry).collect();
    let conjugate = |weights: &[f64], f: &[f64], rho: f64| -> f64 {
        let terms = weights.iter().zip(f);
        if rho.is_finite() {
            terms.map(|(a, f)| -rho * a * (-f / rho).exp_m1()).sum()
        } else {
            terms.map(|(a, f)| a * f).sum()
        }
    };
    let product = a.iter().sum::<f64>() * b.iter().sum::<f64>();
    let excess = plan.iter().sum::<f64>() - product;
    let transport_cost = plan.iter().zip(c).map(|(p, c)| p * c).sum();
    Dense {
        value: conjugate(a, &f, rho[0]) + conjugate(b, &g, rho[1]) - epsilon * excess,
        transport_cost,
        plan,
        f,
    }
}

fn matrix(a: &Measure, b: &Measure, cost: impl Fn(&[f64], &[f64]) -> f64) -> Vec<f64> {
    let rows = a.points().chunks_exact(a.dimension());
    let costs = rows.flat_map(|x| {
        let columns = b.points().chunks_exact(b.dimension());
        columns.map(|y| cost(x, y)).collect::<Vec<_>>()
    });
    costs.collect()
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

fn cosine(x: &[f64], y: &[f64]) -> f64 {
    1.0 - dot(x, y) / (dot(x, x) * dot(y, y)).sqrt()
}

fn pair(d: usize) -> (Measure, Measure) {
    let of = |n: usize, seed: u64| {
        let weights = Numbers::new(seed).vector(n, 0.3, 1.0);
        let measure = Measure::new(points(n, d, seed + 7), d, weights).unwrap();
        measure.normalized()
    };
    (of(17, 201), of(22, 202))
}

fn settings(device: &Device, epsilon: f64, rho: [f64; 2]) -> Sinkhorn {
    Sinkhorn::epsilon(epsilon)
        .rho_a(rho[0])
        .rho_b(rho[1])
        .tolerance(0.2 * tolerance(device))
        .max_iterations(20_000)
}

/// Value, bounds, potentials and plan; `size` is that of the squared distances of the features.
fn compare(
    device: &Device,
    context: &str,
    scores: &Scores,
    (costs, epsilon, rho, size): (&[f64], f64, [f64; 2], f64),
    (a, b): (&[f64], &[f64]),
) {
    let expected = solve(costs, a, b, epsilon, rho);
    let settings = settings(device, epsilon, rho);
    let got: ScoredSolution<&Device> = scores.solve(device, &settings).unwrap();
    assert!(got.report().converged, "{context}");
    let rounding = 64.0 * device.precision().unit_roundoff() * (size + epsilon);
    let allowed = rounding + tolerance(device).powi(2) + 1e-12;
    accept(
        context,
        number("value", got.value(), expected.value, allowed),
    );
    let wrong = got.value() + 3.0 * allowed;
    reject(context, number("value", wrong, expected.value, allowed));
    // An error of the plan counts once in ⟨P, C⟩.
    let allowed = rounding + 4.0 * tolerance(device) * size;
    accept(
        context,
        number(
            "⟨P, C⟩",
            got.transport_cost(),
            expected.transport_cost,
            allowed,
        ),
    );
    assert!(got.lower_bound() <= expected.value + 1e-12, "{context}");
    assert!(got.upper_bound() >= expected.value - 1e-12, "{context}");
    // An entry of the plan is as wrong as its exponent, and as the marginals.
    let relative = 4.0 * rounding / epsilon + 10.0 * tolerance(device);
    let plan = got.plan().rows(0..a.len()).unwrap();
    let largest = expected.plan.iter().copied().fold(0.0, f64::max);
    accept(
        context,
        close(&plan, &expected.plan, |_| relative * largest),
    );
    let f = got.potentials().unwrap().f;
    // Up to the constant that a balanced problem leaves free.
    let shift = if rho == EXACT {
        f[0] - expected.f[0]
    } else {
        0.0
    };
    let shifted: Vec<f64> = f.iter().map(|f| f - shift).collect();
    let of_potential = epsilon * relative * 100.0;
    accept(context, close(&shifted, &expected.f, |_| of_potential));
    // It is converged from the start.
    let again = settings
        .warm_start(got.potentials().unwrap())
        .max_iterations(3);
    assert!(
        scores.solve(device, &again).unwrap().report().converged,
        "{context}"
    );
}

fn dot_products_are_costs(device: &Device) {
    for d in [1, 3, 8] {
        let (a, b) = pair(d);
        let (w, v) = (a.weights(), b.weights());
        let size = 4.0 * d as f64;
        let plain = matrix(&a, &b, |x, y| -dot(x, y));
        let terms = (
            Numbers::new(203).vector(17, -1.0, 1.0),
            Numbers::new(204).vector(22, -1.0, 1.0),
        );
        let mut beside = plain.clone();
        for (k, cost) in beside.iter_mut().enumerate() {
            *cost += terms.0[k / 22] + terms.1[k % 22];
        }
        let scores = Scores::inner_product(&a, &b).unwrap();
        let with_terms = scores.clone().with_terms(&terms.0, &terms.1).unwrap();
        for rho in PENALTIES {
            for (name, costs, scores) in [
                ("−⟨q, k⟩", &plain, &scores),
                ("with terms", &beside, &with_terms),
            ] {
                let problem = (&costs[..], 0.2, rho, size);
                let context = format!("{name}, d {d}, ρ {rho:?}");
                compare(device, &context, scores, problem, (w, v));
            }
        }
    }
}

fn cosines_are_costs(device: &Device) {
    let (a, b) = pair(3);
    let far = |measure: &Measure, scale: f64| {
        let points = measure.points().iter().map(|x| x * scale).collect();
        Measure::new(points, 3, measure.weights().to_vec()).unwrap()
    };
    for rho in [EXACT, [0.7; 2]] {
        // Lengths do not matter.
        for (a, b) in [(a.clone(), b.clone()), (far(&a, 1e200), far(&b, 1e-200))] {
            let costs = matrix(&a, &b, |x, y| {
                let unit = |x: &[f64]| {
                    let largest = x.iter().fold(0.0, |l: f64, x| l.max(x.abs()));
                    x.iter().map(|x| x / largest).collect::<Vec<_>>()
                };
                cosine(&unit(x), &unit(y))
            });
            let scores = Scores::cosine(&a, &b).unwrap();
            let context = format!("1 − cos, ρ {rho:?}");
            let problem = (&costs[..], 0.1, rho, 4.0);
            compare(
                device,
                &context,
                &scores,
                problem,
                (a.weights(), b.weights()),
            );
        }
    }
}

fn any_matrix_is_a_cost(device: &Device) {
    let (a, b) = pair(1);
    let costs = Numbers::new(205).vector(17 * 22, -1.0, 2.0);
    let scores = Scores::matrix(&costs, a.weights(), b.weights()).unwrap();
    let row = |row: &[f64]| dot(row, row).sqrt();
    let size = 2.0 * costs.chunks_exact(22).map(row).fold(0.0, f64::max) + 4.0;
    // Masses that differ, where they may.
    let heavy: Vec<f64> = a.weights().iter().map(|w| 1.7 * w).collect();
    let heavier = Scores::matrix(&costs, &heavy, b.weights()).unwrap();
    for rho in PENALTIES {
        let problem = (&costs[..], 0.2, rho, size);
        let context = format!("a matrix, ρ {rho:?}");
        compare(
            device,
            &context,
            &scores,
            problem,
            (a.weights(), b.weights()),
        );
        if rho != EXACT {
            let context = format!("masses of 1.7 and 1, ρ {rho:?}");
            compare(device, &context, &heavier, problem, (&heavy, b.weights()));
        }
    }
    let free = Scores::matrix(&[0.0; 4], &[0.5, 0.5], &[0.3, 0.7]).unwrap();
    let free = free.solve(device, &settings(device, 1.0, EXACT)).unwrap();
    let allowed = 16.0 * device.precision().unit_roundoff();
    accept(
        "nothing costs anything",
        number("value", free.value(), 0.0, allowed),
    );
}

fn gradients_of_scores_are_differences(device: &Device) {
    let (a, b) = pair(3);
    let direction = Numbers::new(206).vector(a.points().len(), -1.0, 1.0);
    let moved = |h: f64| {
        let points = a.points().iter().zip(&direction).map(|(x, v)| x + h * v);
        Measure::new(points.collect(), 3, a.weights().to_vec()).unwrap()
    };
    type Cost = fn(&[f64], &[f64]) -> f64;
    type Made = fn(&Measure, &Measure) -> haul::Result<Scores>;
    let costs: [(Cost, Made); 2] = [
        (|x, y| -dot(x, y), Scores::inner_product),
        (cosine, Scores::cosine),
    ];
    for (k, (cost, scores)) in costs.into_iter().enumerate() {
        let at = |h: f64| {
            let a = moved(h);
            solve(&matrix(&a, &b, cost), a.weights(), b.weights(), 0.2, EXACT).value
        };
        let expected = (at(1e-5) - at(-1e-5)) / 2e-5;
        let solution = scores(&a, &b)
            .unwrap()
            .solve(device, &settings(device, 0.2, EXACT));
        let got = dot(&solution.unwrap().gradient().unwrap(), &direction);
        let allowed = 20.0 * tolerance(device) + 1e-8;
        accept(&format!("{k}"), number("slope", got, expected, allowed));
        let wrong = got + 3.0 * allowed;
        reject(&format!("{k}"), number("slope", wrong, expected, allowed));
    }
    let costs = Numbers::new(207).vector(17 * 22, -1.0, 2.0);
    let scores = Scores::matrix(&costs, a.weights(), b.weights()).unwrap();
    let solution = scores.solve(device, &settings(device, 0.2, EXACT)).unwrap();
    assert_eq!(
        solution.gradient().unwrap(),
        solution.plan().rows(0..17).unwrap()
    );
}

fn scores_that_do_not_fit(device: &Device) {
    let (a, b) = pair(2);
    let scores = Scores::inner_product(&a, &b).unwrap();
    let refused = |settings: Sinkhorn| match scores.solve(device, &settings) {
        Err(Error::BadParameter { name, .. }) => name,
        other => panic!("{:?}", other.map(|solution| solution.value())),
    };
    assert_eq!(refused(Sinkhorn::blur(0.1)), "blur");
    assert_eq!(refused(Sinkhorn::epsilon(0.1).reach(1.0)), "reach");
    // Weights of e^{±1000}.
    assert_eq!(refused(Sinkhorn::epsilon(1e-4).rho(1e-4)), "rho");
    let short = scores.clone().with_terms(&[0.0; 3], &[0.0; 22]);
    assert!(matches!(short, Err(Error::Length { found: 3, .. })));
    let nowhere = Measure::uniform(&[1.0, 0.0, 0.0, 0.0], 2).unwrap();
    let zero = Scores::cosine(&nowhere, &b);
    assert!(matches!(zero, Err(Error::NoDirection { row: 2 })));
    let ragged = Scores::matrix(&[1.0; 5], &[1.0; 2], &[1.0; 3]);
    assert!(matches!(ragged, Err(Error::Length { found: 5, .. })));
    assert!(Scores::matrix(&[], &[1.0], &[]).is_err());
}
