//! The penalties of a plan whose marginals differ from their measures.

use super::sums::Sums;
use crate::linalg::{dot, mean};

/// The optimal ratio of a marginal to its measure for a potential, e^{−f/ρ}, as the excess over 1.
pub(super) fn wanted(potential: &[f64], rho: f64) -> Vec<f64> {
    potential.iter().map(|f| (-f / rho).exp_m1()).collect()
}

/// The term of a side in the dual: ⟨a, f⟩, or −ρ ⟨a, e^{−f/ρ} − 1⟩.
pub(super) fn conjugate(measure: &[f64], potential: &[f64], rho: f64) -> f64 {
    if rho.is_infinite() {
        dot(measure, potential)
    } else {
        -rho * mean(measure, wanted(potential, rho))
    }
}

/// ρ KL(r | t) of a marginal r and the optimal one t, and its possible increase if each ratio r/a has this error,
/// relative to the ratio if it is above 1; 0 if ρ is infinite. `wanted` is t/a − 1.
pub(super) fn penalty_above_dual(
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

/// ‖r − t‖₁ of a marginal and the optimal one.
pub(super) fn off(measure: &[f64], sums: &Sums, wanted: &[f64]) -> f64 {
    let pairs = sums.excess.iter().zip(wanted);
    mean(measure, pairs.map(|(e, w)| (e - w).abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ρ KL(r | t) of two masses, and its possible increase.
    fn penalty(r: f64, t: f64, rho: f64, error: f64) -> (f64, f64) {
        penalty_above_dual(&[1.0], &Sums::of_ratios(vec![r]), &[t - 1.0], rho, error)
    }

    #[test]
    fn penalties_are_the_divergence_of_the_marginals() {
        let of = |r: f64, t: f64| penalty(r, t, 2.0, 0.0).0;
        // A mass of 0, and one close to 0, in place of t.
        assert!((of(0.0, 0.3) - 0.6).abs() < 1e-15);
        assert!((of(1e-60, 0.3) - 0.6).abs() < 1e-15);
        assert!((of(0.6, 0.3) - 2.0 * (0.6 * 2f64.ln() - 0.3)).abs() < 1e-15);
        assert!((of(30.0, 0.3) - 2.0 * (30.0 * 100f64.ln() - 29.7)).abs() < 1e-12);
        // The doubt covers any change of an entry by its error.
        let (least, doubt) = penalty(0.1, 0.3, 2.0, 1e-3);
        assert!(of(0.1 * (1.0 - 1e-3), 0.3) <= least + doubt);
        assert!(of(0.1 * (1.0 - 1e-2), 0.3) > least + doubt);
    }

    #[test]
    fn penalties_near_the_measure_have_the_digits_of_the_excess() {
        // t x²/2 near t = 1, where ratios have lost half of the digits.
        let sums = Sums::of_excesses(vec![1e-12]);
        let (near, _) = penalty_above_dual(&[1.0], &sums, &[-2e-12], 2.0, 0.0);
        assert!((near / 9e-24 - 1.0).abs() < 4e-12, "{near}");
        let lost = penalty(1.0 + 1e-12, 1.0 - 2e-12, 2.0, 0.0).0;
        assert!((lost / 9e-24 - 1.0).abs() > 1e-6, "{lost}");
        // The series and the formula agree where they meet.
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
}
