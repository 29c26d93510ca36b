//! Over-relaxed Sinkhorn: f ← f + ω (T(f) − f) with 1 ≤ ω < 2 [Thibault–Chizat–Dossal–Papadakis'21;
//! Lehmann–von Renesse–Sambale–Uschmajew'22].
//!
//! Near the solution the alternating updates are a Gauss–Seidel method with contraction θ per pair, and successive
//! over-relaxation with the best ω = 2/(1 + √(1 − θ)) contracts by ω − 1: the number of iterations falls from the
//! order of 1/(1 − θ) to its square root. θ is unknown; it is estimated from the measured errors, by Young's relation
//! between θ, ω and the contraction ρ observed with that ω,
//!
//! ```text
//! (ρ + ω − 1)² = ρ ω² θ
//! ```

/// Iterations between two measurements: fewer do not determine a contraction.
const BETWEEN: usize = 6;

/// The largest accepted estimate of θ.
const LARGEST: f64 = 1.0 - 1e-8;

/// The relaxation of an iteration, estimated from its errors.
pub(crate) struct Relaxation {
    omega: f64,
    next: usize,
    last: Option<(usize, f64)>,
}

impl Relaxation {
    /// No relaxation at first.
    pub(crate) fn new(iteration: usize) -> Self {
        Self {
            omega: 1.0,
            next: iteration + 1,
            last: None,
        }
    }

    /// The ω of the next updates.
    pub(crate) fn omega(&self) -> f64 {
        self.omega
    }

    /// Whether to measure the error of an iteration; such an iteration is plain.
    pub(crate) fn due(&self, iteration: usize) -> bool {
        iteration >= self.next
    }

    /// Records a measured error.
    pub(crate) fn measured(&mut self, iteration: usize, error: f64) {
        if let Some((before, previous)) = self.last {
            let contraction = (error / previous).powf(1.0 / (iteration - before) as f64);
            self.omega = if contraction < 1.0 {
                // Over-relaxation cannot contract faster than ω − 1; a smaller value is chance.
                let rho = contraction.max(self.omega - 1.0);
                let theta = (rho + self.omega - 1.0).powi(2) / (rho * self.omega.powi(2));
                2.0 / (1.0 + (1.0 - theta.clamp(0.0, LARGEST)).sqrt())
            } else {
                // Far from the solution the theory above may not hold.
                1.0 + 0.5 * (self.omega - 1.0)
            };
        }
        self.last = Some((iteration, error));
        self.next = iteration + BETWEEN;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relaxation_settles_at_the_best_one() {
        let theta: f64 = 0.96;
        let best = 2.0 / (1.0 + (1.0 - theta).sqrt());
        let mut relaxation = Relaxation::new(0);
        let (mut error, mut iteration) = (1.0, 0);
        for _ in 0..8 {
            // The contraction of over-relaxation below the best ω is the larger root of Young's
            // relation, above it ω − 1.
            let omega = relaxation.omega();
            let b = 1.0 - omega + 0.5 * omega * omega * theta;
            let root = b * b - (omega - 1.0).powi(2);
            let rho = if root > 0.0 {
                b + root.sqrt()
            } else {
                omega - 1.0
            };
            iteration += BETWEEN;
            error *= rho.powi(BETWEEN as i32);
            relaxation.measured(iteration, error);
        }
        assert!(
            (relaxation.omega() - best).abs() < 1e-3,
            "{} {best}",
            relaxation.omega()
        );
    }

    #[test]
    fn growing_errors_bring_it_back() {
        let mut relaxation = Relaxation::new(0);
        relaxation.measured(6, 1.0);
        relaxation.measured(12, 0.5);
        let before = relaxation.omega();
        relaxation.measured(18, 5.0);
        assert!(before > 1.0 && relaxation.omega() < before);
    }
}
