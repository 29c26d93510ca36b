//! Tables as text: `.csv` (fields separated by commas, semicolons or tabs), `.tsv` (by tabs) and `.xyz` (by white space, or
//! the atoms of a molecule). All may have a header, and lines that begin with `#` or `//`.

mod csv;
mod dialect;
mod moved;
mod sequence;
mod write;
mod xyz;

pub(crate) use csv::{has_decimal_commas, read_column, read_csv};
pub(crate) use dialect::Dialect;
pub(crate) use moved::{write_moved_csv, write_moved_xyz};
pub(crate) use write::{write_csv, write_xyz};
pub(crate) use xyz::read_xyz;

use crate::Error;
use std::{io, path::Path};

fn broken(file: &Path, read: usize, error: io::Error, format: &'static str) -> Error {
    Error::broken(file, &format!("row {}", read + 1), error, format)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::tests::message;

    #[test]
    fn errors_name_the_row_the_column_and_the_remedy() {
        for (name, text, expected) in [
            (
                "a.csv",
                "1,2\n3,NaN\n",
                "row 2, column y is NaN; remove the row or give it a finite value",
            ),
            (
                "a.csv",
                "1,2\n3,-inf\n",
                "row 2, column y is -inf; remove the row or give it a finite value",
            ),
            (
                "a.csv",
                "lon,weight,lat\n1,1,nan\n",
                "row 1, column lat is NaN; remove the row or give it a finite value",
            ),
            (
                "a.csv",
                "x,weight\n1,1\n2,-1\n",
                "row 2, column weight is -1; a weight is a mass: give it zero or a positive value",
            ),
            (
                "a.csv",
                "x,weight\n1,inf\n",
                "row 1, column weight is inf; remove the row or give it a finite value",
            ),
            (
                "a.csv",
                "lon,lat\n1,2\n1,two\n",
                "row 2, column lat is \"two\", not a number; write a decimal number such as 0.25",
            ),
            (
                "a.csv",
                "lon,lat\n1,two\n",
                "row 1, column lat is \"two\", not a number; select the columns that are coordinates",
            ),
            (
                "a.csv",
                "x y z\n0 0 0\n",
                "row 1 has \"0 0 0\" in one field; separate the fields by commas, and write decimals with a point",
            ),
            (
                "a.csv",
                "x,y\n0;0,5\n",
                "row 1 has \"0;0\" in one field; separate the fields by commas, and write decimals with a point",
            ),
            (
                "a.csv",
                "x;y\n0,5;1\n2;1.5\n",
                "row 2 has \"1.5\", and other numbers have the other decimal mark; write all decimals with a point, or \
                 all with a comma",
            ),
            (
                "a.xyz",
                "1,5 2,5\n",
                "row 1 has \"1,5\" in one field; separate the fields by spaces or tabs, and write decimals with a point",
            ),
            (
                "a.xyz",
                "1, 2, 3\n",
                "row 1 has \"1,\" in one field; separate the fields by spaces or tabs, and write decimals with a point",
            ),
            (
                "a.csv",
                "1,2,3,4\n1,2,,4\n",
                "row 2, column 3 is \"\"; remove the row or give it a finite value",
            ),
            (
                "a.csv",
                "1,2\n3,4,5\n",
                "row 2 has 3 columns where 2 are expected; give every row the same columns",
            ),
            (
                "a.csv",
                "x,y\n1\n",
                "row 1 has 1 columns where 2 are expected; give every row the same columns",
            ),
            (
                "a.csv",
                "x,y\n",
                "holds no rows; a cloud needs at least one point",
            ),
            (
                "a.csv",
                "",
                "holds no rows; a cloud needs at least one point",
            ),
            (
                "a.csv",
                "\"lon\n\u{1b}gitude\",y\nnan,1\n",
                "row 1, column lon gitude is NaN; remove the row or give it a finite value",
            ),
            (
                "a.csv",
                "weight\n1\n",
                "has no column of coordinates among [\"weight\"]; add it or rename the one that is meant",
            ),
            (
                "a.xyz",
                "#c\n1 2 3\n4 5 z\n",
                "row 2, column z is \"z\", not a number; write a decimal number such as 0.25",
            ),
            (
                "a.xyz",
                "1 2 3\n\n4 5\n",
                "row 2 has 2 columns where 3 are expected; give every row the same columns",
            ),
            (
                "a.xyz",
                "1 NaN\n",
                "row 1, column y is NaN; remove the row or give it a finite value",
            ),
            (
                "a.xyz",
                "# nothing\n",
                "holds no rows; a cloud needs at least one point",
            ),
        ] {
            assert_eq!(
                message(name, text.as_bytes()),
                format!("{name}: {expected}")
            );
        }
    }
}
