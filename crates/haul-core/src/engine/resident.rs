//! Arrays of the caller's on a device.

use super::Engine;
use crate::Result;

/// An engine that takes points and weights from arrays of the caller's on its device, and writes results there: numbers in f32,
/// which never lie on the host.
///
/// Numbers for the host come back as few as they are: what is in memory there does not grow with the arrays.
pub trait ResidentEngine: Engine {
    /// Some rows of as many numbers each, on the device.
    type Array: Clone + Send + Sync;

    /// Rows and columns of an array.
    ///
    /// # Errors
    ///
    /// The engine's own, for an array that it can neither read nor write.
    fn shape(&self, array: &Self::Array) -> Result<[usize; 2]>;

    /// What the numbers of each column are.
    fn survey(&self, array: &Self::Array) -> impl Future<Output = Result<Vec<Survey>>> + Send;

    /// Puts the points of an array into a frame, (x − `centre`)/`scale` of each coordinate, and tells the largest distance of
    /// one from 0 there, or a little more. The centre is made of numbers of f32. A coordinate goes through three roundings.
    fn place(
        &self,
        array: &Self::Array,
        centre: &[f64],
        scale: f64,
    ) -> impl Future<Output = Result<(Self::Points, f64)>> + Send;

    /// Makes weights of the numbers of an array of one column, over their sum; or as many equal ones.
    fn weigh(
        &self,
        array: Option<&Self::Array>,
        points: usize,
        sum: f64,
    ) -> impl Future<Output = Result<Self::Weights>> + Send;

    /// A 1 before the coordinates of each point: n×(1 + d).
    fn homogeneous(&self, points: &Self::Points) -> Result<Self::Vector>;

    /// Writes a vector into an array. Whether all numbers that were written are finite.
    ///
    /// Once the future is ready, whatever the caller submits to the device from then on finds them there.
    fn write(
        &self,
        vector: &Self::Vector,
        writing: Writing<'_, Self::Weights>,
        array: &Self::Array,
    ) -> impl Future<Output = Result<bool>> + Send;
}

/// What is known of a column of an array.
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

/// How a vector v of n×w numbers becomes the array of n×c that is written: oₖ + s aᵢ vᵢₖ.
#[derive(Debug)]
pub struct Writing<'v, W> {
    /// s.
    pub scale: f64,
    /// oₖ of each column; none are 0.
    pub offsets: &'v [f64],
    /// a of sum 1, where a point of weight 0 gets 0, whatever its numbers are; 1 where there is none.
    pub weights: Option<&'v W>,
    /// Whether the numbers of a row are divided by a first one, which is not written: w = c + 1.
    pub divided: bool,
}

impl<W> Clone for Writing<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Writing<'_, W> {}
