//! The functions of two points whose means are compared.

use crate::number::{plain, short};
use crate::progress::Passes;
use haul::{Device, Discrepancy, Measure, Mmd};

/// The kernel, with its parameter.
#[derive(Clone, Copy)]
pub(crate) enum Kernel {
    Energy { p: f64 },
    Gaussian { sigma: f64 },
    Laplacian { sigma: f64 },
}

impl Kernel {
    /// The name of its value, and that of its mean.
    pub(crate) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Energy { .. } => ("energy", "E"),
            Self::Gaussian { .. } | Self::Laplacian { .. } => ("MMD²", "K"),
        }
    }

    /// That mean in words.
    pub(crate) fn mean(self) -> String {
        match self {
            Self::Energy { p } => format!("the mean of |x − y|^{}", plain(p)),
            Self::Gaussian { sigma } => {
                let width = short(2.0 * sigma * sigma);
                format!("the mean of exp(−|x − y|²/{width})")
            }
            Self::Laplacian { sigma } => {
                format!("the mean of exp(−|x − y|/{})", short(sigma))
            }
        }
    }

    pub(super) fn check(self, a: &Measure, b: &Measure) -> haul::Result<()> {
        match self {
            Self::Energy { p } => haul::Energy::new().p(p).check(a, b),
            Self::Gaussian { sigma } => Mmd::gaussian(sigma).check(a, b),
            Self::Laplacian { sigma } => Mmd::laplacian(sigma).check(a, b),
        }
    }

    pub(super) fn gradient_points(
        self,
        device: &Device,
        a: &Measure,
        b: &Measure,
        passes: &Passes,
    ) -> haul::Result<Vec<f64>> {
        let observe = |pairs| passes.observe(pairs);
        match self {
            Self::Energy { p } => {
                let energy = haul::Energy::new().p(p);
                energy.gradient_points_observed(device, a, b, observe)
            }
            Self::Gaussian { sigma } => {
                Mmd::gaussian(sigma).gradient_points_observed(device, a, b, observe)
            }
            Self::Laplacian { sigma } => {
                Mmd::laplacian(sigma).gradient_points_observed(device, a, b, observe)
            }
        }
    }

    pub(super) fn evaluate(
        self,
        device: &Device,
        a: &Measure,
        b: &Measure,
        passes: &Passes,
    ) -> haul::Result<Discrepancy> {
        let observe = |pairs| passes.observe(pairs);
        match self {
            Self::Energy { p } => {
                let energy = haul::Energy::new().p(p);
                energy.evaluate_observed(device, a, b, observe)
            }
            Self::Gaussian { sigma } => {
                Mmd::gaussian(sigma).evaluate_observed(device, a, b, observe)
            }
            Self::Laplacian { sigma } => {
                Mmd::laplacian(sigma).evaluate_observed(device, a, b, observe)
            }
        }
    }
}
