//! Arrays of numbers in files.

use anyhow::{Context, Result, bail};
use npyz::{Deserialize, NpyFile, WriterBuilder, npz::NpzArchive, npz::NpzWriter};
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;

/// An array: its numbers in C order, and the sizes of its axes.
pub(crate) struct Array {
    pub(crate) shape: Vec<u64>,
    pub(crate) numbers: Vec<f64>,
}

/// The array of an `.npy`, or the one with this name of an `.npz`.
pub(crate) fn read(path: &Path, name: &str) -> Result<Array> {
    let file = || path.display().to_string();
    if path.extension().is_some_and(|it| it == "npz") {
        let mut archive = NpzArchive::open(path).with_context(file)?;
        let found = archive.by_name(name).with_context(file)?;
        numbers(found.with_context(|| format!("{} has no array {name}", path.display()))?)
    } else {
        let reader = BufReader::new(File::open(path).with_context(file)?);
        numbers(NpyFile::new(reader).with_context(file)?)
    }
    .with_context(file)
}

fn numbers(array: NpyFile<impl Read>) -> Result<Array> {
    fn all<T: Deserialize + Into<f64>>(array: NpyFile<impl Read>) -> Result<Vec<f64>> {
        Ok(array.into_vec::<T>()?.into_iter().map(Into::into).collect())
    }
    let shape = array.shape().to_vec();
    let numbers = match array.dtype().descr().trim_matches('\'') {
        "|u1" => all::<u8>(array)?,
        "<f4" => all::<f32>(array)?,
        "<f8" => all::<f64>(array)?,
        other => bail!("arrays of type {other} are not read; give bytes or floats"),
    };
    Ok(Array { shape, numbers })
}

/// Writes vectors under their names as an `.npz`. A file that is there is replaced when the new one is complete.
pub(crate) fn write(path: &Path, vectors: &[(&str, &[f64])]) -> Result<()> {
    let part = path.with_extension("part");
    let mut archive = NpzWriter::create(&part)?;
    for (name, values) in vectors {
        let entry = archive.array(name, Default::default())?;
        let entry = entry.default_dtype().shape(&[values.len() as u64]);
        let mut writer = entry.begin_nd()?;
        writer.extend(values.iter())?;
        writer.finish()?;
    }
    drop(archive);
    Ok(fs::rename(&part, path)?)
}
