//! An energy distance or a maximum mean discrepancy as an answer.

use super::kernel::Kernel;
use super::page;
use crate::answer::{Answer, Summary};
use crate::headline::Headline;
use crate::input::on_grid;
use crate::number::{Certified, effort, error, significant, whole};
use crate::outcome::Outcome;
use crate::page::sheet::Page;
use crate::pair::Pair;
use crate::rows::Rows;
use crate::scale::{FAR, FEW, NEAR};
use haul::{Bounds, Discrepancy, Measure, Precision};
use serde::{Serialize, Serializer};

/// A difference of three means over pairs of points.
pub(crate) struct EnergyAnswer {
    pub(super) pair: Pair,
    pub(super) kernel: Kernel,
    pub(super) discrepancy: Discrepancy,
}

impl EnergyAnswer {
    /// The value, and how it compares with the effect of sampling.
    pub(super) fn opening(&self) -> Headline {
        let value = self.discrepancy.value;
        let (name, _) = self.kernel.names();
        let told = Certified::new(value, self.bounds());
        Headline {
            name: name.to_owned(),
            beside: format!(" {}", told.between()),
            value: told.value,
            sentence: self.beside_samples(),
        }
    }

    /// Rounding leaves the value between these; it is not negative.
    pub(super) fn bounds(&self) -> Bounds {
        let Bounds { lower, upper } = around(self.discrepancy.value, self.discrepancy.rounding);
        Bounds {
            lower: lower.max(0.0),
            upper: upper.max(0.0),
        }
    }

    /// A sentence that compares the value with that of two samples of one cloud.
    fn beside_samples(&self) -> Option<String> {
        let expected = self.between_samples()?;
        let Bounds { lower, upper } = self.bounds();
        let of = format!(
            "what two samples of one cloud differ by on average ({})",
            significant(expected, 2)
        );
        Some(if upper <= expected {
            format!("It is below {of}: sampling alone may explain it.")
        } else if upper <= NEAR * expected {
            format!("It is about {of}: sampling alone may explain it.")
        } else if lower >= FAR * expected {
            format!("It is far above {of}.")
        } else {
            let times = significant(self.discrepancy.value / expected, 2);
            format!("It is {times} times {of}.")
        })
    }

    /// [`between_samples`] of these clouds; `None` if their masses differ, or if one is too small to be a sample.
    fn between_samples(&self) -> Option<f64> {
        let clouds = [self.pair.source(), self.pair.target()];
        let [a, b] = clouds.map(Measure::mass);
        // Masses on a grid are no sample.
        let samples = clouds
            .iter()
            .all(|cloud| cloud.len() >= FEW && on_grid(cloud).is_none());
        if !samples || (a - b).abs() > 1e-9 * a {
            return None;
        }
        let squares = clouds.map(|cloud| cloud.weights().iter().map(|w| w * w).sum());
        let terms = self.discrepancy.terms;
        let expected = between_samples(self.kernel, a, squares, [terms.aa, terms.bb]);
        (expected.is_finite() && expected > 0.0).then_some(expected)
    }
}

/// The mean value between two independent samples of one distribution, with the weights a and b of two clouds of mass m. With
/// k for −½|x − y|^p or a kernel, and μ its mean over independent points,
///
/// ```text
/// E Σᵢⱼ aᵢ aⱼ k(xᵢ, xⱼ) = Σᵢ aᵢ² k(x, x) + (m² − Σᵢ aᵢ²) μ
/// ```
///
/// so the difference of the three means has the expectation (Σ a² + Σ b²)(k(x, x) − μ). μ is estimated without bias
/// from the terms of both clouds with themselves.
fn between_samples(kernel: Kernel, mass: f64, squares: [f64; 2], own: [f64; 2]) -> f64 {
    // k(x, x), and the factor that turns the terms into sums of k.
    let (diagonal, factor) = match kernel {
        Kernel::Energy { .. } => (0.0, -0.5),
        Kernel::Gaussian { .. } | Kernel::Laplacian { .. } => (1.0, 1.0),
    };
    let mean = |of: usize| {
        let apart = mass * mass - squares[of];
        (factor * own[of] - diagonal * squares[of]) / apart
    };
    (squares[0] + squares[1]) * (diagonal - 0.5 * (mean(0) + mean(1)))
}

/// The bounds of a value with this rounding error.
fn around(value: f64, rounding: f64) -> Bounds {
    Bounds {
        lower: value - rounding,
        upper: value + rounding,
    }
}

/// The JSON object. Only the energy has a power, only the other kernels have a width.
#[derive(Serialize)]
struct Keys<'r> {
    command: &'r str,
    a: &'r str,
    b: &'r str,
    n: usize,
    m: usize,
    d: usize,
    kernel: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blur: Option<f64>,
    value: f64,
    terms: Pairings,
    rounding: f64,
    pairs: u64,
    seconds: f64,
    device: &'r str,
    precision: &'r str,
}

#[derive(Serialize)]
struct Pairings {
    ab: f64,
    aa: f64,
    bb: f64,
}

impl Serialize for EnergyAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            pair,
            kernel,
            discrepancy,
        } = self;
        let haul::Pairings { ab, aa, bb } = discrepancy.terms;
        let (kernel, p, blur) = match *kernel {
            Kernel::Energy { p } => ("energy", Some(whole(p)), None),
            Kernel::Gaussian { sigma } => ("gaussian", None, Some(sigma)),
            Kernel::Laplacian { sigma } => ("laplacian", None, Some(sigma)),
        };
        let keys = Keys {
            command: "energy",
            a: &pair.a,
            b: &pair.b,
            n: discrepancy.n,
            m: discrepancy.m,
            d: discrepancy.d,
            kernel,
            p,
            blur,
            value: discrepancy.value,
            terms: Pairings { ab, aa, bb },
            rounding: discrepancy.rounding,
            pairs: discrepancy.pairs,
            seconds: discrepancy.seconds,
            device: &discrepancy.device,
            precision: discrepancy.precision.name(),
        };
        keys.serialize(serializer)
    }
}

impl Answer for EnergyAnswer {
    fn headline(&self) -> Option<Headline> {
        Some(self.opening())
    }

    fn rows(&self) -> Rows {
        let Discrepancy {
            terms,
            rounding,
            pairs,
            seconds,
            ..
        } = self.discrepancy;
        let (_, mean) = self.kernel.names();
        let mut rows = Rows::default();
        let mut row = |name: &str, value: String| rows.row(name, value);
        row(mean, self.kernel.mean());
        for (of, value) in [
            ("(a, b)", terms.ab),
            ("(a, a)", terms.aa),
            ("(b, b)", terms.bb),
        ] {
            let told = Certified::new(value, around(value, rounding));
            row(&format!("{mean}{of}"), told.value);
        }
        self.pair.rows(&mut rows);
        let mut row = |name: &str, value: String| rows.row(name, value);
        row("effort", effort(pairs, seconds));
        row(
            "device",
            format!(
                "{}, {}",
                self.discrepancy.device,
                self.discrepancy.precision.name()
            ),
        );
        rows
    }

    fn page(&self) -> Page {
        page::page(self)
    }

    fn summary(&self) -> Summary {
        Summary {
            value: Some(self.discrepancy.value),
            seconds: Some(self.discrepancy.seconds),
            pairs: self.discrepancy.pairs,
            ..Summary::default()
        }
    }

    fn warnings(&self) -> Vec<String> {
        let Discrepancy {
            value,
            rounding,
            precision,
            ..
        } = self.discrepancy;
        if value.abs() > rounding || value == 0.0 {
            return Vec::new();
        }
        let remedy = match precision {
            Precision::F32 => "; use --precision f64",
            Precision::F64 => "",
        };
        vec![format!(
            "the value is within its rounding, {}, of 0{remedy}",
            error(rounding)
        )]
    }

    fn outcome(&self) -> Outcome {
        Outcome::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean value over all pairs of samples, each of two points of a distribution on three places, and the mean
    /// of the estimate from each.
    fn means(kernel: Kernel, squares: [f64; 2]) -> [f64; 2] {
        let places = [0.0, 1.0, 3.0_f64];
        let k = |x: f64, y: f64| match kernel {
            Kernel::Energy { p } => (x - y).abs().powf(p),
            Kernel::Gaussian { sigma } => (-((x - y) / sigma).powi(2) / 2.0).exp(),
            Kernel::Laplacian { sigma } => (-(x - y).abs() / sigma).exp(),
        };
        let mean = |x: [f64; 2], y: [f64; 2]| {
            let pairs = x.iter().flat_map(|x| y.iter().map(|y| k(*x, *y)));
            pairs.sum::<f64>() / 4.0
        };
        let samples: Vec<_> = places
            .iter()
            .flat_map(|x| places.iter().map(|y| [*x, *y]))
            .collect();
        let (mut value, mut expected) = (0.0, 0.0);
        for x in &samples {
            for y in &samples {
                let [ab, aa, bb] = [mean(*x, *y), mean(*x, *x), mean(*y, *y)];
                value += match kernel {
                    Kernel::Energy { .. } => ab - 0.5 * (aa + bb),
                    _ => aa + bb - 2.0 * ab,
                };
                expected += between_samples(kernel, 1.0, squares, [aa, bb]);
            }
        }
        [value, expected].map(|sum| sum / 81.0)
    }

    #[test]
    fn what_two_samples_differ_by_on_average_is_the_mean_over_all_samples() {
        for kernel in [
            Kernel::Energy { p: 1.0 },
            Kernel::Energy { p: 1.5 },
            Kernel::Gaussian { sigma: 1.0 },
            Kernel::Laplacian { sigma: 2.0 },
        ] {
            // Two points of weight ½ in each.
            let [value, expected] = means(kernel, [0.5; 2]);
            assert!(
                (value - expected).abs() < 1e-14,
                "{value} is not {expected}"
            );
            // Samples of three points differ by less.
            let [value, other] = means(kernel, [1.0 / 3.0; 2]);
            assert!((value - other).abs() > 0.01 * value, "{value}, {other}");
        }
    }
}
