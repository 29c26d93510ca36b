//! The engine a program works with, chosen at run time.

use crate::on_device::{Points, Vector, Weights, made, own, owned_terms};
use haul_core::engine::{
    Groups, Integral, Integrand, Journal, MatrixEngine, Nearest, Pairs, Piece, Pointwise, Ranked,
    Ranks, Remembered, ResidentEngine, Side, Slot, Survey, Update, Writing,
};
use haul_core::{Engine, Error, Interrupt, Precision, Result};
use haul_cpu::{CpuEngine, InstructionSet, Real};
use haul_gpu::{GpuArray, GpuEngine, Selection};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// An engine on the CPU or on a GPU, alone or over ranks. It is an [`Engine`] itself, so that every solver takes it.
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
    /// SIMD and threads, in f64: slower, for small ε and tight tolerances.
    CpuF64(CpuEngine<f64>),
    /// A wgpu device, in f32.
    Gpu(Box<GpuEngine>),
    /// [`Cpu`](Self::Cpu), whose rows are shared among ranks.
    RankedCpu(Ranked<CpuEngine<f32>>),
    /// [`CpuF64`](Self::CpuF64), whose rows are shared among ranks.
    RankedCpuF64(Ranked<CpuEngine<f64>>),
    /// [`Gpu`](Self::Gpu), whose rows are shared among ranks.
    RankedGpu(Box<Ranked<GpuEngine>>),
}

impl Device {
    /// The best GPU, or the CPU engine in f32 where there is none. A software adapter is never
    /// chosen: the CPU engine is faster. A GPU that is there but fails to open is an error.
    pub fn auto() -> Result<Self> {
        Self::auto_of(0)
    }

    /// The same for the process of this number on its machine.
    pub(crate) fn auto_of(process: usize) -> Result<Self> {
        let selection = Selection::Of(Box::new(Selection::Automatic), process);
        match GpuEngine::new(&selection) {
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

    /// Opens the adapter whose name or driver contains `name`; software adapters too.
    pub fn gpu(name: &str) -> Result<Self> {
        Self::select(&Selection::Name(name.to_owned()))
    }

    /// Opens the selected adapter.
    pub fn select(selection: &Selection) -> Result<Self> {
        GpuEngine::new(selection)
            .map(|engine| Self::Gpu(Box::new(engine)))
            .map_err(failure)
    }

    /// Shares the rows of each operator over pairs among these ranks, each of which has such a device and makes the same calls; see
    /// [`Ranked`]. Where processors differ, all take the widest instruction set that each of them has.
    ///
    /// ```
    /// use haul::engine::Ranks;
    /// use haul::{Device, Measure, Sinkhorn};
    ///
    /// let (a, b) = (Measure::uniform(&[0.0, 0.5, 1.0], 1)?, Measure::uniform(&[0.2, 0.9], 1)?);
    /// let value = |device: &Device| Ok::<_, haul::Error>(Sinkhorn::blur(0.1).solve(device, &a, &b)?.value());
    /// // On many machines, the ranks of an MPI.
    /// let shared = Device::cpu().over(Ranks::alone())?;
    /// assert_eq!(value(&shared)?.to_bits(), value(&Device::cpu())?.to_bits());
    /// # Ok::<(), haul::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Ranks::agree`], if the ranks have devices of different kinds; [`Error::Unsupported`] for a device that is
    /// shared already.
    pub fn over(self, ranks: Ranks) -> Result<Self> {
        let set = common(&ranks)?;
        let kind = match &self {
            Self::Cpu(_) => 0,
            Self::CpuF64(_) => 1,
            _ => 2,
        };
        ranks.agree(kind, Ok(()))?;
        Ok(match self {
            Self::Cpu(engine) => Self::RankedCpu(Ranked::new(on(engine, set)?, ranks)?),
            Self::CpuF64(engine) => Self::RankedCpuF64(Ranked::new(on(engine, set)?, ranks)?),
            Self::Gpu(engine) => Self::RankedGpu(Box::new(Ranked::new(*engine, ranks)?)),
            shared => {
                return Err(Error::Unsupported {
                    what: "ranks within ranks",
                    device: shared.device().to_owned(),
                });
            }
        })
    }

    /// The same device [over ranks](Self::over) with the journal of rank 0; see [`Ranked::with_journal`].
    ///
    /// # Errors
    ///
    /// Those of [`Ranks::agree`]; [`Error::Unsupported`] for a device that is not over ranks.
    pub fn with_journal(self, journal: Option<Arc<dyn Journal>>) -> Result<Self> {
        Ok(match self {
            Self::RankedCpu(engine) => Self::RankedCpu(engine.with_journal(journal)?),
            Self::RankedCpuF64(engine) => Self::RankedCpuF64(engine.with_journal(journal)?),
            Self::RankedGpu(engine) => Self::RankedGpu(Box::new(engine.with_journal(journal)?)),
            other => {
                return Err(Error::Unsupported {
                    what: "a journal of a device that is not over ranks",
                    device: other.device().to_owned(),
                });
            }
        })
    }

    /// Uses an open wgpu device, which may do other work as well; see [`GpuEngine::from_wgpu`].
    pub fn from_wgpu(device: wgpu::Device, queue: wgpu::Queue) -> Result<Self> {
        GpuEngine::from_wgpu(device, queue)
            .map(|engine| Self::Gpu(Box::new(engine)))
            .map_err(failure)
    }

    /// [`from_wgpu`](Self::from_wgpu) without blocking the thread while the device measures and compiles.
    pub async fn from_wgpu_async(device: wgpu::Device, queue: wgpu::Queue) -> Result<Self> {
        GpuEngine::from_wgpu_async(device, queue)
            .await
            .map(|engine| Self::Gpu(Box::new(engine)))
            .map_err(failure)
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Device")
            .field("device", &self.device())
            .field("precision", &self.precision())
            .finish_non_exhaustive()
    }
}

/// The widest instruction set that the processors of all ranks have, where they do not have the same ones.
fn common(ranks: &Ranks) -> Result<Option<InstructionSet>> {
    let has = |set| u8::from(InstructionSet::available().any(|it| it == set));
    let all = ranks.gather_all(3, Ok(InstructionSet::ALL.map(has).into()))?;
    if all.windows(2).all(|pair| pair[0] == pair[1]) {
        return Ok(None);
    }
    let has_each = |place: usize| all.iter().all(|it| it.get(place) == Some(&1));
    let sets = InstructionSet::ALL.into_iter().enumerate();
    let mut common = sets.filter(|(place, _)| has_each(*place));
    Ok(common.next().map(|(_, set)| set))
}

/// An engine on an instruction set, if there is one.
fn on<T: Real>(engine: CpuEngine<T>, set: Option<InstructionSet>) -> Result<CpuEngine<T>> {
    match set {
        Some(set) => engine.with_instructions(set),
        None => Ok(engine),
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
            Device::RankedCpu($engine) => $body,
            Device::RankedCpuF64($engine) => $body,
            Device::RankedGpu($engine) => {
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

    fn most_group_sums(&self) -> usize {
        inside!(self, engine => engine.most_group_sums())
    }

    fn row_roundings(&self, columns: usize, dimension: usize) -> usize {
        inside!(self, engine => engine.row_roundings(columns, dimension))
    }

    fn repeats_distances(&self) -> bool {
        inside!(self, engine => engine.repeats_distances())
    }

    fn kept_distances(&self, rows: &Points, columns: &Points) -> u64 {
        inside!(self, engine => match (own(engine, rows), own(engine, columns)) {
            (Ok(rows), Ok(columns)) => engine.kept_distances(rows, columns),
            _ => 0,
        })
    }

    fn interrupt(&self) -> &Interrupt {
        inside!(self, engine => engine.interrupt())
    }

    fn points(&self, coordinates: &[f64], dimension: usize) -> Result<Points> {
        inside!(self, engine => Ok(made(engine, engine.points(coordinates, dimension)?)))
    }

    fn count(&self, points: &Points) -> usize {
        inside!(self, engine => own(engine, points).map_or(0, |points| engine.count(points)))
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

    async fn read_part(&self, vector: &Vector, part: Range<usize>) -> Result<Vec<f64>> {
        inside!(self, engine => engine.read_part(own(engine, vector)?, part).await)
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

    fn pieces(&self, pairs: Pairs<'_, Points>) -> usize {
        inside!(self, engine => own(engine, pairs).map_or(0, |pairs| engine.pieces(pairs)))
    }

    fn piece(
        &self,
        pairs: Pairs<'_, Points>,
        columns: Side<'_, Weights, Vector>,
        piece: Piece,
        sums: &mut [f64],
    ) -> Result<()> {
        inside!(self, engine => {
            engine.piece(own(engine, pairs)?, own(engine, columns)?, piece, sums)
        })
    }

    fn softmin_of_pieces(
        &self,
        pairs: Pairs<'_, Points>,
        columns: Side<'_, Weights, Vector>,
        sums: &[f64],
        out: &mut Vector,
    ) -> Result<()> {
        inside!(self, engine => {
            let (pairs, columns) = (own(engine, pairs)?, own(engine, columns)?);
            engine.softmin_of_pieces(pairs, columns, sums, own(engine, out)?)
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

    async fn integral(
        &self,
        weights: &Weights,
        integrand: Pointwise<'_, Vector>,
        out: Option<&mut Vector>,
    ) -> Result<Vec<Integral>> {
        inside!(self, engine => {
            let (weights, integrand) = (own(engine, weights)?, own(engine, integrand)?);
            engine.integral(weights, integrand, own(engine, out)?).await
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

impl Device {
    /// The engine that supports buffers of wgpu.
    fn with_arrays(&self) -> Result<&GpuEngine> {
        match self {
            Self::Gpu(engine) => Ok(engine),
            other => Err(Error::Unsupported {
                what: "arrays in buffers of wgpu",
                device: other.device().to_owned(),
            }),
        }
    }
}

impl Device {
    /// The engine that computes with stored matrices.
    fn with_matrices(&self) -> Result<&dyn MatrixEngine> {
        match self {
            Self::Cpu(engine) => Ok(engine),
            Self::CpuF64(engine) => Ok(engine),
            other => Err(Error::Unsupported {
                what: "stored matrices of distances, which are for the CPU",
                device: other.device().to_owned(),
            }),
        }
    }
}

/// For the CPU; on a GPU and over ranks every method returns [`Error::Unsupported`].
impl MatrixEngine for Device {
    fn multiply(&self, factors: [&[f64]; 2], columns: usize, out: &mut [f64]) -> Result<()> {
        self.with_matrices()?.multiply(factors, columns, out)
    }

    fn gibbs(
        &self,
        costs: &[f64],
        epsilon: f64,
        columns: [&[f64]; 2],
        potential: &mut [f64],
        kernel: &mut [f64],
    ) -> Result<()> {
        let engine = self.with_matrices()?;
        engine.gibbs(costs, epsilon, columns, potential, kernel)
    }

    fn sweep(
        &self,
        kernel: &[f64],
        rows: [&[f64]; 2],
        lambda: f64,
        columns: &[f64],
        scaling: &mut [f64],
        sums: &mut [f64],
    ) -> Result<()> {
        let engine = self.with_matrices()?;
        engine.sweep(kernel, rows, lambda, columns, scaling, sums)
    }
}

/// For a GPU; on the CPU and over ranks every method returns [`Error::Unsupported`].
impl ResidentEngine for Device {
    type Array = GpuArray;

    fn shape(&self, array: &GpuArray) -> Result<[usize; 2]> {
        self.with_arrays()?.shape(array)
    }

    async fn survey(&self, array: &GpuArray) -> Result<Vec<Survey>> {
        self.with_arrays()?.survey(array).await
    }

    async fn place(&self, array: &GpuArray, centre: &[f64], scale: f64) -> Result<(Points, f64)> {
        let engine = self.with_arrays()?;
        let (points, farthest) = engine.place(array, centre, scale).await?;
        Ok((made(engine, points), farthest))
    }

    async fn weigh(&self, array: Option<&GpuArray>, points: usize, sum: f64) -> Result<Weights> {
        let engine = self.with_arrays()?;
        Ok(made(engine, engine.weigh(array, points, sum).await?))
    }

    fn homogeneous(&self, points: &Points) -> Result<Vector> {
        let engine = self.with_arrays()?;
        let points = own(engine, points)?;
        Ok(made(engine, engine.homogeneous(points)?))
    }

    async fn write(
        &self,
        vector: &Vector,
        writing: Writing<'_, Weights>,
        array: &GpuArray,
    ) -> Result<bool> {
        let engine = self.with_arrays()?;
        let (vector, writing) = (own(engine, vector)?, own(engine, writing)?);
        engine.write(vector, writing, array).await
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::on_device::Foreign;
    use haul_core::engine::{Factor, Kernel};
    use haul_core::{Cost, Measure, Sinkhorn};

    /// Results of every operator with an output, for points, weights and potentials of another device or of its own.
    fn operators(device: &Device, of: &Device) -> Vec<Result<()>> {
        let (points, weights) = (of.points(&[0.0, 1.0], 1).unwrap(), of.weights(&[1.0; 2], 1));
        let (weights, own) = (weights.unwrap(), device.points(&[0.0, 1.0], 1).unwrap());
        let vector = of.vector(&[0.5, 0.25]).unwrap();
        let kernel = Kernel {
            cost: Cost::SquaredEuclidean,
            epsilon: 0.5,
        };
        let (pairs, columns) = (
            Pairs::new(kernel, &own, &points),
            Side::new(&weights, &vector),
        );
        let integrand = Integrand {
            factor: Factor::One,
            values: &vector,
            width: 1,
        };
        let (mut out, mut foreign) = (device.zeros(2).unwrap(), of.zeros(2).unwrap());
        let rows = Some(&vector);
        vec![
            device.softmin(pairs, columns, None, None, &mut out),
            device.product(pairs, rows, columns, integrand, &mut out),
            device.gradient(pairs, rows, columns, integrand, &mut out),
            device.curvature(pairs, rows, columns, &vector, &mut out),
            device.combine(&[(2.0, &vector)], &mut out),
            device.combine(&[], &mut foreign),
            device.mix(&[1.0], 1, 0.0, &vector, &mut out),
            pollster::block_on(device.nearest(pairs, columns)).map(drop),
            pollster::block_on(device.read(&vector)).map(drop),
        ]
    }

    #[test]
    fn what_lies_on_another_device_is_refused_and_not_read_as_if_it_were_its_own() {
        for (device, other) in [
            (Device::cpu(), Device::cpu_f64()),
            (Device::cpu_f64(), Device::cpu()),
        ] {
            for result in operators(&device, &other) {
                assert!(
                    matches!(&result, Err(Error::Device { source, .. }) if source.is::<Foreign>()),
                    "{result:?}"
                );
            }
            for result in operators(&device, &device) {
                result.unwrap();
            }
        }
    }

    #[test]
    fn a_device_gives_the_bits_of_its_engine() {
        let points: Vec<f64> = (0..90).map(|k| f64::from(k * k % 31) / 31.0).collect();
        let [a, b] =
            [&points[..60], &points[30..]].map(|points| Measure::uniform(points, 3).unwrap());
        fn bits<E: Engine + Clone>(engine: E, a: &Measure, b: &Measure) -> u64 {
            let solution = Sinkhorn::blur(0.2).solve(engine, a, b).unwrap();
            solution.value().to_bits()
        }
        let f32 = bits(Arc::new(Device::cpu()), &a, &b);
        let f64 = bits(&Device::cpu_f64(), &a, &b);
        assert_eq!(f32, bits(&CpuEngine::<f32>::new(), &a, &b));
        assert_eq!(f64, bits(&CpuEngine::<f64>::new(), &a, &b));
        assert_ne!(f32, f64);
    }
}
