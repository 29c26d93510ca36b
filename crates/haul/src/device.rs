//! The engine a program works with, chosen at run time.

use crate::on_device::{Points, Vector, Weights, made, own, owned_terms};
use haul_core::engine::{Groups, Integrand, Nearest, Pairs, Ratio, Remembered, Side, Slot, Update};
use haul_core::{Engine, Error, Interrupt, Precision, Result};
use haul_cpu::CpuEngine;
use haul_gpu::{GpuEngine, Selection};

/// An engine on the CPU or on a GPU; it is itself an [`Engine`], so that every solver takes it.
///
/// ```
/// use haul::{Device, Engine};
/// let device = Device::cpu_f64();
/// assert_eq!(device.precision().name(), "f64");
/// # Ok::<(), haul::Error>(())
/// ```
#[non_exhaustive]
pub enum Device {
    /// SIMD and threads, in f32.
    Cpu(CpuEngine<f32>),
    /// SIMD and threads, in f64: slower, for small ε and for tight tolerances.
    CpuF64(CpuEngine<f64>),
    /// A wgpu device, in f32.
    Gpu(Box<GpuEngine>),
}

impl Device {
    /// The best GPU, or the CPU engine in f32 where there is none. A software adapter is never
    /// chosen: the CPU engine is faster. A GPU that is there but fails to open is an error.
    pub fn auto() -> Result<Self> {
        match GpuEngine::new(&Selection::Automatic) {
            Ok(engine) => Ok(Self::Gpu(Box::new(engine))),
            Err(haul_gpu::Error::NoGpu { .. }) => Ok(Self::cpu()),
            Err(error) => Err(failure(error)),
        }
    }

    /// The CPU engine in f32, on all cores.
    pub fn cpu() -> Self {
        Self::Cpu(CpuEngine::new())
    }

    /// The CPU engine in f64, on all cores.
    pub fn cpu_f64() -> Self {
        Self::CpuF64(CpuEngine::new())
    }

    /// The adapter whose name or driver contains `name`; software adapters too.
    pub fn gpu(name: &str) -> Result<Self> {
        Self::select(&Selection::Name(name.to_owned()))
    }

    /// The adapter that a selection means.
    pub fn select(selection: &Selection) -> Result<Self> {
        GpuEngine::new(selection)
            .map(|engine| Self::Gpu(Box::new(engine)))
            .map_err(failure)
    }

    /// A device that the caller has opened, beside whatever else it does; see
    /// [`GpuEngine::from_wgpu`].
    pub fn from_wgpu(device: wgpu::Device, queue: wgpu::Queue) -> Result<Self> {
        GpuEngine::from_wgpu(device, queue)
            .map(|engine| Self::Gpu(Box::new(engine)))
            .map_err(failure)
    }
}

fn failure(error: haul_gpu::Error) -> Error {
    Error::Device {
        device: "wgpu".to_owned(),
        source: Box::new(error),
    }
}

/// Runs an expression on the engine inside.
macro_rules! inside {
    ($device:expr, $engine:ident => $body:expr) => {
        match $device {
            Device::Cpu($engine) => $body,
            Device::CpuF64($engine) => $body,
            Device::Gpu($engine) => {
                let $engine = &**$engine;
                $body
            }
        }
    };
}

impl Engine for Device {
    type Points = Points;
    type Weights = Weights;
    type Vector = Vector;

    fn device(&self) -> &str {
        inside!(self, engine => engine.device())
    }

    fn precision(&self) -> Precision {
        inside!(self, engine => engine.precision())
    }

    fn row_roundings(&self, columns: usize, dimension: usize) -> usize {
        inside!(self, engine => engine.row_roundings(columns, dimension))
    }

    fn repeats_distances(&self) -> bool {
        inside!(self, engine => engine.repeats_distances())
    }

    fn interrupt(&self) -> &Interrupt {
        inside!(self, engine => engine.interrupt())
    }

    fn points(&self, coordinates: &[f64], dimension: usize) -> Result<Points> {
        inside!(self, engine => Ok(made(engine, engine.points(coordinates, dimension)?)))
    }

    fn weights(&self, values: &[f64], histograms: usize) -> Result<Weights> {
        inside!(self, engine => Ok(made(engine, engine.weights(values, histograms)?)))
    }

    fn vector(&self, values: &[f64]) -> Result<Vector> {
        inside!(self, engine => Ok(made(engine, engine.vector(values)?)))
    }

    fn zeros(&self, length: usize) -> Result<Vector> {
        inside!(self, engine => Ok(made(engine, engine.zeros(length)?)))
    }

    async fn read(&self, vector: &Vector) -> Result<Vec<f64>> {
        inside!(self, engine => engine.read(own(engine, vector)?).await)
    }

    fn softmin(
        &self,
        pairs: Pairs<'_, Points>,
        columns: Side<'_, Weights, Vector>,
        guess: Option<&Vector>,
        groups: Option<Groups<'_, Weights, Vector>>,
        out: &mut Vector,
    ) -> Result<()> {
        inside!(self, engine => {
            let (pairs, columns) = (own(engine, pairs)?, own(engine, columns)?);
            let (guess, groups) = (own(engine, guess)?, own(engine, groups)?);
            engine.softmin(pairs, columns, guess, groups, own(engine, out)?)
        })
    }

    fn product(
        &self,
        pairs: Pairs<'_, Points>,
        rows: Option<&Vector>,
        columns: Side<'_, Weights, Vector>,
        integrand: Integrand<'_, Vector>,
        out: &mut Vector,
    ) -> Result<()> {
        inside!(self, engine => {
            let (pairs, rows) = (own(engine, pairs)?, own(engine, rows)?);
            let (columns, integrand) = (own(engine, columns)?, own(engine, integrand)?);
            engine.product(pairs, rows, columns, integrand, own(engine, out)?)
        })
    }

    fn gradient(
        &self,
        pairs: Pairs<'_, Points>,
        rows: Option<&Vector>,
        columns: Side<'_, Weights, Vector>,
        integrand: Integrand<'_, Vector>,
        out: &mut Vector,
    ) -> Result<()> {
        inside!(self, engine => {
            let (pairs, rows) = (own(engine, pairs)?, own(engine, rows)?);
            let (columns, integrand) = (own(engine, columns)?, own(engine, integrand)?);
            engine.gradient(pairs, rows, columns, integrand, own(engine, out)?)
        })
    }

    fn curvature(
        &self,
        pairs: Pairs<'_, Points>,
        rows: Option<&Vector>,
        columns: Side<'_, Weights, Vector>,
        directions: &Vector,
        out: &mut Vector,
    ) -> Result<()> {
        inside!(self, engine => {
            let (pairs, rows) = (own(engine, pairs)?, own(engine, rows)?);
            let (columns, directions) = (own(engine, columns)?, own(engine, directions)?);
            engine.curvature(pairs, rows, columns, directions, own(engine, out)?)
        })
    }

    async fn nearest(
        &self,
        pairs: Pairs<'_, Points>,
        columns: Side<'_, Weights, Vector>,
    ) -> Result<Nearest> {
        inside!(self, engine => {
            let (pairs, columns) = (own(engine, pairs)?, own(engine, columns)?);
            engine.nearest(pairs, columns).await
        })
    }

    fn scale(
        &self,
        epsilon: f64,
        rho: f64,
        sums: &Vector,
        scaling: &mut Vector,
        potential: &mut Vector,
    ) -> Result<()> {
        inside!(self, engine => {
            let (sums, scaling) = (own(engine, sums)?, own(engine, scaling)?);
            engine.scale(epsilon, rho, sums, scaling, own(engine, potential)?)
        })
    }

    async fn marginal_error(
        &self,
        weights: &Weights,
        ratio: Ratio<'_, Vector>,
    ) -> Result<Vec<f64>> {
        inside!(self, engine => {
            let (weights, ratio) = (own(engine, weights)?, own(engine, ratio)?);
            engine.marginal_error(weights, ratio).await
        })
    }

    fn combine(&self, terms: &[(f64, &Vector)], out: &mut Vector) -> Result<()> {
        inside!(self, engine => {
            let terms = owned_terms(engine, terms)?;
            engine.combine(&terms, own(engine, out)?)
        })
    }

    async fn remember(
        &self,
        weights: &Weights,
        update: Update<'_, Vector>,
        slot: Slot<'_, Vector>,
    ) -> Result<Remembered> {
        inside!(self, engine => {
            let (weights, update) = (own(engine, weights)?, own(engine, update)?);
            engine.remember(weights, update, own(engine, slot)?).await
        })
    }

    fn mix(
        &self,
        coefficients: &[f64],
        q: usize,
        offset: f64,
        vectors: &Vector,
        out: &mut Vector,
    ) -> Result<()> {
        inside!(self, engine => {
            let (vectors, out) = (own(engine, vectors)?, own(engine, out)?);
            engine.mix(coefficients, q, offset, vectors, out)
        })
    }
}
