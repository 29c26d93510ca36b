//! Steps on stored costs: the plan of costs C, and the costs N that the objective has there.
//!
//! F(P_C) is not raised by C ← N where −⟨D P D', P⟩ is concave, as it is for squared distances and inner products
//! [Peyré–Cuturi–Solomon'16]. For other distances it may be. Then C ← C + θ(N − C), which is a step of mirror descent with the
//! proximal term (1/θ − 1) ε KL(P' | P), lowers F for a small θ, and halving θ finds one.

use super::balance::{Balanced, Entropic, Warm};
use super::pair::{Pair, Terms};
use crate::engine::MatrixEngine;
use crate::gromov::descent::{IDLE, LOOSEST, NOTICED, SHARE};
use crate::linalg::{dot, sum};
use crate::{Engine, Error, Interrupt, Precision, Result};
use std::ops::ControlFlow;

/// The least θ; a step that does not lower F even then is taken, and its rise reported.
const LEAST_STEP: f64 = 1e-3;

/// Rounding of a plan's density, over that of the largest cost in units of ε.
const ABOVE_FLOOR: f64 = 16.0;

/// A device, with its name and interrupt.
#[derive(Clone, Copy)]
pub(in crate::gromov) struct Host<'h> {
    pub(in crate::gromov) engine: &'h dyn MatrixEngine,
    pub(in crate::gromov) device: &'h str,
    pub(super) interrupt: &'h Interrupt,
}

impl<'h> Host<'h> {
    pub(in crate::gromov) fn of<E: Engine + MatrixEngine>(engine: &'h E) -> Self {
        Self {
            engine,
            device: engine.device(),
            interrupt: engine.interrupt(),
        }
    }
}

/// When steps end.
#[derive(Clone, Copy)]
pub(in crate::gromov) struct Ends {
    /// The change of the costs.
    pub(super) goal: f64,
    pub(super) max_steps: usize,
    pub(super) max_iterations: usize,
}

/// The work of all steps.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::gromov) struct Effort {
    pub(super) starts: usize,
    pub(in crate::gromov) passes: usize,
    pub(in crate::gromov) pairs: u64,
}

/// A plan with its objective.
pub(super) struct Turn {
    pub(super) g: Vec<f64>,
    /// The error of Pᵀ1.
    pub(super) error: f64,
    pub(super) terms: Terms,
    pub(super) objective: f64,
    /// ‖N − C‖ relative to the scale of the pair.
    pub(super) change: f64,
    /// The largest |N − C|.
    largest: f64,
}

impl Turn {
    /// What the errors of the marginals may add to the objective, if the potentials are about as far off as the costs.
    pub(super) fn explained(&self, epsilon: f64) -> f64 {
        4.0 * (epsilon + self.largest) * self.error
    }
}

/// The end of a run.
pub(super) struct End {
    pub(super) turn: Turn,
    pub(super) course: Vec<f64>,
    pub(super) rise: f64,
    pub(super) converged: bool,
}

/// A run over one pair of spaces, with its n×m matrices.
pub(super) struct Descent<'d> {
    host: Host<'d>,
    pair: &'d Pair,
    epsilon: f64,
    costs: Vec<f64>,
    pub(super) plan: Vec<f64>,
    /// N − C at the plan.
    change: Vec<f64>,
    /// N − C of the step under way.
    step: Vec<f64>,
    half: Vec<f64>,
    pub(super) effort: Effort,
}

impl<'d> Descent<'d> {
    /// A run that begins with the costs at a plan.
    pub(super) fn from(
        host: Host<'d>,
        pair: &'d Pair,
        epsilon: f64,
        plan: Vec<f64>,
    ) -> Result<Self> {
        let zeros = || vec![0.0; plan.len()];
        let (mut costs, mut half) = (zeros(), zeros());
        pair.transported(host.engine, &plan, &mut half, &mut costs)?;
        pair.costs(&mut costs);
        Ok(Self {
            change: zeros(),
            step: zeros(),
            host,
            pair,
            epsilon,
            costs,
            plan,
            half,
            effort: Effort::default(),
        })
    }

    /// The plan of the costs, and N there.
    fn turn(&mut self, asked: f64, max_iterations: usize, warm: Option<Warm<'_>>) -> Result<Turn> {
        self.host.interrupt.check()?;
        let largest = self.costs.iter().fold(0.0f64, |most, c| most.max(c.abs()));
        let floor = ABOVE_FLOOR * Precision::F64.unit_roundoff() * largest / self.epsilon;
        if floor >= 1.0 {
            return Err(Error::NoDigits {
                precision: Precision::F64.name(),
                floor,
            });
        }
        let entropic = Entropic {
            engine: self.host.engine,
            device: self.host.device,
            weights: self.pair.weights(),
            epsilon: self.epsilon,
            rho: f64::INFINITY,
            tolerance: asked.max(floor),
            max_iterations,
        };
        let Balanced {
            f,
            g,
            columns,
            error,
            passes,
        } = entropic.solve(&self.costs, warm, &mut self.plan)?;
        self.pair.transported(
            self.host.engine,
            &self.plan,
            &mut self.half,
            &mut self.change,
        )?;
        let terms = self.pair.terms(&self.plan, &self.change);
        self.pair.costs(&mut self.change);
        let [a, b] = self.pair.weights();
        let m = b.len();
        let rows = self.costs.chunks_exact(m).zip(self.plan.chunks_exact(m));
        let cost = sum(rows.map(|(c, p)| c.iter().zip(p).map(|(c, p)| c * p).sum::<f64>()));
        // C and the energy have the terms of the columns' marginal with other weights, the plan's and b.
        let off = columns.iter().zip(b).map(|(p, b)| p - b);
        let off = sum(self.pair.seconds[1].iter().zip(off).map(|(q, d)| q * d));
        let cost = cost - 2.0 * self.pair.alpha * off;
        // The value at C is the dual, whose error is of second order in that of the marginals.
        let alpha = self.pair.alpha;
        let linear = alpha * terms.energy + (1.0 - alpha) * terms.features;
        let objective = dot(a, &f) + dot(b, &g) - cost + linear;
        if !objective.is_finite() {
            return Err(Error::NotFiniteResult {
                what: "the objective",
                device: self.host.device.to_owned(),
            });
        }
        let change = self.pair.difference(&self.costs, &mut self.change);
        let largest = self.change.iter().fold(0.0f64, |most, d| most.max(d.abs()));
        let [n, m] = self.pair.shape();
        self.effort.passes += 2 * passes;
        self.effort.pairs += (2 * passes * n * m) as u64;
        Ok(Turn {
            g,
            error,
            terms,
            objective,
            largest,
            change: match self.pair.scale > 0.0 {
                true => change / self.pair.scale,
                false => 0.0,
            },
        })
    }

    /// C ← C + θ `step`.
    fn shift(&mut self, theta: f64) {
        let pairs = self.costs.iter_mut().zip(&self.step);
        pairs.for_each(|(c, d)| *c += theta * d);
    }

    /// Steps until the costs are stationary.
    pub(super) fn run(
        &mut self,
        ends: Ends,
        observer: &mut dyn FnMut(usize, &Turn) -> ControlFlow<bool>,
    ) -> Result<End> {
        let Ends {
            goal,
            max_steps,
            max_iterations,
        } = ends;
        let tightest = SHARE * goal;
        let mut asked = LOOSEST.max(tightest);
        let mut turn = self.turn(asked, max_iterations, None)?;
        let mut course = vec![turn.objective];
        let (mut theta, mut rise, mut idle) = (1.0f64, 0.0f64, 0);
        let mut least = [turn.objective, turn.change];
        let converged = loop {
            match observer(course.len(), &turn) {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(true) => break false,
                ControlFlow::Break(false) => return Err(Error::Interrupted),
            }
            // Where f64 has no digits for what was asked, the error is as small as it gets.
            let at_best = asked <= tightest;
            if turn.change <= goal && at_best {
                break turn.error <= LOOSEST.max(tightest);
            }
            if course.len() >= max_steps || (at_best && idle >= IDLE) {
                break false;
            }
            asked = (SHARE * turn.change).clamp(tightest, LOOSEST.max(tightest));
            std::mem::swap(&mut self.change, &mut self.step);
            self.shift(theta);
            let next = loop {
                let warm = Warm {
                    g: &turn.g,
                    off: theta * turn.largest,
                };
                let next = self.turn(asked, max_iterations, Some(warm))?;
                // What the errors of the marginals may do to the objective.
                // A dual is low by the error of the marginals times that of the potentials, which is about their change.
                let moved = turn.g.iter().zip(&next.g).map(|(old, new)| new - old);
                let (low, high) =
                    moved.fold((0.0f64, 0.0f64), |(low, high), d| (low.min(d), high.max(d)));
                let units = self.epsilon + turn.largest.max(next.largest) + (high - low);
                let explained = 4.0 * units * turn.error.max(next.error).max(f64::EPSILON);
                let above = next.objective - turn.objective - explained;
                if above <= 0.0 {
                    theta = (2.0 * theta).min(1.0);
                    break next;
                }
                if theta <= LEAST_STEP {
                    rise = rise.max(above);
                    break next;
                }
                theta *= 0.5;
                self.shift(-theta);
            };
            let lower = next.objective < least[0] - NOTICED * self.epsilon * next.error;
            idle = if lower || next.change < least[1] {
                0
            } else {
                idle + 1
            };
            least = [least[0].min(next.objective), least[1].min(next.change)];
            course.push(next.objective);
            turn = next;
        };
        Ok(End {
            turn,
            course,
            rise,
            converged,
        })
    }
}
