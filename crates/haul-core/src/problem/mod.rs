//! A problem of regularised optimal transport: two measures, a cost and ε, all checked before any device work.

mod masses;
mod potentials;
mod rounding;

pub(crate) use masses::Masses;
pub use potentials::Potentials;
pub(crate) use rounding::{FLAT, Rounding};

use crate::engine::Kernel;
use crate::measure::Support;
use crate::{Cost, Engine, Error, Frame, Measure, Precision, Result};

/// The strength of the regularisation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Regularization {
    /// A length σ: the plan blurs smaller details. ε = σ^p.
    Blur(f64),
    /// ε itself, in units of the cost.
    Epsilon(f64),
    /// A blur as a fraction of the diameter of the joint bounding box of both clouds.
    RelativeBlur(f64),
}

/// The penalty of a marginal that differs from its measure: ρ KL(P1 | a). Mass farther apart than a length of order
/// ρ^{1/p} is destroyed and created rather than moved. Infinite values keep the constraint P1 = a.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Penalty {
    /// ρ itself, in units of the cost.
    Rho(f64),
    /// A length r: ρ = r^p.
    Reach(f64),
}

impl Penalty {
    /// The marginal equals the measure.
    pub const EXACT: Self = Self::Rho(f64::INFINITY);

    /// ρ in units of the cost. `name` is the parameter's name.
    fn rho(self, cost: Cost, name: &'static str) -> Result<f64> {
        let (name, value, rho) = match self {
            Self::Rho(rho) => (name, rho, rho),
            Self::Reach(reach) => ("reach", reach, cost.at(reach)),
        };
        // A power of a finite length may be infinite.
        let range = match value > 0.0 {
            true if rho > 0.0 && value.is_finite() == rho.is_finite() => return Ok(rho),
            true => POWER,
            false => "a number above 0, or infinity",
        };
        Err(Error::BadParameter { name, value, range })
    }
}

/// Two measures in one space, the cost between them, ε, and the penalties of both marginals. The masses are equal, or
/// at least one side has a finite ρ.
#[derive(Debug, Clone)]
pub struct Problem<'m> {
    source: &'m Measure,
    target: &'m Measure,
    posed: Posed,
}

/// A problem without its measures: all that is needed to solve it if they lie on a device.
#[derive(Debug, Clone)]
pub(crate) struct Posed {
    cost: Cost,
    epsilon: f64,
    rho: [f64; 2],
    frame: Frame,
    masses: Masses,
    /// The mass that the tolerance is relative to, in units of the plan's mass at the least cost.
    moving: f64,
    /// The numbers of points of both measures.
    sizes: [usize; 2],
    /// Between grids with passes along each axis, log(1/b) of the least positive weight b, for masses of 1.
    along_axes: Option<f64>,
}

/// The data of a measure that a problem needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Summary {
    pub(crate) points: usize,
    pub(crate) mass: f64,
}

/// The penalties of both sides, in units of the cost, and their names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Penalties {
    names: [&'static str; 2],
    rho: [f64; 2],
}

impl Penalties {
    pub(crate) fn new(cost: Cost, penalties: [Penalty; 2]) -> Result<Self> {
        // Bits, because NaN is unequal to itself.
        let names = match penalties {
            [Penalty::Rho(a), Penalty::Rho(b)] if a.to_bits() == b.to_bits() => ["rho"; 2],
            _ => ["rho_a", "rho_b"],
        };
        let rho = [
            penalties[0].rho(cost, names[0])?,
            penalties[1].rho(cost, names[1])?,
        ];
        Ok(Self { names, rho })
    }

    /// Whether P1 = a and Pᵀ1 = b are required: both ρ are infinite.
    pub(crate) fn are_exact(&self) -> bool {
        self.rho.iter().all(|rho| rho.is_infinite())
    }
}

/// The largest ratio of ε to costs and penalties that a device sees: 2^60, above the digits of f64.
const FLATTEST: f64 = (1u64 << 60) as f64;
/// The condition on a length, besides being positive.
const POWER: &str = "neither so small nor so large that its power p is 0 or infinite";

/// The condition on ε and ρ, besides being positive.
const RATIO: &str =
    "neither so small nor so large that its ratio to the cost between the clouds is 0 or infinite";

/// Masses are equal if their relative difference is below this, which is rounding.
const MASS_TOLERANCE: f64 = 1e-6;

impl<'m> Problem<'m> {
    /// Checks everything that can be checked without a device. `penalties` are those of the source's side and of the
    /// target's; [`Penalty::EXACT`] twice is the balanced problem.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] for a number out of its range, [`Error::UnequalMass`] for unequal masses between two
    /// exact sides, [`Error::BadMass`] for masses whose product overflows f64, [`Error::NoGrid`] for a cost that is a
    /// sum over axes between clouds, [`Error::DimensionMismatch`] and [`Error::Extent`] for points that cannot be
    /// compared.
    pub fn new(
        source: &'m Measure,
        target: &'m Measure,
        cost: Cost,
        regularization: Regularization,
        penalties: [Penalty; 2],
    ) -> Result<Self> {
        same_space(source, target)?;
        let penalties = Penalties::new(cost, penalties)?;
        if penalties.are_exact() {
            equal_masses(source, target)?;
        }
        let separable = is_separable(cost, source, target);
        if matches!(cost, Cost::SumOverAxes(_)) && !separable {
            return Err(Error::NoGrid);
        }
        let summaries = [source, target].map(|measure| Summary {
            points: measure.len(),
            mass: measure.mass(),
        });
        let frame = Frame::joint(source, target);
        let mut posed = Posed::new(summaries, frame, cost, regularization, penalties)?;
        if separable {
            let least = |measure: &Measure| {
                let weights = measure.weights().iter().filter(|weight| **weight > 0.0);
                weights.fold(f64::INFINITY, |least, weight| least.min(*weight)) / measure.mass()
            };
            posed.along_axes = Some(-least(source).min(least(target)).ln());
        }
        Ok(Self {
            source,
            target,
            posed,
        })
    }

    /// The problem without its measures.
    pub(crate) fn posed(&self) -> &Posed {
        &self.posed
    }

    /// The problem with a constant added to the cost of the points. Tolerances are relative to the mass moved at a
    /// cost of `reference`, if that is less.
    pub(crate) fn beside(self, constant: f64, reference: f64) -> Result<Self> {
        let posed = self.posed.beside(constant, reference)?;
        Ok(Self { posed, ..self })
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
        self.posed.cost()
    }

    /// ε, in units of the cost.
    pub fn epsilon(&self) -> f64 {
        self.posed.epsilon()
    }

    /// The blur σ = ε^{1/p}, a length.
    pub fn blur(&self) -> f64 {
        self.posed.blur()
    }

    /// ρ_a of the source's side, in units of the cost; infinite where P1 = a.
    pub fn rho_a(&self) -> f64 {
        self.posed.rho[0]
    }

    /// ρ_b of the target's side, in units of the cost; infinite where Pᵀ1 = b.
    pub fn rho_b(&self) -> f64 {
        self.posed.rho[1]
    }

    /// The conversion from the device's problem, whose masses are 1.
    pub(crate) fn masses(&self) -> &Masses {
        self.posed.masses()
    }

    /// The factor from a cost in the frame to a cost in the units of the points.
    pub(crate) fn cost_unit(&self) -> f64 {
        self.posed.cost_unit()
    }

    /// Whether P1 = a and Pᵀ1 = b are required: both ρ are infinite.
    pub fn is_balanced(&self) -> bool {
        self.posed.is_balanced()
    }

    /// Whether passes go along the axes of two grids.
    pub(crate) fn is_separable(&self) -> bool {
        self.posed.is_separable()
    }

    /// The kernel on a device.
    pub(crate) fn kernel(&self) -> Kernel {
        self.posed.kernel()
    }

    /// The relative marginal error that rounding alone may cause in a precision: a solve refuses a
    /// tolerance below it.
    pub fn precision_floor(&self, precision: Precision) -> f64 {
        self.posed.precision_floor(precision)
    }

    /// The frame of both clouds on a device.
    pub fn frame(&self) -> &Frame {
        &self.posed.frame
    }
}

impl Posed {
    /// Checks all numbers of a problem between measures in one space. The frame is the joint one.
    pub(crate) fn new(
        measures: [Summary; 2],
        frame: Frame,
        cost: Cost,
        regularization: Regularization,
        penalties: Penalties,
    ) -> Result<Self> {
        let Penalties { names, rho } = penalties;
        frame.check(cost)?;
        // A value and the number computed from it must both be finite and positive.
        let within = |name, value, made: f64, range| match made > 0.0 && made.is_finite() {
            true => Ok(made),
            false => Err(Error::BadParameter { name, value, range }),
        };
        let positive = |name, value| within(name, value, value, "a finite number above 0");
        let power = |name, length| within(name, length, cost.at(positive(name, length)?), POWER);
        let epsilon = match regularization {
            Regularization::Epsilon(epsilon) => positive("epsilon", epsilon)?,
            Regularization::Blur(blur) => power("blur", blur)?,
            // If all points of two clouds coincide, they have no length of their own: any ε will do.
            Regularization::RelativeBlur(share) if frame.diameter() == 0.0 => {
                positive("relative blur", share)?
            }
            Regularization::RelativeBlur(share) => {
                power("blur", positive("relative blur", share)? * frame.diameter())?
            }
        };
        // For a small p, the length ε^(1/p) may be out of range.
        let length = epsilon.powf(1.0 / cost.p());
        let range = "neither so small nor so large that the length ε^(1/p) is 0 or infinite";
        within("epsilon", epsilon, length, range)?;
        let frame = frame.for_kernel(cost, epsilon);
        // A device uses ε and ρ in units of the frame, and divides by them.
        let unit = frame.cost_unit(cost);
        // A ratio that is too large is not an error: see `kernel`.
        within("epsilon", epsilon, (epsilon / unit).min(1.0), RATIO)?;
        for (name, rho) in names.into_iter().zip(rho) {
            if rho.is_finite() {
                within(name, rho, rho / unit, RATIO)?;
            }
        }
        let masses = Masses::new(measures.map(|measure| measure.mass), epsilon, rho, unit);
        masses.check()?;
        Ok(Self {
            cost,
            epsilon,
            rho,
            frame,
            masses,
            moving: 1.0,
            sizes: measures.map(|measure| measure.points),
            along_axes: None,
        })
    }

    fn beside(mut self, constant: f64, reference: f64) -> Result<Self> {
        self.masses = self.masses.with_constant(constant);
        self.masses.check()?;
        self.moving = (self.masses.with_constant(reference).plan / self.masses.plan).min(1.0);
        Ok(self)
    }

    /// The same problem at another ε, in units of the cost.
    pub(crate) fn at(&self, epsilon: f64) -> Self {
        Self {
            epsilon,
            ..self.clone()
        }
    }

    /// The same problem with the largest distance of a point from the centre, in the unit of the frame.
    pub(crate) fn with_radius(self, radius: f64) -> Self {
        let frame = self.frame.with_radius(radius);
        Self { frame, ..self }
    }

    /// The mass that the tolerance is relative to, if the device's masses are 1.
    pub(crate) fn moving(&self) -> f64 {
        self.moving
    }

    pub(crate) fn cost(&self) -> Cost {
        self.cost
    }

    pub(crate) fn epsilon(&self) -> f64 {
        self.epsilon
    }

    pub(crate) fn blur(&self) -> f64 {
        self.epsilon.powf(1.0 / self.cost.p())
    }

    /// The number of pairs of points.
    pub(crate) fn pairs(&self) -> u64 {
        self.sizes[0] as u64 * self.sizes[1] as u64
    }

    /// ρ_a and ρ_b.
    pub(crate) fn rho(&self) -> [f64; 2] {
        self.rho
    }

    /// The conversion from the device's problem, whose masses are 1.
    pub(crate) fn masses(&self) -> &Masses {
        &self.masses
    }

    /// The factor from a cost in the frame to a cost in the units of the points.
    pub(crate) fn cost_unit(&self) -> f64 {
        self.frame.cost_unit(self.cost)
    }

    /// The potentials on a device, for masses of 1.
    pub(crate) fn in_frame(&self, potentials: &Potentials) -> Result<Potentials> {
        let [shift_a, shift_b] = self.masses().shifts;
        let place = |what, values: &[f64], expected: usize, shift: f64| {
            if values.len() != expected {
                let found = values.len();
                return Err(Error::Length {
                    what,
                    expected,
                    found,
                });
            }
            if let Some(index) = values.iter().position(|value| !value.is_finite()) {
                let (row, value) = (index + 1, values[index]);
                return Err(Error::BadPotential { row, value });
            }
            let unit = self.cost_unit();
            Ok(values.iter().map(|value| (value + shift) / unit).collect())
        };
        Ok(Potentials {
            f: place(
                "the potential f to start from",
                &potentials.f,
                self.sizes[0],
                shift_a,
            )?,
            g: place(
                "the potential g to start from",
                &potentials.g,
                self.sizes[1],
                shift_b,
            )?,
        })
    }

    /// An upper bound of every cost, in units of the cost.
    pub(crate) fn largest_cost(&self) -> f64 {
        self.frame.largest_cost(self.cost)
    }

    pub(crate) fn is_balanced(&self) -> bool {
        self.rho.iter().all(|rho| rho.is_infinite())
    }

    pub(crate) fn is_separable(&self) -> bool {
        self.along_axes.is_some()
    }

    /// The kernel on a device.
    ///
    /// If ε is far above all costs and penalties, the plan is a⊗b up to their ratio, and the value is ⟨a⊗b, C⟩. Once
    /// that ratio is below every roundoff, a larger ε changes nothing but may leave the range of floats: the device
    /// uses the largest ε that matters.
    pub(crate) fn kernel(&self) -> Kernel {
        let unit = self.cost_unit();
        let finite = self.rho.iter().filter(|rho| rho.is_finite());
        let largest = finite.fold(self.largest_cost(), |most, rho| most.max(*rho));
        let epsilon = self.epsilon / unit;
        let matters = FLATTEST * (largest / unit);
        Kernel {
            cost: self.cost,
            epsilon: if matters > 0.0 {
                epsilon.min(matters)
            } else {
                epsilon
            },
        }
    }

    pub(crate) fn precision_floor(&self, precision: Precision) -> f64 {
        Rounding::of_costs(precision, self.cost, &self.frame).floor(self.kernel())
    }

    /// The rounding of an engine's operators on the clouds of the frame.
    pub(crate) fn rounding<E: Engine>(&self, engine: &E) -> Rounding {
        let points = self.sizes[0].max(self.sizes[1]);
        let rounding = Rounding::of(engine, self.cost, &self.frame, points);
        match self.along_axes {
            Some(least) => rounding.along_axes(self.frame.dimension(), least),
            None => rounding,
        }
    }

    pub(crate) fn frame(&self) -> &Frame {
        &self.frame
    }
}

/// Whether both measures are on grids, and the cost is a sum over their axes.
fn is_separable(cost: Cost, source: &Measure, target: &Measure) -> bool {
    let grids = [source, target].map(|measure| matches!(measure.support(), Support::Grid(_)));
    grids == [true; 2] && cost.along_an_axis(source.dimension()).is_some()
}

/// Refuses measures of different dimensions.
pub(crate) fn same_space(source: &Measure, target: &Measure) -> Result<()> {
    same_dimension([source.dimension(), target.dimension()])
}

/// The same for their dimensions.
pub(crate) fn same_dimension([source_dimension, target_dimension]: [usize; 2]) -> Result<()> {
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
    one_mass([source.mass(), target.mass()])
}

/// The same for their masses.
pub(crate) fn one_mass([source_mass, target_mass]: [f64; 2]) -> Result<()> {
    if (source_mass - target_mass).abs() <= MASS_TOLERANCE * source_mass.max(target_mass) {
        Ok(())
    } else {
        Err(Error::UnequalMass {
            source_mass,
            target_mass,
        })
    }
}
