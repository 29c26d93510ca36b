//! The errors of a problem, and of the device that solves it.

/// The result of a haul operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a measure, a problem or a computation was refused.
///
/// Rows and columns are counted from 1, as the lines of a file are.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A measure without points. Give it at least one.
    #[error("the cloud is empty; give it at least one point")]
    EmptyCloud,

    /// Points of dimension 0. Give them at least one coordinate.
    #[error("the points have dimension 0; give them at least one coordinate")]
    ZeroDimension,

    /// A number of coordinates that is not a multiple of the dimension.
    #[error(
        "{coordinates} coordinates do not make points of dimension {dimension}; give n × {dimension} of them"
    )]
    RaggedPoints {
        /// The number of coordinates given.
        coordinates: usize,
        /// The dimension given.
        dimension: usize,
    },

    /// A grid of no axis, or of more than three.
    #[error("a grid of {axes} axes; grids have 1 to {most}")]
    Axes {
        /// The number of axes.
        axes: usize,
        /// The largest number of axes allowed.
        most: usize,
    },

    /// A cost that is a sum over axes, between points that are not grids.
    #[error(
        "the cost is a sum over axes, which is for measures on grids; take |x − y|^p for clouds"
    )]
    NoGrid,

    /// A coordinate that is NaN or infinite. Remove the point, or give it a finite value.
    #[error("row {row}, column {column} is {}; remove the row or give it a finite value", plain(*value))]
    NotFinitePoint {
        /// The point, from 1.
        row: usize,
        /// The coordinate, from 1.
        column: usize,
        /// The value found there.
        value: f64,
    },

    /// A number of weights that differs from the number of points. Give one weight a point.
    #[error("{weights} weights for {points} points; give one weight a point")]
    WeightsLength {
        /// The number of points.
        points: usize,
        /// The number of weights given.
        weights: usize,
    },

    /// A weight that is negative, NaN or infinite.
    #[error("the weight of row {row} is {}; weights are finite and at least 0", plain(*value))]
    BadWeight {
        /// The point, from 1.
        row: usize,
        /// Its weight.
        value: f64,
    },

    /// A target with a bin of weight 0 for a loss that is infinite there.
    #[error(
        "the target has no mass in row {row}, where KL(b | target) is infinite; take another loss, or give each bin a little mass"
    )]
    EmptyBin {
        /// The bin, from 1.
        row: usize,
    },

    /// Weights whose sum is 0 or overflows.
    #[error(
        "the weights sum to {}; give at least one point a positive weight, and finite sums",
        plain(*mass)
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

    /// [`Multiscale::Always`](crate::Multiscale::Always) with a form, an acceleration or a start that has no passes over near
    /// pairs.
    #[error(
        "passes over near pairs take the log form with the automatic acceleration, from an automatic start or given potentials; \
         change these, or the multiscale setting"
    )]
    NearPairs,

    /// A space of squared distances beside one of inner products.
    #[error("one space has squared distances, the other inner products; give both the same kind")]
    Spaces,

    /// A graph in pieces, between which there is no distance.
    #[error(
        "the graph has {pieces} pieces, the largest of {largest} points, and no way leads from one to another; {}",
        connecting(*neighbors)
    )]
    Pieces {
        /// The number of pieces with mass.
        pieces: usize,
        /// The points of the largest one.
        largest: usize,
        /// The least number of neighbours that connects the points, where the graph joins nearest neighbours.
        neighbors: Option<usize>,
    },

    /// Unequal masses in a balanced problem. Normalise both, or make one side unbalanced.
    #[error(
        "the masses differ: {} and {}; normalise both, or give a finite ρ or reach: a balanced problem moves all of one onto the other",
        plain(*source_mass), plain(*target_mass)
    )]
    UnequalMass {
        /// Mass of the first measure.
        source_mass: f64,
        /// Mass of the second.
        target_mass: f64,
    },

    /// An error of one of several measures.
    #[error("input {index}: {error}")]
    Input {
        /// The index of the measure, from 1.
        index: usize,
        /// The error.
        #[source]
        error: Box<Error>,
    },

    /// A parameter outside its range.
    #[error("{name} is {}; it must be {range}", plain(*value))]
    BadParameter {
        /// Its name, as in the documentation.
        name: &'static str,
        /// The value given.
        value: f64,
        /// The range allowed.
        range: &'static str,
    },

    /// Coordinates so large or so small that a cost leaves the range of f64.
    #[error(
        "the clouds extend over {}, whose power {} leaves the range of f64; rescale the coordinates",
        plain(*extent), plain(*p)
    )]
    Extent {
        /// Diameter of the joint bounding box.
        extent: f64,
        /// The power p of the cost.
        p: f64,
    },

    /// Coordinates in arrays on a device whose extent is too large, or too small, for f32.
    #[error(
        "the clouds extend over {}, and a device cannot place them in f32; rescale the coordinates",
        plain(*extent)
    )]
    FloatExtent {
        /// Diameter of the joint bounding box.
        extent: f64,
    },

    /// An ε so small for the extent of the clouds that the precision has no digit left for the plan. Use f64 or a
    /// larger ε.
    #[error(
        "ε is so small for these clouds that {precision} has no digit left for the plan; use {}a larger ε",
        or_f64(precision)
    )]
    NoDigits {
        /// The engine's precision.
        precision: &'static str,
        /// The relative error due to rounding.
        floor: f64,
    },

    /// A tolerance below the error that rounding alone may cause, so that the iteration would never end. Use f64 or a
    /// larger tolerance.
    #[error(
        "the tolerance {} is below the {floor} that rounding in {precision} may cause at this ε; use {}a larger ε, or a tolerance of at least {floor}",
        plain(*tolerance), or_f64(precision), floor = above(*floor)
    )]
    BelowFloor {
        /// The tolerance given.
        tolerance: f64,
        /// The engine's precision.
        precision: &'static str,
        /// The relative marginal error that rounding may cause.
        floor: f64,
    },

    /// An entry that the matrix of an affine map cannot have.
    #[error("row {row}, column {column} of the matrix is {}; it must be {wanted}", plain(*value))]
    BadMatrix {
        /// The row, from 1.
        row: usize,
        /// The column, from 1.
        column: usize,
        /// The value found there.
        value: f64,
        /// The values allowed there.
        wanted: &'static str,
    },

    /// A singular linear map where an invertible one is needed.
    #[error("the map flattens space and cannot be undone; give a matrix of full rank")]
    Singular,

    /// A plan that moves no mass: no point of the first cloud is within reach of the second.
    #[error("no point of the first cloud is within reach of the second; give a larger reach")]
    OutOfReach,

    /// A potential that is NaN or infinite.
    #[error("the potential of row {row} is {}; potentials to start from are finite", plain(*value))]
    BadPotential {
        /// The point, from 1.
        row: usize,
        /// Its potential.
        value: f64,
    },

    /// A point at 0, which has no direction.
    #[error("row {row} is 0 and has no direction; remove it, or compare by another cost")]
    NoDirection {
        /// The point, from 1.
        row: usize,
    },

    /// A vector whose length does not fit the measure it belongs to.
    #[error("{what} has {found} values where {expected} belong")]
    Length {
        /// The vector.
        what: &'static str,
        /// The expected length.
        expected: usize,
        /// The actual length.
        found: usize,
    },

    /// A range that is empty, out of order, or has a wrong beginning or end.
    #[error("{what} has the range {start}..{end}; ranges ascend and keep to whole tiles")]
    Range {
        /// What the range is of.
        what: &'static str,
        /// Its beginning.
        start: usize,
        /// Its end.
        end: usize,
    },

    /// An operation that a device has no kernel for.
    #[error("{device} has no kernel for {what}")]
    Unsupported {
        /// The operation.
        what: &'static str,
        /// The device's name.
        device: String,
    },

    /// A slot that does not exist in a history.
    #[error("slot {index} of a history of {slots} slots; slots are counted from 0")]
    Slot {
        /// The index given.
        index: usize,
        /// The number of slots.
        slots: usize,
    },

    /// A computation that left the range of its floats: ε is many orders of magnitude away from the costs.
    #[error(
        "{what} is not finite on {device}; bring ε nearer to the costs, for which f64 has more room than f32"
    )]
    NotFiniteResult {
        /// The quantity.
        what: &'static str,
        /// The device that computed it.
        device: String,
    },

    /// A network simplex method that rounding kept from the optimum.
    #[error("the plan is {} of its cost above the optimum, because of rounding; rescale the points", plain(*gap))]
    NotOptimal {
        /// The gap between the cost of the plan and the dual, relative to the cost.
        gap: f64,
    },

    /// The observer of a solve asked to [abandon](crate::Stop::Abandon) it, or the engine's
    /// [`Interrupt`](crate::Interrupt) is raised.
    #[error("interrupted")]
    Interrupted,

    /// A failure of another one of the ranks that share a computation.
    #[error("rank {rank}: {message}")]
    Rank {
        /// The rank, from 0.
        rank: usize,
        /// Its error.
        message: String,
    },

    /// A [`Journal`](crate::engine::Journal) of another computation.
    #[error(
        "what was kept is of another computation; go on with the one that it is of, or begin anew"
    )]
    Checkpoint,

    /// Ranks that share a computation and take different ways through it.
    #[error(
        "ranks 0 and {rank} compute different things; give all ranks the same program, arguments, files and kind of machine"
    )]
    Ranks {
        /// The first rank that differs from rank 0.
        rank: usize,
    },

    /// The device failed; the source says how.
    #[error("{device}: {source}")]
    Device {
        /// The device's name.
        device: String,
        /// The engine's own error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Formats a number with all of its digits, and without a long row of zeros.
fn plain(value: f64) -> String {
    let text = format!("{value:?}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A number to two digits, rounded up: a user who follows the advice must not be refused again.
fn above(value: f64) -> String {
    let text = format!("{value:.1e}");
    match text.parse::<f64>() {
        Ok(rounded) if rounded < value => format!("{:.1e}", 1.05 * value),
        _ => text,
    }
}

/// "f64 or ", if the precision in use is not f64.
fn or_f64(precision: &str) -> &'static str {
    if precision == "f64" { "" } else { "f64 or " }
}

/// What connects the pieces of a graph.
fn connecting(neighbors: Option<usize>) -> String {
    match neighbors {
        Some(neighbors) => format!("{neighbors} neighbours connect it"),
        None => "keep one piece, or give the others no weight".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_of_human_length_and_read_back() {
        for value in [
            0.0,
            1.0,
            -3.0,
            0.1,
            60.5,
            1e-300,
            -1e300,
            1e16,
            5e-324,
            f64::MAX,
        ] {
            let text = plain(value);
            assert!(text.len() < 25 && text.parse() == Ok(value), "{text}");
        }
        assert_eq!(plain(300.0), "300");
        assert_eq!(plain(f64::INFINITY), "inf");
    }

    #[test]
    fn what_is_advised_is_not_below_what_is_needed() {
        let mut value = 1e-17;
        while value < 1e3 {
            let advised: f64 = above(value).parse().unwrap();
            assert!(
                value <= advised && advised <= 1.11 * value,
                "{value:e} {advised:e}"
            );
            value *= 1.003;
        }
    }

    #[test]
    fn a_precision_is_advised_that_is_not_in_use() {
        for (precision, advised) in [("f32", true), ("f64", false)] {
            let floor = 1e-3;
            for error in [
                Error::NoDigits { precision, floor },
                Error::BelowFloor {
                    tolerance: 1e-4,
                    precision,
                    floor,
                },
            ] {
                assert_eq!(error.to_string().contains("use f64"), advised, "{error}");
            }
        }
    }
}
