//! The scans of lasers: `.las`, and `.laz`, which packs it. A point is x, y, z, as the header's scales
//! and offsets have it; what else a record holds is stepped over.

use crate::{
    Cloud, Columns, Error, Result,
    columns::Table,
    source::{Source, room},
};
use las::{Reader, raw};
use laz::{LazItem, LazItemType, LazVlr, laszip::ChunkTable};
use std::{
    io::{self, BufReader, Cursor, Read, Seek, SeekFrom},
    path::Path,
};

/// Bytes of records that are unpacked at a time.
const CHUNK: u64 = 1 << 21;

/// Reads the points.
pub(crate) fn read(file: &Path, source: Source) -> Result<Cloud> {
    let length = source.length();
    match source {
        Source::File(handle) => points(file, BufReader::new(handle), length),
        Source::Memory(bytes) => points(file, Cursor::new(bytes.to_vec()), length),
        Source::StandardInput => points(file, Cursor::new(Vec::new()), Some(0)),
    }
}

fn points(
    file: &Path,
    mut bytes: impl Read + Seek + Send + Sync + 'static,
    length: Option<u64>,
) -> Result<Cloud> {
    let malformed = |place: &str, reason: &dyn ToString| {
        Error::malformed(file, place, reason.to_string(), ".las or .laz")
    };
    let claimed = raw::Header::read_from(&mut bytes)
        .and_then(|header| Ok(claims(&mut bytes, &header)?))
        .map_err(|error| malformed("header", &error))?;
    let larger = "claims records that are larger than the file";
    if length.is_some_and(|length| claimed > length) {
        return Err(malformed("header", &larger));
    }
    if !holds_layers(&mut bytes).map_err(|error| malformed("packed points", &error))? {
        return Err(malformed("packed points", &larger));
    }
    let reader = Reader::new(bytes);
    let mut reader = reader.map_err(|error| malformed("header", &error))?;
    let header = reader.header();
    let (promised, format) = (header.number_of_points(), *header.point_format());
    // What is packed may be far smaller than its points; room for these is made as they come.
    let plain = length.filter(|_| !format.is_compressed);
    let found = plain.map(|length| length / u64::from(format.len()).max(1));
    if let Some(found) = found.filter(|&found| found < promised) {
        return Err(Error::Truncated {
            file: file.into(),
            what: "points",
            promised,
            found,
        });
    }
    let mut points = room(file, found.map_or(0, |_| promised.saturating_mul(3)))?;
    let mut read = 0;
    let chunk = CHUNK / u64::from(format.len()).max(1);
    while read < promised {
        let place = format!("points from {}", read + 1);
        let records = reader
            .read_points(chunk.max(1))
            .map_err(|error| malformed(&place, &error))?;
        if records.is_empty() {
            return Err(malformed(&place, &"there are none"));
        }
        for ((x, y), z) in records.x().zip(records.y()).zip(records.z()) {
            points.extend([x, y, z]);
        }
        read += records.len() as u64;
    }
    let columns = Columns::default();
    let mut table = Table::of_numbers(file, &columns, points, 3)?;
    table.names = Some(["x", "y", "z"].map(str::to_owned).to_vec());
    table.finish()
}

/// The largest of the lengths that the libraries reserve at the file's word: the bytes of the first
/// extended record (LAS 1.4, section 2.8), and the entries of the table of packed chunks, whose place
/// is in the first eight bytes of the points, or in the last ones of the file.
fn claims(bytes: &mut (impl Read + Seek), header: &raw::Header) -> io::Result<u64> {
    let mut number = |at: SeekFrom, width: usize| {
        let mut number = [0; 8];
        bytes.seek(at)?;
        bytes.read_exact(&mut number[..width])?;
        io::Result::Ok(u64::from_le_bytes(number))
    };
    let mut most = 0;
    if let Some(record) = &header.evlr {
        most = number(
            SeekFrom::Start(record.start_of_first_evlr.saturating_add(20)),
            8,
        )?;
    }
    if header.point_data_record_format & 0xc0 != 0 {
        let start = u64::from(header.offset_to_point_data);
        let mut table = number(SeekFrom::Start(start), 8)?;
        if table as i64 <= start as i64 {
            table = number(SeekFrom::End(-8), 8)?;
        }
        most = most.max(number(SeekFrom::Start(table.saturating_add(4)), 4)?);
    }
    bytes.rewind().map(|()| most)
}

/// Whether chunks of packed points are as large as what they say of the layers in them (LASzip for the point
/// types from 6 on): a point, the number of points, the size of each layer, and the layers, for which the
/// library makes room at the file's word.
fn holds_layers(bytes: &mut (impl Read + Seek)) -> laz::Result<bool> {
    let header = raw::Header::read_from(&mut *bytes).map_err(io::Error::other)?;
    if header.point_data_record_format & 0xc0 == 0 {
        bytes.rewind()?;
        return Ok(true);
    }
    let mut packed = None;
    for _ in 0..header.number_of_variable_length_records {
        let record = raw::Vlr::read_from(&mut *bytes, false).map_err(io::Error::other)?;
        let is_laszip = record.user_id.starts_with(LazVlr::USER_ID.as_bytes())
            && record.record_id == LazVlr::RECORD_ID;
        if is_laszip && packed.is_none() {
            packed = Some(LazVlr::from_buffer(&record.data)?);
        }
    }
    let layers = |packed: &LazVlr| -> usize {
        let of = |item: &LazItem| match item.item_type() {
            LazItemType::Point14 => 9,
            LazItemType::RGB14 | LazItemType::WavePacket14 => 1,
            LazItemType::RGBNIR14 => 2,
            LazItemType::Byte14(bytes) => bytes.into(),
            _ => 0,
        };
        packed.items().iter().map(of).sum()
    };
    let (start, end) = (
        u64::from(header.offset_to_point_data),
        bytes.seek(SeekFrom::End(0))?,
    );
    // The first point is there as it is; the library makes room for each of its bytes.
    let first = packed.as_ref().map_or(0, LazVlr::items_size);
    let mut fits = start.saturating_add(first) <= end;
    if let Some(packed) = packed.filter(|packed| fits && layers(packed) > 0) {
        bytes.seek(SeekFrom::Start(start))?;
        let table = ChunkTable::read_from(&mut *bytes, &packed)?;
        let mut start = start + ChunkTable::OFFSET_SIZE as u64;
        let head = packed.items_size() + 4;
        let mut sizes = vec![0; 4 * layers(&packed)];
        for chunk in &table {
            bytes.seek(SeekFrom::Start(start.saturating_add(head)))?;
            bytes.read_exact(&mut sizes)?;
            let (sizes, _) = sizes.as_chunks();
            let layers: u64 = (sizes.iter())
                .map(|size| u64::from(u32::from_le_bytes(*size)))
                .sum();
            fits &= head + 4 * sizes.len() as u64 + layers == chunk.byte_count;
            start = start.saturating_add(chunk.byte_count);
        }
        // Where the table lies about its chunks, they end elsewhere, or more are read than it has.
        let large = header
            .large_file
            .map_or(0, |large| large.number_of_point_records);
        let promised = large.max(header.number_of_point_records.into());
        let counts = table.into_iter().map(|chunk| chunk.point_count);
        fits &= start <= end && counts.fold(0, u64::saturating_add) >= promised;
    }
    bytes.rewind()?;
    Ok(fits)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::tests::{message, mutilate, parse};
    use las::{Builder, Point, Transform, Vector, Writer};
    use std::io::Cursor;

    /// A file of these points, in steps of 2⁻¹⁰ from an offset, so that they are exact.
    fn written(points: &[[f64; 3]], packed: bool) -> Vec<u8> {
        written_as((1, 2), 3, points, packed)
    }

    /// The same, in one of the formats that records of points have.
    fn written_as(version: (u8, u8), format: u8, points: &[[f64; 3]], packed: bool) -> Vec<u8> {
        let mut builder = Builder::from(version);
        builder.point_format = las::point::Format::new(format).unwrap();
        builder.point_format.is_compressed = packed;
        let axis = Transform {
            scale: 1.0 / 1024.0,
            offset: 512.0,
        };
        builder.transforms = Vector {
            x: axis,
            y: axis,
            z: axis,
        };
        let out = Cursor::new(Vec::new());
        let mut writer = Writer::new(out, builder.into_header().unwrap()).unwrap();
        for &[x, y, z] in points {
            let point = Point {
                x,
                y,
                z,
                intensity: 7,
                gps_time: Some(1.5),
                color: (format != 6).then(|| las::Color::new(1, 2, 3)),
                ..Default::default()
            };
            writer.write_point(point).unwrap();
        }
        writer.into_inner().unwrap().into_inner()
    }

    const POINTS: [[f64; 3]; 3] = [[0.5, 512.0, -1.25], [1e5, -1e5, 0.0], [3.0, 2.0, 1.0]];

    #[test]
    fn points_are_read_from_records_that_hold_more_packed_or_plain() {
        for (name, packed) in [("a.las", false), ("a.laz", true), ("a.LAZ", false)] {
            let cloud = parse(name, &written(&POINTS, packed)).unwrap();
            assert_eq!(
                (&*cloud.points, cloud.dimension),
                (POINTS.as_flattened(), 3)
            );
        }
        for (version, format) in [((1, 4), 7), ((1, 4), 6)] {
            for packed in [false, true] {
                let bytes = written_as(version, format, &POINTS, packed);
                assert_eq!(
                    parse("a.las", &bytes).unwrap().points,
                    POINTS.as_flattened()
                );
            }
        }
        // More than a chunk of them.
        let many: Vec<_> = (0..140_000).map(|i| [f64::from(i), 0.0, 1.0]).collect();
        for bytes in [
            written(&many, false),
            written(&many, true),
            written_as((1, 4), 7, &many, true),
        ] {
            let cloud = parse("a.laz", &bytes).unwrap();
            assert_eq!(cloud.points, many.as_flattened());
        }
    }

    #[test]
    fn a_header_that_claims_more_points_than_there_are_is_refused() {
        let mut bytes = written(&POINTS, false);
        bytes[107..111].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(message("a.las", &bytes).contains("promises 4294967295 points but only"));
    }

    #[test]
    fn layers_that_claim_more_than_their_chunk_are_refused() {
        let mut bytes = written_as((1, 4), 7, &POINTS, true);
        let start = u32::from_le_bytes(bytes[96..100].try_into().unwrap()) as usize;
        // Behind the place of the table, a point of 36 bytes, and the number of points.
        let first = start + 8 + 36 + 4;
        bytes[first..first + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        // Nor is there a second chunk for points beyond those of the first.
        let mut more = written_as((1, 4), 7, &POINTS, true);
        more[107..111].copy_from_slice(&0_u32.to_le_bytes());
        more[247..255].copy_from_slice(&60_000_u64.to_le_bytes());
        for bytes in [bytes, more] {
            let told = message("a.laz", &bytes);
            let expected = "packed points: claims records that are larger than the file";
            assert!(told.contains(expected), "{told}");
        }
    }

    #[test]
    fn files_that_are_cut_or_changed_anywhere_never_panic() {
        mutilate("a.las", &written(&POINTS, false));
        mutilate("a.laz", &written(&POINTS, true));
    }
    #[test]
    fn a_scan_has_no_columns_to_select() {
        let columns = crate::Columns {
            coordinates: vec!["x".into()],
            ..Default::default()
        };
        let error = crate::parse_as(
            "a.las".as_ref(),
            &written(&POINTS, false),
            &crate::Reading::of(&columns),
        );
        let told = error.unwrap_err().to_string();
        assert!(
            told.starts_with("a.las: has no columns to select"),
            "{told}"
        );
    }
}
