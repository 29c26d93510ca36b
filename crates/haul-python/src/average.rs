//! Barycenters on a fixed support.

use crate::device::Device;
use crate::error;
use crate::measure::Measure;
use crate::report;
use crate::run::Run;
use crate::settings::{self, Settings};
use haul::{Precision, Sinkhorn};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;

#[pyclass(frozen, module = "haul._haul")]
pub(crate) struct Average {
    pub(crate) inner: haul::Average,
}

#[pymethods]
impl Average {
    fn report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        report::of_average(py, self.inner.report())
    }

    #[getter]
    fn weights<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, self.inner.measure().weights())
    }

    #[getter]
    fn measure(&self) -> Measure {
        Measure {
            inner: self.inner.measure().clone(),
        }
    }

    /// f and g of each input.
    fn potentials<'py>(&self, py: Python<'py>) -> Vec<[Bound<'py, PyArray1<f64>>; 2]> {
        let potentials = self.inner.potentials().iter();
        potentials
            .map(|both| [&both.f, &both.g].map(|values| PyArray1::from_slice(py, values)))
            .collect()
    }
}

/// The barycenter of measures on the points of a support.
#[pyfunction]
pub(crate) fn barycenter(
    py: Python<'_>,
    device: &Bound<'_, Device>,
    measures: (Bound<'_, Measure>, Vec<Bound<'_, Measure>>),
    objective: (String, Option<Vec<f64>>),
    settings: Settings<'_>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Average> {
    let ((support, inputs), (kind, lambda)) = (measures, objective);
    let support = &support.get().inner;
    let inputs: Vec<_> = inputs
        .iter()
        .map(|input| input.get().inner.clone())
        .collect();
    let mut barycenter = haul::Barycenter::with(settings.regularization()?)
        .kind(settings::kind(&kind)?)
        .p(settings.p())
        .tolerance(settings.tolerance())
        .max_iterations(settings.max_iterations());
    if let Some(lambda) = lambda {
        barycenter = barycenter.lambda(&lambda);
    }
    let precision = precision(device.get(), support, &inputs, &settings)?;
    let engine = device.get().open(py, precision)?;
    let run = Run::on(&engine);
    let inner = run.work(py, || {
        let observer = run.observer(progress.as_ref());
        barycenter.solve_on_observed(engine.clone(), support, &inputs, observer)
    })?;
    Ok(Average { inner })
}

/// The precision that the tolerance needs with the worst of the inputs. Wrong inputs are left to the barycenter to refuse.
pub(crate) fn precision(
    device: &Device,
    support: &haul::Measure,
    inputs: &[haul::Measure],
    settings: &Settings<'_>,
) -> PyResult<Precision> {
    let sinkhorn = Sinkhorn::with(settings.regularization()?).p(settings.p());
    let support = support.clone().normalized();
    let mut precision = Precision::F32;
    for input in inputs {
        let input = input.clone().normalized();
        let problem = sinkhorn.problem(&support, &input).map_err(error::of)?;
        if device.precision_for(&problem, settings.tolerance()) == Precision::F64 {
            precision = Precision::F64;
        }
    }
    Ok(precision)
}
