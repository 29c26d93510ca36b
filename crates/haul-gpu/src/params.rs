//! The parameters of kernels, in the layout of their WGSL.

use haul_core::Cost;
use haul_core::engine::Kernel;
use haul_shaders::Points;
use std::f64::consts::LOG2_E;

/// The parameters of a kernel over pairs, in the layout of `params.wgsl`.
#[repr(C)]
#[derive(Debug, Default, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct PairParams {
    pub(crate) rows: u32,
    pub(crate) first_group: u32,
    pub(crate) last_group: u32,
    pub(crate) groups_per_split: u32,
    pub(crate) carried: u32,
    pub(crate) finished: u32,
    pub(crate) token: u32,
    pub(crate) quads: u32,
    pub(crate) width: u32,
    pub(crate) channel: u32,
    pub(crate) last_column: u32,
    pub(crate) scale: f32,
    pub(crate) sharpness: f32,
    pub(crate) decay: f32,
    pub(crate) factor_one: f32,
    pub(crate) factor_cost: f32,
    pub(crate) unit: f32,
    pub(crate) mean_weight: f32,
    pub(crate) log_mean_weight: f32,
    pub(crate) least_sum: f32,
    pub(crate) largest_sum: f32,
    pub(crate) power_head: f32,
    pub(crate) power_tail: f32,
    pub(crate) strength: f32,
    pub(crate) height: u32,
    pub(crate) first_row: u32,
    pub(crate) first_column: u32,
    pub(crate) first_tile: u32,
    pub(crate) tiles: u32,
}

/// The parameters of a strip's product, in the layout of `strip_product.wgsl`.
#[repr(C)]
#[derive(Debug, Default, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct StripParams {
    pub(crate) rows: u32,
    pub(crate) columns: u32,
    pub(crate) height: u32,
    pub(crate) width: u32,
    pub(crate) quads: u32,
    pub(crate) first_quad: u32,
    pub(crate) carried: u32,
    pub(crate) factor: f32,
}

/// The parameters of the terms of columns, in the layout of `terms.wgsl`.
#[repr(C)]
#[derive(Debug, Default, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct TermParams {
    pub(crate) length: u32,
    pub(crate) first: u32,
    pub(crate) numbers: u32,
    pub(crate) points: u32,
    pub(crate) inner: u32,
    pub(crate) weights: u32,
    pub(crate) potential: u32,
    pub(crate) sharpness: f32,
    pub(crate) width: u32,
}

/// The parameters of a kernel over lines, in the layout of `lines_params.wgsl`.
#[repr(C)]
#[derive(Debug, Default, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct LineParams {
    pub(crate) points_of_rows: u32,
    pub(crate) points_of_columns: u32,
    pub(crate) lines: u32,
    pub(crate) inner: u32,
    pub(crate) rows: u32,
    pub(crate) columns: u32,
    pub(crate) first_row: u32,
    pub(crate) first_column: u32,
    pub(crate) height: u32,
    pub(crate) first_line: u32,
    pub(crate) blocks: u32,
    pub(crate) columns_per_split: u32,
    pub(crate) carried: u32,
    pub(crate) finished: u32,
    pub(crate) potential: u32,
    pub(crate) sharpness: f32,
    pub(crate) decay: f32,
    pub(crate) factor_one: f32,
    pub(crate) factor_cost: f32,
    pub(crate) unit: f32,
    pub(crate) mean_weight: f32,
    pub(crate) log_mean_weight: f32,
    pub(crate) width: u32,
}

/// The parameters of the masses of groups, in the layout of `masses.wgsl`.
#[repr(C)]
#[derive(Debug, Default, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct MassParams {
    pub(crate) rows: u32,
    pub(crate) columns: u32,
    pub(crate) stride: u32,
    pub(crate) first_row: u32,
    pub(crate) last_row: u32,
    pub(crate) splits: u32,
    pub(crate) added: u32,
    pub(crate) factor: f32,
    pub(crate) sharpness: f32,
    pub(crate) damping: f32,
}

/// The parameters of a kernel over vectors, in the layout of `vector_params.wgsl`.
#[repr(C)]
#[derive(Debug, Default, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct VectorParams {
    pub(crate) length: u32,
    pub(crate) splits: u32,
    pub(crate) width: u32,
    pub(crate) channel: u32,
    pub(crate) first_partial: u32,
    pub(crate) added: u32,
    pub(crate) token: u32,
    pub(crate) slot: u32,
    pub(crate) offset: f32,
    pub(crate) lines: u32,
    pub(crate) padding: [u32; 2],
    pub(crate) coefficients: [f32; 16],
}

/// The parameters of a kernel over the rows of an array, in the layout of `array_params.wgsl`.
#[repr(C)]
#[derive(Debug, Default, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct ArrayParams {
    pub(crate) rows: u32,
    pub(crate) columns: u32,
    pub(crate) first: u32,
    pub(crate) stride: u32,
    pub(crate) first_row: u32,
    pub(crate) first_partial: u32,
    pub(crate) steps: u32,
    pub(crate) width: u32,
    pub(crate) lead: u32,
    pub(crate) elements: u32,
    pub(crate) weighted: u32,
    pub(crate) moved: u32,
    pub(crate) scale: f32,
    pub(crate) rest: f32,
}

impl PairParams {
    /// The parameters that depend only on the kernel and the dimension.
    pub(crate) fn new(kernel: Kernel, dimension: usize) -> Self {
        let finite = kernel.epsilon.is_finite();
        let half = 0.5 * kernel.cost.p();
        // 16 bits, so that its product with an exponent of 8 bits is exact.
        let head = f32::from_bits((half as f32).to_bits() & !0xff);
        Self {
            quads: (Points::stride(dimension) / 4) as u32,
            scale: match kernel.cost {
                // The root of a general power may leave the range of a float.
                Cost::Power(_) => 1.0,
                cost => sharpness(kernel).powf(1.0 / cost.p()) as f32,
            },
            power_head: head,
            power_tail: (half - f64::from(head)) as f32,
            strength: sharpness(kernel) as f32,
            sharpness: if finite {
                sharpness(kernel) as f32
            } else {
                0.0
            },
            decay: if finite { 1.0 } else { 0.0 },
            ..Default::default()
        }
    }
}

/// Factor from a cost to an exponent of 2; 1 for the kernel without an exponent.
pub(crate) fn sharpness(kernel: Kernel) -> f64 {
    if kernel.epsilon.is_finite() {
        LOG2_E / kernel.epsilon
    } else {
        1.0
    }
}

/// The coefficients of a kernel over vectors, padded with zeros.
pub(crate) fn coefficients<const N: usize>(values: [f64; N]) -> [f32; 16] {
    let mut coefficients = [0.0; 16];
    for (coefficient, value) in coefficients.iter_mut().zip(values) {
        *coefficient = value as f32;
    }
    coefficients
}
