//! An engine works through any handle, and results own their handle: they can be stored in
//! structs, sent to other threads and returned from functions.

use super::solver::tolerance;
use haul::engine::Forward;
use haul::{Device, Divergence, Engine, Measure, Plan, Sinkhorn, Solution, Terms};
use haul_tests::clouds::measure;
use haul_tests::counting::Counting;
use haul_tests::engines::HandleBody;
use std::sync::Arc;

pub const BODIES: &[(&str, HandleBody)] = &[
    (
        "a_solve_is_the_same_through_any_handle",
        a_solve_is_the_same_through_any_handle,
    ),
    (
        "results_are_stored_in_a_struct",
        results_are_stored_in_a_struct,
    ),
    (
        "results_are_sent_to_another_thread",
        results_are_sent_to_another_thread,
    ),
    (
        "results_are_returned_from_a_function",
        results_are_returned_from_a_function,
    ),
];

const fn is_sent_and_shared<T: Send + Sync + 'static>() {}
const _: () = {
    is_sent_and_shared::<Solution<Arc<Device>>>();
    is_sent_and_shared::<Terms<Arc<Device>>>();
    is_sent_and_shared::<Plan<Arc<Device>>>();
    is_sent_and_shared::<Solution<&'static Device>>();
    is_sent_and_shared::<Solution<Arc<Wrapper<Arc<Device>>>>>();
};

/// Forwards every operator unchanged.
struct Wrapper<E>(E);

impl<E: Engine> Forward for Wrapper<E> {
    type Inner = E;

    fn inner(&self) -> &E {
        &self.0
    }
}

fn clouds() -> (Measure, Measure) {
    (measure(60, 2, 1), measure(50, 2, 5))
}

fn settings(device: &Device) -> Sinkhorn {
    Sinkhorn::epsilon(0.1).tolerance(tolerance(device))
}

/// All results of a solve and of a divergence, to the last digit.
fn numbers<E: Engine + Clone>(engine: E, settings: &Sinkhorn, b: &Measure) -> Vec<u64> {
    let (a, _) = clouds();
    let solution = settings.solve(engine.clone(), &a, b).unwrap();
    let terms = Divergence::from(settings.clone());
    let terms = terms.evaluate(engine, &a, b).unwrap();
    let mut numbers = of_solution(&solution);
    numbers.extend(of_terms(&terms));
    numbers.extend(of_plan(&solution.plan()));
    numbers
}

fn bits(values: impl IntoIterator<Item = f64>) -> Vec<u64> {
    values.into_iter().map(f64::to_bits).collect()
}

fn of_solution<E: Engine + Clone>(solution: &Solution<E>) -> Vec<u64> {
    let potentials = solution.potentials().unwrap();
    let gradient = solution.gradient().unwrap();
    let of_gradient = gradient.points.into_iter().chain(gradient.weights);
    let of_potentials = potentials.f.into_iter().chain(potentials.g);
    bits(
        [solution.value(), solution.certificate().lower_bound]
            .into_iter()
            .chain(of_potentials)
            .chain(of_gradient),
    )
}

fn of_terms<E: Engine + Clone>(terms: &Terms<E>) -> Vec<u64> {
    let gradient = terms.gradient().unwrap();
    let values = [terms.value(), terms.lower_bound()];
    bits(values.into_iter().chain(gradient.points))
}

fn of_plan<E: Engine + Clone>(plan: &Plan<E>) -> Vec<u64> {
    let (rows, columns) = plan.marginals().unwrap();
    bits(rows.into_iter().chain(columns).chain(plan.map().unwrap()))
}

fn a_solve_is_the_same_through_any_handle(device: &Arc<Device>) {
    let (_, b) = clouds();
    let settings = settings(device);
    let expected = numbers::<&Device>(device, &settings, &b);
    assert_eq!(numbers(Arc::clone(device), &settings, &b), expected);
    let wrapper = Arc::new(Wrapper(Arc::clone(device)));
    assert_eq!(numbers(wrapper, &settings, &b), expected);
    let wrapper = Wrapper(&**device);
    assert_eq!(numbers(&wrapper, &settings, &b), expected);
    // The wrapper gets every call.
    let counting = Counting::new(Arc::clone(device));
    assert_eq!(numbers(&counting, &settings, &b), expected);
    let counts = counting.counts();
    assert!(counts.softmins > 0 && counts.products > 0 && counts.gradients > 0);
    // Other measures have other numbers.
    let other = numbers::<&Device>(device, &settings, &measure(50, 2, 6));
    assert_ne!(other, expected);
}

/// A struct in which a program stores its solves.
struct Kept {
    solution: Solution<Arc<Device>>,
    terms: Terms<Arc<Device>>,
    plan: Plan<Arc<Device>>,
}

impl Kept {
    fn numbers(&self) -> [Vec<u64>; 3] {
        [
            of_solution(&self.solution),
            of_terms(&self.terms),
            of_plan(&self.plan),
        ]
    }
}

/// Measures, settings and the local handle are dropped at the end of this function.
fn keep(device: &Arc<Device>) -> Kept {
    let (a, b) = clouds();
    let settings = settings(device);
    let solution = settings.solve(Arc::clone(device), &a, &b).unwrap();
    let of_another = settings.solve(Arc::clone(device), &b, &a).unwrap();
    let terms = Divergence::from(settings).evaluate(Arc::clone(device), &a, &b);
    Kept {
        solution,
        terms: terms.unwrap(),
        plan: of_another.plan(),
    }
}

fn expected(device: &Device) -> [Vec<u64>; 3] {
    let (a, b) = clouds();
    let settings = settings(device);
    let solution = settings.solve(device, &a, &b).unwrap();
    let of_another = settings.solve(device, &b, &a).unwrap();
    let terms = Divergence::from(settings).evaluate(device, &a, &b).unwrap();
    [
        of_solution(&solution),
        of_terms(&terms),
        of_plan(&of_another.plan()),
    ]
}

fn results_are_stored_in_a_struct(device: &Arc<Device>) {
    let kept = [keep(device), keep(device)];
    let expected = expected(device);
    for kept in &kept {
        assert_eq!(kept.numbers(), expected);
    }
    assert_ne!(expected[0], expected[1]);
}

fn results_are_sent_to_another_thread(device: &Arc<Device>) {
    let kept = keep(device);
    let expected = expected(device);
    let (kept, numbers) = std::thread::spawn(move || {
        let numbers = kept.numbers();
        (kept, numbers)
    })
    .join()
    .unwrap();
    assert_eq!(numbers, expected);
    // It can be used here again, and by several threads at a time.
    std::thread::scope(|scope| {
        let threads = [0; 2].map(|_| scope.spawn(|| kept.numbers()));
        for thread in threads {
            assert_eq!(thread.join().unwrap(), expected);
        }
    });
}

fn results_are_returned_from_a_function(device: &Arc<Device>) {
    fn solution(device: &Arc<Device>) -> Solution<Arc<Device>> {
        let (a, b) = clouds();
        settings(device).solve(Arc::clone(device), &a, &b).unwrap()
    }
    fn terms(device: &Arc<Device>) -> Terms<Arc<Device>> {
        let (a, b) = clouds();
        let divergence = Divergence::from(settings(device));
        divergence.evaluate(Arc::clone(device), &a, &b).unwrap()
    }
    /// The solution is dropped before its plan.
    fn plan(device: &Arc<Device>) -> Plan<Arc<Device>> {
        let (a, b) = clouds();
        let solution = settings(device).solve(Arc::clone(device), &b, &a);
        solution.unwrap().plan()
    }
    let numbers = [
        of_solution(&solution(device)),
        of_terms(&terms(device)),
        of_plan(&plan(device)),
    ];
    assert_eq!(numbers, expected(device));
}
