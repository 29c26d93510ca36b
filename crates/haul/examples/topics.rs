//! Topics of documents: a dictionary of linear mixtures, where words are points and documents are histograms over them.
//!
//! Without an argument the documents are made of three lists of words; each topic that is found should be one of them.
//! With a folder it takes data of your own:
//!
//! ```text
//! topics_words.txt      a word a line
//! topics_vectors.npy    a vector for each word, words × dimensions, f32 or f64
//! topics_counts.npz     documents × words, as SciPy's `save_npz` writes a `csr_matrix`
//! ```
//!
//! ```sh
//! cargo run --release -p haul --example topics [-- FOLDER [TOPICS [STEPS [SEED]]]]
//! ```
#![allow(clippy::print_stdout)] // the topics

use haul::{Device, DictionaryReport, Histograms, LinearDictionary, Measure};
use std::{env, error::Error, fs, ops::ControlFlow, path::Path};

/// The documents that the topics start from.
const SEED: usize = 6;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Words with their vectors, and documents.
struct Corpus {
    words: Vec<String>,
    vectors: Vec<f64>,
    documents: Histograms,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let number = |index: usize, default| match arguments.get(index) {
        Some(text) => text.parse::<usize>(),
        None => Ok(default),
    };
    let (topics, steps) = (number(1, 3)?, number(2, 60)?);
    // Another seed starts from other documents, and may end at other topics.
    let seed = number(3, SEED)? as u64;
    let corpus = match arguments.first() {
        Some(folder) => read(Path::new(folder))?,
        None => small()?,
    };
    let dimension = corpus.vectors.len() / corpus.words.len();
    let vectors = directions(&corpus.vectors, dimension);
    let words = Measure::uniform(&vectors, dimension)?;
    let device = Device::auto()?; // the best GPU, else the CPU
    let count = corpus.documents.len();
    let factors = LinearDictionary::epsilon(0.1 * mean_cost(&vectors, dimension))
        .atoms(topics)
        .max_steps(steps)
        .seed(seed)
        .fit_observed(&device, &words, &corpus.documents, |progress| {
            println!(
                "step {}: {:.5} a document after {:.1} s, {} passes",
                progress.step,
                progress.objective / count as f64,
                progress.seconds,
                progress.products / count,
            );
            ControlFlow::Continue(())
        })?;
    for topic in factors.atoms().chunks_exact(words.len()) {
        println!("{}", top(&corpus.words, topic, 10).join(" "));
    }
    let report: &DictionaryReport = factors.report();
    println!(
        "other weights could lower it by {:.5} a document at most, other topics by {:.5}",
        report.weights_gap / count as f64,
        report.atoms_gap / count as f64
    );
    if arguments.is_empty() {
        let first = factors
            .weights()
            .chunks_exact(topics)
            .next()
            .unwrap_or_default();
        println!("the first document: {first:.2?}");
        check(&corpus.words, factors.atoms());
    }
    Ok(())
}

/// The words of the largest weights of a topic.
fn top<'w>(words: &'w [String], topic: &[f64], count: usize) -> Vec<&'w str> {
    let mut order: Vec<usize> = (0..words.len()).collect();
    order.sort_by(|i, j| topic[*j].total_cmp(&topic[*i]));
    order
        .iter()
        .take(count)
        .map(|i| words[*i].as_str())
        .collect()
}

/// The vectors scaled to length 1: half of a squared distance is then 1 less the cosine.
fn directions(vectors: &[f64], dimension: usize) -> Vec<f64> {
    let direction = |vector: &[f64]| {
        let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        vector.iter().map(|x| x / length).collect::<Vec<_>>()
    };
    vectors
        .chunks_exact(dimension)
        .flat_map(direction)
        .collect()
}

/// The mean of |x − y|² over all pairs: 2 (mean |x|² − |mean x|²).
fn mean_cost(vectors: &[f64], dimension: usize) -> f64 {
    let count = (vectors.len() / dimension) as f64;
    let mut mean = vec![0.0; dimension];
    for vector in vectors.chunks_exact(dimension) {
        mean.iter_mut()
            .zip(vector)
            .for_each(|(m, x)| *m += x / count);
    }
    let squares = vectors.iter().map(|x| x * x).sum::<f64>() / count;
    2.0 * (squares - mean.iter().map(|m| m * m).sum::<f64>())
}

/// The words, vectors and documents of a folder.
fn read(folder: &Path) -> Result<Corpus> {
    let words = fs::read_to_string(folder.join("topics_words.txt"))?;
    let words: Vec<String> = words.lines().map(str::to_owned).collect();
    let vectors = fs::File::open(folder.join("topics_vectors.npy"))?;
    let vectors = numbers(npyz::NpyFile::new(std::io::BufReader::new(vectors))?)?;
    let mut archive = npyz::npz::NpzArchive::open(folder.join("topics_counts.npz"))?;
    let mut array = |name: &str| -> Result<Vec<f64>> {
        numbers(archive.by_name(name)?.ok_or(format!("no array {name}"))?)
    };
    let whole = |values: Vec<f64>| values.into_iter().map(|v| v as usize).collect::<Vec<_>>();
    let (offsets, indices) = (whole(array("indptr")?), whole(array("indices")?));
    Ok(Corpus {
        documents: Histograms::csr(words.len(), &offsets, &indices, &array("data")?)?,
        words,
        vectors,
    })
}

/// The numbers of an array, of any type of these.
fn numbers(array: npyz::NpyFile<impl std::io::Read>) -> Result<Vec<f64>> {
    fn all<T: npyz::Deserialize + Into<f64>>(
        array: npyz::NpyFile<impl std::io::Read>,
    ) -> Result<Vec<f64>> {
        Ok(array.into_vec::<T>()?.into_iter().map(Into::into).collect())
    }
    match array.dtype().descr().trim_matches('\'') {
        "|u1" => all::<u8>(array),
        "<u2" => all::<u16>(array),
        "<i4" => all::<i32>(array),
        "<i8" => Ok(array
            .into_vec::<i64>()?
            .into_iter()
            .map(|i| i as f64)
            .collect()),
        "<f4" => all::<f32>(array),
        "<f8" => all::<f64>(array),
        other => Err(format!("arrays of type {other} are not read").into()),
    }
}

/// The lists of words that the documents without a folder are made of. Vectors of a list point in about one direction.
const LISTS: [[&str; 6]; 3] = [
    ["ship", "harbour", "sail", "captain", "storm", "anchor"],
    ["flour", "oven", "butter", "bread", "sugar", "cake"],
    ["court", "judge", "law", "trial", "jury", "verdict"],
];

fn small() -> Result<Corpus> {
    let words: Vec<String> = LISTS.concat().into_iter().map(str::to_owned).collect();
    // A sequence that fills the interval evenly.
    let mut place = 0.0;
    let mut next = move || {
        place = f64::fract(place + 0.618_033_988_75);
        place
    };
    let vectors = (0..words.len())
        .flat_map(|word| (0..3).map(move |axis| (word, axis)))
        .map(|(word, axis)| f64::from(u8::from(word / 6 == axis)) + 0.4 * (next() - 0.5))
        .collect();
    // Each document has few words of each list, and mixes the lists in its own way.
    let mut counts = Vec::new();
    for document in 0..60 {
        let shares = [0, 1, 2].map(|list| if document % 3 == list { 0.8 } else { 0.1 });
        let used = |word: usize| !(word * 7 + document * 5).is_multiple_of(3);
        counts.extend(
            (0..words.len()).map(|word| f64::from(u8::from(used(word))) * shares[word / 6]),
        );
    }
    Ok(Corpus {
        documents: Histograms::dense(words.len(), &counts)?,
        words,
        vectors,
    })
}

/// Each topic should have most of its weight on one list, and no two on the same.
fn check(words: &[String], topics: &[f64]) {
    let lists = topics.chunks_exact(words.len()).map(|topic| {
        let weights = topic.chunks_exact(6).map(|list| list.iter().sum::<f64>());
        let (list, weight) = weights
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap_or_default();
        assert!(weight > 0.6, "a topic is a blend of lists: {weight}");
        list
    });
    let mut lists: Vec<usize> = lists.collect();
    lists.sort_unstable();
    lists.dedup();
    assert_eq!(lists.len(), LISTS.len(), "two topics are one list");
}
