//! Annealing: a sequence of ε that falls from the diameter of the clouds to the required ε.
//!
//! Sinkhorn's algorithm at a small ε spends its first iterations on work that a large ε does in a single pair of
//! updates. So the blur is halved from the diameter down, with one pair of updates a level [FSVATP'19]; for p < 1
//! each level halves ε. This removes the first decade of the error, not the tail, and is skipped if it would take
//! less than two halvings.

/// Below this ratio of diameter to blur there is no annealing.
const LEAST_RATIO: f64 = 4.0;

/// The ε of each level, from the largest, without the last one, `epsilon` itself.
pub(crate) fn levels(diameter: f64, p: f64, epsilon: f64) -> Vec<f64> {
    let ratio = diameter / epsilon.powf(1.0 / p);
    if ratio < LEAST_RATIO {
        return Vec::new();
    }
    let halvings = (1.0 / p).ceil();
    let count = (ratio.log2() / halvings).ceil() as i32;
    // Counted from the end, so that the last level is exactly one factor above ε.
    (1..=count)
        .rev()
        .map(|level| epsilon * (p * halvings * f64::from(level)).exp2())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_fall_from_the_diameter_to_one_factor_above_epsilon() {
        let levels = levels(1.0, 2.0, 0.01);
        assert_eq!(levels.len(), 4);
        assert!(levels[0] >= 1.0 && levels[0] < 4.0);
        assert!((levels[3] - 0.04).abs() < 1e-15);
        assert!(
            levels
                .windows(2)
                .all(|pair| (pair[0] / pair[1] - 4.0).abs() < 1e-12)
        );
    }

    #[test]
    fn epsilon_falls_by_at_least_a_half_whatever_the_power() {
        for p in [0.1, 0.4, 0.5, 0.9, 1.0, 1.5] {
            let levels = levels(1.0, p, 0.05);
            let factors = || levels.windows(2).map(|pair| pair[0] / pair[1]);
            assert!(levels.len() >= 3 && levels[0] >= 1.0, "{p} {levels:?}");
            assert!(factors().all(|factor| (2.0 - 1e-12..4.0).contains(&factor)));
        }
    }

    #[test]
    fn little_ratio_means_no_levels() {
        assert!(levels(1.0, 2.0, 0.07).is_empty());
        assert!(levels(0.0, 1.0, 0.5).is_empty());
    }
}
