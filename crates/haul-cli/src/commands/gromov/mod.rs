//! `haul gromov`: a coupling of two clouds that keeps distances, wherever the clouds are and whatever their dimensions.

mod answer;
mod colours;
mod page;

use crate::input::{self, Cloud, Input};
use crate::interrupt::{self, AtWork};
use crate::number::plain;
use crate::options::{self, Engine, Presentation, Weights, number, whole};
use crate::pair::Pair;
use crate::picture::Matching;
use crate::progress::Fitting;
use crate::spaces::{Found, Kind, Metric, Spaces};
use crate::task::{Delivery, Request, Task, Work};
use answer::GromovAnswer;
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use haul::{Device, Engine as _, GromovStart, Stop};
use haul_files::{self as formats, Attributes};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

/// Match two shapes by the distances within each of them, wherever they lie
#[derive(Debug, Args)]
#[command(
    mut_arg("precision", |it| it.help("f64 runs on the CPU [default: f64; f32 with a GPU]")),
    after_help = "GW_ε = min Σ (Dᵢₖ − D'ⱼₗ)² Pᵢⱼ Pₖₗ + ε KL(P | a⊗b) over all plans P, with the matrices D and D' of squared distances within A and within B, or of what --metric says. The clouds may have different dimensions, and weights are scaled to a sum of 1. The distortion is the sum without ε KL. The result is the best of several starts; that no other plan is better is not proved. The lower bound compares eccentricities, and no plan is below it.\n\n--features names columns or properties of both files, such as red,green,blue. The objective is then α times the sum above plus (1 − α) Σ Pᵢⱼ |uᵢ − vⱼ|², with the α of --fused.\n\nKeys of --json:\n  command a b n m metric neighbors epsilon alpha rho mass value distortion feature_cost kl\n  objective product_objective lower_bound stationarity tolerance converged rise\n  marginal_error starts steps course softmin_passes pairs seconds device\n  precision\n\nExample:\n  haul gromov a.ply b.ply -o matched.ply"
)]
pub(crate) struct Gromov {
    /// The first cloud
    a: PathBuf,

    /// The second cloud
    b: PathBuf,

    #[command(flatten)]
    weights: Weights,

    /// What is kept between the points of a cloud
    #[arg(long, value_enum, default_value_t = Metric::Squared)]
    metric: Metric,

    /// The nearest points that each point of a cloud is joined with for --metric geodesic, also where a mesh has faces
    /// [default: the edges of the faces; 10 without faces]
    #[arg(long, value_name = "K", allow_negative_numbers = true, value_parser = whole::<u32, 1, { options::MOST_U32 }>)]
    neighbors: Option<u32>,

    /// ε as a share of the objective of the product plan a⊗b
    #[arg(long, value_name = "S", default_value_t = 0.01, allow_negative_numbers = true, value_parser = number)]
    relative: f64,

    /// ε itself, in units of squared entries of D
    #[arg(long, value_name = "E", conflicts_with = "relative", allow_negative_numbers = true, value_parser = number)]
    epsilon: Option<f64>,

    /// The share α of distances beside features, above 0 and at most 1
    #[arg(long, value_name = "α", requires = "features", allow_negative_numbers = true, value_parser = number)]
    fused: Option<f64>,

    /// Leave points without partners unmatched: for a --metric whose distances are stored, mass may be left out at the price
    /// R², in the unit of the distances
    #[arg(long, value_name = "R", conflicts_with = "fused", allow_negative_numbers = true, value_parser = number)]
    reach: Option<f64>,

    /// Columns of both files that matched points should share
    #[arg(
        long,
        value_name = "COLUMNS",
        requires = "fused",
        value_delimiter = ','
    )]
    features: Vec<String>,

    /// Where the search starts
    #[arg(long, value_enum, default_value_t = Start::Best)]
    start: Start,

    /// The change of the plan's moments in a step at which the search ends, relative to the covariances
    #[arg(long, value_name = "T", default_value_t = 1e-4, allow_negative_numbers = true, value_parser = number)]
    tolerance: f64,

    /// The most steps on all points
    #[arg(long, value_name = "N", default_value_t = 500, allow_negative_numbers = true, value_parser = whole::<u32, 1, { options::MOST_U32 }>)]
    max_steps: u32,

    #[command(flatten)]
    engine: Engine,

    /// Write the second cloud with the colours of the first one to a .ply, .csv or .npz; a first cloud without red, green and
    /// blue gets colours by its coordinates
    #[arg(short, long, value_name = "MATCHED", help_heading = "Output")]
    output: Option<PathBuf>,

    #[command(flatten)]
    presentation: Presentation,
}

/// Where the search starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Start {
    /// The best of those below, of principal axes and, in up to three dimensions, of rotations
    Best,
    /// The product plan
    Product,
    /// The order of eccentricities
    Eccentricities,
}

impl Task for Gromov {
    type Answer = GromovAnswer;

    fn inputs(&self) -> Vec<Input<'_>> {
        let inputs = Input::pair([&self.a, &self.b], &self.weights);
        inputs
            .map(|input| Input {
                moved: true,
                ..input
            })
            .into()
    }

    fn outputs(&self) -> Vec<PathBuf> {
        let written = self.output.iter().chain(&self.presentation.report);
        written.cloned().collect()
    }

    fn quantity(&self) -> String {
        let metric = self.metric.name();
        match self.fused {
            Some(alpha) => format!(
                "Gromov–Wasserstein distortion ({metric}), α = {}",
                plain(alpha)
            ),
            None => format!("Gromov–Wasserstein distortion ({metric})"),
        }
    }

    fn check(&self) -> Result<()> {
        self.kind().check()?;
        if self.metric == Metric::Given && self.output.is_some() {
            bail!(
                "--output writes the points of the second cloud, and a matrix of distances has none; leave it out"
            );
        }
        self.presentation.check()
    }

    fn engine(&self, clouds: &[Arc<Cloud>]) -> Result<Engine> {
        let clouds = input::two(clouds)?;
        if self.needs_all_points() && clouds.iter().any(|cloud| cloud.all.is_some()) {
            bail!(
                "--output and --features are of all points; thin the files with haul thin, and leave --subsample and --voxel out"
            );
        }
        if let Some(path) = &self.output {
            let reading = self.weights.treatment.reading();
            let d = clouds[1].measure.dimension();
            formats::check_moved(path, (&self.b, &reading), d)?;
            let wanted = Attributes {
                colours: Some(&[]),
                ..Attributes::default()
            };
            formats::check_attributes(path, reading.format, &wanted)?;
        }
        // Stored matrices take long to make, and are checked where they are.
        if !self.metric.is_stored() {
            let spaces = self.spaces(clouds)?;
            options::named(spaces.check(&self.settings()), &self.a, &self.b)?;
        }
        Ok(self.metric.engine(&self.engine))
    }

    fn work(&self, points: &[f64]) -> Work {
        Work::between(points)
    }

    fn answer(&self, device: &Device, clouds: &[Arc<Cloud>]) -> Result<GromovAnswer> {
        let clouds = input::two(clouds)?;
        let spaces = self.spaces(clouds)?;
        options::named(spaces.check(&self.settings()), &self.a, &self.b)?;
        // A run of many jobs solves an unfinished one again; alone, the plan so far is the answer.
        let stop = match interrupt::answer_with_what_is_there() {
            true => Stop::Abandon,
            false => Stop::Certify,
        };
        let _ends = AtWork::new(device.interrupt());
        let line = Fitting::new(self.presentation.quiet);
        let found = spaces.solve(&self.settings(), device, |progress| {
            line.observe_gromov(progress);
            match interrupt::requested() {
                true => ControlFlow::Break(stop),
                false => ControlFlow::Continue(()),
            }
        })?;
        drop(line);
        if let Some(path) = &self.output {
            let colours = colours::of(&self.a, clouds[0], &self.weights.treatment.reading())?;
            let carried = colours::bytes(&found.images_back(&colours)?);
            let attributes = Attributes {
                colours: Some(&carried),
                names: clouds[1].names.as_deref(),
                ..Attributes::default()
            };
            let reading = self.weights.treatment.reading();
            let (measure, weights) = (&clouds[1].measure, clouds[1].weights.as_deref());
            let from = (&*self.b, &reading);
            let (points, d) = (measure.points(), measure.dimension());
            formats::write_moved(path, from, points, d, weights, &attributes)?;
        }
        let [a, b] = clouds.map(|cloud| &cloud.measure);
        Ok(GromovAnswer {
            pair: Pair::new([&self.a, &self.b], clouds),
            report: found.report().clone(),
            kind: self.kind(),
            matching: match (&self.presentation.report, &found) {
                (Some(_), _) if a.dimension() != b.dimension() || self.metric == Metric::Given => {
                    None
                }
                (Some(_), Found::Coordinates(solution)) => {
                    Some(Matching::of_coupling(&solution.plan(), a, b)?)
                }
                (Some(_), Found::Stored(coupling)) => Some(Matching::of_coupling(coupling, a, b)?),
                (None, _) => None,
            },
            written: self.output.clone(),
        })
    }
}

impl Request for Gromov {
    fn delivery(&self) -> Delivery<'_> {
        (&self.presentation).into()
    }
}

impl Gromov {
    fn needs_all_points(&self) -> bool {
        self.output.is_some() || !self.features.is_empty()
    }

    fn settings(&self) -> haul::Gromov {
        let settings = match self.epsilon {
            Some(epsilon) => haul::Gromov::epsilon(epsilon),
            None => haul::Gromov::relative(self.relative),
        };
        let start = match self.start {
            Start::Best => GromovStart::Best,
            Start::Product => GromovStart::Product,
            Start::Eccentricities => GromovStart::Eccentricities,
        };
        settings
            .fused(self.fused.unwrap_or(1.0))
            .reach(self.reach.unwrap_or(f64::INFINITY))
            .tolerance(self.tolerance)
            .max_steps(self.max_steps as usize)
            .start(start)
    }

    fn kind(&self) -> Kind {
        Kind {
            metric: self.metric,
            neighbors: self.neighbors,
        }
    }

    /// Both clouds as spaces, with their features if there are any.
    fn spaces(&self, clouds: [&Arc<Cloud>; 2]) -> Result<Spaces> {
        let (files, reading) = ([&*self.a, &*self.b], self.weights.treatment.reading());
        let kind = self.kind();
        let [a, b] = files.map(|file| kind.faces(file, &reading));
        let spaces = kind.spaces(files, clouds.map(|cloud| &**cloud), &[a?, b?])?;
        if self.features.is_empty() {
            return Ok(spaces);
        }
        let columns = colours::columns(&reading, &self.features);
        let [u, v] = files.map(|file| formats::read_as(file, &columns));
        let (u, v) = (u?, v?);
        let features = [(&*u.points, u.dimension), (&*v.points, v.dimension)];
        options::named(spaces.with_features(features), &self.a, &self.b)
    }
}
