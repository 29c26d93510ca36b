//! Readback of results: the only place that waits for the device.
//!
//! The wait has a time limit. A token is copied behind each result, by the last command of the submission: a driver may report
//! a command buffer that it killed as finished.

use crate::Error;
use crate::context::Context;
use crate::engine::GpuEngine;
use crate::recorder::{Copy, Delivery, Recorder};
use crate::waiter::Fault;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use web_time::{Duration, Instant};

/// How long a wait stays awake for a result, and only yields. To be woken takes longer than a kernel over a few hundred points;
/// the threads of a software adapter also wake slowly. A device wait without a timeout cannot take its place: of several
/// threads in it, one may find the queue empty after another saw its end, which wgpu-core 30 reports as a fault.
const AWAKE: Duration = Duration::from_millis(2);

/// Size in bytes of the staging buffers that are reused.
const KEPT: u64 = 64 << 10;

#[derive(Default)]
pub(crate) struct Readback {
    token: u32,
    /// Staging buffers of [`KEPT`] bytes that are not in use.
    kept: Vec<wgpu::Buffer>,
}

/// A pending result.
pub(crate) struct Awaited {
    staging: wgpu::Buffer,
    bytes: u64,
    token: u32,
    delivery: Arc<Delivery>,
}

impl Readback {
    /// Submits the recorded work, followed by a readback of some elements of a buffer.
    pub(crate) fn begin(
        &mut self,
        context: &Context,
        recorder: &mut Recorder,
        buffer: &wgpu::Buffer,
        elements: Range<usize>,
    ) -> Result<Awaited, Error> {
        self.token = self.token.wrapping_add(1);
        let size = size_of::<f32>();
        let bytes = (elements.len() * size) as u64;
        let awaited = Awaited {
            staging: self.staging(context, bytes + 4)?,
            bytes,
            token: self.token,
            delivery: Arc::default(),
        };
        let copy = Copy {
            from: buffer.clone(),
            to: awaited.staging.clone(),
            start: (elements.start * size) as u64,
            bytes,
            token: self.token,
            delivery: Arc::clone(&awaited.delivery),
        };
        recorder.send(context, copy)?;
        Ok(awaited)
    }

    /// Ends a wait. If the result came, its buffer is reused; otherwise the buffer is dropped, because a copy to it may still
    /// be pending.
    fn end(&mut self, awaited: &Awaited, came: bool) {
        if came && awaited.bytes + 4 <= KEPT {
            awaited.staging.unmap();
            self.kept.push(awaited.staging.clone());
        }
    }

    /// A buffer for a copy of this many bytes. Small ones are reused: most reads are small, and a new buffer costs as much as
    /// the rest of a read.
    fn staging(&mut self, context: &Context, bytes: u64) -> Result<wgpu::Buffer, Error> {
        let (size, kept) = if bytes <= KEPT {
            (KEPT, self.kept.pop())
        } else {
            (bytes, None)
        };
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        kept.map_or_else(|| context.buffer_for("a readback", size, usage), Ok)
    }
}

impl Awaited {
    /// The result, once it is mapped.
    fn values(&self) -> Result<Vec<f32>, Error> {
        let view = self.staging.get_mapped_range(..);
        let view = view.map_err(|error| Error::Operation {
            what: "mapping a result",
            message: error.to_string(),
        })?;
        let (values, token) = view[..self.bytes as usize + 4].split_at(self.bytes as usize);
        if bytemuck::pod_collect_to_vec::<u8, u32>(token) != [self.token] {
            return Err(Error::Unfinished);
        }
        // pod_collect copies, so that the alignment of the mapping does not matter.
        Ok(bytemuck::pod_collect_to_vec(values))
    }
}

/// The wait for a result. It ends when the interrupt is raised.
///
/// At first it asks to be polled again at once; later it is woken when the device has finished work. Each poll submits as much
/// as allowed of the queue ahead of it.
pub(crate) struct Wait<'e> {
    engine: &'e GpuEngine,
    awaited: Awaited,
    awake_since: Instant,
    fault: Fault,
    came: bool,
}

impl<'e> Wait<'e> {
    pub(crate) fn new(engine: &'e GpuEngine, awaited: Awaited) -> Self {
        Self {
            engine,
            awaited,
            awake_since: Instant::now(),
            fault: Fault::default(),
            came: false,
        }
    }

    /// The result, if it is there.
    fn look(&mut self) -> Result<Option<Vec<f32>>, Error> {
        let Self {
            engine,
            awaited,
            awake_since,
            fault,
            ..
        } = self;
        let context = &engine.context;
        if context.check_interrupt().is_err() {
            engine.work().recorder.check_interrupt(context)?;
        }
        if let Some(error) = fault.get() {
            return Err(error.clone());
        }
        context.poll()?;
        if !awaited.delivery.is_sent() && engine.work().recorder.advance(context)? {
            // Work that has just begun may end soon.
            *awake_since = Instant::now();
        }
        match awaited.delivery.outcome() {
            None => Ok(None),
            Some(outcome) => {
                context.check()?;
                outcome.clone()?;
                let values = awaited.values()?;
                self.came = true;
                Ok(Some(values))
            }
        }
    }

    /// Whether to be polled again at once.
    fn stays_awake(&self) -> bool {
        cfg!(not(target_arch = "wasm32")) && self.awake_since.elapsed() <= AWAKE
    }

    /// Like [`look`](Self::look), but the task sleeps if there is no result.
    fn look_or_sleep(&mut self, waker: &task::Waker) -> Result<Option<Vec<f32>>, Error> {
        let engine = self.engine;
        engine.sleepers.join(waker, &self.fault);
        // Work that ends from now on wakes this task; work that ended before is seen here.
        let found = self.look()?;
        if found.is_none() {
            let mut work = engine.work();
            work.recorder.advance(&engine.context)?;
            if let Some(oldest) = work.recorder.oldest().cloned() {
                drop(work);
                engine.waiter.wait_for(oldest)?;
            }
        }
        Ok(found)
    }
}

impl Future for Wait<'_> {
    type Output = Result<Vec<f32>, Error>;

    fn poll(mut self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<Self::Output> {
        let waker = task.waker();
        if let Some(result) = self.look().transpose() {
            return Poll::Ready(result);
        }
        if self.stays_awake() {
            waker.wake_by_ref();
            std::thread::yield_now();
            return Poll::Pending;
        }
        match self.look_or_sleep(waker).transpose() {
            Some(result) => Poll::Ready(result),
            None => Poll::Pending,
        }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.engine.sleepers.leave(&self.fault);
        let mut work = self.engine.work();
        let (recorder, readback) = work.readback();
        recorder.is_received();
        readback.end(&self.awaited, self.came);
    }
}
