//! A loss between predicted and true distributions over labels, where labels have a metric [Frogner'15].
//!
//! ```text
//! L(h, t) = min_P ⟨P, C⟩ + ε KL(P | h⊗t) + ρ_a KL(P1 | h) + ρ_b KL(Pᵀ1 | t)
//! ∂L/∂h_k = ρ_a (1 − e^{−f_k/ρ_a}) − ε (e^{−f_k/ρ_a} − |t|)
//! ```
//!
//! All rows of a batch are histograms over the same K labels: columns of one wide pass. A matrix of costs is embedded
//! as squared distances beside separable terms, C = ½|x − y|² + r + s, as [scores](crate::Scores) are, so that no
//! operator knows of it: T(h) = r + T_{½|x−y|²}(h − s).
//!
//! ```text
//! f ← λ_a (T_t(g) + τ),   g ← λ_b T_h(f),   λ = ρ/(ρ + ε)
//! ```
//!
//! where τ is the constant of the potentials for which the dual is largest [Séjourné–Vialard–Peyré'22]. Each row has a
//! lower bound, the dual at its potentials, and an upper bound, the primal at its plan. The last update is that of
//! a side with a constraint, if there is one, so that the plan keeps it.

mod batch;

use super::transforms::Transforms;
use crate::linalg::sum;
use crate::{
    Bounds, Engine, Error, Measure, Problem, Regularization, Result, Scores, Sinkhorn, block_on,
};
use batch::{Batch, Exponents, Numbers, Side, conjugate};

/// The cost between labels.
#[derive(Debug, Clone)]
pub struct LabelMetric {
    /// The points of predicted and of true labels.
    sides: [Measure; 2],
    /// The separable terms of a matrix, r and s.
    terms: Option<[Vec<f64>; 2]>,
}

impl LabelMetric {
    /// Labels that are points, with the cost |x − y|^p of the loss's settings; their weights have no effect.
    pub fn points(labels: &Measure) -> Self {
        Self {
            sides: [labels.clone(), labels.clone()],
            terms: None,
        }
    }

    /// A matrix of costs, K×K, row-major: predictions in rows, targets in columns. It need not be symmetric.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for a number of costs that is not a square, [`Error::EmptyCloud`] for none, and
    /// [`Error::NotFinitePoint`] for a cost that is not finite.
    pub fn matrix(costs: &[f64]) -> Result<Self> {
        let labels = costs.len().isqrt();
        if let Some(index) = costs.iter().position(|cost| !cost.is_finite()) {
            let width = labels.max(1);
            return Err(Error::NotFinitePoint {
                row: index / width + 1,
                column: index % width + 1,
                value: costs[index],
            });
        }
        let ones = vec![1.0; labels];
        let scores = Scores::matrix(costs, &ones, &ones)?;
        let (sides, terms) = scores.into_parts();
        Ok(Self { sides, terms })
    }

    /// The number of labels, K.
    pub fn labels(&self) -> usize {
        self.sides[0].len()
    }
}

/// Settings of a loss between distributions over labels.
///
/// ```
/// use haul_core::{Engine, LabelLoss, LabelMetric};
/// # fn train(engine: &impl Engine, logits: &[f64]) -> haul_core::Result<Vec<f64>> {
/// // Three labels in a row: to take one for its neighbour costs less than for the one at the other end.
/// let metric = LabelMetric::matrix(&[0.0, 1.0, 2.0, 1.0, 0.0, 1.0, 2.0, 1.0, 0.0])?;
/// let loss = LabelLoss::epsilon(0.1).rho(2.0);
/// let losses = loss.evaluate_logits(engine, &metric, logits, &[0.0, 0.0, 1.0])?;
/// Ok(losses.gradient_logits())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LabelLoss {
    sinkhorn: Sinkhorn,
    rho: [f64; 2],
}

settings!(LabelLoss);

impl Default for LabelLoss {
    fn default() -> Self {
        Self {
            sinkhorn: Sinkhorn::default().tolerance(1e-4).max_iterations(1000),
            rho: [1.0; 2],
        }
    }
}

/// The losses of a batch, one a row.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LabelLosses {
    /// The loss of each row: the dual at its potentials.
    pub values: Vec<f64>,
    /// Bounds of each loss, rounding included.
    pub bounds: Vec<Bounds>,
    /// The mass of each row's plan.
    pub plan_masses: Vec<f64>,
    /// ∂/∂h, N×K, row-major. It is finite where a prediction is 0.
    pub gradient: Vec<f64>,
    /// The largest L1 error of a plan's marginal, relative to the mass of the plan.
    pub error: f64,
    /// Whether that is within the tolerance.
    pub converged: bool,
    /// The number of iterations.
    pub iterations: usize,
    /// The predictions.
    predictions: Vec<f64>,
}

impl LabelLosses {
    /// The derivative in the logits z of predictions h = M softmax(z) of any mass M, N×K:
    /// h_k (∂_k − Σ_l h_l ∂_l / M).
    pub fn gradient_logits(&self) -> Vec<f64> {
        let labels = self.gradient.len() / self.values.len();
        let mut logits = self.gradient.clone();
        let rows = logits.chunks_exact_mut(labels);
        for (row, predictions) in rows.zip(self.predictions.chunks_exact(labels)) {
            let mass = sum(predictions.iter().copied());
            let mean = sum(row.iter().zip(predictions).map(|(g, h)| g * h)) / mass;
            for (g, h) in row.iter_mut().zip(predictions) {
                *g = h * (*g - mean);
            }
        }
        logits
    }
}

impl LabelLoss {
    fn sinkhorn_mut(&mut self) -> &mut Sinkhorn {
        &mut self.sinkhorn
    }

    /// ρ of both sides, in units of the cost. Default 1; the largest cost is a good choice.
    pub fn rho(mut self, rho: f64) -> Self {
        self.rho = [rho; 2];
        self
    }

    /// ρ_a of the predictions; infinity keeps P1 = h.
    pub fn rho_a(mut self, rho: f64) -> Self {
        self.rho[0] = rho;
        self
    }

    /// ρ_b of the targets; infinity keeps Pᵀ1 = t.
    pub fn rho_b(mut self, rho: f64) -> Self {
        self.rho[1] = rho;
        self
    }

    /// The L1 error of a plan's marginals, relative to its mass, at which the iteration ends. Default 1e-4.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.sinkhorn.tolerance = tolerance;
        self
    }

    /// The largest number of iterations. Default 1000.
    pub fn max_iterations(mut self, iterations: usize) -> Self {
        self.sinkhorn.max_iterations = iterations;
        self
    }

    /// The losses between the rows of `predictions` and those of `targets`, N×K and row-major, of any positive mass.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for matrices that are not N×K; [`Error::Input`] for a row of mass 0, or with a number that
    /// is negative or not finite; [`Error::BadParameter`] for a setting out of its range, for two infinite ρ, and for
    /// a blur beside a matrix of costs, which has no lengths; [`Error::BelowFloor`] for a tolerance that rounding
    /// makes unreachable.
    pub fn evaluate<E: Engine>(
        &self,
        engine: &E,
        metric: &LabelMetric,
        predictions: &[f64],
        targets: &[f64],
    ) -> Result<LabelLosses> {
        block_on(self.evaluate_async(engine, metric, predictions, targets))
    }

    /// The losses of predictions softmax(z), of mass 1, for the logits z, N×K.
    ///
    /// # Errors
    ///
    /// Those of [`evaluate`](Self::evaluate).
    pub fn evaluate_logits<E: Engine>(
        &self,
        engine: &E,
        metric: &LabelMetric,
        logits: &[f64],
        targets: &[f64],
    ) -> Result<LabelLosses> {
        let mut predictions = logits.to_vec();
        for row in predictions.chunks_mut(metric.labels()) {
            let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            row.iter_mut().for_each(|z| *z = (*z - largest).exp());
            let mass = sum(row.iter().copied());
            row.iter_mut().for_each(|z| *z /= mass);
        }
        self.evaluate(engine, metric, &predictions, targets)
    }

    /// [`evaluate`](Self::evaluate) without blocking a thread while it waits for the device.
    ///
    /// # Errors
    ///
    /// Those of [`evaluate`](Self::evaluate).
    pub async fn evaluate_async<E: Engine>(
        &self,
        engine: &E,
        metric: &LabelMetric,
        predictions: &[f64],
        targets: &[f64],
    ) -> Result<LabelLosses> {
        self.check(engine, metric, [predictions, targets])?;
        let (problem, epsilon) = self.problem(metric)?;
        let rho = self.checked_rho(epsilon)?;
        let labels = metric.labels();
        let rows = predictions.len() / labels;
        let sides = [(0, predictions), (1, targets)].map(|(side, values)| Side {
            weights: (0..values.len())
                .map(|entry| values[entry % rows * labels + entry / rows])
                .collect(),
            rho: rho[side],
            terms: metric.terms.as_ref().map(|terms| {
                let terms = terms[side].iter();
                terms.map(|term| term / epsilon).collect()
            }),
        });
        let place = (problem.frame(), problem.kernel());
        let [a, b] = &metric.sides;
        let transforms =
            |points| Transforms::between(engine, place, points, problem.is_separable());
        let mut passes = [transforms([a, b])?, transforms([b, a])?];
        // The last update is that of a side with a constraint.
        let turned = rho[0].is_infinite();
        let [mut first, mut second] = sides;
        if turned {
            std::mem::swap(&mut first, &mut second);
            passes.reverse();
        }
        let batch = Batch {
            first,
            second,
            rows,
        };
        let solved = batch.solve(passes, &self.sinkhorn).await?;
        let exponents = Exponents {
            rounding: problem.posed().rounding(engine),
            kernel: problem.kernel(),
        };
        let numbers = (0..rows).map(|row| batch.numbers(&solved, row, &exponents));
        let numbers: Vec<Numbers> = numbers.collect();
        let [of_first, of_second] = batch.masses();
        let (f, masses) = if turned {
            (&solved.g, of_first)
        } else {
            (&solved.f, of_second)
        };
        let mut gradient = vec![0.0; predictions.len()];
        for (entry, f) in f.iter().enumerate() {
            let (label, row) = (entry / rows, entry % rows);
            // e^{−f/ρ} is the ratio of the plan's marginal to the prediction.
            let excess = (-f / rho[0]).exp() - masses[row];
            gradient[row * labels + label] = epsilon * (conjugate(*f, rho[0]) - excess);
        }
        let bounds = |numbers: &Numbers| Bounds {
            lower: epsilon * (numbers.dual - numbers.off[0]),
            upper: epsilon * (numbers.primal + numbers.off[1]),
        };
        Ok(LabelLosses {
            values: numbers.iter().map(|row| epsilon * row.dual).collect(),
            bounds: numbers.iter().map(bounds).collect(),
            plan_masses: numbers.iter().map(|row| row.mass).collect(),
            gradient,
            error: solved.error,
            converged: solved.error <= self.sinkhorn.tolerance,
            iterations: solved.iterations,
            predictions: predictions.to_vec(),
        })
    }

    /// Refuses rows that are no histograms over the labels, and a tolerance that rounding makes unreachable.
    fn check<E: Engine>(
        &self,
        engine: &E,
        metric: &LabelMetric,
        [predictions, targets]: [&[f64]; 2],
    ) -> Result<()> {
        let labels = metric.labels();
        check_rows("the matrix of predictions", predictions, labels)?;
        check_rows("the matrix of targets", targets, labels)?;
        if predictions.len() != targets.len() {
            return Err(Error::Length {
                what: "the matrix of targets",
                expected: predictions.len(),
                found: targets.len(),
            });
        }
        let (problem, _) = self.problem(metric)?;
        let floor = problem.precision_floor(engine.precision());
        match self.sinkhorn.tolerance >= floor {
            true => Ok(()),
            false => Err(Error::BelowFloor {
                tolerance: self.sinkhorn.tolerance,
                precision: engine.precision().name(),
                floor,
            }),
        }
    }

    /// The problem between the points of the labels, and ε in units of the cost.
    fn problem<'m>(&self, metric: &'m LabelMetric) -> Result<(Problem<'m>, f64)> {
        let mut settings = self.sinkhorn.clone();
        if metric.terms.is_some() {
            let Regularization::Epsilon(epsilon) = settings.regularization else {
                let (Regularization::Blur(value)
                | Regularization::RelativeBlur(value)
                | Regularization::Epsilon(value)) = settings.regularization;
                return Err(Error::BadParameter {
                    name: "blur",
                    value,
                    range: "given as ε: a matrix of costs has no length",
                });
            };
            // Costs are half of squared distances.
            settings = settings
                .regularized(Regularization::Epsilon(2.0 * epsilon))
                .p(2.0);
        }
        let [a, b] = &metric.sides;
        let problem = settings.problem(a, b)?;
        let half = if metric.terms.is_some() { 0.5 } else { 1.0 };
        let epsilon = half * problem.epsilon();
        Ok((problem, epsilon))
    }

    /// ρ/ε of both sides.
    fn checked_rho(&self, epsilon: f64) -> Result<[f64; 2]> {
        let names = if self.rho[0].to_bits() == self.rho[1].to_bits() {
            ["rho"; 2]
        } else {
            ["rho_a", "rho_b"]
        };
        for (name, value) in names.into_iter().zip(self.rho) {
            if value.is_nan() || value <= 0.0 {
                let range = "above 0";
                return Err(Error::BadParameter { name, value, range });
            }
        }
        if self.rho.iter().all(|rho| rho.is_infinite()) {
            return Err(Error::BadParameter {
                name: "rho",
                value: f64::INFINITY,
                range: "finite on one side at least; Sinkhorn solves balanced problems",
            });
        }
        Ok(self.rho.map(|rho| rho / epsilon))
    }
}

/// Refuses a matrix that is not one of rows of `labels` numbers ≥ 0 of positive mass.
fn check_rows(what: &'static str, values: &[f64], labels: usize) -> Result<()> {
    if values.is_empty() || !values.len().is_multiple_of(labels) {
        return Err(Error::Length {
            what,
            expected: values.len().next_multiple_of(labels).max(labels),
            found: values.len(),
        });
    }
    for (index, row) in (1..).zip(values.chunks_exact(labels)) {
        let input = |error| Error::Input {
            index,
            error: Box::new(error),
        };
        let wrong = |value: &f64| !(value.is_finite() && *value >= 0.0);
        if let Some(label) = row.iter().position(wrong) {
            return Err(input(Error::BadWeight {
                row: label + 1,
                value: row[label],
            }));
        }
        let mass = sum(row.iter().copied());
        if !(mass > 0.0 && mass.is_finite()) {
            return Err(input(Error::BadMass { mass }));
        }
    }
    Ok(())
}
