"""Byte-level BPE's vocabulary from counts of distinct pre-tokens.

Ids begin with the 256 bytes in the order of GPT-2's characters for them, then come the merges
(merging.py), then runs of spaces where they are asked for (whitespace.py), and end-of-text.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from corpus.errors import DataError
from corpus.tokenizer import kernels
from corpus.tokenizer.bytelevel import BYTES_BY_ID, NUM_BYTES, byte_characters
from corpus.tokenizer.merging import MAX_TOKENS, Words, check_counts, merges_of
from corpus.tokenizer.splitting import GPT2, Splitting
from corpus.tokenizer.vocabulary import END_OF_TEXT, Vocabulary
from corpus.tokenizer.whitespace import with_runs
from corpus.utf8 import Int64Array, UInt8Array

MIN_PAIR_COUNT = 2  # a pair seen once is no pattern; small corpora end earlier for it


class Learned(NamedTuple):
    """What training found."""

    tokens: list[bytes]
    """Each id's bytes; the first 256 are of one byte."""
    merges: list[tuple[bytes, bytes]]
    """Pairs of tokens, in order of rank."""


def learn(
    pretokens: pa.Array,
    counts: Int64Array,
    *,
    vocab_size: int,
    min_pair_count: int = MIN_PAIR_COUNT,
    splitting: Splitting = GPT2,
    whitespace_runs: int = 0,
) -> Vocabulary:
    """The vocabulary that `train` finds, with end-of-text as its last token, counted in vocab_size.

    splitting: the one that cut the pre-tokens. whitespace_runs: the longest run of spaces up to
    which each has a token, counted too. Raises DataError where there is no pre-token.
    """
    if not len(pretokens):
        raise DataError("vocabulary: no text to train on; `winnow status` has what came of it")
    num_tokens = vocab_size - 1
    learned = train(pretokens, counts, vocab_size=num_tokens, min_pair_count=min_pair_count)
    if whitespace_runs:
        learned = Learned(*with_runs(*learned, longest=whitespace_runs, num_tokens=num_tokens))
    shown = byte_characters()

    def written(token: bytes) -> str:
        return "".join(shown[byte] for byte in token)

    return Vocabulary(
        tokens=(*map(written, learned.tokens), END_OF_TEXT),
        merges=tuple((written(left), written(right)) for left, right in learned.merges),
        splitting=splitting,
    )


def train(
    pretokens: pa.Array, counts: Int64Array, *, vocab_size: int, min_pair_count: int
) -> Learned:
    """Learn merges until there are vocab_size tokens, or no pair occurs min_pair_count times.

    pretokens: large_binary, bytes of UTF-8 or not; counts: int64, each at least 1. A pre-token
    given twice counts as the sum. Raises DataError where counts do not fit.
    """
    if not NUM_BYTES <= vocab_size <= MAX_TOKENS:
        raise ValueError(f"vocab_size is {vocab_size}, expected {NUM_BYTES} to {MAX_TOKENS}")
    words = _words(pretokens, np.ascontiguousarray(counts, np.int64))
    pairs = merges_of(
        words, alphabet_size=NUM_BYTES, num_tokens=vocab_size, min_pair_count=min_pair_count
    )
    tokens = [bytes([byte]) for byte in BYTES_BY_ID]
    merges: list[tuple[bytes, bytes]] = []
    for left, right in pairs:
        merges.append((tokens[left], tokens[right]))
        tokens.append(b"".join(merges[-1]))
    return Learned(tokens, merges)


def _words(pretokens: pa.Array, counts: Int64Array) -> Words:
    """The pre-tokens as ids of bytes, those of one byte left out: they have no pair."""
    offsets, data = _bytes_of(pretokens)
    sizes = np.diff(offsets)
    check_counts(sizes, counts)
    worth = sizes > 1
    begins, sizes = offsets[:-1][worth], sizes[worth]
    symbols = np.empty(int(sizes.sum()), np.int32)
    ids = np.argsort(np.frombuffer(BYTES_BY_ID, np.uint8)).astype(np.int32)
    kernels.place_symbols(data, begins, ids, sizes, symbols)
    return Words(symbols, sizes, counts[worth])


def _bytes_of(pretokens: pa.Array) -> tuple[Int64Array, UInt8Array]:
    """Offsets and bytes of a large_binary array, where they lie."""
    if pretokens.type != pa.large_binary() or pretokens.null_count:
        raise TypeError(f"pre-tokens are {pretokens.type}, expected large_binary without nulls")
    _, offsets, data = pretokens.buffers()
    if not len(pretokens):
        return np.zeros(1, np.int64), np.zeros(0, np.uint8)
    return (
        np.frombuffer(offsets, np.int64, len(pretokens) + 1, pretokens.offset * 8),
        np.frombuffer(data if data is not None else b"", np.uint8),
    )
