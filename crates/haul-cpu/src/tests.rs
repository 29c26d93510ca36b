//! What results must not depend on: the number of threads, the other lines of a pass, how a list is cut.

use crate::{CpuEngine, CpuPoints, CpuVector, CpuWeights, InstructionSet, Real};
use haul_core::engine::{
    BLOCK, Factor, Groups, Integrand, Kernel, Lines, Near, Nearest, Pairs, Side,
};
use haul_core::{Cost, Engine, Error, Result};
use std::ops::Range;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

const ROWS: usize = 333;
const COLUMNS: usize = 777;
const DIMENSION: usize = 3;

/// What a future of this engine has at once.
fn now<R>(future: impl Future<Output = R>) -> R {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("this engine waits for nothing"),
    }
}

fn wave(length: usize, phase: f64) -> Vec<f64> {
    (0..length)
        .map(|i| (phase + 1.7 * i as f64).sin())
        .collect()
}

/// Points in many lines, with weights and potentials of their own; one column in nine has no weight.
struct Case<T: Real> {
    engine: CpuEngine<T>,
    kernel: Kernel,
    lines: Lines,
    rows: CpuPoints<T>,
    columns: CpuPoints<T>,
    weights: CpuWeights,
    f: CpuVector<T>,
    g: CpuVector<T>,
}

impl<T: Real> Case<T> {
    fn new(engine: CpuEngine<T>, lines: Lines) -> Self {
        Self::in_dimension(engine, lines, DIMENSION)
    }

    fn in_dimension(engine: CpuEngine<T>, lines: Lines, dimension: usize) -> Self {
        let masses = wave(lines.length(COLUMNS), 0.5).into_iter().enumerate();
        let masses = masses.map(|(i, w)| if i % 9 == 4 { 0.0 } else { w + 1.1 });
        let masses: Vec<_> = masses.collect();
        Self {
            kernel: Kernel {
                cost: Cost::power(1.5).unwrap(),
                epsilon: 0.05,
            },
            lines,
            rows: engine
                .points(&wave(dimension * ROWS, 0.0), dimension)
                .unwrap(),
            columns: engine
                .points(&wave(dimension * COLUMNS, 0.5), dimension)
                .unwrap(),
            weights: engine.weights(&masses, lines.inner).unwrap(),
            f: engine.vector(&wave(lines.length(ROWS), 1.0)).unwrap(),
            g: engine.vector(&wave(lines.length(COLUMNS), 2.0)).unwrap(),
            engine,
        }
    }

    fn pairs(&self) -> Pairs<'_, CpuPoints<T>> {
        Pairs::new(self.kernel, &self.rows, &self.columns).with_lines(self.lines)
    }

    fn side(&self) -> Side<'_, CpuWeights, CpuVector<T>> {
        Side::new(&self.weights, &self.g)
    }

    fn softmin(
        &self,
        pairs: Pairs<'_, CpuPoints<T>>,
        guess: Option<&CpuVector<T>>,
    ) -> CpuVector<T> {
        let mut out = self.engine.zeros(self.lines.length(ROWS)).unwrap();
        self.engine
            .softmin(pairs, self.side(), guess, None, &mut out)
            .unwrap();
        out
    }

    /// A product with values of `width`, with the potentials of the lines or none.
    fn product(
        &self,
        pairs: Pairs<'_, CpuPoints<T>>,
        factor: Factor,
        width: usize,
        own: bool,
    ) -> CpuVector<T> {
        let values = wave(self.lines.length(COLUMNS) * width, 3.0);
        let values = self.engine.vector(&values).unwrap();
        let mut out = self.engine.zeros(self.lines.length(ROWS) * width).unwrap();
        let integrand = Integrand {
            factor,
            values: &values,
            width,
        };
        let potential = own.then_some(&self.g);
        let side = Side {
            potential,
            ..self.side()
        };
        let rows = own.then_some(&self.f);
        self.engine
            .product(pairs, rows, side, integrand, &mut out)
            .unwrap();
        out
    }

    fn nearest(&self, pairs: Pairs<'_, CpuPoints<T>>) -> Nearest {
        now(self.engine.nearest(pairs, self.side())).unwrap()
    }

    /// Softmins without and with a guess that is off in one place, products and nearest columns.
    fn all(&self, pairs: Pairs<'_, CpuPoints<T>>) -> Vec<Vec<f64>> {
        let cold = self.softmin(pairs, None);
        let mut guess = cold.clone();
        guess.values[17] = T::from_f64(1e3);
        let warm = self.softmin(pairs, Some(&guess));
        let factors = [Factor::One, Factor::Cost, Factor::Excess];
        let products = factors.into_iter().flat_map(|factor| {
            [(1, true), (1, false), (3, false), (5, false)]
                .map(|(width, own)| self.product(pairs, factor, width, own))
        });
        let vectors = [cold, warm].into_iter().chain(products);
        let mut results: Vec<_> = vectors
            .map(|v| now(self.engine.read(&v)).unwrap())
            .collect();
        results.push(self.nearest(pairs).values);
        results
    }

    fn groups(&self, masses: &mut CpuVector<T>, guess: Option<&CpuVector<T>>) -> Result<Vec<f64>> {
        let weights = self.engine.weights(
            &wave(ROWS, 4.0).iter().map(|w| w + 1.5).collect::<Vec<_>>(),
            1,
        )?;
        let groups = Groups {
            damping: 1.0,
            rows: &[0, 64, 192, ROWS],
            columns: &[0, 320, 448, 704, COLUMNS],
            weights: &weights,
            masses,
        };
        let mut out = self.engine.zeros(ROWS)?;
        self.engine
            .softmin(self.pairs(), self.side(), guess, Some(groups), &mut out)?;
        now(self.engine.read(&out))
    }
}

const MANY: Lines = Lines { outer: 3, inner: 7 };

fn bits(results: &[Vec<f64>]) -> Vec<Vec<u64>> {
    results
        .iter()
        .map(|v| v.iter().copied().map(f64::to_bits).collect())
        .collect()
}

fn threads_change_no_bit<T: Real>(lines: Lines) {
    let results = |engine| {
        let case = Case::<T>::new(engine, lines);
        bits(&case.all(case.pairs()))
    };
    let [one, two, three] =
        [1, 2, 3].map(|threads| results(CpuEngine::with_threads(threads).unwrap()));
    assert!(one == two && one == three);
    // Instructions do: had the bits nothing to do with the arithmetic, this would be equal as well.
    if InstructionSet::widest() != InstructionSet::Scalar {
        let scalar = CpuEngine::new()
            .with_instructions(InstructionSet::Scalar)
            .unwrap();
        assert!(one != results(scalar));
    }
}

#[test]
fn threads_change_no_bit_of_either_format() {
    for lines in [Lines::ONE, MANY] {
        threads_change_no_bit::<f32>(lines);
        threads_change_no_bit::<f64>(lines);
    }
}

/// Sums of squared differences, in blocks of a number of dimensions and of as many blocks.
macro_rules! sums_of_squares {
    ($name:ident, $format:ty) => {
        fn $name(x: &[f64], y: &[f64], block: usize) -> f64 {
            let squares = |x: &[f64], y: &[f64]| -> $format {
                let differences = x.iter().zip(y).map(|(x, y)| *x as $format - *y as $format);
                differences.fold(0.0, |sum, difference| difference.mul_add(difference, sum))
            };
            let blocks = |x: &[f64], y: &[f64]| -> $format {
                let blocks = x.chunks(block).zip(y.chunks(block));
                blocks.fold(0.0, |sum, (x, y)| sum + squares(x, y))
            };
            let size = block.saturating_mul(block);
            let all = x.chunks(size).zip(y.chunks(size));
            f64::from(all.fold(0.0, |sum, (x, y)| sum + blocks(x, y)))
        }
    };
}

sums_of_squares!(squared_distance_f32, f32);
sums_of_squares!(squared_distance_f64, f64);

/// Squared distances of the rows to one column, on each set of vectors, against sums in an order.
fn distances_are<T: Real>(dimension: usize, distance: impl Fn(&[f64], &[f64]) -> f64) -> bool {
    let vectors = InstructionSet::available().filter(|set| *set != InstructionSet::Scalar);
    let (x, y) = (wave(dimension * ROWS, 0.0), wave(dimension, 0.5));
    let expected: Vec<_> = x.chunks(dimension).map(|x| distance(x, &y)).collect();
    vectors.into_iter().all(|set| {
        let engine = CpuEngine::<T>::new().with_instructions(set).unwrap();
        let rows = engine.points(&x, dimension).unwrap();
        let column = engine.points(&y, dimension).unwrap();
        let kernel = Kernel {
            cost: Cost::SquaredEuclidean,
            epsilon: 1.0,
        };
        let side = Side {
            weights: None,
            potential: None,
        };
        let nearest = engine.nearest(Pairs::new(kernel, &rows, &column), side);
        now(nearest).unwrap().values == expected
    })
}

#[test]
fn a_squared_distance_is_summed_in_the_promised_order_to_the_bit() {
    let few = 1..2 * BLOCK + 3;
    for dimension in few.chain([100, BLOCK * BLOCK, BLOCK * BLOCK + 1, 2100]) {
        assert!(
            distances_are::<f32>(dimension, |x, y| squared_distance_f32(x, y, BLOCK)),
            "{dimension}"
        );
        assert!(
            distances_are::<f64>(dimension, |x, y| squared_distance_f64(x, y, BLOCK)),
            "{dimension}"
        );
    }
    // Another order has other bits.
    let other = |x: &[f64], y: &[f64]| squared_distance_f32(x, y, BLOCK / 2);
    if InstructionSet::available().count() > 1 {
        assert!(!distances_are::<f32>(100, other));
    }
}

/// All results twice, so that the second ones read distances that the first ones kept, and the bytes of these.
fn results_twice<T: Real>(case: &Case<T>) -> (Vec<Vec<u64>>, u64) {
    let mut results: Vec<_> = (0..2).flat_map(|_| case.all(case.pairs())).collect();
    if case.lines == Lines::ONE {
        let values = case.engine.vector(&wave(COLUMNS, 3.0)).unwrap();
        let mut out = case.engine.zeros(ROWS * case.rows.dimension()).unwrap();
        let (factor, width) = (Factor::One, 1);
        let integrand = Integrand {
            factor,
            values: &values,
            width,
        };
        let (pairs, side) = (case.pairs(), case.side());
        let gradient = (case.engine).gradient(pairs, Some(&case.f), side, integrand, &mut out);
        gradient.unwrap();
        results.push(now(case.engine.read(&out)).unwrap());
        let mut masses = case.engine.zeros(12).unwrap();
        results.push(case.groups(&mut masses, Some(&case.f)).unwrap());
        results.push(now(case.engine.read(&masses)).unwrap());
    }
    let bytes = case.engine.kept_distances(&case.rows, &case.columns);
    (bits(&results), bytes)
}

fn kept_distances_change_no_bit<T: Real>(cost: Cost, lines: Lines, dimension: usize) {
    let pair = (ROWS.next_multiple_of(T::TILE) * COLUMNS.next_multiple_of(T::TILE)) as u64;
    let pair = pair * size_of::<T>() as u64;
    let case = |bytes: u64| {
        let engine = CpuEngine::<T>::new().with_distance_memory(bytes as usize);
        let mut case = Case::in_dimension(engine, lines, dimension);
        case.kernel = Kernel {
            cost,
            epsilon: 0.2 * (dimension as f64).powf(0.5 * cost.p()),
        };
        case
    };
    let (without, none) = results_twice(&case(0));
    assert_eq!(none, 0);
    for bytes in [2 * pair, pair] {
        let (with, kept) = results_twice(&case(bytes));
        assert!(kept <= bytes / 2 && kept >= bytes / 3, "{kept} of {bytes}");
        assert!(with == without, "{dimension} {cost:?}");
    }
    let mut other = case(2 * pair);
    let _ = other.all(other.pairs());
    other.rows = (other.engine)
        .points(&wave(dimension * ROWS, 0.1), dimension)
        .unwrap();
    assert_eq!(other.engine.kept_distances(&other.rows, &other.columns), 0);
    assert!(results_twice(&other).0 != without);
}

#[test]
fn kept_distances_are_those_that_a_pass_computes() {
    for cost in [1.0, 1.5, 2.0].map(|p| Cost::power(p).unwrap()) {
        kept_distances_change_no_bit::<f32>(cost, Lines::ONE, 33);
        kept_distances_change_no_bit::<f64>(cost, Lines::ONE, 100);
    }
    kept_distances_change_no_bit::<f32>(Cost::SquaredEuclidean, Lines::ONE, 2100);
    kept_distances_change_no_bit::<f64>(Cost::SquaredEuclidean, MANY, 40);
}

#[test]
fn distances_are_kept_for_the_newest_points_within_their_memory() {
    const D: usize = 40;
    let bytes = 2 * 128 * 128 * size_of::<f32>();
    let engine = CpuEngine::<f32>::with_threads(1)
        .unwrap()
        .with_distance_memory(bytes);
    let points = |phase| engine.points(&wave(128 * D, phase), D).unwrap();
    let clouds = [0.0, 1.0, 2.0].map(points);
    let ones = engine.weights(&vec![1.0; 128], 1).unwrap();
    let zeros = engine.zeros(128).unwrap();
    let mut out = engine.zeros(128).unwrap();
    let mut softmin = |rows: usize, columns: usize| {
        let kernel = Kernel {
            cost: Cost::SquaredEuclidean,
            epsilon: 1.0,
        };
        let pairs = Pairs::new(kernel, &clouds[rows], &clouds[columns]);
        let side = Side::new(&ones, &zeros);
        engine.softmin(pairs, side, None, None, &mut out).unwrap();
    };
    let kept = |rows: usize, columns: usize| {
        engine.kept_distances(&clouds[rows], &clouds[columns]) as usize
    };
    softmin(0, 1);
    softmin(1, 0);
    assert_eq!(
        [kept(0, 1), kept(1, 0), kept(0, 2)],
        [bytes / 2, bytes / 2, 0]
    );
    softmin(0, 2);
    assert_eq!(
        [kept(0, 1), kept(1, 0), kept(0, 2)],
        [0, bytes / 2, bytes / 2]
    );
    // Distances that lost their place do not take that of others.
    softmin(0, 1);
    assert_eq!(
        [kept(0, 1), kept(1, 0), kept(0, 2)],
        [0, bytes / 2, bytes / 2]
    );
}

/// A list of everything, in one range or in many.
fn everything(step: usize) -> Near {
    let lists = (0..ROWS.div_ceil(64)).map(|_| ranges(0..COLUMNS, step));
    Near::new(ROWS, COLUMNS, lists).unwrap()
}

fn ranges(whole: Range<usize>, step: usize) -> Vec<Range<usize>> {
    let end = whole.end;
    whole
        .step_by(step)
        .map(|at| at..end.min(at + step))
        .collect()
}

fn a_list_of_everything_changes_no_bit<T: Real>(lines: Lines) {
    let case = Case::<T>::new(CpuEngine::new(), lines);
    let without = bits(&case.all(case.pairs()));
    for near in [everything(COLUMNS), everything(64), everything(192)] {
        assert!(bits(&case.all(case.pairs().with_near(&near))) == without);
    }
    let half = (0..ROWS.div_ceil(64)).map(|_| vec![128..320, 320..512]);
    let half = Near::new(ROWS, COLUMNS, half).unwrap();
    assert!(bits(&case.all(case.pairs().with_near(&half))) != without);
}

#[test]
fn a_list_of_everything_is_no_list() {
    for lines in [Lines::ONE, MANY] {
        a_list_of_everything_changes_no_bit::<f32>(lines);
        a_list_of_everything_changes_no_bit::<f64>(lines);
    }
}

/// A line of a vector of so many points.
fn line(vector: &[f64], lines: Lines, points: usize, line: usize) -> Vec<f64> {
    let at = |i| (line / lines.inner * points + i) * lines.inner + line % lines.inner;
    (0..points).map(|i| vector[at(i)]).collect()
}

/// Two lines of a case, in a pass of their own.
fn two_of<T: Real>(case: &Case<T>, lines: [usize; 2], values: &[f64]) -> (Case<T>, Vec<f64>) {
    let pair = Lines { outer: 2, inner: 1 };
    let read = |v| now(case.engine.read(v)).unwrap();
    let pick = |v: &[f64], points| lines.map(|l| line(v, case.lines, points, l)).concat();
    let mut two = Case::new(CpuEngine::new(), pair);
    two.f = two.engine.vector(&pick(&read(&case.f), ROWS)).unwrap();
    two.g = two.engine.vector(&pick(&read(&case.g), COLUMNS)).unwrap();
    two.weights = two
        .engine
        .weights(
            &wave(COLUMNS, 0.2)
                .iter()
                .map(|w| w + 1.1)
                .collect::<Vec<_>>(),
            1,
        )
        .unwrap();
    (two, pick(values, COLUMNS))
}

fn a_line_has_its_digits_in_any_company<T: Real>() {
    let mut case = Case::<T>::new(
        CpuEngine::new(),
        Lines {
            outer: 13,
            inner: 41,
        },
    );
    let common: Vec<_> = wave(COLUMNS, 0.2).iter().map(|w| w + 1.1).collect();
    case.weights = case.engine.weights(&common, 1).unwrap();
    let length = case.lines.length(COLUMNS);
    let values = wave(length, 3.0);
    let (two, picked) = two_of(&case, [40, 520], &values);
    let results = |case: &Case<T>, values: &[f64]| {
        let values = case.engine.vector(values).unwrap();
        let mut out = case.engine.zeros(case.lines.length(ROWS)).unwrap();
        let mut results = vec![now(case.engine.read(&case.softmin(case.pairs(), None))).unwrap()];
        let guess = case.softmin(case.pairs(), None);
        results.push(now(case.engine.read(&case.softmin(case.pairs(), Some(&guess)))).unwrap());
        for own in [true, false] {
            let side = Side {
                potential: own.then_some(&case.g),
                ..case.side()
            };
            let integrand = Integrand {
                factor: Factor::One,
                values: &values,
                width: 1,
            };
            let f = own.then_some(&case.f);
            case.engine
                .product(case.pairs(), f, side, integrand, &mut out)
                .unwrap();
            results.push(now(case.engine.read(&out)).unwrap());
        }
        results.push(case.nearest(case.pairs()).values);
        results
    };
    let (many, few) = (results(&case, &values), results(&two, &picked));
    for (many, few) in many.iter().zip(&few) {
        let same =
            |l: usize, of: usize| line(many, case.lines, ROWS, l) == line(few, two.lines, ROWS, of);
        assert!(same(40, 0) && same(520, 1));
        assert!(!same(41, 0));
    }
}

#[test]
fn a_line_has_its_digits_in_any_company_in_either_format() {
    a_line_has_its_digits_in_any_company::<f32>();
    a_line_has_its_digits_in_any_company::<f64>();
}

/// b, g and the cost of a pair of a case, in f64.
struct Dense {
    cost: Vec<f64>,
    weights: Vec<f64>,
    g: Vec<f64>,
}

impl Dense {
    fn of<T: Real>(case: &Case<T>) -> Self {
        let (x, y) = (wave(DIMENSION * ROWS, 0.0), wave(DIMENSION * COLUMNS, 0.5));
        let distance = |x: &[f64], y: &[f64]| {
            let squares = x.iter().zip(y).map(|(x, y)| (x - y) * (x - y));
            squares.sum::<f64>().sqrt()
        };
        let rows = x.chunks(DIMENSION);
        Self {
            cost: rows
                .flat_map(|x| y.chunks(DIMENSION).map(move |y| distance(x, y)))
                .map(|r| case.kernel.cost.at(r))
                .collect(),
            weights: case.weights.values().to_vec(),
            g: now(case.engine.read(&case.g)).unwrap(),
        }
    }

    fn softmin(
        &self,
        lines: Lines,
        epsilon: f64,
        l: usize,
        near: impl Fn(usize, usize) -> bool,
    ) -> Vec<f64> {
        let (b, g) = (
            line(&self.weights, lines, COLUMNS, l),
            line(&self.g, lines, COLUMNS, l),
        );
        let row = |i: usize| {
            let terms = (0..COLUMNS).filter(|j| near(i, *j) && b[*j] > 0.0);
            let exponents: Vec<_> = terms
                .map(|j| b[j].ln() + (g[j] - self.cost[i * COLUMNS + j]) / epsilon)
                .collect();
            let largest = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = exponents.iter().map(|s| (s - largest).exp()).sum();
            -epsilon * (largest + sum.ln())
        };
        (0..ROWS).map(row).collect()
    }
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max)
}

#[test]
fn lines_and_lists_are_what_sums_of_their_pairs_are() {
    let lists = (0..ROWS.div_ceil(64)).map(|tile| match tile {
        0 => vec![0..64, 128..COLUMNS],
        1 => vec![64..320, 320..704],
        _ => vec![320..384, 640..COLUMNS],
    });
    let near = Near::new(ROWS, COLUMNS, lists).unwrap();
    let counts = |i: usize, j: usize| near.of_tile(i / 64).iter().any(|range| range.contains(&j));
    let case = Case::<f64>::new(CpuEngine::new(), MANY);
    let dense = Dense::of(&case);
    for guess in [None, Some(&case.f)] {
        let results = [case.pairs(), case.pairs().with_near(&near)]
            .map(|pairs| now(case.engine.read(&case.softmin(pairs, guess))).unwrap());
        for l in [0, 6, 20] {
            let [all, some] = results.each_ref().map(|v| line(v, MANY, ROWS, l));
            let epsilon = case.kernel.epsilon;
            let exact = [
                dense.softmin(MANY, epsilon, l, |_, _| true),
                dense.softmin(MANY, epsilon, l, counts),
            ];
            assert!(largest_difference(&all, &exact[0]) < 1e-13);
            assert!(largest_difference(&some, &exact[1]) < 1e-13);
            assert!(largest_difference(&some, &exact[0]) > 1e-6);
        }
    }
    for l in [0, 6, 20] {
        let nearest = case.nearest(case.pairs().with_near(&near));
        // A softmin of hardly any ε is the least value, up to the logarithm of the weights.
        let exact = dense.softmin(MANY, 1e-7, l, counts);
        let values = line(&nearest.values, MANY, ROWS, l);
        assert!(largest_difference(&values, &exact) < 1e-6);
        let at = |i: usize| (l / MANY.inner * ROWS + i) * MANY.inner + l % MANY.inner;
        let g = line(&dense.g, MANY, COLUMNS, l);
        for (i, value) in values.iter().enumerate() {
            let j = nearest.columns[at(i)].unwrap() as usize;
            assert!((dense.cost[i * COLUMNS + j] - g[j] - value).abs() < 1e-14);
        }
    }
}

fn masses_of_groups<T: Real>(limit: f64) {
    let masses = |threads| {
        let case = Case::<T>::new(CpuEngine::with_threads(threads).unwrap(), Lines::ONE);
        let guess = case.softmin(case.pairs(), None);
        let mut masses = case.engine.zeros(12).unwrap();
        let out = case.groups(&mut masses, Some(&guess)).unwrap();
        let guess = now(case.engine.read(&guess)).unwrap();
        (guess, out, now(case.engine.read(&masses)).unwrap(), case)
    };
    let (guess, out, found, case) = masses(1);
    assert!(largest_difference(&guess, &out) < limit);
    assert_eq!(found, masses(3).2);
    let dense = Dense::of(&case);
    let (rows, columns) = ([0, 64, 192, ROWS], [0, 320, 448, 704, COLUMNS]);
    let a: Vec<_> = wave(ROWS, 4.0).iter().map(|w| w + 1.5).collect();
    let mut exact = Vec::new();
    for rows in rows.windows(2) {
        for columns in columns.windows(2) {
            let mass = |i: usize, j: usize| {
                let exponent =
                    (guess[i] + dense.g[j] - dense.cost[i * COLUMNS + j]) / case.kernel.epsilon;
                a[i] * dense.weights[j] * exponent.exp()
            };
            let rows = rows[0]..rows[1];
            exact.push(
                rows.flat_map(|i| (columns[0]..columns[1]).map(move |j| (i, j)))
                    .map(|(i, j)| mass(i, j))
                    .sum::<f64>(),
            );
        }
    }
    let total: f64 = exact.iter().sum();
    assert!(largest_difference(&found, &exact) < limit * total);
    exact.swap(0, 1);
    assert!(largest_difference(&found, &exact) > limit * total);
}

#[test]
fn masses_of_groups_are_those_of_the_plan() {
    masses_of_groups::<f32>(2e-5);
    masses_of_groups::<f64>(1e-13);
}

#[test]
fn masses_are_refused_without_a_guess_and_for_other_groups() {
    let case = Case::<f64>::new(CpuEngine::new(), Lines::ONE);
    let mut masses = case.engine.zeros(12).unwrap();
    assert!(matches!(
        case.groups(&mut masses, None),
        Err(Error::Unsupported { .. })
    ));
    let mut few = case.engine.zeros(11).unwrap();
    assert!(matches!(
        case.groups(&mut few, Some(&case.f)),
        Err(Error::Length { .. })
    ));
    assert!(case.groups(&mut masses, Some(&case.f)).is_ok());
}

fn sums_without_terms_have_none_after_them<T: Real>(lines: Lines) {
    let mut case = Case::<T>::new(CpuEngine::new(), lines);
    for epsilon in [1e-6, 1.0, 1e18] {
        case.kernel.epsilon = epsilon;
        let some = wave(lines.length(COLUMNS), 0.5)
            .iter()
            .map(|w| w + 1.1)
            .collect::<Vec<_>>();
        for masses in [vec![0.0; lines.length(COLUMNS)], some] {
            case.weights = case.engine.weights(&masses, lines.inner).unwrap();
            let empty = masses[0] == 0.0;
            for guess in [None, Some(&case.f)] {
                let out = case.softmin(case.pairs(), guess);
                let values = now(case.engine.read(&out)).unwrap();
                assert!(values.iter().all(|v| v.is_finite()));
                // As −h of the next sum: 2^100 of its terms are not one.
                assert_eq!(
                    values.iter().all(|v| v / epsilon > 1e10),
                    empty,
                    "{epsilon}"
                );
            }
        }
    }
}

#[test]
fn a_sum_without_terms_is_finite_and_beyond_all_others() {
    for lines in [Lines::ONE, MANY] {
        sums_without_terms_have_none_after_them::<f32>(lines);
        sums_without_terms_have_none_after_them::<f64>(lines);
    }
}
