"""Trains one small tokenizer per kind with the reference libraries and writes what they do to random text.

For every kind it writes NAME.json (or NAME.model) and NAME.jsonl, one case a line:
    {"text", "ids", "offsets" (scalars), "decoded", "skipped"}
where `ids` include the special tokens, `decoded` keeps them and `skipped` leaves them out.

Usage: python oracle_tokenizers.py FOLDER [--count 20000] [--vocabulary 600] [--seed 1] [--corpus FILE]
Made with tokenizers 0.23.3 and sentencepiece 0.2.3.
"""

import argparse
import io
import json
import os
import random

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers as pre
from tokenizers import processors, trainers

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
DEEPSEEK = (
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
WORDS = (
    "the of and to a in is it you that he was for on are with as I his they be at one have this "
    "from or had by hot but some what there we can out other were all your when up use word how "
    "said an each she which do their time if will way about many then them would write like so "
    "these her long make thing see him two has look more day could go come did my sound no most "
    "number who over know water than call first people may down side been now find any new work "
    "don't we'll I'm they've it's you'd DON'T WE'LL straße naïve café crème brûlée Ærø fiancée "
    "привет мир слово дом 東京 大阪 日本語 中文 漢字 한국어 서울 שלום عالم हिन्दी ไทย ελλάδα"
).split()
SPECIALS = ["<|begin|>", "<|end|>", "<tool>", "[MASK]", "<s>", "</s>", "<unk>", "[UNK]", "[CLS]"]


SMALL_RULES = """\
FB01\t66 69
2460\t31
212B\tC5
41 30A\tC5
3000\t20
A0\t20
9\t20
A\t20
D\t20
200B\t
"""
RULES = {}


def corpus(generator, path):
    if path:
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()
    lines = []
    for _ in range(4000):
        words = [generator.choice(WORDS) for _ in range(generator.randint(3, 14))]
        if generator.random() < 0.3:
            words.insert(generator.randrange(len(words)), str(generator.randrange(10**generator.randint(1, 7))))
        lines.append(generator.choice(["", " ", "  "]) + " ".join(words) + generator.choice([".", "!", "?", ",", "...", "\n"]))
    return lines


RANGES = [
    (0x20, 0x7E), (0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x6FF),
    (0x900, 0x97F), (0xE00, 0xE7F), (0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x206F),
    (0x20A0, 0x214F), (0x2460, 0x24FF), (0x3000, 0x30FF), (0x3400, 0x34FF), (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFB00, 0xFFFD), (0x10000, 0x10FFF), (0x1D400, 0x1D7FF),
    (0x1F300, 0x1FAFF), (0x20000, 0x2A6DF), (0, 0x1F), (0x7F, 0x9F), (0x80, 0xFFFF), (0x10000, 0x10FFFF),
]
SNIPPETS = [
    "👨‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇩🇪🇫🇷", "e\u0301", "a\u0323\u0302", "\u0301", "n\u0303o", "ﬁ", "①", "Å", "ſ", "'ſ",
    "\r\n", "\n\n\n", "\t\t", "   ", "\u00a0", "\u3000", "\u200b", "\u2028", "\ufeff", "\u180e", "\x85", "\x1c",
    "'s", "'LL", "'Re", "n't", "don't", "I'M", "1234567", "3.14", "٣٤٥", "½", "Ⅷ", "<0x0A>", "##ing", "▁", "▁▁a",
    "İ", "ΑΣ", "ẞ", "ǅ", "각", "각", "क्षि", "กำ", "\x00", "\ufffd", "</w>", "_", "a_b", "...", "?!",
]


def random_text(generator):
    parts = []
    for _ in range(generator.choice([0, 1, 2, 3, 5, 8, 13])):
        kind = generator.random()
        if kind < 0.35:
            parts.append(" ".join(generator.choice(WORDS) for _ in range(generator.randint(1, 4))))
        elif kind < 0.55:
            low, high = generator.choice(RANGES)
            for _ in range(generator.randint(1, 5)):
                scalar = generator.randint(low, high)
                if not 0xD800 <= scalar <= 0xDFFF:
                    parts.append(chr(scalar))
        elif kind < 0.75:
            parts.append(generator.choice(SNIPPETS))
        elif kind < 0.85:
            parts.append(" " * generator.randint(1, 4))
        elif kind < 0.93:
            parts.append(generator.choice(SPECIALS))
        else:
            parts.append("".join(chr(generator.randint(33, 126)) for _ in range(generator.randint(1, 90))))
    return "".join(parts)


def byte_level(lines, size, split, normalizer=None, **options):
    tokenizer = Tokenizer(models.BPE(**options))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = split
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=pre.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.add_special_tokens([AddedToken("<|begin|>", normalized=False), AddedToken("<|end|>", normalized=False)])
    tokenizer.add_tokens([AddedToken("<tool>", lstrip=True, rstrip=True), AddedToken("water", single_word=True)])
    return tokenizer


def split_then_bytes(pattern):
    return pre.Sequence([pre.Split(Regex(pattern), "isolated"), pre.ByteLevel(add_prefix_space=False, use_regex=False)])


def kinds(lines, size):
    gpt2 = byte_level(lines, size, pre.ByteLevel(add_prefix_space=False))
    gpt2.post_processor = processors.ByteLevel(trim_offsets=True, add_prefix_space=False)
    yield "gpt2", gpt2
    roberta = byte_level(lines, size, pre.ByteLevel(add_prefix_space=True))
    roberta.add_special_tokens(["<s>", "</s>", AddedToken("[MASK]", lstrip=True)])
    roberta.post_processor = processors.RobertaProcessing(
        ("</s>", roberta.token_to_id("</s>")), ("<s>", roberta.token_to_id("<s>")), True, True
    )
    yield "roberta", roberta
    llama3 = byte_level(lines, size, split_then_bytes(LLAMA3), ignore_merges=True)
    llama3.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single="<|begin|> $A", pair="<|begin|> $A <|begin|> $B",
                special_tokens=[("<|begin|>", llama3.token_to_id("<|begin|>"))],
            ),
        ]
    )
    yield "llama3", llama3
    yield "qwen2", byte_level(lines, size, split_then_bytes(QWEN2), normalizers.NFC())
    yield "tekken", byte_level(lines, size, split_then_bytes(TEKKEN), ignore_merges=True)
    deepseek = pre.Sequence(
        [
            pre.Split(Regex(r"\p{N}{1,3}"), "isolated"),
            pre.Split(Regex("[一-龥\u3040-ゟ゠-ヿ]+"), "isolated"),
            pre.Split(Regex(DEEPSEEK), "isolated"),
            pre.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    yield "deepseek", byte_level(lines, size, deepseek)
    yield "smollm", byte_level(
        lines, size, pre.Sequence([pre.Digits(individual_digits=True), pre.ByteLevel(add_prefix_space=False)])
    )
    for name, first in (("llama2", False), ("mistral", True)):
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
        steps = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        if first:
            tokenizer.pre_tokenizer = pre.Metaspace(prepend_scheme="first", split=False)
        else:
            tokenizer.normalizer = normalizers.Sequence(steps)
        trainer = trainers.BpeTrainer(
            vocab_size=size + 259, show_progress=False, limit_alphabet=100,
            special_tokens=["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)],
        )
        tokenizer.train_from_iterator(lines, trainer)
        data = json.loads(tokenizer.to_str())
        data["added_tokens"] = data["added_tokens"][:3]
        tokenizer = Tokenizer.from_str(json.dumps(data))
        tokenizer.decoder = decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        )
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
        )
        yield name, tokenizer
    for name, steps in (
        ("unigram", [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]),
        ("xlm", None),
    ):
        tokenizer = Tokenizer(models.Unigram())
        if steps is None:
            steps = [normalizers.Precompiled(charsmap(lines)), normalizers.Strip(False, True)]
        tokenizer.normalizer = normalizers.Sequence(steps)
        tokenizer.pre_tokenizer = pre.Metaspace(prepend_scheme="always")
        tokenizer.decoder = decoders.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=size, show_progress=False, unk_token="<unk>", special_tokens=["<s>", "</s>", "<unk>"]
        )
        tokenizer.train_from_iterator(lines, trainer)
        yield name, tokenizer
    for name, lower in (("bert", True), ("bert-cased", False)):
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower)
        tokenizer.pre_tokenizer = pre.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
        trainer = trainers.WordPieceTrainer(
            vocab_size=size, show_progress=False, limit_alphabet=200, special_tokens=["[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        )
        tokenizer.train_from_iterator(lines, trainer)
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
        yield name, tokenizer
    clip = Tokenizer(models.BPE(unk_token="<|end|>", end_of_word_suffix="</w>"))
    clip.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    clip.pre_tokenizer = pre.Sequence(
        [
            pre.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", True),
            pre.ByteLevel(add_prefix_space=False),
        ]
    )
    clip.decoder = decoders.Sequence([decoders.BPEDecoder("</w>")])
    trainer = trainers.BpeTrainer(
        vocab_size=size + 256, show_progress=False, end_of_word_suffix="</w>",
        initial_alphabet=pre.ByteLevel.alphabet(), special_tokens=["<|begin|>", "<|end|>"],
    )
    clip.train_from_iterator(lines, trainer)
    yield "clip", clip
    words = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    words.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Strip()])
    words.pre_tokenizer = pre.Sequence([pre.Whitespace(), pre.Punctuation("contiguous"), pre.Digits()])
    words.train_from_iterator(lines, trainers.WordLevelTrainer(vocab_size=size, show_progress=False, special_tokens=["[UNK]"]))
    yield "words", words
    nfkd = byte_level(
        lines, size,
        pre.Sequence([pre.Split(" ", "merged_with_next"), pre.Split(Regex("[aeiou]+"), "merged_with_previous"), pre.ByteLevel(False)]),
        normalizers.Sequence([normalizers.NFKD(), normalizers.Lowercase()]),
    )
    yield "nfkd", nfkd


def charsmap(lines):
    """The character map of a model that sentencepiece trains with its default rules."""
    model = train_sentencepiece(lines, "unigram", 300, **RULES)
    return fields(fields(model)[3])[2]


def fields(message):
    """The last value of each length-delimited field of a protobuf message."""
    found, at = {}, 0

    def varint():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        key = varint()
        if key & 7 == 2:
            length = varint()
            found[key >> 3] = message[at : at + length]
            at += length
        elif key & 7 == 0:
            varint()
        else:
            at += 4 if key & 7 == 5 else 8
    return found


def train_sentencepiece(lines, kind, size, **options):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(x.strip() for x in lines if x.strip()), model_writer=model, vocab_size=size,
        model_type=kind, minloglevel=2, num_threads=1, **options,
    )
    return model.getvalue()


def write(path, rows):
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--vocabulary", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus")
    parser.add_argument("--small", action="store_true", help="a short character map, for committed files")
    arguments = parser.parse_args()
    os.makedirs(arguments.folder, exist_ok=True)
    generator = random.Random(arguments.seed)
    lines = corpus(generator, arguments.corpus)
    if arguments.small:
        path = f"{arguments.folder}/rules.tsv"
        with open(path, "w", encoding="utf-8") as file:
            file.write(SMALL_RULES)
        RULES["normalization_rule_tsv"] = path

    for name, tokenizer in kinds(lines, arguments.vocabulary):
        texts = [random_text(generator) for _ in range(arguments.count)]
        tokenizer.save(f"{arguments.folder}/{name}.json", pretty=False)
        tokenizer = Tokenizer.from_file(f"{arguments.folder}/{name}.json")
        rows = []
        for text, encoding in zip(texts, tokenizer.encode_batch(texts)):
            rows.append(
                {
                    "text": text,
                    "ids": encoding.ids,
                    "offsets": encoding.offsets,
                    "decoded": tokenizer.decode(encoding.ids, skip_special_tokens=False) if encoding.ids else "",
                    "skipped": tokenizer.decode(encoding.ids, skip_special_tokens=True) if encoding.ids else "",
                }
            )
        write(f"{arguments.folder}/{name}.jsonl", rows)
        print(name, len(rows), flush=True)

    for name, kind, options in (
        ("spm-bpe", "bpe", {"byte_fallback": True, "normalization_rule_name": "identity", "remove_extra_whitespaces": False}),
        ("spm-bpe-nmt", "bpe", RULES | {"user_defined_symbols": ["<tool>"]}),
        ("spm-unigram", "unigram", RULES),
        ("spm-unigram-bytes", "unigram", RULES | {"byte_fallback": True}),
    ):
        size = arguments.vocabulary + (300 if options.get("byte_fallback") else 0)
        model = train_sentencepiece(lines, kind, size, character_coverage=0.999, hard_vocab_limit=False, **options)
        with open(f"{arguments.folder}/{name}.model", "wb") as file:
            file.write(model)
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        rows = []
        for _ in range(arguments.count):
            # Zero ends a string inside the library's trie; leave it out.
            text = random_text(generator).replace("\0", "")
            rows.append({"text": text, "ids": processor.encode(text)})
        write(f"{arguments.folder}/{name}.jsonl", rows)
        print(name, len(rows), flush=True)
    if arguments.small:
        os.remove(RULES["normalization_rule_tsv"])


main()
