//! Barycentric coordinates: known ones come back, derivatives against differences and against each other, and what is
//! refused.
//!
//! Differences are taken in f64 on the CPU; other engines are compared with its derivatives.

use haul::{
    Barycenter, BarycenterKind, BarycentricDictionary, Coordinates, CoordinatesLoss, Device,
    Engine, Error, Grid, Measure, PointsGradient, Precision, Reconstruction,
    ReconstructionGradient, Stop,
};
use haul_tests::clouds::{Numbers, measure, points};
use haul_tests::compare::{accept, close, number, reject};
use haul_tests::engines::Body;
use std::ops::ControlFlow;

pub const BODIES: &[(&str, Body)] = &[
    (
        "coordinates_of_barycenters_come_back",
        barycenters_come_back,
    ),
    (
        "every_loss_is_least_at_the_coordinates_of_the_target",
        every_loss,
    ),
    (
        "derivatives_of_reconstructions_are_differences",
        derivatives_are_differences,
    ),
    (
        "implicit_derivatives_are_those_of_many_iterations",
        implicit_derivatives,
    ),
    (
        "reconstructions_on_grids_are_those_of_their_points",
        grids_and_clouds,
    ),
    ("dictionaries_find_atoms_of_their_data", dictionaries),
    ("what_has_no_coordinates_is_refused", refusals),
];

const EPSILON: f64 = 0.3;

/// A smaller ε for fits: the more barycenters are blurred, the less they tell their coordinates.
const SHARP: f64 = 0.08;

fn is_double(device: &Device) -> bool {
    device.precision() == Precision::F64
}

/// A support, and atoms of which one is on the support and two are on points of their own.
fn clouds() -> (Measure, Vec<Measure>) {
    let support = Measure::uniform(&points(30, 2, 50), 2).unwrap();
    let mut weights = Numbers::new(51).vector(30, 0.1, 1.0);
    weights[4] = 0.0;
    let first = support.clone().with_weights(&weights).unwrap().normalized();
    let others = [(25, 52), (20, 53)].map(|(n, seed)| measure(n, 2, seed));
    let [second, third] = others.map(Measure::normalized);
    (support, vec![first, second, third])
}

/// Three bumps on a small grid.
fn grids() -> (Measure, Vec<Measure>) {
    let grid = Grid::new(&[9, 8], &[0.2, 0.25], &[-0.8, -0.9]).unwrap();
    let bump = |[x, y]: [f64; 2]| {
        let weight = |i: usize| {
            let p = grid.point(i);
            let square = (p[0] - x).powi(2) + (p[1] - y).powi(2);
            // Far bins are empty.
            if square < 0.9 {
                (-square / 0.1).exp()
            } else {
                0.0
            }
        };
        let weights = (0..grid.len()).map(weight).collect();
        Measure::grid(grid.clone(), weights).unwrap().normalized()
    };
    let atoms = [[-0.6, -0.5], [0.5, -0.3], [0.0, 0.6]].map(bump);
    let support = atoms[0]
        .clone()
        .with_weights(&vec![1.0; grid.len()])
        .unwrap();
    (support, atoms.to_vec())
}

/// The plain barycenter at λ, in f64.
fn barycenter(support: &Measure, atoms: &[Measure], lambda: &[f64]) -> Measure {
    let settings = Barycenter::epsilon(SHARP).kind(BarycenterKind::Plain);
    let settings = settings.lambda(lambda).tolerance(1e-10);
    let average = settings
        .solve_on(&Device::cpu_f64(), support, atoms)
        .unwrap();
    assert!(average.report().converged);
    average.measure().clone()
}

fn settings(device: &Device) -> Coordinates {
    Coordinates::epsilon(SHARP).tolerance(if is_double(device) { 1e-7 } else { 1e-4 })
}

fn barycenters_come_back(device: &Device) {
    let allowed = if is_double(device) { 1e-4 } else { 1e-2 };
    for (support, atoms) in [clouds(), grids()] {
        let truth = [0.15, 0.6, 0.25];
        let target = barycenter(&support, &atoms, &truth);
        let mut seen = Vec::new();
        let found = settings(device)
            .lambda_tolerance(allowed)
            .of_observed(device, &target, &atoms, |progress| {
                seen.push(progress.value);
                ControlFlow::Continue(())
            })
            .unwrap();
        let report = found.report();
        accept("λ", close(found.lambda(), &truth, |_| allowed));
        reject("λ", close(found.lambda(), &[0.25, 0.5, 0.25], |_| allowed));
        assert!(report.converged && report.evaluations < 25, "{report:?}");
        assert!(report.value < 1e-3 * seen[0], "{report:?}");
        // The derivative at the start is far from 0, at the end it is near.
        let start = [1.0 / 3.0; 3];
        let first = settings(device)
            .reconstruction(device, &support, &atoms, &start)
            .unwrap();
        let first = first
            .gradient(&difference(first.measure(), &target))
            .unwrap();
        let norm = first.lambda.iter().map(|g| g * g).sum::<f64>().sqrt();
        assert!(report.gradient_norm < 0.1 * norm, "{report:?} {norm}");
        // The projection is the target, and its bounds are those of a barycenter.
        let bins = 4.0 * allowed / target.len() as f64;
        accept(
            "projection",
            close(found.measure().weights(), target.weights(), |_| bins),
        );
        reject(
            "projection",
            close(first_atom_on(&support, &atoms), target.weights(), |_| bins),
        );
        let bounds = found.barycenter().report().bounds;
        assert!(
            bounds.lower <= bounds.upper && report.gap < 1e-2 * SHARP,
            "{bounds:?}"
        );
    }
}

/// Weights on the support that are no barycenter of all atoms.
fn first_atom_on<'m>(support: &Measure, atoms: &'m [Measure]) -> &'m [f64] {
    assert_eq!(support.len(), atoms[0].len());
    atoms[0].weights()
}

fn difference(b: &Measure, q: &Measure) -> Vec<f64> {
    let pairs = b.weights().iter().zip(q.weights());
    pairs.map(|(b, q)| b - q).collect()
}

fn every_loss(device: &Device) {
    let (support, atoms) = grids();
    let truth = [0.5, 0.2, 0.3];
    let target = barycenter(&support, &atoms, &truth);
    for loss in [
        CoordinatesLoss::L2,
        CoordinatesLoss::Kl,
        CoordinatesLoss::ReverseKl,
        CoordinatesLoss::TotalVariation,
        CoordinatesLoss::Wasserstein,
    ] {
        let settings = settings(device).loss(loss).max_evaluations(60);
        let found = settings.of(device, &target, &atoms).unwrap();
        let (report, allowed) = (found.report(), 2e-2);
        accept(loss.name(), close(found.lambda(), &truth, |_| allowed));
        reject(
            loss.name(),
            close(found.lambda(), &[0.4, 0.3, 0.3], |_| allowed),
        );
        // The derivative that is reported is the one of differences of the loss.
        if loss == CoordinatesLoss::TotalVariation || !is_double(device) {
            continue;
        }
        let at = |lambda: [f64; 3]| {
            let settings = settings.clone().start(&lambda).max_evaluations(1);
            settings
                .gradient_tolerance(1e-8)
                .of(device, &target, &atoms)
                .unwrap()
        };
        let (step, lambda) = (1e-4, [0.3, 0.3, 0.4]);
        let moved = |h: f64| at([lambda[0] + h, lambda[1] - h, lambda[2]]).report().value;
        let expected = (moved(step) - moved(-step)) / (2.0 * step);
        let gradient = at(lambda).report().gradient.clone();
        let (got, allowed) = (gradient[0] - gradient[1], 1e-3 * expected.abs());
        accept(loss.name(), number("slope", got, expected, allowed));
        reject(loss.name(), number("slope", -got, expected, allowed));
        assert!(report.evaluations < 60, "{report:?}");
    }
}

/// A function of a barycenter: Σ cᵢ bᵢ + ½ Σ cᵢ bᵢ² n.
struct Function(Vec<f64>);

impl Function {
    fn of(n: usize) -> Self {
        Self(Numbers::new(60).vector(n, -1.0, 1.0))
    }

    fn value(&self, b: &[f64]) -> f64 {
        let n = b.len() as f64;
        let terms = self.0.iter().zip(b);
        terms.map(|(c, b)| c * b + 0.5 * n * c * b * b).sum()
    }

    fn slope(&self, b: &[f64]) -> Vec<f64> {
        let n = b.len() as f64;
        self.0.iter().zip(b).map(|(c, b)| c + n * c * b).collect()
    }
}

const LAMBDA: [f64; 3] = [0.5, 0.2, 0.3];

/// The derivatives of the function at LAMBDA.
fn derivatives(
    settings: &Coordinates,
    device: &Device,
    (support, atoms): &(Measure, Vec<Measure>),
) -> (ReconstructionGradient, PointsGradient) {
    let found: Reconstruction<&Device> = settings
        .reconstruction(device, support, atoms, &LAMBDA)
        .unwrap();
    let slope = Function::of(support.len()).slope(found.measure().weights());
    (
        found.gradient(&slope).unwrap(),
        found.gradient_points(&slope).unwrap(),
    )
}

/// Values + h times a direction.
fn shifted(values: &[f64], direction: &[f64], h: f64) -> Vec<f64> {
    values
        .iter()
        .zip(direction)
        .map(|(v, d)| v + h * d)
        .collect()
}

fn dot(v: &[f64], w: &[f64]) -> f64 {
    v.iter().zip(w).map(|(v, w)| v * w).sum()
}

/// The derivatives of settings against central differences, on the CPU in f64.
fn check_differences(settings: &Coordinates, keeps_mass: bool) {
    let device = Device::cpu_f64();
    let data = clouds();
    let (support, atoms) = &data;
    let (gradient, by_points) = derivatives(settings, &device, &data);
    let function = Function::of(support.len());
    let value = |support: &Measure, atoms: &[Measure], lambda: &[f64]| {
        let found = settings.reconstruction(&device, support, atoms, lambda);
        function.value(found.unwrap().measure().weights())
    };
    let check = |what: &str, got: f64, at: &dyn Fn(f64) -> f64| {
        let h = 1e-4;
        let expected = (at(h) - at(-h)) / (2.0 * h);
        let allowed = 1e-5 * expected.abs() + 1e-7;
        accept(what, number("derivative", got, expected, allowed));
        reject(
            what,
            number("derivative", 1.1 * got + 1e-3, expected, allowed),
        );
    };
    let along = [0.3, -0.7, 0.4];
    check("λ", dot(&gradient.lambda, &along), &|h| {
        value(support, atoms, &shifted(&LAMBDA, &along, h))
    });
    let moved = |points: &Measure, direction: &[f64], h: f64| {
        let coordinates = shifted(points.points(), direction, h);
        Measure::new(coordinates, 2, points.weights().to_vec()).unwrap()
    };
    let along = Numbers::new(61).vector(60, -1.0, 1.0);
    check("support", dot(&by_points.support, &along), &|h| {
        value(&moved(support, &along, h), atoms, &LAMBDA)
    });
    for s in 0..2 {
        let n = atoms[s].len();
        let with = |atom: Measure| {
            let mut atoms = atoms.clone();
            atoms[s] = atom;
            atoms
        };
        let along = Numbers::new(62).vector(2 * n, -1.0, 1.0);
        check("atom's points", dot(&by_points.atoms[s], &along), &|h| {
            value(support, &with(moved(&atoms[s], &along, h)), &LAMBDA)
        });
        // Changes that keep the mass, and leave empty bins empty.
        let mut along = Numbers::new(63).vector(n, -1.0, 1.0);
        for (along, weight) in along.iter_mut().zip(atoms[s].weights()) {
            *along *= weight;
        }
        let mass: f64 = along.iter().sum();
        let along = shifted(&along, atoms[s].weights(), -mass);
        check("atom's weights", dot(&gradient.atoms[s], &along), &|h| {
            let weights = shifted(atoms[s].weights(), &along, h);
            let atom = atoms[s].clone().with_weights(&weights).unwrap();
            value(support, &with(atom), &LAMBDA)
        });
    }
    // One entry of the first atom is 0: from there weights only grow.
    let h = 1e-6;
    let grown = |h: f64| {
        let mut weights = atoms[0].weights().to_vec();
        weights[4] += h;
        weights[5] -= h;
        let atom = atoms[0].clone().with_weights(&weights).unwrap();
        value(
            support,
            &[vec![atom], atoms[1..].to_vec()].concat(),
            &LAMBDA,
        )
    };
    let expected = (grown(h) - grown(0.0)) / h;
    let got = gradient.atoms[0][4] - gradient.atoms[0][5];
    let allowed = 1e-3 * expected.abs() + 1e-4;
    accept("empty bin", number("derivative", got, expected, allowed));
    reject("empty bin", number("derivative", -got, expected, allowed));
    assert!(keeps_mass || gradient.residual == 0.0);
}

/// The derivatives of an engine against those of the CPU in f64.
fn agree(device: &Device, settings: &Coordinates, exact: &Coordinates, share: f64) {
    let data = clouds();
    let (got, got_points) = derivatives(settings, device, &data);
    let (expected, expected_points) = derivatives(exact, &Device::cpu_f64(), &data);
    let compare = |what: &str, got: &[f64], expected: &[f64]| {
        let largest = expected.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
        accept(what, close(got, expected, |_| share * largest));
        let wrong = shifted(got, &vec![largest; got.len()], 3.0 * share);
        reject(what, close(&wrong, expected, |_| share * largest));
    };
    compare("λ", &got.lambda, &expected.lambda);
    compare("support", &got_points.support, &expected_points.support);
    for (got, expected) in got_points.atoms.iter().zip(&expected_points.atoms) {
        compare("atom's points", got, expected);
    }
    for (got, expected) in got.atoms.iter().zip(&expected.atoms) {
        compare("atom's weights", &centred(got), &centred(expected));
    }
}

fn centred(values: &[f64]) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| value - mean).collect()
}

/// Settings of a converged barycenter with many digits.
fn exact() -> Coordinates {
    Coordinates::epsilon(EPSILON)
        .tolerance(1e-11)
        .gradient_tolerance(1e-10)
}

fn derivatives_are_differences(device: &Device) {
    let truncated = Coordinates::epsilon(EPSILON).iterations(4);
    let implicit = Coordinates::epsilon(EPSILON)
        .tolerance(1e-5)
        .gradient_tolerance(1e-4);
    if is_double(device) {
        check_differences(&truncated, false);
        check_differences(&exact(), true);
    } else {
        agree(device, &truncated, &truncated, 5e-3);
        // A barycenter has more digits than its derivatives.
        agree(device, &implicit, &exact(), 3e-2);
    }
}

fn implicit_derivatives(device: &Device) {
    // Differences of steps shrink by a constant factor: after enough of them nothing is left.
    let (many, few) = if is_double(device) { (150, 3) } else { (60, 3) };
    let share = if is_double(device) { 1e-6 } else { 5e-3 };
    let truncated = Coordinates::epsilon(EPSILON).iterations(many);
    agree(device, &truncated, &exact(), share);
    let data = clouds();
    let of = |settings: Coordinates| derivatives(&settings, device, &data).0.lambda;
    let early = of(Coordinates::epsilon(EPSILON).iterations(few));
    let late = of(Coordinates::epsilon(EPSILON).iterations(many));
    let largest = late.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
    reject("few steps", close(&early, &late, |_| 5e-3 * largest));
}

fn grids_and_clouds(device: &Device) {
    let (support, atoms) = grids();
    let cloud = |measure: &Measure| {
        Measure::new(measure.points().to_vec(), 2, measure.weights().to_vec()).unwrap()
    };
    let clouds: Vec<Measure> = atoms.iter().map(cloud).collect();
    let (tolerance, residual) = if is_double(device) {
        (1e-11, 1e-10)
    } else {
        (2e-5, 1e-4)
    };
    let settings = Coordinates::epsilon(SHARP);
    let truncated = settings.clone().iterations(5);
    let converged = settings.tolerance(tolerance).gradient_tolerance(residual);
    // Loops may end an iteration apart, and derivatives have fewer digits than barycenters.
    let shares = if is_double(device) {
        [1e-9, 1e-7]
    } else {
        [5e-3, 5e-2]
    };
    for (settings, share) in [truncated, converged].into_iter().zip(shares) {
        let slope = Function::of(support.len()).slope(atoms[1].weights());
        let of = |support: &Measure, atoms: &[Measure]| {
            let found = settings
                .reconstruction(device, support, atoms, &LAMBDA)
                .unwrap();
            let gradient = found.gradient(&slope).unwrap();
            (found.measure().weights().to_vec(), gradient)
        };
        let (b, gradient) = of(&support, &atoms);
        let (expected_b, expected) = of(&cloud(&support), &clouds);
        let compare = |what: &str, got: &[f64], expected: &[f64]| {
            let largest = expected.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
            accept(what, close(got, expected, |_| share * largest));
            let wrong = shifted(got, &vec![largest; got.len()], 3.0 * share);
            reject(what, close(&wrong, expected, |_| share * largest));
        };
        compare("b", &b, &expected_b);
        compare("λ", &gradient.lambda, &expected.lambda);
        // At empty bins of a truncated barycenter they have the size of exponentials.
        let of_atoms = |gradient: &ReconstructionGradient| -> Vec<f64> {
            let atoms = gradient.atoms.iter().zip(&atoms);
            let weighted = atoms.flat_map(|(g, a)| {
                let mean = dot(g, a.weights());
                g.iter().zip(a.weights()).map(move |(g, w)| w * (g - mean))
            });
            weighted.collect()
        };
        compare("atoms", &of_atoms(&gradient), &of_atoms(&expected));
    }
}

fn dictionaries(device: &Device) {
    let (support, atoms) = grids();
    let lambda = [
        [0.7, 0.2, 0.1],
        [0.1, 0.7, 0.2],
        [0.2, 0.1, 0.7],
        [0.4, 0.4, 0.2],
    ];
    let data: Vec<f64> = lambda
        .iter()
        .flat_map(|lambda| barycenter(&support, &atoms, lambda).weights().to_vec())
        .collect();
    let settings = BarycentricDictionary::from(Coordinates::epsilon(SHARP).iterations(5));
    let found = settings
        .clone()
        .max_steps(6)
        .learn(device, &support, &data)
        .unwrap();
    let report = found.report();
    assert!(report.objective < 0.5 * report.first, "{report:?}");
    accept(
        "objective",
        number(
            "Σ terms",
            report.terms.iter().sum(),
            report.objective,
            1e-12,
        ),
    );
    for row in found.weights().chunks_exact(3) {
        accept("λ", number("Σ λ", row.iter().sum(), 1.0, 1e-12));
    }
    // The objective of the result is the one that its factors have.
    let factors: Vec<f64> = found
        .atoms()
        .iter()
        .flat_map(|a| a.weights().to_vec())
        .collect();
    let again = settings
        .gradient(device, &support, &data, (&factors, found.weights()))
        .unwrap();
    let allowed = 1e-3 * report.first;
    accept(
        "objective",
        number("again", again.objective, report.objective, allowed),
    );
    let even = vec![1.0 / 3.0; 12];
    let other = settings
        .gradient(device, &support, &data, (&factors, &even))
        .unwrap();
    reject(
        "objective",
        number("other λ", other.objective, report.objective, allowed),
    );
}

fn refusals(device: &Device) {
    let (support, atoms) = grids();
    let target = barycenter(&support, &atoms, &LAMBDA);
    let told = |settings: Coordinates, target: &Measure, atoms: &[Measure]| {
        settings.of(device, target, atoms).err().unwrap()
    };
    let heavy = support
        .clone()
        .with_weights(&vec![1.0; support.len()])
        .unwrap();
    let error = told(settings(device), &heavy, &atoms);
    assert!(matches!(error, Error::UnequalMass { .. }), "{error}");
    let error = told(settings(device), &measure(9, 3, 1).normalized(), &atoms);
    assert!(matches!(error, Error::DimensionMismatch { .. }), "{error}");
    let error = told(settings(device), &target, &[]);
    assert!(matches!(error, Error::EmptyCloud), "{error}");
    let error = told(
        settings(device).loss(CoordinatesLoss::Kl),
        &atoms[0],
        &atoms,
    );
    assert!(matches!(error, Error::EmptyBin { .. }), "{error}");
    for (settings, name) in [
        (settings(device).iterations(0), "iterations"),
        (settings(device).max_evaluations(0), "max_evaluations"),
        (settings(device).lambda_tolerance(0.0), "lambda_tolerance"),
        (
            settings(device).gradient_tolerance(f64::NAN),
            "gradient_tolerance",
        ),
        (settings(device).start(&[0.5, 0.5, 0.0]), "start"),
    ] {
        let error = told(settings, &target, &atoms);
        let named = matches!(error, Error::BadParameter { name: found, .. } if found == name);
        assert!(named, "{name}: {error}");
    }
    let found = settings(device)
        .iterations(2)
        .reconstruction(device, &support, &atoms, &LAMBDA);
    let found = found.unwrap();
    assert!(matches!(found.gradient(&[1.0]), Err(Error::Length { .. })));
    let slope = vec![1.0; support.len()];
    let error = found.gradient_points(&slope).err().unwrap();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    let stopped = settings(device).of_observed(device, &target, &atoms, |_| {
        ControlFlow::Break(Stop::Abandon)
    });
    assert!(matches!(stopped, Err(Error::Interrupted)));
    let dictionary = BarycentricDictionary::blur(0.5).atoms(4);
    let error = dictionary
        .learn(device, &support, target.weights())
        .err()
        .unwrap();
    assert!(
        matches!(error, Error::BadParameter { name: "atoms", .. }),
        "{error}"
    );
    let error = dictionary
        .learn(device, &support, &[1.0, 2.0])
        .err()
        .unwrap();
    assert!(matches!(error, Error::Length { .. }), "{error}");
}
