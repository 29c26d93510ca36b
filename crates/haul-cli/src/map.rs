//! `haul map`: one file moved onto another by the barycentric map of the plan, in one step or on
//! the way.

use crate::arguments::{Engine, Map};
use crate::comparison::{Compared, Comparison, Inputs};
use crate::input::{self, Given};
use crate::outcome::Outcome;
use crate::page::{self, Clouds};
use crate::picture::Matching;
use crate::progress::Course;
use crate::report::Displacement;
use crate::rows::Rows;
use crate::{device, formats, report};
use anyhow::{Result, bail};
use haul::{Device, Measure, Plan, Sinkhorn};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

impl Comparison for Map {
    fn inputs(&self) -> Inputs<'_> {
        Inputs {
            a: &self.a,
            b: &self.b,
            weights: &self.solving.weights,
            moves_a: true,
        }
    }

    fn outputs(&self) -> Vec<PathBuf> {
        let moved = self.steps().into_iter().map(|(path, _)| path);
        moved.chain(self.solving.outputs().cloned()).collect()
    }

    fn check(&self) -> Result<()> {
        let t = self.t;
        if !(0.0..=1.0).contains(&t) {
            let t = report::plain(t);
            bail!("--t is {t}; it must be from 0, where the cloud is, to 1, where its mass goes");
        }
        if self.output == Path::new("-") && (self.solving.json || self.frames.is_some()) {
            bail!(
                "-o - writes one cloud and nothing else; name a file, or leave --json and --frames out"
            );
        }
        self.solving.check()
    }

    fn engine(&self, source: &Measure, target: &Measure) -> Result<Engine> {
        let reading = self.solving.weights.treatment.reading();
        for (path, _) in self.steps() {
            formats::check_moved(&path, (&self.a, &reading), source.dimension())?;
        }
        device::engine_between(&self.solving, (&self.a, source), (&self.b, target))
    }

    fn evaluate(&self, device: &Device, source: &Given, target: &Given) -> Result<Compared> {
        let mut course = Course::new(&self.solving);
        let settings = input::settings(&self.solving.settings);
        let observe = |progress: &_| course.observe(progress);
        let solution =
            settings.solve_observed(device, &source.measure, &target.measure, observe)?;
        let course = course.end()?;
        let (points, d) = (source.points(), source.measure.dimension());
        let plan = solution.plan();
        let images = match source.all {
            Some(_) => images(&plan, points, d)?,
            None => plan.map()?,
        };
        let moved = displacement(points, &images, d, source.weights.as_deref());
        let steps = self.steps();
        let reading = self.solving.weights.treatment.reading();
        for (path, t) in &steps {
            let moved = interpolated(points, &images, *t);
            let from = (&*self.a, &reading);
            formats::write_moved(path, from, &moved, d, source.weights.as_deref())?;
        }
        let (a, b) = (self.a.to_string_lossy(), self.b.to_string_lossy());
        let clouds = Clouds {
            a: &a,
            b: &b,
            source: &source.measure,
            target: &target.measure,
            matching: None,
        };
        let report = solution.report();
        if let Some(path) = &self.solving.report {
            let clouds = Clouds {
                matching: Some(&Matching::of(&solution, &source.measure, &target.measure)?),
                ..clouds
            };
            let page = page::solution("map", &clouds, report, Some(moved), &course)?;
            formats::write_text(path, &page)?;
        }
        Ok(Compared {
            output: if self.output == Path::new("-") {
                String::new()
            } else if self.solving.json {
                let json = report::Json::new("map", &a, &b, report);
                json.of_map(moved).line()?
            } else {
                let mut rows = Rows::default();
                let Displacement { mean, largest } = moved;
                let (mean, largest) = (report::short(mean), report::short(largest));
                rows.row(
                    "points go",
                    format!("{mean} far on average, {largest} at most{}", self.part()),
                );
                rows.row("written", list(&steps));
                report::text(&clouds, report) + &rows.text()
            },
            warnings: report::warnings(&self.solving, [report]),
            outcome: Outcome::of(report.converged),
        })
    }

    fn iteration(&self) -> Option<Sinkhorn> {
        Some(input::settings(&self.solving.settings))
    }

    fn pairs(&self, n: u64, m: u64) -> u64 {
        n * m
    }
}

impl Map {
    /// What is to be said beside the length of the whole way.
    fn part(&self) -> &'static str {
        match self.frames.is_none() && self.t < 1.0 {
            true => ", to the end of the way",
            false => "",
        }
    }

    /// The files to write, with the part t of the way that is gone in each.
    fn steps(&self) -> Vec<(PathBuf, f64)> {
        let Some(frames) = self.frames else {
            return vec![(self.output.clone(), self.t)];
        };
        let last = frames - 1;
        let digits = last.to_string().len().max(3);
        let step = |k| {
            let path = formats::numbered(&self.output, k as usize, digits);
            (path, f64::from(k) / f64::from(last.max(1)))
        };
        (0..frames).map(step).collect()
    }
}

/// The points that are moved at a time, beyond those that are solved for.
const CHUNK: usize = 1 << 18;

/// Where the map takes these points, of which the device holds a bounded number.
fn images(plan: &Plan<&Device>, points: &[f64], dimension: usize) -> Result<Vec<f64>> {
    let mut images = Vec::with_capacity(points.len());
    for chunk in points.chunks(CHUNK * dimension) {
        images.extend(plan.map_points(chunk)?);
    }
    Ok(images)
}

/// How far the map takes these points, which may have weights.
fn displacement(
    points: &[f64],
    images: &[f64],
    dimension: usize,
    weights: Option<&[f64]>,
) -> Displacement {
    let pairs = points
        .chunks_exact(dimension)
        .zip(images.chunks_exact(dimension));
    let (mut sum, mut mass, mut largest) = (0.0, 0.0, 0.0_f64);
    for (i, (x, image)) in pairs.enumerate() {
        let square: f64 = x.iter().zip(image).map(|(x, y)| (x - y).powi(2)).sum();
        let weight = weights.map_or(1.0, |weights| weights[i]);
        sum += weight * square.sqrt();
        mass += weight;
        if weight > 0.0 {
            largest = largest.max(square.sqrt());
        }
    }
    Displacement {
        mean: sum / mass,
        largest,
    }
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
