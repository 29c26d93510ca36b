//! The engine: its state, its constructors, and the operators of the trait, which other modules implement.

use crate::adapter::{Description, Selection};
use crate::arrays::{GpuPoints, GpuVector, GpuWeights};
use crate::checks::check_rows;
use crate::choice::{BROADCAST_LANES, Choices};
use crate::context::Context;
use crate::near::GpuNear;
use crate::readback::{Awaited, Readback, Wait};
use crate::recorder::Recorder;
use crate::store::{Digest, Store};
use crate::tiles::row_roundings;
use crate::waiter::{Sleepers, Waiter};
use crate::{Error, locked};
use haul_core::engine::{
    Groups, Integral, Integrand, Nearest, Pairs, Pointwise, Remembered, Side, Slot, Update,
};
use haul_core::{Engine, Interrupt, Precision, Result};
use haul_shaders::Columns;
use lru::LruCache;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

/// Sums of rows over groups that a softmin with masses should store: 64 MB.
const MOST_GROUP_SUMS: usize = 1 << 24;

/// Number of lengths for which weights of 1 are kept.
const KEPT_ONES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(3);

/// Number of near lists kept: those of both sides at two levels.
const KEPT_LISTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(3);

/// An engine on a wgpu device. It computes in f32.
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
///
/// The futures of its operators block no thread. They may be polled by any executor, several at once, from several threads.
pub struct GpuEngine {
    pub(crate) context: Arc<Context>,
    name: String,
    pub(crate) choices: Choices,
    /// Threads of the machine; a software adapter uses all of them.
    pub(crate) threads: usize,
    pub(crate) sleepers: Arc<Sleepers>,
    pub(crate) waiter: Waiter,
    // One lock for all state that a dispatch changes, because recorded work must stay in order.
    work: Mutex<Work>,
}

pub(crate) struct Work {
    pub(crate) recorder: Recorder,
    readback: Readback,
    /// The states of a kernel over pairs.
    pub(crate) state: wgpu::Buffer,
    /// A strip of a plan's densities.
    pub(crate) strip: wgpu::Buffer,
    /// Terms of the columns in an exponent.
    pub(crate) terms: wgpu::Buffer,
    pub(crate) partials: wgpu::Buffer,
    /// The masses of tiles of rows and groups of columns.
    pub(crate) masses: wgpu::Buffer,
    /// Holds the number of the last guess that failed; `alarms` counts the guesses.
    pub(crate) alarm: wgpu::Buffer,
    pub(crate) alarms: u32,
    /// Never written.
    pub(crate) zeros: wgpu::Buffer,
    ones: LruCache<usize, Arc<GpuWeights>>,
    /// Lists of near columns, by their content.
    pub(crate) lists: LruCache<Digest, Arc<GpuNear>>,
    store: Store,
    uploaded: u64,
    shared: u64,
}

/// Counts of the points and weights that an engine uploaded or found on its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloudUse {
    /// Arrays of points, and of weights, that were uploaded.
    pub uploaded: u64,
    /// Arrays that were already on the device.
    pub shared: u64,
    /// Bytes of the kept arrays, in use or not.
    pub kept_bytes: u64,
}

impl Work {
    /// Uploads an array. If memory is short, drops kept arrays and tries again.
    pub(crate) fn upload<T>(
        &mut self,
        upload: impl Fn() -> std::result::Result<T, Error>,
    ) -> std::result::Result<T, Error> {
        match upload() {
            Err(Error::OutOfMemory { .. }) if self.store.give_up() => upload(),
            outcome => outcome,
        }
    }

    /// The recorder and the readback.
    pub(crate) fn readback(&mut self) -> (&mut Recorder, &mut Readback) {
        (&mut self.recorder, &mut self.readback)
    }
}

impl GpuEngine {
    /// Opens the selected adapter.
    pub fn new(selection: &Selection) -> std::result::Result<Self, Error> {
        pollster::block_on(Self::new_async(selection))
    }

    /// Like [`new`](Self::new), without blocking the thread.
    pub async fn new_async(selection: &Selection) -> std::result::Result<Self, Error> {
        Self::on(Context::open(selection).await?).await
    }

    /// Uses an open device, which may do other work as well. It needs no feature; `Features::SUBGROUP` makes it faster. The
    /// caller's handlers of errors and of device loss stay in place.
    pub fn from_wgpu(device: wgpu::Device, queue: wgpu::Queue) -> std::result::Result<Self, Error> {
        pollster::block_on(Self::from_wgpu_async(device, queue))
    }

    /// Like [`from_wgpu`](Self::from_wgpu), without blocking the thread.
    pub async fn from_wgpu_async(
        device: wgpu::Device,
        queue: wgpu::Queue,
    ) -> std::result::Result<Self, Error> {
        Self::on(Context::with(device, queue)?).await
    }

    /// Sets how columns are fetched, in place of the automatic choice. [`Columns::Broadcast`] needs subgroups of at least 8
    /// lanes.
    pub fn with_columns(mut self, columns: Columns) -> std::result::Result<Self, Error> {
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

    /// Trusts the kernels: removes the checks of indices and loops that wgpu adds to shaders, which cost time in inner loops.
    /// haul's kernels need none, are validated at build, and pass the same tests either way; but a mistake in one would access
    /// memory that is not its own, where the checks turn it into a wrong number. Off by default.
    pub fn with_trusted_kernels(self) -> Self {
        self.work().recorder.trusted = true;
        self
    }

    /// Keeps unused points and weights on the device, up to this many bytes; the least recently used are dropped beyond that,
    /// or when an upload finds no memory. Arrays are identified by their content as a solve prepares it: points are found again
    /// by a solve of the same ε whose clouds lie at about the same place ([`Frame`](haul_core::Frame)). Arrays in use are
    /// always shared; by default no others are kept.
    pub fn with_kept_clouds(self, bytes: u64) -> Self {
        self.work().store = Store::with_budget(bytes);
        self
    }

    /// Counts of the arrays of points and weights that were uploaded, and of those already on the device.
    pub fn cloud_use(&self) -> CloudUse {
        let work = self.work();
        CloudUse {
            uploaded: work.uploaded,
            shared: work.shared,
            kept_bytes: work.store.bytes(),
        }
    }

    /// The adapter behind the device.
    pub fn description(&self) -> &Description {
        &self.context.description
    }

    async fn on(context: Context) -> std::result::Result<Self, Error> {
        let description = &context.description;
        let name = format!("{} ({})", description.name, description.backend);
        let sleepers = Arc::default();
        let work = Work {
            recorder: Recorder::new(&context, Arc::clone(&sleepers))?,
            readback: Readback::default(),
            state: context.buffer("the state of a kernel", 4)?,
            strip: context.buffer("a strip of the plan", 4)?,
            terms: context.buffer("the terms of the columns", 4)?,
            partials: context.buffer("partial sums", 4)?,
            masses: context.buffer("the masses of tiles", 4)?,
            alarm: context.buffer("the alarm of a guess", 4)?,
            alarms: 0,
            zeros: context.buffer("zeros", 4)?,
            ones: LruCache::new(KEPT_ONES),
            lists: LruCache::new(KEPT_LISTS),
            store: Store::with_budget(0),
            uploaded: 0,
            shared: 0,
        };
        context.verdicts().await?;
        let context = Arc::new(context);
        Ok(Self {
            choices: Choices::new(&context.description),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            waiter: Waiter::new(&context, &sleepers),
            context,
            name,
            sleepers,
            work: Mutex::new(work),
        })
    }

    pub(crate) fn work(&self) -> MutexGuard<'_, Work> {
        locked(&self.work)
    }

    /// Runs an operation with the state that it may change. All vectors that it reads must have been written.
    fn run<T>(
        &self,
        reads: &[&GpuVector],
        operation: impl FnOnce(&mut Work) -> std::result::Result<T, Error>,
    ) -> Result<T> {
        let mut work = self.work();
        let mut written = reads
            .iter()
            .map(|vector| work.recorder.check(vector.version));
        let written = written.try_for_each(|written| written);
        let outcome = written.and_then(|()| operation(&mut work));
        outcome.map_err(|error| self.failure(error))
    }

    /// Records an operation, and returns the version of what it writes.
    pub(crate) fn record(
        &self,
        reads: &[&GpuVector],
        operation: impl FnOnce(&mut Work) -> std::result::Result<(), Error>,
    ) -> Result<u64> {
        self.run(reads, |work| {
            operation(work)?;
            Ok(work.recorder.version())
        })
    }

    /// Records an operation, and starts the readback of the first `length` elements of the buffer that it returns. Returns the
    /// version of what it writes.
    pub(crate) fn send(
        &self,
        reads: &[&GpuVector],
        length: usize,
        operation: impl FnOnce(&mut Work) -> std::result::Result<wgpu::Buffer, Error>,
    ) -> Result<(Awaited, u64)> {
        self.send_some(reads, |work| Ok((operation(work)?, 0..length)))
    }

    /// Like `send`, where the operation returns the elements as well.
    pub(crate) fn send_some(
        &self,
        reads: &[&GpuVector],
        operation: impl FnOnce(&mut Work) -> std::result::Result<(wgpu::Buffer, Range<usize>), Error>,
    ) -> Result<(Awaited, u64)> {
        self.run(reads, |work| {
            work.recorder.check_interrupt(&self.context)?;
            let (buffer, elements) = operation(work)?;
            let (recorder, readback) = work.readback();
            let awaited = readback.begin(&self.context, recorder, &buffer, elements)?;
            Ok((awaited, recorder.version()))
        })
    }

    /// Waits for a readback. Other threads may record meanwhile.
    pub(crate) async fn receive(&self, awaited: Awaited) -> Result<Vec<f32>> {
        let values = Wait::new(self, awaited).await;
        let verdicts = self.context.verdicts().await;
        let values = values.and_then(|values| verdicts.map(|()| values));
        values.map_err(|error| self.failure(error))
    }

    pub(crate) fn failure(&self, error: Error) -> haul_core::Error {
        match error {
            Error::Interrupted => haul_core::Error::Interrupted,
            error => haul_core::Error::Device {
                device: self.name.clone(),
                source: Box::new(error),
            },
        }
    }

    /// The error for an operation without a kernel.
    pub(crate) fn unsupported(&self, what: &'static str) -> haul_core::Error {
        haul_core::Error::Unsupported {
            what,
            device: self.name.clone(),
        }
    }

    /// Grows a buffer to this many floats. Its contents are lost.
    pub(crate) fn grow(
        &self,
        buffer: &mut wgpu::Buffer,
        what: &'static str,
        floats: usize,
    ) -> std::result::Result<(), Error> {
        let bytes = (floats * size_of::<f32>()) as u64;
        if buffer.size() < bytes {
            *buffer = self.context.buffer(what, bytes)?;
        }
        Ok(())
    }

    /// A buffer of at least this many zeros, only for reading.
    pub(crate) fn zero_buffer(
        &self,
        work: &mut Work,
        floats: usize,
    ) -> std::result::Result<wgpu::Buffer, Error> {
        self.grow(&mut work.zeros, "zeros", floats)?;
        Ok(work.zeros.clone())
    }

    /// Weights of 1 for this many points.
    pub(crate) fn ones(
        &self,
        work: &mut Work,
        length: usize,
    ) -> std::result::Result<Arc<GpuWeights>, Error> {
        if let Some(ones) = work.ones.get(&length) {
            return Ok(Arc::clone(ones));
        }
        let values = vec![1.0; length];
        let ones = work.upload(|| GpuWeights::upload(&self.context, &values, 1))?;
        let ones = Arc::new(ones);
        work.ones.put(length, Arc::clone(&ones));
        Ok(ones)
    }

    /// Finds an array on the device by its digest, or uploads it.
    fn stored<T: Send + Sync + 'static>(
        &self,
        digest: Digest,
        bytes: impl Fn(&T) -> u64,
        upload: impl Fn() -> std::result::Result<T, Error>,
    ) -> Result<Arc<T>> {
        self.run(&[], |work| {
            if let Some(stored) = work.store.get(digest) {
                work.shared += 1;
                return Ok(stored);
            }
            let value = work.upload(upload)?;
            work.uploaded += 1;
            let bytes = bytes(&value);
            Ok(work.store.put(digest, value, bytes))
        })
    }
}

impl Engine for GpuEngine {
    type Points = Arc<GpuPoints>;
    type Weights = Arc<GpuWeights>;
    type Vector = GpuVector;

    fn device(&self) -> &str {
        &self.name
    }

    fn precision(&self) -> Precision {
        Precision::F32
    }

    fn most_group_sums(&self) -> usize {
        let binding = self.context.binding_limit() / size_of::<f32>() as u64;
        MOST_GROUP_SUMS.min(usize::try_from(binding).unwrap_or(usize::MAX))
    }

    fn row_roundings(&self, columns: usize, dimension: usize) -> usize {
        row_roundings(columns, dimension)
    }

    fn repeats_distances(&self) -> bool {
        // A driver may contract a product and a sum in one kernel and not in another.
        false
    }

    fn interrupt(&self) -> &Interrupt {
        &self.context.interrupt
    }

    fn points(&self, coordinates: &[f64], dimension: usize) -> Result<Arc<GpuPoints>> {
        if dimension == 0 {
            return Err(haul_core::Error::ZeroDimension);
        }
        check_rows("the coordinates of points", coordinates.len(), dimension)?;
        let digest = GpuPoints::digest(coordinates, dimension);
        self.stored(digest, GpuPoints::bytes, || {
            GpuPoints::upload(&self.context, coordinates, dimension)
        })
    }

    fn count(&self, points: &Arc<GpuPoints>) -> usize {
        points.length
    }

    fn weights(&self, values: &[f64], histograms: usize) -> Result<Arc<GpuWeights>> {
        check_rows("the weights of points", values.len(), histograms)?;
        let digest = GpuWeights::digest(values, histograms);
        self.stored(digest, GpuWeights::bytes, || {
            GpuWeights::upload(&self.context, values, histograms)
        })
    }

    fn vector(&self, values: &[f64]) -> Result<GpuVector> {
        self.run(&[], |work| {
            work.upload(|| GpuVector::upload(&self.context, values))
        })
    }

    fn zeros(&self, length: usize) -> Result<GpuVector> {
        self.run(&[], |work| {
            work.upload(|| GpuVector::zeros(&self.context, length))
        })
    }

    async fn read(&self, vector: &GpuVector) -> Result<Vec<f64>> {
        self.read_vector(vector, 0..vector.length).await
    }

    async fn read_part(&self, vector: &GpuVector, part: Range<usize>) -> Result<Vec<f64>> {
        let end = part.end.min(vector.length);
        self.read_vector(vector, part.start.min(end)..end).await
    }

    fn softmin(
        &self,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        columns: Side<'_, Arc<GpuWeights>, GpuVector>,
        guess: Option<&GpuVector>,
        groups: Option<Groups<'_, Arc<GpuWeights>, GpuVector>>,
        out: &mut GpuVector,
    ) -> Result<()> {
        self.record_softmin(pairs, columns, guess, groups, out)
    }

    fn product(
        &self,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        rows: Option<&GpuVector>,
        columns: Side<'_, Arc<GpuWeights>, GpuVector>,
        integrand: Integrand<'_, GpuVector>,
        out: &mut GpuVector,
    ) -> Result<()> {
        self.record_product(pairs, rows, columns, integrand, out)
    }

    fn gradient(
        &self,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        rows: Option<&GpuVector>,
        columns: Side<'_, Arc<GpuWeights>, GpuVector>,
        integrand: Integrand<'_, GpuVector>,
        out: &mut GpuVector,
    ) -> Result<()> {
        self.record_gradient(pairs, rows, columns, integrand, out)
    }

    fn curvature(
        &self,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        rows: Option<&GpuVector>,
        columns: Side<'_, Arc<GpuWeights>, GpuVector>,
        directions: &GpuVector,
        out: &mut GpuVector,
    ) -> Result<()> {
        self.record_curvature(pairs, rows, columns, directions, out)
    }

    async fn nearest(
        &self,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        columns: Side<'_, Arc<GpuWeights>, GpuVector>,
    ) -> Result<Nearest> {
        self.find_nearest(pairs, columns).await
    }

    fn scale(
        &self,
        epsilon: f64,
        rho: f64,
        sums: &GpuVector,
        scaling: &mut GpuVector,
        potential: &mut GpuVector,
    ) -> Result<()> {
        self.record_scale((epsilon, rho), sums, scaling, potential)
    }

    async fn integral(
        &self,
        weights: &Arc<GpuWeights>,
        integrand: Pointwise<'_, GpuVector>,
        out: Option<&mut GpuVector>,
    ) -> Result<Vec<Integral>> {
        self.measure_integral(weights, integrand, out).await
    }

    fn combine(&self, terms: &[(f64, &GpuVector)], out: &mut GpuVector) -> Result<()> {
        self.record_combination(terms, out)
    }

    async fn remember(
        &self,
        weights: &Arc<GpuWeights>,
        update: Update<'_, GpuVector>,
        slot: Slot<'_, GpuVector>,
    ) -> Result<Remembered> {
        self.measure_update(weights, update, slot).await
    }

    fn mix(
        &self,
        coefficients: &[f64],
        q: usize,
        offset: f64,
        vectors: &GpuVector,
        out: &mut GpuVector,
    ) -> Result<()> {
        self.record_mixture(coefficients, q, offset, vectors, out)
    }
}
