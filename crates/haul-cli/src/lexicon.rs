//! Words with vectors, and documents as histograms over them.

use anyhow::{Context, Result, anyhow, bail};
use haul::Histograms;
use haul_files as formats;
use std::collections::HashMap;
use std::path::Path;

/// Words that have vectors.
pub(crate) struct Lexicon {
    /// n×d.
    pub(crate) vectors: Vec<f64>,
    pub(crate) dimension: usize,
    /// The number of words, n.
    pub(crate) bins: usize,
    vocabulary: Option<Vocabulary>,
}

/// The documents of a file.
pub(crate) struct Texts {
    pub(crate) histograms: Histograms,
    /// Words of a text that have no vector.
    pub(crate) unknown: usize,
    /// The lines, if the file is a text.
    pub(crate) lines: Vec<String>,
}

/// The place of each word.
struct Vocabulary {
    places: HashMap<String, usize>,
    /// Whether the case of letters is that of the texts.
    cased: bool,
}

impl Lexicon {
    /// Reads an array of vectors, and the list of their words if there is one.
    ///
    /// # Errors
    ///
    /// Files that cannot be read or do not fit together.
    pub(crate) fn read(vectors: &Path, words: Option<&Path>) -> Result<Self> {
        let name = vectors.display();
        let found = formats::read_numbers(vectors)?;
        let [bins, dimension] = *found.shape else {
            bail!("{name}: vectors are the rows of an array of two axes, words × dimension");
        };
        let vocabulary = words.map(Vocabulary::read).transpose()?;
        if let (Some(vocabulary), Some(file)) = (&vocabulary, words)
            && vocabulary.places.len() != bins
        {
            bail!(
                "{}: has {} different words, and {name} has {bins} vectors; give one word a line for each",
                file.display(),
                vocabulary.places.len()
            );
        }
        Ok(Self {
            vectors: found.values,
            dimension,
            bins,
            vocabulary,
        })
    }

    /// Reads documents: counts, or a text with a document a line.
    ///
    /// # Errors
    ///
    /// Files that cannot be read or do not fit the vectors, and documents without words.
    pub(crate) fn documents(&self, file: &Path) -> Result<Texts> {
        let name = file.display();
        let is_text = file
            .extension()
            .is_some_and(|it| it.eq_ignore_ascii_case("txt"));
        if is_text {
            let Some(vocabulary) = &self.vocabulary else {
                bail!("{name}: is a text; name the words of the vectors with --words");
            };
            return of_text(file, self.bins, vocabulary);
        }
        let (found, histograms) = match formats::read_sparse(file)? {
            Some(it) => (
                it.columns,
                Histograms::csr(it.columns, &it.offsets, &it.indices, &it.values),
            ),
            None => {
                let array = formats::read_numbers(file)?;
                let columns = match *array.shape {
                    [_, columns] => columns,
                    _ => bail!("{name}: counts are an array of two axes, documents × words"),
                };
                (columns, Histograms::dense(columns, &array.values))
            }
        };
        if found != self.bins {
            bail!(
                "{name}: has {found} words, and there are {} vectors; give one for each",
                self.bins
            );
        }
        Ok(Texts {
            histograms: histograms.map_err(|error| of_row(error, file))?,
            unknown: 0,
            lines: Vec::new(),
        })
    }
}

impl Vocabulary {
    fn read(file: &Path) -> Result<Self> {
        let text = text(file)?;
        let lines = text.lines().map(|line| line.trim().to_owned());
        let mut places = HashMap::new();
        for (place, word) in lines.enumerate() {
            if let Some(before) = places.insert(word, place) {
                bail!(
                    "{}: lines {} and {} have one word; give each word once",
                    file.display(),
                    before + 1,
                    place + 1
                );
            }
        }
        let cased = |word: &String| word.chars().any(char::is_uppercase);
        Ok(Self {
            cased: places.keys().any(cased),
            places,
        })
    }

    /// The places of the words of a line, and the number of those that are not listed.
    fn find(&self, line: &str) -> (Vec<usize>, usize) {
        let line = match self.cased {
            true => line.to_owned(),
            false => line.to_lowercase(),
        };
        let inside = |c: char| c.is_alphanumeric() || c == '\'' || c == '-' || c == '_';
        let words = line.split(|c| !inside(c)).filter(|word| !word.is_empty());
        let (mut places, mut unknown) = (Vec::new(), 0);
        for word in words {
            let bare = word.trim_matches(['\'', '-']);
            match self.places.get(word).or_else(|| self.places.get(bare)) {
                Some(place) => places.push(*place),
                None => unknown += 1,
            }
        }
        (places, unknown)
    }
}

/// The documents of a text, one a line; empty lines are none.
fn of_text(file: &Path, bins: usize, vocabulary: &Vocabulary) -> Result<Texts> {
    let text = text(file)?;
    let (mut offsets, mut indices, mut lines) = (vec![0], Vec::new(), Vec::new());
    let mut all = 0;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let (places, unknown) = vocabulary.find(line);
        if places.is_empty() {
            bail!(
                "{}: line {number} has no word that --words lists; leave it out",
                file.display()
            );
        }
        indices.extend(places);
        offsets.push(indices.len());
        lines.push(line.trim().to_owned());
        all += unknown;
    }
    let ones = vec![1.0; indices.len()];
    let histograms = Histograms::csr(bins, &offsets, &indices, &ones);
    Ok(Texts {
        histograms: histograms.with_context(|| file.display().to_string())?,
        unknown: all,
        lines,
    })
}

fn text(file: &Path) -> Result<String> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{}: cannot be read; name a text in UTF-8", file.display()))?;
    let text = text
        .strip_prefix('\u{feff}')
        .map(str::to_owned)
        .unwrap_or(text);
    Ok(text)
}

/// An error about a document, with its number from 0.
fn of_row(error: haul::Error, file: &Path) -> anyhow::Error {
    match error {
        haul::Error::Input { index, error } => anyhow!(
            "{}: document {}, counted from 0: {error}",
            file.display(),
            index.saturating_sub(1)
        ),
        other => anyhow::Error::from(other).context(file.display().to_string()),
    }
}
