//! Reports for people: one page of HTML a run, whole in itself. It asks nothing of a network, and a policy
//! in its head forbids that it ever does; it reads whole without its only script, which sorts and filters a
//! table of jobs.
//!
//! Every number that `--json` prints as well stands in a `<data>` element, whose `value` is that of the
//! JSON to the last digit; a row of a table is named by its key there, as `itemprop`.

mod batch;
mod certificate;
mod clouds;
mod convergence;
mod energy;
mod figure;
mod number;
mod overview;
mod sheet;
mod solution;
mod values;

pub(crate) use batch::{Row, Summary, batch};
pub(crate) use clouds::Clouds;
pub(crate) use energy::energy;
pub(crate) use solution::{divergence, solution};

use crate::formats;
use crate::picture::PictureError;
use std::path::Path;

/// A page, or why its figures could not be drawn.
type Page<T = String> = Result<T, PictureError>;

/// Refuses a target that cannot be written, before there is anything to tell.
///
/// # Errors
///
/// Those of [`formats::check_target`].
pub(crate) fn check(target: Option<&Path>) -> formats::Result<()> {
    target.map_or(Ok(()), |target| formats::check_target(target, ".html"))
}
