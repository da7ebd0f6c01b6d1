#!/usr/bin/env python3
"""Time quantising one linear layer: skein's EasyQuant against GPTQ with calibration activations.

    python3 Scripts/bench_gptq.py [--skein PATH] [--outputs 2048] [--inputs 2048] [--tokens 16384]

Needs numpy, torch and safetensors (measured with torch 2.13.0+cpu). GPTQ (arXiv 2210.17323) is written
out here from the paper: Hessian of the activations, its damped inverse by Cholesky, columns in blocks of
128 with the error fed forward; 4 bits, one range a row. Both use two threads. What GPTQ would need
besides, running the model to gather the activations, is not counted.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile
import time

import torch
from safetensors.torch import save_file


def gptq(weights: torch.Tensor, activations: torch.Tensor, block: int = 128) -> torch.Tensor:
    w = weights.clone()
    rows, columns = w.shape
    hessian = 2 * activations.T @ activations / activations.shape[0]
    damping = 0.01 * hessian.diagonal().mean()
    hessian += damping * torch.eye(columns)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(hessian))
    upper = torch.linalg.cholesky(inverse, upper=True)
    scale = (w.abs().amax(dim=1) / 7).clamp_min(1e-12)
    out = torch.zeros_like(w)
    for first in range(0, columns, block):
        last = min(first + block, columns)
        errors = torch.zeros(rows, last - first)
        for i in range(first, last):
            q = torch.clamp(torch.round(w[:, i] / scale), -8, 7) * scale
            out[:, i] = q
            error = (w[:, i] - q) / upper[i, i]
            w[:, i:last] -= error[:, None] * upper[i, i:last][None, :]
            errors[:, i - first] = error
        w[:, last:] -= errors @ upper[first:last, last:]
    return out


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--skein", default=".build/release/skein")
    parser.add_argument("--outputs", type=int, default=2048)
    parser.add_argument("--inputs", type=int, default=2048)
    parser.add_argument("--tokens", type=int, default=16384)
    options = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(2)
    weights = torch.randn(options.outputs, options.inputs) * 0.02
    activations = torch.randn(options.tokens, options.inputs)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        gptq(weights, activations)
        times.append(time.perf_counter() - start)
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "layer"
        source.mkdir()
        save_file({"model.layers.0.mlp.up_proj.weight": weights}, str(source / "model.safetensors"))
        (source / "config.json").write_text(json.dumps(dict(model_type="llama")))
        ours = []
        for index in range(5):
            start = time.perf_counter()
            subprocess.run(
                [options.skein, "quantize", str(source), "-o", f"{folder}/q{index}", "--threads", "2",
                 "--bits", "4", "--group", "row", "--sigma", "3"],
                check=True, capture_output=True)
            ours.append(time.perf_counter() - start)
    a, b = sorted(times)[1], sorted(ours)[2]
    print(f"GPTQ {a:.2f} s, skein quantize (whole command) {b:.3f} s, {a / b:.0f} times faster")


if __name__ == "__main__":
    main()
