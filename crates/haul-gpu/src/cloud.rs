//! What lies on the device: clouds and vectors, in f32.

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

/// A weighted cloud on the device.
pub struct GpuCloud {
    points: wgpu::Buffer,
    pub(crate) log_weights: wgpu::Buffer,
    pub(crate) weights: wgpu::Buffer,
    pub(crate) length: usize,
    pub(crate) dimension: usize,
    /// The weights on the device are relative to it.
    pub(crate) mean_weight: f64,
}

/// A vector on the device.
pub struct GpuVector {
    pub(crate) buffer: wgpu::Buffer,
    pub(crate) length: usize,
}

impl GpuCloud {
    /// Uploads points (n×`dimension`) and their n weights, of which some are positive.
    pub(crate) async fn upload(
        context: &Context,
        points: &[f64],
        dimension: usize,
        weights: &[f64],
    ) -> Result<Self, Error> {
        let length = weights.len();
        let mean_weight = weights.iter().sum::<f64>() / length as f64;
        let stride = Points::stride(dimension);
        let mut stored = vec![0f32; padded(length) * stride];
        let points = points.chunks_exact(dimension);
        for (stored, point) in stored.chunks_exact_mut(stride).zip(points) {
            for (stored, &x) in stored.iter_mut().zip(point) {
                *stored = x as f32;
            }
        }
        let relative = weights.iter().map(|weight| weight / mean_weight);
        let mut logs: Vec<f32> = relative.clone().map(log_weight).collect();
        logs.resize(padded(length), LOWEST);
        let relative: Vec<f32> = relative.map(|weight| weight as f32).collect();
        let what = "the weights of a cloud";
        Ok(Self {
            points: context
                .buffer_of("the points of a cloud", &stored, stored.len())
                .await?,
            log_weights: context.buffer_of(what, &logs, logs.len()).await?,
            weights: context.buffer_of(what, &relative, padded(length)).await?,
            length,
            dimension,
            mean_weight,
        })
    }

    /// A name for what [`upload`](Self::upload) would put on the device: the same for equal clouds
    /// and, but for a chance of 2^-128, no others.
    pub(crate) fn digest(points: &[f64], dimension: usize, weights: &[f64]) -> Digest {
        let mut digest = Xxh3::new();
        digest.update(&dimension.to_le_bytes());
        digest.update(&weights.len().to_le_bytes());
        digest.update(bytemuck::cast_slice(points));
        digest.update(bytemuck::cast_slice(weights));
        digest.digest128()
    }

    /// What it takes of the device's memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.points.size() + self.log_weights.size() + self.weights.size()
    }

    /// The points of a range, as a kernel sees them.
    pub(crate) fn points(&self, range: &Range<usize>) -> Binding {
        let stride = Points::stride(self.dimension);
        part(&self.points, range.start * stride, range.len() * stride)
    }
}

impl GpuVector {
    pub(crate) async fn upload(context: &Context, values: &[f64]) -> Result<Self, Error> {
        let length = values.len();
        let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
        let buffer = context
            .buffer_of("a vector", &values, padded(length))
            .await?;
        Ok(Self { buffer, length })
    }
}

/// Lengths of buffers are rounded up, so that the last group of columns reads what is there.
pub(crate) fn padded(length: usize) -> usize {
    length.max(1).next_multiple_of(ALIGNMENT)
}

/// log2 of a weight relative to the mean.
fn log_weight(relative: f64) -> f32 {
    if relative > 0.0 {
        relative.log2() as f32
    } else {
        LOWEST
    }
}
