//! The files of averages: images, arrays and clouds.

use super::answer::Solved;
use super::frames::Frames;
use crate::input::on_grid;
use anyhow::{Result, bail};
use haul::Measure;
use haul_files::{self as formats, Array};
use std::path::{Path, PathBuf};

/// Where averages are written.
pub(super) struct Target<'p> {
    path: &'p Path,
    /// The number of frames, if there is more than a single average.
    frames: Option<usize>,
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Image,
    Array,
    Cloud,
}

/// The names of the frames of a file.
pub(super) fn numbered(path: &Path, frames: usize) -> Vec<PathBuf> {
    let digits = frames.saturating_sub(1).to_string().len().max(2);
    (0..frames)
        .map(|k| formats::numbered(path, k, digits))
        .collect()
}

impl<'p> Target<'p> {
    pub(super) fn new(path: &'p Path, frames: Option<usize>) -> Self {
        let is = |extension: &str| {
            path.extension()
                .is_some_and(|it| it.eq_ignore_ascii_case(extension))
        };
        let format = match (is("png"), is("npy")) {
            (true, _) => Format::Image,
            (_, true) => Format::Array,
            _ => Format::Cloud,
        };
        Self {
            path,
            frames,
            format,
        }
    }

    /// All files that it writes.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let whole = || std::iter::once(self.path.to_owned());
        match (self.frames, self.format) {
            (None, _) | (_, Format::Array) => whole().collect(),
            (Some(frames), Format::Image) => whole().chain(numbered(self.path, frames)).collect(),
            (Some(frames), Format::Cloud) => numbered(self.path, frames),
        }
    }

    /// Refuses a format that cannot hold averages on these points, and a file that cannot be written.
    pub(super) fn check(&self, support: &Measure) -> Result<()> {
        let file = self.path.display();
        match (self.format, on_grid(support)) {
            (Format::Image, Some(grid)) if grid.dimension() == 2 => {
                Ok(formats::check_target(self.path, ".png")?)
            }
            (Format::Image, Some(grid)) => bail!(
                "{file}: a grid of {} axes is no image; write an .npy, and a picture of it with --image",
                grid.dimension()
            ),
            (Format::Array, Some(_)) => Ok(formats::check_target(self.path, ".npy")?),
            (Format::Cloud, Some(_)) => {
                bail!(
                    "{file}: an average on a grid is written as .npy, or as .png if it is an image"
                )
            }
            (Format::Cloud, None) if formats::holds_weights(self.path, None)? => {
                Ok(formats::check_cloud(self.path, None, support.dimension())?)
            }
            (_, None) => {
                bail!("{file}: an average of clouds has weights; write .npz, .ply or .csv")
            }
        }
    }

    /// Writes a frame that has a file of its own.
    pub(super) fn write_frame(&self, place: usize, frame: &Solved, invert: bool) -> Result<()> {
        let path = match (self.frames, self.format) {
            (_, Format::Array) => return Ok(()),
            (Some(frames), _) => numbered(self.path, frames).into_iter().nth(place),
            (None, _) => Some(self.path.to_owned()),
        };
        let Some(path) = path else {
            return Ok(());
        };
        match self.format {
            Format::Image => match frame.raster() {
                Some(raster) if invert => raster.inverted().write(&path),
                Some(raster) => raster.write(&path),
                None => Ok(()),
            },
            _ => {
                let measure = &frame.measure;
                let (points, d) = (measure.points(), measure.dimension());
                Ok(formats::write_cloud(
                    &path,
                    None,
                    points,
                    d,
                    Some(measure.weights()),
                )?)
            }
        }
    }

    /// Writes what all frames have in common: an array, or the sheet of images.
    pub(super) fn write_all(&self, frames: &Frames, solved: &[Solved], invert: bool) -> Result<()> {
        match (self.format, self.frames) {
            (Format::Array, _) => {
                let first = solved.first().and_then(|frame| on_grid(&frame.measure));
                let shape = first.map_or(&[][..], |grid| grid.shape());
                let values: Vec<f64> = solved
                    .iter()
                    .flat_map(|frame| frame.measure.weights())
                    .copied()
                    .collect();
                let array = Array {
                    name: "average",
                    shape: [frames.axes(), shape].concat(),
                    values: &values,
                };
                Ok(formats::write_npy(self.path, &array)?)
            }
            (Format::Image, Some(_)) => match frames.picture(solved) {
                Some(sheet) if invert => sheet.inverted().write(self.path),
                Some(sheet) => sheet.write(self.path),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}
