//! What a solve takes of the host's memory: in buffers of the caller's, nothing that grows with the number of points.

#![allow(clippy::unwrap_used)] // what a test is made of, outside of it as well

use haul::{Measure, ResidentMeasure, Sinkhorn};
use haul_tests::buffers::Program;
use haul_tests::clouds::points;
use haul_tests::engines::ADAPTERS;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Points of both solves that are compared. The other measure has so few that there are not many pairs.
const FEW: usize = 20_000;
const MANY: usize = 8 * FEW;
const OTHER: usize = 16;

/// What the peaks of both may differ by. A reduction returns up to 1024 records of 18 f32, 72 KiB, whatever the number of points;
/// the parameters of dispatches wait on the host until they are submitted. One f32 a point would be 547 KiB.
const ALLOWED: usize = 128 << 10;

/// The most bytes that something takes beside what is there before.
fn peak(of: impl FnOnce()) -> usize {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    of();
    MEMORY.peak_usage().saturating_sub(before)
}

#[test]
fn the_host_has_no_part_in_what_lies_in_buffers() {
    if std::env::var_os(ADAPTERS).is_none() {
        return;
    }
    let program = Program::new(128 << 20);
    let sinkhorn = Sinkhorn::blur(0.5).tolerance(1e-2);
    let other = points(OTHER, 2, 2);
    let in_buffers = |n: usize| {
        let rows = program.rows(&points(n, 2, 1), 2, 0, 4);
        let weights = program.rows(&vec![1.0 / n as f64; n], 1, 0, 1);
        let room = [(n, 2), (n, 1), (OTHER, 1)];
        let room = room.map(|(rows, columns)| program.room(rows, columns, 0, columns));
        let [points, of_a, of_b] = room.each_ref().map(|room| &room.array);
        let a = ResidentMeasure::weighted(rows.array.clone(), weights.array.clone());
        let b = program.rows(&other, 2, 0, 2);
        let b = ResidentMeasure::uniform(b.array.clone());
        peak(|| {
            let solution = sinkhorn.solve_resident(&program.haul, &a, &b).unwrap();
            solution.write_gradient(points).unwrap();
            solution.write_map(points).unwrap();
            solution.write_potentials(of_a, of_b).unwrap();
            solution.write_gradient_weights(of_a, of_b).unwrap();
            // And as the target.
            let solution = sinkhorn.solve_resident(&program.haul, &b, &a).unwrap();
            solution.write_gradient_target(points).unwrap();
        })
    };
    let on_the_host = |n: usize| {
        let points = points(n, 2, 1);
        peak(|| {
            let a = Measure::uniform(&points, 2).unwrap();
            let b = Measure::uniform(&other, 2).unwrap();
            let solution = sinkhorn.solve(&program.haul, &a, &b).unwrap();
            solution.gradient().unwrap();
        })
    };
    // The first solves compile kernels, and grow what an engine keeps.
    in_buffers(MANY);
    on_the_host(FEW);
    let [few, many] = [FEW, MANY].map(in_buffers);
    println!("in buffers: {few} bytes for {FEW} points, {many} for {MANY}");
    assert!(many <= few + ALLOWED, "{few} {many}");
    let [few, many] = [FEW, MANY].map(on_the_host);
    println!("on the host: {few} bytes for {FEW} points, {many} for {MANY}");
    assert!(many > few + 16 * ALLOWED, "{few} {many}");
}
