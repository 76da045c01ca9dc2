"""FineWeb's line rules: the smallest text that trips each, and the nearest that passes.

The measures are held against a few lines of plain Python, datatrove's reading against its code's.
"""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.heuristics import fineweb
from filters.heuristics.fineweb import END_MARKS, FineWebSettings
from filters.heuristics.lines import read_lines
from filters.verdict import first_fault

TEXT = st.text() | st.text(alphabet='aé. 。"\n\t\u2003', max_size=60)
LINE = "A line of more than thirty letters"  # 34 characters, 7 words


def measure(texts, **changes):
    lines = read_lines(pa.array(texts, pa.large_string()))
    nothing = np.zeros(len(lines.starts), np.bool_)
    return fineweb.measure(lines, nothing, FineWebSettings(**changes))


def reason(text, **changes):
    return first_fault(1, fineweb.judge(measure([text], **changes), FineWebSettings(**changes)))[0]


def twin(text, *, strip):
    """datatrove's filter() without its words; the lines stripped or as they are."""
    lines = [line for line in text.split("\n") if line.strip()]
    lines = [line.strip() for line in lines] if strip else lines
    whole = text.split("\n")
    characters = sum(len(line.strip() if strip else line) for line in whole)
    seen, repeated = set(), 0
    for line in lines:
        repeated += len(line) if line in seen else 0
        seen.add(line)
    some = max(len(lines), 1)
    return {
        "end_mark_lines": sum(line.endswith(tuple(END_MARKS)) for line in lines) / some,
        "short_lines": sum(len(line) <= 30 for line in lines) / some,
        "duplicate_characters": repeated / max(characters, 1),
        "newlines_per_word": text.count("\n") / max(len(text.split()), 1),
    }


def check_against_the_twin(texts, *, strip):
    found = measure(texts, strip_lines=strip)
    expected = [twin(text, strip=strip) for text in texts]
    assert {name: values.tolist() for name, values in found.items()} == {
        name: [measures[name] for measures in expected] for name in twin("", strip=strip)
    }


@settings(max_examples=400)
@given(st.lists(TEXT, max_size=4), st.booleans())
def test_texts_measure_as_the_twin_does(texts, strip):
    check_against_the_twin(texts, strip=strip)


def test_real_texts_measure_so_too(real_texts):
    check_against_the_twin(real_texts, strip=True)
    check_against_the_twin(real_texts, strip=False)


@settings(max_examples=200)
@given(TEXT, st.data(), st.booleans())
def test_lines_that_are_gone_count_for_nothing(text, data, strip):
    whole = text.split("\n")
    gone = data.draw(st.lists(st.booleans(), min_size=len(whole), max_size=len(whole)))
    rest = "\n".join(line for line, is_gone in zip(whole, gone, strict=True) if not is_gone)
    lines, chosen = read_lines(pa.array([text])), FineWebSettings(strip_lines=strip)
    found = fineweb.measure(lines, np.array(gone, np.bool_), chosen)
    assert found == measure([rest], strip_lines=strip)


def numbered(num, *, marked=0, short=0, words=LINE):
    """Different lines, of which some end in a stop and some are short."""
    lines = [f"{words} {k:03}" for k in range(num)]
    lines = [f"{line[:28]}{k:02}" if k < short else line for k, line in enumerate(lines)]
    return "\n".join(f"{line}." if num - marked <= k else line for k, line in enumerate(lines))


def test_at_least_twelve_of_a_hundred_lines_must_end_like_a_sentence():
    assert reason(numbered(100, marked=12)) is None
    assert reason(numbered(100, marked=11)) == fineweb.TOO_FEW_END_MARKS
    assert reason("") == fineweb.TOO_FEW_END_MARKS
    assert reason(None) == fineweb.TOO_FEW_END_MARKS


@pytest.mark.parametrize("mark", [".", "!", "?", "。", "؟", "।"])
def test_the_marks_of_any_script_end_a_sentence(mark):
    assert reason(LINE + mark) is None


@pytest.mark.parametrize("end", ['."', ":", "…", ""])
def test_other_ends_are_none(end):
    assert reason(LINE + end) == fineweb.TOO_FEW_END_MARKS


def test_the_end_marks_may_be_others():
    assert reason(LINE + '."', end_marks='."') is None
    assert reason(LINE + "!", end_marks='."') == fineweb.TOO_FEW_END_MARKS


def test_white_space_behind_the_mark_hides_it_from_datatrove():
    assert reason(LINE + ". ") is None
    assert reason(LINE + ". ", strip_lines=False) == fineweb.TOO_FEW_END_MARKS


def test_at_most_sixty_seven_of_a_hundred_lines_may_be_short():
    assert reason(numbered(100, marked=12, short=67)) is None
    assert reason(numbered(100, marked=12, short=68)) == fineweb.TOO_MANY_SHORT_LINES


def test_a_line_of_thirty_characters_is_short_and_of_thirty_one_is_not():
    signal = [measure([f"{'é' * n}\n"])["short_lines"].item() for n in (30, 31)]
    assert signal == [1, 0]


def test_at_most_a_hundredth_of_the_characters_may_stand_in_repeated_lines():
    first = "So it was with the old harbour and its many ships."  # 50 characters
    others = numbered(99, words=f"{LINE} and so on")
    rest = 100 * 50 - 2 * len(first) - len(others.replace("\n", ""))
    assert rest >= 0
    text = f"{first}\n{others}{'.' * rest}\n{first}"
    assert len(text.replace("\n", "")) == 100 * len(first)
    changes = {"min_end_mark_lines": 0.0}
    assert reason(text, **changes) is None
    assert reason(text.replace("..", ".", 1), **changes) == fineweb.TOO_MANY_DUPLICATE_CHARACTERS
    assert reason(text.replace("..", ".", 1), max_duplicate_characters=0.1, **changes) is None


def test_at_most_three_line_feeds_for_ten_words():
    text = "{}characteristically {}extraordinary\n" * 3 + "{}unpremeditatedness {}ends{}."
    text = text.format(*"abcdefgh", " Here so")
    assert (text.count("\n"), len(text.split())) == (3, 10)
    assert reason(text) is None
    assert reason(text.replace(" so", "")) == fineweb.TOO_MANY_NEWLINES
