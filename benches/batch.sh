#!/usr/bin/env bash
# How near `haul batch` comes to the rate of the engine: 1000 small jobs of 200 to 2000 points in space, and
# the time that their pairs take at the rate of `haul bench softmin`, measured before and after on
# the same threads. The target is a ratio of at most 1.3.
#
#     benches/batch.sh [options of haul batch, as --threads 2]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../target}
cargo build --quiet --release --manifest-path "$here/../Cargo.toml" -p haul-cli
python3 - "$target/release/haul" "$@" <<'PYTHON'
import json, os, random, subprocess, sys, tempfile, time

haul, options = sys.argv[1], ["--device", "cpu", *sys.argv[2:]]


def rate(n):
    """Pairs per second of a pass, and what the machine's arithmetic admits."""
    words = [haul, "bench", "softmin", "--n", str(n), "--d", "3", "--runs", "51", "--json"]
    told = json.loads(subprocess.check_output(words + options))
    return told["pairs_per_second"], told["floor_pairs_per_second"]


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
            job = {"id": str(index), "command": command, "a": a, "b": b}
            jobs.write(json.dumps(job) + "\n")

    ratios = []
    for run in range(3):
        before = rate(16384)
        start = time.perf_counter()
        subprocess.run([haul, "batch", "jobs.jsonl", "-o", f"{run}.jsonl", "--quiet", *options],
                       check=True)
        seconds = time.perf_counter() - start
        after = rate(16384)
        results = [json.loads(line) for line in open(f"{run}.jsonl")]
        pairs = sum(result["pairs"] for result in results)
        busy = sum(result["seconds"] for result in results)
        full = (before[0] + after[0]) / 2
        ratios.append(seconds * full / pairs)
        print(f"{pairs:.3g} pairs in {seconds:.2f} s, {pairs / seconds / 1e9:.2f} Gpairs/s; a pass over 16384² "
              f"pairs runs at {full / 1e9:.2f} Gpairs/s: {ratios[-1]:.2f} × its time; {busy:.2f} s are told by the results")
    print(f"the median is {sorted(ratios)[1]:.2f} × the time of the pairs at full rate")
PYTHON
