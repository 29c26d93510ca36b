//! One pass for many lines against the dense reference of each of them.
//!
//! Tolerances are those of `operators`: a line is a sum like any other.

use crate::operators::{Points, Weights, costs, side, unit, written};
use haul::engine::{Factor, Integrand, Kernel, Lines, Pairs, Side};
use haul::{Cost, Device, Engine, Result};
use haul_tests::clouds::{Numbers, weights};
use haul_tests::compare::{accept, close, reject};
use haul_tests::dense;
use haul_tests::engines::Body;
use haul_tests::supported::supported;

pub const BODIES: &[(&str, Body)] = &[
    (
        "softmins_of_lines_are_those_of_each_line",
        softmins_of_lines_are_those_of_each_line,
    ),
    (
        "a_line_of_weight_0_is_left_out_of_the_next_pass",
        a_line_of_weight_0_is_left_out_of_the_next_pass,
    ),
    (
        "products_of_lines_are_those_of_each_line",
        products_of_lines_are_those_of_each_line,
    ),
    (
        "one_kernel_serves_all_lines_without_potentials",
        one_kernel_serves_all_lines_without_potentials,
    ),
    (
        "a_line_is_the_same_among_any_others",
        a_line_is_the_same_among_any_others,
    ),
];

pub const MANY: &[(&str, Body)] = &[("a_thousand_lines", a_thousand_lines)];

const LINES: [Lines; 4] = [
    Lines::ONE,
    Lines { outer: 1, inner: 6 },
    Lines { outer: 6, inner: 1 },
    Lines { outer: 3, inner: 5 },
];

const DIMENSIONS: [usize; 4] = [1, 2, 7, 40];

/// Numbers of rows and columns below and above a tile.
const SHAPES: [(usize, usize); 3] = [(9, 70), (70, 9), (65, 130)];

/// The weights of the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weighting {
    /// Each line its own.
    Own,
    /// All lines the same.
    Shared,
    /// None.
    None,
}

const WEIGHTINGS: [Weighting; 3] = [Weighting::Own, Weighting::Shared, Weighting::None];

/// A problem of many lines.
struct Problem {
    kernel: Kernel,
    lines: Lines,
    weighting: Weighting,
    /// Points, shared weights, and a potential that no line has.
    rows: dense::Side,
    columns: dense::Side,
    /// The columns' weights in each line, where each has its own.
    weights: Vec<Vec<f64>>,
    /// The potentials of the columns.
    potentials: Vec<f64>,
    /// (max C + max|g| + ε).
    size: f64,
}

impl Problem {
    fn new(
        (n, m): (usize, usize),
        d: usize,
        cost: Cost,
        lines: Lines,
        weighting: Weighting,
    ) -> Self {
        let (rows, columns) = (side(n, d, 1, 0.0), side(m, d, 2, 0.0));
        let largest = dense::largest_cost(cost, &rows, &columns);
        let height = 0.1 * largest;
        let potentials = |line: usize| Numbers::new(30 + line as u64).vector(m, -height, height);
        let potentials = dense::lay(lines, m, 1, |line| {
            let potentials = potentials(line).into_iter();
            potentials.map(|g| f64::from(g as f32)).collect()
        });
        let epsilon = 0.05 * largest;
        Self {
            kernel: Kernel { cost, epsilon },
            lines,
            weighting,
            weights: (0..lines.count())
                .map(|line| weights(m, 50 + line as u64))
                .collect(),
            potentials,
            size: largest + height + epsilon,
            rows,
            columns,
        }
    }

    fn context(&self) -> String {
        let Lines { outer, inner } = self.lines;
        format!(
            "{outer} × {} to {} × {inner}, d {}, {:?}, weights: {:?}",
            self.columns.len(),
            self.rows.len(),
            self.rows.dimension,
            self.kernel.cost,
            self.weighting
        )
    }

    /// The columns of one line.
    fn columns_of(&self, line: usize) -> dense::Side {
        let m = self.columns.len();
        let of = |values: &[f64]| dense::line(values, m, 1, self.lines, line);
        dense::Side {
            weights: match self.weighting {
                Weighting::Own => self.weights[line].clone(),
                Weighting::Shared => self.columns.weights.clone(),
                Weighting::None => vec![1.0; m],
            },
            potential: of(&self.potentials),
            ..self.columns.clone()
        }
    }

    /// The dense softmin of every line.
    fn softmins(&self) -> Vec<f64> {
        let Kernel { cost, epsilon } = self.kernel;
        dense::lay(self.lines, self.rows.len(), 1, |line| {
            dense::softmin(cost, epsilon, &self.rows, &self.columns_of(line))
        })
    }

    /// The same for some of the lines side by side.
    fn among(&self, inner: std::ops::Range<usize>) -> Self {
        let Lines { outer, inner: q } = self.lines;
        let lines = Lines {
            outer,
            inner: inner.len(),
        };
        let of = |values: &[f64]| -> Vec<f64> {
            let rows = values.chunks_exact(q);
            rows.flat_map(|row| &row[inner.clone()]).copied().collect()
        };
        let weights = self.weights.chunks_exact(q);
        Self {
            lines,
            weights: weights
                .flat_map(|of_outer| of_outer[inner.clone()].to_vec())
                .collect(),
            potentials: of(&self.potentials),
            rows: self.rows.clone(),
            columns: self.columns.clone(),
            ..*self
        }
    }

    fn weights(&self, device: &Device) -> Option<Weights> {
        match self.weighting {
            Weighting::Own => {
                let of_line = |line: usize| self.weights[line].clone();
                let weights = dense::lay(self.lines, self.columns.len(), 1, of_line);
                Some(device.weights(&weights, self.lines.inner).unwrap())
            }
            Weighting::Shared => Some(device.weights(&self.columns.weights, 1).unwrap()),
            Weighting::None => None,
        }
    }

    /// Rows and columns on a device.
    fn clouds(&self, device: &Device) -> [Points; 2] {
        [&self.rows, &self.columns].map(|side| device.points(&side.points, side.dimension).unwrap())
    }

    fn softmin(&self, device: &Device, guess: Option<&[f64]>) -> Result<Vec<f64>> {
        let [x, y] = self.clouds(device);
        let weights = self.weights(device);
        let potential = device.vector(&self.potentials).unwrap();
        let columns = Side {
            weights: weights.as_ref(),
            potential: Some(&potential),
        };
        let guess = guess.map(|guess| device.vector(guess).unwrap());
        let pairs = Pairs::new(self.kernel, &x, &y).with_lines(self.lines);
        written(device, self.lines.length(self.rows.len()), |out| {
            device.softmin(pairs, columns, guess.as_ref(), None, out)
        })
    }

    /// A product, between potentials where there are some of the rows.
    fn product(
        &self,
        device: &Device,
        rows: Option<&[f64]>,
        factor: Factor,
        values: &[f64],
        width: usize,
    ) -> Result<Vec<f64>> {
        let [x, y] = self.clouds(device);
        let weights = self.weights(device);
        let f = rows.map(|f| device.vector(f).unwrap());
        let g = rows.map(|_| device.vector(&self.potentials).unwrap());
        let columns = Side {
            weights: weights.as_ref(),
            potential: g.as_ref(),
        };
        let values = device.vector(values).unwrap();
        let integrand = Integrand {
            factor,
            values: &values,
            width,
        };
        let pairs = Pairs::new(self.kernel, &x, &y).with_lines(self.lines);
        written(device, self.lines.length(self.rows.len()) * width, |out| {
            device.product(pairs, f.as_ref(), columns, integrand, out)
        })
    }

    /// The dense product of every line and the same sum over absolute values, with the potentials given.
    fn products(
        &self,
        rows: Option<&[f64]>,
        factor: Factor,
        values: &[f64],
        width: usize,
    ) -> [Vec<f64>; 2] {
        let (n, m) = (self.rows.len(), self.columns.len());
        let Kernel { cost, epsilon } = self.kernel;
        let of_line = |line: usize| {
            let (mut x, mut y) = (self.rows.clone(), self.columns_of(line));
            match rows {
                Some(f) => x.potential = dense::line(f, n, 1, self.lines, line),
                None => y.potential = vec![0.0; m],
            }
            let values = dense::line(values, m, width, self.lines, line);
            dense::product(cost, epsilon, &x, &y, factor, &values, width)
        };
        let of_lines: Vec<_> = (0..self.lines.count()).map(of_line).collect();
        [
            dense::lay(self.lines, n, width, |line| of_lines[line].0.clone()),
            dense::lay(self.lines, n, width, |line| of_lines[line].1.clone()),
        ]
    }

    /// The tolerance of a softmin.
    fn tolerance(&self, device: &Device) -> f64 {
        (self.rows.dimension as f64 + 8.0) * unit(device) * self.size
    }

    /// The relative tolerance of a term of a product, between potentials of the rows of this height.
    fn relative(&self, device: &Device, height: f64) -> f64 {
        let size = self.size + height;
        (self.rows.dimension as f64 + 8.0) * unit(device) * size / self.kernel.epsilon
    }
}

fn height(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |height, f| f.abs().max(height))
}

/// All combinations, with shapes in turn.
fn problems() -> Vec<Problem> {
    let mut problems = Vec::new();
    for d in DIMENSIONS {
        for cost in costs() {
            for lines in LINES {
                for weighting in WEIGHTINGS {
                    // Each weighting meets each shape.
                    let index = problems.len() + problems.len() / 3;
                    let shape = SHAPES[index % 3];
                    problems.push(Problem::new(shape, d, cost, lines, weighting));
                }
            }
        }
    }
    problems
}

fn softmins_of_lines_are_those_of_each_line(device: &Device) {
    for problem in problems() {
        let expected = problem.softmins();
        let (tolerance, context) = (problem.tolerance(device), problem.context());
        let epsilon = problem.kernel.epsilon;
        let near: Vec<f64> = expected.iter().map(|f| f + 0.1 * epsilon).collect();
        // A large error in one line of a point.
        let mut far = near.clone();
        far[near.len() / 2] += 1000.0 * epsilon;
        for guess in [None, Some(&near), Some(&far)] {
            let got = problem.softmin(device, guess.map(Vec::as_slice));
            let Some(got) = supported(device, "softmins of lines", got) else {
                return;
            };
            let close = |got: &[f64]| close(got, &expected, |_| tolerance);
            accept(&context, close(&got));
            let off: Vec<f64> = got.iter().map(|f| f + 3.0 * tolerance).collect();
            reject(&context, close(&off));
            let mut shifted = got;
            shifted.rotate_left(1);
            if problem.lines != Lines::ONE {
                reject(&context, close(&shifted));
            }
        }
    }
}

/// The second of two passes over a grid sums the result of the first, and has no weights of its own.
fn a_line_of_weight_0_is_left_out_of_the_next_pass(device: &Device) {
    for cost in costs() {
        let lines = Lines { outer: 1, inner: 6 };
        let mut problem = Problem::new((9, 70), 1, cost, lines, Weighting::Own);
        let empty = [0, 4];
        for line in empty {
            problem.weights[line].fill(0.0);
        }
        let [x, y] = problem.clouds(device);
        let weights = problem.weights(device).unwrap();
        let potential = device.vector(&problem.potentials).unwrap();
        let pairs = Pairs::new(problem.kernel, &x, &y).with_lines(lines);
        let mut first = device.zeros(9 * 6).unwrap();
        let columns = Side::new(&weights, &potential);
        let run = device.softmin(pairs, columns, None, None, &mut first);
        if supported(device, "softmins of lines", run).is_none() {
            return;
        }
        let got = crate::operators::read(device, &first);
        let expected = problem.softmins();
        let tolerance = problem.tolerance(device);
        for (place, (got, expected)) in got.iter().zip(&expected).enumerate() {
            if empty.contains(&(place % 6)) {
                assert!(got.is_finite() && *got > 1e3 * problem.size, "{got}");
            } else {
                accept("a line", close(&[*got], &[*expected], |_| tolerance));
            }
        }

        let mut negative = device.zeros(9 * 6).unwrap();
        device.combine(&[(-1.0, &first)], &mut negative).unwrap();
        let (rows, columns) = (side(5, 1, 3, 0.0), side(6, 1, 4, 0.0));
        let [z, w] = [&rows, &columns].map(|side| device.points(&side.points, 1).unwrap());
        let pairs = Pairs::new(problem.kernel, &z, &w).with_lines(Lines { outer: 9, inner: 1 });
        let columns_of_second: Side<'_, Weights, _> = Side {
            weights: None,
            potential: Some(&negative),
        };
        let second = written(device, 9 * 5, |out| {
            device.softmin(pairs, columns_of_second, None, None, out)
        });
        let second = second.unwrap();
        let Kernel { cost, epsilon } = problem.kernel;
        let without = |left_out: &[usize]| -> Vec<f64> {
            let rows_of_first = expected.chunks_exact(6);
            let of_row = |of_first: &[f64]| {
                let counts = |k: usize| !left_out.contains(&k);
                let columns = dense::Side {
                    weights: (0..6).map(|k| f64::from(u8::from(counts(k)))).collect(),
                    potential: (0..6)
                        .map(|k| if counts(k) { -of_first[k] } else { 0.0 })
                        .collect(),
                    ..columns.clone()
                };
                dense::softmin(cost, epsilon, &rows, &columns)
            };
            rows_of_first.flat_map(of_row).collect()
        };
        let tolerance = 3.0 * tolerance;
        let context = format!("{cost:?}");
        accept(&context, close(&second, &without(&empty), |_| tolerance));
        reject(
            &context,
            close(&second, &without(&[0, 1, 4]), |_| tolerance),
        );
    }
}

fn products_of_lines_are_those_of_each_line(device: &Device) {
    let factors = [Factor::One, Factor::Cost, Factor::One, Factor::Excess];
    for (problem, factor) in problems().into_iter().zip(factors.into_iter().cycle()) {
        // Exponents are those of a plan, as they are meant to be.
        let f = problem.softmins();
        let f: Vec<f64> = f.into_iter().map(|f| f64::from(f as f32)).collect();
        let count = problem.lines.length(problem.columns.len());
        let values = Numbers::new(7).vector(count, -1.0, 1.0);
        let [expected, mut sizes] = problem.products(Some(&f), factor, &values, 1);
        if factor == Factor::Excess {
            // An excess is a difference of two such sums.
            let [_, of_one] = problem.products(Some(&f), Factor::One, &values, 1);
            sizes
                .iter_mut()
                .zip(of_one)
                .for_each(|(size, one)| *size += one);
        }
        let got = problem.product(device, Some(&f), factor, &values, 1);
        let Some(got) = supported(device, "products of lines with potentials", got) else {
            return;
        };
        let relative = problem.relative(device, height(&f));
        let context = format!("{}, {factor:?}", problem.context());
        let close = |got: &[f64]| close(got, &expected, |k| relative * sizes[k]);
        accept(&context, close(&got));
        let off: Vec<f64> = sizes.iter().map(|size| 3.0 * relative * size).collect();
        let off: Vec<f64> = got.iter().zip(&off).map(|(s, off)| s + off).collect();
        reject(&context, close(&off));
        let mut shifted = got;
        shifted.rotate_left(1);
        if problem.lines != Lines::ONE {
            reject(&context, close(&shifted));
        }
    }
}

/// K·V for the matrices V of all lines.
fn one_kernel_serves_all_lines_without_potentials(device: &Device) {
    for (index, problem) in problems().into_iter().enumerate() {
        let width = [1, 3][index / 2 % 2];
        let factor = [Factor::One, Factor::Cost][index % 2];
        let count = problem.lines.length(problem.columns.len()) * width;
        let values = Numbers::new(8).vector(count, -1.0, 1.0);
        let [expected, sizes] = problem.products(None, factor, &values, width);
        let got = problem.product(device, None, factor, &values, width);
        let name = match width {
            1 => "products of lines without potentials",
            _ => "products of several values a column of lines without potentials",
        };
        let Some(got) = supported(device, name, got) else {
            continue;
        };
        let relative = problem.relative(device, 0.0);
        let context = format!("{}, {factor:?}, width {width}", problem.context());
        let close = |got: &[f64]| close(got, &expected, |k| relative * sizes[k]);
        accept(&context, close(&got));
        let off: Vec<f64> = sizes.iter().map(|size| 3.0 * relative * size).collect();
        let off: Vec<f64> = got.iter().zip(&off).map(|(s, off)| s + off).collect();
        reject(&context, close(&off));
    }
}

/// To the last digit on the CPU; a GPU may take another kernel for another number of lines.
fn a_line_is_the_same_among_any_others(device: &Device) {
    let exact = !matches!(device, Device::Gpu(_));
    for (weighting, d) in [
        (Weighting::Own, 1),
        (Weighting::Own, 2),
        (Weighting::Shared, 7),
    ] {
        let lines = Lines { outer: 2, inner: 7 };
        let cost = Cost::SquaredEuclidean;
        let problem = Problem::new((65, 130), d, cost, lines, weighting);
        let f = problem.softmins();
        let values = Numbers::new(9).vector(problem.potentials.len(), -1.0, 1.0);
        let tolerance = 2.0 * problem.tolerance(device);
        let relative = 2.0 * problem.relative(device, height(&f));
        let [_, sizes] = problem.products(Some(&f), Factor::One, &values, 1);
        let [_, sizes_without] = problem.products(None, Factor::One, &values, 1);
        // Each operator with its tolerance.
        type Operator<'a> = &'a dyn Fn(&Problem, &[f64], &[f64]) -> Result<Vec<f64>>;
        let bound = |off: Vec<f64>| if exact { vec![0.0; off.len()] } else { off };
        let scaled = |sizes: &[f64]| bound(sizes.iter().map(|size| relative * size).collect());
        let operators: [(&str, Operator, Vec<f64>); 4] = [
            (
                "softmins of lines",
                &|problem, _, _| problem.softmin(device, None),
                bound(vec![tolerance; f.len()]),
            ),
            (
                "softmins of lines",
                &|problem, f, _| problem.softmin(device, Some(f)),
                bound(vec![tolerance; f.len()]),
            ),
            (
                "products of lines with potentials",
                &|problem, f, values| problem.product(device, Some(f), Factor::One, values, 1),
                scaled(&sizes),
            ),
            (
                "products of lines without potentials",
                &|problem, _, values| problem.product(device, None, Factor::One, values, 1),
                scaled(&sizes_without),
            ),
        ];
        for (index, (name, operator, allowed)) in operators.into_iter().enumerate() {
            let all = operator(&problem, &f, &values);
            let Some(all) = supported(device, name, all) else {
                return;
            };
            for step in [2, 1, 4] {
                for first in (0..lines.inner).step_by(step) {
                    let range = first..lines.inner.min(first + step);
                    let of = |values: &[f64]| -> Vec<f64> {
                        let rows = values.chunks_exact(lines.inner);
                        rows.flat_map(|row| &row[range.clone()]).copied().collect()
                    };
                    let some = problem.among(range.clone());
                    let got = operator(&some, &of(&f), &of(&values)).unwrap();
                    let allowed = of(&allowed);
                    let context = format!("{name} ({index}), {weighting:?}, lines {range:?}");
                    accept(&context, close(&got, &of(&all), |k| allowed[k]));
                    let next = (range.end < lines.inner).then(|| {
                        let mut next = all.clone();
                        next.rotate_left(1);
                        of(&next)
                    });
                    if let Some(next) = next {
                        reject(&context, close(&got, &next, |k| allowed[k]));
                    }
                }
            }
        }
    }
}

fn a_thousand_lines(device: &Device) {
    let lines = Lines::of_histograms(1000);
    for (weighting, d) in [(Weighting::Own, 2), (Weighting::Shared, 40)] {
        let problem = Problem::new((5, 9), d, Cost::SquaredEuclidean, lines, weighting);
        let context = problem.context();
        let expected = problem.softmins();
        let got = problem.softmin(device, None);
        if let Some(got) = supported(device, "softmins of lines", got) {
            let tolerance = problem.tolerance(device);
            accept(&context, close(&got, &expected, |_| tolerance));
            let off: Vec<f64> = got.iter().map(|f| f + 3.0 * tolerance).collect();
            reject(&context, close(&off, &expected, |_| tolerance));
        }
        let values = Numbers::new(10).vector(9 * 1000, -1.0, 1.0);
        for (rows, name) in [
            (Some(&expected), "products of lines with potentials"),
            (None, "products of lines without potentials"),
        ] {
            let rows = rows.map(Vec::as_slice);
            let got = problem.product(device, rows, Factor::One, &values, 1);
            let Some(got) = supported(device, name, got) else {
                continue;
            };
            let [expected, sizes] = problem.products(rows, Factor::One, &values, 1);
            let relative = problem.relative(device, rows.map_or(0.0, height));
            let close = |got: &[f64]| close(got, &expected, |k| relative * sizes[k]);
            accept(&context, close(&got));
            let mut shifted = got;
            shifted.rotate_left(1);
            reject(&context, close(&shifted));
        }
    }
}
