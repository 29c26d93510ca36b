//! A program keeps drawing while a solve waits for the device.
//!
//! It owns a wgpu device, as a program with a window does, and clears a small texture for each frame. The solve is a future
//! that the loop polls between two frames when it has been woken; haul records its work into the same queue and blocks no
//! thread. Usage: `frames [ADAPTER]`, a part of an adapter's name.
#![allow(clippy::print_stdout)] // what it found

use haul::{Device, Divergence, Measure};
use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).unwrap_or_default();
    let (device, queue) = pollster::block_on(open(&name))?;
    let haul = Device::from_wgpu(device.clone(), queue.clone())?;
    let (moons, disc) = (moons(2000)?, disc(2000)?);

    let frame = Frame::new(device, queue);
    let woken = Arc::new(Woken(AtomicBool::new(true)));
    let waker = Waker::from(woken.clone());
    let loss = Divergence::blur(0.05);
    let mut solve = pin!(loss.evaluate_async(&haul, &moons, &disc));
    let mut frames = 0;
    let terms = loop {
        frame.draw(frames);
        frames += 1;
        if woken.0.swap(false, Ordering::AcqRel)
            && let Poll::Ready(terms) = solve.as_mut().poll(&mut Context::from_waker(&waker))
        {
            break terms?;
        }
    };
    let report = terms.report();
    println!(
        "S_ε = {:.4}, between {:.4} and {:.4}, on {}",
        terms.value(),
        terms.lower_bound(),
        terms.upper_bound(),
        report.device
    );
    println!("{frames} frames were drawn in the meantime");
    if frames < 3 {
        return Err("the solve did not let the program draw".into());
    }
    Ok(())
}

/// Remembers that the future was woken.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
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

/// The frame that the program draws: one colour.
struct Frame {
    device: wgpu::Device,
    queue: wgpu::Queue,
    view: wgpu::TextureView,
}

impl Frame {
    fn new(device: wgpu::Device, queue: wgpu::Queue) -> Self {
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("a frame"),
            size: wgpu::Extent3d {
                width: 64,
                height: 64,
                depth_or_array_layers: 1,
            },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba8Unorm,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT,
            view_formats: &[],
        });
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        Self {
            device,
            queue,
            view,
        }
    }

    fn draw(&self, frame: u32) {
        let mut encoder = self
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let hue = f64::from(frame % 256) / 255.0;
        let colour = wgpu::Color {
            r: hue,
            g: 0.5,
            b: 1.0 - hue,
            a: 1.0,
        };
        drop(encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &self.view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(colour),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..Default::default()
        }));
        self.queue.submit([encoder.finish()]);
        // A program with a window would wait for its screen here.
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// Points on two half circles.
fn moons(n: usize) -> haul::Result<Measure> {
    let points: Vec<f64> = (0..n)
        .flat_map(|i| {
            let angle = std::f64::consts::PI * i as f64 / n as f64;
            let (x, y) = (angle.cos(), angle.sin());
            if i % 2 == 0 {
                [x, y]
            } else {
                [1.0 - x, 0.5 - y]
            }
        })
        .collect();
    Measure::uniform(&points, 2)
}

/// Points of a disc, on a spiral.
fn disc(n: usize) -> haul::Result<Measure> {
    let points: Vec<f64> = (0..n)
        .flat_map(|i| {
            let (radius, angle) = ((i as f64 / n as f64).sqrt(), 2.4 * i as f64);
            [0.5 + radius * angle.cos(), 0.25 + radius * angle.sin()]
        })
        .collect();
    Measure::uniform(&points, 2)
}
