//! Reference cases, solved by a dense f64 solver with Newton's method, on every engine.
//!
//! The folder that `HAUL_REFERENCE` names holds `oracle.json` and an `.npz` for each case; without
//! it the trials show as ignored. Cases of histograms are in the folder `HAUL_REFERENCE2`, or else in
//! `oracle2` beside the first one. Tolerances: the value within 1e-5·max(1, 1e-2·max C/ε) in f32 and
//! 1e-9 in f64, relative; transport cost, mass and both marginals likewise. A divergence, and with
//! penalties a value, within as much of |OT(α, β)| + |OT(α, α)| + |OT(β, β)|.

use haul::engine::{Factor, Integrand, Kernel, Pairs, Side};
use haul::{Cost, Device, Divergence, Energy, Engine, Error, Measure, Sinkhorn, Terms, Truncated};
use haul_tests::compare::{accept, close, number, reject};
use haul_tests::{engines, wait};
use libtest_mimic::{Arguments, Trial};
use serde_json::Value;
use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;

#[path = "reference/averages.rs"]
mod averages;
#[path = "reference/coordinates.rs"]
mod coordinates;
#[path = "reference/dictionaries.rs"]
mod dictionaries;
#[path = "reference/exact.rs"]
mod exact;
#[path = "reference/fits.rs"]
mod fits;
#[path = "reference/gromov.rs"]
mod gromov;

/// The folder of the cases.
static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// The folder of the cases of histograms.
static HISTOGRAMS: OnceLock<PathBuf> = OnceLock::new();

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    if !arguments.list {
        engines::announce();
    }
    let folder = std::env::var_os("HAUL_REFERENCE").map(PathBuf::from);
    let there = folder.is_some();
    let beside = folder.as_deref().and_then(Path::parent);
    let beside = beside
        .map(|parent| parent.join("oracle2"))
        .filter(|path| path.is_dir());
    let histograms = std::env::var_os("HAUL_REFERENCE2")
        .map(PathBuf::from)
        .or(beside);
    let histograms_there = histograms.is_some();
    FOLDER.set(folder.unwrap_or_default()).unwrap();
    HISTOGRAMS.set(histograms.unwrap_or_default()).unwrap();
    let mut trials = Vec::new();
    for engine in [
        engines::cpu(),
        engines::adapters(),
        engines::adapters_without_subgroups(),
    ]
    .concat()
    {
        for (name, body) in [
            ("balanced_cases", balanced_cases as engines::Body),
            ("unbalanced_cases", unbalanced_cases),
            ("truncated_cases", truncated_cases),
            ("energies", energies),
            ("operators", operators),
        ] {
            let trial: Trial = engine.trial(name, body);
            let ignored = trial.has_ignored_flag() || !there;
            trials.push(trial.with_ignored_flag(ignored));
        }
        let bodies = [
            averages::BODIES,
            coordinates::BODIES,
            dictionaries::BODIES,
            exact::BODIES,
            fits::BODIES,
            gromov::BODIES,
        ];
        for (name, body) in bodies.concat() {
            let trial: Trial = engine.trial(name, body);
            let ignored = trial.has_ignored_flag() || !histograms_there;
            trials.push(trial.with_ignored_flag(ignored));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn list(kind: &str) -> Vec<Value> {
    list_in(folder(), kind)
}

/// The cases of a kind in a folder.
fn list_in(folder: &Path, kind: &str) -> Vec<Value> {
    let file = File::open(folder.join("oracle.json")).unwrap();
    let index: Value = serde_json::from_reader(BufReader::new(file)).unwrap();
    index[kind].as_array().unwrap().clone()
}

fn folder() -> &'static Path {
    FOLDER.get().unwrap()
}

/// The arrays of a case by name, as f64.
fn arrays(case: &Value) -> HashMap<String, Vec<f64>> {
    arrays_in(folder(), case)
}

/// The arrays of a case in a folder.
fn arrays_in(folder: &Path, case: &Value) -> HashMap<String, Vec<f64>> {
    let path = folder.join(case["file"].as_str().unwrap());
    let mut archive = npyz::npz::NpzArchive::open(path).unwrap();
    let names: Vec<String> = archive.array_names().map(str::to_owned).collect();
    let mut arrays = HashMap::new();
    for name in names {
        let array = archive.by_name(&name).unwrap().unwrap();
        let values = match array.dtype().descr().trim_matches('\'') {
            "<f4" => array
                .into_vec::<f32>()
                .unwrap()
                .into_iter()
                .map(f64::from)
                .collect(),
            "<f8" => array.into_vec::<f64>().unwrap(),
            "<i8" => array
                .into_vec::<i64>()
                .unwrap()
                .into_iter()
                .map(|i| i as f64)
                .collect(),
            other => panic!("{name} has type {other}"),
        };
        arrays.insert(name, values);
    }
    arrays
}

fn balanced_cases(device: &Device) {
    let single = device.precision().name() == "f32";
    for case in list("cases").iter().filter(|case| case["rho"].is_null()) {
        let name = case["file"].as_str().unwrap();
        let of = |key: &str| case[key].as_f64().unwrap();
        let arrays = arrays(case);
        let d = of("d") as usize;
        let measure = |points: &str, weights: &str| {
            let weights = &arrays[weights];
            Measure::new(arrays[points].clone(), d, weights.clone()).unwrap()
        };
        let (a, b) = (measure("x", "a"), measure("y", "b"));
        let epsilon = of("epsilon");
        let ratio = of("max_cost") / epsilon;
        let relative = if single {
            1e-5 * (1e-2 * ratio).max(1.0)
        } else {
            1e-9
        };
        // The transport cost is off by the first order of the marginals' error; the value is not.
        let settings = Sinkhorn::epsilon(epsilon)
            .p(of("p"))
            .tolerance(if single { 0.4 * relative } else { 1e-12 })
            .max_iterations(if single { 3000 } else { 200_000 });
        let solution = settings.solve(device, &a, &b).unwrap();
        let report = solution.report();
        println!(
            "{name}: value off by {:.1e}, cost by {:.1e}, {} iterations, error {:.1e}, converged {}",
            report.value / of("regularized_cost") - 1.0,
            report.transport_cost / of("transport_cost") - 1.0,
            report.iterations,
            report.certificate.marginal_error(),
            report.converged,
        );
        let off = |key: &str, got: f64| number(key, got, of(key), relative * of(key).abs());
        accept(name, off("regularized_cost", report.value));
        accept(name, off("transport_cost", report.transport_cost));
        accept(name, off("mass", report.mass));
        reject(
            name,
            off("regularized_cost", report.value * (1.0 + 3.0 * relative)),
        );

        if let Some(exact) = case["exact_w"].as_f64() {
            let bounds = report.certificate.wasserstein.unwrap();
            let inside = bounds.lower <= exact && exact <= bounds.upper;
            assert!(inside, "{name}: {bounds:?} {exact}");
        }

        let terms = Divergence::from(settings).evaluate(device, &a, &b).unwrap();
        let scale: f64 = [&terms.ab, &terms.aa, &terms.bb]
            .iter()
            .map(|term| term.value().abs())
            .sum();
        let divergence = number(
            "divergence",
            terms.value(),
            of("divergence"),
            relative * scale,
        );
        accept(name, divergence);

        gradients(name, &terms, &arrays);
        let (row_sums, column_sums) = solution.plan().marginals().unwrap();
        let (rows, columns) = (&arrays["row_marginal"], &arrays["col_marginal"]);
        let l1 = |v: &[f64], w: &[f64]| v.iter().zip(w).map(|(v, w)| (v - w).abs()).sum::<f64>();
        accept(name, number("P1", l1(&row_sums, rows), 0.0, relative));
        accept(
            name,
            number("Pᵀ1", l1(&column_sums, columns), 0.0, relative),
        );
    }
}

/// Both gradients in the points within 1e-3 (f32) and 1e-7 (f64) of their norms.
fn gradients(name: &str, terms: &Terms<&Device>, arrays: &HashMap<String, Vec<f64>>) {
    let single = terms.ab.report().precision.name() == "f32";
    let tolerance = if single { 1e-3 } else { 1e-7 };
    for (key, gradient) in [
        ("grad_x_ot", terms.ab.gradient()),
        ("grad_x_divergence", terms.gradient()),
    ] {
        let (got, expected) = (gradient.unwrap().points, &arrays[key]);
        relative_norm(&format!("{name} {key}"), &got, expected, tolerance);
    }
}

/// ‖got − expected‖ within a share of ‖expected‖; a control that is off by three times as much is not.
fn relative_norm(context: &str, got: &[f64], expected: &[f64], tolerance: f64) {
    let norm = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
    let differences: Vec<f64> = got.iter().zip(expected).map(|(g, e)| g - e).collect();
    let (off, size) = (norm(&differences), norm(expected));
    println!("{context}: off by {:.1e} of its norm", off / size);
    accept(context, number("norm", off, 0.0, tolerance * size));
    reject(
        context,
        number("norm", off + 3.0 * tolerance * size, 0.0, tolerance * size),
    );
}

/// W_L within 1e-5 (f32) and 1e-12 (f64), its gradients within 1e-4 and 1e-10 of their norms.
fn truncated_cases(device: &Device) {
    let single = device.precision().name() == "f32";
    for case in list("truncated") {
        let name = case["file"].as_str().unwrap();
        let of = |key: &str| case[key].as_f64().unwrap();
        let arrays = arrays(&case);
        let d = arrays["x"].len() / arrays["a"].len();
        let measure = |points: &str, weights: &str| {
            Measure::new(arrays[points].clone(), d, arrays[weights].clone()).unwrap()
        };
        let cost = Truncated::epsilon(of("epsilon"))
            .iterations(of("L") as usize)
            .p(of("p"))
            .evaluate(device, &measure("x", "a"), &measure("y", "b"))
            .unwrap();
        let expected = of("W_L");
        let tolerance = if single { 1e-5 } else { 1e-12 } * expected;
        accept(name, number("W_L", cost.value(), expected, tolerance));
        reject(
            name,
            number("W_L", cost.value() + 3.0 * tolerance, expected, tolerance),
        );
        let tolerance = if single { 1e-4 } else { 1e-10 };
        let gradient = cost.gradient().unwrap();
        for (key, got) in [("grad_x", gradient.points), ("grad_a", gradient.weights)] {
            relative_norm(&format!("{name} {key}"), &got, &arrays[key], tolerance);
        }
    }
}

fn unbalanced_cases(device: &Device) {
    let single = device.precision().name() == "f32";
    for case in list("cases").iter().filter(|case| case["rho"].is_f64()) {
        let name = case["file"].as_str().unwrap();
        let of = |key: &str| case[key].as_f64().unwrap();
        let arrays = arrays(case);
        let measure = |points: &str, weights: &str| {
            let weights = arrays[weights].clone();
            Measure::new(arrays[points].clone(), of("d") as usize, weights).unwrap()
        };
        let (a, b) = (measure("x", "a"), measure("y", "b"));
        let epsilon = of("epsilon");
        let relative = if single {
            1e-5 * (1e-2 * of("max_cost") / epsilon).max(1.0)
        } else {
            1e-9
        };
        let settings = Sinkhorn::epsilon(epsilon)
            .rho(of("rho"))
            .p(of("p"))
            .tolerance(if single { 0.4 * relative } else { 1e-12 })
            .max_iterations(if single { 3000 } else { 200_000 });
        let terms = Divergence::from(settings).evaluate(device, &a, &b).unwrap();
        let report = terms.ab.report();
        let scale: f64 = [&terms.ab, &terms.aa, &terms.bb]
            .map(|term| term.value().abs())
            .iter()
            .sum();
        println!(
            "{name}: value off by {:.1e}, cost by {:.1e}, divergence by {:.1e}, {} iterations, error {:.1e}, converged {}",
            report.value / of("regularized_cost") - 1.0,
            report.transport_cost / of("transport_cost") - 1.0,
            (terms.value() - of("divergence")) / scale,
            report.iterations,
            report.certificate.marginal_error(),
            report.converged,
        );
        let off = |key: &str, got: f64| number(key, got, of(key), relative * scale);
        accept(name, off("regularized_cost", report.value));
        accept(name, off("regularized_cost", report.regularized_cost));
        accept(name, off("transport_cost", report.transport_cost));
        accept(name, off("mass", report.mass));
        accept(name, off("divergence", terms.value()));
        let wrong = 3.0 * relative * scale;
        reject(name, off("regularized_cost", report.value + wrong));
        reject(name, off("divergence", terms.value() - wrong));
        let certificate = &report.certificate;
        assert!(
            certificate.lower_bound <= of("dual") * (1.0 + 1e-9)
                && of("dual") * (1.0 - 1e-9) <= certificate.upper_bound,
            "{name}: {certificate:?}"
        );

        gradients(name, &terms, &arrays);
        // Potentials have no free constant here.
        let potentials = terms.ab.potentials().unwrap();
        let allowed = 100.0 * relative * (scale + epsilon);
        for (key, weights, got) in [("f", "a", potentials.f), ("g", "b", potentials.g)] {
            let weighty = |values: &[f64]| -> Vec<f64> {
                let pairs = values.iter().zip(&arrays[weights]);
                pairs.filter(|(_, w)| **w > 0.0).map(|(f, _)| *f).collect()
            };
            let verdict = close(&weighty(&got), &weighty(&arrays[key]), |_| allowed);
            accept(&format!("{name} {key}"), verdict);
        }
        let (row_sums, column_sums) = terms.ab.plan().marginals().unwrap();
        let l1 = |v: &[f64], w: &[f64]| v.iter().zip(w).map(|(v, w)| (v - w).abs()).sum::<f64>();
        let rows = l1(&row_sums, &arrays["row_marginal"]);
        let columns = l1(&column_sums, &arrays["col_marginal"]);
        accept(name, number("P1", rows, 0.0, relative));
        accept(name, number("Pᵀ1", columns, 0.0, relative));
    }
}

/// The energy within 1e-5 (f32) and 1e-10 (f64) of the mean cost. The unbalanced cases have masses that
/// no energy compares.
fn energies(device: &Device) {
    let single = device.precision().name() == "f32";
    for case in list("cases") {
        let name = case["file"].as_str().unwrap();
        let of = |key: &str| case[key].as_f64().unwrap();
        let arrays = arrays(&case);
        let d = of("d") as usize;
        let measure = |points: &str, weights: &str| {
            Measure::new(arrays[points].clone(), d, arrays[weights].clone()).unwrap()
        };
        let (a, b) = (measure("x", "a"), measure("y", "b"));
        let energy = Energy::new().p(of("p")).evaluate(device, &a, &b);
        let Some(expected) = case["mmd_energy"].as_f64() else {
            assert!(
                matches!(energy, Err(Error::UnequalMass { .. })),
                "{name} {energy:?}"
            );
            continue;
        };
        let energy = energy.unwrap();
        let tolerance = if single { 1e-5 } else { 1e-10 } * of("mean_cost");
        println!(
            "{name}: energy off by {:.1e} of the mean cost, rounding {:.1e}",
            (energy.value - expected).abs() / of("mean_cost"),
            energy.rounding / of("mean_cost"),
        );
        let off = |value| number("energy", value, expected, tolerance);
        accept(name, off(energy.value));
        reject(name, off(energy.value + 3.0 * tolerance));
        assert!(energy.rounding <= tolerance, "{name} {}", energy.rounding);
        // The weights' gradient sums up to what it is made of.
        let of_rows: f64 = a
            .weights()
            .iter()
            .zip(&energy.gradient_weights)
            .map(|(a, w)| a * w)
            .sum();
        let ab_less_aa = energy.terms.ab - energy.terms.aa;
        accept(name, number("⟨a, w⟩", of_rows, ab_less_aa, tolerance));
    }
}

fn operators(device: &Device) {
    for case in list("operators") {
        let name = case["file"].as_str().unwrap();
        let arrays = arrays(&case);
        let (x, y, h, v) = (&arrays["x"], &arrays["y"], &arrays["h"], &arrays["v"]);
        let (m, width) = (h.len(), v.len() / h.len());
        let d = y.len() / m;
        let n = x.len() / d;
        let kernel = Kernel {
            cost: Cost::power(case["p"].as_f64().unwrap()).unwrap(),
            epsilon: case["epsilon"].as_f64().unwrap(),
        };
        let (rows, columns) = (device.points(x, d).unwrap(), device.points(y, d).unwrap());
        let pairs = Pairs::new(kernel, &rows, &columns);
        let weights = device.weights(&vec![1.0; m], 1).unwrap();
        let potential = device.vector(h).unwrap();
        let mut out = device.zeros(n).unwrap();
        device
            .softmin(pairs, Side::new(&weights, &potential), None, None, &mut out)
            .unwrap();
        let expected = &arrays["softmin"];
        let size = expected
            .iter()
            .chain(h)
            .fold(0.0f64, |size, f| size.max(f.abs()))
            + kernel.epsilon;
        let unit = device.precision().unit_roundoff();
        let tolerance = (d as f64 + 8.0) * unit * size * 2.0;
        let got = wait(device.read(&out)).unwrap();
        accept(name, close(&got, expected, |_| tolerance));
        reject(
            name,
            close(
                &got.iter()
                    .map(|f| f + 100.0 * tolerance)
                    .collect::<Vec<_>>(),
                expected,
                |_| tolerance,
            ),
        );

        let (f, g) = (device.zeros(n).unwrap(), device.zeros(m).unwrap());
        let values = device.vector(v).unwrap();
        let mut out = device.zeros(n * width).unwrap();
        let integrand = Integrand {
            factor: Factor::One,
            values: &values,
            width,
        };
        device
            .product(
                pairs,
                Some(&f),
                Side::new(&weights, &g),
                integrand,
                &mut out,
            )
            .unwrap();
        let expected = &arrays["Kv"];
        let largest = v.iter().fold(0.0f64, |largest, v| largest.max(v.abs()));
        let tolerance = (d as f64 + 8.0) * unit * m as f64 * largest;
        accept(
            name,
            close(&wait(device.read(&out)).unwrap(), expected, |_| tolerance),
        );
        reject(name, close(&vec![0.0; n * width], expected, |_| tolerance));
    }
}
