//! The derivatives of a barycenter's minimum, by the envelope theorem: the average b does not move to first order, so
//! that they are those of the terms at b.
//!
//! ```text
//! ∂/∂λₛ   OT_ε(b, bₛ), or S_ε(b, bₛ), up to a constant
//! ∂/∂bₛ   λₛ gₛ, less λₛ f of OT_ε(bₛ, bₛ) in the debiased kind
//! ∂/∂yₛ   λₛ ∂OT_ε(b, bₛ)/∂yₛ, or λₛ ∂S_ε(b, bₛ)/∂yₛ
//! ∂/∂x    Σ λₛ ∂OT_ε(b, bₛ)/∂x, or Σ λₛ ∂S_ε(b, bₛ)/∂x
//! ```

use super::{Average, BarycenterKind};
use crate::solution::Place;
use crate::{Engine, Error, Gradient, Measure, Result, block_on};

/// The derivatives of a barycenter's minimum in all points and in the weights of the inputs, for measures of mass 1.
#[derive(Debug, Clone, PartialEq)]
pub struct AverageGradient {
    /// In the points of the support, n×d, row-major.
    pub support: Vec<f64>,
    /// In the points and weights of each input; 0 for an input of λ = 0.
    pub inputs: Vec<Gradient>,
}

impl Average {
    /// The derivatives of the minimum in the points of the support and in the points and weights of the `inputs`, which
    /// are those of the solve. It solves each term again from its potentials; m does not move with the points.
    ///
    /// Derivatives in λ are the [terms](super::BarycenterReport::terms) of the report.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for other inputs; [`Error::Unsupported`] for points of a grid, which are fixed: use
    /// [`gradient_weights`](Self::gradient_weights); and those of [`Sinkhorn::solve`](crate::Sinkhorn::solve).
    pub fn gradient<E: Engine + Clone>(
        &self,
        engine: E,
        inputs: &[Measure],
    ) -> Result<AverageGradient> {
        block_on(self.gradient_async(engine, inputs))
    }

    /// [`gradient`](Self::gradient) without blocking a thread.
    ///
    /// # Errors
    ///
    /// Those of [`gradient`](Self::gradient).
    pub async fn gradient_async<E: Engine + Clone>(
        &self,
        engine: E,
        inputs: &[Measure],
    ) -> Result<AverageGradient> {
        let (what, expected, found) = ("inputs", self.potentials.len(), inputs.len());
        if expected != found {
            return Err(Error::Length {
                what,
                expected,
                found,
            });
        }
        let average = self.measure.clone().normalized();
        let debiased = self.report.kind == BarycenterKind::Debiased;
        let mut support = vec![0.0; self.report.n * self.report.d];
        let mut gradients = Vec::new();
        let terms = inputs.iter().zip(&self.report.lambda).enumerate();
        for (s, (input, lambda)) in terms {
            let weights = self.slopes[s].clone();
            let (what, expected, found) = ("an input", weights.len(), input.len());
            if expected != found {
                return Err(Error::Length {
                    what,
                    expected,
                    found,
                });
            }
            let mut points = vec![0.0; input.len() * input.dimension()];
            if *lambda > 0.0 {
                let input = input.clone().normalized();
                let warm = self.potentials[s].clone();
                let solve = self.settings.clone().warm_start(warm);
                let term = solve.solve_async(engine.clone(), &average, &input).await?;
                let of_support = term.gradient_in(Place::Source).await?;
                add(&mut support, *lambda, &of_support.points);
                let of_input = term.gradient_in(Place::Target).await?;
                add(&mut points, *lambda, &of_input.points);
                if debiased {
                    let own = self.settings.solve_async(engine.clone(), &input, &input);
                    let own = own.await?.gradient_async().await?;
                    add(&mut points, -lambda, &own.points);
                }
            }
            gradients.push(Gradient { points, weights });
        }
        if debiased {
            let own = self
                .settings
                .solve_async(engine, &average, &average)
                .await?;
            add(&mut support, -1.0, &own.gradient_async().await?.points);
        }
        Ok(AverageGradient {
            support,
            inputs: gradients,
        })
    }

    /// The derivatives of the minimum in the weights of each input, for measures of mass 1. They have mean 0 over the
    /// input, and hold for changes that keep its mass.
    pub fn gradient_weights(&self) -> &[Vec<f64>] {
        &self.slopes
    }
}

/// v += c w.
fn add(v: &mut [f64], c: f64, w: &[f64]) {
    for (v, w) in v.iter_mut().zip(w) {
        *v += c * w;
    }
}
