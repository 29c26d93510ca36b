//! The frames of a run: λ of each, and their places in a sheet.

use crate::densities::Layout;
use anyhow::{Result, bail};

/// The frames of a run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frames {
    /// λ at each place of the sheet, row by row; `None` where a sheet of three inputs has no frame.
    places: Vec<Option<Vec<f64>>>,
    /// The places of a row.
    columns: usize,
    /// The sizes of the axes before those of a frame in an array: none for a single average.
    axes: Vec<usize>,
}

impl Frames {
    /// A single average, or `count` frames between two inputs or along each side of the sheet of three or four.
    ///
    /// # Errors
    ///
    /// Frames for another number of inputs.
    pub(super) fn new(inputs: usize, lambda: &[f64], count: Option<u32>) -> Result<Self> {
        let Some(count) = count else {
            let lambda = match lambda {
                [] => vec![1.0; inputs],
                given => given.to_vec(),
            };
            return Ok(Self {
                places: vec![Some(lambda)],
                columns: 1,
                axes: Vec::new(),
            });
        };
        let k = count as usize;
        let last = (k - 1) as f64;
        let part = |step: usize| step as f64 / last;
        let square = || (0..k * k).map(|place| (place / k, place % k));
        let places: Vec<Option<Vec<f64>>> = match inputs {
            2 => (0..k)
                .map(|step| Some(vec![part(k - 1 - step), part(step)]))
                .collect(),
            3 => square()
                .map(|(down, across)| {
                    let first = (k - 1).checked_sub(down + across)?;
                    Some(vec![part(first), part(across), part(down)])
                })
                .collect(),
            4 => square()
                .map(|(down, across)| {
                    let [rest_down, rest_across] = [k - 1 - down, k - 1 - across].map(part);
                    let [down, across] = [down, across].map(part);
                    let corner = |down: f64, across: f64| down * across;
                    Some(vec![
                        corner(rest_down, rest_across),
                        corner(rest_down, across),
                        corner(down, rest_across),
                        corner(down, across),
                    ])
                })
                .collect(),
            other => bail!(
                "--frames is for two, three or four inputs, and these are {other}; leave it out, and weigh them with --lambda"
            ),
        };
        let frames = places.iter().flatten().count();
        Ok(Self {
            columns: k,
            axes: match inputs {
                4 => vec![k, k],
                _ => vec![frames],
            },
            places,
        })
    }

    /// λ of each frame, in order.
    pub(super) fn lambdas(&self) -> Vec<&[f64]> {
        self.places.iter().flatten().map(Vec::as_slice).collect()
    }

    /// The places of the frames.
    pub(super) fn layout(&self) -> Layout {
        Layout {
            places: self.places.iter().map(Option::is_some).collect(),
            columns: self.columns,
            axes: self.axes.clone(),
        }
    }

    /// Whether there is more than a single average.
    pub(super) fn is_many(&self) -> bool {
        !self.axes.is_empty()
    }

    /// The sheet in words: `5×5`, or `7`.
    pub(super) fn words(&self) -> String {
        match self.places.len() == self.columns {
            true => self.columns.to_string(),
            false => format!("{0}×{0}", self.columns),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn frames_lead_from_the_first_input_to_the_last() {
        let two = Frames::new(2, &[], Some(3)).unwrap();
        assert_eq!(two.lambdas(), [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]);
        assert_eq!((&two.axes[..], &*two.words()), (&[3][..], "3"));
        let three = Frames::new(3, &[], Some(3)).unwrap();
        assert_eq!(three.lambdas().len(), 6);
        assert_eq!((&three.axes[..], &*three.words()), (&[6][..], "3×3"));
        assert_eq!(three.places[2], Some(vec![0.0, 1.0, 0.0]));
        assert_eq!(three.places[6], Some(vec![0.0, 0.0, 1.0]));
        assert_eq!((&three.places[5], &three.places[7]), (&None, &None));
        let four = Frames::new(4, &[], Some(5)).unwrap();
        assert_eq!((four.lambdas().len(), &four.axes[..]), (25, &[5, 5][..]));
        for (corner, place) in [0, 4, 20, 24].into_iter().enumerate() {
            let lambda = four.places[place].as_ref().unwrap();
            let expected: Vec<f64> = (0..4)
                .map(|s| if s == corner { 1.0 } else { 0.0 })
                .collect();
            assert_eq!(*lambda, expected);
        }
        for frames in [&two, &three, &four] {
            for lambda in frames.lambdas() {
                assert!((lambda.iter().sum::<f64>() - 1.0).abs() < 1e-15);
            }
        }
    }

    #[test]
    fn a_single_average_has_the_given_weights_or_equal_ones() {
        let of = |lambda: &[f64]| Frames::new(3, lambda, None).unwrap();
        assert_eq!(of(&[]).lambdas(), [[1.0; 3]]);
        assert_eq!(of(&[1.0, 2.0, 0.0]).lambdas(), [[1.0, 2.0, 0.0]]);
        assert!(!of(&[]).is_many() && of(&[]).axes.is_empty());
        for inputs in [1, 5] {
            assert!(Frames::new(inputs, &[], Some(3)).is_err());
        }
    }
}
