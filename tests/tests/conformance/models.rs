//! Models fitted to data: values and slopes against the closed form of Gaussians, recovery of parameters, the bias of batches, and
//! fits that go on from a checkpoint.

use haul::{
    Device, Divergence, Draws, Energy, Engine, Error, Fit, FitEnd, FitLoss, FitState,
    GaussianModel, Measure, MixtureModel, Mmd, Model, Noise, Optimizer, OptimizerState, Potentials,
    Precision, Sinkhorn, Truncated,
};
use haul_tests::clouds::gaussian_grid;
use haul_tests::compare::{accept, close, number, reject};
use haul_tests::engines::Body;
use std::ops::ControlFlow;

pub const BODIES: &[(&str, Body)] = &[
    ("a_fit_of_gaussians_has_their_closed_form", closed_form),
    (
        "gaussians_are_recovered_to_the_statistical_error",
        statistical,
    ),
    ("a_mixture_is_recovered_from_itself", mixture),
    ("two_halves_have_no_bias_and_one_batch_has", bias),
    ("the_slope_of_a_fit_is_the_derivative_of_its_loss", slopes),
    ("a_fit_goes_on_from_a_checkpoint_to_the_same_bits", resumed),
    ("a_fit_ends_at_its_goal_or_by_its_observer", endings),
    ("what_no_model_can_be_fitted_to_is_refused", refusals),
];

/// A tolerance that a device reaches where the largest cost is so many ε.
fn tolerance(device: &Device, exponent: f64) -> f64 {
    match device.precision() {
        Precision::F64 => 1e-8,
        Precision::F32 => 2.0 * 6e-8 * (4.0 + 0.4 * exponent),
    }
}

/// A Gaussian of the line, of which the points of a quadrature are the noise.
fn line_model() -> GaussianModel {
    let noise = Noise::Measure(gaussian_grid(0.0, 1.0));
    GaussianModel::new(1).with_noise(noise).unwrap()
}

/// One step along the slope, of the length of the slope itself, ends at θ less the slope.
fn one_step(loss: FitLoss) -> Fit {
    let fit = Fit::new(loss).optimizer(Optimizer::Plain).tau(1.0);
    fit.max_steps(1)
}

/// The loss at the start of a fit of one step, and its slope.
fn value_and_slope(
    fit: &Fit,
    device: &Device,
    model: &impl Model,
    data: &Measure,
    theta: &[f64],
) -> (f64, Vec<f64>) {
    let fitted = fit.solve(device, model, data, theta).unwrap();
    let slope = theta.iter().zip(fitted.parameters()).map(|(a, b)| a - b);
    (fitted.state().losses[0], slope.collect())
}

/// OT_ε and S_ε of N(m, s²) and N(k, r²) with their derivatives in m and s: with σ² = ε/2 and D = √(4AB + σ⁴), OT_ε is
/// (m − k)² + A + B − D + σ² (1 − log 2σ² + log(D + σ²)) [Janati–Muzellec–Peyré–Cuturi'20].
fn gaussians([m, s]: [f64; 2], [k, r]: [f64; 2], epsilon: f64) -> [(f64, [f64; 2]); 2] {
    let (a, b, square) = (s * s, r * r, 0.5 * epsilon);
    let root = |a: f64, b: f64| (4.0 * a * b + square * square).sqrt();
    let without_means = |a: f64, b: f64| {
        let d = root(a, b);
        a + b - d + square * (1.0 - (2.0 * square).ln() + (d + square).ln())
    };
    let transport = (m - k).powi(2) + without_means(a, b);
    let own = 0.5 * (without_means(a, a) + without_means(b, b));
    let pull = 2.0 * (m - k);
    let with_data = 1.0 - 2.0 * b / (root(a, b) + square);
    let with_itself = 1.0 - 2.0 * a / (root(a, a) + square);
    [
        (transport, [pull, 2.0 * s * with_data]),
        (transport - own, [pull, 2.0 * s * (with_data - with_itself)]),
    ]
}

fn closed_form(device: &Device) {
    const EPSILON: f64 = 0.5;
    let ([m, s], [k, r]) = ([-0.4, 0.8], [0.7, 1.3]);
    let data = gaussian_grid(k, r);
    let model = line_model();
    let tolerance = tolerance(device, 400.0 / EPSILON);
    let allowed = 100.0 * tolerance;
    let sinkhorn = Sinkhorn::epsilon(EPSILON).tolerance(tolerance);
    let losses = [
        FitLoss::Transport(sinkhorn.clone()),
        FitLoss::Divergence(sinkhorn.into()),
    ];
    // Without self terms the model is too narrow, by ε/2.
    let ends = [(r * r - 0.5 * EPSILON).sqrt(), r];
    let expected = gaussians([m, s], [k, r], EPSILON);
    let wrong = gaussians([1.02 * m, s], [k, r], EPSILON);
    for (index, loss) in losses.into_iter().enumerate() {
        let fit = one_step(loss.clone()).draws(Draws::Fixed);
        let (value, slope) = value_and_slope(&fit, device, &model, &data, &[m, s]);
        let (of_value, of_slope) = expected[index];
        accept("value", number("value", value, of_value, allowed));
        reject("value", number("value", value, wrong[index].0, allowed));
        accept("slope", close(&slope, &of_slope, |_| allowed));
        reject("slope", close(&slope, &wrong[index].1, |_| allowed));

        let fit = fit.tau(0.5).max_steps(20).movement(0.1 * allowed);
        let fitted = fit.solve(device, &model, &data, &[m, s]).unwrap();
        let end = [k, ends[index]];
        // A step of τ = ½ leaves less than a fifth of the way; the end is off by as much of the last one as well.
        accept("end", close(fitted.parameters(), &end, |_| 2.0 * allowed));
        let other = [k, ends[1 - index]];
        reject("end", close(fitted.parameters(), &other, |_| 2.0 * allowed));
        assert_eq!(fitted.report().end, FitEnd::Movement, "{fitted:?}");
    }
}

/// From n points the standard errors of a mean and of a deviation are s/√n and s/√(2n). Without self terms the deviation is
/// narrower by four of its errors.
fn statistical(device: &Device) {
    const N: usize = 1000;
    const SEEDS: u64 = 3;
    let (mean, deviation) = (0.7, 1.3);
    let family = GaussianModel::new(1);
    let nodes: Vec<f64> = (0..60).map(|i| (f64::from(i) - 29.5) / 6.0).collect();
    let weights: Vec<f64> = nodes.iter().map(|z| (-0.5 * z * z).exp()).collect();
    let nodes = Measure::new(nodes, 1, weights).unwrap().normalized();
    let model = GaussianModel::new(1).with_noise(Noise::Measure(nodes));
    let model = model.unwrap();
    let scores = |loss: &FitLoss| -> [f64; 2] {
        let mut sums = [0.0; 2];
        for seed in 0..SEEDS {
            let noise = Noise::Normal(1).draw(N, 100 + seed).unwrap();
            let data = family.push(&[mean, deviation], &noise).unwrap();
            let fit = Fit::new(loss.clone())
                .draws(Draws::Fixed)
                .optimizer(Optimizer::Plain)
                .tau(0.5)
                .movement(1e-3)
                .max_steps(20);
            let fitted = fit.solve(device, &model, &data, &[-0.4, 0.8]).unwrap();
            assert_eq!(fitted.report().end, FitEnd::Movement);
            let error = deviation / (N as f64).sqrt();
            let found = fitted.parameters();
            let scores = [
                (found[0] - mean) / error,
                (found[1] - deviation) / (error / 2f64.sqrt()),
            ];
            let within = |score: &f64| score.abs() < 4.0;
            let divergence = matches!(loss, FitLoss::Divergence(_));
            assert!(
                !divergence || scores.iter().all(within),
                "seed {seed}: {scores:?}"
            );
            sums[0] += scores[0] / (SEEDS as f64).sqrt();
            sums[1] += scores[1] / (SEEDS as f64).sqrt();
        }
        sums
    };
    let sinkhorn = Sinkhorn::epsilon(0.5);
    let fair = scores(&FitLoss::Divergence(sinkhorn.clone().into()));
    accept("scores", close(&fair, &[0.0; 2], |_| 4.0));
    let biased = scores(&FitLoss::Transport(sinkhorn));
    reject("scores", close(&biased, &[0.0; 2], |_| 4.0));
}

/// Two components on one quadrature, fitted to such a mixture: the loss is 0 at its parameters.
fn mixture(device: &Device) {
    let nodes: Vec<f64> = (0..16).map(|i| (f64::from(i) - 7.5) / 2.5).collect();
    let weights: Vec<f64> = nodes.iter().map(|z| (-0.5 * z * z).exp()).collect();
    let nodes = Measure::new(nodes, 1, weights).unwrap().normalized();
    let model = MixtureModel::new(2, 1)
        .with_noise(Noise::Measure(nodes.clone()))
        .unwrap();
    let truth = [vec![-2.0, 0.5], vec![1.5, 0.8]];
    let theta = model.of(&[0.3, 0.7], &truth).unwrap();
    let data = model.push(&theta, &nodes).unwrap();
    let start = model.of(&[0.5, 0.5], &[vec![-1.0, 1.0], vec![1.0, 1.0]]);
    let start = start.unwrap();
    let fit = Fit::new(FitLoss::Divergence(Divergence::epsilon(0.2)))
        .draws(Draws::Fixed)
        .tau(0.1)
        .max_steps(60);
    let fitted = fit.solve(device, &model, &data, &start).unwrap();
    let found = |theta: &[f64]| -> Vec<f64> {
        let weights = model.weights(theta).unwrap();
        let components = model.components(theta).unwrap();
        weights.into_iter().chain(components.concat()).collect()
    };
    // After 60 steps Adam is still on its way.
    let allowed = 0.04;
    let got = found(fitted.parameters());
    accept("mixture", close(&got, &found(&theta), |_| allowed));
    let swapped = model.of(&[0.7, 0.3], &truth).unwrap();
    reject("weights", close(&got, &found(&swapped), |_| allowed));
    reject("start", close(&got, &found(&start), |_| allowed));
    let losses = &fitted.state().losses;
    assert!(losses[59] < 1e-2 * losses[0], "{losses:?}");
}

/// At the parameters of the data, the mean slope of two halves is 0 within four standard errors, and so is the loss of the data
/// against themselves. One batch draws the model together, and its loss is above 0.
fn bias(device: &Device) {
    const DRAWS: u32 = 16;
    let model = GaussianModel::new(2);
    let truth = model.of(&[0.7, -0.2], &[1.0, 0.0, 0.0, 1.0]).unwrap();
    let noise = Noise::Normal(2).draw(2000, 9).unwrap();
    let data = model.push(&truth, &noise).unwrap();
    let divergence = FitLoss::Divergence(Divergence::epsilon(0.3));
    // The mean of the slopes in both deviations, in standard errors.
    let score = |draws| {
        let slopes = (0..DRAWS).map(|seed| {
            let fit = one_step(divergence.clone()).draws(draws).batch(16);
            let fit = fit.seed(u64::from(seed));
            let (_, slope) = value_and_slope(&fit, device, &model, &data, &truth);
            slope[2] + slope[4]
        });
        let slopes: Vec<f64> = slopes.collect();
        let count = f64::from(DRAWS);
        let mean = slopes.iter().sum::<f64>() / count;
        let squares = slopes.iter().map(|slope| (slope - mean).powi(2));
        mean / (squares.sum::<f64>() / (count * (count - 1.0))).sqrt()
    };
    let unbiased = score(Draws::Halves);
    assert!(unbiased.abs() < 4.0, "{unbiased}");
    let biased = score(Draws::Batches);
    assert!(biased > 4.0, "{biased}");
    for loss in [
        FitLoss::Truncated(Truncated::epsilon(0.3).iterations(5)),
        FitLoss::Energy(Energy::new()),
        FitLoss::Mmd(Mmd::gaussian(1.0)),
    ] {
        let yardstick = |draws| {
            let fit = Fit::new(loss.clone()).draws(draws).batch(16);
            fit.yardstick(device, &data, 12).unwrap()
        };
        let halves = yardstick(Draws::Halves);
        assert!(
            halves.mean.abs() < 4.0 * halves.error,
            "{loss:?} {halves:?}"
        );
        let batches = yardstick(Draws::Batches);
        assert!(batches.mean > 4.0 * batches.error, "{loss:?} {batches:?}");
    }
}

/// Central differences of the loss along a direction, with the draws of one seed.
fn slopes(device: &Device) {
    let model = MixtureModel::new(2, 1);
    let theta = [0.1, -0.2, -1.0, 0.7, 0.8, 1.1];
    let direction = [0.6, -0.4, 0.5, -0.3, 0.2, 0.4];
    let data = gaussian_grid(0.3, 1.1);
    let exact = device.precision() == Precision::F64;
    // Differences are off by h² and by the rounding of the loss over h; the slope by the tolerance of its solves.
    let (h, allowed) = if exact { (1e-4, 1e-6) } else { (0.01, 2e-3) };
    let tolerance = tolerance(device, 400.0);
    let sinkhorn = Sinkhorn::epsilon(0.4).tolerance(tolerance);
    let divergence = FitLoss::Divergence(sinkhorn.clone().into());
    let truncated = FitLoss::Truncated(Truncated::epsilon(0.4).iterations(4));
    let cases = [
        (Draws::Halves, divergence.clone()),
        (Draws::Halves, truncated.clone()),
        (Draws::Halves, FitLoss::Energy(Energy::new().p(1.5))),
        (Draws::Halves, FitLoss::Mmd(Mmd::gaussian(0.8))),
        (Draws::Halves, FitLoss::Transport(sinkhorn)),
        (Draws::Batches, truncated),
        (Draws::Batches, FitLoss::Mmd(Mmd::gaussian(0.8))),
        (Draws::Fixed, divergence),
    ];
    for (draws, loss) in cases {
        let name = format!("{draws:?} {loss:?}");
        let fit = one_step(loss).draws(draws).batch(7).seed(5);
        let at = |step: f64| {
            let moved = theta.iter().zip(direction).map(|(t, v)| t + step * v);
            let moved: Vec<f64> = moved.collect();
            value_and_slope(&fit, device, &model, &data, &moved)
        };
        let (_, slope) = at(0.0);
        let slope: f64 = slope.iter().zip(direction).map(|(g, v)| g * v).sum();
        let difference = (at(h).0 - at(-h).0) / (2.0 * h);
        accept(&name, number("slope", slope, difference, allowed));
        let wrong = difference + 3.0 * allowed;
        reject(&name, number("slope", slope, wrong, allowed));
        assert!(slope.abs() > 3.0 * allowed, "{name}: {slope}");
    }
}

/// A state written out as numbers and read again.
fn copied(state: &FitState) -> FitState {
    let bits = |numbers: &[f64]| -> Vec<f64> {
        let bits = numbers.iter().map(|number| number.to_bits());
        bits.map(f64::from_bits).collect()
    };
    FitState {
        parameters: bits(&state.parameters),
        optimizer: OptimizerState {
            means: bits(&state.optimizer.means),
            squares: bits(&state.optimizer.squares),
            steps: state.optimizer.steps,
        },
        losses: bits(&state.losses),
        potentials: state.potentials.as_ref().map(|potentials| Potentials {
            f: bits(&potentials.f),
            g: bits(&potentials.g),
        }),
    }
}

fn resumed(device: &Device) {
    let model = GaussianModel::new(2);
    let noise = Noise::Normal(2).draw(60, 4).unwrap();
    let data = model.push(&[1.0, 0.5, 0.8, 0.2, 1.2], &noise).unwrap();
    let start = [0.0, 0.0, 1.0, 0.0, 1.0];
    let on = |_: &FitState| ControlFlow::Continue(());
    for draws in [Draws::Halves, Draws::Batches, Draws::Fixed] {
        let fit = Fit::new(FitLoss::Divergence(Divergence::epsilon(0.3)))
            .draws(draws)
            .batch(12)
            .movement(0.0)
            .annealing(8.0, 4)
            .max_steps(7)
            .seed(11);
        let whole = fit.solve(device, &model, &data, &start).unwrap();
        let mut checkpoint = None;
        let keep = |state: &FitState| {
            if state.steps() == 3 {
                checkpoint = Some(copied(state));
            }
            ControlFlow::Continue(())
        };
        fit.resume(device, &model, &data, FitState::start(&start), keep)
            .unwrap();
        let checkpoint = checkpoint.unwrap();
        assert_eq!(checkpoint.steps(), 3);
        let again = fit.resume(device, &model, &data, checkpoint.clone(), on);
        let again = again.unwrap();
        assert_eq!(again.state(), whole.state(), "{draws:?}");
        assert_eq!(
            (again.report().steps, again.report().end),
            (7, FitEnd::Steps)
        );
        // What the optimizer remembers is part of it.
        let mut forgetful = checkpoint;
        forgetful.optimizer.means.fill(0.0);
        let other = fit.resume(device, &model, &data, forgetful, on).unwrap();
        assert_ne!(other.parameters(), whole.parameters(), "{draws:?}");
    }
}

fn endings(device: &Device) {
    let model = GaussianModel::new(1);
    let data = gaussian_grid(0.5, 1.0);
    let loss = FitLoss::Mmd(Mmd::gaussian(1.0));
    let fit = Fit::new(loss).batch(20).max_steps(90).tau(0.05).seed(2);
    let near = [0.4, 1.0];
    let reached = fit.clone().goal(1.0).solve(device, &model, &data, &near);
    let reached = reached.unwrap();
    assert_eq!(
        (reached.report().end, reached.report().steps),
        (FitEnd::Goal, 50)
    );
    let mean = reached.state().losses.iter().sum::<f64>() / 50.0;
    accept("loss", number("loss", reached.report().loss, mean, 1e-14));
    assert!(reached.report().loss_error > 0.0 && reached.report().movement.is_none());
    let never = fit.clone().goal(-1.0).solve(device, &model, &data, &near);
    assert_eq!(never.unwrap().report().end, FitEnd::Steps);
    let five = |state: &FitState| match state.steps() {
        5 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let stopped = fit.resume(device, &model, &data, FitState::start(&near), five);
    let stopped = stopped.unwrap();
    assert_eq!(
        (stopped.report().end, stopped.report().steps),
        (FitEnd::Observer, 5)
    );
    // The model of the data has a smaller loss than one that is two deviations away.
    let estimate = |theta| fit.estimate(device, &model, &data, theta, 8).unwrap();
    let (here, far) = (estimate(&[0.5, 1.0]), estimate(&[2.5, 1.0]));
    assert!(
        here.mean + 4.0 * here.error < far.mean - 4.0 * far.error,
        "{here:?} {far:?}"
    );
}

fn refusals(device: &Device) {
    let model = GaussianModel::new(1);
    let data = gaussian_grid(0.0, 1.0);
    let fit = Fit::new(FitLoss::Energy(Energy::new()))
        .batch(4)
        .max_steps(1);
    let of = |fit: &Fit, start: &[f64]| fit.solve(device, &model, &data, start).unwrap_err();
    let start = [0.0, 1.0];
    let name = |error: Error| match error {
        Error::BadParameter { name, .. } => name,
        other => panic!("{other}"),
    };
    for (wrong, parameter) in [
        (fit.clone().batch(0), "batch"),
        (fit.clone().max_steps(0), "max_steps"),
        (fit.clone().tau(-1.0), "tau"),
        (fit.clone().movement(f64::NAN), "movement"),
        (fit.clone().annealing(0.0, 3), "annealing"),
        (fit.clone().optimizer(Optimizer::Momentum(1.0)), "momentum"),
    ] {
        assert_eq!(name(of(&wrong, &start)), parameter);
    }
    let blur = Fit::new(FitLoss::Divergence(Divergence::epsilon(-1.0)));
    assert_eq!(name(of(&blur, &start)), "epsilon");
    assert!(matches!(
        of(&fit, &[0.0]),
        Error::Length {
            expected: 2,
            found: 1,
            ..
        }
    ));
    let once = fit.estimate(device, &model, &data, &start, 1).unwrap_err();
    assert_eq!(name(once), "count");
    let plane = GaussianModel::new(2);
    let elsewhere = fit.solve(device, &plane, &data, &[0.0, 0.0, 1.0, 0.0, 1.0]);
    assert!(matches!(
        elsewhere.unwrap_err(),
        Error::DimensionMismatch { .. }
    ));
    let nowhere = of(&fit, &[f64::NAN, 1.0]);
    assert!(matches!(nowhere, Error::NotFinitePoint { .. }), "{nowhere}");
    let mut state = FitState::start(&start);
    state.optimizer.means.pop();
    let on = |_: &FitState| ControlFlow::Continue(());
    let short = fit.resume(device, &model, &data, state, on).unwrap_err();
    assert!(matches!(short, Error::Length { .. }), "{short}");
}
