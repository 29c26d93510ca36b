#!/usr/bin/env bash
# How the seconds of a pass and memory grow with the number of points: the slopes of both in log-log,
# from `haul bench softmin` over n × n pairs of 1e3 to 4e5 points. A stored kernel would have a slope
# of 2 in memory.
#
# Memory is the peak of what lies in memory, as Linux has it of each process (VmHWM), less that of
# the program with 1000 points, whose own arrays are some tens of KiB. Program and drivers are tens
# of MiB that differ by some hundred KiB from run to run, so that only sizes whose arrays are larger
# than 2 MiB say something. Seconds are medians at each size. It takes 1.3e12 pairs in all.
#
#     benches/growth.sh [options of haul bench softmin, as --device cpu]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../target}
cargo build --quiet --release --manifest-path "$here/../Cargo.toml" -p haul-cli
python3 - "$target/release/haul" "$@" <<'PYTHON'
import json, math, subprocess, sys, time

haul, options = sys.argv[1], sys.argv[2:]
SIZES = [(1000, 2000), (4000, 200), (20_000, 9), (50_000, 3), (100_000, 1), (200_000, 1), (400_000, 1)]


def measure(n, runs):
    """Seconds of a pass over n × n pairs and the peak memory of the program, in bytes."""
    words = [haul, "bench", "softmin", "--n", str(n), "--d", "3", "--runs", str(runs), "--json"]
    process = subprocess.Popen(words + options, stdout=subprocess.PIPE)
    # What rusage tells of a child begins with the peak of its parent. The peak of the program itself
    # only grows, so that the last one read is the one; passes take far longer than a look.
    peak = 0
    while process.poll() is None:
        with open(f"/proc/{process.pid}/status") as status:
            peaks = [line.split()[1] for line in status if line.startswith("VmHWM:")]
        peak = int(peaks[0]) * 1024 if peaks else peak
        time.sleep(0.005)
    if process.returncode != 0:
        sys.exit(process.returncode)
    return json.load(process.stdout)["seconds"], peak


def slope(points):
    """Of the least squares line through (log x, log y)."""
    points = [(math.log(x), math.log(y)) for x, y in points]
    mean = [sum(values) / len(points) for values in zip(*points)]
    above = sum((x - mean[0]) * (y - mean[1]) for x, y in points)
    return above / sum((x - mean[0]) ** 2 for x, _ in points)


measured = [(n, *measure(n, runs)) for n, runs in SIZES]
base = measured[0][2]
for n, seconds, peak in measured:
    print(f"{n:7} points: {seconds:10.6f} s a pass, {n * n / seconds / 1e9:6.2f} Gpairs/s, "
          f"{(peak - base) / 2**20:6.1f} MiB beside the program's {base / 2**20:.1f}")
memory = [(n, peak - base) for n, _, peak in measured if peak - base > 2 << 20]
print(f"seconds a pass grow as n^{slope([(n, seconds) for n, seconds, _ in measured]):.3f}")
print(f"memory grows as n^{slope(memory):.3f} from {memory[0][0]} points on")
PYTHON
