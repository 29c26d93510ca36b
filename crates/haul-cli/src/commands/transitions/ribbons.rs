//! The masses of labels along clouds as a drawing: a bar for each cloud, divided by labels, and ribbons that lead the mass of
//! each label to those that it becomes.

use crate::canvas::{Anchor, LETTER, Label, Rgb, Svg, WIDTH, px, text_width, viridis};
use crate::names::end_of;
use maud::{Markup, html};
use std::ops::Range;

/// What to draw.
pub(super) struct Ribbons<'a> {
    /// The names of the clouds.
    pub(super) clouds: Vec<String>,
    pub(super) labels: &'a [String],
    /// From each cloud to the next one the masses from label to label, row-major.
    pub(super) tables: Vec<&'a [f64]>,
}

/// The part of the colours from dark to light that labels have.
const COLOURS: Range<f64> = 0.25..0.85;

/// Pixels of the masses of a bar, of all gaps between its labels, of its width, and around everything.
const HEIGHT: f64 = 300.0;
const GAPS: f64 = 40.0;
const BAR: f64 = 10.0;
const MARGIN: f64 = 8.0;
/// The height of a line of names.
const LINE: f64 = 1.5 * LETTER;
/// The least width of a step.
const NARROWEST: f64 = 80.0;

impl Ribbons<'_> {
    pub(super) fn draw(&self) -> Svg {
        let steps = self.tables.len().max(1) as f64;
        let step = ((WIDTH - 2.0 * MARGIN - BAR) / steps).max(NARROWEST);
        let width = 2.0 * MARGIN + BAR + steps * step;
        let top = MARGIN + LINE;
        let (names, below) = self.names(width, top + HEIGHT + GAPS + LINE);
        Svg {
            width,
            height: below + MARGIN,
            content: html! {
                @for (at, table) in self.tables.iter().enumerate() {
                    (self.step(table, MARGIN + at as f64 * step, step, top))
                }
                @for (at, cloud) in self.clouds.iter().enumerate() {
                    (self.cloud(cloud, at, step))
                }
                (names)
            },
        }
    }

    /// The name of a cloud, above its bar.
    fn cloud(&self, name: &str, at: usize, step: f64) -> Markup {
        let letters = (0.95 * step / text_width("n", LETTER)) as usize;
        let middle = MARGIN + 0.5 * BAR + at as f64 * step;
        let (anchor, x) = match at {
            0 => (Anchor::Start, MARGIN),
            last if last + 1 == self.clouds.len() => (Anchor::End, middle + 0.5 * BAR),
            _ => (Anchor::Middle, middle),
        };
        let name = end_of(name, letters.max(1));
        let label = Label::new(&name, LETTER).class("quiet").anchor(anchor);
        label.at((x, MARGIN + 0.5 * LETTER))
    }

    /// The ribbons from one cloud to the next one, and half of the bar of each.
    fn step(&self, table: &[f64], left: f64, width: f64, top: f64) -> Markup {
        let k = self.labels.len();
        let all: f64 = table.iter().sum();
        let scale = if all > 0.0 { HEIGHT / all } else { 0.0 };
        let rows = (0..k).map(|from| table[from * k..][..k].iter().sum::<f64>());
        let columns = (0..k).map(|to| (0..k).map(|from| table[from * k + to]).sum::<f64>());
        let gap = GAPS / k.saturating_sub(1).max(1) as f64;
        let leaving: Vec<_> = stacked(rows, (scale, gap), top).collect();
        let arriving: Vec<_> = stacked(columns, (scale, gap), top).collect();
        let (bar, near) = (0.5 * BAR, left + BAR);
        let far = left + width;
        // Ribbons leave and reach a bar in the order of labels.
        let (mut starts, mut ends) = (leaving.clone(), arriving.clone());
        let mut ribbons = Vec::new();
        for from in 0..k {
            for to in 0..k {
                let length = scale * table[from * k + to];
                let (start, end) = (&mut starts[from].0, &mut ends[to].0);
                if length > 0.0 {
                    let path = ribbon([near, far], [*start, *end], length);
                    ribbons.push((self.colour(from), path));
                }
                *start += length;
                *end += length;
            }
        }
        html! {
            @for (colour, path) in &ribbons {
                path d=(path) fill=(colour.hex()) fill-opacity="0.45" {}
            }
            @for (parts, x) in [(&leaving, left + bar), (&arriving, far)] {
                @for (label, (start, length)) in parts.iter().enumerate() {
                    rect x=(px(x)) y=(px(*start)) width=(px(bar)) height=(px(*length)) fill=(self.colour(label).hex()) {}
                }
            }
        }
    }

    /// The names of the labels with their colours, in lines below the bars, and where they end.
    fn names(&self, width: f64, top: f64) -> (Markup, f64) {
        let (mut x, mut y) = (MARGIN, top);
        let mut places = Vec::new();
        for label in self.labels {
            let name = end_of(label, 30);
            let wide = 1.5 * LETTER + text_width(&name, LETTER) + LETTER;
            if x > MARGIN && x + wide > width {
                (x, y) = (MARGIN, y + LINE);
            }
            places.push((x, y, name));
            x += wide;
        }
        let names = html! {
            @for (label, (x, y, name)) in places.iter().enumerate() {
                rect x=(px(*x)) y=(px(y - 0.5 * LETTER)) width=(px(LETTER)) height=(px(LETTER)) fill=(self.colour(label).hex()) {}
                (Label::new(name, LETTER).at((x + 1.5 * LETTER, *y)))
            }
        };
        (names, y + LINE)
    }

    /// The colour of a label, which differs from light paper and from dark paper.
    fn colour(&self, label: usize) -> Rgb {
        let last = self.labels.len().saturating_sub(1).max(1);
        let Range { start, end } = COLOURS;
        viridis(start + (end - start) * label as f64 / last as f64)
    }
}

/// The parts of a bar one below the other: where each begins, and its length.
fn stacked(
    masses: impl Iterator<Item = f64>,
    (scale, gap): (f64, f64),
    top: f64,
) -> impl Iterator<Item = (f64, f64)> {
    masses.scan(top, move |start, mass| {
        let part = (*start, scale * mass);
        *start += part.1 + gap;
        Some(part)
    })
}

/// The path around a ribbon of this width, which leaves one bar and reaches another one horizontally.
fn ribbon([near, far]: [f64; 2], [start, end]: [f64; 2], width: f64) -> String {
    let [near, far, middle] = [near, far, 0.5 * (near + far)].map(px);
    let [start, below_start, end, below_end] = [start, start + width, end, end + width].map(px);
    format!(
        "M{near} {start}C{middle} {start} {middle} {end} {far} {end}L{far} {below_end}\
         C{middle} {below_end} {middle} {below_start} {near} {below_start}Z"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_and_ribbons_have_the_heights_of_their_masses() {
        let labels = ["a".to_owned(), "b".to_owned()];
        let ribbons = Ribbons {
            clouds: vec!["first".into(), "second".into()],
            labels: &labels,
            tables: vec![&[1.0, 2.0, 0.0, 1.0]],
        };
        let drawn = ribbons.draw().content.into_string();
        // Three quarters of the mass are of the first label, and three quarters become the second one.
        let heights = |height: &str| drawn.matches(&format!("height=\"{height}\"")).count();
        assert_eq!((heights("225"), heights("75")), (2, 2), "{drawn}");
        assert_eq!(drawn.matches("<path").count(), 3, "{drawn}");
        // The ribbon from a to b is half of the mass, below that from a to a.
        let top = MARGIN + LINE;
        let expected = ribbon(
            [MARGIN + BAR, WIDTH - MARGIN - BAR],
            [top + 75.0, top + 75.0 + GAPS],
            150.0,
        );
        assert!(drawn.contains(&expected), "{drawn} lacks {expected}");
        for name in ["first", "second", "a", "b"] {
            assert!(drawn.contains(&format!(">{name}</text>")), "{name}");
        }
    }

    #[test]
    fn labels_are_seen_on_light_and_on_dark_paper() {
        let labels: Vec<String> = (0..9).map(|label: i32| label.to_string()).collect();
        let ribbons = Ribbons {
            clouds: Vec::new(),
            labels: &labels,
            tables: Vec::new(),
        };
        let papers = [Rgb([1.0; 3]), Rgb([24.0 / 255.0; 3])];
        let least = |colour: Rgb| {
            papers
                .map(|paper| colour.contrast(paper))
                .into_iter()
                .fold(21.0, f64::min)
        };
        assert!((0..9).all(|label| least(ribbons.colour(label)) >= 1.5));
        assert!(least(viridis(0.0)) < 1.5 && least(viridis(1.0)) < 1.5);
    }

    #[test]
    fn nothing_that_moves_is_drawn_as_nothing() {
        let labels = ["a".to_owned()];
        let ribbons = Ribbons {
            clouds: vec!["1".into(), "2".into()],
            labels: &labels,
            tables: vec![&[0.0]],
        };
        let drawn = ribbons.draw().content.into_string();
        assert!(
            !drawn.contains("NaN") && !drawn.contains("<path"),
            "{drawn}"
        );
    }
}
