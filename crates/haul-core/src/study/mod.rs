//! How values of transport depend on ε, and on the number of points of a sample.

mod epsilon;
mod power_law;
mod samples;

pub use epsilon::{EpsilonPoint, EpsilonStudy};
pub use power_law::PowerLaw;
pub use samples::{SampleStudy, SampleTrial};
