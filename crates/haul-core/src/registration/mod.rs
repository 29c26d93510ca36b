//! Registration: the transform of a family that brings one cloud onto another, by transport.
//!
//! Of the maps T of a [`Family`], one that makes the Sinkhorn divergence S_ε(T α, β) least. For rigid motions that is
//! OT_ε(T α, β) alone: what the divergence takes away beside it does not change when α is turned. Two steps in turn
//! do not raise it [Chui–Rangarajan'03, where the plan is a softassign]:
//!
//! ```text
//! P  = the plan of OT_ε(T α, β), unbalanced where a reach is given
//! T ← argmin Σᵢ wᵢ |T(xᵢ) − yᵢ|²,   wᵢ = Σⱼ Pᵢⱼ,   yᵢ = Σⱼ Pᵢⱼ yⱼ / wᵢ          ([`procrustes`])
//! ```
//!
//! With a scale or an affine map the first step alone would shrink α: the images yᵢ are means, and lie inside. So there
//! the plan Q of T α with itself is found as well, and the places are those to which the gradient of S_ε points,
//!
//! ```text
//! yᵢ = zᵢ + (Σⱼ Pᵢⱼ (yⱼ − zᵢ) − Σⱼ Qᵢⱼ (zⱼ − zᵢ)) / hᵢ,   zᵢ = T(xᵢ),   hᵢ = max(Σⱼ Pᵢⱼ, Σⱼ Qᵢⱼ)
//! ```
//!
//! with the weights hᵢ, so that a T which stays is one at which S_ε is stationary.
//!
//! Steps are drawn out by Anderson's method ([`acceleration`]). The blur falls from a third of the target's radius to the one that was
//! asked for, by halves, and the reach with it. At the
//! first blur several rotations are tried ([`starts`]), on a few of the points ([`thinning`]); at the last one all points count.

mod acceleration;
mod alignment;
mod procrustes;
mod run;
mod starts;
mod thinning;
mod transform;

pub use alignment::{Alignment, RegistrationProgress};
pub use procrustes::Family;
pub use transform::Transform;

use crate::{
    Cost, Engine, Error, Frame, Measure, Regularization, Result, Sinkhorn, Stop, block_on,
};
use std::ops::ControlFlow;

/// Who is told how a registration stands.
pub(crate) type Observer<'o> = dyn FnMut(&RegistrationProgress) -> ControlFlow<Stop> + Send + 'o;

/// Settings of a registration: a family of maps, and a problem of transport.
///
/// ```
/// # use haul_core::{Registration, Sinkhorn};
/// let motion = Registration::rigid(Sinkhorn::blur(0.02).reach(0.1));
/// // motion.align(&engine, &scan, &model)?.transform
/// ```
///
/// The problem is that of the last steps. Its power is p = 2. A relative blur is a share of the diagonal of the target's
/// bounding box, wherever the source may be.
///
/// **How far it reaches.** Of 100 random rotations of four shapes in space, 98 were found (1000 points each, onto 1000 other points of
/// the same shape, at a blur of 1/30 of the diameter). With 30 % of the source cut off by a plane, 76 were found with a reach of
/// three blurs, and 86 with a penalty for the target's side alone ([`Sinkhorn::rho_b`]). A [`start`](Self::start) helps where
/// more is missing. Shapes with a symmetry have several motions that are equally good; one of them is returned.
#[derive(Debug, Clone, PartialEq)]
pub struct Registration {
    family: Family,
    sinkhorn: Sinkhorn,
    movement: f64,
    max_iterations: usize,
    start: Option<Transform>,
}

impl Registration {
    /// For a rotation and a translation.
    pub fn rigid(sinkhorn: Sinkhorn) -> Self {
        Self::new(Family::Rigid, sinkhorn)
    }

    /// For a rotation, a translation and one scale.
    pub fn similarity(sinkhorn: Sinkhorn) -> Self {
        Self::new(Family::Similarity, sinkhorn)
    }

    /// For any affine map.
    pub fn affine(sinkhorn: Sinkhorn) -> Self {
        Self::new(Family::Affine, sinkhorn)
    }

    /// For a map of this family.
    pub fn new(family: Family, sinkhorn: Sinkhorn) -> Self {
        Self {
            family,
            sinkhorn,
            movement: 5e-3,
            max_iterations: 100,
            start: None,
        }
    }

    /// When it ends: an iteration moves the points by less than this share of the blur, as the root of the mean square over α.
    /// Default 5e-3; the plans themselves are off by about their tolerance, 1e-3 by default.
    pub fn movement(mut self, share: f64) -> Self {
        self.movement = share;
        self
    }

    /// The most iterations at the last blur, each a plan and a fit. Default 100.
    pub fn max_iterations(mut self, iterations: usize) -> Self {
        self.max_iterations = iterations;
        self
    }

    /// Begins at this map, in place of those that would be tried: for a symmetric shape, or a part that may lie in several
    /// places. Blurs still begin at a third of the target's radius.
    pub fn start(mut self, start: Transform) -> Self {
        self.start = Some(start);
        self
    }

    /// Finds the map of the family that brings `source` onto `target`, on an engine, which the result then holds.
    ///
    /// # Errors
    ///
    /// Those of [`Sinkhorn::solve`]; [`Error::BadParameter`] for a power other than 2, a movement that is not positive, and no
    /// iterations; [`Error::DimensionMismatch`] for a start of another dimension; [`Error::OutOfReach`] where no mass is
    /// moved.
    pub fn align<E: Engine + Clone>(
        &self,
        engine: E,
        source: &Measure,
        target: &Measure,
    ) -> Result<Alignment<E>> {
        block_on(self.align_async(engine, source, target))
    }

    /// [`align`](Self::align) that blocks no thread while it waits for the device.
    ///
    /// # Errors
    ///
    /// Those of [`align`](Self::align).
    pub async fn align_async<E: Engine + Clone>(
        &self,
        engine: E,
        source: &Measure,
        target: &Measure,
    ) -> Result<Alignment<E>> {
        let observer = |_: &RegistrationProgress| ControlFlow::Continue(());
        self.align_observed_async(engine, source, target, observer)
            .await
    }

    /// [`align`](Self::align) that tells its progress, and ends early where the observer breaks. [`Stop::Certify`] at the last
    /// blur returns what is there, as not converged; before that there is nothing to certify, and either way of
    /// stopping is [`Error::Interrupted`].
    ///
    /// # Errors
    ///
    /// Those of [`align`](Self::align).
    pub fn align_observed<E: Engine + Clone>(
        &self,
        engine: E,
        source: &Measure,
        target: &Measure,
        observer: impl FnMut(&RegistrationProgress) -> ControlFlow<Stop> + Send,
    ) -> Result<Alignment<E>> {
        block_on(self.align_observed_async(engine, source, target, observer))
    }

    /// [`align_observed`](Self::align_observed) that blocks no thread.
    ///
    /// # Errors
    ///
    /// Those of [`align`](Self::align).
    pub async fn align_observed_async<E: Engine + Clone>(
        &self,
        engine: E,
        source: &Measure,
        target: &Measure,
        mut observer: impl FnMut(&RegistrationProgress) -> ControlFlow<Stop> + Send,
    ) -> Result<Alignment<E>> {
        self.check(source, target)?;
        run::align(self, engine, source, target, &mut observer).await
    }

    /// The blur of the last steps, a length: that which was asked for, where a relative one is a share of the diagonal of the
    /// target's bounding box.
    pub fn last_blur(&self, target: &Measure) -> f64 {
        match self.sinkhorn.regularization {
            Regularization::Blur(blur) => blur,
            Regularization::Epsilon(epsilon) => epsilon.sqrt(),
            Regularization::RelativeBlur(share) => {
                let diameter = Frame::joint(target, target).diameter();
                // A target in one place has no length of its own.
                share * if diameter > 0.0 { diameter } else { 1.0 }
            }
        }
    }

    /// Refuses what is wrong whatever a device would find.
    ///
    /// # Errors
    ///
    /// Those of [`align`](Self::align) that no device has to be asked for.
    pub fn check(&self, source: &Measure, target: &Measure) -> Result<()> {
        let bad = |name, value, range| Error::BadParameter { name, value, range };
        let problem = self.sinkhorn.problem(source, target)?;
        if problem.cost() != Cost::SquaredEuclidean {
            let range = "2, for which the nearest map is known in closed form";
            return Err(bad("p", problem.cost().p(), range));
        }
        if !(self.movement > 0.0 && self.movement.is_finite()) {
            return Err(bad("movement", self.movement, "a finite number above 0"));
        }
        if self.max_iterations == 0 {
            return Err(bad("max_iterations", 0.0, "at least 1"));
        }
        match &self.start {
            Some(start) if start.dimension() != source.dimension() => {
                Err(Error::DimensionMismatch {
                    source_dimension: source.dimension(),
                    target_dimension: start.dimension(),
                })
            }
            _ => Ok(()),
        }
    }
}
