//! The numbers of a solution.

use crate::certificate::Certificate;
use crate::sinkhorn::Stage;
use crate::{Cost, Precision};

/// All that is known of a solution, as plain numbers. Costs are in units of |x − y|^p.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// Points of the source measure.
    pub n: usize,
    /// Points of the target measure.
    pub m: usize,
    /// Dimension of the space.
    pub d: usize,
    /// The cost |x − y|^p.
    pub cost: Cost,
    /// ε, in units of the cost.
    pub epsilon: f64,
    /// The blur σ = ε^{1/p}, a length.
    pub blur: f64,
    /// ρ_a, in units of the cost; infinite where P1 = a was asked for.
    pub rho_a: f64,
    /// ρ_b, in units of the cost; infinite where Pᵀ1 = b was asked for.
    pub rho_b: f64,
    /// OT_ε, as the dual has it: ⟨a, f⟩ + ⟨b, g⟩ − ε(ΣP − ΣaΣb), where a side of finite ρ has −ρ ⟨a, e^{−f/ρ} − 1⟩ for
    /// ⟨a, f⟩. It is a lower bound whose error is of second order in the marginals'.
    pub value: f64,
    /// ⟨P, C⟩ + ε KL(P | a⊗b) + ρ_a KL(P1 | a) + ρ_b KL(Pᵀ1 | b), the primal at the plan P as it is;
    /// without the term of a side whose ρ is infinite.
    pub regularized_cost: f64,
    /// ⟨P, C⟩.
    pub transport_cost: f64,
    /// KL(P | a⊗b), mass terms included.
    pub kl: f64,
    /// ΣP.
    pub mass: f64,
    /// Errors and bounds.
    pub certificate: Certificate,
    /// The L1 marginal error asked for, relative to the mass that moves where moving costs nothing:
    /// that of both measures, if it is one; see [`Sinkhorn::tolerance`](crate::Sinkhorn::tolerance).
    pub tolerance: f64,
    /// Whether both marginals together meet the tolerance.
    pub converged: bool,
    /// Pairs of updates and steps of Newton's method, those of the annealing included.
    pub iterations: usize,
    /// How these iterations were made, in their order.
    pub stages: Vec<Stage>,
    /// Passes over all pairs that the iterations took.
    pub softmin_passes: usize,
    /// Pairs (i, j) of all passes, those of the certificate included. Of a measure against itself an
    /// engine may evaluate half.
    pub pairs: u64,
    /// Wall-clock seconds, uploads and certificate included.
    pub seconds: f64,
    /// The device that computed it.
    pub device: String,
    /// The precision it computed in.
    pub precision: Precision,
}
