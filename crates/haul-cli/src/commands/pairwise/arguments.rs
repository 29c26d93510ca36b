//! The arguments, and the checks that need no cloud.

use super::format::Format;
use super::heatmap;
use super::loss::Loss;
use crate::checkpoint;
use crate::files::{self, Uses};
use crate::number::plain;
use crate::options::{Engine, MOST_U32, Precision, Settings, Treatment, number, whole};
use crate::spaces::{Kind, Metric};
use anyhow::{Result, bail};
use clap::Args;
use haul_files as formats;
use std::path::{Path, PathBuf};

/// Compare every cloud with every other one: a symmetric matrix
#[derive(Debug, Args)]
#[command(
    mut_arg("blur", |it| it.help(
        "The blur σ, a length: ε = σ^p, one for all pairs [default: 0.05 of the diagonal of the box around all clouds]"
    )),
    mut_arg("p", |it| it.help(
        "The power p of the cost |x − y|^p, above 0 and at most 2 [default: 2; 1 with --loss energy or wmd]"
    )),
    mut_arg("rho_a", |it| it.hide(true)),
    mut_arg("rho_b", |it| it.hide(true)),
    after_help = r#"Entry i, j of the matrix compares file i with file j at one ε for all pairs. With p = 2 a divergence
is a squared distance, with p = 1 a distance; so are the exact and the sliced cost. Bounds are numerical: between them is the value of these
points. They say nothing of other samples of the same things. What is computed is kept in a file
beside the target until the matrix is written: a run that was stopped, in whatever way, goes on when
it is started again, also with files more or less or in another order. A .csv and the picture name
the files without the folders that all share; an .npz has the arrays matrix, lower and upper, the
bounds of each entry. Both sides have one penalty ρ, because with two of them an entry would depend
on which cloud is the first.

Keys of --json, those in brackets where they make sense:
  command loss files p [epsilon blur] output     files: as given, in the order of rows and columns
  order      indices of files as the picture has them, near ones together
  merges     the clustering as scipy.cluster.hierarchy has it: [i, j, height, size] of each merger;
             i and j count files, then mergers; the height is the mean entry between both
  gap        the widest numerical bounds of an entry, upper − lower; null where there are none
  uncertain  [i, j] of each entry i < j whose bounds are wider than its value: it tells nothing
  converged pairs seconds     whether all did; what this run evaluated, and how long it took

Example:
  haul pairwise a.ply b.ply -o distances.npy --image distances.svg"#
)]
pub(crate) struct Pairwise {
    /// The clouds, at least two; with --group one file may be all of them
    #[arg(required = true, num_args = 1.., value_name = "FILES")]
    pub(super) files: Vec<PathBuf>,

    /// The matrix: a .npy, an .npz with its bounds as well, or a .csv with the names of the files
    #[arg(short, long, value_name = "D", help_heading = "Output")]
    pub(super) output: PathBuf,

    /// Write a table as well, a row for each pair: a, b, value, lower and upper bound, and the distance where
    /// the value is a power of one
    #[arg(long, value_name = "F.csv", help_heading = "Output")]
    pub(super) pairs: Option<PathBuf>,

    /// What is between two clouds
    #[arg(long, value_enum, default_value_t = Loss::Divergence)]
    pub(super) loss: Loss,

    /// The random lines of --loss sliced [default: 100]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::<usize, 1, MOST_U32>)]
    pub(super) directions: Option<usize>,

    /// The vectors of the words of --loss wmd, an array of words × dimension; FILES are then documents, as haul words takes them:
    /// counts of words as .npz or .npy, or a .txt with a document a line
    #[arg(long, value_name = "F", help_heading = "Documents")]
    pub(super) vectors: Option<PathBuf>,

    /// The words of the vectors, one a line; a .txt of documents needs them
    #[arg(
        long,
        value_name = "F",
        help_heading = "Documents",
        requires = "vectors"
    )]
    pub(super) words: Option<PathBuf>,

    /// ε of --loss gromov as a share of the objective of the product plan a⊗b [default: 0.01]
    #[arg(long, value_name = "S", allow_negative_numbers = true, value_parser = number)]
    pub(super) relative: Option<f64>,

    /// What --loss gromov keeps between the points of a cloud [default: squared]
    #[arg(long, value_enum)]
    pub(super) metric: Option<Metric>,

    /// The nearest points that each point is joined with for --metric geodesic [default: the edges of the faces; 10
    /// without faces]
    #[arg(long, value_name = "K", allow_negative_numbers = true, value_parser = whole::<u32, 1, MOST_U32>)]
    pub(super) neighbors: Option<u32>,

    /// Draw the matrix, ordered by an average-linkage clustering that is drawn beside it
    #[arg(long, value_name = "F.svg", help_heading = "Output")]
    pub(super) image: Option<PathBuf>,

    #[command(flatten)]
    pub(super) treatment: Treatment,

    #[command(flatten)]
    pub(super) settings: Settings,

    #[command(flatten)]
    pub(super) engine: Engine,

    /// Print one JSON object, with every digit
    #[arg(long, help_heading = "Output")]
    pub(super) json: bool,

    /// No progress and no warnings
    #[arg(long, short, help_heading = "Output")]
    pub(super) quiet: bool,
}

impl Pairwise {
    /// What is compared.
    fn noun(&self) -> &'static str {
        match self.loss {
            Loss::Wmd => "document",
            _ => "cloud",
        }
    }

    /// Refuses a number of clouds.
    pub(super) fn check_count(&self, clouds: usize) -> Result<()> {
        if clouds < 2 {
            bail!(
                "{}: one {} has none to be compared with; name another one{}",
                self.files[0].display(),
                self.noun(),
                match self.loss {
                    Loss::Wmd => "",
                    _ => ", or divide this file by --group",
                }
            );
        }
        if self.image.is_some() && clouds > heatmap::MOST_CLOUDS {
            bail!(
                "--image draws at most {} {}s, and these are {clouds}; leave it out",
                heatmap::MOST_CLOUDS,
                self.noun()
            );
        }
        Ok(())
    }

    /// What a Gromov–Wasserstein plan keeps.
    pub(super) fn kind(&self) -> Kind {
        Kind {
            metric: self.metric.unwrap_or(Metric::Squared),
            neighbors: self.neighbors,
        }
    }

    /// Refuses arguments that are wrong for any clouds.
    pub(super) fn check(&self) -> Result<()> {
        let Pairwise {
            files,
            output,
            loss,
            image,
            pairs,
            settings,
            ..
        } = self;
        formats::check_target(output, Format::of(output)?.extension())?;
        if let Some(pairs) = pairs {
            formats::check_target(pairs, ".csv")?;
        }
        if let Some(image) = image {
            formats::check_target(image, ".svg")?;
        }
        if self.treatment.group.is_none() && *loss != Loss::Wmd {
            self.check_count(files.len())?;
        }
        if files.iter().any(|file| *file == Path::new("-")) {
            bail!(
                "standard input is read once, and these clouds are not; name a file in place of -"
            );
        }
        let outputs = std::iter::once(output).chain(image).chain(pairs);
        let uses = Uses::new("an input", "an output");
        let read = files.iter().chain(&self.treatment.mask);
        let read = read.chain(&self.vectors).chain(&self.words);
        let uses = uses.reads(read.map(|file| haul_files::file_of(file)));
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
            ("p", settings.p.filter(|_| *loss == Loss::Gromov)),
        ];
        for (name, value) in of_transport {
            if value.is_none() || loss.is_regularized() {
                continue;
            }
            match loss {
                Loss::Gromov => bail!(
                    "--{name} is of transport in one space, and --loss gromov has its ε as a share of the objective of the product plan: --relative"
                ),
                Loss::Energy => {
                    bail!("--{name} is of transport, and an energy has none; leave it out")
                }
                _ => bail!("--{name} is of blurred transport, and this is exact; leave it out"),
            }
        }
        self.check_documents()?;
        if self.directions.is_some() && *loss != Loss::Sliced {
            bail!("--directions is of --loss sliced; leave it out");
        }
        if self.relative.is_some() && *loss != Loss::Gromov {
            bail!("--relative is of --loss gromov; leave it out");
        }
        if self.metric.is_some() && *loss != Loss::Gromov {
            bail!("--metric is of --loss gromov; leave it out");
        }
        self.kind().check()?;
        if let Some(relative) = self.relative.filter(|it| !(*it > 0.0 && it.is_finite())) {
            bail!(
                "--relative is {}; it must be a finite number above 0",
                plain(relative)
            );
        }
        Ok(())
    }
}

impl Pairwise {
    /// Refuses options of documents for clouds, and those of clouds for documents.
    fn check_documents(&self) -> Result<()> {
        if self.loss != Loss::Wmd {
            match self.vectors {
                Some(_) => bail!("--vectors is of --loss wmd; leave it out, or add that"),
                None => return Ok(()),
            }
        }
        if self.vectors.is_none() {
            bail!("--loss wmd compares documents; name the vectors of their words with --vectors");
        }
        if self.treatment != Treatment::PLAIN {
            bail!(
                "--loss wmd compares documents, and options of clouds, as --columns or --normalize, say nothing of them; leave \
                 them out"
            );
        }
        let Engine {
            device, precision, ..
        } = &self.engine;
        if !matches!(&**device, "auto" | "cpu") || *precision == Some(Precision::F32) {
            bail!("--loss wmd is solved on the CPU in f64; leave out --device and --precision");
        }
        Ok(())
    }
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
