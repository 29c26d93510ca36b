//! The mathematics of haul, written once over the operators of an [`Engine`].
//!
//! Notation, as everywhere in haul: measures α = Σᵢ aᵢ δ(xᵢ) and β = Σⱼ bⱼ δ(yⱼ), cost
//! Cᵢⱼ = |xᵢ − yⱼ|^p (no ½), ε in units of C, and
//!
//! ```text
//! OT_ε(α, β) = min ⟨P, C⟩ + ε KL(P | a⊗b)   over P ≥ 0 with P1 = a, Pᵀ1 = b
//! Pᵢⱼ = aᵢ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε)
//! ```
//!
//! An unbalanced problem has ρ_a KL(P1 | a) + ρ_b KL(Pᵀ1 | b) in the objective, in place of the
//! constraints; a side of infinite ρ keeps its constraint.
//!
//! The data flow: [`Measure`]s make a [`Problem`], which is checked before any device works; [`Sinkhorn`] puts both
//! clouds on an engine and iterates there; a [`Solution`] holds the values, their [`Certificate`], the potentials,
//! and a lazy [`Plan`] that never stores the n×m matrix. This crate has no threads, no SIMD, no GPU and no files:
//! `haul-cpu` and `haul-gpu` implement the trait.

#[macro_use]
mod sinkhorn;

mod certificate;
mod derivative;
pub mod engine;
mod error;
mod exact;
mod fit;
mod gromov;
mod histograms;
mod interrupt;
mod linalg;
mod loss;
mod measure;
mod pass;
mod precision;
mod problem;
mod registration;
mod solution;
mod study;
mod truncation;

pub use certificate::{Bounds, Certificate};
pub use derivative::{Gradient, Sensitivity, Truncated, TruncatedCost};
pub use engine::Engine;
pub use error::{Error, Result};
pub use exact::{
    Exact, ExactProgress, ExactReport, ExactSolution, Sliced, SlicedProgress, SlicedValue,
    SparsePlan,
};
pub use fit::{
    AffineModel, Draws, Fit, FitEnd, FitLoss, FitProgress, FitReport, FitState, FittedModel,
    FreeAverage, FreeBarycenter, FreeReport, GaussianModel, ImplicitStep, LossEstimate,
    MixtureModel, Model, Noise, Optimizer, OptimizerState, ParticleFlow, ParticleState,
    Pushforward, Quantization, QuantizationKind, QuantizationReport, Quantizer, SupportWeights,
    displacement,
};
pub use gromov::{
    DistanceMatrix, Gromov, GromovAverage, GromovAverageReport, GromovBarycenter, GromovProgress,
    GromovReport, GromovSolution, GromovStart, MatrixCoupling, MetricSpace,
};
pub use histograms::{
    Average, AverageGradient, Barycenter, BarycenterKind, BarycenterReport, BarycentricDictionary,
    BarycentricFactors, BarycentricGradient, BarycentricProgress, BarycentricReport, Coordinates,
    CoordinatesLoss, CoordinatesProgress, CoordinatesReport, Descent, DictionaryPotentials,
    DictionaryProgress, DictionaryReport, DictionaryState, Documents, Evolution, FactorGradient,
    Factors, Flow, FlowKind, FlowProgress, FlowReport, Histograms, InternalEnergy, LabelLoss,
    LabelLosses, LabelMetric, LinearDictionary, Neighbours, PointsGradient, Projection, Query,
    Reconstruction, ReconstructionGradient, Workspace,
};
pub use interrupt::{Interrupt, Stop};
pub use loss::{
    Discrepancy, Divergence, Energy, Mmd, PairCount, Pairings, ResidentTerms, ScoredSolution,
    Scores, Terms, debiased,
};
pub use measure::{Cost, Exponent, Frame, Grid, Located, Measure, ResidentMeasure, Support};
pub use precision::Precision;
pub use problem::{Penalty, Potentials, Problem, Regularization};
pub use registration::{Alignment, Family, Registration, RegistrationProgress, Transform};
pub use sinkhorn::{
    Acceleration, Form, Level, Method, Multiscale, Progress, Sinkhorn, Stage, Start,
};
pub use solution::{Coupling, Plan, Report, ResidentSolution, Solution};
pub use study::{EpsilonPoint, EpsilonStudy, PowerLaw, SampleStudy, SampleTrial};

/// Blocks the calling thread until the result is ready.
fn block_on<T>(result: impl Future<Output = T>) -> T {
    pollster::block_on(result)
}
