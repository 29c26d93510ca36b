//! Adapters, and the choice among them.
//!
//! wgpu's own choice looks at none of this: it ignores names and may pick a software adapter. Here
//! a software adapter (lavapipe, WARP) is taken only where it is asked for, because the CPU engine
//! is the better choice on such a machine.

use crate::Error;

/// The kind of device that an adapter drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A GPU with memory of its own.
    Discrete,
    /// A GPU that shares the memory of the CPU.
    Integrated,
    /// A GPU behind a hypervisor.
    Virtual,
    /// Anything else that is not software.
    Other,
    /// A software GPU: it runs on the CPU.
    Software,
}

impl Kind {
    /// The name of the kind, as `Selection` and reports use it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Discrete => "discrete",
            Self::Integrated => "integrated",
            Self::Virtual => "virtual",
            Self::Other => "other",
            Self::Software => "software",
        }
    }
}

impl From<wgpu::DeviceType> for Kind {
    fn from(kind: wgpu::DeviceType) -> Self {
        match kind {
            wgpu::DeviceType::DiscreteGpu => Self::Discrete,
            wgpu::DeviceType::IntegratedGpu => Self::Integrated,
            wgpu::DeviceType::VirtualGpu => Self::Virtual,
            wgpu::DeviceType::Cpu => Self::Software,
            wgpu::DeviceType::Other => Self::Other,
        }
    }
}

/// The adapter to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// The best GPU; never a software adapter.
    Automatic,
    /// The first adapter of a kind.
    Kind(Kind),
    /// The first adapter whose name or driver contains this, in any case of letters.
    Name(String),
    /// The adapter at this index in [`list`]: names need not be unique.
    Listed(usize),
}

/// Properties of an adapter, known before it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Description {
    /// The device's name, from the driver.
    pub name: String,
    /// The driver and its version.
    pub driver: String,
    /// The graphics API: Vulkan, Metal, Dx12.
    pub backend: String,
    /// The kind of device.
    pub kind: Kind,
    /// Minimum and maximum number of lanes in a subgroup; 0 where there are no subgroup operations.
    pub subgroup_sizes: (u32, u32),
    /// The largest buffer, in bytes.
    pub max_buffer_size: u64,
    /// The largest part of a buffer that a kernel can bind, in bytes.
    pub max_binding_size: u64,
}

impl Description {
    pub(crate) fn new(
        info: &wgpu::AdapterInfo,
        features: wgpu::Features,
        limits: &wgpu::Limits,
    ) -> Self {
        let subgroups = features.contains(wgpu::Features::SUBGROUP);
        Self {
            name: info.name.clone(),
            driver: format!("{} {}", info.driver, info.driver_info)
                .trim()
                .to_owned(),
            backend: format!("{:?}", info.backend),
            kind: info.device_type.into(),
            subgroup_sizes: if subgroups {
                (info.subgroup_min_size, info.subgroup_max_size)
            } else {
                (0, 0)
            },
            max_buffer_size: limits.max_buffer_size,
            max_binding_size: limits.max_storage_buffer_binding_size,
        }
    }
}

/// The adapters of this machine.
pub fn list() -> Vec<Description> {
    pollster::block_on(enumerate())
        .iter()
        .map(|adapter| Description::new(&adapter.get_info(), adapter.features(), &adapter.limits()))
        .collect()
}

/// The index in `adapters` of the selected adapter.
pub fn choose(adapters: &[Description], selection: &Selection) -> Result<usize, Error> {
    let available = || {
        adapters
            .iter()
            .map(|adapter| adapter.name.clone())
            .collect()
    };
    match selection {
        Selection::Automatic => {
            let best = adapters
                .iter()
                .enumerate()
                .filter(|(_, adapter)| adapter.kind != Kind::Software);
            let best = best
                .min_by_key(|(_, adapter)| adapter.kind)
                .map(|(index, _)| index);
            best.ok_or_else(|| Error::NoGpu {
                available: available(),
            })
        }
        Selection::Kind(kind) => adapters
            .iter()
            .position(|adapter| adapter.kind == *kind)
            .ok_or_else(|| Error::NoSuchAdapter {
                asked: kind.name().to_owned(),
                available: available(),
            }),
        Selection::Name(part) => {
            let wanted = part.to_lowercase();
            let matches = |text: &str| text.to_lowercase().contains(&wanted);
            adapters
                .iter()
                .position(|adapter| {
                    !wanted.is_empty() && (matches(&adapter.name) || matches(&adapter.driver))
                })
                .ok_or_else(|| Error::NoSuchAdapter {
                    asked: part.clone(),
                    available: available(),
                })
        }
        Selection::Listed(index) => {
            let listed = (*index < adapters.len()).then_some(*index);
            listed.ok_or_else(|| Error::NoSuchAdapter {
                asked: format!("number {index}"),
                available: available(),
            })
        }
    }
}

/// All adapters of the native back ends. The `noop` back end, which runs nothing, is not among them.
pub(crate) async fn enumerate() -> Vec<wgpu::Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    wgpu::Instance::new(descriptor)
        .enumerate_adapters(wgpu::Backends::all())
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(kinds: &[(&str, Kind)]) -> Vec<Description> {
        let describe = |(name, kind): &(&str, Kind)| Description {
            name: (*name).to_owned(),
            driver: String::new(),
            backend: "Vulkan".to_owned(),
            kind: *kind,
            subgroup_sizes: (32, 32),
            max_buffer_size: 1 << 30,
            max_binding_size: 1 << 27,
        };
        kinds.iter().map(describe).collect()
    }

    #[test]
    fn a_discrete_gpu_is_preferred() {
        let machine = machine(&[
            ("llvmpipe", Kind::Software),
            ("Iris Xe", Kind::Integrated),
            ("GeForce RTX 4090", Kind::Discrete),
        ]);
        assert_eq!(choose(&machine, &Selection::Automatic).unwrap(), 2);
        assert_eq!(
            choose(&machine, &Selection::Kind(Kind::Integrated)).unwrap(),
            1
        );
        assert_eq!(
            choose(&machine, &Selection::Name("geforce".into())).unwrap(),
            2
        );
    }

    #[test]
    fn software_is_taken_only_when_asked_for() {
        let machine = machine(&[("llvmpipe (LLVM 15)", Kind::Software)]);
        assert!(
            matches!(choose(&machine, &Selection::Automatic), Err(Error::NoGpu { available }) if available.len() == 1)
        );
        assert_eq!(
            choose(&machine, &Selection::Name("LLVMpipe".into())).unwrap(),
            0
        );
        assert_eq!(
            choose(&machine, &Selection::Kind(Kind::Software)).unwrap(),
            0
        );
    }

    #[test]
    fn adapters_of_one_name_are_told_apart_by_their_places() {
        let machine = machine(&[("GeForce", Kind::Discrete), ("GeForce", Kind::Discrete)]);
        assert_eq!(
            choose(&machine, &Selection::Name("geforce".into())).unwrap(),
            0
        );
        assert_eq!(choose(&machine, &Selection::Listed(1)).unwrap(), 1);
        let error = choose(&machine, &Selection::Listed(2)).unwrap_err();
        assert!(error.to_string().contains("number 2"), "{error}");
    }

    #[test]
    fn an_unknown_name_is_told_with_those_there_are() {
        let machine = machine(&[("llvmpipe", Kind::Software)]);
        let error = choose(&machine, &Selection::Name("radeon".into()))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("radeon") && error.contains("llvmpipe"),
            "{error}"
        );
        assert!(choose(&machine, &Selection::Name(String::new())).is_err());
        assert!(
            choose(&[], &Selection::Automatic)
                .unwrap_err()
                .to_string()
                .contains("no adapter at all")
        );
    }
}
