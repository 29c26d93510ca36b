//! The page around a report: its head, its style and its foot.

use crate::picture::PictureError;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// A page, or why its figures could not be drawn.
pub(crate) type Page<T = String> = Result<T, PictureError>;

const STYLE: &str = include_str!("style.css");

/// A script, and the digest of its text by which alone the policy of a page admits it.
pub(crate) struct Script {
    pub(crate) text: &'static str,
    /// SHA-256, in base64.
    pub(crate) digest: &'static str,
}

/// A whole page. One with a script is about a table, and takes all the width there is.
pub(crate) fn sheet(title: &str, script: Option<&Script>, body: &Markup) -> String {
    let mut policy = "default-src 'none'; style-src 'unsafe-inline'".to_owned();
    if let Some(Script { digest, .. }) = script {
        policy += &format!("; script-src 'sha256-{digest}'");
    }
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body class=[script.map(|_| "wide")] {
                main { (body) }
                footer { "haul " (env!("CARGO_PKG_VERSION")) }
                @if let Some(Script { text, .. }) = script {
                    script { (PreEscaped(text)) }
                }
            }
        }
    };
    page.into_string()
}
