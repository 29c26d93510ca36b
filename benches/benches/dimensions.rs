//! What sums against coordinates cost in many dimensions: the seconds of a gradient and of a product of d values a
//! column, as a map takes, beside those of one softmin over the same pairs. All three are of the order of n·m·d.
//!
//! They are measured in turns, because other work on the machine slows all of them, and medians are told.

use haul::engine::{Factor, Integrand, Kernel, Pairs, Side};
use haul::{Cost, Device, Engine, Result};
use haul_benches::{cloud, devices, median, seconds};
use pollster::block_on;

/// Rows, columns and dimension.
const SHAPES: [(usize, usize, usize); 5] = [
    (5000, 5000, 3),
    (2000, 2000, 16),
    (1000, 1000, 784),
    (1000, 1000, 3072),
    (50, 60, 50_000),
];

fn main() -> Result<()> {
    // `cargo bench` says so; under `cargo test` once, on few points, is enough.
    let whole = std::env::args().any(|word| word == "--bench");
    let (rounds, share) = if whole { (7, 1) } else { (1, 20) };
    for (name, device) in devices()? {
        for (n, m, d) in SHAPES {
            let [softmin, product, gradient] = measure(&device, (n / share, m / share, d), rounds)?;
            println!(
                "{name:10} {n:4} × {m:4}, d = {d:5}: softmin {:8.2} ms, product of d values {:.2} times that, gradient {:.2} times",
                softmin * 1e3,
                product / softmin,
                gradient / softmin,
            );
        }
    }
    Ok(())
}

/// Seconds of a softmin, a product of d values and a gradient.
fn measure(device: &Device, (n, m, d): (usize, usize, usize), rounds: usize) -> Result<[f64; 3]> {
    let points = cloud(m, d, 2);
    let (x, y) = (
        device.points(&cloud(n, d, 1), d)?,
        device.points(&points, d)?,
    );
    let kernel = Kernel {
        cost: Cost::SquaredEuclidean,
        epsilon: 0.05 * d as f64,
    };
    let pairs = Pairs::new(kernel, &x, &y);
    let (mut f, mut guess, g) = (device.zeros(n)?, device.zeros(n)?, device.zeros(m)?);
    let mut wide = device.zeros(n * d)?;
    let (values, ones) = (device.vector(&points)?, device.vector(&vec![1.0; m])?);
    let weights = device.weights(&vec![1.0; m], 1)?;
    let columns = Side::new(&weights, &g);
    device.softmin(pairs, columns, None, None, &mut guess)?;
    let of = |values, width| Integrand {
        factor: Factor::One,
        values,
        width,
    };
    let (mut softmins, mut products, mut gradients) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        softmins.push(seconds(|| {
            device.softmin(pairs, columns, Some(&guess), None, &mut f)?;
            block_on(device.read(&f))
        })?);
        products.push(seconds(|| {
            device.product(pairs, Some(&guess), columns, of(&values, d), &mut wide)?;
            block_on(device.read(&wide))
        })?);
        gradients.push(seconds(|| {
            device.gradient(pairs, Some(&guess), columns, of(&ones, 1), &mut wide)?;
            block_on(device.read(&wide))
        })?);
    }
    Ok([median(softmins), median(products), median(gradients)])
}
