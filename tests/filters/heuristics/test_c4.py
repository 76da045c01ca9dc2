"""C4's page rules: the smallest text that trips each, and the nearest that passes."""

import pyarrow as pa
import pytest

from filters.heuristics import c4
from filters.heuristics.c4 import C4Settings, count_sentences
from filters.verdict import first_fault

FIVE = 'One is here. Two is here! Is three here? Four is here. "Five is here."'


def reason(text, **changes):
    chosen = C4Settings(**changes)
    signals = c4.measure(pa.array([text], pa.large_string()), chosen)
    return first_fault(1, c4.judge(signals, chosen))[0]


def test_five_sentences_pass_and_four_are_too_few():
    assert reason(FIVE) is None
    assert reason(FIVE.replace("Two is here! ", "")) == c4.TOO_FEW_SENTENCES
    assert reason("", min_sentences=0) is None
    assert reason(None) == c4.TOO_FEW_SENTENCES


@pytest.mark.parametrize(
    ("line", "sentences"),
    [
        ("A plain line ends here.", 1),
        ('He said "so it is"', 1),
        ("Two of them. On one line.", 2),
        ("Version 3.11 of it is out.", 1),
        ("No end mark at all", 0),
        ("It goes on and on...", 0),
        ("Too short.", 0),
        ("Please enable JavaScript to go on.", 0),
        ("This site uses cookies for everything.", 0),
        ("Read the Privacy Policy of ours.", 0),
        ("It is " + "x" * 1001 + " here.", 0),
        ("It is " + "x" * 1000 + " here.", 1),
    ],
)
def test_sentences_are_counted_in_lines_that_look_like_them(line, sentences):
    assert count_sentences(line, C4Settings()) == sentences
    assert count_sentences(f"{line}\n \n{line}", C4Settings()) == 2 * sentences


def test_without_the_end_mark_rule_any_line_counts():
    text = "\n".join(["A heading without its mark"] * 5)
    assert reason(text) == c4.TOO_FEW_SENTENCES
    assert reason(text, need_end_mark=False) is None


def test_lorem_ipsum_in_any_case_and_anywhere():
    assert reason(FIVE + "\nLOREM Ipsum") == c4.LOREM_IPSUM
    assert reason(FIVE + "\nLorem, ipsum") is None
    assert reason(FIVE + "\nLorem ipsum", lorem_ipsum=False) is None


def test_a_curly_bracket_only_where_the_recipe_says_so():
    assert reason(FIVE + "\n{") is None
    assert reason(FIVE + "\n{", curly_bracket=True) == c4.CURLY_BRACKET
    assert reason(FIVE + "\n}", curly_bracket=True) is None


@pytest.mark.parametrize("text", ["a DARN b.", "darn", "(darn)", "so+c++ is", "été"])
def test_a_bad_word_between_other_characters(text):
    chosen = {"bad_words": ("Darn", "c++", "Été"), "min_sentences": 0}
    assert reason(text, **chosen) == c4.BAD_WORD


@pytest.mark.parametrize("text", ["darned", "adarn", "darn_it", "éTés", "a9darn"])
def test_a_bad_word_inside_another_word_passes(text):
    assert reason(text, bad_words=("Darn", "Été"), min_sentences=0) is None
