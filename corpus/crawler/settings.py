"""How links that no local capture serves are fetched: the settings of the crawler.

The limits are those of one part of the crawl; Spark runs as many parts at once as it has cores.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from corpus.config import Settings
from corpus.crawler.hosts import is_literal, is_public
from corpus.errors import ConfigError


class FetchSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How links that no local capture serves are fetched."""

    crawl: bool = True
    """Whether to ask the web; without it such links fail as not_captured."""
    user_agent: str = "Winnow/0.1"
    """Sent with each request, followed by `contact`. The part before the slash is the name that
    robots.txt groups go by."""
    contact: str = ""
    """A page or mail address where the crawl's owner can be reached, as hosts expect of a crawler
    (RFC 9309 section 2.2.1). Strangers' hosts are not asked without one."""
    links_per_part: int = 500
    """Links aimed at in one part, the unit that a killed crawl resumes by; all links of a
    registered domain stay in one part, so that its hosts see one crawler."""
    max_hosts: int = 256
    """Hosts whose links are worked off at the same time, in one part. Each holds a connection, and
    a process may have 1,024 files open as a rule."""
    max_connections: int = 64
    """Requests in flight at the same time, in one part; hosts in their pause do not count. Times
    max_bytes, it bounds a part's memory."""
    max_bytes_per_second: int = 0
    """Bytes of bodies that a part reads a second; 0 for no limit."""
    max_host_failures: int = 8
    """Links of a host that time out or break in a row, after which its other links are given up:
    at four attempts of a minute each, a dead host of 500 links would take a day."""
    delay_seconds: float = 1.0
    """Pause between requests to a host; a longer Crawl-delay of its robots.txt prevails."""
    max_delay_seconds: float = 30.0
    """Longest pause that a robots.txt can ask for."""
    connect_seconds: float = 10.0
    """Limit of one connection's set-up."""
    read_seconds: float = 20.0
    """Limit between two reads of an answer."""
    total_seconds: float = 60.0
    """Limit of one request with its answer."""
    max_bytes: int = 10 << 20
    """Largest body, as sent; Common Crawl cuts at 5 MiB, a page of text is below 1."""
    max_redirects: int = 5
    """Hops followed from a link."""
    max_attempts: int = 4
    """Requests for one address, where it throttles or breaks."""
    backoff_seconds: float = 2.0
    """Pause before the second attempt, then doubled each time; jitter takes off up to half."""
    max_backoff_seconds: float = 120.0
    """Longest pause before an attempt; a Retry-After beyond it ends the attempts."""
    content_types: tuple[str, ...] = ("text/html", "application/xhtml+xml", "text/plain")
    """Media types that are stored; an answer without a type is."""
    allow_private_addresses: bool = False
    """Whether names and redirects may lead to loopback and private networks."""
    connect_to: dict[str, str] = msgspec.field(default_factory=dict)
    """Host -> "ip:port" to connect to in its place, private or not, like curl's --connect-to."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        self._check_numbers()
        if not self.user_agent.strip(" /") or not _is_header_text(self.user_agent):
            raise ValueError("user_agent must be a name in ASCII")
        if self.contact != self.contact.strip() or not _is_header_text(self.contact):
            raise ValueError("contact must be an address in ASCII")
        for host, place in self.connect_to.items():
            address, _, port = place.rpartition(":")
            if not (is_literal(address) and port.isdigit()):
                raise ValueError(f"connect_to.{host} is {place}, expected as 127.0.0.1:80")

    def _check_numbers(self) -> None:
        for name in (
            "links_per_part", "max_hosts", "max_connections", "max_bytes", "max_attempts",
            "max_host_failures",
        ):  # fmt: skip
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("connect_seconds", "read_seconds", "total_seconds"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be more than 0")
        for name in (
            "delay_seconds", "max_delay_seconds", "backoff_seconds", "max_redirects",
            "max_bytes_per_second",
        ):  # fmt: skip
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")

    @property
    def signature(self) -> str:
        """The User-Agent header."""
        return f"{self.user_agent} (+{self.contact})" if self.contact else self.user_agent

    def check_contact(self, hosts: Iterable[str]) -> None:
        """Raise ConfigError where one of the hosts is a stranger's and could not reach us."""
        if self.contact or "+http" in self.user_agent or "@" in self.user_agent:
            return
        for host in hosts:
            is_own = host in self.connect_to or host == "localhost"
            if not (is_own or (is_literal(host) and not is_public(host))):
                raise ConfigError(
                    f"fetch.contact: empty, and {host} is to be crawled; expected a page or a mail "
                    "address where its owner can reach you: --set fetch.contact=you@example.org, "
                    "or --set fetch.crawl=false to leave out what no archive has"
                )


def _is_header_text(text: str) -> bool:
    return text.isascii() and (not text or text.isprintable())
