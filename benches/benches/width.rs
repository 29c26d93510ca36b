//! What many vectors of the same points cost: the nanoseconds a pair and histogram of a softmin and a product of q
//! histograms, the seconds of a softmin on a grid, and a product of the kernel with a matrix beside the multiply-adds
//! that the processor does on registers alone.
//!
//! Of each the best of a few rounds is told, as other work on the machine only slows them.
//!
//! On a CPU a product K·V of n² pairs, d coordinates and q values has two limits. Its floor is the time of what it
//! computes, on registers alone: n² pairs of dimension d with their exponentials, and n² q multiply-adds. And of all
//! multiply-adds that the processor does in a time, n² (d + q) count as useful: one for each coordinate and each value of a
//! pair. As a squared difference takes a subtraction beside its multiply-add, at most (d + q)/(2d + q) of them can be.
//!
//! `cargo bench -p haul-benches --bench width -- --product N D Q` measures that product alone, in f32, and prints one
//! line of JSON: `seconds`, its `floor` in seconds, and the `share` of useful multiply-adds. `benches/peers/width.sh`
//! puts it beside NumPy and KeOps.

use haul::engine::{Factor, Integrand, Kernel, Lines, Pairs, Side};
use haul::{Cost, CpuEngine, Device, Engine, Result};
use haul_benches::{cloud, devices, seconds};
use pollster::block_on;

const HISTOGRAMS: [usize; 5] = [1, 4, 16, 64, 256];
const DIMENSIONS: [usize; 2] = [2, 300];
/// Shapes, and the number of histograms on each.
const GRIDS: [(&[usize], usize); 3] = [(&[1024, 1024], 1), (&[256, 256], 8), (&[128, 128, 128], 1)];

fn main() -> Result<()> {
    let numbers: Vec<usize> = std::env::args()
        .skip_while(|word| word != "--product")
        .filter_map(|word| word.parse().ok())
        .collect();
    if let [n, d, q] = numbers[..] {
        let device = Device::cpu();
        let seconds = product(&device, (n, d, q), 3)?;
        let [floor, rate] = floor(&device, (n, d, q))?.unwrap_or_default();
        let share = useful((n, d, q)) / seconds / rate;
        println!(r#"{{"seconds": {seconds:e}, "floor": {floor:e}, "share": {share:.3}}}"#);
        return Ok(());
    }
    // `cargo bench` says so; under `cargo test` once, on few points, is enough.
    let whole = std::env::args().any(|word| word == "--bench");
    let (rounds, share) = if whole { (5, 1) } else { (1, 32) };
    for (name, device) in devices()? {
        for d in DIMENSIONS {
            for q in HISTOGRAMS {
                let n = 2000 / share;
                let [softmin, product, common] = histograms(&device, (n, d, q), rounds)?;
                let nanoseconds = 1e9 / (n * n * q) as f64;
                let floor = match floor(&device, (n, d, q))? {
                    Some([floor, _]) => format!(" (floor {:.3})", floor * nanoseconds),
                    None => String::new(),
                };
                println!(
                    "{name:10} d = {d:3}, q = {q:3}: softmin {:.3} ns a pair and histogram, product {:.3}, with common potentials {:.3}{floor}",
                    softmin * nanoseconds,
                    product * nanoseconds,
                    common * nanoseconds,
                );
            }
        }
        for (shape, q) in GRIDS {
            let shape: Vec<_> = shape.iter().map(|n| n / share).collect();
            let time = grid(&device, &shape, q, rounds)?;
            let pairs = (q * shape.iter().product::<usize>() * shape.iter().sum::<usize>()) as f64;
            let floor = match multiply_adds(&device)? {
                Some(rate) => format!(
                    ", of which multiply-adds on registers take {:.4} s",
                    pairs / rate
                ),
                None => String::new(),
            };
            println!("{name:10} softmin of {q} on a grid of {shape:?}: {time:.4} s{floor}");
        }
        matrix(&name, &device, share, rounds)?;
    }
    Ok(())
}

/// The best of a few rounds, in seconds.
fn best(rounds: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..rounds {
        best = best.min(seconds(&mut work)?);
    }
    Ok(best)
}

/// Seconds of a softmin, and of a product with potentials of each histogram and with those of all.
fn histograms(
    device: &Device,
    (n, d, q): (usize, usize, usize),
    rounds: usize,
) -> Result<[f64; 3]> {
    let x = device.points(&cloud(n, d, 1), d)?;
    let y = device.points(&cloud(n, d, 2), d)?;
    let pairs = Pairs::new(kernel(d), &x, &y).with_lines(Lines::of_histograms(q));
    let g = device.vector(&cloud(n, q, 3))?;
    let (mut guess, mut out) = (device.zeros(n * q)?, device.zeros(n * q)?);
    let side = Side {
        weights: None,
        potential: Some(&g),
    };
    device.softmin(pairs, side, None, None, &mut guess)?;
    let softmin = best(rounds, || {
        device.softmin(pairs, side, Some(&guess), None, &mut out)?;
        block_on(device.read(&out)).map(drop)
    })?;
    let integrand = Integrand {
        factor: Factor::One,
        values: &g,
        width: 1,
    };
    let product = best(rounds, || {
        device.product(pairs, Some(&guess), side, integrand, &mut out)?;
        block_on(device.read(&out)).map(drop)
    })?;
    let common = self::product(device, (n, d, q), rounds)?;
    Ok([softmin, product, common])
}

/// Seconds of a product of the kernel with a matrix.
fn product(device: &Device, (n, d, q): (usize, usize, usize), rounds: usize) -> Result<f64> {
    let x = device.points(&cloud(n, d, 1), d)?;
    let y = device.points(&cloud(n, d, 2), d)?;
    let pairs = Pairs::new(kernel(d), &x, &y).with_lines(Lines::of_histograms(q));
    let values = device.vector(&cloud(n, q, 3))?;
    let mut out = device.zeros(n * q)?;
    let none = Side {
        weights: None,
        potential: None,
    };
    let integrand = Integrand {
        factor: Factor::One,
        values: &values,
        width: 1,
    };
    best(rounds, || {
        device.product(pairs, None, none, integrand, &mut out)?;
        block_on(device.read(&out)).map(drop)
    })
}

/// The least seconds of such a product, and the multiply-adds per second, where they are measured.
fn floor(device: &Device, (n, d, q): (usize, usize, usize)) -> Result<Option<[f64; 2]>> {
    let cost = kernel(d).cost;
    let pairs = match device {
        Device::Cpu(_) => CpuEngine::<f32>::floor_pairs_per_second(cost, d, 0)?,
        Device::CpuF64(_) => CpuEngine::<f64>::floor_pairs_per_second(cost, d, 0)?,
        _ => return Ok(None),
    };
    let Some(multiply_adds) = multiply_adds(device)? else {
        return Ok(None);
    };
    let floor = (n * n) as f64 * (1.0 / pairs + q as f64 / multiply_adds);
    Ok(Some([floor, multiply_adds]))
}

/// The multiply-adds per second of a CPU.
fn multiply_adds(device: &Device) -> Result<Option<f64>> {
    match device {
        Device::Cpu(_) => CpuEngine::<f32>::floor_multiply_adds_per_second(0).map(Some),
        Device::CpuF64(_) => CpuEngine::<f64>::floor_multiply_adds_per_second(0).map(Some),
        _ => Ok(None),
    }
}

/// The multiply-adds of such a product that count.
fn useful((n, d, q): (usize, usize, usize)) -> f64 {
    (n * n * (d + q)) as f64
}

fn kernel(d: usize) -> Kernel {
    Kernel {
        cost: Cost::SquaredEuclidean,
        epsilon: 0.05 * d as f64,
    }
}

/// Seconds of a softmin of histograms on a grid, a pass for each axis.
fn grid(device: &Device, shape: &[usize], histograms: usize, rounds: usize) -> Result<f64> {
    let length = histograms * shape.iter().product::<usize>();
    let axes = shape.iter().map(|n| {
        let at = |i| -1.0 + 2.0 * i as f64 / *n as f64;
        device.points(&(0..*n).map(at).collect::<Vec<_>>(), 1)
    });
    let axes: Vec<_> = axes.collect::<Result<_>>()?;
    let kernel = Kernel {
        epsilon: 0.0025,
        ..kernel(1)
    };
    let mut vectors = [device.vector(&cloud(length, 1, 1))?, device.zeros(length)?];
    best(rounds, || {
        for (axis, points) in axes.iter().enumerate() {
            let lines = Lines {
                outer: shape[..axis].iter().product(),
                inner: histograms * shape[axis + 1..].iter().product::<usize>(),
            };
            let pairs = Pairs::new(kernel, points, points).with_lines(lines);
            let [h, out] = &mut vectors;
            let side = Side {
                weights: None,
                potential: Some(&*h),
            };
            device.softmin(pairs, side, None, None, out)?;
            // The next pass is of the potential −T.
            device.combine(&[(-1.0, &*out)], h)?;
        }
        block_on(device.read(&vectors[0])).map(drop)
    })
}

/// A product of the kernel of many features with a matrix, beside the machine's multiply-adds.
fn matrix(name: &str, device: &Device, share: usize, rounds: usize) -> Result<()> {
    let shape @ (n, d, q) = (13_000 / share, 300, 256);
    let seconds = product(device, shape, rounds.min(3))?;
    let gigaflops = 2e-9 * useful(shape) / seconds;
    println!(
        "{name:10} K·V of {n}² pairs, d = {d}, q = {q}: {seconds:.2} s, {gigaflops:.0} Gflop/s"
    );
    if let Some([floor, rate]) = floor(device, shape)? {
        println!(
            "{name:10} which is {:.0} % of the multiply-adds on registers, of at most {:.0} %; floor {floor:.2} s",
            100.0 * useful(shape) / seconds / rate,
            100.0 * (d + q) as f64 / (2 * d + q) as f64,
        );
    }
    Ok(())
}
