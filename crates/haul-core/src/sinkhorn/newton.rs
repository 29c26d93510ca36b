//! Newton's method on the dual of a small problem, on the host, in f64.
//!
//! With g = λ_b T_a(f) after each step the dual is a concave function of f alone, with
//!
//! ```text
//! gradient   a e^{−f/ρ_a} − r,   r = P1
//! Hessian    −S/ε,   S = diag(r + (ε/ρ_a) a e^{−f/ρ_a}) − P diag(c (1 + ε/ρ_b))⁻¹ Pᵀ,   c = Pᵀ1
//! ```
//!
//! so that a step is ε S⁻¹ times the gradient, shortened until the dual rises enough [Armijo'66]. Each step starts
//! from f ← λ_a T_b(g), one Sinkhorn update: it corrects rows of little weight, which are far off after a change of ε
//! and where the quadratic model is worst. If that update alone reduces the error as fast, S is not computed at all.
//!
//! S is the Schur complement of the optimality conditions. Its off-diagonal entries are −Lᵢₖ with L ≥ 0, and the sums
//! of its rows are known without a subtraction and are at least 0: S is the Laplacian of a graph plus a diagonal. It
//! is eliminated without any subtraction [Grassmann–Taksar–Heyman'85; Alfa–Xue–Ye'02], so that the weak links between
//! parts of the plan, which are all that a small ε leaves of it, keep their digits.
//!
//! ε falls from the largest cost by [`FALL`] a level, each solved to an error of [`LEVEL_ERROR`] before the next. The
//! plan and its costs are stored: n×m numbers each, in a problem of at most [`MOST_ROWS`] points on the smaller side
//! and [`MOST_PAIRS`] pairs.

/// The largest number of points on the smaller side; L has the square of it.
pub(crate) const MOST_ROWS: usize = 1024;

/// The largest number of pairs; three n×m arrays are stored, 16 MiB each.
pub(crate) const MOST_PAIRS: usize = 1 << 21;

/// The ratio of ε between two levels.
const FALL: f64 = 0.25;

/// The marginal error that ends a level above the last. With 1e-2 instead, 26 of 2000 random problems at range/ε up
/// to 1e10 failed.
const LEVEL_ERROR: f64 = 1e-3;

/// If a Sinkhorn update reduces the error to this fraction, it replaces a step.
const SINKHORN_SERVES: f64 = 0.25;

/// Entries of a column of the plan below e to this power, relative to its largest, are left out.
const LEAST_SHARE: f64 = -70.0;

/// A ridge on the sums of the rows of S, relative to the weights. It matters where a part of the plan has no link to
/// the rest; a balanced problem has one such part, the whole.
const RIDGE: f64 = 1e-14;

/// The least gain of a step, as a fraction of the slope.
const ARMIJO: f64 = 1e-4;

/// The largest number of halvings of a step.
const HALVINGS: usize = 40;

/// A dense problem of masses 1 and its potentials, n rows and m columns. Every weight is above 0.
pub(crate) struct Newton {
    /// Cᵢⱼ at j n + i: the rows of a column are contiguous.
    costs: Vec<f64>,
    a: Vec<f64>,
    b: Vec<f64>,
    log_a: Vec<f64>,
    rho: [f64; 2],
    /// The required ε.
    last: f64,
    /// The ε of the level.
    epsilon: f64,
    /// The longest step that a potential can need.
    longest: f64,
    point: Point,
    /// The potentials of a trial step.
    trial: Point,
    /// L, n×n; only the part above the diagonal is used.
    links: Vec<f64>,
}

/// A potential f, g = λ_b T_a(f), and their plan, whose column sums are optimal for g.
#[derive(Default)]
struct Point {
    f: Vec<f64>,
    g: Vec<f64>,
    /// Pᵢⱼ/cⱼ at j n + i.
    shares: Vec<f64>,
    /// c.
    columns: Vec<f64>,
    /// a e^{−f/ρ_a} − r.
    gradient: Vec<f64>,
    dual: f64,
    /// Σ |gradient|.
    error: f64,
}

/// The result of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The dual rose.
    Taken,
    /// No step raises the dual by more than its rounding.
    Exhausted,
}

impl Newton {
    /// Starts with potentials of 0 at the first level, for `costs` Cᵢⱼ at j n + i between n weights `a` and m weights
    /// `b`.
    pub(crate) fn new(
        costs: Vec<f64>,
        (a, b): (Vec<f64>, Vec<f64>),
        rho: [f64; 2],
        epsilon: f64,
    ) -> Self {
        let (n, m) = (a.len(), b.len());
        let point = || Point {
            f: vec![0.0; n],
            g: vec![0.0; m],
            shares: vec![0.0; n * m],
            columns: vec![0.0; m],
            gradient: vec![0.0; n],
            dual: f64::NEG_INFINITY,
            error: f64::INFINITY,
        };
        let largest = costs.iter().copied().fold(0.0, f64::max);
        let levels = ((largest / epsilon).ln() / -FALL.ln()).ceil().max(0.0);
        let mut newton = Self {
            log_a: a.iter().map(|a| a.ln()).collect(),
            point: point(),
            trial: point(),
            links: vec![0.0; n * n],
            last: epsilon,
            // Counted from the end, so that the last level is exactly the required ε.
            epsilon: epsilon / FALL.powf(levels),
            longest: largest,
            costs,
            a,
            b,
            rho,
        };
        newton.evaluate_here();
        newton
    }

    /// ε of the level.
    pub(crate) fn epsilon(&self) -> f64 {
        self.epsilon
    }

    /// Whether this is the level of the required ε.
    pub(crate) fn at_last(&self) -> bool {
        self.epsilon <= self.last
    }

    /// The potentials of both sides.
    pub(crate) fn potentials(&self) -> [&[f64]; 2] {
        [&self.point.f, &self.point.g]
    }

    /// Σᵢ |rᵢ − aᵢ e^{−fᵢ/ρ_a}|; the other marginal is optimal.
    pub(crate) fn error(&self) -> f64 {
        self.point.error
    }

    /// Skips the levels that need no step.
    pub(crate) fn descend(&mut self) {
        while !self.at_last() && self.point.error <= LEVEL_ERROR {
            self.lower();
        }
    }

    /// One step at this level, or a move to the next level if this one cannot improve.
    pub(crate) fn step(&mut self) -> Step {
        self.descend();
        let step = self.step_here();
        if step == Step::Exhausted && !self.at_last() {
            self.lower();
            return Step::Taken;
        }
        step
    }

    fn lower(&mut self) {
        let next = self.epsilon * FALL;
        self.epsilon = if next < 1.5 * self.last {
            self.last
        } else {
            next
        };
        self.evaluate_here();
    }

    fn evaluate_here(&mut self) {
        let mut point = std::mem::take(&mut self.point);
        self.evaluate(&mut point);
        self.point = point;
    }

    /// One damped step at the ε of the level.
    fn step_here(&mut self) -> Step {
        let before = self.point.error;
        self.update();
        if self.point.error <= SINKHORN_SERVES * before {
            return Step::Taken;
        }
        let direction = self.direction();
        let terms = direction.iter().zip(&self.point.gradient);
        let slope: f64 = terms.map(|(d, g)| d * g).sum();
        if !(slope.is_finite() && slope > 0.0) {
            return Step::Exhausted;
        }
        let largest = |values: &[f64]| values.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        // The dual is a mean of potentials.
        let rounding = 4.0 * f64::EPSILON * (largest(&self.point.f) + self.epsilon);
        let mut length = (self.longest / largest(&direction)).min(1.0);
        let mut trial = std::mem::take(&mut self.trial);
        let mut better = false;
        for _ in 0..HALVINGS {
            trial.f.clear();
            let moved = self.point.f.iter().zip(&direction);
            trial.f.extend(moved.map(|(f, d)| f + length * d));
            self.evaluate(&mut trial);
            let gained = trial.dual - self.point.dual;
            better = gained >= ARMIJO * length * slope - rounding
                && (gained > rounding || trial.error < self.point.error);
            if better {
                break;
            }
            length *= 0.5;
        }
        if better {
            std::mem::swap(&mut self.point, &mut trial);
        }
        self.trial = trial;
        if self.point.error < before || better {
            Step::Taken
        } else {
            Step::Exhausted
        }
    }

    /// f ← λ_a T_b(g), which raises the dual.
    fn update(&mut self) {
        let mut point = std::mem::take(&mut self.point);
        let rho = self.rho[0];
        let taken = self.epsilon / (rho + self.epsilon);
        for ((f, gradient), a) in point.f.iter_mut().zip(&point.gradient).zip(&self.a) {
            let row = wanted(*a, *f, rho) - gradient;
            if row > 0.0 {
                let softmin = *f - self.epsilon * (row / a).ln();
                *f = softmin - taken * softmin;
            }
        }
        self.evaluate(&mut point);
        self.point = point;
    }

    /// Computes all fields of a point from its potential f.
    fn evaluate(&self, point: &mut Point) {
        let (n, epsilon) = (self.a.len(), self.epsilon);
        let [rho_a, rho_b] = self.rho;
        let taken = epsilon / (rho_b + epsilon);
        let sharpness = 1.0 / epsilon;
        let heights: Vec<f64> = point
            .f
            .iter()
            .zip(&self.log_a)
            .map(|(f, log_a)| f * sharpness + log_a)
            .collect();
        let mut exponents = vec![0.0; n];
        point.gradient.fill(0.0);
        point.dual = epsilon;
        for (j, costs) in self.costs.chunks_exact(n).enumerate() {
            let shares = &mut point.shares[j * n..][..n];
            let mut highest = f64::NEG_INFINITY;
            for ((exponent, height), cost) in exponents.iter_mut().zip(&heights).zip(costs) {
                *exponent = height - cost * sharpness;
                highest = exponent.max(highest);
            }
            let mut sum = 0.0;
            for (share, exponent) in shares.iter_mut().zip(&exponents) {
                let below = exponent - highest;
                *share = if below > LEAST_SHARE {
                    below.exp()
                } else {
                    0.0
                };
                sum += *share;
            }
            // −T_a(f)/ε.
            let log_sum = highest + sum.ln();
            let column = self.b[j] * (taken * log_sum).exp();
            for (share, row) in shares.iter_mut().zip(&mut point.gradient) {
                *share /= sum;
                *row -= column * *share;
            }
            point.columns[j] = column;
            point.g[j] = -epsilon * (log_sum - taken * log_sum);
            point.dual += conjugate(self.b[j], point.g[j], rho_b) - epsilon * column;
        }
        point.error = 0.0;
        for ((gradient, f), a) in point.gradient.iter_mut().zip(&point.f).zip(&self.a) {
            *gradient += wanted(*a, *f, rho_a);
            point.error += gradient.abs();
            point.dual += conjugate(*a, *f, rho_a);
        }
    }

    /// ε S⁻¹ times the gradient.
    fn direction(&mut self) -> Vec<f64> {
        let n = self.a.len();
        let [rho_a, rho_b] = self.rho;
        let epsilon = self.epsilon;
        let mut sums = self.assemble(epsilon / (rho_b + epsilon));
        let weights = self.a.iter().zip(&self.point.f);
        for (sum, (a, f)) in sums.iter_mut().zip(weights) {
            *sum += RIDGE * a;
            if rho_a.is_finite() {
                *sum += epsilon / rho_a * wanted(*a, *f, rho_a);
            }
        }
        let mut x = self.point.gradient.clone();
        let mut pivots = vec![0.0; n];
        for p in 0..n {
            let (above, below) = self.links.split_at_mut((p + 1) * n);
            let row = &above[p * n..];
            pivots[p] = sums[p] + row[p + 1..].iter().sum::<f64>();
            for i in p + 1..n {
                if row[i] > 0.0 {
                    let factor = row[i] / pivots[p];
                    sums[i] += factor * sums[p];
                    x[i] += factor * x[p];
                    let other = &mut below[(i - p - 1) * n..][i + 1..n];
                    for (link, to_pivot) in other.iter_mut().zip(&row[i + 1..]) {
                        *link += factor * to_pivot;
                    }
                }
            }
        }
        for p in (0..n).rev() {
            let row = &self.links[p * n..][p + 1..n];
            let known: f64 = row.iter().zip(&x[p + 1..]).map(|(link, x)| link * x).sum();
            x[p] = (x[p] + known) / pivots[p];
        }
        x.iter_mut().for_each(|x| *x *= epsilon);
        x
    }

    /// Computes the off-diagonal L = P diag(c (1 + ε/ρ_b))⁻¹ Pᵀ, and returns the part of each rᵢ that is neither in
    /// its row nor on its diagonal: the fraction `taken` = ε/(ρ_b + ε).
    fn assemble(&mut self, taken: f64) -> Vec<f64> {
        let n = self.a.len();
        let mut sums = vec![0.0; n];
        let mut present: Vec<usize> = Vec::with_capacity(n);
        self.links.fill(0.0);
        let columns = self.point.shares.chunks_exact(n).zip(&self.point.columns);
        for (shares, column) in columns {
            present.clear();
            present.extend((0..n).filter(|i| shares[*i] > 0.0));
            let full = 2 * present.len() > n;
            for (k, &i) in present.iter().enumerate() {
                let entry = column * shares[i];
                let kept = entry - taken * entry;
                sums[i] += taken * entry;
                let row = &mut self.links[i * n..][..n];
                if full {
                    for (link, share) in row[i + 1..].iter_mut().zip(&shares[i + 1..]) {
                        *link += kept * share;
                    }
                } else {
                    for &l in &present[k + 1..] {
                        row[l] += kept * shares[l];
                    }
                }
            }
        }
        sums
    }
}

/// The optimal marginal for a potential: a e^{−f/ρ}.
fn wanted(weight: f64, potential: f64, rho: f64) -> f64 {
    if rho.is_finite() {
        weight * (-potential / rho).exp()
    } else {
        weight
    }
}

/// The term of a potential in the dual, at one weight: a f, or −ρ a (e^{−f/ρ} − 1).
fn conjugate(weight: f64, potential: f64, rho: f64) -> f64 {
    if rho.is_finite() {
        -rho * weight * (-potential / rho).exp_m1()
    } else {
        weight * potential
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Iterates to the end; returns the potentials f and g.
    fn solve(
        costs: &[f64],
        (a, b): (&[f64], &[f64]),
        rho: [f64; 2],
        epsilon: f64,
    ) -> (Vec<f64>, Vec<f64>, usize) {
        let weights = (a.to_vec(), b.to_vec());
        let mut newton = Newton::new(costs.to_vec(), weights, rho, epsilon);
        let mut steps = 0;
        while !(newton.at_last() && newton.error() < 1e-12) && steps < 100 {
            newton.step();
            steps += 1;
        }
        assert_eq!(newton.epsilon(), epsilon);
        let [f, g] = newton.potentials();
        (f.to_vec(), g.to_vec(), steps)
    }

    #[test]
    fn potentials_are_the_updates_of_each_other() {
        let (n, m, epsilon) = (4, 6, 0.05);
        let costs: Vec<f64> = (0..n * m)
            .map(|k| f64::from(k as u32 * 7919 % 101) / 101.0)
            .collect();
        let a = [0.1, 0.2, 0.3, 0.4];
        let b = [0.05, 0.1, 0.15, 0.2, 0.2, 0.3];
        let infinite = f64::INFINITY;
        for rho in [[infinite; 2], [0.3, 2.0], [infinite, 0.5], [0.5, infinite]] {
            let (f, g, steps) = solve(&costs, (&a, &b), rho, epsilon);
            assert!(steps < 30, "{rho:?}: {steps}");
            let entry = |i: usize, j: usize| {
                a[i] * b[j] * ((f[i] + g[j] - costs[j * n + i]) / epsilon).exp()
            };
            for i in 0..n {
                let row: f64 = (0..m).map(|j| entry(i, j)).sum();
                assert!((row - wanted(a[i], f[i], rho[0])).abs() < 1e-11, "{rho:?}");
            }
            for j in 0..m {
                let column: f64 = (0..n).map(|i| entry(i, j)).sum();
                assert!(
                    (column - wanted(b[j], g[j], rho[1])).abs() < 1e-11,
                    "{rho:?}"
                );
            }
        }
    }

    /// The rest of the first row goes to the second column, by a link of e^{−400}: its entry there is 0.1, and that
    /// of the second row 0.4, so that f₁ − f₂ = c + ε log((0.1/0.3)/(0.4/0.2)).
    #[test]
    fn the_weakest_link_keeps_its_digits() {
        let (far, epsilon) = (1.0, 1.0 / 200.0);
        let costs = [0.0, far, far, 0.0];
        let (f, _, steps) = solve(
            &costs,
            (&[0.6, 0.4], &[0.5, 0.5]),
            [f64::INFINITY; 2],
            epsilon,
        );
        let expected = far - epsilon * 6f64.ln();
        assert!((f[0] - f[1] - expected).abs() < 1e-12, "{f:?}");
        assert!(steps < 30, "{steps}");
    }
}
