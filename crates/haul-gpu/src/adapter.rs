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
    /// The GPU of this number, from 0, among those that the selection fits: for processes that share a machine. Behind the last
    /// one the first one follows, and a GPU that several APIs list is one; see [`for_process`].
    Of(Box<Self>, usize),
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
    /// The place of the device on the bus of the machine, as in `0000:c1:00.0`; empty where the API does not tell it.
    pub bus: String,
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
            bus: info.device_pci_bus_id.to_lowercase(),
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

impl Description {
    /// Whether its name or its driver contains this, in any case of letters.
    fn is_called(&self, part: &str) -> bool {
        let wanted = part.to_lowercase();
        let mut texts = [&self.name, &self.driver].into_iter();
        !wanted.is_empty() && texts.any(|text| text.to_lowercase().contains(&wanted))
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
        Selection::Name(part) => adapters
            .iter()
            .position(|adapter| adapter.is_called(part))
            .ok_or_else(|| Error::NoSuchAdapter {
                asked: part.clone(),
                available: available(),
            }),
        Selection::Listed(index) => {
            let listed = (*index < adapters.len()).then_some(*index);
            listed.ok_or_else(|| Error::NoSuchAdapter {
                asked: format!("number {index}"),
                available: available(),
            })
        }
        Selection::Of(selection, process) => for_process(adapters, selection, *process),
    }
}

/// The index in `adapters` of the GPU for one of several processes on a machine, by its number among them, from 0: with G GPUs
/// that the selection fits as well as the one that [`choose`] takes, number `process` mod G of them, in the order of the list.
///
/// Adapters are one GPU if they have one place on the bus. Where an API tells no places, the k-th adapter of a name there is the k-th one of that
/// name in any other API. `CUDA_VISIBLE_DEVICES` and the like have their effect before: an adapter that the driver hides is in no list.
///
/// ```
/// use haul_gpu::adapter::{Selection, for_process, list};
///
/// let adapters = list();
/// // Any GPU will do, or none is there.
/// if let Ok(first) = for_process(&adapters, &Selection::Automatic, 0) {
///     assert_eq!(first, haul_gpu::adapter::choose(&adapters, &Selection::Automatic)?);
/// }
/// # Ok::<(), haul_gpu::Error>(())
/// ```
///
/// # Errors
///
/// Those of [`choose`].
pub fn for_process(
    adapters: &[Description],
    selection: &Selection,
    process: usize,
) -> Result<usize, Error> {
    let first = choose(adapters, selection)?;
    let fits = |index: &usize| match selection {
        Selection::Automatic | Selection::Kind(_) => adapters[*index].kind == adapters[first].kind,
        Selection::Name(part) => adapters[*index].is_called(part),
        Selection::Listed(_) | Selection::Of(..) => *index == first,
    };
    // The number of an adapter among those of its API and its name.
    let number = |index: usize| {
        let same = |other: &&Description| {
            (&other.name, &other.backend) == (&adapters[index].name, &adapters[index].backend)
        };
        adapters[..index].iter().filter(same).count()
    };
    let is_one = |a: usize, b: usize| {
        let (first, second) = (&adapters[a], &adapters[b]);
        match first.bus.is_empty() || second.bus.is_empty() {
            false => first.bus == second.bus,
            true => {
                first.name == second.name
                    && first.backend != second.backend
                    && number(a) == number(b)
            }
        }
    };
    let mut gpus: Vec<usize> = Vec::new();
    for index in (0..adapters.len()).filter(fits) {
        if !gpus.iter().any(|known| is_one(*known, index)) {
            gpus.push(index);
        }
    }
    let chosen = process.checked_rem(gpus.len()).map(|at| gpus[at]);
    Ok(chosen.unwrap_or(first))
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
            bus: String::new(),
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
    fn processes_take_gpus_in_turn_and_each_gpu_counts_once() {
        let taken = |machine: &[Description], selection: &Selection| -> Vec<usize> {
            let of = |process| for_process(machine, selection, process).unwrap();
            (0..5).map(of).collect()
        };
        // Four GPUs behind Vulkan, two of which Direct3D lists as well, and adapters that nobody asked for.
        let mut all = machine(&[
            ("llvmpipe", Kind::Software),
            ("A100", Kind::Discrete),
            ("Iris Xe", Kind::Integrated),
            ("A100", Kind::Discrete),
            ("A100", Kind::Discrete),
            ("A100", Kind::Discrete),
            ("A100", Kind::Discrete),
        ]);
        for (index, bus) in [(1, "01"), (3, "41"), (4, "81"), (5, "41"), (6, "01")] {
            all[index].bus = format!("0000:{bus}:00.0");
        }
        for index in [5, 6] {
            all[index].backend = "Dx12".into();
        }
        for selection in [
            Selection::Automatic,
            Selection::Kind(Kind::Discrete),
            Selection::Name("a100".into()),
        ] {
            assert_eq!(taken(&all, &selection), [1, 3, 4, 1, 3], "{selection:?}");
        }
        assert_eq!(taken(&all, &Selection::Listed(4)), [4; 5]);
        assert_eq!(taken(&all, &Selection::Name("llvmpipe".into())), [0; 5]);
        let third = Selection::Of(Box::new(Selection::Automatic), 2);
        assert_eq!(choose(&all, &third).unwrap(), 4);
        // Without places on the bus the order in each API tells which is which, and in one API adapters of one name differ.
        for adapter in &mut all {
            adapter.bus.clear();
        }
        assert_eq!(taken(&all, &Selection::Automatic), [1, 3, 4, 1, 3]);
        all[5].backend = "Vulkan".into();
        all[6].backend = "Vulkan".into();
        assert_eq!(taken(&all, &Selection::Automatic), [1, 3, 4, 5, 6]);
        let alone = machine(&[("llvmpipe", Kind::Software)]);
        assert!(matches!(
            for_process(&alone, &Selection::Automatic, 1),
            Err(Error::NoGpu { .. })
        ));
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
