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
mod starts;
mod unbalanced;

pub use coupling::MatrixCoupling;
pub use space::DistanceMatrix;

use super::{Gromov, GromovProgress, GromovReport};
use crate::engine::MatrixEngine;
use crate::{Engine, Error, Precision, Result, Stop};
use descent::{Descent, Effort, Ends, Host};
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
        let host = Host {
            engine,
            device: engine.device(),
            interrupt: engine.interrupt(),
        };
        self.couple_matrices(host, [source, target], &mut observer)
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
        let [(x, rows), (y, columns)] = spaces.map(supported);
        let pair = Pair::new([x, y], self.alpha)?;
        let epsilon = self.strength(pair.total);
        let limits = (epsilon, self.max_iterations);
        let (start, tried) = starts::choose(host, &pair, limits, self.start)?;
        let ends = Ends {
            goal: self.tolerance,
            max_steps: self.max_steps,
            max_iterations: self.max_iterations,
        };
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
        let rho = self.reach * self.reach;
        let reached = if rho.is_finite() {
            let mut run = Unbalanced::new(host, &pair, [epsilon, rho], start);
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
            Reached {
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
            }
        } else {
            let mut run = Descent::from(host, &pair, epsilon, start)?;
            let end = run.run(ends, &mut |step, turn| {
                tell(step, turn.objective, turn.change)
            })?;
            let turn = end.turn;
            let linear = self.alpha * turn.terms.energy + (1.0 - self.alpha) * turn.terms.features;
            Reached {
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
            }
        };
        let [n, m] = spaces.map(DistanceMatrix::len);
        let report = GromovReport {
            n,
            m,
            epsilon,
            alpha: self.alpha,
            rho,
            mass: reached.mass,
            energy: reached.terms.energy,
            feature_cost: reached.terms.features,
            kl: reached.kl,
            objective: reached.objective,
            product_objective: pair.total,
            steps: reached.course.len(),
            course: reached.course,
            rise: reached.rise,
            lower_bound: reached.bound,
            stationarity: reached.change,
            tolerance: self.tolerance,
            converged: reached.converged,
            marginal_error: reached.error,
            starts: tried.starts,
            softmin_passes: reached.effort.passes + tried.passes,
            pairs: reached.effort.pairs + tried.pairs,
            seconds: began.elapsed().as_secs_f64(),
            device: host.device.to_owned(),
            precision: Precision::F64,
        };
        let plan = match rows.len() == n && columns.len() == m {
            true => reached.plan,
            false => spread(&reached.plan, [&rows, &columns], [n, m]),
        };
        Ok(MatrixCoupling { plan, report })
    }
}

/// A plan with its numbers, balanced or not.
struct Reached {
    plan: Vec<f64>,
    terms: Terms,
    objective: f64,
    kl: f64,
    change: f64,
    mass: f64,
    error: f64,
    bound: f64,
    course: Vec<f64>,
    rise: f64,
    converged: bool,
    effort: Effort,
}

/// A plan of some rows and columns among all.
fn spread(plan: &[f64], [rows, columns]: [&[usize]; 2], [n, m]: [usize; 2]) -> Vec<f64> {
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
