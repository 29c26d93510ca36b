//! Explicit matrices of costs.

use crate::device::{Device, Owner};
use crate::error;
use crate::measure::matrix;
use crate::report;
use crate::run::Run;
use crate::settings::Settings;
use crate::solution::Engine;
use haul::{Potentials, Precision, ScoredSolution};
use numpy::{PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;

#[pyclass(frozen, module = "haul._haul")]
pub(crate) struct Scores {
    inner: ScoredSolution<Engine>,
    owner: Owner,
}

#[pymethods]
impl Scores {
    #[getter]
    fn value(&self) -> f64 {
        self.inner.value()
    }

    #[getter]
    fn bounds(&self) -> (f64, f64) {
        (self.inner.lower_bound(), self.inner.upper_bound())
    }

    #[getter]
    fn transport_cost(&self) -> f64 {
        self.inner.transport_cost()
    }

    /// That of the squared problem.
    fn report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        report::of_solve(py, self.inner.report())
    }

    /// f and g.
    fn potentials<'py>(&self, py: Python<'py>) -> PyResult<[Bound<'py, PyArray1<f64>>; 2]> {
        let Potentials { f, g } = self.owner.work(py, || self.inner.potentials())?;
        Ok([f, g].map(|values| PyArray1::from_vec(py, values)))
    }

    /// n×m.
    fn plan<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let plan = self.inner.plan();
        let (n, m) = plan.shape();
        matrix(py, self.owner.work(py, || plan.rows(0..n))?, m)
    }
}

/// Solves OT_ε for n×m costs, in f64 on the CPU.
#[pyfunction]
pub(crate) fn scores(
    py: Python<'_>,
    device: &Bound<'_, Device>,
    costs: PyReadonlyArray2<'_, f64>,
    a: PyReadonlyArray1<'_, f64>,
    b: PyReadonlyArray1<'_, f64>,
    settings: Settings<'_>,
) -> PyResult<Scores> {
    let (costs, a, b) = (costs.as_slice()?, a.as_slice()?, b.as_slice()?);
    let scores = haul::Scores::matrix(costs, a, b).map_err(error::of)?;
    let sinkhorn = settings.sinkhorn()?;
    let engine = device.get().open(py, Precision::F64)?;
    let inner = Run::on(&engine).work(py, || scores.solve(engine.clone(), &sinkhorn))?;
    Ok(Scores {
        inner,
        owner: Owner::new(engine),
    })
}
