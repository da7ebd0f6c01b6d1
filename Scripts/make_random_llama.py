#!/usr/bin/env python3
"""Write Llama-shaped GGUF files with random weights: something to measure speed on without any
model at hand.

    python3 Scripts/make_random_llama.py --shape 1.24B --output DIR \
        [--quantize LLAMA_QUANTIZE --types BF16,Q8_0,Q4_0,Q4_K_M] [--gain 1] [--seed 1]

The shapes are Llama 3.2 1B's and SmolLM-135M's. Weights are normal with deviation 1/sqrt(inputs),
the two projections that end in a residual divided by sqrt(2 * layers), so activations stay of order
one at any depth; `--gain` multiplies the head's logits. The base file is F16; the other types are
made by llama.cpp's own `llama-quantize`, so both programs read the same bytes. Output depends on the
seed only. Versions used: gguf 0.19.0, numpy 2.4.6.
"""

import argparse
import pathlib
import subprocess

import gguf
import numpy as np

from random_llama_vocabulary import make_vocabulary

SHAPES = {
    "1.24B": dict(layers=16, hidden=2048, ffn=8192, heads=32, kv_heads=8, head=64, vocab=128256,
                  context=131072, theta=500000.0, pre="llama-bpe", llama3_rope=True),
    "135M": dict(layers=30, hidden=576, ffn=1536, heads=9, kv_heads=3, head=64, vocab=49152,
                 context=2048, theta=10000.0, pre="smollm", llama3_rope=False),
    "tiny": dict(layers=2, hidden=256, ffn=512, heads=4, kv_heads=2, head=64, vocab=1024,
                 context=512, theta=10000.0, pre="llama-bpe", llama3_rope=False),
}
CHUNK = 1 << 22


def llama3_rope_factors(head: int, theta: float, factor=32.0, low=1.0, high=4.0, old=8192):
    """The divisor of each rotary frequency in Llama 3.x's long-context scaling."""
    wavelength = 2 * np.pi * theta ** (np.arange(0, head, 2) / head)
    smooth = (old / wavelength - low) / (high - low)
    blend = 1 / ((1 - smooth) / factor + smooth)
    result = np.where(wavelength < old / high, 1.0, np.where(wavelength > old / low, factor, blend))
    return result.astype(np.float32)


def tensor_plan(shape: dict, gain: float):
    """Yields (name, dimensions, deviation); a deviation of None is a vector of ones."""
    c, f, head = shape["hidden"], shape["ffn"], shape["head"]
    q, kv = shape["heads"] * head, shape["kv_heads"] * head
    into_residual = (2 * shape["layers"]) ** -0.5
    yield "token_embd.weight", (shape["vocab"], c), gain * c**-0.5
    for i in range(shape["layers"]):
        yield f"blk.{i}.attn_norm.weight", (c,), None
        yield f"blk.{i}.attn_q.weight", (q, c), c**-0.5
        yield f"blk.{i}.attn_k.weight", (kv, c), c**-0.5
        yield f"blk.{i}.attn_v.weight", (kv, c), c**-0.5
        yield f"blk.{i}.attn_output.weight", (c, q), into_residual * q**-0.5
        yield f"blk.{i}.ffn_norm.weight", (c,), None
        yield f"blk.{i}.ffn_gate.weight", (f, c), c**-0.5
        yield f"blk.{i}.ffn_up.weight", (f, c), c**-0.5
        yield f"blk.{i}.ffn_down.weight", (c, f), into_residual * f**-0.5
    yield "output_norm.weight", (c,), None


def random_f16(count: int, deviation: float, seed: int, index: int) -> np.ndarray:
    """`count` normal numbers; the stream depends on the seed and the tensor's index only."""
    generator = np.random.Generator(np.random.SFC64([seed, index]))
    result = np.empty(count, dtype=np.float16)
    for start in range(0, count, CHUNK):
        part = generator.standard_normal(min(CHUNK, count - start), dtype=np.float32)
        part *= np.float32(deviation)
        result[start : start + part.size] = part
    return result


def write_f16(path: pathlib.Path, name: str, shape: dict, gain: float, seed: int) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(f"random {name}")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_context_length(shape["context"])
    writer.add_embedding_length(shape["hidden"])
    writer.add_block_count(shape["layers"])
    writer.add_feed_forward_length(shape["ffn"])
    writer.add_head_count(shape["heads"])
    writer.add_head_count_kv(shape["kv_heads"])
    writer.add_key_length(shape["head"])
    writer.add_value_length(shape["head"])
    writer.add_rope_dimension_count(shape["head"])
    writer.add_rope_freq_base(shape["theta"])
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(shape["vocab"])
    tokens, merges = make_vocabulary(shape["vocab"])
    kinds = [gguf.TokenType.NORMAL] * (len(tokens) - 2) + [gguf.TokenType.CONTROL] * 2
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(shape["pre"])
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(len(tokens) - 2)
    writer.add_eos_token_id(len(tokens) - 1)
    writer.add_add_bos_token(True)

    plan = list(tensor_plan(shape, gain))
    for tensor, dimensions, deviation in plan:
        kind = np.dtype(np.float32 if deviation is None else np.float16)
        size = int(np.prod(dimensions)) * kind.itemsize
        writer.add_tensor_info(tensor, dimensions, kind, size)
    factors = llama3_rope_factors(shape["head"], shape["theta"])
    if shape["llama3_rope"]:
        writer.add_tensor_info("rope_freqs.weight", factors.shape, factors.dtype, factors.nbytes)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for index, (_, dimensions, deviation) in enumerate(plan):
        count = int(np.prod(dimensions))
        if deviation is None:
            writer.write_tensor_data(np.ones(count, dtype=np.float32))
        else:
            writer.write_tensor_data(random_f16(count, deviation, seed, index))
    if shape["llama3_rope"]:
        writer.write_tensor_data(factors)
    writer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True, help="directory")
    parser.add_argument("--gain", type=float, default=1.0, help="multiplies the logits")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quantize", type=pathlib.Path, help="llama.cpp's llama-quantize")
    parser.add_argument("--types", default="BF16,Q8_0,Q4_0,Q4_K_M")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    base = arguments.output / f"random-{arguments.shape}-F16.gguf"
    if not base.exists():
        partial = base.with_suffix(".partial")
        write_f16(partial, arguments.shape, SHAPES[arguments.shape], arguments.gain, arguments.seed)
        partial.rename(base)
    print(base)
    if arguments.quantize is None:
        return
    for kind in arguments.types.split(","):
        path = arguments.output / f"random-{arguments.shape}-{kind}.gguf"
        if not path.exists():
            command = [arguments.quantize, base, path, kind, str(arguments.threads)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        print(path)


if __name__ == "__main__":
    main()
