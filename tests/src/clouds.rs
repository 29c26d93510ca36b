//! Reproducible clouds and vectors.

use haul::Measure;

/// A small generator (PCG's linear congruence, high bits), because tests need the same numbers in every release.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in [low, high).
    pub fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    pub fn vector(&mut self, length: usize, low: f64, high: f64) -> Vec<f64> {
        (0..length).map(|_| self.within(low, high)).collect()
    }
}

/// n points in the cube [−1, 1]^d, rounded to f32, so that every engine has the same ones.
pub fn points(n: usize, d: usize, seed: u64) -> Vec<f64> {
    Numbers::new(seed)
        .vector(n * d, -1.0, 1.0)
        .into_iter()
        .map(|x| f64::from(x as f32))
        .collect()
}

/// n weights of sum 1, some of them 0 where there are several.
pub fn weights(n: usize, seed: u64) -> Vec<f64> {
    let mut numbers = Numbers::new(seed);
    let raw: Vec<f64> = (0..n)
        .map(|i| {
            if n > 3 && i % 7 == 3 {
                0.0
            } else {
                numbers.within(0.1, 1.0)
            }
        })
        .collect();
    let sum: f64 = raw.iter().sum();
    raw.into_iter().map(|w| w / sum).collect()
}

/// A weighted cloud of unequal weights.
pub fn measure(n: usize, d: usize, seed: u64) -> Measure {
    Measure::new(points(n, d, seed), d, weights(n, seed + 1)).unwrap()
}

/// A Gaussian on a quadrature grid of 240 points over ±8 standard deviations.
pub fn gaussian_grid(mean: f64, deviation: f64) -> Measure {
    const POINTS: usize = 240;
    let at = |i: usize| -8.0 + 16.0 * (i as f64 + 0.5) / POINTS as f64;
    let points = (0..POINTS).map(|i| mean + deviation * at(i)).collect();
    let weights: Vec<f64> = (0..POINTS).map(|i| (-0.5 * at(i) * at(i)).exp()).collect();
    Measure::new(points, 1, weights).unwrap().normalized()
}
