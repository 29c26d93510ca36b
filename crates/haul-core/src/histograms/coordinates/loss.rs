//! How far a barycenter is from a target on the same points.

use crate::linalg::{mean, sum};
use crate::{Divergence, Engine, Error, Measure, Potentials, Result, Sinkhorn, debiased};

/// The distance of a barycenter b to a target q on the same points, both of mass 1; b of fixed iterations may have
/// another mass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CoordinatesLoss {
    /// ½ Σ (b − q)²: the default.
    #[default]
    L2,
    /// Σ b log(b/q) − b + q, for targets without an empty bin.
    Kl,
    /// Σ q log(q/b) − q + b.
    ReverseKl,
    /// ½ Σ |b − q|.
    TotalVariation,
    /// S_ε(b, q), the [`Divergence`](crate::Divergence) at the ε of the barycenters, of b scaled to mass 1.
    Wasserstein,
}

impl CoordinatesLoss {
    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::L2 => "l2",
            Self::Kl => "kl",
            Self::ReverseKl => "reverse-kl",
            Self::TotalVariation => "total-variation",
            Self::Wasserstein => "wasserstein",
        }
    }

    /// Refuses a target at which the loss is infinite.
    pub(super) fn check(self, target: &Measure) -> Result<()> {
        let empty = target.weights().iter().position(|q| *q == 0.0);
        match (self, empty) {
            (Self::Kl, Some(row)) => Err(Error::EmptyBin { row: row + 1 }),
            _ => Ok(()),
        }
    }
}

/// A loss with its target.
pub(super) struct Distance {
    loss: CoordinatesLoss,
    /// Of mass 1.
    target: Measure,
    /// The settings of the solves of [`CoordinatesLoss::Wasserstein`].
    sinkhorn: Sinkhorn,
    /// OT_ε(q, q), once it is known.
    own: Option<f64>,
    /// Potentials of the last evaluation.
    start: Option<Potentials>,
}

impl Distance {
    /// The loss to a target of mass 1; `sinkhorn` has the ε of its solves.
    pub(super) fn new(loss: CoordinatesLoss, target: Measure, sinkhorn: Sinkhorn) -> Self {
        Self {
            loss,
            target,
            sinkhorn,
            own: None,
            start: None,
        }
    }

    /// The loss at b, and its derivative in b.
    pub(super) async fn evaluate<E: Engine + Clone>(
        &mut self,
        engine: &E,
        b: &[f64],
    ) -> Result<(f64, Vec<f64>)> {
        let pairs = b.iter().zip(self.target.weights());
        let all = |of: &dyn Fn((f64, f64)) -> (f64, f64)| {
            let (values, slopes): (Vec<f64>, Vec<f64>) =
                pairs.clone().map(|(b, q)| of((*b, *q))).unzip();
            (sum(values), slopes)
        };
        // A weight too small for a float is as good as the least one.
        let ratio = |b: f64, q: f64| b.max(f64::MIN_POSITIVE) / q;
        Ok(match self.loss {
            CoordinatesLoss::L2 => all(&|(b, q)| (0.5 * (b - q).powi(2), b - q)),
            CoordinatesLoss::Kl => all(&|(b, q)| {
                let log = ratio(b, q).ln();
                (b * log - b + q, log)
            }),
            CoordinatesLoss::ReverseKl => all(&|(b, q)| match q > 0.0 {
                true => (b - q - q * ratio(b, q).ln(), 1.0 - 1.0 / ratio(b, q)),
                false => (b, 1.0),
            }),
            CoordinatesLoss::TotalVariation => all(&|(b, q)| {
                let sign = if b == q { 0.0 } else { (b - q).signum() };
                (0.5 * (b - q).abs(), 0.5 * sign)
            }),
            CoordinatesLoss::Wasserstein => self.divergence(engine, b).await?,
        })
    }

    async fn divergence<E: Engine + Clone>(
        &mut self,
        engine: &E,
        b: &[f64],
    ) -> Result<(f64, Vec<f64>)> {
        let mass = sum(b.iter().copied());
        let source = self.target.clone().with_weights(b)?.normalized();
        let divergence = Divergence::from(self.sinkhorn.clone());
        let own = match self.own {
            Some(own) => own,
            None => {
                let solution = divergence.self_term_async(engine.clone(), &self.target);
                *self.own.insert(solution.await?.value())
            }
        };
        let settings = match self.start.take() {
            Some(start) => self.sinkhorn.clone().warm_start(start),
            None => self.sinkhorn.clone(),
        };
        let between = settings.solve_async(engine.clone(), &source, &self.target);
        let (between, alone) = (
            between.await?,
            divergence.self_term_async(engine.clone(), &source).await?,
        );
        let epsilon = between.report().epsilon;
        let value = debiased(between.value(), [alone.value(), own], epsilon, [1.0; 2]);
        let potentials = between.potentials_async().await?;
        let f = alone.potentials_async().await?.f;
        let slopes: Vec<f64> = potentials
            .f
            .iter()
            .zip(&f)
            .map(|(f, own)| f - own)
            .collect();
        let centre = mean(source.weights(), slopes.iter().copied());
        self.start = Some(potentials);
        let slopes = slopes.iter().map(|slope| (slope - centre) / mass).collect();
        Ok((value, slopes))
    }
}
