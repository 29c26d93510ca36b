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
//! Plans, marginals and values are those of Ĉ, and OT_ε of C and of Ĉ are no farther apart than |Ĉ − C|. What
//! differs from pass to pass matters more, since the marginals of one are held against those of another: an
//! exponent (f + g − Ĉ)/ε is off by roundings of its own terms, and a term of a sum goes through one exponential and [`Engine::row_roundings`](crate::Engine::row_roundings) additions.

use crate::engine::{BLOCK, Kernel, distance_roundings};
use crate::{Cost, Engine, Frame, Precision};

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
    /// Roundings of a sum over them, and of what is summed.
    terms: f64,
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
    /// The largest difference of Ĉ between two passes.
    unsteady: f64,
    near: f64,
    /// Passes that a term goes through: as many as there are axes between grids.
    axes: f64,
    /// log(1/b) of the least positive weight b, between grids of several axes.
    least_weight: f64,
}

impl Rounding {
    /// That of an engine for clouds of at most so many `points`.
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

    /// The same where passes go along so many axes, and weights of sum 1 are at least b, for log(1/b) = `least_weight`.
    pub(crate) fn along_axes(self, axes: usize, least_weight: f64) -> Self {
        Self {
            axes: axes as f64,
            least_weight: if axes > 1 { least_weight } else { 0.0 },
            ..self
        }
    }

    /// That of costs and exponents alone.
    pub(crate) fn of_costs(precision: Precision, cost: Cost, frame: &Frame) -> Self {
        let u = precision.unit_roundoff();
        let p = cost.p();
        let largest = frame.farthest_cost(cost);
        // Each axis of a sum over axes is moved on its own.
        let axes = match cost {
            Cost::SumOverAxes(_) => frame.dimension() as f64,
            _ => 1.0,
        };
        let moved = frame.moved(precision);
        let power = match cost {
            Cost::SquaredEuclidean => 0.0,
            Cost::Euclidean => 4.0,
            Cost::Power(_) => 6.0,
            // Of which the costs of axes are summed up.
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
    ///
    /// Between grids it is a product of terms along axes. Its potentials in between, tₖ = T(−tₖ₋₁), are at most the costs,
    /// g and ε log(1/b) for the least weight b, and so are the exponents.
    pub(crate) fn term(self, kernel: Kernel, heights: [f64; 2]) -> f64 {
        self.axes * (self.sum() + self.exponent(kernel, heights))
    }

    /// The error of Σⱼ bⱼ (πᵢⱼ − 1) where the exponents of all π are at most `spread`.
    pub(crate) fn excess(self, kernel: Kernel, heights: [f64; 2], spread: f64) -> f64 {
        let size = spread * spread.exp();
        self.sum() * size + self.exponent(kernel, heights) * spread.exp()
    }

    /// The error of an exponent (f + g − Ĉ)/ε. Ĉ − f and g are rounded, and their difference, which is at most
    /// log m in the terms that count.
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

    /// The error of a minimum of Ĉᵢⱼ − gⱼ over j. Along axes there is one for each.
    pub(crate) fn minimum(self, heights: [f64; 2]) -> f64 {
        let [f, g] = heights;
        self.axes * self.u * (4.0 + self.began) * (self.largest + f + g)
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
        self.u * self.terms
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
