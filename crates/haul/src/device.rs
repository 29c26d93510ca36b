//! The engine a program works with, chosen at run time.

use haul_core::engine::{Integrand, Kernel, Ratio, Remembered, Side, Slot, Update};
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

/// A cloud on a [`Device`].
#[non_exhaustive]
pub enum Cloud {
    /// On the CPU, in f32.
    Cpu(<CpuEngine<f32> as Engine>::Cloud),
    /// On the CPU, in f64.
    CpuF64(<CpuEngine<f64> as Engine>::Cloud),
    /// On a GPU.
    Gpu(<GpuEngine as Engine>::Cloud),
}

/// A vector on a [`Device`].
#[non_exhaustive]
pub enum Vector {
    /// On the CPU, in f32.
    Cpu(<CpuEngine<f32> as Engine>::Vector),
    /// On the CPU, in f64.
    CpuF64(<CpuEngine<f64> as Engine>::Vector),
    /// On a GPU.
    Gpu(<GpuEngine as Engine>::Vector),
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

/// A cloud or vector of another device than the one that works.
#[derive(Debug, thiserror::Error)]
#[error("a cloud or vector of another device; upload it to this one")]
struct Foreign;

/// Runs an expression on the engine inside, with the names in brackets taken out of their own
/// enumerations.
macro_rules! dispatch {
    ($device:expr, $engine:ident, [$($kind:ident $name:ident),*], $body:expr) => {
        match ($device, ($($name,)*)) {
            (Device::Cpu($engine), ($($kind::Cpu($name),)*)) => $body,
            (Device::CpuF64($engine), ($($kind::CpuF64($name),)*)) => $body,
            (Device::Gpu($engine), ($($kind::Gpu($name),)*)) => $body,
            #[allow(unreachable_patterns)] // where there is nothing to take out
            (device, _) => Err(Error::Device { device: device.device().to_owned(), source: Box::new(Foreign) }),
        }
    };
}

/// Hands on a sum over pairs: `product` or `gradient`.
macro_rules! over_pairs {
    ($device:expr, $method:ident, $kernel:expr, $rows:ident, $columns:ident, $integrand:ident, $out:ident) => {{
        let (x, f) = ($rows.cloud, $rows.potential);
        let (y, g) = ($columns.cloud, $columns.potential);
        let Integrand {
            factor,
            values,
            width,
        } = $integrand;
        dispatch!($device, engine, [Cloud x, Vector f, Cloud y, Vector g, Vector values, Vector $out], {
            let rows = Side { cloud: x, potential: f };
            let columns = Side { cloud: y, potential: g };
            engine.$method($kernel, rows, columns, Integrand { factor, values, width }, $out)
        })
    }};
}

/// Wraps what an engine made in the kind of that engine.
macro_rules! wrap {
    ($device:expr, $kind:ident, $engine:ident, $body:expr) => {
        match $device {
            Device::Cpu($engine) => $body.map($kind::Cpu),
            Device::CpuF64($engine) => $body.map($kind::CpuF64),
            Device::Gpu($engine) => $body.map($kind::Gpu),
        }
    };
}

impl Engine for Device {
    type Cloud = Cloud;
    type Vector = Vector;

    fn device(&self) -> &str {
        match self {
            Self::Cpu(engine) => engine.device(),
            Self::CpuF64(engine) => engine.device(),
            Self::Gpu(engine) => engine.device(),
        }
    }

    fn precision(&self) -> Precision {
        match self {
            Self::Cpu(engine) => engine.precision(),
            Self::CpuF64(engine) => engine.precision(),
            Self::Gpu(engine) => engine.precision(),
        }
    }

    fn row_roundings(&self, columns: usize, dimension: usize) -> usize {
        match self {
            Self::Cpu(engine) => engine.row_roundings(columns, dimension),
            Self::CpuF64(engine) => engine.row_roundings(columns, dimension),
            Self::Gpu(engine) => engine.row_roundings(columns, dimension),
        }
    }

    fn repeats_distances(&self) -> bool {
        match self {
            Self::Cpu(engine) => engine.repeats_distances(),
            Self::CpuF64(engine) => engine.repeats_distances(),
            Self::Gpu(engine) => engine.repeats_distances(),
        }
    }

    fn interrupt(&self) -> &Interrupt {
        match self {
            Self::Cpu(engine) => engine.interrupt(),
            Self::CpuF64(engine) => engine.interrupt(),
            Self::Gpu(engine) => engine.interrupt(),
        }
    }

    fn cloud(&self, points: &[f64], dimension: usize, weights: &[f64]) -> Result<Cloud> {
        wrap!(
            self,
            Cloud,
            engine,
            engine.cloud(points, dimension, weights)
        )
    }

    fn vector(&self, values: &[f64]) -> Result<Vector> {
        wrap!(self, Vector, engine, engine.vector(values))
    }

    fn read(&self, vector: &Vector) -> Result<Vec<f64>> {
        dispatch!(self, engine, [Vector vector], engine.read(vector))
    }

    fn softmin(
        &self,
        kernel: Kernel,
        rows: &Cloud,
        columns: Side<'_, Self>,
        shift: Option<&Vector>,
        out: &mut Vector,
    ) -> Result<()> {
        let Side { cloud, potential } = columns;
        match shift {
            None => {
                dispatch!(self, engine, [Cloud rows, Cloud cloud, Vector potential, Vector out], {
                    engine.softmin(kernel, rows, Side { cloud, potential }, None, out)
                })
            }
            Some(shift) => {
                dispatch!(self, engine, [Cloud rows, Cloud cloud, Vector potential, Vector shift, Vector out], {
                    engine.softmin(kernel, rows, Side { cloud, potential }, Some(shift), out)
                })
            }
        }
    }

    fn product(
        &self,
        kernel: Kernel,
        rows: Side<'_, Self>,
        columns: Side<'_, Self>,
        integrand: Integrand<'_, Vector>,
        out: &mut Vector,
    ) -> Result<()> {
        over_pairs!(self, product, kernel, rows, columns, integrand, out)
    }

    fn gradient(
        &self,
        kernel: Kernel,
        rows: Side<'_, Self>,
        columns: Side<'_, Self>,
        integrand: Integrand<'_, Vector>,
        out: &mut Vector,
    ) -> Result<()> {
        over_pairs!(self, gradient, kernel, rows, columns, integrand, out)
    }

    fn curvature(
        &self,
        kernel: Kernel,
        rows: Side<'_, Self>,
        columns: Side<'_, Self>,
        directions: &Vector,
        out: &mut Vector,
    ) -> Result<()> {
        let (x, f) = (rows.cloud, rows.potential);
        let (y, g) = (columns.cloud, columns.potential);
        dispatch!(self, engine, [Cloud x, Vector f, Cloud y, Vector g, Vector directions, Vector out], {
            let rows = Side { cloud: x, potential: f };
            let columns = Side { cloud: y, potential: g };
            engine.curvature(kernel, rows, columns, directions, out)
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
        dispatch!(self, engine, [Vector sums, Vector scaling, Vector potential], {
            engine.scale(epsilon, rho, sums, scaling, potential)
        })
    }

    fn marginal_error(&self, rows: &Cloud, ratio: Ratio<'_, Vector>) -> Result<f64> {
        match ratio {
            Ratio::Potentials(Update {
                epsilon,
                rho,
                before,
                after,
            }) => {
                dispatch!(self, engine, [Cloud rows, Vector before, Vector after], {
                                let update = Update { epsilon, rho, before, after };
                engine.marginal_error(rows, Ratio::Potentials(update))
                            })
            }
            Ratio::Scalings {
                epsilon,
                rho,
                potential,
                scaling,
                sums,
            } => {
                dispatch!(self, engine, [Cloud rows, Vector potential, Vector scaling, Vector sums], {
                    engine.marginal_error(rows, Ratio::Scalings { epsilon, rho, potential, scaling, sums })
                })
            }
        }
    }

    fn combine(&self, terms: &[(f64, &Vector)], out: &mut Vector) -> Result<()> {
        /// The terms as one engine has them, if they are all its own.
        macro_rules! own {
            ($kind:ident) => {
                terms
                    .iter()
                    .map(|(c, v)| {
                        if let Vector::$kind(v) = v {
                            Some((*c, v))
                        } else {
                            None
                        }
                    })
                    .collect()
            };
        }
        let foreign = || Error::Device {
            device: self.device().to_owned(),
            source: Box::new(Foreign),
        };
        match (self, out) {
            (Self::Cpu(engine), Vector::Cpu(out)) => {
                let terms: Option<Vec<_>> = own!(Cpu);
                engine.combine(&terms.ok_or_else(foreign)?, out)
            }
            (Self::CpuF64(engine), Vector::CpuF64(out)) => {
                let terms: Option<Vec<_>> = own!(CpuF64);
                engine.combine(&terms.ok_or_else(foreign)?, out)
            }
            (Self::Gpu(engine), Vector::Gpu(out)) => {
                let terms: Option<Vec<_>> = own!(Gpu);
                engine.combine(&terms.ok_or_else(foreign)?, out)
            }
            _ => Err(foreign()),
        }
    }

    fn remember(
        &self,
        rows: &Cloud,
        update: Update<'_, Vector>,
        slot: Slot<'_, Vector>,
    ) -> Result<Remembered> {
        let Update {
            epsilon,
            rho,
            before,
            after,
        } = update;
        let Slot {
            index,
            slots,
            residuals,
            images,
        } = slot;
        dispatch!(self, engine, [Cloud rows, Vector before, Vector after, Vector residuals, Vector images], {
            let update = Update { epsilon, rho, before, after };
            engine.remember(rows, update, Slot { index, slots, residuals, images })
        })
    }

    fn extrapolate(
        &self,
        coefficients: &[f64],
        offset: f64,
        images: &Vector,
        out: &mut Vector,
    ) -> Result<()> {
        dispatch!(self, engine, [Vector images, Vector out], engine.extrapolate(coefficients, offset, images, out))
    }
}
