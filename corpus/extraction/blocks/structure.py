"""How the blocks of a page hang together: containers, groups of alike blocks, repeated text."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from corpus.extraction.blocks.markup import OWNER, PARENT, SIGNATURE, TAG, Int32Array, Number
from corpus.extraction.blocks.scan import (
    HASH,
    HOLDER,
    INNER,
    LINK_UNITS,
    STOPS,
    UNITS,
    WORD_END,
    WORD_START,
    Scan,
)
from corpus.simd import KERNEL

Float32Array = npt.NDArray[np.float32]

LEVELS = 5  # containers looked at, each of which holds more text than the one before
# Columns of an element's sums over all that stands in it.
SUM_UNITS, SUM_LINK_UNITS, SUM_BLOCKS, SUM_STOPS = range(4)
NUM_SUMS = 4
# Columns of groups: blocks alike by the tags and classes near them, or by the tags above them.
BY_PATH, BY_TAGS = range(2)
NUM_GROUPINGS = 2
MAX_STEPS = 40  # up to a common container; a page nested deeper is no page to be measured so
MAX_CLIMB = 1_000  # from the other side, which bounds a pair's cost; real pages are up to 51 deep
_PATH_HOLDERS, _PATH_STEPS = 3, 12  # block-level elements, elements whose classes make a path


class Structure(NamedTuple):
    """What the measures of a page's blocks share."""

    levels: Int32Array
    """int32 (num_blocks, LEVELS): containers of each block, from the inside."""
    sums: Float32Array
    """float32 (num_elements, NUM_SUMS)."""
    group: Int32Array
    """int32 (num_blocks, NUM_GROUPINGS): number of the block's group."""
    depth: Int32Array
    """int32 (num_elements,)."""


def structure_of(scan: Scan) -> Structure:
    """The structure of a page."""
    levels, sums = containers(scan.element, scan.block)
    return Structure(levels, sums, groups(scan.element, scan.block), depths(scan.element))


@njit(cache=True, nogil=True)
def depths(element: Int32Array) -> Int32Array:
    """Number of ancestors of each element."""
    found = np.zeros(len(element), np.int32)
    for e in range(1, len(element)):
        found[e] = found[element[e, PARENT]] + 1
    return found


@njit(cache=True, nogil=True)
def containers(element: Int32Array, block: Int32Array) -> tuple[Int32Array, Float32Array]:
    """Each block's containers that each hold more text than the last, and the elements' sums."""
    sums = np.zeros((len(element), NUM_SUMS), np.float32)
    for row in block:
        own = sums[row[HOLDER]]
        own[SUM_UNITS] += row[UNITS]
        own[SUM_LINK_UNITS] += row[LINK_UNITS]
        own[SUM_BLOCKS] += 1
        own[SUM_STOPS] += row[STOPS]
    for e in range(len(element) - 1, 0, -1):
        for column in range(NUM_SUMS):
            sums[element[e, PARENT], column] += sums[e, column]
    # The nearest ancestor that holds more, of each element.
    wider = np.zeros(len(element), np.int32)
    for e in range(1, len(element)):
        parent = element[e, PARENT]
        is_wider = parent == 0 or sums[parent, SUM_UNITS] > sums[e, SUM_UNITS]
        wider[e] = parent if is_wider else wider[parent]
    levels = np.zeros((len(block), LEVELS), np.int32)
    for b in range(len(block)):
        e = block[b, HOLDER]
        if sums[e, SUM_UNITS] <= block[b, UNITS]:
            e = wider[e]
        for level in range(LEVELS):
            levels[b, level] = e
            e = wider[e]
    return levels, sums


@njit(cache=True, nogil=True)
def groups(element: Int32Array, block: Int32Array) -> Int32Array:
    """Group numbers of each block, in the order of their first blocks."""
    tags = np.zeros(len(element), np.uint32)
    for e in range(1, len(element)):
        tags[e] = _join(tags[element[e, PARENT]], element[e, TAG])
    keys = np.zeros((NUM_GROUPINGS, len(block)), np.uint32)
    for b in range(len(block)):
        e = block[b, INNER]
        keys[BY_TAGS, b] = tags[e]
        path = np.uint32(7)
        num_holders = num_steps = 0
        while e > 0 and num_holders < _PATH_HOLDERS and num_steps < _PATH_STEPS:
            path = _join(path, element[e, SIGNATURE])
            num_holders += element[e, OWNER] == e
            num_steps += 1
            e = element[e, PARENT]
        keys[BY_PATH, b] = path
    found = np.zeros((len(block), NUM_GROUPINGS), np.int32)
    for grouping in range(NUM_GROUPINGS):
        first = first_alike(keys[grouping])
        num = 0
        for b in range(len(block)):
            if first[b] == b:
                found[b, grouping] = num
                num += 1
            else:
                found[b, grouping] = found[first[b], grouping]
    return found


@njit(**KERNEL)
def _join(hash_so_far: Number, value: Number) -> np.uint32:
    joined = (np.uint32(hash_so_far) ^ np.uint32(value)) * np.uint32(0x9E3779B1)
    return np.uint32(joined ^ (joined >> np.uint32(15)))


@njit(cache=True, nogil=True)
def first_alike(keys: npt.NDArray[np.uint32]) -> Int32Array:
    """For each key the place of the first one that equals it: int32 (num_keys,)."""
    size = _table_size(len(keys))
    slots = np.full(size, -1, np.int32)
    found = np.zeros(len(keys), np.int32)
    for at in range(len(keys)):
        slot = np.int64(keys[at]) & (size - 1)
        while slots[slot] >= 0 and keys[slots[slot]] != keys[at]:
            slot = (slot + 1) & (size - 1)
        if slots[slot] < 0:
            slots[slot] = at
        found[at] = slots[slot]
    return found


@njit(cache=True, nogil=True)
def first_copies(block: Int32Array) -> Int32Array:
    """For each block the first one of the same letters and digits: int32 (num_blocks,)."""
    keys = np.empty(len(block), np.uint32)
    for b in range(len(block)):
        keys[b] = np.uint32(block[b, HASH])
    return first_alike(keys)


@njit(**KERNEL)
def _table_size(num: int) -> int:
    size = 16
    while size < 2 * num:
        size *= 2
    return size


@njit(cache=True, nogil=True)
def repeats(block: Int32Array, words: Int32Array) -> Float32Array:
    """Share of each block's word 4-grams that stand in an earlier block, and in any other.

    float32 (num_blocks, 2).
    """
    size = _table_size(len(words))
    keys = np.zeros(size, np.uint64)
    first = np.full(size, -1, np.int32)
    is_shared = np.zeros(size, np.bool_)
    slots = np.zeros(len(words), np.int32)
    found = np.zeros((len(block), 2), np.float32)
    for b in range(len(block)):
        start, end = block[b, WORD_START], block[b, WORD_END] - 3
        num_earlier = 0
        for t in range(start, end):
            slot = _slot_of(keys, _ngram(words, t))
            if first[slot] < 0:
                first[slot] = b
            elif first[slot] != b:
                is_shared[slot] = True
                num_earlier += 1
            slots[t] = slot
        if end > start:
            found[b, 0] = num_earlier / (end - start)
    for b in range(len(block)):
        start, end = block[b, WORD_START], block[b, WORD_END] - 3
        num_shared = 0
        for t in range(start, end):
            num_shared += is_shared[slots[t]]
        if end > start:
            found[b, 1] = num_shared / (end - start)
    return found


@njit(**KERNEL)
def _ngram(words: Int32Array, start: int) -> np.uint64:
    key = np.uint64(words[start])
    for t in range(start + 1, start + 4):
        key = (key ^ np.uint64(words[t])) * np.uint64(0x9E3779B97F4A7C15)
        key ^= key >> np.uint64(29)
    return np.uint64(key | np.uint64(1))


@njit(**KERNEL)
def _slot_of(keys: npt.NDArray[np.uint64], key: np.uint64) -> Number:
    """The key's place in the table, where it is put if it was not there."""
    slot = np.int64(key >> np.uint64(8)) & (len(keys) - 1)
    while keys[slot] != 0 and keys[slot] != key:
        slot = (slot + 1) & (len(keys) - 1)
    keys[slot] = key
    return slot


@njit(**KERNEL)
def common_container(element: Int32Array, depth: Int32Array, a: int, b: int) -> tuple[int, int]:
    """The innermost element that holds both, and the steps up to it from the first one.

    Where it is too far from either, the root and MAX_STEPS.
    """
    if depth[b] - depth[a] > MAX_CLIMB:
        return 0, MAX_STEPS
    steps = 0
    while a != b and steps < MAX_STEPS:
        if depth[a] >= depth[b]:
            a = element[a, PARENT]
            steps += 1
        else:
            b = element[b, PARENT]
    return (a, steps) if a == b else (0, MAX_STEPS)


