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
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Loss {
    Wasserstein,
    /// At a blur.
    Divergence(f64),
    Energy,
}

impl Loss {
    /// All distances of a study with these blurs.
    pub(super) fn all(blurs: &[f64]) -> Vec<Self> {
        let divergences = blurs.iter().map(|&blur| Self::Divergence(blur));
        let first = [Self::Wasserstein].into_iter();
        first.chain(divergences).chain([Self::Energy]).collect()
    }

    pub(super) fn symbol(self, p: f64) -> String {
        match self {
            Self::Wasserstein => format!("W_{}", plain(p)),
            Self::Divergence(_) => "√S_ε".to_owned(),
            Self::Energy => "√energy".to_owned(),
        }
    }

    pub(super) fn blur(self) -> Option<f64> {
        match self {
            Self::Divergence(blur) => Some(blur),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Wasserstein => "wasserstein",
            Self::Divergence(_) => "divergence",
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

/// The power of the blur by which the means of √S_ε grow as it falls, for p = 2.
pub(super) fn law_of_blur(d: u32) -> String {
    match d {
        1 => "constant".to_owned(),
        2 => "√log(1/σ)".to_owned(),
        d => format!(
            "σ^({})",
            plain(SampleStudy::divergence_exponent(d as usize))
        ),
    }
}

/// The mean of a distance over the trials.
#[derive(Debug, Clone, Copy)]
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

/// The power of the blur by which the means of √S_ε fall, for a number of points.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlurSlope {
    pub(super) d: u32,
    pub(super) n: u32,
    pub(super) law: PowerLaw,
}

/// The means of all distances for each d and n, from trials (d, n, distances).
pub(super) fn means<'t>(
    losses: &[Loss],
    trials: impl Iterator<Item = (u32, u32, &'t [f64])>,
) -> Vec<Mean> {
    let mut all: Vec<_> = trials.collect();
    all.sort_by_key(|&(d, n, _)| (d, n));
    let cells = all.chunk_by(|one, next| (one.0, one.1) == (next.0, next.1));
    let mut means = Vec::new();
    for cell in cells {
        let Some(&(d, n, _)) = cell.first() else {
            continue;
        };
        for (place, &loss) in losses.iter().enumerate() {
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
    pub(super) blurs: Vec<f64>,
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
    blurs: &'r [f64],
    seed: u64,
    trials: u32,
    means: Vec<MeanKeys>,
    slopes: Vec<SlopeKeys>,
    blur_slopes: Vec<BlurSlopeKeys>,
    seconds: f64,
    device: &'r str,
    precision: &'r str,
}

#[derive(Serialize)]
struct MeanKeys {
    d: u32,
    n: u32,
    loss: &'static str,
    blur: Option<f64>,
    mean: f64,
    standard_error: f64,
}

#[derive(Serialize)]
struct SlopeKeys {
    d: u32,
    loss: &'static str,
    blur: Option<f64>,
    exponent: f64,
    standard_error: f64,
    theory: f64,
}

#[derive(Serialize)]
struct BlurSlopeKeys {
    d: u32,
    n: u32,
    exponent: f64,
    standard_error: f64,
    theory: f64,
}

impl Serialize for SamplesAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mean = |mean: &Mean| MeanKeys {
            d: mean.d,
            n: mean.n,
            loss: mean.loss.name(),
            blur: mean.loss.blur(),
            mean: mean.mean,
            standard_error: mean.standard_error,
        };
        let slope = |Slope { d, loss, law }: Slope| SlopeKeys {
            d,
            loss: loss.name(),
            blur: loss.blur(),
            exponent: law.exponent,
            standard_error: law.standard_error,
            theory: loss.theory(d),
        };
        let blur_slope = |BlurSlope { d, n, law }: BlurSlope| BlurSlopeKeys {
            d,
            n,
            exponent: law.exponent,
            standard_error: law.standard_error,
            theory: SampleStudy::divergence_exponent(d as usize),
        };
        let keys = Keys {
            command: "study samples",
            p: whole(self.p),
            blurs: &self.blurs,
            seed: self.seed,
            trials: self.trials,
            means: self.means.iter().map(mean).collect(),
            slopes: self.slopes().into_iter().map(slope).collect(),
            blur_slopes: self.blur_slopes().into_iter().map(blur_slope).collect(),
            seconds: self.seconds,
            device: &self.device,
            precision: self.precision.name(),
        };
        keys.serialize(serializer)
    }
}

impl SamplesAnswer {
    pub(super) fn losses(&self) -> Vec<Loss> {
        Loss::all(&self.blurs)
    }

    pub(super) fn blurs_told(&self) -> String {
        let blurs: Vec<_> = self.blurs.iter().map(|&blur| short(blur)).collect();
        blurs.join(", ")
    }

    /// A symbol that tells a distance from all others of this study.
    pub(super) fn symbol(&self, loss: Loss) -> String {
        let symbol = loss.symbol(self.p);
        match loss.blur() {
            Some(blur) if self.blurs.len() > 1 => format!("{symbol}, σ = {}", short(blur)),
            _ => symbol,
        }
    }

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
        let losses = self.losses();
        let all = all.flat_map(|d| losses.iter().map(move |&loss| (d, loss)));
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

    /// The means of √S_ε for a number of points in a dimension, over the blur.
    pub(super) fn over_blurs(&self, d: u32, n: u32) -> Vec<(f64, &Mean)> {
        let means = self.means.iter().filter(|mean| (mean.d, mean.n) == (d, n));
        let means = means.filter_map(|mean| Some((mean.loss.blur()?, mean)));
        means.collect()
    }

    /// The slopes over the blur, for each dimension and number of points; none for a single blur.
    pub(super) fn blur_slopes(&self) -> Vec<BlurSlope> {
        let counts = |d| self.of(d, Loss::Wasserstein).map(move |mean| (d, mean.n));
        let all = self.dimensions().into_iter().flat_map(counts);
        let slope = |(d, n)| {
            let means: Vec<_> = self
                .over_blurs(d, n)
                .iter()
                .map(|(blur, mean)| (*blur, mean.mean, mean.standard_error))
                .collect();
            let law = PowerLaw::fit(&means)?;
            Some(BlurSlope { d, n, law })
        };
        all.filter_map(slope).collect()
    }

    /// The file of `-o`.
    pub(super) fn table(&self) -> String {
        let mut text = "d,n,loss,blur,mean,standard_error,trials\n".to_owned();
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
                "{d},{n},{},{},{mean},{standard_error},{}",
                loss.name(),
                loss.blur().map(plain).unwrap_or_default(),
                self.trials
            );
        }
        text
    }
}

/// An exponent and its standard error: `-0.334 ± 0.004`.
pub(super) fn told(law: &PowerLaw) -> String {
    let PowerLaw {
        exponent,
        standard_error,
        ..
    } = *law;
    format!(
        "{} ± {}",
        within(exponent, standard_error),
        significant(standard_error, 1)
    )
}

impl Answer for SamplesAnswer {
    fn headline(&self) -> Option<Headline> {
        None
    }

    fn rows(&self) -> Rows {
        let mut rows = Rows::default();
        let losses = self.losses();
        let columns = |words: Vec<String>| {
            let words = words.iter().map(|word| format!("{word:<20}"));
            words.collect::<String>().trim_end().to_owned()
        };
        let each =
            |word: &dyn Fn(Loss) -> String| columns(losses.iter().map(|&it| word(it)).collect());
        let slopes = self.slopes();
        for d in self.dimensions() {
            rows.heading(format!("d = {d}"));
            rows.below("points", each(&|loss| self.symbol(loss)));
            for n in self.of(d, Loss::Wasserstein).map(|mean| mean.n) {
                let mean = |loss| {
                    let mut mean = self.of(d, loss).filter(|mean| mean.n == n);
                    let told = mean.next().map(|it| within(it.mean, it.standard_error));
                    told.unwrap_or_default()
                };
                rows.below(&n.to_string(), each(&mean));
            }
            let slope = |loss| {
                let mut slope = slopes.iter().filter(|it| (it.d, it.loss) == (d, loss));
                slope.next().map(|it| told(&it.law)).unwrap_or_default()
            };
            rows.below("slope", each(&slope));
            rows.below("theory", each(&|loss| loss.law(d)));
            // The largest samples are those whose neighbours the blurs are farthest above.
            if let Some(slope) = self.blur_slopes().iter().rfind(|slope| slope.d == d) {
                rows.below(
                    "slope in σ",
                    format!(
                        "{}, {} points; theory {}",
                        told(&slope.law),
                        slope.n,
                        law_of_blur(d)
                    ),
                );
            }
        }
        rows.row(
            "samples",
            format!(
                "pairs of the uniform law on the cube, {} trials each; blur {}",
                self.trials,
                self.blurs_told()
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
