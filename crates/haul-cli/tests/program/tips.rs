//! Tips for a command line that is refused: the command, the option or the file that was meant.

use crate::fixture::{Room, assert_says, error_line};

/// The tip for a refused command line, if it has one.
#[track_caller]
fn tip(room: &Room, line: &str) -> Option<String> {
    let told = error_line(room.haul(line), 2);
    let (_, tip) = told.split_once("tip: ")?;
    Some(tip.trim_end_matches("; see --help\n").to_owned())
}

#[test]
fn files_in_place_of_a_command_are_told_the_command() {
    let room = Room::with_clouds();
    for (line, meant) in [
        ("a.csv b.csv", "haul divergence a.csv b.csv"),
        ("a.csv b.csv --blur 0.1", "haul divergence a.csv b.csv"),
        (
            "scans/a.ply scans/b.ply",
            "haul divergence scans/a.ply scans/b.ply",
        ),
        ("a.csv", "haul info a.csv"),
        (
            "a.csv b.csv a.csv",
            "haul pairwise a.csv b.csv a.csv -o distances.csv",
        ),
    ] {
        assert!(
            tip(&room, line).unwrap().ends_with(meant),
            "{line}: {:?}",
            tip(&room, line)
        );
    }
    // The advice is followed.
    let told = tip(&room, "a.csv b.csv").unwrap();
    let (_, line) = told.split_once("haul ").unwrap();
    assert_eq!(room.cpu(line).status, Some(0));
}

#[test]
fn an_unknown_command_is_told_the_one_that_was_meant() {
    let room = Room::with_clouds();
    for (line, meant) in [
        ("divergance a.csv b.csv", "'divergence'"),
        ("wasserstein a.csv b.csv", "'divergence'"),
        ("compare a.csv b.csv", "'divergence'"),
        ("mmd a.csv b.csv", "'energy'"),
        ("interpolate a.csv b.csv", "'map'"),
        ("matrix a.csv b.csv", "'pairwise'"),
        ("subsample a.csv", "'thin'"),
        ("stats a.csv", "'info'"),
    ] {
        let told = tip(&room, line).unwrap();
        assert_says(&told, &[meant]);
        assert!(!told.contains("the commands are"), "{told}");
    }
    assert_says(
        &tip(&room, "frobnicate a.csv").unwrap(),
        &["the commands are", "divergence", "pairwise"],
    );
}

#[test]
fn an_output_of_a_command_that_prints_is_told_to_redirect() {
    let room = Room::with_clouds();
    for command in ["divergence", "sinkhorn", "energy"] {
        for option in ["-o", "--output", "--out"] {
            let told = tip(
                &room,
                &format!("{command} a.csv b.csv {option} result.json"),
            )
            .unwrap();
            assert_says(
                &told,
                &[&format!("haul {command} prints"), "--json > result.json"],
            );
        }
        let followed = format!("haul {command} a.csv b.csv --device cpu --json > result.json");
        assert_eq!(room.shell(&followed).status, Some(0));
        assert!(room.read("result.json").starts_with('{'));
    }
    assert_says(
        &tip(&room, "info a.csv -o b").unwrap(),
        &["--json > result.json"],
    );
    assert_says(
        &tip(&room, "completions bash -o b").unwrap(),
        &["prints its result", "> FILE"],
    );
}

#[test]
fn an_output_that_was_forgotten_is_told() {
    let room = Room::with_clouds();
    for (line, meant) in [
        ("map a.csv b.csv", "-o OUT"),
        ("thin a.csv", "-o OUT"),
        ("pairwise a.csv b.csv", "-o D"),
        ("batch jobs.jsonl", "-o RESULTS.jsonl"),
        ("sample ball --n 5", "-o F"),
        ("map a.csv b.csv c.csv", "-o c.csv"),
        ("thin a.csv c.csv", "-o c.csv"),
        ("sample ball --n 5 c.csv", "-o c.csv"),
    ] {
        let told = tip(&room, line).unwrap();
        assert!(told.ends_with(meant), "{line}: {told}");
    }
    // If the option is given, there is no tip about it.
    let told = tip(&room, "map a.csv b.csv c.csv -o d.csv");
    assert!(!told.unwrap_or_default().contains("-o"));
    assert_says(
        &tip(&room, "divergence a.csv b.csv a.csv").unwrap(),
        &["haul pairwise"],
    );
}

#[test]
fn options_of_other_programs_are_told_their_names_here() {
    let room = Room::with_clouds();
    for (option, parts) in [
        ("--reg 0.1", &["--epsilon", "--blur", "ε = σ^p", "POT"][..]),
        ("--reg=0.1", &["--epsilon"]),
        ("--eps 0.1", &["--epsilon", "--blur", "ε = σ^p", "OTT"]),
        ("--sigma 0.1", &["--blur", "ε = σ^p", "GeomLoss", "√2"]),
        ("--tol 1e-3", &["--tolerance"]),
        ("--numItermax 10", &["--max-iterations"]),
        ("--reg-m 1", &["--rho", "--reach"]),
        ("--gpu", &["--device gpu"]),
        ("--scaling 0.9", &["GeomLoss", "--tolerance"]),
        ("-blur 0.1", &["two dashes: --blur"]),
    ] {
        assert_says(
            &tip(&room, &format!("sinkhorn a.csv b.csv {option}")).unwrap(),
            parts,
        );
    }
    // An option of another command is told its command, and no option that is called like it.
    for (line, parts) in [
        (
            "divergence a.csv b.csv --potentials f.npz",
            "tip: --potentials is an option of haul sinkhorn; haul divergence has none of that name",
        ),
        (
            "divergence a.csv b.csv --plan p.csv",
            "tip: --plan is an option of haul sinkhorn and exact;",
        ),
        (
            "pairwise a.csv b.csv -o d.npy --report r.html",
            "tip: --report is an option of haul sinkhorn, divergence, energy, exact, map, align, barycenter, coordinates, dictionary, flow, gromov, transitions, words and batch;",
        ),
    ] {
        let told = error_line(room.haul(line), 2);
        assert_says(&told, &[parts]);
        assert!(!told.contains("similar"), "{told}");
    }
    // A command without that option has no tip about it.
    for option in ["--reg 0.1", "--tol 1e-3"] {
        let told = tip(&room, &format!("energy a.csv b.csv {option}")).unwrap_or_default();
        assert!(
            !told.contains("--epsilon") && !told.contains("--tolerance"),
            "{told}"
        );
    }
}
