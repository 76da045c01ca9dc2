"""One address asked, and asked again where that may help: its answer, or the reason for none.

What throttles us (429, 503) or breaks on the way is tried again after a growing pause, whose jitter
is keyed by the address, and never before Retry-After. Redirects are answers here: who follows them
asks the hop's questions first. Bodies come as sent, with their content coding.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.connector import Connection
from yarl import URL

from corpus.crawler.archive import Page
from corpus.crawler.hosts import (
    Bandwidth,
    GuardedResolver,
    PrivateAddress,
    Turns,
    is_literal,
    is_public,
)
from corpus.errors import SetupError
from corpus.urls import host_of

if TYPE_CHECKING:
    from corpus.crawler.settings import FetchSettings

THROTTLED = "throttled"  # 429 or 503 to the last attempt, or told to wait longer than we would
TIMEOUT = "timeout"
TOO_LARGE = "too_large"
DNS_FAILURE = "dns_failure"
CONNECTION_FAILED = "connection_failed"
TLS_FAILURE = "tls_failure"
CUT_SHORT = "cut_short"  # the body ends before its announced length
BAD_RESPONSE = "bad_response"  # no HTTP
PRIVATE_ADDRESS = "private_address"

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_THROTTLES = frozenset({429, 503})
_CHUNK_BYTES = 1 << 16
_OWN_FAULTS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}  # of no host's making
KEEP_ALIVE_SECONDS = 5.0  # a connection is kept for the host's next turn
DNS_SECONDS = 300  # a name's addresses, once checked, are used; most names promise so long
MAX_HEADER_LINE_BYTES = 16_384  # twice aiohttp's limit: content security policies exceed 8 KiB

# The reason not to read the body of an answer with this status and these headers, if there is one.
Stop = Callable[[int, Mapping[str, str]], str | None]


class Failed(Exception):
    """A request came to nothing."""

    def __init__(
        self, reason: str, *, is_transient: bool = False, retry_after: float = 0.0
    ) -> None:
        """retry_after: seconds that the server asks to wait."""
        super().__init__(reason)
        self.reason = reason
        self.is_transient = is_transient
        self.retry_after = retry_after


class _Response(aiohttp.ClientResponse):
    """An answer that remembers where it came from, after its connection is given back."""

    peer: str | None = None  # IP address of the server

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        if connection.transport is not None:
            peer = connection.transport.get_extra_info("peername")
            self.peer = str(peer[0]) if peer else None
        return await super().start(connection)


def new_session(settings: FetchSettings) -> aiohttp.ClientSession:
    """A session without cookies, proxies or automatic decoding, held off private networks."""
    resolver = GuardedResolver(
        settings.connect_to, allow_private=settings.allow_private_addresses
    )
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=resolver,
            limit=0,  # Client counts them
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            ttl_dns_cache=DNS_SECONDS,
        ),
        max_line_size=MAX_HEADER_LINE_BYTES,
        max_field_size=MAX_HEADER_LINE_BYTES,
        response_class=_Response,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={
            "User-Agent": settings.signature,
            "Accept": ", ".join((*settings.content_types, "*/*;q=0.1")),
            "Accept-Language": "en;q=0.9, *;q=0.5",
            "Accept-Encoding": "gzip, deflate",
        },
        timeout=aiohttp.ClientTimeout(
            total=settings.total_seconds,
            sock_connect=settings.connect_seconds,
            sock_read=settings.read_seconds,
        ),
    )


class Client:
    """Asks for addresses, each host in its turn."""

    def __init__(self, settings: FetchSettings, session: aiohttp.ClientSession) -> None:
        """The session is the caller's to close."""
        self._settings = settings
        self._session = session
        self.turns = Turns(settings.delay_seconds, max_delay=settings.max_delay_seconds)
        self._free = asyncio.Semaphore(settings.max_connections)
        self._bandwidth = Bandwidth(settings.max_bytes_per_second)

    async def get(self, url: str, *, asked: str, stop: Stop) -> Page:
        """The answer, or the redirect, of an address; raises Failed after the last attempt."""
        return await self._attempts(url, lambda: self._exchange(url, asked=asked, stop=stop))

    async def get_start(self, url: str, *, num_bytes: int) -> Page:
        """The answer of any status, decoded, its body cut at num_bytes; raises Failed."""
        return await self._attempts(
            url,
            lambda: self._exchange(
                url, asked=url, stop=lambda status, headers: None, cut_at=num_bytes
            ),
        )

    async def _attempts(self, url: str, exchange: Callable[[], Awaitable[Page]]) -> Page:
        host = host_of(url) or ""
        attempt = 0
        while True:
            attempt += 1
            try:
                async with self.turns.wait(host), self._free:
                    return await exchange()
            except Failed as failure:
                pause = max(failure.retry_after, self._backoff(url, attempt))
                too_long = failure.retry_after > self._settings.max_backoff_seconds
                if not failure.is_transient or too_long or attempt == self._settings.max_attempts:
                    raise
            await asyncio.sleep(pause)

    def _backoff(self, url: str, attempt: int) -> float:
        """Seconds before the attempt after this one, with jitter keyed by the address."""
        key = hashlib.blake2b(f"{url}\n{attempt}".encode(), digest_size=8).digest()
        jitter = 0.5 + int.from_bytes(key) / 2**65
        pause = self._settings.backoff_seconds * 2 ** (attempt - 1)
        return min(pause, self._settings.max_backoff_seconds) * jitter

    async def _exchange(
        self, url: str, *, asked: str, stop: Stop, cut_at: int | None = None
    ) -> Page:
        """One request and its answer, every way to fail turned into Failed."""
        host = host_of(url) or ""
        if is_literal(host) and not self._settings.allow_private_addresses and not is_public(host):
            raise Failed(PRIVATE_ADDRESS)
        try:
            return await self._ask(url, asked, stop, cut_at)
        except TimeoutError as error:
            raise Failed(TIMEOUT, is_transient=True) from error
        except aiohttp.ClientConnectorDNSError as error:
            is_private = isinstance(error.os_error, PrivateAddress)
            raise Failed(PRIVATE_ADDRESS if is_private else DNS_FAILURE) from error
        except aiohttp.ClientSSLError as error:
            raise Failed(TLS_FAILURE) from error
        except aiohttp.ClientPayloadError as error:
            raise Failed(CUT_SHORT, is_transient=True) from error
        except (aiohttp.ClientConnectionError, OSError) as error:
            if getattr(error, "errno", None) in _OWN_FAULTS:
                raise SetupError(
                    f"the crawl of {host}: {error}; this machine opens no more connections: raise "
                    "`ulimit -n`, or lower fetch.max_hosts"
                ) from error
            raise Failed(CONNECTION_FAILED, is_transient=True) from error
        except (aiohttp.ClientError, ValueError) as error:
            raise Failed(BAD_RESPONSE) from error

    async def _ask(self, url: str, asked: str, stop: Stop, cut_at: int | None) -> Page:
        began = asyncio.get_running_loop().time()
        # The address is canonical already; a second opinion on its escapes would change it.
        async with self._session.get(
            URL(url, encoded=True), allow_redirects=False, auto_decompress=cut_at is not None
        ) as response:
            if response.status in _THROTTLES:
                raise Failed(THROTTLED, is_transient=True, retry_after=_retry_after(response))
            body = b""
            if response.status not in REDIRECTS or "Location" not in response.headers:
                reason = stop(response.status, response.headers)
                if reason is not None:
                    raise Failed(reason)
                body = await self._body(response, cut_at)
            return Page(
                asked=asked,
                url=url,
                status=response.status,
                status_text=response.reason or "",
                headers=_text(response.raw_headers),
                body=body,
                request_headers=tuple(response.request_info.headers.items()),
                address=getattr(response, "peer", None),
                fetched_at=datetime.now(UTC),
                seconds=asyncio.get_running_loop().time() - began,
            )

    async def _body(self, response: aiohttp.ClientResponse, cut_at: int | None) -> bytes:
        limit = self._settings.max_bytes if cut_at is None else cut_at
        if cut_at is None and (response.content_length or 0) > limit:
            raise Failed(TOO_LARGE)
        body = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            body += chunk
            await self._bandwidth.spend(len(chunk))
            if len(body) > limit:
                if cut_at is None:
                    raise Failed(TOO_LARGE)
                del body[limit:]
                break
        return bytes(body)


def _text(raw_headers: tuple[tuple[bytes, bytes], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in raw_headers)


def _retry_after(response: aiohttp.ClientResponse) -> float:
    """Seconds of Retry-After, a number or a date (RFC 9110 section 10.2.3); 0 if none."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
