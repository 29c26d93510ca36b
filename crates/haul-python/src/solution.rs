//! Solutions of OT_ε.

use crate::device::{Device, Owner};
use crate::error;
use crate::measure::{Measure, matrix, shape};
use crate::report;
use crate::run::Run;
use crate::settings::Settings;
use haul::{Gradient, Plan, Potentials, Terms};
use numpy::{PyArray1, PyArray2, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::ops::Range;
use std::sync::Arc;

/// The handle of an engine that results hold.
pub(crate) type Engine = Arc<haul::Device>;

/// A solution, alone or as a term of a divergence.
pub(crate) enum Place {
    Alone(Box<haul::Solution<Engine>>),
    Between(Arc<Terms<Engine>>),
    Source(Arc<Terms<Engine>>),
    Target(Arc<Terms<Engine>>),
}

/// A gradient in the points, n×d, and in the n weights.
pub(crate) type Slopes<'py> = (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<f64>>);

#[pyclass(frozen, module = "haul._haul")]
pub(crate) struct Solution {
    place: Place,
    owner: Owner,
}

impl Solution {
    pub(crate) fn new(place: Place, engine: Engine) -> Self {
        Self {
            place,
            owner: Owner::new(engine),
        }
    }

    fn inner(&self) -> &haul::Solution<Engine> {
        match &self.place {
            Place::Alone(solution) => solution,
            Place::Between(terms) => &terms.ab,
            Place::Source(terms) => &terms.aa,
            Place::Target(terms) => &terms.bb,
        }
    }
}

#[pymethods]
impl Solution {
    fn report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        report::of_solve(py, self.inner().report())
    }

    /// f and g.
    fn potentials<'py>(&self, py: Python<'py>) -> PyResult<[Bound<'py, PyArray1<f64>>; 2]> {
        let Potentials { f, g } = self.owner.work(py, || self.inner().potentials())?;
        Ok([f, g].map(|values| PyArray1::from_vec(py, values)))
    }

    /// P V, n×w, or Pᵀ U.
    fn product<'py>(
        &self,
        py: Python<'py>,
        values: PyReadonlyArray2<'_, f64>,
        transposed: bool,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        product(py, &self.owner, &self.inner().plan(), &values, transposed)
    }

    /// The images of the points of the source, or of other points.
    fn map<'py>(
        &self,
        py: Python<'py>,
        points: Option<PyReadonlyArray2<'_, f64>>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let plan = self.inner().plan();
        let points = points
            .as_ref()
            .map(|points| points.as_slice())
            .transpose()?;
        let images = self.owner.work(py, || match points {
            None => plan.map(),
            Some(points) => plan.map_points(points),
        })?;
        matrix(py, images, self.inner().report().d)
    }

    /// Rows of the plan, dense.
    fn rows<'py>(
        &self,
        py: Python<'py>,
        start: usize,
        end: usize,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        rows(py, &self.owner, &self.inner().plan(), start..end)
    }

    /// The largest entries of each row: (j, Pᵢⱼ).
    fn top_k(&self, py: Python<'_>, k: usize) -> PyResult<Vec<Vec<(usize, f64)>>> {
        top_k(py, &self.owner, &self.inner().plan(), k)
    }

    /// The column of the largest entry of each row; −1 for a row without mass.
    fn assignment<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<i64>>> {
        assignment(py, &self.owner, &self.inner().plan())
    }

    /// The derivatives in the source or the target.
    fn gradient<'py>(&self, py: Python<'py>, target: bool) -> PyResult<Slopes<'py>> {
        let solution = self.inner();
        let gradient = self.owner.work(py, || {
            if target {
                solution.gradient_target()
            } else {
                solution.gradient()
            }
        })?;
        slopes(py, gradient, solution.report().d)
    }

    /// The derivatives in the weights of both.
    fn gradient_weights<'py>(&self, py: Python<'py>) -> PyResult<[Bound<'py, PyArray1<f64>>; 2]> {
        let both = self.owner.work(py, || self.inner().gradient_weights())?;
        Ok(both.map(|weights| PyArray1::from_vec(py, weights)))
    }
}

/// P V, n×w, or Pᵀ U.
pub(crate) fn product<'py>(
    py: Python<'py>,
    owner: &Owner,
    plan: &Plan<Engine>,
    values: &PyReadonlyArray2<'_, f64>,
    transposed: bool,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let ((_, width), values) = (shape(values), values.as_slice()?);
    let product = owner.work(py, || {
        if transposed {
            plan.product_transposed(values)
        } else {
            plan.product(values)
        }
    })?;
    matrix(py, product, width)
}

/// Rows of a plan, dense.
pub(crate) fn rows<'py>(
    py: Python<'py>,
    owner: &Owner,
    plan: &Plan<Engine>,
    rows: Range<usize>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let rows = rows.start..rows.end.max(rows.start);
    let rows = owner.work(py, || plan.rows(rows))?;
    matrix(py, rows, plan.shape().1)
}

/// The largest entries of each row: (j, Pᵢⱼ).
pub(crate) fn top_k(
    py: Python<'_>,
    owner: &Owner,
    plan: &Plan<Engine>,
    k: usize,
) -> PyResult<Vec<Vec<(usize, f64)>>> {
    owner.work(py, || plan.top_k(k))
}

/// The column of the largest entry of each row; −1 for a row without mass.
pub(crate) fn assignment<'py>(
    py: Python<'py>,
    owner: &Owner,
    plan: &Plan<Engine>,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let columns = owner.work(py, || plan.assignment())?;
    let number = |column: Option<usize>| column.and_then(|j| i64::try_from(j).ok());
    let columns = columns.into_iter().map(|j| number(j).unwrap_or(-1));
    Ok(PyArray1::from_vec(py, columns.collect()))
}

pub(crate) fn slopes(py: Python<'_>, gradient: Gradient, d: usize) -> PyResult<Slopes<'_>> {
    let Gradient { points, weights } = gradient;
    Ok((matrix(py, points, d)?, PyArray1::from_vec(py, weights)))
}

/// Solves OT_ε between two measures.
#[pyfunction]
#[pyo3(signature = (device, source, target, settings, progress))]
pub(crate) fn sinkhorn(
    py: Python<'_>,
    device: &Bound<'_, Device>,
    source: &Bound<'_, Measure>,
    target: &Bound<'_, Measure>,
    settings: Settings<'_>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Solution> {
    let (source, target) = (&source.get().inner, &target.get().inner);
    let sinkhorn = settings.sinkhorn()?;
    let problem = sinkhorn.problem(source, target).map_err(error::of)?;
    let engine = device.get().open_for(py, &problem, settings.tolerance())?;
    let run = Run::on(&engine);
    let solution = run.work(py, || {
        sinkhorn.solve_observed(
            engine.clone(),
            source,
            target,
            run.observer(progress.as_ref()),
        )
    })?;
    Ok(Solution::new(Place::Alone(Box::new(solution)), engine))
}
