//! What exact transport costs.
//!
//! Without arguments it prints the seconds between two cubes of random points. `cargo bench -p haul-benches --bench exact -- problems
//! FILE` solves the problems in a file of f64 in little-endian order, and prints a line of JSON for each. A problem is n, m, d and p,
//! n and m weights, then the points, n×d and m×d; where d is 0, n×m costs.
//!
//! `benches/peers/exact.sh` puts that beside POT.

use haul::{Device, Exact, ExactSolution, Measure};
use haul_benches::cloud;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some(at) = words.iter().position(|word| word == "problems") {
        let file = words.get(at + 1).ok_or("problems are in a file")?;
        return problems(file);
    }
    let whole = words.iter().any(|word| word == "--bench");
    let n = if whole { 10_000 } else { 300 };
    let [a, b] = [1, 2].map(|seed| Measure::uniform(&cloud(n, 3, seed), 3));
    let solution = Exact::default().solve(&Device::cpu_f64(), &a?, &b?)?;
    let report = solution.report();
    println!(
        "{n} points to {n}: {} rounds, gap {:e}, {:.3} s",
        report.rounds, report.gap, report.seconds
    );
    Ok(())
}

fn problems(file: &str) -> Result<(), Box<dyn Error>> {
    let bytes = std::fs::read(file)?;
    let (numbers, _) = bytes.as_chunks::<8>();
    let mut numbers = numbers.iter().map(|number| f64::from_le_bytes(*number));
    let mut take = |count: usize| numbers.by_ref().take(count).collect::<Vec<f64>>();
    loop {
        let head = take(4);
        let [n, m, d, p] = *head else {
            return Ok(());
        };
        let (n, m, d) = (n as usize, m as usize, d as usize);
        let (a, b) = (take(n), take(m));
        let exact = Exact::default().p(p);
        let solution: ExactSolution = if d == 0 {
            exact.solve_costs(&a, &b, &take(n * m))?
        } else {
            let source = Measure::new(take(n * d), d, a)?;
            let target = Measure::new(take(m * d), d, b)?;
            exact.solve(&Device::cpu_f64(), &source, &target)?
        };
        let report = solution.report();
        println!(
            r#"{{"value": {:e}, "lower": {:e}, "upper": {:e}, "proved": {}}}"#,
            report.value, report.bounds.lower, report.bounds.upper, report.proved
        );
    }
}
