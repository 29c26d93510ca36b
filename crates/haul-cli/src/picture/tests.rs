use super::arrows::{MAX_ARROWS, MIN_ARROWS};
use super::view::{MAX_DOTS, View};
use super::*;

fn picture<'a>(
    dimension: usize,
    source: &'a [f64],
    target: &'a [f64],
    weights: &'a [f64],
) -> Picture<'a> {
    Picture {
        source,
        target,
        map: Some(source),
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

/// Values in [−1, 1] without a pattern.
fn cloud(length: usize) -> Vec<f64> {
    (1..=length)
        .map(|k| ((k * k) as f64 * 0.731).sin())
        .collect()
}

#[test]
fn each_point_is_a_dot_and_the_legend_says_how_many() {
    let (a, b, ones) = (cloud(60), cloud(80), [1.0; 40]);
    let text = drawn(&picture(2, &a, &b, &ones)).unwrap();
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
    let text = drawn(&picture(2, &a, &a, &ones)).unwrap();
    assert_eq!(count(&text, "<circle"), 2 * MAX_DOTS + 2);
    assert!(text.contains("source: 5000 of 12345 points"));
    assert!(text.contains("where 300 of 12345 points went"));
}

#[test]
fn points_without_mass_are_not_drawn() {
    let a = [0.0, 0.0, 1.0, 1.0];
    let text = drawn(&Picture {
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
    let text = drawn(&Picture {
        map: Some(&far),
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
    assert!(drawn(&picture).unwrap().contains("principal axis 2 of 3 ("));
}

#[test]
fn a_line_is_drawn_as_two_levels() {
    let text = drawn(&picture(1, &cloud(9), &cloud(7), &[1.0; 9])).unwrap();
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
                let text = drawn(&picture(dimension, &a, &a, &[1.0; 6])).unwrap();
                assert!(
                    !text.contains("NaN") && !text.contains("inf"),
                    "{scale} {offset} {dimension}"
                );
            }
        }
    }
    // All on one line of the plane.
    for a in [[0.0, 1.0, 0.0, 2.0], [1.0, 0.0, 2.0, 0.0]] {
        drawn(&picture(2, &a, &a, &[1.0; 2])).unwrap();
    }
}

#[test]
fn what_cannot_be_drawn_is_an_error() {
    let (a, ones) = ([0.0, 1.0, f64::NAN, 1.0], [1.0; 2]);
    let text = |picture: &Picture| drawn(picture).unwrap_err().to_string();
    assert_eq!(
        text(&picture(2, &a, &a, &ones)),
        "source holds NaN at index 2, which cannot be drawn; remove it or rescale the clouds"
    );
    let b = [0.0, 1.0, 1e61, 1.0];
    assert!(text(&picture(2, &b, &b, &ones)).contains("at index 2"));
    let good = [0.0, 1.0, 2.0, 1.0];
    assert_eq!(
        text(&Picture {
            map: Some(&good[..2]),
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
        map: Some(&[]),
        source_weights: &[],
        ..picture(2, &good, &good, &ones)
    });
    let _ = text(&Picture {
        target_weights: &[],
        ..picture(2, &good, &good, &ones)
    });
}
