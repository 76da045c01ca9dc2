"""C4's page rules: the smallest text that trips each, and the nearest that passes.

Sentences and removed lines are held against a few lines of plain Python on any text.
"""

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.words import split_words
from filters.heuristics import c4
from filters.heuristics.c4 import C4Settings
from filters.heuristics.lines import CLOSERS, read_lines
from filters.verdict import first_fault

FIVE = 'One is here. Two is here! Is three here? Four is here. "Five is here."'
CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]", re.ASCII)
SENTENCE_END = re.compile(rf"[.!?]+[{re.escape(CLOSERS)}]*(?=\s|$)")
PIECE = st.sampled_from(
    ["One two three", " a", ".", "...", "!", '"', "'", "[1]", "[edit]", " ", "\n", "JavaScript",
     "Use cookies", "lorem ipsum", "{", "x" * 1000, "\u2003", "é"]
)  # fmt: skip
TEXT = st.lists(PIECE | st.text(max_size=5), max_size=25).map("".join)


def measure(texts, **changes):
    array = pa.array(texts, pa.large_string())
    return c4.measure(read_lines(array), split_words(array), C4Settings(**changes))


def reason(text, **changes):
    return first_fault(1, c4.judge(measure([text], **changes), C4Settings(**changes)))[0]


def sentences(text, **changes):
    return measure([text], **changes)["num_sentences"].item()


def bad_lines(text, **changes):
    return c4.bad_lines(read_lines(pa.array([text])), C4Settings(**changes)).tolist()


def line_sentences(line, chosen):
    """Sentences of a line, 0 where C4 would not keep it."""
    words, text = line.split(), CITATION.sub("", line).strip()
    if len(words) < chosen.min_words_in_line or not words or max(map(len, words)) > 1000:
        return 0
    if chosen.need_end_mark and (
        not text.endswith(tuple(chosen.end_marks)) or text.endswith("...")
    ):
        return 0
    if re.search("|".join(["javascript", *c4.POLICY_PHRASES]), line, re.IGNORECASE | re.ASCII):
        return 0
    return max(1, len(SENTENCE_END.findall(text)))


def check_against_the_twin(texts, *, need_end_mark):
    chosen = C4Settings(need_end_mark=need_end_mark)
    found = [[line_sentences(line, chosen) for line in text.split("\n")] for text in texts]
    signals = measure(texts, need_end_mark=need_end_mark)
    assert signals["num_sentences"].tolist() == [sum(lines) for lines in found]
    assert signals["lorem_ipsum"].tolist() == [
        bool(re.search("lorem ipsum", text, re.IGNORECASE | re.ASCII)) for text in texts
    ]
    assert signals["curly_bracket"].tolist() == ["{" in text for text in texts]
    lines = read_lines(pa.array(texts, pa.large_string()))
    assert c4.bad_lines(lines, chosen).tolist() == [n == 0 for lines in found for n in lines]


@settings(max_examples=400)
@given(st.lists(TEXT, max_size=4), st.booleans())
def test_sentences_and_bad_lines_are_those_of_the_twin(texts, need_end_mark):
    check_against_the_twin(texts, need_end_mark=need_end_mark)


def test_those_of_real_texts_too(real_texts):
    check_against_the_twin(real_texts, need_end_mark=True)
    check_against_the_twin(real_texts, need_end_mark=False)


def test_five_sentences_pass_and_four_are_too_few():
    assert reason(FIVE) is None
    assert reason(FIVE.replace("Two is here! ", "")) == c4.TOO_FEW_SENTENCES
    assert reason("", min_sentences=0) is None
    assert reason(None) == c4.TOO_FEW_SENTENCES


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("A plain line ends here.", 1),
        ('He said "so it is"', 1),
        ("Two of them. On one line.", 2),
        ("Version 3.11 of it is out.", 1),
        ("He said (so it is.) Then he left.", 2),
        ("It was so.[1] And so.[2][citation needed]", 2),
        ("It was so [edit]", 0),
        ("No end mark at all", 0),
        ("It goes on and on...", 0),
        ("It goes on and on...[3]", 0),
        ("It ends 'here.'", 0),
        ("Too short.", 0),
        ("Please enable JavaScript to go on.", 0),
        ("This site uses cookies for everything.", 0),
        ("Read the Privacy Policy of ours.", 0),
        ("It is " + "x" * 1001 + " here.", 0),
        ("It is " + "x" * 1000 + " here.", 1),
    ],
)
def test_sentences_are_counted_in_lines_that_look_like_them(line, expected):
    assert sentences(line) == expected
    assert sentences(f"{line}\n \n{line}") == 2 * expected
    assert bad_lines(f"{line}\n \n{line}") == [expected == 0, True, expected == 0]


def test_the_settings_of_the_code_and_of_datatrove_read_a_line_otherwise():
    assert sentences("Four words of it.", min_words_in_line=5) == 0
    assert sentences("These are five of them.", min_words_in_line=5) == 1
    assert sentences("It ends 'here.'", end_marks=".!?\"'") == 1


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


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("A heading with {", None),
        ("A line with { and a stop.", c4.CURLY_BRACKET),
        ("A line of JavaScript with { and a stop.", None),
        ("Cookie policy: a line with { and a stop.", c4.CURLY_BRACKET),
        ("A heading with lorem ipsum", None),
        ("A line of lorem ipsum and JavaScript.", c4.LOREM_IPSUM),
    ],
)
def test_filler_may_be_looked_for_only_in_lines_that_the_code_has_not_refused_yet(line, expected):
    found = reason(f"{FIVE}\n{line}", curly_bracket=True, filler_in="kept_lines")
    assert found == expected
    assert reason(f"{FIVE}\n{line}", curly_bracket=True) is not None


@pytest.mark.parametrize("text", ["a DARN b.", "darn", "(darn)", "so+c++ is", "été"])
def test_a_bad_word_makes_a_page_leave(text):
    chosen = {"bad_words": ("Darn", "c++", "Été"), "min_sentences": 0}
    assert reason(text, **chosen) == c4.BAD_WORD
    assert reason(text, min_sentences=0) is None


@pytest.mark.parametrize("text", ["darned", "adarn", "darn_it", "éTés", "a9darn"])
def test_a_bad_word_inside_another_word_passes(text):
    assert reason(text, bad_words=("Darn", "Été"), min_sentences=0) is None


PAGE = """HOME
The harbour is old.[1] It is[edit] deep.

A heading of four words[2]"""


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({}, PAGE),
        ({"remove_lines": True}, "The harbour is old.[1] It is[edit] deep."),
        ({"remove_citations": True}, re.sub(r"\[\w+]", "", PAGE)),
        ({"remove_lines": True, "remove_citations": True}, "The harbour is old. It is deep."),
    ],
)
def test_lines_and_citations_are_removed_where_the_recipe_says_so(changes, left):
    lines = read_lines(pa.array(["It has three words.", PAGE, None], pa.large_string()))
    spans = c4.removed(lines, C4Settings(**changes))
    assert spans.offsets.tolist() == [0, 0, len(spans.starts), len(spans.starts)]
    ends, starts = [0, *spans.ends], [*spans.starts, len(PAGE)]
    assert "".join(PAGE[a:b] for a, b in zip(ends, starts, strict=True)) == left
