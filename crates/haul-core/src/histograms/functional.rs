//! Energies of a density, and their proximal maps for the relative entropy.
//!
//! For costs c on the support, a reference m and a weight ε, the proximal density is the probability b with the least
//!
//! ```text
//! ⟨b, c⟩ + ε KL(b | m) + F(b),     F(b) = 2τ (U(b) + ⟨b, V⟩)
//! ```
//!
//! [Peyré'15]. With u = b/m, d = c + 2τV and a number μ that gives b its mass of 1:
//!
//! ```text
//! F = 0         u = e^{(μ−d)/ε}
//! entropy       u = e^{(μ−d)/(ε+2τ)}                                   U = Σ b log u
//! crowd         u = min(κ, e^{(μ−d)/ε})                                U = 0 where u ≤ κ, else infinite
//! porous        ε log u + 2τγ/(γ−1) u^{γ−1} = μ − d                    U = Σ m u^γ/(γ−1)
//! ```
//!
//! For any μ the minimum over all b ≥ 0 of the objective plus μ (1 − Σb) is a lower bound of the least value; at the
//! μ of mass 1 both are equal. So the value is a bound whatever the error of μ. The same holds without the entropy,
//! for ε = 0, where the value is all that is needed.

use crate::linalg::sum;

/// The internal energy U of a density: Σ over the points of a function of u = b/m, the density relative to a reference
/// measure m of mass 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum InternalEnergy {
    /// Σ b log u: diffusion, the heat equation; with a potential, the Fokker–Planck equation
    /// [Jordan–Kinderlehrer–Otto'98].
    #[default]
    Entropy,
    /// 0 if u ≤ `bound` everywhere, else infinite: a crowd that moves down a potential and nowhere becomes denser than
    /// `bound` times the mean density [Maury–Roudneff-Chupin–Santambrogio'10].
    Crowd {
        /// κ, above 1.
        bound: f64,
    },
    /// Σ m u^γ/(γ − 1): the porous medium equation ∂u/∂t = Δu^γ [Otto'01].
    Porous {
        /// γ, above 1.
        exponent: f64,
    },
}

/// F, in units of a cost.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Functional {
    /// F = 0.
    Zero,
    /// F = 2τ (U + ⟨b, V⟩).
    Energy {
        /// 2τ.
        factor: f64,
        internal: InternalEnergy,
        /// V at each point; empty if it is 0.
        potential: Vec<f64>,
    },
}

/// The proximal density and the least value.
pub(super) struct Proximal {
    /// log u at each point.
    pub(super) logs: Vec<f64>,
    /// A lower bound of the least value, and the value itself up to rounding.
    pub(super) value: f64,
}

/// The largest number of steps of the equation for μ. Most take fewer than ten; halving intervals takes 60.
const MOST_STEPS: usize = 100;

impl Functional {
    pub(super) fn is_zero(&self) -> bool {
        *self == Self::Zero
    }

    /// Whether densities keep away from 0 and from bounds. In a debiased step those of other energies do not: bins become
    /// empty or full one by one, and differences between iterations say little of the next ones.
    pub(super) fn is_smooth(&self) -> bool {
        matches!(
            self,
            Self::Energy {
                internal: InternalEnergy::Entropy,
                ..
            }
        )
    }

    /// c + 2τV.
    fn costs(&self, costs: &[f64]) -> Vec<f64> {
        match self {
            Self::Energy {
                factor, potential, ..
            } if !potential.is_empty() => {
                let pairs = costs.iter().zip(potential);
                pairs.map(|(c, v)| c + factor * v).collect()
            }
            _ => costs.to_vec(),
        }
    }

    /// The largest |c + 2τV|.
    pub(super) fn height(&self, costs: &[f64]) -> f64 {
        let costs = self.costs(costs);
        costs.iter().fold(0.0, |most, d| most.max(d.abs()))
    }

    /// The proximal density for ε > 0.
    pub(super) fn proximal(&self, m: &[f64], costs: &[f64], epsilon: f64) -> Proximal {
        let d = self.costs(costs);
        match self {
            Self::Zero => gibbs(m, &d, epsilon),
            Self::Energy {
                factor, internal, ..
            } => match *internal {
                InternalEnergy::Entropy => gibbs(m, &d, epsilon + factor),
                InternalEnergy::Crowd { bound } => crowd(m, &d, epsilon, bound),
                InternalEnergy::Porous { exponent } => {
                    Porous::new(*factor, exponent).proximal(m, &d, epsilon)
                }
            },
        }
    }

    /// The least value for ε = 0.
    pub(super) fn least(&self, m: &[f64], costs: &[f64]) -> f64 {
        let d = self.costs(costs);
        match self {
            Self::Zero => least(&d),
            Self::Energy {
                factor, internal, ..
            } => match *internal {
                InternalEnergy::Entropy => gibbs(m, &d, *factor).value,
                InternalEnergy::Crowd { bound } => fullest(m, &d, bound),
                InternalEnergy::Porous { exponent } => Porous::new(*factor, exponent).least(m, &d),
            },
        }
    }

    /// F(b), for a b of mass 1 that no crowd is too dense in.
    pub(super) fn value(&self, m: &[f64], b: &[f64]) -> f64 {
        match self {
            Self::Zero => 0.0,
            Self::Energy { factor, .. } => {
                let [internal, potential] = self.energies(m, b);
                factor * (internal + potential)
            }
        }
    }

    /// U(b) and ⟨b, V⟩.
    pub(super) fn energies(&self, m: &[f64], b: &[f64]) -> [f64; 2] {
        let Self::Energy {
            internal,
            potential,
            ..
        } = self
        else {
            return [0.0; 2];
        };
        let present = || b.iter().zip(m).filter(|(b, _)| **b > 0.0);
        let internal = match *internal {
            InternalEnergy::Entropy => sum(present().map(|(b, m)| b * (b / m).ln())),
            InternalEnergy::Crowd { .. } => 0.0,
            InternalEnergy::Porous { exponent } => {
                sum(present().map(|(b, m)| m * (b / m).powf(exponent))) / (exponent - 1.0)
            }
        };
        [internal, sum(b.iter().zip(potential).map(|(b, v)| b * v))]
    }
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// u = e^{(μ−d)/w}, with value μ = −w log Σ m e^{−d/w}.
fn gibbs(m: &[f64], d: &[f64], w: f64) -> Proximal {
    let least = least(d);
    let terms = m.iter().zip(d).map(|(m, d)| m * ((least - d) / w).exp());
    let value = least - w * sum(terms).ln();
    Proximal {
        logs: d.iter().map(|d| (value - d) / w).collect(),
        value,
    }
}

/// The μ between `low` and `high` at which a growing mass is 1, by Newton's method for the mass' logarithm from `low`;
/// `mass` also tells the derivative. An interval that has the solution is halved where a step leaves it.
fn balanced(mut low: f64, mut high: f64, mass: impl Fn(f64) -> [f64; 2]) -> f64 {
    let mut mu = low;
    for _ in 0..MOST_STEPS {
        let [total, slope] = mass(mu);
        if total < 1.0 {
            low = mu;
        } else {
            high = mu;
        }
        let step = total.ln() * total / slope;
        let next = mu - step;
        let near = f64::EPSILON * (low.abs() + high.abs());
        if (total - 1.0).abs() <= f64::EPSILON || high - low <= near {
            break;
        }
        mu = if next > low && next < high {
            next
        } else {
            0.5 * (low + high)
        };
    }
    mu
}

/// μ + Σ m (u (d − μ) + …), where `term` gives the function of u that the entropy and F add at a point.
fn lagrangian(m: &[f64], d: &[f64], mu: f64, logs: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    let points = m.iter().zip(d).zip(logs);
    let terms = points.map(|((m, d), log)| {
        let u = log.exp();
        m * (u * (d - mu) + term(u, *log))
    });
    mu + sum(terms)
}

/// u log u − u + 1.
fn entropy(u: f64, log: f64) -> f64 {
    if u == 0.0 { 1.0 } else { u * log - u + 1.0 }
}

/// u = min(κ, e^{(μ−d)/ε}).
fn crowd(m: &[f64], d: &[f64], epsilon: f64, bound: f64) -> Proximal {
    let most = bound.ln();
    let log = |d: f64, mu: f64| ((mu - d) / epsilon).min(most);
    let mass = |mu: f64| {
        let (mut total, mut slope) = (0.0, 0.0);
        for (m, d) in m.iter().zip(d) {
            let log = log(*d, mu);
            let mass = m * log.exp();
            total += mass;
            if log < most {
                slope += mass / epsilon;
            }
        }
        [total, slope]
    };
    // Without the bound, the same μ gives more mass.
    let low = gibbs(m, d, epsilon).value;
    let high = d.iter().copied().fold(low, f64::max);
    let mu = balanced(low, high, mass);
    let logs: Vec<f64> = d.iter().map(|d| log(*d, mu)).collect();
    let value = lagrangian(m, d, mu, &logs, |u, log| epsilon * entropy(u, log));
    Proximal { logs, value }
}

/// The least ⟨b, d⟩ where b ≤ κm: points are filled in the order of d.
fn fullest(m: &[f64], d: &[f64], bound: f64) -> f64 {
    let mut order: Vec<(f64, f64)> = d.iter().copied().zip(m.iter().copied()).collect();
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut room = 1.0;
    let mut terms = Vec::new();
    for (d, m) in order {
        let b = (bound * m).min(room);
        terms.push(b * d);
        room -= b;
        if room <= 0.0 {
            break;
        }
    }
    sum(terms)
}

/// The porous medium's energy.
struct Porous {
    /// γ − 1.
    k: f64,
    /// 2τ/(γ − 1), the factor of u^γ.
    factor: f64,
}

impl Porous {
    fn new(factor: f64, exponent: f64) -> Self {
        let k = exponent - 1.0;
        let factor = factor / k;
        Self { k, factor }
    }

    /// 2τγ/(γ−1), the factor of u^{γ−1} in the derivative.
    fn slope(&self) -> f64 {
        self.factor * (self.k + 1.0)
    }

    /// l = log u with εl + A e^{kl} = r, and dl/dr, by Newton's method from above, where a convex function's steps do
    /// not leave.
    fn log(&self, r: f64, epsilon: f64) -> [f64; 2] {
        let slope = self.slope();
        // With l ≥ 0 both terms are positive, so that each is at most r; with l < 0 the first one is.
        let mut l = r / epsilon;
        if r > 0.0 {
            l = l.min(((r / slope).ln() / self.k).max(0.0));
        }
        for _ in 0..MOST_STEPS {
            let power = slope * (self.k * l).exp();
            let step = (epsilon * l + power - r) / (epsilon + self.k * power);
            l -= step;
            if step.abs() <= 4.0 * f64::EPSILON * (1.0 + l.abs()) {
                break;
            }
        }
        let power = slope * (self.k * l).exp();
        [l, 1.0 / (epsilon + self.k * power)]
    }

    fn proximal(&self, m: &[f64], d: &[f64], epsilon: f64) -> Proximal {
        let mass = |mu: f64| {
            let (mut total, mut slope) = (0.0, 0.0);
            for (m, d) in m.iter().zip(d) {
                let [log, rise] = self.log(mu - d, epsilon);
                let mass = m * log.exp();
                total += mass;
                slope += mass * rise;
            }
            [total, slope]
        };
        // At u = 1 everywhere d would be constant: some u is at most 1, and some at least.
        let [low, high] = self.interval(d);
        let mu = balanced(low, high, mass);
        let logs: Vec<f64> = d.iter().map(|d| self.log(mu - d, epsilon)[0]).collect();
        let power = |u: f64| self.factor * u.powf(self.k + 1.0);
        let value = lagrangian(m, d, mu, &logs, |u, log| {
            epsilon * entropy(u, log) + power(u)
        });
        Proximal { logs, value }
    }

    fn least(&self, m: &[f64], d: &[f64]) -> f64 {
        let log = |r: f64| (r.max(0.0) / self.slope()).ln() / self.k;
        let mass = |mu: f64| {
            let (mut total, mut slope) = (0.0, 0.0);
            for (m, d) in m.iter().zip(d).filter(|(_, d)| mu > **d) {
                let mass = m * log(mu - d).exp();
                total += mass;
                slope += mass / (self.k * (mu - d));
            }
            [total, slope]
        };
        let [low, high] = self.interval(d);
        let mu = balanced(low, high, mass);
        let logs: Vec<f64> = d.iter().map(|d| log(mu - d)).collect();
        lagrangian(m, d, mu, &logs, |u, _| self.factor * u.powf(self.k + 1.0))
    }

    /// An interval with the μ of mass 1.
    fn interval(&self, d: &[f64]) -> [f64; 2] {
        let high = d.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        [least(d), high].map(|d| d + self.slope())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPSILON: f64 = 0.3;

    fn points() -> ([f64; 5], [f64; 5], Vec<f64>) {
        (
            [0.1, 0.3, 0.2, 0.15, 0.25],
            [0.4, -0.3, 0.9, 0.1, 2.5],
            vec![0.2, 1.0, -0.5, 0.0, 0.3],
        )
    }

    fn all() -> Vec<Functional> {
        let energies = [
            InternalEnergy::Entropy,
            InternalEnergy::Crowd { bound: 1.4 },
            InternalEnergy::Porous { exponent: 2.0 },
            InternalEnergy::Porous { exponent: 3.5 },
        ];
        let functional = |internal| Functional::Energy {
            factor: 0.7,
            internal,
            potential: points().2,
        };
        let mut all = vec![Functional::Zero];
        all.extend(energies.map(functional));
        all
    }

    /// The objective at b.
    fn objective(functional: &Functional, b: &[f64], epsilon: f64) -> f64 {
        let (m, c, _) = points();
        let cost: f64 = b.iter().zip(&c).map(|(b, c)| b * c).sum();
        let kl: f64 = b
            .iter()
            .zip(&m)
            .filter(|(b, _)| **b > 0.0)
            .map(|(b, m)| b * (b / m).ln())
            .sum();
        cost + epsilon * kl + functional.value(&m, b)
    }

    #[test]
    fn no_density_is_below_the_proximal_one_and_its_value_is_the_least() {
        let (m, c, _) = points();
        for functional in all() {
            let found = functional.proximal(&m, &c, EPSILON);
            let b: Vec<f64> = found
                .logs
                .iter()
                .zip(&m)
                .map(|(l, m)| m * l.exp())
                .collect();
            assert!(
                (b.iter().sum::<f64>() - 1.0).abs() < 1e-14,
                "{functional:?} {b:?}"
            );
            let value = objective(&functional, &b, EPSILON);
            assert!(
                (value - found.value).abs() < 1e-13,
                "{functional:?} {value} {}",
                found.value
            );
            let densest = match functional {
                Functional::Energy {
                    internal: InternalEnergy::Crowd { bound },
                    ..
                } => bound,
                _ => f64::INFINITY,
            };
            for from in 0..5 {
                for to in 0..5 {
                    let mut other = b.clone();
                    let moved = 1e-4 * other[from];
                    other[from] -= moved;
                    other[to] += moved;
                    if from != to && other[to] <= densest * m[to] {
                        let other = objective(&functional, &other, EPSILON);
                        assert!(other > value - 1e-15, "{functional:?} {other} {value}");
                    }
                }
            }
            assert!(
                b.iter()
                    .zip(&m)
                    .all(|(b, m)| *b <= densest * m * (1.0 + 1e-14))
            );
        }
    }

    #[test]
    fn without_the_entropy_values_are_the_limit_for_a_small_one() {
        let (m, c, _) = points();
        for functional in all() {
            let least = functional.least(&m, &c);
            // KL(b | m) is between 0 and log(1/min m).
            let near = functional.proximal(&m, &c, 1e-4).value;
            assert!(
                least <= near + 1e-12 && near <= least + 1e-4 * 10f64.ln(),
                "{functional:?} {least} {near}"
            );
        }
    }

    #[test]
    fn walls_and_large_costs_are_no_obstacle() {
        let m = [0.25; 4];
        for functional in all().into_iter().map(|functional| match functional {
            Functional::Zero => Functional::Zero,
            Functional::Energy {
                factor, internal, ..
            } => Functional::Energy {
                factor,
                internal,
                potential: vec![1e9, 0.0, 0.1, 0.2],
            },
        }) {
            for c in [[1e6, 0.0, 3.0, -1e6], [0.0; 4]] {
                let found = functional.proximal(&m, &c, EPSILON);
                let mass: f64 = found.logs.iter().map(|l| 0.25 * l.exp()).sum();
                assert!((mass - 1.0).abs() < 1e-6, "{functional:?} {mass}");
                assert!(
                    functional.least(&m, &c) <= found.value + 1e-6 * found.value.abs().max(1.0)
                );
            }
        }
    }
}
