//! The start of an iteration.
//!
//! Passes to an L1 error of 1e-3 without the two-level correction in f64, p = 2, blur over diameter in brackets:
//!
//! | problem | plain, annealed | over-relaxed | Anderson annealed | from zero | Gaussian |
//! |---|---|---|---|---|---|
//! | square → annulus, 600 points (.05) | 146 | 72 | 42 | 38 | 34 |
//! | the same (.01) | 3754 | – | 460 | 224 | 276 |
//! | cube, 2000 points (.02) | 810 | 158 | 102 | 88 | 68 |
//! | spiral and its translate (.02) | > 6000 | 1526 | 334 | 346 | 18 |
//!
//! So the default is the Gaussian start for blurs from 1/64 of the diameter on, and annealing below. In more dimensions than a
//! few, the diameter says little: there the start is that from [coarse clouds](super::coarse), if costs are large.

use crate::engine::Kernel;
use crate::linalg::{covariance, function, times};
use crate::pass::Marginal;
use crate::problem::{Posed, Potentials};
use crate::{Cost, Engine, Error, Result};

/// The start of the iteration. The result does not depend on it, but the number of passes does.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Start {
    /// The start with the fewest passes in measurements. For blurs from 1/64 of the diameter on it is
    /// [`Gaussian`](Self::Gaussian) for p = 2 in up to 32 dimensions, and [`Zero`](Self::Zero) for other p or
    /// dimensions and for unbalanced problems, which need not transport what the Gaussians do; for smaller blurs it
    /// is [`Annealed`](Self::Annealed). A measure against itself starts from zero, because its iteration converges
    /// fast. Clouds of at least 128 points on the host in more than 7 dimensions, or of islands in up to 3, whose mean cost is at
    /// least 40 ε, start from [`Coarse`](Self::Coarse) clouds, and large clouds in fewer dimensions from several of them
    /// ([`Multiscale`](crate::Multiscale)).
    #[default]
    Automatic,
    /// From potentials of 0, with a sequence of ε that halves the blur from the diameter of the clouds on, one pair
    /// of updates a level; no levels if diameter/blur < 4.
    Annealed,
    /// From potentials of 0, at the required ε.
    Zero,
    /// From the potential between Gaussians with the means and covariances of the measures, for p = 2:
    /// f(x) = |x − m|² − (x − m)ᵀK(x − m) + 2⟨x − m, m − m'⟩, where the plan between the Gaussians maps x to m' + K(x − m)
    /// [Janati–Muzellec–Peyré–Cuturi'20]. It takes O(n d² + d³) on the host, and is not available for measures that
    /// lie only on a device.
    Gaussian,
    /// From the problem between the centroids of at most 128 groups of neighbouring points a side, solved at the same ε by
    /// Newton's method on the host: a softmin continues its potential to the points. Groups are blocks of a k-d order in up to 7
    /// dimensions, of each island apart where there are some, and parts of clusters of k-means in more. Clouds must be on the host.
    Coarse,
    /// From given potentials of a similar problem; f and g as returned by
    /// [`Solution::potentials`](crate::Solution::potentials).
    Potentials(Potentials),
}

/// Below this ratio of diameter to blur, annealing costs more passes than it saves.
const LEAST_LADDER: f64 = 64.0;

/// Above this dimension the covariances cost as much as passes.
const MOST_DIMENSIONS: usize = 32;

impl Start {
    /// The start that [`Automatic`](Self::Automatic) selects for a problem of two different measures; other starts
    /// are returned unchanged. If `resident`, coordinates are not on the host, and starts that need them are not
    /// selected.
    pub(crate) fn resolved(&self, problem: &Posed, resident: bool) -> Self {
        let ratio = problem.frame().diameter() / problem.blur();
        match self {
            Self::Automatic if ratio > LEAST_LADDER => Self::Annealed,
            Self::Automatic
                if problem.is_balanced()
                    && !resident
                    && problem.cost() == Cost::SquaredEuclidean
                    && problem.frame().dimension() <= MOST_DIMENSIONS =>
            {
                Self::Gaussian
            }
            Self::Automatic => Self::Zero,
            other => other.clone(),
        }
    }
}

/// The potential f on the points of `source` for [`Start::Gaussian`], in units of the frame, at
/// ε in the same units.
pub(crate) fn gaussian<E: Engine>(
    engine: &E,
    Kernel { cost, epsilon }: Kernel,
    source: &Marginal<E>,
    target: &Marginal<E>,
) -> Result<Vec<f64>> {
    if cost != Cost::SquaredEuclidean {
        return Err(Error::BadParameter {
            name: "p",
            value: cost.p(),
            range: "2 for a start between Gaussians",
        });
    }
    if source.is_resident() || target.is_resident() {
        return Err(Error::Unsupported {
            what: "a start between Gaussians of measures that lie on the device",
            device: engine.device().to_owned(),
        });
    }
    let d = source.dimension();
    let (points, other_points) = (source.points.coordinates(), target.points.coordinates());
    let (mean, mut spread) = covariance(&points, d, &source.weights);
    let (other_mean, other_spread) = covariance(&other_points, d, &target.weights);
    // A cloud in a plane has a singular covariance; a small multiple of the identity makes it invertible.
    let variance: f64 = (0..d).map(|k| spread[k * d + k]).sum::<f64>() / d as f64;
    for k in 0..d {
        spread[k * d + k] += 1e-6 * variance + f64::MIN_POSITIVE.sqrt();
    }

    // K = ½ A^{-½} (4 A^½ B A^½ + σ⁴)^½ A^{-½} − ½ σ² A⁻¹ with ε = 2σ².
    let blurred = 0.5 * epsilon;
    let root = function(&spread, d, |value| value.max(0.0).sqrt());
    let inverse_root = function(&spread, d, |value| {
        1.0 / value.max(f64::MIN_POSITIVE).sqrt()
    });
    let between = times(&times(&root, &other_spread, d), &root, d);
    let shrunk = function(&between, d, |value| {
        0.5 * ((4.0 * value.max(0.0) + blurred * blurred).sqrt() - blurred)
    });
    let map = times(&times(&inverse_root, &shrunk, d), &inverse_root, d);

    let shift: Vec<f64> = mean.iter().zip(&other_mean).map(|(m, o)| m - o).collect();
    let mut from_mean = vec![0.0; d];
    let potential = |point: &[f64]| {
        for (z, (x, m)) in from_mean.iter_mut().zip(point.iter().zip(&mean)) {
            *z = x - m;
        }
        let mut value = 0.0;
        for (k, z) in from_mean.iter().enumerate() {
            let row = &map[k * d..(k + 1) * d];
            let image: f64 = row.iter().zip(&from_mean).map(|(m, z)| m * z).sum();
            value += z * (z - image + 2.0 * shift[k]);
        }
        value
    };
    let mut f: Vec<f64> = points.chunks_exact(d).map(potential).collect();

    // f + t and g − t are optimal as well; small potentials lose the fewest digits. So each side gets half of the
    // cost |m − m'|² + tr A + tr B − 2 tr KA.
    let transported = times(&map, &spread, d);
    let apart: f64 = shift.iter().map(|s| s * s).sum();
    let trace = |matrix: &[f64]| (0..d).map(|k| matrix[k * d + k]).sum::<f64>();
    let cost = apart + trace(&spread) + trace(&other_spread) - 2.0 * trace(&transported);
    let mean: f64 = f.iter().zip(&source.weights).map(|(f, a)| a * f).sum();
    f.iter_mut().for_each(|f| *f += 0.5 * cost - mean);
    Ok(f)
}
