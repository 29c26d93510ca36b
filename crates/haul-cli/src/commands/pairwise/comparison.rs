//! The comparison of two clouds of a matrix, as a task.

use super::entry::Entry;
use crate::device;
use crate::input::{self, Cloud, Digest, Input};
use crate::interrupt;
use crate::options::{self, Engine, Treatment};
use crate::spaces::{self, Faces, Kind, Spaces};
use crate::task::{Task, Work};
use crate::transport::engine_in;
use anyhow::{Result, ensure};
use haul::{Device, Energy, Exact, Gromov, Sinkhorn, Sliced, Stop};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Two clouds, and what is computed of them.
pub(super) struct Comparison<'p> {
    pub(super) files: [&'p Path; 2],
    /// Their contents and faces when the run began, from which the key of the entry is made.
    pub(super) digests: [Digest; 2],
    pub(super) treatment: &'p Treatment,
    pub(super) engine: &'p Engine,
    pub(super) between: Between,
}

/// What is computed of two clouds.
pub(super) enum Between {
    /// OT_ε.
    Transport { sinkhorn: Sinkhorn, tolerance: f64 },
    /// An energy distance.
    Energy(Energy),
    /// W_p^p.
    Exact(Exact),
    /// The mean of W_p^p on lines.
    Sliced(Sliced),
    /// The distortion of a plan between spaces of a kind.
    Gromov(Gromov, Kind),
}

impl Task for Comparison<'_> {
    type Answer = Entry;

    fn inputs(&self) -> Vec<Input<'_>> {
        let input = |points| Input {
            points,
            weights: None,
            treatment: self.treatment,
            moved: false,
        };
        self.files.map(input).into()
    }

    fn outputs(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    fn quantity(&self) -> String {
        match self.between {
            Between::Transport { .. } => "OT_ε",
            Between::Energy(_) => "energy distance",
            Between::Exact(_) => "W_p^p",
            Between::Sliced(_) => "sliced W_p^p",
            Between::Gromov(..) => "Gromov–Wasserstein distortion",
        }
        .to_owned()
    }

    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn engine(&self, clouds: &[Arc<Cloud>]) -> Result<Engine> {
        let [source, target] = input::two(clouds)?.map(|cloud| &cloud.measure);
        let [a, b] = self.files;
        match &self.between {
            Between::Transport {
                sinkhorn,
                tolerance,
            } => {
                let problem = options::named(sinkhorn.problem(source, target), a, b)?;
                Ok(device::engine_for(self.engine, &problem, *tolerance, true))
            }
            Between::Energy(energy) => {
                options::named(energy.check(source, target), a, b)?;
                Ok(self.engine.clone())
            }
            Between::Exact(exact) => {
                options::named(exact.check(source, target), a, b)?;
                Ok(engine_in(source.dimension(), self.engine))
            }
            // Stored matrices take long to make, and are checked where they are.
            Between::Gromov(gromov, kind) => {
                if !kind.metric.is_stored() {
                    let spaces = self.spaces(*kind, clouds, &Default::default())?;
                    options::named(spaces.check(gromov), a, b)?;
                }
                Ok(kind.metric.engine(self.engine))
            }
            Between::Sliced(sliced) => {
                options::named(sliced.check(source, target), a, b)?;
                Ok(self.engine.clone())
            }
        }
    }

    fn work(&self, points: &[f64]) -> Work {
        match &self.between {
            Between::Transport { sinkhorn, .. } => Work::between(points).iterated(sinkhorn.clone()),
            Between::Energy(_) => Work::between_and_within(points),
            Between::Exact(_) | Between::Sliced(_) | Between::Gromov(..) => Work::between(points),
        }
    }

    fn answer(&self, device: &Device, clouds: &[Arc<Cloud>]) -> Result<Entry> {
        let faces = self.faces()?;
        for (side, file) in self.files.into_iter().enumerate() {
            let found = clouds
                .get(side)
                .map(|cloud| spaces::digest(cloud, &faces[side]));
            ensure!(
                found == Some(self.digests[side]),
                "{} has changed since the run began; run the same command again, which keeps the comparisons of all \
                 other files",
                file.display()
            );
        }
        let [source, target] = input::two(clouds)?.map(|cloud| &cloud.measure);
        Ok(match &self.between {
            Between::Transport { sinkhorn, .. } => {
                sinkhorn.solve(device, source, target)?.report().into()
            }
            Between::Energy(energy) => {
                let [source, target] = [source, target].map(input::without_empty_cells);
                (&energy.evaluate(device, &*source?, &*target?)?).into()
            }
            Between::Exact(exact) => {
                let stop = |_: &_| match interrupt::requested() {
                    true => ControlFlow::Break(Stop::Abandon),
                    false => ControlFlow::Continue(()),
                };
                let solution = exact.solve_observed(device, source, target, stop)?;
                solution.report().into()
            }
            Between::Sliced(sliced) => (&sliced.evaluate(source, target)?).into(),
            Between::Gromov(gromov, kind) => {
                let stop = |_: &_| match interrupt::requested() {
                    true => ControlFlow::Break(Stop::Abandon),
                    false => ControlFlow::Continue(()),
                };
                let spaces = self.spaces(*kind, clouds, &faces)?;
                spaces.solve(gromov, device, stop)?.report().into()
            }
        })
    }
}

impl Comparison<'_> {
    /// The faces of both clouds, if their spaces have any.
    fn faces(&self) -> Result<[Faces; 2]> {
        let Between::Gromov(_, kind) = &self.between else {
            return Ok(Default::default());
        };
        let reading = self.treatment.reading();
        let [a, b] = self.files.map(|file| kind.faces(file, &reading));
        Ok([a?, b?])
    }

    fn spaces(&self, kind: Kind, clouds: &[Arc<Cloud>], faces: &[Faces; 2]) -> Result<Spaces> {
        let clouds = input::two(clouds)?.map(|cloud| &**cloud);
        kind.spaces(self.files, clouds, faces)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use haul::Measure;

    #[test]
    fn a_cloud_that_is_not_the_one_of_the_beginning_is_refused_by_its_file() {
        let cloud = |x: f64| Arc::new(Cloud::from(Measure::uniform(&[x, 1.0], 1).unwrap()));
        let (a, b, other) = (cloud(0.0), cloud(0.5), cloud(0.25));
        let engine = Engine {
            device: "cpu".to_owned(),
            precision: None,
            threads: None,
        };
        let comparison = Comparison {
            files: ["a.csv", "b.csv"].map(Path::new),
            digests: [a.digest(), b.digest()],
            treatment: &Treatment::PLAIN,
            engine: &engine,
            between: Between::Energy(Energy::new()),
        };
        let device = Device::cpu();
        let answer = |clouds: [&Arc<Cloud>; 2]| comparison.answer(&device, &clouds.map(Arc::clone));
        assert!(answer([&a, &b]).unwrap().value > 0.0);
        let refused = answer([&a, &other]).unwrap_err().to_string();
        assert!(refused.starts_with("b.csv has changed"), "{refused}");
        assert!(answer([&other, &b]).is_err());
    }
}
