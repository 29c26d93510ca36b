//! Dictionaries as an answer.

use super::data::Data;
use super::fit::{Learned, Model};
use super::page;
use crate::answer::{Answer, Summary};
use crate::densities::{Density, Layout, place};
use crate::headline::Headline;
use crate::input::on_grid;
use crate::number::{Certified, duration, error, percent, plain, short};
use crate::outcome::Outcome;
use crate::page::sheet::Page;
use crate::raster::Raster;
use crate::rows::Rows;
use crate::transport::text::verdict;
use anyhow::Result;
use haul::{BarycenterKind, CoordinatesLoss, Measure};
use std::path::PathBuf;
use std::sync::Arc;

/// The words of a topic.
const WORDS: usize = 10;

/// An error of the marginals at which the loss says little.
const LOOSE: f64 = 0.1;

/// A dictionary of some histograms.
pub(crate) struct DictionaryAnswer {
    pub(super) data: Vec<String>,
    pub(super) output: PathBuf,
    pub(super) histograms: Arc<Data>,
    pub(super) learned: Learned,
    pub(super) invert: bool,
}

impl DictionaryAnswer {
    /// The number of atoms.
    pub(super) fn count(&self) -> usize {
        self.learned.atoms.len() / self.histograms.support.len().max(1)
    }

    /// The atoms as measures.
    pub(super) fn atoms(&self) -> Result<Vec<Measure>> {
        let support = &self.histograms.support;
        let atoms = self.learned.atoms.chunks_exact(support.len());
        let measure = |atom: &[f64]| Ok(support.clone().with_weights(atom)?);
        atoms.map(measure).collect()
    }

    /// The atoms in one picture, in the greys of the data; `None` if their bins are no pixels.
    pub(super) fn picture(&self) -> Result<Option<Raster>> {
        if on_grid(&self.histograms.support).is_none() {
            return Ok(None);
        }
        let atoms = self.atoms()?;
        let computed = |measure| Density {
            measure,
            is_input: false,
        };
        let densities: Vec<_> = atoms.iter().map(computed).collect();
        let picture = Layout::row(atoms.len()).picture(&densities);
        Ok(picture.map(|picture| self.shown(picture)))
    }

    /// A picture in the greys of the data.
    pub(super) fn shown(&self, picture: Raster) -> Raster {
        match self.invert {
            true => picture.inverted(),
            false => picture,
        }
    }

    /// The heaviest words of each atom.
    pub(super) fn topics(&self) -> Option<Vec<Vec<&str>>> {
        let words = self.histograms.words.as_ref()?;
        let atoms = self
            .learned
            .atoms
            .chunks_exact(self.histograms.support.len());
        let topic = |atom: &[f64]| {
            let mut order: Vec<usize> = (0..atom.len()).collect();
            order.sort_by(|i, j| atom[*j].total_cmp(&atom[*i]));
            let first = order.into_iter().take(WORDS);
            first
                .filter_map(|i| words.get(i).map(String::as_str))
                .collect()
        };
        Some(atoms.map(topic).collect())
    }

    /// The mean weight of each atom.
    pub(super) fn shares(&self) -> Vec<f64> {
        let mut shares = vec![0.0; self.count()];
        let rows = self.learned.weights.chunks_exact(shares.len().max(1));
        let part = 1.0 / self.learned.errors.len().max(1) as f64;
        for row in rows {
            shares
                .iter_mut()
                .zip(row)
                .for_each(|(sum, weight)| *sum += part * weight);
        }
        shares
    }

    /// The largest loss, and the index of its histogram.
    pub(super) fn worst(&self) -> (usize, f64) {
        let errors = self.learned.errors.iter().copied().enumerate();
        errors.fold((0, 0.0), |most, error| match error.1 > most.1 {
            true => error,
            false => most,
        })
    }

    /// The mean loss.
    pub(super) fn mean(&self) -> f64 {
        self.learned.objective / self.learned.errors.len().max(1) as f64
    }

    /// The loss as a formula.
    pub(super) fn formula(&self) -> &'static str {
        match self.learned.model {
            Model::Linear(BarycenterKind::Debiased) => "S_ε(Σ λ_k a_k, b)",
            Model::Linear(BarycenterKind::Plain) => "OT_ε(Σ λ_k a_k, b) + ε KL(Σ λ_k a_k | m)",
            Model::Linear(BarycenterKind::Product) => "OT_ε(Σ λ_k a_k, b)",
            Model::Barycentric(loss, _) => match loss {
                CoordinatesLoss::L2 => "½ Σ (b(λ) − b)²",
                CoordinatesLoss::Kl => "Σ b(λ) log(b(λ)/b) − b(λ) + b",
                CoordinatesLoss::ReverseKl => "Σ b log(b/b(λ)) − b + b(λ)",
                CoordinatesLoss::TotalVariation => "½ Σ |b(λ) − b|",
                CoordinatesLoss::Wasserstein => "S_ε(b(λ), b)",
            },
        }
    }

    /// Whether the mixture is a sum of the atoms.
    pub(super) fn is_linear(&self) -> bool {
        matches!(self.learned.model, Model::Linear(_))
    }

    /// The main number, and what it means.
    pub(super) fn opening(&self) -> Headline {
        let learned = &self.learned;
        let count = learned.errors.len() as f64;
        let (value, between) = match learned.bounds {
            None => (short(self.mean()), String::new()),
            Some(bounds) => {
                let told = Certified::new(
                    self.mean(),
                    haul::Bounds {
                        lower: bounds.lower / count,
                        upper: bounds.upper / count,
                    },
                );
                (told.value.clone(), format!(" {}", told.between()))
            }
        };
        Headline {
            name: "loss".to_owned(),
            value,
            beside: format!(
                "{between} a histogram, the mean of {}, with {} atoms after {} steps",
                learned.errors.len(),
                self.count(),
                learned.steps
            ),
            sentence: Some(self.in_words()),
        }
    }

    /// What an error of the marginals leaves in doubt, if it is so large that the losses and their slopes say little.
    fn doubt(&self) -> Option<String> {
        let off = self.learned.error.filter(|off| *off > LOOSE)?;
        let remedy = match self.learned.bounds {
            None => "take a larger --blur, or --bounded for bounds of it",
            Some(_) => "its bounds hold all the same",
        };
        Some(format!(
            "marginals are off by up to {} in L1, so that the loss may be far from this one; {remedy}",
            error(off)
        ))
    }

    /// What is known about the fit.
    pub(super) fn in_words(&self) -> String {
        let learned = &self.learned;
        let count = learned.errors.len() as f64;
        if let Some(doubt) = self.doubt() {
            return format!("The {doubt}.");
        }
        match learned.gaps {
            Some([weights, atoms]) => format!(
                "Up to the error of the marginals, {} in L1, other weights for these atoms can lower it by at most {} a histogram, and \
                 other atoms with these weights by at most {}.",
                error(learned.error.unwrap_or(0.0)),
                error((weights / count).max(0.0)),
                error((atoms / count).max(0.0))
            ),
            None => "No small change of the atoms and the weights lowers it by much; other atoms may be better."
                .to_owned(),
        }
    }

    /// The bins in words.
    pub(super) fn place(&self) -> String {
        place(&self.histograms.support)
    }
}

impl Answer for DictionaryAnswer {
    fn headline(&self) -> Option<Headline> {
        Some(self.opening())
    }

    fn rows(&self) -> Rows {
        let learned = &self.learned;
        let mut rows = Rows::default();
        rows.row("data", self.data.join(", "));
        rows.row("bins", self.place());
        rows.row("loss of each", self.formula());
        let (at, worst) = self.worst();
        let largest = format!("at most {}, of {}", short(worst), self.histograms.name(at));
        rows.row("errors", largest);
        if let Some(off) = learned.error {
            rows.row(
                "marginals",
                format!(
                    "off by at most {} in L1, and the loss with them",
                    error(off)
                ),
            );
        }
        rows.heading("atoms, with their mean weight");
        let topics = self.topics();
        for (k, share) in self.shares().into_iter().enumerate() {
            let words = topics.as_ref().and_then(|topics| topics.get(k));
            let words = words.map_or(String::new(), |words| format!("  {}", words.join(" ")));
            rows.below(&format!("{k}"), format!("{:>4}{words}", percent(share)));
        }
        let (blur, epsilon) = (short(learned.blur), short(learned.epsilon));
        rows.row(
            "blur",
            format!(
                "{blur}, ε = {epsilon} for the cost |x − y|^{}",
                plain(learned.p)
            ),
        );
        rows.row(
            "steps",
            format!(
                "{}, {} {}",
                learned.steps,
                verdict(learned.converged),
                plain(learned.tolerance)
            ),
        );
        rows.row(
            "effort",
            format!(
                "{} products, {}",
                learned.products,
                duration(learned.seconds)
            ),
        );
        rows.row(
            "device",
            format!("{}, {}", learned.device, learned.precision.name()),
        );
        rows.row("written", format!("{}/", self.output.display()));
        rows
    }

    fn page(&self) -> Page {
        page::page(self)
    }

    fn summary(&self) -> Summary {
        Summary {
            value: Some(self.learned.objective),
            bounds: self
                .learned
                .bounds
                .map(|bounds| (bounds.lower, bounds.upper)),
            iterations: Some(self.learned.steps as u64),
            seconds: Some(self.learned.seconds),
            pairs: 0,
        }
    }

    fn warnings(&self) -> Vec<String> {
        let doubt = self.doubt().map(|doubt| format!("the {doubt}"));
        let mut warnings: Vec<_> = doubt.into_iter().collect();
        if self.learned.converged {
            return warnings;
        }
        let advice = match self.is_linear() {
            true => "with --resume and more --max-steps it goes on",
            false => "give more --max-steps, or a larger --tolerance",
        };
        warnings.push(format!(
            "not converged after {} steps: the objective still falls; {advice}",
            self.learned.steps
        ));
        warnings
    }

    fn outcome(&self) -> Outcome {
        Outcome::of(self.learned.converged)
    }
}
