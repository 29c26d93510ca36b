//! The starts of a solve: plans from which the steps go, tried on a few points that stand for all others.

use super::balance::Entropic;
use super::descent::{Descent, Effort, Ends, Host};
use super::pair::Pair;
use super::space::DistanceMatrix;
use crate::Result;
use crate::gromov::GromovStart;
use std::ops::ControlFlow;

/// The points of each side on which starts are tried.
const FEW: usize = 200;

/// The steps of a trial, and the change at which it ends.
const TRIAL_STEPS: usize = 30;
const TRIAL_TOLERANCE: f64 = 1e-2;

/// The quantiles of the distances from a point that are compared, and ε over the mean of the costs that they make.
const QUANTILES: usize = 32;
const SHARPNESS: f64 = 0.01;

/// The fractional part of the golden ratio; its multiples fill an interval evenly and without a period.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// The plan from which a run starts.
pub(in crate::gromov) fn choose(
    host: Host<'_>,
    pair: &Pair,
    (epsilon, max_iterations): (f64, usize),
    start: GromovStart,
) -> Result<(Vec<f64>, Effort)> {
    match start {
        GromovStart::Product => return Ok((product(pair), Effort::default())),
        GromovStart::Eccentricities => return Ok((pair.by_eccentricity(), Effort::default())),
        GromovStart::Best => {}
    }
    let [x, y] = pair.spaces.each_ref().map(Coarse::of);
    let few = Pair::new([x.space.clone(), y.space.clone()], pair.alpha)?;
    let candidates = [
        product(&few),
        few.by_eccentricity(),
        by_distribution(host, &few, max_iterations)?,
    ];
    let mut effort = Effort {
        starts: candidates.len(),
        ..Effort::default()
    };
    let ends = Ends {
        goal: TRIAL_TOLERANCE,
        max_steps: TRIAL_STEPS,
        max_iterations,
    };
    let mut best: Option<(f64, Vec<f64>)> = None;
    for plan in candidates {
        let mut trial = Descent::from(host, &few, epsilon, plan)?;
        let end = trial.run(ends, &mut |_, _| ControlFlow::Continue(()))?;
        effort.passes += trial.effort.passes;
        effort.pairs += trial.effort.pairs;
        let objective = end.turn.objective;
        if best.as_ref().is_none_or(|(least, _)| objective < *least) {
            best = Some((objective, trial.plan));
        }
    }
    let plan = best.map_or_else(|| product(&few), |(_, plan)| plan);
    Ok((extended(&plan, [&x, &y], pair), effort))
}

/// The product plan a⊗b.
fn product(pair: &Pair) -> Vec<f64> {
    let [a, b] = pair.weights();
    a.iter()
        .flat_map(|a| b.iter().map(move |b| a * b))
        .collect()
}

/// The plan of the costs between the distributions of distances from each point, of which the third lower bound of
/// [Mémoli'11] is made.
fn by_distribution(host: Host<'_>, pair: &Pair, max_iterations: usize) -> Result<Vec<f64>> {
    let [q, r] = pair.spaces.each_ref().map(quantiles);
    let rows = || q.chunks_exact(QUANTILES);
    let between =
        |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum::<f64>();
    let costs: Vec<f64> = rows()
        .flat_map(|x| r.chunks_exact(QUANTILES).map(move |y| between(x, y)))
        .collect();
    let mut plan = vec![0.0; costs.len()];
    let mean = costs.iter().sum::<f64>() / costs.len() as f64;
    if mean <= 0.0 {
        return Ok(product(pair));
    }
    Entropic {
        engine: host.engine,
        device: host.device,
        weights: pair.weights(),
        epsilon: SHARPNESS * mean,
        rho: f64::INFINITY,
        tolerance: TRIAL_TOLERANCE,
        max_iterations,
    }
    .solve(&costs, None, &mut plan)?;
    Ok(plan)
}

/// Quantiles of D of each point, weighted.
fn quantiles(space: &DistanceMatrix) -> Vec<f64> {
    let mut all = Vec::with_capacity(space.len() * QUANTILES);
    for row in space.rows() {
        let mut sorted: Vec<(f64, f64)> = row
            .iter()
            .copied()
            .zip(space.weights.iter().copied())
            .collect();
        sorted.sort_by(|(d, _), (e, _)| d.total_cmp(e));
        let mut entries = sorted.iter();
        let (mut mass, mut value) = (0.0, 0.0);
        for k in 0..QUANTILES {
            let level = (k as f64 + 0.5) / QUANTILES as f64;
            while mass < level {
                let Some((d, a)) = entries.next() else { break };
                mass += a;
                value = *d;
            }
            all.push(value);
        }
    }
    all
}

/// A few points of a space with the masses of the points nearest to each.
struct Coarse {
    space: DistanceMatrix,
    /// The coarse point of each point.
    groups: Vec<usize>,
}

impl Coarse {
    fn of(space: &DistanceMatrix) -> Self {
        let n = space.len();
        if n <= FEW {
            return Self {
                space: space.clone(),
                groups: (0..n).collect(),
            };
        }
        let length = n as f64 / FEW as f64;
        let place = |k: usize| {
            let within = (k as f64 * GOLDEN).fract();
            (((k as f64 + within) * length) as usize).min(n - 1)
        };
        let places: Vec<usize> = (0..FEW).map(place).collect();
        let nearest = |i: usize| {
            // A distance of 0 to itself, or the likeness of a kernel.
            let apart = |k: usize| (space.at(i, k) - space.at(k, k)).abs();
            let all = places.iter().enumerate();
            let least = all.min_by(|(_, k), (_, l)| apart(**k).total_cmp(&apart(**l)));
            least.map_or(0, |(group, _)| group)
        };
        let mut groups: Vec<usize> = (0..n).map(nearest).collect();
        let mut masses = vec![0.0; FEW];
        for (group, a) in groups.iter().zip(&space.weights) {
            if let Some(mass) = masses.get_mut(*group) {
                *mass += a;
            }
        }
        // Places that coincide with others may be nobody's nearest.
        let mut names = vec![0; FEW];
        let mut kept = Vec::new();
        for (group, mass) in masses.iter().enumerate() {
            if *mass > 0.0 {
                if let Some(name) = names.get_mut(group) {
                    *name = kept.len();
                }
                kept.push(group);
            }
        }
        let of_kept = |values: &[usize]| -> Vec<usize> {
            kept.iter()
                .filter_map(|group| values.get(*group))
                .copied()
                .collect()
        };
        let places = of_kept(&places);
        let masses = kept
            .iter()
            .filter_map(|group| masses.get(*group))
            .copied()
            .collect();
        groups
            .iter_mut()
            .for_each(|group| *group = names.get(*group).copied().unwrap_or(0));
        Self {
            space: space.part(&places, masses),
            groups,
        }
    }

    fn mass(&self, group: usize) -> f64 {
        self.space.weights.get(group).copied().unwrap_or(1.0)
    }
}

/// The plan of all points that has the density of their coarse points.
fn extended(plan: &[f64], [x, y]: [&Coarse; 2], pair: &Pair) -> Vec<f64> {
    let [a, b] = pair.weights();
    let m = y.space.len();
    let shares: Vec<f64> = b
        .iter()
        .zip(&y.groups)
        .map(|(b, j)| b / y.mass(*j))
        .collect();
    let mut all = Vec::with_capacity(a.len() * b.len());
    for (a, i) in a.iter().zip(&x.groups) {
        let row = plan.get(i * m..(i + 1) * m).unwrap_or_default();
        let share = a / x.mass(*i);
        let entry = |(s, j): (&f64, &usize)| share * s * row.get(*j).copied().unwrap_or(0.0);
        all.extend(shares.iter().zip(&y.groups).map(entry));
    }
    all
}
