//! The certificate of a solution: how far its marginals are from the measures, and between which
//! bounds OT_ε lies, at whatever iteration the solve ended.
//!
//! The lower bound is the dual at (f, g), valid for any potentials. The upper bound is the cost of
//! a plan that has the exact marginals: P is first scaled down until no marginal exceeds its
//! measure, and what is missing is added as a product measure [Altschuler–Weed–Rigollet'17]:
//!
//! ```text
//! A = diag(x) P diag(y),  e = a − A1,  e' = b − Aᵀ1,  t = Σe = Σe',  B = e e'ᵀ/t
//! OT_ε ≤ ⟨A + B, C⟩ + ε KL(A + B | a⊗b)
//! ```
//!
//! and the entropy of the sum is bounded by convexity. Where the marginals may leave their measures,
//! at ρ_a KL(P1 | a) and ρ_b KL(Pᵀ1 | b), that plan is still one of those allowed; but P itself is one
//! as well, once a side that is constrained has been scaled to be exact. Its cost is above the dual
//! by what P lacks of its optimality P1 = a e^{−f/ρ_a}, Pᵀ1 = b e^{−g/ρ_b}:
//!
//! ```text
//! OT_ε ≤ dual(f, g) + ρ_a KL(P1 | a e^{−f/ρ_a}) + ρ_b KL(Pᵀ1 | b e^{−g/ρ_b})
//! ```
//!
//! The lesser of both bounds counts.
//!
//! The same plan bounds W_p^p, the least cost without an entropy, by ⟨A + B, C⟩. From below it is bounded
//! by the potential g with its c-transform, f_c(x) = min_j C(x, yⱼ) − gⱼ, for which a softmin over
//! weights of 1 at a millionth of ε is taken: it is below the minimum, by ε' log m at most.
//!
//! Every term comes from vectors of length n and a few more
//! passes. Both bounds are widened by what the engine's precision may hide.

use crate::engine::{Factor, Kernel, Precision, Side};
use crate::marginal::Marginal;
use crate::pass::Pass;
use crate::rounding::{FLAT, Rounding};
use crate::sums::{dot, mean, sum};
use crate::{Cost, Engine, Error, Result};

/// What is known for certain about a solution. Costs are in the units of the cost of the points,
/// errors in units of mass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Certificate {
    /// ‖P1 − a‖₁; where ρ_a is finite, ‖P1 − a e^{−f/ρ_a}‖₁, which is 0 at the optimum instead.
    pub marginal_error_a: f64,
    /// ‖Pᵀ1 − b‖₁, or ‖Pᵀ1 − b e^{−g/ρ_b}‖₁.
    pub marginal_error_b: f64,
    /// OT_ε is not below this.
    pub lower_bound: f64,
    /// OT_ε is not above this.
    pub upper_bound: f64,
    /// W_p^p, the least ⟨P, C⟩ without an entropy, is between these: what the regularisation costs. It
    /// is told of balanced problems.
    pub wasserstein: Option<Bounds>,
    /// The relative marginal error that rounding alone may cause: a tolerance below it is not to
    /// be had in this precision.
    pub precision_floor: f64,
}

/// Two numbers, and between them the true one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// It is not below this.
    pub lower: f64,
    /// It is not above this.
    pub upper: f64,
}

impl Certificate {
    /// Upper minus lower bound.
    pub fn gap(&self) -> f64 {
        self.upper_bound - self.lower_bound
    }

    /// The sum of both marginal errors.
    pub fn marginal_error(&self) -> f64 {
        self.marginal_error_a + self.marginal_error_b
    }
}

/// The numbers that live under one plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Values {
    pub(crate) transport_cost: f64,
    pub(crate) dual: f64,
    /// ⟨P, C⟩ + ε KL(P | a⊗b), and the penalties of the sides that have one.
    pub(crate) primal: f64,
    pub(crate) kl: f64,
    pub(crate) mass: f64,
}

/// The ε of a softmin that stands for a minimum, relative to that of the problem: a power of 2, which
/// rounds nothing.
const HARDNESS: f64 = 1.0 / (1 << 20) as f64;

/// The sums of a plan over the rows of one side, relative to the weights: rᵢ/aᵢ, and by how much it exceeds 1.
/// Where ε is far above the costs all ratios are near 1, and it is the excess that has the digits.
struct Sums {
    ratio: Vec<f64>,
    excess: Vec<f64>,
}

impl Sums {
    fn of_ratios(ratio: Vec<f64>) -> Self {
        let excess = ratio.iter().map(|r| r - 1.0).collect();
        Self { ratio, excess }
    }

    fn of_excesses(excess: Vec<f64>) -> Self {
        let ratio = excess.iter().map(|e| 1.0 + e).collect();
        Self { ratio, excess }
    }

    /// The factors that make each sum 1: a/r.
    fn exact(&self) -> Scaling {
        self.scaling(|_| true)
    }

    /// The largest factors ≤ 1 under which no sum exceeds 1: min(1, a/r).
    fn least(&self) -> Scaling {
        self.scaling(|excess| excess > 0.0)
    }

    fn scaling(&self, scales: impl Fn(f64) -> bool) -> Scaling {
        let sums = || self.ratio.iter().zip(&self.excess);
        let taken = |(r, e): (&f64, &f64)| match scales(*e) {
            true if r.is_infinite() => 1.0,
            true => e / r,
            false => 0.0,
        };
        Scaling {
            factor: sums()
                .map(|(r, e)| if scales(*e) { 1.0 / r } else { 1.0 })
                .collect(),
            taken: sums().map(taken).collect(),
        }
    }

    /// rᵢ/aᵢ after a scaling of the rows.
    fn scaled<'s>(&'s self, scaling: &'s Scaling) -> impl Iterator<Item = f64> + 's {
        products(&self.ratio, &scaling.factor)
    }

    /// What a measure has beyond the marginal after a scaling of the rows, where that is positive.
    fn missing(&self, measure: &[f64], scaling: &Scaling) -> Vec<f64> {
        let sums = self.ratio.iter().zip(&self.excess);
        let scaling = scaling.factor.iter().zip(&scaling.taken);
        let missing = |((r, e), (factor, taken)): ((&f64, &f64), (&f64, &f64))| {
            // 1 − (1 − taken)(1 + e), whose digits cancel where both are small.
            let missing = if e.abs() < 0.5 {
                taken * r - e
            } else {
                1.0 - factor * r
            };
            missing.max(0.0)
        };
        let missing = sums.zip(scaling).map(missing);
        let missing = measure.iter().zip(missing);
        missing
            .map(|(a, missing)| if *a > 0.0 { a * missing } else { 0.0 })
            .collect()
    }
}

/// Factors of the rows or columns of a plan.
struct Scaling {
    factor: Vec<f64>,
    /// 1 − factor.
    taken: Vec<f64>,
}

impl Scaling {
    /// All factors are 1.
    fn none(points: usize) -> Self {
        Self {
            factor: vec![1.0; points],
            taken: vec![0.0; points],
        }
    }

    fn logs(&self) -> impl Iterator<Item = f64> + '_ {
        let pairs = self.factor.iter().zip(&self.taken);
        pairs.map(|(factor, taken)| {
            if taken.abs() < 0.5 {
                (-taken).ln_1p()
            } else {
                factor.ln()
            }
        })
    }
}

/// What the passes of a certificate have in common.
struct Passes<'e, E: Engine> {
    engine: &'e E,
    kernel: Kernel,
    /// Whether exponents are so small that sums are told by their excess.
    flat: bool,
    count: usize,
}

/// Evaluates plan and certificate in units of the frame, for masses of 1; returns how many passes
/// that took.
pub(crate) fn certify<E: Engine>(
    engine: &E,
    kernel: Kernel,
    source: &Marginal<E>,
    target: &Marginal<E>,
    rounding: Rounding,
) -> Result<(Values, Certificate, usize)> {
    let (a, b) = (&source.weights, &target.weights);
    let f = engine.read(&source.potential)?;
    let g = engine.read(&target.potential)?;
    let heights = [source.height(&f), target.height(&g)];
    let spread = (rounding.largest_cost() + heights[0] + heights[1]) / kernel.epsilon;
    let flat = spread <= FLAT;
    // All of it is about the costs as the device has them, until bounds are widened by how far these are off. The
    // error of a term of a product, and that of a ratio of a marginal to its measure:
    let term = rounding.term(kernel, heights);
    let error = if flat {
        rounding.excess(kernel, heights, spread)
    } else {
        term
    };
    let mut passes = Passes {
        engine,
        kernel,
        flat,
        count: 0,
    };

    // The plan as it is, and with columns scaled down to what they may have: one pass for both.
    let columns = passes.sums(target, source, &Scaling::none(a.len()))?;
    let y = columns.least();
    let [rows, rows_kept] = passes.sums_of_both(source, target, &y)?;
    let [costs, kept_costs] = passes.costs_of_both(source, target, &y)?;
    let transport_cost = mean(a, costs);
    let excess_mass = mean(a, rows.excess.iter().copied());
    let mass = 1.0 + excess_mass;
    let along = mean(a, products(&rows.ratio, &f)) + mean(b, products(&columns.ratio, &g));
    let kl = (along - transport_cost) / kernel.epsilon - excess_mass;
    let dual =
        conjugate(a, &f, source.rho) + conjugate(b, &g, target.rho) - kernel.epsilon * excess_mass;
    let wanted_a = wanted(&f, source.rho);
    let wanted_b = wanted(&g, target.rho);
    let (off_a, doubt_a) = penalty_above_dual(a, &rows, &wanted_a, source.rho, error);
    let (off_b, doubt_b) = penalty_above_dual(b, &columns, &wanted_b, target.rho, error);
    let side = |measure: &[f64], potential: &[f64], sums: &Sums, rho: f64, off: f64| {
        if rho.is_finite() {
            conjugate(measure, potential, rho) + off
        } else {
            mean(measure, products(&sums.ratio, potential))
        }
    };
    let primal = side(a, &f, &rows, source.rho, off_a) + side(b, &g, &columns, target.rho, off_b)
        - kernel.epsilon * excess_mass;

    // The plan as it is, with one side made exact where it must be.
    let penalized = match (source.rho.is_finite(), target.rho.is_finite()) {
        (false, false) => f64::INFINITY,
        (true, true) => primal + error * kernel.epsilon * mass + doubt_a + doubt_b,
        (false, true) => passes.half_exact((source, &f, &rows), (target, &g), error)?,
        (true, false) => passes.half_exact((target, &g, &columns), (source, &f), error)?,
    };

    // The plan with exact marginals, columns scaled first.
    let x = rows_kept.least();
    let columns_kept = passes.sums(target, source, &x)?;
    let kept_cost = mean(a, products(&kept_costs, &x.factor));
    let missing_a = rows_kept.missing(a, &x);
    let missing_b = columns_kept.missing(b, &y);
    let missing = 0.5 * (sum(missing_a.iter().copied()) + sum(missing_b.iter().copied()));
    // ⟨A, C⟩ + ε KL(A/q | a⊗b) q, in which the cost drops out.
    let exponents = |sums: &Sums, scaling: &Scaling, potential: &[f64]| -> Vec<f64> {
        let terms = sums
            .scaled(scaling)
            .zip(potential.iter().zip(scaling.logs()));
        terms
            .map(|(r, (f, log))| {
                if r == 0.0 {
                    0.0
                } else {
                    r * (f + kernel.epsilon * log)
                }
            })
            .collect()
    };
    let shrunk = if missing < 1.0 {
        (1.0 - missing) * (-missing).ln_1p()
    } else {
        0.0
    };
    let mut upper = mean(a, exponents(&rows_kept, &x, &f))
        + mean(b, exponents(&columns_kept, &y, &g))
        - kernel.epsilon * shrunk;
    let mut cost_of_exact = kept_cost;
    let mut logs_of_missing = 0.0;
    if missing > 0.0 {
        let added = passes.product_cost(source, &missing_a, target, &missing_b)?;
        let [(kl_a, logs_a), (kl_b, logs_b)] = [(&missing_a, a), (&missing_b, b)]
            .map(|(missing, measure)| divergence(missing, measure));
        cost_of_exact += added;
        upper += added + kernel.epsilon * missing * (kl_a + kl_b);
        logs_of_missing = logs_a + logs_b;
    }

    // Sums of f64 on the host, beside those of the engine.
    let size = mean(a, absolute(&f)) + mean(b, absolute(&g)) + kernel.epsilon * excess_mass.abs();
    let host = 16.0 * Precision::F64.unit_roundoff() * (size + rounding.largest_cost());
    let costs = (rounding.cost() + rounding.near()) * mass.max(1.0);
    // The upper bound is a sum of marginals times potentials: it is as wrong as they are. What is missing
    // may be more by as much, and costs as much as the largest cost.
    let entropy = kernel.epsilon * (1.0 + logs_of_missing);
    let upper_error = error * (entropy + size + rounding.largest_cost()) + host;
    let values = Values {
        transport_cost,
        dual,
        primal,
        kl,
        mass,
    };
    let balanced = source.rho.is_infinite() && target.rho.is_infinite();
    let wasserstein = if balanced {
        let lower = passes.hard_dual(source, target, &g, rounding)?;
        Some(Bounds {
            lower: (lower - costs - host).max(0.0),
            upper: cost_of_exact
                + term * cost_of_exact
                + error * rounding.largest_cost()
                + costs
                + host,
        })
    } else {
        None
    };
    let certificate = Certificate {
        wasserstein,
        marginal_error_a: off(a, &rows, &wanted_a),
        marginal_error_b: off(b, &columns, &wanted_b),
        lower_bound: dual - error * kernel.epsilon * mass.max(1.0) - costs - host,
        upper_bound: (upper + upper_error).min(penalized + host) + costs,
        precision_floor: rounding.floor(kernel),
    };
    let finite = [
        transport_cost,
        dual,
        primal,
        kl,
        mass,
        certificate.marginal_error(),
        upper,
    ];
    if finite.iter().all(|value| value.is_finite()) {
        Ok((values, certificate, passes.count))
    } else {
        Err(Error::NotFiniteResult {
            what: "the plan",
            device: engine.device().to_owned(),
        })
    }
}

impl<E: Engine> Passes<'_, E> {
    fn product(
        &mut self,
        (rows, columns): (&Marginal<E>, &Marginal<E>),
        factor: Factor,
        values: &[f64],
        width: usize,
    ) -> Result<Vec<f64>> {
        self.count += 1;
        Pass::between(self.engine, self.kernel, rows, columns).product(factor, values, width)
    }

    /// Σⱼ bⱼ πᵢⱼ yⱼ for a scaling y of the columns.
    fn sums(&mut self, rows: &Marginal<E>, columns: &Marginal<E>, y: &Scaling) -> Result<Sums> {
        let sums = self.product((rows, columns), self.factor(), &y.factor, 1)?;
        Ok(self.of(sums, mean(&columns.weights, y.taken.iter().copied())))
    }

    /// The same without a scaling and with y, in one pass.
    fn sums_of_both(
        &mut self,
        rows: &Marginal<E>,
        columns: &Marginal<E>,
        y: &Scaling,
    ) -> Result<[Sums; 2]> {
        let [plain, scaled] = self.both((rows, columns), self.factor(), y)?;
        let taken = mean(&columns.weights, y.taken.iter().copied());
        Ok([self.of(plain, 0.0), self.of(scaled, taken)])
    }

    /// Σⱼ bⱼ πᵢⱼ Cᵢⱼ yⱼ without a scaling and with y, in one pass.
    fn costs_of_both(
        &mut self,
        rows: &Marginal<E>,
        columns: &Marginal<E>,
        y: &Scaling,
    ) -> Result<[Vec<f64>; 2]> {
        self.both((rows, columns), Factor::Cost, y)
    }

    fn both(
        &mut self,
        pair: (&Marginal<E>, &Marginal<E>),
        factor: Factor,
        y: &Scaling,
    ) -> Result<[Vec<f64>; 2]> {
        let values: Vec<f64> = y.factor.iter().flat_map(|y| [1.0, *y]).collect();
        let sums = self.product(pair, factor, &values, 2)?;
        let pairs = || sums.chunks_exact(2);
        let plain = pairs().map(|pair| pair[0]).collect();
        Ok([plain, pairs().map(|pair| pair[1]).collect()])
    }

    fn factor(&self) -> Factor {
        if self.flat {
            Factor::Excess
        } else {
            Factor::One
        }
    }

    /// Sums of what [`factor`](Self::factor) says, where a scaling has `taken` so much of the columns' mass.
    fn of(&self, mut sums: Vec<f64>, taken: f64) -> Sums {
        if self.flat {
            sums.iter_mut().for_each(|excess| *excess -= taken);
            Sums::of_excesses(sums)
        } else {
            Sums::of_ratios(sums)
        }
    }

    /// An upper bound where one side is constrained: the cost of the plan whose marginal on that
    /// side, `exact`, was made the measure by scaling its rows, f' = f + ε log(a/P1).
    fn half_exact(
        &mut self,
        exact: (&Marginal<E>, &[f64], &Sums),
        free: (&Marginal<E>, &[f64]),
        error: f64,
    ) -> Result<f64> {
        let ((exact, f, rows), (free, g)) = (exact, free);
        let a = &exact.weights;
        let mut x = rows.exact();
        for (i, _) in a.iter().enumerate().filter(|(_, a)| **a == 0.0) {
            (x.factor[i], x.taken[i]) = (1.0, 0.0);
        }
        if x.factor.iter().any(|x| !x.is_finite()) {
            return Ok(f64::INFINITY);
        }
        let columns = self.sums(free, exact, &x)?;
        let wanted = wanted(g, free.rho);
        // Of the sums and of the scaling.
        let error = 2.0 * error;
        let (off, doubt) = penalty_above_dual(&free.weights, &columns, &wanted, free.rho, error);
        let epsilon = self.kernel.epsilon;
        let dual = dot(a, f) + epsilon * mean(a, x.logs()) + conjugate(&free.weights, g, free.rho);
        Ok(dual + off + error * epsilon + doubt)
    }

    /// ⟨a, f_c⟩ + ⟨b, g⟩ for the c-transform f_c of g, or a little less: a lower bound of W_p^p.
    fn hard_dual(
        &mut self,
        source: &Marginal<E>,
        target: &Marginal<E>,
        g: &[f64],
        rounding: Rounding,
    ) -> Result<f64> {
        let engine = self.engine;
        // Where ε is above the costs it is they that it must be far below.
        let above = (rounding.largest_cost() / self.kernel.epsilon).min(1.0);
        let above = if above > 0.0 {
            above.log2().floor().exp2()
        } else {
            1.0
        };
        let hard = Kernel {
            epsilon: self.kernel.epsilon * above * HARDNESS,
            ..self.kernel
        };
        let counted = |weight: &f64| if *weight > 0.0 { 1.0 } else { 0.0 };
        let counting: Vec<f64> = target.weights.iter().map(counted).collect();
        let cloud = engine.cloud(&target.points, target.dimension, &counting)?;
        let columns = Side {
            cloud: &cloud,
            potential: &target.potential,
        };
        let mut transform = engine.vector(&vec![0.0; source.weights.len()])?;
        self.count += 1;
        engine.softmin(hard, &source.cloud, columns, None, &mut transform)?;
        let f = engine.read(&transform)?;
        let heights = [source.height(&f), target.height(g)];
        Ok(dot(&source.weights, &f) + dot(&target.weights, g) - rounding.minimum(hard, heights))
    }

    /// ⟨e e'ᵀ, C⟩/t for the product of two measures of mass t on the points of both sides.
    fn product_cost(
        &mut self,
        rows: &Marginal<E>,
        e: &[f64],
        columns: &Marginal<E>,
        e2: &[f64],
    ) -> Result<f64> {
        let (mass, mass2) = (sum(e.iter().copied()), sum(e2.iter().copied()));
        if mass == 0.0 || mass2 == 0.0 {
            return Ok(0.0);
        }
        match self.kernel.cost {
            Cost::SquaredEuclidean => {
                let (mean, spread) = moments(&rows.points, rows.dimension, e, mass);
                let (mean2, spread2) = moments(&columns.points, columns.dimension, e2, mass2);
                let between: f64 = mean.iter().zip(&mean2).map(|(x, y)| (x - y).powi(2)).sum();
                Ok(0.5 * (mass + mass2) * (spread + spread2 + between))
            }
            Cost::Euclidean | Cost::Power(_) => {
                let flat = Kernel {
                    epsilon: f64::INFINITY,
                    ..self.kernel
                };
                let ratio: Vec<f64> = e2
                    .iter()
                    .zip(&columns.weights)
                    .map(|(e, b)| if *b > 0.0 { e / b } else { 0.0 })
                    .collect();
                self.count += 1;
                let pass = Pass::between(self.engine, flat, rows, columns);
                let costs = pass.product(Factor::Cost, &ratio, 1)?;
                Ok(dot(e, &costs) / mass2)
            }
        }
    }
}

/// Mean of a weighted cloud, and its mean squared distance from that mean.
pub(crate) fn moments(
    points: &[f64],
    dimension: usize,
    weights: &[f64],
    mass: f64,
) -> (Vec<f64>, f64) {
    let points = || points.chunks_exact(dimension).zip(weights);
    let of = |k: usize| sum(points().map(|(point, weight)| weight * point[k])) / mass;
    let mean: Vec<f64> = (0..dimension).map(of).collect();
    let from_mean = |point: &[f64]| {
        let squares = point.iter().zip(&mean).map(|(x, c)| (x - c).powi(2));
        squares.sum::<f64>()
    };
    let spread = sum(points().map(|(point, weight)| weight * from_mean(point)));
    (mean, spread / mass)
}

/// What a potential wants of the ratio of its marginal to the measure, e^{−f/ρ}, as the excess over 1.
fn wanted(potential: &[f64], rho: f64) -> Vec<f64> {
    potential.iter().map(|f| (-f / rho).exp_m1()).collect()
}

/// What a side adds to the dual: ⟨a, f⟩, or −ρ ⟨a, e^{−f/ρ} − 1⟩.
fn conjugate(measure: &[f64], potential: &[f64], rho: f64) -> f64 {
    if rho.is_infinite() {
        dot(measure, potential)
    } else {
        -rho * mean(measure, wanted(potential, rho))
    }
}

/// ρ KL(r | t) of a marginal r and the one that is wanted, t, and by how much more it may be where each
/// ratio r/a has this error, relative to it where it is above 1; nothing where ρ is infinite. `wanted` is t/a − 1.
fn penalty_above_dual(
    measure: &[f64],
    sums: &Sums,
    wanted: &[f64],
    rho: f64,
    error: f64,
) -> (f64, f64) {
    let (mut penalty, mut doubt) = (0.0, 0.0);
    if rho.is_finite() {
        let sums = sums.ratio.iter().zip(&sums.excess);
        for (a, ((r, e), w)) in measure.iter().zip(sums.zip(wanted)) {
            let t = 1.0 + w;
            if *a == 0.0 || t == 0.0 {
                continue;
            }
            let (y, excess) = (r / t, (e - w) / t);
            let log = match y {
                0.0 => 0.0,
                0.5..2.0 => excess.ln_1p(),
                _ => y.ln(),
            };
            // y log y − y + 1, whose terms cancel near 1: there it is x²/2 − x³/6 + x⁴/12 − … for x = y − 1.
            let entropy = if excess.abs() < 1e-2 {
                let series = |rest, k: f64| 1.0 / (k * (k - 1.0)) - excess * rest;
                excess * excess * (2..10).rev().map(f64::from).fold(0.0, series)
            } else {
                (y * log - excess).max(0.0)
            };
            penalty += rho * a * t * entropy;
            doubt += rho * a * r * (log.abs() * error + error * error);
        }
    }
    (penalty, doubt)
}

/// KL(e/t | a) for the mass t of e, and ⟨a, |log(e/(t a))|⟩, which is how much t KL(e/t | a) changes with e.
fn divergence(e: &[f64], a: &[f64]) -> (f64, f64) {
    let mass = sum(e.iter().copied());
    let pairs = || e.iter().zip(a).filter(|(e, _)| **e > 0.0);
    let log = |e: f64, a: f64| ((e / mass) / a).ln();
    (
        sum(pairs().map(|(e, a)| (e / mass) * log(*e, *a))),
        sum(pairs().map(|(e, a)| a * log(*e, *a).abs())),
    )
}

/// ‖r − t‖₁ of a marginal and the one that is wanted.
fn off(measure: &[f64], sums: &Sums, wanted: &[f64]) -> f64 {
    let pairs = sums.excess.iter().zip(wanted);
    mean(measure, pairs.map(|(e, w)| (e - w).abs()))
}

fn products<'v>(v: &'v [f64], w: &'v [f64]) -> impl Iterator<Item = f64> + 'v {
    v.iter().zip(w).map(|(v, w)| v * w)
}

fn absolute(v: &[f64]) -> impl Iterator<Item = f64> + '_ {
    v.iter().map(|v| v.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ρ KL(r | t) of two masses, and by how much more it may be.
    fn penalty(r: f64, t: f64, rho: f64, error: f64) -> (f64, f64) {
        penalty_above_dual(&[1.0], &Sums::of_ratios(vec![r]), &[t - 1.0], rho, error)
    }

    #[test]
    fn penalties_are_the_divergence_of_the_marginals() {
        let of = |r: f64, t: f64| penalty(r, t, 2.0, 0.0).0;
        // Nothing and next to nothing, in place of t.
        assert!((of(0.0, 0.3) - 0.6).abs() < 1e-15);
        assert!((of(1e-60, 0.3) - 0.6).abs() < 1e-15);
        assert!((of(0.6, 0.3) - 2.0 * (0.6 * 2f64.ln() - 0.3)).abs() < 1e-15);
        assert!((of(30.0, 0.3) - 2.0 * (30.0 * 100f64.ln() - 29.7)).abs() < 1e-12);
        // A doubt of each entry covers what it may change.
        let (least, doubt) = penalty(0.1, 0.3, 2.0, 1e-3);
        assert!(of(0.1 * (1.0 - 1e-3), 0.3) <= least + doubt);
        assert!(of(0.1 * (1.0 - 1e-2), 0.3) > least + doubt);
    }

    #[test]
    fn penalties_near_the_measure_have_the_digits_of_the_excess() {
        // t x²/2 near t = 1, of which ratios have lost half.
        let sums = Sums::of_excesses(vec![1e-12]);
        let (near, _) = penalty_above_dual(&[1.0], &sums, &[-2e-12], 2.0, 0.0);
        assert!((near / 9e-24 - 1.0).abs() < 4e-12, "{near}");
        let lost = penalty(1.0 + 1e-12, 1.0 - 2e-12, 2.0, 0.0).0;
        assert!((lost / 9e-24 - 1.0).abs() > 1e-6, "{lost}");
        // The series goes over into the formula.
        for x in [0.00999, 0.01001, -0.00999, -0.01001f64] {
            let (of, _) = penalty_above_dual(&[1.0], &Sums::of_excesses(vec![x]), &[0.0], 1.0, 0.0);
            let expected = (1.0 + x) * x.ln_1p() - x;
            assert!((of / expected - 1.0).abs() < 1e-11, "{x}: {of} {expected}");
        }
    }

    #[test]
    fn an_infinite_penalty_is_a_constraint() {
        assert_eq!(penalty(0.1, 0.3, f64::INFINITY, 1.0), (0.0, 0.0));
        assert_eq!(wanted(&[3.0, 1e300], f64::INFINITY), [0.0, 0.0]);
        assert_eq!(conjugate(&[0.5], &[3.0], f64::INFINITY), 1.5);
    }

    #[test]
    fn scalings_make_sums_exact_or_at_most_that() {
        let measure = [0.25; 4];
        for sums in [
            Sums::of_ratios(vec![0.3, 1.0, 1e12, 3.0]),
            Sums::of_excesses(vec![-1e-9, 0.0, 1e-13, 0.4]),
        ] {
            let (least, exact) = (sums.least(), sums.exact());
            for (i, e) in sums.excess.iter().enumerate() {
                let [scaled, all] = [&least, &exact].map(|s| sums.scaled(s).nth(i).unwrap());
                assert!((all - 1.0).abs() < 1e-15);
                assert!((scaled - (1.0 + e.min(0.0))).abs() < 1e-15);
                let missing = sums.missing(&measure, &least)[i];
                let expected = 0.25 * (-e).max(0.0);
                assert!(
                    (missing - expected).abs() <= 1e-15 * expected.max(1e-13),
                    "{missing}"
                );
                let log = exact.logs().nth(i).unwrap();
                let expected = if e.abs() < 0.5 {
                    -e.ln_1p()
                } else {
                    -sums.ratio[i].ln()
                };
                assert!((log - expected).abs() <= 1e-15 * expected.abs());
            }
        }
    }
}
