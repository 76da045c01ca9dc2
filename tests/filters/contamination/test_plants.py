"""Items that are planted: which, in what way, and in what text."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from corpus.words import normalise
from filters.contamination.plants import (
    BOOK_CHARACTERS,
    CONTROLS,
    KINDS,
    NUM_BOOKS,
    QUOTE_WORDS,
    SAME_WORDS,
    Item,
    Text,
    choose,
    plant,
)

RNG = random.Random(1)
QUESTION = "Why does the Moon, night after night, show one side to us - in all years & seasons?"
ANSWER = "Its turn about itself takes just as long as one way around the Earth."
FILLER = "\n\n".join(" ".join(f"f{RNG.randrange(500)}" for _ in range(60)) + "." for _ in range(60))
SIDE = 800


def words_of(text: str) -> list[str]:
    return normalise(text).split()


def item(number: int = 0, *, benchmark: str = "moon", size: int = 13) -> Item:
    texts = [("question", f"{QUESTION} {number}"), ("answer", ANSWER)]
    return Item(
        benchmark, str(number),
        tuple(Text(field, text, len(words_of(text)), size) for field, text in texts),
    )  # fmt: skip


def planted(kind: str, number: int = 0, *, filler: str = FILLER, seed: int = 1):
    return plant(item(number), kind, filler, side=SIDE, seed=seed)


def passage(kind: str, number: int = 0, *, seed: int = 1) -> str:
    found = planted(kind, number, seed=seed)
    return found.text[found.start : found.end]


@pytest.mark.parametrize(
    "kind", [k for k in SAME_WORDS if k not in ("quote", "question", "answer")]
)
def test_kinds_that_keep_all_words_do(kind):
    for number in range(20):
        assert words_of(passage(kind, number)) == words_of(f"{QUESTION} {number}\n{ANSWER}")


def test_each_kind_does_to_the_text_what_it_says():
    whole = f"{QUESTION} 0\n{ANSWER}"
    assert passage("verbatim") == passage("book") == passage("alone") == whole
    assert passage("inline") == whole.replace("\n", " ")
    assert passage("question") == f"{QUESTION} 0"
    assert passage("answer") == ANSWER
    for kind in ("rewrapped", "recased", "repunctuated", "entities", "edited", "shuffled"):
        assert {passage(kind, seed=seed) for seed in range(9)} != {whole}
    assert "&amp;" in "".join(passage("entities", seed=seed) for seed in range(9))
    edited = [words_of(passage("edited", seed=seed)) for seed in range(9)]
    assert all(words != words_of(whole) for words in edited)
    shuffled = words_of(passage("shuffled"))
    assert Counter(shuffled) == Counter(words_of(whole))
    assert shuffled != words_of(whole)


def test_a_quote_is_23_words_of_the_longest_text_or_all_of_a_shorter_one():
    text = " ".join(f"w{n}" for n in range(99))
    long = Item("b", "1", (Text("question", "short one", 2, 13), Text("text", text, 99, 13)))
    places = set()
    for seed in range(20):
        found = plant(long, "quote", FILLER, side=SIDE, seed=seed)
        quote = found.text[found.start : found.end]
        assert quote in text
        assert len(quote.split()) == found.num_words == QUOTE_WORDS
        places.add(text.index(quote))
    assert len(places) > 10
    assert passage("quote") == f"{QUESTION} 0"  # of 18 words


def test_a_near_miss_has_runs_of_one_word_less_than_n():
    words, whole = words_of(passage("near_miss")), words_of(f"{QUESTION} 0")
    own = words[: len(whole)]
    assert own[:12] == whole[:12]
    assert own[12] != whole[12]
    assert own[13:] == whole[13:]
    short = plant(item(size=3), "near_miss", FILLER, side=SIDE, seed=1)
    changed = words_of(short.text[short.start : short.end])
    for text in (QUESTION + " 0", ANSWER):
        whole = words_of(text)
        differs = [a != b for a, b in zip(changed, whole, strict=False)]
        assert differs == [n % 3 == 2 for n in range(len(whole))]
        changed = changed[len(whole) :]


def test_what_stands_around_a_plant_is_the_filler():
    for kind in set(KINDS) - {"alone", "book"}:
        found = planted(kind)
        before, after = found.text[: found.start].strip(), found.text[found.end :].strip()
        for side in (before, after):
            assert side in FILLER
            assert SIDE - 150 < len(side) < SIDE + 150, kind
        assert set(words_of(before + " " + after)) <= set(words_of(FILLER))
    assert planted("alone").text == f"{QUESTION} 0\n{ANSWER}"
    assert planted("verbatim", filler="").text == f"{QUESTION} 0\n{ANSWER}"


def test_an_inline_plant_is_in_the_middle_of_a_sentence():
    for number in range(20):
        found = planted("inline", number)
        assert found.text[found.start - 2 : found.start][0].isalnum()
        assert found.text[found.start - 1] == found.text[found.end] == " "
        assert "\n" not in found.text[found.start - 1 : found.end + 1]
        both = found.text[: found.start] + found.text[found.end + 1 :]
        assert both in FILLER


def test_a_book_is_all_of_the_filler_with_the_item_within():
    filler = (FILLER + "\n\n") * (BOOK_CHARACTERS // len(FILLER) + 1)
    found = planted("book", filler=filler)
    assert found.text[: found.start - 2] + found.text[found.end + 2 :] == filler
    assert 0.19 * len(filler) < found.start < 0.81 * len(filler)


def test_a_text_without_a_blank_is_cut_anywhere():
    found = planted("verbatim", filler="字" * 5000)
    assert len(found.text) == SIDE * 2 + 4 + found.end - found.start


def test_a_plant_is_the_same_again_and_another_for_another_seed():
    for kind in KINDS:
        assert planted(kind) == planted(kind)
    assert planted("inline") != planted("inline", seed=2)
    ids = {planted(kind, number).doc_id for kind in KINDS for number in range(5)}
    assert len(ids) == 5 * len(KINDS)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind of plant is 'mangled', expected one of verbatim"):
        planted("mangled")


ITEMS = [item(n, benchmark=name) for name in ("moon", "sun", "star") for n in range(40)]


def test_kinds_and_benchmarks_are_chosen_alike():
    chosen = choose(ITEMS, num_plants=300, min_words=8, seed=1)
    assert len(chosen) == 300
    assert len({(one.benchmark, one.item_id, kind) for one, kind in chosen}) == 300
    kinds = Counter(kind for _, kind in chosen)
    assert kinds.pop("book") == NUM_BOOKS
    assert max(kinds.values()) - min(kinds.values()) <= 3
    benchmarks = Counter(one.benchmark for one, _ in chosen)
    assert max(benchmarks.values()) - min(benchmarks.values()) <= len(KINDS)
    first = choose(ITEMS, num_plants=len(KINDS), min_words=8, seed=1)
    assert {kind for _, kind in first} == set(KINDS)
    assert {one.benchmark for one, _ in first} == {"moon", "sun", "star"}


def test_more_plants_are_those_of_fewer_and_others():
    many = choose(ITEMS, num_plants=200, min_words=8, seed=1)
    assert choose(ITEMS, num_plants=50, min_words=8, seed=1) == many[:50]
    assert choose(ITEMS[::-1], num_plants=200, min_words=8, seed=1) == many
    assert choose(ITEMS, num_plants=200, min_words=8, seed=2) != many


def test_all_there_are_is_all_that_is_planted():
    few = choose(ITEMS[:2], num_plants=1000, min_words=8, seed=1)
    assert Counter(kind for _, kind in few) == dict.fromkeys(KINDS, 2) | {"book": 1}
    assert choose(ITEMS, num_plants=1000, min_words=99, seed=1) == []
    assert choose([], num_plants=9, min_words=8, seed=1) == []


def test_a_kind_takes_items_of_which_it_plants_enough_words():
    one = Item("b", "1", (Text("question", "a b c", 3, 8), Text("text", ANSWER, 14, 13)))
    kinds = {kind for _, kind in choose([one], num_plants=99, min_words=8, seed=1)}
    assert kinds == set(KINDS) - {"question", "answer"}
    short = Item("b", "1", (Text("text", ANSWER, 14, 15),))
    kinds = {kind for _, kind in choose([short], num_plants=99, min_words=8, seed=1)}
    assert kinds == set(KINDS) - {"question", "answer", "near_miss"}


def test_controls_and_kinds_that_keep_words_are_kinds():
    assert {*CONTROLS, *SAME_WORDS, "entities", "edited"} == set(KINDS)
