"""Lines and their counts: the kernel against plain Python, and spans that join cleanly."""

import re
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from filters.heuristics.lines import (
    CLOSERS,
    Lines,
    is_one_of,
    merge,
    of_documents,
    read_lines,
    whole_lines,
)

SENTENCE_END = re.compile(rf"[.!?]+[{re.escape(CLOSERS)}]*(?=\s|$)")
# What the rules look at, and white space and closers of one, two and three bytes.
SPECIAL = "ab1A .!?#…\n\t-\"')]\u2019”»{\u2003\u00a0\u0085中éÉΩ²Ⓐ😀"
TEXT = st.text() | st.text(alphabet=SPECIAL) | st.text(alphabet=". \n…", min_size=50)
LONG = st.builds(
    lambda text, n: text * n, st.text(alphabet=SPECIAL, min_size=1), st.integers(1, 40)
)
PLACES = Lines._fields[2:6]
COUNTS = Lines._fields[6:]


def size(text):
    return len(text.encode())


def line_twin(line):
    """The counts of one line, by the name of the field."""
    words, text = line.split(), line.strip()
    longest = [len(word) for word in words if len(word) > 64]
    return {
        "words": len(words),
        "letterless": sum(not any(map(str.isalpha, word)) for word in words),
        "characters": sum(map(len, words)),
        "blanks": len(text) - sum(map(len, words)),
        "margin": len(line) - len(text),
        "uppers": sum(map(str.isupper, line)),
        "digits": sum(map(str.isdigit, line)),
        "hashes": line.count("#"),
        "brackets": line.count("{"),
        "ellipses": line.count("...") + line.count("…"),
        "stops": len(SENTENCE_END.findall(line)),
        "longest": max(longest, default=0),
        "first": ord(text[0]) if text else 0,
        "last": ord(text[-1]) if text else 0,
        "dotted": int(text.endswith("...")),
    }


def twin(text):
    """Each line of a text: its places relative to the text's start, and its counts."""
    found, start = [], 0
    for line in text.split("\n"):
        end = start + size(line)
        text_start = start + size(line) - size(line.lstrip())
        text_end = text_start + size(line.strip())
        found.append(((start, end, text_start, text_end), line_twin(line)))
        start = end + 1
    return found


def measured(texts):
    """What the kernel found, in the form of the twin, one list a text."""
    array = texts if isinstance(texts, pa.ChunkedArray) else pa.array(texts, pa.large_string())
    lines = read_lines(array)
    result = []
    for first, end in pairwise(lines.offsets):
        begin = lines.starts[first]
        result.append(
            [
                (
                    tuple(int(getattr(lines, name)[i] - begin) for name in PLACES),
                    {name: int(getattr(lines, name)[i]) for name in COUNTS},
                )
                for i in range(first, end)
            ]
        )
    return result


@settings(max_examples=400)
@given(st.lists(TEXT | LONG, max_size=4))
@example(["x" * 63 + "\u2003" + "y", "x" * 62 + ".\u201d\u201d z", "." * 130, "…" * 70, ""])
@example(
    ["a" * 64, "1" * 64, "1" * 64 + " a", "1" * 64 + "a b", "a" * 65 + "\n" + "b" * 66, "\n\n"]
)
@example(["é" * 70 + " " + "中" * 130 + "\n" + " " * 70 + "!" + "'" * 70 + "\n", "\u2003" * 60])
def test_the_kernel_counts_as_the_twin_does(texts):
    assert measured(texts) == [twin(text) for text in texts]


@pytest.mark.parametrize("offset", range(0, 70, 3))
def test_nothing_depends_on_where_in_a_block_it_stands(offset):
    text = "x" * offset + " 1 \u2019a\u2019 #... b. “C.”\u2003Ends?!)\n\u00a0-\u20031…\n" * 4
    assert measured([text, text]) == [twin(text)] * 2


def test_nulls_slices_and_chunks_change_nothing():
    texts = ["A line.\nAnother", None, "", "x\n"]
    expected = [twin(text or "") for text in texts]
    assert measured(texts) == expected
    chunked = pa.chunked_array([["gone", *texts[:1]], [], texts[1:]], pa.string()).slice(1)
    assert measured(chunked) == expected
    long_tail = pa.array([*texts, "z" * 500], pa.large_string())
    assert measured(pa.chunked_array([long_tail[:4]])) == expected
    assert measured([]) == []


def test_real_lines_are_counted_as_the_twin_does(real_texts):
    assert measured(real_texts) == [twin(text) for text in real_texts]


def test_a_set_of_characters_is_asked_of_all_lines():
    lines = read_lines(pa.array(["- a.\n• b。\nc"]))
    assert is_one_of(lines.first, "•-").tolist() == [True, True, False]
    assert is_one_of(lines.last, ".。").tolist() == [True, True, False]


def without(text, starts, ends):
    """The text without the spans, as a document is edited."""
    data = text.encode()
    kept = [data[a:b] for a, b in zip([0, *ends], [*starts, len(data)], strict=True)]
    return b"".join(kept).decode()


@settings(max_examples=300)
@given(st.data(), st.lists(st.text(alphabet="aé\n", max_size=12), min_size=1, max_size=3))
def test_what_is_left_of_a_text_joins_as_if_the_lines_had_not_been(data, texts):
    lines = read_lines(pa.array(texts))
    chosen = data.draw(
        st.lists(st.booleans(), min_size=len(lines.starts), max_size=len(lines.starts))
    )
    spans = whole_lines(lines, np.array(chosen, np.bool_))
    for d, text in enumerate(texts):
        mine = slice(spans.offsets[d], spans.offsets[d + 1])
        starts, ends = spans.starts[mine].tolist(), spans.ends[mine].tolist()
        kept = [line for i, line in enumerate(text.split("\n")) if not chosen[lines.offsets[d] + i]]
        assert without(text, starts, ends) == "\n".join(kept)
        assert all(start < end for start, end in zip(starts, ends, strict=True))
        assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))


def test_spans_of_two_kinds_are_merged_in_order():
    lines = read_lines(pa.array(["a\nb\nc\nd", "e\nf"]))
    some = whole_lines(lines, np.array([1, 0, 0, 1, 0, 0], np.bool_))
    others = whole_lines(lines, np.array([0, 1, 0, 0, 0, 1], np.bool_))
    both = merge(others, some)
    assert [array.tolist() for array in both] == [[0, 3, 4], [0, 2, 5, 1], [2, 4, 7, 3]]


def test_only_some_documents_keep_their_spans():
    lines = read_lines(pa.array(["a\nb", "c", "d\ne\nf"]))
    spans = whole_lines(lines, np.array([1, 0, 1, 0, 1, 1], np.bool_))
    some = of_documents(spans, np.array([True, False, True]))
    assert [array.tolist() for array in some] == [[0, 1, 1, 2], [0, 1], [2, 5]]


@settings(max_examples=200)
@given(st.binary(max_size=300), st.binary(max_size=80))
def test_bytes_that_are_no_utf8_are_lines_all_the_same(data, beyond):
    offsets = np.array([0, len(data), len(data + beyond)], np.int64)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data + beyond)]
    lines = read_lines(pa.Array.from_buffers(pa.large_string(), 2, buffers))
    mine = slice(*lines.offsets[:2])
    found = [data[a:b] for a, b in zip(lines.starts[mine], lines.ends[mine], strict=True)]
    assert found == data.split(b"\n")
    assert (lines.words >= lines.letterless).all()
    assert (lines.text_starts <= lines.text_ends).all()
