//! Softmins and products over many lines: the cost of a pair is evaluated once for a block of them.
//!
//! If each line has potentials of its own, the costs of some rows are stored and every line computes its own exponentials from
//! them (`spans`); in one dimension softmins are products with a table of the kernel instead (`axis`). If all share them, one
//! exponential serves all, and the product is one of matrices (`matrix`), for any layout of the lines in memory.

use crate::block::ROWS;
use crate::layout::{Layout, Tiled};
use crate::maximum::LogSum;
use crate::pass::{Pass, ranges};
use crate::product::{Against, Product};
use crate::real::Float;
use crate::softmin::{TRUSTED, softmin_of_log2};
use crate::spans::{self, Contribution, Maxima, Plain, Power, Span, Weighted};
use crate::vectors::CpuVector;
use crate::weights::{CpuWeights, NOTHING, term_of};
use crate::wide::{Coefficients, Costs, Evaluate, FEW_ROWS};
use crate::workers::Workers;
use haul_core::Result;
use haul_core::engine::Factor;
use std::borrow::Cow;
use std::f64::consts::LN_2;
use std::ops::Range;

/// Lines for which the cost of a pair is evaluated once.
const LINES_AT_ONCE: usize = 512;

/// Values for which the exponential of a pair is evaluated once.
const VALUES_AT_ONCE: usize = 512;

/// Terms of some lines of a pass in the exponents.
pub(crate) struct Side<'a, T> {
    pub(crate) pass: &'a Pass<'a, T>,
    pub(crate) columns: Layout,
    pub(crate) weighing: Option<&'a CpuWeights>,
}

impl<T: Float> Side<'_, T> {
    /// h of some lines, with the weights if `weighing` has them.
    fn terms(&self, lines: Range<usize>) -> Tiled<T> {
        let beyond = T::from_f64(NOTHING);
        Tiled::new(self.columns.points, lines, beyond, |line, point| {
            self.term(line, point)
        })
    }

    /// h of a point in a line.
    #[inline(always)]
    pub(crate) fn term(&self, line: usize, point: usize) -> T {
        let Self { columns, .. } = *self;
        let log_weight = self.weighing.map_or(0.0, |weights| {
            weights.log_weights()[entry(weights, columns, line, point)]
        });
        let g = self.pass.potential_at(columns, line, point);
        term_of(log_weight, self.pass.sharpness() * g.to_f64())
    }
}

/// T_b(h) of all lines of a pass. A guess should be near it; results of a poor guess are computed again.
pub(crate) fn softmin<T: Float>(
    workers: &Workers,
    pass: &Pass<'_, T>,
    guess: Option<&[T]>,
    out: &mut [T],
) -> Result<()> {
    let (rows, columns) = layouts(pass);
    let side = Side {
        pass,
        columns,
        weighing: pass.weights(),
    };
    for lines in ranges(0..rows.lines.count(), LINES_AT_ONCE) {
        let softmin = Softmin {
            pass,
            terms: side.terms(lines.clone()),
            guess: guess.map(|guess| rows.rows(guess, lines.clone())),
            log_means: lines.clone().map(|line| mean(pass, line).log2()).collect(),
        };
        by_rows(workers, pass, (rows, lines), out, |first, out| {
            softmin.run(first, out)
        })?;
    }
    Ok(())
}

/// Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) φ(Cᵢⱼ) Vⱼ of all lines of a pass, with potentials of their own.
pub(crate) fn product<T: Float>(
    workers: &Workers,
    pass: &Pass<'_, T>,
    potential: Option<&CpuVector<T>>,
    (factor, values): (Factor, &[T]),
    out: &mut [T],
) -> Result<()> {
    let (rows, columns) = layouts(pass);
    // The excess of the density over 1 is computed without weights in the exponent, which would cost digits.
    let (weighing, weights) = match factor {
        Factor::Excess => (None, pass.weights()),
        Factor::One | Factor::Cost => (pass.weights(), None),
    };
    let side = Side {
        pass,
        columns,
        weighing,
    };
    for lines in ranges(0..rows.lines.count(), LINES_AT_ONCE) {
        let terms = side.terms(lines.clone());
        let tiled = Tiled::new(columns.points, lines.clone(), T::ZERO, |line, point| {
            let value = values[columns.at(line, point)];
            let relative =
                weights.map(|weights| weights.relative(entry(weights, columns, line, point)));
            relative.map_or(value, |w| T::from_f64(w * value.to_f64()))
        });
        let potential = match potential {
            Some(f) if f.values.len() == rows.points => {
                let all = f.values.iter();
                all.flat_map(|f| std::iter::repeat_n(*f, lines.len()))
                    .collect()
            }
            Some(f) => rows.rows(&f.values, lines.clone()),
            None => vec![T::ZERO; rows.points * lines.len()],
        };
        let contribution = Weighted {
            factor,
            values: &tiled,
        };
        let all: Vec<_> = (0..lines.len()).collect();
        by_rows(workers, pass, (rows, lines.clone()), out, |first, out| {
            let width = lines.len();
            let here = first..first + out.len() / width;
            let f = &potential[here.start * width..here.end * width];
            let totals = plain(pass, here, (&terms, &all), f, contribution)?;
            for (out, totals) in out.chunks_exact_mut(width).zip(totals.chunks_exact(width)) {
                for ((out, total), line) in out.iter_mut().zip(totals).zip(lines.clone()) {
                    *out = T::from_f64(total * mean(pass, line));
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// The same if all lines have the potentials of `pass`: a product of matrices, with `width` values a column for each line.
pub(crate) fn product_of_matrices<'a, T: Float>(
    workers: &Workers,
    pass: impl Fn() -> Result<Pass<'a, T>>,
    potential: Option<&CpuVector<T>>,
    (factor, values, width): (Factor, &[T], usize),
    out: &mut [T],
) -> Result<()> {
    let whole = pass()?;
    let (mut rows, mut columns) = layouts(&whole);
    let own = columns;
    // Each value becomes a line of its own.
    rows.lines.inner *= width;
    columns.lines.inner *= width;
    let shared = whole.common_weights().is_some();
    let weights = whole.weights().filter(|_| !shared);
    for lines in ranges(0..rows.lines.count(), VALUES_AT_ONCE) {
        let mut part = match (columns.is_by_rows(&lines), weights) {
            (true, None) => Cow::Borrowed(values),
            _ => Cow::Owned(columns.rows(values, lines.clone())),
        };
        if let Some(weights) = weights {
            let part = part.to_mut();
            for (point, row) in part.chunks_exact_mut(lines.len()).enumerate() {
                for (value, line) in row.iter_mut().zip(lines.clone()) {
                    let relative = weights.relative(own.at(line / width, point));
                    *value = T::from_f64(relative * value.to_f64());
                }
            }
        }
        let against = Against::Values {
            factor,
            values: &part,
            width: lines.len(),
        };
        let product = Product::new(pass()?, potential, against).with_many_values();
        let all = rows.is_by_rows(&lines);
        let mut apart = vec![T::ZERO; if all { 0 } else { rows.points * lines.len() }];
        let sums = if all { &mut *out } else { &mut apart };
        product.run(workers, sums)?;
        if weights.is_some() {
            for row in sums.chunks_exact_mut(lines.len()) {
                for (sum, line) in row.iter_mut().zip(lines.clone()) {
                    *sum = T::from_f64(whole.mean_weight_of(line / width) * sum.to_f64());
                }
            }
        }
        if !all {
            rows.put(&apart, lines, out);
        }
    }
    Ok(())
}

/// Index of the weight of a point of a line: in its own weights, or in those shared by all lines.
pub(crate) fn entry(weights: &CpuWeights, columns: Layout, line: usize, point: usize) -> usize {
    if weights.len() == columns.points {
        point
    } else {
        columns.at(line, point)
    }
}

/// The layouts of the vectors of the rows and of the columns.
pub(crate) fn layouts<T: Float>(pass: &Pass<'_, T>) -> (Layout, Layout) {
    let layout = |points| Layout {
        lines: pass.lines(),
        points,
    };
    (layout(pass.rows().len()), layout(pass.columns().len()))
}

/// b̄ of a line.
pub(crate) fn mean<T: Float>(pass: &Pass<'_, T>, line: usize) -> f64 {
    pass.mean_weight_of(line)
}

/// Calls `work(first row, their part of out)` for blocks of rows, where `out` has adjacent lines in a row.
fn by_rows<T: Float>(
    workers: &Workers,
    pass: &Pass<'_, T>,
    (layout, lines): (Layout, Range<usize>),
    out: &mut [T],
    work: impl Fn(usize, &mut [T]) -> Result<()> + Sync + Send,
) -> Result<()> {
    let width = lines.len();
    let shape = (pass.effort(16 * width), FEW_ROWS);
    let wanted = (pass.wanted(), width);
    if layout.is_by_rows(&lines) {
        return workers.for_each_block(out, wanted, shape, work);
    }
    let mut rows = vec![T::ZERO; layout.points * width];
    workers.for_each_block(&mut rows, wanted, shape, work)?;
    layout.put(&rows, lines, out);
    Ok(())
}

/// Visits the costs of some rows, span after span of the columns that count.
fn for_each_span<T: Float>(
    pass: &Pass<'_, T>,
    rows: Range<usize>,
    mut work: impl FnMut(&Coefficients<T>, &Range<usize>) -> Result<()>,
) -> Result<()> {
    let mut costs = Coefficients::new(rows.len(), spans::TILES);
    let zeros = vec![T::ZERO; rows.len().next_multiple_of(ROWS)];
    let spans = pass.spans(&rows).into_iter();
    for tiles in spans.flat_map(|span| ranges(span, spans::TILES)) {
        for (part, block) in pass.blocks(rows.clone(), tiles.clone(), 0) {
            pass.dispatch(block, |block| Evaluate {
                block,
                potential: &zeros,
                tile: part.start - tiles.start,
                weighing: Costs,
                coefficients: &mut costs,
            })?;
        }
        work(&costs, &tiles)?;
    }
    Ok(())
}

/// The plain sums of some rows, one for each of some lines.
fn plain<T: Float>(
    pass: &Pass<'_, T>,
    rows: Range<usize>,
    (terms, lines): (&Tiled<T>, &[usize]),
    potential: &[T],
    contribution: impl Contribution<T>,
) -> Result<Vec<f64>> {
    let mut totals = vec![0.0; rows.len() * lines.len()];
    for_each_span(pass, rows, |costs, tiles| {
        pass.run(Plain {
            span: span(pass, (costs, tiles), (terms, lines)),
            potential,
            contribution,
            totals: &mut totals,
        })
    })?;
    Ok(totals)
}

/// The sums of some rows with a maximum, one for each of some lines.
pub(crate) fn maxima<T: Float>(
    pass: &Pass<'_, T>,
    rows: Range<usize>,
    (terms, lines): (&Tiled<T>, &[usize]),
) -> Result<Vec<LogSum>> {
    let mut totals = vec![LogSum::EMPTY; rows.len() * lines.len()];
    for_each_span(pass, rows, |costs, tiles| {
        pass.run(Maxima {
            span: span(pass, (costs, tiles), (terms, lines)),
            totals: &mut totals,
        })
    })?;
    Ok(totals)
}

fn span<'a, T: Float>(
    pass: &Pass<'_, T>,
    (costs, tiles): (&'a Coefficients<T>, &'a Range<usize>),
    (terms, lines): (&'a Tiled<T>, &'a [usize]),
) -> Span<'a, T> {
    Span {
        costs,
        tiles,
        terms,
        lines,
        sharpness: T::from_f64(pass.sharpness()),
    }
}

/// Some lines of a softmin.
struct Softmin<'a, T> {
    pass: &'a Pass<'a, T>,
    terms: Tiled<T>,
    /// Row by row.
    guess: Option<Vec<T>>,
    /// log₂ b̄ of each line.
    log_means: Vec<f64>,
}

impl<T: Float> Softmin<'_, T> {
    /// The results of some rows.
    fn run(&self, first: usize, out: &mut [T]) -> Result<()> {
        let width = self.log_means.len();
        let rows = first..first + out.len() / width;
        let all: Vec<_> = (0..width).collect();
        let Some(guess) = &self.guess else {
            return self.with_maximum(rows, &all, out, |_| true);
        };
        let guess = &guess[rows.start * width..rows.end * width];
        let sums = plain(self.pass, rows.clone(), (&self.terms, &all), guess, Power)?;
        let columns = self.pass.columns().len() as f64;
        let trusted = columns * TRUSTED.start..TRUSTED.end;
        let mut doubtful = vec![false; width];
        for (entry, sum) in sums.iter().enumerate() {
            let line = entry % width;
            let log = LN_2 * (sum.log2() + self.log_means[line]);
            out[entry] = T::from_f64(guess[entry].to_f64() - self.pass.epsilon() * log);
            doubtful[line] |= !trusted.contains(sum);
        }
        let again: Vec<_> = all.into_iter().filter(|line| doubtful[*line]).collect();
        self.with_maximum(rows, &again, out, |entry| !trusted.contains(&sums[entry]))
    }

    /// The same for some lines, with a maximum, only for the `wanted` entries.
    fn with_maximum(
        &self,
        rows: Range<usize>,
        lines: &[usize],
        out: &mut [T],
        wanted: impl Fn(usize) -> bool,
    ) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let sums = maxima(self.pass, rows, (&self.terms, lines))?;
        for (row, sums) in sums.chunks_exact(lines.len()).enumerate() {
            for (line, sum) in lines.iter().zip(sums) {
                let entry = row * self.log_means.len() + line;
                if wanted(entry) {
                    let log2 = sum.log2() + self.log_means[*line];
                    out[entry] = softmin_of_log2(self.pass.epsilon(), log2);
                }
            }
        }
        Ok(())
    }
}
