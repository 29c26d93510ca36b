//! Costs that are scores of features: dot products, cosines, and explicit matrices.
//!
//! A cost that is a product of features and separable terms is a squared distance of those features
//! but for other separable terms,
//!
//! ```text
//! Cᵢⱼ = −⟨qᵢ, kⱼ⟩ + rᵢ + sⱼ = ½|qᵢ − kⱼ|² + (rᵢ − ½|qᵢ|²) + (sⱼ − ½|kⱼ|²)
//! ```
//!
//! which a balanced problem does not feel: they move the potentials, and the value by ⟨a, ·⟩ + ⟨b, ·⟩. So OT_ε
//! with the cost C is half of OT_{2ε} with the squared one, and everything that is known of it is known
//! of C: certificate, plan, gradients, on every engine, without an n×m array. A cosine is a product of
//! directions and has no separable terms, so that penalties are allowed. An explicit n×m matrix has its
//! rows as features against the unit vectors; it is stored, and for small problems.

use crate::{
    Engine, Error, Measure, Penalty, Plan, Potentials, Regularization, Report, Result, Sinkhorn,
    Solution, Start,
};

/// Two measures of features, and a cost that is made of their products.
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
    /// What C has beyond half the squared distance; none where it has nothing.
    terms: Option<[Vec<f64>; 2]>,
    features: Features,
}

/// What the features are made of.
#[derive(Debug, Clone)]
enum Features {
    /// They are the caller's own.
    Given,
    /// The directions of points, those of the source of these lengths.
    Directions { lengths: Vec<f64> },
    /// Rows of a matrix, divided by this, and the unit vectors, multiplied with it.
    Rows,
}

impl Scores {
    /// Cᵢⱼ = −⟨qᵢ, kⱼ⟩ for the features q and k that are the points of two measures. The squared
    /// lengths of the features should not exceed the spread of the costs by more than the digits at
    /// hand.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`].
    pub fn inner_product(queries: &Measure, keys: &Measure) -> Result<Self> {
        crate::problem::same_space(queries, keys)?;
        let halves = |measure: &Measure| {
            let rows = measure.points().chunks_exact(measure.dimension());
            rows.map(|x| -0.5 * squared(x)).collect::<Vec<_>>()
        };
        Ok(Self {
            source: queries.clone(),
            target: keys.clone(),
            terms: Some([halves(queries), halves(keys)]),
            features: Features::Given,
        })
    }

    /// The same costs with rᵢ + sⱼ added.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for another number of terms than of points.
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

    /// Cᵢⱼ = 1 − cos(xᵢ, yⱼ).
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`], and [`Error::NoDirection`] for a point that is 0.
    pub fn cosine(source: &Measure, target: &Measure) -> Result<Self> {
        crate::problem::same_space(source, target)?;
        let (source, lengths) = directions(source)?;
        let (target, _) = directions(target)?;
        Ok(Self {
            source,
            target,
            terms: None,
            features: Features::Directions { lengths },
        })
    }

    /// An explicit matrix of costs, n×m, row-major, between n weights a and m weights b. It takes the
    /// memory and m times the time of its entries.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for another number of costs, and what [`Measure::new`] refuses.
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
        // The features are of one length, where distances have the most digits.
        let largest = costs.chunks_exact(m).map(squared).fold(0.0, f64::max);
        let scale = if largest > 0.0 {
            largest.powf(0.25)
        } else {
            1.0
        };
        let rows = costs.iter().map(|cost| -cost / scale).collect();
        let mut units = vec![0.0; m * m];
        units
            .iter_mut()
            .step_by(m + 1)
            .for_each(|unit| *unit = scale);
        let queries = Measure::new(rows, m, a.to_vec())?;
        let keys = Measure::new(units, m, b.to_vec())?;
        Ok(Self {
            features: Features::Rows,
            ..Self::inner_product(&queries, &keys)?
        })
    }

    /// Solves OT_ε for these costs: ε, and ρ where there are no separable terms, in their units.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] for a blur or a reach, which are lengths, and for penalties beside
    /// separable terms; and those of [`Sinkhorn::solve`].
    pub fn solve<'e, E: Engine>(
        &self,
        engine: &'e E,
        settings: &Sinkhorn,
    ) -> Result<ScoredSolution<'e, E>> {
        let epsilon = match settings.regularization {
            Regularization::Epsilon(epsilon) => epsilon,
            Regularization::Blur(blur) | Regularization::RelativeBlur(blur) => {
                return Err(unfit("blur", blur, "given as ε: scores have no length"));
            }
        };
        let mut settings = settings
            .clone()
            .regularized(Regularization::Epsilon(2.0 * epsilon));
        for penalty in &mut settings.penalties {
            *penalty = match *penalty {
                Penalty::Rho(rho) if rho.is_infinite() => Penalty::EXACT,
                Penalty::Rho(rho) if self.terms.is_none() => Penalty::Rho(2.0 * rho),
                Penalty::Rho(rho) => {
                    return Err(unfit(
                        "rho",
                        rho,
                        "infinite where costs have separable terms",
                    ));
                }
                Penalty::Reach(reach) => {
                    return Err(unfit("reach", reach, "given as ρ: scores have no length"));
                }
            };
        }
        if let Start::Potentials(potentials) = &mut settings.start {
            let sides = [&mut potentials.f, &mut potentials.g];
            for (side, values) in sides.into_iter().enumerate() {
                for (i, f) in values.iter_mut().enumerate() {
                    *f = 2.0 * (*f - self.term(side, i));
                }
            }
        }
        let solution = settings.p(2).solve(engine, &self.source, &self.target)?;
        Ok(ScoredSolution {
            scores: self.clone(),
            solution,
        })
    }

    /// What C has beyond half the squared distance, for a point of a side.
    fn term(&self, side: usize, i: usize) -> f64 {
        let of_side = self.terms.as_ref().and_then(|terms| terms[side].get(i));
        of_side.copied().unwrap_or(0.0)
    }
}

/// A solved problem of scores.
pub struct ScoredSolution<'e, E: Engine> {
    scores: Scores,
    solution: Solution<'e, E>,
}

impl<'e, E: Engine> ScoredSolution<'e, E> {
    /// OT_ε for the costs C.
    pub fn value(&self) -> f64 {
        self.of_squared(self.solution.value())
    }

    /// OT_ε is not below this.
    pub fn lower_bound(&self) -> f64 {
        self.of_squared(self.solution.certificate().lower_bound)
    }

    /// OT_ε is not above this.
    pub fn upper_bound(&self) -> f64 {
        self.of_squared(self.solution.certificate().upper_bound)
    }

    /// ⟨P, C⟩, where the plan has the marginals of the measures.
    pub fn transport_cost(&self) -> f64 {
        self.of_squared(self.solution.report().transport_cost)
    }

    /// The report of the squared problem OT_{2ε} that was solved: errors, effort, device.
    pub fn report(&self) -> &Report {
        self.solution.report()
    }

    /// The plan Pᵢⱼ = aᵢ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε).
    pub fn plan(&self) -> Plan<'_, 'e, E> {
        self.solution.plan()
    }

    /// The potentials f and g for the costs C.
    pub fn potentials(&self) -> Result<Potentials> {
        let Potentials { f, g } = self.solution.potentials()?;
        let of = |values: Vec<f64>, side: usize| {
            let term = |i: usize| {
                self.scores
                    .terms
                    .as_ref()
                    .map_or(0.0, |terms| terms[side][i])
            };
            let values = values.into_iter().enumerate();
            values.map(|(i, f)| 0.5 * f + term(i)).collect()
        };
        Ok(Potentials {
            f: of(f, 0),
            g: of(g, 1),
        })
    }

    /// The derivative of OT_ε in the features of the source that were given, n×d: −P k of dot products;
    /// of a cosine in the points. Of a matrix it is that in its rows: the plan itself, n×m.
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
                    // Of ½|u − v|², across the direction u = x/|x|.
                    let along: f64 = row.iter().zip(unit).map(|(g, u)| g * u).sum();
                    for (g, u) in row.iter_mut().zip(unit) {
                        *g = 0.5 * (*g - along * u) / length;
                    }
                }
                Ok(gradient)
            }
        }
    }

    fn of_squared(&self, value: f64) -> f64 {
        let Scores {
            source,
            target,
            terms,
            ..
        } = &self.scores;
        let mean = |measure: &Measure, terms: &[f64]| -> f64 {
            let pairs = measure.weights().iter().zip(terms);
            pairs.map(|(weight, term)| weight * term).sum()
        };
        let shift = terms.as_ref().map_or(0.0, |[rows, columns]| {
            mean(source, rows) + mean(target, columns)
        });
        0.5 * value + shift
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
