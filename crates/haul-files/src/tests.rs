//! What every format must do.

#![allow(clippy::unwrap_used)]

use crate::*;
use std::{
    fs,
    io::{self, Write},
    path::Path,
};

/// What a file of this name with these bytes is read as.
pub(crate) fn parse(name: &str, bytes: &[u8]) -> Result<Cloud> {
    parse_cloud(Path::new(name), bytes)
}

pub(crate) fn message(name: &str, bytes: &[u8]) -> String {
    parse(name, bytes).unwrap_err().to_string()
}

/// No prefix of a file and no file with one byte changed may panic or take more than a line to
/// complain.
pub(crate) fn mutilate(name: &str, bytes: &[u8]) {
    let survives = |bytes: &[u8]| {
        if let Err(error) = parse(name, bytes) {
            let text = error.to_string();
            assert_eq!(text.lines().count(), 1, "{text}");
        }
    };
    for length in 0..bytes.len() {
        survives(&bytes[..length]);
    }
    for at in 0..bytes.len() {
        for value in [0, 1, b'0', b'9', b'-', b'(', b'\n', 0x7f, 0x80, 0xff] {
            let mut changed = bytes.to_vec();
            changed[at] = value;
            survives(&changed);
        }
    }
}

fn written(name: &str, points: &[f64], dimension: usize, weights: Option<&[f64]>) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    write_cloud(&path, None, points, dimension, weights).unwrap();
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing else stays behind"
    );
    fs::read(path).unwrap()
}

const POINTS: [f64; 6] = [0.1, -2.5e-300, f64::MAX, 4.0, f64::MIN_POSITIVE, -0.0];

#[test]
fn what_is_written_reads_back_bit_for_bit() {
    for name in [
        "a.npy", "a.npz", "a.ply", "a.csv", "a.tsv", "a.xyz", "a.obj", "a.off", "A.CSV",
        "a.npy.gz", "a.PLY.gz", "a.csv.GZ", "a.xyz.gz",
    ] {
        let mesh = ["a.obj", "a.off"].contains(&name);
        for dimension in [1, 2, 3].into_iter().skip(if mesh { 2 } else { 0 }) {
            let cloud = parse(name, &written(name, &POINTS, dimension, None)).unwrap();
            assert_eq!(
                (cloud.dimension, cloud.weights),
                (dimension, None),
                "{name}"
            );
            let bits = |points: &[f64]| {
                points
                    .iter()
                    .map(|value| value.to_bits())
                    .collect::<Vec<_>>()
            };
            assert_eq!(bits(&cloud.points), bits(&POINTS), "{name}");
        }
    }
}

#[test]
fn weights_read_back() {
    for name in ["a.npz", "a.ply", "a.csv", "a.tsv", "a.ply.gz", "a.csv.gz"] {
        let cloud = parse(name, &written(name, &POINTS, 2, Some(&[0.5, 0.0, 1e-9]))).unwrap();
        assert_eq!(
            cloud.weights.as_deref(),
            Some(&[0.5, 0.0, 1e-9][..]),
            "{name}"
        );
        assert_eq!(cloud.points, POINTS, "{name}");
    }
}

#[test]
fn six_dimensions_read_back_where_they_fit() {
    for name in ["a.npy", "a.npz", "a.csv", "a.tsv", "a.xyz"] {
        let cloud = parse(name, &written(name, &POINTS, 6, None)).unwrap();
        assert_eq!(
            (cloud.dimension, &*cloud.points),
            (6, &POINTS[..]),
            "{name}"
        );
    }
}

#[test]
fn what_has_no_place_in_a_format_is_refused() {
    let refused = |name: &str, dimension, weights| {
        write_cloud(Path::new(name), None, &POINTS, dimension, weights)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused("no/a.ply", 6, None),
        "no/a.ply: cannot hold points of dimension 6; write .npy, .npz or .csv instead"
    );
    assert_eq!(
        refused("no/a.xyz", 2, Some(&[1.0; 3])),
        "no/a.xyz: cannot hold weights; write .npz, .ply or .csv instead"
    );
    assert_eq!(
        refused("no/a.csv", 2, Some(&[1.0; 2])),
        "no/a.csv: holds 2 weights for 3 points; give one weight to each point"
    );
    for dimension in [0, 4] {
        let text = refused("no/a.csv", dimension, None);
        assert!(text.contains("array points has shape"), "{text}");
    }
    let told = refused("no/a.csv", 2, None);
    assert!(told.contains("check that its folder exists"), "{told}");
    assert!(!told.contains(".haul-"), "{told}");
}

#[test]
fn a_failed_write_leaves_the_target_and_its_folder_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.txt");
    write_text(&path, "before").unwrap();
    let failed = atomic::write(&path, |out| {
        out.write_all(b"half")?;
        Err(io::Error::other("no space"))
    });
    assert!(matches!(failed, Err(Error::Unwritable { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), "before");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    write_text(&path, "after").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "after");
}

#[cfg(unix)]
#[test]
fn a_result_has_the_permissions_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mode = |name| {
        fs::metadata(folder.path().join(name))
            .unwrap()
            .permissions()
            .mode()
    };
    write_text(&folder.path().join("ours"), "").unwrap();
    fs::write(folder.path().join("plain"), "").unwrap();
    assert_eq!(mode("ours"), mode("plain"));
}

#[test]
fn unreadable_files_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| {
        read_cloud(&folder.path().join(name))
            .unwrap_err()
            .to_string()
    };
    fs::create_dir(folder.path().join("folder.csv")).unwrap();
    assert!(at("folder.csv").ends_with("folder.csv: is a directory; name a file inside it"));
    assert!(at("none.csv").contains("none.csv: cannot be read: No such file"));
    let known = "the extension names no format that fits here; choose from .npy, .npz, .ply, .csv, .tsv, .xyz, .pcd, .obj, .stl, .off";
    for name in ["a", "a.docx", "csv", ""] {
        assert!(at(name).contains(known), "{name}");
    }
    for (name, told) in [
        ("a.txt", "a.txt: .txt is not read; lines of numbers"),
        ("a.tab", "name the file or a copy of it .tsv"),
        ("a.ASC.gz", "name the file or a copy of it .xyz"),
        #[cfg(not(feature = "e57"))]
        (
            "a.e57",
            "a.e57: .e57 is not read; in Python: scan = pye57.E57('a.e57')",
        ),
        (
            "a.pt",
            "a.pt: .pt is not read; in Python: numpy.save('a.npy', torch.load('a.pt'",
        ),
    ] {
        assert!(at(name).contains(told), "{}", at(name));
    }
    for name in ["a.ply", "a.npy", "a.npz"] {
        fs::write(folder.path().join(name), "").unwrap();
        assert!(at(name).ends_with("the file is empty; copy or export it again"));
    }
    let weights = read_weights(Path::new("w.ply"), &Reading::default())
        .unwrap_err()
        .to_string();
    assert_eq!(
        weights,
        "w.ply: the extension names no format that fits here; choose from .npy, .csv, .tsv, or one packed by gzip, as .tsv.gz"
    );
    let target = write_text(&folder.path().join("folder.csv"), "").unwrap_err();
    assert!(matches!(target, Error::Directory { .. }));
}

#[test]
fn weights_come_from_npy_or_from_one_column_of_csv() {
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str| read_weights(&folder.path().join(name), &Reading::default());
    let array = |shape: &[usize], values| Array {
        name: "w",
        shape: shape.into(),
        values,
    };
    for (name, shape) in [("v.npy", &[2][..]), ("c.npy", &[2, 1])] {
        write_npy(&folder.path().join(name), &array(shape, &[0.5, 2.0])).unwrap();
        assert_eq!(read(name).unwrap(), [0.5, 2.0]);
    }
    write_npy(&folder.path().join("row.npy"), &array(&[1, 2], &[0.5, 2.0])).unwrap();
    let text = read("row.npy").unwrap_err().to_string();
    assert!(
        text.ends_with("shape [1, 2]; reshape it to (n,) or (n, 1), one weight per point"),
        "{text}"
    );
    for text in ["0.5\n2\n", "mass\n0.5\r\n2.0"] {
        write_text(&folder.path().join("w.csv"), text).unwrap();
        assert_eq!(read("w.csv").unwrap(), [0.5, 2.0]);
    }
    for (text, end) in [
        (
            "1,2\n",
            "shape [1, 2]; reshape it to one column, one weight per point",
        ),
        (
            "1\n-1\n",
            "row 2, column weight is -1; a weight is a mass: give it zero or a positive value",
        ),
        (
            "inf\n",
            "row 1, column weight is inf; remove the row or give it a finite value",
        ),
        ("", "holds no rows; a cloud needs at least one point"),
    ] {
        write_text(&folder.path().join("w.csv"), text).unwrap();
        let text = read("w.csv").unwrap_err().to_string();
        assert!(text.ends_with(end), "{text}");
    }
}

#[test]
fn a_packed_file_is_whole_or_refused() {
    let packed = written("a.csv.gz", &POINTS, 2, None);
    assert!(packed.starts_with(&[0x1f, 0x8b]));
    assert!(packed != written("a.csv", &POINTS, 2, None));
    // Files packed on their own may follow one another.
    let double = [packed.clone(), packed.clone()].concat();
    let error = message("a.csv.gz", &double);
    assert!(
        error.contains("row 4, column x is \"x\", not a number"),
        "{error}"
    );
    let plain = written("a.npy", &POINTS, 2, None);
    assert!(message("a.npy.gz", &plain).contains("header of array of points: invalid gzip header"));
    let packed = written("a.npy.gz", &POINTS, 2, None);
    for at in packed.len() - 8..packed.len() {
        let mut changed = packed.clone();
        changed[at] ^= 1;
        let error = message("a.npy.gz", &changed);
        assert!(error.starts_with("a.npy.gz: end of the file: "), "{error}");
        assert!(parse("a.npy.gz", &packed[..at]).is_err());
    }
    assert!(message("a.npz.gz", &packed).contains("the extension names no format"));
}

#[test]
fn weights_may_be_packed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.csv.gz");
    write_cloud(&path, None, &[0.5, 2.0], 1, None).unwrap();
    assert_eq!(
        read_weights(&path, &Reading::default()).unwrap(),
        [0.5, 2.0]
    );
}

#[test]
fn a_large_file_is_read_as_it_was_written() {
    // Larger than any buffer on the way.
    let points: Vec<f64> = (0..150_000).map(|i| f64::from(i) / 7.0).collect();
    for name in [
        "a.npy", "a.npz", "a.ply", "a.csv", "a.tsv", "a.xyz", "a.obj", "a.off", "a.ply.gz",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        write_cloud(&path, None, &points, 3, None).unwrap();
        let from_file = read_cloud(&path).unwrap();
        assert!(
            from_file.points == points && from_file.dimension == 3,
            "{name}"
        );
        assert_eq!(parse(name, &fs::read(&path).unwrap()).unwrap(), from_file);
    }
}

#[test]
fn garbage_is_an_error_of_one_line_and_never_a_panic() {
    let mut state = 1_u64;
    for length in (0..300).chain([5000]) {
        let garbage: Vec<u8> = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 56) as u8
        })
        .take(length)
        .collect();
        for name in [
            "a.npy", "a.npz", "a.ply", "a.csv", "a.tsv", "a.xyz", "a.obj", "a.off", "a.stl",
            "a.nii", "a.ply.gz",
        ] {
            let text = message(name, &garbage);
            assert!(
                text.starts_with(name) && text.lines().count() == 1,
                "{text}"
            );
        }
    }
}

#[test]
fn files_that_are_cut_or_changed_anywhere_never_panic() {
    for name in ["a.npy", "a.npz", "a.ply", "a.csv"] {
        let weights = (name != "a.npy").then_some(&[0.5, 1.0, 2.0][..]);
        mutilate(name, &written(name, &POINTS, 2, weights));
    }
    mutilate("a.xyz", &written("a.xyz", &POINTS, 3, None));
}

#[test]
fn what_is_written_beside_points_is_found_where_the_format_has_it() {
    let (points, displacement) = ([1.0, 2.0, 3.0, 4.0], [0.25, 1.0 / 3.0]);
    let attributes = crate::Attributes {
        displacement: Some(&displacement),
        colours: Some(&[[255, 0, 7], [1, 2, 3]]),
        ..crate::Attributes::default()
    };
    let folder = tempfile::tempdir().unwrap();
    // A source that keeps nothing.
    let source = folder.path().join("a.npy");
    write_cloud(&source, None, &points, 2, None).unwrap();
    let reading = Reading::default();
    let write = |name: &str, attributes: &crate::Attributes| {
        let path = folder.path().join(name);
        let weights = Some(&[1.0, 3.0][..]);
        let from = (&*source, &reading);
        crate::write_moved(&path, from, &points, 2, weights, attributes)
            .map(|()| fs::read(path).unwrap())
    };
    let csv = String::from_utf8(write("b.csv", &attributes).unwrap()).unwrap();
    let rows = "x,y,weight,displacement,red,green,blue\n1.0,2.0,1.0,0.25,255,0,7\n3.0,4.0,3.0,0.3333333333333333,1,2,3\n";
    assert_eq!(csv, rows);
    let ply = write("b.ply", &attributes).unwrap();
    let of = |name: &str, bytes: &[u8], columns: &[&str]| {
        let columns = columns.iter().map(|it| (*it).to_owned()).collect();
        let columns = Columns {
            coordinates: columns,
            unweighted: true,
            ..Columns::default()
        };
        crate::parse_as(Path::new(name), bytes, &Reading::of(&columns))
            .unwrap()
            .points
    };
    assert_eq!(parse("b.ply", &ply).unwrap().points, points);
    assert_eq!(of("b.ply", &ply, &["displacement"]), displacement);
    assert_eq!(
        of("b.ply", &ply, &["red", "green", "blue"]),
        [255.0, 0.0, 7.0, 1.0, 2.0, 3.0]
    );
    let npz = write("b.npz", &attributes).unwrap();
    assert_eq!(parse("b.npz", &npz).unwrap().points, points);
    assert!(npz.windows(16).any(|name| name == b"displacement.npy"));
    for name in ["b.xyz", "b.npy"] {
        let error = write(name, &attributes).unwrap_err().to_string();
        assert!(
            error.contains(&format!(
                "{name}: cannot hold colours; write .ply, .csv or .npz instead"
            )),
            "{error}"
        );
        assert!(write(name, &crate::Attributes::default()).is_ok());
    }
    let short = crate::Attributes {
        displacement: Some(&[1.0]),
        ..attributes
    };
    assert!(matches!(write("b.csv", &short), Err(Error::Shape { .. })));
    // Beside coordinates the displacement is none of them.
    let plain = crate::Attributes {
        colours: None,
        ..attributes
    };
    let csv = write("c.csv", &plain).unwrap();
    assert_eq!(parse("c.csv", &csv).unwrap().points, points);
}

#[test]
fn columns_of_a_table_are_kept_replaced_and_turned() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("a.csv");
    fs::write(
        &source,
        "x;nx;name;y;ny;red\n1,5;3;a;2;4;9\n2,5;0;b;3;1;8\n",
    )
    .unwrap();
    let columns = Columns {
        coordinates: vec!["x".into(), "y".into()],
        ..Columns::default()
    };
    let reading = Reading::of(&columns);
    let attributes = crate::Attributes {
        displacement: Some(&[0.5, 0.25]),
        colours: Some(&[[1, 2, 3], [4, 5, 6]]),
        // A quarter of a turn.
        normals: Some(&[0.0, -1.0, 1.0, 0.0]),
        names: None,
    };
    let path = folder.path().join("b.csv");
    let points = [7.0, 8.5, 9.0, 1.0];
    crate::write_moved(&path, (&source, &reading), &points, 2, None, &attributes).unwrap();
    let expected = "x;nx;name;y;ny;red;displacement;green;blue\n7,0;-4,0;a;8,5;3,0;1;0,5;2;3\n9,0;-1,0;b;1,0;0,0;4;0,25;5;6\n";
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
}

#[test]
fn coordinates_keep_their_names_where_these_are_read_as_coordinates() {
    let names = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    let header = |text: &str| {
        let names = names(text);
        let attributes = crate::Attributes {
            names: Some(&names),
            ..crate::Attributes::default()
        };
        crate::write_with(&path, None, &[1.0, 2.0], 2, Some(&[3.0]), &attributes).unwrap();
        let cloud = read_cloud(&path).unwrap();
        assert_eq!(
            (cloud.points, cloud.weights),
            (vec![1.0, 2.0], Some(vec![3.0]))
        );
        cloud.names.unwrap().join(" ")
    };
    for kept in ["PC_1 PC_2", "lon lat", "a,b \"q\""] {
        assert_eq!(header(kept), kept);
    }
    for lost in ["weight x", "1 2", "x count", "#a b", "x displacement"] {
        assert_eq!(header(lost), "x y", "{lost}");
    }
    let short = names("x");
    let attributes = crate::Attributes {
        names: Some(&short),
        ..crate::Attributes::default()
    };
    let refused = crate::write_with(&path, None, &[1.0, 2.0], 2, None, &attributes);
    assert!(matches!(refused, Err(Error::Shape { .. })));
    for (name, bytes, expected) in [
        ("a.csv", &b"0,1\n5,6.5\n"[..], None),
        ("b.csv", b"u,v,weight\n1,2,3\n", Some("u v")),
        ("c.xyz", b"# p q\n1 2\n", Some("p q")),
    ] {
        let reading = Reading {
            header: Some(expected.is_some()),
            ..Reading::default()
        };
        let cloud = crate::parse_as(Path::new(name), bytes, &reading).unwrap();
        assert_eq!(cloud.names, expected.map(names), "{name}");
    }
}

#[test]
fn points_of_many_dimensions_come_back_from_lines() {
    let bytes = written("a.xyz", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 4, None);
    assert!(bytes.starts_with(b"# x1 x2 x3 x4\n"));
    assert_eq!(parse("a.xyz", &bytes).unwrap().dimension, 4);
}

/// The files that NumPy, AnnData, pandas with pyarrow, and trimesh wrote: `tests/made/make.py` has the formulas.
#[test]
fn numbers_of_16_bits_are_read_in_every_format_that_has_them() {
    let points: Vec<f64> = (0..6).map(|k| 0.25 * f64::from(k) - 0.5).collect();
    let npy = include_bytes!("../tests/made/halves.npy");
    assert_eq!(parse("a.npy", npy).unwrap().points, points);
    let npz = parse("a.npz", include_bytes!("../tests/made/halves.npz")).unwrap();
    assert_eq!(
        (npz.points, npz.weights),
        (points.clone(), Some(vec![1.0, 0.5, 0.25]))
    );
    #[cfg(feature = "h5ad")]
    {
        let reading = Reading {
            embedding: Some("half".into()),
            ..Reading::default()
        };
        let bytes = include_bytes!("../tests/made/halves.h5ad");
        let h5ad = parse_as(Path::new("a.h5ad"), bytes, &reading).unwrap();
        assert_eq!(h5ad.points, points);
    }
    #[cfg(feature = "parquet")]
    {
        let mut reading = Reading::default();
        reading.columns.labels = vec!["kind".into()];
        let bytes = include_bytes!("../tests/made/halves.parquet");
        let parquet = parse_as(Path::new("a.parquet"), bytes, &reading).unwrap();
        assert_eq!(
            (parquet.points, parquet.labels[0].indices()),
            (points.clone(), &[0, 1, 0][..])
        );
    }
    #[cfg(feature = "safetensors")]
    {
        let reading = Reading {
            embedding: Some("half".into()),
            ..Reading::default()
        };
        let bytes = include_bytes!("../tests/made/embeddings.safetensors");
        let tensors = parse_as(Path::new("a.safetensors"), bytes, &reading).unwrap();
        assert_eq!(tensors.points, points);
    }
}

#[test]
fn a_box_is_the_same_measure_in_every_format_of_meshes() {
    for (name, bytes) in [
        ("box.obj", &include_bytes!("../tests/made/box.obj")[..]),
        ("box.off", include_bytes!("../tests/made/box.off")),
        ("box.stl", include_bytes!("../tests/made/box.stl")),
        ("box.ply", include_bytes!("../tests/made/box.ply")),
    ] {
        let of = |surface| {
            let reading = Reading {
                surface: Some(surface),
                ..Reading::default()
            };
            parse_as(Path::new(name), bytes, &reading).unwrap()
        };
        let faces = of(Surface::Faces);
        let areas = faces.weights.unwrap();
        assert_eq!(areas.len(), 12, "{name}");
        let mut sorted = areas.clone();
        sorted.sort_by(f64::total_cmp);
        assert_eq!(sorted, [[1.0; 4], [1.5; 4], [3.0; 4]].concat(), "{name}");
        let vertices = of(Surface::Vertices);
        assert_eq!(vertices.points.len(), 3 * 8, "{name}");
        for (cloud, weights) in [
            (&faces.points, &areas),
            (&vertices.points, &vertices.weights.unwrap()),
        ] {
            let mass: f64 = weights.iter().sum();
            assert!((mass - 22.0).abs() < 1e-12, "{name}: {mass}");
            for (axis, middle) in [0.5, 1.0, 1.5].into_iter().enumerate() {
                let moment = cloud
                    .chunks(3)
                    .zip(weights)
                    .map(|(point, weight)| weight * point[axis]);
                assert!(
                    (moment.sum::<f64>() / mass - middle).abs() < 1e-12,
                    "{name}"
                );
            }
        }
    }
}

/// What a mesh becomes in each other format that has faces: the same triangles, with the vertices moved.
#[test]
fn a_moved_mesh_keeps_its_triangles_in_other_formats() {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/made");
    let folder = tempfile::tempdir().unwrap();
    let sources = ["box.obj", "box.off", "box.stl"];
    #[cfg(feature = "gltf")]
    let sources = [&sources[..], &["boxes.glb", "boxes.gltf"]].concat();
    for name in sources {
        let source = made.join(name);
        let of = |file: &Path, surface| {
            let reading = Reading {
                surface: Some(surface),
                ..Reading::default()
            };
            read_as(file, &reading).unwrap()
        };
        let (before, faces) = (of(&source, Surface::Vertices), of(&source, Surface::Faces));
        let moved: Vec<f64> = before.points.iter().map(|x| 2.0 * x + 1.0).collect();
        for target in ["a.ply", "a.obj", "a.off", "a.stl", "a.ply.gz"] {
            let target = folder.path().join(target);
            let reading = Reading::default();
            let from = (&*source, &reading);
            check_moved(&target, from, 3).unwrap();
            let (weights, beside) = (before.weights.as_deref(), Attributes::default());
            write_moved(&target, from, &moved, 3, weights, &beside).unwrap();
            let after = of(&target, Surface::Faces);
            let expected = faces.points.iter().map(|x| 2.0 * x + 1.0);
            assert_eq!(after.points.len(), faces.points.len(), "{name} {target:?}");
            for (found, expected) in after.points.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-5, "{name} {target:?}");
            }
            // Areas grow by the square.
            let weights = after.weights.unwrap();
            for (found, before) in weights.iter().zip(faces.weights.as_ref().unwrap()) {
                assert!((found - 4.0 * before).abs() < 1e-5, "{name} {target:?}");
            }
        }
        // Other points than the vertices have no triangles.
        let reading = Reading {
            surface: Some(Surface::Faces),
            ..Reading::default()
        };
        let target = folder.path().join("b.stl");
        let refused = check_moved(&target, (&source, &reading), 3).unwrap_err();
        assert!(
            refused.to_string().contains("points without faces"),
            "{refused}"
        );
    }
}

#[test]
fn a_format_that_is_read_alone_is_not_written() {
    for name in ["a.pcd", "a.nii", "a.glb", "a.arrow", "a.las"] {
        let refused = write_cloud(Path::new(name), None, &POINTS, 3, None).unwrap_err();
        assert!(matches!(refused, Error::Extension { .. }), "{refused}");
    }
}
