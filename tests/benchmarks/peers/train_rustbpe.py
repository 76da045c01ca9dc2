"""rustbpe with GPT-2's pattern: how many merges it learns."""

import sys

import rustbpe
from passes import read_texts, serve

PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

texts = read_texts(sys.argv[1])
num_tokens = int(sys.argv[2])


def train() -> list[int]:
    tokenizer = rustbpe.Tokenizer()
    tokenizer.train_from_iterator(iter(texts), num_tokens, pattern=PATTERN)
    return [len(tokenizer.get_mergeable_ranks()) - 256]


serve(train)
