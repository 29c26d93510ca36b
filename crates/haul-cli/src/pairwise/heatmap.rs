//! A symmetric matrix as a picture: a square for each entry, its colour the value, and beside the rows
//! the dendrogram of an average-linkage clustering (Sokal–Michener 1958), whose order of leaves is
//! that of rows and columns.

use crate::canvas::{self, Drawn, FINE, INK, Page, QUIET, font, text_width};
use crate::picture::PictureError;
use crate::report;
use kodama::{Dendrogram, Method, linkage};
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};
use std::borrow::Cow;

/// More of them have no room on a page.
pub(super) const MOST_CLOUDS: usize = 400;

/// What to draw.
pub(super) struct Heatmap<'a> {
    /// What an entry is.
    pub(super) title: &'a str,
    /// The names of the n rows and columns, n ≥ 1.
    pub(super) labels: &'a [Cow<'a, str>],
    /// n×n, finite and symmetric.
    pub(super) values: &'a [f64],
}

/// Pixels around everything, for the head, the dendrogram, and between parts.
const MARGIN: i32 = 28;
const HEAD: i32 = 92;
const TREE: i32 = 130;
const GAP: i32 = 8;
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

struct Layout {
    /// The row in each place.
    order: Vec<usize>,
    tree: Dendrogram<f64>,
    labels: Vec<String>,
    /// Pixels of a square, of a letter, and of the longest label.
    square: i32,
    letter: i32,
    label: i32,
}

impl Layout {
    fn of(heatmap: &Heatmap) -> Self {
        let n = heatmap.labels.len();
        // Rounding may leave a divergence of nearly equal clouds below 0.
        let above = |i: usize| (i + 1..n).map(move |j| heatmap.values[i * n + j].max(0.0));
        let mut condensed: Vec<f64> = (0..n).flat_map(above).collect();
        let tree = linkage(&mut condensed, n, Method::Average);
        let square = (SIDE / n as i32).clamp(LEAST_SQUARE, LARGEST_SQUARE);
        let letter = (square - 2).clamp(7, 13);
        let labels: Vec<_> = heatmap.labels.iter().map(|label| end_of(label)).collect();
        let widths = labels.iter().map(|label| text_width(label, letter));
        Self {
            order: leaves(&tree, n),
            tree,
            square,
            letter,
            label: widths.max().unwrap_or(0),
            labels,
        }
    }

    /// Pixels of the matrix, either way.
    fn side(&self) -> i32 {
        self.square * self.order.len() as i32
    }

    fn left(&self) -> i32 {
        MARGIN + TREE + GAP
    }

    fn width(&self) -> i32 {
        (self.left() + self.side() + GAP + self.label + MARGIN).max(LEAST_WIDTH)
    }

    fn height(&self) -> i32 {
        HEAD + self.side() + GAP + self.label + MARGIN
    }

    fn draw(&self, heatmap: &Heatmap, page: &Page) -> Drawn {
        let title = font(18, FontStyle::Bold, INK).pos(Pos::new(HPos::Left, VPos::Center));
        let place = (MARGIN * FINE, 30 * FINE);
        page.draw(&Text::new(heatmap.title.to_owned(), place, title))?;
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
        let (n, square) = (self.order.len(), self.square * FINE);
        for (row, i) in self.order.iter().enumerate() {
            for (column, j) in self.order.iter().enumerate() {
                let x = self.left() * FINE + column as i32 * square;
                let y = HEAD * FINE + row as i32 * square;
                let colour = colour((heatmap.values[i * n + j] - low) / (high - low));
                let corners = [(x, y), (x + square, y + square)];
                page.draw(&Rectangle::new(corners, colour.filled()))?;
            }
        }
        let (left, top, step) = (self.left() * FINE, 54 * FINE, 2 * FINE);
        for shade in 0..SHADES {
            let x = left + shade * step;
            let colour = colour(f64::from(shade) / f64::from(SHADES - 1));
            let corners = [(x, top), (x + step, top + 12 * FINE)];
            page.draw(&Rectangle::new(corners, colour.filled()))?;
        }
        let write = |value: f64, x: i32| {
            let style = font(11, FontStyle::Normal, QUIET).pos(Pos::new(HPos::Left, VPos::Center));
            page.draw(&Text::new(
                report::short(value),
                (x, top + 22 * FINE),
                style,
            ))
        };
        write(low, left)?;
        write(high, left + SHADES * step - 24 * FINE)
    }

    /// The dendrogram: leaves at the matrix, and at the other end what was merged last.
    fn draw_tree(&self, page: &Page) -> Drawn {
        let n = self.order.len();
        let steps = self.tree.steps();
        let highest = steps.last().map_or(0.0, |step| step.dissimilarity);
        // Each cluster: the middle of its places, and at what dissimilarity it was merged.
        let mut clusters = vec![(0.0, 0.0); n];
        for (place, row) in self.order.iter().enumerate() {
            clusters[*row] = (place as f64 + 0.5, 0.0);
        }
        let x = |height: f64| {
            let share = if highest > 0.0 { height / highest } else { 0.0 };
            ((f64::from(MARGIN) + f64::from(TREE) * (1.0 - share)) * f64::from(FINE)) as i32
        };
        let y = |place: f64| {
            ((f64::from(HEAD) + place * f64::from(self.square)) * f64::from(FINE)) as i32
        };
        let style = ShapeStyle::from(INK.mix(0.7)).stroke_width(FINE as u32);
        for step in steps {
            let (one, other) = (clusters[step.cluster1], clusters[step.cluster2]);
            let height = step.dissimilarity;
            let line = [
                (x(one.1), y(one.0)),
                (x(height), y(one.0)),
                (x(height), y(other.0)),
                (x(other.1), y(other.0)),
            ];
            page.draw(&PathElement::new(line, style))?;
            clusters.push((0.5 * (one.0 + other.0), height));
        }
        Ok(())
    }

    /// The names, right of the rows and below the columns.
    fn draw_labels(&self, page: &Page) -> Drawn {
        for (place, row) in self.order.iter().enumerate() {
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

/// The rows in an order in which no branches cross.
fn leaves(tree: &Dendrogram<f64>, n: usize) -> Vec<usize> {
    let mut clusters: Vec<Vec<usize>> = (0..n).map(|row| vec![row]).collect();
    for step in tree.steps() {
        let mut merged = std::mem::take(&mut clusters[step.cluster1]);
        merged.append(&mut clusters[step.cluster2]);
        clusters.push(merged);
    }
    clusters.pop().unwrap_or_default()
}

/// From dark to light with equal steps for the eye; the middle where there is no number.
fn colour(share: f64) -> RGBColor {
    let share = if share.is_finite() { share } else { 0.5 };
    ViridisRGB.get_color_normalized(share as f32, 0.0, 1.0)
}

/// The end of a label, which tells files apart better than its beginning; XML has no place for
/// control characters.
fn end_of(label: &str) -> String {
    let letters: Vec<char> = label
        .chars()
        .filter(|letter| !letter.is_control())
        .collect();
    match letters.len().checked_sub(LETTERS) {
        Some(beyond @ 1..) => std::iter::once('…')
            .chain(letters[beyond + 1..].iter().copied())
            .collect(),
        _ => letters.into_iter().collect(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn drawn(values: &[f64], names: &[&str]) -> String {
        let labels: Vec<_> = names.iter().map(|name| Cow::Borrowed(*name)).collect();
        svg(&Heatmap {
            title: "distances",
            labels: &labels,
            values,
        })
        .unwrap()
    }

    /// The matrix of |x − y| for points of a line.
    fn line(places: &[f64]) -> Vec<f64> {
        let row = |x: &f64| places.iter().map(|y| (x - y).abs()).collect::<Vec<_>>();
        places.iter().flat_map(row).collect()
    }

    #[test]
    fn near_rows_stand_together() {
        let values = line(&[0.0, 9.0, 0.1, 9.2]);
        let labels = ["a", "b", "c", "d"].map(Cow::Borrowed);
        let heatmap = Heatmap {
            title: "",
            labels: &labels,
            values: &values,
        };
        let order = Layout::of(&heatmap).order;
        let place = |row| order.iter().position(|other| *other == row).unwrap() as i32;
        assert_eq!((place(0) - place(2)).abs(), 1);
        assert_eq!((place(1) - place(3)).abs(), 1);
    }

    #[test]
    fn every_entry_is_a_square_every_name_stands_twice_and_every_merger_is_drawn() {
        let text = drawn(&line(&[0.0, 3.0, 1.0]), &["one", "two", "a <third>"]);
        let count = |what: &str| text.matches(what).count();
        // Beside the page itself and the scale.
        assert_eq!(count("<rect") - SHADES as usize - 1, 9);
        assert_eq!((count("one\n"), count("&lt;third&gt;")), (2, 2));
        assert_eq!(count("<polyline"), 2);
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
