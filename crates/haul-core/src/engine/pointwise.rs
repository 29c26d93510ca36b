//! Functions of the points, computed from vectors, and their integrals.

use std::f64::consts::LN_2;

/// A potential f and its update.
#[derive(Debug)]
pub struct Update<'v, V> {
    /// ε of the update.
    pub epsilon: f64,
    /// ρ of the points, in units of the cost; may be infinite.
    pub rho: f64,
    /// The potential before the update.
    pub before: &'v V,
    /// λ T_b(g), where λ = ρ/(ρ + ε).
    pub after: &'v V,
}

impl<V> Clone for Update<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Update<'_, V> {}

/// The ratio rᵢ/aᵢ of each row of a plan and the ratio e^{−fᵢ/ρ} that is optimal for its potential f, computed from
/// the available vectors. Where ρ is infinite, the optimal ratio is 1.
#[derive(Debug)]
pub enum Ratio<'v, V> {
    /// rᵢ/aᵢ = exp((fᵢ − T_b(g)ᵢ)/ε) for f before an update: the error of (before, g).
    Potentials(Update<'v, V>),
    /// rᵢ/aᵢ = uᵢ sᵢ, where s = K v is a product that the scaling u was not yet updated with. The potential of u and
    /// of what it has absorbed is f + ε log u.
    Scalings {
        /// ε of the update.
        epsilon: f64,
        /// ρ of the rows, in units of the cost; may be infinite.
        rho: f64,
        /// The potential f that the scaling has been absorbed into.
        potential: &'v V,
        /// The scaling u whose error is measured.
        scaling: &'v V,
        /// The sums s.
        sums: &'v V,
    },
}

impl<V> Clone for Ratio<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Ratio<'_, V> {}

/// The limit of ratios of masses: beyond 2^100 a large ratio is cut rather than infinite, so that a solve which
/// starts there goes on.
pub const RATIO_LOG2: f64 = 100.0;

impl<V> Update<'_, V> {
    /// rᵢ/aᵢ − e^{−fᵢ/ρ} of a row, from its potential before and after, cut at 2^±[`RATIO_LOG2`].
    pub fn excess(&self, before: f64, after: f64) -> f64 {
        let log = self.log(before, after);
        self.wanted(before) * log.min(RATIO_LOG2 * LN_2).exp_m1()
    }

    /// The logarithm of rᵢ/aᵢ over its optimal value. With after = λ T, (before − T)/ε + before/ρ is
    /// (before − after)(1/ε + 1/ρ).
    fn log(&self, before: f64, after: f64) -> f64 {
        (before - after) * (1.0 / self.epsilon + 1.0 / self.rho)
    }

    /// e^{−fᵢ/ρ}.
    fn wanted(&self, potential: f64) -> f64 {
        cut_exp(-potential / self.rho)
    }
}

/// A function of the points: a number ψᵢ for each, computed from vectors. An [integral](super::Engine::integral) sums it.
#[derive(Debug)]
pub enum Pointwise<'v, V> {
    /// vᵢ.
    Value(&'v V),
    /// The lesser of vᵢ and wᵢ.
    Least(&'v V, &'v V),
    /// vᵢ wᵢ.
    Product(&'v V, &'v V),
    /// vᵢ log vᵢ for v ≥ 0, which is 0 for vᵢ = 0.
    Entropy(&'v V),
    /// The term of a potential in the dual: −ρ (e^{−fᵢ/ρ} − 1), or fᵢ where ρ is infinite.
    Conjugate {
        /// f.
        potential: &'v V,
        /// ρ of the points, in units of the cost; may be infinite.
        rho: f64,
    },
    /// The increase of that term with another potential. It is computed from the difference of both potentials, so
    /// that no digits cancel.
    Gain {
        /// The potential f.
        before: &'v V,
        /// The other potential.
        after: &'v V,
        /// ρ of the points, in units of the cost; may be infinite.
        rho: f64,
    },
    /// rᵢ/aᵢ − e^{−fᵢ/ρ}: the difference between the ratio of a row of the plan and the optimal ratio for its
    /// potential. An engine may cap ratios at 2^[`RATIO_LOG2`], so that a start far from the solution has a finite
    /// error.
    Excess(Ratio<'v, V>),
    /// The missing fraction of a row's weight: 1 − rᵢ/aᵢ where that is positive, else 0. ρ does not enter.
    Missing(Update<'v, V>),
    /// The term y log y of the row's divergence, t y log y for t = e^{−fᵢ/ρ} and y = rᵢ/(aᵢ t).
    Logarithm(Update<'v, V>),
    /// The divergence of a row from the optimal one for its potential: t (y log y − y + 1).
    Divergence(Update<'v, V>),
}

impl<V> Clone for Pointwise<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Pointwise<'_, V> {}

/// An [integral](super::Engine::integral) over the points of one histogram.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Integral {
    /// Σᵢ aᵢ ψᵢ.
    pub sum: f64,
    /// Σᵢ aᵢ |ψᵢ|.
    pub size: f64,
    /// The largest absolute value of the vectors that ψ is computed from, over the points of positive weight.
    pub height: f64,
}

impl<'v, V> Pointwise<'v, V> {
    /// The vectors that the function is computed from: one, two or three.
    pub fn vectors(&self) -> [Option<&'v V>; 3] {
        match *self {
            Self::Value(v) | Self::Entropy(v) | Self::Conjugate { potential: v, .. } => {
                [Some(v), None, None]
            }
            Self::Least(v, w) | Self::Product(v, w) => [Some(v), Some(w), None],
            Self::Gain { before, after, .. } => [Some(before), Some(after), None],
            Self::Excess(Ratio::Potentials(update))
            | Self::Missing(update)
            | Self::Logarithm(update)
            | Self::Divergence(update) => [Some(update.before), Some(update.after), None],
            Self::Excess(Ratio::Scalings {
                potential,
                scaling,
                sums,
                ..
            }) => [Some(potential), Some(scaling), Some(sums)],
        }
    }

    /// ψ at a point, in f64, from the values of the function's [`vectors`](Self::vectors) there.
    pub fn at(&self, numbers: [f64; 3]) -> f64 {
        let [v, w, x] = numbers;
        match *self {
            Self::Value(_) => v,
            Self::Least(..) => v.min(w),
            Self::Product(..) => v * w,
            Self::Entropy(_) => {
                if v > 0.0 {
                    v * v.ln()
                } else {
                    0.0
                }
            }
            Self::Conjugate { rho, .. } => conjugate(v, rho),
            Self::Gain { rho, .. } => {
                if rho.is_finite() {
                    cut_exp(-v / rho) * conjugate(w - v, rho)
                } else {
                    w - v
                }
            }
            Self::Excess(Ratio::Potentials(update)) => update.excess(v, w),
            Self::Excess(Ratio::Scalings { epsilon, rho, .. }) => {
                w * x - cut_exp(-(v + epsilon * w.ln()) / rho)
            }
            Self::Missing(update) => {
                let exact = Update {
                    rho: f64::INFINITY,
                    ..update
                };
                (-exact.excess(v, w)).max(0.0)
            }
            Self::Logarithm(update) => {
                let log = update.log(v, w);
                update.wanted(v) * cut_exp(log) * log
            }
            Self::Divergence(update) => update.wanted(v) * entropy(update.log(v, w)),
        }
    }
}

/// −ρ (e^{−f/ρ} − 1), or f where ρ is infinite.
fn conjugate(f: f64, rho: f64) -> f64 {
    if rho.is_finite() {
        -rho * (-f / rho).min(RATIO_LOG2 * LN_2).exp_m1()
    } else {
        f
    }
}

/// y log y − y + 1 for y = eˢ.
fn entropy(s: f64) -> f64 {
    if s.abs() < 0.5 {
        // Σ sᵏ (k − 1)/k! from k = 2 on, whose terms do not cancel.
        let series = (3..20).rev().map(f64::from).fold(0.0, |rest, k| {
            // (k − 1)/k! divided by (k − 2)/(k − 1)!.
            s * (k - 1.0) / (k * (k - 2.0)) * (1.0 + rest)
        });
        0.5 * s * s * (1.0 + series)
    } else {
        cut_exp(s) * (s - 1.0) + 1.0
    }
}

/// eˢ, cut at 2^[`RATIO_LOG2`].
fn cut_exp(s: f64) -> f64 {
    s.min(RATIO_LOG2 * LN_2).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_of_the_entropy_goes_over_into_the_formula() {
        for s in [0.499_999f64, 0.500_001, -0.499_999, -0.500_001] {
            let expected = s.exp() * (s - 1.0) + 1.0;
            assert!((entropy(s) / expected - 1.0).abs() < 1e-14, "{s}");
        }
        assert!((entropy(1e-9) / 5e-19 - 1.0).abs() < 1e-8);
        assert_eq!((entropy(0.0), entropy(-1e9)), (0.0, 1.0));
    }
}
