//! Properties of any problem: whatever the sizes, dimensions, weights, scales, powers, penalties and
//! ε, a solve ends with finite numbers or a typed error, its bounds hold, and changes that must not matter
//! do not.
//!
//! Two solves of one problem are compared by their certificates: both intervals contain the true value,
//! so they overlap. This needs no tolerance, wherever an iteration ended.

mod bounds;
mod dimensions;
mod finite;
mod generators;
mod gradient;
mod invariance;

use haul::{Device, Engine, Error};
use haul_tests::engines;
use libtest_mimic::Arguments;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestError, TestRunner};
use std::fmt::Debug;
use std::process::ExitCode;

/// How many cases a CPU engine runs; an adapter, whose waits take long, runs one of 32.
const CASES: u32 = 800;

/// The cases are the same ones in every run, unless `PROPTEST_RNG_SEED` asks for others,
/// and `PROPTEST_CASES` for another number.
const SEED: u64 = 1781;

/// The result of a property for a case.
type Verdict = Result<(), TestCaseError>;

/// Checks a property on random cases, and fails with the smallest that breaks it.
fn hold<S: Strategy>(device: &Device, cases: S, property: impl Fn(S::Value) -> Verdict)
where
    S::Value: Debug,
{
    let on_adapter = matches!(device, Device::Gpu(_));
    let usual = ProptestConfig::default();
    let config = ProptestConfig {
        cases: match std::env::var_os("PROPTEST_CASES") {
            Some(_) => usual.cases,
            None if on_adapter => CASES / 32,
            None => CASES,
        },
        failure_persistence: None,
        rng_seed: match usual.rng_seed {
            RngSeed::Random => RngSeed::Fixed(SEED),
            given => given,
        },
        ..usual
    };
    match TestRunner::new(config).run(&cases, property) {
        Ok(()) => {}
        Err(TestError::Abort(reason)) => panic!("{reason}"),
        Err(TestError::Fail(reason, case)) => panic!("{reason}\n{case:#?}"),
    }
}

/// The answer to a valid problem; none if the precision has too few digits for it.
fn answered<T>(device: &Device, answer: haul::Result<T>) -> Result<Option<T>, TestCaseError> {
    let double = device.precision().name() == "f64";
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Error::BelowFloor {
            floor, tolerance, ..
        }) if !double => {
            prop_assert!(floor > tolerance);
            Ok(None)
        }
        Err(Error::NoDigits { .. } | Error::NotFiniteResult { .. }) if !double => Ok(None),
        Err(error) => Err(TestCaseError::fail(error.to_string())),
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    if !arguments.list {
        engines::announce();
    }
    let bodies = [
        finite::BODIES,
        bounds::BODIES,
        dimensions::BODIES,
        invariance::BODIES,
        gradient::BODIES,
    ]
    .concat();
    let mut trials = Vec::new();
    for engine in [engines::cpu(), engines::adapters()].concat() {
        for (name, body) in &bodies {
            trials.push(engine.trial(name, *body));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
