"""The bytes of an archive as one stream of records that survives damage.

A reader gives the bytes of one record after another and knows where each began. After damage it
goes on at the next place that reads as a record, so that a damaged record costs itself alone. This
file reads plain bytes, where that place is the next line that begins a record; members.py reads
packed ones.
Cost: one record's bytes in memory at most. Limit: two neighbours whose beginnings are both
unreadable count as one damage, since nothing tells where the second began.
"""

from __future__ import annotations

import re
from typing import IO

RECORD_START = re.compile(  # a WARC record's first line and field, or an ARC record's only line
    rb"^(?:(?i:WARC)/[01]\.\d+[ \t]*\r?\n(?=[\w-]+[ \t]*:)"
    rb"|[A-Za-z][\w+.-]*:[^\r\n]{0,2048} [0-9A-Fa-f.:-]+ \d{8,20} [^\r\n]{0,256} -?\w+\r?\n)",
    re.MULTILINE,  # tried where a line begins: at each byte it is quadratic on one long word
)
START_BYTES = 8_192  # unpacked to look for RECORD_START; an ARC line holds an URL, 2 KiB as a rule
MAX_LINE_BYTES = 1 << 20  # of a header; longer is not a header but damage
SCAN_BYTES = 1 << 20  # read at a time when looking for the next record
BLANKS = b"\r\n"
_BLANK = re.compile(rb"[\r\n]*")


class Rotten(Exception):
    """Bytes that cannot be read as what should stand here."""


class Cut(Rotten):
    """The archive ends in the middle of a record."""


class Reader:
    """Plain bytes: a record's place is its offset in the file."""

    def __init__(self, file: IO[bytes]) -> None:
        """Read from the file's current position."""
        self._file = file
        self._buffer = b""
        self._at = 0
        self._base = file.tell()  # offset of the buffer's first byte
        self.offset = self._base  # of the record that is being read
        self.is_proven = False  # whether a checksum of the packing has shown the last record sound

    def begin(self) -> bool:
        """Go to the next record's first byte and note its place; False at the archive's end."""
        self._skip_blanks()
        self.offset = self._base + self._at
        return bool(self.peek(1))

    def finish(self, *, num_newlines: int = 2) -> int:
        """End the record and return its length in the archive, 0 where it has none of its own.

        num_newlines: that end a record of this format, whatever follows: 2 in WARC, 1 in ARC. With
        fewer, as some tools write them, a record or the end must follow; raises Rotten if not.
        """
        self._check_end(num_newlines)
        self._skip_blanks()
        return self._base + self._at - self.offset

    def recover(self) -> bool:
        """Go to the next place after the record's start that reads as a record; False if none."""
        self._file.seek(self.offset)
        self._buffer, self._at, self._base = b"", 0, self.offset
        return self._scan()

    def peek(self, num: int) -> bytes:
        """Up to num of the bytes ahead, without taking them; those before damage, if any."""
        try:
            return self._ahead(num)
        except Rotten:
            if self._at == len(self._buffer):
                raise
            return self._buffer[self._at : self._at + num]

    def read(self, num: int) -> bytes:
        """Exactly num bytes; raises Cut at the end."""
        pieces = []
        while num > 0:
            piece = self._buffer[self._at : self._at + num]
            self._at += len(piece)
            num -= len(piece)
            pieces.append(piece)
            if num > 0 and not self._fill():
                raise self._too_short()
        return b"".join(pieces)

    def skip(self, num: int) -> None:
        """Pass over num bytes; raises Cut at the end."""
        while True:
            step = min(num, len(self._buffer) - self._at)
            self._at += step
            num -= step
            if num == 0:
                return
            if not self._fill():
                raise self._too_short()

    def header(self) -> bytes:
        """Lines up to and with the first blank one; raises Rotten where there is none in sight."""
        size = 256
        while True:
            ahead = self.peek(size)
            found = re.search(rb"\r?\n\r?\n", ahead)
            if found:
                return self.read(found.end())
            if len(ahead) < size:
                self.read(len(ahead) + 1)
            if size >= MAX_LINE_BYTES:
                raise Rotten("a record's header has no end")
            size *= 4

    def line(self) -> bytes:
        """One line with its end; raises Rotten where there is none in sight."""
        size = 512
        while True:
            ahead = self.peek(size)
            end = ahead.find(b"\n")
            if end >= 0:
                return self.read(end + 1)
            if len(ahead) < size:
                self.read(len(ahead) + 1)
            if size >= MAX_LINE_BYTES:
                raise Rotten("a line has no end")
            size *= 4

    def _ahead(self, num: int) -> bytes:
        while len(self._buffer) - self._at < num and self._fill():
            pass
        return self._buffer[self._at : self._at + num]

    def _check_end(self, num_newlines: int) -> None:
        after = self._ahead(START_BYTES)
        num_blank = len(after) - len(after.lstrip(BLANKS))
        is_end = num_blank == len(after) or after[:num_blank].count(b"\n") >= num_newlines
        if not (is_end or RECORD_START.match(after, num_blank)):
            raise Rotten("the record does not end where it says")

    def _skip_blanks(self) -> None:
        while self.peek(1):
            found = _BLANK.match(self._buffer, self._at)
            if found is None or found.end() == self._at:
                return
            self._at = found.end()

    def _too_short(self) -> Rotten:
        return Cut("the archive ends in the middle of a record")

    def _scan(self) -> bool:
        """Go to the next later line in the stream that begins a record; False if none."""
        while True:
            ahead = self._ahead(SCAN_BYTES)
            found = RECORD_START.search(ahead, 1)
            if found:
                self._at += found.start()
                return True
            if len(ahead) < SCAN_BYTES:
                self._at += len(ahead)
                return False
            self._at += SCAN_BYTES - START_BYTES

    def _fill(self) -> bool:
        return self._append(self._file.read(1 << 18))

    def _append(self, data: bytes) -> bool:
        if self._at:
            self._base += self._at
            self._buffer = self._buffer[self._at :] + data
            self._at = 0
        else:
            self._buffer += data
        return bool(data)
