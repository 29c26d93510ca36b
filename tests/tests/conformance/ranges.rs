//! Softmins of many lines in one dimension, at exponents that fit the range of a float and at exponents that do not.
//!
//! An engine may multiply such lines with a table of the kernel, in one format or another, or take exponents with a maximum,
//! line by line. The result is the same within the roundings that haul counts: for each way those of a sum and its terms,
//! u (8 + row_roundings), and those of the exponents (f + g − C)/ε, at most 2u (max|f| + max|g| + max C)/ε.

use crate::operators::{side, unit, written};
use haul::engine::{Kernel, Lines, Pairs, Side};
use haul::{Cost, Device, Engine, Result};
use haul_tests::clouds::Numbers;
use haul_tests::compare::{accept, close, reject};
use haul_tests::dense;
use haul_tests::engines::Body;
use haul_tests::supported::supported;

pub const BODIES: &[(&str, Body)] = &[
    (
        "lines_of_any_range_are_those_of_each_line",
        lines_of_any_range_are_those_of_each_line,
    ),
    (
        "many_lines_equal_one_within_the_counted_roundings",
        many_lines_equal_one,
    ),
    (
        "the_way_of_a_line_depends_on_that_line_alone",
        the_way_of_a_line_depends_on_that_line_alone,
    ),
];

const ROWS: usize = 65;
const COLUMNS: usize = 130;

/// ε relative to the largest cost: exponents up to 3, 72, 290, 2900 and 1e5 in base 2.
const SHARES: [f64; 5] = [0.5, 0.02, 5e-3, 5e-4, 1e-5];

/// Lines whose sums are in any range: see [`Problem::new`].
const KINDS: usize = 6;

struct Problem {
    kernel: Kernel,
    rows: dense::Side,
    /// The columns of each line.
    lines: Vec<dense::Side>,
    /// The largest cost and potential.
    size: f64,
}

impl Problem {
    fn new(cost: Cost, share: f64) -> Self {
        let (rows, columns) = (side(ROWS, 1, 1, 0.0), side(COLUMNS, 1, 2, 0.0));
        let largest = dense::largest_cost(cost, &rows, &columns);
        let line = |kind: usize| {
            let mut line = columns.clone();
            let height = 0.1 * largest;
            let mut numbers = Numbers::new(40 + kind as u64);
            let points = line.points.clone();
            let places = points.iter().zip(&mut line.weights).enumerate();
            for (j, (x, weight)) in places {
                match kind {
                    // Weight in a few points, at both ends, at one end, or in a single point.
                    1 if j % 40 != 1 => *weight = 0.0,
                    2 if x.abs() < 0.9 => *weight = 0.0,
                    3 if *x < 0.95 => *weight = 0.0,
                    4 if j != 17 => *weight = 0.0,
                    _ => {}
                }
            }
            if line.weights.iter().all(|weight| *weight == 0.0) {
                line.weights[0] = 1.0;
            }
            line.weights[17] = line.weights[17].max(1e-3);
            let slope = if kind == 5 { largest } else { 0.0 };
            let potential = points.iter().map(|x| {
                let g = slope * x + numbers.within(-height, height);
                f64::from(g as f32)
            });
            line.potential = potential.collect();
            line
        };
        let lines: Vec<_> = (0..KINDS).map(line).collect();
        let tallest = lines.iter().map(dense::Side::height).fold(0.0, f64::max);
        Self {
            kernel: Kernel {
                cost,
                epsilon: share * largest,
            },
            size: largest + tallest,
            rows,
            lines,
        }
    }

    fn context(&self) -> String {
        format!("{:?}", self.kernel)
    }

    /// The dense softmin of each line.
    fn expected(&self) -> Vec<Vec<f64>> {
        let Kernel { cost, epsilon } = self.kernel;
        let lines = self.lines.iter();
        lines
            .map(|line| dense::softmin(cost, epsilon, &self.rows, line))
            .collect()
    }

    /// The softmins of some lines in one pass, laid out as `lines`.
    fn softmins(&self, device: &Device, which: &[usize], lines: Lines) -> Result<Vec<Vec<f64>>> {
        assert_eq!(lines.count(), which.len());
        let x = device.points(&self.rows.points, 1)?;
        let y = device.points(&self.lines[0].points, 1)?;
        let of = |values: &dyn Fn(&dense::Side) -> Vec<f64>| {
            dense::lay(lines, COLUMNS, 1, |k| values(&self.lines[which[k]]))
        };
        let weights = of(&|line| line.weights.clone());
        let weights = device.weights(&weights, lines.inner)?;
        let potential = device.vector(&of(&|line| line.potential.clone()))?;
        let columns = Side::new(&weights, &potential);
        let pairs = Pairs::new(self.kernel, &x, &y).with_lines(lines);
        let out = written(device, lines.length(ROWS), |out| {
            device.softmin(pairs, columns, None, None, out)
        })?;
        let of_line = |k| dense::line(&out, ROWS, 1, lines, k);
        Ok((0..which.len()).map(of_line).collect())
    }

    /// The counted roundings of a result.
    fn counted(&self, device: &Device, height: f64) -> f64 {
        let sum = 8.0 + device.row_roundings(COLUMNS, 1) as f64;
        let exponents = 2.0 * (self.size + height);
        unit(device) * (self.kernel.epsilon * sum + exponents)
    }
}

fn problems() -> Vec<Problem> {
    let costs = [0.5, 1.0, 2.0].map(|p| Cost::power(p).unwrap());
    let all = costs
        .into_iter()
        .flat_map(|cost| SHARES.map(|share| (cost, share)));
    all.map(|(cost, share)| Problem::new(cost, share)).collect()
}

fn height(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |height, f| f.abs().max(height))
}

const ALL: [usize; KINDS] = [0, 1, 2, 3, 4, 5];

fn lines_of_any_range_are_those_of_each_line(device: &Device) {
    for problem in problems() {
        let got = problem.softmins(device, &ALL, Lines { outer: 2, inner: 3 });
        let Some(got) = supported(device, "softmins of lines", got) else {
            return;
        };
        for (kind, (got, expected)) in got.iter().zip(problem.expected()).enumerate() {
            let context = format!("{}, line {kind}", problem.context());
            // The cost itself is rounded as well: a difference, a square and a power.
            let tolerance =
                problem.counted(device, height(&expected)) + 8.0 * unit(device) * problem.size;
            accept(&context, close(got, &expected, |_| tolerance));
            let off: Vec<f64> = got.iter().map(|f| f + 3.0 * tolerance).collect();
            reject(&context, close(&off, &expected, |_| tolerance));
        }
    }
}

/// One line takes the kernel of exponents on the CPU, many lines take tables.
fn many_lines_equal_one(device: &Device) {
    for problem in problems() {
        let many = problem.softmins(device, &ALL, Lines { outer: 3, inner: 2 });
        let Some(many) = supported(device, "softmins of lines", many) else {
            return;
        };
        for kind in ALL {
            let one = problem.softmins(device, &[kind], Lines::ONE).unwrap();
            let (one, many) = (&one[0], &many[kind]);
            let tolerance = 2.0 * problem.counted(device, height(one));
            let context = format!("{}, line {kind}", problem.context());
            accept(&context, close(many, one, |_| tolerance));
            let other = &problem
                .softmins(device, &[(kind + 1) % KINDS], Lines::ONE)
                .unwrap()[0];
            reject(&context, close(many, other, |_| tolerance));
        }
    }
}

/// To the last digit on the CPU. Weights are part of the potentials here, because those of several lines may share a mean.
fn the_way_of_a_line_depends_on_that_line_alone(device: &Device) {
    if matches!(device, Device::Gpu(_)) {
        return;
    }
    for mut problem in problems() {
        let (epsilon, nothing) = (problem.kernel.epsilon, -1e6 * problem.size);
        for line in &mut problem.lines {
            for (weight, g) in line.weights.iter_mut().zip(&mut line.potential) {
                *g = if *weight > 0.0 {
                    *g + epsilon * weight.ln()
                } else {
                    nothing
                };
                *weight = 1.0;
            }
        }
        let all = problem.softmins(device, &ALL, Lines { outer: 6, inner: 1 });
        let all = all.unwrap();
        // Many copies are cut into several parts.
        let copies: Vec<_> = ALL.into_iter().cycle().take(150).collect();
        let others: [(&[usize], [usize; 2]); 4] = [
            (&[3, 0], [1, 2]),
            (&[5, 4, 1, 2], [2, 2]),
            (&copies, [1, 150]),
            (&copies, [50, 3]),
        ];
        for (which, [outer, inner]) in others {
            let lines = Lines { outer, inner };
            let got = problem.softmins(device, which, lines).unwrap();
            for (kind, got) in which.iter().zip(&got) {
                let context = format!("{}, line {kind} of {lines:?}", problem.context());
                accept(&context, close(got, &all[*kind], |_| 0.0));
                reject(&context, close(got, &all[(kind + 1) % KINDS], |_| 0.0));
            }
        }
    }
}
