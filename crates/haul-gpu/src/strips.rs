//! Wide products, and sums of slopes in many dimensions, by strips of the plan.
//!
//! A pass costs d terms a pair for its distances; a product of width w adds w more. So the densities of a block of rows and
//! columns are computed once, into a buffer of bounded size, and multiplied with all values before the next block overwrites
//! them.

use crate::Error;
use crate::arrays::padded;
use crate::context::part;
use crate::engine::{GpuEngine, Work};
use crate::params::{PairParams, StripParams};
use crate::pass::{Extra, Pass, Terms};
use crate::tiles::{Extent, Strip};
use haul_core::engine::{Near, TILE};
use haul_shaders::{Factors, Shader, Values};
use std::ops::Range;

/// Bytes of a strip on a GPU, and in the caches of a software adapter.
const GPU_BYTES: u64 = 64 << 20;
const SOFTWARE_BYTES: u64 = 8 << 20;

impl GpuEngine {
    /// Bytes of a strip.
    pub(crate) fn strip_bytes(&self) -> u64 {
        if self.software() {
            SOFTWARE_BYTES
        } else {
            GPU_BYTES
        }
    }

    /// Records all strips of a pass, and their products: of all pairs, or of those of a list.
    pub(crate) fn record_strips(
        &self,
        work: &mut Work,
        pass: Pass<'_>,
        near: Option<&Near>,
    ) -> Result<(), Error> {
        let Shader::Strip(pairs, values) = pass.shader else {
            return Ok(());
        };
        let pass = match values {
            // They have one variant.
            Values::Excess | Values::Curvature => pass,
            _ => {
                let as_softmin = Shader::Sums(pairs, Values::None);
                pass.with_columns(self.choices.take(as_softmin, pass.work()).columns)
            }
        };
        let factors = match values {
            Values::None | Values::Excess if pass.width() % 4 == 0 => Factors::Quads,
            Values::None | Values::Excess => Factors::Values,
            _ => Factors::Differences,
        };
        let product = Shader::StripProduct(factors, self.workgroup());
        let all = Terms {
            listed: None,
            ..pass.columns
        };
        let pass = Pass {
            columns: all,
            ..pass
        };
        let extent = self.extent(work, &pass)?;
        for (rows, ranges) in blocks(near, extent.rows, extent.columns) {
            if ranges.is_empty() {
                let width = pass.width();
                let (first, length) = (rows.start * width, rows.len() * width);
                self.record_zeros(work, pass.out, first, length)?;
            }
            for (index, columns) in ranges.iter().enumerate() {
                let block = (rows.clone(), columns.clone());
                let (bytes, most) = (self.strip_bytes(), extent.strip_columns());
                for strip in extent.strips(block, bytes, most, product.quads()) {
                    let floats = strip.height() * padded(strip.columns.len());
                    self.grow(&mut work.strip, "a strip of the plan", floats)?;
                    self.record_densities(work, &pass, &extent, &strip)?;
                    let carried = index > 0 || strip.columns.start > columns.start;
                    self.record_strip_product(work, &pass, product, &strip, carried)?;
                }
            }
        }
        Ok(())
    }

    /// Records the densities of a strip.
    pub(crate) fn record_densities(
        &self,
        work: &mut Work,
        pass: &Pass<'_>,
        extent: &Extent,
        strip: &Strip,
    ) -> Result<(), Error> {
        let Extra::Values {
            potential,
            values,
            width,
            ..
        } = pass.extra
        else {
            return Ok(());
        };
        let Terms {
            points,
            potential: column_potential,
            ..
        } = pass.columns;
        let columns = strip.columns.start..padded(strip.columns.end);
        for dispatch in &strip.dispatches {
            let rows = strip.rows.start + dispatch.start..strip.rows.start + dispatch.end;
            let mut bindings = vec![
                pass.rows.range(&rows),
                points.range(&columns),
                part(pass.weights(), columns.start, columns.len()),
                part(column_potential, columns.start, columns.len()),
                part(potential, rows.start, rows.len()),
                part(&work.strip, 0, strip.height() * columns.len()),
            ];
            match pass.slopes() {
                0 => {}
                1 => bindings.push(part(values, columns.start, strip.columns.len())),
                _ => bindings.push(part(values, rows.start * width, rows.len() * width)),
            }
            let parameters = PairParams {
                rows: rows.len() as u32,
                last_group: (columns.len() / Shader::GROUP) as u32,
                groups_per_split: strip.groups_per_split as u32,
                last_column: strip.columns.len() as u32 - 1,
                height: strip.height() as u32,
                first_row: dispatch.start as u32,
                ..pass.parameters()
            };
            let workgroups = (
                rows.len().div_ceil(pass.shader.rows_per_workgroup()) as u32,
                strip.splits as u32,
            );
            let effort = rows.len() * columns.len() * Extent::pair_work(extent.dimension);
            work.recorder.record(
                &self.context,
                pass.shader,
                &parameters,
                bindings,
                workgroups,
                effort,
            )?;
        }
        Ok(())
    }

    /// Records the contribution of a strip to the result.
    fn record_strip_product(
        &self,
        work: &mut Work,
        pass: &Pass<'_>,
        shader: Shader,
        strip: &Strip,
        carried: bool,
    ) -> Result<(), Error> {
        let Extra::Values { values, width, .. } = pass.extra else {
            return Ok(());
        };
        let (rows, columns) = (&strip.rows, &strip.columns);
        let pairs = pass.parameters();
        let out = part(pass.out, rows.start * width, rows.len() * width);
        let strips = part(&work.strip, 0, strip.height() * padded(columns.len()));
        let differences = pass.slopes() > 0;
        let bindings = if differences {
            let points = pass.columns.points.range(columns);
            vec![strips, out, points, pass.rows.range(rows)]
        } else {
            let values = part(values, columns.start * width, columns.len() * width);
            vec![strips, out, values]
        };
        // The coordinates of a slope come without the scale of the kernel.
        let scale = if differences { pairs.scale } else { 1.0 };
        let quads = width.div_ceil(4);
        for first in (0..quads).step_by(strip.quads) {
            let parameters = StripParams {
                rows: rows.len() as u32,
                columns: columns.len() as u32,
                height: strip.height() as u32,
                width: width as u32,
                quads: quads as u32,
                first_quad: first as u32,
                carried: u32::from(carried),
                factor: scale * pairs.mean_weight,
            };
            let quads = strip.quads.min(quads - first);
            let workgroups = (
                rows.len().div_ceil(shader.rows_per_workgroup()) as u32,
                quads.div_ceil(shader.quads()) as u32,
            );
            work.recorder.record(
                &self.context,
                shader,
                &parameters,
                bindings.clone(),
                workgroups,
                strip.product_work(quads),
            )?;
        }
        Ok(())
    }
}

/// A range of rows, and the ranges of columns that all of them have.
type Block = (Range<usize>, Vec<Range<usize>>);

/// All rows with all columns, or the tiles of a list; adjacent tiles with the same columns are merged.
fn blocks(near: Option<&Near>, rows: usize, columns: usize) -> Vec<Block> {
    let Some(near) = near else {
        return vec![(0..rows, std::iter::once(0..columns).collect())];
    };
    let mut blocks: Vec<Block> = Vec::new();
    for tile in 0..rows.div_ceil(TILE) {
        let end = rows.min((tile + 1) * TILE);
        let ranges = near.of_tile(tile);
        match blocks.last_mut() {
            Some((rows, same)) if same == ranges => rows.end = end,
            _ => blocks.push((tile * TILE..end, ranges.to_vec())),
        }
    }
    blocks
}
