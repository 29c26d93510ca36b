//! The page of dictionaries: the atoms, what they are worth to the data, and what is certain about them.

use super::answer::DictionaryAnswer;
use crate::densities::Density;
use crate::headline::with_options;
use crate::number::{error, percent, plain, short};
use crate::page::course;
use crate::page::number::Number;
use crate::page::sheet::{Page, sheet};
use crate::page::values::{row, table};
use crate::raster::Raster;
use haul::Measure;
use maud::{Markup, html};

/// The most atoms, and the most histograms beside their mixtures, that are shown.
const MOST_ATOMS: usize = 64;
const MOST_MIXTURES: usize = 8;

/// The page.
pub(super) fn page(answer: &DictionaryAnswer) -> Page {
    let mixtures = match answer.is_linear() {
        true => {
            "A mixture is a weighted sum of the atoms, compared with its histogram by transport: mass beside its place is nearly right."
        }
        false => {
            "A mixture is the average of the atoms with its weights, which moves mass between them."
        }
    };
    let body = html! {
        h1 { "haul dictionary: few atoms for many histograms" }
        p.files { (answer.data.join(", ")) }
        (answer.opening().paragraphs())
        p.about { (mixtures) " The loss of each histogram is " (answer.formula()) "." }
        (atoms(answer)?)
        (mixed(answer)?)
        (steps(answer))
        (certain(answer))
        section {
            h2 { "All numbers" }
            (numbers(answer))
        }
    };
    let title = format!("haul dictionary: {}", answer.data.join(", "));
    Ok(sheet(&title, None, &body))
}

/// The pixels of a measure, in the greys of the data.
fn raster(answer: &DictionaryAnswer, measure: &Measure, is_input: bool) -> Option<Raster> {
    let raster = Density { measure, is_input }.raster()?;
    Some(answer.shown(raster))
}

fn figure(raster: &Raster, words: &str, below: &Markup) -> Page<Markup> {
    let image = raster.image(words)?;
    Ok(html! { figure { (image) figcaption { (below) } } })
}

/// The atoms as pictures or as topics, with their mean weights.
fn atoms(answer: &DictionaryAnswer) -> Page<Markup> {
    let shares = answer.shares();
    // The atoms come from the fit: each is a measure.
    let measures = answer.atoms().unwrap_or_default();
    let pictures = measures.iter().zip(&shares).enumerate().take(MOST_ATOMS);
    let pictures = pictures.filter_map(|(k, (measure, share))| {
        let raster = raster(answer, measure, false)?;
        let words = format!("Atom {k}");
        Some(figure(
            &raster,
            &words,
            &html! { (k) ": " (percent(*share)) },
        ))
    });
    let pictures = pictures.collect::<Page<Vec<_>>>()?;
    let topics = answer.topics();
    Ok(html! {
        section {
            h2 { "The atoms, with their mean weight" }
            @if !pictures.is_empty() {
                div.images.small { @for picture in &pictures { (picture) } }
                @if measures.len() > pictures.len() {
                    p.about { "The first " (pictures.len()) " of " (measures.len()) " atoms." }
                }
            }
            @if let Some(topics) = topics {
                div.box tabindex="0" {
                    table.terms.lists {
                        thead { tr { th scope="col" { "atom" } th scope="col" { "weight" } th.words scope="col" { "its heaviest words" } } }
                        tbody {
                            @for (k, (words, share)) in topics.iter().zip(&shares).enumerate() {
                                tr {
                                    th scope="row" { (k) }
                                    td { (percent(*share)) }
                                    td.words { (words.join(", ")) }
                                }
                            }
                        }
                    }
                }
            } @else if pictures.is_empty() {
                (of_shares(&shares))
            }
        }
    })
}

/// The mean weights alone.
fn of_shares(shares: &[f64]) -> Markup {
    table(
        "Mean weight of each atom",
        &html! {
            @for (k, share) in shares.iter().enumerate() {
                tr { th scope="row" { (k) } td { (percent(*share)) } }
            }
        },
    )
}

/// Some histograms beside their mixtures, where these are sums.
fn mixed(answer: &DictionaryAnswer) -> Page<Markup> {
    let (data, learned) = (&answer.histograms, &answer.learned);
    if !answer.is_linear() {
        return Ok(html! {});
    }
    let n = data.support.len();
    let mixture = |index: usize| {
        let mut mixture = vec![0.0; n];
        let weights = learned.weights.chunks_exact(answer.count()).nth(index)?;
        for (weight, atom) in weights.iter().zip(learned.atoms.chunks_exact(n)) {
            mixture
                .iter_mut()
                .zip(atom)
                .for_each(|(sum, a)| *sum += weight * a);
        }
        data.support.clone().with_weights(&mixture).ok()
    };
    let mut order: Vec<usize> = (0..learned.errors.len()).collect();
    order.sort_by(|i, j| learned.errors[*j].total_cmp(&learned.errors[*i]));
    let pairs = order.into_iter().take(MOST_MIXTURES).filter_map(|index| {
        let both = [data.measure(index).ok()?, mixture(index)?];
        let histogram = raster(answer, &both[0], true)?;
        let mixture = raster(answer, &both[1], false)?;
        let sheet = Raster::sheet(&[Some(histogram), Some(mixture)], 2);
        let words = format!("Histogram {index} and its mixture");
        let below = html! { (data.name(index)) ": " (short(learned.errors[index])) };
        Some(figure(&sheet, &words, &below))
    });
    let pairs = pairs.collect::<Page<Vec<_>>>()?;
    Ok(html! {
        @if !pairs.is_empty() {
            section {
                h2 { "The largest errors" }
                p.about { "On the left a histogram, on the right its mixture; below them the loss. No other histograms have larger ones." }
                div.images { @for pair in &pairs { (pair) } }
            }
        }
    })
}

/// The objective after each step.
fn steps(answer: &DictionaryAnswer) -> Markup {
    let count = answer.learned.errors.len() as f64;
    let history = answer.learned.history.iter();
    let curve: Vec<_> = history
        .map(|step| (step.step as f64, step.objective / count))
        .collect();
    let caption = html! { "The mean loss of a histogram after each step." };
    html! {
        @if let Some(figure) = course::figure(&curve, ["steps", "loss"], &caption) {
            section {
                h2 { "The fit" }
                (figure)
            }
        }
    }
}

/// What is certain, and what to do if that is not enough.
fn certain(answer: &DictionaryAnswer) -> Markup {
    let learned = &answer.learned;
    html! {
        section {
            h2 { "What is certain" }
            p class=(if learned.converged { "good" } else { "bad" }) {
                strong { @if learned.converged { "Converged." } @else { "Not converged." } } " "
                @match learned.converged {
                    true => { "The last steps lowered the objective by less than the tolerance of " (plain(learned.tolerance)) "." },
                    false => { "After " (learned.steps) " steps the objective still fell." },
                }
            }
            p { (with_options(&answer.in_words())) " The problem of both together has many minima: another start may end elsewhere." }
            @if let Some(bounds) = learned.bounds {
                p {
                    "The objective of these atoms and weights is proved to be between " (short(bounds.lower)) " and "
                    (short(bounds.upper)) ", a difference of " (error(bounds.upper - bounds.lower)) "."
                }
            }
        }
    }
}

fn numbers(answer: &DictionaryAnswer) -> Markup {
    let (learned, support) = (&answer.learned, &answer.histograms.support);
    let (_, worst) = answer.worst();
    html! {
        (table("Fit", &html! {
            (row("sum of all losses", "objective", &Number::short(learned.objective)))
            (row("mean", "objective_per_datum", &Number::short(answer.mean())))
            (row("largest", "largest_error", &Number::short(worst)))
            @if let Some([weights, atoms]) = learned.gaps {
                (row("possible decrease by other weights", "frank_wolfe_gap.weights", &Number::error(weights)))
                (row("possible decrease by other atoms", "frank_wolfe_gap.atoms", &Number::error(atoms)))
            }
            @if let Some(off) = learned.error {
                (row("error of the marginals, L1", "marginal_error", &Number::error(off)))
            }
            (row("steps", "steps", &Number::count(learned.steps as u64)))
            (row("products", "products", &Number::count(learned.products as u64)))
        }))
        (table("Problem", &html! {
            (row("histograms", "histograms", &Number::count(learned.errors.len() as u64)))
            (row("atoms", "atoms", &Number::count(answer.count() as u64)))
            (row("bins n", "n", &Number::count(support.len() as u64)))
            (row("dimension d", "d", &Number::count(support.dimension() as u64)))
            (row("power p of the cost |x − y|^p", "p", &Number::power(learned.p)))
            (row("ε", "epsilon", &Number::short(learned.epsilon)))
            (row("blur", "blur", &Number::short(learned.blur)))
            tr { th scope="row" { "tolerance" } td { (plain(learned.tolerance)) } }
            (row("seconds", "seconds", &Number::short(learned.seconds)))
            tr { th scope="row" { "device" } td { (learned.device) ", " (learned.precision.name()) } }
        }))
    }
}
