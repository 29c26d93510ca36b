//! The losses of flows and of models, with their derivatives in the points and weights of a measure.
//!
//! A loss D has a cross term, between two measures, and self terms. Of equal measures on both sides it is 0:
//!
//! ```text
//! D(α, β) = T(α, β) − ½ T(α, α) − ½ T(β, β)
//! ```
//!
//! with T = OT_ε, W_L or a mean over pairs. Of random batches x of α and y of β that is above 0 even if α = β, because the self
//! term of a batch has pairs of a point with itself. Two independent batches each have no such bias,
//!
//! ```text
//! D̂ = ½ T(x, y) + ½ T(x', y') − ½ T(x, x') − ½ T(y, y')
//! ```
//!
//! where all four have one mean if α = β, so that the mean of D̂ is 0 there, and the mean of its derivative as well, for every
//! ε and every size of the batches [Salimans'18].

use crate::linalg::sum;
use crate::loss::own_settings;
use crate::{
    Divergence, Energy, Engine, Error, Gradient, Measure, Mmd, Potentials, Regularization, Result,
    Sinkhorn, Truncated,
};

/// The loss that a flow or a fit descends.
#[derive(Debug, Clone, PartialEq)]
pub enum FitLoss {
    /// The Sinkhorn divergence S_ε.
    Divergence(Divergence),
    /// W_L(α, β) − ½ W_L(α, α) − ½ W_L(β, β) after L iterations, with its exact derivative [Genevay–Peyré–Cuturi'18].
    Truncated(Truncated),
    /// OT_ε without self terms. Its minimum is narrower than the data: of a Gaussian, by ε/2 in each variance.
    Transport(Sinkhorn),
    /// The energy distance.
    Energy(Energy),
    /// The squared maximum mean discrepancy.
    Mmd(Mmd),
}

/// A value with its derivatives in a measure.
pub(super) struct Slope {
    pub(super) value: f64,
    pub(super) gradient: Gradient,
    /// Between the measure and its target.
    pub(super) potentials: Option<Potentials>,
}

/// A cross term with its derivatives in both measures, where they were asked for.
struct Term {
    value: f64,
    source: Gradient,
    target: Gradient,
    potentials: Option<Potentials>,
}

/// The measures that a term is differentiated in.
#[derive(Clone, Copy, PartialEq)]
enum In {
    None,
    Source,
    Both,
}

impl FitLoss {
    /// The settings of its solves; `None` of a mean over pairs.
    pub(super) fn settings(&self) -> Option<&Sinkhorn> {
        match self {
            Self::Divergence(divergence) => Some(divergence.settings()),
            Self::Truncated(truncated) => Some(truncated.settings()),
            Self::Transport(sinkhorn) => Some(sinkhorn),
            Self::Energy(_) | Self::Mmd(_) => None,
        }
    }

    /// The same loss with another ε, if it has one.
    pub(super) fn with_epsilon(&self, epsilon: f64) -> Self {
        let epsilon = Regularization::Epsilon(epsilon);
        match self.clone() {
            Self::Divergence(it) => Self::Divergence(it.regularized(epsilon)),
            Self::Truncated(it) => Self::Truncated(it.regularized(epsilon)),
            Self::Transport(it) => Self::Transport(it.regularized(epsilon)),
            other => other,
        }
    }

    /// The loss and its derivatives in a measure. Where there are `warm` potentials of similar measures, a solve starts from
    /// them.
    pub(super) fn slope<E: Engine + Clone>(
        &self,
        engine: &E,
        (measure, target): (&Measure, &Measure),
        warm: Option<&Potentials>,
    ) -> Result<Slope> {
        let mut slope = self.slope_up_to_a_constant(engine, (measure, target), warm)?;
        slope.value += self.constant(engine, (measure, target))?;
        Ok(slope)
    }

    /// The terms that depend on the target and the masses alone, −½ T(β, β) + ½ε (m_a − m_b)², at the ε of both measures.
    pub(super) fn constant<E: Engine + Clone>(
        &self,
        engine: &E,
        (measure, target): (&Measure, &Measure),
    ) -> Result<f64> {
        match self.settings() {
            Some(settings) if !matches!(self, Self::Transport(_)) => {
                let epsilon = settings.problem(measure, target)?.epsilon();
                let [_, of_target] = self.with_epsilon(epsilon).own_sides();
                let own = of_target.own(engine, target, false)?.value;
                Ok(0.5 * epsilon * (measure.mass() - target.mass()).powi(2) - 0.5 * own)
            }
            _ => Ok(0.0),
        }
    }

    /// [`slope`](Self::slope) without the terms of [`constant`](Self::constant).
    pub(super) fn slope_up_to_a_constant<E: Engine + Clone>(
        &self,
        engine: &E,
        (measure, target): (&Measure, &Measure),
        warm: Option<&Potentials>,
    ) -> Result<Slope> {
        let Some(settings) = self.settings() else {
            let (value, gradient) = self.discrepancy(engine, (measure, target), true)?;
            return Ok(Slope {
                value,
                gradient,
                potentials: None,
            });
        };
        // All terms use the ε of the first, which may depend on the positions of both clouds.
        let loss = self.with_epsilon(settings.problem(measure, target)?.epsilon());
        let cross = loss.term(engine, (measure, target), warm, In::Source)?;
        let mut slope = Slope {
            value: cross.value,
            gradient: cross.source,
            potentials: cross.potentials,
        };
        if !matches!(self, Self::Transport(_)) {
            let [of_measure, _] = loss.own_sides();
            let own = of_measure.own(engine, measure, true)?;
            slope.value -= 0.5 * own.value;
            add(&mut slope.gradient, -1.0, &own.source);
        }
        Ok(slope)
    }

    /// D̂ of two batches of a model and two of the data, and its derivatives in both batches of the model, if they are `wanted`.
    pub(super) fn of_halves<E: Engine + Clone>(
        &self,
        engine: &E,
        [x, x2]: [&Measure; 2],
        [y, y2]: [&Measure; 2],
        wanted: bool,
    ) -> Result<(f64, [Gradient; 2])> {
        if self.settings().is_none() {
            return self.discrepancy_of_halves(engine, [x, x2], [y, y2], wanted);
        }
        let (one, both) = match wanted {
            true => (In::Source, In::Both),
            false => (In::None, In::None),
        };
        let first = self.term(engine, (x, y), None, one)?;
        let second = self.term(engine, (x2, y2), None, one)?;
        let mut value = 0.5 * (first.value + second.value);
        let mut slopes = [first.source, second.source];
        for slope in &mut slopes {
            scale(slope, 0.5);
        }
        if !matches!(self, Self::Transport(_)) {
            let [of_model, of_data] = self.own_sides();
            let own = of_model.term(engine, (x, x2), None, both)?;
            let data = of_data.term(engine, (y, y2), None, In::None)?;
            value -= 0.5 * (own.value + data.value);
            let [slope, slope2] = &mut slopes;
            add(slope, -0.5, &own.source);
            add(slope2, -0.5, &own.target);
        }
        Ok((value, slopes))
    }

    /// The losses whose cross terms are the self terms of the model and of the data: each has its side's penalty on both sides.
    fn own_sides(&self) -> [Self; 2] {
        match self {
            Self::Divergence(divergence) => {
                own_settings(divergence.settings()).map(|own| Self::Divergence(own.into()))
            }
            other => [other.clone(), other.clone()],
        }
    }

    /// T between two measures.
    fn term<E: Engine + Clone>(
        &self,
        engine: &E,
        (source, target): (&Measure, &Measure),
        warm: Option<&Potentials>,
        wanted: In,
    ) -> Result<Term> {
        let fits = |it: &&Potentials| it.f.len() == source.len() && it.g.len() == target.len();
        let mut term = Term {
            value: 0.0,
            source: nothing(),
            target: nothing(),
            potentials: None,
        };
        match self {
            Self::Truncated(truncated) => {
                let cost = truncated.evaluate(engine, source, target)?;
                term.value = cost.value();
                if wanted != In::None {
                    term.source = cost.gradient()?;
                }
                if wanted == In::Both {
                    term.target = cost.gradient_target()?;
                }
            }
            _ => {
                let mut settings = self.settings().cloned().unwrap_or_default();
                if let Some(warm) = warm.filter(fits) {
                    settings = settings.warm_start(warm.clone());
                }
                let solution = settings.solve(engine.clone(), source, target)?;
                term.value = solution.value();
                if wanted != In::None {
                    term.source = solution.gradient()?;
                    term.potentials = Some(solution.potentials()?);
                }
                if wanted == In::Both {
                    term.target = solution.gradient_target()?;
                }
            }
        }
        Ok(term)
    }

    /// T(α, α), and as `source` half of its whole derivative in α, if that is `wanted`.
    fn own<E: Engine + Clone>(&self, engine: &E, measure: &Measure, wanted: bool) -> Result<Term> {
        let both = (measure, measure);
        match self {
            Self::Truncated(_) => {
                let wanted = if wanted { In::Both } else { In::None };
                let mut term = self.term(engine, both, None, wanted)?;
                let target = std::mem::replace(&mut term.target, nothing());
                scale(&mut term.source, 0.5);
                add(&mut term.source, 0.5, &target);
                Ok(term)
            }
            _ => {
                // The plan is symmetric, so that both places contribute the same.
                let wanted = if wanted { In::Source } else { In::None };
                self.term(engine, both, None, wanted)
            }
        }
    }

    /// A mean over pairs, and its derivatives in the source, if they are `wanted`.
    fn discrepancy<E: Engine>(
        &self,
        engine: &E,
        (source, target): (&Measure, &Measure),
        wanted: bool,
    ) -> Result<(f64, Gradient)> {
        let (found, points) = match self {
            Self::Energy(energy) => {
                let found = energy.evaluate(engine, source, target)?;
                let points = wanted.then(|| energy.gradient_points(engine, source, target));
                (found, points)
            }
            Self::Mmd(mmd) => {
                let found = mmd.evaluate(engine, source, target)?;
                let points = wanted.then(|| mmd.gradient_points(engine, source, target));
                (found, points)
            }
            _ => {
                return Err(Error::Unsupported {
                    what: "means over pairs of a transport cost",
                    device: engine.device().to_owned(),
                });
            }
        };
        let gradient = Gradient {
            points: points.transpose()?.unwrap_or_default(),
            weights: found.gradient_weights,
        };
        Ok((found.value, gradient))
    }

    /// A discrepancy is a quadratic form q of the difference of two measures. With u = x − y and v = x' − y', the bilinear form is
    /// ½ (q(u + v) − q(u) − q(v)), where q(u + v) = 4 q of the pooled batches.
    fn discrepancy_of_halves<E: Engine>(
        &self,
        engine: &E,
        [x, x2]: [&Measure; 2],
        [y, y2]: [&Measure; 2],
        wanted: bool,
    ) -> Result<(f64, [Gradient; 2])> {
        let (pooled_x, pooled_y) = (pooled(x, x2)?, pooled(y, y2)?);
        let (all, slope) = self.discrepancy(engine, (&pooled_x, &pooled_y), wanted)?;
        let (first, mut slope_of_x) = self.discrepancy(engine, (x, y), wanted)?;
        let (second, mut slope_of_x2) = self.discrepancy(engine, (x2, y2), wanted)?;
        let value = 2.0 * all - 0.5 * (first + second);
        // A point has half of its weight among the pooled ones.
        let (weights, weights2) = slope.weights.split_at(x.len());
        let (points, points2) = match wanted {
            true => slope.points.split_at(x.len() * x.dimension()),
            false => Default::default(),
        };
        for (slope, points, weights) in [
            (&mut slope_of_x, points, weights),
            (&mut slope_of_x2, points2, weights2),
        ] {
            scale(slope, -0.5);
            axpy(&mut slope.points, 2.0, points);
            axpy(&mut slope.weights, 1.0, weights);
        }
        Ok((value, [slope_of_x, slope_of_x2]))
    }
}

/// Half of one measure and half of another.
fn pooled(a: &Measure, b: &Measure) -> Result<Measure> {
    let points = [a.points(), b.points()].concat();
    let weights = a.weights().iter().chain(b.weights()).map(|w| 0.5 * w);
    Measure::new(points, a.dimension(), weights.collect())
}

fn nothing() -> Gradient {
    Gradient {
        points: Vec::new(),
        weights: Vec::new(),
    }
}

fn scale(gradient: &mut Gradient, c: f64) {
    let Gradient { points, weights } = gradient;
    points.iter_mut().chain(weights).for_each(|v| *v *= c);
}

fn add(gradient: &mut Gradient, c: f64, other: &Gradient) {
    axpy(&mut gradient.points, c, &other.points);
    axpy(&mut gradient.weights, c, &other.weights);
}

/// v += c · w.
fn axpy(v: &mut [f64], c: f64, w: &[f64]) {
    v.iter_mut().zip(w).for_each(|(v, w)| *v += c * w);
}

/// The mean of losses, and the standard error of that mean.
pub(super) fn mean_with_error(losses: &[f64]) -> (f64, f64) {
    let count = losses.len() as f64;
    let mean = sum(losses.iter().copied()) / count;
    let squares = sum(losses.iter().map(|loss| (loss - mean).powi(2)));
    (mean, (squares / (count * (count - 1.0).max(1.0))).sqrt())
}
