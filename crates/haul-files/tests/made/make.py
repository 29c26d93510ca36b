"""Makes the files beside this script with the programs that people use.

    python3 -m venv venv
    venv/bin/pip install anndata==0.12.19 safetensors==0.8.0 ml_dtypes nibabel==5.4.2 pye57==0.4.19 pyarrow==26.0.1 trimesh==5.2.0
    venv/bin/python make.py

Names after the script, as `make.py scans`, make only these. The numbers are formulas, which the tests of the readers repeat, so that the files have no other source and the
licence of haul.
"""

import sys
from pathlib import Path

import anndata
import ml_dtypes
import nibabel
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pye57
import trimesh
from safetensors.numpy import save_file
from scipy import sparse

HERE = Path(__file__).parent
CELLS, GENES = 12, 5


def cells():
    """12 cells of three days and three types, with two embeddings, sparse counts and two layers."""
    i = np.arange(CELLS)
    counts = np.where((i[:, None] + np.arange(GENES)) % 3 == 0, 1.0 + i[:, None], 0.0)
    obs = pd.DataFrame(
        {
            "day": np.array([0.0, 2.5, 10.0])[i % 3],
            "cell_type": pd.Categorical(np.array(["stem", "muscle", "nerve"])[i // 4], categories=["stem", "nerve", "muscle"]),
            "growth": 1.0 + 0.5 * (i % 4),
            "plate": [f"plate {k % 2}" for k in i],
            "doublet": i % 5 == 0,
            "lane": pd.array([int(k) if k != 7 else None for k in i], dtype="Int64"),
        },
        index=[f"cell{k}" for k in i],
    )
    var = pd.DataFrame(index=[f"gene{k}" for k in range(GENES)])
    made = anndata.AnnData(X=sparse.csr_matrix(counts.astype(np.float32)), obs=obs, var=var)
    made.obsm["X_pca"] = np.stack([i, 0.5 * i, i % 4], axis=1).astype(np.float32)
    made.obsm["X_umap"] = np.stack([np.cos(i), np.sin(i)], axis=1)
    made.layers["counts"] = counts.astype(np.int32)
    made.layers["by_gene"] = sparse.csc_matrix(counts)
    return made



def anndata_files():
    cells().write_h5ad(HERE / "cells.h5ad", compression="gzip")
    cells().write_h5ad(HERE / "lzf.h5ad", compression="lzf")
    plain = cells()
    plain.X = plain.X.toarray().astype(np.float64)
    plain.write_h5ad(HERE / "plain.h5ad")


def embeddings():
    """Numbers of every type that a safetensors file may have and haul reads, and some that it refuses."""
    numbers = 0.25 * np.arange(6.0).reshape(3, 2) - 0.5
    whole = np.array([[5, 2], [3, 1], [9, 5]])
    save_file(
        {
            "half": numbers.astype(np.float16),
            "brain": numbers.astype(ml_dtypes.bfloat16),
            "single": numbers.astype(np.float32),
            "double": numbers,
            "byte": whole.astype(np.uint8),
            "long": whole,
            "mass": np.array([1.0, 0.5, 0.25], dtype=np.float32),
            "deep": np.zeros((1, 2, 3), dtype=np.float32),
            "truth": np.ones((3, 2), dtype=bool),
        },
        HERE / "embeddings.safetensors",
    )


def halves():
    """Numbers of 16 bits in the files of NumPy, HDF5 and Parquet."""
    numbers = (0.25 * np.arange(6.0).reshape(3, 2) - 0.5).astype(np.float16)
    np.save(HERE / "halves.npy", numbers)
    np.savez_compressed(HERE / "halves.npz", points=numbers, weights=np.array([1, 0.5, 0.25], np.float16))
    made = anndata.AnnData(obs=pd.DataFrame(index=["a", "b", "c"]))
    made.obsm["half"] = numbers
    made.write_h5ad(HERE / "halves.h5ad")
    table = pd.DataFrame({"x": numbers[:, 0], "y": numbers[:, 1], "kind": ["a", "b", "a"]})
    table.to_parquet(HERE / "halves.parquet", index=False)


def scans():
    """Two scans with poses: one with intensities, colours and rays that met nothing, the other one with intensities."""
    path = HERE / "stations.e57"
    path.unlink(missing_ok=True)
    file = pye57.E57(str(path), mode="w")
    i = np.arange(9.0)
    byte = (10 * i).astype(np.uint8)
    first = {
        "cartesianX": i,
        "cartesianY": 0.5 * i,
        "cartesianZ": np.full(9, -1.0),
        "cartesianInvalidState": (i % 4 == 3).astype(np.int8) * 2,
        "intensity": (0.25 * i).astype(np.float32),
        "colorRed": byte,
        "colorGreen": byte + 1,
        "colorBlue": byte + 2,
    }
    file.write_scan_raw(first, name="gate")
    i = np.arange(5.0)
    second = {
        "cartesianX": i,
        "cartesianY": np.full(5, 2.0),
        "cartesianZ": np.full(5, 0.25),
        "intensity": np.full(5, 2.0, np.float32),
    }
    # A quarter of a turn about z takes (x, y) to (-y, x).
    turn = np.sqrt(0.5)
    file.write_scan_raw(second, name="yard", rotation=np.array([turn, 0, 0, turn]), translation=np.array([10.0, 20, 30]))
    file.close()


def volumes():
    """A volume of 16-bit voxels with a slope, whose maps to space are those of a scanner."""
    x, y, z = np.meshgrid(np.arange(4), np.arange(3), np.arange(2), indexing="ij")
    angle = np.radians(30)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([-2.0, 3, 4])
    affine[:3, 3] = [90, -126, -72]
    image = nibabel.Nifti1Image((x + 10 * y - 5 * z).astype(np.int16), affine)
    image.header.set_slope_inter(0.5, 0)
    image.header.set_xyzt_units("mm", "sec")
    lower = affine.copy()
    lower[2, 3] += 1
    image.set_sform(affine, "aligned")
    image.set_qform(lower, "scanner")
    nibabel.save(image, HERE / "brain.nii.gz")


def meshes():
    """A box of 1 by 2 by 3, in every format of meshes that haul reads."""
    box = trimesh.Trimesh(
        vertices=[[x, y, z] for x in (0, 1) for y in (0, 2) for z in (0, 3)],
        faces=[
            [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
            [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
        ],
        process=False,
    )
    for extension in ["obj", "off", "stl", "ply"]:
        box.export(HERE / f"box.{extension}")


def scenes():
    """The box twice in a scene, once turned and once small and mirrored, as one file and with files of numbers beside it."""
    box = trimesh.creation.box((1.0, 2.0, 3.0))
    scene = trimesh.Scene()
    turn = trimesh.transformations.rotation_matrix(np.pi / 2, [0, 0, 1], [1, 0, 0])
    scene.add_geometry(box, geom_name="box", node_name="turned", transform=turn)
    mirror = np.diag([-0.5, 0.5, 0.5, 1.0])
    mirror[:3, 3] = [10, 0, 0]
    scene.graph.update("small", "turned", matrix=mirror, geometry="box")
    (HERE / "boxes.glb").write_bytes(trimesh.exchange.gltf.export_glb(scene))
    for name, content in trimesh.exchange.gltf.export_gltf(scene).items():
        own = name.replace("model", "boxes").replace("gltf_buffer", "boxes")
        (HERE / own).write_bytes(content.replace(b"gltf_buffer", b"boxes"))


def tables():
    """A table of numbers and labels, and one of embeddings, as files of Arrow in every packing, as a stream and as Parquet."""
    i = np.arange(12)
    days = np.array(["2026-01-05", "2026-02-01", "2026-03-09"], dtype="datetime64[D]")
    points = pa.table(
        {
            "x": pa.array(0.5 * i),
            "y": pa.array((i % 5).astype(np.float32)),
            "z": pa.array((-i).astype(np.int16)),
            "weight": pa.array((1.0 + i % 3).astype(np.float16)),
            "kind": pa.DictionaryArray.from_arrays(pa.array(i % 3, pa.int8()), ["stem", "nerve", "muscle"]),
            "day": pa.array(days[i // 4]),
        }
    )
    for packing in ["uncompressed", "lz4", "zstd"]:
        pyarrow.feather.write_feather(points, HERE / f"points_{packing}.feather", packing, chunksize=5)
    with pa.ipc.new_stream(HERE / "points_stream.arrow", points.schema) as stream:
        stream.write_table(points, max_chunksize=7)
    vectors = (0.25 * np.arange(24.0).reshape(12, 2) - 0.5).astype(np.float32)
    embeddings = pa.table(
        {
            "id": pa.array(i),
            "text": pa.array([f"text {k % 4}" for k in i]),
            "fixed": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 2),
            "list": pa.array(list(vectors.astype(np.float16)), pa.list_(pa.float16())),
            "mass": pa.array(1.0 + i),
        }
    )
    pyarrow.feather.write_feather(embeddings, HERE / "embeddings.arrow", "lz4", chunksize=5)
    pyarrow.parquet.write_table(embeddings, HERE / "embeddings.parquet")


made = {
    "anndata": anndata_files,
    "embeddings": embeddings,
    "halves": halves,
    "scans": scans,
    "volumes": volumes,
    "meshes": meshes,
    "scenes": scenes,
    "tables": tables,
}
for name in sys.argv[1:] or made:
    made[name]()
