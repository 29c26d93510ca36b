//! Products with the densities of plans between the support and the inputs, wide where inputs share their points.
//!
//! All are products with Eₛ = exp((rᵢ + gⱼ − Cᵢⱼ)/ε), for potentials r on the support and gₛ on the input.

use crate::engine::{Factor, Side};
use crate::histograms::inputs::{Group, Inputs};
use crate::pass::{Pass, Points, weighted};
use crate::{Engine, Result};
use std::sync::Arc;

/// The potentials gₛ of all inputs on the device, one vector for each group of inputs that share their points.
pub(super) type Duals<E> = Vec<Arc<<E as Engine>::Vector>>;

/// The potential of a value 0 in the exponent of a sum.
const NOTHING: f64 = -1e30;

/// A number for each point of the support and each input, n×inputs, as the sum of a product needs them.
pub(super) struct Columns {
    /// r, with log |V| in it if `values` are signs.
    pub(super) potentials: Vec<f64>,
    /// V.
    pub(super) values: Vec<f64>,
}

impl Columns {
    /// Values whose size is in the exponent: their products stay in the range of a float wherever the results do.
    pub(super) fn of_any_size(potentials: &[f64], values: &[f64], epsilon: f64) -> Self {
        let size = |(potential, value): (&f64, &f64)| match *value == 0.0 {
            true => NOTHING,
            false => potential + epsilon * value.abs().ln(),
        };
        Self {
            potentials: potentials.iter().zip(values).map(size).collect(),
            values: values.iter().map(|value| value.signum()).collect(),
        }
    }
}

/// A part b_j Eₛ,ᵢⱼ uᵢ wⱼ of the derivative in the costs between the support and an input s.
pub(super) struct CostSlopes<'s> {
    pub(super) input: usize,
    /// r, on the support.
    pub(super) potential: &'s [f64],
    /// u, on the support.
    pub(super) rows: &'s [f64],
    /// w, on the input.
    pub(super) columns: &'s [f64],
}

/// Derivatives in the points, in units of the frame.
pub(super) struct PointSums {
    /// n×d.
    pub(super) support: Vec<f64>,
    /// m×d of each input.
    pub(super) inputs: Vec<Vec<f64>>,
}

impl<E: Engine> Inputs<E> {
    /// The current gₛ.
    pub(super) fn duals(&self) -> Duals<E> {
        let potentials = self.groups.iter().map(|group| &group.potential);
        potentials.cloned().collect()
    }

    /// Makes these the current gₛ.
    pub(super) fn restore(&mut self, duals: &Duals<E>) {
        for (group, dual) in self.groups.iter_mut().zip(duals) {
            group.potential = dual.clone();
        }
    }

    fn points_of<'g>(&'g self, group: &'g Group<E>) -> &'g Points<E> {
        group.points.as_ref().unwrap_or(&self.support)
    }

    /// Σᵢ Eₛ,ᵢⱼ Vₛ,ᵢ at each point of each input.
    pub(super) async fn to_inputs(
        &self,
        engine: &E,
        duals: &Duals<E>,
        columns: &Columns,
    ) -> Result<Vec<Vec<f64>>> {
        let mut made = Vec::new();
        for (group, dual) in self.groups.iter().zip(duals) {
            let (points, q) = (self.points_of(group), group.members.len());
            let potentials = self.gathered(engine, group, &columns.potentials)?;
            let values = self.gathered(engine, group, &columns.values)?;
            let pass = Pass {
                engine,
                kernel: self.kernel,
                rows: points,
                potential: Some(&**dual),
                columns: &self.support,
                side: Side {
                    weights: None,
                    potential: Some(&potentials),
                },
                near: None,
            };
            let mut out = engine.zeros(points.len() * q)?;
            pass.products(q, &values, &mut out)?;
            made.push(out);
        }
        let mut sums = vec![Vec::new(); self.count];
        for (group, made) in self.groups.iter().zip(&made) {
            let q = group.members.len();
            let values = engine.read(made).await?;
            for (column, s) in group.members.iter().enumerate() {
                sums[*s] = values.iter().skip(column).step_by(q).copied().collect();
            }
        }
        Ok(sums)
    }

    /// Σⱼ bₛ,ⱼ Eₛ,ᵢⱼ Vₛ,ⱼ at each point of the support, n×inputs, for n×inputs `potentials` r and values of each
    /// input. Values at points of weight 0 are ignored, and may be infinite.
    pub(super) async fn to_support(
        &self,
        engine: &E,
        duals: &Duals<E>,
        potentials: &[f64],
        values: &[Vec<f64>],
    ) -> Result<Vec<f64>> {
        let n = self.support.len();
        let mut made = Vec::new();
        for (group, dual) in self.groups.iter().zip(duals) {
            let (points, q) = (self.points_of(group), group.members.len());
            let potentials = self.gathered(engine, group, potentials)?;
            let value = |k: usize| match group.on_host[k % q][k / q] > 0.0 {
                true => values[group.members[k % q]][k / q],
                false => 0.0,
            };
            let values = engine.vector(&(0..points.len() * q).map(value).collect::<Vec<_>>())?;
            let pass = Pass {
                engine,
                kernel: self.kernel,
                rows: &self.support,
                potential: Some(&potentials),
                columns: points,
                side: Side::new(&group.weights, &**dual),
                near: None,
            };
            let mut out = engine.zeros(n * q)?;
            pass.products(q, &values, &mut out)?;
            made.push(out);
        }
        let mut sums = vec![0.0; n * self.count];
        for (group, made) in self.groups.iter().zip(&made) {
            let q = group.members.len();
            for (k, value) in engine.read(made).await?.into_iter().enumerate() {
                sums[k / q * self.count + group.members[k % q]] = value;
            }
        }
        Ok(sums)
    }

    /// The columns of a group among n×inputs numbers, on the device.
    fn gathered(&self, engine: &E, group: &Group<E>, numbers: &[f64]) -> Result<E::Vector> {
        let q = group.members.len();
        let of_group = |k: usize| numbers[k / q * self.count + group.members[k % q]];
        let length = self.support.len() * q;
        engine.vector(&(0..length).map(of_group).collect::<Vec<_>>())
    }

    /// Zeros for the derivatives in all points.
    pub(super) fn point_sums(&self) -> PointSums {
        let d = self.support.dimension();
        let mut inputs = vec![Vec::new(); self.count];
        for group in &self.groups {
            for s in &group.members {
                inputs[*s] = vec![0.0; self.points_of(group).len() * d];
            }
        }
        PointSums {
            support: vec![0.0; self.support.len() * d],
            inputs,
        }
    }

    /// Adds the derivatives in the points of clouds that a derivative in the costs has.
    pub(super) async fn add_slopes(
        &self,
        engine: &E,
        duals: &Duals<E>,
        costs: CostSlopes<'_>,
        sums: &mut PointSums,
    ) -> Result<()> {
        let s = costs.input;
        let among = |group: &&Group<E>| group.members.contains(&s);
        let groups = self.groups.iter().zip(duals);
        for (group, dual) in groups.filter(|(group, _)| among(group)) {
            let (q, points) = (group.members.len(), self.points_of(group));
            let column = group.members.iter().position(|member| *member == s);
            let column = column.unwrap_or_default();
            let dual = engine.read(dual).await?;
            let dual: Vec<f64> = dual.into_iter().skip(column).step_by(q).collect();
            let b = &group.on_host[column];
            let (weights, dual) = (engine.weights(b, 1)?, engine.vector(&dual)?);
            let potential = engine.vector(costs.potential)?;
            let to_support = Pass {
                engine,
                kernel: self.kernel,
                rows: &self.support,
                potential: Some(&potential),
                columns: points,
                side: Side::new(&weights, &dual),
                near: None,
            };
            let of_support = to_support.slopes(Factor::One, costs.columns).await?;
            let to_input = Pass {
                rows: points,
                potential: Some(&dual),
                columns: &self.support,
                side: Side {
                    weights: None,
                    potential: Some(&potential),
                },
                ..to_support
            };
            let of_input = to_input.slopes(Factor::One, costs.rows).await?;
            add(&mut sums.support, &weighted(costs.rows, 1.0, of_support));
            let outer: Vec<f64> = b.iter().zip(costs.columns).map(|(b, w)| b * w).collect();
            add(&mut sums.inputs[s], &weighted(&outer, 1.0, of_input));
        }
        Ok(())
    }
}

/// v += w.
fn add(v: &mut [f64], w: &[f64]) {
    v.iter_mut().zip(w).for_each(|(v, w)| *v += w);
}
