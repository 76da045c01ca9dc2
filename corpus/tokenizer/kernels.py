"""Compiled loops of BPE training (merging.py): pairs, where they stand, and the merges.

All distinct pre-tokens lie one after the other in `symbols`; a merge rewrites those that hold its
pair from left to right and closes the gaps. A pair is known by its number, found by open
addressing. The heap has each pair once, with the count that it had when it was last looked at: as
counts only fall, it is refreshed when it reaches the top.

No two pairs make the same bytes: where no merge crosses the ends of a token, what happens within
does not depend on what is beside it. So a pair arises in one step only, that of its younger token,
and the list of the pre-tokens that hold it is written once.

Nothing is allocated here. `merge_all` returns before a step for which room might not suffice, and
the caller gives more and calls again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from corpus.simd import KERNEL
from corpus.utf8 import Int64Array, UInt8Array

Int32Array = npt.NDArray[np.int32]

# Places in State.used.
PAIRS, POSITIONS, HEAP, TOKENS, FRESH, ALPHABET = range(6)  # the last: tokens at the start
NUM_USED = 6
DONE = 0  # otherwise merge_all says how many places the next step may need

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_LOW = np.int64(0xFFFFFFFF)
_HALF = np.uint64(32)


class State(NamedTuple):
    """Everything that training knows; arrays of one line are as long as each other."""

    used: Int64Array
    """How many places of the growing arrays are taken; see PAIRS and the next."""
    # A pre-token each; its symbols are symbols[starts[w] : starts[w] + lengths[w]].
    starts: Int64Array
    lengths: Int32Array
    counts: Int64Array
    symbols: Int32Array
    # A pair each: left << 32 | right, its count, and its pre-tokens in `positions`; in the step
    # that makes it also the last of them, and then how many are written.
    pair_keys: Int64Array
    pair_counts: Int64Array
    pair_starts: Int64Array
    pair_lengths: Int32Array
    pair_last: Int32Array
    pair_table: Int32Array
    """Pair number + 1 at the hash of its key; a power of two, at most half full."""
    heap_counts: Int64Array
    heap_keys: Int64Array
    heap_pairs: Int32Array
    positions: Int32Array
    # What the running step gained: pairs and pre-tokens; no more than there are symbols.
    fresh_pairs: Int32Array
    fresh_words: Int32Array
    merges: Int64Array
    """The pair of each token after the alphabet."""


@njit(**KERNEL)
def _slot(keys: Int64Array, table: Int32Array, key: int) -> int:
    """Where the key's pair stands in the table, or may."""
    mask = len(table) - 1
    mixed = np.uint64(key) * _GOLDEN
    at = np.int64((mixed ^ (mixed >> _HALF)) & np.uint64(mask))
    while table[at] and keys[table[at] - 1] != key:
        at = (at + 1) & mask
    return int(at)


@njit(**KERNEL)
def index_pairs(keys: Int64Array, num_pairs: int, table: Int32Array) -> None:
    """Fill an empty table with the pairs there are."""
    for pair in range(num_pairs):
        table[_slot(keys, table, keys[pair])] = pair + 1


@njit(**KERNEL)
def _pair_of(state: State, key: int) -> int:
    """The number of a pair, new where it has none."""
    at = _slot(state.pair_keys, state.pair_table, key)
    if not state.pair_table[at]:
        pair = state.used[PAIRS]
        state.used[PAIRS] = pair + 1
        state.pair_keys[pair] = key
        state.pair_counts[pair] = 0
        state.pair_lengths[pair] = 0
        state.pair_last[pair] = -1
        state.pair_table[at] = pair + 1
    return int(np.int64(state.pair_table[at]) - 1)


@njit(**KERNEL)
def _gain(state: State, left: int, right: int, word: int) -> None:
    """Count a pair that a pre-token gained, and write down that it did, once."""
    pair = _pair_of(state, np.int64(left) << 32 | np.int64(right))
    state.pair_counts[pair] += state.counts[word]
    if state.pair_last[pair] == word:
        return
    state.pair_lengths[pair] += 1
    state.pair_last[pair] = word
    at = state.used[FRESH]
    state.used[FRESH] = at + 1
    state.fresh_pairs[at] = pair
    state.fresh_words[at] = word


@njit(**KERNEL)
def _lose(state: State, left: int, right: int, word: int) -> None:
    pair = _pair_of(state, np.int64(left) << 32 | np.int64(right))
    state.pair_counts[pair] -= state.counts[word]


@njit(**KERNEL)
def count_pairs(state: State) -> None:
    """Count the pairs of all pre-tokens, and list where they stand."""
    for word in range(len(state.starts)):
        start = state.starts[word]
        for at in range(start, start + state.lengths[word] - 1):
            _gain(state, state.symbols[at], state.symbols[at + 1], word)
    _list_gains(state, 0)


@njit(**KERNEL)
def _list_gains(state: State, first: int) -> None:
    """Write the list of each pair that the step made, from this one on, and put it in the heap."""
    used = state.used
    for pair in range(first, used[PAIRS]):
        state.pair_starts[pair] = used[POSITIONS]
        used[POSITIONS] += state.pair_lengths[pair]
        state.pair_last[pair] = 0
        if state.pair_counts[pair] > 0:  # the step may have taken it again
            used[HEAP] += 1
            _sift_up(state, used[HEAP] - 1, state.pair_counts[pair], state.pair_keys[pair], pair)
    for i in range(used[FRESH]):
        pair = state.fresh_pairs[i]
        state.positions[state.pair_starts[pair] + state.pair_last[pair]] = state.fresh_words[i]
        state.pair_last[pair] += 1
    used[FRESH] = 0


@njit(**KERNEL)
def _sift_up(state: State, at: int, count: int, key: int, pair: int) -> None:
    """Put a pair into the heap at a free place, or above."""
    while at:
        above = (at - 1) >> 1
        if not _before(state, count, key, above):
            break
        _move(state, above, at)
        at = above
    _put(state, at, count, key, pair)


@njit(**KERNEL)
def _sift_down(state: State, count: int, key: int, pair: int) -> None:
    """Put a pair into the heap at its top, which is free, or below."""
    at, size = 0, state.used[HEAP]
    while 2 * at + 1 < size:
        below = 2 * at + 1
        other = min(below + 1, size - 1)
        if _before(state, state.heap_counts[other], state.heap_keys[other], below):
            below = other
        if _before(state, count, key, below):
            break
        _move(state, below, at)
        at = below
    _put(state, at, count, key, pair)


@njit(**KERNEL)
def _before(state: State, count: int, key: int, at: int) -> bool:
    """Whether a pair goes before the heap's: more, then the lesser ids."""
    if count != state.heap_counts[at]:
        return count > state.heap_counts[at]
    return key < state.heap_keys[at]


@njit(**KERNEL)
def _put(state: State, at: int, count: int, key: int, pair: int) -> None:
    state.heap_counts[at] = count
    state.heap_keys[at] = key
    state.heap_pairs[at] = pair


@njit(**KERNEL)
def _move(state: State, source: int, target: int) -> None:
    _put(
        state, target, state.heap_counts[source], state.heap_keys[source], state.heap_pairs[source]
    )


@njit(**KERNEL)
def _drop_top(state: State) -> None:
    last = state.used[HEAP] - 1
    state.used[HEAP] = last
    if last:
        _sift_down(state, state.heap_counts[last], state.heap_keys[last], state.heap_pairs[last])


@njit(**KERNEL)
def merge_all(state: State, max_tokens: int, min_count: int) -> int:
    """Merge until there are so many tokens or no pair is left, and return DONE, or room to make."""
    used = state.used
    while used[TOKENS] < max_tokens and used[HEAP]:
        pair = state.heap_pairs[0]
        count, key = state.pair_counts[pair], state.pair_keys[pair]
        if count != state.heap_counts[0]:
            _sift_down(state, count, key, pair)
            continue
        if count < 1 or count < min_count:
            break
        room = _room(state, pair)
        if not _suffices(state, room):
            return room
        _drop_top(state)
        token, first = used[TOKENS], used[PAIRS]
        used[TOKENS] += 1
        state.merges[token - used[ALPHABET]] = key
        start = state.pair_starts[pair]
        for at in range(start, start + state.pair_lengths[pair]):
            _merge_in(state, state.positions[at], key >> 32, key & _LOW, token)
        _list_gains(state, first)
    return DONE


@njit(**KERNEL)
def _room(state: State, pair: int) -> int:
    """Positions a step can add: a merge takes two symbols, and makes a pair on either side."""
    room = np.int64(0)
    start = state.pair_starts[pair]
    for at in range(start, start + state.pair_lengths[pair]):
        room += state.lengths[state.positions[at]]
    return int(room)


@njit(**KERNEL)
def _suffices(state: State, room: int) -> bool:
    """Whether the growing arrays have so many places left."""
    used = state.used
    pairs = min(room, 2 * used[TOKENS] + 2)  # new ones all have the token on one side
    return bool(
        used[PAIRS] + pairs <= len(state.pair_keys)
        and used[POSITIONS] + room <= len(state.positions)
    )


@njit(**KERNEL)
def _merge_in(state: State, word: int, left: int, right: int, token: int) -> None:
    """Merge a pair in one pre-token from left to right. The pair's own count is of no more use."""
    symbols, start = state.symbols, state.starts[word]
    end = start + state.lengths[word]
    at, to = start, start
    while at < end:
        if at + 1 < end and symbols[at] == left and symbols[at + 1] == right:
            if to > start:
                _lose(state, symbols[to - 1], left, word)
                _gain(state, symbols[to - 1], token, word)
            if at + 2 < end:
                _lose(state, right, symbols[at + 2], word)
                _gain(state, token, symbols[at + 2], word)
            symbols[to] = token
            at += 2
        else:
            symbols[to] = symbols[at]
            at += 1
        to += 1
    state.lengths[word] = to - start


@njit(**KERNEL)
def place_symbols(
    data: UInt8Array, begins: Int64Array, ids: Int32Array, sizes: Int64Array, symbols: Int32Array
) -> None:
    """Write the ids of the bytes of each pre-token."""
    to = np.int64(0)
    for word in range(len(begins)):
        for at in range(begins[word], begins[word] + sizes[word]):
            symbols[to] = ids[data[at]]
            to += 1
