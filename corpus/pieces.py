"""A dump cut into pieces that can be read apart, where its packing allows it.

Plain lines are cut at any byte, bzip2 before any of its blocks (bzip2_blocks.py): bzip2 is the
slowest packing by far, 20 times slower than zstd, and dumps of 2011 to 2014 have it. zstd, xz and
gzip as dumps use them are one long stream, to be read from its beginning alone: those are one
piece, unpacked in a thread beside the reader (`ahead`).

A piece owns the lines that begin in it: it skips the first, unless it is the dump's beginning, and
reads on to the end of the last. So the pieces' lines are the dump's, in order, wherever it is cut.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from corpus.bzip2_blocks import block_starts, read_bits
from corpus.dumps import BREAK, CODECS, PLAIN_BYTES, open_dump, unpack

PREFETCHED_CHUNKS = 2  # of a MiB or so: enough to keep both threads busy


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a dump that one task reads."""

    path: str
    number: int = 0
    """Of the piece in its dump, from 0."""
    start: int = 0
    """Where it begins: a byte of plain lines, a bit of bzip2, else 0."""
    end: int | None = None
    """Where the next one begins; None for the dump's last piece."""


def cut(path: str, target_bytes: int) -> list[Piece]:
    """Pieces of a dump, of about so many of its bytes; raises InputError as read_chunks does."""
    with open_dump(path) as (file, packing):
        size = file.seek(0, 2)
        wanted = range(target_bytes, size - target_bytes // 2, target_bytes)
        if packing is None:
            starts = list(wanted)
        elif packing == ".bz2":
            starts = block_starts(file, size, wanted)
        else:
            starts = []
    bounds = [0, *starts, None]
    return [
        Piece(path=path, number=k, start=bounds[k] or 0, end=bounds[k + 1])
        for k in range(len(bounds) - 1)
    ]


def read_piece(piece: Piece) -> Iterator[bytes]:
    """Unpacked bytes of the lines that the piece owns, then BREAK where they break off."""
    with open_dump(piece.path) as (file, packing):
        if packing is None:
            inside, beyond = (_plain(file, a, b) for a, b in _spans(piece))
        elif packing == ".bz2" and (piece.start or piece.end is not None):
            inside, beyond = (read_bits(file, a, b) for a, b in _spans(piece))
        else:
            yield from ahead(unpack(file, CODECS[packing].new))
            return
        yield from _owned(inside, beyond if piece.end is not None else (), skip=piece.start > 0)


def _spans(piece: Piece) -> tuple[tuple[int, int | None], tuple[int, None]]:
    """From where to where the piece reads, and then reads on; the second is used where it ends."""
    return (piece.start, piece.end), (piece.end or 0, None)


def _plain(file: Any, start: int, end: int | None) -> Iterator[bytes]:
    file.seek(start)
    left = -1 if end is None else end - start
    while left and (chunk := file.read(PLAIN_BYTES if left < 0 else min(left, PLAIN_BYTES))):
        yield chunk
        left -= len(chunk) if left > 0 else 0


def _owned(inside: Iterable[bytes], beyond: Iterable[bytes], *, skip: bool) -> Iterator[bytes]:
    """The chunks after the first line feed, where one is to be skipped, to the first beyond."""
    for chunk in inside:
        if chunk is BREAK:
            yield BREAK
            return
        if skip:
            first = chunk.find(b"\n") + 1
            skip = not first
            chunk = chunk[first:] if first else b""
        if chunk:
            yield chunk
    if skip:  # all of it is the inside of one line, which an earlier piece owns
        return
    for chunk in beyond:
        end = b"" if chunk is BREAK else chunk[: chunk.find(b"\n") + 1]
        yield end or chunk
        if end or chunk is BREAK:
            return


def ahead(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same chunks, made in a thread of their own a few ahead of the reader.

    Unpacking lets go of Python's lock, as the kernels do, so that the two run side by side.
    """
    made: queue.Queue[bytes | BaseException | None] = queue.Queue(PREFETCHED_CHUNKS)
    stopped = threading.Event()

    def put(item: bytes | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                made.put(item, timeout=0.5)
                return
            except queue.Full:
                pass

    def make() -> None:
        try:
            for chunk in chunks:
                put(chunk)
                if stopped.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - raised again, in the reader
            put(error)
        put(None)

    thread = threading.Thread(target=make, name="unpack", daemon=True)
    thread.start()
    try:
        while (item := made.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join()
