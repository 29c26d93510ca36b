//! Rows shared among ranks: all results are those of the engine alone, to the bit, whatever the number of ranks; and an error of one
//! rank is one of all.

use haul::engine::{Journal, Kernel, Pairs, Ranks, Side};
use haul::{
    Barycenter, BarycenterKind, Cost, Device, Divergence, Engine, Error, Exact, FreeBarycenter,
    Grid, Measure, Method, Multiscale, Precision, Regularization, Result, Sinkhorn,
};
use haul_tests::clouds::{Numbers, points, weights};
use haul_tests::engines::Body;
use haul_tests::ranks::{on_devices, on_ranks};
use std::sync::{Arc, Mutex};

pub const BODIES: &[(&str, Body)] = &[
    ("ranks_change_no_bit_of_a_solve", solves),
    ("ranks_change_no_bit_of_derivatives", derivatives),
    ("ranks_change_no_bit_of_half_the_pairs", half_the_pairs),
    ("ranks_change_no_bit_over_near_pairs", near_pairs),
    ("ranks_change_no_bit_of_averages", averages),
    ("ranks_change_no_bit_of_exact_transport", exact),
    ("an_error_of_one_rank_is_one_of_all", errors),
    ("a_run_goes_on_from_its_journal_to_the_same_bits", journals),
    ("ranks_that_differ_are_found", differences),
];

/// Numbers of ranks: one is the engine itself, and the clouds of some cases have fewer tiles of rows than five.
const SIZES: [usize; 4] = [1, 2, 3, 5];

/// A device of the same kind for each rank.
fn open(like: &Device) -> Device {
    match like.precision() {
        Precision::F32 => Device::cpu(),
        Precision::F64 => Device::cpu_f64(),
    }
}

/// More ranks than half the pairs have pieces, in the cases below.
const MANY: usize = 41;

/// Checks that all ranks, however many there are, get the bits of the engine alone.
fn same(device: &Device, context: &str, numbers: impl Fn(&Device) -> Result<Vec<f64>> + Sync) {
    same_over(&SIZES, device, context, numbers);
}

/// The same for these numbers of ranks.
fn same_over(
    sizes: &[usize],
    device: &Device,
    context: &str,
    numbers: impl Fn(&Device) -> Result<Vec<f64>> + Sync,
) {
    let bits = |device: &Device| -> Vec<u64> {
        let numbers = numbers(device).unwrap_or_else(|error| panic!("{context}: {error}"));
        numbers.into_iter().map(f64::to_bits).collect()
    };
    let expected = bits(device);
    assert!(!expected.is_empty());
    for &size in sizes {
        for (rank, found) in on_devices(size, || open(device), bits).iter().enumerate() {
            let differ = found.iter().zip(&expected).filter(|(a, b)| a != b).count();
            assert!(
                found == &expected,
                "{context}: {differ} of {} numbers differ on rank {rank} of {size}",
                expected.len()
            );
        }
    }
}

/// Two clouds in d dimensions, the second one moved, with weights of which some are 0.
fn clouds([n, m]: [usize; 2], d: usize) -> [Measure; 2] {
    let moved: Vec<f64> = points(m, d, 3).iter().map(|x| 0.9 * x + 0.4).collect();
    [
        Measure::new(points(n, d, 1), d, weights(n, 2)).unwrap(),
        Measure::new(moved, d, weights(m, 4)).unwrap(),
    ]
}

fn blur(relative: f64) -> Sinkhorn {
    Sinkhorn::with(Regularization::RelativeBlur(relative))
}

fn solves(device: &Device) {
    let cases = [
        ([700, 650], 3, blur(0.1)),
        ([37, 41], 2, blur(0.1)),
        ([300, 500], 1, blur(0.05).p(1.5)),
        ([300, 200], 2, blur(0.1).reach(0.4)),
        ([400, 300], 2, blur(0.1).rho_b(0.3)),
        // Distances are kept in so many dimensions.
        ([260, 300], 40, blur(0.2)),
    ];
    for (sizes, d, settings) in cases {
        let [a, b] = &clouds(sizes, d);
        let values = points(b.len(), 6, 9);
        same(device, &format!("{sizes:?} in {d} dimensions"), |device| {
            let solution = settings.solve(device, a, b)?;
            let certificate = solution.certificate();
            let potentials = solution.potentials()?;
            let plan = solution.plan();
            let (rows, columns) = plan.marginals()?;
            let nearest = plan.assignment()?.into_iter();
            let nearest = nearest.map(|column| column.map_or(-1.0, |column| column as f64));
            Ok([
                vec![
                    solution.value(),
                    certificate.lower_bound,
                    certificate.upper_bound,
                    solution.report().softmin_passes as f64,
                    solution.report().distance_bytes as f64,
                ],
                potentials.f,
                potentials.g,
                rows,
                columns,
                plan.map()?,
                plan.product(&values)?,
                plan.map_points(&[0.25; 160][..4 * d])?,
                nearest.collect(),
            ]
            .concat())
        });
    }
    // The masses of groups.
    let [a, b] = &clouds([1300, 1100], 2);
    let settings = blur(0.02).multiscale(Multiscale::Never);
    same(device, "two levels", |device| {
        let solution = settings.solve(device, a, b)?;
        let stages = &solution.report().stages;
        assert!(stages.iter().any(|stage| stage.method == Method::TwoLevel));
        let potentials = solution.potentials()?;
        Ok([vec![solution.value()], potentials.f, potentials.g].concat())
    });
}

fn derivatives(device: &Device) {
    let [a, b] = &clouds([500, 450], 3);
    let direction = points(500, 3, 7);
    same(device, "a gradient and a Hessian", |device| {
        let solution = blur(0.2).solve(device, a, b)?;
        let gradient = solution.gradient()?;
        let sensitivity = solution.sensitivity(&direction)?;
        Ok([gradient.points, gradient.weights, sensitivity.gradient].concat())
    });
}

/// Enough points that a cloud against itself takes half the pairs.
fn half_the_pairs(device: &Device) {
    let [a, b] = &clouds([4300, 4100], 2);
    let settings = Divergence::from(blur(0.2).tolerance(3e-3));
    same(device, "a divergence", |device| {
        let terms = settings.evaluate(device, a, b)?;
        let gradient = terms.gradient()?;
        let own = [&terms.aa, &terms.bb].map(|term| term.value());
        Ok([vec![terms.value()], own.to_vec(), gradient.points].concat())
    });
    // Some rows have a guess that is far off.
    let kernel = Kernel {
        cost: Cost::SquaredEuclidean,
        epsilon: 0.05,
    };
    let mut far: Vec<f64> = a.points().chunks(2).map(|x| 0.1 * x[0]).collect();
    for place in [0, 2100, 4299] {
        far[place] += 300.0 * kernel.epsilon;
    }
    same_over(&[2, 3, 5, MANY], device, "a softmin", |device| {
        let points = device.points(a.points(), 2)?;
        let weights = device.weights(a.weights(), 1)?;
        let (potential, mut out) = (device.vector(&far)?, device.zeros(4300)?);
        let pairs = Pairs {
            symmetric: true,
            ..Pairs::new(kernel, &points, &points)
        };
        assert!(
            (6..MANY / 2).contains(&device.pieces(pairs))
                || matches!(device, Device::RankedCpu(_) | Device::RankedCpuF64(_))
        );
        let side = Side::new(&weights, &potential);
        device.softmin(pairs, side, Some(&potential), None, &mut out)?;
        haul_tests::wait(device.read(&out))
    });
}

fn near_pairs(device: &Device) {
    let [a, b] = &clouds([3000, 2800], 2);
    let settings = blur(0.02).multiscale(Multiscale::Always);
    same(device, "near pairs", |device| {
        let solution = settings.solve(device, a, b)?;
        assert!(solution.report().kept < 0.6);
        let gradient = solution.gradient()?;
        let potentials = solution.potentials()?;
        Ok([
            vec![solution.value(), solution.report().pairs as f64],
            potentials.f,
            gradient.points,
            solution.plan().map()?,
        ]
        .concat())
    });
    let settings = Divergence::from(settings);
    same(device, "a divergence over near pairs", |device| {
        let terms = settings.evaluate(device, a, b)?;
        Ok([vec![terms.value()], terms.gradient()?.points].concat())
    });
}

fn averages(device: &Device) {
    let grid = Grid::new(&[30, 20], &[0.05; 2], &[0.0; 2]).unwrap();
    let mut numbers = Numbers::new(5);
    let mut image = || {
        let weights = numbers.vector(600, 0.0, 1.0);
        let weights = weights.into_iter().map(|w| if w < 0.3 { 0.0 } else { w });
        Measure::grid(grid.clone(), weights.collect()).unwrap()
    };
    let images = [image().normalized(), image().normalized()];
    for kind in [BarycenterKind::Plain, BarycenterKind::Debiased] {
        let settings = Barycenter::epsilon(0.02).kind(kind).max_iterations(30);
        same(device, "an average of images", |device| {
            let average = settings.solve(device, &images)?;
            Ok(average.measure().weights().to_vec())
        });
    }
    let clouds = clouds([300, 250], 2);
    let support = Measure::uniform(&points(280, 2, 8), 2).unwrap();
    same(device, "an average on points", |device| {
        let settings = Barycenter::epsilon(0.1).max_iterations(30);
        let average = settings.solve_on(device, &support, &clouds)?;
        Ok(average.measure().weights().to_vec())
    });
    same(device, "points that find their places", |device| {
        let settings = FreeBarycenter::new(blur(0.1)).max_steps(3);
        let average = settings.solve(device, &support, &clouds)?;
        Ok(average.measure().points().to_vec())
    });
}

fn exact(device: &Device) {
    let [a, b] = &clouds([300, 260], 2);
    same(device, "exact transport", |device| {
        let solution = Exact::default().solve(device, a, b)?;
        Ok(vec![solution.value()])
    });
}

fn errors(device: &Device) {
    let [a, b] = &clouds([300, 260], 2);
    let ends = on_devices(
        3,
        || open(device),
        |device| {
            let alone = match device {
                Device::RankedCpu(engine) => engine.ranks().rank(),
                Device::RankedCpuF64(engine) => engine.ranks().rank(),
                other => panic!("{other:?}"),
            };
            if alone == 1 {
                device.interrupt().raise();
            }
            blur(0.1)
                .solve(device, a, b)
                .map(|solution| solution.value())
        },
    );
    for end in ends {
        assert!(matches!(end, Err(Error::Interrupted)), "{end:?}");
    }
    let ends = on_ranks(3, |ranks| {
        let own = match ranks.rank() {
            2 => Err(Error::EmptyCloud),
            _ => Ok(()),
        };
        let first = ranks.agree(0, own);
        // Nobody waits for a rank that has left.
        assert!(ranks.agree(1, Ok(())).is_err());
        first
    });
    let message = Error::EmptyCloud.to_string();
    for (rank, end) in ends.into_iter().enumerate() {
        let told = match end {
            Err(Error::EmptyCloud) => rank == 2,
            Err(Error::Rank {
                rank: 2,
                message: text,
            }) => rank != 2 && text == message,
            _ => false,
        };
        assert!(told, "rank {rank}");
    }
}

fn differences(device: &Device) {
    let sizes = [[300, 260], [320, 260]];
    let ends = on_ranks(2, |ranks: Ranks| {
        let [a, b] = &clouds(sizes[ranks.rank()], 2);
        let device = open(device).over(ranks)?;
        blur(0.1)
            .solve(&device, a, b)
            .map(|solution| solution.value())
    });
    for end in ends {
        assert!(matches!(end, Err(Error::Ranks { rank: 1 })), "{end:?}");
    }
    // Engines of two precisions do not make one.
    let ends = on_ranks(2, |ranks: Ranks| {
        let device = match ranks.rank() {
            0 => Device::cpu(),
            _ => Device::cpu_f64(),
        };
        device.over(ranks).map(drop)
    });
    assert!(
        ends.iter()
            .all(|end| matches!(end, Err(Error::Ranks { rank: 1 })))
    );
}

/// A journal in memory.
#[derive(Default)]
struct Kept {
    /// The results from before, and those of this run.
    before: Vec<(u64, Vec<u8>)>,
    read: Mutex<usize>,
    after: Mutex<Vec<(u64, Vec<u8>)>>,
}

impl Journal for Kept {
    fn kept(&self) -> u64 {
        self.before.len() as u64
    }

    fn next(&self) -> Result<(u64, Vec<u8>)> {
        let mut read = self.read.lock().unwrap();
        *read += 1;
        Ok(self.before[*read - 1].clone())
    }

    fn append(&self, step: u64, result: &[u8]) -> Result<()> {
        self.after.lock().unwrap().push((step, result.to_vec()));
        Ok(())
    }
}

fn journals(device: &Device) {
    let [a, b] = &clouds([1300, 1100], 2);
    let settings = blur(0.02).multiscale(Multiscale::Never);
    let solve = |device: &Device, [a, b]: [&Measure; 2]| -> Result<Vec<u64>> {
        let solution = settings.solve(device, a, b)?;
        let nearest = solution.plan().assignment()?;
        let numbers = [solution.potentials()?.f, solution.plan().map()?].concat();
        let bits = numbers.into_iter().map(f64::to_bits);
        Ok(bits
            .chain(nearest.into_iter().map(|j| j.map_or(0, |j| 1 + j as u64)))
            .collect())
    };
    let expected = solve(device, [a, b]).unwrap();
    let run = |size: usize, before: Vec<(u64, Vec<u8>)>, clouds: [&Measure; 2]| {
        let kept = Arc::new(Kept {
            before,
            ..Kept::default()
        });
        let ends = on_ranks(size, |ranks| {
            let journal = Some(Arc::clone(&kept) as Arc<dyn Journal>);
            let device = open(device).over(ranks)?.with_journal(journal)?;
            solve(&device, clouds)
        });
        let after = kept.after.lock().unwrap().clone();
        (ends, after)
    };
    let (ends, all) = run(1, Vec::new(), [a, b]);
    assert!(ends.iter().all(|end| end.as_ref().unwrap() == &expected));
    assert!(all.len() > 20);
    for (size, kept) in [(1, 1), (3, 7), (2, all.len() - 1), (2, all.len())] {
        let (ends, rest) = run(size, all[..kept].to_vec(), [a, b]);
        assert!(
            ends.iter().all(|end| end.as_ref().unwrap() == &expected),
            "{size} {kept}"
        );
        // What was kept is not computed again.
        assert!(rest == all[kept..], "{size} {kept}");
    }
    // Results of another problem are refused on all ranks.
    let (ends, _) = run(2, all[..3].to_vec(), [b, a]);
    assert!(matches!(ends[0], Err(Error::Checkpoint)), "{:?}", ends[0]);
    assert!(
        matches!(ends[1], Err(Error::Rank { rank: 0, .. })),
        "{:?}",
        ends[1]
    );
}
