//! Reports for people: one page of HTML a run, whole in itself. It asks nothing of a network, and a policy
//! in its head forbids that it ever does; it reads whole without its only script, which sorts and filters a
//! table of jobs.
//!
//! Every number that `--json` prints as well stands in a `<data>` element, whose `value` is that of the
//! JSON to the last digit; a row of a table is named by its key there, as `itemprop`.

pub(crate) mod axes;
pub(crate) mod certificate;
pub(crate) mod clouds;
pub(crate) mod convergence;
pub(crate) mod figure;
pub(crate) mod number;
pub(crate) mod sheet;
pub(crate) mod values;
