"""Byte-level BPE's merges from counts of distinct pre-tokens, as Hugging Face's trainer has them.

Over and over the most frequent pair of neighbouring tokens becomes a token (Sennrich et al. 2016),
of equal ones that with the least ids. Ids begin with the 256 bytes in the order of GPT-2's
characters for them. The merges, and their order, are those of tokenizers' BpeTrainer
(tokenizers/src/models/bpe/trainer.rs), whose counts have 32 bits and wrap; these have 64. The order
of the pre-tokens changes nothing.

Cost: time and memory grow with the distinct pre-tokens, not with the text. 50,000 merges over 8.9
million of them took 60 s and 33 bytes for each of their bytes (2.5 GB); over the 114,274 of 20 MB
of text 0.6 s, and 0.5 s to count those.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from corpus.errors import DataError
from corpus.tokenizer import kernels
from corpus.tokenizer.bytelevel import BYTES_BY_ID, byte_characters
from corpus.tokenizer.kernels import State
from corpus.tokenizer.splitting import GPT2, Splitting
from corpus.tokenizer.vocabulary import END_OF_TEXT, Vocabulary
from corpus.utf8 import Int64Array

MIN_PAIR_COUNT = 2  # a pair seen once is no pattern; small corpora end earlier for it
# A pair's count is at most twice its pre-tokens' bytes by their counts: it then fits 63 bits.
MAX_BYTES = 2**61
_SPREAD = 2  # arrays that are full grow by this


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
) -> Vocabulary:
    """The vocabulary that `train` finds, with end-of-text as its last token, counted in vocab_size.

    splitting: the one that cut the pre-tokens. Raises DataError where there is no pre-token.
    """
    if not len(pretokens):
        raise DataError("vocabulary: no text to train on; `winnow status` has what came of it")
    learned = train(pretokens, counts, vocab_size=vocab_size - 1, min_pair_count=min_pair_count)
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
    state = _state(pretokens, np.ascontiguousarray(counts, np.int64), vocab_size)
    kernels.count_pairs(state)
    while room := kernels.merge_all(state, vocab_size, min_pair_count):
        state = _with_room(state, room)
    return _learned(state)


def _state(pretokens: pa.Array, counts: Int64Array, vocab_size: int) -> State:
    """The pre-tokens as ids of bytes, those of one byte left out: they have no pair."""
    offsets, data = _bytes_of(pretokens)
    sizes = np.diff(offsets)
    _check(sizes, counts, vocab_size)
    worth = sizes > 1
    begins, sizes, counts = offsets[:-1][worth], sizes[worth], counts[worth]
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes)))[:-1]
    num_symbols = int(sizes.sum())
    lengths = sizes.astype(np.int32)
    symbols = np.empty(num_symbols, np.int32)
    ids = np.argsort(np.frombuffer(BYTES_BY_ID, np.uint8)).astype(np.int32)
    kernels.place_symbols(data, begins, ids, starts, lengths, symbols)
    num_pairs = min(num_symbols, 2**16)  # of bytes; later ones come with later room
    state = State(
        used=np.zeros(kernels.NUM_USED, np.int64),
        starts=starts, lengths=lengths, counts=counts, symbols=symbols,
        pair_keys=np.empty(num_pairs, np.int64), pair_counts=np.empty(num_pairs, np.int64),
        pair_starts=np.empty(num_pairs, np.int64), pair_lengths=np.empty(num_pairs, np.int32),
        pair_last=np.empty(num_pairs, np.int32),
        pair_table=np.zeros(_table_size(num_pairs), np.int32),
        heap_counts=np.empty(num_pairs, np.int64), heap_keys=np.empty(num_pairs, np.int64),
        heap_pairs=np.empty(num_pairs, np.int32), positions=np.empty(num_symbols, np.int32),
        fresh_pairs=np.empty(num_symbols, np.int32), fresh_words=np.empty(num_symbols, np.int32),
        merges=np.empty(vocab_size - kernels.NUM_BYTES, np.int64),
    )  # fmt: skip
    state.used[kernels.TOKENS] = kernels.NUM_BYTES
    return state


def _bytes_of(pretokens: pa.Array) -> tuple[Int64Array, np.ndarray[Any, np.dtype[np.uint8]]]:
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


def _check(sizes: Int64Array, counts: Int64Array, vocab_size: int) -> None:
    if not 256 <= vocab_size <= 2**24:
        raise ValueError(f"vocab_size is {vocab_size}, expected 256 to {2**24}")
    if len(sizes) != len(counts):
        raise ValueError(f"{len(sizes)} pre-tokens have {len(counts)} counts")
    if len(counts) and counts.min() < 1:
        raise DataError(
            f"pre-token {int(counts.argmin())} has the count {counts.min()}, expected 1 or more"
        )
    total = float((sizes.astype(np.float64) * counts).sum())
    if total > MAX_BYTES or sizes.max(initial=0) >= 2**31 or len(sizes) >= 2**31:
        raise DataError(
            f"{len(sizes)} pre-tokens stand for {total:.3g} bytes; expected fewer than 2**31, "
            f"each below 2**31 bytes, for at most {MAX_BYTES:.3g}; train on a part of the text"
        )


def _table_size(num: int) -> int:
    """A power of two, at least twice as many."""
    return 1 << max(2 * num, 2).bit_length()


def _with_room(state: State, room: int) -> State:
    """The state with longer arrays where they might not hold so much more."""
    used = state.used
    pairs = min(room, 2 * int(used[kernels.TOKENS]) + 2)
    groups = (
        (kernels.PAIRS, pairs, (
            "pair_keys", "pair_counts", "pair_starts", "pair_lengths", "pair_last",
            "heap_counts", "heap_keys", "heap_pairs",
        )),
        (kernels.POSITIONS, room, ("positions",)),
    )  # fmt: skip
    for place, more, names in groups:
        need = int(used[place]) + more
        if need > len(getattr(state, names[0])):
            longer = {name: _longer(getattr(state, name), _SPREAD * need) for name in names}
            state = state._replace(**longer)
    table_size = _table_size(len(state.pair_keys))
    if table_size > len(state.pair_table):
        state = state._replace(pair_table=np.zeros(table_size, np.int32))
        kernels.index_pairs(state.pair_keys, int(used[kernels.PAIRS]), state.pair_table)
    return state


def _longer(array: np.ndarray[Any, Any], size: int) -> np.ndarray[Any, Any]:
    grown = np.empty(size, array.dtype)
    grown[: len(array)] = array
    return grown


def _learned(state: State) -> Learned:
    num_merges = int(state.used[kernels.TOKENS]) - kernels.NUM_BYTES
    tokens = [bytes([byte]) for byte in BYTES_BY_ID]
    merges: list[tuple[bytes, bytes]] = []
    for key in state.merges[:num_merges].tolist():
        merges.append((tokens[key >> 32], tokens[key & 0xFFFFFFFF]))
        tokens.append(b"".join(merges[-1]))
    return Learned(tokens, merges)
