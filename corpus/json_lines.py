"""Lines of JSON objects, walked once by a compiled kernel that finds the values of chosen keys.

`index_line` marks where each token of a line begins, 64 bytes at a time (simd.py); `walk` goes over
the tokens by JSON's grammar (RFC 8259) and writes down where the values of the chosen top-level
keys lie. Both answer only for what is plain: a line that breaks the grammar, that is no object,
nests deeper than 64, says a chosen key twice or escapes a character of a key is *unsure*, and its
caller has Python's own reader judge it. So the kernel may give up on a line, but must not be wrong:
what it takes, `json.loads` takes, and the values are where it says. 1.2 to 1.8 GB/s a core.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from corpus.simd import (
    BLOCK,
    byte_at,
    control_masks,
    eight_bytes,
    lowest_bit,
    num_bits,
    outside_masks,
    parity,
    string_masks,
)
from corpus.utf8 import Int64Array, UInt8Array, UInt64Array

Int32Array = npt.NDArray[np.int32]

MAX_DEPTH = 64  # bits of the stack; json.loads goes about 1,000 deep
MAX_NUMBER = 64  # bytes of a number; int() refuses 4,300 digits
MAX_KEY = 63  # bytes of a chosen key
ABSENT = -1
TOKENS_AT_ONCE = 6
SPARE_TOKENS = TOKENS_AT_ONCE  # beyond the last: `walk` may look at 4 of them

_ZERO, _ONE, _ALL = np.uint64(0), np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)
_LAST = np.uint64(63)
_QUOTE, _BACKSLASH, _COMMA, _COLON, _MINUS, _POINT = (ord(c) for c in "\"\\,:-.")
_OPEN_OBJECT, _CLOSE_OBJECT, _OPEN_ARRAY, _CLOSE_ARRAY = (ord(c) for c in "{}[]")
_NINE, _NOUGHT, _PLUS, _SMALL_E = (ord(c) for c in "90+e")
_TRUE, _FALSE, _NULL = (int(np.frombuffer(w, np.uint32)[0]) for w in (b"true", b"alse", b"null"))
_LOW_WORD = np.uint64(0xFFFFFFFF)


def _table(characters: bytes) -> UInt8Array:
    table = np.zeros(256, np.uint8)
    table[list(characters)] = 1
    return table


_ESCAPED = _table(b'"\\/bfnrtu')
_HEX = _table(b"0123456789abcdefABCDEF")
_DELIMITER = _table(b",}] \t\r\n")


class Keys(NamedTuple):
    """The chosen keys, found by their length and first eight bytes."""

    names: UInt8Array
    """The names, each in MAX_KEY + 1 bytes, uint8 (num_keys * 64,)."""
    heads: UInt64Array
    """Their first eight bytes, shorter ones filled with zeros, uint64 (num_keys,)."""
    masks: UInt64Array
    """Which bits of the head count, uint64 (num_keys,)."""
    first: Int64Array
    """Number of the first key of each length, -1 where there is none, int64 (MAX_KEY + 1,)."""
    following: Int64Array
    """The next key of the same length, or -1, int64 (num_keys,)."""


def chosen(names: Sequence[bytes]) -> Keys:
    """The table of these keys; key i of `walk`'s answer is names[i]."""
    first = np.full(MAX_KEY + 1, -1, np.int64)
    following = np.full(len(names), -1, np.int64)
    for i in reversed(range(len(names))):
        following[i], first[len(names[i])] = first[len(names[i])], i
    heads = b"".join(name[:8].ljust(8, b"\0") for name in names)
    masks = b"".join(b"\xff" * min(len(name), 8) + b"\0" * max(8 - len(name), 0) for name in names)
    padded = b"".join(name.ljust(MAX_KEY + 1, b"\0") for name in names)
    return Keys(
        np.frombuffer(padded, np.uint8),
        np.frombuffer(heads, np.uint64),
        np.frombuffer(masks, np.uint64),
        first,
        following,
    )


@njit(cache=True, nogil=True)
def index_line(  # noqa: C901 - one pass, one loop
    data: UInt8Array, start: int, size: int, tokens: Int32Array, escapes: Int32Array
) -> tuple[int, int, int, bool]:
    """Find the end of the line at `start` and where its tokens and escapes stand.

    data: 64 bytes longer than `size`, its text. Tokens are structural characters, both quotes of a
    string and the first byte of anything else; escapes are backslashes that begin one. Returns the
    end of the line (its line feed, or `size`), the number of tokens and of escapes, and whether
    strings, escapes and UTF-8 are sound.
    """
    num_tokens = num_escapes = 0
    within, in_scalar, escaped = _ZERO, _ZERO, _ZERO  # carried over from the block before
    wrong, above_ascii = _ZERO, _ZERO
    at, end = start, -1
    while end < 0:
        quotes, backslashes, controls, high = string_masks(data, at)
        valid, breaks = _ALL, _ZERO
        if at + BLOCK > size:
            valid = (_ONE << np.uint64(size - at)) - _ONE
            end = size
        if controls & valid:
            feeds, breaks = control_masks(data, at)
            feeds &= valid
            if feeds:
                valid = (feeds & (~feeds + _ONE)) - _ONE
                end = at + lowest_bit(feeds)
            wrong |= controls & valid & ~breaks
        high &= valid
        above_ascii |= high
        backslashes &= valid
        quotes &= valid
        if backslashes | escaped:
            escaped, num_escapes, sound = _mark_escapes(
                data, at, backslashes, escaped, escapes, num_escapes
            )
            wrong |= _ZERO if sound else _ONE
            quotes &= ~escaped
            escaped = _ZERO
            if num_escapes and escapes[num_escapes - 1] == at + BLOCK - 1:
                escaped = _ONE
        if within and not quotes:  # a block inside a long string
            wrong |= breaks & valid
            at += BLOCK
            continue
        inside = parity(quotes) ^ within
        within = _ZERO - (inside >> _LAST)
        structural, blanks = outside_masks(data, at)
        outside = ~inside & valid
        wrong |= (backslashes | high) & outside
        wrong |= breaks & valid & inside
        scalars = outside & ~(structural | blanks | breaks | quotes)
        marks = (structural & outside) | quotes | (scalars & ~((scalars << _ONE) | in_scalar))
        in_scalar = scalars >> _LAST
        place, num_tokens = num_tokens, num_tokens + num_bits(marks)
        while place < num_tokens:  # some at a time, of which the last may be none: fewer branches
            for k in range(TOKENS_AT_ONCE):
                tokens[place + k] = at + lowest_bit(marks)
                marks &= marks - _ONE
            place += TOKENS_AT_ONCE
        at += BLOCK
    sound = wrong == _ZERO and within == _ZERO
    if sound and above_ascii:
        sound = is_utf8(data, start, end)
    for i in range(SPARE_TOKENS):
        tokens[num_tokens + i] = end
    escapes[num_escapes] = end
    return end, num_tokens, num_escapes, sound


@njit(cache=True, nogil=True, inline="always")
def _mark_escapes(
    data: UInt8Array,
    at: int,
    backslashes: np.uint64,
    escaped: np.uint64,
    escapes: Int32Array,
    num_escapes: int,
) -> tuple[np.uint64, int, bool]:
    """Note the block's escapes; the mask of what they escape, their number, whether all are JSON's.

    `escaped` has bit 0 set where the block before ended in a backslash that escapes this one's
    first byte; an escape by this block's last byte is in `escapes` alone.
    """
    sound = True
    ahead = backslashes & ~escaped
    while ahead:
        bit = ahead & (~ahead + _ONE)
        escapes[num_escapes] = at + lowest_bit(bit)
        sound &= _is_escape(data, escapes[num_escapes])
        num_escapes += 1
        escaped |= bit << _ONE
        ahead &= ~(bit | (bit << _ONE))
    return escaped, num_escapes, sound


@njit(cache=True, nogil=True, inline="always")
def _is_escape(data: UInt8Array, place: int) -> bool:
    """Whether an escape of JSON begins with the backslash at `place`."""
    follower = byte_at(data, place + 1)
    if follower != ord("u"):
        return _ESCAPED[follower] != 0
    num_hex = 0
    for i in range(2, 6):
        num_hex += _HEX[byte_at(data, place + i)]
    return num_hex == 4


@njit(cache=True, nogil=True)
def is_utf8(data: UInt8Array, start: int, end: int) -> bool:
    """Whether data[start:end] is UTF-8 (Unicode 15, table 3-7): no surrogates, nothing too long."""
    i = start
    while i < end:
        first = byte_at(data, i)
        if first < 0x80:
            if eight_bytes(data, i) & np.uint64(0x8080808080808080) == _ZERO:
                i += 8  # may pass the end: what stands there is a line feed or padding
            else:
                i += 1
            continue
        lowest, highest, num_more = 0x80, 0xBF, 1
        if first < 0xC2 or first > 0xF4:
            return False
        if first >= 0xF0:
            num_more = 3
            lowest = 0x90 if first == 0xF0 else 0x80
            highest = 0x8F if first == 0xF4 else 0xBF
        elif first >= 0xE0:
            num_more = 2
            lowest = 0xA0 if first == 0xE0 else 0x80
            highest = 0x9F if first == 0xED else 0xBF
        if i + num_more >= end:
            return False
        for k in range(1, num_more + 1):
            byte = byte_at(data, i + k)
            if byte < lowest or byte > highest:
                return False
            lowest, highest = 0x80, 0xBF
        i += num_more + 1
    return True


@njit(cache=True, nogil=True)
def walk(  # noqa: C901 - one state machine
    data: UInt8Array,
    tokens: Int32Array,
    num_tokens: int,
    escapes: Int32Array,
    keys: Keys,
    starts: Int64Array,
    ends: Int64Array,
) -> bool:
    """Check the grammar of an indexed line, and find the values of the chosen keys.

    Writes for key i: starts[i], the first byte of its value (of a string: its quote) or ABSENT, and
    ends[i], one past a number's or literal's last byte, a string's closing quote, the next token of
    an object or array. Returns whether the line is a plain object (see the module).
    """
    starts[:] = ABSENT
    if num_tokens < 2 or byte_at(data, tokens[0]) != _OPEN_OBJECT:
        return False
    depth, objects, k, escape = 1, _ONE, 1, 0  # bit 0 of `objects`: the innermost is an object
    just_opened = True
    while True:
        field = -1
        character = byte_at(data, tokens[k])
        is_object = objects & _ONE
        if just_opened and character == (_CLOSE_OBJECT if is_object else _CLOSE_ARRAY):
            closing = True
        else:
            closing = False
            if is_object:
                if character != _QUOTE or byte_at(data, tokens[k + 2]) != _COLON:
                    return False
                if depth == 1:
                    first, last = tokens[k] + 1, tokens[k + 1]
                    while escapes[escape] < first:
                        escape += 1
                    if escapes[escape] < last:
                        return False
                    field = _key_at(data, first, last - first, keys)
                k += 3
                character = byte_at(data, tokens[k])
            place = tokens[k]
            end = place
            if character == _QUOTE:
                end = tokens[k + 1]
                k += 2
            elif character in (_OPEN_OBJECT, _OPEN_ARRAY):
                end = tokens[k + 1]
                k += 1
                depth += 1
            else:
                end = _scalar_end(data, place, character)
                if end < 0:
                    return False
                k += 1
            if field >= 0:
                if starts[field] != ABSENT:
                    return False
                starts[field], ends[field] = place, end
            if character in (_OPEN_OBJECT, _OPEN_ARRAY):
                if depth > MAX_DEPTH:
                    return False
                objects <<= _ONE
                if character == _OPEN_OBJECT:
                    objects |= _ONE
                just_opened = True
                continue
        just_opened = False
        while True:  # after a value: the next one, or the end of what it is in
            character = byte_at(data, tokens[k])
            if closing or character == (_CLOSE_OBJECT if objects & _ONE else _CLOSE_ARRAY):
                closing = False
                k += 1
                depth -= 1
                if depth == 0:
                    return k == num_tokens
                objects >>= _ONE
            elif character == _COMMA:
                k += 1
                break
            else:
                return False


@njit(cache=True, nogil=True, inline="always")
def _key_at(data: UInt8Array, start: int, length: int, keys: Keys) -> int:
    """Number of the chosen key at data[start:start + length], or -1."""
    if length > MAX_KEY:
        return -1
    key = keys.first[length]
    if key < 0:
        return -1
    head = eight_bytes(data, start)
    while key >= 0:
        if head & keys.masks[key] == keys.heads[key]:
            i = 8
            while i < length and byte_at(data, start + i) == keys.names[key * (MAX_KEY + 1) + i]:
                i += 1
            if i >= length:
                return key
        key = keys.following[key]
    return -1


@njit(cache=True, nogil=True, inline="always")
def _scalar_end(data: UInt8Array, place: int, character: int) -> int:
    """One past the number or literal at `place`, or -1 where there is none that JSON knows."""
    i = place
    if character in (ord("t"), ord("n")):
        word = np.int64(eight_bytes(data, i) & _LOW_WORD)
        if word != (_TRUE if character == ord("t") else _NULL):
            return -1
        i += 4
    elif character == ord("f"):
        if np.int64(eight_bytes(data, i + 1) & _LOW_WORD) != _FALSE:
            return -1
        i += 5
    else:
        i = _number_end(data, i, character)
    if i < 0 or not _DELIMITER[byte_at(data, i)] or i - place > MAX_NUMBER:
        return -1
    return i


@njit(cache=True, nogil=True, inline="always")
def _digits_end(data: UInt8Array, i: int) -> int:
    while _NOUGHT <= byte_at(data, i) <= _NINE:
        i += 1
    return i


@njit(cache=True, nogil=True, inline="always")
def _number_end(data: UInt8Array, start: int, character: int) -> int:
    """One past the number at `start` (RFC 8259 section 6), or -1."""
    i = start
    if character == _MINUS:
        i += 1
    first = byte_at(data, i)
    end = _digits_end(data, i)
    if end == i or (first == _NOUGHT and end > i + 1):
        return -1
    i = end
    if byte_at(data, i) == _POINT:
        end = _digits_end(data, i + 1)
        if end == i + 1:
            return -1
        i = end
    if byte_at(data, i) | 0x20 == _SMALL_E:
        i += 1
        if byte_at(data, i) in (_PLUS, _MINUS):
            i += 1
        end = _digits_end(data, i)
        if end == i:
            return -1
        i = end
    return i
