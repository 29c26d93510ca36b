//! [`Engine`] for [`CpuEngine`]: it checks lengths and calls the kernels of the operators.
//!
//! An operator returns when its result is complete, so that no future waits.

use crate::axis;
use crate::checks::{
    check_groups, check_pairs, check_pointwise, check_potential, check_side, check_slot,
    check_update,
};
use crate::compiled::{Columns, Operator, Real};
use crate::engine::CpuEngine;
use crate::floor::Width;
use crate::groups;
use crate::lines;
use crate::nearest::nearest;
use crate::pass::{Pass, row_roundings};
use crate::points::{CpuPoints, check};
use crate::product::{Against, Product};
use crate::softmin::{finish_pieces, softmin, softmin_of_itself};
use crate::symmetric;
use crate::vectors::{self, CpuVector};
use crate::weights::CpuWeights;
use haul_core::engine::{
    GROUP, Groups, Integral, Integrand, Nearest, Pairs, Piece, Pointwise, Ratio, Remembered, Slot,
    TILE, Update,
};
use haul_core::{Engine, Error, Interrupt, Precision, Result};
use std::ops::Range;

impl<T: Real> CpuEngine<T> {
    /// A pass with its arguments checked, except those that only one operator has.
    fn pass<'a>(
        &'a self,
        pairs: Pairs<'a, CpuPoints<T>>,
        columns: Columns<'a, T>,
    ) -> Result<Pass<'a, T>> {
        self.pass_from(pairs, columns, TILE)
    }

    /// The same, where the rows that are wanted begin at a multiple of `least`.
    fn pass_from<'a>(
        &'a self,
        pairs: Pairs<'a, CpuPoints<T>>,
        columns: Columns<'a, T>,
        least: usize,
    ) -> Result<Pass<'a, T>> {
        check_pairs(pairs, least)?;
        check_side(columns, pairs.lines, pairs.columns.len())?;
        self.interrupt.check()?;
        Ok(Pass::new((self.arch, &self.interrupt), pairs, columns))
    }

    /// A pass with the distances that are kept, which it may add to.
    fn pass_with_distances<'a>(
        &'a self,
        pairs: Pairs<'a, CpuPoints<T>>,
        columns: Columns<'a, T>,
        adds: bool,
    ) -> Result<Pass<'a, T>> {
        Ok(self.with_distances(self.pass(pairs, columns)?, pairs, adds))
    }

    fn with_distances<'a>(
        &'a self,
        pass: Pass<'a, T>,
        pairs: Pairs<'a, CpuPoints<T>>,
        adds: bool,
    ) -> Pass<'a, T> {
        let between = |rows, columns, adds| match pairs.near {
            Some(_) => None,
            None => self.distances.between(rows, columns, adds),
        };
        pass.with_distances([
            between(pairs.rows, pairs.columns, adds),
            between(pairs.columns, pairs.rows, false),
        ])
    }

    /// The number of pieces of a softmin of points against themselves.
    fn pieces_of(pairs: Pairs<'_, CpuPoints<T>>) -> usize {
        match pairs.symmetric && pairs.near.is_none() && pairs.lines.count() == 1 {
            true => symmetric::pieces(pairs.columns),
            false => 0,
        }
    }

    /// A pass of points against themselves, with their potential.
    fn pass_of_pieces<'a>(
        &'a self,
        pairs: Pairs<'a, CpuPoints<T>>,
        columns: Columns<'a, T>,
    ) -> Result<(Pass<'a, T>, &'a [T])> {
        match columns.potential {
            Some(potential) if Self::pieces_of(pairs) > 0 => {
                let pass = self.pass_with_distances(pairs, columns, true)?;
                Ok((pass, &potential.values))
            }
            _ => Err(self.without_pieces()),
        }
    }

    /// Adds the sums of a piece.
    pub(crate) fn add_piece(
        &self,
        pairs: Pairs<'_, CpuPoints<T>>,
        columns: Columns<'_, T>,
        piece: Piece,
        sums: &mut [f64],
    ) -> Result<()> {
        let (pass, potential) = self.pass_of_pieces(pairs, columns)?;
        check("the sums of a piece", sums.len(), pairs.rows.len())?;
        let pieces = Self::pieces_of(pairs);
        if piece.index >= pieces {
            let (what, start, end) = ("the pieces of a softmin", piece.index, pieces);
            return Err(Error::Range { what, start, end });
        }
        symmetric::add_pieces(&self.workers, &pass, potential, [piece], sums)
    }

    /// Runs a product with any kind of values.
    fn sums(
        &self,
        pass: Pass<'_, T>,
        potential: Option<&CpuVector<T>>,
        against: Against<'_, T>,
        out: &mut CpuVector<T>,
    ) -> Result<()> {
        let rows = pass.rows().len();
        if let Some(potential) = potential {
            check("the potential of the rows", potential.values.len(), rows)?;
        }
        let product = Product::new(pass, potential, against);
        let room = rows.saturating_mul(product.width());
        check("the result of a product", out.values.len(), room)?;
        product.run(&self.workers, &mut out.values)
    }

    /// Runs an operator over pairs.
    pub(crate) fn run(
        &self,
        pairs: Pairs<'_, CpuPoints<T>>,
        columns: Columns<'_, T>,
        operator: Operator<'_, T>,
        out: &mut CpuVector<T>,
    ) -> Result<()> {
        match operator {
            Operator::Softmin(guess, groups) => self.softmin_of(pairs, columns, guess, groups, out),
            Operator::Pieces(sums) => {
                let (pass, potential) = self.pass_of_pieces(pairs, columns)?;
                check(
                    "the result of a softmin",
                    out.values.len(),
                    pairs.rows.len(),
                )?;
                check("the sums of pieces", sums.len(), pass.wanted().len())?;
                finish_pieces(&self.workers, &pass, potential, sums, &mut out.values)
            }
            Operator::Product(rows, integrand) => {
                self.product_of(pairs, rows, columns, integrand, out)
            }
            Operator::Gradient(rows, integrand) => {
                self.gradient_of(pairs, rows, columns, integrand, out)
            }
            Operator::Curvature(rows, directions) => {
                self.curvature_of(pairs, rows, columns, directions, out)
            }
        }
    }

    /// The softmin of all rows.
    fn softmin_of(
        &self,
        pairs: Pairs<'_, CpuPoints<T>>,
        columns: Columns<'_, T>,
        guess: Option<&CpuVector<T>>,
        groups: Option<Groups<'_, CpuWeights, CpuVector<T>>>,
        out: &mut CpuVector<T>,
    ) -> Result<()> {
        let length = pairs.lines.length(pairs.rows.len());
        if let Some(guess) = guess {
            check("the guess of a softmin", guess.values.len(), length)?;
        }
        check("the result of a softmin", out.values.len(), length)?;
        let least = if groups.is_some() { GROUP } else { TILE };
        let pass = self.pass_from(pairs, columns, least)?;
        let pass = self.with_distances(pass, pairs, true);
        if let Some(asked) = groups {
            check_groups(&asked, (pairs.rows.len(), pairs.columns.len()))?;
            return match guess {
                Some(guess) if pairs.lines.count() == 1 => {
                    let guess = &guess.values;
                    groups::softmin(&self.workers, &pass, guess, asked, &mut out.values)
                }
                Some(_) => Err(self.unsupported("the masses of groups in many lines")),
                None => Err(self.unsupported("the masses of groups without a guess")),
            };
        }
        if let (1.., Some(_), Some(potential)) = (Self::pieces_of(pairs), guess, columns.potential)
        {
            let potential = &potential.values;
            if softmin_of_itself(&self.workers, &pass, potential, &mut out.values)? {
                return Ok(());
            }
        }
        let guess = guess.map(|guess| guess.values.as_slice());
        if pairs.lines.count() != 1 && axis::serves(&pass) {
            return axis::softmin(&self.workers, &pass, &mut out.values);
        }
        if pairs.lines.count() != 1 {
            return lines::softmin(&self.workers, &pass, guess, &mut out.values);
        }
        softmin(&self.workers, &pass, guess, &mut out.values)
    }

    /// The product of all rows with values.
    fn product_of(
        &self,
        pairs: Pairs<'_, CpuPoints<T>>,
        rows: Option<&CpuVector<T>>,
        columns: Columns<'_, T>,
        integrand: Integrand<'_, CpuVector<T>>,
        out: &mut CpuVector<T>,
    ) -> Result<()> {
        let pass = self.pass_with_distances(pairs, columns, false)?;
        let Integrand {
            factor,
            values: CpuVector { values },
            width,
        } = integrand;
        let length = pairs.lines.length(pairs.columns.len());
        let length = length.saturating_mul(width);
        check("the values of a product", values.len(), length)?;
        if pairs.lines.count() == 1 {
            let against = Against::Values {
                factor,
                values,
                width,
            };
            return self.sums(pass, rows, against, out);
        }
        let n = pairs.rows.len();
        check_potential("the potential of the rows", rows, pairs.lines, n)?;
        let room = pairs.lines.length(n).saturating_mul(width);
        check("the result of a product", out.values.len(), room)?;
        let is_common = |potential: Option<&CpuVector<T>>, points: usize| {
            potential.is_none_or(|potential| potential.values.len() == points)
        };
        if is_common(rows, n) && is_common(columns.potential, pairs.columns.len()) {
            let pass = || self.pass_with_distances(pairs, columns, false);
            let values = (factor, &values[..], width);
            return lines::product_of_matrices(&self.workers, pass, rows, values, &mut out.values);
        }
        if width != 1 {
            return Err(self.unsupported("many values of lines with potentials of their own"));
        }
        let values = (factor, &values[..]);
        lines::product(&self.workers, &pass, rows, values, &mut out.values)
    }

    /// The gradient of all rows.
    fn gradient_of(
        &self,
        pairs: Pairs<'_, CpuPoints<T>>,
        rows: Option<&CpuVector<T>>,
        columns: Columns<'_, T>,
        integrand: Integrand<'_, CpuVector<T>>,
        out: &mut CpuVector<T>,
    ) -> Result<()> {
        let pass = self.pass_with_distances(pairs, columns, false)?;
        let values = &integrand.values.values;
        check("the width of a gradient's values", integrand.width, 1)?;
        check("the lines of a gradient", pairs.lines.count(), 1)?;
        check(
            "the values of a gradient",
            values.len(),
            pairs.columns.len(),
        )?;
        let factor = integrand.factor;
        self.sums(pass, rows, Against::Gradient { factor, values }, out)
    }

    /// The curvature of all rows.
    fn curvature_of(
        &self,
        pairs: Pairs<'_, CpuPoints<T>>,
        rows: Option<&CpuVector<T>>,
        columns: Columns<'_, T>,
        directions: &CpuVector<T>,
        out: &mut CpuVector<T>,
    ) -> Result<()> {
        let pass = self.pass(pairs, columns)?;
        let directions = &directions.values;
        let room = pairs.rows.len().saturating_mul(pairs.rows.dimension());
        check("the directions of a curvature", directions.len(), room)?;
        check("the lines of a curvature", pairs.lines.count(), 1)?;
        self.sums(pass, rows, Against::Curvature { directions }, out)
    }

    /// The nearest column of all rows.
    pub(crate) fn find_nearest(
        &self,
        pairs: Pairs<'_, CpuPoints<T>>,
        columns: Columns<'_, T>,
    ) -> Result<Nearest> {
        if u32::try_from(pairs.columns.len()).is_err() {
            return Err(self.unsupported("nearest columns among more than 2³² − 1"));
        }
        let pass = self.pass_with_distances(pairs, columns, false)?;
        nearest(&self.workers, pass)
    }

    fn unsupported(&self, what: &'static str) -> Error {
        Error::Unsupported {
            what,
            device: self.device.clone(),
        }
    }
}

impl<T: Real> Engine for CpuEngine<T> {
    type Points = CpuPoints<T>;
    type Weights = CpuWeights;
    type Vector = CpuVector<T>;

    fn device(&self) -> &str {
        &self.device
    }

    fn precision(&self) -> Precision {
        T::PRECISION
    }

    fn row_roundings(&self, columns: usize, _: usize) -> usize {
        row_roundings::<T>(self.arch.dispatch(Width(T::ZERO)), columns)
    }

    fn repeats_distances(&self) -> bool {
        true
    }

    fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    fn kept_distances(&self, rows: &Self::Points, columns: &Self::Points) -> u64 {
        self.distances.bytes(rows, columns)
    }

    fn points(&self, coordinates: &[f64], dimension: usize) -> Result<Self::Points> {
        CpuPoints::new(coordinates, dimension, &self.distances)
    }

    fn count(&self, points: &Self::Points) -> usize {
        points.len()
    }

    fn weights(&self, values: &[f64], histograms: usize) -> Result<Self::Weights> {
        CpuWeights::new(values, histograms)
    }

    fn vector(&self, values: &[f64]) -> Result<Self::Vector> {
        Ok(CpuVector::new(values))
    }

    fn zeros(&self, length: usize) -> Result<Self::Vector> {
        Ok(CpuVector::zeros(length))
    }

    async fn read(&self, vector: &Self::Vector) -> Result<Vec<f64>> {
        Ok(vector.read(0..vector.values.len()))
    }

    async fn read_part(&self, vector: &Self::Vector, part: Range<usize>) -> Result<Vec<f64>> {
        let end = part.end.min(vector.values.len());
        Ok(vector.read(part.start.min(end)..end))
    }

    fn softmin(
        &self,
        pairs: Pairs<'_, Self::Points>,
        columns: Columns<'_, T>,
        guess: Option<&Self::Vector>,
        groups: Option<Groups<'_, Self::Weights, Self::Vector>>,
        out: &mut Self::Vector,
    ) -> Result<()> {
        T::run(self, pairs, columns, Operator::Softmin(guess, groups), out)
    }

    fn pieces(&self, pairs: Pairs<'_, Self::Points>) -> usize {
        Self::pieces_of(pairs)
    }

    fn piece(
        &self,
        pairs: Pairs<'_, Self::Points>,
        columns: Columns<'_, T>,
        piece: Piece,
        sums: &mut [f64],
    ) -> Result<()> {
        T::piece(self, pairs, columns, piece, sums)
    }

    fn softmin_of_pieces(
        &self,
        pairs: Pairs<'_, Self::Points>,
        columns: Columns<'_, T>,
        sums: &[f64],
        out: &mut Self::Vector,
    ) -> Result<()> {
        T::run(self, pairs, columns, Operator::Pieces(sums), out)
    }

    fn product(
        &self,
        pairs: Pairs<'_, Self::Points>,
        rows: Option<&Self::Vector>,
        columns: Columns<'_, T>,
        integrand: Integrand<'_, Self::Vector>,
        out: &mut Self::Vector,
    ) -> Result<()> {
        let operator = Operator::Product(rows, integrand);
        T::run(self, pairs, columns, operator, out)
    }

    fn gradient(
        &self,
        pairs: Pairs<'_, Self::Points>,
        rows: Option<&Self::Vector>,
        columns: Columns<'_, T>,
        integrand: Integrand<'_, Self::Vector>,
        out: &mut Self::Vector,
    ) -> Result<()> {
        let operator = Operator::Gradient(rows, integrand);
        T::run(self, pairs, columns, operator, out)
    }

    fn curvature(
        &self,
        pairs: Pairs<'_, Self::Points>,
        rows: Option<&Self::Vector>,
        columns: Columns<'_, T>,
        directions: &Self::Vector,
        out: &mut Self::Vector,
    ) -> Result<()> {
        let operator = Operator::Curvature(rows, directions);
        T::run(self, pairs, columns, operator, out)
    }

    async fn nearest(
        &self,
        pairs: Pairs<'_, Self::Points>,
        columns: Columns<'_, T>,
    ) -> Result<Nearest> {
        T::nearest(self, pairs, columns)
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

    async fn integral(
        &self,
        weights: &Self::Weights,
        integrand: Pointwise<'_, Self::Vector>,
        out: Option<&mut Self::Vector>,
    ) -> Result<Vec<Integral>> {
        let entries = weights.values().len();
        check_pointwise(integrand, entries)?;
        if let Some(out) = out {
            check("the values of an integrand", out.values.len(), entries)?;
            for (i, out) in out.values.iter_mut().enumerate() {
                *out = T::from_f64(integrand.at(numbers(integrand, i)));
            }
        }
        Ok(integrals(weights, integrand))
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

    async fn remember(
        &self,
        weights: &Self::Weights,
        update: Update<'_, Self::Vector>,
        slot: Slot<'_, Self::Vector>,
    ) -> Result<Remembered> {
        let entries = weights.values().len();
        check_update(update, entries)?;
        check_slot(&slot, entries)?;
        let (means, products) = vectors::remember(
            (weights.values(), weights.histograms()),
            (&update.before.values, &update.after.values),
            (&mut slot.residuals.values, &mut slot.images.values),
            (slot.index, slot.slots),
        );
        Ok(Remembered {
            errors: integrals(weights, Pointwise::Excess(Ratio::Potentials(update)))
                .iter()
                .map(|integral| integral.size)
                .collect(),
            means,
            products,
        })
    }

    fn mix(
        &self,
        coefficients: &[f64],
        q: usize,
        offset: f64,
        vectors: &Self::Vector,
        out: &mut Self::Vector,
    ) -> Result<()> {
        let k = coefficients.len().checked_div(q).unwrap_or(0);
        check("the coefficients of a mixture", coefficients.len(), k * q)?;
        let n = out.values.len().checked_div(k).unwrap_or(0);
        check(
            "the vectors of a mixture",
            vectors.values.len(),
            n.saturating_mul(q),
        )?;
        check("a mixture", out.values.len(), n * k)?;
        vectors::mix((coefficients, q), offset, &vectors.values, &mut out.values);
        Ok(())
    }
}

/// The numbers of an entry that an integrand is made of.
fn numbers<T: Real>(integrand: Pointwise<'_, CpuVector<T>>, entry: usize) -> [f64; 3] {
    let number = |vector: Option<&CpuVector<T>>| vector.map_or(0.0, |v| v.values[entry].to_f64());
    integrand.vectors().map(number)
}

fn integrals<T: Real>(
    weights: &CpuWeights,
    integrand: Pointwise<'_, CpuVector<T>>,
) -> Vec<Integral> {
    vectors::integrals((weights.values(), weights.histograms()), |entry| {
        let numbers = numbers(integrand, entry);
        let height = numbers
            .iter()
            .fold(0.0, |height: f64, v| height.max(v.abs()));
        (integrand.at(numbers), height)
    })
}
