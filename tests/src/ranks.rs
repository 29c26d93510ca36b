//! Ranks that are threads of one process.

use haul::engine::{Network, Ranks};
use haul::{Device, Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What the threads share.
struct Meeting {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// What each rank has brought to this meeting.
    brought: Vec<Option<Vec<u8>>>,
    /// What all brought, until each of them has taken it.
    complete: Option<Arc<Vec<Vec<u8>>>>,
    taken: usize,
    /// Whether a thread is gone.
    gone: bool,
}

/// A rank that is a thread.
struct Thread {
    rank: usize,
    meeting: Arc<Meeting>,
}

impl Meeting {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'s>(&self, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        let woken = self.changed.wait(state);
        woken.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Thread {
    /// Brings bytes, and returns those of all ranks.
    fn meet(&self, own: &[u8]) -> Result<Arc<Vec<Vec<u8>>>> {
        let gone = || Error::Device {
            device: "threads".to_owned(),
            source: "a rank is gone".into(),
        };
        let mut state = self.meeting.state();
        // The last meeting must be over.
        while state.complete.is_some() {
            if state.gone {
                return Err(gone());
            }
            state = self.meeting.wait(state);
        }
        state.brought[self.rank] = Some(own.to_vec());
        if state.brought.iter().all(Option::is_some) {
            let all = state.brought.iter_mut().filter_map(Option::take).collect();
            state.complete = Some(Arc::new(all));
            self.meeting.changed.notify_all();
        }
        loop {
            if let Some(all) = state.complete.clone() {
                state.taken += 1;
                if state.taken == state.brought.len() {
                    (state.complete, state.taken) = (None, 0);
                    self.meeting.changed.notify_all();
                }
                return Ok(all);
            }
            if state.gone {
                return Err(gone());
            }
            state = self.meeting.wait(state);
        }
    }
}

impl Network for Thread {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.meeting.state().brought.len()
    }

    fn gather(&self, own: &[u8], lengths: &[usize]) -> Result<Vec<u8>> {
        let all = self.meet(own)?;
        let found: Vec<_> = all.iter().map(Vec::len).collect();
        assert_eq!(found, lengths);
        Ok(all.concat())
    }

    fn exchange(&self, own: &[u8], sent: &[usize], received: &[usize]) -> Result<Vec<u8>> {
        assert_eq!(own.len(), sent.iter().sum::<usize>());
        let place: usize = sent[..self.rank].iter().sum();
        // Each rank says where the parts for others begin, and takes its own.
        let starts = sent.iter().scan(0, |start, length| {
            let first = *start;
            *start += length;
            Some((first as u64).to_le_bytes())
        });
        let starts: Vec<u8> = starts.flatten().collect();
        let all = self.meet(&starts)?;
        let start = |from: usize| {
            let bytes = all[from][8 * self.rank..][..8].try_into().unwrap();
            u64::from_le_bytes(bytes) as usize
        };
        assert_eq!(start(self.rank), place);
        let brought = self.meet(own)?;
        let parts = received.iter().enumerate();
        let parts = parts.map(|(from, length)| brought[from][start(from)..][..*length].to_vec());
        Ok(parts.flatten().collect())
    }
}

/// Runs `work` on so many ranks, and returns what each of them returned. A panic of one ends those that wait for it.
pub fn on_ranks<R: Send>(size: usize, work: impl Fn(Ranks) -> R + Sync) -> Vec<R> {
    let meeting = Arc::new(Meeting {
        state: Mutex::new(State {
            brought: vec![None; size],
            complete: None,
            taken: 0,
            gone: false,
        }),
        changed: Condvar::new(),
    });
    std::thread::scope(|scope| {
        let run = |rank| {
            let meeting = Arc::clone(&meeting);
            let work = &work;
            scope.spawn(move || {
                let left = Arc::clone(&meeting);
                let ranks = Ranks::new(Thread { rank, meeting });
                let done = catch_unwind(AssertUnwindSafe(|| work(ranks)));
                // A rank that has left comes to no meeting.
                left.state().gone = true;
                left.changed.notify_all();
                done
            })
        };
        let threads: Vec<_> = (0..size).map(run).collect();
        let ends: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
        let ends = ends.into_iter().map(|end| match end {
            Ok(Ok(result)) => result,
            Ok(Err(cause)) | Err(cause) => resume_unwind(cause),
        });
        ends.collect()
    })
}

/// Runs `work` on a device of so many ranks, and returns what each of them returned.
pub fn on_devices<R: Send>(
    size: usize,
    open: impl Fn() -> Device + Sync,
    work: impl Fn(&Device) -> R + Sync,
) -> Vec<R> {
    on_ranks(size, |ranks| work(&open().over(ranks).unwrap()))
}
