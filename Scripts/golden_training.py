#!/usr/bin/env python3
"""Write what PyTorch computes when the golden models learn: gradients, and a loss curve of 200 steps.

    python3 Scripts/golden_training.py Tests/Golden/models Tests/Golden/training [--gradients | --autocast]

gradients.json: for each family, one pass over ragged sequences, each run alone and without padding; the
loss summed over all next tokens and divided by their number (with label smoothing and z-loss where
named), and of every parameter's gradient the Euclidean norm and 16 values at even distances.
curve.json: loss and gradient norm of 200 steps of AdamW on the llama3 golden model, float32, one thread.
autocast.json: for four families, how far a pass under bf16 autocast is from one in float32: the loss of
both, and the Euclidean norm of the gradients' difference over that of the gradients.
Nothing is drawn: tokens follow the formula of `tokens`. Versions used: torch 2.13.0, transformers 5.23.0.
"""

import json
import math
import pathlib
import sys

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM

FAMILIES = ["llama2", "llama3", "gpt2", "qwen2", "qwen3", "smollm", "smollm3", "mistral",
            "mamba", "mamba-odd"]
LENGTHS = [5, 17, 1, 40, 64]
STEPS, SEQUENCES, LENGTH = 200, 4, 48


def tokens(start, count):
    """A sequence that the start and the position decide, with some regularity to be learnt."""
    return [(7 * start + i * (i + 1) // 2 + (start * i) % 5) % 128 for i in range(count)]


def load(folder):
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager")
    # A padding index would keep that token's embedding from learning.
    model.get_input_embeddings().padding_idx = None
    return model.train()


def loss_of(model, sequences, smoothing=0.0, z_weight=0.0):
    total, count = 0.0, 0
    for ids in sequences:
        if len(ids) < 2:
            continue
        row = torch.tensor([ids])
        logits = model(row, use_cache=False).logits[0, :-1]
        total = total + F.cross_entropy(
            logits, row[0, 1:], reduction="sum", label_smoothing=smoothing)
        total = total + z_weight * torch.logsumexp(logits, -1).square().sum()
        count += len(ids) - 1
    return total / count


def gradients(folder, smoothing, z_weight):
    model = load(folder)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    loss = loss_of(model, [tokens(i, n) for i, n in enumerate(LENGTHS)], smoothing, z_weight)
    loss.backward()
    values = {}
    for name, parameter in model.named_parameters():
        flat = parameter.grad.flatten()
        picks = [flat[i * (len(flat) - 1) // 15].item() for i in range(16)]
        values[name] = {"norm": flat.norm().item(), "picks": picks}
    return {"smoothing": smoothing, "z": z_weight, "loss": loss.item(), "gradients": values}


def rate(step):
    peak, floor, warmup = 1e-3, 1e-4, 20
    if step < warmup:
        return peak * (step + 1) / warmup
    share = (step - warmup) / (STEPS - warmup)
    return floor + (peak - floor) * (1 + math.cos(math.pi * share)) / 2


def curve(folder):
    model = load(folder)
    groups = [{"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": 0.1},
              {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8)
    losses, norms = [], []
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        loss = loss_of(model, [tokens(step * SEQUENCES + i, LENGTH) for i in range(SEQUENCES)])
        optimizer.zero_grad()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item())
        optimizer.step()
        losses.append(loss.item())
    return {"losses": losses, "norms": norms}


def autocast(folder):
    model = load(folder).eval()
    losses, gradients = [], []
    for is_narrow in (False, True):
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=is_narrow):
            loss = loss_of(model, [tokens(i, 31) for i in range(3)])
        loss.backward()
        losses.append(loss.item())
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    wide, narrow = gradients
    return {"losses": losses, "apart": ((wide - narrow).norm() / wide.norm()).item()}


def main():
    torch.set_num_threads(1)
    models, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    apart = {family: autocast(models / family) for family in ["llama3", "qwen3", "gpt2", "mamba"]}
    (target / "autocast.json").write_text(json.dumps(apart) + "\n")
    if "--autocast" in sys.argv[3:]:
        return
    found = {}
    for index, family in enumerate(FAMILIES):
        smoothing, z_weight = (0.1, 1e-3) if index % 2 else (0.0, 0.0)
        found[family] = gradients(models / family, smoothing, z_weight)
    (target / "gradients.json").write_text(json.dumps(found) + "\n")
    if "--gradients" not in sys.argv[3:]:
        (target / "curve.json").write_text(json.dumps(curve(models / "llama3")) + "\n")


if __name__ == "__main__":
    main()
