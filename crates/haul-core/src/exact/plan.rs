//! The result of exact transport: a sparse plan, potentials, and the bounds that prove it.

use crate::linalg::{dot, sum};
use crate::{Bounds, Coupling, Error, Measure, Potentials, Precision, Result};

/// A plan as the list of its entries above 0. An optimal basis has at most n + m − 1 of them.
#[derive(Debug, Clone, PartialEq)]
pub struct SparsePlan {
    columns: usize,
    /// The first entry of each row, and the number of entries.
    starts: Vec<usize>,
    /// Columns and masses, sorted by row and column.
    entries: Vec<(u32, f64)>,
    cost: f64,
    /// m×`dimension`.
    target: Vec<f64>,
    dimension: usize,
}

impl SparsePlan {
    /// A plan of n rows and m columns; entries of the same place are added.
    pub(super) fn new([rows, columns]: [usize; 2], mut entries: Entries, cost: f64) -> Self {
        entries.sort_unstable_by_key(|&(row, column, _)| (row, column));
        entries.dedup_by(|next, kept| {
            let same = (next.0, next.1) == (kept.0, kept.1);
            if same {
                kept.2 += next.2;
            }
            same
        });
        let mut starts = vec![0; rows + 1];
        for (row, _, _) in &entries {
            starts[row + 1] += 1;
        }
        for row in 0..rows {
            starts[row + 1] += starts[row];
        }
        let entries = entries.into_iter();
        Self {
            columns,
            starts,
            entries: entries
                .map(|(_, column, mass)| (column as u32, mass))
                .collect(),
            cost,
            target: Vec::new(),
            dimension: 0,
        }
    }

    /// The same onto the points of a measure.
    pub(super) fn onto(self, target: &Measure) -> Self {
        Self {
            target: target.points().to_vec(),
            dimension: target.dimension(),
            ..self
        }
    }

    /// The number of entries above 0.
    #[allow(clippy::len_without_is_empty)] // a plan moves mass
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entries above 0 as (i, j, Pᵢⱼ), sorted by row and column.
    pub fn entries(&self) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        let rows = self.starts.windows(2).enumerate();
        rows.flat_map(|(row, range)| {
            let entries = &self.entries[range[0]..range[1]];
            entries
                .iter()
                .map(move |&(column, mass)| (row, column as usize, mass))
        })
    }

    /// The entries of a row as (j, Pᵢⱼ); none for a row that does not exist.
    fn row(&self, row: usize) -> &[(u32, f64)] {
        match self.starts.get(row..row + 2) {
            Some(range) => &self.entries[range[0]..range[1]],
            None => &[],
        }
    }

    /// The j that each row sends all of its mass to, if the plan is a permutation: each row and each column has exactly one
    /// entry. Between uniform measures of as many points there always is an optimal plan that is one.
    pub fn permutation(&self) -> Option<Vec<usize>> {
        let mut taken = vec![false; self.columns];
        let rows = 0..self.starts.len() - 1;
        let image = |row| match self.row(row) {
            [(column, _)] => {
                let column = *column as usize;
                (!std::mem::replace(&mut taken[column], true)).then_some(column)
            }
            _ => None,
        };
        let permutation: Vec<usize> = rows.map(image).collect::<Option<_>>()?;
        (permutation.len() == self.columns).then_some(permutation)
    }

    fn checked_width(&self, values: &[f64], points: usize) -> Result<usize> {
        if values.is_empty() || !values.len().is_multiple_of(points) {
            return Err(Error::Length {
                what: "the factor of the plan",
                expected: points,
                found: values.len(),
            });
        }
        Ok(values.len() / points)
    }
}

impl Coupling for SparsePlan {
    fn shape(&self) -> (usize, usize) {
        (self.starts.len() - 1, self.columns)
    }

    fn product(&self, values: &[f64]) -> Result<Vec<f64>> {
        let (n, m) = self.shape();
        let width = self.checked_width(values, m)?;
        let mut out = vec![0.0; n * width];
        for (row, column, mass) in self.entries() {
            let values = &values[column * width..][..width];
            for (sum, value) in out[row * width..][..width].iter_mut().zip(values) {
                *sum += mass * value;
            }
        }
        Ok(out)
    }

    fn product_transposed(&self, values: &[f64]) -> Result<Vec<f64>> {
        let (n, m) = self.shape();
        let width = self.checked_width(values, n)?;
        let mut out = vec![0.0; m * width];
        for (row, column, mass) in self.entries() {
            let values = &values[row * width..][..width];
            for (sum, value) in out[column * width..][..width].iter_mut().zip(values) {
                *sum += mass * value;
            }
        }
        Ok(out)
    }

    /// A point without mass has no destination; its image is NaN. A plan of an explicit matrix of costs has no points, and
    /// its map is empty.
    fn map(&self) -> Result<Vec<f64>> {
        if self.dimension == 0 {
            return Ok(Vec::new());
        }
        let mut map = self.product(&self.target)?;
        for (row, image) in map.chunks_exact_mut(self.dimension).enumerate() {
            let mass = sum(self.row(row).iter().map(|(_, mass)| *mass));
            image.iter_mut().for_each(|x| *x /= mass);
        }
        Ok(map)
    }

    fn top_k(&self, k: usize) -> Result<Vec<Vec<(usize, f64)>>> {
        let row = |row| {
            let entries = self.row(row).iter();
            let mut entries: Vec<_> = entries.map(|&(j, mass)| (j as usize, mass)).collect();
            entries.sort_by(|(_, one), (_, other)| other.total_cmp(one));
            entries.truncate(k);
            entries
        };
        Ok((0..self.shape().0).map(row).collect())
    }

    fn transport_cost(&self) -> Result<f64> {
        Ok(self.cost)
    }
}

/// All numbers of a solution of exact transport. Costs are in units of |x − y|^p, times mass.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ExactReport {
    /// Number of points of the source measure.
    pub n: usize,
    /// Number of points of the target measure.
    pub m: usize,
    /// Dimension of the space; 0 for an explicit matrix of costs.
    pub d: usize,
    /// The power p of the cost |x − y|^p; 1 for an explicit matrix of costs.
    pub p: f64,
    /// ⟨P, C⟩ of the plan: W_p^p if the solve was not stopped early.
    pub value: f64,
    /// Bounds of W_p^p. The lower one is a value of the dual at potentials that satisfy f + g ≤ C; the upper one is the cost of
    /// a plan. Both include the rounding of every cost and sum. Weights are rounded to 52 bits of the mass: the marginals of the
    /// plan differ from the weights by at most (n + m) 2⁻⁵² of it, and the bounds are those between these marginals.
    pub bounds: Bounds,
    /// (upper − lower)/value: the largest relative error of the value; 0 if the bounds are equal.
    pub gap: f64,
    /// The gap at which the solve ends.
    pub tolerance: f64,
    /// Whether the gap meets the tolerance: the plan is proved optimal up to it.
    pub proved: bool,
    /// The mass that the plan moves.
    pub mass: f64,
    /// The problems on a list of arcs that were solved; 0 in one dimension.
    pub rounds: usize,
    /// The arcs of the last of them.
    pub arcs: usize,
    /// Pivots of the network simplex method in all rounds.
    pub pivots: usize,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// The device that found the potentials to start from, and searched for violated arcs in more than 7 dimensions; empty if
    /// none was needed.
    pub device: String,
    /// The precision of the search for violated arcs: that of the device in more than 7 dimensions, and f64 in fewer, where the
    /// host searches.
    pub precision: Precision,
}

/// A solution of exact transport.
#[derive(Debug, Clone, PartialEq)]
pub struct ExactSolution {
    pub(super) plan: SparsePlan,
    pub(super) potentials: Potentials,
    pub(super) report: ExactReport,
}

impl ExactSolution {
    /// ⟨P, C⟩: W_p^p, within the [bounds](ExactReport::bounds).
    pub fn value(&self) -> f64 {
        self.report.value
    }

    /// W_p for each unit of mass: (value/mass)^{1/p}.
    pub fn distance(&self) -> f64 {
        self.report.length(self.report.value)
    }

    /// Every number of the solution.
    pub fn report(&self) -> &ExactReport {
        &self.report
    }

    /// The plan.
    pub fn plan(&self) -> &SparsePlan {
        &self.plan
    }

    /// Potentials f and g with f + g ≤ C up to rounding and to the gap, and equality where the plan moves mass.
    pub fn potentials(&self) -> &Potentials {
        &self.potentials
    }
}

impl ExactReport {
    /// A cost as a length for each unit of mass.
    pub fn length(&self, cost: f64) -> f64 {
        if cost > 0.0 {
            (cost / self.mass).powf(1.0 / self.p)
        } else {
            0.0
        }
    }

    /// The bounds of W_p, for each unit of mass.
    pub fn distance_bounds(&self) -> Bounds {
        let Bounds { lower, upper } = self.bounds;
        Bounds {
            lower: self.length(lower),
            upper: self.length(upper),
        }
    }
}

/// Entries of a plan as (row, column, mass), in any order.
pub(super) type Entries = Vec<(usize, usize, f64)>;

/// The costs of a problem.
pub(super) struct Costs<'c> {
    /// The cost of a pair.
    pub(super) between: &'c (dyn Fn(usize, usize) -> f64 + Sync),
    /// Its relative error.
    pub(super) relative: f64,
    /// Bounds of all costs.
    pub(super) range: [f64; 2],
}

/// The value of a plan and how far above W_p^p it may be.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Primal {
    pub(super) value: f64,
    pub(super) upper: f64,
}

impl Primal {
    /// The cost of entries. Mass that the entries lack, or have in excess of the measures, may have to go as far as the largest
    /// cost, unless it is a rounding of the masses: the bounds are then those of measures whose weights are rounded so.
    pub(super) fn of(
        entries: &[(usize, usize, f64)],
        weights: [&[f64]; 2],
        costs: &Costs<'_>,
    ) -> Self {
        let mut left = weights.map(<[f64]>::to_vec);
        let mut size = 0.0;
        let terms = entries.iter().map(|&(row, column, mass)| {
            left[0][row] -= mass;
            left[1][column] -= mass;
            let cost = mass * (costs.between)(row, column);
            size += cost.abs();
            cost
        });
        let value = sum(terms);
        let [a, b] = left.map(|left| sum(left.iter().map(|mass| mass.abs())));
        let rounding = (costs.relative + 4.0 * f64::EPSILON) * size;
        let [least, largest] = costs.range;
        let mass: f64 = weights[0].iter().sum();
        let points = weights[0].len() + weights[1].len();
        let missing = (0.5 * (a + b) - points as f64 * f64::EPSILON * mass).max(0.0);
        Self {
            value,
            upper: value + rounding + missing * (largest - least),
        }
    }
}

/// ⟨a, u⟩ + ⟨b, v⟩, less what rounding may add to it.
pub(super) fn dual([a, b]: [&[f64]; 2], [u, v]: [&[f64]; 2]) -> f64 {
    let size = |weights: &[f64], values: &[f64]| -> f64 {
        let terms = weights.iter().zip(values);
        terms.map(|(weight, value)| weight * value.abs()).sum()
    };
    dot(a, u) + dot(b, v) - 4.0 * f64::EPSILON * (size(a, u) + size(b, v))
}
