//! A transport as a picture: both clouds as dots and, from a spread-out choice of source points,
//! arrows to where their mass went, as one SVG that needs no fonts of its own.

mod arrows;
mod frame;
mod heading;
mod scene;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod view;

pub(crate) use heading::Heading;

use crate::canvas::{self, Svg};
use frame::Sheet;
use scene::Scene;

/// What to draw; all clouds are row-major with `dimension` coordinates per point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Picture<'a> {
    /// The source points, `n × dimension`, `n ≥ 1`.
    pub(crate) source: &'a [f64],
    /// The target points, `m × dimension`, `m ≥ 1`.
    pub(crate) target: &'a [f64],
    /// The image of each source point, `n × dimension`, where there are any.
    pub(crate) map: Option<&'a [f64]>,
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

/// Beyond this, squares of squares leave float64.
const MAX_VALUE: f64 = 1e60;

/// What a picture shows of its clouds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Dots of the source and of the target.
    pub(crate) source: usize,
    pub(crate) target: usize,
    pub(crate) arrows: usize,
}

/// Draws the picture under its heading, as a page of its own.
///
/// # Errors
/// [`PictureError::Length`] where the arrays do not belong together, [`PictureError::Value`] for a
/// value that has no place on a page.
pub(crate) fn svg(picture: &Picture, heading: &Heading) -> Result<String> {
    let (svg, _) = draw(picture, &Sheet::PAGE, Some(heading))?;
    Ok(svg.at_size())
}

/// Draws the picture as a figure of a page that tells the rest, with letters to be read on a narrow
/// screen.
///
/// # Errors
/// Those of [`svg`].
pub(crate) fn figure(picture: &Picture) -> Result<(Svg, Shown)> {
    draw(picture, &Sheet::FIGURE, None)
}

fn draw(picture: &Picture, sheet: &Sheet, heading: Option<&Heading>) -> Result<(Svg, Shown)> {
    check(picture)?;
    let scene = Scene::of(picture, sheet);
    let (width, height) = scene.size();
    let svg = canvas::draw(width, height, |page| {
        let shown = scene.draw(page)?;
        if let Some(heading) = heading {
            heading.draw(page, sheet, picture, shown)?;
        }
        Ok(shown)
    });
    svg.map_err(|error| PictureError::Drawing(error.to_string()))
}

fn check(picture: &Picture) -> Result<()> {
    let Picture {
        source,
        target,
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
        ("map", picture.map.unwrap_or(source), source.len()),
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
