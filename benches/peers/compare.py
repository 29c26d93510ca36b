"""haul and its peers on one machine, alternately in one run, as one markdown table.

Two kinds of work:

* a softmin pass, log sum_j exp(h_j - |x_i - y_j|^2 / eps) over n x n pairs, against the logsumexp
  of KeOps' LazyTensor, on uniform clouds in [-1, 1]^d with eps = (0.05 x diagonal)^2;
* a solve of OT_eps between two clouds in the unit cube, against GeomLoss' `online` backend at its
  default scaling of 0.5, without debiasing, and against OTT-JAX and POT for as long as they are
  given time.

Conventions. haul's cost is |x - y|^2 and its eps is in units of that; GeomLoss' is |x - y|^2 / 2
with eps = blur^2. The same problem is haul's at eps = 2 blur^2, and its value twice GeomLoss'.
OTT-JAX and POT have haul's cost and eps.

Times are what each side takes with the data in memory: `seconds` of haul's --json, and the call in
Python after one that compiles and warms up. Medians, and ratios of medians. Errors are against
float64: of a pass, the largest deviation of the log-sum-exp over some rows from NumPy; of a solve,
the relative deviation from haul in f64 at a tolerance of 1e-7, whose certified gap is printed.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np


def main():
    args = arguments()
    # KeOps reports on standard output, which is the table's: what others print goes to stderr.
    table = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if args.one:
        print(json.dumps(one_solve(args)), file=table)
        return
    start_load = os.getloadavg()[0]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if not args.skip_passes:
            for d in args.dimensions:
                rows += passes(args, folder, d)
        notes = []
        if not args.skip_solve:
            solved, notes = solves(args, folder)
            rows += solved
    head = ["work", "haul", "peer", "ratio", "error of haul", "error of peer"]
    lines = ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]]
    print("\n".join([machine(args, start_load), *lines, "", *notes]), file=table)


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--haul", required=True, help="the program, built for release")
    parser.add_argument("--a", help="the first cloud, .ply or .npy [a torus by haul sample]")
    parser.add_argument("--b", help="the second cloud [Gaussians by haul sample]")
    parser.add_argument("--points-a", type=int, help="resample the first cloud to so many points")
    parser.add_argument("--points-b", type=int, help="resample the second one")
    parser.add_argument("--blur", type=float, default=0.05, help="GeomLoss' blur [0.05]")
    parser.add_argument("--tolerance", type=float, default=1e-3, help="L1 error of haul [1e-3]")
    parser.add_argument("--n", type=int, default=16384, help="points of a softmin pass [16384]")
    parser.add_argument("--dimensions", type=int, nargs="+", default=[3, 16, 64])
    parser.add_argument("--adapter", action="append", default=[], help="an adapter beside the CPU")
    parser.add_argument("--rounds", type=int, default=5, help="rounds A B A B [5]")
    parser.add_argument("--slow", nargs="*", default=["ott", "pot"], help="solved once each")
    parser.add_argument("--patience", type=float, default=300, help="seconds for each of those")
    parser.add_argument("--skip-passes", action="store_true")
    parser.add_argument("--skip-solve", action="store_true")
    parser.add_argument("--one", nargs=3, metavar=("PEER", "A", "B"), help=argparse.SUPPRESS)
    return parser.parse_args()


def haul(args, *words):
    """Runs the program; its status 3, not converged, is told by its result."""
    done = subprocess.run(
        [args.haul, *map(str, words)], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode not in (0, 3):
        sys.exit(f"haul {' '.join(map(str, words))}: status {done.returncode}")
    return json.loads(done.stdout) if done.stdout else None


def timed(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


# Rows of a pass whose errors are looked at.
SAMPLE = 256


# A softmin pass ---------------------------------------------------------------------------------


def passes(args, folder, d):
    import torch
    from pykeops.torch import LazyTensor

    random = np.random.default_rng(d)
    x, y = (random.uniform(-1, 1, (args.n, d)) for _ in "xy")
    epsilon = (0.05 * 2 * d**0.5) ** 2
    h = -(y**2).sum(1) / epsilon / 8  # as varied as a potential
    # In units of sqrt(eps): KeOps has nothing to divide pair by pair.
    scaled = [v.astype(np.float32) for v in (x / epsilon**0.5, y / epsilon**0.5, h)]
    x_i = LazyTensor(torch.from_numpy(scaled[0])[:, None, :])
    y_j = LazyTensor(torch.from_numpy(scaled[1])[None, :, :])
    h_j = LazyTensor(torch.from_numpy(scaled[2])[None, :, None])

    def keops():
        return (h_j - x_i.sqdist(y_j)).logsumexp(dim=1)

    exact = log_sums(*(v.astype(np.float64) for v in (scaled[0][:SAMPLE], *scaled[1:])), 1)
    error = np.abs(keops().numpy()[:SAMPLE, 0] - exact).max()
    devices = ["cpu", *args.adapter]
    ours = {device: [] for device in devices}
    floors, theirs = [], []
    for _ in range(args.rounds):
        for device in devices:
            size = ["--n", args.n, "--d", d, "--runs", 3]
            result = haul(args, "bench", "softmin", *size, "--device", device, "--json")
            ours[device].append(result["pairs_per_second"])
            if "floor_pairs_per_second" in result:
                floors.append(result["floor_pairs_per_second"])
        theirs.append(args.n**2 / timed(keops)[0])
    peer = statistics.median(theirs)
    rows = []
    for device in devices:
        rate = statistics.median(ours[device])
        share = ""
        if device == "cpu" and floors:
            share = f", {100 * rate / statistics.median(floors):.0f}% of the floor"
        rows.append(
            [
                f"softmin, d = {d}, n = {args.n}, {device}",
                f"{rate / 1e6:.0f} Mpairs/s{share}",
                f"KeOps {peer / 1e6:.0f} Mpairs/s",
                f"{rate / peer:.1f}×",
                f"{error_of_pass(args, folder, device, x, y, epsilon):.0e}",
                f"{error:.0e}",
            ]
        )
    return rows


def log_sums(x, y, h, epsilon):
    """log sum_j exp(h_j - |x_i - y_j|^2 / eps) in float64, by differences."""
    result = np.empty(len(x))
    for i, point in enumerate(x):
        exponents = h - ((point - y) ** 2).sum(1) / epsilon
        largest = exponents.max()
        result[i] = largest + np.log(np.exp(exponents - largest).sum())
    return result


def error_of_pass(args, folder, device, x, y, epsilon):
    """How far haul's last softmin is from float64: of the potentials of a solve one is the softmin
    of the other, and its deviation, in units of eps, is that of the log-sum-exp."""
    files = [folder / "x.npy", folder / "y.npy"]
    for file, points in zip(files, (x, y)):
        np.save(file, points.astype(np.float32))
    x, y = (np.load(file).astype(np.float64) for file in files)
    potentials = folder / "potentials.npz"
    settings = ["--epsilon", epsilon, "--device", device, "--max-iterations", 3]
    haul(args, "sinkhorn", *files, *settings, "--potentials", potentials, "--json", "--quiet")
    with np.load(potentials) as arrays:
        f, g = arrays["f"], arrays["g"]
    errors = []
    for own, other, points, against in ((f, g, x, y), (g, f, y, x)):
        h = other / epsilon - np.log(len(against))
        errors.append(np.abs(own[:SAMPLE] / epsilon + log_sums(points[:SAMPLE], against, h, epsilon)).max())
    return min(errors)


# A solve ----------------------------------------------------------------------------------------


def solves(args, folder):
    files = [folder / "a.npy", folder / "b.npy"]
    given = [(args.a, args.points_a, "torus"), (args.b, args.points_b, "gaussians")]
    names = []
    for file, (source, points, shape) in zip(files, given):
        if source is None:
            haul(args, "sample", shape, "--n", points or 20000, "-o", file)
            cloud, points = np.load(file).astype(np.float64), None
        else:
            cloud = load(source)
        cloud = unit_cube(resampled(cloud, points))
        names.append(f"{pathlib.Path(source).stem if source else shape} ({len(cloud)})")
        np.save(file, cloud.astype(np.float32))
    epsilon = 2 * args.blur**2
    problem = ["sinkhorn", *files, "--epsilon", epsilon, "--device", "cpu", "--json", "--quiet"]

    exact = haul(args, *problem, "--precision", "f64", "--tolerance", 1e-7)
    certificate = exact["certificate"]
    clouds = [np.load(file) for file in files]
    geomloss = geomloss_solver(args)
    geomloss(*(cloud[:500] for cloud in clouds))  # compiles
    ours, theirs = [], []
    for _ in range(args.rounds):
        ours.append(haul(args, *problem, "--tolerance", args.tolerance))
        theirs.append(timed(lambda: geomloss(*clouds)))

    seconds = statistics.median(result["seconds"] for result in ours)
    result = ours[-1]
    error = lambda value: abs(value / exact["value"] - 1)  # noqa: E731
    marginal = max(result["certificate"][f"marginal_error_{side}"] for side in "ab")
    state = "" if result["converged"] else "NOT converged, "
    work = f"OT_ε, {' → '.join(names)}, ε = {epsilon:g}"
    mine = f"{seconds:.2f} s, {result['iterations']} iterations, {state}L1 {marginal:.0e}"

    def row(peer, took, value):
        ratio = f"{took / seconds:.1f}×"
        return [work, mine, f"{peer} {took:.1f} s", ratio, f"{error(result['value']):.0e}", value]

    median = statistics.median(took for took, _ in theirs)
    rows = [row("GeomLoss online, scaling .5", median, f"{error(2 * theirs[-1][1]):.0e}")]
    for peer in args.slow:
        command = [sys.executable, __file__, *sys.argv[1:], "--one", peer, *map(str, files)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=True, timeout=args.patience
            )
            took, value = json.loads(done.stdout.splitlines()[-1])
            rows.append(row(peer, took, f"{error(value):.0e}" if value else "no value"))
        except subprocess.TimeoutExpired:
            bound = f"> {args.patience / seconds:.0f}×"
            gave_up = f"{peer} gave no result in {args.patience:.0f} s"
            rows.append([work, mine, gave_up, bound, f"{error(result['value']):.0e}", "–"])
        except subprocess.CalledProcessError as failure:
            print(failure.stderr, file=sys.stderr)
            cause = (failure.stderr.strip().splitlines() or ["no message"])[-1]
            failed = f"{peer} failed: {cause[:80]}"
            rows.append([work, mine, failed, "–", f"{error(result['value']):.0e}", "–"])
    note = (
        f"Converged value: {exact['value']:.9f}, haul f64, certified gap {certificate['gap']:.0e}, "
        f"marginals within {certificate['marginal_error_a']:.0e} and "
        f"{certificate['marginal_error_b']:.0e}."
    )
    return rows, [note]


def geomloss_solver(args):
    import torch
    from geomloss import SamplesLoss

    loss = SamplesLoss("sinkhorn", p=2, blur=args.blur, debias=False, backend="online")

    def solve(a, b):
        with torch.no_grad():
            return loss(torch.from_numpy(a), torch.from_numpy(b)).item()

    return solve


def one_solve(args):
    """A solve of a slow peer, in a process of its own that can be given up: seconds and value."""
    peer, *files = args.one
    # A peer that wants more memory than there is shall fail, and not bring down its neighbours.
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (free * 9 // 10, free * 9 // 10))
    a, b = (np.load(file) for file in files)
    epsilon = 2 * args.blur**2
    solver = {"ott": ott_solve, "pot": pot_solve}[peer]
    solver(a[:500], b[:500], epsilon, args.tolerance)  # compiles what it can
    took, value = timed(lambda: solver(a, b, epsilon, args.tolerance))
    return took, value if np.isfinite(value) else None


def ott_solve(a, b, epsilon, tolerance):
    import jax
    from ott.geometry import pointcloud
    from ott.solvers import linear

    @jax.jit
    def solve(a, b):
        geometry = pointcloud.PointCloud(a, b, epsilon=epsilon, batch_size=1024)
        return linear.solve(geometry, threshold=tolerance, max_iterations=10000).reg_ot_cost

    return float(solve(a, b))


def pot_solve(a, b, epsilon, tolerance):
    import ot

    a, b = (cloud.astype(np.float64) for cloud in (a, b))
    weights = [np.full(len(cloud), 1 / len(cloud)) for cloud in (a, b)]
    cost = ot.dist(a, b)
    # Its error is the L2 norm of one marginal, at most √m of which is the L1 norm.
    settings = {"stopThr": tolerance / len(b) ** 0.5, "numItermax": 10000}
    plan = ot.sinkhorn(*weights, cost, epsilon, **settings)
    transport = np.vdot(plan, cost)
    uniform = plan * (len(a) * len(b))
    del cost
    np.log(uniform, out=uniform, where=uniform > 0)
    return float(transport + epsilon * np.vdot(plan, uniform))


# Clouds -----------------------------------------------------------------------------------------


def load(path):
    """The points of a .npy, or x y z of a .ply whose vertices have no lists."""
    if path.endswith(".npy"):
        return np.load(path).astype(np.float64)
    with open(path, "rb") as file:
        header = []
        while not header or header[-1] != ["end_header"]:
            line = file.readline()
            if not line:
                sys.exit(f"{path}: no .ply header")
            header.append(line.decode("ascii", "replace").split())
        form = next(words[1] for words in header if words[0] == "format")
        start = next(i for i, words in enumerate(header) if words[:2] == ["element", "vertex"])
        count = int(header[start][2])
        order = ">" if form == "binary_big_endian" else "<"
        kinds = {"float": "f4", "float32": "f4", "double": "f8", "float64": "f8", "uchar": "u1"}
        kinds |= {"uint8": "u1", "char": "i1", "int8": "i1", "short": "i2", "int16": "i2"}
        kinds |= {"ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4"}
        kinds |= {"uint": "u4", "uint32": "u4"}
        fields = []
        for words in header[start + 1 :]:
            if words[0] != "property":
                break
            fields.append((words[2], order + kinds[words[1]]))
        if form == "ascii":
            names = [name for name, _ in fields]
            table = np.loadtxt(file, max_rows=count, ndmin=2)
            return table[:, [names.index(axis) for axis in "xyz"]]
        table = np.frombuffer(file.read(count * np.dtype(fields).itemsize), dtype=fields)
        return np.stack([table[axis] for axis in "xyz"], axis=1).astype(np.float64)


def resampled(cloud, points):
    """A part of the cloud, or points between neighbours where there are more than it has."""
    if points is None or points == len(cloud):
        return cloud
    random = np.random.default_rng(0)
    if points < len(cloud):
        return cloud[random.choice(len(cloud), points, replace=False)]
    from scipy.spatial import cKDTree

    at = random.integers(len(cloud), size=points)
    _, near = cKDTree(cloud).query(cloud[at], k=7)
    to = near[np.arange(points), random.integers(1, 7, size=points)]
    return cloud[at] + random.random((points, 1)) * (cloud[to] - cloud[at])


def unit_cube(cloud):
    low = cloud.min(axis=0)
    return (cloud - low) / (cloud - low).max()


# The machine ------------------------------------------------------------------------------------


def machine(args, start_load):
    model = platform.processor() or platform.machine()
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(": ", 1)[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    packages = ["torch", "pykeops", "geomloss", "ott-jax", "jax", "POT", "numpy"]
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    own = subprocess.run([args.haul, "--version"], capture_output=True, text=True, check=True)
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()}, Python "
        f"{platform.python_version()}; {own.stdout.strip()}; {versions}. Load average "
        f"{start_load:.1f} before, {os.getloadavg()[0]:.1f} after; medians of {args.rounds} "
        f"rounds; all in f32 unless said, POT in f64.\n"
    )


if __name__ == "__main__":
    main()
