//! A multilayer perceptron with its derivatives, for the examples.

use haul::{Gradient, Measure, Model, Noise};

/// Layers of so many units, with tanh between them: the input first, the output last.
pub(crate) struct Network {
    widths: Vec<usize>,
    noise: Noise,
}

impl Network {
    pub(crate) fn new(widths: &[usize], noise: Noise) -> Self {
        Self {
            widths: widths.to_vec(),
            noise,
        }
    }

    /// Random parameters: the weights of a layer of k inputs have the variance 1/k, and its shifts are 0.
    pub(crate) fn start(&self, seed: u64) -> haul::Result<Vec<f64>> {
        let numbers = Noise::Normal(1).draw(self.parameters(), seed)?;
        let mut numbers = numbers.points().iter();
        let mut parameters = Vec::new();
        for layer in self.widths.windows(2) {
            let scale = 1.0 / (layer[0] as f64).sqrt();
            let weights = numbers.by_ref().take(layer[0] * layer[1]);
            parameters.extend(weights.map(|x| scale * x));
            parameters.extend(vec![0.0; layer[1]]);
        }
        Ok(parameters)
    }

    /// What all layers return for the rows of `inputs`, which are the first.
    pub(crate) fn forward(&self, parameters: &[f64], inputs: &[f64]) -> Vec<Vec<f64>> {
        let mut all = vec![inputs.to_vec()];
        let mut rest = parameters;
        for (index, layer) in self.widths.windows(2).enumerate() {
            let (weights, after) = rest.split_at(layer[0] * layer[1]);
            let (shifts, after) = after.split_at(layer[1]);
            rest = after;
            let last = index + 2 == self.widths.len();
            let unit = |x: &[f64], (row, shift): (&[f64], &f64)| {
                let sum = shift + row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
                if last { sum } else { sum.tanh() }
            };
            let rows = all[index].chunks_exact(layer[0]).flat_map(|x| {
                let units = weights.chunks_exact(layer[0]).zip(shifts);
                units.map(move |row| unit(x, row))
            });
            let rows = rows.collect();
            all.push(rows);
        }
        all
    }

    /// The derivatives in the parameters and in the inputs, from those in the outputs.
    pub(crate) fn backward(
        &self,
        parameters: &[f64],
        layers: &[Vec<f64>],
        slopes: &[f64],
    ) -> (Vec<f64>, Vec<f64>) {
        let mut gradient = vec![0.0; parameters.len()];
        let mut end = parameters.len();
        let mut slopes = slopes.to_vec();
        for (index, layer) in self.widths.windows(2).enumerate().rev() {
            let [inputs, outputs] = [layer[0], layer[1]];
            let begin = end - outputs * (inputs + 1);
            let weights = &parameters[begin..end - outputs];
            let (of_weights, of_shifts) = gradient[begin..end].split_at_mut(inputs * outputs);
            let mut below = vec![0.0; layers[index].len()];
            let rows = layers[index]
                .chunks_exact(inputs)
                .zip(below.chunks_exact_mut(inputs));
            for ((x, below), slopes) in rows.zip(slopes.chunks_exact(outputs)) {
                for (unit, slope) in slopes.iter().enumerate() {
                    let at = unit * inputs..(unit + 1) * inputs;
                    of_shifts[unit] += slope;
                    let sums = of_weights[at.clone()].iter_mut().zip(x);
                    sums.for_each(|(sum, x)| *sum += slope * x);
                    let sums = below.iter_mut().zip(&weights[at]);
                    sums.for_each(|(sum, w)| *sum += slope * w);
                }
            }
            if index > 0 {
                // The derivative of tanh is 1 − tanh².
                let units = below.iter_mut().zip(&layers[index]);
                units.for_each(|(slope, x)| *slope *= 1.0 - x * x);
            }
            (slopes, end) = (below, begin);
        }
        (gradient, slopes)
    }

    fn outputs(&self) -> usize {
        self.widths[self.widths.len() - 1]
    }
}

impl Model for Network {
    fn parameters(&self) -> usize {
        let layer = |layer: &[usize]| layer[1] * (layer[0] + 1);
        self.widths.windows(2).map(layer).sum()
    }

    fn noise(&self) -> Noise {
        self.noise.clone()
    }

    fn push(&self, parameters: &[f64], noise: &Measure) -> haul::Result<Measure> {
        let points = self.forward(parameters, noise.points()).pop();
        let weights = noise.weights().to_vec();
        Measure::new(points.unwrap_or_default(), self.outputs(), weights)
    }

    fn pull(
        &self,
        parameters: &[f64],
        noise: &Measure,
        gradient: &Gradient,
    ) -> haul::Result<Vec<f64>> {
        let layers = self.forward(parameters, noise.points());
        Ok(self.backward(parameters, &layers, &gradient.points).0)
    }
}
