//! One body a property, run on every engine: the operators against a dense reference in f64, the
//! solver and the energies against closed forms and invariants, the device against faults.

mod barycenters;
mod batches;
mod coarse;
mod coordinates;
mod dictionaries;
mod dimensions;
mod documents;
mod energy;
mod envelope;
mod exact;
mod faults;
mod fits;
mod flows;
mod gradient;
mod grids;
mod gromov;
mod gromov_averages;
mod groups;
mod handles;
mod hessian;
mod histograms;
mod interrupt;
mod labels;
mod limits;
mod lines;
mod models;
mod multiscale;
mod near;
mod nearest;
mod operators;
mod ranges;
mod ranked;
mod registration;
mod resident;
mod scores;
mod sharing;
mod solver;
mod stalls;
mod studies;
mod transitions;
mod two_level;
mod unbalanced;
mod waits;

use haul_tests::engines;
use libtest_mimic::Arguments;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    if !arguments.list {
        engines::announce();
    }
    let mut trials = Vec::new();
    for engine in engines::all() {
        let bodies = [
            operators::BODIES,
            dimensions::EXCESS,
            solver::BODIES,
            unbalanced::BODIES,
            energy::BODIES,
            gradient::BODIES,
            batches::BODIES,
            hessian::BODIES,
            limits::BODIES,
            scores::BODIES,
            stalls::BODIES,
            lines::BODIES,
            ranges::BODIES,
            near::BODIES,
            nearest::BODIES,
            groups::BODIES,
            transitions::BODIES,
            two_level::BODIES,
            multiscale::BODIES,
            coarse::BODIES,
            grids::BODIES,
            registration::BODIES,
            barycenters::BODIES,
            coordinates::BODIES,
            dictionaries::BODIES,
            documents::BODIES,
            labels::BODIES,
            envelope::BODIES,
            exact::BODIES,
            flows::BODIES,
            fits::BODIES,
            gromov::BODIES,
            gromov_averages::BODIES,
            models::BODIES,
            studies::BODIES,
            waits::BODIES,
        ];
        for (name, body) in bodies.concat() {
            trials.push(engine.trial(name, body));
        }
        for (name, body) in handles::BODIES {
            trials.push(engine.trial_of_handles(name, *body));
        }
        for (name, body) in interrupt::BODIES {
            trials.push(engine.trial_alone(name, *body));
        }
    }
    // Points of many dimensions do not fit the smallest bindings, nor do many lines and histograms.
    for engine in engines::with_large_bindings() {
        let bodies = [dimensions::BODIES, lines::MANY, histograms::BODIES];
        for (name, body) in bodies.concat() {
            trials.push(engine.trial(name, body));
        }
    }
    for engine in engines::cpu() {
        for (name, body) in [multiscale::LARGE, ranked::BODIES].concat() {
            trials.push(engine.trial(name, body));
        }
    }
    // An instruction set changes only the operators.
    for engine in engines::cpu_on_other_instructions() {
        let bodies = [
            operators::BODIES,
            dimensions::BODIES,
            dimensions::EXCESS,
            lines::BODIES,
            ranges::BODIES,
            near::BODIES,
            nearest::BODIES,
            groups::BODIES,
            two_level::BODIES,
        ];
        for (name, body) in bodies.concat() {
            trials.push(engine.trial(name, body));
        }
    }
    for engine in engines::adapters() {
        for (name, body) in [faults::BODIES, sharing::BODIES, resident::BODIES].concat() {
            trials.push(engine.trial(name, body));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
