//! The steps of a dictionary, their control, and the report.

use super::FactorGradient;
use super::evaluation::{Effort, Evaluation, Evaluator};
use super::factors::{DictionaryReport, DictionaryState, Factors};
use super::posed::{Posed, shuffled};
use crate::linalg::sum;
use crate::{Engine, Error, Result, Stop};
use std::ops::ControlFlow;
use web_time::Instant;

/// The L1 error of the potentials that the first step starts from, and the largest number of their updates.
const BEGIN: Effort = Effort {
    tolerance: 0.05,
    iterations: 30,
};

/// The same for each step. With more updates, potentials of single columns of a pass overshoot more often.
const EACH: Effort = Effort {
    tolerance: 0.3,
    iterations: 3,
};

/// The same for the histograms' own terms. The values' errors are of its second order.
const OWN: Effort = Effort {
    tolerance: 1e-3,
    iterations: 1000,
};

/// The factor of η after a step that lowered the objective, and after one that raised it.
const GROWTH: f64 = 1.1;
const CUT: f64 = 0.5;

/// The number of steps over which the decrease of the objective is measured.
const WINDOW: usize = 10;

/// An atom that the histograms use less than this, all together, keeps its bins.
const LEAST_USE: f64 = 1e-12;

/// The progress of a dictionary after a step.
#[derive(Debug)]
#[non_exhaustive]
pub struct DictionaryProgress<'s> {
    /// The number of steps so far.
    pub step: usize,
    /// The objective, a sum over the histograms, in units of the cost.
    pub objective: f64,
    /// The Frank–Wolfe gap of the weights; see [`DictionaryReport::weights_gap`].
    pub weights_gap: f64,
    /// That of the atoms.
    pub atoms_gap: f64,
    /// The largest L1 error of the marginals of a plan.
    pub error: f64,
    /// The step size η of the next step.
    pub step_size: f64,
    /// Softmins of one histogram so far.
    pub products: usize,
    /// Seconds since the start.
    pub seconds: f64,
    state: &'s DictionaryState,
    potentials: &'s super::DictionaryPotentials,
}

impl DictionaryProgress<'_> {
    /// A copy of the state, to [resume](crate::LinearDictionary::resume) from, without the potentials.
    pub fn factors(&self) -> DictionaryState {
        self.state.clone()
    }

    /// The same with the potentials: one number for each bin that is not empty, and N×n for the debiased kind.
    pub fn state(&self) -> DictionaryState {
        DictionaryState {
            potentials: Some(self.potentials.clone()),
            ..self.state.clone()
        }
    }
}

/// The observer of a dictionary's progress.
pub(super) type Observer<'o> = dyn FnMut(&DictionaryProgress<'_>) -> ControlFlow<Stop> + Send + 'o;

/// A fit under way.
pub(super) struct Fit<'e, E: Engine> {
    engine: &'e E,
    posed: &'e Posed<'e>,
    evaluator: Evaluator<'e, E>,
    /// Without potentials: those are the evaluator's.
    state: DictionaryState,
    start: Instant,
}

impl<'e, E: Engine> Fit<'e, E> {
    pub(super) fn new(
        engine: &'e E,
        posed: &'e Posed<'e>,
        mut state: DictionaryState,
    ) -> Result<Self> {
        let evaluator = Evaluator::new(engine, posed, state.potentials.take())?;
        Ok(Self {
            engine,
            posed,
            evaluator,
            state,
            start: Instant::now(),
        })
    }

    fn bins(&self) -> usize {
        self.posed.support.len()
    }

    fn count(&self) -> usize {
        self.posed.atoms(&self.state)
    }

    /// The objective and its derivatives, in units of the cost.
    pub(super) async fn gradient(mut self, effort: Effort) -> Result<FactorGradient> {
        let own = self.evaluator.own_terms(effort).await?;
        let evaluation = self.evaluate(effort).await?;
        let epsilon = self.posed.problem.epsilon();
        let terms = self.terms(&evaluation, &own);
        let scaled = |values: Vec<f64>| values.into_iter().map(|v| epsilon * v).collect();
        Ok(FactorGradient {
            objective: sum(terms.iter().copied()),
            terms,
            atoms: scaled(evaluation.atoms),
            weights: scaled(evaluation.weights),
            error: evaluation.error,
        })
    }

    /// The losses in units of the cost.
    fn terms(&self, evaluation: &Evaluation, own: &[f64]) -> Vec<f64> {
        let epsilon = self.posed.problem.epsilon();
        let terms = evaluation.terms.iter().zip(own);
        terms.map(|(term, own)| epsilon * (term - own)).collect()
    }

    /// The evaluation of all histograms at the current factors.
    async fn evaluate(&mut self, effort: Effort) -> Result<Evaluation> {
        let histograms = self.posed.data.len();
        let mut evaluation = Evaluation::empty(self.bins(), self.count(), histograms);
        let members: Vec<usize> = (0..histograms).collect();
        self.evaluator
            .add(&self.state, &members, effort, &mut evaluation)
            .await?;
        Ok(evaluation)
    }

    /// Steps until they end, and reports.
    pub(super) async fn run(mut self, observer: &mut Observer<'_>) -> Result<Factors> {
        let own = self.evaluator.own_terms(OWN).await?;
        let tolerance = self.posed.settings.tolerance * self.posed.data.len() as f64;
        let mut now = self.evaluate(BEGIN).await?;
        let mut decreases: Vec<f64> = Vec::new();
        let converged = loop {
            if !now.terms.iter().all(|term| term.is_finite()) {
                return Err(Error::NotFiniteResult {
                    what: "the objective",
                    device: self.engine.device().to_owned(),
                });
            }
            match observer(&self.progress(&now, &own)) {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(Stop::Certify) => break false,
                ControlFlow::Break(Stop::Abandon) => return Err(Error::Interrupted),
            }
            let [of_weights, of_atoms] = self.gaps(&now);
            let last = decreases.rchunks(WINDOW).next().unwrap_or_default();
            let slow = last.len() == WINDOW && sum(last.iter().copied()) <= tolerance;
            let followed = now.mean_error <= EACH.tolerance;
            if followed && (slow || of_weights + of_atoms <= tolerance) {
                break true;
            }
            if self.state.steps >= self.posed.settings.max_steps {
                break false;
            }
            let (next, decrease) = match self.posed.settings.minibatch {
                Some(size) => self.epoch(size, &now).await?,
                None => self.step(&now).await?,
            };
            now = next;
            decreases.push(decrease);
            self.state.steps += 1;
        };
        Ok(self.factors(now, &own, converged))
    }

    /// A step of all factors, and how much it lowered the objective; undone where it raised it.
    ///
    /// The decrease is the mean of the slopes along the step at both of its ends. Differences of objectives would
    /// include what potentials gained by their updates, which may be more.
    async fn step(&mut self, now: &Evaluation) -> Result<(Evaluation, f64)> {
        let members: Vec<usize> = (0..self.posed.data.len()).collect();
        let before = [self.state.atoms.clone(), self.state.weights.clone()];
        self.move_factors(now, &members);
        let next = self.evaluate(EACH).await?;
        if self.posed.rho.is_some() {
            let [before, after] = [now, &next].map(|e| sum(e.terms.iter().copied()));
            return Ok((next, before - after));
        }
        let slope = |evaluation: &Evaluation| {
            let atoms = change([&before[0], &self.state.atoms], &evaluation.atoms);
            atoms + change([&before[1], &self.state.weights], &evaluation.weights)
        };
        let decrease = -0.5 * (slope(now) + slope(&next));
        if decrease >= 0.0 {
            // Longer steps make sense only if the potentials follow.
            if next.mean_error <= EACH.tolerance {
                self.state.step_size *= GROWTH;
            }
            return Ok((next, decrease));
        }
        self.state.step_size *= CUT;
        [self.state.atoms, self.state.weights] = before;
        Ok((self.evaluate(EACH).await?, 0.0))
    }

    /// A step after every `size` histograms, and how much the objective fell.
    async fn epoch(&mut self, size: usize, now: &Evaluation) -> Result<(Evaluation, f64)> {
        let histograms = self.posed.data.len();
        let order = shuffled(
            histograms,
            self.posed.settings.seed ^ self.state.steps as u64,
        );
        let mut all = Evaluation::empty(self.bins(), self.count(), histograms);
        let mut of_atoms = vec![0.0; all.atoms.len()];
        for part in order.chunks(size) {
            // A step takes the derivatives in the atoms of its part alone.
            all.atoms.fill(0.0);
            self.evaluator
                .add(&self.state, part, EACH, &mut all)
                .await?;
            self.move_factors(&all, part);
            let parts = of_atoms.iter_mut().zip(&all.atoms);
            parts.for_each(|(sum, derivative)| *sum += derivative);
        }
        all.atoms = of_atoms;
        let [now, next] = [now, &all].map(|e| sum(e.terms.iter().copied()));
        if self.posed.rho.is_none() {
            self.state.step_size *= if next > now { CUT } else { GROWTH };
        }
        Ok((all, now - next))
    }

    /// Multiplies the atoms and the weights of some histograms.
    fn move_factors(&mut self, evaluation: &Evaluation, members: &[usize]) {
        let (n, count) = (self.bins(), self.count());
        let mut uses = vec![0.0; count];
        for i in members {
            let weights = &self.state.weights[i * count..(i + 1) * count];
            uses.iter_mut().zip(weights).for_each(|(sum, w)| *sum += w);
        }
        let rho = self.posed.rho;
        let eta = self.state.step_size;
        for i in members {
            let row = i * count..(i + 1) * count;
            let derivative = &evaluation.weights[row.clone()];
            multiply(&mut self.state.weights[row], derivative, rho, eta);
        }
        let atoms = self.state.atoms.chunks_exact_mut(n);
        let derivatives = evaluation.atoms.chunks_exact(n);
        for ((atom, derivative), usage) in atoms.zip(derivatives).zip(&uses) {
            if *usage > LEAST_USE {
                multiply(atom, derivative, rho, eta / usage);
            }
        }
    }

    /// The Frank–Wolfe gaps of the weights and of the atoms, in units of ε.
    fn gaps(&self, evaluation: &Evaluation) -> [f64; 2] {
        let gap = |factors: &[f64], derivatives: &[f64], width: usize| {
            let rows = factors
                .chunks_exact(width)
                .zip(derivatives.chunks_exact(width));
            sum(rows.map(|(row, derivative)| {
                let least = derivative.iter().copied().fold(f64::INFINITY, f64::min);
                let excess = row.iter().zip(derivative);
                excess
                    .filter(|(w, _)| **w > 0.0)
                    .map(|(w, d)| w * (d - least))
                    .sum::<f64>()
            }))
        };
        [
            gap(&self.state.weights, &evaluation.weights, self.count()),
            gap(&self.state.atoms, &evaluation.atoms, self.bins()),
        ]
    }

    fn progress(&self, now: &Evaluation, own: &[f64]) -> DictionaryProgress<'_> {
        let epsilon = self.posed.problem.epsilon();
        let [weights_gap, atoms_gap] = self.gaps(now).map(|gap| epsilon * gap);
        DictionaryProgress {
            step: self.state.steps,
            objective: sum(self.terms(now, own)),
            weights_gap,
            atoms_gap,
            error: now.error,
            step_size: self.state.step_size,
            products: self.evaluator.transforms.count,
            seconds: self.start.elapsed().as_secs_f64(),
            state: &self.state,
            potentials: &self.evaluator.potentials,
        }
    }

    fn factors(self, now: Evaluation, own: &[f64], converged: bool) -> Factors {
        let problem = &self.posed.problem;
        let [weights_gap, atoms_gap] = self.gaps(&now).map(|gap| problem.epsilon() * gap);
        let terms = self.terms(&now, own);
        let report = DictionaryReport {
            kind: self.posed.settings.kind,
            n: self.bins(),
            d: self.posed.support.dimension(),
            histograms: self.posed.data.len(),
            atoms: self.count(),
            cost: problem.cost(),
            epsilon: problem.epsilon(),
            blur: problem.blur(),
            rho: self.posed.settings.monotone.unwrap_or(f64::INFINITY),
            objective: sum(terms.iter().copied()),
            terms,
            bounds: None,
            weights_gap,
            atoms_gap,
            error: now.error,
            steps: self.state.steps,
            step_size: self.state.step_size,
            products: self.evaluator.transforms.count,
            tolerance: self.posed.settings.tolerance,
            converged,
            seconds: self.start.elapsed().as_secs_f64(),
            device: self.engine.device().to_owned(),
            precision: self.engine.precision(),
        };
        Factors {
            support: self.posed.support.clone(),
            state: DictionaryState {
                potentials: Some(self.evaluator.potentials),
                ..self.state
            },
            report,
        }
    }
}

/// ⟨after − before, derivative⟩.
fn change([before, after]: [&Vec<f64>; 2], derivative: &[f64]) -> f64 {
    let moves = before.iter().zip(after).zip(derivative);
    sum(moves.map(|((before, after), d)| (after - before) * d))
}

/// w ← w exp(−η d), or with a penalty w ← −w d, the step of the expectation–maximisation; both scaled to sum 1.
fn multiply(row: &mut [f64], derivative: &[f64], rho: Option<f64>, eta: f64) {
    let pairs = row.iter().zip(derivative).filter(|(w, _)| **w > 0.0);
    let least = pairs.fold(f64::INFINITY, |least, (_, d)| least.min(*d));
    for (w, d) in row.iter_mut().zip(derivative) {
        if *w > 0.0 {
            *w *= match rho {
                Some(_) => -d,
                None => (-eta * (d - least)).exp(),
            };
        }
    }
    let total = sum(row.iter().copied());
    row.iter_mut().for_each(|w| *w /= total);
}
