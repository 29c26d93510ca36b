"""Runs tests of peers against haul's functions of the same names, and prints a markdown table of the outcomes.

A folder for the run alone holds a package `geomloss`, whose `SamplesLoss` and `ot` are haul's and whose other modules
are those of the checkout, and a plugin of pytest that puts haul's `solve`, `solve_sample`, `sinkhorn2`, `emd` and
`emd2` in the place of POT's.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

GEOMLOSS = '''
# POT calls the SamplesLoss of versions before 0.3.1.
__version__ = "0.3.0"
__path__.append({source!r})
from haul.torch import SamplesLoss
'''

#: GeomLoss's `ot`: values without the terms of masses, potentials with <a, f> = <b, g>.
GEOMLOSS_OT = '''
import numpy as np
import haul.ot
from geomloss import _backends as bk

class Result:
    def __init__(self, solved, a, b, reg, balanced, like):
        mass = a.sum()
        self.plan, self.marginal_a, self.marginal_b = (
            like(of) for of in (solved.plan, solved.marginals[0], solved.marginals[1]))
        f, g = (potential for potential in (solved._solved.f, solved._solved.g))
        if balanced:
            shift = (a @ f - b @ g) / (2 * mass)
            f, g = f - shift, g + shift
            value = solved.value - reg * (mass * mass - mass)
        else:
            value = solved.value
        self.potential_a, self.potential_b = like(f), like(g)
        self.value, self.value_linear = like(np.asarray(value)), like(np.asarray(solved.value_linear))
        self.a_to_b = self.b_to_a = None

FIELDS = ("value", "value_linear", "plan", "marginal_a", "marginal_b", "potential_a", "potential_b")

def one(solver, *data, a, b, reg, unbalanced, max_iter=None, method=None, cost=None, **_):
    first = data[0]
    arrays = [np.asarray(of) if isinstance(of, np.ndarray) else of.cpu().numpy() for of in data]
    a, b = (np.full(n, 1 / n) if w is None else np.asarray(w, float)
            for w, n in zip((a, b), (arrays[0].shape[0], arrays[-1].shape[0 if cost else 1])))
    like = (lambda of: np.asarray(of, first.dtype)) if isinstance(first, np.ndarray) else (
        lambda of: first.new_tensor(np.asarray(of)))
    options = {} if cost is None else {"metric": cost}
    solved = solver(*arrays, a, b, reg=reg, unbalanced=unbalanced, tol=1e-7, **options)
    return Result(solved, a, b, reg, unbalanced is None, like)

def many(solver, *data, a, b, **options):
    results = []
    for k in range(len(data[0])):
        pick = lambda of: None if of is None else of[k]
        results.append(one(solver, *(of[k] for of in data), a=pick(a), b=pick(b), **options))
    stacked = Result.__new__(Result)
    for field in FIELDS:
        parts = [getattr(result, field) for result in results]
        stack = np.stack if isinstance(parts[0], np.ndarray) else __import__("torch").stack
        setattr(stacked, field, stack(parts))
    stacked.a_to_b = stacked.b_to_a = None
    return stacked

def solve(C, **options): return one(haul.ot.solve, C, **options)
def solve_batch(C, **options): return many(haul.ot.solve, C, **options)
def solve_sample(x, y, cost="sqeuclidean", **options): return one(haul.ot.solve_sample, x, y, cost=cost, **options)
def solve_sample_batch(x, y, cost="sqeuclidean", **options):
    return many(haul.ot.solve_sample, x, y, cost=cost, **options)
'''

PLUGIN = '''
import ot
import haul.ot

for name in ("solve", "solve_sample", "sinkhorn2", "emd", "emd2"):
    setattr(ot, name, getattr(haul.ot, name))
# The tests look at an attribute that is not public.
haul.ot.OTResult._backend = property(lambda result: ot.backend.get_backend(result.potential_a))
'''


def main():
    pot, geomloss = (pathlib.Path(folder).resolve() for folder in sys.argv[1:3])
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "geomloss").mkdir()
        (folder / "geomloss" / "__init__.py").write_text(GEOMLOSS.format(source=str(geomloss / "src" / "geomloss")))
        (folder / "geomloss" / "ot.py").write_text(GEOMLOSS_OT)
        (folder / "haul_for_pot.py").write_text(PLUGIN)
        runs = [
            ("POT", pot, ["test/test_bregman.py", "-k", "geomloss_solver"], []),
            ("POT", pot, ["test/test_ot.py", "-k", "emd or dual_variables or warnings or gluing"], ["-p", "haul_for_pot"]),
            ("POT", pot, ["test/test_solvers.py", "-k", "test_solve and not gromov"],
             ["-p", "haul_for_pot"]),
            ("GeomLoss", geomloss, ["tests"], []),
        ]
        print("| suite | test | outcome | why |\n|---|---|---|---|")
        for name, at, tests, plugins in runs:
            report = folder / "report.xml"
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *plugins, *tests]
            environment = {
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]),
                **{f"POT_BACKEND_DISABLE_{of}": "1" for of in ("JAX", "CUPY", "TENSORFLOW")},
            }
            subprocess.run(command, cwd=at, env=environment, stdout=sys.stderr, check=False)
            for case in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
                outcome, why = "passed", ""
                for child in case:
                    if child.tag in ("failure", "error", "skipped"):
                        outcome = {"failure": "failed", "error": "failed"}.get(child.tag, child.tag)
                        why = (child.get("message") or "").strip().splitlines()[0][:110].replace("|", "\\|")
                print(f"| {name} | {case.get('name')} | {outcome} | {why} |", flush=True)


if __name__ == "__main__":
    main()
