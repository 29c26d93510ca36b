//! Costs from scores of features: dot products, cosines, and explicit matrices.
//!
//! A cost that is a product of features plus separable terms is a squared distance of those features plus other
//! separable terms,
//!
//! ```text
//! Cᵢⱼ = −⟨qᵢ, kⱼ⟩ + rᵢ + sⱼ = ½|qᵢ − kⱼ|² + (rᵢ − ½|qᵢ|²) + (sⱼ − ½|kⱼ|²)
//! ```
//!
//! A balanced plan does not depend on these terms: they change the potentials, and the value by ⟨a, ·⟩ + ⟨b, ·⟩. So
//! OT_ε with the cost C is half of OT_{2ε} with the squared distance, and all results for the latter apply to C:
//! certificate, plan, gradients, on every engine, without an n×m array. For an explicit n×m matrix the features are
//! its rows and the unit vectors, after its means over rows and columns became separable terms; the matrix is stored,
//! so it suits small problems. A cosine is a product of directions and has no such terms.
//!
//! With a penalty the plan depends on these terms, and they become weights. With terms r on the rows, the plan and
//! its potentials are those of the problem without them but with other weights,
//!
//! ```text
//! âᵢ = aᵢ exp(−rᵢ/(ε + ρ_a)),   f = f̂ + ρ_a/(ε + ρ_a) r
//! aᵢ e^{fᵢ/ε} = âᵢ e^{f̂ᵢ/ε} e^{rᵢ/ε},   aᵢ e^{−fᵢ/ρ_a} = âᵢ e^{−f̂ᵢ/ρ_a}
//! OT(a, b) = OT(â, b̂) + ρ_a(m_a − m̂_a) + ρ_b(m_b − m̂_b) + ε(m_a m_b − m̂_a m̂_b)
//! ```
//!
//! This holds at any potentials, and so for bounds. A constant of r may be part of the cost or of the weights
//! (`masses`): it is chosen so that m̂_a = m_a, and the sum in the last line is 0.

use crate::problem::same_space;
use crate::{
    Engine, Error, Measure, Penalty, Plan, Potentials, Precision, Progress, Regularization, Report,
    Result, Sinkhorn, Solution, Start, block_on,
};
use std::fmt;
use std::ops::ControlFlow;

/// The largest exponents of the factors of weights from separable terms, in the range of either precision.
const FARTHEST_F32: f64 = 64.0;
const FARTHEST_F64: f64 = 640.0;

/// The condition on a penalty for these exponents to stay in range.
const TOO_SMALL: &str =
    "larger beside the separable terms of the costs, which take weights out of the range of floats";

/// Two measures of features, and a cost from their products.
///
/// ```
/// use haul_core::{Engine, Measure, Scores, Sinkhorn};
/// let queries = Measure::uniform(&[1.0, 0.0, 0.0, 2.0], 2)?;
/// let keys = Measure::uniform(&[3.0, 0.5, 0.1, 1.0], 2)?;
/// let scores = Scores::inner_product(&queries, &keys)?; // Cᵢⱼ = −⟨qᵢ, kⱼ⟩
///
/// fn attend(engine: &impl Engine, scores: &Scores) -> haul_core::Result<f64> {
///     Ok(scores.solve(engine, &Sinkhorn::epsilon(0.1))?.value())
/// }
/// # Ok::<(), haul_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Scores {
    source: Measure,
    target: Measure,
    /// The difference between C and half the squared distance; `None` if there is none.
    terms: Option<[Vec<f64>; 2]>,
    /// The cost that tolerances count as 0: 0, or the least entry of a matrix.
    least: f64,
    features: Features,
}

/// The origin of the features.
#[derive(Debug, Clone)]
enum Features {
    /// The caller's own features.
    Given,
    /// The directions of points; the points of the source have these lengths.
    Directions { lengths: Vec<f64> },
    /// Rows of a matrix, divided by a factor, and the unit vectors, multiplied by it.
    Rows,
}

impl Scores {
    /// Cᵢⱼ = −⟨qᵢ, kⱼ⟩ for the features q and k that are the points of two measures. The squared lengths of the
    /// features should not exceed the spread of the costs by more than the available digits.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`].
    pub fn inner_product(queries: &Measure, keys: &Measure) -> Result<Self> {
        same_space(queries, keys)?;
        let halves = |measure: &Measure| {
            let rows = measure.points().chunks_exact(measure.dimension());
            rows.map(|x| -0.5 * squared(x)).collect::<Vec<_>>()
        };
        Ok(Self {
            source: queries.clone(),
            target: keys.clone(),
            terms: Some([halves(queries), halves(keys)]),
            least: 0.0,
            features: Features::Given,
        })
    }

    /// The same costs with rᵢ + sⱼ added.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if the number of terms differs from that of points.
    pub fn with_terms(mut self, rows: &[f64], columns: &[f64]) -> Result<Self> {
        let measures = [&self.source, &self.target];
        let zeros = || measures.map(|measure| vec![0.0; measure.len()]);
        let mut terms = self.terms.take().unwrap_or_else(zeros);
        for (terms, added) in terms.iter_mut().zip([rows, columns]) {
            let (expected, found) = (terms.len(), added.len());
            if expected != found {
                let what = "the separable terms of a cost";
                return Err(Error::Length {
                    what,
                    expected,
                    found,
                });
            }
            terms.iter_mut().zip(added).for_each(|(term, r)| *term += r);
        }
        self.terms = Some(terms);
        Ok(self)
    }

    /// The measures of both sides' features, and the difference between C and half of their squared distance.
    pub(crate) fn into_parts(self) -> ([Measure; 2], Option<[Vec<f64>; 2]>) {
        ([self.source, self.target], self.terms)
    }

    /// Cᵢⱼ = 1 − cos(xᵢ, yⱼ).
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`], and [`Error::NoDirection`] for a point at 0.
    pub fn cosine(source: &Measure, target: &Measure) -> Result<Self> {
        same_space(source, target)?;
        let (source, lengths) = directions(source)?;
        let (target, _) = directions(target)?;
        Ok(Self {
            source,
            target,
            terms: None,
            least: 0.0,
            features: Features::Directions { lengths },
        })
    }

    /// An explicit matrix of costs, n×m, row-major, between n weights a and m weights b. Memory grows as its number
    /// of entries, and time as m times that number.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for a wrong number of costs, and the errors of [`Measure::new`].
    pub fn matrix(costs: &[f64], a: &[f64], b: &[f64]) -> Result<Self> {
        let (n, m) = (a.len(), b.len());
        let (expected, found) = (n.saturating_mul(m), costs.len());
        if expected != found {
            return Err(Error::Length {
                what: "the matrix of costs",
                expected,
                found,
            });
        }
        if m == 0 {
            return Err(Error::EmptyCloud);
        }
        // Means over rows and columns need no features.
        let mean = |values: &mut dyn Iterator<Item = f64>, count: usize| {
            values.map(|value| value / count as f64).sum::<f64>()
        };
        let of_rows: Vec<f64> = costs
            .chunks_exact(m)
            .map(|row| mean(&mut row.iter().copied(), m))
            .collect();
        let of_columns: Vec<f64> = (0..m)
            .map(|j| {
                let rows = costs.chunks_exact(m).zip(&of_rows);
                mean(&mut rows.map(|(row, of_row)| row[j] - of_row), n)
            })
            .collect();
        let mut rows: Vec<f64> = costs
            .chunks_exact(m)
            .zip(&of_rows)
            .flat_map(|(row, of_row)| {
                let terms = row.iter().zip(&of_columns);
                terms.map(move |(cost, of_column)| of_row - cost + of_column)
            })
            .collect();
        // The features have equal lengths, which keeps the most digits of distances.
        let largest = rows.chunks_exact(m).map(squared).fold(0.0, f64::max);
        let scale = if largest > 0.0 {
            largest.powf(0.25)
        } else {
            1.0
        };
        rows.iter_mut().for_each(|cost| *cost /= scale);
        let mut units = vec![0.0; m * m];
        units
            .iter_mut()
            .step_by(m + 1)
            .for_each(|unit| *unit = scale);
        let queries = Measure::new(rows, m, a.to_vec())?;
        let keys = Measure::new(units, m, b.to_vec())?;
        let scores = Self::inner_product(&queries, &keys)?.with_terms(&of_rows, &of_columns)?;
        Ok(Self {
            least: costs.iter().copied().fold(f64::INFINITY, f64::min),
            features: Features::Rows,
            ..scores
        })
    }

    /// Solves OT_ε for these costs; ε and ρ are in their units. If both sides have a penalty, tolerances are relative
    /// to the mass that moves if all costs are 0, or the least entry of a matrix.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] for a blur or a reach, which are lengths, and for penalties so small compared with
    /// separable terms that weights leave the range of f64; and those of [`Sinkhorn::solve`].
    pub fn solve<E: Engine + Clone>(
        &self,
        engine: E,
        settings: &Sinkhorn,
    ) -> Result<ScoredSolution<E>> {
        let epsilon = match settings.regularization {
            Regularization::Epsilon(epsilon) => epsilon,
            Regularization::Blur(blur) | Regularization::RelativeBlur(blur) => {
                return Err(unfit("blur", blur, "given as ε: scores have no length"));
            }
        };
        let mut settings = settings
            .clone()
            .regularized(Regularization::Epsilon(2.0 * epsilon));
        let mut rho = [f64::INFINITY; 2];
        for (penalty, rho) in settings.penalties.iter_mut().zip(&mut rho) {
            match *penalty {
                Penalty::Rho(value) => {
                    *rho = value;
                    *penalty = Penalty::Rho(2.0 * value);
                }
                Penalty::Reach(reach) => {
                    return Err(unfit("reach", reach, "given as ρ: scores have no length"));
                }
            }
        }
        let farthest = match engine.precision() {
            Precision::F32 => FARTHEST_F32,
            Precision::F64 => FARTHEST_F64,
        };
        let (source, terms_a) = self.weighted(0, epsilon, rho[0], farthest)?;
        let (target, terms_b) = self.weighted(1, epsilon, rho[1], farthest)?;
        let terms = [terms_a, terms_b];
        if let Start::Potentials(potentials) = &mut settings.start {
            let sides = [&mut potentials.f, &mut potentials.g];
            for (side, values) in sides.into_iter().enumerate() {
                let terms = terms[side].potential.iter();
                values
                    .iter_mut()
                    .zip(terms)
                    .for_each(|(f, term)| *f = 2.0 * (*f - term));
            }
        }
        let settings = settings.p(2);
        let constant = terms[0].constant + terms[1].constant;
        let problem = settings
            .problem(&source, &target)?
            .beside(2.0 * constant, 2.0 * self.least)
            .map_err(|_| unfit("rho", rho[0].min(rho[1]), TOO_SMALL))?;
        let mut observer = |_: &Progress| ControlFlow::Continue(());
        let solution = block_on(settings.solve_problem(engine, &problem, &mut observer))?;
        let transported = self.transported(&solution, &terms)?;
        Ok(ScoredSolution {
            scores: self.clone(),
            solution,
            terms,
            transported,
        })
    }

    /// The measure of a side with its terms moved into the weights, and the rest of these terms.
    fn weighted(
        &self,
        side: usize,
        epsilon: f64,
        rho: f64,
        farthest: f64,
    ) -> Result<(Measure, Terms)> {
        let measure = [&self.source, &self.target][side];
        let terms = match &self.terms {
            Some(terms) => &terms[side],
            None => return Ok((measure.clone(), Terms::none(measure.len()))),
        };
        if !rho.is_finite() {
            let weights = measure.weights().iter();
            let value = weights.zip(terms).map(|(a, r)| a * r).sum();
            let potential = terms.clone();
            return Ok((
                measure.clone(),
                Terms {
                    potential,
                    value,
                    ..Terms::none(0)
                },
            ));
        }
        // The constant that keeps the mass, −(ε + ρ) log(Σ aᵢ e^{−rᵢ/(ε + ρ)}/m).
        let width = epsilon + rho;
        let present = || {
            let pairs = measure.weights().iter().zip(terms);
            pairs.filter(|(weight, _)| **weight > 0.0)
        };
        let least = present().fold(f64::INFINITY, |least, (_, term)| least.min(*term));
        let sum: f64 = present()
            .map(|(weight, term)| weight / measure.mass() * ((least - term) / width).exp())
            .sum();
        let constant = least - width * sum.ln();
        let weights = measure.weights().iter().zip(terms);
        let weights: Vec<f64> = weights
            .map(|(weight, term)| {
                if *weight > 0.0 {
                    weight * ((constant - term) / width).exp()
                } else {
                    0.0
                }
            })
            .collect();
        let most = present().fold(0.0, |most: f64, (_, term)| {
            most.max((term - constant).abs())
        });
        if most > farthest * width {
            return Err(unfit("rho", rho, TOO_SMALL));
        }
        let measure = measure.clone().with_weights(&weights)?;
        let damped = |term: &f64| rho / width * (term - constant);
        let felt = (width + constant.abs() + most) * measure.mass();
        Ok((
            measure,
            Terms {
                potential: terms.iter().map(damped).collect(),
                value: 0.0,
                constant,
                felt,
            },
        ))
    }

    /// The contribution of separable terms to ⟨P, C⟩.
    fn transported<E: Engine>(&self, solution: &Solution<E>, terms: &[Terms; 2]) -> Result<f64> {
        let Some(of_costs) = &self.terms else {
            return Ok(0.0);
        };
        if solution.state().is_balanced() {
            return Ok(terms[0].value + terms[1].value);
        }
        // On a side of finite ρ the marginal differs from the weights.
        let (rows, columns) = solution.plan().marginals()?;
        let sides = [rows, columns].into_iter().zip(of_costs).zip(terms);
        Ok(sides
            .map(|((marginal, of_costs), terms)| {
                let pairs = marginal.iter().zip(of_costs);
                pairs.map(|(p, r)| p * (r - terms.constant)).sum::<f64>()
            })
            .sum())
    }
}

/// The contributions of the separable terms of a side.
#[derive(Debug, Clone)]
struct Terms {
    /// The term added to each potential.
    potential: Vec<f64>,
    /// The term added to the value.
    value: f64,
    /// The term added to the constant of the cost.
    constant: f64,
    /// The change of the value per relative change of all weights with terms: (ε + ρ + |t|) times the mass, times the
    /// size of their exponents.
    felt: f64,
}

impl Terms {
    fn none(points: usize) -> Self {
        Self {
            potential: vec![0.0; points],
            value: 0.0,
            constant: 0.0,
            felt: 0.0,
        }
    }
}

/// A solved problem of scores.
pub struct ScoredSolution<E: Engine> {
    scores: Scores,
    solution: Solution<E>,
    terms: [Terms; 2],
    /// The contribution of separable terms to ⟨P, C⟩.
    transported: f64,
}

impl<E: Engine> fmt::Debug for ScoredSolution<E> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("ScoredSolution")
            .field("value", &self.value())
            .field("solution", &self.solution)
            .finish_non_exhaustive()
    }
}

impl<E: Engine> ScoredSolution<E> {
    /// OT_ε for the costs C.
    pub fn value(&self) -> f64 {
        self.of_squared(self.solution.value())
    }

    /// A lower bound of OT_ε.
    pub fn lower_bound(&self) -> f64 {
        self.of_squared(self.solution.certificate().lower_bound) - self.rounding()
    }

    /// An upper bound of OT_ε.
    pub fn upper_bound(&self) -> f64 {
        self.of_squared(self.solution.certificate().upper_bound) + self.rounding()
    }

    /// ⟨P, C⟩; in a balanced problem, for a plan with the marginals of the measures.
    pub fn transport_cost(&self) -> f64 {
        0.5 * self.solution.report().transport_cost + self.transported
    }

    /// The report of the squared problem OT_{2ε} that was solved: errors, effort, device.
    pub fn report(&self) -> &Report {
        self.solution.report()
    }

    /// The plan Pᵢⱼ = aᵢ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε).
    pub fn plan(&self) -> Plan<E> {
        self.solution.plan()
    }

    /// The potentials f and g for the costs C.
    pub fn potentials(&self) -> Result<Potentials> {
        let Potentials { f, g } = self.solution.potentials()?;
        let of = |values: Vec<f64>, side: usize| {
            let pairs = values.into_iter().zip(&self.terms[side].potential);
            pairs.map(|(f, term)| 0.5 * f + term).collect()
        };
        Ok(Potentials {
            f: of(f, 0),
            g: of(g, 1),
        })
    }

    /// The derivative of OT_ε in the given features of the source, n×d: −P k for dot products; in the points for a
    /// cosine. For a matrix it is the derivative in its rows: the plan itself, n×m.
    pub fn gradient(&self) -> Result<Vec<f64>> {
        let scores = &self.scores;
        let d = scores.source.dimension();
        match &scores.features {
            Features::Given => {
                let pull = self.plan().product(scores.target.points())?;
                Ok(pull.into_iter().map(|p| -p).collect())
            }
            Features::Rows => self.plan().rows(0..scores.source.len()),
            Features::Directions { lengths } => {
                let mut gradient = self.solution.gradient()?.points;
                let units = scores.source.points().chunks_exact(d);
                for ((row, unit), length) in gradient.chunks_exact_mut(d).zip(units).zip(lengths) {
                    // The derivative of ½|u − v|², orthogonal to the direction u = x/|x|.
                    let along: f64 = row.iter().zip(unit).map(|(g, u)| g * u).sum();
                    for (g, u) in row.iter_mut().zip(unit) {
                        *g = 0.5 * (*g - along * u) / length;
                    }
                }
                Ok(gradient)
            }
        }
    }

    /// The largest change of the value due to rounding, in f64, of weights with terms.
    fn rounding(&self) -> f64 {
        8.0 * Precision::F64.unit_roundoff() * (self.terms[0].felt + self.terms[1].felt)
    }

    fn of_squared(&self, value: f64) -> f64 {
        0.5 * value + self.terms[0].value + self.terms[1].value
    }
}

/// The directions of the points of a measure, and their lengths.
fn directions(measure: &Measure) -> Result<(Measure, Vec<f64>)> {
    let mut points = measure.points().to_vec();
    let mut lengths = Vec::with_capacity(measure.len());
    for (row, point) in points.chunks_exact_mut(measure.dimension()).enumerate() {
        // Relative to the largest: the square of a huge or tiny coordinate would leave the range.
        let largest = point
            .iter()
            .fold(0.0, |largest: f64, x| x.abs().max(largest));
        if largest == 0.0 {
            return Err(Error::NoDirection { row: row + 1 });
        }
        point.iter_mut().for_each(|x| *x /= largest);
        let length = squared(point).sqrt();
        point.iter_mut().for_each(|x| *x /= length);
        lengths.push(largest * length);
    }
    let weights = measure.weights().to_vec();
    Ok((Measure::new(points, measure.dimension(), weights)?, lengths))
}

fn squared(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum()
}

fn unfit(name: &'static str, value: f64, range: &'static str) -> Error {
    Error::BadParameter { name, value, range }
}
