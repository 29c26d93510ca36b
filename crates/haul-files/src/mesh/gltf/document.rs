//! What the JSON of a scene says: nodes, meshes, and where their numbers are.

use crate::pose::{UNTURNED, rotation};
use serde::Deserialize;

/// What the JSON of a file has, as far as it is read.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Document {
    pub(super) asset: Asset,
    pub(super) extensions_required: Vec<String>,
    pub(super) scene: Option<usize>,
    pub(super) scenes: Vec<Scene>,
    pub(super) nodes: Vec<Node>,
    pub(super) meshes: Vec<Shape>,
    pub(super) accessors: Vec<Accessor>,
    pub(super) buffer_views: Vec<View>,
    pub(super) buffers: Vec<Buffer>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Asset {
    pub(super) version: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Scene {
    pub(super) nodes: Vec<usize>,
}

/// A place in space, relative to that of its parent: a matrix by columns, or a scale, then a turn by a quaternion (x, y, z, w), then a
/// translation.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Node {
    pub(super) mesh: Option<usize>,
    pub(super) children: Vec<usize>,
    pub(super) matrix: Option<[f64; 16]>,
    pub(super) translation: Option<[f64; 3]>,
    pub(super) rotation: Option<[f64; 4]>,
    pub(super) scale: Option<[f64; 3]>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Shape {
    pub(super) primitives: Vec<Primitive>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Primitive {
    pub(super) attributes: Attributes,
    pub(super) indices: Option<usize>,
    pub(super) mode: Option<u32>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Attributes {
    #[serde(rename = "POSITION")]
    pub(super) position: Option<usize>,
}

/// An array of numbers, or of vectors of them: zeros, or part of a view, with a few elements replaced.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Accessor {
    pub(super) buffer_view: Option<usize>,
    pub(super) byte_offset: u64,
    pub(super) component_type: u32,
    pub(super) normalized: bool,
    pub(super) count: u64,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) sparse: Option<Sparse>,
}

#[derive(Deserialize)]
pub(super) struct Sparse {
    pub(super) count: u64,
    pub(super) indices: Place,
    pub(super) values: Place,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Place {
    pub(super) buffer_view: usize,
    pub(super) byte_offset: u64,
    pub(super) component_type: u32,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct View {
    pub(super) buffer: usize,
    pub(super) byte_offset: u64,
    pub(super) byte_length: u64,
    pub(super) byte_stride: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Buffer {
    pub(super) uri: Option<String>,
    pub(super) byte_length: u64,
}

/// The type of a number.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Number {
    I8,
    U8,
    I16,
    U16,
    U32,
    F32,
}

impl Number {
    pub(super) fn of(code: u32) -> Option<Self> {
        Some(match code {
            5120 => Self::I8,
            5121 => Self::U8,
            5122 => Self::I16,
            5123 => Self::U16,
            5125 => Self::U32,
            5126 => Self::F32,
            _ => return None,
        })
    }

    pub(super) const fn bytes(self) -> u64 {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::U32 | Self::F32 => 4,
        }
    }

    /// The number of the first bytes, which are at least as many as it has.
    pub(super) fn read(self, bytes: &[u8]) -> Option<f64> {
        Some(match self {
            Self::I8 => i8::from_le_bytes(*bytes.first_chunk()?).into(),
            Self::U8 => u8::from_le_bytes(*bytes.first_chunk()?).into(),
            Self::I16 => i16::from_le_bytes(*bytes.first_chunk()?).into(),
            Self::U16 => u16::from_le_bytes(*bytes.first_chunk()?).into(),
            Self::U32 => u32::from_le_bytes(*bytes.first_chunk()?).into(),
            Self::F32 => f32::from_le_bytes(*bytes.first_chunk()?).into(),
        })
    }

    /// The value of a normalised integer, between −1 or 0 and 1.
    pub(super) fn normalised(self, value: f64) -> f64 {
        let most: f64 = match self {
            Self::I8 => i8::MAX.into(),
            Self::U8 => u8::MAX.into(),
            Self::I16 => i16::MAX.into(),
            Self::U16 => u16::MAX.into(),
            Self::U32 | Self::F32 => return value,
        };
        (value / most).max(-1.0)
    }
}

/// A map of space: three rows of a matrix and a translation.
pub(super) type Affine = [[f64; 4]; 3];

pub(super) const IDENTITY: Affine = [
    [1.0, 0.0, 0.0, 0.0],
    [0.0, 1.0, 0.0, 0.0],
    [0.0, 0.0, 1.0, 0.0],
];

impl Node {
    pub(super) fn affine(&self) -> Affine {
        if let Some(matrix) = self.matrix {
            return std::array::from_fn(|row| {
                std::array::from_fn(|column| matrix[4 * column + row])
            });
        }
        let [x, y, z, w] = self.rotation.unwrap_or([0.0, 0.0, 0.0, 1.0]);
        let turn = rotation([w, x, y, z]).unwrap_or(UNTURNED);
        let scale = self.scale.unwrap_or([1.0; 3]);
        let translation = self.translation.unwrap_or_default();
        std::array::from_fn(|row| {
            std::array::from_fn(|column| match column {
                3 => translation[row],
                _ => turn[row][column] * scale[column],
            })
        })
    }
}

/// The place of a child of a node.
pub(super) fn product(outer: &Affine, inner: &Affine) -> Affine {
    std::array::from_fn(|row| {
        std::array::from_fn(|column| {
            let along: f64 = (0..3).map(|k| outer[row][k] * inner[k][column]).sum();
            along + if column == 3 { outer[row][3] } else { 0.0 }
        })
    })
}

/// Whether a map turns a surface inside out.
pub(super) fn mirrors(map: &Affine) -> bool {
    let minor = |a: usize, b: usize| map[1][a] * map[2][b] - map[1][b] * map[2][a];
    map[0][0] * minor(1, 2) - map[0][1] * minor(0, 2) + map[0][2] * minor(0, 1) < 0.0
}
