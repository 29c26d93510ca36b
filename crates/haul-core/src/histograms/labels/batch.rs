//! The potentials and the numbers of a batch of rows, in units of ε. Values of all rows are K×N.

use crate::engine::Kernel;
use crate::histograms::transforms::Transforms;
use crate::linalg::sum;
use crate::problem::Rounding;
use crate::{Engine, Precision, Result, Sinkhorn};

/// One side of a batch, in units of ε.
pub(super) struct Side {
    /// K×N.
    pub(super) weights: Vec<f64>,
    pub(super) rho: f64,
    /// The separable terms of the costs.
    pub(super) terms: Option<Vec<f64>>,
}

impl Side {
    /// λ = ρ/(ρ + 1).
    fn damping(&self) -> f64 {
        1.0 / (1.0 + 1.0 / self.rho)
    }

    /// The term of the dual, −ρ Σ w (e^{−f/ρ} − 1), of a row.
    fn dual(&self, potential: &[f64], row: usize, rows: usize) -> f64 {
        let pairs = column(&self.weights, row, rows).zip(column(potential, row, rows));
        sum(pairs.map(|(w, f)| w * conjugate(f, self.rho)))
    }
}

/// The rows of a batch; the side that is updated last comes second.
pub(super) struct Batch {
    pub(super) first: Side,
    pub(super) second: Side,
    pub(super) rows: usize,
}

/// The potentials of a batch, K×N.
pub(super) struct Solved {
    pub(super) f: Vec<f64>,
    pub(super) g: Vec<f64>,
    /// T(g), which f is compared with.
    pub(super) image: Vec<f64>,
    pub(super) error: f64,
    pub(super) iterations: usize,
}

/// The numbers of a row, in units of ε.
pub(super) struct Numbers {
    pub(super) dual: f64,
    pub(super) primal: f64,
    pub(super) mass: f64,
    /// The effects of rounding on the dual and on the primal.
    pub(super) off: [f64; 2],
}

/// The rounding of the passes.
pub(super) struct Exponents {
    pub(super) rounding: Rounding,
    pub(super) kernel: Kernel,
}

impl Batch {
    /// The masses of each row on both sides.
    pub(super) fn masses(&self) -> [Vec<f64>; 2] {
        [&self.first, &self.second].map(|side| {
            let mass = |row| sum(column(&side.weights, row, self.rows));
            (0..self.rows).map(mass).collect()
        })
    }

    /// T(h) of one side from the weights and potentials of the other.
    async fn transform<E: Engine>(
        &self,
        pass: &mut Transforms<'_, E>,
        (to, from): (&Side, &Side),
        potential: &[f64],
    ) -> Result<Vec<f64>> {
        let mut shifted = potential.to_vec();
        shift(&mut shifted, from.terms.as_deref(), self.rows, -1.0);
        let mut image = pass.of(&from.weights, &shifted, self.rows).await?;
        shift(&mut image, to.terms.as_deref(), self.rows, 1.0);
        Ok(image)
    }

    pub(super) async fn solve<E: Engine>(
        &self,
        [mut to_first, mut to_second]: [Transforms<'_, E>; 2],
        settings: &Sinkhorn,
    ) -> Result<Solved> {
        let Self {
            first,
            second,
            rows,
        } = self;
        let zeros = vec![0.0; second.weights.len()];
        let mut image = self
            .transform(&mut to_first, (first, second), &zeros)
            .await?;
        let mut constants = vec![0.0; *rows];
        let mut iterations = 0;
        loop {
            iterations += 1;
            let damped =
                |(entry, t): (usize, &f64)| first.damping() * (t + constants[entry % rows]);
            let f: Vec<f64> = image.iter().enumerate().map(damped).collect();
            let mut g = self.transform(&mut to_second, (second, first), &f).await?;
            g.iter_mut().for_each(|g| *g *= second.damping());
            image = self.transform(&mut to_first, (first, second), &g).await?;
            let error = self.error(&f, &image);
            if error <= settings.tolerance || iterations >= settings.max_iterations {
                return Ok(Solved {
                    f,
                    g,
                    image,
                    error,
                    iterations,
                });
            }
            constants = (0..*rows).map(|row| self.constant(&f, &g, row)).collect();
        }
    }

    /// The largest error of the first side's marginals over the rows, relative to the mass of the plan.
    fn error(&self, f: &[f64], image: &[f64]) -> f64 {
        let side = &self.first;
        let of_row = |row: usize| {
            let weights = column(&side.weights, row, self.rows);
            let both = column(f, row, self.rows).zip(column(image, row, self.rows));
            let (mut off, mut mass) = (0.0, 0.0);
            for (w, (f, t)) in weights.zip(both).filter(|(w, _)| *w > 0.0) {
                let ratio = (f - t).exp();
                off += w * (ratio - (-f / side.rho).exp()).abs();
                mass += w * ratio;
            }
            off / mass
        };
        (0..self.rows).map(of_row).fold(0.0, f64::max)
    }

    /// The constant τ for which the dual at (f + τ, g − τ) is largest.
    fn constant(&self, f: &[f64], g: &[f64], row: usize) -> f64 {
        let log = |side: &Side, potential: &[f64]| {
            let pairs =
                column(&side.weights, row, self.rows).zip(column(potential, row, self.rows));
            sum(pairs.map(|(w, f)| w * (-f / side.rho).exp())).ln()
        };
        let difference = log(&self.first, f) - log(&self.second, g);
        let constant = difference / (1.0 / self.first.rho + 1.0 / self.second.rho);
        if constant.is_finite() { constant } else { 0.0 }
    }

    pub(super) fn numbers(&self, solved: &Solved, row: usize, exponents: &Exponents) -> Numbers {
        let Solved { f, g, image, .. } = solved;
        let rows = self.rows;
        let (mut mass, mut primal, mut felt) = (0.0, 0.0, 0.0);
        let mut heights = [0.0f64; 2];
        // Of each side, the logarithm of the ratio of the plan's marginal to the weights.
        let first: Vec<f64> = column(f, row, rows)
            .zip(column(image, row, rows))
            .map(|(f, t)| f - t)
            .collect();
        let second: Vec<f64> = column(g, row, rows).map(|g| -g / self.second.rho).collect();
        let sides = [(&self.first, f, first), (&self.second, g, second)];
        for (index, (side, potential, logs)) in sides.into_iter().enumerate() {
            let weights = column(&side.weights, row, rows);
            let terms = weights.zip(column(potential, row, rows).zip(logs));
            for (w, (f, log)) in terms.filter(|(w, _)| *w > 0.0) {
                let marginal = w * log.exp();
                if index == 0 {
                    mass += marginal;
                }
                heights[index] = heights[index].max(f.abs());
                primal += marginal * f;
                felt += marginal * f.abs();
                if side.rho.is_finite() {
                    primal += side.rho * (marginal * log - marginal + w);
                    felt += side.rho * marginal * log.abs();
                }
            }
        }
        let both = self.masses_of(row);
        let entropy = mass - both[0] * both[1];
        let dual = self.first.dual(f, row, rows) + self.second.dual(g, row, rows) - entropy;
        // The relative error of an entry of the plan.
        let off = exponents.of(heights);
        let host =
            64.0 * Precision::F64.unit_roundoff() * (felt + dual.abs() + mass + both[0] * both[1]);
        let moved = mass * (exponents.largest() + heights[0] + heights[1] + 1.0);
        Numbers {
            dual,
            primal: primal - entropy,
            mass,
            off: [
                mass * off.exp_m1() + host,
                (felt + moved) * off.exp_m1() + host,
            ],
        }
    }

    fn masses_of(&self, row: usize) -> [f64; 2] {
        [&self.first, &self.second].map(|side| sum(column(&side.weights, row, self.rows)))
    }
}

impl Exponents {
    /// The relative error of an entry of the plan for potentials of some heights, in units of ε.
    fn of(&self, heights: [f64; 2]) -> f64 {
        let epsilon = self.kernel.epsilon;
        let costs = (self.rounding.cost() + self.rounding.near()) / epsilon;
        self.rounding
            .term(self.kernel, heights.map(|height| height * epsilon))
            + costs
    }

    /// The largest cost, in units of ε.
    fn largest(&self) -> f64 {
        self.rounding.largest_cost() / self.kernel.epsilon
    }
}

/// −ρ (e^{−f/ρ} − 1), or f where ρ is infinite.
pub(super) fn conjugate(f: f64, rho: f64) -> f64 {
    if rho.is_finite() {
        -rho * (-f / rho).exp_m1()
    } else {
        f
    }
}

/// The values of a row, of K×N values.
fn column(values: &[f64], row: usize, rows: usize) -> impl Iterator<Item = f64> + '_ {
    values.iter().skip(row).step_by(rows).copied()
}

/// Adds a multiple of the terms of the labels to K×N values.
fn shift(values: &mut [f64], terms: Option<&[f64]>, rows: usize, factor: f64) {
    let Some(terms) = terms else { return };
    for (row, term) in values.chunks_exact_mut(rows).zip(terms) {
        row.iter_mut().for_each(|value| *value += factor * term);
    }
}
