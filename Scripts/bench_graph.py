#!/usr/bin/env python3
"""Compare `skein graph embed` with gensim and with a NumPy/SciPy ProNE, same settings, one run.

usage: bench_graph.py SKEIN GRAPH [--labels FILE] [--format edges] [--communities]
                      [--header-lines N] [--threads 1] [--dim 128] [--turns 3]

Needs gensim, numpy and scipy (written with gensim 4.4, NumPy 2.4, SciPy 1.17). Seeds are fixed: 1.
gensim is given ready walks, and only its training is timed; skein's DeepWalk is the whole command,
with reading, walking and writing. Both ProNEs are timed from the graph in memory to the vectors. Turns alternate and medians are printed, with micro-F1 of both
vectors by the same classifier when there are labels.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("skein")
    parser.add_argument("graph")
    parser.add_argument("--labels")
    parser.add_argument("--format", default="edges")
    parser.add_argument("--communities", action="store_true")
    parser.add_argument("--header-lines", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--walks", type=int, default=10)
    parser.add_argument("--prone-only", action="store_true")
    return parser.parse_args()


ARGS = options()
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(ARGS.threads)

import gensim  # noqa: E402
import numpy as np  # noqa: E402
import scipy  # noqa: E402
import scipy.sparse as sp  # noqa: E402
import scipy.special  # noqa: E402
from gensim.models import Word2Vec  # noqa: E402

SOURCE = [ARGS.graph, "--format", ARGS.format, "--header-lines", str(ARGS.header_lines)]


def read():
    rows, columns = [], []
    with open(ARGS.graph) as file:
        for number, line in enumerate(file):
            fields = line.replace(",", " ").split()
            if number < ARGS.header_lines or not fields or fields[0].startswith("#"):
                continue
            rest = fields[1:2] if ARGS.format == "edges" else fields[1:]
            for other in rest:
                if other != fields[0]:
                    rows.append(int(fields[0]))
                    columns.append(int(other))
    ids, dense = np.unique(np.array(rows + columns), return_inverse=True)
    half = len(rows)
    matrix = sp.coo_matrix((np.ones(half), (dense[:half], dense[half:])), shape=(len(ids),) * 2)
    matrix = (matrix + matrix.T).tocsr()
    if ARGS.format == "adjacency":
        matrix.data[:] = 1
    return ids, matrix


def walks(ids, matrix, count, length):
    random = np.random.default_rng(1)
    degrees = np.diff(matrix.indptr)
    sentences = []
    for _ in range(count):
        at = random.permutation(np.flatnonzero(degrees))
        steps = [at]
        for _ in range(length - 1):
            at = matrix.indices[matrix.indptr[at] + (random.random(len(at)) * degrees[at]).astype(int)]
            steps.append(at)
        sentences += [[str(ids[n]) for n in walk] for walk in np.stack(steps, 1)]
    return sentences


def gensim_deepwalk(sentences, path):
    start = time.perf_counter()
    model = Word2Vec(
        sentences, vector_size=ARGS.dim, window=10, min_count=0, sg=1, hs=0, negative=5, sample=0,
        alpha=0.025, min_alpha=1e-4, epochs=1, workers=ARGS.threads, seed=1)
    seconds = time.perf_counter() - start
    model.wv.save_word2vec_format(path)
    return seconds


def orthonormal(matrix):
    return np.linalg.qr(matrix)[0]


def scipy_prone(matrix, path, ids):
    """ProNE with the settings of its paper: order 10, mu 0.2, theta 0.5, five power iterations."""
    start = time.perf_counter()
    matrix = matrix.astype(np.float32)
    n, d = matrix.shape[0], ARGS.dim
    inverse = sp.diags(1 / np.asarray(matrix.sum(1)).ravel())
    p = (inverse @ matrix).tocsr()
    noise = np.asarray(p.sum(0)).ravel() ** 0.75
    noise /= noise.sum()
    f = p.copy()
    f.data = (np.log(p.data) - np.log(noise[p.indices])).astype(np.float32)
    ft = f.T.tocsr()
    random = np.random.default_rng(1)
    q = orthonormal(f @ random.standard_normal((n, min(d + 10, n))).astype(np.float32))
    for _ in range(5):
        q = orthonormal(ft @ q)
        q = orthonormal(f @ q)
    u, s, _ = np.linalg.svd((ft @ q).T, full_matrices=False)
    x = ((q @ u)[:, :d] * np.sqrt(s[:d])).astype(np.float32)
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    loops = (matrix + sp.eye(n, dtype=np.float32)).tocsr()
    step = (sp.diags(1 / np.asarray(loops.sum(1)).ravel()) @ loops).tocsr().astype(np.float32)
    m = (sp.eye(n, dtype=np.float32) * np.float32(0.8) - step).tocsr()
    before, now = x, 0.5 * (m @ (m @ x)) - x
    total = scipy.special.iv(0, 0.5) * before - 2 * scipy.special.iv(1, 0.5) * now
    for k in range(2, 10):
        before, now = now, (m @ (m @ now) - 2 * now) - before
        total += (-1) ** k * 2 * scipy.special.iv(k, 0.5) * now
    y = loops @ (x - total)
    u, s, _ = np.linalg.svd(y, full_matrices=False)
    z = u * np.sqrt(s)
    z /= np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12)
    seconds = time.perf_counter() - start
    with open(path, "w") as file:
        file.write(f"{n} {d}\n")
        for node, row in zip(ids, z):
            file.write(f"{node} " + " ".join(repr(float(v)) for v in row) + "\n")
    return seconds


def skein(method, path):
    command = [ARGS.skein, "graph", "embed", *SOURCE, "-o", path, "--method", method, "--quiet",
               "--dim", str(ARGS.dim), "--threads", str(ARGS.threads), "--walks", str(ARGS.walks)]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    if method == "prone":
        with open(f"{path}/levels.json") as file:
            return json.load(file)["embedding_seconds"]
    return time.perf_counter() - start


def quality(path):
    if not ARGS.labels:
        return None
    command = [ARGS.skein, "graph", "eval", *SOURCE, "--task", "labels", "--labels", ARGS.labels,
               "--vectors", path, "--repeats", "3"]
    if ARGS.communities:
        command.append("--communities")
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return round(json.loads(text)["micro_f1"], 4)


def main():
    ids, matrix = read()
    names = ["scipy prone", "skein prone"]
    if not ARGS.prone_only:
        names = ["gensim", "skein deepwalk"] + names
        sentences = walks(ids, matrix, ARGS.walks, 80)
    times = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as directory:
        paths = {"gensim": f"{directory}/g.txt", "scipy prone": f"{directory}/p.txt",
                 "skein deepwalk": f"{directory}/d/vectors.skv",
                 "skein prone": f"{directory}/q/vectors.skv"}
        for _ in range(ARGS.turns):
            if not ARGS.prone_only:
                times["gensim"].append(gensim_deepwalk(sentences, paths["gensim"]))
                times["skein deepwalk"].append(skein("deepwalk", f"{directory}/d"))
            times["scipy prone"].append(scipy_prone(matrix, paths["scipy prone"], ids))
            times["skein prone"].append(skein("prone", f"{directory}/q"))
        scores = {name: quality(path) for name, path in paths.items() if name in times}
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(f"gensim {gensim.__version__}, numpy {np.__version__}, scipy {scipy.__version__}, "
          f"{ARGS.threads} thread(s), {len(ids)} nodes, {matrix.nnz // 2} edges, d {ARGS.dim}")
    for name, seconds in medians.items():
        score = "" if scores[name] is None else f"  micro-F1 {scores[name]}"
        print(f"{name:16} {seconds:8.2f} s{score}")
    if not ARGS.prone_only:
        print(f"deepwalk ratio {medians['gensim'] / medians['skein deepwalk']:.2f}")
    print(f"prone ratio {medians['scipy prone'] / medians['skein prone']:.2f}")


main()
