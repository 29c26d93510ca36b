//! The softmin T_b(h)ᵢ = −ε log Σⱼ bⱼ exp((hⱼ − Cᵢⱼ)/ε).
//!
//! With a guess of the result it takes the plain sum Sᵢ = Σⱼ bⱼ exp((guessᵢ + hⱼ − Cᵢⱼ)/ε), and
//! T_b(h)ᵢ = guessᵢ − ε log Sᵢ. Without a guess, or if the guess is so far off that powers leave the range of the
//! format, it sums with a running maximum.

use crate::block::{MOST_ROWS, ROWS};
use crate::maximum::{LogSum, Maximum};
use crate::pass::Pass;
use crate::real::Float;
use crate::sums::{One, Sums};
use crate::symmetric;
use crate::weights::FLOOR;
use crate::workers::Workers;
use haul_core::Result;
use std::f64::consts::LN_2;
use std::ops::Range;

/// A sum of powers outside these limits is not trusted. The lower limit is for each column: below
/// it, powers that were rounded to 0 may have been a part that matters.
pub(crate) const TRUSTED: Range<f64> = two_to(-60)..two_to(100);

/// The largest result of a softmin, within the range of both formats.
pub(crate) const LARGEST: f64 = 1e36;

const fn two_to(exponent: i64) -> f64 {
    f64::from_bits(((1023 + exponent) as u64) << 52)
}

/// T_b(h) for all rows of a pass; `guess` should be near it, but need not.
pub(crate) fn softmin<T: Float>(
    workers: &Workers,
    pass: &Pass<'_, T>,
    guess: Option<&[T]>,
    out: &mut [T],
) -> Result<()> {
    let shape = (pass.effort(14), T::TILE);
    workers.for_each_block(out, (pass.wanted(), 1), shape, |first, out| match guess {
        Some(guess) => sum_guessed(pass, first, &guess[first..][..out.len()], out),
        None => {
            let sums = sum_with_maximum(pass, first..first + out.len())?;
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = softmin_of(pass, sum);
            }
            Ok(())
        }
    })
}

/// The softmin of points against themselves, whose potential is also the guess; `false` if
/// [`softmin`] has to compute it.
pub(crate) fn softmin_of_itself<T: Float>(
    workers: &Workers,
    pass: &Pass<'_, T>,
    potential: &[T],
    out: &mut [T],
) -> Result<bool> {
    let Some(sums) = symmetric::sums(workers, pass, potential)? else {
        return Ok(false);
    };
    finish_pieces(workers, pass, potential, &sums[pass.wanted()], out)?;
    Ok(true)
}

/// The same from the sums of the rows that are wanted.
pub(crate) fn finish_pieces<T: Float>(
    workers: &Workers,
    pass: &Pass<'_, T>,
    potential: &[T],
    sums: &[f64],
    out: &mut [T],
) -> Result<()> {
    let (wanted, shape) = (pass.wanted(), (pass.effort(14), T::TILE));
    workers.for_each_block(out, (wanted.clone(), 1), shape, |first, out| {
        let rows = first..first + out.len();
        let sums = &sums[first - wanted.start..][..out.len()];
        finish_guessed(pass, first, &potential[rows], sums, out)
    })
}

fn sum_guessed<T: Float>(
    pass: &Pass<'_, T>,
    first: usize,
    guess: &[T],
    out: &mut [T],
) -> Result<()> {
    let mut potential = [T::ZERO; MOST_ROWS];
    potential[..guess.len()].copy_from_slice(guess);
    let mut totals = [0.0; MOST_ROWS];
    for (_, block) in pass.all_blocks(first..first + out.len(), 0) {
        pass.dispatch(block, |block| Sums::<_, _, 1> {
            block,
            potential: &potential,
            summand: One,
            totals: &mut totals,
        })?;
    }
    finish_guessed(pass, first, guess, &totals, out)
}

/// The softmin from sums relative to a guess; rows whose sums are not trusted are summed
/// again.
pub(crate) fn finish_guessed<T: Float>(
    pass: &Pass<'_, T>,
    first: usize,
    guess: &[T],
    totals: &[f64],
    out: &mut [T],
) -> Result<()> {
    let trusted = pass.columns().len() as f64 * TRUSTED.start..TRUSTED.end;
    for group in (0..out.len()).step_by(ROWS) {
        let rows = group..(group + ROWS).min(out.len());
        for row in rows.clone() {
            let sum = totals[row] * pass.mean_weight();
            out[row] = T::from_f64(guess[row].to_f64() - pass.epsilon() * sum.ln());
        }
        if rows.clone().all(|row| trusted.contains(&totals[row])) {
            continue;
        }
        let sums = sum_with_maximum(pass, first + rows.start..first + rows.end)?;
        for (row, sum) in rows.zip(sums) {
            if !trusted.contains(&totals[row]) {
                out[row] = softmin_of(pass, sum);
            }
        }
    }
    Ok(())
}

/// The sums of some rows; the padding after them has no meaning.
fn sum_with_maximum<T: Float>(
    pass: &Pass<'_, T>,
    rows: Range<usize>,
) -> Result<[LogSum; MOST_ROWS]> {
    let mut totals = [LogSum::EMPTY; MOST_ROWS];
    for (_, block) in pass.all_blocks(rows, 0) {
        pass.dispatch(block, |block| Maximum {
            block,
            totals: &mut totals,
        })?;
    }
    Ok(totals)
}

fn softmin_of<T: Float>(pass: &Pass<'_, T>, sum: LogSum) -> T {
    softmin_of_log2(pass.epsilon(), sum.log2() + pass.mean_weight().log2())
}

/// −ε log of a sum, from its base-2 logarithm. Of a sum without terms, whose logarithm is −∞, the result is a
/// finite number whose exponents count as 0.
pub(crate) fn softmin_of_log2<T: Float>(epsilon: f64, log2: f64) -> T {
    let value = -epsilon * LN_2 * log2.max(0.1 * FLOOR);
    T::from_f64(value.min(LARGEST))
}
