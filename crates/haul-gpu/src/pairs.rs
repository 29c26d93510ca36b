//! The operators over pairs, as dispatches: which kernel, in which variant, over which tiles.

use crate::Error;
use crate::adapter::Kind;
use crate::context::part;
use crate::engine::{GpuCloud, GpuEngine, GpuVector, Work, padded};
use crate::params::{PairParams, VectorParams, coefficients, sharpness};
use crate::recorder::Binding;
use crate::tiles::{ColumnRange, Extent, RowTile};
use haul_core::Cost;
use haul_core::engine::{Factor, Integrand, Kernel, Side};
use haul_shaders::{Columns, Pairs, Points, Power, Shader, Values};
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

/// One kernel over all pairs of two clouds.
#[derive(Clone, Copy)]
struct Pass<'a> {
    shader: Shader,
    kernel: Kernel,
    rows: &'a GpuCloud,
    columns: Side<'a, GpuEngine>,
    extra: Extra<'a>,
}

/// What a kernel wants beside both clouds and the potential of the columns.
#[derive(Clone, Copy)]
enum Extra<'a> {
    /// The alarm for which it waits; 0 for none.
    Alarm(u32),
    /// The potential of the rows.
    Potential(&'a GpuVector),
    /// That, and what is summed: φ, and the values of a column from some channel on.
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
    fn work(&self) -> usize {
        let pairs = self.rows.length * self.columns.cloud.length;
        pairs.saturating_mul(Extent::pair_work(self.rows.dimension))
    }

    /// Values of a column.
    fn width(&self) -> usize {
        match self.extra {
            Extra::Values { width, .. } => width,
            _ => 1,
        }
    }

    /// Floats of a state.
    fn state(&self) -> usize {
        match self.shader {
            Shader::Sums(_, values) => values.sums(),
            _ => 2,
        }
    }

    fn parameters(&self) -> PairParams {
        let parameters = PairParams::new(self.kernel, self.rows.dimension);
        match self.extra {
            Extra::Alarm(awaited) => PairParams {
                awaited,
                ..parameters
            },
            Extra::Potential(_) => parameters,
            Extra::Values {
                factor,
                width,
                channel,
                ..
            } => {
                let (factor_one, factor_cost) = match factor {
                    Factor::One => (1.0, 0.0),
                    Factor::Cost => (0.0, 1.0 / sharpness(self.kernel) as f32),
                };
                PairParams {
                    width: width as u32,
                    channel: channel as u32,
                    factor_one,
                    factor_cost,
                    ..parameters
                }
            }
        }
    }

    /// What a tile of rows and a tile of columns bind.
    fn bindings(&self, work: &Work, tile: &RowTile, columns: &Range<usize>) -> Vec<Binding> {
        let Side { cloud, potential } = self.columns;
        let padded = columns.start..padded(columns.end);
        let rows = |vector: &GpuVector| part(&vector.buffer, tile.rows.start, tile.rows.len());
        let state = tile.states * tile.rows.len() * self.state();
        let mut bindings = vec![
            self.rows.points(&tile.rows),
            cloud.points(&padded),
            part(&cloud.log_weights, padded.start, padded.len()),
            part(&potential.buffer, padded.start, padded.len()),
            match self.extra {
                Extra::Alarm(_) => part(&work.alarm, 0, 1),
                Extra::Potential(potential) | Extra::Values { potential, .. } => rows(potential),
            },
            part(&work.state, 0, state),
        ];
        if let Extra::Values { values, width, .. } = self.extra {
            let (first, length) = (columns.start * width, columns.len() * width);
            bindings.push(part(&values.buffer, first, length));
        }
        bindings
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
        let pairs = pairs(kernel, rows)?;
        let maximum = Pass {
            shader: Shader::Softmin(pairs),
            kernel,
            rows,
            columns,
            extra: Extra::Alarm(0),
        };
        let pays = maximum.work()
            >= if self.software() {
                SOFTWARE_GUESS_PAYS
            } else {
                GPU_GUESS_PAYS
            };
        let Some(guess) = guess.filter(|_| pays) else {
            return self
                .record_maximum(work, maximum, 0..rows.length, out)
                .await;
        };

        let guessed = Pass {
            shader: Shader::Sums(pairs, Values::None),
            extra: Extra::Potential(guess),
            ..maximum
        };
        let guessed = self.settled(work, guessed).await?;
        let extent = self.extent(work, &guessed)?;
        for tile in extent.tiles(0..rows.length) {
            self.record_pass(work, &guessed, &extent, &tile).await?;
            work.alarms = work.alarms.wrapping_add(1).max(1);
            let awaited = work.alarms;
            let parameters = VectorParams {
                length: tile.rows.len() as u32,
                splits: tile.states as u32,
                token: awaited,
                coefficients: coefficients([
                    kernel.epsilon * LN_2,
                    columns.cloud.mean_weight.log2(),
                    LEAST_SUM * columns.cloud.length as f64,
                    LARGEST_SUM,
                ]),
                ..Default::default()
            };
            let bindings = vec![
                part(&work.state, 0, tile.states * tile.rows.len()),
                part(&guess.buffer, tile.rows.start, tile.rows.len()),
                part(&out.buffer, tile.rows.start, tile.rows.len()),
                part(&work.alarm, 0, 1),
            ];
            self.record_vector(work, Shader::GuessedFinish, parameters, bindings)
                .await?;
            let fallback = Pass {
                extra: Extra::Alarm(awaited),
                ..maximum
            };
            self.record_maximum(work, fallback, tile.rows, out).await?;
        }
        Ok(())
    }

    /// Records a softmin of some rows with the running maximum.
    async fn record_maximum(
        &self,
        work: &mut Work,
        pass: Pass<'_>,
        rows: Range<usize>,
        out: &GpuVector,
    ) -> Result<(), Error> {
        let Extra::Alarm(awaited) = pass.extra else {
            return Ok(());
        };
        let pass = self.settled(work, pass).await?;
        let extent = self.extent(work, &pass)?;
        for tile in extent.tiles(rows) {
            self.record_pass(work, &pass, &extent, &tile).await?;
            let parameters = VectorParams {
                length: tile.rows.len() as u32,
                splits: tile.states as u32,
                token: awaited,
                coefficients: coefficients([
                    pass.kernel.epsilon * LN_2,
                    pass.columns.cloud.mean_weight.log2(),
                ]),
                ..Default::default()
            };
            let bindings = vec![
                part(&work.state, 0, tile.states * tile.rows.len() * 2),
                part(&work.alarm, 0, 1),
                part(&out.buffer, tile.rows.start, tile.rows.len()),
            ];
            self.record_vector(work, Shader::SoftminFinish, parameters, bindings)
                .await?;
        }
        Ok(())
    }

    /// Records a product.
    pub(crate) async fn record_product(
        &self,
        work: &mut Work,
        kernel: Kernel,
        rows: Side<'_, Self>,
        columns: Side<'_, Self>,
        integrand: Integrand<'_, GpuVector>,
        out: &GpuVector,
    ) -> Result<(), Error> {
        let Integrand {
            factor,
            values,
            width,
        } = integrand;
        let at_once = if width == 1 {
            Values::One
        } else {
            Values::Four
        };
        let shader = Shader::Sums(pairs(kernel, rows.cloud)?, at_once);
        let mut pass = Pass {
            shader,
            kernel,
            rows: rows.cloud,
            columns,
            extra: Extra::Alarm(0),
        };
        for channel in (0..width).step_by(at_once.sums()) {
            pass.extra = Extra::Values {
                potential: rows.potential,
                factor,
                values,
                width,
                channel,
            };
            pass = self.settled(work, pass).await?;
            let extent = self.extent(work, &pass)?;
            for tile in extent.tiles(0..rows.cloud.length) {
                self.record_pass(work, &pass, &extent, &tile).await?;
                let parameters = VectorParams {
                    length: tile.rows.len() as u32,
                    splits: tile.states as u32,
                    width: width as u32,
                    channel: channel as u32,
                    coefficients: coefficients([columns.cloud.mean_weight]),
                    ..Default::default()
                };
                let state = tile.states * tile.rows.len() * at_once.sums();
                let bindings = vec![
                    part(&work.state, 0, state),
                    part(
                        &out.buffer,
                        tile.rows.start * width,
                        tile.rows.len() * width,
                    ),
                ];
                self.record_vector(work, Shader::SumsFinish(at_once), parameters, bindings)
                    .await?;
            }
        }
        Ok(())
    }

    fn software(&self) -> bool {
        self.context.description.kind == Kind::Software
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
            let parameters = PairParams {
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
            let done = !matches!(pass.extra, Extra::Alarm(1..));
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
        let taken = self.choices.take(pass.shader, pass.work());
        let with = |columns| Pass {
            shader: pass.shader.with_pairs(|pairs| Pairs { columns, ..pairs }),
            ..pass
        };
        if !taken.measure || matches!(pass.extra, Extra::Alarm(1..)) {
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
    fn extent(&self, work: &Work, pass: &Pass<'_>) -> Result<Extent, Error> {
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
        if dimension > Extent::MOST_DIMENSIONS {
            let (available, needed) = (Extent::MOST_DIMENSIONS as u64, dimension as u64);
            return Err(Error::Limit {
                limit: "dimensions of a point",
                available,
                needed,
            });
        }
        Ok(extent)
    }
}

/// The kernel over pairs for a cost and a dimension.
fn pairs(kernel: Kernel, cloud: &GpuCloud) -> Result<Pairs, Error> {
    let power = match kernel.cost {
        Cost::Euclidean => Power::One,
        Cost::SquaredEuclidean => Power::Two,
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
    })
}
