//! Annealing: a sequence of ε that falls from the diameter of the clouds to the ε asked for.
//!
//! Sinkhorn started at a small ε spends its first iterations on what a large one settles in a
//! single pair of updates. So the blur is halved from the diameter down, one pair of updates a
//! level [FSVATP'19]. It removes the first decade of the error, not the tail, and is skipped where
//! there is less than two halvings to gain.

/// The blur falls by this factor from level to level.
const BLUR_FACTOR: f64 = 0.5;

/// Below this ratio of diameter to blur there is nothing to anneal.
const LEAST_RATIO: f64 = 4.0;

/// The ε of each level, from the largest, without the last one, `epsilon` itself.
pub(crate) fn levels(diameter: f64, p: f64, epsilon: f64) -> Vec<f64> {
    let ratio = diameter / epsilon.powf(1.0 / p);
    if ratio < LEAST_RATIO {
        return Vec::new();
    }
    let count = (ratio.ln() / -BLUR_FACTOR.ln()).ceil() as i32;
    // Counted from the end, so that the last level is exactly one factor above ε.
    (1..=count)
        .rev()
        .map(|level| epsilon * BLUR_FACTOR.powf(p).powi(-level))
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
    fn little_ratio_means_no_levels() {
        assert!(levels(1.0, 2.0, 0.07).is_empty());
        assert!(levels(0.0, 1.0, 0.5).is_empty());
    }
}
