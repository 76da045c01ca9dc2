"""Personal data: e-mail addresses, IP addresses and telephone numbers, masked where asked for.

Method: what is found becomes an edit of the document (edits.py), by which the tokenizer writes the
mask in its place; the text as extracted stays as it is, and the table `screen` says what is masked
where. Each finder looks only at texts that have its mark (an `@`, a dotted number, seven digits):
- an e-mail address is a local part and a host name whose end is on the public suffix list, so that
  `icon@2x.png` is none;
- an IP address is one that the standard library's `ipaddress` takes, alone between white space or
  punctuation, and that is routed on the public internet (FineWeb masks public ones only);
- a telephone number is one that Google's libphonenumber finds to exist in the recipe's regions, or
  anywhere where it begins with `+`, its digits grouped as there is usual: without that a third of
  what it finds in news are exchange rates and the sets of a tennis match.
Limits: addresses written to be hidden ("name at host") are not found; a version of four numbers
("10.4.2.1") cannot be told from an address, unless a letter or the word version stands before it.
Cost: 0.4 s for 109 MB of real text for each of the first two; 6 s for telephone numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import ip_address
from typing import Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from corpus.config import Settings
from corpus.urls import has_public_suffix

Kind = Literal["email", "ip", "phone"]


class PersonalSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which personal data is masked, and by what."""

    masked: tuple[Kind, ...] = ()
    """Kinds that are masked: email, ip, phone. FineWeb and RefinedWeb's relatives mask e-mail and
    public IP addresses; none by default, since the papers of GPT-2 and GPT-3 name no masking."""
    email_mask: str = "email@example.com"
    """In place of an e-mail address (FineWeb's; RFC 2606 keeps the domain for examples)."""
    ip_mask: str = "192.0.2.1"
    """In place of an IP address: one that RFC 5737 keeps for documentation. FineWeb's six were
    only silent on the day they were chosen."""
    phone_mask: str = "+1-202-555-0100"
    """In place of a telephone number: one of those that North America keeps for fiction."""
    phone_regions: tuple[str, ...] = ("US",)
    """Regions (ISO 3166) whose numbers are known without a `+` and the country's code."""


class Found(NamedTuple):
    """One piece of personal data, in characters of document `row`."""

    row: int
    start: int
    end: int
    kind: Kind
    mask: str


Finder = Callable[[str], Iterator[tuple[int, int]]]


def find(texts: pa.Array | pa.ChunkedArray, settings: PersonalSettings) -> list[Found]:
    """Everything to be masked, by document and then by kind; null texts have nothing."""
    finders: dict[Kind, tuple[str, Finder, str]] = {
        "email": ("@", _emails, settings.email_mask),
        "ip": (r"\d\.\d{1,3}\.\d|:[0-9A-Fa-f:]*:", _addresses, settings.ip_mask),
        "phone": (
            r"(\d[^\pL\n]{0,3}){6}\d", partial(_phones, regions=settings.phone_regions),
            settings.phone_mask,
        ),
    }  # fmt: skip
    found: list[Found] = []
    for kind in settings.masked:
        mark, finder, mask = finders[kind]
        rows = _rows_with(texts, mark)
        for row in rows.to_pylist():
            text = texts[row].as_py()
            found += [Found(row, start, end, kind, mask) for start, end in finder(text)]
    return sorted(found)


def _rows_with(texts: pa.Array | pa.ChunkedArray, mark: str) -> pa.Array:
    """Rows whose text holds the mark: what nearly all texts lack, found without a Python string."""
    has = pc.match_substring(texts, mark) if mark == "@" else pc.match_substring_regex(texts, mark)
    return pc.indices_nonzero(pc.fill_null(has, False))


_LOCAL = re.compile(r"[\w.%+'-]{1,64}\Z")  # RFC 5321: 64 octets at most
_HOST = re.compile(r"[^\W_](?:[^\W_]|-)*(?:\.[^\W_](?:[^\W_]|-)*)+")
_MAX_HOST = 253


def _emails(text: str) -> Iterator[tuple[int, int]]:
    """Anchored at each `@`: linear, where one expression for all of it could backtrack."""
    done = 0
    at = text.find("@")
    while at >= 0:
        local = _LOCAL.search(text, max(done, at - 64), at)
        host = _HOST.match(text, at + 1, at + 1 + _MAX_HOST)
        name = _known_host(host.group()) if host else ""
        if local and name:
            start = local.start() + len(local.group()) - len(local.group().lstrip(".'-"))
            done = at + 1 + len(name)
            if start < at and text[at - 1] != ".":
                yield start, done
        at = text.find("@", at + 1)


def _known_host(name: str) -> str:
    """The longest beginning of the name that ends in a public suffix: a sentence may follow it."""
    labels = name.rstrip("-").split(".")
    while len(labels) > 1:
        host = ".".join(labels)
        if has_public_suffix(host.lower()):
            return host
        labels.pop()
    return ""


_NUMBER = re.compile(r"(?<![\w.:-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|[.:]\w*\d\.|\.\d)")
_GROUPS = re.compile(r"(?<![\w.:])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
_VERSION = re.compile(r"(?:version|release|firmware|section|§)\s*\Z", re.IGNORECASE)
_MIN_GROUPS = 3  # `a::b` is an address to the standard library, and a name in C++


def _addresses(text: str) -> Iterator[tuple[int, int]]:
    for match in _NUMBER.finditer(text):
        if not _VERSION.search(text, max(0, match.start() - 16), match.start()):
            yield from _public(match)
    for match in _GROUPS.finditer(text):
        if len([group for group in match.group().split(":") if group]) >= _MIN_GROUPS:
            yield from _public(match)


def _public(match: re.Match[str]) -> Iterator[tuple[int, int]]:
    try:
        address = ip_address(match.group())
    except ValueError:
        return
    if address.is_global and not address.is_multicast:
        yield match.span()


def _phones(text: str, *, regions: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    # 0.2 s to import, for an option that is off by default.
    from phonenumbers import Leniency, PhoneNumberMatcher

    done = 0
    spans = {
        (match.start, match.end)
        for region in regions or (None,)
        for match in PhoneNumberMatcher(text, region, leniency=Leniency.STRICT_GROUPING)
    }
    for start, end in sorted(spans):
        if start >= done and not text[start:end].isdigit():  # bare digits: a size, an identifier
            yield start, end
            done = end
