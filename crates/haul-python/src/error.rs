//! Errors as Python knows them.

use pyo3::create_exception;
use pyo3::exceptions::{PyKeyboardInterrupt, PyValueError};
use pyo3::prelude::*;

create_exception!(
    haul,
    Error,
    PyValueError,
    "A measure, a problem or a computation that haul refuses; the message says why, and what to do."
);

/// An error of haul in Python. An interrupted computation was interrupted by the keyboard.
pub(crate) fn of(error: haul::Error) -> PyErr {
    match error {
        haul::Error::Interrupted => PyKeyboardInterrupt::new_err(()),
        error => Error::new_err(error.to_string()),
    }
}
