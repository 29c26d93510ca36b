//! `haul divergence`: S_ε between two files.

use crate::arguments::Divergence;
use crate::outcome::{self, Outcome};
use crate::progress::Course;
use crate::{device, formats, input, report};
use anyhow::Result;

pub(crate) fn run(arguments: &Divergence) -> Result<Outcome> {
    let Divergence {
        a,
        b,
        gradients,
        solving,
    } = arguments;
    gradients.check()?;
    if let Some(path) = &solving.trace {
        formats::check_target(path, ".csv")?;
    }
    let settings = input::settings(solving);
    let (source, target) = input::measures(a, b, &solving.weights)?;
    let problem = input::problem(&settings, (a, &source), (b, &target))?;
    let device = device::open_for(solving, &problem)?;
    let mut course = Course::new(solving);
    let divergence = haul::Divergence::from(settings);
    let terms = divergence.evaluate_observed(&device, &source, &target, |progress| {
        course.observe(progress)
    })?;
    course.end()?;
    if gradients.wanted() {
        gradients.write(&terms.gradient()?)?;
    }
    let names = (a.to_string_lossy(), b.to_string_lossy());
    if solving.json {
        outcome::print(&report::divergence_line(&names.0, &names.1, &terms)?)?;
    } else {
        outcome::print(&report::divergence_text(&names.0, &names.1, &terms))?;
    }
    if !solving.quiet {
        for term in [&terms.ab, &terms.aa, &terms.bb] {
            for warning in report::warnings(term.report()) {
                outcome::warn(&warning);
            }
        }
    }
    Ok(if terms.converged() {
        Outcome::Done
    } else {
        Outcome::NotConverged
    })
}
