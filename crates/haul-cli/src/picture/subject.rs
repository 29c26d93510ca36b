//! The subject of a picture, and what is shown of it.

use crate::input::on_grid;
use haul::{Coupling, Engine, Measure, Solution};

/// What to draw; all clouds are row-major with `dimension` coordinates per point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Picture<'a> {
    /// The source points, `n × dimension`, `n ≥ 1`.
    pub(crate) source: &'a [f64],
    /// The target points, `m × dimension`, `m ≥ 1`.
    pub(crate) target: &'a [f64],
    /// How a plan matches them, if there is one.
    pub(crate) matching: Option<&'a Matching>,
    /// Coordinates per point, at least 1.
    pub(crate) dimension: usize,
    /// The mass of each source point (`n`): the area of its dot.
    pub(crate) source_weights: &'a [f64],
    /// The mass of each target point (`m`): the area of its dot.
    pub(crate) target_weights: &'a [f64],
}

/// A plan P between measures (a, x) and (b, y), point by point.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Matching {
    /// Where the mass of each source point goes on average, Σⱼ Pᵢⱼ yⱼ / Σⱼ Pᵢⱼ: `n × dimension`.
    pub(crate) images: Vec<f64>,
    /// Where the mass of each target point comes from on average, Σᵢ Pᵢⱼ xᵢ / Σᵢ Pᵢⱼ: `m × dimension`.
    pub(crate) origins: Vec<f64>,
    /// The fraction of its mass that each source point sends, Σⱼ Pᵢⱼ / aᵢ (`n`); the rest is destroyed. 1 if the
    /// problem forbids that.
    pub(crate) sent: Vec<f64>,
    /// The fraction of its mass that each target point receives, Σᵢ Pᵢⱼ / bⱼ (`m`); the rest is created. 1 if the
    /// problem forbids that.
    pub(crate) received: Vec<f64>,
}

/// Mass that a plan lacks by this share or less is a rounding.
const ROUNDING: f64 = 1e-9;

impl Matching {
    /// The same for a picture of points; `None` if both measures are on grids, which are shown as images.
    ///
    /// # Errors
    ///
    /// Those of the engine.
    pub(crate) fn drawn<E: Engine + Clone>(
        solution: &Solution<E>,
        source: &Measure,
        target: &Measure,
    ) -> haul::Result<Option<Self>> {
        if on_grid(source).and(on_grid(target)).is_some() {
            return Ok(None);
        }
        Self::of(solution, source, target).map(Some)
    }

    /// The matching of a solution between these measures, by two passes over all pairs.
    ///
    /// # Errors
    ///
    /// Those of the engine.
    pub(crate) fn of<E: Engine + Clone>(
        solution: &Solution<E>,
        source: &Measure,
        target: &Measure,
    ) -> haul::Result<Self> {
        let report = solution.report();
        let rho = [report.rho_a, report.rho_b];
        Self::between(&solution.plan(), [source, target], rho)
    }

    /// The matching of a plan that moves all of the mass of a side, or, in partial transport, some of it.
    ///
    /// # Errors
    ///
    /// Those of the plan.
    pub(crate) fn of_coupling(
        plan: &impl Coupling,
        source: &Measure,
        target: &Measure,
    ) -> haul::Result<Self> {
        let (rows, columns) = plan.marginals()?;
        let rho = |moved: Vec<f64>, measure: &Measure| {
            let part = moved.iter().sum::<f64>() < (1.0 - ROUNDING) * measure.mass();
            if part { 0.0 } else { f64::INFINITY }
        };
        let rho = [rho(rows, source), rho(columns, target)];
        Self::between(plan, [source, target], rho)
    }

    fn between(
        plan: &impl Coupling,
        [source, target]: [&Measure; 2],
        [rho_a, rho_b]: [f64; 2],
    ) -> haul::Result<Self> {
        let (to, from) = (Values::of(target), Values::of(source));
        let (images, sent) = to.means(&plan.product(&to.values)?);
        let (origins, received) = from.means(&plan.product_transposed(&from.values)?);
        let share = |moved: Vec<f64>, weights: &[f64], rho: f64| {
            let shares = moved.iter().zip(weights);
            let share = |(moved, weight): (&f64, &f64)| {
                if rho.is_infinite() || *weight == 0.0 {
                    1.0
                } else {
                    moved / weight
                }
            };
            shares.map(share).collect()
        };
        Ok(Self {
            images,
            origins,
            sent: share(sent, source.weights(), rho_a),
            received: share(received, target.weights(), rho_b),
        })
    }
}

/// The points of a measure, each with a 1 appended, so that one product gives sums and masses.
struct Values {
    /// Subtracted from the points to reduce rounding.
    centre: Vec<f64>,
    values: Vec<f64>,
}

impl Values {
    fn of(measure: &Measure) -> Self {
        let (points, dimension) = (measure.points(), measure.dimension());
        let centre: Vec<f64> = (0..dimension)
            .map(|axis| {
                let places = points.iter().skip(axis).step_by(dimension);
                places.sum::<f64>() / measure.len() as f64
            })
            .collect();
        let mut values = Vec::with_capacity(points.len() + measure.len());
        for point in points.chunks_exact(dimension) {
            values.extend(
                point
                    .iter()
                    .zip(&centre)
                    .map(|(value, centre)| value - centre),
            );
            values.push(1.0);
        }
        Self { centre, values }
    }

    /// The means and the masses from a product of the values; the centre if there is no mass.
    fn means(&self, product: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let mut means = Vec::with_capacity(product.len());
        let mut masses = Vec::new();
        for row in product.chunks_exact(self.centre.len() + 1) {
            let Some((mass, sums)) = row.split_last() else {
                continue;
            };
            let mean = |(sum, centre): (&f64, &f64)| match *mass > 0.0 {
                true => centre + sum / mass,
                false => *centre,
            };
            means.extend(sums.iter().zip(&self.centre).map(mean));
            masses.push(*mass);
        }
        (means, masses)
    }
}

/// What a picture shows of its clouds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Dots of the source and of the target, including crosses.
    pub(crate) source: usize,
    pub(crate) target: usize,
    pub(crate) arrows: usize,
    /// Crosses: points of which less than half of the mass is sent or received.
    pub(crate) lost: usize,
    /// The projection of points with more than two coordinates.
    pub(crate) view: Option<String>,
}

/// Why the picture cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum PictureError {
    /// An array's length does not fit the number of points: pass arrays that belong together.
    #[error("{array} has {found} values where {expected} are needed for the picture")]
    Length {
        /// The array.
        array: &'static str,
        /// Its length.
        found: usize,
        /// The required length.
        expected: usize,
    },
    /// A value is NaN, infinite or too large to square: remove it or rescale the clouds.
    #[error(
        "{array} holds {value} at index {index}, which cannot be drawn; remove it or rescale the clouds"
    )]
    Value {
        /// The array.
        array: &'static str,
        /// Position in the array, counted from 0.
        index: usize,
        /// The value.
        value: f64,
    },
    /// An image cannot be encoded.
    #[error("an image of the page cannot be encoded: {0}; leave --report out")]
    Image(#[from] std::io::Error),
    /// Points need at least one coordinate.
    #[error("the picture needs points of at least one coordinate")]
    Dimension,
}

pub(crate) type Result<T> = std::result::Result<T, PictureError>;

/// Above this, fourth powers overflow float64.
const MAX_VALUE: f64 = 1e60;

impl Picture<'_> {
    /// Refuses arrays whose lengths do not match, and values that cannot be drawn.
    pub(super) fn check(&self) -> Result<()> {
        let Picture {
            source,
            target,
            dimension,
            matching,
            ..
        } = *self;
        if dimension == 0 {
            return Err(PictureError::Dimension);
        }
        let rows = |cloud: &[f64]| (cloud.len() / dimension).max(1);
        let (n, m) = (rows(source), rows(target));
        let mut arrays = vec![
            ("source", source, n * dimension),
            ("target", target, m * dimension),
            ("source weights", self.source_weights, n),
            ("target weights", self.target_weights, m),
        ];
        if let Some(matching) = matching {
            arrays.extend([
                ("map", &*matching.images, n * dimension),
                ("map back", &*matching.origins, m * dimension),
                ("mass sent", &*matching.sent, n),
                ("mass received", &*matching.received, m),
            ]);
        }
        for (array, values, expected) in arrays {
            if values.len() != expected {
                return Err(PictureError::Length {
                    array,
                    found: values.len(),
                    expected,
                });
            }
            let wrong = |&(_, value): &(usize, &f64)| value.is_nan() || value.abs() > MAX_VALUE;
            if let Some((index, &value)) = values.iter().enumerate().find(wrong) {
                return Err(PictureError::Value {
                    array,
                    index,
                    value,
                });
            }
        }
        Ok(())
    }
}
