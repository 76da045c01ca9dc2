"""The exact index of benchmark N-grams, and the search for them in documents.

Decides where a document holds N successive words of a benchmark text. At each word of a document
the next 8 (the least N in use) are looked up in a blocked Bloom filter of the beginnings of all
N-grams; it turns away 99.5 % of those that begin none. Where it does not, each N is looked up
among the sorted 64-bit keys; and what is found is confirmed by comparing the normalised words
themselves, so that neither the filter nor two words or N-grams of one hash can make a hit.
Cost: 30 bytes a benchmark word, and one pass over the document's words for all N together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.utf8 import TextBytes, characters_before, text_bytes
from corpus.words import Words, ngram_hashes, normalise, split_words
from filters.contamination.kernels import fill_screen, fold, look_up

UInt64Array = npt.NDArray[np.uint64]
Int64Array = npt.NDArray[np.int64]
Int32Array = npt.NDArray[np.int32]


class Hits(NamedTuple):
    """Confirmed N-grams in documents, sorted by document, start, end and N-gram."""

    document: Int64Array
    """Row of the document."""
    start: Int64Array
    """First character of the N-gram in the document's text."""
    end: Int64Array
    """One past its last character."""
    ngram: Int64Array
    """Number of the N-gram in the index."""


@dataclass(frozen=True, eq=False)
class NgramIndex:
    """Every distinct N-gram of the benchmark texts, numbered 0..num_ngrams-1."""

    vocabulary: tuple[str, ...]
    """Distinct normalised words, sorted."""
    words: Int32Array
    """int32 (num_words,): the texts' words, as positions in the vocabulary."""
    offsets: Int64Array
    """int64 (num_texts + 1,): words of text i are [offsets[i], offsets[i + 1])."""
    sizes: Int64Array
    """int64 (num_texts,): N of each text."""
    keys: UInt64Array
    """uint64 (num_ngrams,): hashes; those of one N stand together, sorted."""
    firsts: Int64Array
    """int64 (num_ngrams,): where in `words` each N-gram stands first."""
    beginnings: UInt64Array
    """uint64 (num_ngrams,): hash of the first words of each N-gram, as many as the least N."""
    held: Int64Array
    """int64 (num_occurrences,): the N-gram at each place of each text, in order."""

    @cached_property
    def held_offsets(self) -> Int64Array:
        """int64 (num_texts + 1,): N-grams of text i are held[held_offsets[i]:...[i + 1]]."""
        return _offsets(np.maximum(np.diff(self.offsets) - (self.sizes - 1), 0))

    @cached_property
    def ngram_sizes(self) -> Int64Array:
        """int64 (num_ngrams,): N of each N-gram."""
        sizes = np.zeros(len(self.keys), np.int64)
        sizes[self.held] = np.repeat(self.sizes, np.diff(self.held_offsets))
        return sizes

    @cached_property
    def sizes_in_use(self) -> tuple[Int64Array, Int64Array]:
        """Each N that has N-grams, and the offsets of theirs in `keys`."""
        sizes = np.unique(self.ngram_sizes)
        return sizes, np.append(np.searchsorted(self.ngram_sizes, sizes), len(self.keys))

    @cached_property
    def screen(self) -> UInt64Array:
        """The blocked Bloom filter of `beginnings`."""
        return fill_screen(self.beginnings)

    @cached_property
    def word_numbers(self) -> dict[str, int]:
        """Position of each word in the vocabulary."""
        return {word: number for number, word in enumerate(self.vocabulary)}

    def ngram(self, number: int) -> str:
        """The N-gram's words, joined by one space."""
        first, size = self.firsts[number], self.ngram_sizes[number]
        return " ".join(self.vocabulary[word] for word in self.words[first : first + size])

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The index as arrays, to be saved; `from_arrays` reads them."""
        names = json.dumps(self.vocabulary, ensure_ascii=False).encode()
        return {
            "vocabulary": np.frombuffer(names, np.uint8),
            "words": self.words, "offsets": self.offsets, "sizes": self.sizes, "keys": self.keys,
            "firsts": self.firsts, "beginnings": self.beginnings, "held": self.held,
        }  # fmt: skip


def from_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> NgramIndex:
    """The index that `arrays` gave; the arrays may be maps of files."""
    names = json.loads(np.asarray(arrays["vocabulary"]).tobytes())
    rest = {name: np.asarray(array) for name, array in arrays.items() if name != "vocabulary"}
    return NgramIndex(vocabulary=tuple(names), **rest)


def build_index(texts: Sequence[str], sizes: Sequence[int]) -> NgramIndex:
    """Index every N-gram of each text, N being the text's own of `sizes`."""
    words = split_words(pa.array(texts, pa.large_string()))
    vocabulary, flat = _number_words(texts, words)
    size_of = np.array(sizes, np.int64)
    counts = np.maximum(np.diff(words.offsets) - (size_of - 1), 0)
    held_offsets = _offsets(counts)
    held = np.zeros(held_offsets[-1], np.int64)
    keys, firsts = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    num_ngrams = 0
    for size in np.unique(size_of[counts > 0]):
        own = np.flatnonzero(size_of == size)
        places = ranges(words.offsets[own], counts[own])
        hashes = fold(words.hashes, places, size)
        ids, first = _distinct(hashes, flat, places, int(size))
        held[ranges(held_offsets[own], counts[own])] = ids + num_ngrams
        keys.append(hashes[first])
        firsts.append(places[first])
        num_ngrams += len(first)
    return NgramIndex(
        vocabulary=vocabulary,
        words=flat,
        offsets=words.offsets,
        sizes=size_of,
        keys=np.concatenate(keys),
        firsts=np.concatenate(firsts),
        beginnings=_beginnings(words, np.concatenate(firsts), size_of[counts > 0]),
        held=held,
    )


def find(texts: pa.Array | pa.ChunkedArray, index: NgramIndex) -> Hits:
    """Every place where a document holds an N-gram of the index."""
    if isinstance(texts, pa.ChunkedArray):
        texts = pa.concat_arrays(texts.chunks or [pa.array([], texts.type)])
    words = split_words(texts)
    data = next(text_bytes(texts))
    sizes, size_offsets = index.sizes_in_use
    if not len(sizes):
        return Hits(*np.zeros((4, 0), np.int64))
    beginnings, offsets = ngram_hashes(words, int(sizes[0]))
    document, place, entry = look_up(
        beginnings, offsets, words.hashes, words.offsets, index.screen, sizes, size_offsets,
        index.keys,
    )  # fmt: skip
    parts = []
    for number, size in enumerate(sizes):
        is_own = (entry >= size_offsets[number]) & (entry < size_offsets[number + 1])
        own = _Found(document[is_own], place[is_own], entry[is_own])
        parts.append(_hits(data, words, index, own, int(size)))
    columns = [np.concatenate([part[i] for part in parts]) for i in range(4)]
    order = np.lexsort(columns[::-1])
    return Hits(*(column[order] for column in columns))


class _Found(NamedTuple):
    """Places in documents whose hash is that of an N-gram, by document and place."""

    document: Int64Array
    place: Int64Array
    entry: Int64Array


def _hits(data: TextBytes, words: Words, index: NgramIndex, found: _Found, size: int) -> Hits:
    ngram = _confirmed(data, words, index, found, size)
    document, place = found.document[ngram >= 0], found.place[ngram >= 0]
    start = characters_before(data.data, data.starts, document, words.starts[place])
    end = characters_before(data.data, data.starts, document, words.ends[place + size - 1])
    return Hits(document, start, end, ngram[ngram >= 0])


def _confirmed(
    data: TextBytes, words: Words, index: NgramIndex, found: _Found, size: int
) -> Int64Array:
    """The N-gram whose words stand at each place, or -1 where none of that hash has them."""
    ngram = np.full(len(found.place), -1, np.int64)
    span = np.arange(size)
    for first, end in _runs(found, size):
        place, entry = found.place[first:end], found.entry[first:end].copy()
        known = _word_numbers(data, words, index, found.document[first], place[0], place[-1] + size)
        here = known[(place - place[0])[:, None] + span]
        left = np.arange(end - first)
        while len(left):  # further rounds only where two N-grams share a hash
            there = index.words[index.firsts[entry[left]][:, None] + span]
            same = (here[left] == there).all(axis=1)
            ngram[first + left[same]] = entry[left[same]]
            left = left[~same]
            entry[left] += 1
            left = left[entry[left] < len(index.keys)]
            left = left[index.keys[entry[left]] == index.keys[entry[left] - 1]]
            left = left[index.ngram_sizes[entry[left]] == size]
    return ngram


def _word_numbers(
    data: TextBytes, words: Words, index: NgramIndex, document: int, first: int, end: int
) -> Int64Array:
    """Words [first, end) of a document as positions in the index' vocabulary, -1 where unknown."""
    begin = data.starts[document]
    raw = data.data[begin + words.starts[first] : begin + words.ends[end - 1]].tobytes()
    numbers = index.word_numbers
    return np.array([numbers.get(w, -1) for w in normalise(raw.decode()).split(" ")], np.int64)


def _runs(found: _Found, size: int) -> Iterator[tuple[int, int]]:
    """Ranges of places in one document whose words overlap or touch."""
    if len(found.place):
        apart = (np.diff(found.document) != 0) | (np.diff(found.place) > size)
        yield from pairwise([0, *(np.flatnonzero(apart) + 1).tolist(), len(found.place)])


def _number_words(texts: Sequence[str], words: Words) -> tuple[tuple[str, ...], Int32Array]:
    """Distinct words, sorted; and all words as positions among them."""
    found = [raw for number, text in enumerate(texts) for raw in _cut(text, words, number)]
    normal = {raw: normalise(raw.decode()) for raw in set(found)}
    vocabulary = tuple(sorted(set(normal.values())))
    numbers = {word: number for number, word in enumerate(vocabulary)}
    number_of = {raw: numbers[form] for raw, form in normal.items()}
    return vocabulary, np.array([number_of[raw] for raw in found], np.int32)


def _cut(text: str, words: Words, number: int) -> Iterator[bytes]:
    """The words of one text as they stand in it."""
    own = slice(words.offsets[number], words.offsets[number + 1])
    raw = text.encode()
    for start, end in zip(words.starts[own].tolist(), words.ends[own].tolist(), strict=True):
        yield raw[start:end]


def _beginnings(words: Words, firsts: Int64Array, sizes: Int64Array) -> UInt64Array:
    """Hash of the first words, as many as the least N, at each of the texts' places."""
    if not len(firsts):
        return np.zeros(0, np.uint64)
    hashes, offsets = ngram_hashes(words, int(sizes.min()))
    text = np.searchsorted(words.offsets, firsts, side="right") - 1
    return hashes[offsets[text] + firsts - words.offsets[text]]


def _distinct(
    hashes: UInt64Array, words: Int32Array, places: Int64Array, size: int
) -> tuple[Int64Array, Int64Array]:
    """Number the distinct N-grams by hash, those of one hash by first place.

    hashes: uint64 (num_occurrences,) of the N-grams at `places` of `words`. Returns the number of
    each occurrence, and the first occurrence of each number.
    """
    _, first, ids = np.unique(hashes, return_index=True, return_inverse=True)
    twins = places[first[ids]]
    if all(np.array_equal(words[places + k], words[twins + k]) for k in range(size)):
        return ids.astype(np.int64), first.astype(np.int64)
    return _distinct_rows(hashes, words[places[:, None] + np.arange(size)])


def _distinct_rows(hashes: UInt64Array, rows: Int32Array) -> tuple[Int64Array, Int64Array]:
    """As `_distinct`, where two N-grams share a hash: a chance of 3e-6 for ten million."""
    known: dict[tuple[int, ...], int] = {}
    for place, row in enumerate(rows.tolist()):
        known.setdefault(tuple(row), place)
    first = np.array(sorted(known.values(), key=lambda p: (int(hashes[p]), p)), np.int64)
    number = {place: i for i, place in enumerate(first.tolist())}
    ids = np.array([number[known[tuple(row)]] for row in rows.tolist()], np.int64)
    return ids, first


def ranges(starts: Int64Array, counts: Int64Array) -> Int64Array:
    """The numbers starts[i] .. starts[i] + counts[i] - 1 of every i, one after the other."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts - (ends - counts), counts)


def _offsets(counts: Int64Array) -> Int64Array:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
