//! A device that is asked for too much, or is lost: typed errors, never a panic.

use haul::{Device, Engine, Error, Measure, Sinkhorn};
use haul_tests::clouds::measure;
use haul_tests::engines::{ADAPTERS, Body, own_device};
use haul_tests::wait;

pub const BODIES: &[(&str, Body)] = &[
    ("a_lost_device_is_an_error", a_lost_device_is_an_error),
    (
        "a_buffer_beyond_the_limit_is_named_with_its_size",
        a_buffer_beyond_the_limit_is_named_with_its_size,
    ),
    (
        "a_cloud_of_another_device_is_refused",
        a_cloud_of_another_device_is_refused,
    ),
    (
        "an_adapter_is_found_by_part_of_its_name_and_never_automatically",
        adapter_choice,
    ),
    (
        "a_solve_beside_the_callers_own_work",
        a_solve_beside_the_callers_own_work,
    ),
];

/// The first adapter that `HAUL_TEST_ADAPTERS` names.
fn name() -> String {
    let names = std::env::var(ADAPTERS).unwrap();
    names.split(',').next().unwrap().trim().to_owned()
}

fn a_lost_device_is_an_error(_: &Device) {
    let (device, queue) = own_device(&name(), 128 << 20).unwrap();
    let handle = device.clone();
    let engine = Device::from_wgpu(device, queue).unwrap();
    let (a, b) = (measure(50, 2, 1), measure(50, 2, 2));
    let vector = engine.vector(&[1.0, 2.0]).unwrap();
    Sinkhorn::epsilon(0.1).solve(&engine, &a, &b).unwrap();
    handle.destroy();
    let error = Sinkhorn::epsilon(0.1)
        .solve(&engine, &a, &b)
        .expect_err("a solve on a destroyed device");
    assert!(matches!(error, Error::Device { .. }), "{error:?}");
    let read = wait(engine.read(&vector));
    assert!(matches!(read, Err(Error::Device { .. })));
    assert!(matches!(engine.vector(&[1.0]), Err(Error::Device { .. })));
}

fn a_buffer_beyond_the_limit_is_named_with_its_size(_: &Device) {
    let (device, queue) = own_device(&name(), 128 << 20).unwrap();
    let limit = device.limits().max_buffer_size;
    let engine = Device::from_wgpu(device, queue).unwrap();
    let length = (limit / 4 + 64) as usize;
    let message = engine
        .vector(&vec![0.0; length])
        .err()
        .expect("a vector beyond the limit")
        .to_string();
    assert!(
        message.contains("bytes") && message.contains(&limit.to_string()),
        "{message}"
    );
    // And the device still works.
    let vector = engine.vector(&[3.0]).unwrap();
    assert_eq!(wait(engine.read(&vector)).unwrap(), [3.0]);
}

fn a_cloud_of_another_device_is_refused(device: &Device) {
    let foreign = Device::cpu().vector(&[1.0]).unwrap();
    let read = wait(device.read(&foreign));
    assert!(matches!(read, Err(Error::Device { .. })));
    let mut out = device.vector(&[0.0]).unwrap();
    assert!(device.combine(&[(1.0, &foreign)], &mut out).is_err());
    assert!(device.mix(&[1.0], 1, 0.0, &foreign, &mut out).is_err());
}

fn adapter_choice(device: &Device) {
    let Device::Gpu(engine) = device else {
        panic!("not an adapter")
    };
    let description = engine.description();
    let part: String = description.name.to_uppercase().chars().take(5).collect();
    assert!(
        Device::gpu(&part)
            .unwrap()
            .device()
            .contains(&description.name)
    );
    let message = Device::gpu("no such adapter")
        .expect_err("an unknown name")
        .to_string();
    assert!(
        message.contains("no such adapter") && message.contains(&description.name),
        "{message}"
    );
    if description.kind == haul::gpu::adapter::Kind::Software {
        let chosen = Device::auto().unwrap();
        assert!(
            !chosen.device().contains(&description.name),
            "a software adapter was chosen automatically"
        );
    }
}

fn a_solve_beside_the_callers_own_work(_: &Device) {
    let (device, queue) = own_device(&name(), 128 << 20).unwrap();
    let own = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 1024,
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    queue.write_buffer(&own, 0, &[1; 1024]);
    let engine = Device::from_wgpu(device.clone(), queue.clone()).unwrap();
    let a = Measure::uniform(&[0.0, 1.0], 1).unwrap();
    let solution = Sinkhorn::epsilon(1.0)
        .tolerance(1e-5)
        .solve(&engine, &a, &a)
        .unwrap();
    queue.write_buffer(&own, 0, &[2; 1024]);
    let expected = -((1.0 + (-1.0f64).exp()) / 2.0).ln();
    assert!((solution.value() - expected).abs() < 1e-5);
}
