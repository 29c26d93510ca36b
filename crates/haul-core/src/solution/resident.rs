//! Solutions of problems whose measures lie on the device.

use super::{Report, State};
use crate::certificate::{Certificate, resident};
use crate::engine::{Factor, ResidentEngine, Side, Survey, Writing};
use crate::measure::Located;
use crate::pass::{Marginal, Pass, Points};
use crate::problem::{Penalties, Posed, Summary, one_mass, same_dimension};
use crate::sinkhorn::Effort;
use crate::{Engine, Error, Form, Frame, Progress, Result, Sinkhorn, Stop, block_on};
use std::fmt;
use std::ops::ControlFlow;

/// A solved problem. Its numbers are on the host; its potentials, map and gradients can be written into arrays on the
/// device.
///
/// It has copies of points and weights on the device, so the caller may overwrite the arrays of its measures.
pub struct ResidentSolution<E: Engine> {
    state: State<E>,
    report: Report,
}

impl<E: Engine> fmt::Debug for ResidentSolution<E> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("ResidentSolution")
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

/// A measure with the data that a problem needs.
pub(crate) struct Surveyed<'m, A> {
    measure: Located<'m, A>,
    summary: Summary,
    low: Vec<f64>,
    high: Vec<f64>,
}

impl Sinkhorn {
    /// Solves OT_ε(source, target) if one measure or both lie in arrays on the engine's device. Each argument is a
    /// `&ResidentMeasure` or a `&Measure`. Resident points, weights and results never pass through the host, and the
    /// host's memory does not grow with their number.
    ///
    /// Methods that need points on the host do not run: the Gaussian start and Newton's method. The
    /// [stages](Report::stages) of the report list those that ran. The certificate has no bounds of W_p^p. If ε is
    /// far above all costs, the potentials have only the accuracy of f32; [`solve`](Self::solve) refines them.
    ///
    /// # Errors
    ///
    /// Those of [`solve`](Self::solve), and the engine's own for an array that it cannot use; [`Error::Length`] for
    /// an array of weights that is not n×1, [`Error::FloatExtent`] for points that a device cannot place in f32, and
    /// [`Error::Unsupported`] for [`Form::Scaling`] and a Gaussian start.
    pub fn solve_resident<'m, E: ResidentEngine + Clone>(
        &self,
        engine: E,
        source: impl Into<Located<'m, E::Array>>,
        target: impl Into<Located<'m, E::Array>>,
    ) -> Result<ResidentSolution<E>>
    where
        E::Array: 'm,
    {
        let (source, target) = (source.into(), target.into());
        block_on(self.solve_located(engine, [source, target]))
    }

    /// [`solve_resident`](Self::solve_resident) without blocking a thread while it waits for the device.
    ///
    /// # Errors
    ///
    /// Those of [`solve_resident`](Self::solve_resident).
    pub async fn solve_resident_async<'m, E: ResidentEngine + Clone>(
        &self,
        engine: E,
        source: impl Into<Located<'m, E::Array>>,
        target: impl Into<Located<'m, E::Array>>,
    ) -> Result<ResidentSolution<E>>
    where
        E::Array: 'm,
    {
        let measures = [source.into(), target.into()];
        self.solve_located(engine, measures).await
    }

    async fn solve_located<E: ResidentEngine + Clone>(
        &self,
        engine: E,
        [source, target]: [Located<'_, E::Array>; 2],
    ) -> Result<ResidentSolution<E>> {
        let source = Surveyed::of(&engine, source).await?;
        let target = Surveyed::of(&engine, target).await?;
        self.solve_surveyed(engine, [&source, &target], false).await
    }

    /// The problem of these settings between surveyed measures.
    pub(crate) fn posed<A>(&self, [source, target]: [&Surveyed<'_, A>; 2]) -> Result<Posed> {
        let cost = self.checked_cost()?;
        same_dimension([source.low.len(), target.low.len()])?;
        let penalties = Penalties::new(cost, self.penalties)?;
        if penalties.are_exact() {
            one_mass([source.summary.mass, target.summary.mass])?;
        }
        let joined = |a: &[f64], b: &[f64], of: fn(f64, f64) -> f64| -> Vec<f64> {
            a.iter().zip(b).map(|(a, b)| of(*a, *b)).collect()
        };
        let low = joined(&source.low, &target.low, f64::min);
        let high = joined(&source.high, &target.high, f64::max);
        let (frame, summaries) = (
            Frame::of_device(&low, &high),
            [source.summary, target.summary],
        );
        let posed = Posed::new(summaries, frame, cost, self.regularization, penalties)?;
        posed.frame().check_floats()?;
        Ok(posed)
    }

    /// Solves a problem between surveyed measures, which may be the `same`.
    pub(crate) async fn solve_surveyed<E: ResidentEngine + Clone>(
        &self,
        engine: E,
        measures: [&Surveyed<'_, E::Array>; 2],
        same: bool,
    ) -> Result<ResidentSolution<E>> {
        if self.over_axes {
            return Err(Error::NoGrid);
        }
        if self.form == Form::Scaling {
            return Err(Error::Unsupported {
                what: "scalings of measures that lie on the device",
                device: engine.device().to_owned(),
            });
        }
        let effort = Effort::begin();
        let posed = self.posed(measures)?;
        let rho = posed.rho().map(|rho| rho / posed.cost_unit());
        let (source, near) = measures[0].place(&engine, posed.frame(), rho[0]).await?;
        let (target, far) = measures[1].place(&engine, posed.frame(), rho[1]).await?;
        let posed = posed.with_radius(near.max(far));
        let goal = self.goal(&posed, engine.precision())?;
        let mut observer = |_: &Progress| ControlFlow::<Stop>::Continue(());
        let marginals = ([source, target], same);
        let work = (goal, effort);
        let fit = self
            .fit_marginals(&engine, &posed, marginals, work, &mut observer)
            .await?;
        let sides = [&fit.source, &fit.target];
        let rounding = posed.rounding(&engine);
        let kernel = posed.kernel();
        let evaluated =
            resident::evaluate(&engine, kernel, sides, rounding, self.certified).await?;
        let state = State::new(engine, &posed, [fit.source, fit.target]);
        let report = state.report(&posed, evaluated, fit.effort, self);
        Ok(ResidentSolution { state, report })
    }
}

impl<'m, A: Clone + Send + Sync> Surveyed<'m, A> {
    /// Surveys a measure on the device, or computes the same numbers of a measure on the host.
    pub(crate) async fn of<E: ResidentEngine<Array = A>>(
        engine: &E,
        measure: Located<'m, A>,
    ) -> Result<Self> {
        let resident = match measure {
            Located::Host(host) => {
                let [low, high] = Frame::corners(host);
                let (points, mass) = (host.len(), host.mass());
                let summary = Summary { points, mass };
                return Ok(Self {
                    measure,
                    summary,
                    low,
                    high,
                });
            }
            Located::Device(resident) => resident,
        };
        let [n, d] = engine.shape(resident.points())?;
        if let Some(weights) = resident.weights() {
            let [rows, columns] = engine.shape(weights)?;
            length("the columns of the array of weights", 1, columns)?;
            if rows != n {
                return Err(Error::WeightsLength {
                    points: n,
                    weights: rows,
                });
            }
        }
        let columns = engine.survey(resident.points()).await?;
        // The first wrong row, and its first wrong column.
        let wrong = columns.iter().enumerate().filter_map(|(column, survey)| {
            let (row, value) = survey.not_finite?;
            Some((row, column, value))
        });
        if let Some((row, column, value)) = wrong.min_by_key(|(row, column, _)| (*row, *column)) {
            return Err(Error::NotFinitePoint {
                row: row + 1,
                column: column + 1,
                value,
            });
        }
        debug_assert_eq!(columns.len(), d);
        let mass = match resident.weights() {
            Some(weights) => mass_of(&engine.survey(weights).await?)?,
            None => 1.0,
        };
        Ok(Self {
            measure,
            summary: Summary { points: n, mass },
            low: columns.iter().map(|survey| survey.least).collect(),
            high: columns.iter().map(|survey| survey.largest).collect(),
        })
    }

    /// m.
    pub(crate) fn mass(&self) -> f64 {
        self.summary.mass
    }

    /// Places the measure in a frame on the device, its mass scaled to 1. Also returns an upper bound of the distance
    /// of its points from the centre.
    async fn place<E: ResidentEngine<Array = A>>(
        &self,
        engine: &E,
        frame: &Frame,
        rho: f64,
    ) -> Result<(Marginal<E>, f64)> {
        let resident = match self.measure {
            Located::Host(host) => {
                let d = host.dimension();
                let square = |point: &[f64]| point.iter().map(|x| x * x).sum::<f64>();
                let places = frame.place(host);
                let farthest = places.chunks_exact(d).map(square).fold(0.0, f64::max);
                let points = Points::of_cloud(engine, places, d)?;
                let weights: Vec<f64> = host.weights().iter().map(|w| w / host.mass()).collect();
                let on_device = engine.weights(&weights, 1)?;
                let side = Marginal::of(engine, points, (weights, on_device), rho)?;
                return Ok((side, farthest.sqrt()));
            }
            Located::Device(resident) => resident,
        };
        let (len, dimension) = (self.summary.points, frame.dimension());
        // If all points coincide, they are in one place at any scale.
        let scale = match frame.diameter() {
            0.0 => 1.0,
            _ => frame.scale(),
        };
        let (on_device, farthest) = engine
            .place(resident.points(), frame.centre(), scale)
            .await?;
        let points = Points::Resident {
            len,
            dimension,
            on_device,
        };
        let weights = engine
            .weigh(resident.weights(), len, self.summary.mass)
            .await?;
        let side = Marginal::of(engine, points, (Vec::new(), weights), rho)?;
        Ok((side, farthest))
    }
}

/// The mass of weights.
fn mass_of(columns: &[Survey]) -> Result<f64> {
    let wrong = |survey: &Survey| {
        let rows = survey.not_finite.into_iter().chain(survey.negative);
        rows.min_by_key(|(row, _)| *row)
    };
    if let Some((row, value)) = columns.iter().find_map(wrong) {
        return Err(Error::BadWeight {
            row: row + 1,
            value,
        });
    }
    let mass = columns.iter().map(|survey| survey.sum).sum::<f64>();
    if mass.is_finite() && mass > 0.0 {
        Ok(mass)
    } else {
        Err(Error::BadMass { mass })
    }
}

fn length(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::Length {
        what,
        expected,
        found,
    })
}

/// Writes a vector into an array, which must have this shape.
pub(crate) async fn write<E: ResidentEngine>(
    engine: &E,
    vector: &E::Vector,
    writing: Writing<'_, E::Weights>,
    array: &E::Array,
    (what, [rows, columns]): (&'static str, [usize; 2]),
) -> Result<()> {
    let [found, width] = engine.shape(array)?;
    length("an array that is written: its rows", rows, found)?;
    length("an array that is written: its columns", columns, width)?;
    if engine.write(vector, writing, array).await? {
        return Ok(());
    }
    Err(Error::NotFiniteResult {
        what,
        device: engine.device().to_owned(),
    })
}

impl<E: ResidentEngine> ResidentSolution<E> {
    /// OT_ε, the value of the dual; see [`Report::value`].
    pub fn value(&self) -> f64 {
        self.report.value
    }

    /// Errors and bounds.
    pub fn certificate(&self) -> &Certificate {
        &self.report.certificate
    }

    /// Every number of the solution.
    pub fn report(&self) -> &Report {
        &self.report
    }

    pub(crate) fn state(&self) -> &State<E> {
        &self.state
    }

    /// Writes the potentials into arrays of n×1 and m×1 numbers, in units of the cost.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for arrays of other shapes, [`Error::NotFiniteResult`], and the engine's own.
    pub fn write_potentials(&self, f: &E::Array, g: &E::Array) -> Result<()> {
        block_on(self.write_potentials_async(f, g))
    }

    /// [`write_potentials`](Self::write_potentials) without blocking a thread.
    ///
    /// # Errors
    ///
    /// Those of [`write_potentials`](Self::write_potentials).
    pub async fn write_potentials_async(&self, f: &E::Array, g: &E::Array) -> Result<()> {
        let State {
            engine,
            kernel,
            frame,
            source,
            target,
            masses,
            ..
        } = &self.state;
        let scale = frame.cost_unit(kernel.cost);
        let [shift_a, shift_b] = masses.shifts;
        for (side, shift, array) in [(source, shift_a, f), (target, shift_b, g)] {
            let writing = Writing {
                scale,
                offsets: &[-shift],
                weights: None,
                divided: false,
            };
            let what = ("a potential", [side.len(), 1]);
            write(engine, &side.potential, writing, array, what).await?;
        }
        Ok(())
    }

    /// Writes the barycentric map T(xᵢ) = Σⱼ Pᵢⱼ yⱼ / Σⱼ Pᵢⱼ into an array of n×d, in the coordinates of the points; see
    /// [`Plan::map`](crate::Plan::map).
    ///
    /// # Errors
    ///
    /// Those of [`write_potentials`](Self::write_potentials).
    pub fn write_map(&self, map: &E::Array) -> Result<()> {
        block_on(self.write_map_async(map))
    }

    /// [`write_map`](Self::write_map) without blocking a thread.
    ///
    /// # Errors
    ///
    /// Those of [`write_potentials`](Self::write_potentials).
    pub async fn write_map_async(&self, map: &E::Array) -> Result<()> {
        let State {
            engine,
            kernel,
            frame,
            source,
            target,
            ..
        } = &self.state;
        let (n, d) = (source.len(), source.dimension());
        let Some(points) = target.points.on_device() else {
            return Err(Error::NoGrid);
        };
        // The softmin makes every sum 1 up to rounding; the rest is divided out.
        let mut potential = engine.zeros(n)?;
        let mut pass = Pass {
            engine,
            kernel: *kernel,
            rows: &source.points,
            potential: None,
            columns: &target.points,
            side: Side::new(&target.on_device, &target.potential),
            near: None,
        };
        pass.softmin(None, false, &mut potential)?;
        pass.potential = Some(&potential);
        let coordinates = engine.homogeneous(points)?;
        let mut sums = engine.zeros(n * (d + 1))?;
        pass.product_on_device(Factor::One, &coordinates, d + 1, &mut sums)?;
        let writing = Writing {
            scale: frame.scale(),
            offsets: frame.centre(),
            weights: None,
            divided: true,
        };
        write(engine, &sums, writing, map, ("the map", [n, d])).await
    }
}
