//! The page of barycentric coordinates: the pictures, the weights, and what is certain about them.

use super::answer::CoordinatesAnswer;
use crate::densities;
use crate::number::{Certified, plain, short};
use crate::page::clouds::Clouds;
use crate::page::course;
use crate::page::number::Number;
use crate::page::sheet::{Page, sheet};
use crate::page::values::{effort, row, table};
use crate::raster::Raster;
use haul::Bounds;
use maud::{Markup, html};

/// The page.
pub(super) fn page(answer: &CoordinatesAnswer) -> Page {
    let body = html! {
        h1 { "haul coordinates: what it is a mixture of" }
        p.files { (answer.target) " of " (answer.inputs.join(", ")) }
        (answer.opening().paragraphs())
        p.about {
            "The average of the inputs at the weights λ is the plain barycenter: it moves mass between them, and it is blurred. These weights are those at which "
            (answer.formula()) " has a minimum, where b is the average and q the target."
        }
        (pictures(answer)?)
        (weights(answer))
        (loss(answer))
        (certain(answer))
        section {
            h2 { "All numbers" }
            (numbers(answer))
        }
    };
    let title = format!("haul coordinates: {}", answer.target);
    Ok(sheet(&title, None, &body))
}

/// The target and its projection, and below them the inputs with their weights.
fn pictures(answer: &CoordinatesAnswer) -> Page<Markup> {
    let shown = |raster: Raster| match answer.invert {
        true => raster.inverted(),
        false => raster,
    };
    let (Some(target), Some(projection)) = (
        answer.measure().and_then(Raster::of),
        answer.density().raster(),
    ) else {
        return of_clouds(answer);
    };
    let figure = |raster: Raster, words: &str, below: Markup| -> Page<Markup> {
        let image = shown(raster).image(words)?;
        Ok(html! { figure { (image) figcaption { (below) } } })
    };
    let of_inputs = answer
        .clouds
        .iter()
        .skip(1)
        .zip(answer.inputs.iter().zip(answer.lambda()));
    let inputs = of_inputs.filter_map(|(cloud, (name, weight))| {
        let raster = Raster::of(&cloud.measure)?;
        Some(figure(raster, name, html! { (weight) " of " (name) }))
    });
    let inputs = inputs.collect::<Page<Vec<_>>>()?;
    Ok(html! {
        section {
            h2 { "The target and the nearest average" }
            div.images.pair {
                (figure(target, "The target", html! { (answer.target) })?)
                (figure(projection, "The nearest average", html! {
                    "the average with these weights, " (densities::place(answer.projection.measure()))
                })?)
            }
        }
        section {
            h2 { "The inputs and their weights" }
            div.images { @for input in &inputs { (input) } }
        }
    })
}

/// The target and its projection as clouds.
fn of_clouds(answer: &CoordinatesAnswer) -> Page<Markup> {
    let Some(target) = answer.measure() else {
        return Ok(html! {});
    };
    Clouds {
        a: "the average",
        b: &answer.target,
        source: answer.projection.measure(),
        target,
        matching: None,
    }
    .section()
}

fn weights(answer: &CoordinatesAnswer) -> Markup {
    let report = answer.report();
    let rows = answer.inputs.iter().zip(answer.lambda());
    let rows = rows.zip(report.lambda.iter().zip(&report.gradient));
    html! {
        section {
            h2 { "The weights" }
            p.about { "The slope is the derivative of the loss in λ, less its mean." }
            div.box tabindex="0" {
                table.terms.lists {
                    thead { tr { th scope="col" { "λ" } th scope="col" { "slope" } th.words scope="col" { "input" } } }
                    tbody {
                        @for ((name, told), (weight, slope)) in rows {
                            tr {
                                th scope="row" { (Number::certified(*weight, told)) }
                                td { (Number::short(*slope)) }
                                td.words { (name) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The loss of all averages that were computed.
fn loss(answer: &CoordinatesAnswer) -> Markup {
    let caption = html! { "The least loss so far, whenever an average was computed." };
    html! {
        @if let Some(figure) = course::figure(&answer.course, ["averages", "loss"], &caption) {
            section {
                h2 { "The fit" }
                (figure)
            }
        }
    }
}

/// What is certain, and what to do if that is not enough.
fn certain(answer: &CoordinatesAnswer) -> Markup {
    let (report, average) = (answer.report(), answer.average());
    html! {
        section {
            h2 { "What is certain" }
            p class=(if report.converged { "good" } else { "bad" }) {
                strong { @if report.converged { "Converged." } @else { "Not converged." } } " "
                @match report.converged {
                    true => { "The next step would change the weights by less than " (plain(answer.lambda_tolerance)) " in L1." },
                    false => "The weights still moved, or their average was not exact.",
                }
            }
            p {
                "The slope of the loss within λ ≥ 0 and Σ λ = 1 is " (Number::error(report.gradient_norm))
                ": where it is 0, no small change of the weights helps. The loss may have other minima, which a start elsewhere finds: "
                code { "--lambda-start" } "."
            }
            p {
                (answer.in_words())
                " The average itself is the one of these weights, up to " (Number::error(report.gap)) " in its objective of "
                (short(average.objective)) "."
            }
            @if !report.converged {
                ul {
                    li { "Let it go on: " code { "--max-evaluations " (4 * report.evaluations.max(50)) } "." }
                    li { "Blur more: " code { "--blur " (short(2.0 * average.blur)) } "." }
                }
            }
        }
    }
}

fn numbers(answer: &CoordinatesAnswer) -> Markup {
    let (report, average) = (answer.report(), answer.average());
    let Bounds { lower, upper } = average.bounds;
    let told = Certified::new(average.objective, average.bounds);
    html! {
        (table("Fit", &html! {
            tr { th scope="row" { "loss" } td { (answer.formula()) } }
            (row("loss at λ", "loss_value", &Number::short(report.value)))
            (row("slope within the simplex", "gradient_norm", &Number::error(report.gradient_norm)))
            @if let Some(distance) = &answer.distance {
                @let told = Certified::new(distance.value, distance.bounds);
                (row("distance of the average", "distance", &Number::certified(distance.value, told.value)))
                (row("at least", "distance_bounds.lower", &Number::certified(distance.bounds.lower, told.lower)))
                (row("at most", "distance_bounds.upper", &Number::certified(distance.bounds.upper, told.upper)))
            }
            (row("averages computed", "evaluations", &Number::count(report.evaluations as u64)))
            (row("products", "products", &Number::count(report.products as u64)))
        }))
        (table("Average", &html! {
            tr { th scope="row" { "computed as" } td { (answer.method()) } }
            (row("lower bound of the objective", "certificate.lower_bound", &Number::certified(lower, told.lower)))
            (row("upper bound", "certificate.upper_bound", &Number::certified(upper, told.upper)))
            (row("gap", "certificate.gap", &Number::error(report.gap)))
            (row("error of the marginals, L1", "marginal_error", &Number::error(average.error)))
            (row("points n", "n", &Number::count(average.n as u64)))
            (row("dimension d", "d", &Number::count(average.d as u64)))
            (row("power p of the cost |x − y|^p", "p", &Number::power(average.cost.p())))
            (row("ε", "epsilon", &Number::short(average.epsilon)))
            (row("blur", "blur", &Number::short(average.blur)))
            tr { th scope="row" { "tolerance" } td { (plain(average.tolerance)) " × mass" } }
        }))
        (table("Effort", &effort(average.pairs, report.seconds, &average.device, average.precision)))
    }
}
