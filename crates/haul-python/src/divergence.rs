//! Sinkhorn divergences.

use crate::device::{Device, Owner};
use crate::error;
use crate::measure::Measure;
use crate::run::Run;
use crate::settings::Settings;
use crate::solution::{Engine, Place, Slopes, Solution, slopes};
use haul::Terms;
use numpy::PyArray1;
use pyo3::prelude::*;
use std::sync::Arc;

#[pyclass(frozen, module = "haul._haul")]
pub(crate) struct Divergence {
    terms: Arc<Terms<Engine>>,
    engine: Engine,
    owner: Owner,
}

impl Divergence {
    pub(crate) fn new(terms: Arc<Terms<Engine>>, engine: Engine) -> Self {
        Self {
            terms,
            owner: Owner::new(engine.clone()),
            engine,
        }
    }
}

#[pymethods]
impl Divergence {
    #[getter]
    fn value(&self) -> f64 {
        self.terms.value()
    }

    #[getter]
    fn bounds(&self) -> (f64, f64) {
        (self.terms.lower_bound(), self.terms.upper_bound())
    }

    #[getter]
    fn converged(&self) -> bool {
        self.terms.converged()
    }

    /// A length, and bounds of it.
    #[getter]
    fn distance(&self) -> Option<(f64, f64, f64)> {
        let bounds = self.terms.distance_bounds()?;
        Some((self.terms.distance()?, bounds.lower, bounds.upper))
    }

    /// OT_ε(α, β), OT_ε(α, α) and OT_ε(β, β).
    fn terms(&self) -> [Solution; 3] {
        [Place::Between, Place::Source, Place::Target]
            .map(|place| Solution::new(place(self.terms.clone()), self.engine.clone()))
    }

    /// The derivatives in the source or the target.
    fn gradient<'py>(&self, py: Python<'py>, target: bool) -> PyResult<Slopes<'py>> {
        let gradient = self.owner.work(py, || {
            if target {
                self.terms.gradient_target()
            } else {
                self.terms.gradient()
            }
        })?;
        slopes(py, gradient, self.terms.report().d)
    }

    /// The derivatives in the weights of both.
    fn gradient_weights<'py>(&self, py: Python<'py>) -> PyResult<[Bound<'py, PyArray1<f64>>; 2]> {
        let both = self.owner.work(py, || self.terms.gradient_weights())?;
        Ok(both.map(|weights| PyArray1::from_vec(py, weights)))
    }
}

/// Evaluates S_ε between two measures.
#[pyfunction]
#[pyo3(signature = (device, source, target, settings, progress))]
pub(crate) fn divergence(
    py: Python<'_>,
    device: &Bound<'_, Device>,
    source: &Bound<'_, Measure>,
    target: &Bound<'_, Measure>,
    settings: Settings<'_>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Divergence> {
    let (source, target) = (&source.get().inner, &target.get().inner);
    let sinkhorn = settings.sinkhorn()?;
    let problem = sinkhorn.problem(source, target).map_err(error::of)?;
    let engine = device.get().open_for(py, &problem, settings.tolerance())?;
    let run = Run::on(&engine);
    let settings = haul::Divergence::from(sinkhorn.clone());
    let terms = run.work(py, || {
        settings.evaluate_observed(
            engine.clone(),
            source,
            target,
            run.observer(progress.as_ref()),
        )
    })?;
    Ok(Divergence::new(Arc::new(terms), engine))
}
