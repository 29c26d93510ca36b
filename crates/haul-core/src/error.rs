//! Everything that can be wrong with a problem, or with the device that solves it.

/// The result of a haul operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a measure, a problem or a computation was refused.
///
/// Rows and columns are counted from 1, as a person counts the lines of a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A measure without points. Give it at least one.
    #[error("the cloud is empty; give it at least one point")]
    EmptyCloud,

    /// Points of dimension 0. Give them at least one coordinate.
    #[error("the points have dimension 0; give them at least one coordinate")]
    ZeroDimension,

    /// A number of coordinates that is no multiple of the dimension.
    #[error(
        "{coordinates} coordinates do not make points of dimension {dimension}; give n × {dimension} of them"
    )]
    RaggedPoints {
        /// How many coordinates were given.
        coordinates: usize,
        /// The dimension they were said to have.
        dimension: usize,
    },

    /// A coordinate that is NaN or infinite. Remove the point, or give it a finite value.
    #[error("row {row}, column {column} is {value}; remove the row or give it a finite value")]
    NotFinitePoint {
        /// The point, from 1.
        row: usize,
        /// The coordinate, from 1.
        column: usize,
        /// What stood there.
        value: f64,
    },

    /// Another number of weights than of points. Give one weight a point.
    #[error("{weights} weights for {points} points; give one weight a point")]
    WeightsLength {
        /// How many points there are.
        points: usize,
        /// How many weights were given.
        weights: usize,
    },

    /// A weight that is negative, NaN or infinite.
    #[error("the weight of row {row} is {value}; weights are finite and at least 0")]
    BadWeight {
        /// The point, from 1.
        row: usize,
        /// Its weight.
        value: f64,
    },

    /// Weights that sum to nothing, or to more than a float holds.
    #[error(
        "the weights sum to {mass}; give at least one point a positive weight, and finite sums"
    )]
    BadMass {
        /// Their sum.
        mass: f64,
    },

    /// Two measures in different spaces.
    #[error(
        "the first cloud has dimension {source_dimension}, the second {target_dimension}; bring both into one space"
    )]
    DimensionMismatch {
        /// Dimension of the first measure.
        source_dimension: usize,
        /// Dimension of the second.
        target_dimension: usize,
    },

    /// Unequal masses in a balanced problem. Normalise both, or let one side of the plan leave its
    /// measure.
    #[error(
        "the masses differ: {source_mass} and {target_mass}; normalise both, or give a finite ρ or reach: a balanced problem moves all of one onto the other"
    )]
    UnequalMass {
        /// Mass of the first measure.
        source_mass: f64,
        /// Mass of the second.
        target_mass: f64,
    },

    /// A parameter outside its range.
    #[error("{name} is {value}; it must be {range}")]
    BadParameter {
        /// Its name, as in the documentation.
        name: &'static str,
        /// What was given.
        value: f64,
        /// What is allowed.
        range: &'static str,
    },

    /// Coordinates so large or so small that a cost leaves the range of f64.
    #[error(
        "the clouds extend over {extent}, whose power {p} leaves the range of f64; rescale the coordinates"
    )]
    Extent {
        /// Diameter of the joint bounding box.
        extent: f64,
        /// The power p of the cost.
        p: f64,
    },

    /// An ε so small for the extent of the clouds that the precision has no digit left for the
    /// plan. Use f64, or a larger ε.
    #[error(
        "ε is so small for these clouds that {precision} has no digit left for the plan: rounding makes a relative error of {floor:.0e}; use f64 or a larger ε"
    )]
    NoDigits {
        /// The engine's precision.
        precision: &'static str,
        /// The relative error that rounding makes.
        floor: f64,
    },

    /// A tolerance below what rounding alone may cause, so that no iteration would end. Use f64, or
    /// ask for less.
    #[error(
        "the tolerance {tolerance:.1e} is below the {floor:.1e} that rounding in {precision} may cause at this ε; use {}a larger ε, or a tolerance of at least {floor:.1e}",
        if *precision == "f32" { "f64, " } else { "" }
    )]
    BelowFloor {
        /// The tolerance asked for.
        tolerance: f64,
        /// The engine's precision.
        precision: &'static str,
        /// The relative marginal error that rounding may cause.
        floor: f64,
    },

    /// A potential that is NaN or infinite.
    #[error("the potential of row {row} is {value}; potentials to start from are finite")]
    BadPotential {
        /// The point, from 1.
        row: usize,
        /// Its potential.
        value: f64,
    },

    /// A point that is 0 where its direction is asked for.
    #[error("row {row} is 0 and has no direction; remove it, or compare by another cost")]
    NoDirection {
        /// The point, from 1.
        row: usize,
    },

    /// A vector whose length does not fit the measure it belongs to.
    #[error("{what} has {found} values where {expected} belong")]
    Length {
        /// Which vector.
        what: &'static str,
        /// How many values it should have.
        expected: usize,
        /// How many it has.
        found: usize,
    },

    /// A slot that a history does not have.
    #[error("slot {index} of a history of {slots} slots; slots are counted from 0")]
    Slot {
        /// Which one was meant.
        index: usize,
        /// How many there are.
        slots: usize,
    },

    /// A computation that left the range of its floats: ε is many powers of ten away from the costs.
    #[error("{what} is not finite on {device}; bring ε nearer to the costs, or use f64")]
    NotFiniteResult {
        /// Which quantity.
        what: &'static str,
        /// Where it was computed.
        device: String,
    },

    /// The observer of a solve asked to [abandon](crate::Stop::Abandon) it, or the engine's
    /// [`Interrupt`](crate::Interrupt) is raised.
    #[error("interrupted")]
    Interrupted,

    /// The device failed; the source says how.
    #[error("{device}: {source}")]
    Device {
        /// The device's name.
        device: String,
        /// The engine's own error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
