//! Tasks that wait for the device, and the one thread that waits in their place.
//!
//! A future must not block the thread that polls it. So an engine has one thread that blocks: it starts when a task first
//! sleeps for long, waits for the oldest submission, whose callbacks wake all sleepers, and ends with the engine. In a browser
//! callbacks come by themselves, and there is no thread.

use crate::Error;
use crate::context::Context;
use crate::locked;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::Waker;

/// Tasks that wait for the device to finish work.
#[derive(Default)]
pub(crate) struct Sleepers(Mutex<Vec<Sleeper>>);

struct Sleeper {
    waker: Waker,
    fault: Fault,
}

/// The error of a failed wait for the device, for a sleeper to read.
pub(crate) type Fault = Arc<OnceLock<Error>>;

impl Sleepers {
    /// Adds a sleeper.
    pub(crate) fn join(&self, waker: &Waker, fault: &Fault) {
        let mut sleepers = locked(&self.0);
        match sleepers
            .iter_mut()
            .find(|sleeper| Arc::ptr_eq(&sleeper.fault, fault))
        {
            Some(sleeper) => sleeper.waker.clone_from(waker),
            None => sleepers.push(Sleeper {
                waker: waker.clone(),
                fault: Arc::clone(fault),
            }),
        }
    }

    /// Removes a sleeper.
    pub(crate) fn leave(&self, fault: &Fault) {
        locked(&self.0).retain(|sleeper| !Arc::ptr_eq(&sleeper.fault, fault));
    }

    /// Wakes all sleepers.
    pub(crate) fn wake(&self) {
        self.tell(None);
    }

    /// Wakes all sleepers, and gives them the fault if there is one.
    fn tell(&self, fault: Option<&Error>) {
        let sleepers = std::mem::take(&mut *locked(&self.0));
        for sleeper in sleepers {
            if let Some(fault) = fault {
                // The first one counts.
                let _ = sleeper.fault.set(fault.clone());
            }
            sleeper.waker.wake();
        }
    }
}

#[cfg(target_arch = "wasm32")]
pub(crate) use browser::Waiter;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::Waiter;

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use super::*;
    use crate::context::PATIENCE;
    use std::sync::{Condvar, PoisonError};
    use std::thread::{Builder, JoinHandle};

    /// The thread that waits.
    pub(crate) struct Waiter {
        shared: Arc<Shared>,
        thread: Mutex<Option<JoinHandle<()>>>,
    }

    struct Shared {
        context: Arc<Context>,
        sleepers: Arc<Sleepers>,
        asked: Mutex<Asked>,
        changed: Condvar,
    }

    #[derive(Default)]
    struct Asked {
        submission: Option<wgpu::SubmissionIndex>,
        ended: bool,
    }

    impl Waiter {
        pub(crate) fn new(context: &Arc<Context>, sleepers: &Arc<Sleepers>) -> Self {
            let shared = Shared {
                context: Arc::clone(context),
                sleepers: Arc::clone(sleepers),
                asked: Mutex::default(),
                changed: Condvar::new(),
            };
            Self {
                shared: Arc::new(shared),
                thread: Mutex::default(),
            }
        }

        /// Wakes all sleepers once a submission is done.
        pub(crate) fn wait_for(&self, submission: wgpu::SubmissionIndex) -> Result<(), Error> {
            let mut thread = locked(&self.thread);
            // A thread that panicked is replaced.
            if thread.as_ref().is_none_or(JoinHandle::is_finished) {
                let shared = Arc::clone(&self.shared);
                let started = Builder::new()
                    .name("haul waits".to_owned())
                    .spawn(move || shared.run());
                *thread = Some(started.map_err(|error| Error::Operation {
                    what: "starting a thread",
                    message: error.to_string(),
                })?);
            }
            locked(&self.shared.asked).submission = Some(submission);
            self.shared.changed.notify_one();
            Ok(())
        }
    }

    impl Shared {
        fn run(&self) {
            /// Wakes the sleepers even if the wait panics: they then look for themselves.
            struct Wake<'s>(&'s Sleepers);
            impl Drop for Wake<'_> {
                fn drop(&mut self) {
                    self.0.wake();
                }
            }
            while let Some(submission) = self.next() {
                let _wake = Wake(&self.sleepers);
                let waited = self.context.device.poll(wgpu::PollType::Wait {
                    submission_index: Some(submission),
                    timeout: Some(PATIENCE),
                });
                if let Err(error) = waited {
                    self.sleepers.tell(Some(&self.context.unfinished(&error)));
                }
            }
        }

        /// The next submission to wait for, once there is one; none when the engine is gone.
        fn next(&self) -> Option<wgpu::SubmissionIndex> {
            let mut asked = locked(&self.asked);
            loop {
                if asked.ended {
                    return None;
                }
                if let Some(submission) = asked.submission.take() {
                    return Some(submission);
                }
                let woken = self.changed.wait(asked);
                asked = woken.unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    impl Drop for Waiter {
        fn drop(&mut self) {
            locked(&self.shared.asked).ended = true;
            self.shared.changed.notify_one();
            if let Some(thread) = locked(&self.thread).take() {
                // Its panic has been printed.
                let _ = thread.join();
            }
        }
    }
}

#[cfg(target_arch = "wasm32")]
mod browser {
    use super::*;

    /// Empty: callbacks come by themselves.
    pub(crate) struct Waiter;

    impl Waiter {
        pub(crate) fn new(_: &Arc<Context>, _: &Arc<Sleepers>) -> Self {
            Self
        }

        pub(crate) fn wait_for(&self, _: wgpu::SubmissionIndex) -> Result<(), Error> {
            Ok(())
        }
    }
}
