//! `haul energy`: the energy distance or the squared maximum mean discrepancy of two files.

use crate::arguments::{Energy, KernelName};
use crate::outcome::{self, Outcome};
use crate::{device, input, report};
use anyhow::{Result, bail};
use haul::{Device, Discrepancy, Gradient, Measure, Mmd};

/// What is evaluated, with its parameter.
#[derive(Clone, Copy)]
pub(crate) enum Compared {
    Energy { p: f64 },
    Gaussian { sigma: f64 },
    Laplacian { sigma: f64 },
}

pub(crate) fn run(arguments: &Energy) -> Result<Outcome> {
    let Energy {
        a,
        b,
        gradients,
        weights,
        engine,
        json,
        quiet,
        ..
    } = arguments;
    let compared = compared(arguments)?;
    gradients.check()?;
    let (source, target) = input::measures(a, b, weights)?;
    input::named(compared.check(&source, &target), a, b)?;
    let device = device::open(engine)?;
    let discrepancy = compared.evaluate(&device, &source, &target)?;
    if gradients.wanted() {
        // The weights' part came with the value; that of the points takes passes of its own.
        gradients.write(&Gradient {
            points: if gradients.gradient.is_some() {
                compared.gradient_points(&device, &source, &target)?
            } else {
                Vec::new()
            },
            weights: discrepancy.gradient_weights.clone(),
        })?;
    }
    let names = (a.to_string_lossy(), b.to_string_lossy());
    outcome::print(&if *json {
        report::energy_line(&names.0, &names.1, compared, &discrepancy)?
    } else {
        report::energy_text(&names.0, &names.1, compared, &discrepancy)
    })?;
    if !quiet && discrepancy.value.abs() <= discrepancy.rounding && discrepancy.value != 0.0 {
        outcome::warn(&format!(
            "the value is within its rounding, {:.0e}, of 0; use --precision f64",
            discrepancy.rounding
        ));
    }
    Ok(Outcome::Done)
}

/// The kernel that the options mean; an option that is none of its own is refused.
fn compared(arguments: &Energy) -> Result<Compared> {
    match (arguments.kernel, arguments.p, arguments.blur) {
        (KernelName::Energy, p, None) => Ok(Compared::Energy {
            p: p.unwrap_or(1.0),
        }),
        (KernelName::Energy, _, Some(_)) => {
            bail!("--blur is the width of a kernel gaussian or laplacian; the energy has none")
        }
        (_, Some(_), _) => bail!("--p is the power of the energy; leave it out with this --kernel"),
        (_, _, None) => bail!("this --kernel has a width; give it with --blur"),
        (KernelName::Gaussian, _, Some(sigma)) => Ok(Compared::Gaussian { sigma }),
        (KernelName::Laplacian, _, Some(sigma)) => Ok(Compared::Laplacian { sigma }),
    }
}

impl Compared {
    fn check(self, a: &Measure, b: &Measure) -> haul::Result<()> {
        match self {
            Self::Energy { p } => haul::Energy::new().p(p).check(a, b),
            Self::Gaussian { sigma } => Mmd::gaussian(sigma).check(a, b),
            Self::Laplacian { sigma } => Mmd::laplacian(sigma).check(a, b),
        }
    }

    fn gradient_points(self, device: &Device, a: &Measure, b: &Measure) -> haul::Result<Vec<f64>> {
        match self {
            Self::Energy { p } => haul::Energy::new().p(p).gradient_points(device, a, b),
            Self::Gaussian { sigma } => Mmd::gaussian(sigma).gradient_points(device, a, b),
            Self::Laplacian { sigma } => Mmd::laplacian(sigma).gradient_points(device, a, b),
        }
    }

    fn evaluate(self, device: &Device, a: &Measure, b: &Measure) -> haul::Result<Discrepancy> {
        match self {
            Self::Energy { p } => haul::Energy::new().p(p).evaluate(device, a, b),
            Self::Gaussian { sigma } => Mmd::gaussian(sigma).evaluate(device, a, b),
            Self::Laplacian { sigma } => Mmd::laplacian(sigma).evaluate(device, a, b),
        }
    }
}
