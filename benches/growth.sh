#!/usr/bin/env bash
# How seconds a pass and memory grow with the number of points: the slopes of both in log-log, from
# `haul bench softmin` at 1e3 to 4e5 points. The program without points is taken off the memory.
#
#     benches/growth.sh [options of haul bench softmin, as --device cpu]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../target}
cargo build --quiet --release --manifest-path "$here/../Cargo.toml" -p haul-cli
python3 - "$target/release/haul" "$@" <<'PYTHON'
import json, math, resource, subprocess, sys

haul, options = sys.argv[1], sys.argv[2:]


def measure(n, runs):
    """Seconds of a pass over n × n pairs and the peak memory of the program, in bytes."""
    # The peak of all children only grows, and so do the numbers of points.
    words = [haul, "bench", "softmin", "--n", str(n), "--d", "3", "--runs", str(runs), "--json"]
    told = json.loads(subprocess.check_output(words + options))
    return told["seconds"], resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def slope(points):
    """Of the least squares line through (log x, log y)."""
    points = [(math.log(x), math.log(y)) for x, y in points]
    mean = [sum(values) / len(points) for values in zip(*points)]
    above = sum((x - mean[0]) * (y - mean[1]) for x, y in points)
    return above / sum((x - mean[0]) ** 2 for x, _ in points)


_, base = measure(8, 1)
seconds, memory = [], []
for n, runs in [(1000, 200), (4000, 50), (20_000, 5), (100_000, 1), (400_000, 1)]:
    time, peak = measure(n, runs)
    print(f"{n:7} points: {time:10.6f} s a pass, {n * n / time / 1e9:6.2f} Gpairs/s, "
          f"{(peak - base) / 2**20:7.1f} MiB beside the program's own")
    seconds.append((n, time))
    if peak > base + 2**20:
        memory.append((n, peak - base))
print(f"seconds a pass grow as n^{slope(seconds):.3f}")
if len(memory) > 1:
    print(f"memory grows as n^{slope(memory):.3f}")
PYTHON
