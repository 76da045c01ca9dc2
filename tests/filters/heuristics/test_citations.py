"""Citations: found as C4's expression finds them, and lines read as if they were not there."""

import re

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from filters.heuristics.citations import read_citations
from filters.heuristics.lines import CLOSERS, read_lines

CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]", re.ASCII)
SENTENCE_END = re.compile(rf"[.!?]+[{re.escape(CLOSERS)}]*(?=\s|$)")
PIECE = st.sampled_from(
    ["[1]", "[]", "[edit]", "[citation needed]", "[edits]", "[citation", "[12", "[", "]", ".",
     "...", "!", '"', "\u2019", " ", "\n", "a", "é", "…", "\u2003"]
)  # fmt: skip
TEXT = st.lists(PIECE, max_size=30).map("".join)


def line_twin(line):
    """Spans in bytes, sentence ends and last code point of a line."""
    spans = [
        (len(line[: m.start()].encode()), len(line[: m.end()].encode()))
        for m in CITATION.finditer(line)
    ]
    text = CITATION.sub("", line).strip()
    last = "…" if text.endswith("...") else text[-1:] or "\0"
    return spans, len(SENTENCE_END.findall(text)), ord(last)


def reread(texts):
    """The same of each line, as it is found."""
    lines = read_lines(pa.array(texts, pa.large_string()))
    found = read_citations(lines)
    spans = [[] for _ in lines.starts]
    for line, start, end in zip(found.lines, found.starts, found.ends, strict=True):
        spans[line].append((start - lines.starts[line], end - lines.starts[line]))
    return list(zip(spans, found.stops, found.last, strict=True))


@settings(max_examples=500)
@given(st.lists(TEXT | st.text(), max_size=4))
@example(["So.[1] [2] And.\u2019[3]\n[edit]\nIt ends...[12] ", "[[1]][[", "x" * 62 + ".[edit]"])
def test_lines_are_read_as_if_the_citations_were_not_there(texts):
    assert reread(texts) == [line_twin(line) for text in texts for line in text.split("\n")]


def test_real_lines_are_read_so_too(real_texts):
    expected = [line_twin(line) for text in real_texts for line in text.split("\n")]
    assert reread(real_texts) == expected
    assert sum(len(spans) for spans, _, _ in expected) > 20


@pytest.mark.parametrize("offset", range(0, 70, 9))
def test_nothing_depends_on_where_in_a_block_it_stands(offset):
    lines = read_lines(pa.array(["x" * offset + " It was so.[1][citation needed] And so.[edit]"]))
    found = read_citations(lines)
    assert (len(found.lines), found.stops.tolist(), found.last.tolist()) == (3, [2], [ord(".")])
