#!/usr/bin/env python3
"""Compare `skein serve` with llama.cpp's llama-server on one GGUF file, in alternation.

    Scripts/bench_server.py --skein PATH --llama PATH --load PATH --model FILE.gguf
        [--threads 2] [--pairs 3] [--clients 1,4,16,32] [--prompt 32] [--answer 48]
        [--json OUT] [--prefix]

Both servers get the same requests from the compiled load generator (Scripts/load.c): token-id prompts,
greedy, a fixed answer length, end tokens ignored. Prints medians and the ratio of each measurement.
With --prefix, 32 clients share the first 1,000 tokens, and Skein runs with and without its memory of
prompts. Needs nothing but Python's standard library.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, name, command, port):
        self.name, self.port = name, port
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.time() + 120
        while True:
            if self.process.poll() is not None:
                sys.exit(f"{name} ended at once: {' '.join(command)}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1) as r:
                    if r.status == 200:
                        return
            except OSError:
                pass
            if time.time() > deadline:
                sys.exit(f"{name} was not ready within 120 s")
            time.sleep(0.2)

    def cpu(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()


def start(kind, args, clients, context, extra=()):
    port = free_port()
    if kind.startswith("skein"):
        command = [args.skein, "serve", "--model", args.model, "--port", str(port),
                   "--threads", str(args.threads), "--parallel", str(clients),
                   "--log-level", "error", *extra]
    else:
        command = [args.llama, "--model", args.model, "--port", str(port), "--host", "127.0.0.1",
                   "--threads", str(args.threads), "--threads-batch", str(args.threads),
                   "--parallel", str(clients), "--ctx-size", str(context * clients), *extra]
    return Server(kind, command, port)


def load(args, server, clients, requests, prompt, answer, *extra):
    command = [args.load, str(server.port), str(clients), str(requests), str(prompt), str(answer),
               f"vocab={args.vocabulary}", *extra]
    before = server.cpu()
    result = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    if not result.stdout:
        sys.exit(f"the load generator failed on {server.name}: {result.stderr}")
    figures = json.loads(result.stdout)
    figures["server_cores"] = (server.cpu() - before) / figures["seconds"]
    if figures["failures"]:
        print(f"{server.name}: {figures['failures']} requests failed", file=sys.stderr)
    return figures


def main():
    p = argparse.ArgumentParser()
    for name in ("skein", "llama", "load", "model"):
        p.add_argument(f"--{name}", required=True)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--pairs", type=int, default=3)
    p.add_argument("--clients", default="1,4,16,32")
    p.add_argument("--prompt", type=int, default=32)
    p.add_argument("--answer", type=int, default=48)
    p.add_argument("--rounds", type=int, default=2, help="requests of each client")
    p.add_argument("--vocabulary", type=int, default=1000)
    p.add_argument("--prefix", action="store_true")
    p.add_argument("--json")
    args = p.parse_args()
    counts = [int(c) for c in args.clients.split(",")]
    context = args.prompt + args.answer + 16
    raw = {}

    def keep(key, figures):
        raw.setdefault(key, []).append(figures)

    for pair in range(args.pairs):
        kinds = ["skein", "llama"] if pair % 2 == 0 else ["llama", "skein"]
        for kind in kinds:
            server = start(kind, args, max(counts), context)
            try:
                load(args, server, 1, 1, args.prompt, 4)
                for count in counts:
                    requests = max(count * args.rounds, 3)
                    keep(f"{kind} {count} clients",
                         load(args, server, count, requests, args.prompt, args.answer))
                keep(f"{kind} 16 streams",
                     load(args, server, 16, 16 * args.rounds, args.prompt, args.answer, "stream"))
            finally:
                server.stop()
            print(f"pair {pair + 1}: {kind} done", file=sys.stderr)
        if args.prefix:
            for kind, extra in (("skein", ()), ("skein without memory", ("--no-prefix-caching",))):
                server = start(kind, args, 32, 1100, extra)
                try:
                    keep(f"{kind} prefix",
                         load(args, server, 32, 64, 1016, 16, "shared=1000"))
                finally:
                    server.stop()

    def median(key, *path):
        values = []
        for figures in raw[key]:
            for step in path:
                figures = figures[step]
            values.append(figures)
        return statistics.median(values)

    print(f"\n| {os.path.basename(args.model)} | skein | llama.cpp | ratio |\n|---|---|---|---|")

    def row(title, skein, llama, higher_is_better=True):
        ratio = skein / llama if higher_is_better else llama / skein
        print(f"| {title} | {skein:.1f} | {llama:.1f} | {ratio:.2f} |")

    for count in counts:
        key = f"{count} clients"
        row(f"{count} clients, tokens/s", median(f"skein {key}", "tokens_per_second"),
            median(f"llama {key}", "tokens_per_second"))
    for title, path in (("time to first token, median, ms", ("first_ms", "p50")),
                        ("between tokens, p99, ms", ("between_ms", "p99")),
                        ("between tokens, median, ms", ("between_ms", "p50"))):
        row(f"16 streams: {title}", median("skein 16 streams", *path),
            median("llama 16 streams", *path), False)
    if args.prefix:
        row("32 clients, 1,000 shared tokens: requests/s with and without memory",
            median("skein prefix", "requests_per_second"),
            median("skein without memory prefix", "requests_per_second"))
    shares = [f["own_cores"] for runs in raw.values() for f in runs]
    cores = {kind: [f["server_cores"] for key, runs in raw.items() for f in runs
                    if key.split()[0] == kind and key.endswith("clients") and key.split()[1] != "1"]
             for kind in ("skein", "llama")}
    for kind, values in cores.items():
        if values:
            print(f"\n{kind} used {statistics.median(values):.2f} cores at more than one client.", end="")
    print(f"\nThe load generator used {max(shares):.3f} cores at most; {args.pairs} pairs,"
          f" {args.threads} threads, prompt {args.prompt}, answer {args.answer}.")
    if args.json:
        with open(args.json, "w") as out:
            json.dump(raw, out, indent=1)


if __name__ == "__main__":
    main()
