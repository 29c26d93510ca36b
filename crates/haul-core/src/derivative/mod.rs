//! Derivatives: of optimal values ([`gradient`]), of what a number of iterations computes ([`truncated`]), and of gradients
//! ([`hessian`]).

mod gradient;
mod hessian;
mod truncated;

pub use gradient::Gradient;
pub use hessian::Sensitivity;
pub use truncated::{Truncated, TruncatedCost};
