"""Compares `skein classic` with scikit-learn on iris, optdigits, WISDM and MNIST subsets.

usage: compare_classic.py SKEIN DATA_DIRECTORY [--write]; the directory holds classic-ml/ and mnist/.
For every estimator: how many test samples an imported scikit-learn model and scikit-learn class differently, and
the test scores of models fitted by both with the same parameters: accuracy; K-means: inertia of the fitted samples;
mixtures: mean log-likelihood. Where chance plays a part, both scores are means over ten seeds (trees, K-means,
mixtures), and the spread of a single draw is in brackets. --write keeps scikit-learn's accuracies as
Tests/Golden/classic/scores.json (made with scikit-learn 1.9.1, NumPy 2.4.6, random_state 0 to 9).
"""

import gzip
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from golden_classic import export

warnings.simplefilter("ignore")


def halves(x, y):
    """Even rows to fit, odd rows to ask."""
    return x[0::2], y[0::2], x[1::2], y[1::2]


def read(root):
    """Each data set as samples and classes to fit and to ask; classes are numbers in the order of their names."""
    rows = [line.split(",") for line in (root / "classic-ml/iris.csv").read_text().split()[1:]]
    y = np.unique([r[-1] for r in rows], return_inverse=True)[1]
    yield "iris", halves(np.array([r[:-1] for r in rows], np.float32), y)
    digits = [np.loadtxt(root / f"classic-ml/optdigits.{part}", delimiter=",", comments="#", dtype=np.float32)
              for part in ("tra", "tes")]
    yield "optdigits", (digits[0][:, :-1], digits[0][:, -1].astype(int),
                        digits[1][:, :-1], digits[1][:, -1].astype(int))
    # Missing cells become the mean of their column; then columns are divided by the largest of the fitted rows.
    rows = [line.split(",") for line in
            (root / "classic-ml/wisdm-v1.1-transformed.csv").read_text().split()]
    x = np.array([[np.nan if c == "?" else float(c) for c in r[2:-1]] for r in rows])
    x = np.where(np.isnan(x), np.nanmean(x, axis=0), x).astype(np.float32)
    top = np.abs(x[0::2]).max(axis=0)
    yield "wisdm", halves(x / np.where(top > 0, top, 1), np.unique([r[-1] for r in rows], return_inverse=True)[1])

    def images(name, count):
        pixels = gzip.open(root / f"mnist/{name}-images-idx3-ubyte.gz").read()[16:16 + 784 * count]
        classes = gzip.open(root / f"mnist/{name}-labels-idx1-ubyte.gz").read()[8:8 + count]
        return (np.frombuffer(pixels, np.uint8).reshape(count, 784).astype(np.float32) / np.float32(255),
                np.frombuffer(classes, np.uint8).astype(int))

    yield "mnist", images("train10k", 2000) + images("t10k", 1000)


SEEDS = range(10)


def estimators():
    """How scikit-learn makes each from a seed, our flags, and whether the seed matters."""
    return [
        (lambda _: LinearSVC(max_iter=20000, random_state=0), [], False),
        (lambda _: LogisticRegression(max_iter=2000), ["--iterations", "2000"], False),
        (lambda _: GaussianNB(var_smoothing=1e-2), ["--smoothing", "0.01"], False),
        (lambda _: KNeighborsClassifier(5, algorithm="brute"), ["--k", "5"], False),
        (lambda seed: DecisionTreeClassifier(random_state=seed), [], True),
        (lambda seed: RandomForestClassifier(100, random_state=seed, n_jobs=2), [], True),
        (lambda seed: KMeans(8, n_init=1, random_state=seed), ["--clusters", "8"], True),
        (lambda seed: GaussianMixture(3, covariance_type="diag", reg_covar=1e-3, random_state=seed),
         ["--clusters", "3", "--diagonal", "--regularisation", "0.001"], True),
    ]


def scored(model, kind, ask, truth):
    if kind == "k_means":
        return float(model.inertia_)
    return float(model.score(ask) if kind == "gaussian_mixture" else model.score(ask, truth))


def told(scores):
    spread = f" ({np.std(scores):.4f})" if len(scores) > 1 else ""
    return f"{np.mean(scores):.4f}{spread}"


def main():
    skein, root = sys.argv[1], pathlib.Path(sys.argv[2])
    kept = {}
    print("| data | kind | imported: other classes | score: skein | scikit-learn |\n|---|---|---|---|---|")
    for data, (x, y, ask, truth) in read(root):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            for file, array in (("x", x), ("ask", ask)):
                np.save(folder / f"{file}.npy", np.ascontiguousarray(array))
            for file, array in (("y", y), ("truth", truth)):
                np.save(folder / f"{file}.npy", array.astype(np.int64))
            for make, flags, draws in estimators():
                model = make(0).fit(x, y)
                kind = export(model, folder / "imported", x, y)
                out = subprocess.check_output([skein, "classic", "predict", folder / "ask.npy", "-m",
                                               folder / "imported"], text=True).split()
                differ = int(np.sum(np.array(out, int) != model.predict(ask)))
                theirs, ours = [], []
                for seed in SEEDS if draws else [0]:
                    theirs.append(scored(make(seed).fit(x, y), kind, ask, truth))
                    out = subprocess.check_output(
                        [skein, "classic", "bench", folder / "x.npy", "--labels", folder / "y.npy", "--on",
                         folder / "ask.npy", "--on-labels", folder / "truth.npy", "--kind", kind, "--repeats", "1",
                         "--seed", str(seed), *flags])
                    ours.append(json.loads(out)["score"])
                if kind not in ("k_means", "gaussian_mixture"):
                    kept.setdefault(data, {})[kind] = float(np.mean(theirs))
                print(f"| {data} | {kind} | {differ} of {len(ask)} | {told(ours)} | {told(theirs)} |", flush=True)
    if "--write" in sys.argv:
        path = pathlib.Path(__file__).parent.parent / "Tests/Golden/classic/scores.json"
        path.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main()
