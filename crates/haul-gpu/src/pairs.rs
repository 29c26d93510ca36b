//! The operators over pairs: their kernels, variants and tiles.

use crate::Error;
use crate::adapter::Kind;
use crate::arrays::{GpuPoints, GpuVector, GpuWeights, padded};
use crate::checks::{check, check_dimensions, check_potential, check_side};
use crate::engine::{GpuEngine, Work};
use crate::groups::GroupMasses;
use crate::lines::OverLines;
use crate::near::{Listed, NearPart};
use crate::params::PairParams;
use crate::pass::{Extra, Pass, Terms};
use crate::tiles::{ALIGNMENT, ColumnRange, Extent, RowTile, elements};
use haul_core::Cost;
use haul_core::engine::{Factor, Groups, Integrand, Lines, Pairs, Side, TILE};
use haul_shaders::{Columns, Points, Power, Shader, Values, Workgroup};
use std::ops::Range;
use std::sync::Arc;

/// Workgroups that keep a GPU busy, and each thread of a software adapter.
const GPU_PARALLELISM: usize = 1024;
const SOFTWARE_PARALLELISM: usize = 4;

/// Least workgroups of a dispatch: fewer leave a GPU idle.
const GPU_LEAST_WORKGROUPS: usize = 64;

/// Least work for which a guess pays, in pairs of dimension 3, on a GPU and on a software adapter: a guess saves a part of a
/// pass and costs two more dispatches.
const GPU_GUESS_PAYS: usize = 1 << 27;
const SOFTWARE_GUESS_PAYS: usize = 1 << 21;

/// Work on which the variants of a kernel are measured, in pairs of dimension 3.
const MEASURED: usize = 1 << 26;

/// A product wider than this is computed by strips. Up to four dimensions a pass costs so little that many of them
/// are faster.
const WIDE: usize = 4;

/// The integrand of a sum over pairs.
#[derive(Clone, Copy)]
struct Sums<'a> {
    /// The potential of the rows.
    potential: &'a wgpu::Buffer,
    against: Values,
    factor: Factor,
    values: &'a wgpu::Buffer,
    width: usize,
}

impl GpuEngine {
    /// A softmin; see [`Engine::softmin`](haul_core::Engine::softmin).
    pub(crate) fn record_softmin(
        &self,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        columns: Side<'_, Arc<GpuWeights>, GpuVector>,
        guess: Option<&GpuVector>,
        groups: Option<Groups<'_, Arc<GpuWeights>, GpuVector>>,
        out: &mut GpuVector,
    ) -> haul_core::Result<()> {
        let (n, m) = self.check_pairs(pairs, columns)?;
        let length = pairs.lines.length(n);
        check("the result of a softmin", length, out.length)?;
        if let Some(guess) = guess {
            check("the guess of a softmin", length, guess.length)?;
        }
        let reads: Vec<_> = columns.potential.into_iter().chain(guess).collect();
        if pairs.lines != Lines::ONE {
            if groups.is_some() {
                return Err(self.unsupported("the masses of groups in many lines"));
            }
            if pairs.near.is_some() {
                return Err(self.unsupported("near columns of many lines"));
            }
            out.version = self.record(&reads, |work| {
                self.record_lines(work, pairs, columns, OverLines::Softmin, &out.buffer)
            })?;
            return Ok(());
        }
        let of_groups = groups
            .as_ref()
            .map(|groups| GroupMasses::new(groups, (n, m)));
        let of_groups = of_groups.transpose()?;
        if of_groups.is_some() && guess.is_none() {
            return Err(self.unsupported("the masses of groups without a guess"));
        }
        let starts = of_groups.as_ref().map_or(&[0][..], |groups| groups.columns);
        out.version = self.record(&reads, |work| {
            let kind = (haul_shaders::Terms::Whole, starts);
            let listed = of_groups.is_some();
            self.with_terms(work, pairs, columns, kind, (listed, 1), |work, terms| {
                let guess = guess.map(|guess| &guess.buffer);
                self.softmin_passes(work, pairs, terms, guess, of_groups.as_ref(), &out.buffer)
            })
        })?;
        if let Some(groups) = groups {
            groups.masses.version = out.version;
        }
        Ok(())
    }

    /// Records a softmin: with a guess, as plain sums, which fall back to the running maximum if the guess was off; without
    /// one, with the running maximum.
    fn softmin_passes(
        &self,
        work: &mut Work,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        columns: Terms<'_>,
        guess: Option<&wgpu::Buffer>,
        groups: Option<&GroupMasses<'_>>,
        out: &wgpu::Buffer,
    ) -> Result<(), Error> {
        let variant = self.variant(pairs)?;
        let maximum = Pass {
            shader: Shader::Softmin(variant),
            kernel: pairs.kernel,
            rows: pairs.rows,
            // Groups may begin within a tile of rows, and their masses are those of a pass of all rows.
            part: pairs.part.filter(|_| groups.is_none()),
            columns,
            extra: Extra::Waiting { token: 0 },
            out,
        };
        let pays = maximum.work()
            >= if self.software() {
                SOFTWARE_GUESS_PAYS
            } else {
                GPU_GUESS_PAYS
            };
        let Some(guess) = guess.filter(|_| pays || groups.is_some()) else {
            return self.record_whole(work, maximum);
        };
        work.alarms = work.alarms.wrapping_add(1).max(1);
        let token = work.alarms;
        let guessed = Pass {
            shader: Shader::Sums(variant, Values::None),
            extra: Extra::Guess { guess, token },
            ..maximum
        };
        let fallback = Pass {
            extra: Extra::Waiting { token },
            ..maximum
        };
        let Some(groups) = groups else {
            self.record_whole(work, guessed)?;
            return self.record_whole(work, fallback);
        };
        let near = haul_shaders::Pairs {
            columns: Columns::Near,
            ..variant
        };
        let summed = Pass {
            shader: Shader::GroupSums(near),
            ..guessed
        };
        let sums = self.record_group_sums(work, summed, (guess, token), groups)?;
        self.record_whole(work, fallback)?;
        let groups = (groups, columns.weights.mean);
        self.record_masses(work, pairs.kernel, sums, [guess, out], groups)
    }

    /// A product; see [`Engine::product`](haul_core::Engine::product).
    pub(crate) fn record_product(
        &self,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        rows: Option<&GpuVector>,
        columns: Side<'_, Arc<GpuWeights>, GpuVector>,
        integrand: Integrand<'_, GpuVector>,
        out: &mut GpuVector,
    ) -> haul_core::Result<()> {
        let (n, m) = self.check_pairs(pairs, columns)?;
        let lines = pairs.lines;
        check_potential("the potential of the rows", n, lines, rows)?;
        let width = lines.count().saturating_mul(integrand.width);
        let length = m.saturating_mul(width);
        check("the values of a product", length, integrand.values.length)?;
        check(
            "the result of a product",
            n.saturating_mul(width),
            out.length,
        )?;
        // Lines that share the exponential of a pair are values of a column.
        let has_lines = |length: Option<usize>, points: usize| length.is_some_and(|l| l != points);
        let own = has_lines(rows.map(|f| f.length), n)
            || has_lines(columns.potential.map(|g| g.length), m)
            || has_lines(columns.weights.map(|b| b.length), m);
        if pairs.near.is_some() && (own || lines.outer != 1) {
            return Err(self.unsupported("near columns of many lines"));
        }
        if own {
            let over = OverLines::Product {
                potential: rows,
                factor: integrand.factor,
                values: &integrand.values.buffer,
                width: integrand.width,
            };
            let potentials = columns.potential.into_iter().chain(rows);
            let reads: Vec<_> = potentials.chain([integrand.values]).collect();
            out.version = self.record(&reads, |work| {
                self.record_lines(work, pairs, columns, over, &out.buffer)
            })?;
            return Ok(());
        }
        let against = match (integrand.factor, width) {
            (Factor::Excess, _) => Values::Excess,
            (_, 1) => Values::One,
            _ => Values::Four,
        };
        // Outer lines are not values of a column: there the values of a line are adjacent lines.
        let (pairs, width) = match lines.outer {
            1 => (pairs, width),
            outer => {
                let inner = lines.inner.saturating_mul(integrand.width);
                (pairs.with_lines(Lines { outer, inner }), 1)
            }
        };
        let integrand = Integrand { width, ..integrand };
        self.record_sums(pairs, rows, columns, against, integrand, out)
    }

    /// A gradient; see [`Engine::gradient`](haul_core::Engine::gradient).
    pub(crate) fn record_gradient(
        &self,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        rows: Option<&GpuVector>,
        columns: Side<'_, Arc<GpuWeights>, GpuVector>,
        integrand: Integrand<'_, GpuVector>,
        out: &mut GpuVector,
    ) -> haul_core::Result<()> {
        let (n, m) = self.check_pairs(pairs, columns)?;
        check_potential("the potential of the rows", n, Lines::ONE, rows)?;
        check("the width of a gradient's values", 1, integrand.width)?;
        check("the values of a gradient", m, integrand.values.length)?;
        let width = pairs.rows.dimension;
        check(
            "the result of a gradient",
            n.saturating_mul(width),
            out.length,
        )?;
        if pairs.lines != Lines::ONE {
            return Err(self.unsupported("a gradient of many lines"));
        }
        if integrand.factor == Factor::Excess {
            return Err(self.unsupported("a gradient of what densities exceed 1 by"));
        }
        let integrand = Integrand { width, ..integrand };
        self.record_sums(pairs, rows, columns, Values::Slope, integrand, out)
    }

    /// A curvature; see [`Engine::curvature`](haul_core::Engine::curvature).
    pub(crate) fn record_curvature(
        &self,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        rows: Option<&GpuVector>,
        columns: Side<'_, Arc<GpuWeights>, GpuVector>,
        directions: &GpuVector,
        out: &mut GpuVector,
    ) -> haul_core::Result<()> {
        let (n, _) = self.check_pairs(pairs, columns)?;
        check_potential("the potential of the rows", n, Lines::ONE, rows)?;
        let width = pairs.rows.dimension;
        let length = n.saturating_mul(width);
        check("the directions of a curvature", length, directions.length)?;
        check("the result of a curvature", length, out.length)?;
        if pairs.lines != Lines::ONE {
            return Err(self.unsupported("a curvature of many lines"));
        }
        let along = Integrand {
            factor: Factor::One,
            values: directions,
            width,
        };
        self.record_sums(pairs, rows, columns, Values::Curvature, along, out)
    }

    /// Refuses lengths that do not match, and operations without a kernel; returns the numbers of rows and columns.
    pub(crate) fn check_pairs(
        &self,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        columns: Side<'_, Arc<GpuWeights>, GpuVector>,
    ) -> haul_core::Result<(usize, usize)> {
        check_dimensions(pairs)?;
        let (n, m) = (pairs.rows.length, pairs.columns.length);
        let Range { start, end } = pairs.wanted(n);
        if start > end || end > n {
            let what = "the wanted rows";
            return Err(haul_core::Error::Range { what, start, end });
        }
        check_side(m, pairs.lines, columns)?;
        if let Some(near) = pairs.near {
            check("the rows of near columns", n, near.rows())?;
            check("the columns of near columns", m, near.columns())?;
        }
        Ok((n, m))
    }

    /// Records a pass with the terms of the columns. Missing weights are 1, missing potentials 0. Kernels over a list have
    /// terms of a given kind, and entries that end where groups of columns begin.
    pub(crate) fn with_terms(
        &self,
        work: &mut Work,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        columns: Side<'_, Arc<GpuWeights>, GpuVector>,
        (kind, starts): (haul_shaders::Terms, &[usize]),
        (listed, width): (bool, usize),
        record: impl FnOnce(&mut Work, Terms<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (n, m) = (pairs.rows.length, pairs.columns.length);
        let weights = match columns.weights {
            Some(weights) => Arc::clone(weights),
            None => self.ones(work, m)?,
        };
        let potential = self.or_zeros(work, columns.potential, m)?;
        let terms = Terms {
            points: pairs.columns,
            weights: &weights,
            potential: &potential,
            listed: None,
        };
        if pairs.near.is_none() && !listed {
            return record(work, terms);
        }
        let floats = Points::stride(pairs.columns.dimension).max(width);
        let list = self.list(work, pairs.near, (n, m), starts, floats)?;
        let of_columns = (m, Lines::ONE, 1);
        let potential = columns.potential;
        let made = self.record_terms(work, kind, pairs.kernel, of_columns, &weights, potential)?;
        let listed = Some(Listed {
            terms: &made,
            list: &list,
        });
        record(work, Terms { listed, ..terms })
    }

    /// The potential, or zeros if there is none.
    fn or_zeros(
        &self,
        work: &mut Work,
        potential: Option<&GpuVector>,
        length: usize,
    ) -> Result<wgpu::Buffer, Error> {
        match potential {
            Some(potential) => Ok(potential.buffer.clone()),
            None => self.zero_buffer(work, padded(length)),
        }
    }

    /// Records a sum over pairs; the width of the integrand is the number of its values, or of coordinates of its slopes.
    fn record_sums(
        &self,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        rows: Option<&GpuVector>,
        columns: Side<'_, Arc<GpuWeights>, GpuVector>,
        against: Values,
        integrand: Integrand<'_, GpuVector>,
        out: &mut GpuVector,
    ) -> haul_core::Result<()> {
        let n = pairs.rows.length;
        let potentials = columns.potential.into_iter().chain(rows);
        let reads: Vec<_> = potentials.chain([integrand.values]).collect();
        out.version = self.record(&reads, |work| {
            let potential = self.or_zeros(work, rows, n)?;
            let kind = match against {
                Values::Excess => haul_shaders::Terms::Excess,
                _ => haul_shaders::Terms::Whole,
            };
            self.with_terms(
                work,
                pairs,
                columns,
                (kind, &[0]),
                (false, integrand.width),
                |work, terms| {
                    let sums = Sums {
                        potential: &potential,
                        against,
                        factor: integrand.factor,
                        values: &integrand.values.buffer,
                        width: integrand.width,
                    };
                    self.sums_passes(work, pairs, terms, sums, &out.buffer)
                },
            )
        })?;
        Ok(())
    }

    /// Records sums: by strips if a pass would have too many values, else in as many passes as all results of a row need.
    fn sums_passes(
        &self,
        work: &mut Work,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        columns: Terms<'_>,
        sums: Sums<'_>,
        out: &wgpu::Buffer,
    ) -> Result<(), Error> {
        let Sums { against, width, .. } = sums;
        let variant = self.variant(pairs)?;
        let pass = |shader: Shader, channel: usize| Pass {
            shader,
            kernel: pairs.kernel,
            rows: pairs.rows,
            part: pairs.part,
            columns,
            extra: Extra::Values {
                potential: sums.potential,
                factor: sums.factor,
                values: sums.values,
                width,
                channel,
            },
            out,
        };
        if pairs.lines.outer != 1 {
            let densities = match against {
                Values::Excess => Values::Excess,
                _ => Values::None,
            };
            let pass = pass(Shader::Strip(variant, densities), 0);
            return self.record_lines_of_densities(work, pairs, pass);
        }
        let strip = match against {
            Values::Slope | Values::Curvature => Some(against),
            _ if width <= WIDE => None,
            Values::Excess => Some(Values::Excess),
            _ => Some(Values::None),
        };
        if let Some(strip) = strip.filter(|_| !variant.points.are_few()) {
            let pass = pass(Shader::Strip(variant, strip), 0).with_columns(Columns::Loaded);
            return self.record_strips(work, pass, pairs.near);
        }
        for channel in (0..width).step_by(against.sums()) {
            self.record_whole(work, pass(Shader::Sums(variant, against), channel))?;
        }
        Ok(())
    }

    /// Records a pass and its finish.
    pub(crate) fn record_whole(&self, work: &mut Work, pass: Pass<'_>) -> Result<(), Error> {
        let pass = self.settled(work, pass)?;
        let extent = self.extent(work, &pass)?;
        for tile in extent.tiles(pass.wanted()) {
            self.record_pass(work, &pass, &extent, &tile)?;
            if tile.states > 1 || pass.is_never_finished() {
                let (shader, parameters, bindings) = pass.finish(work, &tile);
                self.record_vector(work, shader, parameters, bindings, 1)?;
            }
        }
        Ok(())
    }

    /// How a large softmin of this dimension fetches its columns: the measured choice, or the guess if there is none yet. See
    /// [`Columns`].
    pub fn columns(&self, dimension: usize) -> Columns {
        let pairs = haul_shaders::Pairs {
            points: Points::of_dimension(dimension),
            power: Power::Two,
            columns: Columns::Loaded,
            workgroup: self.workgroup(),
        };
        let guessed = Shader::Sums(pairs, Values::None);
        self.choices.take(guessed, usize::MAX).columns
    }

    /// The kernel over pairs for a cost and a dimension. Without a near list its columns are chosen later.
    pub(crate) fn variant(
        &self,
        pairs: Pairs<'_, Arc<GpuPoints>>,
    ) -> Result<haul_shaders::Pairs, Error> {
        let power = match pairs.kernel.cost {
            Cost::Euclidean => Power::One,
            Cost::SquaredEuclidean => Power::Two,
            Cost::Power(_) => Power::Any,
            other => {
                let what = "this cost";
                return Err(Error::Operation {
                    what,
                    message: format!("{other:?} has no kernel on the GPU"),
                });
            }
        };
        Ok(haul_shaders::Pairs {
            points: Points::of_dimension(pairs.rows.dimension),
            power,
            columns: match pairs.near {
                Some(_) => Columns::Near,
                None => Columns::Loaded,
            },
            workgroup: self.workgroup(),
        })
    }

    /// Workgroups that keep the device busy.
    pub(crate) fn parallelism(&self) -> usize {
        if self.software() {
            SOFTWARE_PARALLELISM * self.threads
        } else {
            GPU_PARALLELISM
        }
    }

    pub(crate) fn software(&self) -> bool {
        self.context.description.kind == Kind::Software
    }

    /// The size of workgroups for the adapter.
    pub(crate) fn workgroup(&self) -> Workgroup {
        if self.software() {
            Workgroup::Small
        } else {
            Workgroup::Large
        }
    }

    /// Records the kernel of a pass for one tile of rows.
    fn record_pass(
        &self,
        work: &mut Work,
        pass: &Pass<'_>,
        extent: &Extent,
        tile: &RowTile,
    ) -> Result<(), Error> {
        let state = tile.states * tile.rows.len() * pass.state();
        self.grow(&mut work.state, "the state of a kernel", state)?;
        let listed = pass.columns.listed;
        let parts: Vec<Option<&NearPart>> = match listed {
            Some(listed) => listed.list.parts().iter().map(Some).collect(),
            None => vec![None],
        };
        let steps = parts
            .iter()
            .flat_map(|part| tile.dispatches.iter().map(move |range| (*part, range)));
        let last = parts.len() * tile.dispatches.len() - 1;
        for (index, (part, range)) in steps.enumerate() {
            let ColumnRange {
                tile: columns,
                groups,
                groups_per_split,
            } = range;
            // Places in a list count over all columns of its part.
            let columns = part.map_or(columns, |part| &part.columns);
            let finished = index == last && tile.states == 1 && !pass.is_never_finished();
            let parameters = PairParams {
                finished: u32::from(finished),
                rows: tile.rows.len() as u32,
                first_group: groups.start as u32,
                last_group: groups.end as u32,
                groups_per_split: *groups_per_split as u32,
                carried: u32::from(index > 0),
                last_column: columns.len() as u32 - 1,
                first_column: columns.start as u32,
                first_tile: (tile.rows.start / TILE) as u32,
                ..pass.parameters()
            };
            let bindings = pass.bindings(work, tile, columns);
            let per_workgroup = pass.shader.rows_per_workgroup();
            let workgroups = (
                tile.rows.len().div_ceil(per_workgroup) as u32,
                tile.splits as u32,
            );
            // A pass that waits for an alarm rarely runs.
            let done = !pass.waits();
            let pairs = match part {
                Some(part) => part.pairs(tile.rows.clone(), groups.clone()),
                None => tile.rows.len() * groups.len() * Shader::GROUP,
            };
            let effort = usize::from(done) * pairs * Extent::pair_work(extent.dimension);
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

    /// The pass with the best variant of its kernel for the adapter. Where it pays, the variants are measured on a part of the
    /// work, for later passes.
    fn settled<'a>(&self, work: &mut Work, pass: Pass<'a>) -> Result<Pass<'a>, Error> {
        if pass.has_one_variant() {
            return Ok(pass);
        }
        let taken = self.choices.take(pass.shader, pass.work());
        if taken.measure && !pass.waits() {
            self.measure(work, &pass)?;
        }
        Ok(pass.with_columns(taken.columns))
    }

    /// Records a measurement of the variants of a pass.
    fn measure(&self, work: &mut Work, pass: &Pass<'_>) -> Result<(), Error> {
        let trials = self.choices.race(pass.shader);
        let variants = trials.iter().map(|trial| pass.with_columns(trial.columns));
        let least = variants.map(|pass| pass.shader.rows_per_workgroup()).max();
        let part = MEASURED as f64 / pass.work() as f64;
        let rows = (part * pass.rows.length as f64) as usize;
        let rows = rows.max(least.unwrap_or(1)).min(pass.rows.length);
        let bytes = rows * pass.width() * size_of::<f32>();
        let out = self.context.buffer("a measurement", bytes as u64)?;
        for trial in trials {
            let pass = Pass { out: &out, ..*pass }.with_columns(trial.columns);
            let extent = self.extent(work, &pass)?;
            work.recorder.begin();
            for tile in extent.tiles(0..rows) {
                self.record_pass(work, &pass, &extent, &tile)?;
            }
            work.recorder.end(trial);
        }
        Ok(())
    }

    /// The sizes that decide the division of a pass.
    pub(crate) fn extent(&self, work: &Work, pass: &Pass<'_>) -> Result<Extent, Error> {
        let (rows, columns) = (pass.rows, pass.columns.points);
        let extent = self.extent_of(work, pass.shader, rows, columns, pass.width())?;
        let floats_per_state = match pass.shader {
            Shader::Strip(..) => extent.floats_per_state,
            shader => pass.state() * shader.splits_per_workgroup(),
        };
        let extent = Extent {
            floats_per_state,
            parallelism: match pass.extra {
                // The sums of all splits fit one binding.
                Extra::Masses { groups, .. } => {
                    let floats =
                        elements(extent.binding, groups * rows.length.next_multiple_of(TILE));
                    let blocks = rows.length.div_ceil(pass.shader.rows_per_workgroup());
                    extent.parallelism.min(floats.saturating_mul(blocks))
                }
                _ => extent.parallelism,
            },
            ..extent
        };
        match pass.columns.listed {
            // The longest list decides. Columns are bound part by part.
            Some(listed) => Ok(Extent {
                columns: listed.list.most_columns().max(Shader::GROUP),
                floats_per_column: 1,
                ..extent
            }),
            None => Ok(extent),
        }
    }

    fn check_binding(&self, what: &'static str, bytes: u64) -> Result<(), Error> {
        let limit = self.context.binding_limit();
        if bytes > limit {
            return Err(Error::TooLarge { what, bytes, limit });
        }
        Ok(())
    }

    /// Like `extent`, for a kernel with `width` numbers a row or column; a state is 64 columns of a strip.
    pub(crate) fn extent_of(
        &self,
        work: &Work,
        shader: Shader,
        rows: &GpuPoints,
        columns: &GpuPoints,
        width: usize,
    ) -> Result<Extent, Error> {
        let dimension = rows.dimension;
        let floats = Points::stride(dimension).max(width);
        let extent = Extent {
            rows: rows.length,
            columns: columns.length,
            dimension,
            floats_per_column: floats,
            floats_per_row: floats,
            floats_per_state: ALIGNMENT,
            shader,
            most_work: work.recorder.pace.dispatch(),
            binding: self.context.binding_limit(),
            parallelism: self.parallelism(),
            least_workgroups: if self.software() {
                self.threads
            } else {
                GPU_LEAST_WORKGROUPS
            },
        };
        self.check_binding("a binding of 64 points or values", extent.least_binding())?;
        let most = extent.most_dimensions();
        if dimension > most {
            let (available, needed) = (most as u64, dimension as u64);
            return Err(Error::Limit {
                limit: "dimensions of a point",
                available,
                needed,
            });
        }
        Ok(extent)
    }
}
