"""How links that no local capture serves are fetched: the settings of the crawler.

The limits are those of one part of the crawl; Spark runs as many parts at once as it has cores.
"""

from __future__ import annotations

import math

import msgspec

from corpus.config import Settings
from corpus.hosts import is_literal


class FetchSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How links that no local capture serves are fetched."""

    crawl: bool = True
    """Whether to ask the web; without it such links fail as not_captured."""
    user_agent: str = "Winnow/0.1"
    """Sent with each request; put an address where you can be reached. The part before the slash is
    the name that robots.txt groups go by."""
    links_per_part: int = 500
    """Links aimed at in one part, the unit that a killed crawl resumes by; all links of a
    registered domain stay in one part, so that its hosts see one crawler."""
    max_hosts: int = 32
    """Hosts asked at the same time, in one part."""
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
        for name in ("links_per_part", "max_hosts", "max_bytes", "max_attempts"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("connect_seconds", "read_seconds", "total_seconds"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be more than 0")
        for name in ("delay_seconds", "max_delay_seconds", "backoff_seconds", "max_redirects"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        if not self.user_agent.strip(" /") or not self.user_agent.isascii():
            raise ValueError("user_agent must be a name in ASCII")
        for host, place in self.connect_to.items():
            address, _, port = place.rpartition(":")
            if not (is_literal(address) and port.isdigit()):
                raise ValueError(f"connect_to.{host} is {place}, expected as 127.0.0.1:80")
