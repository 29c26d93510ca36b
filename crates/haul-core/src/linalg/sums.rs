//! Sums on the host, whose error does not grow with the number of terms.

/// Σ terms, compensated [Neumaier'74]: the error is two roundings of the sum of absolute values, for any number of
/// terms below 1/u.
pub(crate) fn sum(terms: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0f64, 0.0f64);
    for term in terms {
        let next = sum + term;
        lost += if sum.abs() >= term.abs() {
            (sum - next) + term
        } else {
            (term - next) + sum
        };
        sum = next;
    }
    // If the sum is infinite, the compensation is NaN.
    if sum.is_finite() { sum + lost } else { sum }
}

/// ⟨v, w⟩.
pub(crate) fn dot(v: &[f64], w: &[f64]) -> f64 {
    sum(v.iter().zip(w).map(|(v, w)| v * w))
}

/// Σ aᵢ vᵢ over the points of positive weight: other values are ignored, and may be infinite.
pub(crate) fn mean(weights: &[f64], values: impl IntoIterator<Item = f64>) -> f64 {
    let terms = weights.iter().zip(values).filter(|(a, _)| **a != 0.0);
    sum(terms.map(|(a, value)| a * value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_terms_lose_nothing() {
        let tenths = || std::iter::repeat_n(0.1, 1_000_000);
        assert_eq!(sum(tenths()), 1e5);
        assert!((tenths().sum::<f64>() - 1e5).abs() > 1e-7);
        assert_eq!(sum([1.0, 1e100, 1.0, -1e100]), 2.0);
        assert_eq!(sum([f64::MAX, f64::MAX]), f64::INFINITY);
        assert_eq!(mean(&[0.0, 0.5], [f64::INFINITY, 4.0]), 2.0);
    }
}
