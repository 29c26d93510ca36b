//! The matrix of all comparisons, with bounds, and its uninformative entries.

use super::entry::Entry;
use super::loss::Loss;
use super::plan::Plan;
use crate::names::end_of;
use crate::number::Certified;
use haul::Bounds;

/// The most letters of a file name in a message.
const MOST_LETTERS: usize = 60;

/// The entries with their bounds, each n×n, row-major.
pub(super) struct Matrix {
    n: usize,
    /// Whether entries have bounds.
    bounded: bool,
    pub(super) values: Vec<f64>,
    pub(super) lower: Vec<f64>,
    pub(super) upper: Vec<f64>,
}

impl Matrix {
    /// The matrix of all entries; for divergences, the first n of them are the self terms.
    pub(super) fn of(plan: &Plan, pairs: &[(usize, usize)], entries: &[Entry]) -> Self {
        let n = plan.clouds.len();
        let zeros = || vec![0.0; n * n];
        let mut matrix = Self {
            n,
            bounded: plan.loss.is_bounded(),
            values: zeros(),
            lower: zeros(),
            upper: zeros(),
        };
        let lower = |entry: &Entry| entry.lower.unwrap_or(f64::NEG_INFINITY);
        let upper = |entry: &Entry| entry.upper.unwrap_or(f64::INFINITY);
        for (pair, entry) in pairs.iter().zip(entries) {
            let (i, j) = plan.ordered(*pair);
            let [value, lower, upper] = match (plan.loss, plan.settings.epsilon) {
                // The value between equal clouds is exactly 0.
                (loss, _) if loss != Loss::Sinkhorn && plan.equal(i, j) => [0.0; 3],
                (Loss::Divergence, Some(epsilon)) => {
                    let own = [&entries[i], &entries[j]];
                    let masses = [plan.clouds[i].mass, plan.clouds[j].mass];
                    let of = |ab, own| haul::debiased(ab, own, epsilon, masses);
                    // A divergence is not negative.
                    [
                        of(entry.value, own.map(|own| own.value)),
                        of(lower(entry), own.map(upper)).max(0.0),
                        of(upper(entry), own.map(lower)),
                    ]
                }
                _ => [entry.value, lower(entry), upper(entry)],
            };
            for place in [i * n + j, j * n + i] {
                matrix.values[place] = value;
                matrix.lower[place] = lower;
                matrix.upper[place] = upper;
            }
        }
        matrix
    }

    /// The pairs i < j, row by row, each with its value and its bounds.
    pub(super) fn pairs(&self) -> impl Iterator<Item = ((usize, usize), f64, Bounds)> {
        let above = (0..self.n).flat_map(|i| (i + 1..self.n).map(move |j| (i, j)));
        above.map(|(i, j)| {
            let place = i * self.n + j;
            let bounds = Bounds {
                lower: self.lower[place],
                upper: self.upper[place],
            };
            ((i, j), self.values[place], bounds)
        })
    }

    fn width(&self, place: usize) -> f64 {
        self.upper[place] - self.lower[place]
    }

    /// The width of the widest bounds.
    pub(super) fn gap(&self) -> f64 {
        let widths = (0..self.values.len()).map(|place| self.width(place));
        widths.fold(0.0, f64::max)
    }

    /// The pairs i < j whose bounds are wider than their value, so that the value is uninformative; none where no value has
    /// bounds.
    pub(super) fn uncertain(&self) -> Vec<(usize, usize)> {
        let wide = |(_, value, Bounds { lower, upper }): &(_, f64, Bounds)| {
            self.bounded && upper - lower > value.abs()
        };
        self.pairs().filter(wide).map(|(pair, ..)| pair).collect()
    }

    /// Warning about uninformative entries, if there are any.
    pub(super) fn caution(&self, plan: &Plan) -> Option<String> {
        /// The most entries that are named.
        const NAMED: usize = 3;
        let uncertain = self.uncertain();
        if uncertain.is_empty() {
            return None;
        }
        let names = plan.names();
        let named = uncertain.iter().take(NAMED).map(|&(i, j)| {
            let place = i * self.n + j;
            let bounds = Bounds {
                lower: self.lower[place],
                upper: self.upper[place],
            };
            let told = Certified::new(self.values[place], bounds);
            let [a, b] = [i, j].map(|cloud| end_of(&names[cloud], MOST_LETTERS));
            format!("{a} and {b}: {} {}", told.value, told.between())
        });
        let named = named.collect::<Vec<_>>().join("; ");
        let others = match uncertain.len() {
            count if count > NAMED => format!("; and {} others", count - NAMED),
            _ => String::new(),
        };
        Some(format!(
            "{} of {} entries tell nothing, as their bounds are wider than their values: {named}{others}{}",
            uncertain.len(),
            self.n * (self.n - 1) / 2,
            plan.remedy()
        ))
    }
}
