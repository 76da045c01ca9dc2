"""Canonical form and key of plain addresses, by a compiled kernel: urls.py is its definition.

Of a hundred addresses 98 are ASCII, have the name of a host, and no escape that must be undone. For
those `append_plain` writes what `urls.canonical_and_key` gives, byte for byte, in a twentieth of
its time; of any other it says that it is not plain, and urls.py is asked.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from corpus.reddit.json_lines import Int32Array
from corpus.simd import KERNEL, byte_at, eight_bytes
from corpus.urls import TRACKING_PARAMETERS, TRACKING_PREFIXES, UNRESERVED
from corpus.utf8 import UInt8Array

MAX_PLAIN = 2000  # bytes; fewer than urls.MAX_LENGTH, beyond which there is no address
MAX_ITEMS = 16  # of a query
SPARE = 2  # bytes that a canonical address or a key may have more than its address
_MAX_HOST, _MAX_LABEL = 253, 63

_HOST, _PATH, _QUERY, _FRAGMENT = 1, 2, 4, 8  # where a byte may stand
_KINDS = np.zeros(256, np.uint8)
_KINDS[list(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")] |= _HOST
_KINDS[np.flatnonzero(_KINDS)] |= _PATH | _QUERY
_KINDS[list(b"/.~!$&'()*+,;=:@|[]%")] |= _PATH | _QUERY
_KINDS[list(b"?")] |= _QUERY
_KINDS[0x21:0x7F] |= _FRAGMENT

_SLASH, _DOT, _COLON, _QUESTION, _HASH, _AND, _EQUALS, _SEMICOLON, _BACKSLASH, _COMMA, _CLOSE = (
    ord(c) for c in "/.:?#&=;\\,)"
)
_NOUGHT, _NINE, _PERCENT = ord("0"), ord("9"), ord("%")
_AMP, _LOW_WORD = np.uint64(np.frombuffer(b"amp;", np.uint32)[0]), np.uint64(0xFFFFFFFF)
_HEX = np.full(256, 16, np.uint8)
_HEX[list(b"0123456789ABCDEFabcdef")] = [*range(16), *range(10, 16)]
_UNRESERVED = np.zeros(256, np.bool_)
_UNRESERVED[[ord(character) for character in UNRESERVED]] = True
_LOWER = np.frombuffer(bytes(range(256)).lower(), np.uint8)
_UPPER = np.frombuffer(bytes(range(256)).upper(), np.uint8)

_NAME_BYTES = 16  # a tracking parameter's name and a zero
_NAMES = np.frombuffer(
    b"".join(name.encode().ljust(_NAME_BYTES, b"\0") for name in sorted(TRACKING_PARAMETERS)),
    np.uint8,
).reshape(-1, _NAME_BYTES)
_PREFIXES = np.frombuffer(
    b"".join(name.encode().ljust(_NAME_BYTES, b"\0") for name in TRACKING_PREFIXES), np.uint8
).reshape(-1, _NAME_BYTES)
_HEADS = np.zeros(1 << 16, np.bool_)  # by the first two letters: spares nine comparisons of ten
_HEADS[[name[0] << 8 | name[1] for name in (*_NAMES.tolist(), *_PREFIXES.tolist())]] = True


@njit(**KERNEL)
def append_plain(
    data: UInt8Array,
    start: int,
    end: int,
    scratch: UInt8Array,
    items: Int32Array,
    urls: UInt8Array,
    url_at: int,
    keys: UInt8Array,
    key_at: int,
) -> tuple[int, int]:
    """Write the canonical form and the key of the address data[start:end], if it is plain.

    The address is as JSON has it: `\\/` stands for a slash. They go to urls[url_at:] and
    keys[key_at:], which have room for its length and SPARE bytes more; scratch has MAX_PLAIN + 1
    bytes and items 2 * MAX_ITEMS numbers. Returns where each ends; (-1, -1) where it is not plain.
    """
    size = _copy(data, start, end, scratch)
    host = _after_scheme(scratch, size)
    host_end = _host_end(scratch, host, size)
    path = _port_end(scratch, host_end, size)
    path_end = _path_end(scratch, path, size)
    query, query_end = _query(scratch, path_end, size)
    num_items = _split_query(scratch, query, query_end, items)
    if min(host, host_end, path, path_end, query, num_items) < 0:
        return -1, -1
    port_end = host_end if _is_default_port(scratch, host, host_end, path) else path
    url_at = _append(scratch, 0, port_end, urls, url_at)
    url_at = _append_path(scratch, path, path_end, urls, url_at)
    url_at = _append_items(scratch, items, num_items, urls, url_at)
    key_at = _append_host(scratch, host, host_end, keys, key_at)
    key_at = _append(scratch, host_end, port_end, keys, key_at)
    keys[key_at] = _CLOSE
    while path_end > path + 1 and scratch[path_end - 1] == _SLASH:
        path_end -= 1
    key_at = _append_path(scratch, path, path_end, keys, key_at + 1)
    _sort(scratch, items, num_items)
    return url_at, _append_items(scratch, items, num_items, keys, key_at)


@njit(**KERNEL, inline="always")
def _copy(data: UInt8Array, start: int, end: int, scratch: UInt8Array) -> int:
    """Copy the address without JSON's backslashes and the API's `amp;`; its length, or 0."""
    size = 0
    if end - start > MAX_PLAIN:
        return 0
    i = start
    while i < end:
        byte = byte_at(data, i)
        scratch[size] = byte
        size += 1
        i += 1
        if byte == _BACKSLASH:
            if byte_at(data, i) != _SLASH:
                return 0
            scratch[size - 1] = _SLASH
            i += 1
        elif byte == _AND:
            while eight_bytes(data, i) & _LOW_WORD == _AMP:  # &amp;amp; too
                i += 4
            if byte_at(data, i + 1) == ord("t") and byte_at(data, i + 2) == _SEMICOLON:
                return 0  # &lt; or &gt;
        elif byte == _PERCENT:
            high, low = byte_at(data, i), byte_at(data, i + 1)
            code = 16 * np.int64(_HEX[high]) + np.int64(_HEX[low])
            if _HEX[high] > 15 or _HEX[low] > 15 or _UNRESERVED[code]:
                return 0
            scratch[size], scratch[size + 1] = _UPPER[high], _UPPER[low]
            size += 2
            i += 2
    return size

@njit(**KERNEL, inline="always")
def _after_scheme(text: UInt8Array, size: int) -> int:
    """Where the host begins, or -1; puts the scheme into lower case."""
    if size < 8:
        return -1
    for i in range(5):
        if text[i] != _COLON:
            text[i] |= 0x20
    if not (text[0] == ord("h") and text[1] == ord("t") and text[2] == ord("t")
            and text[3] == ord("p")):  # fmt: skip
        return -1
    colon = 5 if text[4] == ord("s") else 4
    if text[colon] != _COLON or text[colon + 1] != _SLASH or text[colon + 2] != _SLASH:
        return -1
    return colon + 3

@njit(**KERNEL, inline="always")
def _host_end(text: UInt8Array, host: int, size: int) -> int:
    """One past a host of two labels or more, in lower case; -1 where it is none or a number."""
    if host < 0:
        return -1
    i, label, num_labels = host, host, 1
    while i < size:
        byte = text[i]
        if _KINDS[byte] & _HOST:
            if ord("A") <= byte <= ord("Z"):
                text[i] = byte | 0x20
        elif byte == _DOT and i > label and i - label <= _MAX_LABEL:
            label = i + 1
            num_labels += 1
        else:
            break
        i += 1
    if num_labels < 2 or i == label or i - label > _MAX_LABEL or i - host > _MAX_HOST:
        return -1
    return -1 if _NOUGHT <= text[i - 1] <= _NINE else i  # may be an IP address

@njit(**KERNEL, inline="always")
def _port_end(text: UInt8Array, host_end: int, size: int) -> int:
    """One past `:8080`, or host_end where there is no port, or -1 where it is odd."""
    if host_end < 0 or host_end == size or text[host_end] != _COLON:
        return host_end
    i = host_end + 1
    while i < size and _NOUGHT <= text[i] <= _NINE:
        i += 1
    num_digits = i - host_end - 1
    return i if 1 <= num_digits <= 4 and text[host_end + 1] != _NOUGHT else -1

@njit(**KERNEL, inline="always")
def _is_default_port(text: UInt8Array, host: int, host_end: int, path: int) -> bool:
    """Whether the port is the scheme's own: 80 for http, 443 for https."""
    if host == 8:
        return (path - host_end == 4 and text[host_end + 1] == ord("4")
                and text[host_end + 2] == ord("4") and text[host_end + 3] == ord("3"))  # fmt: skip
    return path - host_end == 3 and text[host_end + 1] == ord("8") and text[host_end + 2] == _NOUGHT

@njit(**KERNEL, inline="always")
def _run_end(text: UInt8Array, start: int, size: int, kind: int) -> int:
    i = start
    while i < size and _KINDS[text[i]] & kind:
        i += 1
    return i

@njit(**KERNEL, inline="always")
def _path_end(text: UInt8Array, path: int, size: int) -> int:
    """One past the path, or -1 where it is odd or a segment begins with a dot, as `..` does."""
    if path < 0:
        return -1
    end = _run_end(text, path, size, _PATH)
    if end > path and text[path] != _SLASH:
        return -1
    for i in range(path, end - 1):
        if text[i] == _SLASH and text[i + 1] == _DOT:
            return -1
    return end


@njit(**KERNEL, inline="always")
def _query(text: UInt8Array, path_end: int, size: int) -> tuple[int, int]:
    """Where the query begins and ends, or (-1, -1) where it or the fragment is odd."""
    if path_end < 0:
        return -1, -1
    query, query_end = path_end, path_end
    if query < size and text[query] == _QUESTION:
        query += 1
        query_end = _run_end(text, query, size, _QUERY)
    if query_end < size and text[query_end] != _HASH:
        return -1, -1
    return (query, query_end) if _run_end(text, query_end, size, _FRAGMENT) == size else (-1, -1)


@njit(**KERNEL, inline="always")
def _split_query(text: UInt8Array, query: int, query_end: int, items: Int32Array) -> int:
    """Number of the query's items without empty and tracking ones, -1 where there are too many."""
    num_items, i = 0, query
    while i < query_end:
        start = i
        while i < query_end and text[i] != _AND:
            i += 1
        if i > start and not _is_tracking(text, start, i):
            if num_items == MAX_ITEMS:
                return -1
            items[2 * num_items], items[2 * num_items + 1] = start, i
            num_items += 1
        i += 1
    return num_items


@njit(**KERNEL, inline="always")
def _is_tracking(text: UInt8Array, start: int, end: int) -> bool:
    """Whether an item's name is a tracking parameter's, or begins as theirs do."""
    if end - start < 2:
        return False
    if not _HEADS[np.int64(_LOWER[text[start]]) << 8 | np.int64(_LOWER[text[start + 1]])]:
        return False
    for row in range(len(_PREFIXES)):
        if _common(text, start, end, _PREFIXES, row) < 0:
            return True
    for row in range(len(_NAMES)):
        name_end = _common(text, start, end, _NAMES, row)
        if name_end < 0:
            name_end = -name_end
            if name_end == end or text[name_end] == _EQUALS:
                return True
    return False


@njit(**KERNEL, inline="always")
def _common(text: UInt8Array, start: int, end: int, names: UInt8Array, row: int) -> int:
    """How far text and name agree; minus the place after it where all of the name is there."""
    for k in range(_NAME_BYTES):
        if names[row, k] == 0:
            return -(start + k)
        if start + k == end or _LOWER[text[start + k]] != names[row, k]:
            return start + k
    return start


@njit(**KERNEL, inline="always")
def _sort(text: UInt8Array, items: Int32Array, num_items: int) -> None:
    """Sort the items by their bytes, as Python sorts ASCII strings."""
    for i in range(1, num_items):
        start, end = items[2 * i], items[2 * i + 1]
        k = i
        while k > 0 and _is_less(text, start, end, items[2 * k - 2], items[2 * k - 1]):
            items[2 * k], items[2 * k + 1] = items[2 * k - 2], items[2 * k - 1]
            k -= 1
        items[2 * k], items[2 * k + 1] = start, end

@njit(**KERNEL, inline="always")
def _is_less(text: UInt8Array, start: int, end: int, other: int, other_end: int) -> bool:
    while start < end and other < other_end:
        if text[start] != text[other]:
            return text[start] < text[other]
        start += 1
        other += 1
    return start == end and other < other_end

@njit(**KERNEL, inline="always")
def _append(text: UInt8Array, start: int, end: int, out: UInt8Array, at: int) -> int:
    for i in range(start, end):
        out[at] = text[i]
        at += 1
    return at

@njit(**KERNEL, inline="always")
def _append_items(
    text: UInt8Array, items: Int32Array, num_items: int, out: UInt8Array, at: int
) -> int:
    for i in range(num_items):
        out[at] = _AND if i else _QUESTION
        at = _append(text, items[2 * i], items[2 * i + 1], out, at + 1)
    return at


@njit(**KERNEL, inline="always")
def _append_path(text: UInt8Array, path: int, path_end: int, out: UInt8Array, at: int) -> int:
    if path == path_end:
        out[at] = _SLASH
        return at + 1
    return _append(text, path, path_end, out, at)

@njit(**KERNEL, inline="always")
def _append_host(text: UInt8Array, host: int, host_end: int, out: UInt8Array, at: int) -> int:
    """Write the host's labels in reverse, without `www.`, `www1.` or `www12.` before them."""
    if text[host] == ord("w") and text[host + 1] == ord("w") and text[host + 2] == ord("w"):
        dot = host + 3
        while dot < host + 5 and _NOUGHT <= text[dot] <= _NINE:
            dot += 1
        if text[dot] == _DOT:
            host = dot + 1
    label_end = host_end
    for i in range(host_end - 1, host - 2, -1):
        if i < host or text[i] == _DOT:
            at = _append(text, i + 1, label_end, out, at)
            if i >= host:
                out[at] = _COMMA
                at += 1
            label_end = i
    return at


def plain_canonical_and_key(url: str) -> tuple[str, str] | None:
    """One address by the kernel: its canonical form and key, or None where it is not plain."""
    data = np.frombuffer(url.encode("utf-8", "surrogatepass") + bytes(8), np.uint8)
    urls, keys = (np.zeros(len(data) + SPARE, np.uint8) for _ in range(2))
    scratch, items = np.zeros(MAX_PLAIN + 1, np.uint8), np.zeros(2 * MAX_ITEMS, np.int32)
    ends = append_plain(data, 0, len(data) - 8, scratch, items, urls, 0, keys, 0)
    if ends[0] < 0:
        return None
    return urls[: ends[0]].tobytes().decode(), keys[: ends[1]].tobytes().decode()
