//! Bytes between the ranks of MPI's world.
//!
//! MPI counts in numbers of 32 bits. What is longer goes in rounds, in each of which every rank sends a part of what it has.

use haul::Result;
use haul::engine::Network;
use mpi::Count;
use mpi::datatype::{Partition, PartitionMut};
use mpi::topology::{Communicator, SimpleCommunicator};
use mpi::traits::CommunicatorCollectives;
use std::ops::Range;

/// The most bytes that a rank sends or receives at a time.
const MOST: usize = 1 << 30;

/// All ranks. Where a message cannot be sent, MPI ends the run: none of its errors is returned.
pub(crate) struct World;

/// The parts of an array, one for each rank.
struct Parts {
    counts: Vec<Count>,
    starts: Vec<Count>,
}

impl Parts {
    /// Parts of these lengths, one after the other; all of them together have at most [`MOST`] bytes.
    fn of(lengths: impl Iterator<Item = usize>) -> Self {
        let counts: Vec<_> = lengths.map(|length| length as Count).collect();
        let starts = counts.iter().scan(0, |end, count| {
            let start = *end;
            *end += count;
            Some(start)
        });
        Self {
            starts: starts.collect(),
            counts,
        }
    }

    fn total(&self) -> usize {
        self.counts.iter().map(|count| *count as usize).sum()
    }
}

/// Bytes that are somewhere in memory. The address of an empty slice may be any number, and 1 is `MPI_IN_PLACE` of some MPIs.
fn placed(bytes: &[u8]) -> &[u8] {
    static NOTHING: [u8; 1] = [0];
    match bytes {
        [] => &NOTHING[..0],
        _ => bytes,
    }
}

/// Room for so many bytes, somewhere in memory as well.
fn room(length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length.max(1));
    bytes.resize(length, 0);
    bytes
}

/// The part of a length that a round has.
fn of_round(length: usize, round: &Range<usize>) -> Range<usize> {
    round.start.min(length)..round.end.min(length)
}

/// The rounds in which parts of at most `longest` bytes go, for so many ranks.
fn rounds(longest: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    let step = (MOST / size.max(1)).max(1);
    (0..longest.max(1))
        .step_by(step)
        .map(move |start| start..start + step)
}

/// The first byte of each part.
fn starts(lengths: &[usize]) -> Vec<usize> {
    let starts = lengths.iter().scan(0, |end, length| {
        let start = *end;
        *end += length;
        Some(start)
    });
    starts.collect()
}

/// Puts the bytes of a round where they belong.
fn put(all: &mut [u8], lengths: &[usize], round: &Range<usize>, received: &[u8]) {
    let mut rest = received;
    for (start, length) in starts(lengths).into_iter().zip(lengths) {
        let place = of_round(*length, round);
        let (part, after) = rest.split_at(place.len());
        all[start + place.start..start + place.end].copy_from_slice(part);
        rest = after;
    }
}

impl Network for World {
    fn rank(&self) -> usize {
        SimpleCommunicator::world().rank().unsigned_abs() as usize
    }

    fn size(&self) -> usize {
        SimpleCommunicator::world().size().unsigned_abs() as usize
    }

    fn gather(&self, own: &[u8], lengths: &[usize]) -> Result<Vec<u8>> {
        let world = SimpleCommunicator::world();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let mut all = vec![0; lengths.iter().sum()];
        for round in rounds(longest, lengths.len()) {
            let parts = Parts::of(lengths.iter().map(|length| of_round(*length, &round).len()));
            let mut received = room(parts.total());
            let own = placed(&own[of_round(own.len(), &round)]);
            let mut into =
                PartitionMut::new(&mut received[..], &parts.counts[..], &parts.starts[..]);
            world.all_gather_varcount_into(own, &mut into);
            if received.len() == all.len() {
                return Ok(received);
            }
            put(&mut all, lengths, &round, &received);
        }
        Ok(all)
    }

    fn exchange(&self, own: &[u8], sent: &[usize], received: &[usize]) -> Result<Vec<u8>> {
        let world = SimpleCommunicator::world();
        // All ranks must have the same rounds.
        let longest = sent.iter().chain(received).copied().max().unwrap_or(0) as u64;
        let mut longest_of_all = vec![0_u64; received.len()];
        world.all_gather_into(&longest, &mut longest_of_all[..]);
        let longest = longest_of_all.into_iter().max().unwrap_or(0) as usize;
        let mut all = vec![0; received.iter().sum()];
        let from = starts(sent);
        for round in rounds(longest, received.len()) {
            let part = |length: &usize| of_round(*length, &round).len();
            let (out, back) = (
                Parts::of(sent.iter().map(part)),
                Parts::of(received.iter().map(part)),
            );
            let mut parts: Vec<u8> = Vec::with_capacity(out.total());
            for (start, length) in from.iter().zip(sent) {
                let place = of_round(*length, &round);
                parts.extend(&own[start + place.start..start + place.end]);
            }
            let mut taken = room(back.total());
            let given = Partition::new(placed(&parts), &out.counts[..], &out.starts[..]);
            let mut into = PartitionMut::new(&mut taken[..], &back.counts[..], &back.starts[..]);
            world.all_to_all_varcount_into(&given, &mut into);
            put(&mut all, received, &round, &taken);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_put_every_byte_in_its_place() {
        let lengths = [5, 0, 12, 7];
        let whole: Vec<u8> = (0..24).collect();
        let mut all = vec![0xff; 24];
        for round in [0..5, 5..10, 10..15] {
            let of_part = |(start, length): (usize, &usize)| {
                let place = of_round(*length, &round);
                whole[start + place.start..start + place.end].to_vec()
            };
            let parts = starts(&lengths).into_iter().zip(&lengths).map(of_part);
            let received: Vec<u8> = parts.flatten().collect();
            put(&mut all, &lengths, &round, &received);
        }
        assert_eq!(all, whole);
        assert_eq!(rounds(0, 4).count(), 1);
        assert_eq!(rounds(MOST, 4).count(), 4);
        assert!(rounds(3 * MOST, 3).all(|round| 3 * round.len() <= MOST));
    }
}
