"""The word mover's distance by haul and by POT's emd2, alternately in one run.

1. All pairs of documents of a given number of different words, by `haul pairwise --loss wmd` and, of some of them, by emd2 on the
   matrix of distances that SciPy's cdist makes: pairs a second of wall clock, and the largest difference of both values, relative.
2. The nearest documents of some queries, by `haul words`: the share of pairs that its bounds leave out, and seconds.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import time

import numpy as np
import ot
from scipy import sparse
from scipy.spatial.distance import cdist

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main():
    args = arguments()
    counts, vectors = corpus(args)
    print(f"{counts.shape[0]} documents over {counts.shape[1]} words in dimension {vectors.shape[1]}, "
          f"{counts.getnnz(axis=1).mean():.0f} different words each; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        np.save(folder / "vectors.npy", vectors)
        print("\n| documents | method | pairs | pairs/s | largest difference |\n| --- | --- | --- | --- | --- |")
        for words in args.words:
            pairs(args, folder, cut(counts, words, args.documents), vectors, words)
        nearest(args, folder, counts)


def pairs(args, folder, counts, vectors, words):
    write(folder / "few.npz", counts)
    matrix = folder / "matrix.npy"
    ours, theirs = [], []
    rng = np.random.default_rng(1)
    n = counts.shape[0]
    some = [sorted(rng.choice(n, 2, replace=False)) for _ in range(args.pairs)]
    for _ in range(args.rounds):
        matrix.unlink(missing_ok=True)
        start = time.perf_counter()
        haul(args, "pairwise", folder / "few.npz", "--loss", "wmd", "--vectors", folder / "vectors.npy", "-o", matrix, "--quiet")
        ours.append(n * (n - 1) / 2 / (time.perf_counter() - start))
        start = time.perf_counter()
        values = [distance(counts[[i]], counts[[j]], vectors) for i, j in some]
        theirs.append(len(some) / (time.perf_counter() - start))
    found = np.load(matrix)
    apart = max(abs(found[i, j] - value) / value for (i, j), value in zip(some, values))
    print(f"| {n} of {words} words | haul | {n * (n - 1) // 2} | {np.median(ours):.0f} | {apart:.1e} |")
    print(f"| | POT | {len(some)} | {np.median(theirs):.0f} | |", flush=True)


def distance(one, other, vectors):
    """W_1 as emd2 has it."""
    a, b = [row.data / row.data.sum() for row in (one, other)]
    return ot.emd2(a, b, cdist(vectors[one.indices], vectors[other.indices]), numItermax=10**6)


def nearest(args, folder, counts):
    write(folder / "all.npz", counts)
    answer = json.loads(haul(args, "words", folder / "all.npz", "--vectors", folder / "vectors.npy", "-k", 10,
                             "--take", args.queries, "--json", "--quiet"))
    keys = ["excluded_by_means", "excluded_by_words", "solved"]
    means, words, solved = (answer[key] for key in keys)
    every = means + words + solved
    print(f"\nThe 10 nearest of {answer['n']} documents for {answer['queries']} queries: {100 * means / every:.1f} % of the pairs "
          f"left out by the means, {100 * words / every:.1f} % by nearest words, {solved} of {every} distances computed "
          f"({100 * solved / every:.2f} %), {answer['seconds']:.1f} s")


def corpus(args):
    if args.counts:
        with np.load(args.counts) as file:
            parts = [file[key] for key in ("data", "indices", "indptr")]
            counts = sparse.csr_matrix((parts[0].astype(float), *(it.astype(np.int64) for it in parts[1:])), tuple(file["shape"]))
        return counts, np.load(args.vectors).astype(float)
    rng = np.random.default_rng(0)
    bins, topics = 4000, 40
    vectors = rng.normal(size=(bins, 50)) * 0.6 + rng.normal(size=(topics, 50))[rng.integers(0, topics, bins)]
    weights = rng.dirichlet(np.full(bins, 0.05), topics)
    rows = [rng.multinomial(150, 0.7 * weights[rng.integers(topics)] + 0.3 / bins) for _ in range(2000)]
    return sparse.csr_matrix(np.array(rows, dtype=float)), vectors


def cut(counts, words, most):
    """Documents of so many words, drawn from those of more."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(counts.shape[0]):
        row = counts[[i]]
        if len(rows) < most and row.nnz >= words:
            kept = np.sort(rng.choice(row.nnz, words, replace=False))
            rows.append(sparse.csr_matrix((row.data[kept], row.indices[kept], [0, words]), (1, counts.shape[1])))
    return sparse.vstack(rows).tocsr()


def write(path, counts):
    np.savez(path, data=counts.data, indices=counts.indices, indptr=counts.indptr, shape=counts.shape, format=np.array(b"csr"))


def haul(args, *arguments):
    program = [args.haul] if args.haul else ["cargo", "run", "--quiet", "--release", "--"]
    done = subprocess.run(program + [str(it) for it in arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("counts", nargs="?", help="documents × words, .npz")
    parser.add_argument("vectors", nargs="?", help="words × dimension, .npy")
    parser.add_argument("--words", type=int, nargs="*", default=[50], help="different words of a document [50]")
    parser.add_argument("--documents", type=int, default=200, help="documents of these words [200]")
    parser.add_argument("--pairs", type=int, default=200, help="pairs for POT [200]")
    parser.add_argument("--queries", type=int, default=100, help="queries among all documents [100]")
    parser.add_argument("--rounds", type=int, default=3, help="rounds A B A B [3]")
    parser.add_argument("--haul", help="the program of haul as it was built, in place of cargo run")
    return parser.parse_args()


if __name__ == "__main__":
    main()
