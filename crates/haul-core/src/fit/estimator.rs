//! Minimum Kantorovich estimators [Bassetti–Bodini–Regazzini'06]: the parameters of a model whose measure is nearest to data.
//!
//! ```text
//! min over θ  D(f_θ♯ζ, β)
//! ```
//!
//! for a loss D of transport, such as S_ε, which needs no densities: the model and the data may lie on different sets. Training
//! draws noise and data in each step, as [Genevay–Peyré–Cuturi'18] do, and [`loss`](super::loss) tells why in two halves. With
//! fixed draws the objective is a function of θ alone.
//!
//! [`steps`](super::steps) has the problem and its steps. The random numbers of a step depend on the seed and the number of
//! the step. So the state of a fit is its parameters, what the optimizer remembers, and potentials; a fit that goes on from
//! it has the same bits as one that was never interrupted.

use super::loss::mean_with_error;
use super::models::{Model, of_length};
use super::steps::Posed;
use super::{FitLoss, Noise, Optimizer, OptimizerState};
use crate::{Engine, Error, Gradient, Measure, Potentials, Precision, Result};
use std::ops::ControlFlow;
use web_time::Instant;

/// What a fit draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Draws {
    /// In each step two independent batches of noise and two of data. The self terms are between the two, so that the loss
    /// has the mean 0 where the model has the law of the data, and its derivative too.
    #[default]
    Halves,
    /// In each step one batch of noise and one of data, with self terms of the batches. Its mean is least at a narrower model.
    Batches,
    /// One batch of noise for all steps, or all points if the noise is a measure, and all data. Potentials of a step start the
    /// next one.
    Fixed,
}

/// Settings of a fit of a model to data.
///
/// ```
/// use haul_core::{Divergence, Draws, Engine, Fit, FitLoss, GaussianModel, Measure, Result};
/// /// Mean and covariance of a Gaussian near the data.
/// fn gaussian(engine: &impl Engine, data: &Measure) -> Result<(Vec<f64>, Vec<f64>)> {
///     let model = GaussianModel::new(2);
///     let start = model.of(&[0.0, 0.0], &[1.0, 0.0, 0.0, 1.0])?;
///     let loss = FitLoss::Divergence(Divergence::blur(0.3));
///     let fitted = Fit::new(loss).max_steps(400).solve(engine, &model, data, &start)?;
///     let parameters = fitted.parameters();
///     Ok((model.mean(parameters)?, model.covariance(parameters)?))
/// }
/// ```
///
/// The loss is not convex in the parameters, and the result depends on their start.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    pub(super) loss: FitLoss,
    pub(super) draws: Draws,
    pub(super) batch: usize,
    pub(super) optimizer: Optimizer,
    pub(super) tau: f64,
    pub(super) max_steps: usize,
    pub(super) annealing: (f64, usize),
    goal: Option<f64>,
    movement: f64,
    pub(super) seed: u64,
}

/// The state of a fit: plain data, of which a checkpoint can be made.
#[derive(Debug, Clone, PartialEq)]
pub struct FitState {
    /// θ.
    pub parameters: Vec<f64>,
    /// What the optimizer remembers, with a number for each parameter.
    pub optimizer: OptimizerState,
    /// The loss before each step so far.
    pub losses: Vec<f64>,
    /// With fixed draws, the potentials between model and data before the last step.
    pub potentials: Option<Potentials>,
}

/// Why a fit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FitEnd {
    /// It took all of its steps.
    Steps,
    /// The loss reached its goal.
    Goal,
    /// The last step moved the model by no more than the movement.
    Movement,
    /// The observer ended it.
    Observer,
}

/// Numbers of a fit.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FitReport {
    /// The mean of the last 50 losses, or of all if they are fewer; with fixed draws the last loss.
    pub loss: f64,
    /// The standard error of that mean; 0 with fixed draws.
    pub loss_error: f64,
    /// ε of the last step, in units of the cost; `None` for a loss without one.
    pub epsilon: Option<f64>,
    /// With fixed draws, how far the last step moved the model, as in [`Fit::movement`].
    pub movement: Option<f64>,
    /// Steps so far, those before a checkpoint among them.
    pub steps: usize,
    /// Why it ended.
    pub end: FitEnd,
    /// Wall-clock seconds since it started or went on.
    pub seconds: f64,
    /// The device that computed it.
    pub device: String,
    /// The precision it computed in.
    pub precision: Precision,
}

/// The parameters that a fit found.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedModel {
    state: FitState,
    report: FitReport,
}

/// The mean of a loss over several draws.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossEstimate {
    /// The mean.
    pub mean: f64,
    /// Its standard error, from the differences of the draws.
    pub error: f64,
}

/// The number of losses in a mean.
const WINDOW: usize = 50;

impl FittedModel {
    /// θ.
    pub fn parameters(&self) -> &[f64] {
        &self.state.parameters
    }

    /// The state, from which the fit [goes on](Fit::resume).
    pub fn state(&self) -> &FitState {
        &self.state
    }

    /// The numbers of the fit.
    pub fn report(&self) -> &FitReport {
        &self.report
    }
}

impl FitState {
    /// The state before the first step.
    pub fn start(parameters: &[f64]) -> Self {
        Self {
            parameters: parameters.to_vec(),
            optimizer: OptimizerState::start(parameters.len()),
            losses: Vec::new(),
            potentials: None,
        }
    }

    /// Steps so far.
    pub fn steps(&self) -> usize {
        self.optimizer.steps
    }
}

impl Fit {
    /// Of halves of 100 points, by 1000 steps of Adam with τ = 0.02.
    pub fn new(loss: FitLoss) -> Self {
        Self {
            loss,
            draws: Draws::default(),
            batch: 100,
            optimizer: Optimizer::Adam,
            tau: 0.02,
            max_steps: 1000,
            annealing: (1.0, 0),
            goal: None,
            movement: 1e-4,
            seed: 0,
        }
    }

    /// What is drawn. Default [`Draws::Halves`].
    pub fn draws(mut self, draws: Draws) -> Self {
        self.draws = draws;
        self
    }

    /// The number of points of each batch, of noise and of data. Default 100.
    pub fn batch(mut self, points: usize) -> Self {
        self.batch = points;
        self
    }

    /// How steps follow the slope. Default [`Optimizer::Adam`].
    pub fn optimizer(mut self, optimizer: Optimizer) -> Self {
        self.optimizer = optimizer;
        self
    }

    /// The length τ of a step at the start: of Adam in units of the parameters. With fresh draws it falls to 0 along half a
    /// cosine, τ (1 + cos(πk/K))/2 in step k of K, so that the noise of the draws averages out. Default 0.02.
    pub fn tau(mut self, tau: f64) -> Self {
        self.tau = tau;
        self
    }

    /// The largest number K of steps. Default 1000.
    pub fn max_steps(mut self, steps: usize) -> Self {
        self.max_steps = steps;
        self
    }

    /// ε starts `factor` times as large, and falls to its value in so many steps, by the same factor in each. A large ε shows the
    /// way where model and data are far apart. Default: ε is the same in all steps.
    pub fn annealing(mut self, factor: f64, steps: usize) -> Self {
        self.annealing = (factor, steps);
        self
    }

    /// The loss at which it ends, for example the [yardstick](Self::yardstick): that of the last 50 steps in the mean. By default
    /// there is none.
    pub fn goal(mut self, loss: f64) -> Self {
        self.goal = Some(loss);
        self
    }

    /// With fixed draws it ends when a step moves the points of the model by no more than this, as the root mean square relative to the
    /// distance of the data from their mean, and the weights by no more in L1. Default 1e-4.
    pub fn movement(mut self, share: f64) -> Self {
        self.movement = share;
        self
    }

    /// The seed of the draws. Default 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Fits a model to data, from the parameters `start`.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] for settings out of range, [`Error::Length`] for parameters or derivatives of another number than the
    /// model has, [`Error::NotFiniteResult`] where they leave the range of floats, and those of the model and of the loss.
    pub fn solve<E: Engine + Clone, M: Model>(
        &self,
        engine: E,
        model: &M,
        data: &Measure,
        start: &[f64],
    ) -> Result<FittedModel> {
        self.resume(engine, model, data, FitState::start(start), |_| {
            ControlFlow::Continue(())
        })
    }

    /// Goes on from a state, and shows each state to an observer, which may keep it as a checkpoint, or end the fit by a break. With the
    /// same settings, engine, model and data, the result has the bits of a fit without an interruption.
    ///
    /// # Errors
    ///
    /// Those of [`solve`](Self::solve).
    pub fn resume<E: Engine + Clone, M: Model>(
        &self,
        engine: E,
        model: &M,
        data: &Measure,
        mut state: FitState,
        mut observer: impl FnMut(&FitState) -> ControlFlow<()>,
    ) -> Result<FittedModel> {
        let begin = Instant::now();
        let mut posed = Posed::new(self, &engine, model, data)?;
        let expected = model.parameters();
        of_length("the parameters", state.parameters.len(), expected)?;
        state.optimizer.check(expected)?;
        let mut movement = None;
        let end = loop {
            if state.steps() >= self.max_steps {
                break FitEnd::Steps;
            }
            movement = posed.advance(&mut state)?;
            if observer(&state).is_break() {
                break FitEnd::Observer;
            }
            if movement.is_some_and(|movement| movement <= self.movement) {
                break FitEnd::Movement;
            }
            let enough = self.draws == Draws::Fixed || state.losses.len() >= WINDOW;
            let (loss, _) = self.loss_of(&state);
            if enough && self.goal.is_some_and(|goal| loss <= goal) {
                break FitEnd::Goal;
            }
        };
        let (loss, loss_error) = self.loss_of(&state);
        let report = FitReport {
            loss,
            loss_error,
            epsilon: posed.epsilon_at(state.steps().saturating_sub(1)),
            movement,
            steps: state.steps(),
            end,
            seconds: begin.elapsed().as_secs_f64(),
            device: engine.device().to_owned(),
            precision: engine.precision(),
        };
        Ok(FittedModel { state, report })
    }

    /// The loss of a model at given parameters: its mean over `count` fresh draws of this batch size. With [`Draws::Fixed`] the draws are
    /// as in [`Draws::Batches`].
    ///
    /// # Errors
    ///
    /// Those of [`solve`](Self::solve).
    pub fn estimate<E: Engine + Clone, M: Model>(
        &self,
        engine: E,
        model: &M,
        data: &Measure,
        parameters: &[f64],
        count: usize,
    ) -> Result<LossEstimate> {
        let posed = Posed::new(self, &engine, model, data)?;
        self.estimated(count, |index| posed.drawn_loss(parameters, index))
    }

    /// The loss of the data against themselves, over `count` fresh draws: what a model with the law of the data would have. With
    /// [`Draws::Halves`] its mean is 0, up to its error.
    ///
    /// Draws are with replacement. Two batches that are not small beside the data share points, and with [`Draws::Batches`] are then
    /// nearer to each other than to any other sample of their law.
    ///
    /// # Errors
    ///
    /// Those of the loss.
    pub fn yardstick<E: Engine + Clone>(
        &self,
        engine: E,
        data: &Measure,
        count: usize,
    ) -> Result<LossEstimate> {
        let itself = DataModel(data);
        self.estimate(engine, &itself, data, &[], count)
    }

    fn estimated(&self, count: usize, loss: impl Fn(u64) -> Result<f64>) -> Result<LossEstimate> {
        if count < 2 {
            return Err(Error::BadParameter {
                name: "count",
                value: count as f64,
                range: "at least 2, for a standard error",
            });
        }
        let losses = (0..count as u64).map(loss).collect::<Result<Vec<_>>>()?;
        let (mean, error) = mean_with_error(&losses);
        Ok(LossEstimate { mean, error })
    }

    /// The loss as it is, and its standard error.
    fn loss_of(&self, state: &FitState) -> (f64, f64) {
        let losses = &state.losses;
        match (self.draws, losses.last()) {
            (_, None) => (f64::NAN, f64::NAN),
            (Draws::Fixed, Some(last)) => (*last, 0.0),
            _ => mean_with_error(&losses[losses.len().saturating_sub(WINDOW)..]),
        }
    }

    /// Refuses settings out of range.
    pub(super) fn check(&self) -> Result<()> {
        let bad = |name, value, range| Err(Error::BadParameter { name, value, range });
        self.optimizer.check(self.tau)?;
        if self.batch == 0 {
            return bad("batch", 0.0, "at least 1");
        }
        if self.max_steps == 0 {
            return bad("max_steps", 0.0, "at least 1");
        }
        if !(self.movement >= 0.0 && self.movement.is_finite()) {
            return bad("movement", self.movement, "finite and at least 0");
        }
        let (factor, _) = self.annealing;
        if !(factor > 0.0 && factor.is_finite()) {
            return bad("annealing", factor, "a finite number above 0");
        }
        Ok(())
    }
}

/// The data as a model without parameters, whose noise are the data themselves.
struct DataModel<'d>(&'d Measure);

impl Model for DataModel<'_> {
    fn parameters(&self) -> usize {
        0
    }

    fn noise(&self) -> Noise {
        Noise::Measure(self.0.clone())
    }

    fn push(&self, _: &[f64], noise: &Measure) -> Result<Measure> {
        Ok(noise.clone())
    }

    fn pull(&self, _: &[f64], _: &Measure, _: &Gradient) -> Result<Vec<f64>> {
        Ok(Vec::new())
    }
}
