#!/usr/bin/env python3
"""Compare skein's perplexity with llama.cpp's on every type of one GGUF model, and with
transformers' on its Hugging Face directory.

    python3 Scripts/perplexity_compare.py MODEL-F32.gguf TEXT --llama DIR --work DIR \
        [--skein PATH] [--directory HF] [--types Q8_0,Q4_0] [--context 256] [--json OUT]

The types are made from the first file by llama-quantize (into --work, kept there for the next time).
skein scores as llama.cpp does (the second half of each window) against llama-perplexity, at most
0.2 % apart; and all but the first token of each window against transformers in float32, at most
0.1 % apart. Leave --skein out to record the two references only. Fails when a bar is missed.
"""

import argparse
import json
import math
import pathlib
import re
import subprocess

TYPES = ["F32", "F16", "BF16", "Q8_0", "Q6_K", "Q5_K_M", "Q5_K_S", "Q5_1", "Q5_0", "Q4_K_M", "Q4_K_S",
         "Q4_1", "Q4_0"]
LLAMA_BAR, REFERENCE_BAR = 0.002, 0.001
ATTEMPTS = 8


def run(command: list) -> subprocess.CompletedProcess:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          timeout=900)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr[-1500:]}")
    return done


def quantized(options, kind: str) -> pathlib.Path:
    options.work.mkdir(parents=True, exist_ok=True)
    file = options.work / f"{options.model.stem.rsplit('-', 1)[0]}-{kind}.gguf"
    if not file.exists():
        run([options.llama / "llama-quantize", options.model, file, kind, options.threads])
    return file


def llama_perplexity(options, file: pathlib.Path) -> float:
    """Its log writer sometimes loses the last lines when the program ends, so ask a few times."""
    for _ in range(ATTEMPTS):
        done = run([options.llama / "llama-perplexity", "-m", file, "-f", options.text,
                    "-c", options.context, "-t", options.threads])
        total = re.search(r"over (\d+) chunks", done.stderr + done.stdout)
        final = re.search(r"Final estimate: PPL = ([\d.]+)", done.stderr + done.stdout)
        if final is None and total:
            final = re.search(rf"\[{total.group(1)}\]([\d.]+),", done.stdout)
        if final:
            return float(final.group(1))
    raise RuntimeError(f"llama-perplexity printed no estimate in {ATTEMPTS} runs")


def skein_perplexity(options, model: pathlib.Path, protocol: str) -> float:
    done = run([options.skein, "eval", "perplexity", "-m", model, "-f", options.text,
                "-c", options.context, "-t", options.threads, "--protocol", protocol, "--json"])
    return json.loads(done.stdout)["perplexity"]


def reference_perplexity(options) -> dict:
    """Windows of n_ctx tokens, each beginning with BOS, all but the first token scored."""
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(options.threads)
    model = AutoModelForCausalLM.from_pretrained(options.directory, dtype=torch.float32).eval()
    tokenizer = Tokenizer.from_file(str(options.directory / "tokenizer.json"))
    with open(options.text, encoding="utf-8", newline="") as text:
        ids = tokenizer.encode(text.read(), add_special_tokens=False).ids
    bos = json.loads((options.directory / "config.json").read_text())["bos_token_id"]
    step = options.context - 1
    total, count = 0.0, 0
    with torch.no_grad():
        for start in range(0, len(ids), step):
            window = torch.tensor([[bos, *ids[start:start + step]]])
            logits = model(input_ids=window, use_cache=False).logits[0, :-1].double()
            picked = logits.log_softmax(-1).gather(1, window[0, 1:, None])
            total -= picked.sum().item()
            count += picked.numel()
    return dict(perplexity=math.exp(total / count), tokens=count)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("text", type=pathlib.Path)
    parser.add_argument("--llama", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--skein", type=pathlib.Path)
    parser.add_argument("--directory", type=pathlib.Path)
    parser.add_argument("--types", type=lambda text: text.split(","), default=TYPES)
    parser.add_argument("--context", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()

    rows, missed = [], []
    print("| type | llama.cpp | skein | apart |\n|---|---|---|---|", flush=True)

    def report(kind: str, reference: float, compute_ours, bar: float):
        ours, apart, text = None, None, "not run | "
        if options.skein:
            try:
                ours = compute_ours()
                apart = ours / reference - 1
                text = f"{ours:.4f} | {100 * apart:+.3f} %"
            except RuntimeError as failure:
                text = f"failed: {str(failure).splitlines()[-1][:160]} | "
            if apart is None or abs(apart) > bar:
                missed.append(kind)
        print(f"| {kind} | {reference:.4f} | {text} |", flush=True)
        rows.append(dict(type=kind, reference=reference, skein=ours, apart=apart))

    for kind in options.types:
        try:
            file = quantized(options, kind)
            reference = llama_perplexity(options, file)
        except RuntimeError as failure:
            print(f"| {kind} | failed: {str(failure).splitlines()[-1][:160]} | | |", flush=True)
            missed.append(kind)
            continue
        report(kind, reference, lambda: skein_perplexity(options, file, "llama.cpp"), LLAMA_BAR)
    if options.directory:
        reference = reference_perplexity(options)
        report(f"transformers, float32, {reference['tokens']} tokens", reference["perplexity"],
               lambda: skein_perplexity(options, options.directory, "chunks"), REFERENCE_BAR)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    if missed:
        raise SystemExit(f"over the bar or failed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
