//! What a registration returns, and what it tells on the way.

use super::{Family, Transform};
use crate::{Engine, Progress, Solution};

/// A map that brings one measure onto another, with the plan that it was found by.
#[non_exhaustive]
pub struct Alignment<E: Engine> {
    /// The map, from the coordinates of the source to those of the target.
    pub transform: Transform,
    /// Its family.
    pub family: Family,
    /// The root of Σᵢ wᵢ |T(xᵢ) − yᵢ|² / Σᵢ wᵢ, a length: what the last fit leaves between the points and the places that the
    /// plan has for them.
    pub residual: f64,
    /// The root mean square by which the last iteration moved the points of the source, a length.
    pub movement: f64,
    /// Plans that were found, and fits to them, those of every blur and start included.
    pub iterations: usize,
    /// Whether the last iteration moved the points by no more than was asked for, and its plan met the tolerance.
    pub converged: bool,
    /// Of each point of the source, the mass that the last plan moves over the mass that it has: 1 in a balanced problem,
    /// next to 0 for a point with nothing within its reach, and 0 for a point of weight 0.
    pub shares: Vec<f64>,
    /// The last plan, that of the iteration from which the map was fitted, with its certificate. Its source is moved by the map
    /// before, which is nearer than `movement`.
    pub solution: Solution<E>,
    /// Seconds, all in all.
    pub seconds: f64,
}

/// Where a registration stands; told whenever an error of one of its solves is measured, and after each iteration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegistrationProgress {
    /// Iterations that are done.
    pub iteration: usize,
    /// The blur of this one.
    pub blur: f64,
    /// The blur that was asked for.
    pub last_blur: f64,
    /// Whether all points take part, at the last blur.
    pub is_last: bool,
    /// The root mean square by which the last iteration at this blur moved the points, a length.
    pub movement: Option<f64>,
    /// The movement at which this blur ends.
    pub goal: f64,
    /// How the solve under way stands.
    pub solve: Option<Progress>,
    /// Seconds since the start.
    pub seconds: f64,
}
