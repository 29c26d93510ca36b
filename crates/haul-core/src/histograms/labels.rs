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

use super::transforms::Transforms;
use crate::linalg::sum;
use crate::problem::Rounding;
use crate::{
    Bounds, Engine, Error, Measure, Precision, Problem, Regularization, Result, Scores, Sinkhorn,
    block_on,
};

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
        let (problem, epsilon) = self.problem(metric)?;
        let floor = problem.precision_floor(engine.precision());
        if self.sinkhorn.tolerance < floor {
            return Err(Error::BelowFloor {
                tolerance: self.sinkhorn.tolerance,
                precision: engine.precision().name(),
                floor,
            });
        }
        let rho = self.checked_rho(epsilon)?;
        // The last update is that of a side with a constraint.
        let turned = rho[0].is_infinite();
        let rows = predictions.len() / labels;
        let columns = |values: &[f64]| -> Vec<f64> {
            let of = |entry: usize| values[entry % rows * labels + entry / rows];
            (0..values.len()).map(of).collect()
        };
        let sides = [(0, predictions), (1, targets)].map(|(side, values)| Side {
            weights: columns(values),
            rho: rho[side],
            terms: metric.terms.as_ref().map(|terms| {
                let terms = terms[side].iter();
                terms.map(|term| term / epsilon).collect()
            }),
        });
        let place = (problem.frame(), problem.kernel());
        let [a, b] = &metric.sides;
        let separable = problem.is_separable();
        let mut to_a = Transforms::between(engine, place, [a, b], separable)?;
        let mut to_b = Transforms::between(engine, place, [b, a], separable)?;
        let [first, second] = sides;
        let batch = match turned {
            false => Batch {
                first,
                second,
                rows,
            },
            true => Batch {
                first: second,
                second: first,
                rows,
            },
        };
        let passes = match turned {
            false => [&mut to_a, &mut to_b],
            true => [&mut to_b, &mut to_a],
        };
        let solved = batch.solve(passes, &self.sinkhorn).await?;
        let rounding = problem.posed().rounding(engine);
        let exponents = Exponents {
            rounding,
            kernel: problem.kernel(),
        };
        let masses = batch.masses();
        let mut losses = LabelLosses {
            values: Vec::new(),
            bounds: Vec::new(),
            plan_masses: Vec::new(),
            gradient: vec![0.0; predictions.len()],
            error: solved.error,
            converged: solved.error <= self.sinkhorn.tolerance,
            iterations: solved.iterations,
            predictions: predictions.to_vec(),
        };
        for row in 0..rows {
            let numbers = batch.numbers(&solved, row, &exponents);
            losses.values.push(epsilon * numbers.dual);
            losses.plan_masses.push(numbers.mass);
            losses.bounds.push(Bounds {
                lower: epsilon * (numbers.dual - numbers.off[0]),
                upper: epsilon * (numbers.primal + numbers.off[1]),
            });
        }
        let (f, other) = match turned {
            false => (&solved.f, &masses[1]),
            true => (&solved.g, &masses[0]),
        };
        for (entry, f) in f.iter().enumerate() {
            let (label, row) = (entry / rows, entry % rows);
            // e^{−f/ρ} is the ratio of the plan's marginal to the prediction.
            let ratio = (-f / rho[0]).exp();
            losses.gradient[row * labels + label] =
                epsilon * (conjugate(*f, rho[0]) - (ratio - other[row]));
        }
        Ok(losses)
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

/// One side of a batch, in units of ε.
struct Side {
    /// K×N.
    weights: Vec<f64>,
    rho: f64,
    /// The separable terms of the costs.
    terms: Option<Vec<f64>>,
}

impl Side {
    /// λ = ρ/(ρ + 1).
    fn damping(&self) -> f64 {
        1.0 / (1.0 + 1.0 / self.rho)
    }

    /// The term of the dual, −ρ Σ w (e^{−f/ρ} − 1), of a row.
    fn dual(&self, potential: &[f64], row: usize, rows: usize) -> f64 {
        let pairs = column(&self.weights, row, rows).zip(column(potential, row, rows));
        sum(pairs.map(|(w, f)| w * conjugate(f, self.rho)))
    }
}

/// The rows of a batch; the side that is updated last comes second.
struct Batch {
    first: Side,
    second: Side,
    rows: usize,
}

/// The potentials of a batch, K×N.
struct Solved {
    f: Vec<f64>,
    g: Vec<f64>,
    /// T(g), which f is compared with.
    image: Vec<f64>,
    error: f64,
    iterations: usize,
}

/// The numbers of a row, in units of ε.
struct Numbers {
    dual: f64,
    primal: f64,
    mass: f64,
    /// The effects of rounding on the dual and on the primal.
    off: [f64; 2],
}

/// The rounding of the passes.
struct Exponents {
    rounding: Rounding,
    kernel: crate::engine::Kernel,
}

impl Batch {
    /// The masses of each row on both sides.
    fn masses(&self) -> [Vec<f64>; 2] {
        [&self.first, &self.second].map(|side| {
            let mass = |row| sum(column(&side.weights, row, self.rows));
            (0..self.rows).map(mass).collect()
        })
    }

    /// T(h) of one side from the weights and potentials of the other.
    async fn transform<E: Engine>(
        &self,
        pass: &mut Transforms<'_, E>,
        (to, from): (&Side, &Side),
        potential: &[f64],
    ) -> Result<Vec<f64>> {
        let mut shifted = potential.to_vec();
        shift(&mut shifted, from.terms.as_deref(), self.rows, -1.0);
        let mut image = pass.of(&from.weights, &shifted, self.rows).await?;
        shift(&mut image, to.terms.as_deref(), self.rows, 1.0);
        Ok(image)
    }

    async fn solve<E: Engine>(
        &self,
        [to_first, to_second]: [&mut Transforms<'_, E>; 2],
        settings: &Sinkhorn,
    ) -> Result<Solved> {
        let Self {
            first,
            second,
            rows,
        } = self;
        let zeros = vec![0.0; second.weights.len()];
        let mut image = self.transform(to_first, (first, second), &zeros).await?;
        let mut constants = vec![0.0; *rows];
        let mut iterations = 0;
        loop {
            iterations += 1;
            let damped =
                |(entry, t): (usize, &f64)| first.damping() * (t + constants[entry % rows]);
            let f: Vec<f64> = image.iter().enumerate().map(damped).collect();
            let mut g = self.transform(to_second, (second, first), &f).await?;
            g.iter_mut().for_each(|g| *g *= second.damping());
            image = self.transform(to_first, (first, second), &g).await?;
            let error = self.error(&f, &image);
            if error <= settings.tolerance || iterations >= settings.max_iterations {
                return Ok(Solved {
                    f,
                    g,
                    image,
                    error,
                    iterations,
                });
            }
            constants = (0..*rows).map(|row| self.constant(&f, &g, row)).collect();
        }
    }

    /// The largest error of the first side's marginals over the rows, relative to the mass of the plan.
    fn error(&self, f: &[f64], image: &[f64]) -> f64 {
        let side = &self.first;
        let of_row = |row: usize| {
            let weights = column(&side.weights, row, self.rows);
            let both = column(f, row, self.rows).zip(column(image, row, self.rows));
            let (mut off, mut mass) = (0.0, 0.0);
            for (w, (f, t)) in weights.zip(both).filter(|(w, _)| *w > 0.0) {
                let ratio = (f - t).exp();
                off += w * (ratio - (-f / side.rho).exp()).abs();
                mass += w * ratio;
            }
            off / mass
        };
        (0..self.rows).map(of_row).fold(0.0, f64::max)
    }

    /// The constant τ for which the dual at (f + τ, g − τ) is largest.
    fn constant(&self, f: &[f64], g: &[f64], row: usize) -> f64 {
        let log = |side: &Side, potential: &[f64]| {
            let pairs =
                column(&side.weights, row, self.rows).zip(column(potential, row, self.rows));
            sum(pairs.map(|(w, f)| w * (-f / side.rho).exp())).ln()
        };
        let difference = log(&self.first, f) - log(&self.second, g);
        let constant = difference / (1.0 / self.first.rho + 1.0 / self.second.rho);
        if constant.is_finite() { constant } else { 0.0 }
    }

    fn numbers(&self, solved: &Solved, row: usize, exponents: &Exponents) -> Numbers {
        let Solved { f, g, image, .. } = solved;
        let rows = self.rows;
        let (mut mass, mut primal, mut felt) = (0.0, 0.0, 0.0);
        let mut heights = [0.0f64; 2];
        // Of each side, the logarithm of the ratio of the plan's marginal to the weights.
        let first: Vec<f64> = column(f, row, rows)
            .zip(column(image, row, rows))
            .map(|(f, t)| f - t)
            .collect();
        let second: Vec<f64> = column(g, row, rows).map(|g| -g / self.second.rho).collect();
        let sides = [(&self.first, f, first), (&self.second, g, second)];
        for (index, (side, potential, logs)) in sides.into_iter().enumerate() {
            let weights = column(&side.weights, row, rows);
            let terms = weights.zip(column(potential, row, rows).zip(logs));
            for (w, (f, log)) in terms.filter(|(w, _)| *w > 0.0) {
                let marginal = w * log.exp();
                if index == 0 {
                    mass += marginal;
                }
                heights[index] = heights[index].max(f.abs());
                primal += marginal * f;
                felt += marginal * f.abs();
                if side.rho.is_finite() {
                    primal += side.rho * (marginal * log - marginal + w);
                    felt += side.rho * marginal * log.abs();
                }
            }
        }
        let both = self.masses_of(row);
        let entropy = mass - both[0] * both[1];
        let dual = self.first.dual(f, row, rows) + self.second.dual(g, row, rows) - entropy;
        // The relative error of an entry of the plan.
        let off = exponents.of(heights);
        let host =
            64.0 * Precision::F64.unit_roundoff() * (felt + dual.abs() + mass + both[0] * both[1]);
        let moved = mass * (exponents.largest() + heights[0] + heights[1] + 1.0);
        Numbers {
            dual,
            primal: primal - entropy,
            mass,
            off: [
                mass * off.exp_m1() + host,
                (felt + moved) * off.exp_m1() + host,
            ],
        }
    }

    fn masses_of(&self, row: usize) -> [f64; 2] {
        [&self.first, &self.second].map(|side| sum(column(&side.weights, row, self.rows)))
    }
}

impl Exponents {
    /// The relative error of an entry of the plan for potentials of some heights, in units of ε.
    fn of(&self, heights: [f64; 2]) -> f64 {
        let epsilon = self.kernel.epsilon;
        let costs = (self.rounding.cost() + self.rounding.near()) / epsilon;
        self.rounding
            .term(self.kernel, heights.map(|height| height * epsilon))
            + costs
    }

    /// The largest cost, in units of ε.
    fn largest(&self) -> f64 {
        self.rounding.largest_cost() / self.kernel.epsilon
    }
}

/// −ρ (e^{−f/ρ} − 1), or f where ρ is infinite.
fn conjugate(f: f64, rho: f64) -> f64 {
    if rho.is_finite() {
        -rho * (-f / rho).exp_m1()
    } else {
        f
    }
}

/// The values of a row, of K×N values.
fn column(values: &[f64], row: usize, rows: usize) -> impl Iterator<Item = f64> + '_ {
    values.iter().skip(row).step_by(rows).copied()
}

/// Adds a multiple of the terms of the labels to K×N values.
fn shift(values: &mut [f64], terms: Option<&[f64]>, rows: usize, factor: f64) {
    let Some(terms) = terms else { return };
    for (row, term) in values.chunks_exact_mut(rows).zip(terms) {
        row.iter_mut().for_each(|value| *value += factor * term);
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
