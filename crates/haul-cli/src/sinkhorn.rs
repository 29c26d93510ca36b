//! `haul sinkhorn`: OT_ε between two files.

use crate::arguments::Sinkhorn;
use crate::formats::{self, Array};
use crate::outcome::Outcome;
use crate::progress::Course;
use crate::{device, input, outcome, report};
use anyhow::Result;
use std::fmt::Write;
use std::path::Path;

pub(crate) fn run(arguments: &Sinkhorn) -> Result<Outcome> {
    let Sinkhorn {
        a,
        b,
        solving,
        potentials,
        plan_topk,
        plan,
        gradients,
    } = arguments;
    gradients.check()?;
    let targets = [
        (potentials, ".npz"),
        (plan, ".csv"),
        (&solving.trace, ".csv"),
    ];
    // Refuses what is wrong before a device is opened, and what cannot be written before a solve.
    for (path, extension) in targets {
        if let Some(path) = path {
            formats::check_target(path, extension)?;
        }
    }
    let settings = input::settings(solving);
    let (source, target) = input::measures(a, b, &solving.weights)?;
    let problem = input::problem(&settings, (a, &source), (b, &target))?;
    let device = device::open_for(solving, &problem)?;
    let mut course = Course::new(solving);
    let solution = settings.solve_observed(&device, &source, &target, |progress| {
        course.observe(progress)
    })?;
    course.end()?;
    if let Some(path) = potentials {
        let potentials = solution.potentials()?;
        let arrays = [("f", &potentials.f), ("g", &potentials.g)].map(|(name, values)| Array {
            name,
            shape: vec![values.len()],
            values,
        });
        formats::write_npz(path, &arrays)?;
    }
    if let (Some(path), Some(k)) = (plan, plan_topk) {
        write_plan(path, &solution.plan().top_k(*k as usize)?)?;
    }
    if gradients.wanted() {
        gradients.write(&solution.gradient()?)?;
    }
    let names = (a.to_string_lossy(), b.to_string_lossy());
    let report = solution.report();
    if solving.json {
        outcome::print(&report::Json::new("sinkhorn", &names.0, &names.1, report).line()?)?;
    } else {
        outcome::print(&report::text(&names.0, &names.1, report))?;
    }
    if !solving.quiet {
        for warning in report::warnings(report) {
            outcome::warn(&warning);
        }
    }
    Ok(if report.converged {
        Outcome::Done
    } else {
        Outcome::NotConverged
    })
}

fn write_plan(path: &Path, rows: &[Vec<(usize, f64)>]) -> Result<()> {
    let mut text = String::from("i,j,mass\n");
    for (i, row) in rows.iter().enumerate() {
        for (j, mass) in row {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{i},{j},{mass:e}");
        }
    }
    Ok(formats::write_text(path, &text)?)
}
