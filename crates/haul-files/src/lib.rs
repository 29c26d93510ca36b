//! Clouds, weights, arrays and images as files: `.npy`, `.npz`, `.ply`, `.csv`, `.tsv`, `.xyz` and `.pcd`, `.png` and `.jpg`, and the
//! surfaces `.obj`, `.stl` and `.off`, and the volumes `.nii`. Gzip may
//! pack those that are read from front to back (`.ply.gz`). The features `las`, `e57`, `parquet`, `arrow`, `h5ad`, `safetensors` and
//! `gltf` read `.las` and `.laz`, `.e57`, `.parquet`, `.arrow` and `.feather`, `.h5ad` and `.h5`, `.safetensors`, and `.glb` and
//! `.gltf` as well.
//!
//! The extension gives the format, or a [`Reading`] does. A reader streams a file straight into the vectors that it
//! returns. It never trusts a header: it reserves no more memory than the bytes of the file can
//! fill, and checks every value, so that all results are finite and every error names the
//! file, the row and the column. A writer fills a temporary file beside the target and renames it at
//! the end, so that a target is either complete or untouched.

#[cfg(feature = "arrow")]
mod arrow;
mod atomic;
mod attributes;
mod cloud;
mod columns;
#[cfg(feature = "e57")]
mod e57;
mod error;
mod format;
#[cfg(feature = "h5ad")]
mod h5ad;
mod histogram;
mod image;
mod labels;
#[cfg(feature = "las")]
mod las;
mod matrix;
mod mesh;
mod nifti;
mod npy;
mod npz;
mod numbers;
mod outline;
#[cfg(feature = "parquet")]
mod parquet;
mod part;
mod pcd;
mod placement;
mod ply;
#[cfg(any(feature = "e57", feature = "gltf"))]
mod pose;
mod read;
#[cfg(feature = "safetensors")]
mod safetensors;
mod source;
mod sparse;
#[cfg(test)]
mod tests;
mod text;
#[cfg(feature = "parquet")]
mod thrift;
mod volume;
mod write;

pub use atomic::{discard_writes, hold_writes};
pub use attributes::Attributes;
pub use cloud::Cloud;
pub use columns::Columns;
pub use error::{Error, Result};
pub use format::{Kind, numbered};
pub use histogram::{Contents, Histogram};
pub use image::Colours;
pub use labels::Labels;
pub use matrix::{check_matrix, read_matrix, write_matrix};
pub use mesh::Surface;
pub use numbers::{Numbers, read_numbers};
pub use outline::{About, Outline, Scan, outline};
pub use part::file_of;
pub use placement::Placement;
pub use read::{
    Reading, files_beside, parse_as, parse_cloud, parse_contents, read_as, read_cloud,
    read_colours, read_contents, read_faces, read_groups, read_weights,
};
pub use sparse::{Sparse, read_sparse};
pub use write::{
    Array, check_attributes, check_cloud, check_moved, check_target, check_volume, holds_weights,
    image_bytes, is_volume, names_attributes, write_cloud, write_colours, write_image, write_mesh,
    write_moved, write_npy, write_npz, write_text, write_volume, write_with,
};
