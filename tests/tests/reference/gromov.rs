//! Couplings of two spaces that a dense solver in f64 found, from the product coupling on.

use crate::{HISTOGRAMS, arrays_in, list_in};
use haul::{Device, Engine, Gromov, GromovStart, Measure, MetricSpace, Precision};
use haul_tests::compare::{accept, close, number, reject};
use haul_tests::engines::Body;

pub const BODIES: &[(&str, Body)] = &[("gromov", gromov)];

/// The errors of the marginals of the first steps are 1e-3, and the plan moves the objective by a few times that.
const FIRST_STEPS: f64 = 0.02;

fn gromov(device: &Device) {
    let folder = HISTOGRAMS.get().unwrap();
    let double = device.precision() == Precision::F64;
    let (tolerance, allowed) = if double { (1e-8, 1e-7) } else { (1e-3, 3e-3) };
    for case in list_in(folder, "gromov") {
        let name = case["file"].as_str().unwrap();
        let arrays = arrays_in(folder, &case);
        let space = |points: &str, weights: &str, features: &str| {
            let weights = arrays[weights].clone();
            let points = arrays[points].clone();
            let d = points.len() / weights.len();
            let measure = Measure::new(points, d, weights).unwrap();
            let space = match case["inner"].as_str().unwrap() {
                "inner" => MetricSpace::inner_product(&measure),
                _ => MetricSpace::squared_euclidean(&measure),
            };
            match arrays.get(features) {
                Some(values) => space
                    .with_features(values, values.len() / measure.len())
                    .unwrap(),
                None => space,
            }
        };
        let x = space("x", "a", "features_x");
        let y = space("y", "b", "features_y");
        let of = |key: &str| case[key].as_f64().unwrap();
        let settings = Gromov::epsilon(of("epsilon"))
            .fused(case["alpha"].as_f64().unwrap_or(1.0))
            .tolerance(tolerance);
        let solution = settings
            .clone()
            .start(GromovStart::Product)
            .solve(device, &x, &y)
            .unwrap();
        let report = solution.report();
        assert!(report.converged && report.rise == 0.0, "{name} {report:?}");
        let unit = report.product_objective;
        for (what, got, key) in [
            ("energy", report.energy, "energy"),
            ("features", report.feature_cost, "linear"),
            ("objective", report.objective, "objective"),
            ("entropy", report.epsilon * report.kl, "kl"),
        ] {
            let expected = of(key) * if key == "kl" { report.epsilon } else { 1.0 };
            let context = format!("{name} {what}");
            let compare = |got| number(what, got, expected, allowed * unit);
            accept(&context, compare(got));
            reject(&context, compare(got + 3.0 * allowed * unit));
        }
        let plan = solution.plan().rows(0..x.len()).unwrap();
        let expected = &arrays["plan"];
        let largest = expected.iter().fold(0.0f64, |most, p| most.max(*p));
        let allowed_mass = 10.0 * allowed * largest;
        accept(name, close(&plan, expected, |_| allowed_mass));
        let turned: Vec<f64> = plan.iter().rev().copied().collect();
        reject(name, close(&turned, expected, |_| allowed_mass));
        // The reference counts the product coupling as the first one.
        let firsts = case["first_objectives"].as_array().unwrap();
        let firsts: Vec<f64> = firsts.iter().map(|value| value.as_f64().unwrap()).collect();
        accept(name, number("product", unit, firsts[0], 1e-6 * firsts[0]));
        let steps = firsts.len().min(report.course.len() + 1) - 1;
        let course = &report.course[..steps];
        let near = |_: usize| FIRST_STEPS * unit;
        accept(name, close(course, &firsts[1..=steps], near));
        reject(name, close(course, &firsts[..steps], near));
        let best = settings.solve(device, &x, &y).unwrap();
        assert!(
            best.value() <= report.objective + allowed * unit,
            "{name}: {} above {}",
            best.value(),
            report.objective
        );
    }
}
