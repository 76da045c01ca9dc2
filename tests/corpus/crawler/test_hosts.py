"""Private networks are told from the public one, and hosts wait for their turn."""

from __future__ import annotations

import asyncio
import socket

import pytest

from corpus.crawler.hosts import (
    Bandwidth,
    GuardedResolver,
    PrivateAddress,
    Turns,
    is_literal,
    is_public,
)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "93.184.216.34", "2606:2800:220:1::1", "[2606:2800:220:1::1]", "::ffff:8.8.8.8",
     "64:ff9b::808:808", "2002:808:808::1"],
)
def test_addresses_of_the_internet_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
     "100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1",
     "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::",
     "ff02::1", "example.com", ""],
)
def test_all_other_addresses_are_not(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    ("host", "literal"),
    [("127.0.0.1", True), ("127.1", True), ("2130706433", True), ("[::1]", True),
     ("example.com", False), ("4.example", False)],
)
def test_what_poses_as_an_address_is_one(host, literal):
    assert is_literal(host) == literal


async def answers_of(connect_to: dict, answers: list[str], host: str, *, allow_private=False):
    resolver = GuardedResolver(connect_to, allow_private=allow_private)

    async def system(host, port=0, family=socket.AF_INET):
        return [{"hostname": host, "host": a, "port": port, "family": family} for a in answers]

    resolver._system.resolve = system
    try:
        return [(r["host"], r["port"]) for r in await resolver.resolve(host, 80)]
    finally:
        await resolver.close()


def test_a_public_name_is_resolved():
    answers = answers_of({}, ["93.184.216.34", "2606:2800:220:1::1"], "example.com")
    assert asyncio.run(answers) == [("93.184.216.34", 80), ("2606:2800:220:1::1", 80)]


def test_a_name_with_one_private_address_is_refused():
    with pytest.raises(PrivateAddress, match=r"example\.com leads to 10\.0\.0\.1"):
        asyncio.run(answers_of({}, ["93.184.216.34", "10.0.0.1"], "example.com"))


def test_private_addresses_can_be_allowed():
    answers = answers_of({}, ["10.0.0.1"], "intranet", allow_private=True)
    assert asyncio.run(answers) == [("10.0.0.1", 80)]


@pytest.mark.parametrize(
    ("place", "expected"),
    [("127.0.0.1:8080", ("127.0.0.1", 8080)), ("[::1]:8080", ("::1", 8080))],
)
def test_a_host_can_be_placed_elsewhere(place, expected):
    assert asyncio.run(answers_of({"a.test": place}, [], "a.test")) == [expected]


def test_turns_of_a_host_follow_one_another_and_hosts_do_not_wait_for_each_other():
    async def main():
        turns, log = Turns(0.02, max_delay=1.0), []
        loop = asyncio.get_running_loop()

        async def visit(host):
            async with turns.wait(host):
                log.append((host, loop.time()))
                await asyncio.sleep(0.02)

        began = loop.time()
        await asyncio.gather(visit("a"), visit("b"), visit("a"))
        return began, log

    began, log = asyncio.run(main())
    assert [host for host, _ in log] == ["a", "b", "a"]
    assert log[2][1] - began >= 0.04
    assert log[1][1] - log[0][1] < 0.02


@pytest.mark.parametrize(("rate", "least", "most"), [(0, 0.0, 0.05), (100_000, 0.1, 0.5)])
def test_bytes_are_paid_for_by_waiting(rate, least, most):
    async def main():
        bandwidth = Bandwidth(rate)
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(bandwidth.spend(1_000) for _ in range(10)))
        return asyncio.get_running_loop().time() - began

    assert least <= asyncio.run(main()) < most
