"""Makes the files beside this script with the programs that people use.

    python3 -m venv venv && venv/bin/pip install anndata==0.12.19 safetensors==0.8.0 ml_dtypes
    venv/bin/python make.py

The numbers are formulas, which the tests of the readers repeat, so that the files have no other source and the
licence of haul.
"""

from pathlib import Path

import anndata
import ml_dtypes
import numpy as np
import pandas as pd
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


cells().write_h5ad(HERE / "cells.h5ad", compression="gzip")
cells().write_h5ad(HERE / "lzf.h5ad", compression="lzf")
plain = cells()
plain.X = plain.X.toarray().astype(np.float64)
plain.write_h5ad(HERE / "plain.h5ad")

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
