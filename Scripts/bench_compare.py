#!/usr/bin/env python3
"""Measure skein and llama.cpp alternately on the same GGUF files; print a Markdown table.

    python3 Scripts/bench_compare.py --llama DIR --models DIR [--skein PATH] [--pairs 9] \
        [--only F16,Q8_0] [--sizes 1.24B,135M] [--threads 2] [--quick] [--json OUT]

DIR of --llama holds the programs Scripts/build_llama_cpp.sh builds; DIR of --models the files
Scripts/make_random_llama.py writes, random-SIZE-TYPE.gguf. A pair is one run of each program, one
after the other, the first place alternating, so that a slow spell of the machine falls on both. A
cell is skein's median, llama.cpp's median (tokens a second) and the median of the pairs' ratios,
skein over llama.cpp. --pairs counts decoding pairs at 1.24B; the other columns take a third of it. Run it
on a quiet machine: llama.cpp's threads spin at barriers and lose far more than skein's to other work.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

TYPES = ["F16", "BF16", "Q8_0", "Q4_0", "Q4_K"]
FILE_TYPES = {"Q4_K": ["Q4_K_M", "Q4_K_S", "Q4_K"]}
SEQUENCES = [1, 4, 16, 32]
PREFILL, GENERATE, DEPTH = 256, 32, 16
LARGE, SMALL = "1.24B", "135M"
TIMEOUT = 1200


def run(command: list) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          timeout=TIMEOUT)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stderr[-2000:]}")
    return done.stdout


class Programs:
    def __init__(self, skein: pathlib.Path, llama: pathlib.Path, threads: int):
        self.skein, self.llama, self.threads = skein, llama, threads
        self.facts = {}

    def skein_bench(self, file, *arguments) -> list:
        rows = json.loads(run([self.skein, "bench", "-m", file, "-t", self.threads, "-r", 1,
                               "-o", "json", *arguments]))
        # Under --compute the types are not the file's.
        if "--compute" not in arguments:
            self.facts[file.name] = dict(isa=rows[0].get("isa"), types=rows[0].get("matrix_types"))
        return rows

    def skein_one(self, file, prompt: int, generate: int, *more) -> float:
        return self.skein_bench(file, "-p", prompt, "-n", generate, *more)[0]["avg_ts"]

    def llama_one(self, file, prompt: int, generate: int) -> float:
        return json.loads(run([self.llama / "llama-bench", "-m", file, "-t", self.threads, "-r", 1,
                               "-o", "json", "-p", prompt, "-n", generate]))[0]["avg_ts"]

    def skein_sequences(self, file, counts: list, generate: int) -> dict:
        rows = self.skein_bench(file, "-p", 0, "-n", generate, "--depth", DEPTH,
                                "--sequences", ",".join(map(str, counts)))
        return {row["n_sequences"]: row["avg_ts"] for row in rows if row["n_gen"] > 0}

    def llama_sequences(self, file, counts: list, generate: int) -> dict:
        context = max(512, max(counts) * (DEPTH + generate))
        text = run([self.llama / "llama-batched-bench", "-m", file, "-t", self.threads,
                    "-c", context, "-npp", DEPTH, "-ntg", generate,
                    "-npl", ",".join(map(str, counts)), "--output-format", "jsonl"])
        rows = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return {row["pl"]: row["speed_tg"] for row in rows}


def pairs(count: int, ours, theirs) -> list:
    """`count` pairs of measurements (ours, theirs), the first place alternating."""
    result = []
    for index in range(count):
        if index % 2 == 0:
            mine = ours()
            result.append((mine, theirs()))
        else:
            other = theirs()
            result.append((ours(), other))
    return result


def summary(measured: list) -> dict:
    return dict(skein=statistics.median(a for a, _ in measured),
                llama=statistics.median(b for _, b in measured),
                ratio=statistics.median(a / b for a, b in measured),
                lowest_ratio=min(a / b for a, b in measured), pairs=len(measured),
                samples=[list(pair) for pair in measured])


def start_cost(command: list) -> dict:
    """Wall seconds and peak resident mebibytes of one whole command, by /usr/bin/time."""
    done = subprocess.run(["/usr/bin/time", "-v", *map(str, command)], capture_output=True,
                          text=True, timeout=TIMEOUT)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed:\n{done.stderr[-2000:]}")
    clock = re.search(r"Elapsed .*: ((?:\d+:)?\d+:[\d.]+)", done.stderr).group(1)
    seconds = 0.0
    for part in clock.split(":"):
        seconds = seconds * 60 + float(part)
    peak = int(re.search(r"Maximum resident set size .*: (\d+)", done.stderr).group(1))
    return dict(seconds=seconds, peak_mib=peak / 1024)


def cpu_model() -> str:
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


def find(models: pathlib.Path, size: str, kind: str):
    for name in FILE_TYPES.get(kind, [kind]):
        file = models / f"random-{size}-{name}.gguf"
        if file.exists():
            return file
    return None


def measure(programs: Programs, options, result: dict):
    third = max(1, options.pairs // 3)
    for kind in options.only:
        row = result["rows"].setdefault(kind, {})
        large = find(options.models, LARGE, kind) if LARGE in options.sizes else None
        if large:
            note(f"{large.name}: decoding")
            row[f"{LARGE} decode 1"] = summary(pairs(
                options.pairs, lambda: programs.skein_one(large, 0, GENERATE),
                lambda: programs.llama_one(large, 0, GENERATE)))
            note(f"{large.name}: prefill")
            row[f"{LARGE} prefill {PREFILL}"] = summary(pairs(
                third, lambda: programs.skein_one(large, PREFILL, 0),
                lambda: programs.llama_one(large, PREFILL, 0)))
            if kind == "F16":
                narrow = result["rows"].setdefault("F16, `--compute bf16`", {})
                narrow[f"{LARGE} prefill {PREFILL}"] = summary(pairs(
                    third, lambda: programs.skein_one(large, PREFILL, 0, "--compute", "bf16"),
                    lambda: programs.llama_one(large, PREFILL, 0)))
        small = find(options.models, SMALL, kind) if SMALL in options.sizes else None
        if small:
            note(f"{small.name}: sequences")
            measured = pairs(third,
                             lambda: programs.skein_sequences(small, SEQUENCES, GENERATE),
                             lambda: programs.llama_sequences(small, SEQUENCES, GENERATE))
            for count in SEQUENCES:
                row[f"{SMALL} decode {count}"] = summary(
                    [(mine[count], other[count]) for mine, other in measured])
        save(options, result, programs)


def note(text: str):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def save(options, result: dict, programs: Programs):
    result["files"] = programs.facts
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


def table(result: dict) -> str:
    columns = [f"{LARGE} decode 1", f"{LARGE} prefill {PREFILL}",
               *(f"{SMALL} decode {count}" for count in SEQUENCES)]
    columns = [name for name in columns if any(name in row for row in result["rows"].values())]
    lines = [f"{result['cpu']}, {result['threads']} threads; memory read at "
             f"{result['read_gbps']:.1f} GB/s; load {result['load_before']:.2f} before, "
             f"{result['load_after']:.2f} after.", "",
             "Each cell: skein, llama.cpp (tokens a second, medians), ratio.", "",
             "| type | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for kind, row in result["rows"].items():
        cells = []
        for name in columns:
            cell = row.get(name)
            cells.append(f"{cell['skein']:.4g}, {cell['llama']:.4g}, **{cell['ratio']:.2f}** "
                         f"({cell['pairs']})" if cell else "")
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    lines += ["", "| file | ISA | matrix types |", "|---|---|---|"]
    for name, fact in result["files"].items():
        kinds = fact["types"] or {}
        counts = sorted(set(kinds.values()))
        lines.append(f"| {name} | {fact['isa']} | " + "; ".join(
            f"{kind}: " + ", ".join(short(key) for key in kinds if kinds[key] == kind)
            for kind in counts) + " |")
    if "start" in result:
        lines += ["", f"First token of {result['start']['file']} (the whole command, in turn):", "",
                  "| program | seconds, median | all | peak MiB |", "|---|---|---|---|"]
        for name in ("skein", "llama.cpp"):
            costs = result["start"][name]
            seconds = [cost["seconds"] for cost in costs]
            lines.append(f"| {name} | {statistics.median(seconds):.2f} |"
                         f" {' '.join(f'{s:.2f}' for s in seconds)} |"
                         f" {statistics.median(cost['peak_mib'] for cost in costs):.0f} |")
    return "\n".join(lines)


def short(key: str) -> str:
    return key.removesuffix(".weight").split(".")[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--skein", type=pathlib.Path, default=pathlib.Path(".build/release/skein"))
    parser.add_argument("--llama", type=pathlib.Path, required=True)
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--only", type=lambda text: text.split(","), default=TYPES)
    parser.add_argument("--sizes", type=lambda text: text.split(","), default=[LARGE, SMALL])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="one pair a cell unless --pairs")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    options.pairs = options.pairs or (1 if options.quick else 9)

    programs = Programs(options.skein, options.llama, options.threads)
    bandwidth = json.loads(run([options.skein, "bench", "--bandwidth", "-o", "json"]))
    result = dict(cpu=cpu_model(), threads=options.threads, read_gbps=bandwidth["read_gbps"],
                  load_before=os.getloadavg()[0], rows={})
    measure(programs, options, result)
    first = find(options.models, LARGE, "Q8_0") if LARGE in options.sizes else None
    if first and "Q8_0" in options.only:
        same = ["-m", first, "-p", 1, "-n", 0, "-r", 1, "-t", options.threads, "--no-warmup"]
        both = pairs(max(1, options.pairs), lambda: start_cost([options.skein, "bench", *same]),
                     lambda: start_cost([options.llama / "llama-bench", *same]))
        result["start"] = {"file": first.name, "skein": [pair[0] for pair in both],
                           "llama.cpp": [pair[1] for pair in both]}
    result["load_after"] = os.getloadavg()[0]
    save(options, result, programs)
    print(table(result))


if __name__ == "__main__":
    main()
