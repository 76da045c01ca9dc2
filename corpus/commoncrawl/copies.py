"""Whole files, copied into a folder that outlives the run.

A copy that was cut, by the server or by a kill, goes on where it ended. An archive whose gzip
members do not unpack is fetched once more: equal bytes mean that it is so where it comes from.
Cost: the file's size on disk, and one reading of it (its digest, and its unpacking).
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from corpus.commoncrawl.transfer import Read, Transfer, TransferFailed

DAMAGED_TRANSFER = "damaged_transfer"  # two copies differ, and neither unpacks


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A whole file that lies here now."""

    path: str
    num_bytes: int
    sha256: str


def cache_path(cache: Path, address: str) -> Path:
    """Where the copy of a remote file lies: by scheme, host and path."""
    split = urlsplit(address)
    names = [split.netloc, *split.path.split("/")]
    if split.query:  # another file for another question
        names[-1] += "-" + hashlib.sha256(split.query.encode()).hexdigest()[:16]
    plain = [name for name in names if name not in ("", ".", "..")]
    return cache.joinpath(split.scheme or "file", *plain)


async def copy_file(transfer: Transfer, address: str, path: Path) -> Copied:
    """Copy the file, unless it is there; raises TransferFailed.

    The transfer is opened and closed here. A second writer of the same path waits for the first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path):
        record = path.with_name(path.name + ".json")
        if path.is_file() and record.is_file():
            known = json.loads(record.read_text(encoding="utf-8"))
            if known["num_bytes"] == path.stat().st_size:
                return Copied(path=str(path), **known)
        async with transfer:
            part = path.with_name(path.name + ".part")
            digest = await _sound_copy(transfer, address, part)
        known = {"num_bytes": part.stat().st_size, "sha256": digest}
        part.replace(path)
        record.write_text(json.dumps(known), encoding="utf-8")
        return Copied(path=str(path), **known)


async def _sound_copy(transfer: Transfer, address: str, part: Path) -> str:
    """Fill the part file; returns its SHA-256."""
    digest, is_sound = await _copy_once(transfer, address, part)
    if is_sound:
        return digest
    part.unlink()
    again, is_sound = await _copy_once(transfer, address, part)
    if again != digest and not is_sound:
        part.unlink()
        raise TransferFailed(DAMAGED_TRANSFER)
    return again


async def _copy_once(transfer: Transfer, address: str, part: Path) -> tuple[str, bool]:
    """Fill the part file from where it ends; returns its SHA-256 and whether it unpacks."""
    version = part.with_name(part.name + ".version")
    start = part.stat().st_size if part.is_file() and version.is_file() else 0
    conditions = json.loads(version.read_text(encoding="utf-8")) if start else {}
    start = start if conditions else 0  # of a file without a version, nothing can go on
    read = Read(address, start, None, conditions)
    with part.open("r+b" if start else "wb") as file:
        file.seek(start)

        def begin_anew() -> None:
            file.seek(0)
            file.truncate()

        def write(chunk: bytes) -> None:
            if file.tell() == 0:
                version.write_text(json.dumps(read.conditions), encoding="utf-8")
            file.write(chunk)

        await transfer.finish(read, write, begin_anew)
        file.flush()
        os.fsync(file.fileno())
    version.unlink(missing_ok=True)
    return await asyncio.to_thread(_inspect, part)


def _inspect(path: Path) -> tuple[str, bool]:
    """SHA-256 of a file, and whether its gzip members unpack; other packings are not looked at."""
    digest, decoder, is_sound = hashlib.sha256(), None, True
    with path.open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        for data in _pieces(file):
            digest.update(data)
            while data and is_gzip and is_sound:
                decoder = decoder or zlib.decompressobj(16 + zlib.MAX_WBITS)
                try:
                    decoder.decompress(data)
                except zlib.error:
                    is_sound = False
                data = decoder.unused_data.lstrip(b"\0")
                decoder = None if decoder.eof else decoder
    return digest.hexdigest(), is_sound and decoder is None


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while data := file.read(1 << 16):
        yield data


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One writer at a time; the lock goes with its process."""
    lock = path.with_name(path.name + ".lock")
    with lock.open("wb") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
