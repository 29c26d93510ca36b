//! Which kernels there are, in which variants, and how their WGSL is put together.
//!
//! This folder needs nothing but the standard library: the build script reads it to validate all kernels, and
//! `cargo xtask shader` to print one, be it valid or not.

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
