//! Weights λ on the simplex as the softmax of logits.

use crate::linalg::{dot, mean, sum};

/// A λ below this counts as 0.
pub(super) const NEGLIGIBLE: f64 = 1e-6;

/// e^{zₛ}/Σ e^{zᵣ}.
pub(super) fn softmax(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let terms: Vec<f64> = logits.iter().map(|z| (z - largest).exp()).collect();
    let total = sum(terms.iter().copied());
    terms.into_iter().map(|term| term / total).collect()
}

/// The derivative in the logits, from that in the weights.
pub(super) fn to_logits(weights: &[f64], gradient: &[f64]) -> Vec<f64> {
    let centre = mean(weights, gradient.iter().copied());
    let terms = weights.iter().zip(gradient);
    terms.map(|(l, g)| l * (g - centre)).collect()
}

/// λ with negligible entries set to 0, of sum 1.
pub(super) fn without_negligible(lambda: &[f64]) -> Vec<f64> {
    let kept = |l: &f64| if *l < NEGLIGIBLE { 0.0 } else { *l };
    let kept: Vec<f64> = lambda.iter().map(kept).collect();
    let total = sum(kept.iter().copied());
    kept.into_iter().map(|l| l / total).collect()
}

/// The norm of the steepest descent within the simplex: the projection of the negative gradient onto the directions
/// that keep Σ λₛ and leave no negligible λₛ negative.
pub(super) fn descent_norm(lambda: &[f64], gradient: &[f64]) -> f64 {
    let mut free: Vec<bool> = vec![true; lambda.len()];
    loop {
        let count = free.iter().filter(|free| **free).count().max(1) as f64;
        let among = gradient.iter().zip(&free).filter(|(_, free)| **free);
        let centre = sum(among.map(|(g, _)| *g)) / count;
        // A λ at 0 leaves if the direction would make it negative.
        let leaves = |s: usize| free[s] && lambda[s] < NEGLIGIBLE && gradient[s] > centre;
        let leaving: Vec<usize> = (0..lambda.len()).filter(|s| leaves(*s)).collect();
        if leaving.is_empty() {
            let parts = gradient.iter().zip(&free).map(|(g, free)| match free {
                true => centre - g,
                false => 0.0,
            });
            let parts: Vec<f64> = parts.collect();
            return dot(&parts, &parts).sqrt();
        }
        for s in leaving {
            free[s] = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_a_corner_only_inward_directions_count() {
        // From (1, 0, 0) towards the second corner, the direction (−½, ½, 0) of the gradient (1, 0, 5).
        let norm = descent_norm(&[1.0, 0.0, 0.0], &[1.0, 0.0, 5.0]);
        assert!((norm - 0.5f64.sqrt()).abs() < 1e-15, "{norm}");
        // The corner is the minimum where its derivative is the least.
        assert_eq!(descent_norm(&[1.0, 0.0, 0.0], &[1.0, 2.0, 5.0]), 0.0);
        // Inside the simplex all of it counts.
        let norm = descent_norm(&[0.4, 0.3, 0.3], &[1.0, 2.0, 6.0]);
        assert!((norm - 14f64.sqrt()).abs() < 1e-14, "{norm}");
    }

    #[test]
    fn logits_have_the_derivatives_of_the_softmax() {
        let (logits, slope) = ([0.3, -1.0, 0.8], [0.5, 2.0, -1.0]);
        let value = |z: &[f64]| dot(&softmax(z), &slope);
        let gradient = to_logits(&softmax(&logits), &slope);
        for s in 0..3 {
            let at = |h: f64| {
                let mut z = logits;
                z[s] += h;
                value(&z)
            };
            let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!(
                (difference - gradient[s]).abs() < 1e-9,
                "{difference} {gradient:?}"
            );
        }
    }
}
