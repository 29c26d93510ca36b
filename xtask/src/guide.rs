//! The guide as pages for a browser.

use crate::links;
use anyhow::{Context, Result, anyhow, ensure};
use mdbook_driver::MDBook;
use std::path::Path;

/// Builds the book of one folder into another, and checks every link in it.
pub(crate) fn build(book: &Path, folder: &Path) -> Result<()> {
    // Without the pages of an earlier build, to which a broken link might lead.
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let mut book = MDBook::load(book)?;
    book.config.build.build_dir = std::path::absolute(folder)?;
    book.build()?;
    let broken = links::broken(folder)?;
    ensure!(
        broken.is_empty(),
        anyhow!("links that lead nowhere:\n{}", broken.join("\n"))
    );
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fs;

    /// The result of building a book of two chapters, the first of which is this text.
    fn built(chapter: &str) -> Result<()> {
        let room = tempfile::tempdir().unwrap();
        let book = room.path().join("book");
        fs::create_dir_all(book.join("src")).unwrap();
        for (file, text) in [
            ("book.toml", include_str!("../../docs/book.toml")),
            ("src/SUMMARY.md", "- [One](one.md)\n- [Two](two.md)\n"),
            ("src/one.md", chapter),
            ("src/two.md", "# Two\n\n## A part\n"),
        ] {
            fs::write(book.join(file), text).unwrap();
        }
        build(&book, &room.path().join("pages"))
    }

    #[test]
    fn links_that_lead_somewhere_are_no_failure() {
        built("# One\n[a](two.md) [b](two.md#a-part) [c](#one) [d](https://example.org/x)")
            .unwrap();
    }

    #[test]
    fn links_that_lead_nowhere_are_told_with_their_page() {
        for link in [
            "[x](three.md)",
            "[x](two.md#no-part)",
            "[x](#no-part)",
            "![x](no.png)",
            "<img src=\"no.png\">",
        ] {
            let error = built(&format!("# One\n{link}")).unwrap_err().to_string();
            assert!(error.contains("one.html: "), "{link}: {error}");
        }
    }

    #[test]
    fn a_chapter_that_is_not_there_is_a_failure() {
        let room = tempfile::tempdir().unwrap();
        fs::create_dir(room.path().join("src")).unwrap();
        fs::write(room.path().join("src/SUMMARY.md"), "- [One](one.md)\n").unwrap();
        let toml = include_str!("../../docs/book.toml");
        fs::write(room.path().join("book.toml"), toml).unwrap();
        assert!(build(room.path(), &room.path().join("pages")).is_err());
    }
}
