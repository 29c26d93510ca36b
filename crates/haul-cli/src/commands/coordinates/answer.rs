//! Barycentric coordinates as an answer.

use super::page;
use crate::answer::{Answer, Summary};
use crate::densities::{self, Density};
use crate::headline::Headline;
use crate::input::Cloud;
use crate::number::{Certified, duration, error, plain, short, within};
use crate::outcome::Outcome;
use crate::page::sheet::Page;
use crate::rows::Rows;
use crate::transport::text::verdict;
use haul::{BarycenterReport, Bounds, CoordinatesLoss, CoordinatesReport, Measure, Projection};
use std::path::PathBuf;
use std::sync::Arc;

/// A length, and its bounds.
pub(super) struct Distance {
    pub(super) value: f64,
    pub(super) bounds: Bounds,
}

/// The coordinates of a target.
pub(crate) struct CoordinatesAnswer {
    pub(super) target: String,
    pub(super) inputs: Vec<String>,
    /// The target, then the inputs.
    pub(super) clouds: Vec<Arc<Cloud>>,
    pub(super) written: Option<PathBuf>,
    pub(super) lambda_tolerance: f64,
    pub(super) projection: Projection,
    /// Of the average and the target; `None` where it is not known.
    pub(super) distance: Option<Distance>,
    /// The least loss before each average.
    pub(super) course: Vec<(f64, f64)>,
    pub(super) invert: bool,
}

impl CoordinatesAnswer {
    pub(super) fn report(&self) -> &CoordinatesReport {
        self.projection.report()
    }

    /// The numbers of the average.
    pub(super) fn average(&self) -> &BarycenterReport {
        self.projection.barycenter().report()
    }

    pub(super) fn density(&self) -> Density<'_> {
        Density {
            measure: self.projection.measure(),
            is_input: false,
        }
    }

    /// λ of each input, in the digits that the last step leaves certain.
    pub(super) fn lambda(&self) -> Vec<String> {
        /// Of a fit that did not converge.
        const LOOSE: f64 = 1e-2;
        let digits = match self.report().converged {
            true => self.lambda_tolerance,
            false => self.lambda_tolerance.max(LOOSE),
        };
        let lambda = self.projection.lambda().iter();
        lambda.map(|weight| within(*weight, digits)).collect()
    }

    /// The loss as a formula.
    pub(super) fn formula(&self) -> &'static str {
        match self.report().loss {
            CoordinatesLoss::L2 => "½ Σ (b − q)²",
            CoordinatesLoss::Kl => "Σ b log(b/q) − b + q",
            CoordinatesLoss::ReverseKl => "Σ q log(q/b) − q + b",
            CoordinatesLoss::TotalVariation => "½ Σ |b − q|",
            CoordinatesLoss::Wasserstein => "S_ε(b, q)",
        }
    }

    /// The largest coordinate, and what it means.
    pub(super) fn opening(&self) -> Headline {
        let lambda = self.projection.lambda().iter().enumerate();
        let (largest, _) = lambda.fold((0, 0.0), |most, (s, weight)| match *weight > most.1 {
            true => (s, *weight),
            false => most,
        });
        let inputs = &self.inputs;
        let name = inputs.get(largest).map_or("", String::as_str);
        Headline {
            name: "λ".to_owned(),
            value: self.lambda().get(largest).cloned().unwrap_or_default(),
            beside: match inputs.len() {
                1 => format!(" of {name}, the only input"),
                all => format!(" of {name}, the largest of {all} weights"),
            },
            sentence: Some(self.in_words()),
        }
    }

    /// How far the average is from the target.
    pub(super) fn in_words(&self) -> String {
        let Some(Distance { value, bounds }) = &self.distance else {
            return format!("The loss of the average is {}.", short(self.report().value));
        };
        let told = Certified::new(*value, *bounds);
        format!(
            "The average with these weights is {}{} away from the target, {}.",
            told.value,
            densities::in_cells(*value, self.projection.measure()),
            told.between().trim_matches(['(', ')'])
        )
    }

    /// The measure of the target.
    pub(super) fn measure(&self) -> Option<&Measure> {
        self.clouds.first().map(|cloud| &cloud.measure)
    }

    /// What is minimised, and how the average is computed.
    pub(super) fn method(&self) -> String {
        match self.report().iterations {
            Some(iterations) => format!("the average after {iterations} iterations from nothing"),
            None => format!(
                "the converged average, to {}",
                plain(self.average().tolerance)
            ),
        }
    }
}

impl Answer for CoordinatesAnswer {
    fn headline(&self) -> Option<Headline> {
        Some(self.opening())
    }

    fn rows(&self) -> Rows {
        let (report, average) = (self.report(), self.average());
        let mut rows = Rows::default();
        rows.row("target", &self.target);
        rows.heading("weights λ");
        for (weight, name) in self.lambda().iter().zip(&self.inputs) {
            rows.below(weight, name);
        }
        let mut row = |name: &str, value: String| rows.row(name, value);
        row(
            "loss",
            format!(
                "{} = {}, {}",
                self.formula(),
                short(report.value),
                self.method()
            ),
        );
        row(
            "gradient",
            format!(
                "{} in λ ≥ 0, where no small change of λ helps it is 0",
                error(report.gradient_norm)
            ),
        );
        row(
            "last step",
            format!(
                "{} {} in L1",
                verdict(report.converged),
                plain(self.lambda_tolerance)
            ),
        );
        row(
            "gap",
            format!(
                "{} between the bounds of the average's objective, {}",
                error(report.gap),
                short(average.objective)
            ),
        );
        let (blur, epsilon, p) = (
            short(average.blur),
            short(average.epsilon),
            average.cost.p(),
        );
        row(
            "blur",
            format!("{blur}, ε = {epsilon} for the cost |x − y|^{}", plain(p)),
        );
        row(
            "effort",
            format!(
                "{} averages, {} products, {}",
                report.evaluations,
                report.products,
                duration(report.seconds)
            ),
        );
        row(
            "device",
            format!("{}, {}", average.device, average.precision.name()),
        );
        if let Some(file) = &self.written {
            row("written", file.display().to_string());
        }
        rows
    }

    fn page(&self) -> Page {
        page::page(self)
    }

    fn summary(&self) -> Summary {
        let report = self.report();
        Summary {
            value: Some(report.value),
            bounds: None,
            iterations: Some(report.evaluations as u64),
            seconds: Some(report.seconds),
            pairs: self.average().pairs,
        }
    }

    fn warnings(&self) -> Vec<String> {
        if self.report().converged {
            return Vec::new();
        }
        vec![format!(
            "not converged: λ still moves, or the average at λ is off by {}, above the tolerance {}. Give more \
             --max-evaluations or --max-iterations, a larger --blur or a larger --lambda-tolerance",
            error(self.average().error),
            plain(self.average().tolerance)
        )]
    }

    fn outcome(&self) -> Outcome {
        Outcome::of(self.report().converged)
    }
}
