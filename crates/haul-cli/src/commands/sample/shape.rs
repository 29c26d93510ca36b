//! Synthetic clouds in three dimensions, drawn from a seed. The generator is ChaCha8, whose stream is fixed by its
//! definition, and the tests pin the clouds; only the last digit of a coordinate may depend on the machine's sine and
//! logarithm.

use clap::ValueEnum;
use rand::RngExt;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use rand_distr::{Distribution, StandardNormal, UnitBall, UnitDisc, UnitSphere};
use std::f64::consts::TAU;

/// A distribution of points in space, about the size of the unit ball and centred near the origin
/// (the cube apart).
///
/// Points are independent of one another, so that the first `n` points of a seed are the same for
/// every number drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// The solid unit ball, uniform by volume
    Ball,
    /// The unit sphere, uniform by area
    Sphere,
    /// The surface of a torus around the z axis with radii 1 and 0.35, uniform by area
    Torus,
    /// A solid tube of radius 0.15 around three turns of a helix
    Helix,
    /// A mixture of five isotropic Gaussians of unequal weights and widths
    Gaussians,
    /// Eight small, well-separated balls of unequal weights
    Blobs,
    /// The solid unit cube from 0 to 1, uniform by volume
    Cube,
}

/// Distance of the torus's tube from its axis, and the tube's radius.
const TORUS: (f64, f64) = (1.0, 0.35);

/// Turns, height per turn and tube radius of the helix, which winds around the z axis at distance
/// 1.
const HELIX: (f64, f64, f64) = (3.0, 0.6, 0.15);

/// Weight, centre and standard deviation of each Gaussian.
const GAUSSIANS: [(f64, [f64; 3], f64); 5] = [
    (0.30, [0.8, 0.0, 0.2], 0.15),
    (0.25, [-0.3, 0.8, -0.2], 0.10),
    (0.20, [-0.6, -0.5, 0.5], 0.20),
    (0.15, [0.2, -0.8, -0.5], 0.08),
    (0.10, [0.0, 0.1, 0.9], 0.05),
];

/// Radius of each blob; the eight centres are the corners (±1, ±1, ±1), and blob k of 1 … 8 has
/// weight k / 36.
const BLOB_RADIUS: f64 = 0.15;

impl Shape {
    /// One point. Exactly:
    ///
    /// - `Ball`, `Sphere`, `Cube`: uniform in |p| ≤ 1, on |p| = 1, in [0, 1)³;
    /// - `Torus`: ((1 + 0.35 cos v) cos u, (1 + 0.35 cos v) sin u, 0.35 sin v) with u uniform and v
    ///   of density proportional to 1 + 0.35 cos v, the element of area;
    /// - `Helix`: a curve point (cos t, sin t, 0.6 (t/2π − 3/2)), t uniform in [0, 6π), plus a
    ///   uniform point of the disc of radius 0.15 that is normal to the curve there;
    /// - `Gaussians`: component k with its weight 0.30, 0.25, 0.20, 0.15 or 0.10, then its centre
    ///   plus its standard deviation times three independent normals;
    /// - `Blobs`: corner k of (±1, ±1, ±1) with weight k / 36, the bits of k − 1 giving the signs
    ///   of x, y, z from the lowest bit up, then a uniform point of the ball of radius 0.15 around
    ///   it.
    fn point(self, random: &mut ChaCha8Rng) -> [f64; 3] {
        match self {
            Self::Ball => UnitBall.sample(random),
            Self::Sphere => UnitSphere.sample(random),
            Self::Cube => random.random(),
            Self::Torus => {
                let (ring, tube) = TORUS;
                let around = TAU * random.random::<f64>();
                loop {
                    let across = TAU * random.random::<f64>();
                    let distance = ring + tube * across.cos();
                    if random.random::<f64>() * (ring + tube) < distance {
                        return [
                            distance * around.cos(),
                            distance * around.sin(),
                            tube * across.sin(),
                        ];
                    }
                }
            }
            Self::Helix => {
                let (turns, rise, tube) = HELIX;
                let turn = turns * random.random::<f64>();
                let (sin, cos) = (TAU * turn).sin_cos();
                let [inward, upward]: [f64; 2] = UnitDisc.sample(random);
                // The normal plane is spanned by (−cos, −sin, 0), towards the axis, and by the
                // binormal.
                let slope = rise.atan2(TAU);
                let (inward, aside, upward) = (
                    tube * inward,
                    tube * upward * slope.sin(),
                    tube * upward * slope.cos(),
                );
                [
                    cos - inward * cos + aside * sin,
                    sin - inward * sin - aside * cos,
                    rise * (turn - turns / 2.0) + upward,
                ]
            }
            Self::Gaussians => {
                let (_, centre, deviation) =
                    GAUSSIANS[pick(GAUSSIANS.map(|(weight, ..)| weight), random)];
                centre.map(|centre| centre + deviation * random.sample::<f64, _>(StandardNormal))
            }
            Self::Blobs => {
                let corner = pick([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], random);
                let [x, y, z]: [f64; 3] = UnitBall.sample(random);
                let sign = |axis: usize| if corner >> axis & 1 == 1 { 1.0 } else { -1.0 };
                [
                    sign(0) + BLOB_RADIUS * x,
                    sign(1) + BLOB_RADIUS * y,
                    sign(2) + BLOB_RADIUS * z,
                ]
            }
        }
    }
}

/// An index with probability proportional to its weight.
fn pick<const N: usize>(weights: [f64; N], random: &mut ChaCha8Rng) -> usize {
    let mut left = random.random::<f64>() * weights.iter().sum::<f64>();
    let found = weights.iter().position(|weight| {
        left -= weight;
        left < 0.0
    });
    // Rounding may leave a remainder after the last weight.
    found.unwrap_or(N - 1)
}

/// Draws `n` points, row-major `n × 3`, determined by the seed.
pub(crate) fn sample(shape: Shape, n: usize, seed: u64) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..n).flat_map(|_| shape.point(&mut random)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: usize = 40_000;

    fn points(shape: Shape) -> Vec<[f64; 3]> {
        let sample = sample(shape, N, 7);
        let (points, rest) = sample.as_chunks();
        assert_eq!((points.len(), rest.len()), (N, 0));
        points.to_vec()
    }

    fn norm([x, y, z]: [f64; 3]) -> f64 {
        (x * x + y * y + z * z).sqrt()
    }

    /// Checks that the mean of a statistic, whose standard deviation is at most `deviation`, is within four standard
    /// errors.
    fn expect(shape: Shape, statistic: impl Fn([f64; 3]) -> f64, mean: f64, deviation: f64) {
        let found = points(shape).into_iter().map(statistic).sum::<f64>() / N as f64;
        let allowed = 4.0 * deviation / (N as f64).sqrt();
        assert!(
            (found - mean).abs() <= allowed,
            "{shape:?}: {found} is not {mean} ± {allowed}"
        );
    }

    fn coordinate(axis: usize) -> impl Fn([f64; 3]) -> f64 {
        move |point| point[axis]
    }

    #[test]
    fn a_seed_gives_these_points_for_ever() {
        for (shape, expected) in [
            (
                Shape::Ball,
                [
                    -0.6256659340610438,
                    -0.5006272104129015,
                    0.4298245690524962,
                    0.8055361551480948,
                    -0.18060442222415451,
                    0.2762453988607927,
                ],
            ),
            (
                Shape::Sphere,
                [
                    0.33780986540214236,
                    -0.8339747463504313,
                    0.43631481442499764,
                    -0.7523567470290609,
                    0.6459525328213567,
                    0.12924647206606488,
                ],
            ),
            (
                Shape::Torus,
                [
                    -0.8032078574386945,
                    -0.5809146974683995,
                    0.34989096315294366,
                    0.3848806872467537,
                    0.9237135048550233,
                    0.34999932053956423,
                ],
            ),
            (
                Shape::Helix,
                [
                    0.33806454772041805,
                    -1.0403224988453406,
                    0.10462639565581729,
                    0.5341782487360608,
                    0.6818211372440701,
                    0.4157295538179429,
                ],
            ),
            (
                Shape::Gaussians,
                [
                    -0.6401899306460181,
                    -0.7761865175023844,
                    0.2923113415537374,
                    0.9003039033505753,
                    0.20459611470609,
                    0.22957795176266643,
                ],
            ),
            (
                Shape::Blobs,
                [
                    -1.0270906633336232,
                    1.041436809829119,
                    1.079660641517105,
                    -0.9945160220480184,
                    -0.9963403484741771,
                    0.9825522301914593,
                ],
            ),
            (
                Shape::Cube,
                [
                    0.5996557851453859,
                    0.25397282124949694,
                    0.042222659274811836,
                    0.18716703296947812,
                    0.24968639479354926,
                    0.7149122845262482,
                ],
            ),
        ] {
            let found = sample(shape, 2, 2026);
            for (found, expected) in found.iter().zip(expected) {
                assert!(
                    (found - expected).abs() < 1e-14,
                    "{shape:?}: {found:?} is not {expected:?}"
                );
            }
        }
    }

    #[test]
    fn a_longer_sample_begins_with_a_shorter_one_and_another_seed_differs() {
        for &shape in Shape::value_variants() {
            let long = sample(shape, 100, 3);
            assert_eq!(long[..30], sample(shape, 10, 3));
            assert_ne!(long, sample(shape, 100, 4));
            assert!(sample(shape, 0, 3).is_empty());
        }
    }

    #[test]
    fn points_stay_within_their_shape() {
        assert!(
            points(Shape::Ball)
                .into_iter()
                .all(|point| norm(point) <= 1.0)
        );
        assert!(
            points(Shape::Sphere)
                .into_iter()
                .all(|point| (norm(point) - 1.0).abs() < 1e-15)
        );
        assert!(
            points(Shape::Cube)
                .into_iter()
                .flatten()
                .all(|value| (0.0..1.0).contains(&value))
        );
        assert!(points(Shape::Torus).into_iter().all(|[x, y, z]| {
            let section = (x.hypot(y) - 1.0).hypot(z);
            (section - 0.35).abs() < 1e-15
        }));
        assert!(
            points(Shape::Blobs)
                .into_iter()
                .all(|point| { norm(point.map(|value| value.abs() - 1.0)) <= 0.15 })
        );
        assert!(
            points(Shape::Helix)
                .into_iter()
                .step_by(100)
                .all(|[x, y, z]| {
                    let distance = |turn: f64| {
                        let (sin, cos) = (TAU * turn).sin_cos();
                        norm([x - cos, y - sin, z - 0.6 * (turn - 1.5)])
                    };
                    (0..=3000).any(|step| distance(f64::from(step) / 1000.0) <= 0.15 + 0.004)
                })
        );
    }

    #[test]
    fn moments_are_those_of_the_named_distributions() {
        for axis in 0..3 {
            expect(Shape::Ball, coordinate(axis), 0.0, 0.45);
            expect(Shape::Sphere, coordinate(axis), 0.0, 0.58);
            expect(Shape::Sphere, |point| point[axis].powi(2), 1.0 / 3.0, 0.3);
            expect(Shape::Cube, coordinate(axis), 0.5, 0.29);
            expect(
                Shape::Cube,
                |point| (point[axis] - 0.5).powi(2),
                1.0 / 12.0,
                0.08,
            );
            expect(Shape::Torus, coordinate(axis), 0.0, 0.8);
            let mean = GAUSSIANS
                .iter()
                .map(|(weight, centre, _)| weight * centre[axis])
                .sum();
            expect(Shape::Gaussians, coordinate(axis), mean, 0.6);
        }
        expect(Shape::Ball, |point| norm(point).powi(2), 0.6, 0.3);
        // Uniform by area: the outer half of the ring has the larger area.
        expect(
            Shape::Torus,
            |[x, y, _]| x.hypot(y),
            1.0 + 0.35 * 0.35 / 2.0,
            0.25,
        );
        expect(Shape::Helix, coordinate(2), 0.0, 0.55);
        expect(
            Shape::Helix,
            |[_, _, z]| z * z,
            1.8 * 1.8 / 12.0 + 0.15 * 0.15 / 4.0,
            0.3,
        );
        let second = |(weight, centre, deviation): (f64, [f64; 3], f64)| {
            weight * (norm(centre).powi(2) + 3.0 * deviation * deviation)
        };
        let second = GAUSSIANS.map(second).iter().sum();
        expect(Shape::Gaussians, |point| norm(point).powi(2), second, 0.4);
        for blob in 0..8_u32 {
            let bits = |point: [f64; 3]| {
                (0..3)
                    .map(|axis| u32::from(point[axis] > 0.0) << axis)
                    .sum::<u32>()
            };
            let share = f64::from(blob + 1) / 36.0;
            expect(
                Shape::Blobs,
                |point| f64::from(u8::from(bits(point) == blob)),
                share,
                0.42,
            );
        }
    }
}
