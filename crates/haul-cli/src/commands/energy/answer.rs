//! An energy distance or a maximum mean discrepancy as an answer.

use super::kernel::Kernel;
use super::page;
use crate::answer::{Answer, Summary};
use crate::digits::{long, whole};
use crate::outcome::Outcome;
use crate::page::sheet::Page;
use crate::pair::Pair;
use crate::rows::{Rows, STRONG, styled};
use haul::{Discrepancy, Precision};
use serde::{Serialize, Serializer};

/// A difference of three means over pairs of points.
pub(crate) struct EnergyAnswer {
    pub(super) pair: Pair,
    pub(super) kernel: Kernel,
    pub(super) discrepancy: Discrepancy,
}

/// The JSON object. The power belongs to the energy alone, the width to
/// the other kernels.
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
    fn rows(&self) -> Rows {
        let Discrepancy {
            value,
            terms,
            rounding,
            pairs,
            seconds,
            ..
        } = &self.discrepancy;
        let (name, mean) = self.kernel.names();
        let mut rows = Rows::default();
        self.pair.rows(&mut rows);
        let mut row = |name: &str, value: String| rows.row(name, value);
        row(mean, self.kernel.mean());
        row(name, styled(STRONG, long(*value)));
        row("  give or take", format!("{rounding:.1e}, by rounding"));
        row(&format!("{mean}(a, b)"), long(terms.ab));
        row(&format!("{mean}(a, a)"), long(terms.aa));
        row(&format!("{mean}(b, b)"), long(terms.bb));
        let rate = *pairs as f64 / seconds / 1e9;
        row("effort", format!("{seconds:.3} s, {rate:.2} Gpairs/s"));
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
            "the value is within its rounding, {rounding:.0e}, of 0{remedy}"
        )]
    }

    fn outcome(&self) -> Outcome {
        Outcome::Done
    }
}
