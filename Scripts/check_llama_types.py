#!/usr/bin/env python3
"""Check that llama.cpp reads the files of its types that skein writes, and refuses skein's own.

    python3 Scripts/check_llama_types.py MODEL-F32.gguf TEXT --llama DIR --skein PATH [--context 256]

Each type is written by `skein quantize` and by llama-quantize from the same file; llama-perplexity must
give the same on both, to 0.2 %. A file with skein's own codes must end llama.cpp with its message about an
unknown architecture, not with a crash. Fails when one of these does not hold.
"""

import argparse
import pathlib
import re
import subprocess
import tempfile

from perplexity_compare import llama_perplexity, run

TYPES = {"q8_0": "Q8_0", "q4_0": "Q4_0", "q4_k": "Q4_K_S", "q6_k": "Q6_K"}
BAR = 0.002


def refusal(options, file: pathlib.Path) -> bool:
    # llama-perplexity logs from a thread of its own, whose last words may be lost.
    done = subprocess.run([str(options.llama / "llama-simple"), "-m", str(file), "-n", "1", "a"],
                          capture_output=True, text=True, timeout=300)
    said = re.search(r"unknown model architecture: '(skein-\w+)'", done.stderr + done.stdout)
    # A negative code is a signal: a crash.
    print(f"{file.name}: exit code {done.returncode}, {said.group(0) if said else 'no refusal'}")
    return done.returncode > 0 and said is not None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("text", type=pathlib.Path)
    parser.add_argument("--llama", type=pathlib.Path, required=True)
    parser.add_argument("--skein", type=pathlib.Path, default=pathlib.Path(".build/release/skein"))
    parser.add_argument("--context", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    failures = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for kind, theirs_kind in TYPES.items():
            ours, theirs = folder / f"ours-{kind}.gguf", folder / f"theirs-{kind}.gguf"
            run([options.skein, "quantize", options.model, "-o", ours, "--method", kind])
            # The tied head in the type that skein gives it.
            head = "q8_0" if kind == "q8_0" else "q6_k"
            run([options.llama / "llama-quantize", "--pure", "--token-embedding-type", head,
                 "--output-tensor-type", head, options.model, theirs, theirs_kind, options.threads])
            values = [llama_perplexity(options, file) for file in (ours, theirs)]
            off = abs(values[0] / values[1] - 1)
            print(f"{theirs_kind}: ours {values[0]:.4f}, llama-quantize's {values[1]:.4f}, "
                  f"{off:.4%} apart", flush=True)
            failures += off > BAR
        for flags in (["--budget", "4.5"], ["--bits", "4", "--group", "64"]):
            own = folder / "own.gguf"
            run([options.skein, "quantize", options.model, "-o", own, "--force", *flags])
            failures += not refusal(options, own)
    if failures:
        raise SystemExit(f"{failures} failures")
    print("llama.cpp reads what it should and refuses the rest")


if __name__ == "__main__":
    main()
