#!/usr/bin/env python3
"""Link prediction of divided embeddings beside the whole graph's, as a table.

usage: bench_graph_quality.py SKEIN NAME=FILE[,FLAG…] … [--dim 64] [--parts 4] [--repeats 1]
                              [--threads 1] [--walks 10]

A fifth of the edges is hidden, Hadamard features, DeepWalk. FLAGs are passed on, such as
`ca-GrQc=ca-grqc.txt,--header-lines,1`.
"""

import argparse
import json
import subprocess

ROWS = [
    ("whole graph", None),
    ("refine", ["--partitioner", "refine"]),
    ("refine, cut", ["--partitioner", "refine", "--border", "cut"]),
    ("refine, Procrustes", ["--partitioner", "refine", "--align", "procrustes"]),
    ("refine, anchors", ["--partitioner", "refine", "--align", "anchors"]),
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("skein")
    parser.add_argument("graphs", nargs="+")
    parser.add_argument("--dim", default="64")
    parser.add_argument("--parts", default="4")
    parser.add_argument("--repeats", default="1")
    parser.add_argument("--threads", default="1")
    parser.add_argument("--walks", default="10")
    options = parser.parse_args()
    for graph in options.graphs:
        name, _, rest = graph.partition("=")
        path, *flags = rest.split(",")
        for title, division in ROWS:
            command = [options.skein, "graph", "eval", path, *flags, "--task", "links", "--dim",
                       options.dim, "--repeats", options.repeats, "--threads", options.threads,
                       "--walks", options.walks]
            if division is not None:
                command += ["--parts", options.parts, *division]
            result = json.loads(subprocess.run(command, check=True, capture_output=True,
                                               text=True).stdout)
            print(f"{name} | {title} | " + " ".join(
                f"{key} {value:.4f}" for key, value in result.items() if isinstance(value, float)),
                flush=True)


main()
