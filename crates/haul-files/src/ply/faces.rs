//! The vertices of a `.ply` with the faces between them.

use super::{
    AXES,
    header::Header,
    rows::{self, Part},
};
use crate::{Columns, Error, Result, columns::Field, mesh::Mesh, source::Stream};
use serde_ply::{PropertyType, ScalarType};
use std::path::Path;

/// Names of the list of a face's vertices.
const CORNERS: [&str; 2] = ["vertex_indices", "vertex_index"];

/// The place of the element `face`, of its list of vertices, and the types of the list.
struct Faces {
    element: usize,
    property: usize,
    types: [ScalarType; 2],
}

impl Faces {
    fn of(header: &Header) -> Option<Self> {
        let elements = header.elements.iter().enumerate();
        let (element, faces) = elements.into_iter().find(|(_, it)| it.name == "face")?;
        let mut properties = faces.properties.iter().enumerate();
        properties.find_map(|(property, it)| match it.property_type {
            PropertyType::List {
                count_type,
                data_type,
            } if CORNERS.contains(&it.name.as_str()) => Some(Self {
                element,
                property,
                types: [count_type, data_type],
            }),
            _ => None,
        })
    }
}

/// Reads vertices and faces.
pub(crate) fn read(file: &Path, stream: &mut Stream) -> Result<Mesh> {
    let header = Header::read(file, &mut stream.reader, &Columns::default())?;
    let column = |axis: &&str| header.names.iter().position(|name| name == axis);
    let axes: Vec<usize> = AXES.iter().filter_map(column).collect();
    let missing = |wanted| Error::Missing {
        file: file.into(),
        wanted,
        found: header.elements.iter().map(|it| it.name.clone()).collect(),
    };
    if axes.len() != AXES.len() {
        return Err(missing("vertex with properties x, y and z"));
    }
    let faces =
        Faces::of(&header).ok_or_else(|| missing("element face with a list vertex_indices"))?;
    let (mut mesh, mut face) = (Mesh::default(), Vec::new());
    rows::walk(file, &header, &mut stream.reader, |part| match part {
        Part::Vertex(at, row) => {
            for &axis in &axes {
                match row.field(&header, axis) {
                    Field::Number(value) => mesh.vertices.push(value),
                    _ => {
                        let place = format!("row {}", at + 1);
                        return Err(Error::malformed(file, &place, "has no number", ".ply"));
                    }
                }
            }
            Ok(())
        }
        Part::Other(Some(element), row) if element == faces.element => {
            face.clear();
            for corner in row.list(header.format, faces.property, faces.types) {
                let index = corner.filter(|it| it.fract() == 0.0 && *it >= 0.0);
                let Some(index) = index else {
                    let reason = "a vertex of a face is not a number from 0";
                    return Err(Error::malformed(file, "element face", reason, ".ply"));
                };
                face.push(index as usize);
            }
            mesh.push(&face);
            Ok(())
        }
        Part::Other(..) => Ok(()),
    })?;
    Ok(mesh)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::source::Source;

    #[test]
    fn faces_are_read_in_text_and_in_binary() {
        let head = |format: &str| {
            format!(
                "ply\nformat {format} 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n\
                 element face 2\nproperty uchar red\nproperty list uchar int vertex_indices\nend_header\n"
            )
        };
        let text = head("ascii") + "0 0 0\n1 0 0\n1 1 0\n0 1 0\n9 3 0 1 2\n7 4 3 2 1 0\n";
        let mut binary = head("binary_little_endian").into_bytes();
        for corner in [
            [0_f32, 0.0, 0.0],
            [1.0, 0.0, 0.0],
            [1.0, 1.0, 0.0],
            [0.0, 1.0, 0.0],
        ] {
            binary.extend(corner.iter().flat_map(|x| x.to_le_bytes()));
        }
        for (colour, face) in [(9_u8, &[0_i32, 1, 2][..]), (7, &[3, 2, 1, 0])] {
            binary.extend([colour, face.len() as u8]);
            binary.extend(face.iter().flat_map(|at| at.to_le_bytes()));
        }
        for bytes in [text.as_bytes(), &binary] {
            let mut stream = Source::Memory(bytes).stream("ply".parse().unwrap());
            let mesh = read(Path::new("a.ply"), &mut stream).unwrap();
            assert_eq!(mesh.vertices.len(), 12);
            assert_eq!(mesh.triangles, [[0, 1, 2], [3, 2, 1], [3, 1, 0]]);
        }
        let bare = "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\n\
                    end_header\n0 0 0\n";
        let mut stream = Source::Memory(bare.as_bytes()).stream("ply".parse().unwrap());
        let told = read(Path::new("a.ply"), &mut stream)
            .unwrap_err()
            .to_string();
        assert!(told.contains("element face"), "{told}");
    }
}
