//! Derivatives of a function of a barycenter, from the function's derivative G in the weights b.
//!
//! The exact derivative of L iterations from fₛ = 0, backwards [Bonneel–Peyré–Cuturi'16], with Eₛ(r) the matrix
//! exp((rᵢ + gₛ,ⱼ − Cᵢⱼ)/ε), and τ the adjoint of t̄:
//!
//! ```text
//! τ = −b G/ε
//! for l = L, …, 1:
//!     if l < L: τ = −Σₛ f̄ₛ
//!     λ̄ₛ += ⟨tₛ, τ⟩,   t̂ₛ = λₛ τ + f̄ₛ
//!     Ĝₛ = −Eₛ(tₛ)ᵀ t̂ₛ,   b̄ₛ += ε Ĝₛ,   f̄ₛ = −m Eₛ(fₛ) bₛ Ĝₛ
//!     C̄ₛ,ᵢⱼ += bₛ,ⱼ (t̂ₛ,ᵢ Eₛ(tₛ)ᵢⱼ + mᵢ Ĝₛ,ⱼ Eₛ(fₛ)ᵢⱼ)
//! ```
//!
//! A converged barycenter is differentiated implicitly. It satisfies b = Pₛ1 for all s and Σ λₛ fₛ = 0, and the
//! derivative of Pₛ1 in fₛ is Aₛ/ε with Aₛ = diag(b) − Pₛ diag(bₛ)⁻¹ Pₛᵀ. Hence h with Σ λₛ hₛ = G and all Aₛ hₛ equal,
//! which minimises ½ Σ λₛ ⟨hₛ, Aₛ hₛ⟩ under that constraint, gives
//!
//! ```text
//! λ̄ₛ = −⟨fₛ, Aₛ hₛ⟩/ε,   vₛ = Eₛ(fₛ)ᵀ m hₛ,   b̄ₛ = λₛ vₛ,   C̄ₛ = λₛ Pₛ (vₛ,ⱼ − hₛ,ᵢ)/ε
//! ```
//!
//! Relative to b, Aₛ is 1 minus a product of two matrices whose rows sum to 1, so that conjugate gradients in the inner
//! product Σ λₛ ⟨b ·, ·⟩ need no other preconditioner, and no number leaves the range of a float.
//!
//! Either takes 2 products an atom for each iteration back or step of conjugate gradients.

use super::model::{Model, Path};
use super::passes::{Columns, CostSlopes, Duals, PointSums};
use crate::histograms::averaging::means;
use crate::linalg::{ConjugateGradients, dot, mean};
use crate::pass::finite;
use crate::{Engine, Error, Result};

/// The most steps of conjugate gradients.
const MOST_STEPS: usize = 1000;

/// The derivatives of a function of a barycenter.
pub(super) struct Adjoint {
    /// Up to a constant.
    pub(super) lambda: Vec<f64>,
    /// In the weights of each atom.
    pub(super) atoms: Vec<Vec<f64>>,
    pub(super) points: Option<PointSums>,
    /// The relative residual of the linear system.
    pub(super) residual: f64,
    pub(super) products: usize,
}

impl<E: Engine> Model<E> {
    /// The derivatives along a path, from those in its weights; those in the points are for clouds.
    pub(super) async fn adjoint(
        &self,
        path: &Path<E>,
        slope: &[f64],
        with_points: bool,
    ) -> Result<Adjoint> {
        let (expected, found) = (path.weights.len(), slope.len());
        if expected != found {
            let what = "the derivative in the weights of a barycenter";
            return Err(Error::Length {
                what,
                expected,
                found,
            });
        }
        let points = with_points.then(|| self.inputs.point_sums());
        let adjoint = match self.method.iterations {
            Some(_) => self.backwards(path, slope, points).await?,
            None => self.implicitly(path, slope, points).await?,
        };
        finite(adjoint.lambda.clone(), &self.engine)?;
        Ok(adjoint)
    }

    /// Reverse mode through all steps.
    async fn backwards(
        &self,
        path: &Path<E>,
        slope: &[f64],
        mut points: Option<PointSums>,
    ) -> Result<Adjoint> {
        let (count, epsilon) = (self.inputs.count, self.epsilon());
        let (n, engine) = (slope.len(), &self.engine);
        let terms = path.weights.iter().zip(slope);
        let mut tau: Vec<f64> = terms.map(|(b, slope)| -b * slope / epsilon).collect();
        let mut of_f = vec![0.0; n * count];
        let mut lambda = vec![0.0; count];
        let mut atoms: Vec<Vec<f64>> = Vec::new();
        let mut products = 0;
        for (index, step) in path.steps.iter().enumerate().rev() {
            if index + 1 < path.steps.len() {
                tau = of_f
                    .chunks_exact(count)
                    .map(|row| -row.iter().sum::<f64>())
                    .collect();
            }
            for (s, of_lambda) in lambda.iter_mut().enumerate() {
                let column = step.transforms.iter().skip(s).step_by(count);
                *of_lambda += column.zip(&tau).map(|(t, tau)| t * tau).sum::<f64>();
            }
            let of_t = |k: usize| path.lambda[k % count] * tau[k / count] + of_f[k];
            let of_t: Vec<f64> = (0..n * count).map(of_t).collect();
            let columns = Columns::of_any_size(&step.transforms, &of_t, epsilon);
            let mut of_g = self.inputs.to_inputs(engine, &step.duals, &columns).await?;
            of_g.iter_mut().flatten().for_each(|g| *g = -*g);
            products += count;
            gather(&mut atoms, &of_g, epsilon);
            self.without_empty(&mut of_g);
            let before = self.with_reference(&path.before(index));
            if let Some(sums) = &mut points {
                let potentials = [step.transforms.as_slice(), &before];
                self.add_step(&step.duals, potentials, (&of_t, &of_g), sums)
                    .await?;
            }
            if index > 0 {
                of_f = self
                    .inputs
                    .to_support(engine, &step.duals, &before, &of_g)
                    .await?;
                of_f.iter_mut().for_each(|f| *f = -*f);
                products += count;
            }
        }
        Ok(Adjoint {
            lambda,
            atoms,
            points,
            residual: 0.0,
            products,
        })
    }

    /// Adds the derivatives in the points of one step, from its adjoints t̂ and Ĝ; the potentials are t and f.
    async fn add_step(
        &self,
        duals: &Duals<E>,
        [t, f]: [&[f64]; 2],
        (of_t, of_g): (&[f64], &[Vec<f64>]),
        sums: &mut PointSums,
    ) -> Result<()> {
        let count = self.inputs.count;
        for (s, of_g) in of_g.iter().enumerate() {
            let [t, f, of_t] = [t, f, of_t].map(|values| column(values, s, count));
            let (rows, columns) = (vec![1.0; of_t.len()], vec![1.0; of_g.len()]);
            for (potential, rows, columns) in [
                (&t, &of_t, columns.as_slice()),
                (&f, &rows, of_g.as_slice()),
            ] {
                let costs = CostSlopes {
                    input: s,
                    potential,
                    rows,
                    columns,
                };
                self.inputs
                    .add_slopes(&self.engine, duals, costs, sums)
                    .await?;
            }
        }
        Ok(())
    }

    /// The derivative of a converged barycenter.
    async fn implicitly(
        &self,
        path: &Path<E>,
        slope: &[f64],
        mut points: Option<PointSums>,
    ) -> Result<Adjoint> {
        let (count, epsilon, n) = (self.inputs.count, self.epsilon(), slope.len());
        let system = System {
            model: self,
            path,
            before: self.with_reference(&path.start),
        };
        let centre = mean(&path.weights, slope.iter().copied());
        let mut h: Vec<f64> = (0..n * count).map(|k| slope[k / count] - centre).collect();
        // Those of h, and of each step of it.
        let (mut apart, mut v) = system.apart(&h).await?;
        let mut right = apart.clone();
        system.project(&mut right);
        right.iter_mut().for_each(|r| *r = -*r);
        let inner = |v: &[f64], w: &[f64]| system.inner(v, w);
        let mut gradients = ConjugateGradients::new(right.clone(), right, inner);
        // Where the marginals differ the system is not symmetric, and has no more digits than they.
        let goal = self.method.gradient_tolerance.max(path.error);
        while gradients.left > goal && gradients.iterations < MOST_STEPS {
            let direction = gradients.direction().to_vec();
            let (of_direction, v_of_direction) = system.apart(&direction).await?;
            let mut image = of_direction.clone();
            system.project(&mut image);
            if !gradients.step(&image, <[f64]>::to_vec, inner) {
                break;
            }
            let length = gradients.length;
            add(&mut h, length, &direction);
            add(&mut apart, length, &of_direction);
            for (v, of_direction) in v.iter_mut().zip(&v_of_direction) {
                add(v, length, of_direction);
            }
        }
        let apart = means(&apart, &path.lambda);
        let centre = mean(&path.weights, apart.iter().copied());
        let y = apart.iter().zip(&path.weights);
        let y: Vec<f64> = y.map(|(apart, b)| b * (centre - apart) / epsilon).collect();
        let lambda = (0..count).map(|s| dot(&column(&path.start, s, count), &y));
        if let Some(sums) = &mut points {
            system.add_slopes(&h, &v, sums).await?;
        }
        let atoms = v.into_iter().zip(&path.lambda);
        let atoms = atoms.map(|(v, l)| v.into_iter().map(|v| l * v).collect());
        Ok(Adjoint {
            lambda: lambda.collect(),
            atoms: atoms.collect(),
            points,
            residual: gradients.left,
            products: 2 * count * (gradients.iterations + 1),
        })
    }

    /// Sets values at empty bins of the atoms to 0: they may be infinite, and have no part in sums.
    fn without_empty(&self, values: &mut [Vec<f64>]) {
        for (values, atom) in values.iter_mut().zip(&self.posed.inputs) {
            for (value, weight) in values.iter_mut().zip(atom.weights()) {
                if *weight == 0.0 {
                    *value = 0.0;
                }
            }
        }
    }
}

/// The linear system of a converged barycenter.
struct System<'s, E: Engine> {
    model: &'s Model<E>,
    path: &'s Path<E>,
    /// fₛ + ε log m.
    before: Vec<f64>,
}

impl<E: Engine> System<'_, E> {
    /// Aₛ hₛ relative to b, and vₛ = Eₛ(fₛ)ᵀ m hₛ.
    async fn apart(&self, h: &[f64]) -> Result<(Vec<f64>, Vec<Vec<f64>>)> {
        let Some(step) = self.path.steps.last() else {
            return Ok((vec![0.0; h.len()], Vec::new()));
        };
        let Model { engine, inputs, .. } = self.model;
        let columns = Columns {
            potentials: self.before.clone(),
            values: h.to_vec(),
        };
        let v = inputs.to_inputs(engine, &step.duals, &columns).await?;
        let mut apart = inputs
            .to_support(engine, &step.duals, &step.transforms, &v)
            .await?;
        for (apart, h) in apart.iter_mut().zip(h) {
            *apart = h - *apart;
        }
        Ok((apart, v))
    }

    /// Subtracts the mean of each vₛ over b, and then Σ λₛ vₛ. Constants are the kernel of Aₛ; where the marginals differ,
    /// what is left of them would grow.
    fn project(&self, values: &mut [f64]) {
        let (lambda, count) = (&self.path.lambda, self.path.lambda.len());
        let mean_of = |s: usize| {
            let values = values.iter().skip(s).step_by(count).copied();
            mean(&self.path.weights, values)
        };
        let centres: Vec<f64> = (0..count).map(mean_of).collect();
        for row in values.chunks_exact_mut(count) {
            row.iter_mut()
                .zip(&centres)
                .for_each(|(v, centre)| *v -= centre);
            let mean: f64 = row.iter().zip(lambda).map(|(v, l)| v * l).sum();
            row.iter_mut().for_each(|v| *v -= mean);
        }
    }

    /// Σ λₛ ⟨b vₛ, wₛ⟩.
    fn inner(&self, v: &[f64], w: &[f64]) -> f64 {
        let lambda = &self.path.lambda;
        let rows = v
            .chunks_exact(lambda.len())
            .zip(w.chunks_exact(lambda.len()));
        let products = rows.map(|(v, w)| -> f64 {
            let terms = v.iter().zip(w).zip(lambda);
            terms.map(|((v, w), l)| v * w * l).sum()
        });
        mean(&self.path.weights, products)
    }

    /// Adds the derivatives in the points of C̄ₛ = λₛ Pₛ (vₛ,ⱼ − hₛ,ᵢ)/ε.
    async fn add_slopes(&self, h: &[f64], v: &[Vec<f64>], sums: &mut PointSums) -> Result<()> {
        let Model { engine, inputs, .. } = self.model;
        let (count, epsilon) = (inputs.count, self.model.epsilon());
        let Some(step) = self.path.steps.last() else {
            return Ok(());
        };
        for (s, (v, lambda)) in v.iter().zip(&self.path.lambda).enumerate() {
            let share = lambda / epsilon;
            let potential = column(&self.before, s, count);
            let of_h: Vec<f64> = column(h, s, count).iter().map(|h| -share * h).collect();
            let (even, ones) = (vec![share; of_h.len()], vec![1.0; v.len()]);
            for (rows, columns) in [(&even, v), (&of_h, &ones)] {
                let costs = CostSlopes {
                    input: s,
                    potential: &potential,
                    rows,
                    columns,
                };
                inputs.add_slopes(engine, &step.duals, costs, sums).await?;
            }
        }
        Ok(())
    }
}

/// The numbers of one atom among n×atoms.
fn column(values: &[f64], s: usize, count: usize) -> Vec<f64> {
    values.iter().skip(s).step_by(count).copied().collect()
}

/// v += c w.
fn add(v: &mut [f64], c: f64, w: &[f64]) {
    for (v, w) in v.iter_mut().zip(w) {
        *v += c * w;
    }
}

/// sums += c values.
fn gather(sums: &mut Vec<Vec<f64>>, values: &[Vec<f64>], c: f64) {
    if sums.is_empty() {
        *sums = values
            .iter()
            .map(|values| vec![0.0; values.len()])
            .collect();
    }
    for (sum, values) in sums.iter_mut().zip(values) {
        add(sum, c, values);
    }
}
