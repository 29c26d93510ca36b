//! A study of samples as an answer.

use super::page;
use crate::answer::{Answer, Summary};
use crate::headline::Headline;
use crate::number::{duration, plain, short, significant, whole, within};
use crate::outcome::Outcome;
use crate::page::sheet::Page;
use crate::rows::Rows;
use haul::{PowerLaw, Precision, SampleStudy};
use serde::{Serialize, Serializer};
use std::fmt::Write;
use std::path::PathBuf;

/// A distance between two samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Loss {
    Wasserstein,
    Divergence,
    Energy,
}

impl Loss {
    pub(super) const ALL: [Self; 3] = [Self::Wasserstein, Self::Divergence, Self::Energy];

    pub(super) fn symbol(self, p: f64) -> String {
        match self {
            Self::Wasserstein => format!("W_{}", plain(p)),
            Self::Divergence => "√S_ε".to_owned(),
            Self::Energy => "√energy".to_owned(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Wasserstein => "wasserstein",
            Self::Divergence => "divergence",
            Self::Energy => "energy",
        }
    }

    /// The exponent of n that theory has.
    pub(super) fn theory(self, d: u32) -> f64 {
        match self {
            Self::Wasserstein => SampleStudy::wasserstein_exponent(d as usize),
            _ => -0.5,
        }
    }

    /// The law of theory, in symbols.
    pub(super) fn law(self, d: u32) -> String {
        match (self, d) {
            (Self::Wasserstein, 2) => "n^(-1/2) √log n".to_owned(),
            (Self::Wasserstein, 3..) => format!("n^(-1/{d})"),
            _ => "n^(-1/2)".to_owned(),
        }
    }
}

/// The mean of a distance over the trials.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Mean {
    pub(super) d: u32,
    pub(super) n: u32,
    pub(super) loss: Loss,
    pub(super) mean: f64,
    /// Of the mean, from the scatter of the trials.
    pub(super) standard_error: f64,
}

/// The power of n by which the means of a distance fall.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slope {
    pub(super) d: u32,
    pub(super) loss: Loss,
    pub(super) law: PowerLaw,
}

/// The means of all distances for each d and n, from trials (d, n, distances).
pub(super) fn means(trials: impl Iterator<Item = (u32, u32, [f64; 3])>) -> Vec<Mean> {
    let mut all: Vec<_> = trials.collect();
    all.sort_by_key(|&(d, n, _)| (d, n));
    let cells = all.chunk_by(|one, next| (one.0, one.1) == (next.0, next.1));
    let mut means = Vec::new();
    for cell in cells {
        let Some(&(d, n, _)) = cell.first() else {
            continue;
        };
        for (place, loss) in Loss::ALL.into_iter().enumerate() {
            let values = || cell.iter().map(|trial| trial.2[place]);
            let count = cell.len() as f64;
            let mean = values().sum::<f64>() / count;
            let squares: f64 = values().map(|value| (value - mean).powi(2)).sum();
            let standard_error = (squares / (count - 1.0) / count).sqrt();
            means.push(Mean {
                d,
                n,
                loss,
                mean,
                standard_error,
            });
        }
    }
    means
}

/// The means of all trials.
pub(crate) struct SamplesAnswer {
    pub(super) p: f64,
    pub(super) blur: f64,
    pub(super) seed: u64,
    pub(super) trials: u32,
    /// By d, then n, then loss.
    pub(super) means: Vec<Mean>,
    pub(super) written: Vec<PathBuf>,
    pub(super) seconds: f64,
    pub(super) device: String,
    pub(super) precision: Precision,
}

/// The JSON object.
#[derive(Serialize)]
struct Keys<'r> {
    command: &'r str,
    p: serde_json::Value,
    blur: f64,
    seed: u64,
    trials: u32,
    means: &'r [Mean],
    slopes: Vec<SlopeKeys>,
    seconds: f64,
    device: &'r str,
    precision: &'r str,
}

#[derive(Serialize)]
struct SlopeKeys {
    d: u32,
    loss: Loss,
    exponent: f64,
    standard_error: f64,
    theory: f64,
}

impl Serialize for SamplesAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let slopes = self
            .slopes()
            .into_iter()
            .map(|Slope { d, loss, law }| SlopeKeys {
                d,
                loss,
                exponent: law.exponent,
                standard_error: law.standard_error,
                theory: loss.theory(d),
            });
        let keys = Keys {
            command: "study samples",
            p: whole(self.p),
            blur: self.blur,
            seed: self.seed,
            trials: self.trials,
            means: &self.means,
            slopes: slopes.collect(),
            seconds: self.seconds,
            device: &self.device,
            precision: self.precision.name(),
        };
        keys.serialize(serializer)
    }
}

impl SamplesAnswer {
    /// The dimensions, from low to high.
    pub(super) fn dimensions(&self) -> Vec<u32> {
        let mut all: Vec<_> = self.means.iter().map(|mean| mean.d).collect();
        all.dedup();
        all
    }

    /// The means of a distance in a dimension, over the number of points.
    pub(super) fn of(&self, d: u32, loss: Loss) -> impl Iterator<Item = &Mean> {
        let means = self.means.iter();
        means.filter(move |mean| mean.d == d && mean.loss == loss)
    }

    /// The slopes, for each dimension and distance; without those of distances that are 0.
    pub(super) fn slopes(&self) -> Vec<Slope> {
        let all = self.dimensions().into_iter();
        let all = all.flat_map(|d| Loss::ALL.map(|loss| (d, loss)));
        let slope = |(d, loss)| {
            let means = self.of(d, loss);
            let means: Vec<_> = means
                .map(|mean| (f64::from(mean.n), mean.mean, mean.standard_error))
                .collect();
            let law = PowerLaw::fit(&means)?;
            Some(Slope { d, loss, law })
        };
        all.filter_map(slope).collect()
    }

    /// The file of `-o`.
    pub(super) fn table(&self) -> String {
        let mut text = "d,n,loss,mean,standard_error,trials\n".to_owned();
        for Mean {
            d,
            n,
            loss,
            mean,
            standard_error,
        } in &self.means
        {
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{d},{n},{},{mean},{standard_error},{}",
                loss.name(),
                self.trials
            );
        }
        text
    }
}

impl Slope {
    /// The exponent and its standard error: `-0.334 ± 0.004`.
    pub(super) fn told(&self) -> String {
        let PowerLaw {
            exponent,
            standard_error,
            ..
        } = self.law;
        format!(
            "{} ± {}",
            within(exponent, standard_error),
            significant(standard_error, 1)
        )
    }
}

impl Answer for SamplesAnswer {
    fn headline(&self) -> Option<Headline> {
        None
    }

    fn rows(&self) -> Rows {
        let mut rows = Rows::default();
        let symbols = Loss::ALL.map(|loss| loss.symbol(self.p));
        let columns = |words: [String; 3]| words.map(|word| format!("{word:<20}")).concat();
        for d in self.dimensions() {
            rows.heading(format!("d = {d}"));
            rows.below("points", columns(symbols.clone()).trim_end());
            let counts = self.of(d, Loss::Wasserstein).map(|mean| mean.n);
            for n in counts {
                let values = Loss::ALL.map(|loss| {
                    let mut mean = self.of(d, loss).filter(|mean| mean.n == n);
                    let told = mean.next().map(|it| within(it.mean, it.standard_error));
                    told.unwrap_or_default()
                });
                rows.below(&n.to_string(), columns(values).trim_end());
            }
            let slopes = self.slopes();
            let told = Loss::ALL.map(|loss| {
                let mut slope = slopes.iter().filter(|it| (it.d, it.loss) == (d, loss));
                slope.next().map(Slope::told).unwrap_or_default()
            });
            rows.below("slope", columns(told).trim_end());
            let laws = Loss::ALL.map(|loss| loss.law(d));
            rows.below("theory", columns(laws).trim_end());
        }
        rows.row(
            "samples",
            format!(
                "pairs of the uniform law on the cube, {} trials each; blur {}",
                self.trials,
                short(self.blur)
            ),
        );
        for path in &self.written {
            rows.row("written", path.display());
        }
        rows.row("effort", duration(self.seconds));
        rows.row(
            "device",
            format!("{}, {}", self.device, self.precision.name()),
        );
        rows
    }

    fn page(&self) -> Page {
        page::page(self)
    }

    fn summary(&self) -> Summary {
        Summary {
            seconds: Some(self.seconds),
            ..Summary::default()
        }
    }

    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    fn outcome(&self) -> Outcome {
        Outcome::Done
    }
}
