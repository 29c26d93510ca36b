//! Registration: known motions that are found again, in spite of parts that are missing, and clouds that leave a motion open.
//!
//! Between copies of one cloud the divergence is 0 at the motion between them, at every blur. So that motion is where plans
//! and fits in turn end, up to what ended them: the movement that was asked for, and the error of the marginals.

use haul::{
    Alignment, Device, Divergence, Engine, Error, Family, Measure, Precision, Registration,
    Sinkhorn, Stop, Transform,
};
use haul_tests::clouds::{Numbers, points};
use haul_tests::engines::Body;
use std::ops::ControlFlow;

pub const BODIES: &[(&str, Body)] = &[
    ("a_known_motion_is_found", a_known_motion_is_found),
    ("a_part_is_found_in_the_whole", a_part_is_found_in_the_whole),
    (
        "a_registration_ends_at_a_minimum_of_the_divergence",
        ends_at_a_minimum_of_the_divergence,
    ),
    ("no_registration_is_a_reflection", none_is_a_reflection),
    (
        "clouds_that_leave_a_motion_open_have_one",
        clouds_that_leave_a_motion_open_have_one,
    ),
    (
        "a_start_decides_between_motions_that_are_as_good",
        a_start_decides_between_motions_that_are_as_good,
    ),
    (
        "an_observer_ends_a_registration",
        an_observer_ends_a_registration,
    ),
    (
        "registrations_that_make_no_sense_are_refused",
        those_that_make_no_sense_are_refused,
    ),
];

const FAMILIES: [Family; 3] = [Family::Rigid, Family::Similarity, Family::Affine];

/// n points of d dimensions without a symmetry, of other lengths along each axis.
fn cloud(n: usize, d: usize, seed: u64) -> Vec<f64> {
    let bent = |(at, x): (usize, f64)| (x + 0.4 * x * x) / (1.0 + 0.5 * (at % d) as f64);
    points(n, d, seed)
        .into_iter()
        .enumerate()
        .map(bent)
        .collect()
}

/// Turns by no small angle in every plane of axes, and a shift.
fn motion(d: usize) -> Transform {
    let mut map = Transform::identity(d);
    for i in 0..d {
        for j in i + 1..d {
            let angle = 0.9 + 1.7 * (i + 2 * j) as f64;
            map = map
                .then(&Transform::rotation(d, (i, j), angle).unwrap())
                .unwrap();
        }
    }
    let shift: Vec<f64> = (0..d).map(|k| 3.0 - 2.0 * k as f64).collect();
    map.then(&Transform::translation(&shift).unwrap()).unwrap()
}

/// One of a family.
fn member(family: Family, d: usize) -> Transform {
    let first = match family {
        Family::Rigid => Transform::identity(d),
        Family::Similarity => Transform::scaling(1.7, d).unwrap(),
        Family::Affine => {
            let mut matrix = Transform::identity(d).matrix().to_vec();
            matrix[0] = 1.4;
            matrix[d - 1] += 0.3;
            Transform::new(matrix, d).unwrap()
        }
    };
    first.then(&motion(d)).unwrap()
}

fn uniform(points: &[f64], d: usize) -> Measure {
    Measure::uniform(points, d).unwrap()
}

/// The root mean square of the distance between points.
fn apart(x: &[f64], y: &[f64], d: usize) -> f64 {
    let squares = x.iter().zip(y).map(|(x, y)| (x - y).powi(2));
    (squares.sum::<f64>() / (x.len() / d) as f64).sqrt()
}

fn a_known_motion_is_found(device: &Device) {
    let (tolerance, movement) = match device.precision() {
        Precision::F64 => (1e-9, 1e-9),
        Precision::F32 => (1e-3, 1e-3),
    };
    let blur = 0.2;
    for d in [1, 2, 3, 5] {
        let x = cloud(90, d, 4);
        for family in FAMILIES {
            let truth = member(family, d);
            // The other way round, so that the target has the lengths that the blur is meant for.
            let source = truth.inverse().unwrap().apply(&x).unwrap();
            let reversed: Vec<f64> = x.chunks(d).rev().flatten().copied().collect();
            let settings = Sinkhorn::blur(blur).tolerance(tolerance);
            let registration = Registration::new(family, settings)
                .movement(movement)
                .max_iterations(400);
            let found = registration
                .align(device, &uniform(&source, d), &uniform(&reversed, d))
                .unwrap();
            assert!(
                found.converged,
                "{d} {family:?}: {} {:e}",
                found.iterations, found.movement
            );
            // What a movement leaves at a rate of 0.95, and mass that is off by the tolerance over the extent of the cloud.
            let allowed = 20.0 * movement * blur + 2.0 * tolerance;
            let off = apart(&found.transform.apply(&source).unwrap(), &x, d);
            assert!(
                off < allowed,
                "{d} {family:?}: off by {off:.1e}, allowed {allowed:.1e}"
            );
            // A control: a little more is not within that.
            let more = found
                .transform
                .then(&Transform::scaling(1.03, d).unwrap())
                .unwrap();
            assert!(apart(&more.apply(&source).unwrap(), &x, d) > allowed);
            assert!(found.shares.iter().all(|share| (share - 1.0).abs() < 0.1));
            assert_eq!(found.family, family);
        }
    }
}

/// A closed curve without a symmetry, at these places along it.
fn curve(places: impl Iterator<Item = f64>) -> Vec<f64> {
    let point = |t: f64| {
        let t = std::f64::consts::TAU * t;
        [
            t.cos() + 0.3 * (2.0 * t).cos(),
            0.6 * t.sin() + 0.25 * (3.0 * t).sin(),
        ]
    };
    places.flat_map(point).collect()
}

fn a_part_is_found_in_the_whole(device: &Device) {
    let model = curve((0..160).map(|k| f64::from(k) / 160.0));
    // Two thirds of the curve at other places, and points beside it.
    let mut part = curve((0..100).map(|k| (f64::from(k) + 0.4) / 150.0));
    part.extend(Numbers::new(8).vector(2 * 15, -1.4, 1.4));
    let truth = motion(2);
    let source = truth.inverse().unwrap().apply(&part).unwrap();
    let (source, target) = (uniform(&source, 2), uniform(&model, 2));
    let blur = 0.04;
    let off = |found: &Alignment<&Device>| {
        let images = found.transform.apply(&source.points()[..200]).unwrap();
        apart(&images, &part[..200], 2)
    };
    let within = Registration::rigid(Sinkhorn::blur(blur).reach(3.0 * blur));
    let found = within.align(device, &source, &target).unwrap();
    assert!(
        found.converged && off(&found) < 0.5 * blur,
        "off by {:.3}",
        off(&found)
    );
    let kept = |shares: &[f64]| shares.iter().filter(|share| **share > 0.5).count();
    let (of_curve, of_others) = (kept(&found.shares[..100]), kept(&found.shares[100..]));
    assert!(of_curve > 95 && of_others < 8, "{of_curve} {of_others}");
    // A control: where all mass has to be matched, the part is stretched over the whole.
    let balanced = Registration::rigid(Sinkhorn::blur(blur))
        .align(device, &source, &target)
        .unwrap();
    assert!(off(&balanced) > 2.0 * blur, "off by {:.3}", off(&balanced));
}

fn ends_at_a_minimum_of_the_divergence(device: &Device) {
    let d = 2;
    let (x, y) = (cloud(110, d, 6), cloud(140, d, 7));
    let blur = 0.15;
    let turn = |angle| Transform::rotation(d, (0, 1), angle).unwrap();
    let shear = |by| Transform::new(vec![1.0, by, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], d).unwrap();
    let shift = |by| Transform::translation(&[by, -by]).unwrap();
    let scale = |by: f64| Transform::scaling(1.0 + by, d).unwrap();
    let target = uniform(&y, d);
    for family in FAMILIES {
        let source = member(family, d).inverse().unwrap().apply(&x).unwrap();
        let settings = Sinkhorn::blur(blur).tolerance(1e-4);
        let found = Registration::new(family, settings)
            .align(device, &uniform(&source, d), &target)
            .unwrap();
        let at = |map: &Transform| {
            let moved = uniform(&map.apply(&source).unwrap(), d);
            let terms = Divergence::blur(blur)
                .tolerance(1e-4)
                .evaluate(device, &moved, &target);
            terms.unwrap().value()
        };
        let least = at(&found.transform);
        for by in [-0.04, 0.04] {
            let mut steps = vec![("turn", turn(by)), ("shift", shift(by))];
            if family != Family::Rigid {
                steps.push(("scale", scale(by)));
            }
            if family == Family::Affine {
                steps.push(("shear", shear(by)));
            }
            for (name, step) in steps {
                // About the middle of the target, so that a turn is no shift.
                let middle: Vec<f64> = (0..d)
                    .map(|k| y.iter().skip(k).step_by(d).sum::<f64>() / 140.0)
                    .collect();
                let there = Transform::translation(&middle).unwrap();
                let about = there
                    .inverse()
                    .unwrap()
                    .then(&step)
                    .unwrap()
                    .then(&there)
                    .unwrap();
                let other = found.transform.then(&about).unwrap();
                let more = at(&other) - least;
                // S grows by about the square of the step, of which a tenth is far above the errors of both values.
                assert!(
                    more > 0.1 * by * by * 0.2,
                    "{family:?} {name} {by}: {more:e}"
                );
            }
        }
    }
}

fn none_is_a_reflection(device: &Device) {
    for d in [1, 2, 3] {
        let x = cloud(60, d, 11);
        let mirrored: Vec<f64> = x
            .iter()
            .enumerate()
            .map(|(at, x)| if at % d == 0 { -x } else { *x })
            .collect();
        for family in [Family::Rigid, Family::Similarity] {
            let registration = Registration::new(family, Sinkhorn::blur(0.3));
            let found = registration
                .align(device, &uniform(&x, d), &uniform(&mirrored, d))
                .unwrap()
                .transform;
            assert!(!found.is_reflection(), "{d} {family:?}");
            let (linear, square) = (found.linear(), found.scale().powi(2));
            for i in 0..d {
                for j in 0..d {
                    let inner: f64 = (0..d).map(|k| linear[k * d + i] * linear[k * d + j]).sum();
                    let expected = if i == j { square } else { 0.0 };
                    assert!(
                        (inner - expected).abs() < 1e-12 * square.max(1.0),
                        "{d} {family:?}: {linear:?}"
                    );
                }
            }
            if family == Family::Rigid {
                assert!((square - 1.0).abs() < 1e-12);
            }
        }
    }
}

fn clouds_that_leave_a_motion_open_have_one(device: &Device) {
    let line = |d: usize| -> Vec<f64> {
        (0..12)
            .flat_map(|i| (0..d).map(move |k| f64::from(i * i) / 12.0 * (1.0 + k as f64)))
            .collect()
    };
    let plane: Vec<f64> = cloud(30, 2, 3)
        .chunks(2)
        .flat_map(|p| [p[0], p[1], p[0] - 2.0 * p[1]])
        .collect();
    let place = |d: usize| vec![0.25; d];
    let clouds = [
        (place(1), 1),
        (place(3), 3),
        (place(2).repeat(5), 2),
        (line(2), 2),
        (line(3), 3),
        (plane, 3),
    ];
    for (x, d) in clouds {
        for family in FAMILIES {
            let source = member(family, d).inverse().unwrap().apply(&x).unwrap();
            let registration = Registration::new(family, Sinkhorn::blur(0.3));
            let found = registration
                .align(device, &uniform(&source, d), &uniform(&x, d))
                .unwrap();
            let numbers = found.transform.matrix().iter().chain(&found.shares);
            assert!(
                numbers
                    .chain([&found.residual, &found.movement])
                    .all(|x| x.is_finite())
            );
            let off = apart(&found.transform.apply(&source).unwrap(), &x, d);
            assert!(off < 0.05, "{d} {family:?} {}: off by {off:.1e}", x.len());
            assert!(family == Family::Affine || !found.transform.is_reflection());
        }
    }
    // One place and a cloud: the mean, and no turn.
    let (one, many) = (uniform(&[5.0, 5.0], 2), uniform(&cloud(40, 2, 9), 2));
    let found = Registration::rigid(Sinkhorn::blur(0.3))
        .align(device, &one, &many)
        .unwrap();
    assert_eq!(found.transform.linear(), [1.0, 0.0, 0.0, 1.0]);
}

fn a_start_decides_between_motions_that_are_as_good(device: &Device) {
    // A grid of points looks the same after each quarter of a turn.
    let square: Vec<f64> = (0..49)
        .flat_map(|k| [f64::from(k / 7) / 3.0 - 1.0, f64::from(k % 7) / 3.0 - 1.0])
        .collect();
    let measure = uniform(&square, 2);
    let registration = Registration::rigid(Sinkhorn::blur(0.1));
    let angle = |registration: Registration| {
        let found = registration
            .align(device, &measure, &measure)
            .unwrap()
            .transform
            .linear();
        found[2].atan2(found[0]).to_degrees()
    };
    assert!(
        angle(registration.clone()).abs() < 0.1,
        "nothing turns where nothing has to"
    );
    for quarters in 1..4 {
        let wanted = 90.0 * f64::from(quarters);
        let start = Transform::rotation(2, (0, 1), (wanted - 15.0_f64).to_radians()).unwrap();
        let off = angle(registration.clone().start(start)) - wanted;
        let off = off - 360.0 * (off / 360.0).round();
        assert!(off.abs() < 0.1, "{wanted}: {off}");
    }
}

fn an_observer_ends_a_registration(device: &Device) {
    let (x, y) = (uniform(&cloud(70, 2, 1), 2), uniform(&cloud(80, 2, 2), 2));
    let registration = Registration::rigid(Sinkhorn::blur(0.1)).movement(1e-5);
    let whole = registration.align(device, &x, &y).unwrap();
    // Stops where all points take part, after a first iteration there.
    let run = |stop, last: bool| {
        let mut told = Vec::new();
        let outcome = registration.align_observed(device, &x, &y, |progress| {
            told.push(*progress);
            match progress.is_last == last
                && progress.movement.is_some()
                && progress.solve.is_none()
            {
                true => ControlFlow::Break(stop),
                false => ControlFlow::Continue(()),
            }
        });
        (outcome, told)
    };
    let (outcome, told) = run(Stop::Certify, true);
    let outcome = outcome.unwrap();
    assert!(!outcome.converged && outcome.iterations < whole.iterations);
    assert!(outcome.transform.matrix().iter().all(|x| x.is_finite()));
    assert!(
        told.windows(2)
            .all(|pair| pair[0].iteration <= pair[1].iteration && pair[0].blur >= pair[1].blur)
    );
    assert!(
        told.iter()
            .all(|progress| progress.last_blur == 0.1 && progress.goal > 0.0)
    );
    for (stop, last) in [
        (Stop::Abandon, true),
        (Stop::Abandon, false),
        (Stop::Certify, false),
    ] {
        let (outcome, told) = run(stop, last);
        assert!(
            matches!(outcome, Err(Error::Interrupted)),
            "{stop:?} {last}"
        );
        assert!(told.len() > 1);
    }
}

fn those_that_make_no_sense_are_refused(device: &Device) {
    let (x, y) = (uniform(&cloud(20, 2, 1), 2), uniform(&cloud(20, 2, 2), 2));
    let refused = |registration: Registration, x: &Measure, y: &Measure| match registration
        .align(device, x, y)
    {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{registration:?} is not refused"),
    };
    let plain = || Registration::rigid(Sinkhorn::blur(0.1));
    for (registration, told) in [
        (
            Registration::rigid(Sinkhorn::blur(0.1).p(1)),
            "p is 1; it must be 2,",
        ),
        (Registration::rigid(Sinkhorn::blur(-1.0)), "blur is -1"),
        (
            plain().movement(0.0),
            "movement is 0; it must be a finite number above 0",
        ),
        (plain().movement(f64::NAN), "movement is NaN"),
        (
            plain().max_iterations(0),
            "max_iterations is 0; it must be at least 1",
        ),
        (
            plain().start(Transform::identity(3)),
            "dimension 2, the second 3",
        ),
    ] {
        let found = refused(registration, &x, &y);
        assert!(found.contains(told), "{found}");
    }
    let heavy = y.clone().with_weights(&[1.0; 20]).unwrap();
    assert!(refused(plain(), &x, &heavy).contains("the masses differ"));
    let space = uniform(&cloud(20, 3, 2), 3);
    assert!(refused(plain(), &x, &space).contains("dimension"));
    // A start from which nothing is within reach.
    let far = Transform::translation(&[8.0, 0.0]).unwrap();
    let within = Registration::rigid(Sinkhorn::blur(0.15).reach(0.15).tolerance(1e-2));
    let found = refused(within.clone().start(far), &x, &y);
    assert!(found.contains("within reach"), "{found}");
    // A control: from near by it is.
    let near = Transform::translation(&[0.1, 0.0]).unwrap();
    assert!(within.start(near).align(device, &x, &y).is_ok());
}
