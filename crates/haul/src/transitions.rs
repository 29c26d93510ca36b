//! The masses that a chain of plans moves between classes of points.

use crate::{Engine, Error, Plan, Result};

/// The masses between the classes of points along a chain of measures α₀, α₁, …, with a plan from each to the next: which
/// kinds of cells become which from day to day.
///
/// A plan P from αₜ to αₜ₊₁ gives each point y of αₜ₊₁ ancestors x with the probabilities Pₓᵧ / Σₓ Pₓᵧ. Along the chain
/// the ancestors of ancestors follow as in a Markov chain [Schiebinger et al.'19], so that the mass at time t of class l, whose
/// ancestors at time s have class k, is
///
/// ```text
/// M(k, l) = Σ_{y of class l} (P⁽ᵗ⁻¹⁾ᵀ D⁻¹ P⁽ᵗ⁻²⁾ᵀ D⁻¹ … P⁽ˢ⁾ᵀ 1ₖ)(y)
/// ```
///
/// where each D divides by the second marginal of the plan before it. For t = s + 1 this is the mass that the plan itself
/// moves from class k to class l. Each plan takes one product, whatever the number of its points: no plan is stored.
///
/// ```
/// use haul::{Device, Measure, Sinkhorn, Transitions};
///
/// let device = Device::cpu();
/// let before = Measure::uniform(&[0.0, 1.0], 1)?; // one point of class 0, one of class 1
/// let after = Measure::uniform(&[0.1, 0.2, 0.9, 1.1], 1)?;
/// let solution = Sinkhorn::blur(0.05).solve(&device, &before, &after)?;
/// let mut transitions = Transitions::new(2, &[0, 1])?;
/// transitions.push(&solution.plan(), &[0, 0, 1, 1])?;
/// let stays = transitions.descendants(0, 1).ok_or("no such step")?;
/// assert!(stays[0] > 0.99 && stays[3] > 0.99);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Transitions {
    classes: usize,
    /// For each measure but the last one, the share of the ancestors of each point of the last one in each class; m×classes.
    shares: Vec<Vec<f64>>,
    /// The classes of the points of the last measure.
    last: Vec<usize>,
    /// The masses from measure s to measure t, in `tables[t − 1][s]`.
    tables: Vec<Vec<Vec<f64>>>,
}

impl Transitions {
    /// A chain that begins with a measure whose points have these classes, of which there are `classes`, counted from 0.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] for a class that is not below `classes`.
    pub fn new(classes: usize, of: &[usize]) -> Result<Self> {
        check(classes, of)?;
        Ok(Self {
            classes,
            shares: Vec::new(),
            last: of.to_vec(),
            tables: Vec::new(),
        })
    }

    /// Goes on to the next measure: the plan leads from the last one, of n points, to one of m points of these classes. Takes
    /// one product of width 1 + classes · measures.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] where the numbers of points do not fit, [`Error::BadParameter`] for a class that is not below
    /// their number, and the engine's own. The chain stays as it was then.
    pub fn push<E: Engine>(&mut self, plan: &Plan<E>, of: &[usize]) -> Result<()> {
        check(self.classes, of)?;
        let (n, m) = plan.shape();
        for (what, expected, found) in [
            ("the classes of the source", n, self.last.len()),
            ("the classes of the target", m, of.len()),
        ] {
            if expected != found {
                return Err(Error::Length {
                    what,
                    expected,
                    found,
                });
            }
        }
        let k = self.classes;
        let mut of_last = vec![0.0; n * k];
        for (row, class) in self.last.iter().enumerate() {
            of_last[row * k + class] = 1.0;
        }
        let starts = self.shares.len() + 1;
        let width = 1 + k * starts;
        let mut values = Vec::with_capacity(n * width);
        for row in 0..n {
            values.push(1.0);
            for shares in self.shares.iter().chain([&of_last]) {
                values.extend_from_slice(&shares[row * k..][..k]);
            }
        }
        let sums = plan.product_transposed(&values)?;
        let mut shares = vec![Vec::with_capacity(m * k); starts];
        let mut tables = vec![vec![0.0; k * k]; starts];
        for (row, class) in sums.chunks_exact(width).zip(of) {
            let mass = row[0];
            for (start, masses) in row[1..].chunks_exact(k).enumerate() {
                for (ancestor, moved) in masses.iter().enumerate() {
                    tables[start][ancestor * k + class] += moved;
                    // A point that gets no mass has no ancestors.
                    shares[start].push(if mass > 0.0 { moved / mass } else { 0.0 });
                }
            }
        }
        self.shares = shares;
        self.tables.push(tables);
        self.last = of.to_vec();
        Ok(())
    }

    /// The number of measures.
    pub fn measures(&self) -> usize {
        self.tables.len() + 1
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The masses M(k, l) of class l in measure `to` with ancestors of class k in measure `from`, at k·classes + l;
    /// measures count from 0. `None` unless `from` < `to` and both are there.
    pub fn masses(&self, from: usize, to: usize) -> Option<&[f64]> {
        let tables = self.tables.get(to.checked_sub(1)?)?;
        tables.get(from).map(Vec::as_slice)
    }

    /// The share of each class l in measure `to` among the descendants of class k in measure `from`: masses divided by
    /// the sum of their row, 0 for a class without mass. `None` as for [`masses`](Self::masses).
    pub fn descendants(&self, from: usize, to: usize) -> Option<Vec<f64>> {
        let masses = self.masses(from, to)?;
        let rows = masses.chunks_exact(self.classes.max(1));
        let share = |row: &[f64]| {
            let sum: f64 = row.iter().sum();
            row.iter()
                .map(|mass| divided(*mass, sum))
                .collect::<Vec<_>>()
        };
        Some(rows.flat_map(share).collect())
    }

    /// The share of each class k in measure `from` among the ancestors of class l in measure `to`: masses divided by
    /// the sum of their column, 0 for a class without mass. `None` as for [`masses`](Self::masses).
    pub fn ancestors(&self, from: usize, to: usize) -> Option<Vec<f64>> {
        let masses = self.masses(from, to)?;
        let k = self.classes;
        let mut sums = vec![0.0; k];
        for (at, mass) in masses.iter().enumerate() {
            sums[at % k] += mass;
        }
        let share = |(at, mass): (usize, &f64)| divided(*mass, sums[at % k]);
        Some(masses.iter().enumerate().map(share).collect())
    }

    /// For each point of the last measure, the share of each class among its ancestors in measure `from`; m×classes,
    /// row-major. All 0 for a point that gets no mass. `None` unless `from` is before the last measure.
    pub fn shares(&self, from: usize) -> Option<&[f64]> {
        self.shares.get(from).map(Vec::as_slice)
    }
}

/// Refuses classes that are not below their number.
fn check(classes: usize, of: &[usize]) -> Result<()> {
    match of.iter().find(|class| **class >= classes) {
        None => Ok(()),
        Some(class) => Err(Error::BadParameter {
            name: "class",
            value: *class as f64,
            range: "below the number of classes",
        }),
    }
}

fn divided(mass: f64, sum: f64) -> f64 {
    if sum > 0.0 { mass / sum } else { 0.0 }
}
