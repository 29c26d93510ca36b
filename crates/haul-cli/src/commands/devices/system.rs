//! The machine of the devices, for readers of a report who do not have it.

use serde::Serialize;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System as Machine};

/// The program and its system; the names of its keys are the program's contract.
#[derive(Debug, Serialize)]
pub(super) struct System {
    /// The program's version.
    haul: &'static str,
    /// The operating system, its kernel and the architecture.
    system: String,
    /// The name of the processor.
    processor: String,
    /// Number of hardware threads.
    threads: usize,
    /// Bytes of main memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<u64>,
}

impl System {
    pub(super) fn here() -> Self {
        let what = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        // If the system information is missing, the devices are still reported.
        let machine = Machine::new_with_specifics(what).ok();
        let known = |name: Option<String>| name.unwrap_or_else(|| "unknown".to_owned());
        let processor = machine.as_ref().and_then(|machine| machine.cpus().first());
        let brand = processor.map(|processor| processor.brand().trim().to_owned());
        let brand = brand.filter(|brand| !brand.is_empty());
        Self {
            haul: env!("CARGO_PKG_VERSION"),
            system: format!(
                "{}, kernel {}, {}",
                known(Machine::long_os_version().ok()),
                known(Machine::kernel_version().ok()),
                std::env::consts::ARCH
            ),
            processor: known(brand),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            memory: machine.map(|machine| machine.total_memory()),
        }
    }

    /// Names and values, for a person.
    pub(super) fn rows(&self) -> [(&'static str, String); 3] {
        let threads = match self.threads {
            1 => "1 thread".to_owned(),
            count => format!("{count} threads"),
        };
        let memory = self.memory.map(|bytes| format!(", {} MiB", bytes >> 20));
        let memory = memory.unwrap_or_default();
        [
            ("haul", self.haul.to_owned()),
            ("system", self.system.clone()),
            (
                "processor",
                format!("{}, {threads}{memory}", self.processor),
            ),
        ]
    }
}
