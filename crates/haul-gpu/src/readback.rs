//! Bringing results back: the one place that waits for the device.
//!
//! The wait has an end, and a token is copied behind each result, as the last command before it is
//! waited for: a driver may report a command buffer that it killed as finished.

use crate::Error;
use crate::context::Context;
use crate::recorder::{Copy, Recorder};
use futures_intrusive::channel::shared::{OneshotReceiver, oneshot_channel};
use std::pin::pin;
use std::task;
use std::time::{Duration, Instant};

/// How long a thread stays awake for a result, and only lets others run. To be woken takes longer than
/// a kernel over a few hundred points, and so it does for the threads of a software adapter, which
/// find their core asleep as well. A wait that gives up at once is no way to ask: of several threads
/// at it, one may find the queue empty whose end another has seen, which wgpu-core 30 takes for a fault.
const AWAKE: Duration = Duration::from_millis(2);

/// Bytes of the staging buffer that is kept from read to read.
const KEPT: u64 = 64 << 10;

#[derive(Default)]
pub(crate) struct Readback {
    token: u32,
    /// Staging buffers of [`KEPT`] bytes that are not in use.
    kept: Vec<wgpu::Buffer>,
    /// Results that are on their way.
    awaited: usize,
}

/// A result on its way. Who waits for it needs nothing of the engine, so that others may record and
/// submit their work meanwhile.
pub(crate) struct Awaited {
    staging: wgpu::Buffer,
    bytes: u64,
    token: u32,
    submission: wgpu::SubmissionIndex,
    receiver: OneshotReceiver<Result<(), wgpu::BufferAsyncError>>,
}

impl Readback {
    /// Submits what is recorded, and asks for the first `length` elements of a buffer after it.
    pub(crate) async fn begin(
        &mut self,
        context: &Context,
        recorder: &mut Recorder,
        buffer: &wgpu::Buffer,
        length: usize,
    ) -> Result<Awaited, Error> {
        self.token = self.token.wrapping_add(1);
        let bytes = (length * size_of::<f32>()) as u64;
        let staging = self.staging(context, bytes + 4).await?;
        let copy = Copy {
            from: buffer,
            to: &staging,
            bytes,
            token: self.token,
        };
        let submission = recorder.submit(context, Some(copy)).await?;
        let (sender, receiver) = oneshot_channel();
        let map = || {
            staging.map_async(wgpu::MapMode::Read, .., move |result| {
                // The receiver is gone only if nobody waits any more.
                let _ = sender.send(result);
            });
        };
        context.scoped("mapping a result", map).await?;
        self.awaited += 1;
        Ok(Awaited {
            staging,
            bytes,
            token: self.token,
            submission,
            receiver,
        })
    }

    /// A result has come, and its buffer serves the next one; or nobody waits for it any more, and its
    /// buffer goes with the copy that may still be on its way.
    pub(crate) fn end(&mut self, recorder: &mut Recorder, awaited: Awaited, came: bool) {
        self.awaited -= 1;
        // While others wait, the device has not done all that was submitted.
        if !came {
            recorder.loses_track();
        } else if self.awaited == 0 {
            recorder.is_done(Instant::now());
        }
        if came && awaited.bytes + 4 <= KEPT {
            awaited.staging.unmap();
            self.kept.push(awaited.staging);
        }
    }

    /// A buffer to copy that many bytes to: the last one again where it was small, because most
    /// reads are, and a new one costs as much as the rest of a read.
    async fn staging(&mut self, context: &Context, bytes: u64) -> Result<wgpu::Buffer, Error> {
        let (size, kept) = if bytes <= KEPT {
            (KEPT, self.kept.pop())
        } else {
            (bytes, None)
        };
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let descriptor = wgpu::BufferDescriptor {
            label: Some("a readback"),
            size,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        };
        match context
            .scoped("a readback", || context.device.create_buffer(&descriptor))
            .await
        {
            Err(Error::OutOfMemory { what, .. }) => Err(Error::OutOfMemory { what, bytes: size }),
            other => other,
        }
    }
}

impl Awaited {
    /// Waits for the result, as long as the interrupt is not raised: looked at all the time at first, and then after
    /// the submissions that are on their way, which the recorder keeps few.
    pub(crate) async fn wait(&self, context: &Context) -> Result<Vec<f32>, Error> {
        let start = Instant::now();
        let mapped = loop {
            context.check_interrupt()?;
            context.poll(wgpu::PollType::Poll)?;
            if let Some(mapped) = self.mapped() {
                break mapped;
            }
            if start.elapsed() > AWAKE {
                context.wait_for(&self.submission)?;
                context.check_interrupt()?;
                break self.receiver.receive().await;
            }
            std::thread::yield_now();
        };
        let refused = |message: String| Error::Operation {
            what: "mapping a result",
            message,
        };
        match mapped {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                context.check()?;
                return Err(refused(error.to_string()));
            }
            None => return Err(Error::Unfinished),
        }
        context.check()?;
        // pod_collect copies, so that the alignment of the mapping does not matter.
        let view = self
            .staging
            .get_mapped_range(..)
            .map_err(|error| refused(error.to_string()))?;
        let (values, token) = view[..self.bytes as usize + 4].split_at(self.bytes as usize);
        if bytemuck::pod_collect_to_vec::<u8, u32>(token) != [self.token] {
            return Err(Error::Unfinished);
        }
        Ok(bytemuck::pod_collect_to_vec(values))
    }

    /// What became of the mapping, once that is known.
    fn mapped(&self) -> Option<Option<Result<(), wgpu::BufferAsyncError>>> {
        let mut asked = task::Context::from_waker(task::Waker::noop());
        match pin!(self.receiver.receive()).poll(&mut asked) {
            task::Poll::Ready(mapped) => Some(mapped),
            task::Poll::Pending => None,
        }
    }
}
