//! `haul map`: one file moved onto another by the barycentric map of the plan, in one step or on
//! the way.

use crate::arguments::Map;
use crate::comparison::Inputs;
use crate::outcome::{self, Outcome};
use crate::progress::Course;
use crate::{device, formats, input, report};
use anyhow::{Result, bail};
use haul::{Device, Plan};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

pub(crate) fn run(arguments: &Map) -> Result<Outcome> {
    let Map {
        a,
        b,
        output,
        t,
        frames,
        solving,
    } = arguments;
    if !(0.0..=1.0).contains(t) {
        bail!("--t is {t}; it must be from 0, where the cloud is, to 1, where its mass goes");
    }
    let steps = steps(output, *t, *frames);
    if let Some(path) = &solving.trace {
        formats::check_target(path, ".csv")?;
    }
    let settings = input::settings(&solving.settings);
    let weights = &solving.weights;
    let inputs = Inputs { a, b, weights };
    inputs.check()?;
    let [source, target] = inputs.sides();
    let cloud = input::cloud(source)?;
    for (path, _) in &steps {
        formats::check_moved(path, a, cloud.dimension)?;
    }
    let weights = cloud.weights.clone();
    // Every point is moved, also where a part of them is enough to solve for.
    let all = source.reduction.is_given().then(|| cloud.points.clone());
    let source = input::measure_of(source, cloud)?;
    let target = input::measure(target)?;
    let problem = input::problem(&settings, (a, &source), (b, &target))?;
    let device = device::open(&device::engine_for(solving, &problem))?;
    let mut course = Course::new(solving);
    let solution = settings.solve_observed(&device, &source, &target, |progress| {
        course.observe(progress)
    })?;
    course.end()?;
    let plan = solution.plan();
    let (points, images) = match &all {
        Some(points) => (
            points.as_slice(),
            images(&plan, points, source.dimension())?,
        ),
        None => (source.points(), plan.map()?),
    };
    for (path, t) in &steps {
        let moved = interpolated(points, &images, *t);
        formats::write_moved(path, a, &moved, source.dimension(), weights.as_deref())?;
    }
    let names = (a.to_string_lossy(), b.to_string_lossy());
    let report = solution.report();
    if solving.json {
        outcome::print(&report::Json::new("map", &names.0, &names.1, report).line()?)?;
    } else {
        let text = report::text(&names.0, &names.1, report);
        outcome::print(&format!("{text}written         {}\n", list(&steps)))?;
    }
    for warning in report::warnings(solving, [report]) {
        outcome::warn(&warning);
    }
    Ok(Outcome::of(report.converged))
}

/// The points that are moved at a time, beyond those that are solved for.
const CHUNK: usize = 1 << 18;

/// Where the map takes these points, of which the device holds a bounded number.
fn images(plan: &Plan<'_, '_, Device>, points: &[f64], dimension: usize) -> Result<Vec<f64>> {
    let mut images = Vec::with_capacity(points.len());
    for chunk in points.chunks(CHUNK * dimension) {
        images.extend(plan.map_points(chunk)?);
    }
    Ok(images)
}

/// The files to write, with the part t of the way that is gone in each.
fn steps(output: &Path, t: f64, frames: Option<u32>) -> Vec<(PathBuf, f64)> {
    let Some(frames) = frames else {
        return vec![(output.to_owned(), t)];
    };
    let last = frames - 1;
    let digits = last.to_string().len().max(3);
    (0..frames)
        .map(|k| {
            let path = formats::numbered(output, k as usize, digits);
            (path, f64::from(k) / f64::from(last.max(1)))
        })
        .collect()
}

/// McCann's interpolation x + t (T(x) − x), exactly x at t = 0 and T(x) at t = 1.
fn interpolated<'c>(points: &'c [f64], images: &'c [f64], t: f64) -> Cow<'c, [f64]> {
    if t == 0.0 {
        return points.into();
    }
    if t == 1.0 {
        return images.into();
    }
    let between = |(x, image): (&f64, &f64)| x + t * (image - x);
    points.iter().zip(images).map(between).collect()
}

/// The files that were written, in a few words.
fn list(steps: &[(PathBuf, f64)]) -> String {
    match steps {
        [(first, _), .., (last, _)] => format!("{} … {}", first.display(), last.display()),
        _ => steps
            .iter()
            .map(|(path, _)| path.display().to_string())
            .collect(),
    }
}
