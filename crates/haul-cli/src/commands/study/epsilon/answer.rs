//! A study of ε as an answer.

use super::page;
use super::point::{Exact, Limits, Point};
use crate::answer::{Answer, Summary};
use crate::headline::Headline;
use crate::number::{Certified, effort, short, whole};
use crate::outcome::Outcome;
use crate::page::sheet::Page;
use crate::pair::Pair;
use crate::rows::Rows;
use crate::scale::{Scale, equal_in_words};
use haul::{Bounds, Precision};
use serde::{Serialize, Serializer};
use std::fmt::Write;
use std::path::PathBuf;

/// The values at each ε, and their limits.
pub(crate) struct EpsilonAnswer {
    pub(super) pair: Pair,
    pub(super) p: f64,
    pub(super) limits: Limits,
    pub(super) points: Vec<Point>,
    pub(super) written: Vec<PathBuf>,
    pub(super) seconds: f64,
    pub(super) device: String,
    pub(super) precision: Precision,
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
    exact: Exact,
    energy: f64,
    product_cost: f64,
    points: &'r [Point],
    converged: bool,
    pairs: u64,
    seconds: f64,
    device: &'r str,
    precision: &'r str,
}

impl Serialize for EpsilonAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let keys = Keys {
            command: "study epsilon",
            a: &self.pair.a,
            b: &self.pair.b,
            n: self.pair.source().len(),
            m: self.pair.target().len(),
            d: self.pair.source().dimension(),
            p: whole(self.p),
            exact: self.limits.exact,
            energy: self.limits.energy,
            product_cost: self.limits.product_cost,
            points: &self.points,
            converged: self.converged(),
            pairs: self.pairs(),
            seconds: self.seconds,
            device: &self.device,
            precision: self.precision.name(),
        };
        keys.serialize(serializer)
    }
}

/// The heading of the table.
const COLUMNS: &str = "epsilon,blur,value,lower_bound,upper_bound,transport_cost,wasserstein_lower_bound,wasserstein_upper_bound,divergence,divergence_lower_bound,divergence_upper_bound,converged,iterations\n";

impl EpsilonAnswer {
    /// Pairs of points of all passes, those of finished results of earlier runs as well.
    pub(super) fn pairs(&self) -> u64 {
        let points = self.points.iter().map(|point| point.pairs);
        points.sum::<u64>() + self.limits.pairs
    }

    fn converged(&self) -> bool {
        self.limits.exact.proved && self.points.iter().all(|point| point.converged)
    }

    /// The file of `-o`: the limit as ε grows, each ε, and the limit as ε falls.
    pub(super) fn table(&self) -> String {
        let Limits {
            exact,
            energy,
            product_cost,
            ..
        } = &self.limits;
        let Exact {
            value,
            lower_bound: lower,
            upper_bound: upper,
            proved,
        } = exact;
        let mut text = COLUMNS.to_owned();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "inf,inf,{product_cost},{product_cost},{product_cost},{product_cost},,,{energy},{energy},{energy},true,0"
        );
        let told = |bound: Option<f64>| bound.map(|bound| bound.to_string()).unwrap_or_default();
        for point in &self.points {
            let bounds = [
                point.wasserstein_lower_bound,
                point.wasserstein_upper_bound,
                point.divergence_lower_bound,
                point.divergence_upper_bound,
                point.lower_bound,
                point.upper_bound,
            ];
            let [w_lower, w_upper, s_lower, s_upper, lower, upper] = bounds.map(told);
            let _ = writeln!(
                text,
                "{:e},{},{},{lower},{upper},{},{w_lower},{w_upper},{},{s_lower},{s_upper},{},{}",
                point.epsilon,
                point.blur,
                point.value,
                point.transport_cost,
                point.divergence,
                point.converged,
                point.iterations
            );
        }
        let _ = writeln!(
            text,
            "0,0,{value},{lower},{upper},{value},{lower},{upper},{value},{lower},{upper},{proved},0"
        );
        text
    }

    /// W_p, as `haul exact` tells it.
    pub(super) fn opening(&self) -> Headline {
        let clouds = [self.pair.source(), self.pair.target()];
        let Exact {
            value,
            lower_bound,
            upper_bound,
            ..
        } = self.limits.exact;
        let length = |cost: f64| cost.max(0.0).powf(1.0 / self.p);
        let bounds = Bounds {
            lower: length(lower_bound),
            upper: length(upper_bound),
        };
        let told = Certified::new(length(value), bounds);
        let share = Scale::of(clouds).share(length(value));
        let share = share.map(|share| format!(", {share} of the diameter"));
        Headline {
            name: "distance".to_owned(),
            beside: format!(" {}{}", told.between(), share.unwrap_or_default()),
            value: told.value,
            sentence: equal_in_words(clouds),
        }
    }

    /// The values at each ε with the digits that their bounds support, between those of both limits: blur, OT_ε, ⟨P, C⟩, S_ε.
    pub(super) fn lines(&self) -> Vec<[String; 4]> {
        let Limits {
            exact,
            energy,
            product_cost,
            ..
        } = &self.limits;
        let least = Certified::new(exact.value, exact.bounds()).value;
        let product = short(*product_cost);
        let mut lines = vec![["∞".to_owned(), product.clone(), product, short(*energy)]];
        lines.extend(self.points.iter().map(|point| {
            [
                short(point.blur),
                Certified::new(point.value, point.bounds()).value,
                short(point.transport_cost),
                Certified::new(point.divergence, point.divergence_bounds()).value,
            ]
        }));
        lines.push(["0".to_owned(), least.clone(), least.clone(), least]);
        lines
    }
}

impl Answer for EpsilonAnswer {
    fn headline(&self) -> Option<Headline> {
        Some(self.opening())
    }

    fn rows(&self) -> Rows {
        let mut rows = Rows::default();
        let columns = |[first, second, third]: [&str; 3]| format!("{first:<15}{second:<15}{third}");
        rows.row("blur", columns(["OT_ε", "⟨P, C⟩", "S_ε"]));
        for [blur, value, cost, divergence] in &self.lines() {
            rows.row(blur, columns([value, cost, divergence]));
        }
        self.pair.rows(&mut rows);
        for path in &self.written {
            rows.row("written", path.display());
        }
        rows.row("effort", effort(self.pairs(), self.seconds));
        rows.row(
            "device",
            format!("{}, {}", self.device, self.precision.name()),
        );
        rows
    }

    fn page(&self) -> Page {
        page::page(self)
    }

    fn summary(&self) -> Summary {
        Summary {
            seconds: Some(self.seconds),
            pairs: self.pairs(),
            ..Summary::default()
        }
    }

    fn warnings(&self) -> Vec<String> {
        let loose = self.points.iter().filter(|point| !point.converged).count();
        let loose = (loose > 0).then(|| {
            format!(
                "{loose} of {} solves did not converge; raise --max-iterations, --to or --tolerance",
                self.points.len()
            )
        });
        let unproved = (!self.limits.exact.proved)
            .then(|| "the exact value is not proved to 1e-9; use --precision f64".to_owned());
        loose.into_iter().chain(unproved).collect()
    }

    fn outcome(&self) -> Outcome {
        Outcome::of(self.converged())
    }
}
