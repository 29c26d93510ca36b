//! Averages of clouds whose points find their own places, and the answer of either kind of average.

use super::Barycenter;
use super::answer::{BarycenterAnswer, list};
use crate::answer::{Answer, Summary};
use crate::densities::check_alike;
use crate::device;
use crate::headline::Headline;
use crate::input::{Cloud, on_grid};
use crate::number::{Certified, duration, error, short};
use crate::options::{self, Engine};
use crate::outcome::Outcome;
use crate::page::sheet::Page;
use crate::progress::Fitting;
use crate::rows::Rows;
use crate::transport::text::verdict;
use anyhow::{Context, Result, bail};
use haul::Engine as _;
use haul::{
    BarycenterKind, Device, FreeBarycenter, FreeReport, Measure, Quantization, Regularization,
    Sinkhorn, SupportWeights,
};
use haul_files as formats;
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// The tolerance of the solves of a fit, over that of the command: at a small blur, plans that are off by a hundredth of the mass
/// move points by more than the step at which a fit ends.
const FINER: f64 = 0.1;

/// The start is drawn from so many points of each input at most.
const MOST_OF_START: usize = 100_000;

/// An average on given points, or on points that found their places.
pub(crate) enum AverageAnswer {
    Fixed(Box<BarycenterAnswer>),
    Free(Box<FreeAnswer>),
}

/// An average whose points found their places.
pub(crate) struct FreeAnswer {
    inputs: Vec<String>,
    output: String,
    report: FreeReport,
    /// A lower bound for all measures of the space, of the plain and the product kind in up to 3 dimensions.
    lower_bound: Option<f64>,
}

impl Barycenter {
    /// The engine of a free support; refuses inputs that have no average, and a file that cannot hold it.
    pub(super) fn engine_of_points(&self, clouds: &[Arc<Cloud>]) -> Result<Engine> {
        let inputs = self.measures(clouds)?;
        let all: Vec<&Measure> = inputs.iter().collect();
        check_alike(&self.inputs.iter().collect::<Vec<_>>(), &all)?;
        let Some(first) = inputs.first() else {
            bail!("an average needs at least one input");
        };
        if on_grid(first).is_some() {
            bail!("--points is for clouds, and these inputs are masses on grids; leave it out");
        }
        formats::check_cloud(&self.output, None, first.dimension())?;
        if self.learn_weights && !formats::holds_weights(&self.output, None)? {
            let file = self.output.display();
            bail!("{file}: this average has weights; write .npz, .ply or .csv");
        }
        options::named(
            self.fit(&inputs)?.check(first, &inputs),
            &self.inputs[0],
            &self.inputs[0],
        )?;
        let mut engine = self.engine.clone();
        let sinkhorn = self.sinkhorn_of_points(&inputs)?;
        for (input, file) in inputs.iter().zip(&self.inputs) {
            let posed = options::named(sinkhorn.problem(first, input), file, file)?;
            engine = device::engine_for(&engine, &posed, self.tolerance, self.presentation.quiet);
        }
        Ok(engine)
    }

    /// The average on so many free points.
    pub(super) fn free(
        &self,
        device: &Device,
        clouds: &[Arc<Cloud>],
        points: usize,
    ) -> Result<FreeAnswer> {
        let inputs = self.measures(clouds)?;
        let start = Quantization::lloyd().seed(self.start_seed).seeds(
            &pooled(&inputs)?,
            points,
            device.interrupt(),
        )?;
        let fitting = Fitting::new(self.presentation.quiet);
        let fit = self.fit(&inputs)?;
        let average = fit
            .solve_observed(device, &start, &inputs, |progress| {
                fitting.observe_fit(progress)
            })
            .map_err(options::in_options)?;
        drop(fitting);
        let (measure, d) = (average.measure(), start.dimension());
        let weights = formats::holds_weights(&self.output, None)?.then_some(measure.weights());
        formats::write_cloud(&self.output, None, measure.points(), d, weights)?;
        Ok(FreeAnswer {
            inputs: self.names(),
            output: self.output.to_string_lossy().into_owned(),
            lower_bound: average.lower_bound(&device)?,
            report: average.report().clone(),
        })
    }

    fn measures(&self, clouds: &[Arc<Cloud>]) -> Result<Vec<Measure>> {
        let inputs = clouds.iter().take(self.inputs.len());
        let inputs: Vec<_> = inputs.map(|cloud| cloud.measure.clone()).collect();
        match inputs.is_empty() {
            true => bail!("an average needs at least one input"),
            false => Ok(inputs),
        }
    }

    fn fit(&self, inputs: &[Measure]) -> Result<FreeBarycenter> {
        let fit = FreeBarycenter::new(self.sinkhorn_of_points(inputs)?)
            .kind(self.kind.into())
            .max_steps(self.max_iterations)
            .weights(match self.learn_weights {
                true => SupportWeights::Learned,
                false => SupportWeights::Fixed,
            });
        Ok(match self.lambda.is_empty() {
            true => fit,
            false => fit.lambda(&self.lambda),
        })
    }

    /// The solves of a fit. A blur that is not given is a share of the diagonal of the box around all inputs.
    fn sinkhorn_of_points(&self, inputs: &[Measure]) -> Result<Sinkhorn> {
        let all = pooled(inputs)?;
        let diameter = Sinkhorn::default().problem(&all, &all)?.frame().diameter();
        let blur = match self.smoothing.on(&all) {
            Regularization::RelativeBlur(share) if diameter > 0.0 => {
                Regularization::Blur(share * diameter)
            }
            given => given,
        };
        Ok(Sinkhorn::with(blur)
            .p(self.smoothing.power())
            .tolerance(FINER * self.tolerance))
    }
}

/// The points of all inputs, or evenly chosen ones of large inputs with the corners of their box.
fn pooled(inputs: &[Measure]) -> Result<Measure> {
    let d = inputs.first().map_or(1, Measure::dimension);
    let (mut points, mut weights) = (Vec::new(), Vec::new());
    for input in inputs {
        let step = input.len().div_ceil(MOST_OF_START).max(1);
        let rows = input.points().chunks_exact(d).zip(input.weights());
        for (point, weight) in rows.step_by(step) {
            points.extend_from_slice(point);
            weights.push(weight / input.mass());
        }
    }
    Measure::new(points, d, weights).context("the start of the points")
}

impl FreeAnswer {
    fn opening(&self) -> Headline {
        let report = &self.report;
        let told = Certified::new(report.objective, report.bounds);
        let (kind, points) = (report.kind.name(), report.n);
        let formula = match report.kind {
            BarycenterKind::Debiased => "Σ λₛ S_ε(b, bₛ)",
            _ => "Σ λₛ OT_ε(b, bₛ)",
        };
        let sentence = match self.lower_bound {
            Some(bound) => format!(
                "No measure at all, of however many points, has an objective below {}.",
                short(bound)
            ),
            None => format!(
                "A step of the points would move them by {}; other places may have a lower objective.",
                error(report.movement)
            ),
        };
        Headline {
            name: "objective".to_owned(),
            beside: format!(" {} = {formula}, {kind}, {points} points", told.between()),
            value: told.value,
            sentence: Some(sentence),
        }
    }
}

impl Answer for AverageAnswer {
    fn headline(&self) -> Option<Headline> {
        match self {
            Self::Fixed(answer) => answer.headline(),
            Self::Free(answer) => Some(answer.opening()),
        }
    }

    fn rows(&self) -> Rows {
        let answer = match self {
            Self::Fixed(answer) => return answer.rows(),
            Self::Free(answer) => answer,
        };
        let report = &answer.report;
        let mut rows = Rows::default();
        let mut row = |name: &str, value: String| rows.row(name, value);
        row("inputs", answer.inputs.join(", "));
        row("λ", list(&report.lambda));
        row(
            "average on",
            format!("{} free points in dimension {}", report.n, report.d),
        );
        let (blur, epsilon) = (short(report.blur), short(report.epsilon));
        row(
            "blur",
            format!("{blur}, ε = {epsilon} for the cost |x − y|^2"),
        );
        row(
            "movement",
            format!(
                "{} in the next step, {} {}",
                error(report.movement),
                verdict(report.movement <= report.goal),
                error(report.goal)
            ),
        );
        let (passes, seconds) = (report.passes, duration(report.seconds));
        row(
            "effort",
            format!("{} steps, {passes} passes, {seconds}", report.steps),
        );
        row(
            "device",
            format!("{}, {}", report.device, report.precision.name()),
        );
        row("written", answer.output.clone());
        rows
    }

    fn page(&self) -> Page {
        match self {
            Self::Fixed(answer) => answer.page(),
            // A page is refused beside --points.
            Self::Free(_) => Ok(String::new()),
        }
    }

    fn summary(&self) -> Summary {
        let report = match self {
            Self::Fixed(answer) => return answer.summary(),
            Self::Free(answer) => &answer.report,
        };
        Summary {
            value: Some(report.objective),
            bounds: Some((report.bounds.lower, report.bounds.upper)),
            iterations: Some(report.steps as u64),
            seconds: Some(report.seconds),
            pairs: report.pairs,
        }
    }

    fn warnings(&self) -> Vec<String> {
        let report = match self {
            Self::Fixed(answer) => return answer.warnings(),
            Self::Free(answer) => &answer.report,
        };
        let stuck = (!report.converged).then(|| {
            format!(
                "not converged: the next step would move the points by {}; give more --max-iterations, or a larger --blur",
                error(report.movement)
            )
        });
        stuck.into_iter().collect()
    }

    fn outcome(&self) -> Outcome {
        match self {
            Self::Fixed(answer) => answer.outcome(),
            Self::Free(answer) => Outcome::of(answer.report.converged),
        }
    }
}

/// The JSON object of a free support; the names of its keys are the program's contract.
#[derive(Serialize)]
struct Keys<'r> {
    command: &'static str,
    inputs: &'r [String],
    output: [&'r str; 1],
    kind: &'static str,
    n: usize,
    d: usize,
    p: u8,
    epsilon: f64,
    blur: f64,
    lambda: &'r [f64],
    terms: &'r [f64],
    value: f64,
    objective: f64,
    certificate: CertificateKeys,
    /// For all measures of the space.
    lower_bound: Option<f64>,
    learned_weights: bool,
    movement: f64,
    goal: f64,
    change: f64,
    tolerance: f64,
    converged: bool,
    iterations: usize,
    products: usize,
    pairs: u64,
    seconds: f64,
    device: &'r str,
    precision: &'static str,
}

/// Bounds of the objective at these points.
#[derive(Serialize)]
struct CertificateKeys {
    lower_bound: f64,
    upper_bound: f64,
    gap: f64,
}

impl Serialize for AverageAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let answer = match self {
            Self::Fixed(answer) => return answer.serialize(serializer),
            Self::Free(answer) => answer,
        };
        let report = &answer.report;
        let bounds = report.bounds;
        let keys = Keys {
            command: "barycenter",
            inputs: &answer.inputs,
            output: [&answer.output],
            kind: report.kind.name(),
            n: report.n,
            d: report.d,
            p: 2,
            epsilon: report.epsilon,
            blur: report.blur,
            lambda: &report.lambda,
            terms: &report.terms,
            value: report.value,
            objective: report.objective,
            certificate: CertificateKeys {
                lower_bound: bounds.lower,
                upper_bound: bounds.upper,
                gap: bounds.upper - bounds.lower,
            },
            lower_bound: answer.lower_bound,
            learned_weights: report.weights == SupportWeights::Learned,
            movement: report.movement,
            goal: report.goal,
            change: report.change,
            tolerance: report.tolerance,
            converged: report.converged,
            iterations: report.steps,
            products: report.passes,
            pairs: report.pairs,
            seconds: report.seconds,
            device: &report.device,
            precision: report.precision.name(),
        };
        keys.serialize(serializer)
    }
}
