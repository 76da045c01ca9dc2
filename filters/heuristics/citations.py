"""Wikipedia's citations in running text: `[1]`, `[]`, `[edit]` and `[citation needed]`.

C4's code takes them out before it looks at a line's end (c4_utils.py of TensorFlow Datasets:
`\\[\\d*\\]|\\[edit\\]|\\[citation needed\\]`), so "was there.[2]" ends in a stop. White space that
is left at the line's end does not count, which it does in that code; digits are ASCII's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from corpus.simd import KERNEL, equal_mask, lowest_bit
from corpus.utf8 import Int64Array, UInt8Array, UInt32Array, value_at
from filters.heuristics.line_kernel import CLOSER, SPACE, Int32Array, code_point
from filters.heuristics.lines import Lines, flags_of_code_points

_OPEN, _CLOSE = 0x5B, 0x5D
_WORDS = np.zeros((2, 16), np.uint8)  # what stands between the brackets, filled up with zeros
for _row, _text in zip(_WORDS, (b"edit]", b"citation needed]"), strict=True):
    _row[: len(_text)] = list(_text)


class Citations(NamedTuple):
    """Citations in order, and what the lines are without them."""

    lines: Int64Array
    """int64 (num_citations,): the number of the line of each."""
    starts: Int64Array
    """int64 (num_citations,): where it begins in Lines.data."""
    ends: Int64Array
    stops: Int32Array
    """int32 (num_lines,): sentence ends, as Lines.stops."""
    last: Int32Array
    """int32 (num_lines,): last code point, as Lines.last; U+2026 where the line ends in "..."."""


def read_citations(lines: Lines) -> Citations:
    """Find the citations, and read again the lines that have any."""
    stops, last = lines.stops.copy(), lines.last.copy()
    last[lines.dotted > 0] = ord("…")
    begin, end = (lines.starts[0], lines.ends[-1]) if len(lines.starts) else (0, 0)
    most = np.count_nonzero(lines.data[begin:end] == _OPEN)
    line, starts, ends = (np.empty(most, np.int64) for _ in range(3))
    n = _find(lines.data, lines.starts, lines.ends, line, starts, ends) if most else 0
    found = Citations(line[:n], starts[:n], ends[:n], stops, last)
    _read_again(lines.data, lines.starts, lines.ends, *found, *flags_of_code_points())
    return found


@njit(**KERNEL)
def _find(
    data: UInt8Array, line_starts: Int64Array, line_ends: Int64Array,
    lines: Int64Array, starts: Int64Array, ends: Int64Array,
) -> int:  # fmt: skip
    """Fill in the line and the place of each citation; returns their number."""
    n = line = 0
    for block in range(line_starts[0], line_ends[-1], 64):
        opened = equal_mask(data, block, _OPEN)
        while opened:
            place = block + lowest_bit(opened)
            opened &= opened - np.uint64(1)
            while line + 1 < len(line_starts) and line_starts[line + 1] <= place:
                line += 1
            end = _end_of_citation(data, place + 1, line_ends[line])
            if end:
                lines[n], starts[n], ends[n] = line, place, end
                n += 1
    return n


@njit(**KERNEL)
def _end_of_citation(data: UInt8Array, i: int, end: int) -> int:
    """One past the citation's closing bracket, or 0 where there is none; i: behind the opening."""
    for row in range(len(_WORDS)):
        k = 0
        while k < 16 and _WORDS[row, k] and i + k < end and data[i + k] == _WORDS[row, k]:
            k += 1
        if k and data[i + k - 1] == _CLOSE:
            return i + k
    while i < end and ord("0") <= data[i] <= ord("9"):
        i += 1
    return i + 1 if i < end and data[i] == _CLOSE else 0


@njit(**KERNEL)
def _read_again(
    data: UInt8Array, line_starts: Int64Array, line_ends: Int64Array,
    lines: Int64Array, starts: Int64Array, ends: Int64Array, stops: Int32Array, last: Int32Array,
    pages: Int64Array, values: UInt32Array,
) -> None:  # fmt: skip
    """Sentence ends and last code point of each line that has citations."""
    n = 0
    while n < len(lines):
        line = lines[n]
        num_stops = num_dots = final = final_dots = 0
        has_stop = False  # and only closers since
        i = line_starts[line]
        while i < line_ends[line]:
            if n < len(lines) and i == starts[n]:
                i = ends[n]
                n += 1
                continue
            flags, length = value_at(data, np.uint64(i), np.uint64(line_ends[line]), pages, values)
            if flags & SPACE:
                num_stops += has_stop
                has_stop, num_dots = False, 0
            else:
                final = code_point(data, i)
                final_dots = num_dots = num_dots + 1 if final == ord(".") else 0
                is_stop = final == ord(".") or final == ord("!") or final == ord("?")
                has_stop = is_stop or (has_stop and flags & CLOSER != 0)
            i += np.int64(length)
        stops[line] = num_stops + has_stop
        last[line] = 0x2026 if final_dots >= 3 else final
