"""Members of one archive that were fetched by range, kept for the next attempt.

A file beside where the whole archive would lie: for each member a line "offset length" and its
bytes, appended as they come, so that a killed task loses one member at most. What is read back is
verified like what comes over the wire.
"""

from __future__ import annotations

import os
from pathlib import Path


class Spool:
    """The members of one archive, by offset and length."""

    def __init__(self, path: Path) -> None:
        """Open the file, made where it is not there; a last member that was cut is taken off."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b")
        self._places: dict[tuple[int, int], int] = {}
        self._file.seek(0)
        end = size = os.fstat(self._file.fileno()).st_size
        while (line := self._file.readline(64)).endswith(b"\n"):
            offset, length = map(int, line.split())
            at = self._file.tell()
            if at + length > size:
                break
            self._places[offset, length] = at
            self._file.seek(length, os.SEEK_CUR)
        if self._places:
            (_, length), at = max(self._places.items(), key=lambda item: item[1])
            end = at + length
        else:
            end = 0
        self._file.truncate(end)

    def get(self, offset: int, length: int) -> bytes | None:
        """The member, or None where it is not there."""
        at = self._places.get((offset, length))
        if at is None:
            return None
        self._file.seek(at)
        return self._file.read(length)

    def put(self, offset: int, data: bytes) -> None:
        """Keep a member."""
        self._file.seek(0, os.SEEK_END)
        self._file.write(b"%d %d\n" % (offset, len(data)))
        self._file.flush()
        self._places[offset, len(data)] = self._file.tell()
        self._file.write(data)
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
