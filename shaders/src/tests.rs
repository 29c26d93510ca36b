use crate::Shader;
use crate::kernels::files::{FRAGMENTS, KERNELS};
use std::collections::HashMap;
use std::path::Path;

#[test]
fn every_variant_has_one_name_that_finds_it_again() {
    let mut names = HashMap::new();
    for shader in Shader::all() {
        let name = shader.to_string();
        let typed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(name.chars().all(typed), "{name}");
        assert_eq!(Shader::named(&name), Some(shader));
        assert_eq!(names.insert(name, shader), None, "{shader:?}");
    }
    assert_eq!(Shader::named("softmin-3d-p2-shared-8"), None);
    assert_eq!(Shader::named(""), None);
}

#[test]
fn every_file_is_listed() {
    for (folder, files) in [("", KERNELS), ("shared", FRAGMENTS)] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("wgsl")
            .join(folder);
        let mut found: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|file| {
                Some(
                    file.unwrap()
                        .file_name()
                        .to_str()?
                        .strip_suffix(".wgsl")?
                        .to_owned(),
                )
            })
            .collect();
        found.sort();
        let listed: Vec<_> = files.iter().map(|(name, _)| *name).collect();
        assert_eq!(found, listed);
    }
}

#[test]
fn variants_differ() {
    let mut sources: Vec<String> = Shader::all().into_iter().map(Shader::source).collect();
    let count = sources.len();
    sources.sort();
    sources.dedup();
    assert_eq!(sources.len(), count);
}

#[test]
fn what_is_not_understood_does_not_validate() {
    let source = Shader::Combine.source();
    assert!(naga::front::wgsl::parse_str(&source).is_ok());
    for (known, unknown) in [
        ("params.length", "params.width_"),
        ("let index", "#import nothing\nlet index"),
        ("let index", "#unroll r MANY\n#end\nlet index"),
        ("sum += ", "sum += $x"),
    ] {
        let broken = source.replace(known, unknown);
        assert_ne!(broken, source);
        assert!(naga::front::wgsl::parse_str(&broken).is_err(), "{broken}");
    }
}
