//! The unknowns of the dual.

/// The dual potentials f (n) and g (m), in units of the cost. In a balanced problem f + t and g − t are optimal as
/// well.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Potentials {
    /// On the points of the source.
    pub f: Vec<f64>,
    /// On the points of the target.
    pub g: Vec<f64>,
}
