//! The page of a study of samples.

use super::answer::{Loss, Mean, SamplesAnswer, law_of_blur, told};
use crate::canvas::Svg;
use crate::number::{duration, plain, within};
use crate::page::curves::{Certainty, Curve, Curves, Guide, Spot, draw, stacked};
use crate::page::figure::figure;
use crate::page::sheet::{Page, sheet};
use haul::SampleStudy;
use maud::{Markup, html};

/// Standard errors to each side of a mean.
const BAR: f64 = 2.0;

/// The pictures of all dimensions, for a file of its own.
pub(super) fn picture(answer: &SamplesAnswer) -> Option<Svg> {
    let dimensions = answer.dimensions().into_iter();
    let drawings = dimensions.map(|d| Some((format!("d = {d}"), drawn(answer, d)?)));
    Some(stacked(&drawings.collect::<Option<Vec<_>>>()?))
}

/// A mean over something.
fn spot(x: f64, mean: &Mean) -> Spot {
    Spot {
        x,
        y: mean.mean,
        lower: mean.mean - BAR * mean.standard_error,
        upper: mean.mean + BAR * mean.standard_error,
    }
}

/// The means in one dimension, at the first blur, the laws that fit them, and those of theory through the first means.
fn drawn(answer: &SamplesAnswer, d: u32) -> Option<Svg> {
    let losses = Loss::all(answer.blurs.get(..1)?);
    let names: Vec<_> = losses.iter().map(|&loss| answer.symbol(loss)).collect();
    let curves = losses.iter().zip(&names).map(|(loss, name)| Curve {
        name,
        spots: answer
            .of(d, *loss)
            .map(|mean| spot(f64::from(mean.n), mean))
            .collect(),
        certainty: Certainty::Bars,
    });
    let curves: Vec<_> = curves.collect();
    let slopes = answer.slopes();
    let mut guides = Vec::new();
    for (place, &loss) in losses.iter().enumerate() {
        let (first, last) = (curves[place].spots.first()?, curves[place].spots.last()?);
        let slope = slopes.iter().find(|it| (it.d, it.loss) == (d, loss))?;
        guides.push(Guide {
            name: "",
            ends: [first.x, last.x].map(|x| (x, slope.law.at(x))),
            of: Some(place),
        });
        let theory = first.y * (last.x / first.x).powf(loss.theory(d));
        guides.push(Guide {
            name: "",
            ends: [(first.x, first.y), (last.x, theory)],
            of: None,
        });
    }
    draw(&Curves {
        axes: ["points n", "mean distance between two samples"],
        logarithmic: true,
        curves,
        guides,
    })
}

/// The means of √S_ε over the blur, for the largest samples in one dimension, the law that fits them, and that of theory.
fn drawn_over_blurs(answer: &SamplesAnswer, d: u32) -> Option<Svg> {
    let slopes = answer.blur_slopes();
    let slope = slopes.iter().rfind(|slope| slope.d == d)?;
    let mut means = answer.over_blurs(d, slope.n);
    means.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let spots: Vec<_> = means.iter().map(|(blur, mean)| spot(*blur, mean)).collect();
    let (first, last) = (spots.first()?, spots.last()?);
    let theory = first.y * (last.x / first.x).powf(SampleStudy::divergence_exponent(d as usize));
    let guides = vec![
        Guide {
            name: "",
            ends: [first.x, last.x].map(|x| (x, slope.law.at(x))),
            of: Some(0),
        },
        Guide {
            name: "",
            ends: [(first.x, first.y), (last.x, theory)],
            of: None,
        },
    ];
    let name = format!("√S_ε, {} points", slope.n);
    draw(&Curves {
        axes: ["blur σ", "mean distance between two samples"],
        logarithmic: true,
        curves: vec![Curve {
            name: &name,
            spots,
            certainty: Certainty::Bars,
        }],
        guides,
    })
}

/// The page.
pub(super) fn page(answer: &SamplesAnswer) -> Page {
    let dimensions = answer.dimensions();
    let body = html! {
        h1 { "haul study samples: how fast samples tell the truth" }
        p.about {
            "Two samples of n points each, uniform in the unit cube of d dimensions, are of one law: the truth is 0, and each "
            "distance between them is an error. " (answer.trials) " trials each, blur " (answer.blurs_told()) ", seed "
            (answer.seed) "."
        }
        (slopes(answer))
        @for d in &dimensions {
            section {
                h2 { (d) @if *d == 1 { " dimension" } @else { " dimensions" } }
                @if let Some(svg) = drawn(answer, *d) {
                    (figure(&svg, "Means of three distances over the number of points, both logarithmic", &caption()))
                }
                @if let Some(svg) = drawn_over_blurs(answer, *d) {
                    (figure(&svg, "Means of √S_ε over the blur, both logarithmic", &caption()))
                }
                (means(answer, *d))
            }
        }
        p.about {
            "Computed in " (duration(answer.seconds)) " on " (answer.device) ", " (answer.precision.name()) "."
        }
    };
    Ok(sheet("haul study samples", None, &body))
}

fn caption() -> Markup {
    html! {
        "Bars are two standard errors of the mean to each side. Lines in the colour of a distance are the laws that fit it; "
        "dashed lines in the colour of the letters begin at the first mean and fall as theory says, without its logarithms."
    }
}

/// A text that stays on one line.
fn unbroken(text: &str) -> String {
    text.replace(' ', "\u{a0}")
}

fn slopes(answer: &SamplesAnswer) -> Markup {
    html! {
        section {
            h2 { "The slopes" }
            div.box {
                table.terms {
                    caption { "Exponents of n with their standard errors, p = " (plain(answer.p)) }
                    thead { tr { th { "d" } th { "distance" } th { "slope" } th { "theory" } } }
                    tbody {
                        @for slope in answer.slopes() {
                            tr {
                                th scope="row" { (slope.d) }
                                td { (unbroken(&answer.symbol(slope.loss))) }
                                td { (unbroken(&told(&slope.law))) }
                                td { (unbroken(&slope.loss.law(slope.d))) }
                            }
                        }
                    }
                }
            }
            @let of_blurs = answer.blur_slopes();
            @if !of_blurs.is_empty() {
                div.box {
                    table.terms {
                        caption { "Exponents of the blur σ in √S_ε" }
                        thead { tr { th { "d" } th { "points" } th { "slope" } th { "theory" } } }
                        tbody {
                            @for slope in &of_blurs {
                                tr {
                                    th scope="row" { (slope.d) }
                                    td { (slope.n) }
                                    td { (unbroken(&told(&slope.law))) }
                                    td { (unbroken(&law_of_blur(slope.d))) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn means(answer: &SamplesAnswer, d: u32) -> Markup {
    let mean_of = |loss: Loss, n: u32| {
        let mut means = answer.of(d, loss).filter(|mean| mean.n == n);
        let told = means.next().map(|it| within(it.mean, it.standard_error));
        told.unwrap_or_default()
    };
    html! {
        div.box {
            table.terms {
                caption { "Means, down to the first digit of their standard error" }
                thead { tr {
                    th { "points" }
                    @for loss in answer.losses() { th { (answer.symbol(loss)) } }
                } }
                tbody {
                    @for mean in answer.of(d, Loss::Wasserstein) {
                        tr {
                            th scope="row" { (mean.n) }
                            @for loss in answer.losses() { td { (mean_of(loss, mean.n)) } }
                        }
                    }
                }
            }
        }
    }
}
