//! Text for a person: names and values in two columns, coloured if the terminal supports it. Colour only repeats what
//! the words say.

use anstyle::{AnsiColor, Style};
use std::fmt::{Display, Write};

const NAME: Style = Style::new().dimmed();
pub(crate) const STRONG: Style = Style::new().bold();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// A text in a style. The printer decides whether to show the style.
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

    /// An indented row, under a [`heading`](Self::heading).
    pub(crate) fn below(&mut self, name: &str, value: impl Display) {
        self.indented("  ", name, value);
    }

    /// A line without a value.
    pub(crate) fn heading(&mut self, text: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{text}");
    }

    /// Appends the rows of another text.
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
