//! `haul pairwise`: every cloud compared with every other one.
//!
//! All pairs have the same ε and the same precision, so that their entries are comparable. Divergences
//!
//! ```text
//! Dᵢⱼ = OT_ε(αᵢ, αⱼ) − ½ OT_ε(αᵢ, αᵢ) − ½ OT_ε(αⱼ, αⱼ) + ½ε (mᵢ − mⱼ)²
//! ```
//!
//! take n(n − 1)/2 solves for n clouds and n for the self terms; separate divergences would take three for each pair.

mod answer;
mod arguments;
mod clusters;
mod comparison;
mod entry;
mod format;
mod heatmap;
mod library;
mod loss;
mod matrix;
mod plan;
mod target;

use crate::checkpoint::{Checkpoint, Kind};
use crate::command::{Command, Program};
use crate::deal::{Sink, deal};
use crate::interrupt;
use crate::machine::Machine;
use crate::ordered::{self, Ended, Tasks};
use crate::outcome::{self, Outcome};
use crate::progress::Count;
use answer::{Effort, PairwiseAnswer};
use anyhow::Result;
pub(crate) use arguments::Pairwise;
use clusters::Clusters;
use entry::Entry;
use haul::engine::Ranks;
use matrix::Matrix;
use plan::Plan;
use std::ops::ControlFlow;
use std::time::Instant;

/// Memory for the clouds, in bytes; those beyond it are read again for each pair.
const CACHE: usize = 4 << 30;

/// What a stopped run goes on with.
const COMPARISONS: Kind = Kind {
    command: "pairwise",
    results: "comparisons",
};

impl Command for Pairwise {
    fn run(&self, program: &Program) -> Result<Outcome> {
        let start = Instant::now();
        self.check()?;
        let machine = Machine::new(CACHE, self.engine.threads)?;
        let plan = Plan::of(self, &machine)?;
        let pairs = plan.pairs();
        interrupt::keep_what_is_finished();
        let ranks = program.ranks.as_ref();
        if let Some(ranks) = ranks.filter(|_| !program.is_first()) {
            let none = &mut |_, _| Ok(ControlFlow::Continue(()));
            self.compare_over(ranks, (&plan, &machine), &pairs, &[], none)?;
            return Ok(Outcome::Done);
        }
        let keys = pairs.iter().map(|pair| plan.key(*pair)).collect();
        let mut done = Checkpoint::open(&self.output, COMPARISONS, keys)?;
        if done.foreign && !self.quiet {
            outcome::warn(&format!(
                "{} is of another version: starting anew",
                done.path().display()
            ));
        }
        let solves = done.missing().len();
        let evaluated = self.compare((&plan, &machine), &pairs, &mut done, ranks)?;
        let entries: Vec<_> = done.entries.iter().flatten().cloned().collect();
        if entries.len() < pairs.len() {
            outcome::tell(&format!(
                "{} of {} comparisons are in {}; the same command goes on from there",
                entries.len(),
                pairs.len(),
                done.path().display()
            ));
            return Ok(Outcome::Interrupted);
        }
        let matrix = Matrix::of(&plan, &pairs, &entries);
        let clusters = Clusters::of(&matrix.values, plan.clouds.len());
        target::write(&self.output, &plan, &matrix)?;
        if let Some(table) = &self.pairs {
            target::write_pairs(table, &plan, &matrix)?;
        }
        if let Some(image) = &self.image {
            target::draw(image, &plan, &matrix, &clusters)?;
        }
        if done.others() > 0 && !self.quiet {
            outcome::tell(&format!(
                "comparisons of other files or settings ({}) stay in {}; remove it where they are not wanted",
                done.others(),
                done.path().display()
            ));
        }
        done.served();
        self.tell(&PairwiseAnswer {
            plan: &plan,
            matrix: &matrix,
            clusters: &clusters,
            entries: &entries,
            output: &self.output,
            beside: [&self.pairs, &self.image].map(Option::as_deref),
            effort: Effort {
                solves,
                pairs: evaluated,
                seconds: start.elapsed().as_secs_f64(),
            },
        })
    }
}

/// Compares some pairs, in order.
fn compare(
    (plan, machine): (&Plan, &Machine),
    pairs: &[(usize, usize)],
    places: &[usize],
    sink: &mut Sink<'_, Entry>,
) -> Result<()> {
    let comparison = |index: usize| plan.comparison(pairs[places[index]]);
    let tasks = Tasks {
        shared: |index: usize| Ended::shared(machine.on_one_thread(&*comparison(index))),
        alone: |index: usize| ordered::finished(machine.alone(&*comparison(index))),
        stop: interrupt::requested,
    };
    ordered::run(0..places.len(), tasks, |index, entry| {
        sink(places[index], entry?)
    })
}

impl Pairwise {
    /// The threads that it makes.
    pub(crate) fn threads(&self) -> Option<u16> {
        self.engine.threads
    }

    /// Compares the missing pairs; returns the number of pairs of points that were evaluated.
    fn compare(
        &self,
        (plan, machine): (&Plan, &Machine),
        pairs: &[(usize, usize)],
        done: &mut Checkpoint<Entry>,
        ranks: Option<&Ranks>,
    ) -> Result<u64> {
        let missing = done.missing();
        let progress = Count::new(
            pairs.iter().map(|pair| plan.weight(*pair)),
            (0..pairs.len()).filter(|place| missing.binary_search(place).is_err()),
            self.quiet,
        );
        let mut evaluated = 0;
        let mut sink = |place, entry: Entry| {
            evaluated += entry.pairs;
            done.append(place, entry)?;
            progress.one_more(place);
            Ok(ControlFlow::Continue(()))
        };
        match ranks {
            Some(ranks) => self.compare_over(ranks, (plan, machine), pairs, &missing, &mut sink)?,
            None => compare((plan, machine), pairs, &missing, &mut sink)?,
        }
        Ok(evaluated)
    }

    /// Compares the pairs that rank 0 misses, on all ranks.
    fn compare_over(
        &self,
        ranks: &Ranks,
        (plan, machine): (&Plan, &Machine),
        pairs: &[(usize, usize)],
        missing: &[usize],
        sink: &mut Sink<'_, Entry>,
    ) -> Result<()> {
        let weight = |place: usize| plan.weight(pairs[place]);
        let some = |places: &[usize], sink: &mut Sink<'_, Entry>| {
            compare((plan, machine), pairs, places, sink)
        };
        deal(ranks, missing, weight, some, sink)
    }

    /// Prints the answer, for a person or as a JSON object.
    fn tell(&self, answer: &PairwiseAnswer) -> Result<Outcome> {
        outcome::show(&match self.json {
            true => serde_json::to_string(answer)? + "\n",
            false => answer.rows().text(),
        })?;
        if !self.quiet {
            for warning in answer.warnings() {
                outcome::warn(&warning);
            }
        }
        Ok(Outcome::of(answer.converged()))
    }
}
