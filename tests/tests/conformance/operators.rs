//! Each operator of the Engine trait against the dense reference.
//!
//! The tolerance is that of the arithmetic: an exponent of size M = (max C + max|f| + max|g|)/ε is
//! rounded some d + 8 times on its way, each time by at most u·M, which makes a relative error of
//! (d + 8) u M in each term of a sum. Every comparison is made a second time with one value
//! perturbed by a thousand tolerances, and must then fail.

use haul::engine::{
    Factor, Integrand, Kernel, Pairs, Pointwise, Ratio, Remembered, Side, Slot, Update,
};
use haul::{Cost, Device, Engine, Error, Result};
use haul_tests::clouds::{Numbers, points, weights};
use haul_tests::compare::{accept, close, number, reject};
use haul_tests::dense;
use haul_tests::engines::Body;
use haul_tests::wait;

pub const BODIES: &[(&str, Body)] = &[
    ("softmin_is_a_log_sum_exp", softmin_is_a_log_sum_exp),
    (
        "softmin_does_not_depend_on_the_guess",
        softmin_does_not_depend_on_the_guess,
    ),
    (
        "softmin_at_a_tiny_epsilon_is_a_minimum",
        softmin_at_a_tiny_epsilon_is_a_minimum,
    ),
    (
        "a_measure_against_itself_may_take_half_the_pairs",
        a_measure_against_itself_may_take_half_the_pairs,
    ),
    (
        "products_sum_the_kernel_against_values",
        products_sum_the_kernel_against_values,
    ),
    (
        "products_of_an_infinite_epsilon_are_moments_of_the_cost",
        products_of_an_infinite_epsilon_are_moments_of_the_cost,
    ),
    (
        "gradients_sum_the_slopes_of_the_cost",
        gradients_sum_the_slopes_of_the_cost,
    ),
    (
        "curvatures_sum_the_second_moments_of_the_slopes",
        curvatures_sum_the_second_moments,
    ),
    (
        "gradients_are_zero_in_one_place_and_finite_beside_it",
        gradients_in_one_place,
    ),
    (
        "more_than_65535_columns_with_few_rows",
        more_than_65535_columns_with_few_rows,
    ),
    (
        "more_columns_than_a_loop_may_run",
        more_columns_than_a_loop_may_run,
    ),
    (
        "vectors_come_back_as_they_went",
        vectors_come_back_as_they_went,
    ),
    ("combinations_of_vectors", combinations_of_vectors),
    ("histories_of_updates", histories),
    (
        "a_scaling_is_the_inverse_and_is_absorbed_before_it_leaves_the_range",
        scaling,
    ),
    (
        "the_marginal_error_is_the_weighted_distance_of_the_ratio_from_one",
        marginal_error,
    ),
    ("integrals_are_those_of_their_formulas", integrals),
    ("operators_are_reproducible", operators_are_reproducible),
    (
        "points_of_thousands_of_dimensions",
        points_of_thousands_of_dimensions,
    ),
    (
        "lengths_that_do_not_fit_are_refused",
        lengths_that_do_not_fit_are_refused,
    ),
];

const SHAPES: [(usize, usize); 5] = [(1, 1), (2, 7), (7, 300), (300, 7), (600, 513)];
const DIMENSIONS: [usize; 8] = [1, 2, 3, 4, 5, 8, 17, 64];

pub(crate) fn costs() -> [Cost; 4] {
    [0.5, 1.0, 1.5, 2.0].map(|p| Cost::power(p).unwrap())
}

pub(crate) fn unit(device: &Device) -> f64 {
    device.precision().unit_roundoff()
}

pub(crate) fn side(n: usize, d: usize, seed: u64, height: f64) -> dense::Side {
    let potential = Numbers::new(seed + 2).vector(n, -height, height);
    let potential = potential.into_iter().map(|f| f64::from(f as f32)).collect();
    dense::Side {
        points: points(n, d, seed),
        dimension: d,
        weights: weights(n, seed + 1),
        potential,
    }
}

pub(crate) type Points = <Device as Engine>::Points;
pub(crate) type Weights = <Device as Engine>::Weights;
pub(crate) type Vector = <Device as Engine>::Vector;

/// A side as the device holds it.
pub(crate) struct Uploaded {
    pub(crate) points: Points,
    pub(crate) weights: Weights,
    pub(crate) potential: Vector,
}

impl Uploaded {
    pub(crate) fn new(device: &Device, side: &dense::Side) -> Self {
        Self {
            points: device.points(&side.points, side.dimension).unwrap(),
            weights: device.weights(&side.weights, 1).unwrap(),
            potential: device.vector(&side.potential).unwrap(),
        }
    }

    pub(crate) fn side(&self) -> Side<'_, Weights, Vector> {
        Side::new(&self.weights, &self.potential)
    }

    /// All pairs of these rows and those columns.
    pub(crate) fn pairs<'v>(&'v self, kernel: Kernel, columns: &'v Self) -> Pairs<'v, Points> {
        Pairs::new(kernel, &self.points, &columns.points)
    }
}

pub(crate) fn read(device: &Device, vector: &Vector) -> Vec<f64> {
    wait(device.read(vector)).unwrap()
}

/// The output of an operator, a vector of so many values.
pub(crate) fn written(
    device: &Device,
    length: usize,
    operator: impl FnOnce(&mut Vector) -> Result<()>,
) -> Result<Vec<f64>> {
    let mut out = device.zeros(length)?;
    operator(&mut out)?;
    wait(device.read(&out))
}

/// The marginal error of one histogram.
fn error_of_one(device: &Device, weights: &Weights, ratio: Ratio<'_, Vector>) -> f64 {
    let integrals = wait(device.integral(weights, Pointwise::Excess(ratio), None)).unwrap();
    assert_eq!(integrals.len(), 1);
    integrals[0].size
}

fn softmin(
    device: &Device,
    kernel: Kernel,
    rows: &dense::Side,
    columns: &dense::Side,
    guess: Option<&[f64]>,
) -> Vec<f64> {
    let (x, y) = (Uploaded::new(device, rows), Uploaded::new(device, columns));
    let mut out = device.zeros(rows.len()).unwrap();
    let guess = guess.map(|guess| device.vector(guess).unwrap());
    device
        .softmin(
            x.pairs(kernel, &y),
            y.side(),
            guess.as_ref(),
            None,
            &mut out,
        )
        .unwrap();
    read(device, &out)
}

pub(crate) fn product(
    device: &Device,
    kernel: Kernel,
    rows: &dense::Side,
    columns: &dense::Side,
    factor: Factor,
    values: &[f64],
    width: usize,
) -> Vec<f64> {
    let (x, y) = (Uploaded::new(device, rows), Uploaded::new(device, columns));
    let values = device.vector(values).unwrap();
    let mut out = device.zeros(rows.len() * width).unwrap();
    let integrand = Integrand {
        factor,
        values: &values,
        width,
    };
    let rows = Some(&x.potential);
    device
        .product(x.pairs(kernel, &y), rows, y.side(), integrand, &mut out)
        .unwrap();
    read(device, &out)
}

fn softmin_is_a_log_sum_exp(device: &Device) {
    for d in DIMENSIONS {
        for (n, m) in SHAPES {
            for cost in costs() {
                for epsilon in [1.0, 0.05] {
                    let (rows, columns) = (side(n, d, 1, 0.0), side(m, d, 2, 0.5));
                    let expected = dense::softmin(cost, epsilon, &rows, &columns);
                    let got = softmin(device, Kernel { cost, epsilon }, &rows, &columns, None);
                    let size =
                        dense::largest_cost(cost, &rows, &columns) + columns.height() + epsilon;
                    let tolerance = (d as f64 + 8.0) * unit(device) * size;
                    let context = format!("d {d}, {n}×{m}, {cost:?}, ε {epsilon}");
                    accept(&context, close(&got, &expected, |_| tolerance));
                    let mut wrong = columns.clone();
                    wrong
                        .potential
                        .iter_mut()
                        .for_each(|g| *g += 1000.0 * tolerance);
                    let wrong = softmin(device, Kernel { cost, epsilon }, &rows, &wrong, None);
                    reject(&context, close(&wrong, &expected, |_| tolerance));
                }
            }
        }
    }
}

fn softmin_does_not_depend_on_the_guess(device: &Device) {
    // The larger ones are worth a guess on every device.
    for (n, m, d) in [(200, 333, 3), (1500, 1600, 3), (1100, 1700, 17)] {
        let (rows, columns) = (side(n, d, 3, 0.0), side(m, d, 4, 0.2));
        for cost in costs() {
            let epsilon = 0.01 * d as f64;
            let expected = dense::softmin(cost, epsilon, &rows, &columns);
            let size = dense::largest_cost(cost, &rows, &columns) + columns.height() + epsilon;
            for off in [0.0, 0.1, -0.1, 100.0, -100.0, 1e6, -1e6] {
                // The last guess is wrong in a single row.
                for first in [0, n - 1] {
                    let guess: Vec<f64> = expected
                        .iter()
                        .enumerate()
                        .map(|(row, f)| if row >= first { f + off } else { *f })
                        .collect();
                    let got = softmin(
                        device,
                        Kernel { cost, epsilon },
                        &rows,
                        &columns,
                        Some(&guess),
                    );
                    // With a good guess, the digits of the result are those of the guess.
                    let lent = if off.abs() < 1.0 { off.abs() } else { 0.0 };
                    let tolerance = (d as f64 + 8.0) * unit(device) * (size + lent);
                    accept(
                        &format!("{n}×{m}, d {d}, {cost:?}, off by {off}"),
                        close(&got, &expected, |_| tolerance),
                    );
                }
            }
        }
    }
}

fn softmin_at_a_tiny_epsilon_is_a_minimum(device: &Device) {
    let epsilon = 1e-7;
    for (d, (n, m)) in DIMENSIONS.into_iter().zip(SHAPES.into_iter().cycle()) {
        for cost in costs() {
            let (rows, columns) = (side(n, d, 11, 0.0), side(m, d, 12, 0.5));
            let weightless = |j: usize| columns.weights[j] == 0.0;
            let least = |x: &[f64]| {
                let among = columns.points.chunks_exact(d).enumerate();
                let costs = among.filter(|(j, _)| !weightless(*j)).map(|(j, y)| {
                    let squares: f64 = x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum();
                    cost.at(squares.sqrt()) - columns.potential[j]
                });
                costs.fold(f64::INFINITY, f64::min)
            };
            let expected: Vec<f64> = rows.points.chunks_exact(d).map(least).collect();
            let size = dense::largest_cost(cost, &rows, &columns) + columns.height();
            // Of weights between 1e-4 and 1, and of as many as there are.
            let soft = epsilon * (1e4 * m as f64).ln();
            let tolerance = (d as f64 + 8.0) * unit(device) * size + soft;
            let context = format!("d {d}, {n}×{m}, {cost:?}");
            for guess in [None, Some(vec![0.0; n])] {
                let kernel = Kernel { cost, epsilon };
                let got = softmin(device, kernel, &rows, &columns, guess.as_deref());
                accept(&context, close(&got, &expected, |_| tolerance));
                let off: Vec<f64> = expected.iter().map(|f| f + 3.0 * tolerance).collect();
                reject(&context, close(&got, &off, |_| tolerance));
            }
        }
    }
}

fn a_measure_against_itself_may_take_half_the_pairs(device: &Device) {
    for (n, d, costs) in [(4099, 3, &costs()[..]), (4200, 17, &costs()[3..])] {
        for &cost in costs {
            let epsilon = 0.02 * d as f64;
            let kernel = Kernel { cost, epsilon };
            let mut itself = side(n, d, 8, 0.0);
            // A potential near its own softmin, but for a few points that are far off.
            itself.potential = dense::softmin(cost, epsilon, &itself, &itself)
                .iter()
                .map(|f| 0.5 * f)
                .collect();
            for far in [0, 2100, n - 1] {
                itself.potential[far] += 300.0 * epsilon;
            }
            let expected = dense::softmin(cost, epsilon, &itself, &itself);
            let uploaded = Uploaded::new(device, &itself);
            let pairs = Pairs {
                symmetric: true,
                ..uploaded.pairs(kernel, &uploaded)
            };
            let guess = Some(&uploaded.potential);
            let mut out = device.zeros(n).unwrap();
            device
                .softmin(pairs, uploaded.side(), guess, None, &mut out)
                .unwrap();
            let size = dense::largest_cost(cost, &itself, &itself) + 2.0 * itself.height();
            let tolerance = (d as f64 + 8.0) * unit(device) * (size + epsilon);
            let got = read(device, &out);
            let context = format!("n {n}, d {d}, {cost:?}");
            accept(&context, close(&got, &expected, |_| tolerance));
            let off: Vec<f64> = expected.iter().map(|f| f + 3.0 * tolerance).collect();
            reject(&context, close(&got, &off, |_| tolerance));
        }
    }
}

fn products_sum_the_kernel_against_values(device: &Device) {
    for d in DIMENSIONS {
        for (n, m) in SHAPES {
            for (cost, factor, width) in [
                (Cost::SquaredEuclidean, Factor::One, 1),
                (Cost::SquaredEuclidean, Factor::Cost, 1),
                (Cost::Euclidean, Factor::One, 3),
                (Cost::Euclidean, Factor::Cost, 4),
                (Cost::SquaredEuclidean, Factor::One, 6),
                (Cost::power(0.5).unwrap(), Factor::One, 1),
                (Cost::power(1.5).unwrap(), Factor::Cost, 4),
            ] {
                let epsilon = 0.2;
                let (mut rows, columns) = (side(n, d, 5, 0.0), side(m, d, 6, 0.3));
                // The exponents are those of a plan, as the operator expects.
                rows.potential = dense::softmin(cost, epsilon, &rows, &columns);
                let values = Numbers::new(7).vector(m * width, -1.0, 1.0);
                let (expected, sizes) =
                    dense::product(cost, epsilon, &rows, &columns, factor, &values, width);
                let got = product(
                    device,
                    Kernel { cost, epsilon },
                    &rows,
                    &columns,
                    factor,
                    &values,
                    width,
                );
                let size = dense::largest_cost(cost, &rows, &columns)
                    + rows.height()
                    + columns.height()
                    + epsilon;
                let relative = (d as f64 + 8.0) * unit(device) * size / epsilon;
                let context = format!("d {d}, {n}×{m}, {cost:?}, {factor:?}, width {width}");
                accept(&context, close(&got, &expected, |k| relative * sizes[k]));
                let wrong: Vec<f64> = values
                    .iter()
                    .map(|v| v * (1.0 + 1000.0 * relative))
                    .collect();
                let wrong = product(
                    device,
                    Kernel { cost, epsilon },
                    &rows,
                    &columns,
                    factor,
                    &wrong,
                    width,
                );
                // A row whose terms cancel shows no error; all rows together do.
                reject(&context, close(&wrong, &expected, |k| relative * sizes[k]));
            }
        }
    }
}

fn products_of_an_infinite_epsilon_are_moments_of_the_cost(device: &Device) {
    for d in [1, 2, 3, 4, 9] {
        for cost in costs() {
            let kernel = Kernel {
                cost,
                epsilon: f64::INFINITY,
            };
            let (rows, columns) = (side(77, d, 8, 1.0), side(130, d, 9, 1.0));
            let values = Numbers::new(10).vector(130, 0.0, 1.0);
            for factor in [Factor::One, Factor::Cost] {
                let (expected, sizes) =
                    dense::product(cost, f64::INFINITY, &rows, &columns, factor, &values, 1);
                let got = product(device, kernel, &rows, &columns, factor, &values, 1);
                // A power of the distance is off by some units more.
                let relative = (d as f64 + 12.0) * unit(device);
                accept(
                    &format!("d {d}, {cost:?}, {factor:?}"),
                    close(&got, &expected, |k| relative * sizes[k]),
                );
                reject(
                    "half the sum",
                    close(
                        &got,
                        &expected.iter().map(|s| 0.5 * s).collect::<Vec<_>>(),
                        |k| relative * sizes[k],
                    ),
                );
            }
        }
    }
}

pub(crate) fn gradient(
    device: &Device,
    kernel: Kernel,
    rows: &dense::Side,
    columns: &dense::Side,
    factor: Factor,
    values: &[f64],
) -> Vec<f64> {
    let (x, y) = (Uploaded::new(device, rows), Uploaded::new(device, columns));
    let values = device.vector(values).unwrap();
    let mut out = device.zeros(rows.points.len()).unwrap();
    let integrand = Integrand {
        factor,
        values: &values,
        width: 1,
    };
    let rows = Some(&x.potential);
    device
        .gradient(x.pairs(kernel, &y), rows, y.side(), integrand, &mut out)
        .unwrap();
    read(device, &out)
}

fn gradients_sum_the_slopes_of_the_cost(device: &Device) {
    for d in DIMENSIONS {
        for (n, m) in SHAPES {
            for (p, factor, epsilon) in [
                (2.0, Factor::One, 0.2),
                (2.0, Factor::Cost, 0.2),
                (1.0, Factor::One, 0.2),
                (1.0, Factor::Cost, f64::INFINITY),
                (1.5, Factor::One, 0.2),
                (0.5, Factor::Cost, 0.2),
                (1.5, Factor::One, f64::INFINITY),
            ] {
                let cost = Cost::power(p).unwrap();
                let (mut rows, columns) = (side(n, d, 5, 0.0), side(m, d, 6, 0.3));
                if epsilon.is_finite() {
                    rows.potential = dense::softmin(cost, epsilon, &rows, &columns);
                }
                let values = Numbers::new(7).vector(m, -1.0, 1.0);
                let (expected, sizes) =
                    dense::gradient(cost, epsilon, &rows, &columns, factor, &values);
                let kernel = Kernel { cost, epsilon };
                let got = gradient(device, kernel, &rows, &columns, factor, &values);
                let largest = dense::largest_cost(cost, &rows, &columns);
                let size = largest + rows.height() + columns.height();
                // A power of the distance is off by some units more.
                let relative = (d as f64 + 12.0) * unit(device) * (1.0 + size / epsilon);
                let context = format!("d {d}, {n}×{m}, p {p}, {factor:?}, ε {epsilon}");
                let close = |got: &[f64]| close(got, &expected, |k| relative * sizes[k]);
                accept(&context, close(&got));
                let wrong: Vec<f64> = got.iter().map(|g| g * (1.0 + 1e3 * relative)).collect();
                reject(&context, close(&wrong));
            }
        }
    }
}

pub(crate) fn curvature(
    device: &Device,
    kernel: Kernel,
    rows: &dense::Side,
    columns: &dense::Side,
    directions: &[f64],
) -> Vec<f64> {
    let (x, y) = (Uploaded::new(device, rows), Uploaded::new(device, columns));
    let directions = device.vector(directions).unwrap();
    let mut out = device.zeros(rows.points.len()).unwrap();
    let rows = Some(&x.potential);
    device
        .curvature(x.pairs(kernel, &y), rows, y.side(), &directions, &mut out)
        .unwrap();
    read(device, &out)
}

fn curvatures_sum_the_second_moments(device: &Device) {
    for d in DIMENSIONS {
        for (n, m) in SHAPES {
            for p in [1.0, 1.5, 2.0] {
                let (cost, epsilon) = (Cost::power(p).unwrap(), 0.2);
                let (mut rows, columns) = (side(n, d, 5, 0.0), side(m, d, 6, 0.3));
                rows.potential = dense::softmin(cost, epsilon, &rows, &columns);
                let directions = Numbers::new(7).vector(n * d, -1.0, 1.0);
                let (expected, sizes) =
                    dense::curvature(cost, epsilon, &rows, &columns, &directions);
                let kernel = Kernel { cost, epsilon };
                let got = curvature(device, kernel, &rows, &columns, &directions);
                let largest = dense::largest_cost(cost, &rows, &columns);
                let size = largest + rows.height() + columns.height();
                let relative = (d as f64 + 12.0) * unit(device) * (1.0 + size / epsilon);
                let context = format!("d {d}, {n}×{m}, p {p}");
                let close = |got: &[f64]| close(got, &expected, |k| relative * sizes[k]);
                accept(&context, close(&got));
                let wrong: Vec<f64> = sizes.iter().map(|s| 1e3 * relative * s).collect();
                let wrong: Vec<f64> = got.iter().zip(&wrong).map(|(g, w)| g + w).collect();
                reject(&context, close(&wrong));
            }
        }
    }
}

fn gradients_in_one_place(device: &Device) {
    for d in [1, 3, 5] {
        for cost in costs() {
            let kernel = Kernel { cost, epsilon: 0.3 };
            let mut rows = side(40, d, 21, 0.0);
            let mut columns = rows.clone();
            let own = gradient(device, kernel, &rows, &columns, Factor::One, &[1.0; 40]);
            assert!(own.iter().all(|g| g.is_finite()), "d {d} {cost:?} {own:?}");
            rows.points.truncate(d);
            rows.weights = vec![1.0];
            rows.potential = vec![0.0];
            columns.points = rows.points.clone();
            columns.weights = vec![1.0];
            columns.potential = vec![0.0];
            let still = gradient(device, kernel, &rows, &columns, Factor::One, &[1.0]);
            assert!(still.iter().all(|g| *g == 0.0), "d {d} {cost:?} {still:?}");
        }
    }
}

fn more_than_65535_columns_with_few_rows(device: &Device) {
    let (rows, columns) = (side(3, 3, 11, 0.0), side(70_001, 3, 12, 0.1));
    let kernel = Kernel {
        cost: Cost::SquaredEuclidean,
        epsilon: 0.05,
    };
    let expected = dense::softmin(kernel.cost, kernel.epsilon, &rows, &columns);
    let got = softmin(device, kernel, &rows, &columns, None);
    let tolerance = 11.0 * unit(device) * 13.0;
    accept("softmin", close(&got, &expected, |_| tolerance));
    // The mass of the last columns alone must be seen: a loop that ends early would lose it.
    let mut cut = columns.clone();
    cut.weights[65_535..].iter_mut().for_each(|w| *w = 0.0);
    reject(
        "softmin without the last columns",
        close(
            &dense::softmin(kernel.cost, kernel.epsilon, &rows, &cut),
            &expected,
            |_| tolerance,
        ),
    );
    let values = vec![1.0; columns.len()];
    let mut rows = rows;
    rows.potential = expected;
    let sums = product(device, kernel, &rows, &columns, Factor::One, &values, 1);
    accept(
        "product",
        close(&sums, &[1.0; 3], |_| tolerance / kernel.epsilon),
    );
}

fn more_columns_than_a_loop_may_run(device: &Device) {
    // All columns are one point of distance ½ but for the last one, which is the row itself.
    let m = 600_000;
    let mut points = vec![0.5; m];
    points[m - 1] = 0.0;
    let columns = dense::Side {
        points,
        dimension: 1,
        weights: vec![1.0 / m as f64; m],
        potential: vec![0.0; m],
    };
    let rows = side(2, 1, 13, 0.0);
    let rows = dense::Side {
        points: vec![0.0; 2],
        ..rows
    };
    let epsilon = 0.02;
    let kernel = Kernel {
        cost: Cost::SquaredEuclidean,
        epsilon,
    };
    let got = softmin(device, kernel, &rows, &columns, None);
    let far = (m - 1) as f64 / m as f64 * (-0.25f64 / epsilon).exp();
    let expected = -epsilon * (far + 1.0 / m as f64).ln();
    accept(
        "softmin",
        close(&got, &[expected; 2], |_| {
            9.0 * unit(device) * (0.25 + epsilon * 20.0)
        }),
    );
    reject(
        "softmin without the last column",
        number("f", -epsilon * far.ln(), expected, 9.0 * unit(device)),
    );
}

fn vectors_come_back_as_they_went(device: &Device) {
    for length in [0, 1, 63, 64, 65, 100_000] {
        let values = points(length, 1, 14);
        let vector = device.vector(&values).unwrap();
        assert_eq!(read(device, &vector), values);
        for part in [
            0..length,
            0..0,
            length / 3..length / 2,
            length / 2..length + 7,
        ] {
            let expected = &values[part.start..part.end.min(length)];
            let found = haul_tests::wait(device.read_part(&vector, part)).unwrap();
            assert_eq!(found, expected);
        }
        assert_eq!(
            read(device, &device.zeros(length).unwrap()),
            vec![0.0; length]
        );
    }
}

fn combinations_of_vectors(device: &Device) {
    for length in [1, 255, 257, 70_000] {
        let vectors: Vec<Vec<f64>> = (0..11).map(|k| points(length, 1, 20 + k)).collect();
        let uploaded: Vec<_> = vectors.iter().map(|v| device.vector(v).unwrap()).collect();
        for terms in [0, 1, 2, 4, 5, 11] {
            let coefficients = Numbers::new(15).vector(terms, -2.0, 2.0);
            let expected: Vec<f64> = (0..length)
                .map(|i| {
                    coefficients
                        .iter()
                        .zip(&vectors)
                        .map(|(c, v)| c * v[i])
                        .sum()
                })
                .collect();
            let mut out = device.vector(&vec![f64::NAN; length]).unwrap();
            let list: Vec<_> = coefficients.iter().copied().zip(&uploaded).collect();
            device.combine(&list, &mut out).unwrap();
            let tolerance = 2.0 * terms as f64 * 2.0 * unit(device);
            let got = read(device, &out);
            accept(
                &format!("{terms} terms of {length}"),
                close(&got, &expected, |_| tolerance),
            );
            reject(
                "another combination",
                close(
                    &got,
                    &expected.iter().map(|v| v + 1e-3).collect::<Vec<_>>(),
                    |_| tolerance,
                ),
            );
        }
    }
}

/// Histories of more slots than one dispatch takes, of clouds of more points than a workgroup.
fn histories(device: &Device) {
    for (n, slots) in [(1, 2), (300, 3), (2500, 20), (70_000, 2)] {
        let rows = side(n, 2, 21, 0.0);
        let weights = device.weights(&rows.weights, 1).unwrap();
        let epsilon = 0.5;
        let mut residuals = device.zeros(n * slots).unwrap();
        let mut images = device.zeros(n * slots).unwrap();
        let mut kept: Vec<Vec<f64>> = vec![vec![0.0; n]; slots];
        let mut expected_images = vec![vec![0.0; n]; slots];
        // The first slot is written twice: the second write replaces the first.
        for (step, index) in (0..slots).chain([0]).enumerate() {
            let (before, after) = (
                points(n, 1, 100 + step as u64),
                points(n, 1, 200 + step as u64),
            );
            let vectors = (
                device.vector(&before).unwrap(),
                device.vector(&after).unwrap(),
            );
            let update = Update {
                epsilon,
                rho: f64::INFINITY,
                before: &vectors.0,
                after: &vectors.1,
            };
            let slot = Slot {
                index,
                slots,
                residuals: &mut residuals,
                images: &mut images,
            };
            let remembered = wait(device.remember(&weights, update, slot)).unwrap();
            let Remembered {
                errors,
                means,
                products: got,
            } = remembered;
            assert_eq!((errors.len(), means.len()), (1, 1));
            kept[index] = after.iter().zip(&before).map(|(a, b)| a - b).collect();
            expected_images[index] = after;
            let error = error_of_one(device, &weights, Ratio::Potentials(update));
            // Ratios up to e⁴, weights of sum 1, sums of 256 terms.
            let tolerance = 256.0 * unit(device) * 55.0;
            accept("error", number("error", errors[0], error, tolerance));
            let images = &expected_images[index];
            let mean = images.iter().zip(&rows.weights).map(|(f, a)| a * f).sum();
            accept("mean", number("mean", means[0], mean, tolerance));
            let products: Vec<f64> = kept
                .iter()
                .map(|other| {
                    let terms = kept[index].iter().zip(other).zip(&rows.weights);
                    terms
                        .filter(|(_, a)| **a > 0.0)
                        .map(|((r, s), _)| r * s)
                        .sum()
                })
                .collect();
            // Residuals up to 2.
            let tolerance = 256.0 * unit(device) * 4.0 * n as f64;
            accept(
                &format!("products of slot {index} of {slots}"),
                close(&got, &products, |_| tolerance),
            );
            let off: Vec<f64> = products.iter().map(|p| p + 3.0 * tolerance).collect();
            reject("products", close(&got, &off, |_| tolerance));
        }
        let coefficients: Vec<f64> = (0..slots).map(|slot| slot as f64 - 1.5).collect();
        let mut out = device.vector(&vec![f64::NAN; n]).unwrap();
        device
            .mix(&coefficients, slots, 0.75, &images, &mut out)
            .unwrap();
        let expected: Vec<f64> = (0..n)
            .map(|i| {
                let terms = coefficients.iter().zip(&expected_images);
                0.75 + terms.map(|(c, image)| c * image[i]).sum::<f64>()
            })
            .collect();
        let size: f64 = coefficients.iter().map(|c| c.abs()).sum();
        let tolerance = 4.0 * slots as f64 * unit(device) * size;
        accept(
            "extrapolation",
            close(&read(device, &out), &expected, |_| tolerance),
        );
    }
}

fn scaling(device: &Device) {
    let sums: Vec<f64> = [
        1.0,
        0.5,
        3.0,
        2f64.powi(40),
        2f64.powi(-40),
        0.0,
        2f64.powi(126),
        2f64.powi(-120),
    ]
    .to_vec();
    let epsilon = 0.125;
    let uploaded = device.vector(&sums).unwrap();
    let scaled = |rho: f64| {
        let mut scaling = device.vector(&[7.0; 8]).unwrap();
        let mut potential = device.vector(&[0.25; 8]).unwrap();
        device
            .scale(epsilon, rho, &uploaded, &mut scaling, &mut potential)
            .unwrap();
        (read(device, &scaling), read(device, &potential))
    };
    // With a penalty the whole potential is damped: f + ε log u ← λ(f − ε log s).
    for rho in [0.01, 0.5, 40.0] {
        let (scaling, potential) = scaled(rho);
        for (index, sum) in sums.iter().enumerate() {
            let log = sum.log2().clamp(-100.0, 100.0) * std::f64::consts::LN_2;
            let expected = rho / (rho + epsilon) * (0.25 - epsilon * log);
            let total = potential[index] + epsilon * scaling[index].ln();
            let tolerance = 32.0 * unit(device) * (1.25 + epsilon * log.abs());
            let off = |total: f64| number("f + ε log u", total, expected, tolerance);
            accept(&format!("{sum} at ρ = {rho}"), off(total));
            reject("another", off(total + 4.0 * tolerance));
        }
    }
    let (scaling, potential) = scaled(f64::INFINITY);
    for (index, sum) in sums.iter().enumerate() {
        let log2 = -sum.log2().clamp(-100.0, 100.0);
        let total = potential[index] + epsilon * scaling[index].ln();
        let expected = 0.25 + epsilon * log2 * std::f64::consts::LN_2;
        accept(
            &format!("1/{sum}"),
            number(
                "f + ε log u",
                total,
                expected,
                32.0 * unit(device) * (1.0 + expected.abs()),
            ),
        );
        assert!(
            scaling[index].log2().abs() <= 30.0,
            "{sum} leaves u = {}",
            scaling[index]
        );
        assert_eq!(
            log2.abs() > 30.0,
            potential[index] != 0.25,
            "absorption of {sum}"
        );
    }
}

fn marginal_error(device: &Device) {
    for n in [1, 300, 70_000] {
        let rows = side(n, 2, 16, 0.0);
        let weights = device.weights(&rows.weights, 1).unwrap();
        let (before, after) = (points(n, 1, 17), points(n, 1, 18));
        let epsilon = 0.5;
        let terms = before
            .iter()
            .zip(&after)
            .map(|(f, t)| ((f - t) / epsilon).exp());
        let expected: f64 = rows
            .weights
            .iter()
            .zip(terms)
            .map(|(a, ratio)| a * (ratio - 1.0).abs())
            .sum();
        let vectors = (
            device.vector(&before).unwrap(),
            device.vector(&after).unwrap(),
        );
        let ratio = Ratio::Potentials(Update {
            epsilon,
            rho: f64::INFINITY,
            before: &vectors.0,
            after: &vectors.1,
        });
        let got = error_of_one(device, &weights, ratio);
        // Ratios up to e⁴, weights of sum 1, blocks of 256.
        let tolerance = 256.0 * unit(device) * 55.0;
        accept("potentials", number("error", got, expected, tolerance));

        // Scalings are positive.
        let before: Vec<f64> = before.iter().map(|x| 1.5 + x).collect();
        let scalings = device.vector(&before).unwrap();
        let terms = before.iter().zip(&after).map(|(u, s)| u * s);
        let expected: f64 = rows
            .weights
            .iter()
            .zip(terms)
            .map(|(a, ratio)| a * (ratio - 1.0).abs())
            .sum();
        let ratio = Ratio::Scalings {
            epsilon,
            rho: f64::INFINITY,
            potential: &vectors.0,
            scaling: &scalings,
            sums: &vectors.1,
        };
        let got = error_of_one(device, &weights, ratio);
        accept(
            "scalings",
            number("error", got, expected, 256.0 * unit(device) * 5.0),
        );
        reject(
            "twice the error",
            number("error", 2.0 * got, expected, tolerance),
        );
        penalized_marginal_error(device, &rows, &weights);
        // The error of a start that is far off is finite.
        let far = (
            device.vector(&vec![1e5; n]).unwrap(),
            device.vector(&vec![-1e5; n]).unwrap(),
        );
        for rho in [f64::INFINITY, 0.5] {
            let ratio = Ratio::Potentials(Update {
                epsilon,
                rho,
                before: &far.0,
                after: &far.1,
            });
            let error = error_of_one(device, &weights, ratio);
            assert!(error.is_finite(), "{error}");
            assert!(error > 1e20 || rho.is_finite(), "{error}");
        }
    }
}

/// Σ aᵢ |rᵢ/aᵢ − e^{−fᵢ/ρ}|, from potentials and from scalings.
fn penalized_marginal_error(device: &Device, rows: &dense::Side, weights: &Weights) {
    let n = rows.len();
    let (epsilon, rho) = (0.5, 0.8);
    let damping = rho / (rho + epsilon);
    let (f, after) = (points(n, 1, 17), points(n, 1, 18));
    let u: Vec<f64> = points(n, 1, 19).iter().map(|x| 1.5 + x).collect();
    let sums: Vec<f64> = points(n, 1, 20).iter().map(|x| 1.5 + x).collect();
    let error = |ratio: &dyn Fn(usize) -> f64, potential: &dyn Fn(usize) -> f64| -> f64 {
        let term = |i: usize| rows.weights[i] * (ratio(i) - (-potential(i) / rho).exp()).abs();
        (0..n).map(term).sum()
    };
    let by_potentials = error(&|i| ((f[i] - after[i] / damping) / epsilon).exp(), &|i| {
        f[i]
    });
    let by_scalings = error(&|i| u[i] * sums[i], &|i| f[i] + epsilon * u[i].ln());
    let vector = |values: &[f64]| device.vector(values).unwrap();
    let (f, after, u, sums) = (vector(&f), vector(&after), vector(&u), vector(&sums));
    let potentials = Ratio::Potentials(Update {
        epsilon,
        rho,
        before: &f,
        after: &after,
    });
    let scalings = Ratio::Scalings {
        epsilon,
        rho,
        potential: &f,
        scaling: &u,
        sums: &sums,
    };
    for (name, ratio, expected, largest) in [
        ("potentials", potentials, by_potentials, 200.0),
        ("scalings", scalings, by_scalings, 16.0),
    ] {
        let got = error_of_one(device, weights, ratio);
        let tolerance = 256.0 * unit(device) * largest;
        accept(name, number("error", got, expected, tolerance));
        reject(name, number("error", 2.0 * got, expected, tolerance));
    }
}

/// Every function of points, by a formula of its own: the integral, its size, the height, and the values that are written.
fn integrals(device: &Device) {
    // 600 000 points take more than one element an invocation.
    for n in [1, 300, 5000, 600_000] {
        let mut rows = side(n, 2, 16, 0.0);
        if n > 1 {
            rows.weights[n / 2] = 0.0;
        }
        let on_device = device.weights(&rows.weights, 1).unwrap();
        let [v, w] = [17, 18].map(|seed| points(n, 1, seed));
        // Up to 1, and 0 as well.
        let share: Vec<f64> = v.iter().map(|v| v.max(0.0)).collect();
        let [f, g, s] = [&v, &w, &share].map(|values| device.vector(values).unwrap());
        let (epsilon, rho) = (0.5, 0.8);
        let update = |rho| Update {
            epsilon,
            rho,
            before: &f,
            after: &g,
        };
        // log r/(a t) of after = λ T, and t.
        let log = |i: usize, rho: f64| (v[i] - w[i] * (1.0 + epsilon / rho)) / epsilon + v[i] / rho;
        let t = |i: usize, rho: f64| (-v[i] / rho).exp();
        let conjugate = |f: f64| rho - rho * (-f / rho).exp();
        let (free, exact) = (rho, f64::INFINITY);
        let of_potential = |potential, rho| Pointwise::Conjugate { potential, rho };
        let gain = |rho| Pointwise::Gain {
            before: &f,
            after: &g,
            rho,
        };
        type Formula<'f> = Box<dyn Fn(usize) -> f64 + 'f>;
        let functions: Vec<(&str, Pointwise<'_, Vector>, Formula<'_>)> = vec![
            ("value", Pointwise::Value(&f), Box::new(|i| v[i])),
            (
                "least",
                Pointwise::Least(&f, &g),
                Box::new(|i| v[i].min(w[i])),
            ),
            (
                "product",
                Pointwise::Product(&f, &g),
                Box::new(|i| v[i] * w[i]),
            ),
            (
                "entropy",
                Pointwise::Entropy(&s),
                Box::new(|i| share[i] * share[i].max(1e-300).ln()),
            ),
            (
                "conjugate",
                of_potential(&f, rho),
                Box::new(|i| conjugate(v[i])),
            ),
            ("constraint", of_potential(&f, exact), Box::new(|i| v[i])),
            (
                "gain",
                gain(rho),
                Box::new(|i| conjugate(w[i]) - conjugate(v[i])),
            ),
            ("difference", gain(exact), Box::new(|i| w[i] - v[i])),
            (
                "missing",
                Pointwise::Missing(update(free)),
                Box::new(|i| (1.0 - ((v[i] - w[i]) / epsilon).exp()).max(0.0)),
            ),
            (
                "logarithm",
                Pointwise::Logarithm(update(free)),
                Box::new(|i| t(i, free) * log(i, free).exp() * log(i, free)),
            ),
            (
                "divergence",
                Pointwise::Divergence(update(free)),
                Box::new(|i| {
                    let log = log(i, free);
                    t(i, free) * (log.exp() * (log - 1.0) + 1.0)
                }),
            ),
            (
                "divergence from the measure",
                Pointwise::Divergence(update(exact)),
                Box::new(|i| {
                    let log = log(i, exact);
                    log.exp() * (log - 1.0) + 1.0
                }),
            ),
        ];
        for (name, function, formula) in functions {
            let mut out = device.zeros(n).unwrap();
            let got = wait(device.integral(&on_device, function, Some(&mut out))).unwrap();
            assert_eq!(got.len(), 1);
            let values: Vec<f64> = (0..n).map(&formula).collect();
            let largest = values.iter().fold(1.0, |most: f64, x| most.max(x.abs()));
            // Exponents are up to 8, of which a rounding is that of the largest value eight times.
            let tolerance = |_| 64.0 * unit(device) * largest;
            accept(name, close(&read(device, &out), &values, tolerance));
            let off: Vec<f64> = values.iter().map(|x| x + 1e-3 * largest).collect();
            reject(name, close(&off, &values, tolerance));
            let sum = |term: &dyn Fn(f64) -> f64| -> f64 {
                let terms: Vec<f64> = rows
                    .weights
                    .iter()
                    .zip(&values)
                    .map(|(a, x)| a * term(*x))
                    .collect();
                terms
                    .chunks(1000)
                    .map(|terms| terms.iter().sum::<f64>())
                    .sum()
            };
            let (expected, size) = (sum(&|x| x), sum(&f64::abs));
            accept(name, number("sum", got[0].sum, expected, tolerance(0)));
            accept(name, number("size", got[0].size, size, tolerance(0)));
            reject(
                name,
                number(
                    "size",
                    1.01 * got[0].size + 1e-3 * largest,
                    size,
                    tolerance(0),
                ),
            );
            let heights = function.vectors().into_iter().flatten().flat_map(|vector| {
                let values = read(device, vector).into_iter().zip(&rows.weights);
                let weighty = values.filter(|(_, a)| **a > 0.0);
                weighty.map(|(x, _)| x.abs()).collect::<Vec<_>>()
            });
            assert_eq!(got[0].height, heights.fold(0.0, f64::max), "{name}");
        }
    }
}

fn operators_are_reproducible(device: &Device) {
    let (rows, columns) = (side(1000, 3, 19, 0.1), side(3000, 3, 20, 0.1));
    let kernel = Kernel {
        cost: Cost::SquaredEuclidean,
        epsilon: 0.01,
    };
    let first = softmin(device, kernel, &rows, &columns, None);
    assert_eq!(first, softmin(device, kernel, &rows, &columns, None));
}

fn points_of_thousands_of_dimensions(device: &Device) {
    let d = 2048;
    let (rows, columns) = (side(3, d, 21, 0.0), side(70, d, 22, 0.5));
    let kernel = Kernel {
        cost: Cost::SquaredEuclidean,
        epsilon: 50.0,
    };
    if let Device::Gpu(engine) = device
        && engine.description().max_binding_size < 64 * 4 * d as u64
    {
        // A binding that does not hold 64 points is refused with both numbers.
        let (x, y) = (
            Uploaded::new(device, &rows),
            Uploaded::new(device, &columns),
        );
        let mut out = device.zeros(3).unwrap();
        let refused = device.softmin(x.pairs(kernel, &y), y.side(), None, None, &mut out);
        let message = refused.unwrap_err().to_string();
        assert!(
            message.contains("64 points") && message.contains("524288"),
            "{message}"
        );
        return;
    }
    let expected = dense::softmin(kernel.cost, kernel.epsilon, &rows, &columns);
    let got = softmin(device, kernel, &rows, &columns, None);
    let size =
        dense::largest_cost(kernel.cost, &rows, &columns) + columns.height() + kernel.epsilon;
    // Squares are summed in partial sums: roundings grow with the root of their number.
    let tolerance = 2.0 * (d as f64).sqrt() * unit(device) * size;
    accept("softmin", close(&got, &expected, |_| tolerance));
    reject(
        "softmin",
        close(
            &got,
            &expected.iter().map(|f| 0.99 * f).collect::<Vec<_>>(),
            |_| tolerance,
        ),
    );
}

fn lengths_that_do_not_fit_are_refused(device: &Device) {
    fn lengths(result: Result<()>) -> (usize, usize) {
        match result {
            Err(Error::Length {
                expected, found, ..
            }) => (expected, found),
            other => panic!("{other:?}"),
        }
    }
    let result = device.points(&[0.0; 5], 2);
    assert_eq!(lengths(result.map(drop)).1, 5);
    let result = device.points(&[], 0);
    assert!(matches!(result, Err(Error::ZeroDimension)));
    let result = device.points(&[], 1);
    assert!(matches!(result, Err(Error::EmptyCloud)));
    let result = device.weights(&[0.5; 5], 2);
    assert_eq!(lengths(result.map(drop)).1, 5);

    let two = device.points(&[0.0, 1.0], 1).unwrap();
    let three = device.points(&[0.0; 3], 1).unwrap();
    let plane = device.points(&[0.0; 6], 2).unwrap();
    let halves: Vec<_> = (1..4)
        .map(|length| device.weights(&vec![0.5; length], 1))
        .map(Result::unwrap)
        .collect();
    let halves = |length: usize| &halves[length - 1];
    let vector = |length: usize| device.vector(&vec![0.0; length]).unwrap();
    let vectors: Vec<_> = (0..7).map(vector).collect();
    let side = |weights: usize, length: usize| Side::new(halves(weights), &vectors[length]);
    let kernel = Kernel {
        cost: Cost::SquaredEuclidean,
        epsilon: 1.0,
    };
    let pairs = Pairs::new(kernel, &two, &three);

    let softmin = |columns, guess: Option<usize>, out| {
        let guess = guess.map(|guess| &vectors[guess]);
        device.softmin(pairs, columns, guess, None, &mut vector(out))
    };
    softmin(side(3, 3), Some(2), 2).unwrap();
    assert_eq!(lengths(softmin(side(3, 2), None, 2)), (3, 2));
    assert_eq!(lengths(softmin(side(2, 3), None, 2)), (3, 2));
    assert_eq!(lengths(softmin(side(3, 3), Some(3), 2)), (2, 3));
    assert_eq!(lengths(softmin(side(3, 3), None, 1)), (2, 1));
    let unequal = Pairs::new(kernel, &two, &plane);
    let result = device.softmin(unequal, side(3, 3), None, None, &mut vector(2));
    assert!(matches!(result, Err(Error::DimensionMismatch { .. })));

    let integrand = |values: usize, width| Integrand {
        factor: Factor::One,
        values: &vectors[values],
        width,
    };
    let product = |rows: usize, values, width, out| {
        let (rows, integrand) = (Some(&vectors[rows]), integrand(values, width));
        device.product(pairs, rows, side(3, 3), integrand, &mut vector(out))
    };
    product(2, 6, 2, 4).unwrap();
    product(2, 0, 0, 0).unwrap();
    assert_eq!(lengths(product(1, 3, 1, 2)), (2, 1));
    assert_eq!(lengths(product(2, 5, 2, 4)), (6, 5));
    assert_eq!(lengths(product(2, 6, 2, 5)), (4, 5));
    // A width that no length can be a multiple of.
    assert_eq!(lengths(product(2, 6, usize::MAX, 5)).1, 6);
    let gradient = |values, width, out| {
        let (rows, integrand) = (Some(&vectors[2]), integrand(values, width));
        device.gradient(pairs, rows, side(3, 3), integrand, &mut vector(out))
    };
    gradient(3, 1, 2).unwrap();
    assert_eq!(lengths(gradient(6, 2, 4)), (1, 2));
    assert_eq!(lengths(gradient(2, 1, 2)), (3, 2));
    assert_eq!(lengths(gradient(3, 1, 3)), (2, 3));

    let scale = |sums: usize, scaling, potential| {
        let (mut scaling, mut potential) = (vector(scaling), vector(potential));
        device.scale(1.0, 2.0, &vectors[sums], &mut scaling, &mut potential)
    };
    assert_eq!(lengths(scale(2, 3, 2)), (2, 3));
    assert_eq!(lengths(scale(2, 2, 1)), (2, 1));
    let update = |before: usize, after: usize| Update {
        epsilon: 1.0,
        rho: f64::INFINITY,
        before: &vectors[before],
        after: &vectors[after],
    };
    let error = |before, after| {
        let ratio = Ratio::Potentials(update(before, after));
        wait(device.integral(halves(2), Pointwise::Excess(ratio), None)).map(drop)
    };
    assert_eq!(lengths(error(3, 2)), (2, 3));
    assert_eq!(lengths(error(2, 3)), (2, 3));
    let written = |room| {
        let value = Pointwise::Value(&vectors[2]);
        wait(device.integral(halves(2), value, Some(&mut vector(room)))).map(drop)
    };
    written(2).unwrap();
    assert_eq!(lengths(written(3)), (2, 3));
    let terms = [(1.0, &vectors[2]), (1.0, &vectors[3])];
    assert_eq!(lengths(device.combine(&terms, &mut vector(2))), (2, 3));
    let remember = |before, index, room| {
        let slot = Slot {
            index,
            slots: 2,
            residuals: &mut vector(room),
            images: &mut vector(4),
        };
        wait(device.remember(halves(2), update(before, 2), slot)).map(drop)
    };
    remember(2, 1, 4).unwrap();
    assert_eq!(lengths(remember(3, 1, 4)), (2, 3));
    assert_eq!(lengths(remember(2, 1, 5)), (4, 5));
    let result = remember(2, 2, 4);
    assert!(matches!(result, Err(Error::Slot { index: 2, slots: 2 })));
    let result = device.mix(&[0.5, 0.5], 2, 0.0, &vectors[4], &mut vector(3));
    assert_eq!(lengths(result), (6, 4));
}
