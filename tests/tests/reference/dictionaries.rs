//! Linear dictionaries and label losses: objectives and derivatives that dense solvers in f64 found.
//!
//! Tolerances are relative to the largest entry of a derivative: 1e-7 in f64. A potential has an error of some 6e-8 times
//! the largest exponent in f32.

use crate::{HISTOGRAMS, arrays_in, list_in};
use haul::{
    BarycenterKind, Device, Engine, Histograms, LabelLoss, LabelMetric, LinearDictionary, Measure,
    Precision,
};
use haul_tests::compare::{accept, close, number, reject};
use haul_tests::engines::Body;

pub const BODIES: &[(&str, Body)] = &[
    ("dictionaries_linear", dictionaries),
    ("label_losses", labels),
];

/// The values less the mean of their row, whose constant is free.
fn centred(values: &[f64], width: usize) -> Vec<f64> {
    let row = |row: &[f64]| {
        let mean = row.iter().sum::<f64>() / width as f64;
        row.iter().map(|v| v - mean).collect::<Vec<_>>()
    };
    values.chunks_exact(width).flat_map(row).collect()
}

/// Accepts values within a share of the largest, and rejects others.
fn compare(context: &str, got: &[f64], expected: &[f64], relative: f64) {
    let size = expected.iter().fold(0.0f64, |size, v| size.max(v.abs()));
    let off = got
        .iter()
        .zip(expected)
        .map(|(g, e)| (g - e).abs())
        .fold(0.0, f64::max);
    println!("{context}: off by {:.1e} of {size:.1e}", off / size);
    accept(context, close(got, expected, |_| relative * size));
    let wrong: Vec<f64> = expected.iter().map(|v| v + 2.0 * relative * size).collect();
    reject(context, close(&wrong, expected, |_| relative * size));
}

fn dictionaries(device: &Device) {
    let folder = HISTOGRAMS.get().unwrap();
    for case in list_in(folder, "dictionaries_linear") {
        let arrays = arrays_in(folder, &case);
        let name = case["file"].as_str().unwrap();
        let number_of = |key: &str| case[key].as_u64().unwrap() as usize;
        let (n, d, atoms) = (number_of("n"), number_of("d"), number_of("atoms"));
        let epsilon = case["epsilon"].as_f64().unwrap();
        let support = Measure::uniform(&arrays["x"], d).unwrap();
        let data = Histograms::dense(n, &arrays["data"]).unwrap();
        for (key, kind) in [
            ("ot", BarycenterKind::Product),
            ("ot_reference", BarycenterKind::Plain),
            ("divergence", BarycenterKind::Debiased),
        ] {
            let (tolerance, relative) = match device.precision() {
                Precision::F64 => (1e-10, 1e-7),
                Precision::F32 => (1e-4, 2e-3),
            };
            let got = LinearDictionary::epsilon(epsilon)
                .kind(kind)
                .gradient(
                    device,
                    &support,
                    &data,
                    (&arrays["atoms"], &arrays["lam"]),
                    tolerance,
                )
                .unwrap();
            let expected = case["objective"][key].as_f64().unwrap();
            let objective = |value| number(key, value, expected, relative * expected);
            println!(
                "{name} {key}: objective off by {:.1e}",
                got.objective / expected - 1.0
            );
            accept(name, objective(got.objective));
            reject(name, objective(expected * (1.0 + 2.0 * relative)));
            for (what, got, width) in [("atoms", &got.atoms, n), ("lambda", &got.weights, atoms)] {
                let expected = &arrays[&format!("{key}_grad_{what}")];
                let context = format!("{name} {key} {what}");
                let relative = 5.0 * relative;
                compare(
                    &context,
                    &centred(got, width),
                    &centred(expected, width),
                    relative,
                );
            }
        }
    }
}

fn labels(device: &Device) {
    let folder = HISTOGRAMS.get().unwrap();
    for case in list_in(folder, "label_losses") {
        let arrays = arrays_in(folder, &case);
        let name = case["file"].as_str().unwrap();
        let rho = |side: usize| case["rho"][side].as_f64().unwrap_or(f64::INFINITY);
        let (tolerance, relative) = match device.precision() {
            Precision::F64 => (1e-11, 1e-8),
            Precision::F32 => (5e-5, 5e-4),
        };
        let metric = LabelMetric::matrix(&arrays["cost"]).unwrap();
        let losses = LabelLoss::epsilon(case["epsilon"].as_f64().unwrap())
            .rho_a(rho(0))
            .rho_b(rho(1))
            .tolerance(tolerance)
            .evaluate(device, &metric, &arrays["predictions"], &arrays["targets"])
            .unwrap();
        for (key, got) in [
            ("values", &losses.values),
            ("plan_mass", &losses.plan_masses),
            ("grad_predictions", &losses.gradient),
            ("grad_logits", &losses.gradient_logits()),
        ] {
            compare(&format!("{name} {key}"), got, &arrays[key], relative);
        }
        for (bounds, value) in losses.bounds.iter().zip(&arrays["values"]) {
            let off = 1e-9;
            assert!(
                bounds.lower <= value + off && *value <= bounds.upper + off,
                "{name}: {bounds:?} {value}"
            );
        }
    }
}
