//! What a barycenter costs: seconds an iteration, and a whole solve with its certificate, on grids and clouds.
//!
//! Without arguments it prints seconds an iteration for images, where a softmin goes along the axes, and for a volume.
//!
//! `cargo bench -p haul-benches --bench barycenters -- TASK SUPPORT FILE INPUTS EPSILON KIND TOLERANCE RESULT` works on a problem
//! of numbers in a file, f64 in little-endian order. SUPPORT is a shape as `256x256`, a grid on the unit cube, or `2000@2`,
//! 2000 points of 2 coordinates that the file has first; then it has the weights of all inputs. It prints one line of JSON:
//!
//! - `solve` or `solve-f64` writes the barycenter to RESULT and prints its `seconds`, `iterations`, `objective` and bounds;
//! - `objective` reads a barycenter from RESULT and prints its objective, computed in f64.
//!
//! `benches/peers/barycenters.sh` puts that beside POT and OTT-JAX.

use haul::{
    Barycenter, BarycenterKind, Device, Divergence, Engine, Grid, Measure, Result, Sinkhorn,
};
use haul_benches::{cloud, devices};
use std::error::Error;
use std::ops::ControlFlow;
use std::time::Instant;

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let tasks = ["solve", "solve-f64", "objective"];
    if let Some(at) = words.iter().position(|word| tasks.contains(&word.as_str())) {
        return task(&words[at..]);
    }
    let whole = words.iter().any(|word| word == "--bench");
    let (share, iterations) = if whole { (1, 20) } else { (16, 2) };
    let cases: [(&[usize], usize, f64); 3] = [
        (&[256, 256], 8, 8.0),
        (&[256, 256], 4, 4.0),
        (&[128, 128, 128], 3, 4.0),
    ];
    for (name, device) in devices()? {
        for (shape, inputs, blur) in cases {
            let shape: Vec<_> = shape.iter().map(|n| n / share).collect();
            let seconds = seconds_an_iteration(&device, &shape, inputs, blur, iterations)?;
            println!(
                "{name:10} {shape:?} × {inputs}, blur {blur} cells: {seconds:.4} s an iteration"
            );
        }
    }
    Ok(())
}

/// Seconds of an iteration of a debiased barycenter, without its certificate.
fn seconds_an_iteration(
    device: &Device,
    shape: &[usize],
    count: usize,
    blur: f64,
    iterations: usize,
) -> Result<f64> {
    let n: usize = shape.iter().product();
    let grid = || Grid::new(shape, &vec![1.0; shape.len()], &vec![0.0; shape.len()]);
    let support = Measure::grid(grid()?, vec![1.0; n])?;
    let inputs = (0..count).map(|s| Measure::grid(grid()?, image(shape, s)));
    let inputs: Vec<_> = inputs.collect::<Result<_>>()?;
    let settings = Barycenter::blur(blur)
        .tolerance(1e-3)
        .max_iterations(iterations);
    let mut times = Vec::new();
    settings.solve_on_observed(device, &support, &inputs, |progress| {
        times.push(progress.seconds);
        ControlFlow::Continue(())
    })?;
    let first = times.first().copied().unwrap_or_default();
    let last = times.last().copied().unwrap_or_default();
    Ok((last - first) / (times.len().max(2) - 1) as f64)
}

/// A few balls in a grid, of sum 1.
fn image(shape: &[usize], seed: usize) -> Vec<f64> {
    let d = shape.len();
    let balls = cloud(3, d + 1, seed as u64 + 1);
    let n: usize = shape.iter().product();
    let inside = |index: usize| {
        let mut rest = index;
        let mut point = vec![0.0; d];
        for (x, n) in point.iter_mut().zip(shape).rev() {
            *x = (rest % n) as f64 / *n as f64;
            rest /= n;
        }
        balls.chunks_exact(d + 1).any(|ball| {
            let squares = point.iter().zip(ball).map(|(x, c)| x - (0.5 + 0.25 * c));
            let radius = 0.08 + 0.04 * ball[d];
            squares.map(|x| x * x).sum::<f64>() < radius * radius
        })
    };
    let weights: Vec<f64> = (0..n).map(|i| f64::from(u8::from(inside(i)))).collect();
    let mass: f64 = weights.iter().sum();
    weights.iter().map(|w| w / mass.max(1.0)).collect()
}

/// A problem read from a file.
struct Problem {
    support: Measure,
    inputs: Vec<Measure>,
    epsilon: f64,
    kind: BarycenterKind,
}

impl Problem {
    /// Writes the barycenter to a file; returns a line of JSON.
    fn solve<E: Engine>(
        &self,
        device: &E,
        tolerance: f64,
        result: &str,
    ) -> std::result::Result<String, Box<dyn Error>> {
        let settings = Barycenter::epsilon(self.epsilon)
            .kind(self.kind)
            .tolerance(tolerance);
        let start = Instant::now();
        let mut of_loop = 0.0;
        let average =
            settings.solve_on_observed(device, &self.support, &self.inputs, |progress| {
                of_loop = progress.seconds;
                ControlFlow::Continue(())
            })?;
        let seconds = start.elapsed().as_secs_f64();
        let weights = average.measure().weights().iter();
        let bytes: Vec<u8> = weights.flat_map(|b| b.to_le_bytes()).collect();
        std::fs::write(result, bytes)?;
        let report = average.report();
        Ok(format!(
            r#"{{"seconds": {seconds:e}, "loop": {of_loop:e}, "iterations": {}, "objective": {:e}, "lower": {:e}, "upper": {:e}}}"#,
            report.iterations, report.objective, report.bounds.lower, report.bounds.upper,
        ))
    }

    /// The objective of a histogram, scaled to mass 1, in f64. A value is off by the square of the error of its marginals.
    fn objective<E: Engine>(&self, device: &E, weights: &[f64]) -> Result<f64> {
        const TOLERANCE: f64 = 1e-6;
        let average = self.support.clone().with_weights(weights)?.normalized();
        let settings = Sinkhorn::epsilon(self.epsilon).tolerance(TOLERANCE);
        let own = Divergence::from(settings.clone());
        let own = |measure: &Measure| match self.kind {
            BarycenterKind::Debiased => own.self_term(device, measure).map(|term| term.value()),
            _ => Ok(0.0),
        };
        let mut value = 0.0;
        for input in &self.inputs {
            let between = settings.solve(device, &average, input)?;
            value += between.value() - 0.5 * own(input)?;
        }
        value = value / self.inputs.len() as f64 - 0.5 * own(&average)?;
        if self.kind == BarycenterKind::Plain {
            let even = 1.0 / average.len() as f64;
            let terms = average.weights().iter().filter(|b| **b > 0.0);
            value += self.epsilon * terms.map(|b| b * (b / even).ln()).sum::<f64>();
        }
        Ok(value)
    }
}

fn task(words: &[String]) -> std::result::Result<(), Box<dyn Error>> {
    let [
        task,
        support,
        file,
        inputs,
        epsilon,
        kind,
        tolerance,
        result,
    ] = words
    else {
        return Err("a task takes 7 arguments, see the head of this file".into());
    };
    let numbers = read(file)?;
    let (support, weights) = support_of(support, &numbers)?;
    let inputs: usize = inputs.parse()?;
    let inputs = weights.chunks_exact(support.len()).take(inputs);
    let inputs = inputs.map(|weights| Ok(support.clone().with_weights(weights)?.normalized()));
    let problem = Problem {
        inputs: inputs.collect::<Result<_>>()?,
        epsilon: epsilon.parse()?,
        kind: match kind.as_str() {
            "plain" => BarycenterKind::Plain,
            "debiased" => BarycenterKind::Debiased,
            _ => BarycenterKind::Product,
        },
        support,
    };
    if task == "objective" {
        let objective = problem.objective(&Device::cpu_f64(), &read(result)?)?;
        println!(r#"{{"objective": {objective:e}}}"#);
        return Ok(());
    }
    let tolerance = tolerance.parse()?;
    let line = match task.as_str() {
        "solve-f64" => problem.solve(&Device::cpu_f64(), tolerance, result)?,
        _ => problem.solve(&Device::cpu(), tolerance, result)?,
    };
    println!("{line}");
    Ok(())
}

/// The support, and the numbers after it.
fn support_of<'n>(
    word: &str,
    numbers: &'n [f64],
) -> std::result::Result<(Measure, &'n [f64]), Box<dyn Error>> {
    if let Some((n, d)) = word.split_once('@') {
        let (n, d): (usize, usize) = (n.parse()?, d.parse()?);
        let (points, weights) = numbers.split_at(n * d);
        return Ok((Measure::uniform(points, d)?, weights));
    }
    let shape: Vec<usize> = word
        .split('x')
        .map(str::parse)
        .collect::<std::result::Result<_, _>>()?;
    let spacing: Vec<_> = shape.iter().map(|n| 1.0 / (n - 1) as f64).collect();
    let grid = Grid::new(&shape, &spacing, &vec![0.0; shape.len()])?;
    let n = grid.len();
    Ok((Measure::grid(grid, vec![1.0; n])?, numbers))
}

fn read(file: &str) -> std::io::Result<Vec<f64>> {
    let bytes = std::fs::read(file)?;
    let (numbers, _) = bytes.as_chunks();
    Ok(numbers
        .iter()
        .map(|bytes| f64::from_le_bytes(*bytes))
        .collect())
}
