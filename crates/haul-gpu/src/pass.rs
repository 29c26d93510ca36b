//! One kernel over pairs, its bindings and its parameters.

use crate::arrays::{GpuPoints, GpuWeights, padded};
use crate::context::part;
use crate::engine::Work;
use crate::near::{Listed, NearPart};
use crate::params::{PairParams, VectorParams, coefficients, sharpness};
use crate::recorder::Binding;
use crate::tiles::{Extent, RowTile};
use haul_core::engine::{Factor, Kernel, Part, TILE};
use haul_shaders::{Columns, Pairs, Shader, Values, Workgroup};
use std::f64::consts::LN_2;
use std::ops::Range;

/// A guessed sum is trusted within these limits, the lower one for each column: below it, powers that were rounded to 0 may
/// have mattered.
const LEAST_SUM: f64 = 1e-18;
const LARGEST_SUM: f64 = 1e30;

/// One kernel over pairs of points, all of them or those of a list.
#[derive(Clone, Copy)]
pub(crate) struct Pass<'a> {
    pub(crate) shader: Shader,
    pub(crate) kernel: Kernel,
    pub(crate) rows: &'a GpuPoints,
    /// The rows that are wanted; all if `None`. Their number decides about nothing else, so that no sum depends on it.
    pub(crate) part: Option<Part>,
    pub(crate) columns: Terms<'a>,
    pub(crate) extra: Extra<'a>,
    pub(crate) out: &'a wgpu::Buffer,
}

/// Terms of the columns in a sum.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) points: &'a GpuPoints,
    pub(crate) weights: &'a GpuWeights,
    pub(crate) potential: &'a wgpu::Buffer,
    /// The list, if only its columns count.
    pub(crate) listed: Option<Listed<'a>>,
}

/// Inputs of a kernel beside the rows and the terms of the columns.
#[derive(Clone, Copy)]
pub(crate) enum Extra<'a> {
    /// The alarm that it waits for; 0 for none.
    Waiting { token: u32 },
    /// The guess of the result, and the alarm that is raised if it was off.
    Guess { guess: &'a wgpu::Buffer, token: u32 },
    /// The same, and the sums of each row over groups of columns: the number of groups, and the buffer of the sums.
    Masses {
        guess: &'a wgpu::Buffer,
        token: u32,
        groups: usize,
        sums: &'a wgpu::Buffer,
    },
    /// The potential of the rows, φ, and the values of a pair from `channel` on, of `width`: values of the column; or
    /// coordinates of a slope times one value of the column; or coordinates of a curvature in a direction of the row.
    Values {
        potential: &'a wgpu::Buffer,
        factor: Factor,
        values: &'a wgpu::Buffer,
        width: usize,
        channel: usize,
    },
    /// None: the kernel finds nearest columns.
    Nearest,
}

impl Pass<'_> {
    /// The work in pairs of dimension 3.
    pub(crate) fn work(&self) -> usize {
        let pairs = match self.columns.listed {
            Some(listed) => listed.list.pairs(),
            None => self.rows.length.saturating_mul(self.columns.points.length),
        };
        pairs.saturating_mul(Extent::pair_work(self.rows.dimension))
    }

    /// The rows that are wanted.
    pub(crate) fn wanted(&self) -> Range<usize> {
        self.part.map_or(0..self.rows.length, Part::rows)
    }

    /// Numbers in a row of the result.
    pub(crate) fn width(&self) -> usize {
        match self.extra {
            Extra::Values { width, .. } => width,
            // A value and a column.
            Extra::Nearest => 2,
            _ => 1,
        }
    }

    /// Number of ∂C factors in the summand.
    pub(crate) fn slopes(&self) -> i32 {
        match self.shader {
            Shader::Sums(_, Values::Slope) | Shader::Strip(_, Values::Slope) => 1,
            Shader::Sums(_, Values::Curvature) | Shader::Strip(_, Values::Curvature) => 2,
            _ => 0,
        }
    }

    /// Whether the weights of columns stay out of the exponent.
    pub(crate) fn is_of_excess(&self) -> bool {
        matches!(
            self.shader,
            Shader::Sums(_, Values::Excess) | Shader::Strip(_, Values::Excess)
        )
    }

    /// Whether its kernel has one variant for each way to find the columns.
    pub(crate) fn has_one_variant(&self) -> bool {
        let one = matches!(self.extra, Extra::Nearest) || self.slopes() > 0 || self.is_of_excess();
        one || self.columns.listed.is_some()
    }

    /// The weights of columns, in the form that its kernel reads.
    pub(crate) fn weights(&self) -> &wgpu::Buffer {
        let weights = self.columns.weights;
        if self.is_of_excess() {
            &weights.relative
        } else {
            &weights.logarithms
        }
    }

    /// Floats of a state.
    pub(crate) fn state(&self) -> usize {
        match self.shader {
            Shader::Sums(_, values) => values.sums(),
            Shader::GroupSums(_) => 1,
            _ => 2,
        }
    }

    /// Whether the kernel always leaves states.
    pub(crate) fn is_never_finished(&self) -> bool {
        matches!(self.extra, Extra::Masses { .. })
    }

    /// Whether it waits for an alarm, and so rarely runs.
    pub(crate) fn waits(&self) -> bool {
        matches!(self.extra, Extra::Waiting { token: 1.. })
    }

    pub(crate) fn parameters(&self) -> PairParams {
        let Terms {
            points, weights, ..
        } = self.columns;
        let parameters = PairParams {
            unit: (self.kernel.epsilon * LN_2) as f32,
            mean_weight: weights.mean as f32,
            log_mean_weight: weights.mean.log2() as f32,
            least_sum: (LEAST_SUM * points.length as f64) as f32,
            largest_sum: LARGEST_SUM as f32,
            ..PairParams::new(self.kernel, self.rows.dimension)
        };
        match self.extra {
            Extra::Nearest => parameters,
            Extra::Waiting { token } | Extra::Guess { token, .. } => PairParams {
                token,
                ..parameters
            },
            Extra::Masses { token, groups, .. } => PairParams {
                token,
                width: groups as u32,
                tiles: self.rows.length.div_ceil(TILE) as u32,
                ..parameters
            },
            Extra::Values {
                factor,
                width,
                channel,
                ..
            } => {
                let (factor_one, factor_cost) = factors(factor, self.kernel);
                // Kernels compute a slope in scaled units, and without the factor p.
                let slope =
                    f64::from(parameters.scale) * self.kernel.cost.p() / sharpness(self.kernel);
                let unit = slope.powi(self.slopes());
                PairParams {
                    width: width as u32,
                    channel: channel as u32,
                    factor_one,
                    factor_cost,
                    mean_weight: (unit * weights.mean) as f32,
                    ..parameters
                }
            }
        }
    }

    /// The pass with another variant of its kernel.
    pub(crate) fn with_columns(self, columns: Columns) -> Self {
        let shader = self.shader.with_pairs(|pairs| Pairs {
            columns,
            workgroup: match columns {
                Columns::Shared => Workgroup::Large,
                _ => pairs.workgroup,
            },
            ..pairs
        });
        Self { shader, ..self }
    }

    /// The bindings of a tile of rows and a tile of columns.
    pub(crate) fn bindings(
        &self,
        work: &Work,
        tile: &RowTile,
        columns: &Range<usize>,
    ) -> Vec<Binding> {
        let Terms {
            points, potential, ..
        } = self.columns;
        let all = columns.start..padded(columns.end);
        let rows = |array: &wgpu::Buffer, width: usize| {
            let (first, length) = (tile.rows.start * width, tile.rows.len() * width);
            part(array, first, length)
        };
        let mut bindings = vec![self.rows.range(&tile.rows), points.range(&all)];
        bindings.extend(match self.columns.listed {
            Some(Listed { terms, list }) => {
                let floats = if self.is_of_excess() { 2 } else { 1 };
                let terms = part(terms, floats * all.start, floats * all.len());
                // The parts of a list divide the columns.
                let parts = list.parts();
                let at = parts.partition_point(|part| part.columns.end <= all.start);
                let list = parts.get(at).map_or(terms.clone(), NearPart::binding);
                [terms, list]
            }
            None => [
                part(self.weights(), all.start, all.len()),
                part(potential, all.start, all.len()),
            ],
        });
        let alarm = part(&work.alarm, 0, 1);
        let states = self.states(work, tile);
        let out = rows(self.out, self.width());
        bindings.extend(match self.extra {
            Extra::Waiting { .. } => vec![alarm, states, out],
            Extra::Guess { guess, .. } => vec![rows(guess, 1), states, out, alarm],
            Extra::Masses { guess, sums, .. } => vec![rows(guess, 1), states, whole(sums)],
            Extra::Values {
                potential,
                values,
                width,
                ..
            } => {
                let values = match self.slopes() {
                    0 => part(values, columns.start * width, columns.len() * width),
                    1 => part(values, columns.start, columns.len()),
                    _ => rows(values, width),
                };
                vec![rows(potential, 1), states, out, values]
            }
            Extra::Nearest => vec![states, out],
        });
        bindings
    }

    /// The states of a tile of rows.
    fn states(&self, work: &Work, tile: &RowTile) -> Binding {
        part(&work.state, 0, tile.states * tile.rows.len() * self.state())
    }

    /// The kernel that turns states into a result, its parameters and its bindings.
    pub(crate) fn finish(
        &self,
        work: &Work,
        tile: &RowTile,
    ) -> (Shader, VectorParams, Vec<Binding>) {
        let PairParams {
            unit,
            mean_weight,
            log_mean_weight,
            least_sum,
            largest_sum,
            token,
            width,
            channel,
            ..
        } = self.parameters();
        let rows = |array: &wgpu::Buffer, width: usize| {
            let (first, length) = (tile.rows.start * width, tile.rows.len() * width);
            part(array, first, length)
        };
        let (states, out) = (self.states(work, tile), rows(self.out, self.width()));
        let alarm = part(&work.alarm, 0, 1);
        let logarithm = [unit, log_mean_weight, least_sum, largest_sum].map(f64::from);
        let (shader, numbers, bindings) = match self.extra {
            Extra::Waiting { .. } => (Shader::SoftminFinish, logarithm, vec![states, alarm, out]),
            Extra::Guess { guess, .. } | Extra::Masses { guess, .. } => {
                let bindings = vec![states, rows(guess, 1), out, alarm];
                (Shader::GuessedFinish, logarithm, bindings)
            }
            Extra::Values { .. } => {
                let values = match self.shader {
                    Shader::Sums(_, values) if values.sums() == 4 => Values::Four,
                    _ => Values::One,
                };
                let numbers = [f64::from(mean_weight), 0.0, 0.0, 0.0];
                (Shader::SumsFinish(values), numbers, vec![states, out])
            }
            Extra::Nearest => (Shader::NearestFinish, [0.0; 4], vec![states, out]),
        };
        let parameters = VectorParams {
            length: tile.rows.len() as u32,
            splits: tile.states as u32,
            token,
            width,
            channel,
            coefficients: coefficients(numbers),
            ..Default::default()
        };
        (shader, parameters, bindings)
    }
}

/// φ = the first + the second · the scaled cost.
pub(crate) fn factors(factor: Factor, kernel: Kernel) -> (f32, f32) {
    match factor {
        // The excess has a kernel of its own.
        Factor::One | Factor::Excess => (1.0, 0.0),
        Factor::Cost => (0.0, 1.0 / sharpness(kernel) as f32),
    }
}

/// All of a buffer of floats.
pub(crate) fn whole(buffer: &wgpu::Buffer) -> Binding {
    part(buffer, 0, buffer.size() as usize / size_of::<f32>())
}
