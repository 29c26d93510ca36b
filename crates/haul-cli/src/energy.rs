//! `haul energy`: the energy distance or the squared maximum mean discrepancy of two files.

use crate::arguments::{Energy, Engine, KernelName};
use crate::comparison::{Compared, Comparison, Inputs};
use crate::input::{self, Given};
use crate::outcome::Outcome;
use crate::page::{self, Clouds};
use crate::progress::Passes;
use crate::{formats, report};
use anyhow::{Result, bail};
use haul::{Device, Discrepancy, Engine as _, Gradient, Measure, Mmd, Sinkhorn};
use std::path::PathBuf;

/// What is evaluated, with its parameter.
#[derive(Clone, Copy)]
pub(crate) enum Function {
    Energy { p: f64 },
    Gaussian { sigma: f64 },
    Laplacian { sigma: f64 },
}

impl Comparison for Energy {
    fn inputs(&self) -> Inputs<'_> {
        Inputs {
            a: &self.a,
            b: &self.b,
            weights: &self.weights,
            moves_a: false,
        }
    }

    fn outputs(&self) -> Vec<PathBuf> {
        let outputs = self.gradients.outputs().chain(&self.report);
        outputs.cloned().collect()
    }

    fn check(&self) -> Result<()> {
        function(self)?;
        page::check(self.report.as_deref())?;
        self.gradients.check()
    }

    fn engine(&self, source: &Measure, target: &Measure) -> Result<Engine> {
        input::named(function(self)?.check(source, target), &self.a, &self.b)?;
        Ok(self.engine.clone())
    }

    fn evaluate(&self, device: &Device, source: &Given, target: &Given) -> Result<Compared> {
        let (source, target) = (&source.measure, &target.measure);
        let function = function(self)?;
        let passes = Passes::new(self.quiet);
        let discrepancy = function.evaluate(device, source, target, &passes)?;
        if self.gradients.wanted() {
            // The weights' part came with the value; that of the points takes passes of its own.
            self.gradients.write(&Gradient {
                points: if self.gradients.gradient.is_some() {
                    function.gradient_points(device, source, target, &passes)?
                } else {
                    Vec::new()
                },
                weights: discrepancy.gradient_weights.clone(),
            })?;
        }
        drop(passes);
        let (a, b) = (self.a.to_string_lossy(), self.b.to_string_lossy());
        let clouds = Clouds {
            a: &a,
            b: &b,
            source,
            target,
            matching: None,
        };
        if let Some(path) = &self.report {
            let page = page::energy(&clouds, function, &discrepancy)?;
            formats::write_text(path, &page)?;
        }
        let Discrepancy {
            value, rounding, ..
        } = discrepancy;
        let mut warnings = Vec::new();
        if !self.quiet && value.abs() <= rounding && value != 0.0 {
            let remedy = match device.precision() {
                haul::Precision::F32 => "; use --precision f64",
                haul::Precision::F64 => "",
            };
            warnings.push(format!(
                "the value is within its rounding, {rounding:.0e}, of 0{remedy}"
            ));
        }
        Ok(Compared {
            output: if self.json {
                report::energy_line(&a, &b, function, &discrepancy)?
            } else {
                report::energy_text(&clouds, function, &discrepancy)
            },
            warnings,
            outcome: Outcome::Done,
        })
    }

    fn iteration(&self) -> Option<Sinkhorn> {
        None
    }

    fn pairs(&self, n: u64, m: u64) -> u64 {
        n * m + n * n + m * m
    }
}

/// The kernel that the options mean; an option that is none of its own is refused.
fn function(arguments: &Energy) -> Result<Function> {
    match (arguments.kernel, arguments.p, arguments.blur) {
        (KernelName::Energy, p, None) => Ok(Function::Energy {
            p: p.unwrap_or(1.0),
        }),
        (KernelName::Energy, _, Some(_)) => {
            bail!("--blur is the width of a kernel gaussian or laplacian; the energy has none")
        }
        (_, Some(_), _) => bail!("--p is the power of the energy; leave it out with this --kernel"),
        (_, _, None) => bail!("this --kernel has a width; give it with --blur"),
        (KernelName::Gaussian, _, Some(sigma)) => Ok(Function::Gaussian { sigma }),
        (KernelName::Laplacian, _, Some(sigma)) => Ok(Function::Laplacian { sigma }),
    }
}

impl Function {
    /// What its value is called, and the mean that it is made of.
    pub(crate) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Energy { .. } => ("energy", "E"),
            Self::Gaussian { .. } | Self::Laplacian { .. } => ("MMD²", "K"),
        }
    }

    /// That mean in words.
    pub(crate) fn mean(self) -> String {
        match self {
            Self::Energy { p } => format!("the mean of |x − y|^{}", report::plain(p)),
            Self::Gaussian { sigma } => {
                let width = report::short(2.0 * sigma * sigma);
                format!("the mean of exp(−|x − y|²/{width})")
            }
            Self::Laplacian { sigma } => {
                format!("the mean of exp(−|x − y|/{})", report::short(sigma))
            }
        }
    }

    fn check(self, a: &Measure, b: &Measure) -> haul::Result<()> {
        match self {
            Self::Energy { p } => haul::Energy::new().p(p).check(a, b),
            Self::Gaussian { sigma } => Mmd::gaussian(sigma).check(a, b),
            Self::Laplacian { sigma } => Mmd::laplacian(sigma).check(a, b),
        }
    }

    fn gradient_points(
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

    fn evaluate(
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
