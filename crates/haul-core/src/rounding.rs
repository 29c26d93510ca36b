//! What rounding in an engine's precision may do to costs, to entries of the plan and to sums of them.
//!
//! Let u be the unit roundoff, D the largest distance of two points and R that of a point from the centre of the
//! frame. A coordinate is off by κu of itself (κ = 1 where f64 was rounded to f32, 4 where f64 itself was
//! shifted and scaled), so that points move by κuR; a difference by one rounding, a square by two; and the sum of d
//! squares by [`distance_roundings`](crate::engine::distance_roundings). For p ≥ 1 the cost is thus off by
//!
//! ```text
//! |Ĉ − C| ≤ u (p/2 (2 + s_d) + w) Dᵖ + 2κu R p Dᵖ⁻¹      s_d roundings of the sum, w of the power itself
//! ```
//!
//! and for p < 1 the second term, of moved points, is at most (2κuR)ᵖ: it is told apart, as `near`.
//!
//! An exponent (f + g − C)/ε is off by that and by roundings of its own terms. In a product of kernel and values
//! a term goes through one exponential and [`row_roundings`](crate::engine::row_roundings) additions.

use crate::engine::{BLOCK, Kernel, Precision, distance_roundings, row_roundings};
use crate::{Cost, Frame};

/// Roundings of an exponential, a weight and what a sum is multiplied with.
const TERM: f64 = 8.0;

/// Where exponents of the plan are at most this, sums are told by what they exceed 1 by.
pub(crate) const FLAT: f64 = 0.5;

/// The rounding of an engine's operators on the clouds of a frame, in units of the frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rounding {
    u: f64,
    /// Points of the larger cloud.
    points: usize,
    /// The largest cost.
    largest: f64,
    /// Roundings of a squared distance.
    squares: f64,
    /// Roundings of a potential that the sum of squares began with.
    began: f64,
    /// The error of a cost relative to it, between points as the device has them.
    relative: f64,
    /// The largest |Ĉ − C|, but for [`near`](Self::near).
    cost: f64,
    near: f64,
}

impl Rounding {
    /// For clouds of at most so many `points`.
    pub(crate) fn new(precision: Precision, cost: Cost, frame: &Frame, points: usize) -> Self {
        let u = precision.unit_roundoff();
        let p = cost.p();
        let largest = cost.at(frame.farthest());
        let moved = frame.moved(precision);
        let power = match cost {
            Cost::SquaredEuclidean => 0.0,
            Cost::Euclidean => 4.0,
            Cost::Power(_) => 6.0,
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
            p * largest / frame.farthest()
        };
        Self {
            u,
            points,
            largest,
            squares,
            began,
            relative,
            cost: relative * largest + moved * slope,
            near: if p < 1.0 { cost.at(moved) } else { 0.0 },
        }
    }

    /// The largest cost of two points.
    pub(crate) fn largest_cost(self) -> f64 {
        self.largest
    }

    /// The largest error of a cost, beside [`near`](Self::near).
    pub(crate) fn cost(self) -> f64 {
        self.cost
    }

    /// By how much the cost of two points that are near each other may be off for p < 1, where it is far more
    /// than a rounding of the largest cost. OT_ε changes by no more than the largest change of the cost, and so
    /// does W_p^p.
    pub(crate) fn near(self) -> f64 {
        self.near
    }

    /// The error of a term of a product with the kernel, relative to the term, where the largest |f| and |g| are
    /// `heights`.
    pub(crate) fn term(self, kernel: Kernel, heights: [f64; 2]) -> f64 {
        self.sum() + self.exponent(kernel, heights)
    }

    /// The error of Σⱼ bⱼ (πᵢⱼ − 1) where the exponents of all π are at most `spread`.
    pub(crate) fn excess(self, kernel: Kernel, heights: [f64; 2], spread: f64) -> f64 {
        let size = spread * spread.exp();
        self.sum() * size + self.exponent(kernel, heights) * spread.exp()
    }

    /// The error of an exponent (f + g − C)/ε. Beside the cost, C − f and g are rounded, and their difference,
    /// which is at most log m in the terms that count; and a potential goes through the roundings of the sum of
    /// squares that begins with it.
    fn exponent(self, kernel: Kernel, heights: [f64; 2]) -> f64 {
        let [f, g] = heights;
        let parts = (self.largest + f + g) / kernel.epsilon;
        let began = self.began * f.max(g) / kernel.epsilon;
        let difference = parts.min(1.0 + (self.points as f64).ln());
        self.cost / kernel.epsilon + self.u * (parts + began + difference)
    }

    /// The error of a minimum of Cᵢⱼ − gⱼ over j that a softmin stands for.
    pub(crate) fn minimum(self, kernel: Kernel, heights: [f64; 2]) -> f64 {
        let [f, g] = heights;
        let parts = self.largest + f + g;
        self.cost + self.u * (4.0 * parts + self.began * f.max(g)) + self.sum() * kernel.epsilon
    }

    /// The relative error of a mean cost over pairs of points as the device has them, without any kernel.
    pub(crate) fn mean_cost(self) -> f64 {
        self.relative + self.sum()
    }

    /// The relative error of a cost of two points as the device has them.
    pub(crate) fn relative_cost(self) -> f64 {
        self.relative
    }

    /// The relative error of a sum over a row, beside that of its terms' exponents.
    pub(crate) fn sum(self) -> f64 {
        self.u * (TERM + row_roundings(self.points) as f64)
    }

    /// The relative error that rounding causes in a marginal. Exponents are as wrong as costs and potentials,
    /// but most of it averages out over a row, and the exponential and the sum add some units of size 1.
    /// Measured in 3 dimensions, iterations that go on until nothing improves end at 0.05 to 0.7 of this, for
    /// p = 1 and 2, blurs from 1 to 0.02 of clouds of diameter 3, on both engines. With the dimension it grows as
    /// the sum of many roundings does that go either way.
    pub(crate) fn floor(self, kernel: Kernel) -> f64 {
        let growth = (self.squares / 5.0).sqrt();
        self.u * (4.0 + 0.2 * growth * self.largest / kernel.epsilon)
    }
}
