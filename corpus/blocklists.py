"""Block lists: files of domains, addresses and words that a recipe does not want.

Lists of addresses may be plain domains, hosts files (`0.0.0.0 domain`), rules of ad blockers
(`||domain^`), addresses with paths, or a category of the University of Toulouse's lists (UT1): a
folder or a tar archive whose files `domains` and `urls` are read. Each line is taken for what it
is, so a file may mix them; gzip is known by its first bytes. Lists of words have one a line.
Domains are brought into the form that corpus/urls.py gives hosts (lower case, IDNA), addresses into
their canonical form. A line that cannot be read costs itself and is counted under a reason; a file
of which nothing can be read stops the stage with InputError.
Cost: 4.6 million plain domains (124 MB) in 1.3 s, 0.8 GB while reading and 8 bytes each after.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from corpus.blocklist_lines import ADDRESS, COMMENT, DOMAIN, read_lines
from corpus.domain_sets import as_set
from corpus.errors import InputError
from corpus.sources import expand_files
from corpus.utf8 import UInt64Array
from corpus.words import normalise, split_words

WORD = "words"
SEVERAL_WORDS = "several_words"
TOO_SHORT = "too_short"

MIN_SUBWORD = 3  # letters or digits: two of them are in every other address

_UT1_FILES = ("domains", "urls")

Counts = dict[str, Counter[str]]
"""Of each file, how many lines are what, or lack what."""


class BlockLists(NamedTuple):
    """What the files block; the arrays are uint64, sorted, without doubles."""

    domains: UInt64Array
    """Hashes of corpus/domain_sets.py."""
    addresses: UInt64Array
    words: UInt64Array
    """Hashes (corpus/words.py) of words that block an address alone."""
    subwords: tuple[str, ...]
    """Runs of letters and digits that block it anywhere, even within a word."""
    soft_words: UInt64Array
    """Hashes of words that block it together."""


_NOTHING = np.zeros(0, np.uint64)
NO_LISTS = BlockLists(_NOTHING, _NOTHING, _NOTHING, (), _NOTHING)


def list_files(patterns: Iterable[str]) -> list[str]:
    """The files that the patterns name, those of a folder in place of it, sorted within each.

    Raises InputError where a pattern matches nothing or a folder has no `domains` or `urls`.
    """
    files: list[str] = []
    for path in expand_files(patterns, where="block lists"):
        if not Path(path).is_dir():
            files.append(path)
            continue
        found = sorted(
            str(file)
            for file in Path(path).rglob("*")
            if file.name.removesuffix(".gz") in _UT1_FILES
        )
        if not found:
            raise InputError(
                f"block list {path}: a folder without a file `domains` or `urls`; expected a "
                "category of the Toulouse lists: name the list's files themselves"
            )
        files += found
    return files


class FileMark(NamedTuple):
    """What tells whether a file is the one that was seen."""

    path: str
    num_bytes: int
    changed_at: int
    """Nanoseconds since 1970."""


def mark_files(patterns: Iterable[str]) -> tuple[FileMark, ...]:
    """Path, size and time of each file that the patterns name."""
    stats = [(path, Path(path).stat()) for path in list_files(patterns)]
    return tuple(FileMark(path, stat.st_size, stat.st_mtime_ns) for path, stat in stats)


def read_block_lists(
    *,
    addresses: Iterable[str] = (),
    words: Iterable[str] = (),
    subwords: Iterable[str] = (),
    soft_words: Iterable[str] = (),
) -> tuple[BlockLists, Counts]:
    """Read the files that these patterns name; raises InputError where one says nothing."""
    counts: Counts = {}
    domains, prefixes = _read_addresses(list_files(addresses), counts)
    lists = BlockLists(
        domains=domains,
        addresses=prefixes,
        words=_hashes(_read_words(list_files(words), counts)),
        subwords=tuple(_read_words(list_files(subwords), counts, within=True)),
        soft_words=_hashes(_read_words(list_files(soft_words), counts)),
    )
    return lists, counts


def _read_addresses(files: list[str], counts: Counts) -> tuple[UInt64Array, UInt64Array]:
    domains, addresses = [_NOTHING], [_NOTHING]
    for path in files:
        count: Counter[str] = Counter()
        for data in _contents(path):
            lines = read_lines(data)
            domains.append(lines.domains)
            addresses.append(lines.addresses)
            count += lines.counts
        if not count[DOMAIN] + count[ADDRESS]:
            raise InputError(
                f"block list {path}: no domain and no address in it; got {told(count)}; expected "
                "plain domains, a hosts file, rules of an ad blocker, or addresses"
            )
        counts[path] = count
    return as_set(np.concatenate(domains)), as_set(np.concatenate(addresses))


def _read_words(files: list[str], counts: Counts, *, within: bool = False) -> list[str]:
    """The words in normal form, sorted; `within`: without the blanks and signs in them."""
    words: set[str] = set()
    for path in files:
        count: Counter[str] = Counter()
        for line in b"\n".join(_contents(path)).decode(errors="replace").splitlines():
            if not line.strip():
                continue
            word = normalise(line).replace(" ", "") if within else normalise(line)
            kind = COMMENT if line.lstrip().startswith("#") else _kind_of_word(word, within)
            count[kind] += 1
            if kind == WORD:
                words.add(word)
        if not count[WORD]:
            raise InputError(
                f"word list {path}: no word in it; got {told(count)}; expected one a line"
            )
        counts[path] = count
    return sorted(words)


def told(count: Counter[str]) -> str:
    """The counts of one file in words."""
    ordered = sorted(count.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{num:,} {what}" for what, num in ordered) or "no line"


def _hashes(words: list[str]) -> UInt64Array:
    return as_set(split_words(pa.array(words, pa.large_string())).hashes)


def _kind_of_word(word: str, within: bool) -> str:
    if within:
        return WORD if len(word) >= MIN_SUBWORD else TOO_SHORT
    if not word:
        return TOO_SHORT
    return SEVERAL_WORDS if " " in word else WORD


def _contents(path: str) -> Iterator[bytes]:
    """Bytes of the file, or of the lists in it where it is an archive."""
    try:
        data = Path(path).read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        if data[257:262] != b"ustar":
            yield data
            return
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            lists = [m for m in archive if m.isfile() and Path(m.name).name in _UT1_FILES]
            if not lists:
                raise InputError(f"block list {path}: an archive without `domains` or `urls`")
            for member in lists:
                file = archive.extractfile(member)
                yield file.read() if file else b""
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise InputError(
            f"block list {path}: cannot be read: {error}; expected text, gzip or tar; "
            "fetch it again"
        ) from error
