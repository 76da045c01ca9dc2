"""Elements and events -> text blocks: the second of two passes over a page's bytes.

A block is the text between two boundaries of block-level elements. A single <br> is a line's end
inside it, two are a boundary. White space folds to one blank, except in <pre>. A block without a
letter or digit is none.

Lengths are in units, half a word each: a word is a run of letters and digits, and in scripts that
are written without spaces (Han, kana, Hangul) each further character of a run counts one unit more.
Words are hashed like the names in markup.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from corpus.extraction.blocks.markup import (
    BREAK,
    CLOSE,
    ELEMENT,
    END,
    IS_INLINE,
    KIND,
    OPEN,
    OWNER,
    SPLIT,
    START,
    TAG,
    TAG_CODE,
    TITLE,
    Int32Array,
    UInt8Array,
    fold,
    lower,
    mix,
    read_markup,
)
from corpus.simd import KERNEL

# Columns of a block.
(
    HOLDER, INNER, TEXT_START, TEXT_END, WORD_START, WORD_END, CHARACTERS, UNITS, LINK_UNITS,
    LINKS, CAPITALS, DIGITS, STOPS, COMMAS, SYMBOLS, BREAKS, BOLD_UNITS, UPPERS, FIRST, LAST, HASH,
) = range(21)
NUM_BLOCK = 21
"""HOLDER: innermost block-level element; INNER: innermost element where its text begins; the text's
and words' places; CHARACTERS but blanks; UNITS in all, in links, in bold; links; words that begin
with a capital; digits; sentence ends; commas and their like; symbols of markup and code; lines'
ends; upper-case letters; first and last byte; hash of its letters and digits."""

MAX_TITLE_WORDS = 255

# Classes of characters.
LETTER, UPPER, DIGIT, DENSE, BLANK, STOP, COMMA, SYMBOL, APOSTROPHE, OTHER = range(10)
_ASCII = np.full(128, OTHER, np.int8)
for _characters, _class in (
    ("abcdefghijklmnopqrstuvwxyz", LETTER), ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", UPPER),
    ("0123456789", DIGIT), (" \t\n\r\f\v", BLANK), (".!?", STOP), (",;:", COMMA),
    ("|@/>#={", SYMBOL), ("'", APOSTROPHE),
):
    for _code in _characters.encode():
        _ASCII[_code] = _class

# What is being read: places in the outputs, the open block and word, and open elements by kind.
(
    NUM_BLOCKS, NUM_TEXT, NUM_WORDS, IS_OPEN, HAS_BLANK, NUM_BREAKS, IN_WORD, WORD_HASH, TEXT_HASH,
    IN_LINK, IN_BOLD, IN_PRE,
) = range(12)
NUM_STATE = 12
_BASIS, _PRIME = np.uint32(0x811C9DC5), np.uint32(0x01000193)
_WORD = np.uint32(3)
_NEWLINE, _SPACE = 10, 32
_A, _PRE = TAG_CODE["a"], TAG_CODE["pre"]
_IS_BOLD = np.array([code in (TAG_CODE["b"], TAG_CODE["strong"]) for code in TAG_CODE.values()])


class Scan(NamedTuple):
    """What the two passes find in a page."""

    element: Int32Array
    """int32 (num_elements, NUM_ELEMENT): a row for each element, parents before children."""
    block: Int32Array
    """int32 (num_blocks, NUM_BLOCK): a row for each block, in order."""
    text: UInt8Array
    """uint8: the blocks' text, UTF-8."""
    tokens: Int32Array
    """int32: hashed tokens of the elements' attributes."""
    words: Int32Array
    """int32: hashed words of the blocks."""
    title: Int32Array
    """int32: hashed words of <title>, MAX_TITLE_WORDS at most."""
    hints: npt.NDArray[np.float32]
    """float32 (NUM_HINTS,): what kind of page it says it is."""


def scan_page(canonical: bytes, hints: npt.NDArray[np.float32]) -> Scan:
    """The elements and blocks of a page in canonical form; hints: page_hints' answer."""
    buf = np.frombuffer(canonical, np.uint8)
    element, tokens, event = read_markup(buf)
    block, text, words, title = cut_blocks(buf, element, event)
    return Scan(element, block, text, tokens, words, title, hints)


def cut_blocks(
    buf: UInt8Array, element: Int32Array, event: Int32Array
) -> tuple[Int32Array, UInt8Array, Int32Array, Int32Array]:
    """Blocks, their text and words, and the title's words."""
    block = np.zeros((len(event) + 1, NUM_BLOCK), np.int32)
    text = np.empty(len(buf) + 1, np.uint8)
    words = np.empty(len(buf) // 2 + 1, np.int32)
    title = np.empty(MAX_TITLE_WORDS, np.int32)
    state, title_state = np.zeros(NUM_STATE, np.int64), np.zeros(NUM_STATE, np.int64)
    state[WORD_HASH] = title_state[WORD_HASH] = _BASIS
    _cut(buf, element, event, block, text, words, title, state, title_state)
    return (
        block[: state[NUM_BLOCKS]].copy(),
        text[: state[NUM_TEXT]].copy(),
        words[: state[NUM_WORDS]].copy(),
        title[: title_state[NUM_WORDS]].copy(),
    )


@njit(**KERNEL)
def _cut(  # noqa: C901 - one pass, one loop
    buf: UInt8Array,
    element: Int32Array,
    event: Int32Array,
    block: Int32Array,
    text: UInt8Array,
    words: Int32Array,
    title: Int32Array,
    state: npt.NDArray[np.int64],
    title_state: npt.NDArray[np.int64],
) -> None:
    """Fill the arrays; the states say how far."""
    for row in event:
        kind = row[KIND]
        if kind == OPEN:
            tag = element[row[ELEMENT], TAG]
            if not IS_INLINE[tag]:
                _end_block(state, block, text, words)
            elif tag == _A and state[IS_OPEN]:
                block[state[NUM_BLOCKS], LINKS] += 1
            _enter(state, tag, 1)
        elif kind == CLOSE:
            tag = element[row[ELEMENT], TAG]
            _enter(state, tag, -1)
            if not IS_INLINE[tag]:
                _end_block(state, block, text, words)
        elif kind == BREAK:
            if state[IS_OPEN]:
                _break_line(state, block, text, words)
        elif kind == SPLIT:
            _end_block(state, block, text, words)
        elif kind == TITLE:
            if title_state[NUM_WORDS] == 0:
                _read_title(buf, row[START], row[END], title_state, title)
        else:
            _read_text(buf, row[START], row[END], row[ELEMENT], element, state, block, text, words)
    _end_block(state, block, text, words)


@njit(**KERNEL)
def _enter(state: npt.NDArray[np.int64], tag: int, step: int) -> None:
    if tag == _A:
        state[IN_LINK] += step
    elif _IS_BOLD[tag]:
        state[IN_BOLD] += step
    elif tag == _PRE:
        state[IN_PRE] += step


@njit(**KERNEL)
def _end_word(state: npt.NDArray[np.int64], words: Int32Array) -> None:
    if state[IN_WORD]:
        words[state[NUM_WORDS]] = fold(mix(np.uint32(state[WORD_HASH]), _WORD))
        state[NUM_WORDS] += 1
        state[IN_WORD] = 0
    state[WORD_HASH] = _BASIS


@njit(**KERNEL)
def _break_line(
    state: npt.NDArray[np.int64], block: Int32Array, text: UInt8Array, words: Int32Array
) -> None:
    state[NUM_BREAKS] += 1
    if state[NUM_BREAKS] > 1:
        _end_block(state, block, text, words)
        return
    _end_word(state, words)
    block[state[NUM_BLOCKS], BREAKS] += 1
    text[state[NUM_TEXT]] = _NEWLINE
    state[NUM_TEXT] += 1
    state[HAS_BLANK] = 0


@njit(**KERNEL)
def _begin_block(
    state: npt.NDArray[np.int64], block: Int32Array, element: Int32Array, inner: int, c: int
) -> None:
    state[IS_OPEN], state[HAS_BLANK], state[NUM_BREAKS] = 1, 0, 0
    state[TEXT_HASH] = _BASIS
    row = block[state[NUM_BLOCKS]]
    row[:] = 0
    row[HOLDER], row[INNER] = element[inner, OWNER], inner
    row[TEXT_START], row[WORD_START] = state[NUM_TEXT], state[NUM_WORDS]
    row[FIRST] = c
    row[LINKS] = 1 if state[IN_LINK] > 0 else 0


@njit(**KERNEL)
def _end_block(
    state: npt.NDArray[np.int64], block: Int32Array, text: UInt8Array, words: Int32Array
) -> None:
    if not state[IS_OPEN]:
        return
    _end_word(state, words)
    row = block[state[NUM_BLOCKS]]
    state[IS_OPEN] = 0
    if row[UNITS] == 0:
        state[NUM_TEXT], state[NUM_WORDS] = row[TEXT_START], row[WORD_START]
        return
    end = state[NUM_TEXT]
    while text[end - 1] == _SPACE or 9 <= text[end - 1] <= 13:
        end -= 1
    state[NUM_TEXT] = end
    row[TEXT_END], row[WORD_END] = end, state[NUM_WORDS]
    row[LAST] = text[end - 1]
    row[HASH] = np.int32(np.uint32(state[TEXT_HASH]) >> np.uint32(1))
    state[NUM_BLOCKS] += 1


@njit(**KERNEL)
def _read_text(  # noqa: C901 - one pass, one loop
    buf: UInt8Array,
    start: int,
    end: int,
    inner: int,
    element: Int32Array,
    state: npt.NDArray[np.int64],
    block: Int32Array,
    text: UInt8Array,
    words: Int32Array,
) -> None:
    """Add a run of text to the open block, or begin one."""
    at = start
    if not state[IS_OPEN]:
        while at < end:
            c, step, kind = _character(buf, at, end)
            if kind != BLANK:
                _begin_block(state, block, element, inner, c)
                break
            at += step
        if at >= end:
            return
    row = block[state[NUM_BLOCKS]]
    is_pre = state[IN_PRE] > 0
    # What changes at each character is kept out of memory.
    num_text, num_words = state[NUM_TEXT], state[NUM_WORDS]
    has_blank, in_word = state[HAS_BLANK], state[IN_WORD]
    word_hash, text_hash = np.uint32(state[WORD_HASH]), np.uint32(state[TEXT_HASH])
    num_characters, num_units = 0, 0
    while at < end:
        c, step, kind = _character(buf, at, end)
        if in_word and kind > DENSE and kind != APOSTROPHE:
            words[num_words] = fold(mix(word_hash, _WORD))
            num_words += 1
            in_word, word_hash = 0, _BASIS
        if kind == BLANK:
            if is_pre:
                text[num_text] = c
                num_text += 1
            else:
                has_blank = 1
            at += step
            continue
        if has_blank and text[num_text - 1] != _NEWLINE:
            text[num_text] = _SPACE
            num_text += 1
        has_blank = 0
        num_characters += 1
        begin = num_text
        if c < 128:
            text[num_text] = c
            num_text += 1
        else:
            for i in range(at, at + step):
                text[num_text] = buf[i]
                num_text += 1
        at += step
        if kind > DENSE:
            row[STOPS] += kind == STOP
            row[COMMAS] += kind == COMMA
            row[SYMBOLS] += kind == SYMBOL
            continue
        for i in range(begin, num_text):
            small = np.uint32(lower(text[i]))
            word_hash = np.uint32((word_hash ^ small) * _PRIME)
            text_hash = np.uint32((text_hash ^ small) * _PRIME)
        if not in_word:
            in_word = 1
            num_units += 2
            row[CAPITALS] += kind == UPPER
        elif kind == DENSE:
            num_units += 1
        row[DIGITS] += kind == DIGIT
        row[UPPERS] += kind == UPPER
        if kind > DIGIT:
            continue
        start = at
        while at < end and 97 <= buf[at] <= 122:  # most of any text
            letter = np.uint32(buf[at])
            text[num_text] = buf[at]
            num_text += 1
            word_hash = np.uint32((word_hash ^ letter) * _PRIME)
            text_hash = np.uint32((text_hash ^ letter) * _PRIME)
            at += 1
        num_characters += at - start
    row[CHARACTERS] += num_characters
    row[UNITS] += num_units
    if state[IN_LINK] > 0:
        row[LINK_UNITS] += num_units
    if state[IN_BOLD] > 0:
        row[BOLD_UNITS] += num_units
    if num_characters:
        state[NUM_BREAKS] = 0
    state[NUM_TEXT], state[NUM_WORDS] = num_text, num_words
    state[HAS_BLANK], state[IN_WORD] = has_blank, in_word
    state[WORD_HASH], state[TEXT_HASH] = word_hash, text_hash


@njit(**KERNEL)
def _read_title(
    buf: UInt8Array, start: int, end: int, state: npt.NDArray[np.int64], title: Int32Array
) -> None:
    """Put the title's words in place."""
    at = start
    while at < end and state[NUM_WORDS] < len(title) - 1:
        _, step, kind = _character(buf, at, end)
        if kind <= DENSE:
            state[IN_WORD] = 1
            for i in range(at, at + step):
                small = np.uint32(lower(buf[i]))
                state[WORD_HASH] = np.uint32((np.uint32(state[WORD_HASH]) ^ small) * _PRIME)
        elif kind != APOSTROPHE:
            _end_word(state, title)
        at += step
    _end_word(state, title)


@njit(**KERNEL)
def _character(buf: UInt8Array, at: int, end: int) -> tuple[int, int, int]:
    """The first byte of the character that stands here, its length in the input, its class."""
    c = int(buf[at])
    if c == 38:  # "&": one of the four references that a serialiser writes
        return _reference(buf, at, end)
    if c < 128:
        return c, 1, _ASCII[c]
    step = 2 if c < 0xE0 else 3 if c < 0xF0 else 4
    if at + step > end:
        return c, end - at, OTHER
    a, b = int(buf[at + 1]), int(buf[at + 2]) if step > 2 else 0
    if c == 0xC2 and a < 0xC0:
        if a == 0xA0:
            return _SPACE, step, BLANK  # no-break space
        return c, step, LETTER if a in (0xAA, 0xB5, 0xBA) else OTHER
    if c == 0xE2 and a <= 0xAF:  # general punctuation, arrows, symbols
        if a == 0x80 and 0x80 <= b <= 0x8B:
            return _SPACE, step, BLANK  # spaces of all widths
        return c, step, APOSTROPHE if a == 0x80 and b == 0x99 else OTHER
    if c == 0xE3 and a == 0x80 and b <= 0x91:
        return (_SPACE, step, BLANK) if b == 0x80 else (c, step, _ideographic(b))
    if c == 0xEF and a == 0xBC and b <= 0x9F:
        kind = STOP if b in (0x81, 0x8E, 0x9F) else COMMA if b in (0x8C, 0x9A, 0x9B) else OTHER
        return c, step, DIGIT if 0x90 <= b <= 0x99 else kind
    return c, step, DENSE if 0xE3 <= c <= 0xED else LETTER


@njit(**KERNEL)
def _ideographic(b: int) -> int:
    """The class of the ideographic punctuation U+3001 to U+3011 by its last byte."""
    return STOP if b == 0x82 else COMMA if b == 0x81 else DENSE if 0x85 <= b <= 0x87 else OTHER


@njit(**KERNEL)
def _reference(buf: UInt8Array, at: int, end: int) -> tuple[int, int, int]:
    """As _character, for &amp; &lt; &gt; &nbsp; and else a lone ampersand."""
    if at + 3 < end and buf[at + 2] == 116 and buf[at + 3] == 59:
        if buf[at + 1] == 108:
            return 60, 4, OTHER
        if buf[at + 1] == 103:
            return 62, 4, SYMBOL
    if at + 4 < end and buf[at + 1] == 97 and buf[at + 2] == 109 and buf[at + 4] == 59:
        return 38, 5, OTHER
    if at + 5 < end and buf[at + 1] == 110 and buf[at + 2] == 98 and buf[at + 5] == 59:
        return _SPACE, 6, BLANK
    return 38, 1, OTHER
