"""Bytes -> lines and their counts, 64 bytes at a time: the kernel behind lines.py.

Each block of a text becomes masks (corpus/simd.py): a bit for each byte that is white space, a
letter, a dot, and so on. What words and sentences are is arithmetic on them, and a line's counts
are the numbers of bits of the masks within the line. Bytes above ASCII are looked up one code point
at a time and put into the same masks, at the code point's first byte.

Where a run must be followed to its end, an addition does it: a carry passes through ones and stops
at the first zero. So words without a letter are found at once (a one added at each word's start
comes out in the white space behind it only where no letter stopped it), and so are the quotes and
brackets between a sentence's stop and its white space. What runs on into the next block is carried.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from corpus.simd import KERNEL, equal_mask, highest_bit, lowest_bit, num_bits, range_mask
from corpus.utf8 import Int64Array, UInt8Array, UInt32Array, value_at

Int32Array = npt.NDArray[np.int32]

# Flags of a code point.
SPACE, LETTER, UPPER, DIGIT, CLOSER, ELLIPSIS = (1 << bit for bit in range(6))

# Rows of the arrays, in the order of `Lines`.
START, END, TEXT_START, TEXT_END = range(4)
NUM_PLACES = 4
# Those that are numbers of bits come first, in the order of the masks in `cut_lines`.
(
    WORDS, LETTERLESS, CHARACTERS, BLANKS, UPPERS, DIGITS, HASHES, BRACKETS, ELLIPSES, STOPS,
    MARGIN, LONGEST, FIRST, LAST, DOTTED,
) = range(15)  # fmt: skip
NUM_COUNTS = 15

_NONE, _ONE, _TOP = np.uint64(0), np.uint64(1), np.uint64(63)
_ALL = ~_NONE
_DOT, _MARK, _QUESTION, _HASH, _BRACKET = (ord(character) for character in ".!?#{")
_LONG = 64  # a word that may be too long for a line runs over the end of a block


@njit(**KERNEL)
def cut_lines(
    data: UInt8Array, starts: Int64Array, ends: Int64Array, pages: Int64Array, values: UInt32Array,
    places: Int64Array, counts: Int32Array, offsets: Int64Array,
) -> int:  # fmt: skip
    """Fill in places and counts (a column a line) and offsets; returns the number of lines.

    data: PADDING bytes beyond the last document; counts: zeros.
    """
    line = 0
    for d in range(len(starts)):
        at, end = starts[d], ends[d]
        in_word = letterless = after_stop = closing = _NONE  # 1 where it runs into the block
        space_over = closer_over = _NONE  # bits of a code point that began in the block before
        dots = letters_of_word = 0
        _begin(places, line, at)
        while at <= end:  # one byte beyond the end stands for the last line's line feed
            valid, feeds = _extent(data, at, end)
            space, letter, upper, digit, closer = _classes(data, at)
            space, closer, lead, ellipsis = space | space_over, closer | closer_over, _ALL, _NONE
            space_over = closer_over = _NONE
            above = range_mask(data, at, 0x80, 0xFF) & valid
            if above:
                lead = ~range_mask(data, at, 0x80, 0xBF)
                space, space_over, letter, upper, digit, closer, closer_over, ellipsis = _look_up(
                    data, at, end, above & lead, pages, values, space, letter, upper, digit, closer
                )
            space |= ~valid  # beyond the end; the others there are never asked about
            word, lead = ~space, lead & valid
            begun = word & ~((word << _ONE) | in_word)
            in_word = word >> _TOP

            unlettered = word & ~letter  # a one passes from each word's start up to a letter
            passed = unlettered + (begun | letterless)
            letterless = np.uint64(passed < unlettered)

            dot = equal_mask(data, at, _DOT) & word
            stop = dot | ((equal_mask(data, at, _MARK) | equal_mask(data, at, _QUESTION)) & word)
            # What stands behind a run of stops, and behind the closers after it.
            behind = (((stop << _ONE) | after_stop) & ~stop) | closing
            after_stop = stop >> _TOP
            closer &= word
            followed = closer + (behind & closer)
            closing = np.uint64(followed < closer)

            if dot & ((dot << _ONE) | np.uint64(dots > 0)):
                ellipsis |= _thirds(dot, dots)
            dots = _run_at_top(dot, dots)
            letters_of_word = _measure_word(word & lead, space, letters_of_word, counts, line)

            line = _add(
                data, at, end, line, places, counts, feeds, word, (
                    begun, passed & space, word & lead, space & lead & ~feeds, upper & word,
                    digit & word, equal_mask(data, at, _HASH) & word,
                    equal_mask(data, at, _BRACKET) & word, ellipsis & word,
                    (followed | behind) & ~closer & space,
                ),
            )  # fmt: skip
            at += 64
        offsets[d + 1] = line
    return line


@njit(**KERNEL, inline="always")
def _extent(data: UInt8Array, at: int, end: int) -> tuple[np.uint64, np.uint64]:
    """Which bytes of the block are the document's, and which are line feeds or its end."""
    left = end - at
    feeds = equal_mask(data, at, 0x0A)
    if left >= 64:
        return _ALL, feeds
    first_beyond = _ONE << np.uint64(left)
    valid = first_beyond - _ONE
    return valid, (feeds & valid) | first_beyond


@njit(**KERNEL, inline="always")
def _classes(
    data: UInt8Array, at: int
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64, np.uint64]:
    """ASCII's white space, letters, upper case, digits and closers, as `str` has them."""
    space = range_mask(data, at, 0x09, 0x0D) | range_mask(data, at, 0x1C, 0x20)
    upper = range_mask(data, at, ord("A"), ord("Z"))
    letter = upper | range_mask(data, at, ord("a"), ord("z"))
    closer = equal_mask(data, at, ord('"')) | equal_mask(data, at, ord("'"))
    closer |= equal_mask(data, at, ord(")")) | equal_mask(data, at, ord("]"))
    return space, letter, upper, range_mask(data, at, ord("0"), ord("9")), closer


@njit(**KERNEL)
def _look_up(
    data: UInt8Array, at: int, end: int, todo: np.uint64, pages: Int64Array, values: UInt32Array,
    space: np.uint64, letter: np.uint64, upper: np.uint64, digit: np.uint64, closer: np.uint64,
) -> tuple[
    np.uint64, np.uint64, np.uint64, np.uint64, np.uint64, np.uint64, np.uint64, np.uint64
]:  # fmt: skip
    """Put the code points that begin at the bits of `todo` into the masks.

    White space and closers have the bits of all their bytes, since runs pass over them; what of
    them lies in the next block is returned behind their mask. Ellipses are the last mask.
    """
    space_over = closer_over = ellipsis = _NONE
    while todo:
        bit = todo & (_NONE - todo)
        todo ^= bit
        place = np.uint64(lowest_bit(bit))
        flags, length = value_at(data, np.uint64(at) + place, np.uint64(end), pages, values)
        letter |= bit * np.uint64(flags & LETTER != 0)
        upper |= bit * np.uint64(flags & UPPER != 0)
        if flags & (SPACE | DIGIT | CLOSER | ELLIPSIS):
            run = (_ONE << length) - _ONE
            over = run >> (np.uint64(64) - place) if place + length > 64 else _NONE
            if flags & SPACE:
                space, space_over = space | (run << place), over
            elif flags & CLOSER:
                closer, closer_over = closer | (run << place), over
            elif flags & DIGIT:
                digit |= bit
            else:
                ellipsis |= bit
    return space, space_over, letter, upper, digit, closer, closer_over, ellipsis


@njit(**KERNEL, inline="always")
def _measure_word(
    letters: np.uint64, space: np.uint64, before: int, counts: Int32Array, line: int
) -> int:
    """Keep the length of the word that ran into the block, if it is long; that of the word that
    runs out of it is returned. letters: the first bytes of all words' characters."""
    if not space:
        return before + num_bits(letters)
    length = before + num_bits(letters & ((space & (_NONE - space)) - _ONE))
    if length > _LONG and length > counts[LONGEST, line]:
        counts[LONGEST, line] = length
    beyond = highest_bit(space) + 1
    return num_bits(letters >> np.uint64(beyond)) if beyond < 64 else 0


@njit(**KERNEL, inline="always")
def _add(
    data: UInt8Array, at: int, end: int, line: int, places: Int64Array, counts: Int32Array,
    feeds: np.uint64, word: np.uint64, masks: tuple[np.uint64, ...],
) -> int:  # fmt: skip
    """Add the masks' bits to the lines in the block; the line that goes on is returned."""
    here = _ALL
    while True:
        feed = feeds & (_NONE - feeds)
        part = here & (feed | (feed - _ONE))  # up to the line feed; all where there is none
        for row in range(len(masks)):
            counts[row, line] += num_bits(masks[row] & part)
        text = word & part
        if text:
            if places[TEXT_START, line] < 0:
                places[TEXT_START, line] = at + lowest_bit(text)
            places[TEXT_END, line] = at + highest_bit(text) + 1
        if feed == _NONE:
            return line
        line_end = at + lowest_bit(feed)
        _finish(data, places, counts, line, line_end)
        line += 1
        if line_end == end:
            return line
        _begin(places, line, line_end + 1)
        feeds ^= feed
        here = ~(feed | (feed - _ONE))


@njit(**KERNEL, inline="always")
def _begin(places: Int64Array, line: int, start: int) -> None:
    places[START, line] = start
    places[TEXT_START, line] = -1


@njit(**KERNEL)
def _finish(
    data: UInt8Array, places: Int64Array, counts: Int32Array, line: int, line_end: int
) -> None:
    """End a line: its margin, and its first and last code point."""
    places[END, line] = line_end
    start = places[TEXT_START, line]
    if start < 0:
        places[TEXT_START, line] = places[TEXT_END, line] = line_end
        counts[MARGIN, line] = counts[BLANKS, line]
        counts[BLANKS, line] = 0
        return
    end = places[TEXT_END, line]
    margin = _num_code_points(data, places[START, line], start)
    margin += _num_code_points(data, end, line_end)
    counts[MARGIN, line] = margin
    counts[BLANKS, line] -= margin
    counts[FIRST, line] = code_point(data, start)
    last = end - 1
    while last > start and data[last] & 0xC0 == 0x80:
        last -= 1
    counts[LAST, line] = code_point(data, last)
    if end - start >= 3:
        dotted = data[end - 1] == _DOT and data[end - 2] == _DOT and data[end - 3] == _DOT
        counts[DOTTED, line] = dotted


@njit(**KERNEL, inline="always")
def _num_code_points(data: UInt8Array, start: int, end: int) -> int:
    found = 0
    for i in range(start, end):
        found += data[i] & 0xC0 != 0x80
    return found


@njit(**KERNEL)
def code_point(data: UInt8Array, i: int) -> np.int64:
    """The code point whose UTF-8 begins at data[i]."""
    first = np.int64(data[i])
    if first < 0x80:
        return first
    second = np.int64(data[i + 1]) & 0x3F
    if first < 0xE0:
        return (first & 0x1F) << 6 | second
    third = np.int64(data[i + 2]) & 0x3F
    if first < 0xF0:
        return (first & 0x0F) << 12 | second << 6 | third
    return (first & 0x07) << 18 | second << 12 | third << 6 | (np.int64(data[i + 3]) & 0x3F)


@njit(**KERNEL)
def _thirds(dot: np.uint64, before: int) -> np.uint64:
    """Of each run of dots every third; `before` dots of the first run stand in earlier blocks."""
    found, run, expected = _NONE, before, 0
    while dot:
        place = lowest_bit(dot)
        run = run + 1 if place == expected else 1
        if run % 3 == 0:
            found |= _ONE << np.uint64(place)
        expected = place + 1
        dot &= dot - _ONE
    return found


@njit(**KERNEL, inline="always")
def _run_at_top(mask: np.uint64, before: int) -> int:
    """How many bits are set in a row up to the highest, those of earlier blocks included."""
    gap = highest_bit(~mask)
    return before + 64 if gap < 0 else 63 - gap
