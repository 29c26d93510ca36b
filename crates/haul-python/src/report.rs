//! Reports as dictionaries.

use haul::{
    BarycenterReport, BarycentricReport, CoordinatesReport, DictionaryReport, Discrepancy,
    ExactReport, FreeReport, GromovAverageReport, GromovReport, QuantizationReport, Report,
    SlicedValue, SupportWeights,
};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// A dictionary of fields, by their names.
macro_rules! fields {
    ($dict:expr, $of:expr, $($field:ident),+ $(,)?) => {
        $($dict.set_item(stringify!($field), $of.$field.clone())?;)+
    };
}

/// The numbers of a solve.
pub(crate) fn of_solve<'py>(py: Python<'py>, report: &Report) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    fields!(
        dict,
        report,
        n,
        m,
        d,
        epsilon,
        blur,
        rho_a,
        rho_b,
        value,
        regularized_cost,
        transport_cost,
        kl,
        mass,
        certified,
        tolerance,
        converged,
        iterations,
        softmin_passes,
        pairs,
        kept,
        dropped,
        distance_bytes,
        seconds,
        device,
    );
    let certificate = &report.certificate;
    fields!(
        dict,
        certificate,
        lower_bound,
        upper_bound,
        marginal_error_a,
        marginal_error_b,
        precision_floor,
    );
    dict.set_item("p", report.cost.p())?;
    dict.set_item("precision", report.precision.name())?;
    dict.set_item(
        "wasserstein",
        certificate
            .wasserstein
            .map(|bounds| (bounds.lower, bounds.upper)),
    )?;
    let stages = report.stages.iter();
    let stages: Vec<_> = stages
        .map(|stage| (stage.method.name(), stage.iterations))
        .collect();
    dict.set_item("stages", stages)?;
    Ok(dict)
}

/// The numbers of exact transport.
pub(crate) fn of_exact<'py>(py: Python<'py>, report: &ExactReport) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    fields!(
        dict, report, n, m, d, p, value, gap, tolerance, proved, mass, rounds, arcs, pivots,
        seconds, device,
    );
    let distance = report.distance_bounds();
    dict.set_item("lower_bound", report.bounds.lower)?;
    dict.set_item("upper_bound", report.bounds.upper)?;
    dict.set_item("distance", report.length(report.value))?;
    dict.set_item("distance_bounds", (distance.lower, distance.upper))?;
    dict.set_item("precision", report.precision.name())?;
    Ok(dict)
}

/// The numbers of a sliced distance.
pub(crate) fn of_sliced<'py>(
    py: Python<'py>,
    sliced: &SlicedValue,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    fields!(dict, sliced, value, standard_error, largest);
    dict.set_item("direction", PyArray1::from_slice(py, &sliced.direction))?;
    Ok(dict)
}

/// The numbers of a barycenter.
pub(crate) fn of_average<'py>(
    py: Python<'py>,
    report: &BarycenterReport,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    fields!(
        dict, report, n, d, epsilon, blur, lambda, terms, value, objective, error, tolerance,
        converged, iterations, products, pairs, seconds, device,
    );
    dict.set_item("kind", report.kind.name())?;
    dict.set_item("p", report.cost.p())?;
    dict.set_item("lower_bound", report.bounds.lower)?;
    dict.set_item("upper_bound", report.bounds.upper)?;
    dict.set_item("precision", report.precision.name())?;
    Ok(dict)
}

/// The numbers of a comparison by means.
pub(crate) fn of_discrepancy<'py>(
    py: Python<'py>,
    discrepancy: &Discrepancy,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    fields!(
        dict,
        discrepancy,
        value,
        rounding,
        n,
        m,
        d,
        pairs,
        seconds,
        device
    );
    let terms = discrepancy.terms;
    fields!(dict, terms, ab, aa, bb);
    dict.set_item("precision", discrepancy.precision.name())?;
    Ok(dict)
}

/// The numbers of a reduction to k points.
pub(crate) fn of_quantization<'py>(
    py: Python<'py>,
    report: &QuantizationReport,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    fields!(
        dict, report, k, n, d, epsilon, objective, inertia, empty, movement, goal, converged,
        iterations, pairs, seconds, device,
    );
    dict.set_item("kind", report.kind.name())?;
    dict.set_item("precision", report.precision.name())?;
    Ok(dict)
}

/// The numbers of a barycenter on free points.
pub(crate) fn of_free_average<'py>(
    py: Python<'py>,
    report: &FreeReport,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    fields!(
        dict, report, n, d, epsilon, blur, lambda, terms, value, objective, movement, goal, change,
        converged, steps, passes, pairs, tolerance, seconds, device,
    );
    dict.set_item("kind", report.kind.name())?;
    dict.set_item("learned_weights", report.weights == SupportWeights::Learned)?;
    dict.set_item("lower_bound", report.bounds.lower)?;
    dict.set_item("upper_bound", report.bounds.upper)?;
    dict.set_item("precision", report.precision.name())?;
    Ok(dict)
}

/// The numbers of barycentric coordinates.
pub(crate) fn of_coordinates<'py>(
    py: Python<'py>,
    report: &CoordinatesReport,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    fields!(
        dict,
        report,
        iterations,
        lambda,
        value,
        gradient,
        gradient_norm,
        mass,
        gap,
        converged,
        evaluations,
        products,
        seconds,
    );
    dict.set_item("loss", report.loss.name())?;
    Ok(dict)
}

/// The numbers of a dictionary of linear mixtures.
pub(crate) fn of_dictionary<'py>(
    py: Python<'py>,
    report: &DictionaryReport,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    fields!(
        dict,
        report,
        n,
        d,
        histograms,
        atoms,
        epsilon,
        blur,
        terms,
        objective,
        weights_gap,
        atoms_gap,
        error,
        steps,
        step_size,
        products,
        tolerance,
        converged,
        seconds,
        device,
    );
    dict.set_item("loss", report.kind.name())?;
    dict.set_item("p", report.cost.p())?;
    let bounds = report.bounds.map(|bounds| (bounds.lower, bounds.upper));
    dict.set_item("bounds", bounds)?;
    dict.set_item("precision", report.precision.name())?;
    Ok(dict)
}

/// The numbers of a dictionary of barycentric mixtures.
pub(crate) fn of_barycentric_dictionary<'py>(
    py: Python<'py>,
    report: &BarycentricReport,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    fields!(
        dict,
        report,
        iterations,
        epsilon,
        objective,
        terms,
        first,
        converged,
        steps,
        evaluations,
        products,
        seconds,
        device,
    );
    dict.set_item("loss", report.loss.name())?;
    dict.set_item("precision", report.precision.name())?;
    Ok(dict)
}

/// The numbers of a coupling of two spaces.
pub(crate) fn of_gromov<'py>(
    py: Python<'py>,
    report: &GromovReport,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    fields!(
        dict,
        report,
        n,
        m,
        epsilon,
        alpha,
        rho,
        mass,
        energy,
        feature_cost,
        kl,
        objective,
        product_objective,
        course,
        rise,
        lower_bound,
        stationarity,
        tolerance,
        converged,
        marginal_error,
        starts,
        steps,
        softmin_passes,
        pairs,
        seconds,
        device,
    );
    dict.set_item("precision", report.precision.name())?;
    Ok(dict)
}

/// The numbers of a space in the middle of several.
pub(crate) fn of_gromov_average<'py>(
    py: Python<'py>,
    report: &GromovAverageReport,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    fields!(
        dict,
        report,
        lambda,
        epsilon,
        objective,
        course,
        rise,
        fall,
        converged,
        softmin_passes,
        pairs,
        seconds,
        device,
    );
    dict.set_item("precision", report.precision.name())?;
    Ok(dict)
}
