//! The choice of k points that are far apart: k-means++ [Arthur–Vassilvitskii'07].
//!
//! The first centre is a point drawn by weight; each further one is drawn with a probability in proportion to its weight times
//! its squared distance to the nearest centre. Of 2 + ⌊log k⌋ draws that one is taken which leaves the least sum of squares, the
//! greedy form that its authors mention.
//!
//! Points are kept by their nearest centre. A new centre takes no point of a cell that is twice its radius away, by the triangle
//! inequality, so that most of the n k distances are not computed where cells are compact.
//!
//! Squared distances are those of the points themselves, in f64.

use super::numbers::Numbers;
use super::{Cost, Measure};
use crate::{Interrupt, Result};

/// The points of positive weight, each with its nearest centre.
struct Cells<'m> {
    measure: &'m Measure,
    /// The index of each centre, and the points nearest to it.
    centres: Vec<usize>,
    members: Vec<Vec<usize>>,
    /// Of each point, the squared distance to its centre.
    squares: Vec<f64>,
    /// Of each cell, Σ bⱼ |x − yⱼ|², and the largest square.
    sums: Vec<f64>,
    largest: Vec<f64>,
}

/// The indices of at most k points of a measure; fewer if it has fewer different points of positive weight.
///
/// # Errors
///
/// [`Error::Interrupted`](crate::Error::Interrupted), after the centre at which the interrupt was raised.
pub(crate) fn plus_plus(
    measure: &Measure,
    k: usize,
    seed: u64,
    interrupt: &Interrupt,
) -> Result<Vec<usize>> {
    let mut numbers = Numbers::new(seed);
    let draws = 2 + (k.max(1) as f64).ln() as usize;
    let weights = measure.weights();
    let positive = (0..measure.len()).filter(|j| weights[*j] > 0.0);
    let everywhere: Vec<usize> = positive.collect();
    let all = everywhere.iter().map(|j| weights[*j]);
    let Some(first) = at_fraction(all, numbers.unit()) else {
        return Ok(Vec::new());
    };
    let mut cells = Cells::of(measure, everywhere, first);
    while cells.centres.len() < k {
        interrupt.check()?;
        let mut best: Option<(f64, usize)> = None;
        for _ in 0..draws {
            let Some(candidate) = cells.draw(numbers.unit()) else {
                break;
            };
            let gain = cells.gain(candidate);
            if best.is_none_or(|(most, _)| gain > most) {
                best = Some((gain, candidate));
            }
        }
        // No point is left that is not a centre.
        let Some((_, candidate)) = best else { break };
        cells.add(candidate);
    }
    Ok(cells.centres)
}

impl<'m> Cells<'m> {
    /// One cell of these points.
    fn of(measure: &'m Measure, everywhere: Vec<usize>, first: usize) -> Self {
        let mut cells = Self {
            measure,
            centres: vec![everywhere[first]],
            squares: vec![0.0; measure.len()],
            members: vec![everywhere],
            sums: vec![0.0],
            largest: vec![0.0],
        };
        for j in &cells.members[0] {
            cells.squares[*j] = between(measure, *j, cells.centres[0]);
        }
        cells.tally(0);
        cells
    }

    /// Sum and largest square of a cell.
    fn tally(&mut self, cell: usize) {
        let members = || self.members[cell].iter();
        let sum = members()
            .map(|j| self.measure.weights()[*j] * self.squares[*j])
            .sum();
        let largest = members().fold(0.0, |most: f64, j| most.max(self.squares[*j]));
        self.sums[cell] = sum;
        self.largest[cell] = largest;
    }

    /// A point drawn in proportion to its weight times its square; `None` if all are 0.
    fn draw(&self, fraction: f64) -> Option<usize> {
        let cell = at_fraction(self.sums.iter().copied(), fraction)?;
        // What is left of the fraction in that cell.
        let before: f64 = self.sums.iter().take(cell).sum();
        let total: f64 = self.sums.iter().sum();
        let left = (fraction * total - before) / self.sums[cell];
        let members = &self.members[cell];
        let masses = members
            .iter()
            .map(|j| self.measure.weights()[*j] * self.squares[*j]);
        at_fraction(masses, left.clamp(0.0, 1.0)).map(|at| members[at])
    }

    /// The cells that a new centre may take points of. All others are at least twice their radius away.
    fn near(&self, candidate: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.centres.len()).filter(move |cell| {
            between(self.measure, self.centres[*cell], candidate) < 4.0 * self.largest[*cell]
        })
    }

    /// By how much a new centre lowers the sum of squares.
    fn gain(&self, candidate: usize) -> f64 {
        let members = self.near(candidate).flat_map(|cell| &self.members[cell]);
        let gain = |j: &usize| {
            let less = self.squares[*j] - between(self.measure, *j, candidate);
            self.measure.weights()[*j] * less.max(0.0)
        };
        members.map(gain).sum()
    }

    /// Adds a centre.
    fn add(&mut self, candidate: usize) {
        let near: Vec<usize> = self.near(candidate).collect();
        let mut taken = Vec::new();
        for cell in near {
            let (measure, squares) = (self.measure, &mut self.squares);
            self.members[cell].retain(|j| {
                let square = between(measure, *j, candidate);
                let closer = square < squares[*j];
                if closer {
                    squares[*j] = square;
                    taken.push(*j);
                }
                !closer
            });
            self.tally(cell);
        }
        self.centres.push(candidate);
        self.members.push(taken);
        self.sums.push(0.0);
        self.largest.push(0.0);
        self.tally(self.centres.len() - 1);
    }
}

/// The squared distance of two points of a measure.
fn between(measure: &Measure, i: usize, j: usize) -> f64 {
    let d = measure.dimension();
    let points = measure.points();
    Cost::SquaredEuclidean.between(&points[i * d..(i + 1) * d], &points[j * d..(j + 1) * d])
}

/// The index at which the cumulated masses exceed a fraction of their sum; `None` if they are 0.
fn at_fraction(masses: impl Iterator<Item = f64> + Clone, fraction: f64) -> Option<usize> {
    let total: f64 = masses.clone().sum();
    if total <= 0.0 {
        return None;
    }
    let mut left = fraction * total;
    let mut last = None;
    for (index, mass) in masses.enumerate().filter(|(_, mass)| *mass > 0.0) {
        left -= mass;
        last = Some(index);
        if left < 0.0 {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    fn drawn(measure: &Measure, k: usize, seed: u64) -> Vec<usize> {
        plus_plus(measure, k, seed, &Interrupt::default()).unwrap()
    }

    #[test]
    fn an_interrupt_ends_the_draws() {
        let measure = Measure::uniform(&[0.0, 1.0, 2.0], 1).unwrap();
        let interrupt = Interrupt::default();
        interrupt.raise();
        let drawn = plus_plus(&measure, 2, 0, &interrupt);
        assert!(matches!(drawn, Err(Error::Interrupted)));
    }

    #[test]
    fn centres_are_different_points_of_positive_weight() {
        let points: Vec<f64> = (0..40).map(|i| f64::from(i / 2)).collect();
        let weights: Vec<f64> = (0..40).map(|i| if i < 20 { 1.0 } else { 0.0 }).collect();
        let measure = Measure::new(points, 1, weights).unwrap();
        for seed in 0..20 {
            let chosen = drawn(&measure, 15, seed);
            let mut places: Vec<usize> = chosen.iter().map(|i| i / 2).collect();
            places.sort_unstable();
            places.dedup();
            // Ten different places have a weight.
            assert_eq!((chosen.len(), places.len()), (10, 10), "{chosen:?}");
            assert!(chosen.iter().all(|i| *i < 20));
            assert_eq!(chosen, drawn(&measure, 15, seed));
        }
        assert_ne!(drawn(&measure, 3, 1), drawn(&measure, 3, 2));
    }

    #[test]
    fn far_groups_each_get_a_centre() {
        let points: Vec<f64> = (0..400)
            .map(|i| 100.0 * f64::from(i / 100) + 0.01 * f64::from(i % 100))
            .collect();
        let measure = Measure::uniform(&points, 1).unwrap();
        for seed in 0..20 {
            let mut groups: Vec<usize> = drawn(&measure, 4, seed).iter().map(|i| i / 100).collect();
            groups.sort_unstable();
            assert_eq!(groups, [0, 1, 2, 3]);
        }
    }
}
