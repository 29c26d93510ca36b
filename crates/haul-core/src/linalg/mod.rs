//! Sums, moments and small linear systems on the host, in f64.

mod cholesky;
mod conjugate;
mod lbfgs;
mod moments;
mod sums;
mod svd;
mod symmetric;

pub(crate) use cholesky::Cholesky;
pub(crate) use conjugate::ConjugateGradients;
pub(crate) use lbfgs::{Lbfgs, Search, Trial};
pub(crate) use moments::{covariance, moments};
pub(crate) use sums::{dot, mean, sum};
pub(crate) use svd::{Svd, determinant, identity};
pub(crate) use symmetric::{function, times};
