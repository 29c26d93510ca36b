//! Small symmetric positive systems.

/// The factor L of a matrix G + r = LLᵀ, row by row.
pub(crate) struct Cholesky(Vec<Vec<f64>>);

impl Cholesky {
    /// The factor of a matrix with a ridge r added to its diagonal; `None` if it is not positive.
    pub(crate) fn of(matrix: &[Vec<f64>], ridge: f64) -> Option<Self> {
        let k = matrix.len();
        let mut factor = vec![vec![0.0; k]; k];
        for i in 0..k {
            for j in 0..=i {
                let known: f64 = (0..j).map(|l| factor[i][l] * factor[j][l]).sum();
                let entry = matrix[i][j] + if i == j { ridge } else { 0.0 } - known;
                factor[i][j] = if i == j {
                    entry.sqrt()
                } else {
                    entry / factor[j][j]
                };
            }
            if !(factor[i][i].is_finite() && factor[i][i] > 0.0) {
                return None;
            }
        }
        Some(Self(factor))
    }

    /// The rows of L, each as long as the matrix.
    pub(crate) fn rows(&self) -> &[Vec<f64>] {
        &self.0
    }

    /// The solution of (G + r) z = `right`.
    pub(crate) fn solve(&self, right: Vec<f64>) -> Vec<f64> {
        let (Self(factor), mut z) = (self, right);
        let k = z.len();
        for i in 0..k {
            let known: f64 = (0..i).map(|l| factor[i][l] * z[l]).sum();
            z[i] = (z[i] - known) / factor[i][i];
        }
        for i in (0..k).rev() {
            let known: f64 = (i + 1..k).map(|l| factor[l][i] * z[l]).sum();
            z[i] = (z[i] - known) / factor[i][i];
        }
        z
    }
}
