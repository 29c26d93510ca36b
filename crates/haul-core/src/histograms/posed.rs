//! The problem of an average, checked.

use super::BarycenterKind;
use super::functional::Functional;
use super::inputs::Inputs;
use crate::engine::Kernel;
use crate::measure::Support;
use crate::problem::{Rounding, equal_masses, same_space};
use crate::{Cost, Engine, Error, Frame, Measure, Regularization, Result, Sinkhorn};

/// A checked problem of an average.
pub(super) struct Posed {
    /// The support with m, of mass 1.
    pub(super) reference: Measure,
    /// ε log m, in units of the frame.
    pub(super) logs: Vec<f64>,
    /// The inputs, of mass 1.
    pub(super) inputs: Vec<Measure>,
    /// The original mass of the inputs.
    pub(super) mass: f64,
    pub(super) lambda: Vec<f64>,
    pub(super) kind: BarycenterKind,
    /// F, in units of the frame.
    pub(super) functional: Functional,
    pub(super) cost: Cost,
    pub(super) epsilon: f64,
    pub(super) frame: Frame,
    /// The kernel on a device.
    pub(super) kernel: Kernel,
    pub(super) separable: bool,
}

impl Posed {
    /// The checked problem, for settings of ε and the cost, and λ of sum 1; F is 0.
    pub(super) fn new(
        settings: &Sinkhorn,
        (support, inputs): (&Measure, &[Measure]),
        lambda: Vec<f64>,
        kind: BarycenterKind,
    ) -> Result<Self> {
        let first = inputs.first().ok_or(Error::EmptyCloud)?;
        if let Some(row) = support.weights().iter().position(|m| *m == 0.0) {
            let (row, value) = (row + 1, 0.0);
            return Err(Error::BadWeight { row, value });
        }
        let of_input = |index, error| Error::Input {
            index,
            error: Box::new(error),
        };
        for (index, input) in (1..).zip(inputs) {
            let fits = same_space(support, input).and_then(|()| equal_masses(first, input));
            fits.map_err(|error| of_input(index, error))?;
        }
        let reference = support.clone().normalized();
        let normalized: Vec<Measure> = inputs.iter().map(|b| b.clone().normalized()).collect();
        let all: Vec<&Measure> = std::iter::once(support).chain(inputs).collect();
        let frame = Frame::of(&all);
        let regularization = match settings.regularization {
            Regularization::RelativeBlur(share) if frame.diameter() > 0.0 => {
                Regularization::Blur(share * frame.diameter())
            }
            other => other,
        };
        let settings = settings.clone().regularized(regularization);
        let mut posed = None;
        for (index, input) in (1..).zip(&normalized) {
            let problem = settings.problem(&reference, input);
            let problem = problem.map_err(|error| of_input(index, error))?;
            posed.get_or_insert((problem.cost(), problem.epsilon()));
        }
        let (cost, epsilon) = posed.ok_or(Error::EmptyCloud)?;
        frame.check(cost)?;
        let frame = frame.for_kernel(cost, epsilon);
        let on_grids = |measure: &&Measure| matches!(measure.support(), Support::Grid(_));
        let epsilon_in_frame = epsilon / frame.cost_unit(cost);
        let logs = reference.weights().iter();
        Ok(Self {
            logs: logs.map(|m| epsilon_in_frame * m.ln()).collect(),
            separable: all.iter().all(on_grids)
                && cost.along_an_axis(support.dimension()).is_some(),
            kernel: Kernel {
                cost,
                epsilon: epsilon_in_frame,
            },
            mass: first.mass(),
            reference,
            inputs: normalized,
            lambda,
            kind,
            functional: Functional::Zero,
            epsilon,
            cost,
            frame,
        })
    }

    /// Refuses a tolerance that rounding makes unreachable.
    pub(super) fn check_tolerance<E: Engine>(&self, engine: &E, tolerance: f64) -> Result<()> {
        let precision = engine.precision();
        let floor = Rounding::of_costs(precision, self.cost, &self.frame).floor(self.kernel);
        let precision = precision.name();
        if floor >= 1.0 {
            return Err(Error::NoDigits { precision, floor });
        }
        if tolerance < floor {
            return Err(Error::BelowFloor {
                tolerance,
                precision,
                floor,
            });
        }
        Ok(())
    }

    /// The inputs of λ > 0: their indices, their λ, and all of them on a device.
    pub(super) fn present<E: Engine>(
        &self,
        engine: &E,
    ) -> Result<(Vec<usize>, Vec<f64>, Inputs<E>)> {
        let present: Vec<usize> = (0..self.inputs.len())
            .filter(|s| self.lambda[*s] > 0.0)
            .collect();
        let lambda = present.iter().map(|s| self.lambda[*s]).collect();
        let inputs: Vec<&Measure> = present.iter().map(|s| &self.inputs[*s]).collect();
        let places = (&self.frame, self.kernel);
        let inputs = Inputs::new(engine, places, &self.reference, &inputs, self.separable)?;
        Ok((present, lambda, inputs))
    }

    /// h + ε log m for potentials h on the support, n×`count`.
    pub(super) fn weighted(&self, potentials: &[f64], count: usize) -> Vec<f64> {
        let pairs = (0..).zip(potentials);
        pairs.map(|(k, h)| h + self.logs[k / count]).collect()
    }
}
