#!/usr/bin/env python3
"""Fit a small Llama to a text file, to have real (not random) weights to measure perplexity with.

    python3 Scripts/make_small_llama.py TEXT DIRECTORY [--steps 90] [--seed 11]

1.4 million parameters: hidden 256, FFN 512, 2 layers, 4 heads of 64 over 2 of keys and values, tied,
byte-level BPE of 1024 tokens trained on the same text, context 256. Every row of every matrix is a
multiple of 256 long, so each of llama.cpp's types applies to it. A few minutes on two cores.
DIRECTORY becomes a Hugging Face directory in float32, which Scripts/hf_to_gguf.py turns into GGUF.
Versions used: torch 2.13.0, transformers 5.23.0, tokenizers 0.23.3.
"""

import argparse
import json
import pathlib

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM

CONTEXT, VOCABULARY, BATCH, RATE = 256, 1024, 12, 3e-3
BOS, EOS = 0, 1
CONFIG = dict(
    vocab_size=VOCABULARY, hidden_size=256, intermediate_size=512, num_hidden_layers=2,
    num_attention_heads=4, num_key_value_heads=2, head_dim=64, hidden_act="silu",
    max_position_embeddings=CONTEXT, rms_norm_eps=1e-5, rope_theta=10000.0,
    tie_word_embeddings=True, attention_bias=False, mlp_bias=False, bos_token_id=BOS,
    eos_token_id=EOS)


def make_tokenizer(text: str) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(text.splitlines(keepends=True), trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=["<s>", "</s>"], show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", BOS)])
    return tokenizer


def fit(ids: torch.Tensor, steps: int) -> LlamaForCausalLM:
    model = LlamaForCausalLM(LlamaConfig(**CONFIG))
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for step in range(steps):
        starts = torch.randint(len(ids) - CONTEXT + 1, (BATCH,))
        rows = torch.stack([ids[start:start + CONTEXT] for start in starts])
        rows[:, 0] = BOS
        loss = model(input_ids=rows, labels=rows).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 20 == 19:
            print(f"step {step + 1}: loss {loss.item():.4f}", flush=True)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", type=pathlib.Path)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=90)
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(2)
    text = options.text.read_text(encoding="utf-8")
    tokenizer = make_tokenizer(text)
    ids = torch.tensor(tokenizer.encode(text, add_special_tokens=False).ids)
    print(f"{len(ids)} tokens", flush=True)
    model = fit(ids, options.steps)

    out = options.directory
    out.mkdir(parents=True, exist_ok=True)
    save_file({name: value.detach().contiguous() for name, value in model.state_dict().items()
               if name != "lm_head.weight"}, out / "model.safetensors", metadata={"format": "pt"})
    (out / "config.json").write_text(json.dumps(
        dict(architectures=["LlamaForCausalLM"], model_type="llama", torch_dtype="float32")
        | CONFIG, indent=2) + "\n")
    (out / "tokenizer_config.json").write_text(json.dumps(
        dict(tokenizer_class="PreTrainedTokenizerFast", bos_token="<s>", eos_token="</s>",
             add_bos_token=True, add_eos_token=False, model_max_length=CONTEXT), indent=2) + "\n")
    tokenizer.save(str(out / "tokenizer.json"))
    print(out)


if __name__ == "__main__":
    main()
