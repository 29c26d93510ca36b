//! The engine: its instruction set, its threads, its interrupt.

use crate::compiled::Real;
use crate::distances::{self, Store};
use crate::instructions::{InstructionSet, Missing};
use crate::workers::Workers;
use haul_core::{Error, Interrupt, Result};
use pulp::Arch;
use std::sync::Arc;

/// haul's engine for the CPU, in `f32` or `f64`.
///
/// It uses the widest vectors that it finds on the machine at run time, and all threads of rayon's
/// global pool, a pool of its own, or the calling thread alone. Results depend neither on the number
/// of threads nor on other work. On another instruction set they differ by rounding.
#[derive(Debug)]
pub struct CpuEngine<T: Real> {
    pub(crate) arch: Arch,
    pub(crate) workers: Workers,
    pub(crate) device: String,
    pub(crate) interrupt: Interrupt,
    pub(crate) distances: Arc<Store<T>>,
}

impl<T: Real> CpuEngine<T> {
    /// An engine on rayon's global pool.
    pub fn new() -> Self {
        Self::on(Workers::Shared, InstructionSet::widest())
    }

    /// An engine with its own threads: so many of them; 0 means one for each processor, and 1 the calling
    /// thread, without starting any.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] when the system starts no threads.
    pub fn with_threads(threads: usize) -> Result<Self> {
        match Workers::new(threads) {
            Ok(workers) => Ok(Self::on(workers, InstructionSet::widest())),
            Err(source) => Err(failure(source)),
        }
    }

    /// The same engine with so many bytes for squared distances that it keeps from pass to pass; 0 for none. Default 256 MiB.
    ///
    /// In more than 32 dimensions a squared distance takes far longer to compute than to read. A softmin keeps those that it
    /// computes, of as many points as there is memory for, and later passes over the same points read them. Results
    /// are the same to the bit.
    pub fn with_distance_memory(mut self, bytes: usize) -> Self {
        self.distances = Arc::new(Store::new(bytes));
        self
    }

    /// The most bytes of squared distances that it keeps.
    pub fn distance_memory(&self) -> usize {
        self.distances.most()
    }

    /// The number of threads that compute.
    pub fn threads(&self) -> usize {
        self.workers.count()
    }

    /// The same engine on an instruction set that need not be the widest. Its results equal, to the bit,
    /// those of any other machine that has the instruction set.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the processor does not have it.
    pub fn with_instructions(self, set: InstructionSet) -> Result<Self> {
        if set.arch().is_none() {
            return Err(failure(Missing(set)));
        }
        let distances = self.distances;
        Ok(Self {
            distances,
            ..Self::on(self.workers, set)
        })
    }

    fn on(workers: Workers, set: InstructionSet) -> Self {
        let threads = match workers.count() {
            1 => "1 thread".to_owned(),
            count => format!("{count} threads"),
        };
        Self {
            arch: set.arch().unwrap_or(Arch::Scalar),
            device: format!("CPU ({}, {threads})", set.name()),
            workers,
            interrupt: Interrupt::default(),
            distances: Arc::new(Store::new(distances::BYTES)),
        }
    }
}

impl<T: Real> Default for CpuEngine<T> {
    fn default() -> Self {
        Self::new()
    }
}

fn failure(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Device {
        device: "CPU".to_owned(),
        source: Box::new(source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_processor_has_not_is_refused() {
        let has: Vec<_> = InstructionSet::available().collect();
        for set in InstructionSet::ALL {
            let engine = CpuEngine::<f32>::new().with_instructions(set);
            assert_eq!(engine.is_ok(), has.contains(&set));
        }
    }
}
