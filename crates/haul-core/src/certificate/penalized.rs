//! The upper bound of a problem with a penalty: the cost of the computed plan, once a constrained side is exact.

use super::evaluation::Evaluation;
use super::penalty::{conjugate, penalty_above_dual, wanted};
use super::sums::Sums;
use crate::linalg::{dot, mean};
use crate::pass::Marginal;
use crate::{Engine, Result};

impl<E: Engine> Evaluation<'_, E> {
    /// The bound; infinite if both sides are constrained.
    pub(super) async fn penalized(&mut self) -> Result<f64> {
        let (source, target) = (self.source, self.target);
        match (source.rho.is_finite(), target.rho.is_finite()) {
            (false, false) => Ok(f64::INFINITY),
            (true, true) => {
                let rounding = self.error * self.passes.kernel.epsilon * self.values.mass;
                Ok(self.values.primal + rounding + self.doubt)
            }
            (false, true) => {
                let exact = (source, self.f.clone(), self.rows.clone());
                self.half_exact(exact, (target, self.g.clone())).await
            }
            (true, false) => {
                let exact = (target, self.g.clone(), self.columns.clone());
                self.half_exact(exact, (source, self.f.clone())).await
            }
        }
    }

    /// The cost of the plan after its rows were scaled, f' = f + ε log(a/P1), to make the marginal on one side,
    /// `exact`, the measure.
    async fn half_exact(
        &mut self,
        (exact, f, rows): (&Marginal<E>, Vec<f64>, Sums),
        (free, g): (&Marginal<E>, Vec<f64>),
    ) -> Result<f64> {
        let a = &exact.weights;
        let mut x = rows.exact();
        for (i, _) in a.iter().enumerate().filter(|(_, a)| **a == 0.0) {
            (x.factor[i], x.taken[i]) = (1.0, 0.0);
        }
        if x.factor.iter().any(|x| !x.is_finite()) {
            return Ok(f64::INFINITY);
        }
        let columns = self.passes.sums(free, exact, &x).await?;
        let wanted = wanted(&g, free.rho);
        // The error of the sums and that of the scaling.
        let error = 2.0 * self.error;
        let (off, doubt) = penalty_above_dual(&free.weights, &columns, &wanted, free.rho, error);
        let epsilon = self.passes.kernel.epsilon;
        let dual =
            dot(a, &f) + epsilon * mean(a, x.logs()) + conjugate(&free.weights, &g, free.rho);
        Ok(dual + off + error * epsilon + doubt)
    }
}
