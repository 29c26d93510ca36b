//! Derivatives of optimal values in the points and weights of a measure.
//!
//! At the optimum, the derivative of a value in its data is the one at fixed plan and potentials (the envelope
//! theorem), so that a gradient is one more pass over the pairs:
//!
//! ```text
//! ∂OT_ε/∂xᵢ = Σⱼ Pᵢⱼ ∂ₓC(xᵢ, yⱼ)                  = 2aᵢ (xᵢ − T(xᵢ)) for p = 2 and P1 = a
//! ∂OT_ε/∂aᵢ = fᵢ − ⟨a, f⟩/Σa                       balanced: for changes that keep the mass
//! ∂OT_ε/∂aᵢ = φ'(fᵢ) − ε(e^{−fᵢ/ρ_a} − m_b)       φ'(f) = −ρ_a(e^{−f/ρ_a} − 1), or f where P1 = a
//! ```
//!
//! The points may be features h(x) computed by the caller, such as those of a learned metric: the gradient is then
//! the one in the features, and the caller continues with the chain rule.
//!
//! In a term OT_ε(α, α) the measure appears in both places, so that its derivative has a part from each, and the
//! divergence subtracts half of both: f_αβ − f_αα in a balanced problem [FSVATP'19].

use crate::engine::Factor;
use crate::linalg::mean;
use crate::pass::{Pass, finite, weighted};
use crate::solution::{Place, State};
use crate::{Engine, Result, Solution, Terms, block_on};

/// The derivatives of a value in one of its measures.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradient {
    /// In the points, n×d, row-major: units of the value per length.
    pub points: Vec<f64>,
    /// In the weights, n: units of the value per mass. In a balanced problem they are centred, Σᵢ aᵢ wᵢ = 0, and hold
    /// for changes of the weights that keep the mass.
    pub weights: Vec<f64>,
}

impl<E: Engine> Solution<E> {
    /// The derivatives of OT_ε in the points and weights of the source. Their error is of first order in that of the
    /// marginals.
    ///
    /// ```
    /// use haul_core::{Engine, Gradient, Measure, Sinkhorn};
    /// fn pull(engine: &impl Engine, a: &Measure, b: &Measure) -> haul_core::Result<Vec<f64>> {
    ///     let Gradient { points, .. } = Sinkhorn::blur(0.1).solve(engine, a, b)?.gradient()?;
    ///     Ok(points) // n×d
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`](crate::Error::Unsupported) for points of a grid, which are fixed: use
    /// [`gradient_weights`](Self::gradient_weights); [`Error::NotFiniteResult`](crate::Error::NotFiniteResult), and
    /// the engine's own.
    pub fn gradient(&self) -> Result<Gradient> {
        block_on(self.gradient_async())
    }

    /// [`gradient`](Self::gradient) without blocking a thread.
    ///
    /// # Errors
    ///
    /// Those of [`gradient`](Self::gradient).
    pub async fn gradient_async(&self) -> Result<Gradient> {
        self.gradient_in(Place::Source).await
    }

    /// The derivatives of OT_ε in the points and weights of the target.
    ///
    /// # Errors
    ///
    /// Those of [`gradient`](Self::gradient).
    pub fn gradient_target(&self) -> Result<Gradient> {
        block_on(self.gradient_in(Place::Target))
    }

    /// The derivatives of OT_ε in the weights of the source and of the target, n and m, as in [`Gradient::weights`].
    /// They take no pass over pairs.
    ///
    /// # Errors
    ///
    /// [`Error::NotFiniteResult`](crate::Error::NotFiniteResult), and the engine's own.
    pub fn gradient_weights(&self) -> Result<[Vec<f64>; 2]> {
        let balanced = self.state().is_balanced();
        let of = |place| block_on(self.gradient_of_weights(place, balanced));
        Ok([of(Place::Source)?, of(Place::Target)?])
    }

    /// The derivatives in the points and weights of one of both measures.
    pub(crate) async fn gradient_in(&self, place: Place) -> Result<Gradient> {
        let balanced = self.state().is_balanced();
        Ok(Gradient {
            points: self.gradient_of_points(place).await?,
            weights: self.gradient_of_weights(place, balanced).await?,
        })
    }

    async fn gradient_of_points(&self, place: Place) -> Result<Vec<f64>> {
        let state = self.state();
        let State {
            engine,
            kernel,
            frame,
            masses,
            ..
        } = state;
        let [source, target] = state.sides();
        let (rows, columns) = match place {
            Place::Source => (source, target),
            Place::Target => (target, source),
        };
        let pass = Pass::between(engine, *kernel, rows, columns);
        let unit = masses.plan * frame.slope_unit(kernel.cost);
        let sums = pass.slopes(Factor::One, &vec![1.0; columns.len()]).await?;
        let slopes = weighted(&rows.weights, unit, sums);
        finite(state.natural(place, slopes), engine)
    }

    /// The derivatives in the weights, centred if the mass is kept. If both sides are constrained but change
    /// together, as in a self term, they need not be centred.
    async fn gradient_of_weights(&self, place: Place, centred: bool) -> Result<Vec<f64>> {
        let potentials = self.potentials_async().await?;
        let State {
            engine,
            source,
            target,
            masses,
            ..
        } = self.state();
        let report = self.report();
        let [mass_a, mass_b] = masses.measures;
        let (potential, rho, other_mass, weights) = match place {
            Place::Source => (potentials.f, report.rho_a, mass_b, &source.weights),
            Place::Target => (potentials.g, report.rho_b, mass_a, &target.weights),
        };
        if centred {
            let mean = mean(weights, potential.iter().copied());
            let centred = potential.iter().map(|f| f - mean).collect();
            return finite(centred, engine);
        }
        let derivative = |f: f64| {
            let excess = (-f / rho).exp_m1();
            let conjugate = if rho.is_finite() { -rho * excess } else { f };
            conjugate - report.epsilon * (excess + (1.0 - other_mass))
        };
        finite(potential.into_iter().map(derivative).collect(), engine)
    }
}

impl<E: Engine> Terms<E> {
    /// The derivatives of S_ε in the points and weights of the source.
    ///
    /// # Errors
    ///
    /// Those of [`Solution::gradient`].
    pub fn gradient(&self) -> Result<Gradient> {
        block_on(self.gradient_async())
    }

    /// [`gradient`](Self::gradient) without blocking a thread.
    ///
    /// # Errors
    ///
    /// Those of [`Solution::gradient`].
    pub async fn gradient_async(&self) -> Result<Gradient> {
        self.gradient_in(Place::Source, &self.aa).await
    }

    /// The derivatives of S_ε in the points and weights of the target.
    ///
    /// # Errors
    ///
    /// Those of [`Solution::gradient`].
    pub fn gradient_target(&self) -> Result<Gradient> {
        block_on(self.gradient_in(Place::Target, &self.bb))
    }

    /// The derivatives of S_ε in the weights of the source and of the target, n and m.
    ///
    /// # Errors
    ///
    /// Those of [`Solution::gradient_weights`].
    pub fn gradient_weights(&self) -> Result<[Vec<f64>; 2]> {
        let of = |place, itself| block_on(self.gradient_of_weights(place, itself));
        Ok([of(Place::Source, &self.aa)?, of(Place::Target, &self.bb)?])
    }

    async fn gradient_in(&self, place: Place, itself: &Solution<E>) -> Result<Gradient> {
        let mut points = self.ab.gradient_of_points(place).await?;
        // Both places of the measure contribute the same, and half of each is subtracted.
        let own = itself.gradient_of_points(Place::Source).await?;
        subtract(&mut points, &own);
        Ok(Gradient {
            points,
            weights: self.gradient_of_weights(place, itself).await?,
        })
    }

    async fn gradient_of_weights(&self, place: Place, itself: &Solution<E>) -> Result<Vec<f64>> {
        let balanced = self.ab.state().is_balanced();
        let mut weights = self.ab.gradient_of_weights(place, balanced).await?;
        let own = itself.gradient_of_weights(Place::Source, balanced).await?;
        subtract(&mut weights, &own);
        if !balanced {
            let [mass_a, mass_b] = self.ab.state().masses.measures;
            let excess = self.report().epsilon * (mass_a - mass_b);
            let excess = if place == Place::Source {
                excess
            } else {
                -excess
            };
            weights.iter_mut().for_each(|w| *w += excess);
        }
        Ok(weights)
    }
}

/// v −= w.
fn subtract(v: &mut [f64], w: &[f64]) {
    for (v, w) in v.iter_mut().zip(w) {
        *v -= w;
    }
}
