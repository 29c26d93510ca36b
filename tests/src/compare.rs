//! Comparison of vectors, with a report that names each element that differs.

use std::fmt::Write;

/// Compares element by element, each with its own absolute tolerance.
pub fn close(
    got: &[f64],
    expected: &[f64],
    tolerance: impl Fn(usize) -> f64,
) -> Result<(), String> {
    if got.len() != expected.len() {
        return Err(format!(
            "{} values where {} are expected",
            got.len(),
            expected.len()
        ));
    }
    let mut report = String::new();
    let mut failures = 0;
    for (index, (got, expected)) in got.iter().zip(expected).enumerate() {
        let (off, allowed) = ((got - expected).abs(), tolerance(index));
        if off <= allowed {
            continue;
        }
        failures += 1;
        if failures <= 8 {
            let _ = writeln!(
                report,
                "  [{index}] {got:e}, expected {expected:e}: off by {off:.2e}, allowed {allowed:.2e}"
            );
        }
    }
    if failures == 0 {
        Ok(())
    } else {
        Err(format!("{failures} of {} differ\n{report}", got.len()))
    }
}

/// The same for one number, relative to the larger of 1 and `scale`.
pub fn number(name: &str, got: f64, expected: f64, tolerance: f64) -> Result<(), String> {
    close(&[got], &[expected], |_| tolerance).map_err(|report| format!("{name}: {report}"))
}

/// Fails the test with a report.
#[track_caller]
pub fn accept(context: &str, verdict: Result<(), String>) {
    if let Err(report) = verdict {
        panic!("{context}: {report}");
    }
}

/// Fails the test if a comparison passes that must not: the negative control.
#[track_caller]
pub fn reject(context: &str, verdict: Result<(), String>) {
    assert!(
        verdict.is_err(),
        "{context}: the comparison cannot tell a wrong value from a right one"
    );
}
