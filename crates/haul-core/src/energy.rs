//! Energy distances and maximum mean discrepancies: comparisons of two measures by the mean of a
//! function over all pairs, without a transport plan.
//!
//! With C = |x − y|^p and E(α, β) = Σᵢⱼ aᵢ bⱼ Cᵢⱼ [Székely–Rizzo'13],
//!
//! ```text
//! energy(α, β) = E(α, β) − ½ E(α, α) − ½ E(β, β)        masses equal
//! ```
//!
//! which for 0 < p < 2 is not negative, and 0 only for equal measures; p = 2 leaves the squared
//! distance of the means. It is what the Sinkhorn divergence S_ε becomes as ε → ∞. With a positive
//! definite kernel k [Gretton'12],
//!
//! ```text
//! MMD²(α, β) = ⟨α − β, k(α − β)⟩ = K(α, α) + K(β, β) − 2 K(α, β),   K(α, β) = Σᵢⱼ aᵢ bⱼ k(xᵢ, yⱼ)
//! ```
//!
//! −C is positive definite on differences of measures of equal mass only, where a constant added to
//! it drops out. So the energy wants equal masses, and is then ½ MMD² of the kernel −C; a positive
//! definite kernel takes any masses.
//!
//! Every term is one pass over pairs, [`Engine::product`] with ε = ∞ and φ = C for the energy, with
//! potentials 0 for a kernel exp(−C/ε); memory is O(n + m). Weights enter as values and not as
//! exponents, which keeps their digits, and the sums of the rows are summed in f64.

use crate::certificate::moments;
use crate::engine::{Factor, Kernel, Side};
use crate::gradient::finite;
use crate::pass::{Pass, weighted};
use crate::problem::{equal_masses, same_space};
use crate::{Cost, Engine, Error, Frame, Measure, Precision, Result};
use std::time::Instant;

/// The energy distance for the cost |x − y|^p.
///
/// ```
/// use haul_core::{Energy, Engine, Measure};
/// let (a, b) = (Measure::uniform(&[0.0, 1.0], 1)?, Measure::uniform(&[3.0, 4.0], 1)?);
/// Energy::new().p(1.5).check(&a, &b)?;
///
/// fn energy(engine: &impl Engine, a: &Measure, b: &Measure) -> haul_core::Result<f64> {
///     Ok(Energy::new().evaluate(engine, a, b)?.value) // 5/2: E(a, b) = 3, E(a, a) = E(b, b) = ½
/// }
/// # Ok::<(), haul_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Energy {
    p: f64,
}

impl Energy {
    /// The energy distance of p = 1.
    pub fn new() -> Self {
        Self { p: 1.0 }
    }

    /// The power p of the cost |x − y|^p, above 0 and at most 2.
    pub fn p(mut self, p: impl Into<f64>) -> Self {
        self.p = p.into();
        self
    }

    /// Refuses what cannot be evaluated, without a device.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] for p, [`Error::DimensionMismatch`], [`Error::UnequalMass`], and
    /// [`Error::Extent`] where a cost leaves the range of f64.
    pub fn check(&self, source: &Measure, target: &Measure) -> Result<()> {
        let cost = Cost::power(self.p)?;
        same_space(source, target)?;
        equal_masses(source, target)?;
        Frame::joint(source, target).check(cost)
    }

    /// E(α, β) − ½ E(α, α) − ½ E(β, β), in units of |x − y|^p times the square of the mass. For p = 2
    /// it comes from means in f64 on the host, and no pair is evaluated.
    ///
    /// # Errors
    ///
    /// Those of [`check`](Self::check), [`Error::NotFiniteResult`], and the engine's own.
    pub fn evaluate<E: Engine>(
        &self,
        engine: &E,
        source: &Measure,
        target: &Measure,
    ) -> Result<Discrepancy> {
        let start = Instant::now();
        self.check(source, target)?;
        let cost = Cost::power(self.p)?;
        let frame = Frame::joint(source, target).for_moments();
        let unit = frame.cost_unit(cost);
        // Equal up to rounding, which must not show in a difference.
        let mass = (source.mass() * target.mass()).sqrt();
        let diameter = frame.diameter_in_frame();
        let sums = Combination::ENERGY;
        let of = |means: Means, value: f64, rounding: f64| Discrepancy {
            value: unit * mass * mass * value,
            terms: means.terms.of_masses((mass, mass)).scaled(unit),
            rounding: unit * mass * mass * rounding,
            gradient_weights: sums.gradient(&means, (unit * mass, unit * mass)),
            ..Discrepancy::between(source, target)
        };
        if cost == Cost::SquaredEuclidean {
            let (means, between) = Means::of_squares(&frame, source, target);
            // Means of n terms are off by some √n roundoffs of the largest coordinates.
            let terms = (source.len() + target.len()) as f64;
            let off = Precision::F64.unit_roundoff() * (4.0 + terms.sqrt()) * diameter;
            let rounding = off * (2.0 * between.sqrt() + off);
            return of(means, between, rounding).finished("host", Precision::F64, start);
        }
        let kernel = Kernel {
            cost,
            epsilon: f64::INFINITY,
        };
        let means = Means::new(engine, &frame, kernel, Factor::Cost, source, target)?;
        let value = sums.of(means.terms);
        let precision = engine.precision();
        // Rounding the coordinates moves two points by at most this much relative to each other.
        let delta = precision.unit_roundoff() * diameter;
        let rounding = relative_error(precision, source.dimension()) * sums.size(means.terms)
            + 2.0 * moved(cost, delta, means.terms.ab);
        let discrepancy = Discrepancy {
            pairs: pairs(source, target),
            ..of(means, value, rounding)
        };
        discrepancy.finished(engine.device(), precision, start)
    }
}

impl Energy {
    /// The derivative of the energy in each point of the source, n×d, row-major, in two passes over
    /// pairs. That in the weights is [`Discrepancy::gradient_weights`].
    ///
    /// # Errors
    ///
    /// Those of [`evaluate`](Self::evaluate).
    pub fn gradient_points<E: Engine>(
        &self,
        engine: &E,
        source: &Measure,
        target: &Measure,
    ) -> Result<Vec<f64>> {
        self.check(source, target)?;
        let cost = Cost::power(self.p)?;
        let frame = Frame::joint(source, target).for_moments();
        let unit = frame.slope_unit(cost) * (source.mass() * target.mass()).sqrt();
        if cost == Cost::SquaredEuclidean {
            let mean = |measure: &Measure| {
                let (weights, mass) = (measure.weights(), measure.mass());
                moments(&frame.place(measure), measure.dimension(), weights, mass).0
            };
            let (mean, mean2) = (mean(source), mean(target));
            let pull = mean.iter().zip(&mean2).map(|(x, y)| 2.0 * (x - y));
            let pull: Vec<f64> = pull.collect::<Vec<_>>().repeat(source.len());
            return finite(weighted(source.weights(), unit, pull), engine);
        }
        let kernel = Kernel {
            cost,
            epsilon: f64::INFINITY,
        };
        let slopes =
            Combination::ENERGY.slopes(engine, &frame, kernel, (source, target), [1.0; 2])?;
        finite(weighted(source.weights(), unit, slopes), engine)
    }
}

impl Default for Energy {
    fn default() -> Self {
        Self::new()
    }
}

/// The squared maximum mean discrepancy of a positive definite kernel of width σ.
///
/// ```
/// use haul_core::{Engine, Measure, Mmd};
/// let (a, b) = (Measure::uniform(&[0.0], 1)?, Measure::uniform(&[1.0], 1)?);
/// Mmd::laplacian(0.5).check(&a, &b)?;
///
/// fn mmd(engine: &impl Engine, a: &Measure, b: &Measure) -> haul_core::Result<f64> {
///     Ok(Mmd::gaussian(1.0).evaluate(engine, a, b)?.value) // 2 (1 − e^{−1/2})
/// }
/// # Ok::<(), haul_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mmd {
    cost: Cost,
    sigma: f64,
}

impl Mmd {
    /// k(x, y) = exp(−|x − y|²/(2σ²)), for a length σ.
    pub fn gaussian(sigma: f64) -> Self {
        Self {
            cost: Cost::SquaredEuclidean,
            sigma,
        }
    }

    /// k(x, y) = exp(−|x − y|/σ), for a length σ.
    pub fn laplacian(sigma: f64) -> Self {
        Self {
            cost: Cost::Euclidean,
            sigma,
        }
    }

    /// Refuses what cannot be evaluated, without a device.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] for σ, [`Error::DimensionMismatch`], and [`Error::Extent`] where a
    /// cost leaves the range of f64.
    pub fn check(&self, source: &Measure, target: &Measure) -> Result<()> {
        self.placed(source, target).map(|_| ())
    }

    /// K(α, α) + K(β, β) − 2 K(α, β), in units of mass squared. Masses may differ.
    ///
    /// # Errors
    ///
    /// Those of [`check`](Self::check), [`Error::NotFiniteResult`], and the engine's own.
    pub fn evaluate<E: Engine>(
        &self,
        engine: &E,
        source: &Measure,
        target: &Measure,
    ) -> Result<Discrepancy> {
        let start = Instant::now();
        let (frame, kernel) = self.placed(source, target)?;
        let means = Means::new(engine, &frame, kernel, Factor::One, source, target)?;
        let masses = (source.mass(), target.mass());
        let sums = Combination::MMD;
        let terms = means.terms.of_masses(masses);
        let precision = engine.precision();
        // Where the kernel counts, its slope is at most 3/σ of it.
        let sigma = kernel.epsilon.powf(1.0 / kernel.cost.p());
        let delta = precision.unit_roundoff() * frame.diameter_in_frame();
        let relative = relative_error(precision, source.dimension()) + 3.0 * delta / sigma;
        let discrepancy = Discrepancy {
            value: sums.of(terms),
            terms,
            rounding: relative * sums.size(terms),
            gradient_weights: sums.gradient(&means, masses),
            pairs: pairs(source, target),
            ..Discrepancy::between(source, target)
        };
        discrepancy.finished(engine.device(), precision, start)
    }

    /// The derivative of the squared MMD in each point of the source, n×d, row-major, in two passes
    /// over pairs. That in the weights is [`Discrepancy::gradient_weights`].
    ///
    /// # Errors
    ///
    /// Those of [`evaluate`](Self::evaluate).
    pub fn gradient_points<E: Engine>(
        &self,
        engine: &E,
        source: &Measure,
        target: &Measure,
    ) -> Result<Vec<f64>> {
        let (frame, kernel) = self.placed(source, target)?;
        // ∂ₓ e^{−C/ε} = −e^{−C/ε} ∂ₓC/ε.
        let unit = -frame.slope_unit(kernel.cost) / (kernel.epsilon * frame.cost_unit(kernel.cost));
        let masses = [source.mass(), target.mass()];
        let slopes = Combination::MMD.slopes(engine, &frame, kernel, (source, target), masses)?;
        finite(weighted(source.weights(), unit, slopes), engine)
    }

    /// The frame of both measures, and the kernel in it.
    fn placed(&self, source: &Measure, target: &Measure) -> Result<(Frame, Kernel)> {
        let cost = self.cost;
        let epsilon = match cost {
            Cost::SquaredEuclidean => 2.0 * self.sigma * self.sigma,
            _ => self.sigma,
        };
        // A square may leave the range where σ does not.
        if !(self.sigma > 0.0 && epsilon.is_normal()) {
            return Err(Error::BadParameter {
                name: "sigma",
                value: self.sigma,
                range: "a finite number above 0",
            });
        }
        same_space(source, target)?;
        let frame = Frame::joint(source, target);
        frame.check(cost)?;
        let frame = frame.for_kernel(cost, epsilon);
        let epsilon = epsilon / frame.cost_unit(cost);
        Ok((frame, Kernel { cost, epsilon }))
    }
}

/// A comparison of two measures by means over pairs, and all that is known of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Discrepancy {
    /// The energy or the squared MMD. Rounding may make it negative, not by more than `rounding`.
    pub value: f64,
    /// The means that make it up.
    pub terms: Pairings,
    /// By how much rounding may have moved the value.
    pub rounding: f64,
    /// The derivative of the value in each weight of the source, all else fixed (n):
    /// Σⱼ bⱼ Cᵢⱼ − Σⱼ aⱼ Cᵢⱼ for the energy, 2(Σⱼ aⱼ kᵢⱼ − Σⱼ bⱼ kᵢⱼ) for the squared MMD. That of the
    /// energy holds for changes of the weights that keep the mass.
    pub gradient_weights: Vec<f64>,
    /// Points of the source measure.
    pub n: usize,
    /// Points of the target measure.
    pub m: usize,
    /// Dimension of the space.
    pub d: usize,
    /// Pairs (i, j) evaluated.
    pub pairs: u64,
    /// Wall-clock seconds, uploads included.
    pub seconds: f64,
    /// The device that computed it; `host` where no pair was evaluated.
    pub device: String,
    /// The precision it computed in.
    pub precision: Precision,
}

/// The mean of a function over the pairs of two measures, times their masses: of the cost in an
/// energy, of the kernel in an MMD.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pairings {
    /// Source with target.
    pub ab: f64,
    /// Source with itself.
    pub aa: f64,
    /// Target with itself.
    pub bb: f64,
}

impl Discrepancy {
    /// One of which nothing is known but the measures.
    fn between(source: &Measure, target: &Measure) -> Self {
        Self {
            value: 0.0,
            terms: Pairings {
                ab: 0.0,
                aa: 0.0,
                bb: 0.0,
            },
            rounding: 0.0,
            gradient_weights: Vec::new(),
            n: source.len(),
            m: target.len(),
            d: source.dimension(),
            pairs: 0,
            seconds: 0.0,
            device: String::new(),
            precision: Precision::F64,
        }
    }

    fn finished(mut self, device: &str, precision: Precision, start: Instant) -> Result<Self> {
        let Pairings { ab, aa, bb } = self.terms;
        let numbers = [self.value, self.rounding, ab, aa, bb];
        let mut numbers = numbers.iter().chain(&self.gradient_weights);
        if numbers.any(|number| !number.is_finite()) {
            return Err(Error::NotFiniteResult {
                what: "a mean over pairs",
                device: device.to_owned(),
            });
        }
        device.clone_into(&mut self.device);
        self.precision = precision;
        self.seconds = start.elapsed().as_secs_f64();
        Ok(self)
    }
}

/// The pairs of three passes.
fn pairs(source: &Measure, target: &Measure) -> u64 {
    let (n, m) = (source.len() as u64, target.len() as u64);
    n * m + n * n + m * m
}

/// A measure on the device with weights of 1: those of the measure are values of the products.
struct Uploaded<E: Engine> {
    cloud: E::Cloud,
    zeros: E::Vector,
    shape: (usize, usize),
    /// The weights over their mean.
    relative: Vec<f64>,
    /// The weights, of sum 1.
    weights: Vec<f64>,
}

impl<E: Engine> Uploaded<E> {
    fn new(engine: &E, frame: &Frame, measure: &Measure) -> Result<Self> {
        let n = measure.len();
        let share = |weight: &f64| weight / measure.mass();
        let weights: Vec<f64> = measure.weights().iter().map(share).collect();
        Ok(Self {
            cloud: engine.cloud(&frame.place(measure), measure.dimension(), &vec![1.0; n])?,
            zeros: engine.vector(&vec![0.0; n])?,
            shape: (n, measure.dimension()),
            relative: weights.iter().map(|weight| weight * n as f64).collect(),
            weights,
        })
    }

    fn side(&self) -> Side<'_, E> {
        Side {
            cloud: &self.cloud,
            potential: &self.zeros,
        }
    }

    fn over<'p>(&'p self, other: &'p Self, engine: &'p E, kernel: Kernel) -> Pass<'p, E> {
        Pass {
            engine,
            kernel,
            rows: self.side(),
            columns: other.side(),
            shape: self.shape,
        }
    }

    /// Σⱼ bⱼ exp(−Cᵢⱼ/ε) φ(Cᵢⱼ) for each point, over the points of a measure of mass 1.
    fn means_over(
        &self,
        other: &Self,
        engine: &E,
        kernel: Kernel,
        factor: Factor,
    ) -> Result<Vec<f64>> {
        let pass = self.over(other, engine, kernel);
        let sums = pass.product(factor, &other.relative, 1)?;
        let points = other.weights.len() as f64;
        Ok(sums.into_iter().map(|sum| sum / points).collect())
    }

    /// Σⱼ bⱼ exp(−Cᵢⱼ/ε) ∂ₓC(xᵢ, yⱼ), n×d, likewise.
    fn slopes_over(&self, other: &Self, engine: &E, kernel: Kernel) -> Result<Vec<f64>> {
        let pass = self.over(other, engine, kernel);
        let sums = pass.slopes(Factor::One, &other.relative)?;
        let points = other.weights.len() as f64;
        Ok(sums.into_iter().map(|sum| sum / points).collect())
    }
}

/// The means over pairs of measures of mass 1, and the sums that the gradient is made of.
struct Means {
    terms: Pairings,
    /// For each point of the source, the mean over the target.
    to_target: Vec<f64>,
    /// The same over the source.
    to_source: Vec<f64>,
}

impl Means {
    fn new<E: Engine>(
        engine: &E,
        frame: &Frame,
        kernel: Kernel,
        factor: Factor,
        source: &Measure,
        target: &Measure,
    ) -> Result<Self> {
        let a = Uploaded::new(engine, frame, source)?;
        let b = Uploaded::new(engine, frame, target)?;
        let to_target = a.means_over(&b, engine, kernel, factor)?;
        let to_source = a.means_over(&a, engine, kernel, factor)?;
        let itself = b.means_over(&b, engine, kernel, factor)?;
        Ok(Self {
            terms: Pairings {
                ab: dot(&a.weights, &to_target),
                aa: dot(&a.weights, &to_source),
                bb: dot(&b.weights, &itself),
            },
            to_target,
            to_source,
        })
    }

    /// For p = 2, where means and spreads tell everything: |Δ mean|² and spreads s, for which
    /// E(α, β) = |Δ mean|² + s_α + s_β. Also |Δ mean|², whose digits no difference of these loses.
    fn of_squares(frame: &Frame, source: &Measure, target: &Measure) -> (Self, f64) {
        let moments = |measure: &Measure| {
            let points = frame.place(measure);
            let (weights, mass) = (measure.weights(), measure.mass());
            moments(&points, measure.dimension(), weights, mass)
        };
        let ((mean, spread), (mean2, spread2)) = (moments(source), moments(target));
        let squared =
            |x: &[f64], y: &[f64]| -> f64 { x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum() };
        let between = squared(&mean, &mean2);
        let points = frame.place(source);
        let to = |mean: &[f64], spread: f64| {
            let rows = points.chunks_exact(source.dimension());
            rows.map(|x| squared(x, mean) + spread).collect()
        };
        let means = Self {
            terms: Pairings {
                ab: between + spread + spread2,
                aa: 2.0 * spread,
                bb: 2.0 * spread2,
            },
            to_target: to(&mean2, spread2),
            to_source: to(&mean, spread),
        };
        (means, between)
    }
}

/// cross·ab + own·(aa + bb): what a discrepancy is of its terms.
#[derive(Clone, Copy)]
struct Combination {
    cross: f64,
    own: f64,
}

impl Combination {
    const ENERGY: Self = Self {
        cross: 1.0,
        own: -0.5,
    };

    const MMD: Self = Self {
        cross: -2.0,
        own: 1.0,
    };

    fn of(self, terms: Pairings) -> f64 {
        self.cross * terms.ab + self.own * (terms.aa + terms.bb)
    }

    /// The same of the absolute values.
    fn size(self, terms: Pairings) -> f64 {
        self.cross.abs() * terms.ab.abs() + self.own.abs() * (terms.aa.abs() + terms.bb.abs())
    }

    /// The derivative in the weights of the source, for measures of these masses.
    fn gradient(self, means: &Means, (mass, mass2): (f64, f64)) -> Vec<f64> {
        let sums = means.to_target.iter().zip(&means.to_source);
        sums.map(|(target, source)| self.cross * mass2 * target + 2.0 * self.own * mass * source)
            .collect()
    }
}

impl Combination {
    /// The slopes that the derivative in the points of the source is made of, for measures of these
    /// masses, a row for each point.
    fn slopes<E: Engine>(
        self,
        engine: &E,
        frame: &Frame,
        kernel: Kernel,
        (source, target): (&Measure, &Measure),
        [mass, mass2]: [f64; 2],
    ) -> Result<Vec<f64>> {
        let a = Uploaded::new(engine, frame, source)?;
        let b = Uploaded::new(engine, frame, target)?;
        let to_target = a.slopes_over(&b, engine, kernel)?;
        let to_source = a.slopes_over(&a, engine, kernel)?;
        let slopes = to_target.iter().zip(&to_source);
        let slope = |(target, source)| self.cross * mass2 * target + 2.0 * self.own * mass * source;
        Ok(slopes.map(slope).collect())
    }
}

impl Pairings {
    fn scaled(self, unit: f64) -> Self {
        Self {
            ab: unit * self.ab,
            aa: unit * self.aa,
            bb: unit * self.bb,
        }
    }

    /// Those of measures of these masses, from those of masses 1.
    fn of_masses(self, (mass, mass2): (f64, f64)) -> Self {
        Self {
            ab: mass * mass2 * self.ab,
            aa: mass * mass * self.aa,
            bb: mass2 * mass2 * self.bb,
        }
    }
}

/// The relative error that rounding causes in a mean over pairs, costs or kernel values of points
/// as the device has them: of a sum of d squares, its power or exponential, and sums of blocks.
fn relative_error(precision: Precision, dimension: usize) -> f64 {
    precision.unit_roundoff() * (12.0 + (dimension as f64).sqrt())
}

/// By how much a mean cost may change when points move by δ: |Δ r^p| ≤ p r^{p−1} δ, of which the mean
/// is bounded by Jensen's inequality; for p < 1 no more is known than that it is at most δ^p.
fn moved(cost: Cost, delta: f64, mean: f64) -> f64 {
    let p = cost.p();
    if p < 1.0 {
        cost.at(delta)
    } else {
        p * delta * mean.powf((p - 1.0) / p)
    }
}

fn dot(v: &[f64], w: &[f64]) -> f64 {
    v.iter().zip(w).map(|(v, w)| v * w).sum()
}
