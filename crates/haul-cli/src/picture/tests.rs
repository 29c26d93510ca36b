use super::arrows::{MAX_ARROWS, REACH};
use super::subject::Result;
use super::view::{MAX_DOTS, View};
use super::*;
use crate::canvas::{LETTER, Place};

/// A matching in which each point keeps its mass and is matched with the point of the same index in the other cloud,
/// or with itself if there is none.
fn matching(source: &[f64], target: &[f64], dimension: usize) -> Matching {
    let along = |cloud: &[f64], other: &[f64]| -> Vec<f64> {
        let rows = cloud.chunks_exact(dimension).enumerate();
        let image = |(i, row)| other.chunks_exact(dimension).nth(i).unwrap_or(row);
        rows.flat_map(image).copied().collect()
    };
    Matching {
        images: along(source, target),
        origins: along(target, source),
        sent: vec![1.0; source.len() / dimension],
        received: vec![1.0; target.len() / dimension],
    }
}

fn picture<'a>(
    dimension: usize,
    source: &'a [f64],
    target: &'a [f64],
    weights: &'a [f64],
    matching: &'a Matching,
) -> Picture<'a> {
    Picture {
        source,
        target,
        matching: Some(matching),
        dimension,
        source_weights: &weights[..source.len() / dimension],
        target_weights: &weights[..target.len() / dimension],
    }
}

fn drawn(picture: &Picture) -> Result<String> {
    let heading = Heading {
        title: "a < b & \u{7}c",
        subtitle: "",
    };
    svg(picture, &heading)
}

fn count(text: &str, what: &str) -> usize {
    text.matches(what).count()
}

/// Pseudo-random values in [−1, 1].
fn cloud(length: usize) -> Vec<f64> {
    (1..=length)
        .map(|k| ((k * k) as f64 * 0.731).sin())
        .collect()
}

/// The same cloud, moved along all axes.
fn moved(cloud: &[f64], by: f64) -> Vec<f64> {
    cloud.iter().map(|value| value + by).collect()
}

/// The values of an attribute.
fn attributes<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let before = format!(" {name}=\"");
    let pieces = text.split(&*before).skip(1);
    pieces
        .map(|piece| piece.split('"').next().unwrap())
        .collect()
}

/// The dots: their positions and their own colours, if any.
fn dots(text: &str) -> Vec<(Place, Option<&str>)> {
    let circles = text
        .split("<circle")
        .skip(1)
        .map(|rest| rest.split('>').next().unwrap());
    let circles = circles.map(|circle| {
        let number = |name: &str| attributes(circle, name)[0].parse().unwrap();
        let place = (number("cx"), number("cy"));
        (place, attributes(circle, "fill").first().copied())
    });
    circles.collect()
}

/// The arrows: their tails and tips.
fn arrows(text: &str) -> Vec<[Place; 2]> {
    let paths = text.split("<path class=\"arrow\"").skip(1);
    let arrows = paths.map(|path| {
        let moves = attributes(path, "d")[0].split('M').skip(1);
        let starts = moves.map(|it| {
            let place = it.split(['L', 'Z']).next().unwrap();
            let (x, y) = place.split_once(' ').unwrap();
            (x.parse().unwrap(), y.parse().unwrap())
        });
        let starts: Vec<Place> = starts.collect();
        [starts[0], starts[1]]
    });
    arrows.collect()
}

fn distance(one: Place, other: Place) -> f64 {
    (one.0 - other.0).hypot(one.1 - other.1)
}

#[test]
fn each_point_is_a_dot_and_the_heading_says_how_many() {
    let (a, b, ones) = (cloud(60), moved(&cloud(80), 4.0), [1.0; 40]);
    let text = drawn(&picture(2, &a, &b, &ones, &matching(&a, &b, 2))).unwrap();
    assert_eq!(dots(&text).len(), 30 + 40);
    let words = text.split('<').filter_map(|it| it.split_once('>'));
    let words: Vec<&str> = words.map(|it| it.1).collect();
    let plain = words.join(" ");
    let plain: Vec<&str> = plain.split_whitespace().collect();
    let plain = plain.join(" ");
    assert!(
        plain.contains("source points (30)") && plain.contains("Target points (40)"),
        "{plain}"
    );
    assert!(text.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
    assert!(text.contains("a &lt; b &amp; c"));
}

#[test]
fn a_large_cloud_is_thinned_and_the_heading_says_so() {
    let (a, ones) = (cloud(2 * 12_345), [1.0; 12_345]);
    let b = moved(&a, 4.0);
    let of = matching(&a, &b, 2);
    let picture = picture(2, &a, &b, &ones, &of);
    let text = drawn(&picture).unwrap();
    assert_eq!(dots(&text).len(), 2 * MAX_DOTS);
    assert!(text.contains("2000 of 12345"));
    assert!(text.len() < 300_000, "{} bytes", text.len());
    assert_eq!(text, drawn(&picture).unwrap());
}

#[test]
fn points_without_mass_are_not_drawn() {
    let a = [0.0, 0.0, 1.0, 1.0];
    let text = drawn(&Picture {
        source_weights: &[0.0, 2.0],
        ..picture(2, &a, &moved(&a, 4.0), &[1.0; 2], &matching(&a, &a, 2))
    })
    .unwrap();
    assert_eq!(dots(&text).len(), 1 + 2);
}

#[test]
fn a_target_point_has_the_colour_of_the_place_where_its_mass_comes_from() {
    let (a, ones) = (cloud(2 * 50), [1.0; 50]);
    // The same points in another order, far away.
    let mut far = moved(&a, 4.0);
    far.rotate_left(2 * 7);
    let mut of = matching(&a, &far, 2);
    of.origins.copy_from_slice(&moved(&far, -4.0));
    of.images.copy_from_slice(&moved(&a, 4.0));
    let text = drawn(&picture(2, &a, &far, &ones, &of)).unwrap();
    let dots = dots(&text);
    let colours: Vec<_> = dots.iter().map(|dot| dot.1.unwrap()).collect();
    let (source, target) = colours.split_at(50);
    for (k, colour) in target.iter().enumerate() {
        assert_eq!(*colour, source[(k + 7) % 50]);
    }
    // Colours differ for distant positions.
    let mut different = source.to_vec();
    different.sort_unstable();
    different.dedup();
    assert!(different.len() > 40);
    // Without a plan, dots have the colours of their clouds.
    let text = drawn(&Picture {
        matching: None,
        ..picture(2, &a, &far, &ones, &of)
    })
    .unwrap();
    assert_eq!(count(&text, " fill=\"#"), 0);
    assert_eq!(
        (
            count(&text, "class=\"faint\""),
            count(&text, "class=\"ring\"")
        ),
        (50, 50)
    );
}

#[test]
fn arrows_are_few_begin_at_dots_and_end_at_dots_of_the_target() {
    let (a, ones) = (cloud(2 * 300), [1.0; 300]);
    let far = moved(&a, 5.0);
    let mut of = matching(&a, &far, 2);
    let text = drawn(&picture(2, &a, &far, &ones, &of)).unwrap();
    let (dots, all) = (dots(&text), arrows(&text));
    assert_eq!(all.len(), MAX_ARROWS);
    let near = |place: Place, dots: &[(Place, Option<&str>)]| {
        dots.iter()
            .map(|dot| distance(dot.0, place))
            .fold(f64::INFINITY, f64::min)
    };
    for [tail, tip] in all {
        assert!(near(tail, &dots[..300]) < 0.2 && near(tip, &dots[300..]) < 0.2);
    }
    // The average of distant positions can be an empty place: no arrow goes there.
    of.images
        .chunks_exact_mut(2)
        .step_by(2)
        .for_each(|image| image.copy_from_slice(&[5.0, -1.0]));
    let text = drawn(&picture(2, &a, &far, &ones, &of)).unwrap();
    let tips: Vec<Place> = arrows(&text).iter().map(|arrow| arrow[1]).collect();
    assert!(!tips.is_empty());
    assert!(tips.iter().all(|tip| near(*tip, &dots[300..]) <= REACH));
    // If all arrows would, none is drawn.
    of.images
        .chunks_exact_mut(2)
        .for_each(|image| image.copy_from_slice(&[5.0, -1.0]));
    let text = drawn(&picture(2, &a, &far, &ones, &of)).unwrap();
    assert!(arrows(&text).is_empty() && !text.contains("arrows"));
}

#[test]
fn mass_that_is_destroyed_or_created_has_a_cross_and_no_arrow() {
    // Every other source point, and the target points that are matched with them.
    let (a, ones) = (cloud(2 * 100), [1.0; 100]);
    let far = moved(&a, 5.0);
    let mut of = matching(&a, &far, 2);
    of.sent.iter_mut().step_by(2).for_each(|share| *share = 0.3);
    of.received
        .iter_mut()
        .step_by(2)
        .for_each(|share| *share = 0.0);
    let whole = matching(&a, &far, 2);
    let whole = drawn(&picture(2, &a, &far, &ones, &whole)).unwrap();
    let text = drawn(&picture(2, &a, &far, &ones, &of)).unwrap();
    assert_eq!(count(&text, "class=\"lost\""), 100);
    assert!(text.contains("Crosses") && !whole.contains("Crosses"));
    let kept: Vec<Place> = dots(&text).iter().map(|dot| dot.0).collect();
    assert_eq!(kept.len(), 100);
    let lowest = |text: &str, end: usize| {
        let near = |at: Place| {
            kept.iter()
                .map(move |dot| distance(*dot, at))
                .fold(f64::MAX, f64::min)
        };
        arrows(text)
            .iter()
            .map(|arrow| near(arrow[end]))
            .fold(0.0, f64::max)
    };
    assert!(lowest(&text, 0) < 0.2 && lowest(&text, 1) < REACH);
    // The headings differ in height; without destroyed mass, arrows begin elsewhere.
    assert!(lowest(&whole, 0) > 1.0);
}

#[test]
fn clouds_that_lie_on_each_other_are_drawn_apart_in_the_same_frame() {
    let (a, ones) = (cloud(2 * 200), [1.0; 200]);
    for (wide, name) in [(1.0, "beside"), (4.0, "below")] {
        let a: Vec<f64> = a
            .chunks_exact(2)
            .flat_map(|at| [wide * at[0], at[1]])
            .collect();
        let text = drawn(&picture(2, &a, &a, &ones, &matching(&a, &a, 2))).unwrap();
        // The target is in the plot of the source as well, without colours.
        let dots = dots(&text);
        assert_eq!(dots.len(), 600, "{name}");
        let (other, rest) = dots.split_at(200);
        let (source, target) = rest.split_at(200);
        assert!(other.iter().all(|dot| dot.1.is_none()));
        let ends = source.iter().zip(target);
        let shifts: Vec<Place> = ends
            .map(|(one, other)| (other.0.0 - one.0.0, other.0.1 - one.0.1))
            .collect();
        assert!(shifts.iter().all(|it| distance(*it, shifts[0]) < 0.3));
        let places =
            |dots: &[(Place, Option<&str>)]| dots.iter().map(|dot| dot.0).collect::<Vec<_>>();
        assert_eq!(places(source), places(other));
        assert!(
            source
                .iter()
                .zip(target)
                .all(|(one, other)| one.1 == other.1)
        );
        let (x, y) = shifts[0];
        assert_eq!(x > 100.0, name == "beside");
        assert_eq!(y > 100.0, name == "below");
    }
}

#[test]
fn clouds_of_very_different_sizes_have_scales_of_their_own() {
    let (a, ones) = (cloud(2 * 50), [1.0; 50]);
    for (factor, own) in [(0.5, false), (0.01, true)] {
        let small: Vec<f64> = a.iter().map(|value| factor * value).collect();
        let of = matching(&a, &small, 2);
        let (svg, shown) = figure(&picture(2, &a, &small, &ones, &of)).unwrap();
        let text = svg.content.into_string();
        assert_eq!(shown.view.is_some(), own);
        assert_eq!(arrows(&text).is_empty(), own);
        let dots = dots(&text);
        let target: Vec<Place> = dots[dots.len() - 50..].iter().map(|dot| dot.0).collect();
        let wide =
            |end: fn(f64, f64) -> f64| target.iter().map(|place| place.0).reduce(end).unwrap();
        assert!(wide(f64::max) - wide(f64::min) > 100.0, "{factor}");
    }
}

#[test]
fn points_of_space_are_seen_along_the_axis_in_which_they_spread_least() {
    for (flat, words) in [
        (0, "Seen along x: y and z have"),
        (1, "Seen along y: x and z have"),
        (2, "Seen along z: x and y have"),
    ] {
        let a: Vec<f64> = cloud(900)
            .iter()
            .enumerate()
            .map(|(k, value)| if k % 3 == flat { 0.01 * value } else { *value })
            .collect();
        let of = matching(&a, &a, 3);
        let picture = picture(3, &a, &a, &[1.0; 300], &of);
        let (_, shown) = figure(&picture).unwrap();
        let view = shown.view.unwrap();
        assert!(view.starts_with(words) && view.contains("100 %"), "{view}");
        let names: String = view
            .chars()
            .skip(14)
            .filter(|it| "xyz".contains(*it))
            .collect();
        let text = drawn(&picture).unwrap();
        for name in names.chars() {
            assert!(text.contains(&format!(">{name}<")), "{name}");
        }
    }
}

#[test]
fn points_of_more_dimensions_are_seen_on_the_widest_plane() {
    // Variances 4 : 1 : 0.005 along the diagonals of the first two axes and along the others.
    let wide: Vec<f64> = cloud(1200)
        .chunks_exact(4)
        .flat_map(|u| [2.0 * u[0] - u[1], 2.0 * u[0] + u[1], 0.1 * u[2], 0.1 * u[3]])
        .collect();
    let (ones, of) = ([1.0; 300], matching(&wide, &wide, 4));
    let picture = picture(4, &wide, &wide, &ones, &of);
    let view = View::of(&picture);
    let half = 0.5_f64.sqrt();
    for (axis, expected) in view
        .axes
        .iter()
        .zip([[half, half, 0.0, 0.0], [-half, half, 0.0, 0.0]])
    {
        let along: f64 = axis.iter().zip(expected).map(|(a, b)| a * b).sum();
        assert!(along.abs() > 0.99, "{axis:?}");
    }
    let [x, y] = &view.axes;
    let dot: f64 = x.iter().zip(y).map(|(a, b)| a * b).sum();
    assert!(dot.abs() < 1e-14);
    assert!(drawn(&picture).unwrap().contains("principal axis 2 ("));
    // The name of the vertical axis and that of the cloud are in different lines.
    let svg = drawn(&picture).unwrap();
    let height = |text: &str| -> f64 {
        let label = svg
            .split("<text")
            .find(|label| label.contains(text))
            .unwrap();
        let y = label.split(" y=\"").nth(1).unwrap();
        y.split('"').next().unwrap().parse().unwrap()
    };
    let [axis, cloud] = ["principal axis 2 (", ">source<"].map(height);
    assert!((axis - cloud).abs() >= LETTER, "{axis} {cloud}");
}

#[test]
fn a_line_is_drawn_as_two_levels() {
    let (a, b) = (cloud(9), cloud(7));
    let text = drawn(&picture(1, &a, &b, &[1.0; 9], &matching(&a, &b, 1))).unwrap();
    assert!(text.contains(">source<") && text.contains(">target<"));
    let places: Vec<Place> = dots(&text).iter().map(|dot| dot.0).collect();
    let (source, target) = places.split_at(9);
    let lowest = target.iter().map(|place| place.1).fold(0.0, f64::max);
    assert!(source.iter().all(|place| place.1 > lowest));
    assert!(!arrows(&text).is_empty());
    for [tail, tip] in arrows(&text) {
        assert!(source.iter().any(|place| (place.0 - tail.0).abs() < 0.2));
        assert!(target.iter().any(|place| (place.0 - tip.0).abs() <= REACH));
    }
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
                let of = matching(&a, &a, dimension);
                let text = drawn(&picture(dimension, &a, &a, &[1.0; 6], &of)).unwrap();
                assert!(
                    !text.contains("NaN") && !text.contains("inf"),
                    "{scale} {offset} {dimension}"
                );
            }
        }
    }
    // All points on one line in the plane.
    for a in [[0.0, 1.0, 0.0, 2.0], [1.0, 0.0, 2.0, 0.0]] {
        drawn(&picture(2, &a, &a, &[1.0; 2], &matching(&a, &a, 2))).unwrap();
    }
}

#[test]
fn what_cannot_be_drawn_is_an_error() {
    let (a, ones) = ([0.0, 1.0, f64::NAN, 1.0], [1.0; 2]);
    let text = |picture: &Picture| drawn(picture).unwrap_err().to_string();
    let good = [0.0, 1.0, 2.0, 1.0];
    let of = matching(&good, &good, 2);
    assert_eq!(
        text(&picture(2, &a, &a, &ones, &of)),
        "source holds NaN at index 2, which cannot be drawn; remove it or rescale the clouds"
    );
    let b = [0.0, 1.0, 1e61, 1.0];
    assert!(text(&picture(2, &b, &b, &ones, &of)).contains("at index 2"));
    let short = Matching {
        images: good[..2].to_vec(),
        ..of.clone()
    };
    assert_eq!(
        text(&picture(2, &good, &good, &ones, &short)),
        "map has 2 values where 4 are needed for the picture"
    );
    let short = Matching {
        received: vec![1.0],
        ..of.clone()
    };
    assert_eq!(
        text(&picture(2, &good, &good, &ones, &short)),
        "mass received has 1 values where 2 are needed for the picture"
    );
    for dimension in [0, 3, 5] {
        let _ = text(&Picture {
            dimension,
            ..picture(2, &good, &good, &ones, &of)
        });
    }
    let _ = text(&Picture {
        source: &[],
        source_weights: &[],
        ..picture(2, &good, &good, &ones, &of)
    });
    let _ = text(&Picture {
        target_weights: &[],
        ..picture(2, &good, &good, &ones, &of)
    });
}
