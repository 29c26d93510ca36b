//! Pseudorandom numbers: the same seed gives the same numbers on every machine.

use std::f64::consts::TAU;

/// A small generator (splitmix64 [Steele–Lea–Flood'14]).
pub(crate) struct Numbers(u64);

/// 2^64 over the golden ratio, an odd number.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The stream of an index, such as the step of a fit: any of them is there without those before it.
    pub(crate) fn stream(seed: u64, index: u64) -> Self {
        let mut numbers = Self(seed);
        let seed = numbers.word();
        numbers.0 = seed ^ index.wrapping_mul(GOLDEN);
        Self(numbers.word())
    }

    /// Any 64 bits.
    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Normal, of mean 0 and variance 1 [Box–Muller'58].
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (TAU * self.unit()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean, variance and fourth moment of normal numbers, each within five of its standard errors.
    #[test]
    fn normal_numbers_have_the_moments_of_a_normal_law() {
        const COUNT: usize = 20_000;
        let mut numbers = Numbers::stream(3, 5);
        let draws: Vec<f64> = (0..COUNT).map(|_| numbers.normal()).collect();
        let moment = |power: i32| draws.iter().map(|x| x.powi(power)).sum::<f64>() / COUNT as f64;
        for (power, expected, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (4, 3.0, 96.0)] {
            let error = (variance / COUNT as f64).sqrt();
            let off = (moment(power) - expected).abs();
            assert!(off < 5.0 * error, "moment {power}: off by {off}");
            assert!(off > 1e-9, "moment {power} is exact, as of no sample");
        }
    }

    #[test]
    fn streams_differ_in_seed_and_index() {
        let first = |seed, index| Numbers::stream(seed, index).unit();
        let mut all: Vec<f64> = (0..8)
            .flat_map(|seed| (0..8).map(move |index| first(seed, index)))
            .collect();
        all.sort_by(f64::total_cmp);
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(first(1, 2), first(1, 2));
    }
}
