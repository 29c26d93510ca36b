//! The nearest columns.

use crate::Error;
use crate::arrays::{GpuPoints, GpuVector, GpuWeights};
use crate::engine::{GpuEngine, Work};
use crate::lines::OverLines;
use crate::pass::{Extra, Pass};
use haul_core::Result;
use haul_core::engine::{Kernel, Lines, Nearest, Pairs, Side};
use haul_shaders::{Shader, Terms};
use std::f64::consts::LOG2_E;
use std::sync::Arc;

impl GpuEngine {
    /// The nearest columns; see [`Engine::nearest`](haul_core::Engine::nearest).
    pub(crate) async fn find_nearest(
        &self,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        columns: Side<'_, Arc<GpuWeights>, GpuVector>,
    ) -> Result<Nearest> {
        // In this kernel potentials and costs are exponents themselves.
        let kernel = Kernel {
            epsilon: LOG2_E,
            ..pairs.kernel
        };
        let pairs = Pairs { kernel, ..pairs };
        let (n, _) = self.check_pairs(pairs, columns)?;
        let floats = 2 * pairs.lines.length(n);
        let reads: Vec<_> = columns.potential.into_iter().collect();
        let (awaited, _) = self.send(&reads, floats, |work| {
            let limit = self.context.binding_limit();
            let bytes = (floats * size_of::<f32>()) as u64;
            if bytes > limit {
                let what = "the nearest columns";
                return Err(Error::TooLarge { what, bytes, limit });
            }
            self.grow(&mut work.partials, "partial sums", floats)?;
            let out = work.partials.clone();
            self.nearest_pass(work, pairs, columns, &out)?;
            Ok(out)
        })?;
        let numbers = self.receive(awaited).await?;
        let found = numbers.chunks_exact(2);
        Ok(found
            .map(|found| match found[1].to_bits() {
                u32::MAX => (None, f64::INFINITY),
                column => (Some(column), f64::from(found[0])),
            })
            .unzip())
        .map(|(columns, values)| Nearest { columns, values })
    }

    fn nearest_pass(
        &self,
        work: &mut Work,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        columns: Side<'_, Arc<GpuWeights>, GpuVector>,
        out: &wgpu::Buffer,
    ) -> std::result::Result<(), Error> {
        if pairs.lines != Lines::ONE {
            return self.record_lines(work, pairs, columns, OverLines::Nearest, out);
        }
        self.with_terms(
            work,
            pairs,
            columns,
            (Terms::Counted, &[0]),
            (false, 1),
            |work, terms| {
                let pass = Pass {
                    shader: Shader::Nearest(self.variant(pairs)?),
                    kernel: pairs.kernel,
                    rows: pairs.rows,
                    part: pairs.part,
                    columns: terms,
                    extra: Extra::Nearest,
                    out,
                };
                self.record_whole(work, pass)
            },
        )
    }
}
