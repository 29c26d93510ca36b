//! What a solve takes of the host's memory: in buffers of the caller's, nothing that grows with the number of points.

#![allow(clippy::unwrap_used)] // what a test is made of, outside of it as well

use haul::{Divergence, Measure, ResidentMeasure};
use haul_tests::buffers::Program;
use haul_tests::clouds::points;
use haul_tests::engines::ADAPTERS;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Points of both solves that are compared.
const FEW: usize = 600;
const MANY: usize = 8 * FEW;

/// What the peaks of both may differ by. More points are more dispatches on their way, each of which takes some hundred bytes
/// until it is submitted; 4 bytes a point would be more than this.
const ALLOWED: usize = 16 << 10;

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
    let loss = Divergence::blur(0.5).tolerance(1e-2);
    let in_buffers = |n: usize| {
        let rows = [1, 2].map(|seed| program.rows(&points(n, 3, seed), 3, 0, 4));
        let weights = program.rows(&vec![1.0 / n as f64; n], 1, 0, 1);
        let room = [3, 1, 1].map(|columns| program.room(n, columns, 0, columns));
        let [a, b] = rows.each_ref().map(|rows| rows.array.clone());
        let a = ResidentMeasure::weighted(a, weights.array.clone());
        let b = ResidentMeasure::uniform(b);
        peak(|| {
            let terms = loss.evaluate_resident(&program.haul, &a, &b).unwrap();
            terms.write_gradient(&room[0].array).unwrap();
            terms
                .write_gradient_weights(&room[1].array, &room[2].array)
                .unwrap();
            terms.ab.write_map(&room[0].array).unwrap();
            terms
                .ab
                .write_potentials(&room[1].array, &room[2].array)
                .unwrap();
        })
    };
    let on_the_host = |n: usize| {
        let points = [1, 2].map(|seed| points(n, 3, seed));
        peak(|| {
            let [a, b] = points
                .each_ref()
                .map(|points| Measure::uniform(points, 3).unwrap());
            loss.evaluate(&program.haul, &a, &b)
                .unwrap()
                .gradient()
                .unwrap();
        })
    };
    // The first solves compile kernels, and grow what an engine keeps.
    for n in [FEW, MANY] {
        (in_buffers(n), on_the_host(n));
    }
    let [few, many] = [FEW, MANY].map(in_buffers);
    assert!(
        many <= few + ALLOWED,
        "{few} bytes for {FEW} points, {many} for {MANY}"
    );
    let [few, many] = [FEW, MANY].map(on_the_host);
    assert!(
        many > few + 4 * ALLOWED,
        "on the host: {few} bytes for {FEW} points, {many} for {MANY}"
    );
}
