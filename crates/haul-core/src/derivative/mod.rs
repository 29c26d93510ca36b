//! Derivatives: of optimal values ([`gradient`]), of what a number of iterations computes ([`truncated`]), and of gradients
//! ([`hessian`]). Those of measures that lie on a device are written there ([`resident`]).

mod gradient;
mod hessian;
mod resident;
mod truncated;

pub use gradient::Gradient;
pub use hessian::Sensitivity;
pub use truncated::{Truncated, TruncatedCost};
