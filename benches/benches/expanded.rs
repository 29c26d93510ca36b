//! What the expanded form of squared distances would save: |x − y|² = |x|² + |y|² − 2⟨x, y⟩ takes a fused multiply-add a
//! coordinate, where the engine takes a subtraction as well.
//!
//! A prototype sums softmins in f32 as the CPU engine does it: 4 rows of a tile of 64 and some vectors of columns at a time, in
//! blocks of 32 dimensions, over columns that stay in the second cache, with the same exponential. Halves of −|x|² and −|y|² and of
//! the row's potential are the first term of a sum, and distances are limited from below to 0: nothing is left to save beside the
//! coordinates.
//!
//! The softmin of the engine, which keeps no distances here, and that of the prototype are measured in turns, on one thread and
//! each instruction set, and the best time of each counts.

use haul::engine::{Kernel, Pairs, Side};
use haul::{Cost, CpuEngine, Engine, Error, InstructionSet, Result};
use haul_benches::{cloud, seconds};
use pollster::block_on;
use pulp::{Arch, Simd, WithSimd};
use std::f64::consts::LOG2_E;

const TILE: usize = 64;
const ROWS: usize = 4;
const BLOCK: usize = 32;
const RANGE_BYTES: usize = 64 << 10;

/// Points in tiles, dimension after dimension, and −|x|²/2 of each.
struct Points {
    coordinates: Vec<f32>,
    halves: Vec<f32>,
}

impl Points {
    fn new(points: &[f64], d: usize) -> Self {
        let mut coordinates = vec![0.0; points.len()];
        let tiles = points.chunks_exact(d * TILE);
        for (points, tile) in tiles.zip(coordinates.chunks_exact_mut(d * TILE)) {
            for (j, point) in points.chunks_exact(d).enumerate() {
                for (k, x) in point.iter().enumerate() {
                    tile[k * TILE + j] = *x as f32;
                }
            }
        }
        let half = |point: &[f64]| -0.5 * point.iter().map(|x| x * x).sum::<f64>() as f32;
        Self {
            coordinates,
            halves: points.chunks_exact(d).map(half).collect(),
        }
    }
}

/// Σⱼ exp((fᵢ − Cᵢⱼ)/ε) for all rows.
struct Sums<'a> {
    rows: &'a Points,
    columns: &'a Points,
    potential: &'a [f32],
    /// log₂(e)/ε.
    sharpness: f32,
    out: &'a mut [f64],
}

impl WithSimd for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::REGISTER_COUNT >= 32 {
            self.run::<S, 4>(simd);
        } else {
            self.run::<S, 2>(simd);
        }
    }
}

impl Sums<'_> {
    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let size = self.rows.coordinates.len() / self.rows.halves.len() * TILE;
        let range = (RANGE_BYTES / (4 * size)).max(1);
        let width = V * S::F32_LANES;
        let zero = simd.splat_f32s(0.0);
        let factor = simd.splat_f32s(2.0 * self.sharpness);
        self.out.fill(0.0);
        for (tile, rows) in self.rows.coordinates.chunks_exact(size).enumerate() {
            let ranges = self.columns.coordinates.chunks(range * size);
            for (columns, halves) in ranges.zip(self.columns.halves.chunks(range * TILE)) {
                for row in (0..TILE).step_by(ROWS) {
                    let at = tile * TILE + row;
                    let limits: [_; ROWS] =
                        std::array::from_fn(|r| simd.splat_f32s(0.5 * self.potential[at + r]));
                    let mut totals = [zero; ROWS];
                    let tiles = columns.chunks_exact(size);
                    for (columns, halves) in tiles.zip(halves.chunks_exact(TILE)) {
                        for column in (0..TILE).step_by(width) {
                            let mut sums = [[zero; V]; ROWS];
                            let halves = S::as_simd_f32s(&halves[column..][..width]).0;
                            for r in 0..ROWS {
                                let of_row = simd.splat_f32s(self.rows.halves[at + r]);
                                let of_row = simd.add_f32s(of_row, limits[r]);
                                for v in 0..V {
                                    sums[r][v] = simd.add_f32s(of_row, halves[v]);
                                }
                            }
                            let blocks = rows.chunks(BLOCK * TILE);
                            for (x, y) in blocks.zip(columns.chunks(BLOCK * TILE)) {
                                let mut inner = [[zero; V]; ROWS];
                                for (x, y) in x.chunks_exact(TILE).zip(y.chunks_exact(TILE)) {
                                    let x = &x[row..][..ROWS];
                                    let y = S::as_simd_f32s(&y[column..][..width]).0;
                                    for r in 0..ROWS {
                                        let x = simd.splat_f32s(x[r]);
                                        for v in 0..V {
                                            inner[r][v] = simd.mul_add_f32s(x, y[v], inner[r][v]);
                                        }
                                    }
                                }
                                for r in 0..ROWS {
                                    for v in 0..V {
                                        sums[r][v] = simd.add_f32s(sums[r][v], inner[r][v]);
                                    }
                                }
                            }
                            for r in 0..ROWS {
                                for sum in sums[r] {
                                    let half = simd.min_f32s(sum, limits[r]);
                                    let power = exp2(simd, simd.mul_f32s(factor, half));
                                    totals[r] = simd.add_f32s(totals[r], power);
                                }
                            }
                        }
                    }
                    for (out, total) in self.out[at..].iter_mut().zip(totals) {
                        *out += f64::from(simd.reduce_sum_f32s(total));
                    }
                }
            }
        }
    }
}

/// 2^s by the engine's polynomial.
#[inline(always)]
fn exp2<S: Simd>(simd: S, s: S::f32s) -> S::f32s {
    #[allow(clippy::approx_constant)] // the best for this degree is not the series' first, ln 2
    const COEFFICIENTS: [f32; 6] = [
        0.001_326_472_7,
        0.009_671_513,
        0.055_507_337,
        0.240_222_42,
        0.693_147,
        1.0,
    ];
    let s = simd.min_f32s(s, simd.splat_f32s(127.0));
    let s = simd.max_f32s(s, simd.splat_f32s(-127.0));
    let rounder = simd.splat_f32s(12_582_912.0);
    let rounded = simd.add_f32s(s, rounder);
    let r = simd.sub_f32s(s, simd.sub_f32s(rounded, rounder));
    let mut power = simd.splat_f32s(COEFFICIENTS[0]);
    for coefficient in &COEFFICIENTS[1..] {
        power = simd.mul_add_f32s(power, r, simd.splat_f32s(*coefficient));
    }
    let exponent = simd.transmute_u32s_f32s(rounded);
    let exponent = simd.wrapping_dyn_shl_u32s(exponent, simd.splat_u32s(23));
    simd.transmute_f32s_u32s(simd.add_u32s(simd.transmute_u32s_f32s(power), exponent))
}

fn arch(set: InstructionSet) -> Option<Arch> {
    match set {
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512 => pulp::x86::V4::try_new().map(Arch::V4),
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 => pulp::x86::V3::try_new().map(Arch::V3),
        #[cfg(target_arch = "aarch64")]
        InstructionSet::Neon => pulp::aarch64::Neon::try_new().map(Arch::Neon),
        _ => None,
    }
}

fn main() -> Result<()> {
    // `cargo bench` says so; under `cargo test` once, on few points, is enough.
    let whole = std::env::args().any(|word| word == "--bench");
    let (n, rounds) = if whole { (512, 200) } else { (128, 1) };
    let sets = InstructionSet::available();
    for (set, arch) in sets.filter_map(|set| Some((set, arch(set)?))) {
        for d in [8, 16, 32, 64, 128, 784] {
            let rates = measure((set, arch), n, d, rounds)?;
            let [differences, expanded] = rates.map(|rate| rate / 1e6);
            println!(
                "{:8} d = {d:3}: {differences:5.0} million pairs/s, expanded {expanded:5.0}, {:.2} times as many",
                set.name(),
                expanded / differences
            );
        }
    }
    Ok(())
}

/// Pairs per second of the engine's softmin and of the prototype's.
fn measure(
    (set, arch): (InstructionSet, Arch),
    n: usize,
    d: usize,
    rounds: usize,
) -> Result<[f64; 2]> {
    let engine = CpuEngine::<f32>::with_threads(1)?
        .with_instructions(set)?
        .with_distance_memory(0);
    let clouds = [1, 2].map(|seed| cloud(n, d, seed));
    let [x, y] = [&clouds[0], &clouds[1]].map(|points| engine.points(points, d));
    let (x, y) = (x?, y?);
    let kernel = Kernel {
        cost: Cost::SquaredEuclidean,
        epsilon: 0.05 * d as f64,
    };
    let pairs = Pairs::new(kernel, &x, &y);
    let columns = Side {
        weights: None,
        potential: None,
    };
    let (mut guess, mut out) = (engine.zeros(n)?, engine.zeros(n)?);
    engine.softmin(pairs, columns, None, None, &mut guess)?;
    let potential: Vec<_> = block_on(engine.read(&guess))?;
    let potential: Vec<_> = potential.into_iter().map(|f| f as f32).collect();
    let [rows, columns_in_tiles] = clouds.map(|points: Vec<f64>| Points::new(&points, d));
    let mut sums = vec![0.0; n];
    let mut best = [f64::INFINITY; 2];
    for _ in 0..rounds {
        let both = [
            seconds(|| engine.softmin(pairs, columns, Some(&guess), None, &mut out))?,
            seconds(|| {
                arch.dispatch(Sums {
                    rows: &rows,
                    columns: &columns_in_tiles,
                    potential: &potential,
                    sharpness: (LOG2_E / kernel.epsilon) as f32,
                    out: &mut sums,
                });
                Ok(())
            })?,
        ];
        for (best, seconds) in best.iter_mut().zip(both) {
            *best = best.min(seconds);
        }
    }
    // With its own result as the guess each sum is 1.
    match sums.iter().find(|sum| (*sum - 1.0).abs() > 1e-3) {
        None => Ok(best.map(|seconds| (n * n) as f64 / seconds)),
        Some(sum) => Err(Error::Device {
            device: "the prototype".to_owned(),
            source: format!("a sum is {sum} in place of 1").into(),
        }),
    }
}
