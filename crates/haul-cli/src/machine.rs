//! What many tasks share: the clouds in memory and the open devices.
//!
//! A small task runs on one thread, in parallel with others; a large one runs alone on all threads. The choice
//! depends only on its clouds, so that its result, with the name of the device, is always the same. On the CPU each
//! thread has its own engine; a GPU is shared, and commands from several threads are submitted together.

use crate::coordinates;
use crate::device;
use crate::input::Cloud;
use crate::interrupt::AtWork;
use crate::options::Engine;
use crate::store::Store;
use crate::task::Task;
use anyhow::{Context, Result};
use haul::{Device, Engine as _};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The most points of a cloud of a small task. A pass over this many pairs takes milliseconds on one thread, so more
/// threads would gain little, and it leaves room on a GPU.
const MOST_POINTS: usize = 4096;

/// The most bytes of clouds that stay on a GPU, which has less memory than the host and needs it for other buffers.
const MOST_KEPT: usize = 1 << 30;

/// The clouds and devices of a run.
pub(crate) struct Machine {
    pub(crate) store: Store,
    /// The most bytes of clouds that stay on a GPU while no task uses them.
    kept: usize,
    gpus: Mutex<HashMap<String, Arc<Device>>>,
}

/// A task whose clouds are in memory, with its engine.
pub(crate) struct Ready {
    pub(crate) clouds: Vec<Arc<Cloud>>,
    pub(crate) engine: Engine,
}

impl Ready {
    /// Whether it runs on one thread, beside others.
    pub(crate) fn is_for_one_thread(&self) -> bool {
        self.clouds.iter().all(|cloud| cloud.len() <= MOST_POINTS)
    }
}

impl Machine {
    /// Keeps up to `cache` bytes of clouds in memory, and as many on each GPU, besides those in use. `threads` is for
    /// the whole program; by default one for each core.
    ///
    /// # Errors
    ///
    /// If the system cannot start the threads.
    pub(crate) fn new(cache: usize, threads: Option<u16>) -> Result<Self> {
        if let Some(threads) = threads {
            rayon::ThreadPoolBuilder::new()
                .num_threads(threads.into())
                .build_global()
                .context("cannot start the threads")?;
        }
        Ok(Self {
            store: Store::with_budget(cache),
            kept: cache.min(MOST_KEPT),
            gpus: Mutex::default(),
        })
    }

    /// Reads the clouds and refuses what cannot be computed from them.
    pub(crate) fn ready<T: Task + ?Sized>(&self, task: &T) -> Result<Ready> {
        task.check()?;
        let inputs = task.inputs().into_iter();
        let clouds: Vec<_> = inputs
            .map(|input| self.store.get(input))
            .collect::<Result<_>>()?;
        coordinates::of_task(&task.inputs(), &clouds)?;
        Ok(Ready {
            engine: task.engine(&clouds)?,
            clouds,
        })
    }

    /// Computes a task on the calling thread; `None` if the task is not for one thread.
    pub(crate) fn on_one_thread<T: Task + ?Sized>(&self, task: &T) -> Result<Option<T::Answer>> {
        let ready = self.ready(task)?;
        if !ready.is_for_one_thread() {
            return Ok(None);
        }
        self.answer(task, ready, Some(1)).map(Some)
    }

    /// Computes a task with all threads of the CPU, or on a GPU that no other task uses.
    pub(crate) fn alone<T: Task + ?Sized>(&self, task: &T) -> Result<T::Answer> {
        self.answer(task, self.ready(task)?, None)
    }

    fn answer<T: Task + ?Sized>(
        &self,
        task: &T,
        ready: Ready,
        threads: Option<u16>,
    ) -> Result<T::Answer> {
        let device = match self.gpu(&ready.engine)? {
            Some(device) => device,
            None => Arc::new(device::open(&Engine {
                device: "cpu".to_owned(),
                threads,
                ..ready.engine
            })?),
        };
        let _ends = AtWork::new(device.interrupt());
        task.answer(&device, &ready.clouds)
    }

    /// Number of clouds uploaded to GPUs, and number found there.
    pub(crate) fn uploads(&self) -> (u64, u64) {
        let gpus = self.gpus.lock().unwrap_or_else(PoisonError::into_inner);
        let uses = gpus.values().filter_map(|device| match &**device {
            Device::Gpu(gpu) => Some(gpu.cloud_use()),
            _ => None,
        });
        uses.fold((0, 0), |(uploaded, shared), it| {
            (uploaded + it.uploaded, shared + it.shared)
        })
    }

    /// The GPU that an engine selects, opened once; `None` for the CPU.
    pub(crate) fn gpu(&self, engine: &Engine) -> Result<Option<Arc<Device>>> {
        if device::is_cpu(engine)? {
            return Ok(None);
        }
        let mut gpus = self.gpus.lock().unwrap_or_else(PoisonError::into_inner);
        let device = match gpus.get(&engine.device) {
            Some(device) => device.clone(),
            None => {
                let device = Arc::new(match device::open(engine)? {
                    Device::Gpu(gpu) => {
                        Device::Gpu(Box::new(gpu.with_kept_clouds(self.kept as u64)))
                    }
                    cpu => cpu,
                });
                gpus.insert(engine.device.clone(), device.clone());
                device
            }
        };
        Ok(matches!(*device, Device::Gpu(_)).then_some(device))
    }
}
