//! Pairs per second of the operators over pairs, and of a whole solve.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use haul::engine::{Factor, Integrand, Kernel, Pairs, Side};
use haul::{Cost, CpuEngine, Device, Engine, Measure, Result, Sinkhorn};
use haul_benches::{cloud, devices};
use pollster::block_on;

/// Points of each cloud: large enough that no engine is bound by its dispatches.
const POINTS: usize = 8192;

const DIMENSIONS: [usize; 6] = [1, 2, 3, 4, 16, 64];

/// Two clouds on a device, with the potentials of a fixed point of the first.
struct Pair {
    x: haul::Points,
    y: haul::Points,
    b: haul::Weights,
    f: haul::Vector,
    g: haul::Vector,
    kernel: Kernel,
}

impl Pair {
    fn new(device: &Device, d: usize) -> Result<Self> {
        let mut pair = Self {
            x: device.points(&cloud(POINTS, d, 1), d)?,
            y: device.points(&cloud(POINTS, d, 2), d)?,
            b: device.weights(&vec![1.0; POINTS], 1)?,
            f: device.zeros(POINTS)?,
            g: device.zeros(POINTS)?,
            kernel: Kernel {
                cost: Cost::SquaredEuclidean,
                epsilon: 0.05 * d as f64,
            },
        };
        let mut f = device.zeros(POINTS)?;
        pair.softmin(device, None, &mut f)?;
        pair.f = f;
        Ok(pair)
    }

    fn pairs(&self) -> Pairs<'_, haul::Points> {
        Pairs::new(self.kernel, &self.x, &self.y)
    }

    fn columns(&self) -> Side<'_, haul::Weights, haul::Vector> {
        Side::new(&self.b, &self.g)
    }

    /// A softmin, finished: what a device has recorded is done when a result is read.
    fn softmin(
        &self,
        device: &Device,
        guess: Option<&haul::Vector>,
        out: &mut haul::Vector,
    ) -> Result<()> {
        device.softmin(self.pairs(), self.columns(), guess, None, out)?;
        block_on(device.read(out)).map(drop)
    }

    fn product(
        &self,
        device: &Device,
        factor: Factor,
        values: &haul::Vector,
        width: usize,
        out: &mut haul::Vector,
    ) -> Result<()> {
        let integrand = Integrand {
            factor,
            values,
            width,
        };
        device.product(self.pairs(), Some(&self.f), self.columns(), integrand, out)?;
        block_on(device.read(out)).map(drop)
    }
}

/// What the machine's arithmetic admits in a softmin, in Gpairs/s, where that is measured.
fn floor(device: &Device, d: usize) -> Option<f64> {
    let cost = Cost::SquaredEuclidean;
    let floor = match device {
        Device::Cpu(_) => CpuEngine::<f32>::floor_pairs_per_second(cost, d, 0),
        Device::CpuF64(_) => CpuEngine::<f64>::floor_pairs_per_second(cost, d, 0),
        _ => return None,
    };
    Some(floor.unwrap() / 1e9)
}

fn operators(criterion: &mut Criterion) {
    for (name, device) in devices().unwrap() {
        let mut group = criterion.benchmark_group(&name);
        group.sample_size(10);
        group.throughput(Throughput::Elements((POINTS * POINTS) as u64));
        let vector = |length| device.vector(&vec![1.0; length]).unwrap();
        for d in DIMENSIONS {
            if let Some(floor) = floor(&device, d) {
                println!("{name}/d{d}: the machine admits {floor:.3} Gpairs/s");
            }
            let pair = Pair::new(&device, d).unwrap();
            let (mut out, one) = (vector(POINTS), vector(POINTS));
            let (mut wide, four) = (vector(4 * POINTS), vector(4 * POINTS));
            group.bench_function(format!("softmin/d{d}"), |b| {
                b.iter(|| pair.softmin(&device, None, &mut out))
            });
            group.bench_function(format!("softmin-guessed/d{d}"), |b| {
                b.iter(|| pair.softmin(&device, Some(&pair.f), &mut out))
            });
            group.bench_function(format!("product/d{d}"), |b| {
                b.iter(|| pair.product(&device, Factor::One, &one, 1, &mut out))
            });
            group.bench_function(format!("product-cost/d{d}"), |b| {
                b.iter(|| pair.product(&device, Factor::Cost, &one, 1, &mut out))
            });
            group.bench_function(format!("product-width4/d{d}"), |b| {
                b.iter(|| pair.product(&device, Factor::One, &four, 4, &mut wide))
            });
        }
    }
}

fn solves(criterion: &mut Criterion) {
    for (name, device) in devices().unwrap() {
        let mut group = criterion.benchmark_group(&name);
        group.sample_size(10);
        for points in [500, 5000] {
            let measure = |seed| Measure::uniform(&cloud(points, 3, seed), 3).unwrap();
            let (a, b) = (measure(1), measure(2));
            let settings = Sinkhorn::blur(0.1).tolerance(1e-3);
            let pairs = settings.solve(&device, &a, &b).unwrap().report().pairs;
            group.throughput(Throughput::Elements(pairs));
            group.bench_function(format!("solve/{points}"), |bencher| {
                bencher.iter(|| settings.solve(&device, &a, &b).unwrap().value());
            });
        }
    }
}

criterion_group!(benches, operators, solves);
criterion_main!(benches);
