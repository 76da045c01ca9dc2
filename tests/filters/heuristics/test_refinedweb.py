"""RefinedWeb's line rules: the lines that go, the nearest that stay, and what a page may lose.

Bad lines are held against DCLM's expressions on any text.
"""

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.heuristics import refinedweb
from filters.heuristics.lines import read_lines
from filters.heuristics.refinedweb import COUNTERS, RefinedWebSettings
from filters.verdict import first_fault

COUNTER = re.compile(rf"^\W*[0-9](?:,|\.|[0-9])*[kmb]?\s+(?:{'|'.join(COUNTERS)})\W*$", re.ASCII)
PIECE = st.sampled_from(
    ["3", "1,2", "k", "M", " ", "likes", "Views", "view", "•", "_", "é", "AB", "a b", "Sign-in",
     "read more...", "Items in Cart", "\n", "²", "."]
)  # fmt: skip
PLAIN = "the ship sailed to sea "  # 5 words


def lines_of(text):
    return read_lines(pa.array([text], pa.large_string()))


def measure(text, **changes):
    signals = refinedweb.measure(lines_of(text), RefinedWebSettings(**changes))
    return signals["removed_words"].item()


def reason(text, **changes):
    chosen = RefinedWebSettings(**changes)
    return first_fault(1, refinedweb.judge(refinedweb.measure(lines_of(text), chosen), chosen))[0]


def is_bad(line, **changes):
    (bad,) = refinedweb.bad_lines(lines_of(line), RefinedWebSettings(**changes))
    return bool(bad)


def edit(line):
    """The line without its patterns, None where nothing is left."""
    text = line.strip()
    if len(text.split()) > 10:
        return text
    found = re.compile(
        r"\Asign-in\s?|\s?items in cart|\s?read more\.\.\.\Z", re.IGNORECASE | re.ASCII
    )
    return found.sub("", text) or None


def twin(line):
    text = line.strip()
    if not text:
        return False
    ascii_text = re.sub(r"[^\x00-\x7f]", lambda c: "é" if c[0].isalnum() else "·", text)
    counter = COUNTER.match(ascii_text.lower().replace("é", "x"))
    return bool(
        sum(map(str.isupper, text)) / len(text) > 0.5
        or all(word.isdigit() for word in text.split())
        or len(text.split()) < 2
        or counter
        or edit(text) is None
    )


@settings(max_examples=500)
@given(st.lists(PIECE, max_size=9).map("".join))
def test_bad_lines_are_those_of_the_twin(text):
    found = refinedweb.bad_lines(lines_of(text), RefinedWebSettings()).tolist()
    assert found == [twin(line) for line in text.split("\n")]


def test_bad_lines_of_real_texts_are_those_of_the_twin(real_texts):
    lines = read_lines(pa.array(real_texts, pa.large_string()))
    found = refinedweb.bad_lines(lines, RefinedWebSettings()).tolist()
    assert found == [twin(line) for text in real_texts for line in text.split("\n")]


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        ("ABCDEF abc", "ABCDE abcd"),  # half of the characters may be upper-case letters
        ("ÄÖÜ ß", "Ä öüß"),
        ("12 2024 7", "12 2024 7th"),
        ("3 likes", "3 likes it"),
        ("• 1,234 Comments »", "• 1,234 Commentators"),
        ("1.2K views", "K views of it"),
        ("Home", "Home again"),
        ("Sign-in", "Please Sign-in"),
        ("Read more...", "Read more.. ."),
        ("Items in cart", "3 Items in cart"),
    ],
)
def test_lines_that_go_and_the_nearest_that_stay(bad, good):
    assert is_bad(bad)
    assert not is_bad(good)


def test_blank_lines_stay():
    found = refinedweb.bad_lines(lines_of("\n \n"), RefinedWebSettings())
    assert found.tolist() == [False] * 3


@pytest.mark.parametrize(
    ("line", "cut"),
    [
        ("Sign-in to see it all", ["Sign-in "]),
        ("The story goes on here. Read more...", [" Read more..."]),
        ("There are no items in cart at all", [" items in cart"]),
        ("He asked to read more... and left", []),
        ("Please sign-in to see it", []),
        ("Sign-in to read a line that has more than ten words", []),
        ("sign-in and READ MORE...", ["sign-in ", " READ MORE..."]),
    ],
)
def test_patterns_are_taken_out_of_short_lines(line, cut):
    text = f"Something else before it.\n{line}"
    lines = lines_of(text)
    assert not refinedweb.bad_lines(lines, RefinedWebSettings()).any()
    spans = refinedweb.removed(lines, RefinedWebSettings(remove_lines=True))
    found = [text.encode()[a:b].decode() for a, b in zip(spans.starts, spans.ends, strict=True)]
    assert found == cut
    assert measure(text) == sum(len(part.split()) for part in cut) / len(text.split())


def test_a_page_may_lose_a_twentieth_of_its_words():
    page = PLAIN * 7 + "all is\n"  # 37 words
    assert measure(page + "3 likes\n" + "and so") == 2 / 41
    assert reason(page + "x\n3 likes") == refinedweb.TOO_MANY_BAD_LINES  # 3 of 40
    exactly = PLAIN * 7 + "all is well\n" + "3 likes"  # 2 of 40
    assert reason(exactly) is None
    assert reason(PLAIN * 7 + "all is\n" + "3 likes") == refinedweb.TOO_MANY_BAD_LINES  # 2 of 39
    assert reason(None) is None


def test_each_rule_has_its_setting():
    assert not is_bad("MAINLY CAPITALS", max_uppercase=1.0)
    assert not is_bad("12 2024", numeric_lines=False)
    assert not is_bad("3 likes", counters=())
    assert is_bad("3 claps", counters=("claps",))
    assert not is_bad("Home", min_words_in_line=1)
    nothing = {"line_starts": (), "line_ends": (), "line_parts": ()}
    assert not is_bad("read more...", **nothing)
    assert is_bad("keep reading", **{**nothing, "line_ends": ("Keep reading",)})


def test_a_counter_that_is_no_word_is_refused():
    with pytest.raises(ValueError, match="lower-case words of a to z"):
        is_bad("3 Likes", counters=("Likes",))


def test_lines_and_patterns_are_removed_where_the_recipe_says_so():
    page = "HOME\nThe harbour is old.\n\n3 likes\nNobody knows. Read more...\nA heading"
    lines = read_lines(pa.array(["Some words", page, None], pa.large_string()))
    assert len(refinedweb.removed(lines, RefinedWebSettings()).starts) == 0
    spans = refinedweb.removed(lines, RefinedWebSettings(remove_lines=True))
    assert spans.offsets.tolist() == [0, 0, 3, 3]
    cut = [page.encode()[a:b].decode() for a, b in zip(spans.starts, spans.ends, strict=True)]
    assert cut == ["HOME\n", "3 likes\n", " Read more..."]
