"""Merges from words of symbols: what training is, whatever the symbols are (kernels.py has it).

Over and over the most frequent pair of neighbours becomes a token (Sennrich et al. 2016), of equal
ones that with the least ids. The merges, and their order, are those of tokenizers' BpeTrainer
(tokenizers/src/models/bpe/trainer.rs), whose counts have 32 bits and wrap; these have 64. The order
of the words changes nothing.

Cost: time and memory grow with the distinct words, not with the text. 50,000 merges over 8.9
million of them took 60 s and 33 bytes for each of their symbols (2.5 GB); over the 115,413 of 20 MB
of text 0.6 s.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from corpus.errors import DataError
from corpus.tokenizer import kernels
from corpus.tokenizer.kernels import Int32Array, State
from corpus.utf8 import Int64Array

MAX_TOKENS = 2**24
# A pair's count is at most twice its words' symbols by their counts: it then fits 63 bits.
MAX_SYMBOLS = 2**61
_SPREAD = 2  # arrays that are full grow by this


class Words(NamedTuple):
    """Distinct words, one after the other; a word given twice counts as the sum."""

    symbols: Int32Array
    """Ids from 0 on."""
    lengths: Int64Array
    """Symbols of each word."""
    counts: Int64Array
    """How often each word occurs, at least once."""


def merges_of(
    words: Words, *, alphabet_size: int, num_tokens: int, min_pair_count: int
) -> list[tuple[int, int]]:
    """The pair of ids that each token after the alphabet is, until there are num_tokens.

    Fewer where no pair occurs min_pair_count times. The words' symbols are overwritten.
    """
    state = _state(words, alphabet_size, num_tokens)
    kernels.count_pairs(state)
    while room := kernels.merge_all(state, num_tokens, min_pair_count):
        state = _with_room(state, room)
    num_merges = int(state.used[kernels.TOKENS]) - alphabet_size
    return [(key >> 32, key & 0xFFFFFFFF) for key in state.merges[:num_merges].tolist()]


def check_counts(sizes: Int64Array, counts: Int64Array) -> None:
    """Raise DataError where the counts of words of these sizes are none, or beyond 63 bits."""
    if len(sizes) != len(counts):
        raise ValueError(f"{len(sizes)} pre-tokens have {len(counts)} counts")
    if len(counts) and counts.min() < 1:
        raise DataError(
            f"pre-token {int(counts.argmin())} has the count {counts.min()}, expected 1 or more"
        )
    total = float((sizes.astype(np.float64) * counts).sum())
    if total > MAX_SYMBOLS or sizes.max(initial=0) >= 2**31 or len(sizes) >= 2**31:
        raise DataError(
            f"{len(sizes)} pre-tokens stand for {total:.3g} bytes; expected fewer than 2**31, "
            f"each below 2**31 bytes, for at most {MAX_SYMBOLS:.3g}; train on a part of the text"
        )


def _state(words: Words, alphabet_size: int, num_tokens: int) -> State:
    num_symbols = len(words.symbols)
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(words.lengths)))[:-1]
    num_pairs = min(num_symbols, alphabet_size**2)  # later ones come with later room
    state = State(
        used=np.zeros(kernels.NUM_USED, np.int64),
        starts=starts, lengths=words.lengths.astype(np.int32), counts=words.counts,
        symbols=words.symbols,
        pair_keys=np.empty(num_pairs, np.int64), pair_counts=np.empty(num_pairs, np.int64),
        pair_starts=np.empty(num_pairs, np.int64), pair_lengths=np.empty(num_pairs, np.int32),
        pair_last=np.empty(num_pairs, np.int32),
        pair_table=np.zeros(_table_size(num_pairs), np.int32),
        heap_counts=np.empty(num_pairs, np.int64), heap_keys=np.empty(num_pairs, np.int64),
        heap_pairs=np.empty(num_pairs, np.int32), positions=np.empty(num_symbols, np.int32),
        fresh_pairs=np.empty(num_symbols, np.int32), fresh_words=np.empty(num_symbols, np.int32),
        merges=np.empty(max(num_tokens - alphabet_size, 0), np.int64),
    )  # fmt: skip
    state.used[kernels.TOKENS] = state.used[kernels.ALPHABET] = alphabet_size
    return state


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

