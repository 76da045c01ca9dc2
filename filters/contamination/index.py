"""The exact index of benchmark N-grams, and the search for them in documents.

Decides where a document holds N successive words of a benchmark text. At each word of a document
the next 8 (the least N in use) are looked up in a blocked Bloom filter of the beginnings of all
N-grams; it turns away 99.5 % of those that begin none. Where it does not, each N is looked up by
hash, and what is found is compared with the normalised words themselves, letter by letter, so that
neither the filter nor two words or N-grams of one hash can make a hit.
Memory: the search reads 9 bytes an N-gram (2 of the screen, 0.5 to 1 of buckets, 2 of marks, 4 of
places), 4 a benchmark word, and the vocabulary: 12.8 an N-gram at 10^8 of them. All are plain
arrays, which the processes of one machine map from files and share. What each text holds, 4 bytes a
word, is read at the end alone. To build takes 170 bytes and 4 us an N-gram, on one machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.utf8 import characters_before, text_bytes
from corpus.words import Words, ngram_hashes, normalise, split_words, word_table
from filters.contamination import MAX_SIZE
from filters.contamination.kernels import (
    MARK_BITS,
    Table,
    Vocabulary,
    bucket_shift,
    fill_screen,
    fold,
    look_up,
    new_screen,
    odd_ngrams,
    odd_words,
    passing,
)

UInt8Array = npt.NDArray[np.uint8]
UInt16Array = npt.NDArray[np.uint16]
UInt32Array = npt.NDArray[np.uint32]
UInt64Array = npt.NDArray[np.uint64]
Int64Array = npt.NDArray[np.int64]

MAX_WORDS = 2**32 - 1
"""Words of all texts together: places are 32 bits."""
_NGRAMS_PER_BUCKET = 8  # at most on average: four to eight, 0.5 to 1 byte an N-gram


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
    """Every distinct N-gram of the benchmark texts, numbered 0..num_ngrams-1 by hash."""

    table: Table
    """The N-grams, the texts' words, and N of each text."""
    vocabulary: Vocabulary
    """The distinct words."""
    screen: UInt64Array
    """The blocked Bloom filter of the first words of each N-gram, as many as the least N."""
    held: UInt32Array
    """uint32 (num_occurrences,): the N-gram at each place of each text, in order."""

    @property
    def num_ngrams(self) -> int:
        """Distinct N-grams."""
        return len(self.table.marks)

    @property
    def sizes(self) -> UInt8Array:
        """uint8 (num_texts,): N of each text."""
        return self.table.sizes

    @property
    def offsets(self) -> Int64Array:
        """int64 (num_texts + 1,): words of text i are [offsets[i], offsets[i + 1])."""
        return self.table.offsets

    @cached_property
    def held_offsets(self) -> Int64Array:
        """int64 (num_texts + 1,): N-grams of text i are held[held_offsets[i]:...[i + 1]]."""
        return _offsets(_num_ngrams(self.offsets, self.sizes))

    @cached_property
    def sizes_in_use(self) -> UInt8Array:
        """Each N that has N-grams, ascending."""
        return np.unique(self.sizes[np.diff(self.held_offsets) > 0])

    def ngram(self, number: int) -> str:
        """The N-gram's words, joined by one space."""
        first = int(self.table.firsts[number])
        text = int(np.searchsorted(self.offsets, first, side="right")) - 1
        end = first + int(self.sizes[text])
        return " ".join(map(self.word, self.table.words[first:end].tolist()))

    def word(self, number: int) -> str:
        """A word of the vocabulary."""
        data, ends = self.vocabulary
        return data[ends[number - 1] if number else 0 : ends[number]].tobytes().decode()

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The index as arrays, to be saved; `from_arrays` reads them."""
        words = {"vocabulary": self.vocabulary.data, "vocabulary_ends": self.vocabulary.ends}
        return {**words, **self.table._asdict(), "screen": self.screen, "held": self.held}

    @property
    def num_bytes(self) -> int:
        """What the search reads."""
        return sum(a.nbytes for name, a in self.arrays().items() if name != "held")


def from_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> NgramIndex:
    """The index that `arrays` gave; the arrays may be maps of files."""
    plain = {name: _read_only(np.asarray(array)) for name, array in arrays.items()}
    return NgramIndex(
        table=Table(**{name: plain[name] for name in Table._fields}),
        vocabulary=Vocabulary(plain["vocabulary"], plain["vocabulary_ends"]),
        screen=plain["screen"],
        held=plain["held"],
    )


def build_index(texts: Sequence[str], sizes: Sequence[int]) -> NgramIndex:
    """Index every N-gram of each text, N being the text's own of `sizes`.

    Raises ValueError where an N or the number of words is more than the index has room for.
    """
    if min(sizes, default=1) < 1 or max(sizes, default=1) > MAX_SIZE:
        raise ValueError(f"N-grams of {min(sizes)} to {max(sizes)} words: expected 1..{MAX_SIZE}")
    column = pa.array(texts, pa.large_string())
    words = split_words(column)
    if len(words.hashes) > MAX_WORDS:
        raise ValueError(f"{len(words.hashes):,} words to index, expected at most {MAX_WORDS:,}")
    own_sizes = np.array(sizes, np.uint8)
    numbers, vocabulary = _number_words(column, words)
    counts = _num_ngrams(words.offsets, own_sizes)
    places = ranges(words.offsets[:-1], counts)
    size_of = np.repeat(own_sizes, counts)
    hashes = fold(words.hashes, places, size_of)
    held, first = _distinct(hashes, numbers, places, size_of)
    buckets, marks = _by_hash(hashes[first])
    arrays: dict[str, npt.NDArray[Any]] = {
        "buckets": buckets, "marks": marks, "firsts": places[first].astype(np.uint32),
        "words": numbers, "offsets": words.offsets, "sizes": own_sizes,
        "vocabulary": vocabulary.data, "vocabulary_ends": vocabulary.ends,
        "screen": _screen(words, places[first], own_sizes[counts > 0]),
        "held": held.astype(np.uint32),
    }  # fmt: skip
    return from_arrays(arrays)


def find(texts: pa.Array | pa.ChunkedArray, index: NgramIndex) -> Hits:
    """Every place where a document holds an N-gram of the index."""
    if isinstance(texts, pa.ChunkedArray):
        texts = pa.concat_arrays(texts.chunks or [pa.array([], texts.type)])
    sizes = index.sizes_in_use
    if not len(sizes):
        return Hits(*np.zeros((4, 0), np.int64))
    words, text = split_words(texts), next(text_bytes(texts))
    document, place = _screened(words, index, int(sizes[0]))
    at, ngram = np.empty((2, len(place) * len(sizes)), np.int64)
    num_found = look_up(
        place, document, text, words, word_table(), sizes, index.table, index.vocabulary, at, ngram
    )
    document, place, ngram = document[at[:num_found]], place[at[:num_found]], ngram[:num_found]
    size = index.sizes[np.searchsorted(index.offsets, index.table.firsts[ngram], side="right") - 1]
    last = words.ends[place + size - 1]
    order = np.lexsort((last, document))  # what counts characters goes forward only
    end = np.empty(num_found, np.int64)
    end[order] = characters_before(text.data, text.starts, document[order], last[order])
    start = characters_before(text.data, text.starts, document, words.starts[place])
    order = np.lexsort((ngram, end, start, document))
    return Hits(document[order], start[order], end[order], ngram[order])


def _screened(words: Words, index: NgramIndex, least: int) -> tuple[Int64Array, Int64Array]:
    """Document and word of each place that the screen lets pass."""
    beginnings, offsets = ngram_hashes(words, least)
    room = np.empty(len(beginnings), np.int64)  # memory that is not written to costs nothing
    found = room[: passing(beginnings, index.screen, room)].copy()
    document = np.searchsorted(offsets, found, side="right") - 1
    return document, found - offsets[document] + words.offsets[document]


def _number_words(texts: pa.Array, words: Words) -> tuple[UInt32Array, Vocabulary]:
    """Each word as a number of the vocabulary, which stands in the order of the words' hashes."""
    _, first, ids = np.unique(words.hashes, return_index=True, return_inverse=True)
    numbers: UInt32Array = ids.astype(np.uint32)
    forms = _normal_forms(texts, words, first)
    text, odd = next(text_bytes(texts)), np.empty(len(numbers), np.int64)
    num_odd = odd_words(text, words, word_table(), numbers, _vocabulary(forms), odd)
    if num_odd:  # two words of one hash: a chance of 4e-7 in ten million
        others = _normal_forms(texts, words, odd[:num_odd])
        number_of = {form: len(forms) + k for k, form in enumerate(sorted(set(others)))}
        numbers[odd[:num_odd]] = [number_of[form] for form in others]
        forms += number_of
    return numbers, _vocabulary(forms)


def _normal_forms(texts: pa.Array, words: Words, places: Int64Array) -> list[bytes]:
    """The normalised words at some places."""
    text = next(text_bytes(texts))
    document = np.searchsorted(words.offsets, places, side="right") - 1
    begin, end = (text.starts[document] + at[places] for at in (words.starts, words.ends))
    spans = zip(begin.tolist(), end.tolist(), strict=True)
    return [normalise(text.data[a:z].tobytes().decode()).encode() for a, z in spans]


def _vocabulary(forms: Sequence[bytes]) -> Vocabulary:
    data = np.frombuffer(b"".join(forms), np.uint8)
    return Vocabulary(data, np.cumsum([len(form) for form in forms], dtype=np.int64))


def _distinct(
    hashes: UInt64Array, words: UInt32Array, places: Int64Array, sizes: UInt8Array
) -> tuple[Int64Array, Int64Array]:
    """Number the distinct N-grams by hash, those of one hash by first place.

    hashes: uint64 (num_occurrences,) of the N-grams of `sizes` words at `places` of `words`.
    Returns the number of each occurrence, and the first occurrence of each number.
    """
    _, first, ids = np.unique(hashes, return_index=True, return_inverse=True)
    if not odd_ngrams(places, sizes, ids, first, words):
        return ids.astype(np.int64), first.astype(np.int64)
    spans = zip(places.tolist(), sizes.tolist(), strict=True)
    return _distinct_rows(hashes, [tuple(words[p : p + n].tolist()) for p, n in spans])


def _distinct_rows(
    hashes: UInt64Array, rows: Sequence[tuple[int, ...]]
) -> tuple[Int64Array, Int64Array]:
    """As `_distinct`, where two N-grams share a hash: a chance of 3e-6 for ten million."""
    known: dict[tuple[int, ...], int] = {}
    for place, row in enumerate(rows):
        known.setdefault(row, place)
    first = np.array(sorted(known.values(), key=lambda p: (int(hashes[p]), p)), np.int64)
    number = {place: i for i, place in enumerate(first.tolist())}
    return np.array([number[known[row]] for row in rows], np.int64), first


def _by_hash(hashes: UInt64Array) -> tuple[UInt32Array, UInt16Array]:
    """Buckets and marks of the N-grams, whose hashes are sorted."""
    num_buckets = 1
    while num_buckets * _NGRAMS_PER_BUCKET < len(hashes):
        num_buckets *= 2
    shift = bucket_shift(num_buckets)
    edges = np.arange(num_buckets, dtype=np.uint64) << (shift if num_buckets > 1 else np.uint64(0))
    buckets = np.append(np.searchsorted(hashes, edges), len(hashes)).astype(np.uint32)
    return buckets, (hashes >> np.uint64(shift - MARK_BITS)).astype(np.uint16)


def _screen(words: Words, firsts: Int64Array, sizes: UInt8Array) -> UInt64Array:
    """The screen of the first words, as many as the least N, at each of the texts' places."""
    if not len(firsts):
        return new_screen(0)
    hashes, offsets = ngram_hashes(words, int(sizes.min()))
    text = np.searchsorted(words.offsets, firsts, side="right") - 1
    beginnings = np.unique(hashes[offsets[text] + firsts - words.offsets[text]])
    screen = new_screen(len(beginnings))
    fill_screen(beginnings, screen)
    return screen


def ranges(starts: Int64Array, counts: Int64Array) -> Int64Array:
    """The numbers starts[i] .. starts[i] + counts[i] - 1 of every i, one after the other."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts - (ends - counts), counts)


def _num_ngrams(offsets: Int64Array, sizes: UInt8Array) -> Int64Array:
    """int64 (num_texts,): N-grams of each text, by occurrence."""
    return np.maximum(np.diff(offsets) - (sizes.astype(np.int64) - 1), 0)


def _offsets(counts: Int64Array) -> Int64Array:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A view that is not written to, as a map of a file: the kernels are compiled for it once."""
    view = array.view()
    view.flags.writeable = False
    return view
