//! Measurements of q histograms equal those of each of them; and sums of vectors with many numbers a point.

use crate::operators::{Vector, Weights, read, unit};
use haul::engine::{Pointwise, Ratio, Remembered, Slot, Update};
use haul::{Device, Engine};
use haul_tests::clouds::{Numbers, points, weights};
use haul_tests::compare::{accept, close, reject};
use haul_tests::dense;
use haul_tests::engines::Body;
use haul_tests::wait;

pub const BODIES: &[(&str, Body)] = &[
    (
        "marginal_errors_of_histograms_are_those_of_each",
        marginal_errors_of_histograms,
    ),
    (
        "histories_of_histograms_are_those_of_each",
        histories_of_histograms,
    ),
    ("mixtures_are_products_of_matrices", mixtures),
];

/// Points and histograms.
const SHAPES: [(usize, usize); 4] = [(1, 1), (300, 7), (5000, 3), (9, 600)];

/// Column s of an n×q matrix.
fn of_histogram(values: &[f64], q: usize, s: usize) -> Vec<f64> {
    values.iter().skip(s).step_by(q).copied().collect()
}

/// n×q weights, each histogram of sum 1.
fn histograms(n: usize, q: usize) -> Vec<f64> {
    let lines = haul::engine::Lines::of_histograms(q);
    dense::lay(lines, n, 1, |s| weights(n, 60 + s as u64))
}

/// Ratios are up to e⁴ and weights sum to 1, in blocks of 256.
fn allowed(device: &Device) -> f64 {
    256.0 * unit(device) * 55.0
}

fn marginal_errors_of_histograms(device: &Device) {
    const EPSILON: f64 = 0.5;
    for (n, q) in SHAPES {
        let all = histograms(n, q);
        let vectors: Vec<Vec<f64>> = (0..4)
            .map(|k| points(n * q, 1, 17 + k))
            .map(|values| values.iter().map(|x| 1.5 + 0.5 * x).collect())
            .collect();
        for rho in [f64::INFINITY, 0.8] {
            for scalings in [false, true] {
                let errors = |weights: &Weights, [f, t, u, s]: [&Vector; 4]| {
                    let ratio = if scalings {
                        Ratio::Scalings {
                            epsilon: EPSILON,
                            rho,
                            potential: f,
                            scaling: u,
                            sums: s,
                        }
                    } else {
                        Ratio::Potentials(Update {
                            epsilon: EPSILON,
                            rho,
                            before: f,
                            after: t,
                        })
                    };
                    let integrals = device.integral(weights, Pointwise::Excess(ratio), None);
                    let integrals = wait(integrals).unwrap();
                    integrals
                        .iter()
                        .map(|integral| integral.size)
                        .collect::<Vec<_>>()
                };
                let upload = |of: &dyn Fn(&[f64]) -> Vec<f64>| -> [Vector; 4] {
                    [0, 1, 2, 3].map(|k| device.vector(&of(&vectors[k])).unwrap())
                };
                let together = {
                    let weights = device.weights(&all, q).unwrap();
                    let uploaded = upload(&<[f64]>::to_vec);
                    errors(&weights, uploaded.each_ref())
                };
                let alone: Vec<f64> = (0..q.min(20))
                    .flat_map(|s| {
                        let weights = of_histogram(&all, q, s);
                        let weights = device.weights(&weights, 1).unwrap();
                        let uploaded = upload(&|values| of_histogram(values, q, s));
                        errors(&weights, uploaded.each_ref())
                    })
                    .collect();
                assert_eq!(together.len(), q);
                let context = format!("n {n}, q {q}, ρ {rho}, scalings: {scalings}");
                let close = |got: &[f64]| close(&got[..alone.len()], &alone, |_| allowed(device));
                accept(&context, close(&together));
                let off: Vec<f64> = together.iter().map(|e| e + 3.0 * allowed(device)).collect();
                reject(&context, close(&off));
            }
        }
    }
}

fn histories_of_histograms(device: &Device) {
    const SLOTS: usize = 3;
    for (n, q) in SHAPES {
        let all = histograms(n, q);
        let measured = q.min(20);
        // The sums of each histogram by itself, of those that are measured.
        let mut expected: Vec<Vec<Remembered>> = vec![Vec::new(); SLOTS];
        let run = |weights: &[f64], histograms: usize, of: &dyn Fn(&[f64]) -> Vec<f64>| {
            let points_of_all = weights.len();
            let weights = device.weights(weights, histograms).unwrap();
            let mut residuals = device.zeros(points_of_all * SLOTS).unwrap();
            let mut images = device.zeros(points_of_all * SLOTS).unwrap();
            let remembered: Vec<Remembered> = (0..SLOTS)
                .map(|index| {
                    let seed = 100 + 2 * index as u64;
                    let [before, after] = [seed, seed + 1].map(|seed| points(n * q, 1, seed));
                    let [before, after] =
                        [before, after].map(|values| device.vector(&of(&values)).unwrap());
                    let update = Update {
                        epsilon: 0.5,
                        rho: f64::INFINITY,
                        before: &before,
                        after: &after,
                    };
                    let slot = Slot {
                        index,
                        slots: SLOTS,
                        residuals: &mut residuals,
                        images: &mut images,
                    };
                    wait(device.remember(&weights, update, slot)).unwrap()
                })
                .collect();
            (remembered, read(device, &residuals), read(device, &images))
        };
        let (together, residuals, images) = run(&all, q, &<[f64]>::to_vec);
        let mut products = vec![vec![0.0; SLOTS]; SLOTS];
        for s in 0..measured {
            let of = |values: &[f64]| of_histogram(values, q, s);
            let (alone, of_residuals, of_images) = run(&of(&all), 1, &of);
            for (slot, remembered) in alone.into_iter().enumerate() {
                for (sum, product) in products[slot].iter_mut().zip(&remembered.products) {
                    *sum += product;
                }
                expected[slot].push(remembered);
            }
            // The history has the slots of a point side by side, for each histogram.
            for (all, alone) in [(&residuals, of_residuals), (&images, of_images)] {
                let of_points = all.chunks_exact(SLOTS).skip(s).step_by(q);
                let kept: Vec<f64> = of_points.flatten().copied().collect();
                assert_eq!(kept, alone, "n {n}, q {q}, histogram {s}");
            }
        }
        for (slot, together) in together.iter().enumerate() {
            let of = |value: fn(&Remembered) -> &Vec<f64>| -> Vec<f64> {
                expected[slot].iter().map(|alone| value(alone)[0]).collect()
            };
            let context = format!("n {n}, q {q}, slot {slot}");
            for (got, alone) in [
                (&together.errors, of(|alone| &alone.errors)),
                (&together.means, of(|alone| &alone.means)),
            ] {
                assert_eq!(got.len(), q);
                let close = |got: &[f64]| close(&got[..alone.len()], &alone, |_| allowed(device));
                accept(&context, close(got));
                let off: Vec<f64> = got.iter().map(|e| e + 3.0 * allowed(device)).collect();
                reject(&context, close(&off));
            }
            // Products are over all histograms.
            if measured < q {
                continue;
            }
            // Residuals up to 2.
            let tolerance = 256.0 * unit(device) * 4.0 * (n * q) as f64;
            let close = |got: &[f64]| close(got, &products[slot], |_| tolerance);
            accept(&context, close(&together.products));
            let off: Vec<f64> = products[slot].iter().map(|p| p + 3.0 * tolerance).collect();
            reject(&context, close(&off));
        }
    }
}

fn mixtures(device: &Device) {
    for (n, q) in [(1, 1), (300, 2), (9, 40), (2500, 7), (70_000, 2)] {
        for k in [1, 3, 20] {
            let mut numbers = Numbers::new(5);
            let vectors = points(n * q, 1, 6);
            let coefficients = numbers.vector(q * k, -2.0, 2.0);
            for offset in [0.0, 0.75] {
                let mut expected = vec![offset; n * k];
                for (row, sums) in vectors.chunks_exact(q).zip(expected.chunks_exact_mut(k)) {
                    for (value, coefficients) in row.iter().zip(coefficients.chunks_exact(k)) {
                        for (sum, coefficient) in sums.iter_mut().zip(coefficients) {
                            *sum += coefficient * value;
                        }
                    }
                }
                let uploaded = device.vector(&vectors).unwrap();
                let mut out = device.vector(&vec![f64::NAN; n * k]).unwrap();
                device
                    .mix(&coefficients, q, offset, &uploaded, &mut out)
                    .unwrap();
                let got = read(device, &out);
                // Coefficients and the result are rounded, and each of q products and sums.
                let tolerance = 2.0 * (q as f64 + 4.0) * unit(device) * (2.0 * q as f64 + offset);
                let context = format!("{n}×{q} to {n}×{k} with {offset}");
                let close = |got: &[f64]| close(got, &expected, |_| tolerance);
                accept(&context, close(&got));
                let off: Vec<f64> = got.iter().map(|v| v + 3.0 * tolerance).collect();
                reject(&context, close(&off));
                if k > 1 {
                    let mut shifted = got;
                    shifted.rotate_left(1);
                    reject(&context, close(&shifted));
                }
            }
        }
    }
    let lengths = |coefficients: &[f64], q, vectors: usize, out: usize| {
        let vectors = device.zeros(vectors).unwrap();
        let mut out = device.zeros(out).unwrap();
        device.mix(coefficients, q, 0.0, &vectors, &mut out)
    };
    lengths(&[0.5; 6], 2, 8, 12).unwrap();
    for refused in [
        lengths(&[0.5; 5], 2, 8, 12),
        lengths(&[0.5; 6], 2, 9, 12),
        lengths(&[0.5; 6], 2, 8, 11),
        lengths(&[0.5; 6], 2, 8, 8),
    ] {
        assert!(
            matches!(refused, Err(haul::Error::Length { .. })),
            "{refused:?}"
        );
    }
}
