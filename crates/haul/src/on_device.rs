//! Arrays on a [`Device`](crate::Device), and conversions to those of its engines.

use haul_core::engine::{
    Groups, Integrand, Pairs, Pointwise, Ranked, Ratio, Side, Slot, Update, Writing,
};
use haul_core::{Engine, Error, Result};
use haul_cpu::CpuEngine;
use haul_gpu::GpuEngine;

/// Points, weights or a vector, as made by the engine of a device.
#[non_exhaustive]
pub enum OnDevice<C, D, G> {
    /// On the CPU, in f32.
    Cpu(C),
    /// On the CPU, in f64.
    CpuF64(D),
    /// On a GPU.
    Gpu(G),
}

/// Points on a device.
pub type Points = OnDevice<
    <CpuEngine<f32> as Engine>::Points,
    <CpuEngine<f64> as Engine>::Points,
    <GpuEngine as Engine>::Points,
>;

/// Weights on a device.
pub type Weights = OnDevice<
    <CpuEngine<f32> as Engine>::Weights,
    <CpuEngine<f64> as Engine>::Weights,
    <GpuEngine as Engine>::Weights,
>;

/// A vector on a device.
pub type Vector = OnDevice<
    <CpuEngine<f32> as Engine>::Vector,
    <CpuEngine<f64> as Engine>::Vector,
    <GpuEngine as Engine>::Vector,
>;

/// An array of another device.
#[derive(Debug, thiserror::Error)]
#[error("points, weights or a vector of another device; upload them to this one")]
pub(crate) struct Foreign;

/// Conversions between an array on a device and that of an engine.
pub(crate) trait Part<E> {
    type Part;
    fn made(part: Self::Part) -> Self;
    fn part(&self) -> Option<&Self::Part>;
    fn part_mut(&mut self) -> Option<&mut Self::Part>;
}

macro_rules! part {
    ($engine:ty, $variant:ident, $part:ident) => {
        impl<C, D, G> Part<$engine> for OnDevice<C, D, G> {
            type Part = $part;

            fn made(part: $part) -> Self {
                Self::$variant(part)
            }

            fn part(&self) -> Option<&$part> {
                match self {
                    Self::$variant(part) => Some(part),
                    _ => None,
                }
            }

            fn part_mut(&mut self) -> Option<&mut $part> {
                match self {
                    Self::$variant(part) => Some(part),
                    _ => None,
                }
            }
        }
    };
}

part!(CpuEngine<f32>, Cpu, C);
part!(CpuEngine<f64>, CpuF64, D);
part!(GpuEngine, Gpu, G);
part!(Ranked<CpuEngine<f32>>, Cpu, C);
part!(Ranked<CpuEngine<f64>>, CpuF64, D);
part!(Ranked<GpuEngine>, Gpu, G);

/// An argument of an operator, converted for an engine.
pub(crate) trait Own<E> {
    type Own;

    /// `None` if it is of another device.
    fn own(self) -> Option<Self::Own>;
}

/// An array made by an engine, converted for its device.
#[allow(private_bounds)]
pub(crate) fn made<E, T: Part<E>>(_: &E, part: T::Part) -> T {
    T::made(part)
}

/// Converts an argument for an engine.
pub(crate) fn own<E: Engine, T: Own<E>>(engine: &E, argument: T) -> Result<T::Own> {
    argument.own().ok_or_else(|| Error::Device {
        device: engine.device().to_owned(),
        source: Box::new(Foreign),
    })
}

/// Converts the terms of a combination for an engine.
pub(crate) fn owned_terms<'v, E: Engine, T>(
    engine: &E,
    terms: &[(f64, &'v T)],
) -> Result<Vec<(f64, <&'v T as Own<E>>::Own)>>
where
    &'v T: Own<E>,
{
    let terms = terms.iter();
    terms
        .map(|(coefficient, vector)| Ok((*coefficient, own(engine, *vector)?)))
        .collect()
}

impl<'v, E, C, D, G> Own<E> for &'v OnDevice<C, D, G>
where
    OnDevice<C, D, G>: Part<E>,
    <OnDevice<C, D, G> as Part<E>>::Part: 'v,
{
    type Own = &'v <OnDevice<C, D, G> as Part<E>>::Part;

    fn own(self) -> Option<Self::Own> {
        self.part()
    }
}

impl<'v, E, C, D, G> Own<E> for &'v mut OnDevice<C, D, G>
where
    OnDevice<C, D, G>: Part<E>,
    <OnDevice<C, D, G> as Part<E>>::Part: 'v,
{
    type Own = &'v mut <OnDevice<C, D, G> as Part<E>>::Part;

    fn own(self) -> Option<Self::Own> {
        self.part_mut()
    }
}

impl<E, T: Own<E>> Own<E> for Option<T> {
    type Own = Option<T::Own>;

    fn own(self) -> Option<Self::Own> {
        match self {
            Some(inside) => Some(Some(inside.own()?)),
            None => Some(None),
        }
    }
}

impl<'v, E, P: Part<E>> Own<E> for Pairs<'v, P>
where
    P::Part: 'v,
{
    type Own = Pairs<'v, P::Part>;

    fn own(self) -> Option<Self::Own> {
        let Pairs {
            kernel,
            rows,
            columns,
            lines,
            near,
            symmetric,
            part,
        } = self;
        Some(Pairs {
            kernel,
            rows: rows.part()?,
            columns: columns.part()?,
            lines,
            near,
            symmetric,
            part,
        })
    }
}

impl<'v, E, W: Part<E>, V: Part<E>> Own<E> for Side<'v, W, V>
where
    W::Part: 'v,
    V::Part: 'v,
{
    type Own = Side<'v, W::Part, V::Part>;

    fn own(self) -> Option<Self::Own> {
        let weights = match self.weights {
            Some(weights) => Some(weights.part()?),
            None => None,
        };
        let potential = match self.potential {
            Some(potential) => Some(potential.part()?),
            None => None,
        };
        Some(Side { weights, potential })
    }
}

impl<'v, E, V: Part<E>> Own<E> for Integrand<'v, V>
where
    V::Part: 'v,
{
    type Own = Integrand<'v, V::Part>;

    fn own(self) -> Option<Self::Own> {
        Some(Integrand {
            factor: self.factor,
            values: self.values.part()?,
            width: self.width,
        })
    }
}

impl<'v, E, W: Part<E>, V: Part<E>> Own<E> for Groups<'v, W, V>
where
    W::Part: 'v,
    V::Part: 'v,
{
    type Own = Groups<'v, W::Part, V::Part>;

    fn own(self) -> Option<Self::Own> {
        Some(Groups {
            rows: self.rows,
            columns: self.columns,
            damping: self.damping,
            weights: self.weights.part()?,
            masses: self.masses.part_mut()?,
        })
    }
}

impl<'v, E, V: Part<E>> Own<E> for Update<'v, V>
where
    V::Part: 'v,
{
    type Own = Update<'v, V::Part>;

    fn own(self) -> Option<Self::Own> {
        Some(Update {
            epsilon: self.epsilon,
            rho: self.rho,
            before: self.before.part()?,
            after: self.after.part()?,
        })
    }
}

impl<'v, E, V: Part<E>> Own<E> for Slot<'v, V>
where
    V::Part: 'v,
{
    type Own = Slot<'v, V::Part>;

    fn own(self) -> Option<Self::Own> {
        Some(Slot {
            index: self.index,
            slots: self.slots,
            residuals: self.residuals.part_mut()?,
            images: self.images.part_mut()?,
        })
    }
}

impl<'v, E, V: Part<E>> Own<E> for Ratio<'v, V>
where
    V::Part: 'v,
{
    type Own = Ratio<'v, V::Part>;

    fn own(self) -> Option<Self::Own> {
        Some(match self {
            Ratio::Potentials(update) => Ratio::Potentials(update.own()?),
            Ratio::Scalings {
                epsilon,
                rho,
                potential,
                scaling,
                sums,
            } => Ratio::Scalings {
                epsilon,
                rho,
                potential: potential.part()?,
                scaling: scaling.part()?,
                sums: sums.part()?,
            },
        })
    }
}

impl<'v, E, V: Part<E>> Own<E> for Pointwise<'v, V>
where
    V::Part: 'v,
{
    type Own = Pointwise<'v, V::Part>;

    fn own(self) -> Option<Self::Own> {
        Some(match self {
            Pointwise::Value(v) => Pointwise::Value(v.part()?),
            Pointwise::Least(v, w) => Pointwise::Least(v.part()?, w.part()?),
            Pointwise::Product(v, w) => Pointwise::Product(v.part()?, w.part()?),
            Pointwise::Entropy(v) => Pointwise::Entropy(v.part()?),
            Pointwise::Conjugate { potential, rho } => Pointwise::Conjugate {
                potential: potential.part()?,
                rho,
            },
            Pointwise::Gain { before, after, rho } => Pointwise::Gain {
                before: before.part()?,
                after: after.part()?,
                rho,
            },
            Pointwise::Excess(ratio) => Pointwise::Excess(ratio.own()?),
            Pointwise::Missing(update) => Pointwise::Missing(update.own()?),
            Pointwise::Logarithm(update) => Pointwise::Logarithm(update.own()?),
            Pointwise::Divergence(update) => Pointwise::Divergence(update.own()?),
        })
    }
}

impl<'v, E, W: Part<E>> Own<E> for Writing<'v, W>
where
    W::Part: 'v,
{
    type Own = Writing<'v, W::Part>;

    fn own(self) -> Option<Self::Own> {
        let weights = match self.weights {
            Some(weights) => Some(weights.part()?),
            None => None,
        };
        Some(Writing {
            scale: self.scale,
            offsets: self.offsets,
            weights,
            divided: self.divided,
        })
    }
}
