//! Many tasks, dealt to ranks.
//!
//! Ranks go through the list together, round by round: each takes some tasks of a round, such that all have about as much work,
//! and rank 0 gets the results of all, in order. What a run of one rank writes is so what a run of many writes, and a run that is
//! killed loses one round.

use crate::{interrupt, outcome};
use anyhow::{Context, Result};
use haul::engine::Ranks;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Tasks of a rank in a round for each of its threads, so that none waits long for the last one.
const TASKS_PER_THREAD: usize = 4;

/// The number of these steps.
const STEP: u64 = 0x6465_616c;

/// What takes the results of tasks, in order.
pub(crate) type Sink<'s, R> = dyn FnMut(usize, R) -> Result<ControlFlow<()>> + 's;

/// Computes tasks on all ranks and passes their results to the sink of rank 0, in the order of its list, until that breaks or a
/// rank is interrupted. `compute` computes some tasks and passes on their results.
///
/// # Errors
///
/// Those of any rank.
pub(crate) fn deal<R: Serialize + DeserializeOwned>(
    ranks: &Ranks,
    tasks: &[usize],
    weight: impl Fn(usize) -> f64,
    compute: impl Fn(&[usize], &mut Sink<'_, R>) -> Result<()>,
    sink: &mut Sink<'_, R>,
) -> Result<()> {
    let own = (tasks, rayon::current_num_threads());
    let (tasks, threads): (Vec<usize>, usize) = of_first(ranks, Ok(own))?;
    for round in tasks.chunks(ranks.size() * threads.max(1) * TASKS_PER_THREAD) {
        let own = share(round, &weight, ranks.size(), ranks.rank());
        let mut done = Vec::new();
        let computed = compute(&own, &mut |task, result| {
            done.push((task, result));
            Ok(ControlFlow::Continue(()))
        });
        let computed = computed.map(|()| (done, interrupt::requested()));
        let all: Vec<(Vec<(usize, R)>, bool)> = of_all(ranks, computed)?;
        let interrupted = all.iter().any(|(_, interrupted)| *interrupted);
        let results = all.into_iter().flat_map(|(results, _)| results);
        let goes_on = match ranks.rank() {
            0 => pass_on(round, results, sink).map(|goes_on| goes_on && !interrupted),
            _ => Ok(true),
        };
        if !of_first::<_, bool>(ranks, goes_on)? {
            break;
        }
    }
    Ok(())
}

/// Passes on the results of a round, in its order; returns whether the sink wants more.
fn pass_on<R>(
    round: &[usize],
    results: impl Iterator<Item = (usize, R)>,
    sink: &mut Sink<'_, R>,
) -> Result<bool> {
    let mut results: HashMap<_, _> = results.collect();
    for task in round {
        if let Some(result) = results.remove(task)
            && sink(*task, result)?.is_break()
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The tasks of a rank: each goes to the rank that has the least work so far.
fn share(round: &[usize], weight: &impl Fn(usize) -> f64, size: usize, rank: usize) -> Vec<usize> {
    let mut work = vec![0.0_f64; size];
    let mut own = Vec::new();
    for task in round {
        let least = (0..size).min_by(|a, b| work[*a].total_cmp(&work[*b]));
        let least = least.unwrap_or(0);
        work[least] += weight(*task);
        if least == rank {
            own.push(*task);
        }
    }
    own
}

/// What rank 0 has.
///
/// # Errors
///
/// Those of any rank.
pub(crate) fn of_first<S: Serialize, R: DeserializeOwned>(
    ranks: &Ranks,
    own: Result<S>,
) -> Result<R> {
    let own = own.and_then(|own| match ranks.rank() {
        0 => Ok(serde_json::to_vec(&own)?),
        _ => Ok(Vec::new()),
    });
    let all = gather(ranks, own)?;
    let first = all.first().map_or(&[][..], Vec::as_slice);
    serde_json::from_slice(first).context("rank 0 sent something else")
}

/// What all ranks have, in their order.
fn of_all<R: Serialize + DeserializeOwned>(ranks: &Ranks, own: Result<R>) -> Result<Vec<R>> {
    let own = own.and_then(|own| Ok(serde_json::to_vec(&own)?));
    let all = gather(ranks, own)?;
    let read = |bytes: &Vec<u8>| serde_json::from_slice(bytes);
    let all: Result<_, _> = all.iter().map(read).collect();
    all.context("a rank sent something else")
}

fn gather(ranks: &Ranks, own: Result<Vec<u8>>) -> Result<Vec<Vec<u8>>> {
    match own {
        Ok(own) => Ok(ranks.gather_all(STEP, Ok(own))?),
        Err(error) => {
            // The others get its message, and this rank keeps the error.
            let told = ranks.gather_all(STEP, Err(message(ranks, &error)));
            drop(told);
            Err(error)
        }
    }
}

/// An error of this rank, as others are told of it.
pub(crate) fn message(ranks: &Ranks, error: &anyhow::Error) -> haul::Error {
    if outcome::is_interrupt(error) {
        return haul::Error::Interrupted;
    }
    haul::Error::Rank {
        rank: ranks.rank(),
        message: outcome::one_line(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_has_one_rank_and_no_rank_much_more_than_another() {
        let round: Vec<usize> = (100..160).collect();
        let weight = |task: usize| 1.0 + (task % 7) as f64;
        let shares: Vec<_> = (0..4).map(|rank| share(&round, &weight, 4, rank)).collect();
        let mut all = shares.concat();
        all.sort_unstable();
        assert_eq!(all, round);
        let work = |share: &Vec<usize>| share.iter().map(|task| weight(*task)).sum::<f64>();
        let work: Vec<f64> = shares.iter().map(work).collect();
        let (least, most) = work
            .iter()
            .fold((f64::INFINITY, 0.0_f64), |(a, b), w| (a.min(*w), b.max(*w)));
        assert!(most - least <= 7.0, "{work:?}");
    }

    #[test]
    fn one_rank_computes_all_in_order_until_the_sink_breaks() {
        let ranks = Ranks::alone();
        let mut seen = Vec::new();
        let compute = |tasks: &[usize], sink: &mut Sink<'_, usize>| {
            for task in tasks.iter().rev() {
                let _ = sink(*task, 2 * task)?;
            }
            Ok(())
        };
        let tasks: Vec<usize> = (0..500).step_by(3).collect();
        deal(&ranks, &tasks, |_| 1.0, compute, &mut |task, result| {
            assert_eq!(result, 2 * task);
            seen.push(task);
            Ok(match task {
                99 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            })
        })
        .unwrap();
        assert_eq!(seen, (0..=99).step_by(3).collect::<Vec<_>>());
    }
}
