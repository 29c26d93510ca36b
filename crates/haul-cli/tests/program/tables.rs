//! Tables with other columns than coordinates: selected columns, and columns that are not coordinates.

mod names;

use crate::fixture::{Room, assert_close, assert_says, error_line, ring, rows, spiral, value};

/// A room with two clouds in the plane in several tables: `cells.csv` has a name and a count for each point, `w.csv`
/// the same points with weights, `scan.xyz` a number before and a colour after them.
fn room() -> Room {
    let room = Room::new();
    let points = spiral(60);
    let count = |i: usize| (i % 3 + 1) as f64;
    let (mut cells, mut weighted, mut scan) = (
        String::from("cell,y,x,count\n"),
        String::from("x,y,weight\n"),
        String::from("# a scan\n"),
    );
    for (i, p) in points.chunks(2).enumerate() {
        cells += &format!("\"c {i}\",{},{},{}\n", p[1], p[0], count(i));
        weighted += &format!("{},{},{}\n", p[0], p[1], count(i));
        scan += &format!("{i} {} {} 255 {} 0\n", p[0], p[1], i % 7);
    }
    room.write("cells.csv", cells);
    room.write("w.csv", weighted);
    room.write("scan.xyz", scan);
    room.csv("a.csv", &points, 2);
    room.csv("b.csv", &ring(50), 2);
    room
}

#[test]
fn selected_columns_give_what_a_file_of_these_alone_gives() {
    let room = room();
    let solve = |line: &str, input: &str| {
        let line = format!("sinkhorn {line} --normalize --device cpu --json");
        value(
            &room
                .haul_reading(&line, room.read(input).as_bytes())
                .json(0),
        )
    };
    let plain = solve("a.csv a.csv", "a.csv");
    let weighted = solve("w.csv w.csv", "a.csv");
    assert_ne!(plain, weighted);
    let both = "--columns x,y --weight-column count";
    assert_eq!(
        solve(&format!("cells.csv cells.csv {both}"), "a.csv"),
        weighted
    );
    assert_eq!(solve(&format!("cells.csv - {both}"), "cells.csv"), weighted);
    let numbers = "--columns 3,2 --weight-column 4";
    assert_eq!(
        solve(&format!("cells.csv cells.csv {numbers}"), "a.csv"),
        weighted
    );
    assert_eq!(
        solve("cells.csv cells.csv --columns x,y --equal-weights", "a.csv"),
        plain
    );
    assert_eq!(solve("scan.xyz scan.xyz --columns 2,3", "a.csv"), plain);
    // Control: without the option the cloud has another dimension.
    assert_ne!(solve("scan.xyz scan.xyz --columns 2,3,5", "a.csv"), plain);
}

#[test]
fn all_commands_and_jobs_select_columns() {
    let room = room();
    let options = "--columns x,y --weight-column count --normalize --blur 0.1";
    let tables = format!("divergence cells.csv cells.csv {options} --json");
    assert_close(value(&room.cpu(&tables).json(0)), 0.0, 1e-4);
    let energy = "energy cells.csv w.csv --columns x,y --equal-weights --normalize --json";
    assert_close(value(&room.cpu(energy).json(0)), 0.0, 1e-6);
    let pairwise = "pairwise cells.csv w.csv --columns x,y --equal-weights --normalize -o d.csv";
    assert_eq!(room.cpu(pairwise).status, Some(0));
    room.write(
        "jobs.jsonl",
        "{\"id\":\"1\",\"command\":\"energy\",\"a\":\"cells.csv\",\"b\":\"cells.csv\",\"columns\":\"x,y\",\"equal_weights\":true}\n\
         {\"id\":\"2\",\"command\":\"energy\",\"a\":\"cells.csv\",\"b\":\"cells.csv\"}\n",
    );
    assert_eq!(
        room.cpu("batch jobs.jsonl -o results.jsonl").status,
        Some(1)
    );
    let results = room.read("results.jsonl");
    let (first, second) = results.split_once('\n').unwrap();
    assert_says(first, &["\"value\":"]);
    assert_says(second, &["--columns y,x --weight-column count"]);
}

#[test]
fn what_is_no_coordinate_is_refused_with_the_options_that_say_so() {
    let room = room();
    room.write("counted.csv", "x,y,count\n0,0,2\n1,1,3\n");
    room.write("coloured.csv", "//X,Y,Z,R,G,B\n0,0,0,1,1,1\n1,1,1,2,2,2\n");
    room.write("spaced.csv", "the x,kind\n0,a\n1,b\n");
    room.write("spaces.csv", "x y z\n0 0 0\n");
    for (file, parts) in [
        (
            "cells.csv",
            &[
                "column cell is \"c 0\"",
                "--columns y,x --weight-column count",
            ][..],
        ),
        (
            "counted.csv",
            &[
                "x, y, count would be coordinates",
                "--columns x,y --weight-column count",
            ],
        ),
        (
            "coloured.csv",
            &["R, G, B are called like a colour", "--columns X,Y,Z"],
        ),
        ("spaced.csv", &["column kind is \"a\"", "--columns 'the x'"]),
        ("spaces.csv", &["0 0 0", "separate the fields by commas"]),
        (
            "cells.csv --columns x,z",
            &["no column \"z\"", "cell, y, x, count"],
        ),
        (
            "b.csv --columns lon",
            &["no column \"lon\"", "a number from 1 to 2"],
        ),
    ] {
        let told = error_line(room.cpu(&format!("energy {file} b.csv")), 2);
        assert_says(&told, parts);
    }
    // A .ply has properties.
    room.write("a.ply", crate::fixture::ply(&[0.0; 6]));
    let told = error_line(room.cpu("energy a.ply b.csv --columns r,g"), 2);
    assert_says(&told, &["a.ply", "no column \"r\"", "choose from x, y, z"]);
    // Of six unnamed columns the first is an index, and the last three are a colour.
    let told = error_line(room.cpu("energy scan.xyz b.csv"), 2);
    assert_says(
        &told,
        &[
            "column 1 numbers the rows",
            "--columns 2,3, or with it --columns 1,2,3,4,5,6",
        ],
    );
    room.write(
        "colours.xyz",
        "0.5 1.5 2 255 0 3\n1 2.5 3 0 0 0\n2 3 4 17 9 254\n",
    );
    room.write(
        "normals.csv",
        "0.5,1.5,2,0,0,1\n1,2.5,3,0.6,0.8,0\n2,3,4,1,0,0\n",
    );
    for (file, like) in [("colours.xyz", "colours"), ("normals.csv", "normals")] {
        let told = error_line(room.cpu(&format!("energy {file} {file}")), 2);
        let advice = format!(
            "look like {like}; say which columns are coordinates: --columns 1,2,3, or --columns 1,2,3,4,5,6"
        );
        assert_says(&told, &[file, "columns from 4 on have no names", &advice]);
        let told = room.haul(&format!("info {file} --columns 1,2,3")).stdout;
        assert_says(&told, &["3 in dimension 3"]);
    }
    let told = room.haul("info scan.xyz --columns 1-6").stdout;
    assert_says(&told, &["60 in dimension 6"]);
}

/// The options at the end of an error, each as shell words.
fn advice(told: &str) -> Vec<&str> {
    let start = told.find(": --").map(|at| at + 2);
    let Some(advice) = start.map(|at| told[at..].trim_end()) else {
        return Vec::new();
    };
    let parts = advice.split(", or ");
    let parts = parts.map(|part| part.strip_prefix("with it ").unwrap_or(part));
    parts.collect()
}

#[test]
fn every_advice_about_a_file_can_be_followed() {
    let room = Room::new();
    let wide = |end: &str| vec!["1"; 500].join(",") + end;
    let names: Vec<_> = (0..500).map(|k| format!("gene {k}")).collect();
    let ply = |properties: &str, row: &str| {
        let properties = properties.split(' ');
        let properties: String = properties
            .map(|name| format!("property float {name}\n"))
            .collect();
        format!("ply\nformat ascii 1.0\nelement vertex 1\n{properties}end_header\n{row}\n")
    };
    // The file, the number of suggestions, and the dimension that the first one gives.
    for (name, text, pieces, dimension) in [
        (
            "index.csv",
            ",x,y\n0,.3,.5\n1,.1,.9\n2,.7,.2\n".to_owned(),
            2,
            2,
        ),
        (
            "unnamed.csv",
            ",0,1\n0,.3,.5\n1,.1,.9\n2,.7,.2\n".into(),
            2,
            2,
        ),
        (
            "names.csv",
            "\"x\",\"y\"\n\"r 1\",.3,.5\n\"r 2\",.1,.9\n".into(),
            1,
            2,
        ),
        ("counting.csv", "0,.3\n1,.1\n2,.7\n".into(), 2, 1),
        ("counting.xyz", "1 .3\n2 .1\n3 .7\n".into(), 2, 1),
        (
            "four.xyz",
            "1 .3 5 .2\n2.5 .1 7 .2\n3 .7 9 .4\n".into(),
            2,
            3,
        ),
        (
            "shaded.csv",
            ".5,.3,5,1,2\n2.5,.1,7,2,2\n3,.7,9,0,255\n".into(),
            2,
            2,
        ),
        ("header.csv", "0,1\n5,6\n7,8\n".into(), 2, 2),
        ("count.csv", "x,y,count\n0,0,1\n".into(), 2, 2),
        ("text.csv", "x (m),y (m),it's,kind\n0,1,2,k\n".into(), 1, 3),
        ("comma.csv", "\"a,b\",-x,kind\n0,1,k\n".into(), 1, 2),
        ("empty.csv", "x,y,\n0,5,\n1,6,\n".into(), 1, 2),
        (
            "wide.csv",
            format!("{},kind\n{}\n", names.join(","), wide(",k")),
            1,
            500,
        ),
        (
            "mass.csv",
            format!("{},mass\n{}\n", names.join(","), wide(",2")),
            2,
            500,
        ),
        ("mass.ply", ply("x y scalar_mass", "1 2 3"), 2, 2),
    ] {
        room.write(name, text);
        let told = error_line(room.haul(&format!("info {name}")), 2);
        assert!(told.len() < 2000, "{told}");
        let advice = advice(&told);
        assert_eq!(advice.len(), pieces, "{told}");
        for (k, options) in advice.into_iter().enumerate() {
            let ran = room.shell(&format!("haul info {name} {options} --json"));
            assert_eq!(ran.status, Some(0), "{told}{options}: {}", ran.stderr);
            if k == 0 {
                assert_says(&ran.stdout, &[&format!("\"dimension\":{dimension},")]);
            }
        }
    }
    // For a weight that would be left out, both suggestions give the weight or its absence.
    let mass = |options: &str| {
        room.haul(&format!("info mass.ply {options} --json"))
            .json(0)["mass"]
            .clone()
    };
    assert_eq!(
        (mass("--weight-column scalar_mass"), mass("--equal-weights")),
        (3.0.into(), 1.0.into())
    );
    // Rows that must be removed.
    let missing = "x,y\n1,2\n3,\n5,6\nNA,1\n";
    room.write("missing.csv", missing);
    let told = error_line(room.haul("info missing.csv"), 2);
    assert_says(
        &told,
        &[
            "row 2, column y is \"\"",
            "2 of 4 rows",
            "remove these rows",
        ],
    );
    room.write("whole.csv", "x,y\n1,2\n5,6\n");
    assert_eq!(room.haul("info whole.csv").status, Some(0));
    room.write("w.csv", "0\n0.5\n");
    room.write("p.csv", "x,y\n1,2\n");
    let told = error_line(room.cpu("energy p.csv p.csv --weights-a w.csv"), 2);
    assert_says(&told, &["w.csv", "--header yes, or --header no"]);
    let ran = room.cpu("energy p.csv p.csv --weights-a w.csv --header yes --normalize");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
}

#[test]
fn a_header_is_one_where_somebody_says_so() {
    let room = Room::new();
    room.write("a.csv", "0,1\n5,6\n7,8\n");
    let about = |options: &str| {
        room.haul(&format!("info a.csv {options} --json")).json(0)["points"].clone()
    };
    assert_eq!(
        (about("--header yes"), about("--header no")),
        (2.into(), 3.into())
    );
    room.write("a.csv", "x,y\n5,6\n");
    let told = error_line(room.haul("info a.csv --header no"), 2);
    assert_says(&told, &["row 1, column x is \"x\""]);
}

#[test]
fn a_table_that_is_moved_keeps_its_other_columns() {
    let room = room();
    let options = "--columns x,y --weight-column count --normalize --blur 0.1 --device cpu";
    let run = |line: &str, input: &str| {
        let ran = room.haul_reading(&format!("map {line}"), input.as_bytes());
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    };
    // The target has no header: column numbers select the same columns in both.
    let numbers = options.replace("x,y", "3,2").replace("count", "4");
    room.write("onto.csv", room.read("cells.csv").replace("c ", "d "));
    run(&format!("cells.csv onto.csv {options} -o moved.csv"), "");
    run(&format!("cells.csv onto.csv {numbers} -o moved.csv.gz"), "");
    run(
        &format!(
            "w.csv w.csv {} -o plain.csv",
            options.replace("count", "weight")
        ),
        "",
    );
    let moved = room.read("moved.csv");
    assert_says(&moved, &["cell,y,x,count\nc 0,"]);
    let plain = room.numbers("plain.csv");
    let fields = moved
        .lines()
        .skip(1)
        .map(|line| line.split(',').collect::<Vec<_>>());
    for ((i, row), point) in fields.enumerate().zip(plain.chunks(3)) {
        assert_eq!(
            (row[0], row[3]),
            (&*format!("c {i}"), &*(i % 3 + 1).to_string())
        );
        let [y, x] = [row[1], row[2]].map(|field| field.parse::<f64>().unwrap());
        assert_close(x, point[0], 1e-6);
        assert_close(y, point[1], 1e-6);
    }
    assert_ne!(moved, room.read("cells.csv"));
    // From standard input there is no other data to keep: the points alone, in order.
    run(
        &format!("- onto.csv {options} -o read.csv"),
        &room.read("cells.csv"),
    );
    let read = room.read("read.csv");
    assert_says(&read, &["x,y,weight\n"]);
    let third = moved.lines().nth(3).unwrap().split(',').nth(2).unwrap();
    assert_says(read.lines().nth(3).unwrap(), &[third]);

    run(
        "scan.xyz scan.xyz --columns 2,3 --t 0 --device cpu -o same.xyz",
        "",
    );
    let fields = |text: &str| -> Vec<f64> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let words = lines.flat_map(str::split_whitespace);
        words.map(|word| word.parse().unwrap()).collect()
    };
    let same = room.read("same.xyz");
    assert!(same.starts_with("# a scan\n0 "), "{same}");
    assert_eq!(fields(&same), fields(&room.read("scan.xyz")));
}

#[test]
fn equal_weights_undo_a_denser_scan() {
    let room = Room::new();
    // A square, and the same square with one half eight times as dense.
    let grid = |columns: usize, from: f64, width: f64| -> Vec<f64> {
        let point = |k: usize| {
            let step = |i: usize, n: usize| (i as f64 + 0.5) / n as f64;
            [
                from + width * step(k % columns, columns),
                step(k / columns, 32),
            ]
        };
        (0..32 * columns).flat_map(point).collect()
    };
    room.csv("even.csv", &grid(32, 0.0, 1.0), 2);
    let dense = [grid(16, 0.0, 0.5), grid(128, 0.5, 0.5)].concat();
    room.write("dense.csv", rows(&dense, 2, ","));
    let energy = |options: &str| {
        let line = format!("energy even.csv dense.csv {options} --json");
        value(&room.cpu(&line).json(0))
    };
    let (plain, cells) = (
        energy("--voxel 0.125"),
        energy("--voxel 0.125 --equal-weights"),
    );
    assert!(plain > 0.01, "{plain}");
    assert_close(cells, 0.0, 1e-4);
}
