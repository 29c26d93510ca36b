//! Many problems of any sizes on one device, side by side.

use crate::Device;
use haul_cpu::{CpuEngine, Real};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Problems in flight on a GPU: while the result of one is awaited, the others are recorded, and are part of the same
/// submission.
const GPU_LANES: usize = 8;

impl Device {
    /// Runs `work` on every problem and returns the results, in the order of the problems. A small problem uses little of a
    /// device, so several run at a time: one a thread on the CPU; on a GPU, as many as share its submissions. They may be of
    /// any sizes and dimensions, and are not padded to a common shape. The results are those of a loop, to the last digit.
    ///
    /// ```
    /// use haul::{Device, Measure, Sinkhorn};
    /// let device = Device::cpu();
    /// let pairs: Vec<(Measure, Measure)> = (2..9)
    ///     .map(|n| {
    ///         let line: Vec<f64> = (0..n).map(f64::from).collect();
    ///         Ok((Measure::uniform(&line, 1)?, Measure::uniform(&[0.0, 1.0], 1)?))
    ///     })
    ///     .collect::<haul::Result<_>>()?;
    /// let reports = device.batch(&pairs, |device, (a, b)| {
    ///     Ok(Sinkhorn::epsilon(0.1).solve(device, a, b)?.report().clone())
    /// });
    /// let values: Vec<f64> = reports.into_iter().map(|report| Ok(report?.value)).collect::<haul::Result<_>>()?;
    /// assert_eq!(values.len(), 7);
    /// # Ok::<(), haul::Error>(())
    /// ```
    ///
    /// The device that `work` is given computes the same numbers as this one. A panic of `work` is resumed when all are done.
    pub fn batch<P: Sync, R: Send>(
        &self,
        problems: &[P],
        work: impl Fn(&Self, &P) -> R + Sync,
    ) -> Vec<R> {
        let lanes = match self {
            Self::Cpu(engine) => engine.threads(),
            Self::CpuF64(engine) => engine.threads(),
            Self::Gpu(_) => GPU_LANES,
            // All ranks solve the same problem at a time.
            Self::RankedCpu(_) | Self::RankedCpuF64(_) | Self::RankedGpu(_) => 1,
        };
        let lanes = match self {
            // Threads without a problem are of more use within a problem.
            Self::Cpu(_) | Self::CpuF64(_) if problems.len() < lanes => 1,
            _ => lanes.min(problems.len()),
        };
        if lanes <= 1 {
            return problems.iter().map(|problem| work(self, problem)).collect();
        }
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::with_capacity(problems.len()));
        let lane = || {
            let own = self.lane();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(problem) = problems.get(index) else {
                    break;
                };
                let result = work(own.as_ref().unwrap_or(self), problem);
                let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                done.push((index, result));
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..lanes {
                // If no thread can start, this one does all the work.
                let _ = std::thread::Builder::new().spawn_scoped(scope, lane);
            }
            lane();
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_unstable_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, result)| result).collect()
    }

    /// The device of one of several threads: on the CPU an engine with that thread alone; a GPU is shared.
    fn lane(&self) -> Option<Self> {
        match self {
            Self::Cpu(engine) => lane(engine).map(Self::Cpu),
            Self::CpuF64(engine) => lane(engine).map(Self::CpuF64),
            _ => None,
        }
    }
}

/// One thread of an engine, with its part of the memory for distances.
fn lane<T: Real>(engine: &CpuEngine<T>) -> Option<CpuEngine<T>> {
    let bytes = engine.distance_memory() / engine.threads().max(1);
    let lane = CpuEngine::with_threads(1).ok()?;
    Some(lane.with_distance_memory(bytes))
}
