//! Checks that a device computes correctly, on small problems that f64 on the CPU solves as well.
//!
//! In dimensions 3 and 16, between which engines change their kernels, and for both costs with kernels of their own, p = 1 and
//! 2: the value, the gradient in the points, and both marginals of the plan, which no iteration has computed.

use crate::{Device, Engine, Measure, Regularization, Result, Sinkhorn, Solution};

/// Dimension and power of each problem.
const PROBLEMS: [(usize, f64); 4] = [(3, 1.0), (3, 2.0), (16, 1.0), (16, 2.0)];

/// The error of the marginals at which a device ends its iteration; f32 reaches it easily.
const TOLERANCE: f64 = 1e-5;

/// The same for f64.
const EXACT: f64 = 1e-10;

/// Accepted relative deviations: a value is off by the second order of the marginals' error and by the rounding of f32, a
/// gradient by the first order, and marginals by the error itself.
const ACCEPTED: [(&str, f64); 3] = [
    ("value", 3e-6),
    ("gradient", 2e-4),
    ("marginals", 2.0 * TOLERANCE),
];

/// The deviation of one number, or of several of a kind, from the exact result.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Check {
    /// What is compared: `value`, `gradient` or `marginals`.
    pub what: &'static str,
    /// The dimension of the problem.
    pub d: usize,
    /// The power of its cost.
    pub p: f64,
    /// The deviation, relative to the value, the largest slope, or the mass; `None` if it is not a number.
    pub deviation: Option<f64>,
    /// The largest deviation that passes.
    pub accepted: f64,
    /// Whether it passes.
    pub passed: bool,
}

/// The numbers of a solution that are compared.
#[derive(Debug, Clone)]
struct Numbers {
    value: f64,
    slopes: Vec<f64>,
    /// The L1 error of both marginals.
    marginals: f64,
}

/// Small problems with their solutions in f64, to check other devices.
///
/// ```no_run
/// use haul::{Device, SelfCheck};
/// let checks = SelfCheck::new()?.run(&Device::auto()?)?;
/// for check in checks.iter().filter(|check| !check.passed) {
///     println!("{} for d = {}, p = {}: {:?}", check.what, check.d, check.p, check.deviation);
/// }
/// # Ok::<(), haul::Error>(())
/// ```
#[derive(Debug)]
pub struct SelfCheck(Vec<(Problem, Numbers)>);

#[derive(Debug)]
struct Problem {
    a: Measure,
    b: Measure,
    d: usize,
    p: f64,
    settings: Sinkhorn,
}

impl SelfCheck {
    /// Solves the problems on the CPU, in f64, within some tenths of a second.
    ///
    /// # Errors
    ///
    /// Those of a solve.
    pub fn new() -> Result<Self> {
        let device = Device::cpu_f64();
        let solved = PROBLEMS.into_iter().map(|(d, p)| {
            let problem = Problem::of(d, p)?;
            let numbers = problem.solve(&device, EXACT)?;
            Ok((problem, numbers))
        });
        Ok(Self(solved.collect::<Result<_>>()?))
    }

    /// Solves them on an engine: checks the value, the gradient and the marginals of each.
    ///
    /// # Errors
    ///
    /// Those of the device.
    pub fn run<E: Engine>(&self, engine: &E) -> Result<Vec<Check>> {
        let mut checks = Vec::new();
        for (problem, exact) in &self.0 {
            let found = problem.solve(engine, TOLERANCE)?;
            checks.extend(compared(problem, &found, exact));
        }
        Ok(checks)
    }
}

impl Problem {
    /// A problem between two curves, with different weights.
    fn of(d: usize, p: f64) -> Result<Self> {
        let curve = |points: usize, turn: f64| -> Vec<f64> {
            let at = |i| (i as f64 + 0.5) / points as f64;
            let coordinate =
                |t: f64, k: usize| t * (turn * t + k as f64).cos() / (1 + k / 3) as f64;
            let point = |i| (0..d).map(move |k| coordinate(at(i), k));
            (0..points).flat_map(point).collect()
        };
        let weights = |points: usize| {
            let weights = (0..points).map(|i| 1.0 + (i % 5) as f64);
            weights.collect::<Vec<_>>()
        };
        let (n, m) = (300, 257);
        Ok(Self {
            a: Measure::new(curve(n, 20.0), d, weights(n))?.normalized(),
            b: Measure::new(curve(m, 7.0), d, weights(m))?.normalized(),
            d,
            p,
            settings: Sinkhorn::with(Regularization::RelativeBlur(0.1)).p(p),
        })
    }

    fn solve<E: Engine>(&self, engine: &E, tolerance: f64) -> Result<Numbers> {
        let settings = self.settings.clone().tolerance(tolerance);
        Numbers::of(&settings.solve(engine, &self.a, &self.b)?, self)
    }
}

impl Numbers {
    fn of<E: Engine>(solution: &Solution<E>, problem: &Problem) -> Result<Self> {
        let (rows, columns) = solution.plan().marginals()?;
        let off = |sums: &[f64], measure: &Measure| -> f64 {
            let both = sums.iter().zip(measure.weights());
            both.map(|(sum, weight)| (sum - weight).abs()).sum()
        };
        Ok(Self {
            value: solution.value(),
            slopes: solution.gradient()?.points,
            marginals: off(&rows, &problem.a) + off(&columns, &problem.b),
        })
    }
}

/// The deviations of the three numbers.
fn compared(problem: &Problem, found: &Numbers, exact: &Numbers) -> [Check; 3] {
    // NaN stays NaN; a maximum would lose it.
    let largest = |values: &mut dyn Iterator<Item = f64>| {
        values.fold(0.0, |most: f64, value| {
            if most.is_nan() || value <= most {
                most
            } else {
                value
            }
        })
    };
    let steepest = largest(&mut exact.slopes.iter().map(|slope| slope.abs()));
    let both = found.slopes.iter().zip(&exact.slopes);
    let deviations = [
        (found.value / exact.value - 1.0).abs(),
        largest(&mut both.map(|(found, exact)| (found - exact).abs())) / steepest,
        found.marginals,
    ];
    let check = |index: usize| {
        let (what, accepted) = ACCEPTED[index];
        let deviation = deviations[index];
        Check {
            what,
            d: problem.d,
            p: problem.p,
            deviation: deviation.is_finite().then_some(deviation),
            accepted,
            passed: deviation <= accepted,
        }
    };
    [check(0), check(1), check(2)]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_engine_passes_with_room_to_spare() {
        for check in SelfCheck::new().unwrap().run(&Device::cpu()).unwrap() {
            assert!(check.deviation.unwrap() < 0.7 * check.accepted, "{check:?}");
        }
    }

    #[test]
    fn whatever_is_wrong_is_told_by_its_name() {
        let SelfCheck(solved) = SelfCheck::new().unwrap();
        let (problem, exact) = &solved[0];
        let failed = |wrong: &dyn Fn(&mut Numbers)| {
            let mut found = exact.clone();
            wrong(&mut found);
            let checks = compared(problem, &found, exact).into_iter();
            let failed = checks.filter(|check| !check.passed);
            failed.map(|check| check.what).collect::<Vec<_>>()
        };
        assert!(failed(&|_| ()).is_empty());
        assert_eq!(failed(&|found| found.value *= 1.0 + 1e-4), ["value"]);
        assert_eq!(failed(&|found| found.value = f64::NAN), ["value"]);
        assert_eq!(failed(&|found| found.slopes[7] = f64::NAN), ["gradient"]);
        assert_eq!(failed(&|found| found.slopes.fill(0.0)), ["gradient"]);
        assert_eq!(failed(&|found| found.marginals = 1e-3), ["marginals"]);
    }
}
