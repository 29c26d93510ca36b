//! `haul study samples`: how fast distances between samples of one law fall as the number of points grows.

mod answer;
mod page;

use super::{Files, interrupted};
use crate::checkpoint::{Checkpoint, Kind};
use crate::device;
use crate::input::{Cloud, Input};
use crate::interrupt::{self, AtWork};
use crate::number::plain;
use crate::options::{self, Engine, MOST_U32, Presentation, number, whole};
use crate::ordered::{self, Ended, Tasks};
use crate::progress::Count;
use crate::task::{Delivery, Request, Task, Work};
use answer::{Loss, SamplesAnswer};
use anyhow::{Context, Result, bail};
use clap::Args;
use haul::{Device, Engine as _, SampleStudy};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use xxhash_rust::xxh3::xxh3_128;

/// What a stopped run goes on with.
const TRIALS: Kind = Kind {
    command: "study samples",
    results: "trials",
};

/// The most points of a sample whose trial has one thread beside others.
const FEW: u32 = 4096;

/// How fast distances between samples of one law fall as the number of points grows
#[derive(Debug, Args)]
#[command(
    mut_arg("precision", |it| it.help("f64 runs on the CPU [default: f64; f32 with a GPU]")),
    after_help = r#"A trial draws two samples of n points each, uniform in the unit cube of d dimensions. Both are of one law, so
that the truth is 0, and each distance between them is an error:
  W_p      the exact distance     n^(-1/d) from three dimensions on, n^(-1/2) √log n in two, n^(-1/2) in one
  √S_ε     of the blur σ          n^(-1/2), where σ spans many points; over several blurs for p = 2 as
                                  σ^(1 - d/2) from three dimensions on, √log(1/σ) in two
  √energy  of |x − y|             n^(-1/2)

A slope is the exponent of n that fits the means best. Its standard error comes from those of the means.
With -o a run that was stopped goes on when it is started again: finished trials are kept in a file
beside the table until that is written.

Keys of --json:
  command p blurs seed trials
  means        for each d, n and loss an object: d n loss blur mean standard_error
  slopes       of n, for each d and loss an object: d loss blur exponent standard_error theory
  blur_slopes  of the blur, for each d and n an object: d n exponent standard_error theory
  seconds device precision

Example:
  haul study samples --dimensions 2,3 --points 32,64,128 --trials 4"#
)]
pub(crate) struct Samples {
    /// The dimensions d
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "2,3,5", allow_negative_numbers = true, value_parser = whole::<u32, 1, 4096>)]
    dimensions: Vec<u32>,

    /// The numbers n of points of a sample, at least two of them
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "64,128,256,512,1024", allow_negative_numbers = true, value_parser = whole::<u32, 2, 1_000_000>)]
    points: Vec<u32>,

    /// Trials for each number of points and each dimension
    #[arg(long, value_name = "N", default_value_t = 16, allow_negative_numbers = true, value_parser = whole::<u32, 2, MOST_U32>)]
    trials: u32,

    /// The power p of the cost |x − y|^p, from 1 to 2
    #[arg(long, short, default_value_t = 2.0, allow_negative_numbers = true, value_parser = number)]
    p: f64,

    /// The blurs of S_ε, where the side of the cube is 1; with several of them there is a slope in the blur as well
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "0.2", allow_negative_numbers = true, value_parser = number)]
    blur: Vec<f64>,

    /// The seed that draws all samples
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    #[command(flatten)]
    engine: Engine,

    #[command(flatten)]
    files: Files,

    #[command(flatten)]
    presentation: Presentation,
}

/// The distances of a finished trial, in the order of [`Loss::all`].
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Trial {
    distances: Vec<f64>,
}

/// A trial of the study.
#[derive(Debug, Clone, Copy)]
struct Place {
    d: u32,
    n: u32,
    trial: u32,
}

impl Task for Samples {
    type Answer = SamplesAnswer;

    fn inputs(&self) -> Vec<Input<'_>> {
        Vec::new()
    }

    fn outputs(&self) -> Vec<PathBuf> {
        let report = self.presentation.report.iter().cloned();
        self.files.all().chain(report).collect()
    }

    fn quantity(&self) -> String {
        format!("slope of {}", Loss::Wasserstein.symbol(self.p))
    }

    fn check(&self) -> Result<()> {
        for (name, list) in [("dimensions", &self.dimensions), ("points", &self.points)] {
            let mut sorted = list.clone();
            sorted.sort_unstable();
            if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
                bail!("--{name} has {} twice; give each once", twice[0]);
            }
        }
        let mut blurs = self.blur.clone();
        blurs.sort_by(f64::total_cmp);
        if let Some(twice) = blurs.windows(2).find(|pair| pair[0] == pair[1]) {
            bail!("--blur has {} twice; give each once", plain(twice[0]));
        }
        if self.points.len() < 2 {
            bail!("--points has one number; a slope takes at least two");
        }
        for (d, n) in self.dimensions.iter().zip(self.points.iter().cycle()) {
            let checked = self.study().check(*n as usize, *d as usize);
            checked.map_err(options::in_options)?;
        }
        self.files.check()?;
        self.presentation.check()
    }

    fn engine(&self, _: &[Arc<Cloud>]) -> Result<Engine> {
        // What a study compares differs by few digits.
        Ok(self.engine.precise())
    }

    fn work(&self, _: &[f64]) -> Work {
        Work::between(&[])
    }

    fn answer(&self, device: &Device, _: &[Arc<Cloud>]) -> Result<SamplesAnswer> {
        let start = Instant::now();
        let places = self.places();
        let mut table = None;
        let quiet = self.presentation.quiet;
        if let Some(output) = &self.files.output {
            let keys = self.keys(&places, device);
            table = Some(super::table(output, TRIALS, keys, quiet)?);
        }
        let held = table.as_ref().map(|table| table.entries.clone());
        let mut trials: Vec<Option<Trial>> = held.unwrap_or_else(|| vec![None; places.len()]);
        self.compute(device, &places, &mut trials, &mut table)?;
        let finished: Vec<Trial> = trials.iter().flatten().cloned().collect();
        if finished.len() < places.len() {
            let counts = [finished.len(), places.len()];
            let file = table.as_ref().map(Checkpoint::path);
            return Err(interrupted(counts, "trials", file));
        }
        let trials = places.iter().zip(&finished);
        let trials = trials.map(|(place, trial)| (place.d, place.n, &trial.distances[..]));
        let answer = SamplesAnswer {
            p: self.p,
            blurs: self.blur.clone(),
            seed: self.seed,
            trials: self.trials,
            means: answer::means(&Loss::all(&self.blur), trials),
            written: self.files.written(),
            seconds: start.elapsed().as_secs_f64(),
            device: device.device().to_owned(),
            precision: device.precision(),
        };
        self.files.write(&answer.table(), || {
            page::picture(&answer)
                .context("a distance is 0, so that there is no picture; leave --image out")
        })?;
        if let Some(table) = table {
            super::served(table, quiet);
        }
        Ok(answer)
    }
}

impl Request for Samples {
    fn delivery(&self) -> Delivery<'_> {
        (&self.presentation).into()
    }
}

impl Samples {
    fn study(&self) -> SampleStudy {
        SampleStudy::new(self.p, &self.blur, self.seed)
    }

    /// Every trial, from few points to many.
    fn places(&self) -> Vec<Place> {
        let mut points = self.points.clone();
        points.sort_unstable();
        let dimensions = &self.dimensions;
        let all = points.iter().flat_map(|&n| {
            let trials = dimensions.iter().map(move |&d| (d, n));
            trials.flat_map(|(d, n)| (0..self.trials).map(move |trial| Place { d, n, trial }))
        });
        all.collect()
    }

    /// Identifies all that each trial depends on.
    fn keys(&self, places: &[Place], device: &Device) -> Vec<String> {
        let (version, study) = (env!("CARGO_PKG_VERSION"), self.study());
        let precision = device.precision();
        let key = |place: &Place| {
            let all = format!("{version} {study:?} {precision:?} {place:?}");
            format!("{:032x}", xxh3_128(all.as_bytes()))
        };
        places.iter().map(key).collect()
    }

    fn trial(&self, device: &Device, place: Place) -> Result<Trial> {
        let Place { d, n, trial } = place;
        let study = self.study();
        let found = study.trial(device, n as usize, d as usize, u64::from(trial))?;
        let mut distances = vec![found.wasserstein];
        distances.extend(&found.divergences);
        distances.push(found.energy);
        Ok(Trial { distances })
    }

    /// Computes the trials that are missing. On the CPU small ones run beside each other, one on each thread; as a job of many,
    /// and on a GPU, they run one after the other.
    fn compute(
        &self,
        device: &Device,
        places: &[Place],
        trials: &mut [Option<Trial>],
        table: &mut Option<Checkpoint<Trial>>,
    ) -> Result<()> {
        let missing: Vec<usize> = (0..places.len())
            .filter(|place| trials[*place].is_none())
            .collect();
        let cost = |place: &Place| f64::from(place.n).powi(2) * f64::from(place.d);
        let quiet = self.presentation.quiet;
        let done = (0..places.len()).filter(|place| trials[*place].is_some());
        let progress = Count::new(places.iter().map(cost), done, quiet);
        let one = Engine {
            device: "cpu".to_owned(),
            threads: Some(1),
            ..self.engine(&[])?
        };
        let _ends = AtWork::new(device.interrupt());
        let beside = matches!(device, Device::Gpu(_)) || rayon::current_thread_index().is_some();
        let tasks = Tasks {
            shared: |index: usize| {
                let place = places[missing[index]];
                if beside || place.n > FEW {
                    return Ended::TooLarge;
                }
                let trial = device::open(&one).and_then(|device| {
                    let _ends = AtWork::new(device.interrupt());
                    self.trial(&device, place)
                });
                Ended::shared(trial.map(Some))
            },
            alone: |index: usize| ordered::finished(self.trial(device, places[missing[index]])),
            stop: interrupt::requested,
        };
        let mut sink = |index: usize, trial: Result<Trial>| {
            let (place, trial) = (missing[index], trial?);
            if let Some(table) = table.as_mut() {
                table.append(place, trial.clone())?;
            }
            trials[place] = Some(trial);
            progress.one_more(place);
            Ok(ControlFlow::Continue(()))
        };
        if rayon::current_thread_index().is_none() {
            return ordered::run(0..missing.len(), tasks, sink);
        }
        // A thread of the pool that waited for others could wait for itself.
        for index in 0..missing.len() {
            let Some(trial) = (tasks.alone)(index) else {
                break;
            };
            if interrupt::requested() || sink(index, trial)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}
