//! The operators of the Engine trait, as kernels.

use crate::Error;
use crate::adapter::{Description, Kind, Selection};
use crate::context::{Context, part};
use crate::params::{PairParams, VectorParams, sharpness};
use crate::readback::Readback;
use crate::recorder::{Binding, Recorder};
use crate::tiles::{ALIGNMENT, ColumnRange, Extent, RowTile, vector_tiles};
use haul_core::engine::{ABSORB_LOG2, Factor, Integrand, Kernel, Ratio, STEP_LOG2, Side};
use haul_core::{Cost, Engine, Precision};
use haul_shaders::{Columns, Pairs, Points, Power, Shader, Width};
use std::f64::consts::{LN_2, LOG2_E};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Stands for the logarithm of a weight 0.
const LOWEST: f32 = -1e30;

/// Workgroups that keep a GPU busy, and a software adapter.
const GPU_PARALLELISM: usize = 1024;
const SOFTWARE_PARALLELISM: usize = 16;

/// Groups of columns hold 8, and a broadcast needs a lane for each.
const BROADCAST_LANES: u32 = 8;

/// An engine on a wgpu device. All of it is computed in f32.
///
/// ```no_run
/// use haul_core::{Measure, Sinkhorn};
/// use haul_gpu::{GpuEngine, Selection};
/// let engine = GpuEngine::new(&Selection::Automatic)?;
/// let a = Measure::uniform(&[0.0, 0.0, 1.0, 0.0], 2)?;
/// let b = Measure::uniform(&[0.0, 1.0, 1.0, 1.0], 2)?;
/// let solution = Sinkhorn::blur(0.1).solve(&engine, &a, &b)?;
/// println!("{} on {}", solution.value(), solution.report().device);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct GpuEngine {
    context: Context,
    name: String,
    columns: Columns,
    // One lock for all that a dispatch changes: what is recorded must stay in order.
    work: Mutex<Work>,
}

struct Work {
    recorder: Recorder,
    readback: Readback,
    state: wgpu::Buffer,
    partials: wgpu::Buffer,
}

/// A weighted cloud on the device.
pub struct GpuCloud {
    points: wgpu::Buffer,
    log_weights: wgpu::Buffer,
    weights: wgpu::Buffer,
    length: usize,
    dimension: usize,
    /// The weights on the device are relative to it.
    mean_weight: f64,
}

/// A vector on the device.
pub struct GpuVector {
    buffer: wgpu::Buffer,
    length: usize,
}

impl GpuEngine {
    /// Opens the adapter that a selection means.
    pub fn new(selection: &Selection) -> Result<Self, Error> {
        pollster::block_on(async { Self::on(Context::open(selection).await?).await })
    }

    /// Works on a device that is open already, beside whatever else it does. It needs no feature;
    /// `Features::SUBGROUP` makes it faster. Its handlers of errors and of its loss stay the
    /// caller's.
    pub fn from_wgpu(device: wgpu::Device, queue: wgpu::Queue) -> Result<Self, Error> {
        pollster::block_on(async { Self::on(Context::with(device, queue)?).await })
    }

    /// The same engine with columns fetched in a given way. [`Columns::Broadcast`] needs
    /// subgroups of at least 8 lanes; by default it is taken where they are.
    pub fn with_columns(mut self, columns: Columns) -> Result<Self, Error> {
        let (least, _) = self.context.description.subgroup_sizes;
        if columns == Columns::Broadcast && least < BROADCAST_LANES {
            let (available, needed) = (least.into(), BROADCAST_LANES.into());
            return Err(Error::Limit {
                limit: "lanes of a subgroup",
                available,
                needed,
            });
        }
        self.columns = columns;
        Ok(self)
    }

    /// How columns are fetched.
    pub fn columns(&self) -> Columns {
        self.columns
    }

    /// The adapter behind the device.
    pub fn description(&self) -> &Description {
        &self.context.description
    }

    async fn on(context: Context) -> Result<Self, Error> {
        let description = &context.description;
        let name = format!("{} ({})", description.name, description.backend);
        let broadcast = description.subgroup_sizes.0 >= BROADCAST_LANES;
        let work = Work {
            recorder: Recorder::new(&context).await?,
            readback: Readback::new(&context).await?,
            state: context.buffer("the state of a kernel", 4).await?,
            partials: context.buffer("partial sums", 4).await?,
        };
        Ok(Self {
            columns: if broadcast {
                Columns::Broadcast
            } else {
                Columns::Loaded
            },
            context,
            name,
            work: Mutex::new(work),
        })
    }

    /// Runs an operation with everything it may change; the only place that blocks.
    fn run<T>(
        &self,
        operation: impl AsyncFnOnce(&mut Work) -> Result<T, Error>,
    ) -> haul_core::Result<T> {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        pollster::block_on(operation(&mut work)).map_err(|error| haul_core::Error::Device {
            device: self.name.clone(),
            source: Box::new(error),
        })
    }

    async fn upload(&self, what: &'static str, values: &[f64]) -> Result<GpuVector, Error> {
        let length = values.len();
        let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
        let buffer = self
            .context
            .buffer_of(what, &values, padded(length))
            .await?;
        Ok(GpuVector { buffer, length })
    }

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
            columns: self.columns,
        })
    }

    /// The division of an operator over pairs.
    fn extent(
        &self,
        shader: Shader,
        rows: &GpuCloud,
        columns: &GpuCloud,
        width: usize,
        state: usize,
    ) -> Result<Extent, Error> {
        let stride = Points::stride(rows.dimension);
        let software = self.context.description.kind == Kind::Software;
        let extent = Extent {
            rows: rows.length,
            columns: columns.length,
            dimension: rows.dimension,
            floats_per_column: stride.max(width),
            floats_per_row: stride.max(width),
            floats_per_state: state,
            rows_per_workgroup: shader.rows_per_workgroup(),
            binding: self.context.binding_limit(),
            parallelism: if software {
                SOFTWARE_PARALLELISM
            } else {
                GPU_PARALLELISM
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
        if extent.dimension > Extent::MOST_DIMENSIONS {
            let (available, needed) = (Extent::MOST_DIMENSIONS as u64, extent.dimension as u64);
            return Err(Error::Limit {
                limit: "dimensions of a point",
                available,
                needed,
            });
        }
        Ok(extent)
    }

    /// Records the dispatches of a kernel over pairs for one tile of rows. `bindings` gives the
    /// buffers for a tile of columns, the state apart.
    async fn dispatch_pairs(
        &self,
        work: &mut Work,
        shader: Shader,
        extent: &Extent,
        tile: &RowTile,
        parameters: PairParams,
        bindings: impl Fn(&Range<usize>) -> Vec<Binding>,
    ) -> Result<(), Error> {
        let state = tile.splits * tile.rows.len() * extent.floats_per_state;
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
                ..parameters
            };
            let mut bindings = bindings(columns);
            bindings.push(part(&work.state, 0, state));
            let workgroups = (
                tile.rows.len().div_ceil(extent.rows_per_workgroup) as u32,
                tile.splits as u32,
            );
            let pairs = tile.rows.len() * groups.len() * Shader::GROUP;
            let cost = pairs * extent.pair_work();
            work.recorder
                .record(
                    &self.context,
                    shader,
                    &parameters,
                    bindings,
                    workgroups,
                    cost,
                )
                .await?;
        }
        Ok(())
    }

    /// Records a kernel over `length` elements.
    async fn dispatch_vector(
        &self,
        work: &mut Work,
        shader: Shader,
        parameters: VectorParams,
        bindings: Vec<Binding>,
    ) -> Result<(), Error> {
        let workgroups = (parameters.length as usize).div_ceil(shader.rows_per_workgroup()) as u32;
        let cost = parameters.length as usize;
        work.recorder
            .record(
                &self.context,
                shader,
                &parameters,
                bindings,
                (workgroups, 1),
                cost,
            )
            .await
    }

    /// Makes room for that many floats in a buffer whose contents are not needed any more.
    async fn grow(
        &self,
        buffer: &mut wgpu::Buffer,
        what: &'static str,
        floats: usize,
    ) -> Result<(), Error> {
        let bytes = (floats * size_of::<f32>()) as u64;
        if buffer.size() < bytes {
            *buffer = self.context.buffer(what, bytes).await?;
        }
        Ok(())
    }

    /// Sums that workgroups leave as partial ones, finished in f64: `terms` lists the shader and
    /// the arrays of each sum, all of one length.
    async fn sums(
        &self,
        work: &mut Work,
        shader: Shader,
        length: usize,
        coefficient: f64,
        terms: &[Vec<&wgpu::Buffer>],
    ) -> Result<Vec<f64>, Error> {
        let per_workgroup = shader.rows_per_workgroup();
        let per_sum = length.div_ceil(per_workgroup);
        if per_sum == 0 {
            return Ok(vec![0.0; terms.len()]);
        }
        self.grow(&mut work.partials, "partial sums", per_sum * terms.len())
            .await?;
        for (index, arrays) in terms.iter().enumerate() {
            for tile in vector_tiles(length, self.context.binding_limit()) {
                let parameters = VectorParams {
                    length: tile.len() as u32,
                    first_partial: (index * per_sum + tile.start / per_workgroup) as u32,
                    coefficients: [coefficient as f32, 0.0, 0.0, 0.0],
                    ..Default::default()
                };
                let mut bindings: Vec<_> = arrays
                    .iter()
                    .map(|array| part(array, tile.start, tile.len()))
                    .collect();
                bindings.push(part(&work.partials, 0, per_sum * terms.len()));
                self.dispatch_vector(work, shader, parameters, bindings)
                    .await?;
            }
        }
        let Work {
            recorder,
            readback,
            partials,
            ..
        } = work;
        let partials = readback
            .read(&self.context, recorder, partials, per_sum * terms.len())
            .await?;
        let finish = |partials: &[f32]| partials.iter().map(|&partial| f64::from(partial)).sum();
        Ok(partials.chunks_exact(per_sum).map(finish).collect())
    }
}

impl Engine for GpuEngine {
    type Cloud = GpuCloud;
    type Vector = GpuVector;

    fn device(&self) -> &str {
        &self.name
    }

    fn precision(&self) -> Precision {
        Precision::F32
    }

    fn cloud(
        &self,
        points: &[f64],
        dimension: usize,
        weights: &[f64],
    ) -> haul_core::Result<GpuCloud> {
        if dimension == 0 {
            return Err(haul_core::Error::ZeroDimension);
        }
        if weights.is_empty() {
            return Err(haul_core::Error::EmptyCloud);
        }
        check(
            "the coordinates of a cloud",
            weights.len() * dimension,
            points.len(),
        )?;
        let length = weights.len();
        let mean_weight = weights.iter().sum::<f64>() / length as f64;
        let stride = Points::stride(dimension);
        let mut stored = vec![0f32; padded(length) * stride];
        for (stored, point) in stored
            .chunks_exact_mut(stride)
            .zip(points.chunks_exact(dimension))
        {
            for (stored, &x) in stored.iter_mut().zip(point) {
                *stored = x as f32;
            }
        }
        let relative: Vec<f32> = weights
            .iter()
            .map(|weight| (weight / mean_weight) as f32)
            .collect();
        let mut logs: Vec<f32> = weights
            .iter()
            .map(|weight| log_weight(weight / mean_weight))
            .collect();
        logs.resize(padded(length), LOWEST);
        self.run(async |_| {
            Ok(GpuCloud {
                points: self
                    .context
                    .buffer_of("the points of a cloud", &stored, stored.len())
                    .await?,
                log_weights: self
                    .context
                    .buffer_of("the weights of a cloud", &logs, logs.len())
                    .await?,
                weights: self
                    .context
                    .buffer_of("the weights of a cloud", &relative, padded(length))
                    .await?,
                length,
                dimension,
                mean_weight,
            })
        })
    }

    fn vector(&self, values: &[f64]) -> haul_core::Result<GpuVector> {
        self.run(async |_| self.upload("a vector", values).await)
    }

    fn read(&self, vector: &GpuVector) -> haul_core::Result<Vec<f64>> {
        if vector.length == 0 {
            return Ok(Vec::new());
        }
        let values = self.run(async |work| {
            let Work {
                recorder, readback, ..
            } = work;
            readback
                .read(&self.context, recorder, &vector.buffer, vector.length)
                .await
        })?;
        Ok(values.into_iter().map(f64::from).collect())
    }

    // The running maximum costs a few percent and knows no range; the guess is not needed.
    fn softmin(
        &self,
        kernel: Kernel,
        rows: &GpuCloud,
        columns: Side<'_, Self>,
        _shift: Option<&GpuVector>,
        out: &mut GpuVector,
    ) -> haul_core::Result<()> {
        let Side { cloud, potential } = columns;
        check(
            "the coordinates of a point",
            cloud.dimension,
            rows.dimension,
        )?;
        check(
            "the potential of the columns",
            cloud.length,
            potential.length,
        )?;
        check("the potential of the rows", rows.length, out.length)?;
        self.run(async |work| {
            let shader = Shader::Softmin(self.pairs(kernel, cloud)?);
            let extent = self.extent(shader, rows, cloud, 1, 2)?;
            for tile in extent.tiles() {
                let row_points = rows.points(&tile.rows);
                let bindings = |columns: &Range<usize>| {
                    let columns = columns.start..padded(columns.end);
                    vec![
                        row_points.clone(),
                        cloud.points(&columns),
                        part(&cloud.log_weights, columns.start, columns.len()),
                        part(&potential.buffer, columns.start, columns.len()),
                    ]
                };
                self.dispatch_pairs(
                    work,
                    shader,
                    &extent,
                    &tile,
                    PairParams::new(kernel, rows.dimension),
                    bindings,
                )
                .await?;
                let parameters = VectorParams {
                    length: tile.rows.len() as u32,
                    splits: tile.splits as u32,
                    coefficients: [
                        (kernel.epsilon * LN_2) as f32,
                        cloud.mean_weight.log2() as f32,
                        0.0,
                        0.0,
                    ],
                    ..Default::default()
                };
                let bindings = vec![
                    part(&work.state, 0, tile.splits * tile.rows.len() * 2),
                    part(&out.buffer, tile.rows.start, tile.rows.len()),
                ];
                self.dispatch_vector(work, Shader::SoftminFinish, parameters, bindings)
                    .await?;
            }
            Ok(())
        })
    }

    fn product(
        &self,
        kernel: Kernel,
        rows: Side<'_, Self>,
        columns: Side<'_, Self>,
        integrand: Integrand<'_, GpuVector>,
        out: &mut GpuVector,
    ) -> haul_core::Result<()> {
        let Integrand {
            factor,
            values,
            width,
        } = integrand;
        check(
            "the coordinates of a point",
            columns.cloud.dimension,
            rows.cloud.dimension,
        )?;
        check(
            "the potential of the columns",
            columns.cloud.length,
            columns.potential.length,
        )?;
        check(
            "the potential of the rows",
            rows.cloud.length,
            rows.potential.length,
        )?;
        check(
            "the values of a product",
            columns.cloud.length * width,
            values.length,
        )?;
        check(
            "the result of a product",
            rows.cloud.length * width,
            out.length,
        )?;
        self.run(async |work| {
            let state_width = if width == 1 { Width::One } else { Width::Four };
            let shader = Shader::Product(self.pairs(kernel, columns.cloud)?, state_width);
            let extent = self.extent(
                shader,
                rows.cloud,
                columns.cloud,
                width,
                state_width.values(),
            )?;
            let parameters = PairParams::new(kernel, rows.cloud.dimension);
            let (factor_one, factor_cost) = match factor {
                Factor::One => (1.0, 0.0),
                Factor::Cost => (0.0, 1.0 / sharpness(kernel) as f32),
            };
            for tile in extent.tiles() {
                let row_points = rows.cloud.points(&tile.rows);
                let bindings = |columns_of_tile: &Range<usize>| {
                    let range = columns_of_tile.start..padded(columns_of_tile.end);
                    vec![
                        row_points.clone(),
                        columns.cloud.points(&range),
                        part(&columns.cloud.log_weights, range.start, range.len()),
                        part(&columns.potential.buffer, range.start, range.len()),
                        part(&rows.potential.buffer, tile.rows.start, tile.rows.len()),
                        part(
                            &values.buffer,
                            range.start * width,
                            columns_of_tile.len() * width,
                        ),
                    ]
                };
                for channel in (0..width).step_by(state_width.values()) {
                    let (width, channel) = (width as u32, channel as u32);
                    let parameters = PairParams {
                        width,
                        channel,
                        factor_one,
                        factor_cost,
                        ..parameters
                    };
                    self.dispatch_pairs(work, shader, &extent, &tile, parameters, &bindings)
                        .await?;
                    let parameters = VectorParams {
                        length: tile.rows.len() as u32,
                        splits: tile.splits as u32,
                        width,
                        channel,
                        coefficients: [columns.cloud.mean_weight as f32, 0.0, 0.0, 0.0],
                        ..Default::default()
                    };
                    let width = integrand.width;
                    let bindings = vec![
                        part(
                            &work.state,
                            0,
                            tile.splits * tile.rows.len() * state_width.values(),
                        ),
                        part(
                            &out.buffer,
                            tile.rows.start * width,
                            tile.rows.len() * width,
                        ),
                    ];
                    self.dispatch_vector(
                        work,
                        Shader::ProductFinish(state_width),
                        parameters,
                        bindings,
                    )
                    .await?;
                }
            }
            Ok(())
        })
    }

    fn scale(
        &self,
        epsilon: f64,
        sums: &GpuVector,
        scaling: &mut GpuVector,
        potential: &mut GpuVector,
    ) -> haul_core::Result<()> {
        check("the scaling", sums.length, scaling.length)?;
        check("the potential of a scaling", sums.length, potential.length)?;
        self.run(async |work| {
            for tile in vector_tiles(sums.length, self.context.binding_limit()) {
                let parameters = VectorParams {
                    length: tile.len() as u32,
                    coefficients: [
                        (epsilon * LN_2) as f32,
                        ABSORB_LOG2 as f32,
                        STEP_LOG2 as f32,
                        0.0,
                    ],
                    ..Default::default()
                };
                let arrays = [&sums.buffer, &scaling.buffer, &potential.buffer];
                let bindings = arrays
                    .map(|array| part(array, tile.start, tile.len()))
                    .into();
                self.dispatch_vector(work, Shader::Scale, parameters, bindings)
                    .await?;
            }
            Ok(())
        })
    }

    fn marginal_error(
        &self,
        rows: &GpuCloud,
        ratio: Ratio<'_, GpuVector>,
    ) -> haul_core::Result<f64> {
        let (shader, coefficient, first, second) = match ratio {
            Ratio::Potentials {
                epsilon,
                before,
                after,
            } => (
                Shader::MarginalError(haul_shaders::Ratio::Potentials),
                LOG2_E / epsilon,
                before,
                after,
            ),
            Ratio::Scalings { scaling, sums } => (
                Shader::MarginalError(haul_shaders::Ratio::Scalings),
                0.0,
                scaling,
                sums,
            ),
        };
        check("the ratio of a marginal", rows.length, first.length)?;
        check("the ratio of a marginal", rows.length, second.length)?;
        let arrays = vec![&rows.weights, &first.buffer, &second.buffer];
        let sums = self.run(async |work| {
            self.sums(work, shader, rows.length, coefficient, &[arrays])
                .await
        })?;
        Ok(rows.mean_weight * sums.iter().sum::<f64>())
    }

    fn combine(&self, terms: &[(f64, &GpuVector)], out: &mut GpuVector) -> haul_core::Result<()> {
        for (_, vector) in terms {
            check("a term of a combination", out.length, vector.length)?;
        }
        self.run(async |work| {
            for tile in vector_tiles(out.length, self.context.binding_limit()) {
                let bound = |vector: &GpuVector| part(&vector.buffer, tile.start, tile.len());
                // Nothing to add is zero.
                let chunks = terms.chunks(4).chain(terms.is_empty().then_some(terms));
                for (index, terms) in chunks.enumerate() {
                    let mut coefficients = [0.0; 4];
                    // A place without a term binds anything: its coefficient 0 leaves it unread.
                    let mut bindings = vec![part(&work.partials, 0, 1); 4];
                    for (place, (coefficient, vector)) in terms.iter().enumerate() {
                        coefficients[place] = *coefficient as f32;
                        bindings[place] = bound(vector);
                    }
                    bindings.push(bound(out));
                    let (length, added) = (tile.len() as u32, u32::from(index > 0));
                    let parameters = VectorParams {
                        length,
                        added,
                        coefficients,
                        ..Default::default()
                    };
                    self.dispatch_vector(work, Shader::Combine, parameters, bindings)
                        .await?;
                }
            }
            Ok(())
        })
    }

    fn dots(&self, pairs: &[(&GpuVector, &GpuVector)]) -> haul_core::Result<Vec<f64>> {
        let Some((first, _)) = pairs.first() else {
            return Ok(Vec::new());
        };
        for vector in pairs.iter().flat_map(|(v, w)| [v, w]) {
            check("a vector of an inner product", first.length, vector.length)?;
        }
        let terms: Vec<_> = pairs
            .iter()
            .map(|(v, w)| vec![&v.buffer, &w.buffer])
            .collect();
        self.run(async |work| {
            self.sums(work, Shader::InnerProduct, first.length, 0.0, &terms)
                .await
        })
    }
}

impl GpuCloud {
    fn points(&self, range: &Range<usize>) -> Binding {
        let stride = Points::stride(self.dimension);
        part(&self.points, range.start * stride, range.len() * stride)
    }
}

/// Lengths of buffers are rounded up, so that the last group of columns reads what is there.
fn padded(length: usize) -> usize {
    length.max(1).next_multiple_of(ALIGNMENT)
}

/// log2 of a weight relative to the mean.
fn log_weight(relative: f64) -> f32 {
    if relative > 0.0 {
        relative.log2() as f32
    } else {
        LOWEST
    }
}

fn check(what: &'static str, expected: usize, found: usize) -> haul_core::Result<()> {
    if expected == found {
        Ok(())
    } else {
        Err(haul_core::Error::Length {
            what,
            expected,
            found,
        })
    }
}
