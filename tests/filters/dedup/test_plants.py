"""Copies that are planted: each kind does what it says, and does it again."""

from __future__ import annotations

import random
import re
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.identity import DOC_ID, doc_id_of_place
from corpus.words import normalise
from filters.dedup.plants import (
    KINDS,
    MIN_WORDS,
    MUTATIONS,
    choose,
    is_long_enough,
    plant,
)
from filters.dedup.selftest import plain_similarity

ORIGINAL = doc_id_of_place("test", "f", 0)
SAME_WORDS = ("rewrapped", "recased", "repunctuated")
EDITS = ("edited_1", "edited_2", "edited_4", "edited_8", "edited_16")
IDS = pa.array([doc_id_of_place("test", "f", i) for i in range(24_000)], DOC_ID)


def prose(num_words: int, *, seed: int = 1) -> str:
    rng = random.Random(seed)
    ends = [" "] * 12 + [", ", ". ", "; ", " - ", "\n", "\n\n", "'"]
    return "".join(f"w{rng.randrange(700)}{rng.choice(ends)}" for _ in range(num_words)).strip()


TEXTS = {
    "english": prose(600),
    "one line": re.sub(r"\s+", " ", prose(300, seed=2)),
    "one word a line": "\n".join(f"w{i}" for i in range(90)),
    "odd whitespace": "\t\u3000 A\r\n\r\n" + "b\u2028c\x0bd\u00a0\u200be\u2009 f \x85" * 30,
    "chinese": "在这一整本书里我们介绍了大量的命令,并尽可能通过讲故事的方式来介绍它们。" * 4,
    "mixed": "用 Git命令Hub提交100次改动;的2个分支" * 8,
    "thai": "ภาษาไทยไม่มีช่องว่างระหว่างคำ ที่นี่ก็เหมือนกัน " * 6,
    "hindi": "हिन्दी में शब्दों के बीच खाली स्थान होता है। " * 9,
    "greek": "Ο ΛΌΓΟΣ ο λόγος, της Ελλάδας ᾳ ᾼ ΐ· " * 9,  # noqa: RUF001 - Greek
    "german": "Straße, STRASSE; Maß „Fuß“ ǆ ŉ ﬁ " * 9,
    "turkish": "İstanbul'da ışık IĞDIR ile İİ, " * 12,  # noqa: RUF001 - Turkish
    "marks": "\u0301\u0301 a\u0301b .\u0301c \u0345 x\u0345y 'tis don't\u0301 " * 9,
}
FOX = "The quick brown fox, it's said, jumps over the lazy dog — and & sleeps."
COPIES_OF_FOX = {
    "rewrapped": FOX.replace("said, ", "said,\n").replace("— and ", "— and\n"),
    "recased": FOX.swapcase(),
    "repunctuated": FOX.replace("said,", "said"),
    "entities": FOX.replace("brown fox", "brown&nbsp;fox").replace("'", "&#39;"),
    "edited_1": FOX.replace("brown", " "),
    "edited_2": FOX.replace("sleeps", " "),
    "edited_4": FOX.replace("said", " "),
    "edited_8": FOX.replace("and", "lazy"),
    "edited_16": FOX.replace("it's", "jumps's").replace("and", "the"),
    "truncated": FOX[:-1],
    "embedded": f"sleeps said jumps s fox sleeps The it said sleeps\n\n{FOX}\n\n",
    "distant": ("The quick brown fox, brown'sleeps said, jumps over and the said — and & sleeps."),
}
every_kind = pytest.mark.parametrize("kind", KINDS)
every_text = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)


def copy_of(text: str, kind: str, *, original: int = 0, seed: int = 1) -> str:
    return plant(doc_id_of_place("test", "f", original), text, kind, seed=seed).text


def words_of(text: str) -> list[str]:
    return normalise(text).split()


def num_edits(first: list[str], second: list[str]) -> int:
    """Levenshtein distance over words, a row of the table at a time."""
    numbers = {word: i for i, word in enumerate({*first, *second})}
    a, b = (np.array([numbers[word] for word in words]) for words in (first, second))
    steps = np.arange(len(b) + 1)
    row = steps
    for i, word in enumerate(a, start=1):
        best = np.minimum(row[1:] + 1, row[:-1] + (b != word))
        row = np.minimum.accumulate(np.concatenate([[i], best]) - steps) + steps
    return int(row[-1])


def test_a_plant_says_what_it_is_and_of_what():
    found = plant(ORIGINAL, TEXTS["english"], "edited_2", seed=1)
    assert (found.original_doc_id, found.kind) == (ORIGINAL, "edited_2")
    assert found.doc_id == doc_id_of_place("plant", ORIGINAL.hex(), list(KINDS).index("edited_2"))
    assert found.text != TEXTS["english"]
    ids = {plant(ORIGINAL, "a b c", kind, seed=1).doc_id for kind in KINDS}
    assert len(ids) == len(KINDS) == len(MUTATIONS)
    assert list(KINDS) == list(MUTATIONS)


@pytest.mark.parametrize("kind", SAME_WORDS)
@every_text
def test_wrapping_case_and_signs_leave_the_words(kind, text):
    for original in range(12):
        assert normalise(copy_of(text, kind, original=original)) == normalise(text)


@pytest.mark.parametrize("kind", SAME_WORDS)
def test_but_they_change_the_text(kind):
    text = TEXTS["english"].replace("w", "wXy")
    copies = {copy_of(text, kind, original=i) for i in range(20)}
    assert text not in copies
    assert len(copies) > 3


def test_a_rewrapped_text_has_short_lines_and_its_paragraphs():
    copy = copy_of(TEXTS["english"], "rewrapped")
    assert max(map(len, copy.split("\n"))) < 100
    assert copy.count("\n\n") == TEXTS["english"].count("\n\n") > 0
    assert copy.split() == TEXTS["english"].split()
    assert "\n" in copy_of(TEXTS["one line"], "rewrapped")
    assert "\n" in copy_of(TEXTS["chinese"].replace("\n", ""), "rewrapped")


def test_repunctuating_adds_removes_and_changes_signs():
    text = " ".join(["one", "two,", "three"] * 200)
    copy = copy_of(text, "repunctuated")
    gaps = Counter(re.findall(r"two(\W+)three", copy))
    assert 140 < gaps[", "] < 180  # four fifths
    assert gaps[" "] > 3
    assert len(gaps) > 5
    assert re.search(r"one[^\w\s]", copy)


def test_entities_bring_their_names_in_as_words():
    assert copy_of("Salt & pepper", "entities") == "Salt &amp; pepper"
    assert copy_of("I don't", "entities") == "I don&#39;t"
    assert copy_of("so —", "entities") == "so &mdash;"
    assert copy_of("好。", "entities") == "好&#12290;"
    assert words_of("Salt &amp; pepper") == ["salt", "amp", "pepper"]


def test_a_sign_is_escaped_everywhere_or_nowhere():
    text = "\"Salt\" & 'pepper' <here>; " * 40
    seen = set()
    for original in range(30):
        copy = copy_of(text, "entities", original=original)
        counts = [copy.count(f"&{name};") for name in ("quot", "amp", "#39", "lt", "gt")]
        assert set(counts) <= {0, 40, 80}
        assert sum(counts) > 0
        seen.add(tuple(counts))
        assert copy.count("&nbsp;") < 10
    assert len(seen) > 8
    assert copy_of("a b " * 5000, "entities").count("&nbsp;") == pytest.approx(100, abs=40)


def test_entities_leave_most_words_in_their_order():
    added = Counter(words_of(copy_of(TEXTS["english"], "entities")))
    assert Counter(words_of(TEXTS["english"])) - added == Counter()
    unsigned = "一" * 60
    assert copy_of(unsigned, "entities") == unsigned


@pytest.mark.parametrize("kind", EDITS)
@pytest.mark.parametrize("name", ["prose", "chinese"])
def test_the_named_share_of_the_words_is_edited(kind, name):
    rng = random.Random(3)
    chinese = "".join(chr(rng.randrange(0x4E00, 0x5E00)) for _ in range(1500))
    text = {"prose": prose(1500), "chinese": chinese}[name]
    named = int(kind.split("_")[1]) / 100
    copies = [copy_of(text, kind, original=i) for i in range(3)]
    rates = [num_edits(words_of(text), words_of(copy)) / 1500 for copy in copies]
    # A word deleted beside one inserted counts as one replaced: fewer edits where they are dense.
    assert np.mean(rates) == pytest.approx(named, rel=0.06)
    assert max(rates) <= named + 1e-9


def test_a_third_of_the_edits_each_replaces_inserts_and_deletes():
    text = " ".join(f"w{i}" for i in range(3000))
    copy = words_of(copy_of(text, "edited_16"))
    num_lost = len(set(words_of(text)) - set(copy))
    num_added = len(copy) - 3000
    assert num_lost == pytest.approx(320, abs=60)  # 480 edits: 160 replaced, 160 deleted
    assert abs(num_added) < 60
    assert set(copy) <= set(words_of(text))


def test_a_short_text_has_one_edit_at_least():
    assert copy_of("one two three four", "edited_1") != "one two three four"
    assert words_of(copy_of("solo", "distant")) == ["solosolo"]


@pytest.mark.parametrize("kind", [*EDITS, "distant"])
def test_an_edit_glues_no_two_words_together(kind):
    words = set(words_of(TEXTS["mixed"]))
    for original in range(10):
        assert set(words_of(copy_of(TEXTS["mixed"], kind, original=original))) <= words


@every_text
def test_a_truncated_text_is_the_beginning(text):
    shares = []
    for original in range(20):
        copy = copy_of(text, "truncated", original=original)
        assert text.startswith(copy)
        shares.append(len(words_of(copy)) / len(words_of(text)))
    assert min(shares) >= 0.69
    assert max(shares) <= 1
    assert max(shares) - min(shares) > 0.15


@pytest.mark.parametrize("name", ["english", "one line", "one word a line"])
def test_an_embedded_text_is_whole_and_less_than_all(name):
    text = TEXTS[name]
    for original in range(20):
        copy = copy_of(text, "embedded", original=original)
        assert text in copy
        assert 0.39 <= len(words_of(text)) / len(words_of(copy)) <= 0.71
        assert plain_similarity(text, copy, ngram_size=5, measure="containment") >= 0.95
        assert 0.3 < plain_similarity(text, copy, ngram_size=5) <= 0.75


@pytest.mark.parametrize("name", ["english", "one line", "one word a line", "chinese", "german"])
def test_a_distant_text_is_no_duplicate(name):
    text = TEXTS[name]
    for original in range(10):
        copy = copy_of(text, "distant", original=original)
        assert plain_similarity(text, copy, ngram_size=5) < 0.8
        changed = num_edits(words_of(text), words_of(copy)) / len(words_of(text))
        assert 0.25 < changed <= 0.51


@every_kind
@every_text
def test_a_copy_is_the_same_again_and_another_for_another_seed(kind, text):
    assert copy_of(text, kind) == copy_of(text, kind)
    if kind in (*EDITS, "embedded", "distant"):
        assert len({copy_of(text, kind, seed=seed) for seed in range(5)}) > 1


def test_the_order_of_calls_changes_nothing():
    work = [(i, kind) for i in range(5) for kind in KINDS]
    expected = {(i, kind): copy_of(TEXTS["english"], kind, original=i) for i, kind in work}
    for i, kind in random.Random(1).sample(work, len(work)):
        assert copy_of(TEXTS["english"], kind, original=i) == expected[i, kind]


def test_a_copy_is_the_same_on_every_machine():
    assert {kind: copy_of(FOX, kind) for kind in KINDS} == COPIES_OF_FOX


@every_kind
@pytest.mark.parametrize("text", ["", " \n", "... - !", "\u0301"])
def test_a_text_without_words_is_its_own_copy(kind, text):
    assert copy_of(text, kind) == text


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind of plant is 'mangled', expected one of rewrapped"):
        plant(ORIGINAL, "a b", "mangled", seed=1)


def test_a_short_text_is_not_worth_planting():
    assert is_long_enough("word " * MIN_WORDS)
    assert is_long_enough("字" * MIN_WORDS)
    assert not is_long_enough("word " * (MIN_WORDS - 1))
    assert not is_long_enough("")


def test_as_many_documents_are_chosen_as_asked_and_all_kinds_alike():
    chosen = choose(IDS, share=0.5, seed=1)
    assert len(chosen.rows) == len(chosen.kinds) == pytest.approx(12_000, abs=300)
    assert chosen.rows.dtype == np.int64
    assert chosen.rows.tolist() == sorted(set(chosen.rows.tolist()))
    counts = Counter(chosen.kinds)
    assert set(counts) == set(KINDS)
    assert min(counts.values()) > 880  # of 1,000; sigma 30
    assert max(counts.values()) < 1120
    assert choose(IDS, share=0.5, seed=2).rows.tolist() != chosen.rows.tolist()


def test_a_choice_does_not_depend_on_parts():
    whole = choose(IDS, share=0.1, seed=1)
    rows, kinds = [], []
    for first in range(0, len(IDS), 7001):
        part = choose(IDS.slice(first, 7001), share=0.1, seed=1)
        rows += (part.rows + first).tolist()
        kinds += part.kinds
    assert (rows, kinds) == (whole.rows.tolist(), whole.kinds)


def test_a_larger_share_keeps_the_plants_of_a_smaller_one():
    few, many = (choose(IDS, share=share, seed=1) for share in (0.01, 0.1))
    kinds = dict(zip(many.rows.tolist(), many.kinds, strict=True))
    assert [kinds[row] for row in few.rows.tolist()] == few.kinds


def test_the_ends_of_the_share():
    assert len(choose(IDS, share=0, seed=1).rows) == 0
    assert len(choose(IDS, share=1, seed=1).rows) == len(IDS)
    assert choose(IDS.slice(0, 0), share=1, seed=1).kinds == []
    with pytest.raises(ValueError, match=r"share of documents to plant is 1\.5, expected 0\.\.1"):
        choose(IDS, share=1.5, seed=1)


any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@settings(max_examples=100, deadline=None)
@given(text=any_text, original=st.integers(0, 99))
def test_any_text_can_be_planted(text, original):
    for kind in KINDS:
        copy = copy_of(text, kind, original=original)
        assert copy == copy_of(text, kind, original=original)
        if kind in SAME_WORDS:
            assert normalise(copy) == normalise(text)
        elif kind == "embedded":
            assert text in copy
        elif kind == "truncated":
            assert text.startswith(copy)
