//! `haul dictionary`: few histograms whose mixtures are near many.

mod answer;
mod checkpoint;
mod data;
mod fit;
mod json;
mod output;
mod page;

use crate::device;
use crate::input::{Cloud, Input};
use crate::number::plain;
use crate::options::{
    self, Engine, Loss, MOST_U32, Presentation, Smoothing, Treatment, number, whole,
};
use crate::task::{Delivery, Request, Task, Work};
use answer::DictionaryAnswer;
use anyhow::{Result, bail};
use checkpoint::Checkpoint;
use clap::{Args, ValueEnum};
use data::Data;
use haul::{BarycenterKind, CoordinatesLoss, Device, Regularization, Sinkhorn};
use haul_files as formats;
use output::Folder;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// A dictionary: topics of documents, or parts of images, whose mixtures are near all of them
#[derive(Debug, Args)]
#[command(
    mut_arg("blur", |it| it.help("The blur σ, a length: ε = σ^p [default: 1.5 cells of a grid; between vectors ε is a tenth of the mean cost]")),
    mut_args(|it| match HIDDEN.contains(&it.get_id().as_str()) { true => it.hide(true), false => it }),
    after_help = r#"Each histogram is scaled to a mass of 1. Its mixture is

linear       Σ λ_k a_k, a sum of the atoms, compared by transport: --kind debiased (S_ε), plain or product
barycentric  the plain average of the atoms at λ, which moves mass, compared by --loss

FOLDER gets atoms.npy and weights.npy, errors.npy (the loss of each histogram) and history.csv (the
steps); atoms.png, if the bins are on a grid; topics.txt, with --words; and of a linear mixture
state.npz, from which --resume goes on.

Keys of --json, those in brackets where they apply:
  command data output mixture [kind] [loss] [iterations]
  histograms atoms n d p epsilon blur
  objective objective_per_datum    the sum of all losses, and their mean
  largest_error largest_error_at   the largest loss, and the number of its histogram, from 0
  [certificate]                    an object: lower_bound, upper_bound, gap
  [marginal_error]                 the L1 error of the marginals, on which the losses depend
  [frank_wolfe_gap]                what other factors may gain, an object: weights, atoms
  shares                           the mean weight of each atom
  [topics]                         a list of the words of each atom, the heaviest first
  steps tolerance converged products seconds device precision

Example:
  haul dictionary disc.png star.png half.png --blur 0.2 --atoms 2 -o parts --report parts.html"#
)]
pub(crate) struct Dictionary {
    /// An array with a histogram at each place of its first axis, .npy or file.npz:name; a sparse matrix .npz as
    /// SciPy's save_npz writes it; several images or arrays of one shape; or a folder of images
    #[arg(required = true, value_name = "DATA")]
    data: Vec<PathBuf>,

    /// The folder of the results, made if it is missing
    #[arg(short, long, value_name = "FOLDER", help_heading = "Output")]
    output: PathBuf,

    /// The number of atoms
    #[arg(long, value_name = "K", help_heading = "Dictionary", allow_negative_numbers = true, value_parser = whole::<usize, 1, 10_000>)]
    atoms: usize,

    /// How atoms are mixed: see below
    #[arg(long, help_heading = "Dictionary", value_enum, default_value_t = Mixture::Linear)]
    mixture: Mixture,

    /// The loss of a linear mixture [default: debiased]
    #[arg(long, help_heading = "Dictionary", value_enum)]
    kind: Option<Kind>,

    /// The loss of a barycentric mixture [default: l2]
    #[arg(long, help_heading = "Dictionary", value_enum)]
    loss: Option<Loss>,

    /// Of a barycentric mixture, the average after exactly L iterations [default: the converged average]
    #[arg(long, value_name = "L", help_heading = "Dictionary", allow_negative_numbers = true, value_parser = whole::<usize, 1, 10_000>)]
    iterations: Option<usize>,

    /// The points of the bins, an array of bins × dimension [default: the cells of a grid]
    #[arg(long, value_name = "F", help_heading = "Dictionary")]
    vectors: Option<PathBuf>,

    /// Scale each vector to the length 1
    #[arg(long, help_heading = "Dictionary", requires = "vectors")]
    directions: bool,

    /// The names of the bins, one a line: the heaviest of each atom are its topic
    #[arg(long, value_name = "F", help_heading = "Dictionary")]
    words: Option<PathBuf>,

    /// Only the first N histograms
    #[arg(long, value_name = "N", help_heading = "Dictionary", allow_negative_numbers = true, value_parser = whole::<usize, 1, MOST_U32>)]
    take: Option<usize>,

    /// Chooses the histograms that a linear mixture starts from
    #[arg(long, value_name = "S", help_heading = "Dictionary", default_value_t = 0, allow_negative_numbers = true, value_parser = whole::<u64, 0, { u64::MAX }>)]
    start_seed: u64,

    #[command(flatten)]
    smoothing: Smoothing,

    /// The fit ends where ten linear steps lower the mean objective by less than this, in units of ε, or a barycentric
    /// one lowers it by less than this share
    #[arg(long, value_name = "T", help_heading = "Iteration", default_value_t = 1e-3, allow_negative_numbers = true, value_parser = number)]
    tolerance: f64,

    /// The most steps, with those before --resume
    #[arg(long, value_name = "N", help_heading = "Iteration", default_value_t = 200, allow_negative_numbers = true, value_parser = whole::<usize, 1, MOST_U32>)]
    max_steps: usize,

    /// A linear step after every N histograms, and not after all
    #[arg(long, value_name = "N", help_heading = "Iteration", allow_negative_numbers = true, value_parser = whole::<usize, 1, MOST_U32>)]
    minibatch: Option<usize>,

    /// Bounds of the objective of linear mixtures at the end, by a solve for each histogram
    #[arg(long, help_heading = "Iteration")]
    bounded: bool,

    /// Go on from FOLDER/state.npz, if it is there
    #[arg(long, help_heading = "Iteration")]
    resume: bool,

    /// The seconds between two writes of FOLDER/state.npz
    #[arg(long, value_name = "S", help_heading = "Iteration", default_value_t = 30.0, allow_negative_numbers = true, value_parser = number)]
    checkpoint: f64,

    #[command(flatten)]
    treatment: Treatment,

    #[command(flatten)]
    engine: Engine,

    #[command(flatten)]
    presentation: Presentation,

    /// The files of the data, once they are known.
    #[arg(skip)]
    files: OnceLock<Vec<PathBuf>>,

    /// The data, once they are read.
    #[arg(skip)]
    read: OnceLock<Arc<Data>>,
}

/// Options of other inputs.
const HIDDEN: [&str; 11] = [
    "columns",
    "weight_column",
    "header",
    "format",
    "normalize",
    "mass_unit",
    "equal_weights",
    "grid",
    "subsample",
    "voxel",
    "seed",
];

/// How atoms are mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mixture {
    Linear,
    Barycentric,
}

impl Mixture {
    fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Barycentric => "barycentric",
        }
    }
}

/// The loss of a linear mixture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Debiased,
    Plain,
    Product,
}

impl From<Kind> for BarycenterKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Debiased => Self::Debiased,
            Kind::Plain => Self::Plain,
            Kind::Product => Self::Product,
        }
    }
}

impl Task for Dictionary {
    type Answer = DictionaryAnswer;

    /// None: histograms share their points, and are read together.
    fn inputs(&self) -> Vec<Input<'_>> {
        Vec::new()
    }

    fn other_files(&self) -> Vec<&Path> {
        // A folder that cannot be read is refused when the data are.
        let data = || data::files(&self.data).unwrap_or_default();
        let data = self.files.get_or_init(data).iter();
        let files = data.chain(&self.vectors).chain(&self.words);
        files.map(|file| formats::file_of(file)).collect()
    }

    fn outputs(&self) -> Vec<PathBuf> {
        let folder = Folder::new(&self.output);
        let files = folder.files(self.words.is_some());
        files
            .into_iter()
            .chain(self.presentation.report.clone())
            .collect()
    }

    fn quantity(&self) -> String {
        format!("objective of a {} dictionary", self.mixture.name())
    }

    fn check(&self) -> Result<()> {
        let linear = self.mixture == Mixture::Linear;
        let of_others = [
            ("--kind", "linear", !linear && self.kind.is_some()),
            ("--minibatch", "linear", !linear && self.minibatch.is_some()),
            ("--bounded", "linear", !linear && self.bounded),
            ("--resume", "linear", !linear && self.resume),
            ("--loss", "barycentric", linear && self.loss.is_some()),
            (
                "--iterations",
                "barycentric",
                linear && self.iterations.is_some(),
            ),
        ];
        for (option, mixture, wrong) in of_others {
            if wrong {
                bail!("{option} is of --mixture {mixture}; leave it out");
            }
        }
        if self.checkpoint.is_nan() || self.checkpoint < 0.0 {
            bail!(
                "--checkpoint is {}; it must be at least 0",
                plain(self.checkpoint)
            );
        }
        if self.data.contains(&self.output) {
            bail!(
                "{} is read and written; give the output another name",
                self.output.display()
            );
        }
        Folder::new(&self.output).check()?;
        self.presentation.check()
    }

    fn engine(&self, _: &[Arc<Cloud>]) -> Result<Engine> {
        let data = self.loaded()?;
        let found = data.histograms.len();
        if self.atoms > found {
            bail!(
                "--atoms is {}, and there are {found} histograms; take fewer atoms",
                self.atoms
            );
        }
        let sinkhorn = self.sinkhorn(&data);
        let problem = sinkhorn.problem(&data.support, &data.support);
        let problem = problem.map_err(options::in_options)?;
        let quiet = self.presentation.quiet;
        Ok(device::engine_for(
            &self.engine,
            &problem,
            fit::ACCURACY,
            quiet,
        ))
    }

    fn work(&self, _: &[f64]) -> Work {
        Work::between(&[])
    }

    fn answer(&self, device: &Device, _: &[Arc<Cloud>]) -> Result<DictionaryAnswer> {
        let data = self.loaded()?;
        let folder = Folder::new(&self.output);
        folder.make()?;
        let learned = match self.mixture {
            Mixture::Linear => {
                let checkpoint = Checkpoint::new(folder.state(), self.checkpoint);
                fit::linear(self, device, &data, checkpoint)?
            }
            Mixture::Barycentric => fit::barycentric(self, device, &data)?,
        };
        let answer = DictionaryAnswer {
            data: self
                .data
                .iter()
                .map(|file| file.to_string_lossy().into_owned())
                .collect(),
            output: self.output.clone(),
            learned,
            histograms: data,
            invert: self.treatment.invert,
        };
        folder.write(&answer)?;
        Ok(answer)
    }
}

impl Request for Dictionary {
    fn delivery(&self) -> Delivery<'_> {
        (&self.presentation).into()
    }
}

impl Dictionary {
    /// The data, read once.
    fn loaded(&self) -> Result<Arc<Data>> {
        match self.read.get() {
            Some(data) => Ok(data.clone()),
            None => {
                let data = Arc::new(Data::read(self)?);
                Ok(self.read.get_or_init(|| data).clone())
            }
        }
    }

    fn regularization(&self, data: &Data) -> Regularization {
        match self.smoothing.is_given() {
            true => self.smoothing.on(&data.support),
            false => data.regularization(self.smoothing.power()),
        }
    }

    /// A solve with these settings.
    fn sinkhorn(&self, data: &Data) -> Sinkhorn {
        Sinkhorn::with(self.regularization(data))
            .p(self.smoothing.power())
            .tolerance(fit::ACCURACY)
    }

    fn loss(&self) -> CoordinatesLoss {
        self.loss.map_or(CoordinatesLoss::default(), Into::into)
    }
}
