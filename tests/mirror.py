"""A file server on loopback that throttles, cuts, corrupts, changes and ignores, as told."""

from __future__ import annotations

import asyncio
import hashlib
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiohttp import web


class Fault(NamedTuple):
    """What goes wrong with one request."""

    status: int = 0  # answered instead of the file
    retry_after: str | None = None
    cut: int | None = None  # bytes of the body after which the connection is closed
    corrupt: bool = False  # the middle of the body is overwritten
    ignore_range: bool = False
    wrong_start: bool = False  # of the range that is sent
    length: int = 0  # added to Content-Length
    change: bytes | None = None  # the file is another one from here on


@dataclass
class Mirror:
    """The files, and who asked for them."""

    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    always: dict[str, Fault] = field(default_factory=dict)
    with_etag: bool = True
    seconds: float = 0.0  # that an answer takes
    port: int = 0
    requests: list[tuple[str, str | None, float]] = field(default_factory=list)
    num_open: int = 0
    most_open: int = 0

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def asked(self, path: str) -> list[str | None]:
        """The ranges that were asked for."""
        return [span for name, span, _ in self.requests if name == path]


async def answer(mirror: Mirror, request: web.Request) -> web.StreamResponse:
    path = request.path.lstrip("/")
    mirror.requests.append((path, request.headers.get("Range"), time.monotonic()))
    mirror.num_open += 1
    mirror.most_open = max(mirror.most_open, mirror.num_open)
    try:
        await asyncio.sleep(mirror.seconds)
        return await file_answer(mirror, request, path)
    finally:
        mirror.num_open -= 1


async def file_answer(mirror: Mirror, request: web.Request, path: str) -> web.StreamResponse:
    waiting = mirror.faults.get(path, [])
    fault = waiting.pop(0) if waiting else mirror.always.get(path, Fault())
    if fault.change is not None:
        mirror.files[path] = fault.change
    if fault.status:
        wait = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
        return web.Response(status=fault.status, headers=wait)
    if path not in mirror.files:
        return web.Response(status=404)
    data = mirror.files[path]
    etag = '"' + hashlib.md5(data).hexdigest() + '"'
    headers = {"ETag": etag} if mirror.with_etag else {}
    if request.headers.get("If-Match", etag) != etag:
        return web.Response(status=412)
    status, body = 200, data
    span = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
    if span and not fault.ignore_range:
        start, end = int(span[1]), min(int(span[2] or len(data)) + 1, len(data))
        if start >= len(data):
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(data)}"})
        status, body = 206, data[start:end]
        start += fault.wrong_start
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
    if fault.corrupt:
        middle = len(body) // 2
        body = body[:middle] + bytes(byte ^ 0xA5 for byte in body[middle : middle + 8]) + (
            body[middle + 8 :]
        )
    return await send(request, status, headers, body, fault)


async def send(
    request: web.Request, status: int, headers: dict[str, str], body: bytes, fault: Fault
) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = len(body) + fault.length
    await response.prepare(request)
    cut = len(body) if fault.cut is None else fault.cut
    try:
        await response.write(body[:cut])
    except ConnectionError:
        return response
    if fault.cut is not None or fault.length:
        await asyncio.sleep(0.02)  # what was written arrives before the end does
        assert request.transport is not None
        request.transport.close()
        return response
    await response.write_eof()
    return response


@contextmanager
def mirroring(**settings: Any) -> Iterator[Mirror]:
    """The server, in a thread of its own."""
    mirror, ready, loops = Mirror(**settings), threading.Event(), []

    async def serve() -> None:
        app = web.Application()

        async def handle(request: web.Request) -> web.StreamResponse:
            return await answer(mirror, request)

        app.router.add_get("/{path:.*}", handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        mirror.port = runner.addresses[0][1]
        stop = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stop))
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield mirror
    finally:
        loop, stop = loops[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
