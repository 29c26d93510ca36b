//! What of its machine a rank has.

use haul::engine::Ranks;
use mpi::topology::{Communicator, SimpleCommunicator};
use mpi::traits::CommunicatorCollectives;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A rank, and its part of the machine that it is on.
#[derive(Debug, Clone)]
pub struct Place {
    /// All ranks.
    pub ranks: Ranks,
    /// The number of this rank among those on the same machine, from 0.
    pub local: usize,
    /// The number of ranks on the same machine.
    pub neighbours: usize,
    /// The processors that it may use, divided by the ranks that may use the same ones.
    pub threads: usize,
}

impl Place {
    /// Finds it; all ranks call it.
    pub(crate) fn find(ranks: Ranks) -> Self {
        let world = SimpleCommunicator::world();
        let local = world.split_shared(world.rank());
        let neighbours = local.size().unsigned_abs() as usize;
        let (processors, count) = processors();
        let mut all = vec![0_u64; neighbours];
        local.all_gather_into(&processors, &mut all[..]);
        let same = all.iter().filter(|of| **of == processors).count();
        Self {
            ranks,
            local: local.rank().unsigned_abs() as usize,
            neighbours,
            threads: (count / same.max(1)).max(1),
        }
    }
}

/// A number that stands for the set of processors of this process, and how many they are. A launcher may bind a rank to some
/// of them; where the system does not say which, all ranks are thought to share.
fn processors() -> (u64, usize) {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let allowed = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed:"));
    let mut digest = DefaultHasher::new();
    allowed.map(str::trim).hash(&mut digest);
    (digest.finish(), count)
}
