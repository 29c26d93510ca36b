//! The result of a solve between stored spaces.

use crate::gromov::GromovReport;
use crate::{Coupling, Error, Result};

/// A stationary coupling of two stored spaces. The plan is stored as well.
#[derive(Debug, Clone)]
pub struct MatrixCoupling {
    pub(super) plan: Vec<f64>,
    pub(super) report: GromovReport,
}

impl MatrixCoupling {
    /// The objective α Σ (D − D')² P P + (1 − α) Σ P |u − v|² + ε KL(P | a⊗b).
    pub fn value(&self) -> f64 {
        self.report.objective
    }

    /// Every number of the solution.
    pub fn report(&self) -> &GromovReport {
        &self.report
    }

    /// The plan P, n×m, row-major.
    pub fn plan(&self) -> &[f64] {
        &self.plan
    }

    /// The column of the largest entry of each row; `None` for a row without mass.
    pub fn assignment(&self) -> Vec<Option<usize>> {
        let largest = |row: &[f64]| {
            let entries = row.iter().enumerate().filter(|(_, p)| **p > 0.0);
            entries
                .max_by(|(_, p), (_, q)| p.total_cmp(q))
                .map(|(j, _)| j)
        };
        self.plan.chunks_exact(self.report.m).map(largest).collect()
    }

    /// The images Σⱼ Pᵢⱼ vⱼ / Σⱼ Pᵢⱼ of values of the target, m×w of any width w ≥ 1, such as its points or colours; n×w.
    /// Points of the source without mass have NaN.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if the number of values is not a multiple of m.
    pub fn images(&self, values: &[f64]) -> Result<Vec<f64>> {
        let sums = self.product(values)?;
        let masses = self.product(&vec![1.0; self.report.m])?;
        Ok(divided(sums, &masses))
    }

    /// The images Σᵢ Pᵢⱼ uᵢ / Σᵢ Pᵢⱼ of values of the source, n×w; m×w. Points of the target without mass have NaN.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if the number of values is not a multiple of n.
    pub fn images_back(&self, values: &[f64]) -> Result<Vec<f64>> {
        let sums = self.product_transposed(values)?;
        let masses = self.product_transposed(&vec![1.0; self.report.n])?;
        Ok(divided(sums, &masses))
    }
}

fn divided(mut sums: Vec<f64>, masses: &[f64]) -> Vec<f64> {
    let width = sums.len() / masses.len().max(1);
    let rows = sums.chunks_exact_mut(width.max(1)).zip(masses);
    rows.for_each(|(row, mass)| row.iter_mut().for_each(|value| *value /= mass));
    sums
}

/// The number of values a point.
fn width(what: &'static str, values: &[f64], points: usize) -> Result<usize> {
    match values.len() / points {
        width if width > 0 && values.len() == width * points => Ok(width),
        _ => Err(Error::Length {
            what,
            expected: points,
            found: values.len(),
        }),
    }
}

impl Coupling for MatrixCoupling {
    fn shape(&self) -> (usize, usize) {
        (self.report.n, self.report.m)
    }

    fn product(&self, values: &[f64]) -> Result<Vec<f64>> {
        let width = width("the values of the target", values, self.report.m)?;
        let mut sums = vec![0.0; self.report.n * width];
        let rows = self.plan.chunks_exact(self.report.m);
        for (row, sums) in rows.zip(sums.chunks_exact_mut(width)) {
            for (p, values) in row.iter().zip(values.chunks_exact(width)) {
                sums.iter_mut()
                    .zip(values)
                    .for_each(|(sum, v)| *sum += p * v);
            }
        }
        Ok(sums)
    }

    fn product_transposed(&self, values: &[f64]) -> Result<Vec<f64>> {
        let width = width("the values of the source", values, self.report.n)?;
        let mut sums = vec![0.0; self.report.m * width];
        let rows = self.plan.chunks_exact(self.report.m);
        for (row, values) in rows.zip(values.chunks_exact(width)) {
            for (p, sums) in row.iter().zip(sums.chunks_exact_mut(width)) {
                sums.iter_mut()
                    .zip(values)
                    .for_each(|(sum, v)| *sum += p * v);
            }
        }
        Ok(sums)
    }

    /// # Errors
    ///
    /// [`Error::Unsupported`]: stored spaces have no coordinates; see [`images`](Self::images).
    fn map(&self) -> Result<Vec<f64>> {
        Err(Error::Unsupported {
            what: "a map of spaces without coordinates",
            device: self.report.device.clone(),
        })
    }

    fn top_k(&self, k: usize) -> Result<Vec<Vec<(usize, f64)>>> {
        let largest = |row: &[f64]| {
            let entries = row.iter().copied().enumerate();
            let mut entries: Vec<(usize, f64)> = entries.filter(|(_, p)| *p > 0.0).collect();
            entries.sort_by(|(_, p), (_, q)| q.total_cmp(p));
            entries.truncate(k);
            entries
        };
        Ok(self.plan.chunks_exact(self.report.m).map(largest).collect())
    }

    /// α Σ (D − D')² P P + (1 − α) Σ P |u − v|².
    fn transport_cost(&self) -> Result<f64> {
        let report = &self.report;
        Ok(report.alpha * report.energy + (1.0 - report.alpha) * report.feature_cost)
    }
}
