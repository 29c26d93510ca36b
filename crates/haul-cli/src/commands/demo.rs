//! `haul demo`: two small clouds, one moved onto the other, and a picture of it.

use crate::answer::Answer;
use crate::command::{Command, Program};
use crate::device;
use crate::input::{Cloud, quoted};
use crate::number::short;
use crate::options::Engine;
use crate::outcome::{self, Outcome};
use crate::pair::Pair;
use crate::picture::{self, Heading, Matching, Picture};
use crate::rows::Rows;
use crate::transport::Transport;
use crate::transport::text::transport_cost;
use anyhow::{Context, Result};
use clap::Args;
use haul::{Measure, Sinkhorn};
use haul_files as formats;
use std::f64::consts::TAU;
use std::path::PathBuf;
use std::sync::Arc;

/// Points of each cloud.
const POINTS: usize = 1500;

/// Make two small clouds, move one onto the other, and draw what happened
#[derive(Debug, Args)]
#[command(mut_arg("precision", |it| it.help("f64 runs on the CPU [default: f32]")), after_help = "Example:\n  haul demo --out my-demo")]
pub(crate) struct Demo {
    /// The folder that is written to
    #[arg(
        long,
        value_name = "DIR",
        help_heading = "Output",
        default_value = "haul-demo"
    )]
    out: PathBuf,

    #[command(flatten)]
    engine: Engine,

    /// Print one JSON object
    #[arg(long, help_heading = "Output")]
    json: bool,
}

impl Command for Demo {
    fn run(&self, _: &Program) -> Result<Outcome> {
        let out = &self.out;
        std::fs::create_dir_all(out).with_context(|| {
            format!(
                "{}: cannot make the folder; choose another with --out",
                out.display()
            )
        })?;
        let clouds = [disc(), moons()].map(|points| Measure::uniform(&points, 2));
        let [source, target] = clouds.map(|measure| measure.map(Cloud::from).map(Arc::new));
        let (source, target) = (source?, target?);
        let device = device::open(&self.engine)?;
        let settings = Sinkhorn::blur(0.05).tolerance(1e-3);
        let solution = settings.solve(&device, &source.measure, &target.measure)?;
        let [a, b] = ["source.csv", "target.csv"].map(|name| out.join(name));
        let transport = Transport {
            command: "demo",
            pair: Pair::new([&a, &b], [&source, &target]),
            report: solution.report().clone(),
            course: Vec::new(),
            displacement: None,
            exact: None,
            matching: Some(Matching::of(&solution, &source.measure, &target.measure)?),
            written: Vec::new(),
        };
        let svg = draw(&transport)?;
        for (file, cloud) in [(&a, &source), (&b, &target)] {
            formats::write_cloud(file, None, cloud.measure.points(), 2, None)?;
        }
        let drawing = out.join("transport.svg");
        formats::write_text(&drawing, &svg)?;
        if self.json {
            outcome::print(&transport.json()?)?;
        } else {
            let Pair { a, b, .. } = &transport.pair;
            let next = format!("haul sinkhorn {} {} --blur 0.02", quoted(a), quoted(b));
            let mut rows = Rows::default();
            rows.heading(transport.text());
            rows.row("picture", drawing.display());
            rows.row("now try", next);
            outcome::show(&rows.text())?;
        }
        Ok(transport.outcome())
    }
}

/// The picture of the transport.
fn draw(transport: &Transport) -> Result<String> {
    let Transport {
        pair,
        report,
        matching,
        ..
    } = transport;
    let (source, target) = (pair.source(), pair.target());
    let subtitle = format!(
        "a disc onto two moons: transport cost {}, blur {}",
        transport_cost(report),
        short(report.blur)
    );
    let picture = Picture {
        source: source.points(),
        target: target.points(),
        matching: matching.as_ref(),
        dimension: 2,
        source_weights: source.weights(),
        target_weights: target.weights(),
    };
    let heading = Heading {
        title: "Where the mass goes",
        subtitle: &subtitle,
    };
    Ok(picture::svg(&picture, &heading)?)
}

/// A disc, by the spiral of the golden angle: evenly spaced and deterministic.
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

/// Two interleaved half rings, points alternating between them.
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
