"""URL rules: documents that leave because of where they come from.

Method: each address is brought into its canonical form once, and everything else is asked of the
column of them. Pages of Wikipedia leave what was taken from the web, since Wikipedia is a source of
its own and of many benchmarks (GPT-2 section 2.1: "we removed all Wikipedia documents from
WebText"). Domains that the recipe names or that its block lists hold leave with all their
subdomains, addresses of block lists with what lies below them. Words in the address are the rule of
RefinedWeb (Penedo et al. 2023, appendix G.1): strict words and parts of words block alone, soft
words only together. A document without an address passes. The lists are the user's own.
Cost: 5 microseconds an address, whatever the lists' length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.blocklists import NO_LISTS, BlockLists
from corpus.config import Settings
from corpus.domain_sets import as_set, hash_domains, is_in_set, under_addresses, under_domains
from corpus.sources import Source
from corpus.urls import canonical_url, host_of
from corpus.utf8 import UInt64Array
from corpus.words import split_words
from filters.verdict import Fault

WIKIPEDIA_PAGE = "wikipedia_page"
BLOCKED_DOMAIN = "blocked_domain"
BLOCKED_TOP_LEVEL = "blocked_top_level_domain"
BLOCKED_ADDRESS = "blocked_address"
BLOCKED_WORD = "blocked_word_in_url"
BLOCKED_SUBWORD = "blocked_subword_in_url"
SOFT_WORDS = "soft_words_in_url"

WIKIPEDIA = "wikipedia.org"

_SIGNS = r"[^\p{L}\p{M}\p{N}]+"  # what is left out of an address where subwords are looked for


class UrlSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which addresses are not wanted."""

    remove_wikipedia: bool = True
    """Whether pages under wikipedia.org leave the warc and reddit sources (GPT-2 section 2.1). Text
    sources keep theirs: whoever names a Wikipedia file wants it."""
    keep_wikipedia_of: tuple[str, ...] = ()
    """Sources, by name, that keep their Wikipedia pages all the same."""
    blocked_domains: tuple[str, ...] = ()
    """Domains that leave every source, subdomains included: "example.com"."""
    blocked_top_level_domains: tuple[str, ...] = ()
    """Last labels of hosts that leave every source: "xxx"; an IDN as ASCII: "xn--p1ai"."""
    block_lists: tuple[str, ...] = ()
    """Block lists (paths or patterns): plain domains, hosts files, ad blocker rules, addresses, or
    a category of the Toulouse lists (folder or tar.gz), which RefinedWeb and FineWeb use."""
    word_lists: tuple[str, ...] = ()
    """Files of words, one a line, each of which blocks an address that has it as a whole word."""
    subword_lists: tuple[str, ...] = ()
    """Files of words that block an address anywhere in it, signs left out: `blockedsite` in
    blocked-site.com. Of three letters or more."""
    soft_word_lists: tuple[str, ...] = ()
    """Files of words that block an address only together."""
    min_soft_words: int = 2
    """How many different soft words do; 2 as in RefinedWeb and FineWeb: one is often innocent."""

    def __post_init__(self) -> None:
        """Refuse addresses in place of domains."""
        for domain in self.blocked_domains:
            if "." not in domain or host_of(f"http://{domain}") != domain:
                raise ValueError(
                    f"blocked_domains: {domain!r} is no domain in lower case and ASCII"
                )
        for label in self.blocked_top_level_domains:
            if not re.fullmatch(r"[a-z][a-z0-9-]*", label):
                raise ValueError(
                    f"blocked_top_level_domains: {label!r} is no label in lower case and ASCII"
                )
        if self.min_soft_words < 1:
            raise ValueError(f"min_soft_words is {self.min_soft_words}, expected 1 or more")

    def list_patterns(self) -> tuple[str, ...]:
        """The paths and patterns of all lists."""
        return (
            *self.block_lists,
            *self.word_lists,
            *self.subword_lists,
            *self.soft_word_lists,
        )


def judge(
    urls: Sequence[str | None],
    sources: Sequence[str],
    settings: UrlSettings,
    recipe_sources: Mapping[str, Source],
    lists: BlockLists = NO_LISTS,
) -> Iterator[Fault]:
    """Hold each document's address against the rules; a document without one passes."""
    addresses = [(canonical_url(url) or "") if url else "" for url in urls]
    column = pa.array(addresses, pa.large_string())
    if settings.remove_wikipedia:
        losing = [
            name
            for name, source in recipe_sources.items()
            if source.kind != "text" and name not in settings.keep_wikipedia_of
        ]
        loses = np.array([source in losing for source in sources], np.bool_)
        yield WIKIPEDIA_PAGE, loses & under_domains(column, _set_of(WIKIPEDIA))
    if settings.blocked_top_level_domains:
        top_level = _set_of(*settings.blocked_top_level_domains)
        yield BLOCKED_TOP_LEVEL, under_domains(column, top_level)
    if settings.blocked_domains or len(lists.domains):
        named = under_domains(column, _set_of(*settings.blocked_domains))
        yield BLOCKED_DOMAIN, named | under_domains(column, lists.domains)
    if len(lists.addresses):
        yield BLOCKED_ADDRESS, under_addresses(column, lists.addresses)
    if len(lists.words) or len(lists.soft_words) or lists.subwords:
        readable = pa.array(map(_readable, addresses), pa.large_string())
        yield from _judge_words(readable, lists, settings.min_soft_words)


def _judge_words(addresses: pa.Array, lists: BlockLists, min_soft_words: int) -> Iterator[Fault]:
    words = split_words(addresses)
    num_documents = len(addresses)
    document = np.repeat(np.arange(num_documents), np.diff(words.offsets))
    if len(lists.words):
        is_blocked = is_in_set(words.hashes, lists.words)
        yield BLOCKED_WORD, np.bincount(document[is_blocked], minlength=num_documents) > 0
    if lists.subwords:
        yield BLOCKED_SUBWORD, _has_subword(addresses, lists.subwords)
    if len(lists.soft_words):
        is_soft = is_in_set(words.hashes, lists.soft_words)
        yield (
            SOFT_WORDS,
            _num_distinct(document, words.hashes, is_soft, num_documents) >= (min_soft_words),
        )


def _num_distinct(
    document: npt.NDArray[np.int64],
    hashes: UInt64Array,
    counted: npt.NDArray[np.bool_],
    num_documents: int,
) -> npt.NDArray[np.int64]:
    """How many different words of those counted each document has."""
    pairs = pa.table({"document": document[counted], "hash": hashes[counted]})
    distinct = pairs.group_by(["document", "hash"]).aggregate([])
    return np.bincount(distinct["document"].to_numpy(), minlength=num_documents)


def _has_subword(addresses: pa.Array, subwords: Sequence[str]) -> npt.NDArray[np.bool_]:
    letters = pc.replace_substring_regex(addresses, _SIGNS, "")
    pattern = "|".join(map(re.escape, subwords))
    found: npt.NDArray[np.bool_] = pc.match_substring_regex(letters, pattern).to_numpy(
        zero_copy_only=False
    )
    return found


def _readable(address: str) -> str:
    """The address without its scheme, escapes undone, in lower case."""
    rest = address.partition("://")[2]
    return (unquote(rest) if "%" in rest else rest).lower()


def _set_of(*domains: str) -> UInt64Array:
    return as_set(hash_domains(domains))
