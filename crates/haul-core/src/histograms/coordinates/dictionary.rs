//! Barycentric dictionaries [Schmitz'18]: atoms aₖ whose barycenters b(λᵢ) are near given histograms bᵢ,
//!
//! ```text
//! min Σᵢ Loss(b(A, λᵢ), bᵢ)   over the weights of the atoms and all λᵢ
//! ```
//!
//! Atoms and λ are softmaxes of logits, which one quasi-Newton method changes. The second derivative in a logit of an
//! atom is about 1/n of that in a logit of λ, because its weight is: the unknown is the logit divided by √n.

use super::learner::{Evaluation, Learner, Unknowns, of_input, rows};
use super::loss::Distance;
use super::{Coordinates, CoordinatesLoss};
use crate::linalg::{Lbfgs, Search};
use crate::{Engine, Error, Measure, Precision, Regularization, Result, Sinkhorn, Stop, block_on};
use std::ops::ControlFlow;
use web_time::Instant;

/// Settings of a barycentric dictionary.
///
/// ```
/// # use haul_core::BarycentricDictionary;
/// let dictionary = BarycentricDictionary::blur(0.05).atoms(3).max_steps(100);
/// // dictionary.learn(&engine, &support, &data)?.atoms() are three measures of which all data are mixtures.
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BarycentricDictionary {
    coordinates: Coordinates,
    atoms: usize,
    start: Option<Vec<f64>>,
    objective_tolerance: f64,
    max_steps: usize,
}

settings!(BarycentricDictionary);

impl Default for BarycentricDictionary {
    /// Three atoms, with the default [`Coordinates`].
    fn default() -> Self {
        Self::from(Coordinates::default())
    }
}

impl From<Coordinates> for BarycentricDictionary {
    /// Three atoms, with the loss and the barycenters of these settings.
    fn from(coordinates: Coordinates) -> Self {
        Self {
            coordinates,
            atoms: 3,
            start: None,
            objective_tolerance: 1e-3,
            max_steps: 200,
        }
    }
}

/// The progress of a dictionary, reported before each step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BarycentricProgress {
    /// Steps so far.
    pub step: usize,
    /// The least objective so far.
    pub objective: f64,
    /// Seconds since the start.
    pub seconds: f64,
}

/// Numbers of a barycentric dictionary, for histograms of mass 1.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BarycentricReport {
    /// The loss.
    pub loss: CoordinatesLoss,
    /// The fixed number of iterations of a barycenter; `None` if it converges.
    pub iterations: Option<usize>,
    /// ε, in units of the cost.
    pub epsilon: f64,
    /// The sum of the losses.
    pub objective: f64,
    /// The loss of each histogram.
    pub terms: Vec<f64>,
    /// The objective of the start.
    pub first: f64,
    /// Whether the last step lowered the objective by less than the tolerance, or by no more than the errors of the
    /// barycenters may change it.
    pub converged: bool,
    /// The number of steps.
    pub steps: usize,
    /// The number of times that all barycenters were computed.
    pub evaluations: usize,
    /// Softmins and products of one histogram.
    pub products: usize,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// The device that computed it.
    pub device: String,
    /// The precision it computed in.
    pub precision: Precision,
}

/// The atoms and the weights of a barycentric dictionary.
#[derive(Debug, Clone)]
pub struct BarycentricFactors {
    atoms: Vec<Measure>,
    weights: Vec<f64>,
    report: BarycentricReport,
}

impl BarycentricFactors {
    /// The K atoms on the support, of mass 1.
    pub fn atoms(&self) -> &[Measure] {
        &self.atoms
    }

    /// λᵢ of each histogram, N×K, row-major; each row has sum 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The numbers of the fit.
    pub fn report(&self) -> &BarycentricReport {
        &self.report
    }
}

/// The objective of a barycentric dictionary and its derivatives.
#[derive(Debug, Clone, PartialEq)]
pub struct BarycentricGradient {
    /// Σᵢ Loss(b(A, λᵢ), bᵢ).
    pub objective: f64,
    /// The loss of each histogram.
    pub terms: Vec<f64>,
    /// In the weights of the atoms, K×n.
    pub atoms: Vec<f64>,
    /// In λ, N×K; each row up to a constant, for changes that keep its sum.
    pub weights: Vec<f64>,
}

impl BarycentricDictionary {
    fn sinkhorn_mut(&mut self) -> &mut Sinkhorn {
        self.coordinates.sinkhorn_mut()
    }

    /// The number K of atoms. Default 3.
    pub fn atoms(mut self, atoms: usize) -> Self {
        self.atoms = atoms;
        self
    }

    /// The atoms to start from, K×n, row-major. By default they are histograms spread evenly over the list of the
    /// data, each blended half with the reference m.
    pub fn start(mut self, atoms: &[f64]) -> Self {
        self.start = Some(atoms.to_vec());
        self
    }

    /// The fit ends when a step lowers the objective by less than this share of it. Default 1e-3.
    pub fn objective_tolerance(mut self, tolerance: f64) -> Self {
        self.objective_tolerance = tolerance;
        self
    }

    /// The largest number of steps. Default 200.
    pub fn max_steps(mut self, steps: usize) -> Self {
        self.max_steps = steps;
        self
    }

    /// Learns atoms and λ from N histograms on `support`, whose weights are the reference m. `data` is N×n, row-major;
    /// each row is scaled to sum 1. The objective is not convex: the result depends on the start.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for data that are no whole number of rows; [`Error::Input`] for a row that is no histogram;
    /// [`Error::BadParameter`] for a number of atoms that is 0 or above N, and those of [`Coordinates::of`].
    pub fn learn<E: Engine + Clone>(
        &self,
        engine: E,
        support: &Measure,
        data: &[f64],
    ) -> Result<BarycentricFactors> {
        block_on(self.learn_async(engine, support, data))
    }

    /// [`learn`](Self::learn) without blocking a thread.
    ///
    /// # Errors
    ///
    /// Those of [`learn`](Self::learn).
    pub async fn learn_async<E: Engine + Clone>(
        &self,
        engine: E,
        support: &Measure,
        data: &[f64],
    ) -> Result<BarycentricFactors> {
        let mut observer = |_: &BarycentricProgress| ControlFlow::Continue(());
        self.fit(engine, support, data, &mut observer).await
    }

    /// [`learn`](Self::learn) that reports its progress, and ends early if the observer breaks.
    ///
    /// # Errors
    ///
    /// Those of [`learn`](Self::learn).
    pub fn learn_observed<E: Engine + Clone>(
        &self,
        engine: E,
        support: &Measure,
        data: &[f64],
        mut observer: impl FnMut(&BarycentricProgress) -> ControlFlow<Stop> + Send,
    ) -> Result<BarycentricFactors> {
        block_on(self.fit(engine, support, data, &mut observer))
    }

    /// The objective at given atoms, K×n, and λ, N×K, both row-major, and its derivatives.
    ///
    /// # Errors
    ///
    /// Those of [`learn`](Self::learn).
    pub fn gradient<E: Engine + Clone>(
        &self,
        engine: E,
        support: &Measure,
        data: &[f64],
        (atoms, weights): (&[f64], &[f64]),
    ) -> Result<BarycentricGradient> {
        let atoms = rows(support, atoms)?;
        let mut learner = self.learner(engine, support, data)?;
        let (expected, found) = (atoms.len() * learner.distances.len(), weights.len());
        if expected != found {
            let what = "the weights of a dictionary";
            return Err(Error::Length {
                what,
                expected,
                found,
            });
        }
        block_on(learner.evaluate(&atoms, weights))
    }

    fn learner<E: Engine + Clone>(
        &self,
        engine: E,
        support: &Measure,
        data: &[f64],
    ) -> Result<Learner<'_, E>> {
        let data = rows(support, data)?;
        let coordinates = &self.coordinates;
        coordinates.check()?;
        for (index, histogram) in (1..).zip(&data) {
            let checked = coordinates.loss.check(histogram);
            checked.map_err(|error| of_input(index, error))?;
        }
        let posed = coordinates.barycenter.posed(support, &data)?;
        let epsilon = Regularization::Epsilon(posed.epsilon);
        let sinkhorn = coordinates.barycenter.sinkhorn.clone().regularized(epsilon);
        let distance =
            |histogram: Measure| Distance::new(coordinates.loss, histogram, sinkhorn.clone());
        Ok(Learner {
            engine,
            coordinates,
            support: support.clone().normalized(),
            warm: data.iter().map(|_| None).collect(),
            distances: data.into_iter().map(distance).collect(),
            epsilon: posed.epsilon,
            noise: 0.0,
            products: 0,
            evaluations: 0,
        })
    }

    /// The atoms to start from.
    fn first_atoms(&self, support: &Measure, data: &[f64]) -> Result<Vec<Measure>> {
        let (data, count) = (rows(support, data)?, self.atoms);
        if !(1..=data.len()).contains(&count) {
            return Err(Error::BadParameter {
                name: "atoms",
                value: count as f64,
                range: "at least 1, and at most the number of histograms",
            });
        }
        let Some(start) = &self.start else {
            let reference = support.clone().normalized();
            let blended = |k: usize| {
                let pairs = data[k * data.len() / count]
                    .weights()
                    .iter()
                    .zip(reference.weights());
                let half: Vec<f64> = pairs.map(|(b, m)| 0.5 * (b + m)).collect();
                support.clone().with_weights(&half)
            };
            return (0..count).map(blended).collect();
        };
        let start = rows(support, start)?;
        let (expected, found) = (count, start.len());
        if expected != found {
            let what = "the atoms to start from";
            return Err(Error::Length {
                what,
                expected,
                found,
            });
        }
        Ok(start)
    }

    async fn fit<E: Engine + Clone>(
        &self,
        engine: E,
        support: &Measure,
        data: &[f64],
        observer: &mut LearningObserver<'_>,
    ) -> Result<BarycentricFactors> {
        let clock = Instant::now();
        self.check()?;
        let atoms = self.first_atoms(support, data)?;
        let mut learner = self.learner(engine, support, data)?;
        let unknowns = Unknowns::new(&learner, &atoms);
        let start = learner.at(&unknowns, unknowns.first(&atoms)).await?;
        let first = start.1.objective;
        let (best, steps, converged) = self
            .descend(&mut learner, &unknowns, start, &clock, observer)
            .await?;
        let (atoms, weights) = unknowns.factors(&learner, &best.0.point)?;
        Ok(BarycentricFactors {
            atoms,
            weights,
            report: BarycentricReport {
                loss: self.coordinates.loss,
                iterations: self.coordinates.iterations,
                epsilon: learner.epsilon,
                objective: best.1.objective,
                terms: best.1.terms,
                first,
                converged,
                steps,
                evaluations: learner.evaluations,
                products: learner.products,
                seconds: clock.elapsed().as_secs_f64(),
                device: learner.engine.device().to_owned(),
                precision: learner.engine.precision(),
            },
        })
    }

    /// Steps from an evaluation of the objective; the best one, their number, and whether they converged.
    async fn descend<E: Engine + Clone>(
        &self,
        learner: &mut Learner<'_, E>,
        unknowns: &Unknowns,
        mut best: Evaluation,
        clock: &Instant,
        observer: &mut LearningObserver<'_>,
    ) -> Result<(Evaluation, usize, bool)> {
        // No logit changes by more than 1 in the first step.
        let mut search = Lbfgs::new(best.0.clone(), 1.0 / unknowns.scale);
        let mut steps = 0;
        let converged = loop {
            let progress = BarycentricProgress {
                step: steps,
                objective: best.1.objective,
                seconds: clock.elapsed().as_secs_f64(),
            };
            match observer(&progress) {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(Stop::Certify) => break false,
                ControlFlow::Break(Stop::Abandon) => return Err(Error::Interrupted),
            }
            if steps == self.max_steps {
                break false;
            }
            let before = best.1.objective;
            let made = learner.at(unknowns, search.next()).await?;
            let found = search.tell(made.0.clone());
            let small = learner.noise.max(self.objective_tolerance * before);
            match found {
                Search::Searching | Search::Stuck if search.promise() <= small => break true,
                Search::Searching => continue,
                Search::Stuck => break false,
                Search::Moved if made.0.point == search.current().point => best = made,
                Search::Moved => {
                    let point = search.current().point.clone();
                    best = learner.at(unknowns, point).await?;
                }
            }
            steps += 1;
            if steps > 1 && before - best.1.objective <= self.objective_tolerance * before {
                break true;
            }
        };
        Ok((best, steps, converged))
    }

    /// Refuses settings outside their ranges.
    fn check(&self) -> Result<()> {
        let (name, value) = ("objective_tolerance", self.objective_tolerance);
        if !(value > 0.0 && value.is_finite()) {
            let range = "a finite number above 0";
            return Err(Error::BadParameter { name, value, range });
        }
        Ok(())
    }
}

/// The observer of a fit.
type LearningObserver<'o> = dyn FnMut(&BarycentricProgress) -> ControlFlow<Stop> + Send + 'o;
