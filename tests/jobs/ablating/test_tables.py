"""Which texts each row is of, and the figures of a row."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from jobs.ablating.tables import ALL, DROPPED, SEEN, UNSEEN, compare, row_texts
from jobs.ablating.texts import BENCHMARK, DOCUMENT, HeldText

SIDES = [SimpleNamespace(name=name) for name in ("a", "b", "c")]
EVERYONE = frozenset("abc")


def text(kind: str, group: str, *, held_by: str = "abc", found_on: str = "", words: str = "four"):
    return HeldText(
        kind=kind, group=group, text_id=f"{kind}/{group}", pieces=(words,),
        held_by=frozenset(held_by), found_on=frozenset(found_on),
    )  # fmt: skip


TEXTS = [
    text(DOCUMENT, "books"),
    text(DOCUMENT, "web"),
    text(DOCUMENT, "web", words="é"),
    text(DOCUMENT, "web", found_on="b"),
    text(DOCUMENT, "web", found_on="ab"),
    text(DOCUMENT, "web", held_by="bc"),
    text(DOCUMENT, "web", held_by="b", found_on="c"),
    text(BENCHMARK, "ptb"),
    text(BENCHMARK, "quiz", found_on="b"),
    text(BENCHMARK, "quiz", found_on="bc"),
]


def test_each_row_has_its_texts_and_no_other():
    assert row_texts("a", "b", SIDES, TEXTS) == [
        (ALL, UNSEEN, [0, 1, 2]),
        ("held out, books", UNSEEN, [0]),
        ("held out, web", UNSEEN, [1, 2]),
        ("ptb", UNSEEN, [7]),
        ("near copies of held-out in the training of b", SEEN, [3]),
        ("benchmark text in the training of b", SEEN, [8, 9]),
        ("held out by b, dropped by a", DROPPED, [5]),
    ]


def test_what_is_common_is_common_to_all_sides():
    rows = {name: found for name, _, found in row_texts("a", "c", SIDES, TEXTS)}
    assert rows[ALL] == [0, 1, 2]  # of 3 and 4 another side has seen copies
    assert rows["benchmark text in the training of c"] == [9]
    assert rows["held out by c, dropped by a"] == [5]


def test_bits_per_byte_are_nats_over_bytes_and_compared_by_seed():
    nats = {
        "a": [np.arange(10.0), np.arange(10.0) + 1],
        "b": [np.arange(10.0) + 2, np.arange(10.0) + 3],
    }
    rows = {row["set"]: row for row in compare(SIDES[:2], _of("ab"), nats)}
    web = rows["held out, web"]
    assert (web["num_texts"], web["num_bytes"]) == (2, 6)  # "four" and two bytes of é
    expected = [(1 + 2) / 6 / math.log(2), (2 + 3) / 6 / math.log(2)]
    assert web["bits_per_byte"]["a"] == pytest.approx(expected)
    assert web["difference"] == pytest.approx(4 / 6 / math.log(2))
    assert web["mean"]["b"] == pytest.approx(np.mean(expected) + 4 / 6 / math.log(2))
    assert web["verdict"] == "worse"


def _of(sides: str) -> list[HeldText]:
    keep = frozenset(sides)
    return [
        HeldText(
            kind=t.kind, group=t.group, text_id=t.text_id, pieces=t.pieces,
            held_by=t.held_by & keep, found_on=t.found_on & keep,
        )
        for t in TEXTS
    ]  # fmt: skip
