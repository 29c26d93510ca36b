"""Products of a kernel with a matrix on one machine, alternately in one run, as one markdown table.

K V for K_ij = exp(-|x_i - y_j|^2 / eps) between two clouds of n points in [-1, 1]^d with
eps = 0.05 d, and a matrix V of n x q; all in float32:

* haul, which stores no K, and its floor: the time of its arithmetic on registers alone;
* NumPy where K is stored already, and where it is computed first, as |x|^2 + |y|^2 - 2 <x, y>;
* KeOps' LazyTensor, which stores no K.

Times are what each side takes with the data in memory: the bench `width` of haul, the best of
three, and the call in Python after one that compiles and warms up. Medians of the rounds.
`share` is the part of the processor's multiply-adds that is useful, n^2 (d + q) of them; at most
(d + q) / (2 d + q) can be, because haul takes differences.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

import numpy as np

TABLE = [(4000, d, q) for d in (2, 300) for q in (1, 4, 16, 64, 256)]
ROOT = pathlib.Path(__file__).resolve().parents[2]


def main():
    args = arguments()
    # KeOps reports on standard output, which is the table's: what others print goes to stderr.
    table = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    start_load = os.getloadavg()[0]
    head = ["n", "d", "q", "floor", "haul", "share", "NumPy, K stored", "NumPy, K computed", "KeOps"]
    lines = ["| " + " | ".join(words) + " |" for words in [head, ["---"] * len(head)]]
    print("\n".join([machine(args, start_load), *lines]), file=table)
    for case in args.case or [*TABLE, (13000, 300, 256)]:
        print("| " + " | ".join(row(args, *case)) + " |", file=table, flush=True)
    print(f"\nLoad average {os.getloadavg()[0]:.1f} after.", file=table)


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--case", nargs=3, type=int, action="append", metavar=("N", "D", "Q"), help="instead of all"
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds A B A B [3]")
    return parser.parse_args()


def row(args, n, d, q):
    random = np.random.default_rng(0)
    x, y = (random.uniform(-1, 1, (n, d)).astype(np.float32) for _ in "xy")
    v = random.uniform(-1, 1, (n, q)).astype(np.float32)
    epsilon = np.float32(0.05 * d)
    stored = kernel(x, y, epsilon)
    lazy = lazy_kernel(x, y, epsilon)
    sides = {
        "stored": lambda: stored @ v,
        "computed": lambda: kernel(x, y, epsilon) @ v,
        "KeOps": lambda: lazy @ v,
    }
    results = [work() for work in sides.values()]
    size = np.abs(results[0]).max()
    if any(np.abs(result - results[0]).max() > 1e-3 * size for result in results):
        sys.exit(f"n = {n}, d = {d}, q = {q}: the peers compute different products")
    ours, times = [], {name: [] for name in sides}
    for _ in range(args.rounds):
        ours.append(haul(n, d, q))
        for name, work in sides.items():
            times[name].append(seconds(work))
    floor, seconds_of_haul, share = (
        statistics.median(each[name] for each in ours) for name in ("floor", "seconds", "share")
    )
    cells = [f"{n}", f"{d}", f"{q}", told(floor), told(seconds_of_haul), f"{100 * share:.0f} %"]
    for name in sides:
        median = statistics.median(times[name])
        cells.append(f"{told(median)} ({median / seconds_of_haul:.2f}×)")
    return cells


def kernel(x, y, epsilon):
    k = x @ y.T
    k *= -2
    k += (x * x).sum(1)[:, None]
    k += (y * y).sum(1)[None, :]
    k /= -epsilon
    return np.exp(k, out=k)


def lazy_kernel(x, y, epsilon):
    from pykeops.numpy import LazyTensor

    # In units of sqrt(eps): KeOps has nothing to divide pair by pair.
    x_i = LazyTensor((x / epsilon**0.5)[:, None, :])
    y_j = LazyTensor((y / epsilon**0.5)[None, :, :])
    return (-x_i.sqdist(y_j)).exp()


def haul(n, d, q):
    """The bench of haul in a process of its own."""
    command = ["cargo", "bench", "--quiet", "-p", "haul-benches", "--bench", "width", "--"]
    command += ["--product", str(n), str(d), str(q)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    return json.loads(done.stdout)


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def told(seconds):
    return f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.2f} s"


def machine(args, start_load):
    model = platform.processor() or platform.machine()
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(": ", 1)[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "pykeops"))
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()}, Python "
        f"{platform.python_version()}; {versions}. Load average {start_load:.1f} before; medians of "
        f"{args.rounds} rounds, and the time of each peer over that of haul.\n"
    )


if __name__ == "__main__":
    main()
