"""The key that Common Crawl's indexes are sorted by, for an address of ours.

It is the Internet Archive's SURT: escapes undone and done once, scheme, user name, default port,
`www.`, session ids and a trailing slash gone, parameters sorted, everything in lower case, host
labels reversed (webarchive-commons, org.archive.url: GoogleURLCanonicalizer, then
IAURLCanonicalizer; its Python port made the indexes). It folds more than our own `url_key` (case
above all), so it only proposes: a capture serves a link where their `url_key` agree too.
About 8 microseconds an address. Limit: hosts that are one number (http://3279880203/) stay as they
stand, where the Archive writes them as four.
"""

from __future__ import annotations

import functools
import re
from urllib.parse import unquote_to_bytes, urlsplit

import idna

_BREAKS = str.maketrans("", "", "\t\r\n")
_BLANKS = "".join(map(chr, range(0x21)))
_DEFAULT_PORTS = {"http": 80, "https": 443}
_WWW = re.compile(r"^www\d*\.")
_SLASHES = re.compile(b"/{2,}")
_IS_PLAIN = re.compile(r"[!\"$&-~]*").fullmatch  # nothing that an escape is made of, or stands for
_ALWAYS_ESCAPED = frozenset(range(0x21)) | frozenset(range(0x7F, 0x100)) | set(b"#%")

# ASP.NET puts a visitor's id into the path, others into the query.
_PATH_SESSIONS = (
    re.compile(r"^(.*/)\((?:[a-z]\([0-9a-z]{24}\))+\)/([^?]+\.aspx.*)$"),
    re.compile(r"^(.*/)\([0-9a-z]{24}\)/([^?]+\.aspx.*)$"),
)
_QUERY_SESSIONS = tuple(
    (re.compile(rf"^(.*)(?:{pattern})(?:&(.*))?$"), sign)
    for sign, pattern in (
        ("jsessionid=", "jsessionid=[0-9a-z]{32}"),
        ("phpsessid=", "phpsessid=[0-9a-z]{32}"),
        ("sid=", "sid=[0-9a-z]{32}"),
        ("aspsessionid", "aspsessionid[a-z]{8}=[a-z]{24}"),
        ("cftoken=", "cfid=[^&]+&cftoken=[^&]+"),
    )
)


def surt_key(url: str) -> str | None:
    """The address as `url_surtkey` of the index has it, or None where it is no web address."""
    try:
        split = urlsplit(url.strip(_BLANKS).translate(_BREAKS))
        port = split.port
        host = _host(split.hostname or "")
    except ValueError:
        return None
    if split.scheme not in _DEFAULT_PORTS or not host:
        return None
    shown_port = "" if port in (None, _DEFAULT_PORTS[split.scheme]) else f":{port}"
    query = _query(split.query) if split.query else ""
    return f"{host}{shown_port}){_path(split.path)}{'?' + query if query else ''}"


@functools.lru_cache(maxsize=65536)
def _host(host: str) -> str:
    """Host labels reversed; of an IP address too."""
    if "%" in host:
        host = unquote_to_bytes(host).decode("utf-8", "replace")
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True, transitional=False).decode("ascii")
        except idna.IDNAError:
            return ""
    host = _WWW.sub("", host.lower().strip("."), count=1)
    return ",".join(reversed([label for label in host.split(".") if label]))


def _path(path: str) -> str:
    plain = _SLASHES.sub(b"/", _without_dots(_unescape(path)))
    path = _escape(plain).lower()
    if ".aspx" in path:
        for pattern in _PATH_SESSIONS:
            path = pattern.sub(r"\1\2", path)
    return path.rstrip("/") or "/"


def _query(query: str) -> str:
    query = _escape(_unescape(query)).lower()
    for pattern, sign in _QUERY_SESSIONS:
        if sign in query and (found := pattern.match(query)):
            query = found[1] + (found[2] or "")
    return "&".join(sorted(query.split("&"))) if "&" in query else query


def _unescape(text: str) -> bytes:
    """Undo escapes until none is left."""
    data = text.encode("utf-8", "surrogatepass")
    while b"%" in data:
        plain = unquote_to_bytes(data)
        if plain == data:
            break
        data = plain
    return data


def _escape(data: bytes) -> str:
    text = data.decode("latin-1")
    if _IS_PLAIN(text):
        return text
    return "".join(f"%{byte:02X}" if byte in _ALWAYS_ESCAPED else chr(byte) for byte in data)


def _without_dots(path: bytes) -> bytes:
    if b"/." not in path:
        return path or b"/"
    kept: list[bytes] = []
    segments = path.split(b"/")[1:]
    for segment in segments:
        if segment == b"..":
            del kept[-1:]
        elif segment != b".":
            kept.append(segment)
    return b"/" + b"/".join(kept)
