//! The progress of passes over pairs, for observers.

use crate::{Error, Result};
use std::ops::ControlFlow;

/// The number of evaluated pairs of points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PairCount {
    /// Pairs evaluated so far.
    pub done: u64,
    /// Pairs in total.
    pub all: u64,
}

/// Counts pairs, and reports to an observer, who may end the computation.
pub(crate) struct Tally<'w> {
    pairs: PairCount,
    observer: &'w mut (dyn FnMut(PairCount) -> ControlFlow<()> + Send),
}

impl<'w> Tally<'w> {
    pub(crate) fn new(
        all: u64,
        observer: &'w mut (dyn FnMut(PairCount) -> ControlFlow<()> + Send),
    ) -> Self {
        Self {
            pairs: PairCount { done: 0, all },
            observer,
        }
    }

    /// Adds this many evaluated pairs.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] if the observer breaks.
    pub(crate) fn tell(&mut self, more: u64) -> Result<()> {
        self.pairs.done += more;
        match (self.observer)(self.pairs) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Interrupted),
        }
    }
}
