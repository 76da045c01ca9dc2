"""Where bytes are had from: https, S3, and folders of this machine.

Each answers one question, "the bytes of this address from here to there, if the file is still the
same", as HTTP would: status, headers in lower case, and a body in chunks. Whatever breaks on the
way is Broken, with a reason. Judging the answer is transfer.py's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiohttp
from yarl import URL

from corpus.commoncrawl.settings import CommonCrawlSettings
from corpus.errors import SetupError

TIMEOUT = "timeout"
CONNECTION_FAILED = "connection_failed"
CUT_SHORT = "cut_short"  # the body ends before its announced length
BAD_RESPONSE = "bad_response"  # no HTTP, or not the range that was asked for

CHUNK_BYTES = 1 << 18


class Broken(Exception):
    """The connection, or the answer, broke."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        """retry_after: seconds that the server asks to wait."""
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers by their lower-case names, and the body."""

    status: int
    headers: Mapping[str, str]
    body: AsyncIterator[bytes]


class Origin(Protocol):
    """Something that files can be read from."""

    def get(
        self, address: str, span: str | None, conditions: Mapping[str, str]
    ) -> AbstractAsyncContextManager[Answer]:
        """Ask for a file, or the `Range` of it, under conditions (If-Match); raises Broken."""


class Origins:
    """The origin of each address, opened when first asked for and closed together."""

    def __init__(self, settings: CommonCrawlSettings, *, connections: int) -> None:
        self._settings = settings
        self._connections = connections
        self._stack = AsyncExitStack()
        self._opened: dict[str, Origin] = {}

    async def __aenter__(self) -> Origins:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    async def of(self, address: str) -> Origin:
        """The origin that knows the address."""
        scheme = address.partition("://")[0] if "://" in address else "file"
        name = "http" if scheme in ("http", "https") else scheme
        if name not in self._opened:
            self._opened[name] = await self._open(name)
        return self._opened[name]

    async def _open(self, name: str) -> Origin:
        if name == "http":
            session = _http_session(self._settings, self._connections)
            return HttpOrigin(await self._stack.enter_async_context(session))
        if name == "s3":
            client = _s3_client(self._settings, self._connections)
            return S3Origin(await self._stack.enter_async_context(client))
        return FolderOrigin()


def _http_session(settings: CommonCrawlSettings, connections: int) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        auto_decompress=False,
        headers={"User-Agent": settings.user_agent, "Accept-Encoding": "identity"},
        timeout=aiohttp.ClientTimeout(
            total=None, sock_connect=settings.connect_seconds, sock_read=settings.read_seconds
        ),
    )


class HttpOrigin:
    """http:// and https://."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @asynccontextmanager
    async def get(
        self, address: str, span: str | None, conditions: Mapping[str, str]
    ) -> AsyncIterator[Answer]:
        """Ask; raises Broken."""
        headers = dict(conditions) if span is None else {**conditions, "Range": span}
        with _broken_http():
            async with self._session.get(URL(address, encoded=True), headers=headers) as response:
                lower = {name.lower(): value for name, value in response.headers.items()}
                yield Answer(response.status, lower, response.content.iter_chunked(CHUNK_BYTES))


class _broken_http:
    """Turn aiohttp's errors into Broken."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, TimeoutError):
            raise Broken(TIMEOUT) from error
        if isinstance(error, aiohttp.ClientPayloadError):
            raise Broken(CUT_SHORT) from error
        if isinstance(error, (aiohttp.ClientConnectionError, ConnectionError)):
            raise Broken(CONNECTION_FAILED) from error
        if isinstance(error, aiohttp.ClientError):
            raise Broken(BAD_RESPONSE) from error


def _s3_client(settings: CommonCrawlSettings, connections: int) -> Any:
    try:
        from aiobotocore.config import AioConfig
        from aiobotocore.session import get_session
        from botocore import UNSIGNED
    except ImportError as error:
        raise SetupError(
            f"commoncrawl: s3:// needs a library that is missing ({error.name}); run "
            "`pip install 'winnow[s3]'`, or take an https:// address"
        ) from error
    config = AioConfig(
        max_pool_connections=connections,
        connect_timeout=settings.connect_seconds,
        read_timeout=settings.read_seconds,
        retries={"total_max_attempts": 1},  # transfer.py asks again, and counts it
        response_checksum_validation="when_required",
        signature_version=UNSIGNED if settings.s3_anonymous else None,
    )
    return get_session().create_client(
        "s3", endpoint_url=settings.s3_endpoint or None, config=config
    )


class S3Origin:
    """s3://bucket/key."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @asynccontextmanager
    async def get(
        self, address: str, span: str | None, conditions: Mapping[str, str]
    ) -> AsyncIterator[Answer]:
        """Ask; raises Broken, and SetupError where there are no credentials."""
        from botocore.exceptions import ClientError

        bucket, _, key = address.removeprefix("s3://").partition("/")
        asked = {"Bucket": bucket, "Key": key} | ({} if span is None else {"Range": span})
        if "If-Match" in conditions:
            asked["IfMatch"] = conditions["If-Match"]
        with _broken_s3():
            try:
                answer = await self._client.get_object(**asked)
            except ClientError as error:
                answer = error.response
            about = answer["ResponseMetadata"]
            status, headers = about["HTTPStatusCode"], about.get("HTTPHeaders", {})
            if "Body" not in answer:
                yield Answer(status, headers, _no_body())
                return
            async with answer["Body"] as body:
                yield Answer(status, headers, _chunks(body))


async def _chunks(body: Any) -> AsyncIterator[bytes]:
    while chunk := await body.read(CHUNK_BYTES):
        yield chunk


async def _no_body() -> AsyncIterator[bytes]:
    return
    yield b""


class _broken_s3:
    """Turn botocore's errors, and those of aiohttp below it, into Broken."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None or isinstance(error, GeneratorExit):
            return
        from botocore import exceptions

        if isinstance(error, exceptions.NoCredentialsError):
            raise SetupError(
                "commoncrawl: s3:// was asked without credentials; expected AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or a profile; set commoncrawl.s3_anonymous=true where the "
                "bucket is open, or take the https:// address"
            ) from error
        timeouts = (exceptions.ConnectTimeoutError, exceptions.ReadTimeoutError, TimeoutError)
        if isinstance(error, timeouts):
            raise Broken(TIMEOUT) from error
        cuts = (exceptions.IncompleteReadError, aiohttp.ClientPayloadError)
        if isinstance(error, (*cuts, exceptions.ResponseStreamingError)):
            raise Broken(CUT_SHORT) from error
        trouble = (exceptions.HTTPClientError, exceptions.ConnectionError)
        if isinstance(error, (*trouble, aiohttp.ClientError, ConnectionError)):
            raise Broken(CONNECTION_FAILED) from error


class FolderOrigin:
    """A file of this machine: a mirror on a shared disk, for one."""

    @asynccontextmanager
    async def get(
        self, address: str, span: str | None, conditions: Mapping[str, str]
    ) -> AsyncIterator[Answer]:
        """Read; the path may begin with file://."""
        path = Path(address.removeprefix("file://"))
        if not path.is_file():
            yield Answer(404, {}, _no_body())
            return
        size = path.stat().st_size
        if span is None:
            yield Answer(200, {"content-length": str(size)}, _read(path, 0, size))
            return
        first, _, last = span.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or size), size - 1)
        if start >= size:
            yield Answer(416, {"content-range": f"bytes */{size}"}, _no_body())
            return
        where = f"bytes {start}-{end}/{size}"
        yield Answer(206, {"content-range": where}, _read(path, start, end + 1))


async def _read(path: Path, start: int, end: int) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while start < end:
            chunk = await asyncio.to_thread(file.read, min(CHUNK_BYTES, end - start))
            if not chunk:
                return
            start += len(chunk)
            yield chunk
