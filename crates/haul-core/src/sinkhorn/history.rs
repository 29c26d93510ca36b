//! The history of an accelerated iteration: the last updates of a potential, and their residuals.
//!
//! Moving a few numbers to and from a device takes less time than two kernel launches: short vectors are kept on the
//! host, in f64, long ones on the device.

use crate::engine::{Remembered, Slot};
use crate::pass::Marginal;
use crate::{Engine, Precision, Result};

/// The largest history kept on the host, in numbers: 1638 points of 10 slots. Beyond that a pass over the pairs takes
/// so long that two kernels do not matter.
const FEW: usize = 1 << 14;

pub(crate) enum History<E: Engine> {
    /// n×slots each.
    Device {
        residuals: E::Vector,
        images: E::Vector,
    },
    Host {
        /// The potential of the next update as it is on the device, if it was computed here.
        before: Option<Vec<f64>>,
        /// Slots of n each.
        residuals: Vec<Vec<f64>>,
        images: Vec<Vec<f64>>,
    },
}

impl<E: Engine> History<E> {
    /// `slots` slots for the potential of a marginal.
    pub(crate) fn new(engine: &E, slots: usize, marginal: &Marginal<E>) -> Result<Self> {
        let points = marginal.len();
        if slots * points <= FEW && !marginal.is_resident() {
            let zeros = vec![vec![0.0; points]; slots];
            return Ok(Self::Host {
                before: None,
                residuals: zeros.clone(),
                images: zeros,
            });
        }
        Ok(Self::Device {
            residuals: engine.zeros(slots * points)?,
            images: engine.zeros(slots * points)?,
        })
    }

    /// Puts a marginal's update that is not yet accepted into a slot, and measures it as [`Engine::remember`] does.
    pub(crate) async fn remember(
        &mut self,
        engine: &E,
        epsilon: f64,
        marginal: &Marginal<E>,
        (index, slots): (usize, usize),
    ) -> Result<Remembered> {
        let (before, all, images) = match self {
            Self::Device { residuals, images } => {
                let slot = Slot {
                    index,
                    slots,
                    residuals,
                    images,
                };
                let update = marginal.pending(epsilon);
                return engine.remember(&marginal.on_device, update, slot).await;
            }
            Self::Host {
                before,
                residuals,
                images,
            } => (before, residuals, images),
        };
        let before = match before.take() {
            Some(before) => before,
            None => engine.read(&marginal.potential).await?,
        };
        let after = engine.read(&marginal.updated).await?;
        let weighted = |term: &dyn Fn(f64, f64) -> f64| -> f64 {
            let points = marginal.weights.iter().zip(before.iter().zip(&after));
            points
                .filter(|(weight, _)| **weight > 0.0)
                .map(|(weight, (before, after))| weight * term(*before, *after))
                .sum()
        };
        let update = marginal.pending(epsilon);
        let error = weighted(&|before, after| update.excess(before, after).abs());
        let mean = weighted(&|_, after| after);
        // Points of weight 0 are ignored.
        let points = marginal.weights.iter().zip(before.iter().zip(&after));
        all[index] = points
            .map(
                |(weight, (before, after))| {
                    if *weight > 0.0 { after - before } else { 0.0 }
                },
            )
            .collect();
        images[index] = after;
        let residual = &all[index];
        let product = |other: &Vec<f64>| residual.iter().zip(other).map(|(r, s)| r * s).sum();
        Ok(Remembered {
            errors: vec![error],
            means: vec![mean],
            products: all.iter().map(product).collect(),
        })
    }

    /// The potential of the next update was not computed here.
    pub(crate) fn forget(&mut self) {
        if let Self::Host { before, .. } = self {
            *before = None;
        }
    }

    /// `out` ← `offset` + Σₗ θₗ imageₗ.
    pub(crate) fn extrapolate(
        &mut self,
        engine: &E,
        coefficients: &[f64],
        offset: f64,
        out: &mut E::Vector,
    ) -> Result<()> {
        match self {
            Self::Device { images, .. } => {
                engine.mix(coefficients, coefficients.len(), offset, images, out)
            }
            Self::Host { before, images, .. } => {
                let mut sum = vec![offset; images.first().map_or(0, Vec::len)];
                for (coefficient, image) in coefficients.iter().zip(images.iter()) {
                    for (sum, value) in sum.iter_mut().zip(image.iter()) {
                        *sum += coefficient * value;
                    }
                }
                if engine.precision() == Precision::F32 {
                    sum.iter_mut().for_each(|sum| *sum = f64::from(*sum as f32));
                }
                *out = engine.vector(&sum)?;
                *before = Some(sum);
                Ok(())
            }
        }
    }
}
