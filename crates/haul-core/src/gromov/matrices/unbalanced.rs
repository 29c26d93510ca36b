//! Plans that need not move all mass [Séjourné–Vialard–Peyré'21].
//!
//! ```text
//! U(P) = Σ (D − D')² P P + ρ KL⊗(P1 | a) + ρ KL⊗(Pᵀ1 | b) + ½ε KL⊗(P | a⊗b)      KL⊗(μ | ν) = KL(μ⊗μ | ν⊗ν)
//! ```
//!
//! With two plans in place of one U is convex in each. The problem of one of them, at the other one Q of mass m, is an unbalanced
//! entropic problem with ε m, the penalty 2ρ m and the costs
//!
//! ```text
//! N = 2 (Σ D² Q ⊕ Σ D'² Q − 2 D Q D') + 2ρ ⟨log Q1/a, Q1⟩ + 2ρ ⟨log Qᵀ1/b, Qᵀ1⟩ + ε ⟨log Q/(a⊗b), Q⟩
//! ```
//!
//! Its plan, scaled to the mean of both masses, is the next Q. Where all mass is moved this is the balanced problem, with KL⊗ = 2 KL.

use super::balance::{Entropic, Warm};
use super::descent::{Effort, Ends, Host};
use super::pair::{Pair, Terms};
use crate::gromov::descent::{LOOSEST, SHARE};
use crate::linalg::{dot, sum};
use crate::{Error, Result};
use std::ops::ControlFlow;

/// A plan with its objective.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) mass: f64,
    pub(super) terms: Terms,
    pub(super) objective: f64,
    /// The L1 change of the plan in the step to it, over its mass.
    pub(super) change: f64,
    /// The error of the marginal that a step leaves free.
    pub(super) error: f64,
}

/// The end of a run.
pub(super) struct End {
    pub(super) state: State,
    pub(super) course: Vec<f64>,
    pub(super) rise: f64,
    pub(super) converged: bool,
}

/// A run over one pair of spaces, with its n×m matrices.
pub(super) struct Unbalanced<'u> {
    pub(super) host: Host<'u>,
    pub(super) pair: &'u Pair,
    pub(super) epsilon: f64,
    pub(super) rho: f64,
    pub(super) plan: Vec<f64>,
    costs: Vec<f64>,
    half: Vec<f64>,
    /// ½ KL⊗ of the plan.
    pub(super) divergence: f64,
    pub(super) effort: Effort,
}

/// Σ μ log(μ/ν).
fn relative(of: &[f64], to: &[f64]) -> f64 {
    let terms = of.iter().zip(to).filter(|(p, _)| **p > 0.0);
    sum(terms.map(|(p, a)| p * (p / a).ln()))
}

impl<'u> Unbalanced<'u> {
    pub(super) fn new(
        host: Host<'u>,
        pair: &'u Pair,
        [epsilon, rho]: [f64; 2],
        plan: Vec<f64>,
    ) -> Self {
        Self {
            costs: vec![0.0; plan.len()],
            half: vec![0.0; plan.len()],
            host,
            pair,
            epsilon,
            rho,
            plan,
            divergence: 0.0,
            effort: Effort::default(),
        }
    }

    /// U at the plan; `costs` become N.
    fn state(&mut self, change: f64, error: f64) -> Result<State> {
        let [x, y] = &self.pair.spaces;
        let [a, b] = self.pair.weights();
        let m = b.len();
        self.pair.transported(
            self.host.engine,
            &self.plan,
            &mut self.half,
            &mut self.costs,
        )?;
        let rows: Vec<f64> = self
            .plan
            .chunks_exact(m)
            .map(|row| sum(row.iter().copied()))
            .collect();
        let mut columns = vec![0.0; m];
        for row in self.plan.chunks_exact(m) {
            columns.iter_mut().zip(row).for_each(|(sum, p)| *sum += p);
        }
        let mass = sum(rows.iter().copied());
        let seconds = [x.squares(&rows), y.squares(&columns)];
        let pairs = self.plan.chunks_exact(m).zip(self.costs.chunks_exact(m));
        let cross = sum(pairs.map(|(p, g)| p.iter().zip(g).map(|(p, g)| p * g).sum::<f64>()));
        let energy = dot(&seconds[0], &rows) + dot(&seconds[1], &columns) - 2.0 * cross;
        let logs = self.plan.chunks_exact(m).zip(a).map(|(row, a)| {
            let terms = row.iter().zip(b).filter(|(p, _)| **p > 0.0);
            terms.map(|(p, b)| p * (p / (a * b)).ln()).sum::<f64>()
        });
        let of_plan = sum(logs);
        let of_rows = relative(&rows, a);
        let of_columns = relative(&columns, b);
        // KL⊗ = 2 m Σ μ log(μ/ν) − m² + 1 for ν of mass 1.
        let twice = |log: f64| 2.0 * mass * log - mass * mass + 1.0;
        let penalties = self.rho * (twice(of_rows) + twice(of_columns));
        self.divergence = 0.5 * twice(of_plan);
        let objective = energy + penalties + 0.5 * self.epsilon * twice(of_plan);
        if !objective.is_finite() {
            return Err(Error::NotFiniteResult {
                what: "the objective",
                device: self.host.device.to_owned(),
            });
        }
        let shift = 2.0 * self.rho * (of_rows + of_columns) + self.epsilon * of_plan;
        for (row, p) in self.costs.chunks_exact_mut(m).zip(&seconds[0]) {
            for (g, q) in row.iter_mut().zip(&seconds[1]) {
                *g = 2.0 * (p + q - 2.0 * *g) + shift;
            }
        }
        let terms = Terms {
            energy,
            features: 0.0,
        };
        Ok(State {
            mass,
            terms,
            objective,
            change,
            error,
        })
    }

    /// The plan of the costs at a plan of mass m that changed so far in the last step, scaled to the mean of both masses.
    fn step(
        &mut self,
        [mass, change]: [f64; 2],
        (tolerance, max_iterations): (f64, usize),
        g: &mut Option<Vec<f64>>,
    ) -> Result<[f64; 2]> {
        self.host.interrupt.check()?;
        let entropic = Entropic {
            engine: self.host.engine,
            device: self.host.device,
            weights: self.pair.weights(),
            epsilon: self.epsilon * mass,
            rho: 2.0 * self.rho * mass,
            tolerance,
            max_iterations,
        };
        let before = self.plan.clone();
        // Costs are linear in the plan, so that they change about as it does.
        let off = change * self.costs.iter().fold(0.0f64, |most, c| most.max(c.abs()));
        let warm = g.as_deref().map(|g| Warm { g, off });
        let solved = entropic.solve(&self.costs, warm, &mut self.plan)?;
        let reached = sum(solved.columns.iter().copied());
        if !(reached > 0.0 && reached.is_finite()) {
            return Err(Error::OutOfReach);
        }
        let factor = (mass / reached).sqrt();
        let mut change = 0.0;
        for (new, old) in self.plan.iter_mut().zip(&before) {
            *new *= factor;
            change += (*new - old).abs();
        }
        let [n, m] = self.pair.shape();
        self.effort.passes += 2 * solved.passes;
        self.effort.pairs += (2 * solved.passes * n * m) as u64;
        *g = Some(solved.g);
        Ok([change / (factor * reached), solved.error])
    }

    /// Steps until the plan changes little.
    pub(super) fn run(
        &mut self,
        ends: Ends,
        observer: &mut dyn FnMut(usize, &State) -> ControlFlow<bool>,
    ) -> Result<End> {
        let tightest = SHARE * ends.goal;
        let mut asked = LOOSEST.max(tightest);
        let mut g = None;
        let mut state = self.state(1.0, 1.0)?;
        let (mut course, mut rise) = (Vec::new(), 0.0f64);
        let converged = loop {
            let limits = (asked, ends.max_iterations);
            let [change, error] = self.step([state.mass, state.change], limits, &mut g)?;
            let next = self.state(change, error)?;
            course.push(next.objective);
            if course.len() > 1 {
                let units = self.epsilon + self.rho + next.change * self.pair.scale;
                let explained = 4.0 * units * error.max(state.error).max(f64::EPSILON);
                rise = rise.max(next.objective - state.objective - explained);
            }
            state = next;
            match observer(course.len(), &state) {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(true) => break false,
                ControlFlow::Break(false) => return Err(Error::Interrupted),
            }
            if state.change <= ends.goal && asked <= tightest {
                break state.error <= LOOSEST.max(tightest);
            }
            if course.len() >= ends.max_steps {
                break false;
            }
            asked = (SHARE * state.change).clamp(tightest, LOOSEST.max(tightest));
        };
        Ok(End {
            state,
            course,
            rise,
            converged,
        })
    }
}
