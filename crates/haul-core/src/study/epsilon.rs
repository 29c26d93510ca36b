//! OT_ε, S_ε and ⟨P, C⟩ of two measures at one ε after another. For measures of mass 1
//!
//! ```text
//!              OT_ε                ⟨P, C⟩              S_ε
//! ε → 0        W_p^p               W_p^p               W_p^p
//! ε → ∞        Σᵢⱼ aᵢ bⱼ Cᵢⱼ       Σᵢⱼ aᵢ bⱼ Cᵢⱼ       the energy distance
//! ```
//!
//! where OT_ε and ⟨P, C⟩ only rise with ε, and the energy distance is that of the same cost [FSVATP'19].

use crate::{
    Bounds, Divergence, Engine, Error, Measure, Potentials, Progress, Regularization, Result,
    Sinkhorn, Stop,
};
use std::ops::ControlFlow;

/// A study of ε, from large to small: each solve starts from the potentials of the one before it.
///
/// ```
/// # use haul_core::{Engine, EpsilonStudy, Measure, Result, Sinkhorn};
/// # fn example<E: Engine + Clone>(engine: &E, a: &Measure, b: &Measure) -> Result<()> {
/// let mut study = EpsilonStudy::new(Sinkhorn::default());
/// for epsilon in EpsilonStudy::ladder(1.0, 0.001, 10)? {
///     let point = study.evaluate(engine, a, b, epsilon)?;
///     println!("{epsilon}: {} {}", point.value, point.divergence);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct EpsilonStudy {
    settings: Sinkhorn,
    last: Option<Potentials>,
}

/// The values at one ε, in units of cost times mass.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct EpsilonPoint {
    /// ε, in units of the cost.
    pub epsilon: f64,
    /// ε^{1/p}, a length.
    pub blur: f64,
    /// OT_ε.
    pub value: f64,
    /// Bounds of OT_ε.
    pub bounds: Bounds,
    /// ⟨P, C⟩ of the plan as it is.
    pub transport_cost: f64,
    /// Bounds of W_p^p, which the potentials and the plan give.
    pub wasserstein: Option<Bounds>,
    /// S_ε.
    pub divergence: f64,
    /// Bounds of S_ε.
    pub divergence_bounds: Bounds,
    /// Whether all three solves reached their tolerance.
    pub converged: bool,
    /// Iterations of the solve between both measures.
    pub iterations: usize,
    /// Pairs (i, j) evaluated by all three solves.
    pub pairs: u64,
    /// Wall-clock seconds of all three.
    pub seconds: f64,
}

impl EpsilonStudy {
    /// A study by solves with these settings, whose ε and start do not count.
    pub fn new(settings: Sinkhorn) -> Self {
        Self {
            settings,
            last: None,
        }
    }

    /// `count` values from one ε to another, with one ratio between neighbours.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] for an ε that is not finite and above 0, and for fewer than two values.
    pub fn ladder(from: f64, to: f64, count: usize) -> Result<Vec<f64>> {
        for (name, value) in [("from", from), ("to", to)] {
            if !(value > 0.0 && value.is_finite()) {
                let range = "a finite number above 0";
                return Err(Error::BadParameter { name, value, range });
            }
        }
        if count < 2 {
            return Err(Error::BadParameter {
                name: "steps",
                value: count as f64,
                range: "at least 2",
            });
        }
        let last = count - 1;
        let step = |k: usize| match k {
            0 => from,
            k if k == last => to,
            k => from * (to / from).powf(k as f64 / last as f64),
        };
        Ok((0..count).map(step).collect())
    }

    /// The values at one ε.
    ///
    /// # Errors
    ///
    /// Those of [`Sinkhorn::solve`].
    pub fn evaluate<E: Engine + Clone>(
        &mut self,
        engine: E,
        source: &Measure,
        target: &Measure,
        epsilon: f64,
    ) -> Result<EpsilonPoint> {
        let observer = |_: &Progress| ControlFlow::Continue(());
        self.evaluate_observed(engine, source, target, epsilon, observer)
    }

    /// [`evaluate`](Self::evaluate) that reports the progress of each of its three solves; a break ends it.
    ///
    /// # Errors
    ///
    /// Those of [`Sinkhorn::solve`].
    pub fn evaluate_observed<E: Engine + Clone>(
        &mut self,
        engine: E,
        source: &Measure,
        target: &Measure,
        epsilon: f64,
        observer: impl FnMut(&Progress) -> ControlFlow<Stop> + Send,
    ) -> Result<EpsilonPoint> {
        let settings = self.settings.clone();
        let mut settings = settings.regularized(Regularization::Epsilon(epsilon));
        if let Some(potentials) = self.last.take() {
            settings = settings.warm_start(potentials);
        }
        let terms =
            Divergence::from(settings).evaluate_observed(engine, source, target, observer)?;
        self.last = Some(terms.potentials()?);
        let reports = [&terms.ab, &terms.aa, &terms.bb].map(|term| term.report());
        let report = terms.report();
        let certificate = terms.certificate();
        Ok(EpsilonPoint {
            epsilon,
            blur: report.blur,
            value: report.value,
            bounds: Bounds {
                lower: certificate.lower_bound,
                upper: certificate.upper_bound,
            },
            transport_cost: report.transport_cost,
            wasserstein: certificate.wasserstein,
            divergence: terms.value(),
            divergence_bounds: Bounds {
                lower: terms.lower_bound(),
                upper: terms.upper_bound(),
            },
            converged: terms.converged(),
            iterations: report.iterations,
            pairs: reports.iter().map(|report| report.pairs).sum(),
            seconds: reports.iter().map(|report| report.seconds).sum(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ladder_goes_from_one_end_to_the_other_in_one_ratio() {
        let ladder = EpsilonStudy::ladder(8.0, 0.5, 5).unwrap();
        assert_eq!((ladder[0], ladder[4]), (8.0, 0.5));
        for pair in ladder.windows(2) {
            assert!((pair[0] / pair[1] - 2.0).abs() < 1e-14, "{ladder:?}");
        }
        for (from, to, count) in [
            (0.0, 1.0, 3),
            (1.0, f64::INFINITY, 3),
            (f64::NAN, 1.0, 3),
            (1.0, 2.0, 1),
        ] {
            assert!(EpsilonStudy::ladder(from, to, count).is_err());
        }
    }
}
