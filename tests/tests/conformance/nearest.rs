//! The nearest column against the least of all reduced costs, densely.

use crate::operators::{Uploaded, Vector, Weights, costs, side, unit};
use haul::engine::{Kernel, Lines, Nearest, Pairs, Side};
use haul::{Cost, Device, Engine, Error, Result};
use haul_tests::clouds::Numbers;
use haul_tests::compare::{accept, close, reject};
use haul_tests::dense;
use haul_tests::engines::Body;
use haul_tests::supported::supported;
use haul_tests::wait;

pub const BODIES: &[(&str, Body)] = &[
    (
        "the_nearest_column_has_the_least_reduced_cost",
        the_nearest_column_has_the_least_reduced_cost,
    ),
    (
        "of_columns_as_near_the_first_is_told",
        of_columns_as_near_the_first_is_told,
    ),
    (
        "a_column_of_weight_0_is_nearest_to_nothing",
        a_column_of_weight_0_is_nearest_to_nothing,
    ),
    (
        "nearest_columns_of_lines_are_those_of_each_line",
        nearest_columns_of_lines,
    ),
    (
        "nearest_columns_of_thousands_of_points",
        nearest_columns_of_thousands_of_points,
    ),
];

const SHAPES: [(usize, usize); 5] = [(1, 1), (2, 7), (7, 300), (300, 7), (200, 513)];
const DIMENSIONS: [usize; 5] = [1, 2, 3, 17, 64];

fn kernel(cost: Cost) -> Kernel {
    Kernel { cost, epsilon: 1.0 }
}

fn nearest(
    device: &Device,
    kernel: Kernel,
    rows: &dense::Side,
    columns: &dense::Side,
) -> Result<Nearest> {
    let (x, y) = (Uploaded::new(device, rows), Uploaded::new(device, columns));
    wait(device.nearest(x.pairs(kernel, &y), y.side()))
}

/// Whether each value is, up to rounding, the least of its row and that of its column.
fn check(
    got: &Nearest,
    cost: Cost,
    rows: &dense::Side,
    columns: &dense::Side,
    tolerance: f64,
) -> std::result::Result<(), String> {
    if got.columns.len() != rows.len() {
        return Err(format!("{} columns told", got.columns.len()));
    }
    let reduced = dense::reduced_costs(cost, rows, columns);
    let of_rows = reduced.chunks_exact(columns.len());
    let least = |of_row: &[f64]| of_row.iter().copied().fold(f64::INFINITY, f64::min);
    let expected: Vec<f64> = of_rows.clone().map(least).collect();
    close(&got.values, &expected, |_| tolerance)?;
    let told: Option<Vec<f64>> = of_rows
        .zip(&got.columns)
        .map(|(of_row, column)| of_row.get((*column)? as usize).copied())
        .collect();
    let told = told.ok_or("a row without a column")?;
    // The least value may have an error as well.
    close(&told, &expected, |_| 2.0 * tolerance)
}

fn the_nearest_column_has_the_least_reduced_cost(device: &Device) {
    for d in DIMENSIONS {
        for (n, m) in SHAPES {
            for cost in costs() {
                let (rows, columns) = (side(n, d, 1, 0.0), side(m, d, 2, 0.5));
                let size = dense::largest_cost(cost, &rows, &columns) + columns.height();
                // A power of the distance has an error of some units more.
                let tolerance = (d as f64 + 12.0) * unit(device) * size;
                let got = nearest(device, kernel(cost), &rows, &columns);
                let Some(got) = supported(device, "nearest columns", got) else {
                    return;
                };
                let context = format!("{n}×{m}, d {d}, {cost:?}");
                let check = |got: &Nearest| check(got, cost, &rows, &columns, tolerance);
                accept(&context, check(&got));
                let mut off = got.clone();
                off.values[n - 1] += 3.0 * tolerance;
                reject(&context, check(&off));
                let mut next = got.clone();
                let step = |column: &mut Option<u32>| {
                    *column = column.map(|column| (column + 1) % m as u32);
                };
                next.columns.iter_mut().for_each(step);
                if m > 1 {
                    reject(&context, check(&next));
                }
                // It does not depend on ε.
                for epsilon in [1e-9, f64::INFINITY] {
                    let again = nearest(device, Kernel { cost, epsilon }, &rows, &columns);
                    assert_eq!(again.unwrap(), got, "{context}, ε {epsilon}");
                }
            }
        }
    }
}

/// n points of a lattice, whose differences and their squares are exact.
fn lattice(n: usize, d: usize, seed: u64) -> dense::Side {
    let mut numbers = Numbers::new(seed);
    let mut multiple = |of: f64| (numbers.within(-1.0, 1.0) * of).round() / of;
    dense::Side {
        points: (0..n * d).map(|_| multiple(4.0)).collect(),
        dimension: d,
        weights: vec![1.0; n],
        potential: (0..n).map(|_| multiple(8.0)).collect(),
    }
}

fn of_columns_as_near_the_first_is_told(device: &Device) {
    for (n, m, d) in [(60, 200, 1), (60, 900, 2), (200, 500, 3), (9, 2500, 5)] {
        for cost in costs() {
            let (rows, mut columns) = (lattice(n, d, 3), lattice(m, d, 4));
            // Other powers of a distance round, but the same way for the same distance.
            let exact = cost == Cost::SquaredEuclidean;
            if !exact {
                columns.potential.fill(0.0);
            }
            let got = nearest(device, kernel(cost), &rows, &columns);
            let Some(got) = supported(device, "nearest columns", got) else {
                return;
            };
            let reduced = dense::reduced_costs(cost, &rows, &columns);
            let (mut first, mut least, mut last) = (Vec::new(), Vec::new(), Vec::new());
            for of_row in reduced.chunks_exact(m) {
                let smallest = of_row.iter().copied().fold(f64::INFINITY, f64::min);
                let same = |value: &f64| *value == smallest;
                first.push(of_row.iter().position(same).map(|j| j as u32));
                last.push(of_row.iter().rposition(same).map(|j| j as u32));
                least.push(smallest);
            }
            let context = format!("{n}×{m}, d {d}, {cost:?}");
            assert_eq!(got.columns, first, "{context}");
            assert_ne!(last, first, "{context}: no ties");
            if exact {
                assert_eq!(got.values, least, "{context}");
            }
        }
    }
}

fn a_column_of_weight_0_is_nearest_to_nothing(device: &Device) {
    let (n, m, d) = (70, 150, 3);
    for cost in costs() {
        let (rows, mut columns) = (side(n, d, 5, 0.0), side(m, d, 6, 0.2));
        // A weightless column where each row is, and far below the others.
        columns.points[..n * d].copy_from_slice(&rows.points);
        columns.weights[..n].fill(0.0);
        columns.potential[..n].fill(10.0);
        let size = dense::largest_cost(cost, &rows, &columns) + columns.height();
        let tolerance = (d as f64 + 12.0) * unit(device) * size;
        let got = nearest(device, kernel(cost), &rows, &columns);
        let Some(got) = supported(device, "nearest columns", got) else {
            return;
        };
        let context = format!("{cost:?}");
        accept(&context, check(&got, cost, &rows, &columns, tolerance));
        let heavy = dense::Side {
            weights: vec![1.0; m],
            ..columns.clone()
        };
        reject(&context, check(&got, cost, &rows, &heavy, tolerance));

        // Without weights all columns count.
        let (x, y) = (
            Uploaded::new(device, &rows),
            Uploaded::new(device, &columns),
        );
        let unweighted: Side<'_, Weights, Vector> = Side {
            weights: None,
            potential: Some(&y.potential),
        };
        let got = wait(device.nearest(x.pairs(kernel(cost), &y), unweighted)).unwrap();
        accept(&context, check(&got, cost, &rows, &heavy, tolerance));
        // And without a potential it is the nearest point: the row itself.
        let nothing: Side<'_, Weights, Vector> = Side {
            weights: None,
            potential: None,
        };
        let got = wait(device.nearest(x.pairs(kernel(cost), &y), nothing)).unwrap();
        let expected: Vec<_> = (0..n as u32).map(Some).collect();
        assert_eq!((got.columns, got.values), (expected, vec![0.0; n]));

        columns.weights.fill(0.0);
        let got = nearest(device, kernel(cost), &rows, &columns).unwrap();
        assert_eq!(got.columns, vec![None; n], "{context}");
        assert_eq!(got.values, vec![f64::INFINITY; n], "{context}");
    }
}

fn nearest_columns_of_lines(device: &Device) {
    for (lines, n, m, d) in [
        (Lines::of_histograms(6), 70, 150, 2),
        (Lines { outer: 6, inner: 1 }, 9, 70, 1),
        (Lines { outer: 3, inner: 5 }, 70, 9, 40),
    ] {
        for cost in costs() {
            let (rows, columns) = (side(n, d, 7, 0.0), side(m, d, 8, 0.0));
            // In one line nothing counts.
            let empty = 2;
            let of_line = |line: usize| {
                let of_line = side(m, d, 40 + 3 * line as u64, 0.5);
                dense::Side {
                    points: columns.points.clone(),
                    weights: if line == empty {
                        vec![0.0; m]
                    } else {
                        of_line.weights
                    },
                    ..of_line
                }
            };
            let (x, y) = (
                Uploaded::new(device, &rows),
                Uploaded::new(device, &columns),
            );
            let weights = dense::lay(lines, m, 1, |line| of_line(line).weights);
            let weights = device.weights(&weights, lines.inner).unwrap();
            let potential = dense::lay(lines, m, 1, |line| of_line(line).potential);
            let potential = device.vector(&potential).unwrap();
            let pairs = Pairs {
                lines,
                ..x.pairs(kernel(cost), &y)
            };
            let got = wait(device.nearest(pairs, Side::new(&weights, &potential)));
            let Some(got) = supported(device, "nearest columns of lines", got) else {
                return;
            };
            let size = dense::largest_cost(cost, &rows, &columns) + 0.5;
            let tolerance = (d as f64 + 12.0) * unit(device) * size;
            let context = format!("{n}×{m}, d {d}, {cost:?}, {lines:?}");
            let columns_told: Vec<f64> = got
                .columns
                .iter()
                .map(|column| column.map_or(f64::NAN, f64::from))
                .collect();
            for line in 0..lines.count() {
                let columns_told = dense::line(&columns_told, n, 1, lines, line);
                let of_this = Nearest {
                    columns: columns_told
                        .into_iter()
                        .map(|column| (!column.is_nan()).then_some(column as u32))
                        .collect(),
                    values: dense::line(&got.values, n, 1, lines, line),
                };
                if line == empty {
                    assert_eq!(of_this.columns, vec![None; n], "{context}");
                    assert_eq!(of_this.values, vec![f64::INFINITY; n], "{context}");
                    continue;
                }
                let check =
                    |columns: dense::Side| check(&of_this, cost, &rows, &columns, tolerance);
                let context = format!("{context}, line {line}");
                accept(&context, check(of_line(line)));
                reject(&context, check(of_line(line + lines.count())));
            }
        }
    }
}

/// More columns than one dispatch takes, of which the last ones are the nearest.
fn nearest_columns_of_thousands_of_points(device: &Device) {
    let (n, m, d) = (5, 70_001, 2);
    let (rows, mut columns) = (side(n, d, 9, 0.0), side(m, d, 10, 0.0));
    columns.weights.fill(1.0);
    for k in 0..n {
        let last = m - n + k;
        columns.points[last * d..][..d].copy_from_slice(&rows.points[k * d..][..d]);
        columns.potential[last] = 0.5;
    }
    let got = nearest(device, kernel(Cost::SquaredEuclidean), &rows, &columns);
    let Some(got) = supported(device, "nearest columns", got) else {
        return;
    };
    let expected: Vec<_> = (m - n..m).map(|j| Some(j as u32)).collect();
    assert_eq!(got.columns, expected);
    assert_eq!(got.values, vec![-0.5; n]);
    // Lengths that do not fit are errors.
    let (x, y) = (Uploaded::new(device, &rows), Uploaded::new(device, &rows));
    let wrong = device.vector(&[0.0; 6]).unwrap();
    let pairs = x.pairs(kernel(Cost::SquaredEuclidean), &y);
    let refused = wait(device.nearest(pairs, Side::new(&y.weights, &wrong)));
    assert!(
        matches!(refused, Err(Error::Length { found: 6, .. })),
        "{refused:?}"
    );
}
