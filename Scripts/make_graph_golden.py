#!/usr/bin/env python3
"""Make Tests/Golden/graph/golden.json: references for SkeinGraph's tests.

Written with networkx 3.6, NumPy 2.4, SciPy 1.17 and scikit-learn 1.9; seed 7. The graph is networkx'
own karate club without weights, plus a small weighted random graph.
"""

import json
import pathlib

import networkx as nx
import numpy as np
from scipy.special import iv
from sklearn.metrics import average_precision_score, f1_score, ndcg_score, roc_auc_score


def edges(graph):
    return [[int(a), int(b), float(w)] for a, b, w in graph.edges(data="weight", default=1.0)]


def netmf(a, window):
    d = a.sum(1)
    p = a / d[:, None]
    power, total = np.eye(len(a)), 0
    for _ in range(window):
        power = power @ p
        total = total + power
    m = np.log(np.maximum(1, d.sum() / window * total / d[None, :]))
    return np.linalg.svd(m, compute_uv=False)[:8].tolist()


def prone(a):
    d = a.sum(1)
    p = a / d[:, None]
    noise = p.sum(0) ** 0.75
    noise /= noise.sum()
    f = np.where(a > 0, np.log(np.where(a > 0, p, 1)) - np.log(noise)[None, :], 0)
    return np.linalg.svd(f, compute_uv=False)[:8].tolist()


def filtered(a, x):
    """The Chebyshev filter and the product with A + I, before the last decomposition; x = unit rows."""
    n = len(a)
    loops = a + np.eye(n)
    m = np.eye(n) - loops / loops.sum(1)[:, None] - 0.2 * np.eye(n)
    before, now = x, 0.5 * m @ m @ x - x
    total = iv(0, 0.5) * before - 2 * iv(1, 0.5) * now
    for k in range(2, 10):
        before, now = now, m @ m @ now - 2 * now - before
        total += (-1) ** k * 2 * iv(k, 0.5) * now
    y = loops @ (x - total)
    u, s, _ = np.linalg.svd(y, full_matrices=False)
    z = u * np.sqrt(s)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    return (z @ z.T).round(7).tolist()


def main():
    random = np.random.default_rng(7)
    karate = nx.karate_club_graph()
    for _, _, data in karate.edges(data=True):
        data["weight"] = 1.0
    weighted = nx.gnp_random_graph(40, 0.15, seed=7)
    for _, _, data in weighted.edges(data=True):
        data["weight"] = float(random.integers(1, 9)) / 2
    result = {}
    for name, graph in (("karate", karate), ("weighted", weighted)):
        a = nx.to_numpy_array(graph, nodelist=range(len(graph)))
        features = np.cos(np.outer(np.arange(len(a)), 1 + np.arange(4)))
        features /= np.linalg.norm(features, axis=1, keepdims=True)
        half = {node: int(node) % 3 for node in graph}
        border = sorted({n for a, b in graph.edges if half[a] != half[b] for n in (a, b)})
        result[name] = {
            "edges": edges(graph), "nodes": len(graph),
            "degrees": [d for _, d in sorted(graph.degree)],
            "border_of_mod_3": border,
            "border_edges": graph.subgraph(border).number_of_edges(),
            "cut_edges": sum(half[a] != half[b] for a, b in graph.edges),
            "netmf_values": netmf(a, 10), "prone_values": prone(a),
            "filtered_products": filtered(a, features)[0],
        }
    scores = random.integers(0, 20, 200) / 20
    truth = random.random(200) < scores
    guess = random.random((50, 6)) < 0.4
    labels = random.random((50, 6)) < 0.4
    result["metrics"] = {
        "scores": scores.tolist(), "truth": truth.astype(int).tolist(),
        "auc": roc_auc_score(truth, scores), "ap": average_precision_score(truth, scores),
        "predicted": [np.flatnonzero(r).tolist() for r in guess],
        "actual": [np.flatnonzero(r).tolist() for r in labels],
        "micro": f1_score(labels, guess, average="micro"),
        "macro": f1_score(labels, guess, average="macro"),
        "ndcg": ndcg_score([[0, 1, 0, 1, 1, 0]], [[6, 5, 4, 3, 2, 1]], k=4),
    }
    path = pathlib.Path(__file__).parent.parent / "Tests/Golden/graph/golden.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result) + "\n")


main()
