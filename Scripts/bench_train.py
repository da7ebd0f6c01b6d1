"""A training step of a Llama, Skein's beside PyTorch's, in one run.

    python Scripts/bench_train.py --skein .build/release/skein [--pairs 5] [--threads 2] [--only SIZE]

Needs torch 2.13 and transformers. Both sides take the same sizes, random tokens, AdamW and
clipping. Runs alternate; each figure is the median step of a run, each ratio the median of pairs.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys

SIZES = {
    "8M": dict(hidden=256, layers=8, heads=8, intermediate=768, vocabulary=4096, batch=8, length=256),
    "91M": dict(hidden=768, layers=12, heads=12, intermediate=2048, vocabulary=8192, batch=2, length=512),
}


def peer(size, steps, threads, dtype):
    """Times PyTorch's steps; runs in a process of its own."""
    import resource
    import time

    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=size["vocabulary"],
            hidden_size=size["hidden"],
            num_hidden_layers=size["layers"],
            num_attention_heads=size["heads"],
            num_key_value_heads=size["heads"],
            intermediate_size=size["intermediate"],
            max_position_embeddings=size["length"],
            tie_word_embeddings=True,
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.1)
    times = []
    for step in range(steps + 1):
        tokens = torch.randint(0, size["vocabulary"], (size["batch"], size["length"]))
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bf16"):
            loss = model(tokens, labels=tokens).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step > 0:
            times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(json.dumps({"ms": statistics.median(times) * 1e3, "mb": peak}))


def ours(skein, size, steps, threads, dtype):
    """Times Skein's steps."""
    command = [skein, "bench", "training", "--steps", str(steps), "--threads", str(threads)]
    command += ["--precision", dtype]
    for name, value in size.items():
        command += ["--" + name, str(value)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"([\d.]+) ms a step.* peak memory (\d+) MB", text)
    return {"ms": float(found[1]), "mb": float(found[2])}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--skein", default=".build/release/skein")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", default="f32", choices=["f32", "bf16"], help="precision of both")
    parser.add_argument("--only")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        peer(SIZES[options.peer], options.steps, options.threads, options.dtype)
        return
    for name, size in SIZES.items():
        if options.only not in (None, name):
            continue
        pairs = []
        for _ in range(options.pairs):
            mine = ours(options.skein, size, options.steps, options.threads, options.dtype)
            command = [sys.executable, __file__, "--peer", name, "--steps", str(options.steps)]
            command += ["--threads", str(options.threads), "--dtype", options.dtype]
            run = subprocess.run(command, check=True, capture_output=True, text=True)
            theirs = json.loads(run.stdout.splitlines()[-1])
            pairs.append((mine, theirs))
            print(
                f"{name}: skein {mine['ms']:.0f} ms, {mine['mb']:.0f} MB; PyTorch {options.dtype}"
                f" {theirs['ms']:.0f} ms, {theirs['mb']:.0f} MB",
                flush=True,
            )
        speed = statistics.median(theirs["ms"] / mine["ms"] for mine, theirs in pairs)
        memory = statistics.median(mine["mb"] / theirs["mb"] for mine, theirs in pairs)
        print(f"{name}: {speed:.2f} times PyTorch's speed, {memory:.2f} of its peak memory")


if __name__ == "__main__":
    main()
