//! The distribution of rows to threads.
//!
//! One thread computes a row, over all columns in order: results do not depend on
//! the number of threads.

use crate::block::ROWS;
use haul_core::Result;
use rayon::{Scope, ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use std::num::NonZero;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The calling thread does less work than this, in operations on numbers, by itself: waking
/// others takes longer.
const WORTH_A_THREAD: usize = 1 << 19;

/// The least number of blocks of rows for each thread, so that none waits long for the last one.
const BLOCKS_PER_THREAD: usize = 8;

/// The threads of an engine. The calling thread is always one of them, because it would have to be woken at the end
/// if it waited.
#[derive(Debug)]
pub(crate) enum Workers {
    /// The calling thread.
    Caller,
    /// The calling thread and a pool of its own.
    Own(ThreadPool),
    /// The calling thread and those of rayon's global pool but one.
    Shared,
}

impl Workers {
    /// So many threads; 0 means one for each processor.
    pub(crate) fn new(threads: usize) -> Result<Self, ThreadPoolBuildError> {
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, NonZero::get),
            threads => threads,
        };
        if threads == 1 {
            return Ok(Self::Caller);
        }
        let pool = ThreadPoolBuilder::new().num_threads(threads - 1).build()?;
        Ok(Self::Own(pool))
    }

    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Caller => 1,
            Self::Own(pool) => pool.current_num_threads() + 1,
            Self::Shared => rayon::current_num_threads(),
        }
    }

    /// Runs `work` once for each of these threads, at the same time as far as they are awake.
    pub(crate) fn on_each<R: Send>(&self, work: impl Fn() -> R + Sync) -> Vec<R> {
        let results = Mutex::new(Vec::new());
        self.join(self.count(), || {
            let result = work();
            lock(&results).push(result);
        });
        results.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Distributes the items to these threads. After a failure it begins no more.
    pub(crate) fn for_each<I: Send>(
        &self,
        items: Vec<I>,
        work: impl Fn(I) -> Result<()> + Sync + Send,
    ) -> Result<()> {
        let threads = self.count().min(items.len());
        let queue = Mutex::new(items.into_iter());
        let failure = Mutex::new(None);
        self.join(threads, || {
            loop {
                let Some(item) = lock(&queue).next() else {
                    return;
                };
                if let Err(error) = work(item) {
                    lock(&queue).by_ref().for_each(drop);
                    lock(&failure).get_or_insert(error);
                }
            }
        });
        let failure = failure.into_inner().unwrap_or_else(PoisonError::into_inner);
        failure.map_or(Ok(()), Err)
    }

    /// Runs `work` once on the calling thread and once on each of `threads` − 1 others, and waits for all.
    fn join(&self, threads: usize, work: impl Fn() + Sync) {
        match self {
            Self::Caller => work(),
            Self::Own(pool) => pool.in_place_scope(|scope| on_all(scope, threads, &work)),
            Self::Shared => rayon::in_place_scope(|scope| on_all(scope, threads, &work)),
        }
    }

    /// The same for items that take about `effort` operations together.
    pub(crate) fn for_each_of<I: Send>(
        &self,
        items: Vec<I>,
        effort: usize,
        work: impl Fn(I) -> Result<()> + Sync + Send,
    ) -> Result<()> {
        if effort < WORTH_A_THREAD {
            return items.into_iter().try_for_each(work);
        }
        self.for_each(items, work)
    }

    /// Calls `work(first row, part of out)` for blocks of rows. No block crosses the end of
    /// a `tile`, and all begin at a multiple of [`ROWS`]. `out` has `width` values a row; `effort`
    /// is about the number of operations a row.
    pub(crate) fn for_each_block<T: Send>(
        &self,
        out: &mut [T],
        width: usize,
        (effort, tile): (usize, usize),
        work: impl Fn(usize, &mut [T]) -> Result<()> + Sync + Send,
    ) -> Result<()> {
        self.for_each_part(out, width, (effort, ROWS..tile), work)
    }

    /// The same for whole tiles.
    pub(crate) fn for_each_tile<T: Send>(
        &self,
        out: &mut [T],
        width: usize,
        (effort, tile): (usize, usize),
        work: impl Fn(usize, &mut [T]) -> Result<()> + Sync + Send,
    ) -> Result<()> {
        self.for_each_part(out, width, (effort, tile..tile), work)
    }

    /// The same for blocks of so many rows, at least and at most.
    fn for_each_part<T: Send>(
        &self,
        out: &mut [T],
        width: usize,
        (effort, sizes): (usize, Range<usize>),
        work: impl Fn(usize, &mut [T]) -> Result<()> + Sync + Send,
    ) -> Result<()> {
        let tile = sizes.end;
        if width == 0 || out.is_empty() {
            return Ok(());
        }
        let rows = out.len() / width;
        if matches!(self, Self::Caller) || rows.saturating_mul(effort) < WORTH_A_THREAD {
            for (block, out) in out.chunks_mut(tile * width).enumerate() {
                work(block * tile, out)?;
            }
            return Ok(());
        }
        let wanted = BLOCKS_PER_THREAD * self.count();
        let mut size = tile;
        while size > sizes.start && rows.div_ceil(size) < wanted {
            size /= 2;
        }
        let blocks = out.chunks_mut(size * width).enumerate().collect();
        self.for_each(blocks, |(block, out)| work(block * size, out))
    }
}

/// Spawns `work` in the scope for all threads but the calling one, and runs it there as well.
fn on_all<'s>(scope: &Scope<'s>, threads: usize, work: &'s (impl Fn() + Sync)) {
    for _ in 1..threads {
        scope.spawn(move |_| work());
    }
    work();
}

/// The value behind a mutex. A panic leaves no value half written: it is an iterator or a list.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
