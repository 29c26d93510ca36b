//! Particles in a buffer flow down a Sinkhorn divergence and stay on the device.
//!
//! The program owns a wgpu device. haul reads the positions in place and writes the gradient of S_ε into a buffer beside them;
//! a compute pass of the program moves each particle against it. At the end the same divergence is evaluated on a copy on the
//! host, and must agree. Usage: `buffers [ADAPTER]`, a part of an adapter's name.
#![allow(clippy::print_stdout)] // what it found

use haul::{Device, Divergence, GpuArray, Measure, ResidentMeasure};
use std::error::Error;

/// Number of particles, and of points of the target shape.
const PARTICLES: u32 = 600;
const SHAPE: u32 = 500;

/// Steps of the flow, and the fraction of the path to the target that each step moves.
const STEPS: usize = 4;
const SHARE: f32 = 0.5;

/// The tolerance of a solve, and the accepted error of gradients, relative to the largest.
const TOLERANCE: f64 = 1e-4;
const ALLOWED: f64 = 1e-2;

/// x ← x − share n ∇/2: a share of 1 would move each particle to the minimum of S_ε as seen from it.
const MOVE: &str = "
    @group(0) @binding(0) var<storage, read> gradient: array<vec2<f32>>;
    @group(0) @binding(1) var<storage, read_write> particles: array<vec4<f32>>;
    override scale: f32;

    @compute @workgroup_size(64)
    fn move_particles(@builtin(global_invocation_id) id: vec3<u32>) {
        if id.x < arrayLength(&particles) {
            let moved = particles[id.x].xy - scale * gradient[id.x];
            particles[id.x] = vec4(moved, particles[id.x].zw);
        }
    }
";

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).unwrap_or_default();
    let (device, queue) = pollster::block_on(open(&name))?;
    let haul = Device::from_wgpu(device.clone(), queue.clone())?;
    let program = Program { device, queue };

    // A particle is a vec4: two coordinates, and two numbers for its own use.
    let disc = disc(PARTICLES);
    let particles = program.filled(
        &disc
            .iter()
            .flat_map(|[x, y]| [*x, *y, 7.0, 8.0])
            .collect::<Vec<_>>(),
    );
    let shape = program.filled(&moons(SHAPE).concat());
    let gradient = program.filled(&vec![0.0; 2 * PARTICLES as usize]);
    let (n, m) = (PARTICLES as usize, SHAPE as usize);
    let source = ResidentMeasure::uniform(GpuArray::new(&particles, n, 2).with_stride(16));
    let target = ResidentMeasure::uniform(GpuArray::new(&shape, m, 2));
    let written = GpuArray::new(&gradient, n, 2);

    let flow = program.pass(&gradient, &particles);
    let loss = Divergence::blur(0.1).tolerance(TOLERANCE);
    let mut values = Vec::new();
    for step in 0..=STEPS {
        let terms = loss.evaluate_resident(&haul, &source, &target)?;
        terms.write_gradient(&written)?;
        println!(
            "step {step}: S_ε = {:.6}, at most {:.6}",
            terms.value(),
            terms.upper_bound()
        );
        if !terms.converged() {
            return Err("a solve did not converge".into());
        }
        values.push((terms.value(), terms.lower_bound(), terms.upper_bound()));
        if step < STEPS {
            program.run(&flow);
        }
    }
    if !values.windows(2).all(|pair| pair[1].0 < pair[0].0) {
        return Err("the divergence did not fall at each step".into());
    }

    // The same on the host: particles and gradient are copied only now.
    let particles = program.read(&particles)?;
    if !particles
        .chunks_exact(4)
        .all(|particle| particle[2..] == [7.0, 8.0])
    {
        return Err("numbers of the program's own were written over".into());
    }
    let points: Vec<f32> = particles
        .chunks_exact(4)
        .flat_map(|particle| [particle[0], particle[1]])
        .collect();
    let terms = loss.evaluate(
        &haul,
        &Measure::uniform(&points, 2)?,
        &Measure::uniform(&moons(SHAPE).concat(), 2)?,
    )?;
    let (value, lower, upper) = values[STEPS];
    println!(
        "on the host: S_ε = {:.6}, at most {:.6}",
        terms.value(),
        terms.upper_bound()
    );
    if lower > terms.upper_bound() || upper < terms.lower_bound() {
        return Err(format!(
            "S_ε is {value} in buffers and {} on the host",
            terms.value()
        )
        .into());
    }
    let on_host = terms.gradient()?.points;
    let largest = on_host
        .iter()
        .fold(0.0, |largest: f64, x| largest.max(x.abs()));
    let off = program
        .read(&gradient)?
        .iter()
        .zip(&on_host)
        .fold(0.0, |most: f64, (x, y)| most.max((f64::from(*x) - y).abs()));
    println!("gradients differ by {:.1e} of the largest", off / largest);
    if off > ALLOWED * largest {
        return Err("the gradients in buffers and on the host differ".into());
    }
    Ok(())
}

/// The adapter whose name contains `name`, or any.
async fn open(name: &str) -> Result<(wgpu::Device, wgpu::Queue), Box<dyn Error>> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapters = instance.enumerate_adapters(wgpu::Backends::all()).await;
    let adapter = adapters
        .into_iter()
        .find(|adapter| adapter.get_info().name.contains(name))
        .ok_or_else(|| format!("no adapter has {name:?} in its name"))?;
    Ok(adapter
        .request_device(&wgpu::DeviceDescriptor::default())
        .await?)
}

/// The program's own state.
struct Program {
    device: wgpu::Device,
    queue: wgpu::Queue,
}

/// The pass that moves the particles.
struct Flow {
    pipeline: wgpu::ComputePipeline,
    buffers: wgpu::BindGroup,
}

impl Program {
    /// A buffer that contains the given numbers.
    fn filled(&self, numbers: &[f32]) -> wgpu::Buffer {
        let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: bytes.len() as u64,
            usage: wgpu::BufferUsages::STORAGE
                | wgpu::BufferUsages::COPY_DST
                | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        self.queue.write_buffer(&buffer, 0, &bytes);
        buffer
    }

    fn pass(&self, gradient: &wgpu::Buffer, particles: &wgpu::Buffer) -> Flow {
        let module = self
            .device
            .create_shader_module(wgpu::ShaderModuleDescriptor {
                label: None,
                source: wgpu::ShaderSource::Wgsl(MOVE.into()),
            });
        let scale = f64::from(SHARE) * 0.5 * f64::from(PARTICLES);
        let pipeline = self
            .device
            .create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: None,
                layout: None,
                module: &module,
                entry_point: Some("move_particles"),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: &[("scale", scale)],
                    ..Default::default()
                },
                cache: None,
            });
        let buffers = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &[bound(0, gradient), bound(1, particles)],
        });
        Flow { pipeline, buffers }
    }

    fn run(&self, flow: &Flow) {
        let mut encoder = self.device.create_command_encoder(&Default::default());
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(&flow.pipeline);
        pass.set_bind_group(0, &flow.buffers, &[]);
        pass.dispatch_workgroups(PARTICLES.div_ceil(64), 1, 1);
        drop(pass);
        self.queue.submit([encoder.finish()]);
    }

    /// Copies a buffer to the host.
    fn read(&self, buffer: &wgpu::Buffer) -> Result<Vec<f32>, Box<dyn Error>> {
        let copy = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: buffer.size(),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = self.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(buffer, 0, &copy, 0, buffer.size());
        self.queue.submit([encoder.finish()]);
        let (told, outcome) = std::sync::mpsc::channel();
        copy.map_async(wgpu::MapMode::Read, .., move |result| {
            let _ = told.send(result);
        });
        self.device.poll(wgpu::PollType::wait_indefinitely())?;
        outcome.recv()??;
        let view = copy.get_mapped_range(..)?;
        let numbers = view.as_chunks::<4>().0.iter();
        Ok(numbers.map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }
}

/// A buffer at its binding in the shader.
fn bound(binding: u32, buffer: &wgpu::Buffer) -> wgpu::BindGroupEntry<'_> {
    wgpu::BindGroupEntry {
        binding,
        resource: buffer.as_entire_binding(),
    }
}

/// Points on two half circles.
fn moons(n: u32) -> Vec<[f32; 2]> {
    let point = |i| {
        let angle = std::f32::consts::PI * i as f32 / n as f32;
        let (x, y) = (angle.cos(), angle.sin());
        if i % 2 == 0 {
            [x, y]
        } else {
            [1.0 - x, 0.5 - y]
        }
    };
    (0..n).map(point).collect()
}

/// Points of a disc, on a spiral.
fn disc(n: u32) -> Vec<[f32; 2]> {
    let point = |i| {
        let (radius, angle) = ((i as f32 / n as f32).sqrt(), 2.4 * i as f32);
        [0.5 + radius * angle.cos(), 0.25 + radius * angle.sin()]
    };
    (0..n).map(point).collect()
}
