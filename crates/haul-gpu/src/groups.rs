//! The masses of the plan between groups of points, from the pass that computes a softmin.

use crate::Error;
use crate::arrays::{GpuVector, GpuWeights};
use crate::checks::check;
use crate::context::part;
use crate::engine::{GpuEngine, Work};
use crate::params::{MassParams, VectorParams, sharpness};
use crate::pass::{Extra, Pass, whole};
use haul_core::Result;
use haul_core::engine::{GROUP, Groups, Kernel, TILE};
use haul_shaders::Shader;
use std::sync::Arc;

/// Iterations of all loops of an invocation, fewer than the 65 535 after which lavapipe ends them.
const MOST_ITERATIONS: usize = 60_000;

/// The groups of a softmin, checked.
pub(crate) struct GroupMasses<'a> {
    /// The first row of each group, and the number of rows.
    rows: Vec<u32>,
    /// Starts of the groups of columns, then the number of columns.
    pub(crate) columns: &'a [usize],
    weights: &'a GpuWeights,
    damping: f64,
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
        Ok(Self {
            rows: groups.rows.iter().map(|first| *first as u32).collect(),
            columns: groups.columns,
            weights: groups.weights,
            damping: groups.damping,
            masses: groups.masses.buffer.clone(),
        })
    }
}

/// Refuses groups that do not begin at 0, do not end with the points, descend, or begin at other points than multiples of
/// [`GROUP`].
fn check_groups(what: &'static str, starts: &[usize], points: usize) -> Result<()> {
    let ends = starts.first() == Some(&0) && starts.last() == Some(&points) && starts.len() > 1;
    if !ends {
        let end = starts.last().copied().unwrap_or(0);
        let start = starts.first().copied().unwrap_or(0);
        return Err(haul_core::Error::Range { what, start, end });
    }
    for pair in starts.windows(2) {
        let (start, end) = (pair[0], pair[1]);
        if start > end || !start.is_multiple_of(GROUP) {
            return Err(haul_core::Error::Range { what, start, end });
        }
    }
    Ok(())
}

/// Where the sums of a softmin's rows over groups of columns are, splits × groups × rows.
pub(crate) struct GroupSums {
    sums: wgpu::Buffer,
    splits: usize,
}

impl GpuEngine {
    /// Records a softmin from a guess, which may raise an alarm, and the sums of its rows over groups of columns. `pass` is the
    /// pass of their kernel.
    pub(crate) fn record_group_sums(
        &self,
        work: &mut Work,
        pass: Pass<'_>,
        (guess, token): (&wgpu::Buffer, u32),
        groups: &GroupMasses<'_>,
    ) -> std::result::Result<GroupSums, Error> {
        let columns = groups.columns.len() - 1;
        let tiles = pass.rows.length.div_ceil(TILE);
        // `sums` is given here only to find how the columns are split.
        let of = |sums| Pass {
            extra: Extra::Masses {
                guess,
                token,
                groups: columns,
                sums,
            },
            ..pass
        };
        let splits = self.extent(work, &of(pass.out))?.splits();
        let floats = [splits, columns, tiles * TILE];
        let floats = floats.into_iter().fold(1, usize::saturating_mul);
        let bytes = floats.saturating_mul(size_of::<f32>()) as u64;
        let limit = self.context.binding_limit();
        if bytes > limit {
            let what = "the sums of groups";
            return Err(Error::TooLarge { what, bytes, limit });
        }
        self.grow(&mut work.masses, "the sums of groups", floats)?;
        let sums = work.masses.clone();
        self.record_zeros(work, &sums, 0, floats)?;
        self.record_whole(work, of(&sums))?;
        Ok(GroupSums { sums, splits })
    }

    /// Records the masses between groups, from the sums of a softmin and its result, which is recorded already.
    pub(crate) fn record_masses(
        &self,
        work: &mut Work,
        kernel: Kernel,
        GroupSums { sums, splits }: GroupSums,
        [guess, result]: [&wgpu::Buffer; 2],
        (groups, mean_weight): (&GroupMasses<'_>, f64),
    ) -> std::result::Result<(), Error> {
        let (rows, columns) = (groups.rows.len() - 1, groups.columns.len() - 1);
        let n = groups.weights.length;
        let stride = n.div_ceil(TILE) * TILE;
        let what = "the rows of groups";
        let first_rows = self.context.buffer_of(what, &groups.rows, rows + 1)?;
        let bindings = vec![
            part(&sums, 0, splits * columns * stride),
            whole(&first_rows),
            part(&groups.weights.relative, 0, n),
            part(guess, 0, n),
            part(result, 0, n),
            part(&groups.masses, 0, rows * columns),
        ];
        let per_dispatch = (MOST_ITERATIONS / (1 + splits)).max(1);
        for first in (0..n).step_by(per_dispatch) {
            let last = n.min(first + per_dispatch);
            let parameters = MassParams {
                rows: rows as u32,
                columns: columns as u32,
                stride: stride as u32,
                first_row: first as u32,
                last_row: last as u32,
                splits: splits as u32,
                added: u32::from(first > 0),
                factor: (groups.weights.mean * mean_weight) as f32,
                sharpness: sharpness(kernel) as f32,
                damping: groups.damping as f32,
            };
            let workgroups = (rows * columns).div_ceil(Shader::Masses.rows_per_workgroup());
            self.context.check_workgroups(workgroups)?;
            work.recorder.record(
                &self.context,
                Shader::Masses,
                &parameters,
                bindings.clone(),
                (workgroups as u32, 1),
                (last - first) * columns * splits,
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
