//! Many tasks in parallel, their results in order.
//!
//! A task runs on one thread beside others or, if it proves too large for that, alone on the calling thread, which
//! may then use all of them. Tasks start in order, and only as many as the threads can soon take; results wait until
//! those before them are finished. So a run that ends early has results without gaps, and memory is bounded. If a run
//! is stopped, waiting results are passed on at once, despite the gaps.

use crate::outcome;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

/// The most results that wait for an earlier one.
const MOST_WAITING: usize = 1024;

/// Tasks in progress for each thread: one that runs, and one that is ready.
const TASKS_PER_THREAD: usize = 2;

/// How often a run that waits for a result checks whether to stop.
const MOMENT: Duration = Duration::from_millis(20);

/// How tasks run.
pub(crate) struct Tasks<Shared, Alone, Stop> {
    /// Runs a task on one of rayon's threads.
    pub(crate) shared: Shared,
    /// Runs a task while no other runs; `None` if it was interrupted.
    pub(crate) alone: Alone,
    /// Whether to start no further task.
    pub(crate) stop: Stop,
}

/// How a task ended.
pub(crate) enum Ended<R> {
    Done(R),
    /// It must run alone.
    TooLarge,
    /// It was not started, or was interrupted.
    NotDone,
}

impl<T> Ended<Result<T>> {
    /// The end of a shared task; a result of `None` means that the task must run alone.
    pub(crate) fn shared(result: Result<Option<T>>) -> Self {
        match result.transpose() {
            Some(result) => finished(result).map_or(Self::NotDone, Self::Done),
            None => Self::TooLarge,
        }
    }
}

/// The result of a task, unless it was interrupted.
pub(crate) fn finished<T>(result: Result<T>) -> Option<Result<T>> {
    let interrupted = result.as_ref().err().is_some_and(outcome::is_interrupt);
    (!interrupted).then_some(result)
}

/// Runs tasks and passes their results to `sink` in order, until it breaks or fails; tasks in progress are then
/// finished and their results dropped. After a stop, results are passed on as they arrive.
///
/// # Errors
///
/// Those of the sink.
pub(crate) fn run<R: Send>(
    indices: Range<usize>,
    tasks: Tasks<
        impl Fn(usize) -> Ended<R> + Sync,
        impl Fn(usize) -> Option<R>,
        impl Fn() -> bool + Sync,
    >,
    mut sink: impl FnMut(usize, R) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let most = TASKS_PER_THREAD * rayon::current_num_threads();
    let ended = AtomicBool::new(false);
    let stopped = || ended.load(Ordering::Relaxed) || (tasks.stop)();
    let (tell, told) = mpsc::channel();
    // The scope ends when all started tasks have.
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
                    end: Ended::NotDone,
                    tell: tell.clone(),
                };
                scope.spawn_fifo(move |_| {
                    if !stopped() {
                        let end = shared(promise.index);
                        promise.kept(end);
                    }
                });
                begun += 1;
                under_way += 1;
            }
            let mut all_done = false;
            if under_way > 0 {
                match told.recv_timeout(MOMENT) {
                    Ok((index, end)) => {
                        under_way -= 1;
                        match end {
                            Ended::Done(result) => drop(waiting.insert(index, result)),
                            Ended::TooLarge => drop(large.insert(index)),
                            Ended::NotDone => {}
                        }
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => all_done = true,
                }
            } else {
                match large.pop_first() {
                    Some(index) if !stopped() => {
                        waiting.extend((tasks.alone)(index).map(|result| (index, result)));
                    }
                    _ => all_done = true,
                }
            }
            while let Some(first) = waiting.first_entry()
                && (*first.key() == next || (tasks.stop)())
            {
                let (index, result) = first.remove_entry();
                if sink(index, result)?.is_break() {
                    return Ok(());
                }
                next = next.max(index + 1);
            }
            if all_done {
                return Ok(());
            }
        }
    })
}

/// Sends how a task ended, even if the task panics.
struct Promise<R> {
    index: usize,
    end: Ended<R>,
    tell: Sender<(usize, Ended<R>)>,
}

impl<R> Promise<R> {
    fn kept(mut self, end: Ended<R>) {
        self.end = end;
    }
}

impl<R> Drop for Promise<R> {
    fn drop(&mut self) {
        let end = std::mem::replace(&mut self.end, Ended::NotDone);
        // If the sink broke, the receiver is gone.
        let _ = self.tell.send((self.index, end));
    }
}

/// Raises a flag when dropped.
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

    /// Runs tasks, those in `large` alone; returns the results in order of arrival.
    fn results(count: usize, large: impl Fn(usize) -> bool + Sync, last: usize) -> Vec<usize> {
        let running = Mutex::new(0usize);
        let pause = |index: usize| Duration::from_micros(50 * (index * 7 % 5) as u64);
        let mut seen = Vec::new();
        let tasks = Tasks {
            shared: |index| {
                if large(index) {
                    return Ended::TooLarge;
                }
                *running.lock().unwrap() += 1;
                std::thread::sleep(pause(index));
                *running.lock().unwrap() -= 1;
                Ended::Done(index)
            },
            alone: |index| {
                assert_eq!(*running.lock().unwrap(), 0);
                Some(index)
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
    fn a_stop_begins_no_more_and_hands_on_what_is_finished_beyond_a_gap() {
        // A task that does not end before the stop, those after it, and one that is interrupted.
        let stop = AtomicBool::new(false);
        let (finished, last) = (Mutex::new(Vec::new()), 20);
        let mut seen = Vec::new();
        let tasks = Tasks {
            shared: |index| {
                if index == 3 {
                    while !stop.load(Ordering::Relaxed) {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    return Ended::NotDone;
                }
                finished.lock().unwrap().push(index);
                stop.fetch_or(index == last, Ordering::Relaxed);
                Ended::Done(index)
            },
            alone: Some,
            stop: || stop.load(Ordering::Relaxed),
        };
        let sink = |index, result| {
            assert_eq!(index, result);
            seen.push(result);
            Ok(ControlFlow::Continue(()))
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build();
        pool.unwrap().install(|| run(0..1000, tasks, sink)).unwrap();
        let mut finished = finished.into_inner().unwrap();
        finished.sort_unstable();
        seen.sort_unstable();
        assert_eq!(seen, finished);
        assert!(seen.contains(&last) && !seen.contains(&3) && seen.len() < 100);
    }
}
