"""Synthetic documents with realistic copies, as many as asked for: what growth is measured on.

The texts are random words of a Zipf law, so that two texts share a 5-gram only where one was made
from the other. Of the documents
- 70 % have no copy; the rest stand in clusters whose sizes k follow k^-2.2, up to 0.07 % of all:
  most are pairs, and the largest grows with the corpus. C4 had over 200,000 near-copies of one page
  among 365 million (Lee et al. 2022), and most clusters of web corpora are pairs.
- A copy is exact with a chance of 40 %, else 0 to 8 % of its words are replaced.
- 5 % of those without a copy come from page templates: 500 pages each that share six words of ten,
  at a Jaccard similarity near 0.43. LSH proposes them, and proof has to refuse them.

Document j of a corpus of n is the same for any number of parts; its copies lie all over the parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit

from corpus.identity import DOC_ID
from corpus.storage import Store
from tests.tables import write_arrow

UNIQUE = 0.7
EXPONENT = 2.2
LARGEST = 0.0007
EXACT = 0.4
MOST_EDITS = 0.08
TEMPLATED = 0.05
FAMILY = 500
FAMILY_SPAN = round(FAMILY / TEMPLATED)
SHARED = 0.6
NUM_WORDS = 50_000
ZIPF = 1.05
MEDIAN_LENGTH, SPREAD, LONGEST = 110, 0.75, 3_000  # words of a text, log-normal

_MULTIPLIER = 1_000_003  # prime, and above any corpus' common factors: scatters a cluster's members
_TABLE = 1 << 16


class Plan(NamedTuple):
    """Which cluster each document is of: document j in starts[c] .. starts[c + 1] - 1 is of c."""

    starts: np.ndarray
    num_documents: int

    @property
    def largest(self) -> int:
        return int(np.diff(self.starts).max())


def plan(num_documents: int, *, seed: int = 1) -> Plan:
    """Draw the clusters of a corpus."""
    rng = np.random.Generator(np.random.PCG64(seed))
    sizes = np.arange(2, max(int(num_documents * LARGEST), 3) + 1)
    law = sizes**-EXPONENT
    cumulative = np.cumsum(law / law.sum())
    wanted = round(num_documents * (1 - UNIQUE))
    drawn = sizes[np.searchsorted(cumulative, rng.random(wanted // 2 + 1))]
    clusters = drawn[: np.searchsorted(np.cumsum(drawn), wanted)]
    alone = np.ones(num_documents - int(clusters.sum()), np.int64)
    starts = np.concatenate([[0], np.cumsum(np.concatenate([clusters, alone]))])
    return Plan(starts, num_documents)


def write_root(store: Store, num_documents: int, *, num_parts: int, seed: int = 1) -> int:
    """Write `documents` and `quality` of a corpus; returns the UTF-8 bytes of its texts."""
    made = plan(num_documents, seed=seed)
    num_bytes = 0

    def tables(name: str) -> Iterator[pa.Table]:
        nonlocal num_bytes
        for part in range(num_parts):
            documents, quality = part_tables(made, part, num_parts=num_parts, seed=seed)
            if name == "documents":
                num_bytes += documents["text"].nbytes
            yield documents if name == "documents" else quality

    write_arrow(store, "documents", tables("documents"))
    write_arrow(store, "quality", tables("quality"))
    return num_bytes


def part_tables(
    made: Plan, part: int, *, num_parts: int, seed: int = 1
) -> tuple[pa.Table, pa.Table]:
    """One part of `documents` and of `quality`."""
    n = made.num_documents
    first, end = part * n // num_parts, (part + 1) * n // num_parts
    numbers = (np.arange(first, end) * _MULTIPLIER + 7) % n
    clusters = np.searchsorted(made.starts, numbers, side="right") - 1
    texts = _texts(made, numbers, clusters, seed)
    doc_ids = _doc_ids(numbers)
    size = len(numbers)
    keep = pa.array(np.ones(size, bool))
    none = pa.nulls(size, pa.string())
    documents = pa.table(
        {
            "doc_id": doc_ids, "source": pa.array(["web"] * size), "url": none, "url_key": none,
            "warc_file": none, "offset": pa.array(numbers), "length": pa.array(numbers),
            "fetched_at": pa.nulls(size, pa.timestamp("us", "UTC")), "title": none,
            "declared_language": none, "published_on": pa.nulls(size, pa.date32()),
            "agreement": pa.nulls(size, pa.float32()), "keep": keep, "reason": none,
            "num_characters": pa.array(_lengths(texts)), "text": texts,
        }
    )  # fmt: skip
    scores = pa.array((_mix(numbers.astype(np.uint64)) >> np.uint64(40)).astype(np.float32) / 2**24)
    quality = pa.table({"doc_id": doc_ids, "keep": keep, "reason": none, "score": scores})
    return documents, quality


def _lengths(texts: pa.Array) -> np.ndarray:
    offsets = np.frombuffer(texts.buffers()[1], np.int64)
    return np.diff(offsets)


def _mix(x: np.ndarray) -> np.ndarray:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _doc_ids(numbers: np.ndarray) -> pa.Array:
    halves = np.empty((len(numbers), 2), np.uint64)
    halves[:, 0] = _mix(numbers.astype(np.uint64) + np.uint64(1))
    halves[:, 1] = _mix(halves[:, 0])
    return pa.FixedSizeBinaryArray.from_buffers(DOC_ID, len(numbers), [None, pa.py_buffer(halves)])


@cache
def _vocabulary() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Words as bytes with their offsets, and a table that draws them by Zipf's law."""
    letters = "etaoinshrdlucmfwypvbgk"
    words = []
    for rank in range(NUM_WORDS):
        word, left = "", rank + 22
        while left:
            left, letter = divmod(left, 22)
            word += letters[letter]
        words.append(word)
    offsets = np.concatenate([[0], np.cumsum([len(word) for word in words])])
    data = np.frombuffer("".join(words).encode(), np.uint8)
    law = np.arange(1, NUM_WORDS + 1) ** -ZIPF
    cumulative = np.cumsum(law / law.sum())
    table = np.searchsorted(cumulative, (np.arange(_TABLE) + 0.5) / _TABLE)
    return data, offsets, table.astype(np.int64)


def _texts(made: Plan, numbers: np.ndarray, clusters: np.ndarray, seed: int) -> pa.Array:
    data, offsets, table = _vocabulary()
    counts = np.diff(made.starts)[clusters]
    members = numbers - made.starts[clusters]
    lengths = _word_counts(clusters, seed)
    ends = np.zeros(len(numbers) + 1, np.int64)
    room = int((lengths.sum() + len(lengths)) * 14)
    out = np.empty(room, np.uint8)
    _write(numbers, clusters, members, counts, lengths, seed, data, offsets, table, out, ends)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(out[: ends[-1]].copy())]
    return pa.Array.from_buffers(pa.large_string(), len(numbers), buffers)


def _word_counts(clusters: np.ndarray, seed: int) -> np.ndarray:
    """Words of a cluster's text: log-normal, from two uniform numbers (Box and Muller 1958)."""
    with np.errstate(over="ignore"):
        h = _mix(clusters.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed))
    u = ((h >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    v = ((_mix(h) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    normal = np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v)
    words = np.exp(np.log(MEDIAN_LENGTH) + SPREAD * normal)
    return np.clip(words, 8, LONGEST).astype(np.int64)


@njit(cache=True, nogil=True)
def _next(state: np.uint64) -> np.uint64:
    """The state after this one; `_bits` makes a number of each (splitmix64)."""
    return state + np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True, nogil=True)
def _bits(z: np.uint64) -> np.uint64:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True)
def _write(numbers, clusters, members, counts, lengths, seed, data, offsets, table, out, ends):
    unit = 2.0**-53
    at = 0
    for i in range(len(numbers)):
        base = _bits(np.uint64(clusters[i]) * np.uint64(0xD1342543DE82EF95) + np.uint64(seed))
        own = _bits(np.uint64(numbers[i]) * np.uint64(0xA0761D6478BD642F) + np.uint64(seed + 1))
        rate = 0.0
        own = _next(own)
        if members[i] > 0 and (_bits(own) >> np.uint64(11)) * unit >= EXACT:
            own = _next(own)
            rate = (_bits(own) >> np.uint64(11)) * unit * MOST_EDITS
        own = _next(own)
        template = base
        num_shared = 0
        if counts[i] == 1 and (_bits(own) >> np.uint64(11)) * unit < TEMPLATED:
            own = _next(own)
            template = _bits(np.uint64(0xFA311) + np.uint64(clusters[i] // FAMILY_SPAN))
            num_shared = np.int64(lengths[i] * SHARED)
        for word in range(lengths[i]):
            base = _next(base)
            template = _next(template)
            drawn = _bits(template) if word < num_shared else _bits(base)
            if rate > 0.0:
                own = _next(own)
                if (_bits(own) >> np.uint64(11)) * unit < rate:
                    own = _next(own)
                    drawn = _bits(own)
            chosen = table[drawn & np.uint64(0xFFFF)]
            if word:
                out[at] = 32
                at += 1
            for k in range(offsets[chosen], offsets[chosen + 1]):
                out[at] = data[k]
                at += 1
        ends[i + 1] = at
