//! `haul quantize`: a cloud, or the colours of an image, reduced to k points.

mod answer;
mod colours;

use crate::command::{Command, Program};
use crate::device;
use crate::files::{self, Uses};
use crate::input::{self, Input, on_grid};
use crate::options::{self, Engine, MOST_U32, Treatment, number, whole};
use crate::outcome::{self, Outcome};
use crate::progress::Fitting;
use answer::QuantizeAnswer;
use anyhow::{Context, Result, bail};
use clap::Args;
use colours::Palette;
use haul::{Measure, Quantization, Quantizer, Regularization, Sinkhorn};
use haul_files::{self as formats, Array, Attributes};
use std::path::{Path, PathBuf};

/// Reduce a cloud to k points, or an image to k colours: the nearest measure of so few points
#[derive(Debug, Args)]
#[command(
    mut_arg("normalize", |it| it.help("Scale the mass to 1")),
    mut_arg("mass_unit", |it| it.help("Divide the weights by M")),
    after_help = "without options  min W₂² over points and weights: k-means\n--blur σ         min OT_ε over points and weights: a mixture of Gaussians of variance σ²/2\n--balanced       min S_ε over the points, with equal weights\n\nEach point of the result has the mass of the points it stands for. The start is drawn by k-means++, and the same --start-seed gives the same result. With --image the points are the colours of an image, red, green and blue from 0 to 1: a .png as OUT has each pixel in the nearest of k colours, any other file lists these.\n\nExample:\n  haul quantize a.ply -k 50 -o small.ply\n  haul quantize disc.png -k 2 --image -o poster.png"
)]
pub(crate) struct Quantize {
    /// The cloud; with --image a .png or .jpg
    input: PathBuf,

    /// The number of points; fewer are written if the cloud has fewer different ones
    #[arg(short = 'k', long = "points", value_name = "K", allow_negative_numbers = true, value_parser = whole::<u32, 1, MOST_U32>)]
    k: u32,

    /// The points with their weights: .npz .ply .csv, with --image .png as well
    #[arg(short, long, value_name = "OUT", help_heading = "Output")]
    output: PathBuf,

    /// Give all points of the result one weight
    #[arg(long)]
    balanced: bool,

    /// Reduce the colours of an image
    #[arg(long)]
    image: bool,

    /// The blur σ, a length: cells are soft, as those of Gaussians of variance σ²/2 [default: 0, with --balanced 0.02 of the
    /// diagonal of the box around the cloud]
    #[arg(long, value_name = "σ", allow_negative_numbers = true, value_parser = number)]
    blur: Option<f64>,

    /// The seed by which the start is drawn
    #[arg(long, value_name = "N", default_value_t = 0)]
    start_seed: u64,

    /// The most steps of the points
    #[arg(long, value_name = "N", default_value_t = ITERATIONS, allow_negative_numbers = true, value_parser = whole::<usize, 1, MOST_U32>)]
    max_iterations: usize,

    /// Write for each point of the cloud the number of its point of the result, from 0
    #[arg(
        long,
        value_name = "F.npy",
        help_heading = "Output",
        conflicts_with = "image"
    )]
    labels: Option<PathBuf>,

    #[command(flatten)]
    treatment: Treatment,

    #[command(flatten)]
    engine: Engine,

    /// Print one JSON object, with every digit
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// No progress and no warnings
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
}

/// The most steps by default.
const ITERATIONS: usize = 300;

/// The blur of balanced cells, as a share of the diagonal.
const SHARE: f64 = 0.02;

impl Command for Quantize {
    fn run(&self, _: &Program) -> Result<Outcome> {
        let read = [formats::file_of(&self.input)];
        let written = [Some(&self.output), self.labels.as_ref()]
            .into_iter()
            .flatten();
        let uses = Uses::of_command().reads(read);
        files::check_apart(&[uses.writes(written.map(PathBuf::as_path))])?;
        if let Some(path) = &self.labels {
            formats::check_target(path, ".npy")?;
        }
        let answer = match self.image {
            true => self.of_image()?,
            false => self.of_cloud()?,
        };
        let text = match self.json {
            true => serde_json::to_string(&answer)? + "\n",
            false => answer.text(),
        };
        // A cloud on standard output is alone there.
        if self.output != Path::new("-") {
            outcome::show(&text)?;
        }
        if !self.quiet {
            answer.warnings().iter().for_each(|it| outcome::warn(it));
        }
        Ok(Outcome::of(answer.report.converged))
    }
}

impl Quantize {
    fn of_cloud(&self) -> Result<QuantizeAnswer> {
        let cloud = input::read(Input {
            points: &self.input,
            weights: None,
            treatment: &self.treatment,
            moved: false,
        })?;
        let measure = match on_grid(&cloud.measure) {
            Some(_) => bail!(
                "{}: holds masses on a grid, whose cells do not move; for fewer colours of an image give --image",
                self.input.display()
            ),
            None => &cloud.measure,
        };
        self.check_output(measure.dimension())?;
        let found = self.solve(measure)?;
        if let Some(path) = &self.labels {
            let labels: Vec<f64> = found.assignment().iter().map(|i| *i as f64).collect();
            let array = Array {
                name: "labels",
                shape: vec![labels.len()],
                values: &labels,
            };
            formats::write_npy(path, &array)?;
        }
        self.write(found.measure(), cloud.names.as_deref())?;
        Ok(QuantizeAnswer::of(self.names(), &found))
    }

    fn of_image(&self) -> Result<QuantizeAnswer> {
        let is_picture = is_png(&self.output);
        match is_picture {
            true => formats::check_target(&self.output, ".png")?,
            false => self.check_output(3)?,
        }
        let palette = Palette::read(&self.input)?;
        let colours = palette
            .measure()
            .with_context(|| self.input.display().to_string())?;
        let found = self.solve(&colours)?;
        match is_picture {
            true => palette.write(&self.output, &found)?,
            false => {
                let names = ["red", "green", "blue"].map(str::to_owned);
                self.write(found.measure(), Some(&names))?;
            }
        }
        Ok(QuantizeAnswer::of(self.names(), &found))
    }

    /// Refuses a file that cannot hold points of this dimension with weights.
    fn check_output(&self, dimension: usize) -> Result<()> {
        let format = self.treatment.format;
        formats::check_cloud(&self.output, format, dimension)?;
        if !self.balanced && !formats::holds_weights(&self.output, format)? {
            bail!(
                "{}: the points have weights; write .npz, .ply or .csv, or give them one weight with --balanced",
                self.output.display()
            );
        }
        Ok(())
    }

    fn write(&self, measure: &Measure, names: Option<&[String]>) -> Result<()> {
        let format = self.treatment.format;
        let weights = formats::holds_weights(&self.output, format)?;
        let weights = weights.then_some(measure.weights());
        let attributes = Attributes {
            names,
            ..Attributes::default()
        };
        let (points, d) = (measure.points(), measure.dimension());
        formats::write_with(&self.output, format, points, d, weights, &attributes)?;
        Ok(())
    }

    fn solve(&self, measure: &Measure) -> Result<Quantizer> {
        let quantization = self.quantization();
        let sinkhorn = self.sinkhorn();
        let problem = options::named(sinkhorn.problem(measure, measure), &self.input, &self.input)?;
        let engine = match self.balanced {
            true => device::engine_for(&self.engine, &problem, TOLERANCE, self.quiet),
            false => self.engine.clone(),
        };
        let device = device::open(&engine)?;
        let fitting = Fitting::new(self.quiet);
        let k = self.k as usize;
        let found = quantization.solve_observed(&device, measure, k, |it| fitting.observe_fit(it));
        found.map_err(options::in_options)
    }

    fn quantization(&self) -> Quantization {
        let quantization = match (self.balanced, self.blur) {
            (true, _) => Quantization::balanced(self.sinkhorn()),
            (false, Some(blur)) => Quantization::soft(Regularization::Blur(blur)),
            (false, None) => Quantization::lloyd(),
        };
        let quantization = quantization.seed(self.start_seed);
        quantization.max_iterations(self.max_iterations)
    }

    fn sinkhorn(&self) -> Sinkhorn {
        let share = Regularization::RelativeBlur(SHARE);
        Sinkhorn::with(self.blur.map_or(share, Regularization::Blur)).tolerance(TOLERANCE)
    }

    /// The names of the input and the output.
    fn names(&self) -> [String; 2] {
        [&self.input, &self.output].map(|file| file.to_string_lossy().into_owned())
    }
}

/// The L1 marginal error of the solves of balanced cells.
const TOLERANCE: f64 = 1e-3;

fn is_png(path: &Path) -> bool {
    path.extension()
        .is_some_and(|it| it.eq_ignore_ascii_case("png"))
}
