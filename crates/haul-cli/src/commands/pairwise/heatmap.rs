//! A symmetric matrix as a picture: a square for each entry, coloured by its value, and beside the rows the
//! dendrogram of their clustering, whose order of leaves is that of rows and columns.

use super::clusters::{Clusters, Merge};
use crate::canvas::{
    Anchor, Label, Place, Rgb, Svg, Tick, ink_on, line, linear, path, px, text_width, thinned,
    viridis, wrapped,
};
use crate::names::{common_extension, end_of};
use crate::number::short;
use maud::{Markup, html};
use std::fmt::Write;

/// The most clouds that fit on a page.
pub(super) const MOST_CLOUDS: usize = 400;

/// What to draw.
pub(super) struct Heatmap<'a> {
    /// What an entry is, with all parameters, for readers who see only the picture.
    pub(super) title: &'a str,
    pub(super) problem: &'a str,
    /// The names of the n rows and columns, n ≥ 1.
    pub(super) labels: &'a [&'a str],
    /// n×n, finite and symmetric.
    pub(super) values: &'a [f64],
    pub(super) clusters: &'a Clusters,
}

/// Pixels around everything, for the dendrogram, and between parts.
const MARGIN: f64 = 16.0;
const TREE: f64 = 120.0;
const GAP: f64 = 8.0;
/// Pixels below the dendrogram, for the scale of its heights.
const SCALE: f64 = 46.0;
/// Pixels of the matrix, if the limits on the size of squares allow it.
const SIDE: f64 = 640.0;
const LEAST_SQUARE: f64 = 12.0;
const LARGEST_SQUARE: f64 = 64.0;
/// Minimum width of the page in pixels, for the title.
const LEAST_WIDTH: f64 = 640.0;
/// Font size beside the matrix, and the minimum and maximum inside of it.
const LETTER: f64 = 14.0;
const LEAST_LETTER: f64 = 9.0;
const LARGEST_LETTER: f64 = 16.0;
/// Steps of the colour scale, and pixels of each.
const SHADES: usize = 64;
const SHADE: f64 = 3.0;
/// Most letters of a label; of longer ones the end is shown.
const LETTERS: usize = 36;

/// Draws the picture and returns the text of the SVG.
pub(super) fn svg(heatmap: &Heatmap) -> String {
    Layout::of(heatmap).draw(heatmap).file(1.0)
}

struct Layout<'a> {
    clusters: &'a Clusters,
    labels: Vec<String>,
    numbers: Option<Numbers>,
    range: (f64, f64),
    /// Pixels of a square, of a letter beside it, and of the longest label.
    square: f64,
    letter: f64,
    label: f64,
    /// Top of the matrix, below the heading.
    top: f64,
}

impl<'a> Layout<'a> {
    fn of(heatmap: &Heatmap<'a>) -> Self {
        let n = heatmap.labels.len();
        let square = (SIDE / n as f64)
            .floor()
            .clamp(LEAST_SQUARE, LARGEST_SQUARE);
        // The height of a line is 1.17 times the font size.
        let letter = (0.85 * square).min(LETTER);
        let extension = common_extension(heatmap.labels.iter().copied());
        let labels = heatmap.labels.iter().map(|label| {
            let stem = label.strip_suffix(extension).unwrap_or(label);
            end_of(stem, LETTERS)
        });
        let labels: Vec<_> = labels.collect();
        let widths = labels.iter().map(|label| text_width(label, letter));
        let values = heatmap.values.iter().copied();
        let range = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        Self {
            clusters: heatmap.clusters,
            numbers: Numbers::of(heatmap.values, square),
            range,
            square,
            letter,
            label: widths.fold(0.0, f64::max),
            labels,
            top: 0.0,
        }
    }

    /// Pixels of the matrix in each direction.
    fn side(&self) -> f64 {
        self.square * self.labels.len() as f64
    }

    fn left(&self) -> f64 {
        MARGIN + TREE + GAP
    }

    fn width(&self) -> f64 {
        (self.left() + self.side() + GAP + self.label + MARGIN).max(LEAST_WIDTH)
    }

    /// The centre of a square.
    fn middle(&self, row: usize, column: usize) -> Place {
        (
            self.left() + self.square * (column as f64 + 0.5),
            self.top + self.square * (row as f64 + 0.5),
        )
    }

    fn draw(mut self, heatmap: &Heatmap) -> Svg {
        let heading = self.heading(heatmap);
        Svg {
            width: self.width(),
            height: self.top + self.side() + GAP + self.label.max(SCALE) + MARGIN,
            content: html! {
                (heading)
                (self.squares(heatmap))
                (self.cells(heatmap))
                (self.tree())
                (self.scale())
                (self.names())
            },
        }
    }

    /// The title, and the meaning of colours and numbers.
    fn heading(&mut self, heatmap: &Heatmap) -> Markup {
        let room = self.width() - 2.0 * MARGIN;
        let mut y = MARGIN;
        let mut lines = Vec::new();
        for (words, letter, class) in [
            (heatmap.title, 18.0, "title"),
            (heatmap.problem, LETTER, "quiet"),
        ] {
            for words in wrapped(words, letter, room) {
                y += 0.7 * letter;
                lines.push(Label::new(&words, letter).class(class).at((MARGIN, y)));
                y += 0.7 * letter;
            }
        }
        y += LETTER;
        let (low, high) = self.range;
        let [low, high] = [low, high].map(short);
        let left = MARGIN + text_width(&low, LETTER) + GAP;
        let right = left + SHADES as f64 * SHADE + GAP;
        let unit = self.numbers.as_ref().and_then(Numbers::unit);
        self.top = y + 2.0 * LETTER;
        let word = |words, x| Label::new(words, LETTER).class("quiet").at((x, y));
        html! {
            @for line in lines { (line) }
            (word(&low, MARGIN))
            g shape-rendering="crispEdges" {
                @for shade in 0..SHADES {
                    rect x=(px(left + shade as f64 * SHADE)) y=(px(y - 6.0)) width=(px(SHADE)) height="12"
                        fill=(colour(shade).hex()) {}
                }
            }
            (word(&high, right))
            @if let Some(unit) = unit {
                (word(&unit, right + text_width(&high, LETTER) + 2.0 * GAP))
            }
        }
    }

    /// The step of the colour scale for a value; the middle one if all are equal.
    fn shade(&self, value: f64) -> usize {
        let (low, high) = self.range;
        let share = (value - low) / (high - low);
        let share = if share.is_finite() { share } else { 0.5 };
        (share * (SHADES - 1) as f64).round() as usize
    }

    /// The values in the order in which they are drawn, with row and column.
    fn entries<'h>(&'h self, heatmap: &'h Heatmap) -> impl Iterator<Item = (Place, f64)> + 'h {
        let order = &self.clusters.order;
        order.iter().enumerate().flat_map(move |(row, i)| {
            let values = heatmap
                .values
                .chunks_exact(order.len())
                .nth(*i)
                .unwrap_or_default();
            order
                .iter()
                .enumerate()
                .filter_map(move |(column, j)| Some((self.middle(row, column), *values.get(*j)?)))
        })
    }

    /// The squares, grouped by colour.
    fn squares(&self, heatmap: &Heatmap) -> Markup {
        let mut shades = vec![String::new(); SHADES];
        let side = px(self.square);
        for ((x, y), value) in self.entries(heatmap) {
            let (left, top) = (px(x - self.square / 2.0), px(y - self.square / 2.0));
            if let Some(text) = shades.get_mut(self.shade(value)) {
                // Writing to a string cannot fail.
                let _ = write!(text, "M{left} {top}h{side}v{side}h-{side}z");
            }
        }
        let shades = shades
            .iter()
            .enumerate()
            .filter(|(_, squares)| !squares.is_empty());
        html! {
            g shape-rendering="crispEdges" {
                @for (shade, squares) in shades { path fill=(colour(shade).hex()) d=(squares) {} }
            }
        }
    }

    /// The values in their squares, if they fit.
    fn cells(&self, heatmap: &Heatmap) -> Markup {
        let Some(numbers) = &self.numbers else {
            return html! {};
        };
        html! {
            @for ((x, y), value) in self.entries(heatmap) {
                text x=(px(x)) y=(px(y + 0.35 * numbers.letter)) font-size=(px(numbers.letter)) text-anchor="middle"
                    fill=(ink_on(colour(self.shade(value))).hex()) { (numbers.text(value)) }
            }
        }
    }

    /// The horizontal position of a height.
    fn across(&self, height: f64) -> f64 {
        let highest = self.highest();
        let share = if highest > 0.0 { height / highest } else { 0.0 };
        MARGIN + TREE * (1.0 - share)
    }

    fn highest(&self) -> f64 {
        self.clusters
            .merges
            .last()
            .map_or(0.0, |merge| merge.height)
    }

    /// The dendrogram, with the leaves at the matrix and the root at the other end.
    fn tree(&self) -> Markup {
        let Clusters { merges, order } = self.clusters;
        // The centre of each cluster, and the height of its merge.
        let mut clusters = vec![(0.0, 0.0); order.len()];
        for (place, row) in order.iter().enumerate() {
            clusters[*row] = (place as f64 + 0.5, 0.0);
        }
        let y = |place: f64| self.top + place * self.square;
        let mut lines = Vec::new();
        for Merge { pair, height, .. } in merges {
            let [one, other] = pair.map(|cluster| clusters[cluster]);
            let x = self.across(*height);
            lines.push(path([
                (self.across(one.1), y(one.0)),
                (x, y(one.0)),
                (x, y(other.0)),
                (self.across(other.1), y(other.0)),
            ]));
            clusters.push((0.5 * (one.0 + other.0), *height));
        }
        html! { @for line in lines { path class="tree" d=(line) {} } }
    }

    /// The scale of the heights, below the dendrogram.
    fn scale(&self) -> Markup {
        let highest = self.highest();
        if highest <= 0.0 {
            return html! {};
        }
        let y = self.top + self.side() + GAP;
        let heights = 0.0..highest;
        // The axis goes from right to left: its first label is at the right end.
        let ticks = thinned(
            |most| linear(&heights, most),
            4,
            &heights,
            [TREE, MARGIN],
            LETTER - 2.0,
        );
        let word = |words, anchor| {
            Label::new(words, LETTER - 2.0)
                .class("quiet")
                .anchor(anchor)
        };
        html! {
            (line("axis", (self.across(highest), y), (self.across(0.0), y)))
            @for Tick { at, text } in &ticks {
                @let x = self.across(*at);
                (line("axis", (x, y), (x, y + 4.0)))
                (word(text, Anchor::Middle).at((x, y + 13.0)))
            }
            (word("where groups join", Anchor::End).at((self.across(0.0), y + 31.0)))
        }
    }

    /// The names, right of the rows and below the columns.
    fn names(&self) -> Markup {
        let end = self.labels.len();
        html! {
            @for (place, row) in self.clusters.order.iter().enumerate() {
                @if let Some(words) = self.labels.get(*row) {
                    @let label = Label::new(words, self.letter);
                    @let (right, y) = self.middle(place, end);
                    (label.at((right - self.square / 2.0 + GAP, y)))
                    @let (x, below) = self.middle(end, place);
                    (label.downwards((x, below - self.square / 2.0 + GAP)))
                }
            }
        }
    }
}

/// How values are written in squares: in a common unit, with the same number of decimals.
struct Numbers {
    /// The unit, as a power of ten.
    power: i32,
    decimals: usize,
    letter: f64,
}

impl Numbers {
    /// Three digits for the largest value, or two if three do not fit in a square; `None` if two do not fit.
    fn of(values: &[f64], square: f64) -> Option<Self> {
        let largest = values
            .iter()
            .fold(0.0_f64, |largest, value| largest.max(value.abs()));
        // Below 1e-300 the reciprocal of the unit overflows.
        let whole = if largest > 1e-300 {
            largest.log10().floor() as i32
        } else {
            0
        };
        let thousands = 3 * whole.div_euclid(3);
        let three = (thousands, (2 - (whole - thousands)) as usize);
        [three, (whole - 1, 0)]
            .into_iter()
            .find_map(|(power, decimals)| {
                let mut numbers = Self {
                    power,
                    decimals,
                    letter: 1.0,
                };
                let widths = values
                    .iter()
                    .map(|value| text_width(&numbers.text(*value), 1.0));
                let widest = widths.fold(0.0, f64::max);
                numbers.letter = ((square - 4.0) / widest).min(LARGEST_LETTER);
                (numbers.letter >= LEAST_LETTER).then_some(numbers)
            })
    }

    fn text(&self, value: f64) -> String {
        let text = format!("{:.*}", self.decimals, value / 10f64.powi(self.power));
        match text.strip_prefix('-') {
            // No sign if all digits are zero.
            Some(digits) if digits.chars().all(|it| matches!(it, '0' | '.')) => digits.to_owned(),
            _ => text,
        }
    }

    /// The unit of the numbers, unless it is 1.
    fn unit(&self) -> Option<String> {
        (self.power != 0).then(|| format!("numbers in units of 1e{}", self.power))
    }
}

/// The colour of a step of the scale.
fn colour(shade: usize) -> Rgb {
    viridis(shade as f64 / (SHADES - 1) as f64)
}

#[cfg(test)]
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
    }

    /// The matrix of |x − y| for points on a line.
    fn line(places: &[f64]) -> Vec<f64> {
        let row = |x: &f64| places.iter().map(|y| (x - y).abs()).collect::<Vec<_>>();
        places.iter().flat_map(row).collect()
    }

    /// Each text: its words, its position and its font size.
    fn texts(svg: &str) -> Vec<(String, Place, f64)> {
        let texts = svg.split("<text ").skip(1).map(|text| {
            let value = |name: &str| -> f64 {
                let (_, rest) = text.split_once(&format!(" {name}=\"")).unwrap();
                rest.split('"').next().unwrap().parse().unwrap()
            };
            let text = text.replacen("x=", " x=", 1);
            let words = text.split_once('>').unwrap().1;
            let x = text.split_once(" x=\"").unwrap().1;
            let x = x.split('"').next().unwrap().parse().unwrap();
            let words = words.split('<').next().unwrap().to_owned();
            (words, (x, value("y")), value("font-size"))
        });
        texts.collect()
    }

    /// The squares: left, top and side.
    fn squares(svg: &str) -> Vec<[f64; 3]> {
        let paths = svg
            .split(" d=\"")
            .skip(1)
            .map(|path| path.split('"').next().unwrap());
        let squares = paths.filter(|path| path.contains('h')).flat_map(|path| {
            path.split('M').skip(1).map(|square| {
                let (corner, rest) = square.split_once('h').unwrap();
                let (left, top) = corner.split_once(' ').unwrap();
                let side = rest.split('v').next().unwrap();
                [left, top, side].map(|text| text.parse().unwrap())
            })
        });
        squares.collect()
    }

    #[test]
    fn every_entry_is_a_square_every_name_stands_twice_and_every_merger_is_drawn() {
        let text = drawn(
            &line(&[0.0, 3.0, 1.0]),
            &["x.csv", "y.csv", "a <third>.csv"],
        );
        let count = |what: &str| text.matches(what).count();
        assert_eq!(squares(&text).len(), 9);
        assert_eq!(
            (count(">x<"), count(">a &lt;third&gt;<"), count(".csv")),
            (2, 2, 0)
        );
        assert_eq!(count("class=\"tree\""), 2);
        assert!(text.contains("where groups join"));
        // If names have different extensions, these are kept.
        assert!(drawn(&line(&[0.0, 3.0]), &["x.csv", "x.ply"]).contains(">x.ply<"));
    }

    #[test]
    fn numbers_are_inside_of_their_squares_and_left_out_where_they_have_no_room() {
        let names: Vec<String> = (0..100).map(|k| format!("cloud {k}")).collect();
        for n in [2, 3, 5, 10, 20, 30, 60, 100] {
            let places: Vec<f64> = (0..n).map(|k| 0.012 * f64::from(k * k % 17)).collect();
            let names: Vec<&str> = names
                .iter()
                .take(places.len())
                .map(|name| &**name)
                .collect();
            let text = drawn(&line(&places), &names);
            let squares = squares(&text);
            assert_eq!(squares.len(), names.len().pow(2));
            let numbers = texts(&text).into_iter().filter(|(words, place, _)| {
                words.parse::<f64>().is_ok()
                    && squares.iter().any(|[left, top, side]| {
                        (0.0..*side).contains(&(place.0 - left))
                            && (0.0..*side).contains(&(place.1 - top))
                    })
            });
            let numbers: Vec<_> = numbers.collect();
            assert_eq!(numbers.len(), if n <= 30 { squares.len() } else { 0 });
            for (words, _, letter) in numbers {
                assert!(text_width(&words, letter) <= squares[0][2] && letter >= LEAST_LETTER);
            }
            assert!(text.len() < 1 << 20, "{} bytes for {n} clouds", text.len());
            // Letters of names do not overlap the next row.
            let name = texts(&text)
                .into_iter()
                .find(|text| text.0 == "cloud 1")
                .unwrap();
            assert!(name.2 >= LEAST_LETTER && name.2 < squares[0][2]);
        }
    }

    #[test]
    fn numbers_of_a_matrix_have_one_unit() {
        let numbers = Numbers::of(&[0.0, -1e-9, 0.0123, 0.000_46], 64.0).unwrap();
        let texts = [0.0, -1e-9, 0.0123, 0.000_46].map(|value| numbers.text(value));
        assert_eq!(texts, ["0.0", "0.0", "12.3", "0.5"]);
        assert_eq!(numbers.unit().unwrap(), "numbers in units of 1e-3");
        let numbers = Numbers::of(&[0.0, 999.0], 64.0).unwrap();
        assert_eq!(
            (numbers.text(999.0), numbers.unit()),
            ("999".to_owned(), None)
        );
        assert_eq!(Numbers::of(&[0.0], 64.0).unwrap().text(0.0), "0.00");
    }

    #[test]
    fn colours_become_lighter_step_by_step() {
        let light: Vec<f64> = (0..SHADES).map(|shade| colour(shade).luminance()).collect();
        assert!(light.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn matrices_without_contrast_and_of_any_size_are_drawn() {
        for values in [
            vec![0.0],
            vec![0.0; 4],
            line(&[1.0; 100]),
            line(&[1e-300, 3e-300]),
            line(&[0.0, 1e300]),
        ] {
            let names = vec!["same"; values.len().isqrt()];
            let text = drawn(&values, &names);
            assert!(!text.contains("NaN") && !text.contains("inf"));
        }
        let long = "a long folder/and in it a file/whose name goes on and on.ply";
        let text = drawn(&line(&[0.0, 1.0]), &[long, "\u{7}"]);
        assert!(text.contains("goes on and on.ply") && !text.contains("a long folder"));
    }
}
