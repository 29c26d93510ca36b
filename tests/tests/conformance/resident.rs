//! Measures and results in buffers of the caller's: what comes of them is what comes of the same measures on the host.

use crate::waits::both;
use haul::{Device, Divergence, Error, GpuArray, Measure, ResidentMeasure, Sinkhorn, gpu};
use haul_tests::buffers::{Program, Rows};
use haul_tests::clouds::{Numbers, points, weights};
use haul_tests::compare::{accept, close, reject};
use haul_tests::engines::Body;

pub const BODIES: &[(&str, Body)] = &[
    ("solves_in_buffers_are_those_on_the_host", solves),
    ("divergences_in_buffers_are_those_on_the_host", divergences),
    ("bounds_in_buffers_hold_wherever_a_solve_ends", bounds),
    (
        "arrays_that_are_none_are_refused_by_what_is_wrong",
        refusals,
    ),
    ("one_thread_drives_two_solves_in_buffers", on_one_thread),
    ("the_host_has_no_arrays", the_host_has_no_arrays),
];

const LARGE: u64 = 128 << 20;

/// So small that arrays are bound in several parts.
const SMALL: u64 = 32 << 10;

/// Rounded to what a buffer holds.
fn floats(values: Vec<f64>) -> Vec<f64> {
    values.into_iter().map(|x| f64::from(x as f32)).collect()
}

/// A measure, on the host and in buffers.
struct Twin {
    host: Measure,
    rows: Rows,
    weights: Option<Rows>,
}

impl Twin {
    /// n points about a place; of unequal weights where these have a mass.
    fn new(program: &Program, (n, d): (usize, usize), seed: u64, mass: Option<f64>) -> Self {
        // Not about the origin, and not apart.
        let place = 4.0 + 0.3 * seed as f64;
        let coordinates = floats(points(n, d, seed).iter().map(|x| place + x).collect());
        let rows = program.rows(&coordinates, d, 3, d + 2);
        let host = Measure::uniform(&coordinates, d).unwrap();
        let Some(mass) = mass else {
            return Self {
                host,
                rows,
                weights: None,
            };
        };
        let weights = floats(weights(n, seed + 1).iter().map(|w| mass * w).collect());
        Self {
            host: host.with_weights(&weights).unwrap(),
            rows,
            weights: Some(program.rows(&weights, 1, 5, 64)),
        }
    }

    fn resident(&self) -> ResidentMeasure<GpuArray> {
        let points = self.rows.array.clone();
        match &self.weights {
            Some(weights) => ResidentMeasure::weighted(points, weights.array.clone()),
            None => ResidentMeasure::uniform(points),
        }
    }
}

/// Whether numbers agree to a share of the largest: solves to a tolerance of 2e-5 in f32, of which each point has some part.
fn agree(name: &str, got: &[f64], expected: &[f64]) {
    let largest = expected.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    let tolerance = |_| 4e-3 * largest;
    accept(name, close(got, expected, tolerance));
    let off: Vec<f64> = got.iter().map(|x| 1.01 * x).collect();
    reject(name, close(&off, expected, tolerance));
}

/// Less its mean.
fn centred(values: Vec<f64>) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.into_iter().map(|x| x - mean).collect()
}

/// Settings of a solve in f32, and of the same in f64 that stands for the truth.
fn settings(p: f64, [a, b]: [f64; 2]) -> [Sinkhorn; 2] {
    let of = |tolerance| {
        let settings = Sinkhorn::blur(0.6).p(p).tolerance(tolerance);
        settings.rho_a(a).rho_b(b)
    };
    [of(2e-5), of(1e-9)]
}

const EXACT: f64 = f64::INFINITY;

fn solves(_: &Device) {
    let truth = Device::cpu_f64();
    for (binding, (n, m), d, p, rho, masses) in [
        (LARGE, (300, 250), 2, 2.0, [EXACT; 2], [None, None]),
        (LARGE, (300, 250), 1, 2.0, [EXACT; 2], [Some(1.0), None]),
        (LARGE, (200, 250), 3, 1.0, [EXACT; 2], [None, Some(1.0)]),
        (
            LARGE,
            (200, 150),
            2,
            1.5,
            [EXACT; 2],
            [Some(3.0), Some(3.0)],
        ),
        (LARGE, (200, 150), 16, 2.0, [EXACT; 2], [None, None]),
        (
            SMALL,
            (700, 600),
            3,
            2.0,
            [EXACT; 2],
            [Some(1.0), Some(1.0)],
        ),
        (
            LARGE,
            (250, 200),
            2,
            2.0,
            [0.8, 0.8],
            [Some(1.3), Some(0.7)],
        ),
        (
            LARGE,
            (250, 200),
            2,
            2.0,
            [EXACT, 0.8],
            [Some(1.3), Some(0.7)],
        ),
        (LARGE, (250, 200), 2, 1.0, [0.5, EXACT], [Some(0.6), None]),
    ] {
        let context = format!("n {n}, m {m}, d {d}, p {p}, ρ {rho:?}");
        let program = Program::new(binding);
        let (a, b) = (
            Twin::new(&program, (n, d), 1, masses[0]),
            Twin::new(&program, (m, d), 2, masses[1]),
        );
        let [single, double] = settings(p, rho);
        let solution = single.solve_resident(&program.haul, &a.resident(), &b.resident());
        let solution = solution.unwrap_or_else(|error| panic!("{context}: {error}"));
        let expected = double.solve(&truth, &a.host, &b.host).unwrap();
        let off = double.clone().regularized(haul::Regularization::Blur(0.75));
        let off = off.solve(&truth, &a.host, &b.host).unwrap().value();
        let fast = single.clone().uncertified();
        let fast = fast.solve_resident(&program.haul, &a.resident(), &b.resident());
        let fast = fast.unwrap();
        let (few, all) = (fast.report(), solution.report());
        assert!((few.value - all.value).abs() < 1e-6 * (1.0 + all.value.abs()));
        assert!(few.certificate.lower_bound <= all.certificate.upper_bound);
        assert_eq!(few.certificate.upper_bound, f64::INFINITY);
        assert!(!few.certified && few.transport_cost.is_nan() && few.pairs < all.pairs);
        let (report, value) = (solution.report(), expected.value());
        let certificate = solution.certificate();
        assert!(report.converged, "{context}: {report:?}");
        assert_eq!((report.n, report.m, report.d), (n, m, d));
        let (lower, upper) = (certificate.lower_bound, certificate.upper_bound);
        let told = expected.certificate();
        assert!(
            lower <= told.upper_bound && told.lower_bound <= upper,
            "{context}: {value} is not in {lower}..{upper}"
        );
        // They say something: what another ε gives is outside.
        let size = report.transport_cost.abs().max(report.epsilon);
        assert!(
            upper - lower < 2e-2 * size,
            "{context}: {lower}..{upper} of {size}"
        );
        assert!(
            off > upper || off < lower,
            "{context}: {off} in {lower}..{upper}"
        );
        let close_to = |got: f64, expected: f64| (got - expected).abs() < 1e-3 * size;
        let other = expected.report();
        assert!(
            close_to(report.value, value),
            "{context}: {} {value}",
            report.value
        );
        assert!(
            close_to(report.regularized_cost, other.regularized_cost),
            "{context}"
        );
        assert!(
            close_to(report.transport_cost, other.transport_cost),
            "{context}"
        );
        assert!(
            close_to(report.mass, other.mass)
                && close_to(report.epsilon * report.kl, other.epsilon * other.kl),
            "{context}"
        );

        // Into arrays whose rows are apart.
        let (f, g) = (program.room(n, 1, 1, 3), program.room(m, 1, 70, 1));
        solution.write_potentials(&f.array, &g.array).unwrap();
        let [f, g] = [f, g].map(|rows| program.read(&rows));
        let potentials = expected.potentials().unwrap();
        for (got, expected) in [(f, potentials.f), (g, potentials.g)] {
            if rho == [EXACT; 2] {
                agree(&context, &centred(got), &centred(expected));
            } else {
                agree(&context, &got, &expected);
            }
        }
        let map = program.room(n, d, 65, d + 1);
        solution.write_map(&map.array).unwrap();
        let images = centred(expected.plan().map().unwrap());
        agree(&context, &centred(program.read(&map)), &images);
        let (points, others) = (program.room(n, d, 2, 64), program.room(m, d, 0, d));
        solution.write_gradient(&points.array).unwrap();
        solution.write_gradient_target(&others.array).unwrap();
        let (of_a, of_b) = (program.room(n, 1, 0, 1), program.room(m, 1, 9, 2));
        solution
            .write_gradient_weights(&of_a.array, &of_b.array)
            .unwrap();
        let gradients = [expected.gradient(), expected.gradient_target()];
        for (gradient, points, weights) in gradients
            .into_iter()
            .zip([(points, of_a), (others, of_b)])
            .map(|(gradient, (points, weights))| (gradient.unwrap(), points, weights))
        {
            agree(&context, &program.read(&points), &gradient.points);
            agree(&context, &program.read(&weights), &gradient.weights);
        }
    }
}

fn divergences(_: &Device) {
    let truth = Device::cpu_f64();
    for (d, rho, masses) in [
        (2, [EXACT; 2], [None, Some(1.0)]),
        (3, [0.9, 0.9], [Some(1.3), Some(0.8)]),
        (1, [0.9, 2.0], [Some(1.0), None]),
    ] {
        let context = format!("d {d}, ρ {rho:?}");
        let program = Program::new(LARGE);
        let (n, m) = (220, 180);
        let (a, b) = (
            Twin::new(&program, (n, d), 1, masses[0]),
            Twin::new(&program, (m, d), 2, masses[1]),
        );
        let [single, double] = settings(2.0, rho).map(Divergence::from);
        let terms = single
            .evaluate_resident(&program.haul, &a.resident(), &b.resident())
            .unwrap();
        let expected = double.evaluate(&truth, &a.host, &b.host).unwrap();
        assert!(terms.converged(), "{context}");
        let (lower, upper) = (terms.lower_bound(), terms.upper_bound());
        assert!(
            lower <= expected.upper_bound() && expected.lower_bound() <= upper,
            "{context}: {} {lower} {upper}",
            expected.value()
        );
        let size = terms
            .report()
            .transport_cost
            .abs()
            .max(terms.report().epsilon);
        assert!(upper - lower < 5e-2 * size, "{context}: {lower}..{upper}");
        assert!(
            (terms.value() - expected.value()).abs() < 2e-3 * size,
            "{context}"
        );
        assert_eq!(terms.distance().is_some(), rho == [EXACT; 2]);
        // One of the measures may be on the host.
        let mixed = single
            .evaluate_resident(&program.haul, &a.resident(), &b.host)
            .unwrap();
        assert!(
            (mixed.value() - expected.value()).abs() < 2e-3 * size,
            "{context}"
        );

        let (points, others) = (program.room(n, d, 2, d + 3), program.room(m, d, 0, d));
        terms.write_gradient(&points.array).unwrap();
        terms.write_gradient_target(&others.array).unwrap();
        let (of_a, of_b) = (program.room(n, 1, 0, 1), program.room(m, 1, 9, 2));
        terms
            .write_gradient_weights(&of_a.array, &of_b.array)
            .unwrap();
        let [source, target] =
            [expected.gradient(), expected.gradient_target()].map(|gradient| gradient.unwrap());
        agree(&context, &program.read(&points), &source.points);
        agree(&context, &program.read(&others), &target.points);
        agree(&context, &program.read(&of_a), &source.weights);
        agree(&context, &program.read(&of_b), &target.weights);
        mixed.write_gradient(&points.array).unwrap();
        agree(&context, &program.read(&points), &source.points);
    }
}

/// Bounds hold whatever the problem is, and wherever a solve ends.
fn bounds(_: &Device) {
    let (program, truth) = (Program::new(LARGE), Device::cpu_f64());
    let mut numbers = Numbers::new(11);
    let (mut told, mut apart) = (0, 0);
    for index in 0..60 {
        let d = [1, 2, 3, 5][index % 4];
        let p = [2.0, 1.0, 1.5, 0.5][index / 4 % 4];
        let penalty = numbers.within(-2.0, 2.0).exp();
        let rho = match index % 5 {
            0..=2 => [EXACT; 2],
            3 => [penalty, 0.5 * penalty],
            _ => [EXACT, penalty],
        };
        let place = numbers.within(0.0, 9.0);
        let mut measure = |mass: f64| {
            let n = 1 + numbers.within(0.0, 40.0) as usize;
            let extent = numbers.within(-2.0, 1.0).exp();
            let coordinates = numbers.vector(n * d, place - extent, place + extent);
            let weights: Vec<f64> = (0..n).map(|_| numbers.within(-6.0, 0.0).exp()).collect();
            let sum: f64 = weights.iter().sum();
            let weights = floats(weights.iter().map(|w| mass * w / sum).collect());
            let coordinates = floats(coordinates);
            let rows = program.rows(&coordinates, d, 0, d + index % 3);
            let array = program.rows(&weights, 1, index, 2);
            let resident = ResidentMeasure::weighted(rows.array, array.array);
            (Measure::new(coordinates, d, weights).unwrap(), resident)
        };
        let ((a, of_a), (b, of_b)) = (
            measure(1.0),
            measure(if rho == [EXACT; 2] { 1.0 } else { 1.7 }),
        );
        let blur = numbers.within(-2.5, 1.5).exp();
        let settings = |blur: f64| Sinkhorn::blur(blur).p(p).rho_a(rho[0]).rho_b(rho[1]);
        // Some end long before they converge.
        let iterations = [2, 20, 2000][index % 3];
        let single = settings(blur).tolerance(1e-3).max_iterations(iterations);
        let solution = match single.solve_resident(&program.haul, &of_a, &of_b) {
            Ok(solution) => solution,
            Err(Error::NoDigits { .. } | Error::BelowFloor { .. }) => continue,
            Err(error) => panic!("{index}: {error}"),
        };
        let certificate = solution.certificate();
        let (lower, upper) = (certificate.lower_bound, certificate.upper_bound);
        let exact = |blur: f64| {
            settings(blur)
                .tolerance(1e-8)
                .solve(&truth, &a, &b)
                .unwrap()
        };
        let expected = exact(blur);
        let bounds = expected.certificate();
        let context = format!(
            "{index}: {} in {lower}..{upper}, {:?}",
            expected.value(),
            solution.report()
        );
        assert!(
            lower <= bounds.upper_bound && bounds.lower_bound <= upper,
            "{context}"
        );
        told += 1;
        let value = exact(1.05 * blur).value();
        apart += usize::from(value < lower || value > upper);
    }
    assert!(
        told > 40 && apart > told / 3,
        "{told} were solved, {apart} tell one ε from another"
    );
}

fn refusals(_: &Device) {
    let program = Program::new(LARGE);
    let good = program.rows(&points(20, 2, 1), 2, 0, 2);
    let uniform = ResidentMeasure::uniform(good.array.clone());
    let error = |measure: &ResidentMeasure<GpuArray>| -> Error {
        let solved = Sinkhorn::blur(0.5).solve_resident(&program.haul, measure, &uniform);
        solved.expect_err("an array that is none")
    };
    let of_array = |array: GpuArray| error(&ResidentMeasure::uniform(array));
    let of_engine = |error: Error| match error {
        Error::Device { source, .. } => *source.downcast::<gpu::Error>().expect("the engine's own"),
        other => panic!("{other:?}"),
    };
    let array = |rows, columns| GpuArray::new(&good.buffer, rows, columns);
    assert!(matches!(
        of_engine(of_array(array(21, 2))),
        gpu::Error::ArraySize {
            needed: 168,
            size: 160
        }
    ));
    assert!(matches!(
        of_engine(of_array(array(usize::MAX, 2))),
        gpu::Error::Limit { .. }
    ));
    assert!(matches!(
        of_engine(of_array(array(20, 2).at(2))),
        gpu::Error::ArrayAlignment {
            what: "offset",
            bytes: 2
        }
    ));
    assert!(matches!(
        of_engine(of_array(array(4, 2).with_stride(10))),
        gpu::Error::ArrayAlignment {
            what: "stride",
            bytes: 10
        }
    ));
    assert!(matches!(
        of_engine(of_array(array(4, 2).with_stride(4))),
        gpu::Error::ArrayStride { stride: 4, row: 8 }
    ));
    assert!(matches!(
        of_engine(of_array(array(4, 2).at(u64::MAX - 3))),
        gpu::Error::ArraySize { .. }
    ));
    let copied = program.buffer(160, wgpu::BufferUsages::COPY_DST);
    assert!(matches!(
        of_engine(of_array(GpuArray::new(&copied, 20, 2))),
        gpu::Error::ArrayUsage { .. }
    ));
    let other = program.beside();
    let foreign = other.rows(&points(20, 2, 1), 2, 0, 2);
    assert!(matches!(
        of_engine(of_array(foreign.array)),
        gpu::Error::ArrayDevice { .. }
    ));
    assert!(matches!(of_array(array(0, 2)), Error::EmptyCloud));
    assert!(matches!(of_array(array(4, 0)), Error::ZeroDimension));
    assert!(matches!(
        of_array(array(4, 3)),
        Error::DimensionMismatch { .. }
    ));

    // What is in the arrays.
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut coordinates = points(700, 3, 4);
        (coordinates[3 * 600 + 1], coordinates[3 * 650]) = (value, f64::NAN);
        let rows = program.rows(&coordinates, 3, 1, 5);
        let Error::NotFinitePoint {
            row: 601,
            column: 2,
            value: told,
        } = of_array(rows.array)
        else {
            panic!("{value}");
        };
        assert!(told == value || (told.is_nan() && value.is_nan()));
    }
    let weighted = |change: &dyn Fn(&mut Vec<f64>)| {
        let mut values = vec![1.0; 20];
        change(&mut values);
        let rows = program.rows(&values, 1, 2, 3);
        error(&ResidentMeasure::weighted(good.array.clone(), rows.array))
    };
    assert!(
        matches!(weighted(&|w| w[7] = -0.5), Error::BadWeight { row: 8, value } if value == -0.5)
    );
    assert!(
        matches!(weighted(&|w| w[9] = f64::NAN), Error::BadWeight { row: 10, value } if value.is_nan())
    );
    assert!(matches!(weighted(&|w| w.fill(0.0)), Error::BadMass { .. }));
    assert!(matches!(
        weighted(&|w| w.truncate(19)),
        Error::WeightsLength {
            points: 20,
            weights: 19
        }
    ));
    assert!(matches!(
        weighted(&|w| w[0] = 2.0),
        Error::UnequalMass { .. }
    ));
    let huge = program.rows(&[0.0, 1e38, 3e38, 2e38], 2, 0, 2);
    let solved = Sinkhorn::with(haul::Regularization::RelativeBlur(0.1));
    let huge = ResidentMeasure::uniform(huge.array);
    let refused = solved.solve_resident(&program.haul, &huge, &huge);
    assert!(matches!(refused.err(), Some(Error::FloatExtent { .. })));

    // Settings that need the points on the host.
    let solve = |settings: Sinkhorn| {
        settings
            .solve_resident(&program.haul, &uniform, &uniform)
            .err()
    };
    let settings = || Sinkhorn::blur(0.5);
    assert!(matches!(
        solve(settings().form(haul::Form::Scaling)),
        Some(Error::Unsupported { .. })
    ));
    assert!(matches!(
        solve(settings().start(haul::Start::Gaussian)),
        Some(Error::Unsupported { .. })
    ));
    assert!(solve(settings()).is_none());

    // And results that have no room.
    let solution = settings()
        .solve_resident(&program.haul, &uniform, &uniform)
        .unwrap();
    let short = program.room(19, 2, 0, 2);
    let written = solution.write_gradient(&short.array);
    assert!(matches!(
        written,
        Err(Error::Length {
            expected: 20,
            found: 19,
            ..
        })
    ));
    let wide = program.room(20, 3, 0, 3);
    assert!(matches!(
        solution.write_map(&wide.array),
        Err(Error::Length {
            expected: 2,
            found: 3,
            ..
        })
    ));
    let read_only = solution.write_gradient(&GpuArray::new(&copied, 20, 2));
    assert!(matches!(
        of_engine(read_only.unwrap_err()),
        gpu::Error::ArrayUsage { .. }
    ));
    // And the device still works.
    let right = program.room(20, 2, 0, 2);
    solution.write_gradient(&right.array).unwrap();
    program.read(&right);
}

fn the_host_has_no_arrays(_: &Device) {
    let program = Program::new(LARGE);
    let rows = program.rows(&[0.0, 1.0], 1, 0, 1);
    let measure = ResidentMeasure::uniform(rows.array);
    let cpu = Device::cpu();
    let solved = Sinkhorn::blur(0.1).solve_resident(&cpu, &measure, &measure);
    assert!(matches!(solved.err(), Some(Error::Unsupported { .. })));
}

fn on_one_thread(_: &Device) {
    let program = Program::new(LARGE);
    let (a, b) = (
        Twin::new(&program, (400, 2), 1, None),
        Twin::new(&program, (350, 2), 2, Some(1.0)),
    );
    let (source, target) = (a.resident(), b.resident());
    let loss = Divergence::blur(0.6);
    let room = program.room(400, 2, 0, 2);
    let (haul, mut values) = (&program.haul, Vec::new());
    let one = async {
        let terms = loss.evaluate_resident_async(haul, &source, &target).await?;
        terms.write_gradient_async(&room.array).await?;
        Ok::<_, Error>(terms.value())
    };
    let sinkhorn = Sinkhorn::blur(0.6);
    let other = sinkhorn.solve_resident_async(haul, &target, &source);
    let (one, other, under_way) = both(one, other);
    assert!(under_way > 0, "one was over before the other began");
    values.extend([one.unwrap(), other.unwrap().value()]);
    let alone = loss
        .evaluate_resident(haul, &source, &target)
        .unwrap()
        .value();
    assert_eq!(values[0].to_bits(), alone.to_bits());
    assert!(program.read(&room).iter().any(|x| *x != 0.0));
}
