//! Buffers of a program's own, beside haul on one wgpu device.

use crate::engines::{ADAPTERS, own_adapter, own_device_of};
use haul::{Device, GpuArray};

/// What lies between the rows of an array.
const FILLING: f32 = -77.5;

/// A program with a wgpu device, on which haul works as well.
pub struct Program {
    adapter: wgpu::Adapter,
    device: wgpu::Device,
    queue: wgpu::Queue,
    pub haul: Device,
}

/// Rows in a buffer, and where they lie there, in numbers.
pub struct Rows {
    pub buffer: wgpu::Buffer,
    pub array: GpuArray,
    rows: usize,
    columns: usize,
    offset: usize,
    stride: usize,
}

impl Program {
    /// On the first adapter that the tests are told of, whose bindings hold so many bytes.
    pub fn new(binding: u64) -> Self {
        let names = std::env::var(ADAPTERS).expect("the name of an adapter");
        let name = names.split(',').next().unwrap_or_default().trim();
        Self::on(own_adapter(name).expect("an adapter"), binding)
    }

    /// Another one, on another device of the same adapter.
    pub fn beside(&self) -> Self {
        Self::on(self.adapter.clone(), 128 << 20)
    }

    fn on(adapter: wgpu::Adapter, binding: u64) -> Self {
        let (device, queue) = own_device_of(&adapter, binding).expect("a device");
        let haul = Device::from_wgpu(device.clone(), queue.clone()).expect("an engine");
        Self {
            adapter,
            device,
            queue,
            haul,
        }
    }

    pub fn buffer(&self, bytes: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: bytes,
            usage,
            mapped_at_creation: false,
        })
    }

    /// Rows of so many numbers, from an offset on and at a stride.
    pub fn rows(&self, values: &[f64], columns: usize, offset: usize, stride: usize) -> Rows {
        let rows = values.len() / columns;
        let mut numbers = vec![FILLING; offset + rows * stride];
        for (row, values) in values.chunks_exact(columns).enumerate() {
            let places = &mut numbers[offset + row * stride..][..columns];
            for (place, value) in places.iter_mut().zip(values) {
                *place = *value as f32;
            }
        }
        let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        let usage = wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_DST
            | wgpu::BufferUsages::COPY_SRC;
        let buffer = self.buffer(bytes.len() as u64, usage);
        self.queue.write_buffer(&buffer, 0, &bytes);
        let array = GpuArray::new(&buffer, rows, columns)
            .at(4 * offset as u64)
            .with_stride(4 * stride as u64);
        Rows {
            buffer,
            array,
            rows,
            columns,
            offset,
            stride,
        }
    }

    /// Room for rows of so many numbers.
    pub fn room(&self, rows: usize, columns: usize, offset: usize, stride: usize) -> Rows {
        self.rows(&vec![0.0; rows * columns], columns, offset, stride)
    }

    /// The numbers of the rows. What is between them must be as it was.
    pub fn read(&self, rows: &Rows) -> Vec<f64> {
        let size = rows.buffer.size();
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let copy = self.buffer(size, usage);
        let mut encoder = self.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&rows.buffer, 0, &copy, 0, size);
        self.queue.submit([encoder.finish()]);
        copy.map_async(wgpu::MapMode::Read, .., |result| result.expect("a mapping"));
        let wait = wgpu::PollType::wait_indefinitely();
        self.device.poll(wait).expect("a device that works");
        let view = copy.get_mapped_range(..).expect("a mapping");
        let numbers: Vec<f32> = view
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect();
        let is_inside = |place: usize| {
            place >= rows.offset
                && (place - rows.offset) % rows.stride < rows.columns
                && (place - rows.offset) / rows.stride < rows.rows
        };
        let (inside, outside): (Vec<_>, Vec<_>) = numbers
            .into_iter()
            .enumerate()
            .partition(|(place, _)| is_inside(*place));
        let untouched = outside.iter().all(|(_, x)| *x == FILLING);
        assert!(untouched, "what is between the rows was written over");
        inside.into_iter().map(|(_, x)| x.into()).collect()
    }
}
