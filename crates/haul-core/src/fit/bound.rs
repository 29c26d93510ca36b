//! A lower bound of Σ λₛ OT_ε(b, bₛ) for all measures b of the space.
//!
//! OT_ε(b, bₛ) ≥ ⟨bₛ, g⟩ + ⟨b, T_{bₛ}(g)⟩ for any potential g, so the sum is at least Σ λₛ⟨bₛ, gₛ⟩ plus the minimum of
//! t̄ = Σ λₛ T_{bₛ}(gₛ). Where t̄ is least, x is a mean of points of the inputs, so the bounding box of all inputs has the minimum.
//!
//! t̄ is |x|² less a convex function, because a softmin of |x − y|² − g is |x|² less a maximum of linear functions, smoothed. So
//! on a cell with corners v and sides s
//!
//! ```text
//! t̄(x)  ≥  min over v of t̄(v) − Σₖ sₖ²/4
//! ```
//!
//! by concavity along the multilinear mean of the corners, whose variance is at most Σ sₖ²/4. Cells whose bound is far below the
//! least value on the support are divided.

use super::average::Evidence;
use crate::engine::{Kernel, Side};
use crate::linalg::mean;
use crate::pass::{Pass, Points};
use crate::problem::Rounding;
use crate::{Cost, Engine, Frame, Measure, Result};

/// The largest dimension of a box that is divided.
pub(super) const MOST_DIMENSIONS: usize = 3;

/// The number of cells that are looked at.
const MOST_CELLS: usize = 1 << 17;

/// Cells along the longest side of the box at first.
const FIRST: f64 = 8.0;

/// The bound may be so far below the least value on the support, over ε.
const SLACK: f64 = 0.01;

/// Divisions of a cell's side, at most: corners are counted with 20 bits a coordinate.
const MOST_LEVELS: u32 = 16;

/// The bits of a coordinate in the key of a corner.
const BITS: u32 = 21;

/// A measure with a potential, whose softmin is evaluated anywhere.
struct Field<'e, E: Engine> {
    engine: &'e E,
    frame: &'e Frame,
    kernel: Kernel,
    columns: Points<E>,
    weights: E::Weights,
    potential: E::Vector,
    /// An upper bound of the error of a value, in units of the cost.
    margin: f64,
}

/// The box, as cells of a level.
struct Cells {
    low: Vec<f64>,
    /// The sides of a cell.
    sides: Vec<f64>,
    /// The place of each cell, counted in sides along each axis.
    places: Vec<[u32; MOST_DIMENSIONS]>,
}

/// All transforms of a bound.
struct Fields<'e, E: Engine> {
    inputs: Vec<Field<'e, E>>,
    lambda: &'e [f64],
}

/// The lower bound described at [`FreeAverage::lower_bound`](super::FreeAverage::lower_bound).
pub(super) async fn lower<E: Engine>(engine: &E, evidence: &Evidence) -> Result<f64> {
    let Evidence {
        inputs,
        lambda,
        potentials,
        support,
        epsilon,
    } = evidence;
    let cost = Cost::SquaredEuclidean;
    let all: Vec<&Measure> = inputs.iter().chain([support]).collect();
    let frame = Frame::of(&all).for_kernel(cost, *epsilon);
    let kernel = Kernel {
        cost,
        epsilon: epsilon / frame.cost_unit(cost),
    };
    let field = |measure, potential| Field::new(engine, (&frame, kernel), measure, potential);
    let fields = Fields {
        inputs: inputs
            .iter()
            .zip(potentials)
            .map(|(input, g)| field(input, g))
            .collect::<Result<_>>()?,
        lambda,
    };
    let least = fields.least(inputs, support, *epsilon).await?;
    let linear: f64 = inputs
        .iter()
        .zip(potentials)
        .zip(lambda)
        .map(|((input, g), lambda)| lambda * mean(input.weights(), g.iter().copied()))
        .sum();
    Ok(linear + least - fields.margin())
}

impl<'e, E: Engine> Field<'e, E> {
    /// The potential is in units of the cost.
    fn new(
        engine: &'e E,
        (frame, kernel): (&'e Frame, Kernel),
        measure: &Measure,
        potential: &[f64],
    ) -> Result<Self> {
        let unit = frame.cost_unit(kernel.cost);
        let potential: Vec<f64> = potential.iter().map(|g| g / unit).collect();
        let height = potential.iter().fold(0.0, |most: f64, g| most.max(g.abs()));
        let rounding = Rounding::of(engine, kernel.cost, frame, measure.len());
        let heights = [height + rounding.largest_cost(), height];
        let margin = rounding.cost() + kernel.epsilon * rounding.term(kernel, heights);
        Ok(Self {
            engine,
            frame,
            kernel,
            columns: Points::of_cloud(engine, frame.place(measure), measure.dimension())?,
            weights: engine.weights(measure.weights(), 1)?,
            potential: engine.vector(&potential)?,
            margin: unit * margin,
        })
    }

    /// The softmin at points, in units of the cost.
    async fn values(&self, points: &[f64]) -> Result<Vec<f64>> {
        let Self { engine, frame, .. } = self;
        let rows = frame.place_points(points);
        let rows = Points::of_cloud(*engine, rows, self.columns.dimension())?;
        let mut transform = engine.zeros(rows.len())?;
        let pass = Pass {
            engine: *engine,
            kernel: self.kernel,
            rows: &rows,
            potential: None,
            columns: &self.columns,
            side: Side::new(&self.weights, &self.potential),
            near: None,
        };
        pass.softmin(None, false, &mut transform)?;
        let unit = frame.cost_unit(self.kernel.cost);
        let transform = engine.read(&transform).await?;
        Ok(transform.into_iter().map(|t| unit * t).collect())
    }
}

impl<E: Engine> Fields<'_, E> {
    /// The error of a value of t̄.
    fn margin(&self) -> f64 {
        let terms = self.inputs.iter().zip(self.lambda);
        terms.map(|(field, lambda)| lambda * field.margin).sum()
    }

    /// t̄ at points.
    async fn mean(&self, points: &[f64]) -> Result<Vec<f64>> {
        let mut sums = Vec::new();
        for (field, lambda) in self.inputs.iter().zip(self.lambda) {
            let values = field.values(points).await?;
            sums.resize(values.len(), 0.0);
            let pairs = sums.iter_mut().zip(values);
            pairs.for_each(|(sum, t)| *sum += lambda * t);
        }
        Ok(sums)
    }

    /// A lower bound of the minimum of t̄ over the box of the inputs, up to the rounding of values.
    async fn least(&self, inputs: &[Measure], support: &Measure, epsilon: f64) -> Result<f64> {
        let incumbent = self.mean(support.points()).await?;
        let found = incumbent.into_iter().fold(f64::INFINITY, f64::min);
        let goal = found - SLACK * epsilon;
        let mut cells = Cells::of(inputs);
        let mut left = MOST_CELLS;
        let mut least = f64::INFINITY;
        for _ in 0..MOST_LEVELS {
            let bounds = self.bounds(&cells).await?;
            left = left.saturating_sub(cells.places.len());
            let children = 1 << cells.low.len();
            let pairs = bounds.into_iter().zip(cells.places.iter().copied());
            let mut order: Vec<(f64, [u32; MOST_DIMENSIONS])> = pairs.collect();
            order.sort_by(|a, b| a.0.total_cmp(&b.0));
            let far = order.partition_point(|(bound, _)| *bound < goal);
            let divided = far.min(left / children);
            if let Some((bound, _)) = order.get(divided) {
                least = least.min(*bound);
            }
            cells.places = order
                .iter()
                .take(divided)
                .map(|(_, place)| *place)
                .collect();
            if cells.places.is_empty() {
                return Ok(least);
            }
            cells.divide();
        }
        let last = self.bounds(&cells).await?;
        Ok(last.into_iter().fold(least, f64::min))
    }

    /// A lower bound on each cell.
    async fn bounds(&self, cells: &Cells) -> Result<Vec<f64>> {
        let (keys, of_cells) = cells.corners();
        let values = self.mean(&cells.points(&keys)).await?;
        let spread: f64 = cells.sides.iter().map(|side| 0.25 * side * side).sum();
        let corners = of_cells.chunks_exact(1 << cells.low.len());
        let least = |corners: &[usize]| {
            let values = corners.iter().map(|corner| values[*corner]);
            values.fold(f64::INFINITY, f64::min) - spread
        };
        Ok(corners.map(least).collect())
    }
}

impl Cells {
    /// The first cells of the bounding box of some measures.
    fn of(measures: &[Measure]) -> Self {
        let d = measures.first().map_or(0, Measure::dimension);
        let mut low = vec![f64::INFINITY; d];
        let mut high = vec![f64::NEG_INFINITY; d];
        for point in measures.iter().flat_map(|m| m.points().chunks_exact(d)) {
            for ((low, high), x) in low.iter_mut().zip(&mut high).zip(point) {
                *low = low.min(*x);
                *high = high.max(*x);
            }
        }
        let widths: Vec<f64> = low.iter().zip(&high).map(|(l, h)| h - l).collect();
        let largest = widths.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let count = |width: &f64| (FIRST * width / largest).ceil().max(1.0);
        let counts: Vec<u32> = widths.iter().map(|width| count(width) as u32).collect();
        let sides = widths
            .iter()
            .zip(&counts)
            .map(|(width, n)| width / f64::from(*n));
        let of_axis = |k: usize| counts.get(k).copied().unwrap_or(1);
        let mut places = Vec::new();
        for i in 0..of_axis(0) {
            for j in 0..of_axis(1) {
                places.extend((0..of_axis(2)).map(|k| [i, j, k]));
            }
        }
        Self {
            sides: sides.collect(),
            low,
            places,
        }
    }

    /// Halves every side.
    fn divide(&mut self) {
        let d = self.low.len();
        let parts = |place: &[u32; MOST_DIMENSIONS]| {
            let place = *place;
            (0..1u32 << d).map(move |part| {
                let mut child = place.map(|at| 2 * at);
                for (k, at) in child.iter_mut().enumerate().take(d) {
                    *at += part >> k & 1;
                }
                child
            })
        };
        self.places = self.places.iter().flat_map(parts).collect();
        self.sides.iter_mut().for_each(|side| *side *= 0.5);
    }

    /// The different corners, in ascending order, and the index of each corner of each cell.
    fn corners(&self) -> (Vec<u64>, Vec<usize>) {
        let d = self.low.len();
        let key = |place: &[u32; MOST_DIMENSIONS], v: usize| -> u64 {
            let bits = place.iter().enumerate().take(d);
            bits.map(|(k, at)| u64::from(*at + (v >> k & 1) as u32) << (BITS * k as u32))
                .sum()
        };
        let all = self
            .places
            .iter()
            .flat_map(|place| (0..1 << d).map(move |v| key(place, v)));
        let all: Vec<u64> = all.collect();
        let mut different = all.clone();
        different.sort_unstable();
        different.dedup();
        let index = |key: &u64| different.partition_point(|other| other < key);
        let of_cells = all.iter().map(index).collect();
        (different, of_cells)
    }

    /// The corners of these keys, n×d.
    fn points(&self, keys: &[u64]) -> Vec<f64> {
        let axes = || self.low.iter().zip(&self.sides).enumerate();
        let point = |key: &u64| {
            let key = *key;
            axes().map(move |(k, (low, side))| {
                let at = key >> (BITS * k as u32) & ((1 << BITS) - 1);
                low + at as f64 * side
            })
        };
        keys.iter().flat_map(point).collect()
    }
}
