//! Dictionaries of images, arrays and sparse matrices.

use crate::fixture::{Room, assert_close, assert_says, disc, error_line, npy};
use serde_json::Value;
use std::io::Write;

const SIDE: usize = 10;

/// Bars of an 8×8 image.
fn bar(row: usize) -> Vec<f64> {
    (0..64)
        .map(|i| if i / 8 == row { 1.0 } else { 0.0 })
        .collect()
}

/// Twelve images of 8×8 pixels, mixtures of two bars with known weights, `data.npy`.
fn bars() -> Room {
    let room = Room::new();
    let mix = |k: usize| {
        let part = k as f64 / 11.0;
        let both = bar(1).into_iter().zip(bar(6));
        both.map(|(a, b)| (1.0 - part) * a + part * b)
            .collect::<Vec<_>>()
    };
    let data: Vec<f64> = (0..12).flat_map(mix).collect();
    room.npy("data.npy", &data, &[12, 8, 8]);
    room
}

/// Four documents over six words whose vectors have two directions: `counts.npz` in SciPy's layout, `vectors.npy` and
/// `words.txt`.
fn topics() -> Room {
    let room = Room::new();
    sparse(
        &room,
        "counts.npz",
        &[0, 2, 4, 6, 8],
        &[0, 1, 3, 4, 1, 2, 4, 5],
        &[4.0, 6.0],
    );
    let vectors = [1.0, 0.0, 0.9, 0.1, 1.1, 0.1, 0.0, 1.0, 0.1, 0.9, 0.1, 1.1];
    room.npy("vectors.npy", &vectors, &[6, 2]);
    room.write("words.txt", "ship\nboat\nvessel\ncat\ndog\nhorse\n");
    room
}

/// A sparse matrix in compressed rows with the values 2, 1, 1, 1, 1, 3, 2, 1, and its `shape`.
fn sparse(room: &Room, name: &str, offsets: &[i32], indices: &[i32], shape: &[f64]) {
    let floats = |values: &[i32]| values.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
    let mut archive = npyz::npz::NpzWriter::new(std::fs::File::create(room.path(name)).unwrap());
    let (offsets, indices) = (floats(offsets), floats(indices));
    let data = [2.0, 1.0, 1.0, 1.0, 1.0, 3.0, 2.0, 1.0];
    for (array, values) in [
        ("indptr", &offsets[..]),
        ("indices", &indices),
        ("data", &data),
        ("shape", shape),
    ] {
        let member = npyz::npz::file_name_from_array_name(array);
        let options = npyz::zip::write::FileOptions::default();
        archive.zip_writer().start_file(member, options).unwrap();
        let bytes = npy(values, &[values.len() as u64]);
        archive.zip_writer().write_all(&bytes).unwrap();
    }
    archive.zip_writer().finish().unwrap();
}

/// The numbers of an `.npy`, and its shape.
fn array(room: &Room, name: &str) -> (Vec<u64>, Vec<f64>) {
    let bytes = std::fs::read(room.path(name)).unwrap();
    let file = npyz::NpyFile::new(&bytes[..]).unwrap();
    (file.shape().to_vec(), file.into_vec().unwrap())
}

#[test]
fn mixtures_of_two_images_have_two_atoms() {
    let room = bars();
    let run = "dictionary data.npy --atoms 2 --blur 0.15 --tolerance 1e-4 --max-steps 300 -o found";
    let ran = room.cpu(&format!("{run} --json --bounded"));
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!([Some(0), Some(3)].contains(&ran.status), "{}", ran.stderr);
    assert_eq!(
        (&result["histograms"], &result["n"]),
        (&12.into(), &64.into())
    );
    let (shape, atoms) = array(&room, "found/atoms.npy");
    assert_eq!(shape, [2, 8, 8]);
    for atom in atoms.chunks(64) {
        assert_close(atom.iter().sum(), 1.0, 1e-9);
    }
    // One atom lies above the other, as the bars do, apart by more than the mean of the data.
    let height = |atom: &[f64]| (0..64).map(|i| (i / 8) as f64 * atom[i]).sum::<f64>();
    let heights: Vec<f64> = atoms.chunks(64).map(height).collect();
    assert!((heights[0] - heights[1]).abs() > 3.5, "{heights:?}");
    // The weights follow those of the mixtures.
    let (shape, weights) = array(&room, "found/weights.npy");
    assert_eq!(shape, [12, 2]);
    let low = usize::from(heights[1] > heights[0]);
    let of_low: Vec<f64> = weights.chunks(2).map(|row| row[low]).collect();
    assert!(
        of_low.windows(2).all(|two| two[1] > two[0] - 0.02),
        "{of_low:?}"
    );
    assert!(of_low[11] - of_low[0] > 0.6, "{of_low:?}");
    let (shape, errors) = array(&room, "found/errors.npy");
    assert_eq!(shape, [12]);
    let objective = result["objective"].as_f64().unwrap();
    assert_close(
        errors.iter().sum(),
        objective,
        1e-9 + 1e-6 * objective.abs(),
    );
    let bound = |key: &str| result["certificate"][key].as_f64().unwrap();
    assert!(bound("lower_bound") <= bound("upper_bound"));
    assert_eq!(room.pixels("found/atoms.png").0, 2 * 8 + 2);
    let history = room.read("found/history.csv");
    assert!(history.starts_with("step,objective,seconds,weights_gap,atoms_gap\n0,"));
    assert_eq!(
        history.lines().count() as u64,
        result["steps"].as_u64().unwrap() + 2
    );
}

#[test]
fn documents_have_topics_of_words() {
    let room = topics();
    let run = "dictionary counts.npz --vectors vectors.npy --words words.txt --atoms 2 --start-seed 2 --epsilon 0.1 -o found";
    let ran = room.cpu(&format!("{run} --report page.html"));
    assert!([Some(0), Some(3)].contains(&ran.status), "{}", ran.stderr);
    let written = room.read("found/topics.txt");
    let topics: Vec<Vec<&str>> = written
        .lines()
        .map(|line| line.split(' ').take(3).collect())
        .collect();
    let ships = |topic: &&Vec<&str>| {
        topic
            .iter()
            .all(|word| ["ship", "boat", "vessel"].contains(word))
    };
    assert_eq!(
        (topics.len(), topics.iter().filter(ships).count()),
        (2, 1),
        "{written}"
    );
    let first = written.lines().next().unwrap();
    assert_says(&ran.stdout, &["the mean of 4, with 2 atoms", first]);
    assert_says(
        &room.read("page.html"),
        &[
            "its heaviest words",
            &topics[0].join(", "),
            "What is certain",
        ],
    );
    assert!(!room.path("found/atoms.png").exists());
    // The same with vectors of length 1.
    let ran = room.cpu(&format!("{run} --directions --json"));
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(result["topics"].as_array().unwrap().len(), 2);
}

#[test]
fn a_fit_goes_on_from_its_checkpoint() {
    let room = bars();
    let run = "dictionary data.npy --atoms 2 --blur 0.3 --tolerance 1e-9 --checkpoint 0 --json";
    let objective = |arguments: &str| {
        let ran = room.cpu(&format!("{run} {arguments}"));
        let result: Value = serde_json::from_str(&ran.stdout).unwrap();
        (
            result["objective"].as_f64().unwrap(),
            result["steps"].as_u64().unwrap(),
        )
    };
    let (begun, steps) = objective("-o found --max-steps 6");
    assert_eq!(steps, 6);
    let atoms = array(&room, "found/atoms.npy").1;
    // Without more steps nothing moves, but for the rounding of sums.
    let (_, steps) = objective("-o found --max-steps 6 --resume");
    let again = array(&room, "found/atoms.npy").1;
    assert_eq!(steps, 6);
    for (before, after) in atoms.iter().zip(&again) {
        assert_close(*after, *before, 1e-12);
    }
    // With more steps it goes on from there: the history begins at the sixth.
    let (ended, steps) = objective("-o found --max-steps 80 --resume");
    assert_eq!(steps, 80);
    let history = room.read("found/history.csv");
    assert!(
        history.lines().nth(1).unwrap().starts_with("6,"),
        "{history}"
    );
    assert!(ended < 0.1 * begun, "{ended} {begun}");
    // Without a state it begins.
    let (new, _) = objective("-o new --max-steps 6 --resume");
    assert_close(new, begun, 1e-6 * begun.abs());
    let broken = room.path("found/state.npz");
    std::fs::write(broken, "no archive").unwrap();
    let line = error_line(
        room.cpu(&format!("{run} -o found --max-steps 90 --resume")),
        2,
    );
    assert_says(&line, &["state.npz"]);
}

#[test]
fn images_have_barycentric_atoms() {
    let room = Room::new();
    std::fs::create_dir(room.path("images")).unwrap();
    for (name, column) in [("a", 2.5), ("b", 3.5), ("c", 5.5), ("d", 6.5)] {
        let image = disc(SIDE, [4.5, column], 2.2);
        room.png(&format!("images/{name}.png"), SIDE as u32, &image);
    }
    let run = "dictionary images --atoms 2 --mixture barycentric --blur 0.2 --max-steps 6 --loss l2 -o found";
    let ran = room.cpu(&format!("{run} --json --report page.html"));
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&result["mixture"], &result["loss"]),
        (&"barycentric".into(), &"l2".into())
    );
    assert!(result.get("frank_wolfe_gap").is_none());
    let history = room.read("found/history.csv");
    let objectives: Vec<f64> = history
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(1).unwrap().parse().unwrap())
        .collect();
    assert!(
        objectives.last().unwrap() < &(0.8 * objectives[0]),
        "{objectives:?}"
    );
    assert_says(
        &room.read("page.html"),
        &["data:image/png;base64,", "The fit"],
    );
    // The four images one by one are the same data.
    let list = run.replace(
        " images ",
        " images/a.png images/b.png images/c.png images/d.png ",
    );
    let again = room.cpu(&format!("{list} --json"));
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(again["objective"], result["objective"]);
}

#[test]
fn the_help_of_dictionaries_lists_the_keys_that_are_printed() {
    let room = topics();
    let run = "dictionary counts.npz --vectors vectors.npy --words words.txt --atoms 2 --max-steps 2 -o found --json";
    let results = [
        room.cpu(&format!("{run} --bounded")),
        room.cpu(&format!("{run} --mixture barycentric --iterations 5")),
    ]
    .map(|ran| serde_json::from_str::<Value>(&ran.stdout).unwrap());
    let keys = results
        .iter()
        .flat_map(|result| result.as_object().unwrap().keys());
    let mut printed: Vec<_> = keys.cloned().collect();
    printed.sort();
    printed.dedup();
    let help = room.haul("dictionary --help").stdout;
    assert_eq!(crate::listed_keys(&help), printed);
    for (key, listed) in [
        ("certificate", "lower_bound, upper_bound, gap"),
        ("frank_wolfe_gap", "weights, atoms"),
    ] {
        let keys: Vec<_> = results[0][key]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        assert_eq!(keys.join(", "), listed);
        assert_says(&help, &[&format!("an object: {listed}")]);
    }
}

#[test]
fn a_batch_learns_as_well() {
    let room = bars();
    room.write(
        "jobs.jsonl",
        "{\"id\":\"d\",\"command\":\"dictionary\",\"data\":\"data.npy\",\"atoms\":2,\"max_steps\":3,\"output\":\"found\"}\n",
    );
    room.cpu("batch jobs.jsonl -o results.jsonl");
    let line: Value = serde_json::from_str(room.read("results.jsonl").trim()).unwrap();
    assert_eq!(
        (&line["atoms"], &line["steps"]),
        (&2.into(), &3.into()),
        "{line}"
    );
    assert_eq!(line["input"].as_array().unwrap().len(), 1);
    assert_eq!(array(&room, "found/atoms.npy").0, [2, 8, 8]);
}

#[test]
fn what_has_no_dictionary_is_told_in_a_line() {
    let room = topics();
    room.png("a.png", 8, &disc(8, [4.0, 4.0], 2.0));
    room.png("wide.png", 16, &[255; 16 * 8]);
    room.png("black.png", 8, &[0; 64]);
    room.npy("row.npy", &[1.0, 2.0], &[2]);
    room.npy("negative.npy", &[1.0, 2.0, 1.0, -2.0], &[2, 2]);
    room.npy("blank.npy", &[1.0, 2.0, 0.0, 0.0], &[2, 2]);
    sparse(
        &room,
        "beyond.npz",
        &[0, 2, 4, 6, 8],
        &[0, 1, 3, 4, 1, 2, 4, 6],
        &[4.0, 6.0],
    );
    std::fs::create_dir(room.path("empty")).unwrap();
    for (arguments, parts) in [
        (
            "a.png wide.png --atoms 1",
            &["a.png and wide.png", "8×8 cells and 8×16 cells", "one size"][..],
        ),
        (
            "a.png black.png --atoms 1",
            &["black.png", "0 in every cell"],
        ),
        (
            "a.png a.png --atoms 3",
            &["--atoms is 3, and there are 2 histograms"],
        ),
        ("row.npy --atoms 1", &["row.npy", "one row of numbers"]),
        (
            "negative.npy --atoms 1",
            &["negative.npy: histogram 1, counted from 0", "bin 1 is -2"],
        ),
        (
            "blank.npy --atoms 1",
            &["blank.npy: histogram 1", "0 in every bin"],
        ),
        (
            "beyond.npz --atoms 1",
            &["beyond.npz", "beyond the last column"],
        ),
        ("empty --atoms 1", &["empty", "a folder of images"]),
        ("none.npy --atoms 1", &["none.npy"]),
        (
            "counts.npz --vectors row.npy --atoms 1",
            &["row.npy", "bins × dimension"],
        ),
        (
            "counts.npz --vectors negative.npy --atoms 1",
            &["2 vectors", "6 bins"],
        ),
        (
            "negative.npy --words words.txt --atoms 1",
            &["negative.npy"],
        ),
        ("counts.npz --words row.npy --atoms 1", &["row.npy"]),
        (
            "counts.npz --atoms 1 --loss l2",
            &["--loss is of --mixture barycentric"],
        ),
        (
            "counts.npz --atoms 1 --mixture barycentric --bounded",
            &["--bounded is of --mixture linear"],
        ),
        ("counts.npz --atoms 0", &["'0'", "at least 1"]),
        ("counts.npz", &["--atoms"]),
    ] {
        let line = error_line(room.cpu(&format!("dictionary {arguments} -o found")), 2);
        assert_says(&line, parts);
    }
    assert!(!room.path("found").exists());
    let line = error_line(room.cpu("dictionary a.png a.png --atoms 1 -o a.png"), 2);
    assert_says(&line, &["a.png"]);
}

#[test]
fn a_decrease_is_bounded_only_where_the_marginals_allow() {
    let room = bars();
    let mut seen = Vec::new();
    for blur in ["1", "0.02"] {
        let run = format!("dictionary data.npy --atoms 2 --blur {blur} --max-steps 5 -o found");
        let result: Value =
            serde_json::from_str(&room.cpu(&format!("{run} --json")).stdout).unwrap();
        let loose = result["marginal_error"].as_f64().unwrap() > 0.1;
        let ran = room.cpu(&run);
        assert_eq!(
            ran.stdout.contains("can lower it by at most"),
            !loose,
            "{}",
            ran.stdout
        );
        assert_eq!(ran.stdout.contains("The marginals are off by up to"), loose);
        assert_eq!(ran.stderr.contains("the marginals are off by up to"), loose);
        seen.push(loose);
    }
    assert_eq!(seen, [false, true]);
}
