//! Flows as an answer.

use super::energy::Energy;
use super::page;
use crate::answer::{Answer, Summary};
use crate::densities::{self, Density, Layout};
use crate::headline::Headline;
use crate::input::Cloud;
use crate::number::{duration, error, plain, short};
use crate::outcome::Outcome;
use crate::page::sheet::Page;
use crate::rows::Rows;
use crate::transport::text::verdict;
use haul::{FlowKind, FlowReport, Measure};
use std::path::PathBuf;
use std::sync::Arc;

/// A density that is written.
pub(super) struct Frame {
    pub(super) measure: Measure,
    pub(super) time: f64,
    /// Whether it is the input.
    pub(super) is_start: bool,
}

impl Frame {
    pub(super) fn density(&self) -> Density<'_> {
        Density {
            measure: &self.measure,
            is_input: self.is_start,
        }
    }
}

/// The steps of a flow.
pub(crate) struct FlowAnswer {
    pub(super) input: String,
    pub(super) start: Option<Arc<Cloud>>,
    pub(super) written: Vec<PathBuf>,
    pub(super) energy: Energy,
    pub(super) potential: Option<String>,
    /// One for each step, at least one.
    pub(super) steps: Vec<FlowReport>,
    /// The last step.
    pub(super) last: FlowReport,
    pub(super) layout: Layout,
    pub(super) frames: Vec<Frame>,
    pub(super) invert: bool,
}

impl FlowAnswer {
    /// J at the end.
    pub(super) fn value(&self) -> f64 {
        self.last.internal_energy + self.last.potential_energy
    }

    pub(super) fn converged(&self) -> bool {
        self.steps.iter().all(|step| step.converged)
    }

    pub(super) fn iterations(&self) -> usize {
        self.steps.iter().map(|step| step.iterations).sum()
    }

    pub(super) fn products(&self) -> usize {
        self.steps.iter().map(|step| step.products).sum()
    }

    pub(super) fn pairs(&self) -> u64 {
        self.steps.iter().map(|step| step.pairs).sum()
    }

    pub(super) fn seconds(&self) -> f64 {
        self.steps.iter().map(|step| step.seconds).sum()
    }

    pub(super) fn largest_gap(&self) -> f64 {
        let gaps = self.steps.iter().map(gap);
        gaps.fold(0.0, f64::max)
    }

    pub(super) fn largest_error(&self) -> f64 {
        self.steps.iter().map(|step| step.error).fold(0.0, f64::max)
    }

    /// The objective of a step as a formula.
    pub(super) fn formula(&self) -> &'static str {
        match self.last.kind {
            FlowKind::Debiased => "S_ε(b, b_k) + 2τ J(b)",
            FlowKind::Reference => "OT_ε(b, b_k) + ε KL(b | m) + 2τ J(b)",
        }
    }

    /// J as a formula.
    pub(super) fn energy_formula(&self) -> String {
        let internal = self.energy.formula();
        match &self.potential {
            Some(file) => format!("{internal} + ⟨b, V⟩, V = {file}"),
            None => internal,
        }
    }

    /// The main number, and what it means.
    pub(super) fn opening(&self) -> Headline {
        let FlowReport {
            kind, step, time, ..
        } = &self.last;
        Headline {
            name: "energy".to_owned(),
            value: short(self.value()),
            beside: format!(
                " at the time {}, after {step} {}, {}, {} iterations",
                short(*time),
                if *step == 1 { "step" } else { "steps" },
                kind.name(),
                self.iterations()
            ),
            sentence: Some(self.in_words()),
        }
    }

    /// How certain the steps are.
    pub(super) fn in_words(&self) -> String {
        format!(
            "At each step, no density on these points has an objective that is lower by more than {}.",
            error(self.largest_gap())
        )
    }

    /// The points of the density in words.
    pub(super) fn place(&self) -> String {
        let last = self.frames.last();
        last.map_or_else(String::new, |frame| densities::place(&frame.measure))
    }

    /// The steps in words, with the length by which heat spreads.
    pub(super) fn motion(&self) -> String {
        let FlowReport {
            tau, cost, step, ..
        } = &self.last;
        let spread = match cost.p() {
            2.0 => format!(", in which heat spreads by {}", short((2.0 * tau).sqrt())),
            _ => String::new(),
        };
        format!("{step} × τ = {}{spread}", short(*tau))
    }
}

/// What the density of a step may be short of.
pub(super) fn gap(step: &FlowReport) -> f64 {
    (step.bounds.upper - step.bounds.lower).max(0.0)
}

impl Answer for FlowAnswer {
    fn headline(&self) -> Option<Headline> {
        Some(self.opening())
    }

    fn rows(&self) -> Rows {
        let last = &self.last;
        let mut rows = Rows::default();
        let mut row = |name: &str, value: String| rows.row(name, value);
        row("input", self.input.clone());
        row("J", self.energy_formula());
        row("density on", self.place());
        row("steps", self.motion());
        let (blur, epsilon, p) = (short(last.blur), short(last.epsilon), last.cost.p());
        row(
            "blur",
            format!("{blur}, ε = {epsilon} for the cost |x − y|^{}", plain(p)),
        );
        row(
            "marginals",
            format!(
                "off by at most {} in L1, {} {} × mass",
                error(self.largest_error()),
                verdict(self.converged()),
                plain(last.tolerance)
            ),
        );
        let (products, seconds) = (self.products(), duration(self.seconds()));
        row(
            "effort",
            format!(
                "{} iterations, {products} products, {seconds}",
                self.iterations()
            ),
        );
        row(
            "device",
            format!("{}, {}", last.device, last.precision.name()),
        );
        row("written", densities::written(&self.written));
        rows
    }

    fn page(&self) -> Page {
        page::page(self)
    }

    fn summary(&self) -> Summary {
        Summary {
            value: Some(self.value()),
            bounds: None,
            iterations: Some(self.iterations() as u64),
            seconds: Some(self.seconds()),
            pairs: self.pairs(),
        }
    }

    fn warnings(&self) -> Vec<String> {
        let loose = self.steps.iter().filter(|step| !step.converged).count();
        if loose == 0 {
            return Vec::new();
        }
        let of = match self.steps.len() {
            1 => "not converged".to_owned(),
            all => format!("{loose} of {all} steps have not converged"),
        };
        vec![format!(
            "{of}: the marginals are off by up to {}, above the tolerance {}; the bounds hold all the same. Give more \
             --max-iterations, a larger --blur or a larger --tolerance",
            error(self.largest_error()),
            plain(self.last.tolerance)
        )]
    }

    fn outcome(&self) -> Outcome {
        Outcome::of(self.converged())
    }
}
