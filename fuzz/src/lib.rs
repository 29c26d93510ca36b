//! What all targets do with the bytes of a file.

use haul_files::{Columns, Contents, Reading, Surface, parse_contents};
use std::path::Path;

/// Reads a file of this name, as it is and in another way that its length picks. What comes out is
/// finite, and an error is told in one line of at most 2 kB.
pub fn read(name: &str, bytes: &[u8]) {
    let columns = |coordinates: &[&str], weight: Option<&str>| Columns {
        coordinates: coordinates.iter().map(|&name| name.into()).collect(),
        weight: weight.map(str::to_owned),
        unweighted: weight.is_none(),
        labels: Vec::new(),
    };
    let other = match bytes.len() % 5 {
        0 => Reading::of(&columns(&["1"], None)),
        1 => Reading::of(&columns(&["y", "x"], Some("weight"))),
        2 => Reading::of(&columns(&["2-3"], Some("1"))),
        odd => Reading {
            header: Some(odd == 3),
            grid: true,
            invert: odd == 3,
            ..Reading::default()
        },
    };
    // Of files with many arrays one is named, and labels with it; of tables a group.
    let of_many = |mut reading: Reading| match name.rsplit('.').next() {
        Some("h5ad") => {
            reading.embedding = Some(["X", "X_pca", "layers:by_gene"][bytes.len() % 3].into());
            reading.columns.labels = vec!["cell_type".into(), "day".into()];
            reading
        }
        Some("e57") if bytes.len() % 2 == 0 => {
            reading.columns.coordinates = vec!["z".into(), "intensity".into()];
            reading.columns.labels = vec!["scan".into()];
            reading
        }
        Some("safetensors") => {
            reading.embedding = (bytes.len() % 2 == 0).then(|| "half".into());
            reading
        }
        Some("arrow") => {
            reading.embedding = (bytes.len() % 3 == 0).then(|| "list".into());
            reading.columns.labels = (bytes.len() % 2 == 0).then(|| "kind".into()).into_iter().collect();
            reading
        }
        Some("glb" | "gltf") => {
            reading.surface = Some([Surface::Vertices, Surface::Faces, Surface::Samples(7)][bytes.len() % 3]);
            reading.columns = Columns::default();
            reading
        }
        Some("parquet") if bytes.len() % 7 == 0 => {
            reading.embedding = Some("fixed".into());
            reading
        }
        Some("csv" | "tsv" | "parquet") if bytes.len() % 5 == 3 => {
            reading.columns.labels = vec!["1".into()];
            reading
        }
        _ => reading,
    };
    for reading in [Reading::default(), other].map(of_many) {
        match parse_contents(Path::new(name), bytes, &reading) {
            Ok(Contents::Histogram(histogram)) => {
                assert!(histogram.masses.iter().all(|mass| mass.is_finite() && *mass >= 0.0));
                assert!(histogram.masses.iter().any(|mass| *mass > 0.0));
                assert!((1..=3).contains(&histogram.shape.len()));
                assert_eq!(histogram.shape.iter().product::<usize>(), histogram.masses.len());
            }
            Ok(Contents::Cloud(cloud)) => {
                assert!(cloud.points.iter().all(|value| value.is_finite()));
                assert!(!cloud.points.is_empty() && cloud.points.len().is_multiple_of(cloud.dimension));
                let n = cloud.points.len() / cloud.dimension;
                assert!(cloud.weights.is_none_or(|weights| weights.len() == n));
                for labels in cloud.labels {
                    let names = labels.names().len();
                    assert!(labels.indices().len() == n && labels.indices().iter().all(|it| *it < names));
                }
            }
            Err(error) => {
                let told = error.to_string();
                assert!(told.lines().count() == 1 && told.len() <= 2000, "{told}");
            }
        }
    }
}
