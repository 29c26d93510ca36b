//! Couplings of spaces that share no coordinates.

use crate::device::{Device, Owner};
use crate::error::{self, Error};
use crate::measure::{Measure, matrix, shape};
use crate::report;
use crate::run::Run;
use crate::solution::{self, Engine};
use haul::{
    DistanceMatrix, Gromov, GromovBarycenter, GromovProgress, GromovSolution, GromovStart,
    MatrixCoupling, MetricSpace,
};
use numpy::{PyArray1, PyArray2, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;

#[pyclass(frozen, module = "haul._haul")]
pub(crate) struct Coupling {
    inner: GromovSolution<Engine>,
    owner: Owner,
}

#[pymethods]
impl Coupling {
    fn report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        report::of_gromov(py, self.inner.report())
    }

    /// P V, n×w, or Pᵀ U.
    fn product<'py>(
        &self,
        py: Python<'py>,
        values: PyReadonlyArray2<'_, f64>,
        transposed: bool,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        solution::product(py, &self.owner, &self.inner.plan(), &values, transposed)
    }

    /// Rows of the plan, dense.
    fn rows<'py>(
        &self,
        py: Python<'py>,
        start: usize,
        end: usize,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        solution::rows(py, &self.owner, &self.inner.plan(), start..end)
    }

    /// The largest entries of each row: (j, Pᵢⱼ).
    fn top_k(&self, py: Python<'_>, k: usize) -> PyResult<Vec<Vec<(usize, f64)>>> {
        solution::top_k(py, &self.owner, &self.inner.plan(), k)
    }

    /// The column of the largest entry of each row; −1 for a row without mass.
    fn assignment<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<i64>>> {
        solution::assignment(py, &self.owner, &self.inner.plan())
    }

    /// The mean values at the other ends: of values of the target, n×w, or of the source, m×w.
    fn images<'py>(
        &self,
        py: Python<'py>,
        values: PyReadonlyArray2<'_, f64>,
        back: bool,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let ((_, width), values) = (shape(&values), values.as_slice()?);
        let images = self.owner.work(py, || match back {
            true => self.inner.images_back(values),
            false => self.inner.images(values),
        })?;
        matrix(py, images, width)
    }
}

/// A coupling of stored spaces.
#[pyclass(frozen, module = "haul._haul")]
pub(crate) struct StoredCoupling {
    inner: MatrixCoupling,
}

#[pymethods]
impl StoredCoupling {
    fn report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        report::of_gromov(py, self.inner.report())
    }

    /// The plan, n×m.
    fn plan<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        matrix(py, self.inner.plan().to_vec(), self.inner.report().m)
    }
}

/// A measure, and features of its points.
type Space<'py> = (Bound<'py, Measure>, Option<PyReadonlyArray2<'py, f64>>);

fn space((measure, features): &Space<'_>, metric: &str) -> PyResult<MetricSpace> {
    let measure = &measure.get().inner;
    let space = match metric {
        "squared" => MetricSpace::squared_euclidean(measure),
        "inner" => MetricSpace::inner_product(measure),
        other => {
            return Err(Error::new_err(format!(
                "metric is {other:?}; it must be \"squared\", \"inner\", \"euclidean\" or \"given\""
            )));
        }
    };
    let Some(features) = features else {
        return Ok(space);
    };
    let (_, dimension) = shape(features);
    let space = space.with_features(features.as_slice()?, dimension);
    space.map_err(error::of)
}

/// A space whose matrix is stored: Euclidean distances, or the coordinates themselves.
fn stored((measure, features): &Space<'_>, given: bool) -> PyResult<DistanceMatrix> {
    let measure = &measure.get().inner;
    let space = match given {
        true => DistanceMatrix::new(measure.points().to_vec(), measure.weights().to_vec()),
        false => DistanceMatrix::euclidean(measure),
    };
    let space = space.map_err(error::of)?;
    let Some(features) = features else {
        return Ok(space);
    };
    let (_, dimension) = shape(features);
    let space = space.with_features(features.as_slice()?, dimension);
    space.map_err(error::of)
}

/// ε as a name and a number, and α.
type Regularization = (String, f64, f64);

/// Tolerance, steps, iterations, start, reach.
type Ends = (f64, usize, usize, String, f64);

fn settings((name, strength, alpha): Regularization, ends: Ends) -> PyResult<Gromov> {
    let (tolerance, max_steps, max_iterations, start, reach) = ends;
    let gromov = match name.as_str() {
        "epsilon" => Gromov::epsilon(strength),
        _ => Gromov::relative(strength),
    };
    Ok(gromov
        .fused(alpha)
        .reach(reach)
        .tolerance(tolerance)
        .max_steps(max_steps)
        .max_iterations(max_iterations)
        .start(match start.as_str() {
            "best" => GromovStart::Best,
            "product" => GromovStart::Product,
            "eccentricities" => GromovStart::Eccentricities,
            other => {
                return Err(Error::new_err(format!(
                    "start is {other:?}; it must be \"best\", \"product\" or \"eccentricities\""
                )));
            }
        }))
}

/// Finds a coupling of two spaces.
#[pyfunction]
pub(crate) fn gromov<'py>(
    py: Python<'py>,
    device: &Bound<'py, Device>,
    spaces: (Space<'py>, Space<'py>, String),
    regularization: Regularization,
    ends: Ends,
    progress: Option<Py<PyAny>>,
) -> PyResult<Coupling> {
    let (source, target, metric) = &spaces;
    let (source, target) = (space(source, metric)?, space(target, metric)?);
    let gromov = settings(regularization, ends)?;
    gromov.check(&source, &target).map_err(error::of)?;
    // Steps become exact towards the end, for which f32 has few digits.
    let engine = device.get().open(py, device.get().precision_or(true))?;
    let run = Run::on(&engine);
    let inner = run.work(py, || {
        let mut teller = run.teller(progress.as_ref());
        gromov.solve_observed(
            engine.clone(),
            &source,
            &target,
            |state: &GromovProgress| {
                teller.tell((state.step, state.change, state.goal, state.seconds))
            },
        )
    })?;
    Ok(Coupling {
        inner,
        owner: Owner::new(engine),
    })
}

/// Finds a coupling of two spaces whose matrices are stored.
#[pyfunction]
pub(crate) fn gromov_stored<'py>(
    py: Python<'py>,
    device: &Bound<'py, Device>,
    spaces: (Space<'py>, Space<'py>, bool),
    regularization: Regularization,
    ends: Ends,
    progress: Option<Py<PyAny>>,
) -> PyResult<StoredCoupling> {
    let (source, target, given) = &spaces;
    let (source, target) = (stored(source, *given)?, stored(target, *given)?);
    let gromov = settings(regularization, ends)?;
    let engine = device.get().open(py, device.get().precision_or(true))?;
    let run = Run::on(&engine);
    let inner = run.work(py, || {
        let mut teller = run.teller(progress.as_ref());
        gromov.solve_matrices_observed(&*engine, &source, &target, |state: &GromovProgress| {
            teller.tell((state.step, state.change, state.goal, state.seconds))
        })
    })?;
    Ok(StoredCoupling { inner })
}

/// A barycenter: its numbers, its matrix if it is stored or else its points and the variances of their mass, its features, and
/// its couplings.
type Average<'py> = (
    Bound<'py, PyDict>,
    Option<Bound<'py, PyArray2<f64>>>,
    Option<(Bound<'py, PyArray2<f64>>, Vec<f64>)>,
    Option<Bound<'py, PyArray2<f64>>>,
    Vec<Py<PyAny>>,
);

/// Finds the barycenter of several spaces, from a start.
#[pyfunction]
pub(crate) fn gromov_barycenter<'py>(
    py: Python<'py>,
    device: &Bound<'py, Device>,
    spaces: (Space<'py>, Vec<Space<'py>>, String),
    rounds: (Option<Vec<f64>>, f64, usize),
    regularization: Regularization,
    ends: Ends,
    progress: Option<Py<PyAny>>,
) -> PyResult<Average<'py>> {
    let (start, inputs, metric) = &spaces;
    let (lambda, fall, max_rounds) = rounds;
    let settings = GromovBarycenter::new(settings(regularization, ends)?)
        .fall(fall)
        .max_rounds(max_rounds);
    let settings = match lambda {
        Some(lambda) => settings.lambda(&lambda),
        None => settings,
    };
    let engine = device.get().open(py, device.get().precision_or(true))?;
    let run = Run::on(&engine);
    let features = |values: Option<&[f64]>, n: usize| match values {
        Some(values) => matrix(py, values.to_vec(), values.len() / n).map(Some),
        None => Ok(None),
    };
    if let "euclidean" | "given" = metric.as_str() {
        let given = metric == "given";
        let inputs = inputs.iter().map(|input| stored(input, given));
        let (start, inputs) = (stored(start, given)?, inputs.collect::<PyResult<Vec<_>>>()?);
        let average = run.work(py, || {
            let mut teller = run.teller(progress.as_ref());
            settings.solve_matrices_observed(&*engine, &start, &inputs, |state| {
                teller.tell((state.step, state.change, state.goal, state.seconds))
            })
        })?;
        let (space, report) = (average.space(), average.report());
        let distances = matrix(py, space.distances().to_vec(), space.len())?;
        let couplings = average.couplings().iter().map(|inner| {
            let inner = inner.clone();
            Ok(Py::new(py, StoredCoupling { inner })?.into_any())
        });
        return Ok((
            report::of_gromov_average(py, report)?,
            Some(distances),
            None,
            features(space.features(), space.len())?,
            couplings.collect::<PyResult<_>>()?,
        ));
    }
    let inputs = inputs.iter().map(|input| space(input, metric));
    let (start, inputs) = (space(start, metric)?, inputs.collect::<PyResult<Vec<_>>>()?);
    let average = run.work(py, || {
        let mut teller = run.teller(progress.as_ref());
        settings.solve_observed(engine.clone(), &start, &inputs, |state| {
            teller.tell((state.step, state.change, state.goal, state.seconds))
        })
    })?;
    let (space, report) = (average.space(), average.report());
    let points = matrix(py, space.points(), space.dimension())?;
    let numbers = report::of_gromov_average(py, report)?;
    let beside = features(space.features(), space.len())?;
    let variances = space.variances().to_vec();
    let couplings = average.into_couplings().into_iter().map(|inner| {
        let owner = Owner::new(engine.clone());
        Ok(Py::new(py, Coupling { inner, owner })?.into_any())
    });
    let couplings = couplings.collect::<PyResult<_>>()?;
    Ok((numbers, None, Some((points, variances)), beside, couplings))
}
