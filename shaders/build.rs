//! Parses and validates every variant of every kernel, against the capabilities it declares and the
//! bindings it promises. A mistake in a shader fails the build, where it names file and line.

#[allow(dead_code, unreachable_pub, missing_docs)] // the library's table, read for its shaders alone
#[path = "src/kernels/mod.rs"]
mod kernels;

use kernels::{Access, Shader};
use naga::valid::{Capabilities, SubgroupOperationSet, ValidationFlags, Validator};
use std::process::ExitCode;

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=wgsl");
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=build.rs");
    let mut failed = false;
    for shader in Shader::all() {
        if let Err(error) = validate(shader) {
            failed = true;
            eprintln!("{shader}\n{error}\n");
        }
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn validate(shader: Shader) -> Result<(), String> {
    let source = shader.source();
    let module =
        naga::front::wgsl::parse_str(&source).map_err(|error| error.emit_to_string(&source))?;
    let (capabilities, stages, operations) = if shader.needs_subgroups() {
        (
            Capabilities::SUBGROUP,
            naga::valid::ShaderStages::COMPUTE,
            SubgroupOperationSet::all(),
        )
    } else {
        (
            Capabilities::empty(),
            naga::valid::ShaderStages::empty(),
            SubgroupOperationSet::empty(),
        )
    };
    Validator::new(ValidationFlags::all(), capabilities)
        .subgroup_stages(stages)
        .subgroup_operations(operations)
        .validate(&module)
        .map_err(|error| error.emit_to_string(&source))?;

    let name = shader.entry_point();
    let Some(entry) = module.entry_points.iter().find(|entry| entry.name == name) else {
        return Err(format!("no entry point {name}"));
    };
    let promised = [shader.workgroup_size() as u32, 1, 1];
    if entry.workgroup_size != promised {
        return Err(format!(
            "a workgroup of {:?} where {promised:?} is promised",
            entry.workgroup_size
        ));
    }
    let mut bound: Vec<(u32, Access)> = module
        .global_variables
        .iter()
        .filter_map(|(_, variable)| match variable.space {
            naga::AddressSpace::Storage { access } => {
                let access = if access.contains(naga::StorageAccess::STORE) {
                    Access::Write
                } else {
                    Access::Read
                };
                Some((variable.binding.as_ref()?.binding, access))
            }
            _ => None,
        })
        .collect();
    bound.sort_by_key(|(binding, _)| *binding);
    let promised: Vec<(u32, Access)> = (1..).zip(shader.storage().iter().copied()).collect();
    if bound != promised {
        return Err(format!(
            "storage bindings {bound:?} where {promised:?} are promised"
        ));
    }
    Ok(())
}
