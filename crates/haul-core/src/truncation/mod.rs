//! Which pairs of two clouds a pass may leave out, and how much of the plan it then leaves out.
//!
//! Points are in a k-d [order](crate::measure::order), so that tiles, and aligned blocks of tiles, are neighbours in
//! space. [`Tree`] has the boxes of these blocks, [`Majorants`] bound a potential over them, and [`Lists`] leaves out
//! the pairs of blocks whose densities are proved to be small. The bounds hold for any potentials.

mod lists;
mod majorants;
mod tree;

pub(crate) use lists::{Lists, Omitted, Rule, for_near_tiles};
pub(crate) use tree::Tree;
