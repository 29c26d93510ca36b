//! A power law through some means, with the standard error of its exponent.

use crate::linalg::sum;

/// y ≈ factor · x^exponent, fitted to means of samples by least squares of the logarithms, each with the weight (y/e)² of its
/// standard error e.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct PowerLaw {
    /// The exponent.
    pub exponent: f64,
    /// The standard error of the exponent. Where the means are farther from the law than their errors explain, it is larger by
    /// that ratio [Birge'32].
    pub standard_error: f64,
    /// y at x = 1.
    pub factor: f64,
}

impl PowerLaw {
    /// The law of means (x, y, e) with their standard errors e; without weights if an e is 0 or not finite. `None` where there
    /// are not two different x, or where an x or a y is not a finite number above 0.
    pub fn fit(means: &[(f64, f64, f64)]) -> Option<Self> {
        let usable = |value: f64| value > 0.0 && value.is_finite();
        if !means.iter().all(|&(x, y, _)| usable(x) && usable(y)) {
            return None;
        }
        let weighted = means.iter().all(|&(_, _, error)| usable(error));
        let rows: Vec<(f64, f64, f64)> = means
            .iter()
            .map(|&(x, y, error)| {
                let weight = if weighted { (y / error).powi(2) } else { 1.0 };
                (x.ln(), y.ln(), weight)
            })
            .collect();
        let total = sum(rows.iter().map(|row| row.2));
        let [x, y] = [
            sum(rows.iter().map(|row| row.2 * row.0)) / total,
            sum(rows.iter().map(|row| row.2 * row.1)) / total,
        ];
        let spread = sum(rows.iter().map(|row| row.2 * (row.0 - x).powi(2)));
        let scale = sum(rows.iter().map(|row| row.2 * row.0.powi(2)));
        if !(spread > 1e-12 * scale && spread.is_finite()) {
            return None;
        }
        let common = sum(rows.iter().map(|row| row.2 * (row.0 - x) * (row.1 - y)));
        let exponent = common / spread;
        let off = |row: &(f64, f64, f64)| row.2 * (row.1 - y - exponent * (row.0 - x)).powi(2);
        let free = means.len().saturating_sub(2) as f64;
        let misfit = match free {
            0.0 => 0.0,
            free => (sum(rows.iter().map(off)) / free).sqrt(),
        };
        let scatter = if weighted { misfit.max(1.0) } else { misfit };
        Some(Self {
            exponent,
            standard_error: scatter / spread.sqrt(),
            factor: (y - exponent * x).exp(),
        })
    }

    /// The value of the law.
    pub fn at(&self, x: f64) -> f64 {
        self.factor * x.powf(self.exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_law_is_found_and_its_error_is_that_of_the_weighted_line() {
        let law = |x: f64| 3.0 * x.powf(-0.5);
        let means = [10.0, 100.0, 1000.0].map(|x| (x, law(x), 0.01 * law(x)));
        let fit = PowerLaw::fit(&means).unwrap();
        assert!((fit.exponent + 0.5).abs() < 1e-12 && (fit.factor - 3.0).abs() < 1e-11);
        // Errors of one part in a hundred at −1, 0 and 1 decades from the middle.
        let expected = 0.01 / (2f64.sqrt() * 10f64.ln());
        assert!((fit.standard_error - expected).abs() < 1e-12);
        assert!((fit.at(100.0) - 0.3).abs() < 1e-12);
        // Means that lie far off the law, for their errors, make the error of the exponent larger.
        let mut bent = means;
        bent[1].1 *= 1.1;
        bent[1].2 = 0.01 * bent[1].1;
        let fit = PowerLaw::fit(&bent).unwrap();
        assert!((fit.exponent + 0.5).abs() < 1e-12);
        let ratio = fit.standard_error / expected;
        assert!(
            (ratio - (2.0f64 / 3.0).sqrt() * 1.1f64.ln() / 0.01).abs() < 1e-9,
            "{ratio}"
        );
    }

    #[test]
    fn without_errors_all_means_count_alike() {
        let means = [(1.0, 2.0, 0.0), (2.0, 4.0, 1.0), (4.0, 8.0, 1.0)];
        let fit = PowerLaw::fit(&means).unwrap();
        assert!((fit.exponent - 1.0).abs() < 1e-12 && fit.standard_error < 1e-12);
        for means in [
            &[(1.0, 2.0, 0.1)][..],
            &[(1.0, 2.0, 0.1), (1.0, 3.0, 0.1)],
            &[(1.0, 2.0, 0.1), (2.0, 0.0, 0.1)],
            &[(1.0, f64::NAN, 0.1), (2.0, 1.0, 0.1)],
            &[],
        ] {
            assert_eq!(PowerLaw::fit(means), None);
        }
    }
}
