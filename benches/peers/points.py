"""Barycenters on free supports and k-means, by haul and its peers, alternately in one run, as one markdown table.

Barycenters: three clouds of n points, each an ellipsoid of its own, and a start of n points, all with equal weights; the cost
|x - y|^2, eps = blur^2. All minimise the mean of OT_eps(b, b_s) in the points of b. The gap of a result is J(b) - J*, in units of
eps, where J is computed by haul in f64 for every result alike, and J* is the least J that any of them found. haul stops by its
default rule, in f32, and its seconds include the certificate. Of a peer that number of steps counts which first has J at most
that of haul; it doubles from row to row, within the patience.

k-means: uniform points, the same start for both, and as many steps of Lloyd's algorithm; the objective is the inertia.
Rounds alternate; medians.
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
HEAD = ["problem", "method", "steps", "seconds", "objective", "gap / eps", "slower than haul"]


def main():
    args = arguments()
    warnings.simplefilter("ignore")
    print(machine(args))
    print("\n".join("| " + " | ".join(row) + " |" for row in [HEAD, ["---"] * len(HEAD)]), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for d in [2, 3]:
            for row in barycenters(args, folder, d):
                print("| " + " | ".join(row) + " |", flush=True)
        for row in lloyd(args, folder):
            print("| " + " | ".join(row) + " |", flush=True)
    print(f"\nLoad average {os.getloadavg()[0]:.1f} after.")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=2000, help="points of a barycenter and of its inputs [2000]")
    parser.add_argument("--blur", type=float, default=0.1, help="blur of barycenters [0.1]")
    parser.add_argument("--cloud", type=int, default=100_000, help="points for k-means [100000]")
    parser.add_argument("-k", type=int, default=1000, help="centres of k-means [1000]")
    parser.add_argument("--steps", type=int, default=20, help="steps of k-means [20]")
    parser.add_argument("--rounds", type=int, default=3, help="rounds A B A B [3]")
    parser.add_argument("--patience", type=float, default=120, help="seconds for one run of a peer [120]")
    parser.add_argument("--built", help="the bench of haul as it was built, in place of cargo bench")
    parser.add_argument("--no-ott", action="store_true", help="without OTT-JAX")
    return parser.parse_args()


def haul(args, folder, task, words, numbers, result=None):
    """One run of haul: its line of JSON, and the points it wrote."""
    source, target = pathlib.Path(folder, "numbers.f64"), pathlib.Path(folder, "result.f64")
    np.concatenate([part.ravel() for part in numbers]).astype("<f8").tofile(source)
    if result is not None:
        np.asarray(result, dtype="<f8").ravel().tofile(target)
    command = [args.built] if args.built else "cargo bench --quiet -p haul-benches --bench points --".split()
    words = [task, *words, source, target]
    done = subprocess.run([*command, *map(str, words)], stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    return json.loads(done.stdout), np.fromfile(target)


def barycenters(args, folder, d):
    n, epsilon = args.points, args.blur**2
    random = np.random.default_rng(d)
    inputs = []
    for s in range(3):
        balls = random.normal(size=(n, d))
        balls *= (random.uniform(0, 1, n) ** (1 / d) / np.linalg.norm(balls, axis=1))[:, None]
        stretch = np.full(d, 0.4)
        stretch[s % d] = 1.0
        inputs.append(balls * stretch + random.uniform(-0.3, 0.3, d))
    start = random.uniform(-0.5, 0.5, (n, d))
    words = [d, n, len(inputs), epsilon]
    numbers = [start, *inputs]

    def objective(points):
        if not np.isfinite(points).all():
            return float("inf")
        return haul(args, folder, "objective", words, numbers, points)[0]["objective"]

    report, points = haul(args, folder, "barycenter", words, numbers)
    found = {"haul f32": (report["steps"], objective(points))}
    goal = found["haul f32"][1] + 1e-6 * epsilon
    peers = {"POT sinkhorn": pot(start, inputs, epsilon), "POT sinkhorn_log": pot(start, inputs, epsilon, "sinkhorn_log")}
    if not args.no_ott:
        peers["OTT"] = ott(start, inputs, epsilon)
    for name, solve in peers.items():
        steps = 4
        while True:
            solve(steps)
            begin = time.perf_counter()
            points = solve(steps)
            seconds = time.perf_counter() - begin
            found[name] = (steps, objective(points))
            if found[name][1] <= goal or 2 * seconds > args.patience or not np.isfinite(found[name][1]):
                break
            steps *= 2
    best = min(value for _, value in found.values())
    times = {name: [] for name in found}
    for _ in range(args.rounds):
        times["haul f32"].append(haul(args, folder, "barycenter", words, numbers)[0]["seconds"])
        for name, solve in peers.items():
            begin = time.perf_counter()
            solve(found[name][0])
            times[name].append(time.perf_counter() - begin)
    yield from table(f"barycenter, {n} points, d = {d}", found, times, best, epsilon, goal)


def table(problem, found, times, best, epsilon, goal):
    ours = statistics.median(times["haul f32"])
    for name, (steps, value) in found.items():
        seconds = statistics.median(times[name])
        there = "" if value <= goal else ", not there"
        gap = "" if epsilon is None else f"{(value - best) / epsilon:.1e}"
        yield [problem, name, f"{steps}{there}", f"{seconds:.3g}", f"{value:.8g}", gap, f"{seconds / ours:.1f}×"]


def pot(start, inputs, epsilon, method="sinkhorn"):
    import ot

    n = len(start)
    weights = [np.full(n, 1 / n)] * len(inputs)

    def solve(steps):
        return ot.bregman.free_support_sinkhorn_barycenter(
            inputs, weights, start, epsilon, numItermax=steps, stopThr=0, numInnerItermax=200, method=method, warn=False
        )

    return solve


def ott(start, inputs, epsilon):
    import jax
    import jax.numpy as jnp
    from ott.problems.linear import barycenter_problem
    from ott.solvers.linear import continuous_barycenter, sinkhorn

    y = jnp.stack([jnp.asarray(points) for points in inputs])
    b = jnp.full(y.shape[:2], 1 / y.shape[1])
    compiled = {}

    def solve(steps):
        if steps not in compiled:
            inner = sinkhorn.Sinkhorn(threshold=1e-3)
            solver = continuous_barycenter.FreeWassersteinBarycenter(
                linear_solver=inner, threshold=0, min_iterations=steps, max_iterations=steps
            )

            def run(y, b, x):
                problem = barycenter_problem.FreeBarycenterProblem(y, b, epsilon=epsilon)
                return solver(problem, bar_size=len(start), x_init=x).x

            compiled[steps] = jax.jit(run)
        return np.asarray(compiled[steps](y, b, jnp.asarray(start)).block_until_ready())

    return solve


def lloyd(args, folder):
    from sklearn.cluster import KMeans

    random = np.random.default_rng(7)
    points = random.uniform(0, 1, (args.cloud, 3))
    start = points[random.choice(args.cloud, args.k, replace=False)].copy()
    words = [3, args.cloud, args.k, args.steps]
    single = points.astype(np.float32)

    def peer(data):
        model = KMeans(args.k, init=start.astype(data.dtype), n_init=1, algorithm="lloyd", max_iter=args.steps, tol=0)
        return model.fit(data)

    def inertia(centres):
        from scipy.spatial import cKDTree

        return float(np.mean(cKDTree(centres).query(points)[0] ** 2))

    found, times = {}, {"haul f32": [], "scikit-learn f32": [], "scikit-learn f64": []}
    for _ in range(args.rounds):
        report, centres = haul(args, folder, "lloyd", words, [points, start])
        found["haul f32"] = (report["steps"], inertia(centres.reshape(-1, 3)))
        times["haul f32"].append(report["seconds"])
        for name, data in [("scikit-learn f32", single), ("scikit-learn f64", points)]:
            begin = time.perf_counter()
            model = peer(data)
            times[name].append(time.perf_counter() - begin)
            found[name] = (model.n_iter_, inertia(model.cluster_centers_.astype(float)))
    best = min(value for _, value in found.values())
    yield from table(f"k-means, {args.cloud} points, d = 3, k = {args.k}", found, times, best, None, float("inf"))


def machine(args):
    model = platform.processor() or platform.machine()
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(": ", 1)[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    names = ["numpy", "pot", "scikit-learn"] + ([] if args.no_ott else ["ott-jax", "jax"])
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}; {versions}. "
        f"Load average {os.getloadavg()[0]:.1f} before; medians of {args.rounds} rounds.\n"
    )


if __name__ == "__main__":
    main()
