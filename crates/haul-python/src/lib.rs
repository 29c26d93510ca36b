//! The compiled part of the Python module `haul`.
//!
//! It takes arrays of f64 in C order and returns such arrays; the Python files beside it convert what users give, and have
//! the documentation. Every computation runs without the GIL, on a thread of its own, while the calling thread looks for
//! signals (`run`). A device remembers its process, because threads and GPUs do not survive a fork (`device`).

mod average;
mod batch;
mod device;
mod discrepancy;
mod divergence;
mod error;
mod exact;
mod fit;
mod gromov;
mod histograms;
mod measure;
mod report;
mod run;
mod scores;
mod settings;
mod solution;

use pyo3::prelude::*;

#[pymodule]
mod _haul {
    #[pymodule_export]
    use super::average::{Average, barycenter};
    #[pymodule_export]
    use super::batch::batch;
    #[pymodule_export]
    use super::device::{Device, devices};
    #[pymodule_export]
    use super::discrepancy::{discrepancy, discrepancy_slopes};
    #[pymodule_export]
    use super::divergence::{Divergence, divergence};
    #[pymodule_export]
    use super::error::Error;
    #[pymodule_export]
    use super::exact::{exact, exact_costs, sliced};
    #[pymodule_export]
    use super::fit::{free_barycenter, quantize};
    #[pymodule_export]
    use super::gromov::{Coupling, StoredCoupling, gromov, gromov_barycenter, gromov_stored};
    #[pymodule_export]
    use super::histograms::{barycentric_dictionary, coordinates, linear_dictionary};
    #[pymodule_export]
    use super::measure::Measure;
    #[pymodule_export]
    use super::scores::{Scores, scores};
    #[pymodule_export]
    use super::solution::{Solution, sinkhorn};
}
