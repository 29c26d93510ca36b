//! Text for a person: names and values in two columns, coloured where the output is a terminal that
//! takes it. No colour tells what the words beside it do not.

use crate::digits::significant;
use anstyle::{AnsiColor, Style};
use std::fmt::{Display, Write};

const NAME: Style = Style::new().dimmed();
pub(crate) const STRONG: Style = Style::new().bold();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// A text in a style. Whoever prints it decides whether the style shows.
pub(crate) fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// A time in words, to about two digits.
pub(crate) fn duration(seconds: f64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    if seconds < 1.0 {
        return format!("{} s", significant(seconds, 2));
    }
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    let Some(first) = UNITS.iter().position(|(unit, _)| whole >= *unit) else {
        return format!("{whole} s");
    };
    // Of the two largest units; the smaller one is rounded, and may make one more of the larger.
    let ((large, name), (small, minor)) = (UNITS[first], UNITS[(first + 1).min(UNITS.len() - 1)]);
    let parts = (seconds / small as f64).round() as u64;
    let (many, rest) = (parts * small / large, parts * small % large / small);
    match rest {
        0 => format!("{many} {name}"),
        _ => format!("{many} {name} {rest} {minor}"),
    }
}

/// Lines of a name and a value.
#[derive(Debug, Default)]
pub(crate) struct Rows(String);

impl Rows {
    pub(crate) fn row(&mut self, name: &str, value: impl Display) {
        self.indented("", name, value);
    }

    /// A row a step to the right, under a [`heading`](Self::heading).
    pub(crate) fn below(&mut self, name: &str, value: impl Display) {
        self.indented("  ", name, value);
    }

    /// A line of its own.
    pub(crate) fn heading(&mut self, text: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{text}");
    }

    fn indented(&mut self, indent: &str, name: &str, value: impl Display) {
        let _ = writeln!(self.0, "{indent}{NAME}{name:<16}{NAME:#}{value}");
    }

    pub(crate) fn text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_the_units_of_people() {
        for (seconds, told) in [
            (0.0, "0.0 s"),
            (0.3876, "0.39 s"),
            (3.12, "3.1 s"),
            (59.96, "1 min"),
            (61.2, "1 min 1 s"),
            (3599.7, "1 h"),
            (2.167e4, "6 h 1 min"),
            (86_400.0, "1 d"),
            (1e6, "11 d 14 h"),
        ] {
            assert_eq!(duration(seconds), told);
        }
    }
}
