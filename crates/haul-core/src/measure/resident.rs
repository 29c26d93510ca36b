//! Measures whose points lie in arrays on a device.

use super::Measure;

/// A measure with points and weights in arrays that the caller has on a device. `A` is the type of an array,
/// [`ResidentEngine::Array`](crate::engine::ResidentEngine::Array).
///
/// This type only refers to the arrays. A solve reads them from start to end: do not write to them meanwhile.
#[derive(Debug, Clone, PartialEq)]
pub struct ResidentMeasure<A> {
    points: A,
    weights: Option<A>,
}

impl<A> ResidentMeasure<A> {
    /// The uniform probability on n points, an array of n×d coordinates: every weight is 1/n.
    pub fn uniform(points: A) -> Self {
        let weights = None;
        Self { points, weights }
    }

    /// Points with weights: an array of n×1 numbers, finite and at least 0.
    pub fn weighted(points: A, weights: A) -> Self {
        let weights = Some(weights);
        Self { points, weights }
    }

    /// The array of the points, n×d.
    pub fn points(&self) -> &A {
        &self.points
    }

    /// The array of the weights, n×1; `None` if all are 1/n.
    pub fn weights(&self) -> Option<&A> {
        self.weights.as_ref()
    }
}

/// A measure on the device or on the host. A solve uploads one that is on the host.
#[derive(Debug)]
pub enum Located<'m, A> {
    /// On the host.
    Host(&'m Measure),
    /// On the device.
    Device(&'m ResidentMeasure<A>),
}

impl<A> Clone for Located<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Located<'_, A> {}

impl<'m, A> From<&'m Measure> for Located<'m, A> {
    fn from(measure: &'m Measure) -> Self {
        Self::Host(measure)
    }
}

impl<'m, A> From<&'m ResidentMeasure<A>> for Located<'m, A> {
    fn from(measure: &'m ResidentMeasure<A>) -> Self {
        Self::Device(measure)
    }
}
