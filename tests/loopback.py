"""A web of several hosts on loopback, which throttles, cuts, redirects and never ends.

`running` is a web server; `answering` sends bytes that no web server would.
"""

from __future__ import annotations

import asyncio
import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

PAGE = b"<html><title>A page</title><p>Some text of a page.</p></html>"
HUGE_BYTES = 2_000_000
BOMB_BYTES = 50_000_000  # 49 kB as gzip
HOSTS = (
    "a.test", "b.test", "deny.test", "slow.test", "broken.test", "moved.test", "busy.test",
    "bomb.test",
)  # fmt: skip


@dataclass
class Loopback:
    """The server: where it is, and who asked it for what, when."""

    port: int = 0
    requests: list[tuple[float, str, str]] = field(default_factory=list)
    user_agents: set[str] = field(default_factory=set)
    num_open: dict[str, int] = field(default_factory=dict)
    most_open: dict[str, int] = field(default_factory=dict)

    @property
    def connect_to(self) -> dict[str, str]:
        return {host: f"127.0.0.1:{self.port}" for host in HOSTS}

    def times(self, host: str) -> list[float]:
        return [at for at, asked, _ in self.requests if asked == host]

    def count(self, path: str) -> int:
        return sum(asked == path for _, _, asked in self.requests)


async def answer(loopback: Loopback, request: web.Request) -> web.StreamResponse:
    host, path = request.host.partition(":")[0], request.path_qs
    loopback.requests.append((time.monotonic(), host, path))
    loopback.user_agents.add(request.headers["User-Agent"])
    for who in (host, "all"):
        loopback.num_open[who] = loopback.num_open.get(who, 0) + 1
        loopback.most_open[who] = max(loopback.most_open.get(who, 0), loopback.num_open[who])
    try:
        await asyncio.sleep(0.002)
        if path == "/robots.txt":
            return robots(host)
        return await page(loopback, request, path)
    finally:
        for who in (host, "all"):
            loopback.num_open[who] -= 1


def robots(host: str) -> web.Response:
    rules = {
        "deny.test": "User-agent: *\nDisallow: /\nUser-agent: winnow\nDisallow: /private\n",
        "slow.test": "User-agent: *\nCrawl-delay: 0.15\n",
    }
    if host == "broken.test":
        return web.Response(status=500)
    if host == "bomb.test":
        text = b"User-agent: *\nDisallow: /private\n" + b"#" * BOMB_BYTES
        body = gzip.compress(text, compresslevel=1)
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})
    if host == "moved.test":
        raise web.HTTPFound("http://deny.test/robots.txt")
    if host in rules:
        return web.Response(text=rules[host])
    return web.Response(status=404)


MOVES = {
    "/loop": "/loop",
    "/to-b": "http://b.test/page?x=1",
    "/to-lan": "http://192.168.1.1/",
    "/to-private": "http://deny.test/private/1",
    "/to-mail": "mailto:a@b.test",
    "/hop-1": "/hop-2",
    "/hop-2": "/page",
}
HTML = {"Content-Type": "text/html"}


async def page(loopback: Loopback, request: web.Request, path: str) -> web.StreamResponse:
    if path.startswith("/busy"):
        return busy(loopback, path)
    if request.path in ("/chunked", "/endless", "/cut", "/drip"):
        return await stream(request, request.path)
    if path == "/sleep":
        await asyncio.sleep(30)
    if path == "/hang-up":
        assert request.transport is not None
        request.transport.abort()
    if path in MOVES:
        return web.Response(status=301, headers={"Location": MOVES[path]})
    if path.startswith("/left-"):  # so many redirects to go
        left = int(path.removeprefix("/left-"))
        to = f"/left-{left - 1}" if left > 1 else "/page"
        return web.Response(status=302, headers={"Location": to})
    packed = gzip.compress(PAGE, mtime=0)
    answers: dict[str, dict[str, Any]] = {
        "/gone": {"status": 404},
        "/pdf": {"body": b"%PDF", "content_type": "application/pdf"},
        "/untyped": {"body": PAGE, "headers": {"Content-Type": ""}},
        "/huge": {"body": b"x" * HUGE_BYTES, "headers": HTML},
        "/bomb": {
            "body": gzip.compress(b"x" * BOMB_BYTES) if path == "/bomb" else b"",
            "headers": {**HTML, "Content-Encoding": "gzip"},
        },
        "/gzip": {"body": packed, "headers": {**HTML, "Content-Encoding": "gzip"}},
    }
    return web.Response(**answers.get(path, {"body": PAGE, "headers": HTML}))


def busy(loopback: Loopback, path: str) -> web.Response:
    if path == "/busy-twice" and loopback.count(path) <= 2:
        return web.Response(status=503, headers={"Retry-After": "0"})
    if path == "/busy-for-a-second" and loopback.count(path) == 1:
        return web.Response(status=429, headers={"Retry-After": "1"})
    if path == "/busy-always":
        return web.Response(status=429)
    if path == "/busy-for-a-day":
        return web.Response(status=429, headers={"Retry-After": "86400"})
    return web.Response(body=PAGE, headers=HTML)


async def stream(request: web.Request, path: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/html"})
    if path == "/cut":
        response.content_length = len(PAGE) + 1_000
    else:
        response.enable_chunked_encoding()
    await response.prepare(request)
    try:
        await response.write(PAGE[:10])
        await response.write(PAGE[10:])
        while path == "/endless":
            await response.write(b"x" * 65_536)
        while path == "/drip":
            await asyncio.sleep(0.05)
            await response.write(b"x")
    except ConnectionError:
        return response
    if path == "/cut":
        assert request.transport is not None
        request.transport.close()
        return response
    await response.write_eof()
    return response


async def serve(loopback: Loopback, ready: threading.Event, stop: asyncio.Event) -> None:
    app = web.Application()

    async def handle(request: web.Request) -> web.StreamResponse:
        return await answer(loopback, request)

    app.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    loopback.port = runner.addresses[0][1]
    ready.set()
    await stop.wait()
    await runner.cleanup()


@contextmanager
def running() -> Iterator[Loopback]:
    """The server, in a thread of its own."""
    loopback, ready, loops = Loopback(), threading.Event(), []

    async def main() -> Any:
        stop = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stop))
        await serve(loopback, ready, stop)

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield loopback
    finally:
        loop, stop = loops[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


@contextmanager
def answering(
    answers: dict[str, bytes], *, address: str = "127.0.0.1", port: int = 0, drip_seconds: float = 0
) -> Iterator[Loopback]:
    """A server that sends these very bytes for a path, then hangs up; 404 for other paths.

    drip_seconds: pause between two bytes, for as long as somebody listens.
    """
    loopback, loops, ready = Loopback(), [], threading.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ", 2)[1].decode()
        loopback.requests.append((time.monotonic(), "", path))
        data = answers.get(path, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        try:
            if drip_seconds and path in answers:
                for byte in data:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(drip_seconds)
            else:
                writer.write(data)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        except ConnectionError:
            pass

    async def main() -> None:
        stop = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stop))
        server = await asyncio.start_server(handle, address, port)
        loopback.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield loopback
    finally:
        loop, stop = loops[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
