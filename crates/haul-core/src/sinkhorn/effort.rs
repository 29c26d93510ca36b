//! The methods of iterations, and their cost.

use super::multiscale::Level;
use web_time::Instant;

/// The method of an iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// A pair of plain updates, at an annealing level above the required ε.
    Annealing,
    /// A pair of plain updates.
    Plain,
    /// A pair of over-relaxed updates.
    OverRelaxation,
    /// A pair of updates, extrapolated from earlier ones.
    Anderson,
    /// The same, where each pair is followed by the two-level correction, which balances the masses of the plan between
    /// groups of points.
    TwoLevel,
    /// A step of Newton's method on the host, without a pass.
    Newton,
    /// A pair of updates of scalings.
    Scaling,
    /// The averaged update of a measure against itself.
    Averaging,
}

impl Method {
    /// Its name in lower case, with hyphens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Annealing => "annealing",
            Self::Plain => "plain",
            Self::OverRelaxation => "over-relaxation",
            Self::Anderson => "anderson",
            Self::TwoLevel => "two-level",
            Self::Newton => "newton",
            Self::Scaling => "scaling",
            Self::Averaging => "averaging",
        }
    }
}

/// Consecutive iterations by one method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stage {
    /// The method.
    pub method: Method,
    /// The number of iterations.
    pub iterations: usize,
}

/// The cost of a solve so far.
#[derive(Debug, Clone)]
pub(crate) struct Effort {
    pub(crate) iterations: usize,
    pub(crate) softmin_passes: usize,
    /// Pairs of these passes.
    pub(crate) pairs: u64,
    /// Pairs of a pass at present.
    pub(crate) pairs_of_a_pass: u64,
    pub(crate) stages: Vec<Stage>,
    /// Solves between coarser clouds before.
    pub(crate) levels: Vec<Level>,
    pub(crate) start: Instant,
}

impl Effort {
    /// No iterations yet.
    pub(crate) fn begin() -> Self {
        Self {
            iterations: 0,
            softmin_passes: 0,
            pairs: 0,
            pairs_of_a_pass: 0,
            stages: Vec::new(),
            levels: Vec::new(),
            start: Instant::now(),
        }
    }

    /// Counts passes.
    pub(crate) fn evaluated(&mut self, passes: usize) {
        self.softmin_passes += passes;
        self.pairs += passes as u64 * self.pairs_of_a_pass;
    }

    /// Pairs of all passes, those of coarser clouds among them.
    pub(crate) fn all_pairs(&self) -> u64 {
        self.pairs + self.levels.iter().map(|level| level.pairs).sum::<u64>()
    }

    /// All iterations, those between coarser clouds among them.
    pub(crate) fn all_iterations(&self) -> usize {
        self.iterations
            + self
                .levels
                .iter()
                .map(|level| level.iterations)
                .sum::<usize>()
    }

    /// Counts an iteration.
    pub(crate) fn took(&mut self, method: Method) {
        self.iterations += 1;
        match self.stages.last_mut() {
            Some(stage) if stage.method == method => stage.iterations += 1,
            _ => self.stages.push(Stage {
                method,
                iterations: 1,
            }),
        }
    }
}
