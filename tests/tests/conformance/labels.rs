//! The loss between distributions over labels: derivatives against differences of values in f64, bounds at every
//! iteration, and a closed form.

use haul::{Device, Engine, Error, LabelLoss, LabelLosses, LabelMetric, Measure, Precision};
use haul_tests::clouds::{Numbers, points};
use haul_tests::compare::{accept, close, reject};
use haul_tests::engines::Body;

pub const BODIES: &[(&str, Body)] = &[
    (
        "derivatives_of_a_label_loss_are_differences_of_its_values",
        derivatives,
    ),
    ("bounds_of_a_label_loss_hold_at_every_iteration", bounds),
    ("a_label_loss_of_one_label_has_its_closed_form", one_label),
    (
        "a_matrix_of_squared_distances_is_a_metric_of_points",
        matrix_and_points,
    ),
    ("what_has_no_label_loss_is_refused", refusals),
];

const LABELS: usize = 7;
const ROWS: usize = 4;
const EPSILON: f64 = 0.2;

/// The tolerance of a solve, and a relative error of its results. The embedding of a matrix has squared distances a few
/// times larger than the costs.
fn precision(device: &Device) -> (f64, f64) {
    match device.precision() {
        Precision::F64 => (1e-11, 1e-9),
        Precision::F32 => (5e-5, 3e-4),
    }
}

/// Costs that are no squared distances, and not symmetric.
fn costs() -> Vec<f64> {
    let mut costs = Numbers::new(3).vector(LABELS * LABELS, 0.2, 2.0);
    costs
        .iter_mut()
        .step_by(LABELS + 1)
        .for_each(|cost| *cost = 0.0);
    costs
}

/// Rows of several masses, with zeros among them.
fn rows(seed: u64) -> Vec<f64> {
    let mut values = Numbers::new(seed).vector(ROWS * LABELS, -0.1, 0.4);
    values.iter_mut().for_each(|value| *value = value.max(0.0));
    values
        .iter_mut()
        .step_by(LABELS)
        .for_each(|value| *value += 0.1);
    values
}

fn settings(device: &Device, rho: [f64; 2]) -> LabelLoss {
    LabelLoss::epsilon(EPSILON)
        .rho_a(rho[0])
        .rho_b(rho[1])
        .tolerance(precision(device).0)
}

fn losses(device: &Device, rho: [f64; 2], predictions: &[f64], targets: &[f64]) -> LabelLosses {
    let metric = LabelMetric::matrix(&costs()).unwrap();
    let losses = settings(device, rho).evaluate(device, &metric, predictions, targets);
    losses.unwrap()
}

fn of_logits(device: &Device, rho: [f64; 2], logits: &[f64], targets: &[f64]) -> LabelLosses {
    let metric = LabelMetric::matrix(&costs()).unwrap();
    let losses = settings(device, rho).evaluate_logits(device, &metric, logits, targets);
    losses.unwrap()
}

const PENALTIES: [[f64; 2]; 3] = [[1.0, 1.0], [0.5, f64::INFINITY], [f64::INFINITY, 2.0]];

fn derivatives(device: &Device) {
    const STEP: f64 = 1e-5;
    let (targets, logits) = (rows(8), Numbers::new(9).vector(ROWS * LABELS, -2.0, 2.0));
    let mut predictions = rows(7);
    // A label that is predicted to have no mass has a derivative, too.
    predictions[LABELS + 2] = 0.0;
    let reference = Device::cpu_f64();
    for rho in PENALTIES {
        let got = losses(device, rho, &predictions, &targets);
        assert!(got.converged, "{got:?}");
        let moved = |entry: usize, step: f64| {
            let mut predictions = predictions.clone();
            predictions[entry] += step;
            losses(&reference, rho, &predictions, &targets).values[entry / LABELS]
        };
        let entries = [0, 3, LABELS + 2, 3 * LABELS];
        let slopes = entries.map(|entry| match predictions[entry] {
            // To one side, by Richardson's extrapolation.
            0.0 => {
                let [none, one, two] = [0.0, STEP, 2.0 * STEP].map(|step| moved(entry, step));
                (4.0 * one - 3.0 * none - two) / (2.0 * STEP)
            }
            _ => (moved(entry, STEP) - moved(entry, -STEP)) / (2.0 * STEP),
        });
        let from = entries.map(|entry| got.gradient[entry]);
        let allowed = 1e-5 + 10.0 * precision(device).1;
        accept("predictions", close(&from, &slopes, |_| allowed));
        let constant = from.map(|slope| slope + 0.02);
        reject("predictions", close(&constant, &slopes, |_| allowed));

        let got = of_logits(device, rho, &logits, &targets).gradient_logits();
        let moved = |step: f64| {
            let mut logits = logits.clone();
            logits[9] += step;
            of_logits(&reference, rho, &logits, &targets).values[1]
        };
        let slope = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
        accept("logits", close(&got[9..10], &[slope], |_| allowed));
        reject("logits", close(&got[10..11], &[slope], |_| allowed));
    }
}

fn bounds(device: &Device) {
    let (predictions, targets) = (rows(7), rows(8));
    let metric = LabelMetric::matrix(&costs()).unwrap();
    for rho in PENALTIES {
        let optimum = losses(&Device::cpu_f64(), rho, &predictions, &targets).values;
        for iterations in [1, 2, 4, 30] {
            let got = settings(device, rho)
                .max_iterations(iterations)
                .evaluate(device, &metric, &predictions, &targets)
                .unwrap();
            for ((bounds, value), optimum) in got.bounds.iter().zip(&got.values).zip(&optimum) {
                let off = 1e-9;
                let holds = |lower: f64, upper: f64| match lower <= optimum + off
                    && *optimum <= upper + off
                {
                    true => Ok(()),
                    false => Err(format!("{lower} to {upper}, not {optimum}")),
                };
                accept("bounds", holds(bounds.lower, bounds.upper));
                let width = bounds.upper - bounds.lower;
                reject(
                    "bounds",
                    holds(bounds.lower + width + 1e-3, bounds.upper + width + 1e-3),
                );
                assert!(bounds.lower <= *value && *value <= bounds.upper, "{got:?}");
                if iterations == 30 {
                    assert!(width < 1e-2, "{width}");
                }
            }
        }
    }
}

/// With one label the mass p of the plan solves c + ε log(p/(h t)) + ρ_a log(p/h) + ρ_b log(p/t) = 0.
fn one_label(device: &Device) {
    let (cost, rho_a, rho_b) = (0.7, 0.9, 1.6);
    let metric = LabelMetric::matrix(&[cost]).unwrap();
    let (h, t) = ([0.5, 2.0], [1.5, 1.2]);
    let losses = LabelLoss::epsilon(EPSILON)
        .rho_a(rho_a)
        .rho_b(rho_b)
        .tolerance(precision(device).0)
        .evaluate(device, &metric, &h, &t)
        .unwrap();
    let value = |cost: f64| -> Vec<f64> {
        let of = |(h, t): (&f64, &f64)| {
            let exponent = (EPSILON + rho_a) * h.ln() + (EPSILON + rho_b) * t.ln() - cost;
            let p = (exponent / (EPSILON + rho_a + rho_b)).exp();
            let kl = |p: f64, q: f64| p * (p / q).ln() - p + q;
            cost * p + EPSILON * kl(p, h * t) + rho_a * kl(p, *h) + rho_b * kl(p, *t)
        };
        h.iter().zip(&t).map(of).collect()
    };
    let allowed = 10.0 * precision(device).1;
    accept("value", close(&losses.values, &value(cost), |_| allowed));
    reject("value", close(&losses.values, &value(0.75), |_| allowed));
}

fn matrix_and_points(device: &Device) {
    let places = points(LABELS, 2, 4);
    let distance = |entry: usize| {
        let [x, y] = [entry / LABELS, entry % LABELS].map(|i| &places[2 * i..2 * i + 2]);
        (x[0] - y[0]).powi(2) + (x[1] - y[1]).powi(2)
    };
    let costs: Vec<f64> = (0..LABELS * LABELS).map(distance).collect();
    let labels = Measure::uniform(&places, 2).unwrap();
    let (predictions, targets) = (rows(7), rows(8));
    let of = |metric: &LabelMetric| {
        settings(device, [1.0, 2.0])
            .evaluate(device, metric, &predictions, &targets)
            .unwrap()
    };
    let from_points = of(&LabelMetric::points(&labels));
    let from_matrix = of(&LabelMetric::matrix(&costs).unwrap());
    let allowed = 5.0 * precision(device).1;
    accept(
        "values",
        close(&from_points.values, &from_matrix.values, |_| allowed),
    );
    accept(
        "gradients",
        close(&from_points.gradient, &from_matrix.gradient, |_| {
            4.0 * allowed
        }),
    );
    let doubled: Vec<f64> = costs.iter().map(|cost| 1.1 * cost).collect();
    let other = of(&LabelMetric::matrix(&doubled).unwrap());
    reject(
        "values",
        close(&from_points.values, &other.values, |_| allowed),
    );
}

fn refusals(device: &Device) {
    let metric = LabelMetric::matrix(&costs()).unwrap();
    let (predictions, targets) = (rows(7), rows(8));
    let with = |settings: LabelLoss| settings.evaluate(device, &metric, &predictions, &targets);
    for wrong in [
        LabelLoss::blur(0.5),
        LabelLoss::epsilon(-1.0),
        LabelLoss::epsilon(EPSILON).rho(0.0),
        LabelLoss::epsilon(EPSILON).rho(f64::INFINITY),
        LabelLoss::epsilon(EPSILON).max_iterations(0),
    ] {
        let error = with(wrong.clone()).err();
        assert!(
            matches!(error, Some(Error::BadParameter { .. })),
            "{wrong:?}"
        );
    }
    let loss = LabelLoss::epsilon(EPSILON);
    let short = loss.evaluate(device, &metric, &predictions[LABELS..], &targets);
    assert!(matches!(short, Err(Error::Length { .. })));
    let mut empty = predictions.clone();
    empty[LABELS..2 * LABELS].fill(0.0);
    let error = loss.evaluate(device, &metric, &empty, &targets).err();
    assert!(matches!(error, Some(Error::Input { index: 2, .. })));
    assert!(LabelMetric::matrix(&[0.0, 1.0, 1.0]).is_err());
    assert!(LabelMetric::matrix(&[0.0, f64::NAN, 1.0, 0.0]).is_err());
    assert!(LabelMetric::matrix(&[]).is_err());
}
