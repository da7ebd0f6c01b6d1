#!/usr/bin/env python3
"""Time per edge and memory of `skein graph embed --method prone` as R-MAT graphs grow, with a picture.

usage: bench_graph_scaling.py SKEIN [--scales 14,16,18,20] [--threads 2] [--dim 64] [--part-nodes 16384]
                              [--svg FILE] [--divided-scales 14,16,18]

Needs numpy. Graphs have 16 lines a node and the probabilities 0.57, 0.19, 0.19, 0.05 (seed 1). Every
graph is compiled once; then it is embedded whole and, where asked, in parts of about the given number of
nodes. What is timed is the embedding alone, as `levels.json` tells it: seconds on the clock, and those that
all threads worked, which the picture shows. The forecasts are `graph plan`'s.
"""

import argparse
import json
import os
import re
import subprocess
import tempfile

import numpy as np


def rmat(scale, path):
    random = np.random.default_rng(1)
    count = 16 << scale
    with open(path, "w") as file:
        for start in range(0, count, 1 << 20):
            size = min(1 << 20, count - start)
            a, b = np.zeros(size, np.int64), np.zeros(size, np.int64)
            for _ in range(scale):
                draw = random.random(size)
                right = ((draw >= 0.57) & (draw < 0.76)) | (draw >= 0.95)
                a, b = 2 * a + (draw >= 0.76), 2 * b + right
            np.savetxt(file, np.stack([a, b], 1), fmt="%d", delimiter="\t")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def peak(text):
    return int(re.search(r"peak (\d+) MiB", text).group(1))


def measure(options, scale, folder, parts):
    graph = f"{folder}/{scale}.skg"
    flags = ["--method", "prone", "--dim", str(options.dim), "--threads", str(options.threads)]
    if parts:
        flags += ["--parts", str(parts)]
    forecast = json.loads(run(options.skein, "graph", "plan", graph, *flags, "--json"))
    text = run(options.skein, "graph", "embed", graph, *flags, "-o", f"{folder}/out", "--quiet")
    with open(f"{folder}/out/levels.json") as file:
        report = json.load(file)
    edges = report["levels"][0]["edges"]
    worked = report["embedding_processor_seconds"]
    return {
        "scale": scale, "parts": parts or 1, "nodes": report["levels"][0]["nodes"], "edges": edges,
        "seconds": report["embedding_seconds"], "processor_seconds": worked,
        "nanoseconds_per_edge": round(1e9 * worked / edges),
        "forecast_seconds": forecast["seconds"], "peak_mib": peak(text),
        "forecast_mib": forecast["bytes"] >> 20,
    }


def draw(rows, path):
    """Time per edge over edges, both axes by their logarithms."""
    left, right, top, bottom = 70, 620, 20, 300
    edges = [row["edges"] for row in rows]
    low, high = np.log2(min(edges)) - 0.5, np.log2(max(edges)) + 0.5
    most = max(row["nanoseconds_per_edge"] for row in rows) * 1.15

    def x(value):
        return left + (right - left) * (np.log2(value) - low) / (high - low)

    def y(value):
        return bottom - (bottom - top) * value / most

    marks = ["<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 700 360' "
             "font-family='sans-serif' font-size='13' fill='#223'>",
             "<rect width='700' height='360' fill='#fff'/>"]
    step = 10 ** int(np.log10(most)) / 2
    for value in np.arange(0, most, step):
        marks.append(f"<path d='M{left} {y(value):.1f}H{right}' stroke='#dde'/><text x='{left - 8}' "
                     f"y='{y(value) + 4:.1f}' text-anchor='end'>{value:g}</text>")
    for row in rows:
        if row["parts"] == 1:
            marks.append(f"<text x='{x(row['edges']):.1f}' y='{bottom + 20}' text-anchor='middle'>"
                         f"{row['edges'] / 1e6:.2g} M</text>")
    series = [("whole", "#4477aa", [r for r in rows if r["parts"] == 1]),
              ("divided", "#ee6677", [r for r in rows if r["parts"] > 1])]
    for index, (name, colour, points) in enumerate(series):
        if not points:
            continue
        line = " ".join(f"{x(p['edges']):.1f},{y(p['nanoseconds_per_edge']):.1f}" for p in points)
        marks.append(f"<polyline points='{line}' fill='none' stroke='{colour}' stroke-width='2'/>")
        for p in points:
            marks.append(f"<circle cx='{x(p['edges']):.1f}' cy='{y(p['nanoseconds_per_edge']):.1f}' "
                         f"r='4' fill='{colour}'/>")
        marks.append(f"<text x='{right - 90}' y='{bottom - 40 + 18 * index}' fill='{colour}'>{name}</text>")
    marks.append(f"<text x='{(left + right) / 2}' y='{bottom + 45}' text-anchor='middle'>"
                 "edges (each step: four times the lines)</text>")
    marks.append(f"<text transform='translate(18 {(top + bottom) / 2}) rotate(-90)' "
                 "text-anchor='middle'>processor nanoseconds an edge</text></svg>")
    with open(path, "w") as file:
        file.write("\n".join(marks) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("skein")
    parser.add_argument("--scales", default="14,16,18,20")
    parser.add_argument("--divided-scales", default="")
    parser.add_argument("--part-nodes", type=int, default=16384)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--svg")
    parser.add_argument("--folder", help="where graphs are kept from run to run")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or temporary
        for scale in [int(s) for s in options.scales.split(",")]:
            if not os.path.exists(f"{folder}/{scale}.skg"):
                rmat(scale, f"{folder}/{scale}.txt")
                print(run(options.skein, "graph", "compile", f"{folder}/{scale}.txt", "-o",
                          f"{folder}/{scale}.skg", "--threads", str(options.threads)), end="")
                os.remove(f"{folder}/{scale}.txt")
            rows.append(measure(options, scale, folder, None))
            print(json.dumps(rows[-1]), flush=True)
            if str(scale) in options.divided_scales.split(","):
                parts = max(rows[-1]["nodes"] // options.part_nodes, 2)
                rows.append(measure(options, scale, folder, parts))
                print(json.dumps(rows[-1]), flush=True)
    if options.svg:
        draw(rows, options.svg)


main()
