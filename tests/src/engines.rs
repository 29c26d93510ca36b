//! The engines that a body runs on, and the trials made of bodies and engines.

use haul::gpu::{Columns, adapter};
use haul::{CpuEngine, Device, GpuEngine, InstructionSet, Selection};
use libtest_mimic::{Failed, Trial};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

/// A body, which panics if the property does not hold.
pub type Body = fn(&Device);

/// A body about handles of the engine.
pub type HandleBody = fn(&Arc<Device>);

/// An engine, opened when the first body runs on it.
#[derive(Clone)]
pub struct TestEngine {
    name: String,
    open: Arc<dyn Fn() -> Result<Device, String> + Send + Sync>,
    device: Arc<OnceLock<Opened>>,
    /// Neither found nor asked for: bodies show as ignored.
    absent: bool,
}

/// A device, or why it did not open.
type Opened = Result<Arc<Device>, String>;

/// The environment variable that names adapters.
pub const ADAPTERS: &str = "HAUL_TEST_ADAPTERS";

impl TestEngine {
    fn new(
        name: impl Into<String>,
        open: impl Fn() -> Result<Device, String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            open: Arc::new(open),
            device: Arc::default(),
            absent: false,
        }
    }

    /// A trial of a body on this engine.
    pub fn trial(&self, name: &str, body: Body) -> Trial {
        self.trial_with(name, move |device| body(device), Arc::clone(&self.device))
    }

    /// A trial of a body that keeps the engine.
    pub fn trial_of_handles(&self, name: &str, body: HandleBody) -> Trial {
        self.trial_with(name, body, Arc::clone(&self.device))
    }

    /// A trial of a body that disturbs whatever else runs on its engine: it has one of its own.
    pub fn trial_alone(&self, name: &str, body: Body) -> Trial {
        self.trial_with(name, move |device| body(device), Arc::default())
    }

    fn trial_with(
        &self,
        name: &str,
        body: impl Fn(&Arc<Device>) + Send + 'static,
        device: Arc<OnceLock<Opened>>,
    ) -> Trial {
        let engine = self.clone();
        Trial::test(format!("{}::{name}", self.name), move || {
            let device = device.get_or_init(|| (engine.open)().map(Arc::new));
            let device = device.as_ref().map_err(Failed::from)?;
            let run = catch_unwind(AssertUnwindSafe(|| body(device)));
            run.map_err(|cause| Failed::from(message(&*cause)))
        })
        .with_ignored_flag(self.absent)
    }
}

fn message(cause: &(dyn std::any::Any + Send)) -> String {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message")
        .to_owned()
}

/// The CPU engines.
pub fn cpu() -> Vec<TestEngine> {
    vec![
        TestEngine::new("cpu_f64", || Ok(Device::cpu_f64())),
        TestEngine::new("cpu_f32", || Ok(Device::cpu())),
    ]
}

/// The CPU engines on every instruction set of the processor except the widest, which is the
/// default.
pub fn cpu_on_other_instructions() -> Vec<TestEngine> {
    let of = |set: InstructionSet| {
        [
            TestEngine::new(format!("cpu_f64_{}", set.name()), move || {
                let engine = CpuEngine::new().with_instructions(set);
                engine
                    .map(Device::CpuF64)
                    .map_err(|error| error.to_string())
            }),
            TestEngine::new(format!("cpu_f32_{}", set.name()), move || {
                let engine = CpuEngine::new().with_instructions(set);
                engine.map(Device::Cpu).map_err(|error| error.to_string())
            }),
        ]
    };
    InstructionSet::available().skip(1).flat_map(of).collect()
}

/// Each named adapter, as haul opens it.
pub fn adapters() -> Vec<TestEngine> {
    of_each_adapter("", |name| {
        Device::gpu(name).map_err(|error| error.to_string())
    })
}

/// Each named adapter without subgroup operations.
pub fn adapters_without_subgroups() -> Vec<TestEngine> {
    of_each_adapter("_without_subgroups", |name| {
        with_columns(name, Columns::Loaded).map(|engine| Device::Gpu(Box::new(engine)))
    })
}

/// Each named adapter with tiles in the memory of workgroups, and with its kernels trusted.
pub fn adapters_with_tiles_and_trust() -> Vec<TestEngine> {
    of_each_adapter("_with_tiles_and_trust", |name| {
        let engine = with_columns(name, Columns::Shared)?.with_trusted_kernels();
        Ok(Device::Gpu(Box::new(engine)))
    })
}

/// Each named adapter with its kernels trusted, which is otherwise as haul opens it.
pub fn adapters_trusted() -> Vec<TestEngine> {
    of_each_adapter("_trusted", |name| {
        let engine = GpuEngine::new(&Selection::Name(name.to_owned()));
        let engine = engine.map_err(|error| error.to_string())?;
        Ok(Device::Gpu(Box::new(engine.with_trusted_kernels())))
    })
}

fn with_columns(name: &str, columns: Columns) -> Result<GpuEngine, String> {
    GpuEngine::new(&Selection::Name(name.to_owned()))
        .and_then(|engine| engine.with_columns(columns))
        .map_err(|error| error.to_string())
}

/// Each named adapter through a device of the caller's own, with bindings so small that clouds of
/// a few thousand points are tiled.
pub fn adapters_with_small_bindings() -> Vec<TestEngine> {
    of_each_adapter("_with_small_bindings", |name| {
        let (device, queue) = own_device(name, 32 << 10)?;
        Device::from_wgpu(device, queue).map_err(|error| error.to_string())
    })
}

/// The engines of the list above but those with small bindings.
pub fn with_large_bindings() -> Vec<TestEngine> {
    [
        cpu(),
        adapters(),
        adapters_without_subgroups(),
        adapters_trusted(),
        adapters_with_tiles_and_trust(),
    ]
    .concat()
}

/// Every engine of the list above.
pub fn all() -> Vec<TestEngine> {
    [with_large_bindings(), adapters_with_small_bindings()].concat()
}

fn of_each_adapter(suffix: &str, open: fn(&str) -> Result<Device, String>) -> Vec<TestEngine> {
    let named = std::env::var(ADAPTERS).unwrap_or_default();
    let names: Vec<&str> = named
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    if names.is_empty() {
        let mut engine = TestEngine::new(format!("adapter{suffix}"), || {
            Err(format!("{ADAPTERS} names no adapter"))
        });
        engine.absent = true;
        return vec![engine];
    }
    names
        .into_iter()
        .map(|name| {
            let owned = name.to_owned();
            TestEngine::new(format!("{name}{suffix}"), move || open(&owned))
        })
        .collect()
}

/// A device as another program would open it, whose bindings hold `binding` bytes.
pub fn own_device(name: &str, binding: u64) -> Result<(wgpu::Device, wgpu::Queue), String> {
    own_device_of(&own_adapter(name)?, binding)
}

/// An adapter as another program would find it.
pub fn own_adapter(name: &str) -> Result<wgpu::Adapter, String> {
    let descriptions = adapter::list();
    let chosen = adapter::choose(&descriptions, &Selection::Name(name.to_owned()))
        .map_err(|error| error.to_string())?;
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    adapters
        .into_iter()
        .find(|adapter| adapter.get_info().name == descriptions[chosen].name)
        .ok_or_else(|| format!("{name} is gone"))
}

/// A device of an adapter, whose bindings hold `binding` bytes.
pub fn own_device_of(
    adapter: &wgpu::Adapter,
    binding: u64,
) -> Result<(wgpu::Device, wgpu::Queue), String> {
    let limits = wgpu::Limits {
        max_storage_buffer_binding_size: binding,
        ..wgpu::Limits::default()
    };
    let descriptor = wgpu::DeviceDescriptor {
        required_limits: limits,
        ..Default::default()
    };
    pollster::block_on(adapter.request_device(&descriptor)).map_err(|error| error.to_string())
}

/// Prints the engines before the trials run.
pub fn announce() {
    match std::env::var(ADAPTERS) {
        Ok(names) if !names.is_empty() => {
            println!("adapters named: {names}");
            for description in adapter::list() {
                println!("adapter: {description:?}");
            }
        }
        _ => println!("{ADAPTERS} is not set: bodies for adapters are ignored"),
    }
}
