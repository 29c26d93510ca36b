#!/usr/bin/env bash
# How near `haul batch` comes to the rate of the engine: 1000 small jobs of 200 to 2000 points in space,
# beside the time that their pairs take in passes over large clouds (`haul bench softmin`), which are
# timed before and after. Told in seconds of the clock and in seconds of the processor: on a
# machine that does other work as well, the second are the ones to trust. The target is a ratio of at
# most 1.3.
#
#     benches/batch.sh [options of both commands, as --threads 2]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../target}
cargo build --quiet --release --manifest-path "$here/../Cargo.toml" -p haul-cli
python3 - "$target/release/haul" "$@" <<'PYTHON'
import json, os, random, resource, statistics, subprocess, sys, tempfile, time

haul, options = sys.argv[1], ["--device", "cpu", *sys.argv[2:]]
POINTS, PASSES = 16384, 40


def timed(words):
    """What a run of the program prints, its seconds by the clock, and those of the processor."""
    used = lambda: sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    clock, processor = time.perf_counter(), used()
    printed = subprocess.check_output([haul, *words, *options])
    return printed, time.perf_counter() - clock, used() - processor


def full_rate():
    """Seconds of a pair in a large pass, by the clock and of the processor."""
    words = ["bench", "softmin", "--n", str(POINTS), "--d", "3", "--json", "--runs"]
    _, _, without = timed([*words, "1"])
    printed, _, processor = timed([*words, str(1 + PASSES)])
    pairs = PASSES * POINTS**2
    return 1 / json.loads(printed)["pairs_per_second"], (processor - without) / pairs


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    choice = random.Random(1)
    clouds = []
    for index in range(200):
        points = choice.randint(200, 2000)
        shape = choice.choice(["ball", "sphere", "torus", "helix", "gaussians", "blobs", "cube"])
        clouds.append(f"{index}.npy")
        subprocess.check_call([haul, "sample", shape, "--n", str(points), "--seed", str(index),
                               "-o", clouds[-1]])
    with open("jobs.jsonl", "w") as jobs:
        for index in range(1000):
            a, b = choice.sample(clouds, 2)
            command = choice.choice(["sinkhorn", "divergence", "divergence", "energy"])
            jobs.write(json.dumps({"id": str(index), "command": command, "a": a, "b": b}) + "\n")

    clock_ratios, processor_ratios = [], []
    for run in range(3):
        before = full_rate()
        _, clock, processor = timed(["batch", "jobs.jsonl", "-o", f"{run}.jsonl", "--quiet"])
        full = [statistics.mean(both) for both in zip(before, full_rate())]
        with open(f"{run}.jsonl") as results:
            pairs = sum(json.loads(line)["pairs"] for line in results)
        clock_ratios.append(clock / (pairs * full[0]))
        processor_ratios.append(processor / (pairs * full[1]))
        print(f"{pairs:.3g} pairs in {clock:.2f} s, {pairs / clock / 1e9:.2f} Gpairs/s, where large passes "
              f"run at {1e-9 / full[0]:.2f}: {clock_ratios[-1]:.2f} × their time by the clock, "
              f"{processor_ratios[-1]:.2f} × that of the processor")
    print(f"medians: {statistics.median(clock_ratios):.2f} × by the clock, "
          f"{statistics.median(processor_ratios):.2f} × of the processor")
PYTHON
