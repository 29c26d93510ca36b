//! Points as unknowns: fewer points, and averages on free points.

use crate::device::Device;
use crate::error::{self, Error};
use crate::measure::Measure;
use crate::report;
use crate::run::{Run, Teller};
use crate::settings::{Settings, kind};
use haul::{FitProgress, FreeBarycenter, Interrupt, Precision, Quantization, Stop, SupportWeights};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::ops::ControlFlow;

fn tell(teller: &mut Teller<'_>, state: &FitProgress) -> ControlFlow<Stop> {
    teller.tell((state.step, state.movement, state.goal, state.seconds))
}

/// Some points for a measure, the number of the point of each of its own, and a report.
type Reduced<'py> = (Measure, Bound<'py, PyArray1<i64>>, Bound<'py, PyDict>);

/// Reduces a measure to k points, or to as many as a start has.
#[pyfunction]
pub(crate) fn quantize<'py>(
    py: Python<'py>,
    device: &Bound<'py, Device>,
    measure: &Bound<'py, Measure>,
    start: (usize, Option<Bound<'py, Measure>>),
    objective: (String, Option<f64>, u64),
    settings: Settings<'py>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Reduced<'py>> {
    let (k, start) = start;
    let start = start.as_ref().map(|start| &start.get().inner);
    let measure = &measure.get().inner;
    let (kind, movement, seed) = objective;
    let sinkhorn = settings.sinkhorn()?;
    let (quantization, precision) = match kind.as_str() {
        "lloyd" => (Quantization::lloyd(), device.get().precision_or(false)),
        "soft" => {
            let quantization = Quantization::soft(settings.regularization()?);
            (quantization, device.get().precision_or(false))
        }
        "balanced" => {
            let problem = sinkhorn.problem(measure, measure).map_err(error::of)?;
            let precision = device.get().precision_for(&problem, settings.tolerance());
            (Quantization::balanced(sinkhorn), precision)
        }
        other => {
            return Err(Error::new_err(format!(
                "kind is {other:?}; it must be \"lloyd\", \"soft\" or \"balanced\""
            )));
        }
    };
    let mut quantization = quantization
        .seed(seed)
        .max_iterations(settings.max_iterations());
    if let Some(movement) = movement {
        quantization = quantization.movement(movement);
    }
    let engine = device.get().open(py, precision)?;
    let run = Run::on(&engine);
    let found = run.work(py, || match start {
        Some(start) => quantization.solve_from(engine.clone(), measure, start),
        None => {
            let mut teller = run.teller(progress.as_ref());
            let observer = |state: &FitProgress| tell(&mut teller, state);
            quantization.solve_observed(engine.clone(), measure, k, observer)
        }
    })?;
    let labels = found.assignment().iter().map(|label| *label as i64);
    let inner = found.measure().clone();
    Ok((
        Measure { inner },
        PyArray1::from_vec(py, labels.collect()),
        report::of_quantization(py, found.report())?,
    ))
}

/// A barycenter whose points move from those of a start, or from k points of the inputs.
#[pyfunction]
pub(crate) fn free_barycenter<'py>(
    py: Python<'py>,
    device: &Bound<'py, Device>,
    inputs: Vec<Bound<'py, Measure>>,
    start: (usize, u64, Option<Bound<'py, Measure>>),
    objective: (String, Option<Vec<f64>>, bool, f64),
    settings: Settings<'py>,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Measure, Bound<'py, PyDict>)> {
    let inputs: Vec<_> = inputs
        .iter()
        .map(|input| input.get().inner.clone())
        .collect();
    let (name, lambda, learned, movement) = objective;
    let sinkhorn = settings.sinkhorn()?;
    let mut free = FreeBarycenter::new(sinkhorn.clone())
        .kind(kind(&name)?)
        .weights(match learned {
            true => SupportWeights::Learned,
            false => SupportWeights::Fixed,
        })
        .movement(movement)
        .max_steps(settings.max_iterations());
    if let Some(lambda) = lambda {
        free = free.lambda(&lambda);
    }
    let (k, seed, given) = start;
    let start = match given {
        Some(start) => start.get().inner.clone(),
        None => {
            let interrupt = Interrupt::default();
            Run::until(&interrupt).work(py, || seeds(&inputs, (k, seed), &interrupt))?
        }
    };
    free.check(&start, &inputs).map_err(error::of)?;
    let mut precision = Precision::F32;
    for input in &inputs {
        let of_mass_1 = [&start, input].map(|measure| measure.clone().normalized());
        let problem = sinkhorn.problem(&of_mass_1[0], &of_mass_1[1]);
        let problem = problem.map_err(error::of)?;
        if device.get().precision_for(&problem, settings.tolerance()) == Precision::F64 {
            precision = Precision::F64;
        }
    }
    let engine = device.get().open(py, precision)?;
    let run = Run::on(&engine);
    let (average, everywhere) = run.work(py, || {
        let mut teller = run.teller(progress.as_ref());
        let observer = |state: &FitProgress| tell(&mut teller, state);
        let average = free.solve_observed(engine.clone(), &start, &inputs, observer)?;
        let everywhere = average.lower_bound(&engine)?;
        Ok((average, everywhere))
    })?;
    let dict = report::of_free_average(py, average.report())?;
    dict.set_item("lower_bound_everywhere", everywhere)?;
    let inner = average.measure().clone();
    Ok((Measure { inner }, dict))
}

/// k points of all inputs together, by k-means++.
fn seeds(
    inputs: &[haul::Measure],
    (k, seed): (usize, u64),
    interrupt: &Interrupt,
) -> haul::Result<haul::Measure> {
    let dimension = inputs.first().map_or(1, haul::Measure::dimension);
    let all = |of: fn(&haul::Measure) -> &[f64]| inputs.iter().flat_map(of).copied().collect();
    let pooled = haul::Measure::new(
        all(|input| input.points()),
        dimension,
        all(|input| input.weights()),
    )?;
    Quantization::lloyd()
        .seed(seed)
        .seeds(&pooled, k, interrupt)
}
