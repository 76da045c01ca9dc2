"""What a run says of its planted items: by hand, and of a stage that is broken on purpose."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from corpus.words import normalise
from filters.contamination import Rule
from filters.contamination.plants import KINDS, Item, Plant, Text, plant
from filters.contamination.selftest import (
    Outcome,
    Said,
    SelfTest,
    ShortTexts,
    compare,
    judge,
    lines,
    tally,
)
from filters.contamination.twin import Ngram, Words, plain_find, plain_matches, plain_verdict

RULE = Rule()
QUOTE = " ".join(f"w{n}" for n in range(23))
"""11 N-grams of 13 words."""
FILLER = " ".join(f"f{n}" for n in range(2_000))
TEXTS = [Words(QUOTE.split(), 13), Words([f"v{n}" for n in range(20)], 13)]


def planted(kind: str = "verbatim") -> Plant:
    item = Item("b", "1", (Text("text", QUOTE, 23, 13),))
    return plant(item, kind, FILLER, side=900, seed=1)


def honest(one: Plant) -> Said:
    """What the stage ought to say."""
    (due,) = plain_find([one.text], TEXTS)
    pieces, reason = plain_verdict(one.text, due, TEXTS, (), RULE)
    return Said(set(due), plain_matches(due, ()), pieces, reason)


def outcome(one: Plant, said: Said, exempt: tuple[str, ...] = ()) -> Outcome:
    (due,) = plain_find([one.text], TEXTS)
    return compare(one, said, due, TEXTS, [0], exempt, RULE)


def test_an_honest_stage_has_no_fault():
    one = planted()
    said = honest(one)
    assert len(said.ngrams) == 11
    assert said.matches == {(one.start, one.end, 0)}  # one match, not eleven
    assert said.pieces == [(0, one.start - 200), (one.end + 200, len(one.text))]
    row = outcome(one, said)
    assert (row.num_due, row.num_found, row.num_missed, row.num_false) == (11, 11, 0, 0)
    assert row.is_named
    assert row.is_cut
    assert row.num_cut_characters == len(QUOTE) + 400
    assert row.num_characters == row.num_clean_characters + len(QUOTE)
    assert judge([row], RULE).faults == ()


def less(said: Said) -> Said:
    return said._replace(ngrams=set(sorted(said.ngrams)[1:]))


def nothing(said: Said) -> Said:
    return Said(set(), set(), [(0, said.pieces[-1][1])], None)


def more(said: Said) -> Said:
    return said._replace(ngrams={*said.ngrams, Ngram(0, 9, "made up")})


def moved(said: Said) -> Said:
    return said._replace(ngrams={one._replace(end=one.end + 1) for one in said.ngrams})


def eleven(said: Said) -> Said:
    return said._replace(matches={(one.start, one.end, 0) for one in said.ngrams})


def another(said: Said) -> Said:
    return said._replace(matches={(start, end, 1) for start, end, _ in said.matches})


def wide(said: Said) -> Said:
    (a, b), last = said.pieces
    return said._replace(pieces=[(a, b - 1), last])


def dropped(said: Said) -> Said:
    return said._replace(pieces=[], reason="nothing_left")


BROKEN: dict[Callable[[Said], Said], list[str]] = {
    nothing: [
        "1 plants were due and not found.", "11 N-grams were due and not reported.",
        "1 plants were named or merged wrongly.", "1 documents were cut wrongly.",
    ],
    less: ["1 N-grams were due and not reported."],
    more: ["1 N-grams were reported that are not there.", "1 N-grams were reported in clean text."],
    moved: [
        "1 plants were due and not found.", "11 N-grams were due and not reported.",
        "11 N-grams were reported that are not there.",
    ],
    eleven: ["1 plants were named or merged wrongly."],
    another: ["1 plants were named or merged wrongly."],
    wide: ["1 documents were cut wrongly."],
    dropped: ["1 documents were cut wrongly."],
}  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_broken_stage_is_seen(broken):
    one = planted()
    found = judge([outcome(one, broken(honest(one)))], RULE)
    assert list(found.faults) == BROKEN[broken]
    assert len(found.examples) == 1
    assert found.examples[0].startswith("verbatim b:1: ")


def test_a_normal_form_that_loses_words_is_seen():
    """The twin shares it with the stage, but what was planted whole must be due."""
    one = planted()
    found = judge([compare(one, nothing(honest(one)), {}, TEXTS, [0], (), RULE)], RULE)
    assert "1 plants kept all words and hold no N-gram." in found.faults
    assert found.examples == ("verbatim b:1: all words kept, and no N-gram",)


def test_a_control_is_not_due_and_what_is_said_of_it_is_false():
    one = planted("near_miss")
    assert outcome(one, honest(one)).num_due == 0
    words = QUOTE.split()[:13]
    said = honest(one)._replace(ngrams={Ngram(one.start, one.start + 44, " ".join(words))})
    found = judge([outcome(one, said)], RULE)
    assert found.total.num_false == 1
    assert found.faults[0] == "1 N-grams were reported that are not there."
    assert found.faults[-1].startswith("No plant was due")


def test_what_is_too_frequent_is_due_to_be_found_and_to_stay():
    one = planted()
    exempt = tuple(ngram.words for ngram in honest(one).ngrams)
    stays = honest(one)._replace(matches=set(), pieces=[(0, len(one.text))])
    row = outcome(one, stays, exempt)
    assert row.is_exempt
    assert row.num_cut_characters == 0
    assert judge([row], RULE).faults == ()
    assert outcome(one, honest(one), exempt).is_cut is False
    assert outcome(one, honest(one), exempt[:1]).is_exempt is False


def row(kind: str, num_words: int, *, due: int = 1, found: int = 1) -> Outcome:
    return Outcome(
        kind=kind, benchmark="b", item_id="1", num_words=num_words, ngram_size=8, num_due=due,
        num_found=found, is_exempt=False, num_missed=due - found, num_false=0, num_clean_hits=0,
        is_named=found == due, is_cut=True, num_characters=100, num_cut_characters=10,
        num_clean_characters=50,
    )  # fmt: skip


def test_counts_as_by_hand():
    rows = [row("recased", 9) for _ in range(8)] + [row("recased", 30, due=3, found=0)] * 2
    found = judge([*rows, row("edited", 30, due=0, found=0)], RULE)
    assert [(one.kind, one.num_planted, one.recall) for one in found.kinds] == [
        ("recased", 10, 0.8), ("edited", 1, None),
    ]  # fmt: skip
    assert [(one.kind, one.num_planted, one.recall) for one in found.lengths] == [
        ("9 to 12 words", 8, 1.0), ("13 words and more", 2, 0.0),
    ]  # fmt: skip
    assert found.kinds[0].interval == (
        pytest.approx(0.4902, abs=1e-4),
        pytest.approx(0.9433, abs=1e-4),
    )
    total = found.total
    assert (total.num_due, total.num_found, total.num_ngrams_due, total.num_named) == (10, 8, 14, 9)
    assert (total.num_characters, total.num_cut_characters) == (1100, 110)
    assert (found.num_missed, found.num_unchanged, found.num_unchanged_due) == (6, 10, 10)
    assert found.num_clean_characters == 550
    assert tally("none", [], "").interval == (0.0, 1.0)


def test_nothing_planted_says_so():
    assert judge([], RULE).faults == (
        "No plant was due, so that nothing is known of recall: plant more.",
        "There was no clean text, so that nothing is known of false hits.",
    )


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind of plant is 'mangled', expected one of verbatim"):
        judge([row("mangled", 9)], RULE)


def test_it_is_told_on_a_terminal_and_in_json():
    found: SelfTest = judge(
        [row("inline", 9), row("book", 30, found=0), row("alone", 7, due=0, found=0)], RULE,
        ShortTexts(1000, 3),
    )  # fmt: skip
    value = found.to_json()
    assert json.loads(json.dumps(value)) == value
    assert lines(value) == found.lines()
    said = found.lines()
    assert said[0].split()[:5] == ["kind", "planted", "due", "found", "recall"]
    assert [line.split()[0] for line in said[1:7]] == [
        "inline", "alone", "book", "7", "13", "all",
    ]  # fmt: skip
    assert said[7] == "Planted with all words and not due: 1, whose texts are shorter than N."
    assert said[8] == "Clean text around them: 150 characters, 0 hits."
    assert said[9] == (
        "Documents of the corpus with matches of texts shorter than the greatest N alone: "
        "3 of 1,000; no more are hit by chance."
    )
    assert said[10].startswith("book b:1: not found, 1 N-grams not reported, named")
    assert said[-1] == "1 plants were named or merged wrongly."
    assert judge([row("inline", 9)], RULE).lines()[-1].startswith("All that was due was found")


def test_the_quote_has_the_words_it_should():
    assert len(normalise(QUOTE).split()) == 23
    assert set(KINDS) >= {"quote", "near_miss"}
