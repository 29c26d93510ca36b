//! Ranks: processes that share a computation, and agree on how each of its steps ended.

use crate::{Error, Result};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What carries bytes between ranks. All ranks call the same methods, in the same order, each of them with the same lengths.
pub trait Network: Send + Sync {
    /// The number of this rank, from 0.
    fn rank(&self) -> usize;

    /// The number of ranks.
    fn size(&self) -> usize;

    /// The bytes of all ranks, one after the other; `lengths` has the number of each.
    ///
    /// # Errors
    ///
    /// [`Error::Device`], if the network failed.
    fn gather(&self, own: &[u8], lengths: &[usize]) -> Result<Vec<u8>>;

    /// Sends each rank its part of `own`, and returns what all ranks sent to this one. `sent` has the length of the part for
    /// each rank, `received` that of what comes from each.
    ///
    /// # Errors
    ///
    /// [`Error::Device`], if the network failed.
    fn exchange(&self, own: &[u8], sent: &[usize], received: &[usize]) -> Result<Vec<u8>>;
}

/// A rank without others.
struct Alone;

impl Network for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn gather(&self, own: &[u8], _: &[usize]) -> Result<Vec<u8>> {
        Ok(own.to_vec())
    }

    fn exchange(&self, own: &[u8], _: &[usize], _: &[usize]) -> Result<Vec<u8>> {
        Ok(own.to_vec())
    }
}

/// The ranks of a computation. Before they exchange anything, they agree that each of them has come to the same step, and that
/// none has failed; so an error of one ends the work of all, and no rank waits for one that is gone.
///
/// ```
/// use haul_core::Error;
/// use haul_core::engine::Ranks;
///
/// let ranks = Ranks::alone();
/// assert_eq!(ranks.agree(7, Ok("done"))?, "done");
/// let failed = ranks.agree::<()>(8, Err(Error::EmptyCloud));
/// assert!(matches!(failed, Err(Error::EmptyCloud)));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Ranks {
    network: Arc<dyn Network>,
    /// Steps so far.
    steps: Arc<AtomicU64>,
    /// Whether a step failed: no rank sends anything any more.
    ended: Arc<AtomicBool>,
}

impl fmt::Debug for Ranks {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Ranks")
            .field("rank", &self.rank())
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

/// How a rank ended a step.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Done,
    Failed,
    Interrupted,
}

/// Bytes of a report: how the step ended, which step it is, and the length of the message.
const REPORT: usize = 1 + 8 + 8;

/// The most bytes of the message of an error.
const MESSAGE: usize = 4096;

impl Ranks {
    /// The ranks of a network, which serves nothing else.
    pub fn new(network: impl Network + 'static) -> Self {
        Self {
            network: Arc::new(network),
            steps: Arc::default(),
            ended: Arc::default(),
        }
    }

    /// One rank without others.
    pub fn alone() -> Self {
        Self::new(Alone)
    }

    /// The number of this rank, from 0.
    pub fn rank(&self) -> usize {
        self.network.rank()
    }

    /// The number of ranks.
    pub fn size(&self) -> usize {
        self.network.size()
    }

    /// Agrees with all ranks on how a step ended; `step` is a number of what it does, the same for all of them.
    ///
    /// # Errors
    ///
    /// The rank's own error; [`Error::Rank`] with that of another one; [`Error::Interrupted`] if another one was
    /// interrupted; [`Error::Ranks`] if the ranks have come to different steps.
    pub fn agree<T>(&self, step: u64, result: Result<T>) -> Result<T> {
        if self.ended.load(Ordering::Relaxed) {
            // The others are told already.
            return result.and(Err(Error::Interrupted));
        }
        let (end, mut message) = match &result {
            Ok(_) => (End::Done, String::new()),
            Err(Error::Interrupted) => (End::Interrupted, String::new()),
            Err(Error::Rank { message, .. }) => (End::Failed, message.clone()),
            Err(error) => (End::Failed, error.to_string()),
        };
        message.truncate(message.floor_char_boundary(MESSAGE));
        let number = self.steps.fetch_add(1, Ordering::Relaxed);
        let step = step.rotate_left(17) ^ number;
        let mut report = vec![end as u8];
        report.extend(step.to_le_bytes());
        report.extend((message.len() as u64).to_le_bytes());
        let all = self.network.gather(&report, &vec![REPORT; self.size()])?;
        let reports: Vec<_> = all.chunks_exact(REPORT).map(Report::of).collect();
        let first = reports.iter().position(|report| report.end != End::Done);
        let Some(first) = first else {
            let different = reports.iter().position(|report| report.step != step);
            return match different {
                None => result,
                Some(rank) => {
                    self.ended.store(true, Ordering::Relaxed);
                    let rank = if self.rank() == 0 { rank } else { self.rank() };
                    Err(Error::Ranks { rank })
                }
            };
        };
        self.ended.store(true, Ordering::Relaxed);
        let lengths: Vec<_> = reports.iter().map(|report| report.message).collect();
        let messages = self.network.gather(message.as_bytes(), &lengths)?;
        // This rank's own error comes first.
        result?;
        if reports[first].end == End::Interrupted {
            return Err(Error::Interrupted);
        }
        let start: usize = lengths[..first].iter().sum();
        let message = messages.get(start..start + lengths[first]).unwrap_or(&[]);
        Err(Error::Rank {
            rank: first,
            message: String::from_utf8_lossy(message).into_owned(),
        })
    }

    /// The bytes of all ranks, one after the other; `lengths` has the number of each. Agree first.
    ///
    /// # Errors
    ///
    /// [`Error::Device`], if the network failed.
    pub fn gather(&self, own: &[u8], lengths: &[usize]) -> Result<Vec<u8>> {
        self.network.gather(own, lengths)
    }

    /// Sends each rank its part of `own`; see [`Network::exchange`]. Agree first.
    ///
    /// # Errors
    ///
    /// [`Error::Device`], if the network failed.
    pub fn exchange(&self, own: &[u8], sent: &[usize], received: &[usize]) -> Result<Vec<u8>> {
        self.network.exchange(own, sent, received)
    }

    /// The bytes of each rank, whose lengths only that rank knows. `step` is as in [`agree`](Self::agree).
    ///
    /// # Errors
    ///
    /// Those of [`agree`](Self::agree).
    pub fn gather_all(&self, step: u64, own: Result<Vec<u8>>) -> Result<Vec<Vec<u8>>> {
        let own = self.agree(step, own)?;
        let length = (own.len() as u64).to_le_bytes();
        let lengths = self.gather(&length, &vec![length.len(); self.size()])?;
        let lengths: Vec<_> = lengths.chunks_exact(8).map(number).collect();
        let lengths: Vec<_> = lengths.into_iter().map(|length| length as usize).collect();
        let mut rest = &self.gather(&own, &lengths)?[..];
        let mut all = Vec::with_capacity(lengths.len());
        for length in lengths {
            let (bytes, after) = rest.split_at(length.min(rest.len()));
            all.push(bytes.to_vec());
            rest = after;
        }
        Ok(all)
    }
}

/// What a rank says of a step.
struct Report {
    end: End,
    step: u64,
    /// The length of its message.
    message: usize,
}

impl Report {
    fn of(bytes: &[u8]) -> Self {
        Self {
            end: match bytes[0] {
                0 => End::Done,
                1 => End::Failed,
                _ => End::Interrupted,
            },
            step: number(&bytes[1..9]),
            message: number(&bytes[9..]) as usize,
        }
    }
}

fn number(bytes: &[u8]) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(bytes);
    u64::from_le_bytes(number)
}
