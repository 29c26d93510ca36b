//! Problems at an ε so small that accelerated updates stall: what the default method does about them, and what it reports.

use haul::{
    Acceleration, Device, Engine, Error, Measure, Method, Precision, Regularization, Report,
    Scores, Sinkhorn, Start, Stop,
};
use haul_tests::clouds::{Numbers, points};
use haul_tests::engines::Body;
use std::ops::ControlFlow;

pub const BODIES: &[(&str, Body)] = &[
    (
        "small_problems_take_few_steps_at_any_epsilon",
        small_problems_take_few_steps,
    ),
    (
        "the_default_arrives_on_random_problems",
        the_default_arrives_on_random_problems,
    ),
    (
        "what_stalls_late_is_solved_by_another_method",
        what_stalls_late,
    ),
    (
        "what_stalls_and_is_large_is_over_relaxed",
        what_stalls_and_is_large,
    ),
    (
        "clusters_of_unequal_mass_take_the_two_level_correction",
        clusters_of_unequal_mass,
    ),
    (
        "a_chosen_acceleration_is_the_only_one",
        a_chosen_acceleration_is_the_only_one,
    ),
    (
        "a_newton_step_can_be_the_last",
        a_newton_step_can_be_the_last,
    ),
];

/// NumPy's `default_rng(1).random((8, 2))`, and the next eight.
const EIGHT: [[f64; 16]; 2] = [
    [
        0.5118216247002567,
        0.9504636963259353,
        0.14415961271963373,
        0.9486494471372439,
        0.31183145201048545,
        0.42332644897257565,
        0.8277025938204418,
        0.4091991363691613,
        0.5495936876730595,
        0.027559113243068367,
        0.7535131086748066,
        0.5381433132192782,
        0.32973171649909216,
        0.7884287034284043,
        0.303194829291645,
        0.4534978894806515,
    ],
    [
        0.13404169724716475,
        0.40311298644712923,
        0.20345524067614962,
        0.2623133404418495,
        0.7503646726300526,
        0.2804087579860399,
        0.48519097443163506,
        0.9807371998012386,
        0.9616571936637868,
        0.7247899407735336,
        0.5412268555474342,
        0.2768912040453708,
        0.16065200877512686,
        0.9699254132161326,
        0.5160685855478787,
        0.11586561247077032,
    ],
];

/// The answer; none where f32 has too few digits for the tolerance, which the error says.
fn answered<T>(device: &Device, answer: haul::Result<T>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(Error::BelowFloor {
            floor, tolerance, ..
        }) => {
            assert!(device.precision() == Precision::F32 && floor > tolerance);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn eight() -> [Measure; 2] {
    EIGHT.map(|points| Measure::uniform(&points, 2).unwrap())
}

fn iterations(report: &Report, method: Method) -> usize {
    let stages = report.stages.iter().filter(|stage| stage.method == method);
    stages.map(|stage| stage.iterations).sum()
}

/// A matrix of costs, its weights, and range/ε.
type Explicit = (&'static str, Vec<f64>, Vec<f64>, Vec<f64>, f64);

/// Problems of the kinds that tests of other libraries pose.
fn explicit() -> Vec<Explicit> {
    let mut numbers = Numbers::new(2024);
    let mut weights = |n: usize, mass: f64| {
        let raw = numbers.vector(n, 0.5, 1.3);
        let sum: f64 = raw.iter().sum();
        raw.into_iter().map(|w| w * mass / sum).collect::<Vec<_>>()
    };
    let (a, b) = (weights(5, 4.5), weights(5, 4.5));
    let uniform = |n: usize, mass: f64| vec![mass / n as f64; n];
    let permutation = (0..16).map(|k| {
        let moved = f64::from(u8::from((k / 4 + 1) % 4 != k % 4));
        moved + numbers.within(0.0, 0.3)
    });
    let permutation = permutation.collect();
    let line = |n: usize, low: f64| move |i: usize| low + 6.0 * i as f64 / (n - 1) as f64;
    let (x, y) = (line(57, -3.0), line(51, -2.0));
    let grid = (0..57).flat_map(|i| (0..51).map(move |j| (x(i) - y(j)).powi(2)));
    let gaussian = |n: usize, at: &dyn Fn(usize) -> f64, mean: f64, variance: f64| {
        let raw = (0..n).map(|i| (-0.5 * (at(i) - mean).powi(2) / variance).exp());
        let raw: Vec<f64> = raw.collect();
        let sum: f64 = raw.iter().sum();
        raw.into_iter().map(|w| w / sum).collect::<Vec<_>>()
    };
    vec![
        (
            "7×5",
            numbers.vector(35, 0.0, 1.0),
            uniform(7, 1.0),
            uniform(5, 1.0),
            1754.0,
        ),
        (
            "5×5 of mass 4.5",
            numbers.vector(25, 0.0, 1.0),
            a,
            b,
            1915.0,
        ),
        (
            "a permutation",
            permutation,
            uniform(4, 4.0),
            uniform(4, 4.0),
            12_021.0,
        ),
        (
            "9×9",
            numbers.vector(81, 0.0, 1.0),
            uniform(9, 1.0),
            uniform(9, 1.0),
            17_220.0,
        ),
        (
            "a grid",
            grid.collect(),
            gaussian(57, &x, -0.4, 0.3),
            gaussian(51, &y, 0.7, 0.5),
            90_000.0,
        ),
    ]
}

fn small_problems_take_few_steps(device: &Device) {
    let settle = |name: &str, report: &Report| {
        assert!(report.converged, "{name}: {report:?}");
        assert!(report.iterations <= 60, "{name}: {:?}", report.stages);
        let counted: usize = report.stages.iter().map(|stage| stage.iterations).sum();
        assert_eq!(counted, report.iterations);
        // Steps on the host are not passes, and the engine makes the last update.
        let steps = iterations(report, Method::Newton);
        assert!(steps > 0, "{name}: {:?}", report.stages);
        assert_eq!(report.softmin_passes, 2 * (report.iterations - steps));
        assert_ne!(report.stages.last().unwrap().method, Method::Newton);
    };
    for (name, costs, a, b, ratio) in explicit() {
        let largest = costs.iter().copied().fold(0.0, f64::max);
        let scores = Scores::matrix(&costs, &a, &b).unwrap();
        let settings = Sinkhorn::epsilon(largest / ratio).tolerance(1e-4);
        if let Some(solution) = answered(device, scores.solve(device, &settings)) {
            settle(name, solution.report());
            // In f32 bounds are as wide as the exponents are large.
            let gap = solution.upper_bound() - solution.lower_bound();
            let mass: f64 = a.iter().sum();
            assert!(device.precision() == Precision::F32 || gap < 1e-3 * largest * mass);
        }
    }
    let [x, y] = eight();
    for epsilon in [1e-4, 1e-5] {
        if let Some(solution) = answered(device, Sinkhorn::epsilon(epsilon).solve(device, &x, &y)) {
            settle("8 points", solution.report());
        }
    }
    let cloud = |seed| Measure::uniform(&points(300, 3, seed), 3).unwrap();
    let settings = Sinkhorn::epsilon(1e-4).tolerance(1e-3);
    if let Some(solution) = answered(device, settings.solve(device, &cloud(311), &cloud(312))) {
        settle("300 points", solution.report());
    }
    // The control: Anderson's method alone is far from it.
    if device.precision() == Precision::F64 {
        let anderson = Acceleration::Anderson { memory: 10 };
        let settings = Sinkhorn::epsilon(1e-5)
            .acceleration(anderson)
            .max_iterations(1000);
        let solution = settings.solve(device, &x, &y).unwrap();
        assert!(solution.certificate().marginal_error() > 0.1);
    }
}

/// A problem of up to 60 points a side: any power, penalties, weights of 0 or over many decades, points on each
/// other, and range/ε from 10 to 1e5.
fn random(k: usize, numbers: &mut Numbers) -> (Sinkhorn, Measure, Measure) {
    let below = |numbers: &mut Numbers, most: usize| (most as f64 * numbers.unit()) as usize;
    let d = 1 + below(numbers, 3);
    let p = [1.0, 1.5, 2.0][below(numbers, 3)];
    let [on_a_grid, without_weight, wide] = [0; 3].map(|_| numbers.unit() < 0.3);
    let mut measure = |mass: f64| {
        let n = 1 + below(numbers, 60);
        let mut points = numbers.vector(n * d, 0.0, 1.0);
        if on_a_grid {
            points
                .iter_mut()
                .for_each(|x| *x = (4.0 * *x).round() / 4.0);
        }
        let weights = (0..n).map(|i| match numbers.unit() {
            u if without_weight && i > 0 && u < 0.2 => 0.0,
            u if wide => (-10.0 * u).exp(),
            u => 0.1 + u,
        });
        let weights: Vec<f64> = weights.collect();
        let sum: f64 = weights.iter().sum();
        let weights = weights.into_iter().map(|w| w * mass / sum).collect();
        Measure::new(points, d, weights).unwrap()
    };
    let masses = if k % 3 == 1 { [0.4, 1.7] } else { [1.0, 1.0] };
    let [a, b] = masses.map(&mut measure);
    let range = (d as f64).powf(0.5 * p);
    let mut rho = || range * 10f64.powf(numbers.within(-2.0, 2.0));
    let penalties = match k % 3 {
        0 => [f64::INFINITY; 2],
        1 => [rho(), rho()],
        _ => [rho(), f64::INFINITY],
    };
    let epsilon = range / 10f64.powf(numbers.within(1.0, 5.0));
    let settings = Sinkhorn::epsilon(epsilon)
        .p(p)
        .rho_a(penalties[0])
        .rho_b(penalties[1]);
    (settings, a, b)
}

fn the_default_arrives_on_random_problems(device: &Device) {
    let mut numbers = Numbers::new(4711);
    // On a software adapter each iteration costs a wait.
    let (problems, iterations) = if matches!(device, Device::Gpu(_)) {
        (15, 50)
    } else {
        (120, 500)
    };
    let (mut solved, mut plain) = (0, 0);
    for k in 0..problems {
        let (settings, a, b) = random(k, &mut numbers);
        let tolerance = if device.precision() == Precision::F64 {
            1e-6
        } else {
            1e-3
        };
        let settings = settings.tolerance(tolerance);
        let Some(solution) = answered(device, settings.solve(device, &a, &b)) else {
            continue;
        };
        let report = solution.report();
        assert!(report.converged, "{k}: {report:?}");
        assert!(report.iterations <= 200, "{k}: {:?}", report.stages);
        solved += 1;
        // Plain updates find the same.
        let plainly = settings
            .acceleration(Acceleration::None)
            .max_iterations(iterations)
            .solve(device, &a, &b)
            .unwrap();
        let (got, expected) = (solution.certificate(), plainly.certificate());
        assert!(
            got.lower_bound <= expected.upper_bound,
            "{k}: {got:?} {expected:?}"
        );
        assert!(
            expected.lower_bound <= got.upper_bound,
            "{k}: {got:?} {expected:?}"
        );
        plain += usize::from(plainly.report().converged);
    }
    // The control: many of these are easy, many are not.
    assert!(2 * solved >= problems, "{solved} of {problems}");
    assert!(plain < solved, "{plain} of {solved}");
}

/// Two clusters that differ in mass by a tenth.
fn clusters(n: usize, share: f64, seed: u64) -> Measure {
    let mut numbers = Numbers::new(seed);
    let points = (0..n).flat_map(|i| {
        let offset = if (i as f64) < share * n as f64 {
            0.0
        } else {
            4.0
        };
        [offset + numbers.unit(), numbers.unit()]
    });
    Measure::uniform(&points.collect::<Vec<_>>(), 2).unwrap()
}

fn what_stalls_late(device: &Device) {
    // range/ε is 520: Anderson's method comes first, and does not converge.
    let (a, b) = (clusters(130, 0.5, 1), clusters(120, 0.4, 2));
    let settings = Sinkhorn::epsilon(0.05).start(Start::Zero);
    let solution = settings.solve(device, &a, &b).unwrap();
    let report = solution.report();
    assert!(report.converged, "{report:?}");
    assert!(
        iterations(report, Method::Anderson) > 1,
        "{:?}",
        report.stages
    );
    assert!(
        iterations(report, Method::Newton) > 0,
        "{:?}",
        report.stages
    );
    let alone = settings
        .acceleration(Acceleration::Anderson { memory: 10 })
        .max_iterations(10 * report.iterations);
    assert!(!alone.solve(device, &a, &b).unwrap().report().converged);
}

/// Passes are counted, not timed. They are those of a CPU: a software adapter takes minutes for them.
fn what_stalls_and_is_large(device: &Device) {
    if matches!(device, Device::Gpu(_)) {
        return;
    }
    // More pairs than Newton's method takes, and on one side too few points for the two-level correction.
    let (a, b) = (clusters(100, 0.5, 1), clusters(21_500, 0.4, 2));
    let settings = Sinkhorn::epsilon(0.02);
    let solve = |settings: Sinkhorn| {
        let solution = settings.solve(device, &a, &b).unwrap();
        solution.report().clone()
    };
    let report = solve(settings.clone());
    assert!(report.converged, "{report:?}");
    assert!(
        iterations(&report, Method::OverRelaxation) > 0,
        "{:?}",
        report.stages
    );
    let relaxed = solve(settings.clone().acceleration(Acceleration::OverRelaxation));
    assert!(
        report.softmin_passes <= 2 * relaxed.softmin_passes,
        "{:?} {:?}",
        report.stages,
        relaxed.stages
    );
    let anderson = Acceleration::Anderson { memory: 10 };
    let alone = settings
        .acceleration(anderson)
        .max_iterations(report.iterations);
    assert!(!solve(alone).converged);
}

/// At this ε the clusters exchange no mass that f32 shows until their potentials have drifted by hundreds of ε.
fn clusters_of_unequal_mass(device: &Device) {
    if matches!(device, Device::Gpu(_)) {
        return;
    }
    let (a, b) = (clusters(1100, 0.5, 1), clusters(1100, 0.4, 2));
    let settings = Sinkhorn::epsilon(0.02);
    let solve = |settings: Sinkhorn| settings.solve(device, &a, &b).unwrap();
    let solution = solve(settings.clone());
    let report = solution.report();
    assert!(report.converged, "{report:?}");
    assert_eq!(
        iterations(report, Method::OverRelaxation),
        0,
        "{:?}",
        report.stages
    );
    let relaxed = solve(settings.acceleration(Acceleration::OverRelaxation));
    let others = relaxed.report();
    assert!(
        2 * report.softmin_passes <= others.softmin_passes,
        "{:?} {:?}",
        report.stages,
        others.stages
    );
    // Both brackets have the value.
    let [one, other] = [&solution, &relaxed].map(|solution| *solution.certificate());
    assert!(one.lower_bound <= other.upper_bound && other.lower_bound <= one.upper_bound);
}

fn a_chosen_acceleration_is_the_only_one(device: &Device) {
    let [x, y] = eight();
    let settings = Sinkhorn::epsilon(1e-2).start(Start::Zero).tolerance(1e-2);
    for (acceleration, method) in [
        (Acceleration::None, Method::Plain),
        (Acceleration::OverRelaxation, Method::OverRelaxation),
        (Acceleration::Anderson { memory: 10 }, Method::Anderson),
    ] {
        let settings = settings
            .clone()
            .acceleration(acceleration)
            .max_iterations(300);
        let solution = settings.solve(device, &x, &y).unwrap();
        let [stage] = solution.report().stages[..] else {
            panic!("{:?}", solution.report().stages)
        };
        assert_eq!(stage.method, method);
        assert_eq!(stage.iterations, solution.report().iterations);
    }
    let itself = settings.solve(device, &x, &x).unwrap();
    assert_eq!(itself.report().stages[0].method, Method::Averaging);
    // Where Anderson's method converges by itself, the default is that method.
    let blurred = Sinkhorn::with(Regularization::RelativeBlur(0.1));
    let passes = |settings: Sinkhorn| {
        let solution = settings.solve(device, &x, &y).unwrap();
        assert!(solution.report().converged);
        solution.report().softmin_passes
    };
    let anderson = Acceleration::Anderson { memory: 10 };
    assert_eq!(
        passes(blurred.clone()),
        passes(blurred.acceleration(anderson))
    );
}

fn a_newton_step_can_be_the_last(device: &Device) {
    let [x, y] = eight();
    let settings = Sinkhorn::epsilon(1e-3);
    for most in 1..6 {
        let solution = settings
            .clone()
            .max_iterations(most)
            .solve(device, &x, &y)
            .unwrap();
        assert!(solution.report().iterations <= most);
        assert!(solution.certificate().lower_bound <= solution.certificate().upper_bound);
    }
    let mut course = Vec::new();
    let stopped = settings
        .solve_observed(device, &x, &y, |progress| {
            course.push(progress.epsilon);
            if course.len() == 3 {
                ControlFlow::Break(Stop::Certify)
            } else {
                ControlFlow::Continue(())
            }
        })
        .unwrap();
    // One more iteration gives the potentials of the requested ε.
    assert_eq!(stopped.report().iterations, 4);
    assert!(course.windows(2).all(|pair| pair[0] >= pair[1]) && course[0] > 1e-3);
    let abandoned = settings.solve_observed(device, &x, &y, |_| ControlFlow::Break(Stop::Abandon));
    assert!(matches!(abandoned.map(|_| ()), Err(Error::Interrupted)));
}
