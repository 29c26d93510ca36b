//! How far passes over pairs are, for whoever waits for them.

use crate::{Error, Result};
use std::ops::ControlFlow;

/// How many pairs of points are evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PairCount {
    /// So far.
    pub done: u64,
    /// In the end.
    pub all: u64,
}

/// Counts pairs, and tells an observer, who may end it all.
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

    /// So many more are evaluated.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] where the observer breaks.
    pub(crate) fn tell(&mut self, more: u64) -> Result<()> {
        self.pairs.done += more;
        match (self.observer)(self.pairs) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Interrupted),
        }
    }
}
