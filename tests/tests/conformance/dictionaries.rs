//! Dictionaries of linear mixtures: derivatives against differences of the objective in f64, the objective at a true
//! factorisation, bounds, and the same data given in other ways.

use haul::{
    Barycenter, BarycenterKind, Device, Engine, Error, FactorGradient, Histograms,
    LinearDictionary, Measure, Precision, Result, Stop,
};
use haul_tests::clouds::{Numbers, points, weights};
use haul_tests::compare::{accept, close, number, reject};
use haul_tests::engines::Body;
use std::ops::ControlFlow;

pub const BODIES: &[(&str, Body)] = &[
    (
        "a_dictionary_is_stationary_at_a_true_factorisation",
        true_factorisation,
    ),
    (
        "derivatives_of_a_dictionary_are_differences_of_its_objective",
        derivatives,
    ),
    (
        "a_dictionary_of_one_atom_is_a_barycenter",
        one_atom_is_a_barycenter,
    ),
    ("a_monotone_dictionary_never_rises", monotone),
    (
        "a_dictionary_does_not_depend_on_how_data_are_given",
        data_in_other_ways,
    ),
    ("what_no_dictionary_can_be_of_is_refused", refusals),
];

const KINDS: [BarycenterKind; 3] = [
    BarycenterKind::Plain,
    BarycenterKind::Debiased,
    BarycenterKind::Product,
];

const BINS: usize = 14;
const EPSILON: f64 = 0.3;

/// The L1 error to which potentials converge, and a relative error of what is computed from them. Costs reach 8/0.3 ε,
/// and exponents are roundings of f32 times that.
fn precision(device: &Device) -> (f64, f64) {
    match device.precision() {
        Precision::F64 => (1e-10, 1e-8),
        Precision::F32 => (2e-5, 2e-4),
    }
}

fn support() -> Measure {
    Measure::uniform(&points(BINS, 2, 11), 2).unwrap()
}

/// Atoms and weights, rows of sum 1; some bins of the atoms are empty.
fn factors(atoms: usize, histograms: usize, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let rows = |count: usize, width, seed: u64| -> Vec<f64> {
        (0..count as u64)
            .flat_map(|k| weights(width, seed + 10 * k))
            .collect()
    };
    (
        rows(atoms, BINS, seed),
        rows(histograms, atoms, seed + 1000),
    )
}

/// ΛA.
fn mixtures((atoms, weights): &(Vec<f64>, Vec<f64>)) -> Vec<f64> {
    let count = atoms.len() / BINS;
    let mixture = |row: &[f64]| -> Vec<f64> {
        let bin = |j: usize| (0..count).map(|k| row[k] * atoms[k * BINS + j]).sum();
        (0..BINS).map(bin).collect()
    };
    weights.chunks_exact(count).flat_map(mixture).collect()
}

/// Histograms of which many bins are empty.
fn sparse(count: usize, seed: u64) -> Vec<f64> {
    let mut numbers = Numbers::new(seed);
    let mut values = numbers.vector(count * BINS, -1.0, 1.0);
    values.iter_mut().for_each(|value| *value = value.max(0.0));
    // No row is empty.
    values
        .iter_mut()
        .step_by(BINS)
        .for_each(|value| *value += 0.1);
    values
}

fn gradient(
    device: &Device,
    kind: BarycenterKind,
    data: &[f64],
    (atoms, weights): &(Vec<f64>, Vec<f64>),
) -> FactorGradient {
    let data = Histograms::dense(BINS, data).unwrap();
    LinearDictionary::epsilon(EPSILON)
        .kind(kind)
        .gradient(
            device,
            &support(),
            &data,
            (atoms, weights),
            precision(device).0,
        )
        .unwrap()
}

/// S_ε of data ΛA is 0 at Λ and A, and both derivatives are constants.
fn true_factorisation(device: &Device) {
    let truth = factors(2, 5, 20);
    let data = mixtures(&truth);
    let allowed = 5.0 * EPSILON * precision(device).1;
    let spread = |gradient: &[f64], width: usize| -> f64 {
        let of_row = |row: &[f64]| {
            let ends = row
                .iter()
                .fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], v| {
                    [low.min(*v), high.max(*v)]
                });
            ends[1] - ends[0]
        };
        gradient.chunks_exact(width).map(of_row).fold(0.0, f64::max)
    };
    let check = |gradient: &FactorGradient| -> [std::result::Result<(), String>; 3] {
        [
            number("objective", gradient.objective, 0.0, allowed),
            number("weights", spread(&gradient.weights, 2), 0.0, allowed),
            number("atoms", spread(&gradient.atoms, BINS), 0.0, 30.0 * allowed),
        ]
    };
    let at_truth = gradient(device, BarycenterKind::Debiased, &data, &truth);
    for verdict in check(&at_truth) {
        accept("truth", verdict);
    }
    let others = factors(2, 5, 21);
    for verdict in check(&gradient(device, BarycenterKind::Debiased, &data, &others)) {
        reject("others", verdict);
    }
    // The loss of a plan alone is not 0 there.
    let biased = gradient(device, BarycenterKind::Product, &data, &truth);
    assert!(biased.objective > 0.1, "{biased:?}");
    // A fit that starts there with those weights ends there.
    let histograms = Histograms::dense(BINS, &data).unwrap();
    let fit = LinearDictionary::epsilon(EPSILON)
        .initial_atoms(&truth.0)
        .max_steps(40)
        .fit(device, &support(), &histograms)
        .unwrap();
    let report = fit.report();
    assert!(report.objective < 0.02 * biased.objective, "{report:?}");
    assert!(
        report.weights_gap >= 0.0 && report.atoms_gap >= 0.0,
        "{report:?}"
    );
    let masses = fit
        .atoms()
        .chunks_exact(BINS)
        .chain(fit.weights().chunks_exact(2));
    for row in masses {
        accept("mass", number("mass", row.iter().sum(), 1.0, 1e-12));
    }
    assert_eq!(fit.atom(1).unwrap().weights(), &fit.atoms()[BINS..]);
    assert!(fit.atom(2).is_err());
}

/// A change of atoms and weights by a step.
type Change<'c> = &'c dyn Fn(&mut (Vec<f64>, Vec<f64>), f64);

/// Directional derivatives along moves of mass between two bins of an atom, and between two weights.
fn derivatives(device: &Device) {
    const STEP: f64 = 1e-4;
    let data = sparse(4, 5);
    let at = factors(3, 4, 40);
    let reference = Device::cpu_f64();
    for kind in KINDS {
        let got = gradient(device, kind, &data, &at);
        let objective = |change: Change<'_>, step: f64| {
            let mut moved = at.clone();
            change(&mut moved, step);
            gradient(&reference, kind, &data, &moved).objective
        };
        let slope = |change: Change<'_>| {
            (objective(change, STEP) - objective(change, -STEP)) / (2.0 * STEP)
        };
        let of_atoms = slope(&|(atoms, _), step| {
            atoms[BINS + 1] += step;
            atoms[BINS + 6] -= step;
        });
        let of_weights = slope(&|(_, weights), step| {
            weights[6] += step;
            weights[8] -= step;
        });
        let slopes = [of_atoms, of_weights];
        let from = [
            got.atoms[BINS + 1] - got.atoms[BINS + 6],
            got.weights[6] - got.weights[8],
        ];
        // Differences have errors of second order in the step, gradients those of potentials.
        let allowed = 1e-5 + 10.0 * precision(device).1;
        accept(kind.name(), close(&from, &slopes, |_| allowed));
        reject(
            kind.name(),
            close(&[from[1], from[0]], &slopes, |_| allowed),
        );
    }
}

/// A dictionary of one atom minimises N times the objective of a barycenter with equal λ.
fn one_atom_is_a_barycenter(device: &Device) {
    let data = sparse(3, 8);
    let support = support();
    let inputs: Vec<Measure> = data
        .chunks_exact(BINS)
        .map(|row| support.clone().with_weights(row).unwrap().normalized())
        .collect();
    let histograms = Histograms::dense(BINS, &data).unwrap();
    for kind in [BarycenterKind::Plain, BarycenterKind::Product] {
        let average = Barycenter::epsilon(EPSILON)
            .kind(kind)
            .tolerance(1e-4)
            .max_iterations(100)
            .solve_on(device, &support, &inputs)
            .unwrap();
        let fit = LinearDictionary::epsilon(EPSILON)
            .kind(kind)
            .atoms(1)
            .tolerance(1e-4)
            .bounded()
            .fit(device, &support, &histograms)
            .unwrap();
        let report = fit.report();
        let bounds = report.bounds.unwrap();
        let optimum = average.report().bounds;
        let slack = 0.01 * EPSILON;
        let holds = |upper: f64| match upper >= 3.0 * optimum.lower
            && bounds.lower <= 3.0 * optimum.upper + slack
        {
            true => Ok(()),
            false => Err(format!("{bounds:?}, an average {optimum:?}")),
        };
        accept(kind.name(), holds(bounds.upper));
        reject(
            kind.name(),
            holds(0.9 * bounds.lower.min(3.0 * optimum.lower)),
        );
        assert!(
            bounds.lower - slack <= report.objective && report.objective <= bounds.upper + slack,
            "{report:?}"
        );
    }
}

/// The objectives of each step of a fit.
fn path(device: &Device, settings: &LinearDictionary) -> Vec<f64> {
    let data = Histograms::dense(BINS, &sparse(6, 60)).unwrap();
    let mut path = Vec::new();
    settings
        .fit_observed(device, &support(), &data, |progress| {
            path.push(progress.objective);
            ControlFlow::Continue(())
        })
        .unwrap();
    path
}

fn monotone(device: &Device) {
    let rounding = EPSILON * precision(device).1;
    let falls = |path: &[f64]| match path.windows(2).find(|pair| pair[1] > pair[0] + rounding) {
        None => Ok(()),
        Some(pair) => Err(format!("{} after {}", pair[1], pair[0])),
    };
    let settings = LinearDictionary::epsilon(EPSILON).atoms(2).max_steps(25);
    let path = path(device, &settings.monotone(2.0 * EPSILON));
    accept("steps", falls(&path));
    let back: Vec<f64> = path.iter().rev().copied().collect();
    reject("steps", falls(&back));
}

fn data_in_other_ways(device: &Device) {
    let values = sparse(5, 70);
    let dense = Histograms::dense(BINS, &values).unwrap();
    let mut rows = (vec![0], Vec::new(), Vec::new());
    for row in values.chunks_exact(BINS) {
        for (bin, value) in row.iter().enumerate().rev().filter(|(_, v)| **v > 0.0) {
            rows.1.push(bin);
            rows.2.push(3.0 * value);
        }
        rows.0.push(rows.1.len());
    }
    let compressed = Histograms::csr(BINS, &rows.0, &rows.1, &rows.2).unwrap();
    let support = support();
    let settings = LinearDictionary::epsilon(EPSILON)
        .atoms(2)
        .max_steps(6)
        .tolerance(1e-9);
    let expected = settings.fit(device, &support, &dense).unwrap();
    let allowed = 0.1 * precision(device).1;
    let same = |got: &[f64]| close(got, expected.weights(), |_| allowed);
    let got = settings.fit(device, &support, &compressed).unwrap();
    accept("compressed", same(got.weights()));
    let parts = settings.clone().columns(2).fit(device, &support, &dense);
    // Updates of all histograms of a pass are accelerated together, so that the steps of other passes differ.
    let near = |got: &[f64]| close(got, expected.weights(), |_| 0.1);
    accept("columns", near(parts.unwrap().weights()));
    let other = settings
        .clone()
        .seed(1)
        .fit(device, &support, &dense)
        .unwrap();
    reject("another seed", same(other.weights()));

    // Half of the steps, saved, and the other half.
    let half = settings
        .clone()
        .max_steps(3)
        .fit(device, &support, &dense)
        .unwrap();
    let go_on = |_: &haul::DictionaryProgress<'_>| ControlFlow::Continue(());
    let resumed = settings
        .resume(device, &support, &dense, half.state().clone(), go_on)
        .unwrap();
    assert_eq!(resumed.report().steps, 6);
    // Potentials are updated once more where it resumes, so that the steps differ, and the objective is as good.
    let objectives = [&half, &resumed, &expected].map(|fit| fit.report().objective);
    let as_good =
        |objective: f64| number("objective", objective, objectives[2], 0.2 * objectives[2]);
    accept("resumed", as_good(objectives[1]));
    reject("resumed", as_good(objectives[0]));
    // A step of two of five histograms is two fifths of a step.
    let batches = settings
        .clone()
        .minibatch(2)
        .max_steps(20)
        .fit(device, &support, &dense)
        .unwrap();
    // Atoms go after each part in turn: the objective falls, and stays above that of steps for all.
    let first = settings.clone().max_steps(0).fit(device, &support, &dense);
    let [first, reached, least] =
        [&first.unwrap(), &batches, &expected].map(|fit| fit.report().objective);
    assert!(
        least < reached && reached < 0.5 * first,
        "{first}, {reached}, {least}"
    );
}

fn refusals(device: &Device) {
    let support = support();
    let data = Histograms::dense(BINS, &sparse(3, 70)).unwrap();
    let settings = LinearDictionary::epsilon(EPSILON).atoms(2);
    let fit = |settings: LinearDictionary| settings.fit(device, &support, &data);
    assert!(fit(settings.clone().max_steps(0)).is_ok());
    for wrong in [
        settings.clone().atoms(0),
        settings.clone().atoms(4),
        settings.clone().columns(0),
        settings.clone().minibatch(0),
        settings.clone().step_size(-1.0),
        settings.clone().tolerance(f64::NAN),
        settings.clone().monotone(0.0),
    ] {
        let error = fit(wrong.clone()).err();
        assert!(
            matches!(error, Some(Error::BadParameter { .. })),
            "{wrong:?}"
        );
    }
    let short = fit(settings.clone().initial_atoms(&[1.0; BINS + 1]));
    assert!(matches!(short, Err(Error::Length { .. })));
    let mut negative = vec![1.0; 2 * BINS];
    negative[BINS] = -1.0;
    let error = fit(settings.clone().initial_atoms(&negative)).err();
    assert!(matches!(error, Some(Error::Input { index: 2, .. })));
    let narrow = Histograms::dense(BINS - 1, &[1.0; BINS - 1]).unwrap();
    let error = settings.fit(device, &support, &narrow).err();
    assert!(matches!(error, Some(Error::Length { .. })));
    let abandoned: Result<_> = settings.fit_observed(device, &support, &data, |_| {
        ControlFlow::Break(Stop::Abandon)
    });
    assert!(matches!(abandoned, Err(Error::Interrupted)));
}
