//! The plan with exact marginals, and its cost.

use super::evaluation::Evaluation;
use super::products;
use super::sums::{Scaling, Sums};
use crate::linalg::{mean, sum};
use crate::{Engine, Result};

/// Upper bounds from the plan with exact marginals.
pub(super) struct Exact {
    /// The bound of OT_ε, without the error of the costs.
    pub(super) bound: f64,
    /// ⟨A + B, C⟩.
    pub(super) cost: f64,
}

impl<E: Engine> Evaluation<'_, E> {
    /// Scales the plan down until no marginal exceeds its measure, columns first, and adds the missing mass.
    pub(super) async fn exact(&mut self) -> Result<Exact> {
        let (source, target) = (self.source, self.target);
        let (a, b) = (&source.weights, &target.weights);
        let epsilon = self.passes.kernel.epsilon;
        let x = self.rows_kept.least();
        let columns_kept = self.passes.sums(target, source, &x).await?;
        let missing_a = self.rows_kept.missing(a, &x);
        let missing_b = columns_kept.missing(b, &self.y);
        let missing = 0.5 * (sum(missing_a.iter().copied()) + sum(missing_b.iter().copied()));
        // ⟨A, C⟩ + ε KL(A/q | a⊗b) q, in which the cost cancels.
        let exponents = |sums: &Sums, scaling: &Scaling, potential: &[f64]| -> Vec<f64> {
            let logs = potential.iter().zip(scaling.logs());
            let terms = sums.scaled(scaling).zip(logs);
            let term = |(r, (f, log))| {
                if r == 0.0 {
                    0.0
                } else {
                    r * (f + epsilon * log)
                }
            };
            terms.map(term).collect()
        };
        let shrunk = if missing < 1.0 {
            (1.0 - missing) * (-missing).ln_1p()
        } else {
            0.0
        };
        let mut bound = mean(a, exponents(&self.rows_kept, &x, &self.f))
            + mean(b, exponents(&columns_kept, &self.y, &self.g))
            - epsilon * shrunk;
        let mut cost = mean(a, products(&self.kept_costs, &x.factor));
        let mut logs_of_missing = 0.0;
        if missing > 0.0 {
            let sides = (source, &missing_a[..], target, &missing_b[..]);
            let added = self
                .passes
                .product_cost(sides.0, sides.1, sides.2, sides.3)
                .await?;
            let [(kl_a, logs_a), (kl_b, logs_b)] = [(&missing_a, a), (&missing_b, b)]
                .map(|(missing, measure)| divergence(missing, measure));
            cost += added;
            bound += added + epsilon * missing * (kl_a + kl_b);
            logs_of_missing = logs_a + logs_b;
        }
        // The bound is a sum of marginals times potentials, and has the error of the marginals. The missing mass may
        // be larger by that error, at the largest cost.
        let entropy = epsilon * (1.0 + logs_of_missing);
        bound += self.error * (entropy + self.size + self.rounding.largest_cost()) + self.host;
        Ok(Exact { bound, cost })
    }
}

/// KL(e/t | a) for the mass t of e, and ⟨a, |log(e/(t a))|⟩, the sensitivity of t KL(e/t | a) to e.
fn divergence(e: &[f64], a: &[f64]) -> (f64, f64) {
    let mass = sum(e.iter().copied());
    let pairs = || e.iter().zip(a).filter(|(e, _)| **e > 0.0);
    let log = |e: f64, a: f64| ((e / mass) / a).ln();
    (
        sum(pairs().map(|(e, a)| (e / mass) * log(*e, *a))),
        sum(pairs().map(|(e, a)| a * log(*e, *a).abs())),
    )
}
