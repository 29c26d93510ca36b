//! Every refused input, with the message that says why and what to do.

use haul::engine::{Near, TILE};
use haul::{Acceleration, Device, Energy, Error, Measure, Mmd, Regularization, Sinkhorn};

fn message<T>(result: Result<T, Error>) -> String {
    match result {
        Ok(_) => panic!("it was accepted"),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn says<T>(result: Result<T, Error>, parts: &[&str]) {
    let message = message(result);
    for part in parts {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
    assert!(!message.contains('\n'), "{message:?} is more than a line");
}

fn line(n: usize) -> Measure {
    Measure::uniform(&(0..n).map(|i| i as f64).collect::<Vec<_>>(), 1).unwrap()
}

fn solve(settings: Sinkhorn, a: &Measure, b: &Measure) -> Result<f64, Error> {
    Ok(settings.solve(&Device::cpu(), a, b)?.value())
}

#[test]
fn a_coordinate_that_is_not_finite_is_named_by_row_and_column() {
    let mut points = vec![0.0f32; 60];
    points[16 * 3 + 1] = f32::NAN;
    says(
        Measure::uniform(&points, 3),
        &["row 17", "column 2", "NaN", "remove the row"],
    );
    points[16 * 3 + 1] = f32::NEG_INFINITY;
    says(Measure::uniform(&points, 3), &["row 17", "-inf"]);
}

#[test]
fn an_empty_cloud_is_refused() {
    says(
        Measure::uniform::<f64>(&[], 3),
        &["empty", "at least one point"],
    );
    says(Measure::uniform(&[1.0], 0), &["dimension 0"]);
}

#[test]
fn coordinates_that_do_not_make_points_are_refused() {
    says(
        Measure::uniform(&[1.0, 2.0, 3.0, 4.0], 3),
        &["4 coordinates", "dimension 3"],
    );
}

#[test]
fn weights_are_checked() {
    says(
        line(3).with_weights(&[1.0, 2.0]),
        &["2 weights for 3 points"],
    );
    says(
        line(3).with_weights(&[1.0, -0.5, 1.0]),
        &["row 2", "-0.5", "at least 0"],
    );
    says(
        line(3).with_weights(&[1.0, f64::NAN, 1.0]),
        &["row 2", "NaN"],
    );
    says(line(2).with_weights(&[0.0, 0.0]), &["sum to 0"]);
    says(line(2).with_weights(&[1e308, 1e308]), &["sum to inf"]);
}

#[test]
fn dimensions_must_agree() {
    let plane = Measure::uniform(&[0.0, 1.0], 2).unwrap();
    says(
        solve(Sinkhorn::blur(0.1), &line(2), &plane),
        &["dimension 1", "2"],
    );
}

#[test]
fn masses_must_agree() {
    let heavy = line(2).with_weights(&[1.0, 1.0]).unwrap();
    says(
        solve(Sinkhorn::blur(0.1), &line(2), &heavy),
        &["1 and 2", "normalise"],
    );
    let unbalanced = Sinkhorn::blur(0.1).rho_a(0.5);
    assert!(solve(unbalanced, &line(2), &heavy).is_ok());
    let nowhere = Sinkhorn::blur(0.1).rho(f64::INFINITY);
    says(solve(nowhere, &line(2), &heavy), &["finite ρ", "reach"]);
    assert!(solve(Sinkhorn::blur(0.1), &line(2), &heavy.normalized()).is_ok());
}

#[test]
fn penalties_are_above_0() {
    for bad in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY] {
        let blur = || Sinkhorn::blur(0.1);
        for (settings, name) in [
            (blur().reach(bad), "reach is"),
            (blur().rho(bad), "rho is"),
            (blur().rho_a(bad), "rho_a is"),
            (blur().rho_b(bad), "rho_b is"),
        ] {
            says(solve(settings, &line(2), &line(2)), &[name, "above 0"]);
        }
    }
    // Squares to nothing, and to more than a float holds.
    for bad in [1e-200, 1e200] {
        let settings = Sinkhorn::blur(0.1).reach(bad);
        says(
            solve(settings, &line(2), &line(2)),
            &["reach is 1e", "neither so small nor so large"],
        );
    }
    let heavy = line(2).with_weights(&[1e200, 1e200]).unwrap();
    let settings = Sinkhorn::blur(0.1).reach(1.0);
    says(solve(settings, &heavy, &heavy), &["sum to inf"]);
}

#[test]
fn epsilon_and_blur_are_positive_and_finite() {
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        says(
            solve(Sinkhorn::epsilon(bad), &line(2), &line(2)),
            &["epsilon", "above 0"],
        );
        says(
            solve(Sinkhorn::blur(bad), &line(2), &line(2)),
            &["blur", "above 0"],
        );
        let relative = Sinkhorn::with(Regularization::RelativeBlur(bad));
        says(solve(relative, &line(2), &line(2)), &["blur", "above 0"]);
    }
    // Squares to nothing.
    says(
        solve(Sinkhorn::blur(1e-200), &line(2), &line(2)),
        &["blur is 1e-200", "neither so small nor so large"],
    );
}

#[test]
fn settings_are_checked() {
    let blur = || Sinkhorn::blur(0.1);
    for bad in [0.0, 3.0, -1.0, 2.0000001, 1e-310, f64::NAN] {
        let parts = ["p is", "above 0 and at most 2"];
        says(solve(blur().p(bad), &line(2), &line(2)), &parts);
        let energy = Energy::new().p(bad);
        says(energy.evaluate(&Device::cpu(), &line(2), &line(2)), &parts);
    }
    for bad in [0.0, -1e-3, f64::NAN, f64::INFINITY] {
        says(
            solve(blur().tolerance(bad), &line(2), &line(2)),
            &["tolerance", "above 0"],
        );
    }
    says(
        solve(blur().max_iterations(0), &line(2), &line(2)),
        &["max_iterations", "at least 1"],
    );
    let memory = blur().acceleration(Acceleration::Anderson { memory: 1 });
    says(solve(memory, &line(2), &line(2)), &["memory", "at least 2"]);
}

#[test]
fn a_tolerance_below_the_floor_is_refused() {
    let tight = || Sinkhorn::blur(0.1).tolerance(1e-9);
    says(
        solve(tight(), &line(2), &line(2)),
        &["tolerance 1e-9", "rounding in f32", "f64", "at least"],
    );
    assert!(
        tight()
            .solve(&Device::cpu_f64(), &line(2), &line(2))
            .is_ok()
    );
}

#[test]
fn powers_without_a_blur_are_refused() {
    // ε^(1/p) is no number.
    let settings = Sinkhorn::epsilon(2.0).p(1e-4);
    says(
        solve(settings, &line(2), &line(2)),
        &["epsilon is 2", "ε^(1/p) is 0 or infinite"],
    );
    assert!(solve(Sinkhorn::epsilon(1.0).p(1e-4), &line(2), &line(2)).is_ok());
}

#[test]
fn energies_are_checked() {
    let heavy = line(2).with_weights(&[1.0, 1.0]).unwrap();
    let plane = Measure::uniform(&[0.0, 1.0], 2).unwrap();
    let cpu = Device::cpu();
    let energy = |b: &Measure| Energy::new().evaluate(&cpu, &line(2), b);
    says(energy(&heavy), &["1 and 2", "normalise"]);
    says(energy(&plane), &["dimension 1", "2"]);
    for (bad, range) in [
        (0.0, "above 0"),
        (-1.0, "above 0"),
        (f64::NAN, "above 0"),
        (f64::INFINITY, "above 0"),
        (1e-200, "1e-200; it must be neither so small"),
        (1e200, "1e200; it must be neither so small"),
    ] {
        let mmd = Mmd::gaussian(bad).evaluate(&cpu, &line(2), &line(2));
        says(mmd, &["sigma", range]);
    }
    says(
        Mmd::laplacian(1.0).check(&line(2), &plane),
        &["dimension 1"],
    );
    let far = Measure::uniform(&[0.0, 1e200], 1).unwrap();
    says(Mmd::gaussian(1.0).check(&far, &far), &["extend", "rescale"]);
    says(Energy::new().p(2).check(&far, &far), &["extend", "rescale"]);
}

#[test]
fn extents_beyond_the_range_of_f64_are_refused() {
    for extent in [1e200, 1e-200] {
        let cloud = Measure::uniform(&[0.0, extent], 1).unwrap();
        says(
            solve(Sinkhorn::epsilon(1.0), &cloud, &cloud),
            &["extend", "rescale"],
        );
    }
}

#[test]
fn lists_of_near_columns_are_checked() {
    let near = |lists: Vec<Vec<std::ops::Range<usize>>>| Near::new(100, 200, lists);
    let good = near(vec![vec![0..64, 64..128, 192..200], vec![]]).unwrap();
    assert_eq!((good.rows(), good.columns()), (100, 200));
    assert_eq!(good.pairs(), 64 * 136);
    assert_eq!(good.of_tile(0), [0..64, 64..128, 192..200]);
    assert!(good.of_tile(1).is_empty() && good.of_tile(2).is_empty());
    // Of no columns there is no range, and of no rows no list.
    assert_eq!(Near::new(64, 0, [vec![]]).unwrap().pairs(), 0);
    assert_eq!(Near::new(0, 64, []).unwrap().pairs(), 0);
    // A list a tile of rows.
    assert_eq!(100usize.div_ceil(TILE), 2);
    for lists in [vec![], vec![vec![0..64]], vec![vec![]; 3]] {
        says(near(lists), &["near columns", "2"]);
    }
    // Each is a list of beginnings and ends.
    let refused: [&[(usize, usize)]; 10] = [
        // Begins, or ends, within a tile.
        &[(1, 64)],
        &[(0, 63)],
        &[(64, 130)],
        // Beyond the columns.
        &[(192, 256)],
        &[(256, 320)],
        // Out of order, or twice the same.
        &[(64, 128), (0, 64)],
        &[(0, 128), (64, 192)],
        // Empty.
        &[(64, 64)],
        &[(200, 200)],
        &[(128, 64)],
    ];
    for list in refused {
        let ranges = list.iter().map(|(start, end)| *start..*end).collect();
        let (start, end) = list[list.len() - 1];
        let told = format!("{start}..{end}");
        says(near(vec![vec![], ranges]), &["near columns", &told]);
    }
}

#[test]
fn an_unknown_adapter_is_named() {
    says(Device::gpu("no such adapter"), &["no such adapter"]);
}

#[test]
fn a_blur_below_all_digits_is_refused() {
    let tiny = || Sinkhorn::blur(1e-5);
    says(
        solve(tiny(), &line(2), &line(2)),
        &["f32 has no digit left", "f64", "larger"],
    );
    let exact = tiny()
        .solve(&Device::cpu_f64(), &line(2), &line(2))
        .map(|solution| solution.value());
    assert!(exact.is_ok());
}

#[test]
fn whoever_watches_an_energy_hears_of_all_pairs_and_may_end_it() {
    use haul::PairCount;
    use std::ops::ControlFlow;
    // So many points that the pass over their own pairs is done in parts.
    let n = 24_000;
    let points: Vec<f64> = (0..n).map(|i| i as f64 / n as f64).collect();
    let (line, point) = (
        Measure::uniform(&points, 1).unwrap(),
        Measure::uniform(&[0.0], 1).unwrap(),
    );
    let energy = Energy::new();
    let cpu = Device::cpu();
    let mut told = Vec::new();
    let watched = energy.evaluate_observed(&cpu, &line, &point, |pairs: PairCount| {
        told.push(pairs);
        ControlFlow::Continue(())
    });
    let watched = watched.unwrap();
    let (n, all) = (n as u64, (n * n + n + 1) as u64);
    let done: Vec<_> = told.iter().map(|pairs| pairs.done).collect();
    assert!(told.iter().all(|pairs| pairs.all == all), "{told:?}");
    assert!(
        done.is_sorted() && done.len() > 3 && done.last() == Some(&all),
        "{done:?}"
    );
    // E(a, b) = (n − 1)/(2n), and E(a, a) = (n² − 1)/(3n²).
    let n = n as f64;
    let own = (n * n - 1.0) / (3.0 * n * n);
    let value = (n - 1.0) / (2.0 * n) - 0.5 * own;
    assert!(
        (watched.terms.aa - own).abs() < 1e-5,
        "{}",
        watched.terms.aa
    );
    assert!((watched.value - value).abs() <= watched.rounding.max(1e-5));
    // Of each row, wherever it is: Σⱼ bⱼ |xᵢ − yⱼ| − Σⱼ aⱼ |xᵢ − xⱼ|.
    for i in [0, 1, 11_999, 22_368, 22_369, 23_999] {
        let i = f64::from(i);
        let to_line = (i * (i + 1.0) + (n - 1.0 - i) * (n - i)) / (2.0 * n * n);
        let found = watched.gradient_weights[i as usize];
        assert!((found - (i / n - to_line)).abs() < 1e-5, "{i} {found}");
    }
    let mut times = 0;
    let ended = energy.gradient_points_observed(&cpu, &line, &point, |_| {
        times += 1;
        ControlFlow::Break(())
    });
    assert!(matches!(ended, Err(Error::Interrupted)) && times == 1);
}
