//! What a small solve takes beside its pairs: the seconds of a solve of 500 × 500 points, to an L1
//! error of 1e-3, against three times the seconds of as many pairs at the rate of a large pass, and
//! 2 ms. Launches, waits and the certificate must fit in what the pairs leave.
//!
//! Both are measured in turns, because other work on the machine slows both, and medians are told.

use haul::engine::{Kernel, Pairs, Side};
use haul::{Cost, Device, Engine, Measure, Result, Sinkhorn};
use haul_benches::{cloud, devices, median, seconds};
use pollster::block_on;

const POINTS: usize = 500;

/// Points of a pass that runs at the full rate.
const MANY: usize = 8192;

/// Solves for each large pass, which takes longer.
const SOLVES: usize = 5;

/// Seconds that a solve may take: so many times those of its pairs, and these.
const TIMES: f64 = 3.0;
const BESIDE: f64 = 2e-3;

fn main() -> Result<()> {
    // `cargo bench` says so; under `cargo test` once is enough.
    let rounds = if std::env::args().any(|word| word == "--bench") {
        20
    } else {
        1
    };
    for (name, device) in devices()? {
        let [solve, rate, pairs] = measure(&device, rounds)?;
        let allowed = TIMES * pairs / rate + BESIDE;
        println!(
            "{name:10} {:6.2} ms a solve, {:6.2} ms allowed: {:.2} of it ({:.1} Mpairs, {:.2} Gpairs/s at the full rate)",
            solve * 1e3,
            allowed * 1e3,
            solve / allowed,
            pairs / 1e6,
            rate / 1e9
        );
    }
    Ok(())
}

/// Seconds of a solve, pairs per second of a large pass with a guess of its result, and the pairs of a
/// solve.
fn measure(device: &Device, rounds: usize) -> Result<[f64; 3]> {
    let measure = |seed| Measure::uniform(&cloud(POINTS, 3, seed), 3);
    let (a, b) = (measure(1)?, measure(2)?);
    let settings = Sinkhorn::blur(0.1).tolerance(1e-3);
    let evaluated = settings.solve(device, &a, &b)?.report().pairs as f64;

    let x = device.points(&cloud(MANY, 3, 1), 3)?;
    let y = device.points(&cloud(MANY, 3, 2), 3)?;
    let weights = device.weights(&vec![1.0; MANY], 1)?;
    let (zeros, mut guess, mut out) = (
        device.zeros(MANY)?,
        device.zeros(MANY)?,
        device.zeros(MANY)?,
    );
    let kernel = Kernel {
        cost: Cost::SquaredEuclidean,
        epsilon: 0.1,
    };
    let pairs = Pairs::new(kernel, &x, &y);
    let columns = Side::new(&weights, &zeros);
    device.softmin(pairs, columns, None, None, &mut guess)?;
    block_on(device.read(&guess))?;

    let (mut solves, mut passes) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        passes.push(seconds(|| {
            device.softmin(pairs, columns, Some(&guess), None, &mut out)?;
            block_on(device.read(&out))
        })?);
        for _ in 0..SOLVES {
            solves.push(seconds(|| settings.solve(device, &a, &b))?);
        }
    }
    let rate = (MANY * MANY) as f64 / median(passes);
    Ok([median(solves), rate, evaluated])
}
