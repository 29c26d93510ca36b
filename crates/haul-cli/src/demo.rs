//! `haul demo`: two small clouds, one moved onto the other, and a picture of it.

use crate::arguments::Demo;
use crate::input::quoted;
use crate::outcome::{self, Outcome};
use crate::page::Clouds;
use crate::picture::{self, Heading, Matching, Picture};
use crate::rows::Rows;
use crate::{device, formats, report};
use anyhow::{Context, Result};
use haul::{Measure, Sinkhorn};
use std::f64::consts::TAU;

/// Points of each cloud.
const POINTS: usize = 1500;

pub(crate) fn run(arguments: &Demo) -> Result<Outcome> {
    let out = &arguments.out;
    std::fs::create_dir_all(out).with_context(|| {
        format!(
            "{}: cannot make the folder; choose another with --out",
            out.display()
        )
    })?;
    let source = Measure::uniform(&disc(), 2)?;
    let target = Measure::uniform(&moons(), 2)?;
    let device = device::open(&arguments.engine)?;
    let settings = Sinkhorn::blur(0.05).tolerance(1e-3);
    let solution = settings.solve(&device, &source, &target)?;
    let report = solution.report();
    let (a, b) = (out.join("source.csv"), out.join("target.csv"));
    let subtitle = format!(
        "a disc onto two moons: transport cost {:.4}, blur {}",
        report.transport_cost, report.blur
    );
    let picture = Picture {
        source: source.points(),
        target: target.points(),
        matching: Some(&Matching::of(&solution, &source, &target)?),
        dimension: 2,
        source_weights: source.weights(),
        target_weights: target.weights(),
    };
    let heading = Heading {
        title: "Where the mass goes",
        subtitle: &subtitle,
    };
    let svg = picture::svg(&picture, &heading)?;
    formats::write_cloud(&a, None, source.points(), 2, None)?;
    formats::write_cloud(&b, None, target.points(), 2, None)?;
    let drawing = out.join("transport.svg");
    formats::write_text(&drawing, &svg)?;

    let (a, b) = (a.to_string_lossy(), b.to_string_lossy());
    if arguments.json {
        outcome::print(&report::Json::new("demo", &a, &b, report).line()?)?;
    } else {
        let next = format!("haul sinkhorn {} {} --blur 0.02", quoted(&a), quoted(&b));
        let mut rows = Rows::default();
        let clouds = Clouds {
            a: &a,
            b: &b,
            source: &source,
            target: &target,
            matching: None,
        };
        rows.heading(report::text(&clouds, report));
        rows.row("picture", drawing.display());
        rows.row("now try", next);
        outcome::show(&rows.text())?;
    }
    Ok(Outcome::of(report.converged))
}

/// A disc, by the spiral of the golden angle: even, without chance.
fn disc() -> Vec<f64> {
    let golden = TAU * (1.0 - 2.0 / (1.0 + 5f64.sqrt()));
    (0..POINTS)
        .flat_map(|i| {
            let radius = 0.45 * ((i as f64 + 0.5) / POINTS as f64).sqrt();
            let angle = golden * i as f64;
            [radius * angle.cos() - 0.9, radius * angle.sin() + 0.25]
        })
        .collect()
}

/// Two interleaved half rings, a point at a time on each.
fn moons() -> Vec<f64> {
    let golden = 0.5 * (5f64.sqrt() - 1.0);
    (0..POINTS)
        .flat_map(|i| {
            let along = 0.5 * TAU * (i / 2) as f64 / (POINTS / 2) as f64;
            let across = 0.5 + 0.12 * ((golden * i as f64).fract() - 0.5);
            let (x, y) = (across * along.cos(), across * along.sin());
            if i % 2 == 0 {
                [x + 0.6, y + 0.25]
            } else {
                [1.1 - x, 0.45 - y]
            }
        })
        .collect()
}
