//! The barycenter of atoms at given coordinates, with the derivatives of functions of it.

use super::model::{Model, Path};
use crate::linalg::mean;
use crate::pass::finite;
use crate::{Engine, Measure, Result, block_on};

/// A barycenter at given coordinates, from which the derivatives of any function of its weights follow.
///
/// ```
/// use haul_core::{Coordinates, Engine, Measure};
/// /// ½ Σ (b − q)² at λ, and its derivative in λ.
/// fn loss(
///     engine: &impl Engine,
///     atoms: &[Measure],
///     lambda: &[f64],
///     q: &Measure,
/// ) -> haul_core::Result<(f64, Vec<f64>)> {
///     let found = Coordinates::blur(0.05).reconstruction(engine, q, atoms, lambda)?;
///     let pairs = found.measure().weights().iter().zip(q.weights());
///     let slope: Vec<f64> = pairs.map(|(b, q)| b - q).collect();
///     let value = 0.5 * slope.iter().map(|s| s * s).sum::<f64>();
///     Ok((value, found.gradient(&slope)?.lambda))
/// }
/// ```
pub struct Reconstruction<E: Engine> {
    model: Model<E>,
    path: Path<E>,
    measure: Measure,
}

/// The derivatives of a function of a barycenter in the coordinates and in the weights of the atoms.
#[derive(Debug, Clone, PartialEq)]
pub struct ReconstructionGradient {
    /// In λ, for changes that keep its sum, centred: Σ λₛ gₛ = 0.
    pub lambda: Vec<f64>,
    /// In the weights of each atom, at empty bins as well. Of a converged barycenter they hold for changes that keep
    /// the mass.
    pub atoms: Vec<Vec<f64>>,
    /// The relative residual of the linear system of a converged barycenter; 0 for fixed iterations.
    pub residual: f64,
    /// Products of one histogram that it took.
    pub products: usize,
}

/// The derivatives of a function of a barycenter's weights in the points.
#[derive(Debug, Clone, PartialEq)]
pub struct PointsGradient {
    /// In the points of the support, n×d.
    pub support: Vec<f64>,
    /// In the points of each atom, m×d.
    pub atoms: Vec<Vec<f64>>,
}

impl<E: Engine> Reconstruction<E> {
    pub(super) async fn new(mut model: Model<E>) -> Result<Self> {
        let lambda = model.posed.lambda.clone();
        let tolerance = model.method.sinkhorn.tolerance;
        let path = model.barycenter(&lambda, None, tolerance).await?;
        let mass = model.posed.mass;
        let weights: Vec<f64> = path.weights.iter().map(|b| b * mass).collect();
        let measure = model.posed.reference.clone().with_weights(&weights)?;
        Ok(Self {
            model,
            path,
            measure,
        })
    }

    /// The barycenter. Its mass is that of the atoms; after a fixed number of iterations it is near that.
    pub fn measure(&self) -> &Measure {
        &self.measure
    }

    /// λ, of sum 1.
    pub fn lambda(&self) -> &[f64] {
        &self.path.lambda
    }

    /// The error of the marginals at the last iteration, as in [`BarycenterReport`](crate::BarycenterReport).
    pub fn error(&self) -> f64 {
        self.path.error
    }

    /// The number of iterations.
    pub fn iterations(&self) -> usize {
        self.path.iterations
    }

    /// The derivatives of a function in λ and in the weights of the atoms, from its derivative in the weights of the
    /// barycenter, n.
    ///
    /// # Errors
    ///
    /// [`Error::Length`](crate::Error::Length),
    /// [`Error::NotFiniteResult`](crate::Error::NotFiniteResult), and the engine's own.
    pub fn gradient(&self, slope: &[f64]) -> Result<ReconstructionGradient> {
        block_on(self.gradient_async(slope))
    }

    /// [`gradient`](Self::gradient) without blocking a thread.
    ///
    /// # Errors
    ///
    /// Those of [`gradient`](Self::gradient).
    pub async fn gradient_async(&self, slope: &[f64]) -> Result<ReconstructionGradient> {
        let (engine, mass) = (&self.model.engine, self.model.posed.mass);
        let adjoint = self.model.adjoint(&self.path, slope, false).await?;
        let centre = mean(&self.path.lambda, adjoint.lambda.iter().copied());
        let lambda = adjoint.lambda.iter().map(|g| mass * (g - centre)).collect();
        let atoms = adjoint.atoms.into_iter().map(|atom| finite(atom, engine));
        Ok(ReconstructionGradient {
            lambda,
            atoms: atoms.collect::<Result<_>>()?,
            residual: adjoint.residual,
            products: adjoint.products,
        })
    }

    /// The derivatives of a function in the points of the support and of the atoms, from its derivative in the weights
    /// of the barycenter, n. Where the support has the points of an atom, each has its part.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`](crate::Error::Unsupported) for the points of a grid, which are fixed, and those of
    /// [`gradient`](Self::gradient).
    pub fn gradient_points(&self, slope: &[f64]) -> Result<PointsGradient> {
        block_on(self.gradient_points_async(slope))
    }

    /// [`gradient_points`](Self::gradient_points) without blocking a thread.
    ///
    /// # Errors
    ///
    /// Those of [`gradient_points`](Self::gradient_points).
    pub async fn gradient_points_async(&self, slope: &[f64]) -> Result<PointsGradient> {
        let Model { engine, posed, .. } = &self.model;
        let adjoint = self.model.adjoint(&self.path, slope, true).await?;
        let sums = adjoint
            .points
            .unwrap_or_else(|| self.model.inputs.point_sums());
        // Costs of the frame are one per unit of cost, and slopes per length.
        let unit =
            posed.mass * posed.frame.slope_unit(posed.cost) / posed.frame.cost_unit(posed.cost);
        let in_units = |values: Vec<f64>| {
            let values = values.into_iter().map(|value| unit * value).collect();
            finite(values, engine)
        };
        let atoms = sums.inputs.into_iter().map(in_units);
        Ok(PointsGradient {
            atoms: atoms.collect::<Result<_>>()?,
            support: in_units(sums.support)?,
        })
    }
}
