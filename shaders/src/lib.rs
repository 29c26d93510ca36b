//! haul's compute kernels, in WGSL.
//!
//! One kernel a file under `wgsl/`, fragments that several share under `wgsl/shared/`. A kernel
//! over pairs is specialised by dimension, cost and the way its columns are fetched: [`Shader::all`]
//! lists every variant, [`Shader::source`] assembles one, and `cargo xtask shader NAME` prints it. The
//! build script parses and validates all of them with naga, against the capabilities they declare, and
//! fails on an error.
//!
//! ```
//! use haul_shaders::{Columns, Pairs, Points, Power, Shader, Workgroup};
//! let shader = Shader::Softmin(Pairs { points: Points::Three, power: Power::Two, columns: Columns::Loaded, workgroup: Workgroup::Large });
//! assert!(shader.source().contains("fn softmin"));
//! assert_eq!(shader.entry_point(), "softmin");
//! assert_eq!(Shader::named("softmin-3d-p2-loaded-64"), Some(shader));
//! ```

mod kernels;

pub use kernels::{
    Access, Columns, Density, Factors, Lanes, Pairs, Points, Power, Shader, Terms, Values,
    Workgroup,
};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
