"""The polite fetcher: links -> a WARC file, and for each link what became of it.

robots.txt is obeyed (robots.py), a host gets one request at a time with a pause between, private
networks are out of reach (hosts.py), and every hop of a redirect is asked the same questions. A
link that fails is a row with a reason (here and in exchange.py), never an error. A crawl that was
killed goes on with the links that have no answer yet (frontier.py); only the pauses begin anew.
Cost: one process and the pages in flight. Limit: a host that two parts of a crawl both reach by
redirects can get a request from each at once.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urljoin

from corpus.crawler.archive import Page
from corpus.crawler.exchange import (
    CONNECTION_FAILED,
    DNS_FAILURE,
    PRIVATE_ADDRESS,
    REDIRECTS,
    TLS_FAILURE,
    Client,
    Failed,
    new_session,
)
from corpus.crawler.frontier import Answer, Frontier, Place, crawl_key
from corpus.crawler.robots import (
    MAX_ROBOTS_BYTES,
    MAX_ROBOTS_REDIRECTS,
    Rules,
    parse_rules,
    product_token,
)
from corpus.crawler.settings import FetchSettings
from corpus.urls import canonical_url, host_of

NOT_CAPTURED = "not_captured"  # crawling is switched off
ROBOTS_DENIED = "robots_denied"
ROBOTS_UNREACHABLE = "robots_unreachable"  # no answer about the rules: RFC 9309 forbids to go on
HTTP_STATUS = "http_status"  # an answer that is neither 200 nor a redirect
TOO_MANY_REDIRECTS = "too_many_redirects"
BAD_REDIRECT = "bad_redirect"  # to no address of the web
WRONG_CONTENT_TYPE = "wrong_content_type"
HOST_GIVEN_UP = "host_given_up"  # too many links of its host timed out or broke in a row

NUM_RESOLVERS = 32  # names looked up at once: one can block its thread for 5 s and more

# Failures of the host itself, not of its robots.txt.
_NO_HOST = frozenset({CONNECTION_FAILED, DNS_FAILURE, PRIVATE_ADDRESS, TLS_FAILURE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What became of a link: a reason, or the place of its response record."""

    url: str
    reason: str | None = None
    record_id: str | None = None
    final_url: str | None = None
    offset: int | None = None
    length: int | None = None


def crawl_links(
    urls: Sequence[str], settings: FetchSettings, path: Path, *, frontier: Path | None = None
) -> list[Fetched]:
    """Fetch canonical, distinct addresses into a WARC file; returns one answer for each.

    frontier: a folder that remembers the answers so far (frontier.py), for this same call after a
    kill; without one a killed crawl begins anew. Raises ConfigError, before any request, where
    strangers' hosts are asked without a contact.
    """
    settings.check_contact(sorted({host_of(url) or "" for url in urls}))
    if frontier is None:
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            return crawl_links(urls, settings, path, frontier=Path(folder))
    with Frontier(frontier, key=crawl_key(urls, settings)) as answers:
        asyncio.run(_crawl(urls, settings, answers))
        places = answers.write_archive(path, _about(settings))
        return [_fetched(url, answers.answers[n], places.get(n)) for n, url in enumerate(urls)]


def _about(settings: FetchSettings) -> dict[str, str]:
    """The fields of the archive's warcinfo record."""
    about = {
        "software": settings.user_agent,
        "format": "WARC File Format 1.0",
        "robots": "obey",
        "http-header-user-agent": settings.signature,
    }
    return {**about, "operator": settings.contact} if settings.contact else about


def _fetched(url: str, answer: Answer, place: Place | None) -> Fetched:
    if place is None:
        return Fetched(url=url, reason=answer.reason)
    return Fetched(
        url=url,
        record_id=answer.record_id,
        final_url=answer.final_url,
        offset=place.offset,
        length=place.length,
    )


async def _crawl(urls: Sequence[str], settings: FetchSettings, frontier: Frontier) -> None:
    """Give each link without an answer its answer; the links of a host one after another."""
    by_host: dict[str, list[int]] = {}
    for number, url in enumerate(urls):
        if number not in frontier.answers:
            by_host.setdefault(host_of(url) or "", []).append(number)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(NUM_RESOLVERS))
    free = asyncio.Semaphore(settings.max_hosts)
    async with new_session(settings) as session:
        crawler = Crawler(settings, Client(settings, session))

        async def visit(links: list[int]) -> None:
            num_failures = 0  # in a row
            async with free:
                for link in links:
                    if num_failures >= settings.max_host_failures:
                        frontier.add_failure(link, HOST_GIVEN_UP)
                        continue
                    try:
                        page = await crawler.page(urls[link])
                    except Failed as failure:
                        frontier.add_failure(link, failure.reason)
                        num_failures = num_failures + 1 if failure.is_transient else 0
                    else:
                        frontier.add_page(link, page)
                        num_failures = 0

        try:
            async with asyncio.TaskGroup() as group:
                for links in by_host.values():
                    group.create_task(visit(links))
        except ExceptionGroup as errors:  # a full disk, as a rule: the others are its echo
            raise errors.exceptions[0] from errors


class Crawler:
    """Fetches single pages, and remembers each origin's rules."""

    def __init__(self, settings: FetchSettings, client: Client) -> None:
        self._settings = settings
        self._client = client
        self._rules: dict[str, asyncio.Task[Rules]] = {}
        self._agent = product_token(settings.user_agent)

    async def page(self, asked: str) -> Page:
        """The page of an address, redirects followed; raises Failed."""
        url = asked
        for num_redirects in range(self._settings.max_redirects + 1):
            await self._check_rules(url)
            answer = await self._client.get(url, asked=asked, stop=self._stop)
            if answer.status == 200:
                return replace(answer, num_redirects=num_redirects)
            url = _redirected(answer)
        raise Failed(TOO_MANY_REDIRECTS)

    def _stop(self, status: int, headers: Mapping[str, str]) -> str | None:
        if status != 200:
            return HTTP_STATUS
        kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return WRONG_CONTENT_TYPE if kind and kind not in self._settings.content_types else None

    async def _check_rules(self, url: str) -> None:
        """Raise Failed unless the robots.txt of the address's origin allows it."""
        origin = "/".join(url.split("/", 3)[:3])
        if origin not in self._rules:
            self._rules[origin] = asyncio.create_task(self._read_rules(origin))
        rules = await self._rules[origin]
        if not rules.allow(url):
            raise Failed(ROBOTS_DENIED)

    async def _read_rules(self, origin: str) -> Rules:
        """The origin's rules; raises Failed where it cannot be asked for them."""
        try:
            answer = await self._robots_txt(origin)
        except Failed as failure:
            if failure.reason in _NO_HOST:
                raise
            raise Failed(ROBOTS_UNREACHABLE) from failure
        if answer is not None and answer.status >= 500:
            raise Failed(ROBOTS_UNREACHABLE)
        if answer is None or answer.status >= 300:
            return Rules(None, self._agent)
        rules = parse_rules(answer.body, self._agent)
        self._client.turns.ask_for(host_of(origin) or "", rules.delay)
        return rules

    async def _robots_txt(self, origin: str) -> Page | None:
        """The origin's robots.txt, wherever it is kept; None where redirects lead nowhere."""
        url = origin + "/robots.txt"
        for _ in range(MAX_ROBOTS_REDIRECTS + 1):
            answer = await self._client.get_start(url, num_bytes=MAX_ROBOTS_BYTES)
            if answer.status not in REDIRECTS:
                return answer
            try:
                url = _redirected(answer)
            except Failed:
                return None
        return None


def _redirected(answer: Page) -> str:
    """The address that a redirect leads to; raises Failed where it is none of the web."""
    location = dict((name.lower(), value) for name, value in answer.headers).get("location", "")
    try:
        # Headers are bytes; sites that send other than ASCII send UTF-8.
        target = urljoin(answer.url, location.encode("latin-1").decode("utf-8"))
    except ValueError:
        raise Failed(BAD_REDIRECT) from None
    url = canonical_url(target)
    if url is None or not location:
        raise Failed(BAD_REDIRECT)
    return url
