"""Makes the example and the picture of the chapter "Match shapes that share no space": an arm, straight and curled.

    python3 -m venv venv && venv/bin/pip install numpy
    venv/bin/python arms.py ../target/release/haul

The shapes are formulas, so that the files have no other source and the licence of haul.
"""

import csv
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).parent / "src"
POINTS = 500

# Red, green and blue along the arm.
STOPS = [40, 30, 240, 200], [60, 160, 180, 40], [150, 140, 60, 50]


def arm(seed, turns):
    """Points of an arm of length 4 that narrows, curled along an arc of so many turns."""
    random = np.random.default_rng(seed)
    s = 4 * (np.arange(POINTS) + random.uniform(0, 1, POINTS)) / POINTS
    across = random.uniform(-0.5, 0.5, POINTS) * (0.7 - 0.14 * s)
    if turns == 0:
        return np.column_stack([s, across])
    angle = 2 * np.pi * turns * s / 4
    radius = 4 / (2 * np.pi * turns)
    return np.column_stack([(radius + across) * np.sin(angle), (radius + across) * np.cos(angle) - radius])


def write(path, points):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([["x", "y"], *([f"{v:.4f}" for v in point] for point in points)])


def matched(program, straight, colours, *options):
    """The curled arm with the colours of the straight one."""
    with tempfile.TemporaryDirectory() as folder:
        out, first = pathlib.Path(folder, "matched.csv"), pathlib.Path(folder, "arm.ply")
        names = [f"property double {axis}" for axis in "xyz"] + [f"property uchar {colour}" for colour in ("red", "green", "blue")]
        rows = [f"{x} {y} 0 {r:.0f} {g:.0f} {b:.0f}" for (x, y), (r, g, b) in zip(straight, colours)]
        first.write_text("\n".join(["ply", "format ascii 1.0", f"element vertex {len(rows)}", *names, "end_header", *rows]) + "\n")
        files = [first, HERE / "examples" / "curled.csv"]
        command = [program, "gromov", *files, "--device", "cpu", "-o", out, "--quiet", *options]
        print(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        with open(out, newline="") as file:
            rows = list(csv.reader(file))[1:]
    return np.array(rows, float)


def panel(x, title, points, colours):
    """A group of dots beside a title, for points that are some two units apart."""
    low, high = points.min(0), points.max(0)
    scale = 200 / max(high - low)
    places = (points - (low + high) / 2) * scale * [1, -1] + [x + 110, 130]
    dots = "".join(
        f'<circle cx="{p[0]:.1f}" cy="{p[1]:.1f}" r="2.6" fill="rgb({c[0]:.0f},{c[1]:.0f},{c[2]:.0f})"/>' for p, c in zip(places, colours)
    )
    return f'<text x="{x + 110}" y="18" text-anchor="middle" class="title">{title}</text>{dots}'


def main():
    program = sys.argv[1]
    write(HERE / "examples" / "arm.csv", arm(0, 0))
    write(HERE / "examples" / "curled.csv", arm(1, 0.8))
    straight = np.loadtxt(HERE / "examples" / "arm.csv", delimiter=",", skiprows=1)
    along = straight[:, 0] / 4
    colours = np.column_stack([np.interp(along, [0, 1 / 3, 2 / 3, 1], stops) for stops in STOPS])
    euclidean = matched(program, straight, colours, "--metric", "euclidean")
    geodesic = matched(program, straight, colours, "--metric", "geodesic")
    parts = [
        panel(0, "the first shape", straight, colours),
        panel(230, "by Euclidean distances", euclidean[:, :2], euclidean[:, 2:5]),
        panel(460, "along the shape", geodesic[:, :2], geodesic[:, 2:5]),
    ]
    style = ".title{font:20px sans-serif;fill:#222}@media (prefers-color-scheme:dark){.title{fill:#ddd}}"
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 680 250"><style>{style}</style>{"".join(parts)}</svg>\n'
    (HERE / "pictures" / "arms.svg").write_text(svg)


if __name__ == "__main__":
    main()
