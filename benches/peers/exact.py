"""Exact transport by haul and by POT's emd2, alternately in one run, as one markdown table.

Uniform points in two cubes, and Gaussians of many dimensions, all with equal weights and the cost |x - y|^2. Each run is a process
of its own, whose largest resident memory counts. Seconds are those of the solve: of haul from points to the proof, of POT the
matrix of costs and emd2. A gap is haul's: (upper - lower) / value of its bounds. Rounds alternate; medians.

Random problems: points with any p, weights, explicit costs, huge and tiny costs, weights of 0, and ties. The largest relative
difference of both values is printed, and with --problems 0 left out.
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
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEAD = ["problem", "method", "value", "gap", "seconds", "MB", "slower than haul"]


def main():
    args = arguments()
    if args.peer:
        return peer(args.peer)
    print(machine(args))
    if args.problems:
        print(agreement(args) + "\n", flush=True)
    print("\n".join("| " + " | ".join(row) + " |" for row in [HEAD, ["---"] * len(HEAD)]), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, files, alone in tasks(args, folder):
            for row in table(args, name, files, alone):
                print("| " + " | ".join(row) + " |", flush=True)
    print(f"\nLoad average {os.getloadavg()[0]:.1f} after.")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cubes", type=int, nargs="*", default=[1000, 5000, 10_000], help="points of each cube [1000 5000 10000]")
    parser.add_argument("--large", type=int, nargs="*", default=[], help="points of cubes for haul alone")
    parser.add_argument("--gaussians", type=int, default=2000, help="points of Gaussians in 64 dimensions, 0 for none [2000]")
    parser.add_argument("--pair", nargs=2, metavar="FILE", help="two clouds for haul alone")
    parser.add_argument("--problems", type=int, default=300, help="random problems [300]")
    parser.add_argument("--rounds", type=int, default=3, help="rounds A B A B [3]")
    parser.add_argument("--haul", help="the program of haul as it was built, in place of cargo run")
    parser.add_argument("--bench", help="the bench of haul as it was built, in place of cargo bench")
    parser.add_argument("--peer", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def tasks(args, folder):
    """Each problem: its name, two files, and whether POT is left out."""

    def files(n, draw):
        random = np.random.default_rng(n)
        names = [pathlib.Path(folder, f"{side}.npy") for side in "ab"]
        for place, name in enumerate(names):
            np.save(name, draw(random, n, place))
        return names

    def cube(random, n, place):
        return random.uniform(size=(n, 3))

    def gaussian(random, n, place):
        return random.normal(size=(n, 64)) * (1 + 0.5 * place) + place

    for n in args.cubes:
        yield f"cubes, d = 3, n = {n}", files(n, cube), False
    if args.gaussians:
        yield f"Gaussians, d = 64, n = {args.gaussians}", files(args.gaussians, gaussian), False
    if args.pair:
        yield " and ".join(pathlib.Path(name).name for name in args.pair), args.pair, True
    for n in args.large:
        yield f"cubes, d = 3, n = {n}", files(n, cube), True


def measured(command):
    """The JSON that a process prints, and the largest memory that it had, in MB."""
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return json.loads(text), usage.ru_maxrss / 1024


def table(args, name, files, alone):
    program = [args.haul] if args.haul else "cargo run --quiet --release -p haul-cli --".split()
    methods = {"haul exact": [*program, "exact", *files, "--normalize", "--json", "--quiet"]}
    if not alone:
        methods["POT emd2"] = [sys.executable, __file__, "--peer", *files]
    runs = {method: [] for method in methods}
    for _ in range(1 if alone else args.rounds):
        for method, command in methods.items():
            runs[method].append(measured(command))
    medians = {method: statistics.median(answer["seconds"] for answer, _ in runs[method]) for method in methods}
    for method in methods:
        answer = runs[method][-1][0]
        yield [
            name,
            method,
            f"{answer['value']:.10g}",
            f"{answer['gap']:.1e}" if "gap" in answer else "",
            f"{medians[method]:.3g}",
            f"{max(memory for _, memory in runs[method]):.0f}",
            f"{medians[method] / medians['haul exact']:.2g}",
        ]


def peer(files):
    import ot

    x, y = (np.load(name) for name in files)
    a, b = (np.full(len(points), 1 / len(points)) for points in (x, y))
    begin = time.perf_counter()
    value = ot.emd2(a, b, ot.dist(x, y), numItermax=10**9)
    print(json.dumps({"value": float(value), "seconds": time.perf_counter() - begin}))


def agreement(args):
    """The largest relative difference of the values of random problems."""
    import ot

    random = np.random.default_rng(7)
    problems, expected = [], []
    for k in range(args.problems):
        n, m = (int(size) for size in random.integers(1, 90, 2))
        a, b = random.uniform(size=n), random.uniform(size=m)
        if k % 3 == 0 and n > 2 and m > 2:
            a[random.integers(0, n)] = b[random.integers(0, m)] = 0
        if k % 3 == 1:
            a, b = np.ones(n), np.ones(m)
        a, b = a / a.sum(), b / b.sum()
        kind = k % 6
        if kind < 3:
            d, p = int(random.integers(1, 6)), [0.5, 1, 1.5, 2][int(random.integers(0, 4))]
            x, y = random.normal(size=(n, d)), random.normal(size=(m, d)) + 0.5
            if kind == 1:
                x, y = np.round(2 * x), np.round(2 * y)
            unit = 10.0 ** random.integers(-6, 7) if kind == 2 else 1.0
            x, y = unit * x, unit * y
            costs = np.linalg.norm(x[:, None] - y[None], axis=-1) ** p
            problems.append(np.concatenate([[n, m, d, p], a, b, x.ravel(), y.ravel()]))
        else:
            costs = random.uniform(-1 if kind == 3 else 0, 1, (n, m))
            costs = np.floor(4 * costs) if kind == 4 else costs
            costs = costs * 10.0 ** random.integers(-12, 13) if kind == 5 else costs
            problems.append(np.concatenate([[n, m, 0, 1], a, b, costs.ravel()]))
        # POT's tolerances are absolute: it gets costs of a size near 1.
        scale = max(np.abs(costs).max(), 1e-300)
        value = ot.emd2(a, b, np.ascontiguousarray(costs / scale), numItermax=10**8)
        expected.append((float(value) * scale, scale))
    with tempfile.NamedTemporaryFile(suffix=".f64") as file:
        np.concatenate(problems).astype("<f8").tofile(file.name)
        command = [args.bench] if args.bench else "cargo bench --quiet -p haul-benches --bench exact --".split()
        done = subprocess.run([*command, "problems", file.name], stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != args.problems:
        raise SystemExit(f"{len(answers)} answers for {args.problems} problems")
    off = [
        abs(answer["value"] - value) / max(abs(value), 1e-9 * scale)
        for answer, (value, scale) in zip(answers, expected, strict=True)
    ]
    proved = sum(answer["proved"] for answer in answers)
    return (
        f"{args.problems} random problems: the values of haul and POT differ by at most {max(off):.1e}, relative; "
        f"{proved} are proved to 1e-9."
    )


def machine(args):
    model = platform.processor() or platform.machine()
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(": ", 1)[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ["numpy", "pot"])
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}; {versions}. "
        f"Load average {os.getloadavg()[0]:.1f} before; medians of {args.rounds} rounds.\n"
    )


if __name__ == "__main__":
    main()
