//! Clouds that are already on a device are not uploaded again, and give the same numbers.

use haul::gpu::CloudUse;
use haul::{Device, Divergence, Engine, GpuEngine, Measure, Potentials, Selection, Sinkhorn};
use haul_tests::clouds::measure;
use haul_tests::engines::Body;

pub const BODIES: &[(&str, Body)] = &[
    ("clouds_in_use_are_shared", clouds_in_use_are_shared),
    ("kept_clouds_are_found_again", kept_clouds_are_found_again),
    ("the_budget_is_kept", the_budget_is_kept),
];

/// Another engine on the same adapter, with a budget of so many bytes of clouds.
fn fresh(device: &Device, bytes: u64) -> Device {
    let Device::Gpu(engine) = device else {
        panic!("not an adapter")
    };
    let name = engine.description().name.clone();
    let engine = GpuEngine::new(&Selection::Name(name)).unwrap();
    Device::Gpu(Box::new(engine.with_kept_clouds(bytes)))
}

fn used(device: &Device) -> CloudUse {
    let Device::Gpu(engine) = device else {
        panic!("not an adapter")
    };
    engine.cloud_use()
}

fn uploaded_and_shared(device: &Device) -> (u64, u64) {
    let used = used(device);
    (used.uploaded, used.shared)
}

/// Clouds at one place, of boxes that are not the same.
fn clouds(count: u64) -> Vec<Measure> {
    let one = |k| measure(60 + 7 * k as usize, 2, 900 + k);
    (0..count).map(one).collect()
}

fn clouds_in_use_are_shared(device: &Device) {
    let device = fresh(device, 0);
    let [a, b] = &clouds(2)[..] else {
        unreachable!()
    };
    // Between a and b, a and itself, b and itself: six sides of solves, points and weights each.
    let terms = Divergence::epsilon(0.1).evaluate(&device, a, b).unwrap();
    assert_eq!(uploaded_and_shared(&device), (4, 8));
    assert_eq!(used(&device).kept_bytes, 0);
    // Points in another order or dimension are other points, and other weights are other weights.
    let points = [0.5, 0.25, 0.75, 0.0];
    let clouds = [
        device.points(&points, 2),
        device.points(&[0.75, 0.0, 0.5, 0.25], 2),
        device.points(&points, 4),
        device.points(&points, 1),
    ];
    let weights = [
        device.weights(&[0.5, 0.5], 1),
        device.weights(&[0.25, 0.75], 1),
        device.weights(&[0.25; 4], 1),
    ];
    assert!(weights.iter().all(Result::is_ok));
    assert!(clouds.iter().all(Result::is_ok));
    assert_eq!(uploaded_and_shared(&device), (11, 8));
    // Without a budget an unused cloud is dropped.
    drop(terms);
    drop(clouds);
    drop(weights);
    Sinkhorn::epsilon(0.1).solve(&device, a, b).unwrap();
    assert_eq!(uploaded_and_shared(&device), (15, 8));
}

fn kept_clouds_are_found_again(device: &Device) {
    let all = clouds(4);
    let keeping = fresh(device, 1 << 20);
    let forgetting = fresh(device, 0);
    let numbers = |device: &Device, epsilon: f64| -> Vec<(f64, Potentials)> {
        let pairs = all.iter().flat_map(|a| all.iter().map(move |b| (a, b)));
        let solve = |(a, b)| {
            let solution = Sinkhorn::epsilon(epsilon).solve(device, a, b).unwrap();
            (solution.value(), solution.potentials().unwrap())
        };
        pairs.map(solve).collect()
    };
    assert_eq!(numbers(&keeping, 0.1), numbers(&forgetting, 0.1));
    // Sixteen pairs have points and weights of two measures each, and all of them are of four. A measure and
    // itself share them while they are in use.
    assert_eq!(uploaded_and_shared(&keeping), (8, 56));
    assert_eq!(uploaded_and_shared(&forgetting), (56, 8));
    // Another ε has another unit of length, and other coordinates, but the same weights.
    numbers(&keeping, 0.2);
    assert_eq!(uploaded_and_shared(&keeping), (12, 116));
}

fn the_budget_is_kept(device: &Device) {
    let all = clouds(3);
    let solve = |device: &Device, k: usize| {
        Sinkhorn::epsilon(0.1)
            .solve(device, &all[k], &all[k])
            .map(drop)
            .unwrap();
    };
    let measuring = fresh(device, u64::MAX);
    solve(&measuring, 2);
    let largest = used(&measuring).kept_bytes;
    // Room for two of them, but not for three.
    let device = fresh(device, 2 * largest);
    for k in [0, 1, 0, 2, 0, 1] {
        solve(&device, k);
        assert!(used(&device).kept_bytes <= 2 * largest);
    }
    // 2 replaced 1, and 1 replaced 2; 0 was used in between. Each has its points and its weights.
    assert_eq!(used(&device).uploaded, 2 * 4);
}
