//! Dispatches, recorded until there are enough of them to submit.
//!
//! A submission costs tens of microseconds, as much as a pass over a few thousand pairs. So operators only record their work;
//! one compute pass runs all of it when it is large, the ring of parameters is full, or a result is read.
//!
//! Few submissions are in flight at once, so that an interrupt waits briefly. A caller that records faster than the device
//! works does not wait: the rest is queued here, in order, and a wait for a result submits the next part when an earlier one is
//! done.
//!
//! Recorded work has a number, the `version` of what it writes. If an interrupt or a failure keeps it from the device, this
//! number identifies the vectors that it should have written.

use crate::Error;
use crate::choice::Trial;
use crate::context::Context;
use crate::pace::Pace;
use crate::waiter::Sleepers;
use haul_shaders::{Access, Shader};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use web_time::Instant;

/// Bytes between the parameters of two dispatches: the portable alignment of dynamic offsets.
const SLOT: u64 = 256;

/// Dispatches that one submission holds at most.
const SLOTS: u64 = 256;

/// Submissions that may be in flight when another one joins them, in units of full ones: one that runs, and one that waits.
const AHEAD: usize = 2;

/// Part of a buffer that a kernel binds.
#[derive(Clone)]
pub(crate) struct Binding {
    pub(crate) buffer: wgpu::Buffer,
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

/// A copy of some bytes of a buffer that follows the recorded dispatches, and a token that
/// follows the copy, behind those bytes.
pub(crate) struct Copy {
    pub(crate) from: wgpu::Buffer,
    pub(crate) to: wgpu::Buffer,
    /// The first byte, and the number of bytes.
    pub(crate) start: u64,
    pub(crate) bytes: u64,
    pub(crate) token: u32,
    pub(crate) delivery: Arc<Delivery>,
}

/// Status of a submission, for tasks that wait for it.
#[derive(Default)]
pub(crate) struct Delivery {
    sent: AtomicBool,
    outcome: OnceLock<Result<(), Error>>,
}

impl Delivery {
    /// Whether it has left the queue.
    pub(crate) fn is_sent(&self) -> bool {
        self.sent.load(Ordering::Acquire)
    }

    /// Its outcome, once the device is done with it.
    pub(crate) fn outcome(&self) -> Option<&Result<(), Error>> {
        self.outcome.get()
    }

    /// Sets the outcome; only the first one counts.
    fn tell(&self, outcome: Result<(), Error>) {
        let _ = self.outcome.set(outcome);
    }
}

struct Dispatch {
    shader: Shader,
    bindings: Vec<Binding>,
    workgroups: (u32, u32),
}

struct Pipeline {
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
}

/// Contents of one submission.
#[derive(Default)]
struct Batch {
    dispatches: Vec<Dispatch>,
    /// Parameters of the dispatches, one slot each.
    bytes: Vec<u8>,
    work: usize,
    /// Its token is behind the parameters.
    copy: Option<Copy>,
    version: u64,
}

/// A step of the queue.
enum Step {
    Submit(Batch),
    /// Starts the timer, once the device is idle.
    Begin,
    /// Stops the timer, once all work since then is done.
    End(Trial),
}

struct Submission {
    index: wgpu::SubmissionIndex,
    work: usize,
    delivery: Arc<Delivery>,
}

pub(crate) struct Recorder {
    parameters: wgpu::Buffer,
    pipelines: HashMap<Shader, Pipeline>,
    /// Whether kernels run without the checks that wgpu adds to them.
    pub(crate) trusted: bool,
    /// The batch being recorded, and its version.
    batch: Batch,
    version: u64,
    queue: VecDeque<Step>,
    /// Submissions that may be unfinished, the oldest first.
    submitted: VecDeque<Submission>,
    /// Versions that never reached the device, and why.
    lost: Vec<(RangeInclusive<u64>, Error)>,
    /// How fast the device works.
    pub(crate) pace: Pace,
    timer: Instant,
    /// Number of tasks that wait for results: while there are any, the end of work is observed.
    waiting: usize,
    sleepers: Arc<Sleepers>,
}

impl Recorder {
    pub(crate) fn new(context: &Context, sleepers: Arc<Sleepers>) -> Result<Self, Error> {
        let usage = wgpu::BufferUsages::UNIFORM
            | wgpu::BufferUsages::COPY_DST
            | wgpu::BufferUsages::COPY_SRC;
        Ok(Self {
            // A token is behind the last slot.
            parameters: context.buffer_for("parameters", SLOT * (SLOTS + 1), usage)?,
            pipelines: HashMap::new(),
            trusted: false,
            batch: Batch::default(),
            version: 1,
            queue: VecDeque::new(),
            submitted: VecDeque::new(),
            lost: Vec::new(),
            pace: Pace::new(),
            timer: Instant::now(),
            waiting: 0,
            sleepers,
        })
    }

    /// Records a dispatch of `shader` over this many workgroups. `work` is its cost, in pairs of dimension 3. While the
    /// interrupt is raised nothing is recorded.
    pub(crate) fn record(
        &mut self,
        context: &Context,
        shader: Shader,
        parameters: &impl bytemuck::NoUninit,
        bindings: Vec<Binding>,
        workgroups: (u32, u32),
        work: usize,
    ) -> Result<(), Error> {
        self.check_interrupt(context)?;
        if let Entry::Vacant(vacant) = self.pipelines.entry(shader) {
            let create = || Pipeline::new(context, shader, self.trusted);
            vacant.insert(context.scoped("a compute pipeline", create)?);
        }
        let batch = &mut self.batch;
        batch
            .bytes
            .extend_from_slice(bytemuck::bytes_of(parameters));
        batch.dispatches.push(Dispatch {
            shader,
            bindings,
            workgroups,
        });
        let slots = batch.dispatches.len() as u64;
        batch.bytes.resize((slots * SLOT) as usize, 0);
        batch.work += work;
        if batch.work >= self.pace.submission() || slots == SLOTS {
            self.close(None);
            self.advance(context)?;
            if !self.queue.is_empty() {
                // The device may not have been polled for a while.
                context.poll()?;
                self.advance(context)?;
            }
        }
        Ok(())
    }

    /// Starts to time the work recorded until [`end`](Self::end).
    pub(crate) fn begin(&mut self) {
        self.close(None);
        self.queue.push_back(Step::Begin);
    }

    /// Ends the measurement.
    pub(crate) fn end(&mut self, trial: Trial) {
        self.close(None);
        self.queue.push_back(Step::End(trial));
    }

    /// The version of the work recorded last.
    pub(crate) fn version(&self) -> u64 {
        self.version - u64::from(self.batch.dispatches.is_empty())
    }

    /// Returns an error if work of this version never reached the device.
    pub(crate) fn check(&self, version: u64) -> Result<(), Error> {
        let lost = self
            .lost
            .iter()
            .find(|(versions, _)| versions.contains(&version));
        lost.map_or(Ok(()), |(_, error)| Err(error.clone()))
    }

    /// Returns an error while the interrupt is raised, and drops the queued work. Work not yet queued stays if nothing before
    /// it is lost, because it may be another caller's.
    pub(crate) fn check_interrupt(&mut self, context: &Context) -> Result<(), Error> {
        let interrupted = context.check_interrupt();
        let first = self.queue.iter().find_map(|step| match step {
            Step::Submit(batch) => Some(batch.version),
            _ => None,
        });
        if let (Err(error), Some(first)) = (&interrupted, first) {
            self.lose(first, error);
        }
        interrupted
    }

    /// Queues the recorded work and a copy after it, and submits as much of the queue as allowed. The caller then counts as
    /// waiting, until [`is_received`](Self::is_received).
    pub(crate) fn send(&mut self, context: &Context, copy: Copy) -> Result<(), Error> {
        self.close(Some(copy));
        self.waiting += 1;
        let sent = self.advance(context).map(drop);
        self.waiting -= usize::from(sent.is_err());
        sent
    }

    /// A task no longer waits.
    pub(crate) fn is_received(&mut self) {
        self.reap();
        self.waiting -= 1;
    }

    /// The oldest unfinished submission.
    pub(crate) fn oldest(&self) -> Option<&wgpu::SubmissionIndex> {
        self.submitted.front().map(|submission| &submission.index)
    }

    /// Submits as much of the queue as allowed; returns whether that was anything.
    pub(crate) fn advance(&mut self, context: &Context) -> Result<bool, Error> {
        self.reap();
        let mut any = false;
        while let Some(step) = self.queue.front() {
            let on_their_way: usize = self
                .submitted
                .iter()
                .map(|submission| submission.work)
                .sum();
            let ready = match step {
                Step::Submit(_) => on_their_way <= AHEAD * self.pace.submission(),
                // Time is measured only while a task waits.
                Step::Begin | Step::End(_) => self.submitted.is_empty() && self.waiting > 0,
            };
            let Some(step) = self.queue.pop_front_if(|_| ready) else {
                break;
            };
            any = true;
            match step {
                Step::Submit(batch) => self.submit(context, batch)?,
                Step::Begin => self.timer = Instant::now(),
                Step::End(trial) => trial.took(self.timer.elapsed()),
            }
        }
        Ok(any)
    }

    /// Moves the recorded work to the queue.
    fn close(&mut self, copy: Option<Copy>) {
        if self.batch.dispatches.is_empty() && copy.is_none() {
            return;
        }
        let mut batch = std::mem::take(&mut self.batch);
        if let Some(copy) = &copy {
            batch
                .bytes
                .extend_from_slice(bytemuck::bytes_of(&copy.token));
        }
        let version = self.version;
        self.queue.push_back(Step::Submit(Batch {
            copy,
            version,
            ..batch
        }));
        self.version += 1;
    }

    /// Removes finished submissions.
    fn reap(&mut self) {
        let done = |submission: &mut Submission| submission.delivery.outcome().is_some();
        let any = self.submitted.pop_front_if(done).is_some();
        while self.submitted.pop_front_if(done).is_some() {}
        if any && self.submitted.is_empty() {
            if self.waiting > 0 {
                self.pace.ends(Instant::now());
            } else {
                // It may have ended long ago.
                self.pace.forgets();
            }
        }
    }

    fn submit(&mut self, context: &Context, batch: Batch) -> Result<(), Error> {
        let delivery = match &batch.copy {
            Some(copy) => Arc::clone(&copy.delivery),
            None => Arc::default(),
        };
        let version = batch.version;
        let outcome = self.submit_for(context, batch, &delivery);
        if let Err(error) = &outcome {
            delivery.tell(Err(error.clone()));
            self.lose(version, error);
        }
        outcome
    }

    fn submit_for(
        &mut self,
        context: &Context,
        batch: Batch,
        delivery: &Arc<Delivery>,
    ) -> Result<(), Error> {
        context.check()?;
        let work = batch.work;
        self.pace.begins(work, Instant::now());
        tracing::trace!(
            dispatches = batch.dispatches.len(),
            read = batch.copy.is_some(),
            "submit"
        );
        let index = context.scoped("a submission", || self.encode(context, &batch))?;
        delivery.sent.store(true, Ordering::Release);
        self.submitted.push_back(Submission {
            index,
            work,
            delivery: Arc::clone(delivery),
        });
        let (told, sleepers) = (Arc::clone(delivery), Arc::clone(&self.sleepers));
        match batch.copy {
            Some(copy) => context.scoped("mapping a result", || {
                copy.to.map_async(wgpu::MapMode::Read, .., move |result| {
                    told.tell(result.map_err(|error| Error::Operation {
                        what: "mapping a result",
                        message: error.to_string(),
                    }));
                    sleepers.wake();
                });
            }),
            None => context.scoped("a submission", || {
                context.queue.on_submitted_work_done(move || {
                    told.tell(Ok(()));
                    sleepers.wake();
                });
            }),
        }
    }

    /// Drops all unsubmitted work from version `first` on, and gives its waiters the error.
    fn lose(&mut self, first: u64, error: &Error) {
        for step in self.queue.drain(..) {
            if let Step::Submit(Batch {
                copy: Some(copy), ..
            }) = step
            {
                copy.delivery.tell(Err(error.clone()));
            }
        }
        self.batch = Batch::default();
        self.lost.push((first..=self.version, error.clone()));
        self.version += 1;
        self.sleepers.wake();
    }

    fn encode(&self, context: &Context, batch: &Batch) -> wgpu::SubmissionIndex {
        if !batch.bytes.is_empty() {
            context
                .queue
                .write_buffer(&self.parameters, 0, &batch.bytes);
        }
        let mut encoder = context
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        for (slot, dispatch) in batch.dispatches.iter().enumerate() {
            let Some(pipeline) = self.pipelines.get(&dispatch.shader) else {
                continue;
            };
            let group = pipeline.bind(context, &self.parameters, &dispatch.bindings);
            pass.set_pipeline(&pipeline.pipeline);
            pass.set_bind_group(0, &group, &[(slot as u64 * SLOT) as u32]);
            pass.dispatch_workgroups(dispatch.workgroups.0, dispatch.workgroups.1, 1);
        }
        drop(pass);
        if let Some(copy) = &batch.copy {
            let token = batch.dispatches.len() as u64 * SLOT;
            encoder.copy_buffer_to_buffer(&copy.from, copy.start, &copy.to, 0, copy.bytes);
            encoder.copy_buffer_to_buffer(&self.parameters, token, &copy.to, copy.bytes, 4);
        }
        context.queue.submit([encoder.finish()])
    }
}

impl Pipeline {
    fn new(context: &Context, shader: Shader, trusted: bool) -> Self {
        let label = Some(shader.entry_point());
        let entry = |binding, ty, has_dynamic_offset| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty,
                has_dynamic_offset,
                min_binding_size: None,
            },
            count: None,
        };
        let storage = shader.storage().iter().zip(1..).map(|(access, binding)| {
            let read_only = *access == Access::Read;
            entry(
                binding,
                wgpu::BufferBindingType::Storage { read_only },
                false,
            )
        });
        let entries: Vec<_> = std::iter::once(entry(0, wgpu::BufferBindingType::Uniform, true))
            .chain(storage)
            .collect();
        let device = &context.device;
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label,
            entries: &entries,
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label,
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let source = wgpu::ShaderModuleDescriptor {
            label,
            source: wgpu::ShaderSource::Wgsl(shader.source().into()),
        };
        let module = context.module(source, trusted);
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some(shader.entry_point()),
            // Kernels with workgroup memory write it before they read it.
            compilation_options: wgpu::PipelineCompilationOptions {
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: None,
        });
        Self { pipeline, layout }
    }

    fn bind(
        &self,
        context: &Context,
        parameters: &wgpu::Buffer,
        bindings: &[Binding],
    ) -> wgpu::BindGroup {
        let uniform = wgpu::BufferBinding {
            buffer: parameters,
            offset: 0,
            size: wgpu::BufferSize::new(SLOT),
        };
        let storage = bindings.iter().map(|binding| wgpu::BufferBinding {
            buffer: &binding.buffer,
            offset: binding.offset,
            size: wgpu::BufferSize::new(binding.size),
        });
        let entries: Vec<_> = std::iter::once(uniform)
            .chain(storage)
            .zip(0..)
            .map(|(buffer, binding)| wgpu::BindGroupEntry {
                binding,
                resource: wgpu::BindingResource::Buffer(buffer),
            })
            .collect();
        context
            .device
            .create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &self.layout,
                entries: &entries,
            })
    }
}
