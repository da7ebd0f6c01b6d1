#!/usr/bin/env python3
"""Write a Hugging Face directory as one GGUF file, independently of `skein quantize`.

    python3 Scripts/hf_to_gguf.py DIRECTORY FILE.gguf [--type F32|F16|BF16]

Families: llama (Llama, Mistral without its window, SmolLM), smollm3, qwen2, qwen3, gpt2. Tensor and
key names, the reordering of query and key rows for adjacent-pair rotation, and vectors kept in F32
are llama.cpp's. The tokenizer comes from tokenizer.json where there is one: byte-level BPE, or BPE
with byte fallback (as SentencePiece scores). Version used: gguf 0.19.0.
"""

import argparse
import json
import pathlib
import re

import gguf
import numpy as np
import torch
from safetensors.torch import load_file

from make_random_llama import llama3_rope_factors

TOP = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
    "wte.weight": "token_embd.weight",
    "wpe.weight": "position_embd.weight",
    "ln_f.weight": "output_norm.weight",
    "ln_f.bias": "output_norm.bias",
    "backbone.embeddings.weight": "token_embd.weight",
    "backbone.norm_f.weight": "output_norm.weight",
}
BLOCK = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "ln_1": "attn_norm",
    "ln_2": "ffn_norm",
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
    "norm": "attn_norm",
    "mixer.in_proj": "ssm_in",
    "mixer.conv1d": "ssm_conv1d",
    "mixer.x_proj": "ssm_x",
    "mixer.dt_proj": "ssm_dt",
    "mixer.out_proj": "ssm_out",
}
TYPES = {
    "F32": (gguf.LlamaFileType.ALL_F32, gguf.GGMLQuantizationType.F32),
    "F16": (gguf.LlamaFileType.MOSTLY_F16, gguf.GGMLQuantizationType.F16),
    "BF16": (gguf.LlamaFileType.MOSTLY_BF16, gguf.GGMLQuantizationType.BF16),
}


def read_tensors(directory: pathlib.Path) -> dict[str, torch.Tensor]:
    tensors = {}
    for path in sorted(directory.glob("*.safetensors")):
        tensors |= load_file(path)
    return tensors


def gguf_name(name: str) -> str | None:
    """llama.cpp's name for a checkpoint key; None for buffers that are not weights."""
    if name in TOP:
        return TOP[name]
    state = re.fullmatch(r"backbone\.layers\.(\d+)\.mixer\.(A_log|D)", name)
    if state:
        return f"blk.{state[1]}.ssm_{state[2][0].lower()}"
    block = re.fullmatch(
        r"(?:model\.layers|backbone\.layers|h)\.(\d+)\.(.+)\.(weight|bias)", name)
    if block and block[2] in BLOCK:
        return f"blk.{block[1]}.{BLOCK[block[2]]}.{block[3]}"
    if re.fullmatch(r"h\.\d+\.attn\.(masked_)?bias", name):
        return None
    raise KeyError(f"no GGUF name for {name}")


def adjacent_pairs(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """Reorders each head's rows from two halves to adjacent pairs."""
    rows = weight.shape[0]
    shape = (heads, 2, rows // heads // 2, *weight.shape[1:])
    return weight.reshape(shape).swapaxes(1, 2).reshape(weight.shape)


def add_hyperparameters(writer: gguf.GGUFWriter, config: dict, arch: str) -> np.ndarray | None:
    """Adds the model's numbers; returns the rotary divisors if they travel as a tensor."""
    if arch == "gpt2":
        writer.add_context_length(config["n_positions"])
        writer.add_embedding_length(config["n_embd"])
        writer.add_block_count(config["n_layer"])
        writer.add_feed_forward_length(config.get("n_inner") or 4 * config["n_embd"])
        writer.add_head_count(config["n_head"])
        writer.add_layer_norm_eps(config["layer_norm_epsilon"])
        return None
    if arch == "mamba":
        n = config["hidden_size"]
        rank = config.get("time_step_rank", "auto")
        writer.add_context_length(1 << 20)
        writer.add_embedding_length(n)
        writer.add_block_count(config["num_hidden_layers"])
        writer.add_feed_forward_length(0)
        writer.add_head_count(0)
        writer.add_ssm_conv_kernel(config["conv_kernel"])
        writer.add_ssm_inner_size(config.get("intermediate_size") or config["expand"] * n)
        writer.add_ssm_state_size(config["state_size"])
        writer.add_ssm_time_step_rank((n + 15) // 16 if rank == "auto" else rank)
        writer.add_layer_norm_rms_eps(config["layer_norm_epsilon"])
        return None
    heads = config["num_attention_heads"]
    head = config.get("head_dim") or config["hidden_size"] // heads
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    theta = rope.get("rope_theta", config.get("rope_theta", 10000.0))
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads", heads))
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(theta)
    kind = rope.get("rope_type", "default")
    if kind in ("linear", "yarn"):
        scaling = gguf.RopeScalingType.LINEAR if kind == "linear" else gguf.RopeScalingType.YARN
        writer.add_rope_scaling_type(scaling)
        writer.add_rope_scaling_factor(rope["factor"])
        if kind == "yarn":
            writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    if kind != "llama3":
        return None
    return llama3_rope_factors(
        head, theta, rope["factor"], rope["low_freq_factor"], rope["high_freq_factor"],
        rope["original_max_position_embeddings"])


def add_tokenizer(writer: gguf.GGUFWriter, directory: pathlib.Path, config: dict) -> None:
    path = directory / "tokenizer.json"
    if not path.exists():
        writer.add_tokenizer_model("no_vocab")
        return
    tokenizer = json.loads(path.read_text())
    model, size = tokenizer["model"], config["vocab_size"]
    merges = [m.split(" ") if isinstance(m, str) else m for m in model["merges"]]
    tokens = [f"[UNUSED{i}]" for i in range(size)]
    kinds = [gguf.TokenType.UNUSED] * size
    for token, index in model["vocab"].items():
        tokens[index], kinds[index] = token, gguf.TokenType.NORMAL
        if model.get("byte_fallback") and re.fullmatch("<0x[0-9A-F]{2}>", token):
            kinds[index] = gguf.TokenType.BYTE
    for added in tokenizer["added_tokens"]:
        tokens[added["id"]] = added["content"]
        special = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
        kinds[added["id"]] = special
    if model.get("byte_fallback"):
        rank = {}
        for index, (left, right) in enumerate(merges):
            rank.setdefault(left + right, index)
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_list(tokens)
        writer.add_token_scores([-float(rank.get(token, len(merges))) for token in tokens])
        writer.add_unk_token_id(model["vocab"][model["unk_token"]])
    else:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("gpt-2")
        writer.add_token_list(tokens)
        writer.add_token_merges([" ".join(m) for m in merges])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    side = directory / "tokenizer_config.json"
    settings = json.loads(side.read_text()) if side.exists() else {}
    writer.add_add_bos_token(settings.get("add_bos_token", False))
    if settings.get("chat_template"):
        writer.add_chat_template(settings["chat_template"])


def convert(directory: pathlib.Path, output: pathlib.Path, kind: str) -> None:
    config = json.loads((directory / "config.json").read_text())
    arch = {"mistral": "llama"}.get(config["model_type"], config["model_type"])
    file_type, quantisation = TYPES[kind]
    writer = gguf.GGUFWriter(output, arch)
    writer.add_name(directory.name)
    writer.add_file_type(file_type)
    factors = add_hyperparameters(writer, config, arch)
    writer.add_vocab_size(config["vocab_size"])
    add_tokenizer(writer, directory, config)
    tensors = read_tensors(directory)
    if "model.embed_tokens.weight" not in tensors and config.get("tie_word_embeddings"):
        if "lm_head.weight" in tensors:
            tensors["model.embed_tokens.weight"] = tensors.pop("lm_head.weight")
    for name, weight in tensors.items():
        target = gguf_name(name)
        if target is None or (target == "output.weight" and config.get("tie_word_embeddings")):
            continue
        weight = weight.float()
        if re.search(r"c_attn\.weight|c_proj\.weight|c_fc\.weight", name):
            weight = weight.T
        if arch in ("llama", "smollm3"):
            heads = config["num_attention_heads"]
            if ".q_proj." in name:
                weight = adjacent_pairs(weight, heads)
            if ".k_proj." in name:
                weight = adjacent_pairs(weight, config.get("num_key_value_heads", heads))
        if name.endswith("A_log"):
            weight = -weight.exp()
        array = weight.squeeze().contiguous().numpy()
        is_plain = target in ("position_embd.weight",) or "ssm_a" in target or "conv1d" in target
        if array.ndim == 1 or is_plain:
            writer.add_tensor(target, array)
        else:
            data = gguf.quants.quantize(array, quantisation)
            writer.add_tensor(target, data, raw_dtype=quantisation)
    if factors is not None:
        writer.add_tensor("rope_freqs.weight", factors)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--type", choices=TYPES, default="F16")
    arguments = parser.parse_args()
    convert(arguments.directory, arguments.output, arguments.type)
    print(arguments.output)


if __name__ == "__main__":
    main()
