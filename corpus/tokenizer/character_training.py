"""GPT-1's kind of vocabulary from texts: words are counted, and their characters merged.

Merges are those of tokenizers' BpeTrainer with `</w>` as its suffix, given the same ids for
characters (its own for those with the suffix differ from run to run).
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import DataError
from corpus.tokenizer.characters import (
    UNKNOWN,
    WORD_END,
    CharacterVocabulary,
    normalizer,
    repaired,
    word_splitter,
)
from corpus.tokenizer.merging import Words, check_counts, merges_of
from corpus.tokenizer.training import MIN_PAIR_COUNT
from corpus.tokenizer.vocabulary import END_OF_TEXT
from corpus.utf8 import NUM_CODE_POINTS, Int64Array

NUM_MERGES = 40_000  # Radford et al. 2018, section 4.1
# Each character has two ids: so many leave ids of 16 bits with 40,000 merges. GPT-1's had 239.
MAX_CHARACTERS = 10_000
_MAX_UNITS = 2**18  # distinct stretches between white space that wait to be split; bounds memory


class WordCounter:
    """Counts the words of texts that are given one array after the other."""

    def __init__(self) -> None:
        """Begin with none."""
        self._units: Counter[str] = Counter()
        self._words: Counter[str] = Counter()

    def add(self, texts: pa.Array | pa.ChunkedArray) -> None:
        """Count those of more texts; a null is no text."""
        for text in texts:
            self._units.update(repaired(text.as_py() or "").split())
            if len(self._units) > _MAX_UNITS:
                self._split()

    def counts(self) -> tuple[pa.Array, Int64Array]:
        """The distinct words, large_binary in byte order, and how often each came, int64."""
        self._split()
        words = sorted((word.encode(), count) for word, count in self._words.items())
        return (
            pa.array([word for word, _ in words], pa.large_binary()),
            np.array([count for _, count in words], np.int64),
        )

    def _split(self) -> None:
        """Count the words of the units: both rules look at one character at a time."""
        write, split = normalizer().normalize_str, word_splitter().pre_tokenize_str
        for unit, count in self._units.items():
            for word, _ in split(write(unit)):
                self._words[word] += count
        self._units.clear()


def learn_characters(
    words: pa.Array,
    counts: Int64Array,
    *,
    num_merges: int = NUM_MERGES,
    min_pair_count: int = MIN_PAIR_COUNT,
    max_characters: int = MAX_CHARACTERS,
) -> CharacterVocabulary:
    """The vocabulary of so many merges, fewer where no pair occurs min_pair_count times.

    words: large_binary, UTF-8; counts: int64, each at least 1. A word given twice counts as the
    sum. Beyond max_characters the least frequent ones are `<unk>`, which no merge crosses; of equal
    ones those of higher code points. Raises DataError where there is no word.
    """
    if not len(words):
        raise DataError("vocabulary: no text to train on; `winnow status` has what came of it")
    counts = np.ascontiguousarray(counts, np.int64)
    texts = words.cast(pa.large_string())
    lengths = pc.utf8_length(texts).to_numpy()
    check_counts(lengths, counts)
    joined = "".join(texts.to_pylist()).encode("utf-32-le")
    code_points = np.frombuffer(joined, np.uint32).astype(np.int64)
    alphabet = _alphabet(code_points, np.repeat(counts, lengths), max_characters)
    characters = [chr(code_point) for code_point in alphabet.tolist()]
    tokens = [UNKNOWN, *characters, *(character + WORD_END for character in characters)]
    pairs = merges_of(
        _symbols(code_points, lengths, counts, alphabet),
        alphabet_size=len(tokens),
        num_tokens=len(tokens) + num_merges,
        min_pair_count=min_pair_count,
    )
    merges: list[tuple[str, str]] = []
    for left, right in pairs:
        merges.append((tokens[left], tokens[right]))
        tokens.append("".join(merges[-1]))
    return CharacterVocabulary((*tokens, END_OF_TEXT), tuple(merges))


def _alphabet(code_points: Int64Array, counts: Int64Array, most: int) -> Int64Array:
    """The most frequent code points, in order."""
    totals = np.zeros(NUM_CODE_POINTS, np.int64)
    np.add.at(totals, code_points, counts)
    found = np.flatnonzero(totals)
    by_count = np.argsort(-totals[found], kind="stable")
    return np.sort(found[by_count[:most]])


def _symbols(
    code_points: Int64Array, lengths: Int64Array, counts: Int64Array, alphabet: Int64Array
) -> Words:
    """The words as ids: 1 and on for characters, further on for the last of a word.

    A word is cut where it has a character that is none of the alphabet. What is left of one symbol
    is left out: it has no pair.
    """
    ids = np.zeros(NUM_CODE_POINTS, np.int32)
    ids[alphabet] = np.arange(1, len(alphabet) + 1)
    symbols = ids[code_points]
    is_known = symbols > 0
    ends = np.cumsum(lengths)[lengths > 0] - 1
    symbols[ends[is_known[ends]]] += len(alphabet)
    begins = np.zeros(len(symbols), np.bool_)
    begins[:1] = True
    begins[ends[:-1] + 1] = True
    begins[1:] |= ~is_known[:-1]
    part = (np.cumsum(begins) - 1)[is_known]
    sizes = np.bincount(part, minlength=int(begins.sum()))
    is_worth = sizes > 1
    part_counts = np.repeat(counts, lengths)[begins]
    return Words(symbols[is_known][is_worth[part]], sizes[is_worth], part_counts[is_worth])
