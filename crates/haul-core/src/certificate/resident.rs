//! The certificate of a solution that lies on the device. All vectors stay there; only integrals come back.
//!
//! Scalings become minima of potentials. With ĝ = T_a(f), the columns of the plan at (f, g' = min(g, ĝ)) are at most
//! b, and with f̂ = T_b(g'), the rows of the plan at (f' = min(f, f̂), g') are at most a. This is the plan A of the
//! parent module. With ĝ' = T_a(f'), the missing masses of its marginals are
//!
//! ```text
//! e = a (1 − exp((f' − f̂)/ε)),   e' = b (1 − exp((g' − ĝ')/ε)),   t = Σe
//! ⟨A, C⟩ + ε KL(A | a⊗b) = ⟨a − e, f'⟩ + ⟨b − e', g'⟩ + ε t
//! ```
//!
//! The bounds follow as in the parent module. They are widened by the rounding of each softmin, of each integral, and
//! of the weights, whose sum was computed on the device. There are no bounds of W_p^p: their minima over columns are
//! computed on the host.

use super::{Certificate, Values, finite};
use crate::engine::{Factor, Integral, Kernel, Pointwise, Ratio, Side, Update};
use crate::pass::{Marginal, Pass, ones};
use crate::problem::Rounding;
use crate::{Engine, Result};

/// A side of the plan.
struct Evaluated<'e, E: Engine> {
    side: &'e Marginal<E>,
    /// T of the other side's potential.
    softmin: E::Vector,
    /// ⟨a, f⟩.
    value: Integral,
    /// The side's term in the dual.
    conjugate: Integral,
    /// Σ |r − a e^{−f/ρ}|.
    error: f64,
    /// ⟨r − a, 1⟩ and ⟨r − a, f⟩.
    excess: Integral,
    along: f64,
    /// ρ KL(r | a e^{−f/ρ}), and its possible increase per relative error of r; 0 if ρ is infinite.
    penalty: f64,
    doubt: f64,
}

/// The common data of a certificate's passes.
struct Device<'e, E: Engine> {
    engine: &'e E,
    kernel: Kernel,
    passes: usize,
}

impl<'e, E: Engine> Device<'e, E> {
    /// T(h) of a potential h of the columns; `guess` is a guess of it.
    fn softmin(
        &mut self,
        (rows, columns): (&Marginal<E>, &Marginal<E>),
        potential: &E::Vector,
        guess: Option<&E::Vector>,
    ) -> Result<E::Vector> {
        self.passes += 1;
        let mut out = self.engine.zeros(rows.len())?;
        let pass = Pass {
            engine: self.engine,
            kernel: self.kernel,
            rows: &rows.points,
            potential: None,
            columns: &columns.points,
            side: Side::new(&columns.on_device, potential),
            near: None,
        };
        pass.softmin(guess, false, &mut out)?;
        Ok(out)
    }

    /// An integral, and the values of its integrand.
    async fn values(
        &self,
        side: &Marginal<E>,
        integrand: Pointwise<'_, E::Vector>,
    ) -> Result<(Integral, E::Vector)> {
        let mut out = self.engine.zeros(side.len())?;
        let integrals = self
            .engine
            .integral(&side.on_device, integrand, Some(&mut out))
            .await?;
        Ok((integrals.first().copied().unwrap_or_default(), out))
    }

    /// The update of a potential from its softmin, not damped by ρ.
    fn exact<'v>(&self, before: &'v E::Vector, after: &'v E::Vector) -> Update<'v, E::Vector> {
        Update {
            epsilon: self.kernel.epsilon,
            rho: f64::INFINITY,
            before,
            after,
        }
    }

    /// A side of the computed plan.
    async fn evaluate(
        &mut self,
        side: &'e Marginal<E>,
        other: &Marginal<E>,
    ) -> Result<Evaluated<'e, E>> {
        let (engine, rho) = (self.engine, side.rho);
        let epsilon = self.kernel.epsilon;
        let guess = rho.is_infinite().then_some(&side.potential);
        let softmin = self.softmin((side, other), &other.potential, guess)?;
        let value = side
            .integral(engine, Pointwise::Value(&side.potential))
            .await?;
        let conjugate = side.conjugate_on_device(engine, &side.potential).await?;
        let exact = self.exact(&side.potential, &softmin);
        let (excess, ratios) = self
            .values(side, Pointwise::Excess(Ratio::Potentials(exact)))
            .await?;
        let along = Pointwise::Product(&ratios, &side.potential);
        let along = side.integral(engine, along).await?.sum;
        let (mut error, mut penalty, mut doubt) = (excess.size, 0.0, 0.0);
        if rho.is_finite() {
            let mut after = engine.zeros(side.len())?;
            engine.combine(&[(rho / (rho + epsilon), &softmin)], &mut after)?;
            let update = Update {
                epsilon,
                rho,
                before: &side.potential,
                after: &after,
            };
            let off = Pointwise::Excess(Ratio::Potentials(update));
            error = side.integral(engine, off).await?.size;
            let divergence = Pointwise::Divergence(update);
            penalty = rho * side.integral(engine, divergence).await?.size;
            let logarithm = Pointwise::Logarithm(update);
            doubt = rho * side.integral(engine, logarithm).await?.size;
        }
        Ok(Evaluated {
            side,
            softmin,
            value,
            conjugate,
            error,
            excess,
            along,
            penalty,
            doubt,
        })
    }
}

impl<E: Engine> Evaluated<'_, E> {
    /// The possible increase of the penalty if each r has this relative error.
    fn doubt(&self, error: f64) -> f64 {
        let mass = 1.0 + self.excess.sum.max(0.0);
        match self.side.rho.is_finite() {
            true => self.doubt * error + self.side.rho * mass * error * error,
            false => 0.0,
        }
    }

    /// The side's term in the primal: ⟨r, f⟩, or its term in the dual plus the penalty.
    fn primal(&self) -> f64 {
        match self.side.rho.is_finite() {
            true => self.conjugate.sum + self.penalty,
            false => self.value.sum + self.along,
        }
    }
}

/// Evaluates plan and certificate in units of the frame, for masses of 1; returns the number of passes. If the value is not to be
/// `certified`, it takes two: the upper bound is infinite then, and ⟨P, C⟩ and the entropy are NaN.
pub(crate) async fn evaluate<E: Engine>(
    engine: &E,
    kernel: Kernel,
    [source, target]: [&Marginal<E>; 2],
    rounding: Rounding,
    certified: bool,
) -> Result<(Values, Certificate, usize)> {
    let epsilon = kernel.epsilon;
    let mut device = Device {
        engine,
        kernel,
        passes: 0,
    };
    let b = device.evaluate(target, source).await?;
    let a = device.evaluate(source, target).await?;
    let excess_mass = a.excess.sum;
    let mass = 1.0 + excess_mass;
    let (transport_cost, capped) = match certified {
        true => {
            let costs = device.costs(source, target).await?;
            (costs.sum, device.capped(&a, &b).await?)
        }
        false => (f64::NAN, Capped::UNKNOWN),
    };
    let values = Values {
        transport_cost,
        dual: a.conjugate.sum + b.conjugate.sum - epsilon * excess_mass,
        primal: a.primal() + b.primal() - epsilon * excess_mass,
        kl: (a.value.sum + a.along + b.value.sum + b.along - transport_cost) / epsilon
            - excess_mass,
        mass,
    };

    // A softmin has the error of a product and its own rounding; and it is subtracted from a potential.
    let heights = [
        capped.heights[0].max(a.value.height),
        capped.heights[1].max(b.value.height),
    ];
    let error = 2.0 * rounding.term(kernel, heights);
    let size = a.value.size + b.value.size + a.conjugate.size + b.conjugate.size + capped.size;
    let largest = rounding.largest_cost();
    let host = 4.0 * rounding.sum() * (size + largest + epsilon * (1.0 + excess_mass.abs()));
    let exact = capped.bound + error * (size + largest) + epsilon * entropy_error(error);
    let penalized = match (source.rho.is_finite(), target.rho.is_finite()) {
        _ if !certified => f64::INFINITY,
        (false, false) => f64::INFINITY,
        (true, true) => values.primal + error * epsilon * mass + a.doubt(error) + b.doubt(error),
        (false, true) => device.half_exact(&a, &b, error).await?,
        (true, false) => device.half_exact(&b, &a, error).await?,
    };
    let costs_off = (rounding.cost() + rounding.near()) * mass.max(1.0);
    let certificate = Certificate {
        wasserstein: None,
        marginal_error_a: a.error,
        marginal_error_b: b.error,
        lower_bound: values.dual - error * epsilon * mass.max(1.0) - costs_off - host,
        upper_bound: exact.min(penalized) + costs_off + host,
        precision_floor: rounding.floor(kernel),
    };
    let marginal_error = certificate.marginal_error();
    let mut numbers = vec![values.dual, values.primal, mass, marginal_error];
    if certified {
        numbers.extend([values.transport_cost, values.kl, exact]);
    }
    finite(engine, &numbers)?;
    Ok((values, certificate, device.passes))
}

/// Results for the plan with exact marginals.
struct Capped {
    /// The bound of OT_ε, without rounding errors.
    bound: f64,
    /// ⟨a, |f'|⟩ + ⟨b, |g'|⟩.
    size: f64,
    /// The heights of all potentials of both sides.
    heights: [f64; 2],
}

impl Capped {
    /// No bound.
    const UNKNOWN: Self = Self {
        bound: f64::INFINITY,
        size: 0.0,
        heights: [0.0; 2],
    };
}

/// The possible increase of the entropy, divided by ε, if each row has this error relative to its weight: x log x
/// changes by at most y (1 + log 1/y) if x between 0 and 1 changes by y.
fn entropy_error(error: f64) -> f64 {
    5.0 * error * (1.0 + error.recip().ln().max(0.0))
}

impl<E: Engine> Device<'_, E> {
    /// ⟨P, C⟩.
    async fn costs(&mut self, source: &Marginal<E>, target: &Marginal<E>) -> Result<Integral> {
        self.passes += 1;
        let ones = ones(self.engine, target.len())?;
        let mut costs = self.engine.zeros(source.len())?;
        let pass = Pass::between(self.engine, self.kernel, source, target);
        pass.product_on_device(Factor::Cost, &ones, 1, &mut costs)?;
        source.integral(self.engine, Pointwise::Value(&costs)).await
    }

    /// Lowers potentials until no marginal exceeds its measure, columns first, and adds the missing mass.
    async fn capped(&mut self, a: &Evaluated<'_, E>, b: &Evaluated<'_, E>) -> Result<Capped> {
        let (engine, epsilon) = (self.engine, self.kernel.epsilon);
        let (source, target) = (a.side, b.side);
        let least = Pointwise::Least(&target.potential, &b.softmin);
        let (of_g, g) = self.values(target, least).await?;
        let softmin_a = self.softmin((source, target), &g, Some(&a.softmin))?;
        let least = Pointwise::Least(&source.potential, &softmin_a);
        let (of_f, f) = self.values(source, least).await?;
        let softmin_b = self.softmin((target, source), &f, Some(&b.softmin))?;

        let exact = self.exact(&f, &softmin_a);
        let (of_e, e) = self.values(source, Pointwise::Missing(exact)).await?;
        let exact = self.exact(&g, &softmin_b);
        let (of_e2, e2) = self.values(target, Pointwise::Missing(exact)).await?;
        let along = source
            .integral(engine, Pointwise::Product(&e, &f))
            .await?
            .sum
            + target
                .integral(engine, Pointwise::Product(&e2, &g))
                .await?
                .sum;
        let missing = [of_e.sum, of_e2.sum];
        let half = 0.5 * (missing[0] + missing[1]);
        let kept = if half < 1.0 {
            (1.0 - half) * (-half).ln_1p()
        } else {
            0.0
        };
        let mut bound = of_f.sum + of_g.sum - along - epsilon * kept;
        if missing[0] > 0.0 && missing[1] > 0.0 {
            self.passes += 1;
            let mut costs = engine.zeros(source.len())?;
            let free = Pass {
                engine,
                kernel: Kernel {
                    epsilon: f64::INFINITY,
                    ..self.kernel
                },
                rows: &source.points,
                potential: None,
                columns: &target.points,
                side: Side {
                    weights: Some(&target.on_device),
                    potential: None,
                },
                near: None,
            };
            free.product_on_device(Factor::Cost, &e2, 1, &mut costs)?;
            let added = source
                .integral(engine, Pointwise::Product(&e, &costs))
                .await?
                .sum;
            let entropy = source.integral(engine, Pointwise::Entropy(&e)).await?.sum
                + target.integral(engine, Pointwise::Entropy(&e2)).await?.sum;
            let of_masses: f64 = missing.iter().map(|t| t * t.ln()).sum();
            bound += added / missing[1] + epsilon * (entropy - of_masses);
        }
        Ok(Capped {
            bound,
            size: of_f.size + of_g.size,
            heights: [of_f.height, of_g.height],
        })
    }

    /// The cost of the plan after the marginal on one side, `exact`, was made the measure: its potential is T of the
    /// other one.
    async fn half_exact(
        &mut self,
        exact: &Evaluated<'_, E>,
        free: &Evaluated<'_, E>,
        error: f64,
    ) -> Result<f64> {
        let engine = self.engine;
        let (epsilon, rho) = (self.kernel.epsilon, free.side.rho);
        let softmin = self.softmin((free.side, exact.side), &exact.softmin, Some(&free.softmin))?;
        let mut after = engine.zeros(free.side.len())?;
        engine.combine(&[(rho / (rho + epsilon), &softmin)], &mut after)?;
        let update = Update {
            epsilon,
            rho,
            before: &free.side.potential,
            after: &after,
        };
        let side = free.side;
        let off = rho
            * side
                .integral(engine, Pointwise::Divergence(update))
                .await?
                .size;
        let doubt = rho
            * side
                .integral(engine, Pointwise::Logarithm(update))
                .await?
                .size;
        let value = exact
            .side
            .integral(engine, Pointwise::Value(&exact.softmin))
            .await?
            .sum;
        // The error of the sums and that of the potential that makes one side exact.
        let error = 2.0 * error;
        let doubt = doubt * error + rho * error * error;
        Ok(value + free.conjugate.sum + off + error * epsilon + doubt)
    }
}
