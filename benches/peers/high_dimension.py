"""Solves in many dimensions on one machine, alternately in one run, as one markdown table.

Ten clusters, Gaussians and handwritten digits; the cost is |x - y|^2, and eps a part of its mean:

* haul on the CPU in float32, which stores no kernel (the seconds of its report, certificate included);
* POT's `sinkhorn` in float64, by scalings or, where these leave the range of floats, by logarithms;
* regot's `sinkhorn_splr` and mdot-tnt's truncated Newton method, both in float64.

All others store the matrix of costs, and its computation is in their time. Every result is held to one
measure: the L1 errors of both marginals together, computed here in float64 from its plan. A side runs
again with a smaller tolerance of its own until that error is at most the goal, and only the last run
counts. Medians of the rounds; `none` where no tolerance served.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import platform
import statistics
import subprocess
import tempfile
import time
import warnings

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]


def clusters(n, d, seed=0, k=10):
    random = np.random.default_rng(seed)
    centres = random.normal(size=(k, d)) * 0.7
    return [random.normal(size=(n, d)) * 0.5 + centres[random.integers(0, k, n)] for _ in "xy"]


def gaussians(n, d, seed=0):
    random = np.random.default_rng(seed)
    return [random.normal(size=(n, d)), random.normal(size=(n, d)) + 0.3]


PROBLEMS = [
    ("10 clusters", clusters, 1000, 784, 0.01),
    ("10 clusters", clusters, 2000, 784, 0.01),
    ("10 clusters", clusters, 2000, 784, 0.003),
    ("10 clusters", clusters, 2000, 50, 0.01),
    ("Gaussians", gaussians, 2000, 784, 0.05),
    ("Gaussians", gaussians, 2000, 300, 0.05),
    ("Gaussians", gaussians, 2000, 64, 0.05),
    ("Gaussians", gaussians, 5000, 50, 0.05),
]


def costs(x, y):
    squares = (x**2).sum(1)[:, None] + (y**2).sum(1) - 2 * x @ y.T
    return np.maximum(squares, 0)


def l1(plan, n, m):
    return abs(plan.sum(1) - 1 / n).sum() + abs(plan.sum(0) - 1 / m).sum()


class Haul:
    name = "haul"

    def __init__(self, x, y, epsilon, folder):
        self.x, self.y, self.epsilon, self.folder = x, y, epsilon, pathlib.Path(folder)
        for name, points in (("x", x), ("y", y)):
            np.save(self.folder / f"{name}.npy", points)

    def __call__(self, tolerance):
        f = self.folder
        words = ["sinkhorn", f / "x.npy", f / "y.npy", "--epsilon", repr(float(self.epsilon))]
        words += ["--tolerance", str(tolerance), "--device", "cpu", "--json"]
        words += ["--potentials", f / "potentials.npz", "--quiet"]
        told = subprocess.run(
            [ROOT / "target/release/haul", *words], capture_output=True, text=True, check=False
        )
        if not told.stdout:
            raise ValueError(told.stderr)
        report = json.loads(told.stdout)
        potentials = np.load(f / "potentials.npz")
        n, m = len(self.x), len(self.y)
        c = costs(self.x, self.y)
        plan = potentials["f"][:, None] + potentials["g"] - c
        return report["seconds"], np.exp(plan / self.epsilon) / (n * m), report["softmin_passes"]


class Dense:
    """A peer that is given the costs."""

    def __init__(self, x, y, epsilon, _folder):
        self.x, self.y, self.epsilon = x, y, epsilon
        self.a, self.b = np.full(len(x), 1 / len(x)), np.full(len(y), 1 / len(y))

    def __call__(self, tolerance):
        start = time.perf_counter()
        plan, iterations = self.solve(costs(self.x, self.y), tolerance)
        return time.perf_counter() - start, plan, iterations


class Pot(Dense):
    name = "POT"

    def solve(self, c, tolerance):
        import ot

        for method in ("sinkhorn", "sinkhorn_log"):
            plan, log = ot.sinkhorn(
                self.a, self.b, c, self.epsilon, method=method, numItermax=20000,
                stopThr=tolerance / len(self.a) ** 0.5, log=True,
            )  # fmt: skip
            if np.isfinite(plan).all() and plan.sum() > 0.5:
                return plan, log["niter"]
        return plan, log["niter"]


class Regot(Dense):
    name = "regot"

    def solve(self, c, tolerance):
        import regot

        result = regot.sinkhorn_splr(
            c, self.a, self.b, self.epsilon, tol=tolerance / len(self.a) ** 0.5, max_iter=2000
        )
        return result.plan, result.niter


class Mdot(Dense):
    name = "mdot-tnt"

    def solve(self, c, tolerance):
        import mdot_tnt
        import torch

        tensors = [torch.from_numpy(v) for v in (self.a, self.b, c)]
        plan = mdot_tnt.solve_OT(
            *tensors, gamma_f=1 / self.epsilon, drop_tiny=False, round=False, return_plan=True
        )
        return np.asarray(plan), 0


SIDES = [Haul, Pot, Regot, Mdot]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--goal", type=float, default=1e-3, help="L1 error [1e-3]")
    parser.add_argument("--rounds", type=int, default=3, help="rounds A B A B [3]")
    parser.add_argument("--only", default="", help="sides, such as haul,POT [all]")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    sides = [side for side in SIDES if not args.only or side.name in args.only.split(",")]
    versions = {"POT": "POT", "regot": "regot", "mdot-tnt": "mdot-tnt"}
    told = [f"{n} {importlib.metadata.version(p)}" for n, p in versions.items() if any(s.name == n for s in sides)]
    print(f"{platform.machine()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; {', '.join(told)}\n")
    head = ["problem", "n", "d", "ε / mean cost"]
    for side in sides:
        head += [f"{side.name}, s", "steps"]
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for name, make, n, d, share in PROBLEMS:
        x, y = make(n, d)
        epsilon = share * costs(x, y).mean()
        with tempfile.TemporaryDirectory() as folder:
            prepared = [side(x, y, epsilon, folder) for side in sides]
            cells = [name, str(n), str(d), f"{share:g}"]
            seconds, steps, tolerances = {}, {}, {}
            for _ in range(args.rounds):
                for side in prepared:
                    tolerance = tolerances.get(side.name, args.goal)
                    while tolerance is not None and tolerance >= 1e-9:
                        try:
                            took, plan, count = side(tolerance)
                            arrived = l1(plan, n, n) <= args.goal
                        except Exception:
                            arrived = False
                        if arrived:
                            break
                        tolerance = tolerance / 3 if side.name != "mdot-tnt" else None
                    else:
                        tolerance = None
                    tolerances[side.name] = tolerance
                    if tolerance is not None:
                        seconds.setdefault(side.name, []).append(took)
                        steps[side.name] = count
            for side in sides:
                of = seconds.get(side.name)
                cells += [f"{statistics.median(of):.3f}", str(steps[side.name])] if of else ["none", ""]
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
