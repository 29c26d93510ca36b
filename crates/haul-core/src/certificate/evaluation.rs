//! The computed plan: its sums, and the values that follow from them.

use super::passes::Passes;
use super::penalty::{conjugate, off, penalty_above_dual, wanted};
use super::sums::{Scaling, Sums};
use super::{Values, products};
use crate::engine::Kernel;
use crate::linalg::mean;
use crate::pass::Marginal;
use crate::problem::{FLAT, Rounding};
use crate::truncation::Omitted;
use crate::{Engine, Precision, Result};

/// An evaluated plan, and the same plan with columns scaled down to their weights: one pass for both.
pub(super) struct Evaluation<'e, E: Engine> {
    pub(super) passes: Passes<'e, E>,
    pub(super) source: &'e Marginal<E>,
    pub(super) target: &'e Marginal<E>,
    pub(super) rounding: Rounding,
    pub(super) f: Vec<f64>,
    pub(super) g: Vec<f64>,
    pub(super) rows: Sums,
    pub(super) columns: Sums,
    /// The scaling of the columns, the rows under it, and their costs.
    pub(super) y: Scaling,
    pub(super) rows_kept: Sums,
    pub(super) kept_costs: Vec<f64>,
    pub(super) values: Values,
    /// ‖P1 − a e^{−f/ρ_a}‖₁ and ‖Pᵀ1 − b e^{−g/ρ_b}‖₁.
    pub(super) errors: [f64; 2],
    /// The error of a term of a product, and of the ratio of a marginal to its measure.
    pub(super) term: f64,
    pub(super) error: f64,
    /// The increase of the penalties that this error allows.
    pub(super) doubt: f64,
    /// The mean absolute value of the potentials.
    pub(super) size: f64,
    /// The error of sums in f64 on the host, in addition to those of the engine.
    pub(super) host: f64,
}

impl<'e, E: Engine> Evaluation<'e, E> {
    pub(super) async fn new(
        engine: &'e E,
        kernel: Kernel,
        (source, target): (&'e Marginal<E>, &'e Marginal<E>),
        rounding: Rounding,
    ) -> Result<Self> {
        let (a, b) = (&source.weights, &target.weights);
        let f = engine.read(&source.potential).await?;
        let g = engine.read(&target.potential).await?;
        let heights = [source.height(&f), target.height(&g)];
        let spread = (rounding.largest_cost() + heights[0] + heights[1]) / kernel.epsilon;
        // Along axes a density is a product of several densities, and its excess is not theirs.
        // The excess of all pairs is not that of near ones.
        let flat = spread <= FLAT && !source.points.is_grid() && source.near.is_none();
        let term = rounding.term(kernel, heights);
        let error = if flat {
            rounding.excess(kernel, heights, spread)
        } else {
            term
        };
        let mut passes = Passes {
            engine,
            kernel,
            flat,
            count: 0,
        };

        let columns = passes.sums(target, source, &Scaling::none(a.len())).await?;
        let y = columns.least();
        let [rows, rows_kept] = passes.sums_of_both(source, target, &y).await?;
        let [costs, kept_costs] = passes.costs_of_both(source, target, &y).await?;
        let transport_cost = mean(a, costs);
        let excess_mass = mean(a, rows.excess.iter().copied());
        let mass = 1.0 + excess_mass;
        let along = mean(a, products(&rows.ratio, &f)) + mean(b, products(&columns.ratio, &g));
        let kl = (along - transport_cost) / kernel.epsilon - excess_mass;
        let dual = conjugate(a, &f, source.rho) + conjugate(b, &g, target.rho)
            - kernel.epsilon * excess_mass;
        let (wanted_a, wanted_b) = (wanted(&f, source.rho), wanted(&g, target.rho));
        let (off_a, doubt_a) = penalty_above_dual(a, &rows, &wanted_a, source.rho, error);
        let (off_b, doubt_b) = penalty_above_dual(b, &columns, &wanted_b, target.rho, error);
        let side = |measure: &[f64], potential: &[f64], sums: &Sums, rho: f64, off: f64| {
            if rho.is_finite() {
                conjugate(measure, potential, rho) + off
            } else {
                mean(measure, products(&sums.ratio, potential))
            }
        };
        let primal = side(a, &f, &rows, source.rho, off_a)
            + side(b, &g, &columns, target.rho, off_b)
            - kernel.epsilon * excess_mass;

        let absolute = |v: &[f64], w: &[f64]| mean(v, w.iter().map(|w| w.abs()));
        let size = absolute(a, &f) + absolute(b, &g) + kernel.epsilon * excess_mass.abs();
        let host = 16.0 * Precision::F64.unit_roundoff() * (size + rounding.largest_cost());
        Ok(Self {
            errors: [off(a, &rows, &wanted_a), off(b, &columns, &wanted_b)],
            values: Values {
                transport_cost,
                dual,
                primal,
                kl,
                mass,
            },
            doubt: doubt_a + doubt_b,
            passes,
            source,
            target,
            rounding,
            f,
            g,
            rows,
            columns,
            y,
            rows_kept,
            kept_costs,
            term,
            error,
            size,
            host,
        })
    }

    /// ⟨a, f_c⟩ + ⟨b, g⟩ for the c-transform f_c of g, or a little less: a lower bound of W_p^p.
    pub(super) async fn hard_dual(&mut self, omitted: Omitted) -> Result<f64> {
        let (source, target) = (self.source, self.target);
        let mut f = self.passes.transform(source, target).await?;
        for (least, f) in f.iter_mut().zip(&self.f) {
            *least = least.min(f + omitted.beyond);
        }
        let heights = [source.height(&f), target.height(&self.g)];
        let off = self.rounding.minimum(heights);
        let dual = mean(&source.weights, f) + mean(&target.weights, self.g.iter().copied());
        Ok(dual - off)
    }
}
