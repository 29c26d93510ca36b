//! The surface of a volume: where its density is half of its mean density over its own mass, ½ Σ b² / Σ b. For a body of
//! one density that is half of this density.

use super::{Density, target::numbered};
use crate::input::on_grid;
use anyhow::{Result, bail};
use fast_surface_nets::ndshape::RuntimeShape;
use fast_surface_nets::{SurfaceNetsBuffer, surface_nets};
use haul::Measure;
use haul_files as formats;
use std::path::{Path, PathBuf};

/// Corners and triangles.
#[derive(Debug, Default)]
struct Surface {
    /// Three coordinates each, in the units of the grid.
    corners: Vec<[f64; 3]>,
    /// Three corners each, counter-clockwise from outside.
    triangles: Vec<[u32; 3]>,
}

/// The files of the surfaces of this many frames, or of a single density.
pub(super) fn files(path: &Path, frames: Option<usize>) -> Vec<PathBuf> {
    match frames {
        Some(frames) => numbered(path, frames),
        None => vec![path.to_owned()],
    }
}

/// Writes the surface of each density, to the file itself or to its numbered frames.
pub(super) fn write(path: &Path, densities: &[Density<'_>], frames: Option<usize>) -> Result<()> {
    for (density, path) in densities.iter().zip(files(path, frames)) {
        let Some(surface) = Surface::of(density.measure) else {
            bail!(
                "{}: this volume has too many cells for a surface",
                path.display()
            );
        };
        formats::write_mesh(&path, &surface.corners, &surface.triangles)?;
    }
    Ok(())
}

impl Surface {
    /// The surface of a measure on a grid of three axes; `None` for another measure, and for more cells than can be
    /// counted.
    fn of(measure: &Measure) -> Option<Self> {
        let grid = on_grid(measure)?;
        let [depth, height, width] = *grid.shape() else {
            return None;
        };
        let weights = measure.weights();
        let squares: f64 = weights.iter().map(|mass| mass * mass).sum();
        let level = 0.5 * squares / measure.mass();
        // A layer of empty cells all around closes the surface; behind it another one, because no surface is found in the
        // last layer. The last axis is the fastest in both arrays.
        let sides = [width, height, depth].map(|side| u32::try_from(side + 3));
        let [Ok(x), Ok(y), Ok(z)] = sides else {
            return None;
        };
        let count = x.checked_mul(y)?.checked_mul(z)? as usize;
        let mut field = vec![1.0_f32; count];
        for (row, masses) in weights.chunks_exact(width).enumerate() {
            let (slice, line) = (row / height + 1, row % height + 1);
            let start = (slice * y as usize + line) * x as usize + 1;
            for (value, mass) in field[start..start + width].iter_mut().zip(masses) {
                *value = (1.0 - mass / level) as f32;
            }
        }
        let shape = RuntimeShape::<u32, 3>::new([x, y, z]);
        let mut found = SurfaceNetsBuffer::default();
        surface_nets(&field, &shape, [0; 3], [x - 1, y - 1, z - 1], &mut found);
        let (spacing, origin) = (grid.spacing(), grid.origin());
        let place = |[x, y, z]: &[f32; 3]| {
            // The layer shifts all cells by one, and the axes are those of the array.
            let cell = [z, y, x].map(|index| f64::from(*index) - 1.0);
            [0, 1, 2].map(|axis| origin[axis] + spacing[axis] * cell[axis])
        };
        // Axes in reverse order turn the surface inside out.
        let turned = |[a, b, c]: &[u32; 3]| [*a, *c, *b];
        Some(Self {
            corners: found.positions.iter().map(place).collect(),
            triangles: found.indices.as_chunks().0.iter().map(turned).collect(),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use haul::Grid;

    #[test]
    fn the_surface_of_a_ball_encloses_its_volume() {
        let (shape, spacing) = ([20, 24, 22], [0.1, 0.1, 0.1]);
        let grid = Grid::new(&shape, &spacing, &[0.05; 3]).unwrap();
        let centre = [1.0, 1.2, 1.1];
        let inside = |i: usize| {
            let point = grid.point(i);
            let square: f64 = point.iter().zip(centre).map(|(x, c)| (x - c).powi(2)).sum();
            // Shares of filled cells: the density falls over the width of a cell.
            ((0.65 - square.sqrt()) / 0.1 + 0.5).clamp(0.0, 1.0)
        };
        let weights = (0..grid.len()).map(inside).collect();
        let measure = Measure::grid(grid.clone(), weights).unwrap();
        let surface = Surface::of(&measure).unwrap();
        let corner = |k: u32| {
            let corner = surface.corners[k as usize];
            [0, 1, 2].map(|axis| corner[axis] - centre[axis])
        };
        // Each triangle and the centre span a volume, positive where the triangle is seen from outside.
        let volume: f64 = surface
            .triangles
            .iter()
            .map(|[a, b, c]| {
                let ([a, b, c], cross) = (
                    [corner(*a), corner(*b), corner(*c)],
                    |u: [f64; 3], v: [f64; 3]| {
                        [
                            u[1] * v[2] - u[2] * v[1],
                            u[2] * v[0] - u[0] * v[2],
                            u[0] * v[1] - u[1] * v[0],
                        ]
                    },
                );
                let normal = cross(b, c);
                (a[0] * normal[0] + a[1] * normal[1] + a[2] * normal[2]) / 6.0
            })
            .sum();
        let ball = 4.0 / 3.0 * std::f64::consts::PI * 0.65_f64.powi(3);
        assert!((volume / ball - 1.0).abs() < 0.06, "{volume} is not {ball}");
        let off = surface.corners.iter().map(|corner| {
            let square: f64 = corner
                .iter()
                .zip(centre)
                .map(|(x, c)| (x - c).powi(2))
                .sum();
            (square.sqrt() - 0.65).abs()
        });
        assert!(off.fold(0.0, f64::max) < 0.07);
    }

    #[test]
    fn a_volume_up_to_its_edge_has_a_closed_surface() {
        let grid = Grid::new(&[2, 2, 2], &[1.0; 3], &[0.5; 3]).unwrap();
        let full = Measure::grid(grid, vec![1.0; 8]).unwrap();
        let surface = Surface::of(&full).unwrap();
        let mut sides = std::collections::HashMap::new();
        for [a, b, c] in &surface.triangles {
            for side in [(a, b), (b, c), (c, a)] {
                *sides.entry(side).or_insert(0) += 1;
            }
        }
        // Every side of a triangle is that of another one, in the other direction.
        assert!(!sides.is_empty());
        for ((a, b), count) in &sides {
            assert_eq!((count, sides.get(&(b, a))), (&1, Some(&1)));
        }
    }
}
