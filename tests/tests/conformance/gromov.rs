//! Gromov–Wasserstein against its definition in f64, isometries, invariances, and closed forms.

use haul::{Device, Engine, Error, Gromov, GromovStart, Measure, MetricSpace, Precision};
use haul_tests::clouds::{Numbers, measure, points};
use haul_tests::compare::{accept, number, reject};
use haul_tests::engines::Body;

pub const BODIES: &[(&str, Body)] = &[
    ("gromov_objectives_are_those_of_the_plan", objectives),
    ("isometric_spaces_have_little_energy", isometries),
    ("gromov_does_not_depend_on_motions", motions),
    ("stretched_clouds_have_the_energy_of_gaussians", stretched),
    ("gromov_starts_are_as_good_as_each", starts),
    ("what_no_gromov_can_be_of_is_refused", refusals),
];

/// The tolerance of a solve, and what its objective may differ by, over that of the product coupling.
fn tolerances(device: &Device) -> (f64, f64) {
    match device.precision() {
        Precision::F64 => (1e-7, 1e-7),
        Precision::F32 => (1e-3, 1e-3),
    }
}

fn rows(points: &[f64], d: usize) -> Vec<&[f64]> {
    points.chunks_exact(d).collect()
}

fn squared(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum()
}

fn inner(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// Energy, features and KL from the entries of the plan, by the definition, with some weights 0.
fn objectives(device: &Device) {
    let (tolerance, allowed) = tolerances(device);
    let (n, m) = (23, 19);
    let (x, y) = (measure(n, 2, 1), measure(m, 3, 2));
    let (u, v) = (points(n, 1, 3), points(m, 1, 4));
    type Kind = (fn(&Measure) -> MetricSpace, fn(&[f64], &[f64]) -> f64);
    let kinds: [Kind; 2] = [
        (MetricSpace::squared_euclidean, squared),
        (MetricSpace::inner_product, inner),
    ];
    for (alpha, (space, of)) in [1.0, 0.6].into_iter().zip(kinds) {
        let [first, second] = [(&x, &u), (&y, &v)]
            .map(|(measure, features)| space(measure).with_features(features, 1).unwrap());
        let solution = Gromov::relative(0.05)
            .fused(alpha)
            .tolerance(tolerance)
            .start(GromovStart::Eccentricities)
            .solve(device, &first, &second)
            .unwrap();
        let report = solution.report();
        assert!(report.converged, "{report:?}");
        assert_eq!(report.rise, 0.0);
        let plan = solution.plan().rows(0..n).unwrap();
        let (x_rows, y_rows) = (rows(x.points(), 2), rows(y.points(), 3));
        let (mut energy, mut features, mut kl) = (0.0, 0.0, 0.0);
        for i in 0..n {
            for j in 0..m {
                let mass = plan[i * m + j];
                if mass == 0.0 {
                    continue;
                }
                features += mass * (u[i] - v[j]).powi(2);
                kl += mass * (mass / (first.weights()[i] * second.weights()[j])).ln();
                for k in 0..n {
                    let d_x = of(x_rows[i], x_rows[k]);
                    for l in 0..m {
                        let gap = d_x - of(y_rows[j], y_rows[l]);
                        energy += mass * plan[k * m + l] * gap * gap;
                    }
                }
            }
        }
        let features = if alpha == 1.0 { 0.0 } else { features };
        let objective = alpha * energy + (1.0 - alpha) * features + report.epsilon * kl;
        let unit = report.product_objective;
        for (what, got, expected) in [
            ("energy", report.energy, energy),
            ("features", report.feature_cost, features),
            ("entropy", report.epsilon * report.kl, report.epsilon * kl),
            ("objective", report.objective, objective),
        ] {
            let compare = |got| number(what, got, expected, allowed * unit);
            accept(what, compare(got));
            reject(what, compare(got + 3.0 * allowed * unit));
        }
        assert!(report.lower_bound <= report.objective);
        assert!(report.objective < report.product_objective);
    }
}

/// A rotation of space, a mirror and a shift.
fn moved(x: &[f64], angle: f64, shift: [f64; 3], mirrored: bool) -> Vec<f64> {
    let (sine, cosine) = angle.sin_cos();
    let flip = if mirrored { -1.0 } else { 1.0 };
    let turn = |x: &[f64]| {
        [
            cosine * x[0] - sine * x[2] + shift[0],
            flip * x[1] + shift[1],
            sine * x[0] + cosine * x[2] + shift[2],
        ]
    };
    x.chunks_exact(3).flat_map(turn).collect()
}

/// A cloud without symmetries, and its copy elsewhere, in another order.
fn isometries(device: &Device) {
    let n = 40;
    let mut numbers = Numbers::new(7);
    let x: Vec<f64> = (0..n)
        .flat_map(|_| [3.0, 1.5, 0.8].map(|length| length * numbers.unit().powi(2)))
        .collect();
    let copy = moved(&x, 2.0, [5.0, -3.0, 1.0], true);
    let place = |i: usize| (7 * i + 3) % n;
    let mut y = vec![0.0; copy.len()];
    for i in 0..n {
        y[3 * place(i)..][..3].copy_from_slice(&copy[3 * i..][..3]);
    }
    let [a, b] =
        [x, y].map(|points| MetricSpace::squared_euclidean(&Measure::uniform(&points, 3).unwrap()));
    let mut energies = Vec::new();
    for share in [0.03, 3e-3, 3e-4] {
        let solution = Gromov::relative(share)
            .tolerance(1e-3)
            .solve(device, &a, &b)
            .unwrap();
        let report = solution.report();
        assert!(report.lower_bound < 1e-10 * report.product_objective);
        energies.push(report.energy / report.product_objective);
        if share < 1e-3 {
            let assigned = solution.plan().assignment().unwrap();
            let right = (0..n).filter(|i| assigned[*i] == Some(place(*i))).count();
            assert!(right >= n - 4, "{right} of {n} points are matched");
        }
    }
    // In one step ε falls by 10, and the energy with it.
    assert!(energies[1] < 0.3 * energies[0], "{energies:?}");
    assert!(energies[2] < 0.3 * energies[1], "{energies:?}");
}

/// Squared distances do not change under motions, products under rotations alone.
fn motions(device: &Device) {
    let (tolerance, allowed) = tolerances(device);
    let (x, y) = (measure(31, 3, 11), measure(28, 3, 12));
    let settings = Gromov::relative(0.05).tolerance(tolerance);
    let there = |measure: &Measure, angle: f64, shift: [f64; 3]| {
        let points = moved(measure.points(), angle, shift, false);
        Measure::new(points, 3, measure.weights().to_vec()).unwrap()
    };
    let shifts = [[10.0, -3.0, 2.0], [0.0, 1.0, -4.0]];
    for (space, shifts) in [
        (
            MetricSpace::squared_euclidean as fn(&Measure) -> MetricSpace,
            shifts,
        ),
        (MetricSpace::inner_product, [[0.0; 3]; 2]),
    ] {
        let start = settings.clone().start(GromovStart::Eccentricities);
        let value = |x: &Measure, y: &Measure| {
            let solution = start.solve(device, &space(x), &space(y)).unwrap();
            (solution.value(), solution.report().product_objective)
        };
        let (before, unit) = value(&x, &y);
        let (after, _) = value(&there(&x, 1.0, shifts[0]), &there(&y, -2.0, shifts[1]));
        let compare = |got| number("objective", got, before, allowed * unit);
        accept("moved", compare(after));
        let (farther, _) = value(&there(&x, 1.0, shifts[0]), &x);
        reject("another cloud", compare(farther));
    }
}

/// Under inner products a cloud of covariance diag λ and the same stretched to diag μ have at least the energy Σ (λ − μ)², as
/// Gaussians do, and it is reached as ε → 0.
fn stretched(device: &Device) {
    let (tolerance, _) = tolerances(device);
    let mut numbers = Numbers::new(23);
    let mut raw: Vec<f64> = (0..30)
        .flat_map(|_| [numbers.unit(), numbers.unit()])
        .collect();
    // Means 0, covariance 1: both coordinates of the cloud and of its turn by a quarter.
    let turned: Vec<f64> = raw.chunks_exact(2).flat_map(|x| [-x[1], x[0]]).collect();
    let mirrored: Vec<f64> = raw.iter().chain(&turned).map(|x| -x).collect();
    raw.extend(turned);
    raw.extend(mirrored);
    let n = raw.len() / 2;
    let variance = raw.iter().map(|x| x * x).sum::<f64>() / raw.len() as f64;
    let stretch = |variances: [f64; 2]| {
        let scale = variances.map(|wanted| (wanted / variance).sqrt());
        let points: Vec<f64> = raw
            .chunks_exact(2)
            .flat_map(|x| [scale[0] * x[0], scale[1] * x[1]])
            .collect();
        MetricSpace::inner_product(&Measure::uniform(&points, 2).unwrap())
    };
    assert_eq!(n, 120);
    let (x, y) = (stretch([2.0, 0.5]), stretch([1.2, 0.9]));
    let expected = 0.8f64.powi(2) + 0.4f64.powi(2);
    let mut off = Vec::new();
    for share in [0.03, 3e-3] {
        let settings = Gromov::relative(share).tolerance(tolerance.max(1e-4));
        let report = settings.solve(device, &x, &y).unwrap().report().clone();
        let slack = 1e-3 * report.product_objective;
        assert!(report.energy > expected - slack, "{report:?}");
        assert!(report.lower_bound <= report.energy + slack);
        off.push(report.energy - expected);
    }
    assert!(off[1] < 0.4 * off[0] && off[1] < 0.1 * expected, "{off:?}");
}

/// The best of several starts is at least as good as each, and the product coupling is no way out of a saddle.
fn starts(device: &Device) {
    let (tolerance, allowed) = tolerances(device);
    let (x, y) = (measure(27, 3, 31), measure(24, 2, 32));
    let spaces = [x, y].map(|measure| MetricSpace::squared_euclidean(&measure));
    let settings = Gromov::relative(0.02).tolerance(tolerance);
    let report = |start| {
        let solution = settings
            .clone()
            .start(start)
            .solve(device, &spaces[0], &spaces[1]);
        solution.unwrap().report().clone()
    };
    let best = report(GromovStart::Best);
    let slack = allowed * best.product_objective;
    for start in [GromovStart::Product, GromovStart::Eccentricities] {
        let other = report(start);
        assert!(
            best.objective <= other.objective + slack,
            "{best:?} {other:?}"
        );
        assert_eq!(other.starts, 0);
    }
    assert!(best.starts > 10);
    // Products of centred clouds: the product coupling is stationary, and far from the least.
    let centred = |n: usize, seed: u64| {
        let half = points(n, 2, seed);
        let both: Vec<f64> = half
            .iter()
            .copied()
            .chain(half.iter().map(|x| -x))
            .collect();
        MetricSpace::inner_product(&Measure::uniform(&both, 2).unwrap())
    };
    let (x, y) = (centred(12, 41), centred(14, 42));
    let energy = |start| {
        let solution = settings.clone().start(start).solve(device, &x, &y).unwrap();
        let report = solution.report();
        (report.energy / report.product_objective, report.steps)
    };
    let (saddle, steps) = energy(GromovStart::Product);
    assert!(
        steps <= 3 && (saddle - 1.0).abs() < 1e-3,
        "{saddle} after {steps}"
    );
    assert!(energy(GromovStart::Best).0 < 0.5);
}

fn refusals(device: &Device) {
    let (x, y) = (measure(5, 2, 1), measure(6, 3, 2));
    let squares = [&x, &y].map(MetricSpace::squared_euclidean);
    let products = MetricSpace::inner_product(&y);
    let error = |settings: Gromov, a: &MetricSpace, b: &MetricSpace| {
        settings.solve(device, a, b).map(drop).unwrap_err()
    };
    let settings = Gromov::relative(0.1);
    assert!(matches!(
        error(settings.clone(), &squares[0], &products),
        Error::Spaces
    ));
    for bad in [
        Gromov::epsilon(0.0),
        Gromov::epsilon(f64::NAN),
        settings.clone().fused(0.5),
        settings.clone().fused(0.0),
        settings.clone().tolerance(-1.0),
        settings.clone().max_steps(0),
    ] {
        let refused = error(bad, &squares[0], &squares[1]);
        assert!(matches!(refused, Error::BadParameter { .. }), "{refused}");
    }
    let featured = |space: &MetricSpace, d: usize| {
        space
            .clone()
            .with_features(&vec![0.5; space.len() * d], d)
            .unwrap()
    };
    assert!(matches!(
        error(
            settings.clone().fused(0.5),
            &featured(&squares[0], 1),
            &featured(&squares[1], 2)
        ),
        Error::DimensionMismatch { .. }
    ));
    let short = squares[0].clone().with_features(&[1.0], 1);
    assert!(matches!(short, Err(Error::Length { .. })));
    let infinite = squares[0].clone().with_features(&[f64::INFINITY; 5], 1);
    assert!(matches!(
        infinite,
        Err(Error::NotFinitePoint { row: 1, .. })
    ));
    let solution = settings.solve(device, &squares[0], &squares[1]).unwrap();
    assert!(matches!(solution.images(&[1.0]), Err(Error::Length { .. })));
    assert!(matches!(
        solution.images_back(&[1.0]),
        Err(Error::Length { .. })
    ));
    // One point each: nothing to keep apart, and nothing to move.
    let alone = MetricSpace::squared_euclidean(&Measure::uniform(&[1.0, 2.0], 2).unwrap());
    let solution = settings.solve(device, &alone, &alone).unwrap();
    assert_eq!(solution.report().energy, 0.0);
}
