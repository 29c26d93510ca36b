//! The search for arcs of negative reduced cost, which also gives the bound of the dual: by bounds over [`blocks`] of points in few
//! dimensions, and by [`passes`] of an engine over all pairs in more.

mod blocks;
mod passes;

use super::coarse::Cloud;
use crate::{Cost, Engine, Frame, Result};
use blocks::Blocks;
use passes::Passes;

/// Up to this dimension, neighbours in a k-d order are so near that bounds over blocks leave most pairs out.
pub(super) const FEW_DIMENSIONS: usize = 7;

/// The result of a search.
#[derive(Debug)]
pub(super) struct Priced {
    /// For each row, a lower bound of minⱼ Cᵢⱼ − vⱼ; for each column, one of minᵢ Cᵢⱼ − uᵢ.
    pub(super) least: [Vec<f64>; 2],
    /// Arcs (row, column) of small reduced cost, some of each row and of each column.
    pub(super) arcs: Vec<(usize, usize)>,
}

/// A way to search.
pub(super) enum Pricing<'e, E: Engine> {
    Blocks(Blocks),
    Passes(Passes<'e, E>),
}

impl<'e, E: Engine> Pricing<'e, E> {
    /// The way for two clouds in a frame.
    pub(super) fn new(
        engine: &'e E,
        cost: Cost,
        frame: &Frame,
        clouds: &[Cloud; 2],
    ) -> Result<Self> {
        Ok(match frame.dimension() {
            ..=FEW_DIMENSIONS => Self::Blocks(Blocks::new(cost, frame, clouds)),
            _ => Self::Passes(Passes::new(engine, cost, frame, clouds)?),
        })
    }

    /// The numbers of rows and columns.
    pub(super) fn sizes(&self) -> [usize; 2] {
        match self {
            Self::Blocks(blocks) => blocks.sizes(),
            Self::Passes(passes) => passes.sizes(),
        }
    }

    /// The arcs of least reduced cost, for potentials to start from.
    pub(super) async fn nearest(&self, potentials: [&[f64]; 2]) -> Result<Priced> {
        match self {
            Self::Blocks(blocks) => Ok(blocks.nearest(potentials)),
            Self::Passes(passes) => passes.search(potentials).await,
        }
    }

    /// Arcs of negative reduced cost.
    pub(super) async fn violated(&self, potentials: [&[f64]; 2]) -> Result<Priced> {
        match self {
            Self::Blocks(blocks) => Ok(blocks.violated(potentials)),
            Self::Passes(passes) => passes.search(potentials).await,
        }
    }
}
