//! The masses of a transportation problem as integers.

use crate::linalg::sum;

/// The points of positive mass of two measures, with masses that are integers of equal sums.
#[derive(Debug)]
pub(crate) struct Integers {
    /// The indices of the points of each measure.
    pub(crate) points: [Vec<usize>; 2],
    /// Their masses.
    pub(crate) masses: [Vec<f64>; 2],
}

/// The sum of the integers is at most this, so that f64 holds them and all of their sums and differences exactly.
const SUM: f64 = (1u64 << 52) as f64;

impl Integers {
    /// Masses in units of about 2⁻⁵² of their sum, each rounded by half a unit; what the sums then differ by is a unit
    /// or a few for its largest masses. Equal masses of measures of as many points stay
    /// equal. A positive mass is at least one unit.
    pub(crate) fn of(weights: [&[f64]; 2]) -> Self {
        let [a, b] = weights.map(|weights| sum(weights.iter().copied()));
        // Half of the range: roundings may add a unit for each point.
        let rounded = |weights: &[f64], mass: f64| -> Vec<f64> {
            let unit = mass / (0.5 * SUM);
            let units = |weight: &f64| match *weight > 0.0 {
                true => (weight / unit).round().max(1.0),
                false => 0.0,
            };
            weights.iter().map(units).collect()
        };
        let mut integers = [rounded(weights[0], a), rounded(weights[1], b)];
        let [one, other] = &mut integers;
        level(one, other);
        let mut points = [Vec::new(), Vec::new()];
        let mut masses = [Vec::new(), Vec::new()];
        for side in 0..2 {
            for (point, mass) in integers[side].iter().enumerate() {
                if *mass > 0.0 {
                    points[side].push(point);
                    masses[side].push(*mass);
                }
            }
        }
        Self { points, masses }
    }
}

/// Changes the second masses by a unit or a few, the largest ones first, so that their sum is that of the first.
fn level(first: &[f64], second: &mut [f64]) {
    let total = |masses: &[f64]| masses.iter().sum::<f64>();
    let mut missing = total(first) - total(second);
    let mut order: Vec<usize> = (0..second.len()).collect();
    if missing != 0.0 {
        order.sort_by(|&i, &j| second[j].total_cmp(&second[i]));
    }
    while missing != 0.0 {
        // The largest mass is far above its share, so every round makes the difference smaller.
        let share = (missing.abs() / order.len() as f64).ceil();
        for &j in &order {
            if second[j] > share {
                let change = share.min(missing.abs()).copysign(missing);
                second[j] += change;
                missing -= change;
            }
        }
    }
}
