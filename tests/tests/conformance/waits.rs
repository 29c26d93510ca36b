//! Operators that wait return futures: one thread drives several solves, and a dropped solve harms nothing.

use super::solver::tolerance;
use crate::operators::{Uploaded, side};
use haul::engine::Kernel;
use haul::{Cost, Device, Divergence, Engine, Measure, Sinkhorn};
use haul_tests::clouds::measure;
use haul_tests::engines::Body;
use haul_tests::wait;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

pub const BODIES: &[(&str, Body)] = &[
    ("one_thread_drives_two_solves", one_thread_drives_two_solves),
    (
        "a_future_that_is_dropped_leaves_the_engine_usable",
        a_future_that_is_dropped_leaves_the_engine_usable,
    ),
];

/// Wakes the thread that polls.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn waker() -> Waker {
    Waker::from(Arc::new(Unpark(thread::current())))
}

/// Both outputs, of futures that are polled in turn on this thread, which sleeps until one of them wakes it; and
/// how often both were under way.
pub(crate) fn both<A: Future, B: Future>(one: A, other: B) -> (A::Output, B::Output, usize) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut of_one, mut of_other) = (None, None);
    let waker = waker();
    let mut context = Context::from_waker(&waker);
    let begin = Instant::now();
    let mut under_way = 0;
    loop {
        poll(&mut one, &mut of_one, &mut context);
        poll(&mut other, &mut of_other, &mut context);
        match (of_one, of_other) {
            (Some(one), Some(other)) => return (one, other, under_way),
            both => (of_one, of_other) = both,
        }
        under_way += usize::from(of_one.is_none() && of_other.is_none());
        thread::park_timeout(Duration::from_secs(10));
        let late = begin.elapsed() > Duration::from_secs(120);
        assert!(!late, "no future wakes this thread");
    }
}

fn poll<F: Future>(
    future: &mut Pin<&mut F>,
    output: &mut Option<F::Output>,
    context: &mut Context<'_>,
) {
    if output.is_none()
        && let Poll::Ready(ready) = future.as_mut().poll(context)
    {
        *output = Some(ready);
    }
}

fn problems() -> [(Measure, Measure); 2] {
    [
        (measure(150, 2, 1), measure(120, 2, 5)),
        (measure(90, 3, 7), measure(130, 3, 9)),
    ]
}

fn settings(device: &Device) -> Sinkhorn {
    Sinkhorn::epsilon(0.1).tolerance(tolerance(device))
}

fn one_thread_drives_two_solves(device: &Device) {
    let [(a, b), (c, d)] = problems();
    let settings = settings(device);
    let divergence = Divergence::from(settings.clone());
    let solve = settings.solve_async(device, &a, &b);
    let evaluate = divergence.evaluate_async(device, &c, &d);
    let (solution, terms, under_way) = both(solve, evaluate);
    let (solution, terms) = (solution.unwrap(), terms.unwrap());

    let alone = settings.solve(device, &a, &b).unwrap();
    assert_eq!(solution.value(), alone.value());
    assert_eq!(solution.potentials().unwrap(), alone.potentials().unwrap());
    assert_eq!(
        terms.value(),
        divergence.evaluate(device, &c, &d).unwrap().value()
    );
    let other = settings.solve(device, &c, &d).unwrap();
    assert_ne!(solution.value(), other.value());
    // A GPU works while its futures are pending; the CPU has finished when the call returns.
    assert_eq!(under_way > 0, matches!(device, Device::Gpu(_)));
}

fn a_future_that_is_dropped_leaves_the_engine_usable(device: &Device) {
    let [(a, b), _] = problems();
    let settings = settings(device);
    let expected = settings.solve(device, &a, &b).unwrap();
    let waker = waker();
    let mut context = Context::from_waker(&waker);
    let mut dropped = 0;
    for polls in [0, 1, 2, 3, 10] {
        let mut future = Box::pin(settings.solve_async(device, &a, &b));
        let pending = (0..polls).all(|_| future.as_mut().poll(&mut context).is_pending());
        dropped += usize::from(pending && polls > 0);
        drop(future);
        let again = settings.solve(device, &a, &b).unwrap();
        assert_eq!(again.value(), expected.value(), "after {polls} polls");
        assert_eq!(again.potentials().unwrap(), expected.potentials().unwrap());
    }
    assert_eq!(dropped > 0, matches!(device, Device::Gpu(_)));

    // The futures of single operators, begun or not.
    let (rows, columns) = (side(200, 2, 1, 0.1), side(300, 2, 2, 0.1));
    let (x, y) = (
        Uploaded::new(device, &rows),
        Uploaded::new(device, &columns),
    );
    let kernel = Kernel {
        cost: Cost::SquaredEuclidean,
        epsilon: 0.1,
    };
    let pairs = x.pairs(kernel, &y);
    let mut out = device.zeros(200).unwrap();
    device
        .softmin(pairs, y.side(), None, None, &mut out)
        .unwrap();
    let expected = wait(device.read(&out)).unwrap();
    for begun in [false, true] {
        device
            .softmin(pairs, y.side(), None, None, &mut out)
            .unwrap();
        let mut read = Box::pin(device.read(&out));
        if begun {
            let _ = read.as_mut().poll(&mut context);
        }
        drop(read);
        assert_eq!(wait(device.read(&out)).unwrap(), expected);
        // A vector that a dropped future read from may be gone, too.
        let mut gone = device.zeros(200).unwrap();
        device
            .softmin(pairs, y.side(), None, None, &mut gone)
            .unwrap();
        let mut read = Box::pin(device.read(&gone));
        if begun {
            let _ = read.as_mut().poll(&mut context);
        }
        drop(read);
        drop(gone);
        assert_eq!(wait(device.read(&out)).unwrap(), expected);
    }
}
