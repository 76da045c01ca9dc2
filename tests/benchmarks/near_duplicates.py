"""Real documents with planted near-duplicates, and every near pair of them, exactly.

The set is 12,000 documents of 300 to 20,000 characters, drawn from all texts of a folder of real
data, and edited copies of 3,000 of them; news wires and forums bring duplicates of their own. The
truth is every pair of a Jaccard similarity of 0.8 and more, with no sketch and no hash in it: words
and n-grams are numbered, and a sparse product counts what each two documents share. `slow_pairs`
says the same in six lines, and tests hold the two equal. Against this truth `score` says what a
removal found and what it removed for no reason.

`python -m tests.benchmarks.near_duplicates --data DATA` prints the set and its truth. Cost: 25
to 40 s for 15,000 documents, half of it for splitting words in plain Python, and 1.2 GB.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import time
from collections.abc import Callable, Collection, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import csr_array

from corpus.identity import DOC_ID, doc_id_of_place, doc_id_words, keyed_hash, keyed_uniform
from corpus.words import normalise

SEED = 1
NUM_DOCUMENTS, NUM_COPIES = 12_000, 3_000
CHARACTERS = range(300, 20_001)
MAX_EDITED = 0.06  # of a copy's words; at 5-grams, a similarity of 0.8 is at about 0.02
NGRAM_SIZE, THRESHOLD = 5, 0.8
BLOCK = 1_000  # documents that are compared with all others at a time

Int64Array = npt.NDArray[np.int64]
WordsOf = Callable[[str], list[str]]


class Pairs(NamedTuple):
    """Near pairs of rows, left < right, ascending."""

    left: Int64Array
    right: Int64Array
    jaccard: npt.NDArray[np.float64]

    def at_least(self, threshold: float) -> Pairs:
        """Those of a similarity that is not smaller."""
        near = self.jaccard >= threshold
        return Pairs(*(column[near] for column in self))


class Score(NamedTuple):
    """What a removal found of the near pairs."""

    removed: int
    recall: float
    """Share of the pairs that are not both kept."""
    false_removals: int
    """Removed documents that are in no pair at all."""


def our_words(text: str) -> list[str]:
    """Words as Winnow has them."""
    return normalise(text).split()


def plain_words(text: str) -> list[str]:
    """Words as the peers' users split them (peers/passes.py): letters and digits, lower case."""
    return re.findall(r"[^\W_]+", text.lower())


def dedup_set(data: Path) -> list[str]:
    """The texts of the set, in its order: all chance is a hash of where a text lies."""
    texts, ids = _real_texts(data)
    chosen = _least(ids, "chosen", NUM_DOCUMENTS)
    copied = chosen[_least(ids.take(pa.array(chosen)), "copied", NUM_COPIES)]
    rates = MAX_EDITED * keyed_uniform(ids, seed=SEED, stage="rate")
    halves = doc_id_words(ids)
    originals = [texts[i] for i in chosen]
    copies = [edited(texts[i], rates[i], np.random.default_rng(halves[i])) for i in copied]
    places = [
        keyed_hash(ids.take(pa.array(rows)), seed=SEED, stage="place", copy=copy)
        for copy, rows in enumerate((chosen, copied))
    ]
    both = originals + copies
    return [both[i] for i in np.argsort(np.concatenate(places), kind="stable")]


def edited(text: str, rate: float, random: np.random.Generator) -> str:
    """The text with this share of its words replaced, deleted or preceded by another one.

    New words are the text's own, so that they are of its language.
    """
    pieces = re.findall(r"\s*\S+", text)  # a word with the white space before it
    for i in np.flatnonzero(random.random(len(pieces)) < rate):
        word = pieces[i].lstrip()
        space = pieces[i][: -len(word)]
        other = pieces[random.integers(len(pieces))].lstrip()
        pieces[i] = (space + other, "", f"{space}{other} {word}")[random.integers(3)]
    return "".join(pieces)


def exact_pairs(
    texts: Sequence[str],
    *,
    ngram_size: int = NGRAM_SIZE,
    threshold: float = THRESHOLD,
    words: WordsOf = our_words,
) -> Pairs:
    """Every pair of texts whose sets of word n-grams have at least this Jaccard similarity.

    A text of fewer words is one n-gram, all its words; one without words is in no pair.
    threshold: above 0.
    """
    sets = _incidence(texts, ngram_size, words)
    sizes = np.diff(sets.indptr)
    columns = sets.T.tocsr()
    found: list[Pairs] = []
    for first in range(0, len(texts), BLOCK):
        shared = (sets[first : first + BLOCK] @ columns).tocoo()
        left, right = (axis.astype(np.int64) for axis in shared.coords)
        left += first
        jaccard = shared.data / (sizes[left] + sizes[right] - shared.data)
        near = (left < right) & (jaccard >= threshold)
        found.append(Pairs(left[near], right[near], jaccard[near]))
    left, right, jaccard = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((right, left))
    return Pairs(left[order], right[order], jaccard[order])


def slow_pairs(
    texts: Sequence[str], *, ngram_size: int = NGRAM_SIZE, threshold: float = THRESHOLD
) -> dict[tuple[int, int], float]:
    """What `exact_pairs` gives, said plainly: each text with each."""
    sets = []
    for words in map(our_words, texts):
        starts = range(max(len(words) - ngram_size + 1, min(len(words), 1)))
        sets.append({tuple(words[i : i + ngram_size]) for i in starts})
    pairs = combinations(range(len(texts)), 2)
    jaccard = {(i, j): len(sets[i] & sets[j]) / max(len(sets[i] | sets[j]), 1) for i, j in pairs}
    return {pair: value for pair, value in jaccard.items() if value >= threshold}


def score(removed: Collection[int], pairs: Pairs) -> Score:
    """How good it was to remove these rows."""
    rows = np.fromiter(removed, np.int64, len(removed))
    is_found = np.isin(pairs.left, rows) | np.isin(pairs.right, rows)
    has_partner = np.isin(rows, pairs.left) | np.isin(rows, pairs.right)
    recall = float(is_found.mean()) if len(is_found) else 1.0
    return Score(len(rows), recall, int((~has_partner).sum()))


def _real_texts(data: Path) -> tuple[list[str], pa.Array]:
    """Every text of a fitting length, and the id of its place."""
    texts, ids = [], []
    for path in sorted((data / "text").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                text = json.loads(line)["text"]
                if len(text) in CHARACTERS:
                    texts.append(text)
                    ids.append(doc_id_of_place("near_duplicates", path.name, number))
    return texts, pa.array(ids, DOC_ID)


def _least(ids: pa.Array, stage: str, num: int) -> Int64Array:
    """Rows of the ids whose hashes are the smallest."""
    return np.argsort(keyed_hash(ids, seed=SEED, stage=stage), kind="stable")[:num]


def _incidence(texts: Sequence[str], ngram_size: int, words: WordsOf) -> csr_array:
    """Which n-grams each text has: ones in a matrix (num_texts, num_ngrams).

    An n-gram's number is that of the n-gram before its last word, and the last word's, as one
    number: nothing is hashed. Word 0 is none: it fills texts of fewer than n words.
    """
    numbers: dict[str, int] = {}
    flat, starts, documents = [], [], []
    for document, text in enumerate(texts):
        row = [numbers.setdefault(word, len(numbers) + 1) for word in words(text)]
        num_ngrams = max(len(row) - ngram_size + 1, min(len(row), 1))
        row += [0] * (num_ngrams + ngram_size - 1 - len(row) if row else 0)
        starts.append(np.arange(len(flat), len(flat) + num_ngrams))
        documents.append(np.full(num_ngrams, document))
        flat += row
    word = np.array(flat + [0] * ngram_size, np.int64)
    at = np.concatenate(starts)
    ngram = word[at]
    for k in range(1, ngram_size):
        ngram = np.unique(ngram * (len(numbers) + 1) + word[at + k], return_inverse=True)[1]
    ones = np.ones(len(ngram), np.int32)
    shape = len(texts), int(ngram.max(initial=0)) + 1
    sets = csr_array((ones, (np.concatenate(documents), ngram)), shape=shape)
    sets.data[:] = 1  # an n-gram that a text repeats has been summed
    return sets


def main() -> None:
    """Print the set and its truth."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.near_duplicates")
    parser.add_argument("--data", type=Path, required=True, help="folder of real data")
    texts = dedup_set(parser.parse_args().data)
    print(f"{len(texts):,} documents, {sum(len(t.encode()) for t in texts) / 1e6:.1f} MB")
    for name, words in (("our words", our_words), (r"words by [^\W_]+", plain_words)):
        started = time.perf_counter()
        pairs = exact_pairs(texts, words=words)
        seconds = time.perf_counter() - started
        print(f"{name}: {len(pairs.left):,} pairs of {THRESHOLD} and more, {seconds:.1f} s")


if __name__ == "__main__":
    main()
