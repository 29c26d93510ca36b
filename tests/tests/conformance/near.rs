//! Sums over the pairs of a list against dense ones that leave out the same pairs.

use crate::operators::{Points, Uploaded, Vector, Weights, costs, side, unit, written};
use haul::engine::{Factor, Integrand, Kernel, Near, Nearest, Pairs, Side, TILE};
use haul::{Cost, Device, Engine, Error, Result};
use haul_tests::clouds::Numbers;
use haul_tests::compare::{accept, close, reject};
use haul_tests::dense;
use haul_tests::engines::Body;
use haul_tests::supported::supported;
use haul_tests::wait;
use std::ops::Range;

pub const BODIES: &[(&str, Body)] = &[
    (
        "a_list_of_everything_is_as_good_as_none",
        a_list_of_everything_is_as_good_as_none,
    ),
    (
        "softmins_leave_out_what_is_not_near",
        softmins_leave_out_what_is_not_near,
    ),
    (
        "products_leave_out_what_is_not_near",
        products_leave_out_what_is_not_near,
    ),
    (
        "slopes_leave_out_what_is_not_near",
        slopes_leave_out_what_is_not_near,
    ),
    (
        "nearest_leaves_out_what_is_not_near",
        nearest_leaves_out_what_is_not_near,
    ),
    (
        "a_row_that_is_near_nothing_is_left_out_of_the_next_pass",
        a_row_that_is_near_nothing_is_left_out_of_the_next_pass,
    ),
    (
        "a_list_for_other_points_is_refused",
        a_list_for_other_points_is_refused,
    ),
];

/// Rows, columns and dimension; the last tile of columns is whole, or of one, or of 44.
const SHAPES: [(usize, usize, usize); 5] = [
    (200, 300, 3),
    (70, 257, 2),
    (130, 256, 17),
    (5, 30, 1),
    (260, 321, 40),
];

/// A list of all pairs, whose ranges touch each other every so many columns.
fn everything(n: usize, m: usize, step: usize) -> Near {
    let list = || -> Vec<Range<usize>> {
        let starts = (0..m).step_by(step);
        starts.map(|start| start..m.min(start + step)).collect()
    };
    Near::new(n, m, (0..n.div_ceil(TILE)).map(|_| list())).unwrap()
}

/// A list of about half of the tiles. Where there are three tiles of rows, the second is near nothing.
fn some(n: usize, m: usize, seed: u64) -> Near {
    let mut numbers = Numbers::new(seed);
    let mut list = |tile: usize| {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for start in (0..m).step_by(TILE) {
            let end = m.min(start + TILE);
            // The last one is in the first list.
            let last = tile == 0 && end == m;
            if tile == 1 && n > 2 * TILE || !(last || numbers.unit() < 0.5) {
                continue;
            }
            match ranges.last_mut() {
                // Some ranges touch each other.
                Some(range) if range.end == start && numbers.unit() < 0.7 => range.end = end,
                _ => ranges.push(start..end),
            }
        }
        ranges
    };
    let lists: Vec<_> = (0..n.div_ceil(TILE)).map(&mut list).collect();
    Near::new(n, m, lists).unwrap()
}

/// Two clouds, whose rows have the potential of a plan, on a device.
struct Problem {
    kernel: Kernel,
    rows: dense::Side,
    columns: dense::Side,
    x: Uploaded,
    y: Uploaded,
    /// The tolerance of a potential.
    tolerance: f64,
    /// The relative tolerance of a term of a product.
    relative: f64,
}

impl Problem {
    fn new(device: &Device, (n, m, d): (usize, usize, usize), cost: Cost) -> Self {
        let (mut rows, columns) = (side(n, d, 5, 0.0), side(m, d, 6, 0.3));
        let largest = dense::largest_cost(cost, &rows, &columns);
        let epsilon = 0.05 * largest;
        let potential = dense::softmin(cost, epsilon, &rows, &columns).into_iter();
        rows.potential = potential.map(|f| f64::from(f as f32)).collect();
        let size = largest + rows.height() + columns.height() + epsilon;
        // A power of the distance has an error of some units more.
        let tolerance = (d as f64 + 12.0) * unit(device) * size;
        Self {
            kernel: Kernel { cost, epsilon },
            x: Uploaded::new(device, &rows),
            y: Uploaded::new(device, &columns),
            tolerance,
            relative: tolerance / epsilon,
            rows,
            columns,
        }
    }

    fn pairs<'v>(&'v self, near: Option<&'v Near>) -> Pairs<'v, Points> {
        Pairs {
            near,
            ..self.x.pairs(self.kernel, &self.y)
        }
    }

    fn side(&self) -> Side<'_, Weights, Vector> {
        self.y.side()
    }

    fn softmin(
        &self,
        device: &Device,
        near: Option<&Near>,
        guess: Option<&[f64]>,
    ) -> Result<Vec<f64>> {
        let guess = guess.map(|guess| device.vector(guess).unwrap());
        written(device, self.rows.len(), |out| {
            device.softmin(self.pairs(near), self.side(), guess.as_ref(), None, out)
        })
    }

    fn product(
        &self,
        device: &Device,
        near: Option<&Near>,
        factor: Factor,
        values: &[f64],
        width: usize,
    ) -> Result<Vec<f64>> {
        let values = device.vector(values).unwrap();
        let integrand = Integrand {
            factor,
            values: &values,
            width,
        };
        let rows = Some(&self.x.potential);
        written(device, self.rows.len() * width, |out| {
            device.product(self.pairs(near), rows, self.side(), integrand, out)
        })
    }

    fn gradient(
        &self,
        device: &Device,
        near: Option<&Near>,
        factor: Factor,
        values: &[f64],
    ) -> Result<Vec<f64>> {
        let values = device.vector(values).unwrap();
        let integrand = Integrand {
            factor,
            values: &values,
            width: 1,
        };
        let rows = Some(&self.x.potential);
        written(device, self.rows.points.len(), |out| {
            device.gradient(self.pairs(near), rows, self.side(), integrand, out)
        })
    }

    fn curvature(
        &self,
        device: &Device,
        near: Option<&Near>,
        directions: &[f64],
    ) -> Result<Vec<f64>> {
        let directions = device.vector(directions).unwrap();
        let rows = Some(&self.x.potential);
        written(device, self.rows.points.len(), |out| {
            device.curvature(self.pairs(near), rows, self.side(), &directions, out)
        })
    }

    fn nearest(&self, device: &Device, near: Option<&Near>) -> Result<Nearest> {
        wait(device.nearest(self.pairs(near), self.side()))
    }

    /// The dense sums over the pairs of a list, and over their absolute values.
    fn dense(
        &self,
        near: &Near,
        of: impl Fn(&dense::Tile) -> (Vec<f64>, Vec<f64>),
    ) -> [Vec<f64>; 2] {
        let tiles = dense::tiles(near, &self.rows, &self.columns);
        let (mut sums, mut sizes) = (Vec::new(), Vec::new());
        for (of_sums, of_sizes) in tiles.iter().map(of) {
            sums.extend(of_sums);
            sizes.extend(of_sizes);
        }
        [sums, sizes]
    }
}

/// Some of the values, with this width a point.
fn only(values: &[f64], width: usize, which: &[usize]) -> Vec<f64> {
    let of = which.iter().flat_map(|i| &values[i * width..][..width]);
    of.copied().collect()
}

/// Equal to the last digit on the CPU; on a GPU within the tolerances of both.
fn a_list_of_everything_is_as_good_as_none(device: &Device) {
    let exact = !matches!(device, Device::Gpu(_));
    for (shape, cost) in SHAPES.into_iter().zip(costs().into_iter().cycle()) {
        let (n, m, d) = shape;
        let problem = &Problem::new(device, shape, cost);
        let mut numbers = Numbers::new(7);
        let values = numbers.vector(9 * m, -1.0, 1.0);
        let directions = numbers.vector(n * d, -1.0, 1.0);
        let guess: Vec<f64> = problem.rows.potential.clone();
        let terms = |width: usize, sizes: Vec<f64>| -> Vec<f64> {
            assert_eq!(sizes.len(), n * width);
            let off = sizes.iter().map(|size| 2.0 * problem.relative * size);
            off.collect()
        };
        let Kernel { cost, epsilon } = problem.kernel;
        let (rows, columns) = (&problem.rows, &problem.columns);
        type Operator<'a> = Box<dyn Fn(Option<&Near>) -> Result<Vec<f64>> + 'a>;
        let mut operators: Vec<(String, Operator, Vec<f64>)> = Vec::new();
        let potentials = vec![2.0 * problem.tolerance; n];
        operators.push((
            "softmins of near pairs".to_owned(),
            Box::new(|near| problem.softmin(device, near, None)),
            potentials.clone(),
        ));
        operators.push((
            "softmins of near pairs".to_owned(),
            Box::new(|near| problem.softmin(device, near, Some(&guess))),
            potentials.clone(),
        ));
        for width in [1, 4, 9] {
            let values = &values[..width * m];
            let (_, sizes) =
                dense::product(cost, epsilon, rows, columns, Factor::One, values, width);
            operators.push((
                format!("products of near pairs of width {width}"),
                Box::new(move |near| problem.product(device, near, Factor::One, values, width)),
                terms(width, sizes),
            ));
        }
        let (_, sizes) = dense::gradient(cost, epsilon, rows, columns, Factor::One, &values[..m]);
        operators.push((
            "gradients of near pairs".to_owned(),
            Box::new(|near| problem.gradient(device, near, Factor::One, &values[..m])),
            terms(d, sizes),
        ));
        let (_, sizes) = dense::curvature(cost, epsilon, rows, columns, &directions);
        operators.push((
            "curvatures of near pairs".to_owned(),
            Box::new(|near| problem.curvature(device, near, &directions)),
            terms(d, sizes),
        ));
        operators.push((
            "nearest of near pairs".to_owned(),
            Box::new(|near| Ok(problem.nearest(device, near)?.values)),
            potentials,
        ));
        for (name, operator, allowed) in operators {
            let context = format!("{name}, {n}×{m}, d {d}, {cost:?}");
            let without = operator(None).unwrap();
            let close =
                |got: &[f64]| close(got, &without, |k| if exact { 0.0 } else { allowed[k] });
            for step in [m.next_multiple_of(TILE), TILE, 2 * TILE] {
                let got = operator(Some(&everything(n, m, step)));
                let Some(got) = supported(device, &name, got) else {
                    break;
                };
                accept(&context, close(&got));
            }
            // A list of half of them is not.
            if m > TILE {
                let got = operator(Some(&some(n, m, 3)));
                if let Some(got) = supported(device, &name, got) {
                    reject(&context, close(&got));
                }
            }
        }
    }
}

fn softmins_leave_out_what_is_not_near(device: &Device) {
    for (index, shape) in SHAPES.into_iter().enumerate() {
        for cost in costs() {
            let (n, m, d) = shape;
            let problem = Problem::new(device, shape, cost);
            let Kernel { cost, epsilon } = problem.kernel;
            let near = some(n, m, 10 + index as u64);
            let [expected, _] = problem.dense(&near, |tile| {
                let softmin = if tile.columns.is_empty() {
                    vec![f64::INFINITY; tile.rows.len()]
                } else {
                    dense::softmin(cost, epsilon, &tile.rows, &tile.columns)
                };
                (softmin, Vec::new())
            });
            // Rows that are near nothing have a guess as well.
            let finite = |f: &f64| if f.is_finite() { *f } else { 0.0 };
            let guess: Vec<f64> = expected.iter().map(finite).collect();
            let off: Vec<f64> = guess.iter().map(|f| f + 200.0 * epsilon).collect();
            let context = format!("{n}×{m}, d {d}, {cost:?}");
            let of_near = |values: &[f64]| -> Vec<f64> {
                let pairs = values.iter().zip(&expected);
                let near = pairs.filter(|(_, expected)| expected.is_finite());
                near.map(|(value, _)| *value).collect()
            };
            let close =
                |got: &[f64]| close(&of_near(got), &of_near(&expected), |_| problem.tolerance);
            for guess in [None, Some(&guess), Some(&off)] {
                let got = problem.softmin(device, Some(&near), guess.map(Vec::as_slice));
                let Some(got) = supported(device, "softmins of near pairs", got) else {
                    return;
                };
                accept(&context, close(&got));
                for (got, expected) in got.iter().zip(&expected) {
                    let huge = got.is_finite() && *got > 1e3 * problem.tolerance / unit(device);
                    assert!(expected.is_finite() || huge, "{context}: {got}");
                }
            }
            if m > TILE {
                reject(
                    &context,
                    close(&problem.softmin(device, None, None).unwrap()),
                );
            }
        }
    }
}

fn products_leave_out_what_is_not_near(device: &Device) {
    for (index, shape) in SHAPES.into_iter().enumerate() {
        for (cost, width, factor) in [
            (Cost::SquaredEuclidean, 1, Factor::One),
            (Cost::SquaredEuclidean, 4, Factor::Cost),
            (Cost::SquaredEuclidean, 9, Factor::One),
            (Cost::Euclidean, 1, Factor::Cost),
            (Cost::Euclidean, 4, Factor::One),
            (Cost::power(1.5).unwrap(), 9, Factor::Cost),
            (Cost::power(0.5).unwrap(), 1, Factor::One),
        ] {
            let (n, m, d) = shape;
            let problem = Problem::new(device, shape, cost);
            let Kernel { cost, epsilon } = problem.kernel;
            let near = some(n, m, 20 + index as u64);
            let values = Numbers::new(7).vector(m * width, -1.0, 1.0);
            let [expected, sizes] = problem.dense(&near, |tile| {
                let values = only(&values, width, &tile.columns_of);
                let (rows, columns) = (&tile.rows, &tile.columns);
                dense::product(cost, epsilon, rows, columns, factor, &values, width)
            });
            let got = problem.product(device, Some(&near), factor, &values, width);
            let name = format!("products of near pairs of width {width}");
            let Some(got) = supported(device, &name, got) else {
                continue;
            };
            let context = format!("{n}×{m}, d {d}, {cost:?}, {factor:?}, width {width}");
            let close = |got: &[f64]| close(got, &expected, |k| problem.relative * sizes[k]);
            accept(&context, close(&got));
            if m > TILE {
                let all = problem.product(device, None, factor, &values, width);
                reject(&context, close(&all.unwrap()));
            }
        }
    }
}

fn slopes_leave_out_what_is_not_near(device: &Device) {
    for (index, shape) in SHAPES.into_iter().enumerate() {
        for (p, factor) in [(2.0, Factor::One), (1.0, Factor::Cost), (1.5, Factor::One)] {
            let (n, m, d) = shape;
            let problem = Problem::new(device, shape, Cost::power(p).unwrap());
            let Kernel { cost, epsilon } = problem.kernel;
            let near = some(n, m, 30 + index as u64);
            let context = format!("{n}×{m}, d {d}, {cost:?}, {factor:?}");

            let values = Numbers::new(7).vector(m, -1.0, 1.0);
            let [expected, sizes] = problem.dense(&near, |tile| {
                let values = only(&values, 1, &tile.columns_of);
                let (rows, columns) = (&tile.rows, &tile.columns);
                dense::gradient(cost, epsilon, rows, columns, factor, &values)
            });
            let got = problem.gradient(device, Some(&near), factor, &values);
            if let Some(got) = supported(device, "gradients of near pairs", got) {
                let close = |got: &[f64]| close(got, &expected, |k| problem.relative * sizes[k]);
                accept(&context, close(&got));
                let all = problem.gradient(device, None, factor, &values);
                if m > TILE {
                    reject(&context, close(&all.unwrap()));
                }
            }

            let directions = Numbers::new(8).vector(n * d, -1.0, 1.0);
            let [expected, sizes] = problem.dense(&near, |tile| {
                let directions = only(&directions, d, &tile.rows_of);
                dense::curvature(cost, epsilon, &tile.rows, &tile.columns, &directions)
            });
            let got = problem.curvature(device, Some(&near), &directions);
            if let Some(got) = supported(device, "curvatures of near pairs", got) {
                let close = |got: &[f64]| close(got, &expected, |k| problem.relative * sizes[k]);
                accept(&context, close(&got));
                let all = problem.curvature(device, None, &directions);
                if m > TILE {
                    reject(&context, close(&all.unwrap()));
                }
            }
        }
    }
}

fn nearest_leaves_out_what_is_not_near(device: &Device) {
    for (index, shape) in SHAPES.into_iter().enumerate() {
        for cost in costs() {
            let (n, m, d) = shape;
            let problem = Problem::new(device, shape, cost);
            let near = some(n, m, 40 + index as u64);
            let got = problem.nearest(device, Some(&near));
            let Some(got) = supported(device, "nearest of near pairs", got) else {
                return;
            };
            let context = format!("{n}×{m}, d {d}, {cost:?}");
            let tiles = dense::tiles(&near, &problem.rows, &problem.columns);
            let check = |got: &Nearest| -> std::result::Result<(), String> {
                for tile in &tiles {
                    let reduced = dense::reduced_costs(cost, &tile.rows, &tile.columns);
                    let width = tile.columns.len();
                    for (k, row) in tile.rows_of.iter().enumerate() {
                        let of_row = &reduced[k * width..][..width];
                        let least = of_row.iter().copied().fold(f64::INFINITY, f64::min);
                        let (column, value) = (got.columns[*row], got.values[*row]);
                        let Some(column) = column else {
                            if least.is_finite() || value != f64::INFINITY {
                                return Err(format!("row {row}: none of {least}, {value}"));
                            }
                            continue;
                        };
                        let among = tile.columns_of.iter().position(|j| *j == column as usize);
                        let Some(among) = among else {
                            return Err(format!("row {row}: column {column} is not near"));
                        };
                        let allowed = 2.0 * problem.tolerance;
                        close(&[value, of_row[among]], &[least; 2], |_| allowed)?;
                    }
                }
                Ok(())
            };
            accept(&context, check(&got));
            if m > TILE {
                reject(&context, check(&problem.nearest(device, None).unwrap()));
            }
        }
    }
}

fn a_row_that_is_near_nothing_is_left_out_of_the_next_pass(device: &Device) {
    let problem = Problem::new(device, (200, 300, 3), Cost::SquaredEuclidean);
    let Kernel { cost, epsilon } = problem.kernel;
    let near = some(200, 300, 50);
    let (rows, columns) = (&problem.rows, &problem.columns);
    let pairs = problem.pairs(Some(&near));
    let mut first = device.zeros(200).unwrap();
    let run = device.softmin(pairs, problem.side(), None, None, &mut first);
    if supported(device, "softmins of near pairs", run).is_none() {
        return;
    }
    let mut negative = device.zeros(200).unwrap();
    device.combine(&[(-1.0, &first)], &mut negative).unwrap();
    let back = problem.y.pairs(problem.kernel, &problem.x);
    let of_rows: Side<'_, Weights, Vector> = Side {
        weights: None,
        potential: Some(&negative),
    };
    let second = written(device, 300, |out| {
        device.softmin(back, of_rows, None, None, out)
    });
    // The second tile is near nothing.
    let mut kept = dense::Side {
        weights: vec![1.0; 200],
        ..rows.clone()
    };
    for tile in dense::tiles(&near, rows, columns) {
        let softmin = dense::softmin(cost, epsilon, &tile.rows, &tile.columns);
        for (row, f) in tile.rows_of.iter().zip(softmin) {
            if tile.columns.is_empty() {
                kept.weights[*row] = 0.0;
            } else {
                kept.potential[*row] = -f;
            }
        }
    }
    let expected = dense::softmin(cost, epsilon, columns, &kept);
    let allowed = 3.0 * problem.tolerance;
    let second = second.unwrap();
    accept("the next pass", close(&second, &expected, |_| allowed));
    kept.weights[TILE..2 * TILE].fill(1.0);
    let wrong = dense::softmin(cost, epsilon, columns, &kept);
    reject("the next pass", close(&second, &wrong, |_| allowed));
}

fn a_list_for_other_points_is_refused(device: &Device) {
    let problem = Problem::new(device, (70, 193, 2), Cost::SquaredEuclidean);
    let refused = |near: &Near| {
        let softmin = problem.softmin(device, Some(near), None);
        let nearest = problem
            .nearest(device, Some(near))
            .map(|nearest| nearest.values);
        [softmin, nearest].map(|outcome| matches!(outcome, Err(Error::Length { .. })))
    };
    assert_eq!(refused(&everything(71, 193, TILE)), [true; 2], "rows");
    assert_eq!(refused(&everything(70, 194, TILE)), [true; 2], "columns");
    assert_eq!(refused(&everything(70, 193, TILE)), [false; 2], "the same");
}
