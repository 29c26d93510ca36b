//! What measures cost whose points are the unknowns: barycenters on free supports, and reductions to k points.
//!
//! Without arguments it prints the seconds of both, of random clouds. `cargo bench -p haul-benches --bench points -- TASK …` works on
//! numbers in a file, f64 in little-endian order, row by row, and prints one line of JSON:
//!
//! - `barycenter D N INPUTS EPSILON FILE RESULT`: the file has a start of N points and the inputs, of N points each. RESULT gets
//!   the barycenter of the product kind.
//! - `objective D N INPUTS EPSILON FILE RESULT` reads a barycenter from RESULT and prints its `objective`, computed in f64.
//! - `lloyd D N K ITERATIONS FILE RESULT`: the file has N points and a start of K. RESULT gets the centres.
//!
//! `benches/peers/points.sh` puts that beside POT, OTT-JAX and scikit-learn.

use haul::{
    BarycenterKind, Device, Engine, FreeBarycenter, Measure, Quantization, Result, Sinkhorn,
};
use haul_benches::{cloud, devices};
use std::error::Error;

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let tasks = ["barycenter", "objective", "lloyd"];
    if let Some(at) = words.iter().position(|word| tasks.contains(&word.as_str())) {
        return task(&words[at..]);
    }
    let whole = words.iter().any(|word| word == "--bench");
    let share = if whole { 1 } else { 20 };
    for (name, device) in devices()? {
        let measure = |n: usize, seed| Measure::uniform(&cloud(n, 3, seed), 3);
        let [start, a, b] = [1, 2, 3].map(|seed| measure(2000 / share, seed));
        let fit = FreeBarycenter::new(Sinkhorn::blur(0.2)).solve(&device, &start?, &[a?, b?])?;
        let report = fit.report();
        let (steps, seconds) = (report.steps, report.seconds);
        println!(
            "{name:10} barycenter on {} free points: {steps} steps, {seconds:.3} s",
            report.n
        );
        let points = measure(100_000 / share, 4)?;
        let found = Quantization::lloyd().max_iterations(10).solve_from(
            &device,
            &points,
            &measure(1000 / share, 5)?,
        )?;
        let report = found.report();
        let (steps, seconds) = (report.iterations, report.seconds);
        println!(
            "{name:10} {} points to {}: {steps} steps, {seconds:.3} s",
            report.n, report.k
        );
    }
    Ok(())
}

fn task(words: &[String]) -> std::result::Result<(), Box<dyn Error>> {
    let [task, d, n, count, number, file, result] = words else {
        return Err("a task takes 6 arguments, see the head of this file".into());
    };
    let (d, n, count): (usize, usize, usize) = (d.parse()?, n.parse()?, count.parse()?);
    let numbers = read(file)?;
    let (first, rest) = numbers.split_at(n * d);
    let first = Measure::uniform(first, d)?;
    match task.as_str() {
        "lloyd" => {
            let found = Quantization::lloyd()
                .movement(0.0)
                .max_iterations(number.parse()?)
                .solve_from(&Device::cpu(), &first, &Measure::uniform(rest, d)?)?;
            write(result, found.measure())?;
            let report = found.report();
            println!(
                r#"{{"seconds": {:e}, "steps": {}, "objective": {:e}}}"#,
                report.seconds, report.iterations, report.inertia
            );
        }
        _ => {
            let inputs = rest.chunks_exact(n * d).take(count);
            let inputs = inputs.map(|points| Measure::uniform(points, d));
            let inputs: Vec<Measure> = inputs.collect::<Result<_>>()?;
            let epsilon: f64 = number.parse()?;
            if task == "objective" {
                let support = Measure::uniform(&read(result)?, d)?;
                let objective = objective(&Device::cpu_f64(), &support, &inputs, epsilon)?;
                println!(r#"{{"objective": {objective:e}}}"#);
                return Ok(());
            }
            let fit = FreeBarycenter::new(Sinkhorn::epsilon(epsilon))
                .kind(BarycenterKind::Product)
                .solve(&Device::cpu(), &first, &inputs)?;
            write(result, fit.measure())?;
            let report = fit.report();
            println!(
                r#"{{"seconds": {:e}, "steps": {}, "objective": {:e}}}"#,
                report.seconds, report.steps, report.objective
            );
        }
    }
    Ok(())
}

/// The mean OT_ε from a support of equal weights to the inputs.
fn objective<E: Engine>(
    device: &E,
    support: &Measure,
    inputs: &[Measure],
    epsilon: f64,
) -> Result<f64> {
    let settings = Sinkhorn::epsilon(epsilon).tolerance(1e-6);
    let mut sum = 0.0;
    for input in inputs {
        sum += settings.solve(device, support, input)?.value();
    }
    Ok(sum / inputs.len() as f64)
}

fn write(file: &str, measure: &Measure) -> std::io::Result<()> {
    let bytes = measure.points().iter().flat_map(|x| x.to_le_bytes());
    std::fs::write(file, bytes.collect::<Vec<u8>>())
}

fn read(file: &str) -> std::io::Result<Vec<f64>> {
    let bytes = std::fs::read(file)?;
    let (numbers, _) = bytes.as_chunks();
    let numbers = numbers.iter().map(|bytes| f64::from_le_bytes(*bytes));
    Ok(numbers.collect())
}
