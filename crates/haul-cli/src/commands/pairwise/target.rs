//! The output files of a matrix: its numbers, and a picture of it.

use super::clusters::Clusters;
use super::format::Format;
use super::heatmap::{self, Heatmap};
use super::matrix::Matrix;
use super::plan::Plan;
use crate::names::common_folder;
use crate::number::plain;
use anyhow::Result;
use haul::Bounds;
use haul_files::{self as formats, Array};
use std::path::Path;

/// Short names of files, without the folders that all share.
fn labels<'n>(names: &'n [impl AsRef<str>]) -> Vec<&'n str> {
    let folder = common_folder(names.iter().map(AsRef::as_ref));
    let label = |name: &'n str| name.strip_prefix(folder).unwrap_or(name);
    names.iter().map(|name| label(name.as_ref())).collect()
}

/// Writes the matrix.
pub(super) fn write(target: &Path, plan: &Plan, matrix: &Matrix) -> Result<()> {
    let n = plan.clouds.len();
    let array = |name, values| Array {
        name,
        shape: vec![n, n],
        values,
    };
    let values = array("matrix", &*matrix.values);
    match Format::of(target)? {
        Format::Array => formats::write_npy(target, &values)?,
        Format::Arrays => {
            let bounds = [("lower", &*matrix.lower), ("upper", &*matrix.upper)];
            let [lower, upper] = bounds.map(|(name, values)| array(name, values));
            formats::write_npz(target, &[values, lower, upper])?;
        }
        Format::Table => {
            let names = plan.names();
            let labels = labels(&names);
            let mut table = csv::Writer::from_writer(Vec::new());
            let corner = format!("{}: {}", plan.loss.symbol(), plan.meaning());
            table.write_record(std::iter::once(&*corner).chain(labels.iter().copied()))?;
            for (label, row) in labels.iter().zip(matrix.values.chunks(n)) {
                let row = row.iter().map(|value| plain(*value));
                table.write_record(std::iter::once((*label).to_owned()).chain(row))?;
            }
            formats::write_text(target, &String::from_utf8(table.into_inner()?)?)?;
        }
    }
    Ok(())
}

/// Writes a table with a row for each pair of files: the value and its bounds, and the distance if there is one.
pub(super) fn write_pairs(target: &Path, plan: &Plan, matrix: &Matrix) -> Result<()> {
    let names = plan.names();
    let labels = labels(&names);
    let with_distance = plan.distance((0, 1), 0.0).is_some();
    let mut table = csv::Writer::from_writer(Vec::new());
    let header = ["a", "b", "value", "lower", "upper"];
    table.write_record(
        header
            .into_iter()
            .chain(with_distance.then_some("distance")),
    )?;
    for ((i, j), value, Bounds { lower, upper }) in matrix.pairs() {
        let numbers = [value, lower, upper].into_iter();
        let numbers = numbers.chain(plan.distance((i, j), value)).map(plain);
        let names = [i, j].map(|cloud| labels[cloud].to_owned());
        table.write_record(names.into_iter().chain(numbers))?;
    }
    Ok(formats::write_text(
        target,
        &String::from_utf8(table.into_inner()?)?,
    )?)
}

/// Draws the matrix.
pub(super) fn draw(image: &Path, plan: &Plan, matrix: &Matrix, clusters: &Clusters) -> Result<()> {
    let names = plan.names();
    let heatmap = Heatmap {
        title: plan.loss.title(),
        problem: &plan.problem(),
        labels: &labels(&names),
        values: &matrix.values,
        clusters,
    };
    Ok(formats::write_text(image, &heatmap::svg(&heatmap))?)
}
