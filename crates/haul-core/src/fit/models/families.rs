//! Parametric families: affine images of a noise, Gaussians, and mixtures of Gaussians.

use super::{Model, Noise, of_length};
use crate::linalg::{Cholesky, sum};
use crate::{Error, Gradient, Measure, Result};

/// Affine images A z + b of a noise z, with θ = (A, b): the d×k matrix row by row, then the shift.
#[derive(Debug, Clone, PartialEq)]
pub struct AffineModel {
    noise: Noise,
    dimension: usize,
}

/// Gaussians N(μ, LLᵀ) as images μ + L z of normal noise, with θ = (μ, L): the mean, then the lower triangle row by row.
///
/// ```
/// use haul_core::GaussianModel;
/// let model = GaussianModel::new(2);
/// let parameters = model.of(&[1.0, -1.0], &[4.0, 2.0, 2.0, 2.0])?;
/// assert_eq!(parameters, [1.0, -1.0, 2.0, 1.0, 1.0]);
/// assert_eq!(model.covariance(&parameters)?, [4.0, 2.0, 2.0, 2.0]);
/// # Ok::<(), haul_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianModel {
    affine: AffineModel,
}

/// Mixtures Σₖ πₖ N(μₖ, LₖLₖᵀ) of K Gaussians, with θ = (t, μ₁, L₁, …, μ_K, L_K) and πₖ in proportion to e^{tₖ}.
///
/// Its measure has n points for each component, the images of all n points of noise, with the weight πₖ/n each. So it is
/// differentiable in the weights of the components as well.
#[derive(Debug, Clone, PartialEq)]
pub struct MixtureModel {
    components: usize,
    gaussian: GaussianModel,
}

impl AffineModel {
    /// Images in a dimension d.
    pub fn new(noise: Noise, dimension: usize) -> Self {
        Self { noise, dimension }
    }

    /// The images of points under a matrix and a shift.
    fn images(&self, matrix: &[f64], shift: &[f64], noise: &Measure) -> Result<Vec<f64>> {
        let k = self.noise.dimension();
        if k == 0 || self.dimension == 0 {
            return Err(Error::ZeroDimension);
        }
        of_length("a point of noise", noise.dimension(), k)?;
        let image = |z: &[f64]| -> Vec<f64> {
            let rows = matrix.chunks_exact(k).zip(shift);
            let coordinate = |(row, shift): (&[f64], &f64)| {
                shift + row.iter().zip(z).map(|(a, z)| a * z).sum::<f64>()
            };
            rows.map(coordinate).collect()
        };
        Ok(noise.points().chunks_exact(k).flat_map(image).collect())
    }

    /// The derivatives in the matrix and in the shift, from those in the images.
    fn slopes(&self, noise: &Measure, points: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (k, d) = (self.noise.dimension(), self.dimension);
        let mut matrix = vec![0.0; d * k];
        let mut shift = vec![0.0; d];
        for (z, slope) in noise.points().chunks_exact(k).zip(points.chunks_exact(d)) {
            let rows = matrix.chunks_exact_mut(k).zip(&mut shift);
            for ((row, shift), slope) in rows.zip(slope) {
                *shift += slope;
                row.iter_mut().zip(z).for_each(|(a, z)| *a += slope * z);
            }
        }
        (matrix, shift)
    }
}

impl Model for AffineModel {
    fn parameters(&self) -> usize {
        self.dimension * (self.noise.dimension() + 1)
    }

    fn noise(&self) -> Noise {
        self.noise.clone()
    }

    fn push(&self, parameters: &[f64], noise: &Measure) -> Result<Measure> {
        let all = self.parameters();
        of_length("the parameters of an affine map", parameters.len(), all)?;
        let (matrix, shift) = parameters.split_at(all - self.dimension);
        let points = self.images(matrix, shift, noise)?;
        Measure::new(points, self.dimension, noise.weights().to_vec())
    }

    fn pull(&self, _: &[f64], noise: &Measure, gradient: &Gradient) -> Result<Vec<f64>> {
        let (mut matrix, shift) = self.slopes(noise, &gradient.points);
        matrix.extend(shift);
        Ok(matrix)
    }
}

impl GaussianModel {
    /// Gaussians in d dimensions.
    pub fn new(dimension: usize) -> Self {
        Self {
            affine: AffineModel::new(Noise::Normal(dimension), dimension),
        }
    }

    /// The same family with other points in place of normal noise, such as the nodes of a quadrature.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for points of another dimension.
    pub fn with_noise(mut self, noise: Noise) -> Result<Self> {
        let d = self.affine.dimension;
        of_length("a point of noise", noise.dimension(), d)?;
        self.affine.noise = noise;
        Ok(self)
    }

    /// The parameters of a Gaussian, from its mean and its covariance, d×d.
    ///
    /// # Errors
    ///
    /// [`Error::Length`], and [`Error::Singular`] for a matrix that is not positive definite.
    pub fn of(&self, mean: &[f64], covariance: &[f64]) -> Result<Vec<f64>> {
        let d = self.affine.dimension;
        of_length("the mean", mean.len(), d)?;
        of_length("the covariance", covariance.len(), d * d)?;
        let rows = covariance.chunks_exact(d.max(1)).map(<[f64]>::to_vec);
        let rows: Vec<_> = rows.collect();
        let factor = Cholesky::of(&rows, 0.0).ok_or(Error::Singular)?;
        let mut parameters = mean.to_vec();
        for (row, length) in factor.rows().iter().zip(1..) {
            parameters.extend(row.iter().take(length));
        }
        Ok(parameters)
    }

    /// The mean μ.
    ///
    /// # Errors
    ///
    /// [`Error::Length`].
    pub fn mean(&self, parameters: &[f64]) -> Result<Vec<f64>> {
        Ok(self.split(parameters)?.0.to_vec())
    }

    /// The covariance LLᵀ, d×d.
    ///
    /// # Errors
    ///
    /// [`Error::Length`].
    pub fn covariance(&self, parameters: &[f64]) -> Result<Vec<f64>> {
        let d = self.affine.dimension;
        let factor = self.factor(self.split(parameters)?.1);
        let rows = || factor.chunks_exact(d.max(1));
        let entry = |(a, b): (&[f64], &[f64])| a.iter().zip(b).map(|(a, b)| a * b).sum();
        Ok(rows()
            .flat_map(|a| rows().map(move |b| (a, b)))
            .map(entry)
            .collect())
    }

    /// The mean, and the entries of the lower triangle.
    fn split<'p>(&self, parameters: &'p [f64]) -> Result<(&'p [f64], &'p [f64])> {
        let all = self.parameters();
        of_length("the parameters of a Gaussian", parameters.len(), all)?;
        Ok(parameters.split_at(self.affine.dimension))
    }

    /// L as a whole matrix.
    fn factor(&self, triangle: &[f64]) -> Vec<f64> {
        let d = self.affine.dimension;
        let mut entries = triangle.iter();
        let mut entry = |row, column| match column <= row {
            true => entries.next().copied().unwrap_or_default(),
            false => 0.0,
        };
        let places = (0..d).flat_map(|row| (0..d).map(move |column| (row, column)));
        places.map(|(row, column)| entry(row, column)).collect()
    }

    fn images(&self, parameters: &[f64], noise: &Measure) -> Result<Vec<f64>> {
        let (mean, triangle) = self.split(parameters)?;
        self.affine.images(&self.factor(triangle), mean, noise)
    }

    fn slopes(&self, noise: &Measure, points: &[f64]) -> Vec<f64> {
        let (matrix, mut slopes) = self.affine.slopes(noise, points);
        let rows = matrix.chunks_exact(self.affine.dimension.max(1));
        for (row, length) in rows.zip(1..) {
            slopes.extend(row.iter().take(length));
        }
        slopes
    }
}

impl Model for GaussianModel {
    fn parameters(&self) -> usize {
        let d = self.affine.dimension;
        d + d * (d + 1) / 2
    }

    fn noise(&self) -> Noise {
        self.affine.noise.clone()
    }

    fn push(&self, parameters: &[f64], noise: &Measure) -> Result<Measure> {
        let points = self.images(parameters, noise)?;
        Measure::new(points, self.affine.dimension, noise.weights().to_vec())
    }

    fn pull(&self, _: &[f64], noise: &Measure, gradient: &Gradient) -> Result<Vec<f64>> {
        Ok(self.slopes(noise, &gradient.points))
    }
}

impl MixtureModel {
    /// Mixtures of K Gaussians in d dimensions.
    pub fn new(components: usize, dimension: usize) -> Self {
        Self {
            components,
            gaussian: GaussianModel::new(dimension),
        }
    }

    /// The same family with other points in place of normal noise, such as the nodes of a quadrature.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for points of another dimension.
    pub fn with_noise(mut self, noise: Noise) -> Result<Self> {
        self.gaussian = self.gaussian.with_noise(noise)?;
        Ok(self)
    }

    /// The parameters of a mixture, from the weight of each component and its parameters as a [`GaussianModel`].
    ///
    /// # Errors
    ///
    /// [`Error::Length`], and [`Error::BadWeight`] for a weight that is not positive.
    pub fn of(&self, weights: &[f64], components: &[Vec<f64>]) -> Result<Vec<f64>> {
        let count = self.components;
        of_length("the weights of the components", weights.len(), count)?;
        of_length("the list of components", components.len(), count)?;
        let positive = |weight: &f64| weight.is_finite() && *weight > 0.0;
        if let Some(index) = weights.iter().position(|weight| !positive(weight)) {
            return Err(Error::BadWeight {
                row: index + 1,
                value: weights[index],
            });
        }
        let mut parameters: Vec<f64> = weights.iter().map(|weight| weight.ln()).collect();
        for component in components {
            self.gaussian.split(component)?;
            parameters.extend(component);
        }
        Ok(parameters)
    }

    /// The weights πₖ of the components, of sum 1.
    ///
    /// # Errors
    ///
    /// [`Error::Length`].
    pub fn weights(&self, parameters: &[f64]) -> Result<Vec<f64>> {
        let (logarithms, _) = self.split(parameters)?;
        let largest = logarithms.iter().copied().fold(f64::MIN, f64::max);
        let shares = logarithms.iter().map(|t| (t - largest).exp());
        let shares: Vec<f64> = shares.collect();
        let all = sum(shares.iter().copied());
        Ok(shares.iter().map(|share| share / all).collect())
    }

    /// The parameters of each component, as a [`GaussianModel`] has them.
    ///
    /// # Errors
    ///
    /// [`Error::Length`].
    pub fn components<'p>(&self, parameters: &'p [f64]) -> Result<Vec<&'p [f64]>> {
        let (_, components) = self.split(parameters)?;
        let length = self.gaussian.parameters().max(1);
        Ok(components.chunks_exact(length).collect())
    }

    /// The family of each component.
    pub fn gaussian(&self) -> &GaussianModel {
        &self.gaussian
    }

    fn split<'p>(&self, parameters: &'p [f64]) -> Result<(&'p [f64], &'p [f64])> {
        let all = self.parameters();
        of_length("the parameters of a mixture", parameters.len(), all)?;
        Ok(parameters.split_at(self.components))
    }
}

impl Model for MixtureModel {
    fn parameters(&self) -> usize {
        self.components * (1 + self.gaussian.parameters())
    }

    fn noise(&self) -> Noise {
        self.gaussian.noise()
    }

    fn push(&self, parameters: &[f64], noise: &Measure) -> Result<Measure> {
        let shares = self.weights(parameters)?;
        let (mut points, mut weights) = (Vec::new(), Vec::new());
        for (share, component) in shares.iter().zip(self.components(parameters)?) {
            points.extend(self.gaussian.images(component, noise)?);
            weights.extend(noise.weights().iter().map(|weight| share * weight));
        }
        Measure::new(points, self.gaussian.affine.dimension, weights)
    }

    fn pull(&self, parameters: &[f64], noise: &Measure, gradient: &Gradient) -> Result<Vec<f64>> {
        let shares = self.weights(parameters)?;
        let n = noise.len();
        // ∂πₖ/∂tₗ = πₖ (δₖₗ − πₗ).
        let mean = |slopes: &[f64]| sum(slopes.iter().zip(noise.weights()).map(|(g, w)| g * w));
        let means: Vec<f64> = gradient.weights.chunks_exact(n).map(mean).collect();
        let centre = sum(means.iter().zip(&shares).map(|(mean, share)| mean * share));
        let excess = means.iter().zip(&shares);
        let mut slopes: Vec<f64> = excess
            .map(|(mean, share)| share * (mean - centre))
            .collect();
        let length = n * self.gaussian.affine.dimension;
        for points in gradient.points.chunks_exact(length.max(1)) {
            slopes.extend(self.gaussian.slopes(noise, points));
        }
        Ok(slopes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Pushforward, of_length};
    use super::*;

    /// Numbers of no pattern.
    fn numbers(count: usize, phase: f64) -> Vec<f64> {
        (0..count).map(|i| (1.7 * i as f64 + phase).sin()).collect()
    }

    /// The derivative of Σᵢ ⟨gᵢ, xᵢ⟩ + Σᵢ hᵢ aᵢ along a direction of θ is the product of that direction with what g and h are
    /// pulled back to.
    fn chain_rule(model: &dyn Model) {
        let count = model.parameters();
        let theta = numbers(count, 0.3);
        let direction = numbers(count, 2.1);
        let noise = model.noise().draw(5, 3).unwrap();
        let at = |h: f64| {
            let moved = theta.iter().zip(&direction).map(|(t, v)| t + h * v);
            model.push(&moved.collect::<Vec<f64>>(), &noise).unwrap()
        };
        let here = at(0.0);
        let gradient = Gradient {
            points: numbers(here.points().len(), 0.7),
            weights: numbers(here.len(), 1.1),
        };
        let of = |measure: &Measure| -> f64 {
            let points = measure.points().iter().zip(&gradient.points);
            let weights = measure.weights().iter().zip(&gradient.weights);
            points.chain(weights).map(|(x, g)| x * g).sum()
        };
        let difference = (of(&at(1e-5)) - of(&at(-1e-5))) / 2e-5;
        let pulled = model.pull(&theta, &noise, &gradient).unwrap();
        of_length("slopes", pulled.len(), count).unwrap();
        let slope: f64 = pulled.iter().zip(&direction).map(|(g, v)| g * v).sum();
        assert!((slope - difference).abs() < 1e-8, "{slope} {difference}");
        assert!(slope.abs() > 1e-3, "{slope}");
    }

    #[test]
    fn what_is_pulled_back_is_the_chain_rule() {
        chain_rule(&AffineModel::new(Noise::Uniform(3), 2));
        chain_rule(&GaussianModel::new(3));
        chain_rule(&MixtureModel::new(3, 2));
        let square = |theta: &[f64], z: &[f64]| z.iter().map(|z| theta[0] * theta[0] * z).collect();
        let chain = |theta: &[f64], z: &[f64], g: &[f64]| {
            let terms = z.iter().zip(g).map(|(z, g)| 2.0 * theta[0] * z * g);
            vec![terms.sum()]
        };
        chain_rule(&Pushforward::new(1, Noise::Normal(1), 1, square, chain));
    }

    #[test]
    fn parameters_of_gaussians_and_mixtures_are_read_back() {
        let model = MixtureModel::new(2, 2);
        let covariance = [2.0, 0.6, 0.6, 0.5];
        let one = model.gaussian().of(&[1.0, -2.0], &covariance).unwrap();
        let other = model.gaussian().of(&[0.0, 3.0], &[1.0, 0.0, 0.0, 1.0]);
        let theta = model.of(&[3.0, 1.0], &[one, other.unwrap()]).unwrap();
        assert_eq!(theta.len(), model.parameters());
        let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-14);
        assert!(near(&model.weights(&theta).unwrap(), &[0.75, 0.25]));
        let components = model.components(&theta).unwrap();
        assert_eq!(model.gaussian().mean(components[0]).unwrap(), [1.0, -2.0]);
        let back = model.gaussian().covariance(components[0]).unwrap();
        assert!(near(&back, &covariance));
    }

    #[test]
    fn shapes_and_matrices_that_do_not_fit_are_refused() {
        let model = GaussianModel::new(2);
        let flat = model.of(&[0.0, 0.0], &[1.0, 1.0, 1.0, 1.0]);
        assert!(matches!(flat, Err(Error::Singular)), "{flat:?}");
        assert!(matches!(
            model.of(&[0.0], &[1.0]),
            Err(Error::Length { .. })
        ));
        let line = Noise::Normal(1).draw(3, 1).unwrap();
        let pushed = model.push(&[0.0; 5], &line);
        assert!(matches!(pushed, Err(Error::Length { .. })), "{pushed:?}");
        let mixture = MixtureModel::new(1, 1);
        let weightless = mixture.of(&[0.0], &[vec![0.0, 1.0]]);
        assert!(matches!(weightless, Err(Error::BadWeight { row: 1, .. })));
        for empty in [GaussianModel::new(0), GaussianModel::new(1)] {
            assert!(empty.noise().draw(0, 1).is_err());
        }
    }

    /// Each point is drawn as often as its weight says, within five standard errors, and a point of weight 0 never.
    #[test]
    fn samples_follow_the_weights() {
        let law = Measure::new(vec![0.0, 1.0, 2.0, 3.0], 1, vec![0.0, 1.0, 3.0, 0.0]).unwrap();
        let sample = Noise::Measure(law).draw(4000, 5).unwrap();
        let count = |x: f64| sample.points().iter().filter(|y| **y == x).count() as f64;
        assert_eq!((count(0.0), count(3.0)), (0.0, 0.0));
        let error = (4000f64 * 0.25 * 0.75).sqrt();
        let off = (count(1.0) - 1000.0).abs();
        assert!(off < 5.0 * error, "{off}");
        assert!((count(2.0) - 1000.0).abs() > 5.0 * error);
    }
}
