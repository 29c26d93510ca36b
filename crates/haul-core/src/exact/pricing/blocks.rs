//! The search for arcs of negative reduced cost by bounds over blocks of points.
//!
//! Both clouds lie in a k-d order. Where the [bounds](crate::truncation) over two tiles do not show that all reduced costs
//! Cᵢⱼ − uᵢ − vⱼ are at least `cut`, those of their pairs are computed, in f64 on the host, from the points as they are given.

use super::super::coarse::Cloud;
use super::Priced;
use crate::engine::TILE;
use crate::measure::order;
use crate::problem::Rounding;
use crate::truncation::{Tree, for_near_tiles};
use crate::{Cost, Frame, Precision};

/// Points of each side whose reduced costs with all points of the other show how large those of near pairs are.
const SAMPLE: usize = 64;

/// Arcs of a point that a first search finds.
const FIRST: usize = 16;

/// Arcs of a point that a search for arcs of negative reduced cost finds.
const LATER: usize = 4;

/// Two clouds in their k-d orders.
pub(in crate::exact) struct Blocks {
    cost: Cost,
    /// The relative error of a cost.
    relative: f64,
    /// The unit of costs in the trees, and what rounding of the points may add to a cost there, in that unit.
    unit: f64,
    slack: f64,
    sides: [Side; 2],
}

/// One cloud.
struct Side {
    dimension: usize,
    /// The index of the point at each place.
    order: Vec<usize>,
    tree: Tree,
    /// For each tile its coordinates, axis by axis; a last tile that is not full repeats its last point.
    tiles: Vec<f64>,
}

impl Blocks {
    /// Two clouds in a frame.
    pub(super) fn new(cost: Cost, frame: &Frame, clouds: &[Cloud; 2]) -> Self {
        let rounding = Rounding::of_costs(Precision::F64, cost, frame);
        // A difference, its square, a sum of d of them, and a power.
        let relative = 0.5 * cost.p() * (3.0 + frame.dimension() as f64) + 2.0;
        Self {
            cost,
            relative: relative * f64::EPSILON,
            unit: frame.cost_unit(cost),
            slack: rounding.cost() + rounding.near(),
            sides: clouds.each_ref().map(|cloud| Side::new(frame, cloud)),
        }
    }

    /// The numbers of rows and columns.
    pub(super) fn sizes(&self) -> [usize; 2] {
        self.sides.each_ref().map(|side| side.order.len())
    }

    /// The arcs of least reduced cost, for potentials to start from.
    pub(super) fn nearest(&self, potentials: [&[f64]; 2]) -> Priced {
        let placed = self.placed(potentials);
        let cut = self.near(&placed);
        self.search(&placed, cut, FIRST)
    }

    /// Arcs of negative reduced cost.
    pub(super) fn violated(&self, potentials: [&[f64]; 2]) -> Priced {
        self.search(&self.placed(potentials), 0.0, LATER)
    }

    /// Potentials in the orders.
    fn placed(&self, potentials: [&[f64]; 2]) -> [Vec<f64>; 2] {
        [0, 1].map(|side| {
            let order = self.sides[side].order.iter();
            order.map(|&i| potentials[side][i]).collect()
        })
    }

    /// A reduced cost that [`FIRST`] arcs of most points of a sample are below.
    fn near(&self, [u, v]: &[Vec<f64>; 2]) -> f64 {
        let mut found = Vec::new();
        for (rows, columns, u, v) in [
            (&self.sides[0], &self.sides[1], u, v),
            (&self.sides[1], &self.sides[0], v, u),
        ] {
            let n = rows.order.len();
            let count = SAMPLE.min(n);
            let mut costs = [0.0; TILE];
            for sample in 0..count {
                let i = (sample as u128 * n as u128 / count as u128) as usize;
                let mut reduced = Vec::with_capacity(v.len());
                for (tile, v) in v.chunks(TILE).enumerate() {
                    self.costs(rows.point(i), columns.tile(tile), &mut costs);
                    reduced.extend(costs.iter().zip(v).map(|(cost, v)| cost - v - u[i]));
                }
                let place = FIRST.min(reduced.len()) - 1;
                found.push(*reduced.select_nth_unstable_by(place, f64::total_cmp).1);
            }
        }
        let place = found.len() * 3 / 4;
        let (_, near, _) = found.select_nth_unstable_by(place, f64::total_cmp);
        near.max(0.0)
    }

    /// The costs between a point and those of a tile.
    #[inline]
    fn costs(&self, point: impl Iterator<Item = f64>, tile: &[f64], out: &mut [f64; TILE]) {
        out.fill(0.0);
        for (x, along) in point.zip(tile.chunks_exact(TILE)) {
            for (out, y) in out.iter_mut().zip(along) {
                let away = x - y;
                *out += away * away;
            }
        }
        if self.cost != Cost::SquaredEuclidean {
            for out in out {
                *out = self.cost.at(out.sqrt());
            }
        }
    }

    /// For potentials in the orders: bounds of the least reduced costs, and of each point up to `most` arcs of a reduced cost
    /// below `cut`.
    fn search(&self, [u, v]: &[Vec<f64>; 2], cut: f64, most: usize) -> Priced {
        let [rows, columns] = &self.sides;
        let trees = [&rows.tree, &columns.tree];
        let in_units =
            |values: &[f64]| -> Vec<f64> { values.iter().map(|value| value / self.unit).collect() };
        let in_trees = [in_units(u), in_units(v)];
        let in_trees = in_trees.each_ref().map(Vec::as_slice);
        let mut found = [
            Nearest::new(u.len(), most, cut),
            Nearest::new(v.len(), most, cut),
        ];
        let mut costs = [0.0; TILE];
        let (cost, above) = ((self.cost, self.slack), -cut / self.unit);
        for_near_tiles(trees, in_trees, cost, above, |tile, other| {
            let [first, start] = [tile, other].map(|tile| tile * TILE);
            let v = &v[start..v.len().min(start + TILE)];
            for (i, u) in u.iter().enumerate().skip(first).take(TILE) {
                self.costs(rows.point(i), columns.tile(other), &mut costs);
                let mut least = f64::INFINITY;
                for (cost, v) in costs.iter_mut().zip(v) {
                    *cost = (*cost - v) - u;
                    least = least.min(*cost);
                }
                if least >= cut {
                    continue;
                }
                for (j, &reduced) in costs[..v.len()].iter().enumerate() {
                    if reduced < cut {
                        found[0].offer(i, start + j, reduced);
                        found[1].offer(start + j, i, reduced);
                    }
                }
            }
        });
        let arcs_of_rows = (0..u.len()).flat_map(|i| found[0].of(i).map(move |j| (i, j)));
        let arcs_of_columns = (0..v.len()).flat_map(|j| found[1].of(j).map(move |i| (i, j)));
        let arcs = arcs_of_rows.chain(arcs_of_columns);
        let mut arcs: Vec<_> = arcs
            .map(|(i, j)| (rows.order[i], columns.order[j]))
            .collect();
        arcs.sort_unstable();
        arcs.dedup();
        let height = |values: &[f64]| values.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        let least = [0, 1].map(|side| {
            let (own, other) = ([u, v][side], height([v, u][side]));
            let mut least = vec![0.0; own.len()];
            for (place, &point) in self.sides[side].order.iter().enumerate() {
                let value = found[side].least(place) + own[place];
                // The error of a cost C is at most a multiple of |C − v| + |v|, and three differences are rounded.
                let size = value.abs() + own[place].abs() + other;
                least[point] = value - (self.relative + 2.0 * f64::EPSILON) * size;
            }
            least
        });
        Priced { least, arcs }
    }
}

impl Side {
    fn new(frame: &Frame, cloud: &Cloud) -> Self {
        let d = cloud.dimension;
        let placed = frame.place_points(&cloud.points);
        let order = order(&placed, d);
        let in_order = |points: &[f64]| -> Vec<f64> {
            let point = |&i: &usize| &points[i * d..][..d];
            order.iter().flat_map(point).copied().collect()
        };
        let coordinates = in_order(&cloud.points);
        let mut tiles = Vec::with_capacity(coordinates.len());
        for tile in coordinates.chunks(TILE * d) {
            let last = tile.len() / d - 1;
            for k in 0..d {
                tiles.extend((0..TILE).map(|j| tile[j.min(last) * d + k]));
            }
        }
        let weights: Vec<f64> = order.iter().map(|&i| cloud.weights[i]).collect();
        Self {
            dimension: d,
            tree: Tree::new(in_order(&placed), d, &weights),
            order,
            tiles,
        }
    }

    fn point(&self, place: usize) -> impl Iterator<Item = f64> {
        let tile = self.tile(place / TILE);
        (0..self.dimension).map(move |k| tile[k * TILE + place % TILE])
    }

    fn tile(&self, tile: usize) -> &[f64] {
        let size = TILE * self.dimension;
        &self.tiles[tile * size..][..size]
    }
}

/// The arcs of least reduced cost of each point, in order.
struct Nearest {
    most: usize,
    cut: f64,
    /// Points × `most`.
    reduced: Vec<f64>,
    others: Vec<u32>,
}

impl Nearest {
    fn new(points: usize, most: usize, cut: f64) -> Self {
        Self {
            most,
            cut,
            reduced: vec![f64::INFINITY; points * most],
            others: vec![0; points * most],
        }
    }

    #[inline]
    fn offer(&mut self, point: usize, other: usize, reduced: f64) {
        let first = point * self.most;
        let mut at = first + self.most - 1;
        if reduced >= self.reduced[at] {
            return;
        }
        while at > first && self.reduced[at - 1] > reduced {
            self.reduced[at] = self.reduced[at - 1];
            self.others[at] = self.others[at - 1];
            at -= 1;
        }
        self.reduced[at] = reduced;
        self.others[at] = other as u32;
    }

    /// The least reduced cost of a point, or the one that all others exceed.
    fn least(&self, point: usize) -> f64 {
        self.reduced[point * self.most].min(self.cut)
    }

    /// What the arcs of a point lead to.
    fn of(&self, point: usize) -> impl Iterator<Item = usize> {
        let range = point * self.most..(point + 1) * self.most;
        let arcs = self.reduced[range.clone()].iter().zip(&self.others[range]);
        let arcs = arcs.filter(|(reduced, _)| reduced.is_finite());
        arcs.map(|(_, other)| *other as usize)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Measure;
    use crate::measure::Numbers;

    /// A cloud whose points are thinned and moved along the diagonal by `shift`.
    fn cloud(n: usize, d: usize, shift: f64, numbers: &mut Numbers) -> Cloud {
        let points: Vec<f64> = (0..n * d).map(|_| numbers.unit() + shift).collect();
        let measure = Measure::uniform(&points, d).unwrap();
        Cloud::of(&measure, &(0..n).collect::<Vec<_>>(), 1.0)
    }

    /// Cᵢⱼ − uᵢ − vⱼ of all pairs, by rows.
    fn reduced(cost: Cost, clouds: &[Cloud; 2], [u, v]: [&[f64]; 2]) -> Vec<Vec<f64>> {
        let [x, y] = clouds;
        let row = |i: usize| {
            let pair = |j: usize| cost.between(x.point(i), y.point(j)) - u[i] - v[j];
            (0..v.len()).map(pair).collect()
        };
        (0..u.len()).map(row).collect()
    }

    /// Two clouds, potentials that are c-transforms but for noise, and the search between them.
    fn problem(d: usize, p: f64, noise: f64) -> (Cost, [Cloud; 2], [Vec<f64>; 2], Blocks) {
        let mut numbers = Numbers::new(d as u64 + 10 * (4.0 * p) as u64);
        let clouds = [
            cloud(700, d, 0.0, &mut numbers),
            cloud(450, d, 0.3, &mut numbers),
        ];
        let cost = Cost::power(p).unwrap();
        let v: Vec<f64> = (0..450).map(|_| noise * numbers.unit()).collect();
        let zeros = vec![0.0; 700];
        let rows = reduced(cost, &clouds, [&zeros, &v]).into_iter();
        let least = rows.map(|row| row.into_iter().fold(f64::INFINITY, f64::min));
        let u = least.map(|least| least + noise * numbers.unit()).collect();
        let frame = {
            let [x, y] = clouds
                .each_ref()
                .map(|cloud| Measure::uniform(&cloud.points, d).unwrap());
            Frame::joint(&x, &y).for_moments()
        };
        let blocks = Blocks::new(cost, &frame, &clouds);
        (cost, clouds, [u, v], blocks)
    }

    #[test]
    fn every_violated_point_has_its_worst_arcs_and_no_bound_is_above_the_least_cost() {
        for (d, p) in [(1, 0.5), (2, 2.0), (3, 1.0), (3, 2.0), (4, 1.5), (7, 2.0)] {
            let (cost, clouds, [u, v], blocks) = problem(d, p, 0.02);
            let priced = blocks.violated([&u, &v]);
            let all = reduced(cost, &clouds, [&u, &v]);
            let mut violated = 0;
            for (i, row) in all.iter().enumerate() {
                let least = row.iter().copied().fold(f64::INFINITY, f64::min);
                let bound = priced.least[0][i] - u[i];
                assert!(
                    bound <= least + 1e-15,
                    "d {d} p {p} row {i}: {bound} {least}"
                );
                assert!(bound >= least.min(0.0) - 1e-13, "d {d} p {p} row {i}");
                // Any larger number would be no bound.
                assert!(least > 0.0 || bound + 1e-12 > least);
                let mut negative: Vec<usize> = (0..row.len()).filter(|&j| row[j] < 0.0).collect();
                negative.sort_by(|&j, &k| row[j].total_cmp(&row[k]));
                for &j in negative.iter().take(LATER) {
                    assert!(priced.arcs.contains(&(i, j)), "d {d} p {p}: {i} {j}");
                    violated += 1;
                }
            }
            for j in 0..v.len() {
                let least = all.iter().map(|row| row[j]).fold(f64::INFINITY, f64::min);
                let bound = priced.least[1][j] - v[j];
                assert!(bound <= least && bound >= least.min(0.0) - 1e-13);
            }
            assert!(priced.arcs.iter().all(|&(i, j)| all[i][j] < 1e-15));
            assert!(violated > 100, "{violated}");
        }
    }

    #[test]
    fn most_points_have_their_nearest_arcs_at_the_start() {
        let (cost, clouds, [u, v], blocks) = problem(3, 2.0, 0.0);
        let priced = blocks.nearest([&u, &v]);
        let all = reduced(cost, &clouds, [&u, &v]);
        let mut full = 0;
        for (i, row) in all.iter().enumerate() {
            let mut order: Vec<usize> = (0..row.len()).collect();
            order.sort_by(|&j, &k| row[j].total_cmp(&row[k]));
            let nearest = order.iter().take(FIRST);
            full += usize::from(nearest.into_iter().all(|&j| priced.arcs.contains(&(i, j))));
        }
        assert!(full > all.len() / 2, "{full}");
        assert!(priced.arcs.len() < 2 * FIRST * (u.len() + v.len()));
    }
}
