//! Arrays on the device: points, weights and vectors, in f32.

use crate::Error;
use crate::context::{Context, part};
use crate::recorder::Binding;
use crate::store::Digest;
use crate::tiles::ALIGNMENT;
use haul_shaders::Points;
use std::ops::Range;
use xxhash_rust::xxh3::Xxh3;

/// Stands for the logarithm of a weight 0.
const LOWEST: f32 = -1e30;

/// Points on the device.
pub struct GpuPoints {
    pub(crate) buffer: wgpu::Buffer,
    pub(crate) length: usize,
    pub(crate) dimension: usize,
}

/// Weights of points on the device, of one or several histograms.
pub struct GpuWeights {
    /// log2 of the weights relative to their mean.
    pub(crate) logarithms: wgpu::Buffer,
    /// The weights relative to their mean.
    pub(crate) relative: wgpu::Buffer,
    /// Number of weights, over all points and lines.
    pub(crate) length: usize,
    pub(crate) histograms: usize,
    pub(crate) mean: f64,
}

/// A vector on the device.
pub struct GpuVector {
    pub(crate) buffer: wgpu::Buffer,
    pub(crate) length: usize,
    /// Version of the recorded work that last wrote it; see [`Recorder`](crate::recorder::Recorder).
    pub(crate) version: u64,
}

/// Hash of an array: equal arrays have equal hashes; others collide with probability 2^-128.
fn digest(kind: &str, side: usize, values: &[f64]) -> Digest {
    let mut digest = Xxh3::new();
    digest.update(kind.as_bytes());
    digest.update(&side.to_le_bytes());
    digest.update(bytemuck::cast_slice(values));
    digest.digest128()
}

impl GpuPoints {
    /// Uploads points, n×`dimension`.
    pub(crate) fn upload(
        context: &Context,
        coordinates: &[f64],
        dimension: usize,
    ) -> Result<Self, Error> {
        let length = coordinates.len() / dimension;
        let stride = Points::stride(dimension);
        let mut stored = vec![0f32; padded(length) * stride];
        let points = coordinates.chunks_exact(dimension);
        for (stored, point) in stored.chunks_exact_mut(stride).zip(points) {
            for (stored, &x) in stored.iter_mut().zip(point) {
                *stored = x as f32;
            }
        }
        Ok(Self {
            buffer: context.buffer_of("points", &stored, stored.len())?,
            length,
            dimension,
        })
    }

    /// Allocates points that a kernel will write.
    pub(crate) fn room(context: &Context, length: usize, dimension: usize) -> Result<Self, Error> {
        let floats = padded(length).saturating_mul(Points::stride(dimension));
        Ok(Self {
            buffer: context.buffer_of::<f32>("points", &[], floats)?,
            length,
            dimension,
        })
    }

    /// Hash of what [`upload`](Self::upload) would put on the device.
    pub(crate) fn digest(coordinates: &[f64], dimension: usize) -> Digest {
        digest("points", dimension, coordinates)
    }

    /// Bytes of device memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.buffer.size()
    }

    /// Binding of a range of points.
    pub(crate) fn range(&self, range: &Range<usize>) -> Binding {
        let stride = Points::stride(self.dimension);
        part(&self.buffer, range.start * stride, range.len() * stride)
    }
}

impl GpuWeights {
    /// Uploads weights, n×`histograms`.
    pub(crate) fn upload(
        context: &Context,
        values: &[f64],
        histograms: usize,
    ) -> Result<Self, Error> {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        // Without a positive weight any mean will do.
        let mean = if mean > 0.0 { mean } else { 1.0 };
        let room = padded(values.len());
        let relative = values.iter().map(|weight| weight / mean);
        let mut logarithms: Vec<f32> = relative.clone().map(logarithm).collect();
        logarithms.resize(room, LOWEST);
        let relative: Vec<f32> = relative.map(|weight| weight as f32).collect();
        Ok(Self {
            logarithms: context.buffer_of("weights", &logarithms, room)?,
            relative: context.buffer_of("weights", &relative, room)?,
            length: values.len(),
            histograms,
            mean,
        })
    }

    /// Allocates weights of one histogram, relative to their mean, that a kernel will write.
    pub(crate) fn room(context: &Context, length: usize, mean: f64) -> Result<Self, Error> {
        let buffer = || context.buffer_of::<f32>("weights", &[], padded(length));
        Ok(Self {
            logarithms: buffer()?,
            relative: buffer()?,
            length,
            histograms: 1,
            mean,
        })
    }

    /// Capacity in numbers.
    pub(crate) fn room_for(&self) -> usize {
        padded(self.length)
    }

    /// Hash of what [`upload`](Self::upload) would put on the device.
    pub(crate) fn digest(values: &[f64], histograms: usize) -> Digest {
        digest("weights", histograms, values)
    }

    /// Bytes of device memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.logarithms.size() + self.relative.size()
    }
}

impl GpuVector {
    pub(crate) fn upload(context: &Context, values: &[f64]) -> Result<Self, Error> {
        let floats: Vec<f32> = values.iter().map(|&value| value as f32).collect();
        Ok(Self {
            buffer: context.buffer_of("a vector", &floats, padded(values.len()))?,
            length: values.len(),
            version: 0,
        })
    }

    /// A new buffer is zero.
    pub(crate) fn zeros(context: &Context, length: usize) -> Result<Self, Error> {
        Ok(Self {
            buffer: context.buffer_of::<f32>("a vector", &[], padded(length))?,
            length,
            version: 0,
        })
    }
}

/// A buffer's length, rounded up so that the last group of columns reads within the buffer.
pub(crate) fn padded(length: usize) -> usize {
    length.max(1).next_multiple_of(ALIGNMENT)
}

/// log2 of a weight relative to the mean.
fn logarithm(relative: f64) -> f32 {
    if relative > 0.0 {
        relative.log2() as f32
    } else {
        LOWEST
    }
}
