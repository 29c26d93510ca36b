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
mod matrix;
mod plan;

use crate::arguments::{Loss, Pairwise, Settings};
use crate::comparison::Compared;
use crate::files::{self, Uses};
use crate::formats::{self, Array};
use crate::machine::Machine;
use crate::names::common_folder;
use crate::ordered::{self, Ended, Tasks};
use crate::outcome::{self, Outcome};
use crate::progress::Count;
use crate::rows::Rows;
use crate::{interrupt, report};
use anyhow::{Result, bail};
use checkpoint::{Checkpoint, Entry};
use clusters::Clusters;
use heatmap::Heatmap;
use matrix::Matrix;
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
    interrupt::keep_what_is_finished();
    let keys = pairs.iter().map(|pair| plan.key(*pair)).collect();
    let mut done = Checkpoint::open(&arguments.output, keys)?;
    if done.foreign && !arguments.quiet {
        outcome::warn(&format!(
            "{} is of another version: starting anew",
            done.path().display()
        ));
    }
    let missing = done.missing();
    let progress = Count::new(
        pairs.iter().map(|pair| plan.weight(*pair)),
        (0..pairs.len()).filter(|place| missing.binary_search(place).is_err()),
        arguments.quiet,
    );
    let comparison = |index: usize| plan.comparison(pairs[missing[index]]);
    let tasks = Tasks {
        shared: |index: usize| Ended::shared(machine.on_one_thread(&*comparison(index))),
        alone: |index: usize| ordered::finished(machine.alone(&*comparison(index))),
        stop: interrupt::requested,
    };
    let mut evaluated = 0;
    ordered::run(0..missing.len(), tasks, |index, compared| {
        let entry = entry(&compared?)?;
        evaluated += entry.pairs;
        done.append(missing[index], entry)?;
        progress.one_more(missing[index]);
        Ok(ControlFlow::Continue(()))
    })?;
    drop(progress);
    let entries: Vec<_> = done.entries.iter().flatten().cloned().collect();
    if entries.len() < pairs.len() {
        outcome::tell(&format!(
            "{} of {} comparisons are in {}; the same command goes on from there",
            entries.len(),
            pairs.len(),
            done.path().display()
        ));
        return Ok(Outcome::Interrupted);
    }
    let matrix = Matrix::of(&plan, &pairs, &entries);
    let clusters = Clusters::of(&matrix.values, plan.clouds.len());
    write(arguments, &plan, &matrix, &clusters)?;
    if done.others() > 0 && !arguments.quiet {
        outcome::tell(&format!(
            "comparisons of other files or settings ({}) stay in {}; remove it where they are not wanted",
            done.others(),
            done.path().display()
        ));
    }
    done.served();
    let effort = Effort {
        solves: missing.len(),
        pairs: evaluated,
        seconds: start.elapsed().as_secs_f64(),
    };
    tell(arguments, &plan, &matrix, &clusters, &entries, &effort)
}

/// What this run took.
struct Effort {
    solves: usize,
    pairs: u64,
    seconds: f64,
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
    let uses = Uses::new("an input", "an output");
    let uses = uses.reads(files.iter().map(PathBuf::as_path));
    let stopped = "the file that a stopped run goes on with";
    files::check_apart(&[
        uses.writes(outputs.map(PathBuf::as_path)),
        Uses::new(stopped, stopped).writes([&*checkpoint::beside(output)]),
    ])?;
    check_penalties(settings)?;
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

/// Refuses two different penalties.
fn check_penalties(settings: &Settings) -> Result<()> {
    let p = settings.p.unwrap_or(2.0);
    let reach = settings.reach.map(|reach| reach.powf(p));
    let both = settings.rho.or(reach).unwrap_or(f64::INFINITY);
    let [a, b] = [settings.rho_a, settings.rho_b].map(|rho| rho.unwrap_or(both));
    if a != b {
        bail!(
            "--rho-a and --rho-b differ: what is between two clouds then depends on which of them is the first, and \
             a matrix has one entry for both orders; give one --rho or --reach, or run both orders with haul batch"
        );
    }
    Ok(())
}

/// How the matrix is written.
enum Format {
    Array,
    Arrays,
    Table,
}

impl Format {
    fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().map(OsStr::to_ascii_lowercase);
        match extension.as_deref().and_then(OsStr::to_str) {
            Some("npy") => Ok(Self::Array),
            Some("npz") => Ok(Self::Arrays),
            Some("csv") => Ok(Self::Table),
            _ => bail!(formats::Error::Extension {
                file: path.to_owned(),
                known: ".npy, .npz, .csv".to_owned(),
            }),
        }
    }

    fn extension(&self) -> &'static str {
        match self {
            Self::Array => ".npy",
            Self::Arrays => ".npz",
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
        /// Of a solve.
        certificate: Option<Certificate>,
        /// Of an energy.
        rounding: Option<f64>,
    }
    #[derive(Deserialize)]
    struct Certificate {
        lower_bound: Option<f64>,
        upper_bound: Option<f64>,
    }
    let told: Told = serde_json::from_str(&compared.output)?;
    let value = told.value;
    let (lower, upper) = match told.certificate {
        Some(certificate) => (certificate.lower_bound, certificate.upper_bound),
        None => (
            told.rounding.map(|rounding| value - rounding),
            told.rounding.map(|rounding| value + rounding),
        ),
    };
    Ok(Entry {
        value,
        lower,
        upper,
        pairs: told.pairs,
        converged: compared.outcome == Outcome::Done,
    })
}

/// Writes the matrix, and draws it.
fn write(arguments: &Pairwise, plan: &Plan, matrix: &Matrix, clusters: &Clusters) -> Result<()> {
    let n = plan.clouds.len();
    let names = plan.names();
    let folder = common_folder(names.iter().map(|name| &**name));
    let labels = names
        .iter()
        .map(|name| name.strip_prefix(folder).unwrap_or(name));
    let labels: Vec<_> = labels.collect();
    match Format::of(&arguments.output)? {
        format @ (Format::Array | Format::Arrays) => {
            let array = |name, values| Array {
                name,
                shape: vec![n, n],
                values,
            };
            let values = array("matrix", &*matrix.values);
            match format {
                Format::Array => formats::write_npy(&arguments.output, &values)?,
                _ => {
                    let bounds = [("lower", &*matrix.lower), ("upper", &*matrix.upper)];
                    let [lower, upper] = bounds.map(|(name, values)| array(name, values));
                    formats::write_npz(&arguments.output, &[values, lower, upper])?;
                }
            }
        }
        Format::Table => {
            let mut table = csv::Writer::from_writer(Vec::new());
            table.write_record(std::iter::once("").chain(labels.iter().copied()))?;
            for (label, row) in labels.iter().zip(matrix.values.chunks(n)) {
                let row = row.iter().map(|value| report::plain(*value));
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
            values: &matrix.values,
            clusters,
        };
        formats::write_text(image, &heatmap::svg(&heatmap))?;
    }
    Ok(())
}

/// What there is now, for a person or as a JSON object.
fn tell(
    arguments: &Pairwise,
    plan: &Plan,
    matrix: &Matrix,
    clusters: &Clusters,
    entries: &[Entry],
    effort: &Effort,
) -> Result<Outcome> {
    let loose = entries.iter().filter(|entry| !entry.converged).count();
    let Effort {
        solves,
        pairs,
        seconds,
    } = *effort;
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
            "gap": matrix.gap(),
            "uncertain": matrix.uncertain(),
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
        let clouds = plan.clouds.len();
        let mut rows = Rows::default();
        rows.row("clouds", format!("{clouds}, of {least} to {most} points"));
        rows.row("entries", plan.problem());
        let gap = matrix.gap();
        let bounds = match gap.is_finite() {
            true => format!("at most {gap:.0e} apart"),
            false => "none for some entries".to_owned(),
        };
        rows.row("bounds", bounds);
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
    if let Some(caution) = matrix.caution(plan).filter(|_| !arguments.quiet) {
        outcome::warn(&caution);
    }
    Ok(Outcome::of(loose == 0))
}
