//! `haul info`: count, bounds, spacing and mass of files of points, after thinning if requested.

use crate::command::{Command, Program};
use crate::input::{self, on_grid};
use crate::names::end_of;
use crate::number::{percent, short};
use crate::options::{Treatment, cells};
use crate::outcome::{self, Outcome};
use crate::pair::sides;
use crate::rows::{Rows, STRONG, styled};
use anyhow::{Context, Result};
use clap::Args;
use haul::{Extent, spacing};
use haul_files::{self as formats, Contents, Outline};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The most axes whose bounds are printed.
const MOST_AXES: usize = 8;

/// The most letters of the name of an axis, which fit its column.
const MOST_LETTERS: usize = 13;

/// What files of points or images hold: how many, where, how far apart, how heavy
#[derive(Debug, Args)]
#[command(
    mut_arg("normalize", |it| it.help("Scale the mass to 1")),
    mut_arg("mass_unit", |it| it.help("Divide the weights by M")),
    after_help = r#"A file that cannot be read is told of, the others all the same; the exit status is 2 then. With
--group each group of a file is told of. Of a file of many arrays, as .h5ad, the arrays and the columns
are told, until --embedding names an array.

Keys of a line of --json, of the points that are left after --subsample or --voxel:
  file points dimension     the coordinates of a point
  low high diagonal         the box around the points, an array of each axis; its diagonal
  spacing                   the median distance of a point to the nearest other one; null for one point
  mass weighted             the sum of the weights; whether the file has weights
  smallest_weight largest_weight
  grid                      of masses on a grid: its shape, the side of a cell along each axis (spacing),
                            the number of cells without mass (empty), and of a .nii the affine map from the
                            indices of a voxel to its place, three rows of four numbers, and its unit
  scans columns             of an .e57: an object for each scan, with its name and the number of its records
                            (points), rays that met nothing among them; the columns to select from

Keys of a line about a file of many arrays:
  file numbers labels       columns of numbers; of labels an object each: name, labels
  arrays                    an object each: name, points, dimension, sparse

Example:
  haul info a.ply disc.png"#
)]
pub(crate) struct Info {
    /// The clouds, images and arrays
    #[arg(required = true, value_name = "FILES")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    treatment: Treatment,

    /// Print one JSON object a file, with every digit
    #[arg(long, help_heading = "Output")]
    json: bool,
}

impl Command for Info {
    fn run(&self, _: &Program) -> Result<Outcome> {
        let mut outcome = Outcome::Done;
        for file in &self.files {
            let outline = formats::outline(file, self.treatment.format);
            let outline = outline.ok().flatten();
            if self.treatment.embedding.is_none()
                && let Some(outline) = &outline
                && outline.scans.is_empty()
            {
                outcome::show(&match self.json {
                    true => serde_json::to_string(&Choice::of(file, outline))? + "\n",
                    false => choice(file, outline),
                })?;
                continue;
            }
            let about = match input::clouds_of(std::slice::from_ref(file), &self.treatment) {
                Ok(clouds) => {
                    let whole = self.treatment.group.is_none();
                    let scans = outline.filter(|outline| whole && !outline.scans.is_empty());
                    let about = |cloud: &PathBuf| {
                        let about = About::of(cloud, &self.treatment)?;
                        Ok(about.with_scans(scans.as_ref()))
                    };
                    clouds.iter().map(about).collect()
                }
                Err(error) => vec![Err(error)],
            };
            for about in about {
                match about {
                    Ok(about) if self.json => {
                        outcome::show(&(serde_json::to_string(&about)? + "\n"))?;
                    }
                    Ok(about) => outcome::show(&about.text())?,
                    Err(error) => {
                        // The exit status is that of the whole run.
                        let _ = outcome::fail(&error, false);
                        outcome = Outcome::Refused;
                    }
                }
            }
        }
        Ok(outcome)
    }
}

/// What there is to choose from in a file of many arrays; the names of the keys are the program's contract.
#[derive(Serialize)]
struct Choice<'o> {
    file: String,
    arrays: Vec<Array<'o>>,
    numbers: &'o [String],
    labels: Vec<Labels<'o>>,
}

#[derive(Serialize)]
struct Array<'o> {
    name: &'o str,
    points: usize,
    dimension: usize,
    sparse: bool,
}

#[derive(Serialize)]
struct Labels<'o> {
    name: &'o str,
    labels: &'o [String],
}

impl<'o> Choice<'o> {
    fn of(file: &Path, outline: &'o Outline) -> Self {
        let arrays = outline.arrays.iter().map(|array| Array {
            name: &array.name,
            points: array.shape[0],
            dimension: array.shape[1],
            sparse: array.sparse,
        });
        let labels = outline.labels.iter();
        Self {
            file: file.to_string_lossy().into(),
            arrays: arrays.collect(),
            numbers: &outline.numbers,
            labels: labels
                .map(|(name, labels)| Labels { name, labels })
                .collect(),
        }
    }
}

/// The most labels of a column that are printed.
const MOST_LABELS: usize = 6;

/// The same for a person, with the options that use it.
fn choice(file: &Path, outline: &Outline) -> String {
    let mut rows = Rows::default();
    rows.heading(styled(STRONG, file.display()));
    for array in &outline.arrays {
        let [points, dimension] = array.shape;
        let sparse = if array.sparse { ", sparse" } else { "" };
        let shape = format!("{points} points in dimension {dimension}{sparse}");
        rows.below("array", format!("{}, {shape}", array.name));
    }
    for (name, labels) in &outline.labels {
        let some: Vec<_> = labels
            .iter()
            .take(MOST_LABELS)
            .map(|it| end_of(it, 30))
            .collect();
        let more = if labels.len() > MOST_LABELS {
            ", …"
        } else {
            ""
        };
        rows.below(
            "labels",
            format!("{name}, {}: {}{more}", labels.len(), some.join(", ")),
        );
    }
    if !outline.numbers.is_empty() {
        rows.below("numbers", outline.numbers.join(", "));
    }
    if let Some(array) = outline.arrays.first() {
        let label = outline.labels.first().map(|(name, _)| name);
        let group = label.map(|name| format!(" --group {}", input::quoted(name)));
        let (file, array) = (file.to_string_lossy(), input::quoted(&array.name));
        let file = input::quoted(&file);
        let group = group.unwrap_or_default();
        rows.below(
            "to use it",
            format!("haul info {file} --embedding {array}{group}"),
        );
    }
    rows.text()
}

/// Where the voxels of a volume lie: the directions in which their indices grow, and the place of the first one.
fn space(affine: &[[f64; 4]; 3], unit: Option<&str>) -> String {
    const ENDS: [[&str; 2]; 3] = [["left", "right"], ["back", "front"], ["feet", "head"]];
    let direction = |axis: usize| {
        let along = |row: &usize| affine[*row][axis].abs();
        let row = (0..3)
            .max_by(|a, b| along(a).total_cmp(&along(b)))
            .unwrap_or(axis);
        ENDS[row][usize::from(affine[row][axis] > 0.0)]
    };
    let first: Vec<_> = affine.iter().map(|row| short(row[3])).collect();
    let unit = unit.map(|unit| format!(" {unit}")).unwrap_or_default();
    format!(
        "voxel 0, 0, 0 at ({}){unit}, indices grow to {}",
        first.join(", "),
        [0, 1, 2].map(direction).join(", ")
    )
}

/// What a file holds; the names of the keys are the program's contract.
#[derive(Serialize)]
struct About {
    file: String,
    points: usize,
    dimension: usize,
    low: Vec<f64>,
    high: Vec<f64>,
    diagonal: f64,
    spacing: Option<f64>,
    mass: f64,
    weighted: bool,
    smallest_weight: f64,
    largest_weight: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    grid: Option<Cells>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scans: Vec<Scan>,
    /// The columns that `--columns` may select.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    columns: Vec<String>,
    /// The names of the coordinates.
    #[serde(skip)]
    names: Option<Vec<String>>,
}

/// A scan of a file of several.
#[derive(Serialize)]
struct Scan {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    points: u64,
}

/// The cells of a grid.
#[derive(Serialize)]
struct Cells {
    shape: Vec<usize>,
    spacing: Vec<f64>,
    empty: usize,
    /// The affine map from the indices of a voxel to its centre in space, and the unit there.
    #[serde(skip_serializing_if = "Option::is_none")]
    affine: Option<[[f64; 4]; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
    /// The sides in words.
    #[serde(skip)]
    sides: String,
}

impl About {
    fn of(file: &Path, treatment: &Treatment) -> Result<Self> {
        let mut placement = None;
        let (measure, weighted, names) = match input::contents(file, treatment)? {
            Contents::Cloud(cloud) => {
                let (weighted, names) = (cloud.weights.is_some(), cloud.names.clone());
                let treated = treatment.apply(cloud)?;
                let measure = input::measure(treated, treatment).map_err(Into::into);
                (measure, weighted, names)
            }
            Contents::Histogram(histogram) => {
                placement = histogram.placement;
                (treatment.on_grid(histogram), true, None)
            }
        };
        let measure = measure.with_context(|| file.display().to_string())?;
        let extent = Extent::of(&measure);
        let weights = || measure.weights().iter().copied();
        Ok(Self {
            file: file.to_string_lossy().into(),
            points: measure.len(),
            dimension: measure.dimension(),
            diagonal: extent.diagonal(),
            low: extent.low,
            high: extent.high,
            spacing: spacing(&measure),
            mass: measure.mass(),
            weighted,
            smallest_weight: weights().fold(f64::INFINITY, f64::min),
            largest_weight: weights().fold(0.0, f64::max),
            grid: on_grid(&measure).map(|grid| Cells {
                shape: grid.shape().to_vec(),
                spacing: grid.spacing().to_vec(),
                empty: weights().filter(|mass| *mass == 0.0).count(),
                affine: placement.map(|placement| placement.affine()),
                unit: placement.and_then(|placement| placement.unit()),
                sides: sides(grid),
            }),
            names,
            scans: Vec::new(),
            columns: Vec::new(),
        })
    }

    /// The same with the scans of its file, if it has several.
    fn with_scans(self, outline: Option<&Outline>) -> Self {
        let Some(outline) = outline else { return self };
        let scans = outline.scans.iter().map(|scan| Scan {
            name: scan.name.clone(),
            points: scan.points,
        });
        let labels = outline.labels.iter().map(|(name, _)| name);
        Self {
            scans: scans.collect(),
            columns: outline.numbers.iter().chain(labels).cloned().collect(),
            ..self
        }
    }

    fn text(&self) -> String {
        let mut rows = Rows::default();
        rows.heading(styled(STRONG, &self.file));
        for (number, scan) in self.scans.iter().enumerate() {
            let name = scan.name.as_ref().map(|name| format!(", {name}"));
            let name = name.unwrap_or_default();
            rows.below("scan", format!("{number}, {} records{name}", scan.points));
        }
        if !self.columns.is_empty() {
            rows.below("columns", self.columns.join(", "));
        }
        if self.scans.len() > 1 {
            let file = input::quoted(&self.file);
            rows.below("one of them", format!("{file}:0 --group scan"));
        }
        match &self.grid {
            Some(grid) => {
                let empty = percent(grid.empty as f64 / self.points as f64);
                let cells = cells(&grid.shape);
                rows.below(
                    "grid",
                    format!(
                        "{cells} of side {}, {empty} of them without mass",
                        grid.sides
                    ),
                );
                if let Some(affine) = grid.affine {
                    rows.below("space", space(&affine, grid.unit));
                }
            }
            None => {
                let points = format!("{} in dimension {}", self.points, self.dimension);
                rows.below("points", points);
            }
        }
        for (axis, (low, high)) in self.low.iter().zip(&self.high).take(MOST_AXES).enumerate() {
            let named = self.names.as_ref().and_then(|names| names.get(axis));
            let name = match (named, ["x", "y", "z"].get(axis)) {
                (Some(name), _) if !name.is_empty() => end_of(name, MOST_LETTERS),
                (_, Some(name)) if self.dimension <= 3 && self.grid.is_none() => (*name).to_owned(),
                _ => format!("axis {}", axis + 1),
            };
            rows.below(&name, format!("{} to {}", short(*low), short(*high)));
        }
        if self.dimension > MOST_AXES {
            rows.below("", format!("and {} axes more", self.dimension - MOST_AXES));
        }
        rows.below("diagonal", short(self.diagonal));
        if let Some(spacing) = self.spacing.filter(|_| self.grid.is_none()) {
            let spacing = short(spacing);
            rows.below(
                "spacing",
                format!("{spacing}, the median to the nearest other point"),
            );
        }
        let mass = short(self.mass);
        if !self.weighted {
            rows.below("mass", format!("{mass}, the file has no weights"));
        } else {
            rows.below("mass", mass);
        }
        if self.smallest_weight < self.largest_weight {
            let (least, most) = (short(self.smallest_weight), short(self.largest_weight));
            rows.below("weights", format!("{least} to {most}"));
        }
        rows.text()
    }
}
