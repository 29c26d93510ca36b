//! The word mover's distance, against exact transport between clouds.

use haul::{Device, Documents, Error, Exact, Histograms, Measure, Workspace};
use haul_tests::clouds::{Numbers, points};
use haul_tests::compare::{accept, number, reject};
use haul_tests::engines::Body;

pub const BODIES: &[(&str, Body)] = &[
    ("distances_of_documents_are_exact_transport", exact),
    ("bounds_exclude_no_document_that_is_near", nearest),
    ("what_documents_refuse", refusals),
];

const WORDS: usize = 40;
const DIMENSION: usize = 5;
const DOCUMENTS: usize = 30;

/// Documents of 3 to 12 of the words, and the vectors of all words. Two documents are equal.
fn some() -> (Histograms, Vec<f64>) {
    let mut counts = vec![0.0; DOCUMENTS * WORDS];
    let mut numbers = Numbers::new(5);
    for document in counts.chunks_exact_mut(WORDS) {
        for _ in 0..3 + (10.0 * numbers.unit()) as usize {
            document[(WORDS as f64 * numbers.unit()) as usize] +=
                (1.0 + 3.0 * numbers.unit()).floor();
        }
    }
    counts.copy_within(0..WORDS, 7 * WORDS);
    let histograms = Histograms::dense(WORDS, &counts).unwrap();
    (histograms, points(WORDS, DIMENSION, 6))
}

fn exact(device: &Device) {
    let (counts, vectors) = some();
    let mut workspace = Workspace::default();
    let words = Measure::uniform(&vectors, DIMENSION).unwrap();
    let measure = |document: usize| {
        let mut weights = vec![0.0; WORDS];
        let (bins, values) = counts.row(document);
        bins.iter()
            .zip(values)
            .for_each(|(bin, value)| weights[*bin] = *value);
        words.clone().with_weights(&weights).unwrap()
    };
    for p in [1.0, 1.5, 2.0] {
        let documents = Documents::new(counts.clone(), &vectors, DIMENSION)
            .unwrap()
            .p(p);
        let query = documents.query(&counts, 0).unwrap();
        assert_eq!(
            query.distance(7, &mut workspace).unwrap(),
            0.0,
            "equal documents, p = {p}"
        );
        for other in 1..6 {
            let [a, b] = [0, other].map(measure);
            let exact = Exact::default().p(p).solve(device, &a, &b).unwrap();
            let expected = exact.value().powf(1.0 / p);
            let context = format!("p = {p}, document {other}");
            let found = query.distance(other, &mut workspace).unwrap();
            // Both are optimal to their roundings: of sums of some tens of terms.
            accept(&context, number("distance", found, expected, 1e-13));
            let next = query.distance(other + 1, &mut workspace).unwrap();
            reject(&context, number("distance", next, expected, 1e-13));
            let pair = documents.distance([0, other], &mut workspace).unwrap();
            accept(&context, number("distance of a pair", pair, found, 1e-13));
            let back = documents.query(&counts, other).unwrap();
            let back = back.distance(0, &mut workspace).unwrap();
            accept(&context, number("distance back", back, found, 1e-13));
        }
    }
}

fn nearest(_: &Device) {
    let (counts, vectors) = some();
    let mut workspace = Workspace::default();
    for p in [1.0, 1.7] {
        let documents = Documents::new(counts.clone(), &vectors, DIMENSION)
            .unwrap()
            .p(p);
        let mut excluded = 0;
        for index in 0..DOCUMENTS {
            let query = documents.query(&counts, index).unwrap();
            let mut all = Vec::new();
            for other in (0..DOCUMENTS).filter(|other| *other != index) {
                let distance = query.distance(other, &mut workspace).unwrap();
                let bounds = [
                    query.mean_bound(other),
                    query.word_bound(other, &mut workspace),
                ];
                for bound in bounds {
                    assert!(
                        (0.0..=distance).contains(&bound),
                        "{index} {other}: {bound} {distance}"
                    );
                }
                all.push((other, distance));
            }
            all.sort_by(|one, other| one.1.total_cmp(&other.1));
            for k in [0, 1, 4, DOCUMENTS] {
                let found = query.nearest(k, Some(index), &mut workspace).unwrap();
                assert_eq!(
                    found.documents,
                    all[..k.min(all.len())],
                    "{k} nearest of {index}"
                );
                let seen = found.solved + found.excluded_by_means + found.excluded_by_words;
                assert_eq!(seen, all.len());
                excluded += if k == 4 { all.len() - found.solved } else { 0 };
            }
        }
        assert!(
            excluded > DOCUMENTS,
            "the bounds excluded {excluded} of {} pairs",
            DOCUMENTS * DOCUMENTS
        );
    }
}

fn refusals(_: &Device) {
    let (counts, vectors) = some();
    let error = Documents::new(counts.clone(), &vectors[1..], DIMENSION).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Length {
                expected: 200,
                found: 199,
                ..
            }
        ),
        "{error}"
    );
    let mut broken = vectors.clone();
    broken[8] = f64::NAN;
    let error = Documents::new(counts.clone(), &broken, DIMENSION).unwrap_err();
    assert!(
        matches!(
            error,
            Error::NotFinitePoint {
                row: 2,
                column: 4,
                ..
            }
        ),
        "{error}"
    );
    broken[8] = 1e200;
    let error = Documents::new(counts.clone(), &broken, DIMENSION).unwrap_err();
    assert!(matches!(error, Error::Extent { .. }), "{error}");
    let documents = Documents::new(counts.clone(), &vectors, DIMENSION).unwrap();
    let error = documents.query(&counts, DOCUMENTS).unwrap_err();
    assert!(matches!(error, Error::EmptyCloud), "{error}");
    let other = Histograms::dense(2, &[1.0, 1.0]).unwrap();
    let error = documents.query(&other, 0).unwrap_err();
    assert!(matches!(error, Error::Length { .. }), "{error}");
    let error = documents.p(3.0).query(&counts, 0).unwrap_err();
    assert!(
        matches!(error, Error::BadParameter { name: "p", .. }),
        "{error}"
    );
}
