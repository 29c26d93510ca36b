//! The computed plan: its sums, and the values that follow from them.

use super::passes::Passes;
use super::penalty::{conjugate, off, penalty_above_dual, wanted};
use super::sums::{Scaling, Sums};
use super::{Certificate, Values, products};
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

/// The plan of a solution, with the sums of its columns: one pass.
pub(super) struct Plan<'e, E: Engine> {
    passes: Passes<'e, E>,
    source: &'e Marginal<E>,
    target: &'e Marginal<E>,
    rounding: Rounding,
    f: Vec<f64>,
    g: Vec<f64>,
    columns: Sums,
    term: f64,
    error: f64,
}

/// What the sums of a plan tell, without its costs.
struct Totals {
    dual: f64,
    primal: f64,
    /// ΣP − 1.
    excess: f64,
    errors: [f64; 2],
    doubt: f64,
    size: f64,
    host: f64,
}

impl<'e, E: Engine> Plan<'e, E> {
    pub(super) async fn new(
        engine: &'e E,
        kernel: Kernel,
        (source, target): (&'e Marginal<E>, &'e Marginal<E>),
        rounding: Rounding,
    ) -> Result<Self> {
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
        let none = Scaling::none(source.weights.len());
        let columns = passes.sums(target, source, &none).await?;
        Ok(Self {
            passes,
            source,
            target,
            rounding,
            f,
            g,
            columns,
            term,
            error,
        })
    }

    /// From the sums of the rows.
    fn totals(&self, rows: &Sums) -> Totals {
        let (source, target) = (self.source, self.target);
        let (a, b) = (&source.weights, &target.weights);
        let (f, g) = (&self.f, &self.g);
        let epsilon = self.passes.kernel.epsilon;
        let excess = mean(a, rows.excess.iter().copied());
        let (wanted_a, wanted_b) = (wanted(f, source.rho), wanted(g, target.rho));
        let (off_a, doubt_a) = penalty_above_dual(a, rows, &wanted_a, source.rho, self.error);
        let (off_b, doubt_b) =
            penalty_above_dual(b, &self.columns, &wanted_b, target.rho, self.error);
        let side = |measure: &[f64], potential: &[f64], sums: &Sums, rho: f64, off: f64| {
            if rho.is_finite() {
                conjugate(measure, potential, rho) + off
            } else {
                mean(measure, products(&sums.ratio, potential))
            }
        };
        let absolute = |v: &[f64], w: &[f64]| mean(v, w.iter().map(|w| w.abs()));
        let size = absolute(a, f) + absolute(b, g) + epsilon * excess.abs();
        Totals {
            dual: conjugate(a, f, source.rho) + conjugate(b, g, target.rho) - epsilon * excess,
            primal: side(a, f, rows, source.rho, off_a)
                + side(b, g, &self.columns, target.rho, off_b)
                - epsilon * excess,
            excess,
            errors: [off(a, rows, &wanted_a), off(b, &self.columns, &wanted_b)],
            doubt: doubt_a + doubt_b,
            size,
            host: 16.0 * Precision::F64.unit_roundoff() * (size + self.rounding.largest_cost()),
        }
    }

    /// The value with its lower bound, from two passes. ⟨P, C⟩ and the entropy, which take more, are NaN, and the upper bound
    /// is infinite.
    pub(super) async fn value(mut self, omitted: Omitted) -> Result<(Values, Certificate, usize)> {
        let none = Scaling::none(self.target.weights.len());
        let rows = self.passes.sums(self.source, self.target, &none).await?;
        let Totals {
            dual,
            primal,
            excess,
            errors,
            host,
            ..
        } = self.totals(&rows);
        let mass = 1.0 + excess;
        let values = Values {
            transport_cost: f64::NAN,
            dual,
            primal,
            kl: f64::NAN,
            mass,
        };
        let kernel = self.passes.kernel;
        let most = mass.max(1.0);
        let costs = (self.rounding.cost() + self.rounding.near()) * most;
        let certificate = Certificate {
            marginal_error_a: errors[0] + omitted.mass,
            marginal_error_b: errors[1] + omitted.mass,
            lower_bound: dual - kernel.epsilon * (self.error * most + omitted.mass) - costs - host,
            upper_bound: f64::INFINITY,
            wasserstein: None,
            precision_floor: self.rounding.floor(kernel),
        };
        Ok((values, certificate, self.passes.count))
    }
}

impl<'e, E: Engine> Evaluation<'e, E> {
    /// Evaluates a plan: two passes more.
    pub(super) async fn new(mut plan: Plan<'e, E>) -> Result<Self> {
        let (source, target) = (plan.source, plan.target);
        let y = plan.columns.least();
        let passes = &mut plan.passes;
        let [rows, rows_kept] = passes.sums_of_both(source, target, &y).await?;
        let [costs, kept_costs] = passes.costs_of_both(source, target, &y).await?;
        let Totals {
            dual,
            primal,
            excess,
            errors,
            doubt,
            size,
            host,
        } = plan.totals(&rows);
        let Plan {
            passes,
            rounding,
            f,
            g,
            columns,
            term,
            error,
            ..
        } = plan;
        let (a, b) = (&source.weights, &target.weights);
        let transport_cost = mean(a, costs);
        let along = mean(a, products(&rows.ratio, &f)) + mean(b, products(&columns.ratio, &g));
        let kl = (along - transport_cost) / passes.kernel.epsilon - excess;
        Ok(Self {
            values: Values {
                transport_cost,
                dual,
                primal,
                kl,
                mass: 1.0 + excess,
            },
            errors,
            doubt,
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
