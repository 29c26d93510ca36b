//! haul's benchmarks: `cargo bench -p haul-benches`.
//!
//! `operators` measures pairs per second of each operator over pairs, by dimension and engine, and a
//! whole solve, with criterion; `small` what a small solve takes beside its pairs; `dimensions` what
//! sums against coordinates cost in many dimensions, `expanded` what another form of squared distances
//! would save there; `width` what histograms and grids cost a pair; `barycenters` what an iteration of a
//! barycenter costs, `points` what free supports and k-means cost. The CPU engines are always measured;
//! `HAUL_TEST_ADAPTERS` names the adapters that are measured beside them. Under `cargo test` each
//! benchmark runs once, so that none can rot.

use haul::{Device, Result};
use std::time::Instant;

/// Points in the cube [−1, 1]^d, from a small generator; n×d.
pub fn cloud(n: usize, d: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..n * d).map(|_| next()).collect()
}

/// The engines that are measured, each with a name without spaces.
pub fn devices() -> Result<Vec<(String, Device)>> {
    let mut devices = vec![
        ("cpu-f32".to_owned(), Device::cpu()),
        ("cpu-f64".to_owned(), Device::cpu_f64()),
    ];
    let named = std::env::var("HAUL_TEST_ADAPTERS").unwrap_or_default();
    for name in named
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        devices.push((name.to_owned(), Device::gpu(name)?));
    }
    Ok(devices)
}

/// How long some work took.
pub fn seconds<T>(work: impl FnOnce() -> Result<T>) -> Result<f64> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64())
}

/// The one in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
