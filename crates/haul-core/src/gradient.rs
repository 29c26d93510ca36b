//! Derivatives of optimal values in the points and weights of a measure.
//!
//! At the optimum a value changes with its data as if the plan and the potentials stood still (the
//! envelope theorem), so that a gradient is one more pass over the pairs:
//!
//! ```text
//! ∂OT_ε/∂xᵢ = Σⱼ Pᵢⱼ ∂ₓC(xᵢ, yⱼ)                  = 2aᵢ (xᵢ − T(xᵢ)) for p = 2 and P1 = a
//! ∂OT_ε/∂aᵢ = fᵢ − ⟨a, f⟩/Σa                       balanced: for changes that keep the mass
//! ∂OT_ε/∂aᵢ = φ'(fᵢ) − ε(e^{−fᵢ/ρ_a} − m_b)       φ'(f) = −ρ_a(e^{−f/ρ_a} − 1), or f where P1 = a
//! ```
//!
//! The points may be features h(x) that a caller has computed, as those of a learned metric are: the
//! gradient is then the one at the features, and the caller's chain rule goes on from there.
//!
//! A term OT_ε(α, α) has its measure in both places, so that its derivative has a part from each, and
//! the divergence takes away half of both: f_αβ − f_αα in a balanced problem [FSVATP'19].

use crate::engine::Factor;
use crate::pass::{Pass, weighted};
use crate::{Engine, Error, Result, Solution, Terms};

/// The derivatives of a value in one of its measures.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradient {
    /// In the points, n×d, row-major: units of the value over a length.
    pub points: Vec<f64>,
    /// In the weights, n: units of the value over mass. Of a balanced problem they are centred,
    /// Σᵢ aᵢ wᵢ = 0, and hold for changes of the weights that keep the mass.
    pub weights: Vec<f64>,
}

/// One of the two measures of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Source,
    Target,
}

impl<E: Engine> Solution<'_, E> {
    /// The derivatives of OT_ε in the points and weights of the source. They are as exact as the
    /// solution: their error is of first order in that of the marginals.
    ///
    /// ```
    /// use haul_core::{Engine, Gradient, Measure, Sinkhorn};
    /// fn pull(engine: &impl Engine, a: &Measure, b: &Measure) -> haul_core::Result<Vec<f64>> {
    ///     let Gradient { points, .. } = Sinkhorn::blur(0.1).solve(engine, a, b)?.gradient()?;
    ///     Ok(points) // n×d
    /// }
    /// ```
    pub fn gradient(&self) -> Result<Gradient> {
        self.gradient_in(Place::Source)
    }

    /// The derivatives of OT_ε in the points and weights of the target.
    pub fn gradient_target(&self) -> Result<Gradient> {
        self.gradient_in(Place::Target)
    }

    fn gradient_in(&self, place: Place) -> Result<Gradient> {
        Ok(Gradient {
            points: self.gradient_of_points(place)?,
            weights: self.gradient_of_weights(place, self.is_balanced())?,
        })
    }

    fn is_balanced(&self) -> bool {
        self.source.rho.is_infinite() && self.target.rho.is_infinite()
    }

    fn gradient_of_points(&self, place: Place) -> Result<Vec<f64>> {
        let (rows, columns) = match place {
            Place::Source => (&self.source, &self.target),
            Place::Target => (&self.target, &self.source),
        };
        let ones = vec![1.0; columns.weights.len()];
        let pass = Pass::between(self.engine, self.kernel, rows, columns);
        let unit = self.masses.plan * self.frame.slope_unit(self.kernel.cost);
        let sums = pass.slopes(Factor::One, &ones)?;
        finite(weighted(&rows.weights, unit, sums), self.engine)
    }

    /// The derivatives in the weights, centred where the mass is kept. Where both sides are constrained but change
    /// together, as in a self term, they need not be.
    fn gradient_of_weights(&self, place: Place, centred: bool) -> Result<Vec<f64>> {
        let potentials = self.potentials()?;
        let report = self.report();
        let [mass_a, mass_b] = self.masses.measures;
        let (potential, rho, other_mass, weights) = match place {
            Place::Source => (potentials.f, report.rho_a, mass_b, &self.source.weights),
            Place::Target => (potentials.g, report.rho_b, mass_a, &self.target.weights),
        };
        if centred {
            let weighty = potential.iter().zip(weights).filter(|(_, a)| **a > 0.0);
            let mean: f64 = weighty.map(|(f, a)| a * f).sum();
            let centred = potential.iter().map(|f| f - mean).collect();
            return finite(centred, self.engine);
        }
        let derivative = |f: f64| {
            let excess = (-f / rho).exp_m1();
            let conjugate = if rho.is_finite() { -rho * excess } else { f };
            conjugate - report.epsilon * (excess + (1.0 - other_mass))
        };
        finite(potential.into_iter().map(derivative).collect(), self.engine)
    }
}

impl<E: Engine> Terms<'_, E> {
    /// The derivatives of S_ε in the points and weights of the source.
    pub fn gradient(&self) -> Result<Gradient> {
        self.gradient_in(Place::Source, &self.aa)
    }

    /// The derivatives of S_ε in the points and weights of the target.
    pub fn gradient_target(&self) -> Result<Gradient> {
        self.gradient_in(Place::Target, &self.bb)
    }

    fn gradient_in(&self, place: Place, itself: &Solution<'_, E>) -> Result<Gradient> {
        let mut gradient = self.ab.gradient_in(place)?;
        // Both places of the measure have the same part, and half of each is taken.
        let balanced = self.ab.is_balanced();
        subtract(
            &mut gradient.points,
            &itself.gradient_of_points(Place::Source)?,
        );
        let own = itself.gradient_of_weights(Place::Source, balanced)?;
        subtract(&mut gradient.weights, &own);
        if !balanced {
            let [mass_a, mass_b] = self.ab.masses.measures;
            let excess = self.ab.report().epsilon * (mass_a - mass_b);
            let excess = if place == Place::Source {
                excess
            } else {
                -excess
            };
            gradient.weights.iter_mut().for_each(|w| *w += excess);
        }
        Ok(gradient)
    }
}

/// v −= w.
fn subtract(v: &mut [f64], w: &[f64]) {
    for (v, w) in v.iter_mut().zip(w) {
        *v -= w;
    }
}

/// Refuses derivatives that left the range of a float.
pub(crate) fn finite<E: Engine>(values: Vec<f64>, engine: &E) -> Result<Vec<f64>> {
    if values.iter().all(|value| value.is_finite()) {
        Ok(values)
    } else {
        Err(Error::NotFiniteResult {
            what: "the gradient",
            device: engine.device().to_owned(),
        })
    }
}
