//! The check that links of HTML pages lead to a file, and to an anchor in it.

use anyhow::{Context, Result};
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, Tag, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The links of a page, and its anchors.
#[derive(Default)]
struct Page {
    links: Vec<String>,
    anchors: HashSet<String>,
}

/// Every broken link in the pages below a folder, as `page: link`. Links to other hosts are not
/// checked.
pub(crate) fn broken(folder: &Path) -> Result<Vec<String>> {
    let mut pages = BTreeMap::new();
    for file in files(folder)? {
        if file
            .extension()
            .is_some_and(|extension| extension == "html")
        {
            let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            pages.insert(file, page(&text));
        }
    }
    let mut broken = Vec::new();
    for (file, page) in &pages {
        let leads = |link: &&String| leads_somewhere(link, file, &pages);
        for link in page.links.iter().filter(|link| !leads(link)) {
            broken.push(format!("{}: {link}", file.strip_prefix(folder)?.display()));
        }
    }
    Ok(broken)
}

fn leads_somewhere(link: &str, from: &Path, pages: &BTreeMap<PathBuf, Page>) -> bool {
    let elsewhere = ["https:", "http:", "mailto:", "data:"];
    if elsewhere.iter().any(|scheme| link.starts_with(scheme)) {
        return true;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let file = if path.is_empty() {
        from.to_owned()
    } else {
        resolved(&from.with_file_name(path))
    };
    match pages.get(&file) {
        Some(page) => anchor.is_empty() || page.anchors.contains(anchor),
        None => anchor.is_empty() && file.is_file(),
    }
}

/// A path without `.` and `..`.
fn resolved(path: &Path) -> PathBuf {
    let mut resolved = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                resolved.pop();
            }
            part => resolved.push(part),
        }
    }
    resolved
}

/// Collects links and anchors from the tags of a page.
fn page(html: &str) -> Page {
    struct Tags(RefCell<Page>);

    impl TokenSink for Tags {
        type Handle = ();

        fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
            if let Token::TagToken(Tag { attrs, .. }) = token {
                let mut page = self.0.borrow_mut();
                for attribute in attrs {
                    let value = attribute.value.to_string();
                    match &*attribute.name.local {
                        "href" | "src" => page.links.push(value),
                        "id" => drop(page.anchors.insert(value)),
                        _ => {}
                    }
                }
            }
            TokenSinkResult::Continue
        }
    }

    let tokenizer = Tokenizer::new(Tags(RefCell::default()), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    let _ = tokenizer.feed(&input); // the sink never suspends the tokenizer
    tokenizer.end();
    tokenizer.sink.0.into_inner()
}

/// All files below a folder, sorted.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
