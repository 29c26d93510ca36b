//! What the name of a column says about it.

/// Names of weights.
const WEIGHTS: [&str; 2] = ["weight", "weights"];

/// Common names of weights. The letters may mean something else, unless an x is beside them.
const LIKE_WEIGHTS: [&str; 7] = [
    "mass",
    "masses",
    "count",
    "counts",
    "number",
    "multiplicity",
    "multiplicities",
];
const LETTERS_OF_WEIGHTS: [&str; 2] = ["w", "n"];

/// Words in the names of counts, as in `total_counts`, `n_umi` and `nCount_RNA`: numbers of things beside coordinates.
const WORDS_OF_COUNTS: [&str; 11] = [
    "count",
    "counts",
    "umi",
    "umis",
    "numi",
    "ncount",
    "ncounts",
    "nfeature",
    "nfeatures",
    "ngene",
    "ngenes",
];

/// The prefix that programs for scans put before the names of their fields.
const OF_FIELDS: &str = "scalar_";

/// The name of a column of displacements beside an x: no coordinate.
pub(crate) const DISPLACEMENT: &str = "displacement";

/// Columns that come together and are rarely meant as coordinates beside others.
const ATTRIBUTES: [(&str, [&str; 3]); 3] = [
    ("a colour", ["r", "g", "b"]),
    ("a colour", ["red", "green", "blue"]),
    ("a normal", ["nx", "ny", "nz"]),
];

/// Names of columns of row numbers, if their values are integers.
const NUMBERS: [&str; 14] = [
    "id",
    "idx",
    "fid",
    "gid",
    "pid",
    "row",
    "rowid",
    "row_id",
    "rownames",
    "row_names",
    "point_id",
    "objectid",
    "no",
    "nr",
];

/// Plain names of coordinates; digits may follow.
const COORDINATES: [&str; 9] = [
    "x",
    "y",
    "z",
    "lon",
    "lat",
    "longitude",
    "latitude",
    "easting",
    "northing",
];

/// A name without the prefix of programs for scans.
fn bare(name: &str) -> &str {
    match name.get(..OF_FIELDS.len()) {
        Some(start) if start.eq_ignore_ascii_case(OF_FIELDS) => &name[OF_FIELDS.len()..],
        _ => name,
    }
}

/// The column named like weights by default.
pub(crate) fn weight_by_name(names: Option<&[String]>) -> Option<usize> {
    let names = names?;
    let exact = |weight: &&str| {
        names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(weight))
    };
    let field =
        |weight: &&str| (names.iter()).position(|name| bare(name).eq_ignore_ascii_case(weight));
    (WEIGHTS.iter().find_map(exact)).or_else(|| WEIGHTS.iter().find_map(field))
}

/// Whether a column of this name is the index of a table from another program.
pub(super) fn is_index(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let numbered = |start: &str, end: &str| {
        let number = lower
            .strip_prefix(start)
            .and_then(|rest| rest.strip_suffix(end));
        number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    lower.is_empty()
        || lower == "index"
        || numbered("unnamed: ", "")
        || numbered("level_", "")
        || numbered("__index_level_", "__")
}

/// The columns of a colour or a normal, and the name of the kind.
pub(super) fn attribute(names: &[String], columns: &[usize]) -> Option<(Vec<usize>, &'static str)> {
    ATTRIBUTES.iter().find_map(|(what, parts)| {
        let found = parts.iter().map(|part| named(names, columns, part));
        Some((found.collect::<Option<Vec<_>>>()?, *what))
    })
}

/// The column named like a weight; single letters count only if `coordinates` is set.
pub(crate) fn weight_like(names: &[String], columns: &[usize], coordinates: bool) -> Option<usize> {
    let letters = if coordinates {
        &LETTERS_OF_WEIGHTS[..]
    } else {
        &[]
    };
    let words = WEIGHTS.iter().chain(&LIKE_WEIGHTS).chain(letters);
    words
        .into_iter()
        .find_map(|name| named(names, columns, name))
}

/// The columns that are called like a count.
pub(super) fn counts(names: &[String], columns: &[usize]) -> Vec<usize> {
    let columns = columns.iter().copied();
    columns
        .filter(|column| is_count(bare(&names[*column])))
        .collect()
}

/// Whether a name has the word of a count, or begins with `n_` before another word.
fn is_count(name: &str) -> bool {
    let words: Vec<_> = name
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .map(str::to_ascii_lowercase)
        .collect();
    let number = matches!(&words[..], [n, of, ..] if n == "n" && of.len() > 1 && of.bytes().all(|byte| byte.is_ascii_alphabetic()));
    number
        || words
            .iter()
            .any(|word| WORDS_OF_COUNTS.contains(&word.as_str()))
}

/// Whether there is an x, so that letters have their usual meaning.
pub(super) fn has_x(names: &[String]) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case("x"))
}

/// Whether there is an x or an x1.
pub(super) fn has_axis(names: &[String]) -> bool {
    has_x(names) || names.iter().any(|name| name.eq_ignore_ascii_case("x1"))
}

pub(super) fn named(names: &[String], columns: &[usize], name: &str) -> Option<usize> {
    let is = |column: &usize| bare(&names[*column]).eq_ignore_ascii_case(name);
    columns.iter().copied().find(is)
}

/// Whether a column of this name numbers the rows if its values are integers.
pub(super) fn is_row_number(name: &str) -> bool {
    NUMBERS.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Whether a name is a plain one of coordinates, apart from digits at its end.
pub(super) fn is_coordinate(name: &str) -> bool {
    let plain = name.trim_end_matches(|digit: char| digit.is_ascii_digit());
    (COORDINATES.iter()).any(|known| plain.eq_ignore_ascii_case(known))
}
