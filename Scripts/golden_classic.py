"""Writes Tests/Golden/classic: models fitted by scikit-learn and what they predict.

Made with scikit-learn 1.9.1 and NumPy 2.4.6, every random_state 7. Data: the first 300 rows of
scikit-learn's bundled digits, 200 to fit and 100 to predict. The function `export` is the documented
way from scikit-learn to `skein classic`: copy it.
"""

import json
import pathlib

import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier


def export(model, folder, samples=None, targets=None):
    """Writes a fitted estimator as model.json and one .npy an array."""
    name = type(model).__name__
    arrays, parameters = {}, {}
    if name in ("LogisticRegression", "LinearSVC"):
        kind = "logistic_regression" if name == "LogisticRegression" else "linear_svm"
        arrays = {"coef": model.coef_, "intercept": model.intercept_}
    elif name == "GaussianNB":
        kind = "gaussian_nb"
        arrays = {"theta": model.theta_, "var": model.var_, "class_prior": model.class_prior_}
    elif name == "KNeighborsClassifier":
        kind, parameters = "k_neighbors", {"k": model.n_neighbors}
        arrays = {"samples": np.float32(samples), "targets": np.searchsorted(model.classes_, targets)}
    elif name == "KMeans":
        kind, arrays = "k_means", {"cluster_centers": model.cluster_centers_}
    elif name == "GaussianMixture":
        kind = "gaussian_mixture"
        arrays = {"weights": model.weights_, "means": model.means_, "covariances": model.covariances_}
    else:
        forest = name == "RandomForestClassifier"
        kind = "random_forest" if forest else "decision_tree"
        trees = [t.tree_ for t in model.estimators_] if forest else [model.tree_]
        for key in ("feature", "threshold", "children_left", "children_right"):
            arrays[key] = np.concatenate([getattr(t, key) for t in trees])
        arrays["value"] = np.concatenate([t.value[:, 0, :] for t in trees])
        arrays["tree_offset"] = np.cumsum([0] + [t.node_count for t in trees])
        parameters = {"width": model.n_features_in_}
    folder.mkdir(parents=True, exist_ok=True)
    for key, value in arrays.items():
        np.save(folder / f"{key}.npy", np.ascontiguousarray(value))
    classes = [str(c) for c in getattr(model, "classes_", [])]
    description = {"format": "skein-classic", "version": 1, "kind": kind,
                   "classes": classes, "parameters": parameters}
    (folder / "model.json").write_text(json.dumps(description, indent=2) + "\n")
    return kind


def main():
    root = pathlib.Path(__file__).parent.parent / "Tests/Golden/classic"
    x, y = load_digits(return_X_y=True)
    x, y = np.float32(x[:300]), y[:300]
    root.mkdir(parents=True, exist_ok=True)
    np.save(root / "digits.npy", x.astype(np.uint8))
    np.save(root / "digits_classes.npy", y.astype(np.uint8))
    fit, ask = slice(0, 200), slice(200, 300)
    models = [
        LogisticRegression(max_iter=2000, tol=1e-6),
        LinearSVC(max_iter=50000, C=0.01, random_state=7),
        GaussianNB(var_smoothing=1e-2),
        KNeighborsClassifier(5),
        DecisionTreeClassifier(random_state=7),
        RandomForestClassifier(8, random_state=7),
        KMeans(6, n_init=1, random_state=7),
        GaussianMixture(3, covariance_type="diag", reg_covar=0.1, random_state=7),
    ]
    expected = {}
    for model in models:
        model.fit(x[fit], y[fit])
        kind = export(model, root / type(model).__name__, x[fit], y[fit])
        labels = model.predict(x[ask])
        entry = {"folder": type(model).__name__, "labels": labels.tolist()}
        if kind == "logistic_regression":
            entry["probabilities"] = model.predict_proba(x[ask])[:5].ravel().tolist()
        if hasattr(model, "classes_"):
            entry["accuracy"] = float(np.mean(labels == y[ask]))
        if kind == "k_means":
            entry["inertia"] = float(model.inertia_)
            start = KMeans(6, n_init=1, init=x[:6], max_iter=300).fit(x[fit])
            entry["from_first_six"] = {
                "labels": start.predict(x[ask]).tolist(), "inertia": float(start.inertia_)}
        expected[kind] = entry
    (root / "expected.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main()
