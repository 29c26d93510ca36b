//! Many problems, side by side.

use crate::device::{Device, on_cpu};
use crate::divergence::Divergence;
use crate::error;
use crate::measure::Measure;
use crate::run::Run;
use crate::settings::Settings;
use crate::solution::{Engine, Place, Solution};
use haul::{Engine as _, Precision};
use pyo3::prelude::*;
use std::sync::Arc;

/// The result of one problem.
enum Solved {
    Sinkhorn(Box<haul::Solution<Engine>>),
    Divergence(Arc<haul::Terms<Engine>>),
}

/// Solves a problem for each pair, as `Solution`s or as `Divergence`s; pairs of any sizes and dimensions.
#[pyfunction]
pub(crate) fn batch<'py>(
    py: Python<'py>,
    device: &Bound<'py, Device>,
    pairs: Vec<(Bound<'py, Measure>, Bound<'py, Measure>)>,
    debiased: bool,
    settings: Settings<'py>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(source, target)| [&source.get().inner, &target.get().inner])
        .collect();
    let sinkhorn = settings.sinkhorn()?;
    let divergence = haul::Divergence::from(sinkhorn.clone());
    let mut precision = Precision::F32;
    for (index, [source, target]) in (1..).zip(&pairs) {
        let problem = sinkhorn.problem(source, target);
        let problem = problem.map_err(|error| error::of(of_input(index, error)))?;
        if device.get().precision_for(&problem, settings.tolerance()) == Precision::F64 {
            precision = Precision::F64;
        }
    }
    let engine = device.get().open(py, precision)?;
    let run = Run::on(&engine);
    let solve = |lane: &haul::Device, [source, target]: &[&haul::Measure; 2]| {
        // A result outlives the lane, and holds an engine of its own: of the calling thread alone, as the lane is.
        let own = if std::ptr::eq(lane, &*engine) || matches!(lane, haul::Device::Gpu(_)) {
            engine.clone()
        } else {
            Arc::new(on_cpu(lane.precision(), 1)?)
        };
        run.add(&own);
        let solved = if debiased {
            let observer = run.observer(None);
            let terms = divergence.evaluate_observed(own.clone(), source, target, observer)?;
            Solved::Divergence(Arc::new(terms))
        } else {
            let observer = run.observer(None);
            let solution = sinkhorn.solve_observed(own.clone(), source, target, observer)?;
            Solved::Sinkhorn(Box::new(solution))
        };
        Ok((own, solved))
    };
    let solved: Vec<(Engine, Solved)> = run.work(py, || {
        let results = (1..).zip(engine.batch(&pairs, solve));
        let results = results.map(|(index, result)| result.map_err(|error| of_input(index, error)));
        results.collect::<haul::Result<_>>()
    })?;
    let object = |(engine, solved)| match solved {
        Solved::Sinkhorn(solution) => {
            let solution = Solution::new(Place::Alone(solution), engine);
            Ok(Bound::new(py, solution)?.into_any())
        }
        Solved::Divergence(terms) => Ok(Bound::new(py, Divergence::new(terms, engine))?.into_any()),
    };
    solved.into_iter().map(object).collect()
}

/// The error of one of the problems, counted from 1.
fn of_input(index: usize, error: haul::Error) -> haul::Error {
    match error {
        haul::Error::Interrupted => error,
        error => haul::Error::Input {
            index,
            error: Box::new(error),
        },
    }
}
