//! Documents as histograms over words.

use super::Words;
use anyhow::{Context, Result, anyhow, bail};
use haul::Histograms;
use haul_files as formats;
use std::collections::HashMap;
use std::path::Path;

/// What the arguments name.
pub(super) struct Data {
    pub(super) documents: Histograms,
    pub(super) queries: Option<Histograms>,
    /// n×d.
    pub(super) vectors: Vec<f64>,
    pub(super) dimension: usize,
    /// The lines of the documents, if they are a text.
    pub(super) texts: Vec<String>,
    /// Words of texts that have no vector.
    pub(super) unknown: usize,
}

/// The place of each word.
struct Vocabulary {
    places: HashMap<String, usize>,
    /// Whether the case of letters is that of the texts.
    cased: bool,
}

impl Data {
    /// Reads all files.
    ///
    /// # Errors
    ///
    /// Files that cannot be read or do not fit together, and documents without words.
    pub(super) fn read(arguments: &Words) -> Result<Self> {
        let name = arguments.vectors.display();
        let found = formats::read_numbers(&arguments.vectors)?;
        let [bins, dimension] = *found.shape else {
            bail!("{name}: vectors are the rows of an array of two axes, words × dimension");
        };
        let words = arguments.words.as_deref();
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
        let vocabulary = vocabulary.as_ref();
        let (documents, mut unknown, texts) = histograms(&arguments.documents, bins, vocabulary)?;
        let mut queries = None;
        if let Some(file) = &arguments.query {
            let (found, more, _) = histograms(file, bins, vocabulary)?;
            queries = Some(found);
            unknown += more;
        }
        Ok(Self {
            documents,
            queries,
            vectors: found.values,
            dimension,
            texts,
            unknown,
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

/// The histograms of a file, the number of words that are not listed, and the lines of a text.
fn histograms(
    file: &Path,
    bins: usize,
    vocabulary: Option<&Vocabulary>,
) -> Result<(Histograms, usize, Vec<String>)> {
    let name = file.display();
    let is_text = file
        .extension()
        .is_some_and(|it| it.eq_ignore_ascii_case("txt"));
    if is_text {
        let Some(vocabulary) = vocabulary else {
            bail!("{name}: is a text; name the words of the vectors with --words");
        };
        return of_text(file, bins, vocabulary);
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
    if found != bins {
        bail!("{name}: has {found} words, and there are {bins} vectors; give one for each");
    }
    let histograms = histograms.map_err(|error| of_row(error, file))?;
    Ok((histograms, 0, Vec::new()))
}

/// The documents of a text, one a line; empty lines are none.
fn of_text(
    file: &Path,
    bins: usize,
    vocabulary: &Vocabulary,
) -> Result<(Histograms, usize, Vec<String>)> {
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
    let histograms = histograms.with_context(|| file.display().to_string())?;
    Ok((histograms, all, lines))
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
