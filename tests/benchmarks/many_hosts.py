"""A web of many hosts as one process on loopback, which costs a request next to nothing.

Its argument is a file of JSON lines whose key `text` is a page; it prints its port, and ends with
its standard input. Every host has the same robots.txt and the same pages, /0, /1 and so on.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

ROBOTS = b"User-agent: *\nDisallow: /private/\nDisallow: /*?sort=\nAllow: /\n"


def packed(body: bytes, kind: str) -> bytes:
    """An answer as it goes over the wire."""
    head = f"HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: {kind}; charset=utf-8\r\n"
    return f"{head}Cache-Control: no-cache\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class Answers(asyncio.Protocol):
    """One connection: each request is answered with bytes that lie ready."""

    def __init__(self, robots: bytes, pages: list[bytes]) -> None:
        self._robots = robots
        self._pages = pages
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            path = head.split(b" ", 2)[1]
            if path == b"/robots.txt":
                self._transport.write(self._robots)
            else:
                self._transport.write(self._pages[int(path[1:]) % len(self._pages)])


async def main() -> None:
    """Serve until the standard input ends."""
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    pages = [packed(json.loads(line)["text"].encode(), "text/html") for line in lines]
    robots = packed(ROBOTS, "text/plain")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answers(robots, pages), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
