//! The points of a measure in the frame, on the host and on a device.

use crate::measure::{Support, product};
use crate::{Engine, Frame, Measure, Result};
use std::borrow::Cow;

/// The points of a cloud, or of each axis of a grid.
pub(crate) enum Points<E: Engine> {
    Cloud {
        /// n×`dimension`.
        coordinates: Vec<f64>,
        dimension: usize,
        on_device: E::Points,
    },
    Grid(Vec<Axis<E>>),
    /// A cloud without coordinates on the host.
    Resident {
        len: usize,
        dimension: usize,
        on_device: E::Points,
    },
}

/// One axis of a grid, a cloud in one dimension.
pub(crate) struct Axis<E: Engine> {
    pub(crate) coordinates: Vec<f64>,
    pub(crate) on_device: E::Points,
}

impl<E: Engine> Points<E> {
    /// Puts the points of a measure on a device; `separable` says whether passes go along axes.
    pub(crate) fn of(
        engine: &E,
        frame: &Frame,
        measure: &Measure,
        separable: bool,
    ) -> Result<Self> {
        match measure.support() {
            Support::Grid(grid) if separable => {
                let axis = |k| {
                    let coordinates = frame.place_axis(k, grid.axis(k));
                    Ok(Axis {
                        on_device: engine.points(&coordinates, 1)?,
                        coordinates,
                    })
                };
                let axes = (0..grid.dimension()).map(axis);
                Ok(Self::Grid(axes.collect::<Result<_>>()?))
            }
            _ => Self::of_cloud(engine, frame.place(measure), measure.dimension()),
        }
    }

    /// Puts points that are already in the frame on a device.
    pub(crate) fn of_cloud(engine: &E, coordinates: Vec<f64>, dimension: usize) -> Result<Self> {
        Ok(Self::Cloud {
            on_device: engine.points(&coordinates, dimension)?,
            coordinates,
            dimension,
        })
    }

    /// The number of points.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Cloud {
                coordinates,
                dimension,
                ..
            } => coordinates.len() / dimension,
            Self::Resident { len, .. } => *len,
            Self::Grid(axes) => axes.iter().map(|axis| axis.coordinates.len()).product(),
        }
    }

    /// The number of coordinates of a point.
    pub(crate) fn dimension(&self) -> usize {
        match self {
            Self::Cloud { dimension, .. } | Self::Resident { dimension, .. } => *dimension,
            Self::Grid(axes) => axes.len(),
        }
    }

    /// Whether passes go along axes.
    pub(crate) fn is_grid(&self) -> bool {
        matches!(self, Self::Grid(_))
    }

    /// The points of a cloud on the device.
    pub(crate) fn on_device(&self) -> Option<&E::Points> {
        match self {
            Self::Cloud { on_device, .. } | Self::Resident { on_device, .. } => Some(on_device),
            Self::Grid(_) => None,
        }
    }

    /// All coordinates, n×d, row-major; empty if they are not on the host.
    pub(crate) fn coordinates(&self) -> Cow<'_, [f64]> {
        match self {
            Self::Resident { .. } => Cow::Borrowed(&[]),
            Self::Cloud { coordinates, .. } => Cow::Borrowed(coordinates),
            Self::Grid(axes) => {
                let axes: Vec<&[f64]> = axes.iter().map(|axis| &*axis.coordinates).collect();
                Cow::Owned(product(&axes))
            }
        }
    }
}
