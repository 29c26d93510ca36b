//! The iteration of a registration: from several starts at a large blur to one map at the last blur.

use super::acceleration::Anderson;
use super::starts::{radius, starts};
use super::thinning::thinned;
use super::{
    Alignment, Family, Observer, Registration, RegistrationProgress, Transform, procrustes,
};
use crate::linalg::sum;
use crate::{
    Engine, Error, Measure, Penalty, Progress, Regularization, Result, Sinkhorn, Solution, Start,
    Stop,
};
use std::ops::ControlFlow;
use web_time::Instant;

/// The largest blur, over the target's radius: it distinguishes the halves of a shape.
const FIRST_BLUR: f64 = 1.0 / 3.0;

/// Rounds that compare starts, one blur each: number of points, largest number of iterations, and number of starts
/// that remain.
const ROUNDS: [(usize, usize, usize); 3] = [(256, 5, 8), (512, 12, 3), (1024, 12, 1)];

/// Points and iterations for the blurs between these rounds and the last blur.
const PASSING: (usize, usize) = (2048, 12);

/// The required movement before the last blur, over the blur.
const COARSE: f64 = 0.02;

/// The required marginal error before the last blur.
const COARSE_TOLERANCE: f64 = 1e-2;

/// Differences of the objective below this, over ε, do not rank starts.
const TIE: f64 = 1e-3;

/// The steps at one blur between some points.
struct Level {
    blur: f64,
    sinkhorn: Sinkhorn,
    source: Measure,
    target: Measure,
    /// The movement at which the level ends, a length.
    goal: f64,
    max_iterations: usize,
    is_last: bool,
}

/// The result of a level.
struct Step<E: Engine> {
    transform: Transform,
    /// S_ε(T α, β) of the map before the fit, without terms that are the same for all maps of the family.
    objective: f64,
    residual: f64,
    movement: f64,
    shares: Vec<f64>,
    solution: Solution<E>,
    /// Whether an observer ended it.
    stopped: bool,
}

struct Run<'r, 'o, E> {
    engine: E,
    registration: &'r Registration,
    source: &'r Measure,
    target: &'r Measure,
    /// The last blur.
    blur: f64,
    observer: &'r mut Observer<'o>,
    iterations: usize,
    begin: Instant,
}

/// Computes the map; the settings are checked.
pub(super) async fn align<E: Engine + Clone>(
    registration: &Registration,
    engine: E,
    source: &Measure,
    target: &Measure,
    observer: &mut Observer<'_>,
) -> Result<Alignment<E>> {
    let mut run = Run {
        engine,
        registration,
        source,
        target,
        blur: registration.last_blur(target),
        observer,
        iterations: 0,
        begin: Instant::now(),
    };
    // Levels are counted from the last one.
    let widest = FIRST_BLUR * radius(target);
    let first = (widest / run.blur).log2().floor().clamp(0.0, 60.0) as i32;
    let (mut transform, mut next) = match &registration.start {
        Some(start) => (start.clone(), first),
        None => (run.search(first).await?, first - ROUNDS.len() as i32),
    };
    while next > 0 {
        let level = run.level(next, PASSING)?;
        transform = run.iterate(&level, transform).await?.transform;
        next -= 1;
    }
    let level = run.last()?;
    let step = run.iterate(&level, transform).await?;
    let converged =
        !step.stopped && step.movement <= level.goal && step.solution.report().converged;
    Ok(Alignment {
        transform: step.transform,
        family: registration.family,
        residual: step.residual,
        movement: step.movement,
        iterations: run.iterations,
        converged,
        shares: step.shares,
        solution: step.solution,
        seconds: run.begin.elapsed().as_secs_f64(),
    })
}

impl<E: Engine + Clone> Run<'_, '_, E> {
    /// The settings at 2^`level` times the last blur.
    fn sinkhorn(&self, level: i32) -> Sinkhorn {
        let factor = f64::from(level).exp2();
        let settings = self.registration.sinkhorn.clone();
        let mut settings = settings.regularized(Regularization::Blur(factor * self.blur));
        settings.penalties = settings.penalties.map(|penalty| match penalty {
            Penalty::Rho(rho) => Penalty::Rho(factor * factor * rho),
            Penalty::Reach(reach) => Penalty::Reach(factor * reach),
        });
        settings
    }

    /// A level before the last, between at most this many points.
    fn level(&self, level: i32, (points, max_iterations): (usize, usize)) -> Result<Level> {
        let level = level.max(0);
        let blur = f64::from(level).exp2() * self.blur;
        let mut sinkhorn = self.sinkhorn(level);
        sinkhorn.tolerance = sinkhorn.tolerance.max(COARSE_TOLERANCE);
        // Given start potentials are those of all points.
        if matches!(sinkhorn.start, Start::Potentials(_)) {
            sinkhorn.start = Start::default();
        }
        Ok(Level {
            blur,
            sinkhorn,
            source: thinned(self.source, points)?,
            target: thinned(self.target, points)?,
            goal: COARSE * blur,
            max_iterations,
            is_last: false,
        })
    }

    /// The level of the settings themselves.
    fn last(&self) -> Result<Level> {
        Ok(Level {
            blur: self.blur,
            sinkhorn: self.sinkhorn(0),
            source: self.source.clone(),
            target: self.target.clone(),
            goal: self.registration.movement * self.blur,
            max_iterations: self.registration.max_iterations,
            is_last: true,
        })
    }

    /// The best of all starts, by the divergence that each of them reaches.
    async fn search(&mut self, first: i32) -> Result<Transform> {
        let mut kept = starts(self.registration.family, self.source, self.target);
        for (level, (points, iterations, most)) in (0..=first).rev().zip(ROUNDS) {
            let level = self.level(level, (points, iterations))?;
            let mut distinct: Vec<Transform> = Vec::new();
            for transform in self.compare(&level, kept).await? {
                let other =
                    |kept: &Transform| apart(&level.source, kept, &transform) > 0.5 * level.blur;
                if distinct.len() < most && distinct.iter().all(other) {
                    distinct.push(transform);
                }
            }
            kept = distinct;
        }
        let best = kept.into_iter().next();
        Ok(best.unwrap_or_else(|| Transform::identity(self.source.dimension())))
    }

    /// The results of a level for these maps, the best first; ties keep their order.
    async fn compare(&mut self, level: &Level, starts: Vec<Transform>) -> Result<Vec<Transform>> {
        let tie = TIE * level.blur * level.blur * self.source.mass();
        let mut tried = Vec::new();
        for start in starts {
            let step = self.iterate(level, start).await?;
            tried.push((step.objective, step.transform));
        }
        let least = tried
            .iter()
            .map(|tried| tried.0)
            .fold(f64::INFINITY, f64::min);
        tried
            .iter_mut()
            .filter(|tried| tried.0 <= least + tie)
            .for_each(|tried| tried.0 = least);
        tried.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(tried.into_iter().map(|(_, transform)| transform).collect())
    }

    /// Alternating plans and fits, until the points stop moving.
    async fn iterate(&mut self, level: &Level, mut transform: Transform) -> Result<Step<E>> {
        let family = self.registration.family;
        let mut sinkhorn = level.sinkhorn.clone();
        let mut own = level.sinkhorn.clone().start(Start::default());
        own.penalties = [own.penalties[0]; 2];
        let (mut count, mut movement) = (0, None);
        let mut anderson = Anderson::new(&level.source);
        loop {
            let images = transform.images(level.source.points());
            let weights = level.source.weights().to_vec();
            let moved = Measure::new(images, level.source.dimension(), weights)?;
            let (solution, stopped) = self
                .solve(&sinkhorn, level, movement, &moved, &level.target)
                .await?;
            let between = Images::of(&solution).await?;
            let shares = between.shares(&moved);
            let mass = sum(between.masses.iter().copied());
            if mass.is_nan() || mass <= 0.0 {
                return Err(Error::OutOfReach);
            }
            let mut objective = solution.value();
            let mut potentials = None;
            let places = match family {
                Family::Rigid => between,
                Family::Similarity | Family::Affine => {
                    let (itself, _) = self.solve(&own, level, movement, &moved, &moved).await?;
                    objective -= 0.5 * itself.value();
                    potentials = Some(itself.potentials_async().await?);
                    between.debiased(moved.points(), &Images::of(&itself).await?)
                }
            };
            let Images { places, masses } = places;
            let points = level.source.points();
            let next = procrustes::nearest(family, points, &places, &masses, &transform);
            let step = apart(&level.source, &transform, &next);
            self.iterations += 1;
            count += 1;
            movement = Some(step);
            let progress = self.progress(level, movement, None);
            let told = (self.observer)(&progress);
            let stopped = match told {
                ControlFlow::Continue(()) => stopped,
                ControlFlow::Break(stop) => Some(stop),
            };
            if let Some(stop) = stopped
                && (stop == Stop::Abandon || !level.is_last)
            {
                return Err(Error::Interrupted);
            }
            if stopped.is_some() || step <= level.goal || count == level.max_iterations {
                return Ok(Step {
                    residual: residual(&next.images(points), &places, &masses),
                    transform: next,
                    objective,
                    movement: step,
                    shares,
                    solution,
                    stopped: stopped.is_some(),
                });
            }
            transform = match anderson.next(&transform, &next) {
                Some(ahead) => {
                    let weights = level.source.weights();
                    procrustes::nearest(family, points, &ahead.images(points), weights, &next)
                }
                None => next,
            };
            sinkhorn = sinkhorn.warm_start(solution.potentials_async().await?);
            if let Some(potentials) = potentials {
                own = own.warm_start(potentials);
            }
        }
    }

    /// One of the solves, and whether the observer ended it.
    async fn solve(
        &mut self,
        sinkhorn: &Sinkhorn,
        level: &Level,
        movement: Option<f64>,
        source: &Measure,
        target: &Measure,
    ) -> Result<(Solution<E>, Option<Stop>)> {
        let mut stopped = None;
        let before = self.progress(level, movement, None);
        let (observer, begin) = (&mut *self.observer, self.begin);
        let tell = |progress: &Progress| {
            let told = observer(&RegistrationProgress {
                solve: Some(*progress),
                seconds: begin.elapsed().as_secs_f64(),
                ..before
            });
            if let ControlFlow::Break(stop) = told {
                stopped = Some(stop);
            }
            told
        };
        let engine = self.engine.clone();
        let solution = sinkhorn
            .solve_observed_async(engine, source, target, tell)
            .await?;
        Ok((solution, stopped))
    }

    fn progress(
        &self,
        level: &Level,
        movement: Option<f64>,
        solve: Option<Progress>,
    ) -> RegistrationProgress {
        RegistrationProgress {
            iteration: self.iterations,
            blur: level.blur,
            last_blur: self.blur,
            is_last: level.is_last,
            movement,
            goal: level.goal,
            solve,
            seconds: self.begin.elapsed().as_secs_f64(),
        }
    }
}

/// The places of the source's points under a plan, and their mass.
struct Images {
    /// n×d.
    places: Vec<f64>,
    masses: Vec<f64>,
}

impl Images {
    async fn of<E: Engine>(solution: &Solution<E>) -> Result<Self> {
        let plan = solution.plan();
        let ones = vec![1.0; plan.shape().1];
        Ok(Self {
            places: plan.map_async().await?,
            masses: plan.product_async(&ones).await?,
        })
    }

    /// The places given by the gradient of the divergence, where `itself` is the plan of the points `z` with
    /// themselves.
    fn debiased(mut self, z: &[f64], itself: &Self) -> Self {
        let d = z.len() / self.masses.len();
        let rows = self.places.chunks_exact_mut(d).zip(z.chunks_exact(d));
        let own = itself.places.chunks_exact(d).zip(&itself.masses);
        for (((place, z), mass), (own, own_mass)) in rows.zip(&mut self.masses).zip(own) {
            let most = mass.max(*own_mass);
            if most > 0.0 {
                for ((place, z), own) in place.iter_mut().zip(z).zip(own) {
                    *place = z + (*mass * (*place - z) - own_mass * (own - z)) / most;
                }
            }
            *mass = most;
        }
        self
    }

    /// The moved mass over the mass of each point.
    fn shares(&self, source: &Measure) -> Vec<f64> {
        let pairs = self.masses.iter().zip(source.weights());
        pairs
            .map(|(mass, weight)| if *weight > 0.0 { mass / weight } else { 0.0 })
            .collect()
    }
}

/// The root mean square of the distance between the images of a measure's points under two maps.
fn apart(measure: &Measure, a: &Transform, b: &Transform) -> f64 {
    let images = [a, b].map(|map| map.images(measure.points()));
    residual(&images[0], &images[1], measure.weights())
}

/// √(Σᵢ wᵢ |xᵢ − yᵢ|² / Σᵢ wᵢ).
fn residual(x: &[f64], y: &[f64], weights: &[f64]) -> f64 {
    let d = x.len() / weights.len();
    let square =
        |(x, y): (&[f64], &[f64])| -> f64 { x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum() };
    let squares = x.chunks_exact(d).zip(y.chunks_exact(d)).map(square);
    let terms = squares.zip(weights).map(|(square, weight)| weight * square);
    (sum(terms) / sum(weights.iter().copied())).sqrt()
}
