"""Trains one small tokenizer per kind and pre-tokenizer and writes what each makes of random text.

Writes OUT/KIND/tokenizer.json (or tokenizer.model) and OUT/KIND/cases.jsonl, one case a line:
{"text", "ids", "offsets", "decoded"}, offsets in Unicode scalars, of the text without special tokens
added. Made with tokenizers 0.23.3 and sentencepiece 0.2.3; the seed is 1.

Usage: python oracle_tokenizers.py OUT [--count 20000] [--corpus FILE ...] [--only KIND ...] [--vocab 600]
"""

import argparse
import io
import json
import pathlib
import random

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models
from tokenizers import normalizers as N
from tokenizers import pre_tokenizers as P
from tokenizers import processors, trainers

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
MODERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PROSE = """The house stood at the end of the lane, and nobody had lived in it for 30 years or more.
"I'll go," she said; they're waiting, we've been told, and it's 1,234.56 metres away!
Der Fluß fließt über die Brücke. Où êtes-vous né ? ¿Dónde está el niño? Это длинная река.
東京は大きな都市です。한국어 문장도 있습니다. नमस्ते दुनिया। مرحبا بالعالم. שלום עולם 😀👍🏽
def add(a, b):\n    return a + b  # sum\n\tif x >= 10: print('%d' % x)\n"""
MARKS = ["<s>", "</s>", "[CLS]", "<|im_end|>", "<mark>", "spread", "  ", "\t", "\r\n", "\n\n", "\u3000",
         "\u00a0", "\u0085", "\u200b", "\u2028", "'S", "'ll", "'\u017f", "\u2581", "\u2581\u2581", "<0x41>",
         "e\u0301\u0323", "\u1100\u1161\u11a8", "\ufb01", "\u212b", "\u0130", "\u03a3", "\ufeff", "\0",
         "👩‍👩‍👧", "🇩🇪", "12345", "٣٤", "Ⅷ", "½", "...", "!?", "——", "_a_", "ﷺ", "\u0e33", "a\u0300"]
BLOCKS = [(0x20, 0x7e), (0xa0, 0x24f), (0x300, 0x36f), (0x370, 0x52f), (0x590, 0x6ff), (0x900, 0xdff),
          (0xe00, 0xfff), (0x1100, 0x11ff), (0x1e00, 0x20ff), (0x2100, 0x27bf), (0x3000, 0x30ff),
          (0x4e00, 0x9fff), (0xac00, 0xd7a3), (0xf900, 0xffff), (0x10000, 0x1ffff), (0, 0x10ffff)]


def random_text(rng, words):
    parts = []
    for _ in range(rng.choice([0, 1, 2, 3, 5, 8, 13, 21])):
        choice = rng.random()
        if choice < 0.5:
            parts.append(rng.choice(words))
        elif choice < 0.7:
            parts.append(rng.choice(MARKS))
        elif choice < 0.8:
            parts.append(rng.choice(" \n\t.,'-_") * rng.choice([1, 1, 2, 3, 7]))
        else:
            low, high = rng.choice(BLOCKS)
            for _ in range(rng.choice([1, 1, 2, 4])):
                c = rng.randint(low, high)
                parts.append(chr(c) if not 0xD800 <= c <= 0xDFFF else "?")
        if rng.random() < 0.45:
            parts.append(" ")
    return "".join(parts)


def byte_level(pre, normalizer=None, prefix=False, regex=True, **options):
    tokenizer = Tokenizer(models.BPE(**options))
    last = P.ByteLevel(add_prefix_space=prefix, use_regex=regex)
    tokenizer.pre_tokenizer = P.Sequence([*pre, last]) if pre else last
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=prefix)
    return tokenizer, "byte"


def split(pattern, behavior="isolated", **options):
    return byte_level([P.Split(Regex(pattern), behavior)], regex=False, **options)


def scored(model, pre=None, normalizer=None, decoder=None, kind="char"):
    tokenizer = Tokenizer(model)
    if pre:
        tokenizer.pre_tokenizer = pre
    if normalizer:
        tokenizer.normalizer = normalizer
    if decoder:
        tokenizer.decoder = decoder
    return tokenizer, kind


def llama2(scheme):
    chain = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    if scheme == "legacy":
        normalizer = N.Sequence([N.Prepend("\u2581"), N.Replace(" ", "\u2581")])
        pre = None
    else:
        normalizer, pre = None, P.Metaspace("\u2581", prepend_scheme=scheme, split=False)
    if scheme != "never":
        chain.append(decoders.Strip(" ", 1, 0))
    model = models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    return scored(model, pre, normalizer, decoders.Sequence(chain), "fallback")


def bert(lowercase):
    return scored(models.WordPiece(unk_token="[UNK]"), P.BertPreTokenizer(),
                  N.BertNormalizer(lowercase=lowercase), decoders.WordPiece(), "word")


def unigram(pre, normalizer=None):
    return scored(models.Unigram(), pre, normalizer, decoders.Metaspace(), "unigram")


def kinds(charsmap):
    single = lambda name: P.Split(" ", name)
    return {
        "gpt2": lambda: byte_level([]),
        "roberta": lambda: byte_level([], prefix=True),
        "llama3": lambda: split(MODERN % "{1,3}", ignore_merges=True),
        "qwen2": lambda: (lambda t: (setattr(t[0], "normalizer", N.NFC()), t)[1])(split(MODERN % "")),
        "tekken": lambda: split(TEKKEN, ignore_merges=True),
        "smollm": lambda: byte_level([P.Digits(individual_digits=True)]),
        "llama2": lambda: llama2("legacy"),
        "mistral": lambda: llama2("first"),
        "gemma": lambda: llama2("never"),
        "bert": lambda: bert(True),
        "bert-cased": lambda: bert(False),
        "unigram": lambda: unigram(P.Metaspace()),
        "t5": lambda: unigram(P.Sequence([P.WhitespaceSplit(), P.Metaspace()]), N.Precompiled(charsmap)),
        "xlnet": lambda: unigram(P.Metaspace(), N.Sequence(
            [N.Nmt(), N.NFKD(), N.StripAccents(), N.Lowercase(), N.Replace(Regex(" {2,}"), " ")])),
        "words": lambda: scored(models.WordLevel(unk_token="[UNK]"), P.Whitespace(), N.Strip(), None, "word"),
        "punctuation": lambda: byte_level([P.Punctuation("merged_with_previous")], N.NFKC(), regex=False),
        "digits": lambda: byte_level([P.Digits(False), P.Punctuation("contiguous")], N.NFD(), regex=False),
        "delimiter": lambda: byte_level([P.CharDelimiterSplit("-")], N.Lowercase()),
        "removed": lambda: byte_level([single("removed")], N.NFKD(), regex=False),
        "next": lambda: byte_level([single("merged_with_next")], N.Prepend("_"), regex=False),
        "previous": lambda: byte_level([P.Split(Regex(r"\s+"), "merged_with_previous")], regex=False),
        "inverted": lambda: byte_level([P.Split(Regex(r"\w+|[^\w\s]+"), "removed", invert=True)], regex=False),
    }


def train(make, words, size):
    tokenizer, kind = make()
    specials = ["<unk>", "<s>", "</s>", "[UNK]", "[CLS]", "<|im_end|>"]
    common = dict(vocab_size=size, show_progress=False, special_tokens=specials)
    if kind == "byte":
        trainer = trainers.BpeTrainer(initial_alphabet=P.ByteLevel.alphabet(), **common)
    elif kind == "fallback":
        common["special_tokens"] = specials + [f"<0x{b:02X}>" for b in range(256)]
        trainer = trainers.BpeTrainer(limit_alphabet=60, **common)
    elif kind == "unigram":
        trainer = trainers.UnigramTrainer(unk_token="<unk>", **common)
    elif isinstance(tokenizer.model, models.WordPiece):
        trainer = trainers.WordPieceTrainer(**common)
    else:
        trainer = trainers.WordLevelTrainer(**common)
    tokenizer.train_from_iterator(words, trainer)
    if kind == "fallback":  # bytes are ordinary tokens
        data = json.loads(tokenizer.to_str())
        data["added_tokens"] = [t for t in data["added_tokens"] if not t["content"].startswith("<0x")]
        data["model"]["byte_fallback"] = True
        tokenizer = Tokenizer.from_str(json.dumps(data))
    tokenizer.add_tokens([AddedToken("<mark>", lstrip=True, rstrip=True, normalized=False),
                          AddedToken("spread", single_word=True, normalized=True)])
    return tokenizer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--corpus", nargs="*", default=[])
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--vocab", type=int, default=600)
    arguments = parser.parse_args()
    corpus = PROSE + "".join(open(path, encoding="utf-8").read()[:300000] for path in arguments.corpus)
    lines = corpus.split("\n")
    words = corpus.split()

    def write(name, file, content, encode):
        folder = arguments.out / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)
        rng = random.Random(1)
        with open(folder / "cases.jsonl", "w", encoding="utf-8") as output:
            for _ in range(arguments.count):
                text = random_text(rng, words)
                case = {"text": text, **encode(text)}
                output.write(json.dumps(case, ensure_ascii=False, separators=(",", ":")) + "\n")
        print(name, flush=True)

    def pieces(kind, **options):
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines), model_writer=model, model_type=kind, minloglevel=2,
            vocab_size=arguments.vocab, hard_vocab_limit=False, num_threads=1, **options)
        return model.getvalue()

    def member(message, wanted):
        """The bytes of a protobuf field."""
        place, found = 0, b""

        def varint():
            nonlocal place
            value = shift = 0
            while True:
                byte = message[place]
                place += 1
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    return value

        while place < len(message):
            key = varint()
            if key & 7 == 0:
                varint()
            elif key & 7 == 2:
                length = varint()
                if key >> 3 == wanted:
                    found = message[place:place + length]
                place += length
            else:
                place += 8 if key & 7 == 1 else 4
        return found

    def charsmap(model):
        return member(member(model, 3), 2)

    wanted = lambda name: not arguments.only or name in arguments.only
    plain = pieces("unigram", character_coverage=0.98)
    for name, make in kinds(charsmap(plain)).items():
        if not wanted(name):
            continue
        tokenizer = train(make, lines, arguments.vocab)

        def encode(text):
            result = tokenizer.encode(text, add_special_tokens=False)
            decoded = tokenizer.decode(result.ids, skip_special_tokens=False)
            return {"ids": result.ids, "offsets": result.offsets, "decoded": decoded}

        write(name, "tokenizer.json", tokenizer.to_str().encode(), encode)
    models_ = {
        "spm-unigram": plain,
        "spm-unigram-bytes": pieces("unigram", character_coverage=0.98, byte_fallback=True),
        "spm-bpe": pieces("bpe", character_coverage=0.98),
        "spm-llama": pieces("bpe", character_coverage=0.98, byte_fallback=True, split_digits=True,
                            normalization_rule_name="identity", remove_extra_whitespaces=False,
                            user_defined_symbols=["<mark>"]),
    }
    for name, model in models_.items():
        if not wanted(name):
            continue
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        write(name, "tokenizer.model", model, lambda text: (lambda ids: {
            "ids": ids, "decoded": processor.decode(ids)})(processor.encode(text)))


main()
