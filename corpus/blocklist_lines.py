"""Lines of block lists: which domain or address each one names, or why it names none.

Plain is a domain in ASCII, alone, after `0.0.0.0 ` or `127.0.0.1 ` as in a hosts file, or between
`||` and `^` as ad blockers write it. Those a kernel reads and hashes, 30 nanoseconds each; of the
others Python says what they are, 10 microseconds each.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import idna
import numpy as np
import tldextract
from numba import njit

from corpus.domain_sets import as_set, hash_addresses, hash_domain, hash_domains, is_in_set
from corpus.simd import KERNEL
from corpus.urls import canonical_url, host_of
from corpus.utf8 import Int64Array, UInt8Array, UInt64Array

DOMAIN, ADDRESS = "domains", "addresses"  # what a line can name,
COMMENT = "comments"
NO_DOMAIN = "no_domain"  # and why it names nothing: no host of two labels or more
PUBLIC_SUFFIX = "public_suffix"  # `co.uk`: would take every site below it
EXCEPTION = "exception"  # `@@||domain^`: allows what another rule blocks
CONDITION = "condition"  # `||domain^$third-party`: meant for what a page embeds
PATTERN = "pattern"  # a wildcard or a regular expression
ELEMENT = "element"  # hides a part of a page

_PLAIN, _ODD, _REMARK, _EMPTY = 0, 1, 2, 3
_HOSTS = re.compile(
    r"(?:0\.0\.0\.0|127\.\d+\.\d+\.\d+|255\.255\.255\.255|[0-9a-f:]*:[^\s]*)\s+(.+)"
)
_RULE = re.compile(r"\|\|([^/^$*|]+)(/[^$*|^]*)?\^?\|?(?:\$(.*))?")
_WHOLE_SITE = frozenset({"all", "doc", "document", "important"})  # options that block the page
_REMARK_AFTER = re.compile(r"\s+#.*")
_ELEMENT = re.compile(r"#[@?$]?#")
_LOOPBACK = np.frombuffer(b"127.0.0.1", np.uint8)


class Lines(NamedTuple):
    """What the lines of a file name, and how many of each kind there are."""

    domains: UInt64Array
    """Hashes of corpus/domain_sets.py, a domain as often as it is named."""
    addresses: UInt64Array
    counts: Counter[str]


def read_lines(data: bytes) -> Lines:
    """Read the lines; what is no UTF-8 is no part of a domain."""
    most = data.count(b"\n") + 1
    hashes, kinds = np.zeros(most, np.uint64), np.zeros(most, np.uint8)
    spans = np.zeros((most, 2), np.int64)
    num = _scan(np.frombuffer(data, np.uint8), hashes, kinds, spans)
    kinds = kinds[:num]
    plain = hashes[:num][kinds == _PLAIN]
    counts = Counter({COMMENT: int((kinds == _REMARK).sum())})
    domains: list[str] = []
    addresses: list[str] = []
    for start, end in spans[:num][kinds == _ODD].tolist():
        for kind, entry in _read_line(data[start:end].decode(errors="replace")):
            counts[kind] += kind != DOMAIN
            if kind == DOMAIN:
                domains.append(entry)
            elif kind == ADDRESS:
                addresses.append(entry)
    found = np.sort(np.concatenate([plain, hash_domains(domains)]))
    suffixes = _public_suffixes()
    is_suffix = np.isin(found, suffixes[is_in_set(suffixes, found)])  # none of them, or a few
    counts[PUBLIC_SUFFIX] += int(is_suffix.sum())
    counts[DOMAIN] += len(found) - int(is_suffix.sum())
    return Lines(found[~is_suffix], hash_addresses(addresses), +counts)


@cache
def _public_suffixes() -> UInt64Array:
    """Those of registries; what companies let others name (github.io) may well be on a list."""
    suffixes = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None).tlds
    named = [s if s.isascii() else idna.encode(s, uts46=True).decode("ascii") for s in suffixes]
    return as_set(hash_domains(named))


def _read_line(line: str) -> Iterator[tuple[str, str]]:
    """What a line that is not plain says: the kind of each entry, and the entry."""
    if line.startswith("@@"):
        yield EXCEPTION, line
        return
    if _ELEMENT.search(line):
        yield ELEMENT, line
        return
    line = _REMARK_AFTER.sub("", line)
    hosts = _HOSTS.fullmatch(line)
    if hosts is not None:
        for host in hosts[1].split():
            yield (NO_DOMAIN, host) if _is_ip(host) else _read_entry(host)
        return
    rule = _RULE.fullmatch(line)
    if rule is None:
        yield (PATTERN, line) if set("|^*$") & set(line.removeprefix("*.")) else _read_entry(line)
        return
    host, path, options = rule.groups()
    if options and not set(options.split(",")) <= _WHOLE_SITE:
        yield CONDITION, line
    else:
        yield _read_entry(host + (path or ""))


def _read_entry(text: str) -> tuple[str, str]:
    """A domain or an address, with or without its scheme."""
    has_scheme = "://" in text
    text = text if has_scheme else f"http://{text.removeprefix('*').removeprefix('.')}"
    host = host_of(text)
    last = "" if host is None else host.rpartition(".")[2]
    if host is None or not (_is_ip(host) or ("." in host and not last.isdigit())):
        return NO_DOMAIN, text
    address = canonical_url(text) or ""
    path = address.partition("://")[2].partition("/")[2]
    if path:
        return ADDRESS, address
    return DOMAIN, host


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


@njit(**KERNEL)
def _scan(data: UInt8Array, hashes: UInt64Array, kinds: UInt8Array, spans: Int64Array) -> int:
    """Fill in kind, span and (of plain domains) hash of each line; return how many there are."""
    n, i = 0, 0
    while i < len(data):
        end = i
        while end < len(data) and data[end] != 10:
            end += 1
        start, stop, i = i, end, end + 1
        while start < stop and data[start] <= 32:
            start += 1
        while stop > start and data[stop - 1] <= 32:
            stop -= 1
        spans[n, 0], spans[n, 1] = start, stop
        kinds[n] = _kind_of(data, start, stop)
        if kinds[n] == _PLAIN:
            hashes[n] = hash_domain(data, *_domain_span(data, start, stop))
        n += 1
    return n


@njit(**KERNEL)
def _kind_of(data: UInt8Array, start: int, stop: int) -> int:
    if start == stop:
        return _EMPTY
    if data[start] == 33 or data[start] == 91:  # `!`, or the `[Adblock Plus 2.0]` of a first line
        return _REMARK
    if data[start] == 35 and (stop - start == 1 or data[start + 1] != 35):  # `#`, not `##`
        return _REMARK
    first, stop = _domain_span(data, start, stop)
    label, num_labels = first, 1
    for i in range(label, stop):
        byte = data[i]
        if byte == 46:
            if i == label or i - label > 63:
                return _ODD
            label = i + 1
            num_labels += 1
        elif not (97 <= byte <= 122 or 48 <= byte <= 57 or byte == 45 or byte == 95):
            return _ODD
    size = stop - label
    if num_labels < 2 or size < 2 or size > 63 or stop - first > 253:
        return _ODD
    return _ODD if 48 <= data[stop - 1] <= 57 else _PLAIN  # may be an IP address


@njit(**KERNEL)
def _domain_span(data: UInt8Array, start: int, stop: int) -> tuple[int, int]:
    """The line without `||` and `^` around it, or without `0.0.0.0 ` or `127.0.0.1 ` before it."""
    if stop - start > 3 and data[start] == 124 and data[start + 1] == 124:
        return start + 2, stop - 1 if data[stop - 1] == 94 else stop
    i = start
    if stop - start > 8 and data[start] == 48 and data[start + 1] == 46:
        while i < start + 7 and data[i] == (46 if (i - start) & 1 else 48):
            i += 1
        i = i if i == start + 7 else start
    elif stop - start > 10 and data[start] == 49 and data[start + 3] == 46:
        while i < start + 9 and data[i] == _LOOPBACK[i - start]:
            i += 1
        i = i if i == start + 9 else start
    if i == start or data[i] > 32:
        return start, stop
    while i < stop and data[i] <= 32:
        i += 1
    return i, stop
