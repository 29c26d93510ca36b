//! W₁ and W₂² between clouds and between texts, which a linear program solver in f64 found.

use crate::{HISTOGRAMS, arrays_in, list_in};
use haul::{Device, Exact, Measure};
use haul_tests::compare::{accept, number, reject};
use haul_tests::engines::Body;

pub const BODIES: &[(&str, Body)] = &[("exact", exact)];

fn exact(device: &Device) {
    let folder = HISTOGRAMS.get().unwrap();
    for case in list_in(folder, "exact") {
        let name = case["file"].as_str().unwrap();
        let arrays = arrays_in(folder, &case);
        let check = |what: &str, p: f64, a: &Measure, b: &Measure, expected: f64| {
            let solution = Exact::default().p(p).solve(device, a, b).unwrap();
            let context = format!("{name} {what} p = {p}");
            let allowed = 1e-11 * expected;
            accept(
                &context,
                number("value", solution.value(), expected, allowed),
            );
            reject(
                &context,
                number(
                    "value",
                    solution.value() + 3.0 * allowed.max(1e-11),
                    expected,
                    allowed,
                ),
            );
            let report = solution.report();
            assert!(report.proved, "{context} {report:?}");
        };
        let Some(vectors) = arrays.get("vectors") else {
            let d = case["d"].as_u64().unwrap() as usize;
            let measure = |points: &str, weights: &str| {
                let (points, weights) = (arrays[points].clone(), arrays[weights].clone());
                Measure::new(points, d, weights).unwrap()
            };
            let (a, b) = (measure("x", "a"), measure("y", "b"));
            check("clouds", 1.0, &a, &b, case["w1"].as_f64().unwrap());
            check("clouds", 2.0, &a, &b, case["w2"].as_f64().unwrap());
            continue;
        };
        let words = case["words"].as_array().unwrap().len();
        let texts: Vec<Measure> = arrays["counts"]
            .chunks_exact(words)
            .map(|counts| {
                let points = vectors.clone();
                Measure::new(points, vectors.len() / words, counts.to_vec()).unwrap()
            })
            .collect();
        for (i, a) in texts.iter().enumerate() {
            for (j, b) in texts.iter().enumerate().take(i) {
                let place = i * texts.len() + j;
                check("texts", 1.0, a, b, arrays["w1"][place]);
                check("texts", 2.0, a, b, arrays["w2"][place]);
            }
        }
    }
}
