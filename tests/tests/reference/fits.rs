//! Barycenters on free supports, and reductions to k points, which dense solvers in f64 found.
//!
//! A solve to an L1 error t moves images by about t times the diameter of the clouds, 3 to 4 here.

use crate::{HISTOGRAMS, arrays_in, list_in};
use haul::{
    BarycenterKind, Device, Engine, FreeBarycenter, Measure, Precision, Quantization,
    Regularization, Sinkhorn,
};
use haul_tests::compare::{accept, close, number, reject};
use haul_tests::engines::Body;
use serde_json::Value;
use std::collections::HashMap;

pub const BODIES: &[(&str, Body)] = &[
    ("free_supports", free_supports),
    ("quantizations", quantizations),
];

/// The cases of free supports, with or without an input of several.
fn cases(with_inputs: bool) -> Vec<(Value, HashMap<String, Vec<f64>>)> {
    let folder = HISTOGRAMS.get().unwrap();
    let cases = list_in(folder, "free_supports").into_iter();
    let cases = cases.filter(|case| case["inputs"].is_u64() == with_inputs);
    cases
        .map(|case| {
            let arrays = arrays_in(folder, &case);
            (case, arrays)
        })
        .collect()
}

fn free_supports(device: &Device) {
    let double = device.precision() == Precision::F64;
    let (tolerance, movement, allowed) = if double {
        (1e-11, 1e-9, 1e-7)
    } else {
        (2e-5, 3e-4, 3e-3)
    };
    for (case, arrays) in cases(true) {
        let name = case["file"].as_str().unwrap();
        let d = case["d"].as_u64().unwrap() as usize;
        let measure = |points: &str, weights: &str| {
            Measure::new(arrays[points].clone(), d, arrays[weights].clone()).unwrap()
        };
        let inputs: Vec<Measure> = (0..case["inputs"].as_u64().unwrap())
            .map(|s| measure(&format!("y{s}"), &format!("b{s}")))
            .collect();
        let start = measure("x0", "a");
        let sinkhorn = Sinkhorn::epsilon(case["epsilon"].as_f64().unwrap());
        let settings = FreeBarycenter::new(sinkhorn.tolerance(tolerance))
            .lambda(&arrays["lam"])
            .movement(movement);
        for (key, kind, steps) in [
            ("step1", BarycenterKind::Product, 1),
            ("step3", BarycenterKind::Product, 3),
            ("fixed_point", BarycenterKind::Product, 2000),
            ("debiased_step1", BarycenterKind::Debiased, 1),
        ] {
            let settings = settings.clone().kind(kind).max_steps(steps);
            let average = settings.solve(device, &start, &inputs).unwrap();
            let context = format!("{name} {key}");
            let (got, expected) = (average.measure().points(), &arrays[key]);
            // Steps are solved to ten times the tolerance; where steps are still large, the fixed point is as far as they shrink.
            let slow = if key == "fixed_point" { 10.0 } else { 1.0 };
            accept(&context, close(got, expected, |_| slow * allowed));
            reject(
                &context,
                close(start.points(), expected, |_| slow * allowed),
            );
            let report = average.report();
            assert_eq!(report.converged, key == "fixed_point", "{report:?}");
            if key == "fixed_point" {
                let value = case["values"][2].as_f64().unwrap();
                let allowed = allowed * report.epsilon;
                let objective = |of| number("objective", of, value, allowed);
                accept(&context, objective(report.objective));
                reject(&context, objective(report.objective + 3.0 * allowed));
                let bound = average.lower_bound(device).unwrap().unwrap();
                assert!(
                    value - 0.5 * report.epsilon < bound && bound <= value,
                    "{bound}"
                );
            }
        }
    }
}

fn quantizations(device: &Device) {
    let double = device.precision() == Precision::F64;
    for (case, arrays) in cases(false) {
        let of = |key: &str| case[key].as_f64().unwrap();
        let cloud = Measure::new(arrays["y"].clone(), 2, arrays["b"].clone()).unwrap();
        let start = Measure::uniform(&arrays["x0"], 2).unwrap();
        let found = Quantization::lloyd().movement(0.0);
        let found = found.solve_from(device, &cloud, &start).unwrap();
        accept(
            "W₂²",
            number("W₂²", found.report().objective, of("w2"), 1e-12),
        );
        reject(
            "W₂²",
            number("W₂²", found.report().objective, of("w2") + 3e-12, 1e-12),
        );
        accept(
            "centres",
            close(found.measure().points(), &arrays["centres"], |_| 1e-12),
        );
        accept(
            "weights",
            close(found.measure().weights(), &arrays["weights"], |_| 1e-12),
        );
        let (movement, allowed) = if double { (1e-11, 1e-9) } else { (1e-4, 3e-3) };
        let epsilon = Regularization::Epsilon(of("epsilon"));
        let soft = Quantization::soft(epsilon)
            .movement(movement)
            .max_iterations(1000);
        let soft = soft.solve_from(device, &cloud, &start).unwrap();
        assert!(soft.report().converged, "{:?}", soft.report());
        let near = if double { 1e-12 } else { 1e-5 };
        let objective = soft.report().objective;
        accept("soft", number("value", objective, of("soft_value"), near));
        reject(
            "soft",
            number("value", objective, of("soft_value") + 3.0 * near, near),
        );
        accept(
            "soft points",
            close(soft.measure().points(), &arrays["soft_points"], |_| allowed),
        );
        accept(
            "soft weights",
            close(soft.measure().weights(), &arrays["soft_weights"], |_| {
                allowed
            }),
        );
        reject(
            "soft points",
            close(soft.measure().points(), &arrays["centres"], |_| allowed),
        );
    }
}
