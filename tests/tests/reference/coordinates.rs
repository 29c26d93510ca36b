//! Barycentric coordinates: barycenters after L iterations and converged ones, and their derivatives, which automatic
//! differentiation in f64 found.
//!
//! Tolerances are relative to the largest entry: 1e-9 in f64. In f32 a potential has an error of some 6e-8 times the
//! largest exponent, and b and its derivatives are exponentials of potentials.

use crate::{HISTOGRAMS, arrays_in, list_in};
use haul::{
    BarycentricDictionary, Coordinates, CoordinatesLoss, Device, Engine, Grid, Measure, Precision,
    Reconstruction,
};
use haul_tests::compare::{accept, close, number, reject};
use haul_tests::engines::Body;
use serde_json::Value;
use std::collections::HashMap;

pub const BODIES: &[(&str, Body)] = &[
    ("coordinates", coordinates),
    ("dictionaries_barycentric", dictionaries),
];

/// A case with its measures.
struct Case {
    name: String,
    of: Value,
    arrays: HashMap<String, Vec<f64>>,
    grid: Option<Grid>,
}

impl Case {
    fn all(kind: &str) -> Vec<Self> {
        let folder = HISTOGRAMS.get().unwrap();
        let cases = list_in(folder, kind).into_iter();
        cases
            .map(|of| {
                let arrays = arrays_in(folder, &of);
                let name = of["file"].as_str().unwrap().to_owned();
                let axes = (0..3).filter_map(|k| arrays.get(&format!("axis{k}")));
                let axes: Vec<&Vec<f64>> = axes.collect();
                let spacing =
                    |axis: &[f64]| (axis[axis.len() - 1] - axis[0]) / (axis.len() - 1) as f64;
                let grid = (!axes.is_empty()).then(|| {
                    let shape: Vec<usize> = axes.iter().map(|axis| axis.len()).collect();
                    let spacing: Vec<f64> = axes.iter().map(|axis| spacing(axis)).collect();
                    let origin: Vec<f64> = axes.iter().map(|axis| axis[0]).collect();
                    Grid::new(&shape, &spacing, &origin).unwrap()
                });
                Self {
                    name,
                    of,
                    arrays,
                    grid,
                }
            })
            .collect()
    }

    fn number(&self, key: &str) -> f64 {
        self.of[key].as_f64().unwrap()
    }

    fn array(&self, key: &str) -> &[f64] {
        &self.arrays[key]
    }

    /// Weights on the grid, or on the points of this name.
    fn measure(&self, points: &str, weights: &[f64]) -> Measure {
        match &self.grid {
            Some(grid) => Measure::grid(grid.clone(), weights.to_vec()).unwrap(),
            None => {
                let points = self.array(points).to_vec();
                let d = points.len() / weights.len();
                Measure::new(points, d, weights.to_vec()).unwrap()
            }
        }
    }
}

fn is_double(device: &Device) -> bool {
    device.precision() == Precision::F64
}

/// A share of the largest entry; entries that have no reference are not compared.
fn relative(context: &str, got: &[f64], expected: &[f64], share: f64) {
    let known: Vec<usize> = (0..expected.len())
        .filter(|i| expected[*i].is_finite())
        .collect();
    let of = |values: &[f64]| -> Vec<f64> { known.iter().map(|i| values[*i]).collect() };
    let (got, expected) = (of(got), of(expected));
    let largest = expected.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
    let off = got.iter().zip(&expected).map(|(g, e)| (g - e).abs());
    println!(
        "{context}: off by {:.1e}",
        off.fold(0.0, f64::max) / largest
    );
    accept(context, close(&got, &expected, |_| share * largest));
    let wrong: Vec<f64> = got.iter().map(|g| g + 3.0 * share * largest).collect();
    reject(context, close(&wrong, &expected, |_| share * largest));
}

fn centred(values: &[f64]) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| value - mean).collect()
}

/// The derivative of a loss in the barycenter.
fn slope(loss: &str, p: &[f64], q: &[f64]) -> Vec<f64> {
    let pairs = p.iter().zip(q);
    match loss {
        "l2" => pairs.map(|(p, q)| p - q).collect(),
        "kl" => pairs.map(|(p, q)| (p / q).ln()).collect(),
        "kl_reverse" => pairs.map(|(p, q)| 1.0 - q / p).collect(),
        _ => pairs.map(|(p, q)| 0.5 * (p - q).signum()).collect(),
    }
}

fn coordinates(device: &Device) {
    let share = if is_double(device) { 1e-9 } else { 1e-3 };
    for case in Case::all("coordinates") {
        let atoms: Vec<Measure> = (0..case.number("atoms") as usize)
            .map(|s| case.measure(&format!("y{s}"), case.array(&format!("p{s}"))))
            .collect();
        let support = case.measure("x", &vec![1.0; case.number("n") as usize]);
        let settings = Coordinates::epsilon(case.number("epsilon"));
        for iterations in [1, 5, 30] {
            let found = settings
                .clone()
                .iterations(iterations)
                .reconstruction(device, &support, &atoms, case.array("lam"))
                .unwrap();
            truncated(&case, iterations, &found, share);
        }

        let (tolerance, residual) = if is_double(device) {
            (1e-12, 1e-11)
        } else {
            (1e-4, 1e-4)
        };
        let settings = settings.tolerance(tolerance).gradient_tolerance(residual);
        let found = settings
            .reconstruction(device, &support, &atoms, case.array("lam"))
            .unwrap();
        let p = found.measure().weights();
        let context = format!("{} converged", case.name);
        relative(&context, p, case.array("converged_p"), share);
        let gradient = found.gradient(&slope("l2", p, case.array("q"))).unwrap();
        let expected = case.array("converged_l2_grad_lambda_centred");
        relative(
            &context,
            &centred(&gradient.lambda),
            expected,
            share.max(1e3 * residual),
        );

        let target = case.measure("x", case.array("recover_q")).normalized();
        let projection = settings
            .lambda_tolerance(if is_double(device) { 1e-9 } else { 1e-3 })
            .of(device, &target, &atoms)
            .unwrap();
        let expected = case.array("recover_lambda");
        let allowed = if is_double(device) { 1e-6 } else { 2e-2 };
        assert!(projection.report().converged, "{:?}", projection.report());
        accept("recover", close(projection.lambda(), expected, |_| allowed));
        let wrong: Vec<f64> = expected.iter().map(|l| l + 3.0 * allowed).collect();
        reject("recover", close(projection.lambda(), &wrong, |_| allowed));
    }
}

fn truncated(case: &Case, iterations: usize, found: &Reconstruction<&Device>, share: f64) {
    let p = found.measure().weights();
    let key = |what: &str| format!("L{iterations}_{what}");
    let context = |what: &str| format!("{} {}", case.name, key(what));
    relative(&context("p"), p, case.array(&key("p")), share);
    for loss in ["l2", "kl", "kl_reverse", "tv"] {
        let slope = slope(loss, p, case.array("q"));
        let gradient = found.gradient(&slope).unwrap();
        let what = format!("{loss}_grad_lambda_centred");
        let expected = case.array(&key(&what));
        relative(&context(&what), &centred(&gradient.lambda), expected, share);
        for (s, got) in gradient.atoms.iter().enumerate() {
            let what = format!("{loss}_grad_p{s}");
            if let Some(expected) = case.arrays.get(&key(&what)) {
                relative(&context(&what), got, expected, share);
            }
        }
        if loss == "l2" && case.grid.is_none() {
            let gradient = found.gradient_points(&slope).unwrap();
            let expected = case.array(&key("l2_grad_x"));
            relative(&context("x"), &gradient.support, expected, share);
            for (s, got) in gradient.atoms.iter().enumerate() {
                let what = format!("l2_grad_y{s}");
                relative(&context(&what), got, case.array(&key(&what)), share);
            }
        }
    }
}

fn dictionaries(device: &Device) {
    let share = if is_double(device) { 1e-9 } else { 1e-3 };
    for case in Case::all("dictionaries_barycentric") {
        let n = case.grid.as_ref().unwrap().len();
        let support = case.measure("x", &vec![1.0; n]);
        let factors = (case.array("atoms"), case.array("lam"));
        let settings =
            Coordinates::epsilon(case.number("epsilon")).iterations(case.number("L") as usize);
        for (name, loss) in [("l2", CoordinatesLoss::L2), ("kl", CoordinatesLoss::Kl)] {
            let dictionary = BarycentricDictionary::from(settings.clone().loss(loss));
            let slope = dictionary
                .gradient(device, &support, case.array("data"), factors)
                .unwrap();
            let expected = case.of["losses"][name].as_f64().unwrap();
            let allowed = share * expected;
            accept(
                name,
                number("objective", slope.objective, expected, allowed),
            );
            let wrong = slope.objective + 3.0 * allowed;
            reject(name, number("objective", wrong, expected, allowed));
            let key = format!("{name}_grad_atoms");
            relative(&key, &slope.atoms, case.array(&key), share);
            let key = format!("{name}_grad_lambda_centred");
            let count = case.number("atoms") as usize;
            let lambda = slope.weights.chunks_exact(count).flat_map(centred);
            let lambda: Vec<f64> = lambda.collect();
            relative(&key, &lambda, case.array(&key), share);
        }
    }
}
