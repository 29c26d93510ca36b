//! The operators over vectors, as dispatches, and the sums that they read back.

use crate::Error;
use crate::arrays::{GpuVector, GpuWeights};
use crate::checks::check;
use crate::context::part;
use crate::engine::{GpuEngine, Work};
use crate::params::{VectorParams, coefficients};
use crate::readback::Awaited;
use crate::recorder::Binding;
use crate::tiles::vector_tiles;
use haul_core::Result;
use haul_core::engine::{
    ABSORB_LOG2, Integral, Pointwise, Ratio, Remembered, STEP_LOG2, Slot, Update,
};
use haul_shaders::Shader;
use std::f64::consts::{LN_2, LOG2_E};
use std::ops::Range;

/// Elements of a workgroup of a kernel over vectors.
const VECTOR_ROWS: usize = 256;

/// Most workgroups of a reduction; each takes its share of the elements, so that the readback does not grow with their number.
const MOST_PARTIALS: usize = 1024;

/// A reduction: each workgroup leaves some partial sums of each line of its elements.
#[derive(Clone, Copy)]
struct Reduction {
    shader: Shader,
    /// Partial sums of a workgroup.
    sums: usize,
    length: usize,
    lines: usize,
    /// Floats of an element in the largest array.
    floats: usize,
}

impl GpuEngine {
    /// Records a kernel over the elements of each line.
    pub(crate) fn record_vector(
        &self,
        work: &mut Work,
        shader: Shader,
        parameters: VectorParams,
        bindings: Vec<Binding>,
        lines: usize,
    ) -> std::result::Result<(), Error> {
        let length = parameters.length as usize;
        let workgroups = length.div_ceil(shader.rows_per_workgroup()) as u32;
        work.recorder.record(
            &self.context,
            shader,
            &parameters,
            bindings,
            (workgroups, lines as u32),
            length * lines,
        )
    }

    /// Tiles of `length` elements of `floats` floats each.
    pub(crate) fn elements(
        &self,
        length: usize,
        floats: usize,
    ) -> impl Iterator<Item = Range<usize>> {
        let binding = self.context.binding_limit() / floats.max(1) as u64;
        vector_tiles(length, VECTOR_ROWS, binding)
    }

    /// The update of a scaling; see [`Engine::scale`](haul_core::Engine::scale).
    pub(crate) fn record_scale(
        &self,
        (epsilon, rho): (f64, f64),
        sums: &GpuVector,
        scaling: &mut GpuVector,
        potential: &mut GpuVector,
    ) -> Result<()> {
        check("the scaling", sums.length, scaling.length)?;
        check("the potential of a scaling", sums.length, potential.length)?;
        let numbers = [
            epsilon * LN_2,
            ABSORB_LOG2,
            STEP_LOG2,
            epsilon / (rho + epsilon),
        ];
        let version = self.record(&[sums, scaling, potential], |work| {
            for tile in self.elements(sums.length, 1) {
                let parameters = VectorParams {
                    length: tile.len() as u32,
                    coefficients: coefficients(numbers),
                    ..Default::default()
                };
                let arrays = [&sums.buffer, &scaling.buffer, &potential.buffer];
                let bindings = arrays.map(|array| part(array, tile.start, tile.len()));
                self.record_vector(work, Shader::Scale, parameters, bindings.into(), 1)?;
            }
            Ok(())
        })?;
        (scaling.version, potential.version) = (version, version);
        Ok(())
    }

    /// A linear combination; see [`Engine::combine`](haul_core::Engine::combine).
    pub(crate) fn record_combination(
        &self,
        terms: &[(f64, &GpuVector)],
        out: &mut GpuVector,
    ) -> Result<()> {
        for (_, vector) in terms {
            check("a term of a combination", out.length, vector.length)?;
        }
        let reads: Vec<_> = terms.iter().map(|(_, vector)| *vector).collect();
        out.version = self.record(&reads, |work| {
            for tile in self.elements(out.length, 1) {
                let bound = |vector: &GpuVector| part(&vector.buffer, tile.start, tile.len());
                // An empty sum is zero.
                let chunks = terms.chunks(4).chain(terms.is_empty().then_some(terms));
                for (index, terms) in chunks.enumerate() {
                    let mut coefficients = [0.0; 16];
                    // A place without a term binds any buffer: with coefficient 0 it is not read.
                    let mut bindings = vec![part(&work.partials, 0, 1); 4];
                    for (place, (coefficient, vector)) in terms.iter().enumerate() {
                        coefficients[place] = *coefficient as f32;
                        bindings[place] = bound(vector);
                    }
                    bindings.push(bound(out));
                    let parameters = VectorParams {
                        length: tile.len() as u32,
                        added: u32::from(index > 0),
                        coefficients,
                        ..Default::default()
                    };
                    self.record_vector(work, Shader::Combine, parameters, bindings, 1)?;
                }
            }
            Ok(())
        })?;
        Ok(())
    }

    /// A product with a matrix of q rows; see [`Engine::mix`](haul_core::Engine::mix). A dispatch is one column of the
    /// result and some rows of the matrix.
    pub(crate) fn record_mixture(
        &self,
        matrix: &[f64],
        q: usize,
        offset: f64,
        vectors: &GpuVector,
        out: &mut GpuVector,
    ) -> Result<()> {
        // Without vectors only the offset is left, of one column or many.
        let columns = matrix.len().checked_div(q).unwrap_or(1);
        check("the coefficients of a mixture", q * columns, matrix.len())?;
        let rows = out.length.checked_div(columns).unwrap_or(0);
        check(
            "the result of a mixture",
            rows.saturating_mul(columns),
            out.length,
        )?;
        check(
            "the vectors of a mixture",
            rows.saturating_mul(q),
            vectors.length,
        )?;
        out.version = self.record(&[vectors], |work| {
            for tile in self.elements(rows, q.max(columns)) {
                let all = |buffer, width| part(buffer, tile.start * width, tile.len() * width);
                let values = match q {
                    0 => part(&work.partials, 0, 1),
                    _ => all(&vectors.buffer, q),
                };
                let bindings = vec![values, all(&out.buffer, columns)];
                for column in 0..columns {
                    for first in (0..q.max(1)).step_by(Shader::SLOTS) {
                        let mut coefficients = [0.0; 16];
                        let last = q.min(first + Shader::SLOTS);
                        for (place, row) in coefficients.iter_mut().zip(first..last) {
                            *place = matrix[row * columns + column] as f32;
                        }
                        let parameters = VectorParams {
                            length: tile.len() as u32,
                            width: q as u32,
                            channel: first as u32,
                            added: u32::from(first > 0),
                            slot: column as u32,
                            offset: if first == 0 { offset as f32 } else { 0.0 },
                            lines: columns as u32,
                            coefficients,
                            ..Default::default()
                        };
                        let bindings = bindings.clone();
                        self.record_vector(work, Shader::Mixture, parameters, bindings, 1)?;
                    }
                }
            }
            Ok(())
        })?;
        Ok(())
    }

    /// An integral; see [`Engine::integral`](haul_core::Engine::integral).
    pub(crate) async fn measure_integral(
        &self,
        weights: &GpuWeights,
        integrand: Pointwise<'_, GpuVector>,
        out: Option<&mut GpuVector>,
    ) -> Result<Vec<Integral>> {
        let (function, numbers) = function(integrand);
        let vectors = integrand.vectors();
        for vector in vectors.iter().flatten() {
            check("a vector of an integrand", weights.length, vector.length)?;
        }
        if let Some(out) = &out {
            check("the values of an integrand", weights.length, out.length)?;
        }
        let lines = weights.histograms;
        let reduction = Reduction {
            shader: Shader::Integral,
            sums: Shader::INTEGRATED,
            length: weights.length / lines,
            lines,
            floats: lines,
        };
        let parameters = VectorParams {
            added: u32::from(out.is_some()),
            slot: function,
            coefficients: coefficients(numbers),
            ..Default::default()
        };
        let reads: Vec<_> = vectors.iter().copied().flatten().collect();
        let written = out.as_ref().map(|out| out.buffer.clone());
        let (awaited, version) = self.reduce(&reads, reduction, parameters, |work, tile| {
            let (first, length) = (tile.start * lines, tile.len() * lines);
            let of = |array: &wgpu::Buffer| part(array, first, length);
            // Buffers that a function lacks are not read.
            let absent = |buffer: &wgpu::Buffer| part(buffer, 0, 1);
            let vectors = vectors.map(|vector| {
                vector.map_or_else(|| absent(&work.zeros), |vector| of(&vector.buffer))
            });
            let out = written.as_ref().map_or_else(|| absent(&work.state), of);
            let mut bindings = vec![of(&weights.relative)];
            bindings.extend(vectors);
            bindings.push(out);
            bindings
        })?;
        if let Some(out) = out {
            out.version = version;
        }
        let sums = self.sums(reduction, awaited).await?;
        let integral = |sums: &[f64]| Integral {
            sum: weights.mean * sums[0],
            size: weights.mean * sums[1],
            height: sums[2],
        };
        Ok(sums.chunks_exact(reduction.sums).map(integral).collect())
    }

    /// Adds an update to a history; see [`Engine::remember`](haul_core::Engine::remember).
    pub(crate) async fn measure_update(
        &self,
        weights: &GpuWeights,
        update: Update<'_, GpuVector>,
        slot: Slot<'_, GpuVector>,
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
        let lines = weights.histograms;
        let length = weights.length;
        check("the potential before an update", length, before.length)?;
        check("the potential after an update", length, after.length)?;
        let room = length.saturating_mul(slots);
        check("the residuals of a history", room, residuals.length)?;
        check("the images of a history", room, images.length)?;
        if index >= slots {
            return Err(haul_core::Error::Slot { index, slots });
        }
        let reduction = Reduction {
            shader: Shader::Remember(self.workgroup()),
            sums: Shader::REMEMBERED,
            length: length / lines,
            lines,
            floats: lines.saturating_mul(slots),
        };
        let mut remembered = Remembered {
            errors: Vec::new(),
            means: Vec::new(),
            products: Vec::new(),
        };
        for channel in (0..slots).step_by(Shader::SLOTS) {
            let parameters = VectorParams {
                width: slots as u32,
                channel: channel as u32,
                slot: index as u32,
                coefficients: coefficients(ratio_of_potentials(epsilon, rho)),
                ..Default::default()
            };
            let reads = [before, after, &*residuals, &*images];
            let (awaited, version) = self.reduce(&reads, reduction, parameters, |_, tile| {
                let of = |array, width| part(array, tile.start * width, tile.len() * width);
                let all = lines * slots;
                vec![
                    of(&weights.relative, lines),
                    of(&before.buffer, lines),
                    of(&after.buffer, lines),
                    of(&residuals.buffer, all),
                    of(&images.buffer, all),
                ]
            })?;
            (residuals.version, images.version) = (version, version);
            let sums = self.sums(reduction, awaited).await?;
            let of_lines = || sums.chunks_exact(Shader::REMEMBERED);
            if channel == 0 {
                remembered.errors = of_lines().map(|sums| weights.mean * sums[0]).collect();
                remembered.means = of_lines().map(|sums| weights.mean * sums[1]).collect();
            }
            let products = 0..Shader::SLOTS.min(slots - channel);
            let over_lines = |slot: usize| of_lines().map(|sums| sums[2 + slot]).sum::<f64>();
            remembered.products.extend(products.map(over_lines));
        }
        Ok(remembered)
    }

    /// Records a reduction and starts the readback of its partial sums; `bindings` has the arrays of a tile without the partial
    /// sums. Returns the version of what else it writes.
    fn reduce(
        &self,
        reads: &[&GpuVector],
        reduction: Reduction,
        parameters: VectorParams,
        bindings: impl Fn(&Work, &Range<usize>) -> Vec<Binding>,
    ) -> Result<(Option<Awaited>, u64)> {
        let Reduction {
            shader,
            sums,
            length,
            lines,
            floats,
        } = reduction;
        let least = shader.rows_per_workgroup();
        let rows = least * length.div_ceil(least * MOST_PARTIALS).max(1);
        let workgroups = length.div_ceil(rows);
        let partials = workgroups.saturating_mul(sums).saturating_mul(lines);
        if partials == 0 {
            return Ok((None, 0));
        }
        let limit = self.context.binding_limit();
        let most = rows.min(length).saturating_mul(floats).max(partials);
        let bytes = most.saturating_mul(size_of::<f32>()) as u64;
        if bytes > limit {
            let what = "the sums of one workgroup, or of all";
            return Err(self.failure(Error::TooLarge { what, bytes, limit }));
        }
        self.context
            .check_workgroups(lines)
            .map_err(|error| self.failure(error))?;
        let (awaited, version) = self.send(reads, partials, |work| {
            self.grow(&mut work.partials, "partial sums", partials)?;
            for tile in vector_tiles(length, rows, limit / floats as u64) {
                let parameters = VectorParams {
                    length: tile.len() as u32,
                    first_partial: (tile.start / rows) as u32,
                    splits: (rows / shader.workgroup_size()) as u32,
                    lines: lines as u32,
                    ..parameters
                };
                let mut bindings = bindings(work, &tile);
                bindings.push(part(&work.partials, 0, partials));
                work.recorder.record(
                    &self.context,
                    shader,
                    &parameters,
                    bindings,
                    (tile.len().div_ceil(rows) as u32, lines as u32),
                    tile.len() * lines,
                )?;
            }
            Ok(work.partials.clone())
        })?;
        Ok((Some(awaited), version))
    }

    /// The sums of each line, finished in f64; for heights, the largest.
    async fn sums(&self, reduction: Reduction, awaited: Option<Awaited>) -> Result<Vec<f64>> {
        let mut sums = vec![0.0f64; reduction.lines * reduction.sums];
        if let Some(awaited) = awaited {
            let partials = self.receive(awaited).await?;
            for partials in partials.chunks_exact(sums.len()) {
                for (place, (sum, partial)) in sums.iter_mut().zip(partials).enumerate() {
                    let partial = f64::from(*partial);
                    let is_height = reduction.shader == Shader::Integral
                        && place % Shader::INTEGRATED == Shader::INTEGRATED - 1;
                    *sum = if is_height {
                        sum.max(partial)
                    } else {
                        *sum + partial
                    };
                }
            }
        }
        Ok(sums)
    }

    /// Reads a part of a vector back.
    pub(crate) async fn read_vector(
        &self,
        vector: &GpuVector,
        part: Range<usize>,
    ) -> Result<Vec<f64>> {
        if part.is_empty() {
            return Ok(Vec::new());
        }
        let sent = self.send_some(&[vector], |_| Ok((vector.buffer.clone(), part)));
        let values = self.receive(sent?.0).await?;
        Ok(values.into_iter().map(f64::from).collect())
    }
}

/// Above this ρ is infinite in f32: a conjugate differs from its potential f by f²/2ρ.
const INFINITE: f64 = 1e30;

/// The number of a function in `integral.wgsl`, and its parameters.
fn function(integrand: Pointwise<'_, GpuVector>) -> (u32, [f64; 2]) {
    let penalty = |rho: f64| [LOG2_E / rho, rho];
    let of = |update: Update<'_, GpuVector>| ratio_of_potentials(update.epsilon, update.rho);
    match integrand {
        Pointwise::Value(_) => (0, [0.0; 2]),
        Pointwise::Entropy(_) => (1, [0.0; 2]),
        Pointwise::Conjugate { rho, .. } if rho < INFINITE => (2, penalty(rho)),
        Pointwise::Conjugate { .. } => (0, [0.0; 2]),
        Pointwise::Least(..) => (3, [0.0; 2]),
        Pointwise::Product(..) => (4, [0.0; 2]),
        Pointwise::Gain { rho, .. } if rho < INFINITE => (6, penalty(rho)),
        Pointwise::Gain { .. } => (5, [0.0; 2]),
        Pointwise::Excess(Ratio::Potentials(update)) => (7, of(update)),
        Pointwise::Missing(update) => (8, ratio_of_potentials(update.epsilon, f64::INFINITY)),
        Pointwise::Logarithm(update) => (9, of(update)),
        Pointwise::Divergence(update) => (10, of(update)),
        Pointwise::Excess(Ratio::Scalings { epsilon, rho, .. }) => {
            (11, [epsilon / rho, LOG2_E / rho])
        }
    }
}

/// The coefficients of `excess_of_potentials`.
fn ratio_of_potentials(epsilon: f64, rho: f64) -> [f64; 2] {
    [LOG2_E * (1.0 / epsilon + 1.0 / rho), LOG2_E / rho]
}
