//! The arguments of the command.

use super::data::Data;
use crate::options::{
    Engine, Kind, Loss, MOST_U32, Presentation, Smoothing, Treatment, number, whole,
};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
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
    pub(super) data: Vec<PathBuf>,

    /// The folder of the results, made if it is missing
    #[arg(short, long, value_name = "FOLDER", help_heading = "Output")]
    pub(super) output: PathBuf,

    /// The number of atoms
    #[arg(long, value_name = "K", help_heading = "Dictionary", allow_negative_numbers = true, value_parser = whole::<usize, 1, 10_000>)]
    pub(super) atoms: usize,

    /// How atoms are mixed: see below
    #[arg(long, help_heading = "Dictionary", value_enum, default_value_t = Mixture::Linear)]
    pub(super) mixture: Mixture,

    /// The loss of a linear mixture [default: debiased]
    #[arg(long, help_heading = "Dictionary", value_enum)]
    pub(super) kind: Option<Kind>,

    /// The loss of a barycentric mixture [default: l2]
    #[arg(long, help_heading = "Dictionary", value_enum)]
    pub(super) loss: Option<Loss>,

    /// Of a barycentric mixture, the average after exactly L iterations [default: the converged average]
    #[arg(long, value_name = "L", help_heading = "Dictionary", allow_negative_numbers = true, value_parser = whole::<usize, 1, 10_000>)]
    pub(super) iterations: Option<usize>,

    /// The points of the bins, an array of bins × dimension [default: the cells of a grid]
    #[arg(long, value_name = "F", help_heading = "Dictionary")]
    pub(super) vectors: Option<PathBuf>,

    /// Scale each vector to the length 1
    #[arg(long, help_heading = "Dictionary", requires = "vectors")]
    pub(super) directions: bool,

    /// The names of the bins, one a line: the heaviest of each atom are its topic
    #[arg(long, value_name = "F", help_heading = "Dictionary")]
    pub(super) words: Option<PathBuf>,

    /// Only the first N histograms
    #[arg(long, value_name = "N", help_heading = "Dictionary", allow_negative_numbers = true, value_parser = whole::<usize, 1, MOST_U32>)]
    pub(super) take: Option<usize>,

    /// Chooses the histograms that a linear mixture starts from
    #[arg(long, value_name = "S", help_heading = "Dictionary", default_value_t = 0, allow_negative_numbers = true, value_parser = whole::<u64, 0, { u64::MAX }>)]
    pub(super) start_seed: u64,

    #[command(flatten)]
    pub(super) smoothing: Smoothing,

    /// The fit ends where ten linear steps lower the mean objective by less than this, in units of ε, or a barycentric
    /// one lowers it by less than this share
    #[arg(long, value_name = "T", help_heading = "Iteration", default_value_t = 1e-3, allow_negative_numbers = true, value_parser = number)]
    pub(super) tolerance: f64,

    /// The most steps, with those before --resume
    #[arg(long, value_name = "N", help_heading = "Iteration", default_value_t = 200, allow_negative_numbers = true, value_parser = whole::<usize, 1, MOST_U32>)]
    pub(super) max_steps: usize,

    /// A linear step after every N histograms, and not after all
    #[arg(long, value_name = "N", help_heading = "Iteration", allow_negative_numbers = true, value_parser = whole::<usize, 1, MOST_U32>)]
    pub(super) minibatch: Option<usize>,

    /// Bounds of the objective of linear mixtures at the end, by a solve for each histogram
    #[arg(long, help_heading = "Iteration")]
    pub(super) bounded: bool,

    /// Go on from FOLDER/state.npz, if it is there
    #[arg(long, help_heading = "Iteration")]
    pub(super) resume: bool,

    /// The seconds between two writes of FOLDER/state.npz
    #[arg(long, value_name = "S", help_heading = "Iteration", default_value_t = 30.0, allow_negative_numbers = true, value_parser = number)]
    pub(super) checkpoint: f64,

    #[command(flatten)]
    pub(super) treatment: Treatment,

    #[command(flatten)]
    pub(super) engine: Engine,

    #[command(flatten)]
    pub(super) presentation: Presentation,

    /// The files of the data, once they are known.
    #[arg(skip)]
    pub(super) files: OnceLock<Vec<PathBuf>>,

    /// The data, once they are read.
    #[arg(skip)]
    pub(super) read: OnceLock<Arc<Data>>,
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
pub(super) enum Mixture {
    Linear,
    Barycentric,
}

impl Mixture {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Barycentric => "barycentric",
        }
    }
}
