//! Khronos' glTF 2.0: `.gltf` is a scene in JSON, with its numbers in base64 or in files beside it, and `.glb` the same scene and its
//! numbers in one file. Nodes place meshes in space, a mesh as often as nodes name it; what is read are the vertices and triangles
//! of the scene, each at its place. Skins, the targets of morphs, animations, cameras and materials are left out.
//!
//! The `gltf` crate takes tens of seconds to compile, most of them for materials, images and animations, which haul has no use for.

mod document;

use super::Mesh;
use crate::{
    Error, Result,
    source::{Stream, room},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use document::{Affine, Document, IDENTITY, Number, Place, Primitive, mirrors, product};
use serde::de::DeserializeOwned;
use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    fs::File,
    io::Read,
    path::{Component, Path, PathBuf},
};

pub(crate) const NAME: &str = ".glb or .gltf, version 2, without compression";

/// The first bytes of a `.glb`, and the types of its two chunks.
const MAGIC: &[u8] = b"glTF";
const JSON: u32 = u32::from_le_bytes(*b"JSON");
const BINARY: u32 = u32::from_le_bytes(*b"BIN\0");

/// The beginning of the address of a buffer that has its bytes in itself.
const DATA: &str = "data:";

/// The beginnings of the names of extensions that change nothing of vertices, triangles and places. Any other one that a file requires,
/// such as those that compress meshes, is refused.
const HARMLESS: [&str; 9] = [
    "KHR_mesh_quantization",
    "KHR_materials_",
    "KHR_texture_",
    "EXT_texture_",
    "MSFT_texture_",
    "KHR_lights_",
    "EXT_lights_",
    "KHR_animation_",
    "KHR_xmp",
];

/// Reads the vertices and triangles of the scene.
pub(crate) fn read(file: &Path, stream: &mut Stream) -> Result<Mesh> {
    let bytes = all_bytes(file, stream)?;
    let (document, binary) = parts(file, &bytes)?;
    Reader::new(file, document, binary)?.scene()
}

/// The files beside this one that have numbers of the scene.
pub(crate) fn beside(file: &Path, stream: &mut Stream) -> Result<Vec<PathBuf>> {
    let bytes = all_bytes(file, stream)?;
    let reader = Reader {
        file,
        document: parts(file, &bytes)?.0,
        buffers: Vec::new(),
        bytes: 0,
    };
    let mut paths = Vec::new();
    for number in reader.needed_buffers() {
        let buffer = reader.document.buffers.get(number);
        let uri = buffer.and_then(|buffer| buffer.uri.as_deref());
        if let Some(uri) = uri.filter(|uri| !uri.starts_with(DATA)) {
            paths.push(reader.place_of(&format!("buffer {number}"), uri)?);
        }
    }
    Ok(paths)
}

fn all_bytes(file: &Path, stream: &mut Stream) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let broken = |error| Error::broken(file, "the beginning", error, NAME);
    stream.reader.read_to_end(&mut bytes).map_err(broken)?;
    Ok(bytes)
}

/// The scene, and the numbers that a `.glb` has behind it.
fn parts<'b>(file: &Path, bytes: &'b [u8]) -> Result<(Document, Option<&'b [u8]>)> {
    match bytes.starts_with(MAGIC) {
        true => chunks(file, bytes),
        false => Ok((parsed(file, bytes)?, None)),
    }
}

fn parsed<T: DeserializeOwned>(file: &Path, text: &[u8]) -> Result<T> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    serde_json::from_slice(text).map_err(|error| Error::malformed(file, "JSON", error, NAME))
}

/// The scene and the numbers of a `.glb`: a header of twelve bytes, then chunks, each with its length and its type.
fn chunks<'b>(file: &Path, bytes: &'b [u8]) -> Result<(Document, Option<&'b [u8]>)> {
    let wrong = |reason: &str| Error::malformed(file, "header", reason, NAME);
    let word = |at: usize| {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    };
    match word(4) {
        Some(2) => {}
        Some(other) => return Err(wrong(&format!("has version {other}"))),
        None => return Err(wrong("is cut short")),
    }
    let mut at = 12;
    let (mut document, mut binary) = (None, None);
    while let (Some(length), Some(kind)) = (word(at), word(at + 4)) {
        let start = at + 8;
        let chunk = start
            .checked_add(length as usize)
            .and_then(|end| bytes.get(start..end));
        let Some(chunk) = chunk else {
            return Err(Error::Truncated {
                file: file.into(),
                what: "bytes of a chunk",
                promised: length.into(),
                found: (bytes.len() - start) as u64,
            });
        };
        match kind {
            JSON if document.is_none() => document = Some(parsed(file, chunk)?),
            BINARY if binary.is_none() => binary = Some(chunk),
            _ => {}
        }
        at = start + chunk.len();
    }
    Ok((
        document.ok_or_else(|| wrong("no chunk of JSON follows"))?,
        binary,
    ))
}

/// The vertices or the triangles of an array that has been read.
type Known<T> = HashMap<usize, Vec<T>>;

/// A scene with its numbers.
struct Reader<'f> {
    file: &'f Path,
    document: Document,
    /// The bytes of the buffers that vertices and triangles need.
    buffers: Vec<Vec<u8>>,
    /// All of these bytes.
    bytes: u64,
}

impl<'f> Reader<'f> {
    fn new(file: &'f Path, document: Document, binary: Option<&[u8]>) -> Result<Self> {
        let wrong = |place: &str, reason: String| Error::malformed(file, place, reason, NAME);
        let version = &document.asset.version;
        if !version.starts_with("2.") {
            return Err(wrong("asset", format!("has version {version:?}")));
        }
        let harmless = |name: &&String| HARMLESS.iter().any(|start| name.starts_with(start));
        if let Some(name) = document.extensions_required.iter().find(|it| !harmless(it)) {
            return Err(wrong("extensionsRequired", format!("{name} is not read")));
        }
        let mut reader = Self {
            file,
            document,
            buffers: Vec::new(),
            bytes: 0,
        };
        let needed = reader.needed_buffers();
        for number in 0..reader.document.buffers.len() {
            let bytes = match needed.contains(&number) {
                true => reader.buffer(number, binary)?,
                false => Vec::new(),
            };
            reader.bytes += bytes.len() as u64;
            reader.buffers.push(bytes);
        }
        Ok(reader)
    }

    fn malformed(&self, place: &str, reason: impl ToString) -> Error {
        Error::malformed(self.file, place, reason, NAME)
    }

    /// The buffers of vertices and triangles, among which those of images and animations are not.
    fn needed_buffers(&self) -> Vec<usize> {
        let document = &self.document;
        let primitives = document.meshes.iter().flat_map(|mesh| &mesh.primitives);
        let used = primitives
            .flat_map(|it| [it.attributes.position, it.indices])
            .flatten();
        let accessors = used.filter_map(|at| document.accessors.get(at));
        let views = accessors.flat_map(|it| {
            let sparse = it.sparse.as_ref();
            let sparse = sparse.map(|it| [it.indices.buffer_view, it.values.buffer_view]);
            it.buffer_view
                .into_iter()
                .chain(sparse.into_iter().flatten())
        });
        let views = views.filter_map(|view| document.buffer_views.get(view));
        let mut needed: Vec<usize> = views.map(|view| view.buffer).collect();
        needed.sort_unstable();
        needed.dedup();
        needed
    }

    /// The bytes of a buffer: those of the `.glb`, those in its address, or those of the file of that address.
    fn buffer(&self, number: usize, binary: Option<&[u8]>) -> Result<Vec<u8>> {
        let place = format!("buffer {number}");
        let buffer = &self.document.buffers[number];
        let mut bytes = match (&buffer.uri, binary) {
            (None, Some(binary)) if number == 0 => binary.to_vec(),
            (None, _) => return Err(self.malformed(&place, "has no bytes")),
            (Some(uri), _) => match uri.strip_prefix(DATA) {
                Some(data) => {
                    let text = data.split_once(";base64,").map(|(_, text)| text);
                    let text = text.ok_or_else(|| self.malformed(&place, "is not in base64"))?;
                    BASE64_STANDARD
                        .decode(text.as_bytes())
                        .map_err(|error| self.malformed(&place, error))?
                }
                None => self.outside(&place, uri, buffer.byte_length)?,
            },
        };
        let length = bytes.len() as u64;
        if length < buffer.byte_length {
            return Err(Error::Truncated {
                file: self.file.into(),
                what: "bytes of a buffer",
                promised: buffer.byte_length,
                found: length,
            });
        }
        bytes.truncate(buffer.byte_length as usize);
        Ok(bytes)
    }

    /// The path of a file beside this one.
    fn place_of(&self, place: &str, uri: &str) -> Result<PathBuf> {
        let name = PathBuf::from(unescaped(uri));
        let beside = |part: Component| matches!(part, Component::Normal(_) | Component::CurDir);
        if uri.contains(':') || uri.is_empty() || !name.components().all(beside) {
            let reason = format!("is {uri}, which is no file in the folder of this one");
            return Err(self.malformed(place, reason));
        }
        Ok(self.file.parent().unwrap_or(Path::new("")).join(name))
    }

    /// The first bytes of a file beside this one.
    fn outside(&self, place: &str, uri: &str, length: u64) -> Result<Vec<u8>> {
        let path = self.place_of(place, uri)?;
        let unreadable = |reason| Error::Unreadable {
            file: path.clone(),
            reason,
        };
        let file = File::open(&path).map_err(unreadable)?;
        let mut bytes = Vec::new();
        file.take(length)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        Ok(bytes)
    }

    /// The bytes of a view, and the distance of its elements.
    fn view(&self, place: &str, number: usize) -> Result<(&[u8], Option<u64>)> {
        let absent = || self.malformed(place, format!("there is no view {number}"));
        let view = self.document.buffer_views.get(number).ok_or_else(absent)?;
        let buffer = self.buffers.get(view.buffer);
        let end = view.byte_offset.checked_add(view.byte_length);
        let bytes = buffer.zip(end).and_then(|(bytes, end)| {
            bytes.get(usize::try_from(view.byte_offset).ok()?..usize::try_from(end).ok()?)
        });
        let beyond = || self.malformed(place, format!("view {number} is not in its buffer"));
        Ok((bytes.ok_or_else(beyond)?, view.byte_stride))
    }

    /// Elements of a view, row-major `count × width`.
    fn elements(
        &self,
        place: &str,
        (view, offset): (usize, u64),
        (number, width): (Number, usize),
        count: u64,
    ) -> Result<Vec<f64>> {
        let (bytes, stride) = self.view(place, view)?;
        let size = number.bytes() * width as u64;
        let stride = stride.unwrap_or(size);
        if stride < size {
            return Err(self.malformed(place, "its elements overlap"));
        }
        let room_of = |last: u64| {
            last.checked_mul(stride)?
                .checked_add(size)?
                .checked_add(offset)
        };
        let end = count.checked_sub(1).map_or(Some(0), room_of);
        if end.is_none_or(|end| end > bytes.len() as u64) {
            return Err(self.malformed(place, "is longer than its view"));
        }
        let mut values = room(self.file, count.saturating_mul(width as u64))?;
        for at in 0..count {
            // Both are below the number of bytes.
            let element = &bytes[(offset + at * stride) as usize..];
            let parts = element.chunks(number.bytes() as usize).take(width);
            values.extend(parts.filter_map(|part| number.read(part)));
        }
        Ok(values)
    }

    /// The numbers of an accessor whose type is one of `numbers`, row-major `count × width`.
    fn numbers(
        &self,
        at: usize,
        (kind, width): (&str, usize),
        numbers: &[Number],
    ) -> Result<Vec<f64>> {
        let place = format!("accessor {at}");
        let absent = || self.malformed(&place, "is not there");
        let accessor = self.document.accessors.get(at).ok_or_else(absent)?;
        let number = Number::of(accessor.component_type).filter(|it| numbers.contains(it));
        let (Some(number), true) = (number, accessor.kind == kind) else {
            let (of, found) = (accessor.component_type, &accessor.kind);
            let reason = format!("has the type {found} of {of}, in place of {kind}");
            return Err(self.malformed(&place, reason));
        };
        let mut values = match accessor.buffer_view {
            Some(view) => {
                let from = (view, accessor.byte_offset);
                self.elements(&place, from, (number, width), accessor.count)?
            }
            // Zeros that a file does not hold.
            None if accessor.count <= self.bytes => vec![0.0; accessor.count as usize * width],
            None => return Err(self.malformed(&place, "has no view")),
        };
        if let Some(sparse) = &accessor.sparse {
            let whole = [Number::U8, Number::U16, Number::U32];
            let index = Number::of(sparse.indices.component_type).filter(|it| whole.contains(it));
            let index = index
                .ok_or_else(|| self.malformed(&place, "has no indices of its sparse elements"))?;
            let from = |place: &Place| (place.buffer_view, place.byte_offset);
            let places = self.elements(&place, from(&sparse.indices), (index, 1), sparse.count)?;
            let new = self.elements(&place, from(&sparse.values), (number, width), sparse.count)?;
            for (index, element) in places.into_iter().zip(new.chunks_exact(width)) {
                let old = values.chunks_exact_mut(width).nth(index as usize);
                let old =
                    old.ok_or_else(|| self.malformed(&place, format!("has no element {index}")))?;
                old.copy_from_slice(element);
            }
        }
        if accessor.normalized {
            values
                .iter_mut()
                .for_each(|value| *value = number.normalised(*value));
        }
        Ok(values)
    }

    /// The vertices of the accessor.
    fn positions(&self, at: usize) -> Result<Vec<f64>> {
        const NUMBERS: [Number; 5] = [
            Number::F32,
            Number::I8,
            Number::U8,
            Number::I16,
            Number::U16,
        ];
        self.numbers(at, ("VEC3", 3), &NUMBERS)
    }

    /// The triangles of a part of a mesh with so many vertices: none of points and lines.
    fn triangles(&self, primitive: &Primitive, vertices: usize) -> Result<Vec<[usize; 3]>> {
        let corners: Vec<usize> = match primitive.indices {
            None => (0..vertices).collect(),
            Some(at) => {
                let whole = [Number::U8, Number::U16, Number::U32];
                let read = self.numbers(at, ("SCALAR", 1), &whole)?;
                let corners: Vec<usize> = read.into_iter().map(|index| index as usize).collect();
                if let Some(beyond) = corners.iter().find(|corner| **corner >= vertices) {
                    let reason = format!("has the vertex {beyond}, and there are {vertices}");
                    return Err(self.malformed(&format!("accessor {at}"), reason));
                }
                corners
            }
        };
        let windows = || corners.windows(3).enumerate();
        Ok(match primitive.mode.unwrap_or(4) {
            0..=3 => Vec::new(),
            4 => corners.as_chunks().0.to_vec(),
            5 => windows()
                .map(|(at, it)| {
                    if at % 2 == 0 {
                        [it[0], it[1], it[2]]
                    } else {
                        [it[1], it[0], it[2]]
                    }
                })
                .collect(),
            6 => {
                let mut fan = Mesh::default();
                fan.push(&corners);
                fan.triangles
            }
            other => return Err(self.malformed("mode of a primitive", format!("is {other}"))),
        })
    }

    /// The nodes of the scene in their order, each with its mesh and its place: of the default scene, or else of the first one, or
    /// else of all nodes that have no parent. Without nodes each mesh is where it is.
    fn placed(&self) -> Result<Vec<(usize, Affine)>> {
        let Document {
            scene,
            scenes,
            nodes,
            meshes,
            ..
        } = &self.document;
        if nodes.is_empty() {
            return Ok((0..meshes.len()).map(|mesh| (mesh, IDENTITY)).collect());
        }
        let roots: Vec<usize> = match scenes.get(scene.unwrap_or(0)) {
            Some(scene) => scene.nodes.clone(),
            None if scene.is_some() => return Err(self.malformed("scene", "is not there")),
            None => {
                let mut child = vec![false; nodes.len()];
                let children = nodes.iter().flat_map(|node| &node.children);
                children.for_each(|at| _ = child.get_mut(*at).map(|it| *it = true));
                (0..nodes.len()).filter(|at| !child[*at]).collect()
            }
        };
        let mut seen = vec![false; nodes.len()];
        let mut next: Vec<(usize, Affine)> = roots.iter().rev().map(|at| (*at, IDENTITY)).collect();
        let mut placed = Vec::new();
        while let Some((at, outer)) = next.pop() {
            let place = format!("node {at}");
            let node = nodes
                .get(at)
                .ok_or_else(|| self.malformed(&place, "is not there"))?;
            if std::mem::replace(&mut seen[at], true) {
                return Err(self.malformed(&place, "has two parents"));
            }
            let here = product(&outer, &node.affine());
            placed.extend(node.mesh.map(|mesh| (mesh, here)));
            next.extend(node.children.iter().rev().map(|child| (*child, here)));
        }
        Ok(placed)
    }

    /// All vertices and triangles of the scene. Parts of a mesh that share their array of vertices share the vertices.
    fn scene(&self) -> Result<Mesh> {
        let placed = self.placed()?;
        let mut positions: Known<f64> = HashMap::new();
        let mut triangles: HashMap<(usize, usize), Vec<[usize; 3]>> = HashMap::new();
        let (mut total, mut faces) = (0_u64, 0_u64);
        for &(mesh, _) in &placed {
            let place = format!("mesh {mesh}");
            let shape = self.document.meshes.get(mesh);
            let shape = shape.ok_or_else(|| self.malformed(&place, "is not there"))?;
            let mut shared = HashSet::new();
            for (number, primitive) in shape.primitives.iter().enumerate() {
                let Some(at) = primitive.attributes.position else {
                    return Err(self.malformed(&place, "has no POSITION"));
                };
                let vertices = match positions.entry(at) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => new.insert(self.positions(at)?),
                };
                let vertices = vertices.len() / 3;
                let of_part = match triangles.entry((mesh, number)) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => new.insert(self.triangles(primitive, vertices)?),
                };
                faces += of_part.len() as u64;
                if shared.insert(at) {
                    total += 3 * vertices as u64;
                }
            }
        }
        let mut all = Mesh {
            vertices: room(self.file, total)?,
            triangles: Vec::new(),
        };
        let too_many = |_| Error::Memory {
            file: self.file.into(),
            values: (faces as usize).saturating_mul(3),
        };
        all.triangles
            .try_reserve_exact(faces as usize)
            .map_err(too_many)?;
        for (mesh, map) in &placed {
            let inside_out = mirrors(map);
            let mut starts: HashMap<usize, usize> = HashMap::new();
            for (number, primitive) in self.document.meshes[*mesh].primitives.iter().enumerate() {
                let at = primitive.attributes.position.unwrap_or_default();
                let start = *starts.entry(at).or_insert_with(|| {
                    let start = all.vertices.len() / 3;
                    let points = positions
                        .get(&at)
                        .into_iter()
                        .flat_map(|it| it.chunks_exact(3));
                    all.vertices.extend(points.flat_map(|point| {
                        map.map(|[a, b, c, d]| a * point[0] + b * point[1] + c * point[2] + d)
                    }));
                    start
                });
                let faces = triangles.get(&(*mesh, number)).into_iter().flatten();
                all.triangles.extend(faces.map(|&[a, b, c]| {
                    let corners = if inside_out { [a, c, b] } else { [a, b, c] };
                    corners.map(|corner| start + corner)
                }));
            }
        }
        Ok(all)
    }
}

/// An address without `%20` and the like.
fn unescaped(uri: &str) -> String {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let (bytes, mut out, mut at) = (uri.as_bytes(), Vec::new(), 0);
    while let Some(&byte) = bytes.get(at) {
        let code = digit(bytes.get(at + 1)).zip(digit(bytes.get(at + 2)));
        match code.filter(|_| byte == b'%') {
            Some((high, low)) => {
                out.push((16 * high + low) as u8);
                at += 3;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        Reading, Surface, parse_as,
        source::Source,
        tests::{message, mutilate},
    };

    /// The scene that trimesh wrote: `tests/made/make.py` has the formulas.
    const BOXES: &[u8] = include_bytes!("../../../tests/made/boxes.glb");

    fn read_as(name: &str, bytes: &[u8]) -> Result<Mesh> {
        let mut stream = Source::Memory(bytes).stream("glb".parse().unwrap());
        read(Path::new(name), &mut stream)
    }

    fn of(json: &str) -> Mesh {
        read_as("a.gltf", json.as_bytes()).unwrap()
    }

    /// A file with these parts, whose only buffer has these bytes, as its only view.
    fn json(parts: &str, bytes: &[u8], stride: &str) -> String {
        let (length, text) = (bytes.len(), BASE64_STANDARD.encode(bytes));
        format!(
            "{{\"asset\":{{\"version\":\"2.0\"}},{parts},\"bufferViews\":[{{\"buffer\":0,\"byteLength\":{length}{stride}}}],\
             \"buffers\":[{{\"byteLength\":{length},\"uri\":\"data:application/octet-stream;base64,{text}\"}}]}}"
        )
    }

    fn floats(values: &[f32]) -> Vec<u8> {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect()
    }

    /// One mesh of one part with this mode and four vertices.
    fn square(mode: &str) -> String {
        let parts = format!(
            "\"meshes\":[{{\"primitives\":[{{\"attributes\":{{\"POSITION\":0}}{mode}}}]}}],\
             \"accessors\":[{{\"bufferView\":0,\"componentType\":5126,\"count\":4,\"type\":\"VEC3\"}}]"
        );
        let corners = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0];
        json(&parts, &floats(&corners), "")
    }

    #[test]
    fn a_mesh_stands_wherever_nodes_place_it() {
        let mesh = read_as("a.glb", BOXES).unwrap();
        assert_eq!((mesh.vertices.len(), mesh.triangles.len()), (48, 24));
        let mut expected = Vec::new();
        let local = |at: usize| [0.5, 1.0, 1.5][at];
        let corners = |turned: &mut dyn FnMut([f64; 3])| {
            for k in 0..8 {
                let sign = |bit: usize| if k >> bit & 1 == 1 { 1.0 } else { -1.0 };
                turned([sign(2) * local(0), sign(1) * local(1), sign(0) * local(2)]);
            }
        };
        // A quarter of a turn about the line x = 1, y = 0 takes (x, y) to (1 − y, x − 1).
        corners(&mut |[x, y, z]| expected.push([1.0 - y, x - 1.0, z]));
        corners(&mut |[x, y, z]| expected.push([1.0 - 0.5 * y, 9.0 - 0.5 * x, 0.5 * z]));
        for point in mesh.vertices.as_chunks::<3>().0 {
            let near = |it: &[f64; 3]| it.iter().zip(point).all(|(a, b)| (a - b).abs() < 1e-12);
            assert!(expected.iter().any(near), "{point:?}");
        }
        // A surface that is mirrored has its outside outside: the normals of a convex body point away from its middle.
        for (triangle, middle) in mesh
            .triangles
            .iter()
            .zip([[1.0, -1.0, 0.0]; 12].iter().chain(&[[1.0, 9.0, 0.0]; 12]))
        {
            let (normal, centre) = (mesh.normal(triangle), mesh.centre(triangle));
            let out: f64 = (0..3)
                .map(|axis| normal[axis] * (centre[axis] - middle[axis]))
                .sum();
            assert!(out > 0.0, "{triangle:?}");
        }
        let reading = Reading {
            surface: Some(Surface::Faces),
            ..Reading::default()
        };
        let cloud = parse_as(Path::new("a.glb"), BOXES, &reading).unwrap();
        let area: f64 = cloud.weights.unwrap().iter().sum();
        assert!((area - 27.5).abs() < 1e-12, "{area}");
    }

    #[test]
    fn numbers_beside_a_file_are_those_inside_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/made/boxes.gltf");
        let mesh = read_as(path, &std::fs::read(path).unwrap()).unwrap();
        assert_eq!(mesh, read_as("a.glb", BOXES).unwrap());
        let named = crate::files_beside(Path::new(path), &Reading::default()).unwrap();
        let folder = Path::new(path).parent().unwrap();
        assert_eq!(
            named,
            ["boxes_0.bin", "boxes_1.bin"].map(|name| folder.join(name))
        );
        let told = read_as("nowhere/a.gltf", &std::fs::read(path).unwrap()).unwrap_err();
        assert!(told.to_string().starts_with("nowhere/boxes_"), "{told}");
        assert_eq!(unescaped("a%20b%C3%A9%"), "a bé%");
        for uri in ["/etc/passwd", "../a.bin", "http://a/b.bin", ""] {
            let text = square("")
                .replace("data:application/octet-stream;base64,", "data:")
                .replacen(
                    &format!(
                        "data:{}",
                        BASE64_STANDARD.encode(floats(&[
                            0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0
                        ]))
                    ),
                    uri,
                    1,
                );
            let told = message("a.gltf", text.as_bytes());
            assert!(told.contains("no file in the folder"), "{told}");
        }
    }

    #[test]
    fn strips_and_fans_are_triangles_and_lines_are_none() {
        for (mode, expected) in [
            ("", &[[0, 1, 2]][..]),
            (",\"mode\":5", &[[0, 1, 2], [2, 1, 3]]),
            (",\"mode\":6", &[[0, 1, 2], [0, 2, 3]]),
            (",\"mode\":3", &[]),
        ] {
            let mesh = of(&square(mode));
            assert_eq!(
                (mesh.vertices.len(), &mesh.triangles[..]),
                (12, expected),
                "{mode}"
            );
        }
        assert!(
            message("a.gltf", square(",\"mode\":7").as_bytes())
                .contains("mode of a primitive: is 7")
        );
    }

    #[test]
    fn elements_have_strides_and_few_replace_those_of_a_sparse_array() {
        // Two vertices of normalised shorts with two bytes between them, then three indices of bytes, then one sparse vertex.
        let mut bytes: Vec<u8> = [0_i16, 32767, -32767, 7, -32768, 0, 32767, 7]
            .iter()
            .flat_map(|it| it.to_le_bytes())
            .collect();
        bytes.extend([0, 1, 1, 1]);
        bytes.extend([32767_i16; 3].iter().flat_map(|it| it.to_le_bytes()));
        let text = |sparse: &str| {
            format!(
                "{{\"asset\":{{\"version\":\"2.1\"}},\"extensionsRequired\":[\"KHR_mesh_quantization\"],\
                 \"meshes\":[{{\"primitives\":[{{\"attributes\":{{\"POSITION\":0}},\"indices\":1}},{{\"attributes\":{{\"POSITION\":0}}}}]}}],\
                 \"accessors\":[{{\"bufferView\":0,\"componentType\":5122,\"normalized\":true,\"count\":2,\"type\":\"VEC3\"{sparse}}},\
                 {{\"bufferView\":1,\"componentType\":5121,\"count\":3,\"type\":\"SCALAR\"}}],\
                 \"bufferViews\":[{{\"buffer\":0,\"byteLength\":16,\"byteStride\":8}},{{\"buffer\":0,\"byteOffset\":16,\"byteLength\":10}}],\
                 \"buffers\":[{{\"byteLength\":26,\"uri\":\"data:;base64,{}\"}}]}}",
                BASE64_STANDARD.encode(&bytes)
            )
        };
        let mesh = of(&text(""));
        assert_eq!(mesh.vertices, [0.0, 1.0, -1.0, -1.0, 0.0, 1.0]);
        assert_eq!(mesh.triangles, [[0, 1, 1]]);
        let sparse = |index: u32| {
            format!(
                ",\"sparse\":{{\"count\":1,\"indices\":{{\"bufferView\":1,\"byteOffset\":{index},\"componentType\":5121}},\
                 \"values\":{{\"bufferView\":1,\"byteOffset\":4}}}}"
            )
        };
        assert_eq!(
            of(&text(&sparse(0))).vertices,
            [1.0, 1.0, 1.0, -1.0, 0.0, 1.0]
        );
        assert_eq!(
            of(&text(&sparse(1))).vertices,
            [0.0, 1.0, -1.0, 1.0, 1.0, 1.0]
        );
        let told = message("a.gltf", text(&sparse(4)).as_bytes());
        assert!(told.contains("accessor 0: has no element 255"), "{told}");
    }

    #[test]
    fn nodes_turn_scale_and_move_in_this_order() {
        // Half a turn about (1, 1, 0)/√2 takes (x, y, z) to (y, x, −z).
        let half = 0.5_f64.sqrt();
        let nodes = format!(
            "\"scenes\":[{{\"nodes\":[1]}}],\"nodes\":[{{\"mesh\":0,\"translation\":[1,0,0]}},\
             {{\"children\":[0],\"scale\":[2,3,1],\"rotation\":[{half},{half},0,0],\"translation\":[0,0,5]}},{{\"mesh\":0}}],\"meshes\""
        );
        let mesh = of(&square("").replace("\"meshes\"", &nodes));
        let expected = [0.0, 2.0, 5.0, 0.0, 4.0, 5.0, 3.0, 2.0, 5.0, 3.0, 4.0, 5.0];
        assert_eq!(mesh.vertices.len(), 12);
        for (found, expected) in mesh.vertices.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{:?}", mesh.vertices);
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let whole = square("");
        for (from, to, told) in [
            ("\"2.0\"", "\"1.0\"", "asset: has version \"1.0\""),
            (
                "\"asset\"",
                "\"extensionsRequired\":[\"KHR_draco_mesh_compression\"],\"asset\"",
                "KHR_draco_mesh_compression is not read",
            ),
            (
                "\"asset\"",
                "\"extensionsRequired\":[\"EXT_meshopt_compression\"],\"asset\"",
                "EXT_meshopt_compression is not read",
            ),
            (
                "\"count\":4",
                "\"count\":5",
                "accessor 0: is longer than its view",
            ),
            (
                "\"count\":4",
                "\"count\":18446744073709551615",
                "accessor 0: is longer",
            ),
            (
                "\"bufferView\":0,",
                "\"byteOffset\":4,\"bufferView\":0,",
                "accessor 0: is longer",
            ),
            ("\"bufferView\":0,", "", "accessor 0: has no view"),
            ("5126", "5125", "accessor 0: has the type VEC3 of 5125"),
            ("\"VEC3\"", "\"VEC2\"", "in place of VEC3"),
            (
                "\"POSITION\":0",
                "\"POSITION\":9",
                "accessor 9: is not there",
            ),
            ("\"POSITION\":0", "", "mesh 0: has no POSITION"),
            (
                "\"byteLength\":48}",
                "\"byteLength\":49}",
                "view 0 is not in its buffer",
            ),
            (
                "\"byteLength\":48,",
                "\"byteLength\":49,",
                "promises 49 bytes of a buffer",
            ),
            (
                "\"meshes\"",
                "\"scene\":3,\"nodes\":[{}],\"meshes\"",
                "scene: is not there",
            ),
            (
                "\"meshes\"",
                "\"nodes\":[{\"mesh\":4}],\"meshes\"",
                "mesh 4: is not there",
            ),
            (
                "\"meshes\"",
                "\"nodes\":[{\"children\":[1,1]},{}],\"meshes\"",
                "node 1: has two parents",
            ),
            (
                "\"meshes\"",
                "\"nodes\":[{},{\"children\":[2]},{\"children\":[1]}],\"meshes\"",
                "holds no rows",
            ),
            ("}}", "}", "JSON: "),
        ] {
            let text = whole.replacen(from, to, 1);
            assert_ne!(text, whole, "{from}");
            let message = message("a.gltf", text.as_bytes());
            assert!(message.contains(told), "{to}: {message}");
        }
        let mut other = BOXES.to_vec();
        other[4] = 1;
        assert!(message("a.glb", &other).contains("header: has version 1"));
        assert!(message("a.glb", &BOXES[..BOXES.len() - 5]).contains("bytes of a chunk"));
    }

    #[test]
    fn files_that_are_cut_or_changed_anywhere_never_panic() {
        mutilate("a.glb", BOXES);
        mutilate("a.gltf", square(",\"mode\":5").as_bytes());
    }
}
