//! The settings of a solve.

use crate::error::Error;
use haul::{BarycenterKind, Form, Multiscale, Potentials, Regularization, Sinkhorn};
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;

/// The settings of a solve, as the items of a dictionary.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Settings<'py> {
    /// `epsilon`, `blur` or `relative`, and a number.
    regularization: (String, f64),
    p: f64,
    /// ρ_a and ρ_b; infinite for a constraint.
    rho: [f64; 2],
    tolerance: f64,
    max_iterations: usize,
    /// `log` or `scaling`.
    form: String,
    /// Whether passes leave out pairs that are far apart; `None` where it pays.
    multiscale: Option<bool>,
    /// Whether there is an upper bound, which takes passes of its own.
    certified: bool,
    /// f and g to start from.
    start: Option<(PyReadonlyArray1<'py, f64>, PyReadonlyArray1<'py, f64>)>,
}

impl Settings<'_> {
    pub(crate) fn regularization(&self) -> PyResult<Regularization> {
        let (name, value) = &self.regularization;
        match name.as_str() {
            "epsilon" => Ok(Regularization::Epsilon(*value)),
            "blur" => Ok(Regularization::Blur(*value)),
            "relative" => Ok(Regularization::RelativeBlur(*value)),
            other => Err(Error::new_err(format!("{other} is no regularization"))),
        }
    }

    pub(crate) fn sinkhorn(&self) -> PyResult<Sinkhorn> {
        let [rho_a, rho_b] = self.rho;
        let sinkhorn = Sinkhorn::with(self.regularization()?)
            .p(self.p)
            .rho_a(rho_a)
            .rho_b(rho_b)
            .tolerance(self.tolerance)
            .max_iterations(self.max_iterations)
            .form(match self.form.as_str() {
                "log" => Form::Log,
                "scaling" => Form::Scaling,
                other => {
                    return Err(Error::new_err(format!(
                        "form is {other:?}; it must be \"log\" or \"scaling\""
                    )));
                }
            })
            .multiscale(match self.multiscale {
                None => Multiscale::Automatic,
                Some(true) => Multiscale::Always,
                Some(false) => Multiscale::Never,
            });
        let sinkhorn = match self.certified {
            true => sinkhorn,
            false => sinkhorn.uncertified(),
        };
        Ok(match &self.start {
            None => sinkhorn,
            Some((f, g)) => sinkhorn.warm_start(Potentials {
                f: f.as_slice()?.to_vec(),
                g: g.as_slice()?.to_vec(),
            }),
        })
    }

    pub(crate) fn p(&self) -> f64 {
        self.p
    }

    pub(crate) fn tolerance(&self) -> f64 {
        self.tolerance
    }

    pub(crate) fn max_iterations(&self) -> usize {
        self.max_iterations
    }
}

/// The objective of an average, by its name.
pub(crate) fn kind(name: &str) -> PyResult<BarycenterKind> {
    let kinds = [
        BarycenterKind::Debiased,
        BarycenterKind::Plain,
        BarycenterKind::Product,
    ];
    kinds
        .into_iter()
        .find(|known| known.name() == name)
        .ok_or_else(|| {
            Error::new_err(format!(
                "kind is {name:?}; it must be \"debiased\", \"plain\" or \"product\""
            ))
        })
}
