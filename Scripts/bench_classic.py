"""Times `skein classic bench` against scikit-learn: same data, parameters and threads, in turn.

usage: bench_classic.py SKEIN DATA_DIRECTORY [THREADS]; the directory holds optdigits.tra and .tes.
Prints a table of medians in milliseconds; a ratio above 1 means that skein is faster.
"""

import json
import os
import statistics
import subprocess
import sys
import time

threads = sys.argv[3] if len(sys.argv) > 3 else "2"
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = threads

import numpy as np  # noqa: E402  (after the threads are set)
from sklearn.cluster import KMeans  # noqa: E402
from sklearn.ensemble import RandomForestClassifier  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.mixture import GaussianMixture  # noqa: E402
from sklearn.naive_bayes import GaussianNB  # noqa: E402
from sklearn.neighbors import KNeighborsClassifier  # noqa: E402
from sklearn.svm import LinearSVC  # noqa: E402
from sklearn.tree import DecisionTreeClassifier  # noqa: E402

REPEATS = 5
jobs = int(threads)
cases = {
    "linear_svm": (lambda: LinearSVC(), []),
    "logistic_regression": (lambda: LogisticRegression(max_iter=300), []),
    "gaussian_nb": (lambda: GaussianNB(), []),
    "k_neighbors": (lambda: KNeighborsClassifier(5, algorithm="brute", n_jobs=jobs), []),
    "k_means": (lambda: KMeans(10, n_init=1), ["--clusters", "10"]),
    "decision_tree": (lambda: DecisionTreeClassifier(), []),
    "random_forest": (lambda: RandomForestClassifier(100, n_jobs=jobs), []),
    "gaussian_mixture": (
        lambda: GaussianMixture(5, covariance_type="diag"), ["--clusters", "5", "--diagonal"]),
}


def load(path):
    rows = np.loadtxt(path, delimiter=",", comments="#", dtype=np.float32)
    return np.ascontiguousarray(rows[:, :-1]), rows[:, -1].astype(int)


def timed(make, x, y, ask):
    start = time.perf_counter()
    model = make().fit(x, y)
    middle = time.perf_counter()
    labels = model.predict(ask)
    return (middle - start) * 1e3, (time.perf_counter() - middle) * 1e3, labels, model


def main():
    skein, folder = sys.argv[1], sys.argv[2]
    x, y = load(folder + "/optdigits.tra")
    ask, truth = load(folder + "/optdigits.tes")
    print("| kind | fit ms: skein | scikit-learn | ratio | predict ms: skein | scikit-learn | ratio"
          " | score: skein | scikit-learn |\n|---|---|---|---|---|---|---|---|---|")
    for kind, (make, flags) in cases.items():
        ours, theirs = [], []
        for _ in range(REPEATS):
            command = [skein, "classic", "bench", folder + "/optdigits.tra", "--on",
                       folder + "/optdigits.tes", "--kind", kind, "--repeats", "3", "-t", threads]
            ours.append(json.loads(subprocess.check_output(command + flags)))
            runs = [timed(make, x, y, ask) for _ in range(3)]
            theirs.append([statistics.median(r[i] for r in runs) for i in (0, 1)])
        if kind == "k_means":
            score = runs[-1][3].inertia_
        elif kind == "gaussian_mixture":
            score = runs[-1][3].score(ask)
        else:
            score = float(np.mean(runs[-1][2] == truth))
        fit, predict = (statistics.median(o[k] for o in ours) for k in ("fit_ms", "predict_ms"))
        fit2, predict2 = (statistics.median(t[i] for t in theirs) for i in (0, 1))
        print(f"| {kind} | {fit:.2f} | {fit2:.2f} | {fit2 / fit:.2f} | {predict:.2f} |"
              f" {predict2:.2f} | {predict2 / predict:.2f} | {ours[-1]['score']:.4f} | {score:.4f} |",
              flush=True)


if __name__ == "__main__":
    main()
