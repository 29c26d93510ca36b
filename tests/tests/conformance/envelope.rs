//! Derivatives of barycenters' minima against differences of minima in f64, and barycenters by descent against those by
//! the loop.

use haul::{
    Average, Barycenter, BarycenterKind, Descent, Device, Engine, Error, Measure, Precision,
};
use haul_tests::clouds::{Numbers, points};
use haul_tests::compare::{accept, number, reject};
use haul_tests::engines::Body;

pub const BODIES: &[(&str, Body)] = &[
    (
        "derivatives_of_minima_are_their_slopes",
        derivatives_of_minima,
    ),
    ("descent_ends_at_the_barycenter", descents),
];

const LAMBDA: [f64; 2] = [0.6, 0.4];

const EPSILON: f64 = 0.1;

/// A support with two inputs, one of them on it and one near it, so that no bin of an average is empty.
fn clouds() -> (Measure, [Measure; 2]) {
    let support = Measure::uniform(&points(14, 2, 50), 2).unwrap();
    let mut numbers = Numbers::new(51);
    let near = support.points().iter();
    let near: Vec<f64> = near.map(|x| x + numbers.within(-0.15, 0.15)).collect();
    let mut weighted = |points: &[f64]| {
        let weights = numbers.vector(14, 0.6, 1.4);
        let measure = Measure::new(points.to_vec(), 2, weights).unwrap();
        measure.normalized()
    };
    let inputs = [weighted(&near), weighted(support.points())];
    (support, inputs)
}

fn average(
    device: &Device,
    kind: BarycenterKind,
    support: &Measure,
    inputs: &[Measure],
) -> Average {
    let tolerance = match device.precision() {
        Precision::F64 => 1e-9,
        Precision::F32 => 1e-5,
    };
    Barycenter::epsilon(EPSILON)
        .kind(kind)
        .lambda(&LAMBDA)
        .tolerance(tolerance)
        .max_iterations(400)
        .solve_on(device, support, inputs)
        .unwrap()
}

/// Σ vᵢ wᵢ.
fn product(v: &[f64], w: &[f64]) -> f64 {
    v.iter().zip(w).map(|(v, w)| v * w).sum()
}

fn derivatives_of_minima(device: &Device) {
    const STEP: f64 = 3e-4;
    let (support, inputs) = clouds();
    let double = Device::cpu_f64();
    let moved = |measure: &Measure, direction: &[f64], by: f64| {
        let points = measure.points().iter().zip(direction);
        let points = points.map(|(x, z)| x + by * z).collect();
        Measure::new(points, 2, measure.weights().to_vec()).unwrap()
    };
    // Mass moves from the first weight to the second.
    let weighed = |measure: &Measure, by: f64| {
        let mut weights = measure.weights().to_vec();
        weights[0] += by;
        weights[1] -= by;
        measure.clone().with_weights(&weights).unwrap()
    };
    let allowed = match device.precision() {
        Precision::F64 => 1e-5,
        Precision::F32 => 2e-4,
    };
    for kind in [BarycenterKind::Plain, BarycenterKind::Debiased] {
        let found = average(device, kind, &support, &inputs);
        let gradient = found.gradient(device, &inputs).unwrap();
        let minimum = |support: &Measure, inputs: [Measure; 2]| {
            average(&double, kind, support, &inputs).report().objective
        };
        let slope = |at: &dyn Fn(f64) -> f64| (at(STEP) - at(-STEP)) / (2.0 * STEP);
        let [first, second] = &inputs;
        let along = points(14, 2, 53);
        let cases = [
            (
                "support",
                product(&gradient.support, &along),
                slope(&|by| minimum(&moved(&support, &along, by), inputs.clone())),
            ),
            (
                "points of an input",
                product(&gradient.inputs[0].points, &along),
                slope(&|by| minimum(&support, [moved(first, &along, by), second.clone()])),
            ),
            (
                "weights of an input",
                gradient.inputs[1].weights[0] - gradient.inputs[1].weights[1],
                slope(&|by| minimum(&support, [first.clone(), weighed(second, by)])),
            ),
        ];
        for (name, got, expected) in cases {
            let name = format!("{name} {}", kind.name());
            accept(&name, number("slope", got, expected, allowed));
            reject(
                &name,
                number("slope", got + 3.0 * allowed, expected, allowed),
            );
            assert!(expected.abs() > 3.0 * allowed, "{name} {expected}");
        }
        assert_eq!(found.gradient_weights()[1], gradient.inputs[1].weights);
    }
    let found = average(device, BarycenterKind::Plain, &support, &inputs);
    let error = found.gradient(device, &inputs[..1]).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Length {
                expected: 2,
                found: 1,
                ..
            }
        ),
        "{error}"
    );
}

fn descents(device: &Device) {
    let (support, inputs) = clouds();
    let best = average(
        &Device::cpu_f64(),
        BarycenterKind::Product,
        &support,
        &inputs,
    );
    let optimum = best.report().bounds;
    let mut objectives = Vec::new();
    for steps in [1, 5, 40] {
        let found = Descent::epsilon(EPSILON)
            .lambda(&LAMBDA)
            .tolerance(1e-4)
            .max_iterations(steps)
            .solve_on(device, &support, &inputs)
            .unwrap();
        let bounds = found.report().bounds;
        assert!(
            bounds.lower <= optimum.upper && optimum.lower <= bounds.upper,
            "{bounds:?} {optimum:?}"
        );
        objectives.push(found.report().objective);
    }
    assert!(
        objectives.is_sorted_by(|before, after| before >= after),
        "{objectives:?}"
    );
    let excess = 0.5 * (objectives[0] - optimum.upper);
    let near = |value| number("objective", value, optimum.upper, excess);
    accept("descent", near(objectives[2]));
    reject("descent", near(objectives[0]));
}
