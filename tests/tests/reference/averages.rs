//! Barycenters of the three kinds, and steps of flows, which dense solvers in f64 found.
//!
//! A solve to an L1 error t has a value that is off by about t·ε. Histograms are compared where the minimum is not flat:
//! of plain barycenters and of flows of the entropy and of the reference form. For other barycenters the objective is.

use crate::{HISTOGRAMS, arrays_in, list_in};
use haul::{
    Barycenter, BarycenterKind, Bounds, Device, Engine, Flow, FlowKind, Grid, InternalEnergy,
    Measure, Precision,
};
use haul_tests::compare::{accept, number, reject};
use haul_tests::dense::distance;
use haul_tests::engines::Body;
use serde_json::Value;
use std::collections::HashMap;

pub const BODIES: &[(&str, Body)] = &[("barycenters", barycenters), ("flows", flows)];

/// The arrays of a case.
struct Arrays(HashMap<String, Vec<f64>>);

impl Arrays {
    /// Weights on the grid of the case, or on its points `x`, or on points of their own, `y` and a number.
    fn measure(&self, weights: &[f64], input: Option<usize>) -> Measure {
        let axes = (0..3).filter_map(|k| self.0.get(&format!("axis{k}")));
        let axes: Vec<&Vec<f64>> = axes.collect();
        if axes.is_empty() {
            let own = input.and_then(|s| self.0.get(&format!("y{s}")));
            let points = own.unwrap_or(&self.0["x"]);
            let dimension = points.len() / weights.len();
            return Measure::new(points.clone(), dimension, weights.to_vec()).unwrap();
        }
        let shape: Vec<usize> = axes.iter().map(|axis| axis.len()).collect();
        let spacing = |axis: &&Vec<f64>| (axis[axis.len() - 1] - axis[0]) / (axis.len() - 1) as f64;
        let spacing: Vec<f64> = axes.iter().map(spacing).collect();
        let origin: Vec<f64> = axes.iter().map(|axis| axis[0]).collect();
        let grid = Grid::new(&shape, &spacing, &origin).unwrap();
        Measure::grid(grid, weights.to_vec()).unwrap()
    }
}

/// The cases of a kind with their arrays.
fn cases(kind: &str) -> Vec<(Value, Arrays)> {
    let folder = HISTOGRAMS.get().unwrap();
    let cases = list_in(folder, kind).into_iter();
    cases
        .map(|case| {
            let arrays = Arrays(arrays_in(folder, &case));
            (case, arrays)
        })
        .collect()
}

/// The tolerance of a solve, and that of its values over ε.
fn tolerances(device: &Device) -> (f64, f64) {
    match device.precision() {
        Precision::F64 => (1e-9, 1e-8),
        Precision::F32 => (1e-4, 1e-3),
    }
}

/// Whether bounds enclose a value, up to the digits of the reference.
fn enclose(bounds: Bounds, value: f64) -> Result<(), String> {
    let slack = 1e-9 * value.abs();
    match bounds.lower <= value + slack && value <= bounds.upper + slack {
        true => Ok(()),
        false => Err(format!("{bounds:?} without {value}")),
    }
}

fn barycenters(device: &Device) {
    let (tolerance, allowed) = tolerances(device);
    for (case, arrays) in cases("barycenters") {
        let name = case["file"].as_str().unwrap();
        let epsilon = case["epsilon"].as_f64().unwrap();
        let count = case["inputs"].as_u64().unwrap() as usize;
        let inputs: Vec<Measure> = (0..count)
            .map(|s| arrays.measure(&arrays.0[&format!("b{s}")], Some(s)))
            .collect();
        let n = case["n"].as_u64().unwrap() as usize;
        let support = arrays.measure(&vec![1.0; n], None);
        for (kind, value) in [
            (BarycenterKind::Plain, "value_reference"),
            (BarycenterKind::Debiased, "value"),
            (BarycenterKind::Product, "value"),
        ] {
            let Some(value) = case[kind.name()][value].as_f64() else {
                continue;
            };
            let plain = kind == BarycenterKind::Plain;
            let average = Barycenter::epsilon(epsilon)
                .kind(kind)
                .lambda(&arrays.0["lam"])
                .tolerance(tolerance)
                .max_iterations(if plain { 400 } else { 100 })
                .solve_on(device, &support, &inputs)
                .unwrap();
            let report = average.report();
            println!(
                "{name} {}: objective off by {:.1e} ε, bounds {:.1e} ε apart, {} iterations",
                kind.name(),
                (report.objective - value) / epsilon,
                (report.bounds.upper - report.bounds.lower) / epsilon,
                report.iterations,
            );
            let context = format!("{name} {}", kind.name());
            accept(&context, enclose(report.bounds, value));
            let off = 2.0 * (report.bounds.upper - report.bounds.lower) + 4e-9 * value.abs();
            reject(&context, enclose(report.bounds, value - off));
            // Kinds whose bins become empty come near in objective, not to the end.
            let near = if plain { allowed } else { 5e-3 } * epsilon;
            let objective = |of| number("objective", of, value, near);
            accept(&context, objective(report.objective));
            reject(&context, objective(report.objective + 3.0 * near));
            if plain {
                assert!(report.converged, "{context} {report:?}");
                let apart = distance(average.measure().weights(), &arrays.0["plain"]);
                accept(&context, number("L1", apart, 0.0, allowed));
                let apart = distance(inputs[0].weights(), &arrays.0["plain"]);
                reject(&context, number("L1", apart, 0.0, allowed));
            }
        }
    }
}

fn flows(device: &Device) {
    let (tolerance, allowed) = tolerances(device);
    for (case, arrays) in cases("flows") {
        let name = case["file"].as_str().unwrap();
        let of = |key: &str| case[key].as_f64().unwrap();
        let start = arrays.measure(&arrays.0["b"], None);
        let internal = match case["bound"].as_f64() {
            Some(bound) => InternalEnergy::Crowd { bound },
            None => InternalEnergy::Entropy,
        };
        for kind in [FlowKind::Reference, FlowKind::Debiased] {
            let (Some(value), Some(expected)) = (
                case[kind.name()]["objective"].as_f64(),
                arrays.0.get(kind.name()),
            ) else {
                continue;
            };
            let flow = Flow::epsilon(of("epsilon"))
                .kind(kind)
                .internal_energy(internal)
                .potential(&arrays.0["potential"])
                .tau(of("tau"))
                .tolerance(tolerance)
                .solve(device, &start)
                .unwrap();
            let (report, density) = (&flow.reports()[0], flow.densities()[0].weights());
            let apart = distance(density, expected);
            println!(
                "{name} {}: {apart:.1e} apart in L1, objective off by {:.1e} ε, {} iterations",
                kind.name(),
                (report.objective - value) / report.epsilon,
                report.iterations,
            );
            let context = format!("{name} {}", kind.name());
            assert!(report.converged && report.iterations <= 30, "{report:?}");
            accept(&context, enclose(report.bounds, value));
            let off = 2.0 * (report.bounds.upper - report.bounds.lower) + 4e-9 * value.abs();
            reject(&context, enclose(report.bounds, value - off));
            accept(&context, number("L1", apart, 0.0, allowed));
            let unmoved = distance(start.weights(), expected);
            reject(&context, number("L1", unmoved, 0.0, allowed));
            let near = allowed * report.epsilon;
            let objective = |of| number("objective", of, value, near);
            accept(&context, objective(report.objective));
            reject(&context, objective(report.objective + 3.0 * near));
        }
    }
}
