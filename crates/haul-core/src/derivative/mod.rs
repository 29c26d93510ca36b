//! Derivatives of optimal values ([`gradient`]), of the result of a fixed number of iterations ([`truncated`]), and
//! of gradients ([`hessian`]). For measures that lie on a device they are written there ([`resident`]).

mod gradient;
mod hessian;
mod resident;
mod truncated;

pub use gradient::Gradient;
pub use hessian::Sensitivity;
pub use truncated::{Truncated, TruncatedCost};
