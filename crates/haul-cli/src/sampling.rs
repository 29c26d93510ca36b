//! Whether chance alone explains how far two clouds are apart: a permutation test.
//!
//! If both clouds are samples of one law, it is chance which points are in which of them. So all points are put
//! together and divided anew, at random, several times, and each time the value is computed in the same way. Under
//! that hypothesis the value of the clouds is as likely as any of these to be the largest: of 20 values it is so with a
//! probability of 1/20, in any dimension and for any value. Of large clouds the test takes some of the points, which
//! keeps that probability, and finds smaller differences less often.

use crate::input::on_grid;
use crate::number::significant;
use crate::scale::FEW;
use haul::{Device, Engine as _, Measure, Precision, Result};
use rand::RngExt;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

/// Number of divisions; the value is larger than that of each by chance once in 20 times.
const TIMES: usize = 19;

/// The most points of a cloud in the test.
const MOST: usize = 500;

/// The values of a test, in the units of the value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PermutationTest {
    /// The value of both clouds, and that of the points of the test.
    value: f64,
    seen: f64,
    /// The least and the largest value of a division.
    least: f64,
    largest: f64,
    /// The points of each cloud in the test, if these are not all of them.
    points: Option<[usize; 2]>,
}

impl PermutationTest {
    /// The test of a value of two clouds, which `evaluate` computes for other ones; `None` if one of them is too small
    /// to be a sample, or has its masses on a grid.
    ///
    /// # Errors
    ///
    /// Those of `evaluate`.
    pub(crate) fn of(
        clouds: [&Measure; 2],
        value: f64,
        evaluate: impl Fn(&Measure, &Measure) -> Result<f64>,
    ) -> Result<Option<Self>> {
        let [n, m] = clouds.map(Measure::len);
        if n.min(m) < FEW || clouds.into_iter().any(|cloud| on_grid(cloud).is_some()) {
            return Ok(None);
        }
        let mut random = ChaCha8Rng::seed_from_u64(0);
        let taken = clouds.map(|cloud| {
            let mut all: Vec<usize> = (0..cloud.len()).collect();
            if all.len() > MOST {
                shuffle(&mut all, MOST, &mut random);
                all.truncate(MOST);
            }
            all
        });
        let first = taken[0].len();
        let points = (n.max(m) > MOST).then_some([first, taken[1].len()]);
        let mut all: Vec<Place> = Vec::new();
        for (cloud, taken) in clouds.iter().zip(&taken) {
            all.extend(taken.iter().map(|point| Place::of(cloud, *point)));
        }
        let mass = clouds[0].mass();
        let of = |all: &[Place]| -> Result<Option<f64>> {
            let (one, other) = all.split_at(first);
            match (group(one, mass)?, group(other, mass)?) {
                (Some(one), Some(other)) => evaluate(&one, &other).map(Some),
                _ => Ok(None),
            }
        };
        let seen = match points {
            None => Some(value),
            Some(_) => of(&all)?,
        };
        let mut values = Vec::new();
        for _ in 0..TIMES {
            shuffle(&mut all, first, &mut random);
            values.extend(of(&all)?);
        }
        let Some(seen) = seen.filter(|_| values.len() == TIMES) else {
            return Ok(None);
        };
        Ok(Some(Self {
            value,
            seen,
            least: values.iter().copied().fold(f64::INFINITY, f64::min),
            largest: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            points,
        }))
    }

    /// Whether chance explains the value.
    pub(crate) fn is_chance(&self) -> bool {
        self.seen <= self.largest && self.value <= self.largest
    }

    /// The result in words, with values as `told` has them: a length, for instance.
    pub(crate) fn sentence(&self, told: impl Fn(f64) -> f64) -> String {
        let told = |value: f64| significant(told(value), 2);
        let [seen, least, largest] = [self.seen, self.least, self.largest].map(told);
        let verdict = match self.is_chance() {
            true => "Sampling alone may explain it",
            false => "It is more than sampling explains",
        };
        let Some([n, m]) = self.points else {
            return format!(
                "{verdict}: divided anew at random {TIMES} times, the points of both differ by {least} to {largest}."
            );
        };
        let points = match n == m {
            true => format!("{n} points of each"),
            false => format!("{n} and {m} of the points"),
        };
        format!(
            "{verdict}: {points} differ by {seen}, and divided anew at random {TIMES} times by {least} to {largest}."
        )
    }
}

/// The device of a test: the CPU, where small solves are fast, in the precision of the answer.
pub(crate) fn device(of: &Device) -> Device {
    match of.precision() {
        Precision::F32 => Device::cpu(),
        Precision::F64 => Device::cpu_f64(),
    }
}

/// A point, and its weight relative to the mean of its cloud.
#[derive(Clone, Copy)]
struct Place<'p> {
    point: &'p [f64],
    weight: f64,
}

impl<'p> Place<'p> {
    fn of(cloud: &'p Measure, point: usize) -> Self {
        let d = cloud.dimension();
        Self {
            point: &cloud.points()[point * d..][..d],
            weight: cloud.weights()[point] * cloud.len() as f64 / cloud.mass(),
        }
    }
}

/// A measure of this mass; `None` if its points have no weight.
fn group(places: &[Place], mass: f64) -> Result<Option<Measure>> {
    let all: f64 = places.iter().map(|place| place.weight).sum();
    let d = places.first().map_or(0, |place| place.point.len());
    if all <= 0.0 {
        return Ok(None);
    }
    let points = places.iter().flat_map(|place| place.point).copied();
    let weights = places.iter().map(|place| place.weight * mass / all);
    Measure::new(points.collect(), d, weights.collect()).map(Some)
}

/// Draws the first elements of a list at random.
fn shuffle<T>(list: &mut [T], first: usize, random: &mut ChaCha8Rng) {
    for place in 0..first.min(list.len()) {
        let other = random.random_range(place..list.len());
        list.swap(place, other);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use haul::Energy;

    /// Points of a normal law in d dimensions, moved along the first axis.
    fn normal(n: usize, d: usize, moved: f64, seed: u64) -> Measure {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut one = || {
            let (u, v): (f64, f64) = (random.random(), random.random());
            (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
        };
        let points: Vec<f64> = (0..n * d)
            .map(|k| one() + if k % d == 0 { moved } else { 0.0 })
            .collect();
        Measure::uniform(&points, d).unwrap()
    }

    fn test(a: &Measure, b: &Measure) -> PermutationTest {
        let device = Device::cpu_f64();
        let energy = |a: &Measure, b: &Measure| Ok(Energy::new().evaluate(&device, a, b)?.value);
        let value = energy(a, b).unwrap();
        PermutationTest::of([a, b], value, energy).unwrap().unwrap()
    }

    #[test]
    fn two_samples_of_one_law_seldom_differ_and_those_of_two_laws_do() {
        for d in [1, 3, 10] {
            // Of 30 values of one law, more than seven are larger than all 19 others by chance less than once in 10 000 times.
            let by_chance = |moved: f64| {
                let found =
                    |k: u64| test(&normal(40, d, 0.0, 2 * k), &normal(60, d, moved, 2 * k + 1));
                (0..30).filter(|k| found(*k).is_chance()).count()
            };
            let same = by_chance(0.0);
            assert!(same >= 23, "{same} of 30 in dimension {d}");
            let moved = by_chance(2.0);
            assert!(moved <= 2, "{moved} of 30 in dimension {d}");
        }
    }

    #[test]
    fn large_clouds_are_tested_by_some_of_their_points_and_said_so() {
        let test = test(&normal(700, 2, 0.0, 1), &normal(300, 2, 1.0, 2));
        let told = test.sentence(f64::sqrt);
        assert!(
            told.starts_with(
                "It is more than sampling explains: 500 and 300 of the points differ by "
            ),
            "{told}"
        );
        assert_ne!(test.value, test.seen);
    }

    #[test]
    fn weights_go_with_their_points_whatever_their_unit() {
        let (a, b) = (normal(40, 2, 0.0, 1), normal(40, 2, 0.5, 2));
        let heavy = |measure: &Measure| {
            let weights: Vec<f64> = (0..40).map(|k| f64::from(1 + k % 2)).collect();
            measure.clone().with_weights(&weights).unwrap()
        };
        let (heavy_a, heavy_b) = (heavy(&a), heavy(&b));
        let weighted = test(&heavy_a, &heavy_b);
        assert_ne!(test(&a, &b).largest, weighted.largest);
        // Energies are squares of the mass.
        let light = test(&heavy_a.normalized(), &heavy_b.normalized());
        let factor = 60.0 * 60.0;
        assert!((weighted.largest - factor * light.largest).abs() < 1e-9 * factor);
        let few = normal(FEW - 1, 2, 0.0, 3);
        let none = PermutationTest::of([&few, &a], 1.0, |_, _| Ok(1.0)).unwrap();
        assert_eq!(none, None);
    }
}
