//! The files of densities: images, arrays and clouds, and their pictures and surfaces.

use super::{Density, Layout, surface};
use crate::input::{Cloud, on_grid};
use crate::options::Pictures;
use crate::raster::Raster;
use anyhow::{Context, Result, bail};
use haul::Measure;
use haul_files::{self as formats, Array, Placement};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where densities are written.
pub(crate) struct Target<'p> {
    path: &'p Path,
    pictures: &'p Pictures,
    /// The number of frames, if there is more than a single density.
    frames: Option<usize>,
    format: Format,
    /// Whether pictures are dark where densities are large.
    invert: bool,
    /// Where the cells of a volume lie in space.
    placement: Option<Placement>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Image,
    Array,
    Volume,
    Cloud,
}

/// The names of the frames of a file.
pub(super) fn numbered(path: &Path, frames: usize) -> Vec<PathBuf> {
    let digits = frames.saturating_sub(1).to_string().len().max(2);
    (0..frames)
        .map(|k| formats::numbered(path, k, digits))
        .collect()
}

fn format(path: &Path) -> Format {
    let is = |extension: &str| {
        path.extension()
            .is_some_and(|it| it.eq_ignore_ascii_case(extension))
    };
    if is("png") {
        Format::Image
    } else if is("npy") {
        Format::Array
    } else if formats::is_volume(path) {
        Format::Volume
    } else {
        Format::Cloud
    }
}

/// All files that are written of a number of frames, or of a single density.
pub(crate) fn files(path: &Path, pictures: &Pictures, frames: Option<usize>) -> Vec<PathBuf> {
    let whole = || std::iter::once(path.to_owned());
    let mut files: Vec<_> = match (frames, format(path)) {
        (None, _) | (_, Format::Array | Format::Volume) => whole().collect(),
        (Some(frames), Format::Image) => whole().chain(numbered(path, frames)).collect(),
        (Some(frames), Format::Cloud) => numbered(path, frames),
    };
    files.extend(
        pictures
            .mesh
            .iter()
            .flat_map(|mesh| surface::files(mesh, frames)),
    );
    files.extend(pictures.image.clone());
    files
}

/// Refuses a format that cannot hold densities on these points, and a file that cannot be written.
pub(crate) fn check(path: &Path, pictures: &Pictures, support: &Measure) -> Result<()> {
    let grid = on_grid(support);
    if pictures.mesh.is_some() && grid.is_none_or(|grid| grid.dimension() != 3) {
        bail!("--mesh writes the surface of a volume, and this is none; leave it out");
    }
    if pictures.image.is_some() && grid.is_none() {
        bail!("--image shows densities on grids, and this is one of points; leave it out");
    }
    let file = path.display();
    match (format(path), grid) {
        (Format::Image, Some(grid)) if grid.dimension() == 2 => {
            Ok(formats::check_target(path, ".png")?)
        }
        (Format::Image, Some(grid)) => bail!(
            "{file}: a grid of {} axes is no image; write an .npy, and a picture of it with --image",
            grid.dimension()
        ),
        (Format::Array, Some(_)) => Ok(formats::check_target(path, ".npy")?),
        (Format::Volume, Some(grid)) if grid.dimension() == 3 => Ok(formats::check_volume(path)?),
        (Format::Volume, Some(grid)) => bail!(
            "{file}: a grid of {} axes is no volume; write an .npy",
            grid.dimension()
        ),
        (Format::Cloud, Some(_)) => {
            bail!(
                "{file}: a density on a grid is written as .npy, as .png if it is an image, or as .nii if it is a volume"
            )
        }
        (Format::Cloud, None) if formats::holds_weights(path, None)? => {
            Ok(formats::check_cloud(path, None, support.dimension())?)
        }
        (_, None) => bail!("{file}: a density on points has weights; write .npz, .ply or .csv"),
    }
}

impl<'p> Target<'p> {
    pub(crate) fn new(
        path: &'p Path,
        pictures: &'p Pictures,
        layout: &Layout,
        invert: bool,
    ) -> Self {
        Self {
            path,
            pictures,
            frames: layout.frames(),
            format: format(path),
            invert,
            placement: None,
        }
    }

    /// The same, whose volumes lie where this cloud does, on whose cells the densities are.
    pub(crate) fn in_place_of(self, cloud: Option<&Arc<Cloud>>) -> Self {
        Self {
            placement: cloud.and_then(|cloud| cloud.placement),
            ..self
        }
    }

    /// Writes a frame that has a file of its own.
    pub(crate) fn write_frame(&self, place: usize, frame: Density<'_>) -> Result<()> {
        let path = match (self.frames, self.format) {
            (_, Format::Array | Format::Volume) => return Ok(()),
            (Some(frames), _) => numbered(self.path, frames).into_iter().nth(place),
            (None, _) => Some(self.path.to_owned()),
        };
        let Some(path) = path else {
            return Ok(());
        };
        match self.format {
            Format::Image => match frame.raster() {
                Some(raster) => self.shown(raster).write(&path),
                None => Ok(()),
            },
            _ => {
                let measure = frame.measure;
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

    /// Writes what all frames have in common: an array or the sheet of images, the picture, and the surfaces.
    pub(crate) fn write_all(&self, layout: &Layout, frames: &[Density<'_>]) -> Result<()> {
        match (self.format, self.frames) {
            (Format::Array, _) => self.write_array(layout, frames)?,
            (Format::Volume, _) => self.write_volume(frames)?,
            (Format::Image, Some(_)) => self.write_picture(self.path, layout, frames)?,
            _ => {}
        }
        if let Some(path) = &self.pictures.image {
            self.write_picture(path, layout, frames)?;
        }
        if let Some(path) = &self.pictures.mesh {
            surface::write(path, frames, self.frames)?;
        }
        Ok(())
    }

    fn write_array(&self, layout: &Layout, frames: &[Density<'_>]) -> Result<()> {
        let first = frames.first().and_then(|frame| on_grid(frame.measure));
        let shape = first.map_or(&[][..], |grid| grid.shape());
        let values = frames.iter().flat_map(|frame| frame.measure.weights());
        let values: Vec<f64> = values.copied().collect();
        let array = Array {
            name: "density",
            shape: [&layout.axes, shape].concat(),
            values: &values,
        };
        Ok(formats::write_npy(self.path, &array)?)
    }

    /// All frames as volumes, one after the other.
    fn write_volume(&self, frames: &[Density<'_>]) -> Result<()> {
        let first = frames.first().and_then(|frame| on_grid(frame.measure));
        let grid = first.context("there is no volume of clouds")?;
        let (Ok(shape), Ok(sides)) = (grid.shape().try_into(), grid.spacing().try_into()) else {
            bail!("{}: a grid of other axes is no volume", self.path.display());
        };
        let values = frames.iter().flat_map(|frame| frame.measure.weights());
        let values: Vec<f64> = values.copied().collect();
        let placement = self.placement.unwrap_or_else(|| Placement::of_sides(sides));
        Ok(formats::write_volume(
            self.path, shape, &placement, &values,
        )?)
    }

    fn write_picture(&self, path: &Path, layout: &Layout, frames: &[Density<'_>]) -> Result<()> {
        let picture = layout.picture(frames);
        self.shown(picture.context("there is no picture of clouds")?)
            .write(path)
    }

    /// A picture in the greys of the inputs.
    fn shown(&self, raster: Raster) -> Raster {
        match self.invert {
            true => raster.inverted(),
            false => raster,
        }
    }
}
