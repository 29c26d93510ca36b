//! One side of a solve: a measure on the device with its potential, and its data on the host.

use super::{Pass, Points, pairs_of_a_pass};
use crate::engine::{Groups, Integral, Kernel, Near, Pointwise, Ratio, Side, Update};
use crate::linalg::mean;
use crate::{Engine, Frame, Measure, Result};

/// A measure and its potential on a device.
pub(crate) struct Marginal<E: Engine> {
    pub(crate) points: Points<E>,
    /// The weights on the device.
    pub(crate) on_device: E::Weights,
    pub(crate) potential: E::Vector,
    /// The next potential; the current one is still needed.
    pub(crate) updated: E::Vector,
    /// A buffer for a potential between the two.
    relaxed: E::Vector,
    /// ρ in units of the frame; infinite if the plan's marginal is constrained to the measure.
    pub(crate) rho: f64,
    /// The softmin of the last update, before it was damped by λ = ρ/(ρ + ε); only for a finite ρ.
    undamped: Option<E::Vector>,
    /// The weights, of sum 1; empty if they are not on the host.
    pub(crate) weights: Vec<f64>,
    /// The points of the other side that passes over this side's rows include; all if `None`.
    pub(crate) near: Option<Near>,
}

impl<E: Engine> Marginal<E> {
    /// Puts a measure on the device, its mass scaled to 1. `rho` is in units of the frame; `separable` says whether
    /// passes go along the axes of grids.
    pub(crate) fn new(
        engine: &E,
        frame: &Frame,
        measure: &Measure,
        rho: f64,
        separable: bool,
    ) -> Result<Self> {
        let weights: Vec<f64> = measure
            .weights()
            .iter()
            .map(|w| w / measure.mass())
            .collect();
        let points = Points::of(engine, frame, measure, separable)?;
        let on_device = engine.weights(&weights, 1)?;
        Self::of(engine, points, (weights, on_device), rho)
    }

    /// A measure that lies on the device; its weights of sum 1 may be on the host as well.
    pub(crate) fn of(
        engine: &E,
        points: Points<E>,
        (weights, on_device): (Vec<f64>, E::Weights),
        rho: f64,
    ) -> Result<Self> {
        let n = points.len();
        Ok(Self {
            points,
            on_device,
            potential: engine.zeros(n)?,
            updated: engine.zeros(n)?,
            relaxed: engine.zeros(n)?,
            rho,
            undamped: if rho.is_finite() {
                Some(engine.zeros(n)?)
            } else {
                None
            },
            weights,
            near: None,
        })
    }

    /// Coordinates and weights in another order: `order` has the index of the point at each place. A point that is at
    /// several places in a row has its weight in the first.
    pub(crate) fn in_order(&self, order: &[usize]) -> (Vec<f64>, Vec<f64>) {
        let d = self.dimension();
        let coordinates = self.points.coordinates();
        let of_points = order.iter().flat_map(|i| &coordinates[i * d..][..d]);
        let mut weights: Vec<f64> = order.iter().map(|i| self.weights[*i]).collect();
        for place in repeats(order) {
            weights[place] = 0.0;
        }
        (of_points.copied().collect(), weights)
    }

    /// This side with its points [in another order](Self::in_order).
    pub(crate) async fn reordered(&self, engine: &E, order: &[usize]) -> Result<Self> {
        let (coordinates, weights) = self.in_order(order);
        let points = Points::of_cloud(engine, coordinates, self.dimension())?;
        let on_device = engine.weights(&weights, 1)?;
        let mut side = Self::of(engine, points, (weights, on_device), self.rho)?;
        let places = |values: Vec<f64>| -> Vec<f64> { order.iter().map(|i| values[*i]).collect() };
        side.potential = engine.vector(&places(engine.read(&self.potential).await?))?;
        if let Some(undamped) = &self.undamped {
            side.undamped = Some(engine.vector(&places(engine.read(undamped).await?))?);
        }
        Ok(side)
    }

    /// Takes the potential of this side from its [`reordered`](Self::reordered) form.
    pub(crate) async fn take_potential(
        &mut self,
        engine: &E,
        reordered: &Self,
        order: &[usize],
    ) -> Result<()> {
        let indices = |values: Vec<f64>| -> Vec<f64> {
            let mut out = vec![0.0; self.points.len()];
            // Of several places, the first counts.
            for (i, value) in order.iter().zip(values).rev() {
                out[*i] = value;
            }
            out
        };
        self.potential = engine.vector(&indices(engine.read(&reordered.potential).await?))?;
        if let Some(undamped) = &reordered.undamped {
            self.undamped = Some(engine.vector(&indices(engine.read(undamped).await?))?);
        }
        Ok(())
    }

    /// The number of points.
    pub(crate) fn len(&self) -> usize {
        self.points.len()
    }

    /// The number of pairs in a pass of this side's rows over the other side.
    pub(crate) fn pairs_with(&self, other: &Self) -> u64 {
        match &self.near {
            Some(near) => near.pairs(),
            None => pairs_of_a_pass(&self.points, &other.points),
        }
    }

    /// The bytes of distances to the points of the other side, in both directions, that an engine keeps.
    pub(crate) fn kept_distances(&self, engine: &E, other: &Self) -> u64 {
        match (self.points.on_device(), other.points.on_device()) {
            (Some(rows), Some(columns)) => {
                engine.kept_distances(rows, columns) + engine.kept_distances(columns, rows)
            }
            _ => 0,
        }
    }

    /// Whether points and weights are only on the device.
    pub(crate) fn is_resident(&self) -> bool {
        matches!(self.points, Points::Resident { .. })
    }

    /// The number of coordinates of a point.
    pub(crate) fn dimension(&self) -> usize {
        self.points.dimension()
    }

    /// Whether the plan's marginals are constrained to the measures on both sides.
    pub(crate) fn are_exact(source: &Self, target: &Self) -> bool {
        source.rho.is_infinite() && target.rho.is_infinite()
    }

    pub(crate) fn side(&self) -> Side<'_, E::Weights, E::Vector> {
        Side::new(&self.on_device, &self.potential)
    }

    /// Computes λ T(h) of the other side's potential h, without accepting it yet. If `guessed`, the last softmin is
    /// the guess of this one.
    pub(crate) fn update(
        &mut self,
        engine: &E,
        kernel: Kernel,
        other: &Self,
        guessed: bool,
    ) -> Result<()> {
        let Self {
            points,
            potential,
            updated,
            undamped,
            near,
            ..
        } = self;
        let pass = Pass {
            engine,
            kernel,
            rows: points,
            potential: None,
            columns: &other.points,
            side: other.side(),
            near: near.as_ref(),
        };
        let guess = guessed.then_some(undamped.as_ref().unwrap_or(&*potential));
        pass.softmin(guess, false, updated)?;
        self.damp(engine, kernel.epsilon)
    }

    /// [`update`](Self::update) from the last softmin, which also computes the masses that the plan of the update and the
    /// other side's potential moves between groups.
    pub(crate) fn update_with_masses(
        &mut self,
        engine: &E,
        kernel: Kernel,
        other: &Self,
        [rows, columns]: [&[usize]; 2],
        masses: &mut E::Vector,
    ) -> Result<()> {
        let Self {
            points,
            on_device,
            potential,
            updated,
            undamped,
            rho,
            near,
            ..
        } = self;
        let pass = Pass {
            engine,
            kernel,
            rows: points,
            potential: None,
            columns: &other.points,
            side: other.side(),
            near: near.as_ref(),
        };
        let groups = Groups {
            rows,
            columns,
            weights: on_device,
            damping: 1.0 / (1.0 + kernel.epsilon / *rho),
            masses,
        };
        pass.softmin_with_masses(undamped.as_ref().unwrap_or(&*potential), groups, updated)?;
        self.damp(engine, kernel.epsilon)
    }

    /// The same for a measure against itself.
    pub(crate) fn update_by_itself(
        &mut self,
        engine: &E,
        kernel: Kernel,
        guessed: bool,
    ) -> Result<()> {
        let Self {
            points,
            on_device,
            potential,
            updated,
            undamped,
            near,
            ..
        } = self;
        let pass = Pass {
            engine,
            kernel,
            rows: points,
            potential: None,
            columns: points,
            side: Side::new(on_device, potential),
            near: near.as_ref(),
        };
        // Without a penalty the guess is the potential itself.
        let symmetric = guessed && undamped.is_none();
        let guess = guessed.then_some(undamped.as_ref().unwrap_or(&*potential));
        pass.softmin(guess, symmetric, updated)?;
        self.damp(engine, kernel.epsilon)
    }

    /// Multiplies the last softmin by λ = ρ/(ρ + ε).
    fn damp(&mut self, engine: &E, epsilon: f64) -> Result<()> {
        let Some(undamped) = &mut self.undamped else {
            return Ok(());
        };
        std::mem::swap(&mut self.updated, undamped);
        let taken = epsilon / (self.rho + epsilon);
        // Near λ = 1, λ has fewer digits than 1 − λ.
        let terms: &[(f64, &E::Vector)] = if taken < 0.5 {
            &[(1.0, undamped), (-taken, undamped)]
        } else {
            &[(self.rho / (self.rho + epsilon), undamped)]
        };
        engine.combine(terms, &mut self.updated)
    }

    /// The update, not yet accepted.
    pub(crate) fn pending(&self, epsilon: f64) -> Update<'_, E::Vector> {
        Update {
            epsilon,
            rho: self.rho,
            before: &self.potential,
            after: &self.updated,
        }
    }

    /// An integral over this side's points.
    pub(crate) async fn integral(
        &self,
        engine: &E,
        integrand: Pointwise<'_, E::Vector>,
    ) -> Result<Integral> {
        let integrals = engine.integral(&self.on_device, integrand, None).await?;
        Ok(integrals.first().copied().unwrap_or_default())
    }

    /// Σ |rᵢ − aᵢ e^{−fᵢ/ρ}| of this side's marginal r under the potential f before the update.
    pub(crate) async fn error(&self, engine: &E, epsilon: f64) -> Result<f64> {
        let excess = Pointwise::Excess(Ratio::Potentials(self.pending(epsilon)));
        Ok(self.integral(engine, excess).await?.size)
    }

    /// The term of a potential of this side on the device in the dual: ⟨â, f⟩, or −ρ ⟨â, e^{−f/ρ} − 1⟩.
    pub(crate) async fn conjugate_on_device(
        &self,
        engine: &E,
        potential: &E::Vector,
    ) -> Result<Integral> {
        let rho = self.rho;
        let conjugate = Pointwise::Conjugate { potential, rho };
        self.integral(engine, conjugate).await
    }

    /// Adds a constant to the potential.
    pub(crate) fn shift(&mut self, engine: &E, t: f64) -> Result<()> {
        engine.mix(&[1.0], 1, t, &self.potential, &mut self.relaxed)?;
        std::mem::swap(&mut self.potential, &mut self.relaxed);
        Ok(())
    }

    /// Adds a constant to the updated potential, not yet accepted.
    pub(crate) fn shift_updated(&mut self, engine: &E, t: f64) -> Result<()> {
        engine.mix(&[1.0], 1, t, &self.updated, &mut self.relaxed)?;
        std::mem::swap(&mut self.updated, &mut self.relaxed);
        Ok(())
    }

    /// Adds a vector to the updated potential, not yet accepted.
    pub(crate) fn add_to_updated(&mut self, engine: &E, vector: &E::Vector) -> Result<()> {
        let terms = [(1.0, &self.updated), (1.0, vector)];
        engine.combine(&terms, &mut self.relaxed)?;
        std::mem::swap(&mut self.updated, &mut self.relaxed);
        Ok(())
    }

    /// The largest |f| on a point of positive weight.
    pub(crate) fn height(&self, potential: &[f64]) -> f64 {
        let pairs = self.weights.iter().zip(potential);
        let weighty = pairs.filter(|(a, _)| **a > 0.0);
        weighty.fold(0.0, |height, (_, f)| height.max(f.abs()))
    }

    /// ⟨â, e^{−f/ρ} − 1⟩ for this side's weights and a potential f: 0 where ρ is infinite.
    pub(crate) fn excess(&self, potential: &[f64]) -> f64 {
        if self.rho.is_infinite() {
            return 0.0;
        }
        let excess = potential.iter().map(|f| (-f / self.rho).exp_m1());
        mean(&self.weights, excess)
    }

    /// Replaces the potential by the updated one.
    pub(crate) fn accept(&mut self) {
        std::mem::swap(&mut self.potential, &mut self.updated);
    }

    /// Moves the potential towards the updated one by a factor: f + ω (T − f).
    pub(crate) fn accept_relaxed(&mut self, engine: &E, omega: f64) -> Result<()> {
        if omega == 1.0 {
            self.accept();
            return Ok(());
        }
        let terms = [(1.0 - omega, &self.potential), (omega, &self.updated)];
        engine.combine(&terms, &mut self.relaxed)?;
        std::mem::swap(&mut self.potential, &mut self.relaxed);
        Ok(())
    }
}

/// The places whose point is that of the place before.
fn repeats(order: &[usize]) -> impl Iterator<Item = usize> {
    let pairs = order.windows(2).enumerate();
    pairs.filter_map(|(place, pair)| (pair[0] == pair[1]).then_some(place + 1))
}
