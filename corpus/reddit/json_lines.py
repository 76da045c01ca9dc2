"""Lines of JSON objects, walked once by a compiled kernel that finds the values of chosen keys.

`index_line` marks where each token of a line begins, 64 bytes at a time (simd.py); `walk` goes over
the tokens by JSON's grammar (RFC 8259) and writes down where the values of the chosen top-level
keys lie. Both answer only for what is plain: a line that breaks the grammar, that is no object,
nests deeper than 64, says a chosen key twice, or has at its top a key with an escape or of 64 bytes
is *unsure*, and its caller has Python's own reader judge it. So the kernel may give up on a line,
but must not be wrong: what it takes, `json.loads` takes, and the values are where it says. 1.9 GB/s
a core.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from corpus.simd import (
    BLOCK,
    KERNEL,
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
SLOT_BITS = 6  # of the hash of a key
ABSENT = -1
_UNSURE_KEY = -2
TOKENS_AT_ONCE = 6
SPARE_TOKENS = TOKENS_AT_ONCE  # beyond the last: `walk` may look at 4 of them

_ZERO, _ONE, _ALL = np.uint64(0), np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)
_LAST = np.uint64(63)
_SLOT_SHIFT = np.uint64(64 - SLOT_BITS)
_ZEROS, _HIGH_BITS = np.uint64(0x3030303030303030), np.uint64(0x8080808080808080)
_TO_HIGH_BIT = np.uint64(0x7676767676767676)  # sets it of a byte above 9
_QUOTE, _BACKSLASH, _COMMA, _COLON, _MINUS, _POINT = (ord(c) for c in '"\\,:-.')
_OPEN_OBJECT, _CLOSE_OBJECT, _OPEN_ARRAY, _CLOSE_ARRAY = (ord(c) for c in "{}[]")
_NINE, _NOUGHT, _PLUS, _SMALL_E = (ord(c) for c in "90+e")


def _table(characters: bytes) -> UInt8Array:
    table = np.zeros(256, np.uint8)
    table[list(characters)] = 1
    return table


_ESCAPED = _table(b'"\\/bfnrtu')
_HEX = _table(b"0123456789abcdefABCDEF")
_NO_DELIMITER = 1 - _table(b",}] \t\r\n")

# What a value is by its first byte; a literal's bytes, which of eight are its own, how many it has.
_STRING, _LITERAL, _NUMBER, _OPEN, _NONE = range(5)
_KINDS = np.full(256, _NONE, np.uint8)
_KINDS[list(b"-0123456789")], _KINDS[list(b"{[")], _KINDS[_QUOTE] = _NUMBER, _OPEN, _STRING
_WORDS, _WORD_MASKS = np.zeros(256, np.uint64), np.zeros(256, np.uint64)
_WORD_BYTES = np.zeros(256, np.int64)
for _word in (b"true", b"false", b"null"):
    _KINDS[_word[0]], _WORD_BYTES[_word[0]] = _LITERAL, len(_word)
    _WORDS[_word[0]] = np.frombuffer(_word.ljust(8, b"\0"), np.uint64)[0]
    _WORD_MASKS[_word[0]] = np.frombuffer((b"\xff" * len(_word)).ljust(8, b"\0"), np.uint64)[0]
_HEAD_MASKS = np.array([(1 << 8 * i) - 1 for i in range(9)], np.uint64)
_CLOSES = np.array([_CLOSE_ARRAY, _CLOSE_OBJECT], np.int64)  # by the lowest bit of the stack


class Keys(NamedTuple):
    """The chosen keys, found by a hash of their length and first eight bytes; no two have one."""

    names: UInt8Array
    """The names, each in MAX_KEY + 1 bytes, uint8 (num_keys * 64,)."""
    heads: UInt64Array
    """Their first eight bytes, shorter ones filled with zeros, uint64 (num_keys,)."""
    lengths: Int64Array
    """Their bytes, int64 (num_keys,)."""
    slots: Int64Array
    """Number of the key of each hash, 0 where there is none, int64 (2 ** SLOT_BITS,)."""
    factor: UInt64Array
    """What makes the hash, uint64 (1,)."""


def chosen(names: Sequence[bytes]) -> Keys:
    """The table of these keys, at most 16; key i of `walk`'s answer is names[i]."""
    heads = [int.from_bytes(name[:8], sys.byteorder) for name in names]
    for factor in range(0x9E3779B97F4A7C15, 1 << 64, 2):  # one of a few fits ten keys
        slots = [
            (((head ^ len(name)) * factor) % (1 << 64)) >> 64 - SLOT_BITS
            for head, name in zip(heads, names, strict=True)
        ]
        if len(set(slots)) == len(slots):
            break
    table = np.zeros(1 << SLOT_BITS, np.int64)
    table[slots] = np.arange(len(names))
    padded = b"".join(name.ljust(MAX_KEY + 1, b"\0") for name in names)
    return Keys(
        np.frombuffer(padded, np.uint8),
        np.array(heads, np.uint64),
        np.array([len(name) for name in names], np.int64),
        table,
        np.array([factor], np.uint64),
    )


@njit(**KERNEL)
def index_line(  # noqa: C901 - one pass, one loop
    data: UInt8Array, start: int, size: int, tokens: Int32Array
) -> tuple[int, int, bool]:
    """Find the end of the line at `start` and where its tokens stand.

    data: 64 bytes longer than `size`, its text. Tokens are structural characters and the first byte
    of anything else: of a string, its quote. Returns the end of the line (its line feed, or
    `size`), the number of tokens, and whether strings, escapes and UTF-8 are sound.
    """
    num_tokens = 0
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
            mask, escaped, sound = _escaped_bytes(data, at, backslashes, escaped)
            wrong |= _ZERO if sound else _ONE
            quotes &= ~mask
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
        marks = (structural & outside) | (quotes & inside)  # of a string, its first quote
        marks |= scalars & ~((scalars << _ONE) | in_scalar)
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
    return end, num_tokens, sound


@njit(**KERNEL, inline="always")
def _escaped_bytes(
    data: UInt8Array, at: int, backslashes: np.uint64, escaped: np.uint64
) -> tuple[np.uint64, np.uint64, bool]:
    """Mask of the block's escaped bytes, of the next one's, and whether all escapes are JSON's.

    Bit 0 of `escaped` says that the block before ended in a backslash that escapes this one's first
    byte; of the answer's second mask, that this one does.
    """
    sound, carried = True, _ZERO
    ahead = backslashes & ~escaped
    while ahead:
        place = lowest_bit(ahead)
        sound &= _is_escape(data, at + place)
        bit = ahead & (~ahead + _ONE)
        escaped |= bit << _ONE
        carried = bit >> _LAST
        ahead &= ~(bit | (bit << _ONE))
    return escaped, carried, sound


@njit(**KERNEL, inline="always")
def _is_escape(data: UInt8Array, place: int) -> bool:
    """Whether an escape of JSON begins with the backslash at `place`."""
    follower = byte_at(data, place + 1)
    if follower != ord("u"):
        return _ESCAPED[follower] != 0
    num_hex = 0
    for i in range(2, 6):
        num_hex += _HEX[byte_at(data, place + i)]
    return num_hex == 4


@njit(**KERNEL)
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


@njit(**KERNEL)
def walk(  # noqa: C901 - one state machine
    data: UInt8Array,
    tokens: Int32Array,
    num_tokens: int,
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
    depth, objects, k = 1, _ONE, 1  # bit 0 of `objects`: the innermost is an object
    just_opened, wrong = True, _ZERO  # literals are judged at the end: fewer branches
    while True:
        is_object = objects & _ONE
        place = tokens[k]
        character = byte_at(data, place)
        if not (just_opened and character == _CLOSES[is_object]):
            field = -1
            if is_object:
                colon = tokens[k + 1]
                if character != _QUOTE or byte_at(data, colon) != _COLON:
                    return False
                if depth == 1:
                    field = _key_at(data, place, colon, keys)
                    if field == _UNSURE_KEY:
                        return False
                k += 2
                place = tokens[k]
                character = byte_at(data, place)
            k += 1
            kind = _KINDS[character]
            end = np.int64(tokens[k])
            if kind <= _LITERAL:  # of a string nothing is left to check
                wrong |= (eight_bytes(data, place) & _WORD_MASKS[character]) ^ _WORDS[character]
                word_end = place + _WORD_BYTES[character]
                wrong |= np.uint64(kind & _NO_DELIMITER[byte_at(data, word_end)])
                if field >= 0:
                    end = word_end if kind else _closing_quote(data, end)
            elif kind == _NUMBER:
                end = _number_end(data, place, character)
                if end < 0 or _NO_DELIMITER[byte_at(data, end)] or end - place > MAX_NUMBER:
                    return False
            elif kind == _NONE:
                return False
            if field >= 0:
                if starts[field] != ABSENT:
                    return False
                starts[field], ends[field] = place, end
            if kind == _OPEN:
                depth += 1
                if depth > MAX_DEPTH:
                    return False
                objects <<= _ONE
                objects |= np.uint64(character == _OPEN_OBJECT)
                just_opened = True
                continue
        just_opened = False
        while True:  # after a value: the next one, or the end of what it is in
            character = byte_at(data, tokens[k])
            k += 1
            if character == _COMMA:
                break
            if character != _CLOSES[objects & _ONE]:
                return False
            depth -= 1
            if depth == 0:
                return k == num_tokens and wrong == _ZERO
            objects >>= _ONE


@njit(**KERNEL, inline="always")
def _closing_quote(data: UInt8Array, token: int) -> int:
    """Where the string ends after which this is the next token: blanks alone stand between."""
    token -= 1
    while byte_at(data, token) != _QUOTE:
        token -= 1
    return token


@njit(**KERNEL, inline="always")
def _key_at(data: UInt8Array, quote: int, colon: int, keys: Keys) -> int:
    """Number of the chosen key between quote and colon, -1, or _UNSURE_KEY if it may be one."""
    start = quote + 1
    length = _closing_quote(data, colon) - start
    if length > BLOCK - 1:
        return _UNSURE_KEY
    _, backslashes, _, _ = string_masks(data, start)
    if backslashes & ((_ONE << np.uint64(length)) - _ONE):
        return _UNSURE_KEY
    head = eight_bytes(data, start) & _HEAD_MASKS[min(length, 8)]
    key = keys.slots[((head ^ np.uint64(length)) * keys.factor[0]) >> _SLOT_SHIFT]
    if head != keys.heads[key] or length != keys.lengths[key]:
        return -1
    i = 8
    while i < length:  # eight at a time, the last eight of which may overlap
        last = min(i, length - 8)
        if eight_bytes(data, start + last) != eight_bytes(keys.names, key * (MAX_KEY + 1) + last):
            return -1
        i += 8
    return key


@njit(**KERNEL, inline="always")
def _digits_end(data: UInt8Array, i: int) -> int:
    """One past the digits at i, eight at a time."""
    while True:
        digits = eight_bytes(data, i) ^ _ZEROS  # 0 to 9 where they are digits
        others = (digits | (digits + _TO_HIGH_BIT)) & _HIGH_BITS
        if others:
            return i + (lowest_bit(others) >> 3)
        i += 8


@njit(**KERNEL, inline="always")
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
