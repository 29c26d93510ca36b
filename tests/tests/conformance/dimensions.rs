//! Points of many dimensions and products of many values: the rounding of sums over dimensions, and sums of
//! more values than a kernel holds. Also densities near 1, of which only the excess is computed.

use crate::operators::{Uploaded, curvature, gradient, product, read, side, unit};
use haul::engine::{Factor, Kernel, distance_roundings};
use haul::{Cost, Device, Engine, Precision};
use haul_tests::clouds::Numbers;
use haul_tests::compare::{accept, close, reject};
use haul_tests::dense;
use haul_tests::engines::Body;

pub const BODIES: &[(&str, Body)] = &[
    (
        "a_distance_loses_what_its_sum_in_blocks_may_lose",
        a_distance_loses_what_its_sum_in_blocks_may_lose,
    ),
    (
        "a_potential_loses_no_more_in_many_dimensions",
        a_potential_loses_no_more_in_many_dimensions,
    ),
    ("products_of_many_values", products_of_many_values),
    ("slopes_of_many_dimensions", slopes_of_many_dimensions),
];

pub const EXCESS: &[(&str, Body)] = &[(
    "the_excess_of_a_density_is_exact_relative_to_itself",
    the_excess_of_a_density_is_exact_relative_to_itself,
)];

/// Points whose coordinates are all the same.
fn constant(n: usize, d: usize, value: f64) -> dense::Side {
    dense::Side {
        points: vec![value; n * d],
        dimension: d,
        weights: vec![1.0 / n as f64; n],
        potential: vec![0.0; n],
    }
}

/// All terms of a distance are equal, and so are the roundings of a plain sum of them, which add up.
fn a_distance_loses_what_its_sum_in_blocks_may_lose(device: &Device) {
    let value = f64::from(0.1f32);
    for d in [1, 4, 5, 32, 33, 64, 1000, 1024, 1025, 10_000] {
        let (rows, columns) = (constant(3, d, 0.0), constant(5, d, value));
        let exact = d as f64 * value * value;
        // A difference and its square are rounded as well, and the results computed from the sum.
        let tolerance = (distance_roundings(d) as f64 + 8.0) * unit(device);
        for p in [1.0, 1.5, 2.0] {
            let kernel = Kernel {
                cost: Cost::power(p).unwrap(),
                epsilon: f64::INFINITY,
            };
            let expected = exact.powf(0.5 * p);
            let got = product(device, kernel, &rows, &columns, Factor::Cost, &[1.0; 5], 1);
            let context = format!("d {d}, p {p}");
            let close = |got: &[f64]| close(got, &[expected; 3], |_| tolerance * expected);
            accept(&context, close(&got));
            if d == 10_000 {
                let in_a_row = match device.precision() {
                    Precision::F32 => {
                        let square = (value * value) as f32;
                        f64::from((0..d).fold(0.0, |sum, _| sum + square))
                    }
                    Precision::F64 => (0..d).fold(0.0, |sum, _| sum + value * value),
                };
                reject(&context, close(&[in_a_row.powf(0.5 * p); 3]));
            }
        }
    }
}

/// The softmin of one point is the cost minus its potential, and a good guess is as large as the cost.
fn a_potential_loses_no_more_in_many_dimensions(device: &Device) {
    let value = f64::from(0.1f32);
    for d in [33, 1000, 10_000] {
        let (rows, columns) = (constant(3, d, 0.0), constant(5, d, value));
        let exact = d as f64 * value * value;
        let roundings = distance_roundings(d) as f64 + 8.0;
        let kernel = Kernel {
            cost: Cost::SquaredEuclidean,
            epsilon: exact,
        };
        let (x, y) = (
            Uploaded::new(device, &rows),
            Uploaded::new(device, &columns),
        );
        let guess = device.vector(&[exact; 3]).unwrap();
        let mut out = device.zeros(3).unwrap();
        device
            .softmin(x.pairs(kernel, &y), y.side(), Some(&guess), None, &mut out)
            .unwrap();
        let got = read(device, &out);
        let close = |got: &[f64], roundings: f64| {
            close(got, &[exact; 3], |_| roundings * unit(device) * exact)
        };
        accept(&format!("d {d}"), close(&got, roundings));
        let off = exact * (1.0 + 3.0 * roundings * unit(device));
        reject(&format!("d {d}"), close(&[off; 3], roundings));
    }
}

/// The relative error of a term that exponents and sums may cause.
fn relative(device: &Device, d: usize, cost: Cost, epsilon: f64, sides: [&dense::Side; 2]) -> f64 {
    let [rows, columns] = sides;
    let size = dense::largest_cost(cost, rows, columns) + rows.height() + columns.height();
    (d as f64 + 12.0) * unit(device) * (1.0 + size / epsilon)
}

fn products_of_many_values(device: &Device) {
    for (n, m, d, width) in [(70, 150, 3, 131), (5, 600, 2, 5), (130, 70, 65, 9)] {
        for (p, factor) in [(2.0, Factor::One), (1.0, Factor::Cost), (1.5, Factor::One)] {
            let (cost, epsilon) = (Cost::power(p).unwrap(), 0.1 * d as f64);
            let (mut rows, columns) = (side(n, d, 5, 0.0), side(m, d, 6, 0.3));
            rows.potential = dense::softmin(cost, epsilon, &rows, &columns);
            let values = Numbers::new(7).vector(m * width, -1.0, 1.0);
            let (expected, sizes) =
                dense::product(cost, epsilon, &rows, &columns, factor, &values, width);
            let kernel = Kernel { cost, epsilon };
            let got = product(device, kernel, &rows, &columns, factor, &values, width);
            let relative = relative(device, d, cost, epsilon, [&rows, &columns]);
            let context = format!("{n}×{m}, d {d}, p {p}, {factor:?}, width {width}");
            let close = |got: &[f64]| close(got, &expected, |k| relative * sizes[k]);
            accept(&context, close(&got));
            let mut shifted = got;
            shifted.rotate_left(1);
            reject(&context, close(&shifted));
        }
    }
}

fn slopes_of_many_dimensions(device: &Device) {
    for (n, m, d) in [(70, 150, 100), (3, 5, 2000), (9, 600, 67)] {
        for p in [1.0, 1.5, 2.0] {
            let (cost, epsilon) = (Cost::power(p).unwrap(), 0.1 * d as f64);
            let (mut rows, columns) = (side(n, d, 5, 0.0), side(m, d, 6, 0.3));
            rows.potential = dense::softmin(cost, epsilon, &rows, &columns);
            let relative = relative(device, d, cost, epsilon, [&rows, &columns]);
            let context = format!("{n}×{m}, d {d}, p {p}");
            let kernel = Kernel { cost, epsilon };

            let values = Numbers::new(7).vector(m, -1.0, 1.0);
            let (expected, sizes) =
                dense::gradient(cost, epsilon, &rows, &columns, Factor::One, &values);
            let got = gradient(device, kernel, &rows, &columns, Factor::One, &values);
            let compared = |got: &[f64]| close(got, &expected, |k| relative * sizes[k]);
            accept(&format!("gradient {context}"), compared(&got));
            let mut shifted = got;
            shifted.rotate_left(1);
            reject(&format!("gradient {context}"), compared(&shifted));

            let directions = Numbers::new(8).vector(n * d, -1.0, 1.0);
            let (expected, sizes) = dense::curvature(cost, epsilon, &rows, &columns, &directions);
            let got = curvature(device, kernel, &rows, &columns, &directions);
            let compared = |got: &[f64]| close(got, &expected, |k| relative * sizes[k]);
            accept(&format!("curvature {context}"), compared(&got));
            let mut shifted = got;
            shifted.rotate_left(1);
            reject(&format!("curvature {context}"), compared(&shifted));
        }
    }
}

/// Σⱼ bⱼ (πᵢⱼ − 1) Vⱼ for densities that differ from 1 by less and less. The error is relative to the
/// parts of the exponents, (|f| + |g| + C)/ε, and not to the densities.
fn the_excess_of_a_density_is_exact_relative_to_itself(device: &Device) {
    for (d, p) in [(1, 2.0), (3, 2.0), (3, 1.0), (2, 1.5), (40, 2.0)] {
        let cost = Cost::power(p).unwrap();
        for range in [1.0, 1e-2, 1e-5, 1e-8] {
            for width in [1, 3, 7] {
                let (mut rows, mut columns) = (side(90, d, 5, 0.0), side(300, d, 6, 0.0));
                let largest = dense::largest_cost(cost, &rows, &columns);
                let epsilon = largest / range;
                for (side, seed) in [(&mut rows, 1), (&mut columns, 2)] {
                    let potential = Numbers::new(seed).vector(side.len(), 0.0, largest);
                    side.potential = potential.iter().map(|f| f64::from(*f as f32)).collect();
                }
                let values = Numbers::new(7).vector(300 * width, -1.0, 1.0);
                let values: Vec<f64> = values.iter().map(|v| f64::from(*v as f32)).collect();
                let kernel = Kernel { cost, epsilon };
                let run = |factor| product(device, kernel, &rows, &columns, factor, &values, width);
                let (expected, _) = dense::product(
                    cost,
                    epsilon,
                    &rows,
                    &columns,
                    Factor::Excess,
                    &values,
                    width,
                );
                let sizes = sizes_of_excess(kernel, [&rows, &columns], &values, width);
                // The reference rounds as often, in f64.
                let unit = unit(device) + Precision::F64.unit_roundoff();
                let relative = (distance_roundings(d) as f64 + 12.0) * unit;
                let context = format!("d {d}, p {p}, C/ε {range}, width {width}");
                let close = |got: &[f64]| close(got, &expected, |k| relative * sizes[k]);
                accept(&context, close(&run(Factor::Excess)));
                // What is left of π itself.
                if range <= 1e-5 {
                    let mut difference = run(Factor::One);
                    for sums in difference.chunks_exact_mut(width) {
                        for (k, sum) in sums.iter_mut().enumerate() {
                            let of_column = values.iter().skip(k).step_by(width);
                            let terms = columns.weights.iter().zip(of_column);
                            *sum -= terms.map(|(b, v)| b * v).sum::<f64>();
                        }
                    }
                    reject(&context, close(&difference));
                }
            }
        }
    }
}

/// Σⱼ bⱼ (|f| + |g| + C)/ε max(π, 1) |Vⱼ|.
fn sizes_of_excess(
    kernel: Kernel,
    [rows, columns]: [&dense::Side; 2],
    values: &[f64],
    width: usize,
) -> Vec<f64> {
    let mut sizes = vec![0.0; rows.len() * width];
    for (i, sizes) in sizes.chunks_exact_mut(width).enumerate() {
        for (j, values) in values.chunks_exact(width).enumerate() {
            let cost = dense::cost(kernel.cost, rows.point(i), columns.point(j));
            let (f, g) = (rows.potential[i], columns.potential[j]);
            let density = ((f + g - cost) / kernel.epsilon).exp().max(1.0);
            let parts = (f.abs() + g.abs() + cost) / kernel.epsilon;
            for (size, value) in sizes.iter_mut().zip(values) {
                *size += columns.weights[j] * parts * density * value.abs();
            }
        }
    }
    sizes
}
