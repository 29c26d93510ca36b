//! The sliced Wasserstein distance [Rabin'11; Bonneel'15]: the mean of exact distances between projections onto lines.
//!
//! ```text
//! SW_p^p(α, β) = ∫ W_p^p(θ♯α, θ♯β) dθ   over the unit sphere
//! ∂ₓᵢ          = ∫ θ Σⱼ P^θᵢⱼ p |s|^{p−1} sign(s) dθ,   s = ⟨θ, xᵢ − yⱼ⟩, P^θ the monotone plan
//! ```

use crate::linalg::sum;
use crate::problem::{equal_masses, same_space};
use crate::{Error, Frame, Measure, Result, Stop};
use std::ops::ControlFlow;
use web_time::Instant;

/// Settings of a sliced Wasserstein distance.
///
/// ```
/// # use haul_core::{Measure, Sliced};
/// # fn main() -> haul_core::Result<()> {
/// let a = Measure::uniform(&[0.0, 0.0, 1.0, 0.0], 2)?;
/// let b = Measure::uniform(&[0.0, 3.0, 1.0, 3.0], 2)?;
/// let sliced = Sliced::default().directions(2000).evaluate(&a, &b)?;
/// // A translation by t costs ⟨θ, t⟩², whose mean is |t|²/d.
/// assert!((sliced.value - 4.5).abs() < 4.0 * sliced.standard_error);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Sliced {
    p: f64,
    directions: usize,
    seed: u64,
}

impl Default for Sliced {
    /// p = 2, along 100 directions of seed 0.
    fn default() -> Self {
        Self {
            p: 2.0,
            directions: 100,
            seed: 0,
        }
    }
}

/// A sliced Wasserstein distance, estimated from random directions.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SlicedValue {
    /// The mean of W_p^p over the directions, in units of cost times mass.
    pub value: f64,
    /// The standard error of this mean as an estimate of that over all directions; infinite for one direction.
    pub standard_error: f64,
    /// The largest W_p^p of a direction, a lower bound of the max-sliced distance.
    pub largest: f64,
    /// The direction it belongs to, d numbers.
    pub direction: Vec<f64>,
    /// The derivative of the value in the points of the source, n×d.
    pub gradient: Vec<f64>,
}

/// The progress of a sliced distance, before each direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlicedProgress {
    /// Directions so far.
    pub direction: usize,
    /// All directions.
    pub directions: usize,
    /// Seconds since the start.
    pub seconds: f64,
}

impl Sliced {
    /// The power p ≥ 1 of the cost.
    pub fn p(mut self, p: impl Into<f64>) -> Self {
        self.p = p.into();
        self
    }

    /// The number of directions, at least 1.
    pub fn directions(mut self, directions: usize) -> Self {
        self.directions = directions;
        self
    }

    /// The seed of the directions. Equal seeds give equal directions, so that a descent sees one function.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Evaluates it on the host, with its gradient: O((n + m) log(n + m)) a direction.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`], [`Error::DimensionMismatch`], [`Error::UnequalMass`] and [`Error::Extent`].
    pub fn evaluate(&self, source: &Measure, target: &Measure) -> Result<SlicedValue> {
        self.evaluate_observed(source, target, |_| ControlFlow::Continue(()))
    }

    /// [`evaluate`](Self::evaluate) that reports its progress, and ends early if the observer breaks: with the mean over the
    /// directions so far, of which there is at least one, or without a result, as [`Stop`] says.
    ///
    /// # Errors
    ///
    /// Those of [`evaluate`](Self::evaluate), and [`Error::Interrupted`].
    pub fn evaluate_observed(
        &self,
        source: &Measure,
        target: &Measure,
        mut observer: impl FnMut(&SlicedProgress) -> ControlFlow<Stop>,
    ) -> Result<SlicedValue> {
        self.check(source, target)?;
        let began = Instant::now();
        let d = source.dimension();
        let mut directions = Directions(self.seed);
        let mut gradient = vec![0.0; source.points().len()];
        let mut values = Vec::with_capacity(self.directions);
        let mut largest = (f64::NEG_INFINITY, Vec::new());
        for count in 0..self.directions {
            let progress = SlicedProgress {
                direction: count,
                directions: self.directions,
                seconds: began.elapsed().as_secs_f64(),
            };
            match observer(&progress) {
                ControlFlow::Break(Stop::Abandon) => return Err(Error::Interrupted),
                ControlFlow::Break(Stop::Certify) if count > 0 => break,
                _ => {}
            }
            let direction = directions.next(d);
            let (value, slopes) = self.along(&direction, source, target);
            for (gradient, slope) in gradient.chunks_exact_mut(d).zip(slopes) {
                for (gradient, x) in gradient.iter_mut().zip(&direction) {
                    *gradient += slope * x;
                }
            }
            if value > largest.0 {
                largest = (value, direction);
            }
            values.push(value);
        }
        let count = values.len() as f64;
        gradient.iter_mut().for_each(|slope| *slope /= count);
        let mean = sum(values.iter().copied()) / count;
        let squares = sum(values.iter().map(|value| (value - mean).powi(2)));
        let (largest, direction) = largest;
        Ok(SlicedValue {
            value: mean,
            standard_error: match values.len() {
                1 => f64::INFINITY,
                _ => (squares / (count - 1.0) / count).sqrt(),
            },
            largest,
            direction,
            gradient,
        })
    }

    /// Checks the settings, and that the measures can be compared.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`], [`Error::DimensionMismatch`], [`Error::UnequalMass`] and [`Error::Extent`].
    pub fn check(&self, source: &Measure, target: &Measure) -> Result<()> {
        same_space(source, target)?;
        equal_masses(source, target)?;
        if !(self.p >= 1.0 && self.p.is_finite()) {
            return Err(Error::BadParameter {
                name: "p",
                value: self.p,
                range: "a finite number, at least 1",
            });
        }
        if self.directions == 0 {
            return Err(Error::BadParameter {
                name: "directions",
                value: 0.0,
                range: "at least 1",
            });
        }
        let extent = Frame::joint(source, target).diameter();
        if extent.powf(self.p).is_finite() {
            Ok(())
        } else {
            Err(Error::Extent { extent, p: self.p })
        }
    }

    /// W_p^p along a direction, and its derivative in each projected point of the source.
    fn along(&self, direction: &[f64], source: &Measure, target: &Measure) -> (f64, Vec<f64>) {
        let [x, y] = [source, target].map(|measure| Projected::of(measure, direction));
        let ratio = source.mass() / target.mass();
        let mut slopes = vec![0.0; source.len()];
        let mut terms = Vec::with_capacity(x.order.len() + y.order.len());
        let mut columns = y.order.iter().map(|&j| (j, ratio * target.weights()[j]));
        let mut column = columns.next();
        for &i in &x.order {
            let mut left = source.weights()[i];
            while left > 0.0
                && let Some((j, there)) = column
            {
                let mass = left.min(there);
                let step = x.places[i] - y.places[j];
                let slope = step.abs().powf(self.p - 1.0);
                terms.push(mass * slope * step.abs());
                if step != 0.0 {
                    slopes[i] += mass * self.p * slope.copysign(step);
                }
                left -= mass;
                column = match there - mass {
                    rest if rest > 0.0 => Some((j, rest)),
                    _ => columns.next(),
                };
            }
        }
        (sum(terms), slopes)
    }
}

/// The points of a measure on a line.
struct Projected {
    places: Vec<f64>,
    /// The indices of the points by their place.
    order: Vec<usize>,
}

impl Projected {
    fn of(measure: &Measure, direction: &[f64]) -> Self {
        let points = measure.points().chunks_exact(direction.len());
        let place = |point: &[f64]| point.iter().zip(direction).map(|(x, t)| x * t).sum();
        let places: Vec<f64> = points.map(place).collect();
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_unstable_by(|&i, &j| places[i].total_cmp(&places[j]));
        Self { places, order }
    }
}

/// Random directions, uniform on the sphere: normal coordinates, by Box and Muller's method from the numbers of SplitMix64.
struct Directions(u64);

impl Directions {
    fn next(&mut self, dimension: usize) -> Vec<f64> {
        loop {
            let direction: Vec<f64> = (0..dimension).map(|_| self.normal()).collect();
            let length = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
            if length > 0.0 {
                return direction.iter().map(|x| x / length).collect();
            }
        }
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Uniform in [0, 1).
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 * 2f64.powi(-53)
    }
}
