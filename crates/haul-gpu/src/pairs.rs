//! The operators over pairs, as dispatches: which kernel, in which variant, over which tiles.

use crate::Error;
use crate::adapter::Kind;
use crate::arrays::{GpuPoints, GpuVector, GpuWeights, padded};
use crate::checks::{check, check_dimensions, check_potential, check_side};
use crate::context::part;
use crate::engine::{GpuEngine, Work};
use crate::params::{PairParams, VectorParams, coefficients, sharpness};
use crate::recorder::Binding;
use crate::tiles::{ALIGNMENT, ColumnRange, Extent, RowTile};
use haul_core::Cost;
use haul_core::engine::{Factor, Groups, Integrand, Kernel, Lines, Pairs, Side};
use haul_shaders::{Columns, Points, Power, Shader, Values, Workgroup};
use std::f64::consts::LN_2;
use std::ops::Range;
use std::sync::Arc;

/// Workgroups that keep a GPU busy, and each thread of a software adapter.
const GPU_PARALLELISM: usize = 1024;
const SOFTWARE_PARALLELISM: usize = 4;

/// A dispatch of less leaves a GPU idle.
const GPU_LEAST_WORKGROUPS: usize = 64;

/// A guess saves a part of a pass and costs two more dispatches: it pays from that much work on, in
/// pairs of dimension 3, on a GPU and on a software adapter.
const GPU_GUESS_PAYS: usize = 1 << 27;
const SOFTWARE_GUESS_PAYS: usize = 1 << 21;

/// A guessed sum is trusted within these limits, the lower one for each column: below it, powers
/// that were rounded off to 0 may have had a share that matters.
const LEAST_SUM: f64 = 1e-18;
const LARGEST_SUM: f64 = 1e30;

/// Work on which the variants of a kernel are measured, in pairs of dimension 3.
const MEASURED: usize = 1 << 26;

/// A product wider than this is computed by strips. Up to four dimensions a pass costs so little that many of them
/// are faster.
const WIDE: usize = 4;

/// One kernel over all pairs of two clouds.
#[derive(Clone, Copy)]
pub(crate) struct Pass<'a> {
    pub(crate) shader: Shader,
    pub(crate) kernel: Kernel,
    pub(crate) rows: &'a GpuPoints,
    pub(crate) columns: Terms<'a>,
    pub(crate) extra: Extra<'a>,
    pub(crate) out: &'a wgpu::Buffer,
}

/// What the columns bring to a sum.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) points: &'a GpuPoints,
    pub(crate) weights: &'a GpuWeights,
    pub(crate) potential: &'a wgpu::Buffer,
}

/// What a kernel wants beside the rows and the terms of the columns.
#[derive(Clone, Copy)]
pub(crate) enum Extra<'a> {
    /// The alarm for which it waits; 0 for none.
    Waiting { token: u32 },
    /// The guess of the result, and the alarm that is raised where it was none.
    Guess { guess: &'a wgpu::Buffer, token: u32 },
    /// The potential of the rows, φ, and the values of a pair from some channel on, of `width`:
    /// values of the column, or coordinates of a slope times one value of the column, or of a
    /// curvature in a direction of the row.
    Values {
        potential: &'a wgpu::Buffer,
        factor: Factor,
        values: &'a wgpu::Buffer,
        width: usize,
        channel: usize,
    },
}

/// What a sum over pairs is against.
#[derive(Clone, Copy)]
struct Sums<'a> {
    /// That of the rows.
    potential: &'a wgpu::Buffer,
    against: Values,
    factor: Factor,
    values: &'a wgpu::Buffer,
    width: usize,
}

impl Pass<'_> {
    /// In pairs of dimension 3.
    pub(crate) fn work(&self) -> usize {
        let pairs = self.rows.length * self.columns.points.length;
        pairs.saturating_mul(Extent::pair_work(self.rows.dimension))
    }

    /// Values of a row of the result.
    pub(crate) fn width(&self) -> usize {
        match self.extra {
            Extra::Values { width, .. } => width,
            _ => 1,
        }
    }

    /// Of how many slopes of the cost what it sums is a product.
    pub(crate) fn slopes(&self) -> i32 {
        match self.shader {
            Shader::Sums(_, Values::Slope) | Shader::Strip(_, Values::Slope) => 1,
            Shader::Sums(_, Values::Curvature) | Shader::Strip(_, Values::Curvature) => 2,
            _ => 0,
        }
    }

    /// Whether the weights of columns stay out of the exponent.
    pub(crate) fn is_of_excess(&self) -> bool {
        matches!(
            self.shader,
            Shader::Sums(_, Values::Excess) | Shader::Strip(_, Values::Excess)
        )
    }

    /// The weights of columns, as its kernel has them.
    pub(crate) fn weights(&self) -> &wgpu::Buffer {
        let weights = self.columns.weights;
        if self.is_of_excess() {
            &weights.relative
        } else {
            &weights.logarithms
        }
    }

    /// Floats of a state.
    fn state(&self) -> usize {
        match self.shader {
            Shader::Sums(_, values) => values.sums(),
            _ => 2,
        }
    }

    /// Whether it waits for an alarm, and so is hardly ever done.
    fn waits(&self) -> bool {
        matches!(self.extra, Extra::Waiting { token: 1.. })
    }

    pub(crate) fn parameters(&self) -> PairParams {
        let Terms {
            points, weights, ..
        } = self.columns;
        let parameters = PairParams {
            unit: (self.kernel.epsilon * LN_2) as f32,
            mean_weight: weights.mean as f32,
            log_mean_weight: weights.mean.log2() as f32,
            least_sum: (LEAST_SUM * points.length as f64) as f32,
            largest_sum: LARGEST_SUM as f32,
            ..PairParams::new(self.kernel, self.rows.dimension)
        };
        match self.extra {
            Extra::Waiting { token } | Extra::Guess { token, .. } => PairParams {
                token,
                ..parameters
            },
            Extra::Values {
                factor,
                width,
                channel,
                ..
            } => {
                let (factor_one, factor_cost) = match factor {
                    // What exceeds it is a kernel's matter.
                    Factor::One | Factor::Excess => (1.0, 0.0),
                    Factor::Cost => (0.0, 1.0 / sharpness(self.kernel) as f32),
                };
                // A slope comes in scaled units, and without the factor p.
                let slope =
                    f64::from(parameters.scale) * self.kernel.cost.p() / sharpness(self.kernel);
                let unit = slope.powi(self.slopes());
                PairParams {
                    width: width as u32,
                    channel: channel as u32,
                    factor_one,
                    factor_cost,
                    mean_weight: (unit * weights.mean) as f32,
                    ..parameters
                }
            }
        }
    }

    /// The same in another variant of its kernel.
    pub(crate) fn with_columns(self, columns: Columns) -> Self {
        let shader = self.shader.with_pairs(|pairs| haul_shaders::Pairs {
            columns,
            workgroup: match columns {
                Columns::Shared => Workgroup::Large,
                _ => pairs.workgroup,
            },
            ..pairs
        });
        Self { shader, ..self }
    }

    /// What a tile of rows and a tile of columns bind.
    fn bindings(&self, work: &Work, tile: &RowTile, columns: &Range<usize>) -> Vec<Binding> {
        let Terms {
            points, potential, ..
        } = self.columns;
        let padded = columns.start..padded(columns.end);
        let rows = |array: &wgpu::Buffer, width: usize| {
            let (first, length) = (tile.rows.start * width, tile.rows.len() * width);
            part(array, first, length)
        };
        let alarm = part(&work.alarm, 0, 1);
        let (own, last) = match self.extra {
            Extra::Waiting { .. } => (alarm, None),
            Extra::Guess { guess, .. } => (rows(guess, 1), Some(alarm)),
            Extra::Values {
                potential,
                values,
                width,
                ..
            } => {
                let values = match self.slopes() {
                    0 => part(values, columns.start * width, columns.len() * width),
                    1 => part(values, columns.start, columns.len()),
                    _ => rows(values, width),
                };
                (rows(potential, 1), Some(values))
            }
        };
        let mut bindings = vec![
            self.rows.range(&tile.rows),
            points.range(&padded),
            part(self.weights(), padded.start, padded.len()),
            part(potential, padded.start, padded.len()),
            own,
            self.states(work, tile),
            rows(self.out, self.width()),
        ];
        bindings.extend(last);
        bindings
    }

    /// The states of a tile of rows.
    fn states(&self, work: &Work, tile: &RowTile) -> Binding {
        part(&work.state, 0, tile.states * tile.rows.len() * self.state())
    }

    /// The kernel that makes a result of the states, and what it is told beside.
    fn finish(&self, work: &Work, tile: &RowTile) -> (Shader, VectorParams, Vec<Binding>) {
        let PairParams {
            unit,
            mean_weight,
            log_mean_weight,
            least_sum,
            largest_sum,
            token,
            width,
            channel,
            ..
        } = self.parameters();
        let rows = |array: &wgpu::Buffer, width: usize| {
            let (first, length) = (tile.rows.start * width, tile.rows.len() * width);
            part(array, first, length)
        };
        let (states, out) = (self.states(work, tile), rows(self.out, self.width()));
        let alarm = part(&work.alarm, 0, 1);
        let logarithm = [unit, log_mean_weight, least_sum, largest_sum].map(f64::from);
        let (shader, numbers, bindings) = match self.extra {
            Extra::Waiting { .. } => (Shader::SoftminFinish, logarithm, vec![states, alarm, out]),
            Extra::Guess { guess, .. } => {
                let bindings = vec![states, rows(guess, 1), out, alarm];
                (Shader::GuessedFinish, logarithm, bindings)
            }
            Extra::Values { .. } => {
                let Shader::Sums(_, values) = self.shader else {
                    return (self.shader, VectorParams::default(), Vec::new());
                };
                let numbers = [f64::from(mean_weight), 0.0, 0.0, 0.0];
                (Shader::SumsFinish(values), numbers, vec![states, out])
            }
        };
        let parameters = VectorParams {
            length: tile.rows.len() as u32,
            splits: tile.states as u32,
            token,
            width,
            channel,
            coefficients: coefficients(numbers),
            ..Default::default()
        };
        (shader, parameters, bindings)
    }
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
        let (n, m, lines) = self.check_pairs(pairs, columns)?;
        check("the result of a softmin", lines.length(n), out.length)?;
        if let Some(guess) = guess {
            check("the guess of a softmin", lines.length(n), guess.length)?;
        }
        if lines != Lines::ONE {
            return Err(self.unsupported("a softmin of many lines"));
        }
        if groups.is_some() {
            return Err(self.unsupported("the masses of groups"));
        }
        let reads: Vec<_> = columns.potential.into_iter().chain(guess).collect();
        out.version = self.record(&reads, |work| {
            self.with_terms(work, pairs.columns, columns, m, |work, terms| {
                let guess = guess.map(|guess| &guess.buffer);
                self.softmin_passes(work, pairs, terms, guess, &out.buffer)
            })
        })?;
        Ok(())
    }

    /// Records a softmin: with a guess of it as plain sums, which fall back on the running maximum
    /// where the guess was none; without one with the running maximum.
    fn softmin_passes(
        &self,
        work: &mut Work,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        columns: Terms<'_>,
        guess: Option<&wgpu::Buffer>,
        out: &wgpu::Buffer,
    ) -> Result<(), Error> {
        let variant = self.variant(pairs.kernel, pairs.rows)?;
        let maximum = Pass {
            shader: Shader::Softmin(variant),
            kernel: pairs.kernel,
            rows: pairs.rows,
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
        let Some(guess) = guess.filter(|_| pays) else {
            return self.record_whole(work, maximum);
        };
        work.alarms = work.alarms.wrapping_add(1).max(1);
        let token = work.alarms;
        let guessed = Pass {
            shader: Shader::Sums(variant, Values::None),
            extra: Extra::Guess { guess, token },
            ..maximum
        };
        self.record_whole(work, guessed)?;
        let fallback = Pass {
            extra: Extra::Waiting { token },
            ..maximum
        };
        self.record_whole(work, fallback)
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
        let (n, m, lines) = self.check_pairs(pairs, columns)?;
        check_potential("the potential of the rows", n, lines, rows)?;
        let width = lines.count().saturating_mul(integrand.width);
        let length = m.saturating_mul(width);
        check("the values of a product", length, integrand.values.length)?;
        check(
            "the result of a product",
            n.saturating_mul(width),
            out.length,
        )?;
        // Lines that have the exponential of a pair in common are values of a column.
        let of_line = |potential: Option<&GpuVector>, points: usize| {
            potential.is_some_and(|potential| potential.length != points)
        };
        let own = of_line(rows, n) || of_line(columns.potential, m);
        if own || lines.outer != 1 {
            return Err(self.unsupported("a product of many lines"));
        }
        let against = match (integrand.factor, width) {
            (Factor::Excess, _) => Values::Excess,
            (_, 1) => Values::One,
            _ => Values::Four,
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
        let (n, m, _) = self.check_pairs(pairs, columns)?;
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
        let (n, _, _) = self.check_pairs(pairs, columns)?;
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

    /// Refuses lengths that do not fit, and what has no kernel; tells n, m and the lines.
    fn check_pairs(
        &self,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        columns: Side<'_, Arc<GpuWeights>, GpuVector>,
    ) -> haul_core::Result<(usize, usize, Lines)> {
        check_dimensions(pairs)?;
        let (n, m) = (pairs.rows.length, pairs.columns.length);
        check_side(m, pairs.lines, columns)?;
        if pairs.near.is_some() {
            return Err(self.unsupported("a list of near columns"));
        }
        if columns
            .weights
            .is_some_and(|weights| weights.histograms > 1)
        {
            return Err(self.unsupported("weights of many histograms"));
        }
        Ok((n, m, pairs.lines))
    }

    /// Records something with the terms of the columns, where weights may be all 1, and potentials all 0.
    fn with_terms(
        &self,
        work: &mut Work,
        points: &GpuPoints,
        columns: Side<'_, Arc<GpuWeights>, GpuVector>,
        m: usize,
        record: impl FnOnce(&mut Work, Terms<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let weights = match columns.weights {
            Some(weights) => Arc::clone(weights),
            None => self.ones(work, m)?,
        };
        let potential = self.or_zeros(work, columns.potential, m)?;
        let terms = Terms {
            points,
            weights: &weights,
            potential: &potential,
        };
        record(work, terms)
    }

    /// A potential, or as many zeros.
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

    /// Records a sum over pairs against so many values, or coordinates of slopes, as the integrand is wide.
    fn record_sums(
        &self,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        rows: Option<&GpuVector>,
        columns: Side<'_, Arc<GpuWeights>, GpuVector>,
        against: Values,
        integrand: Integrand<'_, GpuVector>,
        out: &mut GpuVector,
    ) -> haul_core::Result<()> {
        let (n, m) = (pairs.rows.length, pairs.columns.length);
        let potentials = columns.potential.into_iter().chain(rows);
        let reads: Vec<_> = potentials.chain([integrand.values]).collect();
        out.version = self.record(&reads, |work| {
            let potential = self.or_zeros(work, rows, n)?;
            self.with_terms(work, pairs.columns, columns, m, |work, terms| {
                let sums = Sums {
                    potential: &potential,
                    against,
                    factor: integrand.factor,
                    values: &integrand.values.buffer,
                    width: integrand.width,
                };
                self.sums_passes(work, pairs, terms, sums, &out.buffer)
            })
        })?;
        Ok(())
    }

    /// Records sums: by strips where there are many values for a pass, else with
    /// as many passes as it takes for all results of a row.
    fn sums_passes(
        &self,
        work: &mut Work,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        columns: Terms<'_>,
        sums: Sums<'_>,
        out: &wgpu::Buffer,
    ) -> Result<(), Error> {
        let Sums { against, width, .. } = sums;
        let variant = self.variant(pairs.kernel, pairs.rows)?;
        let pass = |shader: Shader, channel: usize| Pass {
            shader,
            kernel: pairs.kernel,
            rows: pairs.rows,
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
        let strip = match against {
            Values::Slope | Values::Curvature => Some(against),
            _ if width <= WIDE => None,
            Values::Excess => Some(Values::Excess),
            _ => Some(Values::None),
        };
        if let Some(strip) = strip.filter(|_| !variant.points.are_few()) {
            return self.record_strips(work, pass(Shader::Strip(variant, strip), 0));
        }
        for channel in (0..width).step_by(against.sums()) {
            self.record_whole(work, pass(Shader::Sums(variant, against), channel))?;
        }
        Ok(())
    }

    /// Records a pass and its finish.
    fn record_whole(&self, work: &mut Work, pass: Pass<'_>) -> Result<(), Error> {
        let pass = self.settled(work, pass)?;
        let extent = self.extent(work, &pass)?;
        for tile in extent.tiles(0..pass.rows.length) {
            self.record_pass(work, &pass, &extent, &tile)?;
            if tile.states > 1 {
                let (shader, parameters, bindings) = pass.finish(work, &tile);
                self.record_vector(work, shader, parameters, bindings, 1)?;
            }
        }
        Ok(())
    }

    /// How a large softmin of this dimension fetches its columns: as was measured, or as is guessed
    /// where none has run yet. See [`Columns`].
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

    /// The kernel over pairs for a cost and a dimension, its columns not yet settled.
    fn variant(&self, kernel: Kernel, points: &GpuPoints) -> Result<haul_shaders::Pairs, Error> {
        let power = match kernel.cost {
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
            points: Points::of_dimension(points.dimension),
            power,
            columns: Columns::Loaded,
            workgroup: self.workgroup(),
        })
    }

    pub(crate) fn software(&self) -> bool {
        self.context.description.kind == Kind::Software
    }

    /// The workgroups that suit the adapter.
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
        for (index, range) in tile.dispatches.iter().enumerate() {
            let ColumnRange {
                tile: columns,
                groups,
                groups_per_split,
            } = range;
            let last = index + 1 == tile.dispatches.len();
            let parameters = PairParams {
                finished: u32::from(last && tile.states == 1),
                rows: tile.rows.len() as u32,
                first_group: groups.start as u32,
                last_group: groups.end as u32,
                groups_per_split: *groups_per_split as u32,
                carried: u32::from(index > 0),
                last_column: columns.len() as u32 - 1,
                ..pass.parameters()
            };
            let bindings = pass.bindings(work, tile, columns);
            let per_workgroup = pass.shader.rows_per_workgroup();
            let workgroups = (
                tile.rows.len().div_ceil(per_workgroup) as u32,
                tile.splits as u32,
            );
            // What waits for an alarm is hardly ever done.
            let done = !pass.waits();
            let pairs = tile.rows.len() * groups.len() * Shader::GROUP;
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

    /// The same pass in the variant of its kernel that suits the adapter. Once that pays, the variants are measured on a
    /// part of the work, for the passes that come after.
    fn settled<'a>(&self, work: &mut Work, pass: Pass<'a>) -> Result<Pass<'a>, Error> {
        if pass.slopes() > 0 || pass.is_of_excess() {
            // It has one variant.
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

    /// What decides about the division of a pass.
    pub(crate) fn extent(&self, work: &Work, pass: &Pass<'_>) -> Result<Extent, Error> {
        let dimension = pass.rows.dimension;
        let floats = Points::stride(dimension).max(pass.width());
        let extent = Extent {
            rows: pass.rows.length,
            columns: pass.columns.points.length,
            dimension,
            floats_per_column: floats,
            floats_per_row: floats,
            floats_per_state: match pass.shader {
                // 64 columns.
                Shader::Strip(..) => ALIGNMENT,
                shader => pass.state() * shader.splits_per_workgroup(),
            },
            shader: pass.shader,
            most_work: work.recorder.pace.dispatch(),
            binding: self.context.binding_limit(),
            parallelism: if self.software() {
                SOFTWARE_PARALLELISM * self.threads
            } else {
                GPU_PARALLELISM
            },
            least_workgroups: if self.software() {
                self.threads
            } else {
                GPU_LEAST_WORKGROUPS
            },
        };
        let (bytes, limit) = (extent.least_binding(), extent.binding);
        if bytes > limit {
            return Err(Error::TooLarge {
                what: "a binding of 64 points or values",
                bytes,
                limit,
            });
        }
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
