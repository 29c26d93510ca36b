//! Text for a person: names and values in two columns, coloured where the output is a terminal that
//! takes it. No colour tells what the words beside it do not.

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

    /// Those of another text, below.
    pub(crate) fn append(&mut self, rows: Self) {
        self.0 += &rows.0;
    }

    fn indented(&mut self, indent: &str, name: &str, value: impl Display) {
        let _ = writeln!(self.0, "{indent}{NAME}{name:<16}{NAME:#}{value}");
    }

    pub(crate) fn text(self) -> String {
        self.0
    }
}
