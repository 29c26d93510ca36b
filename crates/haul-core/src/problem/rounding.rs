//! The effect of rounding in an engine's precision on costs, on entries of the plan and on their sums.
//!
//! Let u be the unit roundoff, D the largest distance between two points and R the largest distance of a point from
//! the centre of the frame. The relative error of a coordinate is κu (κ = 1 if f64 was rounded to f32, 4 if f64
//! itself was shifted and scaled), so points move by κuR. A difference has one rounding, a square two, and the sum of
//! d squares [`distance_roundings`](crate::engine::distance_roundings). For p ≥ 1 the error of the cost is thus
//!
//! ```text
//! |Ĉ − C| ≤ u (p/2 (2 + s_d) + w) Dᵖ + 2κu R p Dᵖ⁻¹      s_d roundings of the sum, w of the power itself
//! ```
//!
//! For p < 1 the second term, from moved points, is at most (2κuR)ᵖ: it is kept separately, as `near`.
//!
//! Plans, marginals and values are those of Ĉ, and OT_ε of C and of Ĉ differ by at most |Ĉ − C|. Differences between
//! passes matter more, since the marginals of one pass are compared with those of another: the error of an exponent
//! (f + g − Ĉ)/ε is the rounding of its own terms, and a term of a sum goes through one exponential and
//! [`Engine::row_roundings`](crate::Engine::row_roundings) additions.

use crate::engine::{BLOCK, Kernel, distance_roundings};
use crate::{Cost, Engine, Frame, Precision};

/// Roundings of an exponential, a weight and the factor in a sum; or of the two exponentials and of what is left out where the
/// term is a product with a table of the kernel.
const TERM: f64 = 8.0;

/// If exponents of the plan are at most this, sums are computed as their excess over 1.
pub(crate) const FLAT: f64 = 0.5;

/// The rounding errors of an engine's operators on the clouds of a frame, in units of the frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rounding {
    u: f64,
    /// The number of points of the larger cloud.
    points: usize,
    /// Roundings of a sum over them, and of its terms.
    terms: f64,
    /// The largest cost.
    largest: f64,
    /// Roundings of a squared distance.
    squares: f64,
    /// Roundings of a potential that is the first term of the sum of squares.
    began: f64,
    /// The relative error of a cost between points on the device.
    relative: f64,
    /// The largest |Ĉ − C|, without [`near`](Self::near).
    cost: f64,
    /// The largest difference of Ĉ between two passes.
    unsteady: f64,
    near: f64,
    /// The number of passes that a term goes through: the number of axes between grids.
    axes: f64,
    /// log(1/b) of the least positive weight b, between grids of several axes.
    least_weight: f64,
}

impl Rounding {
    /// The errors of an engine for clouds of at most this many `points`.
    pub(crate) fn of<E: Engine>(engine: &E, cost: Cost, frame: &Frame, points: usize) -> Self {
        let costs = Self::of_costs(engine.precision(), cost, frame);
        Self {
            points,
            terms: TERM + engine.row_roundings(points, frame.dimension()) as f64,
            unsteady: if engine.repeats_distances() {
                0.0
            } else {
                2.0 * costs.relative * costs.largest
            },
            ..costs
        }
    }

    /// The same with passes along this many axes, for weights of sum 1 that are at least b, with
    /// log(1/b) = `least_weight`.
    pub(crate) fn along_axes(self, axes: usize, least_weight: f64) -> Self {
        Self {
            axes: axes as f64,
            least_weight: if axes > 1 { least_weight } else { 0.0 },
            ..self
        }
    }

    /// The errors of costs and exponents alone.
    pub(crate) fn of_costs(precision: Precision, cost: Cost, frame: &Frame) -> Self {
        let u = precision.unit_roundoff();
        let p = cost.p();
        let largest = frame.farthest_cost(cost);
        // In a sum over axes, each axis moves separately.
        let axes = match cost {
            Cost::SumOverAxes(_) => frame.dimension() as f64,
            _ => 1.0,
        };
        let moved = frame.moved(precision);
        let power = match cost {
            Cost::SquaredEuclidean => 0.0,
            Cost::Euclidean => 4.0,
            Cost::Power(_) => 6.0,
            // Including the sum of the axes' costs.
            Cost::SumOverAxes(_) => 6.0 + frame.dimension() as f64,
        };
        let squares = 2.0 + distance_roundings(frame.dimension()) as f64;
        let relative = u * (0.5 * p * squares + power);
        let began = match (cost, frame.dimension()) {
            (Cost::SquaredEuclidean, d @ 0..=BLOCK) => d as f64,
            (Cost::SquaredEuclidean, d) => d.div_ceil(BLOCK * BLOCK) as f64,
            _ => 0.0,
        };
        let slope = if p < 1.0 || largest == 0.0 {
            0.0
        } else {
            axes * p * cost.at(frame.farthest()) / frame.farthest()
        };
        Self {
            u,
            points: 0,
            terms: TERM,
            unsteady: 0.0,
            largest,
            squares,
            began,
            relative,
            cost: relative * largest + moved * slope,
            axes: 1.0,
            least_weight: 0.0,
            near: if p < 1.0 { axes * cost.at(moved) } else { 0.0 },
        }
    }

    /// The largest cost of two points.
    pub(crate) fn largest_cost(self) -> f64 {
        self.largest
    }

    /// The largest error of a cost, without [`near`](Self::near).
    pub(crate) fn cost(self) -> f64 {
        self.cost
    }

    /// The largest error of the cost of two nearby points for p < 1, which is far above a rounding of the largest
    /// cost. OT_ε and W_p^p change by no more than the largest change of the cost.
    pub(crate) fn near(self) -> f64 {
        self.near
    }

    /// The relative error of a term of a product with the kernel, where the largest |f| and |g| are `heights`.
    ///
    /// Between grids a term is a product of terms along axes. The potentials in between, tₖ = T(−tₖ₋₁), are at most
    /// the costs, g and ε log(1/b) for the least weight b, and so are the exponents.
    pub(crate) fn term(self, kernel: Kernel, heights: [f64; 2]) -> f64 {
        self.axes * (self.sum() + self.exponent(kernel, heights))
    }

    /// The error of Σⱼ bⱼ (πᵢⱼ − 1) where the exponents of all π are at most `spread`.
    pub(crate) fn excess(self, kernel: Kernel, heights: [f64; 2], spread: f64) -> f64 {
        let size = spread * spread.exp();
        self.sum() * size + self.exponent(kernel, heights) * spread.exp()
    }

    /// The error of an exponent (f + g − Ĉ)/ε. Ĉ − f and g are rounded, and so is their difference, which is at most
    /// log m in the terms that matter.
    fn exponent(self, kernel: Kernel, heights: [f64; 2]) -> f64 {
        let [f, g] = heights;
        let parts = (self.largest + f + g) / kernel.epsilon;
        let parts = if self.axes > 1.0 {
            2.0 * parts + self.least_weight
        } else {
            parts
        };
        let difference = parts.min(1.0 + (self.points as f64).ln() + self.least_weight);
        self.unsteady / kernel.epsilon + self.u * (parts + difference)
    }

    /// The error of a minimum of Ĉᵢⱼ − gⱼ over j. Along axes there is one minimum for each.
    pub(crate) fn minimum(self, heights: [f64; 2]) -> f64 {
        let [f, g] = heights;
        self.axes * self.u * (4.0 + self.began) * (self.largest + f + g)
    }

    /// The relative error of a mean cost over pairs of points on the device, without a kernel.
    pub(crate) fn mean_cost(self) -> f64 {
        self.relative + self.sum()
    }

    /// The relative error of a cost between two points on the device.
    pub(crate) fn relative_cost(self) -> f64 {
        self.relative
    }

    /// The relative error of a sum over a row, without that of its terms' exponents.
    pub(crate) fn sum(self) -> f64 {
        self.u * self.terms
    }

    /// The relative error of a marginal due to rounding. Exponents have the error of costs and potentials, but most
    /// of it averages out over a row; the exponential and the sum add a few units of size 1. Measured in 3
    /// dimensions, iterations that run until nothing improves end at 0.05 to 0.7 of this, for p = 1 and 2, blurs from
    /// 1 to 0.02 of clouds of diameter 3, on both engines. It grows with the dimension as the sum of many roundings
    /// of either sign.
    pub(crate) fn floor(self, kernel: Kernel) -> f64 {
        let growth = (self.squares / 5.0).sqrt();
        self.u * (4.0 + 0.2 * growth * self.largest / kernel.epsilon)
    }
}
