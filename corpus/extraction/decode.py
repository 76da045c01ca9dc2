"""Bytes of a page -> its characters; no page is lost for an odd charset.

Order: byte order mark; valid UTF-8; UTF-16 shown by its zeros; the HTTP header's charset; the
page's own declaration; a detector; windows-1252. That is the HTML standard's order (WHATWG HTML
13.2.3.2, labels by WHATWG Encoding) with one liberty: bytes that are valid UTF-8 are UTF-8
whatever the header says, since servers' default charsets lie about it and other charsets hardly
ever give valid UTF-8. A declared charset that does not fit gives way to the next; where none fits
without fault, the one with the fewest faults is taken, and U+FFFD stands for each.
Limit: single-byte charsets fit any bytes, so a wrong declaration of one is believed; the detector,
shown 37 legacy pages of 13 charsets, read more than 90 % of the characters beyond ASCII right in
32, and needs some 20 of them.
"""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes
from w3lib.encoding import html_body_declared_encoding, resolve_encoding

BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\xfe\xff", "utf-16-be"),
    (b"\xff\xfe", "utf-16-le"),
)
UTF16_HEAD_BYTES = 4_096  # looked at for zeros; markup is ASCII, so half of them are
MIN_UTF16_ZEROS = 0.2  # of the bytes at odd (little-endian) or even places
MAX_FAULTS = 0.01  # U+FFFD per character of a page that is still taken for the charset declared
DETECTOR_BYTES = 16_384  # of text shown to the detector: it takes 2 ms for these
DETECTOR_THRESHOLD = 0.5  # of "mess"; its default, .2, refuses right EUC-JP and KOI8-R
DETECTABLE = (  # what pages are written in; of equals, the detector takes the first
    "cp1252", "cp1251", "cp1250", "cp932", "gb18030", "euc_jp", "cp949", "big5hkscs", "koi8_r",
    "koi8_u", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "iso8859_2", "iso8859_5",
    "iso8859_7", "cp874", "cp866",
)
FALLBACK = "cp1252"  # WHATWG: the default for most locales
STATEFUL = ("iso2022_jp", "hz")  # whose bytes are ASCII, and so valid UTF-8

# Neither "<" nor a line's end is ever the second byte of a character.
TAGS = re.compile(rb"<(script|style)\b.*?</\1|<[^>]*>|[\r\n]", re.S | re.I)


def decode_page(body: bytes, *, charset: str | None) -> str:
    """The page's characters; charset: as the HTTP header declares it."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace")
    utf16 = _utf16_order(body)
    if utf16 is not None:
        return body.decode(utf16, "replace")
    declared = _declared(body, charset)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return _decode_legacy(body, declared)
    stateful = [encoding for encoding in declared if encoding in STATEFUL]
    return _decode_legacy(body, stateful) if stateful and text.isascii() else text


def _declared(body: bytes, charset: str | None) -> list[str]:
    """Python names of the charsets declared, the HTTP header's first."""
    names = [resolve_encoding(charset) if charset else None, html_body_declared_encoding(body)]
    found = [name for name in names if name is not None]
    return [name.replace("-", "_").lower() for name in dict.fromkeys(found) if _is_text(name)]


def _is_text(name: str) -> bool:
    """Whether it names a charset that ASCII markup can declare of itself."""
    name = codecs.lookup(name).name
    return not name.startswith(("utf-16", "utf-32", "utf-7"))


def _utf16_order(body: bytes) -> str | None:
    """UTF-16 without a byte order mark, by the zeros that ASCII markup has in it."""
    head = body[:UTF16_HEAD_BYTES]
    half = len(head) // 2
    if half == 0 or b"\0" not in head:
        return None
    even, odd = head[0::2].count(0) / half, head[1::2].count(0) / half
    if odd >= MIN_UTF16_ZEROS > 4 * even:
        return "utf-16-le"
    if even >= MIN_UTF16_ZEROS > 4 * odd:
        return "utf-16-be"
    return None


def _decode_legacy(body: bytes, declared: list[str]) -> str:
    """The first charset declared that fits without fault, else the best that nearly fits."""
    tried: list[tuple[float, str, str]] = []
    for encoding in [*declared, "utf_8"]:
        text = body.decode(encoding, "replace")
        faults = text.count("\ufffd") / len(text)
        if faults == 0:
            return text
        tried.append((faults, encoding, text))
    faults, encoding, text = min(tried, key=lambda result: result[0])
    if faults <= MAX_FAULTS and (encoding != "utf_8" or _is_broken_utf8(body)):
        return text
    return body.decode(_detect(body), "replace")


def _is_broken_utf8(body: bytes) -> bool:
    """Whether most of the bytes beyond ASCII are parts of UTF-8 characters."""
    num_high = len(body) - len(body.decode("ascii", "ignore"))
    num_valid = sum(
        len(char.encode()) for char in body.decode("utf-8", "ignore") if char > "\x7f"
    )
    return num_valid > num_high / 2


def _detect(body: bytes) -> str:
    """The detector's charset for the runs of text beyond ASCII."""
    runs, num_bytes = [], 0
    for run in TAGS.sub(b"\n", body).split(b"\n"):
        if not run.isascii() and num_bytes < DETECTOR_BYTES:
            runs.append(run.strip())
            num_bytes += len(runs[-1])
    if not runs:
        return FALLBACK
    best = from_bytes(
        b"\n".join(runs), cp_isolation=list(DETECTABLE), threshold=DETECTOR_THRESHOLD
    ).best()
    if best is None or FALLBACK in best.could_be_from_charset:
        return FALLBACK
    return best.encoding
