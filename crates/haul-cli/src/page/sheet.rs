//! The frame of a report: head, style and foot.

use crate::canvas;
use crate::picture::PictureError;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// A page, or the error of its figures.
pub(crate) type Page<T = String> = Result<T, PictureError>;

const STYLE: &str = include_str!("style.css");

/// A script, and the digest of its text; the policy of the page allows only that digest.
pub(crate) struct Script {
    pub(crate) text: &'static str,
    /// SHA-256, in base64.
    pub(crate) digest: &'static str,
}

/// A whole page. A page with a script has a table, and takes the full width.
pub(crate) fn sheet(title: &str, script: Option<&Script>, body: &Markup) -> String {
    let mut policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:".to_owned();
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
                style { (PreEscaped(STYLE)) (PreEscaped(canvas::STYLE)) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::Rgb;
    use std::collections::HashMap;

    /// The declarations of a style sheet by selector and property, in light or in dark.
    fn declarations(sheet: &str, dark: bool) -> HashMap<(String, String), String> {
        let at = "@media (prefers-color-scheme: dark) {";
        let (before, rest) = sheet.split_once(at).unwrap();
        let (inside, after) = rest.split_once("\n}\n").unwrap();
        let mut rules = format!("{before}{after}");
        if dark {
            rules += inside;
        }
        let mut all = HashMap::new();
        for rule in rules.split('}') {
            let Some((selectors, body)) = rule.split_once('{') else {
                continue;
            };
            for (selector, declaration) in selectors.split(',').flat_map(|selector| {
                body.split(';')
                    .map(move |declaration| (selector.trim(), declaration))
            }) {
                if let Some((property, value)) = declaration.split_once(':') {
                    let key = (selector.to_owned(), property.trim().to_owned());
                    all.insert(key, value.trim().to_owned());
                }
            }
        }
        all
    }

    fn colour(text: &str) -> Rgb {
        let digits = text.strip_prefix('#').unwrap();
        let step = digits.len() / 3;
        Rgb([0, 1, 2].map(|part| {
            let digits = digits[part * step..][..step].repeat(3 - step);
            f64::from(u8::from_str_radix(&digits, 16).unwrap()) / 255.0
        }))
    }

    #[test]
    fn texts_of_pages_are_legible_in_light_and_dark() {
        for dark in [false, true] {
            let all = declarations(STYLE, dark);
            let variable = |name: &str| colour(&all[&(":root".to_owned(), format!("--{name}"))]);
            let mut texts = 0;
            for ((selector, property), value) in &all {
                let Some(name) = value.strip_prefix("var(--").filter(|_| property == "color")
                else {
                    continue;
                };
                texts += 1;
                let ink = variable(name.strip_suffix(')').unwrap());
                for ground in ["paper", "card"] {
                    let contrast = ink.contrast(variable(ground));
                    assert!(contrast >= 4.5, "{selector} on {ground}: {contrast} {dark}");
                }
            }
            assert!(texts > 8);
            assert!(variable("line").contrast(variable("paper")) < 4.5);
        }
    }

    #[test]
    fn pictures_are_legible_in_light_and_dark_on_the_paper_of_the_page() {
        for dark in [false, true] {
            let all = declarations(canvas::STYLE, dark);
            let of = |class: &str, property: &str| {
                colour(&all[&(format!(".drawing .{class}"), property.to_owned())])
            };
            let paper = of("paper", "fill");
            let page = &declarations(STYLE, dark)[&(":root".to_owned(), "--paper".to_owned())];
            assert_eq!(paper, colour(page));
            for class in ["ink", "title", "quiet", "name"] {
                let contrast = of(class, "fill").contrast(paper);
                assert!(contrast >= 4.5, "{class}: {contrast} {dark}");
            }
            assert_eq!(of("name", "stroke"), paper);
            assert_eq!(of("halo", "stroke"), paper);
            let lines = ["axis", "rule", "lost", "arrow", "tree"].map(|class| (class, "stroke"));
            let curves = ["first", "second", "third"].map(|class| (class, "color"));
            for (class, property) in lines.into_iter().chain(curves) {
                let contrast = of(class, property).contrast(paper);
                assert!(contrast >= 3.0, "{class}: {contrast} {dark}");
            }
        }
    }
}
