"""Runs tests of peers against haul's functions of the same names, and prints a markdown table of the outcomes.

A folder for the run alone holds packages `geomloss` and `flash_sinkhorn`, whose `SamplesLoss` and `ot` are haul's and whose
other modules are those of the checkouts; plugins of pytest, one of which puts haul's `solve`, `solve_sample`, `sinkhorn2`, `emd`
and `emd2` in the place of POT's; and those tests of FlashSinkhorn that ask for its loss, with the CPU in the place of a GPU.
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


#: The examples of hypothesis may take long.
PATIENCE = '''
import hypothesis

hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")
'''

#: FlashSinkhorn's loss has the cost |x - y|^2, or half of it, and is not debiased by default. Settings of its kernels are ignored.
FLASH = '''
from haul.torch import SamplesLoss as Loss
__path__.append({source!r})

class SamplesLoss(Loss):
    def __init__(self, loss="sinkhorn", p=2, blur=0.05, scaling=0.5, debias=False, potentials=False, half_cost=False,
                 reach=None, reach_x=None, reach_y=None, eps=None, **_):
        self.half_cost, self.cost_scale = half_cost, 0.5 if half_cost else 1.0
        root = 1.0 if half_cost else 0.5**0.5
        sides = (reach_x, reach_y) if reach is None else (reach, reach)
        sides = tuple(None if side is None else root * side for side in sides)
        super().__init__(loss, p, root * (blur if eps is None else eps**0.5), sides, debias=debias, potentials=potentials)

    def forward(self, *args):
        scale = 1.0 if self.half_cost else 2.0
        found = super().forward(*args)
        return tuple(scale * of for of in found) if self.potentials else scale * found
'''

#: Triton asks for a GPU where kernels are tuned, when they are imported.
NO_TUNING = '''
import triton

triton.autotune = lambda *_, **__: lambda kernel: kernel
'''

#: The tests of FlashSinkhorn that ask for its loss.
OF_LOSS = ("test_samples_loss_api.py", "test_half_cost.py", "test_semi_unbalanced_forward.py")


def main():
    pot, geomloss, flash = (pathlib.Path(folder).resolve() for folder in sys.argv[1:4])
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "geomloss").mkdir()
        (folder / "geomloss" / "__init__.py").write_text(GEOMLOSS.format(source=str(geomloss / "src" / "geomloss")))
        (folder / "geomloss" / "ot.py").write_text(GEOMLOSS_OT)
        (folder / "haul_for_pot.py").write_text(PLUGIN)
        (folder / "patience.py").write_text(PATIENCE)
        flash = flash / "src" / "flash_sinkhorn"
        # A folder of its own, because its tests compare with GeomLoss.
        apart = folder / "apart"
        (apart / "flash_sinkhorn").mkdir(parents=True)
        (apart / "flash_sinkhorn" / "__init__.py").write_text(FLASH.format(source=str(flash)))
        (apart / "no_tuning.py").write_text(NO_TUNING)
        (apart / "tests").mkdir()
        for name in OF_LOSS:
            text = (flash / "testing" / name).read_text()
            text = text.replace('"cuda"', '"cpu"').replace("torch.cuda.is_available()", "True")
            (apart / "tests" / name).write_text(text)
        runs = [
            ("POT", pot, ["test/test_bregman.py", "-k", "geomloss_solver"], []),
            ("POT", pot, ["test/test_ot.py", "-k", "emd or dual_variables or warnings or gluing"], ["-p", "haul_for_pot"]),
            ("POT", pot, ["test/test_solvers.py", "-k", "test_solve and not gromov"],
             ["-p", "haul_for_pot"]),
            # Without its options, which ask for measures of coverage.
            ("GeomLoss", geomloss, ["-o", "addopts=", "tests"], ["-p", "patience"]),
            ("FlashSinkhorn", apart, ["tests"], ["-p", "no_tuning"]),
        ]
        print("| suite | test | outcome | why |\n|---|---|---|---|")
        for name, at, tests, plugins in runs:
            report = folder / "report.xml"
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *plugins, *tests]
            environment = {
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(apart if at == apart else folder), os.environ.get("PYTHONPATH", "")]),
                **{f"POT_BACKEND_DISABLE_{of}": "1" for of in ("JAX", "CUPY", "TENSORFLOW")},
                "TRITON_INTERPRET": "1",
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
