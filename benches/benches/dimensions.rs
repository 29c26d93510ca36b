//! What sums against coordinates cost in many dimensions: the seconds of a gradient and of a product of d values a
//! column, as a map takes, beside those of one softmin over the same pairs. All three are of the order of n·m·d.
//!
//! They are measured in turns, because other work on the machine slows all of them, and medians are told.

use haul::engine::{Factor, Integrand, Kernel, Side};
use haul::{Cost, Device, Engine, Result};
use haul_benches::{cloud, devices, median, seconds};

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
    let x = device.cloud(&cloud(n, d, 1), d, &vec![1.0; n])?;
    let y = device.cloud(&points, d, &vec![1.0; m])?;
    let kernel = Kernel {
        cost: Cost::SquaredEuclidean,
        epsilon: 0.05 * d as f64,
    };
    let g = device.vector(&vec![0.0; m])?;
    let mut f = device.vector(&vec![0.0; n])?;
    let mut guess = device.vector(&vec![0.0; n])?;
    let mut wide = device.vector(&vec![0.0; n * d])?;
    let (values, ones) = (device.vector(&points)?, device.vector(&vec![1.0; m])?);
    let columns = Side {
        cloud: &y,
        potential: &g,
    };
    device.softmin(kernel, &x, columns, None, &mut guess)?;
    let rows = Side {
        cloud: &x,
        potential: &guess,
    };
    let of = |values, width| Integrand {
        factor: Factor::One,
        values,
        width,
    };
    let (mut softmins, mut products, mut gradients) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        softmins.push(seconds(|| {
            device.softmin(kernel, &x, columns, Some(&guess), &mut f)?;
            device.read(&f)
        })?);
        products.push(seconds(|| {
            device.product(kernel, rows, columns, of(&values, d), &mut wide)?;
            device.read(&wide)
        })?);
        gradients.push(seconds(|| {
            device.gradient(kernel, rows, columns, of(&ones, 1), &mut wide)?;
            device.read(&wide)
        })?);
    }
    Ok([median(softmins), median(products), median(gradients)])
}
