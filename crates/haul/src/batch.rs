//! Many problems of any sizes on one device, side by side.

use crate::Device;
use haul_cpu::CpuEngine;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Problems that a GPU has under way: while the result of one is awaited, the others are recorded, and
/// go out in the same submission.
const GPU_LANES: usize = 8;

impl Device {
    /// Does `work` for every problem and returns what came of each, in the order of the problems. Small
    /// ones take little of a device: so several are under way at a time, on the CPU one a thread,
    /// on a GPU as many as share its submissions. They may be of any sizes and dimensions, and are
    /// put into no common shape; what `work` computes is that of a loop, to the last digit.
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
    /// The device that `work` is given computes the same numbers as this one. A panic of `work` is
    /// handed on when all are done.
    pub fn batch<P: Sync, R: Send>(
        &self,
        problems: &[P],
        work: impl Fn(&Self, &P) -> R + Sync,
    ) -> Vec<R> {
        let lanes = match self {
            Self::Cpu(engine) => engine.threads(),
            Self::CpuF64(engine) => engine.threads(),
            Self::Gpu(_) => GPU_LANES,
        };
        let lanes = match self {
            // Threads that would have nothing to do are of more use within a problem.
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
                // Without another thread this one does all there is.
                let _ = std::thread::Builder::new().spawn_scoped(scope, lane);
            }
            lane();
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_unstable_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, result)| result).collect()
    }

    /// What one of several threads works with: an engine on that thread alone; a GPU is shared.
    fn lane(&self) -> Option<Self> {
        match self {
            Self::Cpu(_) => CpuEngine::with_threads(1).ok().map(Self::Cpu),
            Self::CpuF64(_) => CpuEngine::with_threads(1).ok().map(Self::CpuF64),
            Self::Gpu(_) => None,
        }
    }
}
