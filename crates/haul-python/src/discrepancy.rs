//! Energy distances and maximum mean discrepancies.

use crate::device::Device;
use crate::error::Error;
use crate::measure::{Measure, matrix};
use crate::report;
use crate::run::Run;
use haul::{Energy, Mmd, Precision};
use numpy::{PyArray1, PyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The kernel of a comparison by means over pairs.
enum Kernel {
    Energy(Energy),
    Mmd(Mmd),
}

impl Kernel {
    /// −|x − y|^p, or a kernel of width σ.
    fn named(name: &str, value: f64) -> PyResult<Self> {
        match name {
            "energy" => Ok(Self::Energy(Energy::new().p(value))),
            "gaussian" => Ok(Self::Mmd(Mmd::gaussian(value))),
            "laplacian" => Ok(Self::Mmd(Mmd::laplacian(value))),
            other => Err(Error::new_err(format!(
                "kernel is {other:?}; it must be \"energy\", \"gaussian\" or \"laplacian\""
            ))),
        }
    }
}

/// The value of a comparison and its derivative in the weights of the source.
#[pyfunction]
pub(crate) fn discrepancy<'py>(
    py: Python<'py>,
    device: &Bound<'py, Device>,
    source: &Bound<'py, Measure>,
    target: &Bound<'py, Measure>,
    kernel: (String, f64),
    wide: bool,
) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyArray1<f64>>)> {
    let (source, target) = (&source.get().inner, &target.get().inner);
    let kernel = Kernel::named(&kernel.0, kernel.1)?;
    let engine = device.get().open(py, precision(wide))?;
    let discrepancy = Run::on(&engine).work(py, || match &kernel {
        Kernel::Energy(energy) => energy.evaluate(&*engine, source, target),
        Kernel::Mmd(mmd) => mmd.evaluate(&*engine, source, target),
    })?;
    let weights = PyArray1::from_slice(py, &discrepancy.gradient_weights);
    Ok((report::of_discrepancy(py, &discrepancy)?, weights))
}

/// Its derivative in the points of the source.
#[pyfunction]
pub(crate) fn discrepancy_slopes<'py>(
    py: Python<'py>,
    device: &Bound<'py, Device>,
    source: &Bound<'py, Measure>,
    target: &Bound<'py, Measure>,
    kernel: (String, f64),
    wide: bool,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let (source, target) = (&source.get().inner, &target.get().inner);
    let kernel = Kernel::named(&kernel.0, kernel.1)?;
    let engine = device.get().open(py, precision(wide))?;
    let slopes = Run::on(&engine).work(py, || match &kernel {
        Kernel::Energy(energy) => energy.gradient_points(&*engine, source, target),
        Kernel::Mmd(mmd) => mmd.gradient_points(&*engine, source, target),
    })?;
    matrix(py, slopes, source.dimension())
}

fn precision(wide: bool) -> Precision {
    if wide { Precision::F64 } else { Precision::F32 }
}
