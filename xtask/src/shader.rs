//! The assembled source of a kernel, or the names of all kernels.

// The list is compiled from its source into this program. So nothing else has to be built, and a kernel that does not
// validate, which fails the build of its own crate, can still be printed.
#[allow(dead_code, unused_imports, unreachable_pub)]
#[path = "../../shaders/src/kernels/mod.rs"]
mod kernels;

use anyhow::{Context, Result};
use kernels::Shader;

/// The WGSL of the variant with this name.
pub(crate) fn source(name: &str) -> Result<String> {
    let shader = Shader::named(name)
        .with_context(|| format!("no kernel {name}; cargo xtask shader lists them"))?;
    Ok(shader.source())
}

/// The names of all variants, one a line.
pub(crate) fn names() -> String {
    let names: Vec<_> = Shader::all().iter().map(Shader::to_string).collect();
    names.join("\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_is_listed_has_a_whole_kernel() {
        for name in names().lines() {
            let kernel = name.split('-').next().unwrap();
            let source = source(name).unwrap();
            assert!(source.contains(&format!("fn {kernel}")), "{name}");
            assert!(!source.contains('#') && !source.contains('$'), "{name}");
        }
        let error = source("softmin-7d").unwrap_err().to_string();
        assert!(error.contains("softmin-7d") && error.contains("cargo xtask shader"));
    }
}
