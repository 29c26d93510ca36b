//! Dense layers on burn, as a model that haul fits: haul has the loss, its derivatives in the images and the optimizer, and burn the
//! chain rule through the layers.

use burn::tensor::{Device, Tensor, TensorData, activation};
use haul::{Error, Gradient, Measure, Model, Noise, Result};

/// Layers of so many units, the input first and the output last: tanh between them, and a sigmoid at the end, since the values of a
/// pixel are between 0 and 1. The input is uniform in a cube.
pub(crate) struct Network {
    widths: Vec<usize>,
    device: Device,
}

/// Weights, inputs × outputs, and shifts, 1 × outputs.
type Layer = [Tensor<2>; 2];

/// The first weights have so many times the deviation of others, so that units bend at places all over the cube.
const FIRST: f64 = 3.0;

impl Network {
    /// On the CPU.
    pub(crate) fn new(widths: Vec<usize>) -> Self {
        let device = Device::flex();
        Self { widths, device }
    }

    /// Random parameters: the weights of a layer of k inputs have the variance 1/k.
    pub(crate) fn start(&self, seed: u64) -> Result<Vec<f64>> {
        let numbers = Noise::Normal(1).draw(self.parameters(), seed)?;
        let mut numbers = numbers.points().iter();
        let mut parameters = Vec::new();
        for (index, layer) in self.widths.windows(2).enumerate() {
            let first = if index == 0 { FIRST } else { 1.0 };
            let scale = first / (layer[0] as f64).sqrt();
            let weights = numbers.by_ref().take(layer[0] * layer[1]);
            parameters.extend(weights.map(|x| scale * x));
            let shift = if index == 0 { FIRST } else { 0.0 };
            parameters.extend(numbers.by_ref().take(layer[1]).map(|x| shift * x));
        }
        Ok(parameters)
    }

    /// The layers with these parameters on a device.
    fn layers(&self, parameters: &[f64], device: &Device) -> Vec<Layer> {
        let mut rest = parameters.iter();
        let mut next = |shape: [usize; 2]| {
            let numbers = rest.by_ref().take(shape[0] * shape[1]).map(|x| *x as f32);
            Tensor::from_data(TensorData::new(numbers.collect::<Vec<_>>(), shape), device)
        };
        let pairs = self.widths.windows(2);
        pairs
            .map(|layer| [next([layer[0], layer[1]]), next([1, layer[1]])])
            .collect()
    }

    /// What the layers return for points of noise, a row for each.
    fn forward(layers: &[Layer], noise: &Measure, device: &Device) -> Tensor<2> {
        let shape = [noise.len(), noise.dimension()];
        // From [0, 1] to [−1, 1].
        let numbers = noise.points().iter().map(|z| (2.0 * z - 1.0) as f32);
        let data = TensorData::new(numbers.collect::<Vec<_>>(), shape);
        let mut x = Tensor::from_data(data, device);
        for (index, [weights, shifts]) in layers.iter().enumerate() {
            x = x.matmul(weights.clone()) + shifts.clone();
            x = if index + 1 == layers.len() {
                activation::sigmoid(x)
            } else {
                activation::tanh(x)
            };
        }
        x
    }

    fn outputs(&self) -> usize {
        self.widths.last().copied().unwrap_or(0)
    }
}

impl Model for Network {
    fn parameters(&self) -> usize {
        let layer = |layer: &[usize]| layer[1] * (layer[0] + 1);
        self.widths.windows(2).map(layer).sum()
    }

    fn noise(&self) -> Noise {
        Noise::Uniform(self.widths.first().copied().unwrap_or(0))
    }

    fn push(&self, parameters: &[f64], noise: &Measure) -> Result<Measure> {
        let layers = self.layers(parameters, &self.device);
        let images = numbers(Self::forward(&layers, noise, &self.device))?;
        Measure::new(images, self.outputs(), noise.weights().to_vec())
    }

    fn pull(&self, parameters: &[f64], noise: &Measure, gradient: &Gradient) -> Result<Vec<f64>> {
        let device = self.device.clone().autodiff();
        let tracked = |layer: Layer| layer.map(Tensor::require_grad);
        let layers = self.layers(parameters, &device);
        let layers: Vec<Layer> = layers.into_iter().map(tracked).collect();
        let images = Self::forward(&layers, noise, &device);
        let slopes = gradient.points.iter().map(|g| *g as f32);
        let slopes = TensorData::new(slopes.collect::<Vec<_>>(), images.dims());
        // Σ gᵢ xᵢ has the derivative g in x, so that its derivatives in the parameters are those of the loss.
        let slopes = Tensor::from_data(slopes, &device);
        let all = (images * slopes).sum().backward();
        let mut pulled = Vec::with_capacity(parameters.len());
        for tensor in layers.iter().flatten() {
            let found = tensor.grad(&all);
            let found = found.ok_or_else(|| failure("a layer without a derivative"))?;
            pulled.extend(numbers(found)?);
        }
        Ok(pulled)
    }
}

/// The numbers of a tensor.
fn numbers(tensor: Tensor<2>) -> Result<Vec<f64>> {
    let numbers: Vec<f32> = tensor.try_into_vec_as().map_err(failure)?;
    Ok(numbers.into_iter().map(f64::from).collect())
}

/// An error of burn as one of haul.
fn failure(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Device {
        device: "burn".into(),
        source: source.into(),
    }
}
