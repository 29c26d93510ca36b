//! Many histograms on one support, of which each has few bins that are not empty.

use crate::linalg::sum;
use crate::{Error, Result};
use std::ops::Range;

/// N histograms over the same n bins: counts of words, images, distributions of labels. Empty bins take no memory.
///
/// Each histogram is scaled to a sum of 1.
///
/// ```
/// use haul_core::Histograms;
/// // Two histograms over three bins, as SciPy's `csr_matrix` stores them.
/// let counts = Histograms::csr(3, &[0, 2, 3], &[0, 2, 1], &[1.0, 3.0, 5.0])?;
/// assert_eq!((counts.len(), counts.bins()), (2, 3));
/// assert_eq!(counts.row(0), (&[0, 2][..], &[0.25, 0.75][..]));
/// assert_eq!(counts, Histograms::dense(3, &[1.0, 0.0, 3.0, 0.0, 5.0, 0.0])?);
/// # Ok::<(), haul_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Histograms {
    bins: usize,
    /// The index of each histogram's first entry, and the number of entries.
    starts: Vec<usize>,
    /// The bin of each entry, ascending in each histogram.
    indices: Vec<usize>,
    /// The weight of each entry, above 0.
    values: Vec<f64>,
}

impl Histograms {
    /// The rows of a sparse matrix of `bins` columns in compressed form, as SciPy's `csr_matrix` and `csr_array` have
    /// it: row i has the entries `offsets[i]..offsets[i + 1]` of `indices` and `values`. Indices may be in any order
    /// and occur more than once; their values are added.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyCloud`] for no rows or no bins; [`Error::Length`] for offsets that descend, or that do not fit
    /// the number of values; [`Error::Input`] for a row of negative or infinite values, of an index beyond the bins,
    /// or without any mass.
    pub fn csr(bins: usize, offsets: &[usize], indices: &[usize], values: &[f64]) -> Result<Self> {
        if bins == 0 || offsets.len() < 2 {
            return Err(Error::EmptyCloud);
        }
        let length = |what, expected, found| match expected == found {
            true => Ok(()),
            false => Err(Error::Length {
                what,
                expected,
                found,
            }),
        };
        length("the list of indices", values.len(), indices.len())?;
        let last = offsets.last().copied().unwrap_or(0);
        length("the list of values", last, values.len())?;
        let mut histograms = Self {
            bins,
            starts: vec![0],
            indices: Vec::with_capacity(values.len()),
            values: Vec::with_capacity(values.len()),
        };
        let mut next = 0;
        for (row, end) in (1..).zip(&offsets[1..]) {
            // The first offset is 0, and none descends.
            length("the rows before the first", next, offsets[row - 1])?;
            if *end < next || *end > last {
                length("the rows before an offset", next, *end)?;
            }
            let entries = indices[next..*end].iter().zip(&values[next..*end]);
            histograms.push(row, entries.map(|(bin, value)| (*bin, *value)).collect())?;
            next = *end;
        }
        Ok(histograms)
    }

    /// The rows of a matrix of `bins` columns, row-major.
    ///
    /// # Errors
    ///
    /// Those of [`csr`](Self::csr).
    pub fn dense(bins: usize, values: &[f64]) -> Result<Self> {
        if bins == 0 || values.is_empty() {
            return Err(Error::EmptyCloud);
        }
        if !values.len().is_multiple_of(bins) {
            return Err(Error::Length {
                what: "the matrix of histograms",
                expected: values.len().next_multiple_of(bins),
                found: values.len(),
            });
        }
        let mut histograms = Self {
            bins,
            starts: vec![0],
            indices: Vec::new(),
            values: Vec::new(),
        };
        for (row, values) in (1..).zip(values.chunks_exact(bins)) {
            histograms.push(row, values.iter().copied().enumerate().collect())?;
        }
        Ok(histograms)
    }

    /// Adds a histogram; `row` is its number, from 1.
    fn push(&mut self, row: usize, mut entries: Vec<(usize, f64)>) -> Result<()> {
        let input = |error| Error::Input {
            index: row,
            error: Box::new(error),
        };
        for (bin, value) in &entries {
            if *bin >= self.bins {
                return Err(input(Error::Length {
                    what: "the histogram",
                    expected: self.bins,
                    found: bin.saturating_add(1),
                }));
            }
            if !(value.is_finite() && *value >= 0.0) {
                return Err(input(Error::BadWeight {
                    row: bin + 1,
                    value: *value,
                }));
            }
        }
        let mass = sum(entries.iter().map(|(_, value)| *value));
        if !(mass.is_finite() && mass > 0.0) {
            return Err(input(Error::BadMass { mass }));
        }
        entries.sort_by_key(|(bin, _)| *bin);
        let first = self.indices.len();
        for (bin, value) in entries {
            let weight = value / mass;
            match self.values.last_mut() {
                _ if weight == 0.0 => {}
                Some(last) if self.indices[first..].last() == Some(&bin) => *last += weight,
                _ => {
                    self.indices.push(bin);
                    self.values.push(weight);
                }
            }
        }
        self.starts.push(self.indices.len());
        Ok(())
    }

    /// The number of histograms, N.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The number of bins, n.
    pub fn bins(&self) -> usize {
        self.bins
    }

    /// The number of bins that are not empty, over all histograms.
    pub fn entries(&self) -> usize {
        self.values.len()
    }

    /// The bins of a histogram that are not empty, ascending, and their weights, of sum 1; none for an index beyond
    /// the histograms.
    pub fn row(&self, index: usize) -> (&[usize], &[f64]) {
        let range = self.range(index);
        (&self.indices[range.clone()], &self.values[range])
    }

    /// The entries of a histogram.
    pub(super) fn range(&self, index: usize) -> Range<usize> {
        match (self.starts.get(index), self.starts.get(index + 1)) {
            (Some(start), Some(end)) => *start..*end,
            _ => 0..0,
        }
    }

    /// The values of some histograms as columns, n×q with q columns, from a value of each entry; 0 in empty bins.
    pub(super) fn columns(&self, members: &[usize], of_entries: &[f64]) -> Vec<f64> {
        let q = members.len();
        let mut columns = vec![0.0; self.bins * q];
        for (column, member) in members.iter().enumerate() {
            for entry in self.range(*member) {
                columns[self.indices[entry] * q + column] = of_entries[entry];
            }
        }
        columns
    }

    /// The weights of some histograms as columns.
    pub(super) fn weights(&self, members: &[usize]) -> Vec<f64> {
        self.columns(members, &self.values)
    }

    /// Takes from columns the value of each entry.
    pub(super) fn take(&self, members: &[usize], columns: &[f64], of_entries: &mut [f64]) {
        let q = members.len();
        for (column, member) in members.iter().enumerate() {
            for entry in self.range(*member) {
                of_entries[entry] = columns[self.indices[entry] * q + column];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_added_up_and_scaled() {
        let rows = Histograms::csr(
            4,
            &[0, 4, 4 + 1],
            &[3, 0, 3, 1, 2],
            &[1.0, 2.0, 1.0, 0.0, 7.0],
        );
        let rows = rows.unwrap();
        assert_eq!(rows.row(0), (&[0, 3][..], &[0.5, 0.5][..]));
        assert_eq!(rows.row(1), (&[2][..], &[1.0][..]));
        assert_eq!((rows.row(2), rows.entries()), ((&[][..], &[][..]), 3));
        assert_eq!(
            rows.weights(&[1, 0]),
            [0.0, 0.5, 0.0, 0.0, 1.0, 0.0, 0.0, 0.5]
        );
    }

    #[test]
    fn what_are_no_histograms_is_refused() {
        let csr = |offsets: &[usize], indices: &[usize], values: &[f64]| {
            Histograms::csr(3, offsets, indices, values).map_err(|error| error.to_string())
        };
        assert!(csr(&[0, 1, 2], &[0, 1], &[1.0, 1.0]).is_ok());
        for (offsets, indices, values) in [
            (&[0][..], &[][..], &[][..]),
            (&[0, 2, 1], &[0], &[1.0]),
            (&[0, 3, 2], &[0, 1], &[1.0; 2]),
            (&[1, 2], &[0, 1], &[1.0; 2]),
            (&[0, 1], &[0, 1], &[1.0; 2]),
            (&[0, 2], &[0], &[1.0; 2]),
        ] {
            assert!(csr(offsets, indices, values).is_err(), "{offsets:?}");
        }
        let told = csr(&[0, 1, 2], &[0, 3], &[1.0; 2]).unwrap_err();
        assert!(
            told.starts_with("input 2: the histogram has 4 values"),
            "{told}"
        );
        assert!(csr(&[0, 1, 1], &[0], &[1.0]).is_err());
        assert!(csr(&[0, 1], &[0], &[-1.0]).is_err());
        assert!(csr(&[0, 1], &[0], &[f64::NAN]).is_err());
        assert!(Histograms::dense(3, &[1.0; 4]).is_err());
        assert!(Histograms::dense(0, &[1.0; 4]).is_err());
    }
}
