//! Lists of near columns on the device, and the terms of columns for their kernels.

use crate::Error;
use crate::arrays::{GpuVector, GpuWeights, padded};
use crate::context::{Context, part};
use crate::engine::{GpuEngine, Work};
use crate::params::{TermParams, sharpness};
use crate::pass::whole;
use crate::recorder::Binding;
use crate::tiles::{elements, ranges, vector_tiles};
use haul_core::engine::{Kernel, Lines, Near, TILE};
use haul_shaders::{Shader, Terms};
use std::ops::Range;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// A near list, in parts of as many columns as a binding holds.
pub(crate) struct GpuNear {
    parts: Vec<NearPart>,
}

/// The list for a range of columns, in the layout of `clouds_near.wgsl`: an element for each tile of rows, then the entries.
pub(crate) struct NearPart {
    pub(crate) columns: Range<usize>,
    buffer: wgpu::Buffer,
    /// Groups of columns of each tile of rows.
    groups: Vec<u32>,
}

/// The columns of a list: their terms, and which of them are near.
#[derive(Clone, Copy)]
pub(crate) struct Listed<'a> {
    pub(crate) terms: &'a wgpu::Buffer,
    pub(crate) list: &'a GpuNear,
}

impl GpuNear {
    /// The elements of a list over `rows` rows and a range of columns, with all columns if there is no list, and the number of
    /// groups of 8 columns of each tile. Entries end where a group of columns does: groups begin at `starts`, whose last number
    /// is the end.
    fn elements(
        near: Option<&Near>,
        rows: usize,
        columns: &Range<usize>,
        starts: &[usize],
    ) -> (Vec<[u32; 4]>, Vec<u32>) {
        let tiles = rows.div_ceil(TILE);
        let mut elements = vec![[0; 4]; tiles];
        let mut groups = vec![0; tiles];
        let all = [columns.clone()];
        for tile in 0..tiles {
            if near.is_none() && tile > 0 {
                // Tiles with the same columns share their entries.
                (elements[tile], groups[tile]) = (elements[0], groups[0]);
                continue;
            }
            let first = elements.len();
            let mut place = 0;
            for range in near.map_or(&all[..], |near| near.of_tile(tile)) {
                let range = range.start.max(columns.start)..range.end.min(columns.end);
                for (part, share) in parts(&range, starts) {
                    let count = part.len().div_ceil(Shader::GROUP) as u32;
                    let group = (part.start - columns.start) / Shader::GROUP;
                    let offset = (group as u32).wrapping_sub(place);
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

    /// Its parts, in the order of their columns.
    pub(crate) fn parts(&self) -> &[NearPart] {
        &self.parts
    }

    /// Most columns in the list of a tile, over all parts, rounded up to groups.
    pub(crate) fn most_columns(&self) -> usize {
        let groups = self.parts.iter().flat_map(|part| &part.groups).max();
        groups.map_or(0, |groups| *groups as usize * Shader::GROUP)
    }

    /// Number of near pairs.
    pub(crate) fn pairs(&self) -> usize {
        let of_part = |part: &NearPart| part.pairs(0..part.groups.len() * TILE, 0..usize::MAX);
        self.parts.iter().map(of_part).sum()
    }
}

impl NearPart {
    fn upload(
        context: &Context,
        columns: Range<usize>,
        elements: &[[u32; 4]],
        groups: Vec<u32>,
    ) -> Result<Self, Error> {
        let buffer = context.buffer_of("a list of near columns", elements, elements.len())?;
        let (bytes, limit) = (buffer.size(), context.binding_limit());
        if bytes > limit {
            let what = "a list of near columns";
            return Err(Error::TooLarge { what, bytes, limit });
        }
        Ok(Self {
            columns,
            buffer,
            groups,
        })
    }

    /// Binding of the list.
    pub(crate) fn binding(&self) -> Binding {
        whole(&self.buffer)
    }

    /// Number of pairs of a range of rows with a range of places in their lists, in groups.
    pub(crate) fn pairs(&self, rows: Range<usize>, places: Range<usize>) -> usize {
        let tiles = rows.start / TILE..rows.end.div_ceil(TILE);
        let groups = self.groups[tiles].iter().map(|groups| {
            let end = places.end.min(*groups as usize);
            end.saturating_sub(places.start)
        });
        groups.sum::<usize>() * Shader::GROUP * TILE
    }
}

/// Splits a range of columns where groups of columns begin; returns each part with its group.
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
    /// Finds a list on the device, or uploads it: passes over the same list share one upload. A column takes `floats` floats in
    /// the largest array.
    pub(crate) fn list(
        &self,
        work: &mut Work,
        near: Option<&Near>,
        (rows, columns): (usize, usize),
        starts: &[usize],
        floats: usize,
    ) -> Result<Arc<GpuNear>, Error> {
        let most = elements(self.context.binding_limit(), floats).max(TILE);
        let parts: Vec<_> = ranges(0..columns, most)
            .map(|columns| {
                let (elements, groups) = GpuNear::elements(near, rows, &columns, starts);
                (columns, elements, groups)
            })
            .collect();
        let mut digest = Xxh3::new();
        for (columns, elements, _) in &parts {
            digest.update(&columns.end.to_le_bytes());
            digest.update(bytemuck::cast_slice(elements));
        }
        let digest = digest.digest128();
        if let Some(list) = work.lists.get(&digest) {
            return Ok(Arc::clone(list));
        }
        let list = work.upload(|| {
            let parts = parts.iter().map(|(columns, elements, groups)| {
                NearPart::upload(&self.context, columns.clone(), elements, groups.clone())
            });
            let parts = parts.collect::<Result<_, _>>()?;
            Ok(GpuNear { parts })
        })?;
        let list = Arc::new(list);
        work.lists.put(digest, Arc::clone(&list));
        Ok(list)
    }

    /// Records the terms of all columns of all lines, in a new buffer. `width` adjacent lines share theirs.
    pub(crate) fn record_terms(
        &self,
        work: &mut Work,
        terms: Terms,
        kernel: Kernel,
        (columns, lines, width): (usize, Lines, usize),
        weights: &GpuWeights,
        potential: Option<&GpuVector>,
    ) -> Result<wgpu::Buffer, Error> {
        let numbers = lines.length(columns);
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
        // 1: all lines share those of one line; 2: each line has its own.
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
                weights: whose(weights.length),
                potential: potential.map_or(0, |potential| whose(potential.length)),
                sharpness: if finite {
                    sharpness(kernel) as f32
                } else {
                    0.0
                },
                width: width as u32,
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
        let near = Near::new(
            150,
            300,
            [vec![0..64, 192..300], vec![], vec![64..128, 128..256]],
        )
        .unwrap();
        let (elements, groups) =
            GpuNear::elements(Some(&near), 150, &(0..300), &[0, 64, 64, 256, 300]);
        let group =
            |column: usize| [0, 2, 3][usize::from(column >= 64) + usize::from(column >= 256)];
        for (tile, groups) in groups.iter().enumerate() {
            let ranges = near.of_tile(tile).iter();
            let expected = ranges.flat_map(|range| range.start / 8..range.end.div_ceil(8));
            let expected: Vec<_> = expected.map(|at| (at, group(8 * at))).collect();
            assert_eq!(columns(&elements, tile), expected);
            assert_eq!(*groups as usize, expected.len());
        }
    }

    #[test]
    fn without_a_list_all_tiles_share_all_columns() {
        let (elements, groups) = GpuNear::elements(None, 500, &(0..100), &[0]);
        assert_eq!(elements.len(), 8 + 1);
        let all: Vec<_> = (0..13).map(|group| (group, 0)).collect();
        assert!((0..8).all(|tile| columns(&elements, tile) == all && groups[tile] == 13));
    }
}
