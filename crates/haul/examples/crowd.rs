//! A crowd that leaves a room: everybody wants to the exit, and nowhere may it become too dense.
//!
//! Each step minimises the squared distance to the density before plus the mean distance to the exit, with a bound on the
//! density [Maury–Roudneff-Chupin–Santambrogio'10]. Without that bound the crowd would end as a point.
//!
//! ```sh
//! cargo run --release -p haul --example crowd [-- FOLDER]    # paints crowd.png
//! ```
#![allow(clippy::print_stdout)] // what it found

use haul::{Device, Flow, Grid, InternalEnergy, Measure};
use std::{env, error::Error, fs, io::BufWriter, path::Path, path::PathBuf};

/// Cells of a side of the room.
const SIDE: usize = 64;
/// Steps of the flow.
const STEPS: usize = 6;
/// The largest density, over the mean one of the room.
const BOUND: f64 = 6.0;
/// The exit, in the middle of the right wall: row, column.
const EXIT: [f64; 2] = [0.5, 1.0];

fn main() -> Result<(), Box<dyn Error>> {
    let device = Device::auto()?; // the best GPU, else the CPU
    let room = Grid::new(
        &[SIDE, SIDE],
        &[1.0 / SIDE as f64; 2],
        &[0.5 / SIDE as f64; 2],
    )?;
    let on_room = |of: &dyn Fn(&[f64]) -> f64| -> Vec<f64> {
        (0..room.len()).map(|i| of(&room.point(i))).collect()
    };
    // Two groups of people, to the left.
    let start = on_room(&|x| {
        let near = [[0.25, 0.2], [0.7, 0.3]]
            .iter()
            .any(|at| (x[0] - at[0]).hypot(x[1] - at[1]) < 0.17);
        f64::from(u8::from(near))
    });
    let start = Measure::grid(room.clone(), start)?.normalized();
    let to_the_exit = on_room(&|x| (x[0] - EXIT[0]).hypot(x[1] - EXIT[1]));

    let flow = Flow::blur(2.0 / SIDE as f64)
        .internal_energy(InternalEnergy::Crowd { bound: BOUND })
        .potential(&to_the_exit)
        .tau(0.15)
        .steps(STEPS)
        .tolerance(1e-2)
        .max_iterations(60)
        .solve(&device, &start)?;

    let mut before = f64::INFINITY;
    for report in flow.reports() {
        let (bounds, way) = (report.bounds, report.potential_energy);
        println!(
            "time {:.2}: mean way to the exit {way:.3}, objective {:.5} to {:.5}, {} iterations",
            report.time, bounds.lower, bounds.upper, report.iterations
        );
        assert!(bounds.lower <= bounds.upper, "the bounds are none");
        assert!(way < before, "the crowd does not move to the exit");
        before = way;
    }
    let cells = room.len() as f64;
    for density in flow.densities() {
        let densest = density
            .weights()
            .iter()
            .fold(0.0, |most, b| f64::max(most, b * cells));
        assert!(densest <= BOUND * (1.0 + 1e-9), "the crowd is too dense");
    }
    let folder = PathBuf::from(env::args_os().nth(1).unwrap_or("haul-examples".into()));
    fs::create_dir_all(&folder)?;
    let picture = folder.join("crowd.png");
    let moments: Vec<&Measure> = std::iter::once(&start).chain(flow.densities()).collect();
    write(&picture, &moments)?;
    println!("painted in {}", picture.display());
    Ok(())
}

/// Densities side by side as one PNG; black is the largest density allowed.
fn write(path: &Path, moments: &[&Measure]) -> Result<(), Box<dyn Error>> {
    /// Pixels of a side of a cell, and between two moments.
    const CELL: usize = 2;
    const GAP: usize = 6;
    let (panel, height) = (CELL * SIDE + GAP, CELL * SIDE + 2 * GAP);
    let width = moments.len() * panel + GAP;
    let mut grey = vec![255u8; width * height];
    let cells = (SIDE * SIDE) as f64;
    for (place, density) in moments.iter().enumerate() {
        for row in 0..CELL * SIDE {
            for column in 0..CELL * SIDE {
                let weight = density.weights()[row / CELL * SIDE + column / CELL];
                let dark = (weight * cells / BOUND).min(1.0);
                let at = (row + GAP) * width + place * panel + GAP + column;
                grey[at] = (245.0 * (1.0 - dark)) as u8;
            }
        }
    }
    let file = BufWriter::new(fs::File::create(path)?);
    let mut encoder = png::Encoder::new(file, width as u32, height as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_compression(png::Compression::High);
    encoder.write_header()?.write_image_data(&grey)?;
    Ok(())
}
