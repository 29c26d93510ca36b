//! Derivatives of values between resident measures, written into arrays on the device.

use crate::engine::{Factor, Pointwise, ResidentEngine, Writing};
use crate::pass::{Pass, ones};
use crate::solution::Place;
use crate::solution::{State, write};
use crate::{Engine, ResidentSolution, ResidentTerms, Result, block_on};

/// offset + scale · vector, with the vector on the device.
struct Scaled<E: Engine> {
    vector: E::Vector,
    scale: f64,
    offset: f64,
}

impl<E: ResidentEngine> Scaled<E> {
    /// The difference to another one.
    fn less(self, engine: &E, other: &Self, length: usize) -> Result<Self> {
        let mut vector = engine.zeros(length)?;
        let terms = [
            (1.0, &self.vector),
            (-other.scale / self.scale, &other.vector),
        ];
        engine.combine(&terms, &mut vector)?;
        Ok(Self {
            vector,
            scale: self.scale,
            offset: self.offset - other.offset,
        })
    }
}

impl<E: ResidentEngine> ResidentSolution<E> {
    /// Writes the derivatives of OT_ε in the points of the source into an array of n×d, as in
    /// [`Gradient::points`](crate::Gradient::points).
    ///
    /// # Errors
    ///
    /// Those of [`write_potentials`](Self::write_potentials).
    pub fn write_gradient(&self, points: &E::Array) -> Result<()> {
        block_on(self.write_gradient_async(points))
    }

    /// [`write_gradient`](Self::write_gradient) without blocking a thread.
    ///
    /// # Errors
    ///
    /// Those of [`write_potentials`](Self::write_potentials).
    pub async fn write_gradient_async(&self, points: &E::Array) -> Result<()> {
        let slopes = self.slopes(Place::Source)?;
        write_slopes(self.state(), Place::Source, &slopes, points).await
    }

    /// Writes the derivatives of OT_ε in the points of the target into an array of m×d.
    ///
    /// # Errors
    ///
    /// Those of [`write_potentials`](Self::write_potentials).
    pub fn write_gradient_target(&self, points: &E::Array) -> Result<()> {
        block_on(self.write_gradient_target_async(points))
    }

    /// [`write_gradient_target`](Self::write_gradient_target) without blocking a thread.
    ///
    /// # Errors
    ///
    /// Those of [`write_potentials`](Self::write_potentials).
    pub async fn write_gradient_target_async(&self, points: &E::Array) -> Result<()> {
        let slopes = self.slopes(Place::Target)?;
        write_slopes(self.state(), Place::Target, &slopes, points).await
    }

    /// Writes the derivatives of OT_ε in the weights of the source and of the target into arrays of n×1 and m×1, as
    /// in [`Gradient::weights`](crate::Gradient::weights).
    ///
    /// # Errors
    ///
    /// Those of [`write_potentials`](Self::write_potentials).
    pub fn write_gradient_weights(&self, a: &E::Array, b: &E::Array) -> Result<()> {
        block_on(self.write_gradient_weights_async(a, b))
    }

    /// [`write_gradient_weights`](Self::write_gradient_weights) without blocking a thread.
    ///
    /// # Errors
    ///
    /// Those of [`write_potentials`](Self::write_potentials).
    pub async fn write_gradient_weights_async(&self, a: &E::Array, b: &E::Array) -> Result<()> {
        let balanced = self.state().is_balanced();
        for (place, array) in [(Place::Source, a), (Place::Target, b)] {
            let weights = self.slopes_of_weights(place, balanced).await?;
            write_weights(&self.state().engine, &weights, self.points_of(place), array).await?;
        }
        Ok(())
    }

    fn points_of(&self, place: Place) -> usize {
        match place {
            Place::Source => self.report().n,
            Place::Target => self.report().m,
        }
    }

    /// The derivatives in the points, not multiplied by the weights.
    fn slopes(&self, place: Place) -> Result<Scaled<E>> {
        let State {
            engine,
            kernel,
            frame,
            source,
            target,
            masses,
            ..
        } = self.state();
        let (rows, columns) = match place {
            Place::Source => (source, target),
            Place::Target => (target, source),
        };
        let pass = Pass::between(engine, *kernel, rows, columns);
        let ones = ones(engine, columns.len())?;
        Ok(Scaled {
            vector: pass.slopes_on_device(Factor::One, &ones)?,
            scale: masses.plan * frame.slope_unit(kernel.cost),
            offset: 0.0,
        })
    }

    /// The derivatives in the weights, centred if the mass is kept.
    async fn slopes_of_weights(&self, place: Place, centred: bool) -> Result<Scaled<E>> {
        let State {
            engine,
            kernel,
            frame,
            source,
            target,
            masses,
            ..
        } = self.state();
        let report = self.report();
        let [mass_a, mass_b] = masses.measures;
        let (side, rho, shift, other_mass) = match place {
            Place::Source => (source, report.rho_a, masses.shifts[0], mass_b),
            Place::Target => (target, report.rho_b, masses.shifts[1], mass_a),
        };
        let unit = frame.cost_unit(kernel.cost);
        let mut vector = engine.zeros(side.len())?;
        let potential = &side.potential;
        let integrand = Pointwise::Conjugate {
            potential,
            rho: side.rho,
        };
        let conjugate = engine
            .integral(&side.on_device, integrand, Some(&mut vector))
            .await?;
        if centred {
            let mean = conjugate.first().map_or(0.0, |conjugate| conjugate.sum);
            return Ok(Scaled {
                vector,
                scale: unit,
                offset: -unit * mean,
            });
        }
        let epsilon = report.epsilon;
        if rho.is_infinite() {
            return Ok(Scaled {
                vector,
                scale: unit,
                offset: -shift - epsilon * (1.0 - other_mass),
            });
        }
        // −(ρ + ε)(e^{−f/ρ} − 1) − ε (1 − m) for f = unit f̂ − shift, where the conjugate is −ρ̂ (e^{−f̂/ρ̂} − 1).
        Ok(Scaled {
            vector,
            scale: (rho + epsilon) * (shift / rho).exp() / side.rho,
            offset: -(rho + epsilon) * (shift / rho).exp_m1() - epsilon * (1.0 - other_mass),
        })
    }
}

impl<E: ResidentEngine> ResidentTerms<E> {
    /// Writes the derivatives of S_ε in the points of the source into an array of n×d.
    ///
    /// # Errors
    ///
    /// Those of [`ResidentSolution::write_potentials`].
    pub fn write_gradient(&self, points: &E::Array) -> Result<()> {
        block_on(self.write_gradient_async(points))
    }

    /// [`write_gradient`](Self::write_gradient) without blocking a thread.
    ///
    /// # Errors
    ///
    /// Those of [`ResidentSolution::write_potentials`].
    pub async fn write_gradient_async(&self, points: &E::Array) -> Result<()> {
        self.write_slopes(Place::Source, points).await
    }

    /// Writes the derivatives of S_ε in the points of the target into an array of m×d.
    ///
    /// # Errors
    ///
    /// Those of [`ResidentSolution::write_potentials`].
    pub fn write_gradient_target(&self, points: &E::Array) -> Result<()> {
        block_on(self.write_gradient_target_async(points))
    }

    /// [`write_gradient_target`](Self::write_gradient_target) without blocking a thread.
    ///
    /// # Errors
    ///
    /// Those of [`ResidentSolution::write_potentials`].
    pub async fn write_gradient_target_async(&self, points: &E::Array) -> Result<()> {
        self.write_slopes(Place::Target, points).await
    }

    /// Writes the derivatives of S_ε in the weights of the source and of the target into arrays of n×1 and m×1.
    ///
    /// # Errors
    ///
    /// Those of [`ResidentSolution::write_potentials`].
    pub fn write_gradient_weights(&self, a: &E::Array, b: &E::Array) -> Result<()> {
        block_on(self.write_gradient_weights_async(a, b))
    }

    /// [`write_gradient_weights`](Self::write_gradient_weights) without blocking a thread.
    ///
    /// # Errors
    ///
    /// Those of [`ResidentSolution::write_potentials`].
    pub async fn write_gradient_weights_async(&self, a: &E::Array, b: &E::Array) -> Result<()> {
        let state = self.ab.state();
        let balanced = state.is_balanced();
        let [mass_a, mass_b] = state.masses.measures;
        let excess = if balanced {
            0.0
        } else {
            self.report().epsilon * (mass_a - mass_b)
        };
        for (place, own, excess, array) in [
            (Place::Source, &self.aa, excess, a),
            (Place::Target, &self.bb, -excess, b),
        ] {
            let (engine, points) = (&state.engine, self.ab.points_of(place));
            let own = own.slopes_of_weights(Place::Source, balanced).await?;
            let weights = self.ab.slopes_of_weights(place, balanced).await?;
            let mut weights = weights.less(engine, &own, points)?;
            weights.offset += excess;
            write_weights(engine, &weights, points, array).await?;
        }
        Ok(())
    }

    /// Both places of a measure in its self term contribute the same, and half of each is subtracted.
    async fn write_slopes(&self, place: Place, array: &E::Array) -> Result<()> {
        let own = match place {
            Place::Source => &self.aa,
            Place::Target => &self.bb,
        };
        let (state, own) = (self.ab.state(), own.slopes(Place::Source)?);
        let length = self.ab.points_of(place) * self.report().d;
        let slopes = self.ab.slopes(place)?.less(&state.engine, &own, length)?;
        write_slopes(state, place, &slopes, array).await
    }
}

/// Writes derivatives in points, each times the point's weight.
async fn write_slopes<E: ResidentEngine>(
    state: &State<E>,
    place: Place,
    slopes: &Scaled<E>,
    array: &E::Array,
) -> Result<()> {
    let side = match place {
        Place::Source => &state.source,
        Place::Target => &state.target,
    };
    let writing = Writing {
        scale: slopes.scale,
        offsets: &[],
        weights: Some(&side.on_device),
        divided: false,
    };
    let what = ("the gradient", [side.len(), side.dimension()]);
    write(&state.engine, &slopes.vector, writing, array, what).await
}

/// Writes derivatives in weights.
async fn write_weights<E: ResidentEngine>(
    engine: &E,
    weights: &Scaled<E>,
    points: usize,
    array: &E::Array,
) -> Result<()> {
    let writing = Writing {
        scale: weights.scale,
        offsets: &[weights.offset],
        weights: None,
        divided: false,
    };
    let what = ("the gradient", [points, 1]);
    write(engine, &weights.vector, writing, array, what).await
}
