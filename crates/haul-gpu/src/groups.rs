//! The masses of the plan between groups of points, from the pass that computes a softmin.

use crate::Error;
use crate::arrays::{GpuVector, GpuWeights};
use crate::checks::check;
use crate::context::part;
use crate::engine::{GpuEngine, Work};
use crate::params::{MassParams, VectorParams};
use crate::pass::{Extra, Pass, whole};
use haul_core::Result;
use haul_core::engine::{Groups, TILE};
use haul_shaders::{Columns, Shader};
use std::sync::Arc;

/// Iterations of all loops of an invocation, fewer than the 65 535 after which lavapipe ends them.
const MOST_ITERATIONS: usize = 60_000;

/// The groups of a softmin, checked.
pub(crate) struct GroupMasses<'a> {
    /// The first tile of each group of rows, and the number of tiles.
    tiles: Vec<u32>,
    /// Starts of the groups of columns, then the number of columns.
    pub(crate) columns: &'a [usize],
    weights: &'a GpuWeights,
    masses: wgpu::Buffer,
}

impl<'a> GroupMasses<'a> {
    /// Refuses invalid groups, and lengths that do not match.
    pub(crate) fn new(
        groups: &Groups<'a, Arc<GpuWeights>, GpuVector>,
        (n, m): (usize, usize),
    ) -> Result<Self> {
        check_groups("the groups of rows", groups.rows, n)?;
        check_groups("the groups of columns", groups.columns, m)?;
        check("the weights of the rows", n, groups.weights.length)?;
        let masses = (groups.rows.len() - 1).saturating_mul(groups.columns.len() - 1);
        check("the masses of groups", masses, groups.masses.length)?;
        let tiles = groups.rows.iter().map(|first| first.div_ceil(TILE) as u32);
        Ok(Self {
            tiles: tiles.collect(),
            columns: groups.columns,
            weights: groups.weights,
            masses: groups.masses.buffer.clone(),
        })
    }
}

/// Refuses groups that do not begin at 0, do not end with the points, descend, or split a tile.
fn check_groups(what: &'static str, starts: &[usize], points: usize) -> Result<()> {
    let ends = starts.first() == Some(&0) && starts.last() == Some(&points) && starts.len() > 1;
    if !ends {
        let end = starts.last().copied().unwrap_or(0);
        let start = starts.first().copied().unwrap_or(0);
        return Err(haul_core::Error::Range { what, start, end });
    }
    for pair in starts.windows(2) {
        let (start, end) = (pair[0], pair[1]);
        if start > end || !start.is_multiple_of(TILE) {
            return Err(haul_core::Error::Range { what, start, end });
        }
    }
    Ok(())
}

impl GpuEngine {
    /// Records a softmin from a guess, which may raise an alarm, and the masses between groups of the plan at the guess. `pass`
    /// is the pass with the guess.
    pub(crate) fn record_masses(
        &self,
        work: &mut Work,
        pass: Pass<'_>,
        (guess, token): (&wgpu::Buffer, u32),
        groups: &GroupMasses<'_>,
    ) -> std::result::Result<(), Error> {
        let Some(variant) = pass.shader.pairs() else {
            return Ok(());
        };
        let shader = Shader::GroupSums(haul_shaders::Pairs {
            columns: Columns::Near,
            ..variant
        });
        let (rows, columns) = (groups.tiles.len() - 1, groups.columns.len() - 1);
        let tiles = pass.rows.length.div_ceil(TILE);
        // `masses` is given here only to find how the columns are split.
        let of = |masses| Pass {
            shader,
            extra: Extra::Masses {
                guess,
                token,
                weights: &groups.weights.relative,
                groups: columns,
                masses,
            },
            ..pass
        };
        let extent = self.extent(work, &of(pass.out))?;
        let splits = extent.splits();
        let parts = shader.parts_per_tile();
        let floats = [splits, tiles, columns, parts];
        let floats = floats.into_iter().fold(1, usize::saturating_mul);
        let bytes = floats.saturating_mul(size_of::<f32>()) as u64;
        let limit = self.context.binding_limit();
        if bytes > limit {
            let what = "the masses of tiles";
            return Err(Error::TooLarge { what, bytes, limit });
        }
        self.grow(&mut work.masses, "the masses of tiles", floats)?;
        let masses = work.masses.clone();
        self.record_zeros(work, &masses, 0, floats)?;
        self.record_whole(work, of(&masses))?;
        let tiles_of_groups = &groups.tiles;
        let what = "the tiles of groups";
        let first_tiles = self
            .context
            .buffer_of(what, tiles_of_groups, tiles_of_groups.len())?;
        let bindings = vec![
            part(&masses, 0, floats),
            whole(&first_tiles),
            part(&groups.masses, 0, rows * columns),
        ];
        let per_dispatch = MOST_ITERATIONS / (1 + splits * (1 + parts));
        for first in (0..tiles).step_by(per_dispatch.max(1)) {
            let last = tiles.min(first + per_dispatch.max(1));
            let parameters = MassParams {
                rows: rows as u32,
                columns: columns as u32,
                tiles: tiles as u32,
                first_tile: first as u32,
                last_tile: last as u32,
                splits: splits as u32,
                parts: parts as u32,
                added: u32::from(first > 0),
                factor: (groups.weights.mean * pass.columns.weights.mean) as f32,
            };
            let workgroups = (rows * columns).div_ceil(Shader::Masses.rows_per_workgroup());
            self.context.check_workgroups(workgroups)?;
            work.recorder.record(
                &self.context,
                Shader::Masses,
                &parameters,
                bindings.clone(),
                (workgroups as u32, 1),
                (last - first) * columns * splits * parts,
            )?;
        }
        Ok(())
    }

    /// Records zeros for a number of elements of an array, from a multiple of 64 on.
    pub(crate) fn record_zeros(
        &self,
        work: &mut Work,
        array: &wgpu::Buffer,
        first: usize,
        length: usize,
    ) -> std::result::Result<(), Error> {
        for tile in self.elements(length, 1) {
            let parameters = VectorParams {
                length: tile.len() as u32,
                ..Default::default()
            };
            let mut bindings = vec![part(&work.partials, 0, 1); 4];
            bindings.push(part(array, first + tile.start, tile.len()));
            self.record_vector(work, Shader::Combine, parameters, bindings, 1)?;
        }
        Ok(())
    }
}
