//! How far a map moves points.

use serde::Serialize;

/// A length for all points, in the units of their coordinates.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Displacement {
    pub(crate) mean: f64,
    pub(crate) largest: f64,
}

impl Displacement {
    /// That of points whose images are known, both row-major n×d; points may have weights.
    pub(crate) fn between(
        points: &[f64],
        images: &[f64],
        dimension: usize,
        weights: Option<&[f64]>,
    ) -> Self {
        let pairs = points
            .chunks_exact(dimension)
            .zip(images.chunks_exact(dimension));
        let (mut sum, mut mass, mut largest) = (0.0, 0.0, 0.0_f64);
        for (i, (x, image)) in pairs.enumerate() {
            let square: f64 = x.iter().zip(image).map(|(x, y)| (x - y).powi(2)).sum();
            let weight = weights.map_or(1.0, |weights| weights[i]);
            sum += weight * square.sqrt();
            mass += weight;
            if weight > 0.0 {
                largest = largest.max(square.sqrt());
            }
        }
        Self {
            mean: sum / mass,
            largest,
        }
    }
}
