#!/usr/bin/env python3
"""Write where PyTorch's optimisers move one matrix in five steps.

    python3 Scripts/golden_optimizers.py Tests/Golden/training/optimizers.json

The matrix is [6, 4] with value(i) = sin(i + 1); the gradient of step s (from 0) is
cos(0.7 i + 1.3 s) + 0.1 · value: every number is a formula and none is drawn. Rate 0.02, decay 0.1.
AdamW and SGD are torch.optim's, float64. Lion and Muon follow their papers in float64: torch has no
Lion, and its Muon iterates in bfloat16, so its coefficients and the rate's adjustment
0.2 · sqrt(max(rows, columns)) ("match_rms_adamw") are used here in full precision.
Versions used: torch 2.13.0.
"""

import json
import math
import pathlib
import sys

import torch

RATE, DECAY = 0.02, 0.1


def start():
    return torch.tensor([math.sin(i + 1) for i in range(24)], dtype=torch.float64).reshape(6, 4)


def gradient(value, step):
    wave = torch.tensor([math.cos(0.7 * i + 1.3 * step) for i in range(24)], dtype=torch.float64)
    return wave.reshape(6, 4) + 0.1 * value


def library(make):
    value = torch.nn.Parameter(start())
    optimizer = make([value])
    for step in range(5):
        value.grad = gradient(value.detach(), step)
        optimizer.step()
    return value.detach()


def lion():
    value, moment = start(), torch.zeros(6, 4, dtype=torch.float64)
    for step in range(5):
        slope = gradient(value, step)
        value = value * (1 - RATE * DECAY) - RATE * torch.sign(0.9 * moment + 0.1 * slope)
        moment = 0.99 * moment + 0.01 * slope
    return value


def muon():
    value, moment = start(), torch.zeros(6, 4, dtype=torch.float64)
    for step in range(5):
        slope = gradient(value, step)
        moment = 0.95 * moment + 0.05 * slope
        x = (0.95 * moment + 0.05 * slope).T
        x = x / (x.norm() + 1e-7)
        for _ in range(5):
            square = x @ x.T
            x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
        value = value * (1 - RATE * DECAY) - RATE * 0.2 * math.sqrt(6) * x.T
    return value


def main():
    found = {
        "adamw": library(lambda p: torch.optim.AdamW(
            p, lr=RATE, weight_decay=DECAY, betas=(0.9, 0.95), eps=1e-8)),
        "sgd": library(lambda p: torch.optim.SGD(p, lr=RATE, weight_decay=DECAY, momentum=0.9)),
        "nesterov": library(lambda p: torch.optim.SGD(
            p, lr=RATE, weight_decay=DECAY, momentum=0.9, nesterov=True)),
        "lion": lion(),
        "muon": muon(),
    }
    text = json.dumps({name: value.flatten().tolist() for name, value in found.items()})
    pathlib.Path(sys.argv[1]).write_text(text + "\n")


if __name__ == "__main__":
    main()
