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

    /// The papers that a text cites: in `[Cuturi'13; Schmitzer'19]` each name with the last digits of its year.
    fn cited(text: &str) -> Vec<&str> {
        let is_paper = |name: &&str| {
            let year = name.rsplit_once('\'').map(|(_, year)| year);
            year.is_some_and(|year| year.len() == 2 && year.bytes().all(|c| c.is_ascii_digit()))
        };
        let brackets = text
            .split('[')
            .skip(1)
            .filter_map(|rest| rest.split(']').next());
        brackets
            .flat_map(|names| names.split("; "))
            .filter(is_paper)
            .collect()
    }

    /// The comments of a source, or a whole chapter, on one line.
    fn prose(file: &Path) -> String {
        let text = fs::read_to_string(file).unwrap();
        let is_chapter = file.extension().is_some_and(|end| end == "md");
        let lines = text.lines().map(str::trim_start);
        let prose = lines.filter(|line| is_chapter || line.starts_with("//"));
        let words = prose.map(|line| line.trim_start_matches(['/', '!', ' ']));
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_guide_lists_every_paper_that_is_cited() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let papers = prose(&root.join("docs/src/papers.md"));
        let missing = |text: &str| -> Vec<String> {
            let is_missing = |name: &&str| !papers.contains(&format!("[{name}] "));
            cited(text)
                .into_iter()
                .filter(is_missing)
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(missing("as in [Cuturi'13; Nobody'99]"), ["Nobody'99"]);

        let mut cited_at_all = 0;
        for folder in ["crates", "shaders", "docs/src"] {
            for file in links::files(&root.join(folder)).unwrap() {
                if file
                    .extension()
                    .is_some_and(|end| end == "rs" || end == "wgsl" || end == "md")
                {
                    let text = prose(&file);
                    assert_eq!(missing(&text), [""; 0], "{}", file.display());
                    cited_at_all += cited(&text).len();
                }
            }
        }
        assert!(
            cited_at_all > 40,
            "only {cited_at_all} citations were found"
        );
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
