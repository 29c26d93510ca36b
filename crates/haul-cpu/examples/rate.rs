//! Pairs per second of the operators: `cargo run --release -p haul-cpu --example rate -- [n] [d …]`.

use haul_core::engine::{Factor, Integrand, Kernel, Side};
use haul_core::{Cost, Engine};
use haul_cpu::{CpuEngine, Real};
use std::time::Instant;

fn main() -> haul_core::Result<()> {
    let mut arguments = std::env::args().skip(1).filter_map(|a| a.parse().ok());
    let n = arguments.next().unwrap_or(16384);
    let mut dimensions: Vec<usize> = arguments.collect();
    if dimensions.is_empty() {
        dimensions = vec![1, 2, 3, 4, 8, 16, 64];
    }
    measure::<f32>(n, &dimensions)?;
    measure::<f64>(n, &dimensions)
}

#[allow(clippy::print_stdout)] // the measurements are the program's result
fn measure<T: Real>(n: usize, dimensions: &[usize]) -> haul_core::Result<()> {
    let engine = CpuEngine::<T>::new();
    println!(
        "{}, {}, n = {n}: Gpairs/s",
        engine.device(),
        engine.precision().name()
    );
    println!("   d  p  guessed  maximum  product  width 4");
    for &d in dimensions {
        for cost in [Cost::SquaredEuclidean, Cost::Euclidean] {
            let kernel = Kernel { cost, epsilon: 0.1 };
            let mut seed = 1_u64;
            let mut coordinates = || -> Vec<f64> {
                let next = || {
                    seed = seed
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    (seed >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
                };
                std::iter::repeat_with(next).take(n * d).collect()
            };
            let weights = vec![1.0 / n as f64; n];
            let x = engine.cloud(&coordinates(), d, &weights)?;
            let y = engine.cloud(&coordinates(), d, &weights)?;
            let zeros = engine.vector(&vec![0.0; n])?;
            let ones = engine.vector(&vec![1.0; 4 * n])?;
            let one = engine.vector(&vec![1.0; n])?;
            let mut f = engine.vector(&vec![0.0; n])?;
            let mut out = engine.vector(&vec![0.0; n])?;
            let mut wide = engine.vector(&vec![0.0; 4 * n])?;
            let columns = Side {
                cloud: &y,
                potential: &zeros,
            };
            engine.softmin(kernel, &x, columns, None, &mut f)?;
            let rows = Side {
                cloud: &x,
                potential: &f,
            };
            let guessed = rate(n, || {
                engine.softmin(kernel, &x, columns, Some(&f), &mut out)
            })?;
            let maximum = rate(n, || engine.softmin(kernel, &x, columns, None, &mut out))?;
            let integrand = |values, width| Integrand {
                factor: Factor::One,
                values,
                width,
            };
            let narrow = rate(n, || {
                engine.product(kernel, rows, columns, integrand(&one, 1), &mut out)
            })?;
            let four = rate(n, || {
                engine.product(kernel, rows, columns, integrand(&ones, 4), &mut wide)
            })?;
            println!(
                "{d:4}  {}  {guessed:7.2}  {maximum:7.2}  {narrow:7.2}  {four:7.2}",
                cost.p()
            );
        }
    }
    Ok(())
}

/// The best of some runs.
fn rate(n: usize, mut run: impl FnMut() -> haul_core::Result<()>) -> haul_core::Result<f64> {
    let mut best = f64::INFINITY;
    let begin = Instant::now();
    while begin.elapsed().as_secs_f64() < 0.5 {
        let start = Instant::now();
        run()?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok((n * n) as f64 / best / 1e9)
}
