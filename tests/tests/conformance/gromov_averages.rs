//! Gromov–Wasserstein barycenters: copies of one space, fixed points, and the same with coordinates and with matrices.

use haul::{
    Device, DistanceMatrix, Engine as _, Error, Graph, Gromov, GromovBarycenter, GromovStart,
    Measure, MetricSpace, Precision,
};
use haul_tests::clouds::{measure, points};
use haul_tests::compare::{accept, number, reject};
use haul_tests::engines::Body;

pub const BODIES: &[(&str, Body)] = &[
    ("scaled_copies_have_a_scaled_average", copies),
    (
        "an_average_with_coordinates_is_that_of_the_matrices",
        two_paths,
    ),
    ("an_average_of_graphs_is_a_fixed_point", graphs),
    ("what_has_no_gromov_average_is_refused", refusals),
];

/// Whether a device computes with stored matrices.
fn stores(device: &Device) -> bool {
    matches!(device, Device::Cpu(_) | Device::CpuF64(_))
}

/// n points of an even spiral that no motion maps to itself, of uniform weights.
fn spiral(n: usize) -> Vec<f64> {
    let point = |k: usize| {
        let t = (k as f64 + 0.5) / n as f64;
        let (sine, cosine) = (4.0 * t).sin_cos();
        [(1.0 + t) * cosine, (1.0 + t) * sine, t * t]
    };
    (0..n).flat_map(point).collect()
}

/// The points scaled, turned by a quarter about the third axis, and moved.
fn copied(points: &[f64], scale: f64, shift: f64) -> Vec<f64> {
    let rows = points.chunks_exact(3);
    rows.flat_map(|x| [shift - scale * x[1], scale * x[0], scale * x[2] - shift])
        .collect()
}

/// The root mean square of D − c D' over that of c D', off the diagonal.
fn off(space: &MetricSpace, of: &[f64], scale: f64) -> f64 {
    let n = space.len();
    let (mut square, mut size) = (0.0, 0.0);
    for i in 0..n {
        for k in (0..n).filter(|k| *k != i) {
            let [x, y] = [i, k].map(|i| &of[3 * i..3 * i + 3]);
            let expected = scale * x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum::<f64>();
            square += (space.entry(i, k).unwrap() - expected).powi(2);
            size += expected * expected;
        }
    }
    (square / size).sqrt()
}

/// Copies of one shape in two sizes c: D is Σ λ c² |x − x'|², as ε → 0. The spiral is found again in its own order.
fn copies(device: &Device) {
    let n = 40;
    let shape = spiral(n);
    let spaces = [(1.0, 0.0), (2.0, 5.0)].map(|(scale, shift)| {
        let copy = Measure::uniform(&copied(&shape, scale, shift), 3).unwrap();
        MetricSpace::squared_euclidean(&copy)
    });
    let start = MetricSpace::squared_euclidean(&Measure::uniform(&shape, 3).unwrap());
    let double = device.precision() == Precision::F64;
    let gromov = Gromov::relative(if double { 1e-4 } else { 1e-3 });
    let average = GromovBarycenter::new(gromov.tolerance(if double { 1e-4 } else { 1e-2 }))
        .lambda(&[3.0, 1.0])
        .solve(device, &start, &spaces)
        .unwrap();
    let report = average.report();
    assert!(report.converged, "{report:?}");
    assert_eq!(report.rise, 0.0, "{report:?}");
    assert_eq!((report.lambda[0], average.couplings().len()), (0.75, 2));
    let space = average.space();
    assert_eq!(space.len(), n);
    // Both copies are one shape, up to the blur of the plans.
    let (near, scale) = (if double { 0.02 } else { 0.1 }, 0.75 + 0.25 * 4.0);
    assert!(
        off(space, &shape, scale) < near,
        "{}",
        off(space, &shape, scale)
    );
    assert!(off(space, &shape, 0.25 + 0.75 * 4.0) > 2.0 * near);
    // The coordinates are along principal axes, the longest first, and of as many dimensions as the images of both.
    let d = space.dimension();
    let spread = |k: usize| -> f64 {
        let points = space.points();
        points.chunks_exact(d).map(|x| x[k] * x[k]).sum()
    };
    assert!((3..=6).contains(&d), "{d}");
    assert!((1..d).all(|k| spread(k - 1) >= spread(k)));
    assert!(space.entry(0, 0).unwrap() >= 0.0 && space.entry(n, 0).is_none());
}

/// Squared distances and inner products with features give the objective and the matrix that stored matrices give.
fn two_paths(device: &Device) {
    let stored = Device::cpu_f64();
    let double = device.precision() == Precision::F64;
    let (tolerance, allowed) = if double { (1e-7, 1e-5) } else { (1e-3, 1e-2) };
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
    let clouds = [measure(17, 2, 3), measure(21, 3, 4), measure(19, 2, 5)];
    let features = [17, 21, 19].map(|n| points(n, 1, n as u64));
    let clouds = [0, 1, 2].map(|k: usize| {
        // A start needs a weight for each point.
        let weights = clouds[k].weights().iter().map(|w| w + 0.01).collect();
        Measure::new(clouds[k].points().to_vec(), clouds[k].dimension(), weights).unwrap()
    });
    for (alpha, (formula, matrix)) in [1.0, 0.7].into_iter().zip(kinds) {
        let gromov = Gromov::relative(0.05)
            .fused(alpha)
            .tolerance(tolerance)
            .start(GromovStart::Eccentricities);
        let settings = GromovBarycenter::new(gromov)
            .lambda(&[0.4, 0.6])
            .fall(if double { 1e-5 } else { 1e-2 });
        let lifted = [0, 1, 2].map(|k| formula(&clouds[k]).with_features(&features[k], 1).unwrap());
        let dense = [0, 1, 2].map(|k| {
            let space = matrix(&clouds[k]).unwrap();
            space.with_features(&features[k], 1).unwrap()
        });
        let got = settings.solve(device, &lifted[0], &lifted[1..]).unwrap();
        let expected = settings
            .solve_matrices(&stored, &dense[0], &dense[1..])
            .unwrap();
        assert!(got.report().converged && expected.report().converged);
        assert_eq!((got.report().rise, expected.report().rise), (0.0, 0.0));
        let unit = got.couplings()[0].report().product_objective;
        let compare = |value| {
            number(
                "objective",
                value,
                expected.report().objective,
                allowed * unit,
            )
        };
        accept("objective", compare(got.report().objective));
        reject(
            "objective",
            compare(got.report().objective + 3.0 * allowed * unit),
        );
        let n = lifted[0].len();
        let distances = expected.space().distances();
        let largest = distances.iter().fold(0.0f64, |most, d| most.max(d.abs()));
        for i in 0..n {
            for k in 0..n {
                let got = got.space().entry(i, k).unwrap();
                let expected = distances[i * n + k];
                let near = 30.0 * allowed * largest;
                assert!((got - expected).abs() < near, "{i} {k}: {got} {expected}");
            }
        }
    }
}

/// The average of graphs is the mean of their matrices under its own couplings, and each round lowers the objective.
fn graphs(device: &Device) {
    if !stores(device) {
        return;
    }
    let path = |n: usize, closed: bool| {
        let mut edges: Vec<(usize, usize, f64)> = (1..n).map(|k| (k - 1, k, 1.0)).collect();
        if closed {
            edges.push((n - 1, 0, 1.0));
        }
        Graph::new(n, &edges).unwrap().space(&vec![1.0; n]).unwrap()
    };
    let inputs = [path(12, true), path(9, false)];
    let start = path(10, true);
    let average = GromovBarycenter::new(Gromov::relative(0.02).tolerance(1e-6))
        .fall(1e-6)
        .lambda(&[0.7, 0.3])
        .max_rounds(1000)
        .solve_matrices(device, &start, &inputs)
        .unwrap();
    let report = average.report();
    assert!(report.converged, "{report:?}");
    assert_eq!(report.rise, 0.0);
    assert!(report.course.len() > 1 && report.course[0] > report.objective);
    let values = average.couplings().iter().zip(&report.lambda);
    let mean: f64 = values
        .map(|(coupling, lambda)| lambda * coupling.value())
        .sum();
    assert!((mean - report.objective).abs() < 1e-12 * report.objective);
    let n = start.len();
    let expected = |lambda: [f64; 2], i: usize, k: usize| -> f64 {
        let of = |(input, coupling): (&DistanceMatrix, &haul::MatrixCoupling)| -> f64 {
            let m = input.len();
            let [p, q] = [i, k].map(|i| &coupling.plan()[i * m..(i + 1) * m]);
            let entries = p.iter().zip(input.distances().chunks_exact(m));
            let sums =
                entries.map(|(p, row)| p * row.iter().zip(q).map(|(d, q)| d * q).sum::<f64>());
            sums.sum::<f64>() * (n * n) as f64
        };
        let both = inputs.iter().zip(average.couplings()).map(of);
        both.zip(lambda).map(|(d, lambda)| lambda * d).sum()
    };
    let farthest = |lambda: [f64; 2]| {
        let entries = (0..n * n).map(|at| {
            let found = average.space().distances()[at];
            (found - expected(lambda, at / n, at % n)).abs()
        });
        entries.fold(0.0, f64::max)
    };
    assert!(farthest([0.7, 0.3]) < 1e-2, "{}", farthest([0.7, 0.3]));
    assert!(farthest([0.3, 0.7]) > 0.1);
}

fn refusals(device: &Device) {
    let cloud = measure(6, 2, 1);
    let space = MetricSpace::squared_euclidean(&Measure::uniform(cloud.points(), 2).unwrap());
    let average = || GromovBarycenter::new(Gromov::relative(0.1));
    let one = std::slice::from_ref(&space);
    let refused = |settings: GromovBarycenter, start: &MetricSpace, inputs: &[MetricSpace]| {
        settings.solve(device, start, inputs).unwrap_err()
    };
    assert!(matches!(refused(average(), &space, &[]), Error::EmptyCloud));
    for bad in [
        average().fall(0.0),
        average().fall(f64::NAN),
        average().max_rounds(0),
        average().lambda(&[-1.0]),
        average().lambda(&[0.0]),
    ] {
        assert!(matches!(
            refused(bad, &space, one),
            Error::BadParameter { .. }
        ));
    }
    let two = average().lambda(&[0.5, 0.5]);
    assert!(matches!(refused(two, &space, one), Error::Length { .. }));
    let other = MetricSpace::inner_product(&cloud);
    let reach = GromovBarycenter::new(Gromov::relative(0.1).reach(1.0));
    for error in [
        refused(average(), &space, &[space.clone(), other]),
        refused(reach, &space, one),
    ] {
        assert!(matches!(error, Error::Input { .. }), "{error}");
    }
    let weights = vec![0.0, 1.0, 1.0, 1.0, 1.0, 1.0];
    let weightless = Measure::new(cloud.points().to_vec(), 2, weights).unwrap();
    let start = MetricSpace::squared_euclidean(&weightless);
    let refused = refused(average(), &start, one);
    assert!(matches!(refused, Error::BadWeight { row: 1, .. }));
    let stored = DistanceMatrix::euclidean(&cloud).unwrap();
    let reach = GromovBarycenter::new(Gromov::relative(0.1).reach(1.0));
    let inputs = std::slice::from_ref(&stored);
    let refused = reach.solve_matrices(device, &stored, inputs);
    assert!(matches!(
        refused,
        Err(Error::Input { .. } | Error::BadWeight { .. })
    ));
}
