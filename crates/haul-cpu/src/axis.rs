//! Softmins of many lines in one dimension, such as those along an axis of a grid, as products of matrices.
//!
//! With M the largest term of a line, a softmin is the logarithm of a product with a table of the kernel (`table`):
//!
//! ```text
//! Mₗ = maxⱼ hₗⱼ,   vₗⱼ = 2^(hₗⱼ − Mₗ),   Sₗᵢ = Σⱼ 2^(−k Cᵢⱼ) vₗⱼ,   T(h)ₗᵢ = −ε ln 2 (Mₗ + log₂ Sₗᵢ)
//! ```
//!
//! It takes one exponential for each pair of points and for each point of a line, and one multiply-add for each pair and line.
//!
//! The range of a format limits Sₗᵢ from below. In f32 a line is multiplied in f64 where the sum of the first or the last
//! point would be too small, or any sum was. What is too small for f64 as well is computed from exponents, with a maximum. So
//! the way of a line depends on that line alone, as the order of its sums does.

use crate::aligned::Aligned;
use crate::layout::{Layout, NEIGHBOURS, Part, Tiled, parts};
use crate::lines::{Side, layouts, maxima, mean};
use crate::matrix::{self, Multiply, Panels};
use crate::pass::{Pass, ranges};
use crate::real::Float;
use crate::softmin::softmin_of_log2;
use crate::table::{
    Heights, Logarithms, Numbers, Powers, Reach, Table, evaluate, least_factor, scale_log2,
    trusted_log2,
};
use crate::weights::NOTHING;
use crate::wide::FEW_ROWS;
use crate::workers::Workers;
use haul_core::{Precision, Result};
use std::f64::consts::LN_2;
use std::ops::Range;

/// Longer axes are those of few lines, for which a table does not pay.
const MOST_POINTS: usize = 1 << 13;

/// The tables of some rows take about so many bytes.
const TABLE_BYTES: usize = 16 << 20;

/// Whether a pass goes by tables. It must not depend on the number of lines, because the digits of a line do not.
pub(crate) fn serves<T: Float>(pass: &Pass<'_, T>) -> bool {
    let points = pass.rows().len().max(pass.columns().len());
    pass.rows().dimension() == 1 && !pass.has_near() && points <= MOST_POINTS
}

/// T_b(h) of all lines of a pass.
pub(crate) fn softmin<T: Float>(
    workers: &Workers,
    pass: &Pass<'_, T>,
    out: &mut [T],
) -> Result<()> {
    let (rows, columns) = layouts(pass);
    if out.is_empty() {
        return Ok(());
    }
    let ends = Ends::of(pass);
    let width = size_of::<T>() + size_of::<f64>();
    let tiles = (TABLE_BYTES / (width * columns.points)).max(T::TILE) / T::TILE;
    for strip in ranges(0..rows.points, tiles * T::TILE) {
        let softmin = Softmin {
            pass,
            columns,
            ends: &ends,
            tables: Tables::new(workers, pass, &ends, strip.clone())?,
        };
        let effort = strip.len() * pass.effort(rows.lines.count());
        let parts = parts(out, rows, &strip);
        workers.for_each_of(parts, effort, |(lines, mut part)| {
            softmin.run(lines, &mut part)
        })?;
    }
    Ok(())
}

/// k C of the first and the last point in space with all columns.
struct Ends {
    costs: Vec<[f64; 2]>,
    /// Whether any line may leave the range of the format.
    matter: bool,
}

impl Ends {
    fn of<T: Float>(pass: &Pass<'_, T>) -> Self {
        let at = |points: &'_ crate::points::CpuPoints<T>| -> Vec<f64> {
            let all = points.coordinates(points.all_tiles());
            all[..points.len()].iter().map(|x| x.to_f64()).collect()
        };
        let (rows, columns) = (at(pass.rows()), at(pass.columns()));
        let first = rows.iter().copied().fold(f64::INFINITY, f64::min);
        let last = rows.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let cost = |x: f64, y: f64| pass.sharpness() * pass.cost().at((x - y).abs());
        let costs: Vec<_> = columns
            .iter()
            .map(|y| [cost(first, *y), cost(last, *y)])
            .collect();
        let largest = costs
            .iter()
            .flatten()
            .fold(0.0, |most: f64, c| most.max(*c));
        let single = T::PRECISION == Precision::F32;
        Self {
            matter: single && largest > -trusted_log2(T::PRECISION, columns.len()),
            costs,
        }
    }
}

/// The tables of some rows.
struct Tables<T> {
    rows: Range<usize>,
    narrow: Table<T>,
    /// In f64, if lines may leave the range of f32.
    wide: Option<Table<f64>>,
}

impl<T: Float> Tables<T> {
    fn new(workers: &Workers, pass: &Pass<'_, T>, ends: &Ends, rows: Range<usize>) -> Result<Self> {
        let columns = pass.columns().len();
        let mut narrow = Table::zeros(rows.len(), columns);
        let mut wide = ends.matter.then(|| Table::zeros(rows.len(), columns));
        let effort = rows.len() * pass.effort(32);
        let of_wide = wide.iter_mut().flat_map(|wide| wide.parts_mut(T::TILE));
        let of_wide = of_wide.map(Some).chain(std::iter::repeat_with(|| None));
        let tiles = (rows.start / T::TILE..).zip(narrow.parts_mut(T::TILE));
        workers.for_each_of(
            tiles.zip(of_wide).collect(),
            effort,
            |((tile, narrow), wide)| evaluate(pass, tile, narrow, wide),
        )?;
        Ok(Self { rows, narrow, wide })
    }
}

/// A softmin with the tables of some rows.
struct Softmin<'a, T> {
    pass: &'a Pass<'a, T>,
    columns: Layout,
    ends: &'a Ends,
    tables: Tables<T>,
}

/// The sums of some lines that are too small for the format of the product.
struct Doubts {
    rows: usize,
    /// Whether a sum of a line and a row is too small.
    entries: Vec<bool>,
}

impl Doubts {
    fn new(lines: usize, rows: usize) -> Self {
        Self {
            rows,
            entries: vec![false; lines * rows],
        }
    }

    fn of_line(&self, line: usize) -> &[bool] {
        &self.entries[line * self.rows..][..self.rows]
    }

    /// The lines that have any.
    fn lines(&self) -> Vec<usize> {
        let lines = self.entries.chunks_exact(self.rows).enumerate();
        let lines = lines.filter(|(_, entries)| entries.contains(&true));
        lines.map(|(line, _)| line).collect()
    }
}

impl<T: Float> Softmin<'_, T> {
    /// The results of some lines.
    fn run(&self, all: Range<usize>, out: &mut Part<'_, T>) -> Result<()> {
        let Tables { narrow, wide, rows } = &self.tables;
        let mut doubts = Doubts::new(all.len(), rows.len());
        match wide {
            None => {
                let lines: Vec<_> = (0..all.len()).collect();
                self.multiply(narrow, (all.start, &lines), out, &mut doubts)?;
            }
            Some(wide) => {
                let (near, mut far) = self.by_reach(&all)?;
                self.multiply(narrow, (all.start, &near), out, &mut doubts)?;
                far.extend(doubts.lines());
                self.multiply(wide, (all.start, &far), out, &mut doubts)?;
            }
        }
        self.with_maximum(all.start, out, &doubts)
    }

    /// The lines whose first and last sum are large enough for the format, and the others.
    fn by_reach(&self, all: &Range<usize>) -> Result<(Vec<usize>, Vec<usize>)> {
        let columns = self.columns.points;
        let least = trusted_log2(T::PRECISION, columns);
        let mut heights = Aligned::filled(columns * NEIGHBOURS, NOTHING);
        let lines: Vec<_> = (0..all.len()).collect();
        let (mut near, mut far) = (Vec::new(), Vec::new());
        for lines in lines.chunks(NEIGHBOURS) {
            self.heights((all.start, lines), &mut heights)?;
            let mut reach = [0.0; NEIGHBOURS];
            self.pass.run(Reach {
                heights: &heights,
                costs: &self.ends.costs,
                reach: &mut reach,
            })?;
            for (line, reach) in lines.iter().zip(reach) {
                let side = if reach >= least { &mut near } else { &mut far };
                side.push(*line);
            }
        }
        Ok((near, far))
    }

    /// h of some lines, side by side, column after column.
    fn heights(&self, (first, lines): (usize, &[usize]), heights: &mut [f64]) -> Result<()> {
        let columns = self.columns;
        let numbers = |length: usize| {
            if length == columns.points {
                return Numbers::common(lines.len());
            }
            let mut starts = [0; NEIGHBOURS];
            for (start, line) in starts.iter_mut().zip(lines) {
                *start = columns.at(first + line, 0);
            }
            let inner = columns.lines.inner;
            Numbers::of_lines(starts, lines.len(), inner)
        };
        let logs = self.pass.weights().map(|weights| weights.log_weights());
        let potential = self.pass.potential();
        self.pass.run(Heights {
            potential: potential.map(|g| (g, numbers(g.len()))),
            logs: logs.map(|logs| (logs, numbers(logs.len()))),
            sharpness: self.pass.sharpness(),
            heights,
        })
    }

    /// The factors v of some lines, and M + log₂ b̄ of each.
    fn factors<A: Float>(
        &self,
        (first, lines): (usize, &[usize]),
    ) -> Result<(Panels<A>, Vec<f64>)> {
        let columns = self.columns.points;
        let least = least_factor(A::PRECISION);
        let scale = scale_log2(A::PRECISION).exp2();
        let mut panels = Panels::zeros(columns, lines.len());
        let mut offsets = Vec::with_capacity(lines.len());
        let mut heights = Aligned::filled(columns * NEIGHBOURS, NOTHING);
        let in_panels = NEIGHBOURS / matrix::VALUES;
        for (group, lines) in lines.chunks(NEIGHBOURS).enumerate() {
            self.heights((first, lines), &mut heights)?;
            let mut maxima = [0.0; NEIGHBOURS];
            self.pass.run(Powers {
                heights: &mut heights,
                maxima: &mut maxima,
            })?;
            let used = lines.len().div_ceil(matrix::VALUES);
            for (column, powers) in heights.chunks_exact(NEIGHBOURS).enumerate() {
                let powers = powers.chunks_exact(matrix::VALUES).take(used);
                for (panel, powers) in (group * in_panels..).zip(powers) {
                    for (place, power) in panels.at_mut(panel, column).iter_mut().zip(powers) {
                        let power = if *power < least { 0.0 } else { *power };
                        *place = A::from_f64(power * scale);
                    }
                }
            }
            let of_lines = lines.iter().zip(maxima);
            offsets.extend(
                of_lines.map(|(line, maximum)| maximum + mean(self.pass, first + line).log2()),
            );
        }
        Ok((panels, offsets))
    }

    /// The results of some lines by a table, and the sums that are too small.
    fn multiply<A: Float>(
        &self,
        table: &Table<A>,
        (first, lines): (usize, &[usize]),
        out: &mut Part<'_, T>,
        doubts: &mut Doubts,
    ) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let (values, offsets) = self.factors::<A>((first, lines))?;
        let trusted = trusted_log2(A::PRECISION, self.columns.points);
        let trusted = (trusted + scale_log2(A::PRECISION)).exp2();
        let room = lines.len().next_multiple_of(matrix::VALUES) * A::TILE;
        let mut totals = Aligned::filled(room, 0.0);
        for (tile, rows) in table.tiles() {
            totals.fill(0.0);
            for tiles in ranges(0..table.column_tiles(), matrix::Coefficients::<A>::TILES) {
                self.pass.run(Multiply {
                    coefficients: table.of(tile, &tiles),
                    values: &values,
                    tiles,
                    rows,
                    totals: &mut totals,
                })?;
            }
            let rows = tile * A::TILE..tile * A::TILE + rows;
            for (line, sums) in lines.iter().zip(totals.chunks_exact(A::TILE)) {
                let entries = &mut doubts.entries[line * doubts.rows..][rows.clone()];
                for (doubt, sum) in entries.iter_mut().zip(sums) {
                    let large = *sum >= trusted;
                    *doubt = !large;
                }
            }
            self.pass.run(Logarithms {
                sums: &mut totals[..lines.len() * A::TILE],
                scale_log2: scale_log2(A::PRECISION),
                offsets: &offsets,
                factor: -self.pass.epsilon() * LN_2,
            })?;
            out.put(lines, rows, &totals, A::TILE);
        }
        Ok(())
    }

    /// The results that are in doubt, from exponents.
    fn with_maximum(&self, first: usize, out: &mut Part<'_, T>, doubts: &Doubts) -> Result<()> {
        let lines = doubts.lines();
        if lines.is_empty() {
            return Ok(());
        }
        let side = Side {
            pass: self.pass,
            columns: self.columns,
            weighing: self.pass.weights(),
        };
        let all: Vec<_> = (0..lines.len()).collect();
        let (points, beyond) = (self.columns.points, T::from_f64(NOTHING));
        let terms = Tiled::new(points, 0..lines.len(), beyond, |slot, point| {
            side.term(first + lines[slot], point)
        });
        let start = self.tables.rows.start;
        for rows in ranges(0..doubts.rows, FEW_ROWS) {
            let doubted = |line: &&usize| doubts.of_line(**line)[rows.clone()].contains(&true);
            if !lines.iter().any(|line| doubted(&line)) {
                continue;
            }
            let places = start + rows.start..start + rows.end;
            let sums = maxima(self.pass, places, (&terms, &all))?;
            for (row, sums) in rows.zip(sums.chunks_exact(lines.len())) {
                for (line, sum) in lines.iter().zip(sums) {
                    if doubts.of_line(*line)[row] {
                        let log2 = sum.log2() + mean(self.pass, first + line).log2();
                        let value: f64 = softmin_of_log2(self.pass.epsilon(), log2);
                        out.put(&[*line], row..row + 1, &[value], 1);
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distances::Store;
    use crate::points::CpuPoints;
    use crate::vectors::CpuVector;
    use haul_core::engine::{Kernel, Lines, Pairs, Side};
    use haul_core::{Cost, Interrupt};
    use pulp::Arch;
    use std::sync::Arc;

    /// The ways of two lines of f32 on [0, 1], the first with equal potentials, the second with one that falls by 1:
    /// whether they stay in f32, and how many sums are too small for f64.
    fn ways(exponent: f64) -> (Vec<usize>, usize) {
        let points: Vec<f64> = (0..100).map(|i| f64::from(i) / 99.0).collect();
        let points = CpuPoints::<f32>::new(&points, 1, &Arc::new(Store::new(0))).unwrap();
        let kernel = Kernel {
            cost: Cost::SquaredEuclidean,
            epsilon: std::f64::consts::LOG2_E / exponent,
        };
        let potential: Vec<f64> = (0..200)
            .map(|k| f64::from(k % 2) * -f64::from(k / 2) / 99.0)
            .collect();
        let potential = CpuVector::new(&potential);
        let lines = Lines::of_histograms(2);
        let pairs = Pairs::new(kernel, &points, &points).with_lines(lines);
        let side = Side {
            weights: None,
            potential: Some(&potential),
        };
        let interrupt = Interrupt::default();
        let pass = Pass::new((Arch::new(), &interrupt), pairs, side);
        let ends = Ends::of(&pass);
        let tables = Tables::new(&Workers::Caller, &pass, &ends, 0..100).unwrap();
        let (rows, columns) = layouts(&pass);
        let softmin = Softmin {
            pass: &pass,
            columns,
            ends: &ends,
            tables,
        };
        let (near, far) = match softmin.tables.wide {
            Some(_) => softmin.by_reach(&(0..2)).unwrap(),
            None => (vec![0, 1], Vec::new()),
        };
        let mut doubts = Doubts::new(2, 100);
        if let Some(wide) = &softmin.tables.wide {
            let mut out = vec![0.0; 200];
            let (_, mut part) = parts(&mut out, rows, &(0..100)).remove(0);
            softmin
                .multiply(wide, (0, &far), &mut part, &mut doubts)
                .unwrap();
        }
        let doubted = doubts.entries.iter().filter(|doubt| **doubt).count();
        (near, doubted)
    }

    #[test]
    fn a_line_is_multiplied_in_f64_where_f32_ends_and_takes_exponents_where_that_ends() {
        assert_eq!(ways(60.0), (vec![0, 1], 0));
        // The second line falls by 1 within the axis, and a row at its end is that much below its maximum.
        assert_eq!(ways(120.0), (vec![0], 0));
        assert_eq!(ways(600.0), (vec![0], 0));
        let (near, doubted) = ways(2000.0);
        assert_eq!(near, [0]);
        assert!((1..100).contains(&doubted), "{doubted}");
    }
}
