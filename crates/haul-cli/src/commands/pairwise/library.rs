//! Documents that are compared with one another.

use super::entry::Entry;
use super::plan;
use crate::input::{Cloud, Input};
use crate::lexicon::Lexicon;
use crate::options::Engine;
use crate::task::{Task, Work};
use anyhow::Result;
use haul::{Device, Documents, Histograms, Workspace};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// The documents of all files, over one list of words.
#[derive(Debug)]
pub(super) struct Library {
    documents: Documents,
}

thread_local! {
    /// The memory of the problems of this thread.
    static WORKSPACE: RefCell<Workspace> = RefCell::default();
}

impl Library {
    /// Reads all documents. Each is a cloud as well: its words are points, of mass 1.
    ///
    /// # Errors
    ///
    /// Those of [`Lexicon`] and of [`Documents::new`], and a p outside 1 to 2.
    pub(super) fn read(
        files: &[PathBuf],
        (vectors, words): (&Path, Option<&Path>),
        p: f64,
    ) -> Result<(Self, Vec<plan::Cloud>)> {
        let lexicon = Lexicon::read(vectors, words)?;
        let (mut offsets, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
        let mut clouds = Vec::new();
        for file in files {
            let read = lexicon.documents(file)?.histograms;
            for number in 0..read.len() {
                let row = read.row(number);
                indices.extend(row.0);
                values.extend(row.1);
                offsets.push(indices.len());
                clouds.push(cloud(file, number, row, &lexicon));
            }
        }
        let histograms = Histograms::csr(lexicon.bins, &offsets, &indices, &values)?;
        let documents = Documents::new(histograms, &lexicon.vectors, lexicon.dimension)?.p(p);
        // A p that is wrong is wrong for the first pair.
        documents.query(documents.histograms(), 0)?;
        Ok((Self { documents }, clouds))
    }

    /// The comparison of two documents.
    pub(super) fn comparison(&self, pair: [usize; 2]) -> Pair<'_> {
        Pair {
            library: self,
            pair,
        }
    }
}

/// Two documents.
pub(super) struct Pair<'l> {
    library: &'l Library,
    pair: [usize; 2],
}

impl Task for Pair<'_> {
    type Answer = Entry;

    /// None: documents are in memory.
    fn inputs(&self) -> Vec<Input<'_>> {
        Vec::new()
    }

    fn outputs(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    fn quantity(&self) -> String {
        "W_p".to_owned()
    }

    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The CPU, in f64.
    fn engine(&self, _: &[Arc<Cloud>]) -> Result<Engine> {
        Ok(Engine::host())
    }

    fn work(&self, _: &[f64]) -> Work {
        Work::between(&[])
    }

    fn answer(&self, _: &Device, _: &[Arc<Cloud>]) -> Result<Entry> {
        let documents = &self.library.documents;
        let distance = WORKSPACE.with_borrow_mut(|it| documents.distance(self.pair, it));
        Ok(Entry::of_documents(distance?))
    }
}

/// A document as a cloud, under its number from 0.
fn cloud(file: &Path, number: usize, row: (&[usize], &[f64]), lexicon: &Lexicon) -> plan::Cloud {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(":{number}"));
    let mut digest = Xxh3::new();
    for (bin, weight) in row.0.iter().zip(row.1) {
        let vector = &lexicon.vectors[bin * lexicon.dimension..][..lexicon.dimension];
        digest.update(bytemuck::cast_slice(vector));
        digest.update(&weight.to_le_bytes());
    }
    plan::Cloud {
        file: name.into(),
        points: row.0.len(),
        mass: 1.0,
        corners: [Vec::new(), Vec::new()],
        digest: digest.digest128(),
        names: None,
    }
}
