//! Passes between grids, axis by axis.
//!
//! Where the cost is a sum over axes, C = Σₖ Cₖ, the kernel is a product over axes, and a softmin is one softmin per
//! axis:
//!
//! ```text
//! t₁ = T_b(g) along axis 1,   t₂ = T(−t₁) along axis 2,   …,   T_b(g) = t_d
//! ```
//!
//! Each runs over the lines of its axis, O(n Σ nₖ) for n = n₁⋯n_d points. Weights enter before the first axis. On the
//! first axes the densities have rows of sum 1, exp((t₁ + g − C₁)/ε), exp((t₂ − t₁ − C₂)/ε), …, and the last one has
//! the potential f of the rows, so that a product with the plan is a chain of products and nothing leaves the range
//! of a float:
//!
//! ```text
//! V₁ = Σ b exp((t₁ + g − C₁)/ε) V,   V₂ = Σ exp((t₂ − t₁ − C₂)/ε) V₁,   …,   V_d = Σ exp((f − t_{d−1} − C_d)/ε) V_{d−1}
//! ```
//!
//! With the cost as a factor there is a second chain, W₀ = 0 and Wₖ = Σ exp(·) Wₖ₋₁ + Σ exp(·) Cₖ Vₖ₋₁.

use super::points::Axis;
use crate::engine::{Factor, Integrand, Kernel, Lines, Nearest, Pairs, Side};
use crate::{Engine, Result};

/// The kernel of one axis.
#[derive(Clone, Copy)]
pub(crate) struct GridPass<'p, E: Engine> {
    pub(crate) engine: &'p E,
    /// That of one axis.
    pub(crate) kernel: Kernel,
    pub(crate) rows: &'p [Axis<E>],
    pub(crate) columns: &'p [Axis<E>],
    pub(crate) side: Side<'p, E::Weights, E::Vector>,
    /// The number of histograms on the columns, side by side at each point.
    pub(crate) histograms: usize,
}

impl<'p, E: Engine> GridPass<'p, E> {
    /// The pairs along axis k, where the axes before it are those of the rows already.
    fn along(&self, k: usize) -> Pairs<'p, E::Points> {
        let count = |axes: &[Axis<E>]| axes.iter().map(|axis| axis.coordinates.len()).product();
        let (rows, columns) = (&self.rows[k], &self.columns[k]);
        Pairs::new(self.kernel, &rows.on_device, &columns.on_device).with_lines(Lines {
            outer: count(&self.rows[..k]),
            inner: count(&self.columns[k + 1..]) * self.histograms,
        })
    }

    /// The length of a vector whose first axes are those of the rows already.
    fn length(&self, k: usize) -> usize {
        let (rows, columns) = (&self.rows[..k], &self.columns[k..]);
        let lengths = rows.iter().chain(columns);
        let points: usize = lengths.map(|axis| axis.coordinates.len()).product();
        points * self.histograms
    }

    fn last(&self) -> usize {
        self.rows.len() - 1
    }

    /// tₖ and −tₖ for all axes but the last.
    fn transforms(&self) -> Result<Vec<Transform<E>>> {
        let mut transforms: Vec<Transform<E>> = Vec::new();
        for k in 0..self.last() {
            let side = self.side_at(k, &transforms);
            let length = self.length(k + 1);
            let mut values = self.engine.zeros(length)?;
            self.engine
                .softmin(self.along(k), side, None, None, &mut values)?;
            let mut negated = self.engine.zeros(length)?;
            self.engine.combine(&[(-1.0, &values)], &mut negated)?;
            transforms.push(Transform { values, negated });
        }
        Ok(transforms)
    }

    /// The weights and potential of the columns along an axis.
    fn side_at<'s>(
        &'s self,
        k: usize,
        transforms: &'s [Transform<E>],
    ) -> Side<'s, E::Weights, E::Vector> {
        match k.checked_sub(1).and_then(|before| transforms.get(before)) {
            None => self.side,
            Some(before) => Side {
                weights: None,
                potential: Some(&before.negated),
            },
        }
    }

    /// The softmin for all points of the grid of rows.
    pub(crate) fn softmin(&self, guess: Option<&E::Vector>, out: &mut E::Vector) -> Result<()> {
        let transforms = self.transforms()?;
        let last = self.last();
        let side = self.side_at(last, &transforms);
        self.engine
            .softmin(self.along(last), side, guess, None, out)
    }

    /// The densities of all axes, for products with any number of values; `potential` is the potential of the rows.
    pub(crate) fn densities(self, potential: Option<&'p E::Vector>) -> Result<Densities<'p, E>> {
        // Without potentials no row is scaled to a sum of 1.
        let plain = self.kernel.epsilon.is_infinite()
            || (self.side.potential.is_none() && potential.is_none());
        Ok(Densities {
            transforms: if plain {
                Vec::new()
            } else {
                self.transforms()?
            },
            plain,
            potential,
            pass: self,
        })
    }

    /// The column of the least cost minus potential for each row, and that value.
    pub(crate) async fn nearest(&self) -> Result<Nearest> {
        let mut side = self.side;
        let mut potential;
        let mut found: Vec<Nearest> = Vec::new();
        for k in 0..=self.last() {
            let nearest = self.engine.nearest(self.along(k), side).await?;
            if k < self.last() {
                // A line without columns has none on the next axis either.
                let values = nearest.values.iter();
                let negated: Vec<f64> = values.map(|value| (-value).max(NOTHING)).collect();
                potential = self.engine.vector(&negated)?;
                side = Side {
                    weights: None,
                    potential: Some(&potential),
                };
            }
            found.push(nearest);
        }
        let columns = (0..self.length(self.rows.len())).map(|row| self.column_of(row, &found));
        let columns = columns.collect();
        let values = found.pop().map_or_else(Vec::new, |last| last.values);
        let values = values.into_iter().map(|value| {
            if value >= -NOTHING {
                f64::INFINITY
            } else {
                value
            }
        });
        Ok(Nearest {
            columns,
            values: values.collect(),
        })
    }

    /// The column of a row, axis by axis from the last: the column along an axis depends on those along the axes
    /// after it.
    fn column_of(&self, row: usize, found: &[Nearest]) -> Option<u32> {
        let counts = |axes: &[Axis<E>]| -> Vec<usize> {
            axes.iter().map(|axis| axis.coordinates.len()).collect()
        };
        let (rows, columns) = (counts(self.rows), counts(self.columns));
        let mut place = vec![0; rows.len()];
        let mut rest = row;
        for k in (0..rows.len()).rev() {
            place[k] = rest % rows[k];
            rest /= rows[k];
        }
        for k in (0..rows.len()).rev() {
            let shape = rows[..=k].iter().chain(&columns[k + 1..]);
            let index = shape.zip(&place).fold(0, |index, (n, i)| index * n + i);
            place[k] = (*found.get(k)?.columns.get(index)?)? as usize;
        }
        let column = columns.iter().zip(&place);
        u32::try_from(column.fold(0, |index, (m, j)| index * m + j)).ok()
    }
}

/// The density of a plan along each axis.
pub(crate) struct Densities<'p, E: Engine> {
    pass: GridPass<'p, E>,
    transforms: Vec<Transform<E>>,
    potential: Option<&'p E::Vector>,
    /// Whether there are no potentials.
    plain: bool,
}

impl<E: Engine> Densities<'_, E> {
    /// The product along an axis, with one value a column.
    fn along(&self, k: usize, factor: Factor, values: &E::Vector) -> Result<E::Vector> {
        let Self {
            pass, transforms, ..
        } = self;
        let rows = match transforms.get(k) {
            Some(transform) => Some(&transform.values),
            None => self.potential,
        };
        let side = match (self.plain, k) {
            (true, 1..) => Side {
                weights: None,
                potential: None,
            },
            _ => pass.side_at(k, transforms),
        };
        let integrand = Integrand {
            factor,
            values,
            width: 1,
        };
        let mut out = pass.engine.zeros(pass.length(k + 1))?;
        pass.engine
            .product(pass.along(k), rows, side, integrand, &mut out)?;
        Ok(out)
    }

    /// Σⱼ πᵢⱼ φ(Cᵢⱼ) Vⱼ, with one value a column.
    pub(crate) fn product(
        &self,
        factor: Factor,
        values: &E::Vector,
        out: &mut E::Vector,
    ) -> Result<()> {
        let engine = self.pass.engine;
        let of_cost = factor == Factor::Cost;
        let (mut made, mut costs): (Option<E::Vector>, Option<E::Vector>) = (None, None);
        for k in 0..=self.pass.last() {
            let values = made.as_ref().unwrap_or(values);
            if of_cost {
                let mut sum = self.along(k, Factor::Cost, values)?;
                if let Some(before) = &costs {
                    let carried = self.along(k, Factor::One, before)?;
                    let added = sum;
                    sum = engine.zeros(self.pass.length(k + 1))?;
                    engine.combine(&[(1.0, &added), (1.0, &carried)], &mut sum)?;
                }
                costs = Some(sum);
            }
            if !of_cost || k < self.pass.last() {
                made = Some(self.along(k, Factor::One, values)?);
            }
        }
        let result = if of_cost { &costs } else { &made };
        match result {
            Some(result) => engine.combine(&[(1.0, result)], out),
            None => Ok(()),
        }
    }
}

/// The potential of a column without weight.
const NOTHING: f64 = -1e30;

/// The softmin along an axis, and its negative, which is the potential of the next axis.
struct Transform<E: Engine> {
    values: E::Vector,
    negated: E::Vector,
}
