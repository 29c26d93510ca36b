//! The problem of transport, and the iteration that solves it.

use super::number::{MOST_U32, number, whole};
use clap::{Args, ValueEnum};
use haul::{Regularization, Sinkhorn};

/// The problem of transport, and the iteration that solves it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Regularisation")]
pub(crate) struct Settings {
    /// The blur σ, a length: ε = σ^p [default: 0.05 of the diagonal of the box around both clouds]
    #[arg(long, value_name = "σ", allow_negative_numbers = true, value_parser = number)]
    pub(crate) blur: Option<f64>,

    /// The regularisation ε, in units of the cost
    #[arg(
        long,
        value_name = "ε",
        conflicts_with = "blur",
        allow_negative_numbers = true,
        value_parser = number
    )]
    pub(crate) epsilon: Option<f64>,

    /// The length r beyond which mass is destroyed and created instead of moved, at the cost
    /// ρ KL(P1 | a) + ρ KL(Pᵀ1 | b) with ρ = r^p [default: all mass is moved]
    #[arg(long, value_name = "r", allow_negative_numbers = true, value_parser = number)]
    pub(crate) reach: Option<f64>,

    /// The penalty ρ of both sides, in units of the cost: a number, or inf
    #[arg(
        long,
        value_name = "ρ",
        conflicts_with = "reach",
        allow_negative_numbers = true,
        value_parser = number
    )]
    pub(crate) rho: Option<f64>,

    /// The penalty of the first cloud's side alone; inf keeps P1 = a
    #[arg(long, value_name = "ρ", allow_negative_numbers = true, value_parser = number)]
    pub(crate) rho_a: Option<f64>,

    /// The penalty of the second cloud's side alone; inf keeps Pᵀ1 = b
    #[arg(long, value_name = "ρ", allow_negative_numbers = true, value_parser = number)]
    pub(crate) rho_b: Option<f64>,

    /// The power p of the cost |x − y|^p, above 0 and at most 2 [default: 2]
    #[arg(long, allow_negative_numbers = true, value_parser = number)]
    pub(crate) p: Option<f64>,

    /// The L1 error of the marginals, relative to the mass, at which the iteration ends
    #[arg(
        long,
        value_name = "T",
        help_heading = "Iteration",
        default_value_t = 1e-3,
        allow_negative_numbers = true,
        value_parser = number
    )]
    pub(crate) tolerance: f64,

    /// The most iterations
    #[arg(long, value_name = "N", help_heading = "Iteration", default_value_t = 10_000, allow_negative_numbers = true, value_parser = whole::<usize, 1, MOST_U32>)]
    pub(crate) max_iterations: usize,

    /// The variables of the iteration: potentials, or scalings
    #[arg(long, help_heading = "Iteration", value_enum, default_value_t = Form::Log)]
    pub(crate) form: Form,

    /// Passes over near pairs only, from coarse clouds to fine ones: where it pays, always, or never
    #[arg(long, help_heading = "Iteration", value_enum, default_value_t = Multiscale::Auto)]
    pub(crate) multiscale: Multiscale,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Multiscale {
    /// Between large clouds in up to 7 dimensions, where at most half of the pairs are near
    Auto,
    /// Whatever the clouds; with --form log
    On,
    /// Over all pairs
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Potentials, by log-sum-exp
    Log,
    /// Scalings u = a/(Kv), v = b/(Kᵀu), absorbed before they leave the range of a float
    Scaling,
}

impl Settings {
    /// The solver with these settings.
    pub(crate) fn sinkhorn(&self) -> Sinkhorn {
        let regularization = match (self.blur, self.epsilon) {
            (Some(blur), _) => Regularization::Blur(blur),
            (None, Some(epsilon)) => Regularization::Epsilon(epsilon),
            (None, None) => Regularization::RelativeBlur(0.05),
        };
        let form = match self.form {
            Form::Log => haul::Form::Log,
            Form::Scaling => haul::Form::Scaling,
        };
        let mut sinkhorn = Sinkhorn::with(regularization);
        if let Some(reach) = self.reach {
            sinkhorn = sinkhorn.reach(reach);
        }
        if let Some(rho) = self.rho {
            sinkhorn = sinkhorn.rho(rho);
        }
        if let Some(rho) = self.rho_a {
            sinkhorn = sinkhorn.rho_a(rho);
        }
        if let Some(rho) = self.rho_b {
            sinkhorn = sinkhorn.rho_b(rho);
        }
        sinkhorn
            .p(self.p.unwrap_or(2.0))
            .tolerance(self.tolerance)
            .max_iterations(self.max_iterations)
            .form(form)
            .multiscale(match self.multiscale {
                Multiscale::Auto => haul::Multiscale::Automatic,
                Multiscale::On => haul::Multiscale::Always,
                Multiscale::Off => haul::Multiscale::Never,
            })
    }
}
