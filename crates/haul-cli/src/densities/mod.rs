//! Densities on grids and on points: their pictures, and the files that they are written to.

mod alike;
mod surface;
mod target;

pub(crate) use alike::{check_alike, check_shapes, is_array};
pub(crate) use target::{Target, check, files};

use crate::input::on_grid;
use crate::number::significant;
use crate::options::cells;
use crate::pair::{count, sides};
use crate::raster::Raster;
use haul::Measure;

/// A density.
#[derive(Clone, Copy)]
pub(crate) struct Density<'m> {
    pub(crate) measure: &'m Measure,
    /// Whether it is an input, which is shown as it is.
    pub(crate) is_input: bool,
}

impl Density<'_> {
    /// Its pixels; `None` for a cloud.
    pub(crate) fn raster(self) -> Option<Raster> {
        match self.is_input {
            true => Raster::of(self.measure),
            false => Raster::of_average(self.measure),
        }
    }
}

/// Where the frames of a run stand in one picture, and in one array.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    /// Whether a place of the sheet has a frame, row by row.
    pub(crate) places: Vec<bool>,
    /// The places of a row.
    pub(crate) columns: usize,
    /// The sizes of the axes before those of a frame in an array: none for a single density.
    pub(crate) axes: Vec<usize>,
}

/// The most frames of a row.
const WIDEST: usize = 8;

impl Layout {
    /// A single density.
    pub(crate) fn single() -> Self {
        Self {
            places: vec![true],
            columns: 1,
            axes: Vec::new(),
        }
    }

    /// Frames in the order of reading.
    pub(crate) fn row(frames: usize) -> Self {
        let rows = frames.div_ceil(WIDEST).max(1);
        Self {
            places: vec![true; frames],
            columns: frames.div_ceil(rows),
            axes: vec![frames],
        }
    }

    /// The number of frames with files of their own; `None` for a single density.
    pub(crate) fn frames(&self) -> Option<usize> {
        let frames = self.places.iter().filter(|present| **present).count();
        (!self.axes.is_empty()).then_some(frames)
    }

    /// All frames in one picture: images at their places, volumes and lines a row each. `None` for clouds.
    pub(crate) fn picture(&self, densities: &[Density<'_>]) -> Option<Raster> {
        let rasters: Option<Vec<_>> = densities.iter().map(|density| density.raster()).collect();
        let mut rasters = rasters?.into_iter();
        let wide = densities
            .first()
            .is_some_and(|density| density.measure.dimension() != 2);
        if wide {
            let rows: Vec<_> = rasters.map(Some).collect();
            return Some(Raster::sheet(&rows, 1));
        }
        let part = |present: &bool| present.then(|| rasters.next()).flatten();
        let parts: Vec<_> = self.places.iter().map(part).collect();
        Some(Raster::sheet(&parts, self.columns))
    }
}

/// The points of a density in words.
pub(crate) fn place(measure: &Measure) -> String {
    match on_grid(measure) {
        Some(grid) => format!("{} of side {}", count(measure), sides(grid)),
        None => format!("{} in dimension {}", count(measure), measure.dimension()),
    }
}

/// A length in cells of the grid of a measure, in brackets; empty for a cloud.
pub(crate) fn in_cells(length: f64, measure: &Measure) -> String {
    let cells = on_grid(measure).map(|grid| {
        let side = grid.spacing().iter().copied().fold(f64::INFINITY, f64::min);
        format!(" ({} cells)", significant(length / side, 2))
    });
    cells.unwrap_or_default()
}

/// The names of files that were written, with the first and the last of many.
pub(crate) fn written(files: &[std::path::PathBuf]) -> String {
    match files {
        [one] => one.display().to_string(),
        [one, other] => format!("{}, {}", one.display(), other.display()),
        [first, .., last] => {
            format!(
                "{} … {}, {} files",
                first.display(),
                last.display(),
                files.len()
            )
        }
        [] => String::new(),
    }
}

/// A grid in words, for a message.
fn shape(grid: &haul::Grid) -> String {
    cells(grid.shape())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_frames_stand_in_rows_of_one_length() {
        for (frames, columns) in [(2, 2), (8, 8), (9, 5), (16, 8), (17, 6)] {
            let layout = Layout::row(frames);
            assert_eq!((layout.columns, layout.frames()), (columns, Some(frames)));
        }
        assert_eq!(Layout::single().frames(), None);
    }
}
