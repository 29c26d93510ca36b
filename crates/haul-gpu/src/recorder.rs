//! Dispatches, recorded until there are enough of them to submit.
//!
//! A submission costs tens of microseconds, as much as a pass over a few thousand pairs. So
//! operators only record what they want done; one compute pass takes it all when the recorded work
//! is large, the ring of parameters is full, or a result is read.
//!
//! Who records faster than the device works waits for it, so that there is never more on its way than an interrupt
//! can wait for.

use crate::Error;
use crate::context::Context;
use crate::pace::Pace;
use haul_shaders::{Access, Shader};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::time::Instant;

/// Bytes between the parameters of two dispatches: the portable alignment of dynamic offsets.
const SLOT: u64 = 256;

/// Dispatches that one submission holds at most.
const SLOTS: u64 = 256;

/// Part of a buffer, as a kernel sees it.
#[derive(Clone)]
pub(crate) struct Binding {
    pub(crate) buffer: wgpu::Buffer,
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

/// Submissions that may be on their way while more is recorded, in the work of a full one: one that runs, and
/// one that waits for it.
const AHEAD: usize = 2;

/// A copy of the first bytes of a buffer that follows the recorded dispatches, and a token that
/// follows the copy, behind those bytes.
pub(crate) struct Copy<'c> {
    pub(crate) from: &'c wgpu::Buffer,
    pub(crate) to: &'c wgpu::Buffer,
    pub(crate) bytes: u64,
    pub(crate) token: u32,
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

pub(crate) struct Recorder {
    parameters: wgpu::Buffer,
    pipelines: HashMap<Shader, Pipeline>,
    dispatches: Vec<Dispatch>,
    bytes: Vec<u8>,
    work: usize,
    /// Submissions that may not be done, the oldest first, and the work of each.
    submitted: VecDeque<(wgpu::SubmissionIndex, usize)>,
    /// How fast the device works.
    pub(crate) pace: Pace,
}

impl Recorder {
    pub(crate) async fn new(context: &Context) -> Result<Self, Error> {
        let descriptor = wgpu::BufferDescriptor {
            label: Some("parameters"),
            // A token has a place behind the last slot.
            size: SLOT * (SLOTS + 1),
            usage: wgpu::BufferUsages::UNIFORM
                | wgpu::BufferUsages::COPY_DST
                | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        };
        Ok(Self {
            parameters: context
                .scoped("parameters", || context.device.create_buffer(&descriptor))
                .await?,
            pipelines: HashMap::new(),
            dispatches: Vec::new(),
            bytes: Vec::new(),
            work: 0,
            submitted: VecDeque::new(),
            pace: Pace::new(),
        })
    }

    /// Records a dispatch of `shader` over that many workgroups. `work` is what it costs, in pairs
    /// of dimension 3. While the interrupt is raised nothing is recorded; what was recorded before stays, because it
    /// may be somebody else's.
    pub(crate) async fn record(
        &mut self,
        context: &Context,
        shader: Shader,
        parameters: &impl bytemuck::NoUninit,
        bindings: Vec<Binding>,
        workgroups: (u32, u32),
        work: usize,
    ) -> Result<(), Error> {
        context.check_interrupt()?;
        if let Entry::Vacant(vacant) = self.pipelines.entry(shader) {
            let pipeline = context
                .scoped("a compute pipeline", || Pipeline::new(context, shader))
                .await?;
            vacant.insert(pipeline);
        }
        self.bytes.extend_from_slice(bytemuck::bytes_of(parameters));
        self.dispatches.push(Dispatch {
            shader,
            bindings,
            workgroups,
        });
        self.bytes.resize(self.dispatches.len() * SLOT as usize, 0);
        self.work += work;
        if self.work >= self.pace.submission() || self.dispatches.len() as u64 == SLOTS {
            self.submit(context, None).await?;
            self.keep_up(context)?;
        }
        Ok(())
    }

    /// Waits until few submissions are on their way.
    fn keep_up(&mut self, context: &Context) -> Result<(), Error> {
        let most = AHEAD * self.pace.submission();
        while self.submitted.iter().map(|(_, work)| work).sum::<usize>() > most {
            context.check_interrupt()?;
            if let Some((oldest, _)) = self.submitted.pop_front() {
                context.wait_for(&oldest)?;
            }
        }
        Ok(())
    }

    /// All that was submitted is done.
    pub(crate) fn is_done(&mut self, now: Instant) {
        self.submitted.clear();
        self.pace.ends(now);
    }

    /// Some of what was submitted is waited for no longer.
    pub(crate) fn loses_track(&mut self) {
        self.pace.forgets();
    }

    /// Submits what is recorded, and the copy after it.
    pub(crate) async fn submit(
        &mut self,
        context: &Context,
        copy: Option<Copy<'_>>,
    ) -> Result<wgpu::SubmissionIndex, Error> {
        context.check()?;
        let dispatches = std::mem::take(&mut self.dispatches);
        let mut bytes = std::mem::take(&mut self.bytes);
        let copy = copy.map(|copy| {
            let token = bytes.len() as u64;
            bytes.extend_from_slice(bytemuck::bytes_of(&copy.token));
            (copy, token)
        });
        let work = std::mem::take(&mut self.work);
        self.pace.begins(work, Instant::now());
        tracing::trace!(
            dispatches = dispatches.len(),
            read = copy.is_some(),
            "submit"
        );
        let submission = context
            .scoped("a submission", || {
                self.encode(context, &dispatches, &bytes, copy)
            })
            .await?;
        self.submitted.push_back((submission.clone(), work));
        Ok(submission)
    }

    fn encode(
        &self,
        context: &Context,
        dispatches: &[Dispatch],
        bytes: &[u8],
        copy: Option<(Copy<'_>, u64)>,
    ) -> wgpu::SubmissionIndex {
        if !bytes.is_empty() {
            context.queue.write_buffer(&self.parameters, 0, bytes);
        }
        let mut encoder = context
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        for (slot, dispatch) in dispatches.iter().enumerate() {
            let Some(pipeline) = self.pipelines.get(&dispatch.shader) else {
                continue;
            };
            let group = pipeline.bind(context, &self.parameters, &dispatch.bindings);
            pass.set_pipeline(&pipeline.pipeline);
            pass.set_bind_group(0, &group, &[(slot as u64 * SLOT) as u32]);
            pass.dispatch_workgroups(dispatch.workgroups.0, dispatch.workgroups.1, 1);
        }
        drop(pass);
        if let Some((copy, token)) = copy {
            let Copy {
                from, to, bytes, ..
            } = copy;
            encoder.copy_buffer_to_buffer(from, 0, to, 0, bytes);
            encoder.copy_buffer_to_buffer(&self.parameters, token, to, bytes, 4);
        }
        context.queue.submit([encoder.finish()])
    }
}

impl Pipeline {
    fn new(context: &Context, shader: Shader) -> Self {
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
        let module = context.module(wgpu::ShaderModuleDescriptor {
            label,
            source: wgpu::ShaderSource::Wgsl(shader.source().into()),
        });
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
