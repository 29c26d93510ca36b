//! Colours: only on a terminal or on request, and they only repeat what the words say.

use crate::fixture::{HAUL, Ran, Room};

/// Starts every style.
const ESCAPE: char = '\u{1b}';

/// Commands with text for a person; whether it is on standard error.
const COMMANDS: [(&str, bool); 7] = [
    ("sinkhorn a.csv b.csv --device cpu", false),
    ("energy a.csv b.csv --device cpu", false),
    ("pairwise a.csv b.csv -o d.npy --device cpu", false),
    ("bench softmin --n 64 --runs 1 --device cpu", false),
    ("sinkhorn a.csv gone.csv", true),
    (
        "sinkhorn a.csv b.csv --device cpu --blur 0.01 --max-iterations 1 --json",
        true,
    ),
    ("batch jobs.jsonl -o results.jsonl --device cpu", true),
];

fn room() -> Room {
    let room = Room::with_clouds();
    room.write("jobs.jsonl", "{\"id\":\"1\",\"command\":\"demo\"}\n");
    room
}

fn run(room: &Room, words: &str, variables: &[(&str, &str)]) -> Ran {
    let mut command = room.command(HAUL);
    command.args(words.split(' '));
    command.envs(variables.iter().copied());
    command.output().unwrap().into()
}

#[test]
fn pipes_get_none_unless_somebody_asks_for_them() {
    let room = room();
    for (words, on_stderr) in COMMANDS {
        let coloured = |more: &str, variables: &[(&str, &str)]| {
            let ran = run(&room, &format!("{words}{more}"), variables);
            let shown = if on_stderr { &ran.stderr } else { &ran.stdout };
            assert!(!shown.is_empty(), "{words}");
            // JSON is never coloured.
            assert!(!words.contains("--json") || !ran.stdout.contains(ESCAPE));
            shown.contains(ESCAPE)
        };
        let forced = ("CLICOLOR_FORCE", "1");
        assert!(!coloured("", &[]), "{words}");
        assert!(coloured("", &[forced]), "{words}");
        assert!(!coloured("", &[forced, ("NO_COLOR", "1")]), "{words}");
        assert!(coloured(" --color always", &[("NO_COLOR", "1")]), "{words}");
        assert!(!coloured(" --color never", &[forced]), "{words}");
    }
}

#[test]
fn the_words_are_the_same_without_them() {
    let room = room();
    let error = |variables: &[(&str, &str)]| run(&room, COMMANDS[4].0, variables).stderr;
    let coloured = error(&[("CLICOLOR_FORCE", "1")]);
    let mut plain = String::new();
    for (index, piece) in coloured.split(ESCAPE).enumerate() {
        // A style is an escape and the text up to an m.
        let after = piece.split_once('m').map_or(piece, |(_, after)| after);
        plain += if index == 0 { piece } else { after };
    }
    assert_eq!(plain, error(&[]));
    assert!(plain.starts_with("error: gone.csv: "), "{plain}");
}

/// `script` of util-linux provides a terminal.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_them_unless_there_is_a_no() {
    let room = room();
    let shown = |variables: &[(&str, &str)]| {
        let mut command = room.command("script");
        let line = format!("'{HAUL}' {}", COMMANDS[0].0);
        command.args(["-q", "-e", "-c", &line, "/dev/null"]);
        command.env("TERM", "xterm").envs(variables.iter().copied());
        let ran = Ran::from(command.output().unwrap());
        assert!(
            ran.status == Some(0) && ran.stdout.contains("OT_ε"),
            "{}",
            ran.stdout
        );
        ran.stdout
    };
    assert!(shown(&[]).contains(ESCAPE));
    for variables in [
        &[("NO_COLOR", "1")][..],
        &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")],
        &[("TERM", "dumb")],
    ] {
        let text = shown(variables);
        let report = &text[text.find("source").unwrap()..];
        assert!(!report.contains(ESCAPE), "{variables:?}: {report:?}");
    }
}
