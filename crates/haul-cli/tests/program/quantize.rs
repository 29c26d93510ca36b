//! Clouds reduced to k points, images to k colours, and averages whose points find their places.

use crate::fixture::{Room, assert_close, assert_says, error_line, value};
use serde_json::Value;

/// Groups of 10, 40, 40 and 30 points around the corners of a square.
fn groups() -> Vec<f64> {
    let place = |i: usize| match i {
        0..10 => [0.0, 0.0],
        10..50 => [0.0, 4.0],
        50..90 => [4.0, 0.0],
        _ => [4.0, 4.0],
    };
    let points = (0..120).map(|i| {
        let angle = 2.4 * i as f64;
        let [x, y] = place(i);
        [x + 0.2 * angle.cos(), y + 0.2 * angle.sin()]
    });
    points.flatten().collect()
}

/// The rows of a `.csv` of two coordinates and a weight, sorted.
fn weighted(room: &Room, name: &str) -> Vec<[f64; 3]> {
    let mut rows: Vec<[f64; 3]> = room
        .numbers(name)
        .chunks_exact(3)
        .map(|row| [row[0], row[1], row[2]])
        .collect();
    rows.sort_by(|a, b| a.partial_cmp(b).unwrap());
    rows
}

#[test]
fn four_groups_have_four_centres_with_their_masses() {
    let room = Room::new();
    room.csv("a.csv", &groups(), 2);
    let run = "quantize a.csv -k 4 -o k.csv --labels labels.npy --json";
    let result = room.cpu(run).json(0);
    let keys: Vec<_> = result.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        keys.join(" "),
        "command input output n k d kind epsilon blur value inertia distance smallest_weight largest_weight empty \
         movement goal converged iterations pairs seconds device precision"
    );
    assert_eq!(result["kind"], "lloyd");
    let mut centres = weighted(&room, "k.csv");
    centres.sort_by_key(|centre| [0, 1].map(|axis| centre[axis].round() as i64));
    let expected = [10.0, 40.0, 40.0, 30.0].map(|count| count / 120.0);
    for (centre, mass) in centres.iter().zip(expected) {
        assert_close(centre[2], mass, 1e-12);
        let near = |x: f64| x.abs().min((x - 4.0).abs());
        assert!(near(centre[0]) < 0.1 && near(centre[1]) < 0.1, "{centre:?}");
    }
    // Each point is 0.2 away from the place of its group, whose centre is near there.
    assert_close(value(&result), 0.04, 2e-3);
    assert_close(
        result["distance"].as_f64().unwrap(),
        value(&result).sqrt(),
        1e-12,
    );
    let bytes = std::fs::read(room.path("labels.npy")).unwrap();
    let labels: Vec<f64> = npyz::NpyFile::new(&bytes[..]).unwrap().into_vec().unwrap();
    assert_eq!(labels.len(), 120);
    assert!(labels[..10].iter().all(|label| *label == labels[0]));
    assert!(
        labels[10..50]
            .iter()
            .all(|label| *label == labels[10] && *label != labels[0])
    );
    // The same seed, the same file.
    let before = room.read("k.csv");
    room.cpu(run).json(0);
    assert_eq!(room.read("k.csv"), before);
    let told = room.cpu("quantize a.csv -k 4 -o k.csv").stdout;
    assert_says(
        &told,
        &[
            "distance",
            "from 120 points to 4",
            "W₂²",
            "written         k.csv",
        ],
    );
}

#[test]
fn balanced_and_soft_cells_have_other_weights() {
    let room = Room::new();
    room.csv("a.csv", &groups(), 2);
    let result = room
        .cpu("quantize a.csv -k 4 --balanced --blur 0.1 -o b.csv --json")
        .json(0);
    assert_eq!(result["kind"], "balanced");
    assert!(weighted(&room, "b.csv").iter().all(|row| row[2] == 0.25));
    // Some mass of the large groups goes to the centre of the small one.
    assert!(result["inertia"].as_f64().unwrap() > 0.2);
    let soft = room
        .cpu("quantize a.csv -k 4 --blur 0.3 -o s.csv --json")
        .json(0);
    assert_eq!(soft["kind"], "soft");
    assert_close(soft["blur"].as_f64().unwrap(), 0.3, 1e-12);
    let masses = weighted(&room, "s.csv")
        .iter()
        .map(|row| row[2])
        .sum::<f64>();
    assert_close(masses, 1.0, 1e-6);
    // Without weights there is a place for equal ones only.
    room.cpu("quantize a.csv -k 4 --balanced -o b.npy --json")
        .json(0);
    let refused = error_line(room.cpu("quantize a.csv -k 4 -o b.npy"), 2);
    assert_says(&refused, &["--balanced", ".ply"]);
}

/// An image of red, green, blue and opacity.
fn picture(room: &Room, name: &str, width: u32, pixels: &[[u8; 4]]) {
    let file = std::fs::File::create(room.path(name)).unwrap();
    let mut encoder = png::Encoder::new(file, width, pixels.len() as u32 / width);
    encoder.set_color(png::ColorType::Rgba);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels.concat()).unwrap();
    writer.finish().unwrap();
}

#[test]
fn an_image_keeps_its_shapes_in_few_colours() {
    let room = Room::new();
    let pixels: Vec<[u8; 4]> = (0..64u8)
        .map(|i| match i % 8 {
            0..4 => [200 + i % 3, 10, 10, 255],
            _ => [10, 10, 200 + i % 5, if i > 60 { 0 } else { 255 }],
        })
        .collect();
    picture(&room, "a.png", 8, &pixels);
    let result = room
        .cpu("quantize a.png -k 2 --image -o p.png --json")
        .json(0);
    assert_eq!((&result["k"], &result["d"]), (&2.into(), &3.into()));
    let file = std::io::BufReader::new(std::fs::File::open(room.path("p.png")).unwrap());
    let mut decoder = png::Decoder::new(file);
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    assert_eq!(reader.info().color_type, png::ColorType::Indexed);
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut bytes).unwrap();
    for (pixel, was) in bytes.chunks_exact(4).zip(&pixels) {
        let far = (0..3).map(|k| pixel[k].abs_diff(was[k])).max().unwrap();
        assert!(far <= 3 && pixel[3] == was[3], "{pixel:?} {was:?}");
    }
    let ran = room.cpu("quantize a.png -k 2 --image -o palette.csv");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let table = room.read("palette.csv");
    assert_eq!(table.lines().next(), Some("red,green,blue,weight"));
    assert_eq!(table.lines().count(), 3);
    let refused = error_line(room.cpu("quantize a.png -k 2 -o p.ply"), 2);
    assert_says(&refused, &["a.png", "--image"]);
    assert_says(
        &refusal(&room, "quantize p.csv -k 0 -o p.ply"),
        &["at least 1"],
    );
}

#[test]
fn free_points_of_an_average_find_the_middle() {
    let room = Room::new();
    let ring = |x: f64| -> Vec<f64> {
        let point = |i: usize| {
            let angle = std::f64::consts::TAU * i as f64 / 60.0;
            [x + angle.cos(), angle.sin()]
        };
        (0..60).flat_map(point).collect()
    };
    room.csv("a.csv", &ring(0.0), 2);
    room.csv("b.csv", &ring(4.0), 2);
    let run = "barycenter a.csv b.csv --points 40 --blur 0.2";
    let result = room
        .cpu(&format!("{run} --lambda 3,1 -o m.csv --json"))
        .json(0);
    assert_eq!(
        (&result["n"], &result["kind"]),
        (&40.into(), &"debiased".into())
    );
    // A ring around (1, 0): three quarters of its mass moves by 1, a quarter by 3.
    assert_close(value(&result), 0.75 + 0.25 * 9.0, 0.05);
    assert!(result["lower_bound"].is_null());
    let rows = weighted(&room, "m.csv");
    assert!(rows.iter().all(|row| (row[2] - 1.0 / 40.0).abs() < 1e-12));
    for row in &rows {
        assert_close((row[0] - 1.0).hypot(row[1]), 1.0, 0.15);
    }
    let product = room
        .cpu(&format!("{run} --kind product -o m.csv --json"))
        .json(0);
    let bound = product["lower_bound"].as_f64().unwrap();
    let objective = product["objective"].as_f64().unwrap();
    assert!(
        bound < objective && objective - bound < 0.04,
        "{bound} {objective}"
    );
    let learned = room.cpu(&format!(
        "{run} --learn-weights --max-iterations 50 -o l.csv --json"
    ));
    let learned: Value = serde_json::from_str(&learned.stdout).unwrap();
    assert_eq!(learned["learned_weights"], true);
    let weights = weighted(&room, "l.csv");
    assert!(weights.iter().any(|row| (row[2] - 1.0 / 40.0).abs() > 1e-6));
    let told = room.cpu(&format!("{run} -o m.csv")).stdout;
    assert_says(&told, &["objective", "40 free points", "movement"]);
    for (wrong, says) in [
        ("--support a.csv", "--support"),
        ("--frames 5", "--frames"),
        ("--p 1", "--p"),
    ] {
        assert_says(&refusal(&room, &format!("{run} {wrong} -o m.csv")), &[says]);
    }
}

/// What a refused run says, in however many lines.
fn refusal(room: &Room, run: &str) -> String {
    let ran = room.cpu(run);
    assert_eq!(ran.status, Some(2), "{}", ran.stderr);
    ran.stderr
}
