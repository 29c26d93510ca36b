//! All that a picture draws below its heading: dots, arrows and axes.

use super::arrows::{self, Arrow};
use super::frame::{Frame, Room, extent};
use super::subject::{Matching, Picture, Shown};
use super::view::{Dot, Spot, View};
use super::wheel::Wheel;
use crate::canvas::{Anchor, Area, Axis, LETTER, Label, Place, Plot, Svg, Tick, WIDTH, px};
use maud::{Markup, PreEscaped, html};
use std::fmt::Write;

const MARGIN: f64 = 8.0;
/// Between plots beside each other.
const GAP: f64 = 20.0;

pub(super) struct Scene {
    view: View,
    source: Vec<Mark>,
    target: Vec<Mark>,
    layout: Layout,
}

/// A point as it is drawn.
struct Mark {
    dot: Dot,
    paint: Paint,
    /// Where its mass goes on average, of a source point that keeps most of it.
    image: Option<Spot>,
}

#[derive(Clone, PartialEq)]
enum Paint {
    /// That of its cloud.
    Cloud,
    /// That of a place in the source.
    Colour(String),
    /// A cross: less than half of its mass is matched.
    Lost,
}

/// Where the clouds are drawn.
#[derive(Clone, Copy, PartialEq)]
enum Layout {
    /// In one plot.
    Together,
    /// Each in a plot of its own.
    Beside,
    Below,
}

/// Less of its mass, and a point is a cross.
const LEAST_SHARE: f64 = 0.5;

impl Scene {
    pub(super) fn of(picture: &Picture) -> Self {
        let view = View::of(picture);
        let source = view.dots(picture.source, picture.source_weights, 0.0);
        let target = view.dots(picture.target, picture.target_weights, 1.0);
        let Some(matching) = picture.matching else {
            let marks = |dots: Vec<Dot>| dots.into_iter().map(Mark::of_a_cloud).collect();
            return Self {
                view,
                source: marks(source),
                target: marks(target),
                layout: Layout::Together,
            };
        };
        let layout = Layout::of(&view, &source, &target);
        let wheel = Wheel::over(source.iter().map(|dot| dot.at));
        Self {
            source: sent(&view, &wheel, matching, source),
            target: received(&view, &wheel, matching, target),
            view,
            layout,
        }
    }

    pub(super) fn draw(&self) -> (Svg, Shown) {
        let plots = self.plots();
        let (Some(first), Some(last)) = (plots.first(), plots.last()) else {
            let nothing = Svg {
                width: WIDTH,
                height: 0.0,
                content: html! {},
            };
            return (nothing, self.shown(0));
        };
        let place = |plot: &Plot, mark: &Mark| plot.place(self.view.strewn(&mark.dot));
        let matched = |mark: &&Mark| mark.paint != Paint::Lost;
        let heads: Vec<Place> = self
            .target
            .iter()
            .filter(matched)
            .map(|mark| first.place(mark.dot.at))
            .collect();
        let arrow = |mark: &Mark| -> Option<Arrow> {
            let (from, to) = self.view.arrow(mark.dot.at, mark.image?);
            Some([first.place(from), first.place(to)])
        };
        let all: Vec<Arrow> = self.source.iter().filter_map(arrow).collect();
        // On the two levels of a line, arrows end between these.
        let heads = match self.view.dimension {
            1 => heads
                .iter()
                .map(|head| (head.0, all.first().map_or(0.0, |arrow| arrow[1].1)))
                .collect(),
            _ => heads,
        };
        let arrows = arrows::chosen(&all, &heads);
        let marks = |plot: &Plot, marks: &[Mark], class| {
            let count = self.source.len().max(self.target.len()).max(1);
            let radius =
                2.4 * (1000.0 / count as f64).powf(0.25) * (plot.area.width / WIDTH).sqrt();
            let radius = radius.clamp(1.2, 4.5);
            let places = marks
                .iter()
                .map(|mark| (mark, place(plot, mark), radius * mark.dot.size));
            draw_marks(places, class)
        };
        let apart = plots.len() > 1;
        let content = html! {
            @for plot in &plots { (plot.axes()) }
            @if apart { g class="other" { (marks(first, &self.target, Class::Other)) } }
            g class="first" { (marks(first, &self.source, Class::Dot)) }
            g class="second" {
                (marks(last, &self.target, if self.coloured() { Class::Dot } else { Class::Ring }))
            }
            (arrows::draw(&arrows))
            (self.names(&plots))
        };
        let bottom = last.area.top + last.area.height + last.x.room_below(LETTER) + MARGIN;
        let svg = Svg {
            width: WIDTH,
            height: bottom.ceil(),
            content,
        };
        (svg, self.shown(arrows.len()))
    }

    /// Whether colours tell of places.
    fn coloured(&self) -> bool {
        let mut marks = self.source.iter().chain(&self.target);
        marks.any(|mark| mark.paint != Paint::Cloud)
    }

    fn shown(&self, arrows: usize) -> Shown {
        let marks = self.source.iter().chain(&self.target);
        Shown {
            source: self.source.len(),
            target: self.target.len(),
            arrows,
            lost: marks.filter(|mark| mark.paint == Paint::Lost).count(),
            view: self.view.note.clone(),
        }
    }

    /// One plot, or that of the source and that of the target; all show the same part of the plane.
    fn plots(&self) -> Vec<Plot> {
        let spots = self
            .source
            .iter()
            .chain(&self.target)
            .map(|mark| mark.dot.at);
        let named = self.layout == Layout::Together && self.coloured();
        let heights = match self.layout {
            Layout::Together => 160.0..420.0,
            Layout::Beside => 160.0..340.0,
            Layout::Below => 110.0..240.0,
        };
        // Labels beside the plot take room, which decides about the ranges, and these about the labels.
        let mut beside = 0.0;
        let (frame, x, y, width) = loop {
            let inner = WIDTH - 2.0 * MARGIN - beside;
            let width = match self.layout {
                Layout::Beside => (inner - GAP) / 2.0,
                _ => inner,
            };
            let room = Room {
                width,
                heights: heights.clone(),
                air: if named { 1.6 * LETTER } else { 0.0 },
            };
            let frame = Frame::around(spots.clone(), self.view.dimension, &room);
            let [x, y] = &self.view.labels;
            let x = frame.across(x, width, LETTER);
            let mut y = frame.up(y, LETTER);
            if self.view.dimension == 1 {
                y.ticks = [(0.0, "source"), (1.0, "target")]
                    .map(|(at, text)| Tick {
                        at,
                        text: text.to_owned(),
                    })
                    .to_vec();
            }
            let needed = y.room_beside(LETTER);
            if needed <= beside {
                break (frame, x, y, width);
            }
            beside = needed;
        };
        let area = |left, top| Area {
            left,
            top,
            width,
            height: frame.height,
        };
        let bare = |axis: &Axis| Axis {
            name: String::new(),
            ticks: Vec::new(),
            ..axis.clone()
        };
        let plot = |area, x: &Axis, y: &Axis| Plot {
            area,
            x: x.clone(),
            y: y.clone(),
            letter: LETTER,
        };
        let (left, top) = (MARGIN + beside, MARGIN + y.room_above(LETTER));
        match self.layout {
            Layout::Together => vec![plot(area(left, top), &x, &y)],
            Layout::Beside => vec![
                plot(area(left, top), &x, &y),
                plot(area(left + width + GAP, top), &x, &bare(&y)),
            ],
            Layout::Below => {
                let below = top + frame.height + y.room_above(LETTER) + 0.5 * LETTER;
                let nameless = Axis {
                    name: String::new(),
                    ..y.clone()
                };
                vec![
                    plot(area(left, top), &bare(&x), &y),
                    plot(area(left, below), &x, &nameless),
                ]
            }
        }
    }

    /// Which cloud is which, where colours do not tell it.
    fn names(&self, plots: &[Plot]) -> Markup {
        if !self.coloured() || self.view.dimension == 1 {
            return html! {};
        }
        let name = |words| {
            Label::new(words, LETTER)
                .class("name")
                .anchor(Anchor::Middle)
        };
        let clouds = [("source", &self.source), ("target", &self.target)];
        html! {
            @for (place, (words, marks)) in clouds.into_iter().enumerate() {
                @if let [plot] = plots {
                    @if let Some(at) = above(plot, marks) { (name(words).at(at)) }
                } @else if let Some(Plot { area, .. }) = plots.get(place) {
                    (name(words).at((area.left + area.width / 2.0, area.top - 0.8 * LETTER)))
                }
            }
        }
    }
}

/// Above the middle of some dots, within the plot.
fn above(plot: &Plot, marks: &[Mark]) -> Option<Place> {
    let places = || marks.iter().map(|mark| plot.place(mark.dot.at));
    let x = extent(places().map(|place| place.0))?;
    let y = extent(places().map(|place| place.1))?;
    let half = 2.2 * LETTER;
    let Area {
        left, width, top, ..
    } = plot.area;
    let middle = (x.start / 2.0 + x.end / 2.0).clamp(left + half, left + width - half);
    Some((middle, (y.start - 0.9 * LETTER).max(top + 0.6 * LETTER)))
}

impl Mark {
    fn of_a_cloud(dot: Dot) -> Self {
        Self {
            dot,
            paint: Paint::Cloud,
            image: None,
        }
    }
}

/// The dots of the source in the colours of their places.
fn sent(view: &View, wheel: &Wheel, matching: &Matching, dots: Vec<Dot>) -> Vec<Mark> {
    let mark = |dot: Dot| {
        let lost = matching
            .sent
            .get(dot.index)
            .is_some_and(|share| *share < LEAST_SHARE);
        let image = matching.images.chunks_exact(view.dimension).nth(dot.index);
        Mark {
            image: image.filter(|_| !lost).map(|image| view.spot(image, 1.0)),
            paint: match lost {
                true => Paint::Lost,
                false => Paint::Colour(wheel.colour(dot.at).hex()),
            },
            dot,
        }
    };
    dots.into_iter().map(mark).collect()
}

/// The dots of the target in the colours of the places where their mass comes from.
fn received(view: &View, wheel: &Wheel, matching: &Matching, dots: Vec<Dot>) -> Vec<Mark> {
    let mark = |dot: Dot| {
        let lost = matching
            .received
            .get(dot.index)
            .is_some_and(|share| *share < LEAST_SHARE);
        let origin = matching.origins.chunks_exact(view.dimension).nth(dot.index);
        Mark {
            paint: match origin.filter(|_| !lost) {
                Some(origin) => Paint::Colour(wheel.colour(view.spot(origin, 0.0)).hex()),
                None => Paint::Lost,
            },
            image: None,
            dot,
        }
    };
    dots.into_iter().map(mark).collect()
}

impl Layout {
    /// Clouds that lie on each other are drawn apart, beside each other unless they are wide.
    fn of(view: &View, source: &[Dot], target: &[Dot]) -> Self {
        let box_of = |dots: &[Dot]| {
            let x = extent(dots.iter().map(|dot| dot.at.0));
            x.zip(extent(dots.iter().map(|dot| dot.at.1)))
        };
        let (Some((x, y)), Some((u, v))) = (box_of(source), box_of(target)) else {
            return Self::Together;
        };
        // Of the narrower one of two ranges, what is in the other as well.
        let common = |a: &std::ops::Range<f64>, b: &std::ops::Range<f64>| {
            let both = a.end.min(b.end) - a.start.max(b.start);
            let least = (a.end - a.start).min(b.end - b.start);
            if least > 0.0 {
                both / least
            } else {
                f64::from(u8::from(both >= 0.0))
            }
        };
        let (across, up) = (common(&x, &u), common(&y, &v));
        if view.dimension == 1 || across <= 0.0 || up <= 0.0 || across * up < LEAST_COMMON {
            return Self::Together;
        }
        let wide = x.end.max(u.end) - x.start.min(u.start);
        let high = y.end.max(v.end) - y.start.min(v.start);
        if high > 0.7 * wide {
            Self::Beside
        } else {
            Self::Below
        }
    }
}

/// Boxes with less in common are apart.
const LEAST_COMMON: f64 = 0.1;

#[derive(Clone, Copy, PartialEq)]
enum Class {
    Dot,
    Ring,
    /// What is there beside the cloud that a plot is about.
    Other,
}

fn draw_marks<'m>(marks: impl Iterator<Item = (&'m Mark, Place, f64)>, class: Class) -> Markup {
    let mut text = String::new();
    for (mark, (x, y), radius) in marks {
        let circle = format!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\"",
            px(x),
            px(y),
            px(radius)
        );
        // Writing to a string cannot fail.
        let _ = match (&mark.paint, class) {
            (_, Class::Other) => write!(text, "{circle}/>"),
            (Paint::Cloud, Class::Ring) => write!(text, "{circle} class=\"ring\"/>"),
            (Paint::Cloud, _) => write!(text, "{circle} class=\"faint\"/>"),
            (Paint::Colour(colour), _) => write!(text, "{circle} fill=\"{colour}\"/>"),
            (Paint::Lost, _) => {
                let arm = px(1.4 * radius);
                let (left, top) = (px(x - 0.7 * radius), px(y - 0.7 * radius));
                write!(
                    text,
                    "<path class=\"lost\" d=\"M{left} {top}l{arm} {arm}m0 -{arm}l-{arm} {arm}\"/>"
                )
            }
        };
    }
    PreEscaped(text)
}
