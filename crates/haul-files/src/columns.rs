//! Which columns of a table are a cloud: those that are selected, or else all but the weight, where
//! their names do not speak against it.

use crate::{Cloud, Error, Result, cloud::column_name};
use std::path::Path;

/// Which columns of a table (`.csv`, `.xyz`, `.parquet`, `.npy`) make a cloud, each by its name in the
/// header or by its number, counted from 1. The default takes all of them as coordinates, but for one
/// named `weight`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Columns {
    /// The coordinates, in this order; none stands for all columns but that of the weights.
    pub coordinates: Vec<String>,
    /// The weights; none stands for a column named `weight`, if there is one.
    pub weight: Option<String>,
    /// Whether points may weigh the same where a column that is left out is called like a weight.
    pub unweighted: bool,
}

/// What the columns of one table are.
#[derive(Debug, Default)]
pub(crate) struct Roles {
    /// The columns that are coordinates, in their order.
    pub(crate) coordinates: Vec<usize>,
    pub(crate) weight: Option<usize>,
    /// Whether somebody chose the coordinates.
    pub(crate) selected: bool,
}

/// What messages call the columns that were read.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// None where they have no names but those that everybody knows.
    pub(crate) coordinates: Vec<String>,
    pub(crate) weight: Option<String>,
}

/// What weights are often called. The letters may mean something else, unless an x stands beside them.
const WEIGHTS: [&str; 5] = ["weights", "mass", "count", "number", "multiplicity"];
const LETTERS_OF_WEIGHTS: [&str; 2] = ["w", "n"];

/// Columns that come together and are seldom meant as coordinates beside others.
const ATTRIBUTES: [(&str, [&str; 3]); 3] = [
    ("a colour", ["r", "g", "b"]),
    ("a colour", ["red", "green", "blue"]),
    ("a normal", ["nx", "ny", "nz"]),
];

impl Columns {
    /// Whether nothing is selected.
    pub fn is_default(&self) -> bool {
        self.coordinates.is_empty() && self.weight.is_none()
    }

    /// What the columns of a table are, of which there is a first row; whoever chose none of them is told
    /// of texts before names.
    pub(crate) fn among_fields(
        &self,
        file: &Path,
        names: Option<&[String]>,
        width: usize,
        text: Texts,
    ) -> Result<Roles> {
        let chosen = self.among(file, names, width);
        match (&chosen, (0..width).find(|&column| text(column).is_some())) {
            (Err(Error::DoubtfulColumns { .. }), Some(column)) => {
                let place = Place {
                    file,
                    row: 1,
                    column,
                };
                Err(Roles::default().no_number(place, names, width, text))
            }
            _ => chosen,
        }
    }

    /// What the columns of a table of this width are, whose header has these `names`.
    pub(crate) fn among(
        &self,
        file: &Path,
        names: Option<&[String]>,
        width: usize,
    ) -> Result<Roles> {
        let find = |wanted: &String| {
            position(names, width, wanted).ok_or_else(|| Error::NoColumn {
                file: file.into(),
                wanted: wanted.clone(),
                names: names.map(<[_]>::to_vec).unwrap_or_default(),
                width,
            })
        };
        let mut coordinates = (self.coordinates.iter().map(find)).collect::<Result<Vec<_>>>()?;
        let weight = match &self.weight {
            Some(name) => Some(find(name)?),
            None => weight_by_name(names).filter(|column| !coordinates.contains(column)),
        };
        let selected = !coordinates.is_empty();
        if !selected {
            coordinates = (0..width)
                .filter(|column| Some(*column) != weight)
                .collect();
            if coordinates.is_empty() {
                return Err(Error::Missing {
                    file: file.into(),
                    wanted: "column of coordinates",
                    found: numbered_or(names, 0..width),
                });
            }
            if let Some(names) = names {
                check_names(file, names, &coordinates, weight)?;
            }
        } else if let Some(names) = names.filter(|_| weight.is_none() && !self.unweighted) {
            let left: Vec<_> = (0..width).filter(|it| !coordinates.contains(it)).collect();
            let like = WEIGHTS.iter().find_map(|name| named(names, &left, name));
            if let Some(column) = like {
                return Err(Error::WeightLeftOut {
                    file: file.into(),
                    column: names[column].clone(),
                });
            }
        }
        Ok(Roles {
            coordinates,
            weight,
            selected,
        })
    }

    /// The cloud that these columns of a table without names are.
    pub(crate) fn of_array(&self, file: &Path, cloud: Cloud) -> Result<(Cloud, Names)> {
        if self.is_default() {
            return Ok((cloud, Names::default()));
        }
        let roles = self.among(file, None, cloud.dimension)?;
        let rows = || cloud.points.chunks_exact(cloud.dimension);
        let points = rows().flat_map(|row| roles.coordinates.iter().map(|&column| row[column]));
        let picked = Cloud {
            points: points.collect(),
            dimension: roles.coordinates.len(),
            weights: roles
                .weight
                .map(|column| rows().map(|row| row[column]).collect()),
        };
        Ok((picked, roles.names(None)))
    }
}

impl Roles {
    /// All of so many columns, as they are.
    pub(crate) fn all(width: usize) -> Self {
        Self {
            coordinates: (0..width).collect(),
            weight: None,
            selected: true,
        }
    }

    /// What messages call the columns, of which a header has these `names`.
    pub(crate) fn names(&self, names: Option<&[String]>) -> Names {
        let known = names.is_some() || self.selected;
        let coordinates = self.coordinates.iter().filter(|_| known);
        Names {
            coordinates: numbered_or(names, coordinates.copied()),
            weight: numbered_or(names, self.weight).pop(),
        }
    }

    /// The error of a field that is no number. In the first row of a table whose columns nobody chose
    /// the column is one of texts: the error then has those that hold numbers.
    pub(crate) fn no_number(
        &self,
        place: Place<'_>,
        names: Option<&[String]>,
        width: usize,
        text: Texts,
    ) -> Error {
        let Place { file, row, column } = place;
        let name = match names.and_then(|names| names.get(column)) {
            Some(name) => name.clone(),
            None if self.selected => (column + 1).to_string(),
            None => column_name(column, width),
        };
        let file = file.into();
        let numbers: Vec<_> = (0..width)
            .filter(|&column| text(column).is_none())
            .collect();
        let text = text(column).unwrap_or_default().chars().take(40).collect();
        if self.selected || row > 1 || numbers.is_empty() {
            return Error::NotANumber {
                file,
                row,
                column: name,
                text,
            };
        }
        Error::TextColumn {
            file,
            row,
            column: name,
            text,
            likely: Box::new(likely(names, &numbers, self.weight)),
        }
    }
}

/// A field of a table.
pub(crate) struct Place<'p> {
    pub(crate) file: &'p Path,
    pub(crate) row: usize,
    pub(crate) column: usize,
}

/// The text that a row has in a column, where it is no number.
pub(crate) type Texts<'t> = &'t dyn Fn(usize) -> Option<String>;

/// The column of this name, or else of this number.
fn position(names: Option<&[String]>, width: usize, wanted: &str) -> Option<usize> {
    let wanted = wanted.trim();
    let names = names.unwrap_or_default();
    let exact = names.iter().position(|name| name == wanted);
    let alike = || (names.iter()).position(|name| name.eq_ignore_ascii_case(wanted));
    let number = || wanted.parse::<usize>().ok()?.checked_sub(1);
    (exact.or_else(alike).or_else(number)).filter(|&column| column < width)
}

/// These columns by their names, or by their numbers where there are none.
fn numbered_or(names: Option<&[String]>, columns: impl IntoIterator<Item = usize>) -> Vec<String> {
    let name = |column| names.and_then(|names: &[String]| names.get(column).cloned());
    let columns = columns.into_iter();
    columns
        .map(|column| name(column).unwrap_or_else(|| (column + 1).to_string()))
        .collect()
}

/// The column that is named as weights are by default.
fn weight_by_name(names: Option<&[String]>) -> Option<usize> {
    let named = |name: &String| name.eq_ignore_ascii_case("weight");
    names?.iter().position(named)
}

/// Refuses to take columns as coordinates that are called like something else.
fn check_names(
    file: &Path,
    names: &[String],
    coordinates: &[usize],
    weight: Option<usize>,
) -> Result<()> {
    let (doubtful, like) = match attribute(names, coordinates) {
        Some(found) => found,
        None => match weight_like(names, coordinates).filter(|_| weight.is_none()) {
            Some(column) => (vec![column], "a weight"),
            None => return Ok(()),
        },
    };
    if doubtful.len() == coordinates.len() {
        // Points of a space of colours, say.
        return Ok(());
    }
    Err(Error::DoubtfulColumns {
        file: file.into(),
        taken: numbered_or(Some(names), coordinates.iter().copied()),
        doubtful: numbered_or(Some(names), doubtful),
        like,
        likely: Box::new(likely(Some(names), coordinates, weight)),
    })
}

/// Those of the columns that are most likely coordinates and weights.
fn likely(names: Option<&[String]>, columns: &[usize], weight: Option<usize>) -> Columns {
    let weight = weight.or_else(|| weight_by_name(names));
    let mut left: Vec<_> = (columns.iter().copied())
        .filter(|column| Some(*column) != weight)
        .collect();
    let mut found = None;
    if let Some(names) = names {
        while let Some((attribute, _)) =
            attribute(names, &left).filter(|it| it.0.len() < left.len())
        {
            left.retain(|column| !attribute.contains(column));
        }
        if weight.is_none() && left.len() > 1 {
            found = weight_like(names, &left);
            left.retain(|column| Some(*column) != found);
        }
    }
    Columns {
        coordinates: numbered_or(names, left),
        weight: numbered_or(names, found).pop(),
        unweighted: false,
    }
}

/// The columns of a colour or a normal, and which of them it is.
fn attribute(names: &[String], columns: &[usize]) -> Option<(Vec<usize>, &'static str)> {
    ATTRIBUTES.iter().find_map(|(what, parts)| {
        let found = parts.iter().map(|part| named(names, columns, part));
        Some((found.collect::<Option<Vec<_>>>()?, *what))
    })
}

/// The column that is called like a weight.
fn weight_like(names: &[String], columns: &[usize]) -> Option<usize> {
    let letters = match named(names, columns, "x") {
        Some(_) => &LETTERS_OF_WEIGHTS[..],
        None => &[],
    };
    (WEIGHTS.iter().chain(letters)).find_map(|name| named(names, columns, name))
}

fn named(names: &[String], columns: &[usize], name: &str) -> Option<usize> {
    let is = |column: &usize| names[*column].eq_ignore_ascii_case(name);
    columns.iter().copied().find(is)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{parse_columns, tests::parse};

    fn columns(coordinates: &[&str], weight: Option<&str>) -> Columns {
        Columns {
            coordinates: coordinates.iter().map(|&name| name.into()).collect(),
            weight: weight.map(str::to_owned),
            unweighted: false,
        }
    }

    fn selected(name: &str, text: &str, columns: &Columns) -> Result<Cloud> {
        parse_columns(Path::new(name), text.as_bytes(), columns)
    }

    const CELLS: &str = "cell,x,y,count\nc0,1,2,5\nc1,3,4,6\n";

    #[test]
    fn columns_are_taken_by_name_and_by_number_in_the_order_that_is_asked_for() {
        let numbers = "7 1 2 5\n8 3 4 6\n";
        for (name, text, of) in [
            ("a.csv", CELLS, columns(&["y", "x"], Some("count"))),
            ("a.csv", CELLS, columns(&["3", "X"], Some("4"))),
            ("a.xyz", numbers, columns(&["3", "2"], Some("4"))),
        ] {
            let cloud = selected(name, text, &of).unwrap();
            assert_eq!(cloud.points, [2.0, 1.0, 4.0, 3.0], "{of:?}");
            assert_eq!(cloud.weights.as_deref(), Some(&[5.0, 6.0][..]));
            let other = columns(&["2", "3"], Some("4"));
            assert_ne!(selected(name, text, &other).unwrap().points, cloud.points);
        }
        // Weights need no coordinates beside them to be selected.
        let cloud = selected("a.csv", "x,count,y\n1,5,2\n", &columns(&[], Some("count"))).unwrap();
        assert_eq!(
            (&*cloud.points, cloud.weights),
            (&[1.0, 2.0][..], Some(vec![5.0]))
        );
        // A column named weight stays what it is, unless it is a coordinate.
        let text = "id,x,weight\na,1,5\n";
        let cloud = selected("a.csv", text, &columns(&["x"], None)).unwrap();
        assert_eq!(cloud.weights, Some(vec![5.0]));
        let cloud = selected("a.csv", text, &columns(&["x", "weight"], None)).unwrap();
        assert_eq!((cloud.dimension, cloud.weights), (2, None));
    }

    #[test]
    fn a_weight_is_not_left_out_without_a_word() {
        let chosen = columns(&["x", "y"], None);
        let error = selected("a.csv", CELLS, &chosen).unwrap_err();
        assert!(
            matches!(&error, Error::WeightLeftOut { column, .. } if column == "count"),
            "{error}"
        );
        let unweighted = Columns {
            unweighted: true,
            ..chosen.clone()
        };
        for (text, of) in [
            (CELLS, &unweighted),
            (CELLS, &columns(&["x", "y"], Some("count"))),
            (CELLS, &columns(&["x", "count"], None)),
            ("x,y,age\n1,2,3\n", &chosen),
            ("count,x,y,weight\n1,2,3,4\n", &chosen),
        ] {
            assert_eq!(selected("a.csv", text, of).unwrap().dimension, 2, "{text}");
        }
    }

    #[test]
    fn columns_of_an_array_have_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let array = crate::Array {
            name: "points",
            shape: vec![2, 3],
            values: &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        };
        crate::write_npy(&path, &array).unwrap();
        let cloud = crate::read_columns(&path, &columns(&["3", "1"], Some("2"))).unwrap();
        assert_eq!(cloud.points, [3.0, 1.0, 6.0, 4.0]);
        assert_eq!(cloud.weights, Some(vec![2.0, 5.0]));
    }

    #[test]
    fn what_cannot_be_selected_is_told_with_what_can() {
        for (name, text, of, expected) in [
            (
                "a.csv",
                CELLS,
                columns(&["x", "z"], None),
                "has no column \"z\"; choose from cell, x, y, count, or by a number from 1 to 4",
            ),
            (
                "a.csv",
                CELLS,
                columns(&["x"], Some("5")),
                "has no column \"5\"; choose from cell, x, y, count, or by a number from 1 to 4",
            ),
            (
                "a.xyz",
                "1 2\n",
                columns(&["x"], None),
                "has no column \"x\"; its columns have no names: choose by a number from 1 to 2",
            ),
            (
                "a.csv",
                CELLS,
                columns(&["x", "cell"], Some("count")),
                "row 1, column cell is \"c0\", not a number; write a decimal number such as 0.25",
            ),
            (
                "a.csv",
                "1,2\n3,inf\n",
                columns(&["2"], None),
                "row 2, column 2 is inf; remove the row or give it a finite value",
            ),
            (
                "a.csv",
                "x,count\n1,-1\n",
                columns(&["x"], Some("count")),
                "row 1, column count is -1; a weight is a mass: give it zero or a positive value",
            ),
        ] {
            let error = selected(name, text, &of).unwrap_err();
            assert_eq!(error.to_string(), format!("{name}: {expected}"));
        }
        let error = selected("a.ply", "ply\n", &columns(&["x"], None)).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("a.ply: has no columns to select"),
            "{error}"
        );
    }

    #[test]
    fn a_column_of_texts_is_told_with_those_that_may_be_coordinates() {
        for (text, column, coordinates, weight) in [
            (CELLS, "cell", &["x", "y"][..], Some("count")),
            ("x,kind,y,r,g,b\n1,a,2,3,4,5\n", "kind", &["x", "y"], None),
            ("c0,1,2\n", "x", &["2", "3"], None),
        ] {
            match parse("a.csv", text.as_bytes()).unwrap_err() {
                Error::TextColumn {
                    column: found,
                    likely,
                    ..
                } => assert_eq!((&*found, *likely), (column, columns(coordinates, weight))),
                error => panic!("{error}"),
            }
        }
    }

    #[test]
    fn columns_called_like_something_else_are_no_coordinates_unasked() {
        for (header, coordinates, weight) in [
            ("x,y,count", &["x", "y"][..], Some("count")),
            ("x,y,W", &["x", "y"], Some("W")),
            (
                "lon,lat,multiplicity",
                &["lon", "lat"],
                Some("multiplicity"),
            ),
            ("x,y,z,r,g,b", &["x", "y", "z"], None),
            ("//X,Y,Z,R,G,B,Nx,Ny,Nz", &["X", "Y", "Z"], None),
            ("x,y,z,red,green,blue,n", &["x", "y", "z"], Some("n")),
            ("x,weight,r,g,b", &["x"], None),
        ] {
            let width = header.split(',').count();
            let text = format!("{header}\n{}\n", vec!["1"; width].join(","));
            let error = parse("a.csv", text.as_bytes()).unwrap_err();
            let Error::DoubtfulColumns { likely, .. } = &error else {
                panic!("{error}");
            };
            assert_eq!(**likely, columns(coordinates, weight));
            // Who selects them all has them all.
            let all: Vec<_> = (1..=width).map(|column| column.to_string()).collect();
            let all = Columns {
                coordinates: all,
                ..Columns::default()
            };
            assert_eq!(selected("a.csv", &text, &all).unwrap().dimension, width);
        }
        for header in ["r,g,b", "e,n", "x,y,weight", "x,y,z,intensity", "count"] {
            let width = header.split(',').count();
            let text = format!("{header}\n{}\n", vec!["1"; width].join(","));
            assert!(parse("a.csv", text.as_bytes()).is_ok(), "{header}");
        }
        let error = parse("a.csv", b"x,y,count\n1,2,3\n")
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "a.csv: x, y, count would be coordinates, but count is called like a weight; select the columns that \
             are coordinates"
        );
    }
}
