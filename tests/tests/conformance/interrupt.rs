//! Interruption from outside: by the flag of an engine, and by an observer that abandons a solve. Each body has
//! its own engine, because the flag ends everything that runs on it.

use crate::operators::{Uploaded, Vector, side};
use haul::engine::{Factor, Integrand, Kernel, Pairs};
use haul::{Cost, Device, Engine, Error, Result, Sinkhorn, Stop};
use haul_tests::clouds::measure;
use haul_tests::counting::Counting;
use haul_tests::engines::Body;
use haul_tests::wait;
use std::ops::ControlFlow;
use std::time::Instant;

pub const BODIES: &[(&str, Body)] = &[
    (
        "a_raised_flag_refuses_every_operator_over_pairs",
        a_raised_flag_refuses_every_operator_over_pairs,
    ),
    (
        "a_flag_raised_during_a_pass_ends_it",
        a_flag_raised_during_a_pass_ends_it,
    ),
    (
        "an_observer_that_abandons_pays_for_no_more_passes",
        an_observer_that_abandons_pays_for_no_more_passes,
    ),
];

const KERNEL: Kernel = Kernel {
    cost: Cost::SquaredEuclidean,
    epsilon: 0.1,
};

/// All operators over pairs of n and n points, each with its result.
fn operators(device: &Device, n: usize) -> Vec<Result<Vec<f64>>> {
    let sides = [side(n, 2, 1, 0.1), side(n, 2, 2, 0.1)];
    let [x, y] = sides.map(|side| Uploaded::new(device, &side));
    let ones = device.vector(&vec![1.0; n]).unwrap();
    let directions = device.vector(&vec![1.0; 2 * n]).unwrap();
    let integrand = Integrand {
        factor: Factor::One,
        values: &ones,
        width: 1,
    };
    let finish = |outcome: Result<()>, out: &Vector| outcome.and_then(|()| wait(device.read(out)));
    let out = |width: usize| device.zeros(n * width).unwrap();
    let [mut cold, mut warm, mut own, mut sums] = [0; 4].map(|_| out(1));
    let [mut slopes, mut moments] = [0; 2].map(|_| out(2));
    let (x, y) = (&x, &y);
    let (pairs, f) = (x.pairs(KERNEL, y), Some(&x.potential));
    let itself = Pairs {
        symmetric: true,
        ..x.pairs(KERNEL, x)
    };
    vec![
        finish(
            device.softmin(pairs, y.side(), None, None, &mut cold),
            &cold,
        ),
        finish(device.softmin(pairs, y.side(), f, None, &mut warm), &warm),
        finish(device.softmin(itself, x.side(), f, None, &mut own), &own),
        finish(
            device.product(pairs, f, y.side(), integrand, &mut sums),
            &sums,
        ),
        finish(
            device.gradient(pairs, f, y.side(), integrand, &mut slopes),
            &slopes,
        ),
        finish(
            device.curvature(pairs, f, y.side(), &directions, &mut moments),
            &moments,
        ),
        wait(device.nearest(pairs, y.side())).map(|nearest| nearest.values),
    ]
}

fn a_raised_flag_refuses_every_operator_over_pairs(device: &Device) {
    let before: Vec<_> = operators(device, 300)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    device.interrupt().raise();
    for outcome in operators(device, 300) {
        assert!(matches!(outcome, Err(Error::Interrupted)), "{outcome:?}");
    }
    device.interrupt().lower();
    let after: Vec<_> = operators(device, 300)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert!(before == after);
    assert!(before.iter().flatten().all(|value| value.is_finite()));
}

/// The size of a pass is chosen, from the time of a smaller one, so that it takes seconds; it is interrupted long before its
/// end. If no operator looked at the flag, it would return a result.
fn a_flag_raised_during_a_pass_ends_it(device: &Device) {
    let small = 3000;
    let pass = |n: usize| {
        let sides = [side(n, 3, 1, 0.0), side(n, 3, 2, 0.0)];
        let [x, y] = sides.map(|side| Uploaded::new(device, &side));
        let mut out = device.zeros(n).unwrap();
        let begin = Instant::now();
        let outcome = device.softmin(x.pairs(KERNEL, &y), y.side(), None, None, &mut out);
        let outcome = outcome.and_then(|()| wait(device.read(&out)));
        (outcome, begin.elapsed())
    };
    let before = pass(small).0.unwrap();
    let seconds = pass(small).1.as_secs_f64();
    let large = (small as f64 * (3.0 / seconds).sqrt()).clamp(10_000.0, 200_000.0) as usize;
    let flag = device.interrupt().clone();
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(200));
            flag.raise();
        });
        pass(large).0
    });
    assert!(
        matches!(outcome, Err(Error::Interrupted)),
        "{large} points: {:?}",
        outcome.map(|values| values.len())
    );
    device.interrupt().lower();
    assert!(before == pass(small).0.unwrap());
}

fn an_observer_that_abandons_pays_for_no_more_passes(device: &Device) {
    let (a, b) = (measure(150, 2, 1), measure(120, 2, 5));
    let settings = Sinkhorn::blur(0.05).tolerance(1e-4);
    // The passes until the third report, and those of the whole solve.
    let run = |stop: Stop| {
        let engine = Counting::new(device);
        let mut reported = engine.counts();
        let outcome = settings.solve_observed(&engine, &a, &b, |progress| {
            if progress.iteration < 3 {
                return ControlFlow::Continue(());
            }
            reported = engine.counts();
            ControlFlow::Break(stop)
        });
        (outcome.map(|_| ()), reported, engine.counts())
    };
    let (outcome, reported, counts) = run(Stop::Abandon);
    assert!(matches!(outcome, Err(Error::Interrupted)), "{outcome:?}");
    assert!(reported.softmins > 0);
    assert_eq!(reported, counts);
    // A certificate takes passes.
    let (outcome, reported, counts) = run(Stop::Certify);
    assert!(outcome.is_ok() && counts != reported, "{counts:?}");
}
