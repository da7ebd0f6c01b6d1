#!/usr/bin/env python3
"""Check that transformers loads what `skein train` writes, and gives the same logits.

    python3 Scripts/check_transformers.py --skein .build/release/skein

Trains a few steps of a tiny model of each family on a text made here, opens the checkpoint with
AutoModelForCausalLM (no name may be missing or left over), and compares the mean loss of a text with that of
`skein eval perplexity`. Needs torch and transformers.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

FAMILIES = {
    "mamba": "{model_type: mamba, hidden_size: 32, num_hidden_layers: 2, state_size: 8}",
    "llama": "{model_type: llama, hidden_size: 32, intermediate_size: 64, num_hidden_layers: 2,"
             " num_attention_heads: 4, num_key_value_heads: 2}",
    "gpt2": "{model_type: gpt2, n_layer: 2, n_head: 2, n_embd: 32}",
}
RECIPE = """model: {model}
tokenizer: {{bytes: true}}
data: {{train: text.txt, validation: text.txt}}
batch: {{sequences: 4, length: 64, packing: windows}}
optimizer: {{name: adamw, learning_rate: 3.0e-3}}
steps: 12
evaluation: {{every: 12, tokens: 512}}
checkpoints: {{every: 12, keep: 1}}
"""
TEXT = "".join(f"The {n}th goose flew {n * n % 97} miles to the lake.\n" for n in range(200))


def losses(skein, family, model, folder):
    import torch
    from transformers import AutoModelForCausalLM
    (folder / "recipe.yaml").write_text(RECIPE.format(model=model))
    subprocess.run([skein, "train", "--config", "recipe.yaml", "--output", "run"], cwd=folder,
                   check=True, capture_output=True)
    checkpoint = next((folder / "run" / "checkpoints").iterdir())
    text = TEXT[:60]
    (folder / "judged.txt").write_text(text)
    found = json.loads(subprocess.run(
        [skein, "eval", "perplexity", "-m", checkpoint, "-f", "judged.txt", "-c", "64",
         "--compute", "f32", "--cache-type", "f32", "--json"],
        cwd=folder, check=True, capture_output=True, text=True).stdout)
    own = found["nll"]
    ids = json.loads(subprocess.run(
        [skein, "tokenize", "--model", checkpoint, "--text", text, "--json"], cwd=folder,
        check=True, capture_output=True, text=True).stdout)
    loaded, info = AutoModelForCausalLM.from_pretrained(
        checkpoint, output_loading_info=True, dtype=torch.float32)
    problems = {key: value for key, value in info.items() if value}
    if problems:
        sys.exit(f"{family}: {problems}")
    ids = torch.tensor([ids])
    with torch.no_grad():
        peer = loaded.eval()(ids, labels=ids).loss.item()
    return own, peer


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--skein", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    failed = False
    for family, model in FAMILIES.items():
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "text.txt").write_text(TEXT)
            own, peer = losses(arguments.skein.resolve(), family, model, pathlib.Path(folder))
        difference = abs(own - peer) / peer
        failed |= difference > 1e-5
        print(f"{family:6} skein {own:.6f}  transformers {peer:.6f}  relative difference "
              f"{difference:.1e}")
    sys.exit("the losses differ" if failed else 0)


if __name__ == "__main__":
    main()
