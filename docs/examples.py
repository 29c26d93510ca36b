"""Makes the files of the chapters "Meshes and scans" and "Brain volumes", in `src/examples`.

    python3 -m venv venv && venv/bin/pip install nibabel==5.4.2 pye57==0.4.19 trimesh==5.2.0
    venv/bin/python examples.py

All shapes are formulas, so that the files have no other source and the licence of haul.
"""

from pathlib import Path

import nibabel
import numpy as np
import pye57
import trimesh

HERE = Path(__file__).parent / "src" / "examples"


def cap(rings, columns, fine=1, depth=1.0, width=1.0):
    """The lower half of a sphere, with more columns of faces where x < 0, scaled along z and across."""
    left = np.linspace(0.5 * np.pi, 1.5 * np.pi, fine * columns // 2 + 1)
    right = np.linspace(1.5 * np.pi, 2.5 * np.pi, columns // 2 + 1)
    around = np.concatenate([left[:-1], right[:-1]])
    down = np.linspace(0, 0.5 * np.pi, rings + 1)[1:]
    rims = [[(np.sin(t) * np.cos(p), np.sin(t) * np.sin(p), -np.cos(t)) for p in around] for t in down]
    vertices = np.array([(0.0, 0.0, -1.0), *(v for rim in rims for v in rim)])
    n, faces = len(around), []
    for k in range(n):
        faces.append((0, 1 + (k + 1) % n, 1 + k))
        for ring in range(rings - 1):
            a, b = 1 + ring * n + k, 1 + ring * n + (k + 1) % n
            faces += [(a, b, b + n), (a, b + n, a + n)]
    return trimesh.Trimesh(vertices * [width, width, depth], faces, process=False)


def meshes():
    cap(10, 24).export(HERE / "bowl.obj", digits=5)
    cap(10, 24, fine=4).export(HERE / "bowl_fine.stl")
    cap(10, 24, depth=0.25, width=1.3).export(HERE / "plate.off", digits=5)


def scans():
    """Two stations in a room of 6 by 4 by 2.5 metres with a cabinet, each of which sees 4.5 m far. The pose of the second one is
    12 cm and 3 degrees off."""
    random = np.random.default_rng(1)
    boxes = [([0, 0, 0], [6, 4, 2.5]), ([0, 3, 0], [1.2, 4, 2])]

    def surfaces(count):
        """Points on the walls of all boxes, uniform by area."""
        points, areas = [], []
        for low, high in np.array(boxes, dtype=float):
            for axis in range(3):
                for end in (low, high):
                    face = random.uniform(low, high, size=(count, 3))
                    face[:, axis] = end[axis]
                    points.append(face)
                    areas.append(np.prod(np.delete(high - low, axis)))
        shares = np.array(areas) / sum(areas)
        return np.concatenate([face[: round(count * share)] for face, share in zip(points, shares)])

    path = HERE / "room.e57"
    path.unlink(missing_ok=True)
    file = pye57.E57(str(path), mode="w")
    for name, station, turn, off in [("door", [1.5, 1.0, 1.4], 0.0, 0.0), ("window", [4.0, 2.5, 1.4], 2.0, 1.0)]:
        walls = random.permutation(surfaces(1600))
        ends = walls + random.normal(scale=0.003, size=walls.shape) - station
        # Rays through the window in the wall x = 6, and beyond the reach of the scanner, return nothing.
        window = (walls[:, 0] == 6) & (abs(walls[:, 1] - 2) < 1) & (abs(walls[:, 2] - 1.5) < 0.5)
        lost = window | (np.linalg.norm(ends, axis=1) > 4.5)
        c, s = np.cos(turn), np.sin(turn)
        own = ends @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        data = {f"cartesian{axis}": own[:, k] for k, axis in enumerate("XYZ")}
        data["cartesianInvalidState"] = lost.astype(np.int8) * 2
        data["intensity"] = (1 / (1 + (ends**2).sum(axis=1))).astype(np.float32)
        told = turn + off * np.radians(3)
        rotation = np.array([np.cos(told / 2), 0, 0, np.sin(told / 2)])
        file.write_scan_raw(data, name=name, rotation=rotation, translation=np.array(station) + off * np.array([0.12, 0, 0]))
    file.close()


def brains():
    """Two phantoms of a head in voxels of 6 mm: the second one has larger ventricles and a thinner mantle."""
    shape = (26, 32, 26)
    affine = np.array([[-6.0, 0, 0, 75], [0, 6, 0, -111], [0, 0, 6, -66], [0, 0, 0, 1]])
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    x, y, z = np.moveaxis(index @ affine[:3, :3].T + affine[:3, 3], -1, 0)

    def inside(centre, radii, width=3.0):
        r = np.sqrt(sum(((v - c) / r) ** 2 for v, c, r in zip((x, y, z), centre, radii)))
        return 1 / (1 + np.exp((r - 1) * min(radii) / width))

    def brain(mantle, ventricle):
        outer = inside((0, -18, 6), (62, 80, 58))
        inner = inside((0, -18, 6), (62 - mantle, 80 - mantle, 58 - mantle))
        nuclei = inside((-16, 2, 2), (10, 14, 8)) + inside((16, 2, 2), (10, 14, 8))
        holes = inside((-ventricle, -10, 14), (ventricle, 28, 9)) + inside((ventricle, -10, 14), (ventricle, 28, 9))
        tissue = outer - 0.6 * inner + 0.4 * nuclei
        skull = inside((0, -18, 6), (70, 88, 66)) - inside((0, -18, 6), (66, 84, 62))
        return np.clip(tissue * (1 - np.clip(holes, 0, 1)), 0, 1), 0.4 * skull

    def save(name, values):
        image = nibabel.Nifti1Image(np.round(255 * values).astype(np.uint8), affine)
        image.header.set_xyzt_units("mm")
        image.set_sform(affine, "mni")
        image.set_qform(affine, "mni")
        nibabel.save(image, HERE / name)

    young, skull = brain(16, 6)
    old, _ = brain(12, 11)
    save("young.nii.gz", np.clip(young + skull, 0, 1))
    save("old.nii.gz", np.clip(old + skull, 0, 1))
    save("mask.nii.gz", (inside((0, -18, 6), (64, 82, 60)) > 0.5) / 255)


HERE.mkdir(exist_ok=True)
meshes()
scans()
brains()
