//! The comparisons of a run: the same problem for all pairs.

use super::arguments::Pairwise;
use super::comparison::{Between, Comparison};
use super::entry::Entry;
use super::library::Library;
use super::loss::Loss;
use crate::input::{self, Digest, Input};
use crate::machine::Machine;
use crate::number::{plain, short};
use crate::options::{self, Engine, Precision, Settings, Treatment};
use crate::spaces::{self, Faces, Kind};
use crate::task::Task;
use crate::{cautions, coordinates, device, outcome};
use anyhow::{Result, bail};
use haul::{Extent, Measure};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_128;

/// The most clouds whose spacing is measured.
const SOME: usize = 16;

/// The lines of a sliced distance by default.
pub(super) const DIRECTIONS: usize = 100;

/// ε of a Gromov–Wasserstein plan by default, as a share of the objective of the product plan.
const RELATIVE: f64 = 0.01;

/// What every entry depends on.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) clouds: Vec<Cloud>,
    pub(super) loss: Loss,
    /// Includes an ε if the loss has one.
    pub(super) settings: Settings,
    treatment: Treatment,
    engine: Engine,
    /// The number of lines of a sliced distance.
    directions: usize,
    /// The ε of a Gromov–Wasserstein plan, relative to the objective of the product plan.
    relative: f64,
    /// What such a plan keeps.
    kind: Kind,
    /// The documents, if they are compared.
    pub(super) library: Option<Library>,
}

/// What is known of a cloud without its points.
#[derive(Debug)]
pub(super) struct Cloud {
    /// `FILE:N` for a document, whose words are its points.
    pub(super) file: PathBuf,
    pub(super) points: usize,
    pub(super) mass: f64,
    /// Two corners of its bounding box.
    pub(super) corners: [Vec<f64>; 2],
    /// Of its content, and of its faces where they are compared.
    pub(super) digest: Digest,
    /// The names of its coordinates.
    pub(super) names: Option<Vec<String>>,
}

impl Plan {
    /// Reads all clouds once and fixes the common settings of all pairs: ε, if it is not given, from the bounding box
    /// of all clouds, and the precision from that ε.
    ///
    /// # Errors
    ///
    /// Clouds that cannot be read or have different dimensions, and settings that are invalid for every pair.
    pub(super) fn of(arguments: &Pairwise, machine: &Machine) -> Result<Self> {
        let Pairwise {
            files,
            loss,
            settings,
            treatment,
            engine,
            quiet,
            ..
        } = arguments;
        if let Some(vectors) = &arguments.vectors {
            let lexicon = (&**vectors, arguments.words.as_deref());
            let p = settings.p.unwrap_or(loss.usual_power());
            let (library, clouds) = Library::read(files, lexicon, p)?;
            arguments.check_count(clouds.len())?;
            return Ok(Self {
                clouds,
                loss: *loss,
                settings: settings.clone(),
                treatment: treatment.clone(),
                engine: engine.clone(),
                directions: DIRECTIONS,
                relative: RELATIVE,
                kind: arguments.kind(),
                library: Some(library),
            });
        }
        let files = &input::clouds_of(files, treatment)?;
        arguments.check_count(files.len())?;
        let read = |file: &PathBuf| {
            machine.store.get(Input {
                points: file,
                weights: None,
                treatment,
                moved: false,
            })
        };
        let (kind, reading) = (arguments.kind(), treatment.reading());
        let cloud = |file: &PathBuf| {
            let faces = match loss {
                Loss::Gromov => kind.faces(file, &reading)?,
                _ => Faces::new(),
            };
            Ok(Cloud::of(file, &*read(file)?, &faces))
        };
        let mut plan = Self {
            clouds: files.iter().map(cloud).collect::<Result<_>>()?,
            loss: *loss,
            settings: settings.clone(),
            treatment: treatment.clone(),
            engine: Engine {
                threads: None,
                ..engine.clone()
            },
            directions: arguments.directions.unwrap_or(DIRECTIONS),
            relative: arguments.relative.unwrap_or(RELATIVE),
            kind,
            library: None,
        };
        if *loss != Loss::Gromov {
            let named = plan.clouds.iter();
            let named = named.map(|cloud| (&*cloud.file, cloud.names.as_deref()));
            plan.check_dimensions()?;
            if let Some(warning) = coordinates::compared(named)?.filter(|_| !quiet) {
                outcome::warn(&warning);
            }
        }
        if loss.is_regularized() {
            let all = plan.corners()?;
            let sinkhorn = settings.sinkhorn();
            let problem = options::named(sinkhorn.problem(&all, &all), &files[0], &files[0])?;
            plan.engine = device::engine_for(&plan.engine, &problem, settings.tolerance, *quiet);
            plan.settings.blur = None;
            plan.settings.epsilon = Some(problem.epsilon());
            if !quiet {
                let some: Vec<_> = files.iter().take(SOME).map(read).collect::<Result<_>>()?;
                let measures = some.iter().map(|cloud| &cloud.measure);
                let doubtful = files.iter().zip(measures.clone());
                let doubtful = doubtful.filter_map(|(file, it)| cautions::doubtful(file, it));
                let fine = cautions::too_fine(problem.blur(), measures);
                for caution in fine.into_iter().chain(doubtful) {
                    outcome::warn(&caution);
                }
            }
        }
        // Masses and parameters that are valid for the first cloud and each other one are valid for all pairs.
        for other in 1..plan.clouds.len() {
            machine.ready(&*plan.comparison((0, other)))?;
        }
        Ok(plan)
    }

    /// The pairs (i, j) in the order in which they are compared: first each cloud with itself, if the loss needs
    /// that, then i < j.
    pub(super) fn pairs(&self) -> Vec<(usize, usize)> {
        let n = self.clouds.len();
        let own = if self.loss.is_regularized() { n } else { 0 };
        let others = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
        (0..own).map(|i| (i, i)).chain(others).collect()
    }

    /// Relative cost of a pair: its pairs of points.
    pub(super) fn weight(&self, (i, j): (usize, usize)) -> f64 {
        self.clouds[i].points as f64 * self.clouds[j].points as f64
    }

    /// The names of the files.
    pub(super) fn names(&self) -> Vec<Cow<'_, str>> {
        let names = self.clouds.iter().map(|cloud| cloud.file.to_string_lossy());
        names.collect()
    }

    /// Identifies all that the comparison of a pair depends on: the contents of both clouds, the settings, and the
    /// program.
    pub(super) fn key(&self, pair: (usize, usize)) -> String {
        let (i, j) = self.ordered(pair);
        let contents = [i, j].map(|cloud| self.clouds[cloud].digest);
        let (loss, settings, engine) = (&self.loss, &self.settings, &self.engine);
        let version = env!("CARGO_PKG_VERSION");
        let mut all = format!("{version} {loss:?} {settings:?} {engine:?} {contents:?}");
        match loss {
            Loss::Sliced => all += &format!(" {}", self.directions),
            Loss::Gromov => all += &format!(" {} {:?}", self.relative, self.kind),
            _ => {}
        }
        format!("{:032x}", xxh3_128(all.as_bytes()))
    }

    /// A pair in the order in which it is compared, which depends on the contents: the order of the files changes no
    /// digit of the matrix.
    pub(super) fn ordered(&self, (i, j): (usize, usize)) -> (usize, usize) {
        match self.clouds[i].digest <= self.clouds[j].digest {
            true => (i, j),
            false => (j, i),
        }
    }

    /// The power of the cost.
    pub(super) fn p(&self) -> f64 {
        self.settings.p.unwrap_or(self.loss.usual_power())
    }

    /// Whether two clouds have the same content.
    pub(super) fn equal(&self, i: usize, j: usize) -> bool {
        self.clouds[i].digest == self.clouds[j].digest
    }

    /// Options that narrow the bounds of an entry.
    pub(super) fn remedy(&self) -> &'static str {
        let f32 = self.engine.precision != Some(Precision::F64);
        match (self.loss, f32) {
            (Loss::Sliced | Loss::Wmd | Loss::Gromov, _)
            | (Loss::Energy, false)
            | (Loss::Exact, false) => "",
            (Loss::Energy | Loss::Exact, true) => "; --precision f64 narrows them",
            (_, true) => "; a smaller --tolerance or --precision f64 narrows them",
            (_, false) => "; a smaller --tolerance narrows them",
        }
    }

    /// Whether all mass is moved.
    fn is_balanced(&self) -> bool {
        let Settings {
            reach,
            rho,
            rho_a,
            rho_b,
            ..
        } = self.settings;
        let penalties = [reach, rho, rho_a, rho_b];
        penalties.iter().flatten().all(|rho| rho.is_infinite())
    }

    /// Whether an entry is a distance, in words.
    pub(super) fn meaning(&self) -> String {
        self.loss.meaning(self.p(), self.is_balanced())
    }

    /// The distance between two clouds from the entry between them, if it has one.
    pub(super) fn distance(&self, (i, _): (usize, usize), value: f64) -> Option<f64> {
        let mass = self.clouds[i].mass;
        self.loss
            .distance(value, self.p(), mass, self.is_balanced())
    }

    /// What an entry is, with all parameters.
    pub(super) fn problem(&self) -> String {
        let p = self.p();
        let (name, cost) = (self.loss.symbol(), format!("the cost |x − y|^{}", plain(p)));
        match self.settings.epsilon {
            Some(epsilon) => {
                let blur = short(epsilon.powf(1.0 / p));
                format!("{name} with blur {blur}, ε = {} for {cost}", short(epsilon))
            }
            None if self.loss == Loss::Sliced => {
                format!("{name} over {} lines for {cost}", self.directions)
            }
            None if self.loss == Loss::Gromov => format!(
                "{name} of {} at ε = {} of the product plan's objective",
                self.kind.metric.plural(),
                short(self.relative)
            ),
            None => format!("{name} for {cost}"),
        }
    }

    /// The comparison of two clouds.
    pub(super) fn comparison(
        &self,
        pair: (usize, usize),
    ) -> Box<dyn Task<Answer = Entry> + Sync + '_> {
        let (i, j) = self.ordered(pair);
        let between = match (&self.library, self.loss) {
            (Some(library), _) => return Box::new(library.comparison([i, j])),
            (None, Loss::Energy) => Between::Energy(haul::Energy::new().p(self.p())),
            (None, Loss::Exact | Loss::Wmd) => Between::Exact(haul::Exact::default().p(self.p())),
            (None, Loss::Sliced) => {
                let sliced = haul::Sliced::default().p(self.p());
                Between::Sliced(sliced.directions(self.directions))
            }
            (None, Loss::Gromov) => {
                Between::Gromov(haul::Gromov::relative(self.relative), self.kind)
            }
            (None, Loss::Divergence | Loss::Sinkhorn) => Between::Transport {
                sinkhorn: self.settings.sinkhorn(),
                tolerance: self.settings.tolerance,
            },
        };
        Box::new(Comparison {
            files: [i, j].map(|cloud| &*self.clouds[cloud].file),
            digests: [i, j].map(|cloud| self.clouds[cloud].digest),
            treatment: &self.treatment,
            engine: &self.engine,
            between,
        })
    }

    /// Refuses clouds of different dimensions.
    fn check_dimensions(&self) -> Result<()> {
        let dimension = |cloud: &Cloud| cloud.corners[0].len();
        let d = self.clouds.first().map_or(0, dimension);
        if let Some(other) = self.clouds.iter().find(|cloud| dimension(cloud) != d) {
            bail!(
                "{} has dimension {d}, {} has {}; bring all clouds into one space",
                self.clouds[0].file.display(),
                other.file.display(),
                dimension(other)
            );
        }
        Ok(())
    }

    /// The corners of the bounding boxes of all clouds; their bounding box is that of all points.
    fn corners(&self) -> Result<Measure> {
        let d = self
            .clouds
            .first()
            .map_or(0, |cloud| cloud.corners[0].len());
        let corners = self.clouds.iter().flat_map(|cloud| &cloud.corners);
        let points: Vec<f64> = corners.flatten().copied().collect();
        Ok(Measure::uniform(&points, d)?)
    }
}

impl Cloud {
    fn of(file: &Path, cloud: &input::Cloud, faces: &Faces) -> Self {
        let measure = &cloud.measure;
        let Extent { low, high, .. } = Extent::of(measure);
        Self {
            file: file.to_owned(),
            points: measure.len(),
            mass: measure.mass(),
            corners: [low, high],
            digest: spaces::digest(cloud, faces),
            names: cloud.names.clone(),
        }
    }
}
