//! The start from coarse clouds.
//!
//! The points of a coarse cloud are the centroids of [groups](super::grouping) of points, at most [`MOST_POINTS`] a side. The
//! problem between them, at the same ε, takes Newton's method a few milliseconds. Its potential g, continued to the points of
//! the source by one softmin, is the start:
//!
//! ```text
//! f(x) = λ_a · −ε log Σ_J b_J exp((g_J − C(x, y_J))/ε)
//! ```
//!
//! What is left to the iteration are errors within groups. Without it, clusters whose masses differ drift: each update moves the
//! potentials of whole clusters by the same small constant, hundreds or thousands of times.

use super::grouping::{BOX_DIMENSIONS, Grouping};
use super::multiscale::{Level, after};
use super::run::Run;
use super::{Effort, Start};
use crate::engine::GROUP;
use crate::pass::{Marginal, Pass, Points};
use crate::{Engine, Error, Result};

/// The most points of a coarse cloud. Newton's method takes O(n³) operations a step.
const MOST_POINTS: usize = 128;

/// Clouds of fewer points on a side have no coarse ones.
const FEWEST_POINTS: usize = 4 * GROUP;

/// Below this ratio of the mean cost to ε, an iteration from zero takes a few passes.
const LEAST_CONTRAST: f64 = 40.0;

/// Pairs of points whose mean cost stands for that of all.
const SAMPLE: usize = 256;

/// The most coordinates of a point: the costs between coarse clouds are computed on the host.
const MOST_DIMENSIONS: usize = 1 << 16;

impl<E: Engine> Run<'_, '_, E> {
    /// Whether coarse clouds are expected to save passes where ε is small: in more dimensions than boxes serve, and between
    /// clouds of islands.
    pub(super) fn suits_coarse_start(&mut self) -> Result<bool> {
        let d = self.source.dimension();
        let suits = !self.is_resident()
            && !self.problem.is_separable()
            && d <= MOST_DIMENSIONS
            && self.smaller_side() >= FEWEST_POINTS
            && self.contrast() >= LEAST_CONTRAST;
        if !suits || d > BOX_DIMENSIONS {
            return Ok(suits);
        }
        let groupings = self.groupings()?;
        let suits = groupings.iter().any(Grouping::has_clusters);
        // Groups that are there begin the correction at once, which pays between clusters.
        self.groupings = suits.then_some(groupings);
        Ok(suits)
    }

    /// About the ratio of the mean cost to ε.
    fn contrast(&self) -> f64 {
        let d = self.source.dimension();
        let coordinates = [&self.source, &self.target].map(|side| side.points.coordinates());
        let point = |side: usize, place: usize| {
            let points = coordinates[side].len() / d;
            &coordinates[side][place * points / SAMPLE * d..][..d]
        };
        // Places in two orders that have nothing in common.
        let costs = (0..SAMPLE).map(|place| {
            let other = (place * 97) % SAMPLE;
            self.kernel.cost.between(point(0, place), point(1, other))
        });
        costs.sum::<f64>() / SAMPLE as f64 / self.kernel.epsilon
    }

    /// Starts from the potentials between coarse clouds, whose groups serve the two-level correction as well.
    pub(super) async fn start_from_coarse(&mut self) -> Result<()> {
        if self.is_resident() || self.problem.is_separable() {
            return Err(Error::Unsupported {
                what: "a start from coarse clouds of grids, or of measures that lie on the device",
                device: self.engine.device().to_owned(),
            });
        }
        let groupings = match self.groupings.take() {
            Some(groupings) => groupings,
            None => self.groupings()?,
        };
        let (target, effort, stopped) = self.solve_coarse(&groupings).await?;
        let engine = self.engine;
        let mut lifted = engine.zeros(self.source.len())?;
        let pass = Pass {
            engine,
            kernel: self.kernel,
            rows: &self.source.points,
            potential: None,
            columns: &target.points,
            side: target.side(),
            near: None,
        };
        pass.softmin(None, false, &mut lifted)?;
        let damping = 1.0 / (1.0 + self.kernel.epsilon / self.source.rho);
        engine.combine(&[(damping, &lifted)], &mut self.source.potential)?;
        self.effort.levels.push(Level {
            pairs: effort.pairs + self.source.pairs_with(&target),
            ..effort
        });
        self.groupings = Some(groupings);
        if stopped {
            self.end_here().await?;
        }
        Ok(())
    }

    /// Solves between coarse clouds. Returns the coarse target, the effort, and whether the observer asked for the end.
    async fn solve_coarse(
        &mut self,
        groupings: &[Grouping; 2],
    ) -> Result<(Marginal<E>, Level, bool)> {
        let engine = self.engine;
        let sides = [&self.source, &self.target];
        let coarse = |k: usize| {
            let (side, grouping): (&Marginal<E>, &Grouping) = (sides[k], &groupings[k]);
            let d = side.dimension();
            let (coordinates, weights) = side.in_order(&grouping.order);
            let cloud = Cloud::of(&coordinates, d, &weights, &grouping.groups(MOST_POINTS));
            cloud.on_device(engine, d, side.rho)
        };
        let marginals = [coarse(0)?, coarse(1)?];
        let settings = self.settings.clone().start(Start::Zero);
        let mut tell = after(&[], 1, self.observer);
        let work = (self.goal, Effort::begin());
        let mut run = Run::new(
            engine,
            (self.problem, &settings),
            marginals,
            work,
            &mut tell,
        );
        run.iterate_by_newton().await?;
        let level = Level {
            points: [run.source.len(), run.target.len()],
            epsilon: self.problem.epsilon(),
            iterations: run.effort.iterations,
            pairs: run.effort.pairs,
        };
        Ok((run.target, level, run.stopped))
    }
}

/// Centroids of groups of points.
pub(super) struct Cloud {
    coordinates: Vec<f64>,
    weights: Vec<f64>,
    /// The mean square of the distance from a point to the centroid of its group.
    pub(super) variance: f64,
}

impl Cloud {
    /// Of points whose groups begin at these places; the last number is that of all places.
    pub(super) fn of(coordinates: &[f64], d: usize, weights: &[f64], groups: &[usize]) -> Self {
        let mut cloud = Self {
            coordinates: Vec::new(),
            weights: Vec::new(),
            variance: 0.0,
        };
        for group in groups.windows(2) {
            let points = &coordinates[group[0] * d..group[1] * d];
            let weights = &weights[group[0]..group[1]];
            let mass: f64 = weights.iter().sum();
            // A group without mass has a place all the same.
            let even = 1.0 / weights.len() as f64;
            let share = |weight: f64| if mass > 0.0 { weight / mass } else { even };
            let mut centroid = vec![0.0; d];
            for (point, weight) in points.chunks_exact(d).zip(weights) {
                for (c, x) in centroid.iter_mut().zip(point) {
                    *c += share(*weight) * x;
                }
            }
            for (point, weight) in points.chunks_exact(d).zip(weights) {
                let away = point.iter().zip(&centroid).map(|(x, c)| (x - c).powi(2));
                cloud.variance += weight * away.sum::<f64>();
            }
            cloud.coordinates.append(&mut centroid);
            cloud.weights.push(mass);
        }
        cloud
    }

    /// This cloud on a device.
    pub(super) fn on_device<E: Engine>(
        self,
        engine: &E,
        dimension: usize,
        rho: f64,
    ) -> Result<Marginal<E>> {
        let points = Points::of_cloud(engine, self.coordinates, dimension)?;
        let on_device = engine.weights(&self.weights, 1)?;
        Marginal::of(engine, points, (self.weights, on_device), rho)
    }
}
