//! Stereolithography's `.stl`: triangles, each with its three corners, as text or in little-endian float32. Corners at the
//! same place are one vertex.

use super::{Lines, Mesh, triple, words};
use crate::{
    Error, Result,
    source::{Stream, room},
};
use std::{
    collections::HashMap,
    io::{self, BufRead, Read, Write},
    path::Path,
};

pub(crate) const NAME: &str = ".stl";

/// Bytes before the first triangle in binary, and of a triangle: a normal, three corners, and two bytes of attributes.
const HEADER: usize = 84;
const TRIANGLE: usize = 50;

/// Vertices by their coordinates.
#[derive(Default)]
struct Corners {
    mesh: Mesh,
    known: HashMap<[u64; 3], usize>,
    face: Vec<usize>,
}

impl Corners {
    /// Adds a corner; the third one ends a triangle.
    fn push(&mut self, corner: [f64; 3]) {
        // −0 is 0.
        let key = corner.map(|x| (x + 0.0).to_bits());
        let next = self.known.len();
        let at = *self.known.entry(key).or_insert(next);
        if at == next {
            self.mesh.vertices.extend(corner);
        }
        self.face.push(at);
        if self.face.len() == 3 {
            self.mesh.push(&self.face);
            self.face.clear();
        }
    }
}

/// Reads the triangles.
pub(crate) fn read(file: &Path, stream: &mut Stream) -> Result<Mesh> {
    let broken = |error| Error::broken(file, "header", error, NAME);
    let mut header = Vec::with_capacity(HEADER);
    let mut start = (&mut stream.reader).take(HEADER as u64);
    start.read_to_end(&mut header).map_err(broken)?;
    if is_text(&header, stream.limit) {
        let mut text = header.chain(&mut stream.reader);
        return of_text(file, &mut text);
    }
    let Some(count) = header.get(80..HEADER).and_then(|it| it.try_into().ok()) else {
        return Err(broken(io::ErrorKind::UnexpectedEof.into()));
    };
    let promised = u64::from(u32::from_le_bytes(count));
    let holds = stream.holds(promised, TRIANGLE as u64);
    let mut corners = Corners::default();
    corners.mesh.vertices = room(file, holds.saturating_mul(3) / 2)?;
    let mut bytes = [0; TRIANGLE];
    for found in 0..promised {
        match stream.reader.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(Error::Truncated {
                    file: file.into(),
                    what: "triangles",
                    promised,
                    found,
                });
            }
            Err(error) => return Err(Error::broken(file, "triangles", error, NAME)),
        }
        for corner in bytes[12..48].chunks_exact(12) {
            corners.push(std::array::from_fn(|axis| {
                let at = 4 * axis;
                let bytes = [corner[at], corner[at + 1], corner[at + 2], corner[at + 3]];
                f64::from(f32::from_le_bytes(bytes))
            }));
        }
    }
    Ok(corners.mesh)
}

/// Whether these are the first bytes of a text: it begins with `solid`, as some binary files do as well, whose length says
/// what they are.
fn is_text(header: &[u8], length: Option<u64>) -> bool {
    let count = header.get(80..HEADER).and_then(|it| it.try_into().ok());
    let binary = count.is_some_and(|count| {
        let triangles = u64::from(u32::from_le_bytes(count));
        length == Some(HEADER as u64 + TRIANGLE as u64 * triangles)
    });
    let letters = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace() || *byte > 127;
    header.trim_ascii_start().starts_with(b"solid") && !binary && header.iter().all(letters)
}

/// Reads the lines `vertex x y z`, which come in threes.
fn of_text(file: &Path, reader: &mut dyn BufRead) -> Result<Mesh> {
    let mut corners = Corners::default();
    let mut lines = Lines::of(reader);
    let mut ended = false;
    loop {
        let number = lines.number + 1;
        let wrong = |reason| Error::malformed(file, &format!("line {number}"), reason, NAME);
        let line = lines
            .next()
            .map_err(|error| Error::broken(file, "text", error, NAME))?;
        let Some(line) = line else {
            return match ended {
                true => Ok(corners.mesh),
                false => Err(wrong("the file ends before endsolid")),
            };
        };
        let mut parts = words(line);
        match parts.next() {
            Some(b"vertex") => {
                let corner = triple(parts);
                corners.push(corner.ok_or_else(|| wrong("a corner has three numbers"))?);
            }
            Some(b"endsolid") => ended = true,
            Some(b"solid") => ended = false,
            Some(b"endfacet") if !corners.face.is_empty() => {
                return Err(wrong("a triangle has three corners"));
            }
            _ => {}
        }
    }
}

/// Writes the triangles of a mesh whose vertices are at `points`, in binary.
pub(crate) fn write_moved(
    file: &Path,
    stream: &mut Stream,
    points: &[f64],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mesh = read(file, stream)?;
    if mesh.vertices.len() != points.len() {
        let reason = "has other corners than it had when it was read";
        return Err(Error::malformed(file, "triangles", reason, NAME).into());
    }
    let moved = Mesh {
        vertices: points.to_vec(),
        ..mesh
    };
    write(out, &moved)
}

/// Writes the triangles of a mesh, in binary.
pub(crate) fn write(out: &mut dyn Write, mesh: &Mesh) -> io::Result<()> {
    let count = u32::try_from(mesh.triangles.len()).map_err(io::Error::other)?;
    let mut header = [b' '; 80];
    header[..4].copy_from_slice(b"haul");
    out.write_all(&header)?;
    out.write_all(&count.to_le_bytes())?;
    for triangle in &mesh.triangles {
        let normal = mesh.normal(triangle);
        let corners = mesh.corners(triangle);
        for coordinate in normal.iter().chain(corners.iter().flatten()) {
            out.write_all(&(*coordinate as f32).to_le_bytes())?;
        }
        out.write_all(&[0; 2])?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        source::Source,
        tests::{message, parse},
    };

    const TEXT: &str = "solid a\n facet normal 0 0 1\n  outer loop\n   vertex 0 0 0\n   vertex 1 0 0\n   vertex 0 1 0\n  \
                        endloop\n endfacet\n facet normal 0 0 1\n  outer loop\n   vertex 1 0 0\n   vertex 1 1 -0.0\n   \
                        vertex 0 1 0\n  endloop\n endfacet\nendsolid a\n";

    fn stream(bytes: &[u8]) -> Stream<'_> {
        Source::Memory(bytes).stream("stl".parse().unwrap())
    }

    #[test]
    fn text_and_binary_are_the_same_surface() {
        let path = Path::new("a.stl");
        let mesh = read(path, &mut stream(TEXT.as_bytes())).unwrap();
        assert_eq!(mesh.vertices.len(), 12);
        assert_eq!(mesh.triangles, [[0, 1, 2], [1, 3, 2]]);
        let mut binary = Vec::new();
        write_moved(
            path,
            &mut stream(TEXT.as_bytes()),
            &mesh.vertices,
            &mut binary,
        )
        .unwrap();
        assert_eq!(binary.len(), HEADER + 2 * TRIANGLE);
        assert_eq!(&binary[HEADER + 8..HEADER + 12], 1_f32.to_le_bytes());
        // Some programs begin a binary file like a text.
        binary[..5].copy_from_slice(b"solid");
        assert_eq!(
            read(path, &mut stream(&binary)).unwrap().triangles,
            mesh.triangles
        );
        let cloud = parse("a.stl", &binary).unwrap();
        assert!((cloud.weights.unwrap().iter().sum::<f64>() - 1.0).abs() < 1e-15);
        for (bytes, told) in [
            (
                &binary[..binary.len() - 1],
                "promises 2 triangles but only 1",
            ),
            (&binary[..40], ""),
            (&TEXT.as_bytes()[..100], "ends before endsolid"),
            (b"solid\nvertex 1 2\n", "line 2"),
            (b"solid\nvertex 1 2 3\nendfacet\n", "line 3"),
        ] {
            let message = message("a.stl", bytes);
            assert!(message.contains(told), "{message}");
        }
    }
}
