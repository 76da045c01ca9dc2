"""URL rules: documents that leave because of where they come from.

Method: the host decides. Pages of Wikipedia leave what was taken from the web, since Wikipedia is
a source of its own and of many benchmarks (GPT-2 section 2.1: "we removed all Wikipedia documents
from WebText"). Domains on the recipe's list leave with all their subdomains.
Cost: one look at each address; hosts are parsed once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from corpus.config import Settings
from corpus.sources import Source
from corpus.urls import host_of
from filters.verdict import Fault

WIKIPEDIA_PAGE = "wikipedia_page"
BLOCKED_DOMAIN = "blocked_domain"

WIKIPEDIA = "wikipedia.org"


class UrlSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which addresses are not wanted."""

    remove_wikipedia: bool = True
    """Whether pages under wikipedia.org leave the warc and reddit sources (GPT-2 section 2.1). Text
    sources keep theirs: whoever names a Wikipedia file wants it."""
    keep_wikipedia_of: tuple[str, ...] = ()
    """Sources, by name, that keep their Wikipedia pages all the same."""
    blocked_domains: tuple[str, ...] = ()
    """Domains that leave every source, subdomains included: "example.com"."""

    def __post_init__(self) -> None:
        """Refuse addresses in place of domains."""
        for domain in self.blocked_domains:
            if "/" in domain or domain != domain.lower().strip("."):
                raise ValueError(f"blocked_domains: {domain!r} is no domain in lower case")


def judge(
    urls: Sequence[str | None],
    sources: Sequence[str],
    settings: UrlSettings,
    recipe_sources: Mapping[str, Source],
) -> Iterator[Fault]:
    """Hold each document's address against the rules; a document without one passes."""
    hosts = [host_of(url) or "" if url else "" for url in urls]
    if settings.remove_wikipedia:
        loses = {
            name
            for name, source in recipe_sources.items()
            if source.kind != "text" and name not in settings.keep_wikipedia_of
        }
        yield WIKIPEDIA_PAGE, np.array(
            [
                source in loses and _belongs_to(host, {WIKIPEDIA})
                for host, source in zip(hosts, sources, strict=True)
            ],
            np.bool_,
        )
    blocked = set(settings.blocked_domains)
    if blocked:
        yield BLOCKED_DOMAIN, np.array([_belongs_to(host, blocked) for host in hosts], np.bool_)


def _belongs_to(host: str, domains: set[str]) -> bool:
    """Whether the host is one of the domains or lies under one."""
    while host:
        if host in domains:
            return True
        host = host.partition(".")[2]
    return False
