//! Transport on a line. For a convex cost |x − y|^p, p ≥ 1, the monotone plan is optimal: both measures are sorted and merged.

use super::plan::{Costs, Primal, SparsePlan};
use crate::{Measure, Potentials};

/// The monotone plan, the potentials along its staircase, and the bounds of its cost.
pub(super) struct Monotone {
    pub(super) plan: SparsePlan,
    pub(super) potentials: Potentials,
    pub(super) primal: Primal,
    pub(super) lower: f64,
}

/// Sorts and merges two measures of one dimension and, up to rounding, of one mass.
pub(super) fn monotone(source: &Measure, target: &Measure, p: f64) -> Monotone {
    let [x, y] = [source, target].map(sorted);
    let cost = |i: usize, j: usize| (source.points()[i] - target.points()[j]).abs().powf(p);
    let mut entries = Vec::with_capacity(x.len() + y.len());
    let mut f = vec![0.0; source.len()];
    let mut g = vec![0.0; target.len()];
    let (mut i, mut j) = (0, 0);
    let (mut a, mut b) = (source.weights()[x[0]], target.weights()[y[0]]);
    g[y[0]] = cost(x[0], y[0]);
    loop {
        let mass = a.min(b);
        entries.push((x[i], y[j], mass));
        (a, b) = (a - mass, b - mass);
        // The staircase goes on along the side that has mass left; each step sets one more potential by f + g = C.
        let down = i + 1 < x.len() && (a <= b || j + 1 == y.len());
        if down {
            i += 1;
            a = source.weights()[x[i]];
            f[x[i]] = cost(x[i], y[j]) - g[y[j]];
        } else if j + 1 < y.len() {
            j += 1;
            b = target.weights()[y[j]];
            g[y[j]] = cost(x[i], y[j]) - f[x[i]];
        } else {
            break;
        }
    }
    entries.retain(|(_, _, mass)| *mass > 0.0);
    let ends = [x[0], x[x.len() - 1]].map(|i| source.points()[i]);
    let other = [y[0], y[y.len() - 1]].map(|j| target.points()[j]);
    let largest = (ends[1] - other[0])
        .abs()
        .max((other[1] - ends[0]).abs())
        .powf(p);
    // A difference, a power of it with p roundings of its base, and the power itself.
    let relative = (p + 2.0) * f64::EPSILON;
    let costs = Costs {
        between: &cost,
        relative,
        range: [0.0, largest],
    };
    let primal = Primal::of(&entries, [source.weights(), target.weights()], &costs);
    let plan = SparsePlan::new([source.len(), target.len()], entries, primal.value);
    // The monotone plan between the masses that were moved is optimal: what is below its cost is rounding.
    let lower = primal.value - (primal.upper - primal.value);
    Monotone {
        plan: plan.onto(target),
        potentials: Potentials { f, g },
        primal,
        lower,
    }
}

/// The points by coordinate. Those of weight 0 take part, so that they get a potential.
fn sorted(measure: &Measure) -> Vec<usize> {
    let points = measure.points();
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_unstable_by(|&i, &j| points[i].total_cmp(&points[j]));
    order
}
