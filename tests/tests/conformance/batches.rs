//! Problems side by side against the same problems in a loop.

use haul::{Device, Divergence, Measure, Potentials, Result, Sinkhorn};
use haul_tests::clouds::measure;
use haul_tests::engines::Body;

pub const BODIES: &[(&str, Body)] = &[
    ("a_batch_is_its_loop_to_the_last_digit", a_batch_is_its_loop),
    ("a_failed_problem_is_its_own", a_failed_problem_is_its_own),
];

/// Problems of ragged sizes and dimensions.
fn problems() -> Vec<(Measure, Measure)> {
    (0..30)
        .map(|k| {
            let d = 1 + k % 5;
            let (n, m) = (1 + 97 * k % 401, 1 + 61 * k % 307);
            (measure(n, d, 401 + k as u64), measure(m, d, 501 + k as u64))
        })
        .collect()
}

type Numbers = (f64, f64, usize, Potentials, Vec<f64>);

fn solve(device: &Device, (a, b): &(Measure, Measure)) -> Result<Numbers> {
    let solution = Sinkhorn::epsilon(0.2).solve(device, a, b)?;
    let terms = Divergence::epsilon(0.3).p(1).evaluate(device, a, b)?;
    let report = solution.report();
    Ok((
        report.value,
        terms.value(),
        report.iterations,
        solution.potentials()?,
        terms.gradient()?.points,
    ))
}

fn a_batch_is_its_loop(device: &Device) {
    let problems = problems();
    let batch = device.batch(&problems, solve);
    assert_eq!(batch.len(), problems.len());
    for (k, (side_by_side, problem)) in batch.into_iter().zip(&problems).enumerate() {
        let alone = solve(device, problem).unwrap();
        assert_eq!(side_by_side.unwrap(), alone, "problem {k}");
    }
    // Every number tells which problem it belongs to.
    assert_ne!(
        solve(device, &problems[1]).unwrap(),
        solve(device, &problems[2]).unwrap()
    );
    assert!(device.batch(&problems[..0], solve).is_empty());
}

fn a_failed_problem_is_its_own(device: &Device) {
    let mut problems = problems();
    problems.truncate(12);
    problems[5].1 = measure(7, 9, 3);
    let batch = device.batch(&problems, solve);
    for (k, result) in batch.iter().enumerate() {
        assert_eq!(result.is_err(), k == 5, "{k}: {result:?}");
    }
}
