"""Barycenters on a fixed support, by haul and its peers, alternately in one run, as one markdown table.

The problems: four images of balls on a grid in the unit square, with a blur of some cells; and three histograms on
one cloud of points in it. All peers get the same cost |x - y|^2, the same eps = blur^2 and equal weights.

The gap of a result b is J(b) - J*, in units of eps. J is the objective of the kind: the mean of OT_eps(b, b_s), plus
eps KL(b | uniform) for the plain kind, or the mean of S_eps(b, b_s) for the debiased one. It is computed by haul in f64 for every
b alike, scaled to a sum of 1. J* is the largest lower bound that haul certifies for the problem in f64; where that bound
is loose, as it may be for the debiased kind, the best objective of all results stands in its place, marked *.

haul solves to a tolerance, in f32 and f64. `seconds` are those of the loop that finds b, which is what the peers do;
`with bounds` includes the certificate. Of a peer that row counts which first reaches a gap at most that of haul in
f64; its numbers of iterations double from row to row, without a test of convergence. Rounds alternate; medians.
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
HEAD = ["problem", "kind", "method", "iterations", "seconds", "with bounds", "gap / eps", "slower than haul"]


def main():
    args = arguments()
    table = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(machine(args), file=table)
    print("\n".join("| " + " | ".join(row) + " |" for row in [HEAD, ["---"] * len(HEAD)]), file=table, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for problem in [Images(args, folder), Clouds(args, folder)]:
            for kind in problem.kinds:
                for row in rows(args, problem, kind):
                    print("| " + " | ".join(row) + " |", file=table, flush=True)
    print(f"\nLoad average {os.getloadavg()[0]:.1f} after.", file=table)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=256, help="pixels of a side [256]")
    parser.add_argument("--cells", type=float, default=8, help="blur of the images in pixels [8]")
    parser.add_argument("--points", type=int, default=2000, help="points of the cloud [2000]")
    parser.add_argument("--blur", type=float, default=0.05, help="blur of the cloud [0.05]")
    parser.add_argument("--tolerance", type=float, default=1e-3, help="of haul [1e-3]")
    parser.add_argument("--rounds", type=int, default=3, help="rounds A B A B [3]")
    parser.add_argument("--patience", type=float, default=120, help="seconds for one run of a peer [120]")
    parser.add_argument("--most", type=int, default=5000, help="iterations of a peer, at most [5000]")
    parser.add_argument("--built", help="the bench of haul as it was built, in place of cargo bench")
    parser.add_argument("--no-ott", action="store_true", help="without OTT-JAX")
    return parser.parse_args()


class Problem:
    """Support and inputs, in memory and in the file that haul reads."""

    def __init__(self, args, folder, support, numbers, inputs, epsilon):
        self.command = [args.built] if args.built else []
        self.support, self.epsilon, self.inputs = support, epsilon, inputs
        self.file = pathlib.Path(folder, f"{support}.f64")
        np.concatenate([part.ravel() for part in [*numbers, *inputs]]).astype("<f8").tofile(self.file)
        self.result = self.file.with_suffix(".result")

    def haul(self, task, kind, tolerance, average=None):
        if average is not None:
            np.asarray(average).ravel().astype("<f8").tofile(self.result)
        command = self.command or ["cargo", "bench", "--quiet", "-p", "haul-benches", "--bench", "barycenters", "--"]
        words = [task, self.support, self.file, len(self.inputs), self.epsilon, kind, tolerance, self.result]
        done = subprocess.run([*command, *map(str, words)], stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
        return json.loads(done.stdout), np.fromfile(self.result)

    def objective(self, kind, average):
        average = np.maximum(np.nan_to_num(np.asarray(average, dtype=float)), 0)
        if not average.sum() > 0:
            return float("nan")
        return self.haul("objective", kind, 0, average)[0]["objective"]


class Images(Problem):
    kinds = ["plain", "debiased"]

    def __init__(self, args, folder):
        n = args.side
        random = np.random.default_rng(1)
        x, y = np.meshgrid(*[np.linspace(0, 1, n)] * 2, indexing="ij")
        inputs = []
        for _ in range(4):
            image = np.zeros((n, n))
            for _ in range(3):
                (a, b), r = random.uniform(0.2, 0.8, 2), random.uniform(0.05, 0.12)
                image[(x - a) ** 2 + (y - b) ** 2 < r**2] = 1
            inputs.append(image / image.sum())
        epsilon = (args.cells / (n - 1)) ** 2
        super().__init__(args, folder, f"{n}x{n}", [], np.array(inputs), epsilon)

    def peers(self, args, kind):
        import ot

        solve = {
            "plain": ot.bregman.convolutional_barycenter2d,
            "debiased": ot.bregman.convolutional_barycenter2d_debiased,
        }[kind]
        yield "POT convolutional", lambda k: solve(
            self.inputs, self.epsilon, numItermax=k, stopThr=0, warn=False
        )
        if not args.no_ott:
            from ott.geometry import grid
            import jax.numpy as jnp

            n = self.inputs.shape[1]
            axes = [jnp.linspace(0, 1, n)] * 2
            yield "OTT on a grid", ott(grid.Grid(x=axes, epsilon=self.epsilon), self, kind)


class Clouds(Problem):
    kinds = ["plain", "debiased"]

    def __init__(self, args, folder):
        n = args.points
        random = np.random.default_rng(2)
        self.points = random.uniform(0, 1, (n, 2))
        inputs = []
        for _ in range(3):
            centres = random.uniform(0.2, 0.8, (2, 2))
            squares = ((self.points[:, None] - centres) ** 2).sum(2)
            weights = np.exp(-squares / (2 * 0.07**2)).sum(1)
            inputs.append(weights / weights.sum())
        super().__init__(args, folder, f"{n}@2", [self.points], np.array(inputs), args.blur**2)

    def peers(self, args, kind):
        import ot

        cost = ot.dist(self.points, self.points)
        a = self.inputs.T.copy()
        solve = {"plain": ot.bregman.barycenter, "debiased": ot.bregman.barycenter_debiased}[kind]
        for method in ["sinkhorn_log", "sinkhorn"]:
            yield f"POT {method}", lambda k, method=method: solve(
                a, cost, self.epsilon, method=method, numItermax=k, stopThr=0, warn=False
            )
        if not args.no_ott:
            from ott.geometry import pointcloud

            geometry = pointcloud.PointCloud(self.points, self.points, epsilon=self.epsilon)
            yield "OTT on a cloud", ott(geometry, self, kind)


def ott(geometry, problem, kind):
    """OTT in its default log mode; it tests its error once, at the end. Debiased on clouds it cannot be compiled by the
    caller, and its time includes that of tracing."""
    from ott.problems.linear import barycenter_problem
    from ott.solvers.linear import discrete_barycenter
    import jax

    inputs = problem.inputs.reshape(len(problem.inputs), -1)

    def run(k):
        solver = discrete_barycenter.FixedBarycenter(
            threshold=0, min_iterations=k, max_iterations=k, inner_iterations=k, debiased=kind == "debiased"
        )
        of_problem = barycenter_problem.FixedBarycenterProblem
        if k not in compiled:
            compiled[k] = lambda a: solver(of_problem(geometry, a)).histogram
            if kind == "plain":
                compiled[k] = jax.jit(compiled[k])
        return np.asarray(compiled[k](inputs).block_until_ready())

    compiled = {}
    return run


def rows(args, problem, kind):
    exact, _ = problem.haul("solve-f64", kind, 1e-6)
    best = {"bound": exact["lower"], "objective": exact["objective"]}
    methods = {"haul f32": "solve", "haul f64": "solve-f64"}
    found = {}
    for name, task in methods.items():
        report, average = problem.haul(task, kind, args.tolerance)
        found[name] = [report["iterations"], problem.objective(kind, average)]
        best["objective"] = min(best["objective"], found[name][1])
    least, mark = best["bound"], ""
    if best["objective"] - least > 1e-3 * problem.epsilon:
        least, mark = best["objective"], "*"
    goal = max(found["haul f64"][1] - least, 1e-6 * problem.epsilon)
    peers = dict(problem.peers(args, kind))
    for name, solve in peers.items():
        found[name] = search(args, problem, kind, solve, least + goal)
    times = {name: [] for name in found}
    for _ in range(args.rounds):
        for name, task in methods.items():
            report, _ = problem.haul(task, kind, args.tolerance)
            times[name].append((report["loop"], report["seconds"]))
        for name, solve in peers.items():
            start = time.perf_counter()
            solve(found[name][0])
            times[name].append((time.perf_counter() - start,))
    ours = statistics.median(each[0] for each in times["haul f32"])
    for name, (iterations, objective) in found.items():
        loop = statistics.median(each[0] for each in times[name])
        whole = statistics.median(each[-1] for each in times[name])
        gap = (objective - least) / problem.epsilon
        yield [
            problem.support,
            kind,
            name,
            str(iterations) if gap <= 1.001 * goal / problem.epsilon or name in methods else f"{iterations}, not there",
            f"{loop:.3g}",
            f"{whole:.3g}" if name in methods else "",
            f"{gap:.1e}{mark}",
            f"{loop / ours:.1f}×",
        ]


def search(args, problem, kind, solve, goal):
    """The least number of iterations, doubled from 10, that reaches the goal within the patience."""
    iterations = 10
    while True:
        solve(iterations)
        start = time.perf_counter()
        average = solve(iterations)
        seconds = time.perf_counter() - start
        objective = problem.objective(kind, average)
        ended = 2 * seconds > args.patience or 2 * iterations > args.most
        if objective <= goal or ended or not np.isfinite(objective):
            return [iterations, objective]
        iterations *= 2


def machine(args):
    model = platform.processor() or platform.machine()
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(": ", 1)[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    names = ["numpy", "pot"] if args.no_ott else ["numpy", "pot", "ott-jax", "jax"]
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}; {versions}. "
        f"Load average {os.getloadavg()[0]:.1f} before; medians of {args.rounds} rounds.\n"
    )


if __name__ == "__main__":
    main()
