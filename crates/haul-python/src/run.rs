//! Computations without the GIL, which Ctrl-C ends.

use crate::error;
use haul::{Engine, Interrupt, Progress, Stop};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::ops::ControlFlow;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often the calling thread looks for signals.
const LOOK: Duration = Duration::from_millis(50);

/// How often progress is reported.
const REPORT: Duration = Duration::from_millis(100);

/// A computation that can be ended: the interrupts of its engines, and what ended it.
#[derive(Default)]
pub(crate) struct Run {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    interrupts: Vec<Interrupt>,
    /// What Python raised: by a signal, or in the function that progress is reported to.
    raised: Option<PyErr>,
    ended: bool,
}

impl Run {
    /// A computation on one engine.
    pub(crate) fn on(engine: &haul::Device) -> Self {
        Self::until(engine.interrupt())
    }

    /// A computation that an interrupt ends.
    pub(crate) fn until(interrupt: &Interrupt) -> Self {
        let run = Self::default();
        run.also(interrupt);
        run
    }

    /// Adds an engine that takes part.
    pub(crate) fn add(&self, engine: &haul::Device) {
        self.also(engine.interrupt());
    }

    fn also(&self, interrupt: &Interrupt) {
        self.with(|state| {
            if state.ended {
                interrupt.raise();
            }
            state.interrupts.push(interrupt.clone());
        });
    }

    /// Runs `work` on a thread of its own, without the GIL, and returns its result, or what Python raised meanwhile.
    pub(crate) fn work<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce() -> haul::Result<T> + Send,
    ) -> PyResult<T> {
        let result = py.detach(|| {
            thread::scope(|scope| {
                let (sender, receiver) = mpsc::channel();
                let worker = thread::Builder::new().spawn_scoped(scope, move || {
                    // The receiver waits until the sender is gone.
                    let _ = sender.send(work());
                });
                worker.map_err(|source| PyRuntimeError::new_err(source.to_string()))?;
                loop {
                    match receiver.recv_timeout(LOOK) {
                        Ok(result) => return result.map_err(error::of),
                        Err(RecvTimeoutError::Timeout) => {
                            if let Err(signal) = Python::attach(|py| py.check_signals()) {
                                self.end(signal);
                            }
                        }
                        Err(RecvTimeoutError::Disconnected) => {
                            return Err(PyRuntimeError::new_err("the computation panicked"));
                        }
                    }
                }
            })
        });
        self.with(|state| {
            state.interrupts.iter().for_each(Interrupt::lower);
            state.raised.take().map_or(result, Err)
        })
    }

    /// What a computation reports its states to: `progress` is a function of iteration, error, goal and seconds, and ends the
    /// computation if it raises.
    pub(crate) fn teller<'r>(&'r self, progress: Option<&'r Py<PyAny>>) -> Teller<'r> {
        Teller {
            run: self,
            progress,
            last: None,
        }
    }

    /// An observer of a solve.
    pub(crate) fn observer<'r>(
        &'r self,
        progress: Option<&'r Py<PyAny>>,
    ) -> impl FnMut(&Progress) -> ControlFlow<Stop> + Send + 'r {
        let mut teller = self.teller(progress);
        move |state| {
            let error = state.marginal_error;
            teller.tell((state.iteration, error, state.goal, state.seconds))
        }
    }

    /// Breaks if the computation was ended.
    pub(crate) fn going(&self) -> ControlFlow<Stop> {
        match self.with(|state| state.ended) {
            true => ControlFlow::Break(Stop::Abandon),
            false => ControlFlow::Continue(()),
        }
    }

    /// Ends the computation; the first cause counts.
    fn end(&self, raised: PyErr) {
        self.with(|state| {
            state.ended = true;
            state.raised.get_or_insert(raised);
            state.interrupts.iter().for_each(Interrupt::raise);
        });
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A state: iteration, error, goal and seconds.
pub(crate) type Numbers = (usize, f64, f64, f64);

/// Reports the states of a computation, at most ten times a second.
pub(crate) struct Teller<'r> {
    run: &'r Run,
    progress: Option<&'r Py<PyAny>>,
    last: Option<Instant>,
}

impl Teller<'_> {
    /// Reports a state; breaks if the computation was ended.
    pub(crate) fn tell(&mut self, numbers: Numbers) -> ControlFlow<Stop> {
        if let Some(function) = self.progress
            && self.last.is_none_or(|last| last.elapsed() >= REPORT)
        {
            self.last = Some(Instant::now());
            if let Err(raised) = Python::attach(|py| function.call1(py, numbers).map(drop)) {
                self.run.end(raised);
            }
        }
        self.run.going()
    }
}
