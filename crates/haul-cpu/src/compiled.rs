//! The operators over pairs, compiled for each format.
//!
//! A function with type parameters is compiled in every crate that calls it with concrete types, and the kernels take long to
//! compile. So functions without type parameters, which only this crate compiles, call them.

use crate::engine::CpuEngine;
use crate::points::CpuPoints;
use crate::real::Float;
use crate::vectors::CpuVector;
use crate::weights::CpuWeights;
use haul_core::Result;
use haul_core::engine::{Groups, Integrand, Nearest, Pairs, Piece, Side};

/// Weights and potential of the columns.
pub(crate) type Columns<'v, T> = Side<'v, CpuWeights, CpuVector<T>>;

/// An operator that writes a vector, with its arguments beside the pairs and their columns.
pub enum Operator<'a, T> {
    /// A softmin, with its guess.
    Softmin(
        Option<&'a CpuVector<T>>,
        Option<Groups<'a, CpuWeights, CpuVector<T>>>,
    ),
    /// A softmin of points against themselves, with the sums of its pieces.
    Pieces(&'a [f64]),
    /// A product, with the potential of the rows.
    Product(Option<&'a CpuVector<T>>, Integrand<'a, CpuVector<T>>),
    /// A gradient, with the potential of the rows.
    Gradient(Option<&'a CpuVector<T>>, Integrand<'a, CpuVector<T>>),
    /// A curvature, with the potential of the rows and their directions.
    Curvature(Option<&'a CpuVector<T>>, &'a CpuVector<T>),
}

/// The floating-point format of a [`CpuEngine`]: `f32` or `f64`. Sealed.
pub trait Real: Float {
    /// Runs an operator.
    #[doc(hidden)]
    fn run(
        engine: &CpuEngine<Self>,
        pairs: Pairs<'_, CpuPoints<Self>>,
        columns: Side<'_, CpuWeights, CpuVector<Self>>,
        operator: Operator<'_, Self>,
        out: &mut CpuVector<Self>,
    ) -> Result<()>;

    /// Adds the sums of a piece.
    #[doc(hidden)]
    fn piece(
        engine: &CpuEngine<Self>,
        pairs: Pairs<'_, CpuPoints<Self>>,
        columns: Side<'_, CpuWeights, CpuVector<Self>>,
        piece: Piece,
        sums: &mut [f64],
    ) -> Result<()>;

    /// Finds the nearest columns.
    #[doc(hidden)]
    fn nearest(
        engine: &CpuEngine<Self>,
        pairs: Pairs<'_, CpuPoints<Self>>,
        columns: Side<'_, CpuWeights, CpuVector<Self>>,
    ) -> Result<Nearest>;
}

macro_rules! compiled {
    ($($format:ty),*) => {$(
        impl Real for $format {
            #[inline(never)]
            fn run(
                engine: &CpuEngine<Self>,
                pairs: Pairs<'_, CpuPoints<Self>>,
                columns: Columns<'_, Self>,
                operator: Operator<'_, Self>,
                out: &mut CpuVector<Self>,
            ) -> Result<()> {
                engine.run(pairs, columns, operator, out)
            }

            #[inline(never)]
            fn piece(
                engine: &CpuEngine<Self>,
                pairs: Pairs<'_, CpuPoints<Self>>,
                columns: Columns<'_, Self>,
                piece: Piece,
                sums: &mut [f64],
            ) -> Result<()> {
                engine.add_piece(pairs, columns, piece, sums)
            }

            #[inline(never)]
            fn nearest(
                engine: &CpuEngine<Self>,
                pairs: Pairs<'_, CpuPoints<Self>>,
                columns: Columns<'_, Self>,
            ) -> Result<Nearest> {
                engine.find_nearest(pairs, columns)
            }
        }
    )*};
}

compiled!(f32, f64);
