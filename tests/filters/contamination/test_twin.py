"""The plain twin: right by hand, and one with the stage on made-up documents for every rule."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from corpus.schemas import table_named
from corpus.words import normalise
from filters.contamination import EVERY, PUBLISHED, Rule
from filters.contamination.cuts import CUT_INTO_TOO_MANY_PIECES, NOTHING_LEFT, WHOLE, judge
from filters.contamination.index import build_index, find
from filters.contamination.twin import Ngram, Words, plain_find, plain_matches, plain_verdict

ITEM = "the quick brown fox jumps over the lazy dog"
CUT = Rule(window_characters=5, min_piece_characters=10, max_pieces=2)


def words(text: str, size: int) -> Words:
    return Words(normalise(text).split(), size)


def test_ngrams_are_found_where_they_stand():
    texts = [words(ITEM, 4), words("fox jumps over the moon", 4), words("brown fox", 2)]
    document = "So, the QUICK brown fox; jumps - over the!"
    (found,) = plain_find([document], texts)
    at = {ngram.words: (document[ngram.start : ngram.end], own) for ngram, own in found.items()}
    assert at == {
        "the quick brown fox": ("the QUICK brown fox", {0}),
        "quick brown fox jumps": ("QUICK brown fox; jumps", {0}),
        "brown fox jumps over": ("brown fox; jumps - over", {0}),
        "fox jumps over the": ("fox; jumps - over the", {0, 1}),
        "brown fox": ("brown fox", {2}),
    }
    assert plain_find(["nothing of it", ""], texts) == [{}, {}]
    assert plain_find([document], []) == [{}]


def test_what_overlaps_or_touches_of_one_text_is_one_match():
    spans = [(0, 9), (4, 12), (12, 20), (21, 25)]
    found = {Ngram(*span, f"n{k}"): {0, 1} if k == 1 else {0} for k, span in enumerate(spans)}
    assert plain_matches(found, ()) == {(0, 20, 0), (21, 25, 0), (4, 12, 1)}
    assert plain_matches(found, {"n1", "n3"}) == {(0, 9, 0), (12, 20, 0)}


def verdict(document: str, *spans: tuple[int, int], rule: Rule = CUT, exempt=(), texts=None):
    texts = texts or [words("a b", 2)]
    found = {Ngram(*span, "a b"): {0} for span in spans}
    return plain_verdict(document, found, texts, exempt, rule)


def test_cuts_by_hand():
    assert verdict("x" * 100) == ([(0, 100)], None)
    assert verdict("x" * 100, (40, 50)) == ([(0, 35), (55, 100)], None)
    assert verdict("x" * 100, (40, 50), exempt={"a b"}) == ([(0, 100)], None)
    assert verdict("x" * 100, (14, 50)) == ([(55, 100)], None)  # 9 characters are too few
    assert verdict("x" * 20, (7, 12)) == ([], NOTHING_LEFT)
    assert verdict("x" * 99, (20, 25), (60, 65)) == ([], CUT_INTO_TOO_MANY_PIECES)


def test_documents_that_go_whole_by_hand():
    rule = CUT._replace
    assert verdict("x" * 99, (0, 3), rule=rule(removal="document"))[1] == WHOLE["document"]
    texts = [words("a b c d", 2)]  # a b, b c, c d
    third = rule(removal="contained", min_share=0.5, min_ngrams=1)
    assert verdict("a b x", (0, 3), rule=third, texts=texts) == ([(0, 5)], None)
    less = third._replace(min_share=0.3)
    assert verdict("a b x", (0, 3), rule=less, texts=texts) == ([], WHOLE["contained"])
    alike = rule(removal="similar", max_ngram_size=2, min_share=0.25)  # of a b, b x and two more
    assert verdict("a b x", (0, 3), rule=alike, texts=texts) == ([], WHOLE["similar"])
    assert verdict("a b x y", (0, 3), rule=alike, texts=texts) == ([(0, 7)], None)


def test_cuts_to_sentences_by_hand():
    document = "One sentence. Another that is cut. A third! And the last"
    start = document.index("that")
    rule = CUT._replace(removal="cut_to_sentences", window_characters=1)
    kept, reason = verdict(document, (start, start + 4), rule=rule)
    assert reason is None
    assert [document[a:z] for a, z in kept] == ["One sentence.", " A third! And the last"]


RNG = random.Random(4)
SOME = [f"w{n}" for n in range(40)]
TEXTS = [" ".join(RNG.choices(SOME, k=RNG.randrange(4, 30))) for _ in range(25)]


def document() -> str:
    parts = []
    for _ in range(RNG.randrange(1, 9)):
        own = RNG.choice(TEXTS).split()
        first = RNG.randrange(len(own))
        parts.append(" ".join(own[first : first + RNG.randrange(3, 30)]).upper())
        parts.append(" ".join(RNG.choices(SOME, k=RNG.randrange(30))) + RNG.choice(".!? ,"))
    return " ".join(parts)


DOCUMENTS = [document() for _ in range(150)]


@pytest.mark.parametrize("exempts", [False, True])
@pytest.mark.parametrize("name", PUBLISHED)
def test_it_agrees_with_the_stage_under_every_rule(name, exempts):
    rule = PUBLISHED[name]._replace(
        window_characters=9, min_piece_characters=20, max_pieces=3, max_documents=EVERY,
        min_share=0.3, min_ngram_size=4, max_ngram_size=4,
    )  # fmt: skip
    each = [4, 4, 4] if rule.removal == "similar" else [3, 4, 5]
    sizes = [each[n % 3] for n in range(len(TEXTS))]
    index = build_index(TEXTS, sizes)
    column = pa.chunked_array([DOCUMENTS], pa.large_string())
    hits = find(column, index)
    texts = [words(text, size) for text, size in zip(TEXTS, sizes, strict=True)]
    found = plain_find(DOCUMENTS, texts)
    said = {(row, start, end, index.ngram(n)) for row, start, end, n in zip(*hits, strict=True)}
    assert said == {(row, *ngram) for row, own in enumerate(found) for ngram in own}
    assert len(said) > 500
    is_exempt = np.zeros(index.num_ngrams, np.bool_)
    is_exempt[::3] = exempts
    exempt = {index.ngram(n) for n in np.flatnonzero(is_exempt).tolist()}
    ids = pa.array([row.to_bytes(16, "big") for row in range(len(DOCUMENTS))], pa.binary(16))
    table = pa.table(
        {"doc_id": ids, "start": hits.start, "end": hits.end, "ngram": hits.ngram}
        | {"doc_id": ids.take(pa.array(hits.document))},
        schema=table_named("ngram_hits").arrow,
    )
    lengths = pa.array([len(text) for text in DOCUMENTS], pa.int64())
    documents = pa.table({"doc_id": ids, "num_characters": lengths, "text": column})
    judged = judge(documents, table, is_exempt, rule, index).to_pylist()
    reasons = set()
    for text, own, row in zip(DOCUMENTS, found, judged, strict=True):
        pieces = [(piece["start"], piece["end"]) for piece in row["pieces"]]
        assert plain_verdict(text, own, texts, exempt, rule) == (pieces, row["reason"])
        reasons.add(row["reason"])
    assert len(reasons) > 1 or rule.removal == "document"
