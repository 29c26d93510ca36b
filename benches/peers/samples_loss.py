"""`haul.torch.SamplesLoss` beside GeomLoss's, in one process, alternately: time and processor time of a value with its gradient,
and the errors of both against haul in f64 at a tolerance of 1e-6.

    python benches/peers/samples_loss.py [--points 200 5000 20000] [--blur 0.05] [--runs 3]

needs haul, torch, geomloss and, for GeomLoss's online and multiscale backends, pykeops. Clouds are uniform in the unit cube, the
second one moved by 0.2 along each axis. The first call of each, which compiles, is not counted.
"""

import argparse
import resource
import statistics
import time

import geomloss
import numpy as np
import torch

import haul
from haul.torch import SamplesLoss


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, nargs="+", default=[200, 5000, 20000])
    parser.add_argument("--blur", type=float, default=0.05)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--scaling", type=float, nargs="+", default=[0.5, 0.9])
    parser.add_argument("--tol", type=float, nargs="+", default=[1e-3, 1e-4])
    args = parser.parse_args()
    print("| points | loss | seconds | processor seconds | error of the value | error of the gradient |")
    print("|---|---|---|---|---|---|")
    for n in args.points:
        measure(n, args)


def measure(n, args):
    generator = torch.Generator().manual_seed(n)
    x, y = torch.rand(2, n, 3, generator=generator)
    y += 0.2
    exact = haul.divergence(x, y, eps=2 * args.blur**2, tol=1e-6, precision="f64")
    value, slope = exact.value / 2, exact.grad_x / 2
    losses = {f"haul, tol {tol:g}": SamplesLoss("sinkhorn", p=2, blur=args.blur, tol=tol) for tol in args.tol}
    for scaling in args.scaling:
        name = f"GeomLoss, scaling {scaling:g}"
        losses[name] = geomloss.SamplesLoss("sinkhorn", p=2, blur=args.blur, scaling=scaling)
    times = {name: [] for name in losses}
    for run in range(args.runs + 1):
        for name, loss in losses.items():
            seconds, cpu, found, gradient = timed(loss, x, y)
            if run > 0 or args.runs == 0:
                times[name].append((seconds, cpu))
            if run == args.runs:
                off = abs(found - value) / value
                off_slope = np.linalg.norm(gradient - slope) / np.linalg.norm(slope)
                seconds, cpu = (statistics.median(of) for of in zip(*times[name]))
                print(f"| {n} | {name} | {seconds:.3g} | {cpu:.3g} | {off:.1e} | {off_slope:.1e} |", flush=True)


def timed(loss, x, y):
    points = x.clone().requires_grad_()
    start, before = time.perf_counter(), processor()
    value = loss(points, y)
    value.backward()
    return time.perf_counter() - start, processor() - before, value.item(), points.grad.numpy()


def processor():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
