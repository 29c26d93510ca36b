//! `haul energy`: the energy distance or the squared maximum mean discrepancy of two files.

mod answer;
mod kernel;
mod page;

use crate::input::{self, Cloud, Input};
use crate::number::plain;
use crate::options::{self, Engine, Gradients, Weights, number};
use crate::pair::Pair;
use crate::progress::Passes;
use crate::sampling::{self, PermutationTest};
use crate::task::{Delivery, Request, Task, Work};
use answer::EnergyAnswer;
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use haul::{Device, Gradient, Measure};
use haul_files as formats;
use kernel::Kernel;
use std::path::PathBuf;
use std::sync::Arc;

/// The energy distance between two clouds, or their maximum mean discrepancy: no transport
#[derive(Debug, Args)]
#[command(
    mut_arg("precision", |it| it.help("f64 runs on the CPU [default: f32]")),
    after_help = r#"energy(a, b) = E(a, b) − ½ E(a, a) − ½ E(b, b), E the mean of |x − y|^p
MMD²(a, b)   = K(a, a) + K(b, b) − 2 K(a, b), K the mean of exp(−|x − y|²/(2σ²)) or exp(−|x − y|/σ)

The sentence about sampling is a permutation test: the points of both clouds, at most 500 of each, are put
together and divided anew at random 19 times. If both are samples of one law, the value exceeds all 19 by
chance once in 20 times. The test is not made with --json or --quiet.

Example:
  haul energy a.ply b.ply --json"#
)]
pub(crate) struct Energy {
    /// The first cloud
    a: PathBuf,

    /// The second cloud
    b: PathBuf,

    #[command(flatten)]
    weights: Weights,

    /// The function of two points whose means are compared
    #[arg(long, help_heading = "Kernel", value_enum, default_value_t = KernelName::Energy)]
    kernel: KernelName,

    /// The power p of the cost |x − y|^p of the energy, above 0 and at most 2 [default: 1]
    #[arg(long, help_heading = "Kernel", allow_negative_numbers = true, value_parser = number)]
    p: Option<f64>,

    /// The width σ of a gaussian or laplacian kernel, a length
    #[arg(long, help_heading = "Kernel", value_name = "σ", allow_negative_numbers = true, value_parser = number)]
    blur: Option<f64>,

    #[command(flatten)]
    engine: Engine,

    #[command(flatten)]
    gradients: Gradients,

    /// Write a page for people: the answer, its rounding and a picture of both clouds
    #[arg(long, value_name = "F.html", help_heading = "Output")]
    report: Option<PathBuf>,

    /// Print one JSON object, with every digit
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// No progress and no warnings
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KernelName {
    /// −|x − y|^p: the energy distance
    Energy,
    /// exp(−|x − y|²/(2σ²)): a squared maximum mean discrepancy
    Gaussian,
    /// exp(−|x − y|/σ): a squared maximum mean discrepancy
    Laplacian,
}

impl Task for Energy {
    type Answer = EnergyAnswer;

    fn inputs(&self) -> Vec<Input<'_>> {
        Input::pair([&self.a, &self.b], &self.weights).into()
    }

    fn outputs(&self) -> Vec<PathBuf> {
        let outputs = self.gradients.outputs().chain(&self.report);
        outputs.cloned().collect()
    }

    fn quantity(&self) -> String {
        let name = match self.kernel {
            KernelName::Energy => "energy distance",
            KernelName::Gaussian => "MMD², gaussian",
            KernelName::Laplacian => "MMD², laplacian",
        };
        match self.p {
            Some(p) => format!("{name}, p = {}", plain(p)),
            None => name.to_owned(),
        }
    }

    fn check(&self) -> Result<()> {
        self.kernel()?;
        if let Some(path) = &self.report {
            formats::check_target(path, ".html")?;
        }
        self.gradients.check()
    }

    fn engine(&self, clouds: &[Arc<Cloud>]) -> Result<Engine> {
        self.gradients.check_points(&self.a, clouds)?;
        let [source, target] = input::two(clouds)?.map(|cloud| &cloud.measure);
        options::named(self.kernel()?.check(source, target), &self.a, &self.b)?;
        Ok(self.engine.clone())
    }

    fn work(&self, points: &[f64]) -> Work {
        Work::between_and_within(points)
    }

    fn answer(&self, device: &Device, clouds: &[Arc<Cloud>]) -> Result<EnergyAnswer> {
        let clouds = input::two(clouds)?;
        let [source, target] = clouds.map(|cloud| &cloud.measure);
        let kernel = self.kernel()?;
        let passes = Passes::new(self.quiet);
        let discrepancy = match self.gradients.wanted() {
            true => kernel.evaluate(device, source, target, &passes)?,
            false => {
                let [source, target] = [source, target].map(input::without_empty_cells);
                kernel.evaluate(device, &*source?, &*target?, &passes)?
            }
        };
        if self.gradients.wanted() {
            // The gradient in the weights came with the value; the one in the points takes further passes.
            self.gradients.write(&Gradient {
                points: if self.gradients.gradient.is_some() {
                    kernel.gradient_points(device, source, target, &passes)?
                } else {
                    Vec::new()
                },
                weights: discrepancy.gradient_weights.clone(),
            })?;
        }
        Ok(EnergyAnswer {
            pair: Pair::new([&self.a, &self.b], clouds),
            kernel,
            permutation_test: match self.is_read() {
                true => permutation_test(kernel, device, [source, target], discrepancy.value)?,
                false => None,
            },
            discrepancy,
        })
    }
}

/// The test whether sampling explains the value; `None` if masses differ, which samples do not.
fn permutation_test(
    kernel: Kernel,
    device: &Device,
    clouds: [&Measure; 2],
    value: f64,
) -> haul::Result<Option<PermutationTest>> {
    let [a, b] = clouds.map(Measure::mass);
    if (a - b).abs() > 1e-9 * a {
        return Ok(None);
    }
    let (device, passes) = (sampling::device(device), Passes::new(true));
    PermutationTest::of(clouds, value, |a, b| {
        Ok(kernel.evaluate(&device, a, b, &passes)?.value)
    })
}

impl Request for Energy {
    fn delivery(&self) -> Delivery<'_> {
        Delivery {
            json: self.json,
            quiet: self.quiet,
            page: self.report.as_deref(),
        }
    }
}

impl Energy {
    /// Whether somebody reads the answer as text or on a page, and not a program.
    fn is_read(&self) -> bool {
        !self.quiet && (!self.json || self.report.is_some())
    }

    /// The kernel that the options select; refuses options that it does not have.
    fn kernel(&self) -> Result<Kernel> {
        match (self.kernel, self.p, self.blur) {
            (KernelName::Energy, p, None) => Ok(Kernel::Energy {
                p: p.unwrap_or(1.0),
            }),
            (KernelName::Energy, _, Some(_)) => {
                bail!("--blur is the width of a kernel gaussian or laplacian; the energy has none")
            }
            (_, Some(_), _) => {
                bail!("--p is the power of the energy; leave it out with this --kernel")
            }
            (_, _, None) => bail!("this --kernel has a width; give it with --blur"),
            (KernelName::Gaussian, _, Some(sigma)) => Ok(Kernel::Gaussian { sigma }),
            (KernelName::Laplacian, _, Some(sigma)) => Ok(Kernel::Laplacian { sigma }),
        }
    }
}
