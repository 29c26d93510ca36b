//! Clouds of the plane in panels side by side, as one SVG, for the examples.

use std::io;
use std::path::Path;
use svg::Document;
use svg::node::element::{Group, Path as Dots, Rectangle, Text, path::Data};

/// Okabe and Ito's blue, and their vermilion made pale for clouds in the background.
pub(crate) const BLUE: &str = "#0072b2";
pub(crate) const PALE: &str = "#f2bf99";

/// Clouds under a title, the last on top.
pub(crate) struct Panel {
    pub(crate) title: String,
    /// Points, n×2, and their colour.
    pub(crate) clouds: Vec<(Vec<f64>, &'static str)>,
}

const WIDTH: f64 = 320.0;
const TITLE: f64 = 26.0;
const GAP: f64 = 12.0;

/// Draws panels in rows of `columns`, all of them on one scale.
pub(crate) fn draw(path: &Path, columns: usize, panels: &[Panel]) -> io::Result<()> {
    let extent = |axis| {
        let clouds = panels.iter().flat_map(|panel| &panel.clouds);
        let values = clouds.flat_map(|(points, _)| points.iter().skip(axis).step_by(2));
        values.fold((f64::MAX, f64::MIN), |(low, high), &x| {
            (low.min(x), high.max(x))
        })
    };
    let ((left, right), (bottom, top)) = (extent(0), extent(1));
    let scale = (WIDTH - 2.0 * GAP) / (right - left);
    let height = (scale * (top - bottom) + 2.0 * GAP).round();
    // y points down in SVG, and more digits than can be seen only make the file larger.
    let tenths = |x: f64| (10.0 * x).round() / 10.0;
    let place = |x: &[f64]| {
        let across = GAP + scale * (x[0] - left);
        let down = GAP + scale * (top - x[1]);
        (tenths(across), tenths(down))
    };

    let page = (
        columns as f64 * (WIDTH + GAP) + GAP,
        panels.len().div_ceil(columns) as f64 * (TITLE + height) + GAP,
    );
    let mut document = Document::new()
        .set("width", page.0)
        .set("height", page.1)
        .set("viewBox", (0.0, 0.0, page.0, page.1))
        .add(rectangle(page).set("fill", "white"));
    for (k, panel) in panels.iter().enumerate() {
        let (row, column) = ((k / columns) as f64, (k % columns) as f64);
        let corner = (GAP + column * (WIDTH + GAP), TITLE + row * (TITLE + height));
        let title = Text::new(&panel.title)
            .set("y", -8)
            .set("font-family", "sans-serif")
            .set("font-size", 14)
            .set("fill", "#282828");
        let frame = rectangle((WIDTH, height))
            .set("fill", "none")
            .set("stroke", "#d0d0d0");
        let mut group = Group::new()
            .set("transform", format!("translate{corner:?}"))
            .add(title)
            .add(frame);
        for (points, colour) in &panel.clouds {
            // A dot is a line without length, with round ends.
            let dots = points.chunks_exact(2).fold(Data::new(), |dots, x| {
                dots.move_to(place(x)).horizontal_line_by(0)
            });
            group = group.add(
                Dots::new()
                    .set("d", dots)
                    .set("stroke", *colour)
                    .set("stroke-width", 4)
                    .set("stroke-linecap", "round"),
            );
        }
        document = document.add(group);
    }
    svg::save(path, &document)
}

fn rectangle(size: (f64, f64)) -> Rectangle {
    Rectangle::new().set("width", size.0).set("height", size.1)
}
