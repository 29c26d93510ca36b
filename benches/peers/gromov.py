"""Gromov-Wasserstein by haul and by POT's entropic_gromov_wasserstein, alternately in one run, as one markdown table.

Two samples of a helix that widens, one of them turned, with equal weights, squared distances, and one epsilon, 0.01 of the
objective of the product plan. haul runs from the product plan, as POT does, and again with its several starts; by coordinates, without a
matrix, and with the matrices stored. Each run is a process of its own, whose largest resident memory counts. POT has a tolerance on
the plan of 1e-9 by default; here it has --tol. Seconds of haul are those of its report, of POT those of the call, matrices at hand.
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
HEAD = ["points", "method", "objective", "energy", "steps", "seconds", "MB"]


def main():
    args = arguments()
    if args.peer:
        return peer(args.peer[0], float(args.peer[1]), args)
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
            line(n, "POT", by_pot(args, folder, first["epsilon"]))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, nargs="*", default=[1000, 4000], help="points of each side [1000 4000]")
    parser.add_argument("--large", type=int, nargs="*", default=[20_000], help="points for haul alone [20000]")
    parser.add_argument("--tol", type=float, default=1e-5, help="the tolerance of POT on the plan [1e-5]")
    parser.add_argument("--steps", type=int, default=1000, help="the most steps of POT [1000]")
    parser.add_argument("--haul", help="the program of haul as it was built, in place of cargo run")
    parser.add_argument("--peer", nargs=2, help=argparse.SUPPRESS)
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


def by_pot(args, folder, epsilon):
    options = ["--tol", args.tol, "--steps", args.steps]
    return measured([sys.executable, __file__, *options, "--peer", folder, repr(epsilon)])


def peer(folder, epsilon, args):
    import warnings

    import ot

    warnings.simplefilter("ignore")
    c1, c2 = (squares(np.load(pathlib.Path(folder, f"{name}.npy"))) for name in "ab")
    p, q = np.full(len(c1), 1 / len(c1)), np.full(len(c2), 1 / len(c2))
    begin = time.perf_counter()
    plan, log = ot.gromov.entropic_gromov_wasserstein(
        c1, c2, p, q, "square_loss", epsilon=epsilon, solver="PGD", max_iter=args.steps, tol=args.tol, log=True, method="sinkhorn_log"
    )
    seconds = time.perf_counter() - begin
    rows, columns = plan.sum(1), plan.sum(0)
    energy = rows @ c1**2 @ rows + columns @ c2**2 @ columns - 2 * np.sum((c1 @ plan @ c2) * plan)
    positive = plan > 0
    kl = np.sum(plan[positive] * np.log((plan / np.outer(p, q))[positive]))
    steps = 10 * len(log["err"])  # the error is looked at in each tenth step
    result = {"objective": energy + epsilon * kl, "distortion": energy, "steps": steps, "seconds": seconds}
    print(json.dumps(result))


def line(n, method, result):
    row = [f"{n}", method, f"{result['objective']:.6g}", f"{result['distortion']:.6g}", f"{result['steps']}"]
    row += [f"{result['seconds']:.3g}", f"{result['mb']:.0f}"]
    print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
