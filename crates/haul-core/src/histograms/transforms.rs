//! Softmins of many histograms at once, by whichever form the range of floats allows.
//!
//! ```text
//! T_w(h)ᵢ/ε = −log Σⱼ wⱼ exp(hⱼ/ε − Cᵢⱼ/ε)
//! ```
//!
//! As long as e^{−C/ε} is within the range of the engine's floats, the sum is a product of the kernel, which all
//! histograms share, with the columns wⱼ exp(hⱼ/ε): one exponential of a pair serves all histograms, and an engine
//! computes a product of matrices. For a smaller ε it is a softmin, with an exponential of a pair for each histogram.
//!
//! Potentials are on the host, and divided by ε. Arrays of q histograms over n points are n×q.

use crate::engine::{Kernel, Side};
use crate::linalg::sum;
use crate::pass::{Pass, Points};
use crate::{Engine, Error, Frame, Measure, Precision, Result};

/// The largest C/ε for which sums of the kernel have all digits of a float. With the largest weighted term scaled to at
/// least [`LEAST_WEIGHT`], each sum is at least that times e^{−C/ε}, which is far above the least normal number.
fn farthest(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => 50.0,
        Precision::F64 => 500.0,
    }
}

/// Weights below this share of a histogram's mass have no say in the scale of its column.
const LEAST_WEIGHT: f64 = 1e-9;

/// Passes from the points of histograms to those of a support.
pub(super) struct Transforms<'e, E: Engine> {
    engine: &'e E,
    kernel: Kernel,
    rows: Points<E>,
    /// The points of the histograms; `None` if they are those of the support.
    columns: Option<Points<E>>,
    /// Whether sums of the kernel stay within the range of floats.
    products: bool,
    /// Softmins of one histogram so far.
    pub(super) count: usize,
}

impl<'e, E: Engine> Transforms<'e, E> {
    /// Puts the points of the rows and columns on the device; `separable` says whether passes go along axes.
    pub(super) fn between(
        engine: &'e E,
        (frame, kernel): (&Frame, Kernel),
        [rows, columns]: [&Measure; 2],
        separable: bool,
    ) -> Result<Self> {
        let spread = frame.farthest_cost(kernel.cost) / kernel.epsilon;
        let columns = match rows.shares_points(columns) {
            true => None,
            false => Some(Points::of(engine, frame, columns, separable)?),
        };
        Ok(Self {
            engine,
            kernel,
            rows: Points::of(engine, frame, rows, separable)?,
            columns,
            products: spread <= farthest(engine.precision()),
            count: 0,
        })
    }

    /// The precision of the engine.
    pub(super) fn precision(&self) -> Precision {
        self.engine.precision()
    }

    fn columns(&self) -> &Points<E> {
        self.columns.as_ref().unwrap_or(&self.rows)
    }

    /// T_w(h)/ε at n points, for m×q weights w and potentials h/ε; each histogram has a positive weight.
    pub(super) async fn of(
        &mut self,
        weights: &[f64],
        potentials: &[f64],
        q: usize,
    ) -> Result<Vec<f64>> {
        self.count += q;
        let values = if self.products {
            self.by_products(weights, potentials, q).await?
        } else {
            self.by_softmins(weights, potentials, q).await?
        };
        match values.iter().all(|value| value.is_finite()) {
            true => Ok(values),
            false => Err(Error::NotFiniteResult {
                what: "a softmin",
                device: self.engine.device().to_owned(),
            }),
        }
    }

    async fn by_products(&self, weights: &[f64], potentials: &[f64], q: usize) -> Result<Vec<f64>> {
        let shifts = shifts(weights, potentials, q);
        let mut columns = vec![0.0; weights.len()];
        let rows = weights.chunks_exact(q).zip(potentials.chunks_exact(q));
        for (out, (weights, potentials)) in columns.chunks_exact_mut(q).zip(rows) {
            for (s, out) in out.iter_mut().enumerate() {
                // Most bins of a histogram may be empty.
                if weights[s] > 0.0 {
                    *out = weights[s] * (potentials[s] - shifts[s]).exp();
                }
            }
        }
        let columns = self.engine.vector(&columns)?;
        let mut sums = self.engine.zeros(self.rows.len() * q)?;
        self.pass(Side {
            weights: None,
            potential: None,
        })
        .sums(q, &columns, &mut sums)?;
        let mut values = self.engine.read(&sums).await?;
        for row in values.chunks_exact_mut(q) {
            for (value, shift) in row.iter_mut().zip(&shifts) {
                *value = -value.ln() - shift;
            }
        }
        Ok(values)
    }

    async fn by_softmins(&self, weights: &[f64], potentials: &[f64], q: usize) -> Result<Vec<f64>> {
        let epsilon = self.kernel.epsilon;
        let potentials: Vec<f64> = potentials.iter().map(|h| epsilon * h).collect();
        let weights = self.engine.weights(weights, q)?;
        let potentials = self.engine.vector(&potentials)?;
        let mut out = self.engine.zeros(self.rows.len() * q)?;
        self.pass(Side::new(&weights, &potentials))
            .softmins(q, None, &mut out)?;
        let mut values = self.engine.read(&out).await?;
        values.iter_mut().for_each(|value| *value /= epsilon);
        Ok(values)
    }

    fn pass<'p>(&'p self, side: Side<'p, E::Weights, E::Vector>) -> Pass<'p, E> {
        Pass {
            engine: self.engine,
            kernel: self.kernel,
            rows: &self.rows,
            potential: None,
            columns: self.columns(),
            side,
            near: None,
        }
    }
}

/// The largest potential of each histogram over its weights that are not negligible.
fn shifts(weights: &[f64], potentials: &[f64], q: usize) -> Vec<f64> {
    let mut masses = vec![0.0; q];
    for row in weights.chunks_exact(q) {
        masses.iter_mut().zip(row).for_each(|(mass, w)| *mass += w);
    }
    let mut shifts = vec![f64::NEG_INFINITY; q];
    for (weights, potentials) in weights.chunks_exact(q).zip(potentials.chunks_exact(q)) {
        for s in 0..q {
            if weights[s] > LEAST_WEIGHT * masses[s] {
                shifts[s] = shifts[s].max(potentials[s]);
            }
        }
    }
    shifts
}

/// ⟨w, v⟩ of each of q histograms, for n×q weights and values.
pub(super) fn means(weights: &[f64], values: &[f64], q: usize) -> Vec<f64> {
    let of = |s: usize| {
        let weights = weights.iter().skip(s).step_by(q);
        let pairs = weights.zip(values.iter().skip(s).step_by(q));
        sum(pairs.filter(|(w, _)| **w > 0.0).map(|(w, v)| w * v))
    };
    (0..q).map(of).collect()
}

/// Σᵢ wᵢ |exp(fᵢ − hᵢ) − 1| of each of q histograms: the L1 error of the rows of a plan whose potential is f where its
/// transform is h.
pub(super) fn errors(weights: &[f64], f: &[f64], h: &[f64], q: usize) -> Vec<f64> {
    let mut errors = vec![0.0; q];
    let rows = weights
        .chunks_exact(q)
        .zip(f.chunks_exact(q).zip(h.chunks_exact(q)));
    for (weights, (f, h)) in rows {
        for s in 0..q {
            if weights[s] > 0.0 {
                errors[s] += weights[s] * (f[s] - h[s]).exp_m1().abs();
            }
        }
    }
    errors
}
