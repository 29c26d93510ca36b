//! Models: families of measures f_θ♯ζ, the images of a fixed noise ζ under maps with parameters θ.
//!
//! A fit needs two things of a model: its measure at given parameters, and the chain rule, from derivatives in the points
//! and weights of that measure to derivatives in the parameters. [`families`] has parametric families.

mod families;

pub use families::{AffineModel, GaussianModel, MixtureModel};

use crate::measure::Numbers;
use crate::{Error, Gradient, Measure, Result};
use std::fmt;

/// A family of measures f_θ♯ζ.
pub trait Model {
    /// The number of parameters: the length of θ.
    fn parameters(&self) -> usize;

    /// The law ζ of the noise.
    fn noise(&self) -> Noise;

    /// The measure at the parameters θ for points of noise, of mass 1. It may have more points than the noise.
    ///
    /// # Errors
    ///
    /// Those of the model.
    fn push(&self, parameters: &[f64], noise: &Measure) -> Result<Measure>;

    /// The derivatives in the parameters, from those in the points and weights of the measure that [`push`](Self::push) returns
    /// for the same arguments.
    ///
    /// # Errors
    ///
    /// Those of the model.
    fn pull(&self, parameters: &[f64], noise: &Measure, gradient: &Gradient) -> Result<Vec<f64>>;
}

impl<M: Model + ?Sized> Model for &M {
    fn parameters(&self) -> usize {
        (**self).parameters()
    }

    fn noise(&self) -> Noise {
        (**self).noise()
    }

    fn push(&self, parameters: &[f64], noise: &Measure) -> Result<Measure> {
        (**self).push(parameters, noise)
    }

    fn pull(&self, parameters: &[f64], noise: &Measure, gradient: &Gradient) -> Result<Vec<f64>> {
        (**self).pull(parameters, noise, gradient)
    }
}

/// A law that points of noise are drawn from.
#[derive(Debug, Clone, PartialEq)]
pub enum Noise {
    /// Normal in so many dimensions, of mean 0 and covariance 1.
    Normal(usize),
    /// Uniform in the cube [0, 1]^d.
    Uniform(usize),
    /// That of a measure, such as a sample or the nodes of a quadrature.
    Measure(Measure),
}

impl Noise {
    /// The dimension of its points.
    pub fn dimension(&self) -> usize {
        match self {
            Self::Normal(d) | Self::Uniform(d) => *d,
            Self::Measure(measure) => measure.dimension(),
        }
    }

    /// n independent points of weight 1/n. The same seed draws the same points.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyCloud`] for n = 0, and [`Error::ZeroDimension`].
    pub fn draw(&self, n: usize, seed: u64) -> Result<Measure> {
        self.drawn(n, &mut Numbers::stream(seed, 0))
    }

    pub(super) fn drawn(&self, n: usize, numbers: &mut Numbers) -> Result<Measure> {
        let d = self.dimension();
        let points: Vec<f64> = match self {
            Self::Normal(_) => (0..n * d).map(|_| numbers.normal()).collect(),
            Self::Uniform(_) => (0..n * d).map(|_| numbers.unit()).collect(),
            Self::Measure(measure) => return sample(measure, n, numbers),
        };
        Measure::uniform(&points, d)
    }

    /// The points of a fit with fixed draws: those of a measure, else n of the law.
    pub(super) fn fixed(&self, n: usize, numbers: &mut Numbers) -> Result<Measure> {
        match self {
            Self::Measure(measure) => Ok(measure.clone().normalized()),
            _ => self.drawn(n, numbers),
        }
    }
}

/// n independent points of a measure, drawn by weight, of weight 1/n.
pub(super) fn sample(measure: &Measure, n: usize, numbers: &mut Numbers) -> Result<Measure> {
    let d = measure.dimension();
    let mut sum = 0.0;
    let sums: Vec<f64> = measure
        .weights()
        .iter()
        .map(|weight| {
            sum += weight;
            sum
        })
        .collect();
    let last = measure.weights().iter().rposition(|weight| *weight > 0.0);
    let mut points: Vec<f64> = Vec::with_capacity(n * d);
    for _ in 0..n {
        let height = numbers.unit() * sum;
        // A point without weight has the sum of the one before it, and is never the first above a height.
        let index = sums.partition_point(|sum| *sum <= height);
        let index = index.min(last.unwrap_or(0));
        points.extend(measure.points().iter().skip(index * d).take(d));
    }
    Measure::uniform(&points, d)
}

/// A model of two closures: a map of points with parameters, and its chain rule. The weights are those of the noise.
///
/// ```
/// use haul_core::{Model, Noise, Pushforward};
/// // The radius of a circle.
/// let circle = Pushforward::new(1, Noise::Uniform(1), 2,
///     |theta: &[f64], noise: &[f64]| {
///         let turn = |z: &f64| (std::f64::consts::TAU * z).sin_cos();
///         noise.iter().map(turn).flat_map(|(s, c)| [theta[0] * c, theta[0] * s]).collect()
///     },
///     |_: &[f64], noise: &[f64], gradient: &[f64]| {
///         let turn = |z: &f64| (std::f64::consts::TAU * z).sin_cos();
///         let rows = gradient.chunks_exact(2).zip(noise.iter().map(turn));
///         vec![rows.map(|(g, (s, c))| g[0] * c + g[1] * s).sum()]
///     });
/// let points = circle.push(&[2.0], &circle.noise().draw(10, 1)?)?;
/// assert!(points.points().chunks(2).all(|x| (x[0].hypot(x[1]) - 2.0).abs() < 1e-12));
/// # Ok::<(), haul_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Pushforward<F, G> {
    parameters: usize,
    noise: Noise,
    dimension: usize,
    push: F,
    pull: G,
}

impl<F, G> Pushforward<F, G>
where
    F: Fn(&[f64], &[f64]) -> Vec<f64>,
    G: Fn(&[f64], &[f64], &[f64]) -> Vec<f64>,
{
    /// `push` takes the parameters and the points of noise to points of the `dimension`, row by row; `pull` takes the
    /// parameters, the noise and the derivatives in those points to the derivatives in the parameters.
    pub fn new(parameters: usize, noise: Noise, dimension: usize, push: F, pull: G) -> Self {
        Self {
            parameters,
            noise,
            dimension,
            push,
            pull,
        }
    }
}

impl<F, G> Model for Pushforward<F, G>
where
    F: Fn(&[f64], &[f64]) -> Vec<f64>,
    G: Fn(&[f64], &[f64], &[f64]) -> Vec<f64>,
{
    fn parameters(&self) -> usize {
        self.parameters
    }

    fn noise(&self) -> Noise {
        self.noise.clone()
    }

    fn push(&self, parameters: &[f64], noise: &Measure) -> Result<Measure> {
        let points = (self.push)(parameters, noise.points());
        Measure::new(points, self.dimension, noise.weights().to_vec())
    }

    fn pull(&self, parameters: &[f64], noise: &Measure, gradient: &Gradient) -> Result<Vec<f64>> {
        Ok((self.pull)(parameters, noise.points(), &gradient.points))
    }
}

impl<F, G> fmt::Debug for Pushforward<F, G> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Pushforward")
            .field("parameters", &self.parameters)
            .field("noise", &self.noise)
            .field("dimension", &self.dimension)
            .finish_non_exhaustive()
    }
}

/// Refuses a vector of another length.
pub(super) fn of_length(what: &'static str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        Ok(())
    } else {
        Err(Error::Length {
            what,
            expected,
            found,
        })
    }
}
