//! The engine: who checks the lengths, and hands the operators to their kernels.

use crate::cloud::{CpuCloud, check};
use crate::instructions::{InstructionSet, Missing};
use crate::pass::Pass;
use crate::product::{Against, Product};
use crate::real::Real;
use crate::softmin::{softmin, softmin_of_itself};
use crate::vectors::{self, CpuVector};
use crate::workers::Workers;
use haul_core::engine::{Integrand, Kernel, Ratio, Remembered, Side, Slot, Update};
use haul_core::{Engine, Error, Interrupt, Precision, Result};
use pulp::Arch;
use std::marker::PhantomData;

/// haul's engine for the CPU, in `f32` or `f64`.
///
/// It takes the widest vectors the machine has, found out at run time, and all threads of rayon's
/// global pool, a pool of its own, or the calling thread alone. Results depend on neither the number
/// of threads nor what else runs; on the instruction set they depend by rounding.
#[derive(Debug)]
pub struct CpuEngine<T: Real> {
    arch: Arch,
    workers: Workers,
    device: String,
    interrupt: Interrupt,
    format: PhantomData<T>,
}

impl<T: Real> CpuEngine<T> {
    /// An engine on rayon's global pool.
    pub fn new() -> Self {
        Self::on(Workers::Shared, InstructionSet::widest())
    }

    /// An engine with a number of threads of its own; 0 means one for each processor, 1 the thread
    /// that calls, beside which no other is started.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] when the system starts no threads.
    pub fn with_threads(threads: usize) -> Result<Self> {
        match Workers::new(threads) {
            Ok(workers) => Ok(Self::on(workers, InstructionSet::widest())),
            Err(source) => Err(failure(source)),
        }
    }

    /// How many threads compute.
    pub fn threads(&self) -> usize {
        self.workers.count()
    }

    /// The same engine on an instruction set that need not be the widest: the same numbers, to the
    /// bit, as on any other machine that has it.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the processor has none of it.
    pub fn with_instructions(self, set: InstructionSet) -> Result<Self> {
        if set.arch().is_none() {
            return Err(failure(Missing(set)));
        }
        Ok(Self::on(self.workers, set))
    }

    /// Runs a product, with whatever it is against.
    fn sums(
        &self,
        kernel: Kernel,
        rows: Side<'_, Self>,
        columns: Side<'_, Self>,
        against: Against<'_, T>,
        out: &mut CpuVector<T>,
    ) -> Result<()> {
        check_side("the potential of the rows", rows)?;
        check_side("the potential of the columns", columns)?;
        check_dimensions(rows.cloud, columns.cloud)?;
        self.interrupt.check()?;
        let (f, g) = (&rows.potential.values, &columns.potential.values);
        let machine = (self.arch, &self.interrupt);
        let pass = Pass::new(machine, kernel, rows.cloud, columns.cloud, g);
        let product = Product::new(pass, (f, g), against);
        let room = rows.cloud.len().saturating_mul(product.width());
        check("the result of a product", out.values.len(), room)?;
        product.run(&self.workers, &mut out.values)
    }

    fn on(workers: Workers, set: InstructionSet) -> Self {
        let threads = match workers.count() {
            1 => "1 thread".to_owned(),
            count => format!("{count} threads"),
        };
        Self {
            arch: set.arch().unwrap_or(Arch::Scalar),
            device: format!("CPU ({}, {threads})", set.name()),
            workers,
            interrupt: Interrupt::default(),
            format: PhantomData,
        }
    }
}

impl<T: Real> Default for CpuEngine<T> {
    fn default() -> Self {
        Self::new()
    }
}

fn failure(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Device {
        device: "CPU".to_owned(),
        source: Box::new(source),
    }
}

impl<T: Real> Engine for CpuEngine<T> {
    type Cloud = CpuCloud<T>;
    type Vector = CpuVector<T>;

    fn device(&self) -> &str {
        &self.device
    }

    fn precision(&self) -> Precision {
        T::PRECISION
    }

    fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    fn cloud(&self, points: &[f64], dimension: usize, weights: &[f64]) -> Result<Self::Cloud> {
        CpuCloud::new(points, dimension, weights)
    }

    fn vector(&self, values: &[f64]) -> Result<Self::Vector> {
        Ok(CpuVector::new(values))
    }

    fn read(&self, vector: &Self::Vector) -> Result<Vec<f64>> {
        Ok(vector.read())
    }

    fn softmin(
        &self,
        kernel: Kernel,
        rows: &Self::Cloud,
        columns: Side<'_, Self>,
        shift: Option<&Self::Vector>,
        out: &mut Self::Vector,
    ) -> Result<()> {
        check_side("the potential of the columns", columns)?;
        check_dimensions(rows, columns.cloud)?;
        if let Some(shift) = shift {
            check("the shift of a softmin", shift.values.len(), rows.len())?;
        }
        check("the result of a softmin", out.values.len(), rows.len())?;
        self.interrupt.check()?;
        let potential = &columns.potential.values;
        let machine = (self.arch, &self.interrupt);
        let pass = Pass::new(machine, kernel, rows, columns.cloud, potential);
        let guess = shift.map(|shift| shift.values.as_slice());
        let itself = std::ptr::eq(rows, columns.cloud)
            && shift.is_some_and(|shift| std::ptr::eq(shift, columns.potential));
        if itself && softmin_of_itself(&self.workers, &pass, potential, &mut out.values)? {
            return Ok(());
        }
        softmin(&self.workers, &pass, guess, &mut out.values)
    }

    fn product(
        &self,
        kernel: Kernel,
        rows: Side<'_, Self>,
        columns: Side<'_, Self>,
        integrand: Integrand<'_, Self::Vector>,
        out: &mut Self::Vector,
    ) -> Result<()> {
        let Integrand { values, width, .. } = integrand;
        let m_width = columns.cloud.len().saturating_mul(width);
        check("the values of a product", values.values.len(), m_width)?;
        let values = &values.values;
        let factor = integrand.factor;
        let against = Against::Values {
            factor,
            values,
            width,
        };
        self.sums(kernel, rows, columns, against, out)
    }

    fn gradient(
        &self,
        kernel: Kernel,
        rows: Side<'_, Self>,
        columns: Side<'_, Self>,
        integrand: Integrand<'_, Self::Vector>,
        out: &mut Self::Vector,
    ) -> Result<()> {
        let values = &integrand.values.values;
        check("the width of a gradient's values", integrand.width, 1)?;
        check(
            "the values of a gradient",
            values.len(),
            columns.cloud.len(),
        )?;
        let factor = integrand.factor;
        let against = Against::Gradient { factor, values };
        self.sums(kernel, rows, columns, against, out)
    }

    fn curvature(
        &self,
        kernel: Kernel,
        rows: Side<'_, Self>,
        columns: Side<'_, Self>,
        directions: &Self::Vector,
        out: &mut Self::Vector,
    ) -> Result<()> {
        let directions = &directions.values;
        let room = rows.cloud.len().saturating_mul(rows.cloud.dimension());
        check("the directions of a curvature", directions.len(), room)?;
        self.sums(
            kernel,
            rows,
            columns,
            Against::Curvature { directions },
            out,
        )
    }

    fn scale(
        &self,
        epsilon: f64,
        rho: f64,
        sums: &Self::Vector,
        scaling: &mut Self::Vector,
        potential: &mut Self::Vector,
    ) -> Result<()> {
        let n = sums.values.len();
        check("a scaling", scaling.values.len(), n)?;
        check("the potential of a scaling", potential.values.len(), n)?;
        vectors::scale(
            (epsilon, rho),
            &sums.values,
            &mut scaling.values,
            &mut potential.values,
        );
        Ok(())
    }

    fn marginal_error(&self, rows: &Self::Cloud, ratio: Ratio<'_, Self::Vector>) -> Result<f64> {
        let n = rows.len();
        let weights = rows.weights();
        match ratio {
            Ratio::Potentials(update) => {
                let Update {
                    epsilon,
                    rho,
                    before,
                    after,
                } = update;
                check_update(update, n)?;
                let (before, after) = (&before.values, &after.values);
                // With after = λ T, (before − T)/ε is (before − after)(1/ε + 1/ρ) − before/ρ.
                let sharpness = 1.0 / epsilon + 1.0 / rho;
                let excess = |i: usize| {
                    let (before, after) = (before[i].to_f64(), after[i].to_f64());
                    let wanted = (-before / rho).min(LARGEST_LOG).exp();
                    wanted * ((before - after) * sharpness).min(LARGEST_LOG).exp_m1()
                };
                Ok(vectors::marginal_error(weights, excess))
            }
            Ratio::Scalings {
                epsilon,
                rho,
                potential,
                scaling,
                sums,
            } => {
                let (scaling, sums) = (&scaling.values, &sums.values);
                let potential = &potential.values;
                check("the scaling of a marginal", scaling.len(), n)?;
                check("the sums of a marginal", sums.len(), n)?;
                check("the potential of a marginal", potential.len(), n)?;
                let excess = |i: usize| {
                    let (u, f) = (scaling[i].to_f64(), potential[i].to_f64());
                    let wanted = -(f + epsilon * u.ln()) / rho;
                    u * sums[i].to_f64() - wanted.min(LARGEST_LOG).exp()
                };
                Ok(vectors::marginal_error(weights, excess))
            }
        }
    }

    fn combine(&self, terms: &[(f64, &Self::Vector)], out: &mut Self::Vector) -> Result<()> {
        for (_, vector) in terms {
            check("a combined vector", vector.values.len(), out.values.len())?;
        }
        let terms: Vec<_> = terms
            .iter()
            .map(|(coefficient, vector)| (*coefficient, vector.values.as_slice()))
            .collect();
        vectors::combine(&terms, &mut out.values);
        Ok(())
    }

    fn remember(
        &self,
        rows: &Self::Cloud,
        update: Update<'_, Self::Vector>,
        slot: Slot<'_, Self::Vector>,
    ) -> Result<Remembered> {
        let n = rows.len();
        check_update(update, n)?;
        let Slot {
            index,
            slots,
            residuals: Self::Vector { values: residuals },
            images: Self::Vector { values: images },
        } = slot;
        let room = n.saturating_mul(slots);
        check("the residuals of a history", residuals.len(), room)?;
        check("the images of a history", images.len(), room)?;
        if index >= slots {
            return Err(Error::Slot { index, slots });
        }
        let (mean, products) = vectors::remember(
            rows.weights(),
            (&update.before.values, &update.after.values),
            (residuals, images),
            (index, slots),
        );
        let error = self.marginal_error(rows, Ratio::Potentials(update))?;
        Ok(Remembered {
            error,
            mean,
            products,
        })
    }

    fn extrapolate(
        &self,
        coefficients: &[f64],
        offset: f64,
        images: &Self::Vector,
        out: &mut Self::Vector,
    ) -> Result<()> {
        let room = out.values.len().saturating_mul(coefficients.len());
        check("the images of a history", images.values.len(), room)?;
        vectors::extrapolate(coefficients, offset, &images.values, &mut out.values);
        Ok(())
    }
}

/// A ratio of masses beyond e^300 is told as that: wrong by far, but finite, so that a solve that
/// began far off goes on.
const LARGEST_LOG: f64 = 300.0;

fn check_update<T: Real>(update: Update<'_, CpuVector<T>>, n: usize) -> Result<()> {
    check(
        "the potential before an update",
        update.before.values.len(),
        n,
    )?;
    check(
        "the potential after an update",
        update.after.values.len(),
        n,
    )
}

fn check_side<T: Real>(what: &'static str, side: Side<'_, CpuEngine<T>>) -> Result<()> {
    check(what, side.potential.values.len(), side.cloud.len())
}

fn check_dimensions<T: Real>(rows: &CpuCloud<T>, columns: &CpuCloud<T>) -> Result<()> {
    if rows.dimension() == columns.dimension() {
        Ok(())
    } else {
        Err(Error::DimensionMismatch {
            source_dimension: rows.dimension(),
            target_dimension: columns.dimension(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use haul_core::Cost;

    /// Softmins without and with a guess that is off in one row, and a product; their bits.
    fn bits<T: Real>(engine: &CpuEngine<T>) -> Vec<u64> {
        let wave = |n: usize, phase: f64| (0..n).map(move |i| (phase + 1.7 * i as f64).sin());
        let cloud = |n, phase| {
            let points: Vec<f64> = wave(3 * n, phase).collect();
            let weights: Vec<f64> = wave(n, phase).map(|w| w + 1.1).collect();
            engine.cloud(&points, 3, &weights).unwrap()
        };
        let vector = |n, phase| {
            let values: Vec<f64> = wave(n, phase).collect();
            engine.vector(&values).unwrap()
        };
        let (rows, columns) = (cloud(1001, 0.0), cloud(777, 0.5));
        let (f, g) = (vector(1001, 1.0), vector(777, 2.0));
        let side = |cloud, potential| Side { cloud, potential };
        let columns = side(&columns, &g);
        let kernel = Kernel {
            cost: Cost::SquaredEuclidean,
            epsilon: 0.05,
        };
        let mut cold = vector(1001, 0.0);
        engine
            .softmin(kernel, &rows, columns, None, &mut cold)
            .unwrap();
        let mut guess = cold.clone();
        guess.values[17] = T::from_f64(1e3);
        let mut warm = vector(1001, 0.0);
        engine
            .softmin(kernel, &rows, columns, Some(&guess), &mut warm)
            .unwrap();
        let values = vector(777 * 5, 3.0);
        let integrand = Integrand {
            factor: haul_core::engine::Factor::Cost,
            values: &values,
            width: 5,
        };
        let mut sums = vector(1001 * 5, 0.0);
        engine
            .product(kernel, side(&rows, &f), columns, integrand, &mut sums)
            .unwrap();
        let results = [cold, warm, sums];
        results
            .iter()
            .flat_map(|v| v.read())
            .map(f64::to_bits)
            .collect()
    }

    fn threads_change_no_bit<T: Real>() {
        let [one, two, three] =
            [1, 2, 3].map(|threads| bits(&CpuEngine::<T>::with_threads(threads).unwrap()));
        assert!(one == two && one == three);
        // Instructions do: had the bits nothing to do with the arithmetic, this would be equal as well.
        let scalar = CpuEngine::<T>::new()
            .with_instructions(InstructionSet::Scalar)
            .unwrap();
        if InstructionSet::widest() != InstructionSet::Scalar {
            assert!(one != bits(&scalar));
        }
    }

    #[test]
    fn threads_change_no_bit_of_either_format() {
        threads_change_no_bit::<f32>();
        threads_change_no_bit::<f64>();
    }

    #[test]
    fn what_the_processor_has_not_is_refused() {
        let has: Vec<_> = InstructionSet::available().collect();
        for set in InstructionSet::ALL {
            let engine = CpuEngine::<f32>::new().with_instructions(set);
            assert_eq!(engine.is_ok(), has.contains(&set));
        }
    }
}
