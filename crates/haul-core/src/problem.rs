//! A problem of regularised optimal transport: two measures, a cost and ε, complete and checked
//! before any device work.

use crate::engine::Kernel;
use crate::{Cost, Error, Frame, Measure, Result};

/// How strongly the plan is regularised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Regularization {
    /// A length σ: the plan blurs details below it. ε = σ^p.
    Blur(f64),
    /// ε itself, in units of the cost.
    Epsilon(f64),
    /// A blur given as a share of the diameter of the joint bounding box of both clouds.
    RelativeBlur(f64),
}

/// Two measures of equal mass in one space, the cost between them, and ε.
#[derive(Debug, Clone)]
pub struct Problem<'m> {
    source: &'m Measure,
    target: &'m Measure,
    cost: Cost,
    epsilon: f64,
    frame: Frame,
}

/// Masses that differ by less than this, relative, are the rounding of equal ones.
const MASS_TOLERANCE: f64 = 1e-6;

impl<'m> Problem<'m> {
    /// Checks everything that can be wrong without a device.
    pub fn new(
        source: &'m Measure,
        target: &'m Measure,
        cost: Cost,
        regularization: Regularization,
    ) -> Result<Self> {
        same_space(source, target)?;
        equal_masses(source, target)?;
        let frame = Frame::joint(source, target);
        frame.check(cost)?;
        let positive = |name, value: f64| {
            if value > 0.0 && value.is_finite() {
                Ok(value)
            } else {
                Err(Error::BadParameter {
                    name,
                    value,
                    range: "a finite number above 0",
                })
            }
        };
        let epsilon = match regularization {
            Regularization::Epsilon(epsilon) => epsilon,
            Regularization::Blur(blur) => cost.at(positive("blur", blur)?),
            // Two clouds in one and the same point have no length of their own: any ε will do.
            Regularization::RelativeBlur(share) if frame.diameter() == 0.0 => {
                positive("relative blur", share)?
            }
            Regularization::RelativeBlur(share) => {
                cost.at(positive("relative blur", share)? * frame.diameter())
            }
        };
        // For a small p the length that belongs to ε may be out of range.
        positive("blur", positive("epsilon", epsilon)?.powf(1.0 / cost.p()))?;
        let frame = frame.for_kernel(cost, epsilon);
        // The device sees ε in units of the frame, and divides by it.
        positive("epsilon", epsilon / frame.cost_unit(cost))?;
        Ok(Self {
            source,
            target,
            cost,
            epsilon,
            frame,
        })
    }

    /// The measure α that is moved.
    pub fn source(&self) -> &'m Measure {
        self.source
    }

    /// The measure β it is moved onto.
    pub fn target(&self) -> &'m Measure {
        self.target
    }

    /// The cost.
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// ε, in units of the cost.
    pub fn epsilon(&self) -> f64 {
        self.epsilon
    }

    /// The blur σ = ε^{1/p}, a length.
    pub fn blur(&self) -> f64 {
        self.epsilon.powf(1.0 / self.cost.p())
    }

    /// What a cost in the frame is multiplied with to be in the units of the points.
    pub(crate) fn cost_unit(&self) -> f64 {
        self.frame.cost_unit(self.cost)
    }

    /// The kernel as a device sees it.
    pub(crate) fn kernel(&self) -> Kernel {
        Kernel {
            cost: self.cost,
            epsilon: self.epsilon / self.cost_unit(),
        }
    }

    /// The frame in which a device sees both clouds.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }
}

/// Refuses measures of different dimensions.
pub(crate) fn same_space(source: &Measure, target: &Measure) -> Result<()> {
    let (source_dimension, target_dimension) = (source.dimension(), target.dimension());
    if source_dimension == target_dimension {
        Ok(())
    } else {
        Err(Error::DimensionMismatch {
            source_dimension,
            target_dimension,
        })
    }
}

/// Refuses measures whose masses differ by more than rounding.
pub(crate) fn equal_masses(source: &Measure, target: &Measure) -> Result<()> {
    let (source_mass, target_mass) = (source.mass(), target.mass());
    if (source_mass - target_mass).abs() <= MASS_TOLERANCE * source_mass.max(target_mass) {
        Ok(())
    } else {
        Err(Error::UnequalMass {
            source_mass,
            target_mass,
        })
    }
}
