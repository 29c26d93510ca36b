//! The checked problem of an average: its inputs, which must be alike, its points and its blur.

use super::Barycenter;
use crate::cautions;
use crate::input::{Cloud, on_grid};
use crate::number::plain;
use crate::options::cells;
use anyhow::{Result, bail};
use haul::{Measure, Regularization};
use haul_files as formats;
use std::path::Path;
use std::sync::Arc;

/// The blur on grids, in cells.
const CELLS: f64 = 3.0;

/// The blur of clouds, as a share of the diagonal.
pub(super) const SHARE: f64 = 0.02;

/// The inputs, and the points of the average.
pub(super) struct Problem<'c> {
    pub(super) inputs: Vec<&'c Measure>,
    /// The points, all of one weight.
    pub(super) support: Measure,
    pub(super) blur: Regularization,
}

impl Barycenter {
    /// The inputs, and the points and the blur of the average; refuses inputs that have no average there.
    pub(super) fn problem<'c>(&self, clouds: &'c [Arc<Cloud>]) -> Result<Problem<'c>> {
        let (inputs, support) = clouds.split_at(self.inputs.len().min(clouds.len()));
        let inputs: Vec<_> = inputs.iter().map(|cloud| &cloud.measure).collect();
        let Some(first) = inputs.first() else {
            bail!("an average needs at least one input");
        };
        self.check_alike(&inputs)?;
        let support = match (support.first(), on_grid(first)) {
            (Some(support), _) => &support.measure,
            (None, Some(_)) => first,
            (None, None) => {
                let hint = match self.inputs.iter().all(|file| is_array(file)) {
                    true => "; if these arrays are images, add --grid",
                    false => "",
                };
                bail!(
                    "the average of clouds needs points to be on: name a file of them with --support, or let --points find their places{hint}"
                )
            }
        };
        if support.dimension() != first.dimension() {
            bail!(
                "--support has dimension {}, and the inputs have {}; give points of one space",
                support.dimension(),
                first.dimension()
            );
        }
        let blur = match (self.blur, self.epsilon, on_grid(support)) {
            (Some(blur), ..) => Regularization::Blur(blur),
            (None, Some(epsilon), _) => Regularization::Epsilon(epsilon),
            (None, None, Some(grid)) => {
                Regularization::Blur(CELLS * grid.spacing().iter().copied().fold(0.0, f64::max))
            }
            (None, None, None) => Regularization::RelativeBlur(SHARE),
        };
        let support = support.clone().with_weights(&vec![1.0; support.len()])?;
        Ok(Problem {
            inputs,
            support,
            blur,
        })
    }

    /// Refuses inputs that differ in kind, dimension, extent or mass.
    pub(super) fn check_alike(&self, inputs: &[&Measure]) -> Result<()> {
        let names = |s: usize| {
            format!(
                "{} and {}",
                self.inputs[0].display(),
                self.inputs[s].display()
            )
        };
        let first = inputs[0];
        for (s, input) in inputs.iter().enumerate().skip(1) {
            match (on_grid(first), on_grid(input)) {
                (Some(one), Some(other)) => {
                    let sides = [one, other].map(|grid| {
                        let sides = grid.shape().iter().zip(grid.spacing());
                        sides.map(|(n, side)| *n as f64 * side).collect::<Vec<_>>()
                    });
                    let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-9 * a.max(*b);
                    let alike = sides[0].len() == sides[1].len()
                        && sides[0].iter().zip(&sides[1]).all(close);
                    if !alike {
                        let [one, other] = [one, other].map(|grid| cells(grid.shape()));
                        bail!(
                            "{}: grids of {one} and of {other} do not cover one region; give images whose sides have one ratio",
                            names(s)
                        );
                    }
                }
                (None, None) if first.dimension() != input.dimension() => {
                    let [one, other] = [first, input].map(|it| it.dimension());
                    bail!(
                        "{}: the dimensions are {one} and {other}; give points of one space",
                        names(s)
                    );
                }
                (None, None) => {}
                _ => bail!(
                    "{}: one holds masses on a grid and the other points; give inputs of one kind, or --grid for arrays",
                    names(s)
                ),
            }
            if (first.mass() - input.mass()).abs() > 1e-6 * first.mass() {
                bail!(
                    "{}: the masses differ: {} and {}; scale all to 1 with --normalize",
                    names(s),
                    plain(first.mass()),
                    plain(input.mass())
                );
            }
        }
        Ok(())
    }

    /// Warnings about inputs, and about a blur that is too small for the points of the average.
    pub(super) fn cautions(&self, problem: &Problem<'_>) -> Vec<String> {
        let inputs = self.inputs.iter().zip(&problem.inputs);
        let doubtful = inputs.filter_map(|(file, input)| cautions::doubtful(file, input));
        let fine = self
            .blur
            .and_then(|blur| cautions::too_fine(blur, [&problem.support]));
        doubtful.chain(fine).collect()
    }
}

/// Whether a file is an array, which may be an image.
fn is_array(file: &Path) -> bool {
    let file = formats::file_of(file);
    file.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("npy"))
}
