//! The page of averages: the pictures, and what is certain about them.

use super::answer::{BarycenterAnswer, Solved, list};
use crate::number::{error, plain, short};
use crate::page::clouds::Clouds;
use crate::page::convergence;
use crate::page::number::Number;
use crate::page::sheet::{Page, sheet};
use crate::page::values::{effort, row, table};
use crate::raster::Raster;
use haul::{BarycenterKind, Bounds};
use maud::{Markup, html};

/// The page.
pub(super) fn page(answer: &BarycenterAnswer) -> Page {
    let common = &answer.common;
    let body = html! {
        h1 { "haul barycenter: " @match answer.single() {
            Some(_) => "an average",
            None => "what lies between",
        } }
        p.files { (answer.inputs.join(", ")) }
        (answer.opening().paragraphs())
        p.about { (about(common.kind)) }
        (pictures(answer)?)
        (certain(answer))
        @if answer.single().is_some() {
            (convergence::section(&answer.course, common.tolerance, &["the average"]))
        }
        section {
            h2 { "All numbers" }
            (numbers(answer))
        }
    };
    let title = format!("haul barycenter: {}", answer.inputs.join(", "));
    Ok(sheet(&title, None, &body))
}

/// What the kind minimises, in words.
fn about(kind: BarycenterKind) -> &'static str {
    match kind {
        BarycenterKind::Debiased => {
            "The debiased barycenter has the least mean Sinkhorn divergence from the inputs, each weighted by its λ. Equal inputs are their own average."
        }
        BarycenterKind::Plain => {
            "The plain barycenter has the least mean cost of transport to the inputs plus the entropy of its own masses: it is blurred."
        }
        BarycenterKind::Product => {
            "The product barycenter has the least mean cost of transport to the inputs: it is sharper than they are, and may shrink to points."
        }
    }
}

/// The averages and the inputs.
fn pictures(answer: &BarycenterAnswer) -> Page<Markup> {
    let shown = |raster: Raster| match answer.invert {
        true => raster.inverted(),
        false => raster,
    };
    let densities: Vec<_> = answer.solved.iter().map(Solved::density).collect();
    let Some(average) = answer.frames.layout().picture(&densities) else {
        return of_clouds(answer);
    };
    let volumes = answer
        .solved
        .first()
        .is_some_and(|it| it.measure.dimension() == 3);
    let words = match answer.single() {
        Some(_) => "The average",
        None => "The frames, from the first input on",
    };
    let average = shown(average).image(words)?;
    let inputs = answer
        .inputs
        .iter()
        .zip(&answer.measures)
        .filter_map(|(name, cloud)| {
            let image = shown(Raster::of(&cloud.measure)?).image(name);
            Some(image.map(|image| html! { figure { (image) figcaption { (name) } } }))
        });
    let inputs = inputs.collect::<Page<Vec<_>>>()?;
    Ok(html! {
        section {
            h2 { @match answer.single() { Some(_) => "The average", None => "The frames" } }
            figure.sheet {
                (average)
                figcaption {
                    (answer.place())
                    ". White is the density that cells with a tenth of the mass exceed" @if answer.invert { ", with light and dark exchanged" } "."
                    @if volumes { " Each row has slices across the first axis." }
                }
            }
        }
        section {
            h2 { "The inputs" }
            div.images { @for input in &inputs { (input) } }
        }
    })
}

/// The average as a cloud beside the first input; of several frames that in the middle.
fn of_clouds(answer: &BarycenterAnswer) -> Page<Markup> {
    let middle = answer.solved.get(answer.solved.len() / 2);
    let first = answer.inputs.first().zip(answer.measures.first());
    let (Some(middle), Some((name, cloud))) = (middle, first) else {
        return Ok(html! {});
    };
    let average = format!("average, λ = {}", list(&middle.lambda));
    Clouds {
        a: &average,
        b: name,
        source: &middle.measure,
        target: &cloud.measure,
        matching: None,
    }
    .section()
}

/// What is certain, and what to do if that is not enough.
fn certain(answer: &BarycenterAnswer) -> Markup {
    let common = &answer.common;
    let converged = answer.converged();
    html! {
        section {
            h2 { "What is certain" }
            p class=(if converged { "good" } else { "bad" }) {
                strong { @if converged { "Converged." } @else { "Not converged." } } " "
                "The marginals that the plans have on the average differ from each other and from it by at most "
                (Number::error(answer.largest_error())) " in L1, "
                @if converged { "within" } @else { "more than" }
                " the tolerance of " (plain(common.tolerance)) " × mass."
            }
            p {
                @match answer.single() {
                    Some(single) => (answer.in_words(single)),
                    None => {
                        "Of every frame two numbers are proved: no measure on these points has a lower objective than the first, and the frame's own objective is at most the second. They are at most "
                        (Number::error(answer.largest_gap())) " apart."
                    }
                }
                " This follows from what was computed, wherever the iteration stopped."
            }
            @if common.kind == BarycenterKind::Debiased {
                p {
                    "Where cells of the average become empty, the picture changes slowly for a long time while the objective hardly does: rely on the bounds."
                }
            }
            @if !converged {
                ul {
                    li { "Let it go on: " code { "--max-iterations " (10 * common.iterations.max(10)) } "." }
                    li { "Blur more: " code { "--blur " (short(2.0 * common.blur)) } "." }
                    li { "Ask for less than " code { "--tolerance " (common.tolerance) } ", if these bounds will do." }
                }
            }
        }
    }
}

fn numbers(answer: &BarycenterAnswer) -> Markup {
    let common = &answer.common;
    html! {
        @match answer.single() {
            Some(single) => (table("Objective", &of_single(answer, single))),
            None => (of_frames(answer)),
        }
        (table("Problem", &html! {
            tr { th scope="row" { "objective" } td { (answer.formula()) } }
            (row("points n of the average", "n", &Number::count(common.n as u64)))
            (row("dimension d", "d", &Number::count(common.d as u64)))
            (row("power p of the cost |x − y|^p", "p", &Number::power(common.cost.p())))
            (row("ε", "epsilon", &Number::short(common.epsilon)))
            (row("blur", "blur", &Number::short(common.blur)))
            tr { th scope="row" { "tolerance" } td { (plain(common.tolerance)) " × mass" } }
        }))
        (table("Effort", &html! {
            (row("iterations", "iterations", &Number::count(answer.iterations() as u64)))
            (row("products", "products", &Number::count(answer.products() as u64)))
            (effort(answer.pairs(), answer.seconds(), &common.device, common.precision))
        }))
    }
}

fn of_single(answer: &BarycenterAnswer, single: &Solved) -> Markup {
    let Bounds { lower, upper } = single.bounds();
    let told = crate::number::Certified::new(single.objective(), single.bounds());
    let key = match answer.common.kind {
        BarycenterKind::Plain => "value_reference",
        BarycenterKind::Debiased | BarycenterKind::Product => "value",
    };
    html! {
        tr { th scope="row" { "λ" } td { (list(&single.lambda)) } }
        (row("objective", key, &Number::certified(single.objective(), told.value)))
        (row("lower bound", "certificate.lower_bound", &Number::certified(lower, told.lower)))
        (row("upper bound", "certificate.upper_bound", &Number::certified(upper, told.upper)))
        (row("gap", "certificate.gap", &Number::error(single.gap())))
        (row("error of the marginals, L1", "marginal_error", &Number::error(single.error())))
    }
}

fn of_frames(answer: &BarycenterAnswer) -> Markup {
    html! {
        div.box tabindex="0" {
            table.terms {
                caption { "Frames" }
                thead {
                    tr {
                        @for name in ["λ", "objective", "at least", "at most", "marginals", "iterations"] {
                            th scope="col" { (name) }
                        }
                    }
                }
                tbody {
                    @for frame in &answer.solved {
                        @let told = crate::number::Certified::new(frame.objective(), frame.bounds());
                        tr {
                            th scope="row" { (list(&frame.lambda)) }
                            td { (Number::certified(frame.objective(), told.value)) }
                            td { (Number::certified(frame.bounds().lower, told.lower)) }
                            td { (Number::certified(frame.bounds().upper, told.upper)) }
                            td { (error(frame.error())) }
                            td { (frame.iterations()) }
                        }
                    }
                }
            }
        }
    }
}
