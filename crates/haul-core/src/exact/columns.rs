//! Column generation: the network simplex method on a short list of arcs, which grows until no pair is left that would make the
//! plan cheaper.
//!
//! ```text
//! E ← arcs of least reduced cost for potentials to start from
//! repeat  (P, u, v) ← the optimum on E
//!         lower ← max(lower, ⟨a, r⟩ + ⟨b, v⟩, ⟨a, u⟩ + ⟨b, s⟩)    rᵢ = minⱼ Cᵢⱼ − vⱼ, sⱼ = minᵢ Cᵢⱼ − uᵢ
//!         E ← E ∪ arcs of negative reduced cost
//! ```
//!
//! The lower bound is a value of the dual for any u and v, and the upper one the cost of a plan for all pairs, so that both hold
//! whenever the method stops. Costs on the arcs are relative to the potentials of the start.

use super::masses::Integers;
use super::plan::{Costs, Entries, Primal, dual};
use super::pricing::{Priced, Pricing};
use super::simplex::{End, Flows, ROUNDING, Simplex};
use crate::{Engine, Error, Potentials, Result};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// The state of a solve between two problems on a list of arcs, or within one.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ExactProgress {
    /// Iterations so far of the entropic solve that gives the potentials to start from.
    pub iterations: usize,
    /// The problem on a list of arcs that is being solved, from 1; 0 before there are arcs.
    pub round: usize,
    /// Its arcs.
    pub arcs: usize,
    /// Pivots of the network simplex method so far.
    pub pivots: usize,
    /// The largest relative error of the best plan so far; infinite before there is one.
    pub gap: f64,
    /// The gap at which the solve ends.
    pub goal: f64,
    /// Seconds since the start.
    pub seconds: f64,
    /// How often the clouds of this problem were made coarser: 0 for the clouds themselves.
    pub level: usize,
}

impl ExactProgress {
    /// The state at the beginning of a solve that ends at a gap of `goal`.
    pub(super) fn new(goal: f64) -> Self {
        Self {
            iterations: 0,
            round: 0,
            arcs: 0,
            pivots: 0,
            gap: f64::INFINITY,
            goal,
            seconds: 0.0,
            level: 0,
        }
    }
}

/// The observer of a solve.
pub(super) type Observer<'o> = dyn FnMut(&ExactProgress) -> ControlFlow<()> + Send + 'o;

/// The optimum on the list of arcs, as far as it was found.
#[derive(Default)]
pub(super) struct Generated {
    pub(super) entries: Entries,
    pub(super) potentials: Potentials,
    pub(super) primal: Primal,
    pub(super) lower: f64,
    pub(super) rounds: usize,
    pub(super) arcs: usize,
    pub(super) pivots: usize,
}

/// A solve of a problem whose points all have a positive mass.
pub(super) struct Columns<'c, 'o> {
    weights: [&'c [f64]; 2],
    costs: Costs<'c>,
    start: Potentials,
    simplex: Simplex,
    lower: f64,
    primal: Option<(Primal, Entries)>,
    /// The largest |C − f − g| of the arcs of the first round, with the potentials of the start.
    dearest: f64,
    rounds: usize,
    tolerance: f64,
    began: web_time::Instant,
    observer: &'c mut Observer<'o>,
}

/// Arcs that are added between two calls of the observer.
const ARCS: usize = 1 << 20;

/// What the cost of an artificial arc is multiplied with if artificial arcs carry mass though no pair is violated.
const DEARER: f64 = 4.0;

impl<'c, 'o> Columns<'c, 'o> {
    pub(super) fn new(
        (weights, costs): ([&'c [f64]; 2], Costs<'c>),
        start: Potentials,
        tolerance: f64,
        observer: &'c mut Observer<'o>,
    ) -> Self {
        let [rows, columns] = Integers::of(weights).masses;
        Self {
            lower: costs.range[0] * weights[0].iter().sum::<f64>(),
            weights,
            costs,
            start,
            simplex: Simplex::new(&rows, &columns, 1.0),
            primal: None,
            dearest: 0.0,
            rounds: 0,
            tolerance,
            began: web_time::Instant::now(),
            observer,
        }
    }

    /// Solves on all pairs. If the observer breaks before all are arcs, the plan is the first one of all pairs.
    pub(super) fn solve_all(mut self) -> Generated {
        let [n, m] = self.weights.map(<[f64]>::len);
        let mut stopped = false;
        let step = (ARCS / m.max(1)).max(1);
        for first in (0..n).step_by(step) {
            let rows = first..n.min(first + step);
            self.extend(rows.flat_map(|row| (0..m).map(move |column| (row, column))));
            stopped = self.observe().is_break();
            if stopped {
                break;
            }
        }
        // A path over artificial arcs costs more than the dearest pair.
        match stopped {
            true => self.take_flows(),
            false => drop(self.round()),
        }
        let potentials = self.potentials();
        let g = potentials.g;
        let height = g.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
        // The error of a cost C is at most a multiple of |C − v| + |v|.
        let relative = self.costs.relative + f64::EPSILON;
        let least = (0..n).map(|row| {
            let reduced = g.iter().enumerate();
            let reduced = reduced.map(|(column, v)| (self.costs.between)(row, column) - v);
            let least = reduced.fold(f64::INFINITY, f64::min);
            least - relative * (least.abs() + height)
        });
        let least: Vec<f64> = least.collect();
        self.lower = self.lower.max(dual(self.weights, [&least, &g]));
        self.end(Potentials { f: least, g })
    }

    /// Solves on arcs that the engine finds.
    pub(super) async fn solve<E: Engine>(mut self, pricing: &Pricing<'_, E>) -> Result<Generated> {
        let start = self.start.clone();
        let priced = self.search(pricing, &start, true).await?;
        self.bound(&priced, &start);
        let mut known: HashSet<(usize, usize)> = priced.arcs.iter().copied().collect();
        self.extend(priced.arcs.iter().copied());
        loop {
            let end = self.round();
            let potentials = self.potentials();
            if end == End::Stopped || self.is_proved() {
                return Ok(self.end(potentials));
            }
            let priced = match self.search(pricing, &potentials, false).await {
                // Whoever raised the interrupt may want what there is.
                Err(Error::Interrupted) if self.observe().is_break() => {
                    return Ok(self.end(potentials));
                }
                priced => priced?,
            };
            self.bound(&priced, &potentials);
            if self.is_proved() || self.observe().is_break() {
                return Ok(self.end(potentials));
            }
            let violated: Vec<_> = priced
                .arcs
                .into_iter()
                .filter(|&(row, column)| {
                    let (u, v) = (potentials.f[row], potentials.g[column]);
                    let cost = (self.costs.between)(row, column);
                    cost - u - v < -ROUNDING * (cost.abs() + u.abs() + v.abs())
                })
                .filter(|arc| known.insert(*arc))
                .collect();
            match violated.is_empty() {
                true if self.simplex.is_short() => {
                    let barrier = DEARER * self.simplex.barrier();
                    self.simplex.raise_barrier(barrier);
                }
                true => return Ok(self.end(potentials)),
                false => self.extend(violated),
            }
        }
    }

    /// Searches all pairs, those of the reservoirs as well: behind the points of a cloud there may be one.
    async fn search<E: Engine>(
        &self,
        pricing: &Pricing<'_, E>,
        Potentials { f, g }: &Potentials,
        is_first: bool,
    ) -> Result<Priced> {
        let [n, m] = pricing.sizes();
        let potentials = [&f[..n], &g[..m]];
        let mut priced = match is_first {
            true => pricing.nearest(potentials).await?,
            false => pricing.violated(potentials).await?,
        };
        let least = |row: usize, column: usize, potential: f64| {
            (self.costs.between)(row, column) - potential
        };
        let [rows, columns] = &mut priced.least;
        if let Some(&v) = g.get(m) {
            for (row, value) in rows.iter_mut().enumerate() {
                *value = value.min(least(row, m, v));
            }
            priced.arcs.extend((0..n).map(|row| (row, m)));
        }
        if let Some(&u) = f.get(n) {
            for (column, value) in columns.iter_mut().enumerate() {
                *value = value.min(least(n, column, u));
            }
            priced.arcs.extend((0..m).map(|column| (n, column)));
            let all = g.iter().enumerate();
            let all = all.map(|(column, &v)| least(n, column, v));
            rows.push(all.fold(f64::INFINITY, f64::min));
        }
        if g.len() > m {
            let all = f.iter().enumerate();
            let all = all.map(|(row, &u)| least(row, m, u));
            columns.push(all.fold(f64::INFINITY, f64::min));
        }
        Ok(priced)
    }

    /// Adds arcs. An artificial arc costs at least what the dearest of them does.
    fn extend(&mut self, arcs: impl IntoIterator<Item = (usize, usize)>) {
        let Potentials { f, g } = &self.start;
        let arc = |(row, column): (usize, usize)| {
            let cost = (self.costs.between)(row, column);
            (row, column, cost - f[row] - g[column])
        };
        let arcs: Vec<_> = arcs.into_iter().map(arc).collect();
        if self.rounds == 0 {
            let size = |dearest: f64, arc: &(usize, usize, f64)| dearest.max(arc.2.abs());
            self.dearest = arcs.iter().fold(self.dearest, size);
            if self.dearest > 0.0 {
                self.simplex.raise_barrier(self.dearest);
            }
        }
        self.simplex.add(arcs);
    }

    /// The optimum on the arcs that there are, and its cost.
    fn round(&mut self) -> End {
        self.rounds += 1;
        let (round, arcs) = (self.rounds, self.simplex.arcs());
        let gap = self.gap();
        let (began, goal) = (self.began, self.tolerance);
        let observer = &mut *self.observer;
        let end = self.simplex.solve(&mut |pivots| {
            observer(&ExactProgress {
                round,
                arcs,
                pivots,
                gap,
                seconds: began.elapsed().as_secs_f64(),
                ..ExactProgress::new(goal)
            })
        });
        self.take_flows();
        end
    }

    /// Keeps the plan of the basis, if it is the best one so far.
    fn take_flows(&mut self) {
        let mut flows = self.simplex.flows(self.weights[0], self.weights[1]);
        complete(&mut flows);
        let primal = Primal::of(&flows.entries, self.weights, &self.costs);
        let best = self.primal.as_ref();
        if best.is_none_or(|(best, _)| primal.upper < best.upper) {
            self.primal = Some((primal, flows.entries));
        }
    }

    /// The potentials of the basis. The constant that is free makes ⟨b, g⟩ = 0.
    fn potentials(&self) -> Potentials {
        let [u, v] = self.simplex.potentials();
        let Potentials { f, g } = &self.start;
        let mut f: Vec<f64> = f.iter().zip(u).map(|(f, u)| f + u).collect();
        let mut g: Vec<f64> = g.iter().zip(v).map(|(g, v)| g + v).collect();
        let mass: f64 = self.weights[1].iter().sum();
        let products = self.weights[1].iter().zip(&g);
        let mean = products.map(|(b, g)| b * g).sum::<f64>() / mass;
        f.iter_mut().for_each(|f| *f += mean);
        g.iter_mut().for_each(|g| *g -= mean);
        Potentials { f, g }
    }

    /// Takes the better of two values of the dual: of the minima of the rows with g, and of f with those of the columns.
    fn bound(&mut self, priced: &Priced, potentials: &Potentials) {
        let [rows, columns] = &priced.least;
        let one = dual(self.weights, [rows, &potentials.g]);
        let other = dual(self.weights, [&potentials.f, columns]);
        self.lower = self.lower.max(one).max(other);
    }

    fn gap(&self) -> f64 {
        match &self.primal {
            Some((primal, _)) => relative_gap(primal, self.lower),
            None => f64::INFINITY,
        }
    }

    fn is_proved(&self) -> bool {
        self.gap() <= self.tolerance
    }

    fn observe(&mut self) -> ControlFlow<()> {
        let progress = ExactProgress {
            round: self.rounds,
            arcs: self.simplex.arcs(),
            pivots: self.simplex.pivots(),
            gap: self.gap(),
            seconds: self.began.elapsed().as_secs_f64(),
            ..ExactProgress::new(self.tolerance)
        };
        (self.observer)(&progress)
    }

    fn end(self, potentials: Potentials) -> Generated {
        let (primal, entries) = self.primal.unwrap_or_default();
        Generated {
            entries,
            potentials,
            lower: self.lower.min(primal.upper),
            primal,
            rounds: self.rounds,
            arcs: self.simplex.arcs(),
            pivots: self.simplex.pivots(),
        }
    }
}

/// The largest relative error of a value between two bounds.
pub(super) fn relative_gap(primal: &Primal, lower: f64) -> f64 {
    match primal.upper - lower {
        difference if difference <= 0.0 => 0.0,
        difference => difference / primal.value.abs(),
    }
}

/// Lets the masses that no arc carries go to the columns that lack them, in order. The plan is then one of all pairs.
fn complete(flows: &mut Flows) {
    let mut columns = std::mem::take(&mut flows.columns).into_iter();
    let mut lacking = columns.next();
    for (row, mut mass) in std::mem::take(&mut flows.rows) {
        while mass > 0.0 {
            let Some((column, lack)) = lacking else {
                return;
            };
            let moved = mass.min(lack);
            flows.entries.push((row, column, moved));
            mass -= moved;
            lacking = match lack - moved {
                left if left > 0.0 => Some((column, left)),
                _ => columns.next(),
            };
        }
    }
}
