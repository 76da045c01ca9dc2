"""What a host's robots.txt allows (RFC 9309), read with protego.

Success: the rules of the group that names us, else of `*`. 4xx: there are no rules. 5xx, no answer
or being told to slow down: everything is disallowed, as the rules may exist. Only the first 500 KiB
count (RFC 9309 section 2.5 lets a crawler stop there).
"""

from __future__ import annotations

from dataclasses import dataclass

from protego import Protego

MAX_ROBOTS_BYTES = 500 << 10
MAX_ROBOTS_REDIRECTS = 5  # RFC 9309 section 2.3.1.2: at least five, then the file is unavailable


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one origin, for one crawler."""

    parsed: Protego | None  # None where nothing is forbidden
    agent: str

    def allow(self, url: str) -> bool:
        """Whether the address may be fetched."""
        return self.parsed is None or bool(self.parsed.can_fetch(url, self.agent))

    @property
    def delay(self) -> float:
        """Seconds between requests that the host asks for; 0 where it does not."""
        if self.parsed is None:
            return 0.0
        rate = self.parsed.request_rate(self.agent)
        paced = rate.seconds / rate.requests if rate is not None and rate.requests else 0.0
        return max(self.parsed.crawl_delay(self.agent) or 0.0, paced)


def parse_rules(body: bytes, agent: str) -> Rules:
    """Rules of a robots.txt for the crawler that calls itself `agent`."""
    text = body[:MAX_ROBOTS_BYTES].decode("utf-8-sig", "replace")
    return Rules(Protego.parse(text), agent)


def product_token(user_agent: str) -> str:
    """The name that robots.txt groups go by: `Winnow` of `Winnow/0.1 (+https://...)`."""
    return user_agent.split("/")[0].split()[0]
