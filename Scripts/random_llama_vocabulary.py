"""A byte-level BPE vocabulary of any size that needs no text to learn from.

The first 256 tokens are the byte characters, the last ones are special, and those in between are
joins of two earlier tokens, the frequent letters first, so that English text encodes to tokens of
one to three characters. llama.cpp and Hugging Face `tokenizers` both read it.
"""

FREQUENT = " etaoinshrdlucmfwygpbvkxqjzETAOINSHRDLUCMFWYGPBVKXQJZ0123456789.,'\"!?-\n;:()"
SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>"]


def byte_characters() -> dict[int, str]:
    """GPT-2's printable stand-in for each byte."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {b: chr(b) for b in keep}
    for b in range(256):
        if b not in table:
            table[b] = chr(256 + len(table) - len(keep))
    return table


def make_vocabulary(size: int) -> tuple[list[str], list[str]]:
    """Returns (tokens, merges): `size` distinct tokens, `size - 256 - len(SPECIAL)` merges."""
    stand_in = byte_characters()
    tokens = [stand_in[b] for b in range(256)]
    letters = [stand_in[ord(c)] for c in FREQUENT]
    letters += [c for c in tokens if c not in set(letters)]
    merges: list[str] = []
    seen = set(tokens)
    left_hand = list(letters)
    wanted = size - 256 - len(SPECIAL)
    total = 0
    while len(merges) < wanted:
        # Along the diagonals of (left, letter): pairs of frequent parts come first.
        for i in range(min(total, len(left_hand) - 1) + 1):
            j = total - i
            if j >= len(letters) or len(merges) == wanted:
                continue
            joined = left_hand[i] + letters[j]
            if joined in seen:
                continue
            seen.add(joined)
            merges.append(f"{left_hand[i]} {letters[j]}")
            tokens.append(joined)
            if len(left_hand) < 4096:
                left_hand.append(joined)
        total += 1
    return tokens + SPECIAL, merges
