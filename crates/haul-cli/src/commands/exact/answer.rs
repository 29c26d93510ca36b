//! An exact transport as an answer.

use super::page;
use crate::answer::{Answer, Summary};
use crate::headline::Headline;
use crate::number::{Certified, duration, error, finite, plain, short, whole};
use crate::outcome::Outcome;
use crate::page::sheet::Page;
use crate::pair::Pair;
use crate::picture::Matching;
use crate::rows::Rows;
use crate::scale::{Scale, equal_in_words};
use haul::ExactReport;
use serde::{Serialize, Serializer};
use std::path::PathBuf;

/// The value, its bounds, and what the plan is.
pub(crate) struct ExactAnswer {
    pub(super) pair: Pair,
    pub(super) report: ExactReport,
    /// The entries of the plan above 0.
    pub(super) entries: usize,
    pub(super) permutation: bool,
    /// For a page.
    pub(super) matching: Option<Matching>,
    pub(super) written: Option<PathBuf>,
}

/// The JSON object.
#[derive(Serialize)]
struct Keys<'r> {
    command: &'r str,
    a: &'r str,
    b: &'r str,
    n: usize,
    m: usize,
    d: usize,
    p: serde_json::Value,
    value: f64,
    distance: f64,
    lower_bound: f64,
    upper_bound: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<f64>,
    proved: bool,
    mass: f64,
    entries: usize,
    permutation: bool,
    rounds: usize,
    arcs: usize,
    pivots: usize,
    seconds: f64,
    #[serde(skip_serializing_if = "str::is_empty")]
    device: &'r str,
    precision: &'r str,
}

impl Serialize for ExactAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = &self.report;
        let keys = Keys {
            command: "exact",
            a: &self.pair.a,
            b: &self.pair.b,
            n: report.n,
            m: report.m,
            d: report.d,
            p: whole(report.p),
            value: report.value,
            distance: report.length(report.value),
            lower_bound: report.bounds.lower,
            upper_bound: report.bounds.upper,
            gap: finite(report.gap),
            proved: report.proved,
            mass: report.mass,
            entries: self.entries,
            permutation: self.permutation,
            rounds: report.rounds,
            arcs: report.arcs,
            pivots: report.pivots,
            seconds: report.seconds,
            device: &report.device,
            precision: report.precision.name(),
        };
        keys.serialize(serializer)
    }
}

impl ExactAnswer {
    /// The distance, and how sure it is.
    pub(super) fn opening(&self) -> Headline {
        let report = &self.report;
        let clouds = [self.pair.source(), self.pair.target()];
        let distance = report.length(report.value);
        let told = Certified::new(distance, report.distance_bounds());
        let share = Scale::of(clouds).share(distance);
        let share = share.map(|share| format!(", {share} of the diameter"));
        Headline {
            name: "distance".to_owned(),
            beside: format!(" {}{}", told.between(), share.unwrap_or_default()),
            value: told.value,
            sentence: equal_in_words(clouds),
        }
    }

    /// What the plan is.
    pub(super) fn plan(&self) -> String {
        let Self {
            entries,
            permutation,
            ..
        } = self;
        match permutation {
            true => format!("a permutation: each of the {entries} points goes to one of its own"),
            false => format!("{entries} entries"),
        }
    }

    /// How far it is proved.
    pub(super) fn proof(&self) -> String {
        let ExactReport {
            gap,
            tolerance,
            proved,
            ..
        } = self.report;
        match (proved, gap) {
            (true, _) => format!("optimal, to {} of the value", plain(tolerance)),
            (false, gap) => format!(
                "not proved: the bounds are {} of the value apart, and {} was asked for",
                error(gap),
                plain(tolerance)
            ),
        }
    }
}

impl Answer for ExactAnswer {
    fn headline(&self) -> Option<Headline> {
        Some(self.opening())
    }

    fn rows(&self) -> Rows {
        let report = &self.report;
        let mut rows = Rows::default();
        let mut row = |name: &str, value: String| rows.row(name, value);
        let told = Certified::new(report.value, report.bounds);
        row("W_p^p", format!("{} {}", told.value, told.between()));
        row("proof", self.proof());
        row("plan", self.plan());
        if let Some(path) = &self.written {
            row("written", path.display().to_string());
        }
        self.pair.rows(&mut rows);
        let mut row = |name: &str, value: String| rows.row(name, value);
        let rounds = match report.rounds {
            0 => "sorted and merged".to_owned(),
            1 => format!("1 round, {} arcs, {} pivots", report.arcs, report.pivots),
            rounds => format!(
                "{rounds} rounds, {} arcs, {} pivots",
                report.arcs, report.pivots
            ),
        };
        row(
            "effort",
            format!("{rounds} in {}", duration(report.seconds)),
        );
        if !report.device.is_empty() {
            let precision = report.precision.name();
            row("device", format!("{}, {precision}", report.device));
        }
        rows
    }

    fn page(&self) -> Page {
        page::page(self)
    }

    fn summary(&self) -> Summary {
        let report = &self.report;
        Summary {
            value: Some(report.value),
            bounds: Some((report.bounds.lower, report.bounds.upper)),
            seconds: Some(report.seconds),
            ..Summary::default()
        }
    }

    fn warnings(&self) -> Vec<String> {
        let ExactReport {
            proved,
            gap,
            precision,
            ..
        } = self.report;
        if proved {
            return Vec::new();
        }
        let remedy = match precision {
            haul::Precision::F32 => "; use --precision f64",
            haul::Precision::F64 => "",
        };
        vec![format!(
            "the bounds are {} of the value apart{remedy}",
            short(gap)
        )]
    }

    fn outcome(&self) -> Outcome {
        Outcome::of(self.report.proved)
    }
}
