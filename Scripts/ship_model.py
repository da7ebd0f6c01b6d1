#!/usr/bin/env python3
"""Turn a training run into the model that comes with the project: quantise, sample, judge, write the card.

    python3 Scripts/ship_model.py runs/default Models/stories --skein .build/release/skein

`skein quantize` writes the folder; this adds the chat template, `golden.json` (what transformers computes in
float32 from the dequantised weights) and the card with figures and samples. Nothing is selected: the twenty
samples are seeds 1 to 20 of one prompt each, in order. Versions used: torch 2.13.0, transformers 5.23.0.
"""

import argparse
import json
import pathlib
import re
import subprocess
import tempfile

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% if not loop.last %} {% endif %}{% endfor %}"
OPENINGS = ["There was once", "Near the forest", "One morning", "Every animal in the wood", "In a small village"]
PROMPT, GREEDY = "There was once a", 64


def unpack(codes, bits, count):
    """Codes of whole-byte rows, lowest bits first."""
    spread = np.unpackbits(codes, axis=1, bitorder="little")[:, : count * bits]
    weights = 1 << np.arange(bits)
    return (spread.reshape(len(codes), count, bits) * weights).sum(2)


def dequantize(tensors, formats):
    """The matrices that the codes stand for, as Documentation/Quantization.md defines them."""
    result = {n: v for n, v in tensors.items() if n.rsplit(".", 1)[1] in ("weight", "bias")}
    for name, text in formats.items():
        bits, group = re.fullmatch(r"G(\d)_(\d+|ROW)(?:_MIN|_S8)?", text).groups()
        codes, scale = tensors[f"{name}.qweight"], tensors[f"{name}.scale"].astype(np.float32)
        rows = len(codes)
        scale = scale.reshape(rows, -1)
        if f"{name}.unit" in tensors:
            unit = tensors[f"{name}.unit"].astype(np.float32).reshape(rows, 1)
            scale = (unit * scale / np.float32(127)).astype(np.float16).astype(np.float32)
        count = codes.shape[1] * 8 // int(bits)
        if group != "ROW":
            count = scale.shape[1] * int(group)
        size = count if group == "ROW" else int(group)
        values = unpack(codes.view(np.uint8), int(bits), count).astype(np.float32) - (1 << int(bits) - 1)
        values = values * np.repeat(scale, size, axis=1)[:, :count]
        if f"{name}.minimum" in tensors:
            minimum = tensors[f"{name}.minimum"].astype(np.float32).reshape(rows, -1)
            values += np.repeat(minimum, size, axis=1)[:, :count]
        if f"{name}.outlier_ptr" in tensors:
            starts = tensors[f"{name}.outlier_ptr"].astype(np.int64)
            row = np.repeat(np.arange(rows), np.diff(starts))
            column = tensors[f"{name}.outlier_col"].view(np.uint16 if count <= 65536 else np.uint32)
            value = tensors[f"{name}.outlier_val"]
            values[row, column.reshape(-1)] = value.reshape(-1)
        result[name] = values
    return result


def load_numpy(path):
    """Every tensor as numpy; bfloat16 becomes float32 by its bits."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    kinds = {"F32": "<f4", "F16": "<f2", "U8": "u1", "I8": "i1", "I16": "<i2", "I32": "<i4", "BF16": "<u2"}
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + place for place in entry["data_offsets"])
        values = np.frombuffer(data[begin:end], kinds[entry["dtype"]]).reshape(entry["shape"])
        if entry["dtype"] == "BF16":
            values = (values.astype(np.uint32) << 16).view(np.float32)
        tensors[name] = values
    return tensors


def golden(folder):
    config = json.loads((folder / "config.json").read_text())
    formats = config.pop("quantization_config")["formats"]
    weights = dequantize(load_numpy(folder / "model.safetensors"), formats)
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        save_file({n: torch.from_numpy(np.array(v, np.float32)) for n, v in weights.items()},
                  place / "model.safetensors", metadata={"format": "pt"})
        (place / "config.json").write_text(json.dumps(config))
        model = AutoModelForCausalLM.from_pretrained(
            place, dtype=torch.float32, attn_implementation="eager").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(PROMPT, add_special_tokens=True).input_ids
    start, gap, added = len(ids), float("inf"), []
    with torch.no_grad():
        while len(added) < GREEDY:
            logits = model(torch.tensor([ids + added]), use_cache=False).logits[0, -1]
            top = logits.topk(2)
            gap = min(gap, (top.values[0] - top.values[1]).item())
            added.append(top.indices[0].item())
    assert start > 0
    return dict(prompt=PROMPT, prompt_ids=ids, greedy_ids=added, smallest_gap=gap)


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("target", type=pathlib.Path)
    parser.add_argument("--skein", default=".build/release/skein")
    parser.add_argument("--budget", default="4.5")
    parser.add_argument("--keep", action="store_true", help="the folder is quantised already")
    arguments = parser.parse_args()
    target = arguments.target
    if not arguments.keep:
        run(arguments.skein, "quantize", str(arguments.run / "model"), "-o", str(target), "--budget",
            arguments.budget, "--force")
    side = target / "tokenizer_config.json"
    settings = json.loads(side.read_text()) | {"chat_template": TEMPLATE}
    side.write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n")
    (target / "golden.json").write_text(json.dumps(golden(target)) + "\n")
    samples = []
    for seed in range(1, 21):
        opening = OPENINGS[(seed - 1) % len(OPENINGS)]
        text = run(arguments.skein, "generate", "--model", str(target), "--prompt", opening, "--temp",
                   "0.7", "--top-p", "0.95", "--seed", str(seed), "--max-tokens", "300")
        samples.append(f"**{seed}.** *{opening}*{text.rstrip()}")
    (target / "SAMPLES.md").write_text(
        "# Twenty samples\n\nSeeds 1 to 20, temperature 0.7, top-p 0.95, at most 300 tokens, none left "
        "out; openings in italics.\n\n" + "\n\n---\n\n".join(samples) + "\n")
    print(f"wrote {target}: {sum(p.stat().st_size for p in target.iterdir()) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
