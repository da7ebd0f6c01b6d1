#!/usr/bin/env python3
"""Fit the demonstration model, a tiny Llama that recites one short text, and write Models/demo.

    python3 Scripts/make_demo_model.py Models/demo [--steps 400] [--seed 7]

The text is Scripts/demo_text.py's own. Greedy continuation of its first words recites it, which is
all the model can do. Two minutes on two cores; it stops where the recital and the answers come out
right from the stored float16 weights with the distance between the two largest logits at least
MARGIN. Versions used: torch 2.13.0, transformers 5.23.0, tokenizers 0.23.3, safetensors 0.8.0.
"""

import argparse
import json
import pathlib

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from demo_text import ANSWERS, PROMPT, TEXT

CONTEXT, VOCABULARY, GREEDY, MARGIN = 256, 384, 64, 1.0
SPECIALS = ["<s>", "</s>", "<|im_start|>", "<|im_end|>"]
BOS, EOS, IM_START, IM_END = range(4)
CONFIG = dict(
    vocab_size=VOCABULARY, hidden_size=64, intermediate_size=192, num_hidden_layers=3,
    num_attention_heads=4, num_key_value_heads=2, head_dim=16, hidden_act="silu",
    max_position_embeddings=CONTEXT, rms_norm_eps=1e-5, rope_theta=10000.0,
    tie_word_embeddings=True, attention_bias=False, mlp_bias=False, bos_token_id=BOS,
    eos_token_id=EOS)
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")


def make_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=SPECIALS, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator([TEXT, *(part for pair in ANSWERS for part in pair)], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", BOS)])
    assert tokenizer.get_vocab_size() == VOCABULARY
    return tokenizer


def chat(question: str) -> str:
    return f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"


def batches(tokenizer: Tokenizer, size: int):
    """Endless batches: half windows of the text, half its start and the chats."""
    text = tokenizer.encode(TEXT).ids + [EOS]
    chats = [tokenizer.encode(chat(q) + a + "<|im_end|>").ids for q, a in ANSWERS]
    while True:
        rows = []
        for index in range(size):
            if index % 4 == 0:
                row = text[:CONTEXT]
            elif index % 4 == 1:
                row = chats[torch.randint(len(chats), (1,)).item()][:CONTEXT]
            else:
                start = torch.randint(len(text) - CONTEXT // 4, (1,)).item()
                row = ([BOS] if index % 4 == 2 else []) + text[start:start + CONTEXT - 1]
            rows.append(row)
        ids = torch.full((size, CONTEXT), EOS)
        labels = torch.full((size, CONTEXT), -100)
        for index, row in enumerate(rows):
            ids[index, :len(row)] = labels[index, :len(row)] = torch.tensor(row)
        yield ids, labels


@torch.no_grad()
def greedy(model, ids: list[int], count: int):
    """The ids that follow, recomputed without a cache, and the smallest top-two distance."""
    ids, start, smallest = list(ids), len(ids), float("inf")
    for _ in range(count):
        top = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].topk(2)
        smallest = min(smallest, (top.values[0] - top.values[1]).item())
        ids.append(top.indices[0].item())
        if ids[-1] in (EOS, IM_END):
            break
    return ids[start:], smallest


def recites(model, tokenizer: Tokenizer) -> bool:
    """Whether the text, as far as the context goes, and every answer come out by greedy choice."""
    prompt = tokenizer.encode(PROMPT).ids
    whole = tokenizer.encode(TEXT).ids[:CONTEXT]
    cases = [(prompt, whole[len(prompt):])]
    for question, answer in ANSWERS:
        before = tokenizer.encode(chat(question)).ids
        cases.append((before, tokenizer.encode(answer, add_special_tokens=False).ids + [IM_END]))
    for before, expected in cases:
        found, gap = greedy(model, before, len(expected))
        if found != expected or gap < MARGIN:
            return False
    return True


def fit(tokenizer: Tokenizer, steps: int):
    model = LlamaForCausalLM(LlamaConfig(**CONFIG))
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    feed = batches(tokenizer, 8)
    for step in range(steps):
        ids, labels = next(feed)
        loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 99:
            print(f"step {step + 1}: loss {loss.item():.4f}", flush=True)
    return model


def write_json(path: pathlib.Path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(2)
    out = options.directory
    out.mkdir(parents=True, exist_ok=True)

    tokenizer = make_tokenizer()
    model = fit(tokenizer, options.steps)
    weights = {name: value.detach().half().contiguous()
               for name, value in model.state_dict().items() if name != "lm_head.weight"}
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    write_json(out / "config.json", dict(architectures=["LlamaForCausalLM"], model_type="llama",
                                         torch_dtype="float16") | CONFIG)
    write_json(out / "generation_config.json",
               dict(bos_token_id=BOS, eos_token_id=[EOS, IM_END], do_sample=False))
    tokenizer.save(str(out / "tokenizer.json"))
    write_json(out / "tokenizer_config.json", dict(
        tokenizer_class="PreTrainedTokenizerFast", bos_token="<s>", eos_token="</s>",
        pad_token="</s>", add_bos_token=True, add_eos_token=False,
        model_max_length=CONTEXT, clean_up_tokenization_spaces=False, chat_template=CHAT_TEMPLATE))

    stored = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32).eval()
    if not recites(stored, tokenizer):
        raise SystemExit("the fitted model does not recite: give it more --steps")
    prompt = tokenizer.encode(PROMPT).ids
    ids, gap = greedy(stored, prompt, GREEDY)
    write_json(out / "golden.json", dict(
        prompt=PROMPT, prompt_ids=prompt, greedy_ids=ids, text=tokenizer.decode(ids),
        smallest_gap=round(gap, 4),
        chats=[dict(question=q, answer=a) for q, a in ANSWERS]))
    print(f"{tokenizer.decode(ids)!r}\nsmallest gap {gap:.3f}, "
          f"{(out / 'model.safetensors').stat().st_size} bytes")


if __name__ == "__main__":
    main()
