//! `haul map`: moves one file onto another by the barycentric map of the plan, all the way or part of it.

use crate::answer::{Answer, Summary};
use crate::canvas::viridis;
use crate::device;
use crate::headline::Headline;
use crate::input::{self, Cloud, Input};
use crate::number::{percent, plain, short};
use crate::options::{Engine, Solving, number, whole};
use crate::outcome::Outcome;
use crate::page::sheet::Page;
use crate::pair::Pair;
use crate::picture::Matching;
use crate::progress::Course;
use crate::rows::Rows;
use crate::scale::{Scale, equal_in_words};
use crate::task::{Delivery, Request, Task, Work};
use crate::transport::{self, Displacement, Transport, centres};
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use haul::{Device, Plan};
use haul_files::{self as formats, Attributes};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Move a cloud onto another one: each point to where its mass goes on average
#[derive(Debug, Args)]
#[command(
    after_help = "T(x) = Σⱼ Pᵢⱼ yⱼ / Σⱼ Pᵢⱼ, the barycentric projection of the plan. Every point of A is moved, also with --subsample or --voxel: the potential then extends the map from the points that were solved for.\n\nFrom .ply to .ply all else is kept byte for byte: colours, normals, faces; beside it stands how far each point goes, the property displacement. With --columns or --weight-column all other columns are kept from .csv to .csv, .tsv to .tsv and .xyz to .xyz. Other files take the points in their order, and .csv and .npz the weights.\n\nExample:\n  haul map a.ply b.ply --blur 0.05 --t 0.5 -o halfway.ply"
)]
pub(crate) struct Map {
    /// The cloud that is moved
    a: PathBuf,

    /// The cloud it is moved onto
    b: PathBuf,

    /// The moved cloud: .npy .npz .ply .csv .tsv .xyz; - is standard output, where nothing else is written
    #[arg(short, long, value_name = "OUT", help_heading = "Output")]
    output: PathBuf,

    /// How far along the path the points go, from 0 to 1: x + t (T(x) − x)
    #[arg(
        long,
        value_name = "t",
        help_heading = "Output",
        default_value_t = 1.0,
        allow_negative_numbers = true,
        value_parser = number
    )]
    t: f64,

    /// Write K files OUT_000.ply, OUT_001.ply, … with t from 0 to 1 in even steps
    #[arg(long, value_name = "K", help_heading = "Output", conflicts_with = "t", allow_negative_numbers = true, value_parser = whole::<u32, 2, 99_999>)]
    frames: Option<u32>,

    /// Colour the points of a .ply, .csv or .npz by how far each of them goes, from dark violet for 0 to yellow for the
    /// farthest (the colour map viridis)
    #[arg(long, value_name = "displacement", help_heading = "Output", value_enum)]
    colour_by: Option<ColourBy>,

    /// Write how far each point goes to a .csv as well, as the column displacement; a .ply and an .npz have it anyway
    #[arg(long, help_heading = "Output")]
    displacement: bool,

    #[command(flatten)]
    solving: Solving,
}

/// What vertices are coloured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ColourBy {
    /// How far each point goes, the whole way
    Displacement,
}

impl Task for Map {
    type Answer = MapAnswer;

    fn inputs(&self) -> Vec<Input<'_>> {
        let [a, b] = Input::pair([&self.a, &self.b], &self.solving.weights);
        vec![Input { moved: true, ..a }, b]
    }

    fn outputs(&self) -> Vec<PathBuf> {
        let moved = self.steps().into_iter().map(|(path, _)| path);
        moved.chain(self.solving.outputs().cloned()).collect()
    }

    fn quantity(&self) -> String {
        transport::quantity("OT_ε", &self.solving.settings)
    }

    fn check(&self) -> Result<()> {
        let t = self.t;
        if !(0.0..=1.0).contains(&t) {
            let t = plain(t);
            bail!("--t is {t}; it must be from 0, where the cloud is, to 1, where its mass goes");
        }
        if self.output == Path::new("-") && (self.solving.json || self.frames.is_some()) {
            bail!(
                "-o - writes one cloud and nothing else; name a file, or leave --json and --frames out"
            );
        }
        self.solving.check()
    }

    fn engine(&self, clouds: &[Arc<Cloud>]) -> Result<Engine> {
        let [source, _] = input::two(clouds)?;
        let reading = self.solving.weights.treatment.reading();
        for (path, _) in self.steps() {
            formats::check_moved(&path, (&self.a, &reading), source.measure.dimension())?;
            let wanted = Attributes {
                displacement: self.displacement.then_some(&[][..]),
                colours: self.colour_by.map(|_| &[][..]),
                ..Attributes::default()
            };
            formats::check_attributes(&path, reading.format, &wanted)?;
        }
        device::engine_between(&self.solving, [&self.a, &self.b], clouds)
    }

    fn work(&self, points: &[f64]) -> Work {
        Work::between(points).iterated(self.solving.settings.sinkhorn())
    }

    fn checkpoint(&self) -> Option<(&Path, &dyn Debug)> {
        Some((self.solving.checkpoint.as_deref()?, self))
    }

    fn answer(&self, device: &Device, clouds: &[Arc<Cloud>]) -> Result<MapAnswer> {
        let [source, target] = input::two(clouds)?;
        let mut course = Course::new(&self.solving, 1);
        let observe = |progress: &_| course.observe(progress);
        let sinkhorn = self.solving.settings.sinkhorn();
        let solution =
            sinkhorn.solve_observed(device, &source.measure, &target.measure, observe)?;
        let course = course.end()?;
        let (points, d) = (source.points(), source.measure.dimension());
        let (plan, weights) = (solution.plan(), source.weights.as_deref());
        let images = match source.all {
            Some(_) => images(&plan, points, d)?,
            None => plan.map()?,
        };
        let displacement = Displacement::between(points, &images, d, weights);
        let steps = self.steps();
        let reading = self.solving.weights.treatment.reading();
        let lengths = transport::lengths(points, &images, d);
        let colours = self.colour_by.map(|_| colours(&lengths));
        for (path, t) in &steps {
            let moved = interpolated(points, &images, *t);
            let attributes = Attributes {
                displacement: self.has_displacement(path)?.then_some(&*lengths),
                colours: colours.as_ref().map(|(colours, _)| &**colours),
                names: source.names.as_deref(),
                ..Attributes::default()
            };
            let from = (&*self.a, &reading);
            formats::write_moved(path, from, &moved, d, weights, &attributes)?;
        }
        Ok(MapAnswer {
            transport: Transport {
                command: "map",
                pair: Pair::new([&self.a, &self.b], [source, target]),
                report: solution.report().clone(),
                course,
                displacement: Some(displacement),
                exact: None,
                // The picture shows the points that were solved for.
                matching: match self.solving.report {
                    Some(_) => Some(Matching::of(&solution, &source.measure, &target.measure)?),
                    None => None,
                },
                written: Vec::new(),
            },
            displacement,
            brightest: colours.map(|(_, brightest)| brightest),
            steps,
        })
    }
}

impl Request for Map {
    fn delivery(&self) -> Delivery<'_> {
        (&self.solving).into()
    }
}

/// A transport along which a cloud was moved.
pub(crate) struct MapAnswer {
    transport: Transport,
    displacement: Displacement,
    /// The displacement of the last colour, if points are coloured.
    brightest: Option<f64>,
    /// The files that were written, each with its fraction t of the path.
    steps: Vec<(PathBuf, f64)>,
}

impl Serialize for MapAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.transport.serialize(serializer)
    }
}

impl Answer for MapAnswer {
    fn headline(&self) -> Option<Headline> {
        (!self.is_printed()).then(|| self.displacement())
    }

    fn rows(&self) -> Rows {
        if self.is_printed() {
            return Rows::default();
        }
        let mut rows = Rows::default();
        if let Some(brightest) = self.brightest {
            let brightest = short(brightest);
            rows.row(
                "colours",
                format!("from dark violet, 0 far, to yellow, {brightest} far (viridis)"),
            );
        }
        let Displacement { square, centre, .. } = self.displacement;
        if let Some(hint) = centres::hint(centre, square, "the mean squared displacement") {
            rows.row("centres", hint);
        }
        rows.row("written", list(&self.steps));
        rows.append(self.transport.rows());
        rows
    }

    fn page(&self) -> Page {
        self.transport.page_under(&self.displacement())
    }

    fn summary(&self) -> Summary {
        self.transport.summary()
    }

    fn warnings(&self) -> Vec<String> {
        self.transport.warnings()
    }

    fn outcome(&self) -> Outcome {
        self.transport.outcome()
    }
}

impl MapAnswer {
    /// Whether the moved cloud went to standard output.
    fn is_printed(&self) -> bool {
        self.steps.iter().any(|(path, _)| path == Path::new("-"))
    }

    /// The displacement of the points.
    fn displacement(&self) -> Headline {
        let Displacement { mean, largest, .. } = self.displacement;
        let pair = &self.transport.pair;
        let scale = Scale::of([pair.source(), pair.target()]);
        let share = match [mean, largest].map(|length| scale.share(length)) {
            [Some(mean), Some(largest)] => format!(" ({mean} and {largest} of the diameter)"),
            _ => String::new(),
        };
        Headline {
            name: "displacement".to_owned(),
            value: short(mean),
            beside: format!(" on average, {} at most{share}", short(largest)),
            // The displacement is that at t = 1.
            sentence: match &self.steps[..] {
                [(_, part)] if *part < 1.0 => {
                    Some(format!("The points go {} of that way.", percent(*part)))
                }
                _ => equal_in_words([pair.source(), pair.target()]),
            },
        }
    }
}

impl Map {
    /// Whether the file gets displacements; if its format does not name attributes, only on request.
    fn has_displacement(&self, path: &Path) -> Result<bool> {
        let format = self.solving.weights.treatment.format;
        let asked = self.displacement || self.colour_by.is_some();
        Ok(asked || formats::names_attributes(path, format)?)
    }

    /// The files to write, each with its fraction t of the path.
    fn steps(&self) -> Vec<(PathBuf, f64)> {
        let Some(frames) = self.frames else {
            return vec![(self.output.clone(), self.t)];
        };
        let last = frames - 1;
        let digits = last.to_string().len().max(3);
        let step = |k| {
            let path = formats::numbered(&self.output, k as usize, digits);
            (path, f64::from(k) / f64::from(last.max(1)))
        };
        (0..frames).map(step).collect()
    }
}

/// Points that are moved in one call, beyond those that are solved for.
const CHUNK: usize = 1 << 18;

/// The images of these points under the map, computed in chunks to bound the memory of the device.
fn images(plan: &Plan<&Device>, points: &[f64], dimension: usize) -> Result<Vec<f64>> {
    let mut images = Vec::with_capacity(points.len());
    for chunk in points.chunks(CHUNK * dimension) {
        images.extend(plan.map_points(chunk)?);
    }
    Ok(images)
}

/// McCann's interpolation x + t (T(x) − x), exactly x at t = 0 and T(x) at t = 1.
fn interpolated<'c>(points: &'c [f64], images: &'c [f64], t: f64) -> Cow<'c, [f64]> {
    if t == 0.0 {
        return points.into();
    }
    if t == 1.0 {
        return images.into();
    }
    let between = |(x, image): (&f64, &f64)| x + t * (image - x);
    points.iter().zip(images).map(between).collect()
}

/// A colour for each length, and the length of the last colour.
fn colours(lengths: &[f64]) -> (Vec<[u8; 3]>, f64) {
    let largest = lengths.iter().copied().fold(0.0, f64::max);
    let colour = |length: &f64| {
        let share = if largest > 0.0 { length / largest } else { 0.0 };
        viridis(share).bytes()
    };
    (lengths.iter().map(colour).collect(), largest)
}

/// A short list of the files that were written.
fn list(steps: &[(PathBuf, f64)]) -> String {
    match steps {
        [(first, _), .., (last, _)] => format!("{} … {}", first.display(), last.display()),
        _ => steps
            .iter()
            .map(|(path, _)| path.display().to_string())
            .collect(),
    }
}
