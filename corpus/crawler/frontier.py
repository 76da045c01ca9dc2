"""Which links of a crawl have their answer: a record on disk that outlives the crawler.

Answers arrive in any order. A page's records are appended to a spool, then its line to a journal;
whoever opens the same folder for the same links goes on behind the last line whose page is whole,
so that a crawl that was killed asks no server twice. At the end the members are joined in the order
of the links (a chain of members is a gzip file, RFC 1952 section 2.2).
A line reaches the system before the next page is waited for, so it outlives the process; what a
machine's fall loses is shown by the members' checksums, and asked again.
Cost: one page in memory, and the crawl's size on disk twice while the archive is written.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import msgspec

from corpus.crawler.archive import Page, pack, pack_about
from corpus.storage import Store

SPOOL = "pages.warc.gz"
JOURNAL = "answers.jsonl"


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a link: a reason, or its page and the place of its records in the spool."""

    link: int  # its number among the crawl's
    reason: str | None = None
    record_id: str | None = None
    final_url: str | None = None
    start: int = 0  # bytes into the spool, of the page's first record
    num_bytes: int = 0  # of all its records
    offset: int = 0  # from start to the response record
    length: int = 0  # of the response record


class _Header(msgspec.Struct, frozen=True):
    key: str


class Place(msgspec.Struct, frozen=True):
    """Where a response record lies in the finished archive, in bytes."""

    offset: int
    length: int


class Frontier:
    """The answers so far; one process at a time has the folder, the next one waits for it."""

    def __init__(self, folder: Path, *, key: str) -> None:
        """key: what the answers depend on besides the server; those of another key are dropped."""
        folder.mkdir(parents=True, exist_ok=True)
        self._journal = (folder / JOURNAL).open("a+b")
        fcntl.flock(self._journal, fcntl.LOCK_EX)
        self._spool = (folder / SPOOL).open("a+b")
        self._spooled = 0  # bytes of the spool that the journal speaks of
        self.answers: dict[int, Answer] = {}
        self._resume(key)

    def __enter__(self) -> Frontier:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._spool.close()
        self._journal.close()

    def add_page(self, link: int, page: Page) -> None:
        """Keep the link's page."""
        packed = pack(page)
        self._spool.write(packed.members)
        self._spool.flush()
        self._add(
            Answer(
                link=link,
                record_id=packed.record_id,
                final_url=page.url,
                start=self._spooled,
                num_bytes=len(packed.members),
                offset=packed.offset,
                length=packed.length,
            )
        )

    def add_failure(self, link: int, reason: str) -> None:
        """Keep why the link has no page."""
        self._add(Answer(link=link, reason=reason))

    def write_archive(self, path: Path, about: Mapping[str, str]) -> dict[int, Place]:
        """Write the archive, warcinfo first, and return where each link's response lies."""
        places: dict[int, Place] = {}
        with path.open("wb") as file:
            file.write(pack_about(path.name, about))
            for link, answer in sorted(self.answers.items()):
                if answer.reason is None:
                    places[link] = Place(file.tell() + answer.offset, answer.length)
                    file.write(self._members(answer))
        return places

    def _add(self, answer: Answer) -> None:
        self._journal.write(msgspec.json.encode(answer) + b"\n")
        self._journal.flush()
        self.answers[answer.link] = answer
        self._spooled += answer.num_bytes

    def _members(self, answer: Answer) -> bytes:
        self._spool.seek(answer.start)
        return self._spool.read(answer.num_bytes)

    def _resume(self, key: str) -> None:
        """Take over the answers that are whole, and cut off what follows them."""
        self._journal.seek(0)
        header = msgspec.json.encode(_Header(key)) + b"\n"
        kept = 0
        if self._journal.readline() == header:
            kept = len(header)
            for line in self._journal:
                answer = self._whole_answer(line)
                if answer is None:
                    break
                self.answers[answer.link] = answer
                kept += len(line)
                self._spooled += answer.num_bytes
        self._journal.truncate(kept)
        self._spool.truncate(self._spooled)
        if not kept:
            self._journal.write(header)
            self._journal.flush()

    def _whole_answer(self, line: bytes) -> Answer | None:
        if not line.endswith(b"\n"):
            return None
        try:
            answer = msgspec.json.decode(line, type=Answer)
        except msgspec.DecodeError:
            return None
        if answer.reason is not None:
            return answer
        return answer if answer.start == self._spooled and self._is_sound(answer) else None

    def _is_sound(self, answer: Answer) -> bool:
        """Whether the page's members are all there, with their checksums."""
        data = self._members(answer)
        if not data or len(data) < answer.num_bytes:
            return False
        while data:
            member = zlib.decompressobj(16 + zlib.MAX_WBITS)
            try:
                member.decompress(data)
            except zlib.error:
                return False
            if not member.eof:
                return False
            data = member.unused_data
        return True


def frontier_folder(store: Store, part: int) -> Path:
    """The frontier of a part of the crawl: at the root, or on this machine for a root elsewhere."""
    return _frontiers(store) / f"{part:05d}"


def forget_frontiers(store: Store) -> None:
    """Remove the frontiers of a crawl whose every part is published."""
    shutil.rmtree(_frontiers(store), ignore_errors=True)


def crawl_key(urls: Sequence[str], settings: msgspec.Struct) -> str:
    """The key of a frontier for these links and settings."""
    return hashlib.sha256(msgspec.json.encode([list(urls), settings])).hexdigest()


def _frontiers(store: Store) -> Path:
    if store.is_local:
        return store.local("_stages", "fetch", "frontier")
    name = hashlib.sha256(store.root.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"winnow-frontier-{name}"
