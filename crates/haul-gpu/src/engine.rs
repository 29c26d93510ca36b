//! The engine: what lies on the device, and the operators of the trait.

use crate::Error;
use crate::adapter::{Description, Selection};
use crate::checks::{check, check_cloud, check_dimensions, check_sides, check_sums};
use crate::choice::{BROADCAST_LANES, Choices};
use crate::cloud::{GpuCloud, GpuVector};
use crate::context::{Context, part};
use crate::params::{VectorParams, coefficients};
use crate::readback::Readback;
use crate::recorder::{Binding, Recorder};
use crate::store::Store;
use crate::tiles::vector_tiles;
use haul_core::engine::{
    ABSORB_LOG2, Factor, Integrand, Kernel, Ratio, Remembered, STEP_LOG2, Side, Slot, Update,
};
use haul_core::{Engine, Interrupt, Precision};
use haul_shaders::{Columns, Shader, Values};
use std::f64::consts::{LN_2, LOG2_E};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Elements of a workgroup of a kernel over vectors.
const VECTOR_ROWS: usize = 256;

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
    pub(crate) context: Context,
    name: String,
    pub(crate) choices: Choices,
    /// Threads of the machine, which a software adapter uses all of.
    pub(crate) threads: usize,
    // One lock for all that a dispatch changes: what is recorded must stay in order.
    work: Mutex<Work>,
}

pub(crate) struct Work {
    pub(crate) recorder: Recorder,
    readback: Readback,
    /// The states of a kernel over pairs.
    pub(crate) state: wgpu::Buffer,
    /// A strip of a plan's densities.
    pub(crate) strip: wgpu::Buffer,
    partials: wgpu::Buffer,
    /// Holds the number of the last guess that failed, and how many guesses there were.
    pub(crate) alarm: wgpu::Buffer,
    pub(crate) alarms: u32,
    clouds: Store<GpuCloud>,
    uploaded: u64,
    shared: u64,
}

/// What became of the clouds that an engine was asked to put on its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloudUse {
    /// Those that were uploaded.
    pub uploaded: u64,
    /// Those that lay there already.
    pub shared: u64,
    /// The bytes of those that are kept, in use or not.
    pub kept_bytes: u64,
}

impl Work {
    /// Uploads something. Where there is no room for it, clouds that are kept for later make some.
    async fn upload<T>(&mut self, upload: impl AsyncFn() -> Result<T, Error>) -> Result<T, Error> {
        match upload().await {
            Err(Error::OutOfMemory { .. }) if self.clouds.give_up() => upload().await,
            outcome => outcome,
        }
    }
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

    /// The same engine with columns fetched in a given way, where the fastest would be found out
    /// by itself. [`Columns::Broadcast`] needs subgroups of at least 8 lanes.
    pub fn with_columns(mut self, columns: Columns) -> Result<Self, Error> {
        if !self.choices.candidates().contains(&columns) {
            let (least, _) = self.context.description.subgroup_sizes;
            let (available, needed) = (least.into(), BROADCAST_LANES.into());
            return Err(Error::Limit {
                limit: "lanes of a subgroup",
                available,
                needed,
            });
        }
        self.choices.fix(columns);
        Ok(self)
    }

    /// The same engine with its kernels trusted: without the checks of indices and loops that wgpu
    /// adds to shaders, which cost time in inner loops. haul's kernels need none, are validated
    /// when they are built, and pass the same tests either way; but a mistake in one would read or
    /// write what is not its own, where the checks make it a wrong number. Off by default.
    pub fn with_trusted_kernels(mut self) -> Self {
        self.context.trusted = true;
        self
    }

    /// The same engine that keeps clouds on the device while nobody uses them, the least recently
    /// used given up where they take more than so many bytes, or where an upload finds no room. A
    /// cloud is known by its content, as a solve has it: it is found again by a solve of the same
    /// ε whose clouds lie at about the same place ([`Frame`](haul_core::Frame)). Clouds in use are
    /// shared in any case; without this none is kept.
    pub fn with_kept_clouds(self, bytes: u64) -> Self {
        self.work().clouds = Store::with_budget(bytes);
        self
    }

    /// How many clouds were uploaded, and how many were there already.
    pub fn cloud_use(&self) -> CloudUse {
        let work = self.work();
        CloudUse {
            uploaded: work.uploaded,
            shared: work.shared,
            kept_bytes: work.clouds.bytes(),
        }
    }

    /// The adapter behind the device.
    pub fn description(&self) -> &Description {
        &self.context.description
    }

    async fn on(context: Context) -> Result<Self, Error> {
        let description = &context.description;
        let name = format!("{} ({})", description.name, description.backend);
        let work = Work {
            recorder: Recorder::new(&context).await?,
            readback: Readback::default(),
            state: context.buffer("the state of a kernel", 4).await?,
            strip: context.buffer("a strip of the plan", 4).await?,
            partials: context.buffer("partial sums", 4).await?,
            alarm: context.buffer("the alarm of a guess", 4).await?,
            alarms: 0,
            clouds: Store::with_budget(0),
            uploaded: 0,
            shared: 0,
        };
        Ok(Self {
            choices: Choices::new(description),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            context,
            name,
            work: Mutex::new(work),
        })
    }

    /// Runs an operation with everything it may change.
    fn run<T>(
        &self,
        operation: impl AsyncFnOnce(&mut Work) -> Result<T, Error>,
    ) -> haul_core::Result<T> {
        let outcome = pollster::block_on(operation(&mut self.work()));
        outcome.map_err(|error| self.failure(error))
    }

    /// Records something, and brings the first `length` elements of the buffer that it names back.
    /// Only recording is done with everything it may change: while the result is on its way, other
    /// threads may record what they want.
    fn fetch(
        &self,
        length: usize,
        record: impl AsyncFnOnce(&mut Work) -> Result<wgpu::Buffer, Error>,
    ) -> haul_core::Result<Vec<f32>> {
        let awaited = self.run(async |work| {
            let buffer = record(work).await?;
            let Work {
                recorder, readback, ..
            } = work;
            readback
                .begin(&self.context, recorder, &buffer, length)
                .await
        })?;
        let values = pollster::block_on(awaited.wait(&self.context));
        let mut work = self.work();
        let Work {
            recorder, readback, ..
        } = &mut *work;
        readback.end(recorder, awaited, values.is_ok());
        values.map_err(|error| self.failure(error))
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failure(&self, error: Error) -> haul_core::Error {
        match error {
            Error::Interrupted => haul_core::Error::Interrupted,
            error => haul_core::Error::Device {
                device: self.name.clone(),
                source: Box::new(error),
            },
        }
    }

    /// Records a kernel over `length` elements.
    pub(crate) async fn record_vector(
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

    /// A vector in tiles.
    fn elements(&self, length: usize) -> impl Iterator<Item = Range<usize>> {
        vector_tiles(length, VECTOR_ROWS, self.context.binding_limit())
    }

    /// Waits until all that is recorded is done.
    pub(crate) async fn wait(&self, work: &mut Work) -> Result<(), Error> {
        let Work {
            recorder,
            readback,
            alarm,
            ..
        } = work;
        let awaited = readback.begin(&self.context, recorder, alarm, 1).await?;
        let done = awaited.wait(&self.context).await;
        readback.end(recorder, awaited, done.is_ok());
        done.map(drop)
    }

    /// Makes room for that many floats in a buffer whose contents are not needed any more.
    pub(crate) async fn grow(
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

    /// Runs a kernel–vector product, with whatever it is against.
    fn sum(
        &self,
        kernel: Kernel,
        sides: (Side<'_, Self>, Side<'_, Self>),
        against: (Values, usize),
        integrand: Integrand<'_, GpuVector>,
        out: &GpuVector,
    ) -> haul_core::Result<()> {
        let integrand = (integrand.factor, integrand.values);
        self.run(async |work| {
            self.record_sums(work, kernel, sides, against, integrand, out)
                .await
        })
    }

    /// Runs a kernel over vectors of which each workgroup leaves some partial sums, and finishes
    /// them in f64. `bindings` has the arrays of a tile, the partial sums apart.
    fn sums(
        &self,
        (shader, per_workgroup): (Shader, usize),
        (length, binding): (usize, u64),
        parameters: VectorParams,
        bindings: impl Fn(&Range<usize>) -> Vec<Binding>,
    ) -> haul_core::Result<Vec<f64>> {
        let rows = shader.rows_per_workgroup();
        let partials = length.div_ceil(rows) * per_workgroup;
        if partials == 0 {
            return Ok(vec![0.0; per_workgroup]);
        }
        let values = self.fetch(partials, async |work| {
            self.grow(&mut work.partials, "partial sums", partials)
                .await?;
            for tile in vector_tiles(length, rows, binding) {
                let parameters = VectorParams {
                    length: tile.len() as u32,
                    first_partial: (tile.start / rows) as u32,
                    ..parameters
                };
                let mut bindings = bindings(&tile);
                bindings.push(part(&work.partials, 0, partials));
                self.record_vector(work, shader, parameters, bindings)
                    .await?;
            }
            Ok(work.partials.clone())
        })?;
        let mut sums = vec![0.0; per_workgroup];
        for values in values.chunks_exact(per_workgroup) {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += f64::from(*value);
            }
        }
        Ok(sums)
    }
}

impl Engine for GpuEngine {
    type Cloud = Arc<GpuCloud>;
    type Vector = GpuVector;

    fn device(&self) -> &str {
        &self.name
    }

    fn precision(&self) -> Precision {
        Precision::F32
    }

    fn interrupt(&self) -> &Interrupt {
        &self.context.interrupt
    }

    fn cloud(
        &self,
        points: &[f64],
        dimension: usize,
        weights: &[f64],
    ) -> haul_core::Result<Arc<GpuCloud>> {
        check_cloud(points, dimension, weights)?;
        let digest = GpuCloud::digest(points, dimension, weights);
        self.run(async |work| {
            if let Some(cloud) = work.clouds.get(digest) {
                work.shared += 1;
                return Ok(cloud);
            }
            let upload = async || GpuCloud::upload(&self.context, points, dimension, weights).await;
            let cloud = work.upload(upload).await?;
            work.uploaded += 1;
            let bytes = cloud.bytes();
            Ok(work.clouds.put(digest, cloud, bytes))
        })
    }

    fn vector(&self, values: &[f64]) -> haul_core::Result<GpuVector> {
        let upload = async || GpuVector::upload(&self.context, values).await;
        self.run(async |work| work.upload(upload).await)
    }

    fn read(&self, vector: &GpuVector) -> haul_core::Result<Vec<f64>> {
        if vector.length == 0 {
            return Ok(Vec::new());
        }
        let values = self.fetch(vector.length, async |_| Ok(vector.buffer.clone()))?;
        Ok(values.into_iter().map(f64::from).collect())
    }

    fn softmin(
        &self,
        kernel: Kernel,
        rows: &Arc<GpuCloud>,
        columns: Side<'_, Self>,
        shift: Option<&GpuVector>,
        out: &mut GpuVector,
    ) -> haul_core::Result<()> {
        let Side { cloud, potential } = columns;
        check_dimensions(rows, cloud)?;
        check(
            "the potential of the columns",
            cloud.length,
            potential.length,
        )?;
        check("the result of a softmin", rows.length, out.length)?;
        if let Some(shift) = shift {
            check("the shift of a softmin", rows.length, shift.length)?;
        }
        self.run(async |work| {
            self.record_softmin(work, kernel, rows, columns, shift, out)
                .await
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
        check_sums(rows, columns, integrand, (integrand.width, out))?;
        let against = match (integrand.factor, integrand.width) {
            (Factor::Excess, _) => Values::Excess,
            (_, 1) => Values::One,
            _ => Values::Four,
        };
        let width = integrand.width;
        self.sum(kernel, (rows, columns), (against, width), integrand, out)
    }

    fn gradient(
        &self,
        kernel: Kernel,
        rows: Side<'_, Self>,
        columns: Side<'_, Self>,
        integrand: Integrand<'_, GpuVector>,
        out: &mut GpuVector,
    ) -> haul_core::Result<()> {
        check("the width of a gradient's values", 1, integrand.width)?;
        check_sums(rows, columns, integrand, (rows.cloud.dimension, out))?;
        if integrand.factor == Factor::Excess {
            let message = "it has no kernel on the GPU".to_owned();
            let what = "a gradient of what densities exceed 1 by";
            return Err(self.failure(Error::Operation { what, message }));
        }
        let against = (Values::Slope, rows.cloud.dimension);
        self.sum(kernel, (rows, columns), against, integrand, out)
    }

    fn curvature(
        &self,
        kernel: Kernel,
        rows: Side<'_, Self>,
        columns: Side<'_, Self>,
        directions: &GpuVector,
        out: &mut GpuVector,
    ) -> haul_core::Result<()> {
        let (n, d) = (rows.cloud.length, rows.cloud.dimension);
        check_sides(rows, columns)?;
        check("the directions of a curvature", n * d, directions.length)?;
        check("the result of a curvature", n * d, out.length)?;
        let against = (Values::Curvature, d);
        let along = Integrand {
            factor: Factor::One,
            values: directions,
            width: d,
        };
        self.sum(kernel, (rows, columns), against, along, out)
    }

    fn scale(
        &self,
        epsilon: f64,
        rho: f64,
        sums: &GpuVector,
        scaling: &mut GpuVector,
        potential: &mut GpuVector,
    ) -> haul_core::Result<()> {
        check("the scaling", sums.length, scaling.length)?;
        check("the potential of a scaling", sums.length, potential.length)?;
        self.run(async |work| {
            for tile in self.elements(sums.length) {
                let parameters = VectorParams {
                    length: tile.len() as u32,
                    coefficients: coefficients([
                        epsilon * LN_2,
                        ABSORB_LOG2,
                        STEP_LOG2,
                        epsilon / (rho + epsilon),
                    ]),
                    ..Default::default()
                };
                let arrays = [&sums.buffer, &scaling.buffer, &potential.buffer];
                let bindings = arrays
                    .map(|array| part(array, tile.start, tile.len()))
                    .into();
                self.record_vector(work, Shader::Scale, parameters, bindings)
                    .await?;
            }
            Ok(())
        })
    }

    fn marginal_error(
        &self,
        rows: &Arc<GpuCloud>,
        ratio: Ratio<'_, GpuVector>,
    ) -> haul_core::Result<f64> {
        let (shader, numbers, vectors) = match ratio {
            Ratio::Potentials(Update {
                epsilon,
                rho,
                before,
                after,
            }) => (
                Shader::MarginalError(haul_shaders::Ratio::Potentials),
                ratio_of_potentials(epsilon, rho),
                vec![before, after],
            ),
            Ratio::Scalings {
                epsilon,
                rho,
                potential,
                scaling,
                sums,
            } => (
                Shader::MarginalError(haul_shaders::Ratio::Scalings),
                [epsilon / rho, LOG2_E / rho],
                vec![potential, scaling, sums],
            ),
        };
        for vector in &vectors {
            check("the ratio of a marginal", rows.length, vector.length)?;
        }
        let parameters = VectorParams {
            coefficients: coefficients(numbers),
            ..Default::default()
        };
        let bindings = |tile: &Range<usize>| {
            let vectors = vectors.iter().map(|vector| &vector.buffer);
            std::iter::once(&rows.weights)
                .chain(vectors)
                .map(|array| part(array, tile.start, tile.len()))
                .collect()
        };
        let length = (rows.length, self.context.binding_limit());
        let sums = self.sums((shader, 1), length, parameters, bindings)?;
        Ok(rows.mean_weight * sums.iter().sum::<f64>())
    }

    fn combine(&self, terms: &[(f64, &GpuVector)], out: &mut GpuVector) -> haul_core::Result<()> {
        for (_, vector) in terms {
            check("a term of a combination", out.length, vector.length)?;
        }
        self.run(async |work| {
            for tile in self.elements(out.length) {
                let bound = |vector: &GpuVector| part(&vector.buffer, tile.start, tile.len());
                // Nothing to add is zero.
                let chunks = terms.chunks(4).chain(terms.is_empty().then_some(terms));
                for (index, terms) in chunks.enumerate() {
                    let mut coefficients = [0.0; 16];
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
                    self.record_vector(work, Shader::Combine, parameters, bindings)
                        .await?;
                }
            }
            Ok(())
        })
    }

    fn remember(
        &self,
        rows: &Arc<GpuCloud>,
        update: Update<'_, GpuVector>,
        slot: Slot<'_, GpuVector>,
    ) -> haul_core::Result<Remembered> {
        let Update {
            epsilon,
            rho,
            before,
            after,
        } = update;
        let Slot {
            index,
            slots,
            residuals,
            images,
        } = slot;
        check("the potential before an update", rows.length, before.length)?;
        check("the potential after an update", rows.length, after.length)?;
        let room = rows.length.saturating_mul(slots);
        check("the residuals of a history", room, residuals.length)?;
        check("the images of a history", room, images.length)?;
        if index >= slots {
            return Err(haul_core::Error::Slot { index, slots });
        }
        let bindings = |tile: &Range<usize>| {
            let vectors = [&rows.weights, &before.buffer, &after.buffer];
            let histories = [&residuals.buffer, &images.buffer];
            let one = vectors.map(|array| part(array, tile.start, tile.len()));
            let all = histories.map(|array| part(array, tile.start * slots, tile.len() * slots));
            one.into_iter().chain(all).collect()
        };
        let limit = self.context.binding_limit();
        let length = (rows.length, limit / slots as u64);
        let shader = Shader::Remember(self.workgroup());
        let bytes = (shader.rows_per_workgroup() * slots * size_of::<f32>()) as u64;
        if bytes > limit {
            let what = "a history of one workgroup";
            return Err(self.failure(Error::TooLarge { what, bytes, limit }));
        }
        let of_slots = |channel: usize| {
            let parameters = VectorParams {
                width: slots as u32,
                channel: channel as u32,
                slot: index as u32,
                coefficients: coefficients(ratio_of_potentials(epsilon, rho)),
                ..Default::default()
            };
            self.sums((shader, Shader::REMEMBERED), length, parameters, bindings)
        };
        let channels = (0..slots).step_by(Shader::SLOTS);
        let sums: Vec<_> = channels.map(of_slots).collect::<Result<_, _>>()?;
        let first = sums.first().map_or(&[0.0; 2][..], |sums| &sums[..2]);
        let products = sums.iter().flat_map(|sums| &sums[2..]).take(slots);
        Ok(Remembered {
            error: rows.mean_weight * first[0],
            mean: rows.mean_weight * first[1],
            products: products.copied().collect(),
        })
    }

    fn extrapolate(
        &self,
        coefficients: &[f64],
        offset: f64,
        images: &GpuVector,
        out: &mut GpuVector,
    ) -> haul_core::Result<()> {
        let slots = coefficients.len();
        let room = out.length.saturating_mul(slots);
        check("the images of a history", room, images.length)?;
        let binding = self.context.binding_limit() / slots.max(1) as u64;
        self.run(async |work| {
            for tile in vector_tiles(out.length, VECTOR_ROWS, binding) {
                for (index, chunk) in coefficients.chunks(Shader::SLOTS).enumerate() {
                    let mut coefficients = [0.0; 16];
                    for (place, coefficient) in coefficients.iter_mut().zip(chunk) {
                        *place = *coefficient as f32;
                    }
                    let parameters = VectorParams {
                        length: tile.len() as u32,
                        width: slots as u32,
                        channel: (index * Shader::SLOTS) as u32,
                        added: u32::from(index > 0),
                        offset: if index == 0 { offset as f32 } else { 0.0 },
                        coefficients,
                        ..Default::default()
                    };
                    let bindings = vec![
                        part(&images.buffer, tile.start * slots, tile.len() * slots),
                        part(&out.buffer, tile.start, tile.len()),
                    ];
                    self.record_vector(work, Shader::Extrapolate, parameters, bindings)
                        .await?;
                }
            }
            Ok(())
        })
    }
}

/// The coefficients of `excess_of_potentials`.
fn ratio_of_potentials(epsilon: f64, rho: f64) -> [f64; 2] {
    [LOG2_E * (1.0 / epsilon + 1.0 / rho), LOG2_E / rho]
}
