//! The numbers of a solution.

use crate::certificate::Certificate;
use crate::sinkhorn::{Level, Stage};
use crate::{Cost, Precision};

/// All numbers of a solution. Costs are in units of |x − y|^p.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// Number of points of the source measure.
    pub n: usize,
    /// Number of points of the target measure.
    pub m: usize,
    /// Dimension of the space.
    pub d: usize,
    /// The cost |x − y|^p.
    pub cost: Cost,
    /// ε, in units of the cost.
    pub epsilon: f64,
    /// The blur σ = ε^{1/p}, a length.
    pub blur: f64,
    /// ρ_a, in units of the cost; infinite if P1 = a was required.
    pub rho_a: f64,
    /// ρ_b, in units of the cost; infinite if Pᵀ1 = b was required.
    pub rho_b: f64,
    /// OT_ε, the value of the dual: ⟨a, f⟩ + ⟨b, g⟩ − ε(ΣP − ΣaΣb), where a side of finite ρ has −ρ ⟨a, e^{−f/ρ} − 1⟩
    /// in place of ⟨a, f⟩. It is a lower bound whose error is of second order in that of the marginals.
    pub value: f64,
    /// ⟨P, C⟩ + ε KL(P | a⊗b) + ρ_a KL(P1 | a) + ρ_b KL(Pᵀ1 | b), the primal at the computed plan P; without the term
    /// of a side whose ρ is infinite.
    pub regularized_cost: f64,
    /// ⟨P, C⟩; NaN if the solve is not [`certified`](Self::certified).
    pub transport_cost: f64,
    /// KL(P | a⊗b), mass terms included; NaN if the solve is not [`certified`](Self::certified).
    pub kl: f64,
    /// ΣP.
    pub mass: f64,
    /// Errors and bounds.
    pub certificate: Certificate,
    /// Whether there is an upper bound: false after [`Sinkhorn::uncertified`](crate::Sinkhorn::uncertified).
    pub certified: bool,
    /// The L1 marginal error required, relative to the mass that moves at cost 0, which is the mass of both measures
    /// if they are equal; see [`Sinkhorn::tolerance`](crate::Sinkhorn::tolerance).
    pub tolerance: f64,
    /// Whether the errors of both marginals together meet the tolerance.
    pub converged: bool,
    /// Pairs of updates and steps of Newton's method, including those of the annealing.
    pub iterations: usize,
    /// The methods of these iterations, in order.
    pub stages: Vec<Stage>,
    /// Passes over all pairs in the iterations.
    pub softmin_passes: usize,
    /// Pairs (i, j) of all passes, including those of the certificate. For a measure against itself an engine may
    /// evaluate half of them.
    pub pairs: u64,
    /// The share of all pairs that a pass includes: 1, if none is left out; see
    /// [`Multiscale`](crate::Multiscale).
    pub kept: f64,
    /// A bound of the mass of the plan on pairs that are left out. Both marginal errors and the gap include it.
    pub dropped: f64,
    /// Solves between coarser clouds before, from the coarsest. Their iterations are not among `iterations`; their pairs
    /// are among `pairs`.
    pub levels: Vec<Level>,
    /// Bytes of squared distances between the points of both measures that passes read from memory in place of computing
    /// them; see [`Engine::kept_distances`](crate::Engine::kept_distances).
    pub distance_bytes: u64,
    /// Wall-clock seconds, including uploads and the certificate.
    pub seconds: f64,
    /// The device that computed it.
    pub device: String,
    /// The precision it computed in.
    pub precision: Precision,
}
