"""What a host's robots.txt allows (RFC 9309), read with protego.

Success: the rules of the group that names us, else of `*`. 4xx: there are no rules. 5xx, no answer
or being told to slow down: everything is disallowed, as the rules may exist. Only the first 500 KiB
count (RFC 9309 section 2.5 lets a crawler stop there).
protego copies each rule to every name of its group, so 250 KiB of names before 250 KiB of rules
would be 10^8 rules: names that cannot be ours are read as one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from protego import Protego

MAX_ROBOTS_BYTES = 500 << 10
_NAME = re.compile(r"\s*user[- ]?agent(?:\s*:|\s)([^#]*)", re.IGNORECASE)
_STRANGER = "-"  # no product token, so nobody's name
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
    lines = (_with_plain_name(line, agent.lower()) for line in text.splitlines())
    return Rules(Protego.parse("\n".join(lines)), agent)


def _with_plain_name(line: str, agent: str) -> str:
    """The line; where it names a group, by one of the few names that can be ours."""
    found = _NAME.match(line)
    if found is None:
        return line
    name = found[1].strip().lower()
    if name != "*":
        name = name.replace("*", "")
        name = name if agent.startswith(name) else _STRANGER
    return f"User-agent: {name}"


def product_token(user_agent: str) -> str:
    """The name that robots.txt groups go by: `Winnow` of `Winnow/0.1 (+https://...)`."""
    return user_agent.split("/")[0].split()[0]
