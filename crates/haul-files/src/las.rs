//! Laser scans: `.las`, and `.laz`, its packed form. A point is x, y, z, by the header's scales
//! and offsets; all other fields of a record are skipped.

use crate::{
    Cloud, Columns, Error, Result,
    columns::Table,
    source::{Source, room},
};
use las::{Header, PointDataBuilder, Vlr, laz::is_laszip_vlr, raw};
use laz::{
    DecompressionSelection, LasZipDecompressor, LazItem, LazItemType, LazVlr,
    decoders::ArithmeticDecoder,
    decompressors::{IntegerDecompressor, IntegerDecompressorBuilder},
    laszip::ChunkTable,
    models::{ArithmeticModel, ArithmeticModelBuilder},
    record::{FieldDecompressor, RecordDecompressor, SequentialPointRecordDecompressor},
};
use std::{
    io::{self, BufReader, Cursor, Read, Seek, SeekFrom},
    iter,
    path::Path,
};

/// How many bytes of records are unpacked at a time.
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
    let header = raw::Header::read_from(&mut bytes).map_err(|error| malformed("header", &error))?;
    let packed =
        packing(&mut bytes, &header).map_err(|error| malformed("packed points", &error))?;
    let claimed = claims(&mut bytes, &header, packed.as_ref())
        .map_err(|error| malformed("header", &error))?;
    let larger = "claims records that are larger than the file";
    if length.is_some_and(|length| claimed > length) {
        return Err(malformed("header", &larger));
    }
    if let Some(packed) = packed {
        let fits = holds_layers(&mut bytes, &header, &packed);
        if !fits.map_err(|error| malformed("packed points", &error))? {
            return Err(malformed("packed points", &larger));
        }
    }
    let header = bytes.rewind().map_err(las::Error::from);
    let header = header.and_then(|()| Header::new(&mut bytes));
    let header = header.map_err(|error| malformed("header", &error))?;
    let mut unpack = records(bytes, &header).map_err(|error| malformed("header", &error))?;
    let (promised, format) = (header.number_of_points(), *header.point_format());
    // A packed file may be far smaller than its points, so memory grows as they are read.
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
    let chunk = (CHUNK / u64::from(format.len()).max(1)).max(1);
    let mut records = PointDataBuilder::new().for_header(&header).build();
    while read < promised {
        let count = chunk.min(promised - read);
        unpack(records.resize_for(count as usize))
            .map_err(|error| malformed(&format!("points from {}", read + 1), &error))?;
        for ((x, y), z) in records.x().zip(records.y()).zip(records.z()) {
            points.extend([x, y, z]);
        }
        read += count;
    }
    let columns = Columns::default();
    let mut table = Table::of_numbers(file, &columns, points, 3)?;
    table.names = Some(["x", "y", "z"].map(str::to_owned).to_vec());
    table.finish()
}

/// Fills a slice with the records that follow.
type Unpack = Box<dyn FnMut(&mut [u8]) -> io::Result<()>>;

/// A reader of records of points, from the end of the header. Of packed records only x, y
/// and z are decoded for certain.
fn records(
    mut bytes: impl Read + Seek + Send + Sync + 'static,
    header: &Header,
) -> las::Result<Unpack> {
    let size = usize::from(header.point_format().len());
    if !header.point_format().is_compressed {
        return Ok(Box::new(move |records| bytes.read_exact(records)));
    }
    let packed = header.laz_vlr()?;
    if packed.items_size() != size as u64 {
        let told = "the packed points are not as long as the points of the header";
        return Err(io::Error::other(told).into());
    }
    if packed.items().iter().any(|item| item.version() > 2) {
        let selection = DecompressionSelection::base().decompress_z();
        let mut layers = LasZipDecompressor::selective(bytes, packed, selection)?;
        return Ok(Box::new(move |records| layers.decompress_many(records)));
    }
    let mut chunks = Chunks::new(bytes, &packed)?;
    Ok(Box::new(move |records| {
        (records.chunks_exact_mut(size)).try_for_each(|record| chunks.unpack(record))
    }))
}

/// Packed points of the types 0 to 5, whose fields follow each other, so that none can be left out. The
/// library could read them, except for its decoder of GPS times: see [`GpsTimes`].
struct Chunks<R: Read> {
    points: SequentialPointRecordDecompressor<'static, R>,
    items: Vec<LazItem>,
    /// How many points each of the following chunks has.
    counts: Box<dyn Iterator<Item = u64>>,
    /// How many points of this chunk are left.
    left: u64,
}

impl<R: Read + Seek + 'static> Chunks<R> {
    /// The points that begin at the position of `bytes`.
    fn new(mut bytes: R, packed: &LazVlr) -> laz::Result<Self> {
        let start = bytes.stream_position()?;
        let counts: Box<dyn Iterator<Item = u64>> = match compressor(packed)? {
            1 => Box::new(iter::once(u64::MAX)),
            2 if packed.uses_variable_size_chunks() => {
                let table = ChunkTable::read_from(&mut bytes, packed)?;
                let counts: Vec<_> = table.into_iter().map(|chunk| chunk.point_count).collect();
                Box::new(counts.into_iter())
            }
            2 => {
                bytes.seek(SeekFrom::Start(start + ChunkTable::OFFSET_SIZE as u64))?;
                Box::new(iter::repeat(packed.chunk_size().into()))
            }
            _ => {
                let told = "the points are packed neither in one chunk nor in several";
                return Err(io::Error::other(told).into());
            }
        };
        let mut chunks = Self {
            points: SequentialPointRecordDecompressor::new(bytes),
            items: packed.items().clone(),
            counts,
            left: 0,
        };
        chunks.begin().map(|()| chunks)
    }

    /// Resets the decoders for the next chunk.
    fn begin(&mut self) -> laz::Result<()> {
        self.points.reset();
        for &item in &self.items {
            if (item.item_type(), item.version()) == (LazItemType::GpsTime, 2) {
                self.points.add_field_decompressor(GpsTimes::default());
            } else {
                self.points.set_fields_from(&vec![item])?;
            }
        }
        Ok(())
    }

    fn unpack(&mut self, record: &mut [u8]) -> io::Result<()> {
        if self.left == 0 {
            let next = self.counts.find(|&count| count > 0);
            self.left = next.ok_or_else(|| io::Error::other("there are no more chunks"))?;
            self.begin().map_err(io::Error::other)?;
        }
        self.left -= 1;
        self.points.decompress_next(record)
    }
}

/// Skips the GPS times of packed points (LASzip, version 2 of the item). A time belongs to one of four
/// sequences and is stored as its difference from the previous time there, a multiple of the last step plus
/// a correction. Decoding depends only on the steps, so the times themselves are not kept.
///
/// The library's decoder calls itself whenever a point switches to another sequence. Writers switch at most once a
/// point, but 1 kB may hold a hundred thousand switches, for which the stack is too small.
struct GpsTimes {
    sequence: usize,
    newest: usize,
    steps: [i32; 4],
    /// How many times in a row, nearly, a multiple was out of range; the fourth becomes the step.
    extremes: [u8; 4],
    /// The codes for a last step of zero, and for any other.
    still: ArithmeticModel,
    multiples: ArithmeticModel,
    corrections: IntegerDecompressor,
}

impl Default for GpsTimes {
    fn default() -> Self {
        let mut corrections = IntegerDecompressorBuilder::new();
        Self {
            sequence: 0,
            newest: 0,
            steps: [0; 4],
            extremes: [0; 4],
            still: ArithmeticModelBuilder::new(6).build(),
            multiples: ArithmeticModelBuilder::new(516).build(),
            corrections: corrections.bits(32).contexts(9).build_initialized(),
        }
    }
}

impl GpsTimes {
    /// The size of a time in a record.
    const SIZE: usize = 8;

    /// Begins another sequence with a full time.
    fn begin(&mut self, decoder: &mut ArithmeticDecoder<impl Read>) -> io::Result<()> {
        self.corrections.decompress(decoder, 0, 8)?;
        decoder.read_int()?;
        self.newest = (self.newest + 1) % 4;
        self.sequence = self.newest;
        self.steps[self.sequence] = 0;
        self.extremes[self.sequence] = 0;
        Ok(())
    }
}

impl<R: Read> FieldDecompressor<R> for GpsTimes {
    fn size_of_field(&self) -> usize {
        Self::SIZE
    }

    fn decompress_first(&mut self, bytes: &mut R, first: &mut [u8]) -> io::Result<()> {
        bytes.read_exact(first)
    }

    fn decompress_with(
        &mut self,
        decoder: &mut ArithmeticDecoder<R>,
        _: &mut [u8],
    ) -> io::Result<()> {
        // One code, and one more for each of the other sequences.
        for _ in 0..4 {
            let now = self.sequence;
            let step = self.steps[now];
            if step == 0 {
                match decoder.decode_symbol(&mut self.still)? {
                    0 => return Ok(()),
                    1 => {
                        self.steps[now] = self.corrections.decompress(decoder, 0, 0)?;
                        self.extremes[now] = 0;
                        return Ok(());
                    }
                    2 => return self.begin(decoder),
                    switch => self.sequence = (now + switch as usize - 2) % 4,
                }
                continue;
            }
            let code = decoder.decode_symbol(&mut self.multiples)? as i32;
            let (multiple, context) = match code {
                0 => (0, 7),
                1 => (1, 1),
                2..10 => (code, 2),
                10..500 => (code, 3),
                500 => (500, 4),
                501..510 => (500 - code, 5),
                510 => (-10, 6),
                511 => return Ok(()),
                512 => return self.begin(decoder),
                switch => {
                    self.sequence = (now + switch as usize - 512) % 4;
                    continue;
                }
            };
            let predicted = step.wrapping_mul(multiple);
            let added = self.corrections.decompress(decoder, predicted, context)?;
            match multiple {
                1 => self.extremes[now] = 0,
                0 | 500 | -10 if self.extremes[now] == 3 => {
                    self.steps[now] = added;
                    self.extremes[now] = 0;
                }
                0 | 500 | -10 => self.extremes[now] += 1,
                _ => {}
            }
            return Ok(());
        }
        Err(io::Error::other(
            "a point switches between the sequences of GPS times more than three times",
        ))
    }
}

/// How the points are packed, from a record after the header; none for unpacked points.
fn packing(bytes: &mut (impl Read + Seek), header: &raw::Header) -> las::Result<Option<LazVlr>> {
    if header.point_data_record_format & 0x80 == 0 {
        return Ok(None);
    }
    for _ in 0..header.number_of_variable_length_records {
        let record = Vlr::new(raw::Vlr::read_from(&mut *bytes, false)?);
        if is_laszip_vlr(&record) {
            return (&record).try_into().map(Some);
        }
    }
    Err(las::Error::LasZipVlrNotFound)
}

/// The number of the packing (LASzip): 1 for one chunk, 2 for several, 3 for layers. It is
/// the first number of the record, and stands nowhere else.
fn compressor(packed: &LazVlr) -> io::Result<u8> {
    let mut record = Vec::new();
    packed.write_to(&mut record)?;
    Ok(record.first().copied().unwrap_or_default())
}

/// How many layers a chunk has.
fn layers(packed: &LazVlr) -> usize {
    let of = |item: &LazItem| match item.item_type() {
        LazItemType::Point14 => 9,
        LazItemType::RGB14 | LazItemType::WavePacket14 => 1,
        LazItemType::RGBNIR14 => 2,
        LazItemType::Byte14(bytes) => bytes.into(),
        _ => 0,
    };
    packed.items().iter().map(of).sum()
}

/// The largest of the lengths that the libraries reserve without a check: the bytes of the first
/// extended record (LAS 1.4, section 2.8), and the entries of the table of packed chunks, whose place
/// is in the first eight bytes of the points, or in the last ones of the file.
fn claims(
    bytes: &mut (impl Read + Seek),
    header: &raw::Header,
    packed: Option<&LazVlr>,
) -> io::Result<u64> {
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
    let has_table = |packed| io::Result::Ok(compressor(packed)? != 1 || layers(packed) > 0);
    if packed.map(has_table).transpose()?.unwrap_or(false) {
        let start = u64::from(header.offset_to_point_data);
        let mut table = number(SeekFrom::Start(start), 8)?;
        if table as i64 <= start as i64 {
            table = number(SeekFrom::End(-8), 8)?;
        }
        most = most.max(number(SeekFrom::Start(table.saturating_add(4)), 4)?);
    }
    Ok(most)
}

/// Whether chunks of packed points are as large as the layers that they announce (LASzip for the point
/// types from 6 on): a point, the number of points, the size of each layer, and the layers, for which the
/// library reserves memory without a check.
fn holds_layers(
    bytes: &mut (impl Read + Seek),
    header: &raw::Header,
    packed: &LazVlr,
) -> laz::Result<bool> {
    let layers = layers(packed);
    let (start, end) = (
        u64::from(header.offset_to_point_data),
        bytes.seek(SeekFrom::End(0))?,
    );
    // The first point is not packed; the library reserves memory for each of its bytes.
    let mut fits = start.saturating_add(packed.items_size()) <= end;
    if fits && layers > 0 {
        bytes.seek(SeekFrom::Start(start))?;
        let table = ChunkTable::read_from(&mut *bytes, packed)?;
        let mut start = start + ChunkTable::OFFSET_SIZE as u64;
        let head = packed.items_size() + 4;
        let mut sizes = vec![0; 4 * layers];
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
    Ok(fits)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::tests::{message, mutilate, parse};
    use las::{Builder, Header, Point, Transform, Vector, Writer};
    use laz::{
        LasZipCompressor, LazItemRecordBuilder, LazItemType, LazVlr, LazVlrBuilder,
        encoders::ArithmeticEncoder,
        las::v2::{LasPoint0Compressor, LasRGBCompressor},
        laszip::{ChunkTable, ChunkTableEntry},
        models::ArithmeticModelBuilder,
        record::{FieldCompressor, RecordCompressor, SequentialPointRecordCompressor},
    };
    use std::io::{self, Cursor, Write};

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
        let mut times = times();
        for &[x, y, z] in points {
            let point = Point {
                x,
                y,
                z,
                intensity: 7,
                gps_time: (format != 2).then(|| times.next().unwrap()),
                color: (![1, 6].contains(&format)).then(|| las::Color::new(1, 2, 3)),
                nir: (format == 8).then_some(4),
                ..Default::default()
            };
            writer.write_point(point).unwrap();
        }
        writer.into_inner().unwrap().into_inner()
    }

    /// Times of several sequences that stand, go on in steps, in all multiples of them, and jump.
    fn times() -> impl Iterator<Item = f64> {
        let mut sequences = [1_u64, 2, 3, 4].map(|sequence| (0x4100 << 48) + (sequence << 40));
        (0_u64..).map(move |i| {
            // SplitMix64.
            let mut chance = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            chance = (chance ^ (chance >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            chance = (chance ^ (chance >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let time = &mut sequences[(chance >> 62) as usize * usize::from(i % 3 == 0)];
            let step = 1000 + (chance & 3);
            *time = match (chance >> 32) % 1000 {
                0 => (0x4100 << 48) + (chance >> 16),
                1..100 => *time,
                100..300 => *time - step * (chance >> 8 & 15),
                300..400 => *time + step * (chance >> 8 & 1023),
                400..500 => *time + (chance >> 8 & 15),
                500..600 => *time + step * (chance >> 8 & 15),
                _ => *time + step,
            };
            f64::from_bits(*time)
        })
    }

    /// Where the points begin.
    fn start(bytes: &[u8]) -> usize {
        u32::from_le_bytes(bytes[96..100].try_into().unwrap()) as usize
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
        for (version, format) in [
            ((1, 2), 1),
            ((1, 2), 2),
            ((1, 4), 6),
            ((1, 4), 7),
            ((1, 4), 8),
        ] {
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
            written_as((1, 2), 1, &many, true),
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
        // Behind the place of the table, a point of 36 bytes, and the number of points.
        let first = start(&bytes) + 8 + 36 + 4;
        bytes[first..first + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        // Nor is there a second chunk for points beyond those of the first.
        let mut more = written_as((1, 4), 7, &POINTS, true);
        more[107..111].copy_from_slice(&0_u32.to_le_bytes());
        more[247..255].copy_from_slice(&60_000_u64.to_le_bytes());
        // Nor does a record of a name that begins alike hide the layers.
        let mut data = Vec::new();
        let point = LazVlrBuilder::new(
            LazItemRecordBuilder::new()
                .add_item(LazItemType::Point10)
                .build(),
        );
        point.build().write_to(&mut data).unwrap();
        let mut decoy = [0; 54];
        decoy[2..17].copy_from_slice(b"laszip encoded+");
        decoy[18..20].copy_from_slice(&LazVlr::RECORD_ID.to_le_bytes());
        decoy[20..22].copy_from_slice(&(data.len() as u16).to_le_bytes());
        let decoy = [decoy.as_slice(), &data].concat();
        let mut hidden = bytes.clone();
        let place = start(&bytes);
        let records = u32::from_le_bytes(bytes[100..104].try_into().unwrap());
        let table = u64::from_le_bytes(bytes[place..place + 8].try_into().unwrap());
        hidden[place..place + 8].copy_from_slice(&(table + decoy.len() as u64).to_le_bytes());
        hidden[96..100].copy_from_slice(&((place + decoy.len()) as u32).to_le_bytes());
        hidden[100..104].copy_from_slice(&(records + 1).to_le_bytes());
        let header = usize::from(u16::from_le_bytes([bytes[94], bytes[95]]));
        hidden.splice(header..header, decoy);
        for bytes in [bytes, more, hidden] {
            let told = message("a.laz", &bytes);
            let expected = "packed points: claims records that are larger than the file";
            assert!(told.contains(expected), "{told}");
        }
    }

    #[test]
    fn points_are_read_from_chunks_that_differ_in_size() {
        let plain = written(&POINTS, false);
        let packed = written(&POINTS, true);
        let header = Header::new(Cursor::new(&packed)).unwrap();
        let [mut fixed, mut varied] = [Vec::new(), Vec::new()];
        let items = header.laz_vlr().unwrap().items().clone();
        let vlr = LazVlrBuilder::new(items).with_variable_chunk_size().build();
        header.laz_vlr().unwrap().write_to(&mut fixed).unwrap();
        vlr.write_to(&mut varied).unwrap();
        let mut bytes = packed[..start(&packed)].to_vec();
        let record = (bytes
            .windows(fixed.len())
            .position(|window| window == fixed))
        .unwrap();
        bytes[record..record + varied.len()].copy_from_slice(&varied);
        let mut out = Cursor::new(bytes);
        out.set_position(start(&packed) as u64);
        let mut chunks = LasZipCompressor::new(out, vlr).unwrap();
        let records = &plain[start(&plain)..];
        chunks.compress_many(&records[..34]).unwrap();
        chunks.finish_current_chunk().unwrap();
        chunks.compress_many(&records[34..]).unwrap();
        chunks.done().unwrap();
        let mut bytes = chunks.into_inner().into_inner();
        assert_eq!(
            parse("a.laz", &bytes).unwrap().points,
            POINTS.as_flattened()
        );
        bytes[107..111].copy_from_slice(&4_u32.to_le_bytes());
        let told = message("a.laz", &bytes);
        assert!(told.contains("there are no more chunks"), "{told}");
    }

    #[test]
    fn points_are_read_from_one_chunk_that_no_table_tells_of() {
        let bytes = written(&POINTS, true);
        let start = start(&bytes);
        let place = u64::from_le_bytes(bytes[start..start + 8].try_into().unwrap()) as usize;
        let vlr = Header::new(Cursor::new(&bytes)).unwrap().laz_vlr().unwrap();
        let mut record = Vec::new();
        vlr.write_to(&mut record).unwrap();
        let way = (bytes
            .windows(record.len())
            .position(|window| window == record))
        .unwrap();
        let mut head = bytes[..start].to_vec();
        assert_eq!(head[way], 2);
        head[way] = 1;
        let one = [&head, &bytes[start + 8..place]].concat();
        assert_eq!(parse("a.laz", &one).unwrap().points, POINTS.as_flattened());
        head[way] = 3;
        let layers = [&head, &bytes[start..]].concat();
        let told = message("a.laz", &layers);
        assert!(
            told.contains("neither in one chunk nor in several"),
            "{told}"
        );
    }

    /// Packs GPS times that are those of other sequences so many times before they are the last one there.
    struct Switches(usize);

    impl<W: Write> FieldCompressor<W> for Switches {
        fn size_of_field(&self) -> usize {
            8
        }

        fn compress_first(&mut self, out: &mut W, time: &[u8]) -> io::Result<()> {
            out.write_all(time)
        }

        fn compress_with(
            &mut self,
            encoder: &mut ArithmeticEncoder<W>,
            _: &[u8],
        ) -> io::Result<()> {
            let mut codes = ArithmeticModelBuilder::new(6).build();
            (0..self.0).try_for_each(|_| encoder.encode_symbol(&mut codes, 3))?;
            encoder.encode_symbol(&mut codes, 0)
        }
    }

    /// So many that a decoder that calls itself for each of them exhausts any stack.
    const SWITCHES: usize = 1_000_000;

    #[test]
    fn gps_times_that_switch_sequences_without_end_are_refused() {
        let points = &POINTS[..2];
        let plain = written(points, false);
        let packed = written(points, true);
        let of = |switches| {
            let mut records = SequentialPointRecordCompressor::new(Cursor::new(Vec::new()));
            records.add_field_compressor(LasPoint0Compressor::default());
            records.add_field_compressor(Switches(switches));
            records.add_field_compressor(LasRGBCompressor::default());
            for record in plain[start(&plain)..].chunks_exact(34) {
                records.compress_next(record).unwrap();
            }
            records.done().unwrap();
            let chunk = records.into_inner().into_inner();
            let start = start(&packed);
            let table = (start + 8 + chunk.len()) as u64;
            [&packed[..start], &table.to_le_bytes(), &chunk, &[0; 8]].concat()
        };
        for switches in [0, 1, 3] {
            let cloud = parse("a.laz", &of(switches)).unwrap();
            assert_eq!(cloud.points, points.as_flattened());
        }
        for switches in [4, SWITCHES] {
            let bytes = of(switches);
            assert!(bytes.len() < 1000);
            let told = message("a.laz", &bytes);
            assert!(told.contains("GPS times more than three times"), "{told}");
        }
    }

    #[test]
    fn gps_times_in_a_layer_of_their_own_are_left_alone() {
        let bytes = written_as((1, 4), 6, &POINTS, true);
        let (head, chunk) = bytes.split_at(start(&bytes));
        // The place of the table, a point, and the number of points; the sizes of nine layers; the layers.
        let (begin, sizes) = chunk[8..].split_at(30 + 4);
        let (sizes, layers) = sizes.split_at(9 * 4);
        let (sizes, _) = sizes.as_chunks();
        let sizes = sizes.to_vec();
        let others: u32 = (sizes[..8].iter())
            .map(|&size| u32::from_le_bytes(size))
            .sum();
        assert_ne!(sizes[8], [0; 4]);
        let mut encoder = ArithmeticEncoder::new(Cursor::new(Vec::new()));
        let mut codes = ArithmeticModelBuilder::new(5).build();
        for _ in 0..SWITCHES {
            encoder.encode_symbol(&mut codes, 2).unwrap();
        }
        encoder.done().unwrap();
        let times = encoder.into_inner().into_inner();
        let chunk = [
            begin,
            sizes[..8].as_flattened(),
            &(times.len() as u32).to_le_bytes(),
            &layers[..others as usize],
            &times,
        ]
        .concat();
        let place = (head.len() + 8 + chunk.len()) as u64;
        let mut bytes = [head, &place.to_le_bytes(), &chunk].concat();
        let mut table = ChunkTable::with_capacity(1);
        table.push(ChunkTableEntry {
            point_count: 3,
            byte_count: chunk.len() as u64,
        });
        let vlr = Header::new(Cursor::new(&bytes)).unwrap().laz_vlr().unwrap();
        table.write_to(&mut bytes, &vlr).unwrap();
        let cloud = parse("a.laz", &bytes).unwrap();
        assert_eq!(cloud.points, POINTS.as_flattened());
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
