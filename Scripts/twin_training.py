#!/usr/bin/env python3
"""Train the PyTorch twin of a run of `skein train`: same first weights, batches, optimiser and schedule.

    skein train --config Recipes/default.yaml --output FIRST --steps 1 \
        --set optimizer.learning_rate=0 --set schedule.minimum=0
    skein train --config Recipes/default.yaml --output RUN
    python3 Scripts/twin_training.py RUN FIRST/model [--dtype f32|bf16] [--threads 2] [--steps N]

A step at the rate zero leaves the first weights in FIRST/model. RUN needs `packing: documents`, Muon and the
schedule wsd, as the default recipe has them, and held-out text. Batches are found by the rule of
SkeinTraining/Corpus/BatchSource.swift, which a seed decides. Prints losses beside RUN's metrics every 100
steps, at the end both held-out bits a byte and their ratio. Needs torch and transformers.
"""

import argparse
import json
import math
import pathlib
import struct
import time

import numpy
import torch
import torch.nn.functional as F
from transformers import LlamaForCausalLM

ORDER_STREAM = 0x0bde5001
MASK = 0xffffffff


class Tokens:
    """A token file of SkeinTraining/Corpus/TokenFile.swift."""

    def __init__(self, path):
        data = path.read_bytes()
        assert data[:8] == b"SKTOKEN1", path
        size, self.documents, self.tokens, self.text_bytes, _ = struct.unpack_from("<5Q", data, 8)
        self.copies = numpy.frombuffer(data, "<u4", self.documents, 48)
        bounds = 48 + (4 * self.documents + 7) // 8 * 8
        self.bounds = numpy.frombuffer(data, "<u8", self.documents + 1, bounds).astype(int)
        ids = bounds + 8 * (self.documents + 1)
        self.ids = numpy.frombuffer(data, "<u2" if size == 2 else "<i4", self.tokens, ids)

    def part(self, document, row, length, boundary):
        """Inputs and targets of some rows of a document between two boundaries."""
        first, last = self.bounds[document], self.bounds[document + 1]
        whole = [boundary, *self.ids[first:last].tolist(), boundary]
        rows = whole[row:row + length + 1]
        return rows[:-1], rows[1:]

    def parts(self, length, with_copies):
        for document in range(self.documents):
            size = self.bounds[document + 1] - self.bounds[document] + 1
            for _ in range(self.copies[document] if with_copies else 1):
                for row in range(0, size, length):
                    yield document, row, min(length, size - row)


def uniforms(seed, stream, positions):
    """Philox-4x32-10 at the positions, as doubles in [0, 1)."""
    p = positions.astype(numpy.uint64)
    c = [p & MASK, p >> 32, numpy.full_like(p, stream), numpy.zeros_like(p)]
    k0, k1 = seed & MASK, seed >> 32 & MASK
    for _ in range(10):
        a, b = c[0] * 0xd2511f53, c[2] * 0xcd9e8d57
        c = [b >> 32 ^ c[1] ^ k0, b & MASK, a >> 32 ^ c[3] ^ k1, a & MASK]
        k0, k1 = k0 + 0x9e3779b9 & MASK, k1 + 0xbb67ae85 & MASK
    return ((c[0] << 32 | c[1]) >> 11).astype(numpy.float64) * 2.0**-53


def batches(tokens, rows, length, boundary, seed):
    epoch = 0
    batch, filled = [], 0
    while True:
        order = list(tokens.parts(length, True))
        key = seed + epoch * 0x9e3779b97f4a7c15 & 0xffffffffffffffff
        draws = uniforms(key, ORDER_STREAM, numpy.arange(len(order)))
        for place in range(1, len(order)):
            other = min(int(draws[place] * (place + 1)), place)
            order[place], order[other] = order[other], order[place]
        for document, row, count in order:
            if batch and filled + count > rows:
                yield batch
                batch, filled = [], 0
            batch.append(tokens.part(document, row, length, boundary))
            filled += count
        epoch += 1


def loss_sum(model, batch):
    """The summed loss and the number of targets of sequences side by side, padded at their ends."""
    width = max(len(inputs) for inputs, _ in batch)
    x = torch.zeros(len(batch), width, dtype=torch.long)
    y = torch.full((len(batch), width), -100)
    for i, (inputs, targets) in enumerate(batch):
        x[i, :len(inputs)] = torch.tensor(inputs)
        y[i, :len(targets)] = torch.tensor(targets)
    logits = model(x, use_cache=False).logits
    loss = F.cross_entropy(logits.float().flatten(0, 1), y.flatten(), reduction="sum")
    return loss, int((y >= 0).sum())


def held_out_bits(model, held, length, rows, boundary, limit):
    """As `TrainingRun.evaluate`: batches of whole parts until `limit` rows are judged."""
    total, count, done, batch, filled = 0.0, 0, 0, [], 0

    def flush():
        nonlocal total, count, done, batch, filled
        if batch:
            part, n = loss_sum(model, batch)
            total, count, done = total + part.item(), count + n, done + filled
        batch, filled = [], 0

    model.eval()
    with torch.no_grad():
        for document, row, size in held.parts(length, False):
            if row == 0 and done >= limit:
                break
            if filled + size > rows:
                flush()
            batch.append(held.part(document, row, length, boundary))
            filled += size
        if done < limit:
            flush()
    return total / count / math.log(2) / (held.text_bytes / (held.tokens + held.documents))


class Muon(torch.optim.Optimizer):
    """As SkeinNN/Learning/Muon.swift has it."""

    def __init__(self, parameters, lr, momentum, weight_decay):
        super().__init__(parameters, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            keep = group["momentum"]
            for p in group["params"]:
                state = self.state[p]
                average = state.setdefault("average", torch.zeros_like(p))
                average.mul_(keep).add_(p.grad, alpha=1 - keep)
                x = keep * average + (1 - keep) * p.grad
                is_tall = x.shape[0] > x.shape[1]
                x = x.T if is_tall else x
                x = x / (x.norm() + 1e-7)
                for _ in range(5):
                    square = x @ x.T
                    x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
                x = x.T if is_tall else x
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(x, alpha=-group["lr"] * 0.2 * math.sqrt(max(p.shape)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("first", type=pathlib.Path)
    parser.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--output", type=pathlib.Path, help="write PyTorch's model here")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    config = json.loads((options.run / "run.json").read_text())
    config = config.get("configuration", config)
    rule, schedule, batch = config["optimizer"], config["schedule"], config["batch"]
    assert (rule["name"], schedule["name"], batch["packing"]) == ("muon", "wsd", "documents")
    unknown = {"loss", "lora", "dropout", "ema"} & set(config) | {"accumulation"} & set(batch)
    assert not unknown, f"the twin has no {', '.join(sorted(unknown))}"
    steps, length = config["steps"], batch["length"]
    decay_steps = schedule["decay_steps"]

    def rate(step):
        peak, warmup = rule["learning_rate"], schedule["warmup"]
        if step < warmup:
            return peak * (step + 1) / warmup
        share = min(max((step - (steps - decay_steps)) / decay_steps, 0), 1)
        return peak + (schedule["minimum"] - peak) * share

    model = LlamaForCausalLM.from_pretrained(options.first, dtype=torch.float32).train()
    boundary = model.config.bos_token_id
    matrices = [p for n, p in model.named_parameters() if p.dim() == 2 and "embed" not in n]
    tables = [p for n, p in model.named_parameters() if p.dim() == 2 and "embed" in n]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    betas, decay = tuple(rule["betas"]), rule["weight_decay"]
    muon = Muon(matrices, 0, betas[1], decay)
    adam = torch.optim.AdamW([dict(params=tables, weight_decay=decay),
                              dict(params=vectors, weight_decay=0.0)], betas=betas, eps=1e-8)
    tokens = Tokens(options.run / "train.tokens")
    source = batches(tokens, batch["sequences"] * length, length, boundary, config.get("seed", 1))
    metrics = [json.loads(line) for line in (options.run / "metrics.jsonl").read_text().splitlines()]
    start = time.time()
    for step in range(options.steps or steps):
        with torch.autocast("cpu", torch.bfloat16, enabled=options.dtype == "bf16"):
            total, count = loss_sum(model, next(source))
        loss = total / count
        model.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), rule["clip"])
        for group in muon.param_groups:
            group["lr"] = rate(step) * rule["muon_scale"]
        for group in adam.param_groups:
            group["lr"] = rate(step)
        muon.step()
        adam.step()
        if step < 3 or (step + 1) % 100 == 0:
            ours = metrics[step]["loss"] if step < len(metrics) else float("nan")
            print(f"step {step + 1}: skein {ours:.4f}, PyTorch {loss.item():.4f},"
                  f" {time.time() - start:.0f} s", flush=True)
    held = Tokens(options.run / "validation.tokens")
    bits = held_out_bits(model, held, length, batch["sequences"] * length, boundary,
                         config["evaluation"]["tokens"])
    print(f"held-out bits a byte of PyTorch's model: {bits:.4f}")
    ours = metrics[step].get("bits_per_byte") if step < len(metrics) else None
    if ours:
        print(f"skein's after as many steps: {ours:.4f}, ratio {ours / bits:.4f}")
    if options.output:
        model.save_pretrained(options.output)


if __name__ == "__main__":
    main()
