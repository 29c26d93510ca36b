//! A transport as a picture: both clouds as dots, in colours that tell where mass comes from, and few arrows
//! to where it goes, as an SVG that needs no fonts of its own.

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

/// Draws the picture under its heading, as a file of its own.
///
/// # Errors
/// [`PictureError::Length`] where the arrays do not belong together, [`PictureError::Value`] for a
/// value that has no place on a page.
pub(crate) fn svg(picture: &Picture, heading: &Heading) -> Result<String> {
    let (svg, shown) = figure(picture)?;
    Ok(heading.over(svg, picture, &shown).file(ZOOM))
}

/// Draws the picture as a figure of a page that tells the rest, with letters to be read on a narrow
/// screen.
///
/// # Errors
/// Those of [`svg`].
pub(crate) fn figure(picture: &Picture) -> Result<(Svg, Shown)> {
    picture.check()?;
    Ok(Scene::of(picture).draw())
}

/// How much larger than a figure a file is shown where there is room.
const ZOOM: f64 = 1.4;
