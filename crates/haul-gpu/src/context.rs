//! A wgpu device and queue, all of whose failures become an [`Error`].
//!
//! wgpu panics on an error that no scope catches. So each operation runs inside error scopes. Handlers catch what escapes them,
//! and the loss of a device that haul opened; the next [`Context::check`] returns it. A device that the caller opened keeps the
//! caller's handlers.
//!
//! Native devices report at once what a scope has caught. A browser reports it later: until then the operation counts as done,
//! and the next wait for a result checks it ([`Context::verdicts`]).

use crate::adapter::{self, Description, Selection};
use crate::{Error, locked, recorder::Binding};
use haul_core::Interrupt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{self, Poll, Waker};
use web_time::Duration;

/// The error that an operation's scopes have caught, once it is known.
type Verdict = Pin<Box<dyn Future<Output = Option<Error>> + Send>>;

pub(crate) struct Context {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    pub(crate) description: Description,
    pub(crate) limits: wgpu::Limits,
    /// Ends recording and waiting.
    pub(crate) interrupt: Interrupt,
    faults: Arc<Mutex<Faults>>,
    /// Verdicts that no caller has received yet.
    verdicts: Mutex<Vec<Verdict>>,
}

/// Faults reported to the handlers.
#[derive(Default)]
struct Faults {
    lost: Option<String>,
    uncaptured: Option<String>,
}

/// Longest wait for a result. One submission is seconds of work on a slow device, and several may be queued.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

/// Limits that the kernels need; all are within the portable defaults of WebGPU.
const NEEDED_STORAGE_BUFFERS: u32 = 8;
const NEEDED_INVOCATIONS: u32 = 256;
const NEEDED_WORKGROUPS: u32 = 65_535;

impl Context {
    /// Opens an adapter, asking for its own limits on sizes and for subgroups where it has them.
    pub(crate) async fn open(selection: &Selection) -> Result<Self, Error> {
        let mut adapters = adapter::enumerate().await;
        let describe = |adapter: &wgpu::Adapter| {
            Description::new(&adapter.get_info(), adapter.features(), &adapter.limits())
        };
        let descriptions: Vec<_> = adapters.iter().map(describe).collect();
        let adapter = adapters.swap_remove(adapter::choose(&descriptions, selection)?);
        let offered = adapter.limits();
        let required_limits = wgpu::Limits {
            max_buffer_size: offered.max_buffer_size,
            max_storage_buffer_binding_size: offered.max_storage_buffer_binding_size,
            ..wgpu::Limits::default().or_worse_values_from(&offered)
        };
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor {
                label: Some("haul"),
                required_features: adapter.features() & wgpu::Features::SUBGROUP,
                required_limits,
                ..Default::default()
            })
            .await?;
        let context = Self::with(device, queue)?;
        let faults = Arc::clone(&context.faults);
        context
            .device
            .set_device_lost_callback(move |_, reason| locked(&faults).lost = Some(reason));
        let faults = Arc::clone(&context.faults);
        context
            .device
            .on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
                locked(&faults).uncaptured.get_or_insert(error.to_string());
            }));
        Ok(context)
    }

    /// Uses an open device.
    pub(crate) fn with(device: wgpu::Device, queue: wgpu::Queue) -> Result<Self, Error> {
        let limits = device.limits();
        let needs = [
            (
                "storage buffers per stage",
                limits.max_storage_buffers_per_shader_stage,
                NEEDED_STORAGE_BUFFERS,
            ),
            (
                "invocations per workgroup",
                limits.max_compute_invocations_per_workgroup,
                NEEDED_INVOCATIONS,
            ),
            (
                "workgroups per dimension",
                limits.max_compute_workgroups_per_dimension,
                NEEDED_WORKGROUPS,
            ),
            (
                "invocations along x",
                limits.max_compute_workgroup_size_x,
                NEEDED_INVOCATIONS,
            ),
        ];
        for (limit, available, needed) in needs {
            if available < needed {
                return Err(Error::Limit {
                    limit,
                    available: available.into(),
                    needed: needed.into(),
                });
            }
        }
        let description = Description::new(&device.adapter_info(), device.features(), &limits);
        Ok(Self {
            device,
            queue,
            description,
            limits,
            interrupt: Interrupt::default(),
            faults: Arc::default(),
            verdicts: Mutex::default(),
        })
    }

    /// Runs an operation, and returns wgpu's error if it is known at once.
    pub(crate) fn scoped<T>(
        &self,
        what: &'static str,
        operation: impl FnOnce() -> T,
    ) -> Result<T, Error> {
        let internal = self.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let result = operation();
        // Scopes are popped from the innermost out, all of them before their errors are awaited.
        let (memory, validation, internal) = (memory.pop(), validation.pop(), internal.pop());
        let mut verdict: Verdict = Box::pin(async move {
            if memory.await.is_some() {
                return Some(Error::OutOfMemory { what, bytes: 0 });
            }
            let error = match validation.await {
                Some(error) => Some(error),
                None => internal.await,
            };
            let message = error?.to_string();
            Some(Error::Operation { what, message })
        });
        let mut asked = task::Context::from_waker(Waker::noop());
        match verdict.as_mut().poll(&mut asked) {
            Poll::Ready(None) => Ok(result),
            Poll::Ready(Some(error)) => Err(self.cause(error)),
            Poll::Pending => {
                locked(&self.verdicts).push(verdict);
                Ok(result)
            }
        }
    }

    /// Waits for the verdicts not yet known, and returns the first error among them.
    pub(crate) async fn verdicts(&self) -> Result<(), Error> {
        let verdicts = std::mem::take(&mut *locked(&self.verdicts));
        let mut first = Ok(());
        for verdict in verdicts {
            if let Some(error) = verdict.await {
                first = first.and(Err(self.cause(error)));
            }
        }
        first
    }

    /// The loss of the device, if that is why an operation failed; else the error itself.
    fn cause(&self, error: Error) -> Error {
        match error {
            Error::Operation { .. } => self.check().err().unwrap_or(error),
            error => error,
        }
    }

    /// Returns the fault that the handlers have reported, if any.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let mut faults = locked(&self.faults);
        if let Some(reason) = &faults.lost {
            return Err(Error::Lost {
                reason: reason.clone(),
            });
        }
        match faults.uncaptured.take() {
            Some(message) => Err(Error::Operation {
                what: "the device",
                message,
            }),
            None => Ok(()),
        }
    }

    /// Returns an error while the interrupt is raised.
    pub(crate) fn check_interrupt(&self) -> Result<(), Error> {
        if self.interrupt.is_raised() {
            Err(Error::Interrupted)
        } else {
            Ok(())
        }
    }

    /// Polls the device, so that the callbacks of finished work run.
    pub(crate) fn poll(&self) -> Result<(), Error> {
        match self.device.poll(wgpu::PollType::Poll) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.unfinished(&error)),
        }
    }

    /// The error for a wait for the device that ended early.
    pub(crate) fn unfinished(&self, error: &wgpu::PollError) -> Error {
        let error = match error {
            wgpu::PollError::Timeout => Error::Timeout {
                seconds: PATIENCE.as_secs(),
            },
            error => Error::Operation {
                what: "waiting for the device",
                message: error.to_string(),
            },
        };
        self.check().err().unwrap_or(error)
    }

    /// A kernel, with or without the checks that wgpu adds.
    pub(crate) fn module(
        &self,
        descriptor: wgpu::ShaderModuleDescriptor<'_>,
        trusted: bool,
    ) -> wgpu::ShaderModule {
        if !trusted {
            return self.device.create_shader_module(descriptor);
        }
        let unchecked = wgpu::ShaderRuntimeChecks::unchecked();
        // SAFETY: the kernels do nothing that the checks would catch. Indices into points, weights,
        // potentials and values stay below the padded lengths that the engine binds, rows are cut
        // at the last one, indices into workgroup memory are below its constant sizes; every loop
        // counts up to a bound in the parameters, by a step above 0; nothing is divided by an
        // integer that may be 0. The build validates each kernel, and the suite runs all of them
        // with the checks as well.
        #[allow(unsafe_code)]
        unsafe {
            self.device
                .create_shader_module_trusted(descriptor, unchecked)
        }
    }

    /// A buffer of `bytes` zeros, named for its contents.
    pub(crate) fn buffer(&self, what: &'static str, bytes: u64) -> Result<wgpu::Buffer, Error> {
        let usage = wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_SRC
            | wgpu::BufferUsages::COPY_DST;
        self.buffer_for(what, bytes, usage)
    }

    /// A buffer of zeros for the given usage.
    pub(crate) fn buffer_for(
        &self,
        what: &'static str,
        bytes: u64,
        usage: wgpu::BufferUsages,
    ) -> Result<wgpu::Buffer, Error> {
        let limit = self.limits.max_buffer_size;
        if bytes > limit {
            return Err(Error::TooLarge { what, bytes, limit });
        }
        let descriptor = wgpu::BufferDescriptor {
            label: Some(what),
            size: bytes,
            usage,
            mapped_at_creation: false,
        };
        match self.scoped(what, || self.device.create_buffer(&descriptor)) {
            Err(Error::OutOfMemory { what, .. }) => Err(Error::OutOfMemory { what, bytes }),
            other => other,
        }
    }

    /// A buffer that begins with the given values.
    pub(crate) fn buffer_of<T: bytemuck::NoUninit>(
        &self,
        what: &'static str,
        values: &[T],
        length: usize,
    ) -> Result<wgpu::Buffer, Error> {
        let bytes = length.max(values.len()).saturating_mul(size_of::<T>());
        let buffer = self.buffer(what, bytes as u64)?;
        if !values.is_empty() {
            self.scoped(what, || {
                self.queue
                    .write_buffer(&buffer, 0, bytemuck::cast_slice(values))
            })?;
        }
        Ok(buffer)
    }

    /// Returns an error if a dispatch cannot have this many workgroups along one axis.
    pub(crate) fn check_workgroups(&self, needed: usize) -> Result<(), Error> {
        if needed <= NEEDED_WORKGROUPS as usize {
            return Ok(());
        }
        Err(Error::Limit {
            limit: "workgroups per dimension",
            available: NEEDED_WORKGROUPS.into(),
            needed: needed as u64,
        })
    }

    /// The largest part of a buffer that a kernel can bind, in bytes.
    pub(crate) fn binding_limit(&self) -> u64 {
        self.limits.max_storage_buffer_binding_size
    }
}

/// Binding of `length` elements of a buffer of f32, from `first` on.
pub(crate) fn part(buffer: &wgpu::Buffer, first: usize, length: usize) -> Binding {
    let float = size_of::<f32>();
    Binding {
        buffer: buffer.clone(),
        offset: (first * float) as u64,
        size: (length * float) as u64,
    }
}
