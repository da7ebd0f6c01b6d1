"""Writes Tests/Golden/decoding/sampling.json: what each sampler leaves, in numpy, double precision.

Run:  python3 Scripts/golden_sampling.py        (seed 20260101; numpy, torch and transformers)
Before it writes, every filter is checked against transformers' processors on logits without ties.
Made with numpy 2.4.6, torch 2.13, transformers 5.23.0.
"""
import json
import pathlib

import numpy as np

SEED = 20260101
OUT = pathlib.Path(__file__).resolve().parent.parent / "Tests/Golden/decoding/sampling.json"
OFF = dict(temperature=1.0, topK=0, topP=1.0, minP=0.0, typicalP=1.0, repetition=1.0, window=64,
           frequency=0.0, presence=0.0, bias={}, seed=0)


def philox(seed, stream, position):
    """Philox-4x32-10 (Salmon et al. 2011), then 53 bits of its first two words."""
    mask = 0xFFFFFFFF
    c = [position & mask, position >> 32, stream, 0]
    k = [seed & mask, seed >> 32]
    for _ in range(10):
        a, b = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = [(b >> 32) ^ c[1] ^ k[0], b & mask, (a >> 32) ^ c[3] ^ k[1], a & mask]
        k = [(k[0] + 0x9E3779B9) & mask, (k[1] + 0xBB67AE85) & mask]
    return ((c[0] << 32 | c[1]) >> 11) * 2.0**-53


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def penalised(logits, p, path):
    x = logits.astype(np.float32).copy()
    for token, bias in p["bias"].items():
        x[int(token)] += np.float32(bias)
    window = path if p["window"] < 0 else path[len(path) - min(p["window"], len(path)):]
    for token in set(window):
        r = np.float32(p["repetition"])
        x[token] = x[token] * r if x[token] <= 0 else x[token] / r
        x[token] -= np.float32(window.count(token)) * np.float32(p["frequency"]) + np.float32(p["presence"])
    return x


def distribution(logits, p, path):
    x = penalised(logits, p, path)
    ids = np.array([i for i in range(len(x)) if np.isfinite(x[i])], dtype=int)
    x = x.astype(np.float64)
    ids = ids[np.lexsort((ids, -x[ids]))]
    if p["temperature"] == 0:
        return ids[:1], np.zeros(min(1, len(ids)))
    if p["topK"] > 0:
        ids = ids[: p["topK"]]
    if p["typicalP"] < 1:
        q = softmax(x[ids])
        with np.errstate(divide="ignore", invalid="ignore"):
            information = -(x[ids] - x[ids].max() - np.log(np.exp(x[ids] - x[ids].max()).sum()))
            entropy = np.nansum(q * information)
        order = np.lexsort((np.arange(len(ids)), np.abs(information - entropy)))
        n = int((np.cumsum(q[order]) < p["typicalP"]).sum()) + 1
        ids = ids[np.sort(order[:n])]
    if p["topP"] < 1:
        n = int((np.cumsum(softmax(x[ids])) < p["topP"]).sum()) + 1
        ids = ids[:n]
    if p["minP"] > 0:
        ids = ids[x[ids] >= x[ids[0]] + np.log(p["minP"])]
    y = x[ids] / p["temperature"]
    return ids, y - y.max() - np.log(np.exp(y - y.max()).sum())


def draw(ids, logs, seed, position):
    w = np.exp(logs - logs.max())
    c = np.cumsum(w)
    i = int((c <= philox(seed, 1, position) * c[-1]).sum())
    return int(ids[min(i, int((w > 0).sum()) - 1)])


def check_against_transformers(rng):
    import torch
    from transformers.generation import logits_process as lp

    for trial in range(200):
        v = int(rng.integers(3, 300))
        x = rng.normal(0, rng.uniform(0.2, 6), v).astype(np.float32)
        if len(set(x)) < v:
            continue
        path = [int(t) for t in rng.integers(0, v, 20)]
        k, a, r = int(rng.integers(1, v)), float(rng.uniform(0.05, 0.95)), float(rng.uniform(0.5, 2))
        for name, value, processor in [
            ("topK", k, lp.TopKLogitsWarper(k)),
            ("topP", a, lp.TopPLogitsWarper(a)),
            ("minP", a, lp.MinPLogitsWarper(a)),
            ("typicalP", a, lp.TypicalLogitsWarper(a)),
            ("temperature", r, lp.TemperatureLogitsWarper(r)),
            ("repetition", r, lp.RepetitionPenaltyLogitsProcessor(r)),
        ]:
            theirs = processor(torch.tensor([path]), torch.tensor(x.astype(np.float64))[None])[0]
            logs = torch.log_softmax(theirs, -1).numpy()
            ids, ours = distribution(x, OFF | {name: value}, path)
            assert set(ids) == set(np.flatnonzero(np.isfinite(logs))), (trial, name, value)
            assert np.abs(logs[ids] - ours).max() < 1e-5, (trial, name, value)


def main():
    rng = np.random.default_rng(SEED)
    check_against_transformers(rng)
    settings = [
        {}, {"temperature": 0.0}, {"temperature": 0.3}, {"temperature": 7.5}, {"topK": 1}, {"topK": 5},
        {"topK": 1000}, {"topP": 0.0}, {"topP": 0.5}, {"topP": 0.97}, {"minP": 0.02}, {"minP": 1.0},
        {"typicalP": 0.0}, {"typicalP": 0.4}, {"typicalP": 0.9},
        {"repetition": 1.7}, {"repetition": 0.6, "window": 3}, {"frequency": 0.4, "presence": 0.9},
        {"repetition": 1.3, "frequency": -0.5, "window": -1}, {"presence": 3.0, "window": 0},
        {"bias": {"0": 5.0, "3": -2.5}}, {"bias": {"2": 1.0}, "repetition": 1.5},
        {"temperature": 0.8, "topK": 40, "topP": 0.95, "minP": 0.05},
        {"temperature": 1.4, "topK": 12, "typicalP": 0.8, "topP": 0.9, "minP": 0.01,
         "repetition": 1.2, "frequency": 0.2, "presence": 0.1, "bias": {"1": 2.0}},
        {"temperature": 0.6, "topP": 0.9, "minP": 0.1},
    ]
    cases = []
    for s in settings:
        for kind in ["plain", "ties", "extreme", "large"]:
            v = {"plain": 40, "ties": 32, "extreme": 24, "large": 500}[kind]
            if kind == "large" and not set(s) <= {"topP", "temperature", "minP"}:
                continue
            x = rng.normal(0, 0.5 if kind == "large" else 3, v).astype(np.float32)
            if kind == "ties":
                x = np.round(x).astype(np.float32)
            if kind == "extreme":
                x[[5, 6, 7, 8, 9, 10]] = [np.nan, np.inf, -np.inf, -3e38, -0.0, 0.0]
                x[11] = 60
            path = [int(t) for t in rng.integers(0, min(v, 8), 90)]
            p = OFF | s | {"seed": int(rng.integers(0, 2**62))}
            ids, logs = distribution(x, p, path)
            positions = [0, 1, 2, 3, 77, 4096, 2**31 - 1]
            cases.append({
                "kind": kind, "parameters": p, "path": path,
                "bits": [int(b) for b in x.view(np.uint32)],
                "ids": [int(i) for i in ids],
                "logProbabilities": [round(float(l), 7) for l in logs],
                "positions": positions,
                "tokens": [draw(ids, logs, p["seed"], t) for t in positions],
            })
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"seed": SEED, "cases": cases}, separators=(",", ":")) + "\n")
    print(f"{len(cases)} cases, {OUT.stat().st_size} bytes")


main()
