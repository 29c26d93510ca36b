//! Coarser clouds: groups of neighbours, each a point at its mean, by halving boxes along their widest axis.

use crate::Measure;

/// Points of a group, at most.
const GROUP: usize = 8;

/// A cloud of points of positive weight.
#[derive(Debug, Clone)]
pub(super) struct Cloud {
    /// n×`dimension`.
    pub(super) points: Vec<f64>,
    pub(super) dimension: usize,
    pub(super) weights: Vec<f64>,
    /// The mean squared distance of the points of the next finer cloud from their group's mean; 0 without one.
    pub(super) spread: f64,
}

impl Cloud {
    /// The points of a measure at these indices, with their weights times a number.
    pub(super) fn of(measure: &Measure, indices: &[usize], times: f64) -> Self {
        let d = measure.dimension();
        let point = |&i: &usize| measure.points()[i * d..][..d].iter().copied();
        let weight = |&i: &usize| times * measure.weights()[i];
        Self {
            points: indices.iter().flat_map(point).collect(),
            dimension: d,
            weights: indices.iter().map(weight).collect(),
            spread: 0.0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.weights.len()
    }

    pub(super) fn point(&self, index: usize) -> &[f64] {
        &self.points[index * self.dimension..][..self.dimension]
    }

    /// The means of groups of at most [`GROUP`] points.
    pub(super) fn coarser(&self) -> Self {
        let mut order: Vec<usize> = (0..self.len()).collect();
        let mut coarse = Self {
            points: Vec::new(),
            dimension: self.dimension,
            weights: Vec::new(),
            spread: 0.0,
        };
        self.split(&mut order, &mut coarse);
        coarse.spread /= coarse.weights.iter().sum::<f64>();
        coarse
    }

    fn split(&self, group: &mut [usize], coarse: &mut Self) {
        if group.len() <= GROUP {
            self.merge(group, coarse);
            return;
        }
        let width = |axis: usize| {
            let values = group
                .iter()
                .map(|&i| self.points[i * self.dimension + axis]);
            let bounds = |(low, high): (f64, f64), x: f64| (low.min(x), high.max(x));
            let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), bounds);
            high - low
        };
        let widths = (0..self.dimension).map(|axis| (axis, width(axis)));
        let widest = widths.max_by(|(_, one), (_, other)| one.total_cmp(other));
        let axis = widest.map_or(0, |(axis, _)| axis);
        let middle = group.len() / 2;
        let along = |i: &usize| self.points[i * self.dimension + axis];
        group.select_nth_unstable_by(middle, |i, j| along(i).total_cmp(&along(j)));
        let (low, high) = group.split_at_mut(middle);
        self.split(low, coarse);
        self.split(high, coarse);
    }

    fn merge(&self, group: &[usize], coarse: &mut Self) {
        let mass: f64 = group.iter().map(|&i| self.weights[i]).sum();
        let mean = |axis: usize| {
            let moments = group
                .iter()
                .map(|&i| self.weights[i] / mass * self.point(i)[axis]);
            moments.sum::<f64>()
        };
        let mean: Vec<f64> = (0..self.dimension).map(mean).collect();
        for &i in group {
            let squares = self
                .point(i)
                .iter()
                .zip(&mean)
                .map(|(x, c)| (x - c).powi(2));
            coarse.spread += self.weights[i] * squares.sum::<f64>();
        }
        coarse.points.extend(mean);
        coarse.weights.push(mass);
    }
}
