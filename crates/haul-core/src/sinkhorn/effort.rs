//! The methods of iterations, and their cost.

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
    pub(crate) stages: Vec<Stage>,
    pub(crate) start: Instant,
}

impl Effort {
    /// No iterations yet.
    pub(crate) fn begin() -> Self {
        Self {
            iterations: 0,
            softmin_passes: 0,
            stages: Vec::new(),
            start: Instant::now(),
        }
    }

    /// Counts an iteration and its passes.
    pub(crate) fn took(&mut self, method: Method, passes: usize) {
        self.iterations += 1;
        self.softmin_passes += passes;
        match self.stages.last_mut() {
            Some(stage) if stage.method == method => stage.iterations += 1,
            _ => self.stages.push(Stage {
                method,
                iterations: 1,
            }),
        }
    }
}
