//! Points as unknowns: barycenters on free supports, clouds reduced to k points, flows of particles, and models whose parameters
//! move all of their points.
//!
//! The first two minimise a transport cost in the points for p = 2, where the best place of a point is a mean: the image of the
//! barycentric map. [`free`] has the settings and the loop of free supports, [`turn`] one turn of it: the images and potentials
//! at given points. [`average`] is the result with its certificate, and [`bound`] a lower bound for all measures.
//! [`quantization`] has the settings and the results of a reduction to k points, [`lloyd`] and [`soft`] its loops.
//! [`displacement`] is what lies between two measures.
//!
//! The others descend a [`loss`] along its slope, as an [`optimizer`] says: [`particles`] moves the points themselves, by
//! [`implicit`] steps as well, and [`estimator`] the parameters of [`models`]. Its [`steps`] draw noise and batches by the [`Numbers`](crate::measure::Numbers) of a seed.

mod average;
mod bound;
mod displacement;
mod estimator;
mod free;
mod implicit;
mod lloyd;
mod loss;
mod models;
mod optimizer;
mod particles;
mod quantization;
mod soft;
mod steps;
mod turn;

pub use average::{FreeAverage, FreeReport};
pub use displacement::displacement;
pub use estimator::{Draws, Fit, FitEnd, FitReport, FitState, FittedModel, LossEstimate};
pub use free::{FitProgress, FreeBarycenter, SupportWeights};
pub use implicit::ImplicitStep;
pub use loss::FitLoss;
pub use models::{AffineModel, GaussianModel, MixtureModel, Model, Noise, Pushforward};
pub use optimizer::{Optimizer, OptimizerState};
pub use particles::{ParticleFlow, ParticleState};
pub use quantization::{Quantization, QuantizationKind, QuantizationReport, Quantizer};

use crate::linalg::sum;
use crate::{Engine, Error, Measure, Result};

/// √(Σᵢ aᵢ |vᵢ|²) for weights a of sum 1 and rows v of d numbers.
fn root_mean_square(weights: &[f64], rows: &[f64], d: usize) -> f64 {
    let squares = rows
        .chunks_exact(d)
        .map(|row| row.iter().map(|v| v * v).sum::<f64>());
    sum(squares.zip(weights).map(|(square, a)| a * square)).sqrt()
}

/// Points that a device computed: refused where they left the range of floats.
fn moved<E: Engine>(engine: &E, points: Vec<f64>, d: usize, weights: &[f64]) -> Result<Measure> {
    if points.iter().chain(weights).all(|x| x.is_finite()) {
        Measure::new(points, d, weights.to_vec())
    } else {
        Err(Error::NotFiniteResult {
            what: "a point of the fit",
            device: engine.device().to_owned(),
        })
    }
}
