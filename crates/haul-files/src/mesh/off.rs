//! Geomview's `.off` as text: a line `OFF`, the numbers of vertices, faces and edges, then a line for each vertex and each
//! face. What follows the coordinates of a vertex, or the vertices of a face, is skipped in reading, and kept when vertices
//! are moved.

use super::{Lines, Mesh, parsed, replaced, triple, words};
use crate::{Error, Result};
use std::{
    io::{self, BufRead, Write},
    path::Path,
};

pub(crate) const NAME: &str = ".off";

/// The meaning of a line.
enum Line {
    /// The keyword, the counts, a comment or nothing.
    Beside,
    Vertex,
    Face,
}

/// The lines in their order, and the numbers of vertices and faces once they are known.
#[derive(Default)]
struct Order {
    named: bool,
    counts: Option<[u64; 2]>,
    vertices: u64,
    faces: u64,
}

impl Order {
    /// The meaning of the next line, or why it has none.
    fn next(&mut self, line: &[u8]) -> std::result::Result<Line, &'static str> {
        let mut parts = words(line).peekable();
        match parts.peek() {
            None => return Ok(Line::Beside),
            Some(word) if word.starts_with(b"#") => return Ok(Line::Beside),
            _ => {}
        }
        if !self.named {
            let keyword = parts.next().unwrap_or_default();
            let flags = keyword.strip_suffix(b"OFF");
            if !flags.is_some_and(|flags| flags.iter().all(|flag| b"CNST".contains(flag))) {
                return Err("the first line is not OFF, with points in space");
            }
            self.named = true;
            match parts.peek() {
                None => return Ok(Line::Beside),
                Some(word) if **word == *b"BINARY" => return Err("it is binary; write it as text"),
                _ => {}
            }
        }
        let Some([vertices, faces]) = self.counts else {
            let mut count = || parts.next().and_then(parsed);
            let (Some(vertices), Some(faces)) = (count(), count()) else {
                return Err("these are not the numbers of vertices and faces");
            };
            self.counts = Some([vertices, faces]);
            return Ok(Line::Beside);
        };
        if self.vertices < vertices {
            self.vertices += 1;
            return Ok(Line::Vertex);
        }
        if self.faces < faces {
            self.faces += 1;
            return Ok(Line::Face);
        }
        Err("there are more lines than the numbers of vertices and faces say")
    }

    /// The error of an end that comes too soon.
    fn end(&self, file: &Path) -> Result<()> {
        let [vertices, faces] = self.counts.unwrap_or_default();
        let parts = [
            ("vertices", vertices, self.vertices),
            ("faces", faces, self.faces),
        ];
        match parts
            .into_iter()
            .find(|(_, promised, found)| found < promised)
        {
            None => Ok(()),
            Some((what, promised, found)) => Err(Error::Truncated {
                file: file.into(),
                what,
                promised,
                found,
            }),
        }
    }
}

/// Reads vertices and faces.
pub(crate) fn read(file: &Path, reader: &mut dyn BufRead) -> Result<Mesh> {
    let (mut mesh, mut order, mut face) = (Mesh::default(), Order::default(), Vec::new());
    let mut lines = Lines::of(reader);
    loop {
        let number = lines.number + 1;
        let wrong = |reason| Error::malformed(file, &format!("line {number}"), reason, NAME);
        let line = lines
            .next()
            .map_err(|error| Error::broken(file, "text", error, NAME))?;
        let Some(line) = line else {
            order.end(file)?;
            return Ok(mesh);
        };
        match order.next(line).map_err(wrong)? {
            Line::Beside => {}
            Line::Vertex => {
                let vertex = triple(words(line));
                mesh.vertices
                    .extend(vertex.ok_or_else(|| wrong("a vertex has three numbers"))?);
            }
            Line::Face => {
                let told = "a face has the number of its vertices, and then these, counted from 0";
                let mut parts = words(line);
                let count: usize = parts.next().and_then(parsed).ok_or_else(|| wrong(told))?;
                face.clear();
                face.extend(parts.take(count).map_while(parsed::<usize>));
                if face.len() != count {
                    return Err(wrong(told));
                }
                mesh.push(&face);
            }
        }
    }
}

/// Writes points, and triangles of them.
pub(crate) fn write(
    out: &mut dyn Write,
    points: &[f64],
    triangles: &[[usize; 3]],
) -> io::Result<()> {
    writeln!(out, "OFF\n{} {} 0", points.len() / 3, triangles.len())?;
    for point in points.chunks_exact(3) {
        writeln!(out, "{:?} {:?} {:?}", point[0], point[1], point[2])?;
    }
    for [a, b, c] in triangles {
        writeln!(out, "3 {a} {b} {c}")?;
    }
    Ok(())
}

/// Copies a file with its vertices at `points`.
pub(crate) fn write_moved(
    file: &Path,
    reader: &mut dyn BufRead,
    points: &[f64],
    out: &mut dyn Write,
) -> io::Result<()> {
    let changed = || {
        let reason = "has other vertices than it had when it was read";
        Error::malformed(file, "vertices", reason, NAME)
    };
    let (mut order, mut lines) = (Order::default(), Lines::of(reader));
    let mut points = points.chunks_exact(3);
    while let Some(line) = lines.next()? {
        match order.next(line) {
            Ok(Line::Vertex) => {
                let point = points.next().ok_or_else(changed)?;
                out.write_all(&replaced(line, 0, point))?;
            }
            _ => out.write_all(line)?,
        }
    }
    match points.next() {
        None => Ok(()),
        Some(_) => Err(changed().into()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::tests::message;

    const TEXT: &str = "COFF # coloured\n4 2 0\n\n0 0 0 255 0 0\n1 0 0\n# here\n1 1 0\n0 1 0\n4 0 1 2 3 7 7 7\n3 0 1 2\n";

    #[test]
    fn colours_and_comments_stand_beside_vertices_and_faces() {
        for text in [
            TEXT.replace(" # coloured", ""),
            TEXT.replace("COFF # coloured\n", "OFF "),
            TEXT.replace("COFF # coloured", "OFF").replace('\n', "\r\n"),
        ] {
            let mesh = read(Path::new("a.off"), &mut text.as_bytes()).unwrap();
            assert_eq!(mesh.vertices.len(), 12);
            assert_eq!(mesh.triangles, [[0, 1, 2], [0, 2, 3], [0, 1, 2]]);
        }
        for (text, told) in [
            ("PLY\n", "not OFF"),
            ("4OFF\n1 0 0\n1 2 3 4\n", "not OFF"),
            ("OFF BINARY\n", "is binary"),
            ("OFF\nx 1\n", "line 2"),
            ("OFF\n2 0 0\n1 2 3\n", "promises 2 vertices but only 1"),
            ("OFF\n1 1 0\n1 2 3\n", "promises 1 faces but only 0"),
            ("OFF\n1 0 0\n1 2\n", "a vertex has three numbers"),
            ("OFF\n1 1 0\n1 2 3\n3 0 0\n", "a face has the number"),
            ("OFF\n1 1 0\n1 2 3\n3 0 0 7\n", "has the vertex 7"),
            ("OFF\n1 0 0\n1 2 3\n4 5 6\n", "more lines"),
        ] {
            let message = message("a.off", text.as_bytes());
            assert!(message.contains(told), "{text}: {message}");
        }
    }

    #[test]
    fn moved_vertices_keep_colours_and_faces() {
        let text = TEXT.replace(" # coloured", "");
        let points: Vec<f64> = (0..12).map(f64::from).collect();
        let mut out = Vec::new();
        write_moved(Path::new("a.off"), &mut text.as_bytes(), &points, &mut out).unwrap();
        let expected = "COFF\n4 2 0\n\n0.0 1.0 2.0 255 0 0\n3.0 4.0 5.0\n# here\n6.0 7.0 8.0\n9.0 10.0 11.0\n4 0 1 2 3 7 7 7\n3 0 1 2\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
