//! Passes over many lines, which share one strip of costs.
//!
//! A vector over m points has outer × m × inner numbers. The costs of a block of rows and columns are computed once, into a
//! buffer of bounded size, and each line computes its exponentials from them before the next block overwrites them. Lines
//! without potentials of their own share the densities.

use crate::Error;
use crate::arrays::{GpuPoints, GpuVector, GpuWeights, padded};
use crate::context::part;
use crate::engine::{GpuEngine, Work};
use crate::params::{LineParams, PairParams, VectorParams, coefficients, sharpness};
use crate::pass::{Extra, Pass, factors};
use crate::tiles::{Extent, Strip};
use haul_core::engine::{Factor, Kernel, Lines, Pairs, Side};
use haul_shaders::{Columns, Density, Lanes, Shader, Terms, Values};
use std::f64::consts::LN_2;
use std::sync::Arc;

/// Most numbers of a result for which columns are split: more of them keep any device busy.
const FEW_NUMBERS: usize = 1 << 20;

/// Least number of columns in a split.
const LEAST_SPLIT: usize = 64;

/// Most columns of a strip: as many as a span has.
const MOST_COLUMNS: usize = 1 << 15;

/// The operator of a pass over lines.
#[derive(Clone, Copy)]
pub(crate) enum OverLines<'a> {
    /// A softmin.
    Softmin,
    /// A product with `width` values a column for each line.
    Product {
        potential: Option<&'a GpuVector>,
        factor: Factor,
        values: &'a wgpu::Buffer,
        width: usize,
    },
    /// A product of lines that share the densities.
    Densities { values: &'a wgpu::Buffer },
    /// The nearest columns.
    Nearest,
}

/// A pass over lines, and how it is divided.
struct LinesPass<'a> {
    over: OverLines<'a>,
    kernel: Kernel,
    shader: Shader,
    /// Points of rows and of columns, and lines.
    n: usize,
    m: usize,
    lines: usize,
    splits: usize,
    mean_weight: f64,
    /// Terms of the columns in an exponent, if lines have exponents.
    terms: &'a wgpu::Buffer,
    out: &'a wgpu::Buffer,
    parameters: LineParams,
}

impl OverLines<'_> {
    fn terms(self) -> Terms {
        match self {
            Self::Softmin => Terms::Whole,
            Self::Product {
                factor: Factor::Excess,
                ..
            } => Terms::Excess,
            Self::Product { .. } | Self::Densities { .. } => Terms::Whole,
            Self::Nearest => Terms::Counted,
        }
    }

    /// Floats of a state.
    fn state(self) -> usize {
        match self {
            Self::Product { .. } | Self::Densities { .. } => 1,
            _ => 2,
        }
    }

    /// Floats of a number of the result.
    fn width(self) -> usize {
        match self {
            Self::Nearest => 2,
            _ => 1,
        }
    }
}

impl GpuEngine {
    /// Records a pass over lines.
    pub(crate) fn record_lines(
        &self,
        work: &mut Work,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        columns: Side<'_, Arc<GpuWeights>, GpuVector>,
        over: OverLines<'_>,
        out: &wgpu::Buffer,
    ) -> Result<(), Error> {
        let kernel = pairs.kernel;
        // Values of a line are adjacent lines that share a potential.
        let width = match over {
            OverLines::Product { width, .. } => width,
            _ => 1,
        };
        let lines = Lines {
            inner: pairs.lines.inner.saturating_mul(width),
            ..pairs.lines
        };
        if lines.count() == 0 {
            return Ok(());
        }
        let (n, m) = (pairs.rows.length, pairs.columns.length);
        let weights = match columns.weights {
            Some(weights) => Arc::clone(weights),
            None => self.ones(work, m)?,
        };
        let kind = over.terms();
        let terms = self.record_terms(
            work,
            kind,
            kernel,
            (m, lines, width),
            &weights,
            columns.potential,
        )?;
        let lanes = self.lanes(lines);
        let shader = match over {
            OverLines::Softmin => Shader::SoftminLines(lanes, self.workgroup()),
            OverLines::Nearest => Shader::NearestLines(lanes, self.workgroup()),
            OverLines::Product { factor, .. } => {
                let density = match factor {
                    Factor::Excess => Density::Excess,
                    _ => Density::Whole,
                };
                Shader::ProductLines(density, lanes, self.workgroup())
            }
            OverLines::Densities { .. } => {
                Shader::ProductLines(Density::Stored, lanes, self.workgroup())
            }
        };
        let splits = self.splits_of_lines(shader, lines, (n, m));
        let finite = kernel.epsilon.is_finite();
        let (factor_one, factor_cost, potential) = match over {
            OverLines::Product {
                potential, factor, ..
            } => {
                let (one, cost) = factors(factor, kernel);
                let whose = |f: &GpuVector| if f.length == n { 1 } else { 2 };
                (one, cost, potential.map_or(0, whose))
            }
            _ => (1.0, 0.0, 0),
        };
        let pass = LinesPass {
            over,
            kernel,
            shader,
            n,
            m,
            lines: lines.count(),
            splits,
            mean_weight: weights.mean,
            terms: &terms,
            out,
            parameters: LineParams {
                points_of_rows: n as u32,
                points_of_columns: m as u32,
                lines: lines.count() as u32,
                inner: lines.inner as u32,
                potential,
                sharpness: if finite {
                    sharpness(kernel) as f32
                } else {
                    0.0
                },
                decay: if finite { 1.0 } else { 0.0 },
                factor_one,
                factor_cost,
                unit: (kernel.epsilon * LN_2) as f32,
                mean_weight: weights.mean as f32,
                log_mean_weight: weights.mean.log2() as f32,
                width: width as u32,
                ..Default::default()
            },
        };
        let mut variant = self.variant(pairs)?;
        if !variant.points.are_few() {
            let as_sums = Shader::Sums(variant, Values::None);
            variant.columns = self.choices.take(as_sums, 0).columns;
            if variant.columns == Columns::Shared {
                variant.workgroup = haul_shaders::Workgroup::Large;
            }
        }
        let costs = Shader::Costs(variant);
        let extent = self.extent_of(work, costs, pairs.rows, pairs.columns, 1)?;
        self.record_strips_of_lines(work, &pass, &extent, |work, strip| {
            self.record_costs(work, pairs, costs, &extent, strip)
        })
    }

    /// Records a product of lines that share the densities, those of a pass for one value a column.
    pub(crate) fn record_lines_of_densities(
        &self,
        work: &mut Work,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        pass: Pass<'_>,
    ) -> Result<(), Error> {
        let lines = pairs.lines;
        let Extra::Values { values, .. } = pass.extra else {
            return Ok(());
        };
        if lines.count() == 0 {
            return Ok(());
        }
        let (n, m) = (pairs.rows.length, pairs.columns.length);
        let shader = Shader::ProductLines(Density::Stored, self.lanes(lines), self.workgroup());
        let mean_weight = pass.parameters().mean_weight;
        let of_lines = LinesPass {
            over: OverLines::Densities { values },
            kernel: pass.kernel,
            shader,
            n,
            m,
            lines: lines.count(),
            splits: self.splits_of_lines(shader, lines, (n, m)),
            mean_weight: f64::from(mean_weight),
            // It is not read.
            terms: values,
            out: pass.out,
            parameters: LineParams {
                points_of_rows: n as u32,
                points_of_columns: m as u32,
                lines: lines.count() as u32,
                inner: lines.inner as u32,
                mean_weight,
                width: 1,
                ..Default::default()
            },
        };
        let extent = self.extent(work, &pass)?;
        self.record_strips_of_lines(work, &of_lines, &extent, |work, strip| {
            self.record_densities(work, &pass, &extent, strip)
        })
    }

    /// Whether neighbouring invocations of a workgroup take neighbouring lines or neighbouring rows.
    fn lanes(&self, lines: Lines) -> Lanes {
        let whole = Shader::SoftminLines(Lanes::Lines, self.workgroup()).workgroup_size();
        if lines.inner >= whole {
            Lanes::Lines
        } else {
            Lanes::Rows
        }
    }

    /// Number of workgroups over which the columns of a row are split.
    fn splits_of_lines(&self, shader: Shader, lines: Lines, (n, m): (usize, usize)) -> usize {
        if lines.length(n) > FEW_NUMBERS {
            return 1;
        }
        let groups = n.div_ceil(shader.rows_per_workgroup())
            * lines.count().div_ceil(shader.lines_per_workgroup());
        let wanted = self.parallelism() / groups.max(1);
        wanted.min(m / LEAST_SPLIT).max(1)
    }

    /// Records for each strip its values for the pairs, then what all lines compute from them.
    fn record_strips_of_lines(
        &self,
        work: &mut Work,
        pass: &LinesPass<'_>,
        extent: &Extent,
        record_pairs: impl Fn(&mut Work, &Strip) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let all = (0..pass.n, 0..pass.m);
        let strips = extent.strips(all, self.strip_bytes(), MOST_COLUMNS, 1);
        let whole = strips.iter().all(|strip| strip.columns.len() == pass.m);
        let numbers = pass.n * pass.lines;
        let states = match (whole, pass.splits) {
            (true, 1) => 1,
            (_, splits) => splits * numbers,
        };
        let floats = states * pass.over.state();
        let largest = floats.max(numbers * pass.over.width());
        let (bytes, limit) = (
            (largest * size_of::<f32>()) as u64,
            self.context.binding_limit(),
        );
        if bytes > limit {
            let what = "the results of all lines";
            return Err(Error::TooLarge { what, bytes, limit });
        }
        self.grow(&mut work.state, "the state of a kernel", floats)?;
        for strip in strips {
            let room = strip.height() * padded(strip.columns.len());
            self.grow(&mut work.strip, "a strip of the plan", room)?;
            record_pairs(work, &strip)?;
            self.record_strip_of_lines(work, pass, &strip, floats)?;
        }
        if pass.splits > 1 {
            self.record_finish_of_lines(work, pass, floats)?;
        }
        Ok(())
    }

    /// Records the costs of a strip.
    fn record_costs(
        &self,
        work: &mut Work,
        pairs: Pairs<'_, Arc<GpuPoints>>,
        shader: Shader,
        extent: &Extent,
        strip: &Strip,
    ) -> Result<(), Error> {
        let columns = strip.columns.start..padded(strip.columns.end);
        let room = strip.height() * columns.len();
        for dispatch in &strip.dispatches {
            let rows = strip.rows.start + dispatch.start..strip.rows.start + dispatch.end;
            let bindings = vec![
                pairs.rows.range(&rows),
                pairs.columns.range(&columns),
                part(&work.strip, 0, room),
            ];
            let parameters = PairParams {
                rows: rows.len() as u32,
                last_group: (columns.len() / Shader::GROUP) as u32,
                groups_per_split: strip.groups_per_split as u32,
                last_column: strip.columns.len() as u32 - 1,
                height: strip.height() as u32,
                first_row: dispatch.start as u32,
                ..PairParams::new(pairs.kernel, extent.dimension)
            };
            let workgroups = (
                rows.len().div_ceil(shader.rows_per_workgroup()) as u32,
                strip.splits as u32,
            );
            let effort = rows.len() * columns.len() * Extent::pair_work(extent.dimension);
            work.recorder.record(
                &self.context,
                shader,
                &parameters,
                bindings,
                workgroups,
                effort,
            )?;
        }
        Ok(())
    }

    /// Records what all lines compute from a strip.
    fn record_strip_of_lines(
        &self,
        work: &mut Work,
        pass: &LinesPass<'_>,
        strip: &Strip,
        state: usize,
    ) -> Result<(), Error> {
        let LinesPass {
            shader,
            splits,
            lines,
            ..
        } = *pass;
        let (rows, columns) = (&strip.rows, &strip.columns);
        let numbers = pass.n * lines;
        let mut bindings = vec![part(&work.strip, 0, strip.height() * padded(columns.len()))];
        let terms = || part(pass.terms, 0, floats_of_terms(pass));
        let state = part(&work.state, 0, state);
        let out = part(pass.out, 0, numbers * pass.over.width());
        bindings.extend(match pass.over {
            OverLines::Product {
                potential, values, ..
            } => {
                let values = part(values, 0, pass.m * lines);
                let potential = match potential {
                    Some(f) => part(&f.buffer, 0, f.length),
                    // It is not read.
                    None => values.clone(),
                };
                vec![values, state, out, terms(), potential]
            }
            OverLines::Densities { values } => {
                vec![part(values, 0, pass.m * lines), state, out]
            }
            OverLines::Softmin | OverLines::Nearest => vec![terms(), state, out],
        });
        let per_workgroup = shader.lines_per_workgroup();
        let pairs = rows.len() * columns.len();
        let row_groups = rows.len().div_ceil(shader.rows_per_workgroup());
        // As many lines as the time and the workgroups of a dispatch allow.
        let by_work = work.recorder.pace.dispatch() / pairs.max(1) / per_workgroup;
        let by_lanes = match shader.lanes() {
            Some(Lanes::Lines) => usize::from(u16::MAX),
            _ => usize::from(u16::MAX) / splits,
        };
        let most = by_work.clamp(1, by_lanes) * per_workgroup;
        let last = columns.end == pass.m;
        for first in (0..lines).step_by(most) {
            let some = most.min(lines - first);
            let line_groups = some.div_ceil(per_workgroup);
            let (x, blocks) = match shader.lanes() {
                Some(Lanes::Lines) => (line_groups, row_groups),
                _ => (row_groups, line_groups),
            };
            let parameters = LineParams {
                rows: rows.len() as u32,
                columns: columns.len() as u32,
                first_row: rows.start as u32,
                first_column: columns.start as u32,
                height: strip.height() as u32,
                first_line: first as u32,
                blocks: blocks as u32,
                columns_per_split: columns
                    .len()
                    .div_ceil(splits)
                    .next_multiple_of(Shader::GROUP) as u32,
                carried: u32::from(columns.start > 0),
                finished: u32::from(last && splits == 1),
                ..pass.parameters
            };
            self.context.check_workgroups(blocks * splits)?;
            work.recorder.record(
                &self.context,
                shader,
                &parameters,
                bindings.clone(),
                (x as u32, (blocks * splits) as u32),
                pairs * some,
            )?;
        }
        Ok(())
    }

    /// Records the kernel that turns the states of all splits into results.
    fn record_finish_of_lines(
        &self,
        work: &mut Work,
        pass: &LinesPass<'_>,
        state: usize,
    ) -> Result<(), Error> {
        let numbers = pass.n * pass.lines;
        let states = part(&work.state, 0, state);
        let out = part(pass.out, 0, numbers * pass.over.width());
        let unit = pass.kernel.epsilon * LN_2;
        let (shader, numbers_of, bindings) = match pass.over {
            OverLines::Softmin => {
                let alarm = part(&work.alarm, 0, 1);
                let logarithm = [unit, pass.mean_weight.log2()];
                (Shader::SoftminFinish, logarithm, vec![states, alarm, out])
            }
            OverLines::Product { .. } | OverLines::Densities { .. } => {
                let shader = Shader::SumsFinish(Values::One);
                (shader, [pass.mean_weight, 0.0], vec![states, out])
            }
            OverLines::Nearest => (Shader::NearestFinish, [0.0; 2], vec![states, out]),
        };
        let parameters = VectorParams {
            length: numbers as u32,
            splits: pass.splits as u32,
            width: 1,
            coefficients: coefficients(numbers_of),
            ..Default::default()
        };
        self.record_vector(work, shader, parameters, bindings, 1)
    }
}

/// Floats of the terms of all columns and lines.
fn floats_of_terms(pass: &LinesPass<'_>) -> usize {
    let each = if pass.over.terms() == Terms::Excess {
        2
    } else {
        1
    };
    each * padded(pass.m * pass.lines)
}
