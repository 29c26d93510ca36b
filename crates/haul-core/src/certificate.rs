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
use crate::frame::REACH;
use crate::marginal::Marginal;
use crate::pass::Pass;
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

/// The relative error that rounding causes in a marginal. Exponents are of the order of diam^p/ε;
/// what is left of their roundings averages out over a row, and the exponential and the sum add
/// some units of size 1. Measured, iterations that go on until nothing improves end at 0.05 to 0.7
/// of this, for p = 1 and 2, blurs from 1 to 0.02 of clouds of diameter 3, on both engines.
pub(crate) fn precision_floor(precision: Precision, diameter: f64, kernel: Kernel) -> f64 {
    precision.unit_roundoff() * (4.0 + 0.2 * kernel.cost.at(diameter) / kernel.epsilon)
}

/// The relative error of a single entry of the plan, which nothing averages. Two rounded coordinates
/// ([`REACH`]) and their difference are off by two units of the diameter and a 4th, its square by five and
/// a half, and potentials of that size by one each; a general power by six more. Bounds are widened by it.
fn entry_error(precision: Precision, diameter: f64, kernel: Kernel) -> f64 {
    let units = match kernel.cost {
        Cost::Power(_) => 14.5,
        Cost::Euclidean | Cost::SquaredEuclidean => 8.5,
    };
    precision.unit_roundoff() * (4.0 + units * kernel.cost.at(diameter) / kernel.epsilon)
}

/// By how much the rounding of coordinates may change a cost, and so OT_ε, beyond a roundoff of the
/// largest cost. It moves points by u times the diameter or a 4th more, and for p < 1 the cost of near points by
/// far more than that of distant ones: (r + δ)^p − r^p ≤ δ^p.
fn near_points(precision: Precision, diameter: f64, cost: Cost) -> f64 {
    if cost.p() < 1.0 {
        cost.at(precision.unit_roundoff() * REACH * diameter)
    } else {
        0.0
    }
}

/// The ε of a softmin that stands for a minimum, relative to that of the problem: a power of 2, which
/// rounds nothing.
const HARDNESS: f64 = 1.0 / (1 << 20) as f64;

/// Evaluates plan and certificate in units of the frame, for masses of 1; returns how many passes
/// that took. `diameter` is the one of the joint bounding box in the frame.
pub(crate) fn certify<E: Engine>(
    engine: &E,
    kernel: Kernel,
    source: &Marginal<E>,
    target: &Marginal<E>,
    diameter: f64,
) -> Result<(Values, Certificate, usize)> {
    let mut passes = Passes {
        engine,
        kernel,
        count: 0,
    };
    let (a, b) = (&source.weights, &target.weights);
    let f = engine.read(&source.potential)?;
    let g = engine.read(&target.potential)?;

    // The plan as it is, and with columns scaled down to what they may have: one pass for both.
    let columns = times(
        b,
        &passes.product(target, source, Factor::One, &vec![1.0; a.len()])?,
    );
    let y = least_scaling(b, &columns);
    let [rows, rows_kept] = passes
        .product_of_both(source, target, Factor::One, &y)?
        .map(|sums| times(a, &sums));
    let [costs, kept_costs] = passes.product_of_both(source, target, Factor::Cost, &y)?;
    let transport_cost = sum(&times(a, &costs));
    let mass = sum(&rows);
    let kl = (dot(&rows, &f) + dot(&columns, &g) - transport_cost) / kernel.epsilon - mass + 1.0;
    let wanted_a = wanted(a, &f, source.rho);
    let wanted_b = wanted(b, &g, target.rho);
    let rounding = entry_error(engine.precision(), diameter, kernel);
    let dual =
        conjugate(a, &f, source.rho) + conjugate(b, &g, target.rho) - kernel.epsilon * (mass - 1.0);
    let (off_a, doubt_a) = penalty_above_dual(&rows, &wanted_a, source.rho, rounding);
    let (off_b, doubt_b) = penalty_above_dual(&columns, &wanted_b, target.rho, rounding);
    let side = |measure: &[f64], potential: &[f64], marginal: &[f64], rho: f64, off: f64| {
        if rho.is_finite() {
            conjugate(measure, potential, rho) + off
        } else {
            dot(marginal, potential)
        }
    };
    let primal = side(a, &f, &rows, source.rho, off_a) + side(b, &g, &columns, target.rho, off_b)
        - kernel.epsilon * (mass - 1.0);

    // The plan as it is, with one side made exact where it must be.
    let penalized = match (source.rho.is_finite(), target.rho.is_finite()) {
        (false, false) => f64::INFINITY,
        (true, true) => primal + rounding * kernel.epsilon * mass + doubt_a + doubt_b,
        (false, true) => passes.half_exact((source, &f, &rows), (target, &g), rounding)?,
        (true, false) => passes.half_exact((target, &g, &columns), (source, &f), rounding)?,
    };

    // The plan with exact marginals, columns scaled first.
    let x = least_scaling(a, &rows_kept);
    let kept_a = times(&rows_kept, &x);
    let kept_b = times(
        &times(b, &y),
        &passes.product(target, source, Factor::One, &x)?,
    );
    let kept_cost = sum(&times(&times(a, &x), &kept_costs));
    let missing_a = shortfall(a, &kept_a);
    let missing_b = shortfall(b, &kept_b);
    let missing = 0.5 * (sum(&missing_a) + sum(&missing_b));
    let kept = 1.0 - missing;
    let mut upper = kept_cost;
    let mut entropy = 0.0;
    if kept > 0.0 {
        let log = |scaling: &[f64]| scaling.iter().map(|s| s.ln()).collect::<Vec<_>>();
        let exponents = dot(&kept_a, &f) + dot(&kept_b, &g) - kept_cost;
        let scalings = dot(&kept_a, &log(&x)) + dot(&kept_b, &log(&y));
        entropy += exponents / kernel.epsilon + scalings - kept * kept.ln();
    }
    if missing > 0.0 {
        upper += passes.product_cost(source, &missing_a, target, &missing_b)?;
        entropy += missing * (divergence(&missing_a, a) + divergence(&missing_b, b));
    }
    let cost_of_exact = upper;
    upper += kernel.epsilon * entropy;

    // The upper bound is a sum of marginals times potentials: it is as wrong as they are.
    let near = near_points(engine.precision(), diameter, kernel.cost) * mass.max(1.0);
    let size = kernel.epsilon + kept_cost + dot(a, &absolute(&f)) + dot(b, &absolute(&g));
    let values = Values {
        transport_cost,
        dual,
        primal,
        kl,
        mass,
    };
    let balanced = source.rho.is_infinite() && target.rho.is_infinite();
    let wasserstein = if balanced {
        let lower = passes.hard_dual(source, target, &g, diameter)?;
        Some(Bounds {
            lower: lower - near,
            upper: cost_of_exact + rounding * (kernel.epsilon + kept_cost) + near,
        })
    } else {
        None
    };
    let certificate = Certificate {
        wasserstein,
        marginal_error_a: distance(&rows, &wanted_a),
        marginal_error_b: distance(&columns, &wanted_b),
        lower_bound: dual - rounding * kernel.epsilon * mass.max(1.0) - near,
        upper_bound: (upper + rounding * size).min(penalized) + near,
        precision_floor: precision_floor(engine.precision(), diameter, kernel),
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

/// The passes over all pairs that a certificate needs, counted.
struct Passes<'e, E: Engine> {
    engine: &'e E,
    kernel: Kernel,
    count: usize,
}

impl<E: Engine> Passes<'_, E> {
    fn product(
        &mut self,
        rows: &Marginal<E>,
        columns: &Marginal<E>,
        factor: Factor,
        values: &[f64],
    ) -> Result<Vec<f64>> {
        self.count += 1;
        Pass::between(self.engine, self.kernel, rows, columns).product(factor, values, 1)
    }

    /// The products with 1 and with y, in one pass.
    fn product_of_both(
        &mut self,
        rows: &Marginal<E>,
        columns: &Marginal<E>,
        factor: Factor,
        y: &[f64],
    ) -> Result<[Vec<f64>; 2]> {
        self.count += 1;
        let values: Vec<f64> = y.iter().flat_map(|y| [1.0, *y]).collect();
        let pass = Pass::between(self.engine, self.kernel, rows, columns);
        let sums = pass.product(factor, &values, 2)?;
        let pairs = || sums.chunks_exact(2);
        let plain = pairs().map(|pair| pair[0]).collect();
        Ok([plain, pairs().map(|pair| pair[1]).collect()])
    }

    /// An upper bound where one side is constrained: the cost of the plan whose marginal on that
    /// side, `exact`, was made the measure by scaling its rows, f' = f + ε log(a/P1).
    fn half_exact(
        &mut self,
        exact: (&Marginal<E>, &[f64], &[f64]),
        free: (&Marginal<E>, &[f64]),
        rounding: f64,
    ) -> Result<f64> {
        let ((exact, f, rows), (free, g)) = (exact, free);
        let a = &exact.weights;
        let ratio = |(a, r): (&f64, &f64)| if *a > 0.0 { a / r } else { 1.0 };
        let x: Vec<f64> = a.iter().zip(rows).map(ratio).collect();
        if x.iter().any(|x| !x.is_finite()) {
            return Ok(f64::INFINITY);
        }
        let columns = times(&free.weights, &self.product(free, exact, Factor::One, &x)?);
        let wanted = wanted(&free.weights, g, free.rho);
        // Of the sums and of the scaling.
        let rounding = 2.0 * rounding;
        let (off, doubt) = penalty_above_dual(&columns, &wanted, free.rho, rounding);
        let epsilon = self.kernel.epsilon;
        let logs: Vec<f64> = x.iter().map(|x| x.ln()).collect();
        let dual = dot(a, f) + epsilon * dot(a, &logs) + conjugate(&free.weights, g, free.rho);
        Ok(dual + off + rounding * epsilon + doubt)
    }

    /// ⟨a, f_c⟩ + ⟨b, g⟩ for the c-transform f_c of g, or a little less: a lower bound of W_p^p.
    fn hard_dual(
        &mut self,
        source: &Marginal<E>,
        target: &Marginal<E>,
        g: &[f64],
        diameter: f64,
    ) -> Result<f64> {
        let engine = self.engine;
        let hard = Kernel {
            epsilon: self.kernel.epsilon * HARDNESS,
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
        let height = |values: &[f64]| {
            values
                .iter()
                .fold(0.0, |height: f64, f| height.max(f.abs()))
        };
        let precision = engine.precision();
        let rounding = entry_error(precision, diameter, hard) * hard.epsilon
            + 2.0 * precision.unit_roundoff() * (height(&f) + height(g));
        Ok(dot(&source.weights, &f) + dot(&target.weights, g) - rounding)
    }

    /// ⟨e e'ᵀ, C⟩/t for the product of two measures of mass t on the points of both sides.
    fn product_cost(
        &mut self,
        rows: &Marginal<E>,
        e: &[f64],
        columns: &Marginal<E>,
        e2: &[f64],
    ) -> Result<f64> {
        let (mass, mass2) = (sum(e), sum(e2));
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
    let mut mean = vec![0.0; dimension];
    for (point, weight) in points.chunks_exact(dimension).zip(weights) {
        for (mean, x) in mean.iter_mut().zip(point) {
            *mean += weight * x / mass;
        }
    }
    let from_mean = |point: &[f64]| {
        point
            .iter()
            .zip(&mean)
            .map(|(x, c)| (x - c).powi(2))
            .sum::<f64>()
    };
    let spread = points
        .chunks_exact(dimension)
        .zip(weights)
        .map(|(point, weight)| weight * from_mean(point))
        .sum::<f64>();
    (mean, spread / mass)
}

/// The marginal that a potential wants: a e^{−f/ρ}.
fn wanted(measure: &[f64], potential: &[f64], rho: f64) -> Vec<f64> {
    let wanted = |(a, f): (&f64, &f64)| if *a == 0.0 { 0.0 } else { a * (-f / rho).exp() };
    measure.iter().zip(potential).map(wanted).collect()
}

/// What a side adds to the dual: ⟨a, f⟩, or −ρ ⟨a, e^{−f/ρ} − 1⟩.
fn conjugate(measure: &[f64], potential: &[f64], rho: f64) -> f64 {
    if rho.is_infinite() {
        return dot(measure, potential);
    }
    let excess: Vec<f64> = potential.iter().map(|f| (-f / rho).exp_m1()).collect();
    -rho * sum(&times(measure, &excess))
}

/// ρ KL(r | t) of a marginal and the one that is wanted, and by how much more it may be where each
/// entry of r has this relative error; nothing where ρ is infinite.
fn penalty_above_dual(marginal: &[f64], wanted: &[f64], rho: f64, error: f64) -> (f64, f64) {
    let (mut penalty, mut doubt) = (0.0, 0.0);
    if rho.is_finite() {
        for (r, t) in marginal.iter().zip(wanted).filter(|(_, t)| **t > 0.0) {
            // y log y − y + 1, whose terms cancel near 1.
            let (y, excess) = (r / t, (r - t) / t);
            let log = match y {
                0.0 => 0.0,
                0.5..2.0 => excess.ln_1p(),
                _ => y.ln(),
            };
            penalty += rho * t * (y * log - excess).max(0.0);
            doubt += rho * r * (log.abs() * error + error * error);
        }
    }
    (penalty, doubt)
}

/// The largest scaling ≤ 1 under which no marginal exceeds its measure.
fn least_scaling(measure: &[f64], marginal: &[f64]) -> Vec<f64> {
    measure
        .iter()
        .zip(marginal)
        .map(|(a, r)| if r > a && *a > 0.0 { a / r } else { 1.0 })
        .collect()
}

fn shortfall(measure: &[f64], marginal: &[f64]) -> Vec<f64> {
    measure
        .iter()
        .zip(marginal)
        .map(|(a, r)| (a - r).max(0.0))
        .collect()
}

/// KL(e/Σe | a).
fn divergence(e: &[f64], a: &[f64]) -> f64 {
    let mass = sum(e);
    let term = |(e, a): (&f64, &f64)| (e / mass) * ((e / mass) / a).ln();
    e.iter().zip(a).filter(|(e, _)| **e > 0.0).map(term).sum()
}

fn distance(v: &[f64], w: &[f64]) -> f64 {
    v.iter().zip(w).map(|(v, w)| (v - w).abs()).sum()
}

/// Products with weights. The sums of a point of weight 0 are nobody's concern, and may be infinite.
fn times(weights: &[f64], sums: &[f64]) -> Vec<f64> {
    let product = |(w, s): (&f64, &f64)| if *w == 0.0 { 0.0 } else { w * s };
    weights.iter().zip(sums).map(product).collect()
}

fn absolute(v: &[f64]) -> Vec<f64> {
    v.iter().map(|v| v.abs()).collect()
}

fn dot(v: &[f64], w: &[f64]) -> f64 {
    v.iter().zip(w).map(|(v, w)| v * w).sum()
}

fn sum(v: &[f64]) -> f64 {
    v.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn penalties_are_the_divergence_of_the_marginals() {
        let of = |r: f64, t: f64| penalty_above_dual(&[r], &[t], 2.0, 0.0).0;
        // Nothing and next to nothing, in place of t.
        assert_eq!(of(0.0, 0.3), 0.6);
        assert!((of(1e-60, 0.3) - 0.6).abs() < 1e-15);
        assert!((of(0.6, 0.3) - 2.0 * (0.6 * 2f64.ln() - 0.3)).abs() < 1e-15);
        assert!((of(30.0, 0.3) - 2.0 * (30.0 * 100f64.ln() - 29.7)).abs() < 1e-12);
        // t x²/2 near t.
        let near = of(0.3 * (1.0 + 1e-7), 0.3);
        assert!((near / (0.3e-14) - 1.0).abs() < 1e-6, "{near}");
        // A doubt of each entry covers what it may change.
        let (least, doubt) = penalty_above_dual(&[0.1], &[0.3], 2.0, 1e-3);
        assert!(of(0.1 * (1.0 - 1e-3), 0.3) <= least + doubt);
        assert!(of(0.1 * (1.0 - 1e-2), 0.3) > least + doubt);
    }

    #[test]
    fn an_infinite_penalty_is_a_constraint() {
        assert_eq!(
            penalty_above_dual(&[0.1], &[0.3], f64::INFINITY, 1.0),
            (0.0, 0.0)
        );
        assert_eq!(
            wanted(&[0.5, 0.0], &[3.0, 1e300], f64::INFINITY),
            [0.5, 0.0]
        );
        assert_eq!(conjugate(&[0.5], &[3.0], f64::INFINITY), 1.5);
    }
}
