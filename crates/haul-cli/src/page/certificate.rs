//! The certificate of a result in whole sentences: what is certain, and what to do if that is not enough.

use super::number::Number;
use crate::number::{Certified, error, percent, plain, short};
use haul::{Bounds, Precision, Report};
use maud::{Markup, html};

/// The solves of a divergence.
pub(crate) const TERMS: [&str; 3] = ["OT_ε(a, b)", "OT_ε(a, a)", "OT_ε(b, b)"];

/// The claim of a result.
pub(crate) struct Claim<'r> {
    /// What was computed.
    pub(crate) name: &'r str,
    pub(crate) value: f64,
    /// Bounds of the value.
    pub(crate) bounds: Bounds,
    /// The solve between both clouds.
    pub(crate) solve: &'r Report,
    /// The solves of each cloud with itself, if the value contains them.
    pub(crate) own: &'r [&'r Report],
}

impl Claim<'_> {
    pub(crate) fn section(&self) -> Markup {
        html! {
            section {
                h2 { "What is certain" }
                (self.verdict())
                (self.between())
                @if let Some(bounds) = self.unregularized() {
                    @let told = Certified::new(self.solve.transport_cost, bounds);
                    p {
                        "Without the entropy, the least cost of moving one measure onto the other is between "
                        (Number::certified(bounds.lower, told.lower)) " and "
                        (Number::certified(bounds.upper, told.upper))
                        "; how far the value is from that is the price of the blur."
                    }
                }
                (self.rounding())
                @if !self.converged() { (self.remedies()) }
            }
        }
    }

    fn solves(&self) -> impl Iterator<Item = &Report> {
        std::iter::once(self.solve).chain(self.own.iter().copied())
    }

    fn converged(&self) -> bool {
        self.solves().all(|solve| solve.converged)
    }

    /// Bounds of the cost without an entropy; `None` for a debiased value.
    fn unregularized(&self) -> Option<Bounds> {
        let alone = self.own.is_empty();
        self.solve.certificate.wasserstein.filter(|_| alone)
    }

    /// Whether the iteration converged, and the error of the marginals.
    fn verdict(&self) -> Markup {
        let class = if self.converged() { "good" } else { "bad" };
        html! {
            p class=(class) {
                @if self.converged() {
                    strong { "Converged." } " "
                } @else {
                    strong { "Not converged." } " "
                }
                @if self.own.is_empty() {
                    (one(self.solve))
                } @else {
                    (self.several())
                }
                @if !self.converged() {
                    " The bounds below hold all the same; the plan, and the arrows drawn of it, are rough."
                }
            }
        }
    }

    /// The solves of a divergence, each with its marginals.
    fn several(&self) -> Markup {
        let met = self.solves().filter(|solve| solve.converged).count();
        html! {
            (["None", "One", "Two", "All"][met.min(3)])
            " of the three solves that the value is made of met the tolerance of "
            (plain(self.solve.tolerance)) " × mass. The marginals of their plans miss "
            (aim(self.solve)) " in L1"
            @for (solve, name) in self.solves().zip(TERMS) {
                @let certificate = &solve.certificate;
                ", by " (Number::error(certificate.marginal_error_a)) " and "
                (Number::error(certificate.marginal_error_b)) " in " (name)
            }
            "."
        }
    }

    fn between(&self) -> Markup {
        let Bounds { lower, upper } = self.bounds;
        let off = (self.value - lower).max(upper - self.value).max(0.0);
        let share = off / self.value.abs();
        let told = Certified::new(self.value, self.bounds);
        html! {
            p {
                (self.name) " is " (Number::certified(self.value, told.value)) ", certified to lie between "
                (Number::certified(lower, told.lower)) " and " (Number::certified(upper, told.upper))
                ": the value is off by at most " (error(off))
                @if share < 10.0 { ", " (percent(share)) " of it" }
                ". This follows from what was computed, wherever the iteration stopped."
            }
        }
    }

    /// The rounding error of the precision.
    fn rounding(&self) -> Markup {
        let floor = |solve: &Report| solve.certificate.precision_floor;
        let floor = self.solves().map(floor).fold(0.0, f64::max);
        let Report {
            tolerance,
            precision,
            ..
        } = self.solve;
        html! {
            p {
                "Rounding in " (precision.name()) " alone may move the marginals by "
                (Number::error(floor)) " of the mass, "
                @if *tolerance < floor {
                    "more than the tolerance: whether that is met is left to luck."
                } @else {
                    "less than the tolerance."
                }
            }
        }
    }

    fn remedies(&self) -> Markup {
        let loose = self.solves().filter(|solve| !solve.converged);
        let iterations = loose.map(|solve| solve.iterations).max().unwrap_or(0);
        let Report {
            blur,
            tolerance,
            precision,
            certificate,
            ..
        } = self.solve;
        html! {
            p { "What to do:" }
            ul {
                li { "Let it go on: " code { "--max-iterations " (10 * iterations.max(10)) } "." }
                li {
                    "Blur more, as with " code { "--blur " (short(2.0 * blur)) }
                    ": fewer iterations, a smoother plan, a value farther from that without a blur."
                }
                li { "Ask for less than " code { "--tolerance " (tolerance) } ", if these bounds will do." }
                @if *precision == Precision::F32 && *tolerance < 4.0 * certificate.precision_floor {
                    li { "Compute in " code { "--precision f64" } ": f32 has hardly the digits for it." }
                }
            }
        }
    }
}

/// A single solve, with both marginals.
fn one(solve: &Report) -> Markup {
    let certificate = &solve.certificate;
    html! {
        "After " (Number::count(solve.iterations as u64)) " iterations the marginals of the plan miss "
        (aim(solve)) " by " (Number::error(certificate.marginal_error_a)) " and "
        (Number::error(certificate.marginal_error_b)) " in L1, together "
        @if solve.converged {
            "within the tolerance of " (plain(solve.tolerance)) " × mass: hardly more mass than that is out of place."
        } @else {
            "more than the tolerance of " (plain(solve.tolerance)) " × mass."
        }
    }
}

/// What the marginals should equal.
fn aim(solve: &Report) -> &'static str {
    if solve.rho_a.is_finite() || solve.rho_b.is_finite() {
        "those that are best under the penalty"
    } else {
        "the two measures"
    }
}
