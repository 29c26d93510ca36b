//! Coordinates and dictionaries: histograms as mixtures of others.

use crate::average::{self, Average};
use crate::device::Device;
use crate::error::{self, Error};
use crate::measure::{Measure, matrix, shape};
use crate::report;
use crate::run::Run;
use crate::settings::{Settings, kind};
use haul::{
    BarycentricDictionary, BarycentricProgress, Coordinates, CoordinatesLoss, CoordinatesProgress,
    DictionaryProgress, Histograms, LinearDictionary,
};
use numpy::{PyArray2, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The loss of a name.
fn loss(name: &str) -> PyResult<CoordinatesLoss> {
    let losses = [
        CoordinatesLoss::L2,
        CoordinatesLoss::Kl,
        CoordinatesLoss::ReverseKl,
        CoordinatesLoss::TotalVariation,
        CoordinatesLoss::Wasserstein,
    ];
    losses
        .into_iter()
        .find(|known| known.name() == name)
        .ok_or_else(|| {
            Error::new_err(format!(
                "loss is {name:?}; it must be \"l2\", \"kl\", \"reverse-kl\", \"total-variation\" or \"wasserstein\""
            ))
        })
}

/// The loss, the fixed number of iterations of a barycenter, and the tolerance of λ.
type Projected = (String, Option<usize>, f64);

fn posed(settings: &Settings<'_>, (name, iterations, _): &Projected) -> PyResult<Coordinates> {
    let coordinates = Coordinates::with(settings.regularization()?)
        .p(settings.p())
        .loss(loss(name)?)
        .tolerance(settings.tolerance());
    Ok(match iterations {
        Some(iterations) => coordinates.iterations(*iterations),
        None => coordinates,
    })
}

/// The weights of the average of atoms that is nearest to a target, and that average.
#[pyfunction]
pub(crate) fn coordinates<'py>(
    py: Python<'py>,
    device: &Bound<'py, Device>,
    measures: (Bound<'py, Measure>, Vec<Bound<'py, Measure>>),
    objective: Projected,
    start: (usize, Option<Vec<f64>>),
    settings: Settings<'py>,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Bound<'py, PyDict>, Average)> {
    let (target, atoms) = measures;
    let target = &target.get().inner;
    let atoms: Vec<_> = atoms.iter().map(|atom| atom.get().inner.clone()).collect();
    let (max_evaluations, lambda) = start;
    let goal = objective.2;
    let mut coordinates = posed(&settings, &objective)?
        .max_iterations(settings.max_iterations())
        .lambda_tolerance(goal)
        .max_evaluations(max_evaluations);
    if let Some(lambda) = lambda {
        coordinates = coordinates.start(&lambda);
    }
    let support = target.clone().with_weights(&vec![1.0; target.len()]);
    let support = support.map_err(error::of)?;
    let precision = average::precision(device.get(), &support, &atoms, &settings)?;
    let engine = device.get().open(py, precision)?;
    let run = Run::on(&engine);
    let projection = run.work(py, || {
        let mut teller = run.teller(progress.as_ref());
        coordinates.of_observed(
            engine.clone(),
            target,
            &atoms,
            |state: &CoordinatesProgress| {
                teller.tell((state.evaluation, state.step, goal, state.seconds))
            },
        )
    })?;
    let inner = projection.barycenter().clone();
    let report = report::of_coordinates(py, projection.report())?;
    Ok((report, Average { inner }))
}

/// A report, the atoms, K×n, and the weights, N×K.
type Learned<'py> = (
    Bound<'py, PyDict>,
    Bound<'py, PyArray2<f64>>,
    Bound<'py, PyArray2<f64>>,
);

/// A dictionary of linear mixtures: `learning` has the loss, the number of atoms, the seed, the tolerance, the number of
/// histograms that a step is taken after, and whether there are bounds.
#[pyfunction]
pub(crate) fn linear_dictionary<'py>(
    py: Python<'py>,
    device: &Bound<'py, Device>,
    support: &Bound<'py, Measure>,
    data: PyReadonlyArray2<'py, f64>,
    learning: (String, usize, u64, f64, Option<usize>, bool),
    settings: Settings<'py>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Learned<'py>> {
    let support = &support.get().inner;
    let (_, bins) = shape(&data);
    let data = Histograms::dense(bins, data.as_slice()?).map_err(error::of)?;
    let (loss, atoms, seed, tolerance, minibatch, bounded) = learning;
    let mut dictionary = LinearDictionary::with(settings.regularization()?)
        .p(settings.p())
        .kind(kind(&loss)?)
        .atoms(atoms)
        .seed(seed)
        .tolerance(tolerance)
        .max_steps(settings.max_iterations());
    if let Some(size) = minibatch {
        dictionary = dictionary.minibatch(size);
    }
    if bounded {
        dictionary = dictionary.bounded();
    }
    let engine = device
        .get()
        .open(py, precision(device, support, &settings)?)?;
    let run = Run::on(&engine);
    let factors = run.work(py, || {
        let mut teller = run.teller(progress.as_ref());
        dictionary.fit_observed(
            engine.clone(),
            support,
            &data,
            |state: &DictionaryProgress<'_>| {
                teller.tell((state.step, state.objective, 0.0, state.seconds))
            },
        )
    })?;
    let report = report::of_dictionary(py, factors.report())?;
    let atoms = matrix(py, factors.atoms().to_vec(), bins)?;
    let weights = matrix(py, factors.weights().to_vec(), factors.report().atoms)?;
    Ok((report, atoms, weights))
}

/// A dictionary of barycentric mixtures: `learning` has the number of atoms, the tolerance of the objective, and what coordinates
/// have.
#[pyfunction]
pub(crate) fn barycentric_dictionary<'py>(
    py: Python<'py>,
    device: &Bound<'py, Device>,
    support: &Bound<'py, Measure>,
    data: PyReadonlyArray2<'py, f64>,
    learning: (usize, f64, Projected),
    settings: Settings<'py>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Learned<'py>> {
    let support = &support.get().inner;
    let data = data.as_slice()?;
    let (count, tolerance, objective) = learning;
    let dictionary = BarycentricDictionary::from(posed(&settings, &objective)?)
        .atoms(count)
        .objective_tolerance(tolerance)
        .max_steps(settings.max_iterations());
    let engine = device
        .get()
        .open(py, precision(device, support, &settings)?)?;
    let run = Run::on(&engine);
    let factors = run.work(py, || {
        let mut teller = run.teller(progress.as_ref());
        dictionary.learn_observed(
            engine.clone(),
            support,
            data,
            |state: &BarycentricProgress| {
                teller.tell((state.step, state.objective, 0.0, state.seconds))
            },
        )
    })?;
    let atoms = factors.atoms().iter().flat_map(|atom| atom.weights());
    let atoms = matrix(py, atoms.copied().collect(), support.len())?;
    let weights = matrix(py, factors.weights().to_vec(), count)?;
    let report = report::of_barycentric_dictionary(py, factors.report())?;
    Ok((report, atoms, weights))
}

/// The precision that the tolerance needs between histograms on a support.
fn precision(
    device: &Bound<'_, Device>,
    support: &haul::Measure,
    settings: &Settings<'_>,
) -> PyResult<haul::Precision> {
    let support = std::slice::from_ref(support);
    average::precision(device.get(), &support[0], support, settings)
}
