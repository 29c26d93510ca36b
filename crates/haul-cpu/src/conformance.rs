//! Every operator against its formula, dense and in f64, on every instruction set at hand.
//!
//! Points, weights and potentials are numbers of f32, so that both sides compute with the same.
//! Tolerances are bounds, term by term: with u the unit roundoff, an exponent of magnitude
//! |h| + k(C + |f|) is off by at most u((d + 4) k(C + |f|) + 2|h|), a power of 2 by 5u, a sum
//! within a range by its longest chain of additions.

use crate::{CpuEngine, Real};
use haul_core::engine::{Factor, Integrand, Kernel, Ratio, Side, Slot, Update};
use haul_core::{Cost, Engine, Error, Measure, Precision, Sinkhorn};
use pulp::Arch;
use std::f64::consts::{LN_2, LOG2_E};

/// A reproducible stream of numbers in [−1, 1), representable in f32.
struct Stream(u64);

impl Stream {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f64::from((self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0)
    }

    fn take(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.next()).collect()
    }
}

/// A cloud with a potential, on the host.
#[derive(Clone)]
struct Host {
    points: Vec<f64>,
    weights: Vec<f64>,
    potential: Vec<f64>,
}

impl Host {
    fn random(stream: &mut Stream, n: usize, dimension: usize) -> Self {
        let weights = stream.take(n).iter().map(|w| w + 1.25).collect();
        let potential = stream.take(n).iter().map(|g| 0.25 * g).collect();
        Self {
            points: stream.take(n * dimension),
            weights,
            potential,
        }
    }

    /// Every third point without weight, the first of them with a potential that would dominate.
    fn with_zero_weights(mut self) -> Self {
        for (j, weight) in self.weights.iter_mut().enumerate() {
            if j % 3 == 0 && j + 1 != self.potential.len() {
                *weight = 0.0;
                self.potential[j] = 4.0;
            }
        }
        self
    }

    fn len(&self) -> usize {
        self.weights.len()
    }
}

/// A pair of clouds and a kernel, and the dense formulas on them.
struct Case {
    rows: Host,
    columns: Host,
    dimension: usize,
    kernel: Kernel,
    /// n×m.
    costs: Vec<f64>,
}

/// A number and how far off it may be.
#[derive(Debug, Clone, Copy)]
struct Expected {
    value: f64,
    tolerance: f64,
}

impl Case {
    fn random(n: usize, m: usize, dimension: usize, kernel: Kernel) -> Self {
        let mut stream = Stream((n * 1000 + m * 100 + dimension) as u64);
        let rows = Host::random(&mut stream, n, dimension);
        let columns = Host::random(&mut stream, m, dimension);
        let distance = |x: &[f64], y: &[f64]| {
            let squares = x.iter().zip(y).map(|(x, y)| (x - y).powi(2));
            squares.sum::<f64>().sqrt()
        };
        let costs = rows.points.chunks_exact(dimension).flat_map(|x| {
            let columns = columns.points.chunks_exact(dimension);
            columns.map(|y| kernel.cost.at(distance(x, y)))
        });
        Self {
            costs: costs.collect(),
            rows,
            columns,
            dimension,
            kernel,
        }
    }

    fn cost(&self, i: usize, j: usize) -> f64 {
        self.costs[i * self.columns.len() + j]
    }

    /// log₂ of bⱼ exp((f + gⱼ − Cᵢⱼ)/ε).
    fn exponent(&self, i: usize, j: usize, f: f64) -> f64 {
        let rest = f + self.columns.potential[j] - self.cost(i, j);
        self.columns.weights[j].log2() + LOG2_E / self.kernel.epsilon * rest
    }

    /// The relative error of one power in units of roundoff.
    fn roundoffs(&self, i: usize, j: usize, f: f64) -> f64 {
        let k = LOG2_E / self.kernel.epsilon;
        let h = k * self.columns.potential[j].abs() + 4.0;
        let seeded = k * (self.cost(i, j) + f.abs());
        5.0 + LN_2 * ((self.dimension as f64 + 4.0) * seeded + 2.0 * h)
    }

    /// The longest chain of additions within a range.
    fn chain(&self) -> f64 {
        self.columns.len() as f64 + 16.0
    }

    fn weighty_columns(&self) -> impl Iterator<Item = usize> {
        (0..self.columns.len()).filter(|j| self.columns.weights[*j] > 0.0)
    }

    fn softmin(&self, i: usize, guess: f64, u: f64) -> Expected {
        let exponents = || self.weighty_columns().map(|j| self.exponent(i, j, 0.0));
        let maximum = exponents().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = exponents().map(|s| (s - maximum).exp2()).sum();
        let error: f64 = self
            .weighty_columns()
            .map(|j| {
                let share = (self.exponent(i, j, 0.0) - maximum).exp2() / sum;
                share * (self.roundoffs(i, j, guess) + self.chain())
            })
            .sum();
        let value = -self.kernel.epsilon * LN_2 * (maximum + sum.log2());
        Expected {
            value,
            tolerance: u * (self.kernel.epsilon * error + 2.0 * value.abs()),
        }
    }

    fn product(&self, i: usize, factor: Factor, value: impl Fn(usize) -> f64, u: f64) -> Expected {
        let f = self.rows.potential[i];
        let mut expected = Expected {
            value: 0.0,
            tolerance: f64::from(f32::MIN_POSITIVE) * self.columns.len() as f64 * 100.0,
        };
        for j in self.weighty_columns() {
            let phi = match factor {
                Factor::One => 1.0,
                Factor::Cost => self.cost(i, j),
            };
            let term = self.exponent(i, j, f).exp2() * phi * value(j);
            let roundoffs = self.roundoffs(i, j, f) + self.chain() + self.dimension as f64 + 4.0;
            expected.value += term;
            expected.tolerance += u * roundoffs * term.abs();
        }
        expected
    }
}

/// The unit roundoff of both sides: the formulas round as well, in f64.
fn roundoff<T: Real>() -> f64 {
    T::PRECISION.unit_roundoff() + Precision::F64.unit_roundoff()
}

/// All misses, with their indices.
fn misses(found: &[f64], expected: &[Expected]) -> Vec<String> {
    assert_eq!(found.len(), expected.len());
    let compared = found.iter().zip(expected).enumerate();
    compared
        .filter(|(_, (found, expected))| {
            let within = (*found - expected.value).abs() <= expected.tolerance;
            !within
        })
        .map(|(i, (found, expected))| format!("[{i}] {found:e} instead of {expected:?}"))
        .collect()
}

/// The engines of all instruction sets this machine has.
fn engines<T: Real>() -> Vec<CpuEngine<T>> {
    #[allow(unused_mut)]
    let mut sets = vec![Arch::new(), Arch::Scalar];
    #[cfg(target_arch = "x86_64")]
    sets.extend(pulp::x86::V3::try_new().map(Arch::V3));
    sets.into_iter().map(CpuEngine::with_arch).collect()
}

/// The softmin on a device, as the host sees it.
fn softmin<T: Real>(engine: &CpuEngine<T>, case: &Case, guess: Option<&[f64]>) -> Vec<f64> {
    let rows = engine
        .cloud(&case.rows.points, case.dimension, &case.rows.weights)
        .unwrap();
    let columns = engine
        .cloud(&case.columns.points, case.dimension, &case.columns.weights)
        .unwrap();
    let potential = engine.vector(&case.columns.potential).unwrap();
    let guess = guess.map(|guess| engine.vector(guess).unwrap());
    let mut out = engine.vector(&vec![f64::NAN; case.rows.len()]).unwrap();
    let side = Side {
        cloud: &columns,
        potential: &potential,
    };
    engine
        .softmin(case.kernel, &rows, side, guess.as_ref(), &mut out)
        .unwrap();
    engine.read(&out).unwrap()
}

fn product<T: Real>(
    engine: &CpuEngine<T>,
    case: &Case,
    factor: Factor,
    values: &[f64],
    width: usize,
) -> Vec<f64> {
    let put = |host: &Host| {
        let cloud = engine.cloud(&host.points, case.dimension, &host.weights);
        (cloud.unwrap(), engine.vector(&host.potential).unwrap())
    };
    let (rows, columns) = (put(&case.rows), put(&case.columns));
    let values = engine.vector(values).unwrap();
    let mut out = engine
        .vector(&vec![f64::NAN; case.rows.len() * width])
        .unwrap();
    fn side<T: Real>(pair: &(crate::CpuCloud<T>, crate::CpuVector<T>)) -> Side<'_, CpuEngine<T>> {
        Side {
            cloud: &pair.0,
            potential: &pair.1,
        }
    }
    let integrand = Integrand {
        factor,
        values: &values,
        width,
    };
    engine
        .product(
            case.kernel,
            side(&rows),
            side(&columns),
            integrand,
            &mut out,
        )
        .unwrap();
    engine.read(&out).unwrap()
}

fn costs() -> [Cost; 4] {
    [0.5, 1.0, 1.3, 2.0].map(|p| Cost::power(p).unwrap())
}
const DIMENSIONS: [usize; 7] = [1, 2, 3, 4, 5, 8, 17];
const SIZES: [(usize, usize); 8] = [
    (1, 1),
    (1, 300),
    (2, 7),
    (7, 2),
    (7, 33),
    (33, 1),
    (33, 300),
    (300, 33),
];

/// All cases of dimension, cost and size, for an ε.
fn cases(epsilon: f64) -> impl Iterator<Item = Case> {
    DIMENSIONS.into_iter().flat_map(move |d| {
        costs().into_iter().flat_map(move |cost| {
            let kernel = Kernel { cost, epsilon };
            SIZES
                .into_iter()
                .map(move |(n, m)| Case::random(n, m, d, kernel))
        })
    })
}

fn softmin_misses<T: Real>(engine: &CpuEngine<T>, case: &Case, guess: Option<f64>) -> Vec<String> {
    let u = roundoff::<T>();
    let exact: Vec<f64> = (0..case.rows.len())
        .map(|i| case.softmin(i, 0.0, u).value)
        .collect();
    // A guess is a vector of the engine: what it holds is rounded.
    let guesses: Option<Vec<f64>> = guess.map(|off| {
        let vector: Vec<f64> = exact.iter().map(|f| f + off).collect();
        engine.read(&engine.vector(&vector).unwrap()).unwrap()
    });
    let expected: Vec<_> = (0..case.rows.len())
        .map(|i| case.softmin(i, guesses.as_ref().map_or(0.0, |guesses| guesses[i]), u))
        .collect();
    misses(&softmin(engine, case, guesses.as_deref()), &expected)
}

fn the_softmin_is_its_formula<T: Real>() {
    for engine in engines::<T>() {
        for epsilon in [0.3, 0.01] {
            for case in cases(epsilon) {
                let missed = softmin_misses(&engine, &case, None);
                assert!(missed.is_empty(), "{} {missed:?}", engine.device());
            }
        }
    }
}

fn the_softmin_does_not_depend_on_its_guess<T: Real>() {
    for engine in engines::<T>() {
        for case in cases(0.05).filter(|case| case.rows.len() < 300) {
            // In units of ε ln 2: good, off but of use, off by far, absurd.
            for off in [0.0, 5.0, 90.0, -50.0, 200.0, -1e6] {
                let missed = softmin_misses(&engine, &case, Some(off * 0.05 * LN_2));
                let device = engine.device();
                assert!(missed.is_empty(), "{device} off {off}: {missed:?}");
            }
        }
    }
}

fn the_softmin_at_a_tiny_epsilon_is_a_minimum<T: Real>() {
    for engine in engines::<T>() {
        for case in cases(1e-7) {
            for guess in [None, Some(0.0)] {
                let missed = softmin_misses(&engine, &case, guess);
                assert!(missed.is_empty(), "{} {missed:?}", engine.device());
            }
        }
    }
}

fn points_without_weight_take_no_part<T: Real>() {
    for engine in engines::<T>() {
        for mut case in cases(0.1) {
            case.columns = case.columns.with_zero_weights();
            case.rows = case.rows.with_zero_weights();
            for guess in [None, Some(0.0)] {
                let missed = softmin_misses(&engine, &case, guess);
                assert!(missed.is_empty(), "{} {missed:?}", engine.device());
            }
        }
        // Nor do values there, however large.
        for mut case in cases(0.1).filter(|case| case.columns.len() > 1) {
            case.columns = case.columns.with_zero_weights();
            let mut values = vec![1.0; case.columns.len()];
            let expected: Vec<_> = (0..case.rows.len())
                .map(|i| case.product(i, Factor::One, |_| 1.0, roundoff::<T>()))
                .collect();
            for (value, weight) in values.iter_mut().zip(&case.columns.weights) {
                if *weight == 0.0 {
                    *value = 1e30;
                }
            }
            let missed = misses(&product(&engine, &case, Factor::One, &values, 1), &expected);
            assert!(missed.is_empty(), "{} {missed:?}", engine.device());
        }
    }
}

fn the_product_is_its_formula<T: Real>() {
    let u = roundoff::<T>();
    for engine in engines::<T>() {
        for epsilon in [0.3, 0.04, f64::INFINITY] {
            for (index, case) in cases(epsilon).enumerate() {
                let width = index % 6 + 1;
                let values = Stream(index as u64).take(case.columns.len() * width);
                for factor in [Factor::One, Factor::Cost] {
                    let expected: Vec<_> = (0..case.rows.len() * width)
                        .map(|at| {
                            let value = |j: usize| values[j * width + at % width];
                            case.product(at / width, factor, value, u)
                        })
                        .collect();
                    let found = product(&engine, &case, factor, &values, width);
                    let missed = misses(&found, &expected);
                    let device = engine.device();
                    assert!(missed.is_empty(), "{device} {factor:?} {width} {missed:?}");
                }
            }
        }
    }
}

/// Some dimensions over several ranges of columns and blocks of rows.
fn larger_clouds_agree_as_well<T: Real>() {
    let engine = CpuEngine::<T>::new();
    for d in [1, 3, 17] {
        let kernel = Kernel {
            cost: Cost::SquaredEuclidean,
            epsilon: 0.05,
        };
        let case = Case::random(130, 9000, d, kernel);
        for guess in [None, Some(0.0), Some(-10.0)] {
            let missed = softmin_misses(&engine, &case, guess);
            assert!(missed.is_empty(), "{missed:?}");
        }
    }
}

/// The controls: each moves one input by a little more than the tolerance forgives.
fn a_moved_input_is_noticed<T: Real>() {
    let u = roundoff::<T>();
    for engine in engines::<T>() {
        for cost in costs() {
            let kernel = Kernel { cost, epsilon: 0.3 };
            let case = Case::random(7, 33, 3, kernel);
            let largest = (0..7)
                .map(|i| case.softmin(i, 0.0, u).tolerance)
                .fold(0.0, f64::max);
            for guess in [None, Some(0.0)] {
                let expected: Vec<_> = (0..7).map(|i| case.softmin(i, 0.0, u)).collect();
                let guesses: Vec<f64> = expected.iter().map(|e| e.value).collect();
                let guess = guess.map(|_: f64| guesses.as_slice());

                let mut moved = Case::random(7, 33, 3, kernel);
                for g in &mut moved.columns.potential {
                    *g += 3.0 * largest;
                }
                let found = softmin(&engine, &moved, guess);
                assert_eq!(misses(&found, &expected).len(), 7);

                let mut moved = Case::random(7, 33, 3, kernel);
                for x in &mut moved.columns.points {
                    *x += 30.0 * largest;
                }
                let found = softmin(&engine, &moved, guess);
                assert!(!misses(&found, &expected).is_empty());

                let mut moved = Case::random(7, 33, 3, kernel);
                moved.columns.weights[5] *= 1.0 + 500.0 * largest;
                let found = softmin(&engine, &moved, guess);
                assert!(!misses(&found, &expected).is_empty());
            }
            let values = Stream(1).take(66);
            for factor in [Factor::One, Factor::Cost] {
                let expected: Vec<_> = (0..14)
                    .map(|at| case.product(at / 2, factor, |j| values[2 * j + at % 2], u))
                    .collect();
                let found = product(&engine, &case, factor, &values, 2);
                assert!(misses(&found, &expected).is_empty());

                let mut moved = Case::random(7, 33, 3, kernel);
                moved.rows.potential[3] += 30.0 * largest;
                let found = product(&engine, &moved, factor, &values, 2);
                assert!(!misses(&found, &expected).is_empty());

                let mut swapped = values.clone();
                swapped.swap(4, 5);
                let found = product(&engine, &case, factor, &swapped, 2);
                assert!(!misses(&found, &expected).is_empty());
            }
        }
    }
}

fn threads_change_no_bit<T: Real>() {
    let kernel = Kernel {
        cost: Cost::SquaredEuclidean,
        epsilon: 0.05,
    };
    let case = Case::random(1001, 777, 3, kernel);
    let values = Stream(3).take(777 * 5);
    let results: Vec<_> = [1, 2, 3]
        .into_iter()
        .map(|threads| {
            let engine = CpuEngine::<T>::with_threads(threads).unwrap();
            let cold = softmin(&engine, &case, None);
            let mut guess = cold.clone();
            guess[17] += 1e3;
            let warm = softmin(&engine, &case, Some(&guess));
            let product = product(&engine, &case, Factor::Cost, &values, 5);
            [cold, warm, product]
                .concat()
                .into_iter()
                .map(f64::to_bits)
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(results[0] == results[1] && results[0] == results[2]);
}

fn marginal_errors_are_sums_of_differences<T: Real>() {
    let engine = CpuEngine::<T>::new();
    let weights = [0.5, 0.0, 0.25, 2.0];
    let cloud = engine.cloud(&[0.0; 4], 1, &weights).unwrap();
    let before = engine.vector(&[0.5, 1e9, 0.25, -1.0]).unwrap();
    let after = engine.vector(&[0.5, -1e9, 0.0, -0.75]).unwrap();
    let ratio = Ratio::Potentials(Update {
        epsilon: 0.5,
        rho: f64::INFINITY,
        before: &before,
        after: &after,
    });
    let expected = 0.25 * 0.5_f64.exp_m1() - 2.0 * (-0.5_f64).exp_m1();
    let found = engine.marginal_error(&cloud, ratio).unwrap();
    assert!((found - expected).abs() <= 1e-15 * expected, "{found}");

    let scaling = engine.vector(&[2.0, 1e30, 1.0, 0.5]).unwrap();
    let sums = engine.vector(&[0.5, 1e30, 1.5, 1.0]).unwrap();
    let ratio = Ratio::Scalings {
        epsilon: 0.5,
        rho: f64::INFINITY,
        potential: &before,
        scaling: &scaling,
        sums: &sums,
    };
    assert_eq!(engine.marginal_error(&cloud, ratio).unwrap(), 1.125);
}

fn an_error_beyond_the_range_stays_finite<T: Real>() {
    let engine = CpuEngine::<T>::new();
    let cloud = engine.cloud(&[0.0], 1, &[1.0]).unwrap();
    let before = engine.vector(&[1.0]).unwrap();
    let after = engine.vector(&[0.0]).unwrap();
    let ratio = Ratio::Potentials(Update {
        epsilon: 1e-6,
        rho: f64::INFINITY,
        before: &before,
        after: &after,
    });
    let error = engine.marginal_error(&cloud, ratio).unwrap();
    assert!(error > 1e100 && error.is_finite());
}

fn scalings_are_limited_and_absorbed<T: Real>() {
    let engine = CpuEngine::<T>::new();
    let sums = [0.5, 2f64.powi(40), 0.0, f64::INFINITY, 1.0];
    let sums = engine.vector(&sums).unwrap();
    let mut scaling = engine.vector(&[1.0; 5]).unwrap();
    let mut potential = engine.vector(&[1.0; 5]).unwrap();
    engine
        .scale(0.25, f64::INFINITY, &sums, &mut scaling, &mut potential)
        .unwrap();
    assert_eq!(engine.read(&scaling).unwrap(), [2.0, 1.0, 1.0, 1.0, 1.0]);
    let u = T::PRECISION.unit_roundoff();
    let moved = [0.0, -40.0, 100.0, -100.0, 0.0];
    let potential = engine.read(&potential).unwrap();
    for (f, moved) in potential.iter().zip(moved) {
        let expected = 1.0 + 0.25 * LN_2 * moved;
        assert!((f - expected).abs() <= 2.0 * u * expected.abs(), "{f}");
    }
}

fn combinations_are_exact_on_small_integers<T: Real>() {
    let engine = CpuEngine::<T>::new();
    let n = 10_001;
    let v: Vec<f64> = (0..n).map(|i| f64::from(i % 13) - 6.0).collect();
    let w: Vec<f64> = (0..n).map(|i| f64::from(i % 7)).collect();
    let (dv, dw) = (engine.vector(&v).unwrap(), engine.vector(&w).unwrap());
    let mut out = engine.vector(&vec![f64::NAN; v.len()]).unwrap();
    engine
        .combine(&[(2.0, &dv), (-1.0, &dw)], &mut out)
        .unwrap();
    let expected: Vec<f64> = v.iter().zip(&w).map(|(v, w)| 2.0 * v - w).collect();
    assert_eq!(engine.read(&out).unwrap(), expected);
    engine.combine(&[], &mut out).unwrap();
    assert!(engine.read(&out).unwrap().iter().all(|x| *x == 0.0));
}

fn broken_promises_are_errors<T: Real>() {
    let engine = CpuEngine::<T>::new();
    let kernel = Kernel {
        cost: Cost::Euclidean,
        epsilon: 1.0,
    };
    let length = |result: haul_core::Result<()>| match result {
        Err(Error::Length {
            expected, found, ..
        }) => (expected, found),
        other => panic!("{other:?}"),
    };
    let result = engine.cloud(&[0.0; 5], 2, &[1.0; 2]).map(|_| ());
    assert_eq!(length(result), (4, 5));
    assert!(matches!(
        engine.cloud(&[], 0, &[]),
        Err(Error::ZeroDimension)
    ));

    let two = engine.cloud(&[0.0; 2], 1, &[1.0; 2]).unwrap();
    let three = engine.cloud(&[0.0; 3], 1, &[1.0; 3]).unwrap();
    let plane = engine.cloud(&[0.0; 6], 2, &[1.0; 3]).unwrap();
    let vectors: Vec<_> = (0..7).map(|n| engine.vector(&vec![0.0; n])).collect();
    let vectors: Vec<_> = vectors.into_iter().map(Result::unwrap).collect();
    let v = |n: usize| &vectors[n];
    let side = |cloud, n| Side {
        cloud,
        potential: v(n),
    };
    let softmin = |columns, guess, out: usize| {
        engine.softmin(kernel, &two, columns, guess, &mut v(out).clone())
    };
    assert!(softmin(side(&three, 3), Some(v(2)), 2).is_ok());
    assert_eq!(length(softmin(side(&three, 2), None, 2)), (3, 2));
    assert_eq!(length(softmin(side(&three, 3), Some(v(3)), 2)), (2, 3));
    assert_eq!(length(softmin(side(&three, 3), None, 1)), (2, 1));
    assert!(matches!(
        softmin(side(&plane, 3), None, 2),
        Err(Error::DimensionMismatch { .. })
    ));

    let product = |rows, values, width, out: usize| {
        let integrand = Integrand {
            factor: Factor::One,
            values: v(values),
            width,
        };
        let columns = side(&three, 3);
        engine.product(kernel, rows, columns, integrand, &mut v(out).clone())
    };
    assert!(product(side(&two, 2), 6, 2, 4).is_ok());
    assert!(product(side(&two, 2), 0, 0, 0).is_ok());
    assert_eq!(length(product(side(&two, 1), 3, 1, 2)), (2, 1));
    assert_eq!(length(product(side(&two, 2), 5, 2, 4)), (6, 5));
    assert_eq!(length(product(side(&two, 2), 6, 2, 5)), (4, 5));
    let overflowing = product(side(&two, 2), 6, usize::MAX, 5);
    assert!(matches!(overflowing, Err(Error::Length { .. })));

    let scale = |sums, scaling: usize, potential: usize| {
        let (mut u, mut f) = (v(scaling).clone(), v(potential).clone());
        engine.scale(1.0, 2.0, v(sums), &mut u, &mut f)
    };
    assert_eq!(length(scale(2, 3, 2)), (2, 3));
    assert_eq!(length(scale(2, 2, 1)), (2, 1));
    let error = |before, after| {
        let ratio = Ratio::Potentials(Update {
            epsilon: 1.0,
            rho: 2.0,
            before: v(before),
            after: v(after),
        });
        engine.marginal_error(&two, ratio).map(|_| ())
    };
    assert_eq!(length(error(3, 2)), (2, 3));
    assert_eq!(length(error(2, 3)), (2, 3));
    let combined = engine.combine(&[(1.0, v(2)), (1.0, v(3))], &mut v(2).clone());
    assert_eq!(length(combined), (2, 3));
    let remember = |before, index, room: usize| {
        let update = Update {
            epsilon: 1.0,
            rho: f64::INFINITY,
            before: v(before),
            after: v(2),
        };
        let slot = Slot {
            index,
            slots: 2,
            residuals: &mut v(room).clone(),
            images: &mut v(4).clone(),
        };
        engine.remember(&two, update, slot).map(|_| ())
    };
    assert!(remember(2, 1, 4).is_ok());
    assert_eq!(length(remember(3, 1, 4)), (2, 3));
    assert_eq!(length(remember(2, 1, 5)), (4, 5));
    assert!(matches!(
        remember(2, 2, 4),
        Err(Error::Slot { index: 2, slots: 2 })
    ));
    let extrapolated = engine.extrapolate(&[0.5, 0.5], 0.0, v(4), &mut v(3).clone());
    assert_eq!(length(extrapolated), (6, 4));
}

fn empty_clouds_are_fine<T: Real>() {
    let kernel = Kernel {
        cost: Cost::SquaredEuclidean,
        epsilon: 0.1,
    };
    for engine in engines::<T>() {
        let case = Case::random(0, 7, 3, kernel);
        assert!(softmin(&engine, &case, None).is_empty());
        assert!(softmin(&engine, &case, Some(&[])).is_empty());
        assert!(product(&engine, &case, Factor::One, &[1.0; 14], 2).is_empty());
        let case = Case::random(5, 0, 3, kernel);
        assert_eq!(product(&engine, &case, Factor::One, &[], 2), [0.0; 10]);
        // A minimum over nothing.
        let minimum = softmin(&engine, &case, Some(&[0.0; 5]));
        assert!(minimum.iter().all(|f| *f == f64::INFINITY));
    }
}

/// Translating a cloud by t costs |t|², whatever ε, once the entropic bias is removed.
fn a_solve_reaches_its_tolerance<T: Real>() {
    let mut stream = Stream(11);
    let points = stream.take(3 * 200);
    let shifted: Vec<f64> = points.iter().map(|x| x + 0.5).collect();
    let a = Measure::uniform(&points, 3).unwrap();
    let b = Measure::uniform(&shifted, 3).unwrap();
    let engine = CpuEngine::<T>::new();
    let sinkhorn = Sinkhorn::blur(0.5).tolerance(1e-4);
    let value = |a, b| {
        let solution = sinkhorn.solve(&engine, a, b).unwrap();
        let certificate = solution.report().certificate;
        assert!(certificate.marginal_error() <= 1e-4);
        0.5 * (certificate.lower_bound + certificate.upper_bound)
    };
    let divergence = value(&a, &b) - 0.5 * value(&a, &a) - 0.5 * value(&b, &b);
    assert!((divergence - 0.75).abs() < 1e-3, "{divergence}");
}

macro_rules! in_both_formats {
    ($($test:ident)*) => {
        mod f32 {
            $(#[test] fn $test() { super::$test::<f32>() })*
        }
        mod f64 {
            $(#[test] fn $test() { super::$test::<f64>() })*
        }
    };
}

in_both_formats! {
    the_softmin_is_its_formula
    the_softmin_does_not_depend_on_its_guess
    the_softmin_at_a_tiny_epsilon_is_a_minimum
    points_without_weight_take_no_part
    the_product_is_its_formula
    larger_clouds_agree_as_well
    a_moved_input_is_noticed
    threads_change_no_bit
    marginal_errors_are_sums_of_differences
    an_error_beyond_the_range_stays_finite
    scalings_are_limited_and_absorbed
    combinations_are_exact_on_small_integers
    broken_promises_are_errors
    empty_clouds_are_fine
    a_solve_reaches_its_tolerance
}
