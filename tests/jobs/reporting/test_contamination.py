"""What the page on contamination gathers: the worst first, the right marks, a bounded size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from corpus.storage import Store
from jobs.report import ReportSettings
from jobs.reporting.contamination import (
    AROUND,
    FIELD_CHARACTERS,
    MATCH_CHARACTERS,
    excerpt,
    gather_contamination,
    window,
)
from jobs.reporting.contamination_facts import (
    EXEMPT,
    FOUND,
    PLAIN,
    ContaminationFacts,
    ItemCounts,
    ItemTexts,
    Marked,
    Passage,
    Piece,
)
from tests.tables import write_table

RIDDLE = "What has Roots, as nobody sees;\nis taller than trees?"
ANSWER = "up up up it goes, and yet never grows"
LICENCE = "permission is hereby granted free of charge"
LONG = "lead " * 60

DOCUMENTS = [
    f"{LONG}WHAT HAS ROOTS: as nobody sees is taller than trees! {ANSWER} {LONG}",
    f"{ANSWER}. {ANSWER}.",
    f"Ünïcode — {ANSWER}",
]


def doc_id(number: int) -> bytes:
    return bytes([number]) * 16


def hit(number: int, found: str, item_id: str, field: str, num_ngrams: int, **more: Any) -> dict:
    start = DOCUMENTS[number].index(found) + more.pop("skip", 0)
    return {
        "doc_id": doc_id(number), "start": start, "end": start + len(found), "benchmark": "hobbit",
        "item_id": item_id, "field": field, "num_ngrams": num_ngrams, "ngram": "any",
        "document_frequency": 3, "exempt": False, **more,
    }  # fmt: skip


def ngram(words: str, documents: int, item_id: str, *, exempt: bool = False) -> dict[str, Any]:
    return {"ngram": words, "num_documents": documents, "num_items": 1, "benchmark": "hobbit",
            "item_id": item_id, "exempt": exempt}  # fmt: skip


def item(item_id: str, how: str | None, found: int, covered: int, **more: Any) -> dict[str, Any]:
    return {"benchmark": "hobbit", "item_id": item_id, "ngram_size": 5, "num_words": 18,
            "num_ngrams": 10, "num_found": found, "num_exempt": 0, "num_covered": covered,
            "dirty": how is not None, "how": how, "fields": []} | more  # fmt: skip


def text(item_id: str, field: str, said: str) -> dict[str, Any]:
    return {"benchmark": "hobbit", "item_id": item_id, "field": field, "text": said,
            "ngram_size": 5}  # fmt: skip


MATCHES = [
    [hit(0, "WHAT HAS ROOTS: as nobody sees is taller than trees", "riddle", "question", 5),
     hit(0, ANSWER, "riddle", "answer", 4)],
    [],
    [hit(1, ANSWER, "riddle", "answer", 4), hit(1, ANSWER, "riddle", "answer", 4, skip=39),
     hit(2, ANSWER, "riddle", "answer", 4), hit(2, "up up up it goes", "half", "question", 1)],
]  # fmt: skip


def write(root: Path, parts: list[list[dict[str, Any]]]) -> Store:
    store = Store(str(root))
    counts = {"benchmark": "hobbit", "ngram_size": 5, "num_items": 6, "num_dirty": 4,
              "num_near_whole": 1, "num_quote": 2, "num_template": 1, "num_too_short": 1,
              "num_ngrams": 50, "num_ngrams_found": 9}  # fmt: skip
    write_table(store, "benchmarks", [[counts]])
    write_table(store, "benchmark_items", [[
        item("10", None, 0, 0), item("short", None, 0, 0, num_ngrams=0), item("9", None, 0, 0),
        item("boiler", "template", 3, 9, num_exempt=3), item("half", "quote", 1, 5),
        item("most", "quote", 2, 9), item("riddle", "near_whole", 9, 18),
    ]])  # fmt: skip
    write_table(store, "benchmark_texts", [[
        text("10", "question", "clean"), text("short", "question", "too short"),
        text("9", "question", "clean"), text("boiler", "question", f"{LICENCE} to you"),
        text("half", "question", f"{LICENCE}: up up up it goes"), text("most", "question", "?"),
        text("riddle", "question", RIDDLE), text("riddle", "answer", ANSWER),
    ]])  # fmt: skip
    words = RIDDLE.lower().replace(",", "").replace(";", "").replace("?", "").split()
    ups = ANSWER.replace(",", "").split()
    rows = [ngram("permission is hereby granted free", 40, "half", exempt=True)]
    rows += [ngram("up up up it goes", 3, "half")]
    rows += [ngram(" ".join(ups[k : k + 5]), 3, "riddle") for k in range(1, 5)]
    rows += [ngram(" ".join(words[k : k + 5]), 1, "riddle") for k in range(len(words) - 4)]
    write_table(store, "benchmark_ngrams", [rows])
    write_table(store, "hits", parts)
    verdicts = [
        {"doc_id": doc_id(0), "keep": True, "pieces": [{"start": 0, "end": 300}]},
        {"doc_id": doc_id(1), "keep": False, "reason": "nothing_left", "pieces": []},
        {"doc_id": doc_id(2), "keep": True, "pieces": [{"start": 0, "end": 11}]},
    ]
    write_table(store, "contamination", [verdicts])
    documents = [
        {
            "doc_id": doc_id(n),
            "keep": True,
            "source": "web",
            "url": f"http://a.example/{n}",
            "text": said,
        }
        for n, said in enumerate(DOCUMENTS)
    ]
    write_table(store, "documents", [documents[:1], [], documents[1:]])
    return store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return write(tmp_path, MATCHES)


def gathered(store: Store, **settings: int) -> ContaminationFacts:
    facts = gather_contamination(store, ReportSettings(**settings))
    assert facts is not None
    return facts


def texts_of(facts: ContaminationFacts, item_id: str) -> ItemTexts:
    texts = counts_of(facts, item_id).texts
    assert texts is not None
    return texts


def counts_of(facts: ContaminationFacts, item_id: str) -> ItemCounts:
    return next(one for one in facts.items if one.item_id == item_id)


def test_the_worst_item_comes_first_and_clean_ones_are_ids(store: Store):
    facts = gathered(store)
    assert [(one.item_id, one.how) for one in facts.items] == [
        ("riddle", "near_whole"), ("most", "quote"), ("half", "quote"), ("boiler", "template"),
        ("short", "too_short"),
    ]  # fmt: skip
    assert facts.clean == [("hobbit", ["10", "9"])]
    assert facts.num_unlisted == 0
    assert facts.benchmarks[0].num_ngrams_found == 9


def test_hits_and_their_documents_are_counted(store: Store):
    facts = gathered(store, num_passages=1)
    counts = [(one.item_id, one.num_hits, one.num_documents) for one in facts.items]
    assert counts[:4] == [("riddle", 5, 3), ("most", 0, 0), ("half", 1, 1), ("boiler", 0, 0)]


def test_every_word_of_a_found_ngram_is_marked(store: Store):
    facts = gathered(store)
    question, answer = texts_of(facts, "riddle").fields
    assert question == ("question", [Piece(FOUND, RIDDLE.rstrip("?")), Piece(PLAIN, "?")])
    assert answer == ("answer", [Piece(FOUND, ANSWER)])


def test_words_that_stay_are_marked_apart(store: Store):
    first = " ".join(LICENCE.split()[:5])
    rest = " ".join(LICENCE.split()[5:])
    (field,) = texts_of(gathered(store), "half").fields
    assert field[1] == [
        Piece(EXEMPT, first), Piece(PLAIN, f" {rest}: "), Piece(FOUND, "up up up it goes"),
    ]  # fmt: skip


def test_a_word_that_is_removed_and_exempt_is_marked_as_removed(store: Store):
    store.remove("benchmark_ngrams")
    rows = [
        ngram("permission is hereby granted free", 40, "half", exempt=True),
        ngram("is hereby granted free of", 2, "half"),
        ngram("hereby granted free of charge", 40, "half", exempt=True),
    ]
    write_table(store, "benchmark_ngrams", [rows])
    (field,) = texts_of(gathered(store), "boiler").fields
    assert field[1] == [
        Piece(EXEMPT, "permission"), Piece(PLAIN, " "), Piece(FOUND, "is hereby granted free of"),
        Piece(PLAIN, " "), Piece(EXEMPT, "charge"), Piece(PLAIN, " to you"),
    ]  # fmt: skip


def test_an_item_names_its_frequent_ngrams_and_where_they_are_listed(store: Store):
    (named,) = texts_of(gathered(store), "boiler").frequent
    assert (named.words, named.num_documents, named.item_id, named.exempt) == (
        "permission is hereby granted free", 40, "half", True,
    )  # fmt: skip


def places(passages: list[Passage]) -> list[tuple[str, int, int]]:
    return [(one.field, int(one.doc_id[:2], 16), one.start) for one in passages]


def test_fields_take_turns_and_a_documents_second_match_comes_last(store: Store):
    first = DOCUMENTS[0].index("WHAT"), DOCUMENTS[0].index(ANSWER)
    order = [("question", 0, first[0]), ("answer", 0, first[1]), ("answer", 1, 0),
             ("answer", 2, 10), ("answer", 1, 39)]  # fmt: skip
    for limit in range(1, 6):
        passages = texts_of(gathered(store, num_passages=limit), "riddle").passages
        assert places(passages) == order[:limit]


def test_passages_that_stay_as_boilerplate_come_last(tmp_path: Path):
    exempt = [hit(0, ANSWER, "riddle", "answer", 9, exempt=True),
              hit(0, ANSWER[:20], "riddle", "answer", 1)]  # fmt: skip
    found = [hit(1, ANSWER, "riddle", "answer", 4), hit(1, ANSWER, "riddle", "answer", 3, skip=39)]
    store = write(tmp_path, [exempt, [], found])
    for limit in range(1, 5):
        passages = texts_of(gathered(store, num_passages=limit), "riddle").passages
        assert [(one.exempt, one.num_ngrams) for one in passages] == [
            (False, 4), (False, 1), (False, 3), (True, 9),
        ][:limit]  # fmt: skip


def test_passages_do_not_depend_on_the_parts(store: Store, tmp_path: Path):
    rows = [row for part in MATCHES for row in part]
    other = write(tmp_path / "other", [rows[4:], rows[:4][::-1]])
    for limit in (1, 2, 3, 5):
        assert gathered(store, num_passages=limit) == gathered(other, num_passages=limit)


def test_a_passage_has_the_match_its_place_and_what_stands_around_it(store: Store):
    passage = texts_of(gathered(store), "riddle").passages[3]
    assert (passage.source, passage.url) == ("web", "http://a.example/2")
    assert passage.text == [Piece(PLAIN, "Ünïcode — "), Piece(FOUND, ANSWER)]
    longest = texts_of(gathered(store), "riddle").passages[0].text
    assert longest[0] == Piece(PLAIN, "… " + LONG[-AROUND:])
    assert len(longest[2].text) == AROUND + 2


def test_a_passage_says_what_became_of_it(store: Store):
    passages = texts_of(gathered(store), "riddle").passages
    assert [(int(one.doc_id[:2], 16), one.fate) for one in passages] == [
        (0, "cut"), (0, "cut"), (1, "nothing_left"), (2, "stays"), (1, "nothing_left"),
    ]  # fmt: skip


def test_a_self_test_is_read_where_there_is_one(store: Store):
    assert gathered(store).self_test == {}
    store.write(b"{}", "contamination_self_test", "manifest.json")
    store.write(b'{"kinds": []}', "contamination_self_test", "self_test.json")
    assert gathered(store).self_test == {"kinds": []}


def test_a_full_page_has_the_texts_of_the_worst_alone(store: Store):
    costs = {one.item_id: cost(one) for one in gathered(store).items}
    room = costs["riddle"] + costs["most"]
    assert [one.texts is not None for one in gathered(store, contamination_characters=room).items
            ] == [True, True, False, False, False]  # fmt: skip
    full = gathered(store, contamination_characters=room - 1)
    assert [one.texts is not None for one in full.items] == [True, *[False] * 4]
    assert [one.num_found for one in full.items] == [9, 2, 1, 3, 0]


def cost(one: ItemCounts) -> int:
    assert one.texts is not None
    fields = sum(len(piece.text) for _, marked in one.texts.fields for piece in marked)
    matches = sum(passage.end - passage.start for passage in one.texts.passages)
    return fields + matches + 2 * AROUND * len(one.texts.passages)


def test_items_beyond_the_limit_are_counted(store: Store):
    facts = gathered(store, num_items=6)
    assert (facts.clean, facts.num_unlisted) == ([("hobbit", ["10"])], 1)
    assert (len(gathered(store, num_items=2).items), gathered(store, num_items=2).clean) == (2, [])


def test_ngrams_are_listed_and_counted(store: Store):
    facts = gathered(store, num_ngrams=2)
    assert [one.num_documents for one in facts.ngrams] == [40, 3]
    assert (facts.num_ngrams, facts.num_exempt) == (12, 1)


def test_a_run_without_benchmarks_has_no_facts(store: Store):
    store.remove("benchmarks")
    write_table(store, "benchmarks", [[]])
    assert gather_contamination(store, ReportSettings()) is None


def test_a_long_match_is_cut():
    said = "a" * 500 + "b" * 5_000 + "c" * 500
    shown = excerpt(said, 500, 5_500, exempt=True)
    assert shown == [Piece(PLAIN, "… " + "a" * AROUND), Piece(EXEMPT, "b" * MATCH_CHARACTERS),
                     Piece(PLAIN, " …")]  # fmt: skip


def test_a_long_field_is_shown_from_before_what_was_found():
    long: Marked = [Piece(PLAIN, "a" * 9_000), Piece(FOUND, "b" * 100), Piece(PLAIN, "c" * 9_000)]
    shown = window(long)
    assert [(piece.kind, len(piece.text)) for piece in shown] == [
        (PLAIN, 2), (PLAIN, 500), (FOUND, 100), (PLAIN, FIELD_CHARACTERS - 600), (PLAIN, 2),
    ]  # fmt: skip
    assert window([Piece(PLAIN, "d" * FIELD_CHARACTERS)]) == [Piece(PLAIN, "d" * FIELD_CHARACTERS)]
    ends = window([Piece(PLAIN, "e" * FIELD_CHARACTERS), Piece(FOUND, "f")])
    assert [piece.text[:1] for piece in ends] == ["…", "e", "f"]
