//! Wavefront's `.obj`: lines `v x y z` are vertices, and lines `f` faces, whose vertices are counted from 1, or from the last
//! one as −1. All other lines are skipped in reading, and kept when vertices are moved.
//!
//! Libraries for the format tell no place in the file where something is wrong.

use super::{Lines, Mesh, parsed, replaced, triple, words};
use crate::{Attributes, Error, Result};
use std::{
    io::{self, BufRead, Write},
    path::Path,
};

pub(crate) const NAME: &str = ".obj";

/// Reads vertices and faces.
pub(crate) fn read(file: &Path, reader: &mut dyn BufRead) -> Result<Mesh> {
    let mut mesh = Mesh::default();
    let (mut lines, mut line) = (Lines::of(reader), Line::default());
    let mut face = Vec::new();
    let broken = |error| Error::broken(file, "text", error, NAME);
    while line.next(&mut lines).map_err(broken)? {
        let place = format!("line {}", lines.number);
        let wrong = |reason| Error::malformed(file, &place, reason, NAME);
        let mut parts = words(&line.joined);
        match parts.next() {
            Some(b"v") => {
                let vertex = triple(parts).ok_or_else(|| wrong("a vertex has three numbers"))?;
                mesh.vertices.extend(vertex);
            }
            Some(b"f") => {
                face.clear();
                for part in parts {
                    let at = index(part, mesh.vertices.len() / 3);
                    face.push(at.ok_or_else(|| wrong("a face has the numbers of vertices"))?);
                }
                mesh.push(&face);
            }
            _ => {}
        }
    }
    Ok(mesh)
}

/// A line, which goes on behind a backslash at its end.
#[derive(Default)]
struct Line {
    /// As it is in the file.
    raw: Vec<u8>,
    /// With a space for each backslash and the line end behind it.
    joined: Vec<u8>,
}

impl Line {
    /// Replaces it by the next line; false at the end of the file.
    fn next(&mut self, lines: &mut Lines) -> io::Result<bool> {
        self.raw.clear();
        self.joined.clear();
        while let Some(line) = lines.next()? {
            self.raw.extend(line);
            let Some(part) = line.trim_ascii_end().strip_suffix(b"\\") else {
                self.joined.extend(line);
                return Ok(true);
            };
            self.joined.extend(part);
            self.joined.push(b' ');
        }
        Ok(!self.raw.is_empty())
    }
}

/// The vertex of a corner such as `3`, `3/1`, `3//2` or `-1/2/3`, where `read` vertices stand above.
fn index(corner: &[u8], read: usize) -> Option<usize> {
    let number = corner.split(|byte| *byte == b'/').next()?;
    match parsed::<i64>(number)? {
        0 => None,
        from_1 if from_1 > 0 => usize::try_from(from_1 - 1).ok(),
        back => read.checked_sub(usize::try_from(back.unsigned_abs()).ok()?),
    }
}

/// Writes points, and triangles of them.
pub(crate) fn write(
    out: &mut dyn Write,
    points: &[f64],
    triangles: &[[usize; 3]],
) -> io::Result<()> {
    for point in points.chunks_exact(3) {
        writeln!(out, "v {:?} {:?} {:?}", point[0], point[1], point[2])?;
    }
    for [a, b, c] in triangles {
        writeln!(out, "f {} {} {}", a + 1, b + 1, c + 1)?;
    }
    Ok(())
}

/// Copies a file with its vertices at `points` and its normals turned.
pub(crate) fn write_moved(
    file: &Path,
    reader: &mut dyn BufRead,
    (points, attributes): (&[f64], &Attributes),
    out: &mut dyn Write,
) -> io::Result<()> {
    let (mut lines, mut line) = (Lines::of(reader), Line::default());
    let mut points = points.chunks_exact(3);
    while line.next(&mut lines)? {
        let mut parts = words(&line.joined);
        let moved = match parts.next() {
            Some(b"v") => Some(points.next().ok_or_else(|| changed(file))?.to_vec()),
            Some(b"vn") => triple(parts).and_then(|normal| attributes.turned(&normal)),
            _ => None,
        };
        match moved {
            Some(numbers) => out.write_all(&replaced(&line.joined, 1, &numbers))?,
            None => out.write_all(&line.raw)?,
        }
    }
    match points.next() {
        None => Ok(()),
        Some(_) => Err(changed(file).into()),
    }
}

fn changed(file: &Path) -> Error {
    let reason = "has other vertices than it had when it was read";
    Error::malformed(file, "vertices", reason, NAME)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::tests::message;

    const TEXT: &str = "# made by hand\nmtllib a.mtl\nv 0 0 0 1 0 0\r\nv  1.0 0 0\nvt 0 0\nvn 0 0 1\nv 0 1 0\nv 0 0 \\\n1\n\
                        g a\nf 1/1/1 2/1 3//1\nf -1 \\\n -2 -4\n l 1 2\n";

    #[test]
    fn corners_are_counted_from_1_or_from_the_last_vertex() {
        let mesh = read(Path::new("a.obj"), &mut TEXT.as_bytes()).unwrap();
        assert_eq!(
            mesh.vertices,
            [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
        );
        assert_eq!(mesh.triangles, [[0, 1, 2], [3, 2, 0]]);
        for (text, told) in [
            ("v 0 0\n", "line 1"),
            ("v 0 0 0\n\nf 1 x 1\n", "line 3"),
            ("v 0 0 0\nf 0 1 1\n", "line 2"),
            ("v 0 0 0\nf -2 1 1\n", "line 2"),
            ("v 0 0 0\nv 1 0 0\nf 1 2 9\n", "has the vertex 8"),
            ("v 0 0 nan\n", "row 1, column z is NaN"),
        ] {
            let message = message("a.obj", text.as_bytes());
            assert!(message.contains(told), "{text}: {message}");
        }
    }

    #[test]
    fn moved_vertices_keep_all_other_lines() {
        let (mut out, text) = (Vec::new(), TEXT);
        let points: Vec<f64> = (0..12).map(f64::from).collect();
        let beside = (&points[..], &Attributes::default());
        write_moved(Path::new("a.obj"), &mut text.as_bytes(), beside, &mut out).unwrap();
        let written = String::from_utf8(out).unwrap();
        assert!(
            written.contains("v 0.0 1.0 2.0 1 0 0\r\nv  3.0 4.0 5.0\nvt 0 0\nvn 0 0 1\n"),
            "{written}"
        );
        assert!(
            written.ends_with("v 9.0 10.0  11.0\ng a\nf 1/1/1 2/1 3//1\nf -1 \\\n -2 -4\n l 1 2\n"),
            "{written}"
        );
        let moved = read(Path::new("a.obj"), &mut written.as_bytes()).unwrap();
        assert_eq!(moved.vertices, points);
        let short = (&points[..9], &Attributes::default());
        let refused = write_moved(
            Path::new("a.obj"),
            &mut text.as_bytes(),
            short,
            &mut Vec::new(),
        );
        assert!(refused.unwrap_err().to_string().contains("other vertices"));
    }
}
