//! The arguments of the commands that compare many clouds.

use super::{Engine, MOST_U32, Settings, Treatment, whole};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = r#"A job is a line of JOBS.jsonl, a JSON object: an id, a command (sinkhorn, divergence, energy or
map), the files a and b, and options of that command by their long names, with _ for -. Files are
relative to the folder of JOBS.jsonl. No job may read or write what it or another one writes, nor
what the run itself needs; that is refused before anything runs.

  {"id": "1", "command": "divergence", "a": "a.ply", "b": "b.ply", "blur": 0.05}
  {"id": "2", "command": "sinkhorn", "a": "a.ply", "b": "b.ply", "max_iterations": 500}
  {"id": "3", "command": "map", "a": "a.ply", "b": "b.ply", "output": "moved.ply"}

Each job has one line of RESULTS.jsonl, in the order of the jobs: the id and, as "job", a digest of
its command, files and options, then what --json prints or "error": {"kind": …, "message": …}.

A run that was stopped, in whatever way, goes on when it is started again. Results are found by id
and digest: the list may be sorted, and jobs may come and go. New results stand behind those that
are there until the run ends or the next one begins, which puts the file into the order of the
jobs; of two lines of one id the last one counts. Results of jobs that are not in the list go to
RESULTS.jsonl.unlisted. Where the job of an id has changed since its line was written, that is an
error, and nothing is done; but --retry-changed computes such jobs anew, --retry-failed all whose
lines hold an error, whatever they are now. Files of points that have changed are not noticed. A
job of at most 4096 points a cloud runs on one thread, beside others.

Exit status: 0 all done, 1 a job failed, 3 a result did not reach its tolerance.

Example:
  haul batch jobs.jsonl -o results.jsonl"#
)]
pub(crate) struct Batch {
    /// The jobs, one JSON object a line
    #[arg(value_name = "JOBS.jsonl")]
    pub(crate) jobs: PathBuf,

    /// The results, one JSON object a line; those that are there are kept
    #[arg(short, long, value_name = "RESULTS.jsonl")]
    pub(crate) output: PathBuf,

    /// Write a page for people about all jobs, those of earlier runs included
    #[arg(long, value_name = "F.html")]
    pub(crate) report: Option<PathBuf>,

    /// Compute jobs anew that failed in an earlier run, corrected or not; other results stay
    #[arg(long)]
    pub(crate) retry_failed: bool,

    /// Compute results anew whose job has changed since, and keep all others
    #[arg(long)]
    pub(crate) retry_changed: bool,

    /// Stop at the first job that fails
    #[arg(long)]
    pub(crate) fail_fast: bool,

    /// Check every file and option, and estimate the time; compute and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Memory for clouds that several jobs share, in MiB; as much on a GPU, at most 1024
    #[arg(long, value_name = "MiB", default_value_t = 1024, allow_negative_numbers = true, value_parser = whole::<usize, 0, MOST_U32>)]
    pub(crate) cache: usize,

    #[command(flatten)]
    pub(crate) engine: Engine,

    /// No progress and no summary
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = r#"Entry i, j of the matrix compares file i with file j at one ε for all pairs. What is computed is
kept in a file beside the target until the matrix is written: a run that was stopped, in whatever
way, goes on when it is started again, also with files more or less or in another order. A .csv and
the picture name the files without the folders that all share; an .npz has the arrays matrix, lower
and upper, the bounds of each entry. Both sides have one penalty ρ, because with two of them an entry
would depend on which cloud is the first.

Keys of --json, those in brackets where they make sense:
  command loss files p [epsilon blur] output     files: as given, in the order of rows and columns
  order      indices of files as the picture has them, near ones together
  merges     the clustering as scipy.cluster.hierarchy has it: [i, j, height, size] of each merger;
             i and j count files, then mergers; the height is the mean entry between both
  gap        the widest bounds of an entry, upper − lower
  uncertain  [i, j] of each entry i < j whose bounds are wider than its value: it tells nothing
  converged pairs seconds     whether all did; what this run evaluated, and how long it took

Example:
  haul pairwise a.ply b.ply -o distances.npy --image distances.svg"#
)]
pub(crate) struct Pairwise {
    /// The clouds, at least two
    #[arg(required = true, num_args = 2.., value_name = "FILES")]
    pub(crate) files: Vec<PathBuf>,

    /// The matrix: a .npy, an .npz with its bounds as well, or a .csv with the names of the files
    #[arg(short, long, value_name = "D")]
    pub(crate) output: PathBuf,

    /// What is between two clouds
    #[arg(long, value_enum, default_value_t = Loss::Divergence)]
    pub(crate) loss: Loss,

    /// Draw the matrix, ordered by an average-linkage clustering that is drawn beside it
    #[arg(long, value_name = "F.svg")]
    pub(crate) image: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) settings: Settings,

    #[command(flatten)]
    pub(crate) treatment: Treatment,

    #[command(flatten)]
    pub(crate) engine: Engine,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    /// No progress and no warnings
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Loss {
    /// The Sinkhorn divergence S_ε: 0 for equal clouds
    Divergence,
    /// OT_ε
    Sinkhorn,
    /// The energy distance of |x − y|^p, with p = 1 unless --p says otherwise
    Energy,
}
