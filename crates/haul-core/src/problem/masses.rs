//! The reduction of a problem to measures of mass 1.
//!
//! On a device, weights have sum 1: a = m_a â, b = m_b b̂, P = s P̂ and, with two shifts, f = f̂ − σ_a, g = ĝ − σ_b.
//! In the new variables neither Sinkhorn update has a constant, f̂ = λ_a T_b̂(ĝ) and ĝ = λ_b T_â(f̂), if −σ_a and
//! −σ_b are the potentials, and s the mass of the plan, of the same problem at cost 0:
//!
//! ```text
//! log s = ((ε + ρ_a) log m_a + (ε + ρ_b) log m_b)/(ε + ρ_a + ρ_b)
//! σ_a = ρ_a log(s/m_a),  σ_b = ρ_b log(s/m_b),  σ_a + σ_b = ε log(m_a m_b/s)
//! ```
//!
//! The terms in ΣP̂ then cancel if both ρ are finite, and the value is s times that of masses 1, plus a constant, the
//! value at cost 0:
//!
//! ```text
//! OT(α, β) = s OT(α̂, β̂) + ε(m_a m_b − s) + ρ_a(m_a − s) + ρ_b(m_b − s)
//! ```
//!
//! The same holds for the dual at any potentials, and so for bounds. As ρ_a grows, s tends to m_a, and
//! ρ_a(m_a − s) = s ρ_a (e^{−σ_a/ρ_a} − 1) tends to −s σ_a. If both ρ are infinite, with m = m_a = m_b, one shift is free,
//! and each is half of ε log m.
//!
//! A cost may have a constant t added to that of the points. Cost 0 above then becomes cost t: s is the mass of the
//! plan at cost t, and
//!
//! ```text
//! log s = ((ε + ρ_a) log m_a + (ε + ρ_b) log m_b − t)/(ε + ρ_a + ρ_b),  σ_a + σ_b = ε log(m_a m_b/s) − t
//! ```
//!
//! All else stays the same.

use crate::{Error, Precision, Result};

#[derive(Debug, Clone)]
pub(crate) struct Masses {
    /// s: the factor from a plan on the device to one of the problem.
    pub(crate) plan: f64,
    /// m_a and m_b.
    pub(crate) measures: [f64; 2],
    /// σ_a and σ_b, in units of the cost of the points.
    pub(crate) shifts: [f64; 2],
    epsilon: f64,
    rho: [f64; 2],
    /// t, in units of the cost of the points.
    constant: f64,
    /// The factor from a cost in the frame to one of the points.
    unit: f64,
}

impl Masses {
    pub(crate) fn new(measures: [f64; 2], epsilon: f64, rho: [f64; 2], unit: f64) -> Self {
        Self::beside(0.0, measures, epsilon, rho, unit)
    }

    /// The same with a constant t added to the cost.
    pub(crate) fn beside(
        constant: f64,
        measures: [f64; 2],
        epsilon: f64,
        rho: [f64; 2],
        unit: f64,
    ) -> Self {
        let logs = measures.map(f64::ln);
        // Computed once, since both sides multiply its rounding error by ρ: it must cancel between them.
        let ratio = (measures[1] / measures[0]).ln();
        let shift = |i: usize| {
            let (own, other) = (rho[i], rho[1 - i]);
            let (log, other_log) = (logs[i], logs[1 - i]);
            let ratio = if i == 0 { ratio } else { -ratio };
            match (own.is_finite(), other.is_finite()) {
                (false, false) => 0.5 * (epsilon * log - constant),
                (false, true) => epsilon * other_log + other * ratio - constant,
                (true, false) => own * ratio,
                (true, true) => {
                    let share = own / (epsilon + own + other);
                    share * (epsilon * other_log + other * ratio - constant)
                }
            }
        };
        let shifts = [shift(0), shift(1)];
        let plan = match (rho[0].is_finite(), rho[1].is_finite()) {
            (false, _) => measures[0],
            (true, false) => measures[1],
            (true, true) => measures[0] * (shifts[0] / rho[0]).exp(),
        };
        Self {
            plan,
            measures,
            shifts,
            epsilon,
            rho,
            constant,
            unit,
        }
    }

    /// t, in units of the cost of the points.
    pub(crate) fn constant(&self) -> f64 {
        self.constant
    }

    /// The same problem with another constant.
    pub(crate) fn with_constant(&self, constant: f64) -> Self {
        Self::beside(constant, self.measures, self.epsilon, self.rho, self.unit)
    }

    /// ⟨P, C⟩ from its value in the frame and ΣP̂.
    pub(crate) fn transport_cost(&self, cost: f64, mass: f64) -> f64 {
        self.plan * (cost * self.unit + self.constant * mass)
    }

    /// Refuses masses, or penalties of them, that leave the range of f64.
    pub(crate) fn check(&self) -> Result<()> {
        let product = self.product();
        if !(product.is_finite() && self.plan.is_finite() && self.plan > 0.0) {
            return Err(Error::BadMass { mass: product });
        }
        let constant = self.constants().iter().sum::<f64>();
        if constant.is_finite() && self.shifts.iter().all(|shift| shift.is_finite()) {
            Ok(())
        } else {
            let finite = self.rho.iter().copied().filter(|rho| rho.is_finite());
            Err(Error::BadParameter {
                name: "rho",
                value: finite.fold(0.0, f64::max),
                range: "such that its product with the masses is finite",
            })
        }
    }

    /// A dual or primal value, or a bound of OT, from its value in the frame.
    pub(crate) fn value(&self, value: f64) -> f64 {
        self.plan * value * self.unit + self.constants().iter().sum::<f64>()
    }

    /// The largest error of [`value`](Self::value) due to rounding in f64.
    pub(crate) fn rounding(&self, value: f64) -> f64 {
        let terms = self.constants().map(f64::abs).iter().sum::<f64>();
        8.0 * Precision::F64.unit_roundoff() * ((self.plan * value * self.unit).abs() + terms)
    }

    /// The primal at a plan whose mass may differ from that of a constrained side, from its value in the frame and
    /// that mass.
    pub(crate) fn primal(&self, value: f64, mass: f64) -> f64 {
        let constrained = self.rho.iter().zip(self.shifts);
        let shift: f64 = constrained
            .filter(|(rho, _)| rho.is_infinite())
            .map(|(_, shift)| shift)
            .sum();
        self.value(value) - (mass - 1.0) * self.plan * shift
    }

    /// KL(P | a⊗b) from its value for masses 1 and ΣP̂.
    pub(crate) fn kl(&self, kl: f64, mass: f64) -> f64 {
        let log = -(self.shifts[0] + self.shifts[1] + self.constant) / self.epsilon;
        self.plan * (kl + mass * log) + (self.product() - self.plan)
    }

    fn product(&self) -> f64 {
        self.measures[0] * self.measures[1]
    }

    /// The value at cost 0, term by term.
    fn constants(&self) -> [f64; 3] {
        let side = |i: usize| {
            let (rho, shift) = (self.rho[i], self.shifts[i]);
            if rho.is_finite() {
                self.plan * rho * (-shift / rho).exp_m1()
            } else {
                -self.plan * shift
            }
        };
        let entropy = self.epsilon * (self.product() - self.plan);
        [entropy, side(0), side(1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASSES: [[f64; 2]; 3] = [[1.3, 0.7], [0.2, 5.0], [2.0, 2.0]];
    const EPSILON: f64 = 0.4;

    #[test]
    fn shifts_and_mass_are_the_fixed_point_at_cost_0() {
        for measures in MASSES {
            for rho in [
                [0.5, 0.5],
                [0.1, 30.0],
                [f64::INFINITY, 2.0],
                [2.0, f64::INFINITY],
            ] {
                let masses = Masses::new(measures, EPSILON, rho, 1.0);
                let damping = rho.map(|rho| 1.0 / (1.0 + EPSILON / rho));
                let [f, g] = masses.shifts.map(|shift| -shift);
                // T_b(g) at cost 0 is −g − ε log m_b.
                let [log_a, log_b] = measures.map(f64::ln);
                assert!((f - damping[0] * (-g - EPSILON * log_b)).abs() < 1e-12);
                assert!((g - damping[1] * (-f - EPSILON * log_a)).abs() < 1e-12);
                let mass = measures[0] * measures[1] * ((f + g) / EPSILON).exp();
                assert!((masses.plan / mass - 1.0).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn the_constant_is_the_least_value_at_cost_0() {
        let kl = |p: f64, q: f64| p * (p / q).ln() - p + q;
        for measures in MASSES {
            let masses = Masses::new(measures, EPSILON, [0.5, 3.0], 1.0);
            let product = measures[0] * measures[1];
            let cost =
                |p| EPSILON * kl(p, product) + 0.5 * kl(p, measures[0]) + 3.0 * kl(p, measures[1]);
            assert!((masses.value(0.0) - cost(masses.plan)).abs() < 1e-12);
            assert!(cost(1.01 * masses.plan) > masses.value(0.0));
            assert!(cost(0.99 * masses.plan) > masses.value(0.0));
        }
    }

    #[test]
    fn beside_a_constant_it_is_the_least_value_of_that_cost() {
        let kl = |p: f64, q: f64| p * (p / q).ln() - p + q;
        for constant in [-0.7, 1.3] {
            for measures in MASSES {
                let masses = Masses::beside(constant, measures, EPSILON, [0.5, 3.0], 1.0);
                let product = measures[0] * measures[1];
                let cost = |p: f64| {
                    constant * p
                        + EPSILON * kl(p, product)
                        + 0.5 * kl(p, measures[0])
                        + 3.0 * kl(p, measures[1])
                };
                assert!((masses.value(0.0) - cost(masses.plan)).abs() < 1e-12);
                assert!(cost(1.01 * masses.plan) > masses.value(0.0));
                assert!(cost(0.99 * masses.plan) > masses.value(0.0));
                assert!((masses.kl(0.0, 1.0) - kl(masses.plan, product)).abs() < 1e-12);
                assert!((masses.transport_cost(0.0, 1.0) - constant * masses.plan).abs() < 1e-12);
            }
            // If one side is exact, a constant changes only its potential.
            let exact = Masses::beside(constant, [1.3, 0.7], EPSILON, [f64::INFINITY, 2.0], 1.0);
            let without = Masses::new([1.3, 0.7], EPSILON, [f64::INFINITY, 2.0], 1.0);
            assert!((exact.value(0.0) - without.value(0.0) - 1.3 * constant).abs() < 1e-12);
        }
    }

    #[test]
    fn a_growing_rho_becomes_the_constraint() {
        for measures in MASSES {
            let exact = Masses::new(measures, EPSILON, [f64::INFINITY, 0.7], 1.0);
            let near = Masses::new(measures, EPSILON, [1e9, 0.7], 1.0);
            assert!((exact.value(0.3) - near.value(0.3)).abs() < 1e-6);
            assert!((exact.plan - near.plan).abs() < 1e-6);
        }
    }

    #[test]
    fn what_leaves_the_range_is_refused() {
        let refused = |measures, rho| Masses::new(measures, EPSILON, rho, 1.0).check().is_err();
        assert!(refused([1e200, 1e200], [1.0, 1.0]));
        assert!(refused([1e100, 1.0], [1e300, 1e300]));
        assert!(!refused([1e-30, 1e6], [1e10, 1e-10]));
    }
}
