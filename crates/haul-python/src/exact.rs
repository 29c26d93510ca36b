//! Exact transport, and its mean over lines.

use crate::device::Device;
use crate::error;
use crate::measure::{Measure, matrix};
use crate::report;
use crate::run::{Run, Teller};
use haul::{Exact, ExactProgress, ExactSolution, Sliced, SlicedProgress, Stop};
use numpy::{PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::ops::ControlFlow;

/// A report, the rows and columns of the entries of a plan, their masses, and f and g.
pub(crate) type Solved<'py> = (
    Bound<'py, PyDict>,
    [Bound<'py, PyArray1<i64>>; 2],
    Bound<'py, PyArray1<f64>>,
    [Bound<'py, PyArray1<f64>>; 2],
);

/// p, the tolerance, and the mass that moves if it is a part.
type Settings = (f64, f64, Option<f64>);

fn posed((p, tolerance, partial): Settings) -> Exact {
    let exact = Exact::default().p(p).tolerance(tolerance);
    match partial {
        Some(mass) => exact.partial(mass),
        None => exact,
    }
}

/// Before there are pivots, the iterations of the entropic start are told.
fn tell(teller: &mut Teller<'_>, state: &ExactProgress) -> ControlFlow<Stop> {
    let step = match state.pivots {
        0 => state.iterations,
        pivots => pivots,
    };
    teller.tell((step, state.gap, state.goal, state.seconds))
}

fn solved<'py>(py: Python<'py>, solution: &ExactSolution) -> PyResult<Solved<'py>> {
    let plan = solution.plan();
    let place = |of: fn((usize, usize, f64)) -> usize| {
        let places = plan.entries().map(|entry| of(entry) as i64);
        PyArray1::from_vec(py, places.collect())
    };
    let mass = plan.entries().map(|(_, _, mass)| mass).collect();
    let potentials = solution.potentials();
    Ok((
        report::of_exact(py, solution.report())?,
        [place(|(row, _, _)| row), place(|(_, column, _)| column)],
        PyArray1::from_vec(py, mass),
        [&potentials.f, &potentials.g].map(|values| PyArray1::from_slice(py, values)),
    ))
}

/// Solves W_p^p between two measures.
#[pyfunction]
pub(crate) fn exact<'py>(
    py: Python<'py>,
    device: &Bound<'py, Device>,
    source: &Bound<'py, Measure>,
    target: &Bound<'py, Measure>,
    settings: Settings,
    progress: Option<Py<PyAny>>,
) -> PyResult<Solved<'py>> {
    let (source, target) = (&source.get().inner, &target.get().inner);
    let exact = posed(settings);
    exact.check(source, target).map_err(error::of)?;
    // In many dimensions only f64 proves what is asked for.
    let many = source.dimension() > Exact::FEW_DIMENSIONS;
    let engine = device.get().open(py, device.get().precision_or(many))?;
    let run = Run::on(&engine);
    let solution = run.work(py, || {
        let mut teller = run.teller(progress.as_ref());
        let observer = |state: &ExactProgress| tell(&mut teller, state);
        exact.solve_observed(engine.clone(), source, target, observer)
    })?;
    solved(py, &solution)
}

/// Solves the problem of n×m costs on the host.
#[pyfunction]
pub(crate) fn exact_costs<'py>(
    py: Python<'py>,
    costs: PyReadonlyArray2<'py, f64>,
    a: PyReadonlyArray1<'py, f64>,
    b: PyReadonlyArray1<'py, f64>,
    settings: Settings,
    progress: Option<Py<PyAny>>,
) -> PyResult<Solved<'py>> {
    let (costs, a, b) = (costs.as_slice()?, a.as_slice()?, b.as_slice()?);
    let exact = posed(settings);
    let run = Run::default();
    let solution = run.work(py, || {
        let mut teller = run.teller(progress.as_ref());
        let observer = |state: &ExactProgress| tell(&mut teller, state);
        exact.solve_costs_observed(a, b, costs, observer)
    })?;
    solved(py, &solution)
}

/// A report, and the derivative in the points of the source.
pub(crate) type Slices<'py> = (Bound<'py, PyDict>, Bound<'py, PyArray2<f64>>);

/// The sliced distance of power p along so many directions of a seed, on the host.
#[pyfunction]
pub(crate) fn sliced<'py>(
    py: Python<'py>,
    source: &Bound<'py, Measure>,
    target: &Bound<'py, Measure>,
    settings: (f64, usize, u64),
) -> PyResult<Slices<'py>> {
    let (source, target) = (&source.get().inner, &target.get().inner);
    let (p, directions, seed) = settings;
    let settings = Sliced::default().p(p).directions(directions).seed(seed);
    let run = Run::default();
    let value = run.work(py, || {
        settings.evaluate_observed(source, target, |_: &SlicedProgress| run.going())
    })?;
    let report = report::of_sliced(py, &value)?;
    Ok((report, matrix(py, value.gradient, source.dimension())?))
}
