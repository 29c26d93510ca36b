//! Gromov–Wasserstein against its definition in f64, isometries, invariances, and closed forms.

use haul::{
    Device, DistanceMatrix, Engine, Error, Graph, Gromov, GromovStart, Measure, MetricSpace,
    Precision,
};
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
    (
        "stored_squares_have_the_plan_of_the_formula",
        stored_squares,
    ),
    ("stored_objectives_are_those_of_the_plan", stored_objectives),
    ("a_relabelled_graph_is_found", relabelled),
    (
        "steps_between_any_matrices_lower_the_objective",
        any_matrices,
    ),
    ("what_has_no_partner_is_left_out", left_out),
    ("what_no_stored_space_can_be_is_refused", stored_refusals),
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
        settings.clone().reach(1.0),
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

/// Whether a device computes with stored matrices; others refuse them.
fn stores(device: &Device) -> bool {
    let space = DistanceMatrix::euclidean(&measure(5, 2, 1)).unwrap();
    match Gromov::relative(0.1).solve_matrices(device, &space, &space) {
        Err(Error::Unsupported { .. }) => {
            assert!(!matches!(device, Device::Cpu(_) | Device::CpuF64(_)));
            false
        }
        other => other.is_ok(),
    }
}

/// Stored squared distances and inner products give what products of coordinates give; a matrix that is a little off does not.
fn stored_squares(device: &Device) {
    if !stores(device) {
        return;
    }
    let (x, y) = (measure(31, 2, 5), measure(26, 3, 6));
    let of_formula = Device::cpu_f64();
    type Kinds = (
        fn(&Measure) -> MetricSpace,
        fn(&Measure) -> haul::Result<DistanceMatrix>,
    );
    let kinds: [Kinds; 2] = [
        (
            MetricSpace::squared_euclidean,
            DistanceMatrix::squared_euclidean,
        ),
        (MetricSpace::inner_product, DistanceMatrix::inner_product),
    ];
    for (formula, matrix) in kinds {
        let settings = Gromov::relative(0.05)
            .tolerance(1e-8)
            .start(GromovStart::Product);
        let expected = settings
            .solve(&of_formula, &formula(&x), &formula(&y))
            .unwrap();
        let expected = expected.report();
        let stored = [&x, &y].map(|measure| matrix(measure).unwrap());
        let got = settings
            .solve_matrices(device, &stored[0], &stored[1])
            .unwrap();
        let got = got.report();
        let unit = expected.product_objective;
        for (what, got, expected) in [
            ("the product", got.product_objective, unit),
            ("objective", got.objective, expected.objective),
            ("bound", got.lower_bound, expected.lower_bound),
            ("ε", got.epsilon, expected.epsilon),
        ] {
            accept(what, number(what, got, expected, 1e-10 * unit));
        }
        let energies = |got| number("energy", got, expected.energy, 1e-6 * unit);
        accept("energy", energies(got.energy));
        assert_eq!((got.rise, got.precision), (0.0, Precision::F64));
        let mut distances = stored[0].distances().to_vec();
        for at in [1, 31] {
            distances[at] *= 1.001;
        }
        let off = DistanceMatrix::new(distances, stored[0].weights().to_vec()).unwrap();
        let off = settings.solve_matrices(device, &off, &stored[1]).unwrap();
        reject(
            "a matrix that is off",
            number("objective", off.value(), expected.objective, 1e-10 * unit),
        );
    }
}

/// A random geometric graph of n points, and its space.
fn geometric(n: usize, seed: u64) -> DistanceMatrix {
    let points = Measure::uniform(&points(n, 2, seed), 2).unwrap();
    Graph::nearest(&points, 6)
        .unwrap()
        .space(points.weights())
        .unwrap()
}

/// Energy, features and KL from the entries of the plan, by the definition, with points of weight 0, and independent of these.
fn stored_objectives(device: &Device) {
    if !stores(device) {
        return;
    }
    let (n, m) = (23, 19);
    let (x, y) = (measure(n, 2, 1), measure(m, 3, 2));
    let (u, v) = (points(n, 1, 3), points(m, 1, 4));
    let space = |measure: &Measure, features: &[f64]| {
        let space = DistanceMatrix::euclidean(measure).unwrap();
        space.with_features(features, 1).unwrap()
    };
    let spaces = [space(&x, &u), space(&y, &v)];
    for alpha in [1.0, 0.6] {
        let settings = Gromov::relative(0.05).fused(alpha).tolerance(1e-6);
        let coupling = settings
            .solve_matrices(device, &spaces[0], &spaces[1])
            .unwrap();
        let report = coupling.report();
        assert!(report.converged && report.rise == 0.0, "{report:?}");
        let (plan, d_x, d_y) = (
            coupling.plan(),
            spaces[0].distances(),
            spaces[1].distances(),
        );
        let (mut energy, mut features, mut kl) = (0.0, 0.0, 0.0);
        for (i, j) in (0..n).flat_map(|i| (0..m).map(move |j| (i, j))) {
            let mass = plan[i * m + j];
            if mass == 0.0 {
                continue;
            }
            features += mass * (u[i] - v[j]).powi(2);
            kl += mass * (mass / (spaces[0].weights()[i] * spaces[1].weights()[j])).ln();
            for (k, l) in (0..n).flat_map(|k| (0..m).map(move |l| (k, l))) {
                energy += mass * plan[k * m + l] * (d_x[i * n + k] - d_y[j * m + l]).powi(2);
            }
        }
        let features = if alpha == 1.0 { 0.0 } else { features };
        let objective = alpha * energy + (1.0 - alpha) * features + report.epsilon * kl;
        for (what, got, expected) in [
            ("energy", report.energy, energy),
            ("features", report.feature_cost, features),
            ("objective", report.objective, objective),
        ] {
            let compare = |got| number(what, got, expected, 1e-6 * report.product_objective);
            accept(what, compare(got));
            reject(what, compare(got + 1e-5 * report.product_objective));
        }
        assert!(report.lower_bound <= report.objective);
        // A point without weight, whatever its distances, and a row of the plan of 0.
        let mut wider = Vec::new();
        for row in d_x.chunks_exact(n) {
            wider.extend_from_slice(row);
            wider.push(7.0);
        }
        wider.extend(vec![7.0; n]);
        wider.push(0.0);
        let weights = [spaces[0].weights(), &[0.0]].concat();
        let features = [&u[..], &[9.0]].concat();
        let wider = DistanceMatrix::new(wider, weights)
            .unwrap()
            .with_features(&features, 1)
            .unwrap();
        let same = settings.solve_matrices(device, &wider, &spaces[1]).unwrap();
        let unit = 1e-6 * report.product_objective;
        accept(
            "a point without weight",
            number("value", same.value(), coupling.value(), unit),
        );
        assert!(same.plan()[n * m..].iter().all(|p| *p == 0.0));
        assert_eq!(same.assignment()[n], None);
    }
}

/// The same graph with its nodes in another order is matched node by node, and the energy goes to 0 with ε.
fn relabelled(device: &Device) {
    if !stores(device) {
        return;
    }
    let n = 150;
    let graph = geometric(n, 71);
    let places: Vec<usize> = (0..n).map(|i| (37 * i + 11) % n).collect();
    let entry = |i: usize, k: usize| graph.distances()[places[i] * n + places[k]];
    let moved = (0..n).flat_map(|i| (0..n).map(move |k| (i, k)));
    let moved =
        DistanceMatrix::new(moved.map(|(i, k)| entry(i, k)).collect(), vec![1.0; n]).unwrap();
    let mut energies = Vec::new();
    for share in [1e-2, 1e-3] {
        let coupling = Gromov::relative(share)
            .solve_matrices(device, &graph, &moved)
            .unwrap();
        let report = coupling.report();
        assert!(report.converged, "{report:?}");
        assert!(report.starts > 2 && report.lower_bound < 1e-12);
        energies.push(report.energy / report.product_objective);
        let right = coupling.assignment().into_iter().enumerate();
        let right = right
            .filter(|(i, j)| j.is_some_and(|j| places[j] == *i))
            .count();
        assert!(share > 5e-3 || right > n - 5, "{right} of {n}");
    }
    assert!(
        energies[1] < 5e-3 && energies[1] < 0.5 * energies[0],
        "{energies:?}"
    );
    let other = Gromov::relative(1e-3)
        .solve_matrices(device, &geometric(n, 72), &moved)
        .unwrap();
    assert!(other.report().energy > 4.0 * energies[1] * other.report().product_objective);
}

/// Matrices that are no distances, for which full steps may overshoot: the objective falls at each step all the same.
fn any_matrices(device: &Device) {
    if !stores(device) {
        return;
    }
    let symmetric = |n: usize, seed: u64| {
        let values = points(n, n, seed);
        let entry = |i: usize, k: usize| values[i.min(k) * n + i.max(k)];
        let all = (0..n).flat_map(|i| (0..n).map(move |k| (i, k)));
        DistanceMatrix::new(all.map(|(i, k)| entry(i, k)).collect(), vec![1.0; n]).unwrap()
    };
    for seed in 0..4 {
        let spaces = [symmetric(21, 80 + seed), symmetric(17, 90 + seed)];
        let settings = Gromov::relative(0.02).start(GromovStart::Eccentricities);
        let coupling = settings
            .solve_matrices(device, &spaces[0], &spaces[1])
            .unwrap();
        let report = coupling.report();
        assert_eq!(report.rise, 0.0);
        let allowed = 1e-2 * report.product_objective;
        let rises = report.course.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(rises.fold(0.0, f64::max) < allowed, "{report:?}");
        assert!(report.objective < report.product_objective);
    }
}

/// Mass without a partner is left out under a reach, all mass is moved under a large one, and U is that of the plan.
fn left_out(device: &Device) {
    if !stores(device) {
        return;
    }
    let n = 40;
    let (points, epsilon) = (points(n, 2, 51), 4e-3);
    // The same points, and eight more far away.
    let far: Vec<f64> = (0..16).map(|k| 2.5 + 0.05 * f64::from(k)).collect();
    let more = [&points[..], &far].concat();
    let space =
        |points: &[f64]| DistanceMatrix::euclidean(&Measure::uniform(points, 2).unwrap()).unwrap();
    let (x, y) = (space(&points), space(&more));
    let solve = |reach: f64| {
        let settings = Gromov::epsilon(epsilon).reach(reach).tolerance(1e-5);
        settings.solve_matrices(device, &x, &y).unwrap()
    };
    let (partial, whole) = (solve(0.5), solve(f64::INFINITY));
    let of = |columns: std::ops::Range<usize>, plan: &[f64]| -> f64 {
        plan.chunks_exact(n + 8)
            .map(|row| row[columns.clone()].iter().sum::<f64>())
            .sum()
    };
    assert!(
        of(n..n + 8, partial.plan()) < 1e-3,
        "{}",
        of(n..n + 8, partial.plan())
    );
    assert!(of(n..n + 8, whole.plan()) > 0.16);
    let report = partial.report();
    assert!(report.converged, "{report:?}");
    assert!(
        report.mass > 0.5 && report.energy < 0.02 * whole.report().energy,
        "{report:?}"
    );
    assert_eq!(report.rise, 0.0);
    // A reach so large that nothing is left out.
    let loose = solve(200.0);
    let unit = loose.report().product_objective;
    accept("mass", number("mass", loose.report().mass, 1.0, 1e-2));
    accept(
        "energy",
        number(
            "energy",
            loose.report().energy,
            whole.report().energy,
            1e-2 * unit,
        ),
    );
    // U by its definition.
    let (plan, m) = (partial.plan(), n + 8);
    let (a, b) = (x.weights(), y.weights());
    let rows: Vec<f64> = plan.chunks_exact(m).map(|row| row.iter().sum()).collect();
    let columns: Vec<f64> = (0..m)
        .map(|j| (0..n).map(|i| plan[i * m + j]).sum())
        .collect();
    let mass: f64 = rows.iter().sum();
    let product = |of: &mut dyn Iterator<Item = (f64, f64)>| {
        let log: f64 = of
            .filter(|(p, _)| *p > 0.0)
            .map(|(p, a)| p * (p / a).ln())
            .sum();
        2.0 * mass * log - mass * mass + 1.0
    };
    let mut expected = report.rho * product(&mut rows.iter().copied().zip(a.iter().copied()));
    expected += report.rho * product(&mut columns.iter().copied().zip(b.iter().copied()));
    let entries = (0..n * m).map(|at| (plan[at], a[at / m] * b[at % m]));
    expected += 0.5 * epsilon * product(&mut entries.into_iter());
    for (i, j) in (0..n).flat_map(|i| (0..m).map(move |j| (i, j))) {
        for (k, l) in (0..n).flat_map(|k| (0..m).map(move |l| (k, l))) {
            let gap = x.distances()[i * n + k] - y.distances()[j * m + l];
            expected += plan[i * m + j] * plan[k * m + l] * gap * gap;
        }
    }
    accept("U", number("U", report.objective, expected, 1e-9));
    reject("U", number("U", report.objective + 1e-6, expected, 1e-9));
    // It is stationary in the mass: the derivative of U along the plan is 0.
    let scaled = |factor: f64| {
        // U(cP) from its parts: squares of masses, and their logarithms.
        let energy = factor * factor * report.energy;
        let shifted = |of: f64| {
            factor * factor * (of + mass * mass - 1.0) + 2.0 * (factor * mass).powi(2) * factor.ln()
                - (factor * mass).powi(2)
                + 1.0
        };
        let mut value = energy
            + report.rho * shifted(product(&mut rows.iter().copied().zip(a.iter().copied())));
        value += report.rho * shifted(product(&mut columns.iter().copied().zip(b.iter().copied())));
        let entries = (0..n * m).map(|at| (plan[at], a[at / m] * b[at % m]));
        value + 0.5 * epsilon * shifted(product(&mut entries.into_iter()))
    };
    assert!((scaled(1.0) - report.objective).abs() < 1e-9);
    assert!(
        scaled(1.01) > scaled(1.0) && scaled(0.99) > scaled(1.0),
        "{} {} {}",
        scaled(0.99),
        scaled(1.0),
        scaled(1.01)
    );
}

fn stored_refusals(device: &Device) {
    let matrix = |distances: &[f64], weights: &[f64]| {
        DistanceMatrix::new(distances.to_vec(), weights.to_vec())
    };
    assert!(matches!(matrix(&[], &[]), Err(Error::EmptyCloud)));
    assert!(matches!(
        matrix(&[0.0; 3], &[1.0; 2]),
        Err(Error::Length { expected: 4, .. })
    ));
    assert!(matches!(
        matrix(&[0.0; 4], &[1.0, -1.0]),
        Err(Error::BadWeight { row: 2, .. })
    ));
    assert!(matches!(
        matrix(&[0.0; 4], &[0.0; 2]),
        Err(Error::BadMass { .. })
    ));
    for bad in [[0.0, 1.0, 2.0, 0.0], [0.0, f64::NAN, f64::NAN, 0.0]] {
        let refused = matrix(&bad, &[1.0; 2]);
        assert!(matches!(
            refused,
            Err(Error::BadMatrix {
                row: 1,
                column: 2,
                ..
            })
        ));
    }
    let many = vec![1.0; DistanceMatrix::MOST + 1];
    let refused = matrix(&[], &many).unwrap_err();
    assert!(refused.to_string().contains("5000"), "{refused}");
    let space = matrix(&[0.0, 1.0, 1.0, 0.0], &[1.0; 2]).unwrap();
    let settings = Gromov::relative(0.1);
    let unreachable = settings.clone().reach(-1.0);
    for bad in [
        settings.clone().fused(0.5),
        Gromov::epsilon(-1.0),
        unreachable,
    ] {
        let refused = bad.solve_matrices(device, &space, &space);
        assert!(matches!(refused, Err(Error::BadParameter { .. })));
    }
    let huge = matrix(&[0.0, 1e200, 1e200, 0.0], &[1.0; 2]).unwrap();
    assert!(settings.check_matrices(&huge, &space).is_err());
    if !stores(device) {
        return;
    }
    let coupling = settings.solve_matrices(device, &space, &space).unwrap();
    assert!(matches!(
        coupling.images(&[1.0; 3]),
        Err(Error::Length { .. })
    ));
    assert!(matches!(
        coupling.images_back(&[]),
        Err(Error::Length { .. })
    ));
    let few = Gromov::epsilon(1e-300).solve_matrices(device, &space, &space);
    assert!(matches!(few, Err(Error::NoDigits { .. })), "{few:?}");
    // One point each: nothing to keep apart.
    let alone = matrix(&[0.0], &[3.0]).unwrap();
    let coupling = settings.solve_matrices(device, &alone, &space).unwrap();
    assert!(coupling.plan().iter().all(|p| (p - 0.5).abs() < 1e-12));
}
