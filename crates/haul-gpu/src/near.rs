//! Lists of near columns on the device, and what columns bring to the kernels that take them.

use crate::Error;
use crate::arrays::{GpuVector, GpuWeights, padded};
use crate::context::{Context, part};
use crate::engine::{GpuEngine, Work};
use crate::params::{TermParams, sharpness};
use crate::pass::whole;
use crate::recorder::Binding;
use crate::store::Digest;
use crate::tiles::vector_tiles;
use haul_core::engine::{Kernel, Lines, Near, TILE};
use haul_shaders::{Shader, Terms};
use std::ops::Range;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128;

/// A list, laid out as `clouds_near.wgsl` says: an element for each tile of rows, then the entries.
pub(crate) struct GpuNear {
    buffer: wgpu::Buffer,
    /// Groups of columns of each tile of rows.
    groups: Vec<u32>,
    rows: usize,
}

/// The columns of a list: their terms, and which of them count.
#[derive(Clone, Copy)]
pub(crate) struct Listed<'a> {
    pub(crate) terms: &'a wgpu::Buffer,
    pub(crate) list: &'a GpuNear,
}

impl GpuNear {
    /// The elements of a list over so many rows and columns, all of them where there is none, with entries that end where a
    /// group of columns does: groups begin at `starts`, behind the last of which the columns end. Beside them the groups
    /// of 8 columns of each tile.
    fn elements(
        near: Option<&Near>,
        (rows, columns): (usize, usize),
        starts: &[usize],
    ) -> (Vec<[u32; 4]>, Vec<u32>) {
        let tiles = rows.div_ceil(TILE);
        let mut elements = vec![[0; 4]; tiles];
        let mut groups = vec![0; tiles];
        let all = [0..columns];
        for tile in 0..tiles {
            if near.is_none() && tile > 0 {
                // Tiles with the same columns have their entries in common.
                (elements[tile], groups[tile]) = (elements[0], groups[0]);
                continue;
            }
            let first = elements.len();
            let mut place = 0;
            for range in near.map_or(&all[..], |near| near.of_tile(tile)) {
                for (part, share) in parts(range, starts) {
                    let count = part.len().div_ceil(Shader::GROUP) as u32;
                    let offset = ((part.start / Shader::GROUP) as u32).wrapping_sub(place);
                    elements.push([place, place + count, offset, share as u32]);
                    place += count;
                }
            }
            if elements.len() == first {
                elements.push([0; 4]);
            }
            let entries = elements.len() - first;
            elements[tile] = [first as u32, entries as u32, place, 0];
            groups[tile] = place;
        }
        (elements, groups)
    }

    fn upload(
        context: &Context,
        elements: &[[u32; 4]],
        groups: Vec<u32>,
        rows: usize,
    ) -> Result<Self, Error> {
        let buffer = context.buffer_of("a list of near columns", elements, elements.len())?;
        let (bytes, limit) = (buffer.size(), context.binding_limit());
        if bytes > limit {
            let what = "a list of near columns";
            return Err(Error::TooLarge { what, bytes, limit });
        }
        Ok(Self {
            buffer,
            groups,
            rows,
        })
    }

    /// The list, as a kernel sees it.
    pub(crate) fn binding(&self) -> Binding {
        whole(&self.buffer)
    }

    /// Columns of the longest list of a tile, rounded up to groups.
    pub(crate) fn most_columns(&self) -> usize {
        let most = self.groups.iter().max();
        most.map_or(0, |groups| *groups as usize * Shader::GROUP)
    }

    /// Pairs that count.
    pub(crate) fn pairs(&self) -> usize {
        self.pairs_of(0..self.rows, 0..usize::MAX)
    }

    /// Pairs of some rows with some places of their lists, in groups.
    pub(crate) fn pairs_of(&self, rows: Range<usize>, places: Range<usize>) -> usize {
        let tiles = rows.start / TILE..rows.end.div_ceil(TILE);
        let groups = &self.groups[tiles];
        let groups = groups.iter().map(|groups| {
            let end = places.end.min(*groups as usize);
            end.saturating_sub(places.start)
        });
        groups.sum::<usize>() * Shader::GROUP * TILE
    }
}

/// A range of columns, cut where groups of columns begin; each part with its group.
fn parts<'s>(
    range: &Range<usize>,
    starts: &'s [usize],
) -> impl Iterator<Item = (Range<usize>, usize)> + 's {
    let Range { mut start, end } = *range;
    let mut share = starts.partition_point(|first| *first <= start).max(1) - 1;
    std::iter::from_fn(move || {
        if start >= end {
            return None;
        }
        while starts.get(share + 1).is_some_and(|next| *next <= start) {
            share += 1;
        }
        let next = starts.get(share + 1).map_or(end, |next| end.min(*next));
        let part = start..next;
        start = next;
        Some((part, share))
    })
}

impl GpuEngine {
    /// Uploads a list, or finds it on the device: who makes passes over the same list has it uploaded once.
    pub(crate) fn list(
        &self,
        work: &mut Work,
        near: Option<&Near>,
        (rows, columns): (usize, usize),
        starts: &[usize],
    ) -> Result<Arc<GpuNear>, Error> {
        let (elements, groups) = GpuNear::elements(near, (rows, columns), starts);
        let digest: Digest = xxh3_128(bytemuck::cast_slice(&elements));
        if let Some(list) = work.lists.get(&digest) {
            return Ok(Arc::clone(list));
        }
        let upload = || GpuNear::upload(&self.context, &elements, groups.clone(), rows);
        let list = Arc::new(work.upload(upload)?);
        work.lists.put(digest, Arc::clone(&list));
        Ok(list)
    }

    /// Records the terms of so many columns in so many lines, as often as a line has values, and makes room for them.
    pub(crate) fn record_terms(
        &self,
        work: &mut Work,
        terms: Terms,
        kernel: Kernel,
        (columns, lines, width): (usize, Lines, usize),
        weights: &GpuWeights,
        potential: Option<&GpuVector>,
    ) -> Result<wgpu::Buffer, Error> {
        let numbers = lines.length(columns).saturating_mul(width);
        let floats = if terms == Terms::Excess { 2 } else { 1 };
        let room = floats * padded(numbers);
        let (bytes, limit) = (
            (room * size_of::<f32>()) as u64,
            self.context.binding_limit(),
        );
        if bytes > limit {
            let what = "the terms of the columns";
            return Err(Error::TooLarge { what, bytes, limit });
        }
        self.grow(&mut work.terms, "the terms of the columns", room)?;
        // 1: those of one line serve all; 2: each line has its own.
        let whose = |length: usize| if length == columns { 1 } else { 2 };
        let array = match terms {
            Terms::Excess => &weights.relative,
            _ => &weights.logarithms,
        };
        let finite = kernel.epsilon.is_finite();
        let shader = Shader::Terms(terms);
        let bindings = vec![
            part(array, 0, weights.length),
            potential.map_or(part(array, 0, 1), |g| part(&g.buffer, 0, g.length)),
            part(&work.terms, 0, room),
        ];
        for tile in vector_tiles(padded(numbers), shader.rows_per_workgroup(), u64::MAX) {
            let parameters = TermParams {
                length: tile.len() as u32,
                first: tile.start as u32,
                numbers: numbers as u32,
                points: columns as u32,
                inner: lines.inner as u32,
                width: width as u32,
                weights: whose(weights.length),
                potential: potential.map_or(0, |potential| whose(potential.length)),
                sharpness: if finite {
                    sharpness(kernel) as f32
                } else {
                    0.0
                },
            };
            let workgroups = tile.len().div_ceil(shader.rows_per_workgroup());
            work.recorder.record(
                &self.context,
                shader,
                &parameters,
                bindings.clone(),
                (workgroups as u32, 1),
                tile.len(),
            )?;
        }
        Ok(work.terms.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pairs of group of rows, column and group of columns that an element of a tile stands for.
    fn columns(elements: &[[u32; 4]], tile: usize) -> Vec<(usize, usize)> {
        let [first, count, groups, _] = elements[tile];
        let entries = &elements[first as usize..][..count as usize];
        let mut next = 0;
        let mut columns = Vec::new();
        for [start, end, offset, share] in entries {
            assert_eq!(*start, next, "places are one after the other");
            next = *end;
            let places = *start..*end;
            columns.extend(
                places.map(|place| (place.wrapping_add(*offset) as usize, *share as usize)),
            );
        }
        assert_eq!(next, groups);
        columns
    }

    #[test]
    fn a_list_names_its_columns_and_their_groups() {
        let near = Near::new(150, 300, [vec![0..64, 192..300], vec![], vec![64..256]]).unwrap();
        let (elements, groups) = GpuNear::elements(Some(&near), (150, 300), &[0, 64, 64, 256, 300]);
        let group =
            |column: usize| [0, 2, 3][usize::from(column >= 64) + usize::from(column >= 256)];
        for tile in 0..3 {
            let ranges = near.of_tile(tile).iter();
            let expected = ranges.flat_map(|range| range.start / 8..range.end.div_ceil(8));
            let expected: Vec<_> = expected.map(|at| (at, group(8 * at))).collect();
            assert_eq!(columns(&elements, tile), expected);
            assert_eq!(groups[tile] as usize, expected.len());
        }
    }

    #[test]
    fn without_a_list_all_tiles_share_all_columns() {
        let (elements, groups) = GpuNear::elements(None, (500, 100), &[0]);
        assert_eq!(elements.len(), 8 + 1);
        let all: Vec<_> = (0..13).map(|group| (group, 0)).collect();
        assert!((0..8).all(|tile| columns(&elements, tile) == all && groups[tile] == 13));
    }
}
