"""Canonical HTML -> elements and events: the first of two passes over a page's bytes.

The input is what an HTML parser writes back: tags in lower case and balanced, attributes in double
quotes, text escaped. Classes, ids, roles and links of elements become hashed tokens (32-bit FNV-1a
over lower-cased ASCII letters, folded to NUM_TOKENS): a name as a whole and each of its parts, so
that "article-body" and "articleBody" share two of three. Digits are left out of them, as they
number things.
Events are what matters for cutting text: elements that open and close, runs of text, breaks. What
stands in scripts, styles, templates, drawings and form choices gives none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from corpus.simd import KERNEL

UInt8Array = npt.NDArray[np.uint8]
UInt32Array = npt.NDArray[np.uint32]
Int32Array = npt.NDArray[np.int32]
Number = int | np.integer[Any]

NUM_TOKENS = 1 << 16  # 30,000 distinct ones of each kind in the training pages

# Columns of an element.
PARENT, TAG, FLAGS, SIGNATURE, TOKEN_START, TOKEN_END, OWNER = range(7)
NUM_ELEMENT = 7

# Columns of an event, and its kinds.
KIND, START, END, ELEMENT = range(4)
OPEN, CLOSE, TEXT, BREAK, SPLIT, TITLE = range(6)

TAGS = (
    "", "html", "body", "p", "div", "li", "ul", "ol", "td", "th", "tr", "table", "tbody", "thead",
    "h1", "h2", "h3", "h4", "h5", "h6", "a", "span", "b", "strong", "em", "i", "br", "article",
    "main", "section", "nav", "header", "footer", "aside", "form", "figure", "figcaption",
    "blockquote", "pre", "code", "dl", "dt", "dd", "details", "summary", "button", "label", "time",
    "small", "title", "script", "style", "template", "svg", "iframe", "object", "textarea",
    "select", "canvas", "audio", "video", "noscript", "head", "img", "input", "hr", "area", "base",
    "col", "embed", "link", "meta", "param", "source", "track", "wbr", "address", "cite", "sup",
    "sub", "u", "s", "mark", "font", "q", "abbr", "kbd", "samp", "var", "del", "ins", "big", "tt",
    "strike", "bdi", "bdo", "nobr", "ruby", "rt", "rp", "data", "dfn", "acronym", "xmp", "noembed",
    "noframes", "plaintext", "keygen", "frame", "center", "fieldset", "legend", "hgroup", "math",
    "caption", "tfoot", "menu", "picture", "map", "option", "optgroup", "datalist", "dialog",
    "search", "relative-time", "bgsound", "basefont",
)
TAG_CODE = {name: code for code, name in enumerate(TAGS)}
"""Numbers of the tags that are told apart; every other tag is 0, a block-level one."""

INLINE_TAGS = (
    "a", "span", "b", "strong", "em", "i", "br", "code", "label", "time", "small", "cite", "sup",
    "sub", "u", "s", "mark", "font", "q", "abbr", "kbd", "samp", "var", "del", "ins", "big", "tt",
    "strike", "bdi", "bdo", "nobr", "ruby", "rt", "rp", "data", "dfn", "acronym", "wbr", "img",
    "input", "picture", "source", "map", "area", "relative-time", "svg", "script", "style", "link",
    "meta", "template", "math", "noscript", "bgsound", "basefont",
)
VOID_TAGS = (  # HTML standard 13.1.2, and those that serialisers treat so as well (13.3)
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr", "keygen", "frame", "bgsound", "basefont",
)
RAW_TAGS = ("script", "style", "iframe", "xmp", "noembed", "noframes", "plaintext")
SKIPPED_TAGS = (
    "script", "style", "template", "svg", "iframe", "object", "textarea", "select", "canvas",
    "audio", "video", "head", "datalist", "noembed", "noframes",
)
# Ancestors that an element remembers, a bit each from bit 1.
FLAG_TAGS = (
    "article", "main", "section", "nav", "header", "footer", "aside", "form", "table", "ul", "ol",
    "li", "figure", "blockquote", "pre", "dl", "details", "noscript", "p", "button", "address",
    "td", "label",
)
HIDDEN = 1  # bit 0: by style or attribute

_FNV_BASIS, _FNV_PRIME = np.uint32(0x811C9DC5), np.uint32(0x01000193)


def fnv(name: str) -> int:
    """FNV-1a, 32 bits, of the UTF-8 bytes."""
    value = int(_FNV_BASIS)
    for byte in name.encode():
        value = ((value ^ byte) * int(_FNV_PRIME)) & 0xFFFFFFFF
    return value


def tag_set(names: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Bool (num_tags,): whether a tag's number is one of these."""
    return np.array([name in names for name in TAGS])


_TABLE_SIZE = 1024


def _tag_table() -> tuple[UInt32Array, Int32Array]:
    """An open-addressing table of the tags' hashes, and their numbers."""
    keys, codes = np.zeros(_TABLE_SIZE, np.uint32), np.zeros(_TABLE_SIZE, np.int32)
    for name, code in TAG_CODE.items():
        if name:
            slot = fnv(name) % _TABLE_SIZE
            while keys[slot]:
                slot = (slot + 1) % _TABLE_SIZE
            keys[slot], codes[slot] = fnv(name), code
    return keys, codes


_KEYS, _CODES = _tag_table()
IS_INLINE = tag_set(INLINE_TAGS)
_IS_VOID, _IS_RAW, _IS_SKIPPED = tag_set(VOID_TAGS), tag_set(RAW_TAGS), tag_set(SKIPPED_TAGS)
_FLAG = np.array(
    [2 << FLAG_TAGS.index(name) if name in FLAG_TAGS else 0 for name in TAGS], np.int32
)
_A, _BR, _TITLE, _HEAD, _SCRIPT = (
    TAG_CODE[name] for name in ("a", "br", "title", "head", "script")
)

_CLASS, _ID, _ROLE, _ITEMPROP, _ITEMTYPE, _STYLE, _HIDDEN, _ARIA_HIDDEN, _HREF = (
    np.uint32(fnv(name))
    for name in (
        "class", "id", "role", "itemprop", "itemtype", "style", "hidden", "aria-hidden", "href",
    )
)
# Tokens of different attributes differ; this many are read of each value.
_CLASS_SALT, _ID_SALT, _ROLE_SALT, _HREF_SALT = (np.uint32(salt) for salt in (11, 12, 13, 14))
_MAX_TOKENS, _MAX_HREF_TOKENS = 40, 8
_PART, _WHOLE = np.uint32(1), np.uint32(2)
_DISPLAY_NONE = np.frombuffer(b"display:none", np.uint8)
_VISIBILITY_HIDDEN = np.frombuffer(b"visibility:hidden", np.uint8)

_LT, _GT, _SLASH, _BANG, _MINUS, _UNDERSCORE, _EQUALS, _QUOTE, _SPACE, _QUESTION = (
    ord(c) for c in "<>/!-_=\" ?"
)
_SCRIPT_NAME = np.frombuffer(b"script", np.uint8)


@njit(**KERNEL)
def lower(c: Number) -> Number:
    """The byte in lower case, if it is an ASCII letter."""
    return c + 32 if 65 <= c <= 90 else c


@njit(**KERNEL)
def mix(a: Number, b: Number) -> np.uint32:
    """Two 32-bit values as one."""
    value = (np.uint32(a) ^ np.uint32(b)) * np.uint32(0x9E3779B1)
    return np.uint32(value ^ (value >> np.uint32(15)))


@njit(**KERNEL)
def fold(value: np.uint32) -> np.int32:
    """A hash as a token's number."""
    return np.int32(value & np.uint32(NUM_TOKENS - 1))


def read_markup(buf: UInt8Array) -> tuple[Int32Array, Int32Array, Int32Array]:
    """Elements int32 (num, NUM_ELEMENT), parents first; their tokens; events int32 (num, 4).

    Element 0 is the root, above <html>.
    """
    size = 2 + int(np.count_nonzero(buf == _LT))
    element = np.zeros((size, NUM_ELEMENT), np.int32)
    tokens = np.empty(len(buf) + _MAX_TOKENS, np.int32)
    event = np.empty((2 * size, 4), np.int32)
    element[0, PARENT] = -1
    stack = np.zeros(size, np.int32)
    num_elements, num_tokens, num_events = _read(buf, element, tokens, event, stack)
    return element[:num_elements], tokens[:num_tokens].copy(), event[:num_events]


@njit(**KERNEL)
def _read(  # noqa: C901 - one pass, one loop
    buf: UInt8Array,
    element: Int32Array,
    tokens: Int32Array,
    event: Int32Array,
    stack: Int32Array,
) -> tuple[int, int, int]:
    """Fill the arrays; returns the number of elements, tokens and events."""
    num_elements, num_tokens, num_events, depth = 1, 0, 0, 1
    skipped_from = 0  # depth of the stack below a skipped element; 0 outside
    at = 0
    while at < len(buf):
        if buf[at] != _LT:
            start, at = at, _after(buf, at, _LT) - 1
            kind = _text_kind(element, stack[depth - 1], skipped_from > 0)
            if kind >= 0:
                num_events = _add(event, num_events, kind, start, at, stack[depth - 1])
            continue
        at += 1
        if at < len(buf) and buf[at] == _BANG:
            at = _after_comment(buf, at)
            continue
        if at < len(buf) and buf[at] == _QUESTION:
            at = _after(buf, at, _GT)
            continue
        is_end = at < len(buf) and buf[at] == _SLASH
        at, tag, name_hash = _read_name(buf, at + is_end)
        if is_end:
            at = _after(buf, at, _GT)
            if depth > 1 and not _IS_VOID[tag]:
                depth -= 1
                if not skipped_from:
                    num_events = _add(event, num_events, CLOSE, 0, 0, stack[depth])
                elif depth < skipped_from:
                    skipped_from = 0
            continue
        number, parent = num_elements, stack[depth - 1]
        element[number, PARENT], element[number, TAG] = parent, tag
        element[number, FLAGS] = element[parent, FLAGS] | _FLAG[tag]
        element[number, TOKEN_START] = num_tokens
        element[number, SIGNATURE] = np.int32(name_hash >> np.uint32(1))
        at, num_tokens = _read_attributes(
            buf, at, element[number], tokens, num_tokens, skipped_from > 0
        )
        element[number, TOKEN_END] = num_tokens
        element[number, OWNER] = element[parent, OWNER] if IS_INLINE[tag] else number
        if _IS_VOID[tag]:  # no element: nothing can stand in it
            if not skipped_from and (tag == _BR or not IS_INLINE[tag]):
                num_events = _add(event, num_events, BREAK if tag == _BR else SPLIT, 0, 0, parent)
            continue
        num_elements += 1
        stack[depth] = number
        depth += 1
        if not skipped_from:
            num_events = _add(event, num_events, OPEN, 0, 0, number)
            if _IS_SKIPPED[tag]:
                skipped_from = depth
        if _IS_RAW[tag]:
            at = _end_of_script(buf, at) if tag == _SCRIPT else _end_of_raw(buf, at, name_hash)
    return num_elements, num_tokens, num_events


@njit(**KERNEL)
def _add(event: Int32Array, number: int, kind: int, start: int, end: int, element: int) -> int:
    """Put an event in its place; returns the place of the next."""
    event[number, KIND], event[number, ELEMENT] = kind, element
    event[number, START], event[number, END] = start, end
    return number + 1


@njit(**KERNEL)
def _text_kind(element: Int32Array, inside: int, is_skipped: bool) -> int:
    """The kind of event that a text in this element is; -1 for none."""
    if not is_skipped:
        return TEXT
    is_title = element[inside, TAG] == _TITLE
    return TITLE if is_title and element[element[inside, PARENT], TAG] == _HEAD else -1


@njit(**KERNEL)
def _after(buf: UInt8Array, at: int, byte: int) -> int:
    """The place after the next such byte."""
    while at < len(buf) and buf[at] != byte:
        at += 1
    return at + 1


@njit(**KERNEL)
def _after_comment(buf: UInt8Array, at: int) -> int:
    """The place after a comment or doctype whose "!" stands here."""
    if at + 2 < len(buf) and buf[at + 1] == _MINUS and buf[at + 2] == _MINUS:
        at += 3
        while at < len(buf) and not (
            buf[at] == _GT and buf[at - 1] == _MINUS and buf[at - 2] == _MINUS
        ):
            at += 1
        return at + 1
    return _after(buf, at, _GT)


@njit(**KERNEL)
def _read_name(buf: UInt8Array, at: int) -> tuple[int, int, np.uint32]:
    """The place after a tag's name, its number and its hash."""
    value = _FNV_BASIS
    while at < len(buf) and buf[at] != _GT and buf[at] != _SPACE and buf[at] != _SLASH:
        value = np.uint32((value ^ np.uint32(lower(buf[at]))) * _FNV_PRIME)
        at += 1
    slot = value % np.uint32(_TABLE_SIZE)
    while _KEYS[slot] != 0 and _KEYS[slot] != value:
        slot = (slot + np.uint32(1)) % np.uint32(_TABLE_SIZE)
    return at, (_CODES[slot] if _KEYS[slot] == value else 0), value


@njit(**KERNEL)
def _end_of_raw(buf: UInt8Array, at: int, name_hash: np.uint32) -> int:
    """The place of the end tag of an element whose content is no markup."""
    while at < len(buf):
        if buf[at] == _LT and at + 1 < len(buf) and buf[at + 1] == _SLASH:
            _, _, value = _read_name(buf, at + 2)
            if value == name_hash:
                return at
        at += 1
    return at


@njit(**KERNEL)
def _end_of_script(buf: UInt8Array, at: int) -> int:
    """The place of a script's end tag; one within "<!-- <script" is none (HTML standard 13.2.5.26).

    So stand scripts that write scripts, in the manner of 1996.
    """
    is_escaped = is_inner = False
    while at < len(buf):
        if buf[at] == _LT:
            if at + 1 < len(buf) and buf[at + 1] == _SLASH:
                if _is_script(buf, at + 2):
                    if not is_inner:
                        return at
                    is_inner = False
            elif at + 3 < len(buf) and buf[at + 1] == _BANG:
                is_escaped |= buf[at + 2] == _MINUS and buf[at + 3] == _MINUS
            elif is_escaped and _is_script(buf, at + 1):
                is_inner = True
        elif buf[at] == _GT and buf[at - 1] == _MINUS and buf[at - 2] == _MINUS:
            is_escaped = is_inner = False
        at += 1
    return at


@njit(**KERNEL)
def _is_script(buf: UInt8Array, at: int) -> bool:
    """Whether the name that stands here is "script", in either case."""
    end = at + len(_SCRIPT_NAME)
    if end >= len(buf):
        return False
    for i in range(len(_SCRIPT_NAME)):
        if lower(buf[at + i]) != _SCRIPT_NAME[i]:
            return False
    return buf[end] in (_GT, _SLASH, _SPACE) or 9 <= buf[end] <= 12


@njit(**KERNEL)
def _read_attributes(
    buf: UInt8Array,
    at: int,
    element: Int32Array,
    tokens: Int32Array,
    num_tokens: int,
    is_skipped: bool,
) -> tuple[int, int]:
    """The place after the tag, and the number of tokens with its own; fills flags, signature."""
    while at < len(buf) and buf[at] != _GT:
        if buf[at] == _SPACE or buf[at] == _SLASH:
            at += 1
            continue
        name = _FNV_BASIS
        while at < len(buf) and buf[at] != _EQUALS and buf[at] != _GT and buf[at] != _SPACE:
            name = np.uint32((name ^ np.uint32(lower(buf[at]))) * _FNV_PRIME)
            at += 1
        start = end = at
        if at + 1 < len(buf) and buf[at] == _EQUALS and buf[at + 1] == _QUOTE:
            start = at + 2
            at = _after(buf, start, _QUOTE)
            end = min(at, len(buf) + 1) - 1
        elif at < len(buf) and buf[at] == _EQUALS:
            at += 1
        if not is_skipped:
            num_tokens = _use_attribute(buf, name, start, end, element, tokens, num_tokens)
    return at + 1, num_tokens


@njit(**KERNEL)
def _use_attribute(
    buf: UInt8Array,
    name: np.uint32,
    start: int,
    end: int,
    element: Int32Array,
    tokens: Int32Array,
    num_tokens: int,
) -> int:
    """Take in an attribute by its name's hash; returns the number of tokens with its own."""
    before = num_tokens
    if name == _CLASS:
        num_tokens = _tokenise(buf, start, end, _CLASS_SALT, tokens, num_tokens, _MAX_TOKENS)
        for token in tokens[before:num_tokens]:
            element[SIGNATURE] = np.int32(mix(element[SIGNATURE], token) >> np.uint32(1))
    elif name == _ID:
        num_tokens = _tokenise(buf, start, end, _ID_SALT, tokens, num_tokens, _MAX_TOKENS)
    elif name in (_ROLE, _ITEMPROP, _ITEMTYPE):
        num_tokens = _tokenise(buf, start, end, _ROLE_SALT, tokens, num_tokens, _MAX_TOKENS)
    elif name == _HREF and element[TAG] == _A:
        num_tokens = _tokenise(buf, start, end, _HREF_SALT, tokens, num_tokens, _MAX_HREF_TOKENS)
    elif name == _STYLE:
        if _has(buf, start, end, _DISPLAY_NONE) or _has(buf, start, end, _VISIBILITY_HIDDEN):
            element[FLAGS] |= HIDDEN
    elif name == _HIDDEN or (name == _ARIA_HIDDEN and end - start == 4):  # "true"
        element[FLAGS] |= HIDDEN
    return num_tokens


@njit(**KERNEL)
def _tokenise(
    buf: UInt8Array,
    start: int,
    end: int,
    salt: np.uint32,
    tokens: Int32Array,
    num_tokens: int,
    limit: int,
) -> int:
    """Append the tokens of a value's names and of their parts; returns their number with them."""
    stop = min(num_tokens + limit, len(tokens))
    whole = part = salt
    num_parts, part_length = 0, 0
    previous: Number = 0
    for at in range(start, end + 1):
        c = buf[at] if at < end else np.uint8(_SPACE)
        is_letter = 97 <= c <= 122 or 65 <= c <= 90 or c >= 128
        is_hump = 65 <= c <= 90 and 97 <= previous <= 122
        if part_length and (is_hump or not is_letter):
            if num_tokens < stop:
                tokens[num_tokens] = fold(mix(part, _PART))
                num_tokens += 1
            part, part_length = salt, 0
            num_parts += 1
        if is_letter:
            part = np.uint32((part ^ np.uint32(lower(c))) * _FNV_PRIME)
            part_length += 1
        if is_letter or c in (_MINUS, _UNDERSCORE):
            whole = np.uint32((whole ^ np.uint32(lower(c))) * _FNV_PRIME)
        elif not 48 <= c <= 57:
            if num_parts > 1 and num_tokens < stop:
                tokens[num_tokens] = fold(mix(whole, _WHOLE))
                num_tokens += 1
            whole, num_parts = salt, 0
        previous = c
    return num_tokens


@njit(**KERNEL)
def _has(buf: UInt8Array, start: int, end: int, needle: UInt8Array) -> bool:
    """Whether the bytes hold the needle, in either case, blanks between them left out."""
    matched = 0
    for c in buf[start:end]:
        if c == _SPACE:
            continue
        if lower(c) != needle[matched]:
            matched = 0
        if lower(c) == needle[matched]:
            matched += 1
        if matched == len(needle):
            return True
    return False
