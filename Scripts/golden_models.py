#!/usr/bin/env python3
"""Write tiny random models of every family, with what transformers computes on them in float32.

    python3 Scripts/golden_models.py Tests/Golden/models

Each folder is a Hugging Face directory (config.json spelt as published checkpoints spell it, weights
drawn from a fixed seed) plus golden.json, computed by loading that very directory with eager
attention in float32. Some also get a GGUF file with the same numbers. Seed 20 + the family's index;
versions used: torch 2.13.0, transformers 5.23.0, safetensors 0.8.0, gguf 0.19.0.

golden.json: `cases` hold `ids`, `logits` (base64 of little-endian float32, one row an id) and
`mean_nll` (nats, over ids 1..n-1 given all before; null for one id). `greedy` holds the ids that
follow its `prompt`, always recomputed without a cache, and the smallest distance between the two
largest logits on the way. `hidden` holds, for the case of its index, the output of every block and of
the final norm (base64, one row an id).
"""

import argparse
import base64
import json
import pathlib

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

import hf_to_gguf

VOCABULARY = 128
LENGTHS = [1, 5, 17, 40]
GREEDY_PROMPT, GREEDY_COUNT = 4, 30
LLAMA = dict(
    architectures=["LlamaForCausalLM"], model_type="llama", vocab_size=VOCABULARY, hidden_size=64,
    intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    hidden_act="silu", rms_norm_eps=1e-5, rope_theta=10000.0, max_position_embeddings=128,
    tie_word_embeddings=False, attention_bias=False, mlp_bias=False, bos_token_id=1,
    eos_token_id=2)
LLAMA3_SCALING = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                      original_max_position_embeddings=64)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=32)


def llama(**changes) -> dict:
    return LLAMA | changes


def family(name: str, architecture: str, **changes) -> dict:
    return LLAMA | dict(model_type=name, architectures=[architecture]) | changes


FAMILIES = {
    "llama2": (llama(num_key_value_heads=4, num_hidden_layers=1), "F32"),
    "llama3": (llama(rope_theta=500000.0, rope_scaling=LLAMA3_SCALING), "F16"),
    "llama-linear": (
        llama(rope_scaling=dict(type="linear", rope_type="linear", factor=4.0)), "BF16"),
    "llama-yarn": (
        llama(rope_parameters=YARN | dict(rope_theta=10000.0), rope_theta=None), "F16"),
    "mistral": (family("mistral", "MistralForCausalLM", sliding_window=16), "BF16"),
    "qwen2": (family("qwen2", "Qwen2ForCausalLM", tie_word_embeddings=True, rms_norm_eps=1e-6,
                     rope_theta=1000000.0, use_sliding_window=False, sliding_window=32), "BF16"),
    "qwen3": (family("qwen3", "Qwen3ForCausalLM", head_dim=32, rms_norm_eps=1e-6,
                     rope_theta=1000000.0, tie_word_embeddings=True), "BF16"),
    "gpt2": (dict(
        architectures=["GPT2LMHeadModel"], model_type="gpt2", vocab_size=VOCABULARY, n_embd=64,
        n_layer=2, n_head=4, n_positions=64, n_ctx=64, activation_function="gelu_new",
        layer_norm_epsilon=1e-5, bos_token_id=1, eos_token_id=2), "F16"),
    "smollm": (llama(hidden_size=48, intermediate_size=128, num_hidden_layers=3,
                     num_attention_heads=3, num_key_value_heads=1,
                     tie_word_embeddings=True), "F16"),
    "smollm3": (family("smollm3", "SmolLM3ForCausalLM", num_hidden_layers=3,
                       no_rope_layers=[1, 0, 1], no_rope_layer_interval=2, rms_norm_eps=1e-6,
                       rope_theta=2000000.0, tie_word_embeddings=True, pad_token_id=0), "F16"),
    "qwen2-window": (family("qwen2", "Qwen2ForCausalLM", tie_word_embeddings=True,
                            rope_theta=None, use_sliding_window=True, sliding_window=8,
                            max_window_layers=1), "BF16"),
    "smollm3-window": (family("smollm3", "SmolLM3ForCausalLM", hidden_size=48,
                              num_hidden_layers=4, num_attention_heads=3, num_key_value_heads=1,
                              rope_theta=None, use_sliding_window=True, sliding_window=8,
                              tie_word_embeddings=True, pad_token_id=0), "F16"),
    "mamba": (dict(
        architectures=["MambaForCausalLM"], model_type="mamba", vocab_size=VOCABULARY,
        hidden_size=48, num_hidden_layers=3, state_size=16, conv_kernel=4, expand=2,
        time_step_rank=3, hidden_act="silu", use_bias=False, use_conv_bias=True,
        layer_norm_epsilon=1e-5, residual_in_fp32=True, bos_token_id=0, eos_token_id=0,
        pad_token_id=0, tie_word_embeddings=True), "F16"),
    # Sizes that fill no vector, biases, a head of its own.
    "mamba-odd": (dict(
        architectures=["MambaForCausalLM"], model_type="mamba", vocab_size=VOCABULARY,
        hidden_size=36, num_hidden_layers=2, state_size=7, conv_kernel=3, expand=2,
        time_step_rank="auto", hidden_act="silu", use_bias=True, use_conv_bias=False,
        layer_norm_epsilon=1e-5, residual_in_fp32=False, bos_token_id=0, eos_token_id=0,
        pad_token_id=0, tie_word_embeddings=False), "F32"),
}
# The first family again as the original repository stores it.
ORIGINAL = {"mamba": "mamba-original"}
GGUF = {"llama3": "F16", "qwen2": "BF16", "qwen3": "BF16", "gpt2": "F16", "mamba": "F16"}
SHARDED = {"llama3"}
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def shapes(config: dict):
    """Yields (checkpoint key, shape) in the family's published naming."""
    vocabulary, n = config["vocab_size"], config.get("hidden_size") or config["n_embd"]
    if config["model_type"] == "gpt2":
        yield "wte.weight", (vocabulary, n)
        yield "wpe.weight", (config["n_positions"], n)
        for i in range(config["n_layer"]):
            for part, (rows, columns) in {"attn.c_attn": (n, 3 * n), "attn.c_proj": (n, n),
                                          "mlp.c_fc": (n, 4 * n), "mlp.c_proj": (4 * n, n)}.items():
                yield f"h.{i}.{part}.weight", (rows, columns)
                yield f"h.{i}.{part}.bias", (columns,)
            for part in ("ln_1", "ln_2"):
                yield f"h.{i}.{part}.weight", (n,)
                yield f"h.{i}.{part}.bias", (n,)
        yield "ln_f.weight", (n,)
        yield "ln_f.bias", (n,)
        return
    if config["model_type"] == "mamba":
        inner, states = config["expand"] * n, config["state_size"]
        rank = config["time_step_rank"]
        rank = (n + 15) // 16 if rank == "auto" else rank
        yield "backbone.embeddings.weight", (vocabulary, n)
        for i in range(config["num_hidden_layers"]):
            mixer = f"backbone.layers.{i}.mixer"
            yield f"backbone.layers.{i}.norm.weight", (n,)
            yield f"{mixer}.in_proj.weight", (2 * inner, n)
            yield f"{mixer}.conv1d.weight", (inner, 1, config["conv_kernel"])
            yield f"{mixer}.x_proj.weight", (rank + 2 * states, inner)
            yield f"{mixer}.dt_proj.weight", (inner, rank)
            yield f"{mixer}.dt_proj.bias", (inner,)
            yield f"{mixer}.A_log", (inner, states)
            yield f"{mixer}.D", (inner,)
            yield f"{mixer}.out_proj.weight", (n, inner)
            if config["use_conv_bias"]:
                yield f"{mixer}.conv1d.bias", (inner,)
            if config["use_bias"]:
                yield f"{mixer}.in_proj.bias", (2 * inner,)
                yield f"{mixer}.out_proj.bias", (n,)
        yield "backbone.norm_f.weight", (n,)
        if not config["tie_word_embeddings"]:
            yield "lm_head.weight", (vocabulary, n)
        return
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    head, f = config.get("head_dim", n // heads), config["intermediate_size"]
    yield "model.embed_tokens.weight", (vocabulary, n)
    for i in range(config["num_hidden_layers"]):
        block = f"model.layers.{i}"
        for part, rows in {"q": heads * head, "k": kv_heads * head, "v": kv_heads * head}.items():
            yield f"{block}.self_attn.{part}_proj.weight", (rows, n)
            if config["model_type"] == "qwen2":
                yield f"{block}.self_attn.{part}_proj.bias", (rows,)
            if config["model_type"] == "qwen3" and part != "v":
                yield f"{block}.self_attn.{part}_norm.weight", (head,)
        yield f"{block}.self_attn.o_proj.weight", (n, heads * head)
        yield f"{block}.mlp.gate_proj.weight", (f, n)
        yield f"{block}.mlp.up_proj.weight", (f, n)
        yield f"{block}.mlp.down_proj.weight", (n, f)
        yield f"{block}.input_layernorm.weight", (n,)
        yield f"{block}.post_attention_layernorm.weight", (n,)
    yield "model.norm.weight", (n,)
    if not config["tie_word_embeddings"]:
        yield "lm_head.weight", (vocabulary, n)


def random_weights(config: dict, dtype: torch.dtype, seed: int) -> dict[str, torch.Tensor]:
    """Draws weights large enough that attention looks about and the logits differ."""
    generator = torch.Generator().manual_seed(seed)
    conv1d = config["model_type"] == "gpt2"
    result = {}
    for name, shape in shapes(config):
        values = torch.randn(shape, generator=generator)
        if name.endswith("A_log"):
            values = torch.arange(1, shape[1] + 1).log() + 0.2 * values
        elif name.endswith("dt_proj.bias"):
            values = values - 3
        elif len(shape) == 1:
            is_scale = name.endswith(("weight", ".D"))
            values = 1 + 0.2 * values if is_scale else 0.3 * values
        elif "embed" in name or name.startswith("w") or "lm_head" in name:
            values *= 0.3
        else:
            values *= 1.5 * shape[0 if conv1d else -1] ** -0.5
        result[name] = values.to(dtype)
    if conv1d:
        # The causal mask that published GPT-2 files carry as if it were a weight.
        n = config["n_ctx"]
        for i in range(config["n_layer"]):
            result[f"h.{i}.attn.bias"] = torch.ones(n, n).tril().to(torch.uint8).view(1, 1, n, n)
    return result


def save_weights(directory: pathlib.Path, tensors: dict, sharded: bool) -> None:
    if not sharded:
        save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
        return
    names = list(tensors)
    parts = [names[: len(names) // 2], names[len(names) // 2 :]]
    index = {"metadata": {}, "weight_map": {}}
    index["metadata"]["total_size"] = sum(t.numel() * t.element_size() for t in tensors.values())
    for number, part in enumerate(parts, 1):
        file = f"model-{number:05}-of-{len(parts):05}.safetensors"
        save_file({n: tensors[n] for n in part}, directory / file, metadata={"format": "pt"})
        index["weight_map"] |= {n: file for n in part}
    text = json.dumps(index, indent=2, sort_keys=True)
    (directory / "model.safetensors.index.json").write_text(text + "\n")


def base64_rows(values: torch.Tensor) -> str:
    return base64.b64encode(values.detach().float().contiguous().numpy().tobytes()).decode()


@torch.no_grad()
def golden(directory: pathlib.Path, seed: int) -> dict:
    model = AutoModelForCausalLM.from_pretrained(
        directory, dtype=torch.float32, attn_implementation="eager").eval()
    kind = model.config.model_type
    if kind == "mamba":
        blocks, norm = model.backbone.layers, model.backbone.norm_f
    elif kind == "gpt2":
        blocks, norm = model.transformer.h, model.transformer.ln_f
    else:
        blocks, norm = model.model.layers, model.model.norm
    generator = torch.Generator().manual_seed(seed)
    cases, hidden = [], []
    for length in LENGTHS:
        ids = torch.randint(3, VOCABULARY, (length,), generator=generator)
        hooks = []
        if length == 5:
            def keep(_module, _inputs, output):
                value = output[0] if isinstance(output, tuple) else output
                hidden.append(base64_rows(value[0] if value.ndim == 3 else value))
            hooks = [m.register_forward_hook(keep) for m in [*blocks, norm]]
        logits = model(ids[None], use_cache=False).logits[0]
        for hook in hooks:
            hook.remove()
        nll = None
        if length > 1:
            nll = torch.nn.functional.cross_entropy(logits[:-1].double(), ids[1:]).item()
        cases.append(dict(ids=ids.tolist(), logits=base64_rows(logits), mean_nll=nll))
    ids = cases[-1]["ids"][:GREEDY_PROMPT]
    gap = float("inf")
    for _ in range(GREEDY_COUNT):
        logits = model(torch.tensor([ids]), use_cache=False).logits[0, -1]
        top = logits.topk(2)
        gap = min(gap, (top.values[0] - top.values[1]).item())
        ids.append(top.indices[0].item())
    greedy = dict(prompt=ids[:GREEDY_PROMPT], ids=ids[GREEDY_PROMPT:], smallest_gap=gap)
    names = [f"block{i}" for i in range(len(blocks))] + ["final_norm"]
    return dict(
        note="transformers, float32, eager attention, no cache", vocabulary=VOCABULARY,
        cases=cases, greedy=greedy,
        hidden=dict(case=LENGTHS.index(5), rows=dict(zip(names, hidden, strict=True))))


def save_original(source: pathlib.Path, target: pathlib.Path) -> None:
    """Writes a Mamba as the original repository does: its own keys, weights pickled by torch."""
    target.mkdir(parents=True, exist_ok=True)
    config = json.loads((source / "config.json").read_text())
    text = json.dumps(dict(
        d_model=config["hidden_size"], n_layer=config["num_hidden_layers"],
        vocab_size=config["vocab_size"] - 3, ssm_cfg=dict(d_state=config["state_size"]),
        rms_norm=True, residual_in_fp32=True, fused_add_norm=True, pad_vocab_size_multiple=8),
        indent=2)
    (target / "config.json").write_text(text + "\n")
    tensors = load_file(source / "model.safetensors")
    tensors["backbone.embedding.weight"] = tensors.pop("backbone.embeddings.weight")
    tensors["lm_head.weight"] = tensors["backbone.embedding.weight"]
    torch.save(tensors, target / "pytorch_model.bin")
    (target / "golden.json").write_bytes((source / "golden.json").read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--only", nargs="*", help="families to write; all by default")
    arguments = parser.parse_args()
    root = arguments.output
    torch.set_num_threads(1)
    for index, (name, (config, kind)) in enumerate(FAMILIES.items()):
        if arguments.only and name not in arguments.only:
            continue
        directory = root / name
        directory.mkdir(parents=True, exist_ok=True)
        config = {k: v for k, v in config.items() if v is not None}
        text = json.dumps(config | dict(torch_dtype=str(DTYPES[kind])[6:]), indent=2)
        (directory / "config.json").write_text(text + "\n")
        save_weights(directory, random_weights(config, DTYPES[kind], 20 + index), name in SHARDED)
        result = golden(directory, 20 + index)
        (directory / "golden.json").write_text(json.dumps(result, indent=0) + "\n")
        if name in GGUF:
            hf_to_gguf.convert(directory, directory / f"model-{GGUF[name]}.gguf", GGUF[name])
        if name in ORIGINAL:
            save_original(directory, root / ORIGINAL[name])
        last = result["cases"][-1]
        size = sum(p.stat().st_size for p in directory.iterdir()) // 1024
        gap, greedy = result["greedy"]["smallest_gap"], result["greedy"]["ids"]
        print(f"{name:14} {size:4} KiB  nll {last['mean_nll']:.4f}  gap {gap:.4f}  {greedy[:12]}")


if __name__ == "__main__":
    main()
