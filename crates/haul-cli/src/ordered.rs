//! Many tasks at once, their results in order.
//!
//! A task runs on one thread beside others or, where it proves too large for that, alone on the thread
//! that called, which may then use all of them. Tasks are begun in their order, and no more of them
//! than threads can soon take; results wait until those before them are there. So whoever stops
//! early has an unbroken beginning, and memory is bounded.

use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};

/// Results that may wait for an earlier one.
const MOST_WAITING: usize = 1024;

/// Tasks under way for each thread: one that runs, and one that is ready.
const TASKS_PER_THREAD: usize = 2;

/// How tasks are run.
pub(crate) struct Tasks<Shared, Alone, Stop> {
    /// Runs a task on one of rayon's threads; none for one that is to run alone.
    pub(crate) shared: Shared,
    /// Runs a task while no other does.
    pub(crate) alone: Alone,
    /// Whether no further task is to begin.
    pub(crate) stop: Stop,
}

/// Runs tasks and hands their results to `sink` in order, until it breaks or fails; tasks that are
/// under way then are finished, and told to nobody.
///
/// # Errors
///
/// That of the sink.
pub(crate) fn run<R: Send>(
    indices: Range<usize>,
    tasks: Tasks<impl Fn(usize) -> Option<R> + Sync, impl Fn(usize) -> R, impl Fn() -> bool + Sync>,
    mut sink: impl FnMut(usize, R) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let most = TASKS_PER_THREAD * rayon::current_num_threads();
    let ended = AtomicBool::new(false);
    let stopped = || ended.load(Ordering::Relaxed) || (tasks.stop)();
    let (tell, told) = mpsc::channel();
    // Whoever leaves this scope waits for the tasks that have begun.
    rayon::in_place_scope_fifo(|scope| {
        let _no_further = OnDrop(&ended);
        let mut begun = indices.start;
        let mut next = indices.start;
        let mut under_way = 0;
        let mut large = BTreeSet::new();
        let mut waiting = BTreeMap::new();
        loop {
            while large.is_empty()
                && begun < indices.end
                && under_way < most
                && begun - next < MOST_WAITING
                && !stopped()
            {
                let (shared, stopped) = (&tasks.shared, &stopped);
                let promise = Promise {
                    index: begun,
                    end: End::NotBegun,
                    tell: tell.clone(),
                };
                scope.spawn_fifo(move |_| {
                    if !stopped() {
                        let result = shared(promise.index);
                        promise.kept(result.map_or(End::TooLarge, End::Done));
                    }
                });
                begun += 1;
                under_way += 1;
            }
            if under_way > 0 {
                let Ok((index, end)) = told.recv() else {
                    return Ok(());
                };
                under_way -= 1;
                match end {
                    End::Done(result) => drop(waiting.insert(index, result)),
                    End::TooLarge => drop(large.insert(index)),
                    End::NotBegun => {}
                }
            } else {
                match large.pop_first() {
                    Some(index) if !stopped() => drop(waiting.insert(index, (tasks.alone)(index))),
                    _ => return Ok(()),
                }
            }
            while let Some(result) = waiting.remove(&next) {
                if sink(next, result)?.is_break() {
                    return Ok(());
                }
                next += 1;
            }
        }
    })
}

/// How a task ended.
enum End<R> {
    Done(R),
    TooLarge,
    NotBegun,
}

/// The word of how a task ended, which is kept even if the task panics.
struct Promise<R> {
    index: usize,
    end: End<R>,
    tell: Sender<(usize, End<R>)>,
}

impl<R> Promise<R> {
    fn kept(mut self, end: End<R>) {
        self.end = end;
    }
}

impl<R> Drop for Promise<R> {
    fn drop(&mut self) {
        let end = std::mem::replace(&mut self.end, End::NotBegun);
        // Nobody listens any more where the sink has broken.
        let _ = self.tell.send((self.index, end));
    }
}

/// Raises a flag when it goes.
struct OnDrop<'f>(&'f AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::time::Duration;

    /// Runs tasks, those that `large` names alone; returns the results in the order they came.
    fn results(count: usize, large: impl Fn(usize) -> bool + Sync, last: usize) -> Vec<usize> {
        let running = Mutex::new(0usize);
        let pause = |index: usize| Duration::from_micros(50 * (index * 7 % 5) as u64);
        let mut seen = Vec::new();
        let tasks = Tasks {
            shared: |index| {
                if large(index) {
                    return None;
                }
                *running.lock().unwrap() += 1;
                std::thread::sleep(pause(index));
                *running.lock().unwrap() -= 1;
                Some(index)
            },
            alone: |index| {
                assert_eq!(*running.lock().unwrap(), 0);
                index
            },
            stop: || false,
        };
        run(0..count, tasks, |index, result| {
            assert_eq!(index, result);
            seen.push(result);
            Ok(if index == last {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })
        .unwrap();
        seen
    }

    #[test]
    fn results_come_in_order_whoever_runs_them() {
        let all: Vec<_> = (0..200).collect();
        assert_eq!(results(200, |_| false, 200), all);
        assert_eq!(results(200, |_| true, 200), all);
        assert_eq!(results(200, |index| index % 3 == 0, 200), all);
        assert!(results(0, |_| false, 0).is_empty());
    }

    #[test]
    fn a_sink_that_breaks_gets_nothing_more() {
        let beginning: Vec<_> = (0..=42).collect();
        assert_eq!(results(200, |index| index % 5 == 0, 42), beginning);
    }

    #[test]
    fn a_stop_leaves_an_unbroken_beginning() {
        let stop = AtomicBool::new(false);
        let mut seen = Vec::new();
        let tasks = Tasks {
            shared: |index| {
                stop.fetch_or(index == 20, Ordering::Relaxed);
                Some(index)
            },
            alone: |index| index,
            stop: || stop.load(Ordering::Relaxed),
        };
        let sink = |_, result| {
            seen.push(result);
            Ok(ControlFlow::Continue(()))
        };
        run(0..1000, tasks, sink).unwrap();
        assert!(seen.len() >= 20 && seen.len() < 100, "{}", seen.len());
        assert!(
            seen.iter()
                .enumerate()
                .all(|(index, result)| index == *result)
        );
    }
}
