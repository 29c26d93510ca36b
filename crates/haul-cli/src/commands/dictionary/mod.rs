//! `haul dictionary`: few histograms whose mixtures are near many.

mod answer;
mod arguments;
mod checkpoint;
mod data;
mod fit;
mod json;
mod output;
mod page;

pub(crate) use arguments::Dictionary;

use crate::device;
use crate::input::{Cloud, Input};
use crate::number::plain;
use crate::options::{self, Engine};
use crate::task::{Delivery, Request, Task, Work};
use answer::DictionaryAnswer;
use anyhow::{Result, bail};
use arguments::Mixture;
use checkpoint::Checkpoint;
use data::Data;
use haul::{CoordinatesLoss, Device, Regularization, Sinkhorn};
use haul_files as formats;
use output::Folder;
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl Task for Dictionary {
    type Answer = DictionaryAnswer;

    /// None: histograms share their points, and are read together.
    fn inputs(&self) -> Vec<Input<'_>> {
        Vec::new()
    }

    fn other_files(&self) -> Vec<&Path> {
        // A folder that cannot be read is refused when the data are.
        let data = || data::files(&self.data).unwrap_or_default();
        let data = self.files.get_or_init(data).iter();
        let files = data.chain(&self.vectors).chain(&self.words);
        files.map(|file| formats::file_of(file)).collect()
    }

    fn outputs(&self) -> Vec<PathBuf> {
        let folder = Folder::new(&self.output);
        let files = folder.files(self.words.is_some());
        files
            .into_iter()
            .chain(self.presentation.report.clone())
            .collect()
    }

    fn quantity(&self) -> String {
        format!("objective of a {} dictionary", self.mixture.name())
    }

    fn check(&self) -> Result<()> {
        let linear = self.mixture == Mixture::Linear;
        let of_others = [
            ("--kind", "linear", !linear && self.kind.is_some()),
            ("--minibatch", "linear", !linear && self.minibatch.is_some()),
            ("--bounded", "linear", !linear && self.bounded),
            ("--resume", "linear", !linear && self.resume),
            ("--loss", "barycentric", linear && self.loss.is_some()),
            (
                "--iterations",
                "barycentric",
                linear && self.iterations.is_some(),
            ),
        ];
        for (option, mixture, wrong) in of_others {
            if wrong {
                bail!("{option} is of --mixture {mixture}; leave it out");
            }
        }
        if self.checkpoint.is_nan() || self.checkpoint < 0.0 {
            bail!(
                "--checkpoint is {}; it must be at least 0",
                plain(self.checkpoint)
            );
        }
        if self.data.contains(&self.output) {
            bail!(
                "{} is read and written; give the output another name",
                self.output.display()
            );
        }
        Folder::new(&self.output).check()?;
        self.presentation.check()
    }

    fn engine(&self, _: &[Arc<Cloud>]) -> Result<Engine> {
        let data = self.loaded()?;
        let found = data.histograms.len();
        if self.atoms > found {
            bail!(
                "--atoms is {}, and there are {found} histograms; take fewer atoms",
                self.atoms
            );
        }
        let sinkhorn = self.sinkhorn(&data);
        let problem = sinkhorn.problem(&data.support, &data.support);
        let problem = problem.map_err(options::in_options)?;
        let quiet = self.presentation.quiet;
        Ok(device::engine_for(
            &self.engine,
            &problem,
            fit::ACCURACY,
            quiet,
        ))
    }

    fn work(&self, _: &[f64]) -> Work {
        Work::between(&[])
    }

    fn answer(&self, device: &Device, _: &[Arc<Cloud>]) -> Result<DictionaryAnswer> {
        let data = self.loaded()?;
        let folder = Folder::new(&self.output);
        folder.make()?;
        let learned = match self.mixture {
            Mixture::Linear => {
                let checkpoint = Checkpoint::new(folder.state(), self.checkpoint);
                fit::linear(self, device, &data, checkpoint)?
            }
            Mixture::Barycentric => fit::barycentric(self, device, &data)?,
        };
        let answer = DictionaryAnswer {
            data: self
                .data
                .iter()
                .map(|file| file.to_string_lossy().into_owned())
                .collect(),
            output: self.output.clone(),
            learned,
            histograms: data,
            invert: self.treatment.invert,
        };
        folder.write(&answer)?;
        Ok(answer)
    }
}

impl Request for Dictionary {
    fn delivery(&self) -> Delivery<'_> {
        (&self.presentation).into()
    }
}

impl Dictionary {
    /// The data, read once.
    fn loaded(&self) -> Result<Arc<Data>> {
        match self.read.get() {
            Some(data) => Ok(data.clone()),
            None => {
                let data = Arc::new(Data::read(self)?);
                Ok(self.read.get_or_init(|| data).clone())
            }
        }
    }

    fn regularization(&self, data: &Data) -> Regularization {
        match self.smoothing.is_given() {
            true => self.smoothing.on(&data.support),
            false => data.regularization(self.smoothing.power()),
        }
    }

    /// A solve with these settings.
    fn sinkhorn(&self, data: &Data) -> Sinkhorn {
        Sinkhorn::with(self.regularization(data))
            .p(self.smoothing.power())
            .tolerance(fit::ACCURACY)
    }

    fn loss(&self) -> CoordinatesLoss {
        self.loss.map_or(CoordinatesLoss::default(), Into::into)
    }
}
