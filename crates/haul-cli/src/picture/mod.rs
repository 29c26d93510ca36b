//! A transport as a picture: both clouds as dots, in colours that show where mass comes from, and a few arrows to
//! where it goes, as an SVG without fonts of its own.

mod arrows;
mod frame;
mod heading;
mod scene;
mod subject;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod view;
mod wheel;

pub(crate) use heading::Heading;
pub(crate) use subject::{Matching, Picture, PictureError, Shown};

use crate::canvas::Svg;
use scene::Scene;
use subject::Result;

/// Draws the picture under its heading, as its own file.
///
/// # Errors
/// [`PictureError::Length`] if the lengths of the arrays do not match, [`PictureError::Value`] for a value that
/// cannot be drawn.
pub(crate) fn svg(picture: &Picture, heading: &Heading) -> Result<String> {
    let (svg, shown) = figure(picture)?;
    Ok(heading.over(svg, picture, &shown).file(ZOOM))
}

/// Draws the picture as a figure of a page, without a heading, with letters that are legible on a narrow screen.
///
/// # Errors
/// Those of [`svg`].
pub(crate) fn figure(picture: &Picture) -> Result<(Svg, Shown)> {
    picture.check()?;
    Ok(Scene::of(picture).draw())
}

/// How much larger than a figure a file is shown if there is room.
const ZOOM: f64 = 1.4;
