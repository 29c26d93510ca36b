"""Forks, threads, signals and memory."""

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
from reference import cloud

import haul


def value(seed):
    return haul.divergence(cloud(300, 3, seed), cloud(200, 3, seed + 1), blur=0.1, device="cpu").value


@pytest.mark.parametrize("method", sorted({"fork", "spawn"} & set(multiprocessing.get_all_start_methods())))
def test_a_child_computes_what_its_parent_does(method):
    expected = [value(seed) for seed in range(4)]
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map_async(value, range(4)).get(60) == expected


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_result_of_the_parent_is_refused_in_a_child():
    solution = haul.sinkhorn(cloud(300, 2, 1), cloud(300, 2, 2), blur=0.1)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            solution.map()
            text = "no error"
        except haul.Error as error:
            text = str(error)
        finally:
            os.write(write, text.encode())
            os._exit(0)
    os.waitpid(child, 0)
    told = os.read(read, 10_000).decode()
    assert "before a fork" in told and "spawn" in told
    assert solution.map().shape == (300, 2)


def test_threads_compute_at_the_same_time_and_the_same():
    expected = [value(seed) for seed in range(6)]
    found = [None] * 6

    def work(seed):
        found[seed] = value(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == expected


def test_other_threads_run_during_a_solve():
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    start = time.perf_counter()
    haul.sinkhorn(cloud(3000, 3, 1), cloud(3000, 3, 2), blur=0.03, tol=1e-4, device="cpu")
    end = time.perf_counter()
    done.set()
    thread.join()
    during = [at for at in ticks if start < at < end]
    # With the GIL held there would be none.
    assert len(during) > 0.02 * (end - start) / 0.001


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(
    "call",
    [
        "sinkhorn(x, y, blur=0.01)",
        "energy(x, y)",
        "batch([(x, y)] * 3, blur=0.01)",
        "exact(x, y)",
        "sliced(x, y, directions=100_000)",
        "flow(x, y, blur=0.1)",
        "gromov(x, y)",
        "quantize(x, 2000)",
        "free_barycenter([x, y], support=2000, blur=0.1)",
        "exact_costs(np.random.default_rng(1).random((4000, 4000)))",
    ],
)
def test_control_c_ends_a_computation_within_a_second_of_all_processors(call):
    script = f"""
        import haul, numpy as np, os, signal, threading, time
        # Python has no handler where a shell started it in the background.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        x, y = np.random.default_rng(0).random((2, 100_000, 8))
        haul.sinkhorn(x[:9], y[:9])
        def press():
            time.sleep(1)
            global pressed
            # The time of the processors does not count what else runs on the machine.
            pressed = time.process_time()
            os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=press).start()
        try:
            haul.{call}
        except KeyboardInterrupt:
            print("interrupted after", time.process_time() - pressed)
        print(haul.sinkhorn(x[:9], y[:9], blur=0.1).converged)
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=60
    )
    told, again = ran.stdout.splitlines()
    assert again == "True", ran.stderr
    assert told.startswith("interrupted after") and float(told.split()[-1]) < os.cpu_count()


def resident():
    with open("/proc/self/statm") as of:
        return int(of.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
def test_a_thousand_solves_keep_no_memory():
    x, y = cloud(200, 2, 1), cloud(200, 2, 2)

    def solve():
        solution = haul.sinkhorn(x, y, blur=0.3, device="cpu")
        solution.grad_x, solution.plan @ y, solution.f
        with pytest.raises(haul.Error):
            haul.sinkhorn(x, y, np.ones(3))

    for _ in range(100):
        solve()
    gc.collect()
    before = resident()
    for _ in range(1000):
        solve()
    gc.collect()
    # One solve has four clouds and potentials of 200 points: 20 kB and more. 1000 of them would be 20 MB.
    assert resident() - before < 8e6


def test_a_thread_count_does_not_change_results():
    x, y = cloud(2000, 3, 1), cloud(1500, 3, 2)
    values = {haul.sinkhorn(x, y, blur=0.2, device=haul.Device("cpu", threads=n)).value for n in (1, 2, 3)}
    assert len(values) == 1


def test_devices_say_what_they_are():
    device = haul.Device("cpu", precision="f64", threads=1)
    assert "1 thread" in device.describe() and device.describe().endswith("f64")
    solution = haul.sinkhorn(cloud(9, 2, 1), cloud(9, 2, 2), device=device)
    assert solution.report["precision"] == "f64"
    assert haul.sinkhorn(cloud(9, 2, 1), cloud(9, 2, 2), device=device, precision="f32").report["precision"] == "f32"
    # What f32 cannot reach is computed in f64, unless f32 was asked for.
    assert haul.sinkhorn(cloud(9, 2, 1), cloud(9, 2, 2), tol=1e-9).report["precision"] == "f64"
    with pytest.raises(haul.Error, match="f16"):
        haul.Device("cpu", precision="f16")
