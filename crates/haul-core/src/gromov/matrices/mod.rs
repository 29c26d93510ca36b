//! Spaces that are known by a matrix of distances: graphs, surfaces with their geodesics, Euclidean distances that are not squared.
//!
//! The matrices of both spaces, the costs of a step and the plan are stored, in f64 on the CPU. A step takes two products of
//! matrices, D P D', and passes over a stored kernel ([`balance`]). [`descent`] takes the steps, from one of several [`starts`];
//! [`unbalanced`] those of plans that need not move all mass.

mod balance;
mod coupling;
mod descent;
mod pair;
mod space;
pub(super) mod starts;
mod unbalanced;

pub use coupling::MatrixCoupling;
pub use space::DistanceMatrix;

use super::{Gromov, GromovProgress, GromovReport};
use crate::engine::MatrixEngine;
use crate::{Engine, Error, Precision, Result, Stop};
use descent::Descent;
pub(super) use descent::{Effort, Ends, Host};
use pair::{Pair, Terms, supported};
use std::ops::ControlFlow;
use unbalanced::Unbalanced;
use web_time::Instant;

impl Gromov {
    /// Finds a coupling of two spaces that are known by their matrices of distances, in f64 on the CPU.
    ///
    /// The change at which it ends is that of the costs of a step, ‖N − C‖ under a⊗b less separable terms, relative to the
    /// largest that two plans may have between them. Each step lowers the objective, or is shortened until it does; the
    /// result is stationary, and no other is proved to be higher.
    ///
    /// ```
    /// # use haul_core::{DistanceMatrix, Engine, Gromov, Result, engine::MatrixEngine};
    /// # fn example<E: Engine + MatrixEngine>(engine: &E, graphs: &[DistanceMatrix; 2]) -> Result<()> {
    /// let coupling = Gromov::relative(0.01).solve_matrices(engine, &graphs[0], &graphs[1])?;
    /// let matched = coupling.assignment(); // for each node of the first graph one of the second
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`check_matrices`](Self::check_matrices), [`Error::NoDigits`](crate::Error::NoDigits) where f64 has too few digits
    /// for ε, [`Error::NotFiniteResult`](crate::Error::NotFiniteResult), [`Error::Interrupted`](crate::Error::Interrupted), and
    /// [`Error::Unsupported`](crate::Error::Unsupported) for a device that has no kernels of stored matrices.
    pub fn solve_matrices<E: Engine + MatrixEngine>(
        &self,
        engine: &E,
        source: &DistanceMatrix,
        target: &DistanceMatrix,
    ) -> Result<MatrixCoupling> {
        self.solve_matrices_observed(engine, source, target, |_| ControlFlow::Continue(()))
    }

    /// The same, and tells an observer of each step.
    ///
    /// # Errors
    ///
    /// Those of [`solve_matrices`](Self::solve_matrices).
    pub fn solve_matrices_observed<E: Engine + MatrixEngine>(
        &self,
        engine: &E,
        source: &DistanceMatrix,
        target: &DistanceMatrix,
        mut observer: impl FnMut(&GromovProgress) -> ControlFlow<Stop> + Send,
    ) -> Result<MatrixCoupling> {
        self.couple_matrices(Host::of(engine), [source, target], &mut observer)
    }

    /// Checks what can be checked without a device.
    ///
    /// # Errors
    ///
    /// Those of [`check`](Self::check), but for spaces of two kinds: any two matrices may be compared.
    pub fn check_matrices(&self, source: &DistanceMatrix, target: &DistanceMatrix) -> Result<()> {
        self.check_settings()?;
        self.check_reach()?;
        Pair::new([source.clone(), target.clone()], self.alpha).map(drop)
    }

    fn check_reach(&self) -> Result<()> {
        let bad = |name, value, range| Err(Error::BadParameter { name, value, range });
        match self.reach {
            reach if reach.is_nan() || reach <= 0.0 => bad("reach", reach, "above 0"),
            reach if reach.is_finite() && self.alpha < 1.0 => {
                bad("fused", self.alpha, "1 for a plan with a reach")
            }
            _ => Ok(()),
        }
    }

    fn couple_matrices(
        &self,
        host: Host<'_>,
        spaces: [&DistanceMatrix; 2],
        observer: &mut super::Observer<'_>,
    ) -> Result<MatrixCoupling> {
        let began = Instant::now();
        self.check_settings()?;
        self.check_reach()?;
        let posed = Posed::new(spaces, self.alpha)?;
        let epsilon = self.strength(posed.pair.total);
        let limits = (epsilon, self.max_iterations);
        let (start, tried) = starts::choose(host, &posed.pair, limits, self.start)?;
        let mut tell = |step, objective, change| {
            let told = observer(&GromovProgress {
                step,
                objective,
                change,
                goal: self.tolerance,
                seconds: began.elapsed().as_secs_f64(),
            });
            told.map_break(|stop| stop == Stop::Certify)
        };
        let ends = self.ends(self.max_steps);
        let rho = self.reach * self.reach;
        let reached = match rho.is_finite() {
            true => unbalanced(host, &posed.pair, [epsilon, rho], (start, ends), &mut tell)?,
            false => balanced(host, &posed.pair, epsilon, (start, ends), &mut tell)?,
        };
        Ok(posed.concluded(self, host, epsilon, reached, (tried, began)))
    }

    /// When a run of so many steps ends.
    pub(super) fn ends(&self, max_steps: usize) -> Ends {
        Ends {
            goal: self.tolerance,
            max_steps,
            max_iterations: self.max_iterations,
        }
    }
}

/// Tells the step, the objective and the change.
type Tell<'t> = dyn FnMut(usize, f64, f64) -> ControlFlow<bool> + 't;

/// Steps of plans that move all mass, from a plan.
pub(super) fn balanced(
    host: Host<'_>,
    pair: &Pair,
    epsilon: f64,
    (start, ends): (Vec<f64>, Ends),
    tell: &mut Tell<'_>,
) -> Result<Reached> {
    let mut run = Descent::from(host, pair, epsilon, start)?;
    let end = run.run(ends, &mut |step, turn| {
        tell(step, turn.objective, turn.change)
    })?;
    let turn = end.turn;
    let linear = pair.alpha * turn.terms.energy + (1.0 - pair.alpha) * turn.terms.features;
    Ok(Reached {
        explained: turn.explained(epsilon),
        plan: run.plan,
        terms: turn.terms,
        objective: turn.objective,
        kl: (turn.objective - linear) / epsilon,
        change: turn.change,
        mass: 1.0,
        error: turn.error,
        bound: pair.bound,
        course: end.course,
        rise: end.rise,
        converged: end.converged,
        effort: run.effort,
    })
}

/// Steps of plans that may leave mass out, from a plan.
fn unbalanced(
    host: Host<'_>,
    pair: &Pair,
    strengths: [f64; 2],
    (start, ends): (Vec<f64>, Ends),
    tell: &mut Tell<'_>,
) -> Result<Reached> {
    let mut run = Unbalanced::new(host, pair, strengths, start);
    let end = run.run(ends, &mut |step, state| {
        tell(step, state.objective, state.change)
    })?;
    let unbalanced::State {
        mass,
        terms,
        objective,
        change,
        error,
    } = end.state;
    Ok(Reached {
        explained: 0.0,
        plan: run.plan,
        terms,
        objective,
        kl: run.divergence,
        change,
        mass,
        error,
        bound: 0.0,
        course: end.course,
        rise: end.rise,
        converged: end.converged,
        effort: run.effort,
    })
}

/// Two spaces, of which the points without weight are left out.
pub(super) struct Posed {
    pub(super) pair: Pair,
    /// The places of the points that take part.
    places: [Vec<usize>; 2],
    /// n and m of all points.
    shape: [usize; 2],
}

impl Posed {
    /// # Errors
    ///
    /// Those of [`Pair::new`].
    pub(super) fn new(spaces: [&DistanceMatrix; 2], alpha: f64) -> Result<Self> {
        let shape = spaces.map(DistanceMatrix::len);
        let [(x, rows), (y, columns)] = spaces.map(supported);
        Ok(Self {
            pair: Pair::new([x, y], alpha)?,
            places: [rows, columns],
            shape,
        })
    }

    /// Takes another source, of points that all have weights.
    pub(super) fn moved(&mut self, source: &DistanceMatrix) -> Result<()> {
        let [_, target] = &self.pair.spaces;
        self.pair = Pair::new([source.clone(), target.clone()], self.pair.alpha)?;
        Ok(())
    }

    /// The result of a run.
    pub(super) fn concluded(
        &self,
        gromov: &Gromov,
        host: Host<'_>,
        epsilon: f64,
        reached: Reached,
        (tried, began): (Effort, Instant),
    ) -> MatrixCoupling {
        let [n, m] = self.shape;
        let report = GromovReport {
            n,
            m,
            epsilon,
            alpha: self.pair.alpha,
            rho: gromov.reach * gromov.reach,
            mass: reached.mass,
            energy: reached.terms.energy,
            feature_cost: reached.terms.features,
            kl: reached.kl,
            objective: reached.objective,
            product_objective: self.pair.total,
            steps: reached.course.len(),
            course: reached.course,
            rise: reached.rise,
            lower_bound: reached.bound,
            stationarity: reached.change,
            tolerance: gromov.tolerance,
            converged: reached.converged,
            marginal_error: reached.error,
            starts: tried.starts,
            softmin_passes: reached.effort.passes + tried.passes,
            pairs: reached.effort.pairs + tried.pairs,
            seconds: began.elapsed().as_secs_f64(),
            device: host.device.to_owned(),
            precision: Precision::F64,
        };
        let plan = match self.pair.shape() == self.shape {
            true => reached.plan,
            false => spread(&reached.plan, self.places.each_ref(), self.shape),
        };
        MatrixCoupling { plan, report }
    }
}

/// A plan with its numbers, balanced or not.
pub(super) struct Reached {
    pub(super) plan: Vec<f64>,
    terms: Terms,
    pub(super) objective: f64,
    /// What errors of the marginals may add to it; 0 if it is not balanced.
    pub(super) explained: f64,
    kl: f64,
    pub(super) change: f64,
    mass: f64,
    error: f64,
    bound: f64,
    course: Vec<f64>,
    rise: f64,
    converged: bool,
    pub(super) effort: Effort,
}

/// A plan of some rows and columns among all.
fn spread(plan: &[f64], [rows, columns]: [&Vec<usize>; 2], [n, m]: [usize; 2]) -> Vec<f64> {
    let mut all = vec![0.0; n * m];
    for (row, i) in plan.chunks_exact(columns.len().max(1)).zip(rows) {
        for (p, j) in row.iter().zip(columns) {
            if let Some(entry) = all.get_mut(i * m + j) {
                *entry = *p;
            }
        }
    }
    all
}
