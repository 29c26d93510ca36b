//! The sums of a plan's rows, and scalings of them.

use super::products;

/// The sums of a plan over the rows of one side, relative to the weights: rᵢ/aᵢ, and its excess over 1. If ε is far
/// above the costs, all ratios are near 1, and only the excess has digits.
#[derive(Clone)]
pub(super) struct Sums {
    pub(super) ratio: Vec<f64>,
    pub(super) excess: Vec<f64>,
}

impl Sums {
    pub(super) fn of_ratios(ratio: Vec<f64>) -> Self {
        let excess = ratio.iter().map(|r| r - 1.0).collect();
        Self { ratio, excess }
    }

    pub(super) fn of_excesses(excess: Vec<f64>) -> Self {
        let ratio = excess.iter().map(|e| 1.0 + e).collect();
        Self { ratio, excess }
    }

    /// The factors that make each sum 1: a/r.
    pub(super) fn exact(&self) -> Scaling {
        self.scaling(|_| true)
    }

    /// The largest factors ≤ 1 under which no sum exceeds 1: min(1, a/r).
    pub(super) fn least(&self) -> Scaling {
        self.scaling(|excess| excess > 0.0)
    }

    fn scaling(&self, scales: impl Fn(f64) -> bool) -> Scaling {
        let sums = || self.ratio.iter().zip(&self.excess);
        let taken = |(r, e): (&f64, &f64)| match scales(*e) {
            true if r.is_infinite() => 1.0,
            true => e / r,
            false => 0.0,
        };
        Scaling {
            factor: sums()
                .map(|(r, e)| if scales(*e) { 1.0 / r } else { 1.0 })
                .collect(),
            taken: sums().map(taken).collect(),
        }
    }

    /// rᵢ/aᵢ after a scaling of the rows.
    pub(super) fn scaled<'s>(&'s self, scaling: &'s Scaling) -> impl Iterator<Item = f64> + 's {
        products(&self.ratio, &scaling.factor)
    }

    /// The missing mass of the marginal after a scaling of the rows, where it is positive.
    pub(super) fn missing(&self, measure: &[f64], scaling: &Scaling) -> Vec<f64> {
        let sums = self.ratio.iter().zip(&self.excess);
        let scaling = scaling.factor.iter().zip(&scaling.taken);
        let missing = |((r, e), (factor, taken)): ((&f64, &f64), (&f64, &f64))| {
            // 1 − (1 − taken)(1 + e), whose digits cancel if both are small.
            let missing = if e.abs() < 0.5 {
                taken * r - e
            } else {
                1.0 - factor * r
            };
            missing.max(0.0)
        };
        let missing = sums.zip(scaling).map(missing);
        let missing = measure.iter().zip(missing);
        missing
            .map(|(a, missing)| if *a > 0.0 { a * missing } else { 0.0 })
            .collect()
    }
}

/// Factors of the rows or columns of a plan.
pub(super) struct Scaling {
    pub(super) factor: Vec<f64>,
    /// 1 − factor.
    pub(super) taken: Vec<f64>,
}

impl Scaling {
    /// All factors are 1.
    pub(super) fn none(points: usize) -> Self {
        Self {
            factor: vec![1.0; points],
            taken: vec![0.0; points],
        }
    }

    pub(super) fn logs(&self) -> impl Iterator<Item = f64> + '_ {
        let pairs = self.factor.iter().zip(&self.taken);
        pairs.map(|(factor, taken)| {
            if taken.abs() < 0.5 {
                (-taken).ln_1p()
            } else {
                factor.ln()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalings_make_sums_exact_or_at_most_that() {
        let measure = [0.25; 4];
        for sums in [
            Sums::of_ratios(vec![0.3, 1.0, 1e12, 3.0]),
            Sums::of_excesses(vec![-1e-9, 0.0, 1e-13, 0.4]),
        ] {
            let (least, exact) = (sums.least(), sums.exact());
            for (i, e) in sums.excess.iter().enumerate() {
                let [scaled, all] = [&least, &exact].map(|s| sums.scaled(s).nth(i).unwrap());
                assert!((all - 1.0).abs() < 1e-15);
                assert!((scaled - (1.0 + e.min(0.0))).abs() < 1e-15);
                let missing = sums.missing(&measure, &least)[i];
                let expected = 0.25 * (-e).max(0.0);
                assert!(
                    (missing - expected).abs() <= 1e-15 * expected.max(1e-13),
                    "{missing}"
                );
                let log = exact.logs().nth(i).unwrap();
                let expected = if e.abs() < 0.5 {
                    -e.ln_1p()
                } else {
                    -sums.ratio[i].ln()
                };
                assert!((log - expected).abs() <= 1e-15 * expected.abs());
            }
        }
    }
}
