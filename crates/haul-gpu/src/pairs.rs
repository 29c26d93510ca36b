//! The operators over pairs, as dispatches: which kernel, in which variant, over which tiles.

use crate::Error;
use crate::adapter::Kind;
use crate::cloud::{GpuCloud, GpuVector, padded};
use crate::context::part;
use crate::engine::{GpuEngine, Work};
use crate::params::{PairParams, VectorParams, coefficients, sharpness};
use crate::recorder::Binding;
use crate::tiles::{ColumnRange, Extent, RowTile};
use haul_core::Cost;
use haul_core::engine::{Factor, Kernel, Side};
use haul_shaders::{Columns, Pairs, Points, Power, Shader, Values, Workgroup};
use std::f64::consts::LN_2;
use std::ops::Range;
use std::time::{Duration, Instant};

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
    pub(crate) rows: &'a GpuCloud,
    pub(crate) columns: Side<'a, GpuEngine>,
    pub(crate) extra: Extra<'a>,
    pub(crate) out: &'a GpuVector,
}

/// What a kernel wants beside both clouds and the potential of the columns.
#[derive(Clone, Copy)]
pub(crate) enum Extra<'a> {
    /// The alarm for which it waits; 0 for none.
    Waiting { token: u32 },
    /// The guess of the result, and the alarm that is raised where it was none.
    Guess { guess: &'a GpuVector, token: u32 },
    /// The potential of the rows, φ, and the values of a pair from some channel on, of `width`:
    /// values of the column, or coordinates of a slope times one value of the column, or of a
    /// curvature in a direction of the row.
    Values {
        potential: &'a GpuVector,
        factor: Factor,
        values: &'a GpuVector,
        width: usize,
        channel: usize,
    },
}

impl Pass<'_> {
    /// In pairs of dimension 3.
    pub(crate) fn work(&self) -> usize {
        let pairs = self.rows.length * self.columns.cloud.length;
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
        let cloud = self.columns.cloud;
        if self.is_of_excess() {
            &cloud.weights
        } else {
            &cloud.log_weights
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
        let cloud = self.columns.cloud;
        let parameters = PairParams {
            unit: (self.kernel.epsilon * LN_2) as f32,
            mean_weight: cloud.mean_weight as f32,
            log_mean_weight: cloud.mean_weight.log2() as f32,
            least_sum: (LEAST_SUM * cloud.length as f64) as f32,
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
                    mean_weight: (unit * cloud.mean_weight) as f32,
                    ..parameters
                }
            }
        }
    }

    /// The same in another variant of its kernel.
    pub(crate) fn with_columns(self, columns: Columns) -> Self {
        let shader = self.shader.with_pairs(|pairs| Pairs {
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
        let Side { cloud, potential } = self.columns;
        let padded = columns.start..padded(columns.end);
        let rows = |vector: &GpuVector, width: usize| {
            let (first, length) = (tile.rows.start * width, tile.rows.len() * width);
            part(&vector.buffer, first, length)
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
                    0 => part(&values.buffer, columns.start * width, columns.len() * width),
                    1 => part(&values.buffer, columns.start, columns.len()),
                    _ => rows(values, width),
                };
                (rows(potential, 1), Some(values))
            }
        };
        let mut bindings = vec![
            self.rows.points(&tile.rows),
            cloud.points(&padded),
            part(self.weights(), padded.start, padded.len()),
            part(&potential.buffer, padded.start, padded.len()),
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
        let rows = |vector: &GpuVector, width: usize| {
            let (first, length) = (tile.rows.start * width, tile.rows.len() * width);
            part(&vector.buffer, first, length)
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
    /// Records a softmin: with a guess of it as plain sums, which fall back on the running maximum
    /// where the guess was none; without one with the running maximum.
    pub(crate) async fn record_softmin(
        &self,
        work: &mut Work,
        kernel: Kernel,
        rows: &GpuCloud,
        columns: Side<'_, Self>,
        guess: Option<&GpuVector>,
        out: &GpuVector,
    ) -> Result<(), Error> {
        let pairs = self.pairs(kernel, rows)?;
        let maximum = Pass {
            shader: Shader::Softmin(pairs),
            kernel,
            rows,
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
            return self.record(work, maximum).await;
        };
        work.alarms = work.alarms.wrapping_add(1).max(1);
        let token = work.alarms;
        let guessed = Pass {
            shader: Shader::Sums(pairs, Values::None),
            extra: Extra::Guess { guess, token },
            ..maximum
        };
        self.record(work, guessed).await?;
        let fallback = Pass {
            extra: Extra::Waiting { token },
            ..maximum
        };
        self.record(work, fallback).await
    }

    /// Records a kernel–vector product against so many values: by strips where there are many for a pass, else with
    /// as many passes as it takes for all `width` results of a row.
    pub(crate) async fn record_sums(
        &self,
        work: &mut Work,
        kernel: Kernel,
        (rows, columns): (Side<'_, Self>, Side<'_, Self>),
        (against, width): (Values, usize),
        (factor, values): (Factor, &GpuVector),
        out: &GpuVector,
    ) -> Result<(), Error> {
        let pairs = self.pairs(kernel, rows.cloud)?;
        let strip = match against {
            Values::Slope | Values::Curvature => Some(against),
            _ if width <= WIDE => None,
            Values::Excess => Some(Values::Excess),
            _ => Some(Values::None),
        };
        if let Some(strip) = strip.filter(|_| !pairs.points.are_few()) {
            let pass = Pass {
                shader: Shader::Strip(pairs, strip),
                kernel,
                rows: rows.cloud,
                columns,
                extra: Extra::Values {
                    potential: rows.potential,
                    factor,
                    values,
                    width,
                    channel: 0,
                },
                out,
            };
            return self.record_strips(work, pass).await;
        }
        for channel in (0..width).step_by(against.sums()) {
            let pass = Pass {
                shader: Shader::Sums(pairs, against),
                kernel,
                rows: rows.cloud,
                columns,
                extra: Extra::Values {
                    potential: rows.potential,
                    factor,
                    values,
                    width,
                    channel,
                },
                out,
            };
            self.record(work, pass).await?;
        }
        Ok(())
    }

    /// Records a pass and its finish.
    async fn record(&self, work: &mut Work, pass: Pass<'_>) -> Result<(), Error> {
        let pass = self.settled(work, pass).await?;
        let extent = self.extent(work, &pass)?;
        for tile in extent.tiles(0..pass.rows.length) {
            self.record_pass(work, &pass, &extent, &tile).await?;
            if tile.states > 1 {
                let (shader, parameters, bindings) = pass.finish(work, &tile);
                self.record_vector(work, shader, parameters, bindings)
                    .await?;
            }
        }
        Ok(())
    }

    /// How a large softmin of this dimension fetches its columns: as was measured, or as is guessed
    /// where none has run yet. See [`Columns`].
    pub fn columns(&self, dimension: usize) -> Columns {
        let pairs = Pairs {
            points: Points::of_dimension(dimension),
            power: Power::Two,
            columns: Columns::Loaded,
            workgroup: self.workgroup(),
        };
        let guessed = Shader::Sums(pairs, Values::None);
        self.choices.take(guessed, usize::MAX).columns
    }

    /// The kernel over pairs for a cost and a dimension, its columns not yet settled.
    fn pairs(&self, kernel: Kernel, cloud: &GpuCloud) -> Result<Pairs, Error> {
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
        Ok(Pairs {
            points: Points::of_dimension(cloud.dimension),
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
    async fn record_pass(
        &self,
        work: &mut Work,
        pass: &Pass<'_>,
        extent: &Extent,
        tile: &RowTile,
    ) -> Result<(), Error> {
        let state = tile.states * tile.rows.len() * pass.state();
        self.grow(&mut work.state, "the state of a kernel", state)
            .await?;
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
            work.recorder
                .record(
                    &self.context,
                    pass.shader,
                    &parameters,
                    bindings,
                    workgroups,
                    effort,
                )
                .await?;
        }
        Ok(())
    }

    /// The same pass in the variant of its kernel that suits the adapter; once that pays, the
    /// variants are measured first, on a part of the work.
    async fn settled<'a>(&self, work: &mut Work, pass: Pass<'a>) -> Result<Pass<'a>, Error> {
        if pass.slopes() > 0 || pass.is_of_excess() {
            // It has one variant.
            return Ok(pass);
        }
        let taken = self.choices.take(pass.shader, pass.work());
        let with = |columns| pass.with_columns(columns);
        if !taken.measure || pass.waits() {
            return Ok(with(taken.columns));
        }
        let mut fastest = (Duration::MAX, taken.columns);
        for columns in self.choices.candidates() {
            let pass = with(*columns);
            let extent = self.extent(work, &pass)?;
            let part = MEASURED as f64 / pass.work() as f64;
            let rows = (part * pass.rows.length as f64) as usize;
            let rows = rows.max(pass.shader.rows_per_workgroup());
            // The first run compiles the kernel.
            for timed in [false, true] {
                self.wait(work).await?;
                let start = Instant::now();
                for tile in extent.tiles(0..rows.min(pass.rows.length)) {
                    self.record_pass(work, &pass, &extent, &tile).await?;
                }
                self.wait(work).await?;
                if timed {
                    fastest = fastest.min((start.elapsed(), *columns));
                }
            }
        }
        let (time, columns) = fastest;
        tracing::debug!(kernel = ?pass.shader, ?columns, ?time, "measured");
        self.choices.keep(pass.shader, columns);
        Ok(with(columns))
    }

    /// What decides about the division of a pass.
    pub(crate) fn extent(&self, work: &Work, pass: &Pass<'_>) -> Result<Extent, Error> {
        let dimension = pass.rows.dimension;
        let floats = Points::stride(dimension).max(pass.width());
        let extent = Extent {
            rows: pass.rows.length,
            columns: pass.columns.cloud.length,
            dimension,
            floats_per_column: floats,
            floats_per_row: floats,
            floats_per_state: pass.state() * pass.shader.splits_per_workgroup(),
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
