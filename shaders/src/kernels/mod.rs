//! The kernels, their variants, and the assembly of their WGSL.
//!
//! This folder uses only the standard library: the build script includes it to validate all kernels, and
//! `cargo xtask shader` to print one, valid or not.

mod assemble;
pub(crate) mod files;
mod fragments;
mod names;
mod shader;
mod variants;

pub use shader::{Access, Shader};
pub use variants::{
    Columns, Density, Factors, Lanes, Pairs, Points, Power, Terms, Values, Workgroup,
};
