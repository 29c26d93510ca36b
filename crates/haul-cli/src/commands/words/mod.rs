//! `haul words`: the word mover's distance between documents.

mod answer;
mod page;

use crate::input::{Cloud, Input};
use crate::interrupt;
use crate::lexicon::Lexicon;
use crate::number::plain;
use crate::options::{Engine, MOST_U32, Presentation, number, whole};
use crate::progress::Count;
use crate::task::{Delivery, Request, Task, Work};
use answer::{Found, WordsAnswer};
use anyhow::Result;
use clap::Args;
use haul::{Device, Documents, Histograms, Workspace};
use haul_files as formats;
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// The documents nearest to others, by the word mover's distance between their words
#[derive(Debug, Args)]
#[command(
    after_help = "The distance is W_p between documents as histograms over words, where words are vectors: how far the words of one document must move to become the other. Documents are a sparse matrix of counts, .npz as SciPy's save_npz writes it, an .npy of documents × words, or a text with a document a line, whose words --words lists; words that are not listed do not count, nor does the case of letters where the list has lower case only.\n\nWithout --query each document is compared with all others. Two lower bounds exclude most documents, so that few distances are computed; the result is the same as if all were.\n\nKeys of --json:\n  command documents vectors [query] n bins d p k queries unknown\n  excluded_by_means excluded_by_words solved seconds\n  nearest    for each query, a list of objects: document, distance\n\nExample:\n  haul words reports.txt --vectors glove.npy --words glove.txt --query question.txt -k 5"
)]
pub(crate) struct Words {
    /// The documents: .npz, .npy or .txt
    documents: PathBuf,

    /// The vectors of the words, an array of words × dimension
    #[arg(long, value_name = "F")]
    vectors: PathBuf,

    /// The words of the vectors, one a line
    #[arg(long, value_name = "F")]
    words: Option<PathBuf>,

    /// Other documents, to which the nearest are sought [default: each of DOCUMENTS, among the others]
    #[arg(long, value_name = "F")]
    query: Option<PathBuf>,

    /// How many documents to find for each
    #[arg(short = 'k', value_name = "K", default_value_t = 10, allow_negative_numbers = true, value_parser = whole::<usize, 1, MOST_U32>)]
    k: usize,

    /// Only the first N queries
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::<usize, 1, MOST_U32>)]
    take: Option<usize>,

    /// The power p of the cost |x − y|^p, from 1 to 2
    #[arg(long, short, default_value_t = 1.0, allow_negative_numbers = true, value_parser = number)]
    p: f64,

    /// Write all distances, of queries × documents: .npy or .csv; nothing is excluded then
    #[arg(long, value_name = "F", help_heading = "Output")]
    matrix: Option<PathBuf>,

    #[command(flatten)]
    presentation: Presentation,
}

impl Task for Words {
    type Answer = WordsAnswer;

    /// None: documents are no clouds, and are read together.
    fn inputs(&self) -> Vec<Input<'_>> {
        Vec::new()
    }

    fn other_files(&self) -> Vec<&Path> {
        let texts = [Some(&self.documents), self.query.as_ref()];
        let arrays = texts.into_iter().flatten().chain([&self.vectors]);
        let read = arrays.map(|file| formats::file_of(file));
        read.chain(self.words.as_deref()).collect()
    }

    fn outputs(&self) -> Vec<PathBuf> {
        let outputs = self.matrix.iter().chain(&self.presentation.report);
        outputs.cloned().collect()
    }

    fn quantity(&self) -> String {
        format!("nearest documents, p = {}", plain(self.p))
    }

    fn check(&self) -> Result<()> {
        if let Some(path) = &self.matrix {
            formats::check_matrix(path)?;
        }
        self.presentation.check()
    }

    /// The CPU, in f64: documents have small problems, which are solved on the host.
    fn engine(&self, _: &[Arc<Cloud>]) -> Result<Engine> {
        Ok(Engine::host())
    }

    fn work(&self, _: &[f64]) -> Work {
        Work::between(&[])
    }

    fn answer(&self, _: &Device, _: &[Arc<Cloud>]) -> Result<WordsAnswer> {
        let start = Instant::now();
        let lexicon = Lexicon::read(&self.vectors, self.words.as_deref())?;
        let texts = lexicon.documents(&self.documents)?;
        let queries = self.query.as_deref();
        let queries = queries.map(|file| lexicon.documents(file)).transpose()?;
        let unknown = texts.unknown + queries.as_ref().map_or(0, |it| it.unknown);
        let documents = Documents::new(
            texts.histograms.clone(),
            &lexicon.vectors,
            lexicon.dimension,
        )?;
        let documents = documents.p(self.p);
        let queries = &queries.as_ref().unwrap_or(&texts).histograms;
        let count = self.take.unwrap_or(usize::MAX).min(queries.len());
        let progress = Count::new((0..count).map(|_| 1.0), 0..0, self.presentation.quiet);
        let progress = Mutex::new(progress);
        // Each thread has its own memory for problems.
        let found: Result<Vec<Found>> = (0..count)
            .into_par_iter()
            .map_init(Workspace::default, |workspace, index| {
                let found = self.found(&documents, queries, index, workspace);
                let progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
                progress.one_more(index);
                found
            })
            .collect();
        drop(progress);
        let found = found?;
        if let Some(path) = &self.matrix {
            let distances: Vec<f64> = found.iter().flat_map(|it| &it.row).copied().collect();
            formats::write_matrix(path, &distances, count)?;
        }
        let name = |path: &Path| path.to_string_lossy().into_owned();
        Ok(WordsAnswer {
            documents: name(&self.documents),
            vectors: name(&self.vectors),
            query: self.query.as_deref().map(name),
            n: documents.len(),
            bins: lexicon.bins,
            d: lexicon.dimension,
            p: self.p,
            k: self.k,
            unknown,
            texts: texts.lines,
            found,
            written: self.matrix.as_deref().map(name),
            seconds: start.elapsed().as_secs_f64(),
        })
    }
}

impl Request for Words {
    fn delivery(&self) -> Delivery<'_> {
        (&self.presentation).into()
    }
}

impl Words {
    /// What one query found.
    fn found(
        &self,
        documents: &Documents,
        queries: &Histograms,
        index: usize,
        workspace: &mut Workspace,
    ) -> Result<Found> {
        if interrupt::requested() {
            return Err(haul::Error::Interrupted.into());
        }
        let query = documents.query(queries, index)?;
        let itself = self.query.is_none().then_some(index);
        if self.matrix.is_none() {
            return Ok(Found {
                neighbours: query.nearest(self.k, itself, workspace)?,
                row: Vec::new(),
            });
        }
        let all = 0..documents.len();
        let row = all.map(|document| query.distance(document, workspace));
        let row = row.collect::<Result<Vec<f64>, _>>()?;
        Ok(Found {
            neighbours: query.nearest(self.k, itself, workspace)?,
            row,
        })
    }
}
