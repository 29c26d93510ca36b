//! An energy distance or a maximum mean discrepancy as an answer.

use super::kernel::Kernel;
use super::page;
use crate::answer::{Answer, Summary};
use crate::headline::Headline;
use crate::number::{Certified, effort, error, whole};
use crate::outcome::Outcome;
use crate::page::sheet::Page;
use crate::pair::Pair;
use crate::rows::Rows;
use crate::sampling::PermutationTest;
use crate::scale::equal_in_words;
use haul::{Bounds, Discrepancy, Precision};
use serde::{Serialize, Serializer};

/// A difference of three means over pairs of points.
pub(crate) struct EnergyAnswer {
    pub(super) pair: Pair,
    pub(super) kernel: Kernel,
    pub(super) discrepancy: Discrepancy,
    /// The test whether sampling explains the value.
    pub(super) permutation_test: Option<PermutationTest>,
}

impl EnergyAnswer {
    /// The value, and whether sampling explains it.
    pub(super) fn opening(&self) -> Headline {
        let value = self.discrepancy.value;
        let (name, _) = self.kernel.names();
        let told = Certified::new(value, self.bounds());
        Headline {
            name: name.to_owned(),
            beside: format!(" {}", told.between()),
            value: told.value,
            sentence: equal_in_words([self.pair.source(), self.pair.target()]).or(self
                .permutation_test
                .map(|test| test.sentence(|value| value))),
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
            ..
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
