//! Lists of near pairs, and the mass of the plan on all others.
//!
//! For blocks I of rows and J of columns with boxes of centres c and half-widths h, and D = c_I − c_J, three numbers
//! bound fᵢ + gⱼ − Cᵢⱼ from above; the least one is used:
//!
//! ```text
//! max f + max g − dist(I, J)^p
//! A_I + A_J − C(D) + Σₖ |p_I − n|ₖ h_Iₖ + |p_J + n|ₖ h_Jₖ                      n = ∇C(D), p ≥ 1: C is convex
//! A'_I + A'_J − |D|² + Σₖ max(|uₖ + vₖ| + wₖ, |uₖ − vₖ| − wₖ)                p = 2: bilinear, largest at a corner
//!     u = (p'_I − 2D) h_I,   v = (p'_J + 2D) h_J,   w = 2 h_I h_J
//! ```
//!
//! The first is as loose as the displacement of the plan times the width of a block, the third as its width squared.
//! Blocks are left out where the bound B is at most ε log θ − κε. So row i loses at most the share θ of its mass, as
//! long as potentials have risen by κε at most, and all rows together Δ = Σ a_I b_J e^{B/ε} ≤ θ.

use super::majorants::{Majorants, OfLevel};
use super::tree::{FANOUT, Tree};
use crate::engine::{Kernel, Near, TILE};
use crate::{Cost, Result};
use std::ops::Range;

/// The relative rounding of a bound in f64, a generous multiple of its operations.
const ROUNDING: f64 = 1e-13;

/// The pairs that are left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rule {
    /// θ: pairs are left out where their densities are at most this.
    pub(crate) share: f64,
    /// κ: and still are after the potentials have risen by this many ε in all.
    pub(crate) rise: f64,
    /// The error of a cost on the device.
    pub(crate) slack: f64,
}

/// The near pairs of two clouds at some potentials.
#[derive(Debug)]
pub(crate) struct Lists {
    /// For the rows, and for the columns.
    pub(crate) near: [Near; 2],
    pub(crate) omitted: Omitted,
}

/// What is known of pairs that are left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Omitted {
    /// Δ, a bound of the mass of the plan on these pairs.
    pub(crate) mass: f64,
    /// Cᵢⱼ − gⱼ is at least fᵢ plus this for each of them.
    pub(crate) beyond: f64,
}

impl Omitted {
    /// No pair is left out.
    pub(crate) const NOTHING: Self = Self {
        mass: 0.0,
        beyond: f64::INFINITY,
    };
}

/// A kernel between the blocks of two trees, and the bounds of both potentials.
struct Screen<'t> {
    trees: [&'t Tree; 2],
    bounds: [Majorants; 2],
    kernel: Kernel,
    /// ε log θ − κε.
    cut: f64,
    /// The error of a bound.
    error: f64,
    dropped: f64,
}

impl Lists {
    /// The lists at potentials of both sides, values for the points of the trees. `None` if more than `most` pairs of
    /// tiles are near.
    pub(crate) fn new(
        trees: [&Tree; 2],
        potentials: [&[f64]; 2],
        kernel: Kernel,
        rule: Rule,
        most: usize,
    ) -> Result<Option<Self>> {
        let cut = kernel.epsilon * (rule.share.ln() - rule.rise);
        let mut screen = Screen::new(trees, potentials, kernel, cut, rule.slack);
        // The near tiles.
        let mut kept = Vec::new();
        let few = screen.run(&mut |tiles| {
            kept.push(tiles);
            kept.len() <= most
        });
        if !few {
            return Ok(None);
        }
        let sizes = trees.map(Tree::points);
        fill(&mut kept, sizes.map(|points| points.div_ceil(TILE)));
        let transposed = kept.iter().map(|(i, j)| (*j, *i)).collect();
        let [rows, columns] = sizes;
        Ok(Some(Self {
            near: [near(rows, columns, kept)?, near(columns, rows, transposed)?],
            omitted: Omitted {
                mass: screen.dropped,
                beyond: -cut,
            },
        }))
    }
}

/// Calls a function for each pair of tiles of two clouds in which fᵢ + gⱼ − Cᵢⱼ may be above `cut`; in no others it is, for costs
/// that differ by at most `slack` from those of the trees.
pub(crate) fn for_near_tiles(
    trees: [&Tree; 2],
    potentials: [&[f64]; 2],
    (cost, slack): (Cost, f64),
    cut: f64,
    mut near: impl FnMut(usize, usize),
) {
    let kernel = Kernel { cost, epsilon: 1.0 };
    Screen::new(trees, potentials, kernel, cut, slack).run(&mut |(row, column)| {
        near(row as usize, column as usize);
        true
    });
}

impl<'t> Screen<'t> {
    fn new(
        trees: [&'t Tree; 2],
        potentials: [&[f64]; 2],
        kernel: Kernel,
        cut: f64,
        slack: f64,
    ) -> Self {
        let curved = kernel.cost == Cost::SquaredEuclidean;
        let height = |potential: &[f64]| {
            let finite = potential.iter().filter(|f| f.is_finite());
            finite.fold(0.0, |height: f64, f| height.max(f.abs()))
        };
        let largest = kernel.cost.at(2.0 * (trees[0].dimension as f64).sqrt());
        let size = height(potentials[0]) + height(potentials[1]) + largest;
        let of = |side: usize| Majorants::new(trees[side], potentials[side], curved);
        Self {
            trees,
            bounds: [of(0), of(1)],
            kernel,
            cut,
            error: ROUNDING * size + slack,
            dropped: 0.0,
        }
    }

    /// Gives the near tiles to a function as long as it returns `true`, and returns what it did last.
    fn run(&mut self, near: &mut dyn FnMut((u32, u32)) -> bool) -> bool {
        let [rows, columns] = self.trees.map(|tree| tree.levels.len() - 1);
        let [roots_of_rows, roots_of_columns] =
            [(0, rows), (1, columns)].map(|(side, level)| self.trees[side].levels[level].len());
        let mut open = Vec::new();
        for i in 0..roots_of_rows {
            for j in 0..roots_of_columns {
                open.push([(rows, i), (columns, j)]);
            }
        }
        while let Some(pair) = open.pop() {
            let bound = self.bound(pair);
            if bound <= self.cut {
                let [a, b] = [0, 1].map(|side| {
                    let (level, block) = pair[side];
                    self.trees[side].levels[level].masses[block]
                });
                self.dropped += a * b * (bound / self.kernel.epsilon).exp();
                continue;
            }
            let [(of_rows, i), (of_columns, j)] = pair;
            if of_rows == 0 && of_columns == 0 {
                if !near((i as u32, j as u32)) {
                    return false;
                }
                continue;
            }
            let [rows, columns] = [self.parts(0, (of_rows, i)), self.parts(1, (of_columns, j))];
            for row in rows.1 {
                for column in columns.1.clone() {
                    open.push([(rows.0, row), (columns.0, column)]);
                }
            }
        }
        true
    }

    /// The level and blocks of the parts of a block: itself if it is a tile.
    fn parts(&self, side: usize, (level, block): (usize, usize)) -> (usize, Range<usize>) {
        if level == 0 {
            return (0, block..block + 1);
        }
        let below = self.trees[side].levels[level - 1].len();
        let first = block * FANOUT;
        (level - 1, first..(first + FANOUT).min(below))
    }

    /// The least upper bound of fᵢ + gⱼ − Cᵢⱼ over two blocks that is known.
    fn bound(&self, [(of_rows, i), (of_columns, j)]: [(usize, usize); 2]) -> f64 {
        let d = self.trees[0].dimension;
        let cost = self.kernel.cost;
        let [rows, columns] = [(0, of_rows, i), (1, of_columns, j)].map(|(side, level, block)| {
            Block::of(self.trees[side], &self.bounds[side].0[level], level, block)
        });
        let (mut apart, mut squared) = (0.0, 0.0);
        for k in 0..d {
            let away = rows.centre[k] - columns.centre[k];
            let gap = (away.abs() - rows.half[k] - columns.half[k]).max(0.0);
            apart += gap * gap;
            squared += away * away;
        }
        let at = |square: f64| {
            if cost == Cost::SquaredEuclidean {
                square
            } else {
                cost.at(square.sqrt())
            }
        };
        let mut bound = rows.largest + columns.largest - at(apart);
        let p = cost.p();
        if p >= 1.0 {
            // ∇C(D) = p |D|^{p−2} D; any subgradient at D = 0.
            let slope = if squared > 0.0 {
                p * at(squared) / squared
            } else {
                0.0
            };
            let mut linear = rows.linear.0 + columns.linear.0 - at(squared);
            for k in 0..d {
                let n = slope * (rows.centre[k] - columns.centre[k]);
                linear += (rows.linear.1[k] - n).abs() * rows.half[k];
                linear += (columns.linear.1[k] + n).abs() * columns.half[k];
            }
            bound = bound.min(linear);
        }
        if let (Some(row), Some(column)) = (rows.curved, columns.curved) {
            let mut curved = row.0 + column.0 - squared;
            for k in 0..d {
                let away = 2.0 * (rows.centre[k] - columns.centre[k]);
                let u = (row.1[k] - away) * rows.half[k];
                let v = (column.1[k] + away) * columns.half[k];
                let w = 2.0 * rows.half[k] * columns.half[k];
                curved += ((u + v).abs() + w).max((u - v).abs() - w);
            }
            bound = bound.min(curved);
        }
        bound + self.error
    }
}

/// One block of a tree, with the bounds of a potential over it.
struct Block<'b> {
    centre: &'b [f64],
    half: &'b [f64],
    largest: f64,
    /// Offset and slope.
    linear: (f64, &'b [f64]),
    curved: Option<(f64, &'b [f64])>,
}

impl<'b> Block<'b> {
    fn of(tree: &'b Tree, bounds: &'b OfLevel, level: usize, block: usize) -> Self {
        let d = tree.dimension;
        let level = &tree.levels[level];
        let slope = |slopes: &'b [f64]| &slopes[block * d..][..d];
        Self {
            centre: &level.centres[block * d..][..d],
            half: &level.halves[block * d..][..d],
            largest: bounds.largest[block],
            linear: (bounds.linear.offsets[block], slope(&bounds.linear.slopes)),
            curved: bounds
                .curved
                .offsets
                .get(block)
                .map(|offset| (*offset, slope(&bounds.curved.slopes))),
        }
    }
}

/// Adds all pairs of a tile that has none, so that each row and column has a softmin.
fn fill(kept: &mut Vec<(u32, u32)>, [rows, columns]: [usize; 2]) {
    let mut alone = [vec![true; rows], vec![true; columns]];
    for (i, j) in kept.iter() {
        alone[0][*i as usize] = false;
        alone[1][*j as usize] = false;
    }
    let [alone_rows, alone_columns] = alone;
    for (i, row) in alone_rows.iter().enumerate() {
        for (j, column) in alone_columns.iter().enumerate() {
            if *row || *column {
                kept.push((i as u32, j as u32));
            }
        }
    }
}

/// The list of near tiles of rows and columns.
fn near(rows: usize, columns: usize, mut pairs: Vec<(u32, u32)>) -> Result<Near> {
    pairs.sort_unstable();
    let mut pairs = pairs.into_iter().peekable();
    let lists = (0..rows.div_ceil(TILE) as u32).map(|tile| {
        let mut list: Vec<Range<usize>> = Vec::new();
        while let Some((_, column)) = pairs.next_if(|pair| pair.0 == tile) {
            let start = column as usize * TILE;
            let end = (start + TILE).min(columns);
            match list.last_mut() {
                Some(last) if last.end == start => last.end = end,
                _ => list.push(start..end),
            }
        }
        list
    });
    Near::new(rows, columns, lists)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::order;

    /// Numbers in [−1, 1) without a pattern.
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self) -> f64 {
            self.0 = self
                .0
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        }
    }

    /// A cloud in its order, with weights of sum 1 of which some are 0, and the potential ⟨2s, x⟩ + c less noise up to
    /// `rough`, for equal coordinates s.
    fn side(
        n: usize,
        d: usize,
        (s, c, rough): (f64, f64, f64),
        numbers: &mut Numbers,
    ) -> (Tree, Vec<f64>, Vec<f64>) {
        let points: Vec<f64> = (0..n * d).map(|_| numbers.next()).collect();
        let order = order(&points, d);
        let sorted = order.iter().flat_map(|i| &points[i * d..][..d]).copied();
        let sorted: Vec<f64> = sorted.collect();
        let mut weights: Vec<f64> = (0..n).map(|_| numbers.next().max(-0.5) + 0.5).collect();
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total);
        let mut of_point =
            |x: &[f64]| 2.0 * s * x.iter().sum::<f64>() + c - rough * numbers.next().abs();
        let potential = sorted.chunks_exact(d).map(&mut of_point).collect();
        (Tree::new(sorted.clone(), d, &weights), weights, potential)
    }

    /// fᵢ + gⱼ − Cᵢⱼ, and whether the pair is near.
    fn pairs(
        trees: [&Tree; 2],
        [f, g]: [&[f64]; 2],
        cost: Cost,
        near: &Near,
    ) -> Vec<(usize, usize, f64, bool)> {
        let d = trees[0].dimension;
        let [x, y] = trees.map(|tree| &tree.coordinates);
        let mut pairs = Vec::new();
        for i in 0..f.len() {
            for j in 0..g.len() {
                let cost = cost.between(&x[i * d..][..d], &y[j * d..][..d]);
                let list = near.of_tile(i / TILE);
                let is_near = list.iter().any(|range| range.contains(&j));
                pairs.push((i, j, f[i] + g[j] - cost, is_near));
            }
        }
        pairs
    }

    /// By how much the pairs left out of lists exceed densities of `cut`, in exponents, and the bound of their mass; and the
    /// share of pairs kept.
    fn violations(d: usize, cost: Cost, rough: f64, share: f64, cut: f64, seed: u64) -> [f64; 3] {
        let mut numbers = Numbers(seed);
        // For p = 2 the densities are exp(−|x − y − s|²/ε), and for others those of potentials 0, but for the noise.
        let s = if cost == Cost::SquaredEuclidean {
            0.3
        } else {
            0.0
        };
        let (rows, a, f) = side(700, d, (s, 0.0, rough), &mut numbers);
        let constant = -(d as f64) * s * s;
        let (columns, b, g) = side(520, d, (-s, constant, rough), &mut numbers);
        let (trees, potentials) = ([&rows, &columns], [&f[..], &g[..]]);
        let kernel = Kernel {
            cost,
            epsilon: 0.004,
        };
        let rule = Rule {
            share,
            rise: 1.0,
            slack: 0.0,
        };
        let lists = Lists::new(trees, potentials, kernel, rule, usize::MAX)
            .unwrap()
            .unwrap();
        let pairs = pairs(trees, potentials, cost, &lists.near[0]);
        let left_out = || pairs.iter().filter(|pair| !pair.3);
        let highest = left_out().fold(f64::NEG_INFINITY, |most, pair| most.max(pair.2));
        let mass = |pair: &(usize, usize, f64, bool)| {
            a[pair.0] * b[pair.1] * (pair.2 / kernel.epsilon).exp()
        };
        let dropped: f64 = left_out().map(mass).sum();
        let transposed = &lists.near[1];
        for (i, j, _, is_near) in &pairs {
            let list = transposed.of_tile(j / TILE);
            assert_eq!(*is_near, list.iter().any(|range| range.contains(i)));
        }
        [
            highest - cut * kernel.epsilon,
            dropped - lists.omitted.mass,
            lists.near[0].pairs() as f64 / pairs.len() as f64,
        ]
    }

    #[test]
    fn pairs_left_out_have_small_densities_and_little_mass() {
        let cut = 1e-2f64.ln() - 1.0;
        let (mut least, mut fails) = (f64::INFINITY, 0);
        for (d, p) in [
            (1, 2.0),
            (2, 2.0),
            (3, 2.0),
            (2, 1.0),
            (3, 1.5),
            (2, 0.5),
            (5, 2.0),
        ] {
            for (seed, rough) in [(1, 0.0), (2, 0.01), (3, 0.1)] {
                let cost = Cost::power(p).unwrap();
                let [above, mass, kept] = violations(d, cost, rough, 1e-2, cut, seed);
                assert!(above <= 1e-12, "d {d} p {p} rough {rough}: {above}");
                assert!(mass <= 1e-12, "d {d} p {p} rough {rough}: {mass}");
                least = least.min(kept);
                // Lists of another rule break this one.
                fails += usize::from(violations(d, cost, rough, 1.0, cut, seed)[0] > 0.0);
            }
        }
        assert!(least < 0.3 && fails >= 3, "{least} {fails}");
    }

    #[test]
    fn a_tile_without_near_ones_has_all() {
        let mut numbers = Numbers(5);
        let (rows, _, f) = side(300, 2, (0.0, 0.0, 0.0), &mut numbers);
        let (columns, _, mut g) = side(300, 2, (0.0, 0.0, 0.0), &mut numbers);
        g.iter_mut().for_each(|g| *g -= 100.0);
        let kernel = Kernel {
            cost: Cost::SquaredEuclidean,
            epsilon: 0.02,
        };
        let rule = Rule {
            share: 1e-2,
            rise: 0.0,
            slack: 0.0,
        };
        let lists = Lists::new([&rows, &columns], [&f, &g], kernel, rule, usize::MAX);
        let lists = lists.unwrap().unwrap();
        assert_eq!(lists.near[0].pairs(), 300 * 300);
        assert!(
            Lists::new([&rows, &columns], [&f, &f], kernel, rule, 3)
                .unwrap()
                .is_none()
        );
    }
}
