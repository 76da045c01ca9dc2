"""Which stretches of a text stand elsewhere: against plain Python and against a suffix array."""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.words import ngram_hashes, normalise, split_words
from filters.dedup.spans import (
    SPAN,
    candidate_spans,
    character_spans,
    find_repeats,
    fingerprint_size,
    fingerprints,
    later_occurrences,
    merge_spans,
    repeated,
)

MASK = 2**64 - 1
SPANS = st.integers(3, 8)
TEXTS = st.lists(
    st.lists(st.sampled_from("ab"), max_size=30).map(" ".join)
    | st.lists(st.sampled_from("abcde"), max_size=30).map(",\n".join)
    | st.text(alphabet="a b", max_size=40)
    | st.none(),
    max_size=6,
)


def words_of(text: str | None) -> list[str]:
    return normalise(text or "").split()


def slow_spans(
    texts: list[str | None], ranks: list[int], span: int, keep_first: bool = True
) -> list[list[int]]:
    """Words that are cut of each document."""
    places = defaultdict(list)
    for row, words in enumerate(map(words_of, texts)):
        for position in range(len(words) - span + 1):
            places[tuple(words[position : position + span])].append((ranks[row], position, row))
    cut: list[set[int]] = [set() for _ in texts]
    for found in places.values():
        best, first, _ = min(found)
        for rank, position, row in found:
            overlaps_the_first = rank == best and position < first + span
            if len(found) > 1 and not (keep_first and overlaps_the_first):
                cut[row].update(range(position, position + span))
    return [sorted(words) for words in cut]


def slow_fingerprints(texts: list[str | None], span: int) -> list[tuple[int, int, int]]:
    words = split_words(pa.array(texts, pa.large_string()))
    size = fingerprint_size(span)
    window = span - size + 1
    hashes, offsets = ngram_hashes(words, size)
    found = set()
    for row, grams in enumerate(np.split(hashes, offsets[1:-1])[: len(texts)]):
        for begin in range(len(grams) - window + 1):
            smallest = grams[begin : begin + window].min()
            at = max(i for i in range(begin, begin + window) if grams[i] == smallest)
            found.add((row, at, int(smallest)))
    return sorted(found)


def slow_hashes(words: list[int]) -> tuple[int, int]:
    a = b = 0
    for word in words:
        a = (a * 0x9FB21C651E98DF2B + word) & MASK
        b = (b * 0xC2B2AE3D27D4EB4B + slow_mix(word ^ 0x9E3779B97F4A7C15)) & MASK
    return slow_mix(a), slow_mix(b)


def slow_mix(x: int) -> int:
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def suffix_array_words(texts: list[str | None], span: int) -> list[list[int]]:
    """Words of each document in a run of `span` that another suffix begins with too."""
    pydivsufsort = pytest.importorskip("pydivsufsort")
    numbers: dict[str, int] = {}
    documents = [[numbers.setdefault(w, len(numbers)) for w in words_of(text)] for text in texts]
    line = []
    for row, document in enumerate(documents):  # no separator is like another, so none repeats
        line += [*document, len(numbers) + row]
    numbered = np.array(line, np.int64)
    suffixes = pydivsufsort.divsufsort(numbered)
    is_long = pydivsufsort.kasai(numbered, suffixes)[: len(line) - 1] >= span
    begins = np.concatenate([suffixes[:-1][is_long], suffixes[1:][is_long]])
    covered = np.zeros(len(line), bool)
    for begin in begins.tolist():
        covered[begin : begin + span] = True
    borders = np.cumsum([len(document) + 1 for document in documents])[:-1]
    return [np.flatnonzero(part).tolist() for part in np.split(covered, borders)]


def order_of(ranks: list[int]) -> np.ndarray:
    """Keys that each of the four numbers has a part in."""
    digits = np.array(ranks, np.uint64)[:, None] // np.array([27, 9, 3, 1], np.uint64)
    return digits % np.array([2**63, 3, 3, 3], np.uint64)


def fast_spans(
    texts: list[str | None], ranks: list[int], span: int, keep_first: bool = True
) -> list[list[int]]:
    """Words that are cut of each document; of spans that overlap some would be there twice."""
    offsets, starts, ends = find_repeats(
        pa.array(texts, pa.large_string()), order_of(ranks), span=span, keep_first=keep_first
    )
    assert (offsets[0], offsets[-1]) == (0, len(starts))
    return [
        [at for i in range(first, end) for at in range(starts[i], ends[i])]
        for first, end in pairwise(offsets.tolist())
    ]


def cut(texts: list[str | None], span: int, keep_first: bool = True) -> list[list[tuple[int, int]]]:
    """The spans of characters, where earlier texts are better."""
    column = pa.array(texts, pa.large_string())
    order = order_of(list(range(len(texts))))
    offsets, starts, ends = find_repeats(column, order, span=span, keep_first=keep_first)
    found = character_spans(column, split_words(column), offsets, starts, ends)
    spans = list(zip(*(column.tolist() for column in found), strict=True))
    return [spans[first:end] for first, end in pairwise(offsets.tolist())]


def numbered(first: int, num_words: int) -> str:
    return " ".join(f"w{i}" for i in range(first, first + num_words))


def test_fifty_words_that_another_text_has_are_cut_from_the_worse_one() -> None:
    run = numbered(0, SPAN)
    worse = f"Before it. {run}! After it."
    assert cut([f"One {run} two", worse], SPAN) == [[], [(11, 11 + len(run))]]


def test_fortynine_words_stay() -> None:
    run = numbered(0, SPAN - 1)
    assert cut([f"One {run} two", f"Before it. {run}! After it."], SPAN) == [[], []]


def test_without_a_first_that_stays_all_are_cut() -> None:
    run = numbered(0, SPAN)
    assert cut([f"One {run}", run, "One"], SPAN, keep_first=False) == [
        [(4, 4 + len(run))], [(0, len(run))], [],
    ]  # fmt: skip


def test_a_stretch_that_repeats_in_one_text_stays_where_it_stands_first() -> None:
    assert cut(["a b c d, x a b c d y"], 4) == [[(11, 18)]]
    assert cut(["a b c, x a b c y"], 4) == [[]]


def test_stretches_that_overlap_or_touch_are_one_span() -> None:
    assert cut(["a b c d e f", "x a b c d e f"], 4) == [[], [(2, 13)]]
    assert cut(["a b c d", "e f g h", "a b c d e f g h"], 4) == [[], [], [(0, 15)]]
    assert cut(["a b c d", "e f g h", "a b c d x e f g h"], 4) == [[], [], [(0, 7), (10, 17)]]


def test_a_run_of_one_word_overlaps_itself_and_stays_up_to_twice_the_span() -> None:
    for num_words in (4, 5, 7):
        assert fast_spans(["a " * num_words], [0], 4) == [[]]
    assert fast_spans(["a " * 8], [0], 4) == [[4, 5, 6, 7]]
    assert fast_spans(["a " * 9], [0], 4) == [[4, 5, 6, 7, 8]]


def test_a_run_of_one_word_goes_whole_where_a_better_text_has_it() -> None:
    assert fast_spans(["a " * 5, "b a a a a a a c"], [0, 1], 4) == [[], [1, 2, 3, 4, 5, 6]]
    assert fast_spans(["a " * 4, "a " * 5], [1, 0], 4) == [[0, 1, 2, 3], []]
    assert fast_spans(["a " * 5], [0], 4, keep_first=False) == [[0, 1, 2, 3, 4]]
    assert fast_spans(["a " * 4], [0], 4, keep_first=False) == [[]]


def test_words_are_those_of_the_normal_form_and_characters_those_of_the_text() -> None:
    best = "Größe allein, sagt 李白, ist nicht alles"
    worse = "«Ünnütz»:\n\nGRÖSSE  -\n\tgröße\nAllein sagt\n李白\nIst (nicht) ALLES; 🙂 ja"
    ((), ((start, end),)) = cut([best, worse], 7)
    assert worse[start:end] == "größe\nAllein sagt\n李白\nIst (nicht) ALLES"


def test_a_texts_chunks_and_slices_change_nothing() -> None:
    texts = ["ß a b c d", None, "", "é a b c d", "a b c d"]
    whole = pa.array(["a b c d", *texts], pa.string())[1:]
    for column in (whole, pa.chunked_array([whole[:2], whole[2:2], whole[2:]])):
        offsets, starts, ends = find_repeats(column, order_of([0, 1, 2, 3, 4]), span=4)
        assert (offsets.tolist(), starts.tolist(), ends.tolist()) == (
            [0, 0, 0, 0, 1, 2], [1, 0], [5, 4],
        )  # fmt: skip
        found = character_spans(column, split_words(column), offsets, starts, ends)
        assert [part.tolist() for part in found] == [[2, 0], [9, 7]]


@pytest.mark.parametrize("texts", [[], [None], ["", "?!"], ["a b c"]])
def test_texts_shorter_than_a_span_have_no_fingerprint(texts: list[str | None]) -> None:
    words = split_words(pa.array(texts, pa.string()))
    keys, rows, positions = fingerprints(words.hashes, words.offsets, span=4)
    assert [len(keys), len(rows), len(positions)] == [0, 0, 0]
    assert fast_spans(texts, list(range(len(texts))), 4) == [[] for _ in texts]


def test_a_span_of_no_words_is_refused() -> None:
    with pytest.raises(ValueError, match="spans of 0 words: expected at least 1"):
        fingerprint_size(0)
    assert [fingerprint_size(span) for span in (1, 2, 3, 50)] == [1, 1, 2, 25]


@pytest.mark.parametrize("span", [1, 2])
def test_the_shortest_spans_are_found_too(span: int) -> None:
    texts: list[str | None] = ["a b c", "b c", "d"]
    assert fast_spans(texts, [0, 1, 2], span) == [[], [0, 1], []]


def test_a_key_is_repeated_where_it_occurs_twice() -> None:
    assert repeated(np.array([7, 1, 7, 2, 7, 2], np.uint64)).tolist() == [
        True, False, True, True, True, True,
    ]  # fmt: skip
    assert repeated(np.empty(0, np.uint64)).tolist() == []


def test_no_record_gives_no_answer() -> None:
    none = np.empty(0, np.uint64)
    order, positions = np.empty((0, 4), np.uint64), np.empty(0, np.int64)
    for keep_first in (True, False):
        later = later_occurrences(none, none, order, positions, span=4, keep_first=keep_first)
        assert later.tolist() == []
    offsets, starts, ends = merge_spans(positions, positions, span=4, num_documents=2)
    assert (offsets.tolist(), starts.tolist(), ends.tolist()) == ([0, 0, 0], [], [])


def test_spans_that_one_hash_takes_for_equal_the_other_tells_apart() -> None:
    """Equal sums of the first polynomial: one more of a word's base, one base less of the next."""
    base = 0x9FB21C651E98DF2B
    hashes = np.array([5, 7 + base, 6, 7], np.uint64)
    offsets = np.array([0, 2, 4])
    marked = fingerprints(hashes, offsets, span=2)[1:]
    a, b, rows, positions = candidate_spans(hashes, offsets, *marked, span=2)
    assert a[0] == a[1]
    assert b[0] != b[1]
    later = later_occurrences(a, b, order_of([0, 1])[rows], positions, span=2)
    assert later.tolist() == [False, False]


def test_ten_thousand_different_words_repeat_nothing() -> None:
    texts: list[str | None] = [numbered(100 * i, 100) for i in range(100)]
    assert fast_spans(texts, list(range(100)), 5) == [[]] * 100


def test_the_answer_is_that_of_plain_python_at_the_papers_length() -> None:
    rng = random.Random(3)
    pool = [f"w{i}" for i in range(200)]
    passages = [rng.choices(pool, k=rng.randrange(30, 90)) for _ in range(12)]
    texts: list[str | None] = [
        " ".join(word for passage in rng.choices(passages, k=4) for word in passage)
        for _ in range(30)
    ]
    ranks = rng.sample(range(30), 30)
    found = fast_spans(texts, ranks, SPAN)
    assert found == slow_spans(texts, ranks, SPAN)
    assert sum(map(len, found)) > 1000


@given(TEXTS, SPANS, st.booleans(), st.randoms(use_true_random=False))
def test_the_answer_is_that_of_plain_python(
    texts: list[str | None], span: int, keep_first: bool, rng: random.Random
) -> None:
    ranks = rng.sample(range(81), len(texts))
    expected = slow_spans(texts, ranks, span, keep_first)
    assert fast_spans(texts, ranks, span, keep_first) == expected


@given(TEXTS, SPANS)
def test_what_is_cut_without_a_first_is_what_a_suffix_array_says(
    texts: list[str | None], span: int
) -> None:
    if texts:
        ranks = list(range(len(texts)))
        expected = suffix_array_words(texts, span)
        assert fast_spans(texts, ranks, span, keep_first=False) == expected


@given(TEXTS, SPANS)
def test_fingerprints_are_those_of_plain_python(texts: list[str | None], span: int) -> None:
    words = split_words(pa.array(texts, pa.large_string()))
    keys, rows, positions = fingerprints(words.hashes, words.offsets, span=span)
    found = zip(rows.tolist(), positions.tolist(), keys.tolist(), strict=True)
    assert list(found) == slow_fingerprints(texts, span)


@given(TEXTS, SPANS)
def test_equal_runs_have_an_equal_fingerprint_at_the_same_place(
    texts: list[str | None], span: int
) -> None:
    words = split_words(pa.array(texts, pa.large_string()))
    keys, *places = fingerprints(words.hashes, words.offsets, span=span)
    selected = dict(zip(zip(*map(np.ndarray.tolist, places), strict=True), keys, strict=True))
    last = span - fingerprint_size(span)
    runs = defaultdict(list)
    for row, document in enumerate(map(words_of, texts)):
        for begin in range(len(document) - span + 1):
            own = {(at, selected.get((row, begin + at))) for at in range(last + 1)}
            runs[tuple(document[begin : begin + span])].append(own)
    for fingerprints_of_each in runs.values():
        shared = set.intersection(*fingerprints_of_each)
        assert any(key is not None for _, key in shared)


@given(TEXTS, SPANS, st.data())
def test_candidates_are_the_runs_whose_fingerprint_is_marked(
    texts: list[str | None], span: int, data: st.DataObject
) -> None:
    words = split_words(pa.array(texts, pa.large_string()))
    _, rows, positions = fingerprints(words.hashes, words.offsets, span=span)
    drawn = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    marked = np.array(drawn, bool)
    a, b, *places = candidate_spans(
        words.hashes, words.offsets, rows[marked], positions[marked], span=span
    )
    expected = []
    is_marked = set(zip(rows[marked].tolist(), positions[marked].tolist(), strict=True))
    for row, document in enumerate(np.split(words.hashes, words.offsets[1:-1])[: len(texts)]):
        for begin in range(len(document) - span + 1):
            run = document[begin : begin + span]
            own = fingerprints(run, np.array([0, span]), span=span)[2].item()
            if (row, begin + own) in is_marked:
                expected.append((*slow_hashes(run.tolist()), row, begin))
    columns = (column.tolist() for column in (a, b, *places))
    assert list(zip(*columns, strict=True)) == expected


@given(TEXTS, SPANS, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(
    texts: list[str | None], span: int, rng: random.Random
) -> None:
    rows = rng.sample(range(len(texts)), len(texts))
    found = fast_spans(texts, list(range(len(texts))), span)
    assert fast_spans([texts[row] for row in rows], rows, span) == [found[row] for row in rows]


@given(TEXTS, SPANS)
def test_a_word_is_cut_only_with_a_run_that_stands_whole_in_a_better_place(
    texts: list[str | None], span: int
) -> None:
    documents = [words_of(text) for text in texts]
    for row, words in enumerate(fast_spans(texts, list(range(len(texts))), span)):
        for at in words:
            begins = range(max(at - span + 1, 0), min(at, len(documents[row]) - span) + 1)
            runs = [(documents[row][b : b + span], b) for b in begins]
            assert any(
                documents[better][b : b + span] == run
                for run, begin in runs
                for better in range(row + 1)
                for b in range(begin - span + 1 if better == row else len(documents[better]))
            )


@given(TEXTS, SPANS)
def test_what_is_left_has_no_run_twice_but_one_that_overlaps_itself(
    texts: list[str | None], span: int
) -> None:
    whole = defaultdict(list)
    cuts = fast_spans(texts, list(range(len(texts))), span)
    for row, (text, words) in enumerate(zip(texts, cuts, strict=True)):
        document = words_of(text)
        for begin in range(len(document) - span + 1):
            if not set(words) & set(range(begin, begin + span)):
                whole[tuple(document[begin : begin + span])].append((row, begin))
    for places in whole.values():
        (first_row, first), (last_row, last) = min(places), max(places)
        assert first_row == last_row
        assert last - first < span


@given(st.permutations(range(5)), st.lists(st.integers(0, 9), min_size=5, max_size=5), SPANS)
def test_of_one_run_the_best_document_loses_nothing(
    ranks: list[int], num_words_before: list[int], span: int
) -> None:
    run = numbered(0, span)
    texts: list[str | None] = [
        f"{numbered(100 * row, num)} {run} {numbered(100 * row + 50, 9)}"
        for row, num in enumerate(num_words_before, start=1)
    ]
    expected = [
        list(range(num, num + span)) if rank else []
        for rank, num in zip(ranks, num_words_before, strict=True)
    ]
    assert fast_spans(texts, ranks, span) == expected


@given(st.lists(st.text(alphabet="aé李ก\u0e31\u0301 ,\n🙂", max_size=25), max_size=4), SPANS)
def test_cuts_are_of_whole_words_of_the_text_as_it_lies(texts: list[str], span: int) -> None:
    found = fast_spans([*texts], list(range(len(texts))), span)
    for text, spans, cut_words in zip(texts, cut([*texts], span), found, strict=True):
        words, before = words_of(text), 0
        kept = [i for i in range(len(words)) if i not in cut_words]
        left: list[str] = []
        for start, end in spans:
            left += words_of(text[before:start])
            assert words_of(text[:start]) + words_of(text[start:end]) == words_of(text[:end])
            before = end
        assert left + words_of(text[before:]) == [words[i] for i in kept]
