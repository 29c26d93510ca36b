//! An engine that counts passes over pairs.

use haul::engine::{Forward, Operator};
use haul::{Engine, Result};
use std::sync::{Mutex, PoisonError};

/// Passes over all pairs, by operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub softmins: usize,
    pub products: usize,
    pub gradients: usize,
    pub curvatures: usize,
    pub nearests: usize,
}

/// Forwards everything to an engine, and counts.
pub struct Counting<E> {
    engine: E,
    counts: Mutex<Counts>,
}

impl<E: Engine> Counting<E> {
    pub fn new(engine: E) -> Self {
        Self {
            engine,
            counts: Mutex::default(),
        }
    }

    pub fn counts(&self) -> Counts {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E: Engine> Forward for Counting<E> {
    type Inner = E;

    fn inner(&self) -> &E {
        &self.engine
    }

    fn before(&self, operator: Operator) -> Result<()> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match operator {
            Operator::Softmin => counts.softmins += 1,
            Operator::Product => counts.products += 1,
            Operator::Gradient => counts.gradients += 1,
            Operator::Curvature => counts.curvatures += 1,
            Operator::Nearest => counts.nearests += 1,
            other => unreachable!("{other:?} is not counted"),
        }
        Ok(())
    }
}
