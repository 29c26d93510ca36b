//! Surfaces of triangles, as `.obj`, `.stl`, `.off`, `.glb` and the faces of a `.ply` describe them, and the measures that they are.

#[cfg(feature = "gltf")]
pub(crate) mod gltf;
pub(crate) mod obj;
pub(crate) mod off;
pub(crate) mod stl;

use crate::{
    Cloud, Columns, Error, Result,
    cloud::check_weights,
    columns::Table,
    format::Format,
    ply,
    source::{Stream, room},
};
use std::{
    io::{self, BufRead},
    path::Path,
    str::FromStr,
};

/// The measure that a surface becomes. Its mass is the area of the surface, in the squared unit of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Surface {
    /// The vertices, each with a third of the area of the faces around it; with equal weights if there are no faces.
    #[default]
    Vertices,
    /// The centres of the faces, each with the area of its face.
    Faces,
    /// This many points, spread evenly over the area, with equal weights.
    Samples(usize),
}

impl FromStr for Surface {
    type Err = &'static str;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        match (text, text.parse()) {
            ("vertices", _) => Ok(Self::Vertices),
            ("faces", _) => Ok(Self::Faces),
            (_, Ok(points)) if points > 0 => Ok(Self::Samples(points)),
            _ => Err("write vertices, faces, or a number of points to sample"),
        }
    }
}

/// A surface of triangles in space.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Mesh {
    /// The vertices, row-major `n × 3`.
    pub(crate) vertices: Vec<f64>,
    /// The vertices of each triangle.
    pub(crate) triangles: Vec<[usize; 3]>,
}

/// Reads the vertices and triangles of a file of this format, a mesh or a `.ply`; and the name of the format in messages.
pub(crate) fn read(
    file: &Path,
    format: Format,
    stream: &mut Stream,
) -> Result<(Mesh, &'static str)> {
    Ok(match format {
        Format::Obj => (obj::read(file, &mut stream.reader)?, obj::NAME),
        Format::Off => (off::read(file, &mut stream.reader)?, off::NAME),
        Format::Stl => (stl::read(file, stream)?, stl::NAME),
        #[cfg(feature = "gltf")]
        Format::Gltf => (gltf::read(file, stream)?, gltf::NAME),
        _ => (ply::read_mesh(file, stream)?, ".ply"),
    })
}

impl Mesh {
    /// Adds a face, as triangles that share its first vertex: k vertices are k − 2 triangles. Fewer than three vertices are a line or a point.
    pub(crate) fn push(&mut self, face: &[usize]) {
        if let Some((first, rest)) = face.split_first() {
            let sides = rest.windows(2);
            self.triangles
                .extend(sides.map(|side| [*first, side[0], side[1]]));
        }
    }

    /// The measure of the surface.
    ///
    /// # Errors
    /// [`Error::NotFinite`] for a coordinate or an area, [`Error::Empty`], and [`Error::Malformed`] for a face without
    /// vertices, and for a surface without area where areas are asked for.
    pub(crate) fn into_cloud(
        self,
        file: &Path,
        surface: Surface,
        format: &'static str,
    ) -> Result<Cloud> {
        self.check_corners(file, format)?;
        let areas: Vec<f64> = self.triangles.iter().map(|it| self.area(it)).collect();
        let total: f64 = areas.iter().sum();
        let points_of = |points: Vec<f64>| {
            let columns = Columns::default();
            let mut table = Table::of_numbers(file, &columns, points, 3)?;
            table.names = Some(["x", "y", "z"].map(str::to_owned).to_vec());
            table.finish()
        };
        if surface != Surface::Vertices && total <= 0.0 {
            let reason = "there are no faces with an area: take the vertices";
            return Err(Error::malformed(file, "faces", reason, format));
        }
        let (points, weights) = match surface {
            Surface::Vertices => {
                let weights = (total > 0.0).then(|| self.thirds(&areas));
                (self.vertices, weights)
            }
            Surface::Faces => {
                let centres = self.triangles.iter().flat_map(|it| self.centre(it));
                (centres.collect(), Some(areas))
            }
            Surface::Samples(count) => (self.samples(file, &areas, count)?, None),
        };
        let cloud = points_of(points)?;
        if let Some(weights) = &weights {
            check_weights(file, weights, Some("area"))?;
        }
        Ok(Cloud { weights, ..cloud })
    }

    /// Refuses faces with vertices that there are not.
    pub(crate) fn check_corners(&self, file: &Path, format: &'static str) -> Result<()> {
        let vertices = self.vertices.len() / 3;
        let beyond = |triangle: &[usize; 3]| triangle.iter().any(|&at| at >= vertices);
        if let Some(triangle) = self.triangles.iter().find(|triangle| beyond(triangle)) {
            let at = triangle.iter().copied().max().unwrap_or(0);
            let reason =
                format!("a face has the vertex {at}, counted from 0, and there are {vertices}");
            return Err(Error::malformed(file, "faces", reason, format));
        }
        Ok(())
    }

    fn corners(&self, triangle: &[usize; 3]) -> [[f64; 3]; 3] {
        triangle.map(|at| std::array::from_fn(|axis| self.vertices[3 * at + axis]))
    }

    /// The cross product of two sides.
    fn cross(&self, triangle: &[usize; 3]) -> [f64; 3] {
        let [a, b, c] = self.corners(triangle);
        let side = |to: [f64; 3]| -> [f64; 3] { std::array::from_fn(|axis| to[axis] - a[axis]) };
        let (u, v) = (side(b), side(c));
        [
            u[1] * v[2] - u[2] * v[1],
            u[2] * v[0] - u[0] * v[2],
            u[0] * v[1] - u[1] * v[0],
        ]
    }

    fn area(&self, triangle: &[usize; 3]) -> f64 {
        0.5 * length(self.cross(triangle))
    }

    /// The normal of length 1, or 0 where a triangle has no area.
    fn normal(&self, triangle: &[usize; 3]) -> [f64; 3] {
        let cross = self.cross(triangle);
        let length = length(cross);
        match length > 0.0 {
            true => cross.map(|x| x / length),
            false => [0.0; 3],
        }
    }

    fn centre(&self, triangle: &[usize; 3]) -> [f64; 3] {
        let [a, b, c] = self.corners(triangle);
        std::array::from_fn(|axis| a[axis] / 3.0 + b[axis] / 3.0 + c[axis] / 3.0)
    }

    /// For each vertex a third of the areas around it.
    fn thirds(&self, areas: &[f64]) -> Vec<f64> {
        let mut weights = vec![0.0; self.vertices.len() / 3];
        for (triangle, area) in self.triangles.iter().zip(areas) {
            for &at in triangle {
                weights[at] += area / 3.0;
            }
        }
        weights
    }

    /// Points at equal steps of the area, in the order of the triangles. Within a triangle they follow a sequence of low
    /// discrepancy, the multiples of 1/g and 1/g² for the root g of g³ = g + 1, folded into the triangle.
    fn samples(&self, file: &Path, areas: &[f64], count: usize) -> Result<Vec<f64>> {
        const STEPS: [f64; 2] = [0.754_877_666_246_692_7, 0.569_840_290_998_053_2];
        let mut points = room(file, (count as u64).saturating_mul(3))?;
        let total: f64 = areas.iter().sum();
        let mut triangles = self.triangles.iter().zip(areas).peekable();
        let mut before = 0.0;
        for at in 0..count {
            let place = (at as f64 + 0.5) / count as f64 * total;
            while triangles.len() > 1
                && triangles
                    .peek()
                    .is_some_and(|(_, area)| before + **area < place)
            {
                before += triangles.next().map_or(0.0, |(_, area)| *area);
            }
            let Some((triangle, _)) = triangles.peek() else {
                break;
            };
            let [mut u, mut v] = STEPS.map(|step| (0.5 + at as f64 * step).fract());
            if u + v > 1.0 {
                (u, v) = (1.0 - u, 1.0 - v);
            }
            let [a, b, c] = self.corners(triangle);
            points.extend(
                (0..3).map(|axis| a[axis] + u * (b[axis] - a[axis]) + v * (c[axis] - a[axis])),
            );
        }
        Ok(points)
    }
}

fn length(vector: [f64; 3]) -> f64 {
    vector.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// The lines of a text, counted from 1.
pub(crate) struct Lines<'r> {
    reader: &'r mut dyn BufRead,
    line: Vec<u8>,
    pub(crate) number: usize,
}

impl<'r> Lines<'r> {
    pub(crate) fn of(reader: &'r mut dyn BufRead) -> Self {
        Self {
            reader,
            line: Vec::new(),
            number: 0,
        }
    }

    /// The next line with its end, if there is one.
    pub(crate) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        self.line.clear();
        self.number += 1;
        match self.reader.read_until(b'\n', &mut self.line)? {
            0 => Ok(None),
            _ => Ok(Some(&self.line)),
        }
    }
}

/// The words of a line.
pub(crate) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
}

/// A number, or an index.
pub(crate) fn parsed<T: FromStr>(word: &[u8]) -> Option<T> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// The first three numbers among the words.
pub(crate) fn triple<'w>(mut words: impl Iterator<Item = &'w [u8]>) -> Option<[f64; 3]> {
    let mut next = || words.next().and_then(parsed);
    Some([next()?, next()?, next()?])
}

/// A line with other numbers in place of its words from `first` on; all else stays.
pub(crate) fn replaced(line: &[u8], first: usize, numbers: &[f64]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len() + 16 * numbers.len());
    let (mut at, mut word) = (0, 0_usize);
    while at < line.len() {
        let end = |white: bool| {
            let rest = line[at..].iter();
            at + rest
                .take_while(|byte| byte.is_ascii_whitespace() == white)
                .count()
        };
        if line[at].is_ascii_whitespace() {
            let end = end(true);
            out.extend(&line[at..end]);
            at = end;
            continue;
        }
        let end = end(false);
        match word
            .checked_sub(first)
            .and_then(|it: usize| numbers.get(it))
        {
            Some(number) => out.extend(format!("{number:?}").bytes()),
            None => out.extend(&line[at..end]),
        }
        (at, word) = (end, word + 1);
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{Reading, parse_as, tests::message};

    /// A square of side 2 in the plane z = 1, as one face, and a triangle of area 1 beside it.
    const FACES: &str =
        "v 0 0 1\nv 2 0 1\nv 2 2 1\nv 0 2 1\nv 3 0 1\nv 9 9 9\nf 1 2 3 4\nf 2 5 3\n";

    fn of(surface: Surface) -> Cloud {
        let reading = Reading {
            surface: Some(surface),
            ..Reading::default()
        };
        parse_as(Path::new("a.obj"), FACES.as_bytes(), &reading).unwrap()
    }

    fn mean(cloud: &Cloud, axis: usize) -> f64 {
        let weights = cloud.weights.as_ref();
        let weight = |at: usize| weights.map_or(1.0, |weights| weights[at]);
        let rows = cloud.points.chunks(3).enumerate();
        let (sum, mass) = rows.fold((0.0, 0.0), |(sum, mass), (at, row)| {
            (sum + weight(at) * row[axis], mass + weight(at))
        });
        sum / mass
    }

    #[test]
    fn masses_are_areas_and_their_centre_is_that_of_the_surface() {
        // ∫x over the square is 4, over the triangle 7/3; the areas are 4 and 1.
        let centre = [(4.0 + 7.0 / 3.0) / 5.0, (4.0 + 2.0 / 3.0) / 5.0, 1.0];
        for (surface, points, off) in [
            (Surface::Vertices, 6, 1e-15),
            (Surface::Faces, 3, 1e-15),
            (Surface::Samples(4000), 4000, 2e-3),
        ] {
            let cloud = of(surface);
            assert_eq!(cloud.points.len(), 3 * points);
            for (axis, expected) in centre.into_iter().enumerate() {
                let found = mean(&cloud, axis);
                assert!(
                    (found - expected).abs() <= off,
                    "{surface:?}: {found} {expected}"
                );
            }
        }
        let weights = of(Surface::Vertices).weights.unwrap();
        assert!((weights.iter().sum::<f64>() - 5.0).abs() < 1e-14);
        // No face touches the last vertex.
        assert_eq!(weights[5], 0.0);
        // Equal weights would put the centre elsewhere.
        let plain = Cloud {
            weights: None,
            ..of(Surface::Vertices)
        };
        assert!((mean(&plain, 0) - centre[0]).abs() > 0.1);
    }

    #[test]
    fn faces_are_read_alone_and_files_without_faces_have_none() {
        let folder = tempfile::tempdir().unwrap();
        let faces = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            crate::read_faces(&path, &Reading::default())
        };
        assert_eq!(
            faces("a.obj", FACES).unwrap(),
            [[0, 1, 2], [0, 2, 3], [1, 4, 2]]
        );
        let bare = "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\n\
                    end_header\n0 0 0\n";
        assert!(faces("a.ply", bare).unwrap().is_empty());
        assert!(faces("a.csv", "1,2\n3,4\n").unwrap().is_empty());
        let wrong = faces("b.obj", "v 0 0 0\nf 1 2 3\n")
            .unwrap_err()
            .to_string();
        assert!(wrong.contains("there are 1"), "{wrong}");
    }

    #[test]
    fn samples_lie_on_the_surface_in_proportion_to_the_area() {
        let cloud = of(Surface::Samples(1000));
        let inside = |row: &&[f64]| row[0] <= 2.0;
        let rows = || cloud.points.chunks(3);
        assert_eq!(rows().filter(inside).count(), 800);
        for row in rows() {
            let (x, y) = (row[0], row[1]);
            assert!((0.0..=3.0).contains(&x) && (0.0..=2.0).contains(&y) && row[2] == 1.0);
            assert!(x <= 2.0 || y <= 2.0 * (3.0 - x) + 1e-12);
        }
    }

    #[test]
    fn what_is_no_surface_is_told_in_a_line() {
        let reading = Reading {
            surface: Some(Surface::Faces),
            ..Reading::default()
        };
        let told = |name: &str, text: &str| {
            let cloud = parse_as(Path::new(name), text.as_bytes(), &reading);
            cloud.unwrap_err().to_string()
        };
        let flat = told("a.obj", "v 0 0 0\nv 1 1 1\nv 2 2 2\nf 1 2 3\n");
        assert!(flat.contains("no faces with an area"), "{flat}");
        assert!(told("a.csv", "1,2\n").contains("has no faces"));
        assert!(message("a.obj", b"v 0 0 0\nf 1 2 3\n").contains("there are 1"));
        assert!(message("a.obj", b"# nothing\n").contains("holds no rows"));
        for (text, surface) in [
            ("vertices", Some(Surface::Vertices)),
            ("faces", Some(Surface::Faces)),
            ("10", Some(Surface::Samples(10))),
            ("0", None),
            ("edges", None),
        ] {
            assert_eq!(text.parse().ok(), surface, "{text}");
        }
    }

    #[test]
    fn words_of_a_line_are_replaced_and_spaces_kept() {
        let line = replaced(b"  v\t1 2.5  3 0.7\r\n", 1, &[0.5, -1.0, 1e300]);
        assert_eq!(line, b"  v\t0.5 -1.0  1e300 0.7\r\n");
    }
}
