use super::*;
use crate::{Cloud, Reading, parse_as, tests::parse};

fn columns(coordinates: &[&str], weight: Option<&str>) -> Columns {
    Columns {
        coordinates: coordinates.iter().map(|&name| name.into()).collect(),
        weight: weight.map(str::to_owned),
        unweighted: false,
        labels: Vec::new(),
    }
}

fn selected(name: &str, text: &str, columns: &Columns) -> Result<Cloud> {
    parse_as(Path::new(name), text.as_bytes(), &Reading::of(columns))
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
    // Weights can be selected without coordinates.
    let cloud = selected("a.csv", "x,count,y\n1,5,2\n", &columns(&[], Some("count"))).unwrap();
    assert_eq!(
        (&*cloud.points, cloud.weights),
        (&[1.0, 2.0][..], Some(vec![5.0]))
    );
    // A column named weight stays the weight, unless it is a coordinate.
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
    let cloud = crate::read_as(&path, &Reading::of(&columns(&["3", "1"], Some("2")))).unwrap();
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
        ("PC_1,PC_2,n_umi", &["PC_1", "PC_2"], Some("n_umi")),
        (
            "u,v,total_counts,n_genes",
            &["u", "v"],
            Some("total_counts"),
        ),
        (
            "a,b,nCount_RNA,nFeature_RNA",
            &["a", "b"],
            Some("nCount_RNA"),
        ),
        ("x,y,weight,count", &["x", "y"], None),
    ] {
        let width = header.split(',').count();
        let text = format!("{header}\n{}\n", vec!["1"; width].join(","));
        let error = parse("a.csv", text.as_bytes()).unwrap_err();
        let Error::DoubtfulColumns { likely, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(**likely, columns(coordinates, weight));
        // A selection of all columns is accepted.
        let all: Vec<_> = (1..=width).map(|column| column.to_string()).collect();
        let all = Columns {
            coordinates: all,
            ..Columns::default()
        };
        assert_eq!(selected("a.csv", &text, &all).unwrap().dimension, width);
    }
    for header in [
        "r,g,b",
        "e,n",
        "x,y,weight",
        "x,y,z,intensity",
        "count",
        "n_umi,n_genes",
        "county,recount,n_1,n_x",
    ] {
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
/// The columns that an error suggests.
fn told(name: &str, text: &str) -> Columns {
    match parse(name, text.as_bytes()).unwrap_err() {
        Error::RowNumbers { likely, .. }
        | Error::TextColumn { likely, .. }
        | Error::EmptyColumn { likely, .. }
        | Error::DoubtfulColumns { likely, .. } => *likely,
        error => panic!("{error}"),
    }
}

/// The result of following an error's advice.
fn followed(name: &str, text: &str) -> Cloud {
    let advice = told(name, text);
    selected(name, text, &advice).unwrap_or_else(|error| panic!("{text:?}, {advice:?}: {error}"))
}

#[test]
fn columns_that_number_rows_are_no_coordinates_unasked() {
    let expected = [0.3, 0.5, 0.1, 0.9, 0.7, 0.2];
    for (name, text) in [
        // pandas, with and without names of columns, and after a selection of rows.
        ("a.csv", ",x,y\n0,.3,.5\n1,.1,.9\n2,.7,.2\n"),
        ("a.csv", ",0,1\n0,.3,.5\n1,.1,.9\n2,.7,.2\n"),
        ("a.csv", "index,0,1\n0,.3,.5\n1,.1,.9\n2,.7,.2\n"),
        ("a.csv", "Unnamed: 0,x,y\n3,.3,.5\n7,.1,.9\n9,.7,.2\n"),
        ("a.csv", "x,y,level_0\n.3,.5,4\n.1,.9,2\n.7,.2,0\n"),
        // R, with the name of the column of row names and without it.
        (
            "a.csv",
            "\"\",\"x\",\"y\"\n\"1\",.3,.5\n\"2\",.1,.9\n\"3\",.7,.2\n",
        ),
        (
            "a.csv",
            "\"x\",\"y\"\n\"1\",.3,.5\n\"2\",.1,.9\n\"3\",.7,.2\n",
        ),
        ("a.xyz", "x y\n1 .3 .5\n2 .1 .9\n3 .7 .2\n"),
        ("a.csv", "x,y\nr1,.3,.5\nr2,.1,.9\nr9,.7,.2\n"),
        ("a.csv", "X,x,y\n1,.3,.5\n2,.1,.9\n3,.7,.2\n"),
        ("a.csv", "x,y,id\n.3,.5,40\n.1,.9,20\n.7,.2,90\n"),
        // Without a header.
        ("a.csv", "0,.3,.5\n1,.1,.9\n2,.7,.2\n"),
        ("a.xyz", "1 .3 .5\n2 .1 .9\n3 .7 .2\n"),
        ("a.csv", "t,u,v\n1,.3,.5\n2,.1,.9\n3,.7,.2\n"),
        // Beside texts, which are reported first.
        ("a.csv", "0,a,.3,.5\n1,b,.1,.9\n2,c,.7,.2\n"),
        ("a.csv", ",kind,x,y\n0,a,.3,.5\n5,b,.1,.9\n9,c,.7,.2\n"),
    ] {
        assert_eq!(followed(name, text).points, expected, "{text}");
    }
}

#[test]
fn columns_without_names_that_are_no_coordinates_are_asked_about() {
    let expected = [0.3, 0.5, 1.5, 0.1, 0.9, 1.0, 0.7, 0.2, 0.0];
    let table = |separator: &str, ends: [&str; 3]| -> String {
        let rows = expected.chunks(3).zip(ends);
        let line = |(row, end): (&[f64], &str)| {
            let fields = row
                .iter()
                .map(f64::to_string)
                .chain(end.split(' ').map(str::to_owned));
            fields.collect::<Vec<_>>().join(separator) + "\n"
        };
        rows.map(line).collect()
    };
    let colours = ["255 0 3", "0 0 0", "17 9 254"];
    let normals = ["0 0 1", "0.6 -0.8 0", "0.577 0.577 0.577"];
    let intensities = ["0.5", "12", "3.25"];
    let both = ["255 0 3 0 0 1", "0 0 0 0 1 0", "17 9 254 1 0 0"];
    for (name, separator, ends, like, first) in [
        ("a.xyz", " ", colours, "look like colours", 4),
        ("a.xyz", "\t", normals, "look like normals", 4),
        ("a.xyz", " ", both, "look like colours", 4),
        (
            "a.xyz",
            " ",
            intensities,
            "may be something else than x, y and z",
            4,
        ),
        ("a.csv", ",", colours, "look like colours", 4),
        ("a.csv", ",", normals, "look like normals", 4),
    ] {
        let text = table(separator, ends);
        let error = parse(name, text.as_bytes()).unwrap_err();
        let Error::UnnamedColumns { likely, all, .. } = &error else {
            panic!("{text} {error}");
        };
        assert_eq!(selected(name, &text, likely).unwrap().points, expected);
        let width = text.lines().next().unwrap().split(separator).count();
        assert_eq!(selected(name, &text, all).unwrap().dimension, width);
        let wanted = format!(
            "{name}: columns from {first} on have no names and {like}; say which columns are coordinates"
        );
        assert_eq!(error.to_string(), wanted);
    }
    // A number before and a colour after points of the plane.
    let scan = "0 .3 .5 255 1 0\n1 .1 .9 255 2 0\n2 .7 .2 255 3 0\n";
    assert_eq!(told("a.xyz", scan), columns(&["2", "3"], None));
    for (name, text) in [
        // Names, or no sign of anything but coordinates.
        ("a.xyz", "# a b c d\n1 2 3 4\n".to_owned()),
        ("a.xyz", "1 2 3\n4 5 6\n7 8 9\n".into()),
        ("a.csv", table(",", intensities)),
        ("a.csv", table(",", ["255 0 3", "0 0 0", "17 9 254.5"])),
        ("a.csv", table(",", ["255 0 3", "0 0 0", "17 9 256"])),
        ("a.csv", table(",", ["0 0 1", "0.6 -0.8 0", "0.5 0.5 0.5"])),
        // Counts are counts, all of them.
        ("a.csv", "5,2,3,4,5,6\n1,1,2,2,3,4\n7,5,3,2,8,9\n".into()),
        (
            "a.csv",
            format!("{0}{0}{0}", ["0"; 11].join(",") + ",.5,1\n"),
        ),
    ] {
        assert!(parse(name, text.as_bytes()).is_ok(), "{text}");
    }
}

#[test]
fn how_far_points_were_moved_is_no_coordinate_of_theirs() {
    for (header, dimension) in [
        ("x,y,displacement", 2),
        ("x1,x2,x3,x4,scalar_Displacement", 4),
        ("x,displacement,weight", 1),
        ("load,displacement", 2),
    ] {
        let width = header.split(',').count();
        let text = format!("{header}\n{}\n", vec!["1"; width].join(","));
        assert_eq!(
            parse("a.csv", text.as_bytes()).unwrap().dimension,
            dimension,
            "{header}"
        );
    }
    let chosen = columns(&["x", "displacement"], None);
    let cloud = selected("a.csv", "x,y,displacement\n1,2,3\n", &chosen).unwrap();
    assert_eq!(cloud.points, [1.0, 3.0]);
}

#[test]
fn who_says_so_has_row_numbers_as_coordinates() {
    let text = "0,.3\n1,.1\n2,.7\n";
    let Error::RowNumbers { likely, all, .. } = parse("a.csv", text.as_bytes()).unwrap_err() else {
        panic!("{text}");
    };
    assert_eq!(*likely, columns(&["2"], None));
    let all = selected("a.csv", text, &all).unwrap();
    assert_eq!(all.points, [0.0, 0.3, 1.0, 0.1, 2.0, 0.7]);
    for text in [
        // Coordinates by their names, or alone, or too few to be counts.
        "x,y\n0,.3\n1,.1\n2,.7\n",
        "x1,x2\n0,.3\n1,.1\n2,.7\n",
        "0\n1\n2\n3\n",
        "index\n0\n1\n2\n",
        "0,.3\n1,.1\n",
        // The numbers of a grid start again.
        "0,.3\n1,.1\n2,.7\n0,.2\n",
        "0,.3\n2,.1\n4,.7\n",
        "-1,.3\n0,.1\n1,.7\n",
    ] {
        assert!(parse("a.csv", text.as_bytes()).is_ok(), "{text}");
    }
}

#[test]
fn a_header_of_numbers_is_one_or_asked_about() {
    let with = |text: &str, header| {
        let reading = Reading {
            header,
            ..Reading::default()
        };
        parse_as(Path::new("a.csv"), text.as_bytes(), &reading)
    };
    // A cloud does not begin like this by chance.
    let points = [0.5, 0.25, 1.0, 7.0, 8.5, 9.0];
    let cloud = with("0,1,2\n0.5,0.25,1.0\n7.0,8.5,9.0\n", None).unwrap();
    assert_eq!((cloud.dimension, &*cloud.points), (3, &points[..]));
    for text in [
        "0,1\n5,6\n7,8\n",
        "0,1\n0.5,0.6\n",
        "0,1,2\n3,4,5\n",
        "2019,2020\n0.5,0.6\n",
        "0\n0.5\n0.7\n",
        "city,2019,2020\nParis,0.5,0.6\n",
    ] {
        let error = with(text, None).unwrap_err();
        assert!(
            matches!(error, Error::DoubtfulHeader { .. }),
            "{text}: {error}"
        );
        if !text.starts_with("city") {
            let [read, all] = [Some(true), Some(false)].map(|it| with(text, it).unwrap());
            assert_eq!(
                read.points.len() + read.dimension,
                all.points.len(),
                "{text}"
            );
        }
    }
    // Names take precedence over numbers, and no column is taken twice because of that.
    let names = Reading {
        header: Some(true),
        ..Reading::of(&columns(&["0"], None))
    };
    let read = |reading: &Reading| parse_as(Path::new("a.csv"), b"0,1\n5,6\n7,8\n", reading);
    assert_eq!(read(&names).unwrap().points, [5.0, 7.0]);
    let twice = Reading {
        header: Some(true),
        ..Reading::of(&columns(&["1", "2"], None))
    };
    assert!(matches!(read(&twice), Err(Error::ColumnTwice { .. })));
    for text in [
        "1,2\n3,4\n",
        "0,1\n",
        "0,0\n1,0\n",
        "a,0\nb,1\n",
        "3,1,2\n0.5,0.1,0.2\n",
    ] {
        let error = with(text, None).err();
        assert!(
            !matches!(error, Some(Error::DoubtfulHeader { .. })),
            "{text}"
        );
    }
}

#[test]
fn values_that_are_missing_are_counted_and_their_rows_are_to_go() {
    for (text, expected) in [
        (
            "x,y\n1,2\n3,\n5,6\n,8\n",
            "row 2, column y is \"\"; 2 of 4 rows have values that are missing or not finite: \
         remove these rows or give them finite values",
        ),
        (
            "x,y\nNA,2\n3,1\n",
            "row 1, column x is \"NA\"; remove the row or give it a finite value",
        ),
        (
            "1,2\nnull,4\n",
            "row 2, column x is \"null\"; remove the row or give it a finite value",
        ),
        (
            "x,weight\n1,2\n2,nan\n3,inf\n",
            "row 2, column weight is NaN; 2 of 3 rows have values that are missing or not \
         finite: remove these rows or give them finite values",
        ),
    ] {
        let error = parse("a.csv", text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error, format!("a.csv: {expected}"));
    }
    // The advice works: without these rows the file is read.
    assert!(parse("a.csv", b"x,y\n1,2\n5,6\n").is_ok());
    // A column that is empty everywhere was not meant.
    assert_eq!(
        followed("a.csv", "x,y,\n1,2,\n3,4,\n").points,
        [1.0, 2.0, 3.0, 4.0]
    );
    assert_eq!(
        told("a.csv", "x,y,z\n1,,2\n3,,4\n"),
        columns(&["x", "z"], None)
    );
}

#[test]
fn thousands_of_columns_are_told_in_a_few_words_that_can_be_followed() {
    let names: Vec<_> = (0..5000).map(|k| format!("gene-{k}")).collect();
    let row = |first: &str, last: &str| format!("{first},{},{last}\n", vec!["1"; 4999].join(","));
    let text = format!(
        "cell,{},kind\n{}{}",
        names[1..].join(","),
        row("a", "k"),
        row("b", "l")
    );
    let error = parse("a.csv", text.as_bytes()).unwrap_err();
    assert!(error.to_string().len() < 300, "{error}");
    assert_eq!(told("a.csv", &text), columns(&["2-5000"], None));
    assert_eq!(followed("a.csv", &text).dimension, 4999);
    let missing = selected("a.csv", &text, &columns(&["x"], None)).unwrap_err();
    assert!(
        missing.to_string().len() < 300 && missing.to_string().contains("4991 more"),
        "{missing}"
    );
    let counts = format!("{},count\n{}", names.join(","), vec!["1"; 5001].join(","));
    let doubtful = parse("a.csv", counts.as_bytes()).unwrap_err().to_string();
    assert!(doubtful.len() < 2000, "{doubtful}");
    // A column whose name cannot be in a list of names is given by its number.
    assert_eq!(
        told("a.csv", "\"a, b\",-c,d,kind\n1,2,3,k\n"),
        columns(&["1", "2", "d"], None)
    );
}

#[test]
fn one_rule_says_which_columns_are_weights() {
    for (header, weighted) in [
        ("x,y,weight", true),
        ("x,y,Weights", true),
        ("x,y,scalar_weight", true),
        ("x,y,Scalar_Weights", true),
        ("x,y,weighting", false),
    ] {
        let cloud = parse("a.csv", format!("{header}\n1,2,3\n").as_bytes()).unwrap();
        assert_eq!(cloud.weights.is_some(), weighted, "{header}");
    }
    assert_eq!(
        told("a.csv", "x,y,scalar_mass\n1,2,3\n"),
        columns(&["x", "y"], Some("scalar_mass"))
    );
}
