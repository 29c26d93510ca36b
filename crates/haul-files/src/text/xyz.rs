//! Tables whose fields are separated by white space, and molecules.

use super::{
    broken,
    dialect::{Dialect, digits},
    sequence::{Part, Sequence, is_comment, names, push, undivided},
};
use crate::{
    Cloud, Columns, Error, Reading, Result,
    columns::{AXES_OF_XYZ, Table},
};
use csv::ByteRecord;
use std::{borrow::Cow, io::BufRead, path::Path};

/// Visits the lines of a text, with any line end; a byte order mark at its beginning is skipped.
fn lines<E: From<Error>>(
    file: &Path,
    mut reader: impl BufRead,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut lines = Vec::new();
    let mut read = 0;
    loop {
        lines.clear();
        match reader.read_until(b'\n', &mut lines) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(broken(file, read, error, ".xyz").into()),
        }
        let mark: &[u8] = if read == 0 { b"\xef\xbb\xbf" } else { b"" };
        let text = lines.strip_prefix(mark).unwrap_or(&lines);
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        text.split(|&byte| byte == b'\r').try_for_each(&mut each)?;
        read += 1;
    }
}

/// The fields between white space.
fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty())
}

/// The atoms of a molecule: their number is on the first line of an `.xyz`, a title on the second.
#[derive(Clone, Copy)]
pub(super) struct Molecule {
    atoms: u64,
    /// The column of x.
    x: usize,
}

impl Molecule {
    /// The atoms that the first three lines of a file describe, if any.
    fn of(lines: &[Vec<u8>]) -> Option<Self> {
        let [count, title, atom] = lines else {
            return None;
        };
        let mut count = fields(count);
        let (Some(atoms), None) = (count.next(), count.next()) else {
            return None;
        };
        let atoms = std::str::from_utf8(atoms).ok().filter(|_| digits(atoms))?;
        let atom: Vec<_> = fields(atom).collect();
        let x = Self::place(title);
        let number = |field: &&[u8]| Dialect::COMMAS.number(field).is_some();
        let point = atom.get(x?..x? + 3)?;
        // The element, by symbol or number.
        let row = fields(title).all(|field| number(&field)) && fields(title).count() == atom.len();
        let element =
            atom[0].first().is_some_and(u8::is_ascii_alphabetic) || digits(atom[0]) && !row;
        (element && point.iter().all(number)).then_some(Self {
            atoms: atoms.parse().ok()?,
            x: x?,
        })
    }

    /// The column of x; a title may give it as `Properties=species:S:1:pos:R:3`.
    fn place(title: &[u8]) -> Option<usize> {
        let title = String::from_utf8_lossy(title);
        let properties = fields(title.as_bytes())
            .filter_map(|word| std::str::from_utf8(word).ok()?.strip_prefix("Properties="))
            .next();
        let Some(properties) = properties else {
            return Some(1);
        };
        let parts: Vec<_> = properties.trim_matches('"').split(':').collect();
        let mut column = 0_usize;
        for part in parts.chunks(3) {
            match part {
                ["pos", _, "3"] => return Some(column),
                [_, _, width] => column = column.checked_add(width.parse().ok()?)?,
                _ => return None,
            }
        }
        None
    }

    /// The names of the columns, `width` in number.
    pub(super) fn names(x: usize, width: usize) -> Vec<String> {
        let name = |column: usize| match column.checked_sub(x) {
            Some(axis @ 0..=2) => ["x", "y", "z"][axis].to_owned(),
            _ if column == 0 && x == 1 => "element".to_owned(),
            _ => (column + 1).to_string(),
        };
        (0..width).map(name).collect()
    }

    /// The coordinates of atoms, unless others were selected.
    pub(super) fn columns(columns: &Columns) -> Cow<'_, Columns> {
        if !columns.coordinates.is_empty() {
            return Cow::Borrowed(columns);
        }
        Cow::Owned(Columns {
            coordinates: ["x", "y", "z"].map(str::to_owned).to_vec(),
            ..columns.clone()
        })
    }
}

/// Visits the lines of an xyz.
pub(super) fn xyz<E: From<Error>>(
    file: &Path,
    reader: impl BufRead,
    header: Option<bool>,
    each: impl FnMut(Part, &ByteRecord) -> Result<(), E>,
) -> Result<(), E> {
    let mut sequence = Sequence::new(file, Dialect::SPACES, header, each);
    // The first three lines, which show whether these are atoms.
    let mut held: Option<Vec<Vec<u8>>> = Some(Vec::new());
    let mut molecule = None;
    let mut record = ByteRecord::new();
    let mut of_table = |sequence: &mut Sequence<'_, _>, line: &[u8]| -> Result<(), E> {
        record.clear();
        if line.trim_ascii().is_empty() {
            return sequence.push(&record, Some(line));
        }
        let opens = is_comment(line);
        let marks = |byte: &u8| opens && (b"#/".contains(byte) || byte.is_ascii_whitespace());
        let start = line.iter().take_while(|byte| marks(byte)).count();
        fields(&line[start..]).for_each(|field| record.push_field(field));
        sequence.push(&record, opens.then_some(line))
    };
    lines(file, reader, |line| {
        if let Some(first) = &mut held {
            first.push(line.to_vec());
            if first.len() < 3 {
                return Ok(());
            }
            let first = held.take().unwrap_or_default();
            molecule = Molecule::of(&first);
            let Some(Molecule { x, .. }) = molecule else {
                return first
                    .iter()
                    .try_for_each(|line| of_table(&mut sequence, line));
            };
            let none = ByteRecord::new();
            (sequence.each)(Part::Comment(&first[0]), &none)?;
            (sequence.each)(Part::Comment(&first[1]), &none)?;
            (sequence.each)(Part::Atoms(x), &none)?;
            let atom = fields(&first[2]).collect();
            return sequence.emit(&atom, None);
        }
        let Some(Molecule { atoms, .. }) = molecule else {
            return of_table(&mut sequence, line);
        };
        if line.trim_ascii().is_empty() {
            return sequence.emit(&ByteRecord::new(), Some(line));
        }
        if sequence.rows as u64 >= atoms {
            let place = format!("behind atom {atoms}");
            let reason = "there are more lines than the first one says, as those of a second frame";
            return Err(Error::malformed(file, &place, reason, ".xyz with one frame").into());
        }
        sequence.emit(&fields(line).collect(), None)
    })?;
    for line in held.unwrap_or_default() {
        of_table(&mut sequence, &line)?;
    }
    match molecule {
        Some(Molecule { atoms, .. }) if (sequence.rows as u64) < atoms => {
            let found = sequence.rows as u64;
            Err(E::from(Error::Truncated {
                file: file.into(),
                what: "atoms",
                promised: atoms,
                found,
            }))
        }
        Some(_) => Ok(()),
        None => sequence.end(),
    }
}

/// Reads a cloud from lines of coordinates, or from atoms.
pub(crate) fn read_xyz(file: &Path, reader: impl BufRead, reading: &Reading) -> Result<Cloud> {
    let of_atoms = Molecule::columns(&reading.columns);
    let mut table = Table::new(file, &reading.columns, None).of_axes(AXES_OF_XYZ);
    let mut x_of_atoms = None;
    xyz(file, reader, reading.header, |part, record| match part {
        Part::Header(_) => {
            table.names = Some(names(record));
            Ok(())
        }
        Part::Atoms(x) => {
            table = Table::new(file, &of_atoms, None);
            x_of_atoms = Some(x);
            Ok(())
        }
        Part::Row(row) => {
            if let (0, Some(x)) = (row, x_of_atoms) {
                table.names = Some(Molecule::names(x, record.len()));
            }
            let divides = |byte: &u8| b",;".contains(byte);
            let undivided = || {
                undivided(
                    file,
                    row,
                    record.iter(),
                    divides,
                    Dialect::SPACES.separators(),
                )
            };
            let field = |column: usize| Dialect::COMMAS.field(&record[column]);
            push(&mut table, record.len(), field, undivided)
        }
        Part::Comment(_) => Ok(()),
    })?;
    table.finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::{
        Attributes, Columns, Reading,
        tests::{message, parse},
        text::write_moved_xyz,
    };
    use std::path::Path;

    const WATER: &str = "3\nwater, # of hands\nO 0.0 0.1 0.2\nH 1 0 0 7\nH -1 0 0 7\n\n";

    #[test]
    fn xyz_takes_any_white_space_and_skips_comments() {
        let text = "\u{feff}# a scan\n//X Y Z\n1 2\t3\r\n\n  4   5 6  \n#7 8 9\n";
        let cloud = parse("a.xyz", text.as_bytes()).unwrap();
        assert_eq!(
            (&*cloud.points, cloud.dimension),
            (&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0][..], 3)
        );
    }

    #[test]
    fn atoms_are_points_behind_a_count_and_a_title() {
        let water = WATER.replace(" 7", "");
        let points = [0.0, 0.1, 0.2, 1.0, 0.0, 0.0, -1.0, 0.0, 0.0];
        for text in [
            water.clone(),
            water.replace("water, # of hands", ""),
            water.replace("water, # of hands", "1 2 3"),
            water.replace('O', "8").replace('H', "1"),
            water.replace('\n', "\r\n"),
            "2\nProperties=id:I:1:species:S:1:pos:R:3:charge:R:1 pbc=\"T T T\"\n1 O 0 0.1 .2 9\n2 H 1 0 0 9\n".into(),
        ] {
            let cloud = parse("a.xyz", text.as_bytes()).unwrap();
            assert_eq!(cloud.dimension, 3);
            assert_eq!(cloud.points, points[..cloud.points.len()], "{text}");
        }
        let reading = Reading::of(&Columns {
            coordinates: vec!["z".into(), "x".into()],
            ..Columns::default()
        });
        let text = WATER.replace("0.2\n", "0.2 7\n");
        let cloud = crate::parse_as(Path::new("a.xyz"), text.as_bytes(), &reading).unwrap();
        assert_eq!(cloud.points, [0.2, 0.0, 0.0, 1.0, 0.0, -1.0]);
        let mut out = Vec::new();
        let from = (Path::new("a.xyz"), &reading);
        let beside = (&[9.0; 6][..], &Attributes::default());
        write_moved_xyz(from, text.as_bytes(), beside, &mut out).unwrap();
        let moved = "3\nwater, # of hands\nO 9.0 0.1 9.0 7\nH 9.0 0 9.0 7\nH 9.0 0 9.0 7\n\n";
        assert_eq!(String::from_utf8(out).unwrap(), moved);
        for (text, part) in [
            (
                water.replacen('3', "5", 1),
                "promises 5 atoms but only 3 are there",
            ),
            (
                water.replacen('3', "2", 1),
                "there are more lines than the first one says",
            ),
            (WATER.to_owned(), "row 2 has 5 columns where 4 are expected"),
            (
                "3\n1 2 3\n4 5 6\n7 8 9\n".to_owned(),
                "row 2 has 3 columns where 1 are expected",
            ),
        ] {
            let told = message("a.xyz", text.as_bytes());
            assert!(told.contains(part), "{told}");
        }
    }
}
