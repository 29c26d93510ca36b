//! What a picture draws below its heading: dots, arrows and axes.

use super::arrows::{self, Arrow};
use super::frame::{Frame, Room, extent};
use super::subject::{Matching, Picture, Shown};
use super::view::{Dot, Spot, View};
use super::wheel::Wheel;
use crate::canvas::{
    Anchor, Area, Axis, LETTER, Label, Place, Plot, Svg, Tick, WIDTH, px, text_width,
};
use maud::{Markup, PreEscaped, html};
use std::fmt::Write;
use std::ops::Range;

const MARGIN: f64 = 8.0;
/// Pixels between adjacent plots.
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
    /// Where its mass goes on average, for a source point that keeps most of it.
    image: Option<Spot>,
}

#[derive(Clone, PartialEq)]
enum Paint {
    /// The colour of its cloud.
    Cloud,
    /// The colour of a position in the source.
    Colour(String),
    /// A cross: less than half of its mass is matched.
    Lost,
}

/// Where the clouds are drawn.
#[derive(Clone, Copy, PartialEq)]
enum Layout {
    /// In one plot.
    Together,
    /// Each in its own plot, both with the same part of the plane.
    Beside,
    Below,
    /// Each in its own plot, with its own scale.
    Scales,
}

impl Layout {
    /// Whether the plot of the source shows both clouds.
    fn is_common(self) -> bool {
        self != Self::Scales
    }
}

/// A point with a smaller fraction of its mass matched is a cross.
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
        let Plots { source, target } = self.plots();
        let last = target.as_ref().unwrap_or(&source);
        let arrows = self.arrows(&source);
        let class = match self.coloured() {
            true => Class::Dot,
            false => Class::Ring,
        };
        let content = html! {
            (source.axes())
            @if let Some(target) = &target {
                (target.axes())
                @if self.layout.is_common() {
                    g class="other" { (self.dots(&source, &self.target, Class::Other)) }
                }
            }
            g class="first" { (self.dots(&source, &self.source, Class::Dot)) }
            g class="second" { (self.dots(last, &self.target, class)) }
            (arrows::draw(&arrows))
            (self.names(&source, target.as_ref()))
        };
        let Area { top, height, .. } = last.area;
        let svg = Svg {
            width: WIDTH,
            height: (top + height + last.x.room_below(LETTER) + MARGIN).ceil(),
            content,
        };
        (svg, self.shown(arrows.len()))
    }

    /// The arrows on the plot of the source, if it shows their tips.
    fn arrows(&self, plot: &Plot) -> Vec<Arrow> {
        if !self.layout.is_common() {
            return Vec::new();
        }
        let ends = |from, to| {
            let (from, to) = self.view.arrow(from, to);
            [plot.place(from), plot.place(to)]
        };
        let arrow = |mark: &Mark| Some(ends(mark.dot.at, mark.image?));
        let all: Vec<Arrow> = self.source.iter().filter_map(arrow).collect();
        let matched = self.target.iter().filter(|mark| mark.paint != Paint::Lost);
        let tips = matched.map(|mark| ends(mark.dot.at, mark.dot.at)[1]);
        arrows::chosen(&all, &tips.collect::<Vec<_>>())
    }

    /// The dots of a cloud on a plot.
    fn dots(&self, plot: &Plot, marks: &[Mark], class: Class) -> Markup {
        // With more dots, each is smaller.
        let count = self.source.len().max(self.target.len()).max(1);
        let radius = 2.4 * (1000.0 / count as f64).powf(0.25) * (plot.area.width / WIDTH).sqrt();
        let radius = radius.clamp(1.2, 4.5);
        let mut text = String::new();
        for mark in marks {
            let place = plot.place(self.view.strewn(&mark.dot));
            mark.draw(&mut text, place, radius * mark.dot.size, class);
        }
        PreEscaped(text)
    }

    /// Whether colours show positions.
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
            view: match self.layout.is_common() {
                true => self.view.note.clone(),
                false => {
                    let note = self.view.note.iter().map(String::as_str);
                    let words: Vec<_> = note.chain(["Each plot has a scale of its own."]).collect();
                    Some(words.join(" "))
                }
            },
        }
    }

    /// Where both clouds are drawn.
    fn plots(&self) -> Plots {
        let spots = |marks: &[Mark]| marks.iter().map(|mark| mark.dot.at).collect::<Vec<_>>();
        let (source, target) = (spots(&self.source), spots(&self.target));
        let shown = match self.layout {
            Layout::Scales => [source, target],
            _ => {
                let both = [source, target].concat();
                [both.clone(), both]
            }
        };
        let named = self.layout == Layout::Together && self.coloured();
        let heights = match self.layout {
            Layout::Together => 160.0..420.0,
            Layout::Beside => 160.0..340.0,
            Layout::Below | Layout::Scales => 110.0..240.0,
        };
        // Labels beside the plot take room that limits the ranges, and the ranges determine the labels.
        let mut beside = 0.0;
        let ([first, second], width) = loop {
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
            let sides = shown
                .each_ref()
                .map(|spots| Side::of(spots, &self.view, &room));
            let [one, other] = sides.each_ref().map(|side| side.y.room_beside(LETTER));
            let needed = one.max(other);
            if needed <= beside {
                break (sides, width);
            }
            beside = needed;
        };
        let above = first.y.room_above(LETTER) + self.raised(&first.y, width);
        let (left, top) = (MARGIN + beside, MARGIN + above);
        let mut below = top + first.height + second.y.room_above(LETTER) + 0.5 * LETTER;
        if self.layout == Layout::Scales {
            below += self.raised(&second.y, width);
        }
        let mut source = first.plot(left, top, width);
        let target = match self.layout {
            Layout::Together => None,
            Layout::Beside => {
                let mut target = second.plot(left + width + GAP, top, width);
                target.y = bare(&target.y);
                Some(target)
            }
            Layout::Below => {
                let mut target = second.plot(left, below, width);
                target.y.name.clear();
                source.x = bare(&source.x);
                Some(target)
            }
            Layout::Scales => Some(second.plot(left, below + first.x.room_below(LETTER), width)),
        };
        Plots { source, target }
    }

    /// Pixels by which the name of a cloud is above that of the vertical axis, where both would meet.
    fn raised(&self, y: &Axis, width: f64) -> f64 {
        let is_named =
            self.layout != Layout::Together && self.coloured() && self.view.dimension > 1;
        let end = text_width(&y.name, LETTER) - y.room_beside(LETTER);
        let start = 0.5 * (width - text_width("source", LETTER)) - LETTER;
        match is_named && !y.name.is_empty() && end > start {
            true => 1.3 * LETTER,
            false => 0.0,
        }
    }

    /// The names of the clouds, if colours do not distinguish them.
    fn names(&self, source: &Plot, target: Option<&Plot>) -> Markup {
        if !self.coloured() || self.view.dimension == 1 {
            return html! {};
        }
        let name = |words, at| {
            let label = Label::new(words, LETTER).class("name");
            label.anchor(Anchor::Middle).at(at)
        };
        let raised = self.raised(&source.y, source.area.width);
        let over = |area: &Area, raised: f64| {
            let middle = area.left + area.width / 2.0;
            (middle, area.top - 0.8 * LETTER - raised)
        };
        // Beside each other, both names are at one height.
        let of_target = match self.layout {
            Layout::Beside => raised,
            _ => target.map_or(0.0, |plot| self.raised(&plot.y, plot.area.width)),
        };
        html! {
            @if let Some(target) = target {
                (name("source", over(&source.area, raised)))
                (name("target", over(&target.area, of_target)))
            } @else {
                @for (words, marks) in [("source", &self.source), ("target", &self.target)] {
                    @if let Some(at) = above(source, marks) { (name(words, at)) }
                }
            }
        }
    }
}

/// The plot of the source, and that of the target if it is separate.
struct Plots {
    source: Plot,
    target: Option<Plot>,
}

/// The axes of a plot, and its height.
struct Side {
    x: Axis,
    y: Axis,
    height: f64,
}

impl Side {
    fn of(spots: &[Spot], view: &View, room: &Room) -> Self {
        let frame = Frame::around(spots.iter().copied(), view.dimension, room);
        let [x, y] = &view.labels;
        let mut y = frame.up(y, LETTER);
        if view.dimension == 1 {
            let levels = [(0.0, "source"), (1.0, "target")].into_iter();
            let tick = |(at, text): (f64, &str)| Tick {
                at,
                text: text.to_owned(),
            };
            y.ticks = levels.map(tick).collect();
        }
        Self {
            x: frame.across(x, [room.width, MARGIN], LETTER),
            y,
            height: frame.height,
        }
    }

    fn plot(&self, left: f64, top: f64, width: f64) -> Plot {
        Plot {
            area: Area {
                left,
                top,
                width,
                height: self.height,
            },
            x: self.x.clone(),
            y: self.y.clone(),
            letter: LETTER,
        }
    }
}

/// An axis without text.
fn bare(axis: &Axis) -> Axis {
    Axis {
        name: String::new(),
        ticks: Vec::new(),
        range: axis.range.clone(),
    }
}

/// The position above the middle of some dots, inside the plot.
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

    fn draw(&self, text: &mut String, (x, y): Place, radius: f64, class: Class) {
        let circle = format!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\"",
            px(x),
            px(y),
            px(radius)
        );
        // Writing to a string cannot fail.
        let _ = match (&self.paint, class) {
            (_, Class::Other) => write!(text, "{circle}/>"),
            (Paint::Cloud, Class::Ring) => write!(text, "{circle} class=\"ring\"/>"),
            (Paint::Cloud, Class::Dot) => write!(text, "{circle} class=\"faint\"/>"),
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
}

/// The dots of the source in the colours of their positions.
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

/// The dots of the target in the colours of the positions where their mass comes from.
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

/// The horizontal and vertical range of some dots.
fn box_of(dots: &[Dot]) -> Option<[Range<f64>; 2]> {
    let x = extent(dots.iter().map(|dot| dot.at.0))?;
    Some([x, extent(dots.iter().map(|dot| dot.at.1))?])
}

fn length(range: &Range<f64>) -> f64 {
    range.end - range.start
}

/// The overlap of two ranges, as a fraction of the narrower one.
fn common(one: &Range<f64>, other: &Range<f64>) -> f64 {
    let both = one.end.min(other.end) - one.start.max(other.start);
    let least = length(one).min(length(other));
    if least > 0.0 {
        (both / least).max(0.0)
    } else {
        f64::from(u8::from(both >= 0.0))
    }
}

impl Layout {
    /// Overlapping clouds are drawn in separate plots, side by side unless they are wide; clouds of very different
    /// sizes get separate scales.
    fn of(view: &View, source: &[Dot], target: &[Dot]) -> Self {
        let boxes = box_of(source).zip(box_of(target));
        let Some(([x, y], [u, v])) = boxes.filter(|_| view.dimension > 1) else {
            return Self::Together;
        };
        let (one, other) = (length(&x).max(length(&y)), length(&u).max(length(&v)));
        if one.min(other) > 0.0 && one.max(other) > MOST_APART * one.min(other) {
            return Self::Scales;
        }
        if common(&x, &u) * common(&y, &v) < LEAST_COMMON {
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

/// Boxes that overlap by less count as separate.
const LEAST_COMMON: f64 = 0.1;

/// If one cloud is this many times as large as the other, the other would be too small to see.
const MOST_APART: f64 = 6.0;

#[derive(Clone, Copy, PartialEq)]
enum Class {
    Dot,
    Ring,
    /// The other cloud in a plot.
    Other,
}
