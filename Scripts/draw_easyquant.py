#!/usr/bin/env python3
"""Draw two pictures of EasyQuant's paper from a model here: Figure 2 and Table 9.

    python3 Scripts/draw_easyquant.py MODEL TEXT OUTPUT --skein PATH [--bits 4] [--rate 1e-3]

Quantises MODEL, a Hugging Face directory, by the published method (one range a row, Adam on it) after
each of several numbers of steps, once with weights beyond three standard deviations kept whole and once
with all rounded, and measures the perplexity of TEXT. OUTPUT becomes a folder with
easyquant-figure2.svg, perplexity against the error of reconstruction, and easyquant-table9.svg, range and
error after each step as `skein quantize --report` counts them. Needs nothing but Python.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

STEPS = [0, 10, 50, 100, 150, 200]
COLORS = ["#0072b2", "#d55e00", "#009e73"]
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 460, 300, 70, 30, 20, 45


def skein(options, *arguments) -> str:
    command = [str(options.skein), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {done.stderr[-800:]}")
    return done.stdout


def measure(options, folder: pathlib.Path, steps: int, sigma: float) -> dict:
    target, report = folder / f"{steps}-{sigma}", folder / f"{steps}-{sigma}.json"
    skein(options, "quantize", options.model, "-o", target, "--method", "easyquant-paper",
          "--bits", options.bits, "--steps", steps, "--rate", options.rate, "--sigma", sigma,
          "--head-bits", 16, "--report", report)
    tensors = [t for t in json.loads(report.read_text())["tensors"] if "ranges" in t]
    score = json.loads(skein(options, "eval", "perplexity", "-m", target, "-f", options.text,
                             "-c", options.context, "--json"))
    mean = [sum(t["ranges"][step] for t in tensors) / len(tensors) for step in range(steps + 1)]
    sums = [sum(t["errors"][step] for t in tensors) for step in range(steps + 1)]
    return {"steps": steps, "perplexity": score["perplexity"], "ranges": mean, "errors": sums,
            "error": min(sums)}


def ticks(low: float, high: float) -> list[float]:
    step = 10.0 ** -8
    while (high - low) / step > 6:
        step *= 10
    for factor in (0.2, 0.5):
        if (high - low) / (step * factor) <= 6:
            step *= factor
            break
    first = int(low / step)
    return [step * i for i in range(first, first + 12) if low <= step * i <= high + 1e-12]


def chart(title: str, x_title: str, y_title: str, lines: list[tuple[str, list]], marks: bool) -> str:
    xs = [x for _, points in lines for x, _ in points]
    ys = [y for _, points in lines for _, y in points]
    (x0, x1), (y0, y1) = (min(xs), max(xs)), (min(ys), max(ys))
    margin = 0.06
    x0, x1 = x0 - margin * (x1 - x0), x1 + margin * (x1 - x0)
    y0, y1 = y0 - margin * (y1 - y0), y1 + margin * (y1 - y0)

    def place(x: float, y: float) -> tuple[str, str]:
        across = LEFT + (x - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT)
        down = HEIGHT - BOTTOM - (y - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM)
        return f"{across:.1f}", f"{down:.1f}"

    def label(text: str, x, y, anchor: str = "middle", size: int = 11) -> str:
        return f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}">{text}</text>\n'

    parts = [label(title, WIDTH / 2, 18, size=13)]
    for tick in ticks(x0, x1):
        x, _ = place(tick, y0)
        parts.append(f'<path d="M{x} {TOP}V{HEIGHT - BOTTOM}" stroke="#e4e4e4"/>\n')
        parts.append(label(f"{tick:g}", x, HEIGHT - BOTTOM + 15))
    for tick in ticks(y0, y1):
        _, y = place(x0, tick)
        parts.append(f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#e4e4e4"/>\n')
        parts.append(label(f"{tick:g}", LEFT - 6, float(y) + 4, "end"))
    parts.append(f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" stroke="#444" '
                 'fill="none"/>\n')
    parts.append(label(x_title, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(f'<g transform="rotate(-90 14 {middle})">{label(y_title, 14, middle)}</g>')
    # Curves over steps fall from the upper left.
    legend = LEFT + (12 if marks else 180)
    for index, (name, points) in enumerate(lines):
        color = COLORS[index]
        path = " ".join(",".join(place(x, y)) for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.8"/>\n')
        if marks:
            for x, y in points:
                across, down = place(x, y)
                parts.append(f'<circle cx="{across}" cy="{down}" r="3" fill="{color}"/>\n')
        parts.append(f'<path d="M{legend} {TOP + 12 + 16 * index}h20" stroke="{color}" '
                     'stroke-width="3"/>\n')
        parts.append(label(name, legend + 26, TOP + 16 + 16 * index, "start"))
    return "".join(parts)


def page(charts: list[str]) -> str:
    width = WIDTH * len(charts)
    body = "".join(f'<g transform="translate({WIDTH * i} 0)">{c}</g>\n' for i, c in enumerate(charts))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT}" '
            f'viewBox="0 0 {width} {HEIGHT}" font-family="sans-serif">\n'
            f'<rect width="{width}" height="{HEIGHT}" fill="#fff"/>\n{body}</svg>\n')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("text", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--skein", type=pathlib.Path, default=pathlib.Path(".build/release/skein"))
    parser.add_argument("--bits", type=int, default=4)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--context", type=int, default=256)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        kept = [measure(options, folder, steps, 3) for steps in STEPS]
        rounded = [measure(options, folder, steps, 0) for steps in STEPS]
    for way, runs in (("outliers kept", kept), ("outliers rounded", rounded)):
        for run in runs:
            print(f"{way}, {run['steps']} steps: range {run['ranges'][-1]:.5f}, error "
                  f"{run['errors'][-1]:.5g}, perplexity {run['perplexity']:.4f}")
    both = (("outliers kept whole", kept), ("outliers rounded too", rounded))
    figure = chart(f"Figure 2: after {', '.join(map(str, STEPS))} steps", "squared error of all matrices",
                   "perplexity", [(n, [(r["error"], r["perplexity"]) for r in runs])
                                  for n, runs in both], True)
    (options.output / "easyquant-figure2.svg").write_text(page([figure]))
    table = [chart("Table 9: mean range of a row", "steps of Adam", "range",
                   [(n, list(enumerate(runs[-1]["ranges"]))) for n, runs in both], False),
             chart("squared error of all matrices", "steps of Adam", "error",
                   [(n, list(enumerate(runs[-1]["errors"]))) for n, runs in both], False)]
    (options.output / "easyquant-table9.svg").write_text(page(table))


if __name__ == "__main__":
    main()
