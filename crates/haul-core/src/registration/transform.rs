//! Affine maps of points: applied, composed, inverted.

use crate::linalg::{Svd, determinant, identity, sum, times};
use crate::{Error, Result};

/// An affine map x ↦ A x + t of ℝᵈ, as a matrix in homogeneous coordinates: (d+1)×(d+1), row-major, [A t; 0 1].
///
/// ```
/// use haul_core::Transform;
/// let quarter = Transform::new(vec![0.0, -1.0, 5.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0], 2)?;
/// assert_eq!(quarter.apply(&[1.0, 2.0])?, [3.0, 1.0]);
/// let back = quarter.then(&quarter.inverse()?)?;
/// assert_eq!(back, Transform::identity(2));
/// # Ok::<(), haul_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Transform {
    dimension: usize,
    matrix: Vec<f64>,
}

/// Below this fraction of the largest singular value of A, a direction is lost.
const SINGULAR: f64 = 1e-14;

impl Transform {
    /// From a matrix of (d+1)×(d+1) entries, row-major, for points of this dimension.
    ///
    /// # Errors
    ///
    /// [`Error::ZeroDimension`]; [`Error::Length`] for a wrong number of entries; [`Error::BadMatrix`] for an entry
    /// that is not finite, and for a last row other than 0 … 0 1.
    pub fn new(matrix: Vec<f64>, dimension: usize) -> Result<Self> {
        let width = dimension + 1;
        if dimension == 0 {
            return Err(Error::ZeroDimension);
        }
        if Some(matrix.len()) != width.checked_mul(width) {
            return Err(Error::Length {
                what: "the matrix of a transform",
                expected: width.saturating_mul(width),
                found: matrix.len(),
            });
        }
        for (at, &value) in matrix.iter().enumerate() {
            let (row, column) = (at / width, at % width);
            let wanted = match (row == dimension, column == dimension) {
                (true, true) if value != 1.0 => "1, the last of the last row",
                (true, false) if value != 0.0 => "0, as the last row has it before its 1",
                _ if !value.is_finite() => "finite",
                _ => continue,
            };
            let (row, column) = (row + 1, column + 1);
            return Err(Error::BadMatrix {
                row,
                column,
                value,
                wanted,
            });
        }
        Ok(Self { dimension, matrix })
    }

    /// From A, d×d and row-major, and t, of d values.
    pub(crate) fn from_parts(linear: &[f64], shift: &[f64]) -> Self {
        let d = shift.len();
        let mut matrix = Vec::with_capacity((d + 1) * (d + 1));
        for (k, shift) in shift.iter().enumerate() {
            matrix.extend_from_slice(&linear[k * d..(k + 1) * d]);
            matrix.push(*shift);
        }
        matrix.extend(std::iter::repeat_n(0.0, d));
        matrix.push(1.0);
        Self {
            dimension: d,
            matrix,
        }
    }

    /// The identity map.
    pub fn identity(dimension: usize) -> Self {
        Self {
            dimension,
            matrix: identity(dimension + 1),
        }
    }

    /// x ↦ x + t.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn translation(shift: &[f64]) -> Result<Self> {
        let d = shift.len();
        Self::new(Self::from_parts(&identity(d), shift).matrix, d)
    }

    /// x ↦ s x.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn scaling(factor: f64, dimension: usize) -> Result<Self> {
        let linear: Vec<f64> = identity(dimension)
            .into_iter()
            .map(|x| if x == 0.0 { 0.0 } else { factor })
            .collect();
        Self::new(
            Self::from_parts(&linear, &vec![0.0; dimension]).matrix,
            dimension,
        )
    }

    /// The rotation of two axes, counted from 0, by an angle in radians: the first turns towards the second. In the plane
    /// `from` = 0, `to` = 1 is counterclockwise; in space (0, 1) is about z, (1, 2) about x and (2, 0) about y.
    ///
    /// # Errors
    ///
    /// [`Error::Range`] for axes that are equal or out of range; those of [`new`](Self::new).
    pub fn rotation(dimension: usize, (from, to): (usize, usize), angle: f64) -> Result<Self> {
        if from == to || from.max(to) >= dimension {
            return Err(Error::Range {
                what: "the axes of a rotation",
                start: from,
                end: to,
            });
        }
        let (sine, cosine) = angle.sin_cos();
        let mut linear = identity(dimension);
        linear[from * dimension + from] = cosine;
        linear[to * dimension + to] = cosine;
        linear[to * dimension + from] = sine;
        linear[from * dimension + to] = -sine;
        Self::new(
            Self::from_parts(&linear, &vec![0.0; dimension]).matrix,
            dimension,
        )
    }

    /// The dimension d of the points.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The matrix, (d+1)×(d+1), row-major.
    pub fn matrix(&self) -> &[f64] {
        &self.matrix
    }

    /// A, d×d, row-major.
    pub fn linear(&self) -> Vec<f64> {
        let d = self.dimension;
        let rows = self.matrix.chunks_exact(d + 1).take(d);
        rows.flat_map(|row| row[..d].iter().copied()).collect()
    }

    /// t.
    pub fn shift(&self) -> Vec<f64> {
        let d = self.dimension;
        let rows = self.matrix.chunks_exact(d + 1).take(d);
        rows.map(|row| row[d]).collect()
    }

    /// |det A|^{1/d}: the mean factor of lengths; the factor s of a similarity, 1 for a rigid motion.
    pub fn scale(&self) -> f64 {
        let values = Svd::of(&self.linear(), self.dimension).values;
        let d = values.len().max(1) as f64;
        // The geometric mean by logarithms: a product of many values would leave the range of f64.
        (sum(values.iter().map(|value| value.ln())) / d).exp()
    }

    /// Whether A changes the orientation: det A < 0.
    pub fn is_reflection(&self) -> bool {
        determinant(&self.linear(), self.dimension) < 0.0
    }

    /// The angle of the rotation nearest to A, in radians. In the plane it is from −π to π, counterclockwise above 0;
    /// in space from 0 to π, about some axis. `None` in other dimensions, and for a reflection.
    pub fn angle(&self) -> Option<f64> {
        let d = self.dimension;
        let svd = Svd::of(&self.linear(), d);
        let r = svd.combined((0..d).map(|_| 1.0));
        if determinant(&r, d) < 0.0 {
            return None;
        }
        match d {
            2 => Some(r[2].atan2(r[0])),
            3 => {
                let sine = (r[7] - r[5]).hypot(r[2] - r[6]).hypot(r[3] - r[1]);
                Some(sine.atan2(r[0] + r[4] + r[8] - 1.0))
            }
            _ => None,
        }
    }

    /// First this map, then the next: x ↦ B (A x + t) + u.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`], and [`Error::BadMatrix`] for entries that overflow f64.
    pub fn then(&self, next: &Self) -> Result<Self> {
        if self.dimension != next.dimension {
            return Err(Error::DimensionMismatch {
                source_dimension: self.dimension,
                target_dimension: next.dimension,
            });
        }
        let d = self.dimension;
        Self::new(times(&next.matrix, &self.matrix, d + 1), d)
    }

    /// The inverse map.
    ///
    /// # Errors
    ///
    /// [`Error::Singular`] if A is singular.
    pub fn inverse(&self) -> Result<Self> {
        let d = self.dimension;
        let back = transposed(&self.normal_matrix()?, d);
        let shift: Vec<f64> = image(&back, &self.shift()).map(|x| -x).collect();
        Self::new(Self::from_parts(&back, &shift).matrix, d)
    }

    /// A⁻ᵀ, d×d and row-major, the matrix that maps normals.
    ///
    /// # Errors
    ///
    /// [`Error::Singular`] if A is singular.
    pub fn normal_matrix(&self) -> Result<Vec<f64>> {
        let d = self.dimension;
        let svd = Svd::of(&self.linear(), d);
        if svd.rank(SINGULAR) < d {
            return Err(Error::Singular);
        }
        Ok(svd.combined(svd.values.iter().map(|value| 1.0 / value)))
    }

    /// The images of points, n×d, row-major.
    ///
    /// # Errors
    ///
    /// [`Error::RaggedPoints`].
    pub fn apply(&self, points: &[f64]) -> Result<Vec<f64>> {
        self.check(points)?;
        Ok(self.images(points))
    }

    /// The images of points whose dimension is known to match.
    pub(crate) fn images(&self, points: &[f64]) -> Vec<f64> {
        let (linear, shift) = (self.linear(), self.shift());
        let mut images = Vec::with_capacity(points.len());
        for point in points.chunks_exact(self.dimension) {
            images.extend(image(&linear, point).zip(&shift).map(|(x, t)| x + t));
        }
        images
    }

    /// The images of normals, n×d, row-major: A⁻ᵀ ν, scaled to the length of ν.
    ///
    /// # Errors
    ///
    /// [`Error::RaggedPoints`], and [`Error::Singular`] if A is singular.
    pub fn apply_to_normals(&self, normals: &[f64]) -> Result<Vec<f64>> {
        self.check(normals)?;
        let linear = self.normal_matrix()?;
        let length = |vector: &[f64]| vector.iter().fold(0.0, |length: f64, x| length.hypot(*x));
        let mut images = Vec::with_capacity(normals.len());
        for normal in normals.chunks_exact(self.dimension) {
            let turned: Vec<f64> = image(&linear, normal).collect();
            let (before, after) = (length(normal), length(&turned));
            // A normal of length 0 stays 0.
            let factor = if after > 0.0 { before / after } else { 1.0 };
            images.extend(turned.into_iter().map(|x| factor * x));
        }
        Ok(images)
    }

    fn check(&self, points: &[f64]) -> Result<()> {
        if points.len().is_multiple_of(self.dimension) {
            return Ok(());
        }
        Err(Error::RaggedPoints {
            coordinates: points.len(),
            dimension: self.dimension,
        })
    }
}

/// A x, for A of as many columns as x has values.
fn image<'m>(matrix: &'m [f64], point: &'m [f64]) -> impl Iterator<Item = f64> + 'm {
    let row = move |row: &[f64]| row.iter().zip(point).map(|(a, x)| a * x).sum();
    matrix.chunks_exact(point.len()).map(row)
}

fn transposed(matrix: &[f64], d: usize) -> Vec<f64> {
    (0..d * d).map(|at| matrix[at % d * d + at / d]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A map that shears, stretches and shifts.
    fn some(d: usize) -> Transform {
        let mut matrix = identity(d + 1);
        for i in 0..d {
            for j in 0..=d {
                matrix[i * (d + 1) + j] += ((i * 5 + j * 3) % 7) as f64 / 7.0 - 0.4;
            }
        }
        Transform::new(matrix, d).unwrap()
    }

    #[test]
    fn maps_compose_and_are_undone() {
        for d in 1..6 {
            let shift = Transform::translation(&vec![3.0; d]).unwrap();
            let (a, b) = (
                some(d),
                Transform::scaling(-2.0, d).unwrap().then(&shift).unwrap(),
            );
            let points: Vec<f64> = (0..4 * d).map(|i| (i * i % 13) as f64 - 5.0).collect();
            let one = a.then(&b).unwrap().apply(&points).unwrap();
            let two = b.apply(&a.apply(&points).unwrap()).unwrap();
            let back = a
                .then(&a.inverse().unwrap())
                .unwrap()
                .apply(&points)
                .unwrap();
            // Entries of about 10, and condition numbers of about 100.
            for ((one, two), (back, point)) in one.iter().zip(&two).zip(back.iter().zip(&points)) {
                assert!((one - two).abs() < 1e-13, "{one} {two}");
                assert!((back - point).abs() < 1e-12, "{back} {point}");
            }
            let other = b.then(&a).unwrap().apply(&points).unwrap();
            assert!(other.iter().zip(&two).any(|(x, y)| (x - y).abs() > 0.1));
        }
    }

    #[test]
    fn normals_stay_normal_and_as_long() {
        let map = some(3);
        let (tangents, normal) = ([1.0, 0.0, 2.0, 0.0, 1.0, -1.0], [-2.0, 1.0, 1.0]);
        let moved = map.apply_to_normals(&normal).unwrap();
        let shift = map.shift();
        for tangent in tangents.chunks(3) {
            let image = map.apply(tangent).unwrap();
            let inner = |normal: &[f64]| -> f64 {
                let along = image.iter().zip(&shift).map(|(x, t)| x - t);
                along.zip(normal).map(|(x, n)| x * n).sum()
            };
            assert!(inner(&moved).abs() < 1e-13, "{}", inner(&moved));
            // A control: the original normal is not normal to the image.
            assert!(inner(&normal).abs() > 0.1);
        }
        let length: f64 = moved.iter().map(|x| x * x).sum();
        assert!((length - 6.0).abs() < 1e-14 * 6.0 * 4.0);
        assert_eq!(map.apply_to_normals(&[0.0; 3]).unwrap(), [0.0; 3]);
    }

    #[test]
    fn an_axis_turns_towards_another() {
        let quarter = std::f64::consts::FRAC_PI_2;
        for (axes, from, to) in [
            ((0, 1), [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]),
            ((1, 2), [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]),
            ((2, 0), [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]),
        ] {
            let turned = Transform::rotation(3, axes, quarter).unwrap();
            let image = turned.apply(&from).unwrap();
            assert!(
                image.iter().zip(to).all(|(x, y)| (x - y).abs() < 1e-15),
                "{image:?}"
            );
            assert!(!turned.is_reflection() && (turned.scale() - 1.0).abs() < 1e-15);
            let scaled = turned.then(&Transform::scaling(3.0, 3).unwrap()).unwrap();
            assert!((scaled.angle().unwrap() - quarter).abs() < 1e-15);
        }
        for angle in [-3.0, -0.5, 0.0, 1e-9, 2.5] {
            let turned = Transform::rotation(2, (0, 1), angle).unwrap();
            assert!((turned.angle().unwrap() - angle).abs() < 1e-15);
            let turned = Transform::rotation(3, (0, 2), angle).unwrap();
            assert!((turned.angle().unwrap() - angle.abs()).abs() < 1e-15);
        }
        assert_eq!(Transform::scaling(-1.0, 3).unwrap().angle(), None);
        assert_eq!(Transform::identity(4).angle(), None);
        assert!(Transform::scaling(-3.0, 3).unwrap().is_reflection());
        assert!((Transform::scaling(-3.0, 3).unwrap().scale() - 3.0).abs() < 1e-14);
        for axes in [(1, 1), (0, 3)] {
            assert!(matches!(
                Transform::rotation(3, axes, 1.0),
                Err(Error::Range { .. })
            ));
        }
    }

    #[test]
    fn what_is_no_affine_map_is_refused() {
        let mut last = identity(3);
        last[6] = 0.5;
        let mut corner = identity(3);
        corner[8] = 2.0;
        let mut infinite = identity(3);
        infinite[2] = f64::INFINITY;
        for (matrix, row, column) in [(last, 3, 1), (corner, 3, 3), (infinite, 1, 3)] {
            match Transform::new(matrix, 2) {
                Err(Error::BadMatrix {
                    row: r, column: c, ..
                }) => assert_eq!((r, c), (row, column)),
                other => panic!("{other:?}"),
            }
        }
        assert!(matches!(
            Transform::new(vec![1.0], 0),
            Err(Error::ZeroDimension)
        ));
        assert!(matches!(
            Transform::new(vec![1.0; 4], 2),
            Err(Error::Length { expected: 9, .. })
        ));
        let flat = Transform::scaling(0.0, 2).unwrap();
        assert!(matches!(flat.inverse(), Err(Error::Singular)));
        assert!(matches!(
            flat.apply_to_normals(&[1.0, 0.0]),
            Err(Error::Singular)
        ));
        assert_eq!(flat.apply(&[3.0, 4.0]).unwrap(), [0.0, 0.0]);
        assert!(matches!(
            flat.apply(&[3.0]),
            Err(Error::RaggedPoints { .. })
        ));
        assert!(flat.then(&Transform::identity(3)).is_err());
    }
}
