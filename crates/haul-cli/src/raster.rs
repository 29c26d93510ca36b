//! Measures on grids as grey pixels: dark where there is no mass, white where it is densest.
//!
//! The white of an input is its largest density. Averages may have a few cells that are far denser than the others, which
//! would all be dark beside them: the white of an average is the density that cells with a tenth of its mass exceed. A shape
//! of one density keeps its two greys.

use crate::input::on_grid;
use crate::picture::PictureError;
use anyhow::Result;
use base64::prelude::{BASE64_STANDARD, Engine};
use haul::Measure;
use haul_files as formats;
use maud::{Markup, html};
use std::path::Path;

/// Grey pixels, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raster {
    pub(crate) width: usize,
    pub(crate) grey: Vec<u8>,
}

/// The part of the mass of an average whose cells are denser than white.
const CUT: f64 = 0.1;

/// The most slices of a volume that are shown.
const SLICES: usize = 9;

/// Rows of the picture of a histogram on a line.
const ROWS: usize = 48;

/// Pixels between parts of a picture.
const GAP: usize = 2;

impl Raster {
    /// The pixels of a measure: its cells; of a volume slices across its first axis, side by side, from its first cells
    /// to its last; of a line a bar for each cell. `None` for a cloud.
    pub(crate) fn of(measure: &Measure) -> Option<Self> {
        Self::with_cut(measure, 0.0)
    }

    /// The same of an average.
    pub(crate) fn of_average(measure: &Measure) -> Option<Self> {
        Self::with_cut(measure, CUT)
    }

    fn with_cut(measure: &Measure, cut: f64) -> Option<Self> {
        let shape = on_grid(measure)?.shape();
        let weights = measure.weights();
        let white = white(weights, cut);
        let grey: Vec<u8> = weights.iter().map(|mass| level(mass / white)).collect();
        Some(match *shape {
            [n] => Self::bars(weights.iter().map(|mass| mass / white), n),
            [_, width] => Self { width, grey },
            [depth, height, width] => {
                let count = depth.min(SLICES);
                let slice = |k: usize| {
                    let at = (2 * k + 1) * depth / (2 * count) * height * width;
                    Self {
                        width,
                        grey: grey[at..at + height * width].to_vec(),
                    }
                };
                let slices: Vec<_> = (0..count).map(|k| Some(slice(k))).collect();
                Self::sheet(&slices, count)
            }
            _ => return None,
        })
    }

    /// A bar for each share of the tallest one.
    fn bars(shares: impl Iterator<Item = f64>, width: usize) -> Self {
        let mut grey = vec![0; ROWS * width];
        for (x, share) in shares.enumerate() {
            let height = ((share.min(1.0) * ROWS as f64).round()) as usize;
            for y in ROWS - height..ROWS {
                grey[y * width + x] = u8::MAX;
            }
        }
        Self { width, grey }
    }

    /// Pixels from top to bottom.
    pub(crate) fn height(&self) -> usize {
        self.grey.len() / self.width.max(1)
    }

    /// Rasters row by row in this many columns, with gaps of a middle grey between them; places without one are grey as
    /// well.
    pub(crate) fn sheet(parts: &[Option<Self>], columns: usize) -> Self {
        const GROUND: u8 = 96;
        let known = || parts.iter().flatten();
        let cell = [
            known().map(|part| part.width).max().unwrap_or(1),
            known().map(Self::height).max().unwrap_or(1),
        ];
        let columns = columns.max(1);
        let rows = parts.len().div_ceil(columns);
        let [width, height] = [(columns, cell[0]), (rows, cell[1])]
            .map(|(count, side)| count * side + (count.max(1) - 1) * GAP);
        let mut grey = vec![GROUND; width * height];
        for (place, part) in parts.iter().enumerate() {
            let Some(part) = part else { continue };
            let (left, top) = (
                place % columns * (cell[0] + GAP),
                place / columns * (cell[1] + GAP),
            );
            for (y, row) in part.grey.chunks_exact(part.width).enumerate() {
                let start = (top + y) * width + left;
                grey[start..start + part.width].copy_from_slice(row);
            }
        }
        Self { width, grey }
    }

    /// With light and dark exchanged.
    pub(crate) fn inverted(mut self) -> Self {
        for grey in &mut self.grey {
            *grey = u8::MAX - *grey;
        }
        self
    }

    /// Writes a `.png`.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        Ok(formats::write_image(path, self.width, &self.grey)?)
    }

    /// An image of a page, whose bytes are part of it.
    pub(crate) fn image(&self, words: &str) -> Result<Markup, PictureError> {
        let bytes = formats::image_bytes(self.width, &self.grey)?;
        let source = format!("data:image/png;base64,{}", BASE64_STANDARD.encode(bytes));
        Ok(html! {
            img.raster src=(source) alt=(words) width=(self.width) height=(self.height());
        })
    }
}

/// The density of white: cells with the part `cut` of the mass are denser.
fn white(weights: &[f64], cut: f64) -> f64 {
    let mut sorted = weights.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let denser = cut * weights.iter().sum::<f64>();
    let mut sum = 0.0;
    let reached = sorted.iter().find(|mass| {
        sum += **mass;
        sum > denser
    });
    // A mass is positive.
    reached.copied().unwrap_or(1.0)
}

/// The grey of a share of the density of white.
fn level(share: f64) -> u8 {
    (255.0 * share.clamp(0.0, 1.0)).round() as u8
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use haul::Grid;

    fn on(shape: &[usize], masses: Vec<f64>) -> Measure {
        let d = shape.len();
        let grid = Grid::new(shape, &vec![1.0; d], &vec![0.0; d]).unwrap();
        Measure::grid(grid, masses).unwrap()
    }

    #[test]
    fn two_greys_stay_and_a_heavy_cell_does_not_darken_the_rest() {
        let mut masses = vec![0.0; 400];
        masses[50..250].fill(3.0);
        let (flat, pixels) = (on(&[20, 20], masses.clone()), [0, 255]);
        let greys = |inside: bool| pixels[usize::from(inside)];
        for raster in [Raster::of(&flat), Raster::of_average(&flat)] {
            let raster = raster.unwrap();
            assert_eq!((raster.width, raster.height()), (20, 20));
            let shown = raster.grey.iter().zip(&masses);
            assert!(
                shown
                    .into_iter()
                    .all(|(grey, mass)| *grey == greys(*mass > 0.0))
            );
        }
        masses[60] = 30.0;
        let heavy = on(&[20, 20], masses);
        let average = Raster::of_average(&heavy).unwrap();
        assert_eq!((average.grey[60], average.grey[61]), (255, 255));
        // An input is shown as it is.
        let input = Raster::of(&heavy).unwrap();
        assert_eq!((input.grey[60], input.grey[61]), (255, 26));
    }

    #[test]
    fn a_volume_is_shown_in_slices_and_a_line_as_bars() {
        let masses = (0..4 * 2 * 3).map(f64::from).collect();
        let slices = Raster::of(&on(&[4, 2, 3], masses)).unwrap();
        assert_eq!((slices.width, slices.height()), (4 * 3 + 3 * GAP, 2));
        assert_eq!(slices.grey[0], 0);
        let bars = Raster::of(&on(&[3], vec![0.0, 1.0, 2.0])).unwrap();
        assert_eq!((bars.width, bars.height()), (3, ROWS));
        assert_eq!(
            bars.grey.iter().filter(|grey| **grey == 255).count(),
            ROWS + ROWS / 2
        );
        assert_eq!(Raster::of(&Measure::uniform(&[0.0, 1.0], 1).unwrap()), None);
    }

    #[test]
    fn a_sheet_has_its_parts_in_rows() {
        let part = |grey: u8| Raster {
            width: 2,
            grey: vec![grey; 4],
        };
        let sheet = Raster::sheet(&[Some(part(1)), Some(part(2)), Some(part(3)), None], 2);
        assert_eq!((sheet.width, sheet.height()), (4 + GAP, 4 + GAP));
        let at = |x: usize, y: usize| sheet.grey[y * sheet.width + x];
        assert_eq!([at(0, 0), at(2 + GAP, 1), at(1, 2 + GAP)], [1, 2, 3]);
        assert_eq!(at(2, 0), at(5, 5));
        assert_eq!(part(1).inverted().grey, [254; 4]);
    }
}
