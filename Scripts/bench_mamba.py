#!/usr/bin/env python3
"""Compare Mamba in skein with llama.cpp and transformers, on random weights and in one run.

    python3 Scripts/bench_mamba.py --skein .build/release/skein --llama DIR [--pairs 3]

Makes a random checkpoint of the 130M shape (24 layers of 768) in f16 once, as safetensors and as GGUF, in
--work. Runs of skein and llama.cpp alternate; the table gives medians and the ratio. `--train` compares a
training step (a fresh model, f32) with the same in PyTorch, whose scan is transformers' reference path.
Needs torch, transformers, safetensors and gguf; llama.cpp as Scripts/build_llama_cpp.sh builds it.
"""

import argparse
import json
import math
import pathlib
import re
import statistics
import subprocess
import time

LAYERS, WIDTH, VOCABULARY = 24, 768, 50280


def config(width, layers, vocabulary):
    return dict(
        architectures=["MambaForCausalLM"], model_type="mamba", vocab_size=vocabulary,
        hidden_size=width, num_hidden_layers=layers, state_size=16, conv_kernel=4, expand=2,
        time_step_rank=(width + 15) // 16, hidden_act="silu", use_bias=False, use_conv_bias=True,
        layer_norm_epsilon=1e-5, residual_in_fp32=True, bos_token_id=0, eos_token_id=0,
        pad_token_id=0, tie_word_embeddings=True)


def make(directory, width=WIDTH, layers=LAYERS, vocabulary=VOCABULARY):
    import torch
    from safetensors.torch import save_file

    import hf_to_gguf
    directory.mkdir(parents=True, exist_ok=True)
    gguf = directory / "mamba-F16.gguf"
    if gguf.exists():
        return gguf
    values = config(width, layers, vocabulary)
    rank = values["time_step_rank"]
    (directory / "config.json").write_text(json.dumps(values))
    generator = torch.Generator().manual_seed(1)

    def normal(*shape, scale):
        return (torch.randn(shape, generator=generator) * scale).half()

    inner = 2 * width
    tensors = {"backbone.embeddings.weight": normal(vocabulary, width, scale=0.02),
               "backbone.norm_f.weight": torch.ones(width)}
    for i in range(layers):
        block = f"backbone.layers.{i}"
        tensors |= {
            f"{block}.norm.weight": torch.ones(width),
            f"{block}.mixer.in_proj.weight": normal(2 * inner, width, scale=0.03),
            f"{block}.mixer.conv1d.weight": normal(inner, 1, 4, scale=0.3).float(),
            f"{block}.mixer.conv1d.bias": normal(inner, scale=0.1).float(),
            f"{block}.mixer.x_proj.weight": normal(rank + 32, inner, scale=0.03),
            f"{block}.mixer.dt_proj.weight": normal(inner, rank, scale=0.1),
            f"{block}.mixer.dt_proj.bias": normal(inner, scale=1).float() - 4,
            f"{block}.mixer.A_log": torch.arange(1, 17).float().log().repeat(inner, 1),
            f"{block}.mixer.D": torch.ones(inner),
            f"{block}.mixer.out_proj.weight": normal(width, inner, scale=0.01)}
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    hf_to_gguf.convert(directory, gguf, "F16")
    return gguf


def output(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def skein(binary, model):
    text = output([binary, "bench", "-m", str(model), "-p", "512", "-n", "48", "-r", "3",
                   "--sequences", "1,8"])
    cells = re.findall(r"\| (\w+) \| ([\d.]+) ±", text)
    return {name: float(value) for name, value in cells}


def llama(folder, model):
    bench = [str(folder / "llama-bench"), "-m", str(model), "-t", "2", "-r", "3"]
    rows = json.loads(output([*bench, "-p", "512", "-n", "48", "-o", "json"]))
    found = {("pp512" if row["n_prompt"] else "tg48"): row["avg_ts"] for row in rows}
    text = output([str(folder / "llama-batched-bench"), "-m", str(model), "-c", "4096", "-npp",
                   "16", "-ntg", "48", "-npl", "8", "-t", "2"])
    rows = [line.split("|") for line in text.splitlines() if re.match(r"\| +16 ", line)]
    found["tg48x8"] = float(rows[-1][8])
    return found


def transformers(directory):
    import torch
    from transformers import AutoModelForCausalLM
    torch.set_num_threads(2)
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    with torch.no_grad():
        ids = torch.randint(0, VOCABULARY, (1, 512))
        start = time.perf_counter()
        model(ids)
        prefill = 512 / (time.perf_counter() - start)
        found = {"pp512": prefill}
        for count in (1, 8):
            prompt = torch.randint(0, VOCABULARY, (count, 4))
            model.generate(prompt, max_new_tokens=2, do_sample=False)
            start = time.perf_counter()
            model.generate(prompt, max_new_tokens=24, min_new_tokens=24, do_sample=False)
            name = "tg48" if count == 1 else f"tg48x{count}"
            found[name] = 24 * count / (time.perf_counter() - start)
    return found


def training(binary):
    import torch
    from transformers import MambaConfig, MambaForCausalLM
    torch.set_num_threads(2)
    width, layers, batch, length = 256, 4, 4, 256
    text = output([binary, "bench", "training", "--family", "mamba", "--hidden", str(width),
                   "--layers", str(layers), "--batch", str(batch), "--length", str(length)])
    own = float(re.search(r"([\d.]+) ms a step", text)[1])
    model = MambaForCausalLM(MambaConfig(**config(width, layers, 4096))).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    times = []
    for _ in range(4):
        ids = torch.randint(0, 4096, (batch, length))
        start = time.perf_counter()
        optimizer.zero_grad()
        model(ids, labels=ids, use_cache=False).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        times.append((time.perf_counter() - start) * 1e3)
    peer = statistics.median(times[1:])
    print(f"training step, {layers} layers of {width}, {batch} x {length}: skein {own:.0f} ms, "
          f"PyTorch {peer:.0f} ms, ratio {peer / own:.2f}")


def lengths(binary, work, picture):
    """Seconds of one prompt from 2^10 to 2^20 tokens on a small model, as a table and a picture."""
    model = make(work / "small", width=128, layers=2, vocabulary=512)
    points = []
    for power in range(10, 21):
        text = output([binary, "bench", "-m", str(model), "-p", str(1 << power), "-n", "0", "-r",
                       "3" if power < 17 else "1"])
        rate = float(re.search(r"pp\d+ \| ([\d.]+)", text)[1])
        points.append((power, (1 << power) / rate))
        print(f"2^{power} tokens: {points[-1][1]:.3f} s, {rate:.0f} tokens/s")
    if not picture:
        return
    low = math.floor(math.log10(points[0][1]))
    high = math.ceil(math.log10(points[-1][1]))

    def place(power, seconds):
        across = 70 + (power - 10) * 54
        return across, 330 - (math.log10(seconds) - low) / (high - low) * 290

    svg = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 400" font-family="sans-serif" '
           'font-size="11">', '<rect width="660" height="400" fill="#fff"/>',
           '<text x="340" y="20" text-anchor="middle" font-size="13">One prompt of a small Mamba'
           '</text>', '<text x="340" y="378" text-anchor="middle">tokens</text>',
           '<text x="16" y="190" text-anchor="middle" transform="rotate(-90 16 190)">seconds</text>']
    for power in range(10, 21):
        x, _ = place(power, 1)
        svg.append(f'<text x="{x}" y="350" text-anchor="middle">2^{power}</text>')
    for decade in range(low, high + 1):
        _, y = place(10, 10.0**decade)
        svg.append(f'<line x1="70" x2="620" y1="{y}" y2="{y}" stroke="#e4e4e4"/>')
        svg.append(f'<text x="62" y="{y + 4}" text-anchor="end">{10.0**decade:g}</text>')
    line = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in points)
    svg.append(f'<polyline points="{line}" fill="none" stroke="#0072b2" stroke-width="2"/></svg>')
    pathlib.Path(picture).write_text("\n".join(svg) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--skein", default=".build/release/skein")
    parser.add_argument("--llama", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("/tmp/skein-mamba"))
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--transformers", action="store_true")
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--lengths", action="store_true", help="only time over length")
    parser.add_argument("--picture", help="where --lengths draws")
    arguments = parser.parse_args()
    if arguments.lengths:
        lengths(arguments.skein, arguments.work, arguments.picture)
        return
    model = make(arguments.work)
    own, peer = [], []
    for _ in range(arguments.pairs):
        own.append(skein(arguments.skein, model))
        if arguments.llama:
            peer.append(llama(arguments.llama, model))
    median = {name: statistics.median(run[name] for run in own) for name in own[0]}
    print("test     skein t/s   llama.cpp t/s   ratio")
    for name, value in median.items():
        other = statistics.median(run[name] for run in peer) if peer else float("nan")
        print(f"{name:8} {value:9.1f} {other:15.1f} {value / other:7.2f}")
    if arguments.transformers:
        for name, value in transformers(arguments.work).items():
            print(f"{name:8} transformers {value:.1f} t/s, ratio {median[name] / value:.1f}")
    if arguments.train:
        training(arguments.skein)


if __name__ == "__main__":
    main()
