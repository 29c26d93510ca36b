//! The search for arcs of negative reduced cost by dense passes of an engine.
//!
//! A pass finds the nearest column of each row, min Cᵢⱼ − vⱼ. The columns lie in interleaved parts, one pass each: the nearest
//! columns of all parts are a short list of near columns, for the pairs of one pass.

use super::super::coarse;
use super::Priced;
use crate::engine::{Kernel, Pairs, Side};
use crate::problem::Rounding;
use crate::{Cost, Engine, Frame, Result};

/// Points of a part, at least.
const PART: usize = 16;

/// The most parts, and so the most arcs of a point that one search finds.
const PARTS: usize = 16;

/// All points of a side on the device, and its parts.
struct Cloud<E: Engine> {
    len: usize,
    all: E::Points,
    parts: Vec<E::Points>,
}

/// Two clouds on an engine.
pub(in crate::exact) struct Passes<'e, E: Engine> {
    engine: &'e E,
    kernel: Kernel,
    rounding: Rounding,
    /// The unit of costs.
    unit: f64,
    rows: Cloud<E>,
    columns: Cloud<E>,
}

impl<'e, E: Engine> Passes<'e, E> {
    /// Puts two clouds in a frame on a device.
    pub(super) fn new(
        engine: &'e E,
        cost: Cost,
        frame: &Frame,
        clouds: &[coarse::Cloud; 2],
    ) -> Result<Self> {
        let d = frame.dimension();
        let [x, y] = clouds
            .each_ref()
            .map(|cloud| frame.place_points(&cloud.points));
        Ok(Self {
            engine,
            kernel: Kernel { cost, epsilon: 1.0 },
            rounding: Rounding::of_costs(engine.precision(), cost, frame),
            unit: frame.cost_unit(cost),
            rows: Cloud::new(engine, &x, d)?,
            columns: Cloud::new(engine, &y, d)?,
        })
    }

    /// The numbers of rows and columns.
    pub(super) fn sizes(&self) -> [usize; 2] {
        [self.rows.len, self.columns.len]
    }

    /// Searches all pairs with potentials u and v.
    pub(super) async fn search(&self, [u, v]: [&[f64]; 2]) -> Result<Priced> {
        let (row_least, mut arcs) = self.nearest(&self.rows, &self.columns, v).await?;
        let (column_least, other) = self.nearest(&self.columns, &self.rows, u).await?;
        arcs.extend(other.into_iter().map(|(column, row)| (row, column)));
        arcs.sort_unstable();
        arcs.dedup();
        Ok(Priced {
            least: [row_least, column_least],
            arcs,
        })
    }

    /// The bounds of the minima of rows, and the nearest column of each part.
    async fn nearest(
        &self,
        rows: &Cloud<E>,
        columns: &Cloud<E>,
        potential: &[f64],
    ) -> Result<(Vec<f64>, Vec<(usize, usize)>)> {
        let placed: Vec<f64> = potential.iter().map(|value| value / self.unit).collect();
        let height = placed
            .iter()
            .fold(0.0, |most: f64, value| most.max(value.abs()));
        let rounding = self.rounding;
        let error = rounding.minimum([0.0, height]) + rounding.cost() + rounding.near();
        let count = columns.parts.len();
        let mut least = Vec::new();
        let mut arcs = Vec::new();
        for (part, points) in columns.parts.iter().enumerate() {
            let values: Vec<f64> = placed.iter().skip(part).step_by(count).copied().collect();
            let values = self.engine.vector(&values)?;
            let pairs = Pairs::new(self.kernel, &rows.all, points);
            let side = Side {
                weights: None,
                potential: Some(&values),
            };
            let nearest = self.engine.nearest(pairs, side).await?;
            least.resize(nearest.values.len(), f64::INFINITY);
            for (least, value) in least.iter_mut().zip(&nearest.values) {
                *least = value.min(*least);
            }
            let found = nearest.columns.iter().enumerate();
            arcs.extend(found.filter_map(|(row, column)| {
                column.map(|column| (row, column as usize * count + part))
            }));
        }
        for value in &mut least {
            *value = (*value - error) * self.unit;
        }
        Ok((least, arcs))
    }
}

impl<E: Engine> Cloud<E> {
    fn new(engine: &E, points: &[f64], dimension: usize) -> Result<Self> {
        let n = points.len() / dimension;
        let count = (n / PART).clamp(1, PARTS);
        let part = |part: usize| {
            let points = points.chunks_exact(dimension).skip(part).step_by(count);
            engine.points(&points.flatten().copied().collect::<Vec<_>>(), dimension)
        };
        Ok(Self {
            len: n,
            all: engine.points(points, dimension)?,
            parts: (0..count).map(part).collect::<Result<_>>()?,
        })
    }
}
