"""Archives packed in members (frames), usually one a record: gzip, zstd, lz4.

(WARC 1.1 annex D; IIPC warc-zstandard 1.0.) A member's checksum is verified before the record that
it holds alone is believed. After damage the reader goes on at the next member that unpacks to a
record.
Cost: one record's bytes in memory, and an unpacking step's (64 MiB for a bomb). Limits: of several
records in one damaged member those after the damage are lost; after damage, an archive stored
within a record may be taken for records.
"""

from __future__ import annotations

import io
from typing import IO

from corpus.errors import InputError
from corpus.warc.archives import BLANKS, RECORD_START, SCAN_BYTES, Cut, Reader, Rotten
from corpus.warc.packings import (
    GZIP,
    LZ4,
    SKIPPABLE,
    ZSTD_DICTIONARY,
    ZSTD_MAGIC,
    Codec,
    Decoder,
    read_dictionary,
    zstd_codec,
)

SALVAGE_BYTES = 16  # a step, when a member's first bytes break
PADDING_BYTES = 1 << 12  # looked at for padding; usually none
HEADER_BYTES = 18  # the longest header of a zstd frame; gzip's 10 and lz4's 19 show theirs sooner


class ChainReader(Reader):
    """A chain of members: a record's place is its member's, plus its number in the member.

    The sum is unique, and equals the member's offset in the usual archive of one record a member.
    A record may go on over members; one that begins a member is a new one.
    """

    def __init__(self, file: IO[bytes], codec: Codec) -> None:
        """Read members from the file's current position."""
        super().__init__(file)
        self._codec = codec
        self._decoder: Decoder | None = None
        self._is_sound = True  # of the member that is being read, so far
        self._is_fresh = True  # nothing of it was unpacked yet
        self._failure: Rotten | None = None  # to be raised when what came before it is used up
        self._in_record = False
        self._member = self._base
        self._ordinal = -1
        self._has_checksum = False  # the member that was opened last

    def begin(self) -> bool:
        """Go to the next record's first byte and note its place; False at the archive's end."""
        self._in_record = False
        self._skip_blanks()
        while self._at == len(self._buffer) and self._open_next():
            self._skip_blanks()
        self._ordinal += 1
        self.offset = self._member + self._ordinal
        self._in_record = self._at < len(self._buffer)
        return self._in_record

    def finish(self, *, num_newlines: int = 2) -> int:
        """End the record and return its length in the archive, 0 where it shares a member."""
        self._in_record = False
        self._check_end(num_newlines)
        self._skip_blanks()
        alone = self._ordinal == 0 and self._decoder is None and self._at == len(self._buffer)
        self.is_proven = alone and self._has_checksum
        return self._file.tell() - self.offset if alone else 0

    def recover(self) -> bool:
        """Go to the next record in a sound member, else to the next member that unpacks to one."""
        self._in_record = False
        try:
            if self._is_sound and self._scan():
                return True
        except Rotten:
            pass
        start = self._file.tell() if self._is_sound else self._member + 1
        self._decoder, self._failure, self._is_sound = None, None, True
        self._buffer, self._at = b"", 0
        return self._seek_member(start)

    def _too_short(self) -> Rotten:
        at_end = not self._file.read(1)
        if at_end:
            return super()._too_short()
        self._file.seek(-1, io.SEEK_CUR)
        return Rotten("the record is shorter than it says")

    def _next_goes_on(self) -> bool:
        begins = self._unpacked_start(self._file.tell()).lstrip(BLANKS)
        is_new = begins[:5].upper() == b"WARC/" or RECORD_START.match(begins)
        return len(begins) > 5 and not is_new

    def _unpacked_start(self, offset: int) -> bytes:
        """The first unpacked bytes of the member at this offset, b"" where there is none."""
        plain = b""
        for size in self._codec.start_bytes:
            self._file.seek(offset)
            head = self._file.read(size)
            self._file.seek(offset)
            if not head.startswith(self._codec.magic):
                return b""
            try:
                plain = self._codec.start(head)
            except self._codec.failures:
                return b""
            if plain or len(head) < size:
                break
        return plain

    def _open_next(self, *, new_record: bool = True) -> bool:
        """Begin the next member; False at the end; raises Rotten where no member begins."""
        self._skip_padding()
        at = self._file.tell()
        head = self._file.read(HEADER_BYTES)
        self._file.seek(at)
        if not head:
            return False
        if new_record:
            self._member, self._ordinal, self.offset = at, -1, at
        if not head.startswith(self._codec.magic):
            raise Rotten("no member begins here")
        self._has_checksum = self._codec.has_checksum(head)
        self._decoder, self._is_fresh, self._failure = self._codec.new(), True, None
        return True

    def _skip_padding(self) -> None:
        """Pass over NUL bytes and skippable frames between members."""
        while True:
            at = self._file.tell()
            head = self._file.read(PADDING_BYTES)
            frame = self._codec.is_framed and len(head) >= 8 and SKIPPABLE.match(head)
            if frame:
                self._file.seek(at + 8 + int.from_bytes(head[4:8], "little"))
                continue
            rest = head.lstrip(b"\0")
            self._file.seek(at + len(head) - len(rest))
            if rest or not head:
                return

    def _seek_member(self, start: int) -> bool:
        """Go to the first member at or after start that unpacks to a record; False if none."""
        magic = self._codec.magic
        while True:
            self._file.seek(start)
            block = self._file.read(SCAN_BYTES)
            at = block.find(magic)
            while at >= 0:
                if RECORD_START.match(self._unpacked_start(start + at).lstrip(BLANKS)):
                    self._file.seek(start + at)
                    return True
                at = block.find(magic, at + 1)
            if len(block) < SCAN_BYTES:
                self._file.seek(0, io.SEEK_END)
                return False
            start += len(block) - len(magic) + 1

    def _fill(self) -> bool:
        if self._decoder is None and not (self._in_record and self._next_goes_on()):
            return False
        if self._decoder is None:
            self._open_next(new_record=False)
        return self._unpack_some()

    def _unpack_some(self) -> bool:
        """Unpack one step; where it breaks, give what can be had first, and raise the next time."""
        assert self._decoder is not None
        if self._failure is not None:
            raise self._failure
        data = self._file.read(self._codec.input_bytes)
        if not data:
            self._is_sound = False
            raise Cut("the archive ends in the middle of a member")
        try:
            plain = self._decoder.decompress(data)
        except self._codec.failures as error:
            self._is_sound = False
            self._failure = Rotten(f"a member cannot be unpacked: {error}")
            plain = self._salvage(data) if self._is_fresh else b""
        self._is_fresh = False
        if self._decoder.eof:
            self._file.seek(-len(self._decoder.unused_data or b""), io.SEEK_CUR)
            self._decoder = None
        self._append(plain)
        return True

    def _salvage(self, data: bytes) -> bytes:
        """What a member's first bytes unpack to before they break: its header says what is lost."""
        decoder, pieces = self._codec.new(), []
        try:
            for at in range(0, len(data), SALVAGE_BYTES):
                pieces.append(decoder.decompress(data[at : at + SALVAGE_BYTES]))
        except self._codec.failures:
            pass
        return b"".join(pieces)


def open_reader(file: IO[bytes], path: str) -> Reader:
    """The reader for the file's packing; raises InputError for packings that are no archive's."""
    head = file.read(8)
    file.seek(0)
    if not head:
        raise InputError(f"{path}: empty; expected a WARC or ARC archive; fetch it again")
    if head[:4] == ZSTD_DICTIONARY:
        return ChainReader(file, zstd_codec(read_dictionary(file, path)))
    if head[:4] == ZSTD_MAGIC or SKIPPABLE.match(head):
        return ChainReader(file, zstd_codec(None))
    if head[:4] == LZ4.magic:
        return ChainReader(file, LZ4)
    is_plain = head[:5].upper() == b"WARC/" or head == b"filedesc"
    if head.startswith(GZIP.magic):
        return ChainReader(file, GZIP)
    if not is_plain:  # of a rotten beginning, perhaps: the name says more
        for ending, codec in ((".gz", GZIP), (".zst", zstd_codec(None)), (".lz4", LZ4)):
            if path.endswith(ending):
                return ChainReader(file, codec)
    return Reader(file)
