"""Which texts are scored: held out, seen by nobody, and no more than asked for."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from corpus.errors import InputError
from corpus.storage import Store
from jobs.ablating.texts import MAX_CHARACTERS, HeldText, gather_texts, training_texts
from tests.judged import Doc, doc_id, judged_root
from tests.tables import write_table

RNG = random.Random(1)
PARTS = 2


def passage(num_words: int = 40) -> str:
    return " ".join(f"w{RNG.randrange(10**6)}" for _ in range(num_words))


TEXTS = [passage() for _ in range(8)]
WEB = [Doc(text, name=f"d{n}") for n, text in enumerate(TEXTS)]
IDS = [doc_id(0, doc).hex() for doc in WEB]


def make_side(root: Path, splits: Mapping[int, str], *, docs: list[Doc] = WEB) -> Store:
    """A side that has some of the documents, each in a split."""
    store = judged_root(str(root), docs, num_parts=PARTS)
    bounds = [part * len(docs) // PARTS for part in range(PARTS + 1)]
    parts = [
        [
            {"doc_id": doc_id(0, docs[n]), "keep": True, "source": docs[n].source,
             "split": splits[n].removesuffix("*"), "copies": int(not splits[n].endswith("*")),
             "num_bytes": len(docs[n].text), "num_tokens": 9}
            for n in range(*bounds[k : k + 2]) if n in splits
        ]
        for k in range(PARTS)
    ]  # fmt: skip
    write_table(store, "mix", parts)
    write_table(store, "benchmark_texts", [[]])
    return store


TRAIN, HELD, NOT_DRAWN = "train", "validation", "train*"


def gathered(stores: dict[str, Store], *, max_bytes: int = 10**6) -> dict[str, HeldText]:
    return {text.text_id: text for text in gather_texts(stores, seed=1, max_bytes=max_bytes)}


def test_only_what_no_side_has_for_training_is_scored(tmp_path):
    a = {0: HELD, 1: HELD, 2: HELD, 3: TRAIN, 4: NOT_DRAWN, 5: TRAIN, 7: HELD}
    b = {0: HELD, 1: TRAIN, 2: NOT_DRAWN, 3: HELD, 4: HELD, 5: TRAIN, 6: HELD}
    found = gathered({"a": make_side(tmp_path / "a", a), "b": make_side(tmp_path / "b", b)})
    assert {IDS.index(text_id): set(text.held_by) for text_id, text in found.items()} == {
        0: {"a", "b"}, 6: {"b"}, 7: {"a"},
    }  # fmt: skip
    assert found[IDS[0]].pieces == (TEXTS[0],)
    assert not any(text.found_on for text in found.values())


def test_a_near_copy_in_a_training_set_is_told(tmp_path):
    copy = Doc(" ".join([passage(90), *TEXTS[0].split()[:30], passage(20)]), name="copy")
    docs = [*WEB[:3], copy]
    a = make_side(tmp_path / "a", {0: HELD, 1: HELD, 2: TRAIN}, docs=docs)
    b = make_side(tmp_path / "b", {0: HELD, 1: HELD, 2: TRAIN, 3: TRAIN}, docs=docs)
    found = gathered({"a": a, "b": b})
    assert {IDS.index(name): set(text.found_on) for name, text in found.items()} == {
        0: {"b"}, 1: set(),
    }  # fmt: skip


def test_a_text_too_short_to_be_looked_for_is_not_scored(tmp_path):
    docs = [WEB[0], Doc("seven words are too few to tell", name="short")]
    stores = {n: make_side(tmp_path / n, {0: HELD, 1: HELD}, docs=docs) for n in "ab"}
    assert list(gathered(stores)) == [IDS[0]]


def test_texts_are_what_stays_of_a_document_and_only_its_beginning(tmp_path):
    long = passage(5000)
    docs = [Doc(TEXTS[0], name="d0", pieces=((0, 80), (100, 180))), Doc(long, name="d1")]
    stores = {n: make_side(tmp_path / n, {0: HELD, 1: HELD}, docs=docs) for n in "ab"}
    found = gathered(stores)
    assert found[IDS[0]].pieces == (TEXTS[0][:80], TEXTS[0][100:180])
    assert found[IDS[1]].pieces == (long[:MAX_CHARACTERS],)
    assert found[IDS[1]].num_bytes == MAX_CHARACTERS


def test_of_each_source_so_much_is_taken_always_the_same(tmp_path):
    docs = [Doc(passage(), source=source, name=f"{n}") for source in ("web", "books")
            for n in range(20)]  # fmt: skip
    splits = dict.fromkeys(range(40), HELD)
    stores = {name: make_side(tmp_path / name, splits, docs=docs) for name in "ab"}
    size = max(len(doc.text) for doc in docs)
    some = gathered(stores, max_bytes=4 * size)
    counts = [sum(t.group == source for t in some.values()) for source in ("books", "web")]
    assert all(4 <= count <= 6 for count in counts)
    assert gathered(stores, max_bytes=4 * size) == some
    assert set(gathered(stores, max_bytes=8 * size)) > set(some)


def test_sides_without_a_common_text_are_refused(tmp_path):
    a, b = make_side(tmp_path / "a", {0: HELD, 1: TRAIN}), make_side(tmp_path / "b", {1: HELD})
    with pytest.raises(InputError, match=r"raise dedup\.held_out_fraction"):
        gather_texts({"a": a, "b": b}, seed=1, max_bytes=100)


def test_training_texts_are_those_that_are_drawn(tmp_path):
    side = make_side(tmp_path / "a", {0: TRAIN, 1: HELD, 2: NOT_DRAWN, 6: TRAIN})
    assert [text for batch in training_texts(side) for text in batch.to_pylist()] == [
        TEXTS[0], TEXTS[6],
    ]  # fmt: skip
