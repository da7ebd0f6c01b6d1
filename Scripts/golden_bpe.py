"""Merges of Hugging Face's byte-level BPE trainer on a small text of our own.

    python Scripts/golden_bpe.py > Tests/Golden/training/bpe.json

Made with tokenizers 0.23.3; no randomness.
"""

import json

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

LINES = [
    "The tide came in at noon, and the boats that lay on the sand began to lift.",
    "Nobody had told the lighthouse keeper's daughter that lamps could be read like letters.",
    "It's 1,024 steps to the top; we'll count them twice, then count them again!",
    "Über den Dächern flog ein Drachen, naïve façade, déjà vu — 漢字 and 🙂 too.",
    "def add(a, b):\n    return a + b  # the sum\n\n\tindented by a tab",
    "the the the then them there these those thin thing thinking thought",
]


def main():
    text = [LINES[(i * i + 3 * i) % len(LINES)] + " " + LINES[i % len(LINES)] for i in range(40)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        min_frequency=2,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(text, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    json.dump({"text": text, "vocab": model["vocab"], "merges": model["merges"]}, fp := open(1, "w"))
    fp.close()


if __name__ == "__main__":
    main()
