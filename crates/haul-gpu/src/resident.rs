//! Arrays in buffers of the caller: how they are read and written.
//!
//! Each array is checked before anything is recorded, so that the caller gets an error where wgpu would later refuse or panic. Each
//! operator waits until the device has read or written the array: then nothing is pending on a buffer of the caller.

use crate::Error;
use crate::arrays::{GpuPoints, GpuVector, GpuWeights};
use crate::checks::check;
use crate::context::{Context, part};
use crate::engine::{GpuEngine, Work};
use crate::params::ArrayParams;
use crate::recorder::Binding;
use crate::tiles::vector_tiles;
use haul_core::engine::{ResidentEngine, Survey, Writing};
use haul_core::{Precision, Result};
use haul_shaders::{Points, Shader};
use std::ops::Range;
use std::sync::Arc;

/// Rows of f32 numbers in a buffer of the caller: points, weights, or room for results.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (buffer, other): (wgpu::Buffer, wgpu::Buffer) = unimplemented!();
/// use haul_gpu::GpuArray;
/// // The positions of 1000 particles of 32 bytes each, behind a header of 256 bytes.
/// let positions = GpuArray::new(&buffer, 1000, 3).at(256).with_stride(32);
/// // A weight for each, one after the other.
/// let weights = GpuArray::new(&other, 1000, 1);
/// # Ok(())
/// # }
/// ```
///
/// The buffer must belong to the engine's device and have the usage `STORAGE`. Offset and stride must be multiples of 4 bytes. The
/// bytes between the rows are neither read nor written. An engine checks all of this when it uses the array, and returns an
/// [`Error`] for what is wrong.
#[derive(Debug, Clone)]
pub struct GpuArray {
    buffer: wgpu::Buffer,
    rows: usize,
    columns: usize,
    offset: u64,
    stride: u64,
}

/// Bytes of a number.
const FLOAT: u64 = size_of::<f32>() as u64;

/// Most iterations of an invocation's loops.
const MOST_ITERATIONS: usize = 60_000;

/// Most records read back: they do not grow with the rows.
const MOST_RECORDS: usize = 1024;

impl GpuArray {
    /// `rows` rows of `columns` numbers each, packed, from the beginning of a buffer on.
    pub fn new(buffer: &wgpu::Buffer, rows: usize, columns: usize) -> Self {
        Self {
            buffer: buffer.clone(),
            rows,
            columns,
            offset: 0,
            stride: (columns as u64).saturating_mul(FLOAT),
        }
    }

    /// The same rows, from an offset in bytes on.
    pub fn at(mut self, offset: u64) -> Self {
        self.offset = offset;
        self
    }

    /// The same rows with a stride: the bytes from the beginning of one row to that of the next.
    pub fn with_stride(mut self, bytes: u64) -> Self {
        self.stride = bytes;
        self
    }

    /// Refuses an array that kernels cannot use.
    fn check(&self, context: &Context) -> std::result::Result<(), Error> {
        let usage = self.buffer.usage();
        if !usage.contains(wgpu::BufferUsages::STORAGE) {
            return Err(Error::ArrayUsage {
                usage: format!("{usage:?}"),
            });
        }
        for (what, bytes) in [("offset", self.offset), ("stride", self.stride)] {
            if !bytes.is_multiple_of(FLOAT) {
                return Err(Error::ArrayAlignment { what, bytes });
            }
        }
        let row = (self.columns as u64).saturating_mul(FLOAT);
        if self.stride < row {
            return Err(Error::ArrayStride {
                stride: self.stride,
                row,
            });
        }
        let before = (self.rows as u64 - 1).saturating_mul(self.stride);
        let needed = before.saturating_add(row).saturating_add(self.offset);
        if needed > self.buffer.size() {
            return Err(Error::ArraySize {
                needed,
                size: self.buffer.size(),
            });
        }
        self.check_device(context)
    }

    /// Refuses a buffer of another device, which wgpu detects only if both are of one instance.
    fn check_device(&self, context: &Context) -> std::result::Result<(), Error> {
        let bound = context.scoped("an array of the caller's", || {
            let entry = wgpu::BindGroupLayoutEntry {
                binding: 0,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Storage { read_only: true },
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            };
            let layout = wgpu::BindGroupLayoutDescriptor {
                label: None,
                entries: &[entry],
            };
            let layout = context.device.create_bind_group_layout(&layout);
            let binding = wgpu::BufferBinding {
                buffer: &self.buffer,
                offset: 0,
                size: wgpu::BufferSize::new(FLOAT),
            };
            context
                .device
                .create_bind_group(&wgpu::BindGroupDescriptor {
                    label: None,
                    layout: &layout,
                    entries: &[wgpu::BindGroupEntry {
                        binding: 0,
                        resource: wgpu::BindingResource::Buffer(binding),
                    }],
                })
        });
        match bound {
            Err(Error::Operation { message, .. }) => Err(Error::ArrayDevice { message }),
            other => other.map(drop),
        }
    }

    /// The binding of a range of its rows, and the offset of the first row in it.
    fn window(
        &self,
        context: &Context,
        rows: &Range<usize>,
    ) -> std::result::Result<(Binding, u32), Error> {
        let alignment = u64::from(context.limits.min_storage_buffer_offset_alignment.max(4));
        let first = self.offset + rows.start as u64 * self.stride;
        let offset = first / alignment * alignment;
        let last = first + (rows.len() as u64 - 1) * self.stride;
        let size = last + self.columns as u64 * FLOAT - offset;
        let limit = context.binding_limit();
        if size > limit {
            return Err(Error::TooLarge {
                what: "the rows of an array that a kernel takes at once",
                bytes: size,
                limit,
            });
        }
        let buffer = self.buffer.clone();
        let binding = Binding {
            buffer,
            offset,
            size,
        };
        Ok((binding, ((first - offset) / FLOAT) as u32))
    }

    /// Divides its rows into tiles of whole workgroups of `per_workgroup` rows; the kernel's other array has `width` floats a row.
    fn tiles(
        &self,
        context: &Context,
        per_workgroup: usize,
        width: usize,
    ) -> impl Iterator<Item = Range<usize>> + use<> {
        // The binding may begin before the first row.
        let room = context.binding_limit().saturating_sub(256);
        let floats = (self.stride / FLOAT).max(width as u64).max(1);
        vector_tiles(self.rows, per_workgroup, room / floats)
    }

    /// The parameters of a kernel over some rows.
    fn params(
        &self,
        tile: &Range<usize>,
        first: u32,
        steps: usize,
        per_workgroup: usize,
    ) -> ArrayParams {
        ArrayParams {
            rows: tile.len() as u32,
            columns: self.columns as u32,
            first,
            stride: (self.stride / FLOAT) as u32,
            first_row: tile.start as u32,
            first_partial: (tile.start / per_workgroup) as u32,
            steps: steps as u32,
            ..Default::default()
        }
    }
}

/// Rows per invocation, such that few records are left and its loops end.
fn steps(shader: Shader, rows: usize, columns: usize, records: usize) -> usize {
    let wanted = rows
        .div_ceil(shader.workgroup_size() * records.max(1))
        .max(1);
    wanted.min((MOST_ITERATIONS / columns.max(1)).max(1))
}

impl GpuEngine {
    /// Refuses an unusable array; returns its rows and columns.
    fn check_array(&self, array: &GpuArray) -> Result<[usize; 2]> {
        if array.rows == 0 {
            return Err(haul_core::Error::EmptyCloud);
        }
        if array.columns == 0 {
            return Err(haul_core::Error::ZeroDimension);
        }
        for (limit, needed, available) in [
            ("rows of an array", array.rows, i32::MAX as usize),
            ("columns of an array", array.columns, MOST_ITERATIONS),
        ] {
            if needed > available {
                return Err(self.failure(Error::Limit {
                    limit,
                    available: available as u64,
                    needed: needed as u64,
                }));
            }
        }
        let checked = array.check(&self.context);
        checked.map_err(|error| self.failure(error))?;
        Ok([array.rows, array.columns])
    }

    /// Records a dispatch over some rows of an array.
    fn record_rows(
        &self,
        work: &mut Work,
        shader: Shader,
        parameters: &ArrayParams,
        bindings: Vec<Binding>,
        workgroups: (usize, usize),
    ) -> std::result::Result<(), Error> {
        let effort = parameters.rows as usize * parameters.columns as usize;
        let workgroups = (workgroups.0 as u32, workgroups.1 as u32);
        work.recorder.record(
            &self.context,
            shader,
            parameters,
            bindings,
            workgroups,
            effort,
        )
    }

    /// Surveys each column.
    async fn survey_array(&self, array: &GpuArray) -> Result<Vec<Survey>> {
        self.check_array(array)?;
        let (rows, columns) = (array.rows, array.columns);
        let shader = Shader::Survey;
        let steps = steps(shader, rows, 1, MOST_RECORDS / columns.min(MOST_RECORDS));
        let per_workgroup = steps * shader.workgroup_size();
        let numbers = Shader::SURVEYED * columns;
        let length = rows.div_ceil(per_workgroup) * numbers;
        let (awaited, _) = self.send(&[], length, |work| {
            self.grow(&mut work.partials, "the records of an array", length)?;
            for tile in array.tiles(&self.context, per_workgroup, 1) {
                let (window, first) = array.window(&self.context, &tile)?;
                let parameters = array.params(&tile, first, steps, per_workgroup);
                let bindings = vec![window, part(&work.partials, 0, length)];
                let workgroups = (tile.len().div_ceil(per_workgroup), columns);
                self.record_rows(work, shader, &parameters, bindings, workgroups)?;
            }
            Ok(work.partials.clone())
        })?;
        let records = self.receive(awaited).await?;
        let mut surveys = vec![
            Survey {
                least: f64::INFINITY,
                largest: f64::NEG_INFINITY,
                sum: 0.0,
                not_finite: None,
                negative: None,
            };
            columns
        ];
        for records in records.chunks_exact(numbers) {
            for (survey, record) in surveys
                .iter_mut()
                .zip(records.chunks_exact(Shader::SURVEYED))
            {
                survey.least = survey.least.min(record[0].into());
                survey.largest = survey.largest.max(record[1].into());
                survey.sum += f64::from(record[2]);
                first(&mut survey.not_finite, record[3], record[4]);
                first(&mut survey.negative, record[5], record[6]);
            }
        }
        Ok(surveys)
    }

    /// Records the move of points into a frame, and starts the readback of the largest squared distances.
    fn record_places(
        &self,
        work: &mut Work,
        array: &GpuArray,
        (centre, scale): (&wgpu::Buffer, f64),
        out: &wgpu::Buffer,
        (width, lead): (usize, usize),
    ) -> std::result::Result<usize, Error> {
        let shader = Shader::Place;
        let (rows, columns) = (array.rows, array.columns);
        let steps = steps(shader, rows, columns, MOST_RECORDS);
        let per_workgroup = steps * shader.workgroup_size();
        let length = rows.div_ceil(per_workgroup);
        self.grow(&mut work.partials, "the records of an array", length)?;
        let inverse = 1.0 / scale;
        let rounded = inverse as f32;
        for tile in array.tiles(&self.context, per_workgroup, width) {
            let (window, first) = array.window(&self.context, &tile)?;
            let parameters = ArrayParams {
                width: width as u32,
                lead: lead as u32,
                scale: rounded,
                rest: (inverse - f64::from(rounded)) as f32,
                ..array.params(&tile, first, steps, per_workgroup)
            };
            let bindings = vec![
                window,
                part(centre, 0, columns),
                part(out, tile.start * width, tile.len() * width),
                part(&work.partials, 0, length),
            ];
            let workgroups = (tile.len().div_ceil(per_workgroup), 1);
            self.record_rows(work, shader, &parameters, bindings, workgroups)?;
        }
        Ok(length)
    }
}

/// Keeps the lowest row that has a number, with this number; rows come as bits.
fn first(found: &mut Option<(usize, f64)>, row: f32, number: f32) {
    let row = row.to_bits();
    if row != u32::MAX && found.is_none_or(|(first, _)| (row as usize) < first) {
        *found = Some((row as usize, number.into()));
    }
}

impl ResidentEngine for GpuEngine {
    type Array = GpuArray;

    fn shape(&self, array: &GpuArray) -> Result<[usize; 2]> {
        self.check_array(array)
    }

    async fn survey(&self, array: &GpuArray) -> Result<Vec<Survey>> {
        self.survey_array(array).await
    }

    async fn place(
        &self,
        array: &GpuArray,
        centre: &[f64],
        scale: f64,
    ) -> Result<(Arc<GpuPoints>, f64)> {
        let [rows, columns] = self.check_array(array)?;
        check("the centre of a frame", columns, centre.len())?;
        let centre: Vec<f32> = centre.iter().map(|x| *x as f32).collect();
        let points = GpuPoints::room(&self.context, rows, columns);
        let points = points.map_err(|error| self.failure(error))?;
        let (awaited, _) = self.send_some(&[], |work| {
            let centre = self.context.buffer_of("a centre", &centre, centre.len())?;
            let width = Points::stride(columns);
            let frame = (&centre, scale);
            let length = self.record_places(work, array, frame, &points.buffer, (width, 0))?;
            Ok((work.partials.clone(), 0..length))
        })?;
        let squares = self.receive(awaited).await?;
        let largest = squares.into_iter().map(f64::from).fold(0.0, f64::max);
        // A sum of `columns` squares, each of which is rounded.
        let roundings = (columns + 4) as f64 * Precision::F32.unit_roundoff();
        Ok((Arc::new(points), largest.sqrt() * (1.0 + roundings)))
    }

    async fn weigh(
        &self,
        array: Option<&GpuArray>,
        points: usize,
        sum: f64,
    ) -> Result<Arc<GpuWeights>> {
        if let Some(array) = array {
            let [rows, columns] = self.check_array(array)?;
            check("the rows of an array of weights", points, rows)?;
            check("the columns of an array of weights", 1, columns)?;
        }
        // The mean of weights of sum 1.
        let mean = 1.0 / points.max(1) as f64;
        let weights = GpuWeights::room(&self.context, points, mean);
        let weights = weights.map_err(|error| self.failure(error))?;
        let shader = Shader::Weigh;
        let (awaited, _) = self.send_some(&[], |work| {
            let room = weights.room_for();
            let per_workgroup = shader.workgroup_size();
            let floats = array.map_or(1, |array| (array.stride / FLOAT).max(1));
            let limit = self.context.binding_limit().saturating_sub(256) / floats;
            for tile in vector_tiles(room, per_workgroup, limit) {
                let rows = tile.start.min(points)..tile.end.min(points);
                let (window, parameters) = match array.filter(|_| !rows.is_empty()) {
                    Some(array) => {
                        let (window, first) = array.window(&self.context, &rows)?;
                        let parameters = array.params(&rows, first, 1, per_workgroup);
                        (window, parameters)
                    }
                    None => (part(&work.zeros, 0, 1), ArrayParams::default()),
                };
                let parameters = ArrayParams {
                    rows: rows.len() as u32,
                    columns: 1,
                    elements: tile.len() as u32,
                    weighted: u32::from(array.is_some()),
                    scale: (1.0 / (sum * mean)) as f32,
                    ..parameters
                };
                let bindings = vec![
                    window,
                    part(&weights.relative, tile.start, tile.len()),
                    part(&weights.logarithms, tile.start, tile.len()),
                ];
                let workgroups = (tile.len().div_ceil(per_workgroup), 1);
                self.record_rows(work, shader, &parameters, bindings, workgroups)?;
            }
            Ok((weights.relative.clone(), 0..1))
        })?;
        self.receive(awaited).await?;
        Ok(Arc::new(weights))
    }

    fn homogeneous(&self, points: &Arc<GpuPoints>) -> Result<GpuVector> {
        let columns = points.dimension;
        let width = columns + 1;
        let vector = GpuVector::zeros(&self.context, points.length.saturating_mul(width));
        let mut vector = vector.map_err(|error| self.failure(error))?;
        let stride = Points::stride(columns) as u64 * FLOAT;
        let array = GpuArray::new(&points.buffer, points.length, columns).with_stride(stride);
        vector.version = self.record(&[], |work| {
            let zeros = self.zero_buffer(work, columns)?;
            let frame = (&zeros, 1.0);
            self.record_places(work, &array, frame, &vector.buffer, (width, 1))?;
            Ok(())
        })?;
        Ok(vector)
    }

    async fn write(
        &self,
        vector: &GpuVector,
        writing: Writing<'_, Arc<GpuWeights>>,
        array: &GpuArray,
    ) -> Result<bool> {
        let [rows, columns] = self.check_array(array)?;
        let lead = usize::from(writing.divided);
        let width = columns + lead;
        check(
            "a vector that is written",
            rows.saturating_mul(width),
            vector.length,
        )?;
        if !writing.offsets.is_empty() {
            check("the offsets of columns", columns, writing.offsets.len())?;
        }
        if let Some(weights) = writing.weights {
            check("the weights of rows", rows, weights.length)?;
        }
        let shader = Shader::Write;
        let steps = steps(shader, rows, columns, MOST_RECORDS);
        let per_workgroup = steps * shader.workgroup_size();
        let length = rows.div_ceil(per_workgroup);
        let offsets: Vec<f32> = writing.offsets.iter().map(|x| *x as f32).collect();
        let mean = writing.weights.map_or(1.0, |weights| weights.mean);
        let (awaited, _) = self.send(&[vector], length, |work| {
            self.grow(&mut work.partials, "the records of an array", length)?;
            let offsets = match offsets.is_empty() {
                true => work.zeros.clone(),
                false => self.context.buffer_of("offsets", &offsets, offsets.len())?,
            };
            for tile in array.tiles(&self.context, per_workgroup, width) {
                let (window, first) = array.window(&self.context, &tile)?;
                let parameters = ArrayParams {
                    width: width as u32,
                    lead: lead as u32,
                    weighted: u32::from(writing.weights.is_some()),
                    moved: u32::from(!writing.offsets.is_empty()),
                    scale: (writing.scale * mean) as f32,
                    ..array.params(&tile, first, steps, per_workgroup)
                };
                let weights = match writing.weights {
                    Some(weights) => part(&weights.relative, tile.start, tile.len()),
                    None => part(&work.zeros, 0, 1),
                };
                let bindings = vec![
                    part(&vector.buffer, tile.start * width, tile.len() * width),
                    weights,
                    part(&offsets, 0, writing.offsets.len().max(1)),
                    window,
                    part(&work.partials, 0, length),
                ];
                let workgroups = (tile.len().div_ceil(per_workgroup), 1);
                self.record_rows(work, shader, &parameters, bindings, workgroups)?;
            }
            Ok(work.partials.clone())
        })?;
        let wrong = self.receive(awaited).await?;
        Ok(wrong.iter().all(|wrong| *wrong == 0.0))
    }
}
