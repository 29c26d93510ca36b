//! A divergence as an answer: its value and its three solves.

use super::page;
use crate::answer::{Answer, Summary};
use crate::headline::Headline;
use crate::input::on_grid;
use crate::number::{Certified, effort, error, finite, plain, whole};
use crate::outcome::Outcome;
use crate::page::certificate::TERMS;
use crate::page::sheet::Page;
use crate::pair::Pair;
use crate::picture::Matching;
use crate::rows::Rows;
use crate::sampling::PermutationTest;
use crate::scale::{Scale, equal_in_words};
use crate::transport::centres;
use crate::transport::text::{self, aim, mass_moved, problem, root_of, verdict};
use crate::transport::{self, ExactCost, Json};
use haul::{Bounds, Engine, Progress, Report, Terms};
use serde::{Serialize, Serializer};

/// S_ε between two clouds.
pub(crate) struct DivergenceAnswer {
    pub(super) pair: Pair,
    pub(super) value: f64,
    pub(super) bounds: Bounds,
    pub(super) distance: Option<f64>,
    pub(super) distance_bounds: Option<Bounds>,
    pub(super) converged: bool,
    /// The solves between both clouds, of the first cloud with itself, and of the second with itself.
    pub(super) terms: [Report; 3],
    /// The progress of their iterations, one after the other.
    pub(super) course: Vec<Progress>,
    /// W_p^p, if it was asked for.
    pub(super) exact: Option<ExactCost>,
    /// How the plan between both clouds matches them, for a page.
    pub(super) matching: Option<Matching>,
    /// The test whether sampling explains the value.
    pub(super) permutation_test: Option<PermutationTest>,
    /// What was written beside the answer: what it is, and in words how exact.
    pub(super) written: Option<String>,
}

impl DivergenceAnswer {
    pub(super) fn new<E: Engine>(pair: Pair, terms: &Terms<E>) -> Self {
        Self {
            pair,
            value: terms.value(),
            bounds: Bounds {
                lower: terms.lower_bound(),
                upper: terms.upper_bound(),
            },
            distance: terms.distance(),
            distance_bounds: terms.distance_bounds(),
            converged: terms.converged(),
            terms: [&terms.ab, &terms.aa, &terms.bb].map(|term| term.report().clone()),
            course: Vec::new(),
            exact: None,
            matching: None,
            permutation_test: None,
            written: None,
        }
    }

    /// The largest marginal error that rounding alone may cause, over all solves.
    pub(super) fn precision_floor(&self) -> f64 {
        let floors = self.terms.iter();
        let floors = floors.map(|term| term.certificate.precision_floor);
        floors.fold(0.0, f64::max)
    }

    pub(super) fn iterations(&self) -> usize {
        self.terms.iter().map(|term| term.iterations).sum()
    }

    pub(super) fn softmin_passes(&self) -> usize {
        self.terms.iter().map(|term| term.softmin_passes).sum()
    }

    pub(super) fn pairs(&self) -> u64 {
        self.terms.iter().map(|term| term.pairs).sum()
    }

    pub(super) fn seconds(&self) -> f64 {
        self.terms.iter().map(|term| term.seconds).sum()
    }
}

/// The largest error of the marginals of some solves.
pub(super) fn marginal_error(terms: [&Report; 3]) -> f64 {
    let errors = terms.map(|term| term.certificate.marginal_error());
    errors.into_iter().fold(0.0, f64::max)
}

impl DivergenceAnswer {
    /// The ε of all terms.
    pub(super) fn epsilon(&self) -> f64 {
        self.terms[0].epsilon
    }

    /// S_ε.
    fn divergence(&self) -> Headline {
        text::certified("S_ε", self.value, self.bounds, self.converged)
    }

    /// The distance in the units of the points; S_ε for unbalanced transport, which has no distance.
    pub(super) fn opening(&self) -> Headline {
        let (Some(distance), Some(bounds)) = (self.distance, self.distance_bounds) else {
            return self.divergence();
        };
        let (source, target) = (self.pair.source(), self.pair.target());
        let told = Certified::new(distance, bounds);
        let scale = Scale::of([source, target]);
        let share = scale.share(distance);
        let share = share.map(|share| format!(", {share} of the diameter"));
        let (p, mass) = (self.terms[0].cost.p(), source.mass());
        let root = root_of("S_ε", p, mass);
        let length = |value: f64| (value.max(0.0) / mass).powf(1.0 / p);
        let tested = self.permutation_test.map(|test| test.sentence(length));
        Headline {
            name: "distance".to_owned(),
            beside: format!(" = {root} {}{}", told.between(), share.unwrap_or_default()),
            value: told.value,
            sentence: equal_in_words([source, target]).or(tested),
        }
    }
}

impl DivergenceAnswer {
    /// A hint where the clouds differ by little but their places, and not by chance. For p = 2 and equal masses, S_ε is
    /// the square of the distance between the centres, for each unit of mass, and S_ε of the centred clouds.
    pub(super) fn hint(&self) -> Option<String> {
        let [ab, ..] = &self.terms;
        self.distance.filter(|_| ab.cost.p() == 2.0)?;
        if self.permutation_test.is_some_and(|test| test.is_chance()) {
            return None;
        }
        let clouds = [self.pair.source(), self.pair.target()];
        if clouds.into_iter().any(|cloud| on_grid(cloud).is_some()) {
            // Cells do not move.
            return None;
        }
        let apart = centres::apart(clouds);
        centres::hint(apart, self.value / clouds[0].mass(), "S_ε")
    }
}

/// The JSON object: the settings that the terms share, their sum, and each term.
#[derive(Serialize)]
struct Keys<'r> {
    command: &'static str,
    a: &'r str,
    b: &'r str,
    n: usize,
    m: usize,
    d: usize,
    p: serde_json::Value,
    epsilon: f64,
    blur: f64,
    rho_a: Option<f64>,
    rho_b: Option<f64>,
    value: f64,
    certificate: Certificate,
    converged: bool,
    iterations: usize,
    softmin_passes: usize,
    pairs: u64,
    seconds: f64,
    device: &'r str,
    precision: &'r str,
    terms: TermKeys<'r>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exact: Option<ExactCost>,
    #[serde(skip_serializing_if = "Option::is_none")]
    distance: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    distance_bounds: Option<DistanceBounds>,
}

#[derive(Serialize)]
struct DistanceBounds {
    lower: f64,
    upper: f64,
}

#[derive(Serialize)]
struct Certificate {
    lower_bound: f64,
    upper_bound: f64,
    gap: f64,
    precision_floor: f64,
}

#[derive(Serialize)]
struct TermKeys<'r> {
    ab: Json<'r>,
    aa: Json<'r>,
    bb: Json<'r>,
}

impl Serialize for DivergenceAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [ab, aa, bb] = &self.terms;
        let Pair { a, b, .. } = &self.pair;
        let Bounds { lower, upper } = self.bounds;
        let keys = Keys {
            command: "divergence",
            a,
            b,
            n: ab.n,
            m: ab.m,
            d: ab.d,
            p: whole(ab.cost.p()),
            epsilon: ab.epsilon,
            blur: ab.blur,
            rho_a: finite(ab.rho_a),
            rho_b: finite(ab.rho_b),
            value: self.value,
            certificate: Certificate {
                lower_bound: lower,
                upper_bound: upper,
                gap: upper - lower,
                precision_floor: self.precision_floor(),
            },
            converged: self.converged,
            iterations: self.iterations(),
            softmin_passes: self.softmin_passes(),
            pairs: self.pairs(),
            seconds: self.seconds(),
            device: &ab.device,
            precision: ab.precision.name(),
            terms: TermKeys {
                ab: Json::new("sinkhorn", a, b, ab),
                aa: Json::new("sinkhorn", a, a, aa),
                bb: Json::new("sinkhorn", b, b, bb),
            },
            exact: self.exact,
            distance: self.distance,
            distance_bounds: self
                .distance_bounds
                .map(|Bounds { lower, upper }| DistanceBounds { lower, upper }),
        };
        keys.serialize(serializer)
    }
}

impl Answer for DivergenceAnswer {
    fn headline(&self) -> Option<Headline> {
        Some(self.opening())
    }

    fn rows(&self) -> Rows {
        let [ab, aa, bb] = &self.terms;
        let mut rows = match self.distance {
            Some(_) => self.divergence(),
            None => mass_moved(&self.pair, ab),
        }
        .rows();
        let mut row = |name: &str, value: String| rows.row(name, value);
        for (name, term) in TERMS.into_iter().zip(&self.terms) {
            let told = Certified::new(term.value, text::bounds(term));
            row(name, told.value);
        }
        if let Some(exact) = &self.exact {
            rows.row("exact", exact.in_words());
        }
        if let Some(hint) = self.hint() {
            rows.row("centres", hint);
        }
        problem(&mut rows, &self.pair, ab);
        let mut row = |name: &str, value: String| rows.row(name, value);
        let worst = marginal_error([ab, aa, bb]);
        row(
            "marginals",
            format!(
                "off by at most {} in L1{}, {} {} × mass",
                error(worst),
                aim(ab),
                verdict(self.converged),
                plain(ab.tolerance)
            ),
        );
        let (passes, effort) = (self.softmin_passes(), effort(self.pairs(), self.seconds()));
        row("effort", format!("{passes} passes, {effort}"));
        if ab.kept < 1.0 {
            row("near pairs", text::near_pairs(ab));
        }
        row("device", format!("{}, {}", ab.device, ab.precision.name()));
        if let Some(written) = &self.written {
            row("gradient", written.clone());
        }
        rows
    }

    fn page(&self) -> Page {
        page::page(self)
    }

    fn summary(&self) -> Summary {
        Summary {
            value: Some(self.value),
            bounds: Some((self.bounds.lower, self.bounds.upper)),
            iterations: Some(self.iterations() as u64),
            seconds: Some(self.seconds()),
            pairs: self.pairs(),
        }
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = transport::warnings(&self.terms);
        let [ab, ..] = &self.terms;
        if ab.rho_a != ab.rho_b {
            warnings.push(
                "the penalties of both sides differ: S_ε is at least 0, but not 0 for equal clouds, and another one \
                 where the clouds change places"
                    .to_owned(),
            );
        }
        warnings
    }

    fn outcome(&self) -> Outcome {
        Outcome::of(self.converged)
    }
}
