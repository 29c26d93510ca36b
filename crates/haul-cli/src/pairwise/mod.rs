//! `haul pairwise`: every cloud compared with every other one.
//!
//! All pairs have one ε and one precision, so that their entries can be compared. Those of divergences
//!
//! ```text
//! Dᵢⱼ = OT_ε(αᵢ, αⱼ) − ½ OT_ε(αᵢ, αᵢ) − ½ OT_ε(αⱼ, αⱼ) + ½ε (mᵢ − mⱼ)²
//! ```
//!
//! take n(n − 1)/2 solves for n clouds and n for the self terms, where as many divergences take three
//! for each pair.

mod checkpoint;
mod clusters;
mod heatmap;
mod plan;

use crate::arguments::{Loss, Pairwise};
use crate::comparison::Compared;
use crate::files;
use crate::formats::{self, Array};
use crate::machine::Machine;
use crate::names::common_folder;
use crate::ordered::{self, Tasks};
use crate::outcome::{self, Outcome};
use crate::progress::Count;
use crate::rows::Rows;
use crate::{interrupt, report};
use anyhow::{Result, bail};
use checkpoint::{Checkpoint, Entry};
use clusters::Clusters;
use heatmap::Heatmap;
use plan::Plan;
use serde::Deserialize;
use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Memory for the clouds, in bytes; those beyond it are read again for each pair.
const CACHE: usize = 4 << 30;

pub(crate) fn run(arguments: &Pairwise) -> Result<Outcome> {
    let start = Instant::now();
    check(arguments)?;
    let machine = Machine::new(CACHE, arguments.engine.threads)?;
    let plan = Plan::of(arguments, &machine)?;
    let pairs = plan.pairs();
    interrupt::wait_for_the_end();
    let mut done = Checkpoint::open(&arguments.output, &plan, pairs.len())?;
    if done.foreign && !arguments.quiet {
        outcome::warn(&format!(
            "{} is of other files or settings: starting anew",
            done.path().display()
        ));
    }
    let held = done.entries.len();
    let progress = Count::new(
        pairs.iter().map(|pair| plan.weight(*pair)),
        0..held,
        arguments.quiet,
    );
    let tasks = Tasks {
        shared: |index: usize| {
            let comparison = plan.comparison(pairs[index]);
            machine.on_one_thread(&*comparison).transpose()
        },
        alone: |index: usize| machine.alone(&*plan.comparison(pairs[index])),
        stop: interrupt::requested,
    };
    ordered::run(held..pairs.len(), tasks, |index, compared| {
        done.append(entry(&compared?)?)?;
        progress.one_more(index);
        Ok(ControlFlow::Continue(()))
    })?;
    drop(progress);
    if done.entries.len() < pairs.len() {
        outcome::tell(&format!(
            "{} of {} comparisons are in {}; the same command goes on from there",
            done.entries.len(),
            pairs.len(),
            done.path().display()
        ));
        return Ok(Outcome::Interrupted);
    }
    let matrix = matrix(&plan, &pairs, &done.entries);
    let clusters = Clusters::of(&matrix, plan.clouds.len());
    write(arguments, &plan, &matrix, &clusters)?;
    let entries = done.removed();
    tell(
        arguments,
        &plan,
        &clusters,
        &entries,
        held,
        start.elapsed().as_secs_f64(),
    )
}

/// Refuses what is wrong whatever the clouds.
fn check(arguments: &Pairwise) -> Result<()> {
    let Pairwise {
        files,
        output,
        loss,
        image,
        settings,
        ..
    } = arguments;
    formats::check_target(output, Format::of(output)?.extension())?;
    if let Some(image) = image {
        formats::check_target(image, ".svg")?;
        if files.len() > heatmap::MOST_CLOUDS {
            bail!(
                "--image draws at most {} clouds, and these are {}; leave it out",
                heatmap::MOST_CLOUDS,
                files.len()
            );
        }
    }
    if files.iter().any(|file| *file == Path::new("-")) {
        bail!("standard input is read once, and these clouds are not; name a file in place of -");
    }
    let outputs = std::iter::once(output).chain(image);
    let (files, outputs) = (files.iter(), outputs.map(PathBuf::as_path));
    files::check_apart(files.map(PathBuf::as_path), outputs)?;
    let of_transport = [
        ("blur", settings.blur),
        ("epsilon", settings.epsilon),
        ("reach", settings.reach),
        ("rho", settings.rho),
        ("rho-a", settings.rho_a),
        ("rho-b", settings.rho_b),
    ];
    for (name, value) in of_transport {
        if *loss == Loss::Energy && value.is_some() {
            bail!("--{name} is of transport, and an energy has none; leave it out");
        }
    }
    Ok(())
}

/// How the matrix is written.
enum Format {
    Array,
    Table,
}

impl Format {
    fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().map(OsStr::to_ascii_lowercase);
        match extension.as_deref().and_then(OsStr::to_str) {
            Some("npy") => Ok(Self::Array),
            Some("csv") => Ok(Self::Table),
            _ => bail!(formats::Error::Extension {
                file: path.to_owned(),
                known: ".npy, .csv".to_owned(),
            }),
        }
    }

    fn extension(&self) -> &'static str {
        match self {
            Self::Array => ".npy",
            Self::Table => ".csv",
        }
    }
}

/// What an entry needs of a result.
fn entry(compared: &Compared) -> Result<Entry> {
    /// Of the JSON of a result.
    #[derive(Deserialize)]
    struct Told {
        value: f64,
        pairs: u64,
    }
    let Told { value, pairs } = serde_json::from_str(&compared.output)?;
    Ok(Entry {
        value,
        pairs,
        converged: compared.outcome == Outcome::Done,
    })
}

/// The entries as n×n, row-major; the first n of them are the self terms where divergences need them.
fn matrix(plan: &Plan, pairs: &[(usize, usize)], entries: &[Entry]) -> Vec<f64> {
    let n = plan.clouds.len();
    let mut matrix = vec![0.0; n * n];
    for (&(i, j), entry) in pairs.iter().zip(entries) {
        let value = match (plan.loss, plan.settings.epsilon) {
            (Loss::Divergence, Some(epsilon)) => {
                let own = [entries[i].value, entries[j].value];
                let masses = [plan.clouds[i].mass, plan.clouds[j].mass];
                haul::debiased(entry.value, own, epsilon, masses)
            }
            _ => entry.value,
        };
        matrix[i * n + j] = value;
        matrix[j * n + i] = value;
    }
    matrix
}

/// Writes the matrix, and draws it.
fn write(arguments: &Pairwise, plan: &Plan, matrix: &[f64], clusters: &Clusters) -> Result<()> {
    let n = plan.clouds.len();
    let names = plan.names();
    let folder = common_folder(names.iter().map(|name| &**name));
    let labels = names
        .iter()
        .map(|name| name.strip_prefix(folder).unwrap_or(name));
    let labels: Vec<_> = labels.collect();
    match Format::of(&arguments.output)? {
        Format::Array => {
            let array = Array {
                name: "matrix",
                shape: vec![n, n],
                values: matrix,
            };
            formats::write_npy(&arguments.output, &array)?;
        }
        Format::Table => {
            let mut table = csv::Writer::from_writer(Vec::new());
            table.write_record(std::iter::once("").chain(labels.iter().copied()))?;
            for (label, row) in labels.iter().zip(matrix.chunks(n)) {
                let row = row.iter().map(f64::to_string);
                table.write_record(std::iter::once((*label).to_owned()).chain(row))?;
            }
            let text = String::from_utf8(table.into_inner()?)?;
            formats::write_text(&arguments.output, &text)?;
        }
    }
    if let Some(image) = &arguments.image {
        let heatmap = Heatmap {
            title: plan.title(),
            problem: &plan.problem(),
            labels: &labels,
            values: matrix,
            clusters,
        };
        formats::write_text(image, &heatmap::svg(&heatmap)?)?;
    }
    Ok(())
}

/// What there is now, for a person or as a JSON object.
fn tell(
    arguments: &Pairwise,
    plan: &Plan,
    clusters: &Clusters,
    entries: &[Entry],
    held: usize,
    seconds: f64,
) -> Result<Outcome> {
    let loose = entries.iter().filter(|entry| !entry.converged).count();
    let pairs: u64 = entries.iter().skip(held).map(|entry| entry.pairs).sum();
    let blur = plan
        .settings
        .epsilon
        .map(|epsilon| epsilon.powf(1.0 / plan.p()));
    if arguments.json {
        let mut object = serde_json::json!({
            "command": "pairwise",
            "loss": plan.loss,
            "files": plan.names(),
            "order": clusters.order,
            "merges": clusters.json(),
            "p": report::whole(plan.p()),
            "output": arguments.output.to_string_lossy(),
            "converged": loose == 0,
            "pairs": pairs,
            "seconds": seconds,
        });
        if let (Some(epsilon), Some(blur)) = (plan.settings.epsilon, blur) {
            object["epsilon"] = epsilon.into();
            object["blur"] = blur.into();
        }
        outcome::print(&format!("{object}\n"))?;
    } else {
        let sizes = plan.clouds.iter().map(|cloud| cloud.points);
        let (least, most) = sizes.fold((usize::MAX, 0), |(least, most), n| {
            (least.min(n), most.max(n))
        });
        let rate = pairs as f64 / seconds / 1e9;
        let (clouds, solves) = (plan.clouds.len(), entries.len() - held);
        let mut rows = Rows::default();
        rows.row("clouds", format!("{clouds}, of {least} to {most} points"));
        rows.row("entries", plan.problem());
        let effort = format!("{solves} solves, {seconds:.3} s, {rate:.2} Gpairs/s");
        rows.row("effort", effort);
        let image = arguments.image.as_ref();
        let image = image.map(|image| format!(" and {}", image.display()));
        let written = arguments.output.display();
        rows.row("written", format!("{written}{}", image.unwrap_or_default()));
        outcome::show(&rows.text())?;
    }
    if loose > 0 && !arguments.quiet {
        outcome::warn(&format!(
            "{loose} of {} comparisons did not converge; raise --max-iterations, --blur or --tolerance",
            entries.len()
        ));
    }
    Ok(Outcome::of(loose == 0))
}
