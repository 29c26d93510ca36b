//! The devices of this machine.

use crate::gpu::adapter::{self, Description};
use crate::{Device, Result, Selection};

/// A device that can be opened: the CPU, or an adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Available {
    /// The description of the adapter; `None` for the CPU.
    pub adapter: Option<Description>,
    /// Whether [`Device::auto`] chooses it.
    pub chosen: bool,
    selection: Option<Selection>,
}

impl Available {
    /// All devices of this machine: the CPU, then the adapters as their drivers list them. [`Device::auto`] chooses exactly
    /// one.
    ///
    /// ```
    /// let devices = haul::Available::list();
    /// assert!(devices[0].adapter.is_none(), "the CPU is always there");
    /// assert_eq!(devices.iter().filter(|device| device.chosen).count(), 1);
    /// ```
    pub fn list() -> Vec<Self> {
        let adapters = adapter::list();
        let best = adapter::choose(&adapters, &Selection::Automatic).ok();
        let cpu = Self {
            adapter: None,
            chosen: best.is_none(),
            selection: None,
        };
        let of_adapter = |(index, description)| Self {
            adapter: Some(description),
            chosen: best == Some(index),
            selection: Some(Selection::Listed(index)),
        };
        std::iter::once(cpu)
            .chain(adapters.into_iter().enumerate().map(of_adapter))
            .collect()
    }

    /// Opens the device, in f32.
    ///
    /// # Errors
    ///
    /// [`Error::Device`](crate::Error::Device) where the adapter is gone or does not open.
    pub fn open(&self) -> Result<Device> {
        match &self.selection {
            None => Ok(Device::cpu()),
            Some(selection) => Device::select(selection),
        }
    }
}
