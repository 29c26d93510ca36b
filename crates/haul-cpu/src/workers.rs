//! The distribution of rows to threads.
//!
//! One thread computes a row, over all columns in order: results do not depend on
//! the number of threads.

use crate::block::ROWS;
use haul_core::Result;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use std::ops::Range;

/// The calling thread does less work than this, in operations on numbers, by itself: waking
/// others takes longer.
const WORTH_A_THREAD: usize = 1 << 19;

/// The least number of blocks of rows for each thread, so that none waits long for the last one.
const BLOCKS_PER_THREAD: usize = 8;

/// The threads of an engine.
#[derive(Debug)]
pub(crate) enum Workers {
    /// The calling thread.
    Caller,
    /// A pool of its own.
    Own(ThreadPool),
    /// rayon's global pool.
    Shared,
}

impl Workers {
    /// So many threads of its own; 0 means one for each processor.
    pub(crate) fn new(threads: usize) -> Result<Self, ThreadPoolBuildError> {
        if threads == 1 {
            return Ok(Self::Caller);
        }
        let pool = ThreadPoolBuilder::new().num_threads(threads).build()?;
        Ok(Self::Own(pool))
    }

    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Caller => 1,
            Self::Own(pool) => pool.current_num_threads(),
            Self::Shared => rayon::current_num_threads(),
        }
    }

    /// Runs `work` on these threads, so that [`for_each`](Self::for_each) need not wake them each time.
    pub(crate) fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match self {
            Self::Own(pool) => pool.install(work),
            Self::Caller | Self::Shared => work(),
        }
    }

    /// Runs `work` once on each of these threads, at the same time.
    pub(crate) fn on_each<R: Send>(&self, work: impl Fn() -> R + Sync) -> Vec<R> {
        match self {
            Self::Caller => vec![work()],
            Self::Own(pool) => pool.broadcast(|_| work()),
            Self::Shared => rayon::broadcast(|_| work()),
        }
    }

    /// Distributes the items to these threads. After a failure it begins no more.
    pub(crate) fn for_each<I: Send>(
        &self,
        items: Vec<I>,
        work: impl Fn(I) -> Result<()> + Sync + Send,
    ) -> Result<()> {
        match self {
            Self::Caller => items.into_iter().try_for_each(work),
            Self::Own(pool) => pool.install(|| items.into_par_iter().try_for_each(work)),
            Self::Shared => items.into_par_iter().try_for_each(work),
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

    /// Calls `work(first row, part of out)` for blocks of `rows`, which begin at a multiple of the tile. No block crosses
    /// the end of a `tile`, and all begin at a multiple of [`ROWS`]. `out` has `width` values a row; `effort`
    /// is about the number of operations a row.
    pub(crate) fn for_each_block<T: Send>(
        &self,
        out: &mut [T],
        (rows, width): (Range<usize>, usize),
        (effort, tile): (usize, usize),
        work: impl Fn(usize, &mut [T]) -> Result<()> + Sync + Send,
    ) -> Result<()> {
        self.for_each_part(out, (rows, width), (effort, ROWS..tile), work)
    }

    /// The same for whole tiles.
    pub(crate) fn for_each_tile<T: Send>(
        &self,
        out: &mut [T],
        (rows, width): (Range<usize>, usize),
        (effort, tile): (usize, usize),
        work: impl Fn(usize, &mut [T]) -> Result<()> + Sync + Send,
    ) -> Result<()> {
        self.for_each_part(out, (rows, width), (effort, tile..tile), work)
    }

    /// The same for blocks of so many rows, at least and at most.
    fn for_each_part<T: Send>(
        &self,
        out: &mut [T],
        (rows, width): (Range<usize>, usize),
        (effort, sizes): (usize, Range<usize>),
        work: impl Fn(usize, &mut [T]) -> Result<()> + Sync + Send,
    ) -> Result<()> {
        let tile = sizes.end;
        let first = rows.start;
        let out = &mut out[rows.start * width..rows.end * width];
        if out.is_empty() {
            return Ok(());
        }
        let rows = rows.len();
        if matches!(self, Self::Caller) || rows.saturating_mul(effort) < WORTH_A_THREAD {
            for (block, out) in out.chunks_mut(tile * width).enumerate() {
                work(first + block * tile, out)?;
            }
            return Ok(());
        }
        let wanted = BLOCKS_PER_THREAD * self.count();
        let mut size = tile;
        while size > sizes.start && rows.div_ceil(size) < wanted {
            size /= 2;
        }
        let blocks = out.chunks_mut(size * width).enumerate().collect();
        self.for_each(blocks, |(block, out)| work(first + block * size, out))
    }
}
