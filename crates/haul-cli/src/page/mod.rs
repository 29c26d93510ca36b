//! Reports for people: one self-contained HTML page a run. It makes no network request, and a policy in its head
//! forbids any; it is complete without its only script, which sorts and filters a table of jobs.
//!
//! Every number that `--json` prints as well is in a `<data>` element, whose `value` has all digits of the JSON; a
//! row of a table has its JSON key as `itemprop`.

pub(crate) mod certificate;
pub(crate) mod clouds;
pub(crate) mod convergence;
pub(crate) mod course;
pub(crate) mod curves;
pub(crate) mod figure;
pub(crate) mod number;
pub(crate) mod sheet;
pub(crate) mod values;
