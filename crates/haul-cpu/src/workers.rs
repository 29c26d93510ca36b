//! How rows are dealt out to threads.
//!
//! Every row is computed by one thread, over all columns in their order: results do not depend on
//! the number of threads.

use crate::block::ROWS;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// Less work than this, in operations on numbers, is done by the calling thread at once: waking
/// others takes longer.
const WORTH_A_THREAD: usize = 1 << 19;

/// So many blocks of rows a thread, at least, so that none waits long for the last.
const BLOCKS_PER_THREAD: usize = 8;

/// The threads of an engine: a pool of its own, or rayon's global one.
#[derive(Debug)]
pub(crate) struct Workers(Option<ThreadPool>);

impl Workers {
    pub(crate) fn shared() -> Self {
        Self(None)
    }

    pub(crate) fn new(threads: usize) -> Result<Self, ThreadPoolBuildError> {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build()?;
        Ok(Self(Some(pool)))
    }

    pub(crate) fn count(&self) -> usize {
        match &self.0 {
            Some(pool) => pool.current_num_threads(),
            None => rayon::current_num_threads(),
        }
    }

    /// Runs `work` where parallel iterators use these threads.
    pub(crate) fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.0 {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// Calls `work(first row, their part of out)` for blocks of rows; none reaches over the end of
    /// a `tile`, and all begin at a multiple of [`ROWS`]. `out` has `width` values a row; `effort`
    /// is about the number of operations for one.
    pub(crate) fn for_each_block<T: Send>(
        &self,
        out: &mut [T],
        width: usize,
        (effort, tile): (usize, usize),
        work: impl Fn(usize, &mut [T]) + Sync + Send,
    ) {
        if width == 0 || out.is_empty() {
            return;
        }
        let rows = out.len() / width;
        if rows.saturating_mul(effort) < WORTH_A_THREAD {
            for (block, out) in out.chunks_mut(tile * width).enumerate() {
                work(block * tile, out);
            }
            return;
        }
        let wanted = BLOCKS_PER_THREAD * self.count();
        let mut size = tile;
        while size > ROWS && rows.div_ceil(size) < wanted {
            size /= 2;
        }
        self.install(|| {
            out.par_chunks_mut(size * width)
                .enumerate()
                .for_each(|(block, out)| work(block * size, out));
        });
    }
}
