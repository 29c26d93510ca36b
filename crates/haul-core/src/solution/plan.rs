//! The plan of a solution, applied without being stored.

use super::entries::Entries;
use super::{Place, State};
use crate::engine::{Factor, Near, Nearest, Side};
use crate::linalg::sum;
use crate::pass::{Pass, Points, weighted};
use crate::{Cost, Engine, Error, Measure, Result, block_on};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The optimal plan, never stored: each product is one more pass over the pairs. Clones are the same plan.
pub struct Plan<E: Engine> {
    state: Arc<State<E>>,
}

impl<E: Engine> fmt::Debug for Plan<E> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Plan")
            .field("device", &self.state.engine.device())
            .field("masses", &self.state.masses)
            .finish_non_exhaustive()
    }
}

impl<E: Engine> Clone for Plan<E> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
        }
    }
}

impl<E: Engine> Plan<E> {
    pub(crate) fn new(state: State<E>) -> Self {
        Self {
            state: Arc::new(state),
        }
    }

    pub(crate) fn state(&self) -> &State<E> {
        &self.state
    }

    /// The numbers of points of the source and the target: n and m.
    pub fn shape(&self) -> (usize, usize) {
        (self.state.source.len(), self.state.target.len())
    }

    /// P V: Σⱼ Pᵢⱼ Vⱼ for V of m×w values, row-major, of any width w ≥ 1; n×w.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if the number of values is not a multiple of m, and the engine's own.
    pub fn product(&self, values: &[f64]) -> Result<Vec<f64>> {
        block_on(self.product_async(values))
    }

    /// [`product`](Self::product) without blocking a thread.
    ///
    /// # Errors
    ///
    /// Those of [`product`](Self::product).
    pub async fn product_async(&self, values: &[f64]) -> Result<Vec<f64>> {
        self.weighted(Place::Source, values).await
    }

    /// Pᵀ U: Σᵢ Pᵢⱼ Uᵢ for U of n×w values, row-major, of any width w ≥ 1; m×w.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if the number of values is not a multiple of n, and the engine's own.
    pub fn product_transposed(&self, values: &[f64]) -> Result<Vec<f64>> {
        block_on(self.product_transposed_async(values))
    }

    /// [`product_transposed`](Self::product_transposed) without blocking a thread.
    ///
    /// # Errors
    ///
    /// Those of [`product_transposed`](Self::product_transposed).
    pub async fn product_transposed_async(&self, values: &[f64]) -> Result<Vec<f64>> {
        self.weighted(Place::Target, values).await
    }

    /// Both marginals, P1 and Pᵀ1.
    ///
    /// # Errors
    ///
    /// The engine's own.
    pub fn marginals(&self) -> Result<(Vec<f64>, Vec<f64>)> {
        let (n, m) = self.shape();
        Ok((
            self.product(&vec![1.0; m])?,
            self.product_transposed(&vec![1.0; n])?,
        ))
    }

    /// ⟨P, C⟩, in units of cost times mass, in one pass.
    ///
    /// # Errors
    ///
    /// The engine's own.
    pub fn transport_cost(&self) -> Result<f64> {
        let State {
            engine,
            kernel,
            frame,
            masses,
            ..
        } = self.state();
        let [source, target] = self.state().sides();
        let pass = Pass::between(engine, *kernel, source, target);
        let costs = block_on(pass.product(Factor::Cost, &vec![1.0; target.len()], 1))?;
        let unit = masses.plan * frame.cost_unit(kernel.cost);
        let constant = if masses.constant() == 0.0 {
            0.0
        } else {
            masses.constant() * sum(self.product(&vec![1.0; target.len()])?)
        };
        Ok(sum(weighted(&source.weights, unit, costs)) + constant)
    }

    /// The barycentric map T(xᵢ) = Σⱼ Pᵢⱼ yⱼ / Σⱼ Pᵢⱼ: the mean destination of each point's mass; n×d, in the
    /// coordinates of the points. Points of weight 0 have an image as well, and so do points whose mass underflows in
    /// an unbalanced plan.
    ///
    /// # Errors
    ///
    /// The engine's own.
    pub fn map(&self) -> Result<Vec<f64>> {
        block_on(self.map_async())
    }

    /// [`map`](Self::map) without blocking a thread.
    ///
    /// # Errors
    ///
    /// The engine's own.
    pub async fn map_async(&self) -> Result<Vec<f64>> {
        let [source, _] = self.state.sides();
        let images = self.means(&source.points, source.near.as_ref()).await?;
        Ok(self.state.natural(Place::Source, images))
    }

    /// The map at other points than those of the source, n×d, row-major: the entropic map
    /// T(x) = Σⱼ bⱼ exp((gⱼ − C(x, yⱼ))/ε) yⱼ / Σⱼ bⱼ exp((gⱼ − C(x, yⱼ))/ε), which extends [`map`](Self::map)
    /// [Pooladian–Niles-Weed'21].
    ///
    /// # Errors
    ///
    /// [`Error::RaggedPoints`], [`Error::NotFinitePoint`], and the engine's own; [`Error::NoGrid`] for a cost that is
    /// a sum over axes between grids.
    pub fn map_points(&self, points: &[f64]) -> Result<Vec<f64>> {
        let State {
            engine,
            frame,
            target,
            ..
        } = self.state();
        if points.is_empty() {
            return Ok(Vec::new());
        }
        let d = target.dimension();
        Measure::uniform(points, d)?;
        let points = Points::of_cloud(engine, frame.place_points(points), d)?;
        block_on(self.means(&points, None))
    }

    /// The entropic map at the n points of a cloud or a grid, n×d, from all columns or those near. It does not depend on
    /// the potential of the rows; that of the target's softmin makes every sum 1, even for a row of very little mass.
    async fn means(&self, rows: &Points<E>, near: Option<&Near>) -> Result<Vec<f64>> {
        let State {
            engine,
            kernel,
            frame,
            ..
        } = self.state();
        let [_, target] = self.state().sides();
        let as_cloud;
        let columns = match (rows, &target.points) {
            (Points::Cloud { .. }, Points::Grid(_)) if self.is_euclidean() => {
                let d = target.dimension();
                as_cloud = Points::of_cloud(engine, target.points.coordinates().into_owned(), d)?;
                &as_cloud
            }
            (_, points) => points,
        };
        let (n, d) = (rows.len(), target.dimension());
        let mut potential = engine.zeros(n)?;
        let mut pass = Pass {
            engine,
            kernel: *kernel,
            rows,
            potential: None,
            columns,
            side: target.side(),
            near,
        };
        pass.softmin(None, false, &mut potential)?;
        pass.potential = Some(&potential);
        // A column of ones beside the coordinates: the sums differ from 1 by rounding, and come from the same pass.
        let coordinates = target.points.coordinates();
        let values: Vec<f64> = coordinates
            .chunks_exact(d)
            .flat_map(|point| std::iter::once(1.0).chain(point.iter().copied()))
            .collect();
        let sums = pass.product(Factor::One, &values, d + 1).await?;
        let rows = sums.chunks_exact(d + 1);
        let mut map: Vec<f64> = rows
            .flat_map(|row| row[1..].iter().map(|sum| sum / row[0]))
            .collect();
        frame.unplace(&mut map);
        Ok(map)
    }

    /// Whether engines can evaluate the cost between any two points.
    fn is_euclidean(&self) -> bool {
        !matches!(self.state.kernel.cost, Cost::SumOverAxes(_))
    }

    /// The rows i of a range, dense: (i, j) at (i − start)·m + j. Computed on the host, in f64, from the engine's
    /// potentials, and stored in full.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for a range beyond the n rows, and the engine's own.
    pub fn rows(&self, range: Range<usize>) -> Result<Vec<f64>> {
        let (n, m) = self.shape();
        if range.end > n {
            let (expected, found) = (n, range.end);
            return Err(Error::Length {
                what: "the rows of a plan",
                expected,
                found,
            });
        }
        let entries = block_on(Entries::of(self.state()))?;
        let row = |i| {
            let mut row = vec![0.0; m];
            for (j, exponent) in entries.exponents(i) {
                row[j] = entries.mass(i, exponent);
            }
            row
        };
        Ok(range.flat_map(row).collect())
    }

    /// For each point of the source the j of the largest Pᵢⱼ, which gets most of its mass; the first one in a tie.
    /// Points that send no mass have `None`. Takes one pass on the device.
    ///
    /// # Errors
    ///
    /// The engine's own.
    pub fn assignment(&self) -> Result<Vec<Option<usize>>> {
        block_on(self.assignment_async())
    }

    /// [`assignment`](Self::assignment) without blocking a thread.
    ///
    /// # Errors
    ///
    /// The engine's own.
    pub async fn assignment_async(&self) -> Result<Vec<Option<usize>>> {
        let State {
            engine,
            kernel,
            masses,
            ..
        } = self.state();
        let [source, target] = self.state().sides();
        // The largest log bⱼ + (gⱼ − Cᵢⱼ)/ε is the least Cᵢⱼ − (gⱼ + ε log bⱼ).
        let mut g = engine.read(&target.potential).await?;
        for (g, b) in g.iter_mut().zip(&target.weights) {
            *g += if *b > 0.0 {
                kernel.epsilon * b.ln()
            } else {
                0.0
            };
        }
        let potential = engine.vector(&g)?;
        let pass = Pass {
            engine,
            kernel: *kernel,
            rows: &source.points,
            potential: None,
            columns: &target.points,
            side: Side::new(&target.on_device, &potential),
            near: source.near.as_ref(),
        };
        let Nearest { columns, values } = pass.nearest().await?;
        let f = engine.read(&source.potential).await?;
        let rows = columns.into_iter().zip(values);
        let rows = rows.zip(source.weights.iter().zip(&f));
        let largest = |((column, value), (a, f)): ((Option<u32>, f64), (&f64, &f64))| {
            let mass = masses.plan * a * ((f - value) / kernel.epsilon).exp();
            let j = column.filter(|_| mass > 0.0)? as usize;
            Some(match &self.state().ordered {
                Some(ordered) => ordered.orders[1][j],
                None => j,
            })
        };
        let assigned = rows.map(largest).collect();
        Ok(self.state().natural(Place::Source, assigned))
    }

    /// The `k` largest entries of each row as (j, Pᵢⱼ), largest first; fewer if a row has fewer entries above 0.
    /// Computed on the host, in f64, from the engine's potentials.
    ///
    /// # Errors
    ///
    /// The engine's own.
    pub fn top_k(&self, k: usize) -> Result<Vec<Vec<(usize, f64)>>> {
        let entries = block_on(Entries::of(self.state()))?;
        let k = k.min(entries.columns());
        let row = |i| {
            // Sorted by decreasing exponent; most columns fail the first comparison.
            let mut best: Vec<(usize, f64)> = Vec::with_capacity(k + 1);
            for (j, exponent) in entries.exponents(i) {
                if best.len() < k || best.last().is_some_and(|(_, least)| exponent > *least) {
                    let place = best.partition_point(|(_, other)| *other >= exponent);
                    best.insert(place, (j, exponent));
                    best.truncate(k);
                }
            }
            let masses = best
                .into_iter()
                .map(|(j, exponent)| (j, entries.mass(i, exponent)));
            masses.filter(|(_, mass)| *mass > 0.0).collect()
        };
        Ok((0..self.shape().0).map(row).collect())
    }

    /// The plan's rows of one side times values of the points of the other.
    async fn weighted(&self, place: Place, values: &[f64]) -> Result<Vec<f64>> {
        let State {
            engine,
            kernel,
            masses,
            ..
        } = self.state();
        let [source, target] = self.state().sides();
        let (rows, columns, other) = match place {
            Place::Source => (source, target, Place::Target),
            Place::Target => (target, source, Place::Source),
        };
        let (_, m) = match place {
            Place::Source => self.shape(),
            Place::Target => {
                let (n, m) = self.shape();
                (m, n)
            }
        };
        if values.is_empty() || !values.len().is_multiple_of(m) {
            return Err(Error::Length {
                what: "the factor of the plan",
                expected: m,
                found: values.len(),
            });
        }
        let pass = Pass::between(engine, *kernel, rows, columns);
        let width = values.len() / m;
        let values = self.state().ordered(other, values);
        let sums = pass.product(Factor::One, &values, width).await?;
        let products = weighted(&rows.weights, masses.plan, sums);
        Ok(self.state().natural(place, products))
    }
}
