"""Makes Tests/Golden/kernels/dequantize.json: random blocks of every quantised GGUF type and their
values according to Python's `gguf` package.

Made with gguf 0.19 and numpy, seed 20260101. Usage: python3 Scripts/golden_dequantize.py
"""

import json
import pathlib

import numpy as np
from gguf import GGMLQuantizationType, GGML_QUANT_SIZES, quants

# Byte offsets of the half-precision scales of a block, which must be finite and tame.
HALVES = {
    "F16": [0], "BF16": [], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}
BLOCKS = 2

rng = np.random.default_rng(20260101)
cases = []
for name, halves in HALVES.items():
    kind = GGMLQuantizationType[name]
    values, size = GGML_QUANT_SIZES[kind]
    if values == 1:
        raw = rng.normal(size=40).astype(np.float16 if name == "F16" else np.float32)
        blocks = raw.view(np.uint8) if name == "F16" else raw.view(np.uint16)[1::2].copy().view(np.uint8)
    else:
        blocks = rng.integers(0, 256, (BLOCKS, size), dtype=np.uint8)
        for at in halves:
            scale = rng.uniform(-0.1, 0.1, (BLOCKS, 1)).astype(np.float16)
            blocks[:, at : at + 2] = scale.view(np.uint8)
        blocks = blocks.reshape(-1)
    expected = quants.dequantize(blocks.copy(), kind).reshape(-1).astype(np.float32)
    bits = expected.view(np.uint32).tolist()
    cases.append({"type": int(kind), "name": name, "bytes": blocks.tolist(), "bits": bits})

out = pathlib.Path(__file__).parents[1] / "Tests/Golden/kernels/dequantize.json"
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
