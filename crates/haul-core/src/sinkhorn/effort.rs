//! How iterations were made, and what they cost.

use web_time::Instant;

/// How an iteration is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// A pair of plain updates, at a level of ε above the one asked for.
    Annealing,
    /// A pair of plain updates.
    Plain,
    /// A pair of updates drawn out.
    OverRelaxation,
    /// A pair of updates, extrapolated from those before.
    Anderson,
    /// A step of Newton's method on the host; it takes no pass.
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
            Self::Newton => "newton",
            Self::Scaling => "scaling",
            Self::Averaging => "averaging",
        }
    }
}

/// Iterations that followed one another and were made in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stage {
    /// How they were made.
    pub method: Method,
    /// How many they were.
    pub iterations: usize,
}

/// What a solve has cost so far.
#[derive(Debug, Clone)]
pub(crate) struct Effort {
    pub(crate) iterations: usize,
    pub(crate) softmin_passes: usize,
    pub(crate) stages: Vec<Stage>,
    pub(crate) start: Instant,
}

impl Effort {
    /// Nothing yet.
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
