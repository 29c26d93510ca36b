//! The header of a `.ply`: which elements there are, and where a vertex has its coordinates.

use super::{AXES, malformed};
use crate::{Error, Result};
use serde_ply::{ElementDef, PlyFormat, PlyReader, PropertyType, ScalarType};
use std::{
    io::{BufRead, Read},
    path::Path,
};

/// Headers are some lines; what has more bytes before its end is something else.
const MAX_HEADER: u64 = 1 << 20;

/// A header with vertices.
pub(super) struct Header {
    /// As it stands in the file, up to the first byte of the first row.
    pub(super) text: String,
    pub(super) format: PlyFormat,
    pub(super) elements: Vec<ElementDef>,
    /// Which of the elements is `vertex`.
    pub(super) at: usize,
    /// Which properties of a vertex are x, y, z, as far as these go; at least x.
    pub(super) axes: Vec<usize>,
    /// Which property of a vertex is its weight.
    pub(super) weight: Option<usize>,
}

impl Header {
    /// Reads as far as the header goes.
    pub(super) fn read(file: &Path, reader: &mut impl BufRead) -> Result<Self> {
        let broken = |error| malformed(file, "header", error);
        let mut text = String::new();
        let mut reader = reader.take(MAX_HEADER);
        loop {
            let start = text.len();
            let length = reader.read_line(&mut text).map_err(broken)?;
            if length == 0 || text[start..].trim() == "end_header" {
                break;
            }
        }
        let parsed = PlyReader::from_reader(text.as_bytes()).map_err(|error| broken(error.0))?;
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
        let scalar = |name: &str| {
            properties.iter().position(|property| {
                property.name == name && matches!(property.property_type, PropertyType::Scalar(_))
            })
        };
        let axes: Vec<_> = AXES.iter().map_while(|axis| scalar(axis)).collect();
        if axes.is_empty()
            || AXES
                .iter()
                .skip(axes.len())
                .any(|axis| scalar(axis).is_some())
        {
            return Err(Error::Missing {
                file: file.into(),
                wanted: "properties x, y, z of element vertex",
                found: properties
                    .iter()
                    .map(|property| property.name.clone())
                    .collect(),
            });
        }
        let weight = scalar("weight");
        Ok(Self {
            text,
            format,
            elements,
            at,
            axes,
            weight,
        })
    }

    /// The element whose rows are points.
    pub(super) fn vertex(&self) -> &ElementDef {
        &self.elements[self.at]
    }

    /// The type of a vertex's property that is no list.
    pub(super) fn scalar(&self, property: usize) -> ScalarType {
        match self.vertex().properties[property].property_type {
            PropertyType::Scalar(scalar) => scalar,
            PropertyType::List { data_type, .. } => data_type,
        }
    }
}
