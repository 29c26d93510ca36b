//! The fit of a dictionary, of either mixture.

use super::arguments::Dictionary;
use super::checkpoint::Checkpoint;
use super::data::Data;
use crate::number::{error, short};
use crate::options::{self, Kind};
use crate::progress::Fitting;
use anyhow::Result;
use haul::{
    BarycenterKind, BarycentricDictionary, Bounds, Coordinates, Device, LinearDictionary,
    Precision, Stop,
};
use std::ops::ControlFlow;

/// The L1 error of the marginals of its solves.
pub(super) const ACCURACY: f64 = 1e-3;

/// The loss of a dictionary, and how it mixes its atoms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Model {
    /// With the name of the kind.
    Linear(BarycenterKind),
    /// With the name of the loss, and the fixed number of iterations.
    Barycentric(haul::CoordinatesLoss, Option<usize>),
}

/// A step of a fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    pub(super) step: usize,
    pub(super) objective: f64,
    /// The Frank–Wolfe gaps of the weights and of the atoms, of a linear mixture.
    pub(super) gaps: Option<[f64; 2]>,
    pub(super) seconds: f64,
}

/// What a fit found.
#[derive(Debug)]
pub(super) struct Learned {
    pub(super) model: Model,
    /// K×n, row-major; each row has sum 1.
    pub(super) atoms: Vec<f64>,
    /// N×K, row-major; each row has sum 1.
    pub(super) weights: Vec<f64>,
    /// The loss of each histogram.
    pub(super) errors: Vec<f64>,
    pub(super) objective: f64,
    /// Bounds of the objective at these factors.
    pub(super) bounds: Option<Bounds>,
    pub(super) gaps: Option<[f64; 2]>,
    /// The largest L1 error of the marginals of a plan, of a linear mixture.
    pub(super) error: Option<f64>,
    pub(super) p: f64,
    pub(super) epsilon: f64,
    pub(super) blur: f64,
    pub(super) steps: usize,
    pub(super) tolerance: f64,
    pub(super) converged: bool,
    pub(super) products: usize,
    pub(super) seconds: f64,
    pub(super) device: String,
    pub(super) precision: Precision,
    pub(super) history: Vec<Step>,
}

/// Learns a dictionary of linear mixtures.
pub(super) fn linear(
    arguments: &Dictionary,
    device: &Device,
    data: &Data,
    mut checkpoint: Checkpoint,
) -> Result<Learned> {
    let p = arguments.smoothing.power();
    let mut settings = LinearDictionary::with(arguments.regularization(data))
        .p(p)
        .kind(arguments.kind.unwrap_or(Kind::Debiased).into())
        .atoms(arguments.atoms)
        .seed(arguments.start_seed)
        .tolerance(arguments.tolerance)
        .max_steps(arguments.max_steps);
    if let Some(size) = arguments.minibatch {
        settings = settings.minibatch(size);
    }
    if arguments.bounded {
        settings = settings.bounded();
    }
    let state = match arguments.resume {
        true => checkpoint.read()?,
        false => None,
    };
    let line = Fitting::new(arguments.presentation.quiet);
    let count = data.histograms.len() as f64;
    let (mut history, mut failed) = (Vec::new(), None);
    let observe = |progress: &haul::DictionaryProgress<'_>| {
        history.push(Step {
            step: progress.step,
            objective: progress.objective,
            gaps: Some([progress.weights_gap, progress.atoms_gap]),
            seconds: progress.seconds,
        });
        if let Err(error) = checkpoint.observe(progress) {
            failed = Some(error);
            return ControlFlow::Break(Stop::Abandon);
        }
        line.tell(format!(
            "step {} of at most {}, {} a histogram, error of the marginals {}",
            progress.step,
            arguments.max_steps,
            short(progress.objective / count),
            error(progress.error)
        ))
    };
    let (support, histograms) = (&data.support, &data.histograms);
    let found = match state {
        Some(state) => settings.resume(device, support, histograms, state, observe),
        None => settings.fit_observed(device, support, histograms, observe),
    };
    if let Some(error) = failed {
        return Err(error);
    }
    let factors = found.map_err(options::in_options)?;
    checkpoint.write(factors.state())?;
    let report = factors.report();
    Ok(Learned {
        model: Model::Linear(report.kind),
        atoms: factors.atoms().to_vec(),
        weights: factors.weights().to_vec(),
        errors: report.terms.clone(),
        objective: report.objective,
        bounds: report.bounds,
        gaps: Some([report.weights_gap, report.atoms_gap]),
        error: Some(report.error),
        p: report.cost.p(),
        epsilon: report.epsilon,
        blur: report.blur,
        steps: report.steps,
        tolerance: report.tolerance,
        converged: report.converged,
        products: report.products,
        seconds: report.seconds,
        device: report.device.clone(),
        precision: report.precision,
        history,
    })
}

/// Learns a dictionary of barycentric mixtures.
pub(super) fn barycentric(arguments: &Dictionary, device: &Device, data: &Data) -> Result<Learned> {
    let p = arguments.smoothing.power();
    let mut coordinates = Coordinates::with(arguments.regularization(data))
        .p(p)
        .loss(arguments.loss())
        .tolerance(ACCURACY);
    if let Some(iterations) = arguments.iterations {
        coordinates = coordinates.iterations(iterations);
    }
    let settings = BarycentricDictionary::from(coordinates)
        .atoms(arguments.atoms)
        .objective_tolerance(arguments.tolerance)
        .max_steps(arguments.max_steps);
    let line = Fitting::new(arguments.presentation.quiet);
    let count = data.histograms.len();
    let n = data.support.len();
    let mut rows = vec![0.0; n * count];
    for (index, row) in rows.chunks_exact_mut(n).enumerate() {
        let (bins, values) = data.histograms.row(index);
        for (bin, value) in bins.iter().zip(values) {
            row[*bin] = *value;
        }
    }
    let mut history: Vec<Step> = Vec::new();
    let observe = |progress: &haul::BarycentricProgress| {
        history.push(Step {
            step: progress.step,
            objective: progress.objective,
            gaps: None,
            seconds: progress.seconds,
        });
        line.tell(format!(
            "step {} of at most {}, {} a histogram",
            progress.step,
            arguments.max_steps,
            short(progress.objective / count as f64)
        ))
    };
    let found = settings.learn_observed(device, &data.support, &rows, observe);
    let factors = found.map_err(|error| of_histogram(error, data))?;
    let report = factors.report();
    // A search may look at one step several times.
    history.dedup_by_key(|step| step.step);
    Ok(Learned {
        model: Model::Barycentric(report.loss, report.iterations),
        atoms: factors
            .atoms()
            .iter()
            .flat_map(|atom| atom.weights())
            .copied()
            .collect(),
        weights: factors.weights().to_vec(),
        errors: report.terms.clone(),
        objective: report.objective,
        bounds: None,
        gaps: None,
        error: None,
        p,
        epsilon: report.epsilon,
        blur: report.epsilon.powf(1.0 / p),
        steps: report.steps,
        tolerance: arguments.tolerance,
        converged: report.converged,
        products: report.products,
        seconds: report.seconds,
        device: report.device.clone(),
        precision: report.precision,
        history,
    })
}

/// An error with the name of its histogram.
fn of_histogram(error: haul::Error, data: &Data) -> anyhow::Error {
    match error {
        haul::Error::Input { index, error } => {
            let name = data.name(index.saturating_sub(1));
            anyhow::Error::from(*error).context(format!("histogram {name}"))
        }
        error => options::in_options(error),
    }
}
