//! The header of a `.ply`: its elements, and the coordinates of a vertex.

use super::{AXES, malformed};
use crate::{Columns, Error, Result};
use serde_ply::{ElementDef, PlyFormat, PlyReader, PropertyType, ScalarType};
use std::{
    io::{BufRead, Read},
    path::Path,
};

/// A header is some lines; more bytes without an end are something else.
const MAX_HEADER: u64 = 1 << 20;

/// A header with vertices.
pub(super) struct Header {
    /// The bytes of the file up to the first row.
    pub(super) text: Vec<u8>,
    pub(super) format: PlyFormat,
    pub(super) elements: Vec<ElementDef>,
    /// The index of the element `vertex`.
    pub(super) at: usize,
    /// The properties of a vertex that are not lists: their names, and their indices.
    pub(super) names: Vec<String>,
    pub(super) scalars: Vec<usize>,
    /// The columns, among these properties, of the cloud; the coordinates are x, y, z, as many as there are, unless others were
    /// selected.
    pub(super) columns: Columns,
}

impl Header {
    /// Reads the header. Comments may have any bytes.
    pub(super) fn read(file: &Path, reader: &mut impl BufRead, columns: &Columns) -> Result<Self> {
        let broken = |error| malformed(file, "header", error);
        let mut text = Vec::new();
        let mut reader = reader.take(MAX_HEADER);
        loop {
            let start = text.len();
            let length = reader.read_until(b'\n', &mut text).map_err(broken)?;
            if length == 0 || text[start..].trim_ascii() == b"end_header" {
                break;
            }
        }
        let readable = String::from_utf8_lossy(&text);
        let parsed =
            PlyReader::from_reader(readable.as_bytes()).map_err(|error| broken(error.0))?;
        let parsed = parsed.header();
        let (format, elements) = (parsed.format, parsed.elem_defs.clone());
        let Some(at) = elements.iter().position(|element| element.name == "vertex") else {
            return Err(Error::Missing {
                file: file.into(),
                wanted: "element vertex",
                found: elements.into_iter().map(|element| element.name).collect(),
            });
        };
        let properties = &elements[at].properties;
        let is_scalar = |property: &usize| {
            matches!(properties[*property].property_type, PropertyType::Scalar(_))
        };
        let scalars: Vec<_> = (0..properties.len()).filter(is_scalar).collect();
        let names: Vec<_> = (scalars.iter())
            .map(|&property| properties[property].name.clone())
            .collect();
        let mut columns = columns.clone();
        if columns.coordinates.is_empty() {
            let there = |axis: &str| names.iter().any(|name| name == axis);
            let axes: Vec<_> = AXES.iter().take_while(|axis| there(axis)).collect();
            if axes.is_empty() || AXES.iter().skip(axes.len()).any(|axis| there(axis)) {
                return Err(Error::Missing {
                    file: file.into(),
                    wanted: "properties x, y, z of element vertex",
                    found: properties
                        .iter()
                        .map(|property| property.name.clone())
                        .collect(),
                });
            }
            columns.coordinates = axes.into_iter().map(|axis| (*axis).to_owned()).collect();
        }
        Ok(Self {
            text,
            format,
            elements,
            at,
            names,
            scalars,
            columns,
        })
    }

    /// The element whose rows are points.
    pub(super) fn vertex(&self) -> &ElementDef {
        &self.elements[self.at]
    }

    /// The type of a vertex's property that is not a list.
    pub(super) fn scalar(&self, property: usize) -> ScalarType {
        match self.vertex().properties[property].property_type {
            PropertyType::Scalar(scalar) => scalar,
            PropertyType::List { data_type, .. } => data_type,
        }
    }
}
