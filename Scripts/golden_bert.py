#!/usr/bin/env python3
"""Write tiny random encoders, with the hidden states and vectors that transformers computes on them.

    python3 Scripts/golden_bert.py Tests/Golden/models

Each folder is a Hugging Face directory with float32 weights plus golden.json, computed in float32 with
eager attention, every text alone and unpadded. Seed 70 + the model's index; versions used: torch
2.13.0, transformers 5.23.0, tokenizers 0.23.3, safetensors 0.8.0, gguf 0.19.0.

    bert        BERT with a pooler and a WordPiece tokenizer in the layout of sentence-transformers
                (mean pooling, unit length, at most 20 tokens); bert.gguf holds the same numbers
    bert-old    BERT under a masked-language-model head: prefixed names, gamma and beta, a tanh GELU,
                and the position_ids buffer that old files carry; cls pooling by 1_Pooling, not scaled
    bert-roberta     RoBERTa: positions begin after the padding token's id
    bert-distilbert  DistilBERT: its own names, no token types

golden.json: `cases` hold `ids`, `hidden` (last hidden states, base64 of little-endian float32, a row an
id), `mean`, `cls`, `last`, and `pooler` where there is one (base64, one row each). `texts` hold `text`,
`ids` from the tokenizers library, and `vector`: the rows' sum over their number, over its length.
"""

import argparse
import base64
import json
import pathlib

import gguf
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (BertConfig, BertForMaskedLM, BertModel, DistilBertConfig,
                          DistilBertModel, RobertaConfig, RobertaModel)

VOCABULARY, WIDTH, HIDDEN, LENGTH = 96, 24, 40, 32
LENGTHS = [1, 2, 7, 19, 32]
SHARED = dict(vocab_size=VOCABULARY, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=3,
              intermediate_size=HIDDEN, max_position_embeddings=LENGTH)
MODELS = {
    "bert": (BertModel, BertConfig(**SHARED)),
    "bert-old": (BertForMaskedLM, BertConfig(**SHARED, hidden_act="gelu_new")),
    "bert-roberta": (RobertaModel, RobertaConfig(
        **SHARED | dict(max_position_embeddings=LENGTH + 2, type_vocab_size=1, layer_norm_eps=1e-5))),
    "bert-distilbert": (DistilBertModel, DistilBertConfig(
        vocab_size=VOCABULARY, dim=WIDTH, n_layers=2, n_heads=3, hidden_dim=HIDDEN,
        max_position_embeddings=LENGTH)),
}
CORPUS = [
    "the spool holds the thread and the loom holds the cloth",
    "a weaver winds wool around the spool before she weaves",
    "rain fell on the roof all night; in the morning, the river was brown",
    "numbers: 3, 14, 159 and 2653",
]
TEXTS = [
    "", "The weaver holds a THREAD.", "unseen words: zebra?", "rivière brune", "14 spools, 3 looms",
    "織機 and wool", "a\tb\nc \u0000 d",
]
MODULES = "sentence_transformers.models"


def encode(values: torch.Tensor) -> str:
    return base64.b64encode(values.detach().float().contiguous().numpy().tobytes()).decode()


def write_json(path: pathlib.Path, value) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=True) + "\n")


def randomise(model: torch.nn.Module, seed: int) -> None:
    """Draws weights large enough that attention looks about and biases matter."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            values = torch.randn(parameter.shape, generator=generator)
            if "LayerNorm" in name or "layer_norm" in name:
                values = 0.2 * values + (1 if name.endswith("weight") else 0)
            elif parameter.ndim == 1:
                values *= 0.3
            elif "embeddings" not in name:
                values *= 1.5 * parameter.shape[1] ** -0.5
            parameter.copy_(values)


def word_pieces() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCABULARY, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    assert tokenizer.get_vocab_size() <= VOCABULARY
    return tokenizer


def sentence_layout(directory: pathlib.Path, pooling: str, normalised: bool, limit: int) -> None:
    steps = [("", "Transformer"), ("1_Pooling", "Pooling")]
    if normalised:
        steps.append(("2_Normalize", "Normalize"))
    write_json(directory / "modules.json", [
        dict(idx=i, name=str(i), path=path, type=f"{MODULES}.{kind}")
        for i, (path, kind) in enumerate(steps)])
    modes = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens"]
    write_json(directory / "1_Pooling" / "config.json", dict(word_embedding_dimension=WIDTH) | {
        f"pooling_mode_{mode}": mode == pooling for mode in modes})
    write_json(directory / "sentence_bert_config.json",
               dict(max_seq_length=limit, do_lower_case=False))


def old_names(directory: pathlib.Path) -> None:
    """Renames what files of 2018 call otherwise and leaves the head's own matrix out."""
    path = directory / "model.safetensors"
    tensors = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias",
                                                                    "LayerNorm.beta"): values
        for name, values in load_file(path).items() if name.startswith("bert.")}
    tensors["bert.embeddings.position_ids"] = torch.arange(LENGTH)[None]
    save_file(tensors, path, metadata={"format": "pt"})


def to_gguf(directory: pathlib.Path, tokenizer: Tokenizer, path: pathlib.Path) -> None:
    """Writes a bare BERT under llama.cpp's names."""
    layer = {
        "attention.self.query": "attn_q", "attention.self.key": "attn_k",
        "attention.self.value": "attn_v", "attention.output.dense": "attn_output",
        "attention.output.LayerNorm": "attn_output_norm", "intermediate.dense": "ffn_up",
        "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm"}
    top = {
        "embeddings.word_embeddings": "token_embd", "embeddings.position_embeddings": "position_embd",
        "embeddings.token_type_embeddings": "token_types", "embeddings.LayerNorm": "token_embd_norm"}
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_context_length(LENGTH)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_block_count(2)
    writer.add_head_count(3)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    pieces = [piece for piece, _ in vocabulary]
    pieces += [f"[unused{i}]" for i in range(VOCABULARY - len(pieces))]
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([
        piece[2:] if piece.startswith("##") else piece if piece.startswith("[") and len(piece) > 1
        else "\u2581" + piece for piece in pieces])
    writer.add_token_types([
        gguf.TokenType.CONTROL if i < 5 else gguf.TokenType.NORMAL for i in range(VOCABULARY)])
    for name, number in dict(pad=0, unk=1, bos=2, sep=3, mask=4).items():
        getattr(writer, f"add_{name}_token_id")(number)
    for name, values in load_file(directory / "model.safetensors").items():
        stem, kind = name.rsplit(".", 1)
        if stem in top:
            target = top[stem]
        elif stem.startswith("encoder.layer."):
            _, _, number, module = stem.split(".", 3)
            target = f"blk.{number}.{layer[module]}"
        else:
            continue
        writer.add_tensor(f"{target}.{kind}", np.ascontiguousarray(values.numpy()))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@torch.no_grad()
def golden(model: torch.nn.Module, seed: int, tokenizer: Tokenizer | None) -> dict:
    generator = torch.Generator().manual_seed(seed)
    encoder = model.bert if hasattr(model, "bert") else model

    def states(ids: torch.Tensor):
        output = encoder(input_ids=ids[None])
        return output.last_hidden_state[0], getattr(output, "pooler_output", None)

    result = dict(cases=[], texts=[])
    for length in LENGTHS:
        ids = torch.randint(5, VOCABULARY, (length,), generator=generator)
        rows, pooler = states(ids)
        case = dict(ids=ids.tolist(), hidden=encode(rows), mean=encode(rows.double().mean(0)),
                    cls=encode(rows[0]), last=encode(rows[-1]))
        if pooler is not None:
            case["pooler"] = encode(pooler[0])
        result["cases"].append(case)
    for text in TEXTS if tokenizer else []:
        ids = tokenizer.encode(text).ids
        mean = states(torch.tensor(ids))[0].double().sum(0) / len(ids)
        vector = mean / mean.norm().clamp_min(1e-12)
        result["texts"].append(dict(text=text, ids=ids, vector=encode(vector)))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory", type=pathlib.Path)
    root = parser.parse_args().directory
    for index, (name, (kind, config)) in enumerate(MODELS.items()):
        directory = root / name
        directory.mkdir(parents=True, exist_ok=True)
        config._attn_implementation = "eager"
        model = kind(config).eval()
        randomise(model, 70 + index)
        model.save_pretrained(directory)
        (directory / "generation_config.json").unlink(missing_ok=True)
        tokenizer = None
        if name == "bert":
            tokenizer = word_pieces()
            tokenizer.save(str(directory / "tokenizer.json"))
            sentence_layout(directory, "mean_tokens", True, 20)
            to_gguf(directory, tokenizer, directory / "bert.gguf")
        if name == "bert-old":
            old_names(directory)
            sentence_layout(directory, "cls_token", False, 64)
        (directory / "golden.json").write_text(
            json.dumps(golden(model, 70 + index, tokenizer), indent=1) + "\n")


if __name__ == "__main__":
    main()
