//! A motion as an answer: its matrix, how well the clouds match, and how it was found.

use super::page;
use crate::answer::{Answer, Summary};
use crate::headline::Headline;
use crate::number::{duration, error, finite, percent, short, significant};
use crate::outcome::Outcome;
use crate::page::sheet::Page;
use crate::pair::Pair;
use crate::picture::Matching;
use crate::rows::{BAD, GOOD, Rows, styled};
use crate::transport::Certificate;
use crate::transport::centres::centre;
use crate::transport::penalties::penalties;
use haul::{Family, Report, Transform};
use serde::{Serialize, Serializer};
use std::path::{Path, PathBuf};

/// A motion that brings one cloud onto another.
pub(crate) struct AlignAnswer {
    pub(super) pair: Pair,
    /// The report of the last plan.
    pub(super) report: Report,
    pub(super) transform: Transform,
    pub(super) family: Family,
    pub(super) residual: f64,
    pub(super) movement: f64,
    /// The number of points that send at least half of their mass.
    pub(super) matched: usize,
    pub(super) iterations: usize,
    pub(super) converged: bool,
    pub(super) seconds: f64,
    /// The files that were written.
    pub(super) written: Vec<PathBuf>,
    /// The moved cloud and the second one, with the plan between them, for a page.
    pub(super) on_target: Option<(Pair, Matching)>,
}

impl AlignAnswer {
    /// The motion, and whether the clouds match after it.
    pub(super) fn opening(&self) -> Headline {
        Headline {
            name: "motion".to_owned(),
            value: self.motion(),
            beside: String::new(),
            sentence: Some(self.verdict()),
        }
    }

    /// The motion in words.
    fn motion(&self) -> String {
        let transform = &self.transform;
        let turn = transform
            .angle()
            .map(|angle| format!("turned by {}°, ", short(angle.to_degrees())));
        let scale = match self.family {
            Family::Rigid => String::new(),
            Family::Similarity => format!("scaled by {}, ", short(transform.scale())),
            Family::Affine => format!(
                "volumes times {}, ",
                short(transform.scale().powi(transform.dimension() as i32))
            ),
        };
        let turn = turn
            .filter(|_| self.family != Family::Affine)
            .unwrap_or_default();
        let middle = centre(self.pair.source());
        // Of the same dimension, so that it cannot fail.
        let there = transform.apply(&middle).unwrap_or_default();
        let far = middle
            .iter()
            .zip(&there)
            .fold(0.0_f64, |far, (x, y)| far.hypot(x - y));
        format!("{turn}{scale}its middle moved by {}", short(far))
    }

    /// Whether a point lies, after the motion, as near to where the plan has it as a plan at this blur can tell.
    pub(super) fn matches(&self) -> bool {
        self.residual <= self.report.blur
    }

    /// Whether the clouds match, in words.
    fn verdict(&self) -> String {
        let (off, blur) = (short(self.residual), short(self.report.blur));
        if !self.converged {
            return format!(
                "The search has not converged: the points are {off} from their places, {} times the blur.",
                significant(self.residual / self.report.blur, 2)
            );
        }
        if self.matches() {
            return format!(
                "The clouds match: the points are {off} from their places, which is within the blur, {blur}."
            );
        }
        let wider = match self.family {
            Family::Rigid => " Give --scale or --affine to allow more than a rigid motion.",
            Family::Similarity => " Give --affine to allow more than a similarity.",
            Family::Affine => "",
        };
        let parts = match penalties(&self.report) {
            None => " Give --reach to leave out parts that have no counterpart.",
            Some(_) => "",
        };
        format!(
            "The clouds do not match: the points are {off} from their places, {} times the blur.{parts}{wider}",
            significant(self.residual / self.report.blur, 2)
        )
    }

    /// How much of the first cloud has a counterpart, if mass may be left out.
    fn share(&self) -> Option<String> {
        let penalties = penalties(&self.report)?;
        let all = self.pair.source().mass();
        let [mass, of] = [self.report.mass, all].map(short);
        let (points, share) = (self.report.n, percent(self.report.mass / all));
        Some(format!(
            "{mass} of {of} ({share}); {} of {points} points find at least half of their mass within the reach; {penalties}",
            self.matched
        ))
    }

    /// Whether the moved cloud went to standard output.
    fn is_printed(&self) -> bool {
        self.written.iter().any(|path| path == Path::new("-"))
    }

    /// The rows of the matrix.
    pub(super) fn matrix(&self) -> impl Iterator<Item = &[f64]> {
        let width = self.transform.dimension() + 1;
        self.transform.matrix().chunks(width)
    }
}

impl Answer for AlignAnswer {
    fn headline(&self) -> Option<Headline> {
        (!self.is_printed()).then(|| self.opening())
    }

    fn rows(&self) -> Rows {
        let mut rows = Rows::default();
        if self.is_printed() {
            return rows;
        }
        let report = &self.report;
        let entries: Vec<Vec<String>> = self
            .matrix()
            .map(|row| row.iter().map(|x| entry(*x)).collect())
            .collect();
        let width = entries.iter().flatten().map(String::len).max().unwrap_or(0);
        let mut name = "matrix";
        for row in &entries {
            let numbers: Vec<_> = row.iter().map(|it| format!("{it:>width$}")).collect();
            rows.row(name, numbers.join("  "));
            name = "";
        }
        rows.row(
            "residual",
            format!(
                "{}, root mean square from each point to where the plan has it",
                short(self.residual)
            ),
        );
        if let Some(share) = self.share() {
            rows.row("mass matched", share);
        }
        self.pair.rows(&mut rows);
        rows.row(
            "blur",
            format!("{}, ε = {}", short(report.blur), short(report.epsilon)),
        );
        let verdict = match self.converged {
            true => styled(GOOD, "converged"),
            false => styled(BAD, "NOT converged"),
        };
        rows.row(
            "effort",
            format!(
                "{} plans and fits, {}; {verdict}: the last moved the points by {}",
                self.iterations,
                duration(self.seconds),
                error(self.movement)
            ),
        );
        rows.row(
            "device",
            format!("{}, {}", report.device, report.precision.name()),
        );
        let written: Vec<_> = self
            .written
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        if !written.is_empty() {
            rows.row("written", written.join(", "));
        }
        rows
    }

    fn page(&self) -> Page {
        page::page(self)
    }

    fn summary(&self) -> Summary {
        Summary {
            iterations: Some(self.iterations as u64),
            seconds: Some(self.seconds),
            ..Summary::default()
        }
    }

    fn warnings(&self) -> Vec<String> {
        (!self.converged)
            .then(|| self.stuck())
            .into_iter()
            .collect()
    }

    fn outcome(&self) -> Outcome {
        Outcome::of(self.converged)
    }
}

impl AlignAnswer {
    /// Advice for a registration that did not converge.
    pub(super) fn stuck(&self) -> String {
        match self.report.converged {
            true => format!(
                "not converged: the last fit moved the points by {}, which is more than 1/200 of the blur; begin at this result with --start, or take a larger --blur",
                error(self.movement)
            ),
            false => format!(
                "not converged: the marginals of the last plan are off by {}; raise --max-iterations, --blur or --tolerance",
                error(self.report.certificate.marginal_error())
            ),
        }
    }
}

/// A matrix entry; rounding errors near 0 are removed.
fn entry(x: f64) -> String {
    match x.abs() < 1e-12 {
        true => "0".to_owned(),
        false => significant(x, 6),
    }
}

/// The JSON object of an alignment; the names of its keys are the program's contract.
#[derive(Serialize)]
struct Keys<'r> {
    command: &'static str,
    a: &'r str,
    b: &'r str,
    n: usize,
    m: usize,
    d: usize,
    family: &'static str,
    /// Rows of (d+1) numbers.
    matrix: Vec<&'r [f64]>,
    scale: f64,
    residual: f64,
    movement: f64,
    epsilon: f64,
    blur: f64,
    rho_a: Option<f64>,
    rho_b: Option<f64>,
    mass: f64,
    /// Points that send at least half of their mass.
    matched: usize,
    /// Certificate of the last plan.
    certificate: Certificate,
    converged: bool,
    iterations: usize,
    seconds: f64,
    device: &'r str,
    precision: &'static str,
}

impl Serialize for AlignAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (transform, report) = (&self.transform, &self.report);
        let keys = Keys {
            command: "align",
            a: &self.pair.a,
            b: &self.pair.b,
            n: report.n,
            m: report.m,
            d: report.d,
            family: self.family.name(),
            matrix: self.matrix().collect(),
            scale: transform.scale(),
            residual: self.residual,
            movement: self.movement,
            epsilon: report.epsilon,
            blur: report.blur,
            rho_a: finite(report.rho_a),
            rho_b: finite(report.rho_b),
            mass: report.mass,
            matched: self.matched,
            certificate: Certificate::of(report),
            converged: self.converged,
            iterations: self.iterations,
            seconds: self.seconds,
            device: &report.device,
            precision: report.precision.name(),
        };
        keys.serialize(serializer)
    }
}
