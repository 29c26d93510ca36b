//! The word mover's distance between documents.

use crate::fixture::{Room, assert_close, assert_says, error_line};
use serde_json::Value;

/// Four documents over six words whose vectors lie in the plane: `documents.txt`, `words.txt`, `vectors.npy` and the counts as
/// `counts.npy`.
fn library() -> Room {
    let room = Room::new();
    room.write("words.txt", "ship\nboat\nsea\ncat\ndog\nhouse\n");
    let vectors = [0., 0., 0., 1., 0., 3., 10., 0., 10., 1., 10., 3.];
    room.npy("vectors.npy", &vectors, &[6, 2]);
    let lines = "The ship, at SEA.\nA boat at sea\n\ncat and dog\nThe dog's house: a dog house\n";
    room.write("documents.txt", lines);
    let counts = [
        [1., 0., 1., 0., 0., 0.],
        [0., 1., 1., 0., 0., 0.],
        [0., 0., 0., 1., 1., 0.],
        [0., 0., 0., 0., 1., 2.],
    ];
    room.npy("counts.npy", counts.as_flattened(), &[4, 6]);
    room
}

#[test]
fn words_of_the_nearest_document_move_least() {
    let room = library();
    let run = "words documents.txt --vectors vectors.npy --words words.txt";
    let result = room.haul(&format!("{run} -k 2 --json")).json(0);
    let nearest = |query: usize, rank: usize| -> (u64, f64) {
        let entry = &result["nearest"][query][rank];
        let document = entry["document"].as_u64().unwrap();
        (document, entry["distance"].as_f64().unwrap())
    };
    // Half of the mass goes from ship to boat, one apart; the sea stays.
    assert_eq!(nearest(0, 0), (1, 0.5));
    assert_eq!(nearest(1, 0), (0, 0.5));
    assert_eq!(nearest(2, 0).0, 3);
    assert_eq!(result["queries"], 4);
    // The, at; A, at; and; The, dog's, a.
    assert_eq!(result["unknown"], 8);
    let count = |key: &str| result[key].as_u64().unwrap();
    let all = count("excluded_by_means") + count("excluded_by_words") + count("solved");
    assert_eq!(all, 12);
    assert!(count("solved") < 12, "nothing was excluded");
    let text = room.haul(run).stdout;
    assert_says(
        &text,
        &["nearest to 0", "A boat at sea", "8 words without a vector"],
    );
}

#[test]
fn a_matrix_has_all_distances() {
    let room = library();
    let run = "words counts.npy --vectors vectors.npy -p 2 --matrix all.npy --json";
    let result: Value = room.haul(run).json(0);
    let bytes = std::fs::read(room.path("all.npy")).unwrap();
    let matrix: Vec<f64> = npyz::NpyFile::new(&bytes[..]).unwrap().into_vec().unwrap();
    assert_eq!(matrix.len(), 16);
    for (i, row) in matrix.chunks(4).enumerate() {
        assert_eq!(row[i], 0.0);
        for (j, distance) in row.iter().enumerate() {
            assert_close(*distance, matrix[4 * j + i], 1e-14);
        }
        let first = &result["nearest"][i][0];
        let document = first["document"].as_u64().unwrap() as usize;
        assert_eq!(first["distance"].as_f64().unwrap(), row[document]);
    }
    // From ship to boat for p = 2: √(½ · 1²).
    assert_close(matrix[1], 0.5f64.sqrt(), 1e-15);
}

#[test]
fn every_document_is_compared_with_every_other_one() {
    let room = library();
    let words = "--vectors vectors.npy --words words.txt --json";
    let matrix = |file: &str| -> Vec<f64> {
        let bytes = std::fs::read(room.path(file)).unwrap();
        npyz::NpyFile::new(&bytes[..]).unwrap().into_vec().unwrap()
    };
    room.haul("words counts.npy --vectors vectors.npy --matrix all.npy");
    let run = format!(
        "pairwise documents.txt --loss wmd {words} -o own.npy --pairs own.csv --image own.svg"
    );
    let result: Value = room.haul(&run).json(0);
    let all = matrix("all.npy");
    for (found, expected) in matrix("own.npy").iter().zip(&all) {
        assert_close(*found, *expected, 1e-15);
    }
    let files: Vec<String> = (0..4).map(|i| format!("documents.txt:{i}")).collect();
    assert_eq!(result["files"], serde_json::json!(files));
    assert_eq!((&result["loss"], &result["p"]), (&"wmd".into(), &1.into()));
    assert_eq!(result["gap"], Value::Null);
    assert_eq!(result["merges"][0], serde_json::json!([0, 1, 0.5, 2]));
    assert_says(
        &room.read("own.csv"),
        &["documents.txt:0,documents.txt:1,0.5"],
    );
    assert_says(&room.read("own.svg"), &["the word mover's distance of two"]);
    // Documents of two files, also counts beside a text, in the other order: the same digits.
    room.write("first.txt", "cat and dog\nThe dog's house: a dog house\n");
    let counts = [1., 0., 1., 0., 0., 0., 0., 1., 1., 0., 0., 0.];
    room.npy("last.npy", &counts, &[2, 6]);
    let run = format!("pairwise first.txt last.npy --loss wmd {words} -o turned.npy");
    room.haul(&run).json(0);
    let (own, turned) = (matrix("own.npy"), matrix("turned.npy"));
    for (i, row) in turned.chunks(4).enumerate() {
        for (j, found) in row.iter().enumerate() {
            assert_eq!(*found, own[4 * ((i + 2) % 4) + (j + 2) % 4]);
        }
    }
    // Squared costs: √(½ · 1²).
    let run = format!("pairwise documents.txt --loss wmd --p 2 {words} -o squares.npy");
    room.haul(&run).json(0);
    assert_close(matrix("squares.npy")[1], 0.5f64.sqrt(), 1e-15);
}

#[test]
fn what_is_no_document_is_told() {
    let room = library();
    room.csv("cloud.csv", &[0.0, 1.0, 2.0, 3.0], 2);
    let refused = |arguments: &str, says: &[&str]| {
        let ran = room.haul(&format!("pairwise {arguments} -o d.npy"));
        assert_says(&error_line(ran, 2), says);
        assert!(!room.path("d.npy").exists());
    };
    let words = "--vectors vectors.npy --words words.txt";
    let of = |options: &str| format!("documents.txt --loss wmd {words} {options}");
    refused("documents.txt --loss wmd", &["--vectors"]);
    refused(
        &format!("cloud.csv cloud.csv {words}"),
        &["--vectors", "--loss wmd"],
    );
    refused(&of("--normalize"), &["options of clouds"]);
    refused(&of("--subsample 3"), &["options of clouds"]);
    refused(&of("--blur 1"), &["--blur", "exact"]);
    refused(&of("--device gpu"), &["--device"]);
    refused(&of("--precision f32"), &["--precision"]);
    refused(&of("--p 3"), &["p is 3", "1 to 2"]);
    room.write("one.txt", "a ship at sea\n");
    refused(
        &format!("one.txt --loss wmd {words}"),
        &["one.txt", "one document"],
    );
    refused(&format!("cloud.csv --loss wmd {words}"), &["cloud.csv"]);
}

#[test]
fn documents_have_a_page_and_stand_in_a_batch() {
    let room = library();
    let run = "words documents.txt --vectors vectors.npy --words words.txt";
    let result = room
        .haul(&format!("{run} --report page.html --quiet --json"))
        .json(0);
    let page = room.read("page.html");
    assert_says(&page, &["nearest to 0", "A boat at sea", "proved to 1e-9"]);
    let solved = &result["solved"];
    assert_says(&page, &[&format!("itemprop=\"solved\" value=\"{solved}\"")]);
    room.write(
        "jobs.jsonl",
        "{\"id\": \"w\", \"command\": \"words\", \"documents\": \"documents.txt\", \"vectors\": \"vectors.npy\", \"words\": \"words.txt\"}\n",
    );
    let ran = room.haul("batch jobs.jsonl -o results.jsonl --quiet");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let line: Value = serde_json::from_str(&room.read("results.jsonl")).unwrap();
    assert_eq!(line["nearest"], result["nearest"]);
}

#[test]
fn what_is_wrong_with_documents_is_told() {
    let room = library();
    room.write("few.txt", "ship\nboat\n");
    room.write("twice.txt", "ship\nboat\nsea\ncat\ndog\nship\n");
    room.write("strange.txt", "ship\nnothing known\n");
    for (arguments, parts) in [
        ("documents.txt", &["documents.txt", "--words"][..]),
        (
            "documents.txt --words few.txt",
            &["few.txt: has 2 different words", "6 vectors"],
        ),
        (
            "documents.txt --words twice.txt",
            &["twice.txt: lines 1 and 6 have one word"],
        ),
        (
            "strange.txt --words words.txt",
            &["strange.txt: line 2 has no word"],
        ),
        ("counts.npy -p 3", &["p is 3", "from 1 to 2"]),
    ] {
        let line = error_line(
            room.haul(&format!("words {arguments} --vectors vectors.npy")),
            2,
        );
        assert_says(&line, parts);
    }
}
