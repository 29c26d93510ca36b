"""Gromov-Wasserstein by haul, by POT's entropic_gromov_wasserstein and by OTT, one after another in one run, as one markdown table.

Two samples of a helix that widens, one of them turned, with equal weights, squared distances, and one epsilon, 0.01 of the
objective of the product plan. haul runs from the product plan, as POT does, and again with its several starts; by coordinates, without a
matrix, and with the matrices stored. Each run is a process of its own, whose largest resident memory counts. POT has a tolerance on
the plan of 1e-9 by default; here it has --tol. OTT's epsilon is half of ours; it computes in f64 on point clouds, which it writes as
low-rank matrices, and its second call is timed, which compiles nothing. Seconds of haul are those of its report, of the others those of the
call, with the matrices at hand. Where marginals are off, the objective is not one of a coupling, and may be lower than any.
"""

import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEAD = ["points", "method", "objective", "energy", "marginals off by", "steps", "seconds", "MB"]


def main():
    args = arguments()
    if args.peer:
        name, folder, epsilon = args.peer
        return {"pot": pot, "ott": ott}[name](folder, float(epsilon), args)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}\n")
    print("\n".join("| " + " | ".join(row) + " |" for row in [HEAD, ["---"] * len(HEAD)]), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for n in args.points + args.large:
            clouds(folder, n)
            haul = lambda *more: by_haul(args, folder, *more)
            first = haul("--start", "product")
            line(n, "haul, product plan", first)
            if n in args.large:
                continue
            line(n, "haul, best start", haul())
            if n <= 5000:
                write_matrices(folder)
                line(n, "haul, stored matrices", haul("--start", "product", "--metric", "given", "--epsilon", str(first["epsilon"])))
            line(n, "POT", by_peer(args, sys.executable, "pot", folder, first["epsilon"]))
            if args.ott:
                line(n, "OTT", by_peer(args, args.ott, "ott", folder, first["epsilon"]))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, nargs="*", default=[1000, 4000], help="points of each side [1000 4000]")
    parser.add_argument("--large", type=int, nargs="*", default=[20_000], help="points for haul alone [20000]")
    parser.add_argument("--tol", type=float, default=1e-5, help="the tolerance of POT on the plan [1e-5]")
    parser.add_argument("--steps", type=int, default=1000, help="the most steps of POT [1000]")
    parser.add_argument("--haul", help="the program of haul as it was built, in place of cargo run")
    parser.add_argument("--ott", metavar="PYTHON", help="a Python that has ott-jax and numpy, to run OTT as well")
    parser.add_argument("--peer", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


def clouds(folder, n):
    """Two samples of one shape; the second one is turned."""
    for seed, name in enumerate("ab"):
        random = np.random.default_rng(seed)
        t = random.uniform(0, 1, n)
        angle = 9 * t
        points = np.column_stack([(0.2 + t) * np.cos(angle), (0.2 + t) * np.sin(angle), 2 * t])
        points += 0.02 * random.normal(size=points.shape)
        if name == "b":
            turn, _ = np.linalg.qr(np.random.default_rng(9).normal(size=(3, 3)))
            points = points @ turn.T + 1
        np.save(pathlib.Path(folder, f"{name}.npy"), points)


def squares(points):
    lengths = (points**2).sum(1)
    matrix = np.maximum(lengths[:, None] + lengths - 2 * points @ points.T, 0)
    np.fill_diagonal(matrix, 0)
    return (matrix + matrix.T) / 2


def write_matrices(folder):
    for name in "ab":
        np.save(pathlib.Path(folder, f"{name}_d.npy"), squares(np.load(pathlib.Path(folder, f"{name}.npy"))))


def measured(command):
    """What a process printed, and its largest memory in MB."""
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out = process.stdout.read()
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 3) or not out:
        sys.exit(f"{command}: {error}")
    result = json.loads(out)
    result["mb"] = usage.ru_maxrss / 1024
    return result


def by_haul(args, folder, *more):
    program = [args.haul] if args.haul else ["cargo", "run", "--release", "--quiet", "--"]
    given = "given" in more
    files = [pathlib.Path(folder, name + ("_d.npy" if given else ".npy")) for name in "ab"]
    return measured([*program, "gromov", *files, "--device", "cpu", "--json", "--quiet", *more])


def by_peer(args, python, name, folder, epsilon):
    options = ["--tol", args.tol, "--steps", args.steps]
    return measured([python, __file__, *options, "--peer", name, folder, repr(epsilon)])


def pot(folder, epsilon, args):
    import warnings

    import ot

    warnings.simplefilter("ignore")
    c1, c2 = (squares(np.load(pathlib.Path(folder, f"{name}.npy"))) for name in "ab")
    p, q = np.full(len(c1), 1 / len(c1)), np.full(len(c2), 1 / len(c2))
    begin = time.perf_counter()
    plan, log = ot.gromov.entropic_gromov_wasserstein(
        c1, c2, p, q, "square_loss", epsilon=epsilon, solver="PGD", max_iter=args.steps, tol=args.tol, log=True
    )
    seconds = time.perf_counter() - begin
    # The error is looked at in each tenth step.
    tell(folder, plan, epsilon, 10 * len(log["err"]), seconds)


def ott(folder, epsilon, args):
    import jax

    jax.config.update("jax_enable_x64", True)
    from ott.geometry import pointcloud
    from ott.problems.quadratic import quadratic_problem
    from ott.solvers.linear import sinkhorn
    from ott.solvers.quadratic import gromov_wasserstein

    solver = gromov_wasserstein.GromovWasserstein(
        sinkhorn.Sinkhorn(threshold=args.tol, max_iterations=10_000),
        epsilon=epsilon / 2,
        warm_start=True,
        threshold=args.tol,
        max_iterations=args.steps,
    )
    solve = jax.jit(lambda x, y: (out := solver(problem(x, y)), out.matrix))
    problem = lambda x, y: quadratic_problem.QuadraticProblem(pointcloud.PointCloud(x), pointcloud.PointCloud(y))
    x, y = (jax.numpy.asarray(np.load(pathlib.Path(folder, f"{name}.npy"))) for name in "ab")
    for _ in range(2):
        begin = time.perf_counter()
        out, plan = jax.block_until_ready(solve(x, y))
        seconds = time.perf_counter() - begin
    tell(folder, np.asarray(plan), epsilon, int((np.asarray(out.costs) != -1).sum()), seconds)


def tell(folder, plan, epsilon, steps, seconds):
    """The objective of a plan, by its definition."""
    c1, c2 = (squares(np.load(pathlib.Path(folder, f"{name}.npy"))) for name in "ab")
    rows, columns = plan.sum(1), plan.sum(0)
    energy = rows @ c1**2 @ rows + columns @ c2**2 @ columns - 2 * np.sum((c1 @ plan @ c2) * plan)
    positive = plan > 0
    kl = np.sum(plan[positive] * np.log(plan[positive] * len(c1) * len(c2)))
    off = np.abs(rows - 1 / len(c1)).sum() + np.abs(columns - 1 / len(c2)).sum()
    result = {"objective": energy + epsilon * kl, "distortion": energy, "marginal_error": off, "steps": steps, "seconds": seconds}
    print(json.dumps(result))


def line(n, method, result):
    row = [f"{n}", method, f"{result['objective']:.6g}", f"{result['distortion']:.6g}", f"{result['marginal_error']:.0e}", f"{result['steps']}"]
    row += [f"{result['seconds']:.3g}", f"{result['mb']:.0f}"]
    print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
