//! The page of flows: the frames, the energy over time, and what is certain about the steps.

use super::answer::{FlowAnswer, gap};
use crate::number::{Certified, error, plain, short};
use crate::page::clouds::Clouds;
use crate::page::course;
use crate::page::number::Number;
use crate::page::sheet::{Page, sheet};
use crate::page::values::{effort, row, table};
use haul::{FlowKind, FlowReport};
use maud::{Markup, html};

/// The page.
pub(super) fn page(answer: &FlowAnswer) -> Page {
    let body = html! {
        h1 { "haul flow: a density on its way" }
        p.files { (answer.input) }
        (answer.opening().paragraphs())
        p.about { (about(answer)) }
        (pictures(answer)?)
        (energy(answer))
        (certain(answer))
        section {
            h2 { "All numbers" }
            (numbers(answer))
        }
    };
    Ok(sheet(&format!("haul flow: {}", answer.input), None, &body))
}

/// What a step minimises, in words.
fn about(answer: &FlowAnswer) -> Markup {
    html! {
        "Each step takes the density to the one with the least " (answer.formula()) ", for the energy J = "
        (answer.energy_formula()) ". "
        @match answer.last.kind {
            FlowKind::Debiased => "Of two densities of one energy it is the one that is nearer to the density before.",
            FlowKind::Reference => "This form adds about ε/2 to the variance at each step, whatever τ is.",
        }
    }
}

/// The frames, or the first and the last cloud.
fn pictures(answer: &FlowAnswer) -> Page<Markup> {
    let densities: Vec<_> = answer.frames.iter().map(|frame| frame.density()).collect();
    let Some(picture) = answer.layout.picture(&densities) else {
        return of_clouds(answer);
    };
    let picture = match answer.invert {
        true => picture.inverted(),
        false => picture,
    };
    let many = answer.layout.frames().is_some();
    let words = match many {
        true => "The frames, from the start on",
        false => "The density at the end",
    };
    let times: Vec<_> = answer.frames.iter().map(|it| short(it.time)).collect();
    Ok(html! {
        section {
            h2 { @if many { "The frames" } @else { "The density at the end" } }
            figure.sheet {
                (picture.image(words)?)
                figcaption {
                    (answer.place()) ", at " @if many { "the times " } @else { "the time " } (times.join(", "))
                    ". White is the density that cells with a tenth of the mass exceed, in each frame for itself"
                    @if answer.invert { ", with light and dark exchanged" } "."
                }
            }
        }
    })
}

/// The last density as a cloud, beside the one at the start.
fn of_clouds(answer: &FlowAnswer) -> Page<Markup> {
    let (Some(last), Some(start)) = (answer.frames.last(), &answer.start) else {
        return Ok(html! {});
    };
    Clouds {
        a: &format!("time {}", short(last.time)),
        b: &answer.input,
        source: &last.measure,
        target: &start.measure,
        matching: None,
    }
    .section()
}

/// The energy after each step.
fn energy(answer: &FlowAnswer) -> Markup {
    let energy = |step: &FlowReport| (step.time, step.internal_energy + step.potential_energy);
    let curve: Vec<_> = answer.steps.iter().map(energy).collect();
    let caption = html! {
        "J after each step" @if answer.last.kind == FlowKind::Debiased { ". It falls, as fast as moving the mass allows" } "."
    };
    html! {
        @if let Some(figure) = course::figure(&curve, ["time", "energy"], &caption) {
            section {
                h2 { "The energy" }
                (figure)
            }
        }
    }
}

/// What is certain, and what to do if that is not enough.
fn certain(answer: &FlowAnswer) -> Markup {
    let (last, converged) = (&answer.last, answer.converged());
    html! {
        section {
            h2 { "What is certain" }
            p class=(if converged { "good" } else { "bad" }) {
                strong { @if converged { "Converged." } @else { "Not converged." } } " "
                "The marginals that the plans have on the density of a step differ from it by at most "
                (Number::error(answer.largest_error())) " in L1, "
                @if converged { "within" } @else { "more than" }
                " the tolerance of " (plain(last.tolerance)) " × mass."
            }
            p {
                "Of every step two numbers are proved: no density on these points has a lower objective than the first, and the objective of the step's own density is at most the second. They are at most "
                (Number::error(answer.largest_gap()))
                " apart. This follows from what was computed, wherever the iteration stopped. It is about each step from the density before it, not about all steps together."
            }
            @if !converged {
                ul {
                    li { "Let it go on: " code { "--max-iterations " (10 * last.iterations.max(10)) } "." }
                    li { "Blur more: " code { "--blur " (short(2.0 * last.blur)) } "." }
                    li { "Ask for less than " code { "--tolerance " (last.tolerance) } ", if these bounds will do." }
                }
            }
        }
    }
}

fn numbers(answer: &FlowAnswer) -> Markup {
    let last = &answer.last;
    html! {
        (of_steps(answer))
        (table("Problem", &html! {
            tr { th scope="row" { "objective of a step" } td { (answer.formula()) } }
            tr { th scope="row" { "J" } td { (answer.energy_formula()) } }
            (row("τ", "tau", &Number::short(last.tau)))
            (row("time", "time", &Number::short(last.time)))
            (row("J at the end", "value", &Number::short(answer.value())))
            (row("points n of the density", "n", &Number::count(last.n as u64)))
            (row("dimension d", "d", &Number::count(last.d as u64)))
            (row("power p of the cost |x − y|^p", "p", &Number::power(last.cost.p())))
            (row("ε", "epsilon", &Number::short(last.epsilon)))
            (row("blur", "blur", &Number::short(last.blur)))
            tr { th scope="row" { "tolerance" } td { (plain(last.tolerance)) " × mass" } }
        }))
        (table("Effort", &html! {
            (row("iterations", "iterations", &Number::count(answer.iterations() as u64)))
            (row("products", "products", &Number::count(answer.products() as u64)))
            (effort(answer.pairs(), answer.seconds(), &last.device, last.precision))
        }))
    }
}

fn of_steps(answer: &FlowAnswer) -> Markup {
    let columns = [
        "time",
        "J",
        "U",
        "⟨b, V⟩",
        "objective",
        "gap",
        "marginals",
        "iterations",
    ];
    html! {
        div.box tabindex="0" {
            table.terms {
                caption { "Steps" }
                thead { tr { @for name in columns { th scope="col" { (name) } } } }
                tbody {
                    @for step in &answer.steps {
                        @let told = Certified::new(step.objective, step.bounds);
                        tr {
                            th scope="row" { (short(step.time)) }
                            td { (Number::short(step.internal_energy + step.potential_energy)) }
                            td { (Number::short(step.internal_energy)) }
                            td { (Number::short(step.potential_energy)) }
                            td { (Number::certified(step.objective, told.value)) }
                            td { (Number::error(gap(step))) }
                            td { (error(step.error)) }
                            td { (step.iterations) }
                        }
                    }
                }
            }
        }
    }
}
