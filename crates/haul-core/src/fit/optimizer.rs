//! Steps down a slope, of the points of a flow and of the parameters of a model.
//!
//! With v the negative slope, a step of length τ is
//!
//! ```text
//! plain      x ← x + τ v                                                 explicit Euler
//! momentum   u ← β u + v,  x ← x + τ u                                   [Polyak'64]
//! Adam       u ← β₁ u + (1 − β₁) v,  w ← β₂ w + (1 − β₂) v²,
//!            x ← x + τ (u/(1 − β₁ᵏ)) / (√(w/(1 − β₂ᵏ)) + 10⁻⁸ max √w)    [Kingma–Ba'15]
//! ```

use crate::{Error, Result};

/// How steps follow a slope.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Optimizer {
    /// Explicit Euler steps.
    #[default]
    Plain,
    /// Steps with momentum, of a share β of the one before.
    Momentum(f64),
    /// Adam, with β₁ = 0.9 and β₂ = 0.999: steps of about τ in each coordinate.
    Adam,
}

/// What an [`Optimizer`] remembers of its steps: plain data, from which it goes on in the same way.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OptimizerState {
    /// u, the means of the slopes: a number for each coordinate.
    pub means: Vec<f64>,
    /// w, the means of their squares.
    pub squares: Vec<f64>,
    /// Steps so far.
    pub steps: usize,
}

/// β₁, β₂ and the share of the largest root in the denominator of Adam.
const ADAM: [f64; 3] = [0.9, 0.999, 1e-8];

impl Optimizer {
    /// Refuses a τ that is not positive, and a β out of range.
    pub(super) fn check(self, tau: f64) -> Result<()> {
        let bad = |name, value, range| Err(Error::BadParameter { name, value, range });
        if !(tau > 0.0 && tau.is_finite()) {
            return bad("tau", tau, "a finite number above 0");
        }
        match self {
            Self::Momentum(beta) if !(0.0..1.0).contains(&beta) => {
                bad("momentum", beta, "at least 0 and below 1")
            }
            _ => Ok(()),
        }
    }

    /// The steps of all coordinates along velocities, which the state remembers.
    pub(super) fn increments(
        self,
        tau: f64,
        velocities: &[f64],
        state: &mut OptimizerState,
    ) -> Vec<f64> {
        state.steps += 1;
        let [first, second, share] = ADAM;
        match self {
            Self::Plain => velocities.iter().map(|v| tau * v).collect(),
            Self::Momentum(beta) => {
                let pairs = state.means.iter_mut().zip(velocities);
                pairs.for_each(|(mean, v)| *mean = beta * *mean + v);
                state.means.iter().map(|mean| tau * mean).collect()
            }
            Self::Adam => {
                let moments = state.means.iter_mut().zip(&mut state.squares);
                for ((mean, square), v) in moments.zip(velocities) {
                    *mean = first * *mean + (1.0 - first) * v;
                    *square = second * *square + (1.0 - second) * v * v;
                }
                let power = i32::try_from(state.steps).unwrap_or(i32::MAX);
                let [mean_share, square_share] = [first, second].map(|beta| 1.0 - beta.powi(power));
                let root = |square: &f64| (square / square_share).sqrt();
                let largest = state.squares.iter().map(root).fold(0.0, f64::max);
                // Without any velocity nothing moves.
                let least = (share * largest).max(f64::MIN_POSITIVE);
                let moments = state.means.iter().zip(&state.squares);
                moments
                    .map(|(mean, square)| tau * (mean / mean_share) / (root(square) + least))
                    .collect()
            }
        }
    }
}

impl OptimizerState {
    /// Before the first step of so many coordinates.
    pub(super) fn start(coordinates: usize) -> Self {
        Self {
            means: vec![0.0; coordinates],
            squares: vec![0.0; coordinates],
            steps: 0,
        }
    }

    /// Refuses a state of another number of coordinates.
    pub(super) fn check(&self, coordinates: usize) -> Result<()> {
        for (what, numbers) in [
            ("the means of an optimizer", &self.means),
            ("the squares of an optimizer", &self.squares),
        ] {
            if numbers.len() != coordinates {
                return Err(Error::Length {
                    what,
                    expected: coordinates,
                    found: numbers.len(),
                });
            }
        }
        Ok(())
    }
}
