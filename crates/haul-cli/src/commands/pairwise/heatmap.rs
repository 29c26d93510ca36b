//! A symmetric matrix as a picture: a square for each entry, its colour the value, and beside the rows
//! the dendrogram of their clustering, whose order of leaves is that of rows and columns.

use super::clusters::{Clusters, Merge};
use crate::canvas::{self, Drawn, FINE, INK, Page, QUIET, font, text_width, thin, tick};
use crate::names::end_of;
use crate::number::short;
use crate::picture::PictureError;
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

/// More of them have no room on a page.
pub(super) const MOST_CLOUDS: usize = 400;

/// What to draw.
pub(super) struct Heatmap<'a> {
    /// What an entry is, for whoever sees the picture alone, and to the last parameter.
    pub(super) title: &'a str,
    pub(super) problem: &'a str,
    /// The names of the n rows and columns, n ≥ 1.
    pub(super) labels: &'a [&'a str],
    /// n×n, finite and symmetric.
    pub(super) values: &'a [f64],
    pub(super) clusters: &'a Clusters,
}

/// Pixels around everything, for the head, the dendrogram, and between parts.
const MARGIN: i32 = 28;
const HEAD: i32 = 112;
const TREE: i32 = 130;
const GAP: i32 = 8;
/// Below the dendrogram, for the scale of its heights.
const SCALE: i32 = 46;
/// Pixels that the matrix takes if squares between these sizes allow for it.
const SIDE: i32 = 640;
const LEAST_SQUARE: i32 = 9;
const LARGEST_SQUARE: i32 = 64;
/// Pixels of the page that the title takes.
const LEAST_WIDTH: i32 = 640;
/// Steps of the scale of colours.
const SHADES: i32 = 100;
/// Letters of the longest label; of longer ones the end is shown.
const LETTERS: usize = 36;

/// Draws the picture and returns the text of the SVG.
///
/// # Errors
///
/// [`PictureError::Drawing`] where the drawing itself fails.
pub(super) fn svg(heatmap: &Heatmap) -> Result<String, PictureError> {
    let layout = Layout::of(heatmap);
    let (width, height) = (layout.width(), layout.height());
    match canvas::draw(width, height, |page| layout.draw(heatmap, page)) {
        Ok((svg, ())) => Ok(svg.at_size()),
        Err(error) => Err(PictureError::Drawing(error.to_string())),
    }
}

struct Layout<'a> {
    clusters: &'a Clusters,
    labels: Vec<String>,
    /// Pixels of a square, of a letter, and of the longest label.
    square: i32,
    letter: i32,
    label: i32,
}

impl<'a> Layout<'a> {
    fn of(heatmap: &Heatmap<'a>) -> Self {
        let n = heatmap.labels.len();
        let square = (SIDE / n as i32).clamp(LEAST_SQUARE, LARGEST_SQUARE);
        let letter = (square - 2).clamp(7, 13);
        let labels = heatmap.labels.iter().map(|label| end_of(label, LETTERS));
        let labels: Vec<_> = labels.collect();
        let widths = labels.iter().map(|label| text_width(label, letter));
        Self {
            clusters: heatmap.clusters,
            square,
            letter,
            label: widths.max().unwrap_or(0),
            labels,
        }
    }

    /// Pixels of the matrix, either way.
    fn side(&self) -> i32 {
        self.square * self.labels.len() as i32
    }

    fn left(&self) -> i32 {
        MARGIN + TREE + GAP
    }

    fn width(&self) -> i32 {
        (self.left() + self.side() + GAP + self.label + MARGIN).max(LEAST_WIDTH)
    }

    fn height(&self) -> i32 {
        HEAD + self.side() + GAP + self.label.max(SCALE) + MARGIN
    }

    fn draw(&self, heatmap: &Heatmap, page: &Page) -> Drawn {
        let title = font(18, FontStyle::Bold, INK).pos(Pos::new(HPos::Left, VPos::Center));
        let place = (MARGIN * FINE, 30 * FINE);
        page.draw(&Text::new(heatmap.title.to_owned(), place, title))?;
        let problem = font(13, FontStyle::Normal, QUIET).pos(Pos::new(HPos::Left, VPos::Center));
        let place = (MARGIN * FINE, 52 * FINE);
        page.draw(&Text::new(heatmap.problem.to_owned(), place, problem))?;
        self.draw_matrix(page, heatmap)?;
        self.draw_tree(page)?;
        self.draw_labels(page)
    }

    /// The squares, and above them what their colours mean.
    fn draw_matrix(&self, page: &Page, heatmap: &Heatmap) -> Drawn {
        let values = heatmap.values.iter().copied();
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        let order = &self.clusters.order;
        let (n, square) = (order.len(), self.square * FINE);
        for (row, i) in order.iter().enumerate() {
            for (column, j) in order.iter().enumerate() {
                let x = self.left() * FINE + column as i32 * square;
                let y = HEAD * FINE + row as i32 * square;
                let colour = colour((heatmap.values[i * n + j] - low) / (high - low));
                let corners = [(x, y), (x + square, y + square)];
                page.draw(&Rectangle::new(corners, colour.filled()))?;
            }
        }
        let (left, top, step) = (self.left() * FINE, 72 * FINE, 2 * FINE);
        for shade in 0..SHADES {
            let x = left + shade * step;
            let colour = colour(f64::from(shade) / f64::from(SHADES - 1));
            let corners = [(x, top), (x + step, top + 12 * FINE)];
            page.draw(&Rectangle::new(corners, colour.filled()))?;
        }
        let write = |value: f64, x: i32| {
            let style = font(11, FontStyle::Normal, QUIET).pos(Pos::new(HPos::Left, VPos::Center));
            page.draw(&Text::new(short(value), (x, top + 22 * FINE), style))
        };
        write(low, left)?;
        write(high, left + SHADES * step - 24 * FINE)
    }

    /// Where a height is, across the page.
    fn across(&self, height: f64) -> i32 {
        let highest = self.highest();
        let share = if highest > 0.0 { height / highest } else { 0.0 };
        ((f64::from(MARGIN) + f64::from(TREE) * (1.0 - share)) * f64::from(FINE)) as i32
    }

    fn highest(&self) -> f64 {
        self.clusters
            .merges
            .last()
            .map_or(0.0, |merge| merge.height)
    }

    /// The dendrogram: leaves at the matrix, and at the other end what was merged last.
    fn draw_tree(&self, page: &Page) -> Drawn {
        let Clusters { merges, order } = self.clusters;
        // Each cluster: the middle of its places, and at what height it was merged.
        let mut clusters = vec![(0.0, 0.0); order.len()];
        for (place, row) in order.iter().enumerate() {
            clusters[*row] = (place as f64 + 0.5, 0.0);
        }
        let x = |height: f64| self.across(height);
        let y = |place: f64| {
            ((f64::from(HEAD) + place * f64::from(self.square)) * f64::from(FINE)) as i32
        };
        let style = ShapeStyle::from(INK.mix(0.7)).stroke_width(FINE as u32);
        for Merge { pair, height, .. } in merges {
            let [one, other] = pair.map(|cluster| clusters[cluster]);
            let height = *height;
            let line = [
                (x(one.1), y(one.0)),
                (x(height), y(one.0)),
                (x(height), y(other.0)),
                (x(other.1), y(other.0)),
            ];
            page.draw(&PathElement::new(line, style))?;
            clusters.push((0.5 * (one.0 + other.0), height));
        }
        self.draw_scale(page)
    }

    /// Below the dendrogram, at what heights clusters join.
    fn draw_scale(&self, page: &Page) -> Drawn {
        let highest = self.highest();
        if highest <= 0.0 {
            return Ok(());
        }
        let y = (HEAD + self.side() + GAP) * FINE;
        let style = thin(QUIET.mix(0.6));
        let ends = [(self.across(highest), y), (self.across(0.0), y)];
        page.draw(&PathElement::new(ends, style))?;
        let write = |text: String, x: i32, y: i32, anchor: HPos| {
            let style = font(11, FontStyle::Normal, QUIET).pos(Pos::new(anchor, VPos::Center));
            page.draw(&Text::new(text, (x, y), style))
        };
        for height in ticks(highest) {
            let x = self.across(height);
            page.draw(&PathElement::new([(x, y), (x, y + 4 * FINE)], style))?;
            write(tick(height), x, y + 12 * FINE, HPos::Center)?;
        }
        let words = "where groups join";
        write(
            words.to_owned(),
            self.across(0.0),
            y + 30 * FINE,
            HPos::Right,
        )
    }

    /// The names, right of the rows and below the columns.
    fn draw_labels(&self, page: &Page) -> Drawn {
        for (place, row) in self.clusters.order.iter().enumerate() {
            let label = &self.labels[*row];
            let middle = self.square * place as i32 + self.square / 2;
            let style = font(self.letter, FontStyle::Normal, INK);
            let right = (self.left() + self.side() + GAP, HEAD + middle);
            let below = (self.left() + middle, HEAD + self.side() + GAP);
            for ((x, y), style) in [
                (right, style.clone()),
                (below, style.transform(FontTransform::Rotate90)),
            ] {
                let style = style.pos(Pos::new(HPos::Left, VPos::Center));
                page.draw(&Text::new(label.clone(), (x * FINE, y * FINE), style))?;
            }
        }
        Ok(())
    }
}

/// Few round heights from 0 up to the highest.
fn ticks(highest: f64) -> Vec<f64> {
    let power = 10f64.powf(highest.log10().floor());
    let steps = [0.2, 0.5, 1.0, 2.0, 5.0].map(|step| step * power);
    // At most three steps, of which each has room for its number.
    let step = steps.into_iter().find(|step| highest / step < 3.0);
    let step = step.unwrap_or(highest);
    (0..=(highest / step) as i32)
        .map(|k| f64::from(k) * step)
        .collect()
}

/// From dark to light with equal steps for the eye; the middle where there is no number.
fn colour(share: f64) -> RGBColor {
    let share = if share.is_finite() { share } else { 0.5 };
    ViridisRGB.get_color_normalized(share as f32, 0.0, 1.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn drawn(values: &[f64], names: &[&str]) -> String {
        svg(&Heatmap {
            title: "distances",
            problem: "of a line",
            labels: names,
            values,
            clusters: &Clusters::of(values, names.len()),
        })
        .unwrap()
    }

    /// The matrix of |x − y| for points of a line.
    fn line(places: &[f64]) -> Vec<f64> {
        let row = |x: &f64| places.iter().map(|y| (x - y).abs()).collect::<Vec<_>>();
        places.iter().flat_map(row).collect()
    }

    #[test]
    fn a_scale_has_few_round_heights() {
        assert_eq!(ticks(1.0), [0.0, 0.5, 1.0]);
        assert_eq!(ticks(0.59), [0.0, 0.2, 0.4]);
        assert_eq!(ticks(36.0), [0.0, 20.0]);
        for highest in [1e-12, 3e-4, 0.99, 7.0, 123.4, 1e9] {
            let ticks = ticks(highest);
            assert!((2..=3).contains(&ticks.len()), "{ticks:?}");
            assert!(ticks.iter().all(|height| *height <= highest));
        }
    }

    #[test]
    fn every_entry_is_a_square_every_name_stands_twice_and_every_merger_is_drawn() {
        let text = drawn(&line(&[0.0, 3.0, 1.0]), &["one", "two", "a <third>"]);
        let count = |what: &str| text.matches(what).count();
        // Beside the page itself and the scale.
        assert_eq!(count("<rect") - SHADES as usize - 1, 9);
        assert_eq!((count("one\n"), count("&lt;third&gt;")), (2, 2));
        // Beside the scale: a line, and marks at 0, 1 and 2.
        assert_eq!(count("<polyline") + count("<line"), 2 + 4);
        assert!(text.contains("where groups join"));
    }

    #[test]
    fn matrices_without_contrast_and_of_any_size_are_drawn() {
        drawn(&[0.0], &["alone"]);
        drawn(&[0.0; 4], &["a", "b"]);
        drawn(&line(&[1.0; 100]), &["same"; 100]);
        let long = "a long folder/and in it a file/whose name goes on and on.ply";
        let text = drawn(&line(&[0.0, 1.0]), &[long, "\u{7}"]);
        assert!(text.contains("goes on and on.ply") && !text.contains("a long folder"));
    }
}
