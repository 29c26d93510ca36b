//! The penalties of a plan whose marginals leave their measures.

use super::sums::Sums;
use crate::linalg::{dot, mean};

/// What a potential wants of the ratio of its marginal to the measure, e^{−f/ρ}, as the excess over 1.
pub(super) fn wanted(potential: &[f64], rho: f64) -> Vec<f64> {
    potential.iter().map(|f| (-f / rho).exp_m1()).collect()
}

/// What a side adds to the dual: ⟨a, f⟩, or −ρ ⟨a, e^{−f/ρ} − 1⟩.
pub(super) fn conjugate(measure: &[f64], potential: &[f64], rho: f64) -> f64 {
    if rho.is_infinite() {
        dot(measure, potential)
    } else {
        -rho * mean(measure, wanted(potential, rho))
    }
}

/// ρ KL(r | t) of a marginal r and the one that is wanted, t, and by how much more it may be where each
/// ratio r/a has this error, relative to it where it is above 1; nothing where ρ is infinite. `wanted` is t/a − 1.
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

/// ‖r − t‖₁ of a marginal and the one that is wanted.
pub(super) fn off(measure: &[f64], sums: &Sums, wanted: &[f64]) -> f64 {
    let pairs = sums.excess.iter().zip(wanted);
    mean(measure, pairs.map(|(e, w)| (e - w).abs()))
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
}
