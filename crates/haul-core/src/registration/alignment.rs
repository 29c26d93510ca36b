//! The result of a registration, and its progress.

use super::{Family, Transform};
use crate::{Engine, Progress, Solution};
use std::fmt;

/// A map that brings one measure onto another, with the plan that it was fitted to.
#[non_exhaustive]
pub struct Alignment<E: Engine> {
    /// The map, from the coordinates of the source to those of the target.
    pub transform: Transform,
    /// The map's family.
    pub family: Family,
    /// The root of Σᵢ wᵢ |T(xᵢ) − yᵢ|² / Σᵢ wᵢ, a length: the distance that the last fit leaves between the points
    /// and their places under the plan.
    pub residual: f64,
    /// The root mean square by which the last iteration moved the points of the source, a length.
    pub movement: f64,
    /// The number of plans and fits, including those of every blur and start.
    pub iterations: usize,
    /// Whether the last iteration moved the points by no more than the required movement, and its plan met the
    /// tolerance.
    pub converged: bool,
    /// For each point of the source, the mass moved by the last plan over the mass of the point: 1 in a balanced
    /// problem, near 0 for a point with nothing within its reach, and 0 for a point of weight 0.
    pub shares: Vec<f64>,
    /// The last plan, which the map was fitted to, with its certificate. Its source is moved by the previous map,
    /// which differs by less than `movement`.
    pub solution: Solution<E>,
    /// Seconds in total.
    pub seconds: f64,
}

impl<E: Engine> fmt::Debug for Alignment<E> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Alignment")
            .field("transform", &self.transform)
            .field("family", &self.family)
            .field("residual", &self.residual)
            .field("movement", &self.movement)
            .field("iterations", &self.iterations)
            .field("converged", &self.converged)
            .field("solution", &self.solution)
            .field("seconds", &self.seconds)
            .finish_non_exhaustive()
    }
}

/// The progress of a registration, reported whenever an error of one of its solves is measured, and after each
/// iteration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegistrationProgress {
    /// The number of completed iterations.
    pub iteration: usize,
    /// The current blur.
    pub blur: f64,
    /// The required blur.
    pub last_blur: f64,
    /// Whether this is the last blur, with all points.
    pub is_last: bool,
    /// The root mean square by which the last iteration at this blur moved the points, a length.
    pub movement: Option<f64>,
    /// The movement at which this blur ends.
    pub goal: f64,
    /// The progress of the current solve.
    pub solve: Option<Progress>,
    /// Seconds since the start.
    pub seconds: f64,
}
