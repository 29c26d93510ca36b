//! Reduction of a measure to k points, as a projection for W₂ [Graf–Luschgy'00].
//!
//! ```text
//! Lloyd     min over x, a      W₂²(Σᵢ aᵢ δ(xᵢ), β) = Σⱼ bⱼ min over i of |xᵢ − yⱼ|²      k-means
//! soft      min over x, a      OT_ε(Σᵢ aᵢ δ(xᵢ), β) = −ε Σⱼ bⱼ log Σᵢ aᵢ e^{−|xᵢ − yⱼ|²/ε}
//! balanced  min over x         S_ε(Σᵢ δ(xᵢ)/k, β)
//! ```
//!
//! The second one is the likelihood of a mixture of Gaussians of variance ε/2 in each coordinate [Rigollet–Weed'18]; its centres
//! are fewer than k where the data have fewer than k modes at the blur. The third one is a [free
//! support](crate::FreeBarycenter) of one input, whose cells have one mass.

use super::free::{FitProgress, FreeBarycenter, Observer};
use super::{lloyd, soft};
use crate::measure::plus_plus;
use crate::problem::same_space;
use crate::{
    Cost, Engine, Error, Interrupt, Measure, Potentials, Precision, Regularization, Result,
    Sinkhorn, Stop, block_on,
};
use std::ops::ControlFlow;
use web_time::Instant;

/// What a quantization minimises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuantizationKind {
    /// W₂² in points and weights: k-means by Lloyd's algorithm [Lloyd'82].
    Lloyd,
    /// OT_ε in points and weights: mixtures of Gaussians of one variance, by expectation and maximisation.
    Soft,
    /// S_ε in the points, with the weight 1/k each.
    Balanced,
}

impl QuantizationKind {
    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lloyd => "lloyd",
            Self::Soft => "soft",
            Self::Balanced => "balanced",
        }
    }
}

/// Settings of a reduction to k points.
///
/// ```
/// # use haul_core::Quantization;
/// let quantization = Quantization::lloyd().seed(1);
/// // quantization.solve(&engine, &cloud, 64)?.measure() has 64 points.
/// ```
///
/// The same seed gives the same result on the same engine.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantization {
    pub(super) kind: QuantizationKind,
    /// ε, and the solves of the balanced kind.
    pub(super) sinkhorn: Sinkhorn,
    pub(super) movement: f64,
    pub(super) max_iterations: usize,
    seed: u64,
}

/// Numbers of a reduction to k points. Costs are in units of |x − y|², for a measure of mass 1.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct QuantizationReport {
    /// What was minimised.
    pub kind: QuantizationKind,
    /// Number of points of the result.
    pub k: usize,
    /// Number of points of the measure.
    pub n: usize,
    /// Dimension of the space.
    pub d: usize,
    /// ε, in units of the cost; `None` for Lloyd's algorithm.
    pub epsilon: Option<f64>,
    /// The objective at the result: W₂² (Lloyd), OT_ε (soft) or S_ε (balanced).
    pub objective: f64,
    /// Σⱼ bⱼ |x(j) − yⱼ|², with x(j) the centre that point j is assigned to, in f64. Of Lloyd's algorithm it is W₂².
    pub inertia: f64,
    /// The number of centres that no point is assigned to.
    pub empty: usize,
    /// The length of the last step, (Σᵢ aᵢ |xᵢ' − xᵢ|²)^½; 0 where no assignment changed in it.
    pub movement: f64,
    /// The movement at which it ends.
    pub goal: f64,
    /// Whether it ended by its movement, or because no assignment changed.
    pub converged: bool,
    /// Steps of the centres.
    pub iterations: usize,
    /// Pairs of all passes.
    pub pairs: u64,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// The device that computed it.
    pub device: String,
    /// The precision it computed in.
    pub precision: Precision,
}

/// A measure reduced to k points.
#[derive(Debug, Clone)]
pub struct Quantizer {
    pub(super) measure: Measure,
    pub(super) assignment: Vec<usize>,
    pub(super) report: QuantizationReport,
}

impl Quantizer {
    /// The centres with their weights, of the mass of the measure.
    pub fn measure(&self) -> &Measure {
        &self.measure
    }

    /// The index of the centre of each point: the nearest one, or in the balanced kind the one that gets most of its mass.
    pub fn assignment(&self) -> &[usize] {
        &self.assignment
    }

    /// The numbers of the reduction.
    pub fn report(&self) -> &QuantizationReport {
        &self.report
    }
}

/// The end of a loop.
pub(super) struct Found {
    /// The centres, of mass 1.
    pub(super) centres: Measure,
    pub(super) assignment: Vec<usize>,
    pub(super) epsilon: Option<f64>,
    /// The objective, if it is not the inertia.
    pub(super) objective: Option<f64>,
    pub(super) movement: f64,
    pub(super) goal: f64,
    pub(super) converged: bool,
    pub(super) iterations: usize,
    pub(super) pairs: u64,
}

impl Quantization {
    /// k-means: points and weights are free, and ε is 0. It ends where no assignment changes, or by its
    /// [movement](Self::movement).
    pub fn lloyd() -> Self {
        Self::new(QuantizationKind::Lloyd, Sinkhorn::default())
    }

    /// Points and weights are free, with an ε. A relative blur is a fraction of the diagonal of the measure's bounding box.
    pub fn soft(regularization: Regularization) -> Self {
        let sinkhorn = Sinkhorn::with(regularization);
        Self::new(QuantizationKind::Soft, sinkhorn)
    }

    /// Each centre has the weight 1/k. The settings are those of the solves, which are balanced and have p = 2.
    pub fn balanced(sinkhorn: Sinkhorn) -> Self {
        Self::new(QuantizationKind::Balanced, sinkhorn)
    }

    fn new(kind: QuantizationKind, sinkhorn: Sinkhorn) -> Self {
        Self {
            kind,
            sinkhorn,
            movement: match kind {
                QuantizationKind::Lloyd => 1e-4,
                _ => 1e-2,
            },
            max_iterations: 300,
            seed: 0,
        }
    }

    /// The movement at which it ends: a step moves the centres by less than this fraction of the blur, as the root mean square
    /// over the measure; of the root mean square distance to the centres in Lloyd's algorithm. Default 1e-2, and 1e-4 for Lloyd's
    /// algorithm.
    pub fn movement(mut self, share: f64) -> Self {
        self.movement = share;
        self
    }

    /// The largest number of steps. Default 300.
    pub fn max_iterations(mut self, iterations: usize) -> Self {
        self.max_iterations = iterations;
        self
    }

    /// The seed of the start, by which k-means++ draws the first centres. Default 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Reduces `measure` to at most k points, from centres that k-means++ draws. They are fewer if the measure has fewer different
    /// points of positive weight.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] for k = 0, a movement that is negative, 0 iterations, and an ε out of range; in the balanced kind
    /// those of [`FreeBarycenter::solve`]; and the engine's own.
    pub fn solve<E: Engine + Clone>(
        &self,
        engine: E,
        measure: &Measure,
        k: usize,
    ) -> Result<Quantizer> {
        self.solve_observed(engine, measure, k, |_: &FitProgress| {
            ControlFlow::Continue(())
        })
    }

    /// [`solve`](Self::solve) that reports its progress, and ends early if the observer breaks: with a result that did not
    /// converge, or without one, as [`Stop`] says.
    ///
    /// # Errors
    ///
    /// Those of [`solve`](Self::solve), and [`Error::Interrupted`].
    pub fn solve_observed<E: Engine + Clone>(
        &self,
        engine: E,
        measure: &Measure,
        k: usize,
        mut observer: impl FnMut(&FitProgress) -> ControlFlow<Stop> + Send,
    ) -> Result<Quantizer> {
        let begin = Instant::now();
        if k == 0 {
            return Err(bad("k", 0.0, "at least 1"));
        }
        self.check()?;
        let start = self.seeds(measure, k, engine.interrupt())?;
        block_on(self.run(engine, (measure, &start), begin, &mut observer))
    }

    /// Reduces `measure` to as many points as `start` has, from its points. In the balanced kind the weights of `start` are kept,
    /// and in the soft kind they are the first guess.
    ///
    /// # Errors
    ///
    /// Those of [`solve`](Self::solve), and [`Error::DimensionMismatch`].
    pub fn solve_from<E: Engine + Clone>(
        &self,
        engine: E,
        measure: &Measure,
        start: &Measure,
    ) -> Result<Quantizer> {
        let begin = Instant::now();
        let mut observer = |_: &FitProgress| ControlFlow::Continue(());
        self.check()?;
        same_space(measure, start)?;
        block_on(self.run(engine, (measure, start), begin, &mut observer))
    }

    /// At most k points of a measure, drawn by k-means++ [Arthur–Vassilvitskii'07] with the seed of these settings, of equal
    /// weights and mass 1: the start of [`solve`](Self::solve). From 10⁵ points 2000 are drawn in seconds, which the interrupt ends.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] for k = 0, and [`Error::Interrupted`].
    pub fn seeds(&self, measure: &Measure, k: usize, interrupt: &Interrupt) -> Result<Measure> {
        let d = measure.dimension();
        let chosen = plus_plus(measure, k, self.seed, interrupt)?;
        if k == 0 || chosen.is_empty() {
            return Err(bad("k", 0.0, "at least 1"));
        }
        let points = chosen
            .iter()
            .flat_map(|i| &measure.points()[i * d..(i + 1) * d]);
        Measure::uniform(&points.copied().collect::<Vec<f64>>(), d)
    }

    fn check(&self) -> Result<()> {
        if !(self.movement >= 0.0 && self.movement.is_finite()) {
            let range = "finite and at least 0";
            return Err(bad("movement", self.movement, range));
        }
        if self.max_iterations == 0 {
            return Err(bad("max_iterations", 0.0, "at least 1"));
        }
        Ok(())
    }

    async fn run<E: Engine + Clone>(
        &self,
        engine: E,
        (measure, start): (&Measure, &Measure),
        begin: Instant,
        observer: &mut Observer<'_>,
    ) -> Result<Quantizer> {
        let places = (measure, start);
        let found = match self.kind {
            QuantizationKind::Lloyd => lloyd::run(self, &engine, places, begin, observer).await?,
            QuantizationKind::Soft => soft::run(self, &engine, places, begin, observer).await?,
            QuantizationKind::Balanced => self.balance(&engine, places, observer).await?,
        };
        let centres = found.centres;
        let inertia = inertia(measure, centres.points(), &found.assignment);
        let weights = centres.weights().iter();
        let weights: Vec<f64> = weights.map(|a| a * measure.mass()).collect();
        let mut filled = vec![false; centres.len()];
        for i in &found.assignment {
            filled[*i] = true;
        }
        Ok(Quantizer {
            report: QuantizationReport {
                kind: self.kind,
                k: centres.len(),
                n: measure.len(),
                d: measure.dimension(),
                epsilon: found.epsilon,
                objective: found.objective.unwrap_or(inertia),
                inertia,
                empty: filled.iter().filter(|filled| !**filled).count(),
                movement: found.movement,
                goal: found.goal,
                converged: found.converged,
                iterations: found.iterations,
                pairs: found.pairs,
                seconds: begin.elapsed().as_secs_f64(),
                device: engine.device().to_owned(),
                precision: engine.precision(),
            },
            measure: centres.with_weights(&weights)?,
            assignment: found.assignment,
        })
    }

    /// The balanced kind: a free support of one input.
    async fn balance<E: Engine + Clone>(
        &self,
        engine: &E,
        (measure, start): (&Measure, &Measure),
        observer: &mut Observer<'_>,
    ) -> Result<Found> {
        let data = measure.clone().normalized();
        let average = FreeBarycenter::new(self.sinkhorn.clone())
            .movement(self.movement.max(f64::MIN_POSITIVE))
            .max_steps(self.max_iterations)
            .average(engine.clone(), start, std::slice::from_ref(&data), observer)
            .await?;
        let report = average.report();
        // The assignment is that of the data, from the same potentials.
        let settings = self.sinkhorn.clone();
        let mut settings = settings.regularized(Regularization::Epsilon(report.epsilon));
        if let Some(Potentials { f, g }) = average.potentials().first().cloned() {
            settings = settings.warm_start(Potentials { f: g, g: f });
        }
        let solution = settings.solve_async(engine.clone(), &data, average.measure());
        let assignment = solution.await?.plan().assignment_async().await?;
        Ok(Found {
            centres: average.measure().clone(),
            assignment: assigned(assignment),
            epsilon: Some(report.epsilon),
            objective: Some(report.objective),
            movement: report.movement,
            goal: report.goal,
            converged: report.converged,
            iterations: report.steps,
            pairs: report.pairs,
        })
    }
}

/// The assignment of points; a point without one, as may be in the balanced kind if it has the weight 0, is with the first centre.
pub(super) fn assigned(columns: Vec<Option<usize>>) -> Vec<usize> {
    columns
        .into_iter()
        .map(|column| column.unwrap_or(0))
        .collect()
}

/// Σⱼ bⱼ |x(j) − yⱼ|² / Σⱼ bⱼ.
fn inertia(measure: &Measure, centres: &[f64], assignment: &[usize]) -> f64 {
    let d = measure.dimension();
    let rows = measure.points().chunks_exact(d).zip(measure.weights());
    let term = |((point, weight), i): ((&[f64], &f64), &usize)| {
        let centre = centres.get(i * d..(i + 1) * d).unwrap_or_default();
        weight * Cost::SquaredEuclidean.between(point, centre)
    };
    crate::linalg::sum(rows.zip(assignment).map(term)) / measure.mass()
}

pub(super) fn bad(name: &'static str, value: f64, range: &'static str) -> Error {
    Error::BadParameter { name, value, range }
}
