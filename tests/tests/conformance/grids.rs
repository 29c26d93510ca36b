//! Solves on grids, axis by axis, against those of the clouds of the same points, and against a dense solver
//! where the cost is one that clouds do not have.
//!
//! In f64 both are the same to 1e-12. In f32 a pass has a relative floor of 6e-8 times the largest exponent,
//! which the iteration makes a few times as large.

use haul::{
    Bounds, Certificate, Cost, Device, Divergence, Engine, Error, Form, Grid, Measure, Sinkhorn,
    Solution,
};
use haul_tests::clouds::Numbers;
use haul_tests::compare::{accept, close, number, reject};
use haul_tests::dense;
use haul_tests::engines::Body;
use haul_tests::supported::supported;
use std::sync::OnceLock;

pub const BODIES: &[(&str, Body)] = &[
    (
        "a_solve_on_grids_is_that_of_their_points",
        a_solve_on_grids_is_that_of_their_points,
    ),
    (
        "sums_over_axes_are_costs_between_grids",
        sums_over_axes_are_costs_between_grids,
    ),
    (
        "divergences_of_grids_are_those_of_their_points",
        divergences_of_grids_are_those_of_their_points,
    ),
    (
        "grids_are_clouds_where_the_cost_is_no_sum_over_axes",
        grids_are_clouds_where_the_cost_is_no_sum,
    ),
    (
        "what_grids_do_not_have_is_refused",
        what_grids_do_not_have_is_refused,
    ),
];

const EXACT: [f64; 2] = [f64::INFINITY; 2];

/// Weights of an image: a few blobs, single points of weight 0, and whole lines of weight 0 along each axis.
fn image(shape: &[usize], spacing: &[f64], origin: &[f64], seed: u64) -> Measure {
    let grid = Grid::new(shape, spacing, origin).unwrap();
    let mut numbers = Numbers::new(seed);
    let weights = (0..grid.len()).map(|index| {
        let (mut rest, mut weight) = (index, numbers.within(0.2, 1.0));
        for n in shape.iter().rev() {
            let place = rest % n;
            rest /= n;
            let wave = (place as f64 / *n as f64 * 5.0 + seed as f64).sin();
            weight *= 1.2 + wave;
            if *n > 4 && (place == 2 || place == n - 1) {
                weight = 0.0;
            }
        }
        if index % 7 == 5 { 0.0 } else { weight }
    });
    let weights = weights.collect();
    Measure::grid(grid, weights).unwrap().normalized()
}

/// The same points, one by one.
fn cloud(measure: &Measure) -> Measure {
    let (points, weights) = (measure.points().to_vec(), measure.weights().to_vec());
    Measure::new(points, measure.dimension(), weights).unwrap()
}

/// A problem between two grids.
struct Case {
    name: &'static str,
    source: Measure,
    target: Measure,
    cost: Cost,
    epsilon: f64,
    rho: [f64; 2],
    form: Form,
    /// The largest cost.
    largest: f64,
}

impl Case {
    fn new(name: &'static str, source: Measure, target: Measure, cost: Cost) -> Self {
        // Corners are farthest apart.
        let corners = |measure: &Measure| -> Vec<Vec<f64>> {
            let points = measure.points().chunks_exact(measure.dimension());
            let (first, last) = (points.clone().next().unwrap(), points.last().unwrap());
            vec![first.to_vec(), last.to_vec()]
        };
        let (of_source, of_target) = (corners(&source), corners(&target));
        let d = source.dimension();
        let farthest = |k: usize| {
            let pairs = of_source
                .iter()
                .flat_map(|x| of_target.iter().map(move |y| (x, y)));
            pairs.map(|(x, y)| (x[k] - y[k]).abs()).fold(0.0, f64::max)
        };
        let largest = dense::cost(
            cost,
            &(0..d).map(farthest).collect::<Vec<_>>(),
            &vec![0.0; d],
        );
        Self {
            name,
            source,
            target,
            cost,
            epsilon: 0.1 * largest,
            rho: EXACT,
            form: Form::Log,
            largest,
        }
    }

    fn settings(&self, tolerance: f64) -> Sinkhorn {
        let settings = Sinkhorn::epsilon(self.epsilon)
            .p(self.cost.p())
            .rho_a(self.rho[0])
            .rho_b(self.rho[1])
            .form(self.form)
            .tolerance(tolerance)
            .max_iterations(20_000);
        match self.cost {
            Cost::SumOverAxes(_) => settings.sum_over_axes(),
            _ => settings,
        }
    }

    fn is_balanced(&self) -> bool {
        self.rho == EXACT
    }

    /// The tolerance of a plan, relative to its largest entries.
    fn relative(&self, device: &Device) -> f64 {
        if is_double(device) {
            return 1e-12;
        }
        8.0 * 6e-8 * self.largest / self.epsilon + 4.0 * goal(device)
    }

    /// The tolerance of a potential.
    fn of_potential(&self, device: &Device) -> f64 {
        let scale = if is_double(device) {
            self.largest
        } else {
            self.epsilon
        };
        scale * self.relative(device)
    }
}

fn is_double(device: &Device) -> bool {
    device.precision().name() == "f64"
}

/// The tolerance of a solve that is compared.
fn goal(device: &Device) -> f64 {
    if is_double(device) { 1e-13 } else { 1e-5 }
}

/// The results of a solve that are compared.
struct Reference {
    value: f64,
    transport_cost: f64,
    potentials: [Vec<f64>; 2],
    gradients: [Vec<f64>; 2],
    /// P V and Pᵀ U of two values a point.
    products: [Vec<f64>; 2],
    marginals: [Vec<f64>; 2],
    map: Vec<f64>,
}

/// The factors of a plan on both sides.
fn factors(case: &Case) -> [Vec<f64>; 2] {
    let of = |measure: &Measure, seed| Numbers::new(seed).vector(2 * measure.len(), -1.0, 1.0);
    [of(&case.target, 11), of(&case.source, 12)]
}

impl Reference {
    fn of_solution<E: Engine + Clone>(case: &Case, solution: &Solution<E>) -> haul::Result<Self> {
        let plan = solution.plan();
        let potentials = solution.potentials()?;
        let [of_target, of_source] = factors(case);
        let (rows, columns) = plan.marginals()?;
        Ok(Self {
            value: solution.value(),
            transport_cost: solution.report().transport_cost,
            potentials: [potentials.f, potentials.g],
            gradients: solution.gradient_weights()?,
            products: [
                plan.product(&of_target)?,
                plan.product_transposed(&of_source)?,
            ],
            marginals: [rows, columns],
            map: plan.map()?,
        })
    }

    /// From the whole matrix.
    fn of_matrix(case: &Case) -> Self {
        let Case {
            source,
            target,
            cost,
            epsilon,
            rho,
            ..
        } = case;
        let (rows, columns) = dense::solve(*cost, *epsilon, *rho, source, target);
        let plan = dense::plan(*cost, *epsilon, &rows, &columns);
        let (n, m, d) = (source.len(), target.len(), target.dimension());
        let [of_target, of_source] = factors(case);
        let (mut sums, mut back) = (vec![0.0; 2 * n], vec![0.0; 2 * m]);
        let mut transport_cost = 0.0;
        for (i, row) in plan.chunks_exact(m).enumerate() {
            for (j, mass) in row.iter().enumerate() {
                transport_cost += mass * dense::cost(*cost, rows.point(i), columns.point(j));
                for k in 0..2 {
                    sums[2 * i + k] += mass * of_target[2 * j + k];
                    back[2 * j + k] += mass * of_source[2 * i + k];
                }
            }
        }
        // Points of weight 0 have an image as well: weights of rows divide out.
        let ones = dense::Side {
            weights: vec![1.0; n],
            ..rows.clone()
        };
        let densities = dense::plan(*cost, *epsilon, &ones, &columns);
        let map = densities.chunks_exact(m).flat_map(|row| {
            let total: f64 = row.iter().sum();
            let mut mean = vec![0.0; d];
            for (density, point) in row.iter().zip(columns.points.chunks_exact(d)) {
                for (mean, x) in mean.iter_mut().zip(point) {
                    *mean += density / total * x;
                }
            }
            mean
        });
        let map = map.collect();
        let (of_rows, of_columns) = dense::marginals(&plan, m);
        // The derivative of the dual in a weight, at fixed potentials.
        let gradient = |side: &dense::Side, rho: f64, of_plan: &[f64], other: f64| -> Vec<f64> {
            if rho.is_infinite() {
                return centred(&side.potential, &side.weights);
            }
            let density = of_plan.iter().zip(&side.potential);
            density
                .map(|(density, f)| -rho * (-f / rho).exp_m1() - epsilon * (density - other))
                .collect()
        };
        let ratios = |side: &dense::Side, other: &dense::Side| -> Vec<f64> {
            let softmin = dense::softmin(*cost, *epsilon, side, other);
            let pairs = side.potential.iter().zip(softmin);
            pairs
                .map(|(f, softmin)| ((f - softmin) / epsilon).exp())
                .collect()
        };
        let gradients = [
            gradient(&rows, rho[0], &ratios(&rows, &columns), target.mass()),
            gradient(&columns, rho[1], &ratios(&columns, &rows), source.mass()),
        ];
        Self {
            value: dense::dual(*cost, *epsilon, *rho, &rows, &columns),
            transport_cost,
            potentials: [rows.potential, columns.potential],
            gradients,
            products: [sums, back],
            marginals: [of_rows, of_columns],
            map,
        }
    }

    /// The differences between both.
    fn compare(&self, expected: &Self, case: &Case, device: &Device) -> Result<(), String> {
        let (relative, of_potential) = (case.relative(device), case.of_potential(device));
        let size = |values: &[f64]| values.iter().fold(0.0, |size: f64, v| v.abs().max(size));
        let scaled = |name: &str, got: &[f64], expected: &[f64], allowed: f64| {
            close(got, expected, |_| allowed).map_err(|report| format!("{name}: {report}"))
        };
        number("value", self.value, expected.value, of_potential)?;
        let of_cost = relative * case.largest;
        number(
            "⟨P, C⟩",
            self.transport_cost,
            expected.transport_cost,
            of_cost,
        )?;
        let weights = [case.source.weights(), case.target.weights()];
        for (side, own) in weights.into_iter().enumerate() {
            // A constant may move from one to the other where both sides are constrained.
            let of = |values: &[f64]| {
                if case.is_balanced() {
                    centred(values, own)
                } else {
                    values.to_vec()
                }
            };
            let (got, expected_f) = (&self.potentials[side], &expected.potentials[side]);
            scaled("a potential", &of(got), &of(expected_f), of_potential)?;
            let (got, expected_g) = (&self.gradients[side], &expected.gradients[side]);
            scaled("a gradient", got, expected_g, 2.0 * of_potential)?;
            let (got, product) = (&self.products[side], &expected.products[side]);
            // The error of a sum over columns is that of its terms.
            let of_mass = relative * size(own);
            scaled("a product", got, product, of_mass)?;
            scaled(
                "a marginal",
                &self.marginals[side],
                &expected.marginals[side],
                of_mass,
            )?;
        }
        let extent = case.largest.powf(1.0 / case.cost.p());
        scaled(
            "the map",
            &self.map,
            &expected.map,
            relative * (extent + size(&expected.map)),
        )
    }
}

/// A vector minus its mean under these weights.
fn centred(values: &[f64], weights: &[f64]) -> Vec<f64> {
    let mean: f64 = values.iter().zip(weights).map(|(v, w)| v * w).sum();
    let mass: f64 = weights.iter().sum();
    values.iter().map(|v| v - mean / mass).collect()
}

/// A solve on grids against its reference, with controls.
fn check(device: &Device, case: &Case, expected: &Reference, other: Option<&Certificate>) {
    let solution = case
        .settings(goal(device))
        .solve(device, &case.source, &case.target);
    let Some(solution) = supported(device, "solves on grids", solution) else {
        return;
    };
    let context = case.name;
    let report = solution.report();
    assert!(report.converged, "{context}: {report:?}");
    let mut got = Reference::of_solution(case, &solution).unwrap();
    accept(context, got.compare(expected, case, device));

    // The certificate is true.
    let certificate = *solution.certificate();
    let (relative, of_potential) = (case.relative(device), case.of_potential(device));
    let wanted = |measure: &Measure, side: usize| -> Vec<f64> {
        dense::wanted(
            &dense::Side {
                potential: expected.potentials[side].clone(),
                ..dense::side(measure)
            },
            case.rho[side],
        )
    };
    let mass = expected.marginals[0].iter().sum::<f64>();
    for (told, marginal, wanted) in [
        (
            certificate.marginal_error_a,
            &got.marginals[0],
            wanted(&case.source, 0),
        ),
        (
            certificate.marginal_error_b,
            &got.marginals[1],
            wanted(&case.target, 1),
        ),
    ] {
        let error = dense::distance(marginal, &wanted);
        accept(
            context,
            number("marginal error", told, error, relative * mass),
        );
    }
    let Certificate {
        lower_bound,
        upper_bound,
        precision_floor,
        ..
    } = certificate;
    assert!(
        lower_bound <= expected.value + 1e-13 * case.largest
            && expected.value <= upper_bound + 1e-13 * case.largest,
        "{context}: {lower_bound} ≤ {} ≤ {upper_bound}",
        expected.value
    );
    let widening = 64.0 * (precision_floor * case.epsilon + of_potential);
    assert!(
        upper_bound - lower_bound <= widening,
        "{context}: {certificate:?}"
    );
    // The bounds of the distance are those of the dense certificate.
    assert_eq!(
        certificate.wasserstein.is_some(),
        case.is_balanced(),
        "{context}"
    );
    if let (Some(got), Some(other)) = (certificate.wasserstein, other)
        && let Some(expected) = other.wasserstein
    {
        let bounds = |bounds: Bounds| [bounds.lower, bounds.upper];
        let close = |got: &[f64]| close(got, &bounds(expected), |_| widening);
        accept(context, close(&bounds(got)));
        reject(
            context,
            close(&bounds(got).map(|bound| bound + 3.0 * widening)),
        );
    }

    // A control each.
    got.value += 3.0 * of_potential;
    reject(context, got.compare(expected, case, device));
    got.value = expected.value;
    accept(context, got.compare(expected, case, device));
    let extent = case.largest.powf(1.0 / case.cost.p());
    for wrong in 0..5 {
        let place = case.source.weights().iter().position(|w| *w > 0.0).unwrap();
        let values = match wrong {
            0 => &mut got.potentials[0],
            1 => &mut got.gradients[0],
            2 => &mut got.products[0],
            3 => &mut got.marginals[0],
            _ => &mut got.map,
        };
        let before = values[place];
        values[place] += 1e3 * (relative * (1.0 + extent) + of_potential);
        reject(context, got.compare(expected, case, device));
        let values = match wrong {
            0 => &mut got.potentials[0],
            1 => &mut got.gradients[0],
            2 => &mut got.products[0],
            3 => &mut got.marginals[0],
            _ => &mut got.map,
        };
        values[place] = before;
    }
}

/// Problems of the squared distance, each with the solution of its clouds.
fn of_clouds() -> &'static [(Case, Reference, Certificate)] {
    static CASES: OnceLock<Vec<(Case, Reference, Certificate)>> = OnceLock::new();
    CASES.get_or_init(|| {
        let device = Device::cpu_f64();
        let square = Cost::SquaredEuclidean;
        let plane = |seed| image(&[64, 48], &[1.0 / 64.0, 1.5 / 48.0], &[0.0, -3.0], seed);
        let space = |seed| image(&[16, 12, 10], &[0.1, 0.07, 0.2], &[1.0, 0.0, -1.0], seed);
        let cases = [
            Case::new("64×48", plane(1), plane(2), square),
            Case::new("16×12×10", space(3), space(4), square),
            Case::new(
                "20×16 to 24×11",
                image(&[20, 16], &[0.05, 0.1], &[0.0, 0.0], 5),
                image(&[24, 11], &[0.04, 0.2], &[0.3, -0.4], 6),
                square,
            ),
            Case::new(
                "50 to 70",
                image(&[50], &[0.1], &[0.0], 7),
                image(&[70], &[0.05], &[1.0], 8),
                square,
            ),
            Case {
                form: Form::Scaling,
                ..Case::new(
                    "7×5×6 to 4×9×3, in scalings",
                    image(&[7, 5, 6], &[0.1, 0.2, 0.3], &[0.0; 3], 9),
                    image(&[4, 9, 3], &[0.3, 0.1, 0.4], &[0.1, 0.0, 0.2], 10),
                    square,
                )
            },
            Case {
                rho: [0.5, 0.8],
                ..Case::new(
                    "9×8 to 6×10, unbalanced",
                    image(&[9, 8], &[0.1, 0.2], &[0.0; 2], 11),
                    image(&[6, 10], &[0.2, 0.1], &[0.1, 0.3], 12),
                    square,
                )
            },
        ];
        let with_clouds = cases.into_iter().map(|case| {
            let (a, b) = (cloud(&case.source), cloud(&case.target));
            // The form of the iteration is that of the grids.
            let settings = case.settings(goal(&device)).form(Form::Log);
            let solution = settings.solve(&device, &a, &b).unwrap();
            let reference = Reference::of_solution(&case, &solution).unwrap();
            let certificate = *solution.certificate();
            (case, reference, certificate)
        });
        with_clouds.collect()
    })
}

fn a_solve_on_grids_is_that_of_their_points(device: &Device) {
    for (case, expected, certificate) in of_clouds() {
        check(device, case, expected, Some(certificate));
    }
}

/// Problems of all powers, each with a dense solution.
fn of_matrices() -> &'static [(Case, Reference)] {
    static CASES: OnceLock<Vec<(Case, Reference)>> = OnceLock::new();
    CASES.get_or_init(|| {
        let mut cases = Vec::new();
        for p in [1.0, 1.5, 2.0] {
            let cost = Cost::sum_over_axes(p).unwrap();
            cases.push(Case::new(
                "30 to 25",
                image(&[30], &[0.1], &[0.0], 21),
                image(&[25], &[0.15], &[0.5], 22),
                cost,
            ));
            cases.push(Case::new(
                "9×7 to 6×8",
                image(&[9, 7], &[0.1, 0.2], &[0.0; 2], 23),
                image(&[6, 8], &[0.2, 0.1], &[0.1, 0.3], 24),
                cost,
            ));
            cases.push(Case {
                rho: [0.7, 0.4],
                ..Case::new(
                    "5×3×4 to 3×4×6, unbalanced",
                    image(&[5, 3, 4], &[0.1, 0.2, 0.3], &[0.0; 3], 25),
                    image(&[3, 4, 6], &[0.3, 0.1, 0.2], &[0.1, 0.0, 0.2], 26),
                    cost,
                )
            });
        }
        let with_matrices = cases.into_iter().map(|case| {
            let reference = Reference::of_matrix(&case);
            (case, reference)
        });
        with_matrices.collect()
    })
}

fn sums_over_axes_are_costs_between_grids(device: &Device) {
    for (case, expected) in of_matrices() {
        check(device, case, expected, None);
    }
}

/// A divergence, its bounds and its gradients in the weights.
type Debiased = (f64, [f64; 2], [Vec<f64>; 2]);

fn debiased(device: &Device, case: &Case, grids: bool) -> haul::Result<Debiased> {
    let divergence = Divergence::from(case.settings(goal(device)));
    let terms = if grids {
        divergence.evaluate(device, &case.source, &case.target)?
    } else {
        divergence.evaluate(device, &cloud(&case.source), &cloud(&case.target))?
    };
    let bounds = [terms.lower_bound(), terms.upper_bound()];
    Ok((terms.value(), bounds, terms.gradient_weights()?))
}

fn divergences_of_grids_are_those_of_their_points(device: &Device) {
    static EXPECTED: OnceLock<Vec<(&Case, Debiased)>> = OnceLock::new();
    let expected = EXPECTED.get_or_init(|| {
        // Only those of few points.
        let cases = of_clouds().iter().map(|(case, ..)| case);
        let small = cases.filter(|case| case.source.len() < 400);
        let with_clouds = small.map(|case| {
            let expected = debiased(&Device::cpu_f64(), case, false).unwrap();
            (case, expected)
        });
        with_clouds.collect()
    });
    for (case, (value, _, gradients)) in expected {
        let Some(got) = supported(device, "solves on grids", debiased(device, case, true)) else {
            return;
        };
        let context = format!("S, {}", case.name);
        let allowed = 4.0 * case.of_potential(device);
        accept(&context, number("value", got.0, *value, allowed));
        reject(
            &context,
            number("value", got.0 + 3.0 * allowed, *value, allowed),
        );
        let [lower, upper] = got.1;
        assert!(
            lower <= value + 1e-13 * case.largest && *value <= upper + 1e-13 * case.largest,
            "{context}: {lower} ≤ {value} ≤ {upper}"
        );
        for (got, expected) in got.2.iter().zip(gradients) {
            let close = |got: &[f64]| close(got, expected, |_| allowed);
            accept(&context, close(got));
            let off: Vec<f64> = got.iter().map(|g| g + 3.0 * allowed).collect();
            reject(&context, close(&off));
        }
    }
}

fn grids_are_clouds_where_the_cost_is_no_sum(device: &Device) {
    for p in [1.0, 1.5, 2.0] {
        let case = Case::new(
            "9×8 to 6×10",
            image(&[9, 8], &[0.1, 0.2], &[0.0; 2], 11),
            image(&[6, 10], &[0.2, 0.1], &[0.1, 0.3], 12),
            Cost::power(p).unwrap(),
        );
        let solved = |a: &Measure, b: &Measure| {
            let solution = case.settings(goal(device)).solve(device, a, b).unwrap();
            Reference::of_solution(&case, &solution).unwrap()
        };
        let (a, b) = (&case.source, &case.target);
        let expected = solved(&cloud(a), &cloud(b));
        // Whichever of the two is a grid.
        for (a, b) in [(a, b), (&cloud(a), b), (a, &cloud(b))] {
            let context = format!("p {p}");
            let mut got = solved(a, b);
            accept(&context, got.compare(&expected, &case, device));
            got.value += 3.0 * case.of_potential(device);
            reject(&context, got.compare(&expected, &case, device));
        }
    }
}

fn what_grids_do_not_have_is_refused(device: &Device) {
    let a = image(&[9, 8], &[0.1, 0.2], &[0.0; 2], 11);
    let b = image(&[6, 10], &[0.2, 0.1], &[0.1, 0.3], 12);
    // A sum over axes between others than grids.
    let settings = Sinkhorn::epsilon(0.2).p(1).sum_over_axes();
    for (a, b) in [(cloud(&a), b.clone()), (a.clone(), cloud(&b))] {
        let refused = settings
            .solve(device, &a, &b)
            .map(|solution| solution.value());
        assert!(matches!(refused, Err(Error::NoGrid)), "{refused:?}");
    }
    // The points of a grid do not move.
    let solution = Sinkhorn::epsilon(0.2).solve(device, &a, &b);
    let Some(solution) = supported(device, "solves on grids", solution) else {
        return;
    };
    let refused = solution.gradient();
    assert!(
        matches!(refused, Err(Error::Unsupported { .. })),
        "{refused:?}"
    );
    assert!(solution.gradient_weights().is_ok());
    // Spaces of other dimensions.
    let line = image(&[9], &[0.1], &[0.0], 11);
    let refused = Sinkhorn::epsilon(0.2)
        .solve(device, &a, &line)
        .map(|solution| solution.value());
    assert!(
        matches!(refused, Err(Error::DimensionMismatch { .. })),
        "{refused:?}"
    );
}
