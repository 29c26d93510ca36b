//! Small clouds, files of every format, and runs of the program.

use npyz::WriterBuilder;
use npyz::npz::NpzWriter;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A folder of one test, removed at its end.
pub(crate) struct Room(tempfile::TempDir);

/// The output of a run of the program.
pub(crate) struct Ran {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// The single JSON object of a run that ended with this status.
    #[track_caller]
    pub(crate) fn json(self, status: i32) -> Value {
        assert_eq!(self.status, Some(status), "{}", self.stderr);
        assert_eq!(self.stdout.lines().count(), 1, "{}", self.stdout);
        serde_json::from_str(&self.stdout).unwrap()
    }
}

impl Room {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A room with two clouds in the plane, `a.csv` and `b.csv`.
    pub(crate) fn with_clouds() -> Self {
        let room = Self::new();
        room.csv("a.csv", &spiral(60), 2);
        room.csv("b.csv", &ring(50), 2);
        room
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The names of the files there, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The numbers of a `.csv`, row by row, without a header.
    pub(crate) fn numbers(&self, name: &str) -> Vec<f64> {
        let text = self.read(name);
        let mut lines = text.lines().peekable();
        let is_number = |field: &str| field.parse::<f64>().is_ok();
        lines.next_if(|first| !first.split(',').all(is_number));
        let fields = lines.flat_map(|line| line.split(','));
        fields.map(|field| field.parse().unwrap()).collect()
    }

    pub(crate) fn csv(&self, name: &str, points: &[f64], dimension: usize) {
        self.write(name, rows(points, dimension, ","));
    }

    pub(crate) fn npy(&self, name: &str, values: &[f64], shape: &[u64]) {
        self.write(name, npy(values, shape));
    }

    /// A grey image, row by row.
    pub(crate) fn png(&self, name: &str, width: u32, grey: &[u8]) {
        let file = fs::File::create(self.path(name)).unwrap();
        let mut encoder = png::Encoder::new(file, width, grey.len() as u32 / width);
        encoder.set_color(png::ColorType::Grayscale);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(grey).unwrap();
        writer.finish().unwrap();
    }

    /// The width and the grey pixels of an image.
    pub(crate) fn pixels(&self, name: &str) -> (usize, Vec<u8>) {
        let file = std::io::BufReader::new(fs::File::open(self.path(name)).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut grey = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut grey).unwrap();
        assert_eq!(frame.color_type, png::ColorType::Grayscale);
        (frame.width as usize, grey)
    }

    pub(crate) fn npz(&self, name: &str, points: &[f64], dimension: usize, weights: &[f64]) {
        let mut archive = NpzWriter::new(fs::File::create(self.path(name)).unwrap());
        let n = weights.len() as u64;
        for (array, values, shape) in [
            ("points", points, &[n, dimension as u64][..]),
            ("weights", weights, &[n]),
        ] {
            let options = npyz::zip::write::FileOptions::default();
            let member = npyz::npz::file_name_from_array_name(array);
            archive.zip_writer().start_file(member, options).unwrap();
            archive.zip_writer().write_all(&npy(values, shape)).unwrap();
        }
        archive.zip_writer().finish().unwrap();
    }

    /// The arrays of an `.npz`, float64.
    pub(crate) fn arrays<const N: usize>(&self, name: &str, arrays: [&str; N]) -> [Vec<f64>; N] {
        let mut archive = npyz::npz::NpzArchive::open(self.path(name)).unwrap();
        arrays.map(|array| {
            let stored = archive.by_name(array).unwrap().unwrap();
            stored.into_vec().unwrap()
        })
    }

    /// A command in this folder, not yet started.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.0.path());
        // Variables of the environment that affect colours.
        for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs `haul` with these words.
    pub(crate) fn haul(&self, arguments: &str) -> Ran {
        self.haul_reading(arguments, b"")
    }

    /// The same, on the CPU.
    pub(crate) fn cpu(&self, arguments: &str) -> Ran {
        self.haul(&format!("{arguments} --device cpu"))
    }

    /// Runs `haul` with these words and this standard input.
    pub(crate) fn haul_reading(&self, arguments: &str, input: &[u8]) -> Ran {
        let mut child = self
            .command(HAUL)
            .args(arguments.split_whitespace())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A refused run may end before it reads.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap().into()
    }

    /// Runs a shell command line in which `haul` is the program.
    pub(crate) fn shell(&self, line: &str) -> Ran {
        let script = format!("haul() {{ '{HAUL}' \"$@\"; }}\n{line}");
        let output = self.command("sh").args(["-c", &script]).output().unwrap();
        output.into()
    }
}

pub(crate) const HAUL: &str = env!("CARGO_BIN_EXE_haul");

pub(crate) fn rows(values: &[f64], dimension: usize, separator: &str) -> String {
    let mut text = String::new();
    for row in values.chunks(dimension) {
        let row: Vec<_> = row.iter().map(f64::to_string).collect();
        writeln!(text, "{}", row.join(separator)).unwrap();
    }
    text
}

pub(crate) fn npy(values: &[f64], shape: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(shape)
        .writer(&mut bytes)
        .begin_nd()
        .unwrap();
    writer.extend(values).unwrap();
    writer.finish().unwrap();
    bytes
}

/// A binary `.ply` of points in space.
pub(crate) fn ply(points: &[f64]) -> Vec<u8> {
    let mut bytes = format!(
        "ply\nformat binary_little_endian 1.0\nelement vertex {}\nproperty double x\n\
         property double y\nproperty double z\nend_header\n",
        points.len() / 3
    )
    .into_bytes();
    bytes.extend(points.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

pub(crate) fn spiral(n: usize) -> Vec<f64> {
    (0..n)
        .flat_map(|i| {
            let t = i as f64 / n as f64;
            [t * (9.0 * t).cos(), t * (9.0 * t).sin()]
        })
        .collect()
}

pub(crate) fn ring(n: usize) -> Vec<f64> {
    (0..n)
        .flat_map(|i| {
            let angle = std::f64::consts::TAU * i as f64 / n as f64;
            [0.3 + 0.8 * angle.cos(), 0.5 * angle.sin()]
        })
        .collect()
}

/// A disc of this radius around a pixel, white on black in `side`×`side` pixels.
pub(crate) fn disc(side: usize, [row, column]: [f64; 2], radius: f64) -> Vec<u8> {
    let inside = |i: usize| {
        let (y, x) = ((i / side) as f64, (i % side) as f64);
        (y - row).hypot(x - column) < radius
    };
    (0..side * side)
        .map(|i| if inside(i) { 255 } else { 0 })
        .collect()
}

/// The plan of uniform measures on two clouds in the plane, for the cost |x − y|², n×m.
pub(crate) fn dense(x: &[f64], y: &[f64], f: &[f64], g: &[f64], epsilon: f64) -> Vec<Vec<f64>> {
    let weight = 1.0 / (f.len() * g.len()) as f64;
    let entry = |(x, f): (&[f64], f64), (y, g): (&[f64], &f64)| {
        let cost = (x[0] - y[0]).powi(2) + (x[1] - y[1]).powi(2);
        weight * ((f + g - cost) / epsilon).exp()
    };
    let row = |row: (&[f64], &f64)| {
        let columns = y.chunks(2).zip(g);
        columns
            .map(|column| entry((row.0, *row.1), column))
            .collect()
    };
    x.chunks(2).zip(f).map(row).collect()
}

#[track_caller]
pub(crate) fn value(result: &Value) -> f64 {
    result["value"].as_f64().unwrap()
}

/// The one line of a run that was refused with this status and wrote nothing else.
#[track_caller]
pub(crate) fn error_line(ran: Ran, status: i32) -> String {
    assert_eq!(ran.status, Some(status), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    ran.stderr
}

#[track_caller]
pub(crate) fn assert_close(found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{found} is not {expected} ± {tolerance}"
    );
}

#[track_caller]
pub(crate) fn assert_says(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "{line:?} lacks {part:?}");
    }
}

/// A text of results without the only parts that differ between runs: the seconds, and the times of files, which may
/// be too recent to be recorded.
pub(crate) fn untimed(text: &str) -> String {
    let without = |text: &str, key: &str| {
        let mut pieces = text.split(key);
        let mut rest = pieces.next().unwrap().to_owned();
        for piece in pieces {
            let end = piece.find([',', '}']).unwrap();
            rest += &piece[end..];
        }
        rest
    };
    without(&without(text, "\"seconds\":"), "\"modified\":")
}
