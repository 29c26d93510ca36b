//! Measures from arrays.

use crate::error;
use haul::{Extent, Grid};
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

/// A discrete measure: a cloud or a grid with its weights.
#[pyclass(frozen, module = "haul._haul")]
pub(crate) struct Measure {
    pub(crate) inner: haul::Measure,
}

#[pymethods]
impl Measure {
    /// A cloud of n×d points; weights of 1/n if none are given.
    #[staticmethod]
    fn cloud(
        points: PyReadonlyArray2<'_, f64>,
        weights: Option<PyReadonlyArray1<'_, f64>>,
    ) -> PyResult<Self> {
        let (_, d) = shape(&points);
        let measure = haul::Measure::uniform(points.as_slice()?, d).map_err(error::of)?;
        let inner = match weights {
            None => measure,
            Some(weights) => measure
                .with_weights(weights.as_slice()?)
                .map_err(error::of)?,
        };
        Ok(Self { inner })
    }

    /// A grid of weights, the last axis fastest.
    #[staticmethod]
    fn grid(
        weights: PyReadonlyArray1<'_, f64>,
        shape: Vec<usize>,
        spacing: Vec<f64>,
        origin: Vec<f64>,
    ) -> PyResult<Self> {
        let grid = Grid::new(&shape, &spacing, &origin).map_err(error::of)?;
        let inner = haul::Measure::grid(grid, weights.as_slice()?.to_vec()).map_err(error::of)?;
        Ok(Self { inner })
    }

    /// The same points with other weights.
    fn with_weights(&self, weights: PyReadonlyArray1<'_, f64>) -> PyResult<Self> {
        let measure = self.inner.clone().with_weights(weights.as_slice()?);
        let inner = measure.map_err(error::of)?;
        Ok(Self { inner })
    }

    fn __len__(&self) -> usize {
        self.inner.len()
    }

    #[getter]
    fn dimension(&self) -> usize {
        self.inner.dimension()
    }

    #[getter]
    fn mass(&self) -> f64 {
        self.inner.mass()
    }

    /// The points along each axis of a grid; `None` for a cloud.
    #[getter]
    fn shape(&self) -> Option<Vec<usize>> {
        match self.inner.support() {
            haul::Support::Grid(grid) => Some(grid.shape().to_vec()),
            _ => None,
        }
    }

    /// The spacing and the origin of a grid; `None` for a cloud.
    #[getter]
    fn lattice(&self) -> Option<(Vec<f64>, Vec<f64>)> {
        match self.inner.support() {
            haul::Support::Grid(grid) => Some((grid.spacing().to_vec(), grid.origin().to_vec())),
            _ => None,
        }
    }

    /// n×d.
    #[getter]
    fn points<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let points = self.inner.points().to_vec();
        matrix(py, points, self.inner.dimension())
    }

    #[getter]
    fn weights<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, self.inner.weights())
    }

    /// The diagonal of the joint bounding box of measures in one space.
    #[staticmethod]
    fn diagonal(measures: Vec<Bound<'_, Self>>) -> f64 {
        let extents = measures
            .iter()
            .map(|measure| Extent::of(&measure.get().inner));
        let joint = extents.reduce(|mut joint, extent| {
            let bounds = joint.low.iter_mut().zip(&mut joint.high);
            for ((low, high), other) in bounds.zip(extent.low.iter().zip(&extent.high)) {
                (*low, *high) = (low.min(*other.0), high.max(*other.1));
            }
            joint
        });
        joint.map_or(0.0, |joint| joint.diagonal())
    }
}

/// The rows and columns of an array.
pub(crate) fn shape(array: &PyReadonlyArray2<'_, f64>) -> (usize, usize) {
    let array = array.as_array();
    (array.nrows(), array.ncols())
}

/// Values, row-major, as an array of so many columns.
pub(crate) fn matrix(
    py: Python<'_>,
    values: Vec<f64>,
    columns: usize,
) -> PyResult<Bound<'_, PyArray2<f64>>> {
    let rows = values.len().checked_div(columns).unwrap_or(0);
    PyArray1::from_vec(py, values).reshape([rows, columns])
}
