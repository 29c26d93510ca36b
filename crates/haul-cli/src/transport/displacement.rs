//! How far a map moves points.

use serde::Serialize;

/// A summary of the lengths of all points, in the units of their coordinates.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Displacement {
    pub(crate) mean: f64,
    pub(crate) largest: f64,
    /// The mean square of the lengths, and the length of the mean: how far the centre goes.
    #[serde(skip)]
    pub(crate) square: f64,
    #[serde(skip)]
    pub(crate) centre: f64,
}

/// The distance of each point to its image, both row-major n×d.
pub(crate) fn lengths(points: &[f64], images: &[f64], dimension: usize) -> Vec<f64> {
    let pairs = points
        .chunks_exact(dimension)
        .zip(images.chunks_exact(dimension));
    let length = |(x, image): (&[f64], &[f64])| -> f64 {
        let squares = x.iter().zip(image).map(|(x, y)| (x - y).powi(2));
        squares.sum::<f64>().sqrt()
    };
    pairs.map(length).collect()
}

impl Displacement {
    /// The displacement of points with known images, both row-major n×d; points may have weights.
    pub(crate) fn between(
        points: &[f64],
        images: &[f64],
        dimension: usize,
        weights: Option<&[f64]>,
    ) -> Self {
        let (mut sum, mut square, mut mass, mut largest) = (0.0, 0.0, 0.0, 0.0_f64);
        let mut centre = vec![0.0; dimension];
        for (i, length) in lengths(points, images, dimension).into_iter().enumerate() {
            let weight = weights.map_or(1.0, |weights| weights[i]);
            sum += weight * length;
            square += weight * length * length;
            for (k, centre) in centre.iter_mut().enumerate() {
                *centre += weight * (images[i * dimension + k] - points[i * dimension + k]);
            }
            mass += weight;
            if weight > 0.0 {
                largest = largest.max(length);
            }
        }
        Self {
            mean: sum / mass,
            largest,
            square: square / mass,
            centre: centre.iter().fold(0.0_f64, |far, x| far.hypot(*x)) / mass,
        }
    }
}
