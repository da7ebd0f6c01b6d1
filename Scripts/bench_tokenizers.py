"""Times encoding of one text, Rust `tokenizers` (one thread) against `skein tokenize --benchmark`.

Usage: python bench_tokenizers.py TEXT TOKENIZER.json... [--skein PATH] [--repeat 3]
Rust is timed twice: the whole text in one call, and line by line in `encode_batch_fast`, which skips
offsets; the better one counts. Skein encodes the whole text in one call. Counts of tokens are compared
for the whole text. The skein side must print JSON with `tokens` and `seconds` (the best of its runs).
"""

import argparse
import json
import os
import subprocess
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from tokenizers import Tokenizer  # noqa: E402  (the variables must be set first)

parser = argparse.ArgumentParser()
parser.add_argument("text")
parser.add_argument("tokenizers", nargs="+")
parser.add_argument("--skein", default=".build/release/skein")
parser.add_argument("--repeat", type=int, default=3)
arguments = parser.parse_args()

with open(arguments.text, encoding="utf-8") as file:
    text = file.read()
size = len(text.encode()) / 1e6
lines = text.splitlines(keepends=True)


def best(work):
    times = []
    for _ in range(arguments.repeat):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return min(times), result


print("| tokenizer | Rust, whole (MB/s) | Rust, lines (MB/s) | skein (MB/s) | ratio |")
print("|---|---|---|---|---|")
for path in arguments.tokenizers:
    tokenizer = Tokenizer.from_file(path)
    whole, encoding = best(lambda: tokenizer.encode(text, add_special_tokens=False))
    batch, _ = best(lambda: len(tokenizer.encode_batch_fast(lines, add_special_tokens=False)))
    command = [arguments.skein, "tokenize", "--model", path, "--benchmark", arguments.text, "--json"]
    answer = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    if answer["tokens"] != len(encoding):
        raise SystemExit(f"{path}: skein gave {answer['tokens']} tokens, expected {len(encoding)}")
    ours = answer["seconds"]
    name = os.path.basename(path)
    ratio = min(whole, batch) / ours
    print(f"| {name} | {size / whole:.2f} | {size / batch:.2f} | {size / ours:.2f} | {ratio:.1f} |")
