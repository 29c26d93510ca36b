//! How the files of clouds are read, and how the clouds are treated before a solve.

use super::number::number;
use super::reduction::Reduction;
use crate::number::short;
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use haul::{Grid, Measure};
use haul_files::{self as formats, Cloud, Columns, Contents, Histogram, Placement, Reading};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// How clouds are read, and what is made of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct Treatment {
    /// The columns that are coordinates, in this order: names in the header, or numbers counted from 1,
    /// as 1,2 or 2-9 [default: all but that of the weights; of a .ply x, y, z]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,

    /// The column that has the weights, by name or number; of an .npz the array [default: weight or
    /// weights, also with scalar_ before it]
    #[arg(long, value_name = "NAME")]
    pub(crate) weight_column: Option<String>,

    /// The array that has the coordinates in a file of many, as .h5ad: X_pca or another one of obsm, X, or
    /// layers:NAME; of a table the column of lists of numbers; --columns selects some of its columns
    #[arg(long, value_name = "NAME")]
    pub(crate) embedding: Option<String>,

    /// The column of labels that divides a .csv, .tsv, .parquet, .arrow or .h5ad into clouds, by name or number, or scan, of an .e57:
    /// FILE:LABEL is one of them; where a command takes any number of clouds, FILE is all of them, in the order of the labels
    #[arg(long, value_name = "NAME")]
    pub(crate) group: Option<String>,

    /// Whether the first row of a .csv, .tsv or .xyz names the columns: yes or no [default: as it looks]
    #[arg(long, value_name = "yes|no", value_enum, hide_possible_values = true)]
    pub(crate) header: Option<Header>,

    /// The format of files whose names tell none, as -, /dev/stdin or <(…): csv, ply, npy.gz and so on
    /// [default of -: csv]
    #[arg(long, value_name = "EXT")]
    pub(crate) format: Option<haul_files::Kind>,

    /// Scale all masses to 1
    #[arg(long)]
    pub(crate) normalize: bool,

    /// Divide all weights by M, for instance by the mass of the first cloud: where masses differ and are far
    /// from 1, the mass that is moved depends on their unit
    #[arg(
        long,
        value_name = "M",
        conflicts_with = "normalize",
        allow_negative_numbers = true
    )]
    pub(crate) mass_unit: Option<Positive>,

    /// Give all points of a cloud the same weight and keep its mass; with --voxel all cells, so that a
    /// region that was scanned more densely weighs no more
    #[arg(long)]
    pub(crate) equal_weights: bool,

    /// Take the numbers of an array of one or two axes as masses on a grid, not as points; those of three axes, and
    /// images, are masses anyway
    #[arg(long)]
    pub(crate) grid: bool,

    /// Leave out the cells of a grid in which this one has no mass: a volume, an image or an array with as many cells, as
    /// brain_mask.nii.gz
    #[arg(long, value_name = "FILE")]
    pub(crate) mask: Option<PathBuf>,

    /// Take dark as mass: of a pixel its opacity times 1 − Y, not times Y = 0.2126 R + 0.7152 G + 0.0722 B; of
    /// an array the largest number minus each
    #[arg(long)]
    pub(crate) invert: bool,

    /// What a mesh becomes: vertices, each with a third of the area of the faces around it; faces, each centre with its area;
    /// or a number of points, spread evenly over the area [default: vertices; of a .ply vertices of equal weights]
    #[arg(long, value_name = "vertices|faces|N")]
    pub(crate) surface: Option<haul_files::Surface>,

    /// The side of a cell of a grid, one length or one an axis, as 1 or 2,1,1; --blur is in the same unit
    /// [default: as a .nii says; otherwise 1 over the number of cells along the longest axis, so that this axis has the length 1]
    #[arg(
        long,
        value_name = "S",
        value_delimiter = ',',
        allow_negative_numbers = true
    )]
    pub(crate) spacing: Vec<Positive>,

    #[command(flatten)]
    pub(crate) reduction: Reduction,
}

/// Whether the first row of a table names its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub(crate) enum Header {
    Yes,
    No,
}

/// A positive number: the mass that counts as 1, or the side of a cell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Positive(pub(crate) f64);

impl FromStr for Positive {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unit = number(text)?;
        if unit.is_normal() && unit > 0.0 {
            Ok(Self(unit))
        } else {
            Err("it must be a positive number")
        }
    }
}

impl PartialEq for Positive {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Positive {}

impl Hash for Positive {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl Treatment {
    /// How files are read.
    pub(crate) fn reading(&self) -> Reading {
        Reading {
            columns: Columns {
                coordinates: self.columns.clone(),
                weight: self.weight_column.clone(),
                unweighted: self.equal_weights,
                labels: Vec::new(),
            },
            header: self.header.map(|header| header == Header::Yes),
            format: self.format,
            grid: self.grid,
            invert: self.invert,
            surface: self.surface,
            group: self.group.clone(),
            embedding: self.embedding.clone(),
        }
    }

    /// Whether every point stays, with the weight in its file.
    pub(crate) fn keeps_points(&self) -> bool {
        let scaled = self.normalize || self.mass_unit.is_some() || self.equal_weights;
        !scaled && !self.reduction.is_given()
    }

    /// The treated cloud; its mass is scaled later.
    pub(crate) fn apply(&self, cloud: Cloud) -> Result<Cloud> {
        if self.mask.is_some() {
            bail!("--mask is for masses on a grid, and these are points; leave it out");
        }
        let mut cloud = self.reduction.apply(cloud)?;
        if let Some(weights) = cloud.weights.as_mut().filter(|_| self.equal_weights) {
            let mean = weights.iter().sum::<f64>() / weights.len() as f64;
            weights.fill(mean);
        }
        Ok(cloud)
    }

    /// The measure of a histogram. The coordinates of a cell are those of its centre.
    pub(crate) fn on_grid(&self, mut histogram: Histogram) -> Result<Measure> {
        if let Some(mask) = &self.mask {
            masked(&mut histogram, mask)?;
        }
        let Histogram {
            shape,
            masses,
            spacing: stored,
            ..
        } = histogram;
        let of_points = [
            ("--columns", !self.columns.is_empty()),
            ("--weight-column", self.weight_column.is_some()),
            ("--equal-weights", self.equal_weights),
            ("--subsample and --voxel", self.reduction.is_given()),
        ];
        if let Some((option, _)) = of_points.into_iter().find(|(_, given)| *given) {
            bail!("{option} is for points, and these are masses on a grid; leave it out");
        }
        let axes = shape.len();
        let spacing: Vec<f64> = match &self.spacing[..] {
            [] if let Some(stored) = stored => stored,
            [] => {
                let longest = shape.iter().copied().max().unwrap_or(1);
                vec![1.0 / longest.max(1) as f64; axes]
            }
            [side] => vec![side.0; axes],
            sides if sides.len() == axes => sides.iter().map(|side| side.0).collect(),
            sides => bail!(
                "--spacing has {} lengths for a grid of {}; give one, or one an axis",
                sides.len(),
                cells(&shape)
            ),
        };
        let origin: Vec<f64> = spacing.iter().map(|side| 0.5 * side).collect();
        let unit = self.mass_unit.map_or(1.0, |Positive(unit)| unit);
        let masses = masses.into_iter().map(|mass| mass / unit).collect();
        let measure = Measure::grid(Grid::new(&shape, &spacing, &origin)?, masses)?;
        Ok(match self.normalize {
            true => measure.normalized(),
            false => measure,
        })
    }

    /// How files are read without options.
    pub(crate) const PLAIN: Self = Self {
        columns: Vec::new(),
        weight_column: None,
        group: None,
        embedding: None,
        header: None,
        format: None,
        normalize: false,
        mass_unit: None,
        equal_weights: false,
        grid: false,
        mask: None,
        invert: false,
        surface: None,
        spacing: Vec::new(),
        reduction: Reduction::NONE,
    };
}

/// Takes the masses away from the cells in which the mask has none.
fn masked(histogram: &mut Histogram, mask: &Path) -> Result<()> {
    let name = mask.display();
    let reading = Reading {
        grid: true,
        ..Reading::default()
    };
    let Contents::Histogram(inside) = formats::read_contents(mask, &reading)? else {
        bail!("{name}: holds points, and a mask has a mass in each cell");
    };
    if inside.shape != histogram.shape {
        bail!(
            "{name}: has {}, and what it is the mask of has {}; give a mask of the same grid",
            cells(&inside.shape),
            cells(&histogram.shape)
        );
    }
    if let (Some(own), Some(other)) = (histogram.placement, inside.placement) {
        let apart = own.apart(&other, &inside.shape);
        if apart > Placement::NEAR {
            bail!(
                "{name}: its voxels lie up to {} sides of a voxel from those of the volume; resample the mask to the grid of the volume",
                short(apart)
            );
        }
    }
    let cells = histogram.masses.iter_mut().zip(&inside.masses);
    cells
        .filter(|(_, inside)| **inside <= 0.0)
        .for_each(|(mass, _)| *mass = 0.0);
    if histogram.masses.iter().all(|mass| *mass == 0.0) {
        bail!("{name}: there is no mass inside of this mask");
    }
    Ok(())
}

/// The number of cells along each axis: `64×48 cells`.
pub(crate) fn cells(shape: &[usize]) -> String {
    let sides: Vec<_> = shape.iter().map(usize::to_string).collect();
    format!("{} cells", sides.join("×"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn equal_weights_keep_the_mass_of_all_that_is_left() {
        let cloud = Cloud {
            points: vec![0.1, 0.2, 0.3, 5.5],
            dimension: 1,
            weights: Some(vec![1.0, 2.0, 3.0, 4.0]),
            names: None,
            labels: Vec::new(),
        };
        let treated = |equal_weights, reduction| {
            let treatment = Treatment {
                equal_weights,
                reduction,
                ..Treatment::PLAIN
            };
            treatment.apply(cloud.clone()).unwrap().weights.unwrap()
        };
        assert_eq!(treated(false, Reduction::voxels(1.0)), [6.0, 4.0]);
        assert_eq!(treated(true, Reduction::voxels(1.0)), [5.0, 5.0]);
        assert_eq!(treated(true, Reduction::NONE), [2.5; 4]);
    }

    #[test]
    fn cells_have_their_centres_and_the_longest_axis_has_the_length_1() {
        let on = |spacing: &[f64]| {
            let treatment = Treatment {
                spacing: spacing.iter().map(|side| Positive(*side)).collect(),
                ..Treatment::PLAIN
            };
            let (shape, masses) = (vec![2, 4], vec![1.0; 8]);
            treatment.on_grid(Histogram {
                shape,
                masses,
                spacing: None,
                placement: None,
            })
        };
        let points = |spacing: &[f64]| on(spacing).unwrap().points().to_vec();
        assert_eq!(points(&[])[..4], [0.125, 0.125, 0.125, 0.375]);
        assert_eq!(points(&[])[14..], [0.375, 0.875]);
        assert_eq!(points(&[2.0])[14..], [3.0, 7.0]);
        assert_eq!(points(&[2.0, 1.0])[14..], [3.0, 3.5]);
        let refused = on(&[1.0, 1.0, 1.0]).unwrap_err().to_string();
        assert!(
            refused.contains("3 lengths for a grid of 2×4 cells"),
            "{refused}"
        );
    }
}
