//! The caller's arrays on a device.

use super::Engine;
use crate::Result;

/// An engine that reads points and weights from the caller's arrays on the device, and writes results into such
/// arrays. Their numbers are f32.
///
/// No array passes through the host, and the host's memory does not grow with the length of the arrays.
pub trait ResidentEngine: Engine {
    /// Rows of numbers on the device, all of the same length.
    type Array: Clone + Send + Sync;

    /// Rows and columns of an array.
    ///
    /// # Errors
    ///
    /// The engine's own, for an array that it cannot use.
    fn shape(&self, array: &Self::Array) -> Result<[usize; 2]>;

    /// Surveys the numbers of each column.
    fn survey(&self, array: &Self::Array) -> impl Future<Output = Result<Vec<Survey>>> + Send;

    /// Places the points of an array in a frame: each coordinate becomes (x − `centre`)/`scale`, with at most four
    /// roundings. Returns the points and an upper bound of their largest distance from 0. The coordinates of the
    /// centre are f32.
    fn place(
        &self,
        array: &Self::Array,
        centre: &[f64],
        scale: f64,
    ) -> impl Future<Output = Result<(Self::Points, f64)>> + Send;

    /// Makes weights of sum 1 from an array of one column, whose sum is `sum`. Without an array, all weights are equal.
    fn weigh(
        &self,
        array: Option<&Self::Array>,
        points: usize,
        sum: f64,
    ) -> impl Future<Output = Result<Self::Weights>> + Send;

    /// The homogeneous coordinates of the points, (1, x): n×(1 + d).
    fn homogeneous(&self, points: &Self::Points) -> Result<Self::Vector>;

    /// Writes a vector into an array. Returns whether all numbers that it wrote are finite.
    ///
    /// When the future is ready, the numbers are in the array, and the caller may submit work that reads them.
    fn write(
        &self,
        vector: &Self::Vector,
        writing: Writing<'_, Self::Weights>,
        array: &Self::Array,
    ) -> impl Future<Output = Result<bool>> + Send;
}

/// The result of [`ResidentEngine::survey`] for a column of an array.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Survey {
    /// The least finite number.
    pub least: f64,
    /// The largest finite number.
    pub largest: f64,
    /// The sum of all finite numbers. Each term goes through at most [`Engine::row_roundings`] additions.
    pub sum: f64,
    /// The first row, from 0, whose number is not finite, and that number.
    pub not_finite: Option<(usize, f64)>,
    /// The first row, from 0, whose number is less than 0, and that number.
    pub negative: Option<(usize, f64)>,
}

/// How [`ResidentEngine::write`] computes the n×c numbers of an array from a vector v: oₖ + s aᵢ vᵢₖ.
#[derive(Debug)]
pub struct Writing<'v, W> {
    /// s.
    pub scale: f64,
    /// oₖ of each column. An empty slice stands for zeros.
    pub offsets: &'v [f64],
    /// The weights a, of sum 1; without them, a = 1. A point of weight 0 gets oₖ, whatever its numbers are.
    pub weights: Option<&'v W>,
    /// Whether a row of v has one more number, its first one, and the others are divided by it.
    pub divided: bool,
}

impl<W> Clone for Writing<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Writing<'_, W> {}
