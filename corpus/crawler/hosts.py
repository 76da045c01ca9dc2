"""Which hosts may be asked, where they lie, and when their turn is.

Links come from strangers, so a name may lead to this machine or its network: every address that a
name resolves to is checked, and the connection goes to the very address that was checked, so a name
that changes its mind between the two gains nothing (DNS rebinding). One request at a time goes to a
host, with a pause in between that its robots.txt can lengthen; all hosts together share one
bandwidth.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in IPv6's clothes


class PrivateAddress(OSError):
    """A name or an address leads to a network that is not public."""


def is_public(address: str) -> bool:
    """Whether an IP address is of the public internet, also where it wraps another one."""
    try:
        ip = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        teredo = ip.teredo[1] if ip.teredo else None
        wrapped = ip.ipv4_mapped or ip.sixtofour or teredo
        if ip in _NAT64:
            wrapped = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if wrapped is not None:
            return is_public(str(wrapped))
    return ip.is_global and not ip.is_multicast


def is_literal(host: str) -> bool:
    """Whether the host is, or poses as, an IP address itself, which no resolver sees.

    127.1 and 2130706433 are 127.0.0.1 to some systems.
    """
    return ":" in host or host.replace(".", "").isdigit()


class GuardedResolver(AbstractResolver):
    """Resolve names, refuse those that lead to private addresses, and honour `connect_to`."""

    def __init__(self, connect_to: Mapping[str, str], *, allow_private: bool) -> None:
        """connect_to: host -> "ip:port", taken as it is, like curl's --connect-to."""
        self._connect_to = connect_to
        self._allow_private = allow_private
        self._system = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Addresses of the host; raises PrivateAddress where one of them is not public."""
        if host in self._connect_to:
            return [_fixed(host, self._connect_to[host])]
        found = await self._system.resolve(host, port, family)
        private = [result["host"] for result in found if not is_public(result["host"])]
        if private and not self._allow_private:
            raise PrivateAddress(f"{host} leads to {private[0]}")
        return found

    async def close(self) -> None:
        """End the system's resolver."""
        await self._system.close()


def _fixed(host: str, place: str) -> ResolveResult:
    address, _, port = place.rpartition(":")
    address = address.strip("[]")
    return ResolveResult(
        hostname=host,
        host=address,
        port=int(port),
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=0,
        flags=int(socket.AI_NUMERICHOST | socket.AI_NUMERICSERV),
    )


@dataclass(slots=True)
class _Turn:
    delay: float
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    ready_at: float = 0.0  # the event loop's clock


class Turns:
    """One request at a time to each host, `delay` seconds after the end of the one before."""

    def __init__(self, delay: float, *, max_delay: float) -> None:
        """delay: seconds for every host; max_delay: the most that a host can ask for."""
        self._delay = delay
        self._max_delay = max_delay
        self._turns: dict[str, _Turn] = {}

    @asynccontextmanager
    async def wait(self, host: str) -> AsyncIterator[None]:
        """Hold the host's turn, once it has come."""
        turn = self._of(host)
        loop = asyncio.get_running_loop()
        async with turn.lock:
            pause = turn.ready_at - loop.time()
            if pause > 0:
                await asyncio.sleep(pause)
            try:
                yield
            finally:
                turn.ready_at = loop.time() + turn.delay

    def ask_for(self, host: str, delay: float) -> None:
        """Lengthen the host's delay, as its robots.txt asks, up to the limit."""
        turn = self._of(host)
        turn.delay = max(turn.delay, min(delay, self._max_delay))
        turn.ready_at = max(turn.ready_at, asyncio.get_running_loop().time() + turn.delay)

    def _of(self, host: str) -> _Turn:
        return self._turns.setdefault(host, _Turn(self._delay))


class Bandwidth:
    """Bytes a second that all answers together may take; what was read is paid for by waiting."""

    def __init__(self, bytes_per_second: int) -> None:
        """bytes_per_second: 0 for no limit."""
        self._rate = bytes_per_second
        self._ready_at = 0.0  # the event loop's clock

    async def spend(self, num_bytes: int) -> None:
        """Wait until so many bytes more are within the limit."""
        if not self._rate:
            return
        now = asyncio.get_running_loop().time()
        self._ready_at = max(self._ready_at, now) + num_bytes / self._rate
        await asyncio.sleep(self._ready_at - now)
