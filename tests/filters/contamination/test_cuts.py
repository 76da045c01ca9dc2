"""The removal of benchmark text: GPT-3's rules, and the traps that others fell into."""

from __future__ import annotations

import re

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.identity import doc_id_of_place
from corpus.schemas import table_named
from corpus.words import normalise
from filters.contamination import ContaminationSettings, Rule
from filters.contamination.cuts import CUT_INTO_TOO_MANY_PIECES, NOTHING_LEFT, cut, judge
from filters.contamination.index import NgramIndex, build_index, find
from filters.contamination.items import found_in_texts
from filters.contamination.matches import matches

PAPER = ContaminationSettings().rule
# 23 words, the quote that a known tool counts as eleven dirty parts.
ITEM = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma "
    "tau upsilon phi chi psi"
)


def filler(num_characters: int, start: int = 0) -> str:
    """Text that holds no N-gram twice, and ends in a blank."""
    return "".join(f"w{start + n} " for n in range(num_characters // 3))[: num_characters - 1] + " "


def remove(
    documents: list[str], items: list[str], sizes: list[int],
    rules: Rule = PAPER,
) -> tuple[list[dict], list[dict], dict, NgramIndex]:
    """The whole removal: verdicts, hits, found in items."""
    index = build_index(items, sizes)
    column = pa.array(documents, pa.large_string())
    ids = pa.chunked_array([[doc_id_of_place("t", "f", n) for n in range(len(documents))]],
                           pa.binary(16))
    found = find(column, index)
    hits = pa.table(
        {"doc_id": ids.take(pa.array(found.document)), "start": found.start, "end": found.end,
         "ngram": found.ngram},
        schema=table_named("ngram_hits").arrow,
    )
    pairs = {(int(g), int(d)) for g, d in zip(found.ngram, found.document, strict=True)}
    frequency = np.bincount([g for g, _ in pairs], minlength=index.num_ngrams)
    table = pa.table({"doc_id": ids, "num_characters": [len(text) for text in documents],
                      "text": column})
    names = pa.table({"benchmark": ["b"] * len(items), "item_id": list(map(str, range(len(items)))),
                      "field": ["text"] * len(items)})
    verdicts = judge(table, hits, frequency > rules.max_documents, rules, index)
    named = matches(hits, ids, index, names, frequency, rules)
    assert verdicts.schema == table_named("contamination").arrow
    assert named.schema == table_named("hits").arrow
    return (verdicts.to_pylist(), named.to_pylist(), found_in_texts(index, frequency, rules),
            index)  # fmt: skip


def pieces_of(verdict: dict) -> list[tuple[int, int]]:
    return [(piece["start"], piece["end"]) for piece in verdict["pieces"]]


# The readable twin: the paper's rules on strings, quadratic and plain.


def slow_spans(document: str, grams: set[tuple[str, ...]], sizes: set[int]) -> dict:
    """Each N-gram of the benchmarks in a document, with its characters."""
    words = [
        (normalise(m.group()), m.start(), m.end()) for m in re.finditer(r"[^\W_]+", document)
    ]
    spans: dict[tuple[str, ...], list[tuple[int, int]]] = {}
    for size in sizes:
        for i in range(len(words) - size + 1):
            gram = tuple(word for word, _, _ in words[i : i + size])
            if gram in grams:
                spans.setdefault(gram, []).append((words[i][1], words[i + size - 1][2]))
    return spans


def slow_remove(documents, items, sizes, rules):
    """(reason, pieces, number of matches) of each document."""
    grams = set()
    for item, size in zip(items, sizes, strict=True):
        words = normalise(item).split()
        grams |= {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}
    found = [slow_spans(document, grams, set(sizes)) for document in documents]
    frequency = {gram: sum(gram in spans for spans in found) for gram in grams}
    answers = []
    for document, spans in zip(documents, found, strict=True):
        is_match, is_cut = [False] * (len(document) + 1), [False] * len(document)
        for gram, places in spans.items():
            if frequency[gram] > rules.max_documents:
                continue
            for start, end in places:
                is_match[start:end] = [True] * (end - start)
                first = max(start - rules.window_characters, 0)
                for at in range(first, min(end + rules.window_characters, len(document))):
                    is_cut[at] = True
        pieces = [m.span() for m in re.finditer("0+", "".join("01"[c] for c in is_cut))]
        num_matches = sum(is_match[i] and not is_match[i - 1] for i in range(len(document)))
        if not num_matches:
            answers.append((None, [(0, len(document))], 0))
            continue
        long = [(a, z) for a, z in pieces if z - a >= rules.min_piece_characters]
        reason = None if long else NOTHING_LEFT
        if len(pieces) > rules.max_pieces:
            reason = CUT_INTO_TOO_MANY_PIECES
        answers.append((reason, [] if reason else long, num_matches))
    return answers


SMALL_TEXTS = st.lists(
    st.tuples(st.sampled_from("abcdé"), st.sampled_from([" ", "\n", "... "])).map("".join),
    max_size=40,
).map("".join)


@settings(max_examples=200)
@given(
    st.lists(SMALL_TEXTS, max_size=4),
    st.lists(st.tuples(SMALL_TEXTS, st.integers(2, 4)), max_size=4),
    st.integers(0, 4), st.integers(0, 4), st.integers(1, 4), st.integers(1, 3),
)
def test_the_removal_is_that_of_the_readable_twin(
    documents, items, window, least, most_pieces, most_documents
):
    rules = Rule(
        window_characters=window, min_piece_characters=least, max_pieces=most_pieces,
        max_documents=most_documents,
    )
    texts, sizes = [text for text, _ in items], [size for _, size in items]
    verdicts, _, _, _ = remove(documents, texts, sizes, rules)
    fast = [(v["reason"], pieces_of(v), v["num_matches"]) for v in verdicts]
    assert fast == slow_remove(documents, texts, sizes, rules)
    assert [v["keep"] for v in verdicts] == [v["reason"] is None for v in verdicts]


# What is cut.


def test_a_quote_goes_with_200_characters_on_either_side():
    document = filler(1000) + ITEM + " " + filler(1000, 500)
    (verdict,), hits, items, _ = remove([document], [ITEM], [13])
    start, end = 1000, 1000 + len(ITEM)
    assert pieces_of(verdict) == [(0, start - 200), (end + 200, len(document))]
    assert verdict["num_matches"] == 1
    assert hits == [
        {
            "doc_id": doc_id_of_place("t", "f", 0), "start": start, "end": end, "benchmark": "b",
            "item_id": "0", "field": "text", "num_ngrams": 11, "document_frequency": 1,
            "ngram": "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu",
            "exempt": False,
        }
    ]
    assert {name: column.tolist() for name, column in items.items()} == {
        "num_words": [23], "ngram_size": [13], "num_ngrams": [11], "num_found": [11],
        "num_exempt": [0], "num_covered": [23], "dirty": [True],
    }


@pytest.mark.parametrize(("before", "kept"), [(400, [(0, 200)]), (399, [])])
def test_a_piece_under_200_characters_is_dropped(before, kept):
    document = filler(before) + ITEM
    (verdict,), _, _, _ = remove([document], [ITEM], [13])
    assert pieces_of(verdict) == kept
    assert verdict["reason"] == (None if kept else NOTHING_LEFT)


def test_a_short_document_without_a_match_stays_whole():
    verdicts, hits, items, _ = remove(["short", ""], [ITEM], [13])
    assert [pieces_of(v) for v in verdicts] == [[(0, 5)], [(0, 0)]]
    assert all(v["keep"] and v["num_matches"] == 0 for v in verdicts)
    assert hits == []
    assert not items["dirty"].any()


@pytest.mark.parametrize(("num_quotes", "reason"), [(9, None), (10, CUT_INTO_TOO_MANY_PIECES)])
def test_a_document_cut_into_more_than_ten_pieces_goes(num_quotes, reason):
    parts = [filler(800, 300 * n) + ITEM + " " for n in range(num_quotes)]
    (verdict,), _, _, _ = remove(["".join(parts) + filler(800, 90_000)], [ITEM], [13])
    assert verdict["num_matches"] == num_quotes
    assert verdict["reason"] == reason
    assert len(verdict["pieces"]) == (10 if reason is None else 0)


def test_neighbouring_matches_share_their_window():
    document = filler(600) + ITEM + " " + filler(100, 500) + ITEM + " " + filler(600, 900)
    (verdict,), hits, _, _ = remove([document], [ITEM], [13])
    last = document.rindex("alpha") + len(ITEM)
    assert pieces_of(verdict) == [(0, 400), (last + 200, len(document))]
    assert verdict["num_matches"] == len(hits) == 2


@pytest.mark.parametrize(("num_documents", "is_exempt"), [(10, False), (11, True)])
def test_an_ngram_in_more_than_ten_documents_is_boilerplate(num_documents, is_exempt):
    documents = [filler(600, 200 * n) + ITEM for n in range(num_documents)]
    documents[0] += " " + ITEM  # twice in one document is once
    verdicts, hits, items, _ = remove(documents, [ITEM], [13])
    assert all(v["num_matches"] == (0 if is_exempt else 1 + (n == 0))
               for n, v in enumerate(verdicts))
    assert {hit["exempt"] for hit in hits} == {is_exempt}
    assert {hit["document_frequency"] for hit in hits} == {num_documents}
    assert items["num_found"].tolist() == [11]
    assert items["num_exempt"].tolist() == [11 if is_exempt else 0]


def test_a_quote_beside_boilerplate_is_still_cut():
    notice = " ".join(f"notice{n}" for n in range(20))
    documents = [filler(600, 200 * n) + notice for n in range(11)]
    documents[3] += " " + ITEM
    verdicts, _, _, _ = remove(documents, [notice, ITEM], [13, 13])
    assert [v["num_matches"] for v in verdicts] == [0, 0, 0, 1] + [0] * 7
    assert pieces_of(verdicts[3]) == [(0, documents[3].index(ITEM) - 200)]


def test_every_item_that_holds_the_passage_is_named_once():
    items = [ITEM, "unlike " * 20, ITEM + " omega", "prefix " + ITEM]
    _, hits, found, _ = remove([filler(300) + ITEM], items, [13, 13, 13, 13])
    assert [hit["item_id"] for hit in hits] == ["0", "2", "3"]
    assert {hit["num_ngrams"] for hit in hits} == {11}
    assert found["num_found"].tolist() == [11, 0, 11, 11]
    assert found["num_ngrams"].tolist() == [11, 8, 12, 12]


def test_of_boilerplate_the_first_item_alone_is_named():
    documents = [filler(300, 100 * n) + ITEM for n in range(11)]
    _, hits, _, _ = remove(documents, [ITEM, ITEM], [13, 13])
    assert [hit["item_id"] for hit in hits] == ["0"] * 11


def test_an_item_shorter_than_its_n_cannot_be_found():
    _, _, items, _ = remove(["one two three four five six seven eight"],
                            ["one two three four five six seven eight"], [9])
    assert items["num_ngrams"].tolist() == [0]
    assert items["dirty"].tolist() == [False]


# The traps of a popular re-implementation.


def test_one_verbatim_quote_of_23_words_is_one_match_not_eleven():
    document = filler(50_000) + ITEM + " " + filler(50_000, 20_000)
    (verdict,), hits, _, _ = remove([document], [ITEM], [13])
    assert (verdict["keep"], verdict["num_matches"], len(hits)) == (True, 1, 1)


@pytest.mark.parametrize(
    "spelled",
    [
        ITEM.replace(" ", " - "),
        ITEM.replace(" ", "\n"),
        ITEM.upper(),
        ITEM.title().replace(" ", "; "),
        "\u201c" + ITEM.replace(" ", " \u2014 ") + "\u2026\u201d",
        ITEM.replace(" ", "\u00a0\u3000"),
    ],
)
def test_signs_line_breaks_and_case_hide_nothing(spelled):
    document = filler(1000) + spelled + " " + filler(1000, 500)
    (verdict,), _, _, _ = remove([document], [ITEM], [13])
    letters = [i for i, c in enumerate(spelled) if c.isalnum()]
    start, end = 1000 + letters[0], 1000 + letters[-1] + 1
    assert pieces_of(verdict) == [(0, start - 200), (end + 200, len(document))]


def test_offsets_are_characters_where_the_text_before_is_not_ascii():
    before = "Grüße, 世界 𐐀𐐀 — naïve… " * 40
    document = before + ITEM + " " + filler(1000)
    (verdict,), hits, _, _ = remove([document], [ITEM], [13])
    assert document[hits[0]["start"] : hits[0]["end"]] == ITEM
    assert pieces_of(verdict)[0] == (0, len(before) - 200)


def test_a_book_loses_the_passage_and_nothing_else():
    book = filler(1_500_000) + ITEM + " " + filler(1_500_000, 400_000)
    (verdict,), _, _, _ = remove([book], [ITEM], [13])
    kept = "".join(book[a:z] for a, z in pieces_of(verdict))
    assert kept == book[: 1_500_000 - 200] + book[1_500_000 + len(ITEM) + 200 :]


# Pieces by themselves, and settings.


def test_pieces_touch_neither_matches_nor_each_other():
    answer = cut(1000, np.array([300, 310]), np.array([320, 315]), PAPER)
    assert (answer.starts.tolist(), answer.ends.tolist()) == ([520], [1000])
    assert (answer.num_matches, answer.reason) == (1, None)


@pytest.mark.parametrize(
    "table",
    [
        {"min_ngram_size": 14},
        {"min_ngram_size": 0},
        {"length_percentile": 101.0},
        {"measured_ngram_size": 0},
        {"false_positive_rate": 0.0},
        {"max_documents": -1},
        {"max_pieces": 0},
        {"min_share": 0.0},
        {"min_ngrams": 0},
        {"max_ngram_size": 256},
        {"removal": "similar"},
        {"published": "nobody"},
        {"fields": ["title"]},
        {"benchmarks": {"x": {"files": []}}},
        {"benchmark": {}},
    ],
)
def test_settings_without_a_meaning_are_refused(table):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(table, ContaminationSettings)
