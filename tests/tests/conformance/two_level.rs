//! The two-level correction, and the order of points in which it runs: they change the number of passes, and no result.

use haul::{
    Acceleration, Device, Engine, Measure, Method, Plan, Precision, Regularization, Report, Result,
    Sinkhorn, Solution,
};
use haul_tests::clouds::{Numbers, points, weights};
use haul_tests::compare::{accept, number, reject};
use haul_tests::engines::Body;
use std::f64::consts::TAU;

pub const BODIES: &[(&str, Body)] = &[
    (
        "the_two_level_correction_changes_passes_and_no_result",
        the_correction_changes_passes_and_no_result,
    ),
    (
        "points_in_another_order_have_the_same_potentials",
        points_in_another_order_have_the_same_potentials,
    ),
    (
        "the_two_level_correction_is_left_out_where_it_cannot_pay",
        the_correction_is_left_out_where_it_cannot_pay,
    ),
];

/// Points of an annulus of radii ½ to 1, rounded to f32.
fn annulus(n: usize, seed: u64) -> Vec<f64> {
    let mut numbers = Numbers::new(seed);
    let points = (0..n).flat_map(|_| {
        let (angle, radius) = (TAU * numbers.unit(), numbers.within(0.25, 1.0).sqrt());
        [radius * angle.cos(), radius * angle.sin()]
    });
    points.map(|x| f64::from(x as f32)).collect()
}

/// A square and an annulus, of unequal numbers of points and unequal weights, some of them 0.
fn clouds() -> [Measure; 2] {
    let square = Measure::new(points(230, 2, 1), 2, weights(230, 2)).unwrap();
    [
        square,
        Measure::new(annulus(300, 3), 2, weights(300, 4)).unwrap(),
    ]
}

fn tolerance(device: &Device) -> f64 {
    match device.precision() {
        Precision::F32 => 2e-4,
        Precision::F64 => 1e-9,
    }
}

fn has_two_levels(report: &Report) -> bool {
    report
        .stages
        .iter()
        .any(|stage| stage.method == Method::TwoLevel)
}

fn with(settings: &Sinkhorn, two_levels: bool) -> Sinkhorn {
    settings.clone().acceleration(match two_levels {
        true => Acceleration::Automatic,
        false => Acceleration::Anderson { memory: 10 },
    })
}

/// Σᵢⱼ |Pᵢⱼ − Qᵢⱼ| of two plans.
fn apart<E: Engine, F: Engine>(p: &Plan<E>, q: &Plan<F>) -> f64 {
    let rows = |plan: (usize, Result<Vec<f64>>)| plan.1.unwrap();
    let (n, _) = p.shape();
    let pairs = rows((n, p.rows(0..n)))
        .into_iter()
        .zip(rows((n, q.rows(0..n))));
    pairs.map(|(p, q)| (p - q).abs()).sum()
}

fn the_correction_changes_passes_and_no_result(device: &Device) {
    let [a, b] = clouds();
    let tolerance = tolerance(device);
    let blur = |blur| Sinkhorn::with(Regularization::Blur(blur)).tolerance(tolerance);
    let cases = [
        (blur(0.1), 0.7),
        (blur(0.04).p(1), 0.9),
        (blur(0.1).rho(2.0), 0.8),
        (blur(0.1).rho_b(0.3), 0.9),
    ];
    for (case, (settings, most)) in cases.iter().enumerate() {
        let context = format!("case {case}");
        let solve = |two_levels| with(settings, two_levels).solve(device, &a, &b).unwrap();
        let [with, without] = [true, false].map(solve);
        assert!(
            with.report().converged && without.report().converged,
            "{context}"
        );
        assert!(has_two_levels(with.report()) && !has_two_levels(without.report()));
        let passes = |solution: &Solution<_>| solution.report().softmin_passes as f64;
        assert!(
            passes(&with) <= most * passes(&without),
            "{context}: {:?} and {:?}",
            with.report().stages,
            without.report().stages
        );
        // Marginals that are off by e give a value that is off by about e² ε, and a plan that is off by a multiple of e: plans
        // are compared at a multiple, since errors of potentials beyond many blurs are felt by few entries.
        let values = [with.value(), without.value()];
        let scale = with.report().regularized_cost.abs();
        let same = |value: f64| number("value", value, values[1], tolerance * scale);
        accept(&context, same(values[0]));
        reject(&context, same(values[0] + 2.0 * tolerance * scale));
        let plans = [with.plan(), without.plan()];
        let off = apart(&plans[0], &plans[1]);
        assert!(
            off <= 50.0 * tolerance,
            "{context}: plans are {off:e} apart"
        );
        let others = Measure::new(points(230, 2, 9), 2, weights(230, 2)).unwrap();
        let other = settings.solve(device, &others, &b).unwrap();
        assert!(apart(&plans[0], &other.plan()) > 50.0 * tolerance);
    }
}

/// Index of the point that takes each place: a permutation without a pattern.
fn shuffled(n: usize) -> Vec<usize> {
    let mut numbers = Numbers::new(77);
    let mut order: Vec<usize> = (0..n).collect();
    for k in (1..n).rev() {
        order.swap(k, (numbers.unit() * (k + 1) as f64) as usize);
    }
    order
}

fn permuted(measure: &Measure, order: &[usize]) -> Measure {
    let points = order.iter().flat_map(|i| &measure.points()[2 * i..][..2]);
    let weights = order.iter().map(|i| measure.weights()[*i]).collect();
    Measure::new(points.copied().collect(), 2, weights).unwrap()
}

fn points_in_another_order_have_the_same_potentials(device: &Device) {
    let [a, b] = clouds();
    let orders = [shuffled(a.len()), shuffled(b.len())];
    let [c, d] = [permuted(&a, &orders[0]), permuted(&b, &orders[1])];
    let settings = Sinkhorn::blur(0.1).tolerance(tolerance(device));
    for settings in [settings.clone(), settings.rho(2.0)] {
        let one = settings.solve(device, &a, &b).unwrap();
        let other = settings.solve(device, &c, &d).unwrap();
        assert!(has_two_levels(one.report()) && has_two_levels(other.report()));
        let [p, q] = [&one, &other].map(|solution| solution.potentials().unwrap());
        let context = format!("{:?}", one.report().stages);
        // The plan feels potentials over ε, weight by weight; f + t and g − t are as good in a balanced problem.
        let (many, epsilon) = (100.0 * tolerance(device), one.report().epsilon);
        let balanced = one.report().rho_a.is_infinite();
        let t = if balanced {
            p.f[orders[0][0]] - q.f[0]
        } else {
            0.0
        };
        let sides = [
            (&a, &orders[0], &p.f, &q.f, t),
            (&b, &orders[1], &p.g, &q.g, -t),
        ];
        for (measure, order, p, q, t) in sides {
            let weights = order.iter().map(|i| measure.weights()[*i]);
            let pairs: Vec<_> = weights.zip(order).zip(q).collect();
            let off = |place: &dyn Fn(usize, usize) -> usize| -> f64 {
                let terms = pairs.iter().enumerate();
                terms
                    .map(|(k, ((w, i), q))| w * (p[place(k, **i)] - t - **q).abs())
                    .sum()
            };
            assert!(off(&|_, i| i) <= many * epsilon, "{context}");
            assert!(off(&|k, _| k) > many * epsilon, "{context}");
        }
        // What is made of the plan is in the order of the measures as well.
        let [map, moved] = [&one, &other].map(|solution| solution.plan().map().unwrap());
        let off = |place: &dyn Fn(usize) -> usize| -> f64 {
            let points = (0..a.len()).map(|k| {
                let [from, to] = [&map[2 * place(k)..][..2], &moved[2 * k..][..2]];
                let squares = from.iter().zip(to).map(|(x, y)| (x - y) * (x - y));
                c.weights()[k] * squares.sum::<f64>().sqrt()
            });
            points.sum()
        };
        assert!(off(&|k| orders[0][k]) <= many, "{context}");
        assert!(off(&|k| k) > many, "{context}");
    }
}

fn the_correction_is_left_out_where_it_cannot_pay(device: &Device) {
    let [a, b] = clouds();
    let tolerance = tolerance(device).max(1e-4);
    let runs = |settings: Sinkhorn, a: &Measure, b: &Measure| {
        has_two_levels(settings.solve(device, a, b).unwrap().report())
    };
    let settings = Sinkhorn::blur(0.1).tolerance(tolerance);
    assert!(runs(settings.clone(), &a, &b));
    // A measure against itself, an ε at which a few updates arrive, few points, and a method that was chosen.
    assert!(!runs(settings.clone(), &a, &a));
    assert!(!runs(Sinkhorn::blur(3.0).tolerance(tolerance), &a, &b));
    let few = Measure::new(points(100, 2, 5), 2, weights(100, 6)).unwrap();
    assert!(!runs(settings.clone(), &few, &b));
    assert!(!runs(with(&settings, false), &a, &b));
}
