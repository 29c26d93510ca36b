//! A transport as a picture: both clouds as dots and, from a spread-out choice of source points,
//! arrows to where their mass went, as one SVG that needs no fonts of its own.
//!
//! A plane is drawn as it is and a line as two levels. Points of more dimensions are projected on
//! the two principal axes of both clouds together, the plane in which they spread most (Pearson
//! 1901), found by power iteration.

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};
use std::{io, ops::Range};

/// What to draw; all clouds are row-major with `dimension` coordinates per point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Picture<'a> {
    /// What the picture shows, above it.
    pub(crate) title: &'a str,
    /// The numbers that go with it, below the title.
    pub(crate) subtitle: &'a str,
    /// The source points, `n × dimension`, `n ≥ 1`.
    pub(crate) source: &'a [f64],
    /// The target points, `m × dimension`, `m ≥ 1`.
    pub(crate) target: &'a [f64],
    /// The image of each source point, `n × dimension`.
    pub(crate) map: &'a [f64],
    /// Coordinates per point, at least 1.
    pub(crate) dimension: usize,
    /// The mass of each source point (`n`): the area of its dot.
    pub(crate) source_weights: &'a [f64],
    /// The mass of each target point (`m`): the area of its dot.
    pub(crate) target_weights: &'a [f64],
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum PictureError {
    /// An array's length does not fit the number of points: pass arrays that belong together.
    #[error("{array} has {found} values where {expected} are needed for the picture")]
    Length {
        /// The array.
        array: &'static str,
        /// Its length.
        found: usize,
        /// The length that would do.
        expected: usize,
    },
    /// A value is NaN, infinite or too large to square: remove it or rescale the clouds.
    #[error(
        "{array} holds {value} at index {index}, which cannot be drawn; remove it or rescale the clouds"
    )]
    Value {
        /// The array.
        array: &'static str,
        /// Position in the array, counted from 0.
        index: usize,
        /// What stands there.
        value: f64,
    },
    /// Points without coordinates have no place: pass at least one per point.
    #[error("the picture needs points of at least one coordinate")]
    Dimension,
    /// The drawing itself failed.
    #[error("the picture could not be drawn: {0}")]
    Drawing(String),
}

type Result<T> = std::result::Result<T, PictureError>;
pub(crate) type Drawn = std::result::Result<(), DrawingAreaErrorKind<io::Error>>;
pub(crate) type Page<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A point of the plane that is drawn.
type Spot = (f64, f64);

/// A point of the canvas.
type Place = (i32, i32);

/// Blue and vermilion of Okabe and Ito, told apart by every kind of colour vision.
const SOURCE: RGBColor = RGBColor(0, 114, 178);
const TARGET: RGBColor = RGBColor(213, 94, 0);
pub(crate) const INK: RGBColor = RGBColor(40, 40, 40);
pub(crate) const QUIET: RGBColor = RGBColor(110, 110, 110);

const MAX_DOTS: usize = 5000;
const MAX_ARROWS: usize = 300;
/// Drawn however long they are.
const MIN_ARROWS: f64 = 40.0;
/// Pixels of all arrows together, if that allows for more.
const MAX_INK: i32 = 14_000;
/// Beyond this, squares of squares leave float64.
const MAX_VALUE: f64 = 1e60;

/// The canvas has this many units to a pixel of the page, since plotters draws in whole units.
pub(crate) const FINE: i32 = 8;
const WIDTH: i32 = 960;
/// Pixels for the title, subtitle and legend.
const HEAD: i32 = 118;
const MARGIN: i32 = 28;
/// Pixels for the labels below and left of the plot.
const LABELS: i32 = 48;

/// Draws the picture and returns the text of the SVG.
///
/// # Errors
/// [`PictureError::Length`] where the arrays do not belong together, [`PictureError::Value`] for a
/// value that has no place on a page.
pub(crate) fn svg(picture: &Picture) -> Result<String> {
    check(picture)?;
    let view = View::of(picture);
    let source = view.dots(picture.source, picture.source_weights, 0.0);
    let target = view.dots(picture.target, picture.target_weights, 1.0);
    let arrows: Vec<(Spot, Spot)> = spread_out(&source)
        .into_iter()
        .filter_map(|dot| {
            let image = picture.map.chunks_exact(picture.dimension).nth(dot.index)?;
            Some(view.arrow(dot.at, view.spot(image, 1.0)))
        })
        .collect();
    let spots = source.iter().chain(&target).map(|dot| dot.at);
    let frame = Frame::around(spots.chain(arrows.iter().map(|arrow| arrow.1)), &view);
    let mut text = String::new();
    draw(picture, &view, &frame, &source, &target, &arrows, &mut text)
        .map_err(|error| PictureError::Drawing(error.to_string()))?;
    Ok(at_size(&text, WIDTH, frame.page_height()))
}

/// The text of an SVG whose fine canvas is shown at the size of its page, in pixels.
pub(crate) fn at_size(text: &str, width: i32, height: i32) -> String {
    let canvas = |unit| format!("width=\"{}\" height=\"{}\"", width * unit, height * unit);
    text.replacen(&canvas(FINE), &canvas(1), 1)
}

fn check(picture: &Picture) -> Result<()> {
    let Picture {
        source,
        target,
        map,
        dimension,
        ..
    } = *picture;
    if dimension == 0 {
        return Err(PictureError::Dimension);
    }
    let rows = |cloud: &[f64]| (cloud.len() / dimension).max(1);
    for (array, values, expected) in [
        ("source", source, rows(source) * dimension),
        ("target", target, rows(target) * dimension),
        ("map", map, source.len()),
        ("source weights", picture.source_weights, rows(source)),
        ("target weights", picture.target_weights, rows(target)),
    ] {
        if values.len() != expected {
            return Err(PictureError::Length {
                array,
                found: values.len(),
                expected,
            });
        }
        let wrong = |&(_, value): &(usize, &f64)| value.is_nan() || value.abs() > MAX_VALUE;
        if let Some((index, &value)) = values.iter().enumerate().find(wrong) {
            return Err(PictureError::Value {
                array,
                index,
                value,
            });
        }
    }
    Ok(())
}

/// The plane that is drawn: `centre + span(axes)`; a line has a second axis of zeros and levels
/// instead.
struct View {
    centre: Vec<f64>,
    axes: [Vec<f64>; 2],
    labels: [String; 2],
    dimension: usize,
}

/// A point to draw.
struct Dot {
    index: usize,
    at: Spot,
    /// Radius, relative to that of a point of mean mass.
    size: f64,
}

impl View {
    fn of(picture: &Picture) -> Self {
        let dimension = picture.dimension;
        let plane = |axes, labels: [&str; 2]| Self {
            centre: vec![0.0; dimension],
            axes,
            labels: labels.map(Into::into),
            dimension,
        };
        match dimension {
            1 => plane([vec![1.0], vec![0.0]], ["x", ""]),
            2 => plane([vec![1.0, 0.0], vec![0.0, 1.0]], ["x", "y"]),
            _ => Self::principal(picture),
        }
    }

    /// The plane of the two principal axes of both clouds, all points counting alike.
    fn principal(picture: &Picture) -> Self {
        let dimension = picture.dimension;
        let points = || {
            picture
                .source
                .chunks_exact(dimension)
                .chain(picture.target.chunks_exact(dimension))
        };
        let share = 1.0 / points().count() as f64;
        let mut centre = vec![0.0; dimension];
        for point in points() {
            centre
                .iter_mut()
                .zip(point)
                .for_each(|(sum, value)| *sum += share * value);
        }
        let mut covariance = vec![0.0; dimension * dimension];
        for point in points() {
            let offset: Vec<f64> = point
                .iter()
                .zip(&centre)
                .map(|(value, centre)| value - centre)
                .collect();
            for (row, &a) in covariance.chunks_exact_mut(dimension).zip(&offset) {
                row.iter_mut()
                    .zip(&offset)
                    .for_each(|(sum, b)| *sum += share * a * b);
            }
        }
        let total: f64 = covariance.iter().step_by(dimension + 1).sum();
        let (first, most) = principal_axis(&covariance, None);
        let (second, next) = principal_axis(&covariance, Some(&first));
        let label = |rank, variance: f64| {
            let percent = if total > 0.0 {
                100.0 * variance / total
            } else {
                0.0
            };
            format!("principal axis {rank} of {dimension} ({percent:.0} % of the variance)")
        };
        Self {
            centre,
            axes: [first, second],
            labels: [label(1, most), label(2, next)],
            dimension,
        }
    }

    /// Where a point is drawn; `level` is that of its cloud if this is a line.
    fn spot(&self, point: &[f64], level: f64) -> Spot {
        let [x, y] = self.axes.each_ref().map(|axis| {
            let offsets = point
                .iter()
                .zip(&self.centre)
                .map(|(value, centre)| value - centre);
            offsets
                .zip(axis)
                .map(|(offset, part)| offset * part)
                .sum::<f64>()
        });
        (x, if self.dimension == 1 { level } else { y })
    }

    /// The points to draw of a cloud, at most [`MAX_DOTS`] of them, evenly chosen.
    fn dots(&self, points: &[f64], weights: &[f64], level: f64) -> Vec<Dot> {
        let count = weights.len();
        let shown = count.min(MAX_DOTS);
        let mean = weights.iter().sum::<f64>() / count as f64;
        let massive = weights
            .iter()
            .enumerate()
            .zip(points.chunks_exact(self.dimension));
        massive
            .filter(|&((index, &weight), _)| {
                (index + 1) * shown / count > index * shown / count && weight > 0.0
            })
            .map(|((index, weight), point)| Dot {
                index,
                at: self.spot(point, level),
                size: (weight / mean).sqrt().clamp(0.35, 3.0),
            })
            .collect()
    }

    /// Where a dot is drawn: a little to the side if this is a line, so that a crowd looks like
    /// one.
    fn strewn(&self, dot: &Dot) -> Spot {
        if self.dimension == 1 {
            // Any value that has nothing to do with its neighbours'.
            let aside = LINE * ((dot.index as f64).sin() * 1e4).fract() / 2.0;
            (dot.at.0, dot.at.1 + aside)
        } else {
            dot.at
        }
    }

    /// From a dot to its image; between the lines if these are lines.
    fn arrow(&self, from: Spot, to: Spot) -> (Spot, Spot) {
        if self.dimension == 1 {
            ((from.0, 0.7 * LINE), (to.0, 1.0 - 0.7 * LINE))
        } else {
            (from, to)
        }
    }
}

/// Thickness of a line of strewn dots, where the two lines are 1 apart.
const LINE: f64 = 0.2;

/// The unit vector of largest variance, orthogonal to `other`, and its variance.
fn principal_axis(covariance: &[f64], other: Option<&Vec<f64>>) -> (Vec<f64>, f64) {
    let dimension = covariance.len().isqrt();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    // Rounding brings `other` back in, so that each step takes it out; `None` where nothing is
    // left.
    let cleaned = |mut vector: Vec<f64>| {
        if let Some(other) = other {
            let along = dot(&vector, other);
            vector
                .iter_mut()
                .zip(other)
                .for_each(|(value, part)| *value -= along * part);
        }
        let length = dot(&vector, &vector).sqrt();
        (length > 0.0).then(|| {
            vector
                .iter()
                .map(|value| value / length)
                .collect::<Vec<f64>>()
        })
    };
    let times = |vector: &[f64]| {
        covariance
            .chunks_exact(dimension)
            .map(|row| dot(row, vector))
            .collect::<Vec<f64>>()
    };
    // A start that no symmetry of the clouds makes orthogonal to the axis.
    let start = (0..dimension)
        .map(|k| 1.0 + 0.37 * (k as f64 * 1.7).sin())
        .collect();
    let mut axis: Vec<f64> = cleaned(start).unwrap_or_else(|| vec![0.0; dimension]);
    for _ in 0..500 {
        let Some(next) = cleaned(times(&axis)) else {
            break;
        };
        axis = next;
    }
    // Either sign would do; the same picture for the same clouds needs one of them.
    if axis
        .iter()
        .copied()
        .max_by(|a, b| a.abs().total_cmp(&b.abs()))
        .is_some_and(|value| value < 0.0)
    {
        axis.iter_mut().for_each(|value| *value = -*value);
    }
    let variance = dot(&axis, &times(&axis));
    (axis, variance)
}

/// At most [`MAX_ARROWS`] dots, each the farthest from those before it (Gonzalez 1985).
fn spread_out(dots: &[Dot]) -> Vec<&Dot> {
    let mut left: Vec<(&Dot, f64)> = dots.iter().map(|dot| (dot, f64::INFINITY)).collect();
    let mut chosen: Vec<&Dot> = Vec::new();
    while chosen.len() < MAX_ARROWS
        && let Some(&(farthest, gap)) = left.iter().max_by(|a, b| a.1.total_cmp(&b.1))
        && gap > 0.0
    {
        chosen.push(farthest);
        for (dot, gap) in &mut left {
            let (x, y) = (dot.at.0 - farthest.at.0, dot.at.1 - farthest.at.1);
            *gap = gap.min(x * x + y * y);
        }
    }
    chosen
}

/// What the plot shows: a range of both axes, the same length to a pixel on both unless one of them
/// is levels.
struct Frame {
    x: Range<f64>,
    y: Range<f64>,
    /// Pixels from the lowest to the highest `y`.
    height: i32,
}

impl Frame {
    fn around(spots: impl Iterator<Item = Spot> + Clone, view: &View) -> Self {
        let extent = |values: &mut dyn Iterator<Item = f64>| {
            let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| {
                (low.min(value), high.max(value))
            });
            if low > high {
                (0.0, 0.0)
            } else {
                (low / 2.0 + high / 2.0, 1.08 * (high - low))
            }
        };
        let (x, wide) = extent(&mut spots.clone().map(|spot| spot.0));
        let (y, high) = extent(&mut spots.map(|spot| spot.1));
        // Ticks need a span that the size of the numbers does not swallow.
        let least = (1e-9 * x.abs().max(y.abs())).max(1e-60);
        let span = |span: f64| if span > least { span } else { least.max(1.0) };
        let range = |middle: f64, span: f64| middle - span / 2.0..middle + span / 2.0;
        if view.dimension == 1 {
            return Self {
                x: range(x, span(wide)),
                y: -0.25..1.25,
                height: 380,
            };
        }
        let inner = f64::from(WIDTH - 2 * MARGIN - LABELS);
        let (wide, high) = if high > least {
            (wide, high)
        } else {
            (span(wide), 0.0)
        };
        let height = (inner * high / wide).clamp(300.0, 640.0).round();
        let pixel = (wide / inner).max(high / height);
        Self {
            x: range(x, pixel * inner),
            y: range(y, pixel * height),
            height: height as i32,
        }
    }

    fn page_height(&self) -> i32 {
        HEAD + self.height + LABELS + MARGIN
    }
}

/// A number on an axis of this span, with the digits that tell it from its neighbours.
fn tick(value: f64, span: f64) -> String {
    let step = span / 10.0;
    let value = if value.abs() < 1e-3 * step {
        0.0
    } else {
        value
    };
    let decimals = -step.log10().floor();
    if (-5.0..=4.0).contains(&decimals) {
        format!("{value:.*}", decimals.max(0.0) as usize)
    } else {
        format!("{value:.2e}")
    }
}

fn draw(
    picture: &Picture,
    view: &View,
    frame: &Frame,
    source: &[Dot],
    target: &[Dot],
    arrows: &[(Spot, Spot)],
    text: &mut String,
) -> Drawn {
    let (wide, high) = (frame.x.end - frame.x.start, frame.y.end - frame.y.start);
    let size = (WIDTH * FINE, frame.page_height() * FINE);
    let page = SVGBackend::with_string(text, (size.0 as u32, size.1 as u32)).into_drawing_area();
    page.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&page)
        .margin_top(HEAD * FINE)
        .margin_left(MARGIN * FINE)
        .margin_right(MARGIN * FINE)
        .margin_bottom(MARGIN * FINE)
        .x_label_area_size(LABELS * FINE)
        .y_label_area_size(LABELS * FINE)
        .build_cartesian_2d(frame.x.clone(), frame.y.clone())?;
    let level = |value: f64| match value {
        -0.01..0.01 => "source".into(),
        0.99..1.01 => "target".into(),
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .x_labels(9)
        .y_labels(if view.dimension == 1 { 2 } else { 7 })
        .max_light_lines(0)
        .bold_line_style(ShapeStyle::from(QUIET.mix(0.18)).stroke_width(FINE as u32))
        .axis_style(ShapeStyle::from(QUIET.mix(0.6)).stroke_width(FINE as u32))
        .label_style(font(12, FontStyle::Normal, QUIET))
        .axis_desc_style(font(13, FontStyle::Normal, INK))
        .set_all_tick_mark_size(4 * FINE)
        .x_desc(&view.labels[0])
        .y_desc(&view.labels[1])
        .x_label_formatter(&|value| tick(*value, wide))
        .y_label_formatter(&|value| {
            if view.dimension == 1 {
                level(*value)
            } else {
                tick(*value, high)
            }
        })
        .draw()?;
    let place = |spot: &Spot| chart.plotting_area().map_coordinate(spot);
    for (dots, colour) in [(source, SOURCE), (target, TARGET)] {
        let crowd = (1000.0 / dots.len().max(1) as f64).powf(0.25);
        let radius = f64::from(FINE) * (2.6 * crowd).clamp(1.6, 5.0);
        let style = colour.mix((0.5 * crowd).clamp(0.35, 0.7)).filled();
        for dot in dots {
            page.draw(&Circle::new(
                place(&view.strewn(dot)),
                radius * dot.size,
                style,
            ))?;
        }
    }
    let arrows: Vec<_> = arrows
        .iter()
        .map(|(from, to)| [place(from), place(to)])
        .collect();
    let arrows = legible(&arrows);
    for &[from, to] in arrows {
        arrow(&page, from, to)?;
    }
    heading(&page, picture, source.len(), target.len(), arrows.len())?;
    page.present()
}

/// As many of the arrows, which are spread out in this order, as do not cover the page in ink.
fn legible(arrows: &[[Place; 2]]) -> &[[Place; 2]] {
    let length = |&[(x0, y0), (x1, y1)]: &[Place; 2]| f64::from(x1 - x0).hypot(f64::from(y1 - y0));
    let total: f64 = arrows.iter().map(length).sum();
    let share = f64::from(MAX_INK * FINE) / total;
    let count = (share * arrows.len() as f64).max(MIN_ARROWS) as usize;
    arrows.get(..count).unwrap_or(arrows)
}

/// An arrow on the canvas; one that is shorter than a dot is wide says nothing and is left out.
fn arrow(page: &Page, from: Place, to: Place) -> Drawn {
    let (x, y) = (f64::from(to.0 - from.0), f64::from(to.1 - from.1));
    let length = x.hypot(y);
    if length < 3.0 * f64::from(FINE) {
        return Ok(());
    }
    let head = (9.0 * f64::from(FINE)).min(0.6 * length);
    let (x, y) = (head * x / length, head * y / length);
    let back = |aside: f64| {
        (
            to.0 - (x + aside * y).round() as i32,
            to.1 - (y - aside * x).round() as i32,
        )
    };
    let style = INK.mix(0.6);
    page.draw(&PathElement::new(
        [from, back(0.0)],
        ShapeStyle::from(style).stroke_width(FINE as u32),
    ))?;
    page.draw(&Polygon::new([to, back(0.36), back(-0.36)], style.filled()))
}

/// Title, subtitle and legend, above the plot.
fn heading(page: &Page, picture: &Picture, source: usize, target: usize, arrows: usize) -> Drawn {
    let write = |text: &str, size, weight, colour, (x, y): (i32, i32)| {
        // XML has no place for control characters.
        let text: String = text.chars().filter(|letter| !letter.is_control()).collect();
        let style =
            font(fitting(&text, size), weight, colour).pos(Pos::new(HPos::Left, VPos::Center));
        page.draw(&Text::new(text, (x * FINE, y * FINE), style))
    };
    write(picture.title, 20, FontStyle::Bold, INK, (MARGIN, 30))?;
    write(picture.subtitle, 13, FontStyle::Normal, QUIET, (MARGIN, 58))?;
    let points = |shown: usize, all: usize| {
        let of = if shown == all {
            String::new()
        } else {
            format!(" of {all}")
        };
        format!("{shown}{of} point{}", if all == 1 { "" } else { "s" })
    };
    let (n, m) = (picture.source_weights.len(), picture.target_weights.len());
    let y = 90;
    let mut x = MARGIN;
    for (label, colour) in [
        (format!("source: {}", points(source, n)), Some(SOURCE)),
        (format!("target: {}", points(target, m)), Some(TARGET)),
        (format!("where {} went", points(arrows, n)), None),
    ] {
        let mark = if let Some(colour) = colour {
            page.draw(&Circle::new(
                ((x + 5) * FINE, y * FINE),
                5 * FINE,
                colour.mix(0.8).filled(),
            ))?;
            10
        } else {
            arrow(page, (x * FINE, y * FINE), ((x + 28) * FINE, y * FINE))?;
            28
        };
        write(&label, 13, FontStyle::Normal, INK, (x + mark + 8, y))?;
        x += mark + 8 + text_width(&label, 13) + 24;
    }
    Ok(())
}

/// Plotters takes a size for 1.24 times what it then asks of the SVG.
pub(crate) fn font(size: i32, weight: FontStyle, colour: RGBColor) -> TextStyle<'static> {
    ("sans-serif", 1.24 * f64::from(size * FINE), weight)
        .into_font()
        .color(&colour)
}

/// About how many pixels a text takes: letters of a sans-serif face are on average 0.58 of their
/// size wide.
pub(crate) fn text_width(text: &str, size: i32) -> i32 {
    (text.chars().count() as f64 * f64::from(size) * 0.58) as i32
}

/// The size at which a text stays on the page, if that is less than `size`.
fn fitting(text: &str, size: i32) -> i32 {
    (size * (WIDTH - 2 * MARGIN) / text_width(text, size).max(1)).clamp(1, size)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn picture<'a>(
        dimension: usize,
        source: &'a [f64],
        target: &'a [f64],
        weights: &'a [f64],
    ) -> Picture<'a> {
        Picture {
            title: "a < b & \u{7}c",
            subtitle: "",
            source,
            target,
            map: source,
            dimension,
            source_weights: &weights[..source.len() / dimension],
            target_weights: &weights[..target.len() / dimension],
        }
    }

    fn count(text: &str, what: &str) -> usize {
        text.matches(what).count()
    }

    /// Values in [−1, 1] without a pattern.
    fn cloud(length: usize) -> Vec<f64> {
        (1..=length)
            .map(|k| ((k * k) as f64 * 0.731).sin())
            .collect()
    }

    #[test]
    fn each_point_is_a_dot_and_the_legend_says_how_many() {
        let (a, b, ones) = (cloud(60), cloud(80), [1.0; 40]);
        let text = svg(&picture(2, &a, &b, &ones)).unwrap();
        // One more of each colour stands in the legend.
        assert_eq!(count(&text, "<circle"), 30 + 40 + 2);
        assert_eq!(count(&text, "#0072B2"), 31);
        assert!(text.contains("source: 30 points") && text.contains("target: 40 points"));
        assert!(text.starts_with("<svg width=\"960\" height=\""));
        assert!(text.contains("a &lt; b &amp; c"));
    }

    #[test]
    fn a_large_cloud_is_thinned_and_the_legend_says_so() {
        let (a, ones) = (cloud(2 * 12_345), [1.0; 12_345]);
        let text = svg(&picture(2, &a, &a, &ones)).unwrap();
        assert_eq!(count(&text, "<circle"), 2 * MAX_DOTS + 2);
        assert!(text.contains("source: 5000 of 12345 points"));
        assert!(text.contains("where 300 of 12345 points went"));
    }

    #[test]
    fn points_without_mass_are_not_drawn() {
        let a = [0.0, 0.0, 1.0, 1.0];
        let text = svg(&Picture {
            source_weights: &[0.0, 2.0],
            ..picture(2, &a, &a, &[1.0; 2])
        })
        .unwrap();
        assert_eq!(count(&text, "#0072B2"), 2);
    }

    #[test]
    fn long_arrows_are_fewer() {
        let (a, ones) = (cloud(2 * 300), [1.0; 300]);
        let far: Vec<f64> = a.iter().map(|value| value + 5.0).collect();
        let text = svg(&Picture {
            map: &far,
            ..picture(2, &a, &far, &ones)
        })
        .unwrap();
        let heads = count(&text, "<polygon") - 1;
        assert!(
            (MIN_ARROWS as usize..MAX_ARROWS / 2).contains(&heads),
            "{heads}"
        );
    }

    #[test]
    fn a_projection_is_named_and_finds_the_widest_plane() {
        // Variances 4 : 1 : 0.005 along the diagonals of the first two axes and along the last.
        let wide: Vec<f64> = cloud(900)
            .chunks_exact(3)
            .flat_map(|u| [2.0 * u[0] - u[1], 2.0 * u[0] + u[1], 0.1 * u[2]])
            .collect();
        let ones = [1.0; 300];
        let picture = picture(3, &wide, &wide, &ones);
        let view = View::of(&picture);
        let expected = [
            [0.5_f64.sqrt(), 0.5_f64.sqrt(), 0.0],
            [-(0.5_f64.sqrt()), 0.5_f64.sqrt(), 0.0],
        ];
        for (axis, expected) in view.axes.iter().zip(expected) {
            let along: f64 = axis.iter().zip(expected).map(|(a, b)| a * b).sum();
            assert!(along.abs() > 0.99, "{axis:?}");
        }
        let dot: f64 = view.axes[0]
            .iter()
            .zip(&view.axes[1])
            .map(|(a, b)| a * b)
            .sum();
        assert!(dot.abs() < 1e-14);
        assert!(svg(&picture).unwrap().contains("principal axis 2 of 3 ("));
    }

    #[test]
    fn a_line_is_drawn_as_two_levels() {
        let text = svg(&picture(1, &cloud(9), &cloud(7), &[1.0; 9])).unwrap();
        assert!(text.contains("\nsource\n") && text.contains("\ntarget\n"));
    }

    #[test]
    fn clouds_without_extent_and_of_any_size_are_drawn() {
        for scale in [0.0, 1e-300, 1e-61, 1e-9, 1.0, 1e9, 1e59] {
            for offset in [0.0, 1e-30, 1.0, 1e17, 1e59] {
                for dimension in [1, 2, 3, 5] {
                    let a: Vec<f64> = cloud(6 * dimension)
                        .iter()
                        .map(|value| offset + scale * value)
                        .collect();
                    let text = svg(&picture(dimension, &a, &a, &[1.0; 6])).unwrap();
                    assert!(
                        !text.contains("NaN") && !text.contains("inf"),
                        "{scale} {offset} {dimension}"
                    );
                }
            }
        }
        // All on one line of the plane.
        for a in [[0.0, 1.0, 0.0, 2.0], [1.0, 0.0, 2.0, 0.0]] {
            svg(&picture(2, &a, &a, &[1.0; 2])).unwrap();
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_an_error() {
        let (a, ones) = ([0.0, 1.0, f64::NAN, 1.0], [1.0; 2]);
        let text = |picture: &Picture| svg(picture).unwrap_err().to_string();
        assert_eq!(
            text(&picture(2, &a, &a, &ones)),
            "source holds NaN at index 2, which cannot be drawn; remove it or rescale the clouds"
        );
        let b = [0.0, 1.0, 1e61, 1.0];
        assert!(text(&picture(2, &b, &b, &ones)).contains("at index 2"));
        let good = [0.0, 1.0, 2.0, 1.0];
        assert_eq!(
            text(&Picture {
                map: &good[..2],
                ..picture(2, &good, &good, &ones)
            }),
            "map has 2 values where 4 are needed for the picture"
        );
        for dimension in [0, 3, 5] {
            let _ = text(&Picture {
                dimension,
                ..picture(2, &good, &good, &ones)
            });
        }
        let _ = text(&Picture {
            source: &[],
            map: &[],
            source_weights: &[],
            ..picture(2, &good, &good, &ones)
        });
        let _ = text(&Picture {
            target_weights: &[],
            ..picture(2, &good, &good, &ones)
        });
    }
}
