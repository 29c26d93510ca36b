//! The masses between classes along a chain of plans, against the plans themselves and known descendants.

use haul::{Device, Engine, Error, Measure, Plan, Sinkhorn, Transitions};
use haul_tests::clouds::{measure, points};
use haul_tests::compare::{accept, close, reject};
use haul_tests::engines::Body;

pub const BODIES: &[(&str, Body)] = &[
    ("transitions_are_products_of_whole_plans", whole_plans),
    ("transitions_find_known_descendants", known_descendants),
    ("what_transitions_refuse", refusals),
];

const CLASSES: usize = 3;

fn classes(n: usize) -> Vec<usize> {
    (0..n).map(|i| (i * i + i / 5) % CLASSES).collect()
}

/// The sums of the entries of an n×m matrix by the classes of its rows and columns.
fn summed(matrix: &[f64], rows: &[usize], columns: &[usize]) -> Vec<f64> {
    let mut sums = vec![0.0; CLASSES * CLASSES];
    for (row, k) in matrix.chunks_exact(columns.len()).zip(rows) {
        for (entry, l) in row.iter().zip(columns) {
            sums[k * CLASSES + l] += entry;
        }
    }
    sums
}

/// P D⁻¹ Q for P of l×n and Q of n×m, where D has the sums of the columns of P.
fn composed(p: &[f64], q: &[f64], n: usize) -> Vec<f64> {
    let m = q.len() / n;
    let mut sums = vec![0.0; n];
    for row in p.chunks_exact(n) {
        row.iter()
            .zip(&mut sums)
            .for_each(|(entry, sum)| *sum += entry);
    }
    let product = |row: &[f64]| {
        let mut product = vec![0.0; m];
        for ((entry, sum), column) in row.iter().zip(&sums).zip(q.chunks_exact(m)) {
            if *sum > 0.0 {
                let share = entry / sum;
                product
                    .iter_mut()
                    .zip(column)
                    .for_each(|(it, q)| *it += share * q);
            }
        }
        product
    };
    p.chunks_exact(n).flat_map(product).collect()
}

fn whole_plans(device: &Device) {
    let sizes = [37, 50, 41, 29];
    let all: Vec<Measure> = (0..4).map(|k| measure(sizes[k], 2, 3 * k as u64)).collect();
    let of = sizes.map(classes);
    for settings in [Sinkhorn::blur(0.3), Sinkhorn::blur(0.3).reach(0.7)] {
        let settings = settings.tolerance(1e-2);
        let mut transitions = Transitions::new(CLASSES, &of[0]).unwrap();
        let mut whole: Vec<Vec<f64>> = Vec::new();
        for to in 1..4 {
            let solution = settings.solve(device, &all[to - 1], &all[to]).unwrap();
            let plan: Plan<_> = solution.plan();
            transitions.push(&plan, &of[to]).unwrap();
            let rows = plan.rows(0..sizes[to - 1]).unwrap();
            for chain in &mut whole {
                *chain = composed(chain, &rows, sizes[to - 1]);
            }
            whole.push(rows);
            for (from, chain) in whole.iter().enumerate() {
                let expected = summed(chain, &of[from], &of[to]);
                // Each product has errors of some roundings of an exponent below 30, and so has the marginal below it.
                let roundoff = device.precision().unit_roundoff();
                let allowed =
                    |i: usize| 64.0 * (to - from) as f64 * roundoff * expected[i] + 1e-300;
                let found = transitions.masses(from, to).unwrap();
                let context = format!("from {from} to {to}");
                accept(&context, close(found, &expected, allowed));
                let mut shifted = expected.clone();
                shifted.rotate_left(1);
                reject(&context, close(found, &shifted, allowed));
            }
        }
        assert_eq!(transitions.measures(), 4);
        // Shares of descendants and of ancestors have sum 1, and so have those of each point.
        let descendants = transitions.descendants(0, 3).unwrap();
        let ancestors = transitions.ancestors(0, 3).unwrap();
        for k in 0..CLASSES {
            let row: f64 = descendants[k * CLASSES..][..CLASSES].iter().sum();
            let column: f64 = ancestors.iter().skip(k).step_by(CLASSES).sum();
            assert!((row - 1.0).abs() < 1e-14 && (column - 1.0).abs() < 1e-14);
        }
        let roundoff = device.precision().unit_roundoff();
        let of_points = transitions.shares(1).unwrap().chunks_exact(CLASSES);
        for (row, weight) in of_points.zip(all[3].weights()) {
            let sum = if *weight > 0.0 { 1.0 } else { 0.0 };
            assert!(
                (row.iter().sum::<f64>() - sum).abs() <= 256.0 * roundoff,
                "{row:?}"
            );
        }
    }
}

/// Clusters so far apart, in blurs, that the plan is known up to its marginals: class 0 splits, class 1 stays.
fn known_descendants(device: &Device) {
    let cluster = |x: f64, n: usize, seed: u64| -> Vec<f64> {
        let scatter = points(n, 2, seed);
        scatter
            .chunks_exact(2)
            .flat_map(|p| [x + 0.1 * p[0], 0.1 * p[1]])
            .collect()
    };
    let cloud = |counts: [usize; CLASSES], seed: u64| {
        let centres = [0.0, 9.0, 1.0];
        let parts: Vec<f64> = (0..CLASSES)
            .flat_map(|k| cluster(centres[k], counts[k], seed + k as u64))
            .collect();
        let of: Vec<usize> = (0..CLASSES).flat_map(|k| vec![k; counts[k]]).collect();
        (Measure::uniform(&parts, 2).unwrap(), of)
    };
    let [a, b, c] = [([24, 16, 0], 1), ([14, 16, 10], 11), ([4, 16, 20], 21)]
        .map(|(counts, seed)| cloud(counts, seed));
    const TOLERANCE: f64 = 1e-3;
    let settings = Sinkhorn::blur(0.1).tolerance(TOLERANCE);
    let mut transitions = Transitions::new(CLASSES, &a.1).unwrap();
    for (source, target) in [(&a, &b), (&b, &c)] {
        let solution = settings.solve(device, &source.0, &target.0).unwrap();
        transitions.push(&solution.plan(), &target.1).unwrap();
    }
    let known =
        |of: [[f64; CLASSES]; CLASSES]| of.concat().iter().map(|n| n / 40.0).collect::<Vec<_>>();
    for (from, to, masses) in [
        (0, 1, [[14.0, 0.0, 10.0], [0.0, 16.0, 0.0], [0.0; 3]]),
        (1, 2, [[4.0, 0.0, 10.0], [0.0, 16.0, 0.0], [0.0, 0.0, 10.0]]),
        (0, 2, [[4.0, 0.0, 20.0], [0.0, 16.0, 0.0], [0.0; 3]]),
    ] {
        let found = transitions.masses(from, to).unwrap();
        // Class 2 costs 1 more than class 0, which is 100 ε: only errors of the marginals are left.
        let allowed = |_| 2.0 * TOLERANCE * (to - from) as f64;
        accept("known", close(found, &known(masses), allowed));
        let [mut wrong, with] = [masses, [[1.0; CLASSES]; CLASSES]];
        wrong[0] = with[0];
        reject("known", close(found, &known(wrong), allowed));
    }
}

fn refusals(device: &Device) {
    assert!(matches!(
        Transitions::new(2, &[0, 2]),
        Err(Error::BadParameter { name: "class", .. })
    ));
    let (a, b) = (measure(5, 2, 1), measure(6, 2, 2));
    let solution = Sinkhorn::blur(0.5).solve(device, &a, &b).unwrap();
    let mut transitions = Transitions::new(2, &[0; 5]).unwrap();
    let before = transitions.clone();
    for of in [vec![0; 5], vec![2; 6]] {
        assert!(transitions.push(&solution.plan(), &of).is_err());
        assert_eq!(transitions, before);
    }
    transitions.push(&solution.plan(), &[1; 6]).unwrap();
    assert!(matches!(
        transitions.push(&solution.plan(), &[1; 6]),
        Err(Error::Length { .. })
    ));
    for (from, to) in [(0, 0), (1, 1), (1, 0), (0, 2)] {
        assert!(transitions.masses(from, to).is_none());
    }
}
