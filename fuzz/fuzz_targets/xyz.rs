#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let _ = haul_files::parse_cloud(Path::new("a.xyz"), bytes);
});
