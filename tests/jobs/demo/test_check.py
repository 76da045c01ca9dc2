"""Each rule of the check finds what was done as promised, and misses what was not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobs.demo.check import RULES, Outcome, Tables, missed_lines
from jobs.demo.plants import KINDS, Plant

HERE, THERE = "http://a.example/1", "http://b.example/2"
KEYS = {HERE: "example,a)/1", THERE: "example,b)/2"}
ID, OTHER = b"a" * 16, b"b" * 16
QUESTION = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
TEXTS = {ID: "the same words in both texts here", OTHER: "the same words in both texts here"}


class FakeTables(Tables):
    """Tables of two documents, with what a test says of them."""

    def text(self, part: int, doc_id: bytes) -> str:
        return str(self.__dict__["texts"][doc_id])

    def pieces(self, part: int, doc_id: bytes) -> list[str]:
        return [self.text(part, doc_id)]


def tables(**given: Any) -> FakeTables:
    made = FakeTables(store=None, folder=Path(), threshold=0.8, shingle=3)  # type: ignore[arg-type]
    both = {ID, OTHER}
    made.__dict__.update(
        {
            "documents": {KEYS[HERE]: [(0, ID)], KEYS[THERE]: [(0, OTHER)]},
            "kept": {name: both for name in ("screen", "quality", "dedup", "contamination", "mix")},
            "clusters": {ID: ID, OTHER: OTHER},
            "hits": set(),
            "dirty": set(),
            "questions": {"q": QUESTION},
            "fetches": {},
            "requests": set(),
            "reasons": {"damaged_record": 0, "truncated_record": 0},
            "archive_is_whole": True,
            "texts": TEXTS,
        }
        | given
    )
    return made


def held(kind: str, detail: str = "", **given: Any) -> bool | None:
    return RULES[kind](tables(**given), Plant(kind=kind, url=HERE, partner=THERE, detail=detail))


def kept(stage: str, *ids: bytes) -> dict[str, Any]:
    return {"kept": tables().kept | {stage: set(ids)}}


def test_there_is_a_rule_for_every_kind():
    assert set(RULES) == set(KINDS)


@pytest.mark.parametrize("kind", ["mirrored page", "edited page", "manual page"])
def test_of_two_copies_one_may_survive(kind: str):
    assert not held(kind)
    assert held(kind, **kept("dedup", OTHER))
    assert held(kind, **kept("dedup"))


@pytest.mark.parametrize("kind", ["mirrored page", "edited page", "manual page", "rewritten page"])
def test_copies_that_never_came_to_dedup_are_gone(kind: str):
    assert held(kind, clusters={ID: ID}) is None


def test_two_texts_that_are_no_duplicates_by_the_recipe_may_both_survive():
    assert held("edited page", texts=TEXTS | {OTHER: "quite another text than the first"})


def test_a_rewritten_page_is_in_no_cluster_with_its_original():
    assert held("rewritten page")
    assert not held("rewritten page", clusters={ID: ID, OTHER: ID})


@pytest.mark.parametrize("kind", ["junk page", "foreign page"])
def test_unwanted_pages_fall_at_the_screen(kind: str):
    assert held(kind, **kept("screen", OTHER))
    assert not held(kind)
    assert not held(kind, documents={})


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({}, False),  # no match recorded
        ({"hits": {(ID, "q")}}, True),
        ({"hits": {(ID, "q")}, "texts": {ID: f"Oh: {QUESTION.upper()}!"}}, False),  # and left in
        (kept("dedup", OTHER), None),
        ({"documents": {}}, None),
    ],
)
def test_a_passage_is_found_and_nothing_of_it_goes_on(given: dict[str, Any], answer: bool | None):
    assert held("benchmark passage", "verbatim q", **given) is answer


def test_a_clean_item_is_not_dirty():
    assert held("clean item", "q")
    assert not held("clean item", "q", dirty={"q"})


@pytest.mark.parametrize(
    ("detail", "reasons", "is_whole", "answer"),
    [
        ("cut", {"truncated_record": 1}, True, True),
        ("cut", {"truncated_record": 0}, True, False),
        ("cut", {"truncated_record": 1}, False, False),
        ("bit flip", {"damaged_record": 2}, True, True),
        ("bit flip", {"damaged_record": 1}, True, False),
    ],
)
def test_damage_is_counted_and_costs_nothing_else(
    detail: str, reasons: dict[str, int], is_whole: bool, answer: bool,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    planted = [Plant(kind="damaged record", url="", detail=d) for d in ("cut", *["bit flip"] * 2)]
    monkeypatch.setattr("jobs.demo.check.read_plants", lambda folder: planted)
    assert held("damaged record", detail, reasons=reasons, archive_is_whole=is_whole) is answer


@pytest.mark.parametrize(
    ("kind", "detail", "fetch", "answer"),
    [
        ("dead link", "missing", ("failed", "http_status"), True),
        ("dead link", "missing", ("failed", "too_many_redirects"), False),
        ("dead link", "redirect loop", ("failed", "too_many_redirects"), True),
        ("dead link", "missing", None, False),
        ("forbidden page", "", ("failed", "robots_denied"), True),
        ("forbidden page", "", ("crawled", None), False),
        ("moved page", "", ("crawled", None), True),
        ("moved page", "", ("failed", "http_status"), False),
        ("low karma", "", None, True),
        ("low karma", "", ("crawled", None), False),
        ("high karma", "", ("captured", None), True),
        ("high karma", "", None, False),
    ],
)
def test_links_end_as_promised(
    kind: str, detail: str, fetch: tuple[str, str | None] | None, answer: bool
):
    fetches = {KEYS[HERE]: fetch} if fetch else {}
    assert held(kind, detail, fetches=fetches) is answer


@pytest.mark.parametrize("kind", ["forbidden page", "low karma"])
def test_what_was_asked_for_was_not_left_alone(kind: str):
    fetches = {KEYS[HERE]: ("failed", "robots_denied")} if kind == "forbidden page" else {}
    assert not held(kind, fetches=fetches, requests={KEYS[HERE]})


def test_a_promise_must_have_been_put_to_the_test():
    assert Outcome(kind="low karma", planted=2, gone=1).is_kept
    assert not Outcome(kind="low karma", planted=2, gone=2).is_kept
    assert not Outcome(kind="low karma", planted=2, missed=[Plant(kind="", url="")]).is_kept


def test_missed_plants_are_told_a_few_of_each_kind():
    plants = [Plant(kind="low karma", url=f"http://a.example/{n}") for n in range(9)]
    outcome = Outcome(kind="low karma", planted=10, missed=plants)
    assert outcome.found == 1
    lines = missed_lines([outcome], limit=2)
    assert lines == [f"missed: kind=low karma url=http://a.example/{n}" for n in range(2)]
